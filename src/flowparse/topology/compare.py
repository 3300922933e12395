"""What changed between two topologies, and what cannot be told.

Links are the same if their ends are, whatever else is said of them; hold times and ages play no part.
A link that is gone is `removed` only if those who could see it were asked: each of its devices that was
collected before must be collected, completely and by the same protocol, again. Everything else is
`unknown`: a device that was not collected loses no links.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ..lldp.interfaces import InterfaceKey, interface_key
from ..text import visible
from .identity import fold, short_name
from .model import SHOWN, Endpoint, Link, LinkStatus, Node, NodeState, Segment

if TYPE_CHECKING:
    from .topology import Topology

__all__ = ["Changes", "Membership", "Unknown", "compare"]

End = tuple[str, InterfaceKey | None]


class Membership(NamedTuple):
    """A port on a shared segment."""

    segment: Segment
    member: Endpoint

    def __str__(self) -> str:
        others = [str(each) for each in self.segment.members if each != self.member]
        more = f", and {len(others) - 3} more" if len(others) > 3 else ""
        return f"{self.member} on the segment of {', '.join(others[:3])}{more}"


class Unknown(NamedTuple):
    """What cannot be judged, and why."""

    item: Link | Membership
    reason: str


class Changes(NamedTuple):
    """The result of `compare`; `same` are links of both, as (old, new), that are in no other list."""

    removed: tuple[Link, ...]
    added: tuple[Link, ...]
    moved: tuple[tuple[Link, Link], ...]
    became_one_way: tuple[Link, ...]
    recovered: tuple[Link, ...]
    left: tuple[Membership, ...]
    joined: tuple[Membership, ...]
    unknown: tuple[Unknown, ...]
    same: tuple[tuple[Link, Link], ...]
    names: Mapping[str, str]
    """Name of a node of the new topology -> its name in the old one."""


# ── which node is which ─────────────────────────────────────────────────────────────────────────────────────────────


def _index(topology: Topology, *, short: bool) -> dict[str, str | None]:
    """Every name of every node, folded -> the node; None where two nodes have it."""
    index: dict[str, str | None] = {}
    pairs = [(name, node.name) for node in topology.nodes.values() for name in (node.name, *node.names)]
    for name, node in [*pairs, *topology.aliases.items()]:
        key = fold(short_name(name) if short else name)
        index[key] = node if index.get(key, node) == node else None
    return index


def _same_nodes(old: Topology, new: Topology) -> dict[str, str]:
    """Name of a new node -> name of the old node that it is; a name of its own if it is none of them."""
    names = {name: name for name in new.nodes if name in old.nodes}
    known = _index(old, short=False)
    for node in new.nodes.values():
        if node.name not in names:
            found = {known.get(fold(each)) for each in (node.name, *node.names)} - {None}
            if len(found) == 1:
                names[node.name] = str(found.pop())
    claimed = set(names.values())
    loose = _index(old, short=True)
    claims: dict[str, list[str]] = defaultdict(list)
    for name in new.nodes:
        target = loose.get(fold(short_name(name)))
        if name not in names and target is not None and target not in claimed:
            claims[target].append(name)
    names |= {some[0]: target for target, some in claims.items() if len(some) == 1}
    return {name: names.get(name, name) for name in new.nodes}


# ── comparison ──────────────────────────────────────────────────────────────────────────────────────────────────────


class _Side:
    """One of the two topologies, its nodes under their common names."""

    def __init__(self, topology: Topology, names: Mapping[str, str], platforms: Mapping[str, str | None]) -> None:
        self.names = names
        self.platforms = platforms
        self.nodes: dict[str, Node] = {}
        for name, node in topology.nodes.items():
            here = self.nodes.get(names[name])
            if here is None or (node.collected and not here.collected):
                self.nodes[names[name]] = node
        self.segment_of: dict[End, int] = {}
        for at, segment in enumerate(topology.segments):
            self.segment_of |= {self.end(member): at for member in segment.members}
        self.linked = {self.end(end) for link in topology.links for end in (link.a, link.b)}

    def end(self, end: Endpoint) -> End:
        device = self.names[end.device]
        if end.interface is None:
            return device, None
        return device, interface_key(end.interface, self.platforms.get(device))

    def ends(self, link: Link) -> tuple[End, End]:
        return self.end(link.a), self.end(link.b)

    def tells(self, device: str, protocols: set[str]) -> bool:
        """Whether silence of a device about a port means that there is nothing."""
        node = self.nodes.get(device)
        if node is None or node.state is NodeState.EXTERNAL:
            return False
        if node.state is NodeState.STATED:
            return True
        return bool(protocols & set(node.protocols)) if protocols else node.state is NodeState.COMPLETE

    def why_not(self, device: str) -> str:
        node = self.nodes.get(device)
        shown = visible(device, SHOWN)
        if node is None or not node.collected:
            return f"{shown} was not collected"
        return f"the neighbor table of {shown} is not complete, or is of another protocol"


def _protocols(link: Link) -> set[str]:
    return {each.protocol for each in link.observations} - {""}


def compare(old: Topology, new: Topology) -> Changes:
    """See `Topology.diff`."""
    names = _same_nodes(old, new)
    platforms = {names[name]: node.platform for name, node in new.nodes.items()}
    platforms |= {name: node.platform for name, node in old.nodes.items() if node.platform}
    before = _Side(old, {name: name for name in old.nodes}, platforms)
    after = _Side(new, names, platforms)
    pairs, old_only, new_only = _match([(link, *before.ends(link)) for link in old.links],
                                       [(link, *after.ends(link)) for link in new.links])  # fmt: skip
    unknown: list[Unknown] = []
    same, one_way, recovered = [], [], []
    for was, now in pairs:
        change = _change(was, now, before, after)
        if change == "one_way":
            one_way.append(now)
        elif change == "recovered":
            recovered.append(now)
        elif change:
            unknown.append(Unknown(now, change))
        else:
            same.append((was, now))
    removed, added = [], []
    for link in old_only:
        ends = before.ends(link)
        if after.segment_of.get(ends[0], -1) == after.segment_of.get(ends[1], -2):
            continue  # `joined` tells it
        if reason := _unseen(link, ends, before, after):
            unknown.append(Unknown(link, reason))
        else:
            removed.append(link)
    for link in new_only:
        ends = after.ends(link)
        on_segment = before.segment_of.get(ends[0], -1) == before.segment_of.get(ends[1], -2)
        if on_segment or any(before.tells(end[0], _protocols(link)) or end[0] not in before.nodes for end in ends):
            added.append(link)
        else:
            unknown.append(Unknown(link, "; ".join(before.why_not(end[0]) for end in ends) + " before"))
    moved = _moved(removed, added, before, after)
    left, joined = _memberships(old, new, before, after, unknown)
    gone, come = {id(was) for was, _ in moved}, {id(now) for _, now in moved}
    return Changes(
        tuple(link for link in removed if id(link) not in gone),
        tuple(link for link in added if id(link) not in come),
        tuple(moved),
        tuple(one_way),
        tuple(recovered),
        tuple(left),
        tuple(joined),
        tuple(unknown),
        tuple(same),
        names,
    )


def _change(was: Link, now: Link, before: _Side, after: _Side) -> str:
    """What became of a link that both have: "", "one_way", "recovered", or why it cannot be told."""
    if now.two_sided:
        return "recovered" if was.status in (LinkStatus.ONE_WAY, LinkStatus.CONFLICT) else ""
    if not was.two_sided:
        return ""
    if now.status in (LinkStatus.ONE_WAY, LinkStatus.CONFLICT):
        return "one_way"
    device = after.names[now.b.device]  # the silent end
    if after.tells(device, _protocols(now)):
        return "one_way"
    node = before.nodes.get(device)
    return after.why_not(device) if node is not None and node.collected else ""


def _unseen(link: Link, ends: Iterable[End], before: _Side, after: _Side) -> str:
    """Why a link that is not in the new topology may still be there; "" if it is gone."""
    protocols = _protocols(link)
    devices = dict.fromkeys(device for device, _ in ends)
    missing = [
        device for device in devices if before.nodes[device].collected and not after.tells(device, protocols)
    ]  # fmt: skip
    if not missing and not any(after.tells(device, protocols) for device in devices):
        missing = list(devices)
    return "; ".join(map(after.why_not, missing))


def _moved(removed: list[Link], added: list[Link], before: _Side, after: _Side) -> list[tuple[Link, Link]]:
    """(old, new) of links that share one end: a cable that was put elsewhere."""
    by_end: dict[End, list[Link]] = defaultdict(list)
    for link in reversed(added):
        for end in after.ends(link):
            if end[1] is not None:
                by_end[end].append(link)
    taken: set[int] = set()
    moved = []
    for link in removed:
        for end in before.ends(link):
            some = by_end.get(end, [])
            while some and id(some[-1]) in taken:
                some.pop()
            if some and end[1] is not None:
                taken.add(id(some[-1]))
                moved.append((link, some.pop()))
                break
    return moved


def _memberships(
    old: Topology, new: Topology, before: _Side, after: _Side, unknown: list[Unknown]
) -> tuple[list[Membership], list[Membership]]:
    """Ports that left shared segments, and that joined some."""
    left, joined = [], []
    for segment in old.segments:
        protocols = {each.protocol for each in segment.observations} - {""}
        telling = {member.device for member in segment.members if after.tells(member.device, protocols)}
        for member in segment.members:
            end = before.end(member)
            if end in after.segment_of:
                continue
            collected = before.nodes[member.device].collected
            if end in after.linked or (member.device in telling if collected else telling):
                left.append(Membership(segment, member))
            else:
                unknown.append(Unknown(Membership(segment, member), after.why_not(member.device)))
    for segment in new.segments:
        for member in segment.members:
            if after.end(member) not in before.segment_of:
                joined.append(Membership(segment, member))
    return left, joined


Placed = tuple[Link, End, End]


class _Pool:
    """Links of the new topology that wait for a match, by whatever they can be found."""

    def __init__(self, links: Iterable[Placed]) -> None:
        self.links = list(links)
        self.by: dict[Any, list[int]] = defaultdict(list)
        self.taken = [False] * len(self.links)
        for at in range(len(self.links) - 1, -1, -1):
            for key in self.keys(self.links[at]):
                self.by[key].append(at)

    @staticmethod
    def keys(placed: Placed) -> Iterator[Any]:
        """From the most telling: both ends, one end with the other's name (twice), the two names."""
        _, a, b = placed
        pair = frozenset((a[0], b[0]))
        yield "both", frozenset((a, b))
        for end, other in ((a, b), (b, a)):
            if end[1] is not None:
                yield "one", pair, end
                if other[1] is None:
                    yield "only one", pair, end
        yield "pair", pair
        if a[1] is None and b[1] is None:
            yield "only pair", pair

    def take(self, key: Any) -> Link | None:
        some = self.by.get(key)
        while some:
            at = some.pop()
            if not self.taken[at]:
                self.taken[at] = True
                return self.links[at][0]
        return None


def _match(old: list[Placed], new: list[Placed]) -> tuple[list[tuple[Link, Link]], list[Link], list[Link]]:
    """Pairs of links that are one, and those of either side alone.

    Links with both interfaces first; then those of which one side lacks interfaces, as plans may.
    """
    pool = _Pool(new)
    pairs: list[tuple[Link, Link]] = []
    rounds = (
        lambda pair, a, b: [("both", frozenset((a, b)))],
        lambda pair, a, b: [
            ("only one" if other[1] is not None else "one", pair, end)
            for end, other in ((a, b), (b, a))
            if end[1] is not None
        ],
        lambda pair, a, b: [("pair" if a[1] is None and b[1] is None else "only pair", pair)],
    )
    for keys in rounds:
        rest = []
        for placed in old:
            link, a, b = placed
            found = None
            for key in keys(frozenset((a[0], b[0])), a, b):
                found = found or pool.take(key)
            if found is None:
                rest.append(placed)
            else:
                pairs.append((link, found))
        old = rest
    new_only = [placed[0] for placed, taken in zip(pool.links, pool.taken, strict=True) if not taken]
    return pairs, [placed[0] for placed in old], new_only
