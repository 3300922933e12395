"""Each promise of docs/threat-model.md names tests that hold it, and they are there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/threat-model.md"
NODE = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def promises() -> list[str]:
    """The rows of the tables of what is promised, without their heads."""
    promised = PAGE.read_text(encoding="utf-8").split("## Promised")[1].split("## Not promised")[0]
    rows = [line for line in promised.splitlines() if line.startswith("|")]
    heads = {i - 1 for i, line in enumerate(rows) if line.startswith("|---")}
    return [line for i, line in enumerate(rows) if i not in heads and not line.startswith("|---")]


@cache
def functions(path: Path) -> dict[str, list[str]]:
    """Test -> its decorators."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return {node.name: [*map(ast.unparse, node.decorator_list)] for node in body if isinstance(node, ast.FunctionDef)}


def test_there_are_promises() -> None:
    assert len(promises()) > 30


@pytest.mark.parametrize("row", promises(), ids=lambda row: row.split("|")[1].strip()[:40])
def test_a_promise_names_tests_that_are_there(row: str) -> None:
    nodes = NODE.findall(row)
    assert nodes, "a promise without a test"
    assert len(nodes) == row.count("::"), "a name that is no test's"
    decorators = [functions(ROOT / path)[name] for path, name in nodes]
    assert any("pytest.mark.slow" not in each for each in decorators), "only slow tests hold it"
