# cython: language_level=3
"""Look-up tables that kernels read while they decode: sampling rates and names, by number."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef struct RateTable:          # open addressing; a rate of 0 is a free place
    size_t mask                 # places less one; a power of two
    size_t n
    uint64_t* keys
    uint32_t* rates

cdef struct NameTable:          # likewise, where an offset of 0 is a free place
    size_t mask
    size_t n
    uint64_t* keys
    uint32_t* offsets           # of the first octet, and one more
    uint32_t* lengths
    const uint8_t* octets
    uint32_t longest

cdef enum NameKind:             # which of a context's tables of names
    NAME_INTERFACE = 0
    NAME_APPLICATION = 1
    NAME_VRF = 2
    NAME_SAMPLER = 3
    NAME_KINDS = 4


cdef class Rates:
    cdef RateTable table


cdef class Names:
    cdef NameTable table
    cdef bytes octets


cdef inline size_t place_of(uint64_t key, size_t mask) noexcept nogil:
    # Fibonacci hashing: the upper bits of the product depend on all of the key's.
    return <size_t> (key * (<uint64_t> 0x9E3779B9 << 32 | <uint64_t> 0x7F4A7C15) >> 32) & mask


cdef inline uint32_t rate_of(const RateTable* table, uint64_t key) noexcept nogil:
    """The rate of a number; 0 where there is none."""
    cdef size_t place = place_of(key, table.mask)
    # Progress: one place further each turn, and some place is free. Bounds: place <= mask.
    while table.rates[place] != 0 and table.keys[place] != key:
        place = (place + 1) & table.mask
    return table.rates[place]


cdef inline const uint8_t* name_of(const NameTable* table, uint64_t key, Py_ssize_t* length) noexcept nogil:
    """The name of a number; without octets where there is none."""
    cdef size_t place = place_of(key, table.mask)
    # Progress and Bounds: as above.
    while table.offsets[place] != 0 and table.keys[place] != key:
        place = (place + 1) & table.mask
    length[0] = table.lengths[place]
    return table.octets + table.offsets[place]
