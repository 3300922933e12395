"""FLOW rows of any protocol for tests of what leaves flowparse: made of values, with nulls wherever one likes."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any

from flowparse import FLOW, Decoder, _convert
from flowparse.batch import Batch
from flowparse.schema import flow_columns
from tests import build

ROUTER, OTHER = "192.0.2.1", "192.0.2.2"
START_NS = 1_700_000_000_000_000_000


def layout(*more: str) -> Any:
    """The layout of FLOW, with columns that come on request."""
    columns = [flow_columns()[name] for name in (*FLOW.names, *more)]
    return _convert.layout_of([(column.name, column.type, column.unit, None) for column in columns])


def batch(rows: Iterable[Mapping[str, Any]], *more: str, chunk_rows: int = 1000) -> Batch:
    """A Batch of FLOW rows; what a row does not name is null."""
    of, rows = layout(*more), list(rows)
    chunks = [
        _convert.chunk_from_values(of, {name: [row.get(name) for row in some] for name in of.names})
        for some in (rows[at : at + chunk_rows] for at in range(0, len(rows), chunk_rows))
    ]
    return Batch("flows", of, chunks)


def flow(**values: Any) -> dict[str, Any]:
    """A TCP flow of one second, as IPFIX tells it, with `values` in place of its own."""
    return {
        "type": 4, "sampler_address": ROUTER, "src_addr": "10.0.0.9", "dst_addr": "10.0.0.5", "proto": 6, "etype": 2048,
        "src_port": 49152, "dst_port": 443, "bytes": 1000, "packets": 10, "record_kind": 0, "time_source": 1,
        "time_flow_start_ns": START_NS, "time_flow_end_ns": START_NS + 10**9,
        "time_received_ns": START_NS + 5 * 10**9,
    } | values  # fmt: skip


def varied(n: int, seed: int = 1) -> list[dict[str, Any]]:
    """Rows of both address families, with nulls in every column that reports read."""
    rng = random.Random(seed)
    addresses = [f"10.0.0.{i}" for i in range(9)] + [f"2001:db8::{i:x}" for i in range(1, 10)]
    rows = []
    for _ in range(n):
        row = flow(
            sampler_address=rng.choice([ROUTER, ROUTER, ROUTER, OTHER]),
            src_addr=rng.choice(addresses),
            dst_addr=rng.choice(addresses),
            proto=rng.choice([6, 17]),
            src_port=rng.randrange(4),
            dst_port=443,
            bytes=rng.randrange(10**6),
            packets=rng.randrange(1, 1000),
            sampling_rate=rng.choice([1, 100, 1000]),
            flow_direction=rng.choice([0, 1]),
            record_kind=rng.choice([0, 0, 0, 1]),
            time_source=rng.choice([1, 5, 6]),
            time_flow_start_ns=START_NS + rng.randrange(3) * 10**9,
            time_flow_end_ns=START_NS + rng.randrange(-1, 120) * 10**9,
        )
        for name in row:
            if rng.random() < 0.05:
                row[name] = None
        rows.append(row)
    return rows


def chapter() -> Batch:
    """The nine flows of the chapter."""
    decoder = Decoder()
    decoder.feed(build.chapter_message(), ROUTER, START_NS)
    return decoder.take()
