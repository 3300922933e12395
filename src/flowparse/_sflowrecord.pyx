# cython: boundscheck=False, wraparound=False, cdivision=True
"""sFlow structures as records that a plan runs over.

The key of the sample, then the fixed fields, then the variable ones behind their lengths, as RFC 7011 section 7 has
them. Which fields a structure has comes from registry/sflow.tsv. Lists of numbers become variable fields of
numbers: a list of structures one for each of their fields, an AS path one of numbers and one of segment types.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memcpy, memset

from flowparse._sampled cimport put16, put32, put64, put_ipv4, read_address, skip
from flowparse._wire cimport be32, left

cdef enum:
    AS_SEQUENCE = 2
    UNKNOWN = 0xFFFFFFFF            # a number that the agent does not know


cdef uint64_t percent_bits(uint32_t hundredths) noexcept nogil:
    """A percentage as the bits of a 64-bit float; all ones where it is not known."""
    cdef double value
    cdef uint64_t bits
    if hundredths == UNKNOWN:
        return <uint64_t> 0xFFFFFFFFFFFFFFFF
    value = hundredths / 100.0
    memcpy(&bits, &value, 8)
    return bits


cdef Py_ssize_t variable_length(const Op* op, uint32_t version, const Span* at, Py_ssize_t* prefix) noexcept nogil:
    """Octets of a variable field behind its first `prefix` octets, or -1 where they are not all there."""
    cdef const uint8_t* item
    cdef Py_ssize_t count, n, _
    prefix[0] = 0
    if op.kind == OP_REST:
        return left(at)
    if left(at) < 4:
        return -1
    # Bounds: compared before each load.
    count = be32(at.at)
    if op.kind == OP_STRING:
        prefix[0] = 4
        return count if count <= left(at) - 4 else -1
    if op.kind == OP_ITEMS or op.kind == OP_AS_PATH and version == 2:
        prefix[0] = 4
        return count * op.item if count <= (left(at) - 4) // op.item else -1
    item = at.at + 4
    if count > (at.end - item) // 8:
        return -1
    # Progress: each item has at least 8 octets.
    for _ in range(count):
        if at.end - item < 8:
            return -1
        n = be32(item + 4)
        item += 8
        if n > (at.end - item) // op.item:
            return -1
        item += n * op.item
    return item - at.at


cdef inline uint8_t* begin_variable(uint8_t* to, Py_ssize_t octets) noexcept nogil:
    """A length of three octets (RFC 7011 section 7); where the field itself goes."""
    to[0] = 255
    put16(to + 1, <uint32_t> octets)
    return to + 3


cdef uint8_t* write_columns(const uint8_t* items, Py_ssize_t octets, int item, uint8_t* to) noexcept nogil:
    """A list of items of several words as so many lists of words; where they end."""
    cdef Py_ssize_t n = octets // item, k
    cdef int word
    # Bounds: n items are there, and the caller has room for a length and n words of each column.
    for word in range(item // 4):
        to = begin_variable(to, 4 * n)
        for k in range(n):
            memcpy(to, items + k * item + 4 * word, 4)
            to += 4
    return to


cdef uint8_t* write_as_path(const uint8_t* path, Py_ssize_t octets, uint32_t version, uint8_t* to) noexcept nogil:
    """AS numbers, and for each the type of its segment; where they end."""
    cdef const uint8_t* end = path + octets
    cdef const uint8_t* segment
    cdef Py_ssize_t numbers = 0, n, _
    if version == 2:                            # one sequence
        to = begin_variable(to, octets)
        memcpy(to, path, octets)
        to = begin_variable(to + octets, octets)
        for _ in range(octets // 4):
            put32(to, AS_SEQUENCE)
            to += 4
        return to
    path += 4
    segment = path
    # Progress: a segment has at least 8 octets. Bounds: `variable_length` followed every count to `end`.
    while segment < end:
        numbers += be32(segment + 4)
        segment += 8 + 4 * <Py_ssize_t> be32(segment + 4)
    to = begin_variable(to, 4 * numbers)
    segment = path
    # Progress: likewise.
    while segment < end:
        n = 4 * <Py_ssize_t> be32(segment + 4)
        memcpy(to, segment + 8, n)
        to += n
        segment += 8 + n
    to = begin_variable(to, 4 * numbers)
    segment = path
    # Progress: likewise.
    while segment < end:
        for _ in range(be32(segment + 4)):
            memcpy(to, segment, 4)
            to += 4
        segment += 8 + 4 * <Py_ssize_t> be32(segment + 4)
    return to


cdef uint8_t* write_variable(const Op* op, uint32_t version, Span* at, uint8_t* to, const uint8_t* end) noexcept nogil:
    """A variable field at `to`, or the lists that it becomes; where it ends, or NULL where not all of it is there."""
    cdef Py_ssize_t prefix
    cdef Py_ssize_t octets = variable_length(op, version, at, &prefix)
    cdef const uint8_t* field = at.at + prefix
    # Bounds: an AS path becomes at most twice as long; each list has a length in front.
    if octets < 0 or octets > MOST_VARIABLE or end - to < 2 * octets + 4 * MOST_LISTS:
        return NULL
    at.at += prefix
    skip(at, octets)
    if op.kind == OP_AS_PATH:
        return write_as_path(field, octets, version, to)
    if op.kind == OP_ITEMS and op.item > 4:
        return write_columns(field, octets, op.item, to)
    to = begin_variable(to, octets)
    memcpy(to, field, octets)
    return to + octets


cdef int write_record(
    const Structure* structure, uint32_t version, Span* at, uint8_t* out, Py_ssize_t* length, bint* damaged,
) noexcept nogil:
    """Write the fields of a structure behind the key at `out`; return how many of them there are.

    `at` is left behind the last of them. A structure may end where a field ends; else it is damaged.
    Fields that came after `version` are passed over.
    """
    cdef const Op* op
    cdef const uint8_t* field
    cdef uint8_t* end = out + structure.fixed
    cdef uint8_t* to
    cdef uint8_t known
    cdef Py_ssize_t octets, prefix
    cdef int i
    damaged[0] = False
    # Bounds: Sflow checked offset + width <= fixed <= MOST_FIXED; ROOM holds that and what is compared below.
    memset(out + KEY, 0, structure.fixed - KEY)
    for i in range(structure.n_ops):
        op = &structure.ops[i]
        field = at.at
        octets = left(at)
        if op.since > version:
            continue
        if op.kind >= OP_STRING:
            to = write_variable(op, version, at, end, out + ROOM)
            if to == NULL:
                damaged[0] = left(at) > 0
                length[0] = end - out
                return i
            end = to
            continue
        if octets < (1 if op.kind == OP_COPY_1 else 4):
            damaged[0] = octets > 0
            length[0] = end - out
            return i
        if op.kind == OP_COPY_4:
            memcpy(out + op.offset, field, 4)
            at.at += 4
        elif op.kind == OP_COPY_1:
            out[op.offset] = field[0]
            at.at += 1
        elif op.kind == OP_FLOAT:
            memcpy(out + op.offset, field, 4)
            if be32(field) == <uint32_t> 0xBF800000:           # -1.0
                memset(out + op.offset, 0xFF, 4)
            at.at += 4
        elif op.kind == OP_PERCENT:
            put64(out + op.offset, percent_bits(be32(field)))
            at.at += 4
        elif op.kind == OP_IPV4:
            put_ipv4(out + op.offset, field)
            at.at += 4
        elif op.kind == OP_ADDRESS:
            if not read_address(at, out + op.offset, &known):
                damaged[0] = True
                length[0] = end - out
                return i
        else:
            prefix = 16 if op.kind == OP_COPY_16 else 8
            if octets < prefix:
                damaged[0] = True
                length[0] = end - out
                return i
            memcpy(out + op.offset, field, 6 if op.kind == OP_MAC else prefix)
            at.at += prefix
    length[0] = end - out
    return structure.n_ops


# Type -> (number, octets that it takes among the fixed fields; 0: variable).
OPS = {
    "u8": (OP_COPY_1, 1), "u32": (OP_COPY_4, 4), "i32": (OP_COPY_4, 4), "u64": (OP_COPY_8, 8), "uuid": (OP_COPY_16, 16),
    "ip6": (OP_COPY_16, 16), "mac": (OP_MAC, 6), "ip4": (OP_IPV4, 16), "addr": (OP_ADDRESS, 16), "pct": (OP_PERCENT, 8),
    "f32": (OP_FLOAT, 4), "str": (OP_STRING, 0), "opaque": (OP_STRING, 0), "items": (OP_ITEMS, 0),
    "aspath": (OP_AS_PATH, 0), "adapters": (OP_ADAPTERS, 0), "rest": (OP_REST, 0),
}
KEY_FIELDS = (("uptime_ms", 0, 4), ("source_class", 4, 4), ("source_index", 8, 4), ("sample_sequence", 12, 4))
KEY_OCTETS = KEY
