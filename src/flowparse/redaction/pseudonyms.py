"""Addresses for addresses: keyed, the same each time, and alike as far as the addresses were alike.

The construction is that of J. Xu, J. Fan, M. Ammar and S. Moon, "Prefix-Preserving IP Address Anonymization", ICNP
2002: each bit is flipped or not by a pseudorandom function of the bits in front of it. Every prefix-preserving map has
this form. Crypto-PAn takes AES for the function; the standard library has none, so BLAKE2s (RFC 7693) stands here, and
the results are not those of Crypto-PAn.

With the octets of an address a[0], a[1], ... and its kind as 8 octets of personalisation ("fp ipv4", "fp ipv6" or
"fp mac", filled up with zeros), the digest of 32 octets

    D = BLAKE2s(a[0] ... a[k-1], key, person=kind)

has a bit for each prefix that ends within octet k: for the j bits of a[k] in front, 0 <= j < 8, whose value is v, bit
number n = 2**j + v, which is D[n // 8] >> n % 8 & 1. If it is set, bit j of a[k], counted from the highest, is flipped.
Bit number 0 is not used.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2s

__all__ = ["Pseudonyms"]

CACHED = 16384
KEY_OCTETS = range(16, 33)
IPV4, IPV6, MAC = b"fp ipv4", b"fp ipv6", b"fp mac"
MAPPED = bytes(10) + b"\xff\xff"


class Pseudonyms:
    """The map of one key.

    Parameters
    ----------
    key : bytes, 16 to 32 octets

    Raises
    ------
    TypeError, ValueError
        The key is no bytes, or is too short or too long.

    Notes
    -----
    It remembers 16384 addresses and as many prefixes, those used last; forgetting changes no result.
    """

    def __init__(self, key: bytes) -> None:
        if not isinstance(key, bytes | bytearray | memoryview):
            raise TypeError(f"a key is bytes, not {type(key).__name__}")
        self._key = bytes(key)
        if len(self._key) not in KEY_OCTETS:
            raise ValueError(f"a key has 16 to 32 octets, not {len(self._key)}")
        self._flips = lru_cache(CACHED)(self._flips_behind)
        self._map = lru_cache(CACHED)(self._mapped)

    def ipv4(self, address: bytes) -> bytes:
        """4 octets for 4 octets."""
        return self._map(IPV4, address)

    def ipv6(self, address: bytes) -> bytes:
        """16 octets for 16 octets; ::ffff:a.b.c.d is a.b.c.d, and stays in ::ffff:0:0/96."""
        if address.startswith(MAPPED):
            return MAPPED + self.ipv4(address[12:])
        return self._map(IPV6, address)

    def mac(self, address: bytes) -> bytes:
        """6 octets for 6 octets; who has an OUI in common has one afterwards."""
        return self._map(MAC, address)

    def _mapped(self, kind: bytes, address: bytes) -> bytes:
        made = bytearray()
        for place, octet in enumerate(address):
            flips, flipped, prefix = self._flips(kind, address[:place]), 0, 1
            for shift in range(7, -1, -1):
                flipped |= (flips >> prefix & 1) << shift
                prefix = prefix << 1 | octet >> shift & 1
            made.append(octet ^ flipped)
        return bytes(made)

    def _flips_behind(self, kind: bytes, before: bytes) -> int:
        """Whether a bit is flipped, of each prefix that begins with these octets and ends within the next."""
        return int.from_bytes(blake2s(before, key=self._key, person=kind).digest(), "little")
