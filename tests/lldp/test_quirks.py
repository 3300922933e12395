"""Twenty-five things that devices do to their neighbor tables, each of which cost somebody a neighbor.

A row is right, or a problem says that it may not be. The outputs are made up here after reports of the field.
"""

from __future__ import annotations

import json

import pytest

from flowparse import lldp
from flowparse.lldp import ChassisIdType, NeighborTable, PortIdType

IOS = """Capability codes:
    (R) Router, (B) Bridge, (T) Telephone, (C) DOCSIS Cable Device
    (W) WLAN Access Point, (P) Repeater, (S) Station, (O) Other

Device ID           Local Intf     Hold-time  Capability      Port ID
"""
NXOS = """Capability codes:
  (R) Router, (B) Bridge, (T) Telephone, (C) DOCSIS Cable Device
  (W) WLAN Access Point, (P) Repeater, (S) Station, (O) Other
Device ID            Local Intf      Hold-time  Capability  Port ID
"""
JUNOS = "Local Interface    Parent Interface    Chassis Id          Port info          System Name\n"
EOS = "Port       Neighbor Device ID             Neighbor Port ID           TTL\n"


def links(table: NeighborTable) -> list[tuple[str, str | None, str | None]]:
    return [(row.local_interface, row.system_name, row.port_id) for row in table]


def reasons(table: NeighborTable) -> list[str]:
    return [problem.reason for problem in table.problems]


def test_1_a_name_that_fills_its_column_touches_the_interface() -> None:
    table = lldp.parse(IOS + "long_name_swt.josh-vGi0/2          120        R               Gi0/0\n")
    assert links(table) == [("Gi0/2", "long_name_swt.josh-v", "Gi0/0")]
    assert table[0].system_name_truncated


def test_2_a_name_is_cut_at_twenty_in_the_table_and_whole_in_the_details() -> None:
    brief = lldp.parse(IOS + "core-switch-01.campuTe1/1/1        120        B,R             Te2/1/14\n")
    detail = lldp.parse(
        "------------------------------------------------\n"
        "Local Intf: Te1/1/1\nChassis id: 0019.2fa7.b28d\nPort id: Te2/1/14\nPort Description: to core\n"
        "System Name: core-switch-01.campus.example\n"
    )
    assert (brief[0].system_name, brief[0].system_name_truncated) == ("core-switch-01.campu", True)
    merged = lldp.merge(brief, detail)
    assert [(row.system_name, row.system_name_truncated) for row in merged] == [
        ("core-switch-01.campus.example", False)
    ]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (NXOS, "                     Eth1/5          120                     ethernet1/9   \n"),
        (IOS, "                    Gi1/5          120        B               ethernet1/9\n"),
    ],
    ids=["nxos", "ios"],
)
@pytest.mark.parametrize("blank", ["", " "])
def test_3_a_name_wraps_to_a_line_of_its_own(header: str, row: str, blank: str) -> None:
    table = lldp.parse(f"{header}fw1-clinical-partner-of-the-west{blank}\n{row}Total entries displayed: 1\n")
    assert [(row.system_name, row.port_id) for row in table] == [("fw1-clinical-partner-of-the-west", "ethernet1/9")]
    assert table.complete


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            IOS + "Polycom VVX 500     Gi1/0/2        120        T               0004.f2d1.2222\n",
            ("Gi1/0/2", "Polycom VVX 500", "00:04:f2:d1:22:22"),
        ),
        (
            NXOS + "ABC-Ultra            Eth1/1          120        B           Port 6\n",
            ("Eth1/1", "ABC-Ultra", "Port 6"),
        ),
        (
            NXOS + "my switch            Eth1/2          120                    WAN PORT\n",
            ("Eth1/2", "my switch", "WAN PORT"),
        ),
        (
            EOS + "Et1        my switch                      Ethernet1                  120\n",
            ("Et1", "my switch", "Ethernet1"),
        ),
        (
            JUNOS + "ge-0/0/3           -                   2c:6b:f5:a2:08:c1   ge-0/0/0           vm x3\n",
            ("ge-0/0/3", "vm x3", "ge-0/0/0"),
        ),
    ],
    ids=["ios", "nxos-port", "nxos-name", "eos", "junos"],
)
def test_4_names_and_ports_with_blanks(text: str, expected: tuple[str, str, str]) -> None:
    table = lldp.parse(text)
    assert links(table) == [expected]
    assert table.complete


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("r2.virl.info Gi0/0 120 R Gi0/0", ("Gi0/0", "r2.virl.info", "Gi0/0")),
        ("Polycom VVX 500 Gi1/0/2 120 T 0004.f2d1.2222", ("Gi1/0/2", "Polycom VVX 500", "00:04:f2:d1:22:22")),
        ("sw1 Gi1/0/7 120 Gi0/1", ("Gi1/0/7", "sw1", "Gi0/1")),
        ("ABC-Ultra Gi2/0/16 110 Port 6", ("Gi2/0/16", "ABC-Ultra", "Port 6")),
    ],
)
def test_5_rows_squeezed_to_single_blanks(row: str, expected: tuple[str, str, str]) -> None:
    header = "Device ID Local Intf Hold-time Capability Port ID"
    table = lldp.parse([["Capability codes:", header, row, "", "Total entries displayed: 1"]])
    assert links(table) == [expected]
    assert table.complete


def test_6_no_system_name() -> None:
    junos = lldp.parse(JUNOS + "ge-0/0/1           -                   2c:6b:f5:a1:c2:c0   ge-0/0/16\n")
    assert links(junos) == [("ge-0/0/1", None, "ge-0/0/16")]
    assert junos[0].parent_interface is None
    nxos = lldp.parse(
        "Chassis id: 0014.1c57.a48b\nPort id: WAN PORT\nLocal Port id: mgmt0\nPort Description: null\n"
        "System Name: not advertised\nSystem Description: not advertised\nTime remaining: 91 seconds\n\n"
        "Chassis id: 0014.1c57.a48c\nPort id: Eth1/1\nLocal Port id: Eth1/2\nPort Description: null\n"
        "System Name: my phone\nSystem Description: x\nTime remaining: 91 seconds\n\nTotal entries displayed: 2\n"
    )
    assert links(nxos) == [("mgmt0", None, "WAN PORT"), ("Eth1/2", "my phone", "Eth1/1")]
    assert nxos.complete


OLD_IOS = """------------------------------------------------
Chassis id: 0019.2fa7.b28d
Port id: {port}
Port Description: to the core
System Name: sw{number}.example

System Description:
Cisco IOS

Time remaining: 107 seconds
"""


def test_7_details_without_a_local_interface() -> None:
    detail = lldp.parse("".join(OLD_IOS.format(port=f"Gi0/{n}", number=n) for n in (2, 1)))
    assert [row.local_interface for row in detail] == ["", ""]
    assert not detail.complete
    assert len(detail.problems) == 2
    rows = "".join(f"sw{n}.example         Gi1/0/{n}        107        B               Gi0/{n}\n" for n in (1, 2))
    merged = lldp.merge(lldp.parse(IOS + rows), detail)
    assert sorted(links(merged)) == [("Gi1/0/1", "sw1.example", "Gi0/1"), ("Gi1/0/2", "sw2.example", "Gi0/2")]
    assert merged.complete


def test_8_details_without_a_port_id() -> None:
    block = "Chassis id: 0014.1c57.a48{n}\nLocal Port id: Eth1/{n}\nPort Description: Gi0/{n}\nSystem Name: a{n}\n\n"
    table = lldp.parse("".join(block.format(n=n) for n in (1, 2, 3)) + "Total entries displayed: 3\n")
    assert [(row.local_interface, row.remote_interface) for row in table] == [
        ("Eth1/1", "Gi0/1"),
        ("Eth1/2", "Gi0/2"),
        ("Eth1/3", "Gi0/3"),
    ]
    assert table.complete


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("00:61:75:F5:B5:FF", "00:61:75:f5:b5:ff"),
        ("172.16.4.125", "172.16.4.125"),
        ("cr-443-2", "cr-443-2"),
        ("::", "::"),
    ],
)
@pytest.mark.parametrize(
    "local",
    [
        "Local Intf: Gi0/1\nChassis id: {}\nPort id: 1\nPort Description: x\n",
        "Chassis id: {}\nPort id: 1\nLocal Port id: Eth1/1\n",
    ],
    ids=["ios", "nxos"],
)
def test_9_a_chassis_id_of_any_kind(local: str, written: str, read: str) -> None:
    assert lldp.parse(local.format(written))[0].chassis_id == read


def test_10_a_description_of_many_lines_with_blank_ones_and_colons() -> None:
    table = lldp.parse(
        "------------------------------------------------\nLocal Intf: Gi0/1\nChassis id: 0019.2fa7.b28d\nPort id: 1\n"
        "Port Description: x\nSystem Name: y\n\nSystem Description:\nOne: two\n\nTechnical Support: http://example\n"
        "Version: 3\n\nTime remaining: 7 seconds\nSystem Capabilities: B\n"
    )
    assert table[0].system_description == "One: two\n\nTechnical Support: http://example\nVersion: 3"
    assert table[0].ttl == 7
    assert table.complete


def test_11_inventory_power_and_words_that_nobody_listed() -> None:
    table = lldp.parse(
        "------------------------------------------------\nLocal Intf: Gi0/1\nLocal Intf service instance: -\n"
        "Chassis id: 10.10.0.1\nPort id: C8F9F9D61BC2:P1\nPort Description: SW PORT\nSystem Name: SEP1\n\n"
        "System Description:\nPhone\n\nTime remaining: 7 seconds\nSystem Capabilities: B,T\nEnabled Capabilities: B,T\n"
        "Management Addresses - not advertised\nAuto Negotiation - supported, enabled\nPhysical media capabilities:\n"
        "    1000baseT(FD)\n    Other/unknown\nMedia Attachment Unit type: 16\nVlan ID: - not advertised\n"
        "Power via MDI:\n    Power Pair: Spare\n    Power Frobnication: 7\n\nMED Information:\n\n    MED Codes:\n"
        "          (NP) Network Policy, (LI) Location Identification\n\n    H/W revision: 1\n    Capabilities: NP, PD\n"
        "    Device type: Endpoint Class III\n    Location - not advertised\n\n\nTotal entries displayed: 1\n"
    )
    row = table[0]
    assert table.complete
    assert row.kind == "phone"
    assert row.extra["Power Frobnication"] == "7"
    assert row.extra["Capabilities"] == "NP, PD"
    assert row.extra["Physical media capabilities"] == "1000baseT(FD) Other/unknown"


def test_12_a_blank_capability_column() -> None:
    ios = lldp.parse(IOS + "sw1                 Gi1/0/7        120                        Gi0/1\n")
    nxos = lldp.parse(NXOS + "fw1-services         Eth3/23         120                     ethernet1/21  \n")
    assert links(ios) == [("Gi1/0/7", "sw1", "Gi0/1")]
    assert links(nxos) == [("Eth3/23", "fw1-services", "ethernet1/21")]
    assert ios[0].capabilities_enabled == nxos[0].capabilities_enabled == frozenset()


def test_13_port_and_name_wrapped_over_three_lines() -> None:
    table = lldp.parse(
        "  Port        Device ID        Port ID       System Name    Capabilities  TTL  \n"
        "--------- ----------------- ------------- ----------------- ------------ ----- \n"
        "gi22      a0:e0:af:ec:e9:d0 a0:e0:af:ec:e Fjallarodgardsfor      B        118  \n"
        "                            9:d0          skola-AP01.net.no                    \n"
        "                                          rob.se                               \n"
        "gi23      a0:e0:af:b1:c8:a0      Gi0      AP04                   B        105  \n"
    )
    assert links(table) == [
        ("gi22", "Fjallarodgardsforskola-AP01.net.norob.se", "a0:e0:af:ec:e9:d0"),
        ("gi23", "AP04", "Gi0"),
    ]
    assert table.complete


def test_14_a_name_cut_with_dots_is_told_so() -> None:
    table = lldp.parse(
        "  LocalPort | ChassisId          PortId             PortDescr SysName           \n"
        "  --------- + ------------------ ------------------ --------- ------------------\n"
        "  1         | 3821c7-c1cd00      1                  1         65432p-swi006-g...\n"
    )
    assert (table[0].system_name, table[0].system_name_truncated) == ("65432p-swi006-g", True)


def test_15_the_same_neighbor_by_two_protocols_is_one() -> None:
    by_lldp = lldp.parse(IOS + "ap1.example         Gi1/0/7        120        B               Gi0\n")
    by_cdp = lldp.parse(
        "Device ID        Local Intrfce     Holdtme    Capability  Platform  Port ID\n"
        "ap1.example      Gig 1/0/7         155              T I   AIR-CAP35 Gig 0\n"
        "SEP0123456789AB  Gig 1/0/7         155              H P   IP Phone  Port 1\n"
    )
    merged = lldp.merge(by_lldp, by_cdp)
    assert [(row.system_name, row.platform) for row in merged] == [
        ("ap1.example", "AIR-CAP35"),
        ("SEP0123456789AB", "IP Phone"),
    ]
    assert len(lldp.parse(IOS + "ap1                 Gi1/0/7        120        B               Gi0\n" * 2)) == 2


@pytest.mark.parametrize("rule", ["", "---------- ------------------------ ---------------------- ---\n"])
def test_16_a_layout_that_changed_with_a_release(rule: str) -> None:
    eos = lldp.parse(
        "Port          Neighbor Device ID       Neighbor Port ID    TTL\n"
        + rule
        + "Et2           arista2                  Ethernet2           120\n"
    )
    assert links(eos) == [("Et2", "arista2", "Ethernet2")]
    for header, row in (
        (
            "System Name          Local Interface Chassis ID      Port ID",
            "SW1                  XGE1/0/1        bcea-fa00-0001  XGE1/0/30",
        ),
        (
            "Local Interface Chassis ID      Port ID                    System Name",
            "XGE1/0/1        bcea-fa00-0001  XGE1/0/30                  SW1",
        ),
    ):
        assert links(lldp.parse(f"{header}\n{row}\n")) == [("XGE1/0/1", "SW1", "XGE1/0/30")]


def test_17_an_interface_of_two_words_or_stuck_to_the_platform() -> None:
    table = lldp.parse(
        "Device ID        Local Intrfce     Holdtme    Capability  Platform  Port ID\n"
        "RX-SWV           Fas 0/1           167               T S   WS-C3524-XFas 0/13\n"
    )
    assert (table[0].local_interface, table[0].platform, table[0].port_id) == ("Fas 0/1", "WS-C3524-X", "Fas 0/13")


def test_18_eos_port_ids_in_quotes() -> None:
    text = (
        'Interface Ethernet1 detected 1 LLDP neighbors:\n\n  Neighbor 2cc2.6081.eaf9/"Ethernet2", age 12 seconds\n'
        "  - Chassis ID type: MAC address (4)\n    Chassis ID     : 2cc2.6081.eaf9\n"
        "  - Port ID type: Interface name (5)\n"
        '    Port ID     : "Ethernet2"\n  - Time To Live: 120 seconds\n  - System Name: "spine2"\n'
    )
    tree = {
        "lldpNeighbors": {
            "Ethernet1": {
                "lldpNeighborInfo": [
                    {
                        "chassisId": "2cc2.6081.eaf9",
                        "chassisIdType": "macAddress",
                        "systemName": "spine2",
                        "ttl": 120,
                        "neighborInterfaceInfo": {"interfaceId": '"Ethernet2"', "interfaceIdType": "interfaceName"},
                    }
                ]
            }
        }
    }
    for table in (lldp.parse(text), lldp.parse(json.dumps(tree)), lldp.parse(tree)):
        assert links(table) == [("Ethernet1", "spine2", "Ethernet2")]
        assert table[0].chassis_id == "2c:c2:60:81:ea:f9"
        assert table.platform == "arista_eos"


@pytest.mark.parametrize("several", [False, True])
def test_19_nxos_json_with_repeated_keys_and_rows_by_count(several: bool) -> None:
    row = (
        '{"chassis_type": "7", "chassis_id": "leaf%d", "l_port_id": "Eth1/%d", "hold_time": "120",'
        ' "capability": "bridge", "capability": "router", "port_type": "7", "port_id": "Ethernet1"}'
    )
    rows = f"[{row % (1, 1)}, {row % (2, 2)}]" if several else row % (1, 1)
    table = lldp.parse('{"TABLE_nbor": {"ROW_nbor": %s}, "neigh_count": "%d"}' % (rows, 1 + several))  # noqa: UP031
    assert links(table) == [(f"Eth1/{n}", f"leaf{n}", "Ethernet1") for n in range(1, 2 + several)]
    assert {str(word) for word in table[0].capabilities_enabled} == {"MAC_BRIDGE", "ROUTER"}
    assert table[0].chassis_id is None
    assert table.complete


def test_20_lldpctl_json_by_count_and_json0() -> None:
    inner = {
        "via": "LLDP",
        "chassis": {"sw1": {"id": {"type": "mac", "value": "00:11:22:33:44:55"}}},
        "port": {"id": {"type": "ifname", "value": "swp1"}},
    }
    regular = {
        "name": "eth0",
        "via": "LLDP",
        "chassis": [{"id": [{"type": "mac", "value": "00:11:22:33:44:55"}], "name": [{"value": "sw1"}]}],
        "port": [{"id": [{"type": "ifname", "value": "swp1"}]}],
    }
    for tree in (
        {"lldp": {"interface": {"eth0": inner}}},
        {"lldp": {"interface": [{"eth0": inner}]}},
        {"lldp": [{"interface": [regular]}]},
    ):
        table = lldp.parse(json.dumps(tree))
        assert links(table) == [("eth0", "sw1", "swp1")]
        assert table[0].port_id_type is PortIdType.INTERFACE_NAME
        assert table[0].chassis_id_type is ChassisIdType.MAC_ADDRESS
    assert len(lldp.parse({"lldp": {"interface": [{"eth0": inner}, {"eth1": inner}, {"eth1": inner}]}})) == 3
    assert lldp.parse({"lldp": {}}).complete


@pytest.mark.parametrize(
    ("port", "kind", "description", "expected"),
    [
        ("0060.abbc.abbc", "", "LAN Port", "LAN Port"),
        ("666", "", "ge-0/0/1.0", "ge-0/0/1.0"),
        ("5", "Port ID subtype: Local\n", "5", "5"),
        ("5", "", "uplink to core", "5"),
        ("Gi0/1", "", "uplink to core", "Gi0/1"),
    ],
)
def test_21_a_port_id_that_is_no_name(port: str, kind: str, description: str, expected: str) -> None:
    table = lldp.parse(
        f"Local Intf: Gi1/0/1\nChassis id: 0019.2fa7.b28d\n{kind}Port id: {port}\nPort Description: {description}\n"
    )
    assert table[0].remote_interface == expected


def test_22_routeros_names_a_port_with_its_bridge() -> None:
    table = lldp.parse(
        ' 0 interface=ether10,bridge_255_mgmt address=1.2.4.5 mac-address=12:34:56:78:90:AB identity="CLEAR"'
        ' platform="MikroTik" version="7.15.1 (stable)" age=7s uptime=1d8h board="RB450Gx4"'
        ' interface-name="bridge1/ether2" system-description="MikroTik RouterOS" system-caps=bridge,router'
        " system-caps-enabled=router\n"
    )
    row = table[0]
    assert links(table) == [("ether10,bridge_255_mgmt", "CLEAR", "bridge1/ether2")]
    key = lldp.interfaces.interface_key
    assert key(row.local_interface) == key("ether10")
    assert key(row.port_id or "") == key("ether2")
    assert (row.protocol, row.kind) == (lldp.Protocol.MNDP, "router")


def test_23_what_a_terminal_adds() -> None:
    table = lldp.parse(
        "\x1b[Ksw1#show lldp neighbors\r\n*Jan  1 00:00:00.000: %LINK-3-UPDOWN: Interface Gi0/9, changed state\r\n"
        + IOS.replace("\n", "\r\n")
        + "s1                  Gi0/3          120        R               Gi0/1\r\n"
        " --More-- \x08\x08\x08\x08\x08\x08\x08\x08\x08\x08          \x08\x08\x08\x08\x08\x08\x08\x08\x08\x08"
        "s2                  Gi0/4          120        R               Gi0/1\r\n"
        "--More--\r        \r                    Gi0/5          120        R               Gi0/2\r\n"
        "\r\nTotal entries displayed: 3\r\n\r\nsw1#"
    )
    assert [row.local_interface for row in table] == ["Gi0/3", "Gi0/4", "Gi0/5"]
    assert table.device == "sw1"
    assert not any("declares" in reason for reason in reasons(table))
    refused = lldp.parse("sw1#show lldp neighbors\n% LLDP is not enabled\nsw1#")
    assert (len(refused), refused.complete, reasons(refused)) == (0, False, ["the device refused"])


def test_24_junos_without_a_parent_column() -> None:
    table = lldp.parse(
        "Local Interface    Chassis Id          Port info     System Name\n"
        "xe-3/0/4.0         b0:c6:9a:63:80:40   xe-0/0/0.0    newtonh_switch\n"
    )
    assert links(table) == [("xe-3/0/4.0", "newtonh_switch", "xe-0/0/0.0")]


def test_25_ports_that_hear_nobody_are_no_neighbors() -> None:
    table = lldp.parse(
        "\r\nLLDP Remote Device Summary\r\n\r\nLocal\r\n"
        "Interface  RemID   Chassis ID            Port ID             System Name\r\n"
        "--------- -------  --------------------  ------------------  ------------------\r\n"
        "0/5        20      F4:DB:E6:00:AC:FE     Te2/1               abc-1-00005M\r\n"
        "0/25\r\n0/26\r\n"
        "0/35       8       6C:00:C5:4D:86:3A     6C:00:C5:4D:86:3B   abc-aa-acc-sw ...\r\n"
    )
    assert links(table) == [("0/5", "abc-1-00005M", "Te2/1"), ("0/35", "abc-aa-acc-sw", "6c:00:c5:4d:86:3b")]
    assert table.complete
