"""Hypothesis profiles, tests that need an exporter, and the count of golden captures."""

from __future__ import annotations

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, settings

settings.register_profile("default", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", settings.get_profile("default"), max_examples=5000)
settings.register_profile(  # for tools/mutants.py: always the same examples, and none looked for that is smaller
    "mutants", settings.get_profile("default"), derandomize=True, database=None, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("default")

GOLDENS = pytest.StashKey[Counter[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[GOLDENS] = Counter()
    config.pluginmanager.register(_Goldens(config.stash[GOLDENS]))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("FLOWPARSE_LIVE") == "1":
        return
    for item in items:
        if item.get_closest_marker("live"):
            item.add_marker(pytest.mark.skip(reason="needs an exporter on this machine; FLOWPARSE_LIVE=1 runs it"))


class _Goldens:
    def __init__(self, counts: Counter[str]) -> None:
        self.counts = counts

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if "golden" in report.keywords and (report.when == "call" or not report.passed):
            self.counts[report.outcome] += 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how many goldens were compared, and add the counts to those in build/tests.txt, for .ci/run."""
    goldens = config.stash[GOLDENS]
    if goldens:
        text = ", ".join(f"{count} {outcome}" for outcome, count in sorted(goldens.items()))
        terminalreporter.write_line(f"golden captures: {text}")
    stats = terminalreporter.stats
    counts = {outcome: len(stats.get(outcome, ())) for outcome in ("passed", "failed", "error", "skipped")}
    counts |= {f"golden_{outcome}": goldens[outcome] for outcome in ("passed", "failed", "skipped")}
    if hasattr(config, "workerinput"):
        return  # what a worker of pytest-xdist ran, its controller counts
    build = config.rootpath / "build"
    build.mkdir(exist_ok=True)
    with (build / "tests.txt").open("a") as file:
        file.writelines(f"{name}=$((${{{name}:-0}} + {count}))\n" for name, count in counts.items())
