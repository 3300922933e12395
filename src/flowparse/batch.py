"""Batch: rows of one schema, in one or more chunks.

A Batch holds chunks of immutable columns and copies nothing: to Arrow, to buffers and to slices of
itself it lends them. Chunks come from layouts that agree in names and types, and may differ in which
columns are null throughout.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate, chain, pairwise
from typing import Any, Literal

from flowparse import _convert, _values, dataframes, scaling
from flowparse._columns import Sealed
from flowparse._layout import Layout
from flowparse._values import Chunk, Column, Row
from flowparse.datatypes import Show
from flowparse.text import html, no_such, quoted, time_text

__all__ = ["Batch"]

HTML_ROWS = 10
HTML_COLUMNS = 40


class Batch:
    """Rows of one schema: immutable columns in one or more chunks.

    Arrow inside: ``pyarrow.table(batch)``, ``polars.DataFrame(batch)``, ``duckdb.sql("from batch")``.

    Parameters
    ----------
    name : str
        What the rows are: "flows", "if_counters", ...
    layout : Layout
        Names and types of the columns, also where there are no rows.
    chunks : iterable of Chunk or Sealed
        Empty ones are left out.

    Raises
    ------
    ValueError
        A chunk has other names or types than the layout.
    """

    __slots__ = ("_chunks", "_ends", "_layout", "_name")

    def __init__(self, name: str, layout: Layout, chunks: Iterable[Chunk | Sealed] = ()) -> None:
        made = []
        for each in chunks:
            chunk = each if isinstance(each, Chunk) else Chunk(each)
            of_chunk = chunk.layout
            if of_chunk is not layout and (of_chunk.names != layout.names or of_chunk.types != layout.types):
                raise ValueError(f"a chunk of {quoted(name)} has other columns than the batch")
            if len(chunk):
                made.append(chunk)
        self._name = name
        self._layout = layout
        self._chunks = tuple(made)
        self._ends = [len(made[0])] if len(made) == 1 else list(accumulate(map(len, made)))

    @property
    def name(self) -> str:
        """What the rows are."""
        return self._name

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """The rows in contiguous columns, in order; none of them is empty."""
        return self._chunks

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return self._layout.names

    @property
    def layout(self) -> Layout:
        """Names, types and units of the columns."""
        return self._layout

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[Row]:
        return iter(self._chunks[0]) if len(self._chunks) == 1 else chain.from_iterable(self._chunks)

    def __getitem__(self, key: str | int | slice) -> Any:
        if isinstance(key, str):
            at = self._layout.index.get(key)
            if at is None:
                raise KeyError(no_such("column", key, self._layout.names))
            return Column(self._layout, at, self.chunks)
        if isinstance(key, slice):
            return self._slice(key)
        at = key + len(self) if key < 0 else key
        if not 0 <= at < len(self):
            raise IndexError(f"no row {key} in {len(self)}")
        chunk, row = self._place(at)
        return chunk[row]

    def _slice(self, key: slice) -> Batch:
        start, end, step = key.indices(len(self))
        if step != 1:
            raise ValueError("rows are taken in order: the step of a slice is 1")
        parts = []
        for chunk, chunk_end in zip(self.chunks, self._ends, strict=True):
            first = chunk_end - len(chunk)
            if first < end and start < chunk_end:
                parts.append(chunk[max(0, start - first) : end - first])
        return Batch(self.name, self._layout, parts)

    def __arrow_c_schema__(self) -> object:
        """The columns' names and types, as an Arrow PyCapsule."""
        return _values.arrow_schema(self._layout)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The chunks as an Arrow PyCapsule, without a copy; `requested_schema` is not honoured."""
        return _values.arrow_stream(self._layout, self.chunks)

    def to_dicts(self, *, text: bool = True) -> list[dict[str, Any]]:
        """All rows as dicts; `text=False` gives addresses as they are stored."""
        return list(chain.from_iterable(chunk.to_dicts(text=text) for chunk in self.chunks))

    def __eq__(self, other: object) -> bool:
        """The same columns and the same values, however they are divided into chunks."""
        if not isinstance(other, Batch):
            return NotImplemented
        if len(self) != len(other) or self.names != other.names or self._layout.types != other._layout.types:
            return False
        cuts = sorted({0, *self._ends, *other._ends})
        return all(
            _values.same_rows(*self._place(start), *other._place(start), end - start) for start, end in pairwise(cuts)
        )

    __hash__ = None  # type: ignore[assignment]

    def _place(self, at: int) -> tuple[Chunk, int]:
        which = bisect_right(self._ends, at)
        chunk = self.chunks[which]
        return chunk, at - self._ends[which] + len(chunk)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self._name, _convert.columns_of(self._layout), list(map(_convert.chunk_octets, self._chunks)))

    def profile(self, name: Literal["default", "text", "spark"]) -> Batch:
        """The rows in types that a consumer prefers; columns that stay as they are share their memory.

        Parameters
        ----------
        name : {"default", "text", "spark"}
            "text" writes addresses and MACs as text. "spark" has only types that Spark's Arrow bridge
            takes: signed integers of twice the width, int64 for uint64 (what does not fit is null, and
            `null_count` shows it), binary for octets, microseconds for nanoseconds.
        """
        layout = _convert.profile_layout(self._layout, name)
        return Batch(self._name, layout, [_convert.profile_chunk(chunk, name) for chunk in self._chunks])

    def scaled(self, *, default_rate: int | None = None) -> Batch:
        """The rows with estimates of what sampled flows stand for; the columns as sent stay as they are.

        Parameters
        ----------
        default_rate : int, optional
            The rate of rows that have none.

        Returns
        -------
        Batch
            Also with `bytes_estimated` and `packets_estimated`, the row's times its `sampling_rate`, null
            without a rate or beyond 2**64 - 1; and `relative_error`, 1.96 * sqrt(1 / packets), within
            which the estimate is right with 95 % confidence, 0 at a rate of 1.

        Raises
        ------
        ValueError
            The rows were scaled before, or a rate that is none.
        """
        return Batch(self._name, *scaling.scaled(self._layout, self._chunks, default_rate))

    @staticmethod
    def concat(batches: Iterable[Batch]) -> Batch:
        """The rows of batches of the same columns, in order, under the first one's name; ValueError for none."""
        batches = list(batches)
        if not batches:
            raise ValueError("no batches to join")
        chunks = chain.from_iterable(batch.chunks for batch in batches)
        for batch in batches[1:]:
            if batch.names != batches[0].names or batch.layout.types != batches[0].layout.types:
                raise ValueError(f"{quoted(batch.name)} has other columns than {quoted(batches[0].name)}")
        return Batch(batches[0].name, batches[0].layout, chunks)

    def _prepared(self, text: bool, names: bool) -> Batch:
        batch = Batch(self._name, *dataframes.with_names(self._layout, self._chunks)) if names else self
        return batch.profile("text") if text else batch

    def to_pyarrow(self, *, text: bool = True, names: bool = False) -> Any:
        """A `pyarrow.Table`; `text` writes addresses out, `names` adds names beside numbers."""
        return dataframes.to_pyarrow(self._prepared(text, names))

    def to_pandas(self, *, text: bool = True, names: bool = False) -> Any:
        """A `pandas.DataFrame`, also without pyarrow; nulls never turn integers into floats."""
        batch = self._prepared(text, names)
        return dataframes.to_pandas({name: batch[name] for name in batch.names})

    def to_polars(self, *, text: bool = True, names: bool = False) -> Any:
        """A `polars.DataFrame`; `text` writes addresses out, `names` adds names beside numbers."""
        return dataframes.to_polars(self._prepared(text, names))

    def _cell(self, name: str, value: Any) -> str:
        if value is None:
            return ""
        is_time = self._layout.types[self._layout.index[name]].show is Show.TIME
        return html(time_text(value) if is_time else value)

    def _repr_html_(self) -> str:
        """The first rows, without the columns that are null throughout."""
        said = [name for name in self.names if len(self) == 0 or self[name].null_count < len(self)]
        shown = said[:HTML_COLUMNS]
        head = "".join(f"<th>{html(name)}</th>" for name in shown)
        body = "".join(
            "<tr>" + "".join(f"<td>{self._cell(name, row[name])}</td>" for name in shown) + "</tr>"
            for row in self[:HTML_ROWS]
        )
        notes = [f"{len(self)} rows, {len(self.names)} columns"]
        if len(self) > HTML_ROWS:
            notes.append(f"the first {HTML_ROWS} rows shown")
        if len(said) < len(self.names):
            notes.append(f"{len(self.names) - len(said)} columns without any value left out")
        if len(shown) < len(said):
            notes.append(f"{len(said) - len(shown)} more columns not shown")
        return f"<table><caption>{html(self._name)}: {'; '.join(notes)}</caption><tr>{head}</tr>{body}</table>"

    def __repr__(self) -> str:
        return f"<Batch {quoted(self._name)}: {len(self)} rows, {len(self.names)} columns, {len(self.chunks)} chunks>"


def _restore(name: str, columns: list[Any], chunks: list[Any]) -> Batch:
    layout = _convert.layout_of(columns)
    return Batch(name, layout, [_convert.chunk_from_octets(layout, *chunk) for chunk in chunks])
