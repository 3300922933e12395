"""The chapter's captures, end to end: five saved outputs to a drawn topology, and the two links that were shut."""

from __future__ import annotations

import pytest

from flowparse import Topology, lldp
from flowparse.topology import LinkStatus
from tests.shared import needs_shared
from tests.topology.tables import book

pytestmark = needs_shared

SIX = [
    "r1:Gi0/1 -- r5-tor:Gi0/1",
    "r1:Gi0/2 -- r6-edge:Gi0/1",
    "r2:Gi0/1 -- r5-tor:Gi0/2",
    "r2:Gi0/2 -- r6-edge:Gi0/2",
    "r3:Gi0/1 -- r5-tor:Gi0/3",
    "r3:Gi0/2 -- r6-edge:Gi0/3",
]
EDGES = [
    ("r1", "r5-tor"), ("r1", "r6-edge"), ("r2", "r5-tor"), ("r2", "r6-edge"), ("r3", "r5-tor"), ("r3", "r6-edge"),
    ("r5-tor", "r1"), ("r5-tor", "r2"), ("r5-tor", "r3"), ("r6-edge", "r1"), ("r6-edge", "r2"), ("r6-edge", "r3"),
]  # fmt: skip
DOT = """\
graph lldp {
  node [shape=box];
  "r1" -- "r5-tor" [taillabel="Gi0/1", headlabel="Gi0/1"];
  "r1" -- "r6-edge" [taillabel="Gi0/2", headlabel="Gi0/1"];
  "r2" -- "r5-tor" [taillabel="Gi0/1", headlabel="Gi0/2"];
  "r2" -- "r6-edge" [taillabel="Gi0/2", headlabel="Gi0/2"];
  "r3" -- "r5-tor" [taillabel="Gi0/1", headlabel="Gi0/3"];
  "r3" -- "r6-edge" [taillabel="Gi0/2", headlabel="Gi0/3"];
}
"""
CHAPTERS_DOT = """\
digraph My_Network {
  {rank=same; "Client"; "r6-edge";}
  {rank=same; "r1"; "r2"; "r3";}
  "Client" -> "r6-edge";
  "r5-tor" -> "Server";
  "r1" -> "r5-tor";
  "r1" -> "r6-edge";
  "r2" -> "r5-tor";
  "r2" -> "r6-edge";
  "r3" -> "r5-tor";
  "r3" -> "r6-edge";
  "r5-tor" -> "r1";
  "r5-tor" -> "r2";
  "r5-tor" -> "r3";
  "r6-edge" -> "r1";
  "r6-edge" -> "r2";
  "r6-edge" -> "r3";
}
"""


@pytest.mark.parametrize("folder", ["baseline", "baseline_squeezed"])
@pytest.mark.parametrize("platform", ["cisco_ios", None])
@pytest.mark.parametrize("ignore", [{"Gi0/0"}, {"GigabitEthernet0/0"}, "mgmt"])
def test_six_links_whatever_the_columns(folder: str, platform: str | None, ignore: object) -> None:
    topology = Topology.from_outputs(book(folder), platform=platform, ignore=ignore)
    assert [str(link) for link in topology.links] == SIX
    assert {link.status for link in topology.links} == {LinkStatus.BOTH}
    assert list(topology.nodes) == ["r1", "r2", "r3", "r5-tor", "r6-edge"]
    assert topology.aliases == {}
    assert topology.problems == ()
    assert topology.edges() == EDGES
    assert len(topology.segments) == (1 if ignore == "mgmt" else 0)


@pytest.mark.parametrize("folder", ["baseline", "baseline_squeezed"])
def test_dot(folder: str) -> None:
    topology = Topology.from_outputs(book(folder), ignore={"Gi0/0"})
    assert topology.to_dot(name="lldp") == DOT
    assert topology.to_dot() == DOT.replace("graph lldp", "graph topology")
    directed = topology.to_dot(
        directed=True,
        labels=False,
        name="My_Network",
        ranks=[["Client", "r6-edge"], ["r1", "r2", "r3"]],
        extra_edges=[("Client", "r6-edge"), ("r5-tor", "Server")],
    )
    assert directed == CHAPTERS_DOT


def test_devices_that_call_themselves_otherwise() -> None:
    """r5-tor and r6-edge of the inventory are r5 and r6 to LLDP: seven nodes in the chapter's own picture."""
    topology = Topology.from_outputs(book())
    assert topology.aliases == {"r5": "r5-tor", "r6": "r6-edge"}
    assert [(link.status, link.a.device, link.b.device) for link in topology.links] == [
        ("both", r, edge) for r in ("r1", "r2", "r3") for edge in ("r6-edge", "r5-tor")
    ]
    assert list(topology.nodes) == ["r1", "r2", "r3", "r5-tor", "r6-edge", "veos01"]
    [segment] = topology.segments
    assert [str(member) for member in segment.members] == [
        "r1:Gi0/0", "r2:Gi0/0", "r3:Gi0/0", "r5-tor:Gi0/0", "r6-edge:Gi0/0", "veos01:Ethernet1",
    ]  # fmt: skip
    [evidence] = topology.nodes["r5-tor"].evidence
    assert evidence == ("r5.virl.info", "port reciprocity", "3 reports are mirrored")


def test_without_inference_they_are_seven_and_one_sided() -> None:
    topology = Topology.from_outputs(book(), infer_aliases=False, ignore={"Gi0/0"})
    assert list(topology.nodes) == ["r1", "r2", "r3", "r5", "r5-tor", "r6", "r6-edge", "veos01"]
    assert not any(link.two_sided for link in topology.links)
    given = Topology.from_outputs(
        book(), infer_aliases=False, ignore={"Gi0/0"}, aliases={"r5": "r5-tor", "r6": "r6-edge"}
    )
    assert [link.status for link in given.links] == ["both"] * 6
    assert given.aliases == {"r5": "r5-tor", "r6": "r6-edge"}


@pytest.mark.parametrize("ignore", [{"Gi0/0"}, "mgmt"])
def test_the_two_links_that_were_shut(ignore: object) -> None:
    before = Topology.from_outputs(book("baseline"), ignore=ignore)
    after = Topology.from_outputs(book("ed2"), ignore=ignore)
    diff = before.diff(after)
    assert [str(link) for link in diff.removed] == ["r1:Gi0/2 -- r6-edge:Gi0/1", "r2:Gi0/2 -- r6-edge:Gi0/2"]
    assert (diff.added, diff.moved, diff.became_one_way, diff.unknown, diff.left) == ((), (), (), (), ())
    assert len(after.links) == 4
    back = after.diff(before)
    assert back.added == diff.removed
    assert back.removed == ()


def test_half_aged() -> None:
    before, after = ({table.device: table for table in lldp.parse_many(book(folder))} for folder in ("baseline", "ed2"))
    topology = Topology.build([*({**after, "r1": before["r1"]}).values()], ignore={"Gi0/0"})
    assert len(topology.links) == 5
    assert [str(link) for link in topology.one_way()] == ["r1:Gi0/2 -> r6-edge:Gi0/1"]
    diff = Topology.build(before.values(), ignore={"Gi0/0"}).diff(topology)
    assert [str(link) for link in diff.became_one_way] == ["r1:Gi0/2 -> r6-edge:Gi0/1"]
    assert [str(link) for link in diff.removed] == ["r2:Gi0/2 -- r6-edge:Gi0/2"]


@pytest.mark.parametrize("gone", ["r1", "r5-tor", "r6-edge"])
def test_a_device_that_was_not_collected_loses_no_links(gone: str) -> None:
    before = Topology.from_outputs(book("baseline"))
    rest = {device: text for device, text in book("baseline").items() if device != gone}
    diff = before.diff(Topology.from_outputs(rest))
    assert not diff
    assert {str(link.b if link.a.device != gone else link.a) for link in diff.unknown} == {
        f"{gone}:{end.interface}" for link in before.links for end in (link.a, link.b) if end.device == gone
    }


def test_inferred_names_outlive_the_links_that_gave_them() -> None:
    """With all its links gone nothing says that r5-tor is r5, but the old topology knows."""
    outputs = book()
    outputs["r5-tor"] = outputs["r5-tor"].partition('"veos01')[0] + '"Total entries displayed: 0"]]'
    before, after = Topology.from_outputs(book(), ignore={"Gi0/0"}), Topology.from_outputs(outputs, ignore={"Gi0/0"})
    diff = before.diff(after)
    assert (diff.removed, diff.added) == ((), ())
    assert len(diff.became_one_way) == 3
