"""Sampled packets a second time: what the first octets of a packet say, in plain Python, for tests/naive.py."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

TAGS = (0x8100, 0x88A8, 0x9100, 0x9200, 0x9300)
WITH_PORTS = (6, 17, 33, 132, 136)
Row = dict[str, Any]


def u16(octets: bytes, at: int) -> int:
    return int.from_bytes(octets[at : at + 2])


def mac(octets: bytes) -> str:
    return octets.hex(":")


def snap(rest: bytes) -> tuple[int, bytes]:
    if rest[:3] == b"\x06\x06\x03":
        return 0x0800, rest[3:]
    if rest[:3] == b"\xaa\xaa\x03" and len(rest) >= 8:
        return (u16(rest, 6) if rest[3:6] == bytes(3) else 0), rest[8:]
    return 0, b""


def ethernet(octets: bytes, row: Row | None) -> tuple[int, bytes]:
    """EtherType, 0 for none, and what follows."""
    if len(octets) < 14:
        return 0, b""
    etype, rest = u16(octets, 12), octets[14:]
    if row is not None:
        row["dst_mac"], row["src_mac"] = mac(octets[:6]), mac(octets[6:12])
    while etype in TAGS:
        if len(rest) < 4:
            return 0, b""
        if row is not None:
            row.setdefault("vlan_id", u16(rest, 0) % 4096)
        etype, rest = u16(rest, 2), rest[4:]
    if etype < 0x0600:
        etype, rest = snap(rest)
    if row is not None and etype:
        row["etype"] = etype
    return etype, rest


def wireless(octets: bytes, row: Row) -> tuple[int, bytes]:
    """A data frame of 802.11."""
    if len(octets) < 24 or octets[0] & 0x0C != 0x08:
        return 0, b""
    to_ds, from_ds = octets[1] & 1, octets[1] & 2
    length = 24 + (6 if to_ds and from_ds else 0) + (2 if octets[0] & 0x80 else 0)
    if len(octets) < length:
        return 0, b""
    source = (24 if to_ds else 16) if from_ds else 10
    destination = 16 if to_ds else 4
    row["dst_mac"], row["src_mac"] = mac(octets[destination:][:6]), mac(octets[source:][:6])
    if octets[0] & 0x40 or octets[1] & 0x40:
        return 0, b""
    etype, rest = snap(octets[length:])
    if etype:
        row["etype"] = etype
    return etype, rest


def labels(rest: bytes, row: Row) -> tuple[int, bytes]:
    n = 0
    while True:
        if len(rest) < 4:
            return 0, b""
        entry, rest = int.from_bytes(rest[:4]), rest[4:]
        n += 1
        if n <= 3:
            row[f"mpls_label_{n}"] = entry >> 12
        if entry & 0x100:
            break
    first = rest[0] >> 4 if rest else -1
    if first == 0 and len(rest) >= 4:
        return 0x6558, rest[4:]
    return {4: 0x0800, 6: 0x86DD}.get(first, 0), rest


def ppp(rest: bytes) -> tuple[int, bytes]:
    if rest[:2] == b"\xff\x03":
        rest = rest[2:]
    if len(rest) < 2:
        return 0, b""
    number, rest = (rest[0], rest[1:]) if rest[0] & 1 else (u16(rest, 0), rest[2:])
    return {0x21: 0x0800, 0x57: 0x86DD, 0x281: 0x8847}.get(number, 0), rest


def transport(rest: bytes, proto: int, row: Row) -> None:
    if proto in WITH_PORTS and len(rest) >= 4:
        row["src_port"], row["dst_port"] = u16(rest, 0), u16(rest, 2)
        if proto == 6 and len(rest) >= 14:
            row["tcp_flags"] = u16(rest, 12) & 0xFFF
    elif proto in (1, 58) and len(rest) >= 2:
        row["icmp_type"], row["icmp_code"] = rest[0], rest[1]


def ipv4(rest: bytes, row: Row) -> None:
    length = (rest[0] & 15) * 4 if rest else 0
    if len(rest) < 20 or rest[0] >> 4 != 4 or length < 20:
        return
    row |= {"ip_tos": rest[1], "ip_ttl": rest[8], "proto": rest[9], "fragment_id": u16(rest, 4)}
    row |= {"fragment_offset": u16(rest, 6) % 8192, "bytes": u16(rest, 2) or None}
    row |= {"src_addr": str(ip_address(rest[12:16])), "dst_addr": str(ip_address(rest[16:20]))}
    if len(rest) >= length and row["fragment_offset"] == 0:
        end = u16(rest, 2) if u16(rest, 2) >= length else None
        transport(rest[length:end], rest[9], row)


def ipv6(rest: bytes, row: Row) -> None:
    if len(rest) < 40 or rest[0] >> 4 != 6:
        return
    row |= {"ip_tos": u16(rest, 0) >> 4 & 255, "ip_ttl": rest[7]}
    row |= {"ipv6_flow_label": int.from_bytes(rest[:4]) % 2**20, "bytes": u16(rest, 4) + 40 if u16(rest, 4) else None}
    for column, at in (("src_addr", 8), ("dst_addr", 24)):
        address = ip_address(rest[at : at + 16])
        row[column] = str(getattr(address, "ipv4_mapped", None) or address)
    following = rest[6]
    rest = rest[40 : 40 + u16(rest, 4) if u16(rest, 4) else None]
    while True:
        if following == 44:
            length = 8
        elif following in (0, 43, 60, 135, 139, 140, 51):
            if len(rest) < 2:
                return
            length = 4 * (rest[1] + 2) if following == 51 else 8 * (rest[1] + 1)
        else:
            row["proto"] = following
            return transport(rest, following, row)
        if len(rest) < length:
            return None
        if following == 44:
            row["fragment_offset"], row["fragment_id"] = u16(rest, 2) >> 3, int.from_bytes(rest[4:8])
        following, rest = rest[0], rest[length:]
        if row.get("fragment_offset"):
            row["proto"] = following
            return None


def packet(octets: bytes, kind: str) -> Row:
    """The columns of FLOW that a section fills, by what it starts with."""
    row: Row = {}
    if kind == "frame":
        etype, rest = ethernet(octets, row)
    elif kind == "wireless":
        etype, rest = wireless(octets, row)
    elif kind == "labels":
        etype, rest = 0x8847, octets
    else:
        etype, rest = {4: 0x0800, 6: 0x86DD}.get(octets[0] >> 4, 0), octets
    if etype == 0x8864:
        etype, rest = ppp(rest[6:]) if len(rest) >= 6 else (0, b"")
    if etype in (0x8847, 0x8848):
        etype, rest = labels(rest, row)
    if etype == 0x6558:
        etype, rest = ethernet(rest, None)
    if etype == 0x0800:
        ipv4(rest, row)
    elif etype == 0x86DD:
        ipv6(rest, row)
    if kind not in ("frame", "wireless") and "src_addr" in row:
        row["etype"] = etype
    return row


# Element -> (what it starts with, how many octets of it are of the packet, how many lie before), the best last.
SECTIONS = {
    "ipPayloadPacketSection": ("payload", "sectionExportedOctets", "sectionOffset"),
    "mplsLabelStackSection": ("labels", "sectionExportedOctets", "sectionOffset"),
    "mplsPayloadPacketSection": ("ip", "sectionExportedOctets", "sectionOffset"),
    "ipHeaderPacketSection": ("ip", "sectionExportedOctets", "sectionOffset"),
    "layer2packetSectionData": ("frame", "layer2packetSectionSize", "layer2packetSectionOffset"),
    "dataLinkFrameSection": ("frame", "sectionExportedOctets", "sectionOffset"),
}


def sections(record: Mapping[str, Any]) -> Row | None:
    """What all packet sections of a record say; None where its template has none."""
    there = [name for name in SECTIONS if name in record]
    if not there:
        return None
    row: Row = {}

    def small(name: str, bits: int) -> int | None:
        value = record.get(name)
        return (0 if value >> bits else value) if isinstance(value, int) else None

    for name in there:
        kind, size, offset = SECTIONS[name]
        octets = record[name] or b""
        if (exported := small(size, 16)) is not None:
            octets = octets[:exported]
        if not octets or small(offset, 16):
            continue
        if kind == "frame" and small("dataLinkFrameType", 16) == 2:
            kind = "wireless"
        if kind == "payload":
            if (proto := small("protocolIdentifier", 8)) is not None:
                transport(octets, proto, row)
            continue
        said = packet(octets, kind)
        row |= {column: value for column, value in said.items() if value is not None}
    return row
