"""NetFlow v5: the floors the compiled decoder must hold beside others, and its doors beside each other.

One call of ours feeds, takes, hands over to pyarrow and sums a column, so that nothing can be put off. After each unit,
and outside its time, the columns are compared with what numpy reads in the same octets, the source having been
overwritten where it can be. Floors leave room for the noise of shared machines. All peers decode the same datagrams.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import flowparse as fp
from bench import gen
from bench.ratio import Ratio

pa: Any = pytest.importorskip("pyarrow")
pc: Any = pytest.importorskip("pyarrow.compute")

pytestmark = pytest.mark.filterwarnings("default")  # peers may warn

HEADER = 24
RECEIVED_NS = gen.EXPORT_TIME_S * 1_000_000_000
CHUNK_ROWS = 8192
PEER_DATAGRAMS = 60  # 1,800 records: a few milliseconds of the Python peers

# The record as numpy sees it, big-endian; padding is skipped.
FORMATS = {1: "u1", 2: ">u2", 4: ">u4"}
OFFSETS = np.cumsum([0, *(width for _, width in gen.V5[:-1])]).tolist()
FIELDS = [(name, FORMATS[width], at) for (name, width), at in zip(gen.V5, OFFSETS, strict=True) if name]
NAMES = [name for name, _, _ in FIELDS]
RECORD = np.dtype(
    {
        "names": NAMES,
        "formats": [form for _, form, _ in FIELDS],
        "offsets": [at for _, _, at in FIELDS],
        "itemsize": 48,
    }
)
SUMMED = (
    "octetDeltaCount",
    "packetDeltaCount",
    "sourceTransportPort",
    "destinationTransportPort",
    "protocolIdentifier",
    "tcpControlBits",
    "ingressInterface",
    "egressInterface",
    "bgpSourceAsNumber",
    "bgpDestinationAsNumber",
)
COUNTED = ("sourceIPv4Address", "destinationIPv4Address", "ipNextHopIPv4Address")

# 23 columns that v5 fills.
EXPORTED = (
    *("type", "time_received_ns", "sampler_address", "sequence_num", "sampling_rate", "time_flow_start_ns"),
    *(
        "time_flow_end_ns",
        "bytes",
        "packets",
        "src_addr",
        "dst_addr",
        "etype",
        "proto",
        "src_port",
        "dst_port",
        "in_if",
    ),
    *("out_if", "ip_tos", "tcp_flags", "src_as", "dst_as", "src_net", "next_hop"),
)


@pytest.fixture(scope="module")
def v5() -> gen.Workload:
    return gen.v5()


def numpy_view(datagrams: list[bytes]) -> Any:
    return np.frombuffer(b"".join([datagram[HEADER:] for datagram in datagrams]), RECORD)


def octet_total(datagrams: list[bytes]) -> int:
    return int(numpy_view(datagrams)["octetDeltaCount"].sum(dtype=np.uint64))


class Source:
    """A workload, what is true of it, and how its table is made sure of."""

    def __init__(self, workload: gen.Workload) -> None:
        self.workload = workload
        view = numpy_view(workload.datagrams)
        self.sums = {name: int(view[name].sum(dtype=np.uint64)) for name in SUMMED}
        self.distinct = {name: len(np.unique(view[name])) for name in COUNTED}
        self.octets = self.sums["octetDeltaCount"]

    def arrow(self, batch: Any, column: str) -> Any:
        """Hand over to pyarrow and sum one column: part of the timed work."""
        table = pa.table(batch)
        total = pc.sum(table[column]).as_py()
        if total != self.octets:
            raise AssertionError(f"{column} sums to {total}, not {self.octets}")
        return table

    def check_native(self, table: Any) -> None:
        """Every element, not only the one summed: part of no timed work."""
        assert table.num_rows == self.workload.records
        assert {name: pc.sum(table[name]).as_py() for name in SUMMED} == self.sums
        assert {name: pc.count_distinct(table[name]).as_py() for name in COUNTED} == self.distinct

    def check_flow(self, table: Any) -> None:
        assert table.num_rows == self.workload.records
        assert pc.sum(table["packets"]).as_py() == self.sums["packetDeltaCount"]
        assert pc.count_distinct(table["src_addr"]).as_py() == self.distinct["sourceIPv4Address"]

    def native(self) -> Callable[[], Any]:
        decoder = fp.Decoder(schema=fp.NATIVE)
        datagrams = self.workload.datagrams

        def run() -> Any:
            decoder.feed_many(datagrams, gen.EXPORTER, RECEIVED_NS)
            [batch] = decoder.take_tables()
            return self.arrow(batch, "octetDeltaCount")

        return run

    def flow(self) -> Callable[[], Any]:
        decoder = fp.Decoder()
        datagrams = self.workload.datagrams

        def run() -> Any:
            decoder.feed_many(datagrams, gen.EXPORTER, RECEIVED_NS)
            return self.arrow(decoder.take(), "bytes")

        return run


@pytest.fixture(scope="module")
def source(v5: gen.Workload) -> Source:
    return Source(v5)


def netflume_sum(workload: gen.Workload) -> tuple[Callable[[], int], int]:
    """netflume to its dicts, each visited; and how many there are."""
    netflume = pytest.importorskip("netflume")
    decoder = netflume.Decoder()
    datagrams = workload.datagrams[:PEER_DATAGRAMS]

    def run() -> int:
        total = 0
        for datagram in datagrams:
            for flow in decoder.decode(datagram, gen.EXPORTER).flows:
                total += flow["octets"]
        return total

    assert run() == octet_total(datagrams)
    return run, 30 * len(datagrams)


def feed_each(feed: Callable[..., int], take: Callable[[], Any], datagrams: list[bytes]) -> int:
    """One call a datagram, as a collector does; the rows are taken when they fill a chunk."""
    rows = total = 0
    for datagram in datagrams:
        rows += feed(datagram, gen.EXPORTER, RECEIVED_NS)
        if rows >= CHUNK_ROWS:
            take()
            total += rows
            rows = 0
    take()
    return total + rows


# ── columns beside others ───────────────────────────────────────────────────────────────────────────────────────────


def test_native_vs_netflume(ratio: Ratio, source: Source) -> None:
    peer, n = netflume_sum(source.workload)
    first = source.workload.datagrams[0]
    held = sys.getrefcount(first)

    def check(table: Any) -> None:
        assert sys.getrefcount(first) == held  # the datagrams are not kept for later
        source.check_native(table)

    ratio(source.native(), peer, (source.workload.records, n), floor=120, check=check)


def test_native_feed_at_vs_netflume(ratio: Ratio, source: Source) -> None:
    peer, n = netflume_sum(source.workload)
    datagrams = source.workload.datagrams
    original = b"".join(datagrams)
    buffer = bytearray(original)
    lengths = np.array([len(datagram) for datagram in datagrams], np.int32)
    offsets = np.cumsum([0, *lengths[:-1]]).astype(np.int64)
    decoder = fp.Decoder(schema=fp.NATIVE)

    def run() -> Any:
        decoder.feed_at(buffer, offsets, lengths, gen.EXPORTER, RECEIVED_NS)
        [batch] = decoder.take_tables()
        return source.arrow(batch, "octetDeltaCount")

    def check(table: Any) -> None:
        buffer[:] = b"\xff" * len(buffer)
        source.check_native(table)
        buffer[:] = original

    ratio(run, peer, (source.workload.records, n), floor=120, check=check)


def test_native_vs_netflow(ratio: Ratio, source: Source) -> None:
    netflow = pytest.importorskip("netflow")
    datagrams = source.workload.datagrams[:PEER_DATAGRAMS]

    def peer() -> int:
        total = 0
        for datagram in datagrams:
            for flow in netflow.parse_packet(datagram, {}).flows:
                total += flow.IN_OCTETS
        return total

    assert peer() == octet_total(datagrams)
    ratio(source.native(), peer, (source.workload.records, 30 * len(datagrams)), floor=120, check=source.check_native)


def numpy_columns(datagrams: list[bytes]) -> dict[str, Any]:
    """What a numpy user writes by hand: records joined, a structured dtype over them, each field to a native column."""
    view = numpy_view(datagrams)
    return {name: view[name].astype(RECORD[name].newbyteorder("=")) for name in NAMES}


def numpy_sum(datagrams: list[bytes]) -> int:
    return int(numpy_columns(datagrams)["octetDeltaCount"].sum(dtype=np.uint64))


def test_native_vs_numpy_whole_capture(ratio: Ratio, source: Source) -> None:
    """720,000 records: numpy holds them all, in pages the system must find first; we hold 36,000 at once."""
    times = 20
    datagrams = source.workload.datagrams * times
    run = source.native()

    def ours() -> Any:
        for _ in range(times - 1):
            run()
        return run()

    def peer() -> None:
        assert numpy_sum(datagrams) == times * source.octets

    records = times * source.workload.records
    ratio(ours, peer, (records, records), floor=6, check=source.check_native)


def test_native_vs_numpy_batches(ratio: Ratio, source: Source) -> None:
    """numpy at its best: batches small enough for memory and caches to be used again."""
    datagrams = source.workload.datagrams

    def peer() -> None:
        assert numpy_sum(datagrams) == source.octets

    records = source.workload.records
    ratio(source.native(), peer, (records, records), floor=1, check=source.check_native)


def test_feed_vs_numpy_each_datagram(ratio: Ratio, source: Source) -> None:
    """numpy in a collector's loop: one datagram, its columns, the next."""
    datagrams = source.workload.datagrams
    some = datagrams[:PEER_DATAGRAMS]
    decoder = fp.Decoder(schema=fp.NATIVE)

    def peer() -> None:
        for datagram in some:
            view = np.frombuffer(datagram, RECORD, offset=HEADER)
            for name in NAMES:
                view[name].astype(RECORD[name].newbyteorder("="))

    def ours() -> None:
        feed_each(decoder.feed, decoder.take_tables, datagrams)

    ratio(ours, peer, (source.workload.records, 30 * len(some)), floor=12)


def test_native_share_of_memcpy(ratio: Ratio, source: Source) -> None:
    """The decoder alone, without the way to pyarrow, beside a copy of the same octets."""
    octets = memoryview(b"".join(source.workload.datagrams))
    target = memoryview(bytearray(len(octets)))
    datagrams = source.workload.datagrams
    decoder = fp.Decoder(schema=fp.NATIVE)

    def ours() -> Any:
        decoder.feed_many(datagrams, gen.EXPORTER, RECEIVED_NS)
        return decoder.take_tables()

    def peer() -> None:
        target[:] = octets

    def check(tables: list[Any]) -> None:
        [batch] = tables
        source.check_native(pa.table(batch))

    records = source.workload.records
    ratio.share(ours, peer, (records, records), floor=0.08, check=check)


# ── our doors beside each other ─────────────────────────────────────────────────────────────────────────────────────


def test_flow_share_of_native(ratio: Ratio, source: Source) -> None:
    records = source.workload.records
    ratio.share(source.flow(), source.native(), (records, records), floor=0.6, check=source.check_flow)


@pytest.mark.parametrize("schema", ["native", "flow"])
def test_feed_share_of_feed_many(ratio: Ratio, source: Source, schema: str) -> None:
    """One call a datagram, or one for as many as fill a chunk; the rows are taken when there are 8,192."""
    each = CHUNK_ROWS // 30
    datagrams = source.workload.datagrams
    lists = [datagrams[at : at + each] for at in range(0, len(datagrams), each)]
    records = source.workload.records

    def decoder() -> tuple[Any, Callable[[], Any]]:
        if schema == "flow":
            made = fp.Decoder()
            return made, made.take
        made = fp.Decoder(schema=fp.NATIVE)
        return made, made.take_tables

    one, take_one = decoder()
    many, take_many = decoder()

    def ours() -> int:
        return feed_each(one.feed, take_one, datagrams)

    def other() -> int:
        total = 0
        for some in lists:
            total += many.feed_many(some, gen.EXPORTER, RECEIVED_NS)
            take_many()
        return total

    assert ours() == other() == records
    ratio.share(ours, other, (records, records), floor=0.65)


def test_capture_share_of_feed_many(ratio: Ratio, source: Source) -> None:
    octets = gen.pcap(source.workload.datagrams, source.workload.exporters)
    decoder = fp.Decoder(schema=fp.NATIVE)

    def ours() -> Any:
        decoder.feed_capture(octets)
        [batch] = decoder.take_tables()
        return source.arrow(batch, "octetDeltaCount")

    records = source.workload.records
    ratio.share(ours, source.native(), (records, records), floor=0.6, check=source.check_native)


# ── rows and export ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_rows_four_fields_vs_netflume(ratio: Ratio, source: Source) -> None:
    """`decode` a datagram and read four fields of every row; addresses are text on both sides."""
    netflume = pytest.importorskip("netflume")
    datagrams = source.workload.datagrams[:PEER_DATAGRAMS]
    decoder, other = fp.Decoder(), netflume.Decoder()

    def ours() -> tuple[int, int]:
        characters = total = 0
        for datagram in datagrams:
            for row in decoder.decode(datagram, gen.EXPORTER, RECEIVED_NS).flows:
                characters += len(row.src_addr) + len(row.dst_addr)
                total += row.bytes + row.packets
        return characters, total

    def peer() -> tuple[int, int]:
        characters = total = 0
        for datagram in datagrams:
            for flow in other.decode(datagram, gen.EXPORTER).flows:
                characters += len(flow["src_addr"]) + len(flow["dst_addr"])
                total += flow["octets"] + flow["packets"]
        return characters, total

    assert ours() == peer()
    records = 30 * len(datagrams)
    ratio(ours, peer, (records, records), floor=8)


def exported_chunk(source: Source) -> Any:
    """One chunk of 23 columns and 8,192 rows; the chunks before it are smaller."""
    decoder = fp.Decoder(schema=fp.FLOW.select(*EXPORTED))
    decoder.feed_many(source.workload.datagrams, gen.EXPORTER, RECEIVED_NS)
    chunk = max(decoder.take().chunks, key=len)
    assert len(chunk) == CHUNK_ROWS
    assert tuple(chunk.names) == EXPORTED
    return chunk


def from_buffers(chunk: Any) -> Callable[[], Any]:
    """pyarrow's own way from ready buffers to a RecordBatch of the same columns."""
    batch = pa.record_batch(chunk)
    parts = [(column.type, len(column), column.buffers()) for column in batch.columns]
    names = list(batch.schema.names)
    array, record_batch = pa.Array.from_buffers, pa.RecordBatch.from_arrays
    return lambda: record_batch([array(kind, n, buffers) for kind, n, buffers in parts], names)


def test_export_vs_from_buffers(ratio: Ratio, source: Source) -> None:
    """The two capsules of a chunk of 23 columns, made and let go."""
    chunk = exported_chunk(source)
    ratio(chunk.__arrow_c_array__, from_buffers(chunk), (1, 1), floor=3, item="chunk")


def test_record_batch_vs_from_buffers(ratio: Ratio, source: Source) -> None:
    """The same, until pyarrow holds it: most of it is pyarrow's own time."""
    chunk = exported_chunk(source)
    ratio(lambda: pa.record_batch(chunk), from_buffers(chunk), (1, 1), floor=1.2, item="chunk")
