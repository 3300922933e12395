# cython: boundscheck=False, wraparound=False, cdivision=True
"""Datagrams in Arrow columns: one of payloads, one of who sent them and one of when, or one for all.

All columns are checked before any datagram is decoded (`_borrow`); nothing of them is copied.
"""

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp

from flowparse._borrow cimport (
    KIND_FIXED, KIND_INT64, Array, Cursor, arrays_of, int64_of, is_column, is_there, look_up, spelled,
)
from flowparse._decode cimport Datagram
from flowparse._exporters cimport Alias
from flowparse._feed cimport BLOCK, WORTH_RELEASING, copy_received, set_exporter, set_received

from flowparse._borrow import INDEXES, OCTETS, TEXTS

ADDRESSES = {"w:4": 4, "w:16": 16}
UNITS_NS = {"l": 1, "tss:": 1_000_000_000, "tsm:": 1_000_000, "tsu:": 1000, "tsn:": 1}
cdef int64_t INT64_MAX = 0x7FFFFFFFFFFFFFFF


def read_payload(format, has_dictionary):
    return (OCTETS[format], 0) if format in OCTETS and not has_dictionary else None


def read_exporter(format, has_dictionary):
    if has_dictionary:
        return (KIND_FIXED, INDEXES[format]) if format in INDEXES else None
    if format in ADDRESSES:
        return KIND_FIXED, ADDRESSES[format]
    kind = OCTETS.get(format, TEXTS.get(format))
    return None if kind is None else (kind, 0)


cdef class ArrowFeeder(StreamFeeder):
    """A Feeder that takes Arrow columns."""

    def _nulls_skipped(self, payloads, exporters):
        """Tell of datagrams that were null, or that nobody sent."""
        raise NotImplementedError

    def feed_arrow(self, payload, exporter, received_ns=None):
        """Decode datagrams in Arrow columns; return the number of flow rows that they added.

        Nothing is copied. Rows whose payload or exporter is null are skipped, and counted in one event.

        Parameters
        ----------
        payload : Arrow array or stream of binary, large_binary or binary_view
        exporter : the same of utf8, octets (4 or 16), or a dictionary of them; or one exporter for all
        received_ns : the same of int64 (nanoseconds) or timestamp of any unit; or int, or None
            A null is a time that is not known.

        Raises
        ------
        DecodeError
            Only with `strict=True`.
        TypeError, ValueError
            A column that means nothing, before any state; an exporter that is no address carries
            `index` as in `feed_many`, and earlier datagrams stay decoded.
        """
        cdef Datagram[BLOCK] block
        cdef Datagram for_all
        cdef Datagram* one
        cdef Cursor payloads, exporters = None, times = None
        cdef Alias alias = None
        cdef Py_ssize_t[BLOCK] rows_of
        cdef Py_ssize_t i = 0, n_block = 0, rows = 0, nulls = 0, nobody = 0
        cdef const uint8_t* at = NULL
        cdef const uint8_t* last = NULL
        cdef int64_t length = 0, last_length = -1, unit = 1
        cdef list keep = []
        cdef bint known
        payloads = Cursor(arrays_of(payload, "payload", read_payload))
        units = []

        def read_time(format, has_dictionary):
            for name, ns in UNITS_NS.items():
                if not has_dictionary and (format == name if name == "l" else format.startswith(name)):
                    units.append(ns)
                    return KIND_INT64, 8
            return None

        if is_column(exporter):
            exporters = Cursor(arrays_of(exporter, "exporter", read_exporter))
        if is_column(received_ns):
            times = Cursor(arrays_of(received_ns, "received_ns", read_time))
            unit = units[0] if units else 1
        for cursor, what in ((exporters, "exporters"), (times, "times")):
            if cursor is not None and (<Cursor> cursor).n != payloads.n:
                raise ValueError(f"{(<Cursor> cursor).n} {what} for {payloads.n} datagrams")
        if times is not None:
            check_times(times, unit)
        set_received(&for_all, None if times is not None else received_ns)
        self._enter()
        try:
            if exporters is None:
                alias = self._resolve(exporter)
            # Progress: a row further each turn.
            for i in range(payloads.n):
                payloads.advance()
                if exporters is not None:
                    exporters.advance()
                if times is not None:
                    times.advance()
                if not is_there(&payloads.array.piece, payloads.at):
                    nulls += 1
                    continue
                try:
                    if exporters is not None:
                        known = is_there(&exporters.array.piece, exporters.at)
                        if known and exporters.array.values is not None:
                            who = exporters.array.values[exporters.array.index_of(exporters.at)]
                            if who is None:
                                known = False
                            else:
                                alias = self._resolve(who)
                        elif known:
                            look_up(&exporters.array.piece, exporters.at, &at, &length)
                            # The one before is known, whoever it is.
                            if (
                                length != last_length or memcmp(at, last, length) != 0 or alias is None
                                or alias.exporter.state.evicted
                            ):
                                last_length = -1
                                alias = self._resolve(spelled(at, length, exporters.array.is_text))
                                last = at
                                last_length = length
                        if not known:
                            nobody += 1
                            continue
                        keep.append(alias)
                    # Bounds: n_block < BLOCK.
                    one = &block[n_block]
                    set_exporter(one, alias)
                except Exception as error:
                    self._run_rows(block, n_block, rows_of, False, &rows)
                    error.index = i
                    raise
                look_up(&payloads.array.piece, payloads.at, &one.octets, &length)
                one.length = max(length, 0)         # as it was checked
                copy_received(one, &for_all)
                if times is not None and is_there(&times.array.piece, times.at):
                    one.has_received = True
                    one.received_ns = int64_of(&times.array.piece, times.at) * unit     # fits, as it was checked
                rows_of[n_block] = i
                n_block += 1
                if n_block == BLOCK:
                    self._run_rows(block, n_block, rows_of, True, &rows)
                    n_block = 0
                    keep.clear()
            self._run_rows(block, n_block, rows_of, n_block >= WORTH_RELEASING, &rows)
        finally:
            self._leave()
            if nulls or nobody:
                self._nulls_skipped(nulls, nobody)
        return rows

    cdef int _run_rows(
        self, Datagram* block, Py_ssize_t n, const Py_ssize_t* rows_of, bint release, Py_ssize_t* rows,
    ) except -1:
        """Decode a block; an exception carries the index of its row."""
        try:
            self._run_block(block, n, 0, release, rows)
        except Exception as error:
            # Bounds: _run_block() says which of the n it was.
            if 0 <= error.index < n:
                error.index = rows_of[<Py_ssize_t> error.index]
            raise
        return 0


cdef int check_times(Cursor times, int64_t unit) except -1:
    cdef Array array
    cdef Py_ssize_t i
    cdef int64_t value
    for array in times.arrays:
        # Progress: a value further each turn.
        for i in range(array.piece.length):
            if not is_there(&array.piece, i):
                continue
            value = int64_of(&array.piece, i)
            if not -(INT64_MAX // unit) <= value <= INT64_MAX // unit:
                raise ValueError(f"received_ns: {value} in units of {unit} ns does not fit 64 bits of nanoseconds")
    return 0
