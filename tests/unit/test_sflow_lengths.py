"""sFlow version 5 with every length and count wrong, and cut anywhere, in compact and expanded forms alike."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import flowparse as fp
from flowparse import DecodeError, sflow
from flowparse.sflow import CounterSample
from tests import build
from tests import build_sflow as make

SENDER = "192.0.2.200"
FRAME = build.ethernet(build.udp(b"x" * 30, ("10.0.0.1", 53), ("10.0.0.2", 5353)))
RECORDS = (
    make.header(FRAME),
    make.router("2001:db8::9"),
    make.gateway((2, (1, 2, 3)), (1, (4,)), communities=(5, 6)),
    make.tagged(1004, make.words(106) + make.opaque("one") + make.words(106) + make.opaque("two")),
    make.tagged(1006, make.address(None) + make.words(2, 1, 2, 1, 3)),
    make.tagged(1012, make.words(2, 0x81000064, 0x88A80065)),
)
COUNTERS = (
    make.if_counters(),
    make.tagged(2001, make.words(2, 1, 1, 0x02000000, 1 << 16, 2, 0)),
    make.tagged(10, make.words(1, 2, 3, 4, 2, *range(20))),
)
SAMPLES = {
    "flow": make.flow_sample(*RECORDS),
    "expanded_flow": make.flow_sample(*RECORDS, expanded=True),
    "discard": make.discard_sample(*RECORDS),
    "counters": make.counters_sample(*COUNTERS),
    "expanded_counters": make.counters_sample(*COUNTERS, expanded=True),
}
HEADER = 28
WORDS = (0, 1, 3, 8, 0xFF, 0x10000, 0x3FFFFFFF, 0x40000000, 0x80000000, 0xFFFFFFF8, 0xFFFFFFFF)


class Decoders:
    """One of each kind, for all datagrams of a test: what they are given comes out apart."""

    def __init__(self) -> None:
        self.flow, self.native, self.strict = fp.Decoder(), fp.Decoder(fp.NATIVE), fp.Decoder(strict=True)


def check(octets: bytes, decoders: Decoders) -> tuple[int, int]:
    """Rows of the flow view and of counters; the records have as many, and nothing but a DecodeError is raised."""
    flow, native = decoders.flow.decode(octets, SENDER), decoders.native.decode(octets, SENDER)
    try:
        samples = sflow.decode(octets).samples
    except DecodeError:
        assert len(flow.flows) == 0
        return 0, 0
    packets = [sample for sample in samples if isinstance(sample, sflow.FlowSample | sflow.DiscardSample)]
    counters = [record for sample in samples if isinstance(sample, CounterSample) for record in sample.records]
    tables = {table.name: len(table) for table in native.tables}
    assert len(flow.flows) == tables.get("flow_sample", 0) + tables.get("discard_sample", 0) == len(packets)
    known = sum(bool(record.fields) for record in counters)
    assert sum(map(len, flow.counters)) == sum(map(len, native.counters)) == known
    try:
        decoders.strict.feed(octets, SENDER)
        decoders.strict.take()
        decoders.strict.take_counters()
    except DecodeError:
        assert decoders.strict.rows_waiting == 0
    return len(packets), known


@pytest.mark.parametrize("name", SAMPLES)
def test_cut_at_every_word(name: str) -> None:
    """What is framed before the cut is kept, and the cut is told of."""
    octets = make.datagram(make.flow_sample(make.switch()), SAMPLES[name])
    decoders = Decoders()
    whole = check(octets, decoders)
    for end in range(0, len(octets), 4):
        found = check(octets[:end], decoders)
        assert found <= whole
        told = {event.code for event in fp.Decoder().decode(octets[:end], SENDER).events}
        assert told == ({"message_discarded"} if end < HEADER else {"message_truncated"})


def with_words(octets: bytes) -> Iterator[bytes]:
    """The datagram with each of its words, counts and lengths among them, one of `WORDS`."""
    for at in range(HEADER - 4, len(octets) - 3, 4):
        for word in WORDS:
            yield octets[:at] + make.words(word) + octets[at + 4 :]


@pytest.mark.parametrize("name", SAMPLES)
def test_every_word_is_another(name: str) -> None:
    """Counts and lengths are hints, bounded by the octets that are there."""
    decoders = Decoders()
    for octets in with_words(make.datagram(SAMPLES[name])):
        check(octets, decoders)
