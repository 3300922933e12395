# cython: boundscheck=False, wraparound=False
"""Look-up tables that kernels read while they decode: sampling rates and names, by number.

They change between messages only, one entry at a time, so that a row has what was known when it was
decoded and what is told anew costs no more than itself. A message's context points at the tables;
whoever sets it keeps them alive.
"""

from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree, PyMem_RawMalloc
from libc.string cimport memcpy

cdef enum:
    FIRST_PLACES = 8
    FIRST_OCTETS = 64
    MOST_NAME = 4096

# The interpreter keys the hash of a str for each process.
cdef uint64_t FACTOR = <uint64_t> (hash("lookup") & 0xFFFFFFFFFFFFFFFF) | 1


cdef inline bint may_move(size_t home, size_t hole, size_t at, size_t mask) noexcept nogil:
    """Whether an entry whose place is `home`, and that is `at`, is still found if it moves back to the hole."""
    return (at - home & mask) >= (at - hole & mask)


cdef class Rates:
    """Sampling rates by the number of a sampler, or of an interface.

    Parameters
    ----------
    rates : mapping of int to int
        Numbers of at most 64 bits, rates of 1 to 2**32 - 1.
    """

    def __cinit__(self, rates=()):
        self.table.factor = FACTOR
        self.grow()
        for key, rate in dict(rates).items():
            if rate == 0:
                raise ValueError("a rate is at least 1")
            self.put(key, rate)

    def __dealloc__(self):
        PyMem_RawFree(self.table.keys)
        PyMem_RawFree(self.table.rates)

    cdef int grow(self) except -1:
        """Twice the places, or the first."""
        cdef RateTable made = self.table
        cdef size_t i, place, places = 2 * (made.mask + 1) if made.keys != NULL else FIRST_PLACES
        made.mask = places - 1
        made.keys = <uint64_t*> PyMem_RawCalloc(places, sizeof(uint64_t))
        made.rates = <uint32_t*> PyMem_RawCalloc(places, sizeof(uint32_t))
        if made.keys == NULL or made.rates == NULL:
            PyMem_RawFree(made.keys)
            PyMem_RawFree(made.rates)
            raise MemoryError()
        if self.table.keys != NULL:
            for i in range(self.table.mask + 1):
                if self.table.rates[i] != 0:
                    place = place_of_rate(&made, self.table.keys[i])
                    made.keys[place] = self.table.keys[i]
                    made.rates[place] = self.table.rates[i]
        PyMem_RawFree(self.table.keys)
        PyMem_RawFree(self.table.rates)
        self.table = made
        return 0

    def __len__(self):
        return self.table.n

    def get(self, uint64_t key):
        """The rate, or None."""
        return rate_of(&self.table, key) or None

    def put(self, uint64_t key, uint32_t rate):
        """Let a number have this rate, or none where it is 0; not within a message."""
        cdef RateTable* table = &self.table
        cdef size_t hole, at
        if rate != 0:
            if table.rates[place_of_rate(table, key)] == 0:
                if 2 * (table.n + 1) > table.mask + 1:
                    self.grow()
                table.n += 1
            at = place_of_rate(table, key)
            table.keys[at] = key
            table.rates[at] = rate
            return
        hole = at = place_of_rate(table, key)
        if table.rates[hole] == 0:
            return
        table.n -= 1
        # Progress: one place further each turn; half of them are free. Bounds: masked.
        while True:
            at = (at + 1) & table.mask
            if table.rates[at] == 0:
                break
            if may_move(place_of(table.keys[at], table.factor, table.mask), hole, at, table.mask):
                table.keys[hole] = table.keys[at]
                table.rates[hole] = table.rates[at]
                hole = at
        table.rates[hole] = 0


cdef class Names:
    """Names by number: of an interface, a VRF or a sampler, or `application_number` of an applicationId.

    Parameters
    ----------
    names : mapping of int to str
        Names of at least one octet of UTF-8 and at most 4096; longer ones are cut.
    """

    def __cinit__(self, names=()):
        self.table.factor = FACTOR
        self.used = 1                   # an offset of 0 is a free place
        self.grow()
        self.make_room(FIRST_OCTETS)
        for key, name in dict(names).items():
            self.put(key, name)

    def __dealloc__(self):
        PyMem_RawFree(self.table.keys)
        PyMem_RawFree(self.table.offsets)
        PyMem_RawFree(self.table.lengths)
        PyMem_RawFree(self.octets)

    cdef int grow(self) except -1:
        """Twice the places, or the first."""
        cdef NameTable made = self.table
        cdef size_t i, place, places = 2 * (made.mask + 1) if made.keys != NULL else FIRST_PLACES
        made.mask = places - 1
        made.keys = <uint64_t*> PyMem_RawCalloc(places, sizeof(uint64_t))
        made.offsets = <uint32_t*> PyMem_RawCalloc(places, sizeof(uint32_t))
        made.lengths = <uint32_t*> PyMem_RawCalloc(places, sizeof(uint32_t))
        if made.keys == NULL or made.offsets == NULL or made.lengths == NULL:
            PyMem_RawFree(made.keys)
            PyMem_RawFree(made.offsets)
            PyMem_RawFree(made.lengths)
            raise MemoryError()
        if self.table.keys != NULL:
            for i in range(self.table.mask + 1):
                if self.table.offsets[i] != 0:
                    place = place_of_name(&made, self.table.keys[i])
                    made.keys[place] = self.table.keys[i]
                    made.offsets[place] = self.table.offsets[i]
                    made.lengths[place] = self.table.lengths[i]
        PyMem_RawFree(self.table.keys)
        PyMem_RawFree(self.table.offsets)
        PyMem_RawFree(self.table.lengths)
        self.table = made
        return 0

    cdef int make_room(self, size_t octets) except -1:
        """Make room for so many octets more, in twice those that are in use, which are moved together."""
        cdef size_t i, used = 1
        cdef size_t size = 2 * (self.used - self.unused + octets)
        cdef uint8_t* made
        if self.used + octets <= self.size:
            return 0
        if size > <uint32_t> 0xFFFFFFFF:
            raise MemoryError()         # offsets have 32 bits
        made = <uint8_t*> PyMem_RawMalloc(size)
        if made == NULL:
            raise MemoryError()
        for i in range(self.table.mask + 1):
            if self.table.offsets[i] != 0:
                # Bounds: the names in use have less than half of `size`.
                memcpy(made + used, self.octets + self.table.offsets[i], self.table.lengths[i])
                self.table.offsets[i] = <uint32_t> used
                used += self.table.lengths[i]
        PyMem_RawFree(self.octets)
        self.octets = made
        self.table.octets = made
        self.used = used
        self.unused = 0
        self.size = size
        return 0

    def __len__(self):
        return self.table.n

    def get(self, uint64_t key):
        """The name, or None."""
        cdef Py_ssize_t length
        cdef const uint8_t* octets = name_of(&self.table, key, &length)
        return octets[:length].decode() if length else None

    def put(self, uint64_t key, str name):
        """Let a number have this name, or none where it is empty or None; not within a message."""
        cdef NameTable* table = &self.table
        cdef bytes octets = name.encode("utf-8", "backslashreplace")[:MOST_NAME] if name else b""
        cdef const char* source = octets
        cdef size_t length = len(octets)
        cdef size_t hole, at
        if length != 0:
            self.make_room(length)
            if table.offsets[place_of_name(table, key)] == 0:
                if 2 * (table.n + 1) > table.mask + 1:
                    self.grow()
                table.n += 1
            at = place_of_name(table, key)
            if table.offsets[at] != 0:
                self.unused += table.lengths[at]
            # Bounds: make_room() saw to it.
            memcpy(self.octets + self.used, source, length)
            table.keys[at] = key
            table.offsets[at] = <uint32_t> self.used
            table.lengths[at] = <uint32_t> length
            table.longest = max(table.longest, <uint32_t> length)
            self.used += length
            return
        hole = at = place_of_name(table, key)
        if table.offsets[hole] == 0:
            return
        table.n -= 1
        self.unused += table.lengths[hole]
        # Progress: one place further each turn; half of them are free. Bounds: masked.
        while True:
            at = (at + 1) & table.mask
            if table.offsets[at] == 0:
                break
            if may_move(place_of(table.keys[at], table.factor, table.mask), hole, at, table.mask):
                table.keys[hole] = table.keys[at]
                table.offsets[hole] = table.offsets[at]
                table.lengths[hole] = table.lengths[at]
                hole = at
        table.offsets[hole] = table.lengths[hole] = 0


def application_number(bytes octets not None):
    """An applicationId as FLOW's application_id: engine * 2**56 + selector (RFC 6759 section 4); None if it is none."""
    selector = int.from_bytes(octets[1:], "big")
    return int.from_bytes(octets[:1], "big") << 56 | selector if octets and selector < 2**56 else None
