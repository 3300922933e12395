"""Datagrams in Arrow columns of any library: the rows and events that `feed_many` gives, and nothing copied or lost."""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowparse import FLOW, NATIVE, DecodeError, Decoder
from tests.build import V5Record, netflow5
from tests.state.talk import NOW_NS, A, B, datagrams, outcome

pa = pytest.importorskip("pyarrow", reason="pyarrow is not here")

PAYLOADS = [octets for octets, _, _ in datagrams()]
TIMES = [NOW_NS + n for n in range(len(PAYLOADS))]
HOSTS = [exporter[0] for _, exporter, _ in datagrams()]
PACKED = {A[0]: bytes([192, 0, 2, 1]), B[0]: bytes.fromhex("20010db8000000000000000000000001")}
MAPPED = {A[0]: bytes(10) + b"\xff\xff" + PACKED[A[0]], B[0]: PACKED[B[0]]}
OCTETS = {"binary": pa.binary(), "large_binary": pa.large_binary(), "binary_view": pa.binary_view()}
TEXTS = {"utf8": pa.string(), "large_utf8": pa.large_string(), "utf8_view": pa.string_view()}


def many(payloads: Any = None, exporters: Any = None, times: Any = None) -> dict[str, Any]:
    decoder = Decoder(NATIVE)
    decoder.feed_many(payloads or PAYLOADS, exporters or HOSTS, times)
    return outcome(decoder)


def by_columns(*columns: Any, decoder: Decoder | None = None) -> dict[str, Any]:
    decoder = decoder or Decoder(NATIVE)
    rows = decoder.feed_arrow(*columns)
    assert rows == decoder.rows_waiting
    return outcome(decoder)


class Only:
    """A column that shows one of the two interfaces."""

    def __init__(self, column: Any, *, stream: bool) -> None:
        if stream:
            self.__arrow_c_stream__ = column.__arrow_c_stream__
        else:
            self.__arrow_c_array__ = column.__arrow_c_array__


# ── types ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("type", OCTETS.values(), ids=[*OCTETS])
@pytest.mark.parametrize("chunks", [1, 2, 5])
def test_payloads_of_every_type_in_arrays_and_streams(type: Any, chunks: int) -> None:
    whole = pa.array(PAYLOADS, type)
    size = -(-len(whole) // chunks)
    pieces = [whole.slice(start, size) for start in range(0, len(whole), size)]
    chunked = pa.chunked_array([pa.array([], type), *pieces, pa.array([], type)])
    assert by_columns(chunked, pa.array(HOSTS), pa.array(TIMES)) == many(times=TIMES)
    assert by_columns(whole, pa.array(HOSTS), pa.array(TIMES)) == many(times=TIMES)


@pytest.mark.parametrize("type", TEXTS.values(), ids=[*TEXTS])
def test_exporters_as_text_of_every_type(type: Any) -> None:
    exporters = pa.array(HOSTS, type)
    assert by_columns(pa.array(PAYLOADS), exporters, NOW_NS) == many(times=NOW_NS)
    assert by_columns(pa.array(PAYLOADS), pa.chunked_array([exporters[:7], exporters[7:]]), None) == many()


@pytest.mark.parametrize("type", [*OCTETS.values(), pa.binary(16)], ids=[*OCTETS, "fixed 16"])
def test_exporters_as_octets_of_every_type(type: Any) -> None:
    assert by_columns(pa.array(PAYLOADS), pa.array([MAPPED[host] for host in HOSTS], type)) == many()


def test_exporters_of_four_octets() -> None:
    payloads = [octets for octets, host in zip(PAYLOADS, HOSTS, strict=True) if host == A[0]]
    exporters = pa.array([PACKED[A[0]]] * len(payloads), pa.binary(4))
    assert by_columns(pa.array(payloads), exporters) == many(payloads, A[0])


@pytest.mark.parametrize("index", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
@pytest.mark.parametrize("values", ["utf8", "large_utf8", "utf8_view", "binary", "fixed 16"])
def test_exporters_in_dictionaries(index: str, values: str) -> None:
    type = {**TEXTS, **OCTETS, "fixed 16": pa.binary(16)}[values]
    names = ["203.0.113.9", B[0], A[0]] if values in TEXTS else [bytes(16), MAPPED[B[0]], MAPPED[A[0]]]
    places = pa.array([2 if host == A[0] else 1 for host in HOSTS], getattr(pa, index)())
    exporters = pa.DictionaryArray.from_arrays(places, pa.array(names, type))
    assert by_columns(pa.array(PAYLOADS), exporters) == many()


def test_dictionaries_that_differ_from_array_to_array() -> None:
    first = pa.array(HOSTS[:6]).dictionary_encode()
    second = pa.array(HOSTS[6:]).dictionary_encode()
    assert first.dictionary.to_pylist() != second.dictionary.to_pylist()
    assert by_columns(pa.array(PAYLOADS), pa.chunked_array([first, second])) == many()


UNITS = {"s": 10**9, "ms": 10**6, "us": 1000, "ns": 1}


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
def test_times_of_every_unit(unit: str, zone: str | None) -> None:
    stamps = pa.array([ns // UNITS[unit] for ns in TIMES], pa.timestamp(unit, zone))
    whole = [ns // UNITS[unit] * UNITS[unit] for ns in TIMES]
    assert by_columns(pa.array(PAYLOADS), pa.array(HOSTS), stamps) == many(times=whole)


def test_times_that_are_null_are_not_known() -> None:
    some = [None if n % 2 else ns for n, ns in enumerate(TIMES)]
    decoder = Decoder(NATIVE)
    for octets, host, ns in zip(PAYLOADS, HOSTS, some, strict=True):
        decoder.feed(octets, host, ns)
    assert by_columns(pa.array(PAYLOADS), pa.array(HOSTS), pa.array(some, pa.int64())) == outcome(decoder)


def test_one_exporter_and_one_time_for_all() -> None:
    assert by_columns(pa.array(PAYLOADS), A, NOW_NS) == many(exporters=A, times=NOW_NS)
    assert by_columns(pa.array(PAYLOADS), "") == many(exporters=[""] * len(PAYLOADS))


@given(st.data())
@settings(max_examples=60)
def test_slices_and_nulls_wherever_they_lie(data: st.DataObject) -> None:
    n = len(PAYLOADS)
    start = data.draw(st.integers(0, n))
    length = data.draw(st.integers(0, n - start))
    holes = data.draw(st.sets(st.integers(0, n - 1), max_size=6))
    nobody = data.draw(st.sets(st.integers(0, n - 1), max_size=4))
    type = data.draw(st.sampled_from([*OCTETS.values()]))
    text = data.draw(st.sampled_from([*TEXTS.values(), pa.dictionary(pa.int8(), pa.string())]))
    payloads = pa.array([None if i in holes else octets for i, octets in enumerate(PAYLOADS)], type)
    hosts = [None if i in nobody else host for i, host in enumerate(HOSTS)]
    exporters = pa.array(hosts, pa.string()).cast(text) if not pa.types.is_dictionary(text) else pa.array(hosts).cast(
        pa.string()
    ).dictionary_encode()  # fmt: skip
    kept = [i for i in range(start, start + length) if i not in holes and i not in nobody]
    expected = many([PAYLOADS[i] for i in kept], [HOSTS[i] for i in kept], [TIMES[i] for i in kept]) if kept else None
    found = by_columns(*(each.slice(start, length) for each in (payloads, exporters, pa.array(TIMES))))
    nulls = sum(i in holes for i in range(start, start + length))
    others = sum(i in nobody and i not in holes for i in range(start, start + length))
    if nulls or others:
        told = found["events"].pop()
        assert (told["code"], told["detail"]) == ("data_dropped", {"payloads": nulls, "exporters": others})
    assert found == (expected or outcome(Decoder(NATIVE)))


def test_nulls_are_skipped_and_counted_in_one_event() -> None:
    decoder = Decoder()
    payloads = pa.array([PAYLOADS[0], None, None, PAYLOADS[0]])
    exporters = pa.DictionaryArray.from_arrays(pa.array([0, 0, None, 1], pa.int8()), pa.array([A[0], None]))
    assert decoder.feed_arrow(payloads, exporters) == 3
    assert decoder.events()[-1].message == "2 datagrams that were null, and 1 whose exporter was, are skipped"


def test_empty_columns_are_nothing() -> None:
    decoder = Decoder()
    none = pa.array([], pa.binary())
    assert decoder.feed_arrow(none, "192.0.2.1") == 0
    assert decoder.feed_arrow(none, pa.array([], pa.string()), pa.array([], pa.int64())) == 0
    assert decoder.feed_arrow(pa.chunked_array([], pa.binary()), pa.chunked_array([], pa.string())) == 0
    assert (decoder.events(), decoder.stats()) == ([], [])


def test_more_rows_than_a_block_and_of_many_exporters() -> None:
    payloads = [netflow5([V5Record(octets=n)] * (n % 4), sequence=n) for n in range(1500)]
    hosts = [f"10.0.{n % 3}.{n % 200}" for n in range(1500)]
    one, other = Decoder(FLOW), Decoder(FLOW)
    one.feed_many(payloads, hosts)
    assert other.feed_arrow(pa.array(payloads), pa.array(hosts)) == one.rows_waiting
    assert other.take().to_dicts() == one.take().to_dicts()
    assert other.stats() == one.stats()


def test_one_interface_is_enough() -> None:
    payloads, exporters = pa.array(PAYLOADS), pa.array(HOSTS)
    assert by_columns(Only(payloads, stream=False), Only(exporters, stream=False)) == many()
    chunked = pa.chunked_array([payloads])
    assert by_columns(Only(chunked, stream=True), Only(pa.chunked_array([exporters]), stream=True)) == many()


# ── other libraries ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_columns_of_polars() -> None:
    pl = pytest.importorskip("polars", reason="polars is not here")
    payloads, exporters, times = pl.Series(PAYLOADS), pl.Series(HOSTS), pl.Series(TIMES)
    assert by_columns(payloads, exporters, times) == many(times=TIMES)
    for kind in (pl.Categorical, pl.Enum([B[0], A[0]])):
        assert by_columns(payloads, exporters.cast(kind), times.cast(pl.Datetime("ns"))) == many(times=TIMES)
    frame = pl.DataFrame({"payload": PAYLOADS, "exporter": HOSTS, "time": TIMES}).vstack(
        pl.DataFrame({"payload": PAYLOADS, "exporter": HOSTS, "time": TIMES})
    )
    sliced = frame[3:20]
    expected = many((PAYLOADS * 2)[3:20], (HOSTS * 2)[3:20], (TIMES * 2)[3:20])
    assert by_columns(sliced["payload"], sliced["exporter"], sliced["time"]) == expected


def test_columns_of_arro3() -> None:
    arro3 = pytest.importorskip("arro3.core", reason="arro3 is not here")
    payloads = arro3.Array(PAYLOADS, arro3.DataType.binary())
    exporters = arro3.Array(HOSTS, arro3.DataType.string())
    assert by_columns(payloads, exporters, arro3.Array(TIMES, arro3.DataType.int64())) == many(times=TIMES)
    chunked = arro3.ChunkedArray([payloads.slice(0, 4), payloads.slice(4)])
    assert by_columns(chunked, exporters) == many()


def test_columns_of_nanoarrow() -> None:
    na = pytest.importorskip("nanoarrow", reason="nanoarrow is not here")
    payloads = na.Array(PAYLOADS, na.binary())
    assert by_columns(payloads, na.Array(HOSTS, na.string()), na.Array(TIMES, na.int64())) == many(times=TIMES)
    assert by_columns(na.c_array(PAYLOADS, na.large_binary()), na.c_array(HOSTS, na.large_string())) == many()


def test_columns_of_a_record_batch_and_of_a_table() -> None:
    batch = pa.record_batch({"payload": PAYLOADS, "exporter": HOSTS})
    assert by_columns(batch["payload"], batch["exporter"]) == many()
    table = pa.Table.from_batches([batch, batch])
    assert by_columns(table["payload"], table["exporter"]) == many(PAYLOADS * 2, HOSTS * 2)


# ── arguments that mean nothing ──────────────────────────────────────────────────────────────────────────────────────

GOOD = pa.array(PAYLOADS[:2])
WRONG = {
    "payloads of text": ((pa.array(["a", "b"]), A), "payload: a column of Arrow format 'u'"),
    "payloads of numbers": ((pa.array([1, 2]), A), "payload: a column of Arrow format 'l'"),
    "payloads in a dictionary": ((GOOD.dictionary_encode(), A), "payload: a column of Arrow format 'i'"),
    "payloads of a fixed width": ((pa.array([b"12"] * 2, pa.binary(2)), A), "payload: a column of Arrow format 'w:2'"),
    "rows": ((pa.record_batch({"a": GOOD}), A), "payload: a column of Arrow format '\\+s'"),
    "exporters of numbers": ((GOOD, pa.array([1, 2])), "exporter: a column of Arrow format 'l'"),
    "exporters of five octets": ((GOOD, pa.array([b"12345"] * 2, pa.binary(5))), "Arrow format 'w:5'"),
    "exporters that are lists": ((GOOD, pa.array([["a"], ["b"]])), "exporter: a column of Arrow format '\\+l'"),
    "a dictionary of numbers": ((GOOD, pa.array([1, 2]).dictionary_encode()), "a dictionary of Arrow format 'l'"),
    "times of text": ((GOOD, A, pa.array(["a", "b"])), "received_ns: a column of Arrow format 'u'"),
    "times of 32 bits": ((GOOD, A, pa.array([1, 2], pa.int32())), "received_ns: a column of Arrow format 'i'"),
    "dates": ((GOOD, A, pa.array([1, 2], pa.date64())), "received_ns: a column of Arrow format 'tdm'"),
    "fewer exporters": ((GOOD, pa.array(HOSTS[:1])), "1 exporters for 2 datagrams"),
    "more times": ((GOOD, A, pa.array([1, 2, 3])), "3 times for 2 datagrams"),
    "a time too large": ((GOOD, A, pa.array([1, 2**40], pa.timestamp("s"))), "does not fit 64 bits"),
    "a time too small": ((GOOD, A, pa.array([-(2**62), 5], pa.timestamp("us"))), "does not fit 64 bits"),
    "nobody": ((GOOD, "nobody"), "nobody"),
}


@pytest.mark.parametrize(("columns", "words"), WRONG.values(), ids=[*WRONG])
def test_columns_that_mean_nothing_are_refused_before_any_state(columns: Any, words: str) -> None:
    decoder = Decoder()
    with pytest.raises(ValueError, match=words):
        decoder.feed_arrow(*columns)
    assert (decoder.stats(), decoder.events(), decoder.rows_waiting) == ([], [], 0)


@pytest.mark.parametrize("wrong", [PAYLOADS, b"octets", None, 5])
def test_what_is_no_column_is_a_type_error(wrong: Any) -> None:
    with pytest.raises(TypeError, match="payload is an Arrow column"):
        Decoder().feed_arrow(wrong, A)


def test_capsules_that_are_none_are_a_type_error() -> None:
    class Fake:
        def __init__(self, answer: Any, name: str = "__arrow_c_array__") -> None:
            setattr(self, name, lambda requested_schema=None: answer)

    good = GOOD.__arrow_c_array__()
    stream = pa.chunked_array([GOOD]).__arrow_c_stream__()
    for answer in (None, (), good[:1], good[::-1], (good[0], 5), [*good], stream):
        with pytest.raises(TypeError, match="a schema and an array"):
            Decoder().feed_arrow(Fake(answer), A)
    for answer in (None, good[0]):
        with pytest.raises(TypeError, match="gives a stream"):
            Decoder().feed_arrow(Fake(answer, "__arrow_c_stream__"), A)
    once = Fake(good)
    assert Decoder().feed_arrow(once, A) == 3
    with pytest.raises(ValueError, match="released already"):
        Decoder().feed_arrow(once, A)
    once = Fake(stream, "__arrow_c_stream__")
    assert Decoder().feed_arrow(once, A) == 3
    with pytest.raises(ValueError, match="released already"):
        Decoder().feed_arrow(once, A)


def test_a_stream_that_fails_says_why_and_nothing_is_decoded() -> None:
    def batches() -> Any:
        yield pa.record_batch({"a": GOOD})
        raise ValueError("the disk is gone")

    schema = pa.schema({"a": pa.binary()})
    reader = pa.RecordBatchReader.from_batches(schema, batches())
    decoder = Decoder()
    with pytest.raises(ValueError, match=r"Arrow format '\+s'|the disk is gone"):
        decoder.feed_arrow(reader, A)
    assert decoder.stats() == []


def test_an_exporter_that_is_no_address_carries_its_index_and_earlier_rows_stay() -> None:
    for hosts in (pa.array([A[0], A[0], "nobody", A[0]]), pa.array([A[0], A[0], "nobody", A[0]]).dictionary_encode()):
        decoder = Decoder()
        with pytest.raises(ValueError, match="nobody") as caught:
            decoder.feed_arrow(pa.array([PAYLOADS[0]] * 4), hosts)
        assert caught.value.index == 2  # type: ignore[attr-defined]
        assert decoder.rows_waiting == 6


def test_exporters_of_too_many_octets_are_not_copied_about() -> None:
    with pytest.raises(ValueError, match="an exporter is an address, not 100000 octets"):
        Decoder().feed_arrow(GOOD, pa.array(["x" * 100_000] * 2))


@pytest.mark.parametrize("place", [0, 1, 300])
def test_a_strict_decoder_raises_with_the_index_of_the_row(place: int) -> None:
    good = netflow5([V5Record()])
    payloads = [None, *[good] * place, b"\0\x63", good]
    decoder = Decoder(strict=True)
    with pytest.raises(DecodeError) as caught:
        decoder.feed_arrow(pa.array(payloads), A)
    assert caught.value.index == place + 1
    assert decoder.rows_waiting == place


def test_who_is_not_allowed_is_told() -> None:
    decoder = Decoder(allow=lambda exporter: exporter == B[0])
    decoder.feed_arrow(pa.array(PAYLOADS), pa.array(HOSTS))
    assert {each.exporter for each in decoder.stats()} == {B[0]}


# ── columns that lie ─────────────────────────────────────────────────────────────────────────────────────────────────


class ArrowArray(ctypes.Structure):
    """The struct of the C data interface."""


ArrowArray._fields_ = [
    ("length", ctypes.c_int64), ("null_count", ctypes.c_int64), ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64), ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)), ("children", ctypes.c_void_p),
    ("dictionary", ctypes.POINTER(ArrowArray)), ("release", ctypes.c_void_p), ("private_data", ctypes.c_void_p),
]  # fmt: skip

pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]


class Lying:
    """A column whose array says something that is not so."""

    def __init__(self, column: Any, **lies: int) -> None:
        self.capsules = column.__arrow_c_array__()
        self.array = ArrowArray.from_address(pointer_of(self.capsules[1], b"arrow_array"))
        for name, value in lies.items():
            setattr(self.array, name, value)

    def __arrow_c_array__(self, requested_schema: object = None) -> Any:
        return self.capsules


@pytest.mark.parametrize(
    "lies",
    [{"length": -1}, {"offset": -1}, {"offset": 2**62}, {"length": 2**62, "offset": 2**62}, {"n_buffers": 2},
     {"n_buffers": 0}, {"n_buffers": 4}],
    ids=str,
)  # fmt: skip
def test_an_array_that_lies_is_refused(lies: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="payload: an array of"):
        Decoder().feed_arrow(Lying(GOOD, **lies), A)


def test_buffers_that_are_missing_are_refused() -> None:
    for type in (pa.binary(), pa.binary_view()):
        column = Lying(pa.array(PAYLOADS[:2], type))
        column.array.buffers[1] = None
        with pytest.raises(ValueError, match="without values"):
            Decoder().feed_arrow(column, A)
    column = Lying(pa.array(PAYLOADS[:2], pa.binary_view()))
    column.array.buffers[column.array.n_buffers - 1] = None
    with pytest.raises(ValueError, match="without the sizes"):
        Decoder().feed_arrow(column, A)
    column = Lying(GOOD)
    column.array.buffers[2] = None
    with pytest.raises(ValueError, match="lies outside"):
        Decoder().feed_arrow(column, A)


@pytest.mark.parametrize("offsets", [[0, 5, 3], [-1, 2, 3], [5, 0, 9]])
def test_offsets_that_run_backwards_are_refused(offsets: list[int]) -> None:
    for width, type in (("i", pa.binary()), ("q", pa.large_binary())):
        octets = memoryview(bytearray(len(offsets) * struct_size(width))).cast(width)
        column = pa.Array.from_buffers(type, 2, [None, pa.py_buffer(octets.cast("B")), pa.py_buffer(bytes(9))])
        for place, value in enumerate(offsets):  # now that pyarrow has looked at them
            octets[place] = value
        with pytest.raises(ValueError, match="lies outside its buffers"):
            Decoder().feed_arrow(column, A)


def struct_size(code: str) -> int:
    return {"i": 4, "q": 8}[code]


@pytest.mark.parametrize("view", [(13, 1, 0), (13, -1, 0), (13, 0, -1), (13, 0, 9), (-5, 0, 0), (2**31 - 1, 0, 0)])
def test_views_that_point_elsewhere_are_refused(view: tuple[int, int, int]) -> None:
    length, buffer, offset = view
    word = memoryview(bytearray(16)).cast("i")
    word[0], word[2], word[3] = length, buffer, offset
    column = pa.Array.from_buffers(pa.binary_view(), 1, [None, pa.py_buffer(word.cast("B")), pa.py_buffer(bytes(20))])
    with pytest.raises(ValueError, match="lies outside its buffers"):
        Decoder().feed_arrow(column, A)


@pytest.mark.parametrize("place", [-1, 2, 100])
def test_a_dictionary_without_the_value_is_refused(place: int) -> None:
    places = pa.array([0, place], pa.int8())
    exporters = pa.DictionaryArray.from_arrays(places, pa.array(HOSTS[:2]), safe=False)
    with pytest.raises(ValueError, match=f"value 1 is {place} in a dictionary of 2"):
        Decoder().feed_arrow(GOOD, exporters)


# ── memory ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_columns_are_let_go_of_whatever_happens() -> None:
    payloads, exporters = pa.array(PAYLOADS), pa.array(HOSTS).dictionary_encode()
    decoder, strict = Decoder(FLOW.select("bytes")), Decoder(strict=True)

    def once() -> None:
        decoder.feed_arrow(payloads, exporters, pa.array(TIMES))
        decoder.take()
        decoder.take_options()
        decoder.events()
        for columns in (
            (payloads, pa.array(HOSTS[:3])), (exporters, payloads), (pa.chunked_array([payloads]), "nobody"),
        ):  # fmt: skip
            with pytest.raises(ValueError, match=r"datagrams|nobody|format"):
                decoder.feed_arrow(*columns)
        with pytest.raises(DecodeError):
            strict.feed_arrow(pa.array([b"\0\x63"]), A)
        strict.events()

    def kept() -> int:
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(200):
            once()
        gc.collect()
        return sys.getallocatedblocks() - before

    for _ in range(50):
        once()
    allocated = pa.total_allocated_bytes()
    assert min(kept() for _ in range(3)) < 100  # a block a call is 200; pyarrow's own come and go, some thirty
    assert pa.total_allocated_bytes() <= allocated
