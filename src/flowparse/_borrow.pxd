# cython: language_level=3
"""Arrow columns of others: checked arrays, and a place in them."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from flowparse._arrow cimport ArrowArray, ArrowArrayStream, ArrowSchema

cdef enum Kind:                     # how the values of a column lie
    KIND_INT32_OFFSETS = 0
    KIND_INT64_OFFSETS = 1
    KIND_VIEWS = 2
    KIND_FIXED = 3
    KIND_INT64 = 4

cdef enum:
    VIEW = 16                       # octets of a view
    INLINE = 12                     # octets that it holds itself

cdef struct Piece:                  # a checked array of values
    Py_ssize_t length
    const uint8_t* validity         # NULL: all are there
    int64_t offset
    Kind kind
    int width                       # of KIND_FIXED
    const uint8_t* first            # buffer 1
    const void** buffers
    int64_t n_data                  # data buffers of views


cdef inline bint is_there(const Piece* piece, Py_ssize_t i) noexcept nogil:
    cdef int64_t at = piece.offset + i
    # Bounds: i < length, and the bitmap has offset + length bits.
    return piece.validity == NULL or piece.validity[at >> 3] >> (at & 7) & 1


cdef inline int64_t int64_of(const Piece* piece, Py_ssize_t i) noexcept nogil:
    # Bounds: i < length, and buffer 1 has offset + length entries.
    return (<const int64_t*> piece.first)[piece.offset + i]


cdef class Held:
    cdef ArrowArray array


cdef class Type:
    cdef ArrowSchema schema


cdef class Source:
    cdef ArrowArrayStream stream
    cdef int check(self, int code) except -1


cdef class Array:
    cdef Held held
    cdef Piece piece
    cdef bint is_text               # values are UTF-8
    cdef list values                # of a dictionary, as a caller would spell them; None: it is no dictionary
    cdef int index_width
    cdef bint index_signed
    cdef int64_t index_of(self, Py_ssize_t i)


cdef class Cursor:
    cdef list arrays
    cdef Array array
    cdef Py_ssize_t next            # of the arrays
    cdef Py_ssize_t at              # in the array
    cdef Py_ssize_t n               # of all arrays
    cdef int advance(self) except -1

cdef void look_up(const Piece* piece, Py_ssize_t i, const uint8_t** at, int64_t* length) noexcept nogil
cdef object spelled(const uint8_t* at, int64_t length, bint is_text)
cdef list arrays_of(object column, str what, object read)
cdef bint is_column(object given)
