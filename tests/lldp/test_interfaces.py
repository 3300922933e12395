"""Interface names: spellings of one port have one key, other ports have others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowparse.lldp.interfaces import InterfaceKey, interface_key, is_management, looks_like_interface, natural

ONE = [
    ("Gi0/1", "GigabitEthernet0/1", "Gig 0/1", "gigabitethernet 0/1", "Gi 0/1", "GE0/1", " Gi0/1 ", '"Gi0/1"'),
    (
        "Te1/1/3",
        "TenGigabitEthernet1/1/3",
        "Ten 1/1/3",
        "Ten-GigabitEthernet1/1/3",
        "XGE1/1/3",
        "XGigabitEthernet1/1/3",
    ),
    ("TenGigE0/0/0/1", "Te0/0/0/1", "TenGigabitEthernet0/0/0/1"),
    ("Twe1/0/1", "TwentyFiveGigE1/0/1", "TwentyFiveGigabitEthernet1/0/1"),
    ("Fou1/0/22", "FourHundredGigE1/0/22", "FH1/0/22"),
    ("Hu0/0/0/1", "HundredGigE0/0/0/1", "HundredGigabitEthernet0/0/0/1", "100GE0/0/0/1"),
    ("Fo1/49", "FortyGigabitEthernet1/49", "FortyGigE1/49"),
    ("Eth1/1", "Ethernet1/1", "Et1/1", "eth1/1", "e1/1"),
    ("BE1", "Bundle-Ether1"),
    ("Po10", "port-channel10", "Port-channel10", "port-channel 10"),
    ("Mg0/RP0/CPU0/0", "MgmtEth0/RP0/CPU0/0"),
    ("Vl10", "Vlan10", "vlan 10"),
    ("ge-0/0/3", "ge-0/0/3.0"),
    ("Port 6", "port 6", "6", "06"),
    ("ether2", "bridge1/ether2", "ether2,bridge1"),
    ("Ma1", "Management1", "mgmt1"),
    ("Et49/1", "Ethernet49/1"),
]


@pytest.mark.parametrize("names", ONE, ids=lambda names: names[0])
def test_spellings_of_one_interface(names: tuple[str, ...]) -> None:
    assert len({interface_key(name) for name in names}) == 1


def test_no_two_of_them_are_one() -> None:
    keys = [interface_key(names[0]) for names in ONE]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("eth0", "Ethernet0"),
        ("Gi0/1", "Gi0/11"),
        ("Gi0/1", "Gi0/1.100"),
        ("Gi1/0/1", "Gi1/0/1/1"),
        ("Tw1/0/1", "Twe1/0/1"),
        ("ge-0/0/1.0", "ge-0/0/1.1"),
        ("sfp-sfpplus2", "sfp-sfpplus2.665"),
        ("swp1s0", "swp1s1"),
        ("1/1/1", "1/1/11"),
        ("xe-0/0/0:0", "xe-0/0/0:1"),
        ("Po1", "Eth1"),
        ("to-core", "to-edge"),
    ],
)
def test_other_interfaces_have_other_keys(one: str, other: str) -> None:
    assert interface_key(one) != interface_key(other)


def test_a_port_of_a_bridge_by_platform() -> None:
    assert interface_key("lan/uplink1", "mikrotik_routeros") == interface_key("uplink1")
    assert interface_key("lan/uplink1") != interface_key("uplink1")


@pytest.mark.parametrize(
    ("name", "management"),
    [
        ("mgmt0", True),
        ("Management0/0", True),
        ("Ma1/1", True),
        ("MgmtEth0/RSP0/CPU0/0", True),
        ("fxp0.0", True),
        ("me0", True),
        ("em1", True),
        ("vme.0", True),
        ("oob0", True),
        ("MEth0/0/0", True),
        ("M-GigabitEthernet0/0/0", True),
        ("Gi0/0", False),
        ("Eth1/1", False),
        ("ge-0/0/0", False),
        ("eth0", False),
        ("melange", False),
        ("1/1/1", False),
    ],
)
def test_management_ports_by_their_names(name: str, management: bool) -> None:
    assert is_management(name) == management


@pytest.mark.parametrize(
    "name",
    [
        "Gi0/1",
        "Gig 1/0/10",
        "ge-0/0/3.0",
        "swp1s0",
        "1/1/24",
        "A1",
        "gi27",
        "mgmt0",
        "port1.0.23",
        "ether10,bridge_255",
        "sfp-sfpplus2",
        "enp0s31f6",
        "vmnic0",
        "Eth1/49:1",
        "ethernet-1/1",
        "Bundle-Ether100",
        "0/25",
        "lan1",
        "MultiGE0/0/0",
    ],
)
def test_names_that_look_like_interfaces(name: str) -> None:
    assert looks_like_interface(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "to-core",
        "uplink",
        "WAN PORT",
        "switch Eth1/2",
        "0004.f2d1.2222",
        "r2.virl.info",
        "parent",
        "not advertised",
    ],
)
def test_names_that_do_not(name: str) -> None:
    assert not looks_like_interface(name)


def test_numbers_sort_as_numbers() -> None:
    names = ["Gi0/10", "Gi0/2", "gi0/1", "Ethernet1", "10", "9"]
    assert sorted(names, key=natural) == ["9", "10", "Ethernet1", "gi0/1", "Gi0/2", "Gi0/10"]


@given(st.text(max_size=40))
def test_any_text_has_a_key(text: str) -> None:
    key = interface_key(text)
    assert isinstance(key, InterfaceKey)
    assert interface_key(text) == key
    looks_like_interface(text)
    is_management(text)
    sorted([text, "x1"], key=natural)
