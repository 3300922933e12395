"""Import every module of an installed flowparse, and see that the wheel holds the package and nothing else."""

import importlib
import pkgutil
from importlib import metadata

import flowparse

for module in pkgutil.walk_packages(flowparse.__path__, "flowparse."):
    importlib.import_module(module.name)

files = metadata.files("flowparse") or []
strays = [str(file) for file in files if file.suffix in {".pyx", ".pxd", ".c"} or file.parts[0] in {"tests", "bench"}]
assert not strays, f"these do not belong in a wheel: {strays}"
assert any(file.name == "py.typed" for file in files), "the wheel has no py.typed"
if hasattr(flowparse, "Decoder"):
    flowparse.Decoder()
