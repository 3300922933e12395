# cython: language_level=3
"""Buffers that callers pass: octets, and arrays of integers."""

from libc.stdint cimport uint8_t

cdef struct Octets:
    const uint8_t* at
    Py_ssize_t length
    bint held                   # whether `view` is to be released
    Py_buffer view

cdef int hold_buffer(object octets, Py_buffer* view) except -1
cdef int hold_octets(object octets, Octets* held) except -1
cdef void let_go(Octets* held) noexcept
cdef bytes copy_octets(object octets)
cdef int hold_integers(object integers, Py_buffer* view, int width, str name) except -1
