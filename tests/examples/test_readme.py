"""README and documents: their examples run and print what they show, their links lead somewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples import documents
from tests.examples.program import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
WITH_CODE = [path for path in DOCUMENTS if documents.blocks(path.read_text(encoding="utf-8"))]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", WITH_CODE, ids=name)
def test_examples_print_what_is_shown(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    documents.run(path)


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
