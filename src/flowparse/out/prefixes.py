"""Prefix lists: read from text, and matched against whole columns of addresses.

`parse_drop` reads what Spamhaus publishes, the older `drop.txt` with its comments and the NDJSON of
`drop_v4.json` and `drop_v6.json`, and keeps dates, copyright and terms; `parse` reads any list with a
prefix first in its lines. What cannot be read is a problem of the result, never an exception.

IPv4 and IPv6 never meet: ::/0 does not match 10.0.0.9, and ::ffff:192.0.2.0/120 is 192.0.2.0/24.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from types import MappingProxyType
from typing import Any, NamedTuple, overload

from flowparse import _convert
from flowparse._intervals import Intervals, pick_texts
from flowparse._pack import Octets
from flowparse._values import Column
from flowparse.batch import Batch
from flowparse.text import html, quoted

__all__ = ["Prefix", "PrefixSet", "Problem", "parse", "parse_drop"]

COMMENT = ("#", ";", "//")
MAPPED = 0xFFFF << 32  # ::ffff:0:0, below which are the IPv4 addresses
LAST4 = 2**32 - 1
LAST = 2**128 - 1
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
HEADER = re.compile(r"(Last-Modified|Expires): (.+)")
HTTP_DATE = re.compile(r"\w{3}, (\d\d) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII)
ENTRY = re.compile(r"([^\s,;#]+)[\s,;#]*(.*)")

Network = IPv4Network | IPv6Network


class Prefix(NamedTuple):
    """An entry of a list.

    Attributes
    ----------
    network : IPv4Network or IPv6Network
    list_id : str or None
        What the list calls it, such as "SBL256894".
    line : int
        Where it stands, from 1.
    rir : str or None
        The registry that assigned it, where the list says.
    """

    network: Network
    list_id: str | None
    line: int
    rir: str | None = None

    def __str__(self) -> str:
        return str(self.network)


class Problem(NamedTuple):
    """A line that is not what its format says."""

    line: int
    text: str
    reason: str


class PrefixSet(Sequence[Prefix]):
    """A list of prefixes, in its own order; immutable.

    Attributes
    ----------
    declared : int or None
        How many entries the list says that it has.
    problems : tuple of Problem
        Lines that could not be read, entries that stand twice, and a declared number that is wrong.
    metadata : mapping
        What the list says of itself: `last_modified`, `expires`, `timestamp`, `copyright`, `terms`, and
        its `comments`.
    """

    def __init__(
        self,
        entries: Iterable[Prefix],
        *,
        declared: int | None = None,
        problems: Iterable[Problem] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self._entries = tuple(entries)
        self.declared = declared
        self.problems = tuple(problems)
        self.metadata = MappingProxyType(dict(metadata or {}))

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, key: int) -> Prefix: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Prefix, ...]: ...
    def __getitem__(self, key: int | slice) -> Any:
        return self._entries[key]

    def __iter__(self) -> Iterator[Prefix]:
        return iter(self._entries)

    @property
    def modified_ns(self) -> int | None:
        """When the list was made, in nanoseconds since 1970, if it says."""
        timestamp = self.metadata.get("timestamp")
        if isinstance(timestamp, int) and 0 <= timestamp < 2**33:
            return timestamp * 1_000_000_000
        match = HTTP_DATE.fullmatch(str(self.metadata.get("last_modified", "")))
        if match is None or match[2] not in MONTHS:
            return None
        day, month, *rest = match.groups()
        year, hour, minute, second = map(int, rest)
        try:
            when = datetime(year, MONTHS.index(month) + 1, int(day), hour, minute, second, tzinfo=UTC)
        except ValueError:
            return None
        return round(when.timestamp()) * 1_000_000_000

    @cached_property
    def _intervals(self) -> Intervals:
        families: tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]] = ([], [])
        for number, entry in enumerate(self._entries):
            network = entry.network
            span = int(network.network_address), int(network.broadcast_address), number
            families[network.version == 6].append(span)
        four, six = _flat(families[0], LAST4), _flat(families[1], LAST)
        before = [each for each in six if each[0] < MAPPED]
        after = [each for each in six if each[0] > MAPPED + LAST4]
        starts = [*before, *((MAPPED + first, number) for first, number in four)]
        if not after or after[0][0] > MAPPED + LAST4 + 1:
            starts.append((MAPPED + LAST4 + 1, before[-1][1]))
        starts += after
        return Intervals(b"".join(first.to_bytes(16) for first, _ in starts), [number for _, number in starts])

    def _matched(self, column: Column) -> list[Octets]:
        if column.type != "address":
            raise TypeError(f"column {column.name} is of type {column.type}, not address")
        parts: tuple[Any, ...] = column.chunks  # each has the buffer protocol
        return [self._intervals.match(part, part.nulls() if part.null_count else None) for part in parts]

    def match(self, column: Column) -> Column:
        """The longest prefix that each address is in.

        Parameters
        ----------
        column : Column of type "address"

        Returns
        -------
        Column of type "i32", of the same length
            The entry's index in this list; null where no entry matches, or the address is null. Of two
            entries for one prefix it is the first.

        Raises
        ------
        TypeError
            The column is not of addresses.
        """
        layout = _convert.layout_of([(column.name, "i32", None, None)])
        rows = [len(part) for part in column.chunks]
        chunks = [
            _convert.chunk_from_octets(layout, n, [octets])
            for n, octets in zip(rows, self._matched(column), strict=True)
        ]
        return Column(layout, 0, tuple(chunks))

    def annotate(self, flows: Batch, *, columns: Sequence[str] = ("src_addr", "dst_addr")) -> Batch:
        """The flows, and for each column of addresses the entry that it is in.

        Parameters
        ----------
        flows : Batch
        columns : sequence of str

        Returns
        -------
        Batch
            Its columns, shared, then for each of `columns`, say src_addr: `src_addr_prefix`, the
            longest prefix as text, and `src_addr_list_id`, what the list calls it; null where none is.

        Raises
        ------
        KeyError, TypeError
            A column that there is not, or that is not of addresses.
        ValueError
            The flows have such a column already.
        """
        texts: list[list[bytes | None]] = [
            [str(entry.network).encode() for entry in self],
            [None if entry.list_id is None else entry.list_id.encode("utf-8", "backslashreplace") for entry in self],
        ]
        added = [(f"{name}_{what}", "utf8", None, None) for name in columns for what in ("prefix", "list_id")]
        for name, *_ in added:
            if name in flows.layout.index:
                raise ValueError(f"there is a column {name} already")
        own = _convert.columns_of(flows.layout)
        layout = _convert.layout_of([*own, *added])
        matched = [self._matched(flows[name]) for name in columns]
        chunks = []
        for i, chunk in enumerate(flows.chunks):
            made = [pick_texts(octets[i], some) for octets in matched for some in texts]
            chunks.append(_convert.extend_chunk(chunk, layout, [*range(len(own)), *made]))
        return Batch(flows.name, layout, chunks)

    def __repr__(self) -> str:
        return f"<PrefixSet: {len(self)} prefixes, {len(self.problems)} problems>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html(str(entry))}</td><td>{html(entry.list_id or '')}</td></tr>" for entry in self[:10]
        )
        return f"<table><caption>{html(repr(self))}</caption><tr><th>network</th><th>list_id</th></tr>{rows}</table>"


def _flat(spans: list[tuple[int, int, int]], last: int) -> list[tuple[int, int]]:
    """Cut spans (first, last, number) that nest into (first, number) that do not; -1 is no span."""
    starts = [(0, -1)]
    above: list[tuple[int, int, int]] = []

    def begin(first: int, number: int) -> None:
        if starts[-1][0] == first:
            starts.pop()
        starts.append((first, number))

    def close(before: int) -> None:
        while above and above[-1][1] < before:
            _, end, _ = above.pop()
            if end < last:
                begin(end + 1, above[-1][2] if above else -1)

    for span in sorted(spans, key=lambda span: (span[0], -span[1])):
        close(span[0])
        if not above or above[-1][:2] != span[:2]:
            above.append(span)
            begin(span[0], span[2])
    close(last + 1)
    return starts


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Reading:
    """A list that is being read."""

    def __init__(self) -> None:
        self.entries: list[Prefix] = []
        self.problems: list[Problem] = []
        self.lines_of: dict[Network, int] = {}
        self.comments: list[str] = []
        self.metadata: dict[str, Any] = {}
        self.declared: int | None = None
        self.declared_at = (0, "")

    def problem(self, line: int, text: str, reason: str) -> None:
        self.problems.append(Problem(line, text, reason))

    def add(self, line: int, text: str, cidr: object, list_id: object, rir: object = None) -> None:
        try:
            if not isinstance(cidr, str) or "%" in cidr:
                raise ValueError(f"{quoted(cidr)} is no prefix")
            network = ip_network(cidr, strict=False)
            if "/" in cidr and ip_address(cidr.partition("/")[0]) != network.network_address:
                self.problem(line, text, f"{cidr} has bits beyond its length, and is taken as {network}")
        except ValueError as error:
            self.problem(line, text, str(error))
            return
        if network.version == 6 and network.prefixlen >= 96 and int(network.network_address) >> 32 == 0xFFFF:
            network = IPv4Network((int(network.network_address) & LAST4, network.prefixlen - 96))
        if network in self.lines_of:
            self.problem(line, text, f"{network} is on line {self.lines_of[network]} already")
        self.lines_of.setdefault(network, line)
        said = (str(each) if each not in (None, "") else None for each in (list_id, rir))
        self.entries.append(Prefix(network, next(said), line, next(said)))

    def comment(self, text: str) -> None:
        self.comments.append(text)
        if match := HEADER.fullmatch(text):
            self.metadata[match[1].lower().replace("-", "_")] = match[2]

    def json_line(self, line: int, text: str) -> None:
        try:
            said = json.loads(text)
        except (ValueError, RecursionError) as error:
            self.problem(line, text, f"no JSON: {error}")
            return
        if not isinstance(said, dict):
            self.problem(line, text, "no JSON object")
        elif said.get("type") == "metadata":
            self.metadata |= {key: value for key, value in said.items() if key != "type"}
            records = said.get("records")
            if isinstance(records, int):
                self.declared, self.declared_at = records, (line, text)
        else:
            self.add(line, text, said.get("cidr"), said.get("sblid"), said.get("rir"))

    def line(self, line: int, text: str) -> None:
        text = text.strip()
        if not text:
            return
        if text.startswith(COMMENT):
            self.comment(text.lstrip("#;/ \t"))
        elif text.startswith("{"):
            self.json_line(line, text)
        elif match := ENTRY.fullmatch(text):
            self.add(line, text, match[1], match[2])
        else:
            self.problem(line, text, "no prefix")

    def finish(self) -> PrefixSet:
        if self.declared is not None and self.declared != len(self.entries):
            self.problem(*self.declared_at, f"{self.declared} records are declared, {len(self.entries)} were read")
        metadata = self.metadata | ({"comments": tuple(self.comments)} if self.comments else {})
        return PrefixSet(self.entries, declared=self.declared, problems=self.problems, metadata=metadata)


def parse(lines: Iterable[str] | str) -> PrefixSet:
    """A list of prefixes or addresses, one first in each line.

    Parameters
    ----------
    lines : iterable of str, or str
        What follows the prefix, behind blanks, a comma, semicolon or `#`, is its `list_id`. Lines that
        begin with `#`, `;` or `//` are comments. Lines of JSON are read as `parse_drop` reads them.

    Returns
    -------
    PrefixSet
        Its `problems` tell what could not be read.
    """
    reading = _Reading()
    for number, line in enumerate(lines.splitlines() if isinstance(lines, str) else lines, 1):
        reading.line(number, line)
    return reading.finish()


def parse_drop(text: bytes | str) -> PrefixSet:
    """Spamhaus's list, as `drop.txt` or as the NDJSON of `drop_v4.json` and `drop_v6.json`.

    Parameters
    ----------
    text : bytes or str
        Octets that are not UTF-8 become `\\xNN`.

    Returns
    -------
    PrefixSet
        `metadata` has the dates of `drop.txt`, or `timestamp`, `copyright` and `terms`, whose mention
        the list asks for; `declared` is the number of records that the NDJSON says, which is compared.
    """
    return parse(text.decode("utf-8-sig", "backslashreplace") if isinstance(text, bytes) else text)
