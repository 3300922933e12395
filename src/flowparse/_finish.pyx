# cython: boundscheck=False, wraparound=False
"""Finish steps: what only several columns together can tell, settled once for a whole part.

They run when a part is sealed, while its slab is in the cache. A validity bitmap is written only for
a column that has both nulls and values; one that is null throughout points at octets that all null
columns share. Each step gets a part with rows and the columns that its layout names, of the widths
that plan.py pairs them with.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from flowparse._layout cimport FINISH_KINDS, MOST_ROWS
from flowparse._part cimport bitmap_of, set_all_null, values_of
from flowparse._steps cimport MOST_MS, NO_TIME, ODD_TIME, ms_of

cdef int64_t DAY_NS = <int64_t> 86400 * 1000000000
cdef int64_t UPTIME_WRAP_NS = (<int64_t> 1 << 32) * 1000000         # uptime counts milliseconds in 32 bits


cdef void pack(uint8_t* bitmap, const uint8_t* flags, Py_ssize_t n, uint8_t flip) noexcept nogil:
    """Make a bitmap of n flags that are 0 or 1, each bit against `flip` (0 or 1)."""
    cdef uint8_t turned = <uint8_t> (0 - flip)
    cdef uint8_t bits
    cdef Py_ssize_t i, k
    # Bounds: 8 * i + 7 < n, then 8 * (n // 8) + k < n; the bitmap has a bit for each of the n.
    for i in range(n >> 3):
        bits = 0
        for k in range(8):
            bits |= flags[8 * i + k] << k
        bitmap[i] = bits ^ turned
    if n & 7:
        bits = 0
        for k in range(n & 7):
            bits |= (flags[(n & ~<Py_ssize_t> 7) + k] ^ flip) << k
        bitmap[n >> 3] = bits


cdef void set_nulls(Part* part, int column, const uint8_t* flags, Py_ssize_t nulls, uint8_t flip) noexcept nogil:
    """Make the column null where the flag is 1 (flip 1) or where it is 0 (flip 0); `nulls` rows in all."""
    if nulls == part.rows:
        set_all_null(part, column)
    elif nulls:
        pack(bitmap_of(part, column), flags, part.rows, flip)
        part.columns[column].validity = bitmap_of(part, column)
        part.columns[column].null_count = nulls


cdef void finish_icmp_split(Part* part, const uint16_t* columns) noexcept nogil:
    """Move ICMP type and code, which exporters put in the destination port, to columns of their own.

    Cisco sends type * 256 + code as the destination port; some send it as the source port, and only
    then is the destination port zero.
    """
    cdef const uint8_t* proto = values_of(part, columns[0])
    cdef uint16_t* src_port = <uint16_t*> values_of(part, columns[1])
    cdef uint16_t* dst_port = <uint16_t*> values_of(part, columns[2])
    cdef uint8_t* icmp_type = values_of(part, columns[3])
    cdef uint8_t* icmp_code = values_of(part, columns[4])
    cdef uint8_t[MOST_ROWS] is_icmp
    cdef uint16_t both
    cdef Py_ssize_t i, n = 0
    # Bounds: i < rows <= MOST_ROWS, in all five columns and the flags.
    for i in range(part.rows):
        is_icmp[i] = (proto[i] == 1) | (proto[i] == 58)
    for i in range(part.rows):
        n += is_icmp[i]
    if n:
        memset(icmp_type, 0, part.rows)
        memset(icmp_code, 0, part.rows)
        for i in range(part.rows):
            if is_icmp[i]:
                both = dst_port[i] if dst_port[i] != 0 else src_port[i]
                icmp_type[i] = <uint8_t> (both >> 8)
                icmp_code[i] = <uint8_t> both
                src_port[i] = dst_port[i] = 0
    set_nulls(part, columns[1], is_icmp, n, 1)
    set_nulls(part, columns[2], is_icmp, n, 1)
    set_nulls(part, columns[3], is_icmp, part.rows - n, 0)
    set_nulls(part, columns[4], is_icmp, part.rows - n, 0)


cdef void finish_time_order(Part* part, const uint16_t* columns) noexcept nogil:
    """Take one wrap of the exporter's uptime (49.7 days) off a start that is a day or more after its end."""
    cdef int64_t* start = <int64_t*> values_of(part, columns[0])
    cdef const int64_t* end = <const int64_t*> values_of(part, columns[1])
    cdef Py_ssize_t i
    # Bounds: i < rows, in both columns.
    for i in range(part.rows):
        # A small inversion is the exporter's own and stays; both times lie within 140 years of 1970.
        if start[i] - end[i] > DAY_NS:
            start[i] -= UPTIME_WRAP_NS


cdef void finish_zero_is_null(Part* part, const uint16_t* columns) noexcept nogil:
    """The unspecified address, 0.0.0.0 or ::, says that there is none."""
    cdef const uint8_t* value = values_of(part, columns[0])
    cdef uint8_t[MOST_ROWS] is_null
    cdef uint32_t[4] words
    cdef Py_ssize_t i, n = 0
    # Bounds: i < rows <= MOST_ROWS; the column has 16 octets a row.
    for i in range(part.rows):
        memcpy(words, value + 16 * i, 16)
        is_null[i] = (words[3] | words[0] | words[1]) == 0 and (words[2] == 0 or words[2] == MAPPED_WORD)
        n += is_null[i]
    set_nulls(part, columns[0], is_null, n, 1)


cdef void finish_boolean(Part* part, const uint16_t* columns) noexcept nogil:
    """An octet as a bit: 1 is true and 2 is false (RFC 7011 section 6.1.5), so is 0, which some send; else null."""
    cdef const uint8_t* octet = values_of(part, columns[0])
    cdef uint8_t[MOST_ROWS] flags
    cdef Py_ssize_t i, n = 0
    # Bounds: i < rows <= MOST_ROWS, in the octets and the flags; the column has an octet for each of its bits.
    for i in range(part.rows):
        flags[i] = octet[i] == 1
    pack(values_of(part, columns[1]), flags, part.rows, 0)
    for i in range(part.rows):
        flags[i] = octet[i] > 2
        n += flags[i]
    set_nulls(part, columns[1], flags, n, 1)
    part.out_of_range += n


cdef void finish_milliseconds(Part* part, const uint16_t* columns) noexcept nogil:
    """Times after the year 2262 are more nanoseconds than there is room for."""
    cdef const uint64_t* stored = <const uint64_t*> values_of(part, columns[0])
    cdef uint8_t[MOST_ROWS] is_null
    cdef Py_ssize_t i, n = 0
    if not part.odd & ODD_TIME:
        return
    # Bounds: i < rows <= MOST_ROWS.
    for i in range(part.rows):
        is_null[i] = ms_of(stored[i]) > <uint64_t> MOST_MS
        n += is_null[i]
    set_nulls(part, columns[0], is_null, n, 1)
    part.out_of_range += n


cdef void finish_no_time(Part* part, const uint16_t* columns) noexcept nogil:
    cdef const int64_t* time = <const int64_t*> values_of(part, columns[0])
    cdef uint8_t[MOST_ROWS] is_null
    cdef Py_ssize_t i, n = 0
    if not part.odd & ODD_TIME:
        return
    # Bounds: i < rows <= MOST_ROWS.
    for i in range(part.rows):
        is_null[i] = time[i] == NO_TIME
        n += is_null[i]
    set_nulls(part, columns[0], is_null, n, 1)


cdef void finish_flagged(Part* part, const uint16_t* columns) noexcept nogil:
    """A value is there where its flag is 1, not 0."""
    cdef const uint8_t* flags = values_of(part, columns[0])
    cdef Py_ssize_t i, n = 0
    # Bounds: i < rows, of the flags.
    for i in range(part.rows):
        n += flags[i]
    set_nulls(part, columns[1], flags, part.rows - n, 0)


cdef void finish_all_ones(Part* part, const uint16_t* columns) noexcept nogil:
    """The largest number of its type stands for one that is not known (sFlow version 5); of 4 or 8 octets."""
    cdef const uint8_t* value = values_of(part, columns[0])
    cdef uint8_t[MOST_ROWS] is_null
    cdef Py_ssize_t i, n = 0
    # Bounds: i < rows <= MOST_ROWS, in the column and the flags.
    if part.shape.columns[columns[0]].width == 8:
        for i in range(part.rows):
            is_null[i] = (<const uint64_t*> value)[i] == <uint64_t> 0xFFFFFFFFFFFFFFFF
            n += is_null[i]
    else:
        for i in range(part.rows):
            is_null[i] = (<const uint32_t*> value)[i] == <uint32_t> 0xFFFFFFFF
            n += is_null[i]
    set_nulls(part, columns[0], is_null, n, 1)


ctypedef void (*FinishKernel)(Part*, const uint16_t*) noexcept nogil
cdef FinishKernel[FINISH_KINDS] FINISH_KERNELS = [
    finish_icmp_split, finish_time_order, finish_zero_is_null, finish_boolean, finish_milliseconds, finish_no_time,
    finish_flagged, finish_all_ones,
]
cdef uint8_t[4] MAPPED = [0, 0, 0xFF, 0xFF]         # octets 8 to 11 of ::ffff:0.0.0.0
cdef uint32_t MAPPED_WORD
memcpy(&MAPPED_WORD, MAPPED, 4)


cdef void run_finish_steps(Part* part) noexcept nogil:
    """Run the steps of the part's layout, in order."""
    cdef int i
    for i in range(part.shape.n_finish):
        FINISH_KERNELS[part.shape.finish[i].kind](part, part.shape.finish[i].columns)
