"""Schemas: which columns the caller wants.

`FLOW` is one wide table for every protocol, described by `registry/flow.tsv`; `select`, `add` and
`drop` make narrower and wider ones, and what nobody asked for is not decoded. `NATIVE` is every
field as sent, one table per layout.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from . import registry
from .datatypes import COLUMN_TYPES, ColumnType, natural_column
from .registry import Element, Registry
from .text import no_such

__all__ = ["FLOW", "NATIVE", "FlowColumn", "Native", "Schema", "flow_columns"]


@dataclass(frozen=True, slots=True)
class FlowColumn:
    """A column of the flow view; a row of `flow.tsv`, or an element that the caller added.

    Attributes
    ----------
    name : str
    type : ColumnType
    unit : str or None
    aggregate : str or None
        How a group of rows adds up: sum, min, max or or.
    on_request : bool
        Whether only `Schema.add` brings it.
    sources : tuple of str
        Element names in order of preference, or one "@field" of the message.
    rule : str
        The rule of flow_view.py that fills it; "-": the first source that is there.
    element : Element or None
        What the caller added.
    """

    name: str
    type: ColumnType
    unit: str | None
    aggregate: str | None
    on_request: bool
    sources: tuple[str, ...]
    rule: str
    element: Element | None = None


def _given(cell: str) -> str | None:
    return None if cell == "-" else cell


@cache
def flow_columns() -> dict[str, FlowColumn]:
    """Every column that the flow view can have, by name, in order."""
    return {
        name: FlowColumn(
            name,
            COLUMN_TYPES[type],
            _given(unit),
            _given(aggregate),
            request == "y",
            tuple((_given(sources) or "").split()),
            rule,
        )
        for name, type, unit, aggregate, request, sources, rule in registry.rows("flow.tsv")
    }


class Schema:
    """The columns of the flow view that a decoder fills, in order; immutable.

    Examples
    --------
    >>> FLOW.select("src_addr", "dst_addr", "bytes").names
    ('src_addr', 'dst_addr', 'bytes')
    >>> FLOW.select("bytes").add("message_index", "9/12235").names
    ('bytes', 'message_index', '9/12235')
    """

    __slots__ = ("_wanted",)

    def __init__(self, wanted: tuple[str | Element, ...] | None = None) -> None:
        self._wanted = wanted

    @property
    def wanted(self) -> tuple[str | Element, ...]:
        """Column names, element names or numbers, and elements, as asked for."""
        if self._wanted is None:
            return tuple(name for name, column in flow_columns().items() if not column.on_request)
        return self._wanted

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names; an element that was added by number is named so until a decoder resolves it."""
        return tuple(each if isinstance(each, str) else each.name for each in self.wanted)

    def select(self, *names: str) -> Schema:
        """Keep these columns, in this order.

        Raises
        ------
        KeyError
            A column that the schema does not have.
        """
        by_name = dict(zip(self.names, self.wanted, strict=True))
        for name in names:
            if name not in by_name:
                raise KeyError(no_such("column", name, by_name))
        return Schema(tuple(by_name[name] for name in dict.fromkeys(names)))

    def drop(self, *names: str) -> Schema:
        """Leave these columns out.

        Raises
        ------
        KeyError
            A column that the schema does not have.
        """
        for name in names:
            if name not in self.names:
                raise KeyError(no_such("column", name, self.names))
        return Schema(tuple(each for name, each in zip(self.names, self.wanted, strict=True) if name not in names))

    def add(self, *columns: str | Element) -> Schema:
        """Append columns of the flow view that come on request, or elements by name, "pen/id" or themselves.

        An element is looked up in the decoder's registry when the decoder is made, and an unknown
        name is a KeyError there.
        """
        known = dict(zip(self.names, self.wanted, strict=True))
        for column in columns:
            known.setdefault(column if isinstance(column, str) else column.name, column)
        return Schema(tuple(known.values()))

    def columns(self, elements: Registry) -> list[FlowColumn]:
        """The columns, with elements resolved.

        Raises
        ------
        KeyError
            A name that is neither a column's nor an element's.
        """
        found = []
        for each in self.wanted:
            if isinstance(each, str) and each in flow_columns():
                found.append(flow_columns()[each])
                continue
            element = each if isinstance(each, Element) else elements.element(each)
            type = natural_column(element.type)
            found.append(FlowColumn(element.name, type, element.units, None, True, (element.name,), "-", element))
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self.wanted == other.wanted

    def __hash__(self) -> int:
        return hash(self.wanted)

    def __reduce__(self) -> tuple[type[Schema], tuple[tuple[str | Element, ...] | None]]:
        return Schema, (self._wanted,)

    def __repr__(self) -> str:
        return "FLOW" if self._wanted is None else f"Schema({', '.join(self.names)})"


class Native:
    """Every field as sent: one table per layout, IANA names, repeated fields `name_2`, `name_3`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NATIVE"

    def __reduce__(self) -> str:
        return "NATIVE"


FLOW = Schema()
NATIVE = Native()
