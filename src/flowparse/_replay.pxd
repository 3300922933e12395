# cython: language_level=3
"""Data Sets that came before their template."""

from libc.stdint cimport uint16_t

from flowparse._datasets cimport DataWalker
from flowparse._plan cimport Stop
from flowparse._wire cimport Span


cdef class ReplayWalker(DataWalker):
    cdef Stop _without_template(self, uint16_t id, const Span* body) noexcept nogil
    cdef void _make_room(self) noexcept nogil
    cdef void _sort_pending(self) noexcept nogil
    cdef bint _next_pending(self) noexcept nogil
    cdef Stop _replay_set(self) noexcept nogil
