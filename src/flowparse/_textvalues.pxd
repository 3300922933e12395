# cython: language_level=3
"""Values of sflowtool's text -> octets as sFlow sends them."""

from libc.stdint cimport int64_t, uint8_t, uint32_t

cdef enum:
    ERA_SWAPPED_HEX = 1         # 5.01 alone: the two digits of each octet stand the wrong way round
    ERA_SWAPPED_ESCAPE = 2      # from 5.01 on: those of a URL escape do

ctypedef const uint8_t* Text
ctypedef uint8_t* Room
ctypedef Py_ssize_t (*ValueWriter)(Text at, Text end, Room out, Room limit, int era) noexcept nogil

cdef ValueWriter value_writer(int kind) noexcept nogil
cdef bint read_unsigned(const uint8_t** at, const uint8_t* end, uint32_t* value) noexcept nogil
cdef int64_t read_time(const uint8_t* at, const uint8_t* end) noexcept nogil
cdef void put32(uint8_t* out, uint32_t value) noexcept nogil
cdef Py_ssize_t write_str(Text at, Text end, Room out, Room limit, int era) noexcept nogil
cdef Py_ssize_t write_source(Text at, Text end, Room out, Room limit, int era) noexcept nogil
