"""sFlow flow samples to FLOW columns, the headers of the packets decoded, beside pysflow.

pysflow gives dicts and leaves the header a hexadecimal string, and needs Python 3.12 or older (`xdrlib`); where it is
not, its tests are skipped. No other sFlow decoder of PyPI was found. Each call of ours feeds, takes, hands over to
pyarrow and sums a column, as in test_v5.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import flowparse as fp
from bench import gen
from bench.ratio import Ratio

pa: Any = pytest.importorskip("pyarrow")
pc: Any = pytest.importorskip("pyarrow.compute")

pytestmark = pytest.mark.filterwarnings("default")  # peers may warn

RECEIVED_NS = gen.EXPORT_TIME_S * 1_000_000_000
SAMPLES = 7  # of a datagram: 1,400 octets
HEADER_OCTETS = 128
PEER_DATAGRAMS = 40
SIX = fp.FLOW.select("src_addr", "dst_addr", "src_port", "dst_port", "proto", "bytes")


@dataclass(frozen=True)
class Workload:
    datagrams: list[bytes]
    samples: int
    octets: int  # of all packets
    sources: int  # distinct addresses


def frame(rng: np.random.Generator, source: int) -> bytes:
    """The first octets of a packet: four in five TCP, one in five UDP; one in four with a VLAN tag."""
    is_tcp = rng.random() < 0.8
    tag = struct.pack(">HH", 0x8100, int(rng.integers(1, 4095))) if rng.random() < 0.25 else b""
    ports = int(rng.integers(1024, 65536)), int(rng.choice((80, 443, 22, 53)))
    if is_tcp:
        segment = struct.pack(">HHIIHHHH", *ports, 1, 2, 0x5018, 1000, 0, 0)
    else:
        segment = struct.pack(">HHHH", *ports, 1000, 0)
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, 1500, 7, 0, 64, 6 if is_tcp else 17, 0, source, 0xC0000201)
    head = b"\2\0\0\0\0\1\2\0\0\0\0\2" + tag + b"\x08\0" + ip + segment
    return head.ljust(HEADER_OCTETS, b"\0")


def workload(count: int = 1000, seed: int = 5) -> Workload:
    rng = np.random.default_rng(seed)
    datagrams, octets, seen = [], 0, set()
    for sequence in range(count):
        samples = b""
        for _ in range(SAMPLES):
            length, source = int(rng.integers(64, 1518)), 0x0A000000 + int(rng.integers(0, 4096))
            octets += length
            seen.add(source)
            header = struct.pack(">IIIIII", 1, 16 + HEADER_OCTETS, 1, length, 4, HEADER_OCTETS) + frame(rng, source)
            switch = struct.pack(">IIIIII", 1001, 16, 100, 0, 200, 0)
            body = struct.pack(">IIIIIIII", sequence, 3, 512, 512 * sequence, 0, 3, 4, 2) + header + switch
            samples += struct.pack(">II", 1, len(body)) + body
        datagrams.append(struct.pack(">IIIIIII", 5, 1, 0x0AFF0001, 0, sequence, 1000 * sequence, SAMPLES) + samples)
    return Workload(datagrams, count * SAMPLES, octets, len(seen))


@pytest.fixture(scope="module")
def source() -> Workload:
    return workload()


def columns(source: Workload, schema: Any = fp.FLOW) -> Callable[[], Any]:
    decoder = fp.Decoder(schema)

    def run() -> Any:
        decoder.feed_many(source.datagrams, gen.EXPORTER, RECEIVED_NS)
        table = pa.table(decoder.take())
        if pc.sum(table["bytes"]).as_py() != source.octets:
            raise AssertionError("the octets differ")
        return table

    return run


def pysflow(source: Workload) -> tuple[Callable[[], int], int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = pytest.importorskip("sflow")
    datagrams = source.datagrams[:PEER_DATAGRAMS]

    def run() -> int:
        total = 0
        for datagram in datagrams:
            for sample in peer.decode(datagram)["samples"]:
                total += sample["flow_records"][0]["frame_length"]
        return total

    assert 0 < run() < source.octets
    return run, SAMPLES * len(datagrams)


def check(source: Workload) -> Callable[[Any], None]:
    def compare(table: Any) -> None:
        assert table.num_rows == source.samples
        assert pc.count_distinct(table["src_addr"]).as_py() == source.sources
        assert table["dst_port"].null_count == 0

    return compare


def test_sflow_flow_vs_pysflow(ratio: Ratio, source: Workload) -> None:
    """All columns of FLOW."""
    peer, n = pysflow(source)
    ratio(columns(source), peer, (source.samples, n), floor=20, check=check(source))


def test_sflow_six_columns_vs_pysflow(ratio: Ratio, source: Workload) -> None:
    peer, n = pysflow(source)
    ratio(columns(source, SIX), peer, (source.samples, n), floor=40, check=check(source))


def test_sflow_records_vs_pysflow(ratio: Ratio, source: Workload) -> None:
    """Objects beside objects: `sflow.decode`, each header's length looked at."""
    peer, n = pysflow(source)
    datagrams = source.datagrams[:PEER_DATAGRAMS]

    def ours() -> int:
        total = 0
        for datagram in datagrams:
            for sample in fp.sflow.decode(datagram).samples:
                total += sample.records[0].fields["frame_length"]  # type: ignore[union-attr]
        return total

    ratio(ours, peer, (n, n), floor=4)
