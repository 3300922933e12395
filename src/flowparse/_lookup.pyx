# cython: boundscheck=False, wraparound=False
"""Look-up tables that kernels read while they decode: sampling rates and names, by number.

Each is made at once from what is known of a domain and never changes, so that a row has what was
known when it was decoded. A message's context points at the tables; whoever sets it keeps them alive.
"""

from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree


cdef size_t places_for(size_t n) noexcept:
    """A power of two, at least twice `n`."""
    cdef size_t places = 8
    # Progress: doubles each turn.
    while places < 2 * n:
        places *= 2
    return places


cdef class Rates:
    """Sampling rates by the number of a sampler, or of an interface.

    Parameters
    ----------
    rates : mapping of int to int
        Numbers of at most 64 bits, rates of 1 to 2**32 - 1.
    """

    def __cinit__(self, rates=()):
        cdef size_t place, places = places_for(len(rates))
        cdef uint64_t key
        cdef uint32_t rate
        self.table.keys = <uint64_t*> PyMem_RawCalloc(places, sizeof(uint64_t))
        self.table.rates = <uint32_t*> PyMem_RawCalloc(places, sizeof(uint32_t))
        if self.table.keys == NULL or self.table.rates == NULL:
            raise MemoryError()
        self.table.mask = places - 1
        for key, rate in dict(rates).items():
            if rate == 0:
                raise ValueError("a rate is at least 1")
            place = place_of(key, self.table.mask)
            # Progress: one place further each turn; half of them are free.
            while self.table.rates[place] != 0:
                place = (place + 1) & self.table.mask
            self.table.keys[place] = key
            self.table.rates[place] = rate
            self.table.n += 1

    def __dealloc__(self):
        PyMem_RawFree(self.table.keys)
        PyMem_RawFree(self.table.rates)

    def __len__(self):
        return self.table.n

    def get(self, uint64_t key):
        """The rate, or None."""
        return rate_of(&self.table, key) or None


cdef class Names:
    """Names by number: of an interface, a VRF or a sampler, or `application_number` of an applicationId.

    Parameters
    ----------
    names : mapping of int to str
        Names of at least one octet of UTF-8 and at most 4096; longer ones are cut.
    """

    def __cinit__(self, names=()):
        cdef size_t place, places = places_for(len(names))
        cdef uint64_t key
        cdef uint32_t at = 1
        cdef list parts = [b"\0"]
        self.table.keys = <uint64_t*> PyMem_RawCalloc(places, sizeof(uint64_t))
        self.table.offsets = <uint32_t*> PyMem_RawCalloc(places, sizeof(uint32_t))
        self.table.lengths = <uint32_t*> PyMem_RawCalloc(places, sizeof(uint32_t))
        if self.table.keys == NULL or self.table.offsets == NULL or self.table.lengths == NULL:
            raise MemoryError()
        self.table.mask = places - 1
        for key, name in dict(names).items():
            octets = name.encode("utf-8", "backslashreplace")[:4096]
            place = place_of(key, self.table.mask)
            # Progress: one place further each turn; half of them are free.
            while self.table.offsets[place] != 0:
                place = (place + 1) & self.table.mask
            self.table.keys[place] = key
            self.table.offsets[place] = at
            self.table.lengths[place] = <uint32_t> len(octets)
            self.table.longest = max(self.table.longest, self.table.lengths[place])
            self.table.n += 1
            parts.append(octets)
            at += <uint32_t> len(octets)
        self.octets = b"".join(parts)
        self.table.octets = <const uint8_t*> <const char*> self.octets

    def __dealloc__(self):
        PyMem_RawFree(self.table.keys)
        PyMem_RawFree(self.table.offsets)
        PyMem_RawFree(self.table.lengths)

    def __len__(self):
        return self.table.n

    def get(self, uint64_t key):
        """The name, or None."""
        cdef Py_ssize_t length
        cdef const uint8_t* octets = name_of(&self.table, key, &length)
        return octets[:length].decode() if length else None


def application_number(bytes octets not None):
    """An applicationId as FLOW's application_id: engine * 2**56 + selector (RFC 6759 section 4); None if it is none."""
    selector = int.from_bytes(octets[1:], "big")
    return int.from_bytes(octets[:1], "big") << 56 | selector if octets and selector < 2**56 else None
