"""Instructions per record, by hand: what time cannot show on a busy machine, a count does.

    python -m bench.ir             compare with ir.tsv; exit 1 if a case is off by more than 3 %
    python -m bench.ir --update    write ir.tsv anew, in the change that moved the figures

Strategy: one process under callgrind feeds the same datagrams N times, another 3 N times; start, import and first touch
cancel in the difference. The count belongs to one interpreter and one compiler: ir.tsv names its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from flowparse import Decoder

TABLE = Path(__file__).with_name("ir.tsv")
TOLERANCE = 0.03
DATAGRAMS = 270  # 8,100 records of v5: one chunk, taken after each pass
PASSES = 4
MIXED_DATAGRAMS = 1000  # ten of each exporter
RECEIVED_NS = 1_700_000_000_000_000_000

Pass = Callable[[list[bytes], list[str]], object]


class Case(NamedTuple):
    workload: str
    driver: Callable[[], Pass]
    datagrams: int = DATAGRAMS


def decoder(schema: str, *, counted: bool = True) -> Decoder:
    import flowparse as fp  # noqa: PLC0415

    limits = fp.Limits() if counted else fp.Limits(interfaces=0)
    return fp.Decoder(getattr(fp, schema), limits=limits)


def many(schema: str, *, counted: bool = True) -> Pass:
    """One call for all of them."""
    into = decoder(schema, counted=counted)

    def run(datagrams: list[bytes], exporters: list[str]) -> object:
        into.feed_many(datagrams, exporters if len(set(exporters)) > 1 else exporters[0], RECEIVED_NS)
        return into.take_tables()

    return run


def each(schema: str) -> Pass:
    """A call a datagram."""
    into = decoder(schema)

    def run(datagrams: list[bytes], exporters: list[str]) -> object:
        for datagram, exporter in zip(datagrams, exporters, strict=True):
            into.feed(datagram, exporter, RECEIVED_NS)
        return into.take_tables()

    return run


CASES = {
    "v5_native": Case("v5", partial(many, "NATIVE")),
    "v5_flow": Case("v5", partial(many, "FLOW")),
    "v5_feed": Case("v5", partial(each, "NATIVE")),
    "v5_native_uncounted": Case("v5", partial(many, "NATIVE", counted=False)),
    "v9_native": Case("v9", partial(many, "NATIVE")),
    "v9_flow": Case("v9", partial(many, "FLOW")),
    "v9_feed": Case("v9", partial(each, "NATIVE")),
    "ipfix6": Case("ipfix6", partial(many, "NATIVE")),
    "ipfixvar": Case("ipfixvar", partial(many, "NATIVE")),
    "mixed": Case("mixed", partial(many, "NATIVE"), MIXED_DATAGRAMS),
    "mixed_uncounted": Case("mixed", partial(many, "NATIVE", counted=False), MIXED_DATAGRAMS),
}


# ── inside callgrind ────────────────────────────────────────────────────────────────────────────────────────────────


def drive(case: str, path: str, passes: int) -> None:
    """Read the datagrams and feed them `passes` times. Making them here would cost more than decoding them."""
    stored = json.loads(Path(path).read_text(encoding="ascii"))
    templates, datagrams = ([bytes.fromhex(text) for text in stored[part]] for part in ("templates", "datagrams"))
    run = CASES[case].driver()
    if templates:
        run(templates, stored["template_exporters"])
    for _ in range(passes):
        run(datagrams, stored["exporters"])


# ── outside ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def instructions(case: str, path: Path, passes: int) -> int:
    """Instructions of a whole process that makes `passes` passes."""
    output = path.with_suffix(".callgrind")
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={output}", sys.executable, "-m", "bench.ir"]
    command += ["--drive", case, str(path), str(passes)]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=TABLE.parents[1], check=False)
    if done.returncode:
        raise SystemExit(f"{case}: the run under valgrind failed\n{done.stderr}")
    found = re.search(r"^(?:summary|totals): (\d+)", output.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise SystemExit(f"{case}: no total in callgrind's output")
    return int(found[1])


def per_record(case: str, folder: Path) -> float:
    from bench import gen  # noqa: PLC0415  numpy: not wanted inside callgrind

    workload = gen.WORKLOADS[CASES[case].workload](CASES[case].datagrams)
    path = folder / f"{case}.json"
    stored = {
        "templates": [datagram.hex() for datagram in workload.templates],
        "template_exporters": workload.template_exporters,
        "datagrams": [datagram.hex() for datagram in workload.datagrams],
        "exporters": workload.exporters,
    }
    path.write_text(json.dumps(stored), encoding="ascii")
    fewer, more = (instructions(case, path, passes) for passes in (PASSES, 3 * PASSES))
    return (more - fewer) / (2 * PASSES * workload.records)


def read_table() -> tuple[str, dict[str, float]]:
    """The build the figures belong to, and instructions per record by case."""
    if not TABLE.exists():
        return "", {}
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    build = "".join(line[1:].strip() for line in lines if line.startswith("#"))
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return build, {case: float(value) for case, value in rows[1:]}


def write_table(build: str, figures: dict[str, float]) -> None:
    rows = [f"# {build}", "case\tinstructions_per_record", *(f"{case}\t{value:.2f}" for case, value in figures.items())]
    TABLE.write_text("\n".join(rows) + "\n", encoding="utf-8")


def this_build() -> str:
    interpreter = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{interpreter}, {platform.python_compiler()}, {platform.machine()}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.ir", description="Instructions per record under callgrind.")
    parser.add_argument("cases", nargs="*", metavar="case", help=f"of {', '.join(CASES)}; all of them by default")
    parser.add_argument("--update", action="store_true", help="write the figures to ir.tsv")
    parser.add_argument("--drive", nargs=3, metavar=("CASE", "FILE", "PASSES"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.drive:
        case, path, passes = options.drive
        drive(case, path, int(passes))
        return 0
    if unknown := set(options.cases) - set(CASES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")

    build, known = read_table()
    if build and build != this_build():
        print(f"ir.tsv was written with {build}; this is {this_build()}", file=sys.stderr)
    figures = dict(known)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for case in options.cases or CASES:
            found = figures[case] = per_record(case, Path(folder))
            if case not in known:
                failed = True
                print(f"{case:20} {found:10.2f}  not in ir.tsv", flush=True)
                continue
            change = found / known[case] - 1
            off = abs(change) > TOLERANCE
            failed |= off
            print(f"{case:20} {found:10.2f}  {known[case]:10.2f}  {change:+.2%}{'  OFF' if off else ''}", flush=True)
    if options.update:
        write_table(this_build(), figures)
        return 0
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
