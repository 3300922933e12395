"""What exporters in the field do, quirk by quirk: T1 to T35, one or more tests each, named by what happens.

The octets are made here, of the form that the exporter sends; captures of the real ones are compared with their golden
records in tests/captures. `docs/reference/quirks.md` is the table of them, and a test below keeps it whole.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any

import pytest

from flowparse import FLOW, NATIVE, Decoder, Limits, Message
from tests.build import (
    EXPORT_TIME_S,
    IPFIX_OPTIONS,
    IPFIX_TEMPLATES,
    UPTIME_MS,
    V9_OPTIONS,
    V9_TEMPLATES,
    VARIABLE,
    Field,
    V5Record,
    addr,
    ipfix,
    netflow5,
    netflow9,
    options_template_record,
    options_template_record9,
    set_,
    template_record,
    uint,
    var,
)

A = "192.0.2.1"
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "quirks.md"
EXPORT_NS = EXPORT_TIME_S * 10**9
PAIR = template_record(256, [(1, 4), (2, 4)])
TEMPLATES9 = set_(V9_TEMPLATES, PAIR)


def codes(message: Message) -> list[str]:
    return [event.code for event in message.events]


def data(*values: int, id: int = 256) -> bytes:
    return set_(id, *(uint(value, 4) + uint(1, 4) for value in values))


def native(*messages: bytes, **settings: Any) -> Message:
    """The last of some messages, with every field as sent."""
    decoder = Decoder(NATIVE, **settings)
    *before, last = messages
    for each in before:
        decoder.feed(each, A, EXPORT_NS)
    return decoder.decode(last, A, EXPORT_NS)


def rows(message: Message) -> list[dict[str, Any]]:
    return [row.as_dict() for table in message.tables for row in table]


def octet_counts(message: Message) -> list[int]:
    return [row["octetDeltaCount"] for row in rows(message)]


def flow(fields: list[Field], *values: bytes, version: int = 10, **settings: Any) -> dict[str, Any]:
    """One record of these fields, as FLOW has it."""
    decoder = Decoder(**settings)
    record = template_record(256, fields)
    if version == 9:
        message = netflow9(set_(V9_TEMPLATES, record), set_(256, b"".join(values)))
    else:
        message = ipfix(set_(IPFIX_TEMPLATES, record), set_(256, b"".join(values)))
    (row,) = decoder.decode(message, A, EXPORT_NS).flows
    found: dict[str, Any] = row.as_dict()
    return found


# ── templates, Sets, messages ────────────────────────────────────────────────────────────────────────────────────────


def test_T1_the_count_of_v9_bounds_nothing_and_is_told_once() -> None:
    decoder = Decoder(NATIVE)
    first = decoder.decode(netflow9(TEMPLATES9, data(1), data(2), data(3), count=2), A)
    again = decoder.decode(netflow9(TEMPLATES9, data(1), count=7, sequence=1), A)
    assert (octet_counts(first), "count_mismatch" in codes(first), "count_mismatch" in codes(again)) == (
        [1, 2, 3],
        True,
        False,
    )


@pytest.mark.parametrize("zeros", [4, 100, 1300])
def test_T2_zeros_up_to_the_end_are_padding(zeros: int) -> None:
    message = native(netflow9(TEMPLATES9, data(1), bytes(zeros)))
    assert (octet_counts(message), codes(message)) == ([1], ["template_defined", "trailing_octets"])


@pytest.mark.parametrize("length", range(4))
def test_T3_a_set_without_a_header_ends_the_walk(length: int) -> None:
    message = native(netflow9(TEMPLATES9, data(1), set_(300, b"abc", length=length)))
    assert (octet_counts(message), "message_truncated" in codes(message)) == ([1], True)


def test_T3_a_set_of_its_header_alone_is_legal() -> None:
    assert octet_counts(native(netflow9(TEMPLATES9, set_(256), data(1)))) == [1]


@pytest.mark.parametrize("padding", range(8))
def test_T4_padding_is_less_than_a_record_of_any_alignment(padding: int) -> None:
    message = native(netflow9(TEMPLATES9, set_(256, uint(1, 4), uint(1, 4), padding=padding), data(2)))
    assert octet_counts(message) == [1, 2]


def test_T4_a_record_of_one_octet_has_no_padding() -> None:
    one = set_(IPFIX_TEMPLATES, template_record(256, [(4, 1)]))
    assert len(rows(native(ipfix(one, set_(256, bytes(59_999)))))) == 59_999


def test_T5_padding_that_is_not_zero_means_a_stale_template() -> None:
    message = native(netflow9(TEMPLATES9, set_(256, bytes(8), b"\1\2\3")))
    assert "padding_suspect" in codes(message)


@pytest.mark.parametrize("fields", [[], [(1, 0), (2, 0)]])
def test_T6_templates_of_nothing_are_rejected(fields: list[Field]) -> None:
    message = native(netflow9(set_(V9_TEMPLATES, template_record(256, fields)), set_(256, bytes(60_000))), replay=False)
    assert (rows(message), codes(message)) == ([], ["template_rejected", "data_dropped"])


def test_T7_a_scope_of_no_octets_is_legal() -> None:
    record = options_template_record9(257, [(1, 0)], [(35, 1), (34, 4)])
    message = native(netflow9(set_(V9_OPTIONS, record, padding=2), set_(257, b"\2", uint(100, 4), padding=3)))
    (row,) = [row.as_dict() for table in message.options for row in table]
    assert (row["samplingAlgorithm"], row["samplingInterval"], row["scopeSystem"]) == (2, 100, b"")


def test_T7_fillers_of_no_element_are_passed_over() -> None:
    fillers: list[Field] = [(0, 0), (0, 0), (0, 1)]
    message = native(
        netflow9(set_(V9_TEMPLATES, template_record(256, [(1, 4), *fillers])), set_(256, uint(7, 4), b"\0"))
    )
    assert octet_counts(message) == [7]


def test_T8_elements_that_repeat_keep_all_their_values() -> None:
    twice = template_record(256, [(323, 8), (323, 8), (82, 4), (82, 4)])
    message = native(ipfix(set_(IPFIX_TEMPLATES, twice), set_(256, uint(1, 8), uint(2, 8), b"eth0", b"eth1")))
    (row,) = rows(message)
    assert (row["interfaceName"], row["interfaceName_2"]) == ("eth0", "eth1")
    assert (row["observationTimeMilliseconds"], row["observationTimeMilliseconds_2"]) == (10**6, 2 * 10**6)


BOTH: list[Field] = [(60, 1), (8, 4), (12, 4), (27, 16), (28, 16)]
V4, V6 = addr("10.0.0.1") + addr("10.0.0.2"), addr("2001:db8::1") + addr("2001:db8::2")


@pytest.mark.parametrize(
    ("version", "v4", "v6", "wanted"),
    [
        (4, V4, bytes(32), "10.0.0.1"),
        (6, bytes(8), V6, "2001:db8::1"),
        (4, V4, V6, "10.0.0.1"),
        (6, V4, V6, "2001:db8::1"),
        (0, bytes(8), V6, "2001:db8::1"),
        (0, V4, bytes(32), "10.0.0.1"),
    ],
)
def test_T9_the_address_is_of_the_version_or_not_zero(version: int, v4: bytes, v6: bytes, wanted: str) -> None:
    row = flow(BOTH, uint(version, 1), v4, v6) if version else flow(BOTH[1:], v4, v6)
    assert row["src_addr"] == wanted
    assert row["etype"] == (0x0800 if ":" not in wanted else 0x86DD)


# ── times ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_T10_uptimes_without_a_base_are_no_times_of_1970() -> None:
    row = flow([(22, 4), (21, 4)], uint(1000, 4), uint(2000, 4))
    assert row["time_flow_start_ns"] is None or row["time_flow_start_ns"] > EXPORT_NS - 10**12
    assert row["time_source"] in (0, 6)


def test_T10_the_base_may_be_in_the_record() -> None:
    row = flow([(22, 4), (21, 4), (160, 8)], uint(1000, 4), uint(2000, 4), uint(1_600_000_000_000, 8))
    assert (row["time_flow_start_ns"], row["time_source"]) == (1_600_000_001 * 10**9, 3)


def test_T11_uptimes_wrap_and_end_a_little_late() -> None:
    near = netflow9(
        set_(V9_TEMPLATES, template_record(256, [(22, 4), (21, 4)])),
        set_(256, uint(2**32 - 1000, 4) + uint(500, 4)),
        sys_uptime_ms=1000,
    )
    (row,) = Decoder().decode(near, A).flows
    assert (row.time_flow_start_ns, row.time_flow_end_ns) == (EXPORT_NS - 2 * 10**9, EXPORT_NS - 5 * 10**8)
    late = flow([(22, 4), (21, 4)], uint(UPTIME_MS, 4), uint(UPTIME_MS + 3, 4), version=9)
    assert late["time_flow_end_ns"] == EXPORT_NS + 3_000_000


def test_T12_ntp_times_are_whole_nanoseconds() -> None:
    seconds, fraction = 1_700_000_000 + 2_208_988_800, 1 << 31
    stamp = struct.pack(">II", seconds, fraction)
    low_bits = struct.pack(">II", seconds, fraction | 0x7FF)
    row = flow([(154, 8), (155, 8)], stamp, low_bits)
    assert (row["time_flow_start_ns"], row["time_flow_end_ns"]) == (1_700_000_000_500_000_000,) * 2
    nano = flow([(156, 8), (157, 8)], stamp, struct.pack(">II", seconds, 4295))
    assert (nano["time_flow_start_ns"], nano["time_flow_end_ns"]) == (
        1_700_000_000_500_000_000,
        1_700_000_000_000_001_000,
    )
    assert nano["time_source"] == 1


# ── sampling ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def sampled(*options: bytes, field: Field | None = None, value: bytes = b"") -> tuple[int | None, int]:
    """The rate and its source of a flow that comes behind options."""
    decoder = Decoder(FLOW.select("bytes", "sampling_rate", "sampling_source"))
    fields: list[Field] = [(1, 4), *([field] if field else [])]
    decoder.feed(ipfix(set_(IPFIX_TEMPLATES, template_record(256, fields)), *options), A)
    (row,) = decoder.decode(ipfix(set_(256, uint(9, 4), value), sequence=1), A).flows
    return row.sampling_rate, row.sampling_source


def told(scopes: list[Field], fields: list[Field], *values: bytes) -> bytes:
    """An options template and a record of it."""
    return set_(IPFIX_OPTIONS, options_template_record(300, scopes, fields)) + set_(300, *values)


@pytest.mark.parametrize(
    ("fields", "values", "rate"),
    [
        ([(34, 4)], [uint(100, 4)], 100),
        ([(49, 1), (50, 2)], [b"\2", uint(512, 2)], 512),
        ([(304, 2), (305, 4), (306, 4)], [uint(1, 2), uint(1, 4), uint(999, 4)], 1000),
        ([(309, 4), (310, 4)], [uint(1, 4), uint(16384, 4)], 16384),
        ([(34, 4)], [uint(16777216, 4)], None),
    ],
)
def test_T13_rates_come_in_many_elements(fields: list[Field], values: list[bytes], rate: int | None) -> None:
    assert sampled(told([(149, 4)], fields, uint(0, 4), *values))[0] == rate


@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_T13_a_sampler_is_meant_by_its_id_of_any_width(width: int) -> None:
    options = told([(302, 8)], [(34, 4)], uint(7, 8), uint(64, 4), uint(8, 8), uint(128, 4))
    assert sampled(options, field=(302, width), value=uint(7, width)) == (64, 3)
    assert sampled(options, field=(302, width), value=uint(8, width)) == (128, 3)
    assert sampled(options, field=(302, width), value=uint(9, width))[0] is None


def test_T13_a_rate_in_the_record_stands_over_options() -> None:
    assert sampled(told([(149, 4)], [(34, 4)], uint(0, 4), uint(100, 4)), field=(34, 4), value=uint(50, 4)) == (50, 2)


def test_T14_options_may_come_from_another_domain() -> None:
    decoder = Decoder(FLOW.select("bytes", "sampling_rate"))
    decoder.feed(ipfix(told([(149, 4)], [(34, 4)], uint(6, 4), uint(100, 4)), domain=6), A)
    flows = set_(IPFIX_TEMPLATES, template_record(256, [(1, 4)]))
    (row,) = decoder.decode(ipfix(flows, set_(256, uint(1, 4)), domain=512), (A, 40_001)).flows
    assert row.sampling_rate == 100


def test_T15_the_interval_of_v5_counts_without_its_mode() -> None:
    (row,) = Decoder().decode(netflow5([V5Record()], sampling_interval=400), A).flows
    assert (row.sampling_rate, row.sampling_source) == (400, 8)
    (none,) = Decoder().decode(netflow5([V5Record()]), A).flows
    assert none.sampling_rate is None


# ── state ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_T16_data_before_their_template_in_one_datagram() -> None:
    message = native(netflow9(data(1, 2), TEMPLATES9, data(3)))
    assert (sorted(octet_counts(message)), message.replayed) == ([1, 2, 3], 2)


def test_T16_data_before_their_template_keep_their_times() -> None:
    decoder = Decoder(NATIVE)
    decoder.feed(netflow9(data(1), export_time_s=1000), A)
    message = decoder.decode(netflow9(TEMPLATES9, export_time_s=2000, sequence=1), A)
    assert [(row["octetDeltaCount"], row["export_time"]) for row in rows(message)] == [(1, 1000 * 10**9)]


def test_T17_one_unknown_template_costs_nothing_else() -> None:
    message = native(netflow9(TEMPLATES9, data(1), data(9, id=400), data(2)))
    assert octet_counts(message) == [1, 2]


def test_T18_the_same_id_of_others_is_another_template() -> None:
    decoder = Decoder(NATIVE)
    decoder.feed(netflow9(TEMPLATES9, source_id=1), A)
    decoder.feed(netflow9(set_(V9_TEMPLATES, template_record(256, [(2, 4), (1, 4)])), source_id=2), A)
    assert octet_counts(decoder.decode(netflow9(data(5), source_id=1, sequence=1), A)) == [5]
    assert octet_counts(decoder.decode(netflow9(data(5), source_id=2, sequence=1), A)) == [1]


def test_T19_a_template_is_replaced_without_withdrawal_and_across_kinds() -> None:
    options = set_(V9_OPTIONS, options_template_record9(256, [(1, 4)], [(34, 4)]))
    message = native(netflow9(TEMPLATES9, data(1)), netflow9(options, data(2), sequence=1))
    assert ("template_changed" in codes(message), len(message.tables), len(message.options)) == (True, 0, 1)


@pytest.mark.parametrize(("transport", "left"), [("udp", [1]), ("tcp", [])])
def test_T20_withdrawals_count_but_not_over_udp(transport: Any, left: list[int]) -> None:
    withdrawn = set_(IPFIX_TEMPLATES, PAIR, uint(256, 2) + uint(0, 2))
    assert octet_counts(native(ipfix(withdrawn, data(1)), transport=transport, replay=False)) == left


def test_T21_all_fields_may_be_scopes_and_lengths_of_v9_are_whole() -> None:
    all_scopes = native(ipfix(told([(346, 4), (303, 2)], [], uint(9, 4), uint(1, 2))))
    assert len(all_scopes.options[0]) == 1
    odd = set_(V9_OPTIONS, options_template_record9(257, [(1, 4)], [(34, 4)], scope_octets=9))
    assert codes(native(netflow9(odd))) == ["template_rejected"]


def test_T21_scopes_that_nobody_knows_are_kept() -> None:
    record = options_template_record9(257, [(99, 3)], [(34, 4)])
    (table,) = native(netflow9(set_(V9_OPTIONS, record), set_(257, b"abc", uint(1, 4)))).options
    assert b"abc" in table[0].as_dict().values()


def test_T22_variable_length_in_its_long_form_and_in_v9() -> None:
    names = set_(V9_TEMPLATES, template_record(256, [(1, 4), (236, VARIABLE)]))
    message = native(netflow9(names, set_(256, uint(1, 4), b"\xff\0\1\0", uint(2, 4), var(b"red"))))
    assert [row["VRFname"] for row in rows(message)] == ["", "red"]


# ── fields ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("width", range(1, 9))
def test_T23_numbers_of_every_width_up_to_8(width: int) -> None:
    row = flow([(1, width), (10, width), (16, width)], *[uint(77, width)] * 3)
    assert (row["bytes"], row["in_if"], row["src_as"]) == (77, 77, 77)


def test_T23_what_a_column_does_not_hold_is_null_and_told() -> None:
    decoder = Decoder(FLOW.select("src_port", "bytes"))
    message = ipfix(
        set_(IPFIX_TEMPLATES, template_record(256, [(7, 4), (1, 4)])),
        set_(256, uint(70_000, 4) + uint(1, 4), uint(80, 4) + uint(2, 4)),
    )
    decoder.feed(message, A)
    assert [row.src_port for row in decoder.take()] == [None, 80]
    assert "value_out_of_range" in [event.code for event in decoder.events()]


def test_T24_v9_has_no_enterprise_bit() -> None:
    fields: list[Field] = [(1, 4), (45003, VARIABLE), (57590, 2), (56701, VARIABLE)]
    record = template_record(256, fields)
    message = native(netflow9(set_(V9_TEMPLATES, record), set_(256, uint(1, 4), var(b"host"), uint(5, 2), var(b"app"))))
    (row,) = rows(message)
    assert (row["ciscoAppHTTPHost"], row["l7_proto"], row["paloAltoAppId"]) == ("host", 5, "app")


def test_T25_firewall_events_count_both_ways() -> None:
    row = flow([(233, 1), (231, 4), (232, 4), (8, 4)], b"\2", uint(100, 4), uint(50, 4), addr("10.0.0.1"), version=9)
    assert (row["record_kind"], row["bytes"]) == (3, 100)


def test_T26_translations_are_no_flows_of_no_octets() -> None:
    row = flow([(230, 1), (8, 4), (225, 4), (227, 2)], b"\1", addr("10.0.0.1"), addr("192.0.2.7"), uint(4096, 2))
    assert (row["record_kind"], row["bytes"], row["post_nat_src_addr"], row["post_nat_src_port"]) == (
        2,
        None,
        "192.0.2.7",
        4096,
    )


@pytest.mark.parametrize(
    ("fields", "values"),
    [
        ([(4, 1), (7, 2), (11, 2)], [b"\1", uint(0, 2), uint(8 * 256 + 3, 2)]),
        ([(4, 1), (32, 2)], [b"\1", uint(8 * 256 + 3, 2)]),
        ([(4, 1), (176, 1), (177, 1)], [b"\1", b"\x08", b"\3"]),
        ([(4, 1), (139, 2)], [b"\x3a", uint(8 * 256 + 3, 2)]),
        ([(4, 1), (178, 1), (179, 1)], [b"\x3a", b"\x08", b"\3"]),
    ],
)
def test_T27_icmp_has_type_and_code_and_no_ports(fields: list[Field], values: list[bytes]) -> None:
    row = flow(fields, *values)
    assert (row["icmp_type"], row["icmp_code"], row["src_port"], row["dst_port"]) == (8, 3, None, None)


def test_T28_an_application_is_engine_and_selector() -> None:
    options = set_(IPFIX_OPTIONS, options_template_record(300, [(95, 4)], [(96, 8)]))
    names = set_(300, b"\x0d\0\0\x50", b"http\0\0\0\0")
    decoder = Decoder(FLOW.select("bytes", "application_id").add("application_name"))
    flows = set_(IPFIX_TEMPLATES, template_record(256, [(1, 4), (95, 4)]))
    decoder.feed(ipfix(options, names, flows), A)
    (row,) = decoder.decode(ipfix(set_(256, uint(1, 4), b"\x0d\0\0\x50"), sequence=1), A).flows
    assert (row.application_id, row.application_name) == (13 << 56 | 0x50, "http")


def test_T29_sections_of_packets_are_kept_as_octets() -> None:
    frame = bytes(range(60))
    message = native(
        ipfix(
            set_(IPFIX_TEMPLATES, template_record(256, [(315, VARIABLE), (312, 2)])), set_(256, var(frame), uint(64, 2))
        )
    )
    (row,) = rows(message)
    assert (row["dataLinkFrameSection"], row["dataLinkFrameSize"]) == (frame, 64)


def test_T30_sequences_count_what_each_protocol_says() -> None:
    decoder = Decoder(NATIVE)
    decoder.feed(ipfix(set_(IPFIX_TEMPLATES, PAIR), sequence=10), A)
    decoder.feed(ipfix(data(1, 2, 3), sequence=10), A)
    decoder.feed(ipfix(data(4), sequence=15), A)
    (gap,) = [event for event in decoder.events() if event.code == "sequence_gap"]
    assert (gap.detail["missed"], gap.detail["unit"]) == (2, "records")
    decoder.feed(netflow9(TEMPLATES9, sequence=10), A)
    decoder.feed(netflow9(data(1, 2, 3), sequence=12), A)
    (gap,) = [event for event in decoder.events() if event.code == "sequence_gap"]
    assert (gap.detail["missed"], gap.detail["unit"]) == (1, "messages")


def test_T31_what_nobody_knows_costs_no_record() -> None:
    unknown = set_(IPFIX_TEMPLATES, template_record(256, [(1, 4), (32000, 4), (7, 4, 4294967000)]))
    message = native(ipfix(unknown, set_(256, uint(1, 4), b"abcd", b"efgh")))
    (row,) = rows(message)
    assert (row["octetDeltaCount"], row["ie_0_32000"], row["ie_4294967000_7"]) == (1, b"abcd", b"efgh")


def test_T32_lists_are_kept_as_octets_however_deep() -> None:
    nested = b"\xff\1\0\0\3" * 4000
    lists = set_(IPFIX_TEMPLATES, template_record(256, [(1, 4), (293, VARIABLE), (2, 4)]))
    message = native(ipfix(lists, set_(256, uint(1, 4), var(nested), uint(2, 4))))
    (row,) = rows(message)
    assert (row["subTemplateMultiList"], row["packetDeltaCount"]) == (nested, 2)


def test_T33_sets_of_v9_in_ipfix_and_octets_behind_are_told() -> None:
    message = native(ipfix(set_(0, PAIR), set_(IPFIX_TEMPLATES, PAIR), data(1)) + b"more")
    assert (octet_counts(message), codes(message)) == ([1], ["trailing_octets", "set_skipped", "template_defined"])


def test_T34_an_exporter_is_its_address_however_it_is_written() -> None:
    decoder = Decoder(NATIVE)
    decoder.feed(netflow9(TEMPLATES9), "192.0.2.1")
    for spelled in ("::ffff:192.0.2.1", ("192.0.2.1", 999), addr("192.0.2.1"), ("::ffff:192.0.2.1", 1, 0, 0)):
        assert octet_counts(decoder.decode(netflow9(data(1), sequence=1), spelled)) == [1]


@pytest.mark.parametrize(("direction", "wanted"), [(0, 0), (1, 1), (255, None)])
def test_T35_a_direction_of_255_is_none(direction: int, wanted: int | None) -> None:
    assert flow([(61, 1), (1, 4)], uint(direction, 1), uint(1, 4))["flow_direction"] == wanted


@pytest.mark.parametrize(
    ("element", "column"),
    [(1, "bytes"), (85, "bytes"), (23, "bytes"), (2, "packets"), (86, "packets"), (24, "packets")],
)
def test_T35_totals_and_outward_counters_are_counters_too(element: int, column: str) -> None:
    assert flow([(element, 8), (8, 4)], uint(7, 8), addr("10.0.0.1"))[column] == 7


# ── the table ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_quirk_has_a_row_and_every_row_its_tests() -> None:
    text = PAGE.read_text(encoding="utf-8")
    here = {name for name in globals() if re.match(r"test_T\d+_", name)}
    assert {int(name.split("_")[1][1:]) for name in here} == set(range(1, 36))
    assert set(re.findall(r"`(test_T\d+_\w+)`", text)) == here


def test_limits_are_met_without_a_word_from_honest_exporters() -> None:
    decoder = Decoder(NATIVE, limits=Limits())
    decoder.feed(netflow9(TEMPLATES9, *[data(*range(20))] * 8), A)
    assert [event.code for event in decoder.events() if event.code == "limit_reached"] == []
