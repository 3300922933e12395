# cython: boundscheck=False, wraparound=False
"""Finish steps that read sampled packets (RFC 5477 section 8.5): what a record does not say, its packet section does.

A template may have several sections, say of the label stack and of the IP header. Each of them adds what
it knows to the row's `Sampled`, the record that samples of sFlow fill; then each column of the flow
view that is wanted is taken out of it. A section that does not start with the packet's first octet is not
read, and neither is what fills it up behind `sectionExportedOctets`.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from flowparse._finish_flow cimport octets_of
from flowparse._layout cimport MOST_ROWS
from flowparse._nulls cimport set_nulls
from flowparse._packet cimport HEADER_80211, HEADER_ETHERNET, HEADER_IPV4, HEADER_IPV6, HEADER_MPLS
from flowparse._part cimport values_of
from flowparse._sampled cimport Sampled, take_payload, take_section
from flowparse._wire cimport be16, be32, be64

from flowparse._sampled import sampled_fields

cdef enum:
    MOST_FIELDS = 64
    FRAME_80211 = 2             # dataLinkFrameType (RFC 7133 section 4.1)
    OF_FRAME = 0                # what the section starts with
    OF_IP = 1
    OF_LABELS = 2
    OF_PAYLOAD = 3

cdef struct Field:              # of a Sampled
    uint16_t offset
    uint16_t width
    uint16_t flag               # the offset of the octet that says whether it is known

cdef Field[MOST_FIELDS] FIELDS


cdef int set_fields(dict fields) except -1:
    """Take over where the fields of a Sampled are, in the order in which they are numbered."""
    cdef int n
    if len(fields) > MOST_FIELDS:
        raise ImportError("a Sampled has more fields than are counted on")
    # Bounds: n < MOST_FIELDS. Those without a flag are always known, and no column is filled from them.
    for n, (offset, width, flag) in enumerate(fields.values()):
        FIELDS[n] = Field(offset, width, max(0, flag))
    return 0


set_fields(sampled_fields()[0])


cdef void no_sections(Part* part, const uint16_t* columns) noexcept nogil:
    """Nothing is known yet of the packets."""
    memset(values_of(part, columns[0]), 0, part.rows * sizeof(Sampled))


cdef void read_sections(Part* part, const uint16_t* columns, int kind) noexcept nogil:
    """Let each row's section tell what it knows.

    Columns: Sampled; the section's octets; how many of them are of the packet; how many octets of the packet lie before
    them; dataLinkFrameType; protocolIdentifier. The first stands for one that there is not.
    """
    cdef Sampled* rows = <Sampled*> values_of(part, columns[0])
    cdef const uint16_t* exported = NULL
    cdef const uint16_t* before = NULL
    cdef const uint16_t* frame_type = NULL
    cdef const uint8_t* proto = NULL
    cdef const uint8_t* octets
    cdef Py_ssize_t i, length
    cdef uint32_t protocol
    if columns[2] != columns[0]:
        exported = <const uint16_t*> values_of(part, columns[2])
    if columns[3] != columns[0]:
        before = <const uint16_t*> values_of(part, columns[3])
    if columns[4] != columns[0]:
        frame_type = <const uint16_t*> values_of(part, columns[4])
    if columns[5] != columns[0]:
        proto = values_of(part, columns[5])
    # Bounds: i < rows, in all columns.
    for i in range(part.rows):
        octets = octets_of(part, columns[1], i, &length)
        if exported != NULL:
            length = min(length, <Py_ssize_t> exported[i])
        if length == 0 or (before != NULL and before[i] != 0):
            continue
        if kind == OF_PAYLOAD:
            if proto != NULL:
                take_payload(&rows[i], octets, length, proto[i])
            continue
        protocol = HEADER_ETHERNET
        if kind == OF_LABELS:
            protocol = HEADER_MPLS
        elif kind == OF_IP:
            if octets[0] >> 4 != 4 and octets[0] >> 4 != 6:
                continue
            protocol = HEADER_IPV4 if octets[0] >> 4 == 4 else HEADER_IPV6
        elif frame_type != NULL and frame_type[i] == FRAME_80211:
            protocol = HEADER_80211
        take_section(&rows[i], octets, length, protocol)


cdef void frame_section(Part* part, const uint16_t* columns) noexcept nogil:
    read_sections(part, columns, OF_FRAME)


cdef void ip_section(Part* part, const uint16_t* columns) noexcept nogil:
    read_sections(part, columns, OF_IP)


cdef void mpls_section(Part* part, const uint16_t* columns) noexcept nogil:
    read_sections(part, columns, OF_LABELS)


cdef void payload_section(Part* part, const uint16_t* columns) noexcept nogil:
    read_sections(part, columns, OF_PAYLOAD)


cdef void of_section(Part* part, const uint16_t* columns) noexcept nogil:
    """Fill a column from a field of Sampled, whose number stands for a third column; null where it is not known."""
    cdef const uint8_t* rows = values_of(part, columns[0])
    cdef uint8_t* value = values_of(part, columns[1])
    cdef const Field* field = &FIELDS[columns[2]]       # Bounds: Layout checked it.
    cdef const uint8_t* at
    cdef uint8_t[MOST_ROWS] flags
    cdef Py_ssize_t i, n = 0
    # Bounds: i < rows <= MOST_ROWS, in the flags and the columns; a Sampled has the field, and the column its width.
    for i in range(part.rows):
        at = rows + i * sizeof(Sampled)
        flags[i] = at[field.flag] != 0
        n += flags[i]
        at += field.offset
        if field.width == 1:
            value[i] = at[0]
        elif field.width == 2:
            (<uint16_t*> value)[i] = be16(at)
        elif field.width == 4:
            (<uint32_t*> value)[i] = be32(at)
        elif field.width == 8:
            (<uint64_t*> value)[i] = be64(at)
        else:
            memcpy(value + i * field.width, at, field.width)
    set_nulls(part, columns[1], flags, part.rows - n, 0)
