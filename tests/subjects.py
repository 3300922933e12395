"""Decoders under test behind one small face, so that the specification and the kernels stand the same tests.

A subject is made with a decoder's settings and fed datagrams; `rows`, `events` and `templates` then say
in plain values what came of them. What has an order keeps it: rows of one layout, and events.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import pytest

from flowparse import NATIVE, Decoder, Event, reference
from flowparse.reference.compare import PlainRow, PlainTemplate, rows_of, templates_of

CONTEXT = ("exporter", "exporter_port", "domain", "template_id", "export_time", "message_index")


class Subject(Protocol):
    """A decoder under test."""

    def __init__(self, **settings: Any) -> None: ...
    def feed(self, octets: bytes, exporter: Any, received_ns: int | None = None, /) -> int: ...
    def rows(self) -> list[PlainRow]: ...
    def events(self) -> list[Event]: ...
    def templates(self) -> list[PlainTemplate]: ...


class _Subject:
    decoder: Any

    def feed(self, octets: bytes, exporter: Any, received_ns: int | None = None, /) -> int:
        added: int = self.decoder.feed(octets, exporter, received_ns)
        return added

    def rows(self) -> list[PlainRow]:
        return rows_of(self.decoder)

    def events(self) -> list[Event]:
        told: list[Event] = self.decoder.events()
        return told

    def templates(self) -> list[PlainTemplate]:
        return templates_of(self.decoder)


class Reference(_Subject):
    """flowparse.reference.Decoder."""

    def __init__(self, **settings: Any) -> None:
        self.decoder = reference.Decoder(**settings)


class Kernel(_Subject):
    """flowparse.Decoder in NATIVE."""

    def __init__(self, **settings: Any) -> None:
        self.decoder = Decoder(NATIVE, **settings)


SUBJECTS: tuple[type[Subject], ...] = (Reference, Kernel)
each_subject = pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.__name__.lower())
"""Parametrize a test over the decoders."""


def fed(subject: type[Subject], datagrams: Iterable[tuple[bytes, Any, int | None]], **settings: Any) -> Subject:
    """A subject that was fed these datagrams."""
    made = subject(**settings)
    for octets, exporter, received_ns in datagrams:
        made.feed(octets, exporter, received_ns)
    return made
