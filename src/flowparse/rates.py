"""Counters to rates: what grew, by how much a second.

The time between two samples is that of the agent's own clock, which does not see how long a datagram
took. An interval that cannot be trusted makes no rate, rather than a spike: the counters are taken as
a new beginning, and `reason` says why. A counter that wraps is no such case.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal

from .limits import Limits
from .registry import rows
from .sflow.model import CounterSample, Datagram, Record
from .sflow.structures import COUNTER, find

__all__ = ["CounterRates", "Rates"]

Reason = Literal["first", "late", "sequence", "restart", "interval", "implausible"]

WRAP = 1 << 32
LARGEST_STEP = 50  # samples: a larger jump is a new beginning
WINDOW = 64  # samples: one that is fewer behind comes late, or twice
SLACK = 1.1  # of an interface's speed, for clocks that differ
LEAST_FRAME_BITS = 512
IF_COUNTERS = (0, 1)
DIRECTIONS = {"in": ("ifInOctets", ("ifInUcastPkts", "ifInMulticastPkts", "ifInBroadcastPkts")),
              "out": ("ifOutOctets", ("ifOutUcastPkts", "ifOutMulticastPkts", "ifOutBroadcastPkts"))}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What one structure of a counter sample says about the time since the one before.

    Attributes
    ----------
    agent : str or None
    sub_agent_id, source_class, source_index : int
    structure : str
        Such as "if_counters".
    seconds : float or None
        Between the two samples, by the agent's clock; None where there is no rate.
    per_second : Mapping of str to float or None
        Each counter of the structure; None where the agent does not know it.
    utilization : Mapping of str to float
        "in" and "out": the part of the interface's speed that was used; without a known speed, empty.
    reason : str or None
        Why there is no rate: "first", "late" (or twice; it is passed over), "sequence" (samples went
        back, or many are missing), "restart", "interval" (the clock stood, or the last sample is too
        old), "implausible" (more than the interface can carry).
    """

    agent: str | None
    sub_agent_id: int
    source_class: int
    source_index: int
    structure: str
    seconds: float | None
    per_second: Mapping[str, float | None]
    utilization: Mapping[str, float]
    reason: Reason | None


@dataclass(slots=True)
class _Before:
    sequence: int
    uptime_ms: int
    values: dict[str, int]


@cache
def _counters() -> dict[tuple[int, int], dict[str, int]]:
    """Structure -> counters that only grow, and at which number each wraps."""
    wraps: dict[tuple[int, int], dict[str, int]] = {}
    for tag, fields in rows("sflow_counters.tsv"):
        enterprise, _, format = tag.partition(":")
        structure = find(COUNTER, int(enterprise), int(format))
        assert structure is not None, f"sflow_counters.tsv: {tag} is in sflow.tsv"
        types = {field.name: field.type for field in structure.fields}
        wraps[int(enterprise), int(format)] = {
            name: 1 << (64 if types[name] == "u64" else 32) for name in fields.split(" ")
        }
    return wraps


def _signed(difference: int) -> int:
    return (difference + WRAP // 2) % WRAP - WRAP // 2


class CounterRates:
    """Keeps the last counters of each data source, and makes rates of them.

    Parameters
    ----------
    longest_s : float
        An interval longer than this makes no rate: a 32-bit counter may have wrapped more than once.
    limits : Limits, optional
        `data_sources` bounds what is kept; the one heard of least recently goes.
    """

    def __init__(self, *, longest_s: float = 300.0, limits: Limits | None = None) -> None:
        if longest_s <= 0:
            raise ValueError(f"an interval lasts more than 0 s, not {longest_s}")
        self._longest_ms = longest_s * 1000
        self._most = max(1, (limits or Limits()).data_sources)
        self._before: OrderedDict[tuple[object, ...], _Before] = OrderedDict()

    def add(self, datagram: Datagram) -> list[Rates]:
        """The rates that a datagram's counters make with the ones before, in its order."""
        if datagram.uptime_ms is None:
            return []
        return [
            rates
            for sample in datagram.samples
            if isinstance(sample, CounterSample)
            for rates in self._sample(datagram, sample)
        ]

    def _sample(self, datagram: Datagram, sample: CounterSample) -> Iterator[Rates]:
        seen: dict[tuple[int, int], int] = {}
        for record in sample.records:
            tag = (record.enterprise, record.format)
            if tag not in _counters():
                continue
            nth = seen[tag] = seen.get(tag, 0) + 1  # a structure may come more than once
            key = (datagram.agent, datagram.sub_agent_id, sample.source_class, sample.source_index, tag, nth)
            yield self._rates(key, datagram, sample, record)

    def _rates(self, key: tuple[object, ...], datagram: Datagram, sample: CounterSample, record: Record) -> Rates:
        assert datagram.uptime_ms is not None
        wraps = _counters()[record.enterprise, record.format]
        values = {name: record.fields[name] for name in wraps if name in record.fields}
        before = self._before.get(key)
        now = _Before(sample.sequence, datagram.uptime_ms, values)
        reason: Reason | None
        seconds: float | None
        seconds, reason = (None, "first") if before is None else self._interval(before, now)
        per_second: dict[str, float | None] = {}
        utilization: dict[str, float] = {}
        if before is not None and seconds is not None:
            for name, value in values.items():
                per_second[name] = _per_second(before.values.get(name), value, wraps[name], seconds)
            if (record.enterprise, record.format) == IF_COUNTERS:
                speed = record.fields.get("ifSpeed", 0)
                known = 0 < speed < (1 << 64) - 1
                if known and not _is_plausible(per_second, speed):
                    seconds, reason, per_second = None, "implausible", {}
                elif known:
                    utilization = _utilization(per_second, speed)
        if reason != "late":
            self._before[key] = now
            self._before.move_to_end(key)
            if len(self._before) > self._most:
                self._before.popitem(last=False)
        return Rates(
            agent=datagram.agent,
            sub_agent_id=datagram.sub_agent_id or 0,
            source_class=sample.source_class,
            source_index=sample.source_index,
            structure=record.name,
            seconds=seconds,
            per_second=MappingProxyType(per_second),
            utilization=MappingProxyType(utilization),
            reason=reason,
        )

    def _interval(self, before: _Before, now: _Before) -> tuple[float | None, Reason | None]:
        step = _signed(now.sequence - before.sequence)
        elapsed_ms = _signed(now.uptime_ms - before.uptime_ms)
        if -WINDOW < step <= 0 and -self._longest_ms < elapsed_ms <= 0:
            return None, "late"
        if elapsed_ms < 0:
            return None, "restart"
        if not 1 <= step <= LARGEST_STEP:
            return None, "sequence"
        if elapsed_ms == 0 or elapsed_ms > self._longest_ms:
            return None, "interval"
        return elapsed_ms / 1000, None


def _per_second(before: int | None, now: int, wrap: int, seconds: float) -> float | None:
    """The largest number of a type says that the counter is not known."""
    if before is None or before == wrap - 1 or now == wrap - 1:
        return None
    return (now - before) % wrap / seconds


def _is_plausible(per_second: Mapping[str, float | None], speed: int) -> bool:
    for octets, packets in DIRECTIONS.values():
        if (per_second.get(octets) or 0) * 8 > SLACK * speed:
            return False
        if sum(per_second.get(name) or 0 for name in packets) > SLACK * speed / LEAST_FRAME_BITS:
            return False
    return True


def _utilization(per_second: Mapping[str, float | None], speed: int) -> dict[str, float]:
    found = {}
    for direction, (octets, _) in DIRECTIONS.items():
        rate = per_second.get(octets)
        if rate is not None:
            found[direction] = rate * 8 / speed
    return found
