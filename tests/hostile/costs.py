"""What input costs: time, by the processor's clock, and memory, by the allocator's account."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

from flowparse import Limits
from tests.hostile.attacks import Case

ENOUGH_NS = 30_000_000
"""A case that takes longer is measured three times only."""


def once(case: Case, limits: Limits) -> int:
    """Nanoseconds of this thread's time."""
    work = case.prepare(limits)
    start = time.thread_time_ns()
    work()
    return time.thread_time_ns() - start


def best(case: Case, limits: Limits, times: int = 9) -> int:
    """The least of several, in nanoseconds; what disturbs only ever adds."""
    least = once(case, limits)
    for _ in range(2 if least > ENOUGH_NS else times - 1):
        least = min(least, once(case, limits))
    return least


def growth(make: Callable[[int], Case], octets: int, most: float, limits: Limits, attempts: int = 5) -> float:
    """The lesser of t(2n) / t(n) and t(4n) / t(2n), of the least times so far.

    A step in cost, such as a cache that is full, is in one doubling; growth that is faster than
    linear is in both. What is above `most` is measured again, since others use the machine too.
    """
    cases = [make(octets << i) for i in range(3)]
    least = [best(case, limits, 4) for case in cases]
    for _ in range(attempts - 1):
        if min(least[1] / least[0], least[2] / least[1]) <= most:
            break
        least = [min(before, best(case, limits, 4)) for before, case in zip(least, cases, strict=True)]
    return min(least[1] / least[0], least[2] / least[1])


def peak(case: Case, limits: Limits) -> int:
    """Octets of memory at the most, above those before."""
    work = case.prepare(limits)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        work()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def resident() -> int:
    """Octets of memory that this process has, by Linux's account."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096
