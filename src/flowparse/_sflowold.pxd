# cython: language_level=3
"""Blocks of sFlow versions 2 and 4."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from flowparse._wire cimport Span

cdef enum:
    MOST_BLOCKS = 2                 # of a counters sample

cdef struct OldCounters:            # of a block version: formats of version 5, and their octets
    uint16_t[MOST_BLOCKS] formats
    uint16_t[MOST_BLOCKS] octets

cdef const OldCounters* old_counters(uint32_t version) noexcept nogil
cdef uint32_t format_of_packet(uint32_t type) noexcept nogil
cdef uint32_t format_of_extended(uint32_t type) noexcept nogil
cdef bint skip_block(uint32_t format, uint32_t version, Span* at) noexcept nogil
cdef bint skip_old_sample(uint32_t version, Span* at) noexcept nogil
