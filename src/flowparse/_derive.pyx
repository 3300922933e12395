# cython: boundscheck=False, wraparound=False
"""Columns of parts that are made of other parts' columns: shared, null throughout, or new.

A part that is made keeps what its columns point into: the source's slab and heaps, and blocks of
their own. Text on the wire is whatever an exporter sent, while a consumer of Arrow may trust a text
column blindly. So text is checked on its way out, and only what is not UTF-8 is copied: each octet
that is not becomes `\\xNN`, which is what Python's "backslashreplace" makes of it, and zeros at the end
of a value, which fill a field up, are left out.
"""

from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint64_t
from libc.string cimport memcpy, memset

from flowparse._layout cimport ADDRESS_OCTETS, MOST_ROWS, SOURCE_STEP
from flowparse._part cimport null_octets
from flowparse._slab cimport Slab, new_block, retain

cdef extern from *:
    """
    static const char fp_escape_hex[] = "0123456789abcdef";
    """
    const char* HEX "fp_escape_hex"


cdef size_t aligned(size_t octets) noexcept nogil:
    return (octets + 63) & ~<size_t> 63


cdef uint8_t* new_column(ColumnRef* to, Py_ssize_t rows, size_t offset_octets, size_t data_octets) noexcept nogil:
    """Give `to` one block for a bitmap, offsets and data; return where the bitmap may be, or NULL without memory."""
    cdef size_t bitmap_octets = aligned((rows + 7) >> 3)
    cdef Slab* block = new_block(bitmap_octets + aligned(offset_octets) + data_octets)
    memset(to, 0, sizeof(ColumnRef))
    if block == NULL:
        return NULL
    to.owner = block
    to.data = block.data + bitmap_octets + aligned(offset_octets)
    if offset_octets:
        to.offsets = <const int32_t*> (block.data + bitmap_octets)
    return block.data


cdef void copy_nulls(ColumnRef* to, uint8_t* bitmap, const ColumnRef* source, Py_ssize_t rows) noexcept nogil:
    if source.null_count:
        # Bounds: both bitmaps have a bit for each row.
        memcpy(bitmap, source.validity, (rows + 7) >> 3)
        to.validity = bitmap
        to.null_count = source.null_count


cdef void keep(Slab* slab) noexcept nogil:
    if slab != NULL:
        retain(&slab.refs)


cdef void share_slab(Part* part, const Part* source) noexcept nogil:
    """Keep what columns of `source` point into; once, before they are shared."""
    keep(source.slab)
    part.slab = source.slab


cdef void share_column(Part* part, int column, const Part* source, int from_column) noexcept nogil:
    """The source's column as it is."""
    cdef ColumnRef* ref = &part.columns[column]
    cdef Slab* heap
    ref[0] = source.columns[from_column]
    keep(ref.owner)
    if ref.offsets != NULL and source.shape.columns[from_column].source == SOURCE_STEP:
        heap = source.heaps[source.shape.columns[from_column].heap].slab
        keep(heap)
        part.heaps[part.shape.columns[column].heap].slab = heap


cdef int all_null(Part* part, int column) noexcept nogil:
    """A column without values, of the octets that all such columns share if they suffice; -1 without memory."""
    cdef ColumnRef* ref = &part.columns[column]
    cdef int width = part.shape.columns[column].width
    cdef size_t offset_octets = 0 if width else (part.rows + 1) * sizeof(int32_t)
    memset(ref, 0, sizeof(ColumnRef))
    if part.rows <= MOST_ROWS and width <= ADDRESS_OCTETS:
        ref.data = ref.validity = null_octets()
        ref.offsets = NULL if width else <const int32_t*> null_octets()
    elif new_column(ref, part.rows, offset_octets, part.rows * width) == NULL:
        return -1
    else:
        memset(ref.owner.data, 0, ref.owner.size)
        ref.validity = ref.owner.data
    ref.null_count = part.rows
    return 0


# ── text ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef int character(const uint8_t* at, Py_ssize_t left) noexcept nogil:
    """How many octets the UTF-8 character at `at` has; 0 where there is none (RFC 3629 section 4)."""
    cdef uint8_t first = at[0]
    cdef int k, length
    if first < 0x80:
        return 1
    if first < 0xC2 or first > 0xF4:
        return 0
    length = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    # Bounds: `length` octets are left, or there is no character.
    if left < length:
        return 0
    for k in range(1, length):
        if at[k] & 0xC0 != 0x80:
            return 0
    # Overlong forms, surrogates, and what lies above U+10FFFF.
    if (first == 0xE0 and at[1] < 0xA0) or (first == 0xED and at[1] > 0x9F):
        return 0
    if (first == 0xF0 and at[1] < 0x90) or (first == 0xF4 and at[1] > 0x8F):
        return 0
    return length


cdef bint is_ascii(const uint8_t* at, Py_ssize_t n) noexcept nogil:
    cdef uint64_t word, seen = 0
    # Progress: `n` falls by eight. Bounds: n octets at `at`.
    while n >= 8:
        memcpy(&word, at, 8)
        seen |= word
        at += 8
        n -= 8
    # Progress: `n` falls by one. Bounds: as above.
    while n > 0:
        seen |= at[0]
        at += 1
        n -= 1
    return seen & <uint64_t> 0x8080808080808080 == 0


cdef bint is_text(const ColumnRef* ref, Py_ssize_t rows) noexcept nogil:
    """Whether every value of a variable column is UTF-8, and does not end with a zero."""
    cdef Py_ssize_t i
    cdef const uint8_t* at
    cdef const uint8_t* end
    cdef int length
    # Bounds: offsets rise, and end within the data.
    for i in range(rows):
        if ref.offsets[i] < ref.offsets[i + 1] and ref.data[ref.offsets[i + 1] - 1] == 0:
            return False
    if is_ascii(ref.data + ref.offsets[0], ref.offsets[rows] - ref.offsets[0]):
        return True
    # Bounds: offsets rise, and end within the data.
    for i in range(rows):
        at = ref.data + ref.offsets[i]
        end = ref.data + ref.offsets[i + 1]
        # Progress: one character further each turn.
        while at < end:
            length = character(at, end - at)
            if length == 0:
                return False
            at += length
    return True


cdef int32_t escaped(const uint8_t* at, const uint8_t* end, uint8_t* to) noexcept nogil:
    """Copy text with escapes for what is not UTF-8; return its octets. `to` may be NULL, to count them."""
    cdef int32_t written = 0
    cdef int length
    end = at + text_length(at, end - at)
    # Progress: one octet further each turn, or more. Bounds: four octets of `to` for each of the text, or as counted.
    while at < end:
        length = character(at, end - at)
        if length == 0:
            if to != NULL:
                to[written] = c"\\"
                to[written + 1] = c"x"
                to[written + 2] = HEX[at[0] >> 4]
                to[written + 3] = HEX[at[0] & 15]
            written += 4
            at += 1
        else:
            if to != NULL:
                memcpy(to + written, at, length)
            written += length
            at += length
    return written


cdef int repair_text(const ColumnRef* source, Py_ssize_t rows, ColumnRef* to) noexcept nogil:
    """The column with escapes for what is not UTF-8; -1 without memory."""
    cdef int64_t octets = 0
    cdef Py_ssize_t i
    cdef uint8_t* bitmap
    cdef int32_t* offsets
    if source.offsets[rows] - source.offsets[0] > INT32_MAX // 4:
        return -1
    # Bounds: offsets rise, and end within the data.
    for i in range(rows):
        octets += escaped(source.data + source.offsets[i], source.data + source.offsets[i + 1], NULL)
    bitmap = new_column(to, rows, (rows + 1) * sizeof(int32_t), octets)
    if bitmap == NULL:
        return -1
    copy_nulls(to, bitmap, source, rows)
    offsets = <int32_t*> to.offsets
    offsets[0] = 0
    for i in range(rows):
        offsets[i + 1] = offsets[i] + escaped(
            source.data + source.offsets[i], source.data + source.offsets[i + 1], <uint8_t*> to.data + offsets[i],
        )
    return 0
