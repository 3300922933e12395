# cython: language_level=3
"""sFlow: the walk over samples and records, and what it fills for plans to run over."""

from libc.stdint cimport int16_t, uint8_t, uint16_t, uint32_t

from flowparse._columns cimport Ledger
from flowparse._notes cimport About, Notebook
from flowparse._plan cimport Program, Stop

cdef enum:
    SFLOW_HEADER_ROOM = 40          # octets of the longest datagram header
    TAG_SLOTS = 512                 # of the table of structures; at least twice as many as there are

cdef enum:                          # more reasons to stop
    STOP_STRUCTURE = 24             # the structure has no plan yet: Walk.wanted_*
    STOP_DAMAGED = 25               # not to be kept: the last note says why

cdef enum Kind:                     # of samples, and of structures
    KIND_FLOW = 0
    KIND_COUNTER = 1
    KIND_SAMPLE = 2
    KIND_UNKNOWN = 3                # structures that nothing is known of

cdef struct Header:                 # of a datagram
    uint32_t version
    bint has_agent
    uint8_t agent[16]
    uint32_t sub_agent
    uint32_t sequence
    uint32_t uptime_ms
    uint32_t count
    uint16_t length                 # octets before the first sample

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

cdef struct Op:                     # a field of a structure
    uint8_t kind
    uint8_t item                    # octets of an item of a list
    uint16_t offset                 # where it goes; of a fixed one

cdef struct Structure:
    uint32_t tag                    # enterprise << 12 | format
    uint8_t kind
    uint16_t n_ops
    uint16_t fixed                  # octets of the fixed fields, the key before them included
    Op* ops
    Program** programs              # by how many fields are there; NULL: not made yet

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

cdef struct Walk:                   # one datagram
    const uint8_t* octets
    const Header* header
    Ledger* ledger
    Notebook* book
    const About* whom
    bint keep                       # what is framed before damage
    bint has_received
    uint32_t override_rate          # 0: none
    uint32_t default_rate           # 0: none
    uint32_t most_samples
    uint32_t most_records
    Py_ssize_t aside                # rows that are not flow rows
    int wanted_structure            # STOP_STRUCTURE
    int wanted_fields


cdef class Sflow:
    cdef list plans                 # which keep the programs alive
    cdef Program* flow              # NULL: the flow view is not wanted, each structure's table is
    cdef Structure* structures
    cdef Py_ssize_t n_structures
    cdef int[3] own                 # the tables of flow samples, discard samples and unknown structures; -1: not wanted
    cdef int16_t[TAG_SLOTS] slots   # by a hash of kind and tag; -1: free
    cdef Sampled* block             # rows that wait for the plan
    cdef Py_ssize_t n_block
    cdef uint8_t* scratch
    cdef Stop walk(self, Walk* walk, Py_ssize_t length) noexcept nogil

cdef int read_header(const uint8_t* octets, Py_ssize_t length, Header* header) noexcept nogil
