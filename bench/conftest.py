"""The `ratio` fixture, the table of results, and BENCH_JSON; see ratio.py for the method."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import pytest

from bench.ratio import Ratio, Result

HERE = Path(__file__).parent
HEADINGS = ("", "per", "ours ns", "other ns", "ratio", "floor", "rounds", "")
PACKAGES = ("flowparse", "numpy", "pyarrow", "netflume", "netflow", "pysflow")
RESULTS = pytest.StashKey[list[Result]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RESULTS] = []


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Run only when asked by name: a bench takes time and wants a quiet machine."""
    asked = (Path(config.invocation_params.dir, arg.partition("::")[0]).resolve() for arg in config.args)
    return None if any(path.is_relative_to(HERE) for path in asked) else True


@pytest.fixture
def ratio(request: pytest.FixtureRequest) -> Iterator[Ratio]:
    return Ratio(request.node.name.removeprefix("test_"), request.config.stash[RESULTS])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    results = config.stash[RESULTS]
    if not results:
        return
    rows = [HEADINGS, *(result.row() for result in results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    terminalreporter.section("ratios: other / ours, least of the rounds")
    for row in rows:
        cells = [
            f"{cell:<{width}}" if i < 2 else f"{cell:>{width}}"
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        terminalreporter.line("  ".join(cells).rstrip(), red=bool(row[-1]))
    where = machine()
    terminalreporter.line(", ".join(f"{key} {value}" for key, value in where.items() if value))
    if path := os.environ.get("BENCH_JSON"):
        report = {"machine": where, "results": [asdict(result) for result in results]}
        Path(path).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def machine() -> dict[str, str]:
    """What the figures belong to: the date, the processor, and the versions; "" where one is not installed."""
    found = {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": cpu_model(),
        "cpus": str(os.cpu_count()),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "compiler": platform.python_compiler(),
    }
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = ""
    return found


def cpu_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    named = dict(line.split(":", 1) for line in text.split("\n\n")[0].splitlines() if ":" in line)
    values = {key.strip(): value.strip() for key, value in named.items()}
    return f"{values.get('model name', platform.machine())} model {values.get('model', '?')}"
