"""Octets of sFlow records to values, field by field: XDR (RFC 4506) as sflow_version_5.txt uses it.

A list with a count is read only if its items fit the octets left, which is checked by division. A
record that does not hold what its structure says keeps what was read and the octets that were not.
Structures may have grown since: octets behind the last known field are kept as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from struct import Struct
from types import MappingProxyType
from typing import Any

from .._addresses import text_of_address
from ..events import Event
from ..limits import Limits
from .model import Fields, Record
from .structures import FLOW, Kind, Structure, StructureField, find, part

__all__ = ["CLAUSES", "Reader", "Short", "address", "decimals", "fields_of", "record", "record_of", "tag_of"]

CLAUSES = {5: "sFlow version 5", 4: "RFC 3176", 2: "RFC 3176"}
"""Version -> the document that defines it."""
MAPPED = bytes(10) + b"\xff\xff"
UNKNOWN = 0xFFFFFFFF
LEAST_RECORD = 8  # octets: tag and length
AGGREGATION = (0, 1016)

U32, I32, U64, F32, F64 = Struct("!I"), Struct("!i"), Struct("!Q"), Struct("!f"), Struct("!d")


class Short(Exception):
    """A field does not fit the octets left."""


class Reader:
    """A window on a datagram; every read is bounded by its end."""

    __slots__ = ("at", "end", "limits", "notices", "octets", "version")

    def __init__(self, octets: bytes, limits: Limits) -> None:
        self.octets, self.at, self.end = octets, 0, len(octets)
        self.limits = limits
        self.notices: list[Event] = []
        self.version = 5

    @property
    def left(self) -> int:
        return self.end - self.at

    def number(self, form: Struct = U32) -> Any:
        if self.left < form.size:
            raise Short
        (value,) = form.unpack_from(self.octets, self.at)
        self.at += form.size
        return value

    def take(self, length: int) -> bytes:
        """So many octets; XDR's padding to four is skipped where it is there."""
        if self.left < length:
            raise Short
        taken = self.octets[self.at : self.at + length]
        self.at = min(self.at + (length + 3 & ~3), self.end)
        return taken

    def window(self, length: int) -> Reader:
        """The next `length` octets as a Reader of their own, which tells to the same list."""
        if self.left < length:
            raise Short
        inside = Reader.__new__(Reader)
        inside.octets, inside.at, inside.end = self.octets, self.at, self.at + length
        inside.limits, inside.notices, inside.version = self.limits, self.notices, self.version
        self.at = min(self.at + (length + 3 & ~3), self.end)
        return inside

    def count(self, least: int) -> int:
        """A number of items of at least so many octets each, all of which must fit."""
        n: int = self.number()
        if n > self.left // least:
            raise Short
        return n

    def rest(self) -> bytes:
        return self.octets[self.at : self.end]

    def tell(self, code: str, severity: Any, message: str, offset: int, **detail: Any) -> None:
        self.notices.append(
            Event(
                code=code,
                severity=severity,
                message=message,
                offset=offset,
                clause=CLAUSES[self.version],
                detail=MappingProxyType(detail),
            )
        )


# ── fields ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def decimals(value: float) -> float:
    """A float as sflowtool prints it, three decimals; one object stands for not a number, so that it equals itself."""
    return math.nan if math.isnan(value) else round(value, 3)


def text(octets: bytes) -> str:
    return octets.decode("utf-8", "backslashreplace")


def mac_text(octets: bytes) -> str:
    return octets.hex(":")


def uuid_text(octets: bytes) -> str:
    digits = octets.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _percent(at: Reader) -> float | None:
    hundredths: int = at.number()
    return None if hundredths == UNKNOWN else hundredths / 100


def _octet(at: Reader) -> int:
    """One of the four in a word; `take` would skip the other three."""
    if at.left < 1:
        raise Short
    at.at += 1
    return at.octets[at.at - 1]


def address(at: Reader) -> str | None:
    kind: int = at.number()
    if kind == 1:
        return text_of_address(MAPPED + at.take(4))
    if kind == 2:
        return text_of_address(at.take(16))
    if kind == 0:
        return None
    at.at -= 4
    raise Short


def _as_path(at: Reader) -> tuple[tuple[int, tuple[int, ...]], ...]:
    segments = []
    for _ in range(at.count(8)):
        kind: int = at.number()
        segments.append((kind, tuple(at.number() for _ in range(at.count(4)))))
    return tuple(segments)


def _pdus(at: Reader) -> tuple[tuple[Record, ...], ...]:
    """The frames of an aggregate; one within another is not unfolded."""
    return tuple(
        tuple(record(at, FLOW, nested=True) for _ in range(at.count(LEAST_RECORD))) for _ in range(at.count(4))
    )


METRICS: dict[int, tuple[str, str]] = dict(
    enumerate(
        (
            ("string", "str"),
            ("counter32", "u32"),
            ("counter64", "u64"),
            ("gauge32", "u32"),
            ("gauge64", "u64"),
            ("gaugeFloat", "f32"),
            ("gaugeDouble", "f64"),
        )
    )
)
ATTRIBUTES: dict[int, tuple[str, str]] = dict(
    enumerate(
        (
            ("string", "str"),
            ("mac", "mac"),
            ("ip", "ip4"),
            ("ip6", "ip6"),
            ("int32", "u32"),
            ("int64", "u64"),
            ("float", "f32"),
            ("double", "f64"),
        )
    )
)


def _named(at: Reader, types: dict[int, tuple[str, str]]) -> tuple[tuple[str, str, Any], ...]:
    """sFlow-RT's triples. The first of an unknown type ends them: how long its value is, nobody knows."""
    triples = []
    for _ in range(at.count(8)):
        start = at.at
        name = text(at.take(at.number()))
        kind: int = at.number()
        if kind not in types:
            at.at = start
            break
        word, type = types[kind]
        triples.append((name, word, READERS[type](at)))
    return tuple(triples)


def _items(at: Reader, read: Callable[[Reader], Any], least: int) -> tuple[Any, ...]:
    return tuple(read(at) for _ in range(at.count(least)))


def _part(name: str, least: int) -> Callable[[Reader], Any]:
    def read(at: Reader) -> Fields:
        of = part(name)
        return Fields(of.names, tuple(READERS[field.type](at) for field in of.fields))

    return lambda at: _items(at, read, least)


READERS: dict[str, Callable[[Reader], Any]] = {
    "u32": lambda at: at.number(),
    "i32": lambda at: at.number(I32),
    "u64": lambda at: at.number(U64),
    "f32": lambda at: decimals(at.number(F32)),
    "f64": lambda at: decimals(at.number(F64)),
    "u8": _octet,
    "pct": _percent,
    "ip4": lambda at: text_of_address(MAPPED + at.take(4)),
    "ip6": lambda at: text_of_address(at.take(16)),
    "addr": address,
    "mac": lambda at: mac_text(at.take(8)[:6]),
    "uuid": lambda at: uuid_text(at.take(16)),
    "str": lambda at: text(at.take(at.number())),
    "opaque": lambda at: at.take(at.number()),
    "u32[]": lambda at: _items(at, READERS["u32"], 4),
    "i32[]": lambda at: _items(at, READERS["i32"], 4),
    "mac[]": lambda at: _items(at, READERS["mac"], 8),
    "labels": lambda at: _items(at, READERS["u32"], 4),
    "vlans": lambda at: _items(at, READERS["u32"], 4),
    "aspath": _as_path,
    "pdus": _pdus,
    "sfp_lane[]": _part("sfp_lane", 40),
    "host_adapter[]": _part("host_adapter", 8),
    "rtmetrics": lambda at: _named(at, METRICS),
    "rtattributes": lambda at: _named(at, ATTRIBUTES),
}
"""Type -> how to read a field of it."""


def fields_of(at: Reader, fields: tuple[StructureField, ...]) -> tuple[tuple[Any, ...], bool]:
    """The fields that are there, and whether they end where a field ends; `at` is behind the last of them."""
    values: list[Any] = []
    for field in fields:
        start = at.at
        try:
            values.append(READERS[field.type](at))
        except Short:
            at.at = start
            return tuple(values), start == at.end
    return tuple(values), True


# ── records ──────────────────────────────────────────────────────────────────────────────────────────────


def tag_of(number: int) -> tuple[int, int]:
    """Enterprise and format."""
    return number >> 12, number & 0xFFF


def record_of(at: Reader, tag: tuple[int, int], structure: Structure | None) -> Record:
    """A record from all of `at`."""
    if structure is None:
        return Record(*tag, f"{tag[0]}:{tag[1]}", data=at.rest())
    start = at.at
    values, whole = fields_of(at, structure.fields)
    if not whole:
        length, name = at.end - start, structure.fields[len(values)].name
        at.tell(
            "message_truncated",
            "warning",
            f"{structure.name} of {length} octets does not hold its {name}; what is before it is kept",
            start,
            length=length,
            field=name,
        )
    return Record(*tag, structure.name, Fields(structure.names, values), at.rest())


def record(at: Reader, kind: Kind, *, nested: bool = False) -> Record:
    """The next record; Short if its length leads past the end."""
    tag = tag_of(at.number())
    inside = at.window(at.number())
    return record_of(inside, tag, None if nested and tag == AGGREGATION else find(kind, *tag))
