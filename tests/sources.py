"""What a source file of flowparse imports, whether it is Python or Cython; read, not run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parents[1] / "src" / "flowparse"

TEXT_OR_COMMENT = re.compile(r"""("{3}|'{3})(?s:.*?)\1|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\#[^\n]*""")
CYTHON_IMPORT = re.compile(
    r"(?m)(?:^|[;:])[ \t]*(?:from[ \t]+(\.*)[ \t]*([\w.]*)[ \t]+)?c?import[ \t]*(\([^)]*\)|[ \t](?:\\\n|[^\n;])+)"
)


class Import(NamedTuple):
    """`name` is dotted and absolute: `from .errors import Malformed` is flowparse.errors.Malformed."""

    line: int
    name: str


def files() -> list[Path]:
    """Every source file of the package, relative to it."""
    return sorted(
        path.relative_to(PACKAGE) for path in PACKAGE.rglob("*") if path.suffix in {".py", ".pyi", ".pyx", ".pxd"}
    )


def read(path: Path) -> str:
    return (PACKAGE / path).read_text(encoding="utf-8")


def is_cython(path: Path) -> bool:
    return path.suffix in {".pyx", ".pxd"}


def imports(path: Path, text: str) -> list[Import]:
    """Everything that `text`, standing in src/flowparse/`path`, imports and cimports, at whatever depth."""
    package = ("flowparse", *path.parts[:-1])
    found = _cython_imports(text) if is_cython(path) else _python_imports(text)
    return [
        Import(line, ".".join((*package[: len(package) + 1 - level], name) if level else (name,)))
        for line, level, name in found
    ]


def code(text: str) -> str:
    """`text` with its comments and the insides of its strings left out, line for line."""
    return TEXT_OR_COMMENT.sub(lambda match: "''" + "\n" * match[0].count("\n"), text)


def _python_imports(text: str) -> Iterator[tuple[int, int, str]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, 0, alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, node.level, ".".join(filter(None, (node.module, alias.name)))


def _cython_imports(text: str) -> Iterator[tuple[int, int, str]]:
    plain = code(text)
    for match in CYTHON_IMPORT.finditer(plain):
        dots, module, names = match.groups()
        line = plain.count("\n", 0, match.start()) + 1
        for name in names.strip("() \t").replace("\\\n", " ").split(","):
            if words := name.split():
                yield line, len(dots or ""), ".".join(filter(None, (module, words[0])))
