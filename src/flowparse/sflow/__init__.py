"""sFlow: datagrams as records (versions 2, 4 and 5), equal to what `sflowtool.parse` gives for the text of them."""

from .fast import decode
from .model import CounterSample, Datagram, DiscardSample, Fields, FlowSample, Port, Record, Sample

__all__ = ["CounterSample", "Datagram", "DiscardSample", "Fields", "FlowSample", "Port", "Record", "Sample", "decode"]
