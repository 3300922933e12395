"""sFlow agents: what they send, and what of it is lost, late, sent twice or begun anew.

The counting is done by `_agents`, from the octets of datagrams or from records; here it is read out.
How sFlow-RT counts is not public. The rules that are followed, and where they are known to be a
choice, are in docs/reference/sflowtool.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ._addresses import text_of_address
from ._agents import AgentTable
from .events import Event
from .limits import Limits
from .session import identify
from .sflow.model import CounterSample, Datagram, DiscardSample, FlowSample, Record, Sample

__all__ = ["AgentStatistics", "Agents", "DataSource"]

DATAGRAMS, FLOW, COUNTER, DISCARD = range(4)
KINDS = {DATAGRAMS: "datagrams", FLOW: "flow", COUNTER: "counter", DISCARD: "discard"}
MS = 1_000_000
UNKNOWN_AGENT = bytes(16)


@dataclass(frozen=True, slots=True)
class DataSource:
    """The samples of one kind from one data source, or the datagrams of a sub-agent.

    Attributes
    ----------
    kind : {"datagrams", "flow", "counter", "discard"}
    sub_agent_id, source_class, source_index : int
        Class and index are 0 for datagrams.
    received, lost, duplicates, out_of_order, resets : int
        By the sequence numbers. One that comes late is not lost any more. A reset (a restart, or a
        jump beyond what is believed) hides what was lost in it.
    drops : int
        Samples that the agent had no room for, while it was watched; of flow and discard samples.
    sampling_rate : int or None
        As the agent said last; of flow samples.
    effective_sampling_rate : float or None
        Packets of the sample pool for each sample that was made: what the configured rate should be,
        after drops and losses. None until two samples in a row have come.
    """

    kind: str
    sub_agent_id: int
    source_class: int
    source_index: int
    received: int
    lost: int
    duplicates: int
    out_of_order: int
    resets: int
    drops: int
    sampling_rate: int | None
    effective_sampling_rate: float | None


@dataclass(frozen=True, slots=True)
class AgentStatistics:
    """An agent, with everything that is counted of it.

    Attributes
    ----------
    agent : str or None
        None stands for all agents that did not tell their address.
    senders : tuple of str
        Who sent its datagrams; the first sixteen.
    first_seen_ns, last_seen_ns : int or None
    uptime_ms : int
        Of the newest datagram.
    restarts : int
        Datagrams whose clock had gone back.
    data_sources : tuple of DataSource
    """

    agent: str | None
    senders: tuple[str, ...]
    first_seen_ns: int | None
    last_seen_ns: int | None
    uptime_ms: int
    restarts: int
    data_sources: tuple[DataSource, ...]

    def total(self, kind: str, name: str) -> int:
        """The sum of one attribute over the data sources of a kind."""
        return sum(getattr(source, name) for source in self.data_sources if source.kind == kind)


def _data_source(row: tuple[int, ...]) -> DataSource:
    kind, sub_agent, source_class, index, received, lost, duplicates, late, resets, drops, rate, pool, steps = row
    return DataSource(
        KINDS[kind],
        sub_agent,
        source_class,
        index,
        received,
        lost,
        duplicates,
        late,
        resets,
        drops,
        rate if kind == FLOW else None,
        pool / steps if steps else None,
    )


def _milliseconds_ago(then_ns: int | None, now_ns: int) -> int | None:
    return None if then_ns is None else max(0, now_ns - then_ns) // MS


class Agents:
    """What is counted of sFlow agents; bounded by `Limits.exporters` and `Limits.data_sources`.

    Parameters
    ----------
    limits : Limits, optional
    datagram_gap, sample_gap : int
        A jump forward by more than this is a reset and no loss.

    Examples
    --------
    >>> from flowparse import sflow
    >>> agents = Agents()
    >>> for sequence in 7, 8, 11:
    ...     agents.add(sflow.Datagram(version=5, agent="10.0.0.1", sub_agent_id=0, sequence=sequence, uptime_ms=1000))
    >>> agents.read(now_ns=0)["10.0.0.1"]["sFlowDatagramsLost"]
    2
    """

    def __init__(self, limits: Limits | None = None, *, datagram_gap: int = 1000, sample_gap: int = 50) -> None:
        limits = limits or Limits()
        self._limits = limits
        self.table = AgentTable(
            agents=limits.exporters,
            data_sources=limits.data_sources,
            datagram_gap=datagram_gap,
            sample_gap=sample_gap,
        )

    def add(self, datagram: Datagram, received_ns: int | None = None) -> None:
        """Count a datagram of any version; one without a sequence or an uptime is passed over."""
        if datagram.sequence is None or datagram.uptime_ms is None:
            return
        self.table.hear_datagram(
            UNKNOWN_AGENT if datagram.agent is None else identify(datagram.agent)[0] or UNKNOWN_AGENT,
            None if datagram.source is None else identify(datagram.source)[0],
            datagram.sub_agent_id or 0,
            datagram.sequence,
            datagram.uptime_ms,
            received_ns,
            list(_samples(datagram.samples)),
        )

    def statistics(self) -> list[AgentStatistics]:
        """Every agent, the one heard of last first."""
        return [
            AgentStatistics(
                None if address == UNKNOWN_AGENT else text_of_address(address),
                tuple(text_of_address(sender) for sender in senders),
                first_ns,
                last_ns,
                uptime_ms,
                restarts,
                tuple(_data_source(row) for row in rows),
            )
            for address, senders, first_ns, last_ns, uptime_ms, restarts, rows in self.table.read()
        ]

    def read(self, now_ns: int) -> dict[str, dict[str, Any]]:
        """Every agent under the names that sFlow-RT gives them in `/agents/json`.

        Parameters
        ----------
        now_ns : int
            Nanoseconds since 1970 UTC: `firstSeen` and `lastSeen` are milliseconds before it, and
            None where no datagram came with a time.
        """
        return {each.agent or "": _as_sflow_rt(each, now_ns) for each in self.statistics()}

    def events(self) -> list[Event]:
        """Limits that were met since the last call."""
        evicted, refused = self.table.limits_met()
        told = []
        if evicted:
            told.append(
                Event(
                    code="limit_reached",
                    severity="warning",
                    message=f"{evicted} agents heard of least recently are forgotten: Limits.exporters, .data_sources",
                    detail={"agents": evicted},
                )
            )
        if refused:
            told.append(
                Event(
                    code="limit_reached",
                    severity="warning",
                    message=f"{refused} agents have more data sources than a quarter of Limits.data_sources",
                    detail={"agents": refused, "limit": self._limits.data_sources},
                )
            )
        return told


def _samples(samples: Iterable[Sample]) -> Iterable[tuple[int, int, int, int, int, int, int]]:
    for sample in samples:
        if isinstance(sample, Record):
            continue
        key = (sample.source_class, sample.source_index, sample.sequence)
        if isinstance(sample, FlowSample):
            yield (FLOW, *key, sample.sampling_rate, sample.sample_pool, sample.drops)
        elif isinstance(sample, DiscardSample):
            yield (DISCARD, *key, 0, 0, sample.drops)
        elif isinstance(sample, CounterSample):
            yield (COUNTER, *key, 0, 0, 0)


def _as_sflow_rt(each: AgentStatistics, now_ns: int) -> dict[str, Any]:
    counted: dict[str, Any] = {
        "sFlowDatagramSource": list(each.senders),
        "firstSeen": _milliseconds_ago(each.first_seen_ns, now_ns),
        "lastSeen": _milliseconds_ago(each.last_seen_ns, now_ns),
        "uptime": each.uptime_ms,
        "sFlowDatagramsReceived": each.total("datagrams", "received"),
        "sFlowDatagramsLost": each.total("datagrams", "lost"),
        "sFlowDatagramsDuplicates": each.total("datagrams", "duplicates"),
        "sFlowDatagramsOutOfOrder": each.total("datagrams", "out_of_order"),
        "sFlowFlowDrops": each.total("flow", "drops"),
    }
    for kind, word in (("flow", "Flow"), ("counter", "Counter")):
        counted[f"sFlow{word}Datasources"] = sum(source.kind == kind for source in each.data_sources)
        counted[f"sFlow{word}Samples"] = each.total(kind, "received")
        counted[f"sFlow{word}LostSamples"] = each.total(kind, "lost")
        counted[f"sFlow{word}DuplicateSamples"] = each.total(kind, "duplicates")
        counted[f"sFlow{word}OutOfOrderSamples"] = each.total(kind, "out_of_order")
    return counted
