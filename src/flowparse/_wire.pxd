# cython: language_level=3
"""What every kernel shares: a window on octets, and big-endian loads without alignment.

All of it is inline, so that a load costs one instruction in whichever module it is used. No bounds
are checked here: the caller has proved them and says so in a `# Bounds:` line.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t


cdef enum Protocol:                 # as FLOW's `type` numbers them
    PROTOCOL_SFLOW5 = 1
    PROTOCOL_NETFLOW5 = 2
    PROTOCOL_NETFLOW9 = 3
    PROTOCOL_IPFIX = 4
    PROTOCOL_NETFLOW1 = 6
    PROTOCOL_NETFLOW7 = 7
    PROTOCOLS = 8


cdef struct Span:               # a window on one datagram; at <= end always holds
    const uint8_t* at
    const uint8_t* end


cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    /* Compilers turn these shifts into one load and one byte swap. */
    static inline uint16_t fp_be16(const uint8_t *p) { return (uint16_t)((p[0] << 8) | p[1]); }
    static inline uint32_t fp_be32(const uint8_t *p) {
        return ((uint32_t)p[0] << 24) | ((uint32_t)p[1] << 16) | ((uint32_t)p[2] << 8) | p[3];
    }
    static inline uint64_t fp_be64(const uint8_t *p) { return ((uint64_t)fp_be32(p) << 32) | fp_be32(p + 4); }
    """
    uint16_t be16 "fp_be16"(const uint8_t* p) noexcept nogil
    uint32_t be32 "fp_be32"(const uint8_t* p) noexcept nogil
    uint64_t be64 "fp_be64"(const uint8_t* p) noexcept nogil


cdef inline Py_ssize_t left(const Span* span) noexcept nogil:
    return span.end - span.at


cdef inline bint is_zero(const Span* span) noexcept nogil:
    cdef const uint8_t* at = span.at
    # Progress: an octet further each turn.
    while at < span.end:
        if at[0] != 0:
            return False
        at += 1
    return True
