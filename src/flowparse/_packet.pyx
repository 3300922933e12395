# cython: boundscheck=False, wraparound=False, cdivision=True
"""Sampled packets: link (`_links`), network and transport headers from the start of a packet, cut anywhere.

Ethernet II and 802.3 with SNAP, VLAN tags to any depth, MPLS, PPPoE, PPP, 802.11 data frames, IPv4 with
options, IPv6 with extension headers, TCP, UDP, UDP-Lite, DCCP, SCTP, ICMP and ICMPv6; what IP in IP, GRE,
VXLAN and Geneve carry is read once more, not deeper. A header that is not whole is not read and marks the
packet as truncated; no octet behind the given ones is looked at. Octets behind the end that an IP header
tells of are padding.

Not read: what a header says about itself is not compared with the rest (checksums, lengths).
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memset

from flowparse._addresses import text_of_address
from flowparse._headers cimport (
    ETYPE_BRIDGED, ETYPE_IPV4, ETYPE_IPV6, ETYPE_MPLS, ETYPE_MPLS_UP, ETYPE_PPPOE, NOTHING,
)
from flowparse._links cimport read_80211, read_ethernet, read_labels, read_ppp, read_pppoe
from flowparse._octets cimport Octets, hold_octets, let_go
from flowparse._wire cimport Span, be16, be32, left

cdef enum:
    PORT_VXLAN = 4789
    PORT_GENEVE = 6081
    PROTO_ICMP = 1
    PROTO_IPIP = 4
    PROTO_TCP = 6
    PROTO_UDP = 17
    PROTO_DCCP = 33
    PROTO_IPV6 = 41
    PROTO_GRE = 47
    PROTO_ICMPV6 = 58
    PROTO_SCTP = 132
    PROTO_UDPLITE = 136

cdef uint8_t[12] MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]


cdef inline void end_at(Span* at, const uint8_t* start, Py_ssize_t length) noexcept nogil:
    """What is behind `length` octets from `start` is padding."""
    if at.end - start > length:
        at.end = start + length


cdef bint read_ipv4(Span* at, Packet* packet, Network* network) noexcept nogil:
    """An IPv4 header (RFC 791) with its options; whether a transport header follows."""
    cdef const uint8_t* header = at.at
    cdef uint16_t fragment
    cdef int length
    if left(at) < 20:
        packet.truncated = True
        return False
    length = (header[0] & 0x0F) * 4
    if header[0] >> 4 != 4 or length < 20:
        return False
    network.version = 4
    network.knows = KNOWS_ADDRESSES | KNOWS_PROTO | KNOWS_FRAGMENT
    network.tos = header[1]
    network.length = be16(header + 2)
    network.fragment_id = be16(header + 4)
    fragment = be16(header + 6)
    network.fragment_flags = <uint8_t> (fragment >> 13 & 3)
    network.fragment_offset = fragment & 0x1FFF
    network.ttl = header[8]
    network.proto = header[9]
    memcpy(network.src, MAPPED, 12)
    memcpy(network.src + 12, header + 12, 4)
    memcpy(network.dst, MAPPED, 12)
    memcpy(network.dst + 12, header + 16, 4)
    if left(at) < length:
        packet.truncated = True
        return False
    at.at += length
    # A total length of 0 is what segmentation in hardware leaves of it.
    if network.length >= <uint32_t> length:
        end_at(at, header, network.length)
    return network.fragment_offset == 0


cdef bint read_ipv6(Span* at, Packet* packet, Network* network) noexcept nogil:
    """An IPv6 header (RFC 8200) and its extension headers; whether a transport header follows."""
    cdef const uint8_t* header = at.at
    cdef uint8_t following
    cdef int length
    if left(at) < 40:
        packet.truncated = True
        return False
    if header[0] >> 4 != 6:
        return False
    network.version = 6
    network.knows = KNOWS_ADDRESSES | KNOWS_LABEL
    network.tos = <uint8_t> (be16(header) >> 4)
    network.flow_label = be32(header) & 0xFFFFF
    network.length = be16(header + 4)
    network.ttl = header[7]
    memcpy(network.src, header + 8, 16)
    memcpy(network.dst, header + 24, 16)
    following = header[6]
    at.at += 40
    if network.length:                      # 0: a jumbogram (RFC 2675)
        network.length += 40
        end_at(at, header, network.length)
    # Progress: at least 8 octets each turn.
    while True:
        if following == 44:                 # fragment
            length = 8
        elif following in (0, 43, 60, 135, 139, 140):
            if left(at) < 2:
                break
            length = 8 * (at.at[1] + 1)
        elif following == 51:               # authentication (RFC 4302) counts in words
            if left(at) < 2:
                break
            length = 4 * (at.at[1] + 2)
        else:
            network.knows |= KNOWS_PROTO
            network.proto = following
            return True
        if left(at) < length:
            break
        if following == 44:
            network.knows |= KNOWS_FRAGMENT
            network.fragment_offset = be16(at.at + 2) >> 3
            network.fragment_flags = at.at[3] & 1
            network.fragment_id = be32(at.at + 4)
        following = at.at[0]
        at.at += length
        if network.fragment_offset:
            network.knows |= KNOWS_PROTO
            network.proto = following
            return False
    packet.truncated = True
    return False


cdef void read_transport(Span* at, Packet* packet, Network* network) noexcept nogil:
    """Ports, flags, type and code; `at` stays where it is."""
    cdef uint8_t proto = network.proto
    if proto == PROTO_TCP or proto == PROTO_UDP or proto in (PROTO_SCTP, PROTO_UDPLITE, PROTO_DCCP):
        if left(at) < 4:
            packet.truncated = True
            return
        network.src_port = be16(at.at)
        network.dst_port = be16(at.at + 2)
        network.knows |= KNOWS_PORTS
        if proto == PROTO_TCP:
            if left(at) < 14:
                packet.truncated = True
                return
            network.tcp_flags = be16(at.at + 12) & 0x0FFF
            network.knows |= KNOWS_FLAGS
    elif proto == PROTO_ICMP or proto == PROTO_ICMPV6:
        if left(at) < 2:
            packet.truncated = True
            return
        network.icmp_type = at.at[0]
        network.icmp_code = at.at[1]
        network.knows |= KNOWS_ICMP


cdef uint16_t read_gre(Span* at, Packet* packet) noexcept nogil:
    """A GRE header of version 0; the ethertype of what it carries."""
    cdef uint16_t flags, etype
    cdef int length = 4
    if left(at) < 4:
        packet.truncated = True
        return NOTHING
    flags = be16(at.at)
    if flags & 7:
        return NOTHING
    etype = be16(at.at + 2)
    length += 4 * ((flags >> 15 & 1) + (flags >> 13 & 1) + (flags >> 12 & 1))
    if left(at) < length:
        packet.truncated = True
        return NOTHING
    if flags & 0x2000:
        packet.has_vni = True
        packet.vni = be32(at.at + 4 + 4 * (flags >> 15 & 1))
    at.at += length
    packet.tunnel = TUNNEL_GRE
    return etype


cdef uint16_t read_tunnel(Span* at, Packet* packet, const Network* network) noexcept nogil:
    """The ethertype of what a tunnel carries, or NOTHING; `at` is behind the IP header."""
    cdef uint8_t proto = network.proto
    cdef uint16_t etype
    cdef int length
    if proto == PROTO_IPIP or proto == PROTO_IPV6:
        packet.tunnel = TUNNEL_IP
        return <uint16_t> (ETYPE_IPV4 if proto == PROTO_IPIP else ETYPE_IPV6)
    if proto == PROTO_GRE:
        return read_gre(at, packet)
    if proto != PROTO_UDP or not network.knows & KNOWS_PORTS:
        return NOTHING
    if network.dst_port == PORT_VXLAN:
        if left(at) < 16:
            packet.truncated = True
            return NOTHING
        if not at.at[8] & 0x08:             # the I flag: the number is valid
            return NOTHING
        packet.tunnel = TUNNEL_VXLAN
        packet.has_vni = True
        packet.vni = be32(at.at + 12) >> 8
        at.at += 16
        return ETYPE_BRIDGED
    if network.dst_port == PORT_GENEVE:
        if left(at) < 16:
            packet.truncated = True
            return NOTHING
        length = 16 + (at.at[8] & 0x3F) * 4
        if at.at[8] >> 6 != 0:
            return NOTHING
        if left(at) < length:
            packet.truncated = True
            return NOTHING
        packet.tunnel = TUNNEL_GENEVE
        packet.has_vni = True
        packet.vni = be32(at.at + 12) >> 8
        etype = be16(at.at + 10)
        at.at += length
        return etype
    return NOTHING


cdef bint read_network(
    Span* at, const uint8_t* start, uint16_t etype, Packet* packet, Network* network, bint keep,
) noexcept nogil:
    """From an ethertype to the transport header; whether something may follow that a tunnel carries."""
    cdef bint more
    # Progress: each step leads closer to IP, or out; a frame within a label stack is the last that is entered.
    if etype == ETYPE_PPPOE:
        etype = read_pppoe(at, packet)
    if etype == ETYPE_MPLS or etype == ETYPE_MPLS_UP:
        etype = read_labels(at, packet, keep)
    if etype == ETYPE_BRIDGED:
        etype = read_ethernet(at, packet, False)
    if etype != ETYPE_IPV4 and etype != ETYPE_IPV6:
        return False
    network.offset = <uint16_t> min(at.at - start, 0xFFFF)
    more = read_ipv4(at, packet, network) if etype == ETYPE_IPV4 else read_ipv6(at, packet, network)
    if more:
        read_transport(at, packet, network)
    return more


cdef void read_packet(const uint8_t* octets, Py_ssize_t length, uint32_t protocol, Packet* packet) noexcept nogil:
    """Read what `length` octets at `octets`, the start of a packet of a HeaderProtocol, say of it."""
    cdef Span at
    cdef uint16_t etype
    memset(packet, 0, sizeof(Packet))
    at.at = octets
    at.end = octets + length
    if protocol == HEADER_ETHERNET:
        etype = read_ethernet(&at, packet, True)
    elif protocol == HEADER_IPV4:
        etype = ETYPE_IPV4
    elif protocol == HEADER_IPV6:
        etype = ETYPE_IPV6
    elif protocol == HEADER_MPLS:
        etype = ETYPE_MPLS
    elif protocol == HEADER_PPP or protocol == HEADER_POS:
        etype = read_ppp(&at, packet)
    elif protocol == HEADER_80211:
        etype = read_80211(&at, packet)
    else:
        return
    if read_network(&at, octets, etype, packet, &packet.outer, True):
        etype = read_tunnel(&at, packet, &packet.outer)
        if etype != NOTHING:
            read_network(&at, octets, etype, packet, &packet.inner, False)


cdef void read_payload(const uint8_t* octets, Py_ssize_t length, uint8_t proto, Packet* packet) noexcept nogil:
    """Read what `length` octets at `octets`, the start of what an IP header is followed by, say of it."""
    cdef Span at
    memset(packet, 0, sizeof(Packet))
    at.at = octets
    at.end = octets + length
    packet.outer.proto = proto
    read_transport(&at, packet, &packet.outer)


# ── the door ─────────────────────────────────────────────────────────────────────────────────────────────────────────

TUNNELS = (None, "ip", "gre", "vxlan", "geneve")


cdef dict described(const Network* network):
    """What is known of a network layer, by name; None where nothing is."""
    cdef dict said
    if not network.knows & KNOWS_ADDRESSES:
        return None
    said = {
        "version": network.version,
        "offset": network.offset,
        "length": network.length,
        "src": text_of_address(network.src[:16]),
        "dst": text_of_address(network.dst[:16]),
        "tos": network.tos,
        "ttl": network.ttl,
    }
    if network.knows & KNOWS_LABEL:
        said["flow_label"] = network.flow_label
    if network.knows & KNOWS_PROTO:
        said["proto"] = network.proto
    if network.knows & KNOWS_FRAGMENT:
        said["fragment_id"] = network.fragment_id
        said["fragment_offset"] = network.fragment_offset
        said["fragment_flags"] = network.fragment_flags
    if network.knows & KNOWS_PORTS:
        said["src_port"] = network.src_port
        said["dst_port"] = network.dst_port
    if network.knows & KNOWS_FLAGS:
        said["tcp_flags"] = network.tcp_flags
    if network.knows & KNOWS_ICMP:
        said["icmp_type"] = network.icmp_type
        said["icmp_code"] = network.icmp_code
    return said


def packet_of(octets, protocol=HEADER_ETHERNET):
    """What the start of a packet says, by name; what it does not say is not there.

    Parameters
    ----------
    octets : buffer of octets
        From the first header on; may end anywhere.
    protocol : int
        sFlow's header_protocol: 1 Ethernet, 7 PPP, 11 IPv4, 12 IPv6, 13 MPLS, 14 POS, 15 802.11.

    Returns
    -------
    packet : dict
        `outer` and `inner` are network layers, dicts or None; addresses are str; `vlans` (tag control
        information) and `labels` (stack entries) have the outermost two and the top three.
    """
    cdef Octets held
    cdef Packet packet
    cdef Py_ssize_t i
    hold_octets(octets, &held)
    try:
        read_packet(held.at, held.length, protocol, &packet)
    finally:
        let_go(&held)
    said = {
        "outer": described(&packet.outer),
        "inner": described(&packet.inner),
        "tunnel": TUNNELS[packet.tunnel],
        "truncated": bool(packet.truncated),
        "n_vlans": packet.n_vlans,
        "vlans": tuple([packet.vlans[i] for i in range(min(packet.n_vlans, <uint8_t> MOST_VLANS))]),
        "labels": tuple([packet.labels[i] for i in range(min(packet.n_labels, <uint8_t> MOST_LABELS))]),
    }
    if packet.has_macs:
        said["dst_mac"] = packet.dst_mac[:6].hex(":")
        said["src_mac"] = packet.src_mac[:6].hex(":")
    if packet.has_etype:
        said["etype"] = packet.etype
    if packet.has_pppoe:
        said["pppoe_session"] = packet.pppoe_session
    if packet.has_vni:
        said["vni"] = packet.vni
    return said
