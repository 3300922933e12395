# cython: language_level=3
"""Lines that may be the rest of a string."""

from libc.stdint cimport uint8_t

from flowparse._textstate cimport Assembly

cdef void take_stray(Assembly* a, const uint8_t* line, const uint8_t* end) noexcept nogil
cdef void close_joins(Assembly* a) noexcept nogil
cdef void forget_joins(Assembly* a) noexcept nogil
cdef void settle_joins(Assembly* a) noexcept nogil
