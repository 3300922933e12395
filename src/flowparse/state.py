"""Saved states: the octets that a decoder's knowledge becomes, and how several become one.

The format is docs/design/state.md. A state is canonical: what is equal has equal octets, and octets
that are read and not refused are those that would be written. It is judged like input from the wire;
what is wrong with it is a StateError, and nothing of it counts.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from ._state import n_fields_of
from .errors import StateError
from .knowledge import Scope, Tables
from .state_octets import Octets
from .state_tables import merge_tables, pack_tables, read_tables

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Saved", "SavedSequence", "SavedTemplate", "Scope", "merge_states", "pack", "unpack"]

MAGIC = b"FLOWSTAT"
VERSION = 1
SFLOW = 1
TEMPLATED = (3, 4)  # events.PROTOCOLS: NetFlow v9 and IPFIX
SEQUENCED = (1, 2, 3, 4, 7)  # sFlow and NetFlow v5 and v7 too
IDENTITIES = ((0, 16), (0, 2, 16, 18))  # octets of an exporter's identity by address, and by address and port
AGENT = 16  # octets of its address, behind the identity of who sends for it
IS_OPTIONS, IS_SEEN, IS_REDEFINED = 1, 2, 4
BY_MESSAGE, COUNT_TOLD = 1, 2
MOST_OTHERWISE = 2  # _exporters.UNIT_PROOF - 1

HEAD = Struct(">8sHB")  # magic, version, whether exporters are told apart by port too
COUNT = Struct(">I")
SCOPE = Struct(">BI")  # protocol, domain
TEMPLATE = Struct(">BqqQI")  # flags, first and last seen, interval, octets
SEQUENCE = Struct(">BIIIiB")  # flags, expected, uptime, last, count of the last, times the other unit was right


class SavedTemplate(NamedTuple):
    """A template that is known, and since when."""

    octets: bytes  # the Template Record
    is_options: bool
    times: tuple[int, int] | None  # first and last seen
    interval_ns: int  # the longest until it was told again
    redefined: bool  # its id meant something else before

    def rank(self) -> tuple[bool, int, bytes, bool, int, int]:
        """What is ranked higher holds against what is ranked lower: the one seen last."""
        first, last = self.times or (0, 0)
        return self.times is not None, last, self.octets, self.is_options, first, self.interval_ns

    @property
    def id(self) -> int:
        """The Template ID."""
        return int.from_bytes(self.octets[:2])


class SavedSequence(NamedTuple):
    """How the sequence of a domain goes on; see _exporters.DomainState."""

    expected: int
    by_message: bool
    uptime_ms: int
    last: int
    last_count: int  # -1: not known
    otherwise: int
    count_told: bool


@dataclass(frozen=True, slots=True)
class Saved:
    """What a state holds."""

    by_port: bool = False
    templates: dict[tuple[Scope, int], SavedTemplate] = field(default_factory=dict)
    tables: dict[Scope, Tables] = field(default_factory=dict)
    sequences: dict[Scope, SavedSequence] = field(default_factory=dict)

    def add(self, scope: Scope, known: SavedTemplate) -> None:
        """Let a template hold against the one of the same scope and id."""
        key = scope, known.id
        there = self.templates.get(key)
        if there is not None:
            redefined = there.redefined or known.redefined or there[:2] != known[:2]  # whoever holds, both were in use
            known = max(there, known, key=SavedTemplate.rank)._replace(redefined=redefined)
        self.templates[key] = known


# ── written ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def pack(saved: Saved) -> bytes:
    """The octets of a state."""
    parts = [HEAD.pack(MAGIC, VERSION, saved.by_port)]
    scopes: dict[Scope, list[SavedTemplate]] = {}
    for (scope, _), known in sorted(saved.templates.items(), key=lambda item: item[0]):
        scopes.setdefault(scope, []).append(known)
    parts.append(COUNT.pack(len(scopes)))
    for scope, templates in scopes.items():
        parts += [_pack_scope(scope), COUNT.pack(len(templates))]
        for octets, is_options, times, interval, redefined in templates:
            flags = IS_OPTIONS * is_options | IS_SEEN * (times is not None) | IS_REDEFINED * redefined
            parts += [TEMPLATE.pack(flags, *(times or (0, 0)), interval, len(octets)), octets]
    parts.append(COUNT.pack(len(saved.tables)))
    for scope in sorted(saved.tables):
        parts += [_pack_scope(scope), pack_tables(saved.tables[scope])]
    parts.append(COUNT.pack(len(saved.sequences)))
    for scope, sequence in sorted(saved.sequences.items()):
        expected, by_message, uptime_ms, last, last_count, otherwise, count_told = sequence
        flags = BY_MESSAGE * by_message | COUNT_TOLD * count_told
        parts += [_pack_scope(scope), SEQUENCE.pack(flags, expected, uptime_ms, last, last_count, otherwise)]
    whole = b"".join(parts)
    return whole + COUNT.pack(crc32(whole))


def _pack_scope(scope: Scope) -> bytes:
    return bytes([len(scope[0])]) + scope[0] + SCOPE.pack(*scope[1:])


# ── read ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


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
    if octets[: len(MAGIC)] != MAGIC or len(octets) < HEAD.size + COUNT.size:
        raise StateError("these octets are no saved state")
    whole = Octets(octets[: -COUNT.size])
    _, version, by_port = whole.read(HEAD)
    if version != VERSION:
        raise StateError(f"a saved state of version {version}; this flowparse reads version {VERSION}")
    if COUNT.unpack(octets[-COUNT.size :])[0] != crc32(octets[: -COUNT.size]):
        raise StateError("the saved state is damaged: its CRC-32 does not agree")
    if by_port > 1:
        raise whole.wrong("a key of exporters that there is not")
    saved = Saved(bool(by_port))
    _read_templates(whole, saved, most_fields)
    _read_all_tables(whole, saved)
    _read_sequences(whole, saved)
    whole.end()
    return saved


def _read_scope(octets: Octets, saved: Saved, last: Scope | None, protocols: Collection[int]) -> Scope:
    identity = octets.take(octets.take(1)[0])
    protocol, domain = octets.read(SCOPE)
    scope = identity, protocol, domain
    length = len(identity) - (AGENT if protocol == SFLOW else 0)
    if length not in IDENTITIES[saved.by_port] or protocol not in protocols:
        raise octets.wrong("an exporter or protocol that cannot be")
    if last is not None and scope <= last:
        raise octets.wrong("scopes that are not in order")
    return scope


def _read_templates(octets: Octets, saved: Saved, most_fields: int) -> None:
    scope: Scope | None = None
    (n_scopes,) = octets.read(COUNT)
    for _ in range(n_scopes):
        scope = _read_scope(octets, saved, scope, TEMPLATED)
        (n_templates,) = octets.read(COUNT)
        if n_templates == 0:
            raise octets.wrong("a scope that has no templates")
        last_id = 0
        for _ in range(n_templates):
            known = _read_template(octets, scope[1], most_fields)
            if known.id <= last_id:
                raise octets.wrong(f"template {known.id} behind {last_id}")
            last_id = known.id
            saved.templates[scope, last_id] = known


def _read_template(octets: Octets, protocol: int, most_fields: int) -> SavedTemplate:
    flags, first, last, interval, length = octets.read(TEMPLATE)
    record = octets.take(length)
    is_options, seen = bool(flags & IS_OPTIONS), bool(flags & IS_SEEN)
    try:
        n_fields_of(record, protocol, is_options, most_fields)
    except ValueError as wrong:
        raise octets.wrong(str(wrong)) from None
    if flags > 7 or first > last or (not seen and (first or last or interval)):
        raise octets.wrong("a template with flags or times that cannot be")
    return SavedTemplate(record, is_options, (first, last) if seen else None, interval, bool(flags & IS_REDEFINED))


def _read_all_tables(octets: Octets, saved: Saved) -> None:
    scope: Scope | None = None
    (n,) = octets.read(COUNT)
    for _ in range(n):
        scope = _read_scope(octets, saved, scope, TEMPLATED)
        saved.tables[scope] = read_tables(octets)


def _read_sequences(octets: Octets, saved: Saved) -> None:
    scope: Scope | None = None
    (n,) = octets.read(COUNT)
    for _ in range(n):
        scope = _read_scope(octets, saved, scope, SEQUENCED)
        flags, expected, uptime_ms, last, last_count, otherwise = octets.read(SEQUENCE)
        if flags > 3 or last_count < -1 or otherwise > MOST_OTHERWISE:
            raise octets.wrong("a sequence that cannot be")
        saved.sequences[scope] = SavedSequence(
            expected, bool(flags & BY_MESSAGE), uptime_ms, last, last_count, otherwise, bool(flags & COUNT_TOLD)
        )


# ── several ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def merge_states(*states: Buffer) -> bytes:
    """One state of several, in any order; sequences are dropped, as no one of them goes on.

    Of a template or a name that is in more than one, the one seen last holds; where the times agree,
    the greater octets do. A template whose definitions differ is marked as redefined
    (docs/design/state.md).

    Parameters
    ----------
    *states : buffer of octets
        Of `Decoder.export_state`, `scan_templates` or `merge_states`.

    Returns
    -------
    state : bytes

    Raises
    ------
    StateError
        One of them is damaged, or they tell exporters apart in different ways.
    """
    read = [unpack(state) for state in states]
    if len({each.by_port for each in read}) > 1:
        raise StateError('states made with key="address" and key="address+port" do not merge')
    merged = Saved(bool(read) and read[0].by_port)
    tables: dict[Scope, list[Tables]] = {}
    for each in read:
        for (scope, _), known in each.templates.items():
            merged.add(scope, known)
        for scope, told in each.tables.items():
            tables.setdefault(scope, []).append(told)
    merged.tables.update((scope, merge_tables(several)) for scope, several in tables.items())
    return pack(merged)
