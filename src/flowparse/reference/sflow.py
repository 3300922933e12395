"""sFlow in plain Python: datagrams, samples and records as sflow_version_5.txt and RFC 3176 frame them.

Heads of samples and fields of structures are lists of (name, type), read one after the other; the lists of
structures are registry/sflow.tsv. What comes out is dicts and tuples, so that it can be compared with any
reading. What is not as it should be is left out here and not told of: what is framed before it counts.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ..registry import rows
from .values import address_text

__all__ = ["Damage", "Datagram", "Record", "Sample", "read"]

BROCADE = 1991 << 12 | 1
"""The tag of a wrapper of two words; the ordinary sample behind it is the one that is counted."""
LEAST = 8
"""Octets of a sample or a record: its tag and its length."""
MAPPED = bytes(10) + b"\xff\xff"
Field = tuple[str, str]


class Damage(Exception):
    """The octets end too early, or say what they cannot: where."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


@dataclass(slots=True)
class Record:
    """A structure: its tag, its fields as far as they are there, and the octets behind them."""

    tag: int
    fields: dict[str, Any]
    rest: bytes


@dataclass(slots=True)
class Sample:
    """A sample: its tag, what its head says, and its records; of an unknown one the octets."""

    tag: int
    head: dict[str, Any] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    rest: bytes = b""


@dataclass(slots=True)
class Datagram:
    """A datagram: what its header says, and its samples."""

    head: dict[str, Any]
    samples: list[Sample]


class Octets:
    """XDR (RFC 4506): words of four octets, and what is shorter filled up to them."""

    def __init__(self, octets: bytes, at: int = 0, end: int | None = None) -> None:
        self.octets, self.at, self.end = octets, at, len(octets) if end is None else end

    def take(self, length: int) -> bytes:
        """So many octets, and whatever there is of their padding."""
        if self.end - self.at < length:
            raise Damage(self.at)
        taken = self.octets[self.at : self.at + length]
        self.at = min(self.end, self.at + length + -length % 4)
        return taken

    def word(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def items(self, least: int, read: Callable[[], Any]) -> tuple[Any, ...]:
        """A count, and so many items; a count that the octets cannot hold is damage, whatever they are."""
        count = self.word()
        if count > (self.end - self.at) // least:
            raise Damage(self.at)
        return tuple(read() for _ in range(count))

    def within(self, length: int) -> Octets:
        """The next octets by themselves."""
        start = self.at
        self.take(length)
        return Octets(self.octets, start, start + length)

    def rest(self) -> bytes:
        return self.octets[self.at : self.end]


# ── fields (sflow_version_5.txt, "sFlow Datagram Format") ────────────────────────────────────────────────────────────


def _address(at: Octets) -> str | None:
    """Type and address: 0 unknown, 1 IPv4, 2 IPv6."""
    start, kind = at.at, at.word()
    if kind > 2:
        raise Damage(start)
    return None if kind == 0 else address_text(MAPPED + at.take(4) if kind == 1 else at.take(16))


def _float(at: Octets, form: str, length: int) -> float:
    """With three decimals, as the text of sflowtool has them."""
    number: float = struct.unpack(form, at.take(length))[0]
    return math.nan if math.isnan(number) else round(number, 3)


def _octet(at: Octets) -> int:
    """One of four in a word."""
    if at.at == at.end:
        raise Damage(at.at)
    at.at += 1
    return at.octets[at.at - 1]


def _percent(at: Octets) -> float | None:
    """Hundredths; -1 is not known."""
    word = at.word()
    return None if word == 0xFFFFFFFF else word / 100


def _uuid(at: Octets) -> str:
    digits = at.take(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _mac(at: Octets) -> str:
    return at.take(8)[:6].hex(":")


def _as_path(at: Octets) -> tuple[Any, ...]:
    return at.items(8, lambda: (at.word(), at.items(4, at.word)))


def _parts(at: Octets, name: str, least: int) -> tuple[Any, ...]:
    return at.items(least, lambda: {name: READ[type](at) for name, type in structures()["part", name]})


def _old_port(at: Octets) -> tuple[int, int]:
    """The highest bit says that the rest is a number of ports, which is format 2."""
    several, value = divmod(at.word(), 1 << 31)
    return 2 * several, value


def _words(at: Octets) -> tuple[int, ...]:
    return at.items(4, at.word)


READ: dict[str, Callable[[Octets], Any]] = {
    "u32": Octets.word,
    "i32": lambda at: int.from_bytes(at.take(4), "big", signed=True),
    "u64": lambda at: int.from_bytes(at.take(8), "big"),
    "u8": _octet,
    "f32": lambda at: _float(at, ">f", 4),
    "pct": _percent,
    "ip4": lambda at: address_text(MAPPED + at.take(4)),
    "ip6": lambda at: address_text(at.take(16)),
    "addr": _address,
    "mac": _mac,
    "uuid": _uuid,
    "str": lambda at: at.take(at.word()).decode("utf-8", "backslashreplace"),
    "opaque": lambda at: at.take(at.word()),
    "u32[]": _words,
    "labels": _words,
    "vlans": _words,
    "i32[]": lambda at: at.items(4, lambda: READ["i32"](at)),
    "mac[]": lambda at: at.items(8, lambda: _mac(at)),
    "aspath": _as_path,
    "sfp_lane[]": lambda at: _parts(at, "sfp_lane", 40),
    "host_adapter[]": lambda at: _parts(at, "host_adapter", 8),
    # Of heads alone: class and index, format and value, in one word or two.
    "source": lambda at: divmod(at.word(), 1 << 24),
    "wide source": lambda at: (at.word(), at.word()),
    "port": lambda at: divmod(at.word(), 1 << 30),
    "wide port": lambda at: (at.word(), at.word()),
    "index": lambda at: (0, at.word()),
    "old port": _old_port,
}


@cache
def structures() -> dict[tuple[str, str], tuple[Field, ...]]:
    """(kind, tag) -> fields in wire order; of a part, its name instead of a tag."""
    found: dict[tuple[str, str], list[Field]] = {}
    for kind, tag, name, type, _, _ in rows("sflow.tsv"):
        if type == "structure":
            fields = found.setdefault((kind, name if kind == "part" else tag), [])
        else:
            fields.append((name, type))
    return {key: tuple(fields) for key, fields in found.items()}


def _record(at: Octets, kind: str, tag: int, lacking: Iterable[str] = ()) -> Record:
    """A structure from all of `at`: a shorter one has its first fields, a longer one more octets."""
    fields = {}
    for name, type in structures().get((kind, f"{tag >> 12}:{tag & 0xFFF}"), ()):
        start = at.at
        if name in lacking:
            continue
        if type not in READ:
            break
        try:
            fields[name] = READ[type](at)
        except Damage:
            at.at = start
            break
    return Record(tag, fields, at.rest())


# ── version 5 ────────────────────────────────────────────────────────────────────────────────────────────────────────

FLOW_HEAD = "sequence source sampling_rate sample_pool drops input output"
HEADS: dict[int, tuple[str, str, str]] = {
    1: ("flow", FLOW_HEAD, "u32 source u32 u32 u32 port port"),
    2: ("counter", "sequence source", "u32 source"),
    3: ("flow", FLOW_HEAD, "u32 wide_source u32 u32 u32 wide_port wide_port"),
    4: ("counter", "sequence source", "u32 wide_source"),
    5: ("flow", "sequence source drops input output reason", "u32 wide_source u32 index index u32"),
}
"""Format of a sample of enterprise 0 -> kind of its records, names and types of its head."""


def _head(at: Octets, names: str, types: str) -> dict[str, Any]:
    pairs = zip(names.split(), types.split(), strict=True)
    return {name: READ[type.replace("_", " ")](at) for name, type in pairs}


def _sample(at: Octets, tag: int) -> Sample:
    if tag not in HEADS:
        return Sample(tag, rest=at.rest())
    kind, names, types = HEADS[tag]
    start = at.at
    try:
        sample = Sample(tag, _head(at, names, types))
        count = at.word()
    except Damage:
        return Sample(tag, rest=at.octets[start : at.end])
    while count and at.end - at.at >= LEAST:
        tag, length = at.word(), at.word()
        if length > at.end - at.at:
            break
        sample.records.append(_record(at.within(length), kind, tag))
        count -= 1
    return sample


def _samples(at: Octets, count: int) -> list[Sample]:
    """As many samples as the count says and the octets hold; their lengths frame them."""
    found: list[Sample] = []
    while len(found) < count and at.end - at.at >= LEAST:
        tag, length = at.word(), at.word()
        if tag == BROCADE and length >= LEAST and at.end - at.at >= LEAST:
            at.take(LEAST)
            continue
        if length > at.end - at.at:
            break
        found.append(_sample(at.within(length), tag))
    return found


# ── versions 2 and 4 (RFC 3176 sections 4.3 and 5) ───────────────────────────────────────────────────────────────────

PACKETS = {1: 1, 2: 3, 3: 4}
EXTENDED = {1: 1001, 2: 1002, 3: 1003, 4: 1004, 5: 1005}
COUNTERS = {1: (1,), 2: (1, 2), 3: (1, 3), 4: (1,), 5: (1, 4), 6: (1,), 7: (5,)}
LACKING = {1: ("stripped",), 1003: ("nexthop",), 1004: ("src_charset", "dst_charset"), 1005: ("host",)}
LACKING_2 = ("nexthop", "communities", "localpref")


def _block(at: Octets, kind: str, format: int, version: int) -> Record:
    """A block, which is a structure of version 5 less what came later, and has no length."""
    lacking = () if kind == "counter" else LACKING_2 if (format, version) == (1003, 2) else LACKING.get(format, ())
    fields: dict[str, Any] = {}
    for name, type in structures().get((kind, f"0:{format}"), ()):
        if name in lacking:
            continue
        if type == "aspath" and version == 2:
            numbers = _words(at)
            fields[name] = ((2, numbers),) if numbers else ()
        else:
            fields[name] = READ[type](at)
    if not fields:
        raise Damage(at.at)
    return Record(format, fields, b"")


def _old_sample(at: Octets, version: int) -> Sample:
    type = at.word()
    if type == 1:
        sample = Sample(1, _head(at, FLOW_HEAD, "u32 source u32 u32 u32 old_port old_port"))
        sample.records.append(_block(at, "flow", PACKETS.get(at.word(), 0), version))
        sample.records += at.items(4, lambda: _block(at, "flow", EXTENDED.get(at.word(), 0), version))
    elif type == 2:
        sample = Sample(2, _head(at, "sequence source interval_s", "u32 source u32"))
        sample.records += [_block(at, "counter", format, version) for format in COUNTERS.get(at.word(), (0,))]
    else:
        raise Damage(at.at)
    return sample


def _old_samples(at: Octets, count: int, version: int) -> list[Sample]:
    """The first sample that does not hold together ends the datagram: nothing says where the next one begins."""
    found: list[Sample] = []
    while len(found) < count:
        try:
            found.append(_old_sample(at, version))
        except Damage:
            break
    return found


# ── datagrams ────────────────────────────────────────────────────────────────────────────────────────────────────────


def read(octets: bytes) -> Datagram:
    """Read a datagram of version 2, 4 or 5.

    Raises
    ------
    Damage
        The header is not whole, or says what is not known: a version, a type of address.
    """
    at = Octets(octets)
    version = at.word()
    if version not in (2, 4, 5):
        raise Damage(0)
    head: dict[str, Any] = {"version": version, "agent": _address(at)}
    head["sub_agent_id"] = at.word() if version == 5 else None
    head["sequence"], head["uptime_ms"] = at.word(), at.word()
    count = at.word()
    return Datagram(head, _samples(at, count) if version == 5 else _old_samples(at, count, version))
