"""What a decoder knows, saved and taken over: `state` has the octets, `_state` the templates in force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from operator import index
from typing import TYPE_CHECKING, Any

from ._state import n_fields_of
from .diagnosis import diagnose
from .errors import StateError
from .events import PROTOCOLS, address_text
from .knowledge import RATES, Knowledge, Scope, Tables
from .notices import notice
from .recorder import Recorder
from .session import Exporter, ExporterStats
from .state import AGENT, SFLOW, Saved, SavedSequence, SavedTemplate, pack, unpack
from .state_tables import merge_tables, says_anything
from .template import Template

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Restorer"]

KEYS = ("address", "address+port")
IPFIX = 4  # events.PROTOCOLS


class Restorer(Recorder):
    """A Recorder whose knowledge is saved and taken over."""

    _by_port: bool
    _allow: Callable[[Exporter], object] | None
    _overrides: Mapping[bytes | None, int]

    def __init__(self) -> None:
        super().__init__()
        self._knowledge = Knowledge()

    def stats(self) -> list[ExporterStats]:
        raise NotImplementedError

    def templates(self) -> list[Template]:
        raise NotImplementedError

    def _session_ended(self, identity: bytes, address: bytes | None, sets: int, octets: int) -> None:
        if address is None:
            # Whoever comes next may be another.
            self._knowledge.forget_all_but(lambda known: known != identity)
        self._knowledge.forget_template_rates(identity, IPFIX)
        super()._session_ended(identity, address, sets, octets)

    # ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def export_state(self) -> bytes:
        """What is known of exporters, as octets that a decoder imports later or elsewhere.

        Templates, what options told, and where sequences are; neither rows nor Sets that wait. Equal
        knowledge has equal octets.

        Returns
        -------
        state : bytes
            The format is docs/design/state.md.
        """
        self._check_idle()
        return pack(self._saved())

    def _saved(self) -> Saved:
        saved = Saved(self._by_port)
        for identity, protocol, domain, octets, is_options, times, interval, redefined in self._known_templates():
            saved.add((identity, protocol, domain), SavedTemplate(octets, is_options, times, interval, redefined))
        seen = {(identity, protocol, domain): last_ns for identity, protocol, domain, last_ns in self._scopes()}
        for scope, tables in self._knowledge.tables.items():
            if self._knows(scope[0]) and says_anything(tables):
                saved.tables[scope] = _seen(tables, seen.get(scope))
        for identity, protocol, domain, sequence in self._known_sequences():
            saved.sequences[identity, protocol, domain] = SavedSequence(*sequence)
        return saved

    # ── in ───────────────────────────────────────────────────────────────────────────────────────────────────────────

    def import_state(self, state: Buffer) -> None:
        """Take over what another decoder knew, all of it or nothing.

        Of a template or a name that is known already, the one seen last holds. A sequence is taken
        where none is known. Sets that wait are decoded when their template is told the next time.

        Parameters
        ----------
        state : buffer of octets
            Of `export_state`, `merge_states` or `scan_templates`.

        Raises
        ------
        StateError
            It is damaged, of a later version or of another `key`, or with it more would be known than
            `Limits` allow.
        TypeError
            It is no buffer of octets.
        """
        self._check_idle()
        given = unpack(state, most_fields=min(self._limits.fields_per_template, 65535))
        if given.by_port != self._by_port:
            raise StateError(f"the state was made with key={KEYS[given.by_port]!r}, not {KEYS[self._by_port]!r}")
        scopes = {scope for scope, _ in given.templates} | given.tables.keys() | given.sequences.keys()
        barred = {scope for scope in scopes if not self._may_import(scope)}
        there = self._saved()
        templates: dict[Scope, list[SavedTemplate]] = {}
        for (scope, id), known in given.templates.items():
            before = there.templates.get((scope, id))
            there.add(scope, known)
            if scope not in barred and there.templates[scope, id] != before:
                templates.setdefault(scope, []).append(there.templates[scope, id])
        tables = {
            scope: merge_tables([told, there.tables[scope]] if scope in there.tables else [told])
            for scope, told in given.tables.items()
            if scope not in barred
        }
        sequences = {scope: sequence for scope, sequence in given.sequences.items() if scope not in barred}
        events = [notice("not_allowed", scopes=len(barred))] if barred else []
        events += [
            notice("redefined", _address(scope), domain=scope[2], template_id=each.id)
            for scope, several in templates.items()
            for each in several
            if each.redefined
        ]
        self._take_over(templates, tables, sequences)
        try:
            for event in events:
                self._tell(event)
        except MemoryError:
            self._events_dropped += 1  # what was imported counts, and `events` says that it does not tell all

    def _take_over(
        self,
        templates: Mapping[Scope, list[SavedTemplate]],
        tables: Mapping[Scope, Tables],
        sequences: Mapping[Scope, SavedSequence],
    ) -> None:
        self._check_limits(templates, tables, sequences)
        try:
            knowledge = self._knowledge.with_tables(tables)
        except ValueError as full:
            raise StateError(f"with this state there would be {full}") from None
        self._put_in(
            [
                (
                    self._identified(scope),
                    scope[1],
                    scope[2],
                    [(each.id, *each) for each in templates.get(scope, ())],
                    sequences.get(scope),
                )
                for scope in sorted({*templates, *sequences})
            ],
            [self._identified(scope) for scope in {scope[0]: scope for scope in tables}.values()],
        )
        self._knowledge = knowledge

    def _identified(self, scope: Scope) -> tuple[bytes, bytes | None, None, int]:
        """As `_identify` gives it, without the port, which is the caller's."""
        address = _address(scope)
        return scope[0], address, None, self._overrides.get(address, 0)

    def _may_import(self, scope: Scope) -> bool:
        identity = _sender(scope)
        if self._allow is None or self._knows(identity):
            return True
        port = int.from_bytes(identity[-2:]) if len(identity) in (2, 18) else 0
        return bool(self._allow((address_text(identity[:16] if len(identity) >= 16 else None) or "", port)))

    def _check_limits(
        self,
        templates: Mapping[Scope, list[SavedTemplate]],
        tables: Mapping[Scope, Tables],
        sequences: Mapping[Scope, SavedSequence],
    ) -> None:
        """See that nothing has to be forgotten to make room."""
        limits = self._limits
        fields = {(row[:3], int.from_bytes(row[3][:2])): (row[3], row[4]) for row in self._known_templates()}
        fields |= {(scope, each.id): (each.octets, each.is_options) for scope in templates for each in templates[scope]}
        exporters, agents = (set(known) for known in self._known_exporters())
        domains = {(False, *row[:3]) for row in self._scopes()} | {
            (True, *row[:3]) for row in self._scopes(agents=True)
        }
        for scope in {*templates, *sequences}:
            domains.add((scope[1] == SFLOW, *scope))
        for scope in {*templates, *tables, *sequences}:
            (agents if scope[1] == SFLOW else exporters).add(scope[0])
        for name, n, limit in (
            ("exporters", max(len(exporters), len(agents)), max(1, limits.exporters)),
            ("domains", len(domains), max(1, limits.domains)),
            ("domains_per_exporter", _most(row[:2] for row in domains), max(1, limits.domains_per_exporter)),
            ("templates_per_domain", _most(scope for scope, _ in fields), max(1, limits.templates_per_domain)),
            ("templates", len(fields), max(1, limits.templates)),
            # One template stays whatever it has, as when others are forgotten.
            ("template_fields_total", _n_fields(fields) if len(fields) > 1 else 0, limits.template_fields_total),
        ):
            if n > limit:
                raise StateError(f"with this state there would be {n} of Limits.{name}, {limit}")

    # ── what it means ────────────────────────────────────────────────────────────────────────────────────────────────

    def diagnose(self, now_ns: int) -> list[str]:
        """Why this collector may see less than it should, in plain sentences, the gravest first.

        Parameters
        ----------
        now_ns : int
            Nanoseconds since 1970 UTC, of the clock that `received_ns` comes from.

        Returns
        -------
        sentences : list of str
            Empty where nothing is amiss.
        """
        return diagnose(self.stats(), self._told, index(now_ns), rated=set(self._rated()))

    def _rated(self) -> Iterator[tuple[str | None, int, str]]:
        """(exporter, domain, version) of which records have rates that are not the domain's."""
        for scope, tables in self._knowledge.tables.items():
            if self._knowledge.samplers(scope) or self._knowledge.interface_rates(scope) or tables.template_rates:
                yield address_text(_address(scope)), scope[2], PROTOCOLS[scope[1]]
        for template in self.templates():
            if not template.is_options and any(field.element.name in RATES for field in template.fields):
                yield from ((template.exporter, template.domain, version) for version in ("netflow9", "ipfix"))


def _sender(scope: Scope) -> bytes:
    """The identity of who sent it: of sFlow it is not the agent's."""
    return scope[0][:-AGENT] if scope[1] == SFLOW else scope[0]


def _address(scope: Scope) -> bytes | None:
    """The address of the exporter or of the agent."""
    if scope[1] == SFLOW:
        return scope[0][-AGENT:]
    return scope[0][:16] if len(scope[0]) >= 16 else None


def _seen(tables: Tables, last_ns: int | None) -> Tables:
    """With the time when the domain was last heard of, here or where they come from."""
    times = [each for each in (tables.seen_ns, last_ns) if each is not None]
    return replace(tables, seen_ns=max(times, default=None))


def _most(owners: Any) -> int:
    """The largest number of items that one owner has."""
    return max(Counter(owners).values(), default=0)


def _n_fields(templates: Mapping[tuple[Any, int], tuple[bytes, bool]]) -> int:
    return sum(n_fields_of(octets, scope[1], is_options) for (scope, _), (octets, is_options) in templates.items())
