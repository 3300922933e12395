# cython: language_level=3
"""Headers before the IP header of a sampled packet."""

from libc.stdint cimport uint16_t

from flowparse._headers cimport Packet
from flowparse._wire cimport Span

cdef uint16_t read_ethernet(Span* at, Packet* packet, bint keep) noexcept nogil
cdef uint16_t read_80211(Span* at, Packet* packet) noexcept nogil
cdef uint16_t read_ppp(Span* at, Packet* packet) noexcept nogil
cdef uint16_t read_labels(Span* at, Packet* packet, bint keep) noexcept nogil
cdef uint16_t read_pppoe(Span* at, Packet* packet) noexcept nogil
