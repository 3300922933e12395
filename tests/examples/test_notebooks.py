"""The notebooks of the documentation show what they show."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples.notebooks import paths, run, written


@pytest.mark.parametrize("path", paths(), ids=lambda path: path.name)
def test_a_notebook_shows_what_it_shows(path: Path) -> None:
    assert written(run(path)) == path.read_text(encoding="utf-8")


def test_there_are_notebooks() -> None:
    assert [path.name for path in paths()] == ["topology.ipynb"]
