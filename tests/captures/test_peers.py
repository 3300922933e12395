"""Values as other decoders publish them for captures of theirs: logstash's codec, netgauze, telegraf.

`peers/*.jsonl` hold what each of them expects of its own captures, by record and element. A peer writes a value in its
own way (a time as text, octets as numbers), which `READ` turns into ours by the type of the column. Where a peer is
wrong, or says something else than the octets do, a row of `EXCEPTIONS` says why; a row that nothing needs fails.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

import pytest

from flowparse.reference.compare import PlainRow
from flowparse.registry import Element
from tests.captures.test_goldens_templated import element_of, rows_of_goldens, versions
from tests.shared import SHARED, needs_shared
from tests.subjects import Subject, each_subject

PEERS = ("logstash", "netgauze", "telegraf")
UNITS = {"dateTimeSeconds": 10**9, "dateTimeMilliseconds": 10**6}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Place = tuple[int, int, int]
"""Ordinals of datagram, Set and record."""

EXCEPTIONS: dict[tuple[str, str], str] = {
    (
        "logstash",
        "0/57591",
    ): "written octet by octet as ISO 8859-1: 00c1 0000 01ac 1000 64e4 4fef ffff fa07 of "
    "nProbe's L7 information is no UTF-8 (RFC 7011 section 6.1.6); ours shows c1, ac, e4, ef, ff and fa as \\xNN",
}
"""(peer, element) -> why its values are not ours."""


class Field(NamedTuple):
    """A field of a record as it was decoded."""

    element: Element
    type: str
    value: Any
    octets: bytes


# ── how peers write values ───────────────────────────────────────────────────────────────────────────────────────────


def time(theirs: Any, field: Field) -> int:
    """A time as ISO 8601 with milliseconds, or a number in the element's unit: nanoseconds since 1970."""
    if isinstance(theirs, int):
        return theirs * UNITS[field.element.type]
    delta = datetime.fromisoformat(theirs) - EPOCH
    return (delta.days * 86_400 + delta.seconds) * 10**9 + delta.microseconds * 1000


def octets(theirs: Any, field: Field) -> bytes:
    """Octets as a list or in hex, or read by who knows the element better: a number, or text filled up with zeros."""
    if isinstance(theirs, list):
        return bytes(theirs)
    if isinstance(theirs, int):
        return theirs.to_bytes(len(field.octets), "big")
    if special := SPECIAL.get(field.element.name):
        return special(theirs, field)
    return str(theirs).encode().ljust(len(field.octets), b"\0")


def application(theirs: str, field: Field) -> bytes:
    """An application id as hex (telegraf), or as engine, PEN where the engine has one, and selector (logstash)."""
    if ".." not in theirs:
        return bytes.fromhex(theirs)
    engine, *pen, selector = (int(part) for part in theirs.split(".."))
    head = bytes([engine]) + b"".join(number.to_bytes(4, "big") for number in pen)
    return head + selector.to_bytes(len(field.octets) - len(head), "big")


def access_list(theirs: str, field: Field) -> bytes:
    """Three numbers of an access list's entry, in hex."""
    return bytes.fromhex(theirs.replace("-", ""))


SPECIAL: dict[str, Callable[[str, Field], bytes]] = {
    "applicationId": application,
    "ingressAclId": access_list,
    "egressAclId": access_list,
}


def number(theirs: Any, field: Field) -> Any:
    """A number, or one octet in hex (telegraf)."""
    return int(theirs, 16) if isinstance(theirs, str) and len(theirs) == 2 * len(field.octets) else theirs


def address(theirs: str, field: Field) -> str:
    """An address; netgauze writes ::ffff:203.0.113.23 where ours is 203.0.113.23, of the same 16 octets."""
    return theirs.removeprefix("::ffff:") if "." in theirs else theirs


READ: dict[str, Callable[[Any, Field], Any]] = {
    "time": time,
    "binary": octets,
    "u8": number,
    "address": address,
}
"""Column type -> how a peer's value of it reads; others as they are."""

# ── records ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def peer(name: str) -> dict[str, list[dict[str, Any]]]:
    """Capture -> the records that a peer publishes of it."""
    found = defaultdict(list)
    if SHARED is not None:
        for line in (SHARED / "captures" / "peers" / f"{name}.jsonl").read_text().splitlines():
            record = json.loads(line)
            found[record["capture"]].append(record)
    return found


def each_of_peers() -> Any:
    pairs = [(name, capture) for name in PEERS for capture in peer(name)]
    return pytest.mark.parametrize(("name", "capture"), pairs or [pytest.param("none", "none", marks=needs_shared)])


def placed(subject: type[Subject], capture: str) -> dict[Place, tuple[int, PlainRow]]:
    """Place -> (version, row)."""
    return {
        (golden["datagram"], golden["set"], golden["record"]): (version, row)
        for version in versions(capture)
        for golden, row in rows_of_goldens(subject, capture, version)
    }


def fields(record: dict[str, Any], version: int, row: PlainRow) -> Iterator[tuple[str, Any, Field]]:
    """Yield (key, a peer's value, the field) of a record."""
    types = dict(row.types)
    for key, theirs in record["fields"].items():
        name, _, ordinal = key.partition("#")
        # By number where it has one: scope/1, 0/33000, 35632/57590.
        named = element_of(name, version) if "/" in name else None
        element = named or next(each for each in elements(version) if each.name == name)
        column = element.name + (f"_{ordinal}" if ordinal else "")
        held = row.octets[column]
        assert held is not None
        yield key, theirs, Field(element, types[column], row.values[column], held)


@cache
def elements(version: int) -> list[Element]:
    return [element_of(f"0/{id}", version) for id in range(1, 600)]


@pytest.mark.golden
@each_subject
@each_of_peers()
def test_values_are_as_a_peer_publishes_them(name: str, capture: str, subject: type[Subject]) -> None:
    rows = placed(subject, capture)
    compared = 0
    excepted = Counter[tuple[str, str]]()
    for record in peer(name)[capture]:
        version, row = rows[record["datagram"], record["set"], record["record"]]
        for key, theirs, field in fields(record, version, row):
            if (name, key) in EXCEPTIONS:
                assert field.value != theirs
                excepted[name, key] += 1
                continue
            wanted = READ.get(field.type, lambda value, _: value)(theirs, field)
            assert (key, field.value, type(field.value)) == (key, wanted, type(wanted))
            compared += 1
    assert compared + sum(excepted.values()) == sum(len(record["fields"]) for record in peer(name)[capture]) > 0


@needs_shared
def test_every_exception_is_of_something() -> None:
    published = {
        (name, key) for name in PEERS for records in peer(name).values() for each in records for key in each["fields"]
    }
    assert EXCEPTIONS.keys() <= published
