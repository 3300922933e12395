"""What fills a column of the flow view: elements, in order of preference, at lengths that it can take."""

from __future__ import annotations

from functools import cache

from . import registry
from .compiled import TIME_KERNELS
from .datatypes import DATA_TYPES, ColumnType, Show
from .schema import FlowColumn
from .template import VARIABLE, FieldSpecifier

__all__ = ["Number", "fits", "sources_of"]

Number = tuple[int, int]
"""(PEN, id) of an element."""


@cache
def numbers_of(sources: tuple[str, ...]) -> tuple[Number, ...]:
    """The elements that `flow.tsv` names: IANA's by name, others as pen/id."""
    elements = [registry.element(source) for source in sources if not source.startswith("@")]
    return tuple((element.pen, element.id) for element in elements)


def sources_of(column: FlowColumn) -> tuple[Number, ...]:
    """The elements that may fill it, the best first; none where the message does."""
    if column.element is not None:
        return ((column.element.pen, column.element.id),)
    return numbers_of(column.sources)


def fits(field: FieldSpecifier, type: ColumnType) -> bool:
    """Whether a column of that type can take the field: a length that its abstract type has."""
    element, n = field.element, field.length
    is_variable = n == VARIABLE
    if type.width == 0:
        return True
    if type.show is Show.UNSIGNED:
        return element.type.startswith("unsigned") and (is_variable or 1 <= n <= 8)
    if is_variable:
        return False
    if type.show is Show.ADDRESS:
        return (element.type, n) in (("ipv4Address", 4), ("ipv6Address", 16))
    if type.show is Show.SIGNED:
        return element.type.startswith("signed") and 1 <= n <= type.width
    if type.show is Show.FLOAT:
        return DATA_TYPES[element.type].column == type.name and n in (4, type.width)
    if type.show is Show.TIME:
        return element.type in TIME_KERNELS and n == (4 if element.type == "dateTimeSeconds" else 8)
    return DATA_TYPES[element.type].column == type.name and n == type.width
