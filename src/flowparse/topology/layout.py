"""Where the shapes of a drawing go: levels, the order on each level, and x.

The steps are those of layered drawing (Sugiyama, Tagawa, Toda 1981), kept small: levels by distance
from the middle of the network, or as the caller has them; a place on every level that a line passes;
order by barycentres, sweeping down and up while crossings get fewer; x as near to the neighbors' mean
as the room between shapes allows. Nothing here knows names or pixels of text: nodes are numbers.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["Grid", "arrange", "components", "levels"]

SWEEPS = 12
SETTLING = 10
ALIKE = 0.5  # share of neighbors that two nodes have in common when they stand side by side
PASS = 10.0  # room for a line that passes a level

Neighbors = Sequence[set[int]]


def components(neighbors: Neighbors) -> list[list[int]]:
    """The connected parts, each in the order of its numbers, the largest first."""
    seen: set[int] = set()
    parts = []
    for start in range(len(neighbors)):
        if start not in seen:
            part = _distances([start], neighbors, None)
            seen |= part.keys()
            parts.append(sorted(part))
    return sorted(parts, key=lambda part: -len(part))


def _distances(starts: Iterable[int], neighbors: Neighbors, within: set[int] | None) -> dict[int, int]:
    """Steps from the nearest start to all that can be reached."""
    found = dict.fromkeys(starts, 0)
    queue = deque(found)
    while queue:
        at = queue.popleft()
        for other in neighbors[at]:
            if other not in found and (within is None or other in within):
                found[other] = found[at] + 1
                queue.append(other)
    return found


def _middle(part: Sequence[int], neighbors: Neighbors) -> list[int]:
    """The node that is nearest to all others, and those that stand beside it: they have its neighbors."""
    within = set(part)
    near: dict[int, set[int]] = {node: neighbors[node] & within for node in part}

    def farness(node: int) -> tuple[int, int, int, int]:
        steps = _distances([node], neighbors, within).values()
        return max(steps), sum(steps), -len(near[node]), node

    first = min(part, key=farness)
    beside = [first]
    for node in part:
        one, two = near[first] - {node}, near[node] - {first}
        if node != first and len(one & two) > ALIKE * len(one | two):
            beside.append(node)
    return sorted(beside)


def levels(part: Sequence[int], neighbors: Neighbors, media: set[int], given: Mapping[int, int]) -> dict[int, int]:
    """A level from 0 at the top for each node of a part.

    Parameters
    ----------
    part : sequence of int
    neighbors : sequence of set of int
    media : set of int
        Nodes that stand for shared media: they go below what is connected to them otherwise, and what is
        connected by them alone goes below them.
    given : Mapping of int to int
        Levels as the caller wants them.
    """
    level = {node: given[node] for node in part if node in given}
    plain = {node for node in part if node not in media}
    if level:
        _spread(level, neighbors, plain)
    while missing := [node for node in part if node not in level]:
        bars = {node: levels_near for node in media if node in missing
                and (levels_near := [level[other] for other in neighbors[node] if other in level])}  # fmt: skip
        if bars:
            for node, near in bars.items():
                level[node] = max(near) + 1
            below = {
                other: max(level[bar] for bar in neighbors[other] if bar in bars) + 1
                for node in bars
                for other in neighbors[node]
                if other not in level
            }
            level |= below
        else:
            rest = [node for node in missing if node in plain]
            if not rest:
                level |= dict.fromkeys(missing, 0)
                break
            chosen = max(_parts(rest, neighbors), key=len)
            level |= _distances(_middle(chosen, neighbors), neighbors, set(chosen))
        _spread(level, neighbors, plain)
    used = {old: at for at, old in enumerate(sorted(set(level.values())))}
    return {node: used[old] for node, old in level.items()}


def _parts(nodes: Sequence[int], neighbors: Neighbors) -> list[list[int]]:
    within, parts = set(nodes), []
    seen: set[int] = set()
    for node in nodes:
        if node not in seen:
            part = _distances([node], neighbors, within)
            seen |= part.keys()
            parts.append(sorted(part))
    return parts


def _spread(level: dict[int, int], neighbors: Neighbors, plain: set[int]) -> None:
    """Give nodes that have no level the one below their highest neighbor."""
    rows: dict[int, list[int]] = {}
    for node, at in level.items():
        if node in plain:
            rows.setdefault(at, []).append(node)
    at = min(rows, default=0)
    while at <= max(rows, default=-1):
        for node in sorted(rows.get(at, ())):
            for other in sorted(neighbors[node] & plain):
                if other not in level:
                    level[other] = at + 1
                    rows.setdefault(at + 1, []).append(other)
        at += 1


# ── order ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Grid:
    """Rows of items from the top; an item at or above `nodes` is a place where a line passes.

    `chains` has the places that the lines between two nodes pass, from the upper one down.
    """

    nodes: int
    rows: list[list[int]]
    up: dict[int, list[int]] = field(default_factory=dict)
    down: dict[int, list[int]] = field(default_factory=dict)
    chains: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    x: dict[int, float] = field(default_factory=dict)


def arrange(
    level: Mapping[int, int], edges: Mapping[tuple[int, int], int], widths: Mapping[int, float], nodes: int, gap: float
) -> Grid:
    """Order and place the nodes of a part.

    Parameters
    ----------
    level : Mapping of int to int
    edges : Mapping of (int, int) to int
        Lines between two nodes of different levels, upper one first -> how many.
    widths : Mapping of int to float
    nodes : int
        Numbers from here are free for places.
    gap : float
        Room between two shapes.
    """
    grid = Grid(nodes, [[] for _ in range(max(level.values(), default=-1) + 1)])
    for node in level:
        grid.rows[level[node]].append(node)
        grid.up[node], grid.down[node] = [], []
    widths = dict(widths)
    free = nodes
    toward = {node: node for node in level}  # item -> the node that a line through it goes to
    for (upper, lower), count in edges.items():
        chain = list(range(free, free + level[lower] - level[upper] - 1))
        free += len(chain)
        for at, item in enumerate(chain, level[upper] + 1):
            grid.rows[at].append(item)
            grid.up[item], grid.down[item] = [], []
            widths[item] = PASS * count
            toward[item] = lower
        grid.chains[upper, lower] = chain
        for one, other in zip([upper, *chain], [*chain, lower], strict=True):
            grid.down[one].append(other)
            grid.up[other].append(one)
    for row in grid.rows:
        row.sort(key=lambda item: (toward[item], item))
    _order(grid)
    _place(grid, widths, gap)
    return grid


def _order(grid: Grid) -> None:
    """Sort the rows by barycentres while that takes crossings away."""
    best = [list(row) for row in grid.rows]
    fewest = _crossings(grid)
    idle = 0
    for sweep in range(SWEEPS):
        if fewest == 0 or idle > 3:
            break
        downwards = sweep % 2 == 0
        toward = grid.up if downwards else grid.down
        order = range(1, len(grid.rows)) if downwards else range(len(grid.rows) - 2, -1, -1)
        for at in order:
            fixed = {item: place for place, item in enumerate(grid.rows[at - 1 if downwards else at + 1])}
            here = {item: place for place, item in enumerate(grid.rows[at])}
            scale = len(fixed) / max(1, len(here))

            def middle(item: int, fixed: dict[int, int] = fixed, here: dict[int, int] = here, scale: float = scale,
                       toward: dict[int, list[int]] = toward) -> tuple[float, int]:  # fmt: skip
                places = [fixed[other] for other in toward[item]]
                return (sum(places) / len(places) if places else here[item] * scale), here[item]

            grid.rows[at].sort(key=middle)
        crossings = _crossings(grid)
        if crossings < fewest:
            best, fewest, idle = [list(row) for row in grid.rows], crossings, 0
        else:
            idle += 1
    grid.rows = best
    for at in range(len(grid.rows)):
        _swap(grid, at)


def _crossings(grid: Grid) -> int:
    """How many pairs of lines between neighboring rows cross."""
    count = 0
    for row, below in zip(grid.rows, grid.rows[1:], strict=False):
        place = {item: at for at, item in enumerate(below)}
        seen: list[int] = []
        for item in row:
            ends = sorted(place[other] for other in grid.down[item])
            count += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return count


def _swap(grid: Grid, at: int) -> None:
    """Exchange neighbors on a row where that takes crossings away."""
    row = grid.rows[at]
    places = []
    for other, toward in ((at - 1, grid.up), (at + 1, grid.down)):
        if 0 <= other < len(grid.rows):
            place = {item: n for n, item in enumerate(grid.rows[other])}
            places.append({item: sorted(place[end] for end in toward[item]) for item in row})
    for _ in range(4):
        changed = False
        for n in range(len(row) - 1):
            left, right = row[n], row[n + 1]
            now = sum(_inversions(ends[left], ends[right]) for ends in places)
            if now and sum(_inversions(ends[right], ends[left]) for ends in places) < now:
                row[n], row[n + 1] = right, left
                changed = True
        if not changed:
            break


def _inversions(left: Sequence[int], right: Sequence[int]) -> int:
    return sum(bisect_right(right, end - 1) for end in left)


# ── x ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _place(grid: Grid, widths: Mapping[int, float], gap: float) -> None:
    """Give every item its x: near the mean of its neighbors, in order, and with room between."""
    for row in grid.rows:
        _fit(grid, row, dict.fromkeys(row, 0.0), widths, gap)
    for turn in range(SETTLING):
        rows = grid.rows if turn % 2 == 0 else grid.rows[::-1]
        for row in rows:
            wanted = {}
            for item in row:
                near = (grid.up if turn % 2 == 0 else grid.down)[item]
                if turn >= SETTLING - 4:
                    near = grid.up[item] + grid.down[item]
                places = [grid.x[other] for other in near]
                wanted[item] = sum(places) / len(places) if places else grid.x[item]
            _fit(grid, row, wanted, widths, gap)
    left = min((grid.x[item] - widths[item] / 2 for row in grid.rows for item in row), default=0.0)
    for item in grid.x:
        grid.x[item] -= left


def _fit(grid: Grid, row: Sequence[int], wanted: Mapping[int, float], widths: Mapping[int, float], gap: float) -> None:
    """The places nearest to what is wanted that keep order and room: pool adjacent violators."""
    offset = 0.0
    offsets = []
    blocks: list[tuple[float, int]] = []  # (mean, items)
    for at, item in enumerate(row):
        if at:
            before = row[at - 1]
            room = gap if before < grid.nodes and item < grid.nodes else gap / 2
            offset += (widths[before] + widths[item]) / 2 + room
        offsets.append(offset)
        mean, count = wanted[item] - offset, 1
        while blocks and blocks[-1][0] >= mean:
            other, more = blocks.pop()
            mean = (mean * count + other * more) / (count + more)
            count += more
        blocks.append((mean, count))
    at = 0
    for mean, count in blocks:
        for _ in range(count):
            grid.x[row[at]] = mean + offsets[at]
            at += 1
