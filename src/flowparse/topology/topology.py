"""The topology: what neighbor tables say together, to be trusted, compared and drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any, Self

from ..lldp.records import NeighborTable
from ..lldp.tables import parse_many
from ..text import visible
from . import dot, saved, stated, svg
from .build import build
from .compare import compare
from .diff import PlanCheck, TopologyDiff
from .links import Shared
from .model import SHOWN, Link, LinkStatus, Node, Segment, TopologyProblem
from .picture import picture_of

__all__ = ["Topology"]

LISTED = 200  # lines of links in `to_text`


class Topology:
    """Devices, the links between them, and what is not sure; immutable.

    `build`, `from_outputs`, `from_edges`, `from_dot` and `from_dict` make one.

    Attributes
    ----------
    nodes : Mapping of str to Node
        By name, in natural order.
    links : tuple of Link
        In natural order of their ends.
    segments : tuple of Segment
        Shared media, found by ports that hear more than one neighbor.
    aliases : Mapping of str to str
        What devices are called elsewhere -> the node's name; `Node.evidence` says why. Names that differ
        in case or domain only are not in it.
    problems : tuple of TopologyProblem
    ignored : int
        Reports that the `ignore` rule left out.

    Examples
    --------
    >>> topology = Topology.from_edges([("core", "distribution"), ("distribution", "access1", "2x10G")])
    >>> print(topology.to_dot(name="campus"), end="")
    graph campus {
      node [shape=box];
      "core" -- "distribution";
      "distribution" -- "access1" [label="2x10G"];
    }
    """

    __slots__ = ("aliases", "ignored", "links", "nodes", "problems", "segments")

    nodes: Mapping[str, Node]
    links: tuple[Link, ...]
    segments: tuple[Segment, ...]
    aliases: Mapping[str, str]
    problems: tuple[TopologyProblem, ...]
    ignored: int

    def __init__(
        self,
        nodes: Iterable[Node],
        links: Iterable[Link],
        segments: Iterable[Segment] = (),
        aliases: Mapping[str, str] | None = None,
        problems: Iterable[TopologyProblem] = (),
        ignored: int = 0,
    ) -> None:
        put = object.__setattr__
        put(self, "nodes", MappingProxyType({node.name: node for node in nodes}))
        put(self, "links", tuple(links))
        put(self, "segments", tuple(segments))
        put(self, "aliases", MappingProxyType(dict(aliases or {})))
        put(self, "problems", tuple(problems))
        put(self, "ignored", ignored)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Topology does not change: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Topology does not change: {name}")

    # ── making one ──────────────────────────────────────────────────────────────────────────────────────────────────

    @classmethod
    def build(
        cls,
        tables: Iterable[NeighborTable],
        *,
        ignore: Any = "mgmt",
        aliases: Mapping[str, str] | None = None,
        infer_aliases: bool = True,
        shared: Shared = "segment",
        strip_domain: bool = True,
    ) -> Self:
        """Bring neighbor tables together.

        Parameters
        ----------
        tables : iterable of NeighborTable
            Each with its device; a device may have several (LLDP and CDP, brief and detail).
        ignore : "mgmt", set of str, callable or None
            Ports whose reports do not count, at either end: those with a management port's name, those with
            one of these names in any spelling ("mgmt" may be among them), or where the callable says so of
            (device, interface).
        aliases : Mapping of str to str, optional
            Other names -> names of nodes; they come before all that is found out.
        infer_aliases : bool
            Also bring names together by chassis id, port reciprocity and management address. Without it
            only names that agree are one.
        shared : {"segment", "drop", "links"}
            Shared media become segments, are left out, or become a link for each pair that is heard.
        strip_domain : bool
            "r1.example.net" is "r1" unless there is a second r1.

        Raises
        ------
        ValueError
            A table has no device; aliases go in a circle.

        Notes
        -----
        Silence is judged only where the far device's table of the same protocol is complete; see
        `LinkStatus`. Names that fit several devices are joined to none: `problems` has them.
        """
        built = build(
            tables,
            ignore=ignore,
            aliases=aliases or {},
            infer_aliases=infer_aliases,
            shared=shared,
            strip_domain=strip_domain,
        )
        return cls(built.nodes.values(), built.links, built.segments, built.aliases, built.problems, built.ignored)

    @classmethod
    def from_outputs(cls, outputs: Mapping[str, Any], *, platform: str | None = None, **options: Any) -> Self:
        """Parse what devices printed, and build.

        Parameters
        ----------
        outputs : Mapping
            Device -> whatever `flowparse.lldp.parse` takes.
        platform : str, optional
            Of all of them; found out where it is not given.
        **options
            As for `build`.
        """
        return cls.build(parse_many(outputs, platform=platform), **options)

    @classmethod
    def from_edges(cls, edges: Iterable[Any]) -> Self:
        """A topology as stated.

        Parameters
        ----------
        edges : iterable of (a, b) or (a, b, label)
            Ends are names of nodes, or (name, interface). (a, b) and (b, a) are the two directions of one
            link; the same edge twice is two links.

        Raises
        ------
        TypeError
            Something else.
        """
        return cls(*stated.from_edges(edges))

    @classmethod
    def from_dot(cls, text: str) -> Self:
        """A topology as stated in Graphviz DOT: an intended one for `check`, or one that `to_dot` wrote.

        Raises
        ------
        TextError
            With the line.

        Examples
        --------
        >>> plan = Topology.from_dot('graph { "leaf1":"swp1" -- "spine1":"swp3" }')
        >>> print(plan.links[0])
        leaf1:swp1 -- spine1:swp3
        """
        return cls(*stated.from_dot(text))

    @classmethod
    def from_dict(cls, saved_topology: Mapping[str, Any]) -> Self:
        """What `to_dict` gave, also by way of JSON.

        Raises
        ------
        StateError
        """
        return cls(**saved.read_dict(saved_topology))

    # ── questions ───────────────────────────────────────────────────────────────────────────────────────────────────

    def edges(self) -> list[tuple[str, str]]:
        """(reporter, neighbor) for each end of a link that reports it, in natural order; segments are left out.

        Examples
        --------
        >>> Topology.from_edges([("r2", "r1"), ("r1", "r2")]).edges()
        [('r1', 'r2'), ('r2', 'r1')]
        """
        order = {name: at for at, name in enumerate(self.nodes)}
        pairs = [pair for link in self.links for pair in link.directions()]
        return sorted(pairs, key=lambda pair: (order[pair[0]], order[pair[1]]))

    def one_way(self) -> tuple[Link, ...]:
        """Links of which one end is silent although its table is complete."""
        return self._with(LinkStatus.ONE_WAY)

    def conflicts(self) -> tuple[Link, ...]:
        """Links of which the far port reports another device."""
        return self._with(LinkStatus.CONFLICT)

    def unjudged(self) -> tuple[Link, ...]:
        """Links of which the far table is not complete."""
        return self._with(LinkStatus.UNJUDGED)

    def _with(self, status: LinkStatus) -> tuple[Link, ...]:
        return tuple(link for link in self.links if link.status is status)

    def diff(self, new: Topology) -> TopologyDiff:
        """What changed from this topology to a newer one.

        A device that was not collected, or not completely, loses no links: what cannot be told is
        `TopologyDiff.unknown`.
        """
        return TopologyDiff(self, new, compare(self, new))

    def check(self, plan: Topology) -> PlanCheck:
        """How this topology differs from an intended one, in which links may lack one or both interfaces."""
        return PlanCheck(plan, self, compare(plan, self))

    # ── drawings and exports ────────────────────────────────────────────────────────────────────────────────────────

    def to_dot(
        self,
        *,
        directed: bool = False,
        labels: bool = True,
        ranks: Sequence[Sequence[str]] = (),
        extra_edges: Sequence[tuple[str, str]] = (),
        name: str = "topology",
        engine: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> str:
        """Graphviz DOT text.

        Parameters
        ----------
        directed : bool
            A digraph with an edge for each report; otherwise a graph with an edge for each link.
        labels : bool
            Interfaces at the ends of edges, and boxes for nodes.
        ranks : sequence of sequence of str
            Nodes to put on one level each.
        extra_edges : sequence of (str, str)
            Edges that nobody reported, such as to hosts.
        name : str
            Of the graph.
        engine : str, optional
            Which of Graphviz's layout programs should draw it: "neato", ...
        attributes : Mapping, optional
            Of the graph ("rankdir"), or of all nodes or edges ("node.shape", "edge.fontsize").

        Raises
        ------
        ValueError
            An unknown engine, or what cannot be an attribute.
        """
        picture = picture_of(self, directed=directed, extra_edges=extra_edges)
        return dot.write(
            picture, directed=directed, labels=labels, ranks=ranks, name=name, engine=engine, attributes=attributes
        )

    def to_svg(self, *, ranks: Sequence[Sequence[str]] = (), extra_edges: Sequence[tuple[str, str]] = ()) -> str:
        """A layered drawing as an SVG document, made here: no Graphviz needed.

        Parameters
        ----------
        ranks : sequence of sequence of str
            Nodes on the levels from the top; levels are found where none are given.
        extra_edges : sequence of (str, str)

        Raises
        ------
        ValueError
            More than 200 shapes, or 2,000 lines: `to_dot` has no such limit.
        """
        return svg.draw(picture_of(self, extra_edges=extra_edges), ranks)

    def to_networkx(self) -> Any:
        """A `networkx.MultiGraph`: attributes are those of `to_dict`, segments are nodes with `segment=True`."""
        graph = import_module("networkx").MultiGraph()
        values = self.to_dict()
        for node in values["nodes"]:
            graph.add_node(node.pop("id"), segment=False, **node)
        for link in values["links"]:
            graph.add_edge(link.pop("source"), link.pop("target"), **link)
        for segment in self.segments:
            graph.add_node(segment.name, segment=True)
            for end in segment.members:
                graph.add_edge(end.device, segment.name, source_interface=end.interface)
        return graph

    def to_dict(self) -> dict[str, Any]:
        """Node-link form in plain values, which JSON holds, d3 draws and `from_dict` reads.

        networkx reads it too: ``node_link_graph(topology.to_dict(), edges="links")``.
        """
        return saved.as_dict(
            self.nodes.values(), self.links, self.segments, self.aliases, self.problems, self.ignored
        )  # fmt: skip

    def to_text(self) -> str:
        """A line for each link, with its status where it is not two-sided, then segments, aliases and problems."""
        lines = []
        for link in self.links:
            label = "" if link.label is None else f" ({visible(link.label)})"
            lines.append(f"{link}{label}" if link.two_sided else f"{link}{label}  [{link.status}]")
        lines += map(str, self.segments)
        lines += (f"{visible(name, SHOWN)} is {visible(node, SHOWN)}" for name, node in self.aliases.items())
        lines += (f"! {problem}" for problem in self.problems)
        return "".join(f"{line}\n" for line in lines)

    def __repr__(self) -> str:
        parts = [f"{len(self.nodes)} nodes", f"{len(self.links)} links"]
        odd = {status: len(self._with(status)) for status in LinkStatus if status is not LinkStatus.BOTH}
        parts += [f"{count} {status}" for status, count in odd.items() if count]
        parts += [f"{len(self.segments)} segments"] if self.segments else []
        parts += [f"{len(self.problems)} problems"] if self.problems else []
        return f"<Topology: {', '.join(parts)}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **_: Any) -> dict[str, str]:
        """The drawing and the text, for Jupyter; large topologies come without the drawing."""
        return svg.bundle(picture_of(self), repr(self) + "\n" + _listed(self.to_text()))

    def _parts(self) -> tuple[Any, ...]:
        return (
            dict(self.nodes), self.links, self.segments, dict(self.aliases), self.problems, self.ignored
        )  # fmt: skip

    def __eq__(self, other: object) -> bool:
        return self._parts() == other._parts() if isinstance(other, Topology) else NotImplemented

    def __hash__(self) -> int:
        return hash((tuple(self.nodes), self.links))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_dict, (self.to_dict(),)


def _listed(text: str) -> str:
    lines = text.splitlines(keepends=True)
    more = len(lines) - LISTED
    return "".join(lines[:LISTED]) + (f"... and {more} lines more\n" if more > 0 else "")
