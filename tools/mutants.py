"""Does a test notice when a wire rule is wrong? One fault at a time, in a copy of the tree that is built anew.

    python tools/mutants.py              every fault of tests/mutants/faults.tsv
    python tools/mutants.py NAME ...     these
    python tools/mutants.py --count      the figure alone, of the last whole run

A row of the table is a fault: its name, a text that stands in the kernels exactly once, what stands
there instead, and which rule that breaks (`\\n` in either text is the end of a line). Kernels may move
between files: the text is looked for in all of them. Only what depends on the changed file is built,
without optimization; then the differential, the spec and the golden tests run until the first that fails.
A fault that no test fails for has survived, and the exit status is 1.

Of `build/mutants`, base/ is the tree as it is, whose tests have to pass, work/ has the fault, and
table.tsv is the outcome.
"""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

if __package__:
    from .scratch import ROOT, build, environment, lay_out
else:  # run by its name
    from scratch import ROOT, build, environment, lay_out

FAULTS = ROOT / "tests" / "mutants" / "faults.tsv"
SCRATCH = ROOT / "build" / "mutants"
OUTCOMES = SCRATCH / "table.tsv"
STAGES = (
    ("tests/differential/test_conversations.py",),
    ("tests/spec", "tests/unit/test_flow_view.py", "tests/captures/test_malformed.py"),
    (
        "tests/captures/test_goldens.py",
        "tests/captures/test_goldens_templated.py",
        "tests/captures/test_flow.py",
        "tests/differential/test_captures.py",
    ),
)
"""The tests, those first that tell soonest."""
SLOWEST_S = 900
"""Of one stage; what takes longer goes round in a circle."""


class Fault(NamedTuple):
    """One line of a kernel that is wrong."""

    name: str
    find: str
    replace: str
    rule: str


class Outcome(NamedTuple):
    """What the tests said of a fault: caught by a test, crash or hang, or nothing."""

    fault: Fault
    verdict: str
    by: str
    seconds: float


def faults() -> list[Fault]:
    """The table."""
    with FAULTS.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        Fault(row["name"], row["find"].replace("\\n", "\n"), row["replace"].replace("\\n", "\n"), row["rule"])
        for row in rows
    ]


def kernels(tree: Path = ROOT) -> dict[Path, str]:
    """The text of every kernel."""
    folder = tree / "src" / "flowparse"
    paths = sorted([*folder.glob("*.pyx"), *folder.glob("*.pxd")])
    return {path: path.read_text(encoding="utf-8") for path in paths}


def place_of(fault: Fault, texts: dict[Path, str]) -> Path:
    """The kernel that has the fault's text.

    Raises
    ------
    LookupError
        It is there more than once, or not at all.
    """
    found = {path: text.count(fault.find) for path, text in texts.items() if fault.find in text}
    if sum(found.values()) != 1:
        where = ", ".join(f"{path.name} {times}x" for path, times in found.items()) or "nowhere"
        raise LookupError(f"{FAULTS.name}, {fault.name}: {fault.find!r} has to be in the kernels once; it is {where}")
    return next(iter(found))


# ── one fault ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test(tree: Path) -> tuple[str, str]:
    """Run the tests until one fails: (verdict, what failed)."""
    passed = 0
    for stage in STAGES:
        command = [sys.executable, "-m", "pytest", "-q", "-x", "--tb=line", "-p", "no:cacheprovider"]
        command += ["--hypothesis-profile=mutants", *(each for each in stage if (tree / each).exists())]
        try:
            done = subprocess.run(
                command, cwd=tree, env=environment(tree), capture_output=True, text=True, check=False, timeout=SLOWEST_S
            )
        except subprocess.TimeoutExpired:
            return "caught", f"hang in {' '.join(stage)}"
        if done.returncode:
            return "caught", what_failed(done)
        passed += int(re.findall(r"(\d+) passed", done.stdout)[-1])
    return "survived", f"{passed} tests passed"


def what_failed(done: subprocess.CompletedProcess[str]) -> str:
    """The test that failed, or in which the process ended."""
    if failed := re.search(r"^(?:FAILED|ERROR) (\S+(?:\[[^\n]*?\])?)", done.stdout, re.MULTILINE):
        return failed[1].removeprefix("tests/")
    if done.returncode < 0 or "Fatal Python error" in done.stderr:
        at = re.search(r'File "[^"]*?(tests/[^"]*)", line \d+ in (\w+)', done.stderr)
        return f"crash in {at[1].removeprefix('tests/')}::{at[2]}" if at else "crash"
    raise RuntimeError(f"the tests did not run:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def try_out(fault: Fault, base: Path) -> Outcome:
    """Build a copy with the fault and run its tests."""
    started = time.monotonic()
    work = SCRATCH / "work"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(base, work, symlinks=True)
    path = place_of(fault, kernels(work))
    path.write_text(path.read_text(encoding="utf-8").replace(fault.find, fault.replace), encoding="utf-8")
    build(work, FLOWPARSE_QUICK="1")
    verdict, by = test(work)
    return Outcome(fault, verdict, by, time.monotonic() - started)


# ── telling ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def caught() -> tuple[int, int]:
    """(caught, all) of the last whole run."""
    if not OUTCOMES.exists():
        raise SystemExit("no outcome yet: make mutants")
    rows = OUTCOMES.read_text(encoding="utf-8").splitlines()[1:]
    return sum(row.split("\t")[1] == "caught" for row in rows), len(rows)


def main(arguments: list[str]) -> int:
    if arguments == ["--count"]:
        print("mutants caught: {} of {}".format(*caught()))
        return 0
    chosen = [fault for fault in faults() if not arguments or fault.name in arguments]
    if unknown := {*arguments} - {fault.name for fault in chosen}:
        raise SystemExit(f"no such fault: {', '.join(sorted(unknown))}")
    for fault in chosen:
        place_of(fault, kernels())
    base = SCRATCH / "base"
    lay_out(base)
    build(base, FLOWPARSE_QUICK="1")
    verdict, by = test(base)
    if verdict != "survived":
        raise SystemExit(f"without any fault the tests fail: {by}")
    print(f"without a fault: {by}", flush=True)
    outcomes = []
    for fault in chosen:
        outcome = try_out(fault, base)
        outcomes.append(outcome)
        print(f"{outcome.verdict:8} {fault.name:28} {fault.rule}; {outcome.by}; {outcome.seconds:.0f} s", flush=True)
    if not arguments:
        lines = [f"{each.fault.name}\t{each.verdict}\t{each.fault.rule}\t{each.by}" for each in outcomes]
        OUTCOMES.write_text("name\tverdict\trule\tby\n" + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    shutil.rmtree(SCRATCH / "work", ignore_errors=True)
    survived = [each.fault.name for each in outcomes if each.verdict != "caught"]
    print(f"mutants caught: {len(outcomes) - len(survived)} of {len(outcomes)}")
    if survived:
        print(f"survived: {', '.join(survived)}")
    return bool(survived)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
