"""What a template and a schema become: plain tuples that Layout and Plan check and trust."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ._layout import Layout
from .datatypes import VARIABLE, ColumnType, Show
from .template import FieldSpecifier

__all__ = ["COUNTED", "Column", "Compiled", "Place", "Step", "kernel_for", "placed_of"]

Column = tuple[str | None, ColumnType, str, Any, bool, int | None, str | None]
"""(name, type, source, argument, nullable, wire octets, unit), as `_columns.Layout` takes it."""

Step = tuple[str, int, int, int, int]
"""(kernel, segment, offset, octets, column), as `_plan.Plan` takes it."""

PADDING = "padding"
"""What fills a record of a fixed format; paddingOctets of a template are a field like others."""

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
TIME_KERNELS = {
    "dateTimeSeconds": "seconds",
    "dateTimeMilliseconds": "milliseconds",
    "dateTimeMicroseconds": "microseconds",
    "dateTimeNanoseconds": "nanoseconds",
}
NTP_KERNELS = ("microseconds", "nanoseconds")
NOTHING_COUNTED = (-1, -1, -1)
COUNTED = ("in_if", "out_if", "bytes")
"""Columns of the flow view by which interfaces are counted."""


class Compiled(NamedTuple):
    """What a Layout and `Plan(table, segments, steps, wires)` are made from.

    Templates with equal `columns`, `finish` and `counted` fill one table, if its layout takes their `wires`: how
    long the field of each column is in this template, or None where that is of no interest. Interfaces are `counted`
    by the columns with the ifIndex that flows came in by and went out by, and with their octets; -1: there is none.
    """

    columns: tuple[Column, ...]
    finish: tuple[tuple[str, tuple[int, ...]], ...]
    steps: tuple[Step, ...]
    segments: tuple[int, ...]
    wires: tuple[int, ...] | None = None
    counted: tuple[int, int, int] = NOTHING_COUNTED

    def layout(self, like: Layout | None = None) -> Layout:
        """The layout; like one of the same schema, where there is one."""
        return Layout(self.columns, self.finish, self.wires is not None, self.counted, like)


class Place(NamedTuple):
    """Where a field stands in its record."""

    field: FieldSpecifier
    segment: int
    offset: int  # of the segment; 0 for the variable field that ends it

    @property
    def number(self) -> tuple[int, int]:
        """(PEN, id) of its element."""
        return self.field.element.pen, self.field.element.id

    @property
    def is_variable(self) -> bool:
        return self.field.length == VARIABLE


def placed_of(fields: Iterable[FieldSpecifier]) -> tuple[list[Place], tuple[int, ...]]:
    """The fields with their places, padding left out, and the segments of the record."""
    placed: list[Place] = []
    segments: list[int] = []
    offset = 0
    for field in fields:
        length = field.length
        is_variable = length == VARIABLE
        if field.element.name != PADDING or field.element.id or field.element.pen:
            placed.append(Place(field, len(segments), 0 if is_variable else offset))
        if is_variable:
            segments.append(offset)
            offset = 0
        else:
            offset += length
    return placed, (*segments, offset)


def kernel_for(field: FieldSpecifier, type: ColumnType) -> str:
    """The kernel of `_steps` that stores a field in a column of that type; "boolean" takes a finish step."""
    if type.width == 0:
        if field.length == 0:
            return "empty"
        return "text" if type.show is Show.TEXT else "octets"
    return TIME_KERNELS.get(field.element.type) or KERNEL_OF_SHOW[type.show]
