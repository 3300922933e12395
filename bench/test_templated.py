"""NetFlow v9 and IPFIX: the floors the compiled decoder must hold beside netflume, and its doors beside each other.

One call of ours feeds, takes, hands over to pyarrow and sums a column of every table, so that nothing can be put off;
the sums are compared with those of the peer over the datagrams that both decode. Templates are fed before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import flowparse as fp
from bench import gen
from bench.ratio import Ratio

pa: Any = pytest.importorskip("pyarrow")
pc: Any = pytest.importorskip("pyarrow.compute")

pytestmark = pytest.mark.filterwarnings("default")  # peers may warn

RECEIVED_NS = gen.EXPORT_TIME_S * 1_000_000_000
PEER_DATAGRAMS = 100
CHUNK_ROWS = 8192
FLOORS = {"v9": 350, "ipfix6": 500, "ipfixvar": 120, "mixed": 200}
WORKLOADS: dict[str, gen.Workload] = {}
FEW = ("src_addr", "dst_addr", "bytes")


@pytest.fixture(params=FLOORS)
def workload(request: pytest.FixtureRequest) -> gen.Workload:
    if request.param not in WORKLOADS:
        WORKLOADS[request.param] = gen.WORKLOADS[request.param]()
    return WORKLOADS[request.param]


def exporters(workload: gen.Workload) -> Any:
    """As a caller passes them: one for all, or a list."""
    return workload.exporters if len(set(workload.exporters)) > 1 else workload.exporters[0]


def ready(workload: gen.Workload, schema: Any) -> fp.Decoder:
    """A decoder that knows the templates."""
    decoder = fp.Decoder(schema)
    for datagram, exporter in zip(workload.templates, workload.template_exporters, strict=True):
        decoder.feed(datagram, exporter, RECEIVED_NS)
    decoder.events()
    return decoder


def summed(batches: list[Any], column: str) -> int:
    """Hand over to pyarrow and sum a column of each table."""
    return sum(pc.sum(pa.table(batch)[column]).as_py() or 0 for batch in batches)


def ours(workload: gen.Workload, schema: Any, column: str) -> Callable[[], int]:
    decoder = ready(workload, schema)
    datagrams, who = workload.datagrams, exporters(workload)

    def run() -> int:
        decoder.feed_many(datagrams, who, RECEIVED_NS)
        return summed(decoder.take_tables(), column)

    total = run()
    assert decoder.stats()
    assert decoder.feed_many(datagrams[:50], who[:50] if isinstance(who, list) else who, RECEIVED_NS) > 0
    decoder.take_tables()
    assert not [event for event in decoder.events() if event.severity == "error"]
    assert total > 0
    return run


def netflume_sum(workload: gen.Workload) -> tuple[Callable[[], int], int]:
    """netflume to its dicts, each visited; and how many there are."""
    netflume = pytest.importorskip("netflume")
    decoder = netflume.Decoder()
    for datagram, exporter in zip(workload.templates, workload.template_exporters, strict=True):
        decoder.decode(datagram, exporter)
    some = list(zip(workload.datagrams, workload.exporters, strict=True))[:PEER_DATAGRAMS]

    def run() -> int:
        total = 0
        for datagram, exporter in some:
            for flow in decoder.decode(datagram, exporter).flows:
                total += flow["octets"]
        return total

    records = sum(len(decoder.decode(datagram, exporter).flows) for datagram, exporter in some)
    decoder = netflume.Decoder()
    for datagram, exporter in zip(workload.templates, workload.template_exporters, strict=True):
        decoder.decode(datagram, exporter)
    mine = ready(workload, fp.NATIVE)
    mine.feed_many([each for each, _ in some], [each for _, each in some], RECEIVED_NS)
    assert run() == summed(mine.take_tables(), "octetDeltaCount")
    return run, records


def test_native_vs_netflume(ratio: Ratio, workload: gen.Workload) -> None:
    peer, n = netflume_sum(workload)
    ratio(ours(workload, fp.NATIVE, "octetDeltaCount"), peer, (workload.records, n), floor=FLOORS[workload.name])


def test_flow_share_of_native(ratio: Ratio, workload: gen.Workload) -> None:
    records = workload.records
    native = ours(workload, fp.NATIVE, "octetDeltaCount")
    flow = ours(workload, fp.FLOW, "bytes")
    assert native() == flow()
    ratio.share(flow, native, (records, records), floor=0.6)


def test_three_columns_beside_all(ratio: Ratio, workload: gen.Workload) -> None:
    """What nobody asked for is not decoded."""
    records = workload.records
    few = ours(workload, fp.FLOW.select(*FEW), "bytes")
    ratio(few, ours(workload, fp.FLOW, "bytes"), (records, records), floor=1.5)


def test_feed_share_of_feed_many(ratio: Ratio, workload: gen.Workload) -> None:
    """One call a datagram, or one for as many as fill a chunk; the rows are taken when there are 8,192."""
    one, many = ready(workload, fp.NATIVE), ready(workload, fp.NATIVE)
    each = CHUNK_ROWS * len(workload.datagrams) // workload.records
    datagrams, who = workload.datagrams, workload.exporters
    single = exporters(workload)
    parts = [
        (datagrams[at : at + each], who[at : at + each] if isinstance(single, list) else single)
        for at in range(0, len(datagrams), each)
    ]

    def by_one() -> int:
        rows = total = 0
        for datagram, exporter in zip(datagrams, who, strict=True):
            rows += one.feed(datagram, exporter, RECEIVED_NS)
            if rows >= CHUNK_ROWS:
                one.take_tables()
                total += rows
                rows = 0
        one.take_tables()
        return total + rows

    def by_many() -> int:
        total = 0
        for some, exporter in parts:
            total += many.feed_many(some, exporter, RECEIVED_NS)
            many.take_tables()
        return total

    assert by_one() == by_many() == workload.records
    ratio.share(by_one, by_many, (workload.records, workload.records), floor=0.65)
