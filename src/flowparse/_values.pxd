# cython: language_level=3
"""Chunks, columns and rows: finished parts as Python sees them."""

from libc.stdint cimport uint16_t

from flowparse._arrow cimport Description, Window
from flowparse._columns cimport ColumnRef, Layout, Part, Sealed

ctypedef object (*Reader)(const ColumnRef* ref, Py_ssize_t row, int width)

cdef struct Look:               # how to read a column
    Reader text                 # addresses as str
    Reader plain                # addresses as stored
    uint16_t width              # octets of a value in memory; 0: variable
    uint16_t wire_octets
    int kind                    # index in KINDS


cdef class Face:
    cdef Description* description
    cdef Look* looks
    cdef dict derived           # layouts that _convert made of this one


cdef class Chunk:
    cdef Window window
    cdef Sealed sealed
    cdef Face face
    cdef readonly Layout layout
    cdef object read(self, Py_ssize_t column, Py_ssize_t at, bint text)


cdef Face face_of(Layout layout)


cdef inline bint is_null(const ColumnRef* ref, Py_ssize_t row) noexcept nogil:
    # Bounds: the caller's row lies within the part, and the bitmap has a bit for each.
    return ref.validity != NULL and not ref.validity[row >> 3] >> (row & 7) & 1
