"""The public face against its contract: every name, its parameters and their defaults, and reasons where it differs.

The contract stands beside the repository; the reasons are the second table of docs/design/contract.md. A reason
that no difference needs any more is a failure too.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import flowparse
from tests.shared import SHARED

CONTRACT = SHARED / "api.pyi" if SHARED is not None else None
REASONS = Path(__file__).parents[1] / "docs" / "design" / "contract.md"
HEADING = "## Names and parameters"
KINDS = {
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "positional",
    inspect.Parameter.POSITIONAL_ONLY: "positional",
    inspect.Parameter.KEYWORD_ONLY: "keyword",
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}
NOT_YET = "not yet"
ANY = "..."
"""The contract's default that leaves the value open."""

needs_contract = pytest.mark.skipif(CONTRACT is None or not CONTRACT.is_file(), reason="no contract beside it")


class Given(NamedTuple):
    """A parameter: what `*` and `**` collect has no name that callers use."""

    name: str
    kind: str
    default: str | None


def wanted(node: ast.FunctionDef) -> list[Given]:
    """The parameters that the contract has, without self and cls."""
    made = []
    places = [*node.args.posonlyargs, *node.args.args]
    missing: list[ast.expr | None] = [None] * (len(places) - len(node.args.defaults))
    for each, default in zip(places, [*missing, *node.args.defaults], strict=True):
        made.append(Given(each.arg, "positional", None if default is None else ast.unparse(default)))
    if node.args.vararg:
        made.append(Given("", "*", None))
    for each, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        made.append(Given(each.arg, "keyword", None if default is None else ast.unparse(default)))
    if node.args.kwarg:
        made.append(Given("", "**", None))
    return made[1:] if made and made[0].name in ("self", "cls") else made


def there(function: Callable[..., Any]) -> list[Given]:
    """The parameters that a function has, likewise."""
    made = []
    for each in inspect.signature(function).parameters.values():
        kind = KINDS[each.kind]
        default = None if each.default is each.empty else repr(each.default)
        made.append(Given("" if kind.startswith("*") else each.name, kind, default))
    return made[1:] if made and made[0].name in ("self", "cls") else made


def is_equal(want: list[Given], have: list[Given]) -> bool:
    """Whether a caller cannot tell one from the other."""
    if len(want) != len(have):
        return False
    return all(
        (one.name, one.kind) == (other.name, other.kind)
        and (one.default == other.default or (one.default == ANY and other.default is not None))
        for one, other in zip(want, have, strict=True)
    )


def differences(body: list[ast.stmt], owner: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(name, what is different) of all that a class or the module of the contract says."""
    for node in body:
        if isinstance(node, ast.AnnAssign):
            assert isinstance(node.target, ast.Name)
            if not hasattr(owner, node.target.id):
                yield path + node.target.id, "absent"
        elif isinstance(node, ast.ClassDef | ast.FunctionDef):
            name = path + node.name
            found = owner if node.name == "__init__" else getattr(owner, node.name, None)
            if found is None:
                yield name, "absent"
            elif isinstance(node, ast.ClassDef):
                yield from differences(node.body, found, f"{name}.")
            elif "property" not in map(ast.unparse, node.decorator_list):
                want, have = wanted(node), there(found)
                if not is_equal(want, have):
                    yield name, "parameters"


def reasons() -> dict[str, str]:
    """Name -> what is different about it, of the table in the docs."""
    _, _, after = REASONS.read_text(encoding="utf-8").partition(HEADING)
    lines = [line for line in after.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert all(len(row) == 3 and row[2] for row in cells), "each row has a name, what is different, and why"
    return {name: what for names, what, _ in cells for name in names.replace("`", "").split(", ")}


@needs_contract
def test_every_name_and_parameter_is_as_agreed_or_has_a_reason() -> None:
    assert CONTRACT is not None
    tree = ast.parse(CONTRACT.read_text(encoding="utf-8"))
    found, agreed = dict(differences(tree.body, flowparse)), reasons()
    for name, what in agreed.items():
        if what == NOT_YET and found.get(name) == "absent":
            found[name] = NOT_YET
    # What is being built may come at any time, and takes its row away when somebody looks.
    assert found == {name: what for name, what in agreed.items() if what != NOT_YET or name in found}


def face(source: str) -> list[tuple[str, str]]:
    class Owner:
        x = 1

        def f(self, a: int, *, b: int = 2) -> None: ...

        @property
        def p(self) -> int:
            return 1

    return list(differences(ast.parse(source).body, Owner))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f(self, a, *, b=2): ...", []),
        ("def f(self, a, *, b=...): ...", []),
        ("def f(self, a, *, b): ...", [("f", "parameters")]),
        ("def f(self, a, *, b=3): ...", [("f", "parameters")]),
        ("def f(self, a, b=2): ...", [("f", "parameters")]),
        ("def f(self, a): ...", [("f", "parameters")]),
        ("def f(self, a, *, b=2, **c): ...", [("f", "parameters")]),
        ("def g(self): ...", [("g", "absent")]),
        ("x: int; y: int", [("y", "absent")]),
        ("class K:\n    def f(self): ...", [("K", "absent")]),
    ],
)
def test_a_difference_is_seen(source: str, found: list[tuple[str, str]]) -> None:
    assert face(source) == found
