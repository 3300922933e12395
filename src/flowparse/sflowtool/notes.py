"""What the kernel noted of a text, as events: one row of `WORDINGS` is one wording."""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple

from ..events import Event, Severity
from ..text import visible

__all__ = ["WORDINGS", "Noted", "event_of"]

Noted = tuple[str, int, int | None, tuple[int, int, int], bytes]
"""(kind, line from 1, ordinal of the datagram, three numbers, octets of the line), as `Assembler.notes` gives it."""


class Wording(NamedTuple):
    """What a note means to a person; `message` is formatted with `line`, `text` and the names of `detail`."""

    code: str
    severity: Severity
    message: str
    detail: tuple[str, ...] = ()


TORN = "text_torn"
SKIPPED = "text_line_skipped"
LIMIT = "limit_reached"
WORDINGS: dict[str, Wording] = {
    "line": Wording(SKIPPED, "warning", "line {line} is not understood where it stands: {text}"),
    "outside": Wording(SKIPPED, "warning", "line {line} is outside of any datagram: {text}"),
    "skipped": Wording(
        SKIPPED,
        "info",
        "line {line}: sflowtool skipped structure {enterprise}:{format}, whose octets are not in its text",
        ("enterprise", "format", "octets"),
    ),
    "era": Wording(
        SKIPPED,
        "info",
        "line {line}: sflowtool 5.01, which turns the digits of each octet around;"
        " values that were handed over as they stood: {values}",
        ("values",),
    ),
    "unsettled": Wording(
        SKIPPED,
        "info",
        "line {line}: nothing tells 5.01 from 5.02 to 6.07, and {values} values in hexadecimal digits are as they"
        " stand",
        ("values",),
    ),
    "joined": Wording(
        SKIPPED, "info", "line {line} is the rest of the string before it, as datagramSize proves: {text}"
    ),
    "cut": Wording(
        TORN, "warning", "line {line}: headerLen is {told} octets, and the text has {found}", ("told", "found")
    ),
    "row": Wording(SKIPPED, "warning", "line {line} is no row of its format: {text}"),
    "torn_datagram": Wording(TORN, "error", "line {line}: a datagram without its end; what is whole of it is kept"),
    "torn_sample": Wording(TORN, "error", "line {line}: a sample that breaks off; its whole records are kept"),
    "torn_record": Wording(
        TORN,
        "error",
        "line {line}: structure {enterprise}:{format} breaks off and is left out",
        ("enterprise", "format"),
    ),
    "headless": Wording(TORN, "error", "line {line}: a datagram whose header breaks off; it is left out"),
    "samples": Wording(
        TORN, "warning", "line {line}: samplesInPacket is {told}, and the text has {found}", ("told", "found")
    ),
    "size": Wording(
        TORN,
        "warning",
        "line {line}: datagramSize is {told} octets, and what the text tells makes {found}",
        ("told", "found"),
    ),
    "long_line": Wording(LIMIT, "warning", "line {line} is longer than Limits.line_octets and is left out"),
    "many_lines": Wording(
        LIMIT, "error", "line {line}: a datagram of more than Limits.lines_per_datagram lines is left out"
    ),
    "long_datagram": Wording(LIMIT, "error", "line {line}: a datagram longer than UDP can carry is left out"),
    "many_samples": Wording(
        LIMIT, "error", "line {line}: a datagram of more samples than Limits.samples_per_datagram is left out"
    ),
    "many_records": Wording(
        LIMIT, "warning", "line {line}: a sample of more records than {limit}; those are kept", ("limit",)
    ),
}


def event_of(note: Noted) -> Event:
    """The event that a note becomes."""
    kind, line, _, values, octets = note
    wording = WORDINGS[kind]
    detail: dict[str, object] = dict(zip(wording.detail, values, strict=False))
    text = visible(octets.decode("utf-8", "backslashreplace"))
    message = wording.message.format(line=line, text=text, **detail)
    detail["line"] = line
    if octets:
        detail["text"] = text
    return Event(
        code=wording.code,
        severity=wording.severity,
        message=message,
        detail=MappingProxyType(detail),
    )
