# cython: language_level=3
"""Interfaces by ifIndex, and the flows that went through them."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from flowparse._layout cimport ADDRESS_OCTETS
from flowparse._part cimport Part

cdef enum:
    DENSE = 1024                # ifIndexes below it are added up in an array
    RECENT = 256                # others are found again by their last 8 bits

cdef struct Interface:
    uint8_t exporter[ADDRESS_OCTETS]
    bint known                  # whether it is known who exports
    bint has_time
    bint recent                 # heard of since the hand came by
    uint32_t if_index
    uint64_t flows[2]           # that came in, that went out
    uint64_t octets[2]
    int64_t last_ns
    int32_t next                # of its bucket

cdef struct Interfaces:
    int32_t most
    int32_t n
    int32_t capacity            # of `entries`; a power of two, as many buckets
    Interface* entries
    int32_t* buckets
    int32_t hand                # the entry that may make room next
    uint64_t evicted
    uint64_t refused            # without memory
    uint64_t sums[2][DENSE]     # zero between two parts
    int32_t places[DENSE]       # where the entries of these ifIndexes were found last
    int32_t recent[RECENT]

cdef void count_part(Interfaces* counts, const Part* part) noexcept nogil


cdef class InterfaceTable:
    cdef Interfaces* counts
