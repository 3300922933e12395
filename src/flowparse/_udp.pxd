# cython: language_level=3, cdivision=True
"""A UDP datagram out of the octets of an IP packet: all of it inline, no Python.

A `Layer` knows how many octets the layer below says there are and how many of them were captured,
so that one comparison tells a header that lies from a capture that was cut short. Nothing is
guessed: a packet that does not hold a whole datagram gets the verdict that says why.

Sources: RFC 791 §3.1, RFC 8200 §§3-4, RFC 768. Not done: reassembly, jumbograms, tunnels, checksums.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t
from libc.string cimport memcpy, memset

from flowparse._wire cimport be16


cdef enum Verdict:              # what became of a packet; every packet has exactly one
    PACKET_DATAGRAM             # a whole UDP datagram, given
    PACKET_NOT_UDP              # another protocol
    PACKET_OTHER_PORT           # UDP to a port that was not asked for
    PACKET_FRAGMENT             # a part of a datagram
    PACKET_SNAPPED              # captured too short
    PACKET_BAD                  # a header that lies
    PACKET_UNKNOWN_LINK         # a link layer that is not read here
    PACKET_UNKNOWN_INTERFACE    # an interface not described, beyond MAX_INTERFACES, or without a readable clock
    N_VERDICTS


cdef struct Datagram:
    const uint8_t* payload
    Py_ssize_t length
    Py_ssize_t offset           # of the packet's record or block, from the start of the capture
    int64_t time_ns             # since 1970; 0 if the capture does not say
    uint8_t source[16]          # IPv4 as ::ffff:a.b.c.d
    uint8_t destination[16]
    uint16_t source_port
    uint16_t destination_port


cdef struct Layer:              # the octets from a header on; 0 <= have <= said always holds
    const uint8_t* at
    Py_ssize_t have             # captured
    Py_ssize_t said             # that there are, by the layer below


cdef inline Verdict lacks(const Layer* layer, Py_ssize_t n) noexcept nogil:
    """Tell why n octets cannot be read; PACKET_DATAGRAM, which is false, if they can."""
    if layer.have >= n:
        return PACKET_DATAGRAM
    return PACKET_SNAPPED if layer.said >= n else PACKET_BAD


cdef inline void skip(Layer* layer, Py_ssize_t n) noexcept nogil:
    # Bounds: the caller asked lacks(layer, n), so that 0 <= n <= have <= said.
    layer.at += n
    layer.have -= n
    layer.said -= n


cdef inline Verdict narrow(Layer* layer, Py_ssize_t n) noexcept nogil:
    """Take the header's own word, n >= 0, for the length of the layer; more than there is, is a lie."""
    if n > layer.said:
        return PACKET_BAD
    layer.said = n
    layer.have = min(layer.have, n)
    return PACKET_DATAGRAM


cdef enum:
    HOP_BY_HOP = 0
    UDP = 17
    ROUTING = 43
    FRAGMENT = 44
    AUTHENTICATION = 51
    DESTINATION = 60
    MOBILITY = 135
    HOST_IDENTITY = 139
    SHIM6 = 140


cdef inline void mapped(uint8_t* address, const uint8_t* octets) noexcept nogil:
    # Bounds: 16 places at address; the caller proved 4 octets.
    memset(address, 0, 10)
    address[10] = address[11] = 0xFF
    memcpy(address + 12, octets, 4)


cdef inline Verdict read_ipv4(Layer* layer, Datagram* datagram) noexcept nogil:
    cdef Py_ssize_t header
    cdef uint16_t fragment
    cdef uint8_t first, proto
    cdef Verdict verdict = lacks(layer, 20)
    if verdict:
        return verdict
    # Bounds: 20 octets are there.
    first = layer.at[0]
    header = (first & 15) * 4
    if first >> 4 != 4 or header < 20:
        return PACKET_BAD
    fragment = be16(layer.at + 6)
    proto = layer.at[9]
    mapped(datagram.source, layer.at + 12)
    mapped(datagram.destination, layer.at + 16)
    verdict = narrow(layer, be16(layer.at + 2)) or lacks(layer, header)
    if verdict:
        return verdict
    if proto != UDP:
        return PACKET_NOT_UDP
    if fragment & 0x3FFF:       # more to come, or not the first: reserved and "don't fragment" are the other bits
        return PACKET_FRAGMENT
    skip(layer, header)
    return PACKET_DATAGRAM


cdef inline bint is_extension(uint8_t kind) noexcept nogil:
    return (
        kind == HOP_BY_HOP or kind == ROUTING or kind == FRAGMENT or kind == AUTHENTICATION or kind == DESTINATION
        or kind == MOBILITY or kind == HOST_IDENTITY or kind == SHIM6
    )


cdef inline Verdict read_ipv6(Layer* layer, Datagram* datagram) noexcept nogil:
    cdef Py_ssize_t length
    cdef uint8_t kind, following
    cdef Verdict verdict = lacks(layer, 40)
    if verdict:
        return verdict
    # Bounds: 40 octets are there.
    if layer.at[0] >> 4 != 6:
        return PACKET_BAD
    kind = layer.at[6]
    memcpy(datagram.source, layer.at + 8, 16)
    memcpy(datagram.destination, layer.at + 24, 16)
    length = be16(layer.at + 4)
    skip(layer, 40)
    verdict = narrow(layer, length)
    if verdict:
        return verdict
    # Progress: each turn uses the 8 octets or more of an extension header.
    while is_extension(kind):
        verdict = lacks(layer, 8)
        if verdict:
            return verdict
        # Bounds: 8 octets are there.
        following = layer.at[0]
        if kind == FRAGMENT:
            length = 8
            if be16(layer.at + 2) & 0xFFF9:     # RFC 6946: neither offset nor more to come is a whole datagram
                return PACKET_FRAGMENT if following == UDP or is_extension(following) else PACKET_NOT_UDP
        elif kind == AUTHENTICATION:            # RFC 4302 §2.2: counts 4 octets, all but two of them
            length = (<Py_ssize_t>layer.at[1] + 2) * 4
        else:                                   # RFC 6564: counts 8 octets, all but the first
            length = (<Py_ssize_t>layer.at[1] + 1) * 8
        verdict = lacks(layer, length)
        if verdict:
            return verdict
        skip(layer, length)
        kind = following
    return PACKET_DATAGRAM if kind == UDP else PACKET_NOT_UDP


cdef inline Verdict read_udp(Layer* layer, const uint8_t* ports, Datagram* datagram) noexcept nogil:
    cdef Py_ssize_t length
    cdef uint16_t port
    cdef Verdict verdict = lacks(layer, 8)
    if verdict:
        return verdict
    # Bounds: 8 octets are there; ports has 65,536 bits.
    port = be16(layer.at + 2)
    if ports != NULL and not ports[port >> 3] >> (port & 7) & 1:
        return PACKET_OTHER_PORT
    datagram.source_port = be16(layer.at)
    datagram.destination_port = port
    length = be16(layer.at + 4)
    if length < 8:              # 0 is a jumbogram (RFC 2675 §4); its length would have to be guessed
        return PACKET_BAD
    verdict = narrow(layer, length) or lacks(layer, length)
    if verdict:
        return verdict
    skip(layer, 8)
    datagram.payload = layer.at
    datagram.length = layer.have
    return PACKET_DATAGRAM
