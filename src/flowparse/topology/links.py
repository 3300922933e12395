"""Ports to links: which two belong together, which share a medium, and what each link is worth.

A port that hears two others is on a shared segment, whatever it is called, with all that it hears; other
pairs are links. A report is contradicted, and no segment, if the far port hears one neighbor only, and
that is somebody whom this port does not hear: a cable that was moved while the old neighbor has not aged
out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Literal

from ..lldp.interfaces import natural
from .model import Endpoint, Link, LinkStatus, Node, Observation, Segment, TopologyProblem
from .ports import PortMap, Ports
from .reports import Report

__all__ = ["Connected", "Shared", "Sorting", "connect", "numbered"]

Shared = Literal["segment", "drop", "links"]
Natural = tuple[tuple[tuple[int, int, str], ...], str]


class Sorting:
    """Natural order of names, each worked out once."""

    def __init__(self) -> None:
        self._known: dict[str, Natural] = {}

    def name(self, text: str) -> Natural:
        found = self._known.get(text)
        if found is None:
            found = self._known[text] = (natural(text), text)
        return found

    def end(self, end: Endpoint) -> tuple[Natural, bool, Natural]:
        return self.name(end.device), end.interface is not None, self.name(end.interface or "")


def numbered(links: Iterable[Link], sorting: Sorting) -> tuple[Link, ...]:
    """Links in natural order, those between the same two nodes counted."""
    ordered = sorted(links, key=lambda link: (sorting.end(link.a), sorting.end(link.b), link.label or ""))
    pairs: dict[tuple[str, str], list[Link]] = defaultdict(list)
    for link in ordered:
        a, b = link.a.device, link.b.device
        pairs[(a, b) if a <= b else (b, a)].append(link)
    place = {}
    for between in pairs.values():
        if len(between) > 1:
            between.sort(key=lambda link: sorted((sorting.end(link.a), sorting.end(link.b))))
            place.update({id(link): index for index, link in enumerate(between)})
    return tuple(
        replace(link, parallel_index=place[id(link)]) if place.get(id(link), link.parallel_index) != link.parallel_index
        else link
        for link in ordered
    )  # fmt: skip


@dataclass(slots=True)
class Connected:
    """What was made of the reports; `ignored` counts those that the caller did not want."""

    links: tuple[Link, ...]
    segments: tuple[Segment, ...]
    problems: list[TopologyProblem]
    ignored: int


class _Connecting:
    def __init__(
        self, rows: Sequence[Report], nodes: Sequence[Node], map_: PortMap, lags: Sequence[str | None]
    ) -> None:
        self.rows = rows
        self.nodes = nodes
        self.map = map_
        self.heard = map_.heard
        self.lags = lags
        self.sorting = Sorting()
        self.problems: list[TopologyProblem] = []

    def end(self, port: int) -> Endpoint:
        return Endpoint(self.nodes[self.map.node[port]].name, self.map.text[port])

    def observations(self, pairs: Iterable[tuple[int, int]]) -> tuple[Observation, ...]:
        """What was said, by each direction of `pairs` in turn."""
        said: list[Observation] = []
        for here, there in pairs:
            device = self.nodes[self.map.node[here]].name
            some = set()
            for at in self.heard.get(here, {}).get(there, ()):
                row = self.rows[at].row
                name = row.system_name or row.chassis_id
                some.add(Observation(device, row.local_interface, name, row.remote_interface, str(row.protocol)))
            said += sorted(some, key=lambda each: tuple(text or "" for text in each)) if len(some) > 1 else some
        return tuple(said)

    def problem(self, code: str, port: int, reason: str) -> None:
        end = self.end(port)
        self.problems.append(TopologyProblem(code, end.device, end.interface, reason))

    def drop_echoes(self) -> None:
        for port, others in self.heard.items():
            if others.pop(port, None) is not None:
                self.problem("self", port, "the port hears itself")

    def contradicted(self) -> set[tuple[int, int]]:
        """(port, port heard there) of which the second denies the first."""
        found = set()
        for port, others in self.heard.items():
            for other in others:
                back = self.heard.get(other)
                if back and len(back) == 1 and port not in back and back.keys().isdisjoint(others):
                    found.add((port, other))
                    [third] = back
                    reason = f"reports {self.end(other)}, which reports {self.end(third)} instead"
                    self.problem("conflict", port, reason)
        return found

    def segments(self, contradicted: set[tuple[int, int]]) -> dict[int, int]:
        """Port -> one port of its segment, for all ports that are on one."""
        live = {
            port: [other for other in others if (port, other) not in contradicted]
            for port, others in self.heard.items()
        }  # fmt: skip
        parent: dict[int, int] = {}

        def find(port: int) -> int:
            while parent.setdefault(port, port) != port:
                parent[port] = port = parent[parent[port]]
            return port

        for port, others in live.items():
            if len(others) > 1:
                for other in others:
                    parent[find(other)] = find(port)
        alone = [(port, others[0]) for port, others in live.items() if len(others) == 1]
        for port, other in [each for each in alone if each[1] in parent]:
            parent[find(port)] = find(other)
        return {port: find(port) for port in list(parent)}

    def one_sided(self, other: int, rows: Iterable[int], contradicted: bool) -> LinkStatus:
        node = self.nodes[self.map.node[other]]
        if contradicted:
            return LinkStatus.CONFLICT
        if not node.collected:
            return LinkStatus.EXTERNAL
        protocols = {str(self.rows[at].row.protocol) for at in rows}
        return LinkStatus.UNJUDGED if protocols.isdisjoint(node.protocols) else LinkStatus.ONE_WAY

    def links(self, contradicted: set[tuple[int, int]], segment_of: Mapping[int, int]) -> list[Link]:
        links = []
        end_of = [self.end(port) for port in range(len(self.map.node))]
        order = [self.sorting.end(end) for end in end_of]
        for port, others in self.heard.items():
            for other, rows in others.items():
                back = port in self.heard.get(other, ())
                if back and (order[other], other) < (order[port], port):
                    continue  # told when it was the other's turn, or will be
                if port in segment_of and segment_of[port] == segment_of.get(other):
                    continue
                status = LinkStatus.BOTH
                if not back:
                    status = self.one_sided(other, rows, (port, other) in contradicted)
                observations = self.observations(((port, other), (other, port)) if back else ((port, other),))
                lags = (self.lags[port], self.lags[other])
                links.append(Link(end_of[port], end_of[other], status, observations, aggregate=lags))
        return links

    def as_segments(self, segment_of: Mapping[int, int]) -> tuple[Segment, ...]:
        members: dict[int, list[int]] = defaultdict(list)
        for port, root in segment_of.items():
            members[root].append(port)
        made = []
        for ports in members.values():
            ports.sort(key=lambda port: self.sorting.end(self.end(port)))
            on_it = set(ports)
            pairs = [(port, other) for port in ports for other in self.heard.get(port, ()) if other in on_it]
            pairs.sort(key=lambda pair: (self.sorting.end(self.end(pair[0])), self.sorting.end(self.end(pair[1]))))
            made.append((tuple(self.end(port) for port in ports), self.observations(pairs)))
        made.sort(key=lambda each: self.sorting.end(each[0][0]))
        taken = {node.name for node in self.nodes}
        names = (name for number in count(1) if (name := f"segment {number}") not in taken)
        return tuple(Segment(name, *each) for name, each in zip(names, made, strict=False))

    def claimed_twice(self, links: Iterable[Link]) -> None:
        """Two ports that both report one port of a device that cannot be asked."""
        claims: dict[Endpoint, list[Link]] = defaultdict(list)
        for link in links:
            if link.status is LinkStatus.EXTERNAL and link.b.interface is not None:
                claims[link.b].append(link)
        for end, some in claims.items():
            for link in some[1:]:
                reason = f"reports {end}, and so does {some[0].a}"
                self.problems.append(TopologyProblem("conflict", link.a.device, link.a.interface, reason))


def connect(
    rows: Sequence[Report],
    far_node: Sequence[int],
    node_of_device: Sequence[int],
    device_of_node: Sequence[int],
    nodes: Sequence[Node],
    ports: Ports,
    ignore: Callable[[str, str], bool],
    shared: Shared,
) -> Connected:
    """Make links and segments.

    Parameters
    ----------
    rows : sequence of Report, shape (n,)
    far_node : sequence of int, shape (n,)
        The node that each row is about.
    node_of_device, device_of_node : sequences of int
        -1 for a node that was not collected.
    nodes : sequence of Node
    ports : Ports
    ignore : callable
        (device, interface) -> whether reports about that port do not count.
    shared : {"segment", "drop", "links"}
    """
    names = [node.name for node in nodes]
    used = []
    for at, report in enumerate(rows):
        row = report.row
        far = names[far_node[at]]
        texts = {row.port_id, row.remote_interface} - {None, ""}
        local = row.local_interface and ignore(names[node_of_device[report.device]], row.local_interface)
        if not local and not any(ignore(far, text) for text in texts if text):
            used.append(at)
    map_ = PortMap(rows, used, far_node, node_of_device, device_of_node, ports)
    lags = [ports.aggregate(key, device_of_node[node]) for key, node in zip(map_.key, map_.node, strict=True)]
    making = _Connecting(rows, nodes, map_, lags)
    making.drop_echoes()
    contradicted = making.contradicted()
    segment_of = {} if shared == "links" else making.segments(contradicted)
    links = numbered(making.links(contradicted, segment_of), making.sorting)
    making.claimed_twice(links)
    segments = making.as_segments(segment_of) if shared == "segment" else ()
    return Connected(links, segments, making.problems, len(rows) - len(used))
