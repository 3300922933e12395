"""Who is who: each step of the ladder, and that a tie is never a guess."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from flowparse import Topology
from flowparse.lldp import ManagementAddress, Neighbor, NeighborTable
from tests.topology.tables import row, table, tables

A, B = ("a", "Gi0/1"), ("b", "Gi0/1")


def rungs(topology: Topology, node: str) -> dict[str, str]:
    return {each.name: each.rung for each in topology.nodes[node].evidence}


@pytest.mark.parametrize(
    ("reported", "rung"),
    [
        ("b", None), ("B", "case"), ("b.example.net", "domain"), ("b(FOC1234)", "serial"),
        ("b.example.net(FOC1234)", "domain"), ("B.", "serial"), ("b.example.net.", "domain"),
    ],
)  # fmt: skip
def test_names_of_one_device(reported: str, rung: str | None) -> None:
    topology = Topology.build(tables([(A, B)], calls={"b": reported}))
    assert [str(link) for link in topology.links] == ["a:Gi0/1 -- b:Gi0/1"]
    assert rungs(topology, "b") == ({reported: rung} if rung else {})
    assert topology.aliases == {}


def test_domains_are_kept_on_request() -> None:
    topology = Topology.build(tables([(A, B)], calls={"b": "b.example.net"}), strip_domain=False, infer_aliases=False)
    assert list(topology.nodes) == ["a", "b", "b.example.net"]


def test_inventory_with_domains() -> None:
    rows = [table("a.example.net", row("1", "b", "2")), table("b.example.net", row("2", "a", "1"))]
    assert [str(link) for link in Topology.build(rows).links] == ["a.example.net:1 -- b.example.net:2"]


def test_two_devices_of_one_host_name_stay_two() -> None:
    rows = [
        table("sw1.nyc.example", row("1", "hub", "1")),
        table("sw1.lon.example", row("1", "hub", "2")),
        table("hub", row("1", "sw1", "1"), row("2", "sw1", "1")),
    ]
    topology = Topology.build(rows, infer_aliases=False)
    assert list(topology.nodes) == ["hub", "sw1", "sw1.lon.example", "sw1.nyc.example"]
    assert {problem.code for problem in topology.problems} >= {"ambiguous_name"}
    assert "sw1 may be sw1.lon.example or sw1.nyc.example" in [problem.reason for problem in topology.problems]
    # The ports say which of them is meant where: no name is merged for that.
    assert [str(link) for link in Topology.build(rows).links] == [
        "hub:1 -- sw1.nyc.example:1", "hub:2 -- sw1.lon.example:1",
    ]  # fmt: skip


def test_the_same_short_name_of_two_devices_that_were_not_collected() -> None:
    topology = Topology.build([table("hub", row("1", "sw1.nyc.example", "1"), row("2", "sw1.lon.example", "1"))])
    assert list(topology.nodes) == ["hub", "sw1.lon.example", "sw1.nyc.example"]


def test_names_that_a_table_cut() -> None:
    name = "access-switch-floor-17"
    rows = [table("a", row("1", name[:20], "2", system_name_truncated=True)), table(name, row("2", "a", "1"))]
    topology = Topology.build(rows)
    assert [str(link) for link in topology.links] == [f"a:1 -- {name}:2"]
    assert rungs(topology, name) == {name[:20]: "truncated"}


@pytest.mark.parametrize(
    "others", [("access-switch-floor-17", "access-switch-floor-18"), ("access-switch-floor-",) * 2]
)
def test_a_cut_name_that_fits_two_is_joined_to_none(others: tuple[str, str]) -> None:
    one, two = others if others[0] != others[1] else (others[0], others[0] + "x")
    rows = [
        table("a", row("1", "access-switch-floor-", "2", system_name_truncated=True)),
        table(one),
        table(two),
    ]
    topology = Topology.build(rows)
    assert [problem.code for problem in topology.problems] == ["ambiguous_name"]
    assert [link.status for link in topology.links] == ["external"]
    assert {one, two}.isdisjoint({end.device for link in topology.links for end in (link.a, link.b)})


def test_a_name_cut_within_its_domain() -> None:
    rows = [
        table("a", row("1", "r5-tor.virl.inf", "2", system_name_truncated=True)),
        table("r5-tor", row("2", "a", "1")),
    ]
    assert [str(link) for link in Topology.build(rows).links] == ["a:1 -- r5-tor:2"]


def test_a_neighbor_without_a_name_is_known_by_its_chassis_id() -> None:
    mac = {"chassis_id": "00:11:22:33:44:55"}
    rows = [
        table("a", row("1", None, "1", **mac)),
        table("b", row("1", "a", "1")),
        table("c", row("9", "b", "2", **mac)),
    ]
    topology = Topology.build(rows)
    assert "a:1 -- b:1" in map(str, topology.links)
    assert rungs(topology, "b") == {"00:11:22:33:44:55": "chassis id"}
    assert topology.aliases == {}


def test_a_name_that_is_a_mac_address_is_a_chassis_id() -> None:
    rows = [table("a", row("1", "0011.2233.4455", "1")), table("b", row("1", "a", "1"), chassis_id="00-11-22-33-44-55")]
    assert [str(link) for link in Topology.build(rows).links] == ["a:1 -- b:1"]


@pytest.mark.parametrize("name", ["192.0.2.9", "5c 0e 8b 11 11 11", "5c0e.8b11.1111"])
def test_what_is_listed_without_a_name_is_the_same_by_its_chassis_id(name: str) -> None:
    rows = [table("a", row("1", name, "1")), table("b", row("1", None, "2", chassis_id=name))]
    assert len(Topology.build(rows).nodes) == 3


def test_a_chassis_id_joins_the_devices_other_name() -> None:
    rows = [
        table("a", row("1", "edge", "1", chassis_id="00:11:22:33:44:55")),
        table("b", row("1", "a", "1"), chassis_id="0011.2233.4455"),
    ]
    topology = Topology.build(rows)
    assert topology.aliases == {"edge": "b"}
    assert [link.status for link in topology.links] == ["both"]


def test_a_chassis_id_of_two_devices_is_nobodys() -> None:
    rows = [
        table("a", row("1", None, "1", chassis_id="00:11:22:33:44:55")),
        table("b", chassis_id="00:11:22:33:44:55"),
        table("c", chassis_id="00:11:22:33:44:55"),
    ]
    topology = Topology.build(rows)
    assert [link.b.device for link in topology.links] == ["00:11:22:33:44:55"]
    assert [problem.code for problem in topology.problems] == ["ambiguous_id"]


def test_names_side_by_side_with_one_chassis_id_are_two_devices() -> None:
    clone = {"chassis_id": "00:11:22:33:44:55"}
    rows = [table("a", row("1", "b", "1", **clone), row("2", "clone", "1", **clone)), table("b", row("1", "a", "1"))]
    assert [str(link) for link in Topology.build(rows).links] == ["a:1 -- b:1", "a:2 -> clone:1"]


def test_own_names_come_before_what_others_say() -> None:
    rows = [table("inventory-7", row("1", "a", "1"), system_name="edge.example.net"), table("a", row("1", "edge", "1"))]
    topology = Topology.build(rows, infer_aliases=False)
    assert topology.aliases == {"edge": "inventory-7"}
    assert rungs(topology, "inventory-7")["edge.example.net"] == "own name"


def test_a_device_that_is_called_by_its_address() -> None:
    address = (ManagementAddress("192.0.2.5", "ipv4"),)
    rows = [
        table("a", row("1", "edge", "MAC", management_addresses=address)),
        table("192.0.2.5", row("7", "b", "1")),
        table("b", row("1", "edge", "7", management_addresses=address)),
    ]
    topology = Topology.build(rows, infer_aliases=True)
    assert topology.aliases == {"edge": "192.0.2.5"}
    assert "192.0.2.5:7 -- b:1" in map(str, topology.links)


def test_two_names_that_could_be_one_device_are_joined_to_none() -> None:
    """Both b and c report the ports of x as their own; r1 calls x's ports by two names."""
    rows = [
        table("inventory", row("1", "r1", "1"), row("2", "r1", "2")),
        table("r1", row("1", "x", "1"), row("2", "y", "2")),
    ]
    topology = Topology.build(rows)
    assert topology.aliases == {}
    assert list(topology.nodes) == ["inventory", "r1", "x", "y"]


def test_one_name_that_two_devices_could_have_is_joined_to_none() -> None:
    rows = [table("i1", row("1", "r1", "1")), table("i2", row("1", "r1", "1")), table("r1", row("1", "x", "1"))]
    assert Topology.build(rows).aliases == {}


def test_a_report_that_contradicts_keeps_names_apart() -> None:
    rows = [
        table("inventory", row("1", "r1", "1"), row("2", "r1", "2")),
        table("r1", row("1", "x", "1"), row("2", "x", "9")),  # x calls the second port otherwise
    ]
    assert Topology.build(rows).aliases == {}


def test_a_silent_far_end_is_no_contradiction() -> None:
    rows = [table("inventory", row("1", "r1", "1"), row("2", "r2", "1")), table("r1", row("1", "x", "1")), table("r2")]
    topology = Topology.build(rows)
    assert topology.aliases == {"x": "inventory"}
    assert [str(link) for link in topology.one_way()] == ["inventory:2 -> r2:1"]


def test_names_are_found_from_one_device_to_the_next() -> None:
    calls = {f"i{n}": f"r{n}" for n in range(1, 6)}
    cables = [((f"i{n}", "1"), (f"i{n + 1}", "2")) for n in range(5)]
    topology = Topology.build(tables(cables, calls=calls))
    assert topology.aliases == {name: node for node, name in calls.items()}
    assert all(link.two_sided for link in topology.links)


def test_a_neighbor_without_a_name_is_who_reports_the_port() -> None:
    rows = [table("a", row("1", None, None)), table("b", row("7", "a", "1"))]
    assert [str(link) for link in Topology.build(rows).links] == ["a:1 -- b:7"]


@pytest.mark.parametrize("aliases", [{"x": "b"}, {"x": "y", "y": "b"}])
def test_aliases_of_the_caller(aliases: dict[str, str]) -> None:
    rows = [table("a", row("1", "x", "1")), table("b", row("1", "a", "1"))]
    topology = Topology.build(rows, aliases=aliases, infer_aliases=False)
    assert [str(link) for link in topology.links] == ["a:1 -- b:1"]
    assert topology.aliases["x"] == "b"


def test_an_alias_renames_a_collected_device() -> None:
    rows = [table("192.0.2.1", row("1", "b", "1")), table("b", row("1", "a", "1"))]
    topology = Topology.build(rows, aliases={"192.0.2.1": "a"})
    assert [str(link) for link in topology.links] == ["a:1 -- b:1"]
    assert topology.aliases == {"192.0.2.1": "a"}


def test_aliases_in_a_circle() -> None:
    with pytest.raises(ValueError, match="circle"):
        Topology.build([], aliases={"a": "b", "b": "a"})


def test_a_table_without_a_device() -> None:
    with pytest.raises(ValueError, match="no device"):
        Topology.build([NeighborTable([])])


def same_name(n: int) -> list[NeighborTable]:
    return [table(f"d{at}", *(row(f"Gi0/{port}", "same", "Gi0/1") for port in range(4))) for at in range(n)]


def same_chassis_id(n: int) -> list[NeighborTable]:
    mac = "00:11:22:33:44:55"
    return [
        table(f"d{at}", *(row(f"Gi0/{port}", f"d{port}", "1", chassis_id=mac) for port in range(4))) for at in range(n)
    ]


def one_beginning(n: int) -> list[NeighborTable]:
    return [table(f"access-switch-{at}", row("1", "access-switch"[: at % 14 + 1], "1", system_name_truncated=True))
            for at in range(n)]  # fmt: skip


def one_host_name(n: int) -> list[NeighborTable]:
    return [table(f"sw.d{at}.example", row("1", "sw", "1")) for at in range(n)]


def chain_of_other_names(n: int) -> list[NeighborTable]:
    cables = [((f"i{at}", "1"), (f"i{at + 1}", "2")) for at in range(n)]
    return tables(cables, calls={f"i{at}": f"r{at}" for at in range(1, n + 1)})


def one_segment(n: int) -> list[NeighborTable]:
    return [table("hub", *(row("1", f"h{at}", "1") for at in range(4 * n)))]


def parallel(n: int) -> list[NeighborTable]:
    return tables([(("a", f"Gi0/{at}"), ("b", f"Gi0/{at}")) for at in range(2 * n)])


@pytest.mark.parametrize(
    "made", [same_name, same_chassis_id, one_beginning, one_host_name, chain_of_other_names, one_segment, parallel]
)
def test_time_grows_with_the_input(made: Callable[[int], list[NeighborTable]]) -> None:
    """Four times as much takes less than ten times as long: what is quadratic takes sixteen."""

    def seconds(n: int) -> float:
        some = made(n)
        best = float("inf")
        for _ in range(3):
            start = time.process_time()
            topology = Topology.build(some)
            topology.diff(topology)
            best = min(best, time.process_time() - start)
        return best

    seconds(20)
    assert seconds(320) < 10 * seconds(80) + 0.02


def test_unhashable_extra_is_not_in_the_way() -> None:
    heard = Neighbor(local_interface="1", system_name="b", port_id="1", extra={"a": "b"})
    assert len(Topology.build([table("a", heard)]).links) == 1
