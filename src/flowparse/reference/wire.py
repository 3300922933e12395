"""Octets to numbers, and where the messages, Sets and records of them begin and end.

Every function reads what one clause describes, and nothing else. What breaks a clause is `Damage`,
which says where; whoever asked decides what becomes of the message.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .kinds import Kind

__all__ = [
    "HEADERS",
    "SET_HEADER",
    "VARIABLE",
    "Damage",
    "FieldSpecifier",
    "Header",
    "SetSpan",
    "number",
    "read_header",
    "read_records",
    "read_sets",
]

SET_HEADER = 4
VARIABLE = 65535
HEADERS = {1: 16, 5: 24, 7: 24, 9: 20, 10: 16}
"""Version -> octets of the Message Header."""


class Damage(Exception):
    """The octets break a clause: the kind of note where the message is refused, its offset and its numbers."""

    def __init__(self, kind: Kind, offset: int, *values: int) -> None:
        super().__init__(kind, offset, values)
        self.kind = kind
        self.offset = offset
        self.values = values


def number(octets: bytes, at: int, width: int) -> int:
    """Read an unsigned number in network order (RFC 7011 section 6.1.1)."""
    return int.from_bytes(octets[at : at + width], "big")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What the Message Headers of all versions say, each what it has."""

    version: int
    export_ns: int
    domain: int = 0
    count: int = 0
    length: int = 0
    sequence: int | None = None
    sequence_offset: int = 0
    uptime_ms: int | None = None
    sampling_word: int = 0


def read_header(octets: bytes) -> Header:
    """Read a Message Header.

    NetFlow v1, v5, v7: Cisco's datagram formats. NetFlow v9: RFC 3954 section 5.1. IPFIX: RFC 7011
    section 3.1. The domain of v5 is engine type * 256 + engine id.
    """
    if len(octets) < 2:
        raise Damage(Kind.SHORT, 0, 2, len(octets))
    version = number(octets, 0, 2)
    if version not in HEADERS:
        raise Damage(Kind.VERSION, 0, version)
    if len(octets) < HEADERS[version]:
        raise Damage(Kind.SHORT, 0, HEADERS[version], len(octets))
    if version == 10:
        return Header(
            version=10,
            length=number(octets, 2, 2),
            export_ns=number(octets, 4, 4) * 10**9,
            sequence=number(octets, 8, 4),
            sequence_offset=8,
            domain=number(octets, 12, 4),
        )
    count, uptime_ms, seconds = number(octets, 2, 2), number(octets, 4, 4), number(octets, 8, 4)
    if version == 9:
        return Header(
            version=9,
            count=count,
            uptime_ms=uptime_ms,
            export_ns=seconds * 10**9,
            sequence=number(octets, 12, 4),
            sequence_offset=12,
            domain=number(octets, 16, 4),
        )
    return Header(
        version=version,
        count=count,
        uptime_ms=uptime_ms,
        export_ns=seconds * 10**9 + number(octets, 12, 4),
        sequence=None if version == 1 else number(octets, 16, 4),
        sequence_offset=16,
        domain=number(octets, 20, 2) if version == 5 else 0,
        sampling_word=number(octets, 22, 2) if version == 5 else 0,
    )


class SetSpan(NamedTuple):
    """A Set: its id, where its header is, and where it ends."""

    id: int
    at: int
    end: int

    @property
    def body(self) -> int:
        """Where its first record begins."""
        return self.at + SET_HEADER

    @property
    def octets(self) -> int:
        """Its Length, header included."""
        return self.end - self.at


def read_sets(octets: bytes, at: int, end: int) -> Iterator[SetSpan]:
    """Go from Set to Set by their lengths (RFC 7011 sections 3.3.2 and 9.1, RFC 3954 section 5.3).

    A Set starts where the one before it ends, without regard to alignment. It is at least its own
    header of 4 octets, and ends no later than the message. Zero octets up to the end of the message
    are padding, and no Set.
    """
    while at < end and any(octets[at:end]):
        if end - at < SET_HEADER:
            raise Damage(Kind.TAIL_REFUSED, at, end - at)
        set_id, length = number(octets, at, 2), number(octets, at + 2, 2)
        if length < SET_HEADER:
            raise Damage(Kind.SET_SHORT_REFUSED, at, set_id, length)
        if length > end - at:
            raise Damage(Kind.SET_LONG_REFUSED, at, set_id, length, end - at)
        yield SetSpan(set_id, at, at + length)
        at += length
    if at < end:
        raise Damage(Kind.ZERO_TAIL, at, end - at)


class FieldSpecifier(NamedTuple):
    """A field of a template: PEN, element id and column as the registry has them, and its length on the wire."""

    pen: int
    id: int
    name: str
    type: str
    length: int
    is_scope: bool
    is_known: bool

    @property
    def least(self) -> int:
        """The fewest octets that it takes: a variable-length value has a prefix of one (RFC 7011 section 7)."""
        return 1 if self.length == VARIABLE else self.length


Record = tuple[bytes, ...]
"""The octets of each field, without length prefixes."""


def read_records(octets: bytes, at: int, end: int, fields: Sequence[FieldSpecifier]) -> Iterator[tuple[Record, int]]:
    """Read the Data Records of a Set, each with where it ends (RFC 7011 section 3.4.3, RFC 3954 section 5.3).

    There is a record as long as the octets left are as many as the shortest one has; what is left
    behind the last is padding (RFC 7011 section 3.3.1). A field that goes past the end of the Set is
    damage (section 9.1).
    """
    least = sum(field.least for field in fields)
    while end - at >= least:
        start, values = at, []
        for field in fields:
            length, at = read_length(octets, at, end, start, field)
            if length > end - at:
                raise Damage(Kind.RECORD_LONG_REFUSED, start, at + length - start, end - start)
            values.append(octets[at : at + length])
            at += length
        yield tuple(values), at


def read_length(octets: bytes, at: int, end: int, start: int, field: FieldSpecifier) -> tuple[int, int]:
    """The length of a field, and where its value begins.

    RFC 7011 section 7: a variable-length value comes behind its length, which is one octet below
    255, or 255 and two octets. The long form is good for any length. NetFlow v9 has no such clause;
    exporters send the same.
    """
    if field.length != VARIABLE:
        return field.length, at
    if end - at < 1:
        raise Damage(Kind.RECORD_LONG_REFUSED, start, at + 1 - start, end - start)
    if octets[at] < 255:
        return octets[at], at + 1
    if end - at < 3:
        raise Damage(Kind.RECORD_LONG_REFUSED, start, at + 3 - start, end - start)
    return number(octets, at + 1, 2), at + 3
