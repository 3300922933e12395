# cython: boundscheck=False, wraparound=False, cdivision=True
"""Datagrams in Arrow columns, read where they lie: the Arrow C data interface from the consumer's side.

A column comes as an array or a stream of arrays, through the PyCapsule interface. Its structs are
moved out of their capsules, so that each is released once, by `Held`, whatever happens. Every
length, offset and buffer that decides what is read is checked before any datagram is decoded; how
large a data buffer is the interface does not say, and offsets into it are the producer's word.

Sources: https://arrow.apache.org/docs/format/CDataInterface.html, CStreamInterface.html and
CDataInterface/PyCapsuleInterface.html, Columnar.html for the layouts.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp, memset

from flowparse._arrow cimport ArrowArray, ArrowArrayStream, ArrowSchema
from flowparse._decode cimport Datagram
from flowparse._exporters cimport Alias
from flowparse._feed cimport BLOCK, WORTH_RELEASING, copy_received, set_exporter, set_received

cdef enum Kind:                     # how the values of a column lie
    KIND_INT32_OFFSETS = 0
    KIND_INT64_OFFSETS = 1
    KIND_VIEWS = 2
    KIND_FIXED = 3
    KIND_INT64 = 4

cdef enum:
    VIEW = 16                       # octets of a view
    INLINE = 12                     # octets that it holds itself

OCTETS = {"z": KIND_INT32_OFFSETS, "Z": KIND_INT64_OFFSETS, "vz": KIND_VIEWS}
TEXTS = {"u": KIND_INT32_OFFSETS, "U": KIND_INT64_OFFSETS, "vu": KIND_VIEWS}
ADDRESSES = {"w:4": 4, "w:16": 16}
INDEXES = {"c": 1, "C": 1, "s": 2, "S": 2, "i": 4, "I": 4, "l": 8, "L": 8}
UNITS_NS = {"l": 1, "tss:": 1_000_000_000, "tsm:": 1_000_000, "tsu:": 1000, "tsn:": 1}
cdef int64_t INT64_MAX = 0x7FFFFFFFFFFFFFFF


cdef class Held:
    """One array, released with this object."""

    cdef ArrowArray array

    def __cinit__(self):
        memset(&self.array, 0, sizeof(ArrowArray))

    def __dealloc__(self):
        if self.array.release != NULL:
            self.array.release(&self.array)


cdef class Type:
    """The schema of a column, released with this object."""

    cdef ArrowSchema schema

    def __cinit__(self):
        memset(&self.schema, 0, sizeof(ArrowSchema))

    def __dealloc__(self):
        if self.schema.release != NULL:
            self.schema.release(&self.schema)


cdef class Source:
    """A stream of arrays, released with this object."""

    cdef ArrowArrayStream stream

    def __cinit__(self):
        memset(&self.stream, 0, sizeof(ArrowArrayStream))

    def __dealloc__(self):
        if self.stream.release != NULL:
            self.stream.release(&self.stream)

    cdef int check(self, int code) except -1:
        cdef const char* why
        if code != 0:
            why = self.stream.get_last_error(&self.stream)
            text = "" if why == NULL else (<bytes> why)[:200].decode(errors="replace")
            raise ValueError(f"the Arrow stream fails with {code}: {text}")
        return 0


cdef struct Piece:                  # a checked array of values
    Py_ssize_t length
    const uint8_t* validity         # NULL: all are there
    int64_t offset
    Kind kind
    int width                       # of KIND_FIXED
    const uint8_t* first            # buffer 1
    const void** buffers
    int64_t n_data                  # data buffers of views


cdef bint is_there(const Piece* piece, Py_ssize_t i) noexcept nogil:
    cdef int64_t at = piece.offset + i
    # Bounds: i < length, and the bitmap has offset + length bits.
    return piece.validity == NULL or piece.validity[at >> 3] >> (at & 7) & 1


cdef void look_up(const Piece* piece, Py_ssize_t i, const uint8_t** at, int64_t* length) noexcept nogil:
    """The octets of value i, which is there; `length` is -1 where they cannot be."""
    cdef int64_t k = piece.offset + i
    cdef int64_t start, end
    cdef const int32_t* view
    # Bounds: i < length, and buffer 1 has offset + length entries, with offsets one more.
    if piece.kind == KIND_FIXED:
        at[0] = piece.first + k * piece.width
        length[0] = piece.width
        return
    if piece.kind == KIND_VIEWS:
        view = <const int32_t*> (piece.first + k * VIEW)
        length[0] = view[0]
        if view[0] <= INLINE:
            at[0] = <const uint8_t*> &view[1]
            return
        if (
            view[2] < 0 or view[2] >= piece.n_data or view[3] < 0 or piece.buffers[2 + view[2]] == NULL
            or (<const int64_t*> piece.buffers[2 + piece.n_data])[view[2]] - view[3] < view[0]
        ):
            length[0] = -1
            return
        at[0] = <const uint8_t*> piece.buffers[2 + view[2]] + view[3]
        return
    if piece.kind == KIND_INT32_OFFSETS:
        start = (<const int32_t*> piece.first)[k]
        end = (<const int32_t*> piece.first)[k + 1]
    else:
        start = (<const int64_t*> piece.first)[k]
        end = (<const int64_t*> piece.first)[k + 1]
    length[0] = -1
    if 0 <= start <= end and (start == end or piece.buffers[2] != NULL):
        at[0] = <const uint8_t*> piece.buffers[2] + start
        length[0] = end - start


cdef class Array:
    """A checked array, of which pieces of the walk point into."""

    cdef Held held
    cdef Piece piece
    cdef list names                 # of a dictionary: its values; None: it is no dictionary
    cdef int index_width            # 0: no dictionary
    cdef bint index_signed

    cdef Py_ssize_t index_of(self, Py_ssize_t i):
        """Which value of the dictionary value i is."""
        cdef int64_t k = self.piece.offset + i
        cdef const uint8_t* at = self.piece.first + k * self.index_width
        # Bounds: buffer 1 has offset + length entries.
        if self.index_width == 1:
            return (<const int8_t*> at)[0] if self.index_signed else at[0]
        if self.index_width == 2:
            return (<const int16_t*> at)[0] if self.index_signed else (<const uint16_t*> at)[0]
        if self.index_width == 4:
            return (<const int32_t*> at)[0] if self.index_signed else (<const uint32_t*> at)[0]
        return (<const int64_t*> at)[0]


cdef Array checked(Held held, const ArrowArray* array, str what, int kind, int width):
    """Check an array against the layout that its type has."""
    cdef Array made = Array.__new__(Array)
    cdef Piece* piece = &made.piece
    cdef int64_t n_buffers = 2 if kind in (KIND_FIXED, KIND_INT64) else 3
    cdef const uint8_t* at = NULL
    cdef int64_t length
    cdef Py_ssize_t i
    if array.length < 0 or array.offset < 0 or array.offset > (INT64_MAX >> 8) - min(array.length, INT64_MAX >> 8):
        raise ValueError(f"{what}: an array of length {array.length} and offset {array.offset}")
    if array.n_buffers < n_buffers or (kind != KIND_VIEWS and array.n_buffers != n_buffers) or array.buffers == NULL:
        raise ValueError(f"{what}: an array of {array.n_buffers} buffers; its type has {n_buffers}")
    made.held = held
    piece.length = array.length
    piece.offset = array.offset
    piece.kind = <Kind> kind
    piece.width = width
    piece.buffers = array.buffers
    piece.first = <const uint8_t*> array.buffers[1]
    piece.validity = <const uint8_t*> array.buffers[0] if array.null_count != 0 else NULL
    piece.n_data = array.n_buffers - 3
    if array.length and piece.first == NULL:
        raise ValueError(f"{what}: an array of length {array.length} without values")
    if kind == KIND_VIEWS and piece.n_data and array.buffers[2 + piece.n_data] == NULL:
        raise ValueError(f"{what}: an array of views without the sizes of its buffers")
    if kind in (KIND_INT64, KIND_FIXED):
        return made
    # Progress: a value further each turn.
    for i in range(piece.length):
        if is_there(piece, i):
            look_up(piece, i, &at, &length)
            if length < 0:
                raise ValueError(f"{what}: value {i} lies outside its buffers")
    return made


cdef list arrays_of(object column, str what, object read):
    """The checked arrays of a column; `read(format, has_dictionary)` gives (kind, width), or None where it is no good."""
    cdef Type type = Type()
    cdef Source source
    cdef Held held
    cdef ArrowSchema* schema
    cdef ArrowArray* array
    cdef list helds = []
    if hasattr(column, "__arrow_c_array__"):
        capsules = column.__arrow_c_array__()
        if not (
            isinstance(capsules, tuple) and len(capsules) == 2 and PyCapsule_IsValid(capsules[0], "arrow_schema")
            and PyCapsule_IsValid(capsules[1], "arrow_array")
        ):
            raise TypeError(f"{what}: __arrow_c_array__ gives a schema and an array")
        schema = <ArrowSchema*> PyCapsule_GetPointer(capsules[0], "arrow_schema")
        type.schema = schema[0]
        schema.release = NULL
        held = Held()
        array = <ArrowArray*> PyCapsule_GetPointer(capsules[1], "arrow_array")
        held.array = array[0]
        array.release = NULL
        if held.array.release == NULL or type.schema.release == NULL:
            raise ValueError(f"{what}: the array was released already")
        helds.append(held)
    elif hasattr(column, "__arrow_c_stream__"):
        capsule = column.__arrow_c_stream__()
        if not PyCapsule_IsValid(capsule, "arrow_array_stream"):
            raise TypeError(f"{what}: __arrow_c_stream__ gives a stream")
        source = Source()
        source.stream = (<ArrowArrayStream*> PyCapsule_GetPointer(capsule, "arrow_array_stream"))[0]
        (<ArrowArrayStream*> PyCapsule_GetPointer(capsule, "arrow_array_stream")).release = NULL
        if source.stream.release == NULL:
            raise ValueError(f"{what}: the stream was released already")
        source.check(source.stream.get_schema(&source.stream, &type.schema))
        # Progress: an array further each turn, until the producer ends.
        while True:
            held = Held()
            source.check(source.stream.get_next(&source.stream, &held.array))
            if held.array.release == NULL:
                break
            helds.append(held)
    else:
        raise TypeError(f"{what} is an Arrow column, not {column.__class__.__name__}")
    return [checked_of(held, &type.schema, what, read) for held in helds]


cdef Array checked_of(Held held, const ArrowSchema* schema, str what, object read):
    cdef Array values, made
    cdef const uint8_t* at = NULL
    cdef int64_t length
    cdef Py_ssize_t i, k
    if schema.format == NULL:
        raise ValueError(f"{what}: a schema without a format")
    format = (<bytes> schema.format).decode("latin-1")
    wanted = read(format, schema.dictionary != NULL)
    if wanted is None:
        raise ValueError(f"{what}: a column of Arrow format {format!r:.40} is none that is read here")
    kind, width = wanted
    if schema.dictionary == NULL:
        return checked(held, &held.array, what, kind, width)
    made = checked(held, &held.array, what, KIND_FIXED, INDEXES[format])
    made.index_width = INDEXES[format]
    made.index_signed = format in "csil"
    if held.array.dictionary == NULL or schema.dictionary.format == NULL:
        raise ValueError(f"{what}: a dictionary without values")
    format = (<bytes> schema.dictionary.format).decode("latin-1")
    wanted = read(format, False)
    if wanted is None or schema.dictionary.dictionary != NULL:
        raise ValueError(f"{what}: a dictionary of Arrow format {format!r:.40} is none that is read here")
    kind, width = wanted
    values = checked(held, held.array.dictionary, what, kind, width)
    made.names = []
    for i in range(values.piece.length):
        if not is_there(&values.piece, i):
            made.names.append(None)
            continue
        look_up(&values.piece, i, &at, &length)
        made.names.append(spelled(at, length, format))
    for i in range(made.piece.length):
        if is_there(&made.piece, i):
            k = made.index_of(i)
            if not 0 <= k < len(made.names):
                raise ValueError(f"{what}: value {i} is {k} in a dictionary of {len(made.names)}")
    return made


cdef object spelled(const uint8_t* at, int64_t length, str format):
    """An exporter as a caller would spell it."""
    if length > 256:
        raise ValueError(f"an exporter is an address, not {length} octets")
    octets = PyBytes_FromStringAndSize(<const char*> at, length)
    return octets.decode(errors="replace") if format in TEXTS else octets


cdef class Cursor:
    """A place in the arrays of a column."""

    cdef list arrays
    cdef Array array
    cdef Py_ssize_t next            # of the arrays
    cdef Py_ssize_t at              # in the array
    cdef Py_ssize_t n               # of all arrays

    def __cinit__(self, list arrays):
        cdef Array array
        self.arrays = arrays
        for array in arrays:
            self.n += array.piece.length

    cdef int advance(self) except -1:
        """Go to the next value; the caller knows that there is one."""
        self.at += 1
        # Progress: an array further each turn.
        while self.array is None or self.at >= self.array.piece.length:
            self.array = self.arrays[self.next]
            self.next += 1
            self.at = 0
        return 0


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
        cdef int64_t length = 0, last_length = -1, unit = 1, value
        cdef list keep = []
        cdef bint known
        payloads = Cursor(arrays_of(payload, "payload", read_payload))
        formats = []
        units = []

        def read_who(format, has_dictionary):
            formats.append(format)
            return read_exporter(format, has_dictionary)

        def read_time(format, has_dictionary):
            for name, ns in UNITS_NS.items():
                if not has_dictionary and (format == name if name == "l" else format.startswith(name)):
                    units.append(ns)
                    return KIND_INT64, 8
            return None

        if is_column(exporter):
            exporters = Cursor(arrays_of(exporter, "exporter", read_who))
        if is_column(received_ns):
            times = Cursor(arrays_of(received_ns, "received_ns", read_time))
            unit = units[0] if units else 1
        for cursor, what in ((exporters, "exporters"), (times, "times")):
            if cursor is not None and (<Cursor> cursor).n != payloads.n:
                raise ValueError(f"{(<Cursor> cursor).n} {what} for {payloads.n} datagrams")
        if times is not None:
            check_times(times, unit)
        set_received(&for_all, None if times is not None else received_ns)
        format = formats[0] if formats else ""
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
                        if known and exporters.array.names is not None:
                            who = exporters.array.names[exporters.array.index_of(exporters.at)]
                            if who is None:
                                known = False
                            else:
                                alias = self._resolve(who)
                        elif known:
                            look_up(&exporters.array.piece, exporters.at, &at, &length)
                            # The one before is known, whoever it is.
                            if length != last_length or memcmp(at, last, length) != 0 or alias is None:
                                last_length = -1
                                alias = self._resolve(spelled(at, length, format))
                                last = at
                                last_length = length
                            elif alias.exporter.state.evicted:
                                alias = self._resolve(spelled(at, length, format))
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
                    value = (<const int64_t*> times.array.piece.first)[times.array.piece.offset + times.at]
                    one.has_received = True
                    one.received_ns = value * unit
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
        for i in range(array.piece.length):
            # Bounds: i < length.
            value = (<const int64_t*> array.piece.first)[array.piece.offset + i]
            if is_there(&array.piece, i) and not -(INT64_MAX // unit) <= value <= INT64_MAX // unit:
                raise ValueError(f"received_ns: {value} in units of {unit} ns does not fit 64 bits of nanoseconds")
    return 0


cdef bint is_column(object given):
    return hasattr(given, "__arrow_c_array__") or hasattr(given, "__arrow_c_stream__")
