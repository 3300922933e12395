"""What options told, as tables for people: samplers, applications, VRFs, and names of interfaces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from . import _convert
from .batch import Batch
from .knowledge import Knowledge

__all__ = ["applications", "interface_names", "samplers", "vrfs"]

SCOPE = (("exporter", "address", None, None), ("type", "u8", None, None), ("observation_domain_id", "u32", None, None))
COLUMNS: dict[str, tuple[tuple[str, str, str | None, int | None], ...]] = {
    "samplers": (
        *(("id", "u64", None, None), ("sampling_rate", "u32", None, None), ("algorithm", "u16", None, None)),
        ("name", "utf8", None, None),
    ),
    "applications": (
        *(("id", "binary", None, None), ("name", "utf8", None, None), ("description", "utf8", None, None)),
    ),
    "vrfs": (("id", "u64", None, None), ("name", "utf8", None, None)),
    "interface_names": (
        *(("if_index", "u64", None, None), ("name", "utf8", None, None), ("description", "utf8", None, None)),
    ),
}


def samplers(knowledge: Knowledge) -> Batch:
    """Samplers and selectors, one row each: id, rate (null where it makes no sense), algorithm, name."""
    return _batch("samplers", ((scope, each) for scope, of in _scopes(knowledge) for each in of.samplers.values()))


def applications(knowledge: Knowledge) -> Batch:
    """Applications, one row each: the octets of the id (RFC 6759), name, description."""
    return _batch(
        "applications", ((scope, each) for scope, of in _scopes(knowledge) for each in of.applications.values())
    )


def vrfs(knowledge: Knowledge) -> Batch:
    """VRFs, one row each: id and name."""
    return _batch("vrfs", ((scope, pair) for scope, of in _scopes(knowledge) for pair in of.vrfs.items()))


def interface_names(knowledge: Knowledge) -> Batch:
    """Interfaces that options named, one row each: ifIndex, name, description."""
    return _batch(
        "interface_names", ((scope, each) for scope, of in _scopes(knowledge) for each in of.interfaces.values())
    )


def _scopes(knowledge: Knowledge) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """(exporter's address or None, protocol, domain) and its tables, in the order of the first."""
    for (identity, protocol, domain), tables in sorted(knowledge.tables.items()):
        yield (identity[:16] or None, protocol, domain), tables


def _batch(name: str, rows: Iterable[tuple[tuple[Any, ...], Iterable[Any]]]) -> Batch:
    layout = _convert.layout_of((*SCOPE, *COLUMNS[name]))
    whole = [(*scope, *values) for scope, values in rows]
    columns = {column: [row[i] for row in whole] for i, column in enumerate(layout.names)}
    return Batch(name, layout, [_convert.chunk_from_values(layout, columns)] if whole else [])
