"""CSV of sflowtool -l and -L as rows."""

from __future__ import annotations

import pytest

from flowparse import FLOW, Limits, sflowtool
from tests.sflowtool import made, printer

FLOW_ROW = (
    "FLOW,10.0.0.1,3,4,0200000000aa,0200000000bb,0x0800,10,20,192.0.2.1,198.51.100.2,6,0x02,64,49374,443,0x18,82,60,400"
)
CNTR_ROW = "CNTR,10.0.0.1,3,6,1000000000,1,3,5,6,7,8,9,10,11,12,13,14,15,16,17,0"


def row(text: str, **options: object) -> dict[str, object]:
    result = sflowtool.parse(text + "\n", **options)
    [found] = result.flows
    return {name: value for name, value in found.as_dict().items() if value is not None}


def test_a_flow_row() -> None:
    assert row(FLOW_ROW) == {
        "type": 1,
        "record_kind": 1,
        "sampler_address": "10.0.0.1",
        "in_if": 3,
        "out_if": 4,
        "src_mac": "02:00:00:00:00:aa",
        "dst_mac": "02:00:00:00:00:bb",
        "etype": 0x0800,
        "src_vlan": 10,
        "dst_vlan": 20,
        "src_addr": "192.0.2.1",
        "dst_addr": "198.51.100.2",
        "proto": 6,
        "ip_tos": 2,
        "ip_ttl": 64,
        "src_port": 49374,
        "dst_port": 443,
        "tcp_flags": 0x18,
        "bytes": 82,
        "packets": 1,
        "sampling_rate": 400,
        "sampling_source": 2,
    }


@pytest.mark.parametrize(
    ("old", "new", "column", "value"),
    [
        (",3,4,", ",1073741823,0,", "in_if", None),  # the agent itself; more than one port
        (",3,4,", ",1073741823,0,", "out_if", None),
        (",10,20,", ",-1,-1,", "src_vlan", None),  # 0xffffffff with %d
        (",10,20,", ",0,0,", "dst_vlan", None),
        (",400", ",-2147483648", "sampling_rate", 2**31),
        (",400", ",0", "sampling_rate", None),
        (",6,0x02", ",17,0x02", "tcp_flags", None),
        (",6,0x02", ",47,0x02", "src_port", None),
        (",6,0x02,64,49374,443", ",1,0x02,64,8,0", "icmp_type", 8),
        (",6,0x02,64,49374,443", ",1,0x02,64,8,0", "src_port", None),
        ("192.0.2.1", "2001:0db8:0000:0000:0000:0000:0000:0001", "src_addr", "2001:db8::1"),
        ("0200000000aa", "-", "src_mac", None),
        ("0x0800", "0x0000", "etype", None),
    ],
)
def test_what_a_row_says_and_what_it_does_not(old: str, new: str, column: str, value: object) -> None:
    assert row(FLOW_ROW.replace(old, new)).get(column) == value


def test_a_row_without_a_header() -> None:
    found = row("FLOW,10.0.0.1,3,4,-,-,0x0000,0,0,-,-,0,0x00,0,0,0,0x00,0,0,400")
    assert set(found) == {
        "type", "record_kind", "sampler_address", "in_if", "out_if", "packets", "sampling_rate", "sampling_source",
    }  # fmt: skip


def test_a_counter_row() -> None:
    result = sflowtool.parse(CNTR_ROW)
    [batch] = result.counters
    [found] = batch
    assert batch.name == "if_counters"
    assert (found.agent, found.ifIndex, found.ifSpeed, found.ifInOctets) == ("10.0.0.1", 3, 1000000000, 5)
    assert (found.ifOutErrors, found.ifPromiscuousMode) == (17, 0)
    assert len(result.flows) == 0


def test_the_counters_are_those_of_the_other_formats() -> None:
    text = printer.tagged([made.datagram(made.counter_sample(1, ifIndex=3))])
    [ours] = sflowtool.parse(CNTR_ROW).counters
    [theirs] = sflowtool.parse(text).counters
    assert ours.names == theirs.names
    assert ours.layout.types == theirs.layout.types


def test_a_counter_row_of_zeros_stands_for_none() -> None:
    result = sflowtool.parse("CNTR,10.0.0.1" + ",0" * 19)
    assert (result.counters, result.events) == ([], [])


@pytest.mark.parametrize(
    "line",
    [
        FLOW_ROW + ",1",
        FLOW_ROW.replace("192.0.2.1", "192.0.2"),
        FLOW_ROW.replace("49374", "99999"),
        FLOW_ROW.replace("0200000000aa", "0200"),
        CNTR_ROW.replace(",17", ",x"),
        "FLOW",
        "caught exception: 1",
    ],
)
def test_a_line_that_is_no_row(line: str) -> None:
    result = sflowtool.parse(f"{FLOW_ROW}\n{line}\n{FLOW_ROW}\n")
    assert len(result.flows) == 2
    [event] = result.events
    assert (event.code, event.detail["line"]) == ("text_line_skipped", 2)


def test_fields() -> None:
    text = "10.0.0.1,FLOWSAMPLE,400,dropCode 258,192.0.2.1,,443\n10.0.0.1,COUNTERSSAMPLE,,,,,\n"
    fields = ("agent", "sampleType", "meanSkipCount", "outputPort", "srcIP", "srcIP6", "TCPDstPort")
    assert row(text.rstrip("\n"), fields=fields) == {
        "type": 1,
        "record_kind": 1,
        "sampler_address": "10.0.0.1",
        "sampling_rate": 400,
        "sampling_source": 2,
        "src_addr": "192.0.2.1",
        "dst_port": 443,
        "packets": 1,
    }


def test_fields_of_dropped_packets() -> None:
    found = row("192.0.2.1,5", fields=("discarded_srcIP", "inputPort"))
    assert (found["record_kind"], found["src_addr"], found["in_if"]) == (4, "192.0.2.1", 5)


def test_fields_without_a_column_are_told_of_once() -> None:
    parser = sflowtool.Parser(fields=("srcIP", "url", "hostname"))
    assert parser.feed("192.0.2.1,u,h\n192.0.2.2,u,h\n") == 2
    assert [event.detail["fields"] for event in parser.events()] == [("url", "hostname")]
    assert parser.events() == []
    assert len(parser.take()) == 2


def test_pieces_make_no_difference() -> None:
    text = f"{FLOW_ROW}\n{CNTR_ROW}\nnoise\n{FLOW_ROW}".encode()
    whole = sflowtool.parse(text)
    for size in (1, 2, 3, 7, 50, 200):
        parser = sflowtool.Parser()
        for start in range(0, len(text), size):
            parser.feed(text[start : start + size])
        parser.close()
        assert parser.take() == whole.flows
        assert parser.take_counters() == whole.counters
        assert parser.events() == whole.events


def test_many_rows_are_many_chunks() -> None:
    parser = sflowtool.Parser(schema=FLOW.select("bytes", "src_addr"))
    assert parser.feed((FLOW_ROW + "\n") * 9000) == 9000
    flows = parser.take()
    assert (len(flows), len(flows.chunks), sum(flows["bytes"].to_list())) == (9000, 2, 9000 * 82)
    assert list(parser.datagrams()) == []
    assert parser.agents(0) == {}


def test_bounds() -> None:
    result = sflowtool.parse((FLOW_ROW + "\n") * 1000, limits=Limits(column_octets=20000))
    assert 0 < len(result.flows) < 1000
    assert [event.code for event in result.events] == ["output_dropped"]
    result = sflowtool.parse("FLOW," + "x" * 1000 + "\n" + FLOW_ROW, limits=Limits(line_octets=200), format="line")
    assert len(result.flows) == 1
    assert [event.code for event in result.events] == ["limit_reached"]
