"""Two ways to do one thing, timed side by side in one process; only their ratio is judged.

Strategy: ABBA order cancels drift, the garbage collector is off, a unit lasts 1 to 30 ms, and the least of up to 25
rounds counts, for noise only adds. A callable shorter than a millisecond is repeated within its unit. Absolute times
are shown, never asserted.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any, Literal

ROUNDS = 25
LEAST_ROUNDS = 3
BUDGET_S = 2.0
UNIT_NS = 1_000_000

Work = Callable[[], Any]
Kind = Literal["times", "share"]


@dataclass(frozen=True)
class Result:
    """`ratio` is peer_ns / ours_ns, both for one item. Kind "share": the peer is another door of ours, or memcpy."""

    name: str
    kind: Kind
    item: str
    ours_ns: float
    peer_ns: float
    ratio: float
    floor: float
    rounds: int

    @property
    def passed(self) -> bool:
        return self.ratio >= self.floor

    def row(self) -> tuple[str, ...]:
        sign = "x" if self.kind == "times" else ""
        places = 1 if self.kind == "times" else 2
        return (
            self.name,
            self.item,
            f"{self.ours_ns:,.2f}",
            f"{self.peer_ns:,.2f}",
            f"{sign}{self.ratio:.{places}f}",
            f"{sign}{self.floor:g}",
            str(self.rounds),
            "" if self.passed else "BELOW",
        )


class Unit:
    """A callable, how often it runs in one unit, and the least time one run took."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.best_ns = float("inf")
        self.repeat = 1
        self.run()  # the first run imports, fills pools and caches
        self.best_ns = float("inf")
        self.run()
        self.repeat = max(1, round(UNIT_NS / self.best_ns + 0.5))
        self.best_ns = float("inf")

    def run(self) -> Any:
        # Called without arguments: f(*args) costs 80 ns a call. One result dies before the next is made.
        work = self.work
        result = None
        started = perf_counter_ns()
        for _ in range(self.repeat):
            result = None
            result = work()
        elapsed = perf_counter_ns() - started
        self.best_ns = min(self.best_ns, elapsed / self.repeat)
        return result


def measure(
    ours: Work, peer: Work, *, check: Callable[[Any], None] | None = None, budget_s: float = BUDGET_S
) -> tuple[float, float, int]:
    """Time two callables against each other.

    Parameters
    ----------
    ours, peer : callable
        Each does its whole work in one call, and uses what it made: much of a parser's cost may be put off until then.
    check : callable, optional
        Given what `ours` returned, after each unit and outside its time; raises if it is wrong.
    budget_s : float
        No new round starts after this long, the first three aside.

    Returns
    -------
    ours_ns, peer_ns : float
        The least time of one call.
    rounds : int
    """
    pair = Unit(ours), Unit(peer)
    rounds = 0
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        deadline = perf_counter_ns() + int(budget_s * 1e9)
        while rounds < ROUNDS and (rounds < LEAST_ROUNDS or perf_counter_ns() < deadline):
            for unit in pair if rounds % 2 == 0 else pair[::-1]:
                result = unit.run()
                if check is not None and unit is pair[0]:
                    check(result)
                del result
            rounds += 1
    finally:
        if enabled:
            gc.enable()
    return pair[0].best_ns, pair[1].best_ns, rounds


class Ratio:
    """Measure, note the result for the table, assert the floor. `items`: how many one call of each handles."""

    def __init__(self, name: str, results: list[Result]) -> None:
        self.name = name
        self.results = results

    def __call__(
        self,
        ours: Work,
        peer: Work,
        items: tuple[int, int],
        floor: float,
        *,
        kind: Kind = "times",
        item: str = "record",
        check: Callable[[Any], None] | None = None,
        budget_s: float = BUDGET_S,
    ) -> float:
        ours_ns, peer_ns, rounds = measure(ours, peer, check=check, budget_s=budget_s)
        ours_ns, peer_ns = ours_ns / items[0], peer_ns / items[1]
        result = Result(self.name, kind, item, ours_ns, peer_ns, peer_ns / ours_ns, floor, rounds)
        self.results.append(result)
        assert result.passed, f"{self.name}: {result.ratio:.2f} of the peer's rate, the floor is {floor:g}"
        return result.ratio

    def share(self, ours: Work, other: Work, items: tuple[int, int], floor: float, **options: Any) -> float:
        """The same against another door of ours, or memcpy: a floor of 0.6 allows us 1 / 0.6 of its time."""
        return self(ours, other, items, floor, kind="share", **options)
