# cython: language_level=3
"""Finish steps that read sampled packets."""

from libc.stdint cimport uint16_t

from flowparse._part cimport Part

cdef void no_sections(Part* part, const uint16_t* columns) noexcept nogil
cdef void frame_section(Part* part, const uint16_t* columns) noexcept nogil
cdef void ip_section(Part* part, const uint16_t* columns) noexcept nogil
cdef void mpls_section(Part* part, const uint16_t* columns) noexcept nogil
cdef void payload_section(Part* part, const uint16_t* columns) noexcept nogil
cdef void of_section(Part* part, const uint16_t* columns) noexcept nogil
