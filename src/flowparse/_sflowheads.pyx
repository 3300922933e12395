# cython: boundscheck=False, wraparound=False, cdivision=True
"""What sFlow datagrams and samples say of themselves, before their records (sflow_version_5.txt; RFC 3176)."""

from libc.string cimport memcpy, memset

from flowparse._sampled cimport put_ipv4
from flowparse._wire cimport be32


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
