# cython: language_level=3
"""Interfaces by ifIndex, and the flows that went through them."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from flowparse._layout cimport ADDRESS_OCTETS
from flowparse._part cimport Part

cdef enum:
    DENSE = 1024                # ifIndexes below it are added up in an array, where there are rows enough
    EXPORTERS = 256             # of which it is remembered where their entries are
    PLACES = 256                # of each, found again by the last 8 bits of an ifIndex

cdef struct Interface:
    uint8_t exporter[ADDRESS_OCTETS]
    uint64_t flows[2]           # that came in, that went out
    uint64_t octets[2]
    int64_t last_ns             # NO_TIME: never known
    uint32_t if_index
    int32_t next                # of its bucket
    uint8_t known               # whether it is known who exports
    uint8_t recent              # heard of since the hand came by

cdef struct Places:             # of the entries of an exporter; NONE where there is none
    uint8_t exporter[ADDRESS_OCTETS]
    uint8_t known
    uint8_t used
    int32_t entry[PLACES]

cdef struct Interfaces:
    int32_t most
    int32_t n
    int32_t capacity            # of `entries`; a power of two, as many buckets
    int shift                   # a hash's first bits are the bucket
    Interface* entries
    int32_t* buckets
    int32_t hand                # the entry that may make room next
    uint64_t evicted
    uint64_t refused            # without memory
    uint64_t sums[2][DENSE]     # zero between two parts
    Places* places              # EXPORTERS of them, when the first rows were counted

cdef void count_part(Interfaces* counts, const Part* part) noexcept nogil


cdef class InterfaceTable:
    cdef Interfaces* counts
