# cython: boundscheck=False, wraparound=False, cdivision=True
"""Which prefix an address falls into, for whole columns.

Prefixes that nest are cut into intervals that do not: each begins at an address and says which prefix
is the longest from there on. Finding one is a binary search; for IPv4 a table of the upper 16 bits
leaves only the few intervals that begin within a /16.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from libc.stdint cimport INT32_MAX, int32_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from flowparse._addresses cimport is_mapped
from flowparse._wire cimport be32, be64

cdef enum:
    ADDRESS_OCTETS = 16
    UPPER = 65536               # values of the upper 16 bits

cdef struct Start:              # of an interval, as two halves in host order
    uint64_t upper
    uint64_t lower


cdef inline bint is_after(const Start* start, uint64_t upper, uint64_t lower) noexcept nogil:
    return start.upper > upper or (start.upper == upper and start.lower > lower)


cdef class Intervals:
    """Intervals of addresses, from the first to the last that 16 octets can say.

    Parameters
    ----------
    starts : bytes
        16 octets for each interval, rising; the first is sixteen zeros.
    entries : sequence of int
        For each the number of the prefix that it belongs to, -1 for none.

    Raises
    ------
    ValueError
        Starts that do not rise, or do not begin with ::.
    """

    cdef Start* starts
    cdef int32_t* entries
    cdef Py_ssize_t n
    cdef uint32_t* starts4      # of those within ::ffff:0:0/96, the last 32 bits
    cdef Py_ssize_t first4      # the interval that 0.0.0.0 is in
    cdef Py_ssize_t n4
    cdef uint32_t* upper        # for each upper half of an IPv4 address, the first of starts4 beyond its first address

    def __cinit__(self, bytes starts not None, entries):
        cdef const uint8_t* octets = <const uint8_t*> <char*> starts
        cdef Py_ssize_t i
        self.n = len(entries)
        if len(starts) != ADDRESS_OCTETS * self.n or self.n == 0 or self.n > INT32_MAX:
            raise ValueError(f"{len(starts)} octets for {self.n} intervals")
        self.starts = <Start*> PyMem_Calloc(self.n, sizeof(Start))
        self.entries = <int32_t*> PyMem_Calloc(self.n, sizeof(int32_t))
        self.starts4 = <uint32_t*> PyMem_Calloc(self.n + 1, sizeof(uint32_t))
        self.upper = <uint32_t*> PyMem_Calloc(UPPER + 1, sizeof(uint32_t))
        if self.starts == NULL or self.entries == NULL or self.starts4 == NULL or self.upper == NULL:
            raise MemoryError()
        # Bounds: i < n, and 16 octets for each.
        for i, entry in enumerate(entries):
            self.starts[i] = Start(be64(octets + 16 * i), be64(octets + 16 * i + 8))
            self.entries[i] = entry
            if i and not is_after(&self.starts[i], self.starts[i - 1].upper, self.starts[i - 1].lower):
                raise ValueError(f"interval {i} does not begin after the one before")
            if is_mapped(octets + 16 * i):
                if self.n4 == 0 and self.starts[i].lower != <uint64_t> 0xFFFF << 32:
                    self.first4 = i - 1
                    self.add4(0)
                elif self.n4 == 0:
                    self.first4 = i
                self.add4(be32(octets + 16 * i + 12))
        if self.starts[0].upper or self.starts[0].lower:
            raise ValueError("the first interval does not begin with ::")
        if self.n4 == 0:
            self.first4 = self.find(0, <uint64_t> 0xFFFF << 32)
            self.add4(0)
        self.fill_upper()

    def __dealloc__(self):
        PyMem_Free(self.starts)
        PyMem_Free(self.entries)
        PyMem_Free(self.starts4)
        PyMem_Free(self.upper)

    def __len__(self):
        return self.n

    cdef void add4(self, uint32_t start) noexcept nogil:
        # Bounds: at most one more than intervals.
        self.starts4[self.n4] = start
        self.n4 += 1

    cdef void fill_upper(self) noexcept nogil:
        cdef Py_ssize_t at = 0
        cdef uint32_t half
        for half in range(UPPER):
            # Progress: `at` grows to n4.
            while at < self.n4 and self.starts4[at] <= <uint32_t> half << 16:
                at += 1
            self.upper[half] = <uint32_t> at
        self.upper[UPPER] = <uint32_t> self.n4

    cdef inline Py_ssize_t find(self, uint64_t upper, uint64_t lower) noexcept nogil:
        """The interval of an address."""
        cdef Py_ssize_t low = 0, high = self.n, middle
        # The first begins at ::, so low never is one that begins later. Progress: high - low falls.
        while high - low > 1:
            middle = low + (high - low) // 2
            if is_after(&self.starts[middle], upper, lower):
                high = middle
            else:
                low = middle
        return low

    cdef inline Py_ssize_t find4(self, uint32_t address) noexcept nogil:
        """The interval of an IPv4 address."""
        # Bounds: upper is of 65537 places; upper[half] >= 1, as the first of starts4 is 0.
        cdef Py_ssize_t low = self.upper[address >> 16] - 1, high = self.upper[(address >> 16) + 1], middle
        # The interval that begins with the next half may be among them, and is beyond the address. Progress: as above.
        while high - low > 1:
            middle = low + (high - low) // 2
            if self.starts4[middle] > address:
                high = middle
            else:
                low = middle
        return self.first4 + low

    cdef void look(
        self, const uint8_t* address, const uint8_t* nulls, Py_ssize_t n, int32_t* to, uint8_t* bitmap,
    ) noexcept nogil:
        cdef Py_ssize_t i, at
        # Bounds: n addresses, flags and places.
        for i in range(n):
            to[i] = 0
            if nulls != NULL and nulls[i]:
                continue
            if is_mapped(address + 16 * i):
                at = self.find4(be32(address + 16 * i + 12))
            else:
                at = self.find(be64(address + 16 * i), be64(address + 16 * i + 8))
            if self.entries[at] >= 0:
                to[i] = self.entries[at]
                bitmap[i >> 3] |= <uint8_t> (1 << (i & 7))

    def match(self, addresses, bytes nulls):
        """The number of the prefix for each address, as a column (validity, None, data) of type i32.

        Parameters
        ----------
        addresses : buffer, 16 octets for each
        nulls : bytes or None
            A byte for each address, 1 where it is null.
        """
        cdef Py_buffer buffer
        cdef bytes data, bitmap
        cdef Py_ssize_t n
        cdef const uint8_t* flags = NULL if nulls is None else <const uint8_t*> <char*> nulls
        cdef int32_t* to
        cdef uint8_t* bits
        PyObject_GetBuffer(addresses, &buffer, PyBUF_SIMPLE)
        try:
            n = buffer.len // ADDRESS_OCTETS
            if buffer.len % ADDRESS_OCTETS or (nulls is not None and len(nulls) != n):
                raise ValueError(f"{buffer.len} octets are not addresses of 16")
            data = PyBytes_FromStringAndSize(NULL, n * sizeof(int32_t))
            bitmap = PyBytes_FromStringAndSize(NULL, (n + 7) >> 3)
            to = <int32_t*> <char*> data
            bits = <uint8_t*> <char*> bitmap
            with nogil:
                memset(bits, 0, (n + 7) >> 3)
                self.look(<const uint8_t*> buffer.buf, flags, n, to, bits)
        finally:
            PyBuffer_Release(&buffer)
        return bitmap, None, data


def pick_texts(column, list texts not None):
    """A text for each number of a column of type i32: a column (validity, offsets, data) of type utf8.

    Parameters
    ----------
    column : (validity, None, data)
    texts : list of bytes or None
        By number; None is null.

    Raises
    ------
    IndexError
        A number beyond the texts.
    ValueError
        Texts of more octets than a column has.
    """
    cdef bytes validity, data
    validity, _, data = column
    cdef Py_ssize_t rows = len(data) // sizeof(int32_t), i, used = 0, n_texts = len(texts)
    cdef const int32_t* number = <const int32_t*> <char*> data
    cdef const uint8_t* bits = <const uint8_t*> <char*> validity
    cdef bytes made_bits = PyBytes_FromStringAndSize(NULL, (rows + 7) >> 3)
    cdef uint8_t* to_bits = <uint8_t*> <char*> made_bits
    cdef bytes offsets = PyBytes_FromStringAndSize(NULL, (rows + 1) * sizeof(int32_t))
    cdef int32_t* ends = <int32_t*> <char*> offsets
    cdef bytes text, made
    cdef char* to
    if len(validity) != (rows + 7) >> 3:
        raise ValueError("a bitmap that is not of the column")
    ends[0] = 0
    memset(to_bits, 0, (rows + 7) >> 3)
    # Bounds: rows numbers and bits, and an offset more.
    for i in range(rows):
        if bits[i >> 3] >> (i & 7) & 1:
            if not 0 <= number[i] < n_texts:
                raise IndexError(f"no text {number[i]}")
            text = texts[number[i]]
            if text is not None:
                used += len(text)
                to_bits[i >> 3] |= <uint8_t> (1 << (i & 7))
        if used > INT32_MAX:
            raise ValueError("texts of more octets than a column has")
        ends[i + 1] = <int32_t> used
    made = PyBytes_FromStringAndSize(NULL, used)
    to = <char*> made
    for i in range(rows):
        if ends[i + 1] > ends[i]:
            text = texts[number[i]]
            memcpy(to + ends[i], <const char*> text, ends[i + 1] - ends[i])
    return made_bits, offsets, made
