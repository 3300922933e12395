"""An sFlow datagram, redacted: what `registry/sflow.tsv` knows is copied or replaced, and all else is zero.

Versions 2 and 4 have no lengths to go by; of them the header is left.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from ..reference.sflow import BROCADE, HEADS, LEAST, READ, Damage, Octets, structures
from .packet import blank, redact_frame, redact_packet
from .pseudonyms import Pseudonyms

__all__ = ["VERSIONS", "redact_sflow"]

VERSIONS = (2, 4, 5)
SAMPLED_HEADER = 1
PROTOCOLS: dict[int, Callable[[bytes, Pseudonyms], bytes]] = {1: redact_frame, 11: redact_packet, 12: redact_packet}
"""header_protocol of sflow_version_5.txt."""
NUMBERS = {"u32", "i32", "u64", "u8", "f32", "pct", "aspath", "u32[]", "i32[]", "labels", "vlans"}
"""Types that are copied."""
LEAST_ITEM = 8


def redact_sflow(octets: bytes, pseudonyms: Pseudonyms) -> bytes:
    """As many octets, of the same samples and records."""
    copy = _Copy(octets, pseudonyms)
    at = Octets(octets)
    with suppress(Damage):
        version = copy.number(at)
        copy.field(at, "addr")
        for _ in range(3 if version == 5 else 2):
            copy.number(at)
        count = copy.number(at)
        if version == 5:
            copy.samples(at, count)
    return bytes(copy.made)


class _Copy:
    """What is made of a datagram: zeros, until something is written.

    Each method goes past what it has read, or raises `Damage` where the octets end.
    """

    def __init__(self, octets: bytes, pseudonyms: Pseudonyms) -> None:
        self.octets = octets
        self.made = bytearray(len(octets))
        self.pseudonyms = pseudonyms

    def copied(self, at: Octets, type: str) -> None:
        start = at.at
        READ[type](at)
        self.made[start : at.at] = self.octets[start : at.at]

    def number(self, at: Octets) -> int:
        start = at.at
        self.copied(at, "u32")
        return int.from_bytes(self.octets[start : at.at])

    def replaced(self, at: Octets, length: int, by: Callable[[bytes], bytes]) -> None:
        start = at.at
        self.made[start : start + length] = by(at.take(length))

    def samples(self, at: Octets, count: int) -> None:
        # Progress: a sample has 8 octets at least.
        while count and at.end - at.at >= LEAST:
            tag, length = self.number(at), self.number(at)
            if tag == BROCADE and length >= LEAST:
                at.take(LEAST)
                continue
            inside = at.within(length)
            with suppress(Damage):  # of this sample alone
                self.sample(inside, tag)
            count -= 1

    def sample(self, at: Octets, tag: int) -> None:
        if tag not in HEADS:
            return
        kind, _, types = HEADS[tag]
        for type in types.split():
            self.copied(at, type.replace("_", " "))
        count = self.number(at)
        # Progress: a record has 8 octets at least.
        while count and at.end - at.at >= LEAST:
            tag, length = self.number(at), self.number(at)
            inside = at.within(length)
            with suppress(Damage):  # of this record alone
                self.record(inside, kind, tag)
            count -= 1

    def record(self, at: Octets, kind: str, tag: int) -> None:
        protocol = int.from_bytes(self.octets[at.at : at.at + 4]) if (kind, tag) == ("flow", SAMPLED_HEADER) else 0
        for _, type in structures().get((kind, f"{tag >> 12}:{tag & 0xFFF}"), ()):
            self.field(at, type, protocol)

    def field(self, at: Octets, type: str, protocol: int = 0) -> None:
        if type in NUMBERS:
            self.copied(at, type)
        elif type == "ip4":
            self.replaced(at, 4, self.pseudonyms.ipv4)
        elif type == "ip6":
            self.replaced(at, 16, self.pseudonyms.ipv6)
        elif type == "mac":
            self.replaced(at, 6, self.pseudonyms.mac)
        elif type == "addr":
            form = self.number(at)
            if form > 2:
                raise Damage(at.at)
            if form:
                self.field(at, "ip4" if form == 1 else "ip6")
        elif type == "str":
            self.replaced(at, self.number(at), lambda octets: b"x" * len(octets))
        elif type == "opaque":
            redacted = PROTOCOLS.get(protocol, blank)
            self.replaced(at, self.number(at), lambda octets: redacted(octets, self.pseudonyms))
        elif type == "uuid":
            at.take(16)
        elif type.endswith("[]"):
            self.items(at, type[:-2])
        else:
            raise Damage(at.at)

    def items(self, at: Octets, type: str) -> None:
        """A counted list of addresses or parts; a count that the octets cannot hold is damage."""
        count = self.number(at)
        if count > (at.end - at.at) // LEAST_ITEM:
            raise Damage(at.at)
        for _ in range(count):
            for each in [each for _, each in structures().get(("part", type), ())] or [type]:
                self.field(at, each)
