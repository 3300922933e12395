"""Rows as they come out: the values and the octets of every field, by the names of their columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from .values import Value, column, value
from .wire import FieldSpecifier, Record

__all__ = ["CONTEXT", "Layout", "Row", "Table", "grouped", "layout_of"]

CONTEXT = {
    "exporter": "address",
    "exporter_port": "u16",
    "domain": "u32",
    "template_id": "u16",
    "export_time": "time",
    "message_index": "u64",
}
"""The columns in front of every table, and their types."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What tells tables apart: options or data, and (PEN, id, column type, whether scope) of each column."""

    is_options: bool
    key: tuple[tuple[int, int, str, bool], ...]
    names: tuple[str, ...] = field(compare=False)
    places: tuple[int, ...] = field(compare=False)
    """Which field of the template fills each column."""

    @property
    def types(self) -> dict[str, str]:
        """Name -> column type, context columns in front."""
        return CONTEXT | {name: type for name, (_, _, type, _) in zip(self.names, self.key, strict=True)}


def layout_of(fields: Sequence[FieldSpecifier], is_options: bool = False) -> Layout:
    """The layout of a template: columns in the order (PEN, id, place), the second of a name `name_2`, and so on.

    RFC 7011 section 8: an element that a template has twice has two values, in the template's order.
    """
    places = sorted(range(len(fields)), key=lambda place: (fields[place].pen, fields[place].id, place))
    names: list[str] = []
    for place in places:
        name, count = fields[place].name, 1
        while name in names:
            count += 1
            name = f"{fields[place].name}_{count}"
        names.append(name)
    key = [
        (each.pen, each.id, column(each.type, each.length), each.is_scope)
        for each in (fields[place] for place in places)
    ]
    return Layout(is_options, tuple(key), tuple(names), tuple(places))


@dataclass(frozen=True, slots=True)
class Row:
    """One record: context columns and fields as values, and the octets of the fields as sent."""

    values: dict[str, Value]
    octets: dict[str, bytes]

    def __getitem__(self, name: str) -> Value:
        return self.values[name]

    def raw(self, name: str) -> bytes:
        """The octets of a field."""
        return self.octets[name]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a layout, in order of arrival."""

    layout: Layout
    rows: list[Row]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return (*CONTEXT, *self.layout.names)

    def to_dicts(self) -> list[dict[str, Any]]:
        """The rows as `Batch.to_dicts` gives them."""
        return [dict(row.values) for row in self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)


def row_of(layout: Layout, fields: Sequence[FieldSpecifier], record: Record, context: dict[str, Value]) -> Row:
    """A record as a row."""
    values, octets = dict(context), {}
    for name, place in zip(layout.names, layout.places, strict=True):
        specifier = fields[place]
        values[name] = value(specifier.type, specifier.length, record[place])
        octets[name] = record[place]
    return Row(values, octets)


def grouped(rows: Iterable[tuple[Layout, Row]]) -> list[Table]:
    """Rows by their layouts."""
    tables: dict[Layout, Table] = {}
    for layout, row in rows:
        tables.setdefault(layout, Table(layout, [])).rows.append(row)
    return list(tables.values())
