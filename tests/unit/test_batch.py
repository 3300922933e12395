"""Batches: chunks that look like one, slices, profiles, data frames, names, pickles."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from functools import partial
from typing import Any

import pytest

from flowparse import _convert, dataframes
from flowparse.batch import Batch
from flowparse.dataframes import tcp_flags_text
from tests.tables import EVERY_TYPE, every_type, flow_layout, flows


def of_values(columns: dict[str, str], **values: list[Any]) -> Batch:
    layout = _convert.layout_of([(name, type, None, None) for name, type in columns.items()])
    return Batch("values", layout, [_convert.chunk_from_values(layout, values)])


# ── one batch of many chunks ─────────────────────────────────────────────────────────────────────────────────────────


def test_rows_columns_and_slices_cross_chunks() -> None:
    batch = flows(5000)
    assert (batch.name, len(batch), len(batch.chunks), len(batch.names)) == ("flows", 5000, 5, 23)
    assert [row.bytes for row in batch] == list(range(1000, 6000))
    edge = len(batch.chunks[0])
    assert [batch[i].bytes for i in (edge - 1, edge, 4999, -1, -5000)] == [999 + edge, 1000 + edge, 5999, 5999, 1000]
    assert batch["bytes"].to_list() == list(range(1000, 6000))
    for start, end in (
        (0, 5000),
        (100, 700),
        (edge - 1, edge + 1),
        (edge, 2 * edge),
        (4999, 5000),
        (7, 7),
        (10, 3),
        (-3, None),
        (0, 10**9),
    ):
        assert batch[start:end]["bytes"].to_list() == list(range(1000, 6000))[start:end]
        assert [row.bytes for row in batch[start:end]] == list(range(1000, 6000))[start:end]
    assert batch[100:700][50:60][3].bytes == 1153


def test_what_is_not_there_is_an_error() -> None:
    batch = flows(3)
    for at in (3, -4):
        with pytest.raises(IndexError, match=f"no row {at} in 3"):
            batch[at]
    with pytest.raises(KeyError, match="nothing"):
        batch["nothing"]
    with pytest.raises(ValueError, match="step"):
        batch[::-1]
    with pytest.raises(TypeError):
        batch[1.5]  # type: ignore[index]
    with pytest.raises(AttributeError):
        batch.name = "other"  # type: ignore[misc]


def test_a_batch_without_rows_has_its_columns() -> None:
    batch = Batch("flows", flow_layout())
    assert len(batch) == 0
    assert batch.names == flows(1).names
    assert (batch.chunks, list(batch), batch.to_dicts(), batch["bytes"].to_list()) == ((), [], [], [])
    assert batch == flows(5)[:0]
    assert not batch


def test_chunks_of_other_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="other columns"):
        Batch("flows", flow_layout(), every_type().chunks)
    with pytest.raises(ValueError, match="other columns"):
        Batch.concat([flows(2), every_type()])
    with pytest.raises(ValueError, match="other columns"):
        Batch.concat([flows(2), Batch("none", every_type().layout)])
    with pytest.raises(ValueError, match="no batches"):
        Batch.concat([])


def test_concat_keeps_order_and_copies_nothing() -> None:
    a, b = flows(200), flows(300)
    both = Batch.concat(iter([a, b]))
    assert both["bytes"].to_list() == a["bytes"].to_list() + b["bytes"].to_list()
    assert both.chunks == (*a.chunks, *b.chunks)


def test_equal_batches_have_equal_values() -> None:
    assert flows(5000) == flows(5000)
    assert Batch.concat([flows(5000)[:77], flows(5000)[77:]]) == flows(5000)
    assert flows(5000)[1:] != flows(5000)[:-1]
    assert flows(10) != flows(11)
    assert every_type() == every_type()
    assert every_type() != flows(4)
    assert flows(3) != 3
    for name in EVERY_TYPE:
        other = {key: (values if key != name else values[1:] + values[:1]) for key, (_, values) in EVERY_TYPE.items()}
        layout = every_type().layout
        changed = Batch("x", layout, [_convert.chunk_from_values(layout, other)])
        assert (changed == every_type()) == name.startswith("no")


def test_nan_equals_itself() -> None:
    assert of_values({"x": "f64"}, x=[float("nan")]) == of_values({"x": "f64"}, x=[float("nan")])


@pytest.mark.parametrize("part", [slice(None), slice(1, 3), slice(3, 3)])
def test_a_pickled_batch_is_equal(part: slice) -> None:
    for batch in (every_type()[part], flows(3000)[part], every_type().profile("text")[part]):
        again = pickle.loads(pickle.dumps(batch))
        assert again == batch
        assert (again.name, again.names, again["u64" if "u64" in again.names else "bytes"].unit) == (
            batch.name,
            batch.names,
            None if "u64" in batch.names else "octets",
        )
        assert copy.copy(batch) == copy.deepcopy(batch) == batch


def test_raw_octets_survive_a_pickle() -> None:
    assert pickle.loads(pickle.dumps(flows(3)))[1].raw("src_addr") == b"\x0a\0\0\1"


# ── profiles ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_text_profile_writes_addresses() -> None:
    batch = every_type().profile("text")
    assert [batch[name].type for name in ("address", "mac", "ipv4", "u64", "octets3")] == [
        "utf8", "utf8", "utf8", "u64", "octets3",
    ]  # fmt: skip
    assert batch.to_dicts() == every_type().to_dicts()
    assert flows(5000).profile("text")["next_hop"].to_list() == flows(5000)["next_hop"].to_list()
    assert flows(5000)[100:3000].profile("text") == flows(5000).profile("text")[100:3000]


SPARK = {
    "u8": "i16", "u16": "i32", "u32": "i64", "u64": "i64", "ipv4": "i64", "address": "binary", "mac": "binary",
    "octets3": "binary", "time": "time_us", "nothing": "i64",
    "u32[]": "i64[]", "no_lists": "i64[]",
}  # fmt: skip


@pytest.mark.parametrize("name", EVERY_TYPE)
def test_the_spark_profile_has_types_that_spark_takes(name: str) -> None:
    column = every_type().profile("spark")[name]
    assert column.type == SPARK.get(name, every_type()[name].type)
    expected = every_type()[name].to_list(text=False)
    if name == "u64":
        expected[0] = None  # 2**64 - 1
    if name == "time":
        expected = [None if ns is None else ns // 1000 * 1000 for ns in expected]
    assert column.to_list(text=False) == expected
    assert column.null_count == expected.count(None)


def test_a_number_too_large_for_spark_is_null_and_counted() -> None:
    batch = of_values({"x": "u64"}, x=[2**63 - 1, 2**63, 5, 2**64 - 1] * 5)
    assert batch.profile("spark")["x"].to_list() == [2**63 - 1, None, 5, None] * 5
    assert batch.profile("spark")["x"].null_count == 10


def test_profiles_of_long_chunks_and_of_nothing() -> None:
    batch = of_values({"a": "address", "b": "u8"}, a=["10.0.0.9"] * 20000, b=[None] * 20000)
    assert set(batch.profile("text")["a"]) == {"10.0.0.9"}
    assert batch.profile("spark")["b"].null_count == 20000
    empty = Batch("flows", flow_layout()).profile("spark")
    assert (len(empty), empty["bytes"].type) == (0, "i64")


def test_a_profile_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="default, text, spark"):
        flows(1).profile("other")  # type: ignore[arg-type]


def test_the_default_profile_changes_nothing() -> None:
    assert flows(100).profile("default") == flows(100)


# ── from values ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("type", "value", "error"),
    [
        ("u8", 256, OverflowError),
        ("u8", -1, OverflowError),
        ("u64", 2**64, OverflowError),
        ("i64", 2**63, OverflowError),
        ("u8", 1.5, TypeError),
        ("u8", "1", TypeError),
        ("f64", "1", TypeError),
        ("ipv4", "::1", ValueError),
        ("ipv4", "10.0.0", ValueError),
        ("address", "10.0.0", ValueError),
        ("address", b"123", ValueError),
        ("mac", "00:11:22:33:44", ValueError),
        ("mac", "00:11:22:33:44:zz", ValueError),
        ("mac", b"12345", ValueError),
        ("binary", "text", TypeError),
        ("binary", 5, TypeError),
        ("utf8", b"\xff", ValueError),
        ("utf8", 5, AttributeError),
        ("time", "now", TypeError),
    ],
)
def test_a_value_that_does_not_fit_is_the_callers_error(type: str, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        of_values({"x": type}, x=[1 if type.startswith(("u8", "u6", "i")) else None, value])


def test_columns_from_values_must_agree() -> None:
    with pytest.raises(ValueError, match="columns of"):
        of_values({"x": "u8", "y": "u8"}, x=[1], y=[1, 2])
    with pytest.raises(ValueError, match="no columns"):
        of_values({"x": "u8"}, z=[1])
    assert of_values({"x": "u8", "y": "utf8"}, x=[1, 2]).to_dicts() == [{"x": 1, "y": None}, {"x": 2, "y": None}]
    assert len(of_values({"x": "u8"})) == 0


@pytest.mark.parametrize(
    "column",
    [
        (None, None, b"123"),
        (b"", None, b"1234"),
        (b"\0\0", None, b"1234"),
        (None, None, b""),
    ],
)
def test_octets_of_a_wrong_length_are_refused(column: Any) -> None:
    layout = _convert.layout_of([("x", "u8", None, None)])
    with pytest.raises(ValueError, match="column 0"):
        _convert.chunk_from_octets(layout, 4, [column])


@pytest.mark.parametrize("offsets", [[0, 2, 1, 3], [1, 2, 3, 3], [0, 1, 2, 4], [0, -1, 2, 3], [0, 1, 3], []])
def test_offsets_that_would_leave_the_octets_are_refused(offsets: list[int]) -> None:
    layout = _convert.layout_of([("x", "binary", None, None)])
    octets = b"".join(offset.to_bytes(4, sys.byteorder, signed=True) for offset in offsets)
    with pytest.raises(ValueError, match="column 0"):
        _convert.chunk_from_octets(layout, 3, [(None, octets, b"abc")])


def test_recipes_that_do_not_fit_are_refused() -> None:
    chunk = flows(3).chunks[0]
    layout = _convert.layout_of([("x", "u8", None, None)])
    for columns in ([0], [99], [-1], [], [9, 9], [[1, 2]]):
        with pytest.raises(ValueError, match=r"column|values|argument"):
            _convert.extend_chunk(chunk, layout, columns)
    with pytest.raises(ValueError, match="rows"):
        _convert.chunk_from_octets(layout, 1 << 40, [None])


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("flags", "text"),
    [(0, ""), (0x02, "SYN"), (0x12, "SYN|ACK"), (0xFF, "FIN|SYN|RST|PSH|ACK|URG|ECE|CWR"), (0x1200, "0x1200")],
)
def test_tcp_flags_are_named_from_the_lowest_bit(flags: int, text: str) -> None:
    assert tcp_flags_text(flags) == text


def test_names_stand_after_their_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"proto": {6: "TCP"}, "etype": {0x800: "IPv4"}}
    for column, names in known.items():
        monkeypatch.setitem(dataframes._NAMED, column, (f"{column}_name", partial(getattr, names, "get")))
    batch = of_values(
        {"proto": "u8", "bytes": "u64", "etype": "u16", "tcp_flags": "u16"},
        proto=[6, 200, None, 6], bytes=[1, 2, 3, 4], etype=[0x800, 0x800, None, 1], tcp_flags=[2, None, 0, 0x18],
    )  # fmt: skip
    for part in (batch, batch[1:], batch[2:3]):
        layout, chunks = dataframes.with_names(part.layout, part.chunks)
        named = Batch("named", layout, chunks)
        assert named.names == (
            "proto", "proto_name", "bytes", "etype", "etype_name", "tcp_flags", "tcp_flags_text",
        )  # fmt: skip
        assert named["bytes"].to_list() == part["bytes"].to_list()
        first = 4 - len(part) if part is not batch[2:3] and len(part) != 1 else 2
        assert named["proto_name"].to_list() == ["TCP", None, None, "TCP"][first : first + len(part)]
        assert named["tcp_flags_text"].to_list() == ["SYN", None, "", "PSH|ACK"][first : first + len(part)]


def test_names_that_are_there_already_are_not_added_again() -> None:
    batch = of_values({"tcp_flags": "u16", "tcp_flags_text": "utf8"}, tcp_flags=[2], tcp_flags_text=["mine"])
    layout, chunks = dataframes.with_names(batch.layout, batch.chunks)
    assert Batch("x", layout, chunks) == batch


# ── shown ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_repr_is_one_line() -> None:
    assert repr(flows(5000)) == "<Batch 'flows': 5000 rows, 23 columns, 5 chunks>"
    assert "\n" not in repr(Batch("a\nb", flow_layout()))


def test_html_is_bounded_and_leaves_out_columns_without_values() -> None:
    page = flows(5000)._repr_html_()
    assert page.count("<tr>") == 11
    assert page.count("<th>") == 10
    assert "5000 rows, 23 columns; the first 10 rows shown; 13 columns without any value left out" in page
    wide = of_values({f"c{i}": "u8" for i in range(100)}, **{f"c{i}": [1] for i in range(100)})
    assert wide._repr_html_().count("<th>") == 40
    assert "60 more columns not shown" in wide._repr_html_()
    assert Batch("flows", flow_layout())._repr_html_().count("<th>") == 23


def test_html_is_escaped() -> None:
    layout = _convert.layout_of([("<b>", "utf8", None, None)])
    page = Batch(
        "<i>", layout, [_convert.chunk_from_values(layout, {"<b>": ["<script>\u202e" + "x" * 1000]})]
    )._repr_html_()
    assert "<b>" not in page
    assert "<i>" not in page
    assert "<script>" not in page
    assert "\\u202e" in page
    assert len(page) < 400


# ── pandas ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_pandas_keeps_integers_integers_and_times_in_utc() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not here")
    frame = every_type().to_pandas()
    types = {name: str(dtype) for name, dtype in frame.dtypes.items()}
    assert types["u64"] == "UInt64"
    assert types["i8"] == "Int8"
    assert types["f32"] == "Float32"
    assert types["bool"] == "boolean"
    assert types["time"] == "datetime64[ns, UTC]"
    assert types["time_us"] == "datetime64[us, UTC]"
    assert types["address"] == types["utf8"] in ("str", "string")
    assert types["nothing"] == "UInt32"
    assert frame["u64"][0] == 2**64 - 1
    assert frame["u64"][1] == 2**63 - 1
    assert frame["time"][0].value == 1_700_000_000_123_456_789
    assert frame["address"][0] == "10.0.0.9"
    assert frame["binary"][2] == b"\0\xff"
    for name, (_, values) in EVERY_TYPE.items():
        assert list(frame[name].isna()) == [value is None for value in values]
    assert str(every_type().to_pandas(text=False)["ipv4"].dtype) == "UInt32"
    assert len(Batch("flows", flow_layout()).to_pandas().columns) == 23
    assert isinstance(flows(5000).to_pandas(), pandas.DataFrame)
    assert flows(5000).to_pandas()["bytes"].sum() == sum(range(1000, 6000))


def test_pandas_needs_no_pyarrow() -> None:
    pytest.importorskip("pandas", reason="pandas is not here")
    program = """
import sys
sys.modules["pyarrow"] = None
from tests.tables import every_type, flows
frame = every_type().to_pandas()
assert frame["utf8"][2] == "é😀", frame["utf8"]
assert str(frame["u64"].dtype) == "UInt64"
assert len(flows(300).to_pandas()) == 300
"""
    env = os.environ | {"PYTHONPATH": ":".join(sys.path)}
    subprocess.run([sys.executable, "-c", program], check=True, env=env, timeout=60)
