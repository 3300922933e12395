"""Wireshark's reading of NetFlow v9 and IPFIX: as many records, and every value of every field.

tshark shows a field in its own way: times as text, flags in hex, uptimes in seconds, what it has no name for as octets.
`READ` turns that into what the column holds. `ORACLES.md` beside this file says where and why the two differ.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from flowparse.reference.compare import PlainRow
from flowparse.registry import Element
from tests.captures import corpus
from tests.captures.test_goldens_templated import placed_fields, rows_of_goldens, versions
from tests.captures.tshark import Record, Shown, dissected, needs_tshark
from tests.subjects import Kernel

PAGE = Path(__file__).with_name("ORACLES.md")
MOST = 30
"""Datagrams of a capture that are compared in every run."""

AHEAD = 8  # fields that tshark may show before their turn: it puts start and end of a flow together
LOW_BITS_NS = 477  # what the 11 low bits of a fraction amount to

COUNTS = {
    "logstash__netflow-9-h3c": 1,
    "v-calmh-ipfix__parser_test": 2,
    "v-python-netflow__lib": 3,
}
"""Capture -> row of ORACLES.md: the number of its records differs, or that of some datagram's."""

VALUES = {
    ("v-python-netflow__lib", "*"): 3,
    ("logstash__netflow-9-multiple-netflow-exporters", "0/22"): 4,
    ("logstash__ipfix", "0/22"): 4,
    ("logstash__ipfix-dat-as-stream", "0/22"): 4,
    ("graylog-netflow__nprobe-netflow9-2", "0/21"): 4,
    ("graylog-netflow__nprobe-netflow9-2", "0/22"): 4,
    ("logstash__netflow-9-nprobe-dpi-l7", "0/96"): 5,
    ("logstash__netflow-9-nprobe-dpi-l7", "0/57591"): 5,
}
"""(capture, element) -> row of ORACLES.md: values differ."""


class Field(NamedTuple):
    """A field of a record as it was decoded."""

    key: str
    element: Element
    type: str
    value: Any
    octets: bytes


# ── how tshark shows values ──────────────────────────────────────────────────────────────────────────────────────────


def number(shown: Shown, export_ns: int) -> int:
    """A number, also in hex; milliseconds as seconds, seconds and deltas before the export as the time they mean."""
    if shown.name in UNNAMED:
        return int(shown.octets, 16)
    if shown.name.startswith("cflow.abstime"):
        return (export_ns - time(shown, export_ns)) // 1000
    if ":" in shown.text and not shown.text.endswith("UTC"):
        return int(shown.octets, 16)
    if shown.name.startswith("cflow.forwarding_status"):
        status, code = map(int, shown.text.split())  # 2 and 6 bits
        return status << 6 | code
    if shown.text.endswith("UTC"):
        return time(shown, export_ns) // 10**9
    return int(Decimal(shown.text) * 1000) if "." in shown.text else int(shown.text, 0)


def time(shown: Shown, export_ns: int) -> int:
    date, _, fraction = shown.text.removesuffix(" UTC").partition(".")
    parsed = datetime.strptime(date, "%b %d, %Y %H:%M:%S").replace(tzinfo=UTC)
    return int(parsed.timestamp()) * 10**9 + int(fraction)


def octets(shown: Shown, export_ns: int) -> bytes:
    """Octets; a label of MPLS is 20 bits, 3 and 1."""
    if shown.name == "cflow.mpls_label":
        label, traffic_class, bottom = map(int, shown.text.split())
        return (label << 4 | traffic_class << 1 | bottom).to_bytes(3, "big")
    return bytes.fromhex(shown.octets)


def text(shown: Shown, export_ns: int) -> str:
    """Text, of an element without a name as octets."""
    if shown.name in UNNAMED:
        return bytes.fromhex(shown.octets).rstrip(b"\0").decode("utf-8", "backslashreplace")
    return shown.text


def address(shown: Shown, export_ns: int) -> str:
    """An address; tshark writes ::ffff:203.0.113.23 where ours is 203.0.113.23."""
    return shown.text.removeprefix("::ffff:") if "." in shown.text else shown.text


AS_OCTETS = "cflow.unknown_field_type"
UNNAMED = {"cflow.enterprise_private_entry", AS_OCTETS}
"""What tshark calls elements that it does not know."""

READ: dict[str, Callable[[Shown, int], Any]] = {
    **dict.fromkeys(("u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64"), number),
    **dict.fromkeys(("ipv4", "address", "mac"), address),
    "time": time,
    "binary": octets,
    "utf8": text,
}
"""Column type -> what a field as tshark shows it is in that column."""

BEHIND = {
    "cflow.appl_id.classification_engine_id": "cflow.appl_id.selector_id",
    "cflow.icmp_ipv6_type": "cflow.icmp_ipv6_code",
}
"""First -> second of two fields that tshark makes of one."""


def covers(shown: Shown, field: Field) -> bool:
    """Whether tshark shows these octets; of milliseconds it marks the first four."""
    return shown.octets == field.octets.hex() or (
        field.element.type == "dateTimeMilliseconds" and shown.octets == field.octets[:4].hex()
    )


def is_same(shown: Shown, field: Field, export_ns: int) -> bool:
    """Whether tshark shows the same octets as the same value."""
    if not covers(shown, field):
        return False
    try:
        theirs = READ[field.type](shown, export_ns)
    except (ValueError, ArithmeticError):  # the text of another kind of field
        return False
    if field.type == "time" and field.element.type == "dateTimeMicroseconds":
        return 0 <= theirs - field.value <= LOW_BITS_NS
    return bool(theirs == field.value)


# ── records ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def fields_of(golden: dict[str, Any], row: PlainRow) -> Iterator[Field]:
    """The fields of a record that have octets, as its template has them."""
    types = dict(row.types)
    for placed in placed_fields(golden):
        if placed.octets:
            value, type = row.values[placed.column], types[placed.column]
            yield Field(placed.key.partition("#")[0], placed.element, type, value, placed.octets)


def find(rest: Record, field: Field, export_ns: int) -> int | None:
    """The place of a field among those that are next."""
    return next((place for place, each in enumerate(rest[:AHEAD]) if is_same(each, field, export_ns)), None)


def differences(golden: dict[str, Any], row: PlainRow, shown: Record) -> Iterator[tuple[str, str]]:
    """Yield (element, in words) of fields that tshark shows otherwise or not at all, and of what it shows besides."""
    rest, odd = list(shown), False
    export_ns = row.values["export_time"]
    for field in fields_of(golden, row):
        place = find(rest, field, export_ns)
        if place is None:
            # Perhaps it shows two parts.
            pairs = [
                Shown(AS_OCTETS, "", first.octets + second.octets if BEHIND.get(first.name) == second.name else "")
                for first, second in pairwise(rest)
            ]
            place = find(pairs, field, export_ns)
            if place is not None:
                del rest[place]
        if place is not None:
            del rest[place]
        else:
            odd = True
            there = [each.text for each in rest[:AHEAD] if covers(each, field)]
            yield field.key, f"{field.element.name} {field.octets.hex()}: {field.value!r}, tshark {there}"
    if rest and not odd:
        yield "besides", repr(rest)


@needs_tshark
@pytest.mark.parametrize("most", [pytest.param(MOST, id="first"), pytest.param(None, id="all", marks=pytest.mark.slow)])
@corpus.each("nf9", "ipfix")
def test_records_and_values_are_as_tshark_reads_them(name: str, most: int | None) -> None:
    ours = defaultdict(list)
    for version in sorted({9, 10} & {*versions(name)}):
        for golden, row in rows_of_goldens(Kernel, name, version, most):
            ours[golden["datagram"]].append((golden, row))
    odd_counts, odd_values = set[int](), dict[str, str]()
    for ordinal, records in enumerate(dissected(most)[name]):
        if len(records) != len(ours[ordinal]):
            odd_counts.add(ordinal)
            continue
        for (golden, row), shown in zip(ours[ordinal], records, strict=True):
            odd_values.update(differences(golden, row, shown))
    assert bool(odd_counts) == (name in COUNTS), odd_counts
    excepted = {key for capture, key in VALUES if capture == name}
    if "*" not in excepted:
        assert odd_values.keys() == excepted, odd_values


def test_exceptions_are_explained() -> None:
    rows = [line.split("|") for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    explained = {int(row[1]) for row in rows if row[1].strip().isdigit()}
    assert explained == {*COUNTS.values(), *VALUES.values()}
    assert len(explained) <= 12
