"""Which lines of the kernels do the tests run? In a copy of the tree that counts them.

    python tools/coverage.py             build, run all tests that are not slow, and print the table
    python tools/coverage.py --again     the table alone, of the counts that are there
    python tools/coverage.py TEST ...    these tests instead, added to the counts

What gcc counts (`--coverage`) of the C that Cython writes is told by lines of Cython: each statement's C
begins with a comment that names its line, and it was run when the first line of C behind it was. Line
tracing by Cython itself is not used; docs/design/coverage.md says why. Inline functions of a .pxd are in
many kernels, and one that runs them is enough.

Lines of `tests/coverage.tsv` are excepted, each for its reason; one that is not there any more, or that
was run, is an error. Of the other lines fewer than MOST_MISSED may be missed. The status is 1 otherwise.
Of `build/coverage`, tree/ is the copy, and missed.tsv has the lines that no test runs.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

if __package__:
    from .scratch import ROOT, build, environment, lay_out
else:  # run by its name
    from scratch import ROOT, build, environment, lay_out

SCRATCH = ROOT / "build" / "coverage"
TREE = SCRATCH / "tree"
MISSED = SCRATCH / "missed.tsv"
EXCEPTED = ROOT / "tests" / "coverage.tsv"
MOST_EXCEPTED = 40
LEAST_PERCENT = 98.0
RUNS = ("not slow and not starves", "not slow and starves")
"""As `make test` has them."""
LEFT_OUT = ("tests/examples", "tests/hostile/test_costs.py", "tests/mutants")
"""Tests of documents, of time, which kernels that are not optimized do not keep, and of a table."""

MARK = re.compile(r'\s*/\* "(flowparse/\w+\.p(?:yx|xd))":(\d+)$')
EXIT = "/* function exit code */"


class Line(NamedTuple):
    """A line of a kernel."""

    room: str
    number: int


class Exception_(NamedTuple):
    """A line that no test has to run."""

    room: str
    text: str
    reason: str


# ── counting ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def run_tests(tests: list[str]) -> None:
    """Build the copy and run its tests, some at a time.

    Raises
    ------
    SystemExit
        A test fails.
    """
    if shutil.which("gcov") is None:
        raise SystemExit("needs gcc and its gcov")
    lay_out(TREE)
    build(TREE, FLOWPARSE_COVERAGE="1")
    if not tests:
        for path in TREE.rglob("*.gcda"):
            path.unlink()
    for expression in RUNS:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", expression, *tests]
        command += [f"--ignore={each}" for each in LEFT_OUT]
        done = subprocess.run(command, cwd=TREE, env=environment(TREE), check=False)
        if done.returncode not in (0, 5):  # 5: no test has this mark
            raise SystemExit("a test fails")


def counts_of_c(notes: Path) -> dict[int, int]:
    """How often each line of the C of one kernel was run."""
    name = notes.with_suffix(".c").name
    command = ["gcov", "--json-format", "--stdout", notes.as_posix()]
    done = subprocess.run(command, cwd=TREE, capture_output=True, check=True)
    found: dict[int, int] = {}
    for file in json.loads(done.stdout)["files"]:
        if Path(file["file"]).name == name:
            for line in file["lines"]:
                found[line["line_number"]] = max(found.get(line["line_number"], 0), line["count"])
    return found


def counts_of_lines(text: str, counts: dict[int, int]) -> dict[Line, int]:
    """How often each line of Cython was run, by the C made of it and that C's counts.

    Behind a statement's own comment its C begins; what follows up to the next is of it too, but may run
    without it: what an error jumps to, and the end of a function.
    """
    found: dict[Line, int] = {}
    at: Line | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if mark := MARK.match(line):
            at = Line(mark[1].removeprefix("flowparse/"), int(mark[2]))
        elif EXIT in line:
            at = None
        elif at is not None and number in counts:
            found[at] = max(found.get(at, 0), counts[number])
            at = None
    return found


def counted() -> dict[Line, int]:
    """All lines of all kernels that are statements, and how often each was run."""
    found: dict[Line, int] = {}
    for notes in sorted(TREE.rglob("*.gcno")):
        made = TREE / "build" / "cython" / "src" / "flowparse" / notes.with_suffix(".c").name
        if not (ROOT / "src" / "flowparse" / notes.with_suffix(".pyx").name).exists():
            continue
        for line, count in counts_of_lines(made.read_text(encoding="utf-8"), counts_of_c(notes)).items():
            found[line] = max(found.get(line, 0), count)
    return found


# ── telling ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def excepted() -> list[Exception_]:
    """The table."""
    with EXCEPTED.open(newline="", encoding="utf-8") as file:
        return [Exception_(**row) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


def text_of(line: Line) -> str:
    """A line as it stands, without its indentation."""
    lines = (TREE / "src" / "flowparse" / line.room).read_text(encoding="utf-8").splitlines()
    return lines[line.number - 1].strip()


def without(missed: list[Line], table: list[Exception_]) -> tuple[list[Line], list[str]]:
    """(lines missed that are not excepted, what is wrong with the table)."""
    known = {(each.room, each.text) for each in table}
    of_text = {line: (line.room, text_of(line)) for line in missed}
    wrong = [f"{room}: {text!r} is run, or not there" for room, text in sorted(known - {*of_text.values()})]
    n_excepted = sum(pair in known for pair in of_text.values())
    if n_excepted > MOST_EXCEPTED:
        wrong.append(f"{n_excepted} lines are excepted, more than {MOST_EXCEPTED}")
    return [line for line, pair in of_text.items() if pair not in known], wrong


def percent(lines: int, missed: int) -> str:
    return f"{100 * (lines - missed) / lines:.1f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--again", action="store_true")
    parser.add_argument("tests", nargs="*")
    chosen = parser.parse_args()
    if not chosen.again:
        run_tests(chosen.tests)
    counts = counted()
    missed, wrong = without(sorted(line for line, count in counts.items() if not count), excepted())
    n_lines = Counter(line.room for line in counts)
    n_missed = Counter(line.room for line in missed)
    print(f"{'room':24} {'lines':>6} {'missed':>6}  percent")
    for room in sorted(n_lines):
        print(f"{room:24} {n_lines[room]:6} {n_missed[room]:6}  {percent(n_lines[room], n_missed[room]):>7}")
    rows = "".join(f"{line.room}\t{line.number}\t{text_of(line)}\n" for line in missed)
    MISSED.write_text("room\tline\ttext\n" + rows, encoding="utf-8")
    share = percent(len(counts), len(missed))
    print(f"coverage: {share} % of {len(counts)} lines; {len(missed)} missed, {len(excepted())} excepted")
    for each in wrong:
        print(f"{EXCEPTED.name}: {each}")
    return bool(wrong) or float(share) < LEAST_PERCENT


if __name__ == "__main__":
    raise SystemExit(main())
