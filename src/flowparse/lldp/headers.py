"""Header lines of neighbor tables: which column is which, and where it starts.

A column starts where its heading's words start, or where the dashes under them do, or behind a bar. The
words are rows of `fields.tsv`, whatever their spelling. A header may be broken over two lines.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from .build import fields_of
from .records import Protocol
from .values import squash

__all__ = ["BAR", "NAMES", "SPANS", "Column", "Layout", "continued", "find_layout", "is_rest", "may_be_header"]

WORDS_IN_HEADING = 4
BOXED = 4  # bars in a header that is drawn as a box
SPANS = re.compile(r"[\s|+]*-{2,}(?:[\s|+]+-{2,})+[\s|+]*")
WORD = re.compile(r"\S+")
SYSTEM_NAMES = ("systemname", "sysname", "hostname", "neighborsystemname", "remotesystemname", "remotesysname")
PROTOCOLS = ("proto", "protocol")
BAR = str.maketrans("|+", "  ")
NAMES = ("system_name", "chassis_id", "port_id")


@dataclass(frozen=True, slots=True)
class Column:
    field: str
    name: str
    start: int
    end: int | None


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of one table."""

    columns: tuple[Column, ...]
    squeezed: bool
    exact: bool  # told by dashes, not by where the header's words start
    protocol: Protocol
    letters: str

    def fields(self) -> tuple[str, ...]:
        return tuple(column.field for column in self.columns)


def _headings(line: str) -> tuple[list[tuple[str, str, int]], bool]:
    """(field, words, start) of each heading of a line, and whether no two stand apart; empty where it is no header."""
    known = fields_of("column")
    tokens = [(match.group(), match.start(), match.end()) for match in WORD.finditer(line) if squash(match.group())]
    if not 2 <= len(tokens) <= 40:
        return [], False
    wide = any(tokens[i + 1][1] - tokens[i][2] > 1 for i in range(len(tokens) - 1))
    found: list[tuple[str, str, int]] = []
    at = 0
    while at < len(tokens):  # Progress: one word at least each turn.
        for length in range(min(WORDS_IN_HEADING, len(tokens) - at), 0, -1):
            part = tokens[at : at + length]
            if wide and any(part[i + 1][1] - part[i][2] > 1 for i in range(length - 1)):
                continue
            words = " ".join(word for word, _, _ in part)
            if target := known.get(squash(words)):
                found.append((target, words, part[0][1]))
                at += length
                break
        else:
            apart = wide and (at == 0 or tokens[at][1] - tokens[at - 1][2] > 1)
            if not apart:
                return [], False
            end = at + 1
            while end < len(tokens) and tokens[end][1] - tokens[end - 1][2] == 1:
                end += 1
            found.append(("extra", " ".join(word for word, _, _ in tokens[at:end]), tokens[at][1]))
            at = end
    return found, not wide


def _settled(headings: Sequence[tuple[str, str, int]]) -> list[tuple[str, str, int]] | None:
    """Headings with each field once, or None where they are no neighbor table's."""
    fields = [target for target, _, _ in headings]
    out: list[tuple[str, str, int]] = []
    for found, words, start in headings:
        target = found
        # Small switches have a Device ID, which is the chassis, and a System Name.
        if target == "system_name" and fields.count("system_name") > 1 and squash(words) not in SYSTEM_NAMES:
            target = "extra" if "chassis_id" in fields else "chassis_id"
        if target in (done for done, _, _ in out):
            target = "extra"
        out.append((target, words, start))
    fields = [target for target, _, _ in out]
    if "local_interface" not in fields or len(set(fields) & set(NAMES)) < 1:
        return None
    if len([target for target in fields if target != "extra"]) < 3:
        return None
    return out


def find_layout(
    lines: Sequence[str], at: int, protocol: Protocol | None = None, letters: str | None = None
) -> Layout | None:
    """The layout that `lines[at]` is the header of, or the row of dashes under it; None where it is neither."""
    line = lines[at]
    if "-" in line and SPANS.fullmatch(line):
        return _layout_of_spans(lines, at, protocol, letters)
    low = line.lower()
    if "port" not in low and "int" not in low and "loc" not in low:
        return None
    if line.count("|") >= BOXED:
        return _layout_of_box(line, protocol, letters)
    headings, squeezed = _headings(line.translate(BAR).rstrip())
    settled = _settled(headings)
    if settled is None:
        return None
    starts = [start for _, _, start in settled]
    if starts and not squeezed:
        starts[0] = 0
    return _layout([(a, b) for a, b, _ in settled], starts, squeezed, False, protocol, letters)


def _layout_of_box(line: str, protocol: Protocol | None, letters: str | None) -> Layout | None:
    """The layout of a header between bars, whose words stand in the middle of their columns."""
    bars = [at for at, char in enumerate(line) if char == "|"]
    cells = [line[a + 1 : b].strip() for a, b in pairwise(bars)]
    known = fields_of("column")
    settled = _settled(
        [(known.get(squash(cell), "extra"), cell, bar + 1) for cell, bar in zip(cells, bars, strict=False)]
    )
    if settled is None:
        return None
    return _layout([(a, b) for a, b, _ in settled], [start for _, _, start in settled], False, True, protocol, letters)


def _layout_of_spans(lines: Sequence[str], at: int, protocol: Protocol | None, letters: str | None) -> Layout | None:
    dashes = lines[at].translate(str.maketrans("|+", "  "))
    starts = [match.start() for match in re.finditer(r"-+", dashes)]
    known = fields_of("column")
    above: list[str] = []
    headings, _ = _headings(lines[at - 1].translate(BAR).rstrip()) if at else ([], False)
    places = [bisect_right(starts, start + len(words) // 2) - 1 for _, words, start in headings]
    if len(set(places)) == len(places) == len(starts) and -1 not in places:  # each word over its dashes
        settled = _settled(headings)
        if settled is not None:
            starts[0] = 0
            return _layout([(a, b) for a, b, _ in settled], starts, False, True, protocol, letters)
    for up in range(at - 1, max(at - 3, -1), -1):
        if not lines[up].strip():
            break
        above.insert(0, lines[up].translate(BAR))
        cells = []
        for i, start in enumerate(starts):
            end = starts[i + 1] if i + 1 < len(starts) else None
            cells.append(" ".join(part[start:end].strip() for part in above).strip())
        settled = _settled(
            [(known.get(squash(cell), "extra"), cell, start) for cell, start in zip(cells, starts, strict=True)]
        )
        if settled is not None:
            starts[0] = 0
            return _layout([(a, b) for a, b, _ in settled], starts, False, True, protocol, letters)
    return None


def _layout(
    headings: Sequence[tuple[str, str]],
    starts: Sequence[int],
    squeezed: bool,
    exact: bool,
    protocol: Protocol | None,
    letters: str | None,
) -> Layout:
    ends = [*starts[1:], None]
    columns = tuple(
        Column(target, words, start, end) for (target, words), start, end in zip(headings, starts, ends, strict=True)
    )
    if protocol is None:
        cdp = any(column.field == "platform" for column in columns) and not any(
            squash(column.name) in PROTOCOLS for column in columns
        )
        protocol = Protocol.CDP if cdp else Protocol.LLDP
    if letters is None:
        letters = "cdp" if protocol is Protocol.CDP else "lldp"
    return Layout(columns, squeezed, exact, protocol, letters)


def continued(layout: Layout, lines: Sequence[str], at: int) -> Layout:
    """A header that a narrow terminal broke: the next line has its last words. Where they stand is lost."""
    below = next((line for line in lines[at + 1 :] if line.strip()), "")
    target = fields_of("column").get(squash(below)) if len(below) < 40 else None
    if target is None or target == "extra" or target in layout.fields():
        return layout
    last = Column(target, below.strip(), 0, None)
    return replace(layout, columns=(*layout.columns, last), squeezed=True)


def is_rest(layout: Layout, line: str) -> bool:
    """Whether a line is the rest of a broken header."""
    return layout.squeezed and line.strip() == layout.columns[-1].name


def may_be_header(line: str) -> bool:
    low = line.lower()
    return "port" in low or "int" in low or "loc" in low or "--" in line
