"""What a number of samples says about the traffic that was sampled, and how surely.

A flow sample stands for `rate` packets; the errors are those of random sampling (Phaal and Panchen,
"Packet Sampling Basics", sflow.org/packetSamplingBasics) at 95 % confidence, and do not know of
samples that were lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, inf, sqrt

__all__ = ["Estimate", "class_packets", "percent_error", "samples_needed", "total"]

Z = 1.96  # standard deviations within which 95 % of a normal distribution lie


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate with its error.

    Attributes
    ----------
    value : float
    error_percent : float
        Half the width of the 95 % interval, in percent of `value`; infinite where there is no sample.
    """

    value: float
    error_percent: float

    @property
    def low(self) -> float:
        """The lower end of the interval; never below 0."""
        return 0.0 if self.error_percent == inf else max(0.0, self.value * (1 - self.error_percent / 100))

    @property
    def high(self) -> float:
        """The upper end of the interval."""
        return inf if self.error_percent == inf else self.value * (1 + self.error_percent / 100)


def percent_error(samples: int) -> float:
    """The largest error of a class of packets that `samples` samples were seen of, in percent.

    Examples
    --------
    >>> round(percent_error(1000), 1), round(percent_error(10000), 2)
    (6.2, 1.96)
    """
    if samples < 0:
        raise ValueError(f"a number of samples is not {samples}")
    return 100 * Z * sqrt(1 / samples) if samples else inf


def samples_needed(percent: float) -> int:
    """How many samples of a class make its error at most `percent`.

    Examples
    --------
    >>> samples_needed(1.96)
    10000
    """
    if percent <= 0:
        raise ValueError(f"an error is more than 0 percent, not {percent}")
    return ceil(round((100 * Z / percent) ** 2, 6))


def class_packets(packets: int, samples: int, of_class: int) -> Estimate:
    """Packets of a class, where `of_class` of `samples` samples of `packets` packets are of it.

    Examples
    --------
    >>> estimate = class_packets(1_000_000, 2500, 1000)
    >>> estimate.value, round(estimate.low, -3), round(estimate.high, -3)
    (400000.0, 381000.0, 419000.0)
    """
    if not 0 <= of_class <= samples <= packets:
        raise ValueError(f"{of_class} of {samples} samples of {packets} packets cannot be")
    if samples == 0:
        return Estimate(0.0, inf)
    share = of_class / samples
    if of_class == 0:
        return Estimate(0.0, inf)
    if samples == 1:
        return Estimate(packets * share, percent_error(1))
    deviation = packets * sqrt(share * (1 - share) / (samples - 1))
    value = packets * share
    return Estimate(value, 100 * Z * deviation / value)


def total(sizes: Iterable[float], rate: float) -> Estimate:
    """The sum of something over all packets, such as their octets, from its size in each sample.

    Parameters
    ----------
    sizes : iterable of float
        One for each sample. Which octets are meant (the frame, without what was stripped, or the
        packet) is the caller's choice.
    rate : float
        Packets that a sample stands for: the configured rate, or better the effective one.

    Examples
    --------
    >>> estimate = total([1500] * 1000, 400)
    >>> estimate.value, round(estimate.error_percent, 1)
    (600000000.0, 6.2)
    """
    added = squares = 0.0
    for size in sizes:
        added += size
        squares += size * size
    if added == 0:
        return Estimate(0.0, inf)
    return Estimate(rate * added, 100 * Z * sqrt(squares) / added)
