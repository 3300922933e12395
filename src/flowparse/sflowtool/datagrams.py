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
from ..sflow.fast import maker
from ..sflow.model import CounterSample, Datagram, Fields, Record, Sample
from ..sflow.read import read_plainly
from .keys import slot_names

__all__ = ["Block", "maker", "records_of"]

Lack = tuple[int, int, int, int]
"""(datagram, sample, record, field): what is zero in the octets because the text does not tell it."""


class Block(NamedTuple):
    """Datagrams in one piece of memory, as `_textfeed.Assembler.take` hands them over; `notices` by their index."""

    octets: bytes
    offsets: bytes
    lengths: bytes
    received: bytes
    sources: list[bytes | None]
    lacks: list[Lack]
    notices: dict[int, list[Event]]

    def __len__(self) -> int:
        return len(self.sources)


def _without(of: Record, kind: str, lacking: set[int]) -> Record:
    """The record less the fields that the text does not tell."""
    printed = slot_names()[kind, of.enterprise, of.format]
    missing = {printed[slot] for slot in lacking}
    told = [(name, value) for name, value in of.fields.items() if name not in missing]
    return replace(of, fields=Fields(tuple(name for name, _ in told), tuple(value for _, value in told)))


def _less_sample(sample: Sample, lacks: Iterable[tuple[int, int]]) -> Sample:
    if isinstance(sample, Record):
        return sample
    kind = "counter" if isinstance(sample, CounterSample) else "flow"
    by_record: dict[int, set[int]] = {}
    for which, slot in lacks:
        by_record.setdefault(which, set()).add(slot)
    return replace(
        sample,
        records=tuple(
            _without(each, kind, by_record[i]) if i in by_record else each for i, each in enumerate(sample.records)
        ),
    )


def _less(datagram: Datagram, lacks: Iterable[Lack]) -> Datagram:
    by_sample: dict[int, list[tuple[int, int]]] = {}
    for _, sample, which, slot in lacks:
        by_sample.setdefault(sample, []).append((which, slot))
    return replace(
        datagram,
        samples=tuple(
            _less_sample(sample, by_sample[i]) if i in by_sample else sample
            for i, sample in enumerate(datagram.samples)
        ),
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
            datagram = read_plainly(block.octets[offset : offset + length], limits)
            datagram = replace(datagram, notices=(*notices, *datagram.notices), source=source)
        yield _less(datagram, lacks[i]) if i in lacks else datagram
