"""`Decoder.interfaces`: ifIndexes with what went through them, whatever the protocol and the schema."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import pytest

from flowparse import FLOW, NATIVE, Decoder, Limits
from flowparse._interfaces import InterfaceTable
from tests import build_sflow as sflow
from tests.build import (
    IPFIX_OPTIONS,
    IPFIX_TEMPLATES,
    V9_TEMPLATES,
    V5Record,
    ipfix,
    netflow5,
    netflow9,
    options_template_record,
    set_,
    template_record,
    uint,
)

A, B = "192.0.2.1", "2001:db8::b"
IN, OUT, OCTETS = 10, 14, 1
SCHEMAS = [FLOW, NATIVE, FLOW.select("src_addr"), FLOW.select("out_if", "in_if"), FLOW.drop("bytes", "in_if")]
Flow = tuple[int, int, int]


def expected(flows: Iterable[tuple[str, Flow]]) -> dict[tuple[str, int], list[int]]:
    """(exporter, ifIndex) -> flows in, octets in, flows out, octets out."""
    counted: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for exporter, (in_if, out_if, octets) in flows:
        for way, port in enumerate((in_if, out_if)):
            if port:
                counted[exporter, port][2 * way] += 1
                counted[exporter, port][2 * way + 1] += octets
    return dict(counted)


def counted(decoder: Decoder) -> dict[tuple[str, int], list[int]]:
    rows = decoder.interfaces.to_dicts()
    assert [(row["exporter"], row["if_index"]) for row in rows] == [
        (row["exporter"], row["if_index"]) for row in decoder.interfaces
    ]
    for row in rows:
        assert row["flows"] == row["in_flows"] + row["out_flows"]
        assert row["bytes"] == row["in_bytes"] + row["out_bytes"]
    return {
        (row["exporter"], row["if_index"]): [row[name] for name in ("in_flows", "in_bytes", "out_flows", "out_bytes")]
        for row in rows
    }


def v5(flows: Iterable[Flow]) -> bytes:
    return netflow5([V5Record(in_if=in_if, out_if=out_if, octets=octets) for in_if, out_if, octets in flows])


TEMPLATE = template_record(256, [(IN, 4), (OUT, 4), (OCTETS, 8)])


def records(flows: Iterable[Flow]) -> bytes:
    return b"".join(uint(in_if, 4) + uint(out_if, 4) + uint(octets, 8) for in_if, out_if, octets in flows)


def v9(flows: Iterable[Flow]) -> bytes:
    return netflow9(set_(V9_TEMPLATES, TEMPLATE), set_(256, records(flows)))


def v10(flows: Iterable[Flow]) -> bytes:
    return ipfix(set_(IPFIX_TEMPLATES, TEMPLATE), set_(256, records(flows)))


def samples(flows: Iterable[Flow]) -> bytes:
    return sflow.datagram(
        *(
            sflow.flow_sample(sflow.header(b"", frame_length=octets), input=(0, in_if), output=(0, out_if))
            for in_if, out_if, octets in flows
        )
    )


def some(seed: int, n: int, *, most: int = 300, octets: int = 2**20) -> list[Flow]:
    pick = random.Random(seed)
    ports = [0, *(pick.randrange(1, most) for _ in range(40))]
    return [(pick.choice(ports), pick.choice(ports), pick.randrange(octets)) for _ in range(n)]


@pytest.mark.parametrize("schema", SCHEMAS, ids=["FLOW", "NATIVE", "one column", "two", "some"])
@pytest.mark.parametrize("message", [v5, v9, v10], ids=["v5", "v9", "ipfix"])
def test_flows_and_octets_of_each_interface_whatever_the_schema(schema: Any, message: Any) -> None:
    decoder, sent = Decoder(schema), []
    for n in range(40):
        exporter = A if n % 3 else B
        # Few rows of one exporter, many, ifIndexes and counts beyond what is added up in an array.
        flows = some(n, 30, most=300 if n % 5 else 65536, octets=2**20 if n % 7 else 2**32)
        decoder.feed(message(flows), exporter)
        sent += [(exporter, flow) for flow in flows]
        if n == 20:
            decoder.take_tables()
    assert counted(decoder) == expected(sent)
    decoder.take_tables()
    assert counted(decoder) == expected(sent)


def test_samples_of_sflow_count_for_the_agent() -> None:
    for schema in (FLOW, FLOW.select("proto")):
        decoder, flows = Decoder(schema), some(1, 100)
        decoder.feed(samples(flows), B)
        assert counted(decoder) == expected((A, flow) for flow in flows)


def test_many_rows_of_one_exporter_in_one_chunk() -> None:
    decoder, flows = Decoder(), some(3, 20000, most=900)
    for at in range(0, len(flows), 30):
        decoder.feed(v5(flows[at : at + 30]), A)
    assert counted(decoder) == expected((A, flow) for flow in flows)


def test_samples_of_sflow_as_sent_are_not_counted_for_their_ports_need_not_be_interfaces() -> None:
    ports = [((0, 3), (0, 4)), ((0, 3), (1, 258)), ((0, 3), (2, 5)), ((0, 0x3FFFFFFF), (0, 4))]
    header = sflow.header(b"", frame_length=64)
    samples = sflow.datagram(*(sflow.flow_sample(header, input=one, output=other) for one, other in ports))
    flow, native = Decoder(), Decoder(NATIVE)
    flow.feed(samples, A)
    native.feed(samples, A)
    # Dropped, or to five ports, or from the agent itself: none of those is an interface.
    assert counted(flow) == {(A, 3): [3, 192, 0, 0], (A, 4): [0, 0, 2, 128]}
    assert len(native.interfaces) == 0
    tables = {table.name: table for table in native.take_tables()}
    rows = tables["flow_sample"].to_dicts()
    assert [((row["input_format"], row["input"]), (row["output_format"], row["output"])) for row in rows] == ports
    assert "frame_length" not in tables["flow_sample"].names
    assert [row["frame_length"] for row in tables["sampled_header"]] == [64] * 4


def test_large_indexes_and_counts_are_exact() -> None:
    decoder = Decoder()
    flows = [(2**32 - 1, 436207616, 2**63), (2**32 - 1, 1023, 2**62), (1024, 2**32 - 1, 5)] * 3
    decoder.feed(v10(flows), A)
    assert counted(decoder)[A, 1024] == [3, 15, 0, 0]
    # Octets are counted modulo 2**64, as their counters are.
    found = counted(decoder)[A, 2**32 - 1]
    assert found == [6, (3 * 2**63 + 3 * 2**62) % 2**64, 3, 15]


def test_a_message_that_does_not_count_is_not_counted() -> None:
    decoder = Decoder()
    cut = ipfix(set_(IPFIX_TEMPLATES, TEMPLATE), set_(256, records([(1, 2, 3)])), set_(256, b"", length=999))
    decoder.feed(cut, A)
    assert len(decoder.interfaces) == 0


def test_what_waited_for_its_template_is_counted_when_it_comes() -> None:
    decoder = Decoder()
    decoder.feed(ipfix(set_(256, records([(1, 2, 3)]))), A)
    assert len(decoder.interfaces) == 0
    decoder.feed(ipfix(set_(IPFIX_TEMPLATES, TEMPLATE)), A)
    assert counted(decoder) == {(A, 1): [1, 3, 0, 0], (A, 2): [0, 0, 1, 3]}


def test_rows_that_leave_with_their_message_are_counted() -> None:
    decoder = Decoder()
    assert len(decoder.decode(v5([(1, 2, 3)]), A).flows) == 1
    assert counted(decoder) == {(A, 1): [1, 3, 0, 0], (A, 2): [0, 0, 1, 3]}


def test_last_seen_is_when_the_caller_received_it() -> None:
    decoder = Decoder()
    decoder.feed(v5([(1, 2, 3)]), A, 5)
    decoder.feed(v5([(1, 3, 3)]), A, 9)
    decoder.feed(v5([(4, 1, 3)]), A)
    seen = {row["if_index"]: row["last_seen_ns"] for row in decoder.interfaces}
    assert seen == {1: 9, 2: 5, 3: 9, 4: None} or seen == {1: 9, 2: 9, 3: 9, 4: 9}


def test_an_exporter_that_is_not_known_and_the_zero_address_are_two() -> None:
    decoder = Decoder()
    decoder.feed(v5([(1, 1, 3)]), "")
    decoder.feed(v5([(1, 1, 3)]), "::")
    assert [(row["exporter"], row["if_index"], row["flows"]) for row in decoder.interfaces] == [
        (None, 1, 2),
        ("::", 1, 2),
    ]


def test_names_by_options_and_by_counters() -> None:
    decoder = Decoder()
    options = options_template_record(257, [(IN, 4)], [(82, 4), (83, 4)])
    decoder.feed(
        ipfix(set_(IPFIX_OPTIONS, options), set_(257, uint(7, 4) + b"eth7up\0\0" + uint(8, 4) + b"eth8\0\0\0\0")), A
    )
    decoder.feed(v5([(7, 9, 100)]), A)
    port_name = sflow.tagged(1005, sflow.opaque("ge-0/0/3"))
    decoder.feed(sflow.datagram(sflow.counters_sample(port_name, source=(0, 9))), B)
    found = {row["if_index"]: (row["name"], row["description"], row["flows"]) for row in decoder.interfaces}
    assert found == {7: ("eth7", "up", 1), 8: ("eth8", None, 0), 9: ("ge-0/0/3", None, 1)}
    # Counters that left, with take or with their message, are remembered; those of data sources that are none are not.
    decoder.take_counters()
    other = sflow.tagged(1005, sflow.opaque("vlan 9"))
    decoder.decode(sflow.datagram(sflow.counters_sample(other, source=(1, 9))), B)
    again = sflow.tagged(1005, sflow.opaque("ge-0/0/10"))
    decoder.decode(sflow.datagram(sflow.counters_sample(again, source=(0, 10))), B)
    assert {row["if_index"]: row["name"] for row in decoder.interfaces} == {
        7: "eth7", 8: "eth8", 9: "ge-0/0/3", 10: "ge-0/0/10",
    }  # fmt: skip


def test_reading_it_takes_nothing() -> None:
    decoder = Decoder()
    port_name = sflow.tagged(1005, sflow.opaque("ge-0/0/3"))
    decoder.feed(sflow.datagram(sflow.counters_sample(port_name), sflow.flow_sample(sflow.header(b"x"))), A)
    decoder.feed(v5([(1, 2, 3)]), A)
    before = decoder.rows_waiting
    for _ in range(3):
        assert len(decoder.interfaces) == 4
    assert decoder.rows_waiting == before == len(decoder.take())
    assert [batch.name for batch in decoder.take_counters()] == ["port_name"]


def test_no_more_interfaces_than_the_limit_and_it_is_told() -> None:
    decoder = Decoder(limits=Limits(interfaces=10))
    for n in range(1, 31):
        decoder.feed(v5([(5, n, 1)]), A)
        decoder.take()
    found = counted(decoder)
    assert len(found) == 10
    assert found[A, 5][0] == 30
    assert found[A, 30] == [0, 0, 1, 1]
    [event] = [event for event in decoder.events() if event.code == "limit_reached"]
    assert event.detail == {"interfaces": 20, "limit": 10}
    assert not decoder.events()


def test_names_of_ports_meet_the_same_limit() -> None:
    decoder = Decoder(limits=Limits(interfaces=3))
    for n in range(1, 9):
        port_name = sflow.tagged(1005, sflow.opaque(f"port {n}"))
        decoder.decode(sflow.datagram(sflow.counters_sample(port_name, source=(0, n))), A)
    assert [row["name"] for row in decoder.interfaces] == ["port 6", "port 7", "port 8"]


def test_a_limit_of_none_counts_none() -> None:
    decoder = Decoder(limits=Limits(interfaces=0))
    decoder.feed(v5([(1, 2, 3)]), A)
    port_name = sflow.tagged(1005, sflow.opaque("ge-0/0/3"))
    decoder.feed(sflow.datagram(sflow.counters_sample(port_name)), A)
    decoder.take_counters()
    assert len(decoder.interfaces) == 0


def test_a_record_without_interfaces_counts_none_and_one_without_octets_counts_flows() -> None:
    decoder = Decoder()
    decoder.feed(ipfix(set_(IPFIX_TEMPLATES, template_record(256, [(OCTETS, 8)])), set_(256, uint(5, 8))), A)
    assert len(decoder.interfaces) == 0
    decoder.feed(ipfix(set_(IPFIX_TEMPLATES, template_record(257, [(OUT, 2)])), set_(257, uint(5, 2))), A)
    assert counted(decoder) == {(A, 5): [0, 0, 1, 0]}


def test_a_table_has_room_for_one() -> None:
    with pytest.raises(ValueError, match="room for one"):
        InterfaceTable(0)
