# cython: language_level=3
"""What sFlow datagrams and samples say of themselves."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memset

from flowparse._sampled cimport KIND_COUNTER, KIND_FLOW, Sample
from flowparse._wire cimport Span, be32, left

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


cdef inline bint read_sample(uint32_t tag, Span* at, Sample* sample) noexcept nogil:
    """The head of a sample of formats 1 to 5, up to its number of records; False where it is too short."""
    cdef const uint8_t* head = at.at
    cdef bint expanded = tag == 3 or tag == 4
    cdef int length = 32 if tag == 1 or tag == 5 else 12 if tag == 2 else 44 if tag == 3 else 16
    memset(sample, 0, sizeof(Sample))
    if left(at) < length:
        return False
    # Bounds: `length` octets are there: so many words of each format.
    sample.kind = KIND_COUNTER if tag == 2 or tag == 4 else KIND_FLOW
    sample.sequence = be32(head)
    if expanded or tag == 5:
        sample.source_class = be32(head + 4)
        sample.source_index = be32(head + 8)
        head += 12
    else:
        sample.source_class = head[4]
        sample.source_index = be32(head + 4) & 0xFFFFFF
        head += 8
    if tag == 5:
        sample.discarded = True
        sample.drops = be32(head)
        sample.in_port = be32(head + 4)
        sample.out_port = be32(head + 8)
        sample.reason = be32(head + 12)
        head += 16
    elif sample.kind == KIND_FLOW:
        sample.rate = be32(head)
        sample.pool = be32(head + 4)
        sample.drops = be32(head + 8)
        head += 12
        if expanded:
            sample.in_format = be32(head)
            sample.in_port = be32(head + 4)
            sample.out_format = be32(head + 8)
            sample.out_port = be32(head + 12)
            head += 16
        else:
            sample.in_format = head[0] >> 6
            sample.in_port = be32(head) & 0x3FFFFFFF
            sample.out_format = head[4] >> 6
            sample.out_port = be32(head + 4) & 0x3FFFFFFF
            head += 8
    sample.count = be32(head)
    at.at += length
    return True
