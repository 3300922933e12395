"""flowparse: what network devices say about their traffic and their neighbors, as typed columns."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import capture
from ._values import Chunk, Column, Row
from .batch import Batch
from .decoder import Decoder
from .errors import (
    DecodeError,
    EncodeError,
    FlowparseError,
    LimitExceeded,
    Malformed,
    RegistryError,
    StateError,
    TextError,
    Truncated,
    UnsupportedVersion,
)
from .events import Event
from .limits import Limits
from .message import Message
from .registry import Element, Registry, element, elements
from .scan import scan_templates
from .schema import FLOW, NATIVE, Schema
from .session import ExporterStats
from .state import merge_states
from .template import FieldSpecifier, Template

if TYPE_CHECKING:
    from . import agents, encode, estimates, lldp, rates, reference, sflow, sflowtool
    from .explanation import Explanation, explain
    from .lldp import Lldpdu, Neighbor, NeighborTable, Problem
    from .out import elastic, engine, logstash, prefixes, report
    from .out.prefixes import PrefixSet
    from .redaction import redact
    from .topology import Topology

__all__ = [
    "FLOW",
    "NATIVE",
    "Batch",
    "Chunk",
    "Column",
    "DecodeError",
    "Decoder",
    "Element",
    "EncodeError",
    "Event",
    "Explanation",
    "ExporterStats",
    "FieldSpecifier",
    "FlowparseError",
    "LimitExceeded",
    "Limits",
    "Lldpdu",
    "Malformed",
    "Message",
    "Neighbor",
    "NeighborTable",
    "PrefixSet",
    "Problem",
    "Registry",
    "RegistryError",
    "Row",
    "Schema",
    "StateError",
    "Template",
    "TextError",
    "Topology",
    "Truncated",
    "UnsupportedVersion",
    "agents",
    "capture",
    "elastic",
    "element",
    "elements",
    "encode",
    "engine",
    "estimates",
    "explain",
    "lldp",
    "logstash",
    "merge_states",
    "prefixes",
    "rates",
    "redact",
    "reference",
    "report",
    "scan_templates",
    "sflow",
    "sflowtool",
]

LATER = {
    **dict.fromkeys(("Lldpdu", "Neighbor", "NeighborTable", "Problem"), "lldp"),
    "Topology": "topology",
    "Explanation": "explanation",
    "PrefixSet": "out.prefixes",
    "agents": "",
    "elastic": "out",
    "encode": "",
    "engine": "out",
    "estimates": "",
    "explain": "explanation",
    "lldp": "",
    "logstash": "out",
    "prefixes": "out",
    "rates": "",
    "redact": "redaction",
    "reference": "",
    "report": "out",
    "sflow": "",
    "sflowtool": "",
}
"""What is imported when it is first named, and from which room: who decodes flows does not pay for it."""


def __getattr__(name: str) -> Any:
    if name not in LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = import_module(f".{LATER[name] or name}", __name__)
    return getattr(found, name) if LATER[name] else found


def __dir__() -> list[str]:
    return sorted(__all__)
