"""Message: one datagram with everything that it held, each part built when it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import calcsize, unpack_from
from types import MappingProxyType

from ._columns import Sealed, Table
from .batch import Batch
from .events import Event, Note, address_text, event_of

__all__ = ["Message"]

VERSIONS = {1: "netflow1", 5: "netflow5", 7: "netflow7"}
# Version -> (struct format, names) of the header; "sampling" is a word of two mode bits and 14 of interval.
COMMON = ("version", "count", "sys_uptime_ms", "export_time_s", "export_time_ns")
HEADERS = {
    1: ("!HHIII", COMMON),
    5: ("!HHIIIIBBH", (*COMMON, "sequence", "engine_type", "engine_id", "sampling")),
    7: ("!HHIIII", (*COMMON, "sequence")),
}
Taken = list[tuple[Table, list[Sealed]]]


class Message:
    """One datagram and everything in it; what `Decoder.decode` returns.

    Attributes
    ----------
    version : str or None
        "netflow1", "netflow5" or "netflow7"; None where the octets are of no protocol.
    replayed : int
        Rows of earlier messages that this one's templates set free.
    """

    __slots__ = (
        "_batches",
        "_events",
        "_exporter",
        "_flows",
        "_header",
        "_notes",
        "_octets",
        "_taken",
        "replayed",
        "version",
    )

    def __init__(
        self, octets: bytes, exporter: bytes | None, notes: list[Note], taken: Taken,
        flows: Callable[[Taken], Batch], batches: Callable[[Taken], list[Batch]],
    ) -> None:  # fmt: skip
        number = int.from_bytes(octets[:2]) if len(octets) >= 2 else 0
        self.version = VERSIONS.get(number)
        self._exporter = exporter
        self.replayed = 0
        self._octets = octets
        self._notes = notes
        self._taken = taken
        self._flows: Callable[[Taken], Batch] | Batch = flows
        self._batches = batches
        self._header: Mapping[str, int] | None = None
        self._events: list[Event] | None = None

    @property
    def header(self) -> Mapping[str, int]:
        """The Message Header by name; empty where the octets are none. Keys depend on the version."""
        if self._header is None:
            self._header = MappingProxyType(_read_header(self._octets))
        return self._header

    @property
    def exporter(self) -> str | None:
        """Who sent it."""
        return address_text(self._exporter)

    @property
    def domain(self) -> int | None:
        """The observation domain; for NetFlow v5, engine type * 256 + engine id."""
        if not self.header:
            return None
        return self.header.get("engine_type", 0) << 8 | self.header.get("engine_id", 0)

    @property
    def flows(self) -> Batch:
        """The flow rows, in the decoder's schema.

        Raises
        ------
        TypeError
            The decoder's schema is NATIVE: see `tables`.
        """
        if not isinstance(self._flows, Batch):
            self._flows = self._flows(self._taken)
        return self._flows

    @property
    def tables(self) -> list[Batch]:
        """The flow rows, one Batch per layout."""
        return self._batches(self._taken)

    @property
    def events(self) -> list[Event]:
        """What happened while it was decoded."""
        if self._events is None:
            self._events = [event_of(note) for note in self._notes]
        return self._events

    def __repr__(self) -> str:
        rows = sum(len(part) for _, parts in self._taken for part in parts)
        return f"<Message {self.version} from {self.exporter}: {rows} rows, {len(self._notes)} events>"


def _read_header(octets: bytes) -> dict[str, int]:
    number = int.from_bytes(octets[:2]) if len(octets) >= 2 else 0
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
