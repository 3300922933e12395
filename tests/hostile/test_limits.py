"""Every limit is tried three times: met, passed by one, and passed by far; `measures.ROWS` has a row for each."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from flowparse import Limits
from tests.hostile.measures import NOT_YET, ROWS, Outcome, limits_for

PAGE = Path(__file__).parents[2] / "docs/reference/limits.md"


def outcome(name: str, n: int) -> Outcome:
    return ROWS[name].measure(limits_for(name), n)


def is_told(name: str, found: Outcome) -> bool:
    return any(ROWS[name].told in message for message in found.told)


def test_every_limit_has_a_row() -> None:
    names = {field.name for field in fields(Limits)}
    assert {name.partition("/")[0] for name in ROWS} | NOT_YET == names
    assert ROWS.keys().isdisjoint(NOT_YET)


def test_the_page_says_of_every_limit_its_default_and_whether_it_is_in_force() -> None:
    in_force, to_come = PAGE.read_text().split("## For protocols to come")
    rows = {
        cells[1].strip().strip("`"): cells[2].strip()
        for line in (in_force + to_come).splitlines()
        if line.startswith("| `") and (cells := line.split("|"))
    }
    assert rows == {field.name: str(field.default) for field in fields(Limits)}
    assert {name for name in rows if f"| `{name}` |" in to_come} == NOT_YET


@pytest.mark.parametrize("name", ROWS)
def test_what_meets_a_limit_is_held_and_nothing_is_told(name: str) -> None:
    found = outcome(name, ROWS[name].at)
    assert (found.held, found.lost) == (ROWS[name].at, 0)
    assert not ROWS[name].told or not is_told(name, found)


@pytest.mark.parametrize("name", ROWS)
def test_one_more_is_lost_and_told(name: str) -> None:
    found = outcome(name, ROWS[name].at + 1)
    assert found.held <= ROWS[name].at
    assert found.lost >= 1
    assert is_told(name, found) or not ROWS[name].told


@pytest.mark.parametrize("name", ROWS)
def test_a_thousand_times_more_is_not_more(name: str) -> None:
    found = outcome(name, ROWS[name].absurd)
    assert found.held <= ROWS[name].at
    assert is_told(name, found) or not ROWS[name].told
