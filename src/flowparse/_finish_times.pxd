# cython: language_level=3
"""Finish steps that make times and sampling rates out of several fields."""

from libc.stdint cimport uint16_t

from flowparse._part cimport Part

cdef void time_order(Part* part, const uint16_t* columns) noexcept nogil
cdef void milliseconds(Part* part, const uint16_t* columns) noexcept nogil
cdef void no_time(Part* part, const uint16_t* columns) noexcept nogil
cdef void since_init_of_record(Part* part, const uint16_t* columns) noexcept nogil
cdef void add_ms(Part* part, const uint16_t* columns) noexcept nogil
cdef void add_us(Part* part, const uint16_t* columns) noexcept nogil
cdef void less_ms(Part* part, const uint16_t* columns) noexcept nogil
cdef void less_us(Part* part, const uint16_t* columns) noexcept nogil
cdef void rate_of_interval(Part* part, const uint16_t* columns) noexcept nogil
cdef void rate_of_population(Part* part, const uint16_t* columns) noexcept nogil
cdef void rate_of_probability(Part* part, const uint16_t* columns) noexcept nogil
cdef void rates(Part* part, const uint16_t* columns) noexcept nogil
