"""One datagram on its way through a decoder: whose it is, what it changes, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

from ..errors import DecodeError
from ..events import PROTOCOLS, Event, event_of, refusal_of
from ..events import Note as FullNote
from ..limits import Limits
from . import fixed
from .kinds import Kind
from .message import Budget, Reading, frame, rows_of
from .state import Domain, Exporter, Memory, Note, Pending, Rules, Sequence, make_room, trim_templates
from .tables import Layout, Row
from .templates import Template
from .values import Value, address_text
from .wire import HEADERS, Damage, Header, read_header

__all__ = ["VERSIONS", "Datagram", "event", "is_old"]

VERSIONS = {1: "netflow1", 5: "netflow5", 7: "netflow7", 9: "netflow9", 10: "ipfix"}
NUMBER_OF = {name: number for number, name in PROTOCOLS.items()}
EVICTED = {Kind.EXPORTER_EVICTED, Kind.EVICTED_OF_DOMAIN, Kind.EVICTED_TEMPLATE, Kind.EVICTED_FOR_FIELDS}
MAPPED = bytes(10) + b"\xff\xff"


def event(exporter: Exporter | None, domain: Domain | None, note: Note) -> Event:
    """A note as an event."""
    return event_of(full(exporter, domain, note))


def full(exporter: Exporter | None, domain: Domain | None, note: Note) -> FullNote:
    kind, offset, values = note
    first, second, third = (*values, 0, 0, 0)[:3]
    return (
        int(kind),
        exporter.address if exporter else None,
        domain.id if domain else None,
        offset,
        (first, second, third),
        NUMBER_OF[VERSIONS[domain.version]] if domain else 0,
    )


def identify(exporter: Any, by_port: bool) -> tuple[bytes, bytes | None, int | None]:
    """What tells an exporter apart, its 16 octets (a.b.c.d is ::ffff:a.b.c.d), and its port."""
    host, port = exporter[:2] if isinstance(exporter, tuple) else (exporter, None)
    if host == "":
        address = None
    else:
        packed = host if isinstance(host, bytes) else ip_address(str(host).partition("%")[0]).packed
        address = MAPPED + packed if len(packed) == 4 else packed
    identity = (address or b"") + (port.to_bytes(2, "big") if by_port and port is not None else b"")
    return identity, address, port


def is_old(waiting: Pending, now_ns: int | None, limits: Limits) -> bool:
    """Whether a Set waited longer than it may; where a time is not known it did not."""
    if now_ns is None or waiting.received_ns is None:
        return False
    return now_ns - waiting.received_ns > limits.pending_ns


class Datagram:
    """One datagram on its way through a decoder."""

    def __init__(self, memory: Memory, rules: Rules, octets: bytes, exporter: Any, received_ns: int | None) -> None:
        self.memory = memory
        self.rules = rules
        self.octets = octets
        self.received_ns = received_ns
        self.identity, self.address, self.port = identify(exporter, rules.by_port)
        self.index = memory.datagrams
        self.header: Header | None = None
        self.exporter: Exporter | None = None
        self.domain: Domain | None = None
        self.rows: list[tuple[Layout, Row]] = []
        self.notes: list[tuple[Exporter | None, Domain | None, Note]] = []
        self.replayed = 0
        self.refusal: DecodeError | None = None  # what a strict decoder raises

    def decode(self) -> None:
        """Decode it and make last what counts; nothing does if it is refused."""
        self.memory.datagrams += 1
        self.exporter = self.find_exporter()
        try:
            self.header = read_header(self.octets)
            self.domain = self.find_domain(self.exporter, self.header)
            if self.header.version in fixed.VERSIONS:
                self.decode_fixed()
            else:
                self.decode_templated()
        except Damage as damage:
            note = (damage.kind, damage.offset, damage.values)
            if self.rules.strict:
                self.refusal = refusal_of(full(self.exporter, self.domain, note))
            else:
                self.notes.append((self.exporter, self.domain, note))
            if self.domain and self.domain.version not in fixed.VERSIONS:
                self.domain.sequence.forget()

    def events(self) -> Iterator[Event]:
        """What happened, `Limits.events_per_message` at most, of which the last says that there is more.

        Of an exporter and of templates that are evicted it is always told.
        """
        left = self.rules.limits.events_per_message
        for exporter, domain, note in self.notes:
            if note[0] in EVICTED:
                yield event(exporter, domain, note)
                continue
            left -= 1
            if left >= 0:
                yield event(exporter, domain, note if left else (Kind.NOTES, None, ()))

    def tell(self, kind: Kind, offset: int | None, *values: int) -> None:
        self.notes.append((self.exporter, self.domain, (kind, offset, values)))

    # ── who ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def find_exporter(self) -> Exporter:
        """The exporter; a new one may take the place of the one heard of least recently."""
        exporters, most = self.memory.exporters, self.rules.limits.exporters
        if self.identity not in exporters:
            while len(exporters) >= max(1, most):
                _, gone = exporters.popitem(last=False)
                self.notes.append((gone, None, (Kind.EXPORTER_EVICTED, None, (most,))))
                self.drop_waiting(gone)
            exporters[self.identity] = Exporter(self.identity, self.address)
        exporters.move_to_end(self.identity)
        return exporters[self.identity]

    def find_domain(self, exporter: Exporter, header: Header) -> Domain:
        """The observation domain; a new one may take the place of the one heard of least recently."""
        domains, most = exporter.domains, self.rules.limits.domains_per_exporter
        key = (header.version, header.domain)
        if key not in domains:
            while len(domains) >= max(1, most):
                _, gone = domains.popitem(last=False)
                self.notes.append((exporter, gone, (Kind.DOMAIN_EVICTED, None, (most,))))
                self.drop_waiting(exporter, gone)
            domains[key] = Domain(header.version, header.domain, Sequence(by_message=header.version == 9))
        domains.move_to_end(key)
        return domains[key]

    def drop_waiting(self, exporter: Exporter, domain: Domain | None = None) -> None:
        self.memory.waiting = [
            each
            for each in self.memory.waiting
            if not (each.exporter is exporter and (domain is None or each.domain is domain))
        ]

    def context(self, header: Header) -> dict[str, Value]:
        """The columns in front of every row of a message."""
        return {
            "exporter": None if self.address is None else address_text(self.address),
            "exporter_port": self.port,
            "domain": header.domain,
            "template_id": None,
            "export_time": header.export_ns,
            "message_index": self.index,
        }

    # ── what it holds ────────────────────────────────────────────────────────────────────────────────────────────────

    def decode_fixed(self) -> None:
        """NetFlow v1, v5 and v7."""
        assert self.header is not None
        assert self.domain is not None
        notes, self.rows = fixed.decode(self.octets, self.header, self.domain, self.context(self.header), self.rules)
        for kind, offset, values in notes:
            self.tell(kind, offset, *values)

    def decode_templated(self) -> None:
        """NetFlow v9 and IPFIX: read, and if nothing is wrong with it, commit."""
        header, exporter, domain = self.header, self.exporter, self.domain
        assert header is not None
        assert exporter is not None
        assert domain is not None
        reading = Reading(self.octets, header, exporter, domain, self.context(header), self.received_ns, self.rules)
        reading.read(HEADERS[header.version])
        for kind, offset, values in reading.notes:
            self.tell(kind, offset, *values)
        self.rows += reading.rows
        self.commit_templates(reading)
        self.check_count(reading)
        self.count_sequence(reading)
        self.commit_waiting(reading)
        self.replay(reading)

    def commit_templates(self, reading: Reading) -> None:
        """Make definitions and withdrawals last, and keep no more templates than the limits allow."""
        assert self.domain is not None
        self.domain.templates = reading.templates
        for template in reading.described:
            template.is_described = True
        for template in reading.uses:
            self.use(template)
        for template in self.domain.templates.values():
            if template in reading.uses:
                self.see(template)
        for kind, offset, values in trim_templates(self.domain, self.memory.all_domains, self.rules.limits):
            self.tell(kind, offset, *values)

    def use(self, template: Template) -> None:
        self.memory.uses += 1
        template.used = self.memory.uses

    def see(self, template: Template) -> None:
        if self.received_ns is not None:
            if template.first_seen_ns is None:
                template.first_seen_ns = self.received_ns
            template.last_seen_ns = self.received_ns

    def check_count(self, reading: Reading) -> None:
        """RFC 3954 section 5.1: Count is the number of records of all kinds; exporters say otherwise."""
        assert self.domain is not None
        records = reading.template_records + reading.data_records
        is_looked_at = reading.header.version == 9 and reading.is_whole and not self.domain.is_count_told
        if is_looked_at and reading.header.count != records:
            self.domain.is_count_told = True
            self.tell(Kind.COUNT_DIFFERS, 2, reading.header.count, records)

    def count_sequence(self, reading: Reading) -> None:
        """Count the message; what could not be read whole held an unknown number of records."""
        assert self.domain is not None
        held = reading.data_records if reading.is_counted else None
        for kind, offset, values in self.domain.sequence.count(reading.header, held):
            self.tell(kind, offset, *values)

    def commit_waiting(self, reading: Reading) -> None:
        """Keep the Sets that wait for their template, within the limits."""
        for each in reading.waiting:
            self.memory.waiting.append(each)
            for gone in make_room(self.memory.waiting, each.exporter, self.rules.limits):
                note = (Kind.PENDING_FULL, None, (gone.set_id, gone.octets))
                self.notes.append((gone.exporter, gone.domain, note))

    def replay(self, reading: Reading) -> None:
        """Decode the Sets that waited for the templates of this message, in the order of their last records.

        RFC 7011 section 8, RFC 3954 section 9: data may come before its template, and may be kept.
        Its rows have the times and index of the message that brought them, whose sequence was
        counted then. What they unfold to is bounded for all of them together.
        """
        limits = self.rules.limits
        budget = Budget(None, max(limits.values_per_message, limits.pending_octets_per_exporter))
        assert self.domain is not None
        for template in reading.defined.values():
            if self.domain.templates.get(template.id) is not template:
                continue  # withdrawn or evicted meanwhile
            for each in [each for each in self.memory.waiting if each.domain is self.domain]:
                if each.set_id == template.id:
                    self.memory.waiting.remove(each)
                    self.replay_set(each, template, budget)

    def replay_set(self, each: Pending, template: Template, budget: Budget) -> None:
        """Decode one Set that waited."""
        if is_old(each, self.received_ns, self.rules.limits):
            self.tell(Kind.PENDING_OLD, None, each.set_id, each.octets)
            return
        records, damage, _ = frame(each.body, 0, len(each.body), template)
        if damage:
            _, needed, available = damage.values
            self.tell(Kind.REPLAY_LONG, None, each.set_id, needed, available)
            if self.rules.strict or not self.rules.keeps(each.domain.version):
                return
        taken, met = budget.take(records, len(template.fields))
        if met and met not in budget.told:
            budget.told.add(met)
            limit = self.rules.limits.values_per_message
            self.tell(met, None, each.set_id, len(records) - len(taken), limit)
        self.tell(Kind.REPLAYED, None, each.set_id, len(taken))
        self.rows += rows_of(template, taken, each.context)
        self.replayed += 0 if template.is_options else len(taken)
