"""Records a second time: from RFC 7011 sections 6 and 7, one octet after the other, plain and slow.

Shares nothing with plan.py and the kernels. What it is given is a template's fields and the octets of
a Set; what it gives is one dict a record, of the values and of the octets as they were sent.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator
from fractions import Fraction
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from flowparse.template import FieldSpecifier

VARIABLE = 65535
SECOND = 10**9
UNIX_1900 = 2_208_988_800
INT64_MAX = 2**63 - 1
UNSIGNED = {f"unsigned{bits}": bits // 8 for bits in (8, 16, 32, 64)}
SIGNED = {f"signed{bits}": bits // 8 for bits in (8, 16, 32, 64)}


def nearest(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))


def ntp(octets: bytes, *, micro: bool) -> int | None:
    """Nanoseconds since 1970 of an NTP timestamp between 1968 and 2104."""
    seconds, fraction = struct.unpack("!II", octets)
    if not seconds and not fraction:
        return None
    second = next(s for s in (seconds - UNIX_1900, seconds - UNIX_1900 + 2**32) if s >= 2**31 - UNIX_1900)
    return second * SECOND + nearest(Fraction(fraction & ~0x7FF if micro else fraction, 2**32) * SECOND)


def address(octets: bytes) -> str:
    mapped = IPv6Address(octets).ipv4_mapped
    return str(mapped or IPv6Address(octets))


def value(type: str, octets: bytes, *, variable: bool = False) -> Any:
    """What a field of an abstract type says; its octets where they cannot be of that type, None for no value."""
    n = len(octets)
    if type == "string":
        return octets.rstrip(b"\0").decode("utf-8", "backslashreplace")
    if variable:
        return octets
    match type, n:
        case "boolean", 1:
            return {0: False, 1: True, 2: False}.get(octets[0])
        case "macAddress", 6:
            return octets.hex(":")
        case "ipv4Address", 4:
            return str(IPv4Address(octets))
        case "ipv6Address", 16:
            return address(octets)
        case (("float32" | "float64"), 4):
            return struct.unpack("!f", octets)[0]
        case "float64", 8:
            return struct.unpack("!d", octets)[0]
        case "dateTimeSeconds", 4:
            return int.from_bytes(octets) * SECOND
        case "dateTimeMilliseconds", 8:
            ns = int.from_bytes(octets) * 10**6
            return ns if ns <= INT64_MAX else None
        case (("dateTimeMicroseconds" | "dateTimeNanoseconds"), 8):
            return ntp(octets, micro=type == "dateTimeMicroseconds")
    if type in UNSIGNED and 1 <= n <= 8:
        return int.from_bytes(octets)
    if type in SIGNED and 1 <= n <= SIGNED[type]:
        return int.from_bytes(octets, signed=True)
    return octets


class CutError(Exception):
    """A record reaches past the end of its Set."""


def split(fields: Iterable[FieldSpecifier], body: bytes) -> Iterator[list[bytes]]:
    """The octets of each field of each record; what is shorter than any record is padding."""
    fields = list(fields)
    least = sum(1 if field.length == VARIABLE else field.length for field in fields)
    at = 0

    def taken(n: int) -> bytes:
        nonlocal at
        if len(body) - at < n:
            raise CutError
        at += n
        return body[at - n : at]

    while len(body) - at >= least:
        record = []
        for field in fields:
            n = field.length
            if n == VARIABLE:
                n = taken(1)[0]
                if n == 255:
                    n = int.from_bytes(taken(2))
            record.append(taken(n))
        yield record


def named(fields: Iterable[FieldSpecifier]) -> list[tuple[str, int]]:
    """(name, index of the field) of each column, by (PEN, id, place); `_2`, `_3` for names that repeat."""
    order = sorted(enumerate(fields), key=lambda pair: (pair[1].element.pen, pair[1].element.id, pair[1].element.name))
    taken: set[str] = {"exporter", "exporter_port", "domain", "template_id", "export_time", "message_index"}
    columns = []
    for i, field in order:
        name, n = field.element.name, 2
        while name in taken:
            name, n = f"{field.element.name}_{n}", n + 1
        taken.add(name)
        columns.append((name, i))
    return columns


def native(fields: Iterable[FieldSpecifier], body: bytes) -> tuple[list[dict[str, Any]], list[dict[str, bytes]]]:
    """(values by column name, octets by column name) of each record."""
    fields = list(fields)
    columns = named(fields)
    values, raws = [], []
    for record in split(fields, body):
        raws.append({name: record[i] for name, i in columns})
        values.append(
            {
                name: value(fields[i].element.type, record[i], variable=fields[i].length == VARIABLE)
                for name, i in columns
            }
        )
    return values, raws
