"""Template x schema -> plan: the one place where names meet offsets.

A compiled plan is plain tuples: the columns of a `_columns.Layout`, its finish steps, and the steps
of a `_plan.Plan`. `native` takes every field as it is sent; `flow` fills the columns of the flow
view, each by its rule in `RULES`, from whatever the template has. A column that nothing fills is
all null and costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from .datatypes import COLUMN_TYPES, ColumnType, Show, column_type
from .schema import FlowColumn, flow_columns
from .template import FieldSpecifier

__all__ = ["Compiled", "empty", "flow", "native"]

Column = tuple[str | None, ColumnType, str, Any, bool, int | None, str | None]
"""(name, type, source, argument, nullable, wire octets, unit), as `_columns.Layout` takes it."""

Step = tuple[str, int, int, int, int]
"""(kernel, segment, offset, octets, column), as `_plan.Plan` takes it."""

PADDING = "paddingOctets"
ETHERTYPE_IPV4 = 0x0800
TIME_HEADER_UPTIME = 5  # enums/time_source.tsv
NATIVE_CONTEXT = (
    ("exporter", "address", "exporter"),
    ("exporter_port", "u16", "exporter_port"),
    ("domain", "u32", "domain"),
    ("template_id", "u16", "template_id"),
    ("export_time", "time", "export_time"),
    ("message_index", "u64", "message_index"),
)
KERNEL_OF_SHOW = {
    Show.UNSIGNED: "unsigned",
    Show.IPV4: "unsigned",
    Show.ADDRESS: "octets",
    Show.MAC: "octets",
    Show.OCTETS: "octets",
}
TIME_KERNELS = {"flowStartSysUpTime": "uptime", "flowEndSysUpTime": "uptime"}


class Compiled(NamedTuple):
    """What `Layout(columns, finish)` and `Plan(table, segments, steps)` are made from."""

    columns: tuple[Column, ...]
    finish: tuple[tuple[str, tuple[int, ...]], ...]
    steps: tuple[Step, ...]
    segments: tuple[int, ...]


def _placed(fields: Iterable[FieldSpecifier]) -> tuple[list[tuple[FieldSpecifier, int]], int]:
    """The fields with their offsets, padding left out, and the length of the record."""
    placed, offset = [], 0
    for field in fields:
        if field.element.name != PADDING:
            placed.append((field, offset))
        offset += field.length
    return placed, offset


def native(fields: Sequence[FieldSpecifier]) -> Compiled:
    """Every field in its own column, in wire order, behind the context columns."""
    columns: list[Column] = [
        (name, COLUMN_TYPES[type], "context", field, True, COLUMN_TYPES[type].width, None)
        for name, type, field in NATIVE_CONTEXT
    ]
    steps = []
    seen: dict[str, int] = {}
    placed, record_length = _placed(fields)
    for field, offset in placed:
        name = field.element.name
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            name = f"{name}_{seen[name]}"
        type = column_type(field.element.type, field.length)
        steps.append((KERNEL_OF_SHOW[type.show], 0, offset, field.length, len(columns)))
        columns.append((name, type, "step", None, False, field.length, field.element.units))
    return Compiled(tuple(columns), (), tuple(steps), (record_length,))


def empty(columns: Iterable[FlowColumn]) -> Compiled:
    """The flow view of nothing: what a decoder without rows hands over."""
    return Compiled(
        tuple((column.name, column.type, "null", None, False, None, column.unit) for column in columns), (), (), (1,)
    )


def flow(fields: Sequence[FieldSpecifier], columns: Sequence[FlowColumn]) -> Compiled:
    """The flow view of a template."""
    view = _View(fields, columns)
    for column in columns:
        view.want(column.name)
    return view.compiled()


class _View:
    """A flow plan in the making."""

    def __init__(self, fields: Sequence[FieldSpecifier], columns: Sequence[FlowColumn]) -> None:
        placed, self.record_length = _placed(fields)
        self.fields = {field.element.name: (field, offset) for field, offset in reversed(placed)}
        self.described = flow_columns() | {column.name: column for column in columns}
        self.index = {column.name: i for i, column in enumerate(columns)}
        self.specs: list[Column] = list(empty(columns).columns)
        self.settled: set[str] = set()
        self.finish: list[tuple[str, tuple[int, ...]]] = []
        self.steps: list[Step] = []

    def want(self, name: str) -> int:
        """The index of a column of the flow view, filled; scratch if the caller did not ask for it."""
        column = self.described[name]
        if name not in self.index:
            self.index[name] = len(self.specs)
            self.specs.append((None, column.type, "null", None, False, None, column.unit))
        if name not in self.settled:
            self.settled.add(name)
            RULES[column.rule](self, column)
        return self.index[name]

    def is_filled(self, name: str) -> bool:
        return self.specs[self.want(name)][2] != "null"

    def present(self, column: FlowColumn) -> FieldSpecifier | None:
        """The first of the column's sources that the template has."""
        return next((self.fields[name][0] for name in column.sources if name in self.fields), None)

    def fill(self, column: FlowColumn, source: str, argument: Any = None, wire: int | None = None) -> None:
        index = self.index[column.name]
        name, type, *_ = self.specs[index]
        self.specs[index] = (name, type, source, argument, True, wire or type.width, column.unit)

    def decode(self, column: FlowColumn, field: FieldSpecifier, kernel: str) -> None:
        """Fill a column from a field of each record."""
        offset = self.fields[field.element.name][1]
        self.fill(column, "step", wire=field.length)
        self.steps.append((kernel, 0, offset, field.length, self.index[column.name]))

    def finish_with(self, kind: str, *names: str) -> None:
        step = (kind, tuple(self.index[name] for name in names))
        if step not in self.finish:
            self.finish.append(step)

    def compiled(self) -> Compiled:
        return Compiled(tuple(self.specs), tuple(self.finish), tuple(self.steps), (self.record_length,))


# ── rules ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _first(view: _View, column: FlowColumn) -> None:
    """A field of the message, or the first source that is there."""
    if column.sources and column.sources[0].startswith("@"):
        view.fill(column, "context", column.sources[0][1:])
    elif field := view.present(column):
        view.decode(column, field, KERNEL_OF_SHOW[column.type.show])


def _address(view: _View, column: FlowColumn) -> None:
    """IPv4 as ::ffff:a.b.c.d."""
    if field := view.present(column):
        view.decode(column, field, "ipv4_mapped" if field.element.type == "ipv4Address" else "octets")


def _next_hop(view: _View, column: FlowColumn) -> None:
    """An address; the unspecified one says that there is none."""
    _address(view, column)
    if view.is_filled(column.name):
        view.finish_with("zero_is_null", column.name)


def _etype(view: _View, column: FlowColumn) -> None:
    """As sent, else what the addresses say."""
    _first(view, column)
    if not view.is_filled(column.name) and "sourceIPv4Address" in view.fields:
        view.fill(column, "constant", ETHERTYPE_IPV4)


def _port(view: _View, column: FlowColumn) -> None:
    """A transport port; for ICMP it holds type and code, which have columns of their own."""
    _first(view, column)
    if view.is_filled(column.name):
        view.want("icmp_type")


def _icmp(view: _View, column: FlowColumn) -> None:
    """Type and code out of the ports."""
    group = ("proto", "src_port", "dst_port")
    if all(view.is_filled(name) for name in group):
        view.fill(column, "finish")
        for name in ("icmp_type", "icmp_code"):
            view.want(name)
        view.finish_with("icmp_split", *group, "icmp_type", "icmp_code")


def _time(view: _View, column: FlowColumn) -> None:
    """The first source whose clock is known."""
    field = view.present(column)
    if field is None or field.element.name not in TIME_KERNELS:
        return
    view.decode(column, field, TIME_KERNELS[field.element.name])
    if all(view.is_filled(name) for name in ("time_flow_start_ns", "time_flow_end_ns")):
        view.finish_with("time_order", "time_flow_start_ns", "time_flow_end_ns")


def _time_source(view: _View, column: FlowColumn) -> None:
    """Where the times come from; the same for all records of a template."""
    sources = [view.present(view.described[name]) for name in ("time_flow_start_ns", "time_flow_end_ns")]
    known = any(field is not None and field.element.name in TIME_KERNELS for field in sources)
    view.fill(column, "constant", TIME_HEADER_UPTIME if known else 0)


def _kind(view: _View, column: FlowColumn) -> None:
    """A flow, unless a field says otherwise."""
    view.fill(column, "constant", 0)


RULES: dict[str, Callable[[_View, FlowColumn], None]] = {
    "-": _first,
    "address": _address,
    "next_hop": _next_hop,
    "etype": _etype,
    "port": _port,
    "icmp": _icmp,
    "time": _time,
    "time_source": _time_source,
    "kind": _kind,
}
