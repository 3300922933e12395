"""What options told, as tables for people: samplers, applications, VRFs, interfaces and their names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from . import _convert
from .batch import Batch
from .knowledge import Knowledge
from .message import Taken

__all__ = ["Counted", "applications", "interface_names", "interfaces", "ports_of", "samplers", "vrfs"]

Counted = tuple[bytes | None, int, int, int, int, int, int | None]
"""A row of `_interfaces.InterfaceTable`."""

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

INTERFACES = (
    *(("exporter", "address", None, None), ("if_index", "u32", None, None)),
    *(("name", "utf8", None, None), ("description", "utf8", None, None)),
    *(("flows", "u64", "flows", None), ("bytes", "u64", "octets", None)),
    *(("in_flows", "u64", "flows", None), ("in_bytes", "u64", "octets", None)),
    *(("out_flows", "u64", "flows", None), ("out_bytes", "u64", "octets", None)),
    ("last_seen_ns", "time", "ns", None),
)
PORT_NAME = "port_name"  # the structure by which agents tell what their ports are called
INTERFACE = 0  # enums/sflow_source_class.tsv
UINT32_MAX = 2**32 - 1
UINT64_MAX = 2**64 - 1


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


def interfaces(counted: Iterable[Counted], ports: Mapping[tuple[bytes, int], str], knowledge: Knowledge) -> Batch:
    """Interfaces, one row each: those that flows went through, and those that only options or counters told of.

    Parameters
    ----------
    counted : iterable of Counted
    ports : mapping of (agent, ifIndex) to str
        What sFlow counters call interfaces.
    knowledge : Knowledge
        What options call them. Domains of one exporter are put together; of two names the first is shown.
    """
    named: dict[tuple[bytes, int], tuple[str | None, str | None]] = {key: (name, None) for key, name in ports.items()}
    for (address, _, _), of in _scopes(knowledge):
        for each in of.interfaces.values():
            if 0 < each.if_index <= UINT32_MAX and address is not None:
                name, description = named.get((address, each.if_index), (None, None))
                named[address, each.if_index] = (name or each.name, description or each.description)
    rows = []
    for address, index, in_flows, in_bytes, out_flows, out_bytes, last_ns in counted:
        names = named.pop((address, index), (None, None)) if address is not None else (None, None)
        sums = (in_flows + out_flows, in_bytes + out_bytes, in_flows, in_bytes, out_flows, out_bytes)
        rows.append((address, index, *names, *(each & UINT64_MAX for each in sums), last_ns))
    rows += [(address, index, *names, *[0] * 6, None) for (address, index), names in named.items()]
    rows.sort(key=lambda row: (row[0] or b"", row[1]))
    return _table("interfaces", INTERFACES, rows)


def ports_of(taken: Taken) -> Iterator[tuple[bytes, int, str]]:
    """(agent, ifIndex, name) of sFlow's counters, of those that name ports."""
    for table, parts in taken:
        if table.name == PORT_NAME and parts:
            batch = Batch(table.name, table.layout, parts)
            columns = (batch[name].to_list(text=False) for name in ("agent", "source_class", "source_index", "name"))
            for agent, source_class, index, name in zip(*columns, strict=True):
                if agent is not None and source_class == INTERFACE and name:
                    yield agent, index, name if isinstance(name, str) else name.decode("utf-8", "backslashreplace")


def _scopes(knowledge: Knowledge) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """(exporter's address or None, protocol, domain) and its tables, in the order of the first."""
    for (identity, protocol, domain), tables in sorted(knowledge.tables.items()):
        yield (identity[:16] or None, protocol, domain), tables


def _batch(name: str, rows: Iterable[tuple[tuple[Any, ...], Iterable[Any]]]) -> Batch:
    return _table(name, (*SCOPE, *COLUMNS[name]), [(*scope, *values) for scope, values in rows])


def _table(name: str, described: Sequence[tuple[str, str, str | None, int | None]], whole: list[Any]) -> Batch:
    layout = _convert.layout_of(described)
    columns = {column: [row[i] for row in whole] for i, column in enumerate(layout.names)}
    return Batch(name, layout, [_convert.chunk_from_values(layout, columns)] if whole else [])
