"""NetFlow v5, v1 and v7 as Cisco wrote them and as exporters send them; one item of the conformance list each.

Items are numbered C-... in docs/conformance; what has no number is a quirk seen in the field.
"""

from __future__ import annotations

import array
import copy
import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest

from flowparse import (
    FLOW,
    NATIVE,
    DecodeError,
    Decoder,
    Event,
    FlowparseError,
    Malformed,
    Message,
    Truncated,
    UnsupportedVersion,
)
from tests.build import UPTIME_MS, V5Record, V7Record, addr, chapter_message, netflow1, netflow5, netflow7

cisco = pytest.mark.rfc("Cisco", "NetFlow v5")
EXPORTER = ("192.0.2.9", 9995)
EXPORT_NS = 1_700_000_000 * 10**9


def decode(octets: bytes, **decoder: Any) -> Message:
    return Decoder(**decoder).decode(octets, EXPORTER)


def codes(events: list[Event]) -> list[str]:
    return [event.code for event in events]


def records(n: int) -> list[V5Record]:
    return [V5Record(octets=1000 + i) for i in range(n)]


# ── sequence ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def in_sequence(*parts: tuple[int, int] | tuple[int, int, int], **header: Any) -> Decoder:
    """Feed datagrams of (sequence, flows[, uptime])."""
    decoder = Decoder()
    for sequence, n, *uptime in parts:
        decoder.feed(
            netflow5(records(n), sequence=sequence, sys_uptime_ms=(uptime or [UPTIME_MS])[0], **header), EXPORTER
        )
    return decoder


@cisco
def test_C_120_the_sequence_wraps_at_two_to_the_32() -> None:
    decoder = in_sequence((2**32 - 2, 5), (3, 4), (7, 1))
    assert decoder.events() == []
    assert decoder.stats()[0].missed == 0


@cisco
def test_C_120_a_gap_across_the_wrap_is_counted_by_its_flows() -> None:
    decoder = in_sequence((2**32 - 2, 5), (13, 1))
    (event,) = decoder.events()
    assert (event.code, dict(event.detail)) == (
        "sequence_gap",
        {"expected": 3, "received": 13, "missed": 10, "unit": "flows"},
    )


@cisco
def test_C_121_a_missing_message_is_a_gap_of_so_many_flows() -> None:
    decoder = in_sequence((100, 30), (190, 30))
    (event,) = decoder.events()
    assert (event.code, event.offset, event.domain) == ("sequence_gap", 16, 0)
    assert dict(event.detail) == {"expected": 130, "received": 190, "missed": 60, "unit": "flows"}
    assert decoder.stats()[0].missed == 60
    assert len(decoder.take()) == 60


@cisco
def test_C_121_a_duplicate_is_counted_and_decoded() -> None:
    decoder = in_sequence((100, 30), (100, 30), (130, 1))
    assert decoder.events() == []
    assert (decoder.stats()[0].reordered, decoder.stats()[0].missed) == (1, 0)
    assert len(decoder.take()) == 61


@cisco
def test_C_121_what_comes_late_was_not_missed() -> None:
    decoder = in_sequence((0, 10), (20, 10), (10, 10), (30, 10))
    assert codes(decoder.events()) == ["sequence_gap"]
    assert (decoder.stats()[0].reordered, decoder.stats()[0].missed) == (1, 0)


@cisco
@pytest.mark.parametrize("count", [1, 7, 30])
def test_C_125_the_next_sequence_number_is_so_many_flows_further(count: int) -> None:
    assert in_sequence(*((i * count, count) for i in range(5))).events() == []


@cisco
def test_C_125_engines_count_by_themselves() -> None:
    decoder = Decoder()
    for sequence in (0, 1, 2):
        for engine in ((0, 0), (0, 1), (1, 0)):
            message = netflow5(records(1), sequence=sequence, engine_type=engine[0], engine_id=engine[1])
            decoder.feed(message, EXPORTER)
    assert decoder.events() == []
    assert sorted(stats.domain or 0 for stats in decoder.stats()) == [0, 1, 256]


@cisco
def test_C_125_a_count_that_lies_still_takes_its_numbers() -> None:
    decoder = Decoder()
    decoder.feed(netflow5(records(2), count=30), EXPORTER)
    decoder.feed(netflow5(records(1), sequence=30), EXPORTER)
    assert codes(decoder.events()) == ["message_truncated"]


@cisco
def test_C_127_an_exporter_that_counts_messages_is_found_out() -> None:
    decoder = in_sequence(*((i, 30) for i in range(200)), (210, 30))
    (stats,) = decoder.stats()
    assert (stats.missed, stats.missed_unit, stats.reordered) == (10, "messages", 0)
    (event,) = decoder.events()
    assert dict(event.detail) == {"expected": 200, "received": 210, "missed": 10, "unit": "messages"}


@cisco
@pytest.mark.parametrize("counts", [(2,), (3,), (2, 1), (1, 3, 2)])
def test_C_127_short_messages_that_are_counted_are_found_out_too(counts: tuple[int, ...]) -> None:
    decoder = in_sequence(*((i, counts[i % len(counts)]) for i in range(60)), (70, 2))
    (stats,) = decoder.stats()
    assert (stats.missed, stats.missed_unit, stats.reordered) == (10, "messages", 0)


@cisco
def test_C_127_an_exporter_that_counts_flows_again_is_found_out_too() -> None:
    decoder = in_sequence(*((i, 30) for i in range(10)), *((1000 + 30 * i, 30) for i in range(10)))
    (stats,) = decoder.stats()
    assert (stats.missed_unit, stats.reordered) == ("flows", 0)
    assert stats.missed == 990


@cisco
def test_C_127_a_sequence_that_stands_still_makes_no_storm_of_events() -> None:
    decoder = in_sequence(*((0, 30) for _ in range(200)))
    assert decoder.events() == []
    assert decoder.stats()[0].missed == 0


@cisco
def test_C_128_a_sequence_that_starts_anew_loses_no_rows() -> None:
    decoder = in_sequence((1_000_000, 3), (0, 3), (3, 3))
    (event,) = decoder.events()
    assert event.code == "sequence_reset"
    assert dict(event.detail) == {"expected": 1_000_003, "received": 0}
    assert (decoder.stats()[0].resets, decoder.stats()[0].missed) == (1, 0)
    assert len(decoder.take()) == 9


@cisco
def test_an_uptime_that_falls_says_that_the_exporter_restarted() -> None:
    decoder = in_sequence((1_000_000, 3, 90_000_000), (0, 3, 5_000), (3, 3, 6_000))
    (event,) = decoder.events()
    assert (event.code, event.offset) == ("exporter_restarted", 4)
    assert dict(event.detail) == {"before_ms": 90_000_000, "now_ms": 5_000}
    assert decoder.stats()[0].resets == 1


@cisco
def test_an_uptime_that_wraps_in_sequence_is_no_restart() -> None:
    assert in_sequence((0, 3, 2**32 - 500), (3, 3, 500), (6, 1, 1500)).events() == []


@cisco
def test_netflow7_counts_flows_too_and_netflow1_counts_nothing() -> None:
    decoder = Decoder()
    for sequence in (0, 2, 10):
        decoder.feed(netflow7([V7Record(), V7Record()], sequence=sequence), EXPORTER)
        decoder.feed(netflow1(records(2)), EXPORTER)
    assert [event.detail["missed"] for event in decoder.events()] == [6]
    assert {stats.version: (stats.missed, stats.missed_unit) for stats in decoder.stats()} == {
        "netflow7": (6, "flows"),
        "netflow1": (0, ""),
    }


# ── the format ───────────────────────────────────────────────────────────────────────────────────────────────────────

# Offset, width and IANA name of each field of a v5 record.
V5_FIELDS = [
    (0, 4, "sourceIPv4Address"),
    (4, 4, "destinationIPv4Address"),
    (8, 4, "ipNextHopIPv4Address"),
    (12, 2, "ingressInterface"),
    (14, 2, "egressInterface"),
    (16, 4, "packetDeltaCount"),
    (20, 4, "octetDeltaCount"),
    (24, 4, "flowStartSysUpTime"),
    (28, 4, "flowEndSysUpTime"),
    (32, 2, "sourceTransportPort"),
    (34, 2, "destinationTransportPort"),
    (37, 1, "tcpControlBits"),
    (38, 1, "protocolIdentifier"),
    (39, 1, "ipClassOfService"),
    (40, 2, "bgpSourceAsNumber"),
    (42, 2, "bgpDestinationAsNumber"),
    (44, 1, "sourceIPv4PrefixLength"),
    (45, 1, "destinationIPv4PrefixLength"),
]
# Those where v1 and v7 differ.
V1_FIELDS = [*V5_FIELDS[:11], (38, 1, "protocolIdentifier"), (39, 1, "ipClassOfService"), (40, 1, "tcpControlBits")]
V7_FIELDS = [*V5_FIELDS, (36, 1, "flags1"), (46, 2, "flags2"), (48, 4, "routerShortcut")]


def check_offsets(header: bytes, length: int, fields: list[tuple[int, int, str]]) -> None:
    """Every field is exactly at its place: records of octets that count up, from several starts."""
    body = b"".join(bytes((start + i) % 256 for i in range(length)) for start in (0, 100, 200))
    (table,) = decode(header + body, schema=NATIVE).tables
    assert len(table) == 3
    for i, row in enumerate(table):
        record = body[i * length : (i + 1) * length]
        assert {name: row.raw(name) for _, _, name in fields} == {
            name: record[offset : offset + width] for offset, width, name in fields
        }
    assert len(table.names) == 6 + len(fields)


@cisco
def test_C_207_every_field_of_a_v5_record_is_at_its_offset() -> None:
    check_offsets(netflow5([], count=3), 48, V5_FIELDS)


@cisco
@pytest.mark.parametrize("n", range(1, 31))
def test_C_207_a_message_of_n_records_gives_n_rows_in_order(n: int) -> None:
    message = decode(netflow5(records(n)))
    assert message.flows["bytes"].to_list() == [1000 + i for i in range(n)]
    assert message.events == []


@cisco
def test_C_207_the_header_by_name() -> None:
    octets = netflow5(
        records(2), sequence=77616, sys_uptime_ms=1, export_time_s=2, export_time_ns=3, engine_type=4, engine_id=5,
        sampling_mode=1, sampling_interval=100,
    )  # fmt: skip
    message = decode(octets)
    assert dict(message.header) == {
        "version": 5, "count": 2, "sys_uptime_ms": 1, "export_time_s": 2, "export_time_ns": 3, "sequence": 77616,
        "engine_type": 4, "engine_id": 5, "sampling_mode": 1, "sampling_interval": 100,
    }  # fmt: skip
    assert (message.version, message.exporter, message.domain) == ("netflow5", "192.0.2.9", 4 * 256 + 5)


@cisco
@pytest.mark.parametrize(("count", "there"), [(2, 1), (30, 29), (65535, 3), (31, 30)])
def test_C_208_fewer_records_than_counted_are_kept_and_told(count: int, there: int) -> None:
    message = decode(netflow5(records(there), count=count))
    assert len(message.flows) == there
    event = message.events[0]
    assert (event.code, event.severity, event.offset) == ("message_truncated", "error", 2)
    assert dict(event.detail) == {"count": count, "available": there}


@cisco
@pytest.mark.parametrize("cut", [1, 47, 48, 49])
def test_C_208_a_cut_record_is_not_a_record(cut: int) -> None:
    message = decode(netflow5(records(3))[:-cut])
    assert message.flows["bytes"].to_list() == [1000, 1001][: 2 - (cut > 48)]


@cisco
def test_C_208_discard_and_strict_keep_nothing_of_it() -> None:
    lying = netflow5(records(1), count=2)
    message = decode(lying, malformed="discard")
    assert (len(message.flows), codes(message.events)) == (0, ["message_discarded"])
    with pytest.raises(Truncated) as caught:
        decode(lying, strict=True)
    assert caught.value.offset == 2
    assert caught.value.clause is not None


@cisco
@pytest.mark.parametrize("trailing", [1, 47, 48, 100])
def test_C_209_octets_behind_the_last_counted_record_are_told(trailing: int) -> None:
    message = decode(netflow5(records(2)) + bytes(trailing))
    assert len(message.flows) == 2
    (event,) = message.events
    assert (event.code, event.offset) == ("trailing_octets", 24 + 2 * 48)
    assert dict(event.detail) == {"octets": trailing}


@cisco
@pytest.mark.parametrize("count", [31, 100, 1364])
def test_C_210_more_than_thirty_records_are_accepted_and_told(count: int) -> None:
    octets = netflow5(records(1) * count)
    message = decode(octets)
    assert (len(message.flows), codes(message.events)) == (count, ["count_mismatch"])
    with pytest.raises(Malformed):
        decode(octets, strict=True)


@cisco
def test_C_211_a_count_of_zero_is_no_records_and_no_error() -> None:
    message = decode(netflow5([]), strict=True)
    assert (len(message.flows), message.events) == (0, [])


@cisco
@pytest.mark.parametrize(
    ("word", "mode", "interval", "rate", "source"),
    [
        (0x4064, 1, 100, 100, 7),
        (0x8064, 2, 100, 100, 7),
        (0xC064, 3, 100, 100, 7),
        (0x7FFF, 1, 0x3FFF, 0x3FFF, 7),
        (0x4001, 1, 1, 1, 7),
    ],
)
def test_C_212_the_sampling_word_is_a_mode_and_an_interval(
    word: int, mode: int, interval: int, rate: int, source: int
) -> None:
    message = decode(netflow5(records(1), sampling_mode=word >> 14, sampling_interval=word & 0x3FFF))
    assert message.header["sampling_mode"] == mode
    assert message.header["sampling_interval"] == interval
    assert message.flows[0]["sampling_rate"] == rate
    assert message.flows[0]["sampling_source"] == source


@cisco
@pytest.mark.parametrize(("interval", "rate", "source"), [(100, 100, 8), (0, None, 0)])
def test_C_213_an_interval_without_a_mode_is_a_rate_of_its_own_source(
    interval: int, rate: int | None, source: int
) -> None:
    row = decode(netflow5(records(1), sampling_mode=0, sampling_interval=interval)).flows[0]
    assert (row["sampling_rate"], row["sampling_source"]) == (rate, source)


@cisco
@pytest.mark.parametrize("mode", [1, 2, 3])
def test_C_213_an_interval_of_zero_says_no_rate_whatever_the_mode(mode: int) -> None:
    row = decode(netflow5(records(1), sampling_mode=mode, sampling_interval=0)).flows[0]
    assert (row["sampling_rate"], row["sampling_source"]) == (None, 0)


@cisco
def test_C_214_engine_type_and_id_are_the_domain() -> None:
    decoder = Decoder()
    for kind, number in ((0, 0), (0, 255), (255, 0), (255, 255)):
        decoder.feed(netflow5(records(1), engine_type=kind, engine_id=number), EXPORTER)
    assert decoder.take()["observation_domain_id"].to_list() == [0, 255, 0xFF00, 0xFFFF]
    assert decoder.events() == []


@cisco
def test_C_215_times_are_the_export_time_less_how_long_ago_it_was() -> None:
    octets = netflow5([V5Record(first_ms=7_000, last_ms=9_500)], sys_uptime_ms=10_000, export_time_ns=250_000_001)
    row = decode(octets).flows[0]
    assert row["time_flow_start_ns"] == EXPORT_NS + 250_000_001 - 3_000 * 10**6
    assert row["time_flow_end_ns"] == EXPORT_NS + 250_000_001 - 500 * 10**6
    assert row["time_source"] == 5


@cisco
@pytest.mark.parametrize(
    ("first", "last", "uptime"),
    [
        (2**32 - 1000, 500, 2000),  # the uptime wrapped while the flow went on
        (2**32 - 3000, 2**32 - 1000, 1000),  # between flow and export
        (0, 1, 1),
    ],
)
def test_C_215_uptimes_wrap_at_two_to_the_32(first: int, last: int, uptime: int) -> None:
    row = decode(netflow5([V5Record(first_ms=first, last_ms=last)], sys_uptime_ms=uptime)).flows[0]
    assert row["time_flow_start_ns"] == EXPORT_NS - (uptime - first) % 2**32 * 10**6
    assert row["time_flow_end_ns"] == EXPORT_NS - (uptime - last) % 2**32 * 10**6
    assert row["time_flow_start_ns"] <= row["time_flow_end_ns"]


@cisco
def test_C_215_a_flow_may_end_a_little_after_the_header_was_written() -> None:
    row = decode(netflow5([V5Record(first_ms=9_990, last_ms=10_040)], sys_uptime_ms=10_000)).flows[0]
    assert row["time_flow_start_ns"] == EXPORT_NS - 10 * 10**6
    assert row["time_flow_end_ns"] == EXPORT_NS + 40 * 10**6


@cisco
def test_C_215_more_nanoseconds_than_a_second_has_are_added() -> None:
    octets = netflow5([V5Record(first_ms=10, last_ms=10)], sys_uptime_ms=10, export_time_ns=2**32 - 1)
    assert decode(octets).flows[0]["time_flow_start_ns"] == EXPORT_NS + 2**32 - 1


@cisco
def test_C_215_times_at_either_end_of_what_the_header_can_say() -> None:
    last = decode(netflow5([V5Record(first_ms=0, last_ms=0)], sys_uptime_ms=0, export_time_s=2**32 - 1)).flows[0]
    assert last["time_flow_end_ns"] == (2**32 - 1) * 10**9
    early = decode(netflow5([V5Record(first_ms=0, last_ms=0)], sys_uptime_ms=2**31, export_time_s=0)).flows[0]
    assert early["time_flow_end_ns"] == -(2**31) * 10**6


@cisco
def test_C_216_the_sequence_number_is_a_column() -> None:
    assert decode(netflow5(records(2), sequence=2**32 - 1)).flows["sequence_num"].to_list() == [2**32 - 1] * 2


@cisco
def test_C_217_masks_and_flags_are_as_sent_and_padding_is_nothing() -> None:
    record = V5Record(src_mask=33, dst_mask=255, tcp_flags=0xFF, pad1=0xAA, pad2=0xBBBB)
    row = decode(netflow5([record])).flows[0]
    assert (row["src_net"], row["dst_net"], row["tcp_flags"]) == (33, 255, 0xFF)
    assert row == decode(netflow5([V5Record(src_mask=33, dst_mask=255, tcp_flags=0xFF)])).flows[0]
    assert not any("padding" in name for name in decode(netflow5([record]), schema=NATIVE).tables[0].names)


@pytest.mark.rfc("Cisco", "NetFlow v1")
def test_C_218_every_field_of_a_v1_record_is_at_its_offset() -> None:
    # 48 octets, as softflowd, nfdump and Wireshark have it.
    check_offsets(netflow1([], count=3), 48, V1_FIELDS)


@pytest.mark.rfc("Cisco", "NetFlow v7")
def test_C_218_every_field_of_a_v7_record_is_at_its_offset() -> None:
    check_offsets(netflow7([], count=3), 52, V7_FIELDS)


@pytest.mark.rfc("Cisco", "NetFlow v1, v7")
@pytest.mark.parametrize(
    ("write", "header", "record"), [(netflow1, 16, 48), (netflow7, 24, 52)], ids=["netflow1", "netflow7"]
)
def test_C_218_v1_and_v7_are_truncated_by_the_same_rules(write: Any, header: int, record: int) -> None:
    made = [V7Record(octets=1), V7Record(octets=2)]
    assert decode(write(made)).flows["bytes"].to_list() == [1, 2]
    assert codes(decode(write(made, count=3)).events) == ["message_truncated"]
    assert len(decode(write(made, count=3)).flows) == 2
    behind = decode(write(made, count=1))
    assert (len(behind.flows), behind.events[0].offset) == (1, header + record)
    assert codes(decode(write(made)[: header - 1]).events) == ["message_discarded"]
    with pytest.raises(Truncated):
        decode(write(made, count=3), strict=True)


@pytest.mark.rfc("Cisco", "NetFlow v1, v7")
def test_C_218_v1_and_v7_have_the_columns_that_they_can_fill() -> None:
    record = V7Record(src_as=7, dst_as=8, src_mask=24, router_sc="192.0.2.77", flags1=1, flags2=2)
    one = decode(netflow1([record])).flows[0]
    seven = decode(netflow7([record], sequence=5)).flows[0]
    assert (one["type"], one["src_as"], one["src_net"], one["sequence_num"]) == (6, None, None, None)
    assert (seven["type"], seven["src_as"], seven["src_net"], seven["sequence_num"]) == (7, 7, 24, 5)
    for row in (one, seven):
        assert (row["sampling_rate"], row["sampling_source"], row["observation_domain_id"]) == (None, 0, 0)
    (native,) = decode(netflow7([record]), schema=NATIVE).tables
    assert (native[0]["routerShortcut"], native[0]["flags1"], native[0]["flags2"]) == ("192.0.2.77", 1, 2)


@pytest.mark.parametrize("version", [0, 2, 3, 4, 6, 8, 11, 255, 0x0500, 65535])
def test_C_218_other_versions_are_refused(version: int) -> None:
    octets = struct.pack(">H", version) + netflow5(records(1))[2:]
    (event,) = decode(octets).events
    assert (event.code, event.severity, event.offset, event.domain) == ("message_discarded", "error", 0, None)
    assert event.detail["version"] == version
    with pytest.raises(UnsupportedVersion):
        decode(octets, strict=True)


# ── quirks ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_start_a_day_behind_its_end_wrapped_once_and_a_small_inversion_stays() -> None:
    day_ms = 86_400_000
    uptime = 30 * day_ms
    wrapped, inverted = decode(
        netflow5(
            [
                V5Record(first_ms=uptime, last_ms=uptime - 2 * day_ms),
                V5Record(first_ms=uptime, last_ms=uptime - 5),
            ],
            sys_uptime_ms=uptime,
        )
    ).flows
    assert wrapped["time_flow_start_ns"] == EXPORT_NS - 2**32 * 10**6
    assert wrapped["time_flow_end_ns"] == EXPORT_NS - 2 * day_ms * 10**6
    assert inverted["time_flow_start_ns"] - inverted["time_flow_end_ns"] == 5 * 10**6


@pytest.mark.parametrize("proto", [1, 58])
@pytest.mark.parametrize(
    ("src_port", "dst_port", "icmp"),
    [
        (0, 0x0800, (8, 0)),  # Cisco: type * 256 + code in the destination port
        (0, 0x0303, (3, 3)),
        (0x0B01, 0, (11, 1)),  # others: in the source port
        (0x1234, 0x0301, (3, 1)),  # both: the destination port wins
        (0, 0, (0, 0)),  # an echo reply
        (0xFFFF, 0xFFFF, (255, 255)),
    ],
)
def test_icmp_type_and_code_leave_the_ports(proto: int, src_port: int, dst_port: int, icmp: tuple[int, int]) -> None:
    row = decode(netflow5([V5Record(proto=proto, src_port=src_port, dst_port=dst_port)])).flows[0]
    assert (row["icmp_type"], row["icmp_code"]) == icmp
    assert (row["src_port"], row["dst_port"]) == (None, None)


@pytest.mark.parametrize("proto", [0, 2, 6, 17, 57, 59, 132, 255])
def test_ports_of_other_protocols_stay_and_icmp_is_null(proto: int) -> None:
    row = decode(netflow5([V5Record(proto=proto, src_port=0, dst_port=0x0800)])).flows[0]
    assert (row["src_port"], row["dst_port"]) == (0, 0x0800)
    assert (row["icmp_type"], row["icmp_code"]) == (None, None)


def test_icmp_beside_others_is_split_record_by_record() -> None:
    protos = [6, 1, 17, 58] * 20
    flows = decode(netflow5([V5Record(proto=p, src_port=i, dst_port=256 + i) for i, p in enumerate(protos)])).flows
    assert flows["dst_port"].to_list() == [None if p in (1, 58) else 256 + i for i, p in enumerate(protos)]
    assert flows["icmp_code"].to_list() == [i if p in (1, 58) else None for i, p in enumerate(protos)]
    assert flows["dst_port"].null_count == flows["icmp_type"].to_list().count(None) == 40


def test_native_keeps_the_ports_of_icmp_as_sent() -> None:
    (table,) = decode(netflow5([V5Record(proto=1, src_port=3, dst_port=0x0800)]), schema=NATIVE).tables
    assert (table[0]["sourceTransportPort"], table[0]["destinationTransportPort"]) == (3, 0x0800)


def test_a_next_hop_of_zero_is_null_in_flow_and_zero_in_native() -> None:
    octets = netflow5([V5Record(), V5Record(next_hop="192.0.2.254"), V5Record(next_hop="0.0.0.1")])
    assert decode(octets).flows["next_hop"].to_list() == [None, "192.0.2.254", "0.0.0.1"]
    (table,) = decode(octets, schema=NATIVE).tables
    assert table["ipNextHopIPv4Address"].to_list() == ["0.0.0.0", "192.0.2.254", "0.0.0.1"]


def test_addresses_are_stored_as_mapped_ipv6() -> None:
    row = decode(netflow5([V5Record(src_addr="10.0.0.9", dst_addr="0.0.0.0")])).flows[0]
    assert row.as_dict(text=False)["src_addr"] == bytes(10) + b"\xff\xff" + addr("10.0.0.9")
    assert (row["src_addr"], row["dst_addr"], row["etype"]) == ("10.0.0.9", "0.0.0.0", 0x0800)


def test_an_exporter_is_one_as_ipv4_and_as_mapped_ipv6() -> None:
    decoder = Decoder()
    decoder.feed(netflow5(records(1), sequence=0), "192.0.2.9")
    decoder.feed(netflow5(records(1), sequence=1), ("::ffff:192.0.2.9", 4000, 0, 0))
    decoder.feed(netflow5(records(1), sequence=3), addr("192.0.2.9"))
    assert [event.detail["missed"] for event in decoder.events()] == [1]
    (stats,) = decoder.stats()
    assert (stats.exporter, stats.datagrams) == ("192.0.2.9", 3)


def test_several_messages_in_one_datagram_are_the_first_and_trailing_octets() -> None:
    message = decode(netflow5(records(2)) + netflow5(records(3)))
    assert (len(message.flows), codes(message.events)) == (2, ["trailing_octets"])


def test_what_no_field_of_v5_says_is_null() -> None:
    row = decode(chapter_message()).flows[0]
    said = {name for name, value in row.items() if value is not None}
    assert {"flow_direction", "template_id", "src_mac", "vlan_id", "flow_count", "time_received_ns"} & said == set()


def test_netflow8_is_not_decoded() -> None:
    assert codes(decode(b"\0\x08" + netflow5(records(1))[2:]).events) == ["message_discarded"]


# ── the chapter ──────────────────────────────────────────────────────────────────────────────────────────────────────

PRINTED = """\
0 192.168.0.1:26828 -> 192.168.0.5:179 1 packts 40 bytes
1 10.0.0.9:52912 -> 10.0.0.5:8000 6 packts 487 bytes
2 10.0.0.9:52912 -> 10.0.0.5:8000 6 packts 487 bytes
3 10.0.0.5:8000 -> 10.0.0.9:52912 5 packts 973 bytes
4 10.0.0.5:8000 -> 10.0.0.9:52912 5 packts 973 bytes
5 10.0.0.9:52913 -> 10.0.0.5:8000 6 packts 487 bytes
6 10.0.0.9:52913 -> 10.0.0.5:8000 6 packts 487 bytes
7 10.0.0.5:8000 -> 10.0.0.9:52913 5 packts 973 bytes
8 10.0.0.5:8000 -> 10.0.0.9:52913 5 packts 973 bytes
"""


def test_the_nine_flows_of_the_chapter_print_as_in_the_book() -> None:
    message = decode(chapter_message())
    lines = [
        f"{i} {flow.src_addr}:{flow.src_port} -> {flow.dst_addr}:{flow.dst_port} "
        f"{flow.packets} packts {flow.bytes} bytes\n"
        for i, flow in enumerate(message.flows)
    ]
    assert "".join(lines) == PRINTED
    assert (message.header["sys_uptime_ms"], message.header["sequence"]) == (290826756, 77616)
    assert (message.header["export_time_s"], message.header["export_time_ns"]) == (1489636168, 401224368)
    there = [flow for flow in message.flows if (flow.src_addr, flow.dst_addr) == ("10.0.0.9", "10.0.0.5")]
    assert sum(flow.bytes for flow in there) == 1948


# ── what a caller may rely on ────────────────────────────────────────────────────────────────────────────────────────

OCTETS = netflow5(records(3))


@pytest.mark.parametrize(
    "wrap",
    [
        bytes,
        bytearray,
        memoryview,
        lambda octets: memoryview(bytearray(octets)),
        lambda octets: memoryview(octets).cast("b"),
        lambda octets: memoryview(b"xx" + octets + b"yy")[2:-2],
        lambda octets: array.array("B", octets),
        lambda octets: numpy.frombuffer(octets, "u1"),
    ],
)
def test_C_249_octets_of_every_kind_are_the_same(wrap: Any) -> None:
    decoder = Decoder()
    assert decoder.feed(wrap(OCTETS), EXPORTER) == 3
    assert decoder.feed_many([wrap(OCTETS)], EXPORTER) == 3
    assert decoder.decode(wrap(OCTETS), EXPORTER).flows["bytes"].to_list() == [1000, 1001, 1002]
    assert decoder.take()["bytes"].to_list() == [1000, 1001, 1002] * 2


@pytest.mark.parametrize(
    "wrong",
    [
        memoryview(OCTETS + OCTETS)[::2],
        memoryview(OCTETS)[::-1],
        memoryview(OCTETS).cast("H"),
        array.array("I", [0] * 20),
        numpy.zeros(100, "u2"),
        numpy.zeros((100, 2), "u1")[:, 0],
    ],
    ids=["every other", "backwards", "u16", "array of u32", "numpy of u16", "numpy column"],
)
def test_C_249_other_buffers_are_a_type_error_before_any_state(wrong: Any) -> None:
    check_refused(wrong)


@pytest.mark.parametrize("wrong", ["text", None, 5, 1.5, [1, 2], object()])
def test_C_250_what_is_no_buffer_is_a_type_error(wrong: Any) -> None:
    check_refused(wrong)


def check_refused(wrong: Any) -> None:
    decoder = Decoder()
    for door in (decoder.feed, decoder.decode):
        with pytest.raises(TypeError):
            door(wrong, EXPORTER)
    with pytest.raises(TypeError):
        decoder.feed_many([wrong], EXPORTER)
    assert (decoder.rows_waiting, decoder.events(), [s.datagrams for s in decoder.stats()]) == (0, [], [])


def test_C_249_a_buffer_is_free_after_the_call() -> None:
    octets = bytearray(OCTETS)
    for schema in (FLOW, NATIVE):
        decoder = Decoder(schema)
        decoder.feed(octets, EXPORTER)
        decoder.feed_many([octets], EXPORTER)
        message = decoder.decode(octets, EXPORTER)
        octets.append(0)
        octets.pop()
        del message
    with pytest.raises(DecodeError):
        Decoder(strict=True).feed(octets[:30], EXPORTER)
    octets.append(0)  # BufferError if anything still looked at it


def test_C_250_empty_octets_are_a_malformed_message() -> None:
    message = decode(b"")
    (event,) = message.events
    assert (event.code, dict(event.detail)) == ("message_discarded", {"needed": 2, "available": 0})
    assert (message.version, dict(message.header), message.domain, len(message.flows)) == (None, {}, None, 0)


@pytest.mark.parametrize(
    "octets",
    [b"", b"\0", b"\0\x05", b"\0\x63" + bytes(50), netflow5([])[:23], netflow5([], count=1), netflow5(records(31))],
)
def test_C_251_every_error_is_ours_and_says_where_in_few_words(octets: bytes) -> None:
    with pytest.raises(FlowparseError) as caught:
        decode(octets, strict=True)
    error = caught.value
    assert isinstance(error, DecodeError)
    assert isinstance(error.offset, int)
    assert f"offset {error.offset}" in str(error)
    assert len(str(error)) < 300
    assert repr(error).isascii()
    told = decode(octets).events[0]
    assert len(told.message) < 300
    assert repr(told).isascii()
    assert told.clause == error.clause


DIGEST = """
import hashlib, sys
from flowparse import Decoder
from tests.build import V5Record, netflow1, netflow5
decoder = Decoder(key="address+port")
for i in range(300):
    octets = netflow5([V5Record(octets=k, proto=k % 60) for k in range(i % 31)], sequence=i * 7 % 1000, engine_id=i % 3)
    decoder.feed(octets[: len(octets) - i % 2], (f"10.0.0.{i % 7}", i % 5), i)
    decoder.feed(netflow1([V5Record()]), "10.0.0.1")
told = repr((decoder.take().to_dicts(), decoder.events(), decoder.stats()))
print(hashlib.sha256(told.encode()).hexdigest())
"""


def test_C_252_the_same_octets_give_the_same_results_whatever_the_hash_seed() -> None:
    root = Path(__file__).parents[2]
    digests = set()
    for seed in ("0", "1", "random"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join([str(root), *sys.path])}
        told = subprocess.run(
            [sys.executable, "-c", DIGEST], env=environment, capture_output=True, text=True, check=True
        )
        digests.add(told.stdout)
    assert len(digests) == 1


def test_C_253_results_pickle_and_a_decoder_does_not() -> None:
    decoder = Decoder()
    decoder.feed(netflow5(records(2), count=5), EXPORTER)
    (event,) = decoder.events()
    (stats,) = decoder.stats()
    for plain in (event, stats, FLOW, NATIVE, FLOW.select("bytes")):
        assert pickle.loads(pickle.dumps(plain)) == plain
        assert copy.deepcopy(plain) == plain
    assert pickle.loads(pickle.dumps(NATIVE)) is NATIVE
    for refuse in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="does not pickle"):
            refuse(decoder)


def test_C_254_an_interrupt_in_the_middle_leaves_the_state_whole() -> None:
    calls = []

    def allow(exporter: Any) -> bool:
        calls.append(exporter)
        if exporter == "192.0.2.2":
            raise KeyboardInterrupt
        return True

    decoder = Decoder(allow=allow)
    exporters = ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.1"]
    with pytest.raises(KeyboardInterrupt):
        decoder.feed_many([netflow5(records(1), sequence=i) for i in range(4)], exporters)
    before = decoder.rows_waiting
    assert before == sum(stats.records for stats in decoder.stats())
    assert decoder.feed(netflow5(records(1), sequence=before), "192.0.2.1") == 1
    assert decoder.events() == []
    assert len(decoder.take()) == before + 1
