"""Tables with a header line, of any vendor: the header says which column is which, and where.

Cells are cut where the header's words (or the dashes under them) start. A row that does not fit those
columns, because a name overflows, or because blanks were squeezed on the way, is read from its words
instead: the cell types (an interface, a number of seconds, a MAC address) say where one cell ends.
A wrapped cell is put together again. What is neither is a problem, and so is a row with two readings.

Not here: the header (`headers`), a row whose columns are lost (`cells`), what a value means (`build`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from operator import itemgetter
from typing import Any

from .cells import TOKENS, cell_fits, fit, variants
from .headers import BAR, NAMES, SPANS, Layout, continued, find_layout, is_rest, may_be_header
from .interfaces import looks_like_interface
from .noise import is_noise, total
from .records import Protocol
from .values import capabilities, mac, squash

__all__ = ["Columns", "Row", "read_columns"]

GAP = re.compile(r"\s{2,}")
XR_NAME = 15
SEEN = 256
MAC_LENGTHS = frozenset((13, 14, 17))
NOBODY = (None, "", "-", "--")
RUN_TOGETHER = "the cells of this row run into each other"
TOUCHING = re.compile(r"(\S.*\S)(Fas|Gig|Ten|Eth|Two|Twe|For|Fif|Hun|Fiv)")
FREE = frozenset(("system_name", "port_id", "port_description", "platform"))


@dataclass(slots=True)
class Row:
    """The cells of a row by field, before they are values."""

    cells: dict[str, str]
    layout: Layout
    first_line: int
    last_line: int
    truncated: bool = False
    extra: dict[str, str] | None = None


@dataclass(slots=True)
class Columns:
    """What a table came to."""

    rows: list[Row] = field(default_factory=list)
    declared: int | None = None
    problems: list[tuple[int, str, str]] = field(default_factory=list)
    headers: int = 0


def read_columns(
    lines: Sequence[str], first: int = 1, protocol: Protocol | None = None, letters: str | None = None
) -> Columns:
    """Read every table of `lines`.

    Parameters
    ----------
    lines : sequence of str
    first : int
        Number of the first line.
    protocol : Protocol or None
        Where None, a table with a Platform column is CDP's.
    letters : str or None
        Whose letters the capabilities are, for `values.capabilities`.

    Returns
    -------
    Columns
        Without a header, nothing is a row and every line that says something is a problem.
    """
    out = Columns()
    layout: Layout | None = None
    reader: _Reader | None = None
    for index, line in enumerate(lines):
        if not line or line.isspace():
            continue
        number = first + index
        dashes = "--" in line and SPANS.fullmatch(line) is not None
        if reader is not None and not dashes and reader.take(line, number):
            continue
        found = find_layout(lines, index, protocol, letters) if may_be_header(line) else None
        if found is not None:
            if reader is not None and not dashes:
                reader.end()
            layout = continued(found, lines, index)
            out.headers += 1
            reader = _Reader(layout, out)
        elif reader is not None and not out.rows and is_rest(reader.layout, line):
            continue
        elif (declared := total(line)) is not None:
            out.declared = declared + (out.declared or 0)
        elif is_noise(line) or (reader is None and _above_header(lines, index)):
            continue
        elif reader is None or not reader.hold(line, number):
            out.problems.append((number, line, "not a row of the table"))
    if reader is not None:
        reader.end()
    return out


def _above_header(lines: Sequence[str], index: int) -> bool:
    """Whether a line is the first half of a header in two lines."""
    return any(
        find_layout(lines, below) is not None and SPANS.fullmatch(lines[below]) is not None
        for below in range(index + 1, min(index + 3, len(lines)))
    )


class _Reader:
    """Rows of one layout, a line at a time."""

    def __init__(self, layout: Layout, out: Columns) -> None:
        self.layout = layout
        self.out = out
        self.columns = layout.columns
        fields = layout.fields()
        self.fields = fields
        self.local = fields.index("local_interface")
        self.names_first = fields[0] == "system_name"
        self.slices = [(column.field, column.start, column.end) for column in layout.columns]
        self.starts = [column.start for column in layout.columns[1:]]
        self.name_at = next((i for i, name in enumerate(fields) if name == "system_name"), None)
        heads = {squash(column.name) for column in layout.columns if column.field == "system_name"}
        self.device_id = (
            layout.protocol is Protocol.LLDP
            and "chassis_id" not in fields
            and bool(heads & {"deviceid", "neighbordeviceid"})
        )
        end = layout.columns[0].end
        self.full = -1 if layout.squeezed or not self.names_first or end is None else end - layout.columns[0].start - 1
        self.names = [name for name in fields if name in NAMES]
        self.width = self.starts[-1] + 1 if self.starts else 0
        self.cut = self.cutter()
        self.blanks = (" ",) * len(self.starts)
        self.seen: set[str] = set()
        self.held: tuple[str, int] | None = None
        self.last: Row | None = None

    def cutter(self) -> tuple[Callable[[str], Any], Callable[[str], Any]] | None:
        """What stands before each column, and the cells; None where two are of free text, or one is left over."""
        free = [name in FREE for name in self.fields]
        if "extra" in self.fields or len(self.fields) < 3 or any(a and b for a, b in pairwise(free)):
            return None
        cuts = [slice(start, end) for _, start, end in self.slices]
        return itemgetter(*(start - 1 for start in self.starts)), itemgetter(*cuts)

    # a row, or a part of one

    def take(self, line: str, number: int) -> bool:
        """Use a line, or say that it is none of this table's."""
        if "|" in line:
            line = line.strip().strip("|").translate(BAR) if self.layout.squeezed else line.translate(BAR)
        if not self.layout.squeezed:
            row = self.aligned(line, number)
            if row is not None:
                self.add(row, number)
                return True
            if self.continued(line, number):
                return True
        row = self.worded(line, number)
        if row is not None:
            self.add(row, number)
            return True
        return False

    def add(self, row: Row, number: int) -> None:
        if self.held is not None:
            name, at = self.held
            self.held = None
            if self.names_first and not row.cells.get("system_name"):
                row.cells["system_name"] = name
                row.first_line = at
                row.truncated = False
            else:
                self.loose(name, at)
        self.last = row
        cells = row.cells
        name = cells.get("system_name", "")
        if len(name) == self.full and row.first_line == number and (" " in name or self.full == XR_NAME):
            row.truncated = True  # IOS may have cut behind a blank; IOS XR cuts at fifteen
        if self.device_id and len(name) in MAC_LENGTHS and mac(name):  # what was not told a name, by its chassis
            cells["chassis_id"] = cells.pop("system_name")
        if "platform" in cells and (touching := TOUCHING.fullmatch(cells["platform"])):
            port = cells.get("port_id", "")
            if port[:1].isdecimal() and "/" in port:  # "WS-C3524-XFas 0/13"
                cells["platform"], cells["port_id"] = touching[1], f"{touching[2]} {port}"
        # Some list the ports that hear nobody, too.
        if cells.get("port_id") not in NOBODY or any(cells.get(field) not in NOBODY for field in NAMES):
            self.out.rows.append(row)

    def aligned(self, line: str, number: int) -> Row | None:
        """The cells where the header's words start, if every cell boundary is a blank and every typed cell can be."""
        if self.cut is not None and self.cut[0](line.ljust(self.width)) == self.blanks:
            cells = dict(zip(self.fields, map(str.strip, self.cut[1](line)), strict=True))
            local = cells["local_interface"]
            told = cells["port_id"] if "port_id" in cells else any(map(cells.__getitem__, self.names))
            if local and told and self.typed(cells) and looks_like_interface(local):
                return Row(cells, self.layout, number, number)
        truncated = False
        size = len(line)
        for i, start in enumerate(self.starts):
            if start < size and line[start] != " " and line[start - 1] != " ":
                # A name that fills its column touches the next; anything else does not fit.
                end = self.slices[i + 1][2]
                if self.fields[i] != "system_name" or line[self.slices[i][1]] == " ":
                    return None
                if not looks_like_interface(line[start:end].strip()):
                    return None
                truncated = True
        cells = {}
        extra: dict[str, str] = {}
        free: str | None = None
        exact, guessed = self.layout.exact, False
        for (target, start, end), column in zip(self.slices, self.columns, strict=True):
            text = line[start:end].strip()
            if text:
                if target == "extra":
                    extra[column.name] = text
                else:
                    cells[target] = text
            elif target in FREE:
                free = None
                continue
            if target in FREE:
                # Two cells of free text with one blank between: where the first ends is a guess.
                guessed = guessed or (free is not None and not exact and " " in free and line[start - 2] != " ")
                free = text
            else:
                free = None
        local = cells.get("local_interface", "")
        if (
            not local
            or not self.typed(cells)
            or not (looks_like_interface(local) or (" " not in local and not truncated))
        ):
            return None
        if len(cells) < 2:
            return None if self.names_first else Row({"local_interface": local}, self.layout, number, number)
        if guessed:
            self.out.problems.append((number, line, RUN_TOGETHER))
        return Row(cells, self.layout, number, number, truncated, extra)

    def typed(self, cells: dict[str, str]) -> bool:
        ttl = cells.get("ttl")
        if ttl and not ttl[0].isdecimal() and ttl != "-":
            return False
        text = cells.get("capabilities_enabled")
        return not text or text in self.seen or self.are_capabilities(text)

    def are_capabilities(self, text: str) -> bool:
        """Whether a cell is of capabilities; what was one once is remembered."""
        known = not capabilities(text, self.layout.letters)[1] or len(text.split()) == 1
        if known and len(self.seen) < SEEN:
            self.seen.add(text)
        return known

    def hold(self, line: str, number: int) -> bool:
        """Keep a line that may be a name whose row comes next."""
        if GAP.search(line.strip()) or (self.names_first and line[:1] == " " and not self.layout.squeezed):
            return False
        if not self.names_first:
            return False
        if self.held is not None:
            self.loose(*self.held)
        self.held = (line.strip(), number)
        return True

    def loose(self, text: str, number: int) -> None:
        """A line that is a name alone, and no row followed: the end of the row before, if that was full."""
        last = self.last
        width = self.columns[0].end
        if last is not None and last.last_line == number - 1 and width is not None and not self.layout.squeezed:
            name = last.cells.get("system_name", "")
            if len(name) >= width - 1 - self.columns[0].start:
                last.cells["system_name"] = name + text
                last.last_line = number
                last.truncated = False
                return
        self.out.problems.append((number, text, "not a row of the table"))

    def end(self) -> None:
        if self.held is not None:
            held, self.held = self.held, None
            self.loose(*held)

    def continued(self, line: str, number: int) -> bool:
        """Add the cells of a line without a local interface to the row before it."""
        last = self.last
        if last is None or self.held is not None or last.last_line != number - 1:
            return False
        alone = line.strip()
        port = last.cells.get("port_id", "")
        displaced = "platform" in self.fields and not last.cells.get("platform") and not looks_like_interface(port)
        if " " not in alone and line[:1] == " " and (not port or displaced) and looks_like_interface(alone):
            if port:
                last.cells["platform"] = port
            last.cells["port_id"] = alone  # a port that found no room beside its platform
            last.last_line = number
            return True
        if line[self.columns[self.local].start : self.columns[self.local].end].strip() or line[:1] != " ":
            return False
        for start in self.starts:
            if start < len(line) and line[start] != " " and line[start - 1] != " ":
                return False
        parts = {target: line[start:end].strip() for target, start, end in self.slices if line[start:end].strip()}
        if not parts or "ttl" in parts or not parts.keys() <= {*NAMES, "port_description", "platform", "extra"}:
            return False
        if "extra" in parts:
            return False
        for target, text in parts.items():
            joint = " " if target in ("port_description", "platform") else ""
            last.cells[target] = last.cells.get(target, "") + joint + text
        last.last_line = number
        return True

    # rows whose columns are lost

    def worded(self, line: str, number: int) -> Row | None:
        """Read a row from its words."""
        tokens = line.split()
        if not 2 <= len(tokens) <= TOKENS:
            return None
        parts = GAP.split(line.strip())
        fields = [name for name in self.fields if name != "extra"]
        if len(fields) != len(self.fields):
            return None
        nameless = self.names_first and (line[:1] == " " or self.held is not None)
        shapes = [*(variants(fields, nameless=True) if nameless else ()), *variants(fields, nameless=False)]
        for strict in (True, False):
            for names in shapes:
                if len(parts) == len(names):
                    cells = dict(zip(names, parts, strict=True))
                    if self.plausible(cells, strict=strict):
                        return Row(cells, self.layout, number, number)
            for names in shapes:
                cells_found = fit(tokens, names, self.layout.letters, strict)
                if cells_found is not None:
                    if not strict and self.ambiguous(names):
                        self.out.problems.append((number, line, RUN_TOGETHER))
                    return Row(cells_found, self.layout, number, number)
        return None

    def plausible(self, cells: dict[str, str], *, strict: bool) -> bool:
        return all(cell_fits(target, text.split(), self.layout.letters, strict) for target, text in cells.items())

    def ambiguous(self, names: Sequence[str]) -> bool:
        free = [i for i, name in enumerate(names) if name in FREE]
        return any(b - a == 1 for a, b in pairwise(free))
