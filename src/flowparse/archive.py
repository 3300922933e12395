"""Archives: captures, IPFIX files and datagrams from anywhere, decoded in flat memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ._capture import NO_FILE, Reader
from ._stream import begins_as_ipfix
from .batch import Batch
from .events import Event
from .restorer import Restorer
from .session import Exporter

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["ArchiveReader"]

LOST_PACKETS = {
    "fragments": "fragments",
    "snapped": "captured too short",
    "bad_packets": "with a header that lies",
    "unknown_link": "of an unknown link layer",
    "unknown_interface": "of an unknown interface",
}
FILE = b""
"""The identity of who sent the messages of a file: nobody is named."""


class ArchiveReader(Restorer):
    """A Restorer that reads archives."""

    def _take_any(self) -> list[Batch]:
        """The rows so far, in as many batches as the schema wants; none without rows."""
        raise NotImplementedError

    def feed_capture(self, capture: Buffer, *, ports: Iterable[int] | None = None) -> int:
        """Decode the UDP datagrams of a pcap or pcapng capture; exporters and times come from its packets.

        Parameters
        ----------
        capture : buffer of octets
        ports : iterable of int, optional
            Destination ports; None is all of them.

        Returns
        -------
        rows : int
            Flow rows that were added.

        Raises
        ------
        DecodeError
            The octets do not start a capture. Damage further on ends it with an event.
        """
        reader = Reader(capture, ports)
        rows, _ = self._feed_reader(reader)
        self._tell_of_capture(reader)
        return rows

    def batches(
        self, source: Buffer | Iterable[tuple[Buffer, Exporter, int | None]], *, rows: int = 1_000_000
    ) -> Iterator[Batch]:
        """Decode any archive in flat memory.

        Parameters
        ----------
        source : buffer, or iterable of (datagram, exporter, received_ns)
            The octets of a capture or of an IPFIX file (RFC 5655), or datagrams from anywhere.
        rows : int
            About how many rows a Batch has; it may have those of one datagram more.

        Yields
        ------
        batch : Batch
            In the decoder's schema; with NATIVE one for each layout.

        Notes
        -----
        A file is a transport session of its own, whatever `transport` says: its exporter is "", and
        its templates end with it (RFC 5655 section 5).
        """
        if rows < 1:
            raise ValueError(f"a batch has at least one row, not {rows}")
        try:
            memoryview(source)  # type: ignore[arg-type]
        except TypeError:
            if isinstance(source, str) or hasattr(source, "__fspath__"):
                raise TypeError(NO_FILE) from None
            return self._batches_of_datagrams(source, rows)  # type: ignore[arg-type]
        if begins_as_ipfix(source):  # type: ignore[arg-type]
            return self._batches_of_file(source, rows)  # type: ignore[arg-type]
        return self._batches_of_capture(Reader(source), rows)  # type: ignore[arg-type]

    def _batches_of_datagrams(
        self, source: Iterable[tuple[Buffer, Exporter, int | None]], rows: int
    ) -> Iterator[Batch]:
        for datagram, exporter, received_ns in source:
            self.feed(datagram, exporter, received_ns)
            if self.rows_waiting >= rows:
                yield from self._take_any()
        yield from self._take_any()

    def _batches_of_capture(self, reader: Reader, rows: int) -> Iterator[Batch]:
        ended = False
        while not ended:
            _, ended = self._feed_reader(reader, rows)
            if ended:
                self._tell_of_capture(reader)
            yield from self._take_any()

    def _batches_of_file(self, source: Buffer, rows: int) -> Iterator[Batch]:
        at, ended = 0, False
        try:
            while not ended:
                at, ended, version, length, held, needed = self._feed_messages(source, at, rows)
                if version is not None:
                    self._stream_broken(None, at, version, length)
                    self._stream_ended(None, at, 0, 0, held)
                elif held and ended:
                    self._stream_ended(None, at, held, needed, 0)
                yield from self._take_any()
        finally:
            self._end_session(FILE)

    def _tell_of_capture(self, reader: Reader) -> None:
        """Packets that were not whole datagrams, and what ended the capture before its time."""
        counts = {name: n for name, n in reader.counts().items() if n and name in LOST_PACKETS}
        if counts:
            what = ", ".join(f"{n} {LOST_PACKETS[name]}" for name, n in counts.items())
            self._tell(
                Event(
                    code="data_dropped",
                    severity="warning",
                    message=f"packets of the capture that held no whole datagram: {what}",
                    detail=counts,
                )
            )
        if reader.error is not None:
            self._tell(
                Event(code="stream_broken", severity="error", message=str(reader.error), offset=reader.error.offset)
            )
