"""Message: one datagram with everything that it held, each part built when it is read."""

from __future__ import annotations

from collections.abc import Mapping
from struct import calcsize, unpack_from
from types import MappingProxyType

from ._columns import Sealed, Table
from ._layout import Layout
from ._sets import templates_in
from .batch import Batch
from .events import Event, Note, address_text, event_of
from .registry import Registry
from .template import Template, fields_from

__all__ = ["FLOWS", "Message", "Taken", "batch_of", "batches_of", "joined", "tables_of"]

FLOWS = "flows"
"""The name of every table of flow rows."""

VERSIONS = {1: "netflow1", 5: "netflow5", 7: "netflow7", 9: "netflow9", 10: "ipfix"}
# Version -> (struct format, names) of the header; "sampling" is a word of two mode bits and 14 of interval.
COMMON = ("version", "count", "sys_uptime_ms", "export_time_s", "export_time_ns")
HEADERS = {
    1: ("!HHIII", COMMON),
    5: ("!HHIIIIBBH", (*COMMON, "sequence", "engine_type", "engine_id", "sampling")),
    7: ("!HHIIII", (*COMMON, "sequence")),
    9: ("!HHIIII", ("version", "count", "sys_uptime_ms", "export_time_s", "sequence", "domain")),
    10: ("!HHIII", ("version", "length", "export_time_s", "sequence", "domain")),
}
SFLOW_VERSIONS = {2: "sflow2", 4: "sflow4", 5: "sflow5"}
Taken = list[tuple[Table, list[Sealed]]]
Told = tuple[bytes, bytes | None, list[Note], Taken, Taken, int, bytes, Taken]
"""What `Feeder._feed_apart` returns: the header's octets, the exporter's address, notes, flow rows,
options rows, how many of the flow rows waited for a template, all octets if they have templates, and
rows of sFlow counters."""


class Message:
    """One datagram and everything in it; what `Decoder.decode` returns.

    Attributes
    ----------
    replayed : int
        Rows of earlier messages that this one's templates set free.
    """

    __slots__ = ("_elements", "_events", "_flows", "_header", "_layout", "_told", "replayed")

    replayed: int

    def __init__(self, told: Told, layout: Layout | None, elements: Registry) -> None:
        self.replayed = told[5]
        self._told = told
        self._layout = layout
        self._elements = elements
        self._flows: Batch | None = None
        self._events: list[Event] | None = None
        self._header: Mapping[str, int] | None = None

    @property
    def version(self) -> str | None:
        """ "netflow1", ..., "netflow9", "ipfix", "sflow2", "sflow4", "sflow5"; None: the octets are of no protocol."""
        octets = self._told[0]
        number = int.from_bytes(octets[:2]) if len(octets) >= 2 else 0
        return VERSIONS.get(number) or (SFLOW_VERSIONS.get(int.from_bytes(octets[:4])) if len(octets) >= 4 else None)

    @property
    def header(self) -> Mapping[str, int]:
        """The Message Header by name; empty where the octets are none. Keys depend on the version."""
        if self._header is None:
            self._header = MappingProxyType(_read_header(self._told[0]))
        return self._header

    @property
    def exporter(self) -> str | None:
        """Who sent it."""
        return address_text(self._told[1])

    @property
    def domain(self) -> int | None:
        """The observation domain; for NetFlow v5, engine type * 256 + engine id."""
        if not self.header:
            return None
        if "domain" in self.header:
            return self.header["domain"]
        return self.header.get("engine_type", 0) << 8 | self.header.get("engine_id", 0)

    @property
    def flows(self) -> Batch:
        """The flow rows, in the decoder's schema.

        Raises
        ------
        TypeError
            The decoder's schema is NATIVE: see `tables`.
        """
        if self._flows is None:
            if self._layout is None:
                raise TypeError("NATIVE has a table for each layout, not one schema: use .tables")
            self._flows = batch_of(self._layout, self._told[3])
        return self._flows

    @property
    def tables(self) -> list[Batch]:
        """The flow rows, one Batch per layout; of sFlow in NATIVE, one per structure."""
        return tables_of(self._told[3])

    @property
    def counters(self) -> list[Batch]:
        """The counters of an sFlow datagram, one Batch per structure."""
        return joined(self._told[7])

    @property
    def options(self) -> list[Batch]:
        """The options records, as sent, one Batch per layout."""
        return batches_of(self._told[4])

    @property
    def templates(self) -> list[Template]:
        """The templates that it defined or told again, in wire order."""
        return [
            Template(
                id,
                self.domain or 0,
                self.exporter,
                is_options,
                fields_from(octets, protocol, is_options, self._elements),
                least,
            )
            for id, protocol, is_options, octets, least in templates_in(self._told[6])
        ]

    @property
    def events(self) -> list[Event]:
        """What happened while it was decoded."""
        if self._events is None:
            self._events = [event_of(note) for note in self._told[2]]
        return self._events

    def __repr__(self) -> str:
        rows = sum(len(part) for _, parts in self._told[3] for part in parts)
        return f"<Message {self.version} from {self.exporter}: {rows} rows, {len(self._told[2])} events>"


def batch_of(layout: Layout, taken: Taken) -> Batch:
    """All rows in one Batch, of tables that agree with `layout`."""
    if len(taken) == 1:
        [(table, parts)] = taken
        return Batch("flows", table.layout, parts)
    return Batch("flows", layout, [part for _, parts in taken for part in parts])


def batches_of(taken: Taken) -> list[Batch]:
    """A Batch for each table that has rows."""
    return [Batch(table.name, table.layout, parts) for table, parts in taken if parts]


def joined(taken: Taken) -> list[Batch]:
    """A Batch for each structure that has rows, whatever forms of it came."""
    by_name: dict[str, list[tuple[Table, list[Sealed]]]] = {}
    for table, parts in taken:
        if parts:
            by_name.setdefault(table.name, []).append((table, parts))
    return [
        Batch(name, of[0][0].layout, [part for _, parts in of for part in parts])
        for name, of in sorted(by_name.items())
    ]


def tables_of(taken: Taken) -> list[Batch]:
    """A Batch for each layout of flow rows, and for each structure."""
    return batches_of([each for each in taken if each[0].name == FLOWS]) + joined(
        [each for each in taken if each[0].name != FLOWS]
    )


def _read_sflow_header(octets: bytes) -> dict[str, int]:
    """The numbers in the header of an sFlow datagram; the address of the agent is what its rows have."""
    if len(octets) < 8 or (version := int.from_bytes(octets[:4])) not in SFLOW_VERSIONS:
        return {}
    at = 8 + {1: 4, 2: 16}.get(int.from_bytes(octets[4:8]), 0)
    names = (*(("domain",) if version == 5 else ()), "sequence", "sys_uptime_ms", "count")
    if len(octets) < at + 4 * len(names):
        return {}
    return {"version": version} | dict(zip(names, unpack_from(f"!{len(names)}I", octets, at), strict=True))


def _read_header(octets: bytes) -> dict[str, int]:
    number = int.from_bytes(octets[:2]) if len(octets) >= 2 else 0
    if number == 0:
        return _read_sflow_header(octets)
    if number not in HEADERS:
        return {}
    format, names = HEADERS[number]
    if len(octets) < calcsize(format):
        return {}
    header = dict(zip(names, unpack_from(format, octets), strict=True))
    if "sampling" in header:
        word = header.pop("sampling")
        header |= {"sampling_mode": word >> 14, "sampling_interval": word & 0x3FFF}
    return header
