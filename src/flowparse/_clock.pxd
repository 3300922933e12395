# cython: language_level=3, cdivision=True
"""The clock of a capture's interface: ticks of any resolution to nanoseconds, in integers, all inline.

Source: draft-ietf-opsawg-pcapng 4.2, options if_tsresol and if_tsoffset; a pcap has one of two clocks.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t


cdef struct Clock:
    uint64_t units              # in a second, at least 1
    uint64_t scale              # between a unit and a nanosecond, when units is a power of ten
    int64_t offset_s            # added to the seconds
    uint8_t binary              # units is 2 to this power, if it is not 0
    bint readable               # the rest is set


cdef extern from *:
    """
    /* Seconds whose nanoseconds fit int64, the last second whole. */
    #define FP_MOST_S INT64_C(9223372035)
    """
    const int64_t MOST_S "FP_MOST_S"


cdef enum:
    MICROSECONDS = 6            # the if_tsresol of the two kinds of pcap
    NANOSECONDS = 9
    GIGA = 1000000000


cdef inline void set_clock(Clock* clock, uint8_t resolution, int64_t offset_s) noexcept nogil:
    """Set units and scale of a clock from if_tsresol; finer ones than 64 bits of a second are not readable."""
    cdef int power = resolution & 0x7F
    cdef int _turn
    clock.offset_s = offset_s
    clock.units = clock.scale = 1
    clock.readable = -MOST_S <= offset_s <= MOST_S and power <= (63 if resolution & 0x80 else 19)
    if not clock.readable:
        return
    if resolution & 0x80:
        clock.binary = power
        clock.units = (<uint64_t>1) << power
        return
    clock.binary = 0
    for _turn in range(power):          # 10**19 < 2**64
        clock.units *= 10
    for _turn in range(abs(power - NANOSECONDS)):
        clock.scale *= 10


cdef inline bint read_time(const Clock* clock, uint64_t ticks, int64_t* time_ns) noexcept nogil:
    """Convert clock units to nanoseconds since 1970, rounded down; False if they do not fit."""
    cdef uint64_t whole = ticks // clock.units
    cdef uint64_t part = ticks % clock.units
    cdef uint64_t low
    cdef int64_t seconds
    if whole > <uint64_t>MOST_S:
        return False
    seconds = <int64_t>whole + clock.offset_s      # either is below 2**34
    if not -MOST_S <= seconds <= MOST_S:
        return False
    if clock.binary == 0:
        part = part * clock.scale if clock.units <= GIGA else part // clock.scale
    elif clock.binary <= 32:
        part = part * GIGA >> clock.binary      # below 2**32 * 2**30
    else:                                           # part * GIGA has up to 93 bits: upper and lower half apart
        low = <uint64_t><uint32_t>part * GIGA >> 32
        part = ((part >> 32) * GIGA + low) >> (clock.binary - 32)
    time_ns[0] = seconds * GIGA + <int64_t>part
    return True
