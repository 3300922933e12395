"""Neighbor tables beside ntc-templates, frames beside scapy.

500 neighbors in each output, warm, all of them checked once. `parse_output` gives dicts of text, `lldp.parse` typed
records, so what is compared is a whole job of each. The first parse of a process, which imports textfsm and compiles
a template, is not in these figures.
"""

from __future__ import annotations

from typing import Any

import pytest

from bench.ratio import Ratio
from flowparse import lldp

ntc: Any = pytest.importorskip("ntc_templates.parse")

pytestmark = pytest.mark.filterwarnings("default")  # peers may warn

NEIGHBORS = 500
LEGEND = """Capability codes:
    (R) Router, (B) Bridge, (T) Telephone, (C) DOCSIS Cable Device
    (W) WLAN Access Point, (P) Repeater, (S) Station, (O) Other
"""
BLOCK = """
------------------------------------------------
Local Intf: Gi1/0/{i}
Chassis id: 2416.abcd.{i:04x}
Port id: Gi0/{port}
Port Description: GigabitEthernet0/{port}
System Name: sw{i}.lab.example.com

System Description:
Cisco IOS Software, C2960 Software (C2960-LANBASEK9-M), Version 15.0(2)SE, RELEASE SOFTWARE (fc1)
Technical Support: http://www.cisco.com/techsupport
Copyright (c) 1986-2012 by Cisco Systems, Inc.

Time remaining: 107 seconds
System Capabilities: B,R
Enabled Capabilities: B,R
Management Addresses:
    IP: 172.16.{high}.{low}
Auto Negotiation - supported, enabled
Physical media capabilities:
    1000baseT(FD)
Media Attachment Unit type: 30
Vlan ID: 1
"""


def brief() -> str:
    rows = [f"{f'sw{i}.lab':<20}{f'Gi1/0/{i}':<15}{120:<11}{'B,R':<16}Gi0/{i % 48}" for i in range(NEIGHBORS)]
    header = "\nDevice ID           Local Intf     Hold-time  Capability      Port ID"
    return "\n".join([LEGEND + header, *rows, f"\nTotal entries displayed: {NEIGHBORS}\n"])


def detail() -> str:
    blocks = [BLOCK.format(i=i, port=i % 48, high=i >> 8, low=i & 255) for i in range(NEIGHBORS)]
    return "".join(blocks) + f"\nTotal entries displayed: {NEIGHBORS}\n"


@pytest.mark.parametrize(
    ("text", "command", "floor"),
    [(brief(), "show lldp neighbors", 5), (detail(), "show lldp neighbors detail", 2)],
    ids=["brief", "detail"],
)
def test_ios(ratio: Ratio, text: str, command: str, floor: float) -> None:
    def ours() -> lldp.NeighborTable:
        return lldp.parse(text, platform="cisco_ios", command=command)

    def peer() -> Any:
        return ntc.parse_output("cisco_ios", command, text)

    table, rows = ours(), peer()
    assert table.complete
    assert [row.system_name for row in table] == [row["neighbor_name"] for row in rows]
    assert len(rows) == NEIGHBORS
    ratio(ours, peer, (NEIGHBORS, NEIGHBORS), floor, item="neighbor")


def test_frames(ratio: Ratio) -> None:
    contrib: Any = pytest.importorskip("scapy.contrib.lldp")
    ether: Any = pytest.importorskip("scapy.layers.l2").Ether
    contrib.conf.contribs["LLDP"].strict_mode_disable()
    neighbor = lldp.parse(detail())[0]
    frames = [
        lldp.encode(lldp.Lldpdu.of(row))
        for row in lldp.parse(detail())[:50]
        if row.system_name is not None and row.ttl is not None
    ]

    def ours() -> list[Any]:
        return [lldp.decode(frame) for frame in frames]

    def peer() -> list[Any]:
        return [ether(frame) for frame in frames]

    assert ours()[0].neighbor.system_name == neighbor.system_name
    assert peer()[0][contrib.LLDPDUSystemName].system_name.decode() == neighbor.system_name
    ratio(ours, peer, (len(frames), len(frames)), 15, item="frame")
