"""Templates: the fields of a record in wire order, as sent or, for NetFlow v1, v5 and v7, as known from birth.

The octets of Template Records are framed and judged by `_templates`; here numbers become elements.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from . import registry
from ._templates import fields_of
from .datatypes import DATA_TYPES, Show, column_type
from .registry import NETFLOW9, Element, Registry

__all__ = ["VARIABLE", "FieldSpecifier", "Specifiers", "Template", "fields_from", "fixed_fields"]

VARIABLE = 65535
"""A field's length that says: each record has its own (RFC 7011 section 7)."""
IPFIX = 4  # events.PROTOCOLS
MOST_KNOWN = 4096
"""Field specifiers of a protocol that are kept at hand."""


@dataclass(frozen=True, slots=True)
class FieldSpecifier:
    """One field of a template (RFC 7011 section 3.2).

    Attributes
    ----------
    element : Element
    length : int
        Octets on the wire; 65535 is variable.
    is_scope : bool
        Whether it says what an options record speaks of.
    """

    element: Element
    length: int
    is_scope: bool = False


@cache
def fixed_fields(version: int) -> tuple[FieldSpecifier, ...]:
    """The fields of a NetFlow v1, v5 or v7 record, padding included, from `registry/netflow5.tsv`."""
    fields = []
    for of_version, name, length, type in registry.rows("netflow5.tsv"):
        if int(of_version) == version:
            if name == "paddingOctets":
                element = Element(0, 0, "padding", "octetArray")
            else:
                element = registry.element(name) if type == "-" else Element(0, 0, name, type)
            fields.append(FieldSpecifier(element, int(length)))
    return tuple(fields)


@dataclass(frozen=True, slots=True)
class Template:
    """A template or options template in force (RFC 7011 section 3.4, RFC 3954 section 5.2).

    Attributes
    ----------
    id, domain : int
    exporter : str or None
    is_options : bool
    fields : tuple of FieldSpecifier
        In wire order; the scopes of an options template come first.
    min_length : int
        Octets of the shortest record.
    first_seen_ns, last_seen_ns : int or None
        By the caller's `received_ns`.
    """

    id: int
    domain: int
    exporter: str | None
    is_options: bool
    fields: tuple[FieldSpecifier, ...]
    min_length: int
    first_seen_ns: int | None = None
    last_seen_ns: int | None = None


def fields_from(octets: bytes, protocol: int, is_options: bool, elements: Registry) -> tuple[FieldSpecifier, ...]:
    """The fields of a Template Record that `_templates` found good.

    NetFlow v9 numbers its scopes apart (RFC 3954 section 6.1). What the registry does not have is an
    element of octets, named after its number.
    """
    return tuple(_field(each, protocol, elements) for each in fields_of(octets, protocol, is_options))


def _field(sent: tuple[int | None, int, int, bool], protocol: int, elements: Registry) -> FieldSpecifier:
    """A field specifier, with the element that its numbers mean."""
    pen, id, length, is_scope = sent
    if protocol == IPFIX:
        element = elements.find(pen or 0, id) or elements.unknown(pen or 0, id)
    elif is_scope:
        element = elements.v9_scope(id) or elements.unknown(NETFLOW9, id)
    else:
        element = elements.v9(id) or elements.unknown(0, id)
    return FieldSpecifier(element, length, is_scope)


class Specifiers:
    """What field specifiers mean by a registry, for whom templates are many and their fields the same few.

    Parameters
    ----------
    elements : Registry
    """

    def __init__(self, elements: Registry) -> None:
        self._elements = elements
        self._known: dict[int, dict[object, tuple[FieldSpecifier, bool, bool]]] = {}

    def read(self, octets: bytes, protocol: int, is_options: bool) -> tuple[tuple[FieldSpecifier, ...], int, int]:
        """The fields of a Template Record, as `fields_from`; how many are unknown, and how many of odd width."""
        known = self._known.setdefault(protocol, {})
        fields, unknown, odd = [], 0, 0
        for sent in fields_of(octets, protocol, is_options):
            found = known.get(sent)
            if found is None:
                if len(known) >= MOST_KNOWN:
                    known.clear()  # numbers and lengths are a sender's choice
                field = _field(sent, protocol, self._elements)
                found = known[sent] = field, is_unknown(field, self._elements), is_odd(field)
            fields.append(found[0])
            unknown += found[1]
            odd += found[2]
        return tuple(fields), unknown, odd


def is_unknown(field: FieldSpecifier, elements: Registry) -> bool:
    """Whether the registry does not have its element (RFC 7011 section 9)."""
    return elements.find(field.element.pen, field.element.id) is None


def is_odd(field: FieldSpecifier) -> bool:
    """Whether it has a length that its type does not have (RFC 7011 sections 6.1 and 6.2)."""
    return (
        DATA_TYPES[field.element.type].column not in ("binary", "utf8")
        and field.length != 0
        and (field.length == VARIABLE or column_type(field.element.type, field.length).show is Show.OCTETS)
    )
