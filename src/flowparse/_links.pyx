# cython: boundscheck=False, wraparound=False, cdivision=True
"""What stands before the IP header of a sampled packet: Ethernet, VLAN tags, 802.11, PPP, PPPoE, label stacks.

Each function reads one header at `at`, moves it behind, and returns the ethertype of what follows, or
NOTHING. A header that is not whole is not read and marks the packet as truncated.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from flowparse._headers cimport (
    ETYPE_BRIDGED, ETYPE_IPV4, ETYPE_IPV6, ETYPE_LEAST, ETYPE_MPLS, MOST_LABELS, MOST_VLANS, NOTHING, Packet,
)
from flowparse._wire cimport Span, be16, be32, left

# Bounds: `left` was compared before each load.


cdef inline bint is_tag(uint16_t etype) noexcept nogil:
    return etype == 0x8100 or etype == 0x88A8 or etype == 0x9100 or etype == 0x9200 or etype == 0x9300


# Each of these reads one header at `at`, and moves it behind it. Bounds: `left` was compared before each load.

cdef uint16_t read_snap(Span* at, Packet* packet) noexcept nogil:
    """LLC and SNAP (IEEE 802.2); the ethertype in it."""
    cdef uint16_t etype
    if left(at) < 3:
        packet.truncated = True
        return NOTHING
    if at.at[0] == 0x06 and at.at[1] == 0x06 and at.at[2] == 0x03:
        at.at += 3
        return ETYPE_IPV4
    if not (at.at[0] == 0xAA and at.at[1] == 0xAA and at.at[2] == 0x03):
        return NOTHING
    if left(at) < 8:
        packet.truncated = True
        return NOTHING
    etype = be16(at.at + 6) if at.at[3] == 0 and at.at[4] == 0 and at.at[5] == 0 else <uint16_t> NOTHING
    at.at += 8
    return etype


cdef uint16_t read_ethernet(Span* at, Packet* packet, bint keep) noexcept nogil:
    """Addresses, tags and the ethertype behind them, which are kept if `keep`."""
    cdef uint16_t etype
    if left(at) < 14:
        packet.truncated = True
        return NOTHING
    if keep:
        memcpy(packet.dst_mac, at.at, 6)
        memcpy(packet.src_mac, at.at + 6, 6)
        packet.has_macs = True
    etype = be16(at.at + 12)
    at.at += 14
    # Progress: four octets each turn.
    while is_tag(etype):
        if left(at) < 4:
            packet.truncated = True
            return NOTHING
        if keep:
            if packet.n_vlans < MOST_VLANS:
                packet.vlans[packet.n_vlans] = be16(at.at)
            if packet.n_vlans < 255:
                packet.n_vlans += 1
        etype = be16(at.at + 2)
        at.at += 4
    if etype < ETYPE_LEAST:
        etype = read_snap(at, packet)
    if keep and etype != NOTHING:
        packet.has_etype = True
        packet.etype = etype
    return etype


cdef uint16_t read_80211(Span* at, Packet* packet) noexcept nogil:
    """An IEEE 802.11 data frame: source and destination by the direction bits, then LLC."""
    cdef uint8_t control, flags
    cdef const uint8_t* header = at.at
    cdef int length = 24
    cdef int source, destination
    if left(at) < 24:
        packet.truncated = True
        return NOTHING
    control = header[0]
    flags = header[1]
    if control & 0x0C != 0x08:              # not a data frame
        return NOTHING
    destination = 16 if flags & 1 else 4
    source = 10
    if flags & 2:
        source = 16
        if flags & 1:
            source = 24
            length = 30
    if control & 0x80:                      # quality of service
        length += 2
    if left(at) < length:
        packet.truncated = True
        return NOTHING
    # Bounds: source + 6 <= length.
    memcpy(packet.dst_mac, header + destination, 6)
    memcpy(packet.src_mac, header + source, 6)
    packet.has_macs = True
    at.at += length
    if control & 0x40 or flags & 0x40:      # no data, or enciphered
        return NOTHING
    packet.etype = read_snap(at, packet)
    packet.has_etype = packet.etype != NOTHING
    return packet.etype


cdef uint16_t read_ppp(Span* at, Packet* packet) noexcept nogil:
    """A PPP protocol number (RFC 1661, which lets it be one octet; RFC 1662's FF 03 may stand before it)."""
    cdef uint16_t number
    if left(at) >= 2 and at.at[0] == 0xFF and at.at[1] == 0x03:
        at.at += 2
    if left(at) < 2:
        packet.truncated = True
        return NOTHING
    if at.at[0] & 1:
        number = at.at[0]
        at.at += 1
    else:
        number = be16(at.at)
        at.at += 2
    if number == 0x0021:
        return ETYPE_IPV4
    if number == 0x0057:
        return ETYPE_IPV6
    return <uint16_t> (ETYPE_MPLS if number == 0x0281 else NOTHING)


cdef uint16_t read_labels(Span* at, Packet* packet, bint keep) noexcept nogil:
    """A label stack (RFC 3032); what is below it shows in its first half octet."""
    cdef uint32_t entry = 0
    # Progress: four octets each turn.
    while not entry & 0x100:
        if left(at) < 4:
            packet.truncated = True
            return NOTHING
        entry = be32(at.at)
        at.at += 4
        if keep:
            if packet.n_labels < MOST_LABELS:
                packet.labels[packet.n_labels] = entry
            if packet.n_labels < 255:
                packet.n_labels += 1
    if left(at) < 1:
        packet.truncated = True
        return NOTHING
    if at.at[0] >> 4 == 4:
        return ETYPE_IPV4
    if at.at[0] >> 4 == 6:
        return ETYPE_IPV6
    if at.at[0] >> 4 == 0 and left(at) >= 4:
        at.at += 4                          # a control word (RFC 4448), then Ethernet
        return ETYPE_BRIDGED
    return NOTHING


cdef uint16_t read_pppoe(Span* at, Packet* packet) noexcept nogil:
    """A PPPoE session header (RFC 2516) and the PPP protocol in it."""
    if left(at) < 6:
        packet.truncated = True
        return NOTHING
    packet.has_pppoe = True
    packet.pppoe_session = be16(at.at + 2)
    at.at += 6
    return read_ppp(at, packet)
