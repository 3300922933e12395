"""What options records say of others: sampling rates, and names of interfaces, applications and VRFs.

Each observation domain has tables of its own; what one lacks is looked for in all of its exporter,
and taken where they agree, since many send options from another domain than flows (RFC 7011 section
4, RFC 5477, RFC 6759). An options template teaches when its fields say so, not by its id.

Not here: how rows are joined to it, which is `plan` and the kernels.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from ._lookup import Names, Rates, application_number
from .looked import Changes, Looked, change, named
from .template import VARIABLE, FieldSpecifier

__all__ = ["Application", "Interface", "Knowledge", "Known", "Sampler", "Scope", "is_likely", "teaches"]

K = TypeVar("K")
V = TypeVar("V")

MOST_OF_TABLE = 16384
MOST_DOMAINS = 64  # of an exporter, that were told anything
MOST_IN_ALL = 1 << 20
MOST_RATE = 1 << 24
MOST_INIT_MS = (2**63 - 1) // 10**6  # as nanoseconds; it is the year 2262
SWAPPED = 1 << 16  # from here on, octets in the wrong order are likelier than such a rate

SAMPLER_IDS = ("samplerId", "selectorId")
INTERFACES = ("scopeInterface", "ingressInterface", "egressInterface")
TEMPLATES = ("scopeTemplate", "templateId")
RATES = ("samplingInterval", "samplerRandomInterval", "samplingPacketInterval", "samplingSize", "samplingProbability")
FLOATS = {4: ">f", 8: ">d"}
NAMES = {
    "interfaceName",
    "interfaceDescription",
    "applicationName",
    "applicationDescription",
    "VRFname",
    "samplerName",
    "selectorName",
}
VRFS = ("ingressVRFID", "egressVRFID")
TEACHING = {*RATES, *NAMES, "systemInitTimeMilliseconds"}

Scope = tuple[bytes, int, int]
"""(exporter's identity, protocol, observation domain)."""

Known = tuple[
    int,
    dict[int, int],
    Rates | None,
    Rates | None,
    tuple[Names | None, Names | None, Names | None, Names | None],
    int | None,
]
"""The rate of a domain or 0, rates of its templates, of samplers and interfaces, names of interfaces, applications,
VRFs and samplers, and when the exporter started, in milliseconds since 1970."""

Record = Mapping[str, bytes]
"""Octets by element name; of elements that repeat, the first."""


class Sampler(NamedTuple):
    """A sampler or selector (RFC 5477 section 8.2); `rate` is None where it makes no sense."""

    id: int
    rate: int | None
    algorithm: int | None = None
    name: str | None = None


class Interface(NamedTuple):
    """An interface by its ifIndex."""

    if_index: int
    name: str | None = None
    description: str | None = None


class Application(NamedTuple):
    """An application (RFC 6759): the octets of its applicationId say engine and selector."""

    id: bytes
    name: str | None = None
    description: str | None = None


@dataclass(slots=True)
class Tables:
    """What one observation domain was told."""

    samplers: dict[int, Sampler] = field(default_factory=dict)
    interfaces: dict[int, Interface] = field(default_factory=dict)
    applications: dict[bytes, Application] = field(default_factory=dict)
    vrfs: dict[int, str] = field(default_factory=dict)
    interface_rates: dict[int, int] = field(default_factory=dict)
    template_rates: dict[int, int] = field(default_factory=dict)
    rate: int | None = None
    init_time_ms: int | None = None
    seen_ns: int | None = None  # of a saved state: when the domain was last heard of
    _rates: Counter[int | None] | None = field(default=None, init=False, repr=False, compare=False)

    def sampler_rates(self) -> Counter[int | None]:
        """How many samplers have each rate; kept by `sampler_changed` from the first time on."""
        if self._rates is None:
            self._rates = Counter(each.rate for each in self.samplers.values())
        return self._rates

    def sampler_changed(self, before: Sampler | None, after: Sampler) -> None:
        """A sampler was put in the place of another, or of none."""
        if self._rates is not None:
            self._rates[after.rate] += 1
            if before is not None:
                self._rates[before.rate] -= 1
                if not self._rates[before.rate]:
                    del self._rates[before.rate]

    @property
    def n_entries(self) -> int:
        """How many names and rates it holds."""
        return sum(map(len, self._all))

    @property
    def n_largest(self) -> int:
        """How many the largest of its tables holds."""
        return max(map(len, self._all))

    @property
    def _all(self) -> tuple[Mapping[Any, Any], ...]:
        names = self.samplers, self.interfaces, self.applications, self.vrfs
        return *names, self.interface_rates, self.template_rates


class Odd(NamedTuple):
    """Something that was not taken over: the element, and the number that it had."""

    element: str
    value: int


def teaches(fields: Sequence[FieldSpecifier]) -> bool:
    """Whether records of an options template say what others mean."""
    return any(each.element.name in TEACHING for each in fields)


class Knowledge:
    """The tables of all exporters, as many as there is room for.

    Attributes
    ----------
    version : int
        Grows with what is known.
    dropped : int
        Entries that had no room.
    """

    def __init__(self) -> None:
        self._exporters: dict[bytes, dict[tuple[int, int], Tables]] = {}
        self._changes: dict[bytes, Changes] = {}
        self._noted = 0
        self._n = 0
        self.version = 0
        self.dropped = 0

    @property
    def tables(self) -> dict[Scope, Tables]:
        """What each domain was told."""
        return {(owner, *domain): tables for owner, of in self._exporters.items() for domain, tables in of.items()}

    @property
    def n_exporters(self) -> int:
        """Exporters of which anything is known."""
        return len(self._exporters)

    def learn(self, scope: Scope, fields: Sequence[FieldSpecifier], octets: bytes) -> list[Odd]:
        """Take over whole options records; return what was not."""
        of_exporter = self._exporters.setdefault(scope[0], {})
        tables = of_exporter.get(scope[1:])
        if tables is None:
            if len(of_exporter) >= MOST_DOMAINS:
                self._forget(of_exporter.pop(next(iter(of_exporter))))
                self._changes.pop(scope[0], None)
            tables = of_exporter[scope[1:]] = Tables()
        odd: list[Odd] = []
        for record in records(fields, octets):
            changes = self._changes.get(scope[0])
            self._learn_rate(tables, changes, record, odd)
            self._learn_names(tables, changes, record)
            if (init := number(record, "systemInitTimeMilliseconds")) is not None:
                init = init if 0 < init <= MOST_INIT_MS else None
                self.version += tables.init_time_ms != init
                tables.init_time_ms = init
        return odd

    def take_dropped(self) -> int:
        """How many entries had no room since this was asked last."""
        dropped, self.dropped = self.dropped, 0
        return dropped

    def known(self, scope: Scope, *, names: bool = True) -> Known:
        """What the kernels read while they decode records of a domain; `names` only where anybody asks for them."""
        looked = self._looked(scope, names)
        return (
            self.rate(scope) or 0,
            dict(self._own(scope).template_rates),
            looked.samplers,
            looked.interfaces,
            looked.names or (None, None, None, None),
            self.init_time_ms(scope),
        )

    def _looked(self, scope: Scope, names: bool) -> Looked:
        """The look-up tables of a domain, up to date: what was told since costs, not what is known."""
        identity, *_ = scope
        domain = scope[1:] if scope[1:] in self._exporters.get(identity, {}) else None
        changes = self._changes.setdefault(identity, Changes())
        looked = changes.of.pop(domain, None)  # not there while it is half changed
        if looked is None or looked.at[0] < changes.before:
            looked = self._all_looked(scope, names)
        else:
            own, others = self._own(scope), self._others(scope)
            for kind, key in dict.fromkeys(changes.latest[looked.at[0] - changes.before :]):
                change(looked, own, others, kind, key)
        looked.at[0] = changes.n
        changes.of[domain] = looked
        changes.forget()
        return looked

    def _all_looked(self, scope: Scope, names: bool) -> Looked:
        made = None
        ids: dict[int, list[bytes]] = {}
        if names:
            applications = self.application_names(scope)
            numbers = {id: number for id in applications if (number := application_number(id)) is not None}
            for id, number in numbers.items():
                ids.setdefault(number, []).append(id)
            made = (
                Names(self.interface_names(scope)),
                Names({number: applications[id] for id, number in numbers.items()}),
                Names(self.vrf_names(scope)),
                Names(self.sampler_names(scope)),
            )
        return Looked(Rates(self.samplers(scope)), Rates(self.interface_rates(scope)), made, ids, [0])

    def forget_all_but(self, is_known: Callable[[bytes], bool]) -> None:
        """Forget exporters that are no longer known."""
        for identity in [identity for identity in self._exporters if not is_known(identity)]:
            for tables in self._exporters.pop(identity).values():
                self._forget(tables)
        self._changes = {identity: changes for identity, changes in self._changes.items() if is_known(identity)}

    def forget_template_rates(self, identity: bytes, protocol: int) -> None:
        """The ids of an exporter's templates mean nothing any longer."""
        for (of_protocol, _), tables in self._exporters.get(identity, {}).items():
            if of_protocol == protocol and tables.template_rates:
                self._n -= len(tables.template_rates)
                tables.template_rates = {}
                self.version += 1

    def with_tables(self, given: Mapping[Scope, Tables]) -> Knowledge:
        """What is known, with other tables of some domains.

        Raises
        ------
        ValueError
            It would be more than there is room for.
        """
        made = Knowledge()
        made._exporters = dict(self._exporters)
        for scope, tables in given.items():
            made._exporters[scope[0]] = made._exporters.get(scope[0], {}) | {scope[1:]: tables}
        made._n = sum(tables.n_entries for of in made._exporters.values() for tables in of.values())
        made.version, made.dropped = self.version + 1, self.dropped
        of_domain = max((tables.n_largest for tables in given.values()), default=0)
        of_exporter = max((len(made._exporters[scope[0]]) for scope in given), default=0)
        for what, n, most in (
            ("names or rates of a kind in a domain", of_domain, MOST_OF_TABLE),
            ("domains of an exporter that options told of", of_exporter, MOST_DOMAINS),
            ("names and rates", made._n, MOST_IN_ALL),
        ):
            if n > most:
                raise ValueError(f"{n} {what}; there is room for {most}")
        return made

    def _forget(self, tables: Tables) -> None:
        self._n -= tables.n_entries
        self.version += 1

    # ── what is known ────────────────────────────────────────────────────────────────────────────────────────────────

    def samplers(self, scope: Scope) -> dict[int, int]:
        """Rates by sampler id: the domain's, and those that all other domains of the exporter agree on."""
        agreed = agreement({id: each.rate for id, each in tables.samplers.items()} for tables in self._others(scope))
        own = {id: each.rate for id, each in self._own(scope).samplers.items()}
        return {id: rate for id, rate in (agreed | own).items() if rate is not None}

    def interface_rates(self, scope: Scope) -> dict[int, int]:
        """Rates by ifIndex, likewise."""
        agreed = agreement(tables.interface_rates for tables in self._others(scope))
        return agreed | self._own(scope).interface_rates

    def rate(self, scope: Scope) -> int | None:
        """The rate of a whole domain: as told, or that of its only sampler, or what other domains agree on."""
        own = domain_rate(self._own(scope))
        if own is not None:
            return own
        others = {rate for tables in self._others(scope) if (rate := domain_rate(tables)) is not None}
        return others.pop() if len(others) == 1 else None

    def interface_names(self, scope: Scope) -> dict[int, str]:
        """Names by ifIndex: the domain's, and what other domains of the exporter agree on."""
        agreed = agreement(names_of(tables.interfaces) for tables in self._others(scope))
        return agreed | names_of(self._own(scope).interfaces)

    def application_names(self, scope: Scope) -> dict[bytes, str]:
        """Names by applicationId, likewise."""
        agreed = agreement(names_of(tables.applications) for tables in self._others(scope))
        return agreed | names_of(self._own(scope).applications)

    def vrf_names(self, scope: Scope) -> dict[int, str]:
        """Names by VRF id, likewise."""
        return agreement(tables.vrfs for tables in self._others(scope)) | self._own(scope).vrfs

    def sampler_names(self, scope: Scope) -> dict[int, str]:
        """Names by sampler id, likewise."""
        named = ({id: each.name for id, each in tables.samplers.items() if each.name} for tables in self._others(scope))
        return agreement(named) | {id: each.name for id, each in self._own(scope).samplers.items() if each.name}

    def init_time_ms(self, scope: Scope) -> int | None:
        """When the exporter started, in milliseconds since 1970: as the domain was told, or what others agree on."""
        own = self._own(scope).init_time_ms
        if own is not None:
            return own
        others = {tables.init_time_ms for tables in self._others(scope)} - {None}
        return others.pop() if len(others) == 1 else None

    def _own(self, scope: Scope) -> Tables:
        return self._exporters.get(scope[0], {}).get(scope[1:]) or Tables()

    def _others(self, scope: Scope) -> list[Tables]:
        return [tables for domain, tables in self._exporters.get(scope[0], {}).items() if domain != scope[1:]]

    # ── one record ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _learn_rate(self, tables: Tables, changes: Changes | None, record: Record, odd: list[Odd]) -> None:
        sampler_id = first_number(record, SAMPLER_IDS)
        told = told_rate(record)
        if told is None and sampler_id is None:
            return
        rate = None if told is None else told.value
        if rate is not None and not is_likely(rate):
            odd.append(told)  # type: ignore[arg-type]
            rate = None
        if sampler_id is not None:
            algorithm = first_number(record, ("selectorAlgorithm", "samplerMode", "samplingAlgorithm"))
            name = text(record, "samplerName") or text(record, "selectorName")
            before = tables.samplers.get(sampler_id)
            if before and told is None:
                rate = before.rate
            after = Sampler(sampler_id, rate, algorithm, name or (before and before.name))
            if self._put(tables.samplers, sampler_id, after):
                tables.sampler_changed(before, after)
                self._note(changes, "samplers", sampler_id)
        elif (index := first_number(record, INTERFACES)) is not None:
            if self._set(tables.interface_rates, index, rate):
                self._note(changes, "interface_rates", index)
        elif (template := first_number(record, TEMPLATES)) is not None:
            self._set(tables.template_rates, template, rate)
        else:
            self.version += tables.rate != rate
            tables.rate = rate

    def _learn_names(self, tables: Tables, changes: Changes | None, record: Record) -> None:
        if (index := first_number(record, INTERFACES)) is not None:
            name, description = text(record, "interfaceName"), text(record, "interfaceDescription")
            if (name or description) and self._put(tables.interfaces, index, Interface(index, name, description)):
                self._note(changes, "interfaces", index)
        if (application := record.get("applicationId")) is not None:
            name, description = text(record, "applicationName"), text(record, "applicationDescription")
            told = Application(application, name, description)
            if (name or description) and self._put(tables.applications, application, told):
                self._note(changes, "applications", application)
        name = text(record, "VRFname")
        if name and (vrf := first_number(record, VRFS)) is not None and self._put(tables.vrfs, vrf, name):
            self._note(changes, "vrfs", vrf)

    def _note(self, changes: Changes | None, kind: str, key: Any) -> None:
        """Keep in mind what look-up tables lack; not of an exporter that nothing was looked up for."""
        if changes is None:
            return
        changes.add(kind, key)
        self._noted += 1
        if self._noted > MOST_IN_ALL:
            self._noted = 0
            self._changes.clear()  # all look-up tables are made anew

    def _put(self, table: dict[K, V], key: K, value: V) -> bool:
        """Put an entry in; whether that changed anything."""
        if key in table:
            changed = table[key] != value
            self.version += changed
            table[key] = value
            return changed
        if len(table) < MOST_OF_TABLE and self._n < MOST_IN_ALL:
            table[key] = value
            self._n += 1
            self.version += 1
            return True
        self.dropped += 1
        return False

    def _set(self, table: dict[int, int], key: int, rate: int | None) -> bool:
        if rate is not None:
            return self._put(table, key, rate)
        gone = table.pop(key, None) is not None
        self._n -= gone
        self.version += gone
        return gone


def told_rate(record: Record) -> Odd | None:
    """One of how many packets were sampled, by the elements that the record has; and which of them said so.

    Count-based (RFC 5476 section 6.5.2.1): of interval + space packets, interval are sampled. Random
    n out of N: size of population. Uniform probability (section 6.5.2.4): one in its reciprocal, to the
    nearest.
    """
    interval, space = number(record, "samplingPacketInterval"), number(record, "samplingPacketSpace")
    if interval and space is not None:
        return Odd("samplingPacketInterval", (interval + space) // interval)
    size, population = number(record, "samplingSize"), number(record, "samplingPopulation")
    if size and population is not None:
        return Odd("samplingSize", population // size)
    probability = record.get("samplingProbability")
    if probability is not None and len(probability) in FLOATS:
        (part,) = struct.unpack(FLOATS[len(probability)], probability)
        # Not of NaN, and not of what is no probability.
        return Odd("samplingProbability", int(1 / part + 0.5) if 1e-9 < part <= 1 else 0)
    for name in ("samplerRandomInterval", "samplingInterval"):
        value = number(record, name)
        if value is not None:
            return Odd(name, value)
    return None


def is_likely(rate: int) -> bool:
    """Whether a rate makes sense: not 0, not huge, not a power of two in the wrong byte order."""
    if not 1 <= rate <= MOST_RATE:
        return False
    swapped = int.from_bytes(rate.to_bytes(4), "little")
    return rate < SWAPPED or swapped & (swapped - 1) != 0


def domain_rate(tables: Tables) -> int | None:
    """The rate of a domain: as told of it, or what all of its samplers agree on."""
    if tables.rate is not None:
        return tables.rate
    rates = tables.sampler_rates()
    return next(iter(rates)) if len(rates) == 1 else None


def agreement(tables: Iterable[Mapping[K, V]]) -> dict[K, V]:
    """The entries that no two tables tell differently."""
    agreed: dict[K, V] = {}
    disputed: set[K] = set()
    for table in tables:
        for key, value in table.items():
            if agreed.setdefault(key, value) != value:
                disputed.add(key)
    return {key: value for key, value in agreed.items() if key not in disputed}


def names_of(table: Mapping[K, Interface] | Mapping[K, Application]) -> dict[K, str]:
    """What to call each: its name, or else its description."""
    return {key: name for key, each in table.items() if (name := named(each))}


# ── octets ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def records(fields: Sequence[FieldSpecifier], octets: bytes) -> Iterator[Record]:
    """The records of a Set that was found to hold whole ones."""
    at = 0
    while at < len(octets):
        record: dict[str, bytes] = {}
        for each in fields:
            length = each.length
            if length == VARIABLE:
                length, at = octets[at], at + 1
                if length == 255:
                    length, at = int.from_bytes(octets[at : at + 2]), at + 2
            record.setdefault(each.element.name, octets[at : at + length])
            at += length
        yield record


def number(record: Record, name: str) -> int | None:
    """An unsigned number; None where it is not there, or of no octets or more than 8."""
    value = record.get(name)
    return int.from_bytes(value) if value is not None and 1 <= len(value) <= 8 else None


def first_number(record: Record, names: Sequence[str]) -> int | None:
    """The first of several that is there."""
    for name in names:
        if name in record and (value := number(record, name)) is not None:
            return value
    return None


def text(record: Record, name: str) -> str | None:
    """Text, without the zeros that a fixed length leaves at its end; None where there is none."""
    value = record.get(name)
    if value is None:
        return None
    return value.rstrip(b"\0").decode("utf-8", "backslashreplace") or None
