"""Templates, options templates and what becomes of them: RFC 7011 sections 3.2, 3.4 and 8, RFC 3954 sections 5, 6, 9.

Each test is one item of the conformance list, `C_NNN`, and is put to the kernels and to the specification.
"""

from __future__ import annotations

from typing import Any

import pytest

from flowparse import DecodeError, Limits
from tests.build import (
    IPFIX_OPTIONS,
    IPFIX_TEMPLATES,
    V9_OPTIONS,
    V9_TEMPLATES,
    VARIABLE,
    ipfix,
    netflow9,
    options_template_record,
    options_template_record9,
    set_,
    template_record,
    uint,
    var,
    withdrawal,
)
from tests.spec.test_sets import PAIR, TEMPLATES, TEMPLATES9, A, codes, data, fed, make, octets
from tests.subjects import Subject

__all__ = ["make"]

rfc7011 = pytest.mark.rfc("RFC 7011", "3.4 and 8")
pytestmark = rfc7011
TURNED = template_record(256, [(2, 4), (1, 4)])


def ids(subject: Subject) -> list[int]:
    return [template.id for template in subject.templates()]


def of(*records: bytes) -> bytes:
    """A Set of Template Records."""
    return set_(IPFIX_TEMPLATES, *records)


def rejected(subject: Subject) -> list[tuple[str, int | None]]:
    return [(event.code, event.offset) for event in subject.events() if "rejected" in event.code]


# ── C. templates and field specifiers ────────────────────────────────────────────────────────────────────────────────


def test_C_025_C_027_every_id_from_256_in_any_order(make: Any) -> None:
    wanted = [300, 256, 65535, 40000, 257]
    subject = fed(make, ipfix(of(*(template_record(id, [(1, 4), (2, 4)]) for id in wanted))))
    assert ids(subject) == sorted(wanted)
    subject.feed(ipfix(*(data(id, id=id) for id in wanted)), A)
    assert sorted(octets(subject)) == sorted(wanted)


@pytest.mark.parametrize("id", [0, 1, 2, 3, 4, 255])
def test_C_026_ids_below_256_end_their_set(make: Any, id: int) -> None:
    good, behind = template_record(300, [(1, 4), (2, 4)]), template_record(301, [(1, 4)])
    message = ipfix(of(good, template_record(id, [(1, 4)]), behind), TEMPLATES, data(1))
    subject = fed(make, message)
    assert (rejected(subject), octets(subject), ids(subject)) == ([("template_rejected", 32)], [1], [256])
    kept = fed(make, message, malformed="salvage")
    assert (octets(kept), ids(kept)) == ([1], [256, 300])
    with pytest.raises(DecodeError):
        fed(make, message, strict=True)


def test_C_028_C_029_the_enterprise_bit_says_whose_the_element_is(make: Any) -> None:
    subject = fed(make, ipfix(of(template_record(256, [(1, 4), (1, 4, 9)]))))
    (template,) = subject.templates()
    assert [field[:2] for field in template.fields] == [(0, 1), (9, 1)]


def test_C_030_enterprise_0_is_accepted(make: Any) -> None:
    subject = fed(make, ipfix(of(template_record(256, [(1, 4), (2, 4, 0)])), data(5)))
    assert octets(subject) == [5]


def test_C_031_element_0_is_unknown_and_skipped(make: Any) -> None:
    subject = fed(make, ipfix(of(template_record(256, [(0, 4), (1, 4)])), set_(256, uint(9, 4), uint(5, 4))))
    assert octets(subject) == [5]


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 5, 6, 7])
def test_C_032_C_034_a_template_cut_in_a_specifier_is_not_stored(make: Any, cut: int) -> None:
    record = template_record(300, [(1, 4), (7, 4, 9)])
    message = ipfix(of(PAIR, record[:-cut]), data(1))
    subject = fed(make, message, replay=False)
    assert (rejected(subject), ids(subject)) == ([("template_rejected", 32)], [])
    kept = fed(make, message, malformed="salvage")
    assert (octets(kept), ids(kept)) == ([1], [256])
    with pytest.raises(DecodeError):
        fed(make, message, strict=True)


@pytest.mark.parametrize("version", [9, 10])
def test_C_033_nothing_is_made_by_a_claimed_count(make: Any, version: int) -> None:
    claim = template_record(300, [(1, 4)], count=65535)
    message = ipfix(of(claim), TEMPLATES, data(1)) if version == 10 else netflow9(
        set_(V9_TEMPLATES, claim), TEMPLATES9, data(1)
    )  # fmt: skip
    subject = fed(make, message)
    assert (len(rejected(subject)), octets(subject)) == (1, [1])


def test_C_035_repeated_elements_keep_all_values_in_order(make: Any) -> None:
    twice = of(template_record(256, [(8, 4), (1, 4), (8, 4), (1, 8)]))
    (row,) = fed(make, ipfix(twice, set_(256, uint(1, 4), uint(2, 4), uint(3, 4), uint(4, 8)))).rows()
    assert [row.octets[name] for name in ("sourceIPv4Address", "sourceIPv4Address_2")] == [uint(1, 4), uint(3, 4)]
    assert [row.values[name] for name in ("octetDeltaCount", "octetDeltaCount_2")] == [2, 4]


def test_C_036_a_field_of_no_octets_is_empty(make: Any) -> None:
    (row,) = fed(make, ipfix(of(template_record(256, [(8, 0), (1, 4)])), set_(256, uint(5, 4)))).rows()
    assert (row.values["octetDeltaCount"], row.octets["sourceIPv4Address"]) == (5, b"")


@pytest.mark.parametrize("version", [9, 10])
def test_C_037_records_of_no_octets_are_refused(make: Any, version: int) -> None:
    empty = template_record(300, [(1, 0), (2, 0)])
    message = ipfix(of(empty, PAIR), data(1)) if version == 10 else netflow9(
        set_(V9_TEMPLATES, empty, PAIR), data(1)
    )  # fmt: skip
    subject = fed(make, message)
    assert (len(rejected(subject)), ids(subject), octets(subject)) == (1, [256], [1])


def test_C_038_C_039_records_that_no_message_holds_are_refused(make: Any) -> None:
    big = template_record(300, [(1, 4), (210, 65512)])
    fits = template_record(301, [(1, 4), (210, 65511)])
    subject = fed(make, ipfix(of(big, fits, PAIR), data(1)))
    assert (len(rejected(subject)), ids(subject), octets(subject)) == (1, [256, 301], [1])


def test_C_040_what_nobody_knows_is_named_by_its_number(make: Any) -> None:
    subject = fed(make, ipfix(of(template_record(256, [(1, 4), (32767, 4), (1, 4, 4294967290)])), set_(256, bytes(12))))
    (row,) = subject.rows()
    assert {"ie_0_32767", "ie_4294967290_1"} <= row.octets.keys()


# ── D. options templates and scopes ──────────────────────────────────────────────────────────────────────────────────


def options(*args: Any, **kwargs: Any) -> bytes:
    return set_(IPFIX_OPTIONS, options_template_record(*args, **kwargs))


def test_C_041_scopes_come_first_and_records_are_options(make: Any) -> None:
    subject = fed(make, ipfix(options(257, [(149, 4)], [(41, 8)]), set_(257, uint(7, 4), uint(8, 8))))
    (template,) = subject.templates()
    assert (template.is_options, [field[3] for field in template.fields]) == (True, [True, False])
    (row,) = subject.rows()
    assert row.is_options
    assert (row.values["observationDomainId"], row.values["exportedMessageTotalCount"]) == (7, 8)


def test_C_042_no_scope_is_accepted_but_not_by_the_strict(make: Any) -> None:
    message = ipfix(options(257, [], [(41, 8)]), set_(257, uint(8, 8)))
    subject = fed(make, message)
    assert (len(subject.rows()), "value_out_of_range" in codes(subject)) == (1, True)
    with pytest.raises(DecodeError):
        fed(make, message, strict=True)


def test_C_043_more_scopes_than_fields_is_refused(make: Any) -> None:
    subject = fed(make, ipfix(options(257, [(149, 4)], [(41, 8)], scope_count=3), TEMPLATES, data(1)))
    assert (len(rejected(subject)), ids(subject), octets(subject)) == (1, [256], [1])


def test_C_044_C_046_all_fields_may_be_scopes(make: Any) -> None:
    subject = fed(make, ipfix(options(257, [(346, 4), (303, 2)], []), set_(257, uint(9, 4), uint(5, 2))))
    (row,) = subject.rows()
    assert (row.values["privateEnterpriseNumber"], row.values["informationElementId"]) == (9, 5)


def test_C_047_a_scope_may_be_of_an_enterprise(make: Any) -> None:
    subject = fed(make, ipfix(options(257, [(1, 4, 9)], [(41, 8)])))
    (template,) = subject.templates()
    assert template.fields[0] == (9, 1, 4, True)


def test_C_048_data_and_options_share_their_ids(make: Any) -> None:
    subject = fed(make, ipfix(TEMPLATES, data(1)), ipfix(options(256, [(149, 4)], [(41, 4)]), data(2), sequence=1))
    assert [(row.is_options, row.values["message_index"]) for row in subject.rows()] == [(False, 0), (True, 1)]
    assert [template.is_options for template in subject.templates()] == [True]
    assert "template_changed" in codes(subject)


def test_C_049_a_scope_may_have_variable_length(make: Any) -> None:
    subject = fed(make, ipfix(options(257, [(82, VARIABLE)], [(41, 4)]), set_(257, var(b"eth0"), uint(3, 4))))
    (row,) = subject.rows()
    assert (row.octets["interfaceName"], row.values["exportedMessageTotalCount"]) == (b"eth0", 3)


def test_v9_numbers_scopes_apart(make: Any) -> None:
    record = options_template_record9(257, [(1, 4), (2, 2)], [(34, 4)])
    subject = fed(make, netflow9(set_(V9_OPTIONS, record), set_(257, uint(1, 4), uint(2, 2), uint(100, 4))))
    (row,) = subject.rows()
    assert (row.octets["scopeSystem"], row.values["scopeInterface"], row.values["samplingInterval"]) == (
        uint(1, 4),
        2,
        100,
    )


@pytest.mark.parametrize(("scope_octets", "option_octets"), [(9, 4), (4, 5), (2, 2)])
def test_v9_lengths_of_options_are_of_whole_specifiers(make: Any, scope_octets: int, option_octets: int) -> None:
    record = options_template_record9(257, [(1, 4)], [(34, 4)], scope_octets=scope_octets, option_octets=option_octets)
    subject = fed(make, netflow9(set_(V9_OPTIONS, record), TEMPLATES9, data(1)))
    assert (len(rejected(subject)), ids(subject), octets(subject)) == (1, [256], [1])


def test_several_options_templates_in_a_set_and_odd_padding(make: Any) -> None:
    records = [options_template_record9(id, [(1, 4)], [(34, 4)]) for id in (257, 258, 259)]
    subject = fed(make, netflow9(set_(V9_OPTIONS, *records, padding=2)))
    assert ids(subject) == [257, 258, 259]


# ── J. template management ───────────────────────────────────────────────────────────────────────────────────────────


def test_C_100_a_new_definition_replaces_from_where_it_stands(make: Any) -> None:
    subject = fed(make, ipfix(TEMPLATES, data(1), of(TURNED), data(2)))
    assert octets(subject) == [1, 0]
    assert codes(subject) == ["template_defined", "template_changed"]


def test_C_101_the_same_definition_again_is_no_event(make: Any) -> None:
    subject = fed(make, ipfix(TEMPLATES, data(1)), ipfix(TEMPLATES, data(2), sequence=1))
    assert (octets(subject), codes(subject)) == ([1, 2], ["template_defined"])


@pytest.mark.parametrize("transport", ["tcp", "sctp", "file"])
def test_C_103_over_a_connection_too_the_new_one_replaces(make: Any, transport: str) -> None:
    subject = fed(make, ipfix(TEMPLATES, data(1), of(TURNED), data(2)), transport=transport)
    assert (octets(subject), codes(subject)) == ([1, 0], ["template_defined", "template_changed"])


def test_C_104_over_udp_nothing_is_withdrawn(make: Any) -> None:
    subject = fed(make, ipfix(TEMPLATES, of(withdrawal(256)), of(withdrawal(2)), data(1)))
    assert octets(subject) == [1]
    assert [(event.code, event.template_id) for event in subject.events()][1:] == [
        ("template_rejected", 256),
        ("template_rejected", 2),
    ]


def test_C_105_a_withdrawn_template_decodes_nothing(make: Any) -> None:
    subject = fed(make, ipfix(TEMPLATES, of(withdrawal(256)), data(1)), transport="tcp", replay=False)
    assert (octets(subject), codes(subject)) == ([], ["template_defined", "template_withdrawn", "data_dropped"])


def test_C_106_an_unknown_withdrawal_is_ignored(make: Any) -> None:
    subject = fed(make, ipfix(of(withdrawal(300)), TEMPLATES, data(1)), transport="tcp")
    assert (octets(subject), len(rejected(subject))) == ([1], 1)


def test_C_107_C_108_all_of_a_kind_are_withdrawn_at_once(make: Any) -> None:
    both = ipfix(of(PAIR, template_record(258, [(1, 4)])), options(257, [(149, 4)], [(41, 4)]))
    subject = fed(make, both, ipfix(of(withdrawal(2))), transport="tcp")
    assert ids(subject) == [257]
    other = fed(make, both, ipfix(set_(IPFIX_OPTIONS, withdrawal(3))), transport="tcp")
    assert ids(other) == [256, 258]
    event = other.events()[-1]
    assert (event.code, event.detail["templates"]) == ("template_withdrawn", 1)


def test_C_109_the_wrong_set_withdraws_nothing(make: Any) -> None:
    for wrong in (set_(IPFIX_OPTIONS, withdrawal(256)), of(withdrawal(3)), set_(IPFIX_OPTIONS, withdrawal(2))):
        subject = fed(make, ipfix(TEMPLATES), ipfix(wrong, data(1)), transport="tcp")
        assert (ids(subject), octets(subject), len(rejected(subject))) == ([256], [1], 1)


def test_C_110_C_111_withdrawals_and_definitions_go_in_wire_order(make: Any) -> None:
    subject = fed(make, ipfix(TEMPLATES, data(1), of(withdrawal(256), TURNED), data(2)), transport="tcp")
    assert octets(subject) == [1, 0]
    assert codes(subject) == ["template_defined", "template_withdrawn", "template_defined"]


def test_C_113_exporters_and_domains_have_templates_of_their_own(make: Any) -> None:
    subject = fed(make, ipfix(TEMPLATES))
    subject.feed(ipfix(of(TURNED)), "192.0.2.2")
    subject.feed(ipfix(data(1)), A)
    subject.feed(ipfix(data(2)), "192.0.2.2")
    assert octets(subject) == [1, 0]


def test_C_113_protocols_have_templates_of_their_own(make: Any) -> None:
    subject = fed(make, ipfix(TEMPLATES), netflow9(set_(V9_TEMPLATES, TURNED)), ipfix(data(1)), netflow9(data(2)))
    assert octets(subject) == [1, 0]


def test_C_118_the_port_is_no_part_of_who_it_is_unless_asked(make: Any) -> None:
    subject = fed(make, ipfix(TEMPLATES))
    subject.feed(ipfix(data(1)), ("192.0.2.1", 40001))
    assert octets(subject) == [1]
    strict = fed(make, ipfix(TEMPLATES), key="address+port")
    strict.feed(ipfix(data(1)), ("192.0.2.1", 40001))
    assert octets(strict) == []


def test_the_template_used_least_recently_makes_room(make: Any) -> None:
    three = [template_record(id, [(1, 4), (2, 4)]) for id in (256, 257, 258)]
    subject = fed(
        make, ipfix(of(*three[:2])), ipfix(data(1)), ipfix(of(three[2])), limits=Limits(templates_per_domain=2)
    )
    assert ids(subject) == [256, 258]
    assert "template_evicted" in codes(subject)


@pytest.mark.parametrize("fields", [2048, 2049])
def test_a_template_has_no_more_fields_than_the_limit(make: Any, fields: int) -> None:
    subject = fed(make, ipfix(of(template_record(300, [(1, 1)] * fields), PAIR)))
    assert ids(subject) == ([256, 300] if fields == 2048 else [256])
    assert ("limit_reached" in codes(subject)) == (fields == 2049)
