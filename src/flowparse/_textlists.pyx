# cython: boundscheck=False, wraparound=False
"""Values of sflowtool's text that are lists, items joined by `-`, written back as octets; see `_textvalues`."""

from libc.stdint cimport uint8_t, uint32_t

from flowparse._textnumbers cimport ERA_SWAPPED_HEX, Room, Text, digit_of, put32, read_unsigned


cdef bint read_parts(const uint8_t** at, const uint8_t* end, uint32_t* parts, int n) noexcept nogil:
    """Numbers joined by points, and the `-` behind them where more follows."""
    cdef int i
    for i in range(n):
        if i:
            if at[0] == end or at[0][0] != c".":
                return False
            at[0] += 1
        if not read_unsigned(at, end, &parts[i]):
            return False
    if at[0] < end:
        if at[0][0] != c"-" or end - at[0] == 1:
            return False
        at[0] += 1
    return True


cdef Py_ssize_t write_labels(Text at, Text end, Room out, Room limit, int era) noexcept nogil:
    """MPLS label stack entries as label.exp.s.ttl (RFC 3032 section 2.1)."""
    cdef uint32_t[4] part
    cdef uint32_t n = 0
    # Progress: an entry further each turn.
    while at < end:
        if limit - out < 8 + 4 * <Py_ssize_t> n or not read_parts(&at, end, part, 4):
            return -1
        if part[0] >> 20 or part[1] > 7 or part[2] > 1 or part[3] > 255:
            return -1
        put32(out + 4 + 4 * n, part[0] << 12 | part[1] << 9 | part[2] << 8 | part[3])
        n += 1
    if limit - out < 4:
        return -1
    put32(out, n)
    return 4 + 4 * n


cdef Py_ssize_t write_vlans(Text at, Text end, Room out, Room limit, int era) noexcept nogil:
    """VLAN tags as 0xTPIDprio.cfi.vlan: four hexadecimal digits run into the first decimal number."""
    cdef uint32_t[3] part
    cdef uint32_t tpid, n = 0
    cdef int k
    # Progress: a tag further each turn.
    while at < end:
        if limit - out < 8 + 4 * <Py_ssize_t> n or end - at < 7 or at[0] != c"0" or at[1] != c"x":
            return -1
        tpid = 0
        for k in range(2, 6):
            if digit_of(at[k]) > 15:
                return -1
            tpid = tpid << 4 | digit_of(at[k])
        at += 6
        if era & ERA_SWAPPED_HEX:
            tpid = tpid << 4 & 0xF0F0 | tpid >> 4 & 0x0F0F
        if at < end and at[0] == c".":          # before 5.01
            at += 1
        if not read_parts(&at, end, part, 3) or part[0] > 7 or part[1] > 1 or part[2] > 4095:
            return -1
        put32(out + 4 + 4 * n, tpid << 16 | part[0] << 13 | part[1] << 12 | part[2])
        n += 1
    if limit - out < 4:
        return -1
    put32(out, n)
    return 4 + 4 * n


cdef Py_ssize_t write_u32s(Text at, Text end, Room out, Room limit, int era) noexcept nogil:
    cdef uint32_t part
    cdef uint32_t n = 0
    # Progress: a number further each turn.
    while at < end:
        if limit - out < 8 + 4 * <Py_ssize_t> n or not read_parts(&at, end, &part, 1):
            return -1
        put32(out + 4 + 4 * n, part)
        n += 1
    if limit - out < 4:
        return -1
    put32(out, n)
    return 4 + 4 * n


cdef Py_ssize_t write_aspath(Text at, Text end, Room out, Room limit, int era) noexcept nogil:
    """`100-200(300-400)`: an AS_SET (type 1) stands in parentheses, an AS_SEQUENCE (2) without.

    Nothing stands between segments, so that two sequences in a row read as one with a wrong number
    where they meet; the datagram's size then tells.
    """
    cdef uint8_t* top = out + 4
    cdef uint8_t* segment = NULL
    cdef uint32_t number, segments = 0, n = 0
    cdef bint in_set = False
    if limit - out < 4:
        return -1
    # Progress: one octet further each turn, at least.
    while at < end:
        if end - at > 1 and at[0] == c"-" and at[1] == c"(" and segment != NULL:
            at += 1                             # before 5.01 a dash stands before a set
        if at[0] == c"(" and not in_set:
            in_set = True
            segment = NULL
            at += 1
        elif at[0] == c")" and in_set and segment != NULL:
            in_set = False
            segment = NULL
            at += 1
            continue
        elif at[0] == c"-" and segment != NULL:
            at += 1
        elif segment != NULL:
            return -1
        if not read_unsigned(&at, end, &number):
            return -1
        if segment == NULL:
            if limit - top < 8:
                return -1
            segment = top
            top += 8
            n = 0
            segments += 1
            put32(segment, 1 if in_set else 2)
        if limit - top < 4:
            return -1
        put32(top, number)
        top += 4
        n += 1
        put32(segment + 4, n)
    if in_set:
        return -1
    put32(out, segments)
    return top - out
