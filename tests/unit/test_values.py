"""Chunks, columns and rows: every type reads as it should, on demand, and without a copy."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowparse import _convert
from flowparse._keys import KeySet
from flowparse._values import Chunk, Column, Row
from flowparse.batch import Batch
from tests.tables import EVERY_TYPE, T, every_type, flows


def one_column(type: str, values: list[Any], wire_octets: int | None = None) -> Chunk:
    layout = _convert.layout_of([("x", type, None, wire_octets)])
    return _convert.chunk_from_values(layout, {"x": values})


# ── values ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", EVERY_TYPE)
def test_every_type_reads_the_same_by_column_row_and_dict(name: str) -> None:
    batch, values = every_type(), EVERY_TYPE[name][1]
    assert batch[name].to_list() == values
    assert list(batch[name]) == values
    assert [batch[name][i] for i in range(4)] == values
    assert [row[name] for row in batch] == values
    assert [getattr(row, name) for row in batch] == values
    assert [row[name] for row in batch.to_dicts()] == values
    assert [row.as_dict()[name] for row in batch] == values
    assert batch[name].null_count == values.count(None)
    assert list(batch[name].nulls()) == [value is None for value in values]


def test_addresses_are_stored_octets_without_text() -> None:
    batch = every_type()
    mapped = bytes(10) + b"\xff\xff"
    assert batch["address"].to_list(text=False)[0] == mapped + b"\x0a\0\0\x09"
    assert batch["mac"].to_list(text=False)[0] == bytes.fromhex("005300ff0a01")
    assert batch["ipv4"].to_list(text=False)[0] == 0x0A000009
    assert batch[0].as_dict(text=False)["mac"] == batch.to_dicts(text=False)[0]["mac"] == b"\0\x53\0\xff\x0a\1"


@given(st.binary(min_size=16, max_size=16))
def test_addresses_read_as_the_standard_library_writes_them(octets: bytes) -> None:
    assert one_column("address", [octets])["x"][0] == str(ipaddress.IPv6Address(octets))


@given(st.lists(st.sampled_from([0, 0, 0, 1, 0xF, 0x10, 0xFFFF, 0xABCD]), min_size=8, max_size=8))
def test_runs_of_zero_groups_are_shortened_as_rfc_5952_says(groups: list[int]) -> None:
    octets = struct.pack(">8H", *groups)
    address = ipaddress.IPv6Address(octets)
    assert one_column("address", [octets])["x"][0] == str(address.ipv4_mapped or address)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (bytes(10) + b"\xff\xff\x0a\0\0\x09", "10.0.0.9"),
        (bytes(10) + b"\xff\xff" + bytes(4), "0.0.0.0"),
        (bytes(12) + b"\x0a\0\0\x09", "::a00:9"),
        (bytes(8) + b"\xff\xff\0\0\x0a\0\0\x09", "::ffff:0:a00:9"),
        (bytes(16), "::"),
        (bytes(15) + b"\1", "::1"),
        (b"\1" + bytes(15), "100::"),
        (bytes.fromhex("20010db8000000010001000000000001"), "2001:db8:0:1:1::1"),
        (bytes.fromhex("20010db8000000010000000000010001"), "2001:db8:0:1::1:1"),
        (bytes.fromhex("20010db8000100010001000100010001"), "2001:db8:1:1:1:1:1:1"),
        (bytes.fromhex("20010db8000000010001000100010001"), "2001:db8:0:1:1:1:1:1"),
        (b"\xff" * 16, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ],
)
def test_address_text(octets: bytes, text: str) -> None:
    assert one_column("address", [octets])["x"][0] == text


@given(st.integers(0, 2**32 - 1))
def test_ipv4_and_mapped_addresses_read_alike(number: int) -> None:
    text = str(ipaddress.IPv4Address(number))
    assert one_column("ipv4", [number])["x"][0] == text
    assert one_column("address", [text])["x"][0] == text


@given(st.binary(min_size=6, max_size=6))
def test_macs_are_pairs_with_colons(octets: bytes) -> None:
    assert one_column("mac", [octets])["x"][0] == octets.hex(":")


def test_text_that_is_not_utf8_is_shown_with_backslashes() -> None:
    layout = _convert.layout_of([("x", "utf8", None, None)])
    chunk = _convert.chunk_from_octets(layout, 1, [(None, struct.pack("ii", 0, 3), b"a\xff\xc3")])
    assert chunk["x"].to_list() == ["a\\xff\\xc3"]


@pytest.mark.parametrize(
    ("type", "value", "wire_octets", "raw"),
    [
        ("u8", 7, 1, "07"),
        ("u64", 1000, 4, "000003e8"),
        ("u64", 1000, 3, "0003e8"),
        ("u64", 1000, None, "00000000000003e8"),
        ("i32", -2, 2, "fffe"),
        ("f64", 1.5, 8, "3ff8000000000000"),
        ("f64", 1.5, 4, "3fc00000"),
        ("f32", 1.5, 4, "3fc00000"),
        ("bool", True, 1, "01"),
        ("bool", False, 1, "02"),
        ("ipv4", "10.0.0.9", 4, "0a000009"),
        ("address", "10.0.0.9", 4, "0a000009"),
        ("address", "10.0.0.9", 16, "00000000000000000000ffff0a000009"),
        ("mac", "00:53:00:ff:0a:01", 6, "005300ff0a01"),
        ("time", 1, 4, "0000000000000001"),
        ("binary", b"\0\1", None, "0001"),
        ("utf8", "é", None, "c3a9"),
    ],
)
def test_raw_is_the_value_as_it_was_sent(type: str, value: Any, wire_octets: int | None, raw: str) -> None:
    assert one_column(type, [value], wire_octets)[0].raw("x").hex() == raw  # type: ignore[union-attr]
    assert one_column(type, [value, None], wire_octets)[1].raw("x") is None


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_row_is_a_mapping() -> None:
    row: Any = flows(3)[1]
    assert isinstance(row, Mapping)
    assert len(row) == 23
    assert list(row) == list(row.keys()) == list(flows(1).names)
    assert dict(row) == dict(row.items()) == row.as_dict()
    assert list(row.values()) == list(row.as_dict().values())
    assert "bytes" in row
    assert "nothing" not in row
    assert row.get("bytes") == 1001
    assert row.get("nothing", 5) == 5
    assert row == row.as_dict()
    assert row != flows(3)[2]
    assert row == flows(3)[1]
    assert row != 1


def test_a_missing_column_is_a_keyerror_or_an_attributeerror() -> None:
    row = flows(1)[0]
    with pytest.raises(KeyError, match="nothing"):
        row["nothing"]
    with pytest.raises(KeyError, match="nothing"):
        row.raw("nothing")
    with pytest.raises(AttributeError, match="nothing"):
        row.nothing  # noqa: B018
    with pytest.raises(AttributeError):
        row.bytes = 1


def test_a_column_hides_a_method_of_its_name() -> None:
    layout = _convert.layout_of([("items", "u8", None, None), ("raw", "u8", None, None)])
    row = _convert.chunk_from_values(layout, {"items": [1], "raw": [2]})[0]
    assert (row.items, row["raw"], len(row)) == (1, 2, 2)
    assert row.as_dict() == {"items": 1, "raw": 2}
    assert repr(row) == "Row(items=1, raw=2)"


def test_a_row_made_by_hand_is_an_error_and_not_a_crash() -> None:
    row = Row()
    for use in (lambda: row["x"], lambda: row.x, lambda: len(row), lambda: repr(row), lambda: row.raw("x")):
        with pytest.raises((AttributeError, TypeError)):
            use()


def test_rows_keep_their_chunk_alive() -> None:
    row = flows(1)[0]
    flows(3000)
    assert row.src_addr == "10.0.0.0"
    assert row.next_hop == "2001:db8::"


def test_repr_of_a_row_shows_what_was_said_and_escapes_it() -> None:
    batch = one_column("utf8", ["\x1b[31m\u202eevil" + "x" * 100])
    assert repr(batch[0]) == "Row(x='\\x1b[31m\\u202eevil" + "x" * 54 + "'…)"
    assert repr(one_column("u8", [None])[0]) == "Row()"


# ── chunks and columns ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_chunk_is_a_sequence_of_rows() -> None:
    chunk = flows(40).chunks[0]
    assert len(chunk) == len(list(chunk))
    assert chunk[-1].bytes == chunk[len(chunk) - 1].bytes
    assert [row.bytes for row in chunk[10:13]] == [1010, 1011, 1012]
    assert [row.bytes for row in chunk[10:13][1:]] == [1011, 1012]
    assert chunk[10:13]["bytes"].to_list() == [1010, 1011, 1012]
    assert len(chunk[5:2]) == 0
    with pytest.raises(IndexError, match="no row 40 in 40"):
        chunk[len(chunk)]
    with pytest.raises(IndexError):
        chunk[-len(chunk) - 1]
    with pytest.raises(ValueError, match="step"):
        chunk[::2]
    with pytest.raises(KeyError):
        chunk["nothing"]


@pytest.mark.parametrize("start", [0, 1, 7, 8, 9])
@pytest.mark.parametrize("rows", [0, 1, 8, 30])
def test_a_window_has_the_nulls_of_its_rows(start: int, rows: int) -> None:
    values = [None if i % 3 == 0 else i for i in range(50)]
    window = one_column("u8", values)[start : start + rows]
    assert window["x"].to_list() == values[start : start + rows]
    assert window["x"].null_count == values[start : start + rows].count(None)
    assert window.to_dicts() == [{"x": value} for value in values[start : start + rows]]


def test_a_chunk_outside_its_part_is_refused() -> None:
    table = flows(10)
    sealed = table.chunks[0]
    with pytest.raises(TypeError):
        Chunk(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Chunk(sealed)  # type: ignore[arg-type]


def test_a_column_tells_about_itself() -> None:
    column = flows(10)["bytes"]
    assert (column.name, column.type, column.unit, len(column)) == ("bytes", "u64", "octets", 10)
    assert column[-1] == 1009
    assert column[2:4] == [1002, 1003]
    assert repr(column) == "<Column 'bytes': u64, 10 values, 0 null>"
    with pytest.raises(IndexError, match="no value 10 in 10"):
        column[10]
    with pytest.raises(IndexError):
        column[-11]


def test_a_column_of_several_chunks() -> None:
    batch = flows(5000)
    column = batch["bytes"]
    assert len(batch.chunks) == 5
    assert column.to_list() == list(range(1000, 6000))
    edge = len(batch.chunks[0])
    assert [column[i] for i in (0, edge - 1, edge, 4999, -1)] == [1000, 999 + edge, 1000 + edge, 5999, 5999]
    assert [len(part) for part in column.chunks] == [len(chunk) for chunk in batch.chunks]
    assert [part[0] for part in column.chunks] == [chunk[0].bytes for chunk in batch.chunks]
    assert batch["unsaid_0"].null_count == 5000
    with pytest.raises(BufferError, match="5 chunks"):
        memoryview(column)


def test_a_column_of_other_chunks_is_refused() -> None:
    batch, other = flows(5), every_type()
    with pytest.raises(ValueError, match="different types"):
        Column(batch.layout, 0, other.chunks)
    with pytest.raises(ValueError, match="different types"):
        Column(batch.layout, 21, other.chunks)
    with pytest.raises(IndexError):
        Column(batch.layout, 23, batch.chunks)
    with pytest.raises(TypeError):
        Column(batch.layout, 0, (None,))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("type", "format", "itemsize"),
    [
        ("u8", "B", 1), ("u16", "H", 2), ("u32", "I", 4), ("u64", "Q", 8), ("i8", "b", 1), ("i16", "h", 2),
        ("i32", "i", 4), ("i64", "q", 8), ("f32", "f", 4), ("f64", "d", 8), ("time", "q", 8), ("time_us", "q", 8),
        ("ipv4", "I", 4),
    ],
)  # fmt: skip
def test_a_column_of_numbers_is_a_buffer(type: str, format: str, itemsize: int) -> None:
    view: Any = memoryview(every_type()[type])
    assert (view.format, view.itemsize, view.shape, view.readonly) == (format, itemsize, (4,), True)
    value = EVERY_TYPE[type][1][3]
    assert view[3] == (0 if type == "ipv4" else value)


@pytest.mark.parametrize(("type", "width"), [("address", 16), ("mac", 6), ("octets3", 3)])
def test_a_column_of_octets_is_a_buffer_of_two_dimensions(type: str, width: int) -> None:
    view: Any = memoryview(every_type()[type])
    assert (view.format, view.shape, view.strides) == ("B", (4, width), (width, 1))
    assert bytes(view)[:width] == every_type()[type].to_list(text=False)[0]


@pytest.mark.parametrize("type", ["bool", "binary", "utf8", "u32[]"])
def test_a_column_that_is_no_array_is_no_buffer(type: str) -> None:
    with pytest.raises(BufferError, match="not an array"):
        memoryview(every_type()[type])


def test_a_buffer_is_a_window_and_outlives_the_batch() -> None:
    batch = flows(100)
    view: Any = memoryview(batch.chunks[1][40:50]["bytes"])  # type: ignore[arg-type]
    del batch
    assert list(view) == list(range(1080, 1090))
    with pytest.raises(TypeError):
        view[0] = 1


def test_to_dicts_gives_rows_of_their_own() -> None:
    first, second, *_ = flows(200).to_dicts()
    first["type"] = "changed"
    assert second["type"] == 3


def test_a_constant_column_with_one_odd_value_is_not_constant() -> None:
    for odd in (0, 1, 99):
        values = [5] * 100
        values[odd] = 6
        for type in ("u8", "u32", "u64"):
            chunk = one_column(type, values)
            assert [row["x"] for row in chunk.to_dicts()] == values
    batch = Batch("x", one_column("u8", [1]).layout, [one_column("u8", [5] * 99 + [6])[:99]])
    assert batch.to_dicts() == [{"x": 5}] * 99


def test_types_are_those_of_the_registry_of_types() -> None:
    assert {type.name for type, _ in EVERY_TYPE.values()} >= set(T)


def test_the_octets_of_a_list_are_those_of_its_numbers() -> None:
    rows = list(every_type())
    assert rows[0].raw("u32[]") == bytes.fromhex("00000007 ffffffff")
    assert [row.raw("i32[]") for row in rows[:3]] == [None, bytes.fromhex("80000000"), b""]
    assert rows[0].raw("i64[]") == bytes.fromhex("8000000000000000 7fffffffffffffff")


def test_a_list_is_no_key() -> None:
    with pytest.raises(ValueError, match="a list is no key"):
        KeySet([T["u32"], T["u32[]"]])
