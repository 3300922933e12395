"""What is remembered between messages: exporters, their observation domains, sequence, and Sets that wait."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..limits import Limits
from ..registry import Registry
from .kinds import Kind
from .templates import Template
from .values import Value
from .wire import Header

__all__ = ["Domain", "Exporter", "Memory", "Note", "Pending", "Rules", "Sequence", "make_room", "trim_templates"]

LATE = 65536
PROOF = 3
RESTART_MS = 10_000
UPTIME_OFFSET = 4
Note = tuple[Kind, int | None, tuple[int, ...]]
"""(kind, offset, numbers)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a decoder was made."""

    transport: str
    malformed: str | None
    strict: bool
    replay: bool
    by_port: bool
    limits: Limits
    elements: Registry

    def keeps(self, version: int) -> bool:
        """Whether what is framed before the damage is kept: RFC 7011 section 9.1 has IPFIX discard."""
        return self.malformed == "salvage" or (self.malformed is None and version != 10)


@dataclass(slots=True)
class Sequence:
    """The sequence numbers of a domain, and the unit that they turn out to count.

    NetFlow v5 and v7 count flows, v9 messages (RFC 3954 section 5.1), IPFIX data records (RFC 7011
    section 3.1); exporters that count otherwise are found out.
    """

    by_message: bool
    expected: int | None = None
    last: int = 0
    last_count: int | None = None
    otherwise: int = 0
    uptime_ms: int = 0

    def count(self, header: Header, held: int | None) -> Iterator[Note]:
        """Compare the number of a message with the one expected; `held` is how many records it has, if known."""
        got = header.sequence
        assert got is not None
        uptime_ms = header.uptime_ms or 0
        ahead = 0 if self.expected is None else signed32(got - self.expected)
        is_other = self.last_count is not None and got == (self.last + self.other_step()) % 2**32
        if ahead and is_other and self.last_count != 1:
            self.otherwise += 1
            if self.otherwise == PROOF:
                self.by_message = not self.by_message
                ahead = 0
                is_other = False
        if not ahead and not is_other:
            self.otherwise = 0
        self.last, self.last_count = got, held
        if ahead:
            expected = self.expected or 0
            if self.uptime_ms - uptime_ms > RESTART_MS:
                yield Kind.RESTART, UPTIME_OFFSET, (self.uptime_ms, uptime_ms)
            elif ahead > 0:
                kind = Kind.GAP_MESSAGES if self.by_message else Kind.GAP
                yield kind, header.sequence_offset, (expected, got, ahead)
            elif ahead >= -LATE:
                return
            else:
                yield Kind.RESET, header.sequence_offset, (expected, got)
        step = 1 if self.by_message else held
        self.expected = None if step is None else (got + step) % 2**32
        self.uptime_ms = uptime_ms

    def other_step(self) -> int:
        """How far the last message would have taken the sequence in the unit that is not in use."""
        return (self.last_count or 0) if self.by_message else 1

    def forget(self) -> None:
        """Expect nothing, where it is not known how many records went by."""
        if not self.by_message:
            self.expected = None


def signed32(number: int) -> int:
    """A difference of sequence numbers, which are modulo 2**32."""
    return (number + 2**31) % 2**32 - 2**31


@dataclass(slots=True, eq=False)
class Domain:
    """An observation domain of an exporter, in one protocol (RFC 7011 section 2)."""

    version: int
    id: int
    sequence: Sequence
    templates: dict[int, Template] = field(default_factory=dict)
    sampling_rate: int | None = None
    is_count_told: bool = False


@dataclass(slots=True, eq=False)
class Exporter:
    """An Exporting Process, and its domains; the one heard of last is the last of them."""

    identity: bytes
    address: bytes | None
    domains: OrderedDict[tuple[int, int], Domain] = field(default_factory=OrderedDict)


@dataclass(slots=True, eq=False)
class Pending:
    """A Set that waits for its template, and all that its rows need of its message."""

    exporter: Exporter
    domain: Domain
    set_id: int
    body: bytes
    octets: int
    context: dict[str, Value]
    received_ns: int | None


@dataclass(slots=True)
class Memory:
    """All that a decoder remembers."""

    exporters: OrderedDict[bytes, Exporter] = field(default_factory=OrderedDict)
    waiting: list[Pending] = field(default_factory=list)
    datagrams: int = 0
    uses: int = 0

    @property
    def all_domains(self) -> list[Domain]:
        """Every domain of every exporter."""
        return [domain for exporter in self.exporters.values() for domain in exporter.domains.values()]


def make_room(waiting: list[Pending], of: Exporter, limits: Limits) -> Iterator[Pending]:
    """Take out the Sets that are too many, oldest first: of this exporter, then of all."""
    mine = [each for each in waiting if each.exporter is of]
    while mine and sum(each.octets for each in mine) > limits.pending_octets_per_exporter:
        gone = mine.pop(0)
        waiting.remove(gone)
        yield gone
    while waiting and (
        sum(each.octets for each in waiting) > limits.pending_octets or len(waiting) > limits.pending_sets
    ):
        yield waiting.pop(0)


def trim_templates(domain: Domain, all_domains: list[Domain], limits: Limits) -> Iterator[Note]:
    """Take out the templates that are too many, those used least recently first; one always stays."""
    held = by_use([domain])
    gone = held[: max(0, len(held) - max(1, limits.templates_per_domain))]
    yield from take_out(gone, Kind.EVICTED_OF_DOMAIN, limits.templates_per_domain)
    held = by_use(all_domains)
    gone = held[: max(0, len(held) - max(1, limits.templates))]
    yield from take_out(gone, Kind.EVICTED_TEMPLATE, limits.templates)
    held = by_use(all_domains)
    gone, fields = [], sum(len(template.fields) for _, template in held)
    for owner, template in held[:-1]:
        if fields > limits.template_fields_total:
            gone.append((owner, template))
            fields -= len(template.fields)
    yield from take_out(gone, Kind.EVICTED_FOR_FIELDS, limits.template_fields_total)


def take_out(gone: list[tuple[Domain, Template]], kind: Kind, limit: int) -> Iterator[Note]:
    """Take templates out, and tell it once."""
    for owner, template in gone:
        del owner.templates[template.id]
    if gone:
        yield kind, None, (gone[0][1].id, len(gone), limit)


def by_use(domains: list[Domain]) -> list[tuple[Domain, Template]]:
    """The templates of some domains, that used least recently first."""
    held = [(domain, template) for domain in domains for template in domain.templates.values()]
    return sorted(held, key=lambda pair: pair[1].used)
