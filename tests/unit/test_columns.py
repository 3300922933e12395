"""The column engine: growth, marks, sealing, finish steps, and the ends of memory."""

from __future__ import annotations

import sys
from array import array
from itertools import pairwise
from types import ModuleType
from typing import Any

import pytest

from flowparse._columns import Account, Sealed, Table
from flowparse._layout import Layout
from flowparse._values import Chunk
from flowparse.datatypes import COLUMN_TYPES

T = COLUMN_TYPES
COUNTER = ("n", T["u32"], "step", None, False, 4, None)
EXPORTER = ("exporter", T["address"], "context", "exporter", True, 16, None)
DOMAIN = ("domain", T["u32"], "context", "domain", True, 4, None)
NOTHING = ("nothing", T["address"], "null", None, True, 16, None)
KIB = 1024


def table_of(
    *columns: Any, finish: Any = (), most_held: int = 1 << 30, most_free: int = 1 << 26
) -> tuple[Table, Account]:
    account = Account(most_held, most_free)
    return Table(Layout(columns, finish), account, "rows"), account


def u32(*numbers: int) -> bytes:
    return array("I", numbers).tobytes()


def values(chunks: list[Sealed], column: str) -> list[Any]:
    return [value for sealed in chunks for value in Chunk(sealed)[column]]


class Writer:
    """Messages of rows that count on from message to message."""

    def __init__(self, engine: ModuleType, table: Table, account: Account) -> None:
        self.engine, self.table, self.account = engine, table, account
        self.next = 0

    def take_apart(self) -> list[Sealed]:
        return [sealed for _, parts in self.account.take_apart() for sealed in parts]

    def append(self, rows: int) -> int:
        columns: list[bytes | None] = [None] * len(self.table.layout.names)
        columns[0] = u32(*range(self.next, self.next + rows))
        added: int = self.engine.append(self.table, columns, rows)
        self.next += max(added, 0)
        return added

    def message(self, rows: int, *, commit: bool = True, apart: bool = False, **context: Any) -> None:
        before = self.next
        self.engine.begin(self.account, apart, **context)
        self.append(rows)
        if commit:
            self.engine.commit(self.account)
        else:
            self.engine.roll_back(self.account)
            self.next = before


@pytest.fixture
def writer(engine: ModuleType) -> Writer:
    return Writer(engine, *table_of(COUNTER, EXPORTER, NOTHING))


# ── growth ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_parts_grow_until_they_hold_8192_rows(writer: Writer) -> None:
    writer.message(30000)
    assert writer.table.layout.rows_of_slab() == (199, 801, 3205, 8192, 8192, 8192)
    chunks = writer.table.take()
    assert [len(chunk) for chunk in chunks] == [199, 801, 3205, 8192, 8192, 8192, 30000 - 28781]
    assert values(chunks, "n") == list(range(30000))


def test_a_table_that_is_taken_often_goes_back_to_smaller_parts(writer: Writer) -> None:
    writer.message(5000)
    assert [len(chunk) for chunk in writer.table.take()] == [199, 801, 3205, 795]
    for _ in range(4):
        writer.message(10)
        writer.table.take()
    assert writer.engine.held(writer.account) == 0
    writer.message(300)
    assert writer.engine.held(writer.account) <= 20 * KIB


def test_a_wide_row_starts_with_the_slab_that_holds_it(engine: ModuleType) -> None:
    wide = [(f"c{i}", T["u64"], "step", None, False, 8, None) for i in range(1000)]
    table, account = table_of(*wide)
    engine.begin(account)
    assert table.layout.rows_of_slab()[:2] == (0, 0)
    assert engine.append(table, [bytes(8)] * 1000, 1) == 1
    assert engine.held(account) == 64 * KIB
    engine.commit(account)


def test_a_row_that_fits_no_slab_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Layout([(f"c{i}", T["u64"], "step", None, False, 8, None) for i in range(40000)])


@pytest.mark.parametrize(
    ("columns", "finish"),
    [
        ([], ()),
        ([COUNTER, COUNTER], ()),
        ([(None, *COUNTER[1:]), EXPORTER], ()),
        ([("x", T["u16"], "context", "domain", True, 2, None)], ()),
        ([("x", T["address"], "constant", 1, False, 16, None)], ()),
        ([("x", T["utf8"], "finish", None, False, 0, None)], ()),
        ([COUNTER], [("zero_is_null", (1,))]),
        ([COUNTER], [("zero_is_null", (0, 0))]),
    ],
)
def test_a_layout_that_kernels_could_not_trust_is_refused(columns: Any, finish: Any) -> None:
    with pytest.raises(ValueError, match=r"column|layout|takes"):
        Layout(columns, finish)


# ── marks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("before", [0, 1, 198, 199, 200, 1000, 4205, 20000])
@pytest.mark.parametrize("rows", [1, 199, 5000])
def test_a_message_that_is_rolled_back_leaves_nothing(writer: Writer, before: int, rows: int) -> None:
    if before:
        writer.message(before)
    held = writer.engine.held(writer.account)
    writer.message(rows, commit=False)
    assert writer.table.rows_waiting == before
    assert writer.engine.held(writer.account) == held
    writer.message(300)
    chunks = writer.table.take()
    assert values(chunks, "n") == list(range(before + 300))
    assert writer.engine.held(writer.account) == 0


def test_context_of_a_message_that_is_rolled_back_is_gone(writer: Writer) -> None:
    a, b, c = (bytes(15) + bytes([i]) for i in (1, 2, 3))
    writer.message(5, exporter=a)
    writer.message(5, exporter=b, commit=False)
    writer.message(5, exporter=c)
    assert values(writer.table.take(), "exporter") == ["::1"] * 5 + ["::3"] * 5


def test_rolling_back_twice_in_the_same_open_part(writer: Writer) -> None:
    for rows in (3, 4, 5):
        writer.message(rows)
        writer.message(rows, commit=False)
    assert values(writer.table.take(), "n") == list(range(12))


def test_two_tables_of_one_message_are_rolled_back_together(engine: ModuleType) -> None:
    account = Account(1 << 30, 1 << 26)
    layout = Layout([COUNTER])
    tables = [Table(layout, account, name) for name in ("a", "b")]
    for commit in (True, False, True):
        engine.begin(account)
        for table in tables:
            engine.append(table, [u32(*range(3000))], 3000)
        engine.commit(account) if commit else engine.roll_back(account)
    assert [table.rows_waiting for table in tables] == [6000, 6000]
    assert values(tables[1].take(), "n") == [*range(3000), *range(3000)]


def test_a_message_apart_leaves_by_itself(writer: Writer) -> None:
    writer.message(100)
    writer.message(1000, apart=True)
    apart = writer.take_apart()
    assert values(apart, "n") == list(range(100, 1100))
    assert writer.table.rows_waiting == 100
    writer.message(50)
    assert writer.take_apart() == []
    assert values(writer.table.take(), "n") == [*range(100), *range(1100, 1150)]
    assert writer.engine.held(writer.account) == 0


def test_a_message_apart_that_is_rolled_back_keeps_what_was_there(writer: Writer) -> None:
    writer.message(100)
    writer.message(1000, apart=True, commit=False)
    assert writer.take_apart() == []
    assert writer.table.rows_waiting == 100
    assert values(writer.table.take(), "n") == list(range(100))


# ── the ends of memory ───────────────────────────────────────────────────────────────────────────────────────────────


def test_no_more_than_the_limit_is_held(engine: ModuleType) -> None:
    table, account = table_of(COUNTER, EXPORTER, NOTHING, most_held=84 * KIB)
    writer = Writer(engine, table, account)
    engine.begin(account)
    assert writer.append(199 + 801 + 3205) == 199 + 801 + 3205
    assert engine.held(account) == 84 * KIB
    assert writer.append(1) == 0
    engine.roll_back(account)
    assert engine.held(account) == 0
    assert table.rows_waiting == 0
    writer.next = 0
    writer.message(10)
    assert values(table.take(), "n") == list(range(10))


def test_an_account_without_room_takes_no_rows(engine: ModuleType) -> None:
    table, account = table_of(COUNTER, most_held=4095)
    engine.begin(account)
    assert engine.append(table, [u32(1)], 1) == 0
    engine.commit(account)
    assert table.take() == []


@pytest.mark.starves
@pytest.mark.parametrize("fails_at", range(12))
def test_without_memory_the_message_does_not_count_and_the_next_one_does(engine: ModuleType, fails_at: int) -> None:
    testcapi = pytest.importorskip("_testcapi", reason="this Python has no test hooks for allocation")
    table, account = table_of(COUNTER, EXPORTER, NOTHING)
    writer = Writer(engine, table, account)
    writer.message(100, exporter=bytes(16))
    columns = [u32(*range(9000)), None, None]
    engine.begin(account, exporter=bytes(15) + b"\1")
    testcapi.set_nomemory(fails_at, fails_at + 1)
    try:
        added = engine.append(table, columns, 9000)
    except MemoryError:
        added = -1
    finally:
        testcapi.remove_mem_hooks()
    if added == 9000:
        engine.commit(account)
        assert table.rows_waiting == 9100
    else:
        assert added == -1
        engine.roll_back(account)
        assert table.rows_waiting == 100
    writer.message(5)
    assert values(table.take(), "n")[-5:] == [100, 101, 102, 103, 104]
    assert engine.held(account) == 0


@pytest.mark.starves
def test_sealing_needs_no_memory_that_it_cannot_do_without(engine: ModuleType) -> None:
    testcapi = pytest.importorskip("_testcapi", reason="this Python has no test hooks for allocation")
    table, account = table_of(COUNTER, EXPORTER, ("k", T["u8"], "constant", 7, False, 1, None))
    engine.begin(account, exporter=bytes(15) + b"\5")
    engine.append(table, [u32(*range(30000)), None, None], 30000)
    testcapi.set_nomemory(0)
    try:
        engine.commit(account)
    finally:
        testcapi.remove_mem_hooks()
    chunks = table.take()
    assert values(chunks, "exporter") == ["::5"] * 30000
    assert values(chunks, "k") == [7] * 30000


def test_full_slabs_go_back_to_a_bounded_pool(engine: ModuleType) -> None:
    table, account = table_of(COUNTER, most_free=84 * KIB)
    writer = Writer(engine, table, account)
    writer.message(200000)
    chunks = table.take()
    assert engine.free_slabs(account)[2] == 0
    assert len(chunks) > 10
    del chunks
    assert engine.free_slabs(account) == [1, 1, 1, 0, 0, 0]


def test_rows_outlive_their_decoder(writer: Writer) -> None:
    writer.message(9000)
    chunks = writer.table.take()
    del writer.table, writer.account
    assert values(chunks, "n") == list(range(9000))


@pytest.mark.parametrize(
    ("most_open", "parts"), [(2, [[5, 5], [5], [5]]), (1, [[5, 5], [5], [5]]), (3, [[10], [5], [5]])]
)
def test_no_more_tables_are_open_than_the_limit(engine: ModuleType, most_open: int, parts: list[list[int]]) -> None:
    account = Account(1 << 30, 1 << 26, most_open)
    tables = [Table(Layout((COUNTER,), ()), account, "rows") for _ in range(3)]
    for which, first in ((0, 0), (1, 0), (2, 0), (0, 5)):
        engine.begin(account)
        assert engine.append(tables[which], [u32(*range(first, first + 5))], 5) == 5
        engine.commit(account)
    taken = [table.take() for table in tables]
    assert [[len(part) for part in of_table] for of_table in taken] == parts
    assert [values(of_table, "n") for of_table in taken] == [list(range(10)), list(range(5)), list(range(5))]
    assert engine.held(account) == 0


def test_a_message_may_open_more_tables_than_the_limit_and_be_rolled_back(engine: ModuleType) -> None:
    account = Account(1 << 30, 1 << 26, 1)
    tables = [Table(Layout((COUNTER,), ()), account, "rows") for _ in range(5)]
    engine.begin(account)
    assert engine.append(tables[0], [u32(7)], 1) == 1
    engine.commit(account)
    engine.begin(account)
    for table in tables:
        assert engine.append(table, [u32(8)], 1) == 1
    engine.roll_back(account)
    del tables[3:]  # a table that goes leaves the list
    engine.begin(account)
    assert engine.append(tables[1], [u32(9)], 1) == 1
    engine.commit(account)
    assert [values(table.take(), "n") for table in tables] == [[7], [9], []]
    assert engine.held(account) == 0


# ── sealed columns ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_column_that_nobody_fills_is_the_same_octets_in_every_part(writer: Writer) -> None:
    writer.message(5000)
    chunks = writer.table.take()
    nowhere = writer.engine.null_address()
    assert all(writer.engine.places(chunk, 2) == (nowhere, nowhere, 0) for chunk in chunks)
    assert all(Chunk(chunk)["nothing"].null_count == len(chunk) for chunk in chunks)


def test_a_context_of_one_value_shares_a_block_between_large_parts(writer: Writer) -> None:
    for _ in range(30):
        writer.message(1000, exporter=bytes(15) + b"\1")
    chunks = writer.table.take()
    large = [writer.engine.places(chunk, 1) for chunk in chunks if len(chunk) == 8192]
    assert len(large) > 1
    assert len(set(large)) == 1
    assert large[0][2] != 0
    assert values(chunks, "exporter") == ["::1"] * 30000


def test_a_context_that_changes_has_its_own_octets(writer: Writer) -> None:
    for i in range(30):
        writer.message(1000, exporter=bytes(15) + bytes([i]))
    chunks = writer.table.take()
    assert values(chunks, "exporter") == [f"::{i:x}" if i else "::" for i in range(30) for _ in range(1000)]
    assert all(writer.engine.places(chunk, 1)[2] == 0 for chunk in chunks)


def test_a_context_changes_within_a_message(engine: ModuleType) -> None:
    table, account = table_of(COUNTER, DOMAIN)
    engine.begin(account, domain=1)
    engine.append(table, [u32(0, 1), None], 2)
    engine.set_context(account, domain=2)
    engine.append(table, [u32(2), None], 1)
    engine.set_context(account, domain=3)
    engine.set_context(account, domain=4)
    engine.append(table, [u32(3), None], 1)
    engine.commit(account)
    assert values(table.take(), "domain") == [1, 1, 2, 4]


def test_an_unknown_context_is_null(engine: ModuleType) -> None:
    table, account = table_of(COUNTER, EXPORTER, DOMAIN)
    writer = Writer(engine, table, account)
    exporter_unknown = 1
    for nulls in (0, exporter_unknown, exporter_unknown, 0):
        writer.message(13, exporter=bytes(15) + b"\1", domain=5, nulls=nulls)
    (chunk,) = table.take()
    column = Chunk(chunk)["exporter"]
    assert column.null_count == 26
    assert column.to_list() == ["::1"] * 13 + [None] * 26 + ["::1"] * 13
    assert Chunk(chunk)["domain"].null_count == 0


def test_constants_are_written_small_and_shared_large(engine: ModuleType) -> None:
    table, account = table_of(COUNTER, ("k", T["u16"], "constant", 0x1234, False, 2, None))
    Writer(engine, table, account).message(60000)
    chunks = table.take()
    assert set(values(chunks, "k")) == {0x1234}
    owners = [engine.places(chunk, 1)[2] for chunk in chunks]
    assert owners[0] == 0
    assert owners[-2] == owners[-3] != 0


def test_a_table_that_is_idle_forgets_what_it_shares(engine: ModuleType) -> None:
    table, account = table_of(COUNTER, ("k", T["u64"], "constant", 1, False, 8, None))
    Writer(engine, table, account).message(60000)
    table.take()
    before = sum(engine.free_slabs(account))
    table.take()
    assert sum(engine.free_slabs(account)) == before + 1


# ── finish steps ─────────────────────────────────────────────────────────────────────────────────────────────────────


def finished(engine: ModuleType, columns: list[Any], finish: Any, octets: list[bytes | None], rows: int) -> Chunk:
    table, account = table_of(*columns, finish=finish)
    engine.begin(account)
    assert engine.append(table, octets, rows) == rows
    engine.commit(account)
    (sealed,) = table.take()
    return Chunk(sealed)


ICMP = [
    ("proto", T["u8"], "step", None, False, 1, None),
    ("src_port", T["u16"], "finish", None, True, 2, None),
    ("dst_port", T["u16"], "finish", None, True, 2, None),
    ("icmp_type", T["u8"], "finish", None, True, 1, None),
    ("icmp_code", T["u8"], "finish", None, True, 1, None),
]


@pytest.mark.parametrize(
    ("proto", "src", "dst", "type_", "code"),
    [
        ([6, 17], [1, 2], [3, 4], [None, None], [None, None]),
        ([1, 58], [None, None], [None, None], [8, 128], [0, 3]),
        ([6, 1, 17], [1, None, 3], [2, None, 4], [None, 8, None], [None, 0, None]),
    ],
)
def test_icmp_type_and_code_leave_the_ports(
    engine: ModuleType, proto: list[int], src: list[Any], dst: list[Any], type_: list[Any], code: list[Any]
) -> None:
    sent = [d if d is not None else t * 256 + c for d, t, c in zip(dst, type_, code, strict=True)]
    octets = [bytes(proto), array("H", [s or 0 for s in src]).tobytes(), array("H", sent).tobytes(), None, None]
    chunk = finished(engine, ICMP, [("icmp_split", (0, 1, 2, 3, 4))], octets, len(proto))
    assert [chunk[name].to_list() for name in chunk.names] == [proto, src, dst, type_, code]
    assert chunk["icmp_type"].null_count == type_.count(None)


def test_icmp_in_the_source_port_is_used_where_the_destination_port_is_zero(engine: ModuleType) -> None:
    octets = [b"\1", array("H", [0x0301]).tobytes(), array("H", [0]).tobytes(), None, None]
    chunk = finished(engine, ICMP, [("icmp_split", (0, 1, 2, 3, 4))], octets, 1)
    assert chunk[0].as_dict() == {"proto": 1, "src_port": None, "dst_port": None, "icmp_type": 3, "icmp_code": 1}


def test_a_start_that_is_a_wrap_late_is_put_before_its_end(engine: ModuleType) -> None:
    day, wrap = 86400 * 10**9, 2**32 * 10**6
    start, end = [10, 5 + wrap, day + 7, 20 + day + 1], [20, 9, 7, 20]
    columns = [(name, T["time"], "step", None, False, 8, None) for name in ("start", "end")]
    octets: list[bytes | None] = [array("q", start).tobytes(), array("q", end).tobytes()]
    chunk = finished(engine, columns, [("time_order", (0, 1))], octets, 4)
    assert chunk["start"].to_list() == [10, 5, day + 7, 20 + day + 1 - wrap]
    assert chunk["end"].to_list() == end


@pytest.mark.parametrize("rows", [1, 7, 8, 9, 197])
def test_the_unspecified_address_is_null(engine: ModuleType, rows: int) -> None:
    nothing = [bytes(16), bytes(10) + b"\xff\xff" + bytes(4)]
    some = [bytes(15) + b"\1", bytes(10) + b"\xff\xff\1\2\3\4", bytes(10) + b"\xff\xfe" + bytes(4)]
    picked = [(nothing + some)[i % 5] for i in range(rows)]
    columns = [("a", T["address"], "finish", None, True, 16, None)]
    chunk = finished(engine, columns, [("zero_is_null", (0,))], [b"".join(picked)], rows)
    assert [value is None for value in chunk["a"]] == [octets in nothing for octets in picked]
    assert chunk["a"].null_count == sum(octets in nothing for octets in picked)


def test_a_column_that_is_never_null_has_no_bitmap(engine: ModuleType) -> None:
    columns = [("a", T["address"], "finish", None, True, 16, None)]
    table, account = table_of(*columns, finish=[("zero_is_null", (0,))])
    engine.begin(account)
    engine.append(table, [bytes(15) + b"\1"], 1)
    engine.commit(account)
    assert engine.places(table.take()[0], 0)[1] == 0


def test_scratch_columns_are_not_handed_over(engine: ModuleType) -> None:
    table, account = table_of(COUNTER, (None, T["u64"], "step", None, False, 8, None))
    engine.begin(account)
    engine.append(table, [u32(1, 2), bytes(16)], 2)
    engine.commit(account)
    (sealed,) = table.take()
    assert Chunk(sealed).names == ("n",)
    assert Chunk(sealed)["n"].to_list() == [1, 2]


def test_ordinals_of_messages_count_up(engine: ModuleType) -> None:
    table, account = table_of(COUNTER, ("message", T["u64"], "context", "message_index", True, 8, None))
    writer = Writer(engine, table, account)
    for rows in (2, 1, 300):
        writer.message(rows)
    ordinals = values(table.take(), "message")
    assert ordinals == [0, 0, 1, *[2] * 300]
    assert all(a <= b for a, b in pairwise(ordinals))


def test_a_sealed_made_by_hand_is_empty_and_shows_nothing() -> None:
    assert len(Sealed()) == 0
    with pytest.raises(ValueError, match="handed over"):
        Chunk(Sealed())


assert sys.byteorder == "little"  # as the kernels' memory is
