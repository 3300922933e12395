# cython: boundscheck=False, wraparound=False, cdivision=True
"""Step kernels: a column of fields, a fixed distance apart on the wire, to a column in memory.

A closed set of loops, one for each pair of widths that is worth one, and one for any widths. Which
of them a field takes is looked up by name and widths when a plan is made.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from flowparse._lookup cimport RateTable, rate_of
from flowparse._part cimport TIME_HEADER_UPTIME, TIME_NONE
from flowparse._strided cimport (
    each_copy_8, each_copy_16, each_copy_32, each_copy_64, each_widen_8_16, each_widen_8_32, each_widen_8_64,
    each_widen_16_32, each_widen_16_64, each_widen_32_64, each_widen_24_32, each_widen_24_64, each_widen_48_64,
)
from flowparse._wire cimport be16, be32, be64

NO_TIME = -<int64_t> 0x7FFFFFFFFFFFFFFF - 1
MOST_MS = 9223372036854
cdef int64_t SECOND_NS = 1000000000
cdef int64_t NTP_UNIX_S = 2208988800        # seconds from 1900, where NTP counts from, to 1970

# Bounds, for all of them: the caller proved that `src`, `src + stride`, ... n times each start a field of `width`
# octets, and that `dst` has n places of the width that the kernel's name gives last.

cdef int copy_8(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    each_copy_8(src, stride, n, dst)
    return 0


cdef int copy_16(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    each_copy_16(src, stride, n, dst)
    return 0


cdef int copy_32(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    each_copy_32(src, stride, n, dst)
    return 0


cdef int copy_64(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    each_copy_64(src, stride, n, dst)
    return 0


cdef int widen_8_16(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    each_widen_8_16(src, stride, n, dst)
    return 0


cdef int widen_8_32(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    each_widen_8_32(src, stride, n, dst)
    return 0


cdef int widen_8_64(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    each_widen_8_64(src, stride, n, dst)
    return 0


cdef int widen_16_32(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    each_widen_16_32(src, stride, n, dst)
    return 0


cdef int widen_16_64(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    each_widen_16_64(src, stride, n, dst)
    return 0


cdef int widen_32_64(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    each_widen_32_64(src, stride, n, dst)
    return 0


cdef inline uint64_t be_any(const uint8_t* src, int width) noexcept nogil:
    cdef uint64_t value = 0
    cdef int k
    for k in range(width):
        value = value << 8 | src[k]
    return value


cdef int widen_24_32(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    each_widen_24_32(src, stride, n, dst)
    return 0


cdef int widen_24_64(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    each_widen_24_64(src, stride, n, dst)
    return 0


cdef int widen_48_64(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    each_widen_48_64(src, stride, n, dst)
    return 0


cdef int widen_any_64(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<uint64_t*> dst)[i] = be_any(src + i * stride, width)
    return 0


cdef int signed_any_16(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    """Two's complement in fewer octets than memory has."""
    cdef int shift = 64 - 8 * width
    cdef Py_ssize_t i
    for i in range(n):
        (<int16_t*> dst)[i] = <int16_t> (<int64_t> (be_any(src + i * stride, width) << shift) >> shift)
    return 0


cdef int signed_any_32(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef int shift = 64 - 8 * width
    cdef Py_ssize_t i
    for i in range(n):
        (<int32_t*> dst)[i] = <int32_t> (<int64_t> (be_any(src + i * stride, width) << shift) >> shift)
    return 0


cdef int signed_any_64(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef int shift = 64 - 8 * width
    cdef Py_ssize_t i
    for i in range(n):
        (<int64_t*> dst)[i] = <int64_t> (<int64_t> (be_any(src + i * stride, width) << shift) >> shift)
    return 0


cdef int float_32_64(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef uint32_t bits
    cdef float narrow
    cdef Py_ssize_t i
    for i in range(n):
        bits = be32(src + i * stride)
        memcpy(&narrow, &bits, 4)
        (<double*> dst)[i] = narrow
        if bits << 1 > <uint32_t> 0xFF000000:       # a processor would make a signalling NaN a quiet one
            (<uint64_t*> dst)[i] = (
                <uint64_t> (bits >> 31) << 63 | <uint64_t> 0x7FF << 52 | <uint64_t> (bits & 0x7FFFFF) << 29
            )
    return 0


cdef int octets_6(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        memcpy(dst + 6 * i, src + i * stride, 6)
    return 0


cdef int octets_16(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        memcpy(dst + 16 * i, src + i * stride, 16)
    return 0


cdef int octets_any(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        memcpy(dst + width * i, src + i * stride, width)
    return 0


cdef int ipv4_mapped(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
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
    return 0


# ── times: nanoseconds since 1970 UTC ────────────────────────────────────────────────────────────────────────────────

cdef int seconds(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    """dateTimeSeconds, without sign: until 2106 (RFC 7011 section 6.1.7)."""
    cdef Py_ssize_t i
    for i in range(n):
        (<int64_t*> dst)[i] = be32(src + i * stride) * SECOND_NS
    return 0


cdef int milliseconds(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    """dateTimeMilliseconds (RFC 7011 section 6.1.8), of which none is lost.

    10**6 is 2**6 times an odd number: modulo 2**64, the product keeps the lower 58 bits and leaves six
    bits free for the upper six, which are zero until after the year 2262. See `ms_of`.
    """
    cdef uint64_t ms, seen = 0
    cdef Py_ssize_t i
    for i in range(n):
        ms = be64(src + i * stride)
        seen |= ms
        (<uint64_t*> dst)[i] = ms * 1000000 | ms >> 58
    return ODD_TIME if seen >> 43 else 0        # 2**43 < MOST_MS < 2**44


cdef inline int ntp_times(
    Wire src, Py_ssize_t stride, Py_ssize_t n, int64_t* dst, uint32_t fraction,
) noexcept nogil:
    """NTP's seconds and those bits of its binary fraction, to the nearest nanosecond; zero is no time."""
    cdef uint64_t ntp
    cdef int64_t second
    cdef int odd = 0
    cdef Py_ssize_t i
    for i in range(n):
        ntp = be64(src + i * stride)
        # RFC 4330 section 3: seconds without their first bit count from 2036, 2**32 seconds after 1900.
        second = <int64_t> (ntp >> 32) + (<int64_t> (~ntp >> 63) << 32) - NTP_UNIX_S
        dst[i] = second * SECOND_NS + ((<uint32_t> ntp & fraction) * SECOND_NS + (<int64_t> 1 << 31) >> 32)
        if ntp == 0:
            dst[i] = NO_TIME
            odd = ODD_TIME
    return odd


cdef int microseconds(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    """dateTimeMicroseconds, whose last 11 bits must be ignored (RFC 7011 section 6.1.9)."""
    return ntp_times(src, stride, n, <int64_t*> dst, <uint32_t> 0xFFFFF800)


cdef int nanoseconds(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    """dateTimeNanoseconds (RFC 7011 section 6.1.10)."""
    return ntp_times(src, stride, n, <int64_t*> dst, <uint32_t> 0xFFFFFFFF)


cdef int uptime_time(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    """Milliseconds since the exporter started as time, by what is known of that: the header's uptime, or options."""
    cdef int64_t export_ns = clock.export_ns
    cdef uint32_t uptime_ms = clock.uptime_ms
    cdef uint64_t ms
    cdef Py_ssize_t i
    cdef int odd = 0
    if clock.time_source == TIME_HEADER_UPTIME and width == 4:
        # The export time, less how long ago that was. The difference is signed and 32 bits wide, which sees through the
        # wrap of the uptime every 49.7 days and through a flow that ends a little after the header's uptime.
        for i in range(n):
            (<int64_t*> dst)[i] = export_ns + <int64_t> (<int32_t> (be32(src + i * stride) - uptime_ms)) * 1000000
        return 0
    for i in range(n):
        ms = be_any(src + i * stride, width)
        if clock.time_source == TIME_NONE or ms >> 32:
            (<int64_t*> dst)[i] = NO_TIME
            odd = ODD_TIME
        elif clock.time_source == TIME_HEADER_UPTIME:
            (<int64_t*> dst)[i] = export_ns + <int64_t> (<int32_t> (<uint32_t> ms - uptime_ms)) * 1000000
        else:
            (<int64_t*> dst)[i] = since_init(clock.init_ms, <uint32_t> ms, export_ns)
            odd |= ODD_TIME if (<int64_t*> dst)[i] == NO_TIME else 0
    return odd


cdef int before_export(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    """Microseconds before the export (RFC 7011 section 5.1)."""
    cdef uint64_t us
    cdef Py_ssize_t i
    cdef int odd = 0
    for i in range(n):
        us = be_any(src + i * stride, width)
        if us >> 32:
            (<int64_t*> dst)[i] = NO_TIME
            odd = ODD_TIME
        else:
            (<int64_t*> dst)[i] = clock.export_ns - <int64_t> us * 1000
    return odd


# ── numbers of their own kind ────────────────────────────────────────────────────────────────────────────────────────

cdef int application(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    """applicationId of at most 8 octets: engine, and selector (RFC 6759 section 4)."""
    cdef Py_ssize_t i
    for i in range(n):
        (<uint64_t*> dst)[i] = <uint64_t> src[i * stride] << 56 | be_any(src + i * stride + 1, width - 1)
    return 0


cdef int label(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    """The label of an MPLS label stack entry, its first 20 bits (RFC 3032 section 2.1)."""
    cdef Py_ssize_t i
    for i in range(n):
        (<uint32_t*> dst)[i] = (<uint32_t> be16(src + i * stride) << 8 | src[i * stride + 2]) >> 4
    return 0


cdef int rates_of(
    const RateTable* table, Wire src, Py_ssize_t stride, Py_ssize_t n, uint32_t* dst, int width,
) noexcept nogil:
    cdef uint64_t key, last = 0
    cdef uint32_t rate, all = 0
    cdef Py_ssize_t i
    if table == NULL or table.n == 0:
        memset(dst, 0, n * sizeof(uint32_t))
        return 0
    rate = rate_of(table, last)
    for i in range(n):
        key = be_any(src + i * stride, width)
        if key != last:
            last = key
            rate = rate_of(table, key)
        dst[i] = rate
        all |= rate
    return ODD_RATE if all else 0


cdef int sampler_rate(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    """What is known of a sampler; 0 for nothing."""
    return rates_of(clock.samplers, src, stride, n, <uint32_t*> dst, width)


cdef int interface_rate(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    """What is known of an interface; 0 for nothing."""
    return rates_of(clock.interfaces, src, stride, n, <uint32_t*> dst, width)


cdef int record_rate(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    """A number that a rate is made of; 0 where it is larger than 32 bits."""
    cdef uint64_t value
    cdef Py_ssize_t i
    for i in range(n):
        value = be_any(src + i * stride, width)
        (<uint32_t*> dst)[i] = 0 if value >> 32 else <uint32_t> value
    return ODD_RATE


cdef StepKernel[33] KERNELS = [
    copy_8, copy_16, copy_32, copy_64, widen_8_16, widen_8_32, widen_8_64, widen_16_32, widen_16_64,
    widen_32_64, widen_24_32, widen_24_64, widen_48_64, widen_any_64, signed_any_16, signed_any_32,
    signed_any_64, float_32_64, octets_6, octets_16, octets_any, ipv4_mapped, seconds, milliseconds,
    microseconds, nanoseconds, uptime_time, before_export, application, label, sampler_rate, interface_rate,
    record_rate,
]
# Name -> {(octets on the wire, octets in memory): kernel}; 0 on the wire stands for any other that is not larger, and
# 0 in memory for as many as on the wire.
KERNEL_OF = {
    "unsigned": {
        (1, 1): 0, (2, 2): 1, (4, 4): 2, (8, 8): 3,
        (1, 2): 4,
        (1, 4): 5, (2, 4): 7, (3, 4): 10,
        (1, 8): 6, (2, 8): 8, (3, 8): 11, (4, 8): 9, (6, 8): 12, (0, 8): 13,
    },
    "signed": {(1, 1): 0, (2, 2): 1, (4, 4): 2, (8, 8): 3, (0, 2): 14, (0, 4): 15, (0, 8): 16},
    "float": {(4, 4): 2, (8, 8): 3, (4, 8): 17},
    "octets": {(6, 6): 18, (16, 16): 19, (0, 0): 20},
    "ipv4_mapped": {(4, 16): 21},
    "seconds": {(4, 8): 22},
    "milliseconds": {(8, 8): 23},
    "microseconds": {(8, 8): 24},
    "nanoseconds": {(8, 8): 25},
    "uptime": {(8, 8): 26, (0, 8): 26},
    "before_export": {(8, 8): 27, (0, 8): 27},
    "application": {(8, 8): 28, (0, 8): 28},
    "label": {(3, 4): 29, (4, 4): 29},
    "sampler_rate": {(0, 4): 30, (5, 4): 30, (6, 4): 30, (7, 4): 30, (8, 4): 30},
    "interface_rate": {(0, 4): 31, (5, 4): 31, (6, 4): 31, (7, 4): 31, (8, 4): 31},
    "record_rate": {(0, 4): 32, (5, 4): 32, (6, 4): 32, (7, 4): 32, (8, 4): 32},
}


def kernel_of(name, wire, memory):
    """The kernel `name` for a field of `wire` octets and a column of `memory`; None where there is none."""
    widths = KERNEL_OF.get(name, {})
    if wire < 1:
        return None
    if (wire, memory) in widths:
        return widths[wire, memory]
    if wire == memory and (0, 0) in widths:
        return widths[0, 0]
    return widths.get((0, memory)) if wire <= memory else None


cdef StepKernel kernel_at(int number) noexcept:
    """A kernel by the number that `kernel_of` gave."""
    return KERNELS[number]
