# cython: boundscheck=False, wraparound=False, cdivision=True
"""sFlow: the walk over the samples and records of a datagram (sflow_version_5.txt; RFC 3176 in `_oldsflow`).

Two things come of it. Each flow or discard sample becomes one `Sampled`, a record of fixed fields
that a plan runs over as over any other; many wait in a block, so that columns are written one at a
time. Structures that have tables of their own (counters; all others too where the schema is NATIVE)
become one record each: the key of the sample, the fixed fields, then the variable ones behind their
lengths, as RFC 7011 section 7 has them. Which fields a structure has comes from registry/sflow.tsv.

Lengths frame, counts only hint: what a count promises is compared with the octets left, by division.
A structure that ends within a field gives the fields before it; one that has grown is read as far as
it is known. Octets are read once, and only what a length was compared for.
"""

from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree, PyMem_RawMalloc
from libc.stdint cimport uint64_t
from libc.string cimport memcpy, memset

from flowparse._notes cimport (
    NOTE_AGENT_TYPE, NOTE_HELD, NOTE_RECORDS_CUT_KEPT, NOTE_RECORDS_CUT_REFUSED, NOTE_RECORDS_LIMIT,
    NOTE_SAMPLES_CUT_KEPT, NOTE_SAMPLES_CUT_REFUSED, NOTE_SAMPLES_LIMIT, NOTE_SAMPLE_SHORT_KEPT,
    NOTE_SAMPLE_SHORT_REFUSED, NOTE_SHORT, NOTE_STRUCTURE_SHORT, NOTE_TRAILING, note,
)
from flowparse._packet cimport (
    HEADER_ETHERNET, KNOWS_ADDRESSES, KNOWS_FLAGS, KNOWS_FRAGMENT, KNOWS_ICMP, KNOWS_LABEL, KNOWS_PORTS, KNOWS_PROTO,
    Network, Packet, read_packet,
)
from flowparse._plan cimport STOP_END, STOP_LIMIT, STOP_MEMORY, Plan, run
from flowparse._wire cimport Span, be16, be32, be64, left

cdef enum:
    BLOCK_ROWS = 64                 # samples that wait for the plan
    LEAST = 8                       # octets of a sample or record: tag and length
    BROCADE = 1991 << 12 | 1        # two words, and then an ordinary sample that the count tells of
    KEY = 16                        # octets before the fields: uptime, source class, source index, sample's sequence
    ROOM = 1 << 17                  # of a record in the making
    MOST_FIXED = 4096
    MOST_VARIABLE = 65535           # octets of a variable field
    UNKNOWN = 0xFFFFFFFF            # a number that the agent does not know
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
    ETYPE_IPV4 = 0x0800
    ETYPE_IPV6 = 0x86DD

cdef enum:                          # structures of flow samples that the flow view reads, of enterprise 0
    SAMPLED_HEADER = 1
    SAMPLED_ETHERNET = 2
    SAMPLED_IPV4 = 3
    SAMPLED_IPV6 = 4
    EXTENDED_SWITCH = 1001
    EXTENDED_ROUTER = 1002
    EXTENDED_GATEWAY = 1003
    EXTENDED_MPLS = 1006
    EXTENDED_NAT = 1007
    EXTENDED_NAT_PORT = 1020

cdef enum OpKind:
    OP_COPY_1 = 0
    OP_COPY_4 = 1
    OP_COPY_8 = 2
    OP_COPY_16 = 3
    OP_MAC = 4                      # six octets of eight
    OP_IPV4 = 5                     # as ::ffff:a.b.c.d
    OP_ADDRESS = 6                  # type and address; :: where it is of type 0
    OP_PERCENT = 7                  # hundredths, to a 64-bit float
    OP_FLOAT = 8                    # -1.0 is not known
    OP_STRING = 9                   # length, octets, padding; from here on the fields are variable
    OP_ITEMS = 10                   # count, items of a size each
    OP_AS_PATH = 11                 # count, segments of type, count and AS numbers
    OP_ADAPTERS = 12                # count, adapters of ifIndex, count and MAC addresses
    OP_REST = 13                    # all that is left

cdef uint8_t[12] MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]


cdef inline void put16(uint8_t* at, uint32_t value) noexcept nogil:
    at[0] = <uint8_t> (value >> 8)
    at[1] = <uint8_t> value


cdef inline void put32(uint8_t* at, uint32_t value) noexcept nogil:
    put16(at, value >> 16)
    put16(at + 2, value)


cdef inline void put64(uint8_t* at, uint64_t value) noexcept nogil:
    put32(at, <uint32_t> (value >> 32))
    put32(at + 4, <uint32_t> value)


cdef inline void put_ipv4(uint8_t* at, const uint8_t* address) noexcept nogil:
    memcpy(at, MAPPED, 12)
    memcpy(at + 12, address, 4)


cdef inline Py_ssize_t padded(Py_ssize_t length) noexcept nogil:
    return (length + 3) & ~<Py_ssize_t> 3


cdef inline void skip(Span* at, Py_ssize_t length) noexcept nogil:
    """Behind `length` octets, which are there, and their padding, which may not be."""
    at.at += min(padded(length), left(at))


# ── the datagram's header ────────────────────────────────────────────────────────────────────────────────────────────

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


# ── flow samples as rows of the flow view ────────────────────────────────────────────────────────────────────────────

cdef void take_network(Sampled* row, const Network* network) noexcept nogil:
    memcpy(row.src, network.src, 16)
    memcpy(row.dst, network.dst, 16)
    row.has_addresses = row.has_tos = row.has_ttl = 1
    row.tos = network.tos
    row.ttl = network.ttl
    if network.knows & KNOWS_PROTO:
        row.has_proto = 1
        row.proto = network.proto
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
    if network.knows & KNOWS_FRAGMENT:
        row.has_fragment = 1
        put32(row.fragment_id, network.fragment_id)
        put16(row.fragment_offset, network.fragment_offset)
    if network.knows & KNOWS_LABEL:
        row.has_flow_label = 1
        put32(row.flow_label, network.flow_label)


cdef void take_header(Sampled* row, const uint8_t* octets, Py_ssize_t length, uint32_t protocol) noexcept nogil:
    """What the sampled header says of the packet; the outer network layer where there is a tunnel."""
    cdef Packet packet
    read_packet(octets, length, protocol, &packet)
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
        # Label, experimental bits, bottom of stack: the 24 bits of IPFIX's mplsLabelStackSection.
        row.has_label[0] = 1
        put32(row.label_1, packet.labels[0] >> 8)
        if packet.n_labels > 1:
            row.has_label[1] = 1
            put32(row.label_2, packet.labels[1] >> 8)
        if packet.n_labels > 2:
            row.has_label[2] = 1
            put32(row.label_3, packet.labels[2] >> 8)
    if packet.outer.knows & KNOWS_ADDRESSES:
        take_network(row, &packet.outer)


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


cdef void begin_row(Sampled* row, const Walk* walk, const Sample* sample) noexcept nogil:
    """What the head of a sample says."""
    cdef uint32_t rate = sample.rate
    memset(row, 0, sizeof(Sampled))
    row.kind = RECORD_DROP if sample.discarded else RECORD_SAMPLE
    row.time_source = TIME_RECEIVED if walk.has_received else 0
    row.rate_source = SAMPLING_RECORD
    if sample.discarded:
        rate = 0                    # every packet that was dropped, as far as the agent had room
    elif walk.override_rate:
        rate = walk.override_rate
        row.rate_source = SAMPLING_OVERRIDE
    elif rate == 0:
        rate = walk.default_rate
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


# ── structures as records of their own tables ────────────────────────────────────────────────────────────────────────

cdef uint64_t percent_bits(uint32_t hundredths) noexcept nogil:
    """A percentage as the bits of a 64-bit float; all ones where it is not known."""
    cdef double value
    cdef uint64_t bits
    if hundredths == UNKNOWN:
        return <uint64_t> 0xFFFFFFFFFFFFFFFF
    value = hundredths / 100.0
    memcpy(&bits, &value, 8)
    return bits


cdef Py_ssize_t variable_length(const Op* op, const Span* at, Py_ssize_t* prefix) noexcept nogil:
    """Octets of a variable field behind its first `prefix` octets, or -1 where they are not all there."""
    cdef const uint8_t* item
    cdef Py_ssize_t count, n, i
    prefix[0] = 0
    if op.kind == OP_REST:
        return left(at)
    if left(at) < 4:
        return -1
    # Bounds: compared before each load.
    count = be32(at.at)
    if op.kind == OP_STRING:
        prefix[0] = 4
        return count if count <= left(at) - 4 else -1
    if op.kind == OP_ITEMS:
        prefix[0] = 4
        return count * op.item if count <= (left(at) - 4) // op.item else -1
    item = at.at + 4
    if count > (at.end - item) // 8:
        return -1
    # Progress: each item has at least 8 octets.
    for i in range(count):
        if at.end - item < 8:
            return -1
        n = be32(item + 4)
        item += 8
        if n > (at.end - item) // op.item:
            return -1
        item += n * op.item
    return item - at.at


cdef int write_record(
    const Structure* structure, Span* at, uint8_t* out, Py_ssize_t* length, bint* damaged,
) noexcept nogil:
    """Write the fields of a structure behind the key at `out`; return how many of them there are.

    `at` is left behind the last of them. A structure may end where a field ends; else it is damaged.
    """
    cdef const Op* op
    cdef const uint8_t* field
    cdef uint8_t* end = out + structure.fixed
    cdef uint8_t known
    cdef Py_ssize_t octets, prefix
    cdef uint64_t bits
    cdef int i
    damaged[0] = False
    # Bounds: Sflow checked offset + width <= fixed <= MOST_FIXED; ROOM holds that and what is compared below.
    memset(out + KEY, 0, structure.fixed - KEY)
    for i in range(structure.n_ops):
        op = &structure.ops[i]
        field = at.at
        octets = left(at)
        if op.kind >= OP_STRING:
            octets = variable_length(op, at, &prefix)
            if octets < 0 or octets > MOST_VARIABLE or ROOM - (end - out) - 3 < octets:
                damaged[0] = left(at) > 0
                length[0] = end - out
                return i
            end[0] = 255
            put16(end + 1, <uint32_t> octets)
            memcpy(end + 3, field + prefix, octets)
            end += 3 + octets
            at.at += prefix
            skip(at, octets)
            continue
        if octets < (1 if op.kind == OP_COPY_1 else 4):
            damaged[0] = octets > 0
            length[0] = end - out
            return i
        if op.kind == OP_COPY_4:
            memcpy(out + op.offset, field, 4)
            at.at += 4
        elif op.kind == OP_COPY_1:
            out[op.offset] = field[0]
            at.at += 1
        elif op.kind == OP_FLOAT:
            memcpy(out + op.offset, field, 4)
            if be32(field) == 0xBF800000:           # -1.0
                memset(out + op.offset, 0xFF, 4)
            at.at += 4
        elif op.kind == OP_PERCENT:
            put64(out + op.offset, percent_bits(be32(field)))
            at.at += 4
        elif op.kind == OP_IPV4:
            put_ipv4(out + op.offset, field)
            at.at += 4
        elif op.kind == OP_ADDRESS:
            if not read_address(at, out + op.offset, &known):
                damaged[0] = True
                length[0] = end - out
                return i
        else:
            prefix = 16 if op.kind == OP_COPY_16 else 8
            if octets < prefix:
                damaged[0] = True
                length[0] = end - out
                return i
            memcpy(out + op.offset, field, 6 if op.kind == OP_MAC else prefix)
            at.at += prefix
    length[0] = end - out
    return structure.n_ops


cdef void write_key(uint8_t* out, const Walk* walk, const Sample* sample) noexcept nogil:
    put32(out, walk.header.uptime_ms)
    put32(out + 4, sample.source_class)
    put32(out + 8, sample.source_index)
    put32(out + 12, sample.sequence)


cdef inline uint32_t slot_of(uint32_t tag, int kind) noexcept nogil:
    # Bounds: 9 bits are left, and TAG_SLOTS is 512.
    return ((tag * 4 + <uint32_t> kind) * <uint32_t> 2654435761) >> 23


# ── samples ──────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef bint read_sample(uint32_t tag, Span* at, Sample* sample) noexcept nogil:
    """The head of a sample of formats 1 to 5, up to its number of records; False where it is too short."""
    cdef const uint8_t* head = at.at
    cdef bint expanded = tag == 3 or tag == 4
    cdef int length = 4 * (12 - 1 if tag == 3 else 5 - 1 if tag == 4 else 4 - 1 if tag == 2 else 8)
    memset(sample, 0, sizeof(Sample))
    if tag == 3:
        length = 44
    elif tag == 4:
        length = 16
    elif tag == 2:
        length = 12
    else:
        length = 32
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


cdef class Sflow:
    """What a decoder has made for sFlow: the plan of the flow view, and the structures with tables of their own.

    Parameters
    ----------
    structures : sequence of (kind, tag, fixed, ops)
        `kind` a number of Kind; `ops` (type, item, offset) in wire order, types as in `OPS`. The first
        whose kind is KIND_SAMPLE are flow samples (tag 1) and discard samples (tag 5); the one of
        KIND_UNKNOWN takes what nothing is known of.
    """

    def __cinit__(self, structures):
        cdef Py_ssize_t i, k
        cdef Structure* structure
        cdef uint32_t slot
        self.plans = []
        for i in range(TAG_SLOTS):
            self.slots[i] = -1
        for i in range(3):
            self.own[i] = -1
        self.block = <Sampled*> PyMem_RawMalloc(BLOCK_ROWS * sizeof(Sampled))
        self.scratch = <uint8_t*> PyMem_RawMalloc(ROOM)
        self.structures = <Structure*> PyMem_RawCalloc(max(1, len(structures)), sizeof(Structure))
        if self.block == NULL or self.scratch == NULL or self.structures == NULL:
            raise MemoryError()
        if len(structures) > TAG_SLOTS // 2:
            raise ValueError(f"more than {TAG_SLOTS // 2} structures")
        for i, (kind, tag, fixed, ops) in enumerate(structures):
            structure = &self.structures[i]
            self.n_structures = i + 1
            structure.kind = kind
            structure.tag = tag
            if not KEY <= fixed <= MOST_FIXED or not 0 < len(ops) < 1024:
                raise ValueError(f"a structure of {fixed} octets and {len(ops)} fields")
            structure.fixed = fixed
            structure.ops = <Op*> PyMem_RawCalloc(len(ops), sizeof(Op))
            structure.programs = <Program**> PyMem_RawCalloc(len(ops) + 1, sizeof(void*))
            if structure.ops == NULL or structure.programs == NULL:
                raise MemoryError()
            structure.n_ops = len(ops)
            for k, (type, item, offset) in enumerate(ops):
                number, width = OPS[type]
                if width and not KEY <= offset <= fixed - width:
                    raise ValueError(f"field {k}: octets {offset} to {offset + width} of {fixed}")
                if number in (OP_ITEMS, OP_AS_PATH, OP_ADAPTERS) and not item:
                    raise ValueError(f"field {k}: items of no octets")
                structure.ops[k] = Op(number, item, offset)
            if structure.kind >= KIND_SAMPLE:
                self.own[2 if structure.kind == KIND_UNKNOWN else 1 if tag == 5 else 0] = <int> i
                continue
            slot = slot_of(tag, structure.kind)
            # Progress: one slot further each turn; at least half of them are free.
            while self.slots[slot] >= 0:
                slot = (slot + 1) % TAG_SLOTS
            self.slots[slot] = <int16_t> i

    def __dealloc__(self):
        cdef Py_ssize_t i
        if self.structures != NULL:
            for i in range(self.n_structures):
                PyMem_RawFree(self.structures[i].ops)
                PyMem_RawFree(self.structures[i].programs)
        PyMem_RawFree(self.structures)
        PyMem_RawFree(self.scratch)
        PyMem_RawFree(self.block)

    def set_flow(self, Plan plan):
        """Let samples run through the plan of the flow view."""
        if plan.program.n_segments != 1 or plan.program.least_length != sizeof(Sampled):
            raise ValueError("the plan is not one of sampled packets")
        self.plans.append(plan)
        self.flow = &plan.program

    def set_structure(self, int structure, int fields, Plan plan):
        """Let records of a structure with so many fields run through `plan`."""
        if not 0 <= structure < self.n_structures or not 0 < fields <= self.structures[structure].n_ops:
            raise ValueError("no such structure")
        if plan.program.segments[0].length != self.structures[structure].fixed:
            raise ValueError("the plan is not one of this structure")
        self.plans.append(plan)
        self.structures[structure].programs[fields] = &plan.program

    cdef Stop flush(self, Walk* walk) noexcept nogil:
        """Run the plan of the flow view over the rows that wait."""
        cdef Span body
        cdef Stop stop
        cdef Py_ssize_t dropped
        body.at = <const uint8_t*> self.block
        body.end = body.at + self.n_block * sizeof(Sampled)
        self.n_block = 0
        stop = run(self.flow, &body, walk.ledger)
        if stop == STOP_LIMIT:
            dropped = left(&body) // <Py_ssize_t> sizeof(Sampled)
            note(walk.book, NOTE_HELD, walk.whom, -1, dropped)
            return STOP_END
        return stop

    cdef int find(self, uint32_t tag, int kind) noexcept nogil:
        """The structure of a tag, or -1."""
        cdef uint32_t slot = slot_of(tag, kind)
        cdef int index
        # Progress: one slot further each turn; a free one ends it, and at least half are.
        while True:
            index = self.slots[slot]
            if index < 0 or (self.structures[index].tag == tag and self.structures[index].kind == kind):
                return index
            slot = (slot + 1) % TAG_SLOTS

    cdef Stop add_record(self, Walk* walk, int index, const Sample* sample, Span* at) noexcept nogil:
        """Add the row of one structure to its table; `at` is left behind the fields that were read."""
        cdef const Structure* structure = &self.structures[index]
        cdef const uint8_t* start = at.at
        cdef Span body
        cdef Py_ssize_t length, rows
        cdef bint damaged
        cdef Stop stop
        cdef int fields = write_record(structure, at, self.scratch, &length, &damaged)
        if damaged:
            note(
                walk.book, NOTE_STRUCTURE_SHORT, walk.whom, start - walk.octets, structure.tag >> 12,
                structure.tag & 0xFFF, at.end - start,
            )
        if fields == 0:
            return STOP_END
        if structure.programs[fields] == NULL:
            walk.wanted_structure = index
            walk.wanted_fields = fields
            return <Stop> STOP_STRUCTURE
        write_key(self.scratch, walk, sample)
        body.at = self.scratch
        body.end = self.scratch + length
        rows = walk.ledger.rows
        stop = run(structure.programs[fields], &body, walk.ledger)
        walk.aside += walk.ledger.rows - rows
        if stop == STOP_LIMIT:
            note(walk.book, NOTE_HELD, walk.whom, start - walk.octets, 1)
            return STOP_END
        return stop

    cdef Stop add_own(self, Walk* walk, int which, const Sample* sample) noexcept nogil:
        """Add the row of a flow or discard sample to its own table, in the order of its fields in registry/sflow.tsv."""
        cdef uint8_t[28] words
        cdef Span at
        if self.own[which] < 0:
            return STOP_END
        if which == 1:
            put32(words, sample.drops)
            put32(words + 4, sample.in_port)
            put32(words + 8, sample.out_port)
            put32(words + 12, sample.reason)
            at.end = words + 16
        else:
            put32(words, sample.rate)
            put32(words + 4, sample.pool)
            put32(words + 8, sample.drops)
            put32(words + 12, sample.in_format)
            put32(words + 16, sample.in_port)
            put32(words + 20, sample.out_format)
            put32(words + 24, sample.out_port)
            at.end = words + 28
        at.at = words
        return self.add_record(walk, self.own[which], sample, &at)

    cdef Stop add_unknown(self, Walk* walk, const Sample* sample, uint32_t tag, Span* at) noexcept nogil:
        """Keep a structure that nothing is known of: its tag, and its octets as they are."""
        cdef uint8_t* out = self.scratch + ROOM - MOST_VARIABLE - 16
        cdef Py_ssize_t length = min(left(at), <Py_ssize_t> MOST_VARIABLE)
        cdef Span body
        if self.own[2] < 0:
            return STOP_END
        # Bounds: `out` has 12 octets and a variable field before the end of the scratch; what add_record() writes
        # of it at the start is no longer than what it has read, KEY aside.
        put32(out, sample.kind)
        put32(out + 4, tag >> 12)
        put32(out + 8, tag & 0xFFF)
        memcpy(out + 12, at.at, length)
        body.at = out
        body.end = out + 12 + length
        return self.add_record(walk, self.own[2], sample, &body)

    cdef Stop read_records(self, Walk* walk, Sample* sample, Span* at, Sampled* row) noexcept nogil:
        """The records of a sample: as many as its count says and its octets hold."""
        cdef uint32_t most = min(sample.count, walk.most_records)
        cdef uint32_t done = 0
        cdef uint32_t tag
        cdef Py_ssize_t length
        cdef int index
        cdef Span body
        cdef Stop stop
        # Progress: a record has at least 8 octets.
        while done < most:
            if left(at) < LEAST:
                break
            tag = be32(at.at)
            length = be32(at.at + 4)
            if length > left(at) - LEAST:
                break
            # Bounds: 8 and `length` octets are there.
            body.at = at.at + LEAST
            body.end = body.at + length
            at.at += LEAST
            skip(at, length)
            done += 1
            if row != NULL and not take_record(row, tag, &body):
                note(
                    walk.book, NOTE_STRUCTURE_SHORT, walk.whom, body.end - length - walk.octets, tag >> 12, tag & 0xFFF,
                    length,
                )
            if row == NULL:
                index = self.find(tag, sample.kind)
                if index >= 0:
                    stop = self.add_record(walk, index, sample, &body)
                else:
                    stop = self.add_unknown(walk, sample, tag, &body)
                if stop != STOP_END:
                    return stop
        if done < sample.count:
            if done == most:
                note(walk.book, NOTE_RECORDS_LIMIT, walk.whom, at.at - walk.octets, sample.count, most)
            elif walk.keep:
                note(walk.book, NOTE_RECORDS_CUT_KEPT, walk.whom, at.at - walk.octets, sample.count, done)
            else:
                note(walk.book, NOTE_RECORDS_CUT_REFUSED, walk.whom, at.at - walk.octets, sample.count, done)
                return <Stop> STOP_DAMAGED
        elif left(at) > 0:
            note(walk.book, NOTE_TRAILING, walk.whom, at.at - walk.octets, left(at))
        return STOP_END

    cdef Stop add_sample(self, Walk* walk, Sample* sample, Span* at) noexcept nogil:
        """One sample, of which the head was read."""
        cdef Stop stop
        cdef Sampled* row = NULL
        if sample.kind == KIND_COUNTER:
            return self.read_records(walk, sample, at, NULL)
        if self.flow == NULL:
            stop = self.add_own(walk, sample.discarded, sample)
            return self.read_records(walk, sample, at, NULL) if stop == STOP_END else stop
        if self.n_block == BLOCK_ROWS:
            stop = self.flush(walk)
            if stop != STOP_END:
                return stop
        # Bounds: n_block < BLOCK_ROWS.
        row = &self.block[self.n_block]
        begin_row(row, walk, sample)
        stop = self.read_records(walk, sample, at, row)
        self.n_block += 1
        return stop

    cdef Stop walk(self, Walk* walk, Py_ssize_t length) noexcept nogil:
        """The samples of a version 5 datagram: as many as its count says and its octets hold.

        STOP_STRUCTURE: a plan is wanted, and the datagram is to be walked anew. STOP_DAMAGED: it does not
        count, the last note says why.
        """
        cdef uint32_t count = walk.header.count
        cdef uint32_t most = min(count, walk.most_samples)
        cdef uint32_t done = 0
        cdef uint32_t tag
        cdef Py_ssize_t octets
        cdef Sample sample
        cdef Span at, body
        cdef Stop stop
        self.n_block = 0
        at.at = walk.octets + walk.header.length
        at.end = walk.octets + length
        # Progress: a sample has at least 8 octets.
        while done < most:
            if left(&at) < LEAST:
                break
            tag = be32(at.at)
            octets = be32(at.at + 4)
            if tag == BROCADE and octets >= LEAST and left(&at) >= 2 * LEAST:
                at.at += 2 * LEAST
                continue
            if octets > left(&at) - LEAST:
                break
            # Bounds: 8 and `octets` octets are there.
            body.at = at.at + LEAST
            body.end = body.at + octets
            at.at += LEAST
            skip(&at, octets)
            done += 1
            if tag < 1 or tag > 5:
                memset(&sample, 0, sizeof(Sample))
                sample.kind = KIND_SAMPLE
                stop = self.add_unknown(walk, &sample, tag, &body)
            elif read_sample(tag, &body, &sample):
                stop = self.add_sample(walk, &sample, &body)
            elif walk.keep:
                note(walk.book, NOTE_SAMPLE_SHORT_KEPT, walk.whom, body.at - walk.octets, 0, tag, octets)
                stop = STOP_END
            else:
                note(walk.book, NOTE_SAMPLE_SHORT_REFUSED, walk.whom, body.at - walk.octets, 0, tag, octets)
                return <Stop> STOP_DAMAGED
            if stop != STOP_END:
                return stop
        if done < count:
            if done == most:
                note(walk.book, NOTE_SAMPLES_LIMIT, walk.whom, at.at - walk.octets, count, most)
            elif walk.keep:
                note(walk.book, NOTE_SAMPLES_CUT_KEPT, walk.whom, at.at - walk.octets, count, done)
            else:
                note(walk.book, NOTE_SAMPLES_CUT_REFUSED, walk.whom, at.at - walk.octets, count, done)
                return <Stop> STOP_DAMAGED
        elif left(&at) > 0:
            note(walk.book, NOTE_TRAILING, walk.whom, at.at - walk.octets, left(&at))
        return self.flush(walk) if self.n_block else STOP_END


# ── what the plan side knows of it ───────────────────────────────────────────────────────────────────────────────────

# Type -> (number, octets that it takes among the fixed fields; 0: variable).
OPS = {
    "u8": (OP_COPY_1, 1), "u32": (OP_COPY_4, 4), "i32": (OP_COPY_4, 4), "u64": (OP_COPY_8, 8), "uuid": (OP_COPY_16, 16),
    "ip6": (OP_COPY_16, 16), "mac": (OP_MAC, 6), "ip4": (OP_IPV4, 16), "addr": (OP_ADDRESS, 16), "pct": (OP_PERCENT, 8),
    "f32": (OP_FLOAT, 4), "str": (OP_STRING, 0), "opaque": (OP_STRING, 0), "items": (OP_ITEMS, 0),
    "aspath": (OP_AS_PATH, 0), "adapters": (OP_ADAPTERS, 0), "rest": (OP_REST, 0),
}
KEY_FIELDS = (("uptime_ms", 0, 4), ("source_class", 4, 4), ("source_index", 8, 4), ("sample_sequence", 12, 4))
KEY_OCTETS = KEY


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
