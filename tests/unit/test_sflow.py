"""sFlow: datagrams to records, rows and tables, and what becomes of lengths and counts that lie."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

import flowparse as fp
from flowparse import sflow
from flowparse.errors import DecodeError, Malformed, Truncated, UnsupportedVersion
from flowparse.limits import Limits
from flowparse.sflow import CounterSample, DiscardSample, FlowSample, Port, Record
from flowparse.sflow.structures import structures
from tests import build
from tests import build_sflow as make

FRAME = build.ethernet(build.udp(b"x" * 20, ("10.0.0.1", 53), ("10.0.0.2", 5353)), tags=[(0x8100, 100)])
SENDER = ("192.0.2.200", 6343)
RECEIVED_NS = 1_700_000_000_000_000_000


def rows(datagram: bytes, **options: Any) -> list[dict[str, Any]]:
    """The flow rows of a datagram, without what is null."""
    message = fp.Decoder(**options).decode(datagram, SENDER, RECEIVED_NS)
    return [{name: value for name, value in row.as_dict().items() if value is not None} for row in message.flows]


def codes(events: list[fp.Event]) -> list[str]:
    return [event.code for event in events]


# ── records ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_datagram_becomes_samples_of_records_of_fields() -> None:
    octets = make.datagram(
        make.flow_sample(make.header(FRAME), make.switch(), sequence=7),
        make.counters_sample(make.processor(), sequence=8),
        make.discard_sample(make.header(FRAME), sequence=9),
        sub_agent=2,
    )
    datagram = sflow.decode(octets)
    assert (datagram.version, datagram.agent, datagram.sub_agent_id) == (5, "192.0.2.1", 2)
    assert (datagram.sequence, datagram.uptime_ms, datagram.notices) == (1, 10_000, ())
    flow, counters, discard = datagram.samples
    assert isinstance(flow, FlowSample)
    assert isinstance(counters, CounterSample)
    assert isinstance(discard, DiscardSample)
    assert (flow.sequence, flow.source_class, flow.source_index, flow.input, flow.output) == (
        7,
        0,
        3,
        Port(0, 3),
        Port(0, 4),
    )
    assert flow.records[0].fields == {"protocol": 1, "frame_length": 1518, "stripped": 4, "header": FRAME}
    assert flow.records[1].name == "extended_switch"
    assert counters.records[0].fields == {
        "5s_cpu": 0.0,
        "1m_cpu": 21.0,
        "5m_cpu": 20.8,
        "total_memory_bytes": 3997478912,
        "free_memory_bytes": 1083838464,
    }
    assert (discard.reason, discard.output) == (257, Port(0, 0))


def test_compact_and_expanded_samples_say_the_same() -> None:
    compact, expanded = (
        sflow.decode(make.datagram(make.flow_sample(make.switch(), expanded=is_expanded))).samples[0]
        for is_expanded in (False, True)
    )
    assert isinstance(compact, FlowSample)
    assert isinstance(expanded, FlowSample)
    assert compact != expanded
    assert compact.records == expanded.records
    assert (compact.input, compact.source_index) == (expanded.input, expanded.source_index)


def test_records_are_equal_by_value_hashable_and_pickle() -> None:
    octets = make.datagram(make.flow_sample(make.header(FRAME), make.gateway((2, (1, 2)), (1, (3,)))))
    one, two = sflow.decode(octets), sflow.decode(bytearray(octets))
    assert one == two
    assert hash(one) == hash(two)
    assert pickle.loads(pickle.dumps(one)) == one
    with pytest.raises(AttributeError):
        one.samples[0].records[0].fields._names = ()  # type: ignore[union-attr]


def test_what_a_grown_structure_adds_is_kept_as_octets() -> None:
    grown = make.tagged(1001, make.words(10, 0, 20, 0, 99))
    sample = sflow.decode(make.datagram(make.flow_sample(grown, make.router()))).samples[0]
    assert isinstance(sample, FlowSample)
    assert sample.records[0].fields["dst_vlan"] == 20
    assert sample.records[0].data == make.words(99)
    assert sample.records[1].name == "extended_router"


def test_an_older_shorter_structure_has_its_first_fields_only() -> None:
    structure = structures("counter")[0, 2003]
    octets = make.datagram(make.counters_sample(make.tagged(2003, bytes(68))))
    datagram = sflow.decode(octets)
    (record,) = datagram.samples[0].records  # type: ignore[union-attr]
    assert tuple(record.fields) == structure.names[:17]
    assert datagram.notices == ()
    (table,) = fp.Decoder().decode(octets, SENDER).counters
    assert (table.name, table[0]["contexts"], table[0]["cpu_guest"]) == ("host_cpu", 0, None)


def test_forms_of_one_structure_are_one_batch() -> None:
    decoder = fp.Decoder()
    for length in (68, 80, 68):
        decoder.feed(make.datagram(make.counters_sample(make.tagged(2003, bytes(length)))), SENDER)
    (table,) = decoder.take_counters()
    assert [row["cpu_steal"] for row in sorted(table, key=lambda row: row["message_index"])] == [None, 0, None]


@pytest.mark.parametrize("enterprise", [0, 4413, 9])
def test_unknown_structures_are_kept_raw_and_cost_nothing_else(enterprise: int) -> None:
    unknown = make.tagged(999, b"\1\2\3\4", enterprise=enterprise)
    octets = make.datagram(make.flow_sample(unknown, make.switch()))
    sample = sflow.decode(octets).samples[0]
    assert isinstance(sample, FlowSample)
    assert sample.records[0] == Record(enterprise, 999, f"{enterprise}:999", data=b"\1\2\3\4")
    assert rows(octets)[0]["src_vlan"] == 10
    tables = {table.name: table for table in fp.Decoder(fp.NATIVE).decode(octets, SENDER).tables}
    row = tables["unknown"][0]
    assert (row["kind"], row["enterprise"], row["format"], row["data"]) == (0, enterprise, 999, b"\1\2\3\4")


def test_a_structure_is_told_by_its_enterprise_too() -> None:
    of_another = make.tagged(1, make.words(1, 100, 0) + make.opaque(FRAME), enterprise=9)
    assert "src_addr" not in rows(make.datagram(make.flow_sample(of_another)))[0]


def test_a_sample_behind_brocades_wrapper_is_read() -> None:
    wrapper = make.tagged(1, make.words(1, 2), enterprise=1991)
    octets = make.datagram(wrapper + make.flow_sample(make.switch()))
    assert [type(sample) for sample in sflow.decode(octets).samples] == [FlowSample]
    assert rows(octets)[0]["dst_vlan"] == 20


def test_frames_of_an_aggregate_are_records_and_another_in_them_is_not_unfolded() -> None:
    inner = make.tagged(1016, make.words(0))
    pdus = make.words(1, 2) + make.header(FRAME) + inner
    (record,) = sflow.decode(make.datagram(make.flow_sample(make.tagged(1016, pdus)))).samples[0].records  # type: ignore[union-attr]
    ((first, second),) = record.fields["pdus"]
    assert (first.name, second.name, second.data) == ("sampled_header", "0:1016", bytes(4))


# ── the flow view ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_flow_sample_is_a_row_with_what_its_structures_say() -> None:
    octets = make.datagram(
        make.flow_sample(
            make.header(FRAME),
            make.switch(),
            make.router(),
            make.gateway((2, (64510, 64511)), (1, (64512, 64513))),
            make.tagged(1007, make.address("203.0.113.1") + make.address("203.0.113.2")),
            make.tagged(1020, make.words(1111, 2222)),
        ),
        sub_agent=5,
        sequence=42,
    )
    (row,) = rows(octets)
    assert row == {
        "type": 1,
        "sampler_address": "192.0.2.1",
        "observation_domain_id": 5,
        "sequence_num": 42,
        "time_received_ns": RECEIVED_NS,
        "time_flow_start_ns": RECEIVED_NS,
        "time_flow_end_ns": RECEIVED_NS,
        "time_source": 7,
        "bytes": 1518,
        "packets": 1,
        "sampling_rate": 400,
        "sampling_source": 2,
        "src_addr": "10.0.0.1",
        "dst_addr": "10.0.0.2",
        "etype": 0x0800,
        "proto": 17,
        "src_port": 53,
        "dst_port": 5353,
        "in_if": 3,
        "out_if": 4,
        "src_mac": "02:00:00:00:00:01",
        "dst_mac": "02:00:00:00:00:02",
        "vlan_id": 100,
        "src_vlan": 10,
        "dst_vlan": 20,
        "ip_tos": 0,
        "ip_ttl": 64,
        "src_as": 64501,
        "dst_as": 64513,
        "next_hop_as": 64510,
        "src_net": 24,
        "dst_net": 16,
        "next_hop": "198.51.100.9",
        "bgp_next_hop": "198.51.100.7",
        "fragment_id": row["fragment_id"],
        "fragment_offset": 0,
        "flow_direction": 0,
        "post_nat_src_addr": "203.0.113.1",
        "post_nat_dst_addr": "203.0.113.2",
        "post_nat_src_port": 1111,
        "post_nat_dst_port": 2222,
        "record_kind": 1,
    }


@pytest.mark.parametrize(
    ("input", "output", "told"),
    [
        ((0, 3), (0, 4), {"in_if": 3, "out_if": 4}),
        ((0, 0), (0, 0x3FFFFFFF), {}),
        ((0, 9), (2, 7), {"in_if": 9}),
        ((0, 9), (1, 258), {"in_if": 9, "forwarding_status": 128}),
    ],
)
def test_interfaces_follow_the_format_of_the_port(
    input: tuple[int, int], output: tuple[int, int], told: dict[str, int]
) -> None:
    for expanded in (False, True):
        (row,) = rows(make.datagram(make.flow_sample(input=input, output=output, expanded=expanded)))
        assert {name: row[name] for name in ("in_if", "out_if", "forwarding_status") if name in row} == told


def test_a_discarded_packet_is_a_drop() -> None:
    (row,) = rows(make.datagram(make.discard_sample(make.header(FRAME))))
    assert (row["record_kind"], row["forwarding_status"], row["in_if"], row["src_addr"]) == (4, 128, 3, "10.0.0.1")
    assert "sampling_rate" not in row
    assert row["sampling_source"] == 0


def test_rates_come_from_the_caller_the_sample_or_the_default() -> None:
    def rate(sample: bytes, **options: Any) -> tuple[Any, int]:
        (row,) = rows(make.datagram(sample), **options)
        return row.get("sampling_rate"), row["sampling_source"]

    assert rate(make.flow_sample(rate=512)) == (512, 2)
    assert rate(make.flow_sample(rate=512), sampling_override={"192.0.2.1": 9}) == (9, 1)
    assert rate(make.flow_sample(rate=512), sampling_override={"192.0.2.200": 9}) == (512, 2)
    assert rate(make.flow_sample(rate=0), default_sampling_rate=100) == (100, 9)
    assert rate(make.flow_sample(rate=0)) == (None, 0)


def test_a_rate_that_cannot_be_is_not_known_and_told() -> None:
    message = fp.Decoder().decode(make.datagram(make.flow_sample(rate=(1 << 24) + 1)), SENDER)
    assert message.flows[0]["sampling_rate"] is None
    assert codes(message.events) == ["value_out_of_range"]


def test_samples_without_a_header_have_what_else_tells_of_the_packet() -> None:
    ipv6 = build.addr("2001:db8::1") + build.addr("2001:db8::2")
    octets = make.datagram(
        make.flow_sample(
            make.tagged(4, make.words(60, 6) + ipv6 + make.words(443, 50000, 0x12, 0)),
            make.tagged(2, make.words(64) + make.padded_mac("02:00:00:00:00:0a") * 2 + make.words(0x86DD)),
        ),
        make.flow_sample(
            make.tagged(2100, make.words(6) + build.addr("10.0.0.1") + build.addr("10.0.0.2") + make.words(80, 81))
        ),
    )
    first, second = rows(octets)
    assert (first["src_addr"], first["dst_port"], first["tcp_flags"], first["bytes"]) == (
        "2001:db8::1",
        50000,
        0x12,
        60,
    )
    assert (first["src_mac"], first["etype"]) == ("02:00:00:00:00:0a", 0x86DD)
    assert (second["src_addr"], second["proto"], second["src_port"]) == ("10.0.0.1", 6, 80)


def test_only_the_columns_asked_for_are_decoded() -> None:
    schema = fp.FLOW.select("dst_addr", "bytes", "vlan_id").add("message_index", "exporter_port", "sourceMacAddress")
    decoder = fp.Decoder(schema)
    for _ in range(2):
        decoder.feed(make.datagram(make.flow_sample(make.header(FRAME)), make.flow_sample()), SENDER)
    assert [tuple(row.as_dict().values()) for row in decoder.take()] == [
        ("10.0.0.2", 1518, 100, 0, 6343, "02:00:00:00:00:01"),
        (None, None, None, 0, 6343, None),
        ("10.0.0.2", 1518, 100, 1, 6343, "02:00:00:00:00:01"),
        (None, None, None, 1, 6343, None),
    ]


def test_more_samples_than_a_block_and_a_part_hold_keep_their_order() -> None:
    decoder = fp.Decoder(fp.FLOW.select("src_vlan", "sequence_num"))
    samples = [make.flow_sample(make.switch(src_vlan=n)) for n in range(150)]
    for sequence in range(100):
        assert decoder.feed(make.datagram(*samples, sequence=sequence), SENDER) == 150
    taken = decoder.take()
    assert taken["src_vlan"].to_list() == list(range(150)) * 100
    assert decoder.events() == []


# ── tables ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_counters_are_a_table_by_structure() -> None:
    decoder = fp.Decoder()
    octets = make.datagram(make.counters_sample(make.processor(), make.if_counters(), source=(2, 1)), sub_agent=3)
    assert decoder.feed(octets, SENDER, RECEIVED_NS) == 0
    tables = {table.name: table for table in decoder.take_counters()}
    assert sorted(tables) == ["if_counters", "processor"]
    row = tables["processor"][0].as_dict()
    assert row == {
        "agent": "192.0.2.1",
        "sub_agent_id": 3,
        "sequence_num": 1,
        "time_received_ns": RECEIVED_NS,
        "message_index": 0,
        "uptime_ms": 10_000,
        "source_class": 2,
        "source_index": 1,
        "sample_sequence": 1,
        "5s_cpu": 0.0,
        "1m_cpu": 21.0,
        "5m_cpu": 20.8,
        "total_memory_bytes": 3997478912,
        "free_memory_bytes": 1083838464,
    }
    assert decoder.take_counters() == []


def test_a_counter_that_the_agent_does_not_know_is_null() -> None:
    octets = make.datagram(
        make.counters_sample(
            make.processor((0xFFFFFFFF, 100, 0)), make.if_counters(in_octets=2**64 - 1), make.if_counters()
        )
    )
    tables = {table.name: table for table in fp.Decoder().decode(octets, SENDER).counters}
    assert [tables["processor"][0][name] for name in ("5s_cpu", "1m_cpu", "5m_cpu")] == [None, 1.0, 0.0]
    assert tables["if_counters"]["ifInOctets"].to_list() == [None, 1000]
    assert tables["if_counters"]["ifInUnknownProtos"].to_list() == [None, None]
    (sample,) = sflow.decode(octets).samples
    assert isinstance(sample, CounterSample)
    assert sample.records[0].fields["5s_cpu"] is None
    assert sample.records[1].fields["ifInOctets"] == 2**64 - 1


def test_native_has_a_table_for_each_structure_and_the_samples() -> None:
    decoder = fp.Decoder(fp.NATIVE)
    name = make.tagged(1042, make.opaque("no_socket"))
    decoder.feed(
        make.datagram(make.flow_sample(make.header(FRAME), make.header(FRAME)), make.discard_sample(name)), SENDER
    )
    tables = {table.name: table for table in decoder.take_tables()}
    assert {table: len(rows) for table, rows in tables.items()} == {
        "flow_sample": 1,
        "discard_sample": 1,
        "sampled_header": 2,
        "extended_linux_drop_reason": 1,
    }
    assert tables["flow_sample"][0]["sample_pool"] == 4000
    assert tables["sampled_header"][0]["header"] == FRAME
    assert tables["extended_linux_drop_reason"][0]["reason"] == "no_socket"
    assert tables["discard_sample"][0]["reason"] == 257


def test_every_structure_has_a_table() -> None:
    decoder = fp.Decoder(fp.NATIVE)
    for (enterprise, format), _ in structures("flow").items():
        decoder.feed(make.datagram(make.flow_sample(make.tagged(format, bytes(400), enterprise=enterprise))), SENDER)
    for (enterprise, format), _ in structures("counter").items():
        decoder.feed(
            make.datagram(make.counters_sample(make.tagged(format, bytes(400), enterprise=enterprise))), SENDER
        )
    names = {table.name for table in [*decoder.take_tables(), *decoder.take_counters()]}
    assert names == {s.name for kind in ("flow", "counter") for s in structures(kind).values()} | {"flow_sample"}


def test_what_is_decoded_apart_is_in_the_message_alone() -> None:
    decoder = fp.Decoder()
    octets = make.datagram(make.flow_sample(make.switch()), make.counters_sample(make.processor()))
    decoder.feed(octets, SENDER)
    message = decoder.decode(octets, SENDER)
    assert (len(message.flows), [len(table) for table in message.counters]) == (1, [1])
    assert message.version == "sflow5"
    assert message.header == {"version": 5, "domain": 0, "sequence": 1, "sys_uptime_ms": 10_000, "count": 2}
    assert (message.exporter, message.domain) == ("192.0.2.200", 0)
    other = decoder.decode(build.netflow5([]), SENDER)
    assert (other.counters, len(other.flows)) == ([], 0)
    assert len(decoder.take()) == 1
    assert [len(table) for table in decoder.take_counters()] == [1]


def test_counters_that_nobody_takes_make_room_and_cost_no_flow() -> None:
    decoder = fp.Decoder(limits=Limits(column_octets=6 << 20))
    samples = [make.counters_sample(make.if_counters()) for _ in range(60)]
    for sequence in range(1200):
        assert decoder.feed(make.datagram(*samples, make.flow_sample(), sequence=sequence), SENDER) == 1
        if decoder.rows_waiting > 1000:
            decoder.take()
    events = decoder.events()
    assert set(codes(events)) == {"output_dropped"}
    assert all("counters that nobody took" in event.message for event in events)
    assert sum(len(table) for table in decoder.take_counters()) > 0


def test_little_room_for_counters_still_holds_those_of_some_datagrams() -> None:
    decoder = fp.Decoder(limits=Limits(column_octets=1 << 20))
    for sequence in range(8):
        decoder.feed(make.datagram(make.counters_sample(make.if_counters()), sequence=sequence), SENDER)
    assert decoder.events() == []
    assert [len(table) for table in decoder.take_counters()] == [8]


# ── agents ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_agents_and_sub_agents_behind_one_sender_have_sequences_of_their_own() -> None:
    decoder = fp.Decoder()
    for sequence in range(1, 4):
        for agent, sub_agent, offset in (("192.0.2.1", 0, 0), ("192.0.2.2", 0, 500), ("192.0.2.1", 1, 9000)):
            decoder.feed(make.datagram(agent=agent, sub_agent=sub_agent, sequence=sequence + offset), SENDER)
    assert decoder.events() == []
    assert sorted((each.exporter, each.domain, each.datagrams) for each in decoder.stats()) == [
        ("192.0.2.1", 0, 3),
        ("192.0.2.1", 1, 3),
        ("192.0.2.2", 0, 3),
    ]


def test_a_gap_a_late_datagram_and_a_restart_are_told() -> None:
    decoder = fp.Decoder()
    for sequence, uptime_ms in ((10, 100_000), (13, 200_000), (11, 199_000), (1, 10), (2, 20)):
        decoder.feed(make.datagram(sequence=sequence, uptime_ms=uptime_ms), SENDER)
    gap, restart = decoder.events()
    assert (gap.code, gap.detail["missed"], gap.detail["unit"], gap.offset) == ("sequence_gap", 2, "messages", 16)
    assert (restart.code, restart.offset, restart.exporter) == ("exporter_restarted", 20, "192.0.2.1")
    (stats,) = decoder.stats()
    assert (stats.version, stats.missed_unit, stats.reordered, stats.missed) == ("sflow", "messages", 1, 1)


def test_statistics_count_samples_of_packets() -> None:
    for schema in (fp.FLOW, fp.NATIVE):
        decoder = fp.Decoder(schema)
        decoder.feed(
            make.datagram(make.flow_sample(make.switch()), make.discard_sample(), make.counters_sample()), SENDER
        )
        assert [(each.records, each.sampling_rate, each.sampling_source) for each in decoder.stats()] == [
            (2, 400, "record")
        ]


def test_an_agent_of_unknown_address_goes_by_its_sender() -> None:
    (row,) = rows(make.datagram(make.flow_sample(), agent=None))
    assert row["sampler_address"] == "192.0.2.200"
    assert sflow.decode(make.datagram(agent=None)).agent is None


def test_agents_that_a_sender_invents_are_bounded_and_evict_no_other_exporter() -> None:
    decoder = fp.Decoder(limits=Limits(exporters=4))
    decoder.feed(build.netflow5([build.V5Record()]), "192.0.2.7")
    for n in range(50):
        decoder.feed(make.datagram(make.flow_sample(), agent=f"10.0.0.{n}"), SENDER)
    stats = decoder.stats()
    assert len([each for each in stats if each.version == "sflow"]) == 4
    assert [each.exporter for each in stats if each.version == "netflow5"] == ["192.0.2.7"]
    *evicted, counted = decoder.events()
    assert codes(evicted) == ["limit_reached"] * 46
    assert counted.detail == {"agents": 46}
    assert len(decoder.take()) == 51


# ── lengths and counts that lie ──────────────────────────────────────────────────────────────────────────────────────

COUNTS = [0, 1, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF]


@pytest.mark.parametrize("count", [2, *COUNTS[2:]])
@pytest.mark.parametrize("expanded", [False, True])
def test_counts_are_hints(count: int, expanded: bool) -> None:
    for octets, what in (
        (make.datagram(make.flow_sample(make.switch(), count=count, expanded=expanded)), "records"),
        (make.datagram(make.flow_sample(make.switch(), expanded=expanded), count=count), "samples"),
    ):
        datagram = sflow.decode(octets)
        assert len(datagram.samples) == 1
        assert len(datagram.notices) == 1
        message = fp.Decoder().decode(octets, SENDER)
        assert [row["src_vlan"] for row in message.flows] == [10]
        (event,) = message.events
        assert event.code in ("message_truncated", "limit_reached")
        assert what in event.message
        assert len(fp.Decoder(malformed="discard").decode(octets, SENDER).flows) == (event.code == "limit_reached")


@pytest.mark.parametrize("count", COUNTS[2:])
def test_counts_of_lists_are_hints(count: int) -> None:
    for body in (
        make.address("192.0.2.1") + make.words(1, 2, 3, count),  # segments of a path
        make.address("192.0.2.1") + make.words(1, 2, 3, 1, 2, count, 7),  # AS numbers of one
    ):
        octets = make.datagram(make.flow_sample(make.tagged(1003, body), make.switch()))
        (row,) = rows(octets)
        assert (row["src_as"], row["src_vlan"]) == (2, 10)
        datagram = sflow.decode(octets)
        (sample,) = datagram.samples
        assert "dst_as_path" not in sample.records[0].fields  # type: ignore[union-attr]
        assert codes(list(datagram.notices)) == ["message_truncated"]
    for format in (2001, 10):  # adapters of a host, lanes of a module
        for count_at in (0, 16):
            body = bytes(count_at) + make.words(count, 1, count)
            message = fp.Decoder().decode(make.datagram(make.counters_sample(make.tagged(format, body))), SENDER)
            assert "message_truncated" in codes(message.events) or len(message.counters) == 1


def test_a_header_longer_than_its_record_costs_its_record_only() -> None:
    bad = make.tagged(1, make.words(1, 99, 4, 0xFFFFFFF0) + bytes(64))
    message = fp.Decoder().decode(make.datagram(make.flow_sample(bad, make.switch())), SENDER)
    row = message.flows[0]
    assert (row["bytes"], row["src_addr"], row["src_vlan"]) == (99, None, 10)
    assert codes(message.events) == ["message_truncated"]


@pytest.mark.parametrize("name", ["samples_per_datagram", "records_per_sample"])
def test_limits_bound_samples_and_records(name: str) -> None:
    records = [make.switch()] * 5
    octets = make.datagram(*[make.flow_sample(*records)] * 5)
    for limit, told in ((5, []), (4, ["limit_reached"])):
        message = fp.Decoder(limits=Limits(**{name: limit})).decode(octets, SENDER)
        assert len(message.flows) == (limit if name == "samples_per_datagram" else 5)
        assert sorted(set(codes(message.events))) == told
        assert sorted(set(codes(list(sflow.decode(octets, limits=Limits(**{name: limit})).notices)))) == told


def test_headers_that_end_early_or_lie_are_refused() -> None:
    octets = make.datagram(make.flow_sample())
    for length in range(28):
        with pytest.raises(Truncated if length >= 4 else DecodeError):
            sflow.decode(octets[:length])
        message = fp.Decoder().decode(octets[:length], SENDER)
        assert codes(message.events) == ["message_discarded"]
    with pytest.raises(UnsupportedVersion):
        sflow.decode(make.datagram(version=3))
    bad = make.words(5, 3) + bytes(40)
    with pytest.raises(Malformed):
        sflow.decode(bad)
    with pytest.raises(Malformed):
        fp.Decoder(strict=True).feed(bad, SENDER)
    assert codes(fp.Decoder().decode(bad, SENDER).events) == ["message_discarded"]


def test_a_strict_decoder_says_what_is_wrong_and_nothing_of_the_datagram_counts() -> None:
    decoder = fp.Decoder(strict=True)
    good = make.datagram(make.flow_sample(make.switch()), make.counters_sample(make.processor()))
    with pytest.raises(Truncated) as caught:
        decoder.feed(
            make.datagram(make.flow_sample(make.switch()), make.counters_sample(make.processor(), count=9)), SENDER
        )
    assert caught.value.offset is not None
    assert decoder.rows_waiting == 0
    assert decoder.take_counters() == []
    assert decoder.feed(good, SENDER) == 1
    assert [each.discarded for each in decoder.stats()] == [1]


def test_sflow_beside_other_protocols_keeps_the_order_of_messages() -> None:
    decoder = fp.Decoder(fp.FLOW.select("type").add("message_index"))
    decoder.feed(make.datagram(make.flow_sample()), SENDER)
    decoder.feed(build.netflow5([build.V5Record()]), SENDER)
    decoder.feed(make.datagram(make.counters_sample(make.processor())), SENDER)
    decoder.feed(make.datagram(make.flow_sample()), SENDER)
    assert sorted((row["message_index"], row["type"]) for row in decoder.take()) == [(0, 1), (1, 2), (3, 1)]


def test_agents_are_counted_as_sflow_rt_counts_them() -> None:
    decoder = fp.Decoder()
    for sequence in (1, 2, 4):
        samples = make.flow_sample(sequence=sequence), make.counters_sample(make.processor(), sequence=sequence)
        decoder.feed(make.datagram(*samples, sequence=sequence), SENDER, RECEIVED_NS + sequence * 10**9)
    decoder.feed(make.datagram(make.flow_sample(sequence=9), count=5, sequence=5)[:40], SENDER)
    agent = decoder.sflow_agents(RECEIVED_NS + 10 * 10**9)["192.0.2.1"]
    assert (agent["sFlowDatagramsReceived"], agent["sFlowDatagramsLost"], agent["lastSeen"]) == (4, 1, 6000)
    assert (agent["sFlowFlowSamples"], agent["sFlowFlowLostSamples"], agent["sFlowCounterSamples"]) == (3, 1, 3)
    assert agent["sFlowDatagramSource"] == ["192.0.2.200"]
    strict = fp.Decoder(strict=True)
    with pytest.raises(Truncated):
        strict.feed(make.datagram(make.flow_sample(), count=5), SENDER)
    assert strict.sflow_agents(0) == {}


def test_a_capture_gives_what_its_datagrams_give() -> None:
    """The walk stops within the first datagram, for its agent and its structures, and goes on with it."""
    datagrams = [
        make.datagram(
            make.flow_sample(make.header(FRAME), sequence=n),
            make.counters_sample(make.processor(), make.if_counters(), sequence=n),
            agent=f"192.0.2.{n % 3}",
            sequence=n // 3,
        )
        for n in range(12)
    ]
    frames = [(RECEIVED_NS + n, build.ethernet(build.udp(each, SENDER))) for n, each in enumerate(datagrams)]
    of_capture, of_feed = fp.Decoder(), fp.Decoder()
    assert of_capture.feed_capture(build.pcap(frames, nanosecond=True)) == 12
    for n, each in enumerate(datagrams):
        of_feed.feed(each, SENDER, RECEIVED_NS + n)
    assert of_capture.take().to_dicts() == of_feed.take().to_dicts()
    assert [table.to_dicts() for table in of_capture.take_counters()] == [
        table.to_dicts() for table in of_feed.take_counters()
    ]
    assert of_capture.events() == of_feed.events() == []
    assert of_capture.sflow_agents(0) == of_feed.sflow_agents(0)
