# cython: language_level=3
"""Text of addresses, written by hand into the caller's room."""

from libc.stdint cimport uint8_t, uint32_t

cdef enum:
    IPV4_ROOM = 16              # octets that ipv4_text may touch
    ADDRESS_ROOM = 40           # likewise address_text
    MAC_ROOM = 17

cdef int ipv4_text(uint32_t address, char* out) noexcept nogil
cdef int address_text(const uint8_t* octets, char* out) noexcept nogil
cdef int mac_text(const uint8_t* octets, char* out) noexcept nogil
cdef bint is_mapped(const uint8_t* octets) noexcept nogil
