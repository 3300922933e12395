"""Print the scoreboard, and write it to docs/reliability.md.

    python -m tests.reliability [R-02 R-08 ...]

With names, only those rows are measured and nothing is written. Rows that take longer than minutes
name the command that measures them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from tests.reliability import measures
from tests.reliability.measures import ROOT, Found

PAGE = ROOT / "docs/reliability.md"
HEAD = """# Reliability

What is promised of hostile input, and what was measured: `make reliability` writes this page anew. Rows without a
figure take longer than minutes; their command measures them. Times are of a machine that may do other work beside. Each
promise, and the test that holds it, is in [the threat model](threat-model.md).

| | figure | target | measured | met |
|---|---|---|---|---|
"""


class Row(NamedTuple):
    """A figure, what it should be, and what measures it: a function, or a command by hand."""

    figure: str
    target: str
    measure: Callable[[], Found] | str


ROWS: dict[str, Row] = {
    "R-01": Row("sanitizer reports while fuzzing", "0", "make fuzz"),
    "R-02": Row("exceptions that are no FlowparseError", "0", measures.exceptions),
    "R-03": Row("worst time of a datagram", "10 times honest data and 50 us, 5 ms at most", measures.worst_time),
    "R-04": Row("t(2n) / t(n), the worst family of attacks", "<= 2.3", measures.worst_growth),
    "R-05": Row("worst memory of a datagram", "64 times its octets and 1 MiB", measures.worst_memory),
    "R-06": Row("growth under templates at random", "<= 32 MiB, then flat", measures.growth_under_templates),
    "R-07": Row("discarded messages that changed a decoder", "0", measures.atomicity),
    "R-08": Row("differences from the specification", "0", measures.differences),
    "R-09": Row("differences after encoding and decoding", "0", measures.round_trips),
    "R-10": Row("memory that a call keeps", "0", measures.leaks),
    "R-11": Row("outcomes other than MemoryError without memory", "0", measures.failed_allocations),
    "R-12": Row("items of conformance", "a test or a reason each; all pass", measures.conformance),
    "R-13": Row("faults put in that tests find", "all", "make mutants"),
    "R-14": Row("time of a hostile line of a table of neighbors", "<= 50 ms", measures.hostile_lines),
    "R-15": Row("texts of senders that come out as something else", "0", measures.output_safety),
    "R-16": Row("wrong results of eight threads", "0", measures.threads),
    "R-17": Row("keys that are made to collide", "<= 3 times random ones", measures.crafted_keys),
    "R-18": Row("splits of a text that say something else", "0", measures.splits),
    "R-19": Row("growth while captures are fed again and again", "<= 1 MiB, < 2 % slower", measures.soak),
}
MET = {True: "yes", False: "no", None: "-"}


def main(names: list[str]) -> int:
    lines = []
    for name in names or ROWS:
        row, start = ROWS[name], time.perf_counter()
        found = Found(f"`{row.measure}`", None) if isinstance(row.measure, str) else row.measure()
        lines.append(f"| {name} | {row.figure} | {row.target} | {found.figure} | {MET[found.good]} |")
        print(f"{lines[-1]}  {time.perf_counter() - start:.0f} s", flush=True)
    if not names:
        PAGE.write_text(HEAD + "\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
