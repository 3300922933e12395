# cython: language_level=3
"""Finish steps that pick and split."""

from libc.stdint cimport uint8_t, uint16_t

from flowparse._part cimport Part

cdef const uint8_t* octets_of(const Part* part, int column, Py_ssize_t row, Py_ssize_t* length) noexcept nogil
cdef void other_direction(Part* part, const uint16_t* columns) noexcept nogil
cdef void boolean(Part* part, const uint16_t* columns) noexcept nogil
cdef void zero_is_null(Part* part, const uint16_t* columns) noexcept nogil
cdef void pick_nonzero(Part* part, const uint16_t* columns) noexcept nogil
cdef void pick_by_version(Part* part, const uint16_t* columns) noexcept nogil
cdef void pick_by_etype(Part* part, const uint16_t* columns) noexcept nogil
cdef void net_of_family(Part* part, const uint16_t* columns) noexcept nogil
cdef void net_is_ipv4(Part* part, const uint16_t* columns) noexcept nogil
cdef void net_is_ipv6(Part* part, const uint16_t* columns) noexcept nogil
cdef void etype_of_version(Part* part, const uint16_t* columns) noexcept nogil
cdef void etype_of_address(Part* part, const uint16_t* columns) noexcept nogil
cdef void icmp_split(Part* part, const uint16_t* columns) noexcept nogil
cdef void icmp_from_port(Part* part, const uint16_t* columns) noexcept nogil
cdef void word_split(Part* part, const uint16_t* columns) noexcept nogil
cdef void pick_icmpv6(Part* part, const uint16_t* columns) noexcept nogil
cdef void only_icmp(Part* part, const uint16_t* columns) noexcept nogil
cdef void not_icmp(Part* part, const uint16_t* columns) noexcept nogil
cdef void narrow_8(Part* part, const uint16_t* columns) noexcept nogil
cdef void narrow_16(Part* part, const uint16_t* columns) noexcept nogil
cdef void narrow_32(Part* part, const uint16_t* columns) noexcept nogil
cdef void number_8(Part* part, const uint16_t* columns) noexcept nogil
cdef void number_16(Part* part, const uint16_t* columns) noexcept nogil
cdef void number_32(Part* part, const uint16_t* columns) noexcept nogil
cdef void number_64(Part* part, const uint16_t* columns) noexcept nogil
cdef void application_of_octets(Part* part, const uint16_t* columns) noexcept nogil
cdef void list_of_numbers(Part* part, const uint16_t* columns) noexcept nogil
cdef void all_ones_is_null(Part* part, const uint16_t* columns) noexcept nogil
cdef void empty_is_null(Part* part, const uint16_t* columns) noexcept nogil
cdef void flagged(Part* part, const uint16_t* columns) noexcept nogil
cdef void only_icmpv6(Part* part, const uint16_t* columns) noexcept nogil
cdef void not_icmpv6(Part* part, const uint16_t* columns) noexcept nogil
