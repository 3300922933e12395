"""The Decoder of the specification: who sent it, what counts, and what comes out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ..events import Event
from ..limits import Limits
from ..registry import Registry
from .datagram import VERSIONS, Datagram, event, is_old
from .kinds import Kind
from .state import Memory, Rules
from .tables import Layout, Row, Table, grouped
from .templates import Template
from .values import address_text

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Decoder", "Message"]


class TemplateInForce(NamedTuple):
    """A template and whose it is."""

    exporter: str | None
    domain: int
    version: str
    template: Template


class DomainStats(NamedTuple):
    """What is known of an observation domain, as `flowparse.ExporterStats` names it."""

    exporter: str | None
    domain: int
    version: str
    templates: int
    pending_sets: int
    missed_unit: str


@dataclass(slots=True)
class Message:
    """One datagram and everything in it."""

    version: str | None = None
    exporter: str | None = None
    domain: int | None = None
    tables: list[Table] = field(default_factory=list)
    options: list[Table] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    replayed: int = 0


class Decoder:
    """The executable specification of NetFlow v1, v5, v7, v9 and IPFIX: plain, slow, NATIVE.

    It has the doors and the arguments of `flowparse.Decoder`, so that both can be asked the same and
    compared; it bounds what it holds by the same `Limits`, columns aside. Nothing falls back on it.

    Examples
    --------
    >>> decoder = Decoder()
    >>> decoder.feed(bytes.fromhex("000a 0014 65000000 00000000 00000001 0002 0004"), "192.0.2.1")
    0
    >>> decoder.events()[0].message
    'Set 2 of 4 octets holds no record'
    """

    def __init__(
        self,
        *,
        key: Literal["address", "address+port"] = "address",
        transport: Literal["udp", "tcp", "sctp", "file"] = "udp",
        malformed: Literal["discard", "salvage"] | None = None,
        strict: bool = False,
        replay: bool = True,
        limits: Limits | None = None,
        registry: Registry | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self._rules = Rules(
            transport=transport,
            malformed=malformed,
            strict=strict,
            replay=replay,
            limits=self._limits,
            by_port=key == "address+port",
            elements=registry or Registry.default(),
        )
        self._memory = Memory()
        self._rows: list[tuple[Layout, Row]] = []
        self._told: list[Event] = []
        self._told_too_many = 0

    # ── in and out ───────────────────────────────────────────────────────────────────────────────────────────────────

    def feed(self, datagram: Buffer, exporter: Any, received_ns: int | None = None) -> int:
        """Decode one datagram; returns how many flow rows it added, replayed ones too."""
        read = self._read(datagram, exporter, received_ns)
        self._rows += read.rows
        self._raise(read)
        return sum(not layout.is_options for layout, _ in read.rows)

    def _read(self, datagram: Buffer, exporter: Any, received_ns: int | None) -> Datagram:
        read = Datagram(self._memory, self._rules, bytes(datagram), exporter, received_ns)
        read.decode()
        return read

    def _raise(self, read: Datagram) -> None:
        """Keep what happened, and raise what a strict decoder refuses a datagram for."""
        for each in read.events():
            self._keep(each)
        if read.refusal:
            raise read.refusal

    def decode(self, datagram: Buffer, exporter: Any, received_ns: int | None = None) -> Message:
        """Decode one datagram and return everything in it."""
        read = self._read(datagram, exporter, received_ns)
        if read.refusal:
            self._raise(read)
        tables = grouped(read.rows)
        return Message(
            version=VERSIONS.get(int.from_bytes(read.octets[:2], "big")) if len(read.octets) > 1 else None,
            exporter=None if read.address is None else address_text(read.address),
            domain=None if read.header is None else read.header.domain,
            tables=[table for table in tables if not table.layout.is_options],
            options=[table for table in tables if table.layout.is_options],
            events=list(read.events()),
            replayed=read.replayed,
        )

    def feed_many(
        self, datagrams: Iterable[Buffer], exporters: list[Any], times: list[int | None] | None = None
    ) -> int:
        """Decode many datagrams."""
        received = times if times is not None else [None] * len(exporters)
        return sum(map(self.feed, datagrams, exporters, received))

    def take_tables(self) -> list[Table]:
        """Hand over the flow rows so far, one table per layout."""
        return self._taken(is_options=False)

    def take_options(self) -> list[Table]:
        """Hand over the options records so far, one table per layout."""
        return self._taken(is_options=True)

    def _taken(self, *, is_options: bool) -> list[Table]:
        taken = grouped((layout, row) for layout, row in self._rows if layout.is_options == is_options)
        self._rows = [(layout, row) for layout, row in self._rows if layout.is_options != is_options]
        return taken

    @property
    def rows_waiting(self) -> int:
        """Flow rows that `take_tables` would hand over."""
        return sum(not layout.is_options for layout, _ in self._rows)

    def events(self) -> list[Event]:
        """What happened since the last call, oldest first; `Limits.events` at most, and one that counts the rest."""
        told, dropped = self._told, self._told_too_many
        self._told, self._told_too_many = [], 0
        if dropped:
            told.append(
                Event(
                    code="limit_reached",
                    severity="warning",
                    message=f"{dropped} more events than Limits.events were dropped",
                    detail={"limit": self._limits.events, "dropped": dropped},
                )
            )
        return told

    def _keep(self, event: Event) -> None:
        """Keep an event until it is asked for."""
        if len(self._told) < self._limits.events:
            self._told.append(event)
        else:
            self._told_too_many += 1

    def templates(self) -> list[TemplateInForce]:
        """The templates in force, of all exporters and domains."""
        return [
            TemplateInForce(
                None if exporter.address is None else address_text(exporter.address),
                domain.id,
                VERSIONS[domain.version],
                template,
            )
            for exporter in self._memory.exporters.values()
            for domain in exporter.domains.values()
            for template in domain.templates.values()
        ]

    def stats(self) -> list[DomainStats]:
        """What is known of each observation domain."""
        return [
            DomainStats(
                None if exporter.address is None else address_text(exporter.address),
                domain.id,
                VERSIONS[domain.version],
                len(domain.templates),
                sum(each.domain is domain for each in self._memory.waiting),
                "messages" if domain.sequence.by_message else "records",
            )
            for exporter in self._memory.exporters.values()
            for domain in exporter.domains.values()
        ]

    def expire(self, now_ns: int) -> None:
        """Let go what has waited too long."""
        for each in list(self._memory.waiting):
            if is_old(each, now_ns, self._limits):
                self._memory.waiting.remove(each)
                note = (Kind.PENDING_OLD, None, (each.set_id, each.octets))
                self._keep(event(each.exporter, each.domain, note))
