# cython: boundscheck=False, wraparound=False, cdivision=True
"""Samples of sFlow as the flow view has them: a record of fixed fields each, filled from its structures.

The sampled header says most (`_packet`); where an agent sends none, `sampled_ipv4`, `sampled_ipv6` and
`sampled_ethernet` say it. Extended structures add what the agent knows of the packet's way: VLANs,
next hops, masks, AS numbers, translated addresses. Each group of fields has a flag, since a sample
never has all of them. Numbers are big-endian, as on the wire, for the kernels of `_steps`.
"""

from flowparse._headers cimport ETYPE_IPV4, ETYPE_IPV6
from flowparse._packet cimport (
    HEADER_ETHERNET, KNOWS_ADDRESSES, KNOWS_FLAGS, KNOWS_FRAGMENT, KNOWS_ICMP, KNOWS_LABEL, KNOWS_PORTS, KNOWS_PROTO,
    Network, Packet, read_packet, read_payload,
)
from flowparse._wire cimport be32, be64

cdef enum:
    INTERNAL = 0x3FFFFFFF           # the ifIndex of the agent itself
    PORT_INDEX = 0
    PORT_DISCARDED = 1
    FORWARDING_DROPPED = 128        # RFC 7270 section 4.12: dropped, unknown reason
    SAMPLING_OVERRIDE = 1           # enums/sampling_source.tsv
    SAMPLING_RECORD = 2
    SAMPLING_DEFAULT = 9
    TIME_RECEIVED = 7               # enums/time_source.tsv
    RECORD_SAMPLE = 1               # enums/record_kind.tsv
    RECORD_DROP = 4

cdef enum:                          # structures of flow samples that the flow view reads, of enterprise 0
    SAMPLED_HEADER = 1
    SAMPLED_ETHERNET = 2
    SAMPLED_IPV4 = 3
    SAMPLED_IPV6 = 4
    EXTENDED_SWITCH = 1001
    EXTENDED_ROUTER = 1002
    EXTENDED_GATEWAY = 1003
    EXTENDED_NAT = 1007
    EXTENDED_NAT_PORT = 1020
    EXTENDED_SOCKET_IPV4 = 2100
    EXTENDED_SOCKET_IPV6 = 2101


cdef void take_transport(Sampled* row, const Network* network) noexcept nogil:
    if network.knows & KNOWS_PORTS:
        row.has_ports = 1
        put16(row.src_port, network.src_port)
        put16(row.dst_port, network.dst_port)
    if network.knows & KNOWS_FLAGS:
        row.has_tcp_flags = 1
        put16(row.tcp_flags, network.tcp_flags)
    if network.knows & KNOWS_ICMP:
        row.has_icmp = 1
        row.icmp_type = network.icmp_type
        row.icmp_code = network.icmp_code


cdef void take_network(Sampled* row, const Network* network) noexcept nogil:
    memcpy(row.src, network.src, 16)
    memcpy(row.dst, network.dst, 16)
    row.has_addresses = row.has_tos = row.has_ttl = 1
    row.tos = network.tos
    row.ttl = network.ttl
    if network.knows & KNOWS_PROTO:
        row.has_proto = 1
        row.proto = network.proto
    take_transport(row, network)
    if network.knows & KNOWS_FRAGMENT:
        row.has_fragment = 1
        put32(row.fragment_id, network.fragment_id)
        put16(row.fragment_offset, network.fragment_offset)
    if network.knows & KNOWS_LABEL:
        row.has_flow_label = 1
        put32(row.flow_label, network.flow_label)


cdef void take_packet(Sampled* row, const Packet* packet, uint32_t protocol) noexcept nogil:
    """What the headers say of the packet; the outer network layer where there is a tunnel."""
    if packet.has_macs:
        row.has_macs = 1
        memcpy(row.src_mac, packet.src_mac, 6)
        memcpy(row.dst_mac, packet.dst_mac, 6)
    if packet.has_etype:
        row.has_etype = 1
        put16(row.etype, packet.etype)
    elif protocol != HEADER_ETHERNET and packet.outer.knows & KNOWS_ADDRESSES:
        row.has_etype = 1
        put16(row.etype, ETYPE_IPV4 if packet.outer.version == 4 else ETYPE_IPV6)
    if packet.n_vlans:
        row.has_vlan = 1
        put16(row.vlan, packet.vlans[0] & 0x0FFF)
    if packet.n_labels:
        row.has_label[0] = 1
        put32(row.label_1, packet.labels[0] >> 12)
        if packet.n_labels > 1:
            row.has_label[1] = 1
            put32(row.label_2, packet.labels[1] >> 12)
        if packet.n_labels > 2:
            row.has_label[2] = 1
            put32(row.label_3, packet.labels[2] >> 12)
    if packet.outer.knows & KNOWS_ADDRESSES:
        take_network(row, &packet.outer)


cdef void take_header(Sampled* row, const uint8_t* octets, Py_ssize_t length, uint32_t protocol) noexcept nogil:
    """What the sampled header says of the packet."""
    cdef Packet packet
    read_packet(octets, length, protocol, &packet)
    take_packet(row, &packet, protocol)


cdef void take_section(Sampled* row, const uint8_t* octets, Py_ssize_t length, uint32_t protocol) noexcept nogil:
    """What a packet section says of the packet, and of its length as IP tells it."""
    cdef Packet packet
    read_packet(octets, length, protocol, &packet)
    take_packet(row, &packet, protocol)
    if packet.outer.knows & KNOWS_ADDRESSES and packet.outer.length:
        row.has_bytes = 1
        put64(row.bytes, packet.outer.length)


cdef void take_payload(Sampled* row, const uint8_t* octets, Py_ssize_t length, uint8_t proto) noexcept nogil:
    """What the octets behind an IP header say, by the protocol that the record has."""
    cdef Packet packet
    read_payload(octets, length, proto, &packet)
    take_transport(row, &packet.outer)


cdef void take_length(Sampled* row, uint32_t length) noexcept nogil:
    """The octets of the packet, unless a structure that came before has told them."""
    if not row.has_bytes:
        row.has_bytes = 1
        put64(row.bytes, length)


cdef bint take_tuple(Sampled* row, Span* at, bint is_ipv6) noexcept nogil:
    """sampled_ipv4 or sampled_ipv6; a sampled header knows better."""
    cdef int width = 16 if is_ipv6 else 4
    cdef const uint8_t* fields = at.at
    cdef uint32_t proto
    if left(at) < 24 + 2 * width:
        return False
    # Bounds: 24 octets and two addresses are there.
    at.at += 24 + 2 * width
    take_length(row, be32(fields))
    if row.has_addresses:
        return True
    proto = be32(fields + 4)
    fields += 8
    if is_ipv6:
        memcpy(row.src, fields, 16)
        memcpy(row.dst, fields + 16, 16)
    else:
        put_ipv4(row.src, fields)
        put_ipv4(row.dst, fields + 4)
    fields += 2 * width
    row.has_addresses = 1
    if not row.has_etype:
        row.has_etype = 1
        put16(row.etype, ETYPE_IPV6 if is_ipv6 else ETYPE_IPV4)
    row.has_proto = 1
    row.proto = <uint8_t> proto
    if proto == 6 or proto == 17 or proto == 33 or proto == 132 or proto == 136:
        row.has_ports = 1
        put16(row.src_port, be32(fields))
        put16(row.dst_port, be32(fields + 4))
    if proto == 6:
        row.has_tcp_flags = 1
        put16(row.tcp_flags, be32(fields + 8))
    if not is_ipv6:
        row.has_tos = 1
        row.tos = <uint8_t> be32(fields + 12)
    return True


cdef bint take_socket(Sampled* row, Span* at, bint is_ipv6) noexcept nogil:
    """extended_socket_ipv4 or _ipv6, of transactions without a packet: the agent's own end is the source."""
    cdef int width = 16 if is_ipv6 else 4
    cdef const uint8_t* fields = at.at
    if left(at) < 12 + 2 * width:
        return False
    # Bounds: 12 octets and two addresses are there.
    if row.has_addresses:
        return True
    if is_ipv6:
        memcpy(row.src, fields + 4, 16)
        memcpy(row.dst, fields + 20, 16)
    else:
        put_ipv4(row.src, fields + 4)
        put_ipv4(row.dst, fields + 8)
    row.has_addresses = row.has_proto = row.has_ports = 1
    row.proto = <uint8_t> be32(fields)
    put16(row.src_port, be32(fields + 4 + 2 * width))
    put16(row.dst_port, be32(fields + 8 + 2 * width))
    if not row.has_etype:
        row.has_etype = 1
        put16(row.etype, ETYPE_IPV6 if is_ipv6 else ETYPE_IPV4)
    return True


cdef bint read_address(Span* at, uint8_t* address, uint8_t* known) noexcept nogil:
    """An address of any type; the unspecified one says that there is none."""
    cdef uint32_t type
    cdef int width
    if left(at) < 4:
        return False
    type = be32(at.at)
    width = 0 if type == 0 else 4 if type == 1 else 16
    if type > 2 or left(at) - 4 < width:
        return False
    # Bounds: 4 + width octets are there.
    if width == 4:
        put_ipv4(address, at.at + 4)
        known[0] = be32(at.at + 4) != 0
    elif width == 16:
        memcpy(address, at.at + 4, 16)
        known[0] = be64(address) != 0 or be64(address + 8) != 0
    at.at += 4 + width
    return True


cdef bint take_gateway(Sampled* row, Span* at, bint has_next_hop, bint has_segments) noexcept nogil:
    """extended_gateway: the last AS of the path is the destination's, the first the next hop's.

    Where the agent says 0 for the source, or sends an empty path, its own AS is meant.
    """
    cdef uint32_t own, source, segments, count, first = 0, last = 0
    cdef Py_ssize_t words
    if has_next_hop and not read_address(at, row.bgp_next_hop, &row.has_bgp_next_hop):
        return False
    if left(at) < 16:
        return False
    # Bounds: as compared before each load.
    own = be32(at.at)
    source = be32(at.at + 4)
    segments = be32(at.at + 12) if has_segments else 1
    row.has_as = 1
    put32(row.src_as, source if source else own)
    put32(row.dst_as, own)
    at.at += 16 if has_segments else 12
    # Progress: a segment has at least 8 octets, the flat path of version 2 at least 4.
    while segments:
        if has_segments:
            if left(at) < 4:
                return False
            at.at += 4
        if left(at) < 4:
            return False
        count = be32(at.at)
        at.at += 4
        words = left(at) // 4
        if <Py_ssize_t> count > words:
            return False
        if count:
            if first == 0:
                first = be32(at.at)
            last = be32(at.at + 4 * (<Py_ssize_t> count - 1))
        at.at += 4 * <Py_ssize_t> count
        segments -= 1
    if last:
        put32(row.dst_as, last)
        row.has_next_hop_as = 1
        put32(row.next_hop_as, first)
    return True


cdef bint take_switch(Sampled* row, Span* at) noexcept nogil:
    if left(at) < 16:
        return False
    # Bounds: 16 octets are there. A VLAN is at most 4095; what is not known is UNKNOWN.
    if be32(at.at) <= 0xFFFF:
        row.has_src_vlan = 1
        put16(row.src_vlan, be32(at.at))
    if be32(at.at + 8) <= 0xFFFF:
        row.has_dst_vlan = 1
        put16(row.dst_vlan, be32(at.at + 8))
    at.at += 16
    return True


cdef bint take_router(Sampled* row, Span* at) noexcept nogil:
    if not read_address(at, row.next_hop, &row.has_next_hop) or left(at) < 8:
        return False
    # Bounds: 8 octets are there.
    if be32(at.at) <= 128 and be32(at.at + 4) <= 128:
        row.has_masks = 1
        row.src_net = <uint8_t> be32(at.at)
        row.dst_net = <uint8_t> be32(at.at + 4)
    at.at += 8
    return True


cdef bint take_sampled_header(Sampled* row, Span* at, bint has_stripped) noexcept nogil:
    cdef uint32_t length
    cdef int head = 16 if has_stripped else 12
    if left(at) < head:
        return False
    # Bounds: `head` octets are there, then `length`.
    row.has_bytes = 1
    put64(row.bytes, be32(at.at + 4))
    length = be32(at.at + head - 4)
    if left(at) - head < <Py_ssize_t> length:
        return False
    take_header(row, at.at + head, length, be32(at.at))
    at.at += head
    skip(at, length)
    return True


cdef bint take_record(Sampled* row, uint32_t tag, Span* at) noexcept nogil:
    """Let a record of a flow sample fill what it knows; False where it is too short for what it says."""
    cdef uint8_t known
    if tag == SAMPLED_HEADER:
        return take_sampled_header(row, at, True)
    if tag == EXTENDED_SWITCH:
        return take_switch(row, at)
    if tag == EXTENDED_ROUTER:
        return take_router(row, at)
    if tag == EXTENDED_GATEWAY:
        return take_gateway(row, at, True, True)
    if tag == SAMPLED_IPV4:
        return take_tuple(row, at, False)
    if tag == SAMPLED_IPV6:
        return take_tuple(row, at, True)
    if tag == EXTENDED_SOCKET_IPV4 or tag == EXTENDED_SOCKET_IPV6:
        return take_socket(row, at, tag == EXTENDED_SOCKET_IPV6)
    if tag == SAMPLED_ETHERNET:
        if left(at) < 24:
            return False
        # Bounds: 24 octets are there; addresses are padded to eight.
        take_length(row, be32(at.at))
        if not row.has_macs:
            row.has_macs = 1
            memcpy(row.src_mac, at.at + 4, 6)
            memcpy(row.dst_mac, at.at + 12, 6)
        if not row.has_etype:
            row.has_etype = 1
            put16(row.etype, be32(at.at + 20))
        return True
    if tag == EXTENDED_NAT:
        known = 0
        if not read_address(at, row.nat_src, &known) or not read_address(at, row.nat_dst, &row.has_nat):
            return False
        row.has_nat |= known
        return True
    if tag == EXTENDED_NAT_PORT:
        if left(at) < 8:
            return False
        row.has_nat_ports = 1
        put16(row.nat_src_port, be32(at.at))
        put16(row.nat_dst_port, be32(at.at + 4))
    return True


cdef void begin_row(Sampled* row, const Sample* sample, const Telling* telling) noexcept nogil:
    """What the head of a sample says."""
    cdef uint32_t rate = sample.rate
    memset(row, 0, sizeof(Sampled))
    row.kind = RECORD_DROP if sample.discarded else RECORD_SAMPLE
    row.time_source = TIME_RECEIVED if telling.has_received else 0
    row.rate_source = SAMPLING_RECORD
    if sample.discarded:
        rate = 0                    # every packet that was dropped, as far as the agent had room
    elif telling.override_rate:
        rate = telling.override_rate
        row.rate_source = SAMPLING_OVERRIDE
    elif rate == 0:
        rate = telling.default_rate
        row.rate_source = SAMPLING_DEFAULT
    if rate:
        row.has_rate = 1
        put32(row.rate, rate)
    else:
        row.rate_source = 0
    if sample.in_format == PORT_INDEX and sample.in_port != 0 and sample.in_port != INTERNAL:
        row.has_in_if = 1
        put32(row.in_if, sample.in_port)
    if sample.out_format == PORT_INDEX and sample.out_port != 0 and sample.out_port != INTERNAL:
        row.has_out_if = 1
        put32(row.out_if, sample.out_port)
    if sample.discarded or sample.out_format == PORT_DISCARDED:
        row.has_forwarding = 1
        row.forwarding = FORWARDING_DROPPED
    # A packet is sampled where it comes in or where it goes out, and the data source says which.
    if sample.source_class == 0 and (row.has_in_if or row.has_out_if):
        if row.has_in_if and sample.source_index == sample.in_port:
            row.has_direction = 1
        elif row.has_out_if and sample.source_index == sample.out_port:
            row.has_direction = row.direction = 1


# ── what the plan side knows of it ───────────────────────────────────────────────────────────────────────────────────

cdef int place(dict fields, str name, const void* base, const void* at, Py_ssize_t width, const void* flag) except -1:
    fields[name] = (
        <const char*> at - <const char*> base, width, -1 if flag == NULL else <const char*> flag - <const char*> base,
    )
    return 0


def sampled_fields():
    """The fields of a `Sampled`, by the name of the flow view's column, and its octets.

    Returns
    -------
    fields : dict of str to (offset, octets, offset of the flag or -1)
    length : int
    """
    cdef Sampled s
    cdef dict fields = {}
    place(fields, "record_kind", &s, &s.kind, 1, NULL)
    place(fields, "time_source", &s, &s.time_source, 1, NULL)
    place(fields, "sampling_source", &s, &s.rate_source, 1, NULL)
    place(fields, "sampling_rate", &s, &s.rate, 4, &s.has_rate)
    place(fields, "bytes", &s, &s.bytes, 8, &s.has_bytes)
    place(fields, "src_mac", &s, &s.src_mac, 6, &s.has_macs)
    place(fields, "dst_mac", &s, &s.dst_mac, 6, &s.has_macs)
    place(fields, "etype", &s, &s.etype, 2, &s.has_etype)
    place(fields, "vlan_id", &s, &s.vlan, 2, &s.has_vlan)
    place(fields, "src_vlan", &s, &s.src_vlan, 2, &s.has_src_vlan)
    place(fields, "dst_vlan", &s, &s.dst_vlan, 2, &s.has_dst_vlan)
    place(fields, "src_addr", &s, &s.src, 16, &s.has_addresses)
    place(fields, "dst_addr", &s, &s.dst, 16, &s.has_addresses)
    place(fields, "ip_tos", &s, &s.tos, 1, &s.has_tos)
    place(fields, "ip_ttl", &s, &s.ttl, 1, &s.has_ttl)
    place(fields, "proto", &s, &s.proto, 1, &s.has_proto)
    place(fields, "src_port", &s, &s.src_port, 2, &s.has_ports)
    place(fields, "dst_port", &s, &s.dst_port, 2, &s.has_ports)
    place(fields, "tcp_flags", &s, &s.tcp_flags, 2, &s.has_tcp_flags)
    place(fields, "icmp_type", &s, &s.icmp_type, 1, &s.has_icmp)
    place(fields, "icmp_code", &s, &s.icmp_code, 1, &s.has_icmp)
    place(fields, "fragment_id", &s, &s.fragment_id, 4, &s.has_fragment)
    place(fields, "fragment_offset", &s, &s.fragment_offset, 2, &s.has_fragment)
    place(fields, "ipv6_flow_label", &s, &s.flow_label, 4, &s.has_flow_label)
    place(fields, "in_if", &s, &s.in_if, 4, &s.has_in_if)
    place(fields, "out_if", &s, &s.out_if, 4, &s.has_out_if)
    place(fields, "src_net", &s, &s.src_net, 1, &s.has_masks)
    place(fields, "dst_net", &s, &s.dst_net, 1, &s.has_masks)
    place(fields, "next_hop", &s, &s.next_hop, 16, &s.has_next_hop)
    place(fields, "bgp_next_hop", &s, &s.bgp_next_hop, 16, &s.has_bgp_next_hop)
    place(fields, "src_as", &s, &s.src_as, 4, &s.has_as)
    place(fields, "dst_as", &s, &s.dst_as, 4, &s.has_as)
    place(fields, "next_hop_as", &s, &s.next_hop_as, 4, &s.has_next_hop_as)
    place(fields, "mpls_label_1", &s, &s.label_1, 4, &s.has_label[0])
    place(fields, "mpls_label_2", &s, &s.label_2, 4, &s.has_label[1])
    place(fields, "mpls_label_3", &s, &s.label_3, 4, &s.has_label[2])
    place(fields, "post_nat_src_addr", &s, &s.nat_src, 16, &s.has_nat)
    place(fields, "post_nat_dst_addr", &s, &s.nat_dst, 16, &s.has_nat)
    place(fields, "post_nat_src_port", &s, &s.nat_src_port, 2, &s.has_nat_ports)
    place(fields, "post_nat_dst_port", &s, &s.nat_dst_port, 2, &s.has_nat_ports)
    place(fields, "forwarding_status", &s, &s.forwarding, 1, &s.has_forwarding)
    place(fields, "flow_direction", &s, &s.direction, 1, &s.has_direction)
    return fields, sizeof(Sampled)
