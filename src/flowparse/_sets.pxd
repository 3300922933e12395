# cython: language_level=3
"""The walk over the Sets of a NetFlow v9 or IPFIX message."""

from flowparse._plan cimport Stop
from flowparse._replay cimport ReplayWalker


cdef class SetWalker(ReplayWalker):
    cdef Stop _next_set(self) noexcept nogil
    cdef Stop _end_of_sets(self) noexcept nogil
    cdef Stop _settle(self) noexcept nogil
