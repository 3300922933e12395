"""Rows of `sflowtool -l` and `-L`: no datagrams, but columns of the flow view and of if_counters.

`-l` prints numbers with a sign, drops the format of a port, and writes 0 for what it does not know;
what is certain of that is undone here, and a value that says nothing is null. Versions before 5.02
let values of the sample before stand, which nobody can tell from the row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

from .. import registry
from .._convert import chunk_from_values, layout_of
from .._layout import Layout
from .._values import Chunk
from ..batch import Batch
from ..errors import FlowparseError
from ..events import Event
from ..limits import Limits
from ..schema import Schema
from ..session import identify
from ..sflow.structures import COUNTER, structures
from ..sflow.tables import described, table
from .notes import Noted

__all__ = ["RowReader"]

FLOW_FIELDS = (
    "agent", "inputPort", "outputPort", "srcMAC", "dstMAC", "ethernet_type", "in_vlan", "out_vlan", "srcIP", "dstIP",
    "IPProtocol", "IPTOS", "IPTTL", "src", "dst", "TCPFlags", "sampledPacketSize", "IPSize", "meanSkipCount",
)  # fmt: skip
"""`FLOW,` rows: keys of the text, and `src`, `dst`: ports, or type and code of ICMP."""
DISCARDED = "discarded_"
SFLOW, SAMPLE, DROP, IN_RECORD = 1, 1, 4, 2  # enums/flow_type, record_kind, sampling_source
TCP, PORTS, ICMP = 6, {6, 17}, {1, 58}
INTERNAL = 0x3FFFFFFF
NO_MAC = bytes(6)
CHUNK_ROWS = 8192
Row = dict[str, Any]
IF_COUNTERS = structures(COUNTER)[0, 1].names
"""`CNTR,` rows, behind the agent."""


class Unread(FlowparseError):
    """A value that its column cannot have."""


def _number(bits: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            value = int(text, 0 if text[:2] == "0x" else 10)
        except ValueError:
            raise Unread(text) from None
        if value < 0:
            value += 1 << 32  # printed with %d
        if not 0 <= value < 1 << bits:
            raise Unread(text)
        return value

    return read


def _tos(text: str) -> int | None:
    """An octet; where an agent sends more, nobody knows what it means."""
    value = _number(32)(text)
    return None if value > 255 else value


def _vlan(text: str) -> int | None:
    value = _number(32)(text)
    return value if 0 < value <= 4095 else None


def _port(text: str) -> int | None:
    """An ifIndex; a discard code, a number of ports and what else -L prints in words is none."""
    if " " in text:
        return None
    value = _number(32)(text)
    return None if value in (0, INTERNAL) else value


def _address(text: str) -> bytes | None:
    try:
        return None if text == "-" else identify(text)[0]
    except ValueError:
        raise Unread(text) from None


def _mac(text: str) -> bytes | None:
    try:
        octets = b"" if text == "-" else bytes.fromhex(text)
    except ValueError:
        raise Unread(text) from None
    if len(octets) not in (0, 6):
        raise Unread(text)
    return octets or None


def _seconds(text: str) -> int | None:
    value = _number(32)(text)
    return value * 1_000_000_000 if value else None


READERS: Mapping[str, Callable[[str], Any]] = {
    "address": _address,
    "mac": _mac,
    "port": _port,
    "vlan": _vlan,
    "tos": _tos,
    "seconds": _seconds,
    "rate": lambda text: _number(32)(text) or None,
    "u8": _number(8),
    "u16": _number(16),
    "u32": _number(32),
}


@cache
def _columns() -> dict[str, tuple[str, Callable[[str], Any]]]:
    """Key of the text -> (column of the flow view, how its value is read)."""
    return {
        key: (column, READERS[type]) for where, key, type, column in registry.rows("sflowtool.tsv") if where == "row"
    }


def _flow(cells: Sequence[str]) -> Row:
    """A row of `-l`."""
    columns = _columns()
    row: Row = {"record_kind": SAMPLE}
    ends = {}
    for key, cell in zip(FLOW_FIELDS, cells, strict=True):
        if key in columns:
            column, read = columns[key]
            row[column] = read(cell)
        elif key != "IPSize":
            ends[key] = _number(16)(cell)
    for column in ("etype", "bytes"):
        row[column] = row[column] or None
    if row["etype"] is None:  # no header: what a structure of addresses alone leaves open
        row["ip_ttl"] = row["ip_ttl"] or None
        for column in ("src_mac", "dst_mac"):
            row[column] = None if row[column] == NO_MAC else row[column]
    proto = row["proto"] if row["src_addr"] is not None else None
    if row["src_addr"] is None:
        row["proto"] = row["ip_tos"] = row["ip_ttl"] = None
    if proto != TCP:
        row["tcp_flags"] = None
    if proto in PORTS:
        row["src_port"], row["dst_port"] = ends["src"], ends["dst"]
    elif proto in ICMP and max(ends.values()) < 256:
        row["icmp_type"], row["icmp_code"] = ends["src"], ends["dst"]
    return row


class _Fields:
    """Rows of `-L`."""

    def __init__(self, fields: Iterable[str]) -> None:
        columns = _columns()
        self.plain = [field.removeprefix(DISCARDED) for field in fields]
        self.discarded = [field.startswith(DISCARDED) for field in fields]
        self.unknown = [field for field in self.plain if field not in columns and field != "sampleType"]
        self.columns = [columns.get(field) for field in self.plain]

    def read(self, cells: Sequence[str]) -> Row | None:
        """The row, or None where it is one of counters."""
        if len(cells) != len(self.plain):
            raise Unread(f"{len(cells)} cells")
        row: Row = {"record_kind": SAMPLE}
        for field, column, prefixed, cell in zip(self.plain, self.columns, self.discarded, cells, strict=True):
            discarded = prefixed
            if field == "sampleType":
                if cell in ("COUNTERSSAMPLE", "RTMETRIC", "RTFLOW"):
                    return None
                discarded = cell == "DISCARD"
            elif column is not None and cell and row.get(column[0]) is None:
                row[column[0]] = column[1](cell)
            if discarded and cell:
                row["record_kind"] = DROP
        return row


class _Columns:
    """Values column by column, sealed to a chunk every so many rows."""

    def __init__(self, name: str, layout: Layout) -> None:
        self.name, self.layout = name, layout
        self.width = sum(type.width + 1 for type in layout.types)
        self.values: dict[str, list[Any]] = {}
        self.rows = self.sealed_rows = 0
        self.chunks: list[Chunk] = []

    def add(self, row: Row) -> None:
        for name, value in row.items():
            if name in self.layout.index:
                column = self.values.get(name)
                if column is None:
                    column = self.values[name] = [None] * self.rows
                column.append(value)
        self.rows += 1
        if len(self.values) and any(len(column) < self.rows for column in self.values.values()):
            for column in self.values.values():
                if len(column) < self.rows:
                    column.append(None)
        if self.rows == CHUNK_ROWS:
            self.seal()

    def seal(self) -> None:
        if self.rows and self.values:
            self.chunks.append(chunk_from_values(self.layout, self.values))
            self.sealed_rows += self.rows
        self.values, self.rows = {}, 0

    @property
    def octets(self) -> int:
        return (self.sealed_rows + self.rows) * self.width

    def take(self) -> Batch:
        self.seal()
        chunks, self.chunks, self.sealed_rows = self.chunks, [], 0
        return Batch(self.name, self.layout, chunks)


def _counter_layout() -> Layout:
    """The columns of if_counters, as they are of any datagram."""
    of = next(each for each in described(False) if each.structure.name == "if_counters")
    return layout_of(
        [
            (str(name), type, unit, wire)
            for name, type, _, _, _, wire, unit in table(of, len(of.structure.fields)).columns
        ]
    )


class RowReader:
    """CSV of sflowtool in, cut anywhere; batches out.

    Parameters
    ----------
    fields : sequence of str or None
        What `-L` was given; None is `-l`.
    schema : Schema
    limits : Limits
    """

    def __init__(self, fields: Sequence[str] | None, schema: Schema, limits: Limits) -> None:
        self._limits = limits
        self._fields = None if fields is None else _Fields(fields)
        wanted = schema.columns(registry.Registry.default())
        self._flows = _Columns("flows", layout_of([(column.name, column.type, column.unit, None) for column in wanted]))
        self._counters = _Columns("if_counters", _counter_layout())
        self._rest = b""
        self._too_long = False
        self._line = 0
        self._notes: list[Noted] = []
        self._left_out = 0
        self._dropped = 0

    def feed(self, octets: bytes) -> int:
        """Take a piece; return how many rows it completed."""
        lines = octets.split(b"\n")
        lines[0] = self._rest + lines[0]
        self._rest = lines.pop()
        done = 0
        for line in lines:
            done += self._take(line)
        if len(self._rest) > self._limits.line_octets:
            self._rest = b""
            self._too_long = True
        return done

    def _take(self, line: bytes) -> int:
        self._line += 1
        if self._too_long or len(line) > self._limits.line_octets:
            self._too_long = False
            self._note("long_line", b"")
            return 0
        text = line.removesuffix(b"\r").decode("utf-8", "backslashreplace")
        if not text:
            return 0
        cells = text.split(",")
        try:
            if self._fields is not None:
                row = self._fields.read(cells)
                return 0 if row is None else self._add(self._flows, row)
            if cells[0] == "FLOW" and len(cells) == len(FLOW_FIELDS) + 1:
                return self._add(self._flows, _flow(cells[1:]))
            if cells[0] == "CNTR" and len(cells) == len(IF_COUNTERS) + 2:
                return self._counter(cells[1:])
        except Unread:
            pass
        self._note("row", line[:64])
        return 0

    def _add(self, columns: _Columns, row: Row) -> int:
        if columns.octets > self._limits.column_octets:
            self._dropped += 1
            return 0
        if columns is self._flows:
            row["type"] = SFLOW
            row["packets"] = 1
            if row.get("sampling_rate") is not None:
                row["sampling_source"] = IN_RECORD
        columns.add(row)
        return 1

    def _counter(self, cells: Sequence[str]) -> int:
        """A row of `-l`; one of zeros stands for a counters sample without if_counters, and is none."""
        values = [_number(64)(cell) for cell in cells[1:]]
        if not any(values):
            return 1
        return self._add(self._counters, {"agent": _address(cells[0]), **dict(zip(IF_COUNTERS, values, strict=True))})

    def _note(self, kind: str, octets: bytes) -> None:
        if len(self._notes) < self._limits.events:
            self._notes.append((kind, self._line, None, (0, 0, 0), octets))
        else:
            self._left_out += 1

    def close(self) -> None:
        """The text ends here."""
        rest, self._rest = self._rest, b""
        if rest or self._too_long:
            self._take(rest)

    def notes(self) -> tuple[list[Noted], int]:
        """What was noted since the last call, and how much was left out."""
        noted, self._notes = self._notes, []
        left_out, self._left_out = self._left_out, 0
        return noted, left_out

    def events(self) -> list[Event]:
        """Fields that have no column, once, and rows that were dropped since the last call."""
        told = []
        if self._fields is not None and self._fields.unknown:
            told.append(
                Event(
                    code="text_line_skipped",
                    severity="info",
                    message=f"fields without a column in the flow view: {', '.join(self._fields.unknown)}",
                    detail=MappingProxyType({"fields": tuple(self._fields.unknown)}),
                )
            )
            self._fields.unknown = []
        if self._dropped:
            told.append(
                Event(
                    code="output_dropped",
                    severity="error",
                    message=f"{self._dropped} records dropped: Limits.column_octets is met; take() more often",
                    detail=MappingProxyType({"records": self._dropped}),
                )
            )
            self._dropped = 0
        return told

    def take(self) -> Batch:
        """Hand over the flow samples."""
        return self._flows.take()

    def take_counters(self) -> list[Batch]:
        """Hand over the counters."""
        batch = self._counters.take()
        return [batch] if len(batch) else []
