"""Community ID: one short text for both directions of a flow, the same in every tool that writes it.

Source: https://github.com/corelight/community-id-spec, version 1: "1:" and the base64 of a SHA-1 over
seed, the two ends in order, and the protocol. ICMP has no ports: its type and the type that answers it
stand for them, and a type that nothing answers, with its code, makes a flow of one direction.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha1
from struct import pack

__all__ = ["community_id"]

ICMP, TCP, UDP, ICMP6, SCTP = 1, 6, 17, 58, 132


def _both_ways(*pairs: tuple[int, int]) -> dict[int, int]:
    return {a: b for pair in pairs for a, b in (pair, pair[::-1])}


ANSWERS = {
    ICMP: _both_ways((8, 0), (13, 14), (15, 16), (17, 18), (10, 9)),
    ICMP6: _both_ways((128, 129), (130, 131), (133, 134), (135, 136), (139, 140), (144, 145)),
}
"""Protocol -> the type that answers each type (RFC 792, RFC 950, RFC 1256, RFC 2710, RFC 4443, RFC 4861, RFC 6275)."""


def community_id(
    src: bytes, dst: bytes, proto: int, src_port: int | None, dst_port: int | None, *, seed: int = 0
) -> str | None:
    """The Community ID of a flow.

    Parameters
    ----------
    src, dst : bytes, 4 or 16 octets
    proto : int
    src_port, dst_port : int or None
        For ICMP the type and the code.
    seed : int
        Of 16 bits; tools agree on 0 unless told otherwise.

    Returns
    -------
    str, or None where a protocol that has ports comes without them, or the addresses are of two families

    Examples
    --------
    >>> community_id(bytes([192, 168, 1, 52]), bytes([8, 8, 8, 8]), 17, 54585, 53)
    '1:d/FP5EW3wiY1vCndhwleRRKHowQ='
    """
    if len(src) != len(dst):
        return None
    ports = b""
    swapped = (dst, dst_port or 0) < (src, src_port or 0)
    if proto in (ICMP, ICMP6, TCP, UDP, SCTP):
        if src_port is None or dst_port is None:
            return None
        if proto in ANSWERS:
            answer = ANSWERS[proto].get(src_port)
            dst_port = dst_port if answer is None else answer
            swapped = answer is not None and (dst, dst_port) < (src, src_port)
        ports = pack("!HH", *((dst_port, src_port) if swapped else (src_port, dst_port)))
    ends = dst + src if swapped else src + dst
    return "1:" + b64encode(sha1(pack("!H", seed) + ends + bytes([proto, 0]) + ports).digest()).decode("ascii")
