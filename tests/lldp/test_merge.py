"""Two outputs of one device to one table, by evidence and never on a tie."""

from __future__ import annotations

import pytest

from flowparse import lldp
from flowparse.lldp import Neighbor, NeighborTable, Problem
from flowparse.lldp.join import NO_PORT


def table(*rows: Neighbor, **values: object) -> NeighborTable:
    problems = [Problem(None, "", NO_PORT) for row in rows if not row.local_interface]
    return NeighborTable(rows, problems=problems, **values)  # type: ignore[arg-type]


def row(local: str, name: str | None = None, port: str | None = None, **values: object) -> Neighbor:
    return Neighbor(local_interface=local, system_name=name, port_id=port, **values)  # type: ignore[arg-type]


def links(merged: NeighborTable) -> list[tuple[str, str | None, str | None]]:
    return sorted((row.local_interface, row.system_name, row.port_id) for row in merged)


def test_each_makes_the_other_good() -> None:
    brief = table(row("Gi0/1", "core-switch-01.campu", "Gi1/0/1", system_name_truncated=True), device="r1")
    detail = table(row("", "core-switch-01.campus.example", "Gi1/0/1", chassis_id="00:11:22:33:44:55"), device="r1")
    merged = lldp.merge(brief, detail)
    assert links(merged) == [("Gi0/1", "core-switch-01.campus.example", "Gi1/0/1")]
    assert merged[0].chassis_id == "00:11:22:33:44:55"
    assert merged.complete
    assert not detail.complete


def test_parallel_links_stay_two() -> None:
    brief = table(row("Gi0/1", "sw", "Gi1/1"), row("Gi0/2", "sw", "Gi1/2"))
    detail = table(row("", "sw.example", "Gi1/2"), row("", "sw.example", "Gi1/1"))
    assert links(lldp.merge(brief, detail)) == [("Gi0/1", "sw.example", "Gi1/1"), ("Gi0/2", "sw.example", "Gi1/2")]


def test_a_tie_is_not_merged() -> None:
    brief = table(row("Gi0/1", "ap", "eth0"), row("Gi0/2", "ap", "eth0"))
    detail = table(row("", "ap", "eth0"), row("", "ap", "eth0"), row("", "ap", "eth0"))
    merged = lldp.merge(brief, detail)
    assert len(merged) == 5
    assert not merged.complete
    assert any("several" in problem.reason for problem in merged.problems)


def test_rows_that_are_alike_and_as_many_are_taken_in_their_order() -> None:
    brief = table(row("Gi0/1", "ap", "eth0"), row("Gi0/2", "ap", "eth0"))
    detail = table(row("", "ap", "eth0", ttl=7), row("", "ap", "eth0", ttl=9))
    assert [(row.local_interface, row.ttl) for row in lldp.merge(brief, detail)] == [("Gi0/1", 7), ("Gi0/2", 9)]


def test_rows_of_one_alone_stay() -> None:
    merged = lldp.merge(table(row("Gi0/1", "a", "x1")), table(row("Gi0/2", "b", "x1")))
    assert links(merged) == [("Gi0/1", "a", "x1"), ("Gi0/2", "b", "x1")]


def test_a_chassis_in_place_of_a_name() -> None:
    brief = table(row("Fa0/17", None, "48:0f:cf:28:8a:1b", chassis_id="48:0f:cf:28:8a:1b"))
    detail = table(row("", None, "48:0f:cf:28:8a:1b", chassis_id="48:0f:cf:28:8a:1b", port_description="eth0"))
    merged = lldp.merge(brief, detail)
    assert [(row.local_interface, row.port_description) for row in merged] == [("Fa0/17", "eth0")]


def test_the_same_by_cdp_and_lldp_with_serial_and_domain() -> None:
    by_cdp = table(row("mgmt0", "n9k2.lab(SAL1819S6BE)", "Eth1/1", protocol=lldp.Protocol.CDP, platform="N9K"))
    by_lldp = table(row("mgmt0", "n9k2.lab", "Ethernet1/1", chassis_id="00:11:22:33:44:55"))
    (one,) = lldp.merge(by_cdp, by_lldp)
    assert (one.platform, one.chassis_id, one.system_name) == ("N9K", "00:11:22:33:44:55", "n9k2.lab")


def test_tables_of_two_devices_are_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="two devices"):
        lldp.merge(table(device="a"), table(device="b"))
    assert lldp.merge(table(device="a"), table()).device == "a"
