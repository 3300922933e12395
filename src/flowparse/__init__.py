"""flowparse: what network devices say about their traffic and their neighbors, as typed columns."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import capture, lldp
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
from .schema import FLOW, NATIVE, Schema
from .session import ExporterStats
from .topology import Topology

if TYPE_CHECKING:
    from . import lldp

__all__ = [
    "FLOW",
    "NATIVE",
    "Batch",
    "DecodeError",
    "Decoder",
    "Element",
    "EncodeError",
    "Event",
    "ExporterStats",
    "FlowparseError",
    "LimitExceeded",
    "Limits",
    "Malformed",
    "Message",
    "Registry",
    "RegistryError",
    "Schema",
    "StateError",
    "TextError",
    "Topology",
    "Truncated",
    "UnsupportedVersion",
    "capture",
    "element",
    "elements",
    "lldp",
]

LATER = ("lldp",)
"""Rooms that are imported when they are first named: who decodes flows does not pay for them."""


def __getattr__(name: str) -> Any:
    if name in LATER:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
