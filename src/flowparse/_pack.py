"""Python values to the octets of a column: what `_convert` makes chunks of.

Slow and strict: for reports, conversions and tests, where values are few. A value that its column
cannot hold is the caller's error, and never becomes a different value.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, ip_address
from itertools import accumulate, chain
from typing import Any

from flowparse.datatypes import ColumnType, Show

__all__ = ["Octets", "octets_of_values", "padded_octets"]

Octets = tuple[bytes | None, bytes | None, bytes]
"""Validity bitmap, int32 offsets, and data of a column; None for what it does not have."""

MOST_HEAP_OCTETS = 2**31 - 1
MAPPED = bytes(10) + b"\xff\xff"

_ARRAY_CODES = {
    "u8": "B",
    "u16": "H",
    "u32": "I",
    "u64": "Q",
    "i8": "b",
    "i16": "h",
    "i32": "i",
    "i64": "q",
    "f32": "f",
    "f64": "d",
    "time": "q",
    "time_us": "q",
    "ipv4": "I",
}


def _address(value: Any) -> bytes:
    octets = value if isinstance(value, bytes) else ip_address(value).packed
    return MAPPED + octets if len(octets) == 4 else octets


def _mac(value: Any) -> bytes:
    return value if isinstance(value, bytes) else bytes.fromhex(value.replace(":", "").replace("-", ""))


def _octets(value: Any) -> bytes:
    return bytes(memoryview(value))


def _text(value: Any) -> bytes:
    if isinstance(value, bytes):
        value = value.decode()  # octets that are not UTF-8 have no place in a text column
    octets: bytes = value.encode("utf-8", "backslashreplace")
    return octets


_OCTETS: dict[Show, Callable[[Any], bytes]] = {
    Show.ADDRESS: _address,
    Show.MAC: _mac,
    Show.OCTETS: _octets,
    Show.TEXT: _text,
}
_NUMBER: dict[str, Callable[[Any], Any]] = {
    "ipv4": lambda value: int(IPv4Address(value)),
    "time_us": lambda value: value // 1000,
}


def octets_of_values(type: ColumnType, values: Sequence[Any]) -> Octets | None:
    """A column's octets for Python values.

    Parameters
    ----------
    type : ColumnType
    values : sequence
        None for null. Addresses are text, ipaddress objects, or 4 or 16 octets; MACs text or octets;
        times int nanoseconds; lists sequences of numbers.

    Returns
    -------
    (validity, offsets, data), or None where all values are null.

    Raises
    ------
    ValueError, TypeError, OverflowError
        A value that the column cannot hold.
    """
    present = [value is not None for value in values]
    if not any(present):
        return None
    validity = None if all(present) else _bits(present)
    if type.show == Show.BOOLEAN:
        return validity, None, _bits(values)
    if type.name in _ARRAY_CODES:
        number = _NUMBER.get(type.name)
        numbers = [0 if value is None else number(value) if number else value for value in values]
        return validity, None, array(_ARRAY_CODES[type.name], numbers).tobytes()
    if type.item:
        lists = [() if value is None else value for value in values]
        ends = array("i", accumulate(map(len, lists), initial=0))
        items = array(_ARRAY_CODES[type.item], chain.from_iterable(lists))
        return validity, ends.tobytes(), items.tobytes()
    convert = _OCTETS[type.show]
    octets = [bytes(type.width) if value is None else convert(value) for value in values]
    data = b"".join(octets)
    if type.width:
        if any(len(value) != type.width for value in octets):
            raise ValueError(f"a value of {type.name} has {type.width} octets")
        return validity, None, data
    if len(data) > MOST_HEAP_OCTETS:
        raise ValueError(f"the values of a chunk together have at most {MOST_HEAP_OCTETS} octets")
    offsets = array("i", [0])
    for value in octets:
        offsets.append(offsets[-1] + len(value))
    return validity, offsets.tobytes(), data


def padded_octets(type: ColumnType, column: Octets, rows: int, before: int, after: int) -> Octets:
    """A column's octets with room for values before and after; ValueError for bits, or another length."""
    validity, offsets, data = column
    if not before and not after:
        return column
    if type.show == Show.BOOLEAN or (type.width and len(data) != rows * type.width):
        raise ValueError(f"octets that are not {rows} values of {type.name}")
    if validity is not None:
        bits = int.from_bytes(validity, "little") << before
        validity = bits.to_bytes((before + rows + after + 7) // 8, "little")
    if offsets is not None:
        offsets = bytes(4 * before) + offsets + offsets[-4:] * after
    return validity, offsets, bytes(before * type.width) + data + bytes(after * type.width)


def _bits(flags: Iterable[Any]) -> bytes:
    """A bitmap, the first flag in the lowest bit."""
    flags = list(flags)
    bitmap = bytearray((len(flags) + 7) // 8)
    for i, flag in enumerate(flags):
        if flag:
            bitmap[i >> 3] |= 1 << (i & 7)
    return bytes(bitmap)
