# cython: language_level=3
"""Look-up tables that kernels read while they decode: sampling rates and names, by number."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef struct RateTable:          # open addressing; a rate of 0 is a free place
    size_t mask                 # places less one; a power of two
    size_t n
    uint64_t factor             # secret and odd, since numbers are the sender's choice
    uint64_t* keys
    uint32_t* rates

cdef struct NameTable:          # likewise, where an offset of 0 is a free place
    size_t mask
    size_t n
    uint64_t factor
    uint64_t* keys
    uint32_t* offsets           # of the first octet, and one more
    uint32_t* lengths
    const uint8_t* octets
    uint32_t longest            # that there was

cdef enum NameKind:             # which of a context's tables of names
    NAME_INTERFACE = 0
    NAME_APPLICATION = 1
    NAME_VRF = 2
    NAME_SAMPLER = 3
    NAME_KINDS = 4


cdef class Rates:
    cdef RateTable table
    cdef int grow(self) except -1


cdef class Names:
    cdef NameTable table
    cdef uint8_t* octets
    cdef size_t used            # of the octets
    cdef size_t size
    cdef size_t unused          # of those used: of names that are no longer there
    cdef int grow(self) except -1
    cdef int make_room(self, size_t octets) except -1


cdef inline size_t place_of(uint64_t key, uint64_t factor, size_t mask) noexcept nogil:
    # Multiplied twice, so that the place depends on all bits of the key.
    cdef uint64_t mixed = key * factor
    return <size_t> ((mixed ^ mixed >> 32) * factor >> 32) & mask


cdef inline size_t place_of_rate(const RateTable* table, uint64_t key) noexcept nogil:
    """Where a number is, or the free place where it would be."""
    cdef size_t place = place_of(key, table.factor, table.mask)
    # Progress: one place further each turn, and some place is free. Bounds: place <= mask.
    while table.rates[place] != 0 and table.keys[place] != key:
        place = (place + 1) & table.mask
    return place


cdef inline size_t place_of_name(const NameTable* table, uint64_t key) noexcept nogil:
    """As `place_of_rate`."""
    cdef size_t place = place_of(key, table.factor, table.mask)
    # Progress and Bounds: as above.
    while table.offsets[place] != 0 and table.keys[place] != key:
        place = (place + 1) & table.mask
    return place


cdef inline uint32_t rate_of(const RateTable* table, uint64_t key) noexcept nogil:
    """The rate of a number; 0 where there is none."""
    return table.rates[place_of_rate(table, key)]


cdef inline const uint8_t* name_of(const NameTable* table, uint64_t key, Py_ssize_t* length) noexcept nogil:
    """The name of a number; without octets where there is none."""
    cdef size_t place = place_of_name(table, key)
    length[0] = table.lengths[place]
    return table.octets + table.offsets[place]
