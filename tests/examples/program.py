"""The programs below docs/examples: run as a reader would, or loaded to test a function."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import flowparse

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
SOURCES = Path(flowparse.__file__).parents[1]


def command(name: str, *arguments: object) -> list[str]:
    """The command line of an example."""
    return [sys.executable, str(EXAMPLES / f"{name}.py"), *map(str, arguments)]


def environment(**more: str) -> dict[str, str]:
    """This process's environment, in which the tested flowparse is the one that is imported."""
    return os.environ | {"PYTHONPATH": str(SOURCES), "PYTHONUTF8": "1"} | more


def run(name: str, *arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
    """Run an example to its end."""
    return subprocess.run(
        command(name, *arguments),
        env=environment(**more),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def load(name: str) -> ModuleType:
    """An example as a module; its `main` does not run."""
    spec = spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look it up
    spec.loader.exec_module(module)
    return module
