"""A copy of the tree below build/, built with other flags, so that what is in src/ stays as it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("src", "tests", "docs", "tools", "setup.py", "pyproject.toml", "README.md", "LICENSE")
BUILT = {".so", ".c", ".pyc"}


def lay_out(tree: Path) -> None:
    """Bring the copy up to date; what did not change keeps its time, so that it is not built again."""
    wanted: set[Path] = set()
    for part in PARTS:
        whole = ROOT / part
        for path in sorted(whole.rglob("*")) if whole.is_dir() else [whole]:
            if path.is_dir() or (path.suffix in BUILT and whole.name == "src"):
                continue
            copy = tree / path.relative_to(ROOT)
            wanted.add(copy)
            if not copy.exists() or copy.read_bytes() != path.read_bytes():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
    for part in PARTS:
        for path in (tree / part).rglob("*"):
            if path.is_file() and path not in wanted and path.suffix not in BUILT:
                path.unlink()
    kernels = {path.stem for path in (ROOT / "src" / "flowparse").glob("*.pyx")}
    for path in (tree / "src" / "flowparse").glob("*.so"):
        if path.name.partition(".")[0] not in kernels:
            path.unlink()


def build(tree: Path, **switches: str) -> None:
    """Compile what changed, with switches of setup.py.

    Raises
    ------
    RuntimeError
        It does not compile.
    """
    command = [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace", "--build-temp", "build/temp"]
    done = subprocess.run(command, cwd=tree, env=os.environ | switches, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{tree.name} was not built:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")


def environment(tree: Path, **more: str) -> dict[str, str]:
    """The environment in which Python takes flowparse from the copy."""
    env = os.environ | {"PYTHONPATH": f"{tree / 'src'}{os.pathsep}{tree}", "PYTHONDONTWRITEBYTECODE": "1"} | more
    shared = Path(env.get("FLOWPARSE_SHARED") or ROOT.parent / "shared")
    return env | {"FLOWPARSE_SHARED": str(shared.resolve())}
