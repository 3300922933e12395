"""Markdown as the tests read it: fenced blocks, tables and links."""

from __future__ import annotations

import contextlib
import io
import re
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A block of Python, the line it starts on, and the output that the document shows behind it."""

    line: int
    code: str
    shown: str


def blocks(text: str, kinds: tuple[str, ...] = ("python",)) -> list[Block]:
    """The Python blocks in order; a `text` block right behind one is its output.

    A `py` block needs more than the tests have: an engine, a cluster.
    """
    fences = list(FENCE.finditer(text))
    found = []
    for this, following in zip_longest(fences, fences[1:]):
        if this[1] in kinds:
            shows = following and following[1] == "text" and not text[this.end() : following.start()].strip()
            shown = following[2] if following and shows else ""
            found.append(Block(text[: this.start()].count("\n") + 2, this[2], shown))
    return found


def run(path: Path, kinds: tuple[str, ...] = ("python",), **given: Any) -> dict[str, Any]:
    """Run the Python blocks of a document in one namespace; assert that each prints what is shown.

    `given` are names that the document says the reader has; the namespace comes back.
    """
    names: dict[str, Any] = {"__name__": "__main__", **given}
    for block in blocks(path.read_text(encoding="utf-8"), kinds):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("\n" * (block.line - 1) + block.code, str(path), "exec"), names)
        assert lines(printed.getvalue()) == lines(block.shown), f"{path.name}, line {block.line}"
    return names


def lines(text: str) -> list[str]:
    """Lines without blanks at their ends, and none empty at the end."""
    return [line.rstrip() for line in text.rstrip().splitlines()]


def table(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table behind a heading, without its head; code marks are cut."""
    part = text[text.index(f"{heading}\n") :]
    rows = [line for line in part[part.index("\n|") :].strip().split("\n\n")[0].splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in row.strip("|").split(" | ")] for row in rows[2:]]


def links(text: str) -> list[str]:
    """Targets of links to files."""
    return [target for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in target]
