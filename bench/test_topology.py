"""Topology.build of a large network, printed; and its share of the time that reading the same tables takes a loop.

The floor is against the least that any tool must do: visit every row, shorten its names with a split and
put the two ends into a dict, with no canonical interfaces, identities, status or evidence.
"""

from __future__ import annotations

import time

import pytest

import flowparse as fp
from bench.ratio import Ratio
from flowparse.lldp import Neighbor, NeighborTable

DEVICES, REPORTS = 1000, 48


def network(devices: int = DEVICES, reports: int = REPORTS) -> list[NeighborTable]:
    """Each device is connected to its next 24 and previous 24; names come with a domain, far ports in full."""
    tables = []
    for device in range(devices):
        rows = []
        for port in range(reports):
            away = port // 2 + 1
            far, far_port = (
                ((device + away) % devices, port + 1) if port % 2 == 0 else ((device - away) % devices, port - 1)
            )
            rows.append(
                Neighbor(
                    local_interface=f"Gi1/0/{port + 1}",
                    system_name=f"sw{far}.example.net",
                    port_id=f"GigabitEthernet1/0/{far_port + 1}",
                    chassis_id=f"00:00:5e:00:{far >> 8:02x}:{far & 255:02x}",
                )
            )
        tables.append(NeighborTable(rows, device=f"sw{device}", command="show lldp neighbors"))
    return tables


def pairs(tables: list[NeighborTable]) -> int:
    found = {}
    for table in tables:
        for row in table:
            name = (row.system_name or "").split(".")[0]
            ends = frozenset(((table.device, row.local_interface), (name, row.port_id)))
            found[ends] = found.get(ends, 0) + 1
    return len(found)


def test_build_vs_naive_pairs(ratio: Ratio) -> None:
    tables = network(100)
    rows = sum(map(len, tables))
    assert pairs(tables) == rows  # the two ends spell a port in two ways: a naive pairing finds no link

    def check(topology: fp.Topology) -> None:
        assert len(topology.links) == rows // 2
        assert all(link.two_sided for link in topology.links)

    ratio.share(lambda: fp.Topology.build(tables), lambda: pairs(tables), (rows, rows), floor=0.01, check=check)


def test_build_of_1000_devices(capsys: pytest.CaptureFixture[str]) -> None:
    tables = network()
    best = min(timed(tables) for _ in range(3))
    with capsys.disabled():
        print(f"\nTopology.build: {DEVICES} devices x {REPORTS} reports in {best:.2f} s")
    assert best < 10


def timed(tables: list[NeighborTable]) -> float:
    start = time.perf_counter()
    topology = fp.Topology.build(tables)
    taken = time.perf_counter() - start
    assert len(topology.links) == DEVICES * REPORTS // 2
    return taken
