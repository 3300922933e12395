"""NetFlow v1, v5 and v7: a header, and as many records of one fixed layout as its count says.

Cisco, NetFlow Services Solutions Guide, appendix "NetFlow export datagram formats".
"""

from __future__ import annotations

from functools import cache

from .. import registry
from .kinds import Kind
from .state import Domain, Note, Rules
from .tables import Layout, Row, layout_of, row_of
from .values import Value
from .wire import HEADERS, Damage, FieldSpecifier, Header

__all__ = ["VERSIONS", "decode"]

VERSIONS = (1, 5, 7)
MOST_RECORDS = 30
COUNT_OFFSET = 2
SAMPLING_OFFSET = 22
PADDING = "paddingOctets"


@cache
def fields_of(version: int) -> tuple[FieldSpecifier, ...]:
    """The fields of a record in wire order, padding too, from `registry/netflow5.tsv`."""
    fields = []
    for of_version, name, length, type in registry.rows("netflow5.tsv"):
        if int(of_version) == version:
            known = registry.element(name) if type == "-" else registry.Element(0, 0, name, type)
            fields.append(FieldSpecifier(known.pen, known.id, known.name, known.type, int(length), False, True))
    return tuple(fields)


def decode(
    octets: bytes, header: Header, domain: Domain, context: dict[str, Value], rules: Rules
) -> tuple[list[Note], list[tuple[Layout, Row]]]:
    """Decode a datagram: what is to be told of it, and its rows."""
    notes: list[Note] = []
    fields = fields_of(header.version)
    length = sum(field.length for field in fields)
    at = HEADERS[header.version]
    there = (len(octets) - at) // length
    count = min(header.count, there)
    if header.count > there:
        if rules.strict or rules.malformed == "discard":
            raise Damage(Kind.COUNT_REFUSED, COUNT_OFFSET, header.count, there)
        notes.append((Kind.COUNT_CUT, COUNT_OFFSET, (header.count, there)))
    elif len(octets) > at + count * length:
        notes.append((Kind.TRAILING, at + count * length, (len(octets) - at - count * length,)))
    if header.version == 5 and header.count > MOST_RECORDS:
        if rules.strict:
            raise Damage(Kind.COUNT_LARGE, COUNT_OFFSET, header.count)
        notes.append((Kind.COUNT_LARGE, COUNT_OFFSET, (header.count,)))
    if header.sequence is not None:
        notes += domain.sequence.count(header, header.count)
    if header.version == 5:
        notes += count_sampling(header, domain)
    rows = []
    for start in range(at, at + count * length, length):
        rows.append((_layout(header.version), read_row(octets, start, header.version, context)))
    return notes, rows


@cache
def _layout(version: int) -> Layout:
    return layout_of(_kept(version))


@cache
def _kept(version: int) -> tuple[FieldSpecifier, ...]:
    """The fields that are columns: padding is none."""
    return tuple(field for field in fields_of(version) if field.name != PADDING)


def read_row(octets: bytes, at: int, version: int, context: dict[str, Value]) -> Row:
    """Read one record: every field is where those before it end."""
    record = []
    for field in fields_of(version):
        if field.name != PADDING:
            record.append(octets[at : at + field.length])
        at += field.length
    return row_of(_layout(version), _kept(version), tuple(record), context)


def count_sampling(header: Header, domain: Domain) -> list[Note]:
    """The low 14 bits of v5's sampling word are the rate; 0 says nothing."""
    before, now = domain.sampling_rate, header.sampling_word & 0x3FFF
    domain.sampling_rate = now
    if before is None or before == now:
        return []
    return [(Kind.SAMPLING, SAMPLING_OFFSET, (before, now))]
