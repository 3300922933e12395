# cython: boundscheck=False, wraparound=False, cdivision=True
"""Second sightings: which rows tell a flow that another row told already, and who told it first.

A flow that was seen before is known by a fingerprint of 64 bits under the process's secret, in 16 to 24
octets for each flow: that two of a hundred million flows share one is less likely than 1 in 3,000.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree, PyMem_RawRealloc
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memset

from flowparse._keys cimport (
    BLOCK, NOT_FOUND, Index, KeySet, Words, add_key, close_index, entry_of, fill_words, find_key, hash_words,
    number_column, open_index, prefetch,
)
from flowparse._part cimport ColumnRef
from flowparse._show cimport is_null
from flowparse._values cimport Chunk

cdef enum:
    SEEN_REQUIRED = 31          # the first five columns of a flow's identity are not null
    PACKET_SAMPLE = 1           # enums/record_kind.tsv
    LAST_OWN_TIME = 5           # enums/time_source.tsv: later ones are the datagram's times


cdef class Sightings:
    """Which rows tell a flow for the first time.

    Parameters
    ----------
    identity : KeySet
        What makes a flow; rows with a null among the first five of it are no sightings.
    exporter : KeySet or None
        Who tells: one address; None: nobody knows.
    expected : int
        How many rows there may be; it grows beyond.
    """

    cdef KeySet identity
    cdef KeySet exporter
    cdef Index exporters
    cdef Index pairs            # (first, second) as one word
    cdef uint64_t* counts       # rows of each pair
    cdef size_t counts_room
    cdef uint64_t* seen         # fingerprints; 0: free
    cdef uint32_t* first        # who told it first, for each of them; pages of zeros stay untouched
    cdef size_t mask
    cdef size_t n
    cdef Words* words           # of the identity, and of exporters and pairs; too large for the stack of every thread

    def __cinit__(self, KeySet identity not None, KeySet exporter, size_t expected=0):
        cdef int n_words = 1 if exporter is None else exporter.n_words
        cdef size_t slots = 1024
        if exporter is not None and [type.name for type in exporter.types] != ["address"]:
            raise ValueError("an exporter is an address")
        self.identity = identity
        self.exporter = exporter
        # Progress: `slots` doubles.
        while slots < 2 * min(expected, <size_t> 1 << 24):
            slots *= 2
        self.mask = slots - 1
        self.seen = <uint64_t*> PyMem_RawCalloc(slots, sizeof(uint64_t))
        self.first = <uint32_t*> PyMem_RawCalloc(slots, sizeof(uint32_t))
        self.words = <Words*> PyMem_RawCalloc(2, sizeof(Words))
        if self.seen == NULL or self.first == NULL or self.words == NULL:
            raise MemoryError()
        if open_index(&self.exporters, n_words, 0, 0) < 0 or open_index(&self.pairs, 2, 0, 0) < 0:
            raise MemoryError()

    def __dealloc__(self):
        close_index(&self.exporters)
        close_index(&self.pairs)
        PyMem_RawFree(self.counts)
        PyMem_RawFree(self.seen)
        PyMem_RawFree(self.first)
        PyMem_RawFree(self.words)

    cdef int grow(self) noexcept nogil:
        cdef size_t mask = 2 * self.mask + 1, k, at
        cdef uint64_t* seen = <uint64_t*> PyMem_RawCalloc(mask + 1, sizeof(uint64_t))
        cdef uint32_t* first = <uint32_t*> PyMem_RawCalloc(mask + 1, sizeof(uint32_t))
        if seen == NULL or first == NULL:
            PyMem_RawFree(seen)
            PyMem_RawFree(first)
            return -1
        for k in range(self.mask + 1):
            if self.seen[k]:
                at = self.seen[k] & mask
                # Progress: one slot further each turn; at most half of them are taken.
                while seen[at]:
                    at = (at + 1) & mask
                seen[at] = self.seen[k]
                if self.first[k]:
                    first[at] = self.first[k]
        PyMem_RawFree(self.seen)
        PyMem_RawFree(self.first)
        self.seen = seen
        self.first = first
        self.mask = mask
        return 0

    cdef int count_pair(self, uint32_t first, uint32_t second, Words* words) noexcept nogil:
        cdef uint32_t number
        cdef void* grown
        words.of[0][0] = <uint64_t> first << 32 | second
        words.of[1][0] = 0
        hash_words(2, 1, words)
        number = find_key(&self.pairs, words, 0)
        if number == NOT_FOUND:
            number = add_key(&self.pairs, words, 0)
            if number == NOT_FOUND:
                return -1
            if self.counts_room < self.pairs.room:
                grown = PyMem_RawRealloc(self.counts, self.pairs.room * sizeof(uint64_t))
                if grown == NULL:
                    return -1
                self.counts = <uint64_t*> grown
                self.counts_room = self.pairs.room
            self.counts[number] = 0
        self.counts[number] += 1
        return 0

    cdef int number_exporters(self, Py_ssize_t row, int n, Words* words, uint32_t* numbers) noexcept nogil:
        """Write the number of the exporter of each row of a block."""
        cdef int i, width = self.exporter.keys[0].width
        cdef int n_words = self.exporter.n_words
        cdef const ColumnRef* ref = self.exporter.keys[0].refs[0]
        cdef const uint8_t* value = ref.data + row * width
        # Bounds: n values of `width` octets; one fewer is equal to its neighbour.
        cdef bint is_one = ref.validity == NULL and memcmp(value, value + width, (n - 1) * width) == 0
        cdef int distinct = 1 if is_one else n
        fill_words(self.exporter.keys, 1, n_words, row, distinct, words)
        hash_words(n_words, distinct, words)
        for i in range(distinct):
            numbers[i] = find_key(&self.exporters, words, i)
            if numbers[i] == NOT_FOUND:
                numbers[i] = add_key(&self.exporters, words, i)
                if numbers[i] == NOT_FOUND:
                    return -1
        for i in range(distinct, n):
            numbers[i] = numbers[0]
        return 0

    cdef Py_ssize_t look(
        self, Py_ssize_t row, Py_ssize_t end, bint has_exporter, const ColumnRef* kind, const ColumnRef* source,
        char* is_first,
    ) noexcept nogil:
        """Flag each row; return how many are second sightings, -1 without memory."""
        cdef Words* words = &self.words[0]
        cdef Words* others = &self.words[1]
        cdef uint32_t[BLOCK] exporters
        cdef const uint64_t* nulls = words.of[self.identity.n_words - 1]
        cdef uint64_t fingerprint
        cdef size_t at
        cdef Py_ssize_t second = 0
        cdef int i, n
        memset(exporters, 0, sizeof(exporters))
        # Progress: `row` grows by n >= 1.
        while row < end:
            n = <int> min(BLOCK, end - row)
            fill_words(self.identity.keys, self.identity.n_keys, self.identity.n_words, row, n, words)
            hash_words(self.identity.n_words, n, words)
            for i in range(n):
                prefetch(&self.seen[words.hash[i] & self.mask])
            if has_exporter and self.number_exporters(row, n, others, exporters) < 0:
                return -1
            for i in range(n):
                is_first[i] = 1
                # A packet sample, or a time that is the datagram's, says nothing of which flow it is.
                if nulls[i] & SEEN_REQUIRED or (
                    kind != NULL and not is_null(kind, row + i) and kind.data[row + i] == PACKET_SAMPLE
                ) or (source != NULL and not is_null(source, row + i) and source.data[row + i] > LAST_OWN_TIME):
                    continue
                fingerprint = words.hash[i] if words.hash[i] else 1
                at = fingerprint & self.mask
                # Progress: one slot further each turn; at most half of them are taken.
                while self.seen[at] and self.seen[at] != fingerprint:
                    at = (at + 1) & self.mask
                if self.seen[at]:
                    is_first[i] = 0
                    second += 1
                    if self.count_pair(self.first[at], exporters[i], others) < 0:
                        return -1
                    continue
                self.seen[at] = fingerprint
                if exporters[i]:
                    self.first[at] = exporters[i]
                self.n += 1
                if 2 * self.n > self.mask and self.grow() < 0:
                    return -1
            row += n
            is_first += n
        return second

    def add(self, Chunk chunk not None, identity, exporter, Py_ssize_t record_kind=-1, Py_ssize_t time_source=-1):
        """Look at a chunk's rows.

        Parameters
        ----------
        chunk : Chunk
        identity, exporter : sequence of int
            The columns of the keys.
        record_kind, time_source : int
            Columns of type u8; -1: there is none.

        Returns
        -------
        flags : bytes
            1 for each row that is no second sighting.
        second : int
            How many of them are.
        """
        cdef const ColumnRef* kind = number_column(chunk, record_kind, "u8")
        cdef const ColumnRef* source = number_column(chunk, time_source, "u8")
        cdef Py_ssize_t start = chunk.window.start, end = chunk.window.start + chunk.window.rows, second
        cdef bytes flags = PyBytes_FromStringAndSize(NULL, chunk.window.rows)
        cdef char* is_first = <char*> flags
        cdef bint has_exporter = self.exporter is not None
        self.identity.bind(chunk, identity)
        if has_exporter:
            self.exporter.bind(chunk, exporter)
        with nogil:
            second = self.look(start, end, has_exporter, kind, source, is_first)
        if second < 0:
            raise MemoryError()
        return flags, second

    def told(self):
        """(octets of who told first, octets of who told again, rows) for each pair; None for nobody."""
        cdef size_t k
        cdef list pairs = []
        for k in range(self.pairs.n):
            pair = entry_of(&self.pairs, k)[0]
            pairs.append((self.exporter_of(pair >> 32), self.exporter_of(pair & 0xFFFFFFFF), self.counts[k]))
        return pairs

    cdef exporter_of(self, size_t number):
        cdef const uint64_t* key
        if self.exporter is None:
            return None
        key = entry_of(&self.exporters, number)
        if key[self.exporters.n_words - 1] & 1:
            return None
        return PyBytes_FromStringAndSize(<const char*> key, self.exporter.keys[0].width)


def ingress_rows(Chunk chunk not None, Py_ssize_t direction):
    """Which rows are not egress: (a flag for each, how many are egress, how many do not say).

    `direction` is the column of flowDirection, u8: 0 is ingress, 1 egress.
    """
    cdef const ColumnRef* ref = number_column(chunk, direction, "u8")
    cdef Py_ssize_t i, row, n_egress = 0, unsaid = 0
    cdef bytes flags = PyBytes_FromStringAndSize(NULL, chunk.window.rows)
    cdef char* to = <char*> flags
    # Bounds: the window's rows.
    for i in range(chunk.window.rows):
        row = chunk.window.start + i
        to[i] = 1
        if ref == NULL or is_null(ref, row):
            unsaid += 1
        elif ref.data[row] == 1:
            to[i] = 0
            n_egress += 1
    return flags, n_egress, unsaid
