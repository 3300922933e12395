"""Template x schema -> plan: the one place where names meet offsets.

A compiled plan is plain tuples: the columns of a `_columns.Layout`, its finish steps, and the steps
of a `_plan.Plan`. `native` takes every field as it is sent; `flow`, of flow_view.py, fills the columns
of the flow view from whatever the template has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .compiled import COUNTED, NOTHING_COUNTED, NTP_KERNELS, Column, Compiled, Place, kernel_for, placed_of
from .datatypes import COLUMN_TYPES, ColumnType, column_type
from .flow_sources import sources_of
from .flow_view import empty, flow
from .schema import flow_columns
from .template import FieldSpecifier

__all__ = ["Compiled", "empty", "flow", "layout_key", "native"]

NATIVE_CONTEXT = (
    ("exporter", "address", "exporter"),
    ("exporter_port", "u16", "exporter_port"),
    ("domain", "u32", "domain"),
    ("template_id", "u16", "template_id"),
    ("export_time", "time", "export_time"),
    ("message_index", "u64", "message_index"),
)
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
    placed, _ = placed_of(fields)
    return (options, *(column for column, _ in _numbered(placed)))


def native(fields: Sequence[FieldSpecifier], *, counted: bool = False) -> Compiled:
    """Every field in its own column, behind the context columns.

    Parameters
    ----------
    fields : sequence of FieldSpecifier
        In wire order; padding becomes no column.
    counted : bool
        Whether interfaces are counted by the fields that the flow view would have for them.

    Returns
    -------
    Compiled
        Columns in the order (PEN, id, place), so that they are the same whichever template came
        first. Elements that share a name, and fields that repeat, get `_2`, `_3`, ... in that order.
    """
    placed, segments = placed_of(fields)
    made = _Native()
    for numbered, place in _numbered(placed):
        made.add(place, COLUMN_TYPES[numbered[-1]])
    return made.compiled(segments)._replace(counted=made.counted() if counted else NOTHING_COUNTED)


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
        self.first: dict[tuple[int, int], int] = {}  # element -> the first column of it

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
        self.first.setdefault((place.field.element.pen, place.field.element.id), index)
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

    def counted(self) -> tuple[int, int, int]:
        """The columns that interfaces are counted by; -1 where there is none, or only a wider one."""
        found = []
        for name in COUNTED:
            column = flow_columns()[name]
            places = (self.first[number] for number in sources_of(column) if number in self.first)
            found.append(next((index for index in places if self.columns[index][1] == column.type), -1))
        in_if, out_if, octets = found
        return NOTHING_COUNTED if in_if < 0 and out_if < 0 else (in_if, out_if, octets)

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
