# cython: language_level=3
"""Columns of parts that are made of other parts' columns."""

from libc.stdint cimport uint8_t

from flowparse._part cimport ColumnRef, Part

cdef uint8_t* new_column(ColumnRef* to, Py_ssize_t rows, size_t offset_octets, size_t data_octets) noexcept nogil
cdef void copy_nulls(ColumnRef* to, uint8_t* bitmap, const ColumnRef* source, Py_ssize_t rows) noexcept nogil
cdef void share_slab(Part* part, const Part* source) noexcept nogil
cdef void share_column(Part* part, int column, const Part* source, int from_column) noexcept nogil
cdef int all_null(Part* part, int column) noexcept nogil
cdef bint is_text(const ColumnRef* ref, Py_ssize_t rows) noexcept nogil
cdef int repair_text(const ColumnRef* source, Py_ssize_t rows, ColumnRef* to) noexcept nogil


cdef inline Py_ssize_t text_length(const uint8_t* at, Py_ssize_t length) noexcept nogil:
    """How long the text is, without the zeros at its end that fill a field up."""
    # Progress: one octet less each turn. Bounds: length > 0.
    while length > 0 and at[length - 1] == 0:
        length -= 1
    return length
