"""Neighbor tables to a topology: who is who (`identity`, `reciprocity`), which port is which (`ports`), links and
segments (`links`), what changed (`compare`, `diff`), and drawings (`picture`, then `dot` or `layout` and `svg`)."""

from .compare import Membership
from .diff import PlanCheck, TopologyDiff
from .model import (
    Endpoint,
    Evidence,
    Link,
    LinkStatus,
    Node,
    NodeState,
    Observation,
    Segment,
    TopologyProblem,
)
from .topology import Topology

__all__ = [
    "Endpoint",
    "Evidence",
    "Link",
    "LinkStatus",
    "Membership",
    "Node",
    "NodeState",
    "Observation",
    "PlanCheck",
    "Segment",
    "Topology",
    "TopologyDiff",
    "TopologyProblem",
]
