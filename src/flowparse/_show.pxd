# cython: language_level=3
"""How stored values read."""

from libc.stdint cimport uint16_t

from flowparse._arrow cimport Description
from flowparse._columns cimport ColumnRef, Layout

ctypedef object (*Reader)(const ColumnRef* ref, Py_ssize_t row, int width)

cdef struct Look:               # how to read a column
    Reader text                 # addresses as str
    Reader plain                # addresses as stored
    const char* format          # of the buffer protocol; NULL: its memory is not an array of values
    uint16_t width              # octets of a value in memory; 0: variable
    uint16_t wire_octets        # likewise on the wire, as far as `raw` may know it
    int kind                    # index in KINDS
    bint is_bits
    bint is_octets              # fixed octets in network order


cdef class Face:
    cdef Description* description
    cdef Look* looks
    cdef dict derived           # layouts that _convert made of this one


cdef Face face_of(Layout layout)
cdef bytes raw_octets(const ColumnRef* ref, Py_ssize_t row, const Look* look)
cdef bint same_value(
    const ColumnRef* a, Py_ssize_t row, const ColumnRef* b, Py_ssize_t other, const Look* look,
) noexcept nogil


cdef inline bint is_null(const ColumnRef* ref, Py_ssize_t row) noexcept nogil:
    # Bounds: the caller's row lies within the part, and the bitmap has a bit for each.
    return ref.validity != NULL and not ref.validity[row >> 3] >> (row & 7) & 1
