# cython: language_level=3
"""sflowtool's tagged text in, datagrams out."""

from libc.stdint cimport uint8_t

from flowparse._textstate cimport Assembly
from flowparse._textkeys cimport Keys


cdef class Assembler:
    cdef Assembly a
    cdef Keys keys
    cdef uint8_t* carry         # a line of which the end has not come
    cdef Py_ssize_t carried
    cdef Py_ssize_t most_line
    cdef bint too_long          # the line is longer than that; its rest goes
    cdef int columns            # before each line: 7 with sflowtool -g
    cdef bint strip_return
    cdef bint busy

    cdef int enter(self) except -1
    cdef void read(self, const uint8_t* at, const uint8_t* end) noexcept nogil
    cdef void end(self) noexcept nogil
    cdef void stash(self, const uint8_t* at, const uint8_t* end) noexcept nogil
    cdef void take_one(self, const uint8_t* at, const uint8_t* end) noexcept nogil
