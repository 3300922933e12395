# cython: language_level=3
"""Samples of sFlow as the flow view has them, and big-endian stores."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from flowparse._wire cimport Span, left

cdef enum Kind:                     # of samples, and of structures
    KIND_FLOW = 0
    KIND_COUNTER = 1
    KIND_SAMPLE = 2
    KIND_UNKNOWN = 3                # structures that nothing is known of

cdef struct Sample:                 # what the head of a sample says; compact and expanded alike
    uint8_t kind                    # KIND_FLOW or KIND_COUNTER
    bint discarded
    uint32_t sequence
    uint32_t source_class
    uint32_t source_index
    uint32_t rate
    uint32_t pool
    uint32_t drops
    uint32_t in_format
    uint32_t in_port
    uint32_t out_format
    uint32_t out_port
    uint32_t reason
    uint32_t count

cdef struct Sampled:                # a flow or discard sample as the flow view has it; every number big-endian
    # A flag each: 1 where the values named after it are known.
    uint8_t has_bytes
    uint8_t has_rate
    uint8_t has_macs
    uint8_t has_etype
    uint8_t has_vlan
    uint8_t has_src_vlan
    uint8_t has_dst_vlan
    uint8_t has_addresses
    uint8_t has_tos
    uint8_t has_ttl
    uint8_t has_proto
    uint8_t has_ports
    uint8_t has_tcp_flags
    uint8_t has_icmp
    uint8_t has_fragment
    uint8_t has_flow_label
    uint8_t has_in_if
    uint8_t has_out_if
    uint8_t has_masks
    uint8_t has_next_hop
    uint8_t has_bgp_next_hop
    uint8_t has_as
    uint8_t has_next_hop_as
    uint8_t[3] has_label
    uint8_t has_nat
    uint8_t has_nat_ports
    uint8_t has_forwarding
    uint8_t has_direction
    uint8_t kind
    uint8_t time_source
    uint8_t rate_source
    uint8_t proto
    uint8_t tos
    uint8_t ttl
    uint8_t icmp_type
    uint8_t icmp_code
    uint8_t src_net
    uint8_t dst_net
    uint8_t forwarding
    uint8_t direction
    uint8_t bytes[8]
    uint8_t rate[4]
    uint8_t src[16]
    uint8_t dst[16]
    uint8_t src_mac[6]
    uint8_t dst_mac[6]
    uint8_t etype[2]
    uint8_t vlan[2]
    uint8_t src_vlan[2]
    uint8_t dst_vlan[2]
    uint8_t src_port[2]
    uint8_t dst_port[2]
    uint8_t tcp_flags[2]
    uint8_t fragment_offset[2]
    uint8_t fragment_id[4]
    uint8_t flow_label[4]
    uint8_t in_if[4]
    uint8_t out_if[4]
    uint8_t src_as[4]
    uint8_t dst_as[4]
    uint8_t next_hop_as[4]
    uint8_t next_hop[16]
    uint8_t bgp_next_hop[16]
    uint8_t label_1[4]
    uint8_t label_2[4]
    uint8_t label_3[4]
    uint8_t nat_src[16]
    uint8_t nat_dst[16]
    uint8_t nat_src_port[2]
    uint8_t nat_dst_port[2]

cdef struct Telling:                # what the caller, and not the sample, says of a row
    bint has_received
    uint32_t override_rate          # 0: none
    uint32_t default_rate           # 0: none

cdef void take_section(
    Sampled* row, const uint8_t* octets, Py_ssize_t length, uint32_t protocol,
) noexcept nogil
cdef void take_payload(Sampled* row, const uint8_t* octets, Py_ssize_t length, uint8_t proto) noexcept nogil
cdef void begin_row(Sampled* row, const Sample* sample, const Telling* telling) noexcept nogil
cdef bint take_record(Sampled* row, uint32_t tag, Span* at) noexcept nogil
cdef bint take_sampled_header(Sampled* row, Span* at, bint has_stripped) noexcept nogil
cdef bint take_gateway(Sampled* row, Span* at, bint has_next_hop, bint has_segments) noexcept nogil
cdef bint read_address(Span* at, uint8_t* address, uint8_t* known) noexcept nogil


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
    """::ffff:a.b.c.d."""
    memset(at, 0, 10)
    at[10] = at[11] = 0xFF
    memcpy(at + 12, address, 4)


cdef inline Py_ssize_t padded(Py_ssize_t length) noexcept nogil:
    return (length + 3) & ~<Py_ssize_t> 3


cdef inline void skip(Span* at, Py_ssize_t length) noexcept nogil:
    """Behind `length` octets, which are there, and their padding, which may not be."""
    at.at += min(padded(length), left(at))
