# cython: boundscheck=False, wraparound=False, cdivision=True
"""What sFlow datagrams and samples say of themselves, before their records (sflow_version_5.txt; RFC 3176)."""

from libc.string cimport memcpy, memset

from flowparse._sampled cimport KIND_COUNTER, KIND_FLOW, put_ipv4
from flowparse._wire cimport be32, left

cdef int[6] HEAD_OCTETS = [0, 32, 12, 44, 16, 32]      # of samples, by their format


cdef int read_header(const uint8_t* octets, Py_ssize_t length, Header* header) noexcept nogil:
    """Read the header of a datagram whose version is 2, 4 or 5; 0, or -1 with `length` octets needed at least.

    1 where the address of the agent is of no known type.
    """
    cdef const uint8_t* at
    cdef uint32_t type
    memset(header, 0, sizeof(Header))
    header.length = 8
    if length < 8:
        return -1
    # Bounds: 8 octets are there, and the rest is compared as its length becomes known.
    header.version = be32(octets)
    type = be32(octets + 4)
    if type > 2:
        return 1
    header.has_agent = type != 0
    header.length = 8 + (0 if type == 0 else 4 if type == 1 else 16) + (16 if header.version == 5 else 12)
    if length < header.length:
        return -1
    at = octets + 8
    if type == 1:
        put_ipv4(header.agent, at)
        at += 4
    elif type == 2:
        memcpy(header.agent, at, 16)
        at += 16
    if header.version == 5:
        header.sub_agent = be32(at)
        at += 4
    header.sequence = be32(at)
    header.uptime_ms = be32(at + 4)
    header.count = be32(at + 8)
    return 0


cdef bint read_sample(uint32_t tag, Span* at, Sample* sample) noexcept nogil:
    """The head of a sample of formats 1 to 5, up to its number of records; False where it is too short."""
    cdef const uint8_t* head = at.at
    cdef bint expanded = tag == 3 or tag == 4
    cdef int length = HEAD_OCTETS[tag]
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
