"""Templates: the fields of a record in wire order, as sent or, for NetFlow v1, v5 and v7, as known from birth.

Not here: Template Records of NetFlow v9 and IPFIX.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from . import registry
from .registry import Element

__all__ = ["FieldSpecifier", "fixed_fields"]


@dataclass(frozen=True, slots=True)
class FieldSpecifier:
    """One field of a template (RFC 7011 section 3.2).

    Attributes
    ----------
    element : Element
    length : int
        Octets on the wire.
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
            element = registry.element(name) if type == "-" else Element(0, 0, name, type)
            fields.append(FieldSpecifier(element, int(length)))
    return tuple(fields)
