# cython: boundscheck=False, wraparound=False, cdivision=True
"""Arrow columns of others, read where they lie: the Arrow C data interface from the consumer's side.

A column comes as an array or a stream of arrays, through the PyCapsule interface. Its structs are
moved out of their capsules, so that each is released once, by `Held`, whatever happens. Every
length, offset and buffer that decides what is read is checked when the column comes; how large a
data buffer is the interface does not say, and offsets into it are the producer's word.

Sources: https://arrow.apache.org/docs/format/CDataInterface.html, CStreamInterface.html and
CDataInterface/PyCapsuleInterface.html, Columnar.html for the layouts.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid
from libc.stdint cimport int8_t, int16_t, uint16_t, uint32_t
from libc.string cimport memset

OCTETS = {"z": KIND_INT32_OFFSETS, "Z": KIND_INT64_OFFSETS, "vz": KIND_VIEWS}
TEXTS = {"u": KIND_INT32_OFFSETS, "U": KIND_INT64_OFFSETS, "vu": KIND_VIEWS}
INDEXES = {"c": 1, "C": 1, "s": 2, "S": 2, "i": 4, "I": 4, "l": 8, "L": 8}
cdef enum:
    MOST_SPELLED = 256              # octets of an exporter
cdef int64_t INT64_MAX = 0x7FFFFFFFFFFFFFFF


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


cdef class Held:
    """One array, released with this object."""

    def __cinit__(self):
        memset(&self.array, 0, sizeof(ArrowArray))

    def __dealloc__(self):
        if self.array.release != NULL:
            self.array.release(&self.array)


cdef class Type:
    """The schema of a column, released with this object."""

    def __cinit__(self):
        memset(&self.schema, 0, sizeof(ArrowSchema))

    def __dealloc__(self):
        if self.schema.release != NULL:
            self.schema.release(&self.schema)


cdef class Source:
    """A stream of arrays, released with this object."""

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


cdef class Array:
    """A checked array; it keeps the octets alive that its piece points at."""

    cdef int64_t index_of(self, Py_ssize_t i):
        """Which value of the dictionary value i is."""
        cdef int64_t k = self.piece.offset + i
        cdef const uint8_t* at = self.piece.first + k * self.index_width
        # Bounds: buffer 1 has offset + length entries.
        # One return each: two integers of a width have no common type that keeps both.
        if self.index_width == 1:
            if self.index_signed:
                return (<const int8_t*> at)[0]
            return at[0]
        if self.index_width == 2:
            if self.index_signed:
                return (<const int16_t*> at)[0]
            return (<const uint16_t*> at)[0]
        if self.index_width == 4:
            if self.index_signed:
                return (<const int32_t*> at)[0]
            return (<const uint32_t*> at)[0]
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
    """The checked arrays of a column; `read(format, has_dictionary)` gives (kind, width), or None if it is no good."""
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
        made = checked(held, &held.array, what, kind, width)
        made.is_text = format in TEXTS
        return made
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
    made.values = []
    for i in range(values.piece.length):
        if not is_there(&values.piece, i):
            made.values.append(None)
            continue
        look_up(&values.piece, i, &at, &length)
        made.values.append(spelled(at, length, format in TEXTS))
    for i in range(made.piece.length):
        if is_there(&made.piece, i):
            k = made.index_of(i)
            if not 0 <= k < len(made.values):
                raise ValueError(f"{what}: value {i} is {k} in a dictionary of {len(made.values)}")
    return made


cdef object spelled(const uint8_t* at, int64_t length, bint is_text):
    """An exporter as a caller would spell it."""
    if length > MOST_SPELLED:
        raise ValueError(f"an exporter is an address, not {length} octets")
    octets = PyBytes_FromStringAndSize(<const char*> at, length)
    return octets.decode(errors="replace") if is_text else octets


cdef class Cursor:
    """A place in the arrays of a column."""

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


cdef bint is_column(object given):
    return hasattr(given, "__arrow_c_array__") or hasattr(given, "__arrow_c_stream__")
