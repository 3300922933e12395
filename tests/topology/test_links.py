"""Links and their status, shared segments, and what is ignored."""

from __future__ import annotations

from typing import Any

import pytest

from flowparse import Topology
from flowparse.lldp import Problem, Protocol
from flowparse.topology import LinkStatus, NodeState
from tests.topology.tables import TRIANGLE, row, table, tables


def told(topology: Topology) -> dict[str, str]:
    return {str(link): str(link.status) for link in topology.links}


def test_both_ends() -> None:
    topology = Topology.build(tables(TRIANGLE))
    assert told(topology) == {
        "a:Gi0/1 -- b:Gi0/1": "both", "a:Gi0/3 -- c:Gi0/3": "both", "b:Gi0/2 -- c:Gi0/2": "both",
    }  # fmt: skip
    assert [each.device for each in topology.links[0].observations] == ["a", "b"]
    assert topology.links[0].a == ("a", "Gi0/1")


def test_a_silent_end() -> None:
    topology = Topology.build(tables(TRIANGLE, silent=[("a", "Gi0/1")]))
    assert told(topology)["b:Gi0/1 -> a:Gi0/1"] == "one_way"
    assert topology.edges() == [("a", "c"), ("b", "a"), ("b", "c"), ("c", "a"), ("c", "b")]


def test_a_device_that_was_not_collected() -> None:
    topology = Topology.build(tables(TRIANGLE, missing=["a"]))
    assert told(topology) == {
        "b:Gi0/1 -> a:Gi0/1": "external", "b:Gi0/2 -- c:Gi0/2": "both", "c:Gi0/3 -> a:Gi0/3": "external",
    }  # fmt: skip
    assert topology.nodes["a"].state is NodeState.EXTERNAL
    assert topology.one_way() == ()


@pytest.mark.parametrize("more", [{"problems": [Problem(3, "?", "not understood")]}, {"complete": False},
                                  {"command": "show cdp neighbors"}])  # fmt: skip
def test_silence_of_a_table_that_is_not_complete_is_not_judged(more: dict[str, Any]) -> None:
    topology = Topology.build([table("a", row("1", "b", "1")), table("b", **more)])
    assert told(topology) == {"a:1 -> b:1": "unjudged"}
    assert topology.unjudged() == topology.links
    if "command" not in more:
        assert topology.nodes["b"].state is NodeState.INCOMPLETE
        assert [(problem.code, problem.device) for problem in topology.problems] == [("table", "b")]


def test_a_far_port_that_reports_another_device() -> None:
    """The cable of b was moved from a to c; a has not forgotten b yet."""
    topology = Topology.build(
        [table("a", row("1", "b", "1")), table("b", row("1", "c", "1")), table("c", row("1", "b", "1"))]
    )
    assert told(topology) == {"a:1 -> b:1": "conflict", "b:1 -- c:1": "both"}
    assert [problem.reason for problem in topology.problems] == ["reports b:1, which reports c:1 instead"]


def test_a_stale_neighbor_beside_the_new_one_is_no_segment() -> None:
    """b's old port still shows at a, next to what is connected now; b's port has a new neighbor already."""
    topology = Topology.build(
        [
            table("a", row("1", "b", "1"), row("1", "d", "1")),
            table("b", row("1", "c", "1")),
            table("c", row("1", "b", "1")),
            table("d", row("1", "a", "1")),
        ]
    )
    assert told(topology) == {"a:1 -- d:1": "both", "a:1 -> b:1": "conflict", "b:1 -- c:1": "both"}
    assert topology.segments == ()


def test_spellings_of_one_interface() -> None:
    topology = Topology.build(
        [table("a", row("Gi0/1", "b", "TenGigabitEthernet1/1")), table("b", row("Te1/1", "a", "GigabitEthernet0/1"))]
    )
    assert told(topology) == {"a:Gi0/1 -- b:Te1/1": "both"}


@pytest.mark.parametrize(
    "ids",
    [
        ({"port_id": "00:11:22:33:44:55"}, {"port_id": "Gi0/1"}),
        ({"port_id": "513"}, {"port_id": "Gi0/1"}),
        ({"port_id": "00:11:22:33:44:55"}, {"port_id": "66:77:88:99:aa:bb"}),
        ({"port_id": "513", "port_description": "Gi0/2"}, {"port_id": "Gi0/1"}),
        ({"port_id": "Port-channel1"}, {"port_id": "Gi0/1"}),
        ({}, {"port_id": "Gi0/1"}),
    ],
)
def test_ports_that_are_not_called_by_their_names(ids: tuple[dict[str, Any], dict[str, Any]]) -> None:
    topology = Topology.build([table("a", row("Gi0/1", "b", **ids[0])), table("b", row("Gi0/2", "a", **ids[1]))])
    assert told(topology) == {"a:Gi0/1 -- b:Gi0/2": "both"}


def test_parallel_links_are_counted_and_not_mixed_up() -> None:
    """A:1-B:2 and A:2-B:1 are two links, and not those of A:1-B:1 and A:2-B:2."""
    crossed = tables([(("a", "1"), ("b", "2")), (("a", "2"), ("b", "1"))])
    straight = tables([(("a", "1"), ("b", "1")), (("a", "2"), ("b", "2"))])
    assert list(told(Topology.build(crossed))) == ["a:1 -- b:2", "a:2 -- b:1"]
    assert list(told(Topology.build(straight))) == ["a:1 -- b:1", "a:2 -- b:2"]
    assert [link.parallel_index for link in Topology.build(crossed).links] == [0, 1]
    assert len(Topology.build(crossed).diff(Topology.build(straight)).moved) == 2


def test_members_of_a_lag() -> None:
    rows = [
        table("a", *(row(f"ge-0/0/{n}", "b", f"Gi0/{n}", parent_interface="ae0") for n in (1, 2))),
        table("b", *(row(f"Gi0/{n}", "a", f"ge-0/0/{n}.0") for n in (1, 2))),
    ]
    links = Topology.build(rows).links
    assert [(str(link), link.aggregate) for link in links] == [
        (f"a:ge-0/0/{n} -- b:Gi0/{n}", ("ae0", None)) for n in (1, 2)
    ]


def test_a_neighbor_heard_by_two_protocols_and_on_a_subinterface_is_one() -> None:
    rows = [
        table(
            "a",
            row("sfp1", "b", "ether2"),
            row("sfp1.665", "b", "ether2"),
            row("sfp1", "b.example.net", "00:11:22:33:44:55", protocol=Protocol.CDP),
        ),
        table("b", row("ether2", "a", "sfp1")),
    ]
    assert told(Topology.build(rows)) == {"a:sfp1 -- b:ether2": "both"}


def test_an_old_detail_output_without_local_interfaces() -> None:
    rows = [
        table("a", row("", "b", "1")),
        table("b", row("1", "a", "7"), row("2", "c", "1")),
        table("c", row("1", "b", "2")),
    ]
    assert told(Topology.build(rows)) == {"a:7 -- b:1": "both", "b:2 -- c:1": "both"}
    alone = Topology.build([table("a", row("", "b", "1")), table("b")])
    assert told(alone) == {"a -> b:1": "one_way"}
    both = Topology.build([table("a", row("", "b", "1"), row("7", "b", "1")), table("b", row("1", "a", "7"))])
    assert told(both) == {"a:7 -- b:1": "both"}


def segment() -> list[Any]:
    return [
        table(name, *(row("Gi0/0", other, "Gi0/0") for other in "abcd" if other != name)) for name in "abc"
    ]  # fmt: skip


def test_a_shared_segment_is_found_without_a_name() -> None:
    topology = Topology.build(segment())
    assert [str(each) for each in topology.segments] == ["segment 1: a:Gi0/0, b:Gi0/0, c:Gi0/0, d:Gi0/0"]
    assert topology.links == ()
    assert Topology.build(segment(), shared="drop").segments == ()
    assert Topology.build(segment(), shared="drop").links == ()
    as_links = Topology.build(segment(), shared="links")
    assert told(as_links)["a:Gi0/0 -- b:Gi0/0"] == "both"
    assert told(as_links)["a:Gi0/0 -> d:Gi0/0"] == "external"
    assert len(as_links.links) == 6


def test_a_segment_is_not_named_like_a_node() -> None:
    rows = [table("segment 1", row("1", "b", "1"), row("1", "c", "1"))]
    assert [each.name for each in Topology.build(rows).segments] == ["segment 2"]


def test_a_port_that_hears_itself() -> None:
    topology = Topology.build([table("a", row("1", "a", "1"), row("2", "a", "3"), row("3", "a", "2"))])
    assert told(topology) == {"a:2 -- a:3": "both"}
    assert [(problem.code, problem.interface) for problem in topology.problems] == [("self", "1")]


def test_two_ports_that_claim_one_port_of_a_device_that_cannot_be_asked() -> None:
    topology = Topology.build([table("a", row("1", "x", "eth0"), row("2", "x", "eth0"))])
    assert set(told(topology).values()) == {"external"}
    assert [problem.code for problem in topology.problems] == ["conflict"]


@pytest.mark.parametrize(
    ("ignore", "left"),
    [("mgmt", 1), (None, 2), ({"Gi0/1"}, 1), ({"mgmt", "GigabitEthernet0/1"}, 0), (("mgmt0",), 1),
     (lambda device, interface: device == "b", 0)],
)  # fmt: skip
def test_what_is_ignored(ignore: Any, left: int) -> None:
    rows = tables([(("a", "Gi0/1"), ("b", "Gi0/1")), (("a", "mgmt0"), ("b", "Gi0/9"))])
    topology = Topology.build(rows, ignore=ignore)
    assert (len(topology.links), topology.ignored) == (left, 2 * (2 - left))
    assert list(topology.nodes) == ["a", "b"]


def test_what_cannot_be_a_rule() -> None:
    with pytest.raises(TypeError):
        Topology.build([], ignore={1})
    with pytest.raises(ValueError, match="shared"):
        Topology.build([], shared="maybe")  # type: ignore[arg-type]


def test_links_have_their_status() -> None:
    assert {str(status) for status in LinkStatus} == {"both", "one_way", "external", "conflict", "unjudged"}
