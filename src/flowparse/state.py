"""Saved states: the octets that a decoder's knowledge becomes, and how several become one.

The format is docs/design/state.md. A state is canonical: what is equal has equal octets, and octets
that are read and not refused are those that would be written. It is judged like input from the wire;
what is wrong with it is a StateError, and nothing of it counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from ._state import n_fields_of
from .errors import StateError

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Saved", "SavedTemplate", "Scope", "merge_states", "pack", "unpack"]

MAGIC = b"FLOWSTAT"
VERSION = 1
OPTIONAL = 0x8000
"""Sections from this id on may be skipped by who does not know them."""
TEMPLATES, SEQUENCES = 1, 2
PROTOCOLS = (2, 3, 4, 6, 7)  # events.PROTOCOLS
OF_TEMPLATES = (3, 4)
IS_OPTIONS, IS_SEEN, IS_REDEFINED = 1, 2, 4

HEAD = Struct(">8sHBxH")  # magic, version, key, sections
SECTION = Struct(">HI")  # id, octets
COUNT = Struct(">I")
SCOPE = Struct(">BI")  # protocol, domain
TEMPLATE = Struct(">BqqQI")  # flags, first and last seen, interval, octets
SEQUENCE = Struct(">IB")  # expected, whether it counts messages

Scope = tuple[bytes, int, int]
"""(identity of the exporter, protocol, domain)"""


class SavedTemplate(NamedTuple):
    """A template that is known, and since when."""

    octets: bytes  # the Template Record
    is_options: bool
    times: tuple[int, int] | None  # first and last seen
    interval_ns: int  # the longest until it was told again
    redefined: bool  # its id meant something else before

    def rank(self) -> tuple[int, int, bytes, bool, int, int]:
        """What is ranked higher holds against what is ranked lower: the one seen last."""
        first, last = self.times or (0, 0)
        return self.times is not None, last, self.octets, self.is_options, first, self.interval_ns


@dataclass(frozen=True, slots=True)
class Saved:
    """What a state holds."""

    by_port: bool = False
    templates: dict[tuple[Scope, int], SavedTemplate] = field(default_factory=dict)
    sequences: dict[Scope, tuple[int, bool]] = field(default_factory=dict)

    def add(self, scope: Scope, known: SavedTemplate) -> None:
        """Let a template hold against the one of the same scope and id."""
        key = scope, int.from_bytes(known.octets[:2])
        there = self.templates.get(key)
        if there is not None:
            redefined = there.redefined or known.redefined or there[:2] != known[:2]  # whoever holds, both were in use
            known = max(there, known, key=SavedTemplate.rank)._replace(redefined=redefined)
        self.templates[key] = known


# ── written ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def pack(knowledge: Saved) -> bytes:
    """The octets of a state."""
    sections = {TEMPLATES: _pack_templates(knowledge), SEQUENCES: _pack_sequences(knowledge)}
    parts = [HEAD.pack(MAGIC, VERSION, knowledge.by_port, len(sections))]
    for id, octets in sorted(sections.items()):
        parts += [SECTION.pack(id, len(octets)), octets]
    whole = b"".join(parts)
    return whole + COUNT.pack(crc32(whole))


def _pack_scope(scope: Scope) -> bytes:
    return bytes([len(scope[0])]) + scope[0] + SCOPE.pack(*scope[1:])


def _pack_templates(knowledge: Saved) -> bytes:
    scopes: dict[Scope, list[SavedTemplate]] = {}
    for (scope, _), known in sorted(knowledge.templates.items(), key=lambda item: item[0]):
        scopes.setdefault(scope, []).append(known)
    parts = [COUNT.pack(len(scopes))]
    for scope, templates in scopes.items():
        parts += [_pack_scope(scope), COUNT.pack(len(templates))]
        for octets, is_options, times, interval, redefined in templates:
            flags = IS_OPTIONS * is_options | IS_SEEN * (times is not None) | IS_REDEFINED * redefined
            parts += [TEMPLATE.pack(flags, *(times or (0, 0)), interval, len(octets)), octets]
    return b"".join(parts)


def _pack_sequences(knowledge: Saved) -> bytes:
    parts = [COUNT.pack(len(knowledge.sequences))]
    for scope, sequence in sorted(knowledge.sequences.items()):
        parts += [_pack_scope(scope), SEQUENCE.pack(*sequence)]
    return b"".join(parts)


# ── read ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Octets:
    """Octets that are read from front to back."""

    def __init__(self, octets: bytes, offset: int = 0) -> None:
        self.octets = octets
        self.at = 0
        self.offset = offset  # in the state

    def take(self, n: int) -> bytes:
        if n > len(self.octets) - self.at:
            raise StateError(f"at offset {self.offset + self.at} {n} octets are needed, {self.left()} are left")
        self.at += n
        return self.octets[self.at - n : self.at]

    def left(self) -> int:
        return len(self.octets) - self.at

    def read(self, struct: Struct) -> tuple[int, ...]:
        return struct.unpack(self.take(struct.size))

    def wrong(self, what: str) -> StateError:
        return StateError(f"{what}, before offset {self.offset + self.at}")

    def end(self) -> None:
        if self.left():
            raise StateError(f"{self.left()} octets too many at offset {self.offset + self.at}")


def unpack(state: Buffer, *, most_fields: int = 65535) -> Saved:
    """Read a state.

    Raises
    ------
    StateError
        It is damaged, or was written by a later version.
    TypeError
        It is no buffer of octets.
    """
    octets = bytes(memoryview(state))
    if len(octets) < HEAD.size + COUNT.size or octets[: len(MAGIC)] != MAGIC:
        raise StateError("these octets are no saved state")
    if COUNT.unpack(octets[-COUNT.size :])[0] != crc32(octets[: -COUNT.size]):
        raise StateError("the saved state is damaged: its CRC-32 does not agree")
    whole = _Octets(octets[: -COUNT.size])
    _, version, by_port, n_sections = whole.read(HEAD)
    if version != VERSION:
        raise StateError(f"a state of version {version} is not read here; version {VERSION} is")
    if by_port > 1 or octets[11]:
        raise whole.wrong("a header that cannot be")
    sections: dict[int, _Octets] = {}
    last = 0
    for _ in range(n_sections):
        id, length = whole.read(SECTION)
        if id <= last:
            raise whole.wrong(f"section {id} behind section {last}")
        last = id
        at = whole.at
        sections[id] = _Octets(whole.take(length), at)
        if id not in (TEMPLATES, SEQUENCES) and id < OPTIONAL:
            raise StateError(f"section {id} is of a later version")
    whole.end()
    if not {TEMPLATES, SEQUENCES} <= sections.keys():
        raise StateError("a state has the sections 1 and 2")
    knowledge = Saved(bool(by_port))
    _read_templates(sections[TEMPLATES], knowledge, most_fields)
    _read_sequences(sections[SEQUENCES], knowledge)
    return knowledge


def _read_scope(octets: _Octets, knowledge: Saved, last: Scope | None) -> Scope:
    identity = octets.take(octets.take(1)[0])
    protocol, domain = octets.read(SCOPE)
    scope = identity, protocol, domain
    if len(identity) not in ((0, 2, 16, 18) if knowledge.by_port else (0, 16)) or protocol not in PROTOCOLS:
        raise octets.wrong("an exporter or protocol that cannot be")
    if last is not None and scope <= last:
        raise octets.wrong("scopes that are not in order")
    return scope


def _read_templates(octets: _Octets, knowledge: Saved, most_fields: int) -> None:
    last: Scope | None = None
    (n_scopes,) = octets.read(COUNT)
    for _ in range(n_scopes):
        last = scope = _read_scope(octets, knowledge, last)
        (n_templates,) = octets.read(COUNT)
        last_id = 0
        if n_templates == 0 or scope[1] not in OF_TEMPLATES:
            raise octets.wrong("a scope that has no templates")
        for _ in range(n_templates):
            flags, first, newest, interval, length = octets.read(TEMPLATE)
            record = octets.take(length)
            try:
                n_fields_of(record, scope[1], bool(flags & IS_OPTIONS), most_fields)
            except ValueError as wrong:
                raise octets.wrong(str(wrong)) from None
            id = int.from_bytes(record[:2])
            times = (first, newest) if flags & IS_SEEN else None
            if flags > 7 or id <= last_id or first > newest or (times is None and (first or newest or interval)):
                raise octets.wrong(f"template {id} is not in order")
            last_id = id
            knowledge.templates[scope, id] = SavedTemplate(
                record, bool(flags & IS_OPTIONS), times, interval, bool(flags & IS_REDEFINED)
            )
    octets.end()


def _read_sequences(octets: _Octets, knowledge: Saved) -> None:
    last: Scope | None = None
    (n,) = octets.read(COUNT)
    for _ in range(n):
        last = scope = _read_scope(octets, knowledge, last)
        expected, by_message = octets.read(SEQUENCE)
        if by_message > 1:
            raise octets.wrong("a sequence of no unit")
        knowledge.sequences[scope] = expected, bool(by_message)
    octets.end()


# ── several ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def merge_states(*states: Buffer) -> bytes:
    """One state of several, in any order; sequences are dropped, as no one of them goes on.

    Of a template that is in more than one, the one seen last holds; where the times agree, the
    greater octets do. If its definitions differ it is marked as redefined (docs/design/state.md).

    Raises
    ------
    StateError
        One of them is damaged, or they tell exporters apart in different ways.
    """
    read = [unpack(state) for state in states]
    if len({each.by_port for each in read}) > 1:
        raise StateError('states made with key="address" and key="address+port" do not merge')
    merged = Saved(bool(read) and read[0].by_port)
    for each in read:
        for (scope, _), known in each.templates.items():
            merged.add(scope, known)
    return pack(merged)
