"""Decoders under test behind one small face, so that the specification and the kernels stand the same tests.

A subject is made with a decoder's settings and fed datagrams; `rows`, `events` and `templates` then say
in plain values what came of them. What has an order keeps it: rows of one layout, and events.
"""

from __future__ import annotations

from collections.abc import Iterable
from inspect import signature
from typing import Any, NamedTuple, Protocol

import pytest

from flowparse import NATIVE, Decoder, Event, reference

CONTEXT = ("exporter", "exporter_port", "domain", "template_id", "export_time", "message_index")
Settings = dict[str, Any]


class Row(NamedTuple):
    """One record: context and fields as values, and the octets of each field."""

    is_options: bool
    types: tuple[tuple[str, str], ...]  # (name, column type) of its layout, by name
    values: dict[str, Any]
    octets: dict[str, bytes]

    @property
    def datagram(self) -> int:
        """The ordinal of the datagram that brought it."""
        return int(self.values["message_index"])


class Template(NamedTuple):
    """A template in force; fields are (PEN, id, length, whether scope)."""

    exporter: str | None
    domain: int
    id: int
    is_options: bool
    fields: tuple[tuple[int, int, int, bool], ...]


class Subject(Protocol):
    """A decoder under test."""

    def __init__(self, **settings: Any) -> None: ...
    def feed(self, octets: bytes, exporter: Any, received_ns: int | None = None) -> int: ...
    def rows(self) -> list[Row]: ...
    def events(self) -> list[Event]: ...
    def templates(self) -> list[Template]: ...


class Reference:
    """flowparse.reference.Decoder."""

    def __init__(self, **settings: Any) -> None:
        self.decoder = reference.Decoder(**settings)
        self.feed = self.decoder.feed
        self.events = self.decoder.events

    def rows(self) -> list[Row]:
        tables = self.decoder.take_tables() + self.decoder.take_options()
        return [
            Row(table.layout.is_options, tuple(sorted(table.layout.types.items())), row.values, row.octets)
            for table in tables
            for row in table
        ]

    def templates(self) -> list[Template]:
        return sorted(
            Template(
                each.exporter,
                each.domain,
                each.template.id,
                each.template.is_options,
                tuple((field.pen, field.id, field.length, field.is_scope) for field in each.template.fields),
            )
            for each in self.decoder.templates()
        )


class Kernel:
    """flowparse.Decoder in NATIVE."""

    def __init__(self, **settings: Any) -> None:
        self.decoder = Decoder(NATIVE, **settings)
        self.feed = self.decoder.feed
        self.events = self.decoder.events

    def rows(self) -> list[Row]:
        tables = [(False, table) for table in self.decoder.take_tables()]
        if hasattr(self.decoder, "take_options"):
            tables += [(True, table) for table in self.decoder.take_options()]
        return [
            Row(
                is_options,
                types,
                row.as_dict(),
                {name: row.raw(name) or b"" for name in table.names if name not in CONTEXT},
            )
            for is_options, table in tables
            for types in [tuple(sorted((name, type.name) for name, type in zip(table.names, table.layout.types)))]  # noqa: B905
            for row in table
        ]

    def templates(self) -> list[Template]:
        return sorted(
            Template(
                each.exporter,
                each.domain,
                each.id,
                each.is_options,
                tuple((field.element.pen, field.element.id, field.length, field.is_scope) for field in each.fields),
            )
            for each in self.decoder.templates()
        )


def reads_templates() -> bool:
    """Whether the kernels decode NetFlow v9 and IPFIX yet."""
    return "transport" in signature(Decoder).parameters


def subjects() -> list[type[Subject]]:
    """The decoders that read NetFlow v9 and IPFIX."""
    return [Reference, Kernel] if reads_templates() else [Reference]


each_subject = pytest.mark.parametrize("subject", subjects(), ids=lambda subject: subject.__name__.lower())
"""Parametrize a test over the decoders that read NetFlow v9 and IPFIX."""


def fed(subject: type[Subject], datagrams: Iterable[tuple[bytes, Any, int | None]], **settings: Any) -> Subject:
    """A subject that was fed these datagrams."""
    made = subject(**settings)
    for octets, exporter, received_ns in datagrams:
        made.feed(octets, exporter, received_ns)
    return made
