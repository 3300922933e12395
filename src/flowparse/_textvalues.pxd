# cython: language_level=3
"""Values of sflowtool's text -> octets as sFlow sends them."""

from libc.stdint cimport int64_t, uint8_t

from flowparse._textnumbers cimport Room, Text, ValueWriter

cdef enum Kind:
    KIND_SKIP = 0               # known, and said by other octets already
    KIND_U32 = 1
    KIND_I32 = 2                # printed as unsigned by some versions
    KIND_U64 = 3
    KIND_U8 = 4
    KIND_F32 = 5
    KIND_F64 = 6
    KIND_PCT = 7
    KIND_IP4 = 8
    KIND_IP6 = 9
    KIND_MAC = 10
    KIND_ADDR = 11
    KIND_STR = 12
    KIND_OPAQUE = 13
    KIND_UUID = 14
    KIND_HEX64 = 15
    KIND_LABELS = 16
    KIND_VLANS = 17
    KIND_U32S = 18
    KIND_ASPATH = 19
    KIND_STATUS = 20
    KIND_DIRECTION = 21
    KIND_ESCAPED = 22
    KIND_PORT = 23
    KIND_SOURCE = 24
    KIND_ALL = 25

cdef ValueWriter value_writer(int kind) noexcept nogil
cdef int64_t read_time(const uint8_t* at, const uint8_t* end) noexcept nogil
cdef bint is_mangled(const uint8_t* at, const uint8_t* end) noexcept nogil
cdef Py_ssize_t write_str(Text at, Text end, Room out, Room limit, int era) noexcept nogil
cdef Py_ssize_t write_source(Text at, Text end, Room out, Room limit, int era) noexcept nogil
