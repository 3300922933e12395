"""The built site: every public name is in the reference, notebooks showed what they show. `make docs-test` runs it."""

from __future__ import annotations

import json
import re
from importlib import import_module
from inspect import getattr_static
from pathlib import Path
from types import MemberDescriptorType, ModuleType

import pytest
from sphinx.util.inventory import InventoryFile

import flowparse
from tests.examples import notebooks

ROOT = Path(__file__).parents[1]
SITE = ROOT / "build" / "docs"
ELSEWHERE = {"flowparse.PrefixSet": "flowparse.prefixes.PrefixSet", "flowparse.Topology": "flowparse.topology.Topology"}
"""Names at the top that the reference describes in their modules."""
MODULES = ["topology"]  # public, and reached by way of what they make


def documented() -> dict[str, str]:
    """Name -> page, of everything that the reference describes."""
    inventory = InventoryFile.loads((SITE / "objects.inv").read_bytes(), uri="")
    return {
        name: item.uri
        for kind, items in inventory.data.items()
        if kind.startswith("py:")
        for name, item in items.items()
    }


def public(module: ModuleType, path: str) -> list[str]:
    """The public names of a module and of its public modules, as a user writes them."""
    found = []
    for name in module.__all__:
        value = getattr(module, name)
        found.append(f"{path}.{name}")
        if isinstance(value, ModuleType) and hasattr(value, "__all__"):
            found += public(value, f"{path}.{name}")
    return found


def names() -> list[str]:
    found = public(flowparse, "flowparse")
    for name in MODULES:
        found += public(import_module(f"flowparse.{name}"), f"flowparse.{name}")
    return found


@pytest.mark.parametrize("name", names())
def test_every_public_name_is_in_the_reference(name: str) -> None:
    page = documented().get(ELSEWHERE.get(name, name), "")
    assert page.startswith("reference/api/"), f"{name} is not in docs/reference/api"


def place(kind: type) -> str:
    """Where the reference describes a class."""
    name = f"flowparse.{kind.__name__}"
    return ELSEWHERE.get(name, name)


def test_every_public_method_is_in_the_reference() -> None:
    there = documented()
    missing = [
        f"{kind.__qualname__}.{name}"
        for kind in (flowparse.Decoder, flowparse.Batch, flowparse.Topology, flowparse.PrefixSet, flowparse.Schema)
        for name in dir(kind)
        if not name.startswith("_")
        and name not in dir(tuple)
        and not isinstance(getattr_static(kind, name), MemberDescriptorType)  # of the list of attributes
        and f"{place(kind)}.{name}" not in there
    ]
    assert missing == []


@pytest.mark.parametrize("path", notebooks.paths(drawn=True), ids=lambda path: path.name)
def test_a_notebook_that_draws_showed_what_it_shows(path: Path) -> None:
    executed = json.loads((ROOT / "build" / "jupyter_execute" / "notebooks" / path.name).read_text(encoding="utf-8"))
    stored = json.loads(path.read_text(encoding="utf-8"))
    shown, expected = (
        [cell.get("outputs") for cell in notebooks.without_pictures(notebooks.settled(each))["cells"]]
        for each in (executed, stored)
    )
    assert shown == expected
    assert str(shown).count("'picture'") >= 3


def test_pictures_are_in_the_pages() -> None:
    for path in notebooks.paths(drawn=True) + notebooks.paths():
        page = (SITE / "notebooks" / path.with_suffix(".html").name).read_text(encoding="utf-8")
        pictures = page.count("<svg") + len(re.findall(r'<img [^>]*src="[^"]+\.svg"', page))
        assert pictures >= 2, path.name


def test_nothing_is_fetched() -> None:
    """A page takes scripts, styles and pictures from the site alone."""
    for page in SITE.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.findall(r'<(?:script|img|link rel="stylesheet")[^>]*(?:src|href)="(?:https?:)?//', text), page
