"""flowparse: what network devices say about their traffic and their neighbors, as typed columns."""

from . import capture, encode
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
from .out import elastic, logstash, prefixes, report
from .out.prefixes import PrefixSet
from .registry import Element, Registry, element, elements
from .schema import FLOW, NATIVE, Schema
from .session import ExporterStats

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
    "PrefixSet",
    "Registry",
    "RegistryError",
    "Schema",
    "StateError",
    "TextError",
    "Truncated",
    "UnsupportedVersion",
    "capture",
    "elastic",
    "element",
    "elements",
    "encode",
    "logstash",
    "prefixes",
    "report",
]
