"""Biflows (RFC 5103): the fields of a template as they read from the other end of its flows.

A biflow tells of both directions in one record, by reverse elements (PEN 29305) or, as firewalls do, by
octets and packets of the initiator and of the responder. Seen from the other end source and destination
change places, a reverse element is the element itself, and what tells of one direction only becomes its
own reverse; `registry/biflow.tsv` says which. So the other half needs no code of its own: it is what the
flow view makes of these fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from . import registry
from .flow_sources import Number, sources_of
from .registry import IANA, REVERSE, Registry
from .schema import flow_columns
from .template import VARIABLE, FieldSpecifier

__all__ = ["counters_of", "is_biflow", "other_end"]

RESPONDER = {(IANA, 232), (IANA, 299)}


@cache
def _other() -> dict[Number, Number | None]:
    """Element -> the one whose place it takes; None where it tells of one way only."""
    found: dict[Number, Number | None] = {}
    for name, other in registry.rows("biflow.tsv"):
        element = registry.element(name)
        if other == "-":
            found[element.pen, element.id] = None
        else:
            second = registry.element(other)
            found[element.pen, element.id] = (second.pen, second.id)
            found[second.pen, second.id] = (element.pen, element.id)
    return found


@cache
def _counters() -> frozenset[Number]:
    """The elements that tell how much there was."""
    return frozenset(number for name in ("bytes", "packets") for number in sources_of(flow_columns()[name]))


def _numbers(fields: Sequence[FieldSpecifier]) -> set[Number]:
    return {(field.element.pen, field.element.id) for field in fields}


def is_biflow(fields: Sequence[FieldSpecifier]) -> bool:
    """Whether records tell how much went back."""
    numbers = _numbers(fields)
    return bool(numbers & RESPONDER) or any((REVERSE, id) in numbers for pen, id in _counters() if pen == IANA)


def other_end(fields: Sequence[FieldSpecifier], elements: Registry) -> tuple[FieldSpecifier, ...]:
    """The fields of a biflow, in the same places, as they read from the other end."""
    numbers = _numbers(fields)
    turned = []
    for field in fields:
        pen, id = _turned((field.element.pen, field.element.id), numbers)
        element = elements.find(pen, id) or elements.unknown(pen, id)
        turned.append(FieldSpecifier(element, field.length, field.is_scope))
    return tuple(turned)


def _turned(number: Number, numbers: set[Number]) -> Number:
    pen, id = number
    others = _other()
    if pen == REVERSE:
        # Of a key there is no reverse: source and destination change places already (RFC 5103 section 6.1).
        return number if others.get((IANA, id)) else (IANA, id)
    if other := others.get(number):
        return other
    return (REVERSE, id) if pen == IANA and (number in others or (REVERSE, id) in numbers) else number


def counters_of(turned: Sequence[FieldSpecifier]) -> list[tuple[int, int, int]]:
    """(segment, offset, octets) of the fields that tell how much went back; none where one of them varies in length."""
    found, segment, offset = [], 0, 0
    for field in turned:
        if (field.element.pen, field.element.id) in _counters():
            if field.length == VARIABLE:
                return []
            if field.length:
                found.append((segment, offset, field.length))
        if field.length == VARIABLE:
            segment, offset = segment + 1, 0
        else:
            offset += field.length
    return found
