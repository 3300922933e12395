"""Sampled flows as estimates: what `Batch.scaled` adds to a chunk's columns."""

from __future__ import annotations

from collections.abc import Iterable

from flowparse import _convert
from flowparse._layout import Layout
from flowparse._scaling import estimates
from flowparse._values import Chunk

__all__ = ["scaled"]

ADDED = (("bytes_estimated", "u64", "octets"), ("packets_estimated", "u64", "packets"), ("relative_error", "f64", None))
MOST_RATE = 2**32 - 1


def scaled(layout: Layout, chunks: Iterable[Chunk], default_rate: int | None) -> tuple[Layout, list[Chunk]]:
    """The columns, which are shared, and three more.

    Raises
    ------
    ValueError
        The rows have an estimate already, or the default rate is none.
    TypeError
        `bytes`, `packets` or `sampling_rate` is not of FLOW's type.
    """
    if default_rate is not None and not 1 <= default_rate <= MOST_RATE:
        raise ValueError(f"a sampling rate is from 1 to {MOST_RATE}, not {default_rate}")
    for name, _, _ in ADDED:
        if name in layout.index:
            raise ValueError(f"there is a column {name} already")
    columns = _convert.columns_of(layout)
    made = _convert.layout_of([*columns, *((name, type, unit, None) for name, type, unit in ADDED)])
    octets, packets, rate = (layout.index.get(name, -1) for name in ("bytes", "packets", "sampling_rate"))
    kept = range(len(columns))
    return made, [
        _convert.extend_chunk(chunk, made, [*kept, *estimates(chunk, octets, packets, rate, default_rate or 0)])
        for chunk in chunks
    ]
