"""Template Records: read, judged, and what a message changes of those in force.

`read_templates` goes through a template Set and says what each record asks for; `judge` says why a
definition cannot be used. The templates of a domain are a plain dict from id to Template: data and
options templates share the ids (RFC 7011 section 3.4.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..datatypes import DATA_TYPES, Show, column_type
from ..limits import Limits
from ..registry import NETFLOW9, Element, Registry
from .kinds import Kind
from .wire import VARIABLE, Damage, FieldSpecifier, SetSpan, number

__all__ = [
    "FIRST_ID",
    "Definition",
    "Template",
    "Withdrawal",
    "judge",
    "odd_widths",
    "read_templates",
    "unknown_elements",
]

FIRST_ID = 256
V9_TEMPLATES, V9_OPTIONS, IPFIX_TEMPLATES, IPFIX_OPTIONS = 0, 1, 2, 3
ENTERPRISE = 0x8000
MOST_OCTETS = 65535 - 16 - 4
"""Of a Data Record: a message of IPFIX less its header and that of a Set."""


@dataclass(eq=False, slots=True, kw_only=True)
class Template:
    """A template in force; `octets` are those of its record behind the id, and tell a refresh from a change."""

    id: int
    is_options: bool
    fields: tuple[FieldSpecifier, ...]
    octets: bytes
    first_seen_ns: int | None = None
    last_seen_ns: int | None = None
    used: int = 0  # grows with each use: the least goes first
    is_described: bool = False  # whether what is odd about its fields was told

    @property
    def min_length(self) -> int:
        """Octets of the shortest record (RFC 7011 section 3.4.1, and 7 for variable length)."""
        return sum(each.least for each in self.fields)


@dataclass(frozen=True, slots=True)
class Definition:
    """A Template Record that defines; where it is."""

    at: int
    template: Template
    scopes: int | None = field(default=None)  # of an options template


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A Template Record without fields (RFC 7011 section 8.1)."""

    at: int
    id: int


# ── on the wire ──────────────────────────────────────────────────────────────────────────────────────────────────────


def read_templates(octets: bytes, span: SetSpan, version: int, elements: Registry) -> Iterator[Definition | Withdrawal]:
    """Read the Template Records of a Set; what is left behind the last is padding.

    RFC 7011 sections 3.4.1 and 3.4.2.2, RFC 3954 sections 5.2 and 6.1. Zero octets to the end of
    the Set are padding, and so are fewer octets than a record's header has; those that are not zero
    end the reading with `Damage(PADDING)`. Whatever makes it unknown where a record ends is Damage
    too.
    """
    is_options = span.id in (V9_OPTIONS, IPFIX_OPTIONS)
    at = span.body
    while any(octets[at : span.end]):
        if span.end - at < 4:
            raise Damage(Kind.PADDING, at, span.id, span.end - at)
        template_id, count = number(octets, at, 2), number(octets, at + 2, 2)
        is_withdrawal = version == 10 and count == 0
        if is_options and span.end - at < 6 and not is_withdrawal:
            raise Damage(Kind.PADDING, at, span.id, span.end - at)
        if template_id < FIRST_ID and not (is_withdrawal and template_id == span.id):
            raise Damage(Kind.TEMPLATE_ID, at, span.id, template_id)
        if is_withdrawal:
            yield Withdrawal(at, template_id)
            at += 4
            continue
        if not is_options:
            made, end = read_template(octets, at, span, version, elements)
        elif version == 9:
            made, end = read_options_template9(octets, at, span, elements)
        else:
            made, end = read_options_template(octets, at, span, elements)
        yield made
        at = end


def read_template(octets: bytes, at: int, span: SetSpan, version: int, elements: Registry) -> tuple[Definition, int]:
    """Read a Template Record: id, Field Count, and so many Field Specifiers (RFC 7011 3.4.1, RFC 3954 5.2)."""
    fields, end = read_specifiers(octets, at, at + 4, number(octets, at + 2, 2), 0, span, version, elements)
    template = Template(id=number(octets, at, 2), is_options=False, fields=fields, octets=octets[at + 2 : end])
    return Definition(at, template), end


def read_options_template(octets: bytes, at: int, span: SetSpan, elements: Registry) -> tuple[Definition, int]:
    """Read an Options Template Record of IPFIX: id, Field Count, Scope Field Count (RFC 7011 section 3.4.2.2).

    The Field Count counts the scope fields too; they come first.
    """
    count, scopes = number(octets, at + 2, 2), number(octets, at + 4, 2)
    fields, end = read_specifiers(octets, at, at + 6, count, scopes, span, 10, elements)
    template = Template(id=number(octets, at, 2), is_options=True, fields=fields, octets=octets[at + 2 : end])
    return Definition(at, template, scopes), end


def read_options_template9(octets: bytes, at: int, span: SetSpan, elements: Registry) -> tuple[Definition, int]:
    """Read an Options Template Record of v9: id, and octets of scopes and of options (RFC 3954 section 6.1).

    A field specifier has 4 octets, so that both lengths are multiples of it.
    """
    scope_octets, option_octets = number(octets, at + 2, 2), number(octets, at + 4, 2)
    if scope_octets % 4 or option_octets % 4:
        raise Damage(Kind.SCOPE_LENGTHS, at, span.id, number(octets, at, 2), scope_octets + option_octets)
    count, scopes = (scope_octets + option_octets) // 4, scope_octets // 4
    fields, end = read_specifiers(octets, at, at + 6, count, scopes, span, 9, elements)
    template = Template(id=number(octets, at, 2), is_options=True, fields=fields, octets=octets[at + 2 : end])
    return Definition(at, template, scopes), end


def read_specifiers(
    octets: bytes, record: int, at: int, count: int, scopes: int, span: SetSpan, version: int, elements: Registry
) -> tuple[tuple[FieldSpecifier, ...], int]:
    """Read `count` Field Specifiers, the first `scopes` of them of scopes, and where they end.

    RFC 7011 section 3.2: element id and length, and a PEN where the enterprise bit is set. RFC 3954
    section 5.2: NetFlow v9 has no such bit.
    """
    fields = []
    for place in range(count):
        width = 8 if version == 10 and span.end > at and octets[at] & 0x80 else 4
        if span.end - at < width:
            raise Damage(Kind.TEMPLATE_LONG, record, span.id, number(octets, record, 2), span.end - record)
        id, length = number(octets, at, 2), number(octets, at + 2, 2)
        is_scope = place < scopes
        if version == 9:
            element, is_known = element_of_v9(id, is_scope, elements)
        else:
            pen = number(octets, at + 4, 4) if width == 8 else 0
            element, is_known = element_of_ipfix(pen, id & ~ENTERPRISE, elements)
        fields.append(FieldSpecifier(element.pen, element.id, element.name, element.type, length, is_scope, is_known))
        at += width
    return tuple(fields), at


def element_of_ipfix(pen: int, id: int, elements: Registry) -> tuple[Element, bool]:
    """The element of a PEN and an id (RFC 7011 section 3.2); one that is not known is octets (section 9)."""
    found = elements.find(pen, id)
    return (found, True) if found else (elements.unknown(pen, id), False)


def element_of_v9(type: int, is_scope: bool, elements: Registry) -> tuple[Element, bool]:
    """The element of a v9 field type (RFC 3954 section 8), or of a scope (section 6.1), which are numbered apart."""
    found = elements.v9_scope(type) if is_scope else elements.v9(type)
    return (found, True) if found else (elements.unknown(NETFLOW9 if is_scope else 0, type), False)


# ── what can be used ─────────────────────────────────────────────────────────────────────────────────────────────────


def judge(made: Definition, set_id: int, limits: Limits) -> Damage | None:
    """Why a definition is refused, or None.

    RFC 7011 section 3.4.2.2 on the Scope Field Count. That a record has an octet at least, and no
    more than a message holds, follows from section 3.4.3: no number of records of no octets is the
    right one.
    """
    template = made.template
    count = len(template.fields)
    if count > limits.fields_per_template:
        return Damage(Kind.TEMPLATE_FIELDS, made.at, set_id, template.id, limits.fields_per_template)
    if made.scopes is not None and made.scopes > count:
        return Damage(Kind.SCOPE_COUNT, made.at, set_id, template.id, made.scopes)
    if template.min_length == 0:
        return Damage(Kind.TEMPLATE_EMPTY, made.at, set_id, template.id)
    if template.min_length > MOST_OCTETS:
        return Damage(Kind.TEMPLATE_BIG, made.at, set_id, template.id, template.min_length)
    return None


def unknown_elements(fields: Sequence[FieldSpecifier]) -> int:
    """How many fields are of elements that the registry does not have (RFC 7011 section 9)."""
    return sum(not each.is_known for each in fields)


def odd_widths(fields: Sequence[FieldSpecifier]) -> int:
    """How many fields have a length that their type does not have (RFC 7011 sections 6.1 and 6.2)."""
    return sum(
        DATA_TYPES[each.type].column not in ("binary", "utf8")
        and each.length != 0
        and (each.length == VARIABLE or column_type(each.type, each.length).show is Show.OCTETS)
        for each in fields
    )
