"""From neighbor tables to the parts of a topology: who is who first, then which port is which, then links."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..lldp.interfaces import interface_key, is_management, natural
from ..lldp.records import NeighborTable
from ..text import visible
from .identity import Identities, short_name, without_serial
from .links import Connected, Shared, connect
from .model import SHOWN, Node, NodeState, TopologyProblem
from .ports import Ports
from .reciprocity import infer_names, settle
from .reports import Reports, read

__all__ = ["Built", "build", "ignoring"]

MANAGEMENT = "mgmt"
Ignore = Callable[[str, str], bool]


class Built:
    """The parts of a topology."""

    __slots__ = ("aliases", "ignored", "links", "nodes", "problems", "segments")

    def __init__(
        self, nodes: Iterable[Node], aliases: dict[str, str], connected: Connected, problems: list[TopologyProblem]
    ) -> None:
        self.nodes = {node.name: node for node in nodes}
        self.links = connected.links
        self.segments = connected.segments
        self.aliases = aliases
        self.ignored = connected.ignored
        order = {name: at for at, name in enumerate(self.nodes)}
        self.problems = sorted(
            {*problems, *connected.problems},
            key=lambda each: (order.get(each.device or "", -1), natural(each.interface or ""), each.code, each.reason),
        )


def ignoring(rule: Any) -> Ignore:
    """A predicate of (device, interface) from what `Topology.build` takes as `ignore`.

    Examples
    --------
    >>> ignored = ignoring({"mgmt", "Gi0/0"})
    >>> [ignored("r1", name) for name in ("GigabitEthernet0/0", "Ma1", "Gi0/1")]
    [True, True, False]
    """
    if rule is None:
        return lambda device, interface: False
    if callable(rule):
        return lambda device, interface: bool(rule(device, interface))
    names = {rule} if isinstance(rule, str) else set(rule)
    if not all(isinstance(name, str) for name in names):
        raise TypeError("ignore is 'mgmt', names of interfaces, a callable (device, interface) -> bool, or None")
    management = MANAGEMENT in names
    keys = {interface_key(name) for name in names - {MANAGEMENT}}
    known: dict[str, bool] = {}

    def ignored(device: str, interface: str) -> bool:
        found = known.get(interface)
        if found is None:
            found = (management and is_management(interface)) or interface_key(interface) in keys
            known[interface] = found
        return found

    return ignored


def build(
    tables: Iterable[NeighborTable],
    *,
    ignore: Any,
    aliases: Mapping[str, str],
    infer_aliases: bool,
    shared: Shared,
    strip_domain: bool,
) -> Built:
    """See `Topology.build`."""
    if shared not in ("segment", "drop", "links"):
        raise ValueError(f"shared is 'segment', 'drop' or 'links', not {shared!r:.40}")
    ignored = ignoring(ignore)
    targets = followed(aliases)
    reports = read(tables, targets)
    identities = Identities(reports.devices, reports.references, targets, strip_domain=strip_domain)
    ports = Ports(reports.devices, reports.keys)
    tables_of: list[set[int]] = [set() for _ in reports.references]
    for row in reports.rows:
        tables_of[row.reference].add(row.table)
    identities.by_chassis_id(tables_of, infer=infer_aliases)
    device_of_row: dict[int, int] = {}
    if infer_aliases:
        infer_names(reports.rows, identities, ports)
        identities.by_management_address()
        infer_names(reports.rows, identities, ports)
        device_of_row = settle(reports.rows, identities, ports)
    nodes = _Nodes(reports, identities, strip_domain, device_of_row)
    connected = connect(
        reports.rows, nodes.of_row, nodes.of_device, nodes.devices, nodes.made, ports, ignored, shared
    )  # fmt: skip
    problems = reports.problems + nodes.problems
    return Built(nodes.made, nodes.aliases(), connected, problems)


def followed(aliases: Mapping[str, str]) -> dict[str, str]:
    """Aliases with each target followed to its end.

    Raises
    ------
    ValueError
        A circle.
    """
    ends: dict[str, str] = {}
    for name in aliases:
        path = [name]
        while path[-1] in aliases and path[-1] not in ends:
            if aliases[path[-1]] in path:
                raise ValueError(f"aliases go in a circle: {' -> '.join(visible(each, SHOWN) for each in path)}")
            path.append(aliases[path[-1]])
        end = ends.get(path[-1], path[-1])
        ends |= dict.fromkeys(path[:-1], end)
    return ends


class _Nodes:
    """The nodes in natural order, and which one each row and device belongs to."""

    def __init__(
        self, reports: Reports, identities: Identities, strip_domain: bool, device_of_row: Mapping[int, int]
    ) -> None:
        self.reports = reports
        self.identities = identities
        self.problems: list[TopologyProblem] = []
        self.strip = short_name if strip_domain else without_serial
        classes = identities.classes
        find = classes.find
        root_of_row = [find(identities.of_reference[row.reference]) for row in reports.rows]
        for at, device in device_of_row.items():
            root_of_row[at] = find(device)
        self.names = identities.names_of_classes()
        self.ids = identities.ids_of_classes()
        roots = sorted({*root_of_row, *(find(number) for number in range(len(reports.devices)))})
        shared = Counter(
            short for root in roots for short in {self.strip(name).casefold() for name in self.names.get(root, ())}
        )
        self.ambiguous = {short for short, count in shared.items() if count > 1}
        named = self._unique(roots)
        ordered = sorted(named, key=lambda root: (natural(named[root]), named[root]))
        number = {root: at for at, root in enumerate(ordered)}
        self.of_row = [number[root] for root in root_of_row]
        self.of_device = [number[find(device)] for device in range(len(reports.devices))]
        self.devices = [classes.device(root) for root in ordered]
        self._ties(device_of_row)
        self.made = self._describe(ordered, named)

    # ── names ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _unique(self, roots: list[int]) -> dict[int, str]:
        """Root -> the name of its node; devices keep theirs, others get what is shortest and still their own."""
        identities = self.identities
        named = {}
        wanted: dict[str, list[int]] = defaultdict(list)
        preferred = {identities.classes.find(entity): name for entity, name in sorted(identities.preferred.items())}
        for root in roots:
            if (device := identities.classes.device(root)) >= 0:
                named[root] = identities.devices[device].name
            else:
                wanted[preferred.get(root) or self._external(root)].append(root)
        taken = set(named.values())
        for name, some in sorted(wanted.items()):
            some.sort(key=lambda root: (sorted(self.names.get(root, ())), self.ids.get(root, "")))
            count = 1
            for root in some:
                free = name
                while free in taken:
                    count += 1
                    free = f"{name} ({count})"
                taken.add(free)
                named[root] = free
        return named

    def _external(self, root: int) -> str:
        names = sorted(self.names.get(root, ()), key=lambda name: (len(name), name))
        if not names:
            return self.ids[root]
        whole = names[-1]
        short = self.strip(min(names, key=lambda name: (len(self.strip(name)), name)))
        return without_serial(whole) if short.casefold() in self.ambiguous else short

    def aliases(self) -> dict[str, str]:
        """Names that are not their node's name in short -> that name."""
        cut = self.identities.cut_names()
        found = {}
        for node in self.made:
            own = self.strip(node.name).casefold()
            root = self.root_of[node.name]
            given = self._given(root)
            for name in self.names.get(root, ()):
                if name in given and name != node.name:
                    found[name] = node.name
                    continue
                short = self.strip(name)
                if short.casefold() != own and name not in cut:
                    found[name if short.casefold() in self.ambiguous else short] = node.name
        return dict(sorted(found.items()))

    def _given(self, root: int) -> set[str]:
        device = self.identities.classes.device(root)
        return self.identities.devices[device].given_names if device >= 0 else set()

    # ── ties ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _ties(self, settled: Mapping[int, int]) -> None:
        """A problem for each place where a name or an id was heard that may be of several devices."""
        identities = self.identities
        find = identities.classes.find
        ties = {find(entity): why for entity, why in sorted(identities.ties.items())}
        seen = set()
        for at, row in enumerate(self.reports.rows) if ties else ():
            root = find(identities.of_reference[row.reference])
            why = ties.get(root)
            if why is None or at in settled or identities.classes.device(root) >= 0:
                continue
            device = self.reports.devices[row.device].name
            name = row.row.system_name
            place = (device, row.row.local_interface, name)
            if place not in seen:
                seen.add(place)
                what = visible(name or row.row.chassis_id or "a device without a name", SHOWN)
                code = "ambiguous_name" if name else "ambiguous_id"
                self.problems.append(TopologyProblem(code, device, row.row.local_interface or None, f"{what} {why}"))

    # ── what is known of each ───────────────────────────────────────────────────────────────────────────────────────

    def _describe(self, ordered: list[int], named: Mapping[int, str]) -> list[Node]:
        ids: list[set[str]] = [set() for _ in ordered]
        addresses: list[set[str]] = [set() for _ in ordered]
        kinds: list[Counter[str]] = [Counter() for _ in ordered]
        platforms: list[set[str]] = [set() for _ in ordered]
        for row, node in zip(self.reports.rows, self.of_row, strict=True):
            reference = self.reports.references[row.reference]
            if reference.chassis_id:
                ids[node].add(reference.chassis_id)
            addresses[node].update(reference.addresses)
            if row.row.platform:
                platforms[node].add(row.row.platform)
            if kind := row.row.kind:
                kinds[node][kind] += 1
        evidence: dict[int, list[Any]] = defaultdict(list)
        for entity, some in self.identities.classes.evidence.items():
            evidence[self.identities.classes.find(entity)] += some
        self.root_of = {named[root]: root for root in ordered}
        made = []
        for at, root in enumerate(ordered):
            number = self.devices[at]
            device = self.identities.devices[number] if number >= 0 else None
            state, platform = NodeState.EXTERNAL, min(platforms[at], default=None)
            protocols: tuple[str, ...] = ()
            if device is not None:
                ids[at] |= device.own_chassis_ids
                protocols = tuple(sorted(name for name, complete in device.protocols.items() if complete))
                state = NodeState.COMPLETE if all(device.protocols.values()) else NodeState.INCOMPLETE
                platform = device.platform or platform
            made.append(
                Node(
                    named[root],
                    state,
                    tuple(sorted(self.names.get(root, ()))),
                    tuple(sorted(set(evidence[root]))),
                    tuple(sorted(ids[at])),
                    tuple(sorted(addresses[at])),
                    min(kinds[at], key=lambda kind: (-kinds[at][kind], kind), default=None),
                    platform,
                    protocols,
                )
            )
        return made
