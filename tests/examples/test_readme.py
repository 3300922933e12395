"""README and documents: their examples run and print what they show, their links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.examples import documents
from tests.examples.program import ROOT, run

DOCUMENTS = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
WITH_CODE = [path for path in DOCUMENTS if documents.blocks(path.read_text(encoding="utf-8"))]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.fixture(scope="session")
def samples() -> None:
    """build/samples, as the documents tell the reader to write it."""
    assert run("samples", ROOT / "build" / "samples").returncode == 0


@pytest.mark.parametrize("path", WITH_CODE, ids=name)
def test_examples_print_what_is_shown(path: Path, monkeypatch: pytest.MonkeyPatch, samples: None) -> None:
    if "import matplotlib" in path.read_text(encoding="utf-8"):
        pytest.importorskip("matplotlib", reason="matplotlib is of the docs group")
    monkeypatch.chdir(ROOT)
    documents.run(path)


def test_the_picture_of_the_tutorial_is_what_the_tutorial_draws(monkeypatch: pytest.MonkeyPatch, samples: None) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is of the docs group")
    monkeypatch.chdir(ROOT)
    documents.run(ROOT / "docs" / "tutorial.md")
    drawn, shown = (
        re.findall("<text[^>]*>([^<]*)<", (ROOT / path).read_text(encoding="utf-8"))
        for path in ("build/talkers.svg", "docs/_static/talkers.svg")
    )
    assert drawn == shown
    assert "10.1.0.200" in shown


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_links_lead_somewhere(path: Path) -> None:
    missing = [
        target for target in documents.links(path.read_text(encoding="utf-8")) if not (path.parent / target).exists()
    ]
    assert missing == []


def test_readme_has_examples() -> None:
    shown = [block.shown for block in documents.blocks((ROOT / "README.md").read_text(encoding="utf-8"))]
    assert len(shown) >= 5
    assert all(shown)


def test_a_wrong_output_is_found(tmp_path: Path) -> None:
    path = tmp_path / "some.md"
    path.write_text("```python\nprint(1)\n```\n\n```text\n2\n```\n")
    with pytest.raises(AssertionError, match=r"some\.md, line 2"):
        documents.run(path)


def test_output_that_is_not_shown_is_found(tmp_path: Path) -> None:
    path = tmp_path / "some.md"
    path.write_text("```python\nprint(1)\n```\n\nand then\n\n```text\n1\n```\n")
    with pytest.raises(AssertionError):
        documents.run(path)
