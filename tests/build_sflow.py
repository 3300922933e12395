"""sFlow datagrams written down readably, as `build` does for the other protocols; nothing is checked."""

from __future__ import annotations

from ipaddress import ip_address

from tests.build import addr, mac, uint

COMPACT_FLOW, COMPACT_COUNTERS, EXPANDED_FLOW, EXPANDED_COUNTERS, DISCARD = 1, 2, 3, 4, 5


def words(*numbers: int) -> bytes:
    return b"".join(uint(number, 4) for number in numbers)


def opaque(value: bytes | str, *, length: int | None = None) -> bytes:
    """A length, the octets, and padding to four."""
    octets = value.encode() if isinstance(value, str) else value
    return words(len(octets) if length is None else length) + octets + bytes(-len(octets) % 4)


def tagged(format: int, body: bytes, *, enterprise: int = 0, length: int | None = None) -> bytes:
    """A sample or a record: its tag and its length."""
    return words(enterprise << 12 | format, len(body) if length is None else length) + body


def address(text: str | None) -> bytes:
    """Type and address; None is the unknown type."""
    if text is None:
        return words(0)
    return words(1 if ip_address(text).version == 4 else 2) + addr(text)


def padded_mac(text: str) -> bytes:
    return mac(text) + bytes(2)


def datagram(
    *samples: bytes,
    agent: str | None = "192.0.2.1",
    sub_agent: int = 0,
    sequence: int = 1,
    uptime_ms: int = 10_000,
    count: int | None = None,
    version: int = 5,
) -> bytes:
    head = words(version) + address(agent) + (words(sub_agent) if version == 5 else b"")
    return head + words(sequence, uptime_ms, len(samples) if count is None else count) + b"".join(samples)


def flow_sample(
    *records: bytes,
    sequence: int = 1,
    source: tuple[int, int] = (0, 3),
    rate: int = 400,
    pool: int = 4000,
    drops: int = 0,
    input: tuple[int, int] = (0, 3),
    output: tuple[int, int] = (0, 4),
    expanded: bool = False,
    count: int | None = None,
    length: int | None = None,
) -> bytes:
    count = len(records) if count is None else count
    if expanded:
        head = words(sequence, *source, rate, pool, drops, *input, *output, count)
    else:
        compact = (source[0] << 24 | source[1], input[0] << 30 | input[1], output[0] << 30 | output[1])
        head = words(sequence, compact[0], rate, pool, drops, *compact[1:], count)
    return tagged(EXPANDED_FLOW if expanded else COMPACT_FLOW, head + b"".join(records), length=length)


def counters_sample(
    *records: bytes,
    sequence: int = 1,
    source: tuple[int, int] = (0, 3),
    expanded: bool = False,
    count: int | None = None,
) -> bytes:
    place = words(*source) if expanded else words(source[0] << 24 | source[1])
    body = words(sequence) + place + words(len(records) if count is None else count) + b"".join(records)
    return tagged(EXPANDED_COUNTERS if expanded else COMPACT_COUNTERS, body)


def discard_sample(*records: bytes, sequence: int = 1, reason: int = 257, source: tuple[int, int] = (0, 3)) -> bytes:
    return tagged(DISCARD, words(sequence, *source, 0, 3, 0, reason, len(records)) + b"".join(records))


def header(frame: bytes, *, protocol: int = 1, frame_length: int = 1518, stripped: int = 4) -> bytes:
    """A sampled_header record."""
    return tagged(1, words(protocol, frame_length, stripped) + opaque(frame))


def switch(src_vlan: int = 10, dst_vlan: int = 20) -> bytes:
    return tagged(1001, words(src_vlan, 0, dst_vlan, 0))


def router(next_hop: str | None = "198.51.100.9", src_mask: int = 24, dst_mask: int = 16) -> bytes:
    return tagged(1002, address(next_hop) + words(src_mask, dst_mask))


def gateway(
    *segments: tuple[int, tuple[int, ...]],
    next_hop: str = "198.51.100.7",
    own: int = 64500,
    source: int = 64501,
    peer: int = 64502,
    communities: tuple[int, ...] = (),
) -> bytes:
    path = b"".join(words(kind, len(numbers), *numbers) for kind, numbers in segments)
    head = address(next_hop) + words(own, source, peer, len(segments))
    return tagged(1003, head + path + words(len(communities), *communities) + words(100))


def processor(cpu: tuple[int, int, int] = (0, 2100, 2080), total: int = 3997478912, free: int = 1083838464) -> bytes:
    return tagged(1001, words(*cpu) + uint(total, 8) + uint(free, 8))


def if_counters(index: int = 3, *, in_octets: int = 1000, in_packets: int = 10) -> bytes:
    head = words(index, 6) + uint(10**9, 8) + words(1, 3)
    inward = uint(in_octets, 8) + words(in_packets, 0, 0, 0, 0, 0xFFFFFFFF)
    outward = uint(2000, 8) + words(20, 0, 0, 0, 0)
    return tagged(1, head + inward + outward + words(2))
