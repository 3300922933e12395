"""What holds of every topology."""

from __future__ import annotations

import contextlib
import json
import pickle
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowparse import FlowparseError, StateError, Topology
from flowparse.lldp import ManagementAddress, Neighbor, NeighborTable
from tests.topology.tables import TRIANGLE, row, table, tables

DEVICES = ["r1", "r2", "r3.example.net", "R4", "r4", "192.0.2.7", "edge-switch-0001", "edge-switch-0002"]
NAMES = [
    *DEVICES,
    "r1.example.net",
    "r3",
    "r3.other.net",
    "r5",
    "edge-switch-000",
    "0011.2233.4455",
    "r1(FOC1)",
    "r1.",
    None,
]
PORTS = ["Gi0/1", "GigabitEthernet0/1", "Gi0/2", "Gi0/0", "mgmt0", "Gi0/1.100", "", "7"]
IDS = [None, "00:11:22:33:44:55", "00:11:22:33:44:66", "node 7"]

neighbors = st.builds(
    lambda local, name, port, chassis, cut, address: Neighbor(
        local_interface=local,
        system_name=name,
        port_id=port or None,
        chassis_id=chassis,
        system_name_truncated=cut and name is not None,
        management_addresses=(ManagementAddress(address, "ipv4"),) if address else (),
    ),
    st.sampled_from(PORTS),
    st.sampled_from(NAMES),
    st.sampled_from(PORTS),
    st.sampled_from(IDS),
    st.booleans(),
    st.sampled_from([None, None, "192.0.2.7", "192.0.2.8"]),
)
some_tables = st.lists(
    st.builds(
        lambda device, rows, complete, command: NeighborTable(rows, device=device, complete=complete, command=command),
        st.sampled_from(DEVICES),
        st.lists(neighbors, max_size=6),
        st.booleans(),
        st.sampled_from(["show lldp neighbors", "show cdp neighbors", None]),
    ),
    max_size=8,
)
options = st.fixed_dictionaries(
    {},
    optional={
        "shared": st.sampled_from(["segment", "drop", "links"]),
        "infer_aliases": st.booleans(),
        "strip_domain": st.booleans(),
        "ignore": st.sampled_from([None, "mgmt", {"Gi0/0"}]),
        "aliases": st.sampled_from([{"r5": "r1"}, {"192.0.2.7": "r9"}, {"r3": "r3.example.net"}]),
    },
)


@given(some_tables, options, st.randoms(use_true_random=False))
def test_order_does_not_matter(made: list[NeighborTable], how: dict[str, Any], shuffle: random.Random) -> None:
    other = [each.replaced(shuffle.sample(list(each), len(each))) for each in made]
    shuffle.shuffle(other)
    assert Topology.build(made, **how) == Topology.build(other, **how)


@settings(max_examples=settings().max_examples // 3)
@given(some_tables, options)
def test_every_topology_is_sound(made: list[NeighborTable], how: dict[str, Any]) -> None:
    topology = Topology.build(made, **how)
    # Devices that were collected are nodes of their own, under their own names or the caller's.
    aliases = how.get("aliases", {})
    devices = {aliases.get(each.device or "", each.device) for each in made}
    assert {name for name, node in topology.nodes.items() if node.collected} == devices
    assert set(topology.aliases.values()) <= set(topology.nodes)
    assert {end.device for link in topology.links for end in (link.a, link.b)} <= set(topology.nodes)
    # A two-sided link was reported by both of its devices.
    for link in topology.links:
        said = {each.device for each in link.observations}
        assert said == ({link.a.device, link.b.device} if link.two_sided else {link.a.device})
    # It is the same as itself, and comes back from all that it is saved as.
    assert not topology.diff(topology)
    assert topology.diff(topology).unknown == ()
    saved = json.loads(json.dumps(topology.to_dict()))
    assert Topology.from_dict(saved) == topology
    assert pickle.loads(pickle.dumps(topology)) == topology
    edges = topology.edges()
    assert Topology.from_edges(edges).edges() == edges
    assert topology.to_svg().startswith("<svg")
    assert len(Topology.from_dot(topology.to_dot()).links) == len(topology.links)


@settings(max_examples=settings().max_examples // 3)
@given(some_tables, some_tables)
def test_two_topologies_can_be_compared(one: list[NeighborTable], two: list[NeighborTable]) -> None:
    old, new = Topology.build(one), Topology.build(two)
    diff, back = old.diff(new), new.diff(old)
    collected = {diff.changes.names[name] for name, node in new.nodes.items() if node.collected}
    for link in diff.removed:
        assert {end.device for end in (link.a, link.b) if old.nodes[end.device].collected} <= collected
    assert diff.to_text().count("\n") >= len(diff.removed) + len(diff.unknown)
    assert diff.to_svg()
    assert back.to_dot()
    assert new.check(old).to_text() is not None


@given(st.text(max_size=60))
def test_dot_of_any_kind_is_read_or_refused(text: str) -> None:
    for each in (text, f"graph {{ {text} }}"):
        with contextlib.suppress(FlowparseError):
            Topology.from_dot(each)


def test_segments_and_problems_are_saved() -> None:
    rows = [table("a", row("1", "b", "1"), row("1", "c", "1"), row("2", "a", "2"))]
    topology = Topology.build(rows)
    assert topology.segments
    assert topology.problems
    assert Topology.from_dict(topology.to_dict()) == topology


@pytest.mark.parametrize("part", ["graph", "nodes", "links", "segments", "problems"])
@pytest.mark.parametrize("value", [None, 7, "x", [None], [{}], {"format": 2}, [[1]]])
def test_a_saved_topology_that_is_damaged(part: str, value: Any) -> None:
    saved = Topology.build(tables(TRIANGLE)).to_dict()
    with pytest.raises(StateError):
        Topology.from_dict(saved | {part: value})


def test_a_saved_link_without_its_nodes() -> None:
    saved = Topology.build(tables(TRIANGLE)).to_dict()
    with pytest.raises(StateError, match="nodes"):
        Topology.from_dict(saved | {"nodes": saved["nodes"][1:]})


def test_networkx() -> None:
    networkx = pytest.importorskip("networkx")
    rows = [*tables(TRIANGLE), *tables([(("a", "Gi0/8"), ("b", "Gi0/8"))])]
    rows += [table("d", row("1", "x", "1"), row("1", "y", "1"))]
    topology = Topology.build(rows)
    graph = topology.to_networkx()
    assert graph.number_of_edges("a", "b") == 2
    assert graph.nodes["a"]["state"] == "complete"
    assert sorted(graph.neighbors("segment 1")) == ["d", "x", "y"]
    other = networkx.node_link_graph(topology.to_dict(), edges="links")
    assert sorted(other.edges(keys=True)) == sorted(
        edge for edge in graph.edges(keys=True) if "segment 1" not in edge
    )  # fmt: skip


@pytest.mark.parametrize("edges", [["ab"], [("a",)], [("a", 1)], [("a", "b", 1)], [(("a", 1), "b")], [7]])
def test_what_is_no_edge(edges: Any) -> None:
    with pytest.raises(TypeError):
        Topology.from_edges(edges)


def test_edges_as_stated() -> None:
    topology = Topology.from_edges(
        [(("a", "1"), ("b", "2")), (("b", "2"), ("a", "1")), ("a", "b"), ("a", "b"), ("c", "c")]
    )
    assert [str(link) for link in topology.links] == ["a -- b", "a -- b", "a:1 -- b:2", "c -- c"]
    assert topology.edges() == [("a", "b")] * 3 + [("b", "a"), ("c", "c")]


def test_it_does_not_change() -> None:
    topology = Topology.from_edges([("a", "b")])
    with pytest.raises(AttributeError):
        topology.links = ()
    with pytest.raises(TypeError):
        topology.nodes["c"] = None  # type: ignore[index]
    assert hash(topology) == hash(Topology.from_edges([("a", "b")]))
    assert repr(topology) == "<Topology: 2 nodes, 1 links>"
