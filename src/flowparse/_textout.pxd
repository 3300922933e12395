# cython: language_level=3
"""What comes of a text: octets and notes."""

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

from flowparse._textstate cimport Assembly
from flowparse._textnumbers cimport put32

cdef void note_values(Assembly* a, int kind, int64_t first, int64_t second, int64_t third) noexcept nogil
cdef void note_text(Assembly* a, int kind, const uint8_t* at, const uint8_t* end) noexcept nogil
cdef void note_line(Assembly* a, int kind, int64_t line, const uint8_t* at, const uint8_t* end) noexcept nogil
cdef void overflow(Assembly* a, int kind) noexcept nogil
cdef bint has_room(Assembly* a, int64_t octets) noexcept nogil
cdef void lack(Assembly* a, int slot) noexcept nogil


cdef inline void append32(Assembly* a, uint32_t value) noexcept nogil:
    # Bounds: the caller has made room.
    put32(a.out + a.used, value)
    a.used += 4


cdef inline void append(Assembly* a, const uint8_t* octets, Py_ssize_t n) noexcept nogil:
    # Bounds: the caller has made room. A number is copied without a call.
    if n == 4:
        memcpy(a.out + a.used, octets, 4)
    else:
        memcpy(a.out + a.used, octets, n)
    a.used += n
