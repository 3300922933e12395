"""The sFlow record model: one for the binary datagram and for sflowtool's text of it.

Datagram -> samples -> records -> fields, named as the sFlow documents name them. Everything is
frozen, slotted, hashable, and equal by value: the same datagram gives equal records on both routes.
Values are as sent: a counter that the agent does not know is the largest number of its type, a VLAN
that it does not know 0xFFFFFFFF (sFlow version 5, "Counters"); the tables of `Decoder.take_counters`
make nulls of them. By type of field:

=================  ==========================================================================
u8 u32 u64 i32     int
f32                float, to three decimals, which is what sflowtool prints
pct                float, in percent; None is unknown
ip4 ip6 addr       str, as everywhere in flowparse; None where the address type is unknown
mac uuid           str: "aa:bb:cc:dd:ee:ff", "01234567-89ab-cdef-0123-456789abcdef"
str                str, read as UTF-8; what is not shows with backslashes
opaque             bytes
u32[] i32[]        tuple of int; so are labels (MPLS label stack entries) and vlans (TPID, TCI)
aspath             tuple of (segment type, tuple of AS numbers); type 1 is a set, 2 a sequence
sfp_lane[] ...     tuple of Fields
pdus               tuple of tuples of Record
rtmetrics ...      tuple of (name, type, value); the type as sflowtool names it
=================  ==========================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..events import Event
from ..text import quoted

__all__ = ["CounterSample", "Datagram", "DiscardSample", "Fields", "FlowSample", "Port", "Record", "Sample"]

INTERNAL = 0x3FFFFFFF
"""The ifIndex of packets that come from or go to the agent itself (sFlow version 5, "Flow samples")."""


class Fields(Mapping[str, Any]):
    """Names and values in wire order: a Mapping that is frozen, hashable and compares as a dict does.

    Examples
    --------
    >>> Fields(("queue", "depth"), (3, 70)) == {"queue": 3, "depth": 70}
    True
    """

    __slots__ = ("_names", "_values")
    _names: tuple[str, ...]
    _values: tuple[Any, ...]

    def __init__(self, names: tuple[str, ...] = (), values: tuple[Any, ...] = ()) -> None:
        """`names` may go on after the last value: a structure sent in a shorter form has fewer."""
        object.__setattr__(self, "_names", names if len(names) == len(values) else names[: len(values)])
        object.__setattr__(self, "_values", values)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"Fields are frozen; {name!r} is not set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"Fields are frozen; {name!r} is not deleted")

    def __getitem__(self, name: str) -> Any:
        try:
            return self._values[self._names.index(name)]
        except ValueError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(zip(self._names, self._values, strict=True)))

    def __reduce__(self) -> tuple[Any, ...]:
        return Fields, (self._names, self._values)

    def __repr__(self) -> str:
        inside = ", ".join(f"{name!r}: {quoted(value)}" for name, value in self.items())
        return f"{{{inside}}}"


NO_FIELDS = Fields()


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a sampled packet (sFlow version 5, "Flow samples").

    Attributes
    ----------
    format : int
        0: `value` is an ifIndex (0 unknown, 0x3FFFFFFF the agent itself); 1: the reason for which
        the packet was discarded; 2: the number of ports it went to (0: more than one, unknown).
    value : int

    Examples
    --------
    >>> print(Port(0, 3), Port(1, 258), Port(2, 5), Port(3, 1), sep=", ")
    3, dropCode 258, multiple 5, format==3 1
    """

    format: int
    value: int

    def __str__(self) -> str:
        """As sflowtool prints it."""
        if self.format == 0:
            return f"{self.value}"
        if self.format == 1:
            return f"dropCode {self.value}"
        if self.format == 2:
            return f"multiple {self.value}"
        return f"format=={self.format} {self.value}"

    @property
    def if_index(self) -> int | None:
        """The ifIndex, or None: unknown, the agent itself, or not one port."""
        return self.value if self.format == 0 and self.value not in {0, INTERNAL} else None


@dataclass(frozen=True, slots=True)
class Record:
    """One structure of a sample, or a sample of a kind without a class of its own.

    Attributes
    ----------
    enterprise, format : int
    name : str
        As the structure's document calls it; "enterprise:format" when nothing is known of it.
    fields : Mapping of str to int, float, str, bytes, tuple or None
        In wire order. A structure that came in an older, shorter form has its first fields only.
    data : bytes
        What `fields` does not cover: all of an unknown structure, the end of one that has grown.
    """

    enterprise: int
    format: int
    name: str
    fields: Fields = NO_FIELDS
    data: bytes = b""

    def __repr__(self) -> str:
        tail = f", data={quoted(self.data)}" if self.data else ""
        return f"Record({self.enterprise}:{self.format} {self.name} {self.fields!r}{tail})"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowSample:
    """A packet that was sampled.

    Attributes
    ----------
    sequence : int
        Counts the flow samples of this data source.
    source_class, source_index : int
        The data source: class 0 is an ifIndex, 1 a VLAN, 2 an entPhysicalEntry.
    sampling_rate, sample_pool, drops : int
        One in `sampling_rate` packets; packets that could have been sampled; samples that the agent
        had no room for.
    input, output : Port
    records : tuple of Record
    expanded : bool
        Whether the agent sent the form for large ifIndex values (sample format 3).
    """

    sequence: int
    source_class: int
    source_index: int
    sampling_rate: int
    sample_pool: int
    drops: int
    input: Port
    output: Port
    records: tuple[Record, ...] = ()
    expanded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterSample:
    """Counters of a data source, as they stood when sent.

    Attributes
    ----------
    sequence : int
        Counts the counter samples of this data source.
    source_class, source_index : int
        As in `FlowSample`.
    records : tuple of Record
    expanded : bool
        Whether the agent sent the form for large ifIndex values (sample format 4).
    interval_s : int or None
        Seconds between samples; only sFlow versions 2 and 4 send it.
    """

    sequence: int
    source_class: int
    source_index: int
    records: tuple[Record, ...] = ()
    expanded: bool = False
    interval_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscardSample:
    """A packet that was dropped (sFlow drop notifications, sample format 5).

    Attributes
    ----------
    sequence : int
        Counts the discard samples of this data source.
    source_class, source_index : int
        As in `FlowSample`.
    drops : int
        Notifications that the agent could not send.
    input, output : Port
        Always of format 0.
    reason : int
        Why; `registry.names("sflow_drop_reason")` names it.
    records : tuple of Record
    """

    sequence: int
    source_class: int
    source_index: int
    drops: int
    input: Port
    output: Port
    reason: int
    records: tuple[Record, ...] = ()


Sample = FlowSample | CounterSample | DiscardSample | Record
"""A Record: sFlow-RT's metrics and flows (4300:1002, 4300:1003), and samples of an unknown format."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Datagram:
    """One sFlow datagram.

    Attributes
    ----------
    version : int
        2, 4 or 5.
    agent : str or None
        The agent's address; None when it has the type "unknown".
    sub_agent_id : int or None
        Versions 2 and 4 have none.
    sequence : int or None
        Counts the datagrams of this sub-agent.
    uptime_ms : int or None
        Milliseconds since the agent restarted, modulo 2**32.
    samples : tuple of FlowSample, CounterSample, DiscardSample or Record
    notices : tuple of Event
        What was not as it should be. Not compared.
    source : str or None
        Who sent the datagram, where that was said. Not compared.
    """

    version: int
    agent: str | None
    sub_agent_id: int | None
    sequence: int | None
    uptime_ms: int | None
    samples: tuple[Sample, ...] = ()
    notices: tuple[Event, ...] = field(default=(), compare=False)
    source: str | None = field(default=None, compare=False)
