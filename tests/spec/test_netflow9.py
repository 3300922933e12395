"""NetFlow v9: RFC 3954 sections 5 to 9, and what exporters make of it.

Each test is one item of the conformance list, `C_NNN`, and is put to the kernels and to the specification.
"""

from __future__ import annotations

from typing import Any

import pytest

from flowparse import FLOW, NATIVE, Decoder
from tests.build import (
    EXPORT_TIME_S,
    UPTIME_MS,
    V9_OPTIONS,
    V9_TEMPLATES,
    netflow9,
    options_template_record9,
    set_,
    template_record,
    uint,
)
from tests.spec.test_sets import PAIR, TEMPLATES9, A, codes, data, fed, make, octets
from tests.subjects import Subject

__all__ = ["make"]

pytestmark = pytest.mark.rfc("RFC 3954", "5 to 9")
TURNED9 = set_(V9_TEMPLATES, template_record(256, [(2, 4), (1, 4)]))
EXPORT_NS = EXPORT_TIME_S * 10**9


def ids(subject: Subject) -> list[int]:
    return [template.id for template in subject.templates()]


def gaps(subject: Subject) -> list[tuple[int, str]]:
    return [(event.detail["missed"], event.detail["unit"]) for event in subject.events() if "gap" in event.code]


def options9(*args: Any, padding: int = 0, **kwargs: Any) -> bytes:
    return set_(V9_OPTIONS, options_template_record9(*args, **kwargs), padding=padding)


def test_C_124_each_message_of_v9_counts_one(make: Any) -> None:
    messages = [netflow9(TEMPLATES9, data(*range(n)), sequence=n) for n in range(4)]
    subject = fed(make, *messages, netflow9(data(1), sequence=6))
    assert (len(subject.rows()), gaps(subject)) == (7, [(2, "messages")])
    wrapped = fed(make, netflow9(TEMPLATES9, sequence=2**32 - 1), netflow9(data(1), sequence=0))
    assert gaps(wrapped) == []


def test_C_124_source_ids_count_by_themselves(make: Any) -> None:
    both = [netflow9(TEMPLATES9, data(1), sequence=n, source_id=id) for n in range(3) for id in (1, 2)]
    assert gaps(fed(make, *both)) == []


def test_C_180_header_fields_are_unsigned(make: Any) -> None:
    top = 2**32 - 1
    message = netflow9(TEMPLATES9, data(7), sys_uptime_ms=top, export_time_s=top, sequence=top, source_id=top)
    (row,) = fed(make, message).rows()
    assert (row.values["domain"], row.values["export_time"]) == (top, top * 10**9)
    header = Decoder(NATIVE).decode(message, A).header
    assert (header["sys_uptime_ms"], header["export_time_s"], header["sequence"], header["domain"]) == (top,) * 4
    assert header["count"] == 2


def test_C_181_the_count_is_of_records_and_only_a_check(make: Any) -> None:
    options = options9(257, [(1, 4)], [(34, 4)])
    message = netflow9(TEMPLATES9, options, data(1, 2), set_(257, bytes(8)))
    assert "count_mismatch" not in codes(fed(make, message))
    lying = fed(make, netflow9(TEMPLATES9, options, data(1, 2), set_(257, bytes(8)), count=4))
    (event,) = [event for event in lying.events() if event.code == "count_mismatch"]
    assert event.offset == 2
    assert len(lying.rows()) == 3


@pytest.mark.parametrize("count", [0, 1, 3, 65535])
def test_C_182_a_count_of_anything_else_bounds_nothing(make: Any, count: int) -> None:
    subject = fed(make, netflow9(TEMPLATES9, data(1), data(2), data(3, 4), count=count))
    assert octets(subject) == [1, 2, 3, 4]


def test_C_183_several_templates_in_several_flowsets(make: Any) -> None:
    records = [template_record(id, [(1, 4), (2, 4)]) for id in (256, 257, 300, 65535)]
    message = netflow9(
        set_(V9_TEMPLATES, *records[:2]), data(1, id=256), set_(V9_TEMPLATES, *records[2:]), data(2, id=65535)
    )
    subject = fed(make, message)
    assert ids(subject) == [256, 257, 300, 65535]
    assert octets(subject) == [1, 2]


@pytest.mark.parametrize("id", [0, 1, 255])
def test_C_184_ids_below_256_are_rejected(make: Any, id: int) -> None:
    subject = fed(make, netflow9(set_(V9_TEMPLATES, PAIR, template_record(id, [(1, 4)])), data(1)))
    assert (ids(subject), octets(subject)) == ([256], [1])
    assert "template_rejected" in codes(subject)


def test_C_185_types_of_32768_and_more_have_no_enterprise_bit(make: Any) -> None:
    fields = [(1, 4), (33000, 12), (40000, 20), (56701, 32), (65535, 2)]
    record = set_(V9_TEMPLATES, template_record(256, fields))
    data9 = set_(256, uint(1, 4), b"\1" * 12, b"user".ljust(20, b"\0"), b"app".ljust(32, b"\0"), b"zz")
    (row,) = fed(make, netflow9(record, data9)).rows()
    assert row.values["octetDeltaCount"] == 1
    assert sorted(map(len, filter(None, row.octets.values()))) == [2, 4, 12, 20, 32]


@pytest.mark.parametrize("padding", range(8))
def test_C_186_C_187_what_is_less_than_a_record_is_padding(make: Any, padding: int) -> None:
    assert octets(fed(make, netflow9(TEMPLATES9, data(1, 2, padding=padding), data(3)))) == [1, 2, 3]


def test_C_187_records_of_101_octets_end_where_they_end(make: Any) -> None:
    fields = [(1, 4), (210, 97)]
    records = [uint(n, 4) + bytes(97) for n in range(6)]
    message = netflow9(set_(V9_TEMPLATES, template_record(256, fields)), set_(256, *records, padding=2), data(9))
    subject = fed(make, message)
    assert octets(subject)[:6] == list(range(6))


def test_C_188_lengths_of_options_are_in_octets(make: Any) -> None:
    subject = fed(make, netflow9(options9(257, [(1, 4), (2, 4)], [(34, 4), (35, 1)]), set_(257, bytes(13))))
    (template,) = subject.templates()
    assert [field[3] for field in template.fields] == [True, True, False, False]
    (row,) = subject.rows()
    assert row.is_options


@pytest.mark.parametrize(("scope_octets", "option_octets"), [(3, 4), (4, 6), (400, 4), (4, 65532), (65535, 65535)])
def test_C_189_lengths_that_lie_define_nothing(make: Any, scope_octets: int, option_octets: int) -> None:
    lying = options9(257, [(1, 4)], [(34, 4)], scope_octets=scope_octets, option_octets=option_octets)
    subject = fed(make, netflow9(lying, TEMPLATES9, data(1)))
    assert (ids(subject), octets(subject)) == ([256], [1])


def test_C_190_scopes_have_numbers_of_their_own(make: Any) -> None:
    scopes = [(number, 4) for number in (1, 2, 3, 4, 5, 6)]
    subject = fed(make, netflow9(options9(257, scopes, [(1, 4)]), set_(257, *(uint(n, 4) for n in range(7)))))
    (row,) = subject.rows()
    assert (row.octets["scopeSystem"], row.values["scopeInterface"], row.values["scopeLineCard"]) == (uint(0, 4), 1, 2)
    assert (row.values["scopeCache"], row.values["scopeTemplate"], row.values["octetDeltaCount"]) == (3, 4, 6)
    assert uint(5, 4) in row.octets.values()


def test_C_190_a_scope_without_a_name_is_told_though_a_field_has_its_number(make: Any) -> None:
    old_field = 16387  # ETASequenceofPktLengthsandTimesOld
    subject = fed(make, netflow9(options9(257, [(1, 4), (old_field, 4)], [(34, 4)]), set_(257, bytes(12))))
    assert [event.detail["elements"] for event in subject.events() if event.code == "element_unknown"] == [1]


def test_C_191_a_scope_may_have_no_octets(make: Any) -> None:
    subject = fed(make, netflow9(options9(257, [(1, 0)], [(34, 4)]), set_(257, uint(100, 4))))
    (row,) = subject.rows()
    assert (row.octets["scopeSystem"], row.values["samplingInterval"]) == (b"", 100)


def test_C_192_options_without_a_scope_are_accepted_and_told(make: Any) -> None:
    subject = fed(make, netflow9(options9(257, [], [(34, 4)]), set_(257, uint(100, 4))))
    (row,) = subject.rows()
    assert (row.is_options, row.values["samplingInterval"]) == (True, 100)
    assert "value_out_of_range" in codes(subject)


def test_C_193_options_records_have_scope_and_options(make: Any) -> None:
    records = [uint(n, 4) + uint(100 * n, 4) for n in (1, 2, 3)]
    subject = fed(make, netflow9(options9(257, [(2, 4)], [(34, 4)]), set_(257, *records)))
    assert [(row.values["scopeInterface"], row.values["samplingInterval"]) for row in subject.rows()] == [
        (1, 100),
        (2, 200),
        (3, 300),
    ]


def test_C_194_a_new_definition_counts_at_once(make: Any) -> None:
    subject = fed(make, netflow9(TEMPLATES9, data(1), TURNED9, data(2)))
    assert octets(subject) == [1, 0]
    assert "template_changed" in codes(subject)


def test_C_195_source_ids_have_templates_of_their_own(make: Any) -> None:
    sent = [netflow9(TEMPLATES9, source_id=1), netflow9(TURNED9, source_id=2)]
    subject = fed(make, *sent, *(netflow9(data(5), source_id=id, sequence=1) for id in (1, 2)))
    assert sorted((row.values["domain"], row.values["octetDeltaCount"]) for row in subject.rows()) == [(1, 5), (2, 0)]


def test_C_197_data_wait_for_their_template(make: Any) -> None:
    waiting = netflow9(data(1), data(2), sequence=0, export_time_s=5)
    subject = fed(make, waiting, netflow9(TEMPLATES9, data(3), sequence=1))
    assert [row.values["octetDeltaCount"] for row in subject.rows()] == [3, 1, 2]
    gone = fed(make, waiting, netflow9(TEMPLATES9, data(3), sequence=1), replay=False)
    assert octets(gone) == [3]


def test_C_198_a_restart_is_told_and_templates_stay(make: Any) -> None:
    long_ago = netflow9(TEMPLATES9, data(1), sequence=7000, sys_uptime_ms=UPTIME_MS)
    subject = fed(make, long_ago, netflow9(data(2), sequence=0, sys_uptime_ms=1000))
    assert octets(subject) == [1, 2]
    assert "exporter_restarted" in codes(subject)


@pytest.mark.parametrize("padding", [1, 2, 3, 4])
def test_C_199_templates_and_options_may_be_padded(make: Any, padding: int) -> None:
    templates = set_(V9_TEMPLATES, PAIR, padding=padding)
    subject = fed(make, netflow9(templates, options9(257, [(1, 4)], [(34, 4)], padding=padding), data(1)))
    assert (ids(subject), octets(subject)) == ([256, 257], [1])
    assert "template_rejected" not in codes(subject)


@pytest.mark.parametrize(
    ("first_ms", "uptime_ms", "before_ms"),
    [(1000, 5000, 4000), (2**32 - 1000, 500, 1500), (5003, 5000, -3), (0, 2**31 - 1, 2**31 - 1)],
)
def test_C_201_uptimes_are_before_the_export_by_a_signed_difference(
    make: Any, first_ms: int, uptime_ms: int, before_ms: int
) -> None:
    fields = set_(V9_TEMPLATES, template_record(256, [(22, 4), (21, 4)]))
    message = netflow9(fields, set_(256, uint(first_ms, 4) * 2), sys_uptime_ms=uptime_ms)
    (raw,) = fed(make, message).rows()
    assert raw.values["flowStartSysUpTime"] == first_ms
    (row,) = Decoder(FLOW).decode(message, A).flows
    assert row.time_flow_start_ns == row.time_flow_end_ns == EXPORT_NS - before_ms * 10**6
    assert row.time_source == 5


@pytest.mark.parametrize("zeros", [1, 3, 4, 8, 1000])
def test_C_202_zeros_to_the_end_are_padding(make: Any, zeros: int) -> None:
    subject = fed(make, netflow9(TEMPLATES9, data(1), bytes(zeros)))
    assert (octets(subject), codes(subject)) == ([1], ["template_defined", "trailing_octets"])


@pytest.mark.parametrize("length", range(4))
def test_C_203_a_flowset_without_its_header_ends_the_message(make: Any, length: int) -> None:
    subject = fed(make, netflow9(TEMPLATES9, data(1), set_(256, length=length), data(2)))
    assert (octets(subject), codes(subject)) == ([1], ["template_defined", "message_truncated"])


@pytest.mark.parametrize("id", [2, 3, 4, 128, 255])
def test_C_204_reserved_flowsets_are_skipped_by_their_length(make: Any, id: int) -> None:
    subject = fed(make, netflow9(TEMPLATES9, set_(id, b"abc"), data(1)))
    assert (octets(subject), codes(subject)) == ([1], ["template_defined", "set_skipped"])


def test_C_205_type_0_is_skipped_and_templates_of_nothing_rejected(make: Any) -> None:
    filled = set_(V9_TEMPLATES, template_record(256, [(0, 3), (1, 4)]), template_record(300, [(1, 0), (2, 0)]))
    subject = fed(make, netflow9(filled, set_(256, b"abc", uint(5, 4))))
    assert (octets(subject), ids(subject), codes(subject).count("template_rejected")) == ([5], [256], 1)


@pytest.mark.parametrize("length", [5, 15, 17, 60])
def test_C_243_a_template_flowset_of_the_wrong_length_costs_no_later_message(make: Any, length: int) -> None:
    wrong = netflow9(set_(V9_TEMPLATES, template_record(300, [(1, 4), (2, 4)]), length=length), bytes([1] * 9))
    subject = fed(make, netflow9(TEMPLATES9, data(1)), wrong, netflow9(data(2), sequence=2))
    assert octets(subject) == [1, 2]
    assert 256 in ids(subject)


def test_C_240_fields_and_scopes_of_no_octets_and_zeros_behind(make: Any) -> None:
    odd = template_record(256, [(8, 0), (1, 4), (93, 4)])
    message = netflow9(
        set_(V9_TEMPLATES, odd),
        options9(257, [(1, 0)], [(34, 4)]),
        set_(256, uint(5, 4) + uint(2**32 - 1, 4)),
        set_(257, uint(100, 4)),
        bytes(700),
    )
    subject = fed(make, message)
    flow, told = sorted(subject.rows(), key=lambda row: row.is_options)
    assert (flow.values["octetDeltaCount"], told.values["samplingInterval"]) == (5, 100)


def test_C_206_firewall_events_of_an_asa(make: Any) -> None:
    fields = [
        (148, 4), (8, 4), (7, 2), (10, 2), (12, 4), (11, 2), (14, 2), (4, 1), (176, 1), (177, 1), (225, 4), (226, 4),
        (227, 2), (228, 2), (233, 1), (33002, 2), (323, 8), (231, 4), (232, 4), (33000, 12), (33001, 12), (40000, 20),
    ]  # fmt: skip
    record = [
        uint(8501, 4), bytes([10, 0, 0, 1]), uint(50000, 2), uint(4, 2), bytes([192, 0, 2, 9]), uint(443, 2),
        uint(3, 2), b"\6", b"\0", b"\0", bytes([198, 51, 100, 7]), bytes([192, 0, 2, 9]), uint(1024, 2), uint(443, 2),
        b"\2", uint(2025, 2), uint(1_444_384_070_179, 8), uint(56, 4), uint(7, 4), bytes(12), bytes(12),
        b"alice".ljust(20, b"\0"),
    ]  # fmt: skip
    message = netflow9(set_(V9_TEMPLATES, template_record(263, fields)), set_(263, b"".join(record)))
    (row,) = fed(make, message).rows()
    assert (row.values["firewallEvent"], row.values["flowId"]) == (2, 8501)
    assert row.values["observationTimeMilliseconds"] == 1_444_384_070_179 * 10**6
    assert "alice" in row.values.values()
    (found,) = Decoder(FLOW).decode(message, A).flows
    assert (found.record_kind, found.bytes, found.post_nat_src_addr, found.post_nat_src_port) == (
        3,
        56,
        "198.51.100.7",
        1024,
    )
