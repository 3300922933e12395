"""Look-up tables of observation domains that keep up with what options tell.

What is told anew costs what it is, not what is known already: tables of many entries are changed one
by one, by the changes that each of them lacks. Where they lack too many they are made anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from ._lookup import Names, Rates, application_number

__all__ = ["Changes", "Looked", "change", "named"]

MOST_CHANGES = 4096  # kept in mind of an exporter, and up to twice as many


class Looked(NamedTuple):
    """The look-up tables of a domain, which change with what is told."""

    samplers: Rates
    interfaces: Rates
    names: tuple[Names, Names, Names, Names] | None  # None where nobody asks for them
    ids: dict[int, list[bytes]]  # `application_number` -> the applicationIds that have it
    at: list[int]  # how many changes of the exporter it has


@dataclass(slots=True)
class Changes:
    """The look-up tables of an exporter's domains, and what they may lack."""

    of: dict[tuple[int, int] | None, Looked] = field(default_factory=dict)  # None: of all that were told nothing
    latest: list[tuple[str, Any]] = field(default_factory=list)  # (field of Tables, key)
    before: int = 0  # how many came before these

    @property
    def n(self) -> int:
        return self.before + len(self.latest)

    def add(self, kind: str, key: Any) -> None:
        if len(self.latest) >= 2 * MOST_CHANGES:
            del self.latest[:MOST_CHANGES]
            self.before += MOST_CHANGES
        self.latest.append((kind, key))


class Named(Protocol):
    """What has a name, a description or both."""

    @property
    def name(self) -> str | None: ...
    @property
    def description(self) -> str | None: ...


def named(each: Named) -> str | None:
    """What to call it."""
    return each.name or each.description


def change(looked: Looked, own: object, others: Sequence[object], kind: str, key: Any) -> None:
    """Let look-up tables have what is known of one key, as `Knowledge` says it of all.

    `own` and `others` are the Tables of the domain and of all others of its exporter; `kind` is a field of them.
    """

    def known(key: Any, value: Callable[[Any], Any], *, or_others: bool = True) -> Any:
        mine: Mapping[Any, Any] = getattr(own, kind)
        if key in mine and ((found := value(mine[key])) or not or_others):
            return found
        tables = [getattr(each, kind) for each in others]
        told = {value(table[key]) for table in tables if key in table}
        if or_others:
            told -= {None, ""}
        return told.pop() if len(told) == 1 else None

    if kind == "samplers":
        looked.samplers.put(key, known(key, lambda each: each.rate, or_others=False) or 0)
    elif kind == "interface_rates":
        looked.interfaces.put(key, known(key, lambda rate: rate) or 0)
    if looked.names is None:
        return
    interfaces, applications, vrfs, samplers = looked.names
    if kind == "samplers":
        samplers.put(key, known(key, lambda each: each.name))
    elif kind == "interfaces":
        interfaces.put(key, known(key, named))
    elif kind == "vrfs":
        vrfs.put(key, known(key, lambda name: name))
    elif kind == "applications" and (number := application_number(key)) is not None:
        ids = looked.ids.setdefault(number, [])
        if key not in ids[-1:]:
            ids.append(key)
        # Progress: an id less each turn; of several that are one number, the last that has a name counts.
        while ids and (name := known(ids[-1], named)) is None:
            ids.pop()
        applications.put(number, name if ids else None)
