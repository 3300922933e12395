"""Parser: sflowtool's text in, in any pieces; rows, counters, records, agents and events out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from functools import cached_property
from struct import unpack
from types import MappingProxyType
from typing import Any, get_args

from .._records import Maker
from .._textfeed import Assembler
from .._textjson import JsonAssembler
from ..agents import Agents
from ..batch import Batch
from ..decoder import Decoder
from ..events import Event
from ..limits import Limits
from ..schema import FLOW, Schema
from ..sflow.model import Datagram
from .datagrams import Block, maker, records_of
from .detect import Format, detect
from .keys import compiled
from .notes import Noted, event_of
from .rows import RowReader
from .waiting import RECORDS, ROWS, Waiting

__all__ = ["Parser", "Result", "parse"]

GREP_COLUMNS = 7
PIECE = 1 << 20
"""Octets of text that are read at once, so that a large chunk costs no more memory than small ones."""
HAND_OVER = 512
"""Datagrams that are taken from the kernel at once: each time costs as much as some of them."""


class Parser:
    """Text that sflowtool writes: the tagged lines, `-g`, `-l`, `-L`, `-j` and `-J`.

    The text is put together again to the datagrams it was printed from, and those are decoded as any
    other: rows, counter tables, records and statistics are the ones of the binary datagram. CSV rows
    (`-l`, `-L`) have too little for that and become rows only.

    Parameters
    ----------
    format : {"auto", "text", "grep", "line", "fields", "json"}
        "auto" goes by the first line that is of any format; `-L` cannot be told from others and
        needs its `fields`.
    fields : sequence of str
        What `-L` was given, in order.
    schema : Schema
        Columns of the rows.
    limits : Limits, optional

    Raises
    ------
    ValueError, TypeError
        An argument that means nothing.

    Notes
    -----
    Datagrams wait as octets until somebody asks. What is never read is not kept for ever: rows that
    waited through two calls of `datagrams` are dropped, and so are records that waited through two
    of `take`; the first time that this loses something is an event.

    Examples
    --------
    >>> parser = Parser()
    >>> parser.feed("startDatagram ==\\nagent 10.0.0.1\\nthis is no line of sflow")
    0
    >>> parser.close()
    >>> [event.code for event in parser.events()]
    ['text_line_skipped', 'text_torn', 'text_torn']
    """

    def __init__(
        self,
        *,
        format: Format | str = "auto",
        fields: Sequence[str] = (),
        schema: Schema = FLOW,
        limits: Limits | None = None,
    ) -> None:
        if format != "auto" and format not in get_args(Format):
            raise ValueError(f"format is 'auto', {', '.join(map(repr, get_args(Format)))}, not {format!r}")
        if isinstance(fields, str) or not all(isinstance(field, str) for field in fields):
            raise TypeError("fields are the names that sflowtool -L was given, a sequence of str")
        if format == "fields" and not fields:
            raise ValueError("format 'fields' needs the fields that sflowtool -L was given")
        if not isinstance(schema, Schema):
            raise TypeError(f"schema is a Schema, not {type(schema).__name__}")
        self._limits = limits or Limits()
        self._fields = tuple(fields)
        self._schema = schema
        self._decoder = Decoder(schema, limits=self._limits)
        self._agents = Agents(self._limits)
        self._make: Maker | None = None
        self._format: str = "fields" if fields and format == "auto" else format
        self._assembler: Assembler | None = None
        self._rows: RowReader | None = None
        self._head = b""
        self._head_line = 0
        self._blocks = Waiting(self._limits.column_octets)
        self._pending: dict[int, list[Event]] = {}
        self._events: deque[Event] = deque()
        self._events_dropped = 0
        self._closed = False
        if self._format != "auto":
            self._begin(self._format, strip_return=False)

    # ── in ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def feed(self, chunk: bytes | str) -> int:
        """Take a piece of text, cut anywhere; return the number of datagrams (or CSV rows) that it completed.

        Raises
        ------
        TypeError
            `chunk` is no text.
        ValueError
            The parser is closed.
        """
        octets = chunk.encode("utf-8", "surrogateescape") if isinstance(chunk, str) else chunk
        if not isinstance(octets, bytes | bytearray | memoryview):
            raise TypeError(f"a chunk is bytes or str, not {type(chunk).__name__}")
        if self._closed:
            raise ValueError("the parser is closed")
        return self._feed(bytes(octets))

    def _feed(self, octets: bytes) -> int:
        if self._assembler is None and self._rows is None:
            octets = self._detect(self._head + octets)
        done = 0
        for start in range(0, len(octets), PIECE):
            piece = octets if len(octets) <= PIECE else octets[start : start + PIECE]
            if self._rows is not None:
                done += self._rows.feed(piece)
                self._note(self._rows.notes())
            elif self._assembler is not None:
                before = self._assembler.complete
                self._assembler.feed(piece)
                done += self._assembler.complete - before
                if self._assembler.complete >= HAND_OVER and not self._assembler.undecided:
                    self._hand_over()
        return done

    def _detect(self, octets: bytes) -> bytes:
        """Find the format, and return what is to be read in it; lines before it are told of."""
        start = 0
        while True:
            end = octets.find(b"\n", start)
            line = octets[start:] if end < 0 else octets[start:end]
            # A line of JSON can be as long as a datagram, and its first octet says it.
            format = detect(line) if end >= 0 or self._closed or line.startswith(b"{") else None
            if format is not None:
                self._head = b""
                self._begin(format, strip_return=line.endswith(b"\r"))
                return octets[start:]
            if end < 0 and len(line) <= self._limits.line_octets and not self._closed:
                self._head = line
                return b""
            self._head_line += 1
            if line.strip():
                self._note([("outside", self._head_line, None, (0, 0, 0), line[:64])])
            if end < 0:
                self._head = b""
                return b""
            start = end + 1

    def _begin(self, format: str, *, strip_return: bool) -> None:
        if format in ("line", "fields"):
            self._rows = RowReader(self._fields if format == "fields" else None, self._schema, self._limits)
            return
        kind = JsonAssembler if format == "json" else Assembler
        self._assembler = kind(
            compiled(),
            line_octets=self._limits.line_octets,
            lines_per_datagram=self._limits.lines_per_datagram,
            samples_per_datagram=self._limits.samples_per_datagram,
            records_per_sample=self._limits.records_per_sample,
            notes=self._limits.events,
            notes_per_datagram=self._limits.events_per_message,
        )
        self._assembler.configure(columns=GREP_COLUMNS if format == "grep" else 0, strip_return=strip_return)

    def _hand_over(self) -> None:
        """Take what is complete from the kernel, and count it; the rows and the records are made when asked for."""
        if self._assembler is None:
            return
        self._note(self._assembler.notes())
        if len(self._pending) > 1 and not self._assembler.complete:
            newest = max(self._pending)  # the others were left out, and told of
            self._pending = {newest: self._pending[newest]}
        if not self._assembler.complete:
            return
        octets, offsets, lengths, received, sources, ordinals, lacks = self._assembler.take()
        notices: dict[int, list[Event]] = {}
        if self._pending:
            for i, ordinal in enumerate(unpack(f"{len(sources)}q", ordinals)):
                if ordinal in self._pending:
                    notices[i] = self._pending.pop(ordinal)
            last = unpack("q", ordinals[-8:])[0]
            self._pending = {ordinal: events for ordinal, events in self._pending.items() if ordinal > last}
        block = Block(octets, offsets, lengths, received, sources, lacks, notices)
        self._agents.table.hear_block(octets, offsets, lengths, received, sources)
        self._blocks.add(block)

    def _decode(self) -> None:
        """Let the decoder have the datagrams that it has not had, so that its events are told; `take` does so too."""
        self._hand_over()
        for block in self._blocks.read(ROWS):
            exporters: Any = [source or "" for source in block.sources]
            if all(each == exporters[0] for each in exporters):
                exporters = exporters[0]
            offsets, lengths = memoryview(block.offsets).cast("q"), memoryview(block.lengths).cast("i")
            times = memoryview(block.received).cast("q")
            if min(times) >= 0:
                self._decoder.feed_at(block.octets, offsets, lengths, exporters, times)
                continue
            for i, time in enumerate(times):
                exporter = exporters[i] if isinstance(exporters, list) else exporters
                one = slice(i, i + 1)
                self._decoder.feed_at(
                    block.octets, offsets[one], lengths[one], exporter, None if time < 0 else times[one]
                )

    def close(self) -> None:
        """The text ends here: a line or a datagram without an end is told of, and what is whole of it counts."""
        if self._closed:
            return
        self._closed = True
        if self._assembler is None and self._rows is None:
            self._feed(b"")
        if self._rows is not None:
            self._rows.close()
            self._note(self._rows.notes())
        elif self._assembler is not None:
            self._assembler.close()
            self._hand_over()

    # ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def take(self) -> Batch:
        """Hand over the flow samples so far, a row each, in the parser's schema."""
        if self._rows is not None:
            return self._rows.take()
        self._decode()
        return self._decoder.take()

    def take_counters(self) -> list[Batch]:
        """Hand over the counters so far, a Batch for each structure, such as "if_counters"."""
        if self._rows is not None:
            return self._rows.take_counters()
        self._decode()
        return self._decoder.take_counters()

    def datagrams(self) -> Iterator[Datagram]:
        """Hand over the datagrams so far as records, equal to those of the binary datagrams; CSV rows make none."""
        self._hand_over()
        if self._make is None:
            self._make = maker(self._limits)
        for block in self._blocks.read(RECORDS):
            yield from records_of(block, self._make, self._limits)

    def agents(self, now_ns: int) -> dict[str, dict[str, Any]]:
        """What is counted of each agent, under the 19 names of sFlow-RT's `/agents/json`.

        Parameters
        ----------
        now_ns : int
            Nanoseconds since 1970 UTC, for `firstSeen` and `lastSeen`, which are milliseconds ago.
        """
        self._hand_over()
        return self._agents.read(now_ns)

    def events(self) -> list[Event]:
        """What happened since the last call; `Limits.events` at most, and one that counts the rest."""
        self._hand_over()
        told = list(self._events)
        self._events.clear()
        of_decoder = self._decoder.events()
        # Its decoder counts agents too, later: what both have to say is told once.
        of_agents = [event for event in self._agents.events() if event not in of_decoder]
        told += of_decoder + of_agents + self._blocks.events()
        if self._rows is not None:
            told += self._rows.events()
        if self._events_dropped:
            told.append(
                Event(
                    code="limit_reached",
                    severity="warning",
                    message=f"{self._events_dropped} more events than the Limits allow were dropped",
                    detail=MappingProxyType({"dropped": self._events_dropped}),
                )
            )
            self._events_dropped = 0
        return told

    def _note(self, noted: tuple[list[Noted], int] | list[Noted]) -> None:
        notes, left_out = noted if isinstance(noted, tuple) else (noted, 0)
        self._events_dropped += left_out
        for note in notes:
            event = event_of(note)
            self._tell(event)
            if note[2] is not None:
                self._pending.setdefault(note[2], []).append(event)

    def _tell(self, event: Event) -> None:
        if len(self._events) < self._limits.events:
            self._events.append(event)
        else:
            self._events_dropped += 1


class Result:
    """A text that was parsed whole; what `parse` returns. Each part is made when it is read, and once."""

    def __init__(self, parser: Parser) -> None:
        self._parser = parser

    @cached_property
    def flows(self) -> Batch:
        """Flow samples, a row each."""
        return self._parser.take()

    @cached_property
    def counters(self) -> list[Batch]:
        """One Batch for each counter structure."""
        return self._parser.take_counters()

    @cached_property
    def datagrams(self) -> list[Datagram]:
        """Every datagram as records; none of CSV rows."""
        return list(self._parser.datagrams())

    @cached_property
    def events(self) -> list[Event]:
        """What happened, with what the decoder has to say of the rows."""
        self._parser._decode()
        return self._parser.events()

    def agents(self, now_ns: int) -> dict[str, dict[str, Any]]:
        """What is counted of each agent; see `Parser.agents`."""
        return self._parser.agents(now_ns)

    def __repr__(self) -> str:
        return (
            f"<Result: {len(self.datagrams)} datagrams, {len(self.flows)} flows,"
            f" {sum(map(len, self.counters))} counters, {len(self.events)} events>"
        )


def parse(text: bytes | str, **options: Any) -> Result:
    """Parse a whole text of sflowtool.

    Parameters
    ----------
    text : bytes or str
    **options
        As for `Parser`.

    Examples
    --------
    >>> row = "FLOW,10.0.0.1,3,4,-,-,0x0800,0,0,192.0.2.1,192.0.2.9,17,0x00,64,53,53,0x00,82,64,400"
    >>> parse(row).flows[0].bytes
    82
    """
    parser = Parser(**options)
    parser.feed(text)
    parser.close()
    return Result(parser)
