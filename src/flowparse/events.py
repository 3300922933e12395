"""Events: what a decoder has to say that is not a row.

The walk notes a kind and three numbers; `NOTES` says what a person reads of each, how severe it is,
which document speaks of it, and what a strict decoder raises. One row of that table is one wording,
for the event and the exception alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from ._addresses import text_of_address
from .errors import DecodeError, LimitExceeded, Malformed, Truncated, UnsupportedVersion

__all__ = ["NOTES", "PROTOCOLS", "Event", "Note", "address_text", "event_of", "refusal_of"]

Severity = Literal["info", "warning", "error"]

PROTOCOLS = {
    2: "netflow5",
    6: "netflow1",
    7: "netflow7",
}
"""FLOW's `type` -> the name of the protocol."""
PEOPLE_SAY = {"netflow1": "NetFlow v1", "netflow5": "NetFlow v5", "netflow7": "NetFlow v7"}

Note = tuple[int, bytes | None, int | None, int | None, tuple[int, int, int], int]
"""(kind, exporter's 16 octets, domain, offset, three numbers, protocol), as the walk notes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened while decoding; frozen and hashable.

    Attributes
    ----------
    code : str
        What happened, such as "sequence_gap" or "message_discarded".
    severity : {"info", "warning", "error"}
    exporter : str or None
    domain : int or None
        Observation domain; for NetFlow v5, engine type * 256 + engine id.
    offset : int or None
        Octets from the Message Header to what it speaks of.
    set_id, template_id : int or None
    clause : str or None
        Document and section.
    message : str
        One sentence for a person.
    detail : Mapping
        The same in numbers.
    """

    code: str
    severity: Severity
    message: str
    exporter: str | None = None
    domain: int | None = None
    offset: int | None = None
    set_id: int | None = None
    template_id: int | None = None
    clause: str | None = None
    detail: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    def to_dict(self) -> dict[str, Any]:
        """Every attribute, with `detail` as a plain dict."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "detail"} | {
            "detail": dict(self.detail)
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (self.to_dict(),)


def _rebuilt(attributes: dict[str, Any]) -> Event:
    return Event(**attributes | {"detail": MappingProxyType(attributes["detail"])})


class Wording(NamedTuple):
    """What a note means to a person."""

    code: str
    severity: Severity
    error: type[DecodeError]  # what a strict decoder raises, where it refuses
    clause: str | None
    message: str  # formatted with {protocol} and the names of `detail`
    detail: tuple[str, ...] = ()
    unit: str | None = None  # of what is missed


CISCO = "Cisco NetFlow export datagram formats"

GAP = Wording(
    "sequence_gap",
    "warning",
    Malformed,
    CISCO,
    "{missed} {unit} are missing: sequence {received} came, {expected} was expected",
    ("expected", "received", "missed"),
    "flows",
)

# In the order of _notes.pxd's NoteKind.
NOTES: tuple[Wording, ...] = (
    Wording(
        "message_discarded",
        "error",
        Truncated,
        None,
        "{available} octets are not a message; its header alone has {needed}",
        ("needed", "available"),
    ),
    Wording(
        "message_discarded",
        "error",
        UnsupportedVersion,
        None,
        "version {version} is not decoded here; NetFlow v1, v5 and v7 are",
        ("version",),
    ),
    Wording(
        "message_discarded",
        "error",
        Truncated,
        CISCO,
        "{protocol} count {count}, but the octets hold {available} records; all are discarded",
        ("count", "available"),
    ),
    Wording(
        "message_truncated",
        "error",
        Truncated,
        CISCO,
        "{protocol} count {count}, but the octets hold {available} records; those are kept",
        ("count", "available"),
    ),
    Wording(
        "count_mismatch",
        "warning",
        Malformed,
        CISCO,
        "{protocol} count {count}; exporters send 30 records at most",
        ("count",),
    ),
    Wording(
        "trailing_octets",
        "warning",
        Malformed,
        CISCO,
        "{octets} octets behind the last record that the count of {protocol} tells of",
        ("octets",),
    ),
    GAP,
    Wording(
        "sequence_reset",
        "warning",
        Malformed,
        CISCO,
        "the sequence starts anew: {received} came, {expected} was expected",
        ("expected", "received"),
    ),
    Wording(
        "exporter_restarted",
        "warning",
        Malformed,
        CISCO,
        "the exporter restarted: its uptime fell from {before_ms} to {now_ms} ms",
        ("before_ms", "now_ms"),
    ),
    Wording(
        "sampling_changed",
        "info",
        Malformed,
        CISCO,
        "the sampling rate changed from {before} to {now} (0: not told)",
        ("before", "now"),
    ),
    Wording(
        "output_dropped",
        "error",
        LimitExceeded,
        None,
        "{records} records dropped: Limits.column_octets is met; take() more often",
        ("records",),
    ),
    Wording(
        "limit_reached",
        "warning",
        LimitExceeded,
        None,
        "the exporter heard of least recently is forgotten: Limits.exporters is {limit}",
        ("limit",),
    ),
    Wording(
        "limit_reached",
        "warning",
        LimitExceeded,
        None,
        "the domain heard of least recently is forgotten: Limits.domains_per_exporter is {limit}",
        ("limit",),
    ),
    Wording("data_dropped", "warning", DecodeError, None, "a datagram of an exporter that is not allowed"),
    Wording(
        "limit_reached",
        "warning",
        LimitExceeded,
        None,
        "more to report of one message than Limits.events_per_message",
    ),
    GAP._replace(unit="messages"),
)


def address_text(octets: bytes | None) -> str | None:
    """An exporter's 16 octets as text; ::ffff:a.b.c.d reads as IPv4."""
    if octets is None:
        return None
    return text_of_address(octets)


def _read(note: Note) -> tuple[Wording, dict[str, Any], str]:
    kind, _, _, _, values, protocol = note
    wording = NOTES[kind]
    detail: dict[str, Any] = dict(zip(wording.detail, values, strict=False))
    if wording.unit is not None:
        detail["unit"] = wording.unit
    name = PEOPLE_SAY.get(PROTOCOLS.get(protocol, ""), "")
    return wording, detail, wording.message.format(protocol=name, **detail)


def event_of(note: Note) -> Event:
    """The event that a note becomes."""
    wording, detail, message = _read(note)
    return Event(
        code=wording.code,
        severity=wording.severity,
        message=message,
        exporter=address_text(note[1]),
        domain=note[2],
        offset=note[3],
        clause=wording.clause,
        detail=MappingProxyType(detail),
    )


def refusal_of(note: Note) -> DecodeError:
    """The exception that a strict decoder raises for a note."""
    wording, _, message = _read(note)
    where = "" if note[3] is None else f" at offset {note[3]}"
    clause = "" if wording.clause is None else f" ({wording.clause})"
    return wording.error(f"{message}{where}{clause}", offset=note[3], clause=wording.clause)
