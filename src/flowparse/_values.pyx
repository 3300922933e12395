# cython: boundscheck=False, wraparound=False
"""Chunks, columns and rows: finished parts as Python sees them.

Nothing is copied and nothing is read before it is asked for. A Chunk is a window on a Sealed part, a
Column one of its columns (or of several chunks'), a Row an index. How a value reads is _show's matter.

Reading a row takes no detour through descriptors: an attribute is looked up among the columns first,
so a column that is called like a method hides it.
"""

cimport cython
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBUF_STRIDES, PyBUF_WRITABLE
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_Copy, PyDict_SetItem
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject_GenericGetAttr
from libc.stdint cimport uint8_t
from libc.string cimport memcmp

from flowparse._arrow cimport array_capsule, count_nulls, schema_capsule, stream_capsule
from flowparse._part cimport ColumnRef
from flowparse._show cimport Look, column_of, face_of, is_null, raw_octets, same_value

from collections.abc import ItemsView, KeysView, Mapping, ValuesView

from flowparse.text import quoted


@cython.final
cdef class Chunk:
    """Rows of one layout, in contiguous columns.

    Parameters
    ----------
    sealed : Sealed
        What a Table handed over.
    start, rows : int
        Which of its rows; all of them without.
    """

    def __cinit__(self, Sealed sealed not None, Py_ssize_t start=0, rows=None):
        if sealed.part == NULL:
            raise ValueError("a chunk needs rows that a table handed over")
        self.sealed = sealed
        self.layout = sealed.layout
        self.face = face_of(sealed.layout)
        self.window = Window(sealed.part, start, sealed.part.rows - start if rows is None else rows)
        if not (0 <= start <= sealed.part.rows and 0 <= self.window.rows <= sealed.part.rows - start):
            raise ValueError(f"no rows {start} to {start + self.window.rows} in {sealed.part.rows}")

    cdef object read(self, Py_ssize_t column, Py_ssize_t at, bint text):
        """The value in row `at` of the chunk; the caller checked both numbers."""
        cdef const ColumnRef* ref = &self.window.part.columns[column]
        cdef const Look* look = &self.face.looks[column]
        at += self.window.start
        if is_null(ref, at):
            return None
        return look.text(ref, at, look.width) if text else look.plain(ref, at, look.width)

    @property
    def names(self):
        """The columns' names, in order."""
        return self.layout.names

    def __len__(self):
        return self.window.rows

    def __iter__(self):
        cdef RowIterator rows = RowIterator.__new__(RowIterator)
        rows.chunk = self
        return rows

    def __getitem__(self, key):
        cdef Py_ssize_t at
        if isinstance(key, str):
            return Column(self.layout, self.layout.index[key], (self,))
        if isinstance(key, slice):
            at, end, step = key.indices(self.window.rows)
            if step != 1:
                raise ValueError("rows are taken in order: the step of a slice is 1")
            return Chunk(self.sealed, self.window.start + at, max(0, end - at))
        at = key
        if at < 0:
            at += self.window.rows
        if not 0 <= at < self.window.rows:
            raise IndexError(f"no row {key} in {self.window.rows}")
        return new_row(self, at)

    def __arrow_c_schema__(self):
        """The columns' names and types, as an Arrow PyCapsule."""
        return schema_capsule(self.face.description)

    def __arrow_c_array__(self, requested_schema=None):
        """Schema and rows as Arrow PyCapsules, without a copy; `requested_schema` is not honoured."""
        return schema_capsule(self.face.description), array_capsule(self.face.description, self.window)

    def to_dicts(self, *, bint text=True):
        """All rows as dicts; `text=False` gives addresses as they are stored."""
        cdef Py_ssize_t i, at, end = self.window.start + self.window.rows
        cdef Py_ssize_t n = len(self.layout.names), n_varying = 0
        cdef const ColumnRef* ref
        cdef const Look* look
        cdef dict constant = {}
        cdef dict row
        cdef list rows = []
        cdef tuple names = self.layout.names
        if self.window.rows == 0:
            return rows
        varying = <Py_ssize_t*> PyMem_Malloc(n * sizeof(Py_ssize_t))
        if varying == NULL:
            raise MemoryError()
        try:
            # What is the same in all rows is read once, and copied with the dict.
            for i in range(n):
                constant[names[i]] = None
                if one_value(&self.window, i, &self.face.looks[i]):
                    constant[names[i]] = self.read(i, 0, text)
                else:
                    varying[n_varying] = i
                    n_varying += 1
            for at in range(self.window.start, end):
                row = PyDict_Copy(constant)
                for i in range(n_varying):
                    ref = &self.window.part.columns[varying[i]]
                    if is_null(ref, at):
                        continue
                    look = &self.face.looks[varying[i]]
                    value = look.text(ref, at, look.width) if text else look.plain(ref, at, look.width)
                    PyDict_SetItem(row, names[varying[i]], value)
                rows.append(row)
        finally:
            PyMem_Free(varying)
        return rows


cdef bint one_value(const Window* window, Py_ssize_t column, const Look* look) noexcept nogil:
    """Whether all rows of a window, of which there are some, surely have the same value."""
    cdef const ColumnRef* ref = &window.part.columns[column]
    cdef Py_ssize_t nulls = count_nulls(ref, window.part.rows, window.start, window.rows)
    cdef const uint8_t* first
    if nulls == window.rows:
        return True
    if nulls or look.width == 0 or look.is_bits:
        return False
    # Each value equals the one after it. Bounds: one value less than the window has.
    first = ref.data + window.start * look.width
    return memcmp(first, first + look.width, (window.rows - 1) * look.width) == 0


def same_rows(Chunk chunk not None, Py_ssize_t start, Chunk other not None, Py_ssize_t other_start, Py_ssize_t rows):
    """Whether `rows` rows of two chunks of the same names and types have the same values.

    Floats are compared by their octets: NaN equals itself.
    """
    cdef Py_ssize_t i, at, a = chunk.window.start + start, b = other.window.start + other_start
    cdef const Look* look
    if not (0 <= start <= chunk.window.rows - rows and 0 <= other_start <= other.window.rows - rows):
        raise IndexError("not that many rows")
    if chunk.layout is not other.layout and chunk.layout.types != other.layout.types:
        raise ValueError("chunks of different types")
    for i in range(len(chunk.layout.names)):
        look = &chunk.face.looks[i]
        for at in range(rows):
            if not same_value(&chunk.window.part.columns[i], a + at, &other.window.part.columns[i], b + at, look):
                return False
    return True


cdef tuple checked(tuple chunks):
    for chunk in chunks:
        if not isinstance(chunk, Chunk):
            raise TypeError("chunks are of type Chunk")
    return chunks


def arrow_schema(Layout layout not None):
    """The schema of a layout as an Arrow PyCapsule."""
    return schema_capsule(face_of(layout).description)


def arrow_stream(Layout layout not None, tuple chunks not None):
    """A stream of the chunks, which have the layout's names and types, as an Arrow PyCapsule."""
    cdef Py_ssize_t n = 0
    cdef Chunk chunk
    windows = <Window*> PyMem_Malloc(max(1, len(chunks)) * sizeof(Window))
    if windows == NULL:
        raise MemoryError()
    try:
        # Bounds: a place for each chunk.
        for chunk in checked(chunks):
            windows[n] = chunk.window
            n += 1
        return stream_capsule(face_of(layout).description, windows, n)
    finally:
        PyMem_Free(windows)


# ── columns ──────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef class Column:
    """One column of a chunk, or of several chunks of the same names and types.

    A fixed-width column of one chunk has the buffer protocol, without a copy: `numpy.asarray(column)`.
    Addresses, MACs and raw octets have two dimensions. Octets of a null are any; see `nulls`.

    Parameters
    ----------
    layout : Layout
    index : int
        Which column of it.
    chunks : tuple of Chunk
    """

    cdef readonly Layout layout
    cdef readonly Py_ssize_t index
    cdef tuple _chunks
    cdef Look look
    cdef Py_ssize_t _rows
    cdef Py_ssize_t[2] _shape
    cdef Py_ssize_t[2] _strides

    def __cinit__(self, Layout layout not None, Py_ssize_t index, tuple chunks not None):
        cdef Chunk chunk
        if not 0 <= index < len(layout.names):
            raise IndexError(f"no column {index}")
        for chunk in checked(chunks):
            if index >= len(chunk.layout.types) or chunk.layout.types[index] != layout.types[index]:
                raise ValueError("chunks of different types")
            self._rows += chunk.window.rows
        self.layout = layout
        self.index = index
        self.look = face_of(layout).looks[index]
        self._chunks = chunks
        self._shape = [self._rows, self.look.width]
        self._strides = [self.look.width, 1]

    @property
    def name(self):
        return self.layout.names[self.index]

    @property
    def type(self):
        """The name of its ColumnType: "u32", "address", "time", ..."""
        return self.layout.types[self.index].name

    @property
    def unit(self):
        return self.layout.units[self.index]

    @property
    def chunks(self):
        """The column of each chunk, as a Column that has the buffer protocol."""
        return tuple([Column(self.layout, self.index, (chunk,)) for chunk in self._chunks])

    @property
    def null_count(self):
        cdef Py_ssize_t nulls = 0
        cdef Chunk chunk
        for chunk in self._chunks:
            nulls += count_nulls(
                &chunk.window.part.columns[self.index], chunk.window.part.rows, chunk.window.start, chunk.window.rows,
            )
        return nulls

    def nulls(self):
        """A byte for each value: 1 where it is null."""
        cdef Py_ssize_t at, n = 0
        cdef Chunk chunk
        cdef bytes flags = PyBytes_FromStringAndSize(NULL, self._rows)
        cdef uint8_t* to = <uint8_t*> <char*> flags
        # Bounds: the chunks together have _rows rows.
        for chunk in self._chunks:
            for at in range(chunk.window.start, chunk.window.start + chunk.window.rows):
                to[n] = is_null(&chunk.window.part.columns[self.index], at)
                n += 1
        return flags

    def to_list(self, *, bint text=True):
        """All values; None for null, and addresses as they are stored with `text=False`."""
        cdef list values = []
        cdef Chunk chunk
        cdef Py_ssize_t at
        for chunk in self._chunks:
            for at in range(chunk.window.rows):
                values.append(chunk.read(self.index, at, text))
        return values

    def __len__(self):
        return self._rows

    def __iter__(self):
        cdef Chunk chunk
        cdef Py_ssize_t at
        for chunk in self._chunks:
            for at in range(chunk.window.rows):
                yield chunk.read(self.index, at, True)

    def __getitem__(self, key):
        cdef Chunk chunk
        cdef Py_ssize_t at
        if isinstance(key, slice):
            return self.to_list()[key]
        at = key
        if at < 0:
            at += self._rows
        if at >= 0:
            for chunk in self._chunks:
                if at < chunk.window.rows:
                    return chunk.read(self.index, at, True)
                at -= chunk.window.rows
        raise IndexError(f"no value {key} in {self._rows}")

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        cdef Chunk chunk
        if len(self._chunks) != 1:
            raise BufferError(f"{len(self._chunks)} chunks are not one buffer; each of column.chunks is")
        if self.look.format == NULL:
            raise BufferError(f"values of {self.type} are not an array in memory")
        if flags & PyBUF_WRITABLE:
            raise BufferError("columns are immutable")
        chunk = self._chunks[0]
        # Bounds: the window's rows of `width` octets each.
        buffer.buf = <void*> (chunk.window.part.columns[self.index].data + chunk.window.start * self.look.width)
        buffer.len = self._rows * self.look.width
        buffer.readonly = 1
        buffer.ndim = 2 if self.look.is_octets else 1
        buffer.itemsize = 1 if buffer.ndim == 2 else self.look.width
        buffer.format = <char*> self.look.format if flags & PyBUF_FORMAT else NULL
        buffer.shape = self._shape if flags & PyBUF_ND else NULL
        buffer.strides = self._strides if flags & PyBUF_STRIDES == PyBUF_STRIDES else NULL
        buffer.suboffsets = NULL
        buffer.internal = NULL
        buffer.obj = self

    def __repr__(self):
        return f"<Column {quoted(self.name)}: {self.type}, {self._rows} values, {self.null_count} null>"


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

@cython.final
@cython.no_gc
@cython.freelist(64)
@cython.nonecheck(True)
cdef class Row:
    """One row, read on demand; a Mapping of column names to values, and attributes of those names.

    A column hides a method of the same name; `row["name"]` always is the column.
    """

    cdef Chunk chunk
    cdef Py_ssize_t at

    def __getattribute__(self, name):
        cdef Py_ssize_t column = column_of(self.chunk.face, name)
        if column < 0:
            return PyObject_GenericGetAttr(self, name)
        return self.chunk.read(column, self.at, True)

    def __getitem__(self, name):
        cdef Py_ssize_t column = column_of(self.chunk.face, name)
        if column < 0:
            raise KeyError(name)
        return self.chunk.read(column, self.at, True)

    def get(self, name, default=None):
        """The value of the column, or `default` where there is no such column."""
        return self.chunk.read(self.chunk.layout.index[name], self.at, True) if name in self else default

    def raw(self, name):
        """The value's octets as they were on the wire, None for null.

        NATIVE rows have every octet that was sent, also of values that are null because their column
        cannot hold them. Other rows have them as far as values tell: times are eight octets,
        nanoseconds.
        """
        cdef Py_ssize_t column = self.chunk.layout.index[name]
        return raw_octets(self.chunk.face, self.chunk.window.part, column, self.chunk.window.start + self.at)

    def as_dict(self, *, bint text=True):
        """All columns and values; `text=False` gives addresses as they are stored."""
        cdef Py_ssize_t i
        return {name: self.chunk.read(i, self.at, text) for i, name in enumerate(self.chunk.layout.names)}

    def keys(self):
        return KeysView(self)

    def values(self):
        return ValuesView(self)

    def items(self):
        return ItemsView(self)

    def __contains__(self, name):
        return name in self.chunk.layout.index

    def __iter__(self):
        return iter(self.chunk.layout.names)

    def __len__(self):
        return len(self.chunk.layout.names)

    def __eq__(self, other):
        if not isinstance(other, Mapping):
            return NotImplemented
        return Row.as_dict(self) == (Row.as_dict(other) if isinstance(other, Row) else dict(other))

    def __repr__(self):
        said = [f"{name}={quoted(value)}" for name, value in Row.as_dict(self).items() if value is not None]
        return f"Row({', '.join(said)})"


cdef inline Row new_row(Chunk chunk, Py_ssize_t at):
    cdef Row row = Row.__new__(Row)
    row.chunk = chunk
    row.at = at
    return row


@cython.final
cdef class RowIterator:
    cdef Chunk chunk
    cdef Py_ssize_t at

    def __iter__(self):
        return self

    def __next__(self):
        if self.chunk is None or self.at >= self.chunk.window.rows:
            raise StopIteration
        self.at += 1
        return new_row(self.chunk, self.at - 1)


Mapping.register(Row)
