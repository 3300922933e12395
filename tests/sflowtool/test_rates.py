"""Counters to rates, and samples to estimates."""

from __future__ import annotations

import math
from typing import Any

import pytest

from flowparse import Limits, estimates
from flowparse.rates import CounterRates, Rates
from flowparse.sflow import CounterSample, Datagram, Record
from flowparse.sflow.model import Fields
from tests.sflowtool import made

GIGABIT = {"ifSpeed": 10**9}
TOP32, TOP64 = 2**32, 2**64


def rates_of(*steps: tuple[int, int, dict[str, int]], **options: Any) -> list[Rates]:
    """The rates of samples given as (sequence, uptime in ms, counters)."""
    keeper = CounterRates(**options)
    found = []
    for n, (sequence, uptime, counters) in enumerate(steps):
        sample = made.counter_sample(sequence, **GIGABIT | counters)
        [each] = keeper.add(made.datagram(sample, sequence=n, uptime_ms=uptime % TOP32))
        found.append(each)
    return found


def test_what_grew_by_the_second() -> None:
    first, second = rates_of(
        (1, 10_000, {"ifInOctets": 1000, "ifOutUcastPkts": 5}),
        (2, 30_000, {"ifInOctets": 2_501_000, "ifOutUcastPkts": 25}),
    )
    assert (first.reason, first.seconds, dict(first.per_second)) == ("first", None, {})
    assert (second.reason, second.seconds) == (None, 20.0)
    assert second.per_second["ifInOctets"] == 125_000
    assert second.per_second["ifOutUcastPkts"] == 1
    assert second.utilization == {"in": 0.001, "out": 0.0}
    assert "ifIndex" not in second.per_second
    assert (second.agent, second.source_index, second.structure) == ("10.0.0.1", 3, "if_counters")


def test_counters_and_clocks_wrap() -> None:
    _, wrapped = rates_of(
        (TOP32 - 1, TOP32 - 5000, {"ifInUcastPkts": TOP32 - 11, "ifInOctets": TOP64 - 101}),
        (0, TOP32 + 5000, {"ifInUcastPkts": 9, "ifInOctets": 99}),
    )
    assert wrapped.seconds == 10.0
    assert (wrapped.per_second["ifInUcastPkts"], wrapped.per_second["ifInOctets"]) == (2.0, 20.0)


def test_a_counter_that_the_agent_does_not_know() -> None:
    _, found = rates_of((1, 0, {"ifInErrors": TOP32 - 1}), (2, 1000, {"ifInErrors": TOP32 - 1}))
    assert found.per_second["ifInErrors"] is None
    assert found.per_second["ifInDiscards"] == 0


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ((52, 1000, {}), "sequence"),
        ((TOP32 - 90, 1000, {}), "sequence"),
        ((1, 0, {}), "late"),
        ((TOP32 - 3, -500, {}), "late"),
        ((2, -5, {}), "restart"),
        ((2, 0, {}), "interval"),
        ((2, 301_000, {}), "interval"),
        ((2, 1000, {"ifInOctets": 140_000_000}), "implausible"),
        ((2, 1000, {"ifOutUcastPkts": 3_000_000}), "implausible"),
    ],
)
def test_an_interval_that_cannot_be_trusted(second: tuple[int, int, dict[str, int]], reason: str) -> None:
    first, found = rates_of((1, 100_000_000, {}), (second[0], 100_000_000 + second[1], second[2]))
    assert first.reason == "first"
    assert (found.reason, found.seconds, dict(found.per_second), dict(found.utilization)) == (reason, None, {}, {})


def test_after_a_reset_it_goes_on_and_nothing_spikes() -> None:
    found = rates_of(
        (50, 500_000, {"ifInOctets": 10**12}),
        (1, 1000, {"ifInOctets": 500}),
        (2, 2000, {"ifInOctets": 1500}),
    )
    assert [each.reason for each in found] == ["first", "restart", None]
    assert found[2].per_second["ifInOctets"] == 1000


def test_a_late_sample_is_passed_over() -> None:
    found = rates_of(
        (1, 0, {"ifInOctets": 0}),
        (3, 20_000, {"ifInOctets": 200}),
        (2, 10_000, {"ifInOctets": 100}),
        (4, 30_000, {"ifInOctets": 300}),
    )
    assert [each.reason for each in found] == ["first", None, "late", None]
    assert found[3].seconds == 10.0


def test_a_speed_that_is_not_known() -> None:
    for speed in (0, TOP64 - 1):
        _, found = rates_of((1, 0, {"ifSpeed": speed}), (2, 1000, {"ifSpeed": speed, "ifInOctets": 10**12}))
        assert found.reason is None
        assert found.utilization == {}


def test_structures_without_counters_make_no_rates() -> None:
    names = ("5s_cpu", "1m_cpu")
    sample = CounterSample(
        sequence=1,
        source_class=2,
        source_index=1,
        records=(Record(0, 1001, "processor", Fields(names, (1.0, 2.0))), Record(9, 9, "9:9")),
    )
    assert CounterRates().add(made.datagram(sample)) == []
    assert CounterRates().add(Datagram(version=5, agent=None, sub_agent_id=0, sequence=1, uptime_ms=None)) == []


def test_one_structure_twice_in_a_sample() -> None:
    keeper = CounterRates()
    one = made.counter_sample(1).records
    for sequence in (1, 2):
        sample = CounterSample(sequence=sequence, source_class=0, source_index=3, records=one * 2)
        found = keeper.add(made.datagram(sample, uptime_ms=1000 * sequence))
    assert [each.reason for each in found] == [None, None]


def test_what_is_kept_is_bounded() -> None:
    keeper = CounterRates(limits=Limits(data_sources=5))
    for n in range(20):
        keeper.add(made.datagram(made.counter_sample(1), agent=f"10.0.0.{n}"))
    assert len(keeper._before) == 5
    with pytest.raises(ValueError, match="interval"):
        CounterRates(longest_s=0)


# ── estimates ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_percent_error() -> None:
    assert [round(estimates.percent_error(n), 2) for n in (1, 100, 1000, 10_000)] == [196.0, 19.6, 6.2, 1.96]
    assert estimates.percent_error(0) == math.inf
    assert [estimates.samples_needed(percent) for percent in (1.96, 6.2, 19.6)] == [10_000, 1000, 100]


def test_the_example_of_packet_sampling_basics() -> None:
    estimate = estimates.class_packets(1_000_000, 2500, 1000)
    assert estimate.value == 400_000
    assert (round(estimate.low), round(estimate.high)) == (380_792, 419_208)


def test_classes_at_the_edges() -> None:
    assert estimates.class_packets(100, 10, 0) == estimates.Estimate(0.0, math.inf)
    assert estimates.class_packets(100, 10, 0).high == math.inf
    assert estimates.class_packets(100, 10, 10).error_percent == 0
    assert estimates.class_packets(100, 1, 1).value == 100
    assert estimates.class_packets(0, 0, 0).error_percent == math.inf


def test_octets_of_equal_packets_have_the_error_of_packets() -> None:
    estimate = estimates.total([1500] * 100, 400)
    assert estimate.value == 60_000_000
    assert estimate.error_percent == pytest.approx(estimates.percent_error(100))
    assert estimates.total([64, 1500], 1).error_percent > estimates.percent_error(2)
    assert estimates.total([], 400) == estimates.Estimate(0.0, math.inf)


@pytest.mark.parametrize("given", [(10, 5, 6), (4, 5, 1), (10, 5, -1)])
def test_numbers_that_cannot_be(given: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        estimates.class_packets(*given)


def test_mistakes_of_the_caller() -> None:
    with pytest.raises(ValueError, match="samples"):
        estimates.percent_error(-1)
    with pytest.raises(ValueError, match="percent"):
        estimates.samples_needed(0)
