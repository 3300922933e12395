"""Plans over records with variable fields: against a plain Python reader, and to the ends of heaps and memory."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowparse._columns import Account, Sealed, Table
from flowparse._layout import Layout
from flowparse._plan import Plan
from flowparse._values import Chunk
from flowparse.datatypes import COLUMN_TYPES, octets

T = COLUMN_TYPES
KIB, MIB = 1 << 10, 1 << 20
END = "a record reaches past the end"
LIMIT = "no more octets may be held"


class Field(NamedTuple):
    kind: str  # "unsigned", "mapped", "fixed", "into_binary", "variable", "padding"
    width: int  # 0 for a variable one
    memory: int = 0  # of an unsigned one


VARIABLE = Field("variable", 0)
SKIPPED = Field("skipped", 0)
U32 = Field("unsigned", 4, 4)


class Made(NamedTuple):
    """A plan, and what a reader needs that is not made from it."""

    plan: Plan
    account: Account
    fields: list[Field]

    @property
    def table(self) -> Table:
        return self.plan.table

    @property
    def least(self) -> int:
        return sum(field.width or 1 for field in self.fields)

    def take(self) -> list[list[Any]]:
        """The columns, through all parts."""
        return columns_of(self.table.take(), len(self.table.layout.names))


def columns_of(parts: list[Sealed], n: int) -> list[list[Any]]:
    chunks = [Chunk(part) for part in parts]
    return [[value for chunk in chunks for value in chunk[f"c{i}"]] for i in range(n)]


def made(fields: list[Field], most_held: int = 1 << 30, most_free: int = 1 << 26) -> Made:
    columns: list[Any] = []
    steps: list[tuple[str, int, int, int, int]] = []
    segments = [0]
    for field in fields:
        kernel = {"unsigned": "unsigned", "mapped": "ipv4_mapped"}.get(field.kind, "octets")
        type = {
            "unsigned": T.get(f"u{8 * field.memory}"),
            "mapped": T["address"],
            "fixed": octets(field.width) if field.width else None,
        }.get(field.kind, T["binary"])
        if field.kind not in ("padding", "skipped"):
            steps.append((kernel, len(segments) - 1, segments[-1] if field.width else 0, field.width, len(columns)))
            columns.append((f"c{len(columns)}", type, "step", None, False, field.width, None))
        if field.width:
            segments[-1] += field.width
        else:
            segments.append(0)
    account = Account(most_held, most_free)
    return Made(Plan(Table(Layout(columns), account, "rows"), segments, steps), account, fields)


def length_of(octets: bytes, long: bool = False) -> bytes:
    if len(octets) > 254 or long:
        return b"\xff" + len(octets).to_bytes(2, "big")
    return bytes([len(octets)])


def encoded(fields: list[Field], values: list[bytes], long: Iterator[bool]) -> bytes:
    return b"".join(
        value if field.width else length_of(value, next(long)) + value
        for field, value in zip(fields, values, strict=True)
    )


def shown(field: Field, wire: bytes) -> Any:
    if field.kind == "unsigned":
        return int.from_bytes(wire, "big")
    return ".".join(map(str, wire)) if field.kind == "mapped" else wire


def read(fields: list[Field], body: bytes) -> list[list[Any]] | None:
    """The columns of `body`, a field at a time; None where a record reaches past the end."""
    columns: list[list[Any]] = [[] for _ in fields]
    at = 0

    def taken(n: int) -> bytes:
        nonlocal at
        at += n
        if at > len(body):
            raise EOFError
        return body[at - n : at]

    least = sum(field.width or 1 for field in fields)
    try:
        while len(body) - at >= least:
            for column, field in zip(columns, fields, strict=True):
                n = field.width
                if not n:
                    n = taken(1)[0]
                    if n == 255:
                        n = int.from_bytes(taken(2), "big")
                column.append(shown(field, taken(n)))
    except EOFError:
        return None
    return [c for c, field in zip(columns, fields, strict=True) if field.kind not in ("padding", "skipped")]


UNSIGNED = st.sampled_from([1, 2, 4, 8]).flatmap(
    lambda memory: st.integers(1, memory).map(lambda width: Field("unsigned", width, memory))
)
FIELDS = st.one_of(
    UNSIGNED,
    st.just(VARIABLE),
    st.just(VARIABLE),
    st.just(SKIPPED),
    st.just(Field("mapped", 4)),
    st.sampled_from([1, 3, 6, 16, 40]).map(lambda width: Field("fixed", width)),
    st.sampled_from([1, 5, 300]).map(lambda width: Field("into_binary", width)),
    st.sampled_from([1, 2, 7]).map(lambda width: Field("padding", width)),
)


def has_column(fields: list[Field]) -> bool:
    return any(field.kind not in ("padding", "skipped") for field in fields)


TEMPLATES = st.lists(FIELDS, min_size=1, max_size=12).filter(has_column)
LENGTHS = [*([0] * 4), *range(1, 9), 20, 253, 254, 255, 256, 400]


def records(fields: list[Field], n: int, seed: int) -> list[bytes]:
    rng = random.Random(seed)
    long = iter(lambda: rng.random() < 0.2, None)
    return [
        encoded(fields, [rng.randbytes(field.width or rng.choice(LENGTHS)) for field in fields], long) for _ in range(n)
    ]


# ── against plain Python ─────────────────────────────────────────────────────────────────────────────────────────────


@given(TEMPLATES, st.lists(st.integers(0, 200), min_size=1, max_size=3), st.integers(0, 2**32), st.data())
def test_columns_are_what_a_plain_reader_reads(fields: list[Field], counts: list[int], seed: int, data: Any) -> None:
    plan = made(fields)
    padding = bytes(data.draw(st.integers(0, plan.least - 1)))
    expected: list[list[Any]] = [[] for _ in plan.table.layout.names]
    for k, n in enumerate(counts):
        body = b"".join(records(fields, n, seed + k)) + padding
        columns = read(fields, body)
        assert columns is not None
        assert plan.plan.append(body) == n
        for column, more in zip(expected, columns, strict=True):
            column.extend(more)
    assert plan.table.rows_waiting == sum(counts)
    assert plan.take() == expected


@given(TEMPLATES, st.integers(1, 40), st.integers(0, 2**32), st.data())
def test_a_body_that_is_cut_or_spoilt_is_read_alike(fields: list[Field], n: int, seed: int, data: Any) -> None:
    plan = made(fields)
    whole = b"".join(records(fields, n, seed))
    body = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for _ in range(data.draw(st.integers(0, 3))):
        if body:
            body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.sampled_from([0, 1, 254, 255]))
    columns = read(fields, bytes(body))
    plan.plan.append(whole)
    before = read(fields, whole)
    assert before is not None
    if columns is None:
        with pytest.raises(ValueError, match=END):
            plan.plan.append(body)
        assert plan.table.rows_waiting == n
        assert plan.take() == before
    else:
        assert plan.plan.append(body) == len(columns[0])
        assert plan.take() == [a + b for a, b in zip(before, columns, strict=True)]


@pytest.mark.parametrize(
    "fields",
    [
        [VARIABLE],
        [SKIPPED, VARIABLE],
        [VARIABLE, U32],
        [U32, VARIABLE],
        [VARIABLE] * 3,
        [U32, *[VARIABLE] * 17, U32],
        [VARIABLE] * 300,
        [VARIABLE] * 4096,
        [Field("padding", 40000), VARIABLE, Field("fixed", 40)],
        [Field("fixed", 200)] * 100 + [VARIABLE, U32],
    ],
    ids=["alone", "skipped", "first", "last", "in a row", "17", "300", "4096", "long segment", "wide"],
)
def test_templates_at_the_edges(fields: list[Field]) -> None:
    plan = made(fields)
    body = b"".join(records(fields, 1 if len(fields) > 1000 else 20, 7))
    assert plan.plan.append(body) > 0
    assert plan.take() == read(fields, body)


def test_more_variable_fields_than_are_found_at_once_are_refused() -> None:
    with pytest.raises(ValueError, match="4096 variable"):
        made([SKIPPED] * 4096 + [VARIABLE])


# ── lengths that lie ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "tail",
    [
        b"\xff",
        b"\xff\0",
        b"\1",
        b"\xff\0\1",
        b"\xff\xff\xff",
        b"\xff\xff\xff" + bytes(65534),
        b"\xfe" + bytes(253),
    ],
)
@pytest.mark.parametrize("before", [0, 1, 255, 256, 257, 30000])
def test_a_length_beyond_the_end_leaves_no_row(tail: bytes, before: int) -> None:
    plan = made([VARIABLE])
    plan.plan.append(b"\1a" * 3)
    with pytest.raises(ValueError, match=END):
        plan.plan.append(b"\2bc" * before + tail)
    assert plan.table.rows_waiting == 3
    assert plan.plan.append(b"\1d\0") == 2
    assert plan.take() == [[b"a", b"a", b"a", b"d", b""]]


def test_fixed_fields_behind_the_last_length_reach_past_the_end() -> None:
    plan = made([VARIABLE, U32])
    for body in (b"\2ab\0\0\0", b"\xff\0\2ab", b"\2\0\0\0\0"):
        with pytest.raises(ValueError, match=END):
            plan.plan.append(body)
    assert plan.plan.append(b"\2ab\0\0\0\1" + bytes(4)) == 1
    assert plan.take() == [[b"ab"], [1]]


# ── heaps ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("length", [1000, 20000, 65535])
@pytest.mark.parametrize("n", [31, 32, 33, 200])
def test_heaps_fill_up_and_a_next_part_goes_on(length: int, n: int) -> None:
    plan = made([U32, VARIABLE, VARIABLE])
    values = [bytes([k]) * length for k in range(n)]
    bodies = [
        k.to_bytes(4, "big") + length_of(value) + value + length_of(value[:k]) + value[:k]
        for k, value in enumerate(values)
    ]
    assert plan.plan.append(b"".join(bodies)) == n
    with pytest.raises(ValueError, match=END):
        plan.plan.append(b"".join(bodies) + b"\0\0\0\0\1\0")
    assert plan.table.rows_waiting == n
    for body in bodies:
        plan.plan.append(body)
    parts = plan.table.take()
    assert len(parts) >= 2 * n * length // (2 * MIB)
    assert columns_of(parts, 3) == [[*range(n)] * 2, values * 2, [value[:k] for k, value in enumerate(values)] * 2]


@pytest.mark.parametrize("fields", [[Field("into_binary", 60000), U32], [Field("into_binary", 60000), U32, VARIABLE]])
def test_fixed_octets_fill_heaps_too(fields: list[Field]) -> None:
    plan = made(fields)
    body = b"".join(records(fields, 120, 3))
    assert plan.plan.append(body) == 120
    parts = plan.table.take()
    assert len(parts) >= 4
    assert columns_of(parts, len(fields)) == read(fields, body)


# ── the ends of memory ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("most_held", [0, 4095, 4 * KIB, 8 * KIB, 20 * KIB, 100 * KIB, 3 * MIB])
@pytest.mark.parametrize("fields", [[U32, VARIABLE], [VARIABLE, Field("into_binary", 300)], [Field("into_binary", 90)]])
def test_no_more_than_the_limit_is_held_and_nothing_leaks(fields: list[Field], most_held: int) -> None:
    plan = made(fields, most_held)
    small = b"".join(records(fields, 2, 1))
    large = b"".join(records(fields, 20000, 2))
    # What stays held of a message that does not count would soon be all that may be held.
    counts = []
    for _ in range(40):
        with pytest.raises(ValueError, match=LIMIT):
            plan.plan.append(large)
        assert plan.table.rows_waiting == 0
        try:
            counts.append(plan.plan.append(small))
        except ValueError:
            counts.append(0)
            assert plan.take() == [[] for _ in plan.table.layout.names]
        else:
            assert plan.take() == read(fields, small)
    assert len(set(counts)) == 1
    assert counts[0] == 2 or most_held <= 8 * KIB


@pytest.mark.starves
@pytest.mark.parametrize("before", [0, 100])
@pytest.mark.parametrize("fields", [[U32, VARIABLE, VARIABLE], [U32, Field("into_binary", 300)]])
def test_without_memory_a_message_does_not_count_and_the_next_one_does(fields: list[Field], before: int) -> None:
    testcapi = pytest.importorskip("_testcapi", reason="this Python has no test hooks for allocation")
    first = b"".join(records(fields, before, 1))
    body = b"".join(records(fields, 3000, 2))
    failed = 0
    for fails_at in range(200):
        plan = made(fields, most_free=0)
        plan.plan.append(first)
        error: BaseException | None = None
        added = -1
        testcapi.set_nomemory(fails_at, fails_at + 1)
        try:
            added = plan.plan.append(body)
        except BaseException as caught:
            error = caught
        finally:
            testcapi.remove_mem_hooks()
        assert added == 3000 or isinstance(error, MemoryError)
        failed += added < 0
        rows = before + max(added, 0)
        assert plan.table.rows_waiting == rows
        assert plan.plan.append(body) == 3000
        columns = read(fields, first + (body if added > 0 else b"") + body)
        if fails_at % 10 == 0 or added < 0:
            assert plan.take() == columns
        if added > 0 and fails_at > 60:
            break
    assert failed > 5


# ── plans that are wrong ─────────────────────────────────────────────────────────────────────────────────────────────

COLUMNS: list[Any] = [
    ("a", T["u32"], "step", None, False, 4, None),
    ("b", T["binary"], "step", None, False, 0, None),
    ("c", T["u64"], "constant", 1, False, 8, None),
    ("d", T["u32"], "null", None, True, 4, None),
    ("e", T["utf8"], "null", None, True, 0, None),
    ("f", T["u32"], "context", "domain", True, 4, None),
]
A, B = ("unsigned", 0, 0, 4, 0), ("octets", 0, 0, 0, 1)


@pytest.mark.parametrize(
    ("segments", "steps", "message"),
    [
        ((), (A, B), "segments|record"),
        ((0,), (), "record"),
        ((-1, 4), (A, B), "segments"),
        ((65536, 0), (A, B), "segments|record"),
        ((65535, 0), (A, B), "record"),
        ((2**70, 0), (A, B), "segments|record"),
        ((4, 0), (A,), "no step fills column 1"),
        ((4, 0), (B,), "no step fills column 0"),
        ((4, 0), (A, A, B), "no column 0 to fill"),
        ((4, 0), (A, B, B), "no column 1 to fill"),
        ((4, 0), (("unsigned", 2, 0, 4, 0), B), "no segment 2"),
        ((4, 0), (("unsigned", -1, 0, 4, 0), B), "no segment -1"),
        ((4, 0), (("unsigned", 0, 1, 4, 0), B), "octets 1 to 5"),
        ((4, 0), (("unsigned", 0, -1, 4, 0), B), "octets -1 to 3"),
        ((4, 0), (("unsigned", 0, 4, -1, 0), B), "octets 4 to 3"),
        ((4, 0), (("unsigned", 1, 0, 4, 0), B), "octets 0 to 4 of a segment of 0"),
        ((8, 0), (("unsigned", 0, 0, 5, 0), B), "does not store 5 octets in 4"),
        ((4, 0), (("unsigned", 0, 0, 0, 0), B), "does not store 0 octets in 4"),
        ((4, 0), (("octets", 0, 0, 2, 0), B), "does not store 2 octets in 4"),
        ((4, 0), (("octets", 0, 0, 0, 0), B), "does not store 0 octets in 4"),
        ((4, 0), (("ipv4_mapped", 0, 0, 4, 0), B), "does not store 4 octets in 4"),
        ((4, 0), (("uptime", 0, 0, 4, 0), B), "does not store 4 octets in 4"),
        ((4, 0), (("no such kernel", 0, 0, 4, 0), B), "no such kernel"),
        ((4, 0), (A, ("unsigned", 0, 0, 4, 1)), "variable column takes octets"),
        ((4, 0), (A, ("octets", 1, 0, 0, 1)), "variable column takes octets"),
        ((4,), (A, B), "variable column takes octets"),
        ((4, 0), (A, B, ("unsigned", 0, 0, 4, 2)), "column 2 is not filled by steps"),
        ((4, 0), (A, B, ("unsigned", 0, 0, 4, 3)), "column 3 is not filled by steps"),
        ((4, 0), (A, B, ("octets", 0, 0, 0, 4)), "column 4 is not filled by steps"),
        ((4, 0), (A, B, ("unsigned", 0, 0, 4, 5)), "column 5 is not filled by steps"),
        ((4, 0), (A, B, ("unsigned", 0, 0, 4, 6)), "no column 6 to fill"),
        ((4, 0), (A, B, ("unsigned", 0, 0, 4, -1)), "no column -1 to fill"),
    ],
)
def test_a_plan_that_kernels_could_not_trust_is_refused(segments: Any, steps: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Plan(Table(Layout(COLUMNS), Account(1 << 30, 0), "rows"), segments, steps)
