"""Sequences of sFlow agents: lost, late, twice, begun anew; the agent's clock and its numbers both wrap."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowparse import Limits, sflowtool
from flowparse.agents import Agents, AgentStatistics
from flowparse.sflow import Datagram, DiscardSample, Port, Record
from tests.sflowtool import made, printer

TOP = 2**32
NAMES = {
    "sFlowDatagramSource", "firstSeen", "lastSeen", "uptime", "sFlowDatagramsReceived", "sFlowDatagramsLost",
    "sFlowDatagramsDuplicates", "sFlowDatagramsOutOfOrder", "sFlowFlowDatasources", "sFlowFlowSamples",
    "sFlowFlowLostSamples", "sFlowFlowDuplicateSamples", "sFlowFlowOutOfOrderSamples", "sFlowFlowDrops",
    "sFlowCounterDatasources", "sFlowCounterSamples", "sFlowCounterLostSamples", "sFlowCounterDuplicateSamples",
    "sFlowCounterOutOfOrderSamples",
}  # fmt: skip


def counted(*sequences: int, clock: Any = None, **options: Any) -> AgentStatistics:
    """What is counted of datagrams with these numbers, a second apart on the agent's clock."""
    agents = Agents(**options)
    for i, sequence in enumerate(sequences):
        uptime = clock[i] if clock is not None else 1000 * i
        agents.add(made.datagram(sequence=sequence % TOP, uptime_ms=uptime % TOP))
    [found] = agents.statistics()
    return found


def numbers(found: AgentStatistics) -> tuple[int, ...]:
    return tuple(
        found.total("datagrams", name) for name in ("received", "lost", "duplicates", "out_of_order", "resets")
    )


@pytest.mark.parametrize(
    ("sequences", "expected"),
    [
        ((1, 2, 3), (3, 0, 0, 0, 0)),
        ((1, 2, 5), (3, 2, 0, 0, 0)),
        ((TOP - 2, TOP - 1, TOP, TOP + 1), (4, 0, 0, 0, 0)),  # a wrap is no event
        ((TOP - 1, TOP + 2), (2, 2, 0, 0, 0)),
        ((1, 1001), (2, 999, 0, 0, 0)),
        ((1, 1002), (2, 0, 0, 0, 1)),  # beyond what is believed
        ((100, 10), (2, 0, 0, 0, 1)),
        ((7,), (1, 0, 0, 0, 0)),
    ],
)
def test_sequences(sequences: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert numbers(counted(*sequences)) == expected


def test_one_that_comes_late_is_not_lost() -> None:
    found = counted(1, 2, 4, 3, 5, clock=(1000, 2000, 4000, 3000, 5000))
    assert numbers(found) == (5, 0, 0, 1, 0)
    assert found.restarts == 0
    assert found.uptime_ms == 5000


def test_one_that_comes_twice() -> None:
    assert numbers(counted(1, 2, 2, 3, clock=(1000, 2000, 2000, 3000))) == (4, 0, 1, 0, 0)
    late_twice = counted(1, 2, 4, 3, 3, clock=(1000, 2000, 4000, 3000, 3000))
    assert numbers(late_twice) == (5, 0, 1, 1, 0)


def test_a_clock_that_runs_backwards_is_a_restart() -> None:
    found = counted(500, 501, 502, clock=(50_000, 51_000, 10))
    assert (found.restarts, numbers(found)) == (1, (3, 0, 0, 0, 1))
    assert found.uptime_ms == 10


def test_the_same_number_at_another_time_is_another_life() -> None:
    found = counted(1, 2, 3, 1, 2, clock=(1000, 2000, 3000, 10, 20))
    assert (found.restarts, numbers(found)) == (1, (5, 0, 0, 0, 1))


def test_a_late_one_whose_clock_does_not_fit_is_another_life() -> None:
    found = counted(1, 2, 5, 3, clock=(1000, 2000, 5000, 10))
    assert found.restarts == 1


def test_the_clock_wraps() -> None:
    found = counted(1, 2, 3, clock=(TOP - 1000, TOP - 1, TOP + 999))
    assert (found.restarts, numbers(found)) == (0, (3, 0, 0, 0, 0))
    assert found.uptime_ms == 999


def test_sub_agents_have_sequences_of_their_own() -> None:
    agents = Agents()
    for sequence in (1, 2):
        for sub_agent in (0, 1):
            agents.add(
                Datagram(
                    version=5, agent="10.0.0.1", sub_agent_id=sub_agent, sequence=sequence + 70 * sub_agent, uptime_ms=1
                )
            )
    [found] = agents.statistics()
    assert numbers(found) == (4, 0, 0, 0, 0)
    assert [source.sub_agent_id for source in found.data_sources] == [0, 1]


def test_agents_are_apart() -> None:
    agents = Agents()
    agents.add(made.datagram(agent="10.0.0.1", sequence=1))
    agents.add(made.datagram(agent="2001:db8::1", sequence=9))
    agents.add(Datagram(version=5, agent=None, sub_agent_id=0, sequence=3, uptime_ms=1))
    assert set(agents.read(0)) == {"10.0.0.1", "2001:db8::1", ""}
    assert all(each["sFlowDatagramsLost"] == 0 for each in agents.read(0).values())


# ── samples ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_samples_are_counted_by_source_and_kind() -> None:
    agents = Agents()
    for n, sequence in enumerate((1, 2, 4, 60, 61)):
        agents.add(
            made.datagram(
                made.flow_sample(sequence),
                made.flow_sample(sequence, source_index=4),
                made.counter_sample(sequence),
                sequence=n,
                uptime_ms=1000 * n,
            )
        )
    found = agents.read(0)["10.0.0.1"]
    assert (found["sFlowFlowDatasources"], found["sFlowCounterDatasources"]) == (2, 1)
    assert (found["sFlowFlowSamples"], found["sFlowCounterSamples"]) == (10, 5)
    # 3 is missing; a jump from 4 to 60 is a reset, which loses nothing.
    assert (found["sFlowFlowLostSamples"], found["sFlowCounterLostSamples"]) == (2, 1)
    [statistics] = agents.statistics()
    assert (statistics.total("flow", "resets"), statistics.total("counter", "resets")) == (2, 1)


def test_drops_are_those_since_it_is_watched() -> None:
    agents = Agents()
    for n, drops in enumerate((100, 103, 103, TOP - 1, 1)):
        agents.add(made.datagram(made.flow_sample(n, drops=drops), sequence=n, uptime_ms=n))
    assert agents.read(0)["10.0.0.1"]["sFlowFlowDrops"] == 3 + (TOP - 1 - 103) + 2


def test_a_restart_begins_every_sequence_anew() -> None:
    agents = Agents()
    agents.add(made.datagram(made.flow_sample(40, drops=9), sequence=40, uptime_ms=90_000))
    agents.add(made.datagram(made.flow_sample(41, drops=0), sequence=41, uptime_ms=5))
    [found] = agents.statistics()
    assert (found.restarts, found.total("flow", "resets"), found.total("flow", "drops")) == (1, 1, 0)


def test_discards_are_counted_apart() -> None:
    agents = Agents()
    for sequence in (1, 3):
        sample = DiscardSample(
            sequence=sequence, source_class=0, source_index=3, drops=0, input=Port(0, 1), output=Port(0, 0), reason=258
        )
        agents.add(made.datagram(sample, Record(9, 77, "9:77"), sequence=sequence))
    [found] = agents.statistics()
    assert (found.total("discard", "received"), found.total("discard", "lost")) == (2, 1)
    assert agents.read(0)["10.0.0.1"]["sFlowFlowSamples"] == 0


def effective(*steps: tuple[int, int]) -> float | None:
    agents = Agents()
    for n, (sequence, pool) in enumerate(steps):
        agents.add(made.datagram(made.flow_sample(sequence, sample_pool=pool % TOP), sequence=n, uptime_ms=n))
    [found] = agents.statistics()
    [rate] = [source.effective_sampling_rate for source in found.data_sources if source.kind == "flow"]
    return rate


def test_the_effective_sampling_rate() -> None:
    assert effective((1, 400)) is None
    assert effective((1, 400), (2, 800), (3, 1200)) == 400
    assert effective((1, 400), (2, 800), (3, 2800)) == 1200  # the agent had no room for samples
    assert effective((1, 400), (4, 1600)) == 400  # samples were lost on the way
    assert effective((1, TOP - 100), (2, TOP + 300)) == 400  # the pool wraps
    assert effective((1, 5000), (2, 400), (3, 800)) == 400  # a pool that went back is no step


# ── who, and when ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_times_are_milliseconds_ago() -> None:
    agents = Agents()
    agents.add(made.datagram(sequence=1), 1_000_000_000)
    agents.add(made.datagram(sequence=2), 3_000_000_000)
    agents.add(made.datagram(sequence=3))
    found = agents.read(now_ns=3_500_000_000)["10.0.0.1"]
    assert (found["firstSeen"], found["lastSeen"]) == (2500, 500)
    assert set(found) == NAMES
    agents = Agents()
    agents.add(made.datagram())
    assert agents.read(0)["10.0.0.1"]["firstSeen"] is None


def test_senders_are_told_once_each() -> None:
    agents = Agents()
    for source in ("192.0.2.1", "192.0.2.2", "192.0.2.1", None):
        agents.add(Datagram(version=5, agent="10.0.0.1", sub_agent_id=0, sequence=1, uptime_ms=1, source=source))
    assert agents.read(0)["10.0.0.1"]["sFlowDatagramSource"] == ["192.0.2.1", "192.0.2.2"]


def test_text_and_records_are_counted_alike() -> None:
    datagrams = [
        made.datagram(made.flow_sample(n), made.counter_sample(n), sequence=n, uptime_ms=1000 * n)
        for n in (1, 2, 2, 5, 4, 9, 1)
    ]
    parser = sflowtool.Parser()
    parser.feed(printer.tagged(datagrams, received_ns=7_000_000_000))
    agents = Agents()
    for datagram in datagrams:
        agents.add(datagram, 7_000_000_000)
    assert parser.agents(10**10) == agents.read(10**10)


# ── bounds ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_agent_heard_of_least_recently_makes_room() -> None:
    agents = Agents(Limits(exporters=3))
    for n in (1, 2, 3, 1, 4):
        agents.add(made.datagram(agent=f"10.0.0.{n}", sequence=n))
    assert [each.agent for each in agents.statistics()] == ["10.0.0.4", "10.0.0.1", "10.0.0.3"]
    [event] = agents.events()
    assert (event.code, event.detail["agents"]) == ("limit_reached", 1)
    assert agents.events() == []


def test_one_agent_has_a_quarter_of_all_sequences() -> None:
    agents = Agents(Limits(data_sources=40))
    agents.add(made.datagram(made.flow_sample(), agent="10.0.0.9"))
    for n in range(100):
        agents.add(made.datagram(made.flow_sample(source_index=n), sequence=n, uptime_ms=n))
    found = {each.agent: each for each in agents.statistics()}
    assert len(found["10.0.0.1"].data_sources) == 10
    assert len(found["10.0.0.9"].data_sources) == 2
    assert [event.code for event in agents.events()] == ["limit_reached"]


def test_many_agents_and_sources() -> None:
    agents = Agents(Limits(exporters=200, data_sources=1000))
    for n in range(3000):
        agents.add(
            made.datagram(
                made.flow_sample(n, source_index=n % 7),
                made.counter_sample(n),
                agent=f"10.0.{n % 300 // 256}.{n % 256}",
            )
        )
    found = agents.statistics()
    assert len(found) <= 200
    assert sum(len(each.data_sources) for each in found) <= 1000
    assert all(each.total("datagrams", "received") >= 1 for each in found)


@given(st.lists(st.tuples(st.integers(0, 200) | st.integers(0, TOP - 1), st.integers(0, TOP - 1)), max_size=100))
def test_any_sequence_of_numbers(steps: list[tuple[int, int]]) -> None:
    agents = Agents()
    for sequence, uptime in steps:
        agents.add(made.datagram(made.flow_sample(sequence), sequence=sequence, uptime_ms=uptime))
    for found in agents.statistics():
        received, lost, duplicates, late, resets = numbers(found)
        assert received == len(steps)
        assert duplicates + late + resets < max(1, received)
        assert lost <= 1000 * received


def test_a_block_that_does_not_hold_together() -> None:
    table = Agents().table
    with pytest.raises(ValueError, match="number"):
        table.hear_block(b"", b"", b"", b"", [None])
    with pytest.raises(ValueError, match="within"):
        table.hear_block(b"", (5).to_bytes(8, "little"), (1).to_bytes(4, "little"), bytes(8), [None])
    with pytest.raises(ValueError, match="16 octets"):
        table.hear_datagram(b"", None, 0, 0, 0, None, [])
    with pytest.raises(ValueError, match="kind"):
        table.hear_datagram(bytes(16), None, 0, 0, 0, None, [(7, 0, 0, 0, 0, 0, 0)])
