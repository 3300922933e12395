"""flowparse: what network devices say about their traffic and their neighbors, as typed columns."""

from . import capture, reference, sflow, sflowtool
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
from .explain import Explanation, explain
from .limits import Limits
from .message import Message
from .registry import Element, Registry, element, elements
from .schema import FLOW, NATIVE, Schema
from .session import ExporterStats
from .template import FieldSpecifier, Template

__all__ = [
    "FLOW",
    "NATIVE",
    "Batch",
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
    "Malformed",
    "Message",
    "Registry",
    "RegistryError",
    "Schema",
    "StateError",
    "Template",
    "TextError",
    "Truncated",
    "UnsupportedVersion",
    "capture",
    "element",
    "elements",
    "explain",
    "reference",
    "sflow",
    "sflowtool",
]
