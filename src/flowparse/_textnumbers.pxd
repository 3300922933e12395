# cython: language_level=3
"""Numbers of sflowtool's text -> octets as sFlow sends them."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef enum:
    ERA_SWAPPED_HEX = 1         # 5.01 alone: the two digits of each octet stand the wrong way round
    ERA_SWAPPED_ESCAPE = 2      # from 5.01 on: those of a URL escape do
    ERA_LAST_DASH = 4           # before there were markers: a dash stands behind the last octet, too

ctypedef const uint8_t* Text
ctypedef uint8_t* Room
ctypedef Py_ssize_t (*ValueWriter)(Text at, Text end, Room out, Room limit, int era) noexcept nogil

cdef bint read_unsigned(const uint8_t** at, const uint8_t* end, uint32_t* value) noexcept nogil
cdef Py_ssize_t write_u32(Text at, Text end, Room out, Room limit, int era) noexcept nogil
cdef Py_ssize_t write_i32(Text at, Text end, Room out, Room limit, int era) noexcept nogil
cdef Py_ssize_t write_u8(Text at, Text end, Room out, Room limit, int era) noexcept nogil
cdef Py_ssize_t write_u64(Text at, Text end, Room out, Room limit, int era) noexcept nogil
cdef Py_ssize_t write_f32(Text at, Text end, Room out, Room limit, int era) noexcept nogil
cdef Py_ssize_t write_f64(Text at, Text end, Room out, Room limit, int era) noexcept nogil
cdef Py_ssize_t write_pct(Text at, Text end, Room out, Room limit, int era) noexcept nogil


cdef inline void put32(uint8_t* out, uint32_t value) noexcept nogil:
    # Bounds: the caller has four octets at `out`.
    out[0] = <uint8_t> (value >> 24)
    out[1] = <uint8_t> (value >> 16)
    out[2] = <uint8_t> (value >> 8)
    out[3] = <uint8_t> value


cdef inline void put64(uint8_t* out, uint64_t value) noexcept nogil:
    # Bounds: the caller has eight octets at `out`.
    put32(out, <uint32_t> (value >> 32))
    put32(out + 4, <uint32_t> value)


cdef inline bint is_digit(uint8_t octet) noexcept nogil:
    return <uint8_t> (octet - 48) < 10


cdef inline uint8_t digit_of(uint8_t octet) noexcept nogil:
    """The value of a hexadecimal digit; 255: it is none."""
    if is_digit(octet):
        return octet - 48
    octet |= 32
    return octet - 87 if 97 <= octet <= 102 else <uint8_t> 255
