"""sFlow versions 2 and 4 (RFC 3176): records, rows, tables and statistics, whole and cut anywhere."""

from __future__ import annotations

from typing import Any

import pytest

import flowparse as fp
from flowparse import sflow
from flowparse.agents import Agents
from flowparse.sflow.structures import COUNTER, FLOW
from tests import build_sflow as make
from tests.captures.test_sflow import columns_of

SENDER = "192.0.2.200"
FRAME = bytes.fromhex("02000000000102000000000208004500002800000000401100000a0000010a00000204d2003500140000")
SWITCH, ROUTER = make.words(1, 10, 0, 20, 0), make.words(2) + make.address("198.51.100.9") + make.words(24, 16)
SOME_IP6 = make.words(2) + make.address("2001:db8::9") + make.words(64, 48)
USER = make.words(4) + make.opaque("src") + make.opaque("destination")
URL = make.words(5, 1) + make.opaque("http://example.com/")
GATEWAY = {
    2: make.words(3, 65000, 65001, 65002, 3, 7, 8, 9),
    4: make.words(3, 65000, 65001, 65002, 2, 2, 2, 7, 8, 1, 1, 9, 2, 100, 200, 42),
}
HEADER = make.words(1, 1, 1014) + make.opaque(FRAME)
IPV4 = make.words(2, 60, 6) + bytes([10, 0, 0, 1, 10, 0, 0, 2]) + make.words(1234, 80, 16, 0)
IPV6 = make.words(3, 80, 17) + bytes(15) + b"\1" + bytes(15) + b"\2" + make.words(1234, 53, 0, 0)
GENERIC = make.if_counters()[8:]
ETHERNET = make.words(*range(13))
VLAN = make.words(7, 0, 1, 2, 3, 4, 5)
VERSIONS = pytest.mark.parametrize("version", [2, 4])


def flow(packet: bytes, *blocks: bytes, sequence: int = 1, output: int = 4, count: int | None = None) -> bytes:
    """A flow sample: its head, the packet and the blocks behind their number."""
    head = make.words(1, sequence, 3, 400, 4000 * sequence, 0, 3, output)
    return head + packet + make.words(len(blocks) if count is None else count) + b"".join(blocks)


def counters(version: int, *blocks: bytes, sequence: int = 1) -> bytes:
    return make.words(2, sequence, 3, 20, version) + b"".join(blocks)


def every_block(version: int) -> bytes:
    """A datagram with every packet and block that there is."""
    return make.datagram(
        flow(HEADER, SWITCH, ROUTER, GATEWAY[version], USER, URL),
        counters(2, GENERIC, ETHERNET, sequence=7),
        flow(IPV4, SOME_IP6, sequence=2, output=1 << 31 | 3),
        flow(IPV6, sequence=3),
        counters(7, VLAN, sequence=8),
        version=version,
    )


def tables_of(octets: bytes) -> dict[str, list[dict[str, Any]]]:
    message = fp.Decoder(fp.NATIVE).decode(octets, SENDER)
    return {table.name: table.to_dicts() for table in [*message.tables, *message.counters]}


def records_of(datagram: sflow.Datagram) -> dict[str, list[dict[str, Any]]]:
    """The fields of the records as tables have them; what the version does not have is null."""
    found: dict[str, list[dict[str, Any]]] = {}
    for sample in datagram.samples:
        kind = COUNTER if isinstance(sample, sflow.CounterSample) else FLOW
        for record in sample.records:  # type: ignore[union-attr]
            structure = sflow.structures.find(kind, record.enterprise, record.format)
            assert structure is not None
            row: dict[str, Any] = {}
            for field in structure.fields:
                row |= columns_of(field, record.fields.get(field.name), kind == COUNTER)
            found.setdefault(structure.name, []).append(row)
    return found


@VERSIONS
def test_native_has_every_block_of_versions_2_and_4(version: int) -> None:
    octets = every_block(version)
    datagram = sflow.decode(octets)
    assert datagram.notices == ()
    tables, wanted = tables_of(octets), records_of(datagram)
    assert len(tables.pop("flow_sample")) == 3
    assert set(tables) == set(wanted)
    assert len(wanted) == 11
    for name, rows in wanted.items():
        shown = [{column: row[column] for column in rows[0]} for row in tables[name]]
        assert shown == rows, name
    [header] = tables["sampled_header"]
    assert (header["frame_length"], header["stripped"], header["header"]) == (1014, None, FRAME)
    [gateway] = tables["extended_gateway"]
    assert gateway["dst_as_path"] == (7, 8, 9)
    assert gateway["dst_as_path_types"] == ((2, 2, 2) if version == 2 else (2, 2, 1))
    assert (gateway["nexthop"], gateway["localpref"]) == (None, None if version == 2 else 42)
    assert gateway["communities"] == (None if version == 2 else (100, 200))
    [user], [url] = tables["extended_user"], tables["extended_url"]
    assert (user["src_charset"], user["src_user"], user["dst_user"]) == (None, "src", "destination")
    assert (url["direction"], url["url"], url["host"]) == (1, "http://example.com/", None)


@VERSIONS
def test_the_flow_view_of_versions_2_and_4(version: int) -> None:
    first, second, third = fp.Decoder().decode(every_block(version), SENDER).flows
    assert (first.src_addr, first.src_port, first.dst_port, first.bytes) == ("10.0.0.1", 1234, 53, 1014)
    assert (first.src_vlan, first.dst_vlan, first.next_hop, first.src_net) == (10, 20, "198.51.100.9", 24)
    assert (first.src_as, first.dst_as, first.next_hop_as) == (65001, 9, 7)
    assert (second.src_addr, second.dst_port, second.out_if, second.next_hop) == ("10.0.0.1", 80, None, "2001:db8::9")
    assert (third.src_addr, third.proto) == ("::1", 17)


@VERSIONS
def test_forms_of_all_versions_are_one_table(version: int) -> None:
    decoder = fp.Decoder(fp.NATIVE)
    decoder.feed(make.datagram(make.flow_sample(make.gateway((2, (1, 2)), communities=(5,)))), SENDER)
    decoder.feed(every_block(version), SENDER)
    tables = {table.name: table for table in decoder.take_tables()}
    rows = sorted(tables["extended_gateway"], key=lambda row: row["message_index"])
    assert [row["dst_as_path"] for row in rows] == [(1, 2), (7, 8, 9)]
    assert [row["nexthop"] for row in rows] == ["198.51.100.7", None]


@VERSIONS
def test_samples_of_versions_2_and_4_are_counted(version: int) -> None:
    octets = every_block(version)
    decoder, agents = fp.Decoder(), Agents(fp.Limits())
    for _ in range(2):
        decoder.feed(octets, SENDER)
        agents.add(sflow.decode(octets))
    [counted] = decoder.sflow_agents(0).values()
    [again] = agents.read(0).values()
    named = ("FlowSamples", "FlowDatasources", "CounterSamples", "CounterDatasources", "FlowDuplicateSamples")
    assert [counted[f"sFlow{name}"] for name in named] == [6, 1, 4, 1, 3]
    assert [again[f"sFlow{name}"] for name in named] == [6, 1, 4, 1, 3]
    [flows] = [source for source in agents.statistics()[0].data_sources if source.kind == "flow"]
    assert (flows.sampling_rate, flows.effective_sampling_rate) == (400, 4000)


@VERSIONS
@pytest.mark.parametrize("schema", [fp.FLOW, fp.NATIVE], ids=["flow", "native"])
def test_versions_2_and_4_cut_anywhere(version: int, schema: fp.Schema) -> None:
    """A sample that does not hold together ends the datagram, and nothing of it is kept."""
    whole = every_block(version)
    for end in range(len(whole)):
        message = fp.Decoder(schema).decode(whole[:end], SENDER)
        codes = {event.code for event in message.events}
        if end < 24:
            assert codes == {"message_discarded"}
            continue
        assert codes == {"message_truncated"}
        samples = sflow.decode(whole[:end]).samples
        flows = sum(isinstance(sample, sflow.FlowSample) for sample in samples)
        tables = {table.name: len(table) for table in message.tables}
        assert (tables.get("flow_sample", 0) if schema is fp.NATIVE else len(message.flows)) == flows
        assert sum(map(len, message.counters)) == sum(
            len(sample.records) for sample in samples if isinstance(sample, sflow.CounterSample)
        )


@VERSIONS
@pytest.mark.parametrize("count", [2, 0x10000, 0x3FFFFFFF, 0x40000000, 0x80000000, 0xFFFFFFFF])
@pytest.mark.parametrize(
    "sample",
    [
        lambda count: flow(HEADER, SWITCH, count=count),
        lambda count: flow(make.words(1, 1, 100, count)),
        lambda count: flow(IPV4, make.words(3, 1, 2, 3, count)),
        lambda count: flow(IPV4, make.words(4, count)),
        lambda count: flow(IPV4, make.words(4, 0, count)),
        lambda count: flow(IPV4, make.words(5, 1, count)),
        lambda count: flow(IPV4, make.words(2, count)),
        lambda count: flow(make.words(count)),
        counters,
        make.words,
    ],
    ids=["blocks", "header", "path", "user", "second_user", "url", "address", "packet", "version", "type"],
)
def test_counts_and_lengths_of_versions_2_and_4_are_hints(sample: Any, count: int, version: int) -> None:
    octets = make.datagram(flow(IPV4, sequence=5), sample(count), version=version)
    for schema in (fp.FLOW, fp.NATIVE):
        message = fp.Decoder(schema).decode(octets, SENDER)
        assert {event.code for event in message.events} == {"message_truncated"}
    assert len(sflow.decode(octets).samples) == 1
    assert len(fp.Decoder().decode(octets, SENDER).flows) == 1


@pytest.mark.parametrize("count", [2, 0x3FFFFFFF, 0x40000000, 0xFFFFFFFF])
def test_counts_of_segments_are_hints(count: int) -> None:
    octets = make.datagram(flow(IPV4, make.words(3, 1, 2, 3, 1, 2, count, 7)), version=4)
    for schema in (fp.FLOW, fp.NATIVE):
        message = fp.Decoder(schema).decode(octets, SENDER)
        assert {event.code for event in message.events} == {"message_truncated"}
    assert sflow.decode(octets).samples == ()
