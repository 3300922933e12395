# cython: boundscheck=False, wraparound=False
"""Numbers of sflowtool's text, written back as the octets they were printed from; see `_textvalues`."""

from libc.math cimport INFINITY, NAN
from libc.stdint cimport INT32_MAX, UINT32_MAX, UINT64_MAX, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

cdef uint64_t TENTH = UINT64_MAX // 10     # and UINT64_MAX ends in 5


cdef bint read_unsigned(const uint8_t** at, const uint8_t* end, uint32_t* value) noexcept nogil:
    """A decimal number of 32 bits at `at[0]`, which moves behind it; False where there is none."""
    cdef const uint8_t* digit = at[0]
    cdef uint64_t number = 0
    # Progress: one digit further each turn. Bounds: digit < end.
    while digit < end and is_digit(digit[0]):
        number = number * 10 + (digit[0] - 48)
        if number > UINT32_MAX:
            return False
        digit += 1
    if digit == at[0]:
        return False
    at[0] = digit
    value[0] = <uint32_t> number
    return True


cdef Py_ssize_t write_u32(Text at, Text end, Room out, Room limit, int era) noexcept nogil:
    cdef uint32_t value
    if limit - out < 4 or not read_unsigned(&at, end, &value) or at != end:
        return -1
    put32(out, value)
    return 4


cdef Py_ssize_t write_i32(Text at, Text end, Room out, Room limit, int era) noexcept nogil:
    cdef uint32_t value
    cdef bint negative = at < end and at[0] == c"-"
    at += negative
    if limit - out < 4 or not read_unsigned(&at, end, &value) or at != end:
        return -1
    if negative and value > <uint32_t> INT32_MAX + 1:
        return -1
    put32(out, <uint32_t> 0 - value if negative else value)
    return 4


cdef Py_ssize_t write_u8(Text at, Text end, Room out, Room limit, int era) noexcept nogil:
    cdef uint32_t value
    if limit - out < 1 or not read_unsigned(&at, end, &value) or at != end or value > 255:
        return -1
    out[0] = <uint8_t> value
    return 1


cdef Py_ssize_t write_u64(Text at, Text end, Room out, Room limit, int era) noexcept nogil:
    cdef uint64_t number = 0
    cdef uint8_t digit
    # Bounds: 1 to 20 digits, and 19 of them always fit 64 bits.
    if limit - out < 8 or not 0 < end - at <= 20:
        return -1
    # Progress: one digit further each turn.
    while at < end:
        digit = <uint8_t> (at[0] - 48)
        if digit > 9 or number > TENTH or number == TENTH and digit > 5:
            return -1
        number = number * 10 + digit
        at += 1
    put64(out, number)
    return 8


cdef bint read_float(const uint8_t* at, const uint8_t* end, double* value) noexcept nogil:
    """What printf's %.3f writes: digits, a point and three digits, or nan and inf with or without a sign."""
    cdef bint negative = at < end and at[0] == c"-"
    cdef double number = 0, scale = 1
    cdef bint behind_point = False
    at += negative
    if end - at == 3 and memcmp(at, b"nan", 3) == 0:
        value[0] = NAN
        return True
    if end - at == 3 and memcmp(at, b"inf", 3) == 0:
        value[0] = -INFINITY if negative else INFINITY
        return True
    if at == end or end - at > 330:
        return False
    # Progress: one octet further each turn.
    while at < end:
        if at[0] == c"." and not behind_point:
            behind_point = True
        elif is_digit(at[0]):
            number = number * 10 + (at[0] - 48)
            if behind_point:
                scale *= 10
        else:
            return False
        at += 1
    number /= scale
    value[0] = -number if negative else number
    return True


cdef Py_ssize_t write_f32(Text at, Text end, Room out, Room limit, int era) noexcept nogil:
    cdef double value
    cdef float narrow
    cdef uint32_t bits
    if limit - out < 4 or not read_float(at, end, &value):
        return -1
    narrow = <float> value
    memcpy(&bits, &narrow, 4)
    put32(out, bits)
    return 4


cdef Py_ssize_t write_f64(Text at, Text end, Room out, Room limit, int era) noexcept nogil:
    cdef double value
    cdef uint64_t bits
    if limit - out < 8 or not read_float(at, end, &value):
        return -1
    memcpy(&bits, &value, 8)
    put64(out, bits)
    return 8


cdef Py_ssize_t write_pct(Text at, Text end, Room out, Room limit, int era) noexcept nogil:
    """Hundredths of a percent, printed with two decimals; -1 prints as `unknown`."""
    cdef uint32_t whole
    if limit - out < 4:
        return -1
    if end - at == 7 and memcmp(at, b"unknown", 7) == 0:
        put32(out, UINT32_MAX)
        return 4
    if not read_unsigned(&at, end, &whole) or whole > 42949671:
        return -1
    # Bounds: at + 2 < end where three octets are left.
    if end - at != 3 or at[0] != c"." or not is_digit(at[1]) or not is_digit(at[2]):
        return -1
    put32(out, whole * 100 + (at[1] - 48) * 10 + (at[2] - 48))
    return 4
