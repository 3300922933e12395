"""Reports: who talked most, with whom, when, and each flow as a line.

Over one Batch or an iterable of them, each read once. Rows are added up by `_table`; what is made here
is small. A result is a Batch of its own with a `note`, which says in words what the numbers cannot:
how many rows look like second sightings of a flow and who told them, what has no sampling rate, what
was left out.

A router that accounts for ingress and egress tells a flow twice, and so do two routers on its way.
`count` decides what becomes of that: "all" counts every row, "once" the first row of each flow, by
addresses, ports, protocol, start and end, "ingress" the rows that are not egress. Packet samples, and
rows whose times are those of the datagram, are never second sightings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal

from flowparse import _convert
from flowparse._addresses import text_of_address
from flowparse._keys import KeySet
from flowparse._pack import Octets
from flowparse._sightings import Sightings, ingress_rows
from flowparse._table import MEASURE_NAMES, Groups
from flowparse._values import Chunk, Row
from flowparse.batch import Batch
from flowparse.datatypes import COLUMN_TYPES, ColumnType
from flowparse.registry import names
from flowparse.schema import flow_columns
from flowparse.text import html, no_such, quoted, time_text

__all__ = ["Report", "conversations", "lines", "timeline", "top"]

Count = Literal["all", "once", "ingress"]
Flows = Batch | Iterable[Batch]

COUNTS = ("all", "once", "ingress")
MEASURES = MEASURE_NAMES[:5]
REQUIRED = ("src_addr", "dst_addr", "proto", "time_flow_start_ns", "time_flow_end_ns")
IDENTITY = (*REQUIRED, "src_port", "dst_port", "icmp_type", "icmp_code")
"""What makes a flow; the first five are not null in one that can be seen again."""

TIMES = ("time_flow_end_ns", "time_flow_start_ns", "time_received_ns")
"""When a row counts in a timeline: the first of these that is there."""

UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}
MOST = 2**64 - 1
CHUNK_ROWS = 1 << 20
NAMED_PAIRS = 5

SUM_COLUMNS: tuple[tuple[str, str, str | None], ...] = (
    ("rows", "u64", None),
    ("bytes", "u64", "octets"),
    ("packets", "u64", "packets"),
    ("bytes_estimated", "u64", "octets"),
    ("packets_estimated", "u64", "packets"),
    ("rows_without_rate", "u64", None),
    ("error_percent", "f64", "percent"),
)
"""What `Groups.sums_of` gives, in its order."""

WAY_COLUMNS = ("bytes", "packets", "bytes_estimated", "packets_estimated")


class Report(Batch):
    """A Batch that was added up from flows, and what to know about it.

    Second sightings that change no sum are looked for when `note` is first read; until then it keeps the
    flows, unless they came from an iterator, in which they are looked for at once.
    """

    __slots__ = ("_note",)

    _note: str | Callable[[], str]

    @property
    def note(self) -> str:
        """Second sightings, rows without a sampling rate, and what was left out."""
        if not isinstance(self._note, str):
            self._note = self._note()
        return self._note

    def _repr_html_(self) -> str:
        return f"{super()._repr_html_()}<p>{html(self.note, None)}</p>"

    def __repr__(self) -> str:
        return f"<Report {quoted(self.name)}: {len(self)} rows; {self.note}>"

    def __reduce__(self) -> tuple[Any, ...]:
        restore, arguments = super().__reduce__()
        return _restored, (restore, arguments, self.note)


def _restored(restore: Any, arguments: tuple[Any, ...], note: str) -> Report:
    batch = restore(*arguments)
    return _report(batch.name, batch.layout, batch.chunks, note)


def _report(name: str, layout: Any, chunks: Iterable[Chunk], note: str | Callable[[], str]) -> Report:
    report = Report(name, layout, chunks)
    report._note = note
    return report


# ── reading flows ────────────────────────────────────────────────────────────────────────────────────────────────────


def _batches(flows: Flows) -> Iterator[Batch]:
    for batch in [flows] if isinstance(flows, Batch) else flows:
        if not isinstance(batch, Batch):
            raise TypeError(f"flows are a Batch or an iterable of them, not of {type(batch).__name__}")
        yield batch


def _place(batch: Batch, name: str) -> int:
    place: int = batch.layout.index.get(name, -1)
    return place


def _wanted(batch: Batch, name: str) -> int:
    place = _place(batch, name)
    if place < 0:
        raise KeyError(no_such("column", name, batch.names))
    return place


def _type(batch: Batch | None, name: str) -> ColumnType:
    """The type of a column, also where there was no batch at all."""
    if batch is not None:
        found: ColumnType = batch.layout.types[_wanted(batch, name)]
        return found
    if name not in flow_columns():
        raise KeyError(f"no column {name!r}")
    return flow_columns()[name].type


class _Counting:
    """Which rows count, and the note that says so."""

    def __init__(self, count: Count) -> None:
        if count not in COUNTS:
            raise ValueError(f"count is one of {', '.join(COUNTS)}, not {count!r}")
        self.count = count
        self.rows = 0
        self.second = 0
        self.egress = 0
        self.undirected = 0
        self.missing: tuple[str, ...] = ()
        self.identity: tuple[str, ...] = ()
        self.sightings: Sightings | None = None
        self.unseen: list[Batch] | None = None

    def put_off(self, flows: Flows) -> None:
        """Look for second sightings when the note is read, if they change nothing and the flows will be there."""
        if self.count != "once" and isinstance(flows, (Batch, list, tuple)):
            self.unseen = []

    def begin(self, batch: Batch) -> None:
        """Look at the columns of the first batch."""
        self.missing = tuple(name for name in REQUIRED if _place(batch, name) < 0)
        if self.missing and self.count == "once":
            raise KeyError(f"flows cannot be counted once without {', '.join(self.missing)}")
        if self.missing:
            return
        self.identity = tuple(name for name in IDENTITY if _place(batch, name) >= 0)
        exporter = KeySet([COLUMN_TYPES["address"]]) if _place(batch, "sampler_address") >= 0 else None
        self.sightings = Sightings(KeySet([_type(batch, name) for name in self.identity]), exporter, len(batch))

    def check(self, batch: Batch) -> None:
        """Find out now what would be wrong when the rows are looked at, which may be later."""
        for name in self.identity:
            _wanted(batch, name)
        place = _place(batch, "sampler_address")
        if self.identity and place >= 0 and batch.layout.types[place].name != "address":
            raise TypeError(f"sampler_address is of type {batch.layout.types[place].name}, not address")

    def keep(self, batch: Batch, chunk: Chunk) -> bytes | None:
        """A flag for each row of the chunk; None where all count."""
        self.rows += len(chunk)
        flags = None if self.unseen is not None else self.look(batch, chunk)
        if self.count == "ingress":
            flags, egress, undirected = ingress_rows(chunk, _place(batch, "flow_direction"))
            self.egress += egress
            self.undirected += undirected
        return None if self.count == "all" else flags

    def look(self, batch: Batch, chunk: Chunk) -> bytes | None:
        """A flag for each row that is no second sighting; None where they cannot be told."""
        if self.sightings is None:
            return None
        flags, second = self.sightings.add(
            chunk,
            [_wanted(batch, name) for name in self.identity],
            [max(0, _place(batch, "sampler_address"))],
            _place(batch, "record_kind"),
            _place(batch, "time_source"),
        )
        self.second += second
        return flags

    def _tellers(self) -> str:
        assert self.sightings is not None
        told = sorted(self.sightings.told(), key=lambda pair: -pair[2])
        said = []
        for first, second, rows in told[:NAMED_PAIRS]:
            who = _exporter(second)
            said.append(f"{rows} by {who} itself" if first == second else f"{rows} by {who} after {_exporter(first)}")
        if len(told) > NAMED_PAIRS:
            said.append(f"{sum(rows for _, _, rows in told[NAMED_PAIRS:])} by others")
        return ", ".join(said)

    def notes(self) -> list[str]:
        for batch in self.unseen or ():
            for chunk in batch.chunks:
                self.look(batch, chunk)
        self.unseen = None
        said = []
        if self.count == "ingress":
            said.append(f"{self.egress} of {self.rows} rows are egress and left out")
            if self.undirected:
                said.append(f"{self.undirected} do not say a direction and count")
        if self.missing:
            said.append(f"second sightings cannot be told without {', '.join(self.missing)}")
        elif self.second:
            fate = {
                "all": ' and count; count="once" leaves them out',
                "once": " and are left out",
                "ingress": ", those left out among them",
            }[self.count]
            what = f"{self.second} of {self.rows} rows look like second sightings of a flow"
            said.append(f"{what} ({self._tellers()}){fate}")
        else:
            said.append(f"no second sightings of a flow in {self.rows} rows")
        return said


def _exporter(octets: bytes | None) -> str:
    return "an unknown exporter" if octets is None else text_of_address(octets)


class _Sums:
    """Flows read once into groups."""

    def __init__(self, by: Sequence[str], count: Count, every_ns: int = 0, pairs: bool = False) -> None:
        self.by = tuple(by)
        self.every_ns = every_ns
        self.pairs = pairs
        self.counting = _Counting(count)
        self.absent: set[str] = set()
        self.types: list[ColumnType] = []
        self.groups: Groups | None = None

    def begin(self, batch: Batch | None) -> Groups:
        self.types = [_type(batch, name) for name in self.by]
        types = [COLUMN_TYPES["time"], *self.types] if self.every_ns else self.types
        if batch is not None:
            self.counting.begin(batch)
            self.absent = {name for name in ("bytes", "packets") if _place(batch, name) < 0}
        self.groups = Groups(KeySet(types, self.every_ns), self.pairs)
        return self.groups

    def read(self, flows: Flows) -> Groups:
        groups = self.groups
        self.counting.put_off(flows)
        for batch in _batches(flows):
            groups = self.begin(batch) if groups is None else groups
            self.counting.check(batch)
            if self.counting.unseen is not None:
                self.counting.unseen.append(batch)
            places: list[int | tuple[int, ...]] = [_wanted(batch, name) for name in self.by]
            if self.every_ns:
                places.insert(0, tuple(place for name in TIMES if (place := _place(batch, name)) >= 0))
            octets, packets, rate = (_place(batch, name) for name in ("bytes", "packets", "sampling_rate"))
            for chunk in batch.chunks:
                groups.add(chunk, places, octets, packets, rate, self.counting.keep(batch, chunk))
        return self.begin(None) if groups is None else groups

    def columns(self, numbers: Sequence[int], way: int = -1) -> dict[str, Octets | None]:
        """The sums of groups by the column's name; null where the flows have no such column."""
        assert self.groups is not None
        found: dict[str, Octets | None] = dict(
            zip((name for name, _, _ in SUM_COLUMNS), self.groups.sums_of(numbers, way), strict=True)
        )
        for name in self.absent:
            found[name] = found[f"{name}_estimated"] = None
        return found

    def report(self, name: str, keys: Sequence[tuple[str, ColumnType]], numbers: Sequence[int]) -> Report:
        """The groups of these numbers, in this order."""
        assert self.groups is not None
        described: list[tuple[str, ColumnType | str, str | None, int | None]] = [
            (key, type, "ns" if type.name == "time" else None, None) for key, type in keys
        ]
        described += [(column, type, unit, None) for column, type, unit in SUM_COLUMNS]
        if self.pairs:
            unit_of = {column: unit for column, _, unit in SUM_COLUMNS}
            described += [(f"{each}_{way}", "u64", unit_of[each], None) for each in WAY_COLUMNS for way in ("ab", "ba")]
        layout = _convert.layout_of(described)
        chunks = []
        full = False
        for start in range(0, len(numbers), CHUNK_ROWS):
            some = numbers[start : start + CHUNK_ROWS]
            sums = self.columns(some)
            columns = [*self.groups.keys_of(some), *sums.values()]
            if self.pairs:
                ways = self.columns(some, 0), self.columns(some, 1)
                columns += [way[each] for each in WAY_COLUMNS for way in ways]
            chunks.append(_convert.chunk_from_octets(layout, len(some), columns))
            full = full or any(_reaches(sums[each], MOST) for each in WAY_COLUMNS)
        return _report(name, layout, chunks, self.note(full))

    def note(self, full: bool) -> str | Callable[[], str]:
        assert self.groups is not None
        said: list[str] = []
        rows, without = self.groups.rows()
        if without:
            who = f"all {rows}" if without == rows else f"{without} of {rows}"
            said.append(f"{who} rows that count have no sampling rate and are not scaled")
        if self.absent:
            said.append(f"the flows have no {' and no '.join(sorted(self.absent))}")
        if full:
            said.append(f"sums stop at {MOST}")
        counting = self.counting

        def note() -> str:
            return "; ".join([*counting.notes(), *said])

        return note if counting.unseen is not None else note()


def _numbers(column: Octets | None) -> memoryview:
    """The values of a u64 column."""
    return memoryview(b"" if column is None else column[2]).cast("Q")


def _reaches(column: Octets | None, value: int) -> bool:
    return column is not None and value.to_bytes(8) in column[2] and value in _numbers(column)


def _measure(name: str) -> int:
    if name not in MEASURES:
        raise ValueError(f"measure is one of {', '.join(MEASURES)}, not {name!r}")
    return MEASURES.index(name)


# ── reports ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def top(
    flows: Flows, by: str | Sequence[str] = "src_addr", measure: str = "bytes", n: int = 10, count: Count = "all"
) -> Report:
    """The groups of flows with most of something.

    Parameters
    ----------
    flows : Batch, or iterable of Batch
    by : str or sequence of str
        Columns whose values make a group; null is a value.
    measure : {"rows", "bytes", "packets", "bytes_estimated", "packets_estimated"}
    n : int
        How many groups, at most. Of equals the one that was seen first.
    count : {"all", "once", "ingress"}
        What counts; see the module.

    Returns
    -------
    Report
        A row for each group, most first: its key; `rows`; `bytes` and `packets` as sent;
        `bytes_estimated` and `packets_estimated`, each row times its sampling rate, if it has one;
        `rows_without_rate`; `error_percent`, 95 % confidence, null where no row has a rate. Sums stop
        at 2**64 - 1.

    Raises
    ------
    KeyError
        A column that the flows do not have.
    ValueError
        A measure or count that there is not.
    """
    by = (by,) if isinstance(by, str) else tuple(by)
    if not by:
        raise ValueError("by names one column or more")
    which = _measure(measure)
    sums = _Sums(by, count)
    groups = sums.read(flows)
    return sums.report(f"top {', '.join(by)}", list(zip(by, sums.types, strict=True)), groups.top(which, n))


def conversations(flows: Flows, n: int = 10, count: Count = "all") -> Report:
    """The pairs of addresses with most bytes between them.

    Parameters
    ----------
    flows : Batch, or iterable of Batch
    n : int
        How many pairs, at most.
    count : {"all", "once", "ingress"}

    Returns
    -------
    Report
        A row for each pair, most bytes first: `addr_a`, the lesser, and `addr_b`; the columns of `top`,
        of both directions together; then bytes, packets and their estimates from a to b (`_ab`) and
        from b to a (`_ba`).
    """
    sums = _Sums(("src_addr", "dst_addr"), count, pairs=True)
    groups = sums.read(flows)
    address = COLUMN_TYPES["address"]
    return sums.report("conversations", [("addr_a", address), ("addr_b", address)], groups.top(_measure("bytes"), n))


def timeline(
    flows: Flows, every: str = "1m", by: str | None = None, measure: str = "bytes", count: Count = "all"
) -> Report:
    """What went by in each interval of time.

    A flow counts where it ends, since all of it was seen by then; without an end where it starts, or
    where it was received.

    Parameters
    ----------
    flows : Batch, or iterable of Batch
    every : str
        The length of the intervals: a number and ns, us, ms, s, m, h or d, such as "5m". They begin at
        multiples of it since 1970.
    by : str, optional
        A column that divides each interval.
    measure : str
        Within an interval the groups with most of it come first; as in `top`.
    count : {"all", "once", "ingress"}

    Returns
    -------
    Report
        A row for each interval in which there is something, in order: `time`, its start; `by`; the
        columns of `top`. Rows without any time are last, with a null `time`.

    Raises
    ------
    KeyError, ValueError
        As `top` does, or an `every` that is no length of time.
    """
    which = _measure(measure)
    match = re.fullmatch(r"([0-9]{1,19}) ?([a-z]+)", every)
    every_ns = int(match[1]) * UNITS.get(match[2], 0) if match else 0
    if not 0 < every_ns < 2**62:
        raise ValueError(f"every is a number and one of {', '.join(UNITS)}, not {every!r}")
    sums = _Sums(() if by is None else (by,), count, every_ns)
    groups = sums.read(flows)
    numbers = range(len(groups))
    times = groups.keys_of(numbers)[0]
    starts = [None] * len(groups) if times is None else _times(times)
    most = _numbers(groups.sums_of(numbers)[which])
    order = sorted(numbers, key=lambda i: (starts[i] is None, starts[i] or 0, -most[i], i))
    keys = [("time", COLUMN_TYPES["time"]), *zip(sums.by, sums.types, strict=True)]
    return sums.report(f"every {every}" + (f" by {by}" if by else ""), keys, order)


def _times(column: Octets) -> list[int | None]:
    """The values of a column of times."""
    validity, _, data = column
    return [
        value if validity is None or validity[i >> 3] >> (i & 7) & 1 else None
        for i, value in enumerate(memoryview(data).cast("q"))
    ]


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────────────────────

TCP_LETTERS = "FSRP.UEW"
"""tcpdump's letters of the TCP flags, from the lowest bit."""


def lines(flows: Flows, form: Literal["netflow", "tcpdump"] = "netflow") -> Iterator[str]:
    """Each flow as a line of text.

    Parameters
    ----------
    flows : Batch, or iterable of Batch
    form : {"netflow", "tcpdump"}
        "netflow" numbers the rows and says who, to whom, how many packets and bytes; "tcpdump" says it
        in tcpdump's words, with the time (UTC) at which the flow starts. What is null is a question mark.

    Raises
    ------
    ValueError
        A form that there is not.
    """
    if form not in ("netflow", "tcpdump"):
        raise ValueError(f"form is netflow or tcpdump, not {form!r}")
    return _lines(flows, _netflow_line if form == "netflow" else _tcpdump_line)


def _lines(flows: Flows, line: Callable[[int, Row], str]) -> Iterator[str]:
    n = 0
    for batch in _batches(flows):
        for row in batch:
            yield line(n, row)
            n += 1


def _said(value: object) -> str:
    return "?" if value is None else str(value)


def _end(row: Row, side: str) -> str:
    address, port = _said(row.get(f"{side}_addr")), row.get(f"{side}_port")
    if port is None:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _netflow_line(n: int, row: Row) -> str:
    # "packts" is how the line has always been printed, and what scripts that read it expect.
    amount = f"{_said(row.get('packets'))} packts {_said(row.get('bytes'))} bytes"
    return f"{n} {_end(row, 'src')} -> {_end(row, 'dst')} {amount}"


def _what(row: Row) -> str:
    proto = row.get("proto")
    if proto == 6:
        flags = row.get("tcp_flags") or 0
        letters = "".join(letter for bit, letter in enumerate(TCP_LETTERS) if flags >> bit & 1)
        return f"Flags [{letters or 'none'}]"
    if proto in (1, 58):
        name = "ICMP" if proto == 1 else "ICMP6"
        return f"{name} type {_said(row.get('icmp_type'))} code {_said(row.get('icmp_code'))}"
    return "?" if proto is None else names("protocol").get(proto, f"proto {proto}")


def _tcpdump_line(n: int, row: Row) -> str:
    start = row.get("time_flow_start_ns")
    ends = []
    for side in ("src", "dst"):
        port = row.get(f"{side}_port")
        ends.append(_said(row.get(f"{side}_addr")) + ("" if port is None else f".{port}"))
    version = "IP6" if ":" in ends[0] else "IP"
    amount = f"packets {_said(row.get('packets'))}, length {_said(row.get('bytes'))}"
    return (
        f"{_said(start if start is None else time_text(start))} {version} {ends[0]} > {ends[1]}: {_what(row)}, {amount}"
    )
