# cython: language_level=3
"""Step kernels: a column of fields on the wire to a column in memory."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from flowparse._part cimport Context

ctypedef const uint8_t* Wire
ctypedef const Context* Clock
# Returns what a finish step may have to look at, for run_finish_steps(): ODD_ bits, or 0.
ctypedef int (*StepKernel)(
    Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock,
) noexcept nogil

cdef enum:
    ODD_TIME = 1                # a time that may be none
    ODD_RATE = 2                # a sampling rate that is this record's own

cdef int64_t NO_TIME            # what a time column holds where there is none, until a finish step makes it null
cdef int64_t MOST_MS            # milliseconds that are nanoseconds in 63 bits: until the year 2262

cdef StepKernel kernel_at(int number) noexcept


cdef inline uint64_t ms_of(uint64_t stored) noexcept nogil:
    """The milliseconds that the kernel of that name was given."""
    # The inverse of 10**6 / 2**6 modulo 2**64; see `milliseconds`.
    cdef uint64_t inverse = <uint64_t> 0x790FB656 << 32 | <uint64_t> 0x68C26139
    return (stored >> 6) * inverse << 6 >> 6 | stored << 58


cdef inline int64_t since_init(int64_t init_ms, uint32_t uptime_ms, int64_t export_ns) noexcept nogil:
    """The time of an uptime, by when the exporter started.

    The uptime starts anew every 2**32 ms. So often is it taken to have done so as brings the time within
    a day of the export; where nothing does, it did not.
    """
    cdef int64_t ms = init_ms + uptime_ms
    cdef int64_t turn = <int64_t> 1 << 32
    cdef int64_t ago = export_ns // 1000000 - ms
    cdef int64_t turns
    if init_ms < 0 or ms > MOST_MS:
        return NO_TIME
    turns = (ago + turn // 2) // turn
    if ago > 0 and turns > 0 and -86400000 <= ago - turns * turn and ago - turns * turn <= 86400000:
        ms += turns * turn
    return ms * 1000000
