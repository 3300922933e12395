"""What `Topology.diff` and `Topology.check` give: the changes of `compare`, as text and as drawings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from . import dot, svg
from .compare import Changes, Membership
from .model import Link
from .picture import Line, Picture, Shape, line_of, segment_parts, shape_of

if TYPE_CHECKING:
    from .topology import Topology

__all__ = ["PlanCheck", "TopologyDiff"]


class TopologyDiff:
    """What changed from an old topology to a new one; false if nothing did.

    Attributes
    ----------
    removed, added : tuple of Link
    moved : tuple of (Link, Link)
        Old and new link of a port that is connected elsewhere now; they are not in the two above.
    became_one_way : tuple of Link
        One end went silent, or its port reports another device.
    recovered : tuple of Link
        One-way before, reported by both ends now.
    left, joined : tuple of Membership
        Ports of shared segments.
    unknown : tuple of Link or Membership
        What cannot be judged, because a device was not collected or its table is not complete.
    """

    words = ("removed", "added", "moved", "one-way now", "two-sided again", "left", "joined", "not known")

    def __init__(self, old: Topology, new: Topology, changes: Changes) -> None:
        self.old = old
        self.new = new
        self.changes = changes
        self.removed = changes.removed
        self.added = changes.added
        self.moved = changes.moved
        self.became_one_way = changes.became_one_way
        self.recovered = changes.recovered
        self.left = changes.left
        self.joined = changes.joined

    @property
    def unknown(self) -> tuple[Link | Membership, ...]:
        return tuple(each.item for each in self.changes.unknown)

    @property
    def lost(self) -> tuple[Link | Membership, ...]:
        """What was there and is not, or not on both sides: removed, moved away, one-way now, left."""
        return (*self.removed, *(was for was, _ in self.moved), *self.became_one_way, *self.left)

    def __bool__(self) -> bool:
        return bool(self.lost or self.added or self.recovered or self.joined)

    def to_text(self) -> str:
        """A line for each change, and for what cannot be judged."""
        removed, added, moved, one_way, recovered, left, joined, unknown = self.words
        lines = [
            *(f"- {removed}: {link}" for link in self.removed),
            *(f"+ {added}: {link}" for link in self.added),
            *(f"~ {moved}: {was}  =>  {now}" for was, now in self.moved),
            *(f"! {one_way}: {link}" for link in self.became_one_way),
            *(f"= {recovered}: {link}" for link in self.recovered),
            *(f"- {left}: {each}" for each in self.left),
            *(f"+ {joined}: {each}" for each in self.joined),
            *(f"? {unknown}: {each.item} ({each.reason})" for each in self.changes.unknown),
        ]
        return "".join(f"{line}\n" for line in lines)

    def __repr__(self) -> str:
        counts = zip(
            self.words,
            (self.removed, self.added, self.moved, self.became_one_way, self.recovered, self.left, self.joined,
             self.unknown),
            strict=True,
        )  # fmt: skip
        return (
            f"<{type(self).__name__}: {', '.join(f'{len(some)} {word}' for word, some in counts if some) or 'nothing'}>"
        )

    def picture(self) -> Picture:
        """The new topology with what is gone beside it."""
        names = self.changes.names
        shapes = {names[name]: shape_of(node) for name, node in self.new.nodes.items()}
        for name, node in self.old.nodes.items():
            shapes.setdefault(name, shape_of(node))
        shapes = {name: Shape(name, shape.kind, shape.note) for name, shape in shapes.items()}

        def line(link: Link, look: str | None = None) -> Line:
            made = line_of(link, look)
            a, b = (names.get(end, end) for end in (made.a, made.b))
            return Line(a, b, made.a_label, made.b_label, made.label, made.look, made.arrow)

        new_links = {id(link) for link in self.new.links}
        lines = [line(now) for _, now in self.changes.same]
        lines += [line(now, "one_way") for now in self.became_one_way]
        lines += [line(now) for now in self.recovered]
        lines += [line(link, "added") for link in (*self.added, *(now for _, now in self.moved))]
        old_lines = [(link, "removed") for link in (*self.removed, *(was for was, _ in self.moved))]
        old_lines += [(each.item, "unknown") for each in self.changes.unknown if isinstance(each.item, Link)]
        for link, look in old_lines:
            lines.append(line(link, look) if id(link) in new_links else line_of(link, look))
        order = {name: at for at, name in enumerate(shapes)}
        lines.sort(key=lambda each: (order[each.a], order[each.b]))
        joined = {each.member for each in self.joined}
        for segment in self.new.segments:
            shape, spokes = segment_parts(segment)
            shapes[shape.name] = shape
            for member, spoke in zip(segment.members, spokes, strict=True):
                look = "added" if member in joined else "segment"
                lines.append(Line(names[spoke.a], spoke.b, spoke.a_label, look=look))
        still = {(names[end.device], end.interface): each.name for each in self.new.segments for end in each.members}
        for each in self.left:
            shape = segment_parts(each.segment)[0]
            gone = f"{shape.name} before"
            name = next((still[end] for end in each.segment.members if end in still), gone)
            if name == gone:
                shapes.setdefault(gone, Shape(gone, "segment", shape.note))
            lines.append(Line(each.member.device, name, each.member.interface or "", look="removed"))
        return Picture(tuple(shapes.values()), tuple(lines))

    def to_dot(self, *, name: str = "diff", labels: bool = True, engine: str | None = None) -> str:
        """Graphviz DOT text: what is added green, removed red and dotted, one-way red and dashed."""
        return dot.write(
            self.picture(), directed=False, labels=labels, ranks=(), name=name, engine=engine, attributes=None
        )  # fmt: skip

    def to_svg(self, *, ranks: Iterable[Iterable[str]] = ()) -> str:
        """The drawing of `Topology.to_svg` with the same colors."""
        return svg.draw(self.picture(), [list(rank) for rank in ranks])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **_: Any) -> dict[str, str]:
        return svg.bundle(self.picture(), repr(self) + "\n" + self.to_text())


class PlanCheck(TopologyDiff):
    """How a topology differs from an intended one; false if it does not.

    Attributes
    ----------
    missing, unexpected : tuple of Link
        Planned and not there; there and not planned.
    miswired : tuple of (Link, Link)
        Planned link, and what one of its ports is connected to instead.
    one_way : tuple of Link
    unknown : tuple of Link
        Planned links of which no end was collected, or not completely.
    """

    words = ("missing", "unexpected", "miswired", "one-way", "two-sided", "not on", "not planned on", "not known")

    @property
    def missing(self) -> tuple[Link, ...]:
        return self.removed

    @property
    def unexpected(self) -> tuple[Link, ...]:
        return self.added

    @property
    def miswired(self) -> tuple[tuple[Link, Link], ...]:
        return self.moved

    @property
    def one_way(self) -> tuple[Link, ...]:
        return self.became_one_way

    @property
    def ok(self) -> bool:
        """Whether every planned link was seen, and nothing else."""
        return not self and not self.unknown
