# cython: language_level=3
"""What the headers at the start of a sampled packet say, as `_links` and `_packet` fill it in."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

cdef enum:
    MOST_VLANS = 2              # tags kept: the outermost two
    MOST_LABELS = 3             # label stack entries kept, from the top

cdef enum:
    ETYPE_IPV4 = 0x0800
    ETYPE_IPV6 = 0x86DD
    ETYPE_MPLS = 0x8847
    ETYPE_MPLS_UP = 0x8848          # upstream-assigned labels (RFC 5332)
    ETYPE_PPPOE = 0x8864
    ETYPE_BRIDGED = 0x6558          # Ethernet in GRE and Geneve
    ETYPE_LEAST = 0x0600            # below, a length (IEEE 802.3)
    NOTHING = 0                     # no ethertype: nothing further to read

cdef enum HeaderProtocol:       # as sFlow numbers them (sflow_version_5.txt, header_protocol)
    HEADER_ETHERNET = 1
    HEADER_PPP = 7
    HEADER_IPV4 = 11
    HEADER_IPV6 = 12
    HEADER_MPLS = 13
    HEADER_POS = 14
    HEADER_80211 = 15

cdef enum:                      # what a Network knows
    KNOWS_ADDRESSES = 1         # and length, tos, ttl
    KNOWS_PROTO = 2
    KNOWS_PORTS = 4
    KNOWS_FLAGS = 8
    KNOWS_ICMP = 16
    KNOWS_FRAGMENT = 32         # IPv4 always, IPv6 with a fragment header
    KNOWS_LABEL = 64            # IPv6

cdef enum Tunnel:
    TUNNEL_NONE = 0
    TUNNEL_IP = 1               # RFC 2003, RFC 2473, RFC 4213
    TUNNEL_GRE = 2              # RFC 2784, RFC 2890
    TUNNEL_VXLAN = 3            # RFC 7348
    TUNNEL_GENEVE = 4           # RFC 8926

cdef struct Network:            # one IP header and what follows it; numbers in host order
    uint8_t knows
    uint8_t version             # 4 or 6
    uint8_t proto
    uint8_t tos
    uint8_t ttl
    uint8_t icmp_type
    uint8_t icmp_code
    uint8_t fragment_flags      # IPv4: 2 do not fragment, 1 more; IPv6: 1 more
    uint16_t src_port
    uint16_t dst_port
    uint16_t tcp_flags          # 12 bits
    uint16_t fragment_offset    # in units of 8 octets
    uint32_t fragment_id
    uint32_t flow_label
    uint32_t length             # of the IP packet, header included; 0: not told
    uint16_t offset             # octets before the IP header
    uint8_t src[16]             # IPv4 as ::ffff:a.b.c.d
    uint8_t dst[16]

cdef struct Packet:
    bint has_macs
    bint has_etype
    bint truncated              # the octets end within a header
    bint has_pppoe
    uint8_t tunnel
    uint8_t n_vlans             # all of them, also those not kept
    uint8_t n_labels
    uint8_t dst_mac[6]
    uint8_t src_mac[6]
    uint16_t etype              # behind the VLAN tags
    uint16_t pppoe_session
    uint16_t[MOST_VLANS] vlans  # tag control information: priority, drop eligible, VLAN
    uint32_t[MOST_LABELS] labels
    uint32_t vni                # VXLAN and Geneve; GRE: the key
    bint has_vni
    Network outer
    Network inner               # what a tunnel carries
