"""docs/reference says what reports and documents do."""

from __future__ import annotations

from flowparse import elastic, prefixes, registry, report
from tests.examples import documents
from tests.examples.program import ROOT
from tests.out.rows import chapter


def text(name: str) -> str:
    return (ROOT / "docs" / "reference" / f"{name}.md").read_text(encoding="utf-8")


def test_columns_of_reports() -> None:
    found = report.top(chapter())
    documented = [row[:3] for row in documents.table(text("report"), "## Columns")]
    types, units = found.layout.types[1:], found.layout.units[1:]
    assert documented == [
        [name, type.name, unit or "-"] for name, type, unit in zip(found.names[1:], types, units, strict=True)
    ]


def test_counts() -> None:
    assert tuple(row[0] for row in documents.table(text("report"), "## count")) == report.COUNTS


def test_fields_of_documents() -> None:
    rows = registry.rows("ecs.tsv")
    goes = documents.table(text("elastic"), "## Where columns go")
    assert [[row[0], row[1].replace("`", "").replace(",", ""), row[2]] for row in goes] == [
        [column, paths, type] for column, paths, _, type in rows if column != "-"
    ]
    made = documents.table(text("elastic"), "## What documents work out")
    assert [row[:2] for row in made] == [[paths, type] for column, paths, _, type in rows if column == "-"]
    assert elastic.ECS_VERSION in text("elastic")


def test_names_of_prefix_lists() -> None:
    for row in documents.table(text("prefixes"), "# prefixes"):
        name = row[0].partition("(")[0].strip("`")
        owner, _, attribute = name.rpartition(".")
        assert hasattr(getattr(prefixes, owner)([]) if owner else prefixes, attribute), name
