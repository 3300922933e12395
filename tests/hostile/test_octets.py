"""Octets that mean no good: whatever comes, there is a row, an event or a DecodeError, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from flowparse import FLOW, NATIVE, DecodeError, Decoder
from tests.build import V5Record, V7Record, netflow1, netflow5, netflow7
from tests.captures import corpus
from tests.shared import needs_shared

A = ("192.0.2.1", 9995)
HEADERS = {1: 16, 5: 24, 7: 24}
RECORDS = {1: 48, 5: 48, 7: 52}
MADE = [
    netflow5([V5Record(octets=i, proto=i % 3) for i in range(30)], sampling_mode=1, sampling_interval=5),
    netflow1([V5Record(octets=i) for i in range(10)]),
    netflow7([V7Record(octets=i, next_hop="192.0.2.3") for i in range(10)]),
]


class Pair:
    """A lenient decoder and a strict one that get the same octets, and a row of checks on what comes of it."""

    def __init__(self, schema: Any = FLOW) -> None:
        self.schema = schema
        self.lenient = Decoder(schema)
        self.discarding = Decoder(schema, malformed="discard")
        self.strict = Decoder(schema, strict=True)

    def check(self, octets: bytes) -> int:
        """Decode and feed; return the rows that came of it."""
        version = int.from_bytes(octets[:2]) if len(octets) >= 2 else None
        header, record = HEADERS.get(version or 0, 0), RECORDS.get(version or 0, 0)
        readable = bool(header) and len(octets) >= header
        count = int.from_bytes(octets[2:4]) if readable else 0
        there = (len(octets) - header) // record if readable else 0
        message = self.lenient.decode(octets, A, 1)
        rows = sum(len(table) for table in message.tables)
        assert rows == min(count, there)
        events = message.events
        assert readable or [event.code for event in events] == ["message_discarded"]
        assert (count > there) == any(event.code == "message_truncated" for event in events)
        for event in events:
            assert event.offset is None or 0 <= event.offset <= len(octets)
        if readable:
            assert message.header["count"] == count
        for table in message.tables:
            table.to_dicts()

        assert self.lenient.feed(octets, A, 1) == rows
        assert self.discarding.feed(octets, A, 1) == (rows if count <= there else 0)
        if readable and count <= there and not (version == 5 and count > 30):
            assert self.strict.feed(octets, A, 1) == rows
            return rows
        with pytest.raises(DecodeError) as caught:
            self.strict.feed(octets, A, 1)
        assert caught.value.offset is not None
        assert 0 <= caught.value.offset <= len(octets)
        assert len(str(caught.value)) < 300
        return rows

    def drain(self) -> None:
        for decoder in (self.lenient, self.discarding, self.strict):
            waiting = decoder.rows_waiting
            assert sum(map(len, decoder.take_tables())) == waiting
            decoder.events()


@pytest.mark.parametrize("schema", [FLOW, NATIVE], ids=repr)
@pytest.mark.parametrize("version", [*range(9), 11])  # 9 and 10 have Sets, and other rules
def test_zeros_of_every_length_up_to_200_of_every_version(version: int, schema: Any) -> None:
    pair = Pair(schema)
    for length in range(201):
        head = version.to_bytes(2)
        pair.check((head + bytes(length))[:length])
        pair.check((head + b"\xff" * length)[:length])
        pair.check((head + b"\0\1" + bytes(length))[:length])
    pair.drain()


@pytest.mark.parametrize("seed", range(4))
def test_octets_at_random(seed: int) -> None:
    pick, pair = random.Random(seed), Pair()
    for _ in range(1500):
        octets = pick.randbytes(pick.choice((0, 1, 2, 3, 15, 16, 23, 24, 72, 200, 1500)))
        pair.check(octets)
        pair.check(pick.choice((1, 5, 7)).to_bytes(2) + octets[2:])
    pair.drain()


@pytest.mark.parametrize("made", MADE, ids=["v5", "v1", "v7"])
def test_a_message_cut_at_every_octet(made: bytes) -> None:
    pair = Pair()
    rows = [pair.check(made[:length]) for length in range(len(made) + 1)]
    assert rows == sorted(rows)
    assert rows[-1] == int.from_bytes(made[2:4])


@pytest.mark.parametrize("made", MADE, ids=["v5", "v1", "v7"])
@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 29, 30, 31, 32767, 32768, 65535])
@pytest.mark.parametrize("tail", [0, 1, 100])
def test_a_count_of_any_size(made: bytes, count: int, tail: int) -> None:
    Pair().check(made[:2] + count.to_bytes(2) + made[4:] + bytes(tail))


def test_the_largest_datagram_there_is() -> None:
    pair = Pair()
    for version in (1, 5, 7):
        assert (
            pair.check(version.to_bytes(2) + b"\xff\xff" + bytes(65535 - 4))
            == (65535 - HEADERS[version]) // RECORDS[version]
        )
    pair.drain()


@needs_shared
def test_every_captured_v5_datagram_cut_at_every_octet() -> None:
    distinct = {datagram.octets for datagram in corpus.v5_datagrams()}
    for octets in distinct:
        decoder = Decoder(FLOW.select("bytes"))
        rows = [decoder.feed(octets[:length], A) for length in range(len(octets) + 1)]
        assert rows == [
            min(int.from_bytes(octets[2:4]), max(0, length - 24) // 48) if length >= 24 else 0
            for length in range(len(octets) + 1)
        ]


def flipped(pick: random.Random, octets: bytes) -> bytes:
    """The octets with a few bits, octets or pieces changed."""
    made = bytearray(octets)
    for _ in range(pick.choice((1, 1, 1, 2, 8))):
        where = pick.randrange(min(len(made), pick.choice((4, 24, 2000))))
        made[where] = pick.choice((made[where] ^ 1 << pick.randrange(8), 0, 255, pick.randrange(256)))
    if pick.random() < 0.3:
        start = pick.randrange(len(made))
        del made[start : start + pick.randrange(60)]
    return bytes(made)


def mutate(seed: int, n: int) -> Iterator[bytes]:
    pick = random.Random(seed)
    seeds = [*MADE, *(datagram.octets for datagram in corpus.v5_datagrams() if corpus.index())]
    return (flipped(pick, pick.choice(seeds)) for _ in range(n))


@pytest.mark.parametrize("seed", range(3))
def test_bits_flipped_in_real_messages(seed: int) -> None:
    pair = Pair()
    for octets in mutate(seed, 1500):
        pair.check(octets)
    pair.drain()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 110))
def test_many_more_bits_flipped(seed: int) -> None:
    pair = Pair()
    for i, octets in enumerate(mutate(seed, 30_000)):
        pair.check(octets)
        if i % 1000 == 0:
            pair.drain()


# ── nothing is left of what was discarded ────────────────────────────────────────────────────────────────────────────

# What a datagram that is discarded may change: how many there were.
COUNTERS = {"datagrams", "octets", "discarded", "first_seen_ns", "last_seen_ns"}


def state(decoder: Decoder) -> Any:
    return [
        {name: getattr(stats, name) for name in stats.__dataclass_fields__ if name not in COUNTERS}
        for stats in decoder.stats()
        if stats.version != "unknown"
    ]


@pytest.mark.parametrize("rule", [{"malformed": "discard"}, {"strict": True}], ids=["discard", "strict"])
def test_a_message_that_is_discarded_changes_nothing(rule: dict[str, Any]) -> None:
    honest, attacked = Decoder(FLOW, **rule), Decoder(FLOW, **rule)
    bad = [
        netflow5([V5Record(octets=666)] * 40, count=50, sequence=999, sampling_mode=1, sampling_interval=3),
        netflow5([V5Record(octets=666)] * 2, count=3, sequence=123456, sys_uptime_ms=0),
        b"\0\5",
        b"\0\x63" + bytes(100),
        b"",
    ]
    for i in range(300):
        good = netflow5([V5Record(octets=i)] * 7, sequence=7 * i, sampling_mode=1, sampling_interval=10)
        assert honest.feed(good, A) == 7
        for octets in bad:
            before = (attacked.rows_waiting, state(attacked))
            for door in (partial(attacked.feed, octets, A), partial(attacked.decode, octets, A)):
                try:
                    door()
                except DecodeError:
                    assert rule == {"strict": True}
            assert (attacked.rows_waiting, state(attacked)) == before or i == 0
        assert attacked.feed(good, A) == 7
        if i % 50 == 49:
            assert attacked.take() == honest.take()
    assert state(attacked) == state(honest)
    assert {event.code for event in attacked.events()} <= {"message_discarded"}


# ── work ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("n", [100, 200, 400])
def test_events_and_rows_grow_no_faster_than_the_octets(n: int) -> None:
    """One message tells a bounded number of things, whatever it claims; rows are bounded by its octets."""
    octets = b"\0\5\xff\xff" + bytes(n * 48 + 20)
    decoder = Decoder()
    assert decoder.feed(octets, A) == n
    assert len(decoder.events()) <= 16


def test_many_domains_of_one_exporter_are_bounded() -> None:
    decoder = Decoder(FLOW.select("bytes"))
    for i in range(5000):
        decoder.feed(netflow5([V5Record()], engine_type=i >> 8, engine_id=i & 255), A)
    assert len(decoder.stats()) == 1024
