# cython: language_level=3
"""Records of a sample."""

from libc.stdint cimport uint32_t

from flowparse._textstate cimport Assembly

cdef void open_record(Assembly* a, int form) noexcept nogil
cdef void note_skipped(Assembly* a, uint32_t enterprise, uint32_t format) noexcept nogil
cdef void close_record(Assembly* a) noexcept nogil
cdef bint is_whole(const Assembly* a) noexcept nogil
