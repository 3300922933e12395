"""NATIVE plans of any template, against plain Python: types, widths, variable fields, and what `raw` knows."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowparse import Element, Registry, element
from flowparse._columns import Account, Table
from flowparse._plan import Plan
from flowparse._values import Chunk
from flowparse.datatypes import DATA_TYPES
from flowparse.plan import layout_key, native
from flowparse.template import FieldSpecifier
from tests import naive_native as naive

CONTEXT = 6
EXPORT_S = 1_700_000_000
VARIABLE = naive.VARIABLE
TYPES = sorted(DATA_TYPES)


class Tables:
    """What a decoder does with plans: one table for all templates of a layout."""

    def __init__(self) -> None:
        self.account = Account(1 << 30, 1 << 26)
        self.tables: dict[object, Table] = {}

    def plan(self, fields: Sequence[FieldSpecifier], *, options: bool = False) -> Plan:
        made = native(fields)
        key = layout_key(fields, options=options)
        if key not in self.tables:
            self.tables[key] = Table(made.layout(), self.account, "flows")
        return Plan(self.tables[key], made.segments, made.steps, made.wires)


def field(type: str, length: int, id: int = 1, *, scope: bool = False) -> FieldSpecifier:
    return FieldSpecifier(Element(64512, id, f"{type}_{id}", type), length, scope)


def check(
    tables: Tables, table: Table, expected: Sequence[tuple[list[dict[str, Any]], list[dict[str, bytes]]]]
) -> None:
    """The rows of a table are those of the messages, and so are their octets."""
    rows = [row for part in table.take() for row in Chunk(part)]
    values = [value for of_one, _ in expected for value in of_one]
    raws = [raw for _, of_one in expected for raw in of_one]
    assert len(rows) == len(values)
    for row, value, raw in zip(rows, values, raws, strict=True):
        assert list(row)[CONTEXT:] == list(value)
        for name in value:
            same = row[name] == value[name] or (
                isinstance(value[name], float) and math.isnan(value[name]) and math.isnan(row[name])
            )
            assert same, (name, row[name], value[name], raw[name].hex())
            assert type(row[name]) is type(value[name])
            assert row.raw(name) == raw[name], name


def decoded(fields: Sequence[FieldSpecifier], body: bytes) -> None:
    tables = Tables()
    plan = tables.plan(fields)
    expected = naive.native(fields, body)
    assert plan.append(body) == len(expected[0])
    check(tables, plan.table, [expected])


BOUNDS = {
    "octets": [b"", b"\0", b"\xff"],
    "float": [1.5, -0.0, math.nan, math.inf, -math.inf, 5e-324, 1e-45, 3.4028234663852886e38],
}


def octets_of(type: str, length: int) -> st.SearchStrategy[bytes]:
    """Octets of a field, those at the bounds of its type often among them."""
    edges = [b"\0" * length, b"\xff" * length, b"\x80" + b"\0" * (length - 1), b"\x7f" + b"\xff" * (length - 1)]
    edges += [n.to_bytes(length) for n in (1, 2, 3, 255, 256) if length and n < 256**length]
    if type in ("float32", "float64") and length in (4, 8):
        edges += [struct.pack("!f" if length == 4 else "!d", number) for number in BOUNDS["float"] if length == 8 or
                  abs(number) < 3.5e38 or math.isinf(number) or math.isnan(number)]  # fmt: skip
    if type == "dateTimeMilliseconds" and length == 8:
        edges += [n.to_bytes(8) for n in (9223372036854, 9223372036855, 2**43, 2**58, 2**58 + 7, 1_700_000_000_123)]
    if length == 8:
        edges += [
            bytes.fromhex("83aa7e8000000000"),
            bytes.fromhex("ffffffffffffffff"),
            bytes.fromhex("e8fe6f826666772d"),
        ]
    return st.sampled_from([edge for edge in edges if len(edge) == length]) | st.binary(
        min_size=length, max_size=length
    )


LENGTHS = st.integers(0, 18) | st.just(VARIABLE) | st.sampled_from([1, 2, 4, 8, 16, 6])


@st.composite
def templates(draw: Any) -> tuple[list[FieldSpecifier], list[list[bytes]]]:
    """Fields, and the octets of some records of them."""
    fields = []
    for _ in range(draw(st.integers(1, 10))):
        type = draw(st.sampled_from(TYPES))
        fields.append(field(type, draw(LENGTHS), draw(st.integers(1, 4)), scope=draw(st.booleans())))
    if not any(each.length for each in fields):
        fields.append(field("unsigned8", 1))
    records = draw(st.lists(st.tuples(*(record_octets(each) for each in fields)).map(list), min_size=1, max_size=4))
    return fields, records


def record_octets(each: FieldSpecifier) -> st.SearchStrategy[bytes]:
    if each.length != VARIABLE:
        return octets_of(each.element.type, each.length)
    return st.binary(max_size=20) | st.binary(min_size=250, max_size=260)


def wire(fields: Sequence[FieldSpecifier], record: Sequence[bytes]) -> bytes:
    octets = b""
    for each, value in zip(fields, record, strict=True):
        if each.length == VARIABLE:
            octets += bytes([len(value)]) if len(value) < 255 else b"\xff" + len(value).to_bytes(2)
        octets += value
    return octets


@given(templates())
def test_any_template_is_read_as_plain_python_reads_it(given_: tuple[list[FieldSpecifier], list[list[bytes]]]) -> None:
    fields, records = given_
    decoded(fields, b"".join(wire(fields, record) for record in records))


@pytest.mark.parametrize("type", TYPES)
@settings(max_examples=5)
@given(data=st.data())
def test_every_width_of_a_type(type: str, data: Any) -> None:
    for length in (*range(18), 32, VARIABLE):
        fields = [field(type, length), field("unsigned8", 1, 2)]
        values = data.draw(st.lists(record_octets(fields[0]), min_size=1, max_size=3))
        decoded(fields, b"".join(wire(fields, [octets, b"\x07"]) for octets in values))


# ── one layout, many templates ───────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=30)
@given(
    lengths=st.lists(st.tuples(st.integers(1, 8), st.integers(1, 4), st.sampled_from([4, 8])), min_size=1, max_size=6),
    seed=st.integers(0, 2**32),
)
def test_templates_of_one_layout_share_a_table_in_the_order_of_arrival(
    lengths: list[tuple[int, int, int]], seed: int
) -> None:
    rng = random.Random(seed)
    tables = Tables()
    expected = []
    plans = []
    for first, second, third in lengths:
        fields = [
            field("unsigned64", first, 1),
            field("signed32", second, 2),
            field("float64", third, 3),
            field("string", rng.choice([3, VARIABLE]), 4),
            field("dateTimeMicroseconds", 8, 5),
        ]
        rng.shuffle(fields)
        plans.append((tables.plan(fields), fields))
    for plan, fields in plans * 2:
        records = [
            [rng.randbytes(rng.randrange(9) if each.length == VARIABLE else each.length) for each in fields]
            for _ in range(3)
        ]
        body = b"".join(wire(fields, record) for record in records)
        expected.append(naive.native(fields, body))
        plan.append(body)
    assert len(tables.tables) == 1
    check(tables, plans[0][0].table, expected)


def test_what_makes_another_layout() -> None:
    base = [field("unsigned32", 4, 1), field("unsigned8", 1, 2)]
    same = [[base[1], base[0]], [field("unsigned32", 2, 1), base[1]]]
    other = [
        [field("unsigned32", 8, 1), base[1]],
        [field("unsigned32", 4, 1, scope=True), base[1]],
        [*base, base[1]],
        base[:1],
        [field("unsigned32", 4, 3), base[1]],
    ]
    assert [layout_key(fields) == layout_key(base) for fields in same] == [True, True]
    assert [layout_key(fields) == layout_key(base) for fields in other] == [False] * 5
    assert layout_key(base, options=True) != layout_key(base)


def test_padding_is_a_field_and_so_is_one_without_octets() -> None:
    registry = Registry.default()
    fields = [
        FieldSpecifier(element("paddingOctets"), 3),
        FieldSpecifier(element("octetDeltaCount"), 0),
        FieldSpecifier(registry.unknown(0, 0), 2),
        FieldSpecifier(element("protocolIdentifier"), 1),
        FieldSpecifier(registry.unknown(99, 7), 2),
        FieldSpecifier(element("reverseOctetDeltaCount"), 2),
        FieldSpecifier(element("paddingOctets"), 1),
    ]
    tables = Tables()
    plan = tables.plan(fields)
    assert plan.append(b"ppp__\x06ab\1\0q" * 2) == 2
    (row, _) = Chunk(plan.table.take()[0])
    assert list(row.items())[CONTEXT:] == [
        ("ie_0_0", b"__"),
        ("octetDeltaCount", b""),
        ("protocolIdentifier", 6),
        ("paddingOctets", b"ppp"),
        ("paddingOctets_2", b"q"),
        ("ie_99_7", b"ab"),
        ("reverseOctetDeltaCount", 256),
    ]
    assert row.raw("octetDeltaCount") == b""


@pytest.mark.parametrize("length", [1, VARIABLE])
def test_as_many_fields_as_a_template_may_have(length: int) -> None:
    fields = [field(TYPES[i % len(TYPES)], length, i % 700 + 1) for i in range(2048)]
    rng = random.Random(3)
    records = [[rng.randbytes(rng.randrange(5) if length == VARIABLE else 1) for _ in fields] for _ in range(3)]
    decoded(fields, b"".join(wire(fields, record) for record in records))


def test_values_that_are_no_value_are_counted() -> None:
    tables = Tables()
    plan = tables.plan([field("boolean", 1, 1), field("dateTimeMilliseconds", 8, 2)])
    for octets in (b"\1", b"\2", b"\0", b"\3", b"\xff"):
        plan.append(octets + bytes(8))
    plan.append(b"\1" + b"\xff" * 8)
    rows = [row for part in plan.table.take() for row in Chunk(part)]
    assert [row["boolean_1"] for row in rows] == [True, False, False, None, None, True]
    assert [row["dateTimeMilliseconds_2"] for row in rows] == [0, 0, 0, 0, 0, None]
    assert rows[-1].raw("dateTimeMilliseconds_2") == b"\xff" * 8
    assert rows[3].raw("boolean_1") == b"\3"
    assert plan.table.take_out_of_range() == 3
    assert plan.table.take_out_of_range() == 0


# ── times ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def one(type: str, octets: bytes) -> Any:
    plan = Tables().plan([field(type, len(octets))])
    plan.append(octets)
    return Chunk(plan.table.take()[0])[0][f"{type}_1"]


@pytest.mark.rfc("7011", "6.1.10")
def test_whole_microseconds_are_exact_however_the_exporter_rounds() -> None:
    for us in (0, 1, 2, 3, 477, 999_998, 999_999, *range(123_000, 123_100)):
        for fraction in (us * 2**32 // 10**6, round(us * 2**32 / 10**6)):
            octets = struct.pack("!II", EXPORT_S + naive.UNIX_1900 - 5, fraction)
            expected = (EXPORT_S - 5) * naive.SECOND + us * 1000
            assert one("dateTimeNanoseconds", octets) == expected
            assert expected - 477 <= one("dateTimeMicroseconds", octets) <= expected


@pytest.mark.rfc("7011", "6.1.9")
def test_the_lower_eleven_bits_of_a_microsecond_say_nothing() -> None:
    low, high = bytes.fromhex("e8fe6f8266667000"), bytes.fromhex("e8fe6f82666677ff")
    assert one("dateTimeMicroseconds", low) == one("dateTimeMicroseconds", high)
    assert one("dateTimeNanoseconds", low) != one("dateTimeNanoseconds", high)


@pytest.mark.rfc("7011", "5.2")
def test_ntp_times_go_on_when_their_seconds_start_anew() -> None:
    turn = 2**32 - naive.UNIX_1900  # 2036-02-07T06:28:16Z
    for type in ("dateTimeMicroseconds", "dateTimeNanoseconds"):
        assert one(type, b"\xff" * 4 + bytes(4)) == (turn - 1) * naive.SECOND
        assert one(type, bytes(3) + b"\1" + bytes(4)) == (turn + 1) * naive.SECOND
        assert one(type, bytes(8)) is None
        assert one(type, bytes.fromhex("83aa7e8000000000")) == 0
