"""Pictures as SVG documents: layered, with the interface at either end of every line.

Nodes are boxes on levels (`layout.py`). Every line leaves its box at a place of its own, so parallel
links run side by side; a line starts and ends upright for as long as the interface's name is, which is
written beside it, upright too where a box has many lines. Lines between boxes of one level hang below
them. Text is escaped by text.py's rule and cut; the whole of it is in the `<title>` that a pointer shows.
Fonts cannot be measured here: widths are estimates on the safe side.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import accumulate
from math import ceil
from typing import NamedTuple

from ..text import html, visible
from . import layout
from .dot import shown_names
from .picture import LOOKS, Line, Picture, Shape

__all__ = ["bundle", "draw"]

SHAPES, LINES = 200, 2000  # the most that is drawn
NAME, LABEL = 28, 24  # characters shown
NAME_SIZE, LABEL_SIZE = 13.0, 10.0
HEIGHT, BAR = 32.0, 20.0  # of a box, of a shared segment
GAP, MARGIN, BETWEEN = 28.0, 16.0, 48.0  # between boxes, around the drawing, between rows beside what labels need
SIDE = 300.0  # how wide labels beside each other may make a box before they are turned
UPRIGHT = 15.0  # room of a line with a turned label
ROW, SHELF = 1500.0, 1600.0  # rows and drawings that are wider are split
ARC, ARC_STEP, ARC_DEEPEST = 34.0, 12.0, 160.0

COLORS = {"black": "#333", "gray50": "#888", "red": "#d1242f", "orange3": "#c77700", "green4": "#1a7f37"}
DASHES = {"solid": "", "dashed": ' stroke-dasharray="7 4"', "dotted": ' stroke-dasharray="2 3"'}
BOXES = {
    "device": 'fill="#e8f0f8" stroke="#2f5d8a"',
    "external": 'fill="#fff" stroke="#888" stroke-dasharray="5 3"',
    "segment": 'fill="#e4e4e4" stroke="#999"',
    "extra": 'fill="#fff" stroke="#555"',
}
PLAIN = {"both", "extra", "segment"}
NARROW, WIDE = frozenset("ijlt.:;,/|'()[]!Ifr "), frozenset("mwMWQ@%—…")


def text_width(text: str, size: float) -> float:
    """About how wide a text is in a sans-serif font, in pixels."""
    units = 0.0
    for each in text:
        if each in NARROW:
            units += 0.36
        elif each in WIDE:
            units += 0.95
        elif each > "\u02ff":
            units += 1.05
        else:
            units += 0.72 if each.isupper() else 0.6
    return units * size


class Side(NamedTuple):
    """Where lines leave a box, above or below it."""

    slot: float
    zone: float
    turned: bool


class _Part:
    """A connected part of the picture, laid out by itself; coordinates start at 0."""

    def __init__(
        self,
        nodes: Sequence[int],
        drawing: _Drawing,
        given: Mapping[int, int],
    ) -> None:
        self.drawing = drawing
        self.within = set(nodes)
        self.lines = [at for at, (a, _) in enumerate(drawing.ends) if a in self.within]
        self.svg: list[str] = []
        media = {node for node in nodes if drawing.shapes[node].kind == "segment"}
        self.level = layout.levels(nodes, drawing.neighbors, media, given)
        if not given:
            self._split()
        self.at_side: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        edges: Counter[tuple[int, int]] = Counter()
        self.flat, self.loops = [], []
        for at in self.lines:
            a, b = drawing.ends[at]
            if a == b:
                self.loops.append(at)
                continue
            upper, lower = (a, b) if self.level[a] <= self.level[b] else (b, a)
            if self.level[a] == self.level[b]:
                self.flat.append(at)
                self.at_side[a, 1].append((at, b))
                self.at_side[b, 1].append((at, a))
            else:
                edges[upper, lower] += 1
                self.at_side[upper, 1].append((at, lower))
                self.at_side[lower, 0].append((at, upper))
        self.side = {key: self._measure(*key, SIDE) for key in self.at_side}
        self.widths = {node: self._width(node) for node in nodes}
        wide: dict[int, float] = defaultdict(float)
        for node in nodes:
            wide[self.level[node]] += self.widths[node] + GAP
        for node, below in self.at_side:
            if wide[self.level[node]] > ROW:
                self.side[node, below] = self._measure(node, below, 0.0)
                self.widths[node] = self._width(node)
        self.grid = layout.arrange(self.level, edges, self.widths, len(drawing.shapes), GAP)
        self._rows()
        self._lines()
        for node in nodes:
            self._box(node)

    def _split(self) -> None:
        """Make several rows of a very wide one."""
        drawing = self.drawing
        rows: dict[int, list[int]] = defaultdict(list)
        for node, level in self.level.items():
            rows[level].append(node)
        first = 0
        for level in sorted(rows):
            row = sorted(rows[level], key=lambda node: (min(drawing.neighbors[node], default=0), node))
            count = ceil(sum(drawing.name_width(node) + GAP for node in row) / ROW)
            self.level |= {node: first + at % count for at, node in enumerate(row)}
            first += min(count, len(row))

    def _measure(self, node: int, below: int, room: float) -> Side:
        labels = [self.drawing.label_at(at, node) for at, _ in self.at_side[node, below]]
        longest = max(text_width(label, LABEL_SIZE) for label in labels)
        if not longest:
            return Side(14.0, 10.0, False)
        if len(labels) * (longest + 10) <= room or len(labels) == 1:
            return Side(longest + 10, 18.0, False)
        return Side(UPRIGHT, longest + 8, True)

    def _width(self, node: int) -> float:
        need = [self.drawing.name_width(node)]
        need += [len(self.at_side[node, b]) * self.side[node, b].slot for b in (0, 1) if (node, b) in self.side]
        width = max(need)
        self.drawing.box_width[node] = width
        loops = [at for at in self.loops if self.drawing.ends[at][0] == node]
        if loops:
            labels = (" - ".join(self.drawing.labels[at][:2]) for at in loops)
            width += 2 * (32 + 6 * len(loops) + max(text_width(text, LABEL_SIZE) for text in labels))
        return width

    def _rows(self) -> None:
        """The y of each row: boxes, what labels need above and below them, and room for slanted lines."""
        grid, side = self.grid, self.side
        depth = self._arcs()
        above, under, reach = [], [], []
        for number, row in enumerate(grid.rows):
            above.append(max((side[n, 0].zone for n in row if (n, 0) in side), default=0.0))
            under.append(max([depth[number], *(side[n, 1].zone for n in row if (n, 1) in side)]))
            spans = [abs(grid.x[one] - grid.x[two]) for one in row for two in grid.down[one]]
            reach.append(min(170.0, max(spans, default=0.0) * 0.12))
        gaps = [under[at] + above[at + 1] + BETWEEN + reach[at] for at in range(len(grid.rows) - 1)]
        self.y = [HEIGHT / 2, *(HEIGHT / 2 + y for y in accumulate(gap + HEIGHT for gap in gaps))]
        self.height = self.y[len(grid.rows) - 1] + HEIGHT / 2 + (under[-1] if grid.rows else 0.0)
        items = [item for row in grid.rows for item in row]
        self.width = max((grid.x[item] + self.widths.get(item, 0) / 2 for item in items), default=0.0)

    def _arcs(self) -> dict[int, float]:
        """How deep the lines within each row hang; each gets its own depth."""
        place = {item: at for row in self.grid.rows for at, item in enumerate(row)}
        self.depth: dict[int, float] = {}
        deepest: dict[int, float] = defaultdict(float)
        same: Counter[tuple[int, int]] = Counter()
        for at in self.flat:
            a, b = sorted(self.drawing.ends[at])
            span = abs(place[a] - place[b])
            zone = max(self.side[a, 1].zone, self.side[b, 1].zone)
            depth = min(ARC_DEEPEST, ARC + ARC_STEP * (span - 1)) - 5 * same[a, b] + zone
            same[a, b] += 1
            self.depth[at] = max(depth, zone + 6)
            deepest[self.level[a]] = max(deepest[self.level[a]], depth * 0.8)
        return deepest

    # ── lines ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _places(self) -> dict[tuple[int, int], float]:
        """(line, node) -> the x where the line leaves the box, in the order of where lines go."""
        grid = self.grid
        places = {}
        for (node, below), some in self.at_side.items():
            keyed = []
            for at, other in some:
                if self.level[other] == self.level[node]:
                    right = grid.x[other] > grid.x[node]
                    keyed.append(((2 if right else 0, -grid.x[other], at if right else -at), at))
                else:
                    chain = grid.chains[(node, other) if below else (other, node)]
                    toward = chain[0 if below else -1] if chain else other
                    keyed.append(((1, grid.x[toward], at), at))
            slot = self.side[node, below].slot
            start = grid.x[node] - slot * (len(keyed) - 1) / 2
            if not self.side[node, below].turned and slot > 20 and len(keyed) > 1:
                start -= (slot - 14) / 2  # a label is on the right of its line: lines and labels together are centered
            for n, (_, at) in enumerate(sorted(keyed)):
                places[at, node] = start + n * slot
        return places

    def _lines(self) -> None:
        places = self._places()
        beside: dict[tuple[int, int], list[int]] = defaultdict(list)
        for at in self.lines:
            a, b = self.drawing.ends[at]
            beside[min(a, b), max(a, b)].append(at)
        for pair, some in beside.items():
            for n, at in enumerate(some):
                if at in self.depth:
                    self._arc(at, places)
                elif pair[0] != pair[1]:
                    self._line(at, places, (n - (len(some) - 1) / 2) * 9)
                else:
                    self._loop(at, n, len(some))

    def _line(self, at: int, places: Mapping[tuple[int, int], float], shift: float) -> None:
        drawing = self.drawing
        a, b = drawing.ends[at]
        upper, lower = (a, b) if self.level[a] < self.level[b] else (b, a)
        x1, x2 = places[at, upper], places[at, lower]
        y1 = self.y[self.level[upper]] + drawing.height(upper) / 2
        y2 = self.y[self.level[lower]] - drawing.height(lower) / 2
        bends = [(x1, y1 + self.side[upper, 1].zone)]  # where the line is upright: the ends of its curves
        for row, item in enumerate(self.grid.chains[upper, lower], self.level[upper] + 1):
            x = self.grid.x[item] + shift
            bends += [(x, self.y[row] - HEIGHT / 2), (x, self.y[row] + HEIGHT / 2)]
        bends.append((x2, y2 - self.side[lower, 0].zone))
        path = [f"M{x1:.1f} {y1:.1f}"]
        for (xa, ya), (xb, yb) in zip(bends[::2], bends[1::2], strict=True):
            bend = (yb - ya) * 0.3
            path.append(f"L{xa:.1f} {ya:.1f}C{xa:.1f} {ya + bend:.1f} {xb:.1f} {yb - bend:.1f} {xb:.1f} {yb:.1f}")
        path.append(f"V{y2:.1f}")
        (xa, ya), (xb, yb) = bends[len(bends) // 2 - 1 : len(bends) // 2 + 1]
        head = None
        if drawing.lines[at].arrow:
            head = (x2, y2, 1) if b == lower else (x1, y1, -1)
        self._stroke(at, "".join(path), head, ((xa + xb) / 2, (ya + yb) / 2))
        self._label(drawing.label_at(at, upper), x1, y1, self.side[upper, 1], 1)
        self._label(drawing.label_at(at, lower), x2, y2, self.side[lower, 0], -1)

    def _arc(self, at: int, places: Mapping[tuple[int, int], float]) -> None:
        drawing = self.drawing
        a, b = drawing.ends[at]
        x1, x2 = places[at, a], places[at, b]
        y = self.y[self.level[a]]
        y1, y2 = y + drawing.height(a) / 2, y + drawing.height(b) / 2
        z1, z2 = y1 + self.side[a, 1].zone, y2 + self.side[b, 1].zone
        deep = y1 + self.depth[at]
        path = f"M{x1:.1f} {y1:.1f}V{z1:.1f}C{x1:.1f} {deep:.1f} {x2:.1f} {deep:.1f} {x2:.1f} {z2:.1f}V{y2:.1f}"
        head = (x2, y2, -1) if drawing.lines[at].arrow else None
        self._stroke(at, path, head, ((x1 + x2) / 2, (z1 + z2) / 8 + deep * 0.75))
        self._label(drawing.label_at(at, a), x1, y1, self.side[a, 1], 1)
        self._label(drawing.label_at(at, b), x2, y2, self.side[b, 1], 1)

    def _loop(self, at: int, n: int, of: int) -> None:
        """A line from a box to itself, on its right, with both labels beside it."""
        drawing = self.drawing
        node = drawing.ends[at][0]
        x, y = self.grid.x[node] + drawing.box_width[node] / 2, self.y[self.level[node]]
        out = x + 30 + 7 * n
        path = f"M{x:.1f} {y - 8:.1f}C{out:.1f} {y - 20:.1f} {out:.1f} {y + 20:.1f} {x:.1f} {y + 8:.1f}"
        self._stroke(at, path, None, (out, y))
        text = " - ".join(label for label in drawing.labels[at][:2] if label)
        self._text(text, x + 28 + 6 * of, y + 4 + 12 * (n - (of - 1) / 2), "start")

    def _stroke(self, at: int, path: str, head: tuple[float, float, int] | None, middle: tuple[float, float]) -> None:
        line = self.drawing.lines[at]
        look = LOOKS[line.look]
        color = COLORS[look.color]
        self.svg.append(f"<g><title>{self.drawing.title(line)}</title>")
        self.svg.append(f'<path d="{path}" fill="none" stroke="{color}" stroke-width="1.6"{DASHES[look.style]}/>')
        if head:
            x, y, down = head
            self.svg.append(f'<path d="M{x:.1f} {y:.1f}l-4.5 {-9 * down}h9z" fill="{color}"/>')
        self.svg.append("</g>")
        if text := self.drawing.labels[at][2]:
            width = text_width(text, LABEL_SIZE) + 6
            self.drawing.over.append((self, middle[0], middle[1], width, text))

    def _label(self, text: str, x: float, y: float, side: Side, down: int) -> None:
        if not text:
            return
        if side.turned:
            turn = f' transform="rotate(-90 {x + 10.5:.1f} {y + 4 * down:.1f})"'
            self._text(text, x + 10.5, y + 4 * down, "end" if down > 0 else "start", turn)
        else:
            self._text(text, x + 5, y + (13 if down > 0 else -6), "start")

    def _text(self, text: str, x: float, y: float, anchor: str, more: str = "") -> None:
        self.svg.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{LABEL_SIZE:g}" text-anchor="{anchor}" fill="#333"{more}>'
            f"{html(text, None)}</text>"
        )

    # ── boxes ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _box(self, node: int) -> None:
        drawing = self.drawing
        shape = drawing.shapes[node]
        width, height = drawing.box_width[node], drawing.height(node)
        x, y = self.grid.x[node], self.y[self.level[node]]
        note = f" - {visible(shape.note, 1000)}" if shape.note else ""
        title = html(f"{visible(shape.name, 200)}{note}", None)
        self.svg.append(
            f"<g><title>{title}</title>"
            f'<rect x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}" height="{height:.1f}"'
            f' rx="{height / 2 if shape.kind == "segment" else 4:g}" {BOXES[shape.kind]} stroke-width="1.3"/>'
            f'<text x="{x:.1f}" y="{y + 4.5:.1f}" font-size="{drawing.name_size(node):g}" text-anchor="middle"'
            f' fill="#111">{html(drawing.names[node], None)}</text></g>'
        )


class _Drawing:
    """The picture as numbers, and the parts it consists of."""

    def __init__(self, picture: Picture, ranks: Sequence[Sequence[str]]) -> None:
        shapes = list(picture.shapes)
        known = {shape.name for shape in shapes}
        shapes += (Shape(name, "extra") for name in dict.fromkeys(each for rank in ranks for each in rank)
                   if name not in known)  # fmt: skip
        self.shapes = shapes
        self.lines: list[Line] = [*picture.extra, *picture.lines]
        if len(shapes) > SHAPES or len(self.lines) > LINES:
            raise ValueError(
                f"{len(shapes)} nodes and {len(self.lines)} lines are more than the {SHAPES} and {LINES} that are "
                "drawn as SVG; to_dot() has no such limit"
            )
        number = {shape.name: at for at, shape in enumerate(shapes)}
        shown = shown_names(number)
        self.names = [visible(shown[shape.name], NAME) for shape in shapes]
        self.ends = [(number[line.a], number[line.b]) for line in self.lines]
        self.labels = [
            tuple(visible(visible(text, None), LABEL) for text in (line.a_label, line.b_label, line.label))
            for line in self.lines
        ]
        self.neighbors: list[set[int]] = [set() for _ in shapes]
        for a, b in self.ends:
            if a != b:
                self.neighbors[a].add(b)
                self.neighbors[b].add(a)
        self.box_width = [0.0] * len(shapes)
        self.over: list[tuple[_Part, float, float, float, str]] = []
        given = {number[name]: level for level, rank in reversed(list(enumerate(ranks))) for name in rank}
        groups = [list(range(len(shapes)))] if given else layout.components(self.neighbors)
        self.parts = [_Part(group, self, given) for group in groups if group]

    def label_at(self, at: int, node: int) -> str:
        """The label of a line at the end where `node` is."""
        return self.labels[at][0 if self.ends[at][0] == node else 1]

    def name_size(self, node: int) -> float:
        return LABEL_SIZE + 1 if self.shapes[node].kind == "segment" else NAME_SIZE

    def name_width(self, node: int) -> float:
        return text_width(self.names[node], self.name_size(node)) + 22

    def height(self, node: int) -> float:
        return BAR if self.shapes[node].kind == "segment" else HEIGHT

    def title(self, line: Line) -> str:
        ends = [
            visible(f"{name}:{label}" if label else name, 200)
            for name, label in ((line.a, line.a_label), (line.b, line.b_label))
        ]
        return html(f"{ends[0]} {'->' if line.arrow else '--'} {ends[1]}: {LOOKS[line.look].words}", None)

    def document(self) -> str:
        """The parts on shelves, the largest first, and what the lines mean."""
        x = y = MARGIN
        shelf = width = 0.0
        body = []
        for part in self.parts:
            if x > MARGIN and x + part.width > SHELF:
                x, y, shelf = MARGIN, y + shelf + 2 * GAP, 0.0
            body.append(f'<g transform="translate({x:.1f} {y:.1f})">{"".join(part.svg)}{self._over(part)}</g>')
            x += part.width + 2 * GAP
            width, shelf = max(width, x - 2 * GAP), max(shelf, part.height)
        height = y + shelf + MARGIN
        legend, legend_width, legend_height = self._legend(height)
        width = max(width + MARGIN, legend_width)
        height += legend_height
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
            f' viewBox="0 0 {width:.0f} {height:.0f}" font-family="Helvetica, Arial, sans-serif">'
            f'<rect width="100%" height="100%" fill="#fff"/>{"".join(body)}{legend}</svg>\n'
        )

    def _over(self, part: _Part) -> str:
        return "".join(
            f'<rect x="{x - width / 2:.1f}" y="{y - 8:.1f}" width="{width:.1f}" height="15" rx="3" fill="#fff"/>'
            f'<text x="{x:.1f}" y="{y + 3.5:.1f}" font-size="{LABEL_SIZE:g}" text-anchor="middle" fill="#111">'
            f"{html(text, None)}</text>"
            for of, x, y, width, text in self.over
            if of is part
        )

    def _legend(self, y: float) -> tuple[str, float, float]:
        looks = [name for name in LOOKS if name not in PLAIN and any(line.look == name for line in self.lines)]
        text = []
        width = 0.0
        for n, name in enumerate(looks):
            look = LOOKS[name]
            at = y + 10 + 18 * n
            text.append(
                f'<path d="M{MARGIN:g} {at:.1f}h36" stroke="{COLORS[look.color]}" stroke-width="1.6"'
                f'{DASHES[look.style]}/><text x="{MARGIN + 44:g}" y="{at + 4:.1f}" font-size="11" fill="#333">'
                f"{html(look.words)}</text>"
            )
            width = max(width, MARGIN * 2 + 44 + text_width(look.words, 11))
        return "".join(text), width, 18.0 * len(looks) + (12 if looks else 0)


def draw(picture: Picture, ranks: Sequence[Sequence[str]] = ()) -> str:
    """An SVG document.

    Raises
    ------
    ValueError
        There is more than can be drawn.
    """
    return _Drawing(picture, ranks).document()


def bundle(picture: Picture, text: str) -> dict[str, str]:
    """What Jupyter shows: the drawing, unless it would be too large, and the text."""
    if len(picture.shapes) > SHAPES or len(picture.lines) + len(picture.extra) > LINES:
        return {"text/plain": text}
    return {"image/svg+xml": draw(picture), "text/plain": text}
