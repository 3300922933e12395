"""Reports and prefixes beside what else does them: the same rows, the same answer, compared before it is timed.

Ours reads a Batch of a million FLOW rows. Second sightings, which no peer looks for, are looked for when the note is
read; a test of its own reads it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

import flowparse as fp
from bench import gen
from bench.ratio import Ratio

DATAGRAMS = 33_334
DICT_ROWS = 60_000  # a second of the Counter would be too long a unit
PREFIXES = 1500
ADDRESSES = 200_000


@pytest.fixture(scope="module")
def flows() -> fp.Batch:
    """1,000,020 rows of 36,000 talkers."""
    bodies = gen.v5_bodies(np.random.default_rng(1), DATAGRAMS)
    decoder = fp.Decoder()
    decoder.feed_many(gen.v5_messages(bodies), gen.EXPORTER, gen.EXPORT_TIME_S * 1_000_000_000)
    return decoder.take()


def ours_top(flows: fp.Batch) -> list[tuple[bytes, int]]:
    found = fp.report.top(flows, "src_addr", "bytes", 10)
    return [(row["src_addr"], row["bytes"]) for row in found.to_dicts(text=False)]


def polars_top(polars: Any, frame: Any) -> list[tuple[bytes, int]]:
    summed = frame.group_by("src_addr").agg(polars.col("bytes").sum()).top_k(10, by="bytes")
    rows: list[tuple[bytes, int]] = summed.rows()
    return rows


def test_top_vs_polars(ratio: Ratio, flows: fp.Batch) -> None:
    """From the Batch to the answer, on as many threads as polars likes: it may be 1.5 times as fast."""
    polars = pytest.importorskip("polars")

    def peer() -> list[tuple[bytes, int]]:
        return polars_top(polars, polars.DataFrame(flows))

    assert sorted(ours_top(flows)) == sorted(peer())
    ratio(lambda: ours_top(flows), peer, (len(flows), len(flows)), floor=1 / 1.5, item="row")


def test_top_vs_polars_that_has_the_rows(ratio: Ratio, flows: fp.Batch) -> None:
    """The group-by alone, of columns that were handed over before."""
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(flows)
    ratio(lambda: ours_top(flows), lambda: polars_top(polars, frame), (len(flows), len(flows)), 1 / 1.5, item="row")


def test_top_and_note_vs_polars(ratio: Ratio, flows: fp.Batch) -> None:
    polars = pytest.importorskip("polars")

    def peer() -> list[tuple[bytes, int]]:
        return polars_top(polars, polars.DataFrame(flows))

    def ours() -> str:
        return fp.report.top(flows, "src_addr", "bytes", 10).note

    assert ours().startswith("no second sightings of a flow in 1000020 rows")
    ratio(ours, peer, (len(flows), len(flows)), floor=1 / 1.5, item="row")


def counted(rows: list[dict[str, Any]]) -> list[tuple[bytes, int]]:
    total: Counter[bytes] = Counter()
    for row in rows:
        total[row["src_addr"]] += row["bytes"]
    return total.most_common(10)


def test_top_vs_counter(ratio: Ratio, flows: fp.Batch) -> None:
    """A Counter over the Batch's rows as dicts."""
    some = flows[:DICT_ROWS]

    def peer() -> list[tuple[bytes, int]]:
        return counted(some.to_dicts(text=False))

    assert sorted(peer()) == sorted(ours_top(some))
    ratio(lambda: ours_top(flows), peer, (len(flows), len(some)), floor=30, item="row")


def test_top_vs_counter_that_has_the_rows(ratio: Ratio, flows: fp.Batch) -> None:
    """The Counter alone, over dicts that were made before: what no parser of dicts can go below."""
    some = flows[:DICT_ROWS]
    rows = some.to_dicts(text=False)
    ratio(lambda: ours_top(flows), lambda: counted(rows), (len(flows), len(rows)), floor=30, item="row")


def capture_to_talkers(ratio: Ratio, workload: gen.Workload, schema: fp.Schema, floor: float) -> None:
    """netflume is handed the datagrams without their frames."""
    netflume = pytest.importorskip("netflume")
    octets = gen.pcap([*workload.templates, *workload.datagrams], [*workload.template_exporters, *workload.exporters])
    some = workload.datagrams[:20]  # more would be too long a unit

    def ours() -> Any:
        decoder = fp.Decoder(schema)
        decoder.feed_capture(octets)
        return fp.report.top(decoder.take())

    def peer() -> Counter[str]:
        total: Counter[str] = Counter()
        decoder = netflume.Decoder()
        for datagram in [*workload.templates, *some]:
            for flow in decoder.decode(datagram, gen.EXPORTER).flows:
                total[flow["src_addr"]] += flow["octets"]
        total.most_common(10)
        return total

    decoder = fp.Decoder(schema)
    records = decoder.feed_many([*workload.templates, *some], gen.EXPORTER, None)
    found = fp.report.top(decoder.take(), n=10**6)
    assert dict(zip(found["src_addr"].to_list(), found["bytes"].to_list(), strict=True)) == peer()
    ratio(ours, peer, (workload.records, records), floor=floor)


TALKERS = fp.FLOW.select("src_addr", "bytes", "sampling_rate")


@pytest.mark.parametrize(("schema", "floor"), [(fp.FLOW, 20), (TALKERS, 60)], ids=["all_columns", "three"])
def test_capture_to_talkers_vs_netflume_and_counter(ratio: Ratio, schema: fp.Schema, floor: float) -> None:
    """From the octets of a capture to the ten talkers, by all columns and by those that are of use; NetFlow v5."""
    capture_to_talkers(ratio, gen.v5(), schema, floor)


@pytest.mark.parametrize(("schema", "floor"), [(fp.FLOW, 80), (TALKERS, 300)], ids=["all_columns", "three"])
def test_v9_capture_to_talkers_vs_netflume_and_counter(ratio: Ratio, schema: fp.Schema, floor: float) -> None:
    """The same from NetFlow v9, its template first."""
    capture_to_talkers(ratio, gen.v9(), schema, floor)


@pytest.fixture(scope="module")
def listed() -> list[str]:
    """Made-up prefixes of /12 to /24, some within others."""
    rng = np.random.default_rng(2)
    lengths, addresses = rng.integers(12, 25, PREFIXES), rng.integers(0, 1 << 32, PREFIXES)
    return [
        str(gen.ipaddress.ip_network((int(a), int(n)), strict=False)) for a, n in zip(addresses, lengths, strict=True)
    ]


def test_match_vs_py_radix(ratio: Ratio, listed: list[str]) -> None:
    """Addresses that are spread evenly, so that no cache helps; py-radix gets them packed, as it is fastest."""
    radix = pytest.importorskip("radix")
    rng = np.random.default_rng(3)
    bodies = gen.v5_bodies(rng, ADDRESSES // 30)
    addresses = rng.integers(0, 1 << 32, 30 * len(bodies)).astype(">u4").reshape(len(bodies), 30)
    datagrams = []
    for datagram, sources in zip(gen.v5_messages(bodies), addresses, strict=True):
        octets = np.frombuffer(bytearray(datagram), np.uint8).copy()
        octets[24:].reshape(30, 48)[:, :4] = sources.view(np.uint8).reshape(30, 4)
        datagrams.append(octets.tobytes())
    decoder = fp.Decoder(schema=fp.FLOW.select("src_addr"))
    decoder.feed_many(datagrams, gen.EXPORTER, None)
    column = decoder.take()["src_addr"]
    packed = [bytes(address) for address in addresses.reshape(-1)[:20_000].view(np.uint8).reshape(-1, 4)]
    prefixes = fp.prefixes.parse(listed)
    tree = radix.Radix()
    for prefix in listed:
        tree.add(prefix)

    def peer() -> int:
        search = tree.search_best
        return sum(search(packed=address) is not None for address in packed)

    assert peer() == sum(each is not None for each in prefixes.match(column).to_list()[: len(packed)])
    ratio(lambda: prefixes.match(column), peer, (len(column), len(packed)), floor=3, item="address")
