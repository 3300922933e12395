# cython: language_level=3
"""What sFlow datagrams and samples say of themselves."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from flowparse._sampled cimport Sample
from flowparse._wire cimport Span

cdef enum:
    LEAST = 8                       # octets of a sample or record: tag and length
    BROCADE = 1991 << 12 | 1        # two words, and then an ordinary sample that the count tells of

cdef struct Header:                 # of a datagram
    uint32_t version
    bint has_agent
    uint8_t agent[16]
    uint32_t sub_agent
    uint32_t sequence
    uint32_t uptime_ms
    uint32_t count
    uint16_t length                 # octets before the first sample

cdef int read_header(const uint8_t* octets, Py_ssize_t length, Header* header) noexcept nogil
cdef bint read_sample(uint32_t tag, Span* at, Sample* sample) noexcept nogil
