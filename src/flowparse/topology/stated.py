"""Topologies that the caller states: lists of edges, and DOT text.

Of DOT (graphviz.org/doc/info/lang.html) everything is read and what names nodes, ports and labels is
kept: node and edge statements, chains, subgraphs, ports (`"leaf1":"swp1" -- "spine1":"swp3"`, as
Cumulus's Prescriptive Topology Manager has them), `taillabel` and `headlabel` as interfaces (as
`Topology.to_dot` writes them), `label`, and `class=segment`. Other attributes are looked at and dropped.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise, zip_longest
from typing import Any, NamedTuple

from ..errors import TextError
from ..text import visible
from .links import Sorting, numbered
from .model import Endpoint, Link, LinkStatus, Node, NodeState, Observation, Segment

__all__ = ["Stated", "from_dot", "from_edges"]

DEPTH = 50
EDGES = 1_000_000  # that subgraph edges ({a b} -- {c d}) may unfold to
TOKEN = re.compile(
    r"""(?P<skip>\s+|//[^\n]*|/\*.*?\*/|^\#[^\n]*)
    |(?P<op>->|--|[{}\[\];,=:+])
    |(?P<string>"(?:[^"\\]+|\\.)*+")
    |(?P<word>[A-Za-z_\x80-\U0010ffff][\w\x80-\U0010ffff]*|-?(?:\.\d+|\d+(?:\.\d*)?))
    |(?P<html><)""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
COMPASS = {"n", "ne", "e", "se", "s", "sw", "w", "nw", "c", "_"}
ESCAPED = re.compile(r'\\(\\|"|\n)')


class Edge(NamedTuple):
    """One edge as it was stated."""

    a: Endpoint
    b: Endpoint
    label: str | None
    directed: bool


class Stated(NamedTuple):
    """The parts of a stated topology."""

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    segments: tuple[Segment, ...]


def _endpoint(value: Any) -> Endpoint:
    if isinstance(value, str):
        return Endpoint(value)
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], str | None):
        return Endpoint(*value)
    raise TypeError(f"an end of an edge is a name, or (name, interface), not {value!r:.80}")


def from_edges(edges: Iterable[Any]) -> Stated:
    """The parts of `Topology.from_edges`."""
    read = []
    for each in edges:
        if isinstance(each, str) or not isinstance(each, Sequence) or len(each) not in (2, 3):
            raise TypeError(f"an edge is (a, b) or (a, b, label), not {each!r:.80}")
        label = each[2] if len(each) == 3 else None
        if label is not None and not isinstance(label, str):
            raise TypeError(f"a label is text, not {label!r:.80}")
        read.append(Edge(_endpoint(each[0]), _endpoint(each[1]), label, True))
    return _stated(read, (), frozenset())


def _stated(edges: Iterable[Edge], names: Iterable[str], segments: frozenset[str]) -> Stated:
    """Nodes and links; two directed edges of opposite directions between the same ends are one link."""
    sorting = Sorting()
    members: dict[str, set[Endpoint]] = {name: set() for name in segments}
    between: dict[tuple[Endpoint, Endpoint, str | None], tuple[list[Edge], list[Edge]]] = defaultdict(lambda: ([], []))
    found = dict.fromkeys(names)
    for edge in edges:
        media = [end.device for end in (edge.a, edge.b) if end.device in segments]
        found |= dict.fromkeys(end.device for end in (edge.a, edge.b) if end.device not in segments)
        if media:
            members[media[0]] |= {end for end in (edge.a, edge.b) if end.device not in segments}
            continue
        turned = sorting.end(edge.b) < sorting.end(edge.a)
        ends = (edge.b, edge.a) if turned else (edge.a, edge.b)
        between[(*ends, edge.label)][turned].append(edge)
    links = []
    for (a, b, label), (forward, back) in between.items():
        for one, other in zip_longest(forward, back) if a != b else ((edge, None) for edge in forward):
            first = one or other
            if first is None or (one and other and not (one.directed and other.directed)):
                links += [_link(edge.a, edge.b, label, [edge]) for edge in (one, other) if edge]
            elif one and other:
                links.append(_link(a, b, label, [one, other]))
            else:
                links.append(_link(first.a, first.b, label, [first]))
    nodes = [Node(name, NodeState.STATED) for name in found if name not in segments]
    nodes.sort(key=lambda node: sorting.name(node.name))
    made = []
    for name, on in members.items():
        made.append(Segment(name, tuple(sorted(on, key=sorting.end))))
    made.sort(key=lambda segment: sorting.name(segment.name))
    return Stated(tuple(nodes), numbered(links, sorting), tuple(made))


def _link(a: Endpoint, b: Endpoint, label: str | None, edges: Iterable[Edge]) -> Link:
    observations = tuple(
        Observation(edge.a.device, edge.a.interface or "", edge.b.device, edge.b.interface, "")
        for edge in edges
        if edge.directed
    )
    return Link(a, b, LinkStatus.BOTH, observations, label=label)


# ── DOT ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def _tokens(text: str) -> Iterator[_Token]:
    at, line = 0, 1
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise TextError(f"not DOT: {visible(text[at : at + 20])}", line=line)
        kind, raw = match.lastgroup or "", match[0]
        if kind == "html":
            kind, raw = "string", _html(text, at, line)
            yield _Token(kind, raw, line)
        elif kind == "string":
            yield _Token(kind, ESCAPED.sub(lambda escape: escape[1].strip("\n"), raw[1:-1]), line)
        elif kind != "skip":
            yield _Token(kind, raw, line)
        line += raw.count("\n")
        at += len(raw)


def _html(text: str, start: int, line: int) -> str:
    depth = 0
    for at in range(start, len(text)):
        depth += (text[at] == "<") - (text[at] == ">")
        if depth == 0:
            return text[start : at + 1]
    raise TextError("not DOT: an HTML string that does not end", line=line)


class _Reader:
    """Recursive descent over the DOT grammar."""

    def __init__(self, text: str) -> None:
        self.tokens = list(_tokens(text))
        self.at = 0
        self.directed = False
        self.names: dict[str, None] = {}
        self.segments: set[str] = set()
        self.edges: list[Edge] = []

    def peek(self) -> _Token:
        if self.at < len(self.tokens):
            return self.tokens[self.at]
        return _Token("end", "the end", self.tokens[-1].line if self.tokens else 1)

    def take(self, *texts: str) -> bool:
        token = self.peek()
        if token.kind in ("op", "word") and token.text.lower() in texts:
            self.at += 1
            return True
        return False

    def need(self, *texts: str) -> None:
        if not self.take(*texts):
            token = self.peek()
            raise TextError(f"not DOT: {' or '.join(texts)} expected, not {visible(token.text)}", line=token.line)

    def name(self) -> str | None:
        """An ID, its "a" + "b" joined; None if there is none here."""
        token = self.peek()
        if token.kind not in ("word", "string"):
            return None
        self.at += 1
        parts = [token.text]
        while token.kind == "string" and self.take("+"):
            more = self.peek()
            if more.kind != "string":
                raise TextError("not DOT: a quoted string expected behind +", line=more.line)
            self.at += 1
            parts.append(more.text)
        return "".join(parts)

    def graph(self) -> None:
        self.take("strict")
        self.directed = self.peek().text.lower() == "digraph"
        self.need("graph", "digraph")
        self.name()
        self.statements(0, {})
        if self.peek().kind != "end":
            raise TextError(f"not DOT: {visible(self.peek().text)} behind the graph", line=self.peek().line)

    def statements(self, depth: int, defaults: Mapping[str, str]) -> list[str]:
        """A block in braces; the nodes that it names."""
        if depth > DEPTH:
            raise TextError(f"DOT subgraphs deeper than {DEPTH}", line=self.peek().line)
        self.need("{")
        found: dict[str, None] = {}
        edge_defaults = dict(defaults)
        while not self.take("}"):
            if self.take(";"):
                continue
            token = self.peek()
            if token.kind == "word" and token.text.lower() in ("graph", "node", "edge"):
                self.at += 1
                values = self.attributes()
                if token.text.lower() == "edge":
                    edge_defaults |= values
                continue
            found |= dict.fromkeys(self.statement(depth, edge_defaults))
        return list(found)

    def statement(self, depth: int, defaults: Mapping[str, str]) -> list[str]:
        if self.is_setting():
            return []
        ends = [self.side(depth, defaults)]
        while self.take("->", "--"):
            ends.append(self.side(depth, defaults))
        values = self.attributes()
        if len(ends) == 1:
            if values.get("class") == "segment":
                self.segments |= {end.device for end in ends[0]}
        else:
            values = {**defaults, **values}
            for tails, heads in pairwise(ends):
                if len(self.edges) + len(tails) * len(heads) > EDGES:
                    raise TextError(f"more than {EDGES} edges", line=self.peek().line)
                self.edges += (self.edge(tail, head, values) for tail in tails for head in heads)
        return [end.device for side in ends for end in side]

    def is_setting(self) -> bool:
        """Take `name = value`, an attribute of the graph."""
        start = self.at
        if self.name() is not None and self.take("=") and self.name() is not None:
            return True
        self.at = start
        return False

    def edge(self, tail: Endpoint, head: Endpoint, values: Mapping[str, str]) -> Edge:
        a = Endpoint(tail.device, tail.interface or values.get("taillabel") or None)
        b = Endpoint(head.device, head.interface or values.get("headlabel") or None)
        return Edge(a, b, values.get("label") or None, self.directed)

    def side(self, depth: int, defaults: Mapping[str, str]) -> list[Endpoint]:
        """One side of an edge, or a statement alone: a node with its port, or a subgraph."""
        if self.take("subgraph"):
            self.name()
            if self.peek().text != "{":
                return []
            return [Endpoint(name) for name in self.statements(depth + 1, defaults)]
        if self.peek().kind == "op" and self.peek().text == "{":
            return [Endpoint(name) for name in self.statements(depth + 1, defaults)]
        name = self.name()
        if name is None:
            raise TextError(f"not DOT: a name expected, not {visible(self.peek().text)}", line=self.peek().line)
        port = None
        if self.take(":"):
            port = self.name()
            if self.take(":"):
                self.name()
        self.names[name] = None
        return [Endpoint(name, None if port in COMPASS else port)]

    def attributes(self) -> dict[str, str]:
        values: dict[str, str] = {}
        while self.take("["):
            while not self.take("]"):
                if self.take(";", ","):
                    continue
                key = self.name()
                if key is None:
                    raise TextError("not DOT: an attribute expected", line=self.peek().line)
                values[key] = (self.name() or "") if self.take("=") else "true"
        return values


def from_dot(text: str) -> Stated:
    """The parts of `Topology.from_dot`."""
    if not isinstance(text, str):
        raise TypeError(f"DOT is text, not {type(text).__name__}")
    reader = _Reader(text.removeprefix("\ufeff"))
    reader.graph()
    return _stated(reader.edges, reader.names, frozenset(reader.segments))
