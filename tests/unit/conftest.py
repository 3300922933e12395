"""The engine's kernels as Python functions, compiled once for all tests that want them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    pytest.importorskip("Cython", reason="compiles a test kernel")
    from Cython.Build import cythonize  # noqa: PLC0415
    from setuptools import Distribution, Extension  # noqa: PLC0415

    here = Path(__file__).parent
    if not (here.parents[1] / "src" / "flowparse" / "_columns.pxd").exists():
        pytest.skip("needs the declarations of the kernels, which an installed package does not have")
    build = tmp_path_factory.mktemp("engine")
    source = build / "engine.pyx"
    source.write_text((here / "engine.pyx").read_text())
    made = cythonize([Extension("engine", [str(source)])], include_path=[str(here.parents[1] / "src")], quiet=True)
    command: Any = Distribution({"ext_modules": made}).get_command_obj("build_ext")
    command.build_lib = command.build_temp = str(build)
    command.ensure_finalized()
    command.run()
    spec = importlib.util.spec_from_file_location("engine", command.get_ext_fullpath("engine"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
