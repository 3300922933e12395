"""sFlow that was damaged: records by the plain reader, by the fast one, and rows by the kernel are the same.

`sflow.read.read_plainly` is the second reading here, which tells what is wrong in the same words; what the
specification reads of such datagrams is in test_sflow_specification.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from random import Random
from typing import Any

import pytest

from flowparse import NATIVE, DecodeError, Decoder
from flowparse.limits import Limits
from flowparse.sflow import Datagram, DiscardSample, FlowSample, decode
from flowparse.sflow.read import read_plainly
from tests import build, build_sflow
from tests.captures import sflow
from tests.captures.test_sflow import near, rows_of
from tests.differential.sflow_mutations import damage
from tests.shared import needs_shared

EXPORTER = "192.0.2.1"
MOST_OCTETS = 3000


@cache
def seeds() -> list[list[bytes]]:
    """The datagrams of each capture, and made ones."""
    header = build_sflow.header(build.ethernet(build.udp(b"x" * 20, ("10.0.0.1", 53), ("10.0.0.2", 5353))))
    flow, counters = build_sflow.flow_sample, build_sflow.counters_sample
    made = [
        build_sflow.datagram(flow(header, build_sflow.switch()), counters(build_sflow.processor())),
        build_sflow.datagram(flow(header, expanded=True), build_sflow.discard_sample(header), agent="2001:db8::1"),
    ]
    captures = [
        [octets for octets in sflow.payloads(name)[:30] if 4 <= len(octets) <= MOST_OCTETS and octets[:2] == b"\0\0"]
        for name in sflow.NAMES
    ]
    return [made, *(of_one for of_one in captures if of_one)]


def damaged(numbers: range) -> Iterator[tuple[int, bytes]]:
    """Damaged datagrams by number; the captures take turns."""
    for number in numbers:
        pick, datagrams = Random(number), seeds()[number % len(seeds())]
        yield number, damage(pick, pick.choice(datagrams), datagrams)


def plain(octets: bytes) -> Datagram | DecodeError:
    try:
        return read_plainly(octets, Limits())
    except DecodeError as error:
        return error


def shown(value: Any) -> Any:
    """A value as both sides have it: a column of text leaves out zeros at its end, a record does not."""
    return value.rstrip("\0") if isinstance(value, str) else near(value)


def check(numbers: range) -> None:
    """Compare the three."""
    kept, discarding = Decoder(NATIVE), Decoder(NATIVE, malformed="discard")
    flow = Decoder()
    for number, octets in damaged(numbers):
        expected = plain(octets)
        message = kept.decode(octets, EXPORTER, 1)
        rows = flow.feed(octets, EXPORTER, 1)
        other = discarding.decode(octets, EXPORTER, 1)
        if isinstance(expected, DecodeError):
            with pytest.raises(type(expected)) as raised:
                decode(octets)
            assert (str(raised.value), raised.value.offset) == (str(expected), expected.offset), number
            if octets[:2] == b"\0\0":  # else of another protocol
                assert rows == 0, number
                assert [event.code for event in message.events] == ["message_discarded"], number
            continue
        mine = decode(octets)
        assert repr(mine) == repr(expected), number  # as text, so that a NaN is one
        assert mine.notices == expected.notices, number
        packets = [sample for sample in expected.samples if isinstance(sample, FlowSample | DiscardSample)]
        assert rows == len(packets), number
        told = {event.code for event in other.events}
        assert ("message_discarded" in told) <= bool(expected.notices), number
        if "message_discarded" in told:
            assert other.tables == other.counters == [], number
        tables = {table.name: table for table in [*message.tables, *message.counters]}
        wanted = rows_of(expected)
        assert {name: len(table) for name, table in tables.items()} == {n: len(rows) for n, rows in wanted.items()}, (
            number
        )
        for name, records in wanted.items():
            # Records in a form that ends early stand behind those in the whole form.
            columns = sorted(set.intersection(*map(set, records)))
            found, told = (
                Counter(repr([shown(row[column]) for column in columns]) for row in of_one)
                for of_one in (tables[name], records)
            )
            assert found == told, (number, name)


def test_damaged_datagrams_come_out_the_same() -> None:
    check(range(3000))


@needs_shared
@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_a_hundred_thousand_damaged_datagrams_come_out_the_same(block: int) -> None:
    check(range(10_000 + 5000 * block, 15_000 + 5000 * block))


@needs_shared
@pytest.mark.slow
@pytest.mark.parametrize("name", sflow.NAMES)
def test_a_datagram_cut_at_every_octet_comes_out_the_same(name: str) -> None:
    whole = [octets for octets in sflow.payloads(name) if octets[:2] == b"\0\0" and len(octets) <= MOST_OCTETS]
    for octets in sorted(set(whole), key=len)[-2:]:
        decoder = Decoder()
        for length in range(len(octets)):
            expected = plain(octets[:length])
            rows = decoder.feed(octets[:length], EXPORTER)
            if isinstance(expected, DecodeError):
                assert rows == 0
                continue
            assert rows == sum(isinstance(sample, FlowSample | DiscardSample) for sample in expected.samples), length
            assert repr(decode(octets[:length])) == repr(expected), length
