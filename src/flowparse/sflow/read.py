"""sFlow datagrams to records, plainly: version 5 (sflow_version_5.txt); `old` has versions 2 and 4.

Lengths on the wire frame; counts only hint. A sample or record that does not hold together costs
nobody else anything. What was not as it should be is told in `Datagram.notices`.

The tables and the flow view are made by the kernel `_sflow`, not from these records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..errors import Malformed, Truncated, UnsupportedVersion
from ..limits import Limits
from .model import CounterSample, Datagram, DiscardSample, FlowSample, Port, Record, Sample
from .old import samples_of as old_samples_of
from .records import CLAUSES, Reader, Short, address, record, record_of, tag_of
from .structures import COUNTER, FLOW, SAMPLE, Kind, find

__all__ = ["read_plainly"]

BROCADE = (1991, 1)
BROCADE_OCTETS = 8


def _records(at: Reader, kind: Kind) -> tuple[Record, ...]:
    """The records at the end of a sample: as many as its count says and its octets hold."""
    records: list[Record] = []
    where = at.at
    count: int = at.number()
    most = min(count, at.limits.records_per_sample)
    # Progress: a record has at least 8 octets.
    while len(records) < most:
        start = at.at
        try:
            records.append(record(at, kind))
        except Short:
            at.at = start
            break
    _tell_of_count(at, "sample", "record", count, most, len(records), where)
    return tuple(records)


def _tell_of_count(at: Reader, whole: str, item: str, count: int, most: int, done: int, where: int) -> None:
    """What a count said and the octets held, where they differ."""
    if done == most < count:
        limit = f"{item}s_per_{whole}"
        message = f"a {whole} of {count} {item}s; Limits.{limit} is {most}"
        at.tell("limit_reached", "warning", message, where, limit=most, count=count)
    elif done < count:
        message = f"a {whole} says {count} {item}s, but its octets hold {done}; those are kept"
        at.tell("message_truncated", "error", message, where, count=count, available=done)
    elif at.left:
        message = f"{at.left} octets behind the last {item} of a {whole}"
        at.tell("trailing_octets", "warning", message, at.at, octets=at.left)


def _source(at: Reader, expanded: bool) -> tuple[int, int]:
    if expanded:
        return at.number(), at.number()
    word = at.number()
    return word >> 24, word & 0xFFFFFF


def _port(at: Reader, expanded: bool) -> Port:
    if expanded:
        return Port(at.number(), at.number())
    word = at.number()
    return Port(word >> 30, word & 0x3FFFFFFF)


def _flow(at: Reader, expanded: bool) -> FlowSample:
    sequence = at.number()
    source_class, source_index = _source(at, expanded)
    return FlowSample(
        sequence=sequence,
        source_class=source_class,
        source_index=source_index,
        sampling_rate=at.number(),
        sample_pool=at.number(),
        drops=at.number(),
        input=_port(at, expanded),
        output=_port(at, expanded),
        records=_records(at, FLOW),
        expanded=expanded,
    )


def _counters(at: Reader, expanded: bool) -> CounterSample:
    sequence = at.number()
    source_class, source_index = _source(at, expanded)
    return CounterSample(
        sequence=sequence,
        source_class=source_class,
        source_index=source_index,
        records=_records(at, COUNTER),
        expanded=expanded,
    )


def _discard(at: Reader) -> DiscardSample:
    return DiscardSample(
        sequence=at.number(),
        source_class=at.number(),
        source_index=at.number(),
        drops=at.number(),
        input=Port(0, at.number()),
        output=Port(0, at.number()),
        reason=at.number(),
        records=_records(at, FLOW),
    )


SAMPLES: dict[tuple[int, int], Callable[[Reader], Sample]] = {
    (0, 1): lambda at: _flow(at, False),
    (0, 2): lambda at: _counters(at, False),
    (0, 3): lambda at: _flow(at, True),
    (0, 4): lambda at: _counters(at, True),
    (0, 5): _discard,
}


def _sample(inside: Reader, tag: tuple[int, int]) -> Sample:
    """A sample from all of its octets."""
    read = SAMPLES.get(tag)
    if read is None:
        return record_of(inside, tag, find(SAMPLE, *tag))
    start = inside.at
    try:
        return read(inside)
    except Short:
        length = inside.end - start
        message = f"a sample of format {tag[0]}:{tag[1]} has {length} octets, too few for what it says about itself"
        inside.tell("message_truncated", "error", message, start, length=length)
        inside.at = start
        return record_of(inside, tag, None)


def _samples(at: Reader, count: int) -> Iterator[Sample]:
    """The samples of a version 5 datagram: as many as its count says and its octets hold."""
    where = at.at
    done, most = 0, min(count, at.limits.samples_per_datagram)
    # Progress: a sample has at least 8 octets.
    while done < most:
        start = at.at
        try:
            tag = tag_of(at.number())
            length = at.number()
            if tag == BROCADE and length >= BROCADE_OCTETS:
                # Two words; the ordinary sample behind them is the one that the count tells of.
                at.take(BROCADE_OCTETS)
                continue
            inside = at.window(length)
        except Short:
            at.at = start
            break
        done += 1
        yield _sample(inside, tag)
    _tell_of_count(at, "datagram", "sample", count, most, done, where)


def read_plainly(octets: bytes, limits: Limits) -> Datagram:
    """What `decode` does, of any datagram."""
    at = Reader(octets, limits)
    try:
        version = at.number()
        if version not in CLAUSES:
            raise UnsupportedVersion(f"version {version} is not decoded here; sFlow 2, 4 and 5 are", offset=0)
        at.version = version
        kind = int.from_bytes(octets[4:8])
        if kind not in (0, 1, 2):
            raise Malformed(f"the agent's address is of type {kind}", offset=4, clause=CLAUSES[version])
        agent = address(at)
        sub_agent_id = at.number() if version == 5 else None
        sequence, uptime_ms, count = at.number(), at.number(), at.number()
    except Short:
        raise Truncated(f"{len(octets)} octets end within the header of an sFlow datagram", offset=at.at) from None
    samples = _samples(at, count) if version == 5 else old_samples_of(at, count)
    return Datagram(
        version=version,
        agent=agent,
        sub_agent_id=sub_agent_id,
        sequence=sequence,
        uptime_ms=uptime_ms,
        samples=tuple(samples),
        notices=tuple(at.notices),
    )
