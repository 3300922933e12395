"""Memory: none is lost, running out of it is survived, and what was handed over outlives its maker."""

from __future__ import annotations

import gc
import sys
import threading
from array import array
from collections.abc import Callable
from typing import Any

import pytest

from flowparse import FLOW, NATIVE, DecodeError, Decoder, Limits
from tests.build import V5Record, ethernet, netflow1, netflow5, pcap, udp

_testcapi = pytest.importorskip("_testcapi", reason="this Python has no _testcapi")
A, B = ("192.0.2.1", 9995), ("192.0.2.2", 9995)
GOOD = netflow5([V5Record(octets=i, proto=i % 3) for i in range(30)])
LYING = netflow5([V5Record()], count=9)
FOREIGN = b"\0\x63" + bytes(80)
CAPTURE = pcap([(i + 1, ethernet(udp(GOOD, src=(f"10.0.0.{i}", 5)))) for i in range(3)])


# ── leaks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def refused(call: Callable[[], Any], *errors: type[BaseException]) -> None:
    try:
        call()
    except errors:
        return
    raise AssertionError("nothing was refused")


def calls() -> dict[str, Callable[[], Any]]:
    lenient, strict, native = Decoder(), Decoder(strict=True), Decoder(NATIVE)
    barred = Decoder(allow=lambda exporter: False)
    few = Decoder(limits=Limits(exporters=1, exporter_aliases=1))
    writable = bytearray(GOOD)
    offsets, lengths = array("q", [0]), array("i", [len(GOOD)])

    def feed_and_take() -> None:
        lenient.feed(GOOD, A)
        len(lenient.take())

    def feed_natively() -> None:
        native.feed(GOOD, A)
        native.take_tables()

    def tell() -> None:
        lenient.feed(LYING, A)
        lenient.feed(FOREIGN, A)
        lenient.take()
        lenient.events()

    def many() -> None:
        lenient.feed_many([GOOD, writable, LYING], [A, B, "192.0.2.3"], [1, 2, 3])
        lenient.take()
        lenient.events()

    def crowd() -> None:
        few.feed(GOOD, A)
        few.feed(GOOD, B)
        few.take()
        few.events()

    return {
        "feed": feed_and_take,
        "feed native": feed_natively,
        "decode": lambda: lenient.decode(GOOD, A, 5),
        "decode read": lambda: [row.as_dict() for row in lenient.decode(LYING, A).flows],
        "decode events": lambda: [event.to_dict() for event in lenient.decode(LYING, A).events],
        "events": tell,
        "feed_many": many,
        "feed_at": lambda: (lenient.feed_at(GOOD, offsets, lengths, [A]), lenient.take()),
        "feed_capture": lambda: (lenient.feed_capture(CAPTURE), lenient.take()),
        "batches": lambda: [len(batch) for batch in lenient.batches([(GOOD, A, None)] * 2, rows=30)],
        "strict": lambda: refused(lambda: strict.feed(LYING, A), DecodeError),
        "strict decode": lambda: refused(lambda: strict.decode(FOREIGN, A), DecodeError),
        "strict many": lambda: refused(lambda: strict.feed_many([b"", GOOD], A), DecodeError),
        "wrong octets": lambda: refused(lambda: lenient.feed("text", A), TypeError),
        "wrong items": lambda: refused(lambda: lenient.feed_many([None], A), TypeError),
        "wrong exporter": lambda: refused(lambda: lenient.feed(GOOD, "nobody"), ValueError),
        "wrong time": lambda: refused(lambda: lenient.feed(writable, A, 2**70), ValueError),
        "wrong place": lambda: refused(lambda: lenient.feed_at(b"", offsets, lengths, A), ValueError),
        "barred": lambda: (barred.feed(GOOD, A), barred.events()),
        "evictions": crowd,
        "stats": lenient.stats,
        "a decoder": lambda: Decoder(FLOW.select("bytes")).feed(GOOD, A),
    }


@pytest.mark.parametrize("name", [*calls()])
def test_no_call_keeps_memory(name: str) -> None:
    call = calls()[name]
    n = 300 if name == "a decoder" else 2000
    for _ in range(200):
        call()

    def kept() -> int:
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(n):
            call()
        gc.collect()
        return sys.getallocatedblocks() - before

    assert min(kept() for _ in range(4)) / n < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("name", [*calls()])
def test_no_call_keeps_memory_over_ten_thousand(name: str) -> None:
    call = calls()[name]
    for _ in range(1000):
        call()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(10_000):
        call()
    gc.collect()
    assert (sys.getallocatedblocks() - before) / 10_000 < 0.01


# ── no memory ────────────────────────────────────────────────────────────────────────────────────────────────────────


def without_memory(after: int, call: Callable[[], Any]) -> bool:
    """Make the allocation `after` and all later ones fail while `call` runs; whether it got through."""
    _testcapi.set_nomemory(after, 0)
    try:
        call()
    except MemoryError:
        return False
    finally:
        _testcapi.remove_mem_hooks()
    return True


def facts(decoder: Decoder) -> Any:
    return [(s.exporter, s.domain, s.datagrams, s.records, s.missed, s.reordered) for s in decoder.stats()]


CALLS: dict[str, Callable[[Decoder], Any]] = {
    "feed": lambda decoder: decoder.feed(GOOD, A, 7),
    "feed writable": lambda decoder: decoder.feed(bytearray(GOOD), A),
    "feed lying": lambda decoder: decoder.feed(LYING, A),
    "feed foreign": lambda decoder: decoder.feed(FOREIGN, A),
    "feed new exporter": lambda decoder: decoder.feed(GOOD, ("192.0.2.77", 1)),
    "feed new version": lambda decoder: decoder.feed(netflow1([V5Record()]), A),
    "feed_many": lambda decoder: decoder.feed_many([GOOD, LYING, GOOD], [A, B, A]),
    "decode": lambda decoder: decoder.decode(GOOD, A),
    "decode lying": lambda decoder: decoder.decode(LYING, A),
    "feed_capture": lambda decoder: decoder.feed_capture(CAPTURE),
    "take": lambda decoder: decoder.take(),
}
WHOLE = {"feed", "feed writable", "feed foreign", "feed new exporter", "feed new version"}
"""Those that hand nothing over and tell of one message at most: without memory they change nothing."""


@pytest.mark.starves
@pytest.mark.parametrize("name", [*CALLS])
@pytest.mark.parametrize("used", [False, True], ids=["fresh", "used"])
def test_without_memory_there_is_a_memory_error_and_the_decoder_goes_on(name: str, used: bool) -> None:
    call = CALLS[name]
    sweep = 0
    for after in range(300):
        decoder = Decoder()
        if used:
            decoder.feed_many([GOOD] * 3, A)
            decoder.take()
            decoder.feed(GOOD, A)
            decoder.events()
        waiting, told = decoder.rows_waiting, facts(decoder)
        through = without_memory(after, lambda call=call, decoder=decoder: call(decoder))  # type: ignore[misc]
        if not through and name in WHOLE:
            assert decoder.rows_waiting == waiting
            assert [row for row in facts(decoder) if row in told] == told
        if not through and name.startswith("decode"):
            assert decoder.rows_waiting == waiting, "rows of a decode that failed are in no take"
        records = sum(stats.records for stats in decoder.stats())
        assert decoder.feed(GOOD, A) == 30
        assert sum(stats.records for stats in decoder.stats()) == records + 30
        rows = decoder.take()["bytes"].to_list()
        assert rows[-30:] == list(range(30))
        decoder.events()
        sweep += not through
        if through and after > 5:
            break
    # A decoder that has seen the exporter, and has room in its slab, feeds without asking for memory at all.
    assert sweep > 0 or (used and name == "feed")


# ── what was handed over ─────────────────────────────────────────────────────────────────────────────────────────────


def test_rows_outlive_their_decoder_and_end_on_any_thread() -> None:
    kept: list[Any] = []
    for schema in (FLOW, NATIVE):
        decoder = Decoder(schema)
        decoder.feed_many([GOOD] * 400, A)
        kept += decoder.take_tables()
        kept += decoder.decode(GOOD, A).tables
    del decoder
    gc.collect()
    name = {True: "bytes", False: "octetDeltaCount"}
    for table in kept:
        column = table[name["bytes" in table.names]]
        assert column.to_list() == list(range(30)) * (len(table) // 30)
    columns = [table["sampler_address" if "type" in table.names else "exporter"] for table in kept]
    views = [memoryview(chunk) for column in columns for chunk in column.chunks]
    before = [bytes(view) for view in views]
    kept.clear()
    del column, columns, table
    gc.collect()
    assert [bytes(view) for view in views] == before
    thread = threading.Thread(target=views.clear)
    thread.start()
    thread.join()
    assert views == []


def test_octets_changed_after_the_call_change_nothing() -> None:
    octets = bytearray(GOOD)
    decoder = Decoder(FLOW.select("bytes", "src_addr"))
    buffer = bytearray(CAPTURE)
    message = decoder.decode(octets, A)
    decoder.feed(octets, A)
    decoder.feed_many([octets] * 20, A)
    decoder.feed_capture(buffer)
    for writable in (octets, buffer):
        writable[:] = b"\xff" * len(writable)
    assert message.header["version"] == 5
    assert message.flows["bytes"].to_list() == list(range(30))
    rows = decoder.take()
    assert rows["bytes"].to_list() == list(range(30)) * 24
    assert set(rows["src_addr"].to_list()) == {"192.0.2.1"}


# ── threads ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_two_threads_with_a_decoder_each_do_not_mix() -> None:
    results: dict[int, list[int]] = {}

    def work(seed: int) -> None:
        decoder = Decoder(FLOW.select("bytes"))
        values = [seed * 1_000_000 + i for i in range(30)]
        octets = netflow5([V5Record(octets=value) for value in values])
        for _ in range(60):
            decoder.feed_many([octets] * 40, A)
            found = decoder.take()["bytes"].to_list()
            if found != values * 40:
                return
        results[seed] = values

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.keys() == {0, 1}


def test_a_decoder_entered_by_another_thread_is_a_runtime_error() -> None:
    inside, leave = threading.Event(), threading.Event()

    def allow(exporter: Any) -> bool:
        inside.set()
        return leave.wait(30)

    decoder = Decoder(allow=allow)
    thread = threading.Thread(target=decoder.feed, args=(GOOD, A))
    thread.start()
    assert inside.wait(30)
    with pytest.raises(RuntimeError, match="one decoder per thread"):
        decoder.feed(GOOD, A)
    leave.set()
    thread.join()
    assert decoder.rows_waiting == 30
