"""The front of a packet, redacted: what is known is copied or replaced, and all else is zero.

Ethernet (IEEE 802.3) with VLAN tags (802.1Q) and MPLS labels (RFC 3032), IPv4 (RFC 791), IPv6 (RFC 8200), and in front
of the payload TCP (RFC 9293), UDP (RFC 768), ICMP (RFC 792, RFC 4443) and SCTP (RFC 9260). Checksums are zero, since
they tell of the addresses and the payload. Zero too: options, extension headers and what is behind them, packets within
packets, payloads.
"""

from __future__ import annotations

from .pseudonyms import Pseudonyms

__all__ = ["blank", "redact_frame", "redact_packet"]

TAGS = {0x8100, 0x88A8, 0x9100}
MPLS = {0x8847, 0x8848}
PACKETS = {0x0800, 0x86DD, *MPLS}
ETHERNET, IPV4, IPV6 = 14, 20, 40
TRANSPORTS = {1: (4, 2), 6: (20, 16), 17: (8, 6), 58: (4, 2), 132: (4, 4)}
"""Protocol -> octets that are copied, and where among them 2 octets of checksum are; SCTP's are behind them."""


def blank(octets: bytes, pseudonyms: Pseudonyms) -> bytes:
    """Zeros, of what is no packet that is known; as many octets."""
    return bytes(len(octets))


def redact_frame(octets: bytes, pseudonyms: Pseudonyms) -> bytes:
    """An Ethernet frame, as far as it was sampled; as many octets."""
    if len(octets) < ETHERNET:
        return bytes(len(octets))
    made = pseudonyms.mac(octets[:6]) + pseudonyms.mac(octets[6:12])
    at = 12
    # Progress: a tag has 4 octets.
    while int.from_bytes(octets[at : at + 2]) in TAGS and len(octets) - at >= 6:
        at += 4
    kind = int.from_bytes(octets[at : at + 2])
    at += 2
    if kind in MPLS:
        # Progress: a label has 4 octets.
        while len(octets) - at >= 4:
            at += 4
            if octets[at - 2] & 1:
                break
    made += octets[12:at]
    made += redact_packet(octets[at:], pseudonyms) if kind in PACKETS else bytes(len(octets) - at)
    return made


def redact_packet(octets: bytes, pseudonyms: Pseudonyms) -> bytes:
    """An IPv4 or IPv6 packet, as far as it was sampled; as many octets."""
    version = octets[0] >> 4 if octets else 0
    made = b""
    if version == 4 and len(octets) >= IPV4:
        length = max(IPV4, (octets[0] & 15) * 4)
        made = octets[:10] + bytes(2) + pseudonyms.ipv4(octets[12:16]) + pseudonyms.ipv4(octets[16:20])
        made += bytes(min(len(octets), length) - IPV4)
        if int.from_bytes(octets[6:8]) & 0x1FFF == 0:
            made += _transport(octets[9], octets[length:])
    elif version == 6 and len(octets) >= IPV6:
        made = octets[:8] + pseudonyms.ipv6(octets[8:24]) + pseudonyms.ipv6(octets[24:40])
        made += _transport(octets[6], octets[40:])
    return made + bytes(len(octets) - len(made))


def _transport(protocol: int, octets: bytes) -> bytes:
    length, checksum = TRANSPORTS.get(protocol, (0, 0))
    kept = octets[:length]
    return kept[:checksum] + bytes(len(kept[checksum : checksum + 2])) + kept[checksum + 2 :]
