"""What IPFIX builds on its records: sequences, standard options, lists, reverse elements, applications, translations.

RFC 7011 sections 3.1 and 4, RFC 5103, 5477, 5610, 6313, 6759, 8158. Each test is one item of the conformance list,
`C_NNN`, and is put to the kernels and to the specification; what only the flow view has is asked of the kernels.
"""

from __future__ import annotations

from typing import Any

import pytest

from flowparse import FLOW, Decoder, element
from flowparse.registry import Registry, names
from tests.build import (
    EXPORT_TIME_S,
    IPFIX_OPTIONS,
    IPFIX_TEMPLATES,
    VARIABLE,
    Field,
    addr,
    ipfix,
    options_template_record,
    set_,
    template_record,
    uint,
    var,
)
from tests.spec.test_sets import PAIR, TEMPLATES, A, codes, data, fed, make, octets
from tests.subjects import Subject

__all__ = ["make"]

pytestmark = pytest.mark.rfc("RFC 7011", "3.1 and 4")
EXPORT_NS = EXPORT_TIME_S * 10**9
REVERSE = 29305


def options(scopes: list[Field], fields: list[Field], *records: bytes, id: int = 257) -> bytes:
    """An options template and records of it."""
    return set_(IPFIX_OPTIONS, options_template_record(id, scopes, fields)) + set_(id, *records)


def only(make: Any, fields: list[Field], *values: bytes, **settings: Any) -> Any:
    """The one record of a message."""
    template = set_(IPFIX_TEMPLATES, template_record(256, fields))
    (row,) = fed(make, ipfix(template, set_(256, b"".join(values))), **settings).rows()
    return row


def flows(schema: Any, *messages: bytes) -> list[dict[str, Any]]:
    """Records of messages as the flow view has them."""
    decoder = Decoder(schema)
    for message in messages:
        decoder.feed(message, A, EXPORT_NS)
    return [row.as_dict() for row in decoder.take()]


def sequence_events(subject: Subject) -> list[tuple[str, Any]]:
    return [(event.code, event.detail.get("missed")) for event in subject.events() if "sequence" in event.code]


# ── D, J. scopes and templates ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("element", "octets", "name", "value"),
    [
        (149, uint(7, 4), "observationDomainId", 7),
        (144, uint(7, 4), "exportingProcessId", 7),
        (143, uint(7, 4), "meteringProcessId", 7),
        (145, uint(256, 2), "templateId", 256),
        (141, uint(7, 4), "lineCardId", 7),
        (130, addr("192.0.2.1"), "exporterIPv4Address", "192.0.2.1"),
        (131, addr("2001:db8::1"), "exporterIPv6Address", "2001:db8::1"),
        (10, uint(7, 4), "ingressInterface", 7),
    ],
)
def test_C_045_scopes_have_the_types_of_their_elements(
    make: Any, element: int, octets: bytes, name: str, value: Any
) -> None:
    (row,) = fed(make, ipfix(options([(element, len(octets))], [(41, 4)], octets + uint(9, 4)))).rows()
    assert (row.values[name], row.values["exportedMessageTotalCount"], row.is_options) == (value, 9, True)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("id", [256, 40000])
def test_C_050_options_mean_what_their_elements_say_in_any_order(order: tuple[int, ...], id: int) -> None:
    parts = [((304, 2), uint(1, 2)), ((305, 4), uint(10, 4)), ((306, 4), uint(990, 4))]
    told = options([(149, 4)], [parts[n][0] for n in order], uint(0, 4) + b"".join(parts[n][1] for n in order), id=id)
    traffic = set_(IPFIX_TEMPLATES, template_record(300, [(1, 4)])) + set_(300, uint(1, 4))
    (row,) = flows(FLOW.select("bytes", "sampling_rate"), ipfix(told), ipfix(traffic, sequence=1))
    assert row == {"bytes": 1, "sampling_rate": 100}


@pytest.mark.parametrize("transport", ["tcp", "sctp", "file"])
def test_C_102_the_same_definition_again_changes_nothing(make: Any, transport: str) -> None:
    messages = [ipfix(TEMPLATES, data(1)), ipfix(TEMPLATES, data(2), sequence=1)]
    subject = fed(make, *messages, transport=transport)
    assert (octets(subject), codes(subject)) == ([1, 2], ["template_defined"])


def test_C_011_decoders_of_two_transports_are_two_sessions(make: Any) -> None:
    over_udp, over_tcp = make(transport="udp"), make(transport="tcp", replay=False)
    over_udp.feed(ipfix(TEMPLATES), A, 1)
    over_tcp.feed(ipfix(data(1)), A, 2)
    assert (octets(over_tcp), codes(over_tcp)) == ([], ["data_dropped"])


def test_C_112_a_connection_from_another_port_begins_without_templates(make: Any) -> None:
    subject = fed(make, ipfix(TEMPLATES, data(1)), transport="tcp", key="address+port", replay=False)
    subject.feed(ipfix(data(2)), (A[0], A[1] + 1), 2)
    assert (octets(subject), codes(subject)) == ([1], ["template_defined", "data_dropped"])


# ── K. sequences ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_C_119_data_records_count_and_templates_do_not(make: Any) -> None:
    told = options([(149, 4)], [(41, 4)], bytes(8), bytes(8))  # two options records count too
    messages = [
        ipfix(TEMPLATES, data(1, 2, 3), sequence=100),
        ipfix(TEMPLATES, sequence=103),
        ipfix(told, sequence=103),
        ipfix(data(1, 2, 3, 4, 5), sequence=105),
        ipfix(data(1), sequence=110),
    ]
    assert sequence_events(fed(make, *messages)) == []
    assert sequence_events(fed(make, *messages[:4], ipfix(data(1), sequence=112))) == [("sequence_gap", 2)]


def test_C_120_the_sequence_of_ipfix_wraps(make: Any) -> None:
    before = ipfix(TEMPLATES, data(1, 2), sequence=2**32 - 1)
    assert sequence_events(fed(make, before, ipfix(data(3), sequence=1))) == []
    assert sequence_events(fed(make, before, ipfix(data(3), sequence=4))) == [("sequence_gap", 3)]


def test_C_121_what_is_missing_late_or_there_twice_is_told_and_decoded(make: Any) -> None:
    first, second, third = (ipfix(TEMPLATES, data(n), sequence=n) for n in (1, 2, 3))
    for order in ((first, third, second), (first, second, second, third)):
        subject = fed(make, *order)
        assert len(octets(subject)) == len(order)
    assert sequence_events(fed(make, first, third)) == [("sequence_gap", 1)]


def test_C_122_domains_count_by_themselves(make: Any) -> None:
    messages = [ipfix(TEMPLATES, data(*range(domain)), sequence=n * domain, domain=domain) for n in range(4)
                for domain in (1, 2, 3)]  # fmt: skip
    assert sequence_events(fed(make, *messages)) == []


def test_C_123_after_a_set_without_template_the_next_number_is_taken_as_it_comes(make: Any) -> None:
    messages = [ipfix(TEMPLATES, data(1)), ipfix(data(1, 2, 3, id=400), sequence=1), ipfix(data(1), sequence=4)]
    assert sequence_events(fed(make, *messages, replay=False)) == []
    later = fed(make, *messages, ipfix(data(1), sequence=7), replay=False)
    assert sequence_events(later) == [("sequence_gap", 2)]


# ── L. standard options ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("scopes", "fields"),
    [
        pytest.param([(149, 4), (143, 4)], [(40, 8), (41, 8), (42, 8)], id="C_129"),
        pytest.param([(149, 4), (143, 4)], [(164, 8), (165, 8), (166, 8), (322, 8), (323, 8)], id="C_130"),
        pytest.param([(130, 4)], [(166, 8), (167, 8), (168, 8), (323, 8), (324, 8)], id="C_131"),
        pytest.param([(144, 4)], [(166, 8), (167, 8), (168, 8)], id="C_131-process"),
        pytest.param([(145, 2)], [(173, 8)], id="C_132"),
    ],
)
def test_C_129_C_130_C_131_C_132_statistics_and_flow_keys_are_options_records(
    make: Any, scopes: list[Field], fields: list[Field]
) -> None:
    values = [uint(n + 1, field[1]) for n, field in enumerate([*scopes, *fields])]
    (row,) = fed(make, ipfix(options(scopes, fields, b"".join(values)))).rows()
    assert row.is_options
    assert [row.octets[element(field[0]).name] for field in [*scopes, *fields]] == values


def test_C_133_names_told_by_options_are_of_exporter_domain_and_scope() -> None:
    schema = FLOW.select("bytes", "in_if").add("in_if_name", "out_if_name", "vrf_name", "sampler_name")
    told = [
        options([(10, 4)], [(82, 8)], uint(3, 4) + b"Gi0/3\0\0\0", id=300),
        options([(234, 4)], [(236, 4)], uint(5, 4) + b"blue", id=301),
        options([(302, 4)], [(335, 4), (34, 4)], uint(7, 4) + b"half" + uint(2, 4), id=302),
    ]
    fields: list[Field] = [(1, 4), (10, 4), (14, 4), (234, 4), (302, 4)]
    traffic = set_(IPFIX_TEMPLATES, template_record(400, fields))
    record = set_(400, uint(1, 4), uint(3, 4), uint(4, 4), uint(5, 4), uint(7, 4))
    here, elsewhere = flows(schema, ipfix(*told, domain=1), *(ipfix(traffic, record, domain=n) for n in (1, 1)))
    assert here == elsewhere
    assert (here["in_if_name"], here["out_if_name"], here["vrf_name"], here["sampler_name"]) == (
        "Gi0/3",
        None,
        "blue",
        "half",
    )


# ── M. lists (RFC 6313): octets, whatever is in them ─────────────────────────────────────────────────────────────────

BASIC, SUBTEMPLATE, MULTI = 291, 292, 293
ADDRESSES = b"\3" + uint(8, 2) + uint(4, 2) + addr("10.0.0.1") + addr("10.0.0.2")
LISTS = {
    "C_134": (BASIC, ADDRESSES),
    "C_135": (BASIC, b"\3" + uint(0x8001, 2) + uint(2, 2) + uint(9, 4) + b"abcd"),
    "C_136": (BASIC, b"\3" + uint(82, 2) + uint(VARIABLE, 2) + var(b"eth0") + var(b"") + var(b"x" * 300)),
    "C_137": (BASIC, b"\3" + uint(8, 2) + uint(4, 2) + bytes(10)),
    "C_137-nothing": (BASIC, b"\3" + uint(8, 2) + uint(0, 2) + bytes(10)),
    "C_138": (BASIC, b"\0" + uint(8, 2) + uint(4, 2)),
    "C_139": (SUBTEMPLATE, b"\3" + uint(256, 2) + bytes(24)),
    "C_140": (SUBTEMPLATE, b"\3" + uint(999, 2) + bytes(24)),
    "C_141": (MULTI, b"\3" + uint(256, 2) + uint(12, 2) + bytes(8) + uint(999, 2) + uint(7, 2) + b"abc"),
    "C_141-short": (MULTI, b"\3" + uint(256, 2) + uint(3, 2) + bytes(8)),
    "C_142": (BASIC, b"\x77" + ADDRESSES[1:]),
    "C_146": (SUBTEMPLATE, b"\3" + uint(256, 2) + bytes(11)),
    "C_148": (BASIC, b"\3" + uint(BASIC, 2) + uint(VARIABLE, 2) + var(ADDRESSES)),
    "empty": (MULTI, b""),
}


@pytest.mark.parametrize("id", LISTS)
def test_C_134_C_135_C_136_C_137_C_138_C_139_C_140_C_141_C_142_C_146_C_148_lists_are_kept_as_octets(
    make: Any, id: str
) -> None:
    list_element, content = LISTS[id]
    fields: list[Field] = [(1, 4), (list_element, VARIABLE), (2, 4)]
    row = only(make, fields, uint(1, 4), var(content), uint(2, 4))
    name = element(list_element).name
    assert (row.octets[name], row.values[name]) == (content, content)
    assert (row.values["octetDeltaCount"], row.values["packetDeltaCount"]) == (1, 2)


def test_C_143_a_list_of_fixed_length_is_its_field(make: Any) -> None:
    row = only(make, [(BASIC, len(ADDRESSES)), (2, 4)], ADDRESSES, uint(2, 4))
    assert (row.values["basicList"], row.values["packetDeltaCount"]) == (ADDRESSES, 2)


def nested(depth: int) -> bytes:
    """Lists in lists, each of the template that holds them."""
    content = b""
    for _ in range(depth):
        content = b"\3" + uint(256, 2) + uint(1, 4) + var(content, long_form=True) + uint(2, 4)
    return content


@pytest.mark.parametrize("depth", [1, 8, 9, 4000])
def test_C_144_C_145_lists_in_lists_of_their_own_template_end(make: Any, depth: int) -> None:
    fields: list[Field] = [(1, 4), (SUBTEMPLATE, VARIABLE), (2, 4)]
    content = nested(depth)
    row = only(make, fields, uint(1, 4), var(content), uint(2, 4))
    assert (row.values["subTemplateList"], row.values["packetDeltaCount"]) == (content, 2)


def test_C_147_records_in_lists_do_not_count(make: Any) -> None:
    fields: list[Field] = [(1, 4), (SUBTEMPLATE, VARIABLE)]
    listed = set_(300, uint(1, 4) + var(b"\3" + uint(256, 2) + bytes(80)))
    templates = set_(IPFIX_TEMPLATES, PAIR, template_record(300, fields))
    messages = [ipfix(templates, listed, sequence=0), ipfix(listed, sequence=1), ipfix(listed, sequence=2)]
    assert sequence_events(fed(make, *messages)) == []


# ── N. what exporters say of elements (RFC 5610) ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("pen", [0, 4294967290])
def test_C_149_C_151_types_told_by_options_are_records_and_change_no_element(make: Any, pen: int) -> None:
    fields: list[Field] = [(339, 1), (344, 1), (345, 2), (341, VARIABLE), (340, VARIABLE)]
    told = uint(pen, 4) + uint(1, 2) + b"\x0d\0\0\0" + var(b"renamed") + var(b"of another type")
    traffic = set_(IPFIX_TEMPLATES, template_record(256, [(1, 4, pen) if pen else (1, 4)])) + set_(256, uint(9, 4))
    options_row, row = fed(make, ipfix(options([(346, 4), (303, 2)], fields, told), traffic)).rows()[::-1]
    assert (options_row.is_options, options_row.values["informationElementName"]) == (True, "renamed")
    assert row.values == row.values | ({"ie_4294967290_1": uint(9, 4)} if pen else {"octetDeltaCount": 9})


# ── O. both directions (RFC 5103) ────────────────────────────────────────────────────────────────────────────────────


def test_C_154_C_155_reverse_elements_are_like_the_forward_ones(make: Any) -> None:
    fields: list[Field] = [(1, 8), (1, 3, REVERSE), (82, VARIABLE), (82, VARIABLE, REVERSE), (152, 8, REVERSE)]
    row = only(make, fields, uint(5, 8), uint(7, 3), var(b"eth0"), var(b"eth1"), uint(1000, 8))
    assert (row.values["octetDeltaCount"], row.values["reverseOctetDeltaCount"]) == (5, 7)
    assert (row.values["interfaceName"], row.values["reverseInterfaceName"]) == ("eth0", "eth1")
    assert row.values["reverseFlowStartMilliseconds"] == 10**9
    forward, reverse = element("octetDeltaCount"), element((REVERSE, 1))
    assert (forward.type, forward.semantics, forward.units) == (reverse.type, reverse.semantics, reverse.units)


@pytest.mark.parametrize("id", [239, 148, 210])
def test_C_156_C_158_reverse_elements_that_make_no_sense_cost_nothing(make: Any, id: int) -> None:
    row = only(make, [(1, 4), (id, 1, REVERSE), (32000, 2, REVERSE)], uint(5, 4), b"\1", b"ab")
    assert row.values["octetDeltaCount"] == 5
    assert {b"\1", b"ab"} <= {*row.octets.values()}


@pytest.mark.parametrize("direction", [0, 1, 2, 3, 4, 255])
def test_C_157_directions_of_both_are_numbers_with_names(make: Any, direction: int) -> None:
    row = only(make, [(239, 1)], uint(direction, 1))
    assert row.values["biflowDirection"] == direction
    assert (direction in names("biflow_direction")) == (direction <= 3)


def test_C_159_an_enterprise_may_number_its_own_reverses(make: Any) -> None:
    row = only(make, [(14, 1, 6871), (14 | 0x4000, 1, 6871)], b"\1", b"\2")
    assert [row.octets[name] for name in ("initialTCPFlags", "reverseInitialTCPFlags")] == [b"\1", b"\2"]


# ── Q. applications, translations, sampling ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("octets", "number"),
    [
        pytest.param(b"\x0d\0\1\x23", 13 << 56 | 0x123, id="C_168"),
        pytest.param(b"\3\0\x50", 3 << 56 | 80, id="C_168-short"),
        pytest.param(b"\x14" + uint(9, 4) + uint(5, 3), None, id="C_169"),
        pytest.param(b"\x14\0\0", None, id="C_169-cut"),
        pytest.param(b"\x0d", 13 << 56, id="C_170"),
        pytest.param(b"", None, id="C_170-empty"),
    ],
)
def test_C_168_C_169_C_170_applications_are_octets_and_an_engine_with_a_selector(
    make: Any, octets: bytes, number: int | None
) -> None:
    fields: list[Field] = [(1, 4), (95, VARIABLE)]
    assert only(make, fields, uint(1, 4), var(octets)).values["applicationId"] == octets
    template = set_(IPFIX_TEMPLATES, template_record(256, fields))
    (row,) = flows(FLOW.select("bytes", "application_id"), ipfix(template, set_(256, uint(1, 4), var(octets))))
    assert row["bytes"] == 1
    if number is not None:
        assert row["application_id"] == number


def test_C_171_applications_are_named_by_their_octets() -> None:
    http, other = b"\x0d\0\0\x50", b"\x0d\0\0\x51"
    told = options([(95, 4)], [(96, 4), (94, VARIABLE)], http + b"http" + var(b"the web"))
    template = set_(IPFIX_TEMPLATES, template_record(300, [(1, 4), (95, 4)]))
    traffic = ipfix(template, set_(300, uint(1, 4) + http, uint(2, 4) + other), sequence=1)
    found = flows(FLOW.select("bytes").add("application_name"), ipfix(told), traffic)
    assert [(row["bytes"], row["application_name"]) for row in found] == [(1, "http"), (2, None)]


def test_C_172_who_exported_it_first_is_a_value_and_no_scope(make: Any) -> None:
    fields: list[Field] = [(403, 4), (404, 16), (405, 4), (406, 4), (1, 4)]
    values = [addr("192.0.2.77"), addr("2001:db8::77"), uint(99, 4), uint(5, 4), uint(1, 4)]
    row = only(make, fields, *values)
    assert (row.values["originalExporterIPv4Address"], row.values["originalExporterIPv6Address"]) == (
        "192.0.2.77",
        "2001:db8::77",
    )
    assert (row.values["originalObservationDomainId"], row.values["intermediateProcessId"]) == (99, 5)
    assert (row.values["exporter"], row.values["domain"]) == (A[0], 0)


@pytest.mark.parametrize("event", [1, 2, 18, 19, 255])
def test_C_173_nat_events_are_numbers_with_names(make: Any, event: int) -> None:
    assert only(make, [(230, 1)], uint(event, 1)).values["natEvent"] == event
    assert (event in names("nat_event_type")) == (event <= 18)


@pytest.mark.parametrize(
    "ids", [(323, 8, 225, 7, 227, 12, 11, 4, 230), (466, 230), (467, 230), (361, 362, 363, 364, 463)]
)
def test_C_174_elements_of_translations_have_types(make: Any, ids: tuple[int, ...]) -> None:
    registry = Registry.default()
    widths = {"unsigned8": 1, "unsigned16": 2, "unsigned32": 4, "ipv4Address": 4, "dateTimeMilliseconds": 8}
    found = [registry.find(0, id) for id in ids]
    fields: list[Field] = [(each.id, widths[each.type]) for each in found if each]
    row = only(make, fields, *(uint(n + 1, width) for n, (_, width) in enumerate(fields)))
    assert [row.octets[each.name] for each in found if each] == [uint(n + 1, f[1]) for n, f in enumerate(fields)]
    assert all(not isinstance(row.values[each.name], bytes) for each in found if each)


@pytest.mark.parametrize(
    ("fields", "values", "rate"),
    [
        ([(304, 2), (305, 4), (306, 4)], [uint(1, 2), uint(10, 4), uint(990, 4)], 100),
        ([(304, 2), (309, 4), (310, 4)], [uint(3, 2), uint(1, 4), uint(512, 4)], 512),
        ([(304, 2), (311, 8)], [uint(4, 2), b"\x3f\x84\x7a\xe1\x47\xae\x14\x7b"], 100),
        ([(304, 2), (305, 4), (306, 4)], [uint(1, 2), uint(0, 4), uint(990, 4)], None),
        ([(304, 2), (309, 4), (310, 4)], [uint(3, 2), uint(0, 4), uint(0, 4)], None),
        ([(304, 2), (311, 8)], [uint(4, 2), bytes(8)], None),
        ([(304, 2), (311, 8)], [uint(4, 2), b"\x7f\xf8" + bytes(6)], None),
    ],
)
def test_C_175_rates_come_of_selectors_and_never_of_a_division_by_nothing(
    fields: list[Field], values: list[bytes], rate: int | None
) -> None:
    told = options([(302, 2)], fields, uint(7, 2) + b"".join(values))
    template = set_(IPFIX_TEMPLATES, template_record(300, [(1, 4), (302, 2)]))
    traffic = ipfix(template, set_(300, uint(1, 4) + uint(7, 2)), sequence=1)
    (row,) = flows(FLOW.select("bytes", "sampling_rate"), ipfix(told), traffic)
    assert row["sampling_rate"] == rate


def test_C_176_sections_of_packets_are_octets_longer_than_they_say_too(make: Any) -> None:
    fields: list[Field] = [(312, 2), (410, 2), (315, VARIABLE), (313, VARIABLE)]
    row = only(make, fields, uint(10, 2), uint(4, 2), var(bytes(range(64))), var(b"\x45" + bytes(300)))
    assert (row.values["dataLinkFrameSize"], row.values["sectionExportedOctets"]) == (10, 4)
    assert row.values["dataLinkFrameSection"] == bytes(range(64))
    assert row.values["ipHeaderPacketSection"] == b"\x45" + bytes(300)


def test_C_177_a_rate_is_of_the_sampler_that_the_record_names_or_of_the_only_one() -> None:
    schema = FLOW.select("bytes", "sampling_rate")
    one, two = (options([(302, 2)], [(34, 4)], uint(n, 2) + uint(100 * n, 4), id=300 + n) for n in (1, 2))
    named = set_(IPFIX_TEMPLATES, template_record(400, [(1, 4), (302, 2)]))
    unnamed = set_(IPFIX_TEMPLATES, template_record(401, [(1, 4)]))
    traffic = ipfix(named, unnamed, *(set_(400, uint(1, 4) + uint(n, 2)) for n in (1, 2, 3)), set_(401, uint(1, 4)))
    assert [row["sampling_rate"] for row in flows(schema, ipfix(one, two), traffic)] == [100, 200, None, None]
    assert [row["sampling_rate"] for row in flows(schema, ipfix(one), traffic)][-1] == 100


# ── V. quirks ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_C_239_templates_of_no_field_over_udp_and_their_data_end(make: Any) -> None:
    subject = fed(make, ipfix(set_(IPFIX_TEMPLATES, template_record(258, [])), set_(258, bytes(400))), replay=False)
    assert (subject.rows(), subject.templates()) == ([], [])


def test_C_241_totals_stand_for_deltas_where_there_are_none() -> None:
    totals = set_(IPFIX_TEMPLATES, template_record(256, [(85, 8), (86, 8)])) + set_(256, uint(5, 8), uint(6, 8))
    (row,) = flows(FLOW.select("bytes", "packets"), ipfix(totals))
    assert row == {"bytes": 5, "packets": 6}
    both = set_(IPFIX_TEMPLATES, template_record(256, [(85, 8), (1, 8)])) + set_(256, uint(5, 8), uint(7, 8))
    (row,) = flows(FLOW.select("bytes"), ipfix(both))
    assert row == {"bytes": 7}


def test_C_238_C_242_C_246_odd_templates_and_ports(make: Any) -> None:
    turned = template_record(256, [(2, 4), (1, 4)])
    subject = fed(make, ipfix(set_(IPFIX_TEMPLATES, turned, PAIR)))
    subject.feed(ipfix(data(5)), (A[0], A[1] + 1))
    assert octets(subject) == [5]
    without = ipfix(set_(IPFIX_OPTIONS, options_template_record(257, [], [(41, 8)])), set_(257, uint(8, 8)))
    assert [row.values["exportedMessageTotalCount"] for row in fed(make, without).rows()] == [8]


def test_C_244_C_245_values_are_by_type_and_length_alone(make: Any) -> None:
    procera = template_record(256, [(38, 4, 15397), (276, 1), (82, 8), (8, 16)])
    values = b"\x3f\xc0\0\0" + b"\0" + b"eth0\0\0\0\0" + bytes(16)
    (row,) = fed(make, ipfix(set_(IPFIX_TEMPLATES, procera), set_(256, values))).rows()
    assert (row.values["proceraQoeIncomingInternal"], row.values["dataRecordsReliability"]) == (1.5, False)
    assert (row.values["interfaceName"], row.values["sourceIPv4Address"]) == ("eth0", bytes(16))


def test_C_247_a_second_message_in_a_datagram_is_told_and_not_decoded(make: Any) -> None:
    subject = fed(make, ipfix(TEMPLATES, data(1)) + ipfix(data(2), sequence=1))
    assert (octets(subject), codes(subject)[0]) == ([1], "trailing_octets")


@pytest.mark.parametrize("text", [b"000a0010000000000000000000000000", b'{"flows": [1]}', b"000900000000"])
def test_C_248_text_is_no_message(make: Any, text: bytes) -> None:
    subject = fed(make, text)
    assert (subject.rows(), codes(subject)) == ([], ["message_discarded"])
