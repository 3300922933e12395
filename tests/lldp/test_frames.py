"""LLDP frames: every TLV by IEEE 802.1AB, real frames both ways, and damage that never raises."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import flowparse as fp
from flowparse import lldp
from flowparse.lldp import Capability, ChassisIdType, Lldpdu, ManagementAddress, Neighbor, OrgTlv, PortIdType
from tests.shared import SHARED, needs_shared

HEADER = bytes.fromhex("0180c200000e 020000000001 88cc")


def tlv(kind: int, body: bytes) -> bytes:
    return struct.pack(">H", kind << 9 | len(body)) + body


def org(oui: str, subtype: int, body: bytes) -> bytes:
    return tlv(127, bytes.fromhex(oui) + bytes([subtype]) + body)


CHASSIS = tlv(1, b"\x04" + bytes.fromhex("020000000001"))
PORT = tlv(2, b"\x05Gi0/1")
TTL = tlv(3, b"\0\x78")
END = b"\0\0"


def frame(*parts: bytes) -> bytes:
    return HEADER + CHASSIS + PORT + TTL + b"".join(parts) + END


def test_the_mandatory_tlvs() -> None:
    pdu = lldp.decode(frame(), device="r1", interface="Gi0/9")
    neighbor = pdu.neighbor
    assert (neighbor.chassis_id, neighbor.chassis_id_type) == ("02:00:00:00:00:01", ChassisIdType.MAC_ADDRESS)
    assert (neighbor.port_id, neighbor.port_id_type, neighbor.ttl) == ("Gi0/1", PortIdType.INTERFACE_NAME, 120)
    assert (neighbor.local_device, neighbor.local_interface) == ("r1", "Gi0/9")
    assert (pdu.destination, pdu.source, pdu.vlan_tags) == ("01:80:c2:00:00:0e", "02:00:00:00:00:01", ())
    assert (pdu.problems, pdu.shutdown) == ((), False)


@pytest.mark.parametrize(
    ("subtype", "value", "text"),
    [
        (1, b"chassis 7", "chassis 7"),
        (4, bytes(range(6)), "00:01:02:03:04:05"),
        (4, bytes(5), "0000000000"),
        (5, b"\x01\x0a\0\0\x01", "10.0.0.1"),
        (5, b"\x02" + bytes(15) + b"\x01", "::1"),
        (5, b"\x06" + bytes(range(6)), "00:01:02:03:04:05"),
        (5, b"\x09abc", "616263"),
        (7, b"name\0\0", "name"),
        (7, b"\xff\xfe", "fffe"),
        (7, b"a\x01", "6101"),
    ],
)
def test_chassis_ids(subtype: int, value: bytes, text: str) -> None:
    pdu = lldp.decode(HEADER + tlv(1, bytes([subtype]) + value) + PORT + TTL + END)
    assert pdu.neighbor.chassis_id == text
    assert pdu.neighbor.chassis_id_type is list(ChassisIdType)[subtype - 1]


def test_the_optional_basic_tlvs() -> None:
    mgmt = b"\x05\x01\x0a\0\0\x01\x02\0\0\0\x07\x03\x2b\x06\x01"
    pdu = lldp.decode(
        frame(
            tlv(4, b"to r2"), tlv(5, b"r1.example\0"), tlv(6, "größe".encode()), tlv(7, b"\0\x14\0\x10"), tlv(8, mgmt)
        )
    )
    row = pdu.neighbor
    assert (row.port_description, row.system_name, row.system_description) == ("to r2", "r1.example", "größe")
    assert row.capabilities == {Capability.MAC_BRIDGE, Capability.ROUTER}
    assert row.capabilities_enabled == {Capability.ROUTER}
    assert row.management_addresses == (ManagementAddress("10.0.0.1", "ipv4", 7, "ifIndex", "1.3.6.1"),)
    assert pdu.problems == ()
    assert lldp.encode(pdu) == frame(
        *(
            tlv(kind, body)
            for kind, body in (
                (4, b"to r2"),
                (5, b"r1.example\0"),
                (6, "größe".encode()),
                (7, b"\0\x14\0\x10"),
                (8, mgmt),
            )
        )
    )


ORG_TLVS: list[tuple[str, int, bytes, str, dict[str, Any]]] = [
    ("0080c2", 1, b"\0\x0a", "port_vlan_id", {"vlan_id": 10}),
    ("0080c2", 2, b"\x06\0\x05", "port_and_protocol_vlan_id", {"supported": True, "enabled": True, "vlan_id": 5}),
    ("0080c2", 3, b"\0\x02\x04blue", "vlan_name", {"vlan_id": 2, "name": "blue"}),
    ("0080c2", 4, b"\x02\x88\xcc", "protocol_identity", {"protocol": "88cc"}),
    ("0080c2", 6, b"\0\x63", "management_vid", {"vlan_id": 99}),
    ("0080c2", 7, b"\x03\0\0\0\x09", "link_aggregation", {"capable": True, "enabled": True, "port_id": 9}),
    (
        "0080c2",
        11,
        b"\x83\x09",
        "pfc_configuration",
        {"willing": True, "mbc": False, "capability": 3, "enabled_priorities": [0, 3]},
    ),
    (
        "0080c2",
        12,
        b"\0\x61\x89\x06",
        "application_priority",
        {"applications": [{"priority": 3, "selector": 1, "protocol": 0x8906}]},
    ),
    (
        "00120f",
        1,
        b"\x03\x6c\x01\0\x1e",
        "mac_phy_configuration",
        {"autonegotiation_supported": True, "autonegotiation_enabled": True, "pmd_capability": 0x6C01, "mau_type": 30},
    ),
    (
        "00120f",
        2,
        b"\x07\x01\x04",
        "power_via_mdi",
        {
            "port_class": "PSE",
            "supported": True,
            "enabled": True,
            "pairs_controllable": False,
            "pairs": 1,
            "power_class": 4,
        },
    ),
    ("00120f", 3, b"\x01\0\0\0\0", "link_aggregation", {"capable": True, "enabled": False, "port_id": 0}),
    ("00120f", 4, b"\x05\xf2", "maximum_frame_size", {"octets": 1522}),
    (
        "0012bb",
        1,
        b"\0\x0f\x04",
        "med_capabilities",
        {
            "capabilities": ["capabilities", "network_policy", "location", "power_pse"],
            "device_class": "network_connectivity",
        },
    ),
    (
        "0012bb",
        2,
        b"\x01\x40\x15\x6e",
        "med_network_policy",
        {"application": 1, "unknown": False, "tagged": True, "vlan_id": 10, "priority": 5, "dscp": 46},
    ),
    (
        "0012bb",
        3,
        b"\x02\x0d\x02DE\x03\x04Bonn\x13\x0112",
        "med_location",
        {"format": "civic", "what": 2, "country": "DE", "city": "Bonn", "house_number": "1"},
    ),
    ("0012bb", 3, b"\x0315551212", "med_location", {"format": "elin", "number": "15551212"}),
    ("0012bb", 4, b"\x51\0\x41", "med_extended_power", {"type": "PD", "source": 1, "priority": 1, "mw": 6500}),
    ("0012bb", 10, b"CP-7962G", "med_model", {"text": "CP-7962G"}),
    ("00005e", 1, b"https://mud.example/x", "mud_url", {"text": "https://mud.example/x"}),
]


@pytest.mark.parametrize(
    ("oui", "subtype", "body", "name", "value"), ORG_TLVS, ids=[f"{row[3]}-{row[0]}" for row in ORG_TLVS]
)
def test_organizational_tlvs(oui: str, subtype: int, body: bytes, name: str, value: dict[str, Any]) -> None:
    pdu = lldp.decode(frame(org(oui, subtype, body)))
    (found,) = pdu.neighbor.tlvs
    assert (found.name, dict(found.value), found.octets) == (name, value, body)
    assert found.oui == bytes.fromhex(oui).hex(":")
    assert pdu.problems == ()


@pytest.mark.parametrize("row", ORG_TLVS, ids=lambda row: row[3])
def test_a_tlv_cut_at_every_octet_keeps_what_is_there(row: tuple[str, int, bytes, str, dict[str, Any]]) -> None:
    oui, subtype, body, _, _ = row
    for length in range(len(body)):
        pdu = lldp.decode(frame(org(oui, subtype, body[:length])))
        assert pdu.neighbor.tlvs[0].octets == body[:length]
        assert pdu.neighbor.to_dict()["tlvs"][0]["octets"] == body[:length].hex()


def test_power_of_802_3bt() -> None:
    body = (
        bytes([7, 1, 5, 0x42, 0, 255, 0, 254]) + bytes.fromhex("0100 0101 0102 0103 0000 00 0200 00 000000") + bytes(4)
    )
    (found,) = lldp.decode(frame(org("00120f", 2, body))).neighbor.tlvs
    assert len(body) == 29
    assert found.value["pd_requested_mw"] == 25500
    assert found.value["pse_allocated_b_mw"] == 25900
    assert found.value["pse_maximum_mw"] == 51200


def test_a_location_in_coordinates() -> None:
    latitude, longitude = int(34.5 * 2**25) & (1 << 34) - 1, int(-56.25 * 2**25) & (1 << 34) - 1
    bits = latitude << 88 | longitude << 48 | 1 << 44 | int(10.5 * 256) << 8 | 1
    (found,) = lldp.decode(frame(org("0012bb", 3, b"\x01" + bits.to_bytes(16, "big")))).neighbor.tlvs
    assert (found.value["latitude"], found.value["longitude"], found.value["altitude"]) == (34.5, -56.25, 10.5)


def test_what_is_not_known_is_kept_raw() -> None:
    pdu = lldp.decode(frame(org("abcdef", 9, b"xyz"), tlv(42, b"??")))
    assert pdu.neighbor.tlvs == (OrgTlv("ab:cd:ef", 9, b"xyz"), OrgTlv("", 0, b"??", 42))
    assert [tlv.name for tlv in pdu.neighbor.tlvs] == [None, None]
    assert lldp.encode(pdu) == frame(org("abcdef", 9, b"xyz"), tlv(42, b"??"))


def test_a_goodbye() -> None:
    pdu = lldp.decode(HEADER + CHASSIS + PORT + tlv(3, b"\0\0") + END)
    assert pdu.shutdown


@pytest.mark.parametrize("tags", [(), (5,), (0x6005, 7)])
def test_vlan_tags_before_the_ethertype(tags: tuple[int, ...]) -> None:
    octets = frame()
    tagged = octets[:12] + b"".join(b"\x81\x00" + tag.to_bytes(2, "big") for tag in tags) + octets[12:]
    pdu = lldp.decode(tagged)
    assert pdu.vlan_tags == tags
    assert pdu.neighbor.port_id == "Gi0/1"
    assert lldp.encode(pdu) == tagged


@pytest.mark.parametrize(
    ("octets", "lossy"),
    [
        (b"", True),
        (HEADER[:13], True),
        (HEADER, True),
        (HEADER[:12] + b"\x08\0" + bytes(40), True),
        (HEADER + PORT + CHASSIS + TTL + END, False),
        (HEADER + CHASSIS + PORT + END, True),
        (HEADER + CHASSIS + PORT + TTL, False),
        (HEADER + CHASSIS + CHASSIS + PORT + TTL + END, False),
        (HEADER + CHASSIS + PORT + tlv(3, b"\0") + END, True),
        (HEADER + tlv(1, b"\x04") + PORT + TTL + END, True),
        (HEADER + tlv(1, b"\x09x") + PORT + TTL + END, False),
        (frame(b"\x0b\xffshort"), True),
        (frame(tlv(8, b"")), True),
        (frame(tlv(8, b"\x05\x01\x0a\0\0\x01")), False),
        (frame(tlv(127, b"\0")), True),
        (frame(org("00120f", 1, b"")), False),
    ],
)
def test_damage_gives_a_record_and_a_problem(octets: bytes, lossy: bool) -> None:
    pdu = lldp.decode(octets)
    assert pdu.problems
    assert any(problem.lossy for problem in pdu.problems) == lossy


def test_padding_behind_the_end_is_no_matter() -> None:
    assert lldp.decode(frame() + bytes(30)).problems == ()


def test_what_is_no_buffer_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        lldp.decode("0180c2")  # type: ignore[arg-type]
    assert lldp.decode(memoryview(frame())) == lldp.decode(bytearray(frame())) == lldp.decode(frame())


# ── encoding ─────────────────────────────────────────────────────────────────────────────────────────────────────────


NEIGHBOR = Neighbor(
    local_interface="",
    chassis_id="02:00:00:00:00:07",
    chassis_id_type=ChassisIdType.MAC_ADDRESS,
    port_id="Ethernet1/1",
    port_id_type=PortIdType.INTERFACE_NAME,
    port_description="to leaf",
    system_name="spine1",
    system_description="two\nlines",
    capabilities=frozenset({Capability.MAC_BRIDGE, Capability.ROUTER}),
    capabilities_enabled=frozenset({Capability.ROUTER}),
    management_addresses=(
        ManagementAddress("192.0.2.1", "ipv4", 3, "ifIndex", "1.3.6.1.4.1.99999"),
        ManagementAddress("2001:db8::1", "ipv6"),
        ManagementAddress("02:00:00:00:00:09", "mac", 4, "port"),
    ),
    ttl=120,
    pvid=7,
    tlvs=(OrgTlv("00:80:c2", 1, b"\0\x07"), OrgTlv("00:12:bb", 10, b"model")),
)


def test_a_neighbor_goes_both_ways() -> None:
    pdu = Lldpdu.of(NEIGHBOR)
    again = lldp.decode(lldp.encode(pdu))
    assert again.problems == ()
    assert again.neighbor == NEIGHBOR
    assert again.tlvs == pdu.tlvs


@pytest.mark.parametrize(
    "change",
    [
        {"chassis_id": None},
        {"port_id": None},
        {"ttl": None},
        {"ttl": 65536},
        {"chassis_id": "no mac"},
        {"system_description": "x" * 512},
        {"management_addresses": (ManagementAddress("nowhere", "other"),)},
        {"management_addresses": (ManagementAddress("192.0.2.1", "ipv4", oid="x"),)},
    ],
    ids=str,
)
def test_what_fits_no_tlv_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(fp.EncodeError):
        lldp.encode(Lldpdu.of(replace(NEIGHBOR, **change)))


@given(
    chassis=st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable() and text.strip("\0") == text),
    name=st.none() | st.text(min_size=1, max_size=60).filter(lambda text: text.isprintable()),
    ttl=st.integers(1, 65535),
    have=st.frozensets(st.sampled_from(list(Capability)[:11])),
    tlvs=st.lists(st.tuples(st.integers(0, 0xFFFFFF), st.integers(0, 255), st.binary(max_size=60)), max_size=6),
)
def test_any_neighbor_goes_both_ways(
    chassis: str, name: str | None, ttl: int, have: frozenset[Capability], tlvs: list[tuple[int, int, bytes]]
) -> None:
    row = Neighbor(
        local_interface="",
        chassis_id=chassis,
        chassis_id_type=ChassisIdType.LOCAL,
        port_id="1",
        port_id_type=PortIdType.LOCAL,
        system_name=name,
        ttl=ttl,
        capabilities=have,
        capabilities_enabled=have,
        tlvs=tuple(
            OrgTlv(oui.to_bytes(3, "big").hex(":"), subtype, body)
            for oui, subtype, body in tlvs
            if (oui, subtype) != (0x0080C2, 1)
        ),
    )
    assert lldp.decode(lldp.encode(Lldpdu.of(row))).neighbor == row


# ── real frames ──────────────────────────────────────────────────────────────────────────────────────────────────────


def packets(path: Path) -> Iterator[bytes]:
    octets = path.read_bytes()
    if path.suffix == ".raw":
        yield octets
        return
    order = "<" if octets[:4] == b"\xd4\xc3\xb2\xa1" else ">"
    at = 24
    while len(octets) - at >= 16:
        length = struct.unpack_from(order + "I", octets, at + 8)[0]
        yield octets[at + 16 : at + 16 + length]
        at += 16 + length


def real_frames() -> list[tuple[str, bytes]]:
    if SHARED is None:
        return []
    root = SHARED / "lldp/pcap"
    paths = sorted((*root.rglob("*.pcap"), *root.rglob("fuzz_lldp_seed_corpus/*.raw")))
    return [
        (f"{path.stem}-{number}", octets)
        for path in paths
        for number, octets in enumerate(packets(path))
        if b"\x88\xcc" in octets[12:22]
    ]


REAL = real_frames()
BROKEN = ("lldp_8021_linkagg", "lldp_8023_mtu-oobr", "lldp_asan", "lldp_mgmt_addr_tlv_asan", "lldp-infinite-loop-2")


@needs_shared
def test_there_are_26_real_frames() -> None:
    assert len(REAL) == 26


@needs_shared
@pytest.mark.golden
@pytest.mark.parametrize(("name", "octets"), REAL, ids=[name for name, _ in REAL])
def test_a_real_frame_is_read_and_written_again(name: str, octets: bytes) -> None:
    pdu = lldp.decode(octets)
    assert bool(pdu.problems) == name.startswith(BROKEN)
    if not name.startswith(BROKEN):
        assert octets.startswith(lldp.encode(pdu))
        assert pdu.neighbor.chassis_id
        assert pdu.neighbor.ttl is not None


@needs_shared
@pytest.mark.golden
def test_what_lldpd_expects_of_its_captures() -> None:
    """The keys and values of lldpd's own tests (test_pcap.py) for a phone switch and a PoE switch."""
    frames = dict(REAL)
    small = lldp.decode(frames["sg200-0"]).neighbor
    values = {tlv.name: tlv.value for tlv in small.tlvs}
    assert (small.chassis_id, small.port_id, small.port_id_type) == (
        "00:35:35:35:35:35",
        "g1",
        PortIdType.INTERFACE_NAME,
    )
    assert values["med_capabilities"]["device_class"] == "network_connectivity"
    assert values["med_location"]["format"] == "civic"
    poe = lldp.decode(frames["8023bt-0"]).neighbor
    power = next(tlv.value for tlv in poe.tlvs if tlv.name == "power_via_mdi")
    assert (poe.system_name, poe.pvid, power["port_class"]) == ("cisco-bt-switch", 1, "PSE")


def mutated(rng: random.Random, octets: bytes) -> bytes:
    out = bytearray(octets)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(out)) if out else 0
        kind = rng.randrange(4)
        if kind == 0 and out:
            out[at] = rng.randrange(256)
        elif kind == 1:
            del out[at : at + rng.randint(1, 20)]
        elif kind == 2:
            out[at:at] = rng.randbytes(rng.randint(1, 20))
        else:
            del out[max(at, 14) :]
    return bytes(out)


def check_mutations(count: int, seed: int) -> None:
    rng = random.Random(seed)
    sources = [octets for _, octets in REAL] + [
        lldp.encode(Lldpdu.of(NEIGHBOR)),
        frame(*(org(*row[:3]) for row in ORG_TLVS)),
    ]
    for _ in range(count):
        pdu = lldp.decode(mutated(rng, rng.choice(sources)))
        hash(pdu.neighbor)
        repr(pdu)
        pdu.neighbor.to_dict()
        if len(pdu.tlvs) and not pdu.problems:
            assert lldp.decode(lldp.encode(pdu)).neighbor == pdu.neighbor


def test_mutated_frames_never_raise() -> None:
    check_mutations(5_000, 1)


@pytest.mark.slow
def test_a_hundred_thousand_mutated_frames_never_raise() -> None:
    check_mutations(100_000, 2)
