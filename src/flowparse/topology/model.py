"""What a topology is made of: nodes, links, shared segments, and why they are what they are.

Every record is frozen. Interface names are kept as the interface's own device writes them, where it
does; two spellings of one interface are compared by `lldp.interfaces.interface_key`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from ..text import visible

__all__ = [
    "Endpoint",
    "Evidence",
    "Link",
    "LinkStatus",
    "Node",
    "NodeState",
    "Observation",
    "Segment",
    "TopologyProblem",
]

SHOWN = 120  # characters of a name in messages


class LinkStatus(StrEnum):
    """What the two ends say about a link."""

    BOTH = "both"
    """Each end reports the other, or the link was stated by the caller."""
    ONE_WAY = "one_way"
    """The far device was collected, its table is complete, and it is silent about that port."""
    EXTERNAL = "external"
    """The far device was not collected: one report is all there can be."""
    CONFLICT = "conflict"
    """The far port reports somebody else."""
    UNJUDGED = "unjudged"
    """The far device is silent, but its table is not complete, or is of another protocol."""


class NodeState(StrEnum):
    """Where knowledge of a node comes from, and so whether its silence means something."""

    COMPLETE = "complete"
    """Its tables were given and every line of them is accounted for."""
    INCOMPLETE = "incomplete"
    """Its tables were given, and something in one of them may be missing."""
    EXTERNAL = "external"
    """Others report it; its own table was not given."""
    STATED = "stated"
    """The caller named it: `from_edges`, `from_dot`."""


class Endpoint(NamedTuple):
    """One end of a link: a node's name, and the interface, or None where nobody tells it."""

    device: str
    interface: str | None = None

    def __str__(self) -> str:
        device = visible(self.device, SHOWN)
        return device if self.interface is None else f"{device}:{visible(self.interface, SHOWN)}"


class Observation(NamedTuple):
    """One report, word by word: `device` heard `remote_name` on `interface`.

    Attributes
    ----------
    device : str
        The reporting node's name.
    interface : str
        As it wrote it; "" where its output does not tell.
    remote_name, remote_interface : str or None
        As the neighbor was called.
    protocol : str
        "LLDP", "CDP", ...
    """

    device: str
    interface: str
    remote_name: str | None = None
    remote_interface: str | None = None
    protocol: str = "LLDP"


class Evidence(NamedTuple):
    """Why a name belongs to a node.

    Attributes
    ----------
    name : str
        A reported name, a chassis id, or an address.
    rung : str
        "alias", "own name", "name", "case", "domain", "truncated", "chassis id", "port reciprocity" or
        "management address".
    detail : str
        For a person.
    """

    name: str
    rung: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A device.

    Attributes
    ----------
    name : str
        As the caller calls it where it was collected, or else as it calls itself, without its domain.
    state : NodeState
    names : tuple of str
        All that it was called, as written, sorted.
    evidence : tuple of Evidence
        Why these names are its own.
    chassis_ids, management_addresses : tuple of str
    kind : str or None
        "router", "switch", "phone", "ap", "host": what others hear it say of itself.
    platform : str or None
        Of its own tables, or CDP's Platform.
    protocols : tuple of str
        Protocols of which its tables are complete, so that its silence can be judged.
    """

    name: str
    state: NodeState
    names: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    chassis_ids: tuple[str, ...] = ()
    management_addresses: tuple[str, ...] = ()
    kind: str | None = None
    platform: str | None = None
    protocols: tuple[str, ...] = ()

    @property
    def collected(self) -> bool:
        """Whether its own table was given."""
        return self.state in (NodeState.COMPLETE, NodeState.INCOMPLETE)


@dataclass(frozen=True, slots=True)
class Link:
    """Two ports and what is between them.

    Attributes
    ----------
    a, b : Endpoint
        In natural order of device and interface; the reporting end is `a` where only one reports.
    status : LinkStatus
    observations : tuple of Observation
        Who said so: one or more of each reporting end; none where the link was stated undirected.
    parallel_index : int
        Which of the links between the same two nodes it is, from 0.
    aggregate : tuple of (str or None, str or None)
        The LAG that the port of `a`, and of `b`, is a member of.
    label : str or None
        What the caller wrote on it.
    """

    a: Endpoint
    b: Endpoint
    status: LinkStatus
    observations: tuple[Observation, ...] = ()
    parallel_index: int = 0
    aggregate: tuple[str | None, str | None] = (None, None)
    label: str | None = None

    @property
    def two_sided(self) -> bool:
        """Whether both ends stand for it."""
        return self.status is LinkStatus.BOTH

    def directions(self) -> tuple[tuple[str, str], ...]:
        """(reporter, other) for each end that reports, a's first; (a, b) where the link was stated."""
        a, b = self.a.device, self.b.device
        if not self.observations:
            return ((a, b),)
        if a == b:
            return ((a, b),)
        said = {each.device for each in self.observations}
        return tuple(pair for pair in ((a, b), (b, a)) if pair[0] in said)

    def __str__(self) -> str:
        return f"{self.a} {'--' if self.two_sided else '->'} {self.b}"


@dataclass(frozen=True, slots=True)
class Segment:
    """A shared medium: three or more ports that hear each other, such as a management network.

    Attributes
    ----------
    name : str
        "segment 1", ...
    members : tuple of Endpoint
        In natural order.
    observations : tuple of Observation
    """

    name: str
    members: tuple[Endpoint, ...]
    observations: tuple[Observation, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}: {', '.join(map(str, self.members))}"


@dataclass(frozen=True, slots=True)
class TopologyProblem:
    """What keeps a part of the topology from being trusted.

    Attributes
    ----------
    code : str
        "table" (of a neighbor table), "ambiguous_name", "ambiguous_id", "conflict", "self", "no_interface".
    device, interface : str or None
        Who reported it, and where.
    reason : str
        One sentence for a person.
    """

    code: str
    device: str | None
    interface: str | None
    reason: str

    def __str__(self) -> str:
        where = "" if self.device is None else f"{Endpoint(self.device, self.interface)}: "
        return f"{where}{visible(self.reason, 4 * SHOWN)}"
