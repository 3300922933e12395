# cython: boundscheck=False, wraparound=False, cdivision=True
"""sFlow versions 2 and 4 (RFC 3176 sections 4.3 and 5): where blocks end, which have no lengths of their own.

A block is told by the format of the structure of version 5 that holds the same and more: the sampled header
lacks `stripped` here, the gateway its next hop (and in version 2 communities and local preference, with one
AS sequence instead of segments), the user its character sets, the URL its host.
"""

from flowparse._wire cimport be32, left

cdef OldCounters[8] OLD_COUNTERS = [
    OldCounters([0, 0], [0, 0]),
    OldCounters([1, 0], [88, 0]),       # generic
    OldCounters([1, 2], [88, 52]),      # Ethernet
    OldCounters([1, 3], [88, 72]),      # token ring
    OldCounters([1, 0], [88, 0]),       # FDDI
    OldCounters([1, 4], [88, 80]),      # 100 Mbit/s VG
    OldCounters([1, 0], [88, 0]),       # WAN
    OldCounters([5, 0], [28, 0]),       # VLAN
]


cdef const OldCounters* old_counters(uint32_t version) noexcept nogil:
    """The blocks of a counters sample of a block version; NULL where there is no such version."""
    return &OLD_COUNTERS[version] if 1 <= version <= 7 else NULL


cdef uint32_t format_of_packet(uint32_t type) noexcept nogil:
    """The format of a packet data type; 0 where there is none."""
    return 1 if type == 1 else type + 1 if type == 2 or type == 3 else 0


cdef uint32_t format_of_extended(uint32_t type) noexcept nogil:
    """The format of an extended data type; 0 where there is none."""
    return 1000 + type if 1 <= type <= 5 else 0


cdef bint skip_octets(Span* at, Py_ssize_t octets) noexcept nogil:
    if left(at) < octets:
        return False
    at.at += octets
    return True


cdef bint skip_items(Span* at, int octets) noexcept nogil:
    """Behind a count and its items, or a length, its octets and padding; False where they are not all there."""
    cdef Py_ssize_t count
    if left(at) < 4:
        return False
    # Bounds: 4 octets are there.
    count = be32(at.at)
    if count > (left(at) - 4) // octets:
        return False
    at.at += 4
    at.at += min((count * octets + 3) & ~<Py_ssize_t> 3, left(at))
    return True


cdef bint skip_segments(Span* at) noexcept nogil:
    """Behind a count of segments, each a type and a count of AS numbers."""
    cdef Py_ssize_t count
    if left(at) < 4:
        return False
    # Bounds: 4 octets are there.
    count = be32(at.at)
    at.at += 4
    if count > left(at) // 8:
        return False
    # Progress: a segment has at least 8 octets.
    while count > 0:
        if not skip_octets(at, 4) or not skip_items(at, 4):
            return False
        count -= 1
    return True


cdef bint skip_block(uint32_t format, uint32_t version, Span* at) noexcept nogil:
    """Behind the block of a flow sample; False where it does not hold together."""
    cdef uint32_t type
    if format == 1:
        return skip_octets(at, 8) and skip_items(at, 1)
    if format == 3 or format == 4:
        return skip_octets(at, 32 if format == 3 else 56)
    if format == 1001:
        return skip_octets(at, 16)
    if format == 1002:
        if left(at) < 4:
            return False
        # Bounds: 4 octets are there.
        type = be32(at.at)
        return type <= 2 and skip_octets(at, 12 + (0 if type == 0 else 4 if type == 1 else 16))
    if format == 1003:
        if not skip_octets(at, 12):
            return False
        if version == 2:
            return skip_items(at, 4)
        return skip_segments(at) and skip_items(at, 4) and skip_octets(at, 4)
    if format == 1004:
        return skip_items(at, 1) and skip_items(at, 1)
    return format == 1005 and skip_octets(at, 4) and skip_items(at, 1)


cdef bint skip_old_sample(uint32_t version, Span* at) noexcept nogil:
    """Behind a sample, whose type is the first word; False where it does not hold together."""
    cdef const OldCounters* blocks
    cdef uint32_t type, count
    if left(at) < 4:
        return False
    # Bounds: compared before each load.
    type = be32(at.at)
    at.at += 4
    if type == 2:
        if left(at) < 16:
            return False
        blocks = old_counters(be32(at.at + 12))
        at.at += 16
        return blocks != NULL and skip_octets(at, blocks.octets[0] + blocks.octets[1])
    if type != 1 or left(at) < 32:
        return False
    type = be32(at.at + 28)
    at.at += 32
    if not skip_block(format_of_packet(type), version, at) or left(at) < 4:
        return False
    count = be32(at.at)
    at.at += 4
    # Progress: a block has at least 4 octets, or the sample does not hold together.
    while count > 0:
        if left(at) < 4:
            return False
        type = be32(at.at)
        at.at += 4
        if not skip_block(format_of_extended(type), version, at):
            return False
        count -= 1
    return True
