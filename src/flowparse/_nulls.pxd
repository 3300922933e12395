# cython: language_level=3
"""Nulls of a part that is being finished."""

from libc.stdint cimport uint8_t

from flowparse._part cimport Part

cdef void pack(uint8_t* bitmap, const uint8_t* flags, Py_ssize_t n, uint8_t flip) noexcept nogil
cdef void set_nulls(Part* part, int column, const uint8_t* flags, Py_ssize_t nulls, uint8_t flip) noexcept nogil
cdef void replace_octets(Part* part, int column, int other, const uint8_t* flags) noexcept nogil
