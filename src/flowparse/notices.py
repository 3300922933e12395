"""Events that doors tell, of streams, states and columns; those of the walk are in `events`."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from .events import Event, Severity, address_text

__all__ = ["NOTICES", "notice"]

NOTICES: dict[str, tuple[str, Severity, str | None, str]] = {
    "version": (
        "stream_broken", "error", "RFC 7011 9.1",
        "version {version} where a message should begin; the stream is not read further until it is closed",
    ),
    "length": (
        "stream_broken", "error", "RFC 7011 9.1",
        "a message of length {length}, whose header alone is 16; the stream is not read further until it is closed",
    ),
    "cut": (
        "message_truncated", "error", "RFC 7011 10.4.3",
        "the stream ends within a message: {octets} octets of {needed} or more are there",
    ),
    "unread": ("data_dropped", "warning", "RFC 7011 9.1", "{octets} octets behind a broken message were not read"),
    "session": (
        "data_dropped", "warning", "RFC 7011 8",
        "{sets} Sets of {octets} octets that waited for their template end with their session",
    ),
    "nulls": (
        "data_dropped", "warning", None,
        "{payloads} datagrams that were null, and {exporters} whose exporter was, are skipped",
    ),
    "not_allowed": (
        "data_dropped", "warning", None, "{scopes} scopes of a state are of exporters that are not allowed",
    ),
    "redefined": (
        "template_changed", "warning", None,
        "where the state was made, template {template_id} did not always mean the same",
    ),
}  # fmt: skip
"""name -> (code, severity, clause, message)"""


def notice(
    name: str, address: bytes | None = None, *, domain: int | None = None, offset: int | None = None, **detail: Any
) -> Event:
    """The event of that name; `detail` are the numbers of its message."""
    code, severity, clause, message = NOTICES[name]
    return Event(
        code=code, severity=severity, clause=clause, message=message.format(**detail), exporter=address_text(address),
        domain=domain, offset=offset, template_id=detail.get("template_id"), detail=MappingProxyType(detail),
    )  # fmt: skip
