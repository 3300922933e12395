"""sFlow by the specification and by the decoder: the same records of whatever octets, damaged as in test_sflow."""

from __future__ import annotations

from typing import Any

import pytest

from flowparse import DecodeError
from flowparse.reference import sflow as specification
from flowparse.sflow import CounterSample, Datagram, DiscardSample, Fields, FlowSample, Record, decode
from tests.captures import sflow
from tests.differential.test_sflow import damaged
from tests.shared import needs_shared

NOT_READ = {(0, 1016)}
"""An aggregate of frames: records within a record, which the specification here does not unfold."""


def value(of: Any) -> Any:
    """A value in plain types."""
    if isinstance(of, Fields):
        return {name: value(each) for name, each in of.items()}
    return tuple(map(value, of)) if isinstance(of, tuple) else of


def record(of: Record) -> tuple[Any, ...]:
    return of.enterprise << 12 | of.format, {name: value(each) for name, each in of.fields.items()}, of.data


def sample(of: Any) -> tuple[Any, ...]:
    """A sample as the specification has it."""
    if isinstance(of, Record):
        return of.enterprise << 12 | of.format, None
    head: dict[str, Any] = {"sequence": of.sequence, "source": (of.source_class, of.source_index)}
    if isinstance(of, FlowSample):
        head |= {"sampling_rate": of.sampling_rate, "sample_pool": of.sample_pool}
    if isinstance(of, FlowSample | DiscardSample):
        head |= {"drops": of.drops}
        head |= {"input": (of.input.format, of.input.value), "output": (of.output.format, of.output.value)}
    if isinstance(of, DiscardSample):
        head["reason"] = of.reason
    if isinstance(of, CounterSample) and of.interval_s is not None:
        head["interval_s"] = of.interval_s
    tag = 5 if isinstance(of, DiscardSample) else 2 if isinstance(of, CounterSample) else 1
    return tag + 2 * getattr(of, "expanded", False), head, [record(each) for each in of.records]


def decoded(of: Datagram) -> tuple[Any, ...]:
    head = {name: getattr(of, name) for name in ("version", "agent", "sub_agent_id", "sequence", "uptime_ms")}
    return head, [sample(each) for each in of.samples]


def specified(of: specification.Datagram) -> tuple[Any, ...]:
    """What the specification read, in the same shape."""
    samples = [
        (each.tag, each.head, [(inner.tag, inner.fields, inner.rest) for inner in each.records])
        if each.head
        else (each.tag, None)
        for each in of.samples
    ]
    return of.head, samples


def has_aggregate(of: Datagram) -> bool:
    records = [inner for each in of.samples for inner in getattr(each, "records", ())]
    return any((each.enterprise, each.format) in NOT_READ for each in records)


def check(octets: bytes, where: object) -> None:
    try:
        wanted = decode(octets)
    except DecodeError:
        with pytest.raises(specification.Damage):
            specification.read(octets)
        return
    if not has_aggregate(wanted):
        assert repr(decoded(wanted)) == repr(specified(specification.read(octets))), where  # as text: NaN is one


def test_damaged_datagrams_are_what_the_specification_says() -> None:
    for number, octets in damaged(range(200_000, 202_000)):
        check(octets, number)


@needs_shared
@pytest.mark.parametrize("name", sflow.NAMES)
def test_captures_are_what_the_specification_says(name: str) -> None:
    for i, octets in enumerate(sflow.payloads(name)[:200]):
        check(octets, i)


@needs_shared
@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_fifty_thousand_damaged_datagrams_are_what_the_specification_says(block: int) -> None:
    for number, octets in damaged(range(300_000 + 5000 * block, 305_000 + 5000 * block)):
        check(octets, number)
