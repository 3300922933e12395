"""Libraries that take Arrow take our columns: the same values, shared and not copied, freed once and by anybody."""

from __future__ import annotations

import gc
import sys
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowparse import _convert
from flowparse.batch import Batch
from tests.tables import EVERY_TYPE, every_type, flow_layout, flows

TYPES = {
    "u8": "uint8", "u16": "uint16", "u32": "uint32", "u64": "uint64", "i8": "int8", "i16": "int16", "i32": "int32",
    "i64": "int64", "f32": "float", "f64": "double", "bool": "bool", "time": "timestamp[ns, tz=UTC]",
    "time_us": "timestamp[us, tz=UTC]", "ipv4": "uint32", "address": "fixed_size_binary[16]",
    "mac": "fixed_size_binary[6]", "octets3": "fixed_size_binary[3]", "binary": "binary", "utf8": "string",
    "nothing": "uint32", "u32[]": "list<item: uint32>", "i32[]": "list<item: int32>", "i64[]": "list<item: int64>",
    "no_lists": "list<item: uint32>",
}  # fmt: skip


def stored(batch: Batch) -> list[dict[str, Any]]:
    return batch.to_dicts(text=False)


def tuples(values: list[Any]) -> list[Any]:
    """Lists as we show them."""
    return [tuple(value) if isinstance(value, list) else value for value in values]


def as_stored(table: Any, batch: Batch) -> list[dict[str, Any]]:
    """Rows of a pyarrow Table, with times as the integers that we show."""
    import pyarrow as pa  # noqa: PLC0415

    columns = {}
    for name in batch.names:
        column = table[name]
        if batch[name].type.startswith("time"):
            scale = 1 if batch[name].type == "time" else 1000
            columns[name] = [None if v is None else v * scale for v in column.cast(pa.int64()).to_pylist()]
        else:
            columns[name] = tuples(column.to_pylist())
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


@pytest.fixture
def pa() -> Any:
    return pytest.importorskip("pyarrow", reason="pyarrow is not here")


# ── pyarrow ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_pyarrow_has_the_types(pa: Any) -> None:
    assert {field.name: str(field.type) for field in pa.schema(every_type())} == TYPES
    assert {field.name: str(field.type) for field in pa.table(every_type()).schema} == TYPES
    assert all(field.nullable and field.metadata is None for field in pa.schema(every_type()))


@pytest.mark.parametrize("part", [slice(None), slice(1, None), slice(3, 3), slice(1, 3)])
@pytest.mark.parametrize("profile", ["default", "text", "spark"])
def test_pyarrow_has_the_values_of_every_type(pa: Any, part: slice, profile: Any) -> None:
    batch = every_type()[part].profile(profile)
    table = pa.table(batch)
    table.validate(full=True)
    assert as_stored(table, batch) == stored(batch)
    assert [table[name].null_count for name in batch.names] == [batch[name].null_count for name in batch.names]


def test_pyarrow_takes_chunks_and_streams(pa: Any) -> None:
    batch = flows(5000)
    table = pa.table(batch)
    table.validate(full=True)
    assert as_stored(table, batch) == stored(batch)
    assert [len(record_batch) for record_batch in table.to_batches()] == [len(chunk) for chunk in batch.chunks]
    for chunk in batch.chunks:
        record_batch = pa.record_batch(chunk)
        record_batch.validate(full=True)
        assert len(record_batch) == len(chunk)
    with pa.RecordBatchReader.from_stream(batch) as reader:
        assert reader.schema == table.schema
        assert reader.read_all() == table


@pytest.mark.parametrize("rows", [(0, 1), (7, 8), (39, 41), (40, 700), (1000, 4000)])
def test_pyarrow_has_the_values_of_slices(pa: Any, rows: tuple[int, int]) -> None:
    batch = flows(5000)[slice(*rows)]
    for profile in ("default", "text", "spark"):
        shown = batch.profile(profile)
        table = pa.table(shown)
        table.validate(full=True)
        assert as_stored(table, shown) == stored(shown)


def test_pyarrow_shares_the_memory(pa: Any) -> None:
    np = pytest.importorskip("numpy", reason="numpy is not here")
    chunk = flows(5000).chunks[2]
    first, second = pa.record_batch(chunk), pa.record_batch(chunk)
    for name in chunk.names:
        if name == "unsaid_text":
            continue
        address = np.asarray(chunk[name]).ctypes.data
        assert [batch[name].buffers()[1].address for batch in (first, second)] == [address, address]
    sliced = pa.record_batch(chunk[10:20])["bytes"]
    assert sliced.buffers()[1].address == np.asarray(chunk["bytes"]).ctypes.data
    assert (sliced.offset, sliced.to_pylist()) == (10, chunk["bytes"].to_list()[10:20])


def test_a_profile_shares_what_it_does_not_convert(pa: Any) -> None:
    np = pytest.importorskip("numpy", reason="numpy is not here")
    batch = flows(5000)
    for chunk, text in zip(batch.chunks, batch.profile("text").chunks, strict=True):
        for name in ("src_port", "bytes", "in_if", "time_received", "type", "unsaid_3"):
            assert np.asarray(chunk[name]).ctypes.data == np.asarray(text[name]).ctypes.data
    expected = batch["bytes"].to_list()
    text_batch = batch.profile("text").profile("default").profile("text")
    del batch, chunk, text
    flows(5000)
    assert text_batch["bytes"].to_list() == expected
    pa.table(text_batch).validate(full=True)


def test_a_batch_without_rows_exports_its_schema(pa: Any) -> None:
    table = pa.table(Batch("flows", flow_layout()))
    assert (table.num_rows, table.schema) == (0, pa.schema(flows(1)))
    assert pa.table(flows(10)[3:3]).num_rows == 0
    assert pa.record_batch(flows(10).chunks[0][3:3]).num_rows == 0


def test_a_requested_schema_is_not_honoured(pa: Any) -> None:
    asked = pa.schema([("bytes", pa.int64())]).__arrow_c_schema__()
    table = pa.RecordBatchReader._import_from_c_capsule(flows(10).__arrow_c_stream__(asked)).read_all()
    assert table.schema == pa.schema(flows(1))


def test_arrow_memory_outlives_everything_here(pa: Any) -> None:
    expected = stored(flows(5000))
    table = pa.table(flows(5000))
    reader = pa.RecordBatchReader.from_stream(flows(5000))
    column = pa.record_batch(flows(5000).chunks[3])["bytes"]
    gc.collect()
    flows(20000)
    assert as_stored(table, flows(1)) == expected
    assert reader.read_all() == table
    first = column[0].as_py() - 1000
    assert column.to_pylist() == [row["bytes"] for row in expected][first : first + len(column)]


def test_children_are_released_on_other_threads(pa: Any) -> None:
    batch = flows(20000)
    columns = [column for chunk in batch.chunks for column in pa.record_batch(chunk).columns]
    del batch
    gc.collect()
    sums: list[int] = []

    def let_go(share: list[Any]) -> None:
        while share:
            column = share.pop()
            if str(column.type) == "uint64":
                sums.append(sum(column.to_pylist()))
            del column

    shares = [columns[i::4] for i in range(4)]
    columns.clear()
    threads = [threading.Thread(target=let_go, args=(share,)) for share in shares]
    del shares
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sums) == sum(range(1000, 21000))


# ── text that is not UTF-8 ───────────────────────────────────────────────────────────────────────────────────────────

NOT_UTF8: list[bytes | None] = [
    b"plain", b"\xff", b"\xc3\xa9", b"\xc3", b"\xa9", b"\xe2\x82", b"\xe2\x82\xac", b"\xed\xa0\x80", b"\xc0\x80",
    b"\xf4\x90\x80\x80", b"\xf0\x9f\x98\x80", b"\xf0\x9f\x98A", b"", b"\\x41",
]  # fmt: skip


def texts(values: list[bytes | None]) -> Batch:
    """A batch of text columns that hold just these octets, as a decoder stores them."""
    layout = _convert.layout_of([("n", "u32", None, None), ("a", "utf8", None, None), ("b", "utf8", None, None)])
    blob = _convert.layout_of([("n", "u32", None, None), ("a", "binary", None, None), ("b", "utf8", None, None)])
    chunk = _convert.chunk_from_values(blob, {"n": range(len(values)), "a": values, "b": ["é"] * len(values)})
    rows, columns = _convert.chunk_octets(chunk)
    return Batch("texts", layout, [_convert.chunk_from_octets(layout, rows, columns)])


def test_text_that_is_not_utf8_leaves_with_escapes(pa: Any) -> None:
    batch = texts(NOT_UTF8)
    expected = [value.decode("utf-8", "backslashreplace") for value in NOT_UTF8 if value is not None]
    for table in (
        pa.table(batch),
        pa.table(batch.profile("text")),
        pa.Table.from_batches([pa.record_batch(batch.chunks[0])]),
    ):
        table.validate(full=True)
        assert table["a"].to_pylist() == batch["a"].to_list() == expected
        assert table["b"].to_pylist() == ["é"] * len(expected)
        assert table["n"].to_pylist() == list(range(len(expected)))
    assert pa.table(batch[3:9])["a"].to_pylist() == expected[3:9]
    assert batch[1].raw("a") == b"\xff"


def test_a_character_that_two_values_share_is_none(pa: Any) -> None:
    table = pa.table(texts([b"\xc3", b"\xa9", None, b"x"]))
    table.validate(full=True)
    assert table["a"].to_pylist() == ["\\xc3", "\\xa9", None, "x"]


def test_good_text_is_not_copied(pa: Any) -> None:
    batch = texts([b"abc", b"\xc3\xa9"])
    first, second = (pa.record_batch(batch.chunks[0])["a"] for _ in range(2))
    assert first.buffers()[2].address == second.buffers()[2].address


@given(st.lists(st.none() | st.binary(max_size=12) | st.text(max_size=4).map(str.encode), max_size=12))
def test_any_octets_leave_as_python_would_show_them(values: list[bytes | None]) -> None:
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not here")
    table = pa.table(texts(values))
    table.validate(full=True)
    # Zeros at the end fill a field up, and are no text.
    assert table["a"].to_pylist() == [
        v if v is None else v.rstrip(b"\0").decode("utf-8", "backslashreplace") for v in values
    ]


# ── memory ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def resident_kib() -> int:
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * 4
    except OSError:
        pytest.skip("no /proc to read the resident set from")


def test_capsules_that_nobody_takes_free_their_memory() -> None:
    batch = flows(1000)
    chunk = batch.chunks[-1]
    for _ in range(100):
        chunk.__arrow_c_array__()
    before, blocks = resident_kib(), sys.getallocatedblocks()
    capsules = [
        (chunk.__arrow_c_array__(), batch.__arrow_c_stream__(), chunk.__arrow_c_schema__()) for _ in range(1000)
    ]
    del capsules
    gc.collect()
    for _ in range(3000):
        chunk.__arrow_c_array__()
        batch.__arrow_c_stream__()
    assert sys.getallocatedblocks() - blocks < 200
    # A thousand exports held at once are some 5 MiB; the allocator may keep a part of them.
    assert resident_kib() - before < 8192


def test_nothing_leaks_over_ten_thousand_exports(pa: Any) -> None:
    chunk = flows(40).chunks[0]

    def use(times: int) -> None:
        for _ in range(times):
            pa.record_batch(chunk)
            flows(40).profile("text").__arrow_c_stream__()
            with pytest.raises(IndexError):
                chunk[99]
            with pytest.raises(OverflowError):
                _convert.chunk_from_values(LAYOUT, {"a": ["10.0.0.9"], "x": [256]})
            with pytest.raises(ValueError, match="column 1"):
                _convert.chunk_from_octets(LAYOUT, 4, [None, (None, None, b"")])

    use(300)
    gc.collect()
    before, blocks = resident_kib(), sys.getallocatedblocks()
    use(700)
    for _ in range(10000):
        pa.record_batch(chunk)
    gc.collect()
    assert sys.getallocatedblocks() - blocks < 500
    assert resident_kib() - before < 3072


LAYOUT = _convert.layout_of([("a", "address", None, None), ("x", "u8", None, None)])


@pytest.mark.starves
@pytest.mark.parametrize("fails_at", range(8))
def test_an_export_without_memory_is_a_memoryerror(fails_at: int) -> None:
    testcapi = pytest.importorskip("_testcapi", reason="this Python has no test hooks for allocation")
    batch = flows(100)
    chunk = batch.chunks[0]
    address = batch.profile("text")
    for export in (
        chunk.__arrow_c_array__,
        chunk.__arrow_c_schema__,
        batch.__arrow_c_stream__,
        lambda: _convert.profile_chunk(chunk, "text"),
    ):
        testcapi.set_nomemory(fails_at, fails_at + 1)
        try:
            made = export()
        except MemoryError:
            made = None
        finally:
            testcapi.remove_mem_hooks()
        del made
    assert stored(batch) == stored(flows(100))
    assert len(address) == 100


@pytest.mark.starves
def test_a_stream_without_memory_says_so(pa: Any) -> None:
    testcapi = pytest.importorskip("_testcapi", reason="this Python has no test hooks for allocation")
    failed = 0
    for fails_at in range(12):
        reader = pa.RecordBatchReader.from_stream(flows(100))
        testcapi.set_nomemory(fails_at, fails_at + 1)
        try:
            batch = reader.read_next_batch()
        except (MemoryError, pa.ArrowException, OSError):
            failed += 1
            batch = None
        finally:
            testcapi.remove_mem_hooks()
        del batch
    assert failed


# ── the others ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.filterwarnings("ignore:.*nanoseconds discarded")  # Python's datetime has none
def test_nanoarrow_has_the_values() -> None:
    na = pytest.importorskip("nanoarrow", reason="nanoarrow is not here")
    batch = flows(5000)
    assert [row["bytes"] for row in na.ArrayStream(batch).read_all().to_pylist()] == batch["bytes"].to_list()
    array = na.c_array(batch.chunks[1])
    assert (len(array), array.n_children) == (len(batch.chunks[1]), 23)
    assert na.Array(every_type().chunks[0]).to_pylist()[3]["u64"] == 7


def test_arro3_has_the_values() -> None:
    arro3 = pytest.importorskip("arro3.core", reason="arro3-core is not here")
    batch = flows(5000)
    assert arro3.RecordBatch.from_arrow(batch.chunks[0])["bytes"].to_pylist() == batch.chunks[0]["bytes"].to_list()
    assert arro3.Table.from_arrow(batch).num_rows == 5000
    assert arro3.Table.from_arrow(every_type()[1:])["utf8"].to_pylist() == every_type()["utf8"].to_list()[1:]


@pytest.mark.parametrize("part", [slice(None), slice(1, 3), slice(2, 2)])
def test_polars_has_the_values(part: slice) -> None:
    pl = pytest.importorskip("polars", reason="polars is not here")
    batch = every_type()[part]
    frame = pl.DataFrame(batch)
    assert frame.columns == list(batch.names)
    for name in EVERY_TYPE:
        values = frame[name].to_list() if not name.startswith("time") else frame[name].cast(pl.Int64).to_list()
        if name == "time_us":
            values = [None if value is None else value * 1000 for value in values]
        assert tuples(values) == batch[name].to_list(text=False)
    assert batch.to_polars()["address"].to_list() == batch["address"].to_list()
    assert str(frame.schema["time"]) == "Datetime(time_unit='ns', time_zone='UTC')"


def test_polars_has_many_chunks_and_none() -> None:
    pl = pytest.importorskip("polars", reason="polars is not here")
    assert pl.DataFrame(flows(5000))["bytes"].sum() == sum(range(1000, 6000))
    assert pl.DataFrame(flows(5000)[100:4000])["bytes"].to_list() == list(range(1100, 5000))
    assert Batch("flows", flow_layout()).to_polars().shape == (0, 23)


def test_duckdb_reads_a_batch_by_its_name() -> None:
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not here")
    batch, types, part = flows(5000), every_type(), flows(5000)[100:4000]
    connection = duckdb.connect()
    assert connection.sql("select sum(bytes), count(*) from batch").fetchall() == [(sum(range(1000, 6000)), 5000)]
    assert connection.sql("select sum(bytes), count(*) from part").fetchall() == [(sum(range(1100, 5000)), 3900)]
    assert connection.sql("select u64, utf8, bool, address from types").fetchall() == [
        (row["u64"], row["utf8"], row["bool"], row["address"]) for row in stored(types)
    ]
    assert batch is not None
    assert types is not None
    assert part is not None


def test_pandas_takes_arrow() -> None:
    pytest.importorskip("pyarrow", reason="pandas reads Arrow with pyarrow, which is not here")
    pd = pytest.importorskip("pandas", minversion="3.0", reason="pandas before 3.0 does not take Arrow")
    frame = pd.DataFrame.from_arrow(flows(5000))
    assert frame["bytes"].tolist() == list(range(1000, 6000))
    assert str(frame["time_received"].dtype) == "datetime64[ns, UTC]"


def test_to_pyarrow_writes_text_and_leaves_octets(pa: Any) -> None:
    batch = every_type()
    assert batch.to_pyarrow()["address"].to_pylist() == batch["address"].to_list()
    assert str(batch.to_pyarrow(text=False)["address"].type) == "fixed_size_binary[16]"
