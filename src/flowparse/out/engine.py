"""Arrow batches of datagrams in, Arrow batches of flows out: what Spark, Ray and consumers of Kafka want.

A `Stream` is one decoder behind a function over batches of pyarrow. Each flow has the columns of
the input row that brought it, as far as they are asked for, and each event says which row it is about,
so that what could not be decoded is found again. Who goes on elsewhere takes the state along.

pyarrow is imported when a Stream is made. Datagrams are fed one by one, so that it is known which of
them an event is about; where nobody asks, `Decoder.feed_arrow` is faster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from flowparse.batch import Batch
from flowparse.decoder import Decoder
from flowparse.events import Event
from flowparse.limits import Limits
from flowparse.scan import scan_templates
from flowparse.schema import FLOW, Native, Schema
from flowparse.session import identify

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Stream", "decode_batches", "scan_batches"]

INDEX = "message_index"
INPUT_ROW = "input_row"
ROWS_HELD = 1_000_000  # in the decoder, before they are taken
UNITS_NS = {"s": 10**9, "ms": 10**6, "us": 1000, "ns": 1}
EVENT = {
    "code": "string", "severity": "string", "exporter": "string", "domain": "int64", "offset": "int64",
    "clause": "string", "message": "string",
}  # fmt: skip

Row = tuple[bytes | None, Any, int | None]
"""(datagram, exporter, received_ns)"""


class Stream:
    """A decoder of one partition: batches of datagrams in, batches of flows out.

    Parameters
    ----------
    payload, exporter, received : str
        Columns of the input: the datagram (octets), who sent it (text, or 4 or 16 octets), and when
        (int64 in nanoseconds, or a timestamp). An input without the last has no times.
    keep : sequence of str
        Columns of the input that flows and events carry, such as partition and offset.
    schema : Schema
        Which columns of flows.
    profile : {"default", "spark"}
        "spark" has types that Spark's Arrow bridge takes.
    state : buffer of octets, optional
        What is known from the start: of `export_state`, `merge_states` or `scan_batches`.
    limits : Limits, optional

    Raises
    ------
    TypeError
        The schema is NATIVE, whose tables have no common columns.
    StateError, KeyError, ValueError
        An argument that means nothing, such as a column that would be there twice.
    ImportError
        There is no pyarrow.

    Notes
    -----
    One for each partition, and one thread at a time. All that an exporter sends belongs into one
    Stream, in order; or let each begin with the state of a scan.
    """

    def __init__(
        self,
        *,
        payload: str = "payload",
        exporter: str = "exporter",
        received: str = "time_received_ns",
        keep: Sequence[str] = (),
        schema: Schema | Native = FLOW,
        profile: Literal["default", "spark"] = "default",
        state: Buffer | None = None,
        limits: Limits | None = None,
    ) -> None:
        if isinstance(schema, Native):
            raise TypeError("a Stream has one schema; NATIVE has a table for each layout")
        if profile not in ("default", "spark"):
            raise ValueError(f"profile is 'default' or 'spark', not {profile!r}")
        if isinstance(keep, str):
            raise TypeError(f"keep is a sequence of names; for one column it is [{keep!r}]")
        names = [*keep, INPUT_ROW, *schema.names]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice or INDEX in keep:
            raise ValueError(f"a column would be there twice: {', '.join(twice) or INDEX}")
        self._pa = import_module("pyarrow")
        self._compute = import_module("pyarrow.compute")
        self._columns = payload, exporter, received
        self._keep = [*keep]
        self._profile = profile
        self._shows_index = INDEX in schema.names
        self._limits = limits or Limits()
        self._decoder = Decoder(schema.add(INDEX), limits=self._limits)
        if state is not None:
            self._decoder.import_state(state)
        self._n_rows = 0  # of all input
        self._early: Any = None  # inputs whose Sets wait: the kept columns, INPUT_ROW, INDEX
        self._told: list[Any] = []  # tables of events
        self._n_told = 0
        self._n_untold = 0

    def flows(self, batch: Any) -> Any:
        """Decode a batch of datagrams.

        Parameters
        ----------
        batch : pyarrow.RecordBatch or pyarrow.Table

        Returns
        -------
        flows : pyarrow.RecordBatch
            The kept columns, `input_row` (int64, counted from the first row of the Stream) and the columns
            of the schema; always the same types. Flows that waited for their template have the row
            that brought them, also where it came in an earlier batch.

        Raises
        ------
        KeyError
            The input has no such column.
        TypeError
            A column is of another type.

        Notes
        -----
        A row whose datagram or exporter is null, or whose exporter is no address, is an event.
        """
        pa = self._pa
        table = pa.table(batch) if not isinstance(batch, pa.Table) else batch
        kept = table.select(self._keep)
        taken: list[Batch] = []
        indexes: list[int | None] = []
        told: list[tuple[int | None, Event]] = []
        for row, given in enumerate(rows_of(pa, table, *self._columns)):
            indexes.append(self._feed(given, row, told))
            if self._decoder.rows_waiting >= ROWS_HELD:
                taken.append(self._decoder.take())
        taken.append(self._decoder.take())
        told += [(None, event) for event in self._decoder.events()]  # of agents, and of what was taken
        inputs = kept.append_column(INPUT_ROW, pa.array(range(self._n_rows, self._n_rows + len(table)), pa.int64()))
        self._tell(inputs, told)
        inputs = inputs.append_column(INDEX, pa.array(indexes, pa.int64()))
        self._n_rows += len(table)
        if self._early is not None:
            inputs = pa.concat_tables([self._early, inputs])
        made = self._joined(inputs, pa.concat_tables([self._table(each) for each in taken]))
        waiting = pa.array(self._decoder._messages_waiting(), pa.int64())
        self._early = inputs.filter(self._compute.is_in(inputs[INDEX], value_set=waiting)) if len(waiting) else None
        return one_batch(pa, made)

    def events(self) -> Any:
        """What happened since the last call: the dead-letter table.

        Returns
        -------
        events : pyarrow.RecordBatch
            The kept columns and `input_row` of the datagram that it is about, or null where it is about
            none; `code`, `severity`, `exporter`, `domain`, `offset`, `clause`, `message` of `Event`. A kept
            column that is named like one of these is `input_offset` and so on. What is of no consequence
            has the severity "info". `Limits.events` at most, and one that counts the rest.
        """
        pa = self._pa
        told, self._told = self._told, []
        if self._n_untold:
            message = f"{self._n_untold} more events than Limits.events were dropped"
            told.append(
                self._as_table(None, [(None, Event(code="limit_reached", severity="warning", message=message))])
            )
        self._n_told = self._n_untold = 0
        if not told:
            told = [self._as_table(None, [])]
        return one_batch(pa, pa.concat_tables(told, promote_options="default"))

    def options(self) -> list[Any]:
        """Options records since the last call, a `pyarrow.Table` for each layout."""
        return [self._table(each) for each in self._decoder.take_options()]

    def counters(self) -> list[Any]:
        """sFlow counters since the last call, a `pyarrow.Table` for each structure."""
        return [self._table(each) for each in self._decoder.take_counters()]

    def export_state(self) -> bytes:
        """What the decoder knows; see `Decoder.export_state`. Sets that wait are not in it."""
        return self._decoder.export_state()

    # ── one datagram ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _feed(self, given: Row, row: int, told: list[tuple[int | None, Event]]) -> int | None:
        """Decode a row, and return which message of the decoder it was; None where it was none."""
        payload, exporter, received_ns = given
        decoder = self._decoder
        index = None
        if payload is None or exporter is None:
            what = "datagram" if payload is None else "exporter"
            told.append((row, Event(code="data_dropped", severity="warning", message=f"the {what} is null")))
            return None
        try:
            decoder.feed(payload, exporter, received_ns)
            index = decoder._messages - 1
        except ValueError as wrong:
            told.append((row, Event(code="data_dropped", severity="warning", message=str(wrong))))
        if decoder._events or decoder._events_dropped:
            told += [(row, event) for event in decoder.events()]
        return index

    # ── tables ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _table(self, batch: Batch) -> Any:
        return self._pa.table(batch if self._profile == "default" else batch.profile(self._profile))

    def _joined(self, inputs: Any, flows: Any) -> Any:
        """Flows beside the inputs that brought them."""
        pa = self._pa
        indexes = inputs[INDEX].combine_chunks()
        brought_by = self._compute.index_in(flows[INDEX].cast(pa.int64()), value_set=indexes, skip_nulls=True)
        columns = {name: inputs[name].take(brought_by) for name in (*self._keep, INPUT_ROW)}
        columns |= {name: flows[name] for name in flows.column_names if name != INDEX or self._shows_index}
        return pa.table(columns)

    def _tell(self, inputs: Any, told: list[tuple[int | None, Event]]) -> None:
        there = max(0, self._limits.events - self._n_told)
        self._n_untold += max(0, len(told) - there)
        self._n_told += len(told[:there])
        if told[:there]:
            self._told.append(self._as_table(inputs, told[:there]))

    def _as_table(self, inputs: Any, told: list[tuple[int | None, Event]]) -> Any:
        """Events as a table; `inputs` has the kept columns and INPUT_ROW of each row, None where no event has one."""
        pa = self._pa
        events = pa.table(
            {name: pa.array([getattr(event, name) for _, event in told], type) for name, type in EVENT.items()}
        )
        rows = pa.array([row for row, _ in told], pa.int64())
        if inputs is None:
            inputs = pa.table({name: pa.nulls(0) for name in self._keep} | {INPUT_ROW: pa.array([], pa.int64())})
        about = inputs.take(rows)
        kept = {f"input_{name}" if name in EVENT else name: about[name] for name in about.column_names}
        return pa.table(kept | {name: events[name] for name in EVENT})


def decode_batches(batches: Iterable[Any], **stream: Any) -> Iterator[Any]:
    """Decode batches one after another: what Spark's `mapInArrow` calls.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
    **stream
        Of `Stream`.

    Yields
    ------
    flows : pyarrow.RecordBatch
    """
    yield from map(Stream(**stream).flows, batches)


def scan_batches(
    batches: Iterable[Any],
    *,
    payload: str = "payload",
    exporter: str = "exporter",
    received: str = "time_received_ns",
) -> bytes:
    """A state that holds the templates of an archive, and what its options told; see `scan_templates`.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch or pyarrow.Table
    payload, exporter, received : str
        As of `Stream`.

    Returns
    -------
    state : bytes
    """
    pa = import_module("pyarrow")
    return scan_templates(
        (datagram, sender, received_ns)
        for batch in batches
        for datagram, sender, received_ns in rows_of(pa, pa.table(batch), payload, exporter, received)
        if datagram is not None and is_exporter(sender)
    )


def is_exporter(given: Any) -> bool:
    """Whether it names an exporter."""
    try:
        identify(given)
    except ValueError:
        return False
    return True


def rows_of(pa: Any, table: Any, payload: str, exporter: str, received: str) -> Iterator[Row]:
    """The datagrams of a table."""
    octets = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_fixed_size_binary)
    columns = [
        values(pa, table, payload, "octets", octets),
        values(pa, table, exporter, "text or octets", octets + text),
    ]
    times: list[int | None] = [None] * len(table)
    if received in table.column_names:
        kind = kind_of(pa, table.column(received))
        times = values(
            pa, table, received, "int64 or a timestamp", (pa.types.is_int64, pa.types.is_timestamp), pa.int64()
        )
        unit = 1 if pa.types.is_int64(kind) else UNITS_NS[kind.unit]
        times = [None if each is None else each * unit for each in times]
    return zip(*columns, times, strict=True)


def values(pa: Any, table: Any, name: str, what: str, kinds: Sequence[Any], cast: Any = None) -> list[Any]:
    """The values of a column of one of these kinds, or of a dictionary of one."""
    column = table.column(name)
    if not any(is_kind(kind_of(pa, column)) for is_kind in kinds):
        raise TypeError(f"column {name!r} is {what}, not {column.type}")
    found: list[Any] = (column if cast is None else column.cast(cast)).to_pylist()
    return found


def kind_of(pa: Any, column: Any) -> Any:
    """The type of a column's values, also of one that is a dictionary."""
    return column.type.value_type if pa.types.is_dictionary(column.type) else column.type


def one_batch(pa: Any, table: Any) -> Any:
    """A table as one RecordBatch."""
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)
