"""Octets written down readably: what an exporter sends, what a network wraps around it, what a capture keeps of it.

Three parts, each built from the one before: flow messages (NetFlow v1, v5, v7, v9, IPFIX), frames
(UDP, IP, link layers) and captures (pcap, pcapng). Nothing is checked: every length and every
count that is normally worked out can be given instead, so that a message can lie.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

# ── values ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def uint(value: int, width: int) -> bytes:
    """Write an unsigned number in network order; what does not fit loses its upper octets."""
    return (value & ((1 << 8 * width) - 1)).to_bytes(width, "big")


def addr(text: str) -> bytes:
    """Write an address: 4 octets for IPv4, 16 for IPv6."""
    return ip_address(text).packed


def mac(text: str) -> bytes:
    """Write a MAC address given as aa:bb:cc:dd:ee:ff."""
    return bytes.fromhex(text.replace(":", ""))


def var(value: bytes, *, long_form: bool = False, length: int | None = None) -> bytes:
    """Write a variable-length value: its length in one octet, or 255 and two octets (RFC 7011 §7)."""
    length = len(value) if length is None else length
    return (b"\xff" + uint(length, 2) if long_form or length >= 255 else uint(length, 1)) + value


# ── NetFlow v1, v5, v7: fixed records ────────────────────────────────────────────────────────────────────────────────

UPTIME_MS = 3_600_000
EXPORT_TIME_S = 1_700_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class V5Record:
    """One flow of NetFlow v5; v1 and v7 write those of its values that they have a place for."""

    src_addr: str = "192.0.2.1"
    dst_addr: str = "198.51.100.2"
    next_hop: str = "0.0.0.0"
    in_if: int = 1
    out_if: int = 2
    packets: int = 1
    octets: int = 40
    first_ms: int = UPTIME_MS - 2000
    last_ms: int = UPTIME_MS - 1000
    src_port: int = 49152
    dst_port: int = 443
    pad1: int = 0
    tcp_flags: int = 0
    proto: int = 6
    tos: int = 0
    src_as: int = 0
    dst_as: int = 0
    src_mask: int = 0
    dst_mask: int = 0
    pad2: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class V7Record(V5Record):
    """One flow of NetFlow v7: with the validity flags (first octet and last two) and the bypassed router."""

    flags1: int = 0
    flags2: int = 0
    router_sc: str = "0.0.0.0"


_COMMON = (
    "src_addr:4s dst_addr:4s next_hop:4s in_if:H out_if:H packets:I octets:I first_ms:I last_ms:I "
    "src_port:H dst_port:H "
)
_NETWORKS = "src_as:H dst_as:H src_mask:B dst_mask:B "
_LAYOUTS = {
    1: _COMMON + "pad2:H proto:B tos:B tcp_flags:B pad1:B 0:H 0:I",
    5: _COMMON + "pad1:B tcp_flags:B proto:B tos:B " + _NETWORKS + "pad2:H",
    7: _COMMON + "flags1:B tcp_flags:B proto:B tos:B " + _NETWORKS + "flags2:H router_sc:4s",
}


def fixed_record(version: int, record: V5Record) -> bytes:
    """Write one record of v1 (48 octets), v5 (48) or v7 (52)."""
    names, codes = zip(*(place.split(":") for place in _LAYOUTS[version].split()), strict=True)
    values = [0 if name == "0" else getattr(record, name) for name in names]
    return struct.pack(">" + "".join(codes), *(addr(v) if isinstance(v, str) else v for v in values))


def _fixed(
    version: int,
    records: Iterable[V5Record],
    count: int | None,
    sys_uptime_ms: int,
    export_time_s: int,
    export_time_ns: int,
    rest: bytes,
) -> bytes:
    body = [fixed_record(version, record) for record in records]
    count = len(body) if count is None else count
    header = struct.pack(">HHIII", version, count, sys_uptime_ms, export_time_s, export_time_ns)
    return b"".join([header, rest, *body])


def netflow1(
    records: Iterable[V5Record],
    *,
    sys_uptime_ms: int = UPTIME_MS,
    export_time_s: int = EXPORT_TIME_S,
    export_time_ns: int = 0,
    count: int | None = None,
) -> bytes:
    """Write a NetFlow v1 datagram: a header of 16 octets, records of 48."""
    return _fixed(1, records, count, sys_uptime_ms, export_time_s, export_time_ns, b"")


def netflow5(
    records: Iterable[V5Record],
    *,
    sequence: int = 0,
    sys_uptime_ms: int = UPTIME_MS,
    export_time_s: int = EXPORT_TIME_S,
    export_time_ns: int = 0,
    engine_type: int = 0,
    engine_id: int = 0,
    sampling_mode: int = 0,
    sampling_interval: int = 0,
    count: int | None = None,
) -> bytes:
    """Write a NetFlow v5 datagram: a header of 24 octets, records of 48."""
    sampling = sampling_mode << 14 | sampling_interval
    rest = struct.pack(">IBBH", sequence, engine_type, engine_id, sampling)
    return _fixed(5, records, count, sys_uptime_ms, export_time_s, export_time_ns, rest)


def netflow7(
    records: Iterable[V5Record],
    *,
    sequence: int = 0,
    sys_uptime_ms: int = UPTIME_MS,
    export_time_s: int = EXPORT_TIME_S,
    export_time_ns: int = 0,
    reserved: int = 0,
    count: int | None = None,
) -> bytes:
    """Write a NetFlow v7 datagram: a header of 24 octets, records (`V7Record`) of 52."""
    rest = struct.pack(">II", sequence, reserved)
    return _fixed(7, records, count, sys_uptime_ms, export_time_s, export_time_ns, rest)


def chapter_message() -> bytes:
    """Write the datagram whose nine flows the book's chapter prints; what it does not print is made up.

    The router accounts for both ingress and egress, so every flow but the first is there twice.
    """
    server, client, uptime = "10.0.0.5", "10.0.0.9", 290_826_756
    session: dict[str, Any] = {"first_ms": uptime - 9000, "last_ms": uptime - 8700, "tcp_flags": 0x1B}
    flows = [
        V5Record(
            src_addr="192.168.0.1", dst_addr="192.168.0.5", src_port=26828, dst_port=179, packets=1, octets=40,
            in_if=1, out_if=0, tcp_flags=0x10, tos=0xC0, first_ms=uptime - 12000, last_ms=uptime - 12000,
        )
    ]  # fmt: skip
    for port in (52912, 52913):
        there: dict[str, Any] = {"src_addr": client, "dst_addr": server, "src_port": port, "dst_port": 8000}
        back: dict[str, Any] = {"src_addr": server, "dst_addr": client, "src_port": 8000, "dst_port": port}
        flows += 2 * [V5Record(**there, **session, in_if=2, out_if=1, packets=6, octets=487)]
        flows += 2 * [V5Record(**back, **session, in_if=1, out_if=2, packets=5, octets=973)]
    return netflow5(
        flows, sequence=77616, sys_uptime_ms=uptime, export_time_s=1_489_636_168, export_time_ns=401_224_368
    )


# ── NetFlow v9 and IPFIX: templates, Sets, messages ──────────────────────────────────────────────────────────────────

Field = tuple[int, int] | tuple[int, int, int]
"""(element id, length) or (element id, length, PEN); length 65535 is variable."""

V9_TEMPLATES, V9_OPTIONS, IPFIX_TEMPLATES, IPFIX_OPTIONS = 0, 1, 2, 3
VARIABLE = 65535


class Set(bytes):
    """A Set or FlowSet; remembers how many records it was made of, for the Count of v9."""

    records: int = 0


def field(spec: Field) -> bytes:
    """Write a Field Specifier: 4 octets, or 8 with the enterprise bit set (RFC 7011 §3.2)."""
    if len(spec) == 2:
        return struct.pack(">HH", *spec)
    return struct.pack(">HHI", spec[0] | 0x8000, spec[1], spec[2])


def fields(specs: Iterable[Field]) -> bytes:
    """Write Field Specifiers one after another."""
    return b"".join(map(field, specs))


def template_record(template_id: int, specs: Sequence[Field], *, count: int | None = None) -> bytes:
    """Write a Template Record, the same in v9 and IPFIX (RFC 7011 §3.4.1, RFC 3954 §5.2)."""
    return struct.pack(">HH", template_id, len(specs) if count is None else count) + fields(specs)


def withdrawal(template_id: int) -> bytes:
    """Write a Template Withdrawal: a Field Count of 0 (RFC 7011 §8.1)."""
    return template_record(template_id, ())


def options_template_record(
    template_id: int,
    scopes: Sequence[Field],
    options: Sequence[Field],
    *,
    count: int | None = None,
    scope_count: int | None = None,
) -> bytes:
    """Write an Options Template Record of IPFIX: its lengths count fields, scopes included (RFC 7011 §3.4.2.2)."""
    count = len(scopes) + len(options) if count is None else count
    scope_count = len(scopes) if scope_count is None else scope_count
    return struct.pack(">HHH", template_id, count, scope_count) + fields(scopes) + fields(options)


def options_template_record9(
    template_id: int,
    scopes: Sequence[Field],
    options: Sequence[Field],
    *,
    scope_octets: int | None = None,
    option_octets: int | None = None,
) -> bytes:
    """Write an Options Template Record of v9: its lengths count octets (RFC 3954 §6.1)."""
    scope, option = fields(scopes), fields(options)
    scope_octets = len(scope) if scope_octets is None else scope_octets
    option_octets = len(option) if option_octets is None else option_octets
    return struct.pack(">HHH", template_id, scope_octets, option_octets) + scope + option


def set_(set_id: int, *records: bytes, padding: int = 0, length: int | None = None) -> Set:
    """Write a Set of records, each one argument, and so many octets of zero padding."""
    body = b"".join(records) + bytes(padding)
    made = Set(struct.pack(">HH", set_id, len(body) + 4 if length is None else length) + body)
    made.records = len(records)
    return made


def netflow9(
    *sets: bytes,
    sequence: int = 0,
    source_id: int = 0,
    sys_uptime_ms: int = UPTIME_MS,
    export_time_s: int = EXPORT_TIME_S,
    count: int | None = None,
) -> bytes:
    """Write a NetFlow v9 datagram; its Count is that of the records of its FlowSets (RFC 3954 §5.1)."""
    count = sum(s.records for s in sets if isinstance(s, Set)) if count is None else count
    header = struct.pack(">HHIIII", 9, count, sys_uptime_ms, export_time_s, sequence, source_id)
    return b"".join([header, *sets])


def ipfix(
    *sets: bytes,
    sequence: int = 0,
    domain: int = 0,
    export_time_s: int = EXPORT_TIME_S,
    length: int | None = None,
) -> bytes:
    """Write an IPFIX Message (RFC 7011 §3.1)."""
    body = b"".join(sets)
    length = 16 + len(body) if length is None else length
    return struct.pack(">HHIII", 10, length, export_time_s, sequence, domain) + body


# ── frames: UDP, IP, link layers ─────────────────────────────────────────────────────────────────────────────────────

Endpoint = tuple[str, int]
Link = Callable[[bytes], bytes]

EXPORTER: Endpoint = ("192.0.2.1", 50000)
COLLECTOR: Endpoint = ("198.51.100.2", 2055)

UDP = 17
HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION = 0, 43, 44, 51, 60


def udp_segment(payload: bytes, src_port: int, dst_port: int, *, length: int | None = None) -> bytes:
    """Write a UDP header, without a checksum, and the payload."""
    return struct.pack(">HHHH", src_port, dst_port, 8 + len(payload) if length is None else length, 0) + payload


def ipv4(
    body: bytes,
    src: str,
    dst: str,
    *,
    proto: int = UDP,
    options: bytes = b"",
    fragment_offset: int = 0,
    more_fragments: bool = False,
    header_length: int | None = None,
    total_length: int | None = None,
) -> bytes:
    """Write an IPv4 packet; the fragment offset is in units of 8 octets, the header length in units of 4."""
    options += bytes(-len(options) % 4)
    words = 5 + len(options) // 4 if header_length is None else header_length
    total = 20 + len(options) + len(body) if total_length is None else total_length
    fragment = more_fragments << 13 | fragment_offset
    header = struct.pack(">BBHHHBBH", 4 << 4 | words, 0, total, 1, fragment, 64, proto, 0)
    return header + IPv4Address(src).packed + IPv4Address(dst).packed + options + body


def extension(
    kind: int, *, octets: int = 8, more_fragments: bool = False, fragment_offset: int = 0
) -> tuple[int, bytes]:
    """Write an IPv6 extension header without its first octet, which `ipv6` sets; (kind, rest)."""
    if kind == FRAGMENT:
        return kind, struct.pack(">BHI", 0, fragment_offset << 3 | more_fragments, 1)
    length = octets // 4 - 2 if kind == AUTHENTICATION else octets // 8 - 1
    return kind, uint(length, 1) + bytes(octets - 2)


def ipv6(
    body: bytes,
    src: str,
    dst: str,
    *,
    proto: int = UDP,
    extensions: Sequence[tuple[int, bytes]] = (),
    payload_length: int | None = None,
) -> bytes:
    """Write an IPv6 packet with extension headers in the given order."""
    kinds = [*(kind for kind, _ in extensions), proto]
    chain = b"".join(uint(following, 1) + rest for following, (_, rest) in zip(kinds[1:], extensions, strict=True))
    length = len(chain) + len(body) if payload_length is None else payload_length
    header = struct.pack(">IHBB", 6 << 28, length, kinds[0], 64)
    return header + IPv6Address(src).packed + IPv6Address(dst).packed + chain + body


def udp(
    payload: bytes,
    src: Endpoint = EXPORTER,
    dst: Endpoint = COLLECTOR,
    *,
    udp_length: int | None = None,
    **ip: Any,
) -> bytes:
    """Write an IP packet with a UDP payload; the addresses say which IP, and `ip` goes to `ipv4` or `ipv6`."""
    segment = udp_segment(payload, src[1], dst[1], length=udp_length)
    return (ipv6 if ":" in src[0] else ipv4)(segment, src[0], dst[0], **ip)


def ether_type(packet: bytes) -> int:
    """Tell the EtherType of an IP packet by its version."""
    return 0x86DD if packet[:1] and packet[0] >> 4 == 6 else 0x0800


def ethernet(
    packet: bytes, *, tags: Sequence[tuple[int, int]] = (), kind: int | None = None, padding: int = 0
) -> bytes:
    """Write an Ethernet frame; tags are (TPID, VLAN id), outermost first."""
    kind = ether_type(packet) if kind is None else kind
    vlan = b"".join(struct.pack(">HH", *tag) for tag in tags)
    return mac("02:00:00:00:00:02") + mac("02:00:00:00:00:01") + vlan + uint(kind, 2) + packet + bytes(padding)


def sll(packet: bytes, *, kind: int | None = None) -> bytes:
    """Write a Linux cooked frame (LINKTYPE_LINUX_SLL): 16 octets, the protocol last."""
    kind = ether_type(packet) if kind is None else kind
    return struct.pack(">HHH8sH", 0, 1, 6, mac("02:00:00:00:00:01"), kind) + packet


def sll2(packet: bytes, *, kind: int | None = None) -> bytes:
    """Write a Linux cooked frame of version 2 (LINKTYPE_LINUX_SLL2): 20 octets, the protocol first."""
    kind = ether_type(packet) if kind is None else kind
    return struct.pack(">HHIHBB8s", kind, 0, 1, 1, 0, 6, mac("02:00:00:00:00:01")) + packet


def loopback(packet: bytes, *, byte_order: str = "<", family: int | None = None) -> bytes:
    """Write a BSD loopback frame (LINKTYPE_NULL, or LINKTYPE_LOOP with byte order >): the family, then the packet."""
    family = (30 if ether_type(packet) == 0x86DD else 2) if family is None else family
    return struct.pack(byte_order + "I", family) + packet


def raw(packet: bytes) -> bytes:
    """Write no link layer at all (LINKTYPE_RAW, LINKTYPE_IPV4, LINKTYPE_IPV6)."""
    return packet


NULL, ETHERNET, RAW, LOOP, LINUX_SLL, IPV4, IPV6, LINUX_SLL2 = 0, 1, 101, 108, 113, 228, 229, 276

# ── captures: pcap, pcapng ───────────────────────────────────────────────────────────────────────────────────────────

Packet = tuple[int, bytes] | tuple[int, bytes, int]
"""(time in ns since 1970, octets) or (time, octets, original length)."""

SNAPLEN = 262_144


def cut(packet: Packet, snaplen: int) -> tuple[int, bytes, int]:
    """Tell time, octets kept and original length of a packet captured with this snaplen."""
    return packet[0], packet[1][:snaplen], packet[2] if len(packet) == 3 else len(packet[1])


def pcap(
    packets: Iterable[Packet],
    *,
    nanosecond: bool = False,
    byte_order: str = "<",
    linktype: int = ETHERNET,
    snaplen: int = SNAPLEN,
    magic: int | None = None,
) -> bytes:
    """Write a pcap capture, of microseconds or nanoseconds."""
    magic = (0xA1B23C4D if nanosecond else 0xA1B2C3D4) if magic is None else magic
    unit = 1 if nanosecond else 1000
    out = [struct.pack(byte_order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, linktype)]
    for time_ns, octets, original in (cut(packet, snaplen) for packet in packets):
        seconds, ns = divmod(time_ns, 1_000_000_000)
        out += [struct.pack(byte_order + "IIII", seconds, ns // unit, len(octets), original), octets]
    return b"".join(out)


def option(code: int, value: bytes, *, byte_order: str = "<", length: int | None = None) -> bytes:
    """Write an option of a pcapng block, padded to 4 octets."""
    length = len(value) if length is None else length
    return struct.pack(byte_order + "HH", code, length) + value + bytes(-len(value) % 4)


def block(
    kind: int, body: bytes, *, byte_order: str = "<", length: int | None = None, trailer: int | None = None
) -> bytes:
    """Write a pcapng block; its length is there twice, and either can lie."""
    body += bytes(-len(body) % 4)
    length = 12 + len(body) if length is None else length
    trailer = length if trailer is None else trailer
    return struct.pack(byte_order + "II", kind, length) + body + struct.pack(byte_order + "I", trailer)


def section_header(*, byte_order: str = "<", options: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    """Write a Section Header Block of unknown section length."""
    body = struct.pack(byte_order + "IHHq", 0x1A2B3C4D, *version, -1)
    return block(0x0A0D0D0A, body + options, byte_order=byte_order)


def interface(
    linktype: int = ETHERNET,
    *,
    byte_order: str = "<",
    snaplen: int = 0,
    tsresol: int | None = None,
    tsoffset: int | None = None,
    options: bytes = b"",
) -> bytes:
    """Write an Interface Description Block; a snaplen of 0 is no limit, no tsresol is 6 (microseconds)."""
    if tsresol is not None:
        options += option(9, uint(tsresol, 1), byte_order=byte_order)
    if tsoffset is not None:
        options += option(14, struct.pack(byte_order + "q", tsoffset), byte_order=byte_order)
    return block(1, struct.pack(byte_order + "HHI", linktype, 0, snaplen) + options, byte_order=byte_order)


def ticks(time_ns: int, tsresol: int = 6, tsoffset: int = 0) -> int:
    """Tell a time in units of an interface: 10**-tsresol s, or with the top bit 2**-(tsresol - 128) s."""
    units: int = 2 ** (tsresol & 0x7F) if tsresol & 0x80 else 10**tsresol
    return (time_ns - tsoffset * 1_000_000_000) * units // 1_000_000_000


def enhanced_packet(
    ticks: int,
    octets: bytes,
    *,
    interface_id: int = 0,
    original: int | None = None,
    captured: int | None = None,
    byte_order: str = "<",
    options: bytes = b"",
) -> bytes:
    """Write an Enhanced Packet Block."""
    captured = len(octets) if captured is None else captured
    original = len(octets) if original is None else original
    head = struct.pack(byte_order + "IIIII", interface_id, ticks >> 32, ticks & 0xFFFFFFFF, captured, original)
    return block(6, head + octets + bytes(-len(octets) % 4) + options, byte_order=byte_order)


def simple_packet(octets: bytes, *, original: int | None = None, byte_order: str = "<") -> bytes:
    """Write a Simple Packet Block: no time; its captured length follows from the block and the snaplen."""
    original = len(octets) if original is None else original
    return block(3, struct.pack(byte_order + "I", original) + octets, byte_order=byte_order)


def obsolete_packet(
    ticks: int,
    octets: bytes,
    *,
    interface_id: int = 0,
    drops: int = 0xFFFF,
    original: int | None = None,
    byte_order: str = "<",
) -> bytes:
    """Write a Packet Block, obsolete since the Enhanced one."""
    original = len(octets) if original is None else original
    parts = (interface_id, drops, ticks >> 32, ticks & 0xFFFFFFFF, len(octets), original)
    return block(2, struct.pack(byte_order + "HHIIII", *parts) + octets, byte_order=byte_order)


def pcapng(
    packets: Iterable[Packet],
    *,
    byte_order: str = "<",
    linktype: int = ETHERNET,
    snaplen: int = SNAPLEN,
    tsresol: int | None = None,
    tsoffset: int | None = None,
) -> bytes:
    """Write one section of pcapng with one interface and Enhanced Packet Blocks.

    Sections are concatenated; for several interfaces, or other blocks, concatenate blocks.
    """
    out = [
        section_header(byte_order=byte_order),
        interface(linktype, byte_order=byte_order, snaplen=snaplen, tsresol=tsresol, tsoffset=tsoffset),
    ]
    for time_ns, octets, original in (cut(packet, snaplen) for packet in packets):
        when = ticks(time_ns, 6 if tsresol is None else tsresol, tsoffset or 0)
        out.append(enhanced_packet(when, octets, original=original, byte_order=byte_order))
    return b"".join(out)
