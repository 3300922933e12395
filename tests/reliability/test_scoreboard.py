"""The scoreboard is whole: every figure is measured or names the command that does, and the page has each."""

from __future__ import annotations

import re

import pytest

from tests.reliability.__main__ import MET, PAGE, ROWS
from tests.reliability.measures import ROOT


def test_no_figure_is_left_out() -> None:
    assert [*ROWS] == [f"R-{number:02}" for number in range(1, 20)]


@pytest.mark.parametrize("name", ROWS)
def test_a_figure_has_a_measure_or_a_command(name: str) -> None:
    measure = ROWS[name].measure
    if isinstance(measure, str):
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert measure.removeprefix("make ") in targets
    else:
        assert callable(measure)


def test_the_page_has_each_figure_and_says_whether_it_is_met() -> None:
    rows = re.findall(r"^\| (R-\d\d) \| (.*) \| (.*) \| .* \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [row[:3] for row in rows] == [(name, row.figure, row.target) for name, row in ROWS.items()]
    assert {row[3] for row in rows} <= {*MET.values()}
