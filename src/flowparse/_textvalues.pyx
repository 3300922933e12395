# cython: boundscheck=False, wraparound=False
"""Values of sflowtool's text, written back as the octets they were printed from.

One writer for each form of value; which of them a key takes is said by its row in the registry and
never by how the value looks (a MAC can be twelve decimal digits). A writer gets the value without
its key and line end, writes at most up to `limit`, and returns how many octets it wrote, or -1 for
text that it does not accept. Nothing is allocated.

The octets are XDR (RFC 4506): numbers of four or eight octets, most significant first; strings with
a length in front and padding to a multiple of four behind.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset, strlen

from flowparse._textlists cimport write_aspath, write_labels, write_u32s, write_vlans
from flowparse._textnumbers cimport (
    ERA_LAST_DASH, ERA_SWAPPED_ESCAPE, ERA_SWAPPED_HEX, Room, Text, ValueWriter, is_digit, put32, put64, read_unsigned,
    write_f32, write_f64, write_i32, write_pct, write_u32, write_u64, write_u8,
)

KINDS = {
    "skip": KIND_SKIP, "u32": KIND_U32, "i32": KIND_I32, "u64": KIND_U64, "u8": KIND_U8, "f32": KIND_F32,
    "f64": KIND_F64, "pct": KIND_PCT, "ip4": KIND_IP4, "ip6": KIND_IP6, "mac": KIND_MAC, "addr": KIND_ADDR,
    "str": KIND_STR,
    "opaque": KIND_OPAQUE, "uuid": KIND_UUID, "u64hex": KIND_HEX64, "labels": KIND_LABELS, "vlans": KIND_VLANS,
    "u32[]": KIND_U32S, "aspath": KIND_ASPATH, "status": KIND_STATUS, "direction": KIND_DIRECTION,
    "escaped": KIND_ESCAPED, "port": KIND_PORT, "source": KIND_SOURCE,
}

cdef uint8_t[256] HEX           # digit -> value; 255: no digit
cdef int _i
memset(HEX, 255, 256)
for _i in range(10):
    HEX[48 + _i] = <uint8_t> _i
for _i in range(6):
    HEX[65 + _i] = HEX[97 + _i] = <uint8_t> (10 + _i)

# The names that sflowtool prints, in the order of their numbers; sflow_application.txt, and host-sflow for directions.
cdef const char** STATUS = [
    "SUCCESS", "OTHER", "TIMEOUT", "INTERNAL_ERROR", "BAD_REQUEST", "FORBIDDEN", "TOO_LARGE", "NOT_IMPLEMENTED",
    "NOT_FOUND", "UNAVAILABLE", "UNATHORIZED",
]
cdef const char** DIRECTION = ["unknown", "received", "sent"]


cdef Py_ssize_t write_ip4(Text at, Text end, Room out, Room limit, int era) noexcept nogil:
    cdef uint32_t value = 0
    cdef int i
    if limit - out < 4:
        return -1
    for i in range(4):
        if i:
            if at == end or at[0] != c".":
                return -1
            at += 1
        if not read_unsigned(&at, end, &value) or value > 255:
            return -1
        out[i] = <uint8_t> value
    return 4 if at == end else -1


cdef Py_ssize_t write_ip6(Text at, Text end, Room out, Room limit, int era) noexcept nogil:
    """Eight groups of four digits, never compressed."""
    cdef int i
    cdef uint8_t high, low
    if end - at != 39 or limit - out < 16:
        return -1
    # Bounds: 5 * 7 + 4 = 39 octets.
    for i in range(16):
        if i & 1 == 0 and i and at[5 * (i >> 1) - 1] != c":":
            return -1
        high = HEX[at[5 * (i >> 1) + 2 * (i & 1)]]
        low = HEX[at[5 * (i >> 1) + 2 * (i & 1) + 1]]
        if (high | low) > 15:
            return -1
        out[i] = high << 4 | low
    return 16


cdef bint is_mangled(const uint8_t* at, const uint8_t* end) noexcept nogil:
    """An IPv6 address as 5.01 prints it: four digits."""
    return end - at == 4 and (HEX[at[0]] | HEX[at[1]] | HEX[at[2]] | HEX[at[3]]) < 16


cdef Py_ssize_t write_addr(Text at, Text end, Room out, Room limit, int era) noexcept nogil:
    """An address with its type; `-` stands for the unknown one, which has no octets.

    5.01 prints four digits of an IPv6 address, and nobody knows which it was.
    """
    cdef Py_ssize_t octets
    if limit - out < 20:
        return -1
    if end - at == 1 and at[0] == c"-" or is_mangled(at, end):
        put32(out, 0)
        return 4
    octets = write_ip4(at, end, out + 4, limit, era)
    if octets < 0:
        octets = write_ip6(at, end, out + 4, limit, era)
        if octets < 0:
            return -1
    put32(out, 1 if octets == 4 else 2)
    return 4 + octets


cdef inline int read_octet(const uint8_t* at, int era) noexcept nogil:
    """Two hexadecimal digits at `at`; -1 where there are none."""
    cdef uint8_t high = HEX[at[0]]
    cdef uint8_t low = HEX[at[1]]
    if (high | low) > 15:
        return -1
    return low << 4 | high if era & ERA_SWAPPED_HEX else high << 4 | low


cdef Py_ssize_t write_mac(Text at, Text end, Room out, Room limit, int era) noexcept nogil:
    """Twelve digits, also where all of them are decimal; metrics before 5.01 have dashes between."""
    cdef int i, octet
    cdef int apart = 3 if end - at == 17 and at[2] == c"-" else 2
    if end - at != 6 * apart - (apart - 2) or limit - out < 8:
        return -1
    # Bounds: 5 * apart + 2 octets.
    for i in range(6):
        octet = read_octet(at + apart * i, era)
        if octet < 0:
            return -1
        out[i] = <uint8_t> octet
    out[6] = out[7] = 0
    return 8


cdef inline Py_ssize_t padded(uint8_t* out, Py_ssize_t octets) noexcept nogil:
    """Close a string of `octets` octets behind its length; what it takes in all."""
    put32(out, <uint32_t> octets)
    # Bounds: the caller has room for eight octets more than the string.
    # Progress: an octet further each turn, to a multiple of 4.
    while octets & 3:
        out[4 + octets] = 0
        octets += 1
    return 4 + octets


cdef Py_ssize_t write_str(Text at, Text end, Room out, Room limit, int era) noexcept nogil:
    if limit - out < end - at + 8:
        return -1
    memcpy(out + 4, at, end - at)
    return padded(out, end - at)


cdef Py_ssize_t write_opaque(Text at, Text end, Room out, Room limit, int era) noexcept nogil:
    """`AA-BB-CC`; nothing at all where there are no octets."""
    cdef Py_ssize_t octets = (end - at + 1) // 3
    cdef Py_ssize_t i
    cdef uint8_t high, low, wrong = 0
    cdef int first = 0 if era & ERA_SWAPPED_HEX else 1
    if era & ERA_LAST_DASH and octets and end - at == 3 * octets:
        end -= 1
        wrong = end[0] ^ c"-"
    if limit - out < octets + 8 or end > at and 3 * octets - 1 != end - at:
        return -1
    # Bounds: 3 * octets - 1 octets of text, octets + 8 of room. What is wrong is found at the end, without branches.
    for i in range(octets):
        high = HEX[at[3 * i + 1 - first]]
        low = HEX[at[3 * i + first]]
        wrong |= (high | low) & 0xF0
        out[4 + i] = high << 4 | low
    for i in range(1, octets):
        wrong |= at[3 * i - 1] ^ c"-"
    return -1 if wrong else padded(out, octets)


cdef Py_ssize_t write_uuid(Text at, Text end, Room out, Room limit, int era) noexcept nogil:
    """32 digits with dashes between some of them: 8-4-4-4-12, or each octet apart before 5.01."""
    cdef int octet, n = 0
    if limit - out < 16:
        return -1
    # Progress: one or two octets further each turn.
    while at < end:
        if at[0] == c"-":
            at += 1
            continue
        if end - at < 2 or n == 16:
            return -1
        octet = read_octet(at, era)
        if octet < 0:
            return -1
        out[n] = <uint8_t> octet
        n += 1
        at += 2
    return 16 if n == 16 else -1


cdef Py_ssize_t write_hex64(Text at, Text end, Room out, Room limit, int era) noexcept nogil:
    cdef uint64_t value = 0
    if limit - out < 8 or not 0 < end - at <= 16:
        return -1
    # Progress: one digit further each turn.
    while at < end:
        if HEX[at[0]] > 15:
            return -1
        value = value << 4 | HEX[at[0]]
        at += 1
    put64(out, value)
    return 8


# ── names, and what is said in words ─────────────────────────────────────────────────────────────────────────────────

cdef Py_ssize_t write_name(
    Text at, Text end, Room out, Room limit, const char** names, int n,
) noexcept nogil:
    cdef int i
    cdef Py_ssize_t octets = end - at
    if limit - out < 4:
        return -1
    for i in range(n):
        # Bounds: strlen(names[i]) octets are compared, which are as many as `octets`.
        if <Py_ssize_t> strlen(names[i]) == octets and memcmp(names[i], at, octets) == 0:
            put32(out, i)
            return 4
    return -1


cdef Py_ssize_t write_status(Text at, Text end, Room out, Room limit, int era) noexcept nogil:
    """A name, or `<out-of-range=N>`."""
    if end - at > 15 and memcmp(at, b"<out-of-range=", 14) == 0 and (end - 1)[0] == c">":
        return write_u32(at + 14, end - 1, out, limit, era)
    return write_name(at, end, out, limit, STATUS, 11)


cdef Py_ssize_t write_direction(Text at, Text end, Room out, Room limit, int era) noexcept nogil:
    return write_name(at, end, out, limit, DIRECTION, 3)


cdef Py_ssize_t write_escaped(Text at, Text end, Room out, Room limit, int era) noexcept nogil:
    """A string with URL escapes; since 5.01 the two digits of each stand the wrong way round."""
    cdef Py_ssize_t n = 0
    cdef int octet, swapped = ERA_SWAPPED_HEX if era & ERA_SWAPPED_ESCAPE else 0
    if limit - out < end - at + 8:
        return -1
    # Progress: one octet of text or three. Bounds: never more octets than text.
    while at < end:
        if at[0] == c"%":
            octet = read_octet(at + 1, swapped) if end - at >= 3 else -1
            if octet < 0:
                return -1
            out[4 + n] = <uint8_t> octet
            at += 3
        else:
            out[4 + n] = at[0]
            at += 1
        n += 1
    return padded(out, n)


cdef bint starts(const uint8_t** at, const uint8_t* end, const char* word) noexcept nogil:
    """Whether `word` stands at `at[0]`, which then moves behind it."""
    cdef Py_ssize_t octets = strlen(word)
    if end - at[0] < octets or memcmp(at[0], word, octets) != 0:
        return False
    at[0] += octets
    return True


cdef Py_ssize_t write_port(Text at, Text end, Room out, Room limit, int era) noexcept nogil:
    """An input or output as format and value, four octets each."""
    cdef uint32_t format = 0, value
    if limit - out < 8:
        return -1
    if starts(&at, end, "multiple "):
        format = 2
        if end - at == 2 and memcmp(at, b">1", 2) == 0:
            put32(out, format)
            put32(out + 4, 0)           # more than one, and unknown how many
            return 8
    elif starts(&at, end, "dropCode "):
        format = 1
    elif starts(&at, end, "format=="):
        if not read_unsigned(&at, end, &format) or not starts(&at, end, " "):
            return -1
    if not read_unsigned(&at, end, &value) or at != end:
        return -1
    put32(out, format)
    put32(out + 4, value)
    return 8


cdef Py_ssize_t write_source(Text at, Text end, Room out, Room limit, int era) noexcept nogil:
    """`a:b` as two numbers: a data source's class and index, or a tag's enterprise and format."""
    cdef uint32_t first, second
    if limit - out < 8 or not read_unsigned(&at, end, &first) or at == end or at[0] != c":":
        return -1
    at += 1
    if not read_unsigned(&at, end, &second) or at != end:
        return -1
    put32(out, first)
    put32(out + 4, second)
    return 8


cdef Py_ssize_t write_nothing(Text at, Text end, Room out, Room limit, int era) noexcept nogil:
    return 0


cdef ValueWriter[KIND_ALL] WRITERS = [
    write_nothing, write_u32, write_i32, write_u64, write_u8, write_f32, write_f64, write_pct, write_ip4, write_ip6,
    write_mac, write_addr, write_str, write_opaque, write_uuid, write_hex64, write_labels, write_vlans, write_u32s,
    write_aspath, write_status, write_direction, write_escaped, write_port, write_source,
]


cdef ValueWriter value_writer(int kind) noexcept nogil:
    """The writer of a kind; the caller got the number from `KINDS`."""
    return WRITERS[kind]


cdef int64_t two_digits(const uint8_t* at) noexcept nogil:
    if not is_digit(at[0]) or not is_digit(at[1]):
        return -1000000
    return (at[0] - 48) * 10 + (at[1] - 48)


cdef int64_t read_time(const uint8_t* at, const uint8_t* end) noexcept nogil:
    """Seconds since 1970 of `2023-11-14T22:13:20+0000`; -1 for any other form (4.01 and before name no zone)."""
    cdef int64_t year, month, day, hour, minute, second, zone, era, of_era
    if end - at != 24 or at[4] != c"-" or at[7] != c"-" or at[10] != c"T" or at[13] != c":" or at[16] != c":":
        return -1
    if at[19] != c"+" and at[19] != c"-":
        return -1
    year = two_digits(at) * 100 + two_digits(at + 2)
    month, day = two_digits(at + 5), two_digits(at + 8)
    hour, minute, second = two_digits(at + 11), two_digits(at + 14), two_digits(at + 17)
    zone = two_digits(at + 20) * 3600 + two_digits(at + 22) * 60
    if year < 1970 or not 1 <= month <= 12 or not 1 <= day <= 31 or hour < 0 or minute < 0 or second < 0 or zone < 0:
        return -1
    # Days of the proleptic Gregorian calendar, with years that begin in March.
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    day += (153 * (month + (9 if month <= 2 else -3)) + 2) // 5 - 1
    day += era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 - 719468
    second += day * 86400 + hour * 3600 + minute * 60
    return second - zone if at[19] == c"+" else second + zone


def octets_of(kind, text, era=0):
    """The octets that the value `text`, of a kind named in `KINDS`, was printed from; None for what it is not.

    Parameters
    ----------
    kind : str
    text : bytes
    era : int
        1: 5.01, with swapped hexadecimal digits; 2: 5.01 or newer, with swapped digits in URL escapes;
        4: before there were markers, with a dash behind each octet.
    """
    cdef bytes value = text
    cdef bytes out = bytes(4 * len(value) + 64)
    cdef const uint8_t* at = value
    cdef uint8_t* to = out
    cdef Py_ssize_t octets = WRITERS[KINDS[kind]](at, at + len(value), to, to + len(out), era)
    return None if octets < 0 else out[:octets]
