"""Template x schema -> plan: the one place where names meet offsets.

A compiled plan is plain tuples: the columns of a `_columns.Layout`, its finish steps, and the steps
of a `_plan.Plan`. `native` takes every field as it is sent; `flow` fills the columns of the flow
view, each by its rule in `RULES`, from whatever the template has. A column that nothing fills is
all null and costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from ._layout import Layout
from .datatypes import COLUMN_TYPES, VARIABLE, ColumnType, Show, column_type
from .schema import FlowColumn, flow_columns
from .template import FieldSpecifier

__all__ = ["Compiled", "empty", "flow", "layout_key", "native"]

Column = tuple[str | None, ColumnType, str, Any, bool, int | None, str | None]
"""(name, type, source, argument, nullable, wire octets, unit), as `_columns.Layout` takes it."""

Step = tuple[str, int, int, int, int]
"""(kernel, segment, offset, octets, column), as `_plan.Plan` takes it."""

PADDING = "padding"
"""What fills a record of a fixed format; paddingOctets of a template are a field like others."""

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
    Show.SIGNED: "signed",
    Show.FLOAT: "float",
    Show.BOOLEAN: "boolean",
    Show.IPV4: "unsigned",
    Show.ADDRESS: "octets",
    Show.MAC: "octets",
    Show.OCTETS: "octets",
}


UPTIMES = ("flowStartSysUpTime", "flowEndSysUpTime")


class Compiled(NamedTuple):
    """What a Layout and `Plan(table, segments, steps, wires)` are made from.

    Templates with equal `columns` and `finish` fill one table, if its layout takes their `wires`: how
    long the field of each column is in this template, or None where that is of no interest.
    """

    columns: tuple[Column, ...]
    finish: tuple[tuple[str, tuple[int, ...]], ...]
    steps: tuple[Step, ...]
    segments: tuple[int, ...]
    wires: tuple[int, ...] | None = None

    def layout(self) -> Layout:
        return Layout(self.columns, self.finish, self.wires is not None)


class Place(NamedTuple):
    """Where a field stands in its record."""

    field: FieldSpecifier
    segment: int
    offset: int  # of the segment; 0 for the variable field that ends it

    @property
    def is_variable(self) -> bool:
        return self.field.length == VARIABLE


def _placed(fields: Iterable[FieldSpecifier]) -> tuple[list[Place], tuple[int, ...]]:
    """The fields with their places, padding left out, and the segments of the record."""
    placed, segments = [], [0]
    for field in fields:
        is_variable = field.length == VARIABLE
        if (field.element.pen, field.element.id, field.element.name) != (0, 0, PADDING):
            placed.append(Place(field, len(segments) - 1, 0 if is_variable else segments[-1]))
        if is_variable:
            segments.append(0)
        else:
            segments[-1] += field.length
    return placed, tuple(segments)


# ── native ───────────────────────────────────────────────────────────────────────────────────────────────────────────

TIME_KERNELS = {
    "dateTimeSeconds": "seconds",
    "dateTimeMilliseconds": "milliseconds",
    "dateTimeMicroseconds": "microseconds",
    "dateTimeNanoseconds": "nanoseconds",
}
NTP_KERNELS = ("microseconds", "nanoseconds")

Numbered = tuple[int, int, str, int, bool, str]
"""(PEN, id, name, which of several, whether scope, column type): what makes a column of a layout."""


def _numbered(placed: Iterable[Place]) -> list[tuple[Numbered, Place]]:
    """The fields as columns, in the canonical order."""
    seen: dict[tuple[int, int, str], int] = {}
    numbered = []
    for place in placed:
        element = place.field.element
        number = (element.pen, element.id, element.name)
        seen[number] = seen.get(number, 0) + 1
        type = column_type(element.type, place.field.length)
        numbered.append(((*number, seen[number], place.field.is_scope, type.name), place))
    return sorted(numbered, key=lambda pair: pair[0])


def layout_key(fields: Sequence[FieldSpecifier], *, options: bool = False) -> tuple[object, ...]:
    """What templates have in common that fill one native table, whatever the order and lengths of their fields."""
    placed, _ = _placed(fields)
    return (options, *(column for column, _ in _numbered(placed)))


def native(fields: Sequence[FieldSpecifier]) -> Compiled:
    """Every field in its own column, behind the context columns.

    Parameters
    ----------
    fields : sequence of FieldSpecifier
        In wire order; padding becomes no column.

    Returns
    -------
    Compiled
        Columns in the order (PEN, id, place), so that they are the same whichever template came
        first. Elements that share a name, and fields that repeat, get `_2`, `_3`, ... in that order.
    """
    placed, segments = _placed(fields)
    made = _Native()
    for _, place in _numbered(placed):
        made.add(place, column_type(place.field.element.type, place.field.length))
    return made.compiled(segments)


class _Native:
    """A native plan in the making."""

    def __init__(self) -> None:
        self.columns: list[Column] = [
            (name, COLUMN_TYPES[type], "context", field, True, None, None) for name, type, field in NATIVE_CONTEXT
        ]
        self.scratch: list[Column] = []
        self.names = {name for name, *_ in NATIVE_CONTEXT}
        self.numbers: dict[str, int] = {}  # the last one given to a name
        self.wires = [0] * len(self.columns)
        self.pending: list[tuple[str, Place, int, bool]] = []  # kernel, field, column, whether of scratch
        self.finish: list[tuple[str, tuple[int, ...]]] = []
        self.kept: dict[int, int] = {}  # column -> scratch

    def add(self, place: Place, type: ColumnType) -> None:
        name = self._name(place.field.element.name)
        kernel = kernel_for(place.field, type)
        index = len(self.columns)
        source, argument = "step", None
        if kernel == "boolean":
            source = "finish"
            self._keep(index, place, "u8")
        else:
            self.pending.append((kernel, place, index, False))
        if kernel in NTP_KERNELS:
            self._keep(index, place, "u64")
            self.finish.append(("no_time", (index,)))
        elif kernel in ("seconds", "milliseconds"):
            argument = kernel
            if kernel == "milliseconds":
                self.finish.append((kernel, (index,)))
        nullable = kernel in ("milliseconds", *NTP_KERNELS)
        self.columns.append((name, type, source, argument, nullable, None, place.field.element.units))
        self.wires.append(place.field.length)

    def _name(self, wanted: str) -> str:
        name = wanted
        # Progress: the number grows, and there are only so many names.
        while name in self.names:
            self.numbers[wanted] = self.numbers.get(wanted, 1) + 1
            name = f"{wanted}_{self.numbers[wanted]}"
        self.names.add(name)
        return name

    def _keep(self, index: int, place: Place, type: str) -> None:
        """Keep the octets of a field in a scratch column."""
        self.kept[index] = len(self.scratch)
        self.pending.append(("unsigned", place, len(self.scratch), True))
        self.scratch.append((None, COLUMN_TYPES[type], "step", None, False, None, None))

    def compiled(self, segments: tuple[int, ...]) -> Compiled:
        shown = len(self.columns)
        for index, scratch in self.kept.items():
            name, type, source, _, *rest = self.columns[index]
            self.columns[index] = (name, type, source, shown + scratch, *rest)  # type: ignore[assignment]
            if source == "finish":
                self.finish.append(("boolean", (shown + scratch, index)))
        steps = [
            (kernel, place.segment, place.offset, 0 if place.is_variable else place.field.length, column + shown * kept)
            for kernel, place, column, kept in self.pending
        ]
        return Compiled(
            (*self.columns, *self.scratch),
            tuple(self.finish),
            tuple(sorted(steps, key=lambda step: step[1:3])),
            segments,
            tuple(self.wires),
        )


def kernel_for(field: FieldSpecifier, type: ColumnType) -> str:
    """The kernel of `_steps` that stores a field in a column of that type; "boolean" takes a finish step."""
    if type.width == 0:
        if field.length == 0:
            return "empty"
        return "text" if type.show is Show.TEXT else "octets"
    return TIME_KERNELS.get(field.element.type) or KERNEL_OF_SHOW[type.show]


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
        placed, self.segments = _placed(fields)
        self.fields = {place.field.element.name: place for place in reversed(placed)}
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
        return next((self.fields[name].field for name in column.sources if name in self.fields), None)

    def fill(self, column: FlowColumn, source: str, argument: Any = None, wire: int | None = None) -> None:
        index = self.index[column.name]
        name, type, *_ = self.specs[index]
        self.specs[index] = (name, type, source, argument, True, wire or type.width, column.unit)

    def decode(self, column: FlowColumn, field: FieldSpecifier, kernel: str) -> None:
        """Fill a column from a field of each record."""
        place = self.fields[field.element.name]
        self.fill(column, "step", wire=field.length)
        self.steps.append((kernel, place.segment, place.offset, field.length, self.index[column.name]))

    def finish_with(self, kind: str, *names: str) -> None:
        step = (kind, tuple(self.index[name] for name in names))
        if step not in self.finish:
            self.finish.append(step)

    def compiled(self) -> Compiled:
        return Compiled(tuple(self.specs), tuple(self.finish), tuple(self.steps), self.segments)


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
    if field is None or field.element.name not in UPTIMES:
        return
    view.decode(column, field, "uptime")
    if all(view.is_filled(name) for name in ("time_flow_start_ns", "time_flow_end_ns")):
        view.finish_with("time_order", "time_flow_start_ns", "time_flow_end_ns")


def _time_source(view: _View, column: FlowColumn) -> None:
    """Where the times come from; the same for all records of a template."""
    sources = [view.present(view.described[name]) for name in ("time_flow_start_ns", "time_flow_end_ns")]
    known = any(field is not None and field.element.name in UPTIMES for field in sources)
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
