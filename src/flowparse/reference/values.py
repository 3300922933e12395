"""What the octets of a field mean: the abstract data types of RFC 7012 section 3.1, by RFC 7011 section 6.

A value is what `Batch.to_dicts` would give: numbers, text of addresses, nanoseconds since 1970,
octets where a length is none that the type has; None where there is no value.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address

from ..datatypes import Show, column_type

__all__ = ["Value", "address_text", "column", "value"]

Value = int | float | bool | str | bytes | None

INT64_MAX = 2**63 - 1
NTP_1970 = 2_208_988_800
"""Seconds from 1900 to 1970."""


def column(type: str, length: int) -> str:
    """The name of the column type of a field: its own where its length is fixed, else octets or text."""
    return column_type(type, length).name


def value(type: str, length: int, octets: bytes) -> Value:
    """What the octets of a field mean, whose element has `type` and whose specifier says `length`."""
    show = column_type(type, length).show
    if show is Show.TEXT:
        return text(octets)
    if show is Show.OCTETS:
        return octets
    if show is Show.UNSIGNED:
        return int.from_bytes(octets, "big")  # reduced-size too: RFC 7011 sections 6.1.1 and 6.2
    if show is Show.SIGNED:
        return int.from_bytes(octets, "big", signed=True)
    if show is Show.FLOAT:
        return floating(octets)
    if show is Show.BOOLEAN:
        return boolean(octets[0])
    if show is Show.IPV4:
        return str(IPv4Address(octets))
    if show is Show.ADDRESS:
        return address_text(octets)
    if show is Show.MAC:
        return ":".join(f"{octet:02x}" for octet in octets)
    return TIMES[type](octets)


def floating(octets: bytes) -> float:
    """An IEEE 754 number (RFC 7011 sections 6.1.3 and 6.1.4); a float64 may come as float32 (section 6.2)."""
    number: float = struct.unpack(">f" if len(octets) == 4 else ">d", octets)[0]
    return number


def boolean(octet: int) -> bool | None:
    """True is 1, false is 2 (RFC 7011 section 6.1.5); exporters send 0 for false, and others mean nothing."""
    return {0: False, 1: True, 2: False}.get(octet)


def text(octets: bytes) -> str:
    r"""UTF-8 (RFC 7011 section 6.1.6); other octets as \xNN, and without the zeros that fill a length."""
    return octets.rstrip(b"\0").decode("utf-8", "backslashreplace")


def address_text(octets: bytes) -> str:
    """An IPv6 address as RFC 5952 writes it; an IPv4 address in ::ffff:0:0/96 as IPv4."""
    address = IPv6Address(octets)
    return str(address.ipv4_mapped or address)


def seconds(octets: bytes) -> int:
    """Seconds since 1970 (RFC 7011 section 6.1.7)."""
    return int.from_bytes(octets, "big") * 10**9


def milliseconds(octets: bytes) -> int | None:
    """Milliseconds since 1970 (RFC 7011 section 6.1.8); None beyond what 64 bits of nanoseconds hold."""
    ns = int.from_bytes(octets, "big") * 10**6
    return ns if ns <= INT64_MAX else None


def microseconds(octets: bytes) -> int | None:
    """An NTP timestamp whose fraction ends with 11 bits that are ignored (RFC 7011 section 6.1.9)."""
    return ntp(octets, 0xFFFFF800)


def nanoseconds(octets: bytes) -> int | None:
    """An NTP timestamp (RFC 7011 section 6.1.10)."""
    return ntp(octets, 0xFFFFFFFF)


def ntp(octets: bytes, mask: int) -> int | None:
    """Seconds since 1900 and 1/2**32 of a second, to the nearest nanosecond; all zero is no time.

    RFC 4330 section 3: where the first bit is not set, the seconds count from 2036-02-07 06:28:16.
    """
    if not any(octets):
        return None
    whole, fraction = int.from_bytes(octets[:4], "big"), int.from_bytes(octets[4:], "big") & mask
    if whole < 2**31:
        whole += 2**32
    return (whole - NTP_1970) * 10**9 + (fraction * 10**9 + 2**31 >> 32)


TIMES = {
    "dateTimeSeconds": seconds,
    "dateTimeMilliseconds": milliseconds,
    "dateTimeMicroseconds": microseconds,
    "dateTimeNanoseconds": nanoseconds,
}
