"""Neighbor tables for tests, written as cables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from flowparse.lldp import Neighbor, NeighborTable
from tests.shared import SHARED

Port = tuple[str, str]
BOOK: Path = (SHARED or Path()) / "lldp" / "book"


def book(folder: str = ".") -> dict[str, str]:
    """Device -> the output that was saved of it."""
    files = sorted((BOOK / folder).glob("*_lldp_output.txt"))
    return {path.name.removesuffix("_lldp_output.txt"): path.read_text(encoding="utf-8") for path in files}


def row(local: str, name: str | None = None, port_id: str | None = None, **more: Any) -> Neighbor:
    return Neighbor(local_interface=local, system_name=name, port_id=port_id, **more)


def table(device: str, *rows: Neighbor, **more: Any) -> NeighborTable:
    return NeighborTable(rows, device=device, **{"command": "show lldp neighbors"} | more)


def tables(
    cables: Iterable[tuple[Port, Port]],
    *,
    silent: Iterable[Port] = (),
    missing: Iterable[str] = (),
    calls: Mapping[str, str] | None = None,
) -> list[NeighborTable]:
    """What the devices at the ends of cables report.

    `silent` ports report nothing, `missing` devices were not collected, `calls` says what a device
    calls itself where that is not what the inventory calls it.
    """
    calls = calls or {}
    rows: dict[str, list[Neighbor]] = {}
    for one, two in cables:
        for (device, port), (other, far) in ((one, two), (two, one)):
            heard = rows.setdefault(device, [])
            if (device, port) not in set(silent):
                heard.append(row(port, calls.get(other, other), far))
    return [table(device, *heard) for device, heard in rows.items() if device not in set(missing)]


TRIANGLE = [(("a", "Gi0/1"), ("b", "Gi0/1")), (("b", "Gi0/2"), ("c", "Gi0/2")), (("c", "Gi0/3"), ("a", "Gi0/3"))]
