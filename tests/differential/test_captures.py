"""Captures and captures that were damaged: the kernels and the specification make the same of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from random import Random
from typing import Any

import pytest

from flowparse import reference
from tests.captures import corpus
from tests.differential.conversations import Datagram, settings
from tests.differential.mutations import session
from tests.shared import needs_shared

SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {"malformed": "salvage", "transport": "tcp", "key": "address+port", "replay": False},
)
MOST_OCTETS = 40_000
"""Of a datagram to be damaged: the specification takes its time for each value."""


@corpus.each(*corpus.VERSIONS)
def test_a_capture_comes_out_the_same(name: str) -> None:
    for made in SETTINGS:
        assert reference.compare(corpus.datagrams(name), **made) == []


@cache
def seeds() -> list[list[Datagram]]:
    """The datagrams of each capture; one that has many gives its first."""
    captures = [list(corpus.datagrams(row["capture"])[:60]) for row in corpus.index()]
    return [of_one for of_one in captures if of_one and sum(len(each[0]) for each in of_one[:20]) < MOST_OCTETS]


def sessions(numbers: range) -> Iterator[tuple[int, list[Datagram], dict[str, Any]]]:
    for number in numbers:
        pick = Random(number)
        datagrams = session(pick, pick.choice(seeds()))
        # Options of captures teach sampling rates: events that the specification has not, and a message's count has.
        yield number, datagrams, settings(pick, without=("events_per_message",))


def check(numbers: range) -> int:
    """Compare over so many sessions; returns how many datagrams they had."""
    fed = 0
    for number, datagrams, made in sessions(numbers):
        assert reference.compare(datagrams, **made) == [], f"session {number}"
        fed += len(datagrams)
    return fed


@needs_shared
def test_damaged_captures_come_out_the_same() -> None:
    assert check(range(1500)) >= 5000


@needs_shared
@pytest.mark.slow
@pytest.mark.parametrize("block", range(25))
def test_many_damaged_captures_come_out_the_same(block: int) -> None:
    assert check(range(10_000 + block * 1000, 11_000 + block * 1000)) >= 5000
