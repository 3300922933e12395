# cython: language_level=3
"""Sampled packets: what the headers at the start of a packet say."""

from libc.stdint cimport uint8_t, uint32_t

# What a packet says is in `_headers`; a reader of packets finds the names here.
from flowparse._headers cimport (
    HEADER_80211, HEADER_ETHERNET, HEADER_IPV4, HEADER_IPV6, HEADER_MPLS, HEADER_POS, HEADER_PPP, KNOWS_ADDRESSES,
    KNOWS_FLAGS, KNOWS_FRAGMENT, KNOWS_ICMP, KNOWS_LABEL, KNOWS_PORTS, KNOWS_PROTO, MOST_LABELS, MOST_VLANS, Network,
    Packet, TUNNEL_GENEVE, TUNNEL_GRE, TUNNEL_IP, TUNNEL_NONE, TUNNEL_VXLAN,
)

cdef void read_payload(const uint8_t* octets, Py_ssize_t length, uint8_t proto, Packet* packet) noexcept nogil
cdef void read_packet(const uint8_t* octets, Py_ssize_t length, uint32_t protocol, Packet* packet) noexcept nogil
