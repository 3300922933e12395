"""Every field of every NetFlow v5 record of the captures, octet by octet, through each door of the decoder."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

import pytest

import flowparse
from flowparse import NATIVE, Batch, Decoder, Event
from tests.captures import corpus

Row = Any
CONTEXT = ("exporter", "exporter_port", "domain", "template_id", "export_time", "message_index")


def by_feed(decoder: Decoder, name: str) -> tuple[list[Batch], list[Event]]:
    for datagram in corpus.datagrams(name):
        decoder.feed(*datagram)
    return decoder.take_tables(), decoder.events()


def by_feed_capture(decoder: Decoder, name: str) -> tuple[list[Batch], list[Event]]:
    decoder.feed_capture(corpus.path(name).read_bytes())
    return decoder.take_tables(), decoder.events()


def by_feed_many(decoder: Decoder, name: str) -> tuple[list[Batch], list[Event]]:
    octets, exporters, times = zip(*corpus.datagrams(name), strict=True)
    decoder.feed_many(octets, list(exporters), times)
    return decoder.take_tables(), decoder.events()


def by_decode(decoder: Decoder, name: str) -> tuple[list[Batch], list[Event]]:
    messages = [decoder.decode(*datagram) for datagram in corpus.datagrams(name)]
    assert decoder.take_tables() == []
    assert decoder.events() == []
    tables = [table for message in messages for table in message.tables]
    return tables, [event for message in messages for event in message.events]


DOORS: tuple[Callable[[Decoder, str], tuple[list[Batch], list[Event]]], ...] = (
    by_feed, by_feed_capture, by_feed_many, by_decode,
)  # fmt: skip


def v5_rows(tables: Iterable[Batch]) -> list[Row]:
    """The rows of v5's layout, in order of arrival."""
    rows = [row for table in tables for row in table if "bgpSourceAsNumber" in row and "flags1" not in row]
    return sorted(rows, key=lambda row: row["message_index"])


@pytest.mark.golden
@corpus.each("nf5")
def test_every_field_is_as_in_the_golden_records(name: str) -> None:
    goldens = corpus.goldens(name)
    seen = []
    for door in DOORS:
        decoder = Decoder(NATIVE, malformed="salvage", key="address+port")
        tables, events = door(decoder, name)
        rows = v5_rows(tables)
        decoded = {index: list(of_one) for index, of_one in groupby(rows, key=lambda row: row["message_index"])}
        assert {index: len(of_one) for index, of_one in decoded.items()} == {
            index: len(of_one) for index, of_one in goldens.items()
        }
        for index, records in goldens.items():
            for golden, row in zip(records, decoded[index], strict=True):
                expected = {flowparse.element(key).name: octets for key, octets in golden["fields"].items()}
                assert {field: row.raw(field).hex() for field in row if field not in CONTEXT} == expected
                assert row["domain"] == golden["domain"]
                assert row["template_id"] is None
                assert (row["exporter"], row["exporter_port"]) == corpus.datagrams(name)[index].exporter
        seen.append(([row.as_dict() for row in rows], events, decoder.stats()))
    for other, door in zip(seen[1:], DOORS[1:], strict=True):
        assert other == seen[0], f"{door.__name__} differs from {DOORS[0].__name__}"


@corpus.each("nf5", alone=True)
def test_counts_are_as_in_the_index(name: str) -> None:
    row = next(row for row in corpus.index() if row["capture"] == name)
    decoder = Decoder(NATIVE)
    assert decoder.feed_capture(corpus.path(name).read_bytes()) == int(row["flow_records"])
    stats = decoder.stats()
    assert sum(each.datagrams for each in stats) == int(row["datagrams"])
    assert sum(each.records for each in stats) == int(row["flow_records"])
    told = {event.code for event in decoder.events()}
    assert ("trailing_octets" in told) == ("trailing_bytes" in row["tags"])
    assert ("message_truncated" in told) == ("record_overrun" in row["tags"])
