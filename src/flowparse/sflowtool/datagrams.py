"""Datagrams that the kernel put together, and their records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from struct import unpack
from typing import NamedTuple

from .._addresses import text_of_address
from .._records import Maker
from ..events import Event
from ..limits import Limits
from ..sflow import decode
from ..sflow.model import CounterSample, Datagram, DiscardSample, Fields, FlowSample, Port, Record, Sample
from ..sflow.records import Reader, decimals, record
from ..sflow.structures import COUNTER, FLOW, Kind, structures
from .keys import slot_names

__all__ = ["Block", "maker", "records_of"]

Lack = tuple[int, int, int, int]
"""(datagram, sample, record, field): what is zero in the octets because the text does not tell it."""


class Block(NamedTuple):
    """Datagrams in one piece of memory, as `_text.Assembler.take` hands them over; `notices` by their index."""

    octets: bytes
    offsets: bytes
    lengths: bytes
    received: bytes
    sources: list[bytes | None]
    lacks: list[Lack]
    notices: dict[int, list[Event]]

    def __len__(self) -> int:
        return len(self.sources)


def _without(record: Record, kind: str, lacking: set[int]) -> Record:
    """The record less the fields that the text does not tell."""
    printed = slot_names()[kind, record.enterprise, record.format]
    missing = {printed[slot] for slot in lacking}
    told = [(name, value) for name, value in record.fields.items() if name not in missing]
    return replace(record, fields=Fields(tuple(name for name, _ in told), tuple(value for _, value in told)))


def _less_sample(sample: Sample, lacks: Iterable[tuple[int, int]]) -> Sample:
    if isinstance(sample, Record):
        return sample
    kind = "counter" if isinstance(sample, CounterSample) else "flow"
    by_record: dict[int, set[int]] = {}
    for record, slot in lacks:
        by_record.setdefault(record, set()).add(slot)
    return replace(
        sample,
        records=tuple(
            _without(record, kind, by_record[i]) if i in by_record else record for i, record in enumerate(sample.records)
        ),
    )


def _less(datagram: Datagram, lacks: Iterable[Lack]) -> Datagram:
    by_sample: dict[int, list[tuple[int, int]]] = {}
    for _, sample, record, slot in lacks:
        by_sample.setdefault(sample, []).append((record, slot))
    return replace(
        datagram,
        samples=tuple(
            _less_sample(sample, by_sample[i]) if i in by_sample else sample for i, sample in enumerate(datagram.samples)
        ),
    )


def _plain(octets: bytes, kind: Kind) -> Record | None:
    """A record that the fast reader does not read; None if there is something to tell of it."""
    at = Reader(octets, Limits())
    found = record(at, kind)
    return None if at.notices else found


def maker(limits: Limits) -> Maker:
    """The fast reader of datagrams that are as they should be."""
    return Maker(
        (Datagram, FlowSample, CounterSample, DiscardSample, Port, Record, Fields),
        [
            (each.kind, each.enterprise, each.format, each.name, each.names, [field.type for field in each.fields])
            for kind in (FLOW, COUNTER)
            for each in structures(kind).values()
        ],
        _plain,
        decimals,
        limits.samples_per_datagram,
        limits.records_per_sample,
    )


def records_of(block: Block, make: Maker, limits: Limits) -> Iterator[Datagram]:
    """The datagrams of a block as records."""
    n = len(block)
    lacks: dict[int, list[Lack]] = {}
    for lack in block.lacks:
        lacks.setdefault(lack[0], []).append(lack)
    texts: dict[bytes | None, str | None] = {None: None}
    places = zip(unpack(f"{n}q", block.offsets), unpack(f"{n}i", block.lengths), block.sources, strict=True)
    for i, (offset, length, sender) in enumerate(places):
        if sender not in texts:
            texts[sender] = text_of_address(sender) if sender is not None else None
        source = texts[sender]
        notices = tuple(block.notices.get(i, ()))
        datagram = make.datagram(block.octets, offset, length, source, notices)
        if datagram is None:
            datagram = decode(block.octets[offset : offset + length], limits=limits)
            datagram = replace(datagram, notices=(*notices, *datagram.notices), source=source)
        yield _less(datagram, lacks[i]) if i in lacks else datagram
