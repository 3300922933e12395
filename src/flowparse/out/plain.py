"""Rows of any kind as plain values: what JSON and lines of text can say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

from flowparse.batch import Batch
from flowparse.text import quoted

__all__ = ["clock", "plain", "row_time", "rows_of"]

DEEPEST = 16
MOST_BITS = 1024  # of an integer; Python writes no more than 4300 digits
NS = 1_000_000_000
TIMES = ("time_flow_end_ns", "time_flow_start_ns", "time_received_ns")
"""When a row is from: the first of these that it has."""


def rows_of(rows: Any) -> Iterator[Mapping[str, Any]]:
    """Mappings of a Batch, or of an iterable of mappings.

    Raises
    ------
    TypeError
        Something else, when it comes.
    """
    if isinstance(rows, Batch):
        for chunk in rows.chunks:
            yield from chunk.to_dicts()
        return
    if isinstance(rows, Mapping):
        raise TypeError("rows are an iterable of mappings, not one of them")
    for row in rows:
        if isinstance(row, Batch):
            yield from rows_of(row)
        elif isinstance(row, Mapping):
            yield row
        else:
            raise TypeError(f"a row is a mapping, not {type(row).__name__}")


def plain(value: Any, depth: int = 0) -> Any:
    """The value in types that JSON has: no-numbers become None, octets and huge integers hex, others text."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        return value if value.bit_length() <= MOST_BITS else hex(value)
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if depth == DEEPEST:
        return quoted(value)
    if isinstance(value, Mapping):
        return {str(key): plain(each, depth + 1) for key, each in value.items()}
    if isinstance(value, (Sequence, set, frozenset)):
        return [plain(each, depth + 1) for each in value]
    return str(value)


def row_time(row: Mapping[str, Any]) -> int | None:
    """When the row is from, in nanoseconds since 1970."""
    for name in TIMES:
        time = row.get(name)
        if isinstance(time, int):
            return time
    return None


def clock(ns: int) -> tuple[int, int] | None:
    """(seconds, nanoseconds) of a time that date_nanos holds, from 1970 into 2262; None for another."""
    return divmod(ns, NS) if 0 <= ns < 2**63 else None
