"""Samples of sFlow versions 2 and 4 (RFC 3176 sections 4.3 and 5), as records of version 5.

Samples and blocks have no lengths, so the first that is not understood ends the datagram. A block
becomes the record of version 5 that holds the same, less the fields that came later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .model import CounterSample, Fields, FlowSample, Port, Record, Sample
from .records import Reader, Short, fields_of
from .structures import COUNTER, FLOW, Kind, Structure, find

__all__ = ["samples_of", "since"]

PACKETS = {1: 1, 2: 3, 3: 4}  # packet data type -> format of the record
EXTENDED = {1: 1001, 2: 1002, 3: 1003, 4: 1004, 5: 1005}
COUNTERS = {1: (1,), 2: (1, 2), 3: (1, 3), 4: (1,), 5: (1, 4), 6: (1,), 7: (5,)}  # block version -> records
LATER = {
    1: {"stripped"},
    1003: {"nexthop"},
    1004: {"src_charset", "dst_charset"},
    1005: {"host"},
}  # format -> fields that these versions do not have
BEFORE_4 = {"communities", "localpref"}
LEAST_SAMPLE = 4
MORE_THAN_ONE = 0x80000000


def since(structure: Structure, name: str) -> int:
    """The first version of sFlow that has a field; 0 for all."""
    if structure.kind != FLOW or structure.enterprise:
        return 0
    if name in LATER.get(structure.format, ()):
        return 5
    return 4 if structure.format == 1003 and name in BEFORE_4 else 0


def _block(at: Reader, kind: Kind, format: int) -> Record:
    structure = find(kind, 0, format)
    if structure is None:
        raise Short
    later = LATER.get(format, set()) | (BEFORE_4 if at.version == 2 else set()) if kind == FLOW else set()
    fields = tuple(field for field in structure.fields if field.name not in later)
    if kind == FLOW and format == 1003 and at.version == 2:
        values = _flat_gateway(at)
    else:
        values, _ = fields_of(at, fields)
    if len(values) < len(fields):
        raise Short
    return Record(0, format, structure.name, Fields(tuple(field.name for field in fields), values))


def _flat_gateway(at: Reader) -> tuple[Any, ...]:
    """Version 2 has one sequence of AS numbers instead of segments."""
    own, source, peer = at.number(), at.number(), at.number()
    path = tuple(at.number() for _ in range(at.count(4)))
    return own, source, peer, ((2, path),) if path else ()


def _port(word: int) -> Port:
    return Port(2, word & ~MORE_THAN_ONE) if word & MORE_THAN_ONE else Port(0, word)


def _flow(at: Reader) -> FlowSample:
    sequence, source, rate, pool, drops, inward, outward, packet = (at.number() for _ in range(8))
    records = [_block(at, FLOW, PACKETS.get(packet, 0))]
    for _ in range(at.count(4)):
        records.append(_block(at, FLOW, EXTENDED.get(at.number(), 0)))
    return FlowSample(
        sequence=sequence,
        source_class=source >> 24,
        source_index=source & 0xFFFFFF,
        sampling_rate=rate,
        sample_pool=pool,
        drops=drops,
        input=_port(inward),
        output=_port(outward),
        records=tuple(records),
    )


def _counters(at: Reader) -> CounterSample:
    sequence, source, interval_s, block = (at.number() for _ in range(4))
    return CounterSample(
        sequence=sequence,
        source_class=source >> 24,
        source_index=source & 0xFFFFFF,
        records=tuple(_block(at, COUNTER, format) for format in COUNTERS.get(block, (0,))),
        interval_s=interval_s,
    )


SAMPLES: dict[int, Callable[[Reader], Sample]] = {1: _flow, 2: _counters}


def samples_of(at: Reader, count: int) -> Iterator[Sample]:
    """The samples of a datagram: as many as its count says, until one does not hold together."""
    most = min(count, at.limits.samples_per_datagram, at.left // LEAST_SAMPLE)
    for done in range(most):
        start = at.at
        try:
            yield SAMPLES[at.number()](at)
        except (Short, KeyError):
            message = f"sample {done + 1} of {count} does not hold together; the datagram ends there"
            at.tell("message_truncated", "error", message, start, count=count, available=done)
            return
    if most < count:
        message = f"a datagram of {count} samples of which {most} are there"
        at.tell("message_truncated", "error", message, at.at, count=count, available=most)
    elif at.left:
        message = f"{at.left} octets behind the last sample of a datagram"
        at.tell("trailing_octets", "warning", message, at.at, octets=at.left)
