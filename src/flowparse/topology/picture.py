"""What a drawing shows, whoever draws it: shapes and lines, and how they look. `dot.py` and `svg.py` draw it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .model import Link, LinkStatus, Node, NodeState, Segment

if TYPE_CHECKING:
    from .topology import Topology

__all__ = ["LOOKS", "Line", "Look", "Picture", "Shape", "line_of", "picture_of"]


@dataclass(frozen=True, slots=True)
class Look:
    """How a line is drawn; `words` say what it means."""

    words: str
    color: str = "black"
    style: str = "solid"


LOOKS = {
    "both": Look("both ends report it"),
    "one_way": Look("one end reports it, the other is silent", "red", "dashed"),
    "external": Look("the far device was not collected", "gray50"),
    "conflict": Look("the far port reports another device", "orange3", "dashed"),
    "unjudged": Look("the far table is not complete", "gray50", "dotted"),
    "extra": Look("drawn on request"),
    "segment": Look("on a shared segment", "gray50"),
    "added": Look("added", "green4"),
    "removed": Look("removed", "red", "dotted"),
    "unknown": Look("cannot be judged", "gray50", "dotted"),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """A node: `kind` is "device", "external", "segment" or "extra"; `note` is shown on request only."""

    name: str
    kind: str = "device"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line from `a` to `b` with a label at either end and one in the middle; `arrow` points at `b`."""

    a: str
    b: str
    a_label: str = ""
    b_label: str = ""
    label: str = ""
    look: str = "both"
    arrow: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """Shapes and lines in the order in which they are written."""

    shapes: tuple[Shape, ...]
    lines: tuple[Line, ...]
    extra: tuple[Line, ...] = ()


def line_of(link: Link, look: str | None = None) -> Line:
    """The line of a link; `look` stands for its status where it is given."""
    return Line(
        link.a.device,
        link.b.device,
        link.a.interface or "",
        link.b.interface or "",
        link.label or "",
        look or str(link.status),
        link.status in (LinkStatus.ONE_WAY, LinkStatus.CONFLICT),
    )


def directed_lines(link: Link) -> Iterable[Line]:
    """A line for each end that reports the link."""
    line = line_of(link)
    turned = Line(line.b, line.a, line.b_label, line.a_label, line.label, line.look, True)
    forward = Line(line.a, line.b, line.a_label, line.b_label, line.label, line.look, True)
    return (forward if source == link.a.device else turned for source, _ in link.directions())


def segment_parts(segment: Segment, note: str = "") -> tuple[Shape, list[Line]]:
    shape = Shape(segment.name, "segment", note or str(segment))
    return shape, [Line(end.device, segment.name, end.interface or "", look="segment") for end in segment.members]


def shape_of(node: Node) -> Shape:
    said = [node.kind, node.platform, *node.management_addresses[:1]]
    kind = "external" if node.state is NodeState.EXTERNAL else "device"
    return Shape(node.name, kind, ", ".join(each for each in said if each))


def picture_of(topology: Topology, *, directed: bool = False, extra_edges: Sequence[tuple[str, str]] = ()) -> Picture:
    """The picture of a topology.

    Parameters
    ----------
    topology : Topology
    directed : bool
        A line for each report instead of one for each link.
    extra_edges : sequence of (str, str)
        Lines that nobody reported; their ends become shapes where they are not nodes.
    """
    shapes = [shape_of(node) for node in topology.nodes.values()]
    extra = [Line(a, b, look="extra", arrow=directed) for a, b in extra_edges]
    known = set(topology.nodes)
    for name in dict.fromkeys(name for line in extra for name in (line.a, line.b)):
        if name not in known:
            shapes.append(Shape(name, "extra"))
    lines: list[Line] = []
    for link in topology.links:
        lines += directed_lines(link) if directed else (line_of(link),)
    if directed:
        order = {name: at for at, name in enumerate(topology.nodes)}
        lines.sort(key=lambda line: (order[line.a], order[line.b]))
    for segment in topology.segments:
        shape, spokes = segment_parts(segment)
        shapes.append(shape)
        lines += spokes
    return Picture(tuple(shapes), tuple(lines), tuple(extra))
