"""Which items of the conformance list have a test, and why others have none: `python -m tests.spec.conformance`.

An item has a test where a test function bears its number. `conformance.tsv` says of the others why not: `elsewhere`
where tests of it bear other names, `deviation` where the library decides otherwise, `absent` where it has nothing of
the kind. A row may stay when a test comes.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
ITEMS = range(1, 255)
APART = {12, *range(114, 117), 126, *range(160, 168), 178, 179, 196, *range(219, 238)}
"""Items of the network, of age and timers, of streams, of sFlow and its text."""
DECODING = [item for item in ITEMS if item not in APART]
"""Items that concern the decoding of NetFlow and IPFIX datagrams."""
KINDS = ("elsewhere", "deviation", "absent")


class Reason(NamedTuple):
    """Why no test bears the number of an item."""

    kind: str
    words: str


def tests() -> dict[int, list[str]]:
    """Item -> names of the tests that bear its number."""
    found: dict[int, list[str]] = defaultdict(list)
    for path in sorted(HERE.parent.rglob("test_*.py")):
        for name in re.findall(r"^(?:async )?def (test_\w*C_\d{3}\w*)", path.read_text(encoding="utf-8"), re.MULTILINE):
            for item in re.findall(r"C_(\d{3})", name):
                found[int(item)].append(f"{path.relative_to(HERE.parents[1])}::{name}")
    return found


def reasons() -> dict[int, Reason]:
    """Item -> why no test bears its number."""
    found: dict[int, Reason] = {}
    for line in (HERE / "conformance.tsv").read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line:
            continue
        items, kind, words = line.split("\t")
        first, _, last = items.partition("-")
        for item in range(int(first), int(last or first) + 1):
            assert item not in found, f"two reasons for C-{item:03}"
            found[item] = Reason(kind, words)
    return found


def main() -> None:
    """Print a line for each item, and how many there are of each kind."""
    tested, told = tests(), reasons()
    for item in ITEMS:
        if item in tested:
            print(f"C-{item:03}  test       {len(tested[item]):2}  {tested[item][0]}")
        else:
            kind, words = told.get(item, ("MISSING", ""))
            print(f"C-{item:03}  {kind:9}      {words}")
    untested = [item for item in ITEMS if item not in tested]
    counts = {kind: sum(told.get(item, Reason("MISSING", "")).kind == kind for item in untested) for kind in KINDS}
    print(f"{len(ITEMS) - len(untested)} of {len(ITEMS)} items bear a test; of the others", end=" ")
    print(", ".join(f"{count} {kind}" for kind, count in counts.items()))


if __name__ == "__main__":
    main()
