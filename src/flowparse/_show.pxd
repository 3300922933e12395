# cython: language_level=3
"""How stored values read."""

from libc.stdint cimport uint8_t, uint16_t

from flowparse._arrow cimport Description
from flowparse._layout cimport Layout
from flowparse._part cimport ColumnRef, Part

ctypedef object (*Reader)(const ColumnRef* ref, Py_ssize_t row, int width)

cdef struct Look:               # how to read a column
    Reader text                 # addresses as str
    Reader plain                # addresses as stored
    const char* format          # of the buffer protocol; NULL: its memory is not an array of values
    uint16_t width              # octets of a value in memory; 0: variable
    uint16_t wire_octets        # likewise on the wire, as far as `raw` may know it
    uint8_t form                # how its octets are made again, a Form
    uint16_t kept               # FORM_KEPT: the column that has them
    int kind                    # index in KINDS
    uint8_t item                # octets of what the offsets count: 1, and of lists those of an item
    bint is_bits
    bint is_octets              # fixed octets in network order


cdef enum:
    HINTS = 64                  # a power of two

cdef struct Hint:               # where a name was found last
    const void* name            # one of layout.names, borrowed; NULL: none yet
    Py_ssize_t column


cdef class Face:
    cdef Description* description
    cdef Look* looks
    cdef Hint hints[HINTS]      # by the name's place in memory
    cdef tuple names            # the layout's, and its index of them
    cdef list wires             # the layout's
    cdef dict index
    cdef Py_ssize_t find(self, object name) except -2
    cdef dict derived           # layouts that _convert made of this one


cdef Face face_of(Layout layout)
cdef object raw_octets(Face face, const Part* part, Py_ssize_t column, Py_ssize_t row)
cdef bint same_value(
    const ColumnRef* a, Py_ssize_t row, const ColumnRef* b, Py_ssize_t other, const Look* look,
) noexcept nogil


cdef inline Py_ssize_t column_of(Face face, object name) except -2:
    """The column of that name, -1 where there is none."""
    # A name in source code is one object, and so is a layout's: their places are compared before their characters.
    cdef Hint* hint = &face.hints[(<size_t> <void*> name >> 4) & (HINTS - 1)]
    return hint.column if hint.name == <void*> name else face.find(name)


cdef inline bint is_null(const ColumnRef* ref, Py_ssize_t row) noexcept nogil:
    # Bounds: the caller's row lies within the part, and the bitmap has a bit for each.
    return ref.validity != NULL and not ref.validity[row >> 3] >> (row & 7) & 1
