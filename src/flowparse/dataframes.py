"""A Batch as a table of pyarrow, polars or pandas; each is imported when it is asked for.

pyarrow and polars take the columns by Arrow. pandas gets NumPy arrays with masks, so that it works
without pyarrow and a null never turns integers into floats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

from flowparse import _convert
from flowparse._layout import Layout
from flowparse._values import Chunk, Column
from flowparse.datatypes import Show

__all__ = ["tcp_flags_text", "to_pandas", "to_polars", "to_pyarrow", "with_names"]

TCP_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE")
"""RFC 9293 section 3.1 and RFC 9768, from the lowest bit."""


def tcp_flags_text(flags: int) -> str:
    """Names of the flags that are set, lowest bit first; bits without a name in hex.

    Examples
    --------
    >>> tcp_flags_text(0x12), tcp_flags_text(0x8001), tcp_flags_text(0)
    ('SYN|ACK', 'FIN|0x8000', '')
    """
    names = [name for bit, name in enumerate(TCP_FLAGS) if flags >> bit & 1]
    rest = flags >> len(TCP_FLAGS) << len(TCP_FLAGS)
    return "|".join([*names, f"{rest:#x}"] if rest else names)


def _registered(kind: str) -> Callable[[], Callable[[int], str | None]]:
    def load() -> Callable[[int], str | None]:
        from flowparse import registry  # noqa: PLC0415 - its tables are large, and seldom needed

        names: Mapping[int, str] = registry.names(kind)
        return names.get

    return load


_NAMED: dict[str, tuple[str, Callable[[], Callable[[int], str | None]]]] = {
    "proto": ("proto_name", _registered("protocol")),
    "protocolIdentifier": ("proto_name", _registered("protocol")),
    "etype": ("etype_name", _registered("ethertype")),
    "ethernetType": ("etype_name", _registered("ethertype")),
    "tcp_flags": ("tcp_flags_text", lambda: tcp_flags_text),
    "tcpControlBits": ("tcp_flags_text", lambda: tcp_flags_text),
}
"""Column, as FLOW and as IANA call it -> the column of its names, and how to get them."""


def with_names(layout: Layout, chunks: Iterable[Chunk]) -> tuple[Layout, list[Chunk]]:
    """Put a column of names after each column of numbers that has them.

    `proto_name` and `etype_name` are IANA's keywords, null where there is none; `tcp_flags_text` is
    as the function of that name has it.
    """
    columns: list[tuple[Any, ...]] = []
    plan: list[tuple[int, Callable[[int], str | None] | None]] = []
    taken = set(layout.names)
    for i, column in enumerate(_convert.columns_of(layout)):
        columns.append(column)
        plan.append((i, None))
        name, load = _NAMED.get(column[0], ("", None))
        if load is not None and name not in taken:
            taken.add(name)
            columns.append((name, "utf8", None, None))
            plan.append((i, load()))
    named = _convert.layout_of(columns)
    return named, [
        _convert.extend_chunk(
            chunk,
            named,
            [i if name_of is None else _names(chunk[layout.names[i]], name_of) for i, name_of in plan],
        )
        for chunk in chunks
    ]


def _names(column: Column, name_of: Callable[[int], str | None]) -> list[str | None]:
    known: dict[int | None, str | None] = {None: None}
    for number in set(column):
        if number is not None:
            known[number] = name_of(number)
    return [known[number] for number in column]


def to_pyarrow(stream: Any) -> Any:
    """A `pyarrow.Table` of what has an Arrow stream."""
    return import_module("pyarrow").table(stream)


def to_polars(stream: Any) -> Any:
    """A `polars.DataFrame` of what has an Arrow stream."""
    return import_module("polars").DataFrame(stream)


# ── pandas ───────────────────────────────────────────────────────────────────────────────────────────────────────────

_NUMPY_CODES = {
    "u8": "u1",
    "u16": "u2",
    "u32": "u4",
    "u64": "u8",
    "i8": "i1",
    "i16": "i2",
    "i32": "i4",
    "i64": "i8",
    "f32": "f4",
    "f64": "f8",
    "time": "i8",
    "time_us": "i8",
    "ipv4": "u4",
}


def to_pandas(columns: Mapping[str, Column]) -> Any:
    """A `pandas.DataFrame`: nullable numbers, times in UTC with their unit, text as str, octets as bytes."""
    pandas = import_module("pandas")
    return pandas.DataFrame({name: _pandas_array(pandas, column) for name, column in columns.items()})


def _pandas_array(pandas: Any, column: Column) -> Any:
    numpy: Any = import_module("numpy")
    show = column.layout.types[column.index].show
    nulls = numpy.frombuffer(column.nulls(), bool)
    if show == Show.BOOLEAN:
        return pandas.arrays.BooleanArray(numpy.array([value is True for value in column], bool), nulls.copy())
    if show == Show.TEXT or show in (Show.ADDRESS, Show.MAC, Show.OCTETS, Show.LIST):
        # pandas 3 has a str type with missing values; before, "string" is the one that does not say "None".
        dtype = ("str" if int(pandas.__version__.split(".")[0]) >= 3 else "string") if show == Show.TEXT else object
        return pandas.Series(column.to_list(text=False), dtype=dtype)
    code = _NUMPY_CODES[column.type]
    parts = [numpy.frombuffer(part, code) for part in column.chunks]
    values = numpy.concatenate(parts) if parts else numpy.empty(0, code)
    if show == Show.TIME:
        times = values.view("datetime64[ns]" if column.type == "time" else "datetime64[us]")
        times[nulls] = numpy.datetime64("NaT")
        return pandas.DatetimeIndex(times, tz="UTC")
    of = pandas.arrays.FloatingArray if show == Show.FLOAT else pandas.arrays.IntegerArray
    return of(values, nulls.copy())
