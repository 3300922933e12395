"""What options told, in a saved state: the tables of each observation domain, written, read and merged.

One table of columns says how each entry is written; the format is docs/design/state.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from struct import Struct
from typing import Any, NamedTuple

from .knowledge import MOST_INIT_MS, Application, Interface, Sampler, Tables, is_likely
from .state_octets import Octets

__all__ = ["merge_tables", "pack_tables", "read_tables", "says_anything"]

HEAD = Struct(">BqIQ")  # whether the time is known, when last heard of, rate or 0, start in ms or 0
COUNT = Struct(">I")
NUMBER = Struct(">Q")
RATE = Struct(">I")
LENGTH = Struct(">I")


def _pack_octets(value: bytes) -> bytes:
    return LENGTH.pack(len(value)) + value


def _pack_optional(value: int | None) -> bytes:
    return b"\0" if value is None else b"\1" + NUMBER.pack(value)


def _read_number(octets: Octets) -> int:
    return octets.read(NUMBER)[0]


def _read_octets(octets: Octets) -> bytes:
    return octets.take(octets.read(LENGTH)[0])


def _read_text(octets: Octets) -> str | None:
    value = _read_octets(octets)
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise octets.wrong("text that is no UTF-8") from None
    if text.endswith("\0"):
        raise octets.wrong("text that ends with a zero")
    return text or None


def _read_rate(octets: Octets) -> int | None:
    (rate,) = octets.read(RATE)
    if rate and not is_likely(rate):
        raise octets.wrong(f"{rate}, which is no sampling rate")
    return rate or None


def _read_optional(octets: Octets) -> int | None:
    (there,) = octets.take(1)
    if there > 1:
        raise octets.wrong("a number that is neither there nor not")
    return _read_number(octets) if there else None


Way = tuple[Callable[[Any], bytes], Callable[[Octets], Any]]
"""How a value is written, and read."""

OF_NUMBER: Way = NUMBER.pack, _read_number
OF_OCTETS: Way = _pack_octets, _read_octets
OF_TEXT: Way = (lambda value: _pack_octets((value or "").encode()), _read_text)
OF_RATE: Way = (lambda value: RATE.pack(value or 0), _read_rate)
OF_OPTIONAL: Way = _pack_optional, _read_optional


class Kind(NamedTuple):
    """A table of `Tables`."""

    name: str
    ways: tuple[Way, ...]  # of each column, the key first
    made: Callable[..., Any] | None  # an entry of its columns; None: the second is the entry
    says: Callable[[tuple[Any, ...]], bool]  # whether an entry with these columns says anything


def _anything(columns: tuple[Any, ...]) -> bool:
    return any(value is not None for value in columns[1:])


KINDS = (
    Kind("samplers", (OF_NUMBER, OF_RATE, OF_OPTIONAL, OF_TEXT), Sampler, lambda columns: True),
    Kind("interfaces", (OF_NUMBER, OF_TEXT, OF_TEXT), Interface, _anything),
    Kind("applications", (OF_OCTETS, OF_TEXT, OF_TEXT), Application, _anything),
    Kind("vrfs", (OF_NUMBER, OF_TEXT), None, _anything),
    Kind("interface_rates", (OF_NUMBER, OF_RATE), None, _anything),
    Kind("template_rates", (OF_NUMBER, OF_RATE), None, _anything),
)


def _pack_entry(kind: Kind, key: Any, entry: Any) -> bytes:
    columns = (key, entry) if kind.made is None else entry
    return b"".join(write(value) for (write, _), value in zip(kind.ways, columns, strict=True))


def pack_tables(tables: Tables) -> bytes:
    """The octets of what a domain was told; entries by key."""
    head = HEAD.pack(tables.seen_ns is not None, tables.seen_ns or 0, tables.rate or 0, tables.init_time_ms or 0)
    parts = [head]
    for kind in KINDS:
        table = getattr(tables, kind.name)
        parts.append(COUNT.pack(len(table)))
        parts += [_pack_entry(kind, key, table[key]) for key in sorted(table)]
    return b"".join(parts)


def read_tables(octets: Octets) -> Tables:
    """What a domain was told.

    Raises
    ------
    StateError
        It is nothing that `pack_tables` writes.
    """
    has_time, seen_ns, rate, init_time_ms = octets.read(HEAD)
    if has_time > 1 or (not has_time and seen_ns) or init_time_ms > MOST_INIT_MS or (rate and not is_likely(rate)):
        raise octets.wrong("a domain with numbers that cannot be")
    tables = Tables(rate=rate or None, init_time_ms=init_time_ms or None, seen_ns=seen_ns if has_time else None)
    for kind in KINDS:
        _read_table(octets, kind, getattr(tables, kind.name))
    if not says_anything(tables):
        raise octets.wrong("a domain that was told nothing")
    return tables


def _read_table(octets: Octets, kind: Kind, table: dict[Any, Any]) -> None:
    last: Any = None
    (n,) = octets.read(COUNT)
    for _ in range(n):
        columns = tuple(read(octets) for _, read in kind.ways)
        if (last is not None and columns[0] <= last) or not kind.says(columns):
            raise octets.wrong(f"{kind.name} that are not in order")
        last = columns[0]
        table[last] = columns[1] if kind.made is None else kind.made(*columns)


def says_anything(tables: Tables) -> bool:
    """Whether a domain was told anything."""
    return bool(tables.n_entries) or tables.rate is not None or tables.init_time_ms is not None


def merge_tables(several: Iterable[Tables]) -> Tables:
    """The tables of one domain by several tellers, in any order.

    Of entries that differ, that of the teller who heard of the domain last holds; where the times
    agree, the greater octets do.
    """
    ranked = [((each.seen_ns is not None, each.seen_ns or 0), each) for each in several]
    merged = Tables(seen_ns=max((each.seen_ns for _, each in ranked if each.seen_ns is not None), default=None))
    for kind in KINDS:
        best: dict[Any, tuple[tuple[bool, int], bytes, Any]] = {}
        for rank, each in ranked:
            table: Mapping[Any, Any] = getattr(each, kind.name)
            for key, entry in table.items():
                offer = rank, _pack_entry(kind, key, entry), entry
                if key not in best or offer[:2] > best[key][:2]:
                    best[key] = offer
        getattr(merged, kind.name).update((key, entry) for key, (_, _, entry) in best.items())
    rates = [(rank, each.rate) for rank, each in ranked if each.rate is not None]
    starts = [(rank, each.init_time_ms) for rank, each in ranked if each.init_time_ms is not None]
    merged.rate = max(rates)[1] if rates else None
    merged.init_time_ms = max(starts)[1] if starts else None
    return merged
