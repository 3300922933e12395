"""Platforms that ntc-templates does not know, by the words of their headers and keys.

The outputs are made up here after the vendors' manuals; no reader has a rule for one of them alone.
"""

from __future__ import annotations

import pytest

from flowparse import lldp

Link = tuple[str, str | None, str | None, str | None]  # local interface, system name, port id, chassis id

JUNOS_DETAIL = """LLDP Neighbor Information:
Local Information:
Index: 7 Time to live: 120 Time mark: Tue May 24 08:20:38 2022 Age: 17 secs
Local Interface    : xe-0/0/0
Parent Interface   : ae0
Local Port ID      : 512
Ageout Count       : 0

Neighbour Information:
Chassis type       : Mac address
Chassis ID         : 00:1b:21:aa:bb:cc
Port type          : Interface name
Port ID            : xe-0/0/47
Port description   : to-spine-1
System name        : leaf1.example.net

System Description : Juniper Networks, Inc. qfx5100-48s-6q Ethernet Switch, kernel JUNOS 18.4R2-S4,
Build date: 2020-04-02 Copyright (c) 1996-2020 Juniper Networks, Inc.

System capabilities
        Supported: Bridge Router
        Enabled  : Bridge Router

Management Info
        Type              : IPv4
        Address           : 10.1.1.1
        Port ID           : 34
        Subtype           : 1
        Interface Subtype : ifIndex(2)
        OID               : 1.3.6.1.2.1.31.1.1.1.1.34.
Media endpoint class: Network Connectivity

Organization Info
       OUI      : IEEE 802.3 Private (0x00120f)
       Subtype  : MAC/PHY Configuration/Status (1)
       Info     : Autonegotiation [supported, enabled (0x3)], PMD Autonegotiation Capability (0x6c01), MAU Type (0x0)
       Index    : 1

       OUI      : Ethernet Bridged (0x0080c2)
       Subtype  : Port Vid (1)
       Info     : VLAN Id: 100
       Index    : 2
"""

DELL_OS10 = """Loc PortID          Rem Host Name        Rem Port Id               Rem Chassis Id
-------------------------------------------------------------------------------
ethernet1/1/1       os10-2               ethernet1/1/1             4c:76:25:f4:ab:01
ethernet1/1/2:1     Not Advertised       Gi 0/1                    4c:76:25:f4:ab:02
mgmt1/1/1           S3048-ON             GigabitEthernet 1/24      4c:76:25:f4:ab:03
"""

DELL_OS9_DETAIL = """========================================================================
 Local Interface Te 0/2 has 1 neighbor
  Total Frames Out: 16843
  Total Frames In: 17464
  Total Neighbor information Age outs: 0
  Total Multiple Neighbors Detected: 0
  Total Frames Discarded: 0
  Total In Error Frames: 0
  Total Unrecognized TLVs: 0
  Total TLVs Discarded: 0
  Next packet will be sent after 16 seconds
  The neighbors are given below:
  -----------------------------------------------------------------------

    Remote Chassis ID Subtype: Mac address (4)
    Remote Chassis ID:  00:00:c9:ad:f6:12
    Remote Port Subtype:  Mac address (3)
    Remote Port ID:  00:00:c9:ad:f6:12
    Local Port ID: TenGigabitEthernet 0/2
    Locally assigned remote Neighbor Index: 4
    Remote TTL:  120
    Information valid for next 105 seconds
    Time since last information change of this neighbor:  1d21h56m
   ---------------------------------------------------------------------------
"""

EXOS_DETAIL = """
  LLDP Port 1 detected 1 neighbor
    Neighbor: 00:04:96:98:1e:01/1:1, age 12 seconds
      - Chassis ID type: MAC address (4)
        Chassis ID     : 00:04:96:98:1E:01
      - Port ID type: ifName (5)
        Port ID     : "1:1"
      - Time To Live: 120 seconds
      - System Name: "x440-1"
      - System Description: "ExtremeXOS (X440G2-48t-10G4) version 22.7.1.2 by release-manager \\
                             on Wed Jun 5 09:45:47 EDT 2019"
      - System Capabilities : "Bridge, Router"
        Enabled Capabilities: "Bridge, Router"
      - Management Address Subtype: IPv4 (1)
        Management Address        : 10.1.1.1
        Interface Number Subtype  : System Port Number (3)
        Interface Number          : 0
        Object ID String          : "1.3.6.1.4.1.1916.2.167"
      - IEEE802.3 MAC/PHY Configuration/Status
        Auto-negotiation           : Supported, Enabled (0x03)
        Operational MAU Type       : 1000BaseTFD (30)
"""

EXOS = """
             Neighbor                      Neighbor        Neighbor
 Port        Chassis ID                    Port ID         TTL     Age    System Name
===============================================================================
 1           00:04:96:98:1E:01             1:1             120     12     x440-1
 2           00:04:96:98:1E:02             2:1             120     12     x440-2
===============================================================================
NOTE: The Chassis ID and/or Port ID might be truncated to fit the screen.
"""

SROS = """===============================================================================
Link Layer Discovery Protocol (LLDP) System Information
===============================================================================
NB = nearest-bridge   NTPMR = nearest-non-tpmr   NC = nearest-customer
===============================================================================
Lcl Port      Scope Remote Chassis ID  Index  Remote Port     Remote Sys Name
-------------------------------------------------------------------------------
1/1/1         NB    D8:1D:FF:00:00:01  1      1/1/1, 10-Gig*  sr2
1/1/2         NB    D8:1D:FF:00:00:02  2      35684352        sr3
===============================================================================
* indicates that the corresponding row element may have been truncated.
Number of neighbors : 2
"""

SRLINUX = """  +--------------+-------------------+----------------------+---------------------+---------------+
  |     Name     |     Neighbor      | Neighbor System Name | Neighbor Chassis ID | Neighbor Port |
  +==============+===================+======================+=====================+===============+
  | ethernet-1/1 | 00:01:01:FF:00:00 | srl2                 | 00:01:01:FF:00:00   | ethernet-1/1  |
  | mgmt0        | 00:01:02:FF:00:00 | srl3                 | 00:01:02:FF:00:00   | mgmt0         |
  +--------------+-------------------+----------------------+---------------------+---------------+
"""

AOSCX = """
LLDP Neighbor Information
=========================

Total Neighbor Entries          : 2
Total Neighbor Entries Deleted  : 0
Total Neighbor Entries Dropped  : 0
Total Neighbor Entries Aged-Out : 0

LOCAL-PORT  CHASSIS-ID         PORT-ID                      PORT-DESC                    TTL      SYS-NAME
-----------------------------------------------------------------------------------------------------------
1/1/1       70:3a:0e:cd:41:fe  70:3a:0e:cd:41:fe            eth0                         120      ap-1
1/1/49      90:20:c2:bc:ed:00  1/1/50                       1/1/50                       120      core switch 1
"""

HUAWEI_BRIEF = """Local Intf       Neighbor Dev             Neighbor Intf             Exptime(s)
GE0/0/1          HUAWEI-2                 GigabitEthernet0/0/1      101
XGE0/0/2         -                        00e0-fc12-3456            97
"""

HUAWEI_CE_BRIEF = """Local Interface         Exptime(s) Neighbor Interface            Neighbor Device
-------------------------------------------------------------------------------------
10GE1/0/1                    107   10GE1/0/2                     CE2
MEth0/0/0                     96   GigabitEthernet0/0/12
"""

VYOS = """Capability Codes: R - Router, B - Bridge, W - Wlan r - Repeater, S - Station
                  D - Docsis, T - Telephone, O - Other

Device ID                 Local     Proto  Cap   Platform             Port ID
---------                 -----     -----  ---   --------             -------
BR2.vyos.net              eth0      LLDP   R     VyOS 1.2.4           eth1
BR3.vyos.net              eth0      LLDP   RB    VyOS 1.2.4           eth2
SW1.vyos.net              eth0      LLDP   B     Cisco IOS Software   GigabitEthernet0/6
"""

FORTISWITCH = """
 Capability codes:
        R:Router, B:Bridge, T:Telephone, C:DOCSIS Cable Device
        W:WLAN Access Point, P:Repeater, S:Station, O:Other
 MED type codes:
        Generic:Generic Endpoint (Class I), Media:Media Endpoint (Class II)

  Portname       Status   Device-name                   TTL   Capability MED-type Port-ID        EEE(RX/TX-Tw)
  _______________  _______  ____________________________  _____ __________ ________ _______________ _____________
  port1            Up       S448DN3X15000026              120   BR         Network  port2           0/0
  port3            Down     -                             -     -          -        -               -
"""

EDGESWITCH = """
LLDP Remote Device Summary

Local
Interface  RemID   Chassis ID            Port ID             System Name
---------  ------  --------------------  ------------------  ------------------
0/1        1       78:8A:20:11:22:33     eth0                UAP-AC-Pro
0/2
"""

ELTEX = """
System capability legend:
B - Bridge; R - Router; W - Wlan Access Point; T - telephone;
D - DOCSIS Cable Device; H - Host; r - Repeater;
TP - Two Ports MAC Relay; S - S-VLAN; C - C-VLAN; O - Other

  Port        Device ID          Port ID       System Name    Capabilities  TTL
--------- ----------------- ----------------- ------------- ------------ -----
gi1/0/15  e0:d9:e3:11:22:33   gi1/0/1          ms2428           B, R       118
te1/0/1   a8:f9:4b:aa:bb:cc   te1/0/2                           O          97
"""

AOSCX_DETAIL = """LLDP Neighbor Information
=========================
Total Neighbor Entries          : 2
--------------------------------------------------------------------------------
Port                           : 1/1/1
Neighbor Entries               : 2
Neighbor Chassis-Name          : phone
Neighbor Chassis-ID            : 70:3a:0e:cd:41:fe
Neighbor Port-ID               : p1
TTL                            : 120

Neighbor Chassis-Name          : pc
Neighbor Chassis-ID            : 70:3a:0e:cd:41:ff
Neighbor Port-ID               : p2
TTL                            : 120
"""

PROCURVE = """
 LLDP Remote Devices Information

  LocalPort | ChassisId                 PortId PortDescr SysName
  --------- + ------------------------- ------ --------- ----------------------
  1         | 00 1b 4f 33 2a 11         00 ... eth0      phone
  1         | 00 1b 4f 33 2a 12         00 ... eth0      pc
  B21       | 00 1b 4f 33 2a 13         A1     A1        core
"""

XR_DETAIL = """------------------------------------------------
Local Interface: TenGigE0/0/0/2
Parent Interface: Bundle-Ether1
Chassis id: 70e4.2261.6cfe
Port id: TenGigE0/0/0/2
Port Description - not advertised
System Name: a b

System Description:
 6.6.2, ASR9K

Time remaining: 92 seconds
Hold Time: 120 seconds
Age: 7 seconds
System Capabilities: R
Enabled Capabilities: R
Management Addresses:
  IPv4 address: 172.27.218.147
  IPv6 address: 2001:db8::ff:1

Peer MAC Address: 08:96:ad:66:c4:3a

Total entries displayed: 1
"""

CASES: dict[str, tuple[str, str | None, list[Link]]] = {
    "junos_detail": (
        JUNOS_DETAIL,
        "juniper_junos",
        [("xe-0/0/0", "leaf1.example.net", "xe-0/0/47", "00:1b:21:aa:bb:cc")],
    ),
    "dell_os10": (
        DELL_OS10,
        "dell_os10",
        [
            ("ethernet1/1/1", "os10-2", "ethernet1/1/1", "4c:76:25:f4:ab:01"),
            ("ethernet1/1/2:1", None, "Gi 0/1", "4c:76:25:f4:ab:02"),
            ("mgmt1/1/1", "S3048-ON", "GigabitEthernet 1/24", "4c:76:25:f4:ab:03"),
        ],
    ),
    "dell_os9_detail": (
        DELL_OS9_DETAIL,
        "dell_os9",
        [("TenGigabitEthernet 0/2", None, "00:00:c9:ad:f6:12", "00:00:c9:ad:f6:12")],
    ),
    "exos_detail": (EXOS_DETAIL, "extreme_exos", [("1", "x440-1", "1:1", "00:04:96:98:1e:01")]),
    "exos": (EXOS, None, [("1", "x440-1", "1:1", "00:04:96:98:1e:01"), ("2", "x440-2", "2:1", "00:04:96:98:1e:02")]),
    "sros": (
        SROS,
        "nokia_sros",
        [("1/1/1", "sr2", "1/1/1, 10-Gig*", "d8:1d:ff:00:00:01"), ("1/1/2", "sr3", "35684352", "d8:1d:ff:00:00:02")],
    ),
    "srlinux": (
        SRLINUX,
        "nokia_srlinux",
        [
            ("ethernet-1/1", "srl2", "ethernet-1/1", "00:01:01:ff:00:00"),
            ("mgmt0", "srl3", "mgmt0", "00:01:02:ff:00:00"),
        ],
    ),
    "aoscx": (
        AOSCX,
        "aruba_aoscx",
        [
            ("1/1/1", "ap-1", "70:3a:0e:cd:41:fe", "70:3a:0e:cd:41:fe"),
            ("1/1/49", "core switch 1", "1/1/50", "90:20:c2:bc:ed:00"),
        ],
    ),
    "huawei_brief": (
        HUAWEI_BRIEF,
        "huawei_vrp",
        [("GE0/0/1", "HUAWEI-2", "GigabitEthernet0/0/1", None), ("XGE0/0/2", None, "00:e0:fc:12:34:56", None)],
    ),
    "huawei_ce_brief": (
        HUAWEI_CE_BRIEF,
        "huawei_vrp",
        [("10GE1/0/1", "CE2", "10GE1/0/2", None), ("MEth0/0/0", None, "GigabitEthernet0/0/12", None)],
    ),
    "vyos": (
        VYOS,
        "vyos",
        [
            ("eth0", "BR2.vyos.net", "eth1", None),
            ("eth0", "BR3.vyos.net", "eth2", None),
            ("eth0", "SW1.vyos.net", "GigabitEthernet0/6", None),
        ],
    ),
    "fortiswitch": (FORTISWITCH, "fortinet", [("port1", "S448DN3X15000026", "port2", None)]),
    "edgeswitch": (EDGESWITCH, "broadcom_icos", [("0/1", "UAP-AC-Pro", "eth0", "78:8a:20:11:22:33")]),
    "eltex": (
        ELTEX,
        "cisco_s300",
        [("gi1/0/15", "ms2428", "gi1/0/1", "e0:d9:e3:11:22:33"), ("te1/0/1", None, "te1/0/2", "a8:f9:4b:aa:bb:cc")],
    ),
    "aoscx_detail": (
        AOSCX_DETAIL,
        "aruba_aoscx",
        [("1/1/1", "phone", "p1", "70:3a:0e:cd:41:fe"), ("1/1/1", "pc", "p2", "70:3a:0e:cd:41:ff")],
    ),
    "procurve": (
        PROCURVE,
        "hp_procurve",
        [
            ("1", "phone", "00 ...", "00:1b:4f:33:2a:11"),
            ("1", "pc", "00 ...", "00:1b:4f:33:2a:12"),
            ("B21", "core", "A1", "00:1b:4f:33:2a:13"),
        ],
    ),
    "xr_detail": (XR_DETAIL, "cisco_xr", [("TenGigE0/0/0/2", "a b", "TenGigE0/0/0/2", "70:e4:22:61:6c:fe")]),
}


@pytest.mark.parametrize("name", CASES)
def test_every_row_is_read_and_nothing_is_left(name: str) -> None:
    text, platform, links = CASES[name]
    table = lldp.parse(text)
    assert [(row.local_interface, row.system_name, row.port_id, row.chassis_id) for row in table] == links
    assert table.problems == ()
    assert table.platform == platform


@pytest.mark.parametrize("name", CASES)
def test_the_platform_may_be_told(name: str) -> None:
    text, _, links = CASES[name]
    assert len(lldp.parse(text, platform="unheard_of")) == len(links)


def test_what_a_detailed_output_says_beside_names() -> None:
    row = lldp.parse(JUNOS_DETAIL)[0]
    assert (row.parent_interface, row.ttl, row.age) == ("ae0", 120, 17.0)
    assert [address.address for address in row.management_addresses] == ["10.1.1.1"]
    assert row.kind == "switch"
    assert row.system_description is not None
    assert row.system_description.endswith("Juniper Networks, Inc.")
    row = lldp.parse(XR_DETAIL)[0]
    assert (row.parent_interface, row.ttl, row.age) == ("Bundle-Ether1", 120, 7.0)
    assert [address.family for address in row.management_addresses] == ["ipv4", "ipv6"]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("noise", ["%%% unheard of %%%", "zzz zzz zzz zzz zzz"])
def test_a_strange_line_in_it_is_told(name: str, noise: str) -> None:
    """Behind the last row: what no reader knows is a problem, or is kept as the end of a description."""
    text = CASES[name][0]
    table = lldp.parse(f"{text}\n{noise}\n")
    told = any(noise in problem.text for problem in table.problems)
    kept = any(noise in str(row.to_dict()) for row in table)
    assert told or kept
