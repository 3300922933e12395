# cython: boundscheck=False, wraparound=False
"""Finish steps that pick and split: addresses of two families, ICMP out of ports, numbers that may not fit."""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from flowparse._layout cimport MOST_ROWS
from flowparse._nulls cimport pack, replace_octets, set_nulls
from flowparse._part cimport null_octets, values_of
from flowparse._wire cimport be32

cdef enum:
    ICMP = 1                    # enums/protocol.tsv
    ICMPV6 = 58
    INITIATOR = 1               # enums/biflow_direction.tsv
    REVERSE_INITIATOR = 2
    ETHERTYPE_IPV4 = 0x0800
    ETHERTYPE_IPV6 = 0x86DD
cdef uint8_t[4] MAPPED = [0, 0, 0xFF, 0xFF]         # octets 8 to 11 of ::ffff:0.0.0.0
cdef uint32_t MAPPED_WORD
memcpy(&MAPPED_WORD, MAPPED, 4)

# Bounds, for all of them: i < rows <= MOST_ROWS, in the columns and in flags; columns have the widths that flow_view.py
# pairs them with.

cdef void boolean(Part* part, const uint16_t* columns) noexcept nogil:
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


cdef void zero_is_null(Part* part, const uint16_t* columns) noexcept nogil:
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


# ── addresses ────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef inline bint is_ipv4(const uint8_t* address) noexcept nogil:
    cdef uint32_t[3] words
    memcpy(words, address, 12)
    return (words[0] | words[1]) == 0 and words[2] == MAPPED_WORD


cdef inline bint is_zero_ipv4(const uint8_t* address) noexcept nogil:
    cdef uint32_t word
    memcpy(&word, address + 12, 4)
    return word == 0


cdef inline bint is_zero_ipv6(const uint8_t* address) noexcept nogil:
    cdef uint64_t[2] words
    memcpy(words, address, 16)
    return (words[0] | words[1]) == 0


cdef inline bint ipv4_by_zeros(const uint8_t* ipv4, const uint8_t* ipv6) noexcept nogil:
    """Whether it is IPv4 that a record means which has both: the one that is not zero, IPv4 in doubt."""
    return not is_zero_ipv4(ipv4) or is_zero_ipv6(ipv6)


cdef void pick_nonzero(Part* part, const uint16_t* columns) noexcept nogil:
    """IPv4 over IPv6, in one column: whichever is not zero."""
    cdef uint8_t* address = values_of(part, columns[0])
    cdef const uint8_t* ipv4 = values_of(part, columns[1])
    cdef Py_ssize_t i
    for i in range(part.rows):
        if ipv4_by_zeros(ipv4 + 16 * i, address + 16 * i):
            memcpy(address + 16 * i, ipv4 + 16 * i, 16)


cdef void pick_by_version(Part* part, const uint16_t* columns) noexcept nogil:
    """The same, where ipVersion says which."""
    cdef uint8_t* address = values_of(part, columns[0])
    cdef const uint8_t* ipv4 = values_of(part, columns[1])
    cdef const uint8_t* version = values_of(part, columns[2])
    cdef Py_ssize_t i
    for i in range(part.rows):
        if version[i] == 4 or version[i] != 6 and ipv4_by_zeros(ipv4 + 16 * i, address + 16 * i):
            memcpy(address + 16 * i, ipv4 + 16 * i, 16)


cdef void pick_by_etype(Part* part, const uint16_t* columns) noexcept nogil:
    """The same, where the EtherType says which."""
    cdef uint8_t* address = values_of(part, columns[0])
    cdef const uint8_t* ipv4 = values_of(part, columns[1])
    cdef const uint16_t* etype = <const uint16_t*> values_of(part, columns[2])
    cdef Py_ssize_t i
    for i in range(part.rows):
        if etype[i] == ETHERTYPE_IPV4 or (
            etype[i] != ETHERTYPE_IPV6 and ipv4_by_zeros(ipv4 + 16 * i, address + 16 * i)
        ):
            memcpy(address + 16 * i, ipv4 + 16 * i, 16)


cdef void net_of_family(Part* part, const uint16_t* columns) noexcept nogil:
    """The prefix length that belongs to the address, of two."""
    cdef const uint8_t* address = values_of(part, columns[2])
    cdef uint8_t[MOST_ROWS] flags
    cdef Py_ssize_t i
    for i in range(part.rows):
        flags[i] = is_ipv4(address + 16 * i)
    replace_octets(part, columns[0], columns[1], flags)


cdef void net_is(Part* part, const uint16_t* columns, bint ipv4) noexcept nogil:
    """A prefix length of one family, null where the address is of the other."""
    cdef const uint8_t* address = values_of(part, columns[1])
    cdef uint8_t[MOST_ROWS] flags
    cdef Py_ssize_t i, n = 0
    for i in range(part.rows):
        flags[i] = is_ipv4(address + 16 * i) != ipv4
        n += flags[i]
    set_nulls(part, columns[0], flags, n, 1)


cdef void net_is_ipv4(Part* part, const uint16_t* columns) noexcept nogil:
    net_is(part, columns, True)


cdef void net_is_ipv6(Part* part, const uint16_t* columns) noexcept nogil:
    net_is(part, columns, False)


cdef void etype_of_version(Part* part, const uint16_t* columns) noexcept nogil:
    cdef uint16_t* etype = <uint16_t*> values_of(part, columns[0])
    cdef const uint8_t* version = values_of(part, columns[1])
    cdef uint8_t[MOST_ROWS] flags
    cdef Py_ssize_t i, n = 0
    for i in range(part.rows):
        etype[i] = ETHERTYPE_IPV4 if version[i] == 4 else ETHERTYPE_IPV6
        flags[i] = version[i] != 4 and version[i] != 6
        n += flags[i]
    set_nulls(part, columns[0], flags, n, 1)


cdef void etype_of_address(Part* part, const uint16_t* columns) noexcept nogil:
    cdef uint16_t* etype = <uint16_t*> values_of(part, columns[0])
    cdef const uint8_t* address = values_of(part, columns[1])
    cdef Py_ssize_t i
    for i in range(part.rows):
        etype[i] = ETHERTYPE_IPV4 if is_ipv4(address + 16 * i) else ETHERTYPE_IPV6


# ── ICMP ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef void icmp_split(Part* part, const uint16_t* columns) noexcept nogil:
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


cdef void icmp_from_port(Part* part, const uint16_t* columns) noexcept nogil:
    """The same, of a record that has one of the ports."""
    cdef const uint8_t* proto = values_of(part, columns[0])
    cdef const uint16_t* port = <const uint16_t*> values_of(part, columns[1])
    cdef uint8_t* icmp_type = values_of(part, columns[2])
    cdef uint8_t* icmp_code = values_of(part, columns[3])
    cdef uint8_t[MOST_ROWS] is_icmp
    cdef Py_ssize_t i, n = 0
    for i in range(part.rows):
        is_icmp[i] = (proto[i] == ICMP) | (proto[i] == ICMPV6)
        n += is_icmp[i]
        icmp_type[i] = <uint8_t> (port[i] >> 8)
        icmp_code[i] = <uint8_t> port[i]
    set_nulls(part, columns[1], is_icmp, n, 1)
    set_nulls(part, columns[2], is_icmp, part.rows - n, 0)
    set_nulls(part, columns[3], is_icmp, part.rows - n, 0)


cdef void word_split(Part* part, const uint16_t* columns) noexcept nogil:
    """type * 256 + code (icmpTypeCodeIPv4, icmpTypeCodeIPv6)."""
    cdef const uint16_t* word = <const uint16_t*> values_of(part, columns[0])
    cdef uint8_t* icmp_type = values_of(part, columns[1])
    cdef uint8_t* icmp_code = values_of(part, columns[2])
    cdef Py_ssize_t i
    for i in range(part.rows):
        icmp_type[i] = <uint8_t> (word[i] >> 8)
        icmp_code[i] = <uint8_t> word[i]


cdef Py_ssize_t find_icmpv6(const Part* part, int column, uint8_t* flags) noexcept nogil:
    cdef const uint8_t* proto = values_of(part, column)
    cdef Py_ssize_t i, n = 0
    for i in range(part.rows):
        flags[i] = proto[i] == ICMPV6
        n += flags[i]
    return n


cdef void pick_icmpv6(Part* part, const uint16_t* columns) noexcept nogil:
    """The value for ICMPv6 where the record is of it, of two."""
    cdef uint8_t[MOST_ROWS] flags
    find_icmpv6(part, columns[0], flags)
    replace_octets(part, columns[1], columns[2], flags)


cdef void only_icmpv6(Part* part, const uint16_t* columns) noexcept nogil:
    """Null where the record is not of ICMPv6."""
    cdef uint8_t[MOST_ROWS] flags
    cdef Py_ssize_t n = find_icmpv6(part, columns[0], flags)
    set_nulls(part, columns[1], flags, part.rows - n, 0)


cdef void not_icmpv6(Part* part, const uint16_t* columns) noexcept nogil:
    """Null where the record is of ICMPv6."""
    cdef uint8_t[MOST_ROWS] flags
    cdef Py_ssize_t n = find_icmpv6(part, columns[0], flags)
    set_nulls(part, columns[1], flags, n, 1)


cdef void only_icmp(Part* part, const uint16_t* columns) noexcept nogil:
    """Null where the record is not of ICMP."""
    cdef const uint8_t* proto = values_of(part, columns[0])
    cdef uint8_t[MOST_ROWS] is_icmp
    cdef Py_ssize_t i, n = 0
    for i in range(part.rows):
        is_icmp[i] = (proto[i] == ICMP) | (proto[i] == ICMPV6)
        n += is_icmp[i]
    set_nulls(part, columns[1], is_icmp, part.rows - n, 0)


cdef void not_icmp(Part* part, const uint16_t* columns) noexcept nogil:
    """Null where the record is of ICMP, which has no ports."""
    cdef const uint8_t* proto = values_of(part, columns[0])
    cdef uint8_t[MOST_ROWS] is_icmp
    cdef Py_ssize_t i, n = 0
    for i in range(part.rows):
        is_icmp[i] = (proto[i] == ICMP) | (proto[i] == ICMPV6)
        n += is_icmp[i]
    set_nulls(part, columns[1], is_icmp, n, 1)


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef inline void store(uint8_t* at, Py_ssize_t i, int width, uint64_t value) noexcept nogil:
    if width == 1:
        at[i] = <uint8_t> value
    elif width == 2:
        (<uint16_t*> at)[i] = <uint16_t> value
    elif width == 4:
        (<uint32_t*> at)[i] = <uint32_t> value
    else:
        (<uint64_t*> at)[i] = value


cdef void narrow(Part* part, const uint16_t* columns, int width) noexcept nogil:
    """A number that was sent wider than its column, null where it does not fit."""
    cdef uint8_t* value = values_of(part, columns[0])
    cdef const uint64_t* wide = <const uint64_t*> values_of(part, columns[1])
    cdef uint8_t[MOST_ROWS] flags
    cdef Py_ssize_t i, n = 0
    for i in range(part.rows):
        flags[i] = wide[i] >> 8 * width != 0
        n += flags[i]
        store(value, i, width, 0 if flags[i] else wide[i])
    set_nulls(part, columns[0], flags, n, 1)
    part.out_of_range += n


cdef void narrow_8(Part* part, const uint16_t* columns) noexcept nogil:
    narrow(part, columns, 1)


cdef void narrow_16(Part* part, const uint16_t* columns) noexcept nogil:
    narrow(part, columns, 2)


cdef void narrow_32(Part* part, const uint16_t* columns) noexcept nogil:
    narrow(part, columns, 4)


cdef const uint8_t* octets_of(const Part* part, int column, Py_ssize_t row, Py_ssize_t* length) noexcept nogil:
    """A value of a scratch column of octets."""
    cdef const int32_t* offsets = <const int32_t*> values_of(part, column)
    length[0] = offsets[row + 1] - offsets[row]
    if length[0] == 0:
        return null_octets()    # there may be no heap
    return part.heaps[part.shape.columns[column].heap].slab.data + offsets[row]


cdef void number(Part* part, const uint16_t* columns, int width) noexcept nogil:
    """A number whose length is in each record (RFC 7011 section 7): null without octets, or where it does not fit."""
    cdef uint8_t* value = values_of(part, columns[0])
    cdef uint8_t[MOST_ROWS] flags
    cdef const uint8_t* octets
    cdef uint64_t found
    cdef Py_ssize_t i, k, length, n = 0
    for i in range(part.rows):
        octets = octets_of(part, columns[1], i, &length)
        found = 0
        flags[i] = length == 0 or length > 8
        # Bounds: 1 to 8 octets.
        if not flags[i]:
            for k in range(length):
                found = found << 8 | octets[k]
            flags[i] = width < 8 and found >> 8 * width != 0
        part.out_of_range += flags[i] != 0 and length > 0
        n += flags[i]
        store(value, i, width, 0 if flags[i] else found)
    set_nulls(part, columns[0], flags, n, 1)


cdef void number_8(Part* part, const uint16_t* columns) noexcept nogil:
    number(part, columns, 1)


cdef void number_16(Part* part, const uint16_t* columns) noexcept nogil:
    number(part, columns, 2)


cdef void number_32(Part* part, const uint16_t* columns) noexcept nogil:
    number(part, columns, 4)


cdef void number_64(Part* part, const uint16_t* columns) noexcept nogil:
    number(part, columns, 8)


cdef void application_of_octets(Part* part, const uint16_t* columns) noexcept nogil:
    """applicationId of any length: engine, and a selector that 56 bits hold (RFC 6759 section 4)."""
    cdef uint64_t* value = <uint64_t*> values_of(part, columns[0])
    cdef uint8_t[MOST_ROWS] flags
    cdef const uint8_t* octets
    cdef uint64_t selector
    cdef Py_ssize_t i, k, length, n = 0
    for i in range(part.rows):
        octets = octets_of(part, columns[1], i, &length)
        flags[i] = length == 0
        selector = 0
        # Bounds: k < length.
        for k in range(1, length):
            flags[i] |= selector >> 48 != 0
            selector = selector << 8 | octets[k]
        part.out_of_range += flags[i] != 0 and length > 0
        value[i] = 0 if flags[i] else <uint64_t> octets[0] << 56 | selector
        n += flags[i]
    set_nulls(part, columns[0], flags, n, 1)


cdef void all_ones_is_null(Part* part, const uint16_t* columns) noexcept nogil:
    """The largest number of its type says that the value is not known."""
    cdef const uint8_t* value = values_of(part, columns[0])
    cdef int width = part.shape.columns[columns[0]].width
    cdef uint8_t[MOST_ROWS] flags
    cdef Py_ssize_t i, n = 0
    # Bounds: i < rows <= MOST_ROWS, in the column and the flags.
    if width == 8:
        for i in range(part.rows):
            flags[i] = (<const uint64_t*> value)[i] == <uint64_t> 0xFFFFFFFFFFFFFFFF
    elif width == 4:
        for i in range(part.rows):
            flags[i] = (<const uint32_t*> value)[i] == <uint32_t> 0xFFFFFFFF
    else:
        for i in range(part.rows):
            flags[i] = value[i] == 255
    for i in range(part.rows):
        n += flags[i]
    set_nulls(part, columns[0], flags, n, 1)


cdef void flagged(Part* part, const uint16_t* columns) noexcept nogil:
    """A value is there where its flag is 1, not 0."""
    cdef const uint8_t* flags = values_of(part, columns[0])
    cdef Py_ssize_t i, n = 0
    # Bounds: i < rows, of the flags.
    for i in range(part.rows):
        n += flags[i]
    set_nulls(part, columns[1], flags, part.rows - n, 0)


cdef void empty_is_null(Part* part, const uint16_t* columns) noexcept nogil:
    """A name that is not known has no octets."""
    cdef const int32_t* offsets = <const int32_t*> values_of(part, columns[0])
    cdef uint8_t[MOST_ROWS] flags
    cdef Py_ssize_t i, n = 0
    for i in range(part.rows):
        flags[i] = offsets[i] == offsets[i + 1]
        n += flags[i]
    set_nulls(part, columns[0], flags, n, 1)


cdef void list_of_numbers(Part* part, const uint16_t* columns) noexcept nogil:
    """Octets of numbers, four each and most significant first, become a list: its offsets count numbers."""
    cdef int32_t* offsets = <int32_t*> values_of(part, columns[0])
    cdef uint8_t* octet = <uint8_t*> part.columns[columns[0]].data
    cdef uint32_t* number = <uint32_t*> octet
    cdef Py_ssize_t i, n = offsets[part.rows] // 4
    # Bounds: the column's heap has offsets[rows] octets, and each value a multiple of four of them.
    for i in range(n):
        number[i] = be32(octet + 4 * i)
    for i in range(part.rows + 1):
        offsets[i] //= 4


cdef void other_direction(Part* part, const uint16_t* columns) noexcept nogil:
    """biflowDirection as the other end sees it: initiator and reverseInitiator change places (RFC 5103 section 6.3)."""
    cdef uint8_t* value = values_of(part, columns[0])
    cdef Py_ssize_t i
    for i in range(part.rows):
        if value[i] == INITIATOR or value[i] == REVERSE_INITIATOR:
            value[i] = INITIATOR + REVERSE_INITIATOR - value[i]
