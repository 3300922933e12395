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
    1: "sflow",
    2: "netflow5",
    3: "netflow9",
    4: "ipfix",
    6: "netflow1",
    7: "netflow7",
}
"""FLOW's `type` -> the name of the protocol."""
PEOPLE_SAY = {
    "sflow": "sFlow",
    "netflow1": "NetFlow v1",
    "netflow5": "NetFlow v5",
    "netflow7": "NetFlow v7",
    "netflow9": "NetFlow v9",
    "ipfix": "IPFIX",
}

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
    clause: str | tuple[str, str] | None  # one, or that of NetFlow v9 and that of IPFIX
    message: str  # formatted with {protocol} and the names of `detail`
    detail: tuple[str, ...] = ()
    unit: str | None = None  # of what is missed


TEMPLATED = ("netflow9", "ipfix")
FIRST_TEMPLATE_ID = 256

CISCO = "Cisco NetFlow export datagram formats"
SFLOW = "sFlow version 5"
HEADER = ("RFC 3954 5.1", "RFC 7011 3.1")
SET = ("RFC 3954 5.3", "RFC 7011 3.3.2")
RECORD = ("RFC 3954 5.3", "RFC 7011 9.1")
TEMPLATE = ("RFC 3954 5.2", "RFC 7011 3.4.1")
OPTIONS = ("RFC 3954 6.1", "RFC 7011 3.4.2.2")
MANAGED = ("RFC 3954 9", "RFC 7011 8")

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
        "version {version} is not decoded here; NetFlow v1, v5, v7, v9, IPFIX and sFlow are",
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
        "the domain heard of least recently is forgotten: Limits.domains, .domains_per_exporter; one is {limit}",
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
    # ── NetFlow v9 and IPFIX: framing, each as it is refused and as it is kept ──
    Wording(
        "message_discarded",
        "error",
        Malformed,
        SET,
        "Set {set_id} has length {length}; its header alone is 4; the message is discarded",
        ("set_id", "length"),
    ),
    Wording(
        "message_truncated",
        "error",
        Malformed,
        SET,
        "Set {set_id} has length {length}; its header alone is 4; what is before it is kept",
        ("set_id", "length"),
    ),
    Wording(
        "message_discarded",
        "error",
        Truncated,
        SET,
        "Set {set_id} has length {length}, but {available} octets are left; the message is discarded",
        ("set_id", "length", "available"),
    ),
    Wording(
        "message_truncated",
        "error",
        Truncated,
        SET,
        "Set {set_id} has length {length}, but {available} octets are left; what is whole is kept",
        ("set_id", "length", "available"),
    ),
    Wording(
        "message_discarded",
        "error",
        Truncated,
        RECORD,
        "a record of Set {set_id} needs {needed} octets or more, {available} are left; the message is discarded",
        ("set_id", "needed", "available"),
    ),
    Wording(
        "message_truncated",
        "error",
        Truncated,
        RECORD,
        "a record of Set {set_id} needs {needed} octets or more, {available} are left; what is before it is kept",
        ("set_id", "needed", "available"),
    ),
    Wording(
        "message_discarded",
        "error",
        Malformed,
        HEADER,
        "the message has length {length}; its header alone is 16",
        ("length",),
    ),
    Wording(
        "message_discarded",
        "error",
        Truncated,
        HEADER,
        "the message has length {length}, but the datagram {available} octets; it is discarded",
        ("length", "available"),
    ),
    Wording(
        "message_truncated",
        "error",
        Truncated,
        HEADER,
        "the message has length {length}, but the datagram {available} octets; what is whole is kept",
        ("length", "available"),
    ),
    Wording(
        "message_discarded",
        "error",
        Malformed,
        SET,
        "{octets} octets behind the last Set are neither a Set nor zero; the message is discarded",
        ("octets",),
    ),
    Wording(
        "message_truncated",
        "error",
        Malformed,
        SET,
        "{octets} octets behind the last Set are neither a Set nor zero; what is before them is kept",
        ("octets",),
    ),
    Wording(
        "trailing_octets",
        "info",
        Malformed,
        SET,
        "{octets} octets of zero behind the last Set",
        ("octets",),
    ),
    Wording(
        "trailing_octets",
        "warning",
        Malformed,
        HEADER,
        "{octets} octets behind the end of the message",
        ("octets",),
    ),
    # ── Sets ──
    Wording(
        "set_skipped",
        "warning",
        Malformed,
        SET,
        "Set {set_id} is reserved; its {octets} octets are skipped",
        ("set_id", "octets"),
    ),
    Wording(
        "set_skipped",
        "info",
        Malformed,
        SET,
        "Set {set_id} of {octets} octets holds no record",
        ("set_id", "octets"),
    ),
    Wording(
        "set_skipped",
        "info",
        Malformed,
        HEADER,
        "the message holds no Set",
    ),
    Wording(
        "padding_suspect",
        "warning",
        Malformed,
        ("RFC 3954 5.3", "RFC 7011 3.3.1"),
        "{octets} octets of padding in Set {set_id} are not zero: its template may be out of date",
        ("set_id", "octets"),
    ),
    # ── templates ──
    Wording(
        "template_defined",
        "info",
        Malformed,
        TEMPLATE,
        "template {template_id} is defined, with {fields} fields",
        ("set_id", "template_id", "fields"),
    ),
    Wording(
        "template_changed",
        "warning",
        Malformed,
        MANAGED,
        "template {template_id} is defined anew, with {fields} fields",
        ("set_id", "template_id", "fields"),
    ),
    Wording(
        "template_withdrawn",
        "info",
        Malformed,
        "RFC 7011 8.1",
        "template {template_id} is withdrawn",
        ("set_id", "template_id"),
    ),
    Wording(
        "template_withdrawn",
        "info",
        Malformed,
        "RFC 7011 8.1",
        "all templates of Set {set_id} are withdrawn: {templates}",
        ("set_id", "templates"),
    ),
    Wording(
        "template_rejected",
        "warning",
        Malformed,
        "RFC 7011 8.4",
        "the withdrawal of template {template_id} is ignored: it came over UDP",
        ("set_id", "template_id"),
    ),
    Wording(
        "template_rejected",
        "warning",
        Malformed,
        "RFC 7011 8.1",
        "the withdrawal of template {template_id} is ignored: Set {set_id} defined none",
        ("set_id", "template_id"),
    ),
    Wording(
        "template_rejected",
        "error",
        Malformed,
        TEMPLATE,
        "template id {template_id} is below 256; Set {set_id} is not read further",
        ("set_id", "template_id"),
    ),
    Wording(
        "template_rejected",
        "error",
        Truncated,
        TEMPLATE,
        "template {template_id} goes past the end of its Set, of which {available} octets are left",
        ("set_id", "template_id", "available"),
    ),
    Wording(
        "template_rejected",
        "error",
        Malformed,
        TEMPLATE,
        "template {template_id} is rejected: its records would have no octets",
        ("set_id", "template_id"),
    ),
    Wording(
        "template_rejected",
        "error",
        Malformed,
        TEMPLATE,
        "template {template_id} is rejected: no message holds its records of at least {octets} octets",
        ("set_id", "template_id", "octets"),
    ),
    Wording(
        "limit_reached",
        "warning",
        LimitExceeded,
        None,
        "template {template_id} is rejected: it has more fields than Limits.fields_per_template, {limit}",
        ("set_id", "template_id", "limit"),
    ),
    Wording(
        "template_rejected",
        "error",
        Malformed,
        OPTIONS,
        "options template {template_id} is rejected: {octets} octets of scopes or options are no field specifiers",
        ("set_id", "template_id", "octets"),
    ),
    Wording(
        "template_rejected",
        "error",
        Malformed,
        OPTIONS,
        "options template {template_id} is rejected: {scopes} scope fields are more than it has fields",
        ("set_id", "template_id", "scopes"),
    ),
    Wording(
        "value_out_of_range",
        "warning",
        Malformed,
        OPTIONS,
        "options template {template_id} has no scope",
        ("set_id", "template_id"),
    ),
    Wording(
        "element_unknown",
        "info",
        Malformed,
        None,
        "template {template_id} has {elements} elements that are not in the registry; they are kept as octets",
        ("set_id", "template_id", "elements"),
    ),
    Wording(
        "value_out_of_range",
        "warning",
        Malformed,
        "RFC 7011 6.2",
        "template {template_id} has {fields} fields of a length that their type has not; they are kept as octets",
        ("set_id", "template_id", "fields"),
    ),
    Wording(
        "template_evicted",
        "warning",
        LimitExceeded,
        None,
        "{templates} templates, {template_id} first, are forgotten: Limits.templates_per_domain is {limit}",
        ("template_id", "templates", "limit"),
    ),
    Wording(
        "template_evicted",
        "warning",
        LimitExceeded,
        None,
        "{templates} templates, {template_id} first, are forgotten: Limits.templates is {limit}",
        ("template_id", "templates", "limit"),
    ),
    Wording(
        "template_evicted",
        "warning",
        LimitExceeded,
        None,
        "{templates} templates, {template_id} first, are forgotten: Limits.template_fields_total is {limit}",
        ("template_id", "templates", "limit"),
    ),
    Wording(
        "template_expired",
        "info",
        Malformed,
        MANAGED,
        "template {template_id} was not sent for too long and is forgotten",
        ("template_id",),
    ),
    # ── data ──
    Wording(
        "data_pending",
        "info",
        Malformed,
        ("RFC 3954 9", "RFC 7011 9"),
        "Set {set_id} has no template yet; its {octets} octets wait for it",
        ("set_id", "octets"),
    ),
    Wording(
        "data_dropped",
        "warning",
        Malformed,
        ("RFC 3954 9", "RFC 7011 9"),
        "Set {set_id} has no template; its {octets} octets are dropped",
        ("set_id", "octets"),
    ),
    Wording(
        "data_dropped",
        "warning",
        LimitExceeded,
        None,
        "a Set {set_id} of {octets} octets that waited for its template makes room: Limits.pending_* are met",
        ("set_id", "octets"),
    ),
    Wording(
        "data_dropped",
        "warning",
        LimitExceeded,
        None,
        "a Set {set_id} of {octets} octets waited for its template longer than Limits.pending_ns",
        ("set_id", "octets"),
    ),
    Wording(
        "data_replayed",
        "info",
        Malformed,
        ("RFC 3954 9", "RFC 7011 9"),
        "a Set {set_id} that waited for its template is decoded: {records} records",
        ("set_id", "records"),
    ),
    Wording(
        "data_dropped",
        "warning",
        Truncated,
        RECORD,
        "a record of a Set {set_id} that waited needs {needed} octets or more, {available} are left",
        ("set_id", "needed", "available"),
    ),
    Wording(
        "limit_reached",
        "warning",
        LimitExceeded,
        None,
        "{records} records of Set {set_id} are not decoded: Limits.records_per_message is {limit}",
        ("set_id", "records", "limit"),
    ),
    Wording(
        "limit_reached",
        "warning",
        LimitExceeded,
        None,
        "{records} records of Set {set_id} are not decoded: Limits.values_per_message is {limit}",
        ("set_id", "records", "limit"),
    ),
    Wording(
        "count_mismatch",
        "info",
        Malformed,
        HEADER,
        "the count of {protocol} is {count}, but there are {records} records",
        ("count", "records"),
    ),
    Wording(
        "output_dropped",
        "error",
        LimitExceeded,
        None,
        "Set {set_id} of {octets} octets is dropped: more layouts hold rows than Limits.templates; take() more often",
        ("set_id", "octets"),
    ),
    Wording(
        "output_dropped",
        "warning",
        LimitExceeded,
        None,
        "{records} options records that nobody took are dropped, to make room for others",
        ("records",),
    ),
    Wording(
        "value_out_of_range",
        "warning",
        Malformed,
        "RFC 5477 8.2",
        "options tell a sampling rate of {rate}, which is none; it is taken as not known",
        ("rate",),
    ),
    Wording(
        "limit_reached",
        "warning",
        LimitExceeded,
        None,
        "{entries} names or rates that options tell are not remembered: there is no room for more",
        ("entries",),
    ),
)

SFLOW_NOTES: tuple[Wording, ...] = (
    Wording("message_discarded", "error", Malformed, SFLOW, "the address of the agent is of type {type}", ("type",)),
    Wording(
        "message_discarded",
        "error",
        Truncated,
        SFLOW,
        "the datagram says {count} samples, but its octets hold {available}; all are discarded",
        ("count", "available"),
    ),
    Wording(
        "message_truncated",
        "error",
        Truncated,
        SFLOW,
        "the datagram says {count} samples, but its octets hold {available}; those are kept",
        ("count", "available"),
    ),
    Wording(
        "message_discarded",
        "error",
        Truncated,
        SFLOW,
        "a sample says {count} records, but its octets hold {available}; the datagram is discarded",
        ("count", "available"),
    ),
    Wording(
        "message_truncated",
        "error",
        Truncated,
        SFLOW,
        "a sample says {count} records, but its octets hold {available}; those are kept",
        ("count", "available"),
    ),
    Wording(
        "message_discarded",
        "error",
        Truncated,
        SFLOW,
        "a sample {enterprise}:{format} has {length} octets, too few for its head; the datagram is discarded",
        ("enterprise", "format", "length"),
    ),
    Wording(
        "message_truncated",
        "error",
        Truncated,
        SFLOW,
        "a sample {enterprise}:{format} has {length} octets, too few for its head; it is left out",
        ("enterprise", "format", "length"),
    ),
    Wording(
        "message_truncated",
        "warning",
        Truncated,
        SFLOW,
        "a structure {enterprise}:{format} of {length} octets ends within a field; those before it are kept",
        ("enterprise", "format", "length"),
    ),
    Wording(
        "limit_reached",
        "warning",
        LimitExceeded,
        None,
        "of {count} samples the first are decoded: Limits.samples_per_datagram is {limit}",
        ("count", "limit"),
    ),
    Wording(
        "limit_reached",
        "warning",
        LimitExceeded,
        None,
        "of {count} records of a sample the first are decoded: Limits.records_per_sample is {limit}",
        ("count", "limit"),
    ),
    Wording(
        "value_out_of_range",
        "warning",
        Malformed,
        SFLOW,
        "a sampling rate of one in {rate} is not believed; it is taken as not known",
        ("rate",),
    ),
    Wording(
        "output_dropped",
        "warning",
        LimitExceeded,
        None,
        "{records} rows of counters that nobody took are dropped, to make room for others",
        ("records",),
    ),
    Wording(
        "value_out_of_range",
        "warning",
        Malformed,
        None,
        "{values} values are none that their columns hold; they are null",
        ("values",),
    ),
)
"""Those of sFlow, behind all others."""
NOTES += SFLOW_NOTES

OPTIONS_DROPPED = 63
COUNTERS_DROPPED = 77
OUT_OF_RANGE = 78
"""The notes that the decoder itself makes."""


def address_text(octets: bytes | None) -> str | None:
    """An exporter's 16 octets as text; ::ffff:a.b.c.d reads as IPv4."""
    if octets is None:
        return None
    return text_of_address(octets)


def _read(note: Note) -> tuple[Wording, str | None, dict[str, Any], str]:
    kind, _, _, _, values, number = note
    wording = NOTES[kind]
    protocol = PROTOCOLS.get(number, "")
    detail: dict[str, Any] = dict(zip(wording.detail, values, strict=False))
    if wording.unit is not None:
        detail["unit"] = "records" if wording.unit == "flows" and protocol in TEMPLATED else wording.unit
    message = wording.message.format(protocol=PEOPLE_SAY.get(protocol, ""), **detail)
    return wording, _clause(wording.clause, protocol), detail, message


def _clause(clause: str | tuple[str, str] | None, protocol: str) -> str | None:
    if clause == CISCO and protocol == "sflow":
        return SFLOW
    if clause == CISCO and protocol in TEMPLATED:
        clause = HEADER
    if isinstance(clause, tuple):
        return clause[protocol != "netflow9"]
    return clause


def event_of(note: Note) -> Event:
    """The event that a note becomes."""
    wording, clause, detail, message = _read(note)
    set_id = detail.get("set_id")
    of_data = set_id if set_id is not None and set_id >= FIRST_TEMPLATE_ID else None
    return Event(
        code=wording.code,
        severity=wording.severity,
        message=message,
        exporter=address_text(note[1]),
        domain=note[2],
        offset=note[3],
        set_id=set_id,
        template_id=detail.get("template_id", of_data),
        clause=clause,
        detail=MappingProxyType(detail),
    )


def refusal_of(note: Note) -> DecodeError:
    """The exception that a strict decoder raises for a note."""
    wording, clause, _, message = _read(note)
    where = "" if note[3] is None else f" at offset {note[3]}"
    of_clause = "" if clause is None else f" ({clause})"
    return wording.error(f"{message}{where}{of_clause}", offset=note[3], clause=clause)
