"""Workloads for the bench: the same datagrams for the same seed, nothing stored.

Strategy: `traffic` draws plausible flows as one array per element; `pack` lays some of them out as records, big-endian,
in the order and widths of a layout; `*_bodies` fill datagrams with them and `*_messages` put Message Headers in front,
with sequence numbers that run on. v5 as Cisco documents it, v9 after RFC 3954, IPFIX after RFC 7011. Hostile input is
not made here.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

Octets = np.ndarray[Any, np.dtype[np.uint8]]
Rng = np.random.Generator
Layout = Sequence[tuple[str, int]]  # (element name, width in octets); VARIABLE as in a template
VARIABLE = 0xFFFF

PAYLOAD = 1472  # octets of UDP payload in an Ethernet frame
UPTIME_MS = 3_600_000
EXPORT_TIME_S = 1_700_000_000
EXPORTER = "10.255.0.1"

ELEMENT_ID = {
    "octetDeltaCount": 1,
    "packetDeltaCount": 2,
    "protocolIdentifier": 4,
    "ipClassOfService": 5,
    "tcpControlBits": 6,
    "sourceTransportPort": 7,
    "sourceIPv4Address": 8,
    "sourceIPv4PrefixLength": 9,
    "ingressInterface": 10,
    "destinationTransportPort": 11,
    "destinationIPv4Address": 12,
    "destinationIPv4PrefixLength": 13,
    "egressInterface": 14,
    "ipNextHopIPv4Address": 15,
    "bgpSourceAsNumber": 16,
    "bgpDestinationAsNumber": 17,
    "bgpNextHopIPv4Address": 18,
    "flowEndSysUpTime": 21,
    "flowStartSysUpTime": 22,
    "sourceIPv6Address": 27,
    "destinationIPv6Address": 28,
    "sourceIPv6PrefixLength": 29,
    "destinationIPv6PrefixLength": 30,
    "flowLabelIPv6": 31,
    "samplerId": 48,
    "sourceMacAddress": 56,
    "vlanId": 58,
    "flowDirection": 61,
    "ipNextHopIPv6Address": 62,
    "forwardingStatus": 89,
    "applicationId": 95,
    "applicationName": 96,
    "flowEndReason": 136,
    "flowStartMilliseconds": 152,
    "flowEndMilliseconds": 153,
    "ingressVRFID": 234,
    "httpRequestHost": 460,
}

# 48 octets; "" is padding.
V5: Layout = (
    ("sourceIPv4Address", 4),
    ("destinationIPv4Address", 4),
    ("ipNextHopIPv4Address", 4),
    ("ingressInterface", 2),
    ("egressInterface", 2),
    ("packetDeltaCount", 4),
    ("octetDeltaCount", 4),
    ("flowStartSysUpTime", 4),
    ("flowEndSysUpTime", 4),
    ("sourceTransportPort", 2),
    ("destinationTransportPort", 2),
    ("", 1),
    ("tcpControlBits", 1),
    ("protocolIdentifier", 1),
    ("ipClassOfService", 1),
    ("bgpSourceAsNumber", 2),
    ("bgpDestinationAsNumber", 2),
    ("sourceIPv4PrefixLength", 1),
    ("destinationIPv4PrefixLength", 1),
    ("", 2),
)

# 23 fields, 68 octets.
V9: Layout = (
    ("sourceIPv4Address", 4),
    ("destinationIPv4Address", 4),
    ("ipNextHopIPv4Address", 4),
    ("ingressInterface", 4),
    ("egressInterface", 4),
    ("packetDeltaCount", 4),
    ("octetDeltaCount", 8),
    ("flowStartSysUpTime", 4),
    ("flowEndSysUpTime", 4),
    ("sourceTransportPort", 2),
    ("destinationTransportPort", 2),
    ("bgpSourceAsNumber", 4),
    ("bgpDestinationAsNumber", 4),
    ("bgpNextHopIPv4Address", 4),
    ("sourceIPv4PrefixLength", 1),
    ("destinationIPv4PrefixLength", 1),
    ("protocolIdentifier", 1),
    ("tcpControlBits", 1),
    ("ipClassOfService", 1),
    ("flowDirection", 1),
    ("forwardingStatus", 1),
    ("samplerId", 1),
    ("ingressVRFID", 4),
)

# 18 fields, 45 octets: what v5 knows, as v9 sends it.
V9_SHORT: Layout = (
    ("sourceIPv4Address", 4),
    ("destinationIPv4Address", 4),
    ("ipNextHopIPv4Address", 4),
    ("ingressInterface", 2),
    ("egressInterface", 2),
    ("packetDeltaCount", 4),
    ("octetDeltaCount", 4),
    ("flowStartSysUpTime", 4),
    ("flowEndSysUpTime", 4),
    ("sourceTransportPort", 2),
    ("destinationTransportPort", 2),
    ("tcpControlBits", 1),
    ("protocolIdentifier", 1),
    ("ipClassOfService", 1),
    ("bgpSourceAsNumber", 2),
    ("bgpDestinationAsNumber", 2),
    ("sourceIPv4PrefixLength", 1),
    ("destinationIPv4PrefixLength", 1),
)

# 23 fields, 120 octets.
IPFIX_V6: Layout = (
    ("sourceIPv6Address", 16),
    ("destinationIPv6Address", 16),
    ("ipNextHopIPv6Address", 16),
    ("ingressInterface", 4),
    ("egressInterface", 4),
    ("octetDeltaCount", 8),
    ("packetDeltaCount", 8),
    ("flowStartMilliseconds", 8),
    ("flowEndMilliseconds", 8),
    ("sourceTransportPort", 2),
    ("destinationTransportPort", 2),
    ("protocolIdentifier", 1),
    ("ipClassOfService", 1),
    ("tcpControlBits", 2),
    ("flowLabelIPv6", 4),
    ("bgpSourceAsNumber", 4),
    ("bgpDestinationAsNumber", 4),
    ("sourceIPv6PrefixLength", 1),
    ("destinationIPv6PrefixLength", 1),
    ("flowEndReason", 1),
    ("vlanId", 2),
    ("sourceMacAddress", 6),
    ("flowDirection", 1),
)

# 20 fields, 76 octets; the IPv4 half of the mixed workload's IPFIX.
IPFIX_V4: Layout = (
    ("sourceIPv4Address", 4),
    ("destinationIPv4Address", 4),
    ("ipNextHopIPv4Address", 4),
    ("ingressInterface", 4),
    ("egressInterface", 4),
    ("octetDeltaCount", 8),
    ("packetDeltaCount", 8),
    ("flowStartMilliseconds", 8),
    ("flowEndMilliseconds", 8),
    ("sourceTransportPort", 2),
    ("destinationTransportPort", 2),
    ("protocolIdentifier", 1),
    ("ipClassOfService", 1),
    ("tcpControlBits", 2),
    ("bgpSourceAsNumber", 4),
    ("bgpDestinationAsNumber", 4),
    ("sourceIPv4PrefixLength", 1),
    ("destinationIPv4PrefixLength", 1),
    ("flowEndReason", 1),
    ("flowDirection", 1),
)

# 13 fixed fields of 59 octets, and two of variable length.
IPFIX_VARIABLE: Layout = (
    ("sourceIPv4Address", 4),
    ("destinationIPv4Address", 4),
    ("sourceTransportPort", 2),
    ("destinationTransportPort", 2),
    ("protocolIdentifier", 1),
    ("tcpControlBits", 2),
    ("ingressInterface", 4),
    ("egressInterface", 4),
    ("octetDeltaCount", 8),
    ("packetDeltaCount", 8),
    ("flowStartMilliseconds", 8),
    ("flowEndMilliseconds", 8),
    ("applicationId", 4),
    ("applicationName", VARIABLE),
    ("httpRequestHost", VARIABLE),
)

APPLICATIONS = (
    "http",
    "tls",
    "dns",
    "quic",
    "ssh",
    "ms-office-365",
    "youtube",
    "unknown",
    "bittorrent",
    "google-services",
)
HOSTS = (
    "www.example.com",
    "cdn{}.static.example.net",
    "api.service-{}.internal.example.org",
    "",
    "mail.example.com",
    "img{}.tile.openmaps.example",
    "a.b.example",
)


@dataclass(frozen=True)
class Workload:
    """Datagrams to decode, in order, each with the address it came from; `templates` are to be fed first."""

    name: str
    templates: list[bytes]
    template_exporters: list[str]
    datagrams: list[bytes]
    exporters: list[str]
    records: int

    @property
    def octets(self) -> int:
        return sum(map(len, self.datagrams))


class Body(NamedTuple):
    """What follows a Message Header: Sets (or v5 records), and how many data records they hold."""

    octets: bytes
    records: int


# ── values ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def traffic(rng: Rng, n: int) -> dict[str, np.ndarray[Any, Any]]:
    """Draw `n` flows, most of them from few talkers: name -> integers of shape (n,), or octets of shape (n, width)."""

    def popular() -> np.ndarray[Any, Any]:
        return rng.zipf(1.3, n) % 50_000

    def ipv6() -> Octets:
        address = np.zeros((n, 16), np.uint8)
        address[:, :4] = (0x20, 0x01, 0x0D, 0xB8)
        address[:, 6:8] = rng.integers(0, 256, (n, 2))
        address[:, 12:] = big_endian(popular(), 4)
        return address

    packets = rng.geometric(0.02, n)
    start_ms = UPTIME_MS - rng.integers(60_000, 200_000, n)
    end_ms = start_ms + rng.integers(0, 60_000, n)
    boot_ms = EXPORT_TIME_S * 1000 - UPTIME_MS
    return {
        "octetDeltaCount": packets * rng.integers(64, 1500, n),
        "packetDeltaCount": packets,
        "protocolIdentifier": rng.choice([6, 6, 6, 17, 17, 1], n),
        "ipClassOfService": rng.choice([0, 0, 0, 0x2E << 2, 0x08], n),
        "tcpControlBits": rng.choice([0x02, 0x12, 0x1B, 0x1F, 0x14], n),
        "sourceTransportPort": rng.integers(1024, 65_536, n),
        "destinationTransportPort": rng.choice([80, 443, 53, 22, 123, 8080], n),
        "sourceIPv4Address": 0x0A00_0000 + popular(),
        "destinationIPv4Address": 0x0A00_0000 + popular(),
        "ipNextHopIPv4Address": 0xC000_0200 + rng.integers(1, 30, n),
        "bgpNextHopIPv4Address": 0xC633_6400 + rng.integers(1, 30, n),
        "sourceIPv4PrefixLength": rng.integers(8, 33, n),
        "destinationIPv4PrefixLength": rng.integers(8, 33, n),
        "sourceIPv6Address": ipv6(),
        "destinationIPv6Address": ipv6(),
        "ipNextHopIPv6Address": ipv6(),
        "sourceIPv6PrefixLength": rng.integers(32, 129, n),
        "destinationIPv6PrefixLength": rng.integers(32, 129, n),
        "flowLabelIPv6": rng.integers(0, 1 << 20, n),
        "ingressInterface": rng.integers(1, 200, n),
        "egressInterface": rng.integers(1, 200, n),
        "ingressVRFID": rng.integers(0, 16, n),
        "bgpSourceAsNumber": rng.integers(1, 65_000, n),
        "bgpDestinationAsNumber": rng.integers(1, 65_000, n),
        "flowStartSysUpTime": start_ms,
        "flowEndSysUpTime": end_ms,
        "flowStartMilliseconds": boot_ms + start_ms,
        "flowEndMilliseconds": boot_ms + end_ms,
        "flowDirection": rng.integers(0, 2, n),
        "flowEndReason": rng.integers(1, 6, n),
        "forwardingStatus": rng.choice([64, 64, 64, 128], n),
        "samplerId": rng.integers(1, 4, n),
        "sourceMacAddress": rng.integers(0, 256, (n, 6)).astype(np.uint8),
        "vlanId": rng.integers(1, 4095, n),
        "applicationId": (3 << 24) + rng.integers(1, 1000, n),
        "": np.zeros(n, np.int64),
    }


def big_endian(values: np.ndarray[Any, Any], width: int) -> Octets:
    """Return shape (n, width): the low `width` octets of each integer; octets of that width pass as they are."""
    if values.ndim == 2:
        return values
    return values.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - width :]


def pack(flows: dict[str, np.ndarray[Any, Any]], layout: Layout) -> Octets:
    """Lay flows out as records, shape (n, octets of a record); fields of variable length are left out."""
    return np.concatenate([big_endian(flows[name], width) for name, width in layout if width != VARIABLE], axis=1)


# ── bodies ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def v5_bodies(rng: Rng, count: int, records: int = 30) -> list[Body]:
    rows = pack(traffic(rng, count * records), V5).reshape(count, -1)
    return [Body(row.tobytes(), records) for row in rows]


def data_set(template_id: int, records: bytes) -> bytes:
    padding = -len(records) % 4
    return struct.pack("!HH", template_id, 4 + len(records) + padding) + records + bytes(padding)


def fixed_bodies(rng: Rng, count: int, layout: Layout, template_id: int, header: int) -> list[Body]:
    """One full Set a body, behind a Message Header of `header` octets."""
    length = sum(width for _, width in layout)
    records = (PAYLOAD - header - 4) // length
    rows = pack(traffic(rng, count * records), layout).reshape(count, -1)
    return [Body(data_set(template_id, row.tobytes()), records) for row in rows]


def variable_bodies(rng: Rng, count: int, layout: Layout, template_id: int, header: int) -> list[Body]:
    """One Set a body, as full as the strings allow; the fields of variable length are the last two."""
    fixed = sum(width for _, width in layout if width != VARIABLE)
    most = count * ((PAYLOAD - header - 4) // (fixed + 2))
    rows = pack(traffic(rng, most), layout)
    picks = rng.integers(0, 1 << 16, (most, 3)).tolist()
    bodies: list[Body] = []
    used = 0
    for _ in range(count):
        parts: list[bytes] = []
        room = PAYLOAD - header - 4
        while True:
            application, host, number = picks[used]
            name = APPLICATIONS[application % len(APPLICATIONS)].encode()
            site = HOSTS[host % len(HOSTS)].format(number % 1000).encode()
            record = rows[used].tobytes() + bytes([len(name)]) + name + bytes([len(site)]) + site
            if len(record) > room:
                break
            parts.append(record)
            room -= len(record)
            used += 1
        # No padding: fewer octets than a record may follow only where a record cannot be that short.
        records = b"".join(parts)
        bodies.append(Body(struct.pack("!HH", template_id, 4 + len(records)) + records, len(parts)))
    return bodies


def template_set(set_id: int, templates: dict[int, Layout]) -> Body:
    records = b""
    for template_id, layout in templates.items():
        records += struct.pack("!HH", template_id, len(layout))
        records += b"".join(struct.pack("!HH", ELEMENT_ID[name], width) for name, width in layout)
    return Body(struct.pack("!HH", set_id, 4 + len(records)) + records, 0)


# ── messages ────────────────────────────────────────────────────────────────────────────────────────────────────────


def v5_messages(bodies: Iterable[Body]) -> list[bytes]:
    """Sequence counts flows; unsampled, engine 0."""
    messages = []
    sequence = 0
    for index, body in enumerate(bodies):
        time_s, time_ns = EXPORT_TIME_S + index // 1000, index % 1000 * 1_000_000
        header = struct.pack("!HHIIIIBBH", 5, body.records, UPTIME_MS, time_s, time_ns, sequence & 0xFFFF_FFFF, 0, 0, 0)
        messages.append(header + body.octets)
        sequence += body.records
    return messages


def v9_messages(bodies: Sequence[Body], templates: dict[int, Layout], source_id: int = 0) -> tuple[bytes, list[bytes]]:
    """Return the datagram of templates, and those of data. Sequence counts datagrams, the first one too."""

    def message(octets: bytes, count: int, sequence: int) -> bytes:
        return struct.pack("!HHIIII", 9, count, UPTIME_MS, EXPORT_TIME_S, sequence, source_id) + octets

    first = message(template_set(0, templates).octets, len(templates), 0)
    return first, [message(body.octets, body.records, 1 + index) for index, body in enumerate(bodies)]


def ipfix_messages(bodies: Sequence[Body], templates: dict[int, Layout], domain: int = 0) -> tuple[bytes, list[bytes]]:
    """Return the Message of templates, and those of data. Sequence counts data records (RFC 7011 §3.1)."""

    def message(octets: bytes, sequence: int) -> bytes:
        return struct.pack("!HHIII", 10, 16 + len(octets), EXPORT_TIME_S, sequence & 0xFFFF_FFFF, domain) + octets

    messages = []
    sequence = 0
    for body in bodies:
        messages.append(message(body.octets, sequence))
        sequence += body.records
    return message(template_set(2, templates).octets, 0), messages


# ── workloads ───────────────────────────────────────────────────────────────────────────────────────────────────────


def one_exporter(name: str, templates: list[bytes], datagrams: list[bytes], bodies: Sequence[Body]) -> Workload:
    records = sum(body.records for body in bodies)
    return Workload(name, templates, [EXPORTER] * len(templates), datagrams, [EXPORTER] * len(datagrams), records)


def v5(count: int = 1200, seed: int = 5) -> Workload:
    """30 records of 48 octets a datagram."""
    bodies = v5_bodies(np.random.default_rng(seed), count)
    return one_exporter("v5", [], v5_messages(bodies), bodies)


def v9(count: int = 1700, seed: int = 9, layout: Layout = V9, name: str = "v9") -> Workload:
    """23 fields, 68 octets, 21 records a datagram."""
    bodies = fixed_bodies(np.random.default_rng(seed), count, layout, 256, header=20)
    first, datagrams = v9_messages(bodies, {256: layout})
    return one_exporter(name, [first], datagrams, bodies)


def v9t18(count: int = 1200, seed: int = 18) -> Workload:
    """18 fields, 45 octets, 32 records a datagram."""
    return v9(count, seed, V9_SHORT, "v9t18")


def ipfix6(count: int = 3000, seed: int = 6) -> Workload:
    """23 fields, 120 octets, 12 records a datagram."""
    bodies = fixed_bodies(np.random.default_rng(seed), count, IPFIX_V6, 258, header=16)
    first, datagrams = ipfix_messages(bodies, {258: IPFIX_V6})
    return one_exporter("ipfix6", [first], datagrams, bodies)


def ipfixvar(count: int = 2200, seed: int = 460) -> Workload:
    """13 fixed fields, applicationName and httpRequestHost; about 16 records a datagram."""
    bodies = variable_bodies(np.random.default_rng(seed), count, IPFIX_VARIABLE, 260, header=16)
    first, datagrams = ipfix_messages(bodies, {260: IPFIX_VARIABLE})
    return one_exporter("ipfixvar", [first], datagrams, bodies)


def mixed(count: int = 4000, exporters: int = 100, seed: int = 11) -> Workload:
    """Many exporters, interleaved: 55 % v9 (two layouts, most in an order of their own), 25 % IPFIX (IPv4 and IPv6),
    10 % IPFIX with strings, 10 % v5."""
    rng = np.random.default_rng(seed)
    each = count // exporters
    half = each // 2
    templates: list[bytes] = []
    template_exporters: list[str] = []
    streams: list[list[bytes]] = []
    records = 0

    def shuffled(items: Sequence[Any]) -> list[Any]:
        return [items[i] for i in rng.permutation(len(items))]

    addresses = [str(ipaddress.IPv4Address("10.255.0.0") + index + 1) for index in range(exporters)]
    for index, address in enumerate(addresses):
        kind = index % 20
        if kind < 2:
            bodies = v5_bodies(rng, each)
            streams.append(v5_messages(bodies))
        elif kind < 13:
            long, short = (V9, V9_SHORT) if kind < 6 else (shuffled(V9), shuffled(V9_SHORT))
            first_id = 256 + index % 4
            bodies = shuffled(
                fixed_bodies(rng, half, long, first_id, header=20)
                + fixed_bodies(rng, each - half, short, 300, header=20)
            )
            first, datagrams = v9_messages(bodies, {first_id: long, 300: short}, source_id=index % 3)
        elif kind < 18:
            bodies = shuffled(
                fixed_bodies(rng, half, IPFIX_V4, 400, header=16)
                + fixed_bodies(rng, each - half, IPFIX_V6, 401, header=16)
            )
            first, datagrams = ipfix_messages(bodies, {400: IPFIX_V4, 401: IPFIX_V6}, domain=index)
        else:
            bodies = variable_bodies(rng, each, IPFIX_VARIABLE, 500, header=16)
            first, datagrams = ipfix_messages(bodies, {500: IPFIX_VARIABLE}, domain=index)
        if kind >= 2:
            templates.append(first)
            template_exporters.append(address)
            streams.append(datagrams)
        records += sum(body.records for body in bodies)

    order = rng.permutation(np.repeat(np.arange(exporters), each)).tolist()
    queues = [iter(stream) for stream in streams]
    datagrams = [next(queues[index]) for index in order]
    return Workload("mixed", templates, template_exporters, datagrams, [addresses[index] for index in order], records)


WORKLOADS: dict[str, Callable[..., Workload]] = {
    "v5": v5,
    "v9": v9,
    "v9t18": v9t18,
    "ipfix6": ipfix6,
    "ipfixvar": ipfixvar,
    "mixed": mixed,
}


# ── captures ────────────────────────────────────────────────────────────────────────────────────────────────────────


def pcap(datagrams: Sequence[bytes], exporters: Sequence[str], port: int = 2055) -> bytes:
    """Return the octets of a classic pcap file: microseconds, little-endian, Ethernet, IPv4, UDP without checksum."""
    parts = [struct.pack("<IHHiIII", 0xA1B2_C3D4, 2, 4, 0, 0, 65_535, 1)]
    ethernet = bytes(12) + b"\x08\x00"
    for index, (datagram, exporter) in enumerate(zip(datagrams, exporters, strict=True)):
        udp = struct.pack("!HHHH", 40_000, port, 8 + len(datagram), 0)
        source = ipaddress.IPv4Address(exporter).packed
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 28 + len(datagram), 0, 0x4000, 64, 17, 0) + source + b"\x0a\x00\x00\x02"
        total = sum(struct.unpack("!10H", ip))
        total = (total & 0xFFFF) + (total >> 16)
        ip = ip[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + ip[12:]
        frame = ethernet + ip + udp + datagram
        time_s, time_us = EXPORT_TIME_S + index // 100_000, index % 100_000 * 10
        parts.append(struct.pack("<IIII", time_s, time_us, len(frame), len(frame)) + frame)
    return b"".join(parts)
