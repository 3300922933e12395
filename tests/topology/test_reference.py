"""docs/reference/topology.md says what the code says."""

from __future__ import annotations

from dataclasses import fields

from flowparse import Topology
from flowparse.topology import Link, LinkStatus, Node, NodeState, Segment, TopologyDiff, TopologyProblem
from tests.examples import documents
from tests.examples.program import ROOT

TEXT = (ROOT / "docs" / "reference" / "topology.md").read_text(encoding="utf-8")


def first_cells(heading: str) -> list[str]:
    return [row[0].strip("`") for row in documents.table(TEXT, heading)]


def test_statuses_and_states() -> None:
    assert first_cells("## Status of a link") == [str(each) for each in LinkStatus]
    assert first_cells("## State of a node") == [str(each) for each in NodeState]


def test_parts() -> None:
    assert set(first_cells("## Parts")) == set(Topology.__slots__)
    rows = {row[0].strip("`"): row[1] for row in documents.table(TEXT, "## Parts")}
    for name, record in {"nodes": Node, "links": Link, "segments": Segment, "problems": TopologyProblem}.items():
        shown = set(rows[name].replace("`", "").replace(",", "").replace(":", "").split())
        assert {field.name for field in fields(record)} - {"name"} <= shown


def test_differences() -> None:
    diff = Topology.from_edges([]).diff(Topology.from_edges([]))
    check = Topology.from_edges([]).check(Topology.from_edges([]))
    for row in documents.table(TEXT, "## Differences"):
        for name in row[0].replace("`", "").split(", "):
            assert getattr(diff, name) == ()
        if row[1] != "-":
            assert getattr(check, row[1].strip("`")) == ()
    assert isinstance(check, TopologyDiff)
