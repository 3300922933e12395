# cython: boundscheck=False, wraparound=False
"""Step kernels: a column of fields, a fixed distance apart on the wire, to a column in memory.

A closed set of loops, one for each pair of widths that is worth one, and one for any widths. Which
of them a field takes is looked up by name and widths when a plan is made.
"""

from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from flowparse._wire cimport be16, be32, be64

# Bounds, for all of them: the caller proved that `src`, `src + stride`, ... n times each start a field of `width`
# octets, and that `dst` has n places of the width that the kernel's name gives last.

cdef void copy_8(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        dst[i] = src[i * stride]


cdef void copy_16(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<uint16_t*> dst)[i] = be16(src + i * stride)


cdef void copy_32(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<uint32_t*> dst)[i] = be32(src + i * stride)


cdef void copy_64(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<uint64_t*> dst)[i] = be64(src + i * stride)


cdef void widen_8_16(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<uint16_t*> dst)[i] = src[i * stride]


cdef void widen_16_32(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<uint32_t*> dst)[i] = be16(src + i * stride)


cdef void widen_32_64(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<uint64_t*> dst)[i] = be32(src + i * stride)


cdef inline uint64_t be_any(const uint8_t* src, int width) noexcept nogil:
    cdef uint64_t value = 0
    cdef int k
    for k in range(width):
        value = value << 8 | src[k]
    return value


cdef void widen_any_16(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<uint16_t*> dst)[i] = <uint16_t> be_any(src + i * stride, width)


cdef void widen_any_32(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<uint32_t*> dst)[i] = <uint32_t> be_any(src + i * stride, width)


cdef void widen_any_64(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<uint64_t*> dst)[i] = be_any(src + i * stride, width)


cdef void octets_16(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        memcpy(dst + 16 * i, src + i * stride, 16)


cdef void octets_any(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        memcpy(dst + width * i, src + i * stride, width)


cdef void ipv4_mapped(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    """a.b.c.d as ::ffff:a.b.c.d."""
    cdef uint8_t[8] octets = [0, 0, 0xFF, 0xFF, 0, 0, 0, 0]
    cdef uint8_t[4] one = [1, 0, 0, 0]
    cdef uint32_t address
    cdef uint64_t prefix
    cdef int shift
    cdef Py_ssize_t i
    # The address stands behind the prefix: in the upper half of a word where the first octet is the lowest.
    memcpy(&address, one, 4)
    shift = 32 if address == 1 else 0
    memcpy(&prefix, octets, 8)
    for i in range(n):
        memcpy(&address, src + i * stride, 4)
        (<uint64_t*> dst)[2 * i] = 0
        (<uint64_t*> dst)[2 * i + 1] = prefix | <uint64_t> address << shift


cdef void uptime_time(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    """Milliseconds of uptime as time: the export time, less how long ago that was.

    The difference is signed and 32 bits wide, which sees through the wrap of the uptime every 49.7
    days and through a flow that ends a little after the header's uptime.
    """
    cdef int64_t export_ns = clock.export_ns
    cdef uint32_t uptime_ms = clock.uptime_ms
    cdef Py_ssize_t i
    for i in range(n):
        (<int64_t*> dst)[i] = export_ns + <int64_t> (<int32_t> (be32(src + i * stride) - uptime_ms)) * 1000000


cdef StepKernel[14] KERNELS = [
    copy_8, copy_16, copy_32, copy_64, widen_8_16, widen_16_32, widen_32_64, widen_any_16, widen_any_32, widen_any_64,
    octets_16, octets_any, ipv4_mapped, uptime_time,
]
# Name -> {(octets on the wire, octets in memory): kernel}; 0 on the wire stands for any other that is not larger.
KERNEL_OF = {
    "unsigned": {
        (1, 1): 0, (2, 2): 1, (4, 4): 2, (8, 8): 3, (1, 2): 4, (2, 4): 5, (4, 8): 6, (0, 2): 7, (0, 4): 8, (0, 8): 9,
    },
    "octets": {(16, 16): 10, (6, 6): 11},
    "ipv4_mapped": {(4, 16): 12},
    "uptime": {(4, 8): 13},
}


def kernel_of(name, wire, memory):
    """The kernel `name` for a field of `wire` octets and a column of `memory`; None where there is none."""
    widths = KERNEL_OF.get(name, {})
    if wire < 1:
        return None
    if name == "octets" and wire == memory:
        return widths.get((wire, memory), 11)
    if (wire, memory) in widths:
        return widths[wire, memory]
    return widths.get((0, memory)) if wire <= memory else None


cdef StepKernel kernel_at(int number) noexcept:
    """A kernel by the number that `kernel_of` gave."""
    return KERNELS[number]
