"""Captures and captures that were damaged: the kernels and the specification make the same of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import accumulate
from random import Random
from typing import Any

import pytest

from flowparse import reference
from tests.captures import corpus
from tests.differential.conversations import Datagram, settings
from tests.differential.mutations import Session, session
from tests.shared import needs_shared

SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {"malformed": "salvage", "transport": "tcp", "key": "address+port", "replay": False},
)
MOST_OCTETS = 40_000
"""Of the datagrams of a session: the specification takes its time for each value."""


@corpus.each(*corpus.VERSIONS)
def test_a_capture_comes_out_the_same(name: str) -> None:
    for made in SETTINGS:
        assert reference.compare(corpus.datagrams(name), **made) == []


@cache
def seeds() -> list[list[Datagram]]:
    """Of each capture its first datagrams; one at least."""
    found: list[list[Datagram]] = []
    for row in corpus.index():
        octets = accumulate(len(datagram.octets) for datagram in corpus.datagrams(row["capture"]))
        most = sum(so_far <= MOST_OCTETS for so_far in octets)
        found.append(list(corpus.datagrams(row["capture"])[: min(60, max(1, most))]))
    return [of_one for of_one in found if of_one]


def sessions(numbers: range) -> Iterator[tuple[int, Session, dict[str, Any]]]:
    """Damaged sessions by number; the captures take turns."""
    for number in numbers:
        pick = Random(number)
        # Options of captures teach sampling rates: events that the specification has not, and a message's count has.
        made = session(pick, seeds()[number % len(seeds())])
        yield number, made, settings(pick, without=("events_per_message",))


def check(numbers: Iterable[tuple[int, Session, dict[str, Any]]]) -> int:
    """Compare over sessions; returns how many of their datagrams were damaged."""
    damaged = 0
    for number, of_one, made in numbers:
        assert reference.compare(of_one.datagrams, **made) == [], f"session {number}"
        damaged += of_one.damaged
    return damaged


@needs_shared
def test_five_thousand_damaged_datagrams_come_out_the_same() -> None:
    assert check(sessions(range(900))) >= 5000


@needs_shared
@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_a_hundred_thousand_damaged_datagrams_come_out_the_same(block: int) -> None:
    assert check(sessions(range(10_000 + block * 900, 10_900 + block * 900))) >= 5000


def cuts(name: str, step: int = 1) -> list[Datagram]:
    """The start of a capture, the last datagram of which then comes again, cut at every octet or some."""
    whole = [each for each in corpus.datagrams(name)[:4] if len(each[0]) <= 1500] or [corpus.datagrams(name)[0]]
    octets, exporter, received_ns = whole[-1]
    first = (sum(name.encode())) % step
    return [*whole, *((octets[:length], exporter, received_ns) for length in range(first, len(octets), step))]


@corpus.each(*corpus.VERSIONS)
@pytest.mark.parametrize("rule", ["discard", "salvage"])
def test_a_datagram_cut_anywhere_comes_out_the_same(name: str, rule: str) -> None:
    assert reference.compare(cuts(name, step=61), malformed=rule) == []


@pytest.mark.slow
@corpus.each(*corpus.VERSIONS)
@pytest.mark.parametrize("rule", ["discard", "salvage"])
def test_a_datagram_cut_at_every_octet_comes_out_the_same(name: str, rule: str) -> None:
    assert reference.compare(cuts(name), malformed=rule) == []
