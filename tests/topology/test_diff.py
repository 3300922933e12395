"""What changed, what is lost, and what cannot be told."""

from __future__ import annotations

import pytest

from flowparse import Topology
from flowparse.lldp import Problem
from tests.topology.tables import TRIANGLE, row, table, tables

BEFORE = Topology.build(tables(TRIANGLE))


def test_nothing() -> None:
    diff = BEFORE.diff(BEFORE)
    assert not diff
    assert diff.to_text() == ""
    assert repr(diff) == "<TopologyDiff: nothing>"


def test_removed_and_added() -> None:
    after = Topology.build([*tables(TRIANGLE[1:])])
    assert [str(link) for link in BEFORE.diff(after).removed] == ["a:Gi0/1 -- b:Gi0/1"]
    assert [str(link) for link in after.diff(BEFORE).added] == ["a:Gi0/1 -- b:Gi0/1"]
    assert BEFORE.diff(after).to_text() == "- removed: a:Gi0/1 -- b:Gi0/1\n"
    assert BEFORE.diff(after).lost
    assert not after.diff(BEFORE).lost


def test_moved_to_another_port() -> None:
    after = Topology.build(tables([*TRIANGLE[1:], (("a", "Gi0/1"), ("b", "Gi0/7"))]))
    diff = BEFORE.diff(after)
    assert [(str(was), str(now)) for was, now in diff.moved] == [("a:Gi0/1 -- b:Gi0/1", "a:Gi0/1 -- b:Gi0/7")]
    assert (diff.removed, diff.added) == ((), ())


def test_one_way_and_back() -> None:
    after = Topology.build(tables(TRIANGLE, silent=[("a", "Gi0/1")]))
    assert [str(link) for link in BEFORE.diff(after).became_one_way] == ["b:Gi0/1 -> a:Gi0/1"]
    assert [str(link) for link in after.diff(BEFORE).recovered] == ["a:Gi0/1 -- b:Gi0/1"]
    assert not after.diff(BEFORE).lost


@pytest.mark.parametrize("missing", ["a", "b", "c"])
def test_a_device_that_was_not_collected(missing: str) -> None:
    diff = BEFORE.diff(Topology.build(tables(TRIANGLE, missing=[missing])))
    assert not diff
    assert len(diff.unknown) == 2
    assert f"{missing} was not collected" in diff.to_text()


def test_all_that_is_left_of_a_link_is_a_device_that_was_not_collected() -> None:
    """a is silent about b, and b was not collected: the link may be down, or only b."""
    diff = BEFORE.diff(Topology.build(tables(TRIANGLE, missing=["b"], silent=[("a", "Gi0/1")])))
    assert diff.removed == ()
    assert "a:Gi0/1 -- b:Gi0/1" in map(str, diff.unknown)


def test_an_incomplete_table_loses_no_links() -> None:
    rows = {each.device: each for each in tables(TRIANGLE[1:])}
    rows["b"] = rows["b"].replaced(problems=(Problem(1, "", "cut"),), complete=False)
    diff = BEFORE.diff(Topology.build(rows.values()))
    assert diff.removed == ()
    assert [str(link) for link in diff.unknown] == ["a:Gi0/1 -- b:Gi0/1"]


def test_another_protocol_loses_no_links() -> None:
    rows = [each.replaced(command="show cdp neighbors", rows=[]) for each in tables(TRIANGLE)]
    diff = BEFORE.diff(Topology.build(rows))
    assert (diff.removed, len(diff.unknown)) == ((), 3)


def test_a_link_to_a_device_that_never_was_collected_is_lost_by_the_one_that_was() -> None:
    before, after = Topology.build([table("a", row("1", "phone", "1"))]), Topology.build([table("a")])
    assert [str(link) for link in before.diff(after).removed] == ["a:1 -> phone:1"]


def test_links_of_a_device_that_is_collected_now_are_not_new_ones() -> None:
    before = Topology.build(tables(TRIANGLE, missing=["a", "b"]))
    diff = before.diff(BEFORE)
    assert diff.added == ()
    assert [str(link) for link in diff.unknown] == ["a:Gi0/1 -- b:Gi0/1"]


def test_a_new_device() -> None:
    after = Topology.build(tables([*TRIANGLE, (("c", "Gi0/9"), ("d", "Gi0/1"))]))
    assert [str(link) for link in BEFORE.diff(after).added] == ["c:Gi0/9 -- d:Gi0/1"]


def test_a_domain_that_was_given_to_all() -> None:
    after = Topology.build(tables([((f"{a}.x.net", p), (f"{b}.x.net", q)) for (a, p), (b, q) in TRIANGLE]))
    assert not BEFORE.diff(after)


def test_ports_of_a_segment() -> None:
    def on(names: str) -> Topology:
        return Topology.build(
            table(name, *(row("Gi0/0", other, "Gi0/0") for other in names if name in names and other != name))
            for name in "abcd"
        )

    diff = on("abcd").diff(on("abc"))
    assert [str(each.member) for each in diff.left] == ["d:Gi0/0"]
    assert diff.lost
    assert [str(each.member) for each in on("abc").diff(on("abcd")).joined] == ["d:Gi0/0"]
    assert diff.to_text() == "- left: d:Gi0/0 on the segment of a:Gi0/0, b:Gi0/0, c:Gi0/0\n"
    assert diff.to_svg().count("removed") == 2  # a line and the legend


# ── plans ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "plan",
    [
        'graph { a:"Gi0/1" -- b:"Gi0/1"; b:"Gi0/2" -- c:"Gi0/2"; c:"Gi0/3" -- a:"Gi0/3" }',
        "graph { a -- b -- c -- a }",
        'graph { A:"GigabitEthernet0/1" -- "b.x.net"; "b.x.net" -- c; c:"Gi0/3" -- A }',
    ],
)
def test_a_plan_that_is_met(plan: str) -> None:
    check = BEFORE.check(Topology.from_dot(plan))
    assert check.ok
    assert not check
    assert check.to_text() == ""


def test_a_plan_that_is_not_met() -> None:
    plan = Topology.from_dot('graph { a:"Gi0/1" -- b:"Gi0/7"; b:"Gi0/2" -- c:"Gi0/2"; a -- d; a -- c }')
    check = BEFORE.check(plan)
    assert not check.ok
    assert [str(link) for link in check.missing] == ["a -- d"]
    assert [(str(was), str(now)) for was, now in check.miswired] == [("a:Gi0/1 -- b:Gi0/7", "a:Gi0/1 -- b:Gi0/1")]
    assert check.unexpected == ()
    assert [str(link) for link in BEFORE.check(Topology.from_dot("graph { a -- b -- c }")).unexpected] == [
        "a:Gi0/3 -- c:Gi0/3"
    ]


def test_a_plan_for_devices_that_were_not_collected() -> None:
    check = BEFORE.check(Topology.from_dot("graph { a -- b -- c -- a; x -- y }"))
    assert not check
    assert not check.ok
    assert [str(link) for link in check.unknown] == ["x -- y"]
