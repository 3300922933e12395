"""Callers that change what they passed, come back in while they are asked, or come from two threads."""

from __future__ import annotations

import sys
import threading
from array import array
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

import pytest

from flowparse import FLOW, NATIVE, Decoder, sflowtool
from tests.build import V5Record, ethernet, netflow5, pcap, pcapng, udp
from tests.hostile.test_faults import EVERYTHING, JSON, NINE, PACKETS, ROWS, SFLOW, TEXT

A = ("192.0.2.1", 9995)
ONES, TWOS = (netflow5([V5Record(octets=n, packets=n)] * 30, sequence=0) for n in (1, 2))
SCHEMA = FLOW.select("bytes", "packets")


@pytest.fixture(autouse=True)
def threads_take_turns() -> Iterator[None]:
    """Threads change places a hundred times as often as they do."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-5)
    yield
    sys.setswitchinterval(before)


# ── octets that change while they are decoded ────────────────────────────────────────────────────────────────────────


def as_many(decoder: Decoder, buffer: bytearray) -> None:
    decoder.feed_many([buffer] * 100, A)


def as_slices(decoder: Decoder, buffer: bytearray) -> None:
    n = len(buffer) // len(ONES)
    decoder.feed_at(buffer, array("q", range(0, len(buffer), len(ONES))), array("i", [len(ONES)] * n), A)


def as_views(decoder: Decoder, buffer: bytearray) -> None:
    decoder.feed_many([memoryview(buffer)[: len(ONES)].toreadonly()] * 100, A)


def alone(decoder: Decoder, buffer: bytearray) -> None:
    for _ in range(50):
        decoder.feed(memoryview(buffer)[: len(ONES)], A)


@pytest.mark.parametrize("feed", [as_many, as_slices, as_views, alone])
def test_octets_that_another_thread_changes_are_read_as_they_were_at_one_time(
    feed: Callable[[Decoder, bytearray], None],
) -> None:
    """Each datagram is all ones or all twos; the other thread changes all of the buffer at once."""
    copies = 100 if feed is as_slices else 1
    buffer, stop = bytearray(ONES * copies), threading.Event()

    def change() -> None:
        while not stop.is_set():
            buffer[:] = TWOS * copies
            buffer[:] = ONES * copies

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(20):
            decoder = Decoder(SCHEMA)
            feed(decoder, buffer)
            rows = decoder.take()
            octets, packets = rows["bytes"].to_list(), rows["packets"].to_list()
            for at in range(0, len(octets), 30):
                assert len({*octets[at : at + 30], *packets[at : at + 30]}) == 1
    finally:
        stop.set()
        thread.join()


def test_a_capture_that_another_thread_changes_is_read_as_it_was_at_one_time() -> None:
    captures = [pcap([(i + 1, ethernet(udp(octets))) for i in range(50)]) for octets in (ONES, TWOS)]
    buffer, stop = bytearray(captures[0]), threading.Event()

    def change() -> None:
        while not stop.is_set():
            buffer[:] = captures[1]
            buffer[:] = captures[0]

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(20):
            decoder = Decoder(SCHEMA)
            assert decoder.feed_capture(buffer) == 1500
            octets = decoder.take()["bytes"].to_list()
            assert all(len({*octets[at : at + 30]}) == 1 for at in range(0, 1500, 30))
    finally:
        stop.set()
        thread.join()


def test_octets_that_change_behind_a_read_only_view_cost_no_more_than_their_values() -> None:
    """A view that says it is constant is decoded without the GIL; whoever changes it gets what it then says."""
    n = 64
    buffer, stop = bytearray(EVERYTHING * n), threading.Event()
    offsets, lengths = array("q", range(0, len(buffer), len(EVERYTHING))), array("i", [len(EVERYTHING)] * n)
    pick = Random(8)

    def change() -> None:
        while not stop.is_set():
            at = pick.randrange(len(buffer))
            before, buffer[at] = buffer[at], pick.choice((0, 255, pick.randrange(256)))
            buffer[at] = before

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for schema in (FLOW, NATIVE) * 15:
            decoder = Decoder(schema)
            decoder.feed_at(memoryview(buffer).toreadonly(), offsets, lengths, A)
            for batch in (*decoder.take_tables(), *decoder.take_options()):
                batch.to_dicts()
            assert decoder.feed(EVERYTHING, "198.51.100.1") == 4
    finally:
        stop.set()
        thread.join()


# ── callers that come back in ────────────────────────────────────────────────────────────────────────────────────────


class Entering(Sequence[Any]):
    """A sequence that uses the decoder when it is asked for an item."""

    def __init__(self, items: Sequence[Any], enter: Callable[[], object]) -> None:
        self.items, self.enter, self.raised = items, enter, 0

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, at: Any) -> Any:
        try:
            self.enter()
        except RuntimeError:
            self.raised += 1
        return self.items[at]


DOORS: dict[str, Callable[[Decoder], object]] = {
    "feed": lambda decoder: decoder.feed(ONES, A),
    "decode": lambda decoder: decoder.decode(ONES, A),
    "feed_many": lambda decoder: decoder.feed_many([ONES], A),
    "feed_capture": lambda decoder: decoder.feed_capture(pcap([])),
    "take": lambda decoder: decoder.take(),
    "take_tables": lambda decoder: decoder.take_tables(),
    "take_options": lambda decoder: decoder.take_options(),
    "take_counters": lambda decoder: decoder.take_counters(),
    "templates": lambda decoder: decoder.templates(),
    "stats": lambda decoder: decoder.stats(),
}


@pytest.mark.parametrize("door", DOORS)
def test_a_decoder_entered_from_within_is_a_runtime_error_and_goes_on(door: str) -> None:
    decoder = Decoder(SCHEMA)
    exporters = Entering([A, A], lambda: DOORS[door](decoder))
    times = Entering([1, 2], lambda: DOORS[door](decoder))
    assert decoder.feed_many([ONES, TWOS], exporters, times) == 60
    assert (exporters.raised, times.raised) == (2, 2)
    assert decoder.take()["bytes"].to_list() == [1] * 30 + [2] * 30

    def allow(exporter: Any) -> bool:
        with pytest.raises(RuntimeError, match="this decoder"):
            DOORS[door](asked)
        return True

    asked = Decoder(SCHEMA, allow=allow)
    assert asked.feed(ONES, A) == 30
    assert asked.feed_capture(pcap(PACKETS)) > 0


def test_a_list_that_becomes_shorter_while_it_is_read() -> None:
    datagrams = [ONES] * 3000

    def cut() -> None:
        del datagrams[-1:]

    decoder = Decoder(SCHEMA)
    exporters = Entering([A] * 3000, cut)
    rows = decoder.feed_many(datagrams, exporters)
    assert rows == len(decoder.take())
    assert 0 < rows < 90_000


def test_an_exception_of_the_caller_comes_through_and_what_was_decoded_stays() -> None:
    class Mine(Exception):
        pass

    def fail() -> None:
        raise Mine

    decoder = Decoder(SCHEMA)
    with pytest.raises(Mine):
        decoder.feed_many([ONES, TWOS], Entering([A, A], fail))
    barred = Decoder(SCHEMA, allow=lambda exporter: fail())
    for call in (DOORS["feed"], DOORS["decode"], DOORS["feed_many"]):
        with pytest.raises(Mine):
            call(barred)
    assert (barred.rows_waiting, barred.stats()) == (0, [])


# ── any pieces ───────────────────────────────────────────────────────────────────────────────────────────────────────


def pieces(octets: bytes, seed: int) -> Iterator[bytes]:
    pick, at = Random(seed), 0
    most = pick.choice((1, 2, 5, 40, 300))
    while at < len(octets):
        size = pick.randint(1, most)
        yield octets[at : at + size]
        at += size


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(
    ("text", "format"), [(TEXT, "text"), (JSON, "json"), (ROWS, "line"), (b"\xff\xfe\r\n" + TEXT * 2, "text")]
)
def test_text_in_any_pieces_says_the_same(text: bytes, format: Any, seed: int) -> None:
    whole, parser = sflowtool.parse(text, format=format), sflowtool.Parser(format=format)
    for piece in pieces(text, seed):
        parser.feed(piece)
    parser.close()
    flows = parser.take().to_dicts()
    assert flows == whole.flows.to_dicts()
    assert [*parser.datagrams()] == [*whole.datagrams]
    assert parser.events() == whole.events


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("write", [pcap, pcapng])
def test_a_capture_in_any_batches_says_the_same(write: Callable[..., bytes], rows: int) -> None:
    datagrams = [EVERYTHING, NINE, SFLOW, ONES, TWOS, EVERYTHING] * 3
    octets = write([(i + 1, ethernet(udp(each))) for i, each in enumerate(datagrams)])
    whole, parts = Decoder(), Decoder()
    whole.feed_capture(octets)
    found = [row for batch in parts.batches(octets, rows=rows) for row in batch.to_dicts()]
    key = repr
    assert sorted(found, key=key) == sorted(whole.take().to_dicts(), key=key)
    assert parts.stats() == whole.stats()
    assert parts.events() == whole.events()
