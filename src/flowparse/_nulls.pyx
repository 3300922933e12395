# cython: boundscheck=False, wraparound=False
"""Nulls of a part that is being finished."""

from flowparse._layout cimport MOST_ROWS
from flowparse._part cimport ColumnRef, bitmap_of, set_all_null, values_of

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
    """Make the column null where the flag is 1 (flip 1) or where it is 0 (flip 0), too; `nulls` rows in all."""
    cdef ColumnRef* ref = &part.columns[column]
    cdef uint8_t* bitmap
    cdef Py_ssize_t i, n = 0
    if nulls == part.rows or ref.null_count == part.rows:
        set_all_null(part, column)
    elif nulls and ref.null_count:
        bitmap = bitmap_of(part, column)
        # Bounds: the bitmap has a bit for each row.
        for i in range(part.rows):
            if flags[i] == flip:
                bitmap[i >> 3] &= <uint8_t> ~(1 << (i & 7))
            n += bitmap[i >> 3] >> (i & 7) & 1
        ref.null_count = part.rows - n
        if n == 0:
            set_all_null(part, column)
    elif nulls:
        pack(bitmap_of(part, column), flags, part.rows, flip)
        part.columns[column].validity = bitmap_of(part, column)
        part.columns[column].null_count = nulls


cdef inline bint is_null(const ColumnRef* ref, Py_ssize_t rows, Py_ssize_t i) noexcept nogil:
    return ref.null_count == rows or (ref.null_count > 0 and not ref.validity[i >> 3] >> (i & 7) & 1)


cdef void replace_octets(Part* part, int column, int other, const uint8_t* flags) noexcept nogil:
    """Where the flag is 1, give a column of octets the value of another, or its null."""
    cdef ColumnRef* ref = &part.columns[column]
    cdef const ColumnRef* from_ref = &part.columns[other]
    cdef uint8_t* value = values_of(part, column)
    cdef const uint8_t* from_value = values_of(part, other)
    cdef uint8_t[MOST_ROWS] nulls
    cdef Py_ssize_t i, n = 0
    # Bounds: i < rows <= MOST_ROWS, in both columns and their bitmaps.
    for i in range(part.rows):
        nulls[i] = is_null(from_ref, part.rows, i) if flags[i] else is_null(ref, part.rows, i)
        n += nulls[i]
        if flags[i]:
            value[i] = from_value[i]
    ref.data = value
    ref.validity = NULL
    ref.null_count = 0
    set_nulls(part, column, nulls, n, 1)
