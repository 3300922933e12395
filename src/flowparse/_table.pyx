# cython: boundscheck=False, wraparound=False, cdivision=True
"""Group-sum and top-k over chunks of flows, without a Python object for a row.

A row's key is found in an index (_keys) and the row is added to that key's sums; how many groups there
are decides the memory, and rows never do. Sums stop at 2**64 - 1 and do not wrap.

Estimates: https://sflow.org/packetSamplingBasics/ says that a count of c samples is off by at most
196 * sqrt(1 / c) percent, with 95 % confidence. For rows of several rates r that becomes 196 *
sqrt(sum(r * r * packets)) / sum(r * packets), in which rows that are not sampled add to the second sum.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree, PyMem_RawRealloc
from libc.math cimport sqrt
from libc.stdint cimport UINT64_MAX, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from flowparse._keys cimport (
    BLOCK, MANY_SLOTS, NOT_FOUND, Index, KeySet, Words, add_key, close_index, entry_of, fetch, fetch_words, fill_words,
    find_key, hash_words, is_key, likely_key, narrow_word, number_column, open_index, prefetch,
)
from flowparse._part cimport ColumnRef
from flowparse._show cimport is_null
from flowparse._values cimport Chunk

from flowparse._pack import octets_of_values
from flowparse.datatypes import Show

cdef enum:
    MEASURES = 6

cdef enum:                      # measures
    ROWS = 0
    BYTES = 1
    PACKETS = 2
    BYTES_ESTIMATED = 3
    PACKETS_ESTIMATED = 4
    WITHOUT_RATE = 5

cdef struct Sums:
    uint64_t of[MEASURES]       # in the order of MEASURE_NAMES
    double variance             # of packets_estimated

cdef struct Plain:              # of rows in one direction, as they were sent; with its key in a line of the cache
    uint64_t rows
    uint64_t bytes
    uint64_t packets

cdef struct Scaled:             # where rates differ, of rows with one: how many, and their estimates beyond `Plain`
    uint64_t rows
    uint64_t bytes
    uint64_t packets
    double variance

cdef enum:
    PLAIN_WORDS = 3             # of Plain
    STRIP = 64                  # rows whose slots and entries are on their way at a time

cdef struct Measured:           # the columns that are summed; NULL: the rows have none
    const ColumnRef* bytes
    const ColumnRef* packets
    const ColumnRef* rate

cdef struct Ranked:
    uint64_t value
    uint32_t number

MEASURE_NAMES = ("rows", "bytes", "packets", "bytes_estimated", "packets_estimated", "rows_without_rate")


cdef inline uint64_t plus(uint64_t a, uint64_t b) noexcept nogil:
    return a + b if a + b >= a else UINT64_MAX


cdef inline uint64_t times(uint64_t a, uint64_t b) noexcept nogil:
    return a * b if (a | b) >> 32 == 0 or b <= UINT64_MAX // (a if a else 1) else UINT64_MAX


cdef const uint64_t* wide_values(const ColumnRef* ref, Py_ssize_t row, int n, uint64_t* to) noexcept nogil:
    """Values of type u64, where they are or in `to`; 0 for null, or where there is no column."""
    # Bounds: rows row to row + n of the part, n <= BLOCK; `to` has n places.
    cdef const uint64_t* values
    cdef int i
    if ref == NULL:
        memset(to, 0, n * sizeof(uint64_t))
        return to
    values = <const uint64_t*> ref.data + row
    if ref.validity == NULL and <size_t> values % sizeof(uint64_t) == 0:
        return values
    memcpy(to, values, n * sizeof(uint64_t))
    if ref.validity != NULL:
        for i in range(n):
            if is_null(ref, row + i):
                to[i] = 0
    return to


cdef const uint32_t* rates_of(const ColumnRef* ref, Py_ssize_t row, int n, uint32_t* to) noexcept nogil:
    """Rates of rows, where they are or in `to`; 0 for null, or where there is no column."""
    # Bounds: as above.
    cdef const uint32_t* values
    cdef int i
    if ref == NULL:
        memset(to, 0, n * sizeof(uint32_t))
        return to
    values = <const uint32_t*> ref.data + row
    if ref.validity == NULL and <size_t> values % sizeof(uint32_t) == 0:
        return values
    memcpy(to, values, n * sizeof(uint32_t))
    if ref.validity != NULL:
        for i in range(n):
            if is_null(ref, row + i):
                to[i] = 0
    return to


cdef uint64_t bits_of(const uint64_t* a, const uint64_t* b, int n) noexcept nogil:
    """The bits that any of the values has."""
    cdef uint64_t bits = 0
    cdef int i
    for i in range(n):
        bits |= a[i] | b[i]
    return bits


cdef bint all_equal(const uint32_t* values, int n) noexcept nogil:
    cdef uint32_t differs = 0
    cdef int i
    for i in range(n):
        differs |= values[i] ^ values[0]
    return differs == 0


cdef inline double variance_of(uint32_t rate, uint64_t packets) noexcept nogil:
    """Of the estimate of so many packets, which were sampled at that rate; a rate of 1 is no sampling."""
    return <double> rate * <double> rate * <double> packets if rate > 1 else 0


cdef inline void add_plain(Plain* sums, uint64_t n_bytes, uint64_t packets) noexcept nogil:
    sums.rows += 1
    sums.bytes = plus(sums.bytes, n_bytes)
    sums.packets = plus(sums.packets, packets)


cdef inline void add_scaled(Scaled* sums, uint64_t n_bytes, uint64_t packets, uint32_t rate) noexcept nogil:
    sums.rows += 1
    if rate > 1:
        sums.bytes = plus(sums.bytes, times(n_bytes, rate) - n_bytes)
        sums.packets = plus(sums.packets, times(packets, rate) - packets)
        sums.variance += variance_of(rate, packets)


cdef void order_pairs(Words* words, uint8_t* swapped, int n) noexcept nogil:
    """Put the lesser of two addresses first: words 0 and 1, then 2 and 3, and their null bits in word 4."""
    cdef int i, order
    cdef uint64_t word
    for i in range(n):
        order = memcmp(&words.of[0][i], &words.of[2][i], 8)
        if order == 0:
            order = memcmp(&words.of[1][i], &words.of[3][i], 8)
        if order == 0:
            order = <int> (words.of[4][i] & 1) - <int> (words.of[4][i] >> 1 & 1)
        swapped[i] = order > 0
        if swapped[i]:
            word = words.of[0][i]
            words.of[0][i] = words.of[2][i]
            words.of[2][i] = word
            word = words.of[1][i]
            words.of[1][i] = words.of[3][i]
            words.of[3][i] = word
            words.of[4][i] = (words.of[4][i] & 1) << 1 | (words.of[4][i] >> 1 & 1)


cdef const char* flags_of(keep, Py_ssize_t rows) except? NULL:
    """A flag for each row, or NULL for None."""
    if keep is None:
        return NULL
    if len(<bytes> keep) != rows:
        raise ValueError(f"{len(keep)} flags for {rows} rows")
    return <const char*> <bytes> keep


cdef const ColumnRef* present_column(Chunk chunk, Py_ssize_t column, str type) except? NULL:
    """The chunk's column, of that type; NULL also where all of it is null."""
    cdef const ColumnRef* ref = number_column(chunk, column, type)
    if ref != NULL and ref.null_count == chunk.window.part.rows:
        return NULL
    return ref


# ── groups ───────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef class Groups:
    """What rows of the same key add up to; groups are numbered in the order of their first row.

    Parameters
    ----------
    keys : KeySet
    pairs : bool
        The key is two addresses, and rows of either direction are one group with sums for each: way 0
        is from the lesser address to the greater.
    """

    cdef KeySet keys
    cdef Index index
    cdef uint64_t n_rows
    cdef uint64_t n_rated       # of them those with a rate
    cdef uint64_t most          # no sum is greater
    cdef uint32_t rate          # of all rows, as long as they agree; 0: none
    cdef bint is_mixed          # they do not: what each rate adds is kept in `scaled`
    cdef Scaled* scaled         # by group and way
    cdef size_t room            # groups for which there is one
    cdef Words* words           # too large for the stack of every thread
    cdef int ways

    def __cinit__(self, KeySet keys not None, bint pairs=False):
        if pairs and [type.name for type in keys.types] != ["address", "address"]:
            raise ValueError("pairs are of two addresses")
        self.keys = keys
        self.ways = 2 if pairs else 1
        self.words = <Words*> PyMem_RawCalloc(1, sizeof(Words))
        if self.words == NULL or open_index(&self.index, keys.n_words, self.ways * PLAIN_WORDS, 0) < 0:
            raise MemoryError()

    def __dealloc__(self):
        close_index(&self.index)
        PyMem_RawFree(self.scaled)
        PyMem_RawFree(self.words)

    def __len__(self):
        return self.index.n

    cdef int grow(self) noexcept nogil:
        """Room for what rates add, for as many groups as there is room for keys."""
        cdef size_t room = self.index.room
        cdef void* scaled = PyMem_RawRealloc(self.scaled, room * self.ways * sizeof(Scaled))
        if scaled == NULL:
            return -1
        self.scaled = <Scaled*> scaled
        memset(self.scaled + self.room * self.ways, 0, (room - self.room) * self.ways * sizeof(Scaled))
        self.room = room
        return 0

    cdef int mix(self) noexcept nogil:
        """Write out what the rate of all rows so far has added to their sums: the next rows have another."""
        cdef const Plain* plain
        cdef Scaled* scaled
        cdef size_t number
        cdef int way
        self.is_mixed = True
        if self.rate == 0 or self.index.n == 0:
            return 0
        if self.grow() < 0:
            return -1
        # Bounds: number < n <= room.
        for number in range(self.index.n):
            for way in range(self.ways):
                plain = self.plain(number) + way
                scaled = &self.scaled[number * self.ways + way]
                scaled.rows = plain.rows
                scaled.bytes = times(plain.bytes, self.rate) - plain.bytes
                scaled.packets = times(plain.packets, self.rate) - plain.packets
                scaled.variance = variance_of(self.rate, plain.packets)
        return 0

    cdef int add_rows(self, Py_ssize_t row, Py_ssize_t end, const char* keep, const Measured* measured) noexcept nogil:
        """Add rows of the part to which the keys are bound; `keep` has a flag for each from `row` on."""
        cdef Words* words = self.words
        cdef uint8_t[BLOCK] swapped
        cdef uint64_t[BLOCK] n_bytes_held
        cdef uint64_t[BLOCK] packets_held
        cdef uint32_t[BLOCK] rates_held
        cdef const uint64_t* n_bytes
        cdef const uint64_t* packets
        cdef const uint32_t* rates
        cdef int i, n, until, narrow, failed
        memset(swapped, 0, BLOCK)
        # Progress: `row` grows by n >= 1.
        while row < end:
            n = <int> min(BLOCK, end - row)
            fill_words(self.keys.keys, self.keys.n_keys, self.keys.n_words, row, n, words)
            if self.ways == 2:
                order_pairs(words, swapped, n)
            hash_words(self.keys.n_words, n, words)
            n_bytes = wide_values(measured.bytes, row, n, n_bytes_held)
            packets = wide_values(measured.packets, row, n, packets_held)
            self.most = plus(self.most, times(bits_of(n_bytes, packets, n), n))
            if not self.is_mixed:
                rates = rates_of(measured.rate, row, n, rates_held)
                if self.n_rows == 0:
                    self.rate = rates[0]
                if (rates[0] != self.rate or not all_equal(rates, n)) and self.mix() < 0:
                    return -1
            if self.is_mixed:
                rates = rates_of(measured.rate, row, n, rates_held)
            narrow = -1
            if keep == NULL and self.ways == 1 and not self.is_mixed and self.most < UINT64_MAX:
                narrow = narrow_word(&self.index, words)
            i = 0
            # Progress: `i` grows by STRIP.
            while i < n:
                until = min(n, i + STRIP)
                self.fetch_rows(measured, min(end, row + BLOCK + i), min(end, row + BLOCK + i + STRIP))
                if narrow >= 0:
                    failed = self.add_narrow(i, until, narrow, n_bytes, packets)
                else:
                    failed = self.add_strip(i, until, swapped, n_bytes, packets, rates, keep)
                if failed < 0:
                    return -1
                i = until
            row += n
            if keep != NULL:
                keep += n
        return 0

    cdef void fetch_rows(self, const Measured* measured, Py_ssize_t row, Py_ssize_t end) noexcept nogil:
        """Ask for the columns of rows of the next block."""
        fetch_words(self.keys.keys, self.keys.n_keys, row, end)
        if measured.bytes != NULL:
            fetch(measured.bytes.data, sizeof(uint64_t), row, end)
        if measured.packets != NULL:
            fetch(measured.packets.data, sizeof(uint64_t), row, end)

    cdef int add_narrow(
        self, int start, int end, int word, const uint64_t* n_bytes, const uint64_t* packets,
    ) noexcept nogil:
        """As `add_strip`, where keys differ in one word only, all rows count, and no sum can reach its end."""
        # Bounds: start < end <= BLOCK, end - start <= STRIP.
        cdef Index* index = &self.index
        cdef const Words* words = self.words
        cdef const uint64_t* keys = words.of[word]
        cdef int n_words = index.n_words, i
        cdef uint32_t[STRIP] likely
        cdef uint32_t number
        cdef uint64_t* entry
        cdef Plain* sums
        if index.mask >= MANY_SLOTS:
            for i in range(start, end):
                prefetch(&index.slots[words.hash[i] & index.mask])
        for i in range(start, end):
            number = likely_key(index, words.hash[i])
            # Any entry will do where there is none: keys are compared.
            likely[i - start] = number if number != NOT_FOUND else 0
            prefetch(entry_of(index, likely[i - start]))
        for i in range(start, end):
            # Bounds: the index has a key or more, or `narrow_word` had not found a word.
            entry = entry_of(index, likely[i - start])
            if entry[word] != keys[i]:
                number = self.number_of(i)
                if number == NOT_FOUND:
                    return -1
                entry = entry_of(index, number)
            sums = <Plain*> (entry + n_words)
            sums.rows += 1
            sums.bytes += n_bytes[i]
            sums.packets += packets[i]
        self.n_rows += end - start
        if self.rate:
            self.n_rated += end - start
        return 0

    cdef int add_strip(
        self, int start, int end, const uint8_t* swapped, const uint64_t* n_bytes, const uint64_t* packets,
        const uint32_t* rates, const char* keep,
    ) noexcept nogil:
        """Add rows start to end of a block.

        What they need of memory is asked for before it is used: first the slots, then the entries that those
        name, of which all but one in thousands are the right ones.
        """
        # Bounds: start < end <= BLOCK, end - start <= STRIP.
        cdef Index* index = &self.index
        cdef const Words* words = self.words
        cdef uint32_t[STRIP] likely
        cdef uint32_t number
        cdef int i
        if index.mask >= MANY_SLOTS:
            for i in range(start, end):
                prefetch(&index.slots[words.hash[i] & index.mask])
        for i in range(start, end):
            number = likely_key(index, words.hash[i])
            likely[i - start] = number
            prefetch(entry_of(index, number if number != NOT_FOUND else 0))
        for i in range(start, end):
            if keep != NULL and not keep[i]:
                continue
            number = likely[i - start]
            if number == NOT_FOUND or not is_key(index, number, words, i):
                number = self.number_of(i)
                if number == NOT_FOUND:
                    return -1
            # Bounds: an entry has a Plain for each way behind its key.
            add_plain(self.plain(number) + swapped[i], n_bytes[i], packets[i])
            self.n_rows += 1
            if rates[i]:
                self.n_rated += 1
                if self.is_mixed:
                    if number >= self.room and self.grow() < 0:
                        return -1
                    # Bounds: number < room.
                    add_scaled(&self.scaled[<size_t> number * self.ways + swapped[i]], n_bytes[i], packets[i], rates[i])
        return 0

    cdef uint32_t number_of(self, int i) noexcept nogil:
        """The number of the block's i-th key, which is new if it is not there; NOT_FOUND without memory."""
        cdef uint32_t number = find_key(&self.index, self.words, i)
        return number if number != NOT_FOUND else add_key(&self.index, self.words, i)

    cdef inline Plain* plain(self, size_t number) noexcept nogil:
        return <Plain*> (entry_of(&self.index, number) + self.index.n_words)

    def add(
        self, Chunk chunk not None, columns, Py_ssize_t octets=-1, Py_ssize_t packets=-1, Py_ssize_t rate=-1, keep=None,
    ):
        """Add a chunk's rows.

        Parameters
        ----------
        chunk : Chunk
        columns : sequence of int or tuple of int
            For each key its column; for a bucket of time up to three, of which the first that is not null counts.
        octets, packets, rate : int
            Columns of type u64, u64 and u32; -1: there is none.
        keep : bytes or None
            A flag for each row; rows with 0 are left out.
        """
        cdef Measured measured
        cdef const char* flags = flags_of(keep, chunk.window.rows)
        cdef Py_ssize_t start = chunk.window.start, end = chunk.window.start + chunk.window.rows
        cdef int failed
        measured.bytes = present_column(chunk, octets, "u64")
        measured.packets = present_column(chunk, packets, "u64")
        measured.rate = present_column(chunk, rate, "u32")
        self.keys.bind(chunk, columns)
        with nogil:
            failed = self.add_rows(start, end, flags, &measured)
        if failed < 0:
            raise MemoryError()

    cdef Sums of_way(self, size_t number, int way) noexcept nogil:
        """The sums of a group in one direction."""
        cdef Sums sums
        cdef const Plain* plain = self.plain(number) + way
        cdef Scaled scaled
        memset(&scaled, 0, sizeof(Scaled))
        if not self.is_mixed and self.rate:
            scaled.rows = plain.rows
            scaled.bytes = times(plain.bytes, self.rate) - plain.bytes
            scaled.packets = times(plain.packets, self.rate) - plain.packets
            scaled.variance = variance_of(self.rate, plain.packets)
        elif number < self.room:
            scaled = self.scaled[number * self.ways + way]
        sums.of[ROWS] = plain.rows
        sums.of[BYTES] = plain.bytes
        sums.of[PACKETS] = plain.packets
        # Sums that stop at the same number, in whatever order they are made.
        sums.of[BYTES_ESTIMATED] = plus(plain.bytes, scaled.bytes)
        sums.of[PACKETS_ESTIMATED] = plus(plain.packets, scaled.packets)
        sums.of[WITHOUT_RATE] = plain.rows - scaled.rows
        sums.variance = scaled.variance
        return sums

    cdef Sums both(self, size_t number) noexcept nogil:
        """The sums of a group, of both directions where there are two."""
        cdef Sums sums = self.of_way(number, 0)
        cdef Sums other
        cdef int k
        if self.ways == 2:
            other = self.of_way(number, 1)
            for k in range(MEASURES):
                sums.of[k] = plus(sums.of[k], other.of[k])
            sums.variance += other.variance
        return sums

    cdef inline uint64_t value_of(self, size_t number, int measure) noexcept nogil:
        """One of the sums that `both` gives; of those as sent without the others."""
        cdef const uint64_t* plain = <const uint64_t*> self.plain(number)
        if measure > PACKETS:
            return self.both(number).of[measure]
        # Bounds: a Plain begins with its rows, bytes and packets, and there is one for each way.
        return plain[measure] if self.ways == 1 else plus(plain[measure], plain[PLAIN_WORDS + measure])

    def top(self, int measure, Py_ssize_t n):
        """Numbers of the n groups with most of a measure, by index in MEASURE_NAMES; of equals the one seen first."""
        cdef Py_ssize_t held = min(n, <Py_ssize_t> self.index.n), at
        cdef size_t number
        cdef Ranked candidate, least
        cdef Ranked* heap
        cdef list ranked = []
        if not 0 <= measure < MEASURES:
            raise IndexError(f"no measure {measure}")
        if held <= 0:
            return ranked
        heap = <Ranked*> PyMem_RawCalloc(held, sizeof(Ranked))
        if heap == NULL:
            raise MemoryError()
        with nogil:
            for number in range(self.index.n):
                candidate.value = self.value_of(number, measure)
                candidate.number = <uint32_t> number
                if number < <size_t> held:
                    at = number
                    # Progress: `at` falls towards 0.
                    while at > 0 and is_less(&candidate, &heap[(at - 1) // 2]):
                        heap[at] = heap[(at - 1) // 2]
                        at = (at - 1) // 2
                    heap[at] = candidate
                elif is_less(&heap[0], &candidate):
                    sift(heap, held, candidate)
        # Progress: one fewer in the heap each turn, its least.
        while held > 0:
            ranked.append(heap[0].number)
            held -= 1
            if held:
                least = heap[held]
                sift(heap, held, least)
        PyMem_RawFree(heap)
        ranked.reverse()
        return ranked

    def rows(self):
        """How many rows were added, and how many of them have no sampling rate."""
        return self.n_rows, self.n_rows - self.n_rated

    def sums_of(self, numbers, int way=-1):
        """Sums of groups as columns: (validity, None, data) for each of MEASURE_NAMES, and for the percent error.

        `way` is a direction of pairs, 0 or 1; -1 is both.
        """
        cdef Py_ssize_t n = len(numbers), i
        cdef size_t group
        cdef int k
        cdef Sums sums
        cdef list columns = [PyBytes_FromStringAndSize(NULL, n * sizeof(uint64_t)) for _ in range(MEASURES + 1)]
        cdef uint64_t* to[MEASURES + 1]
        cdef double error
        cdef list known = []
        if not -1 <= way < self.ways:
            raise IndexError(f"no way {way}")
        for k in range(MEASURES + 1):
            to[k] = <uint64_t*> <char*> <bytes> columns[k]
        # Bounds: i < n, in columns of n values.
        for i, number in enumerate(numbers):
            group = self.checked(number)
            sums = self.both(group) if way < 0 else self.of_way(group, way)
            for k in range(MEASURES):
                to[k][i] = sums.of[k]
            known.append(sums.of[WITHOUT_RATE] < sums.of[ROWS] and sums.of[PACKETS_ESTIMATED] > 0)
            error = 196 * sqrt(sums.variance) / <double> sums.of[PACKETS_ESTIMATED] if known[i] else 0
            memcpy(&to[MEASURES][i], &error, sizeof(double))
        return [(None, None, column) for column in columns[:MEASURES]] + [(bitmap_of(known), None, columns[MEASURES])]

    def keys_of(self, numbers):
        """Keys of groups as columns: (validity, offsets, data), or None where all are null."""
        cdef Py_ssize_t n = len(numbers), i
        cdef const uint64_t* key
        cdef uint64_t narrow
        cdef int width
        cdef char* to
        columns = []
        for k, type in enumerate(self.keys.types):
            width = type.width
            present = [
                not entry_of(&self.index, self.checked(number))[self.index.n_words - 1] >> <int> k & 1
                for number in numbers
            ]
            if not any(present):
                columns.append(None)
                continue
            if type.width == 0 or type.show == Show.BOOLEAN:
                texts = list(self.keys.texts[k]) if type.width == 0 else (False, True)
                words = [
                    entry_of(&self.index, number)[self.keys.keys[<int> k].word]
                    for number in numbers
                ]
                values = [texts[word] if there else None for word, there in zip(words, present)]
                columns.append(octets_of_values(type, values))
                continue
            data = PyBytes_FromStringAndSize(NULL, n * width)
            to = <char*> <bytes> data
            # Bounds: n values of the width, which the key's words have. Memory is little-endian, as everywhere here.
            for i in range(n):
                key = entry_of(&self.index, numbers[i]) + self.keys.keys[<int> k].word
                narrow = key[0] >> self.keys.keys[<int> k].shift        # 0 where it has a word of its own
                memcpy(to + i * width, &narrow if width <= 4 else <const void*> key, width)
            columns.append((bitmap_of(present), None, data))
        return columns

    cdef size_t checked(self, number) except? 0xFFFFFFFF:
        if not 0 <= number < self.index.n:
            raise IndexError(f"no group {number}")
        return number


cdef bint is_less(const Ranked* a, const Ranked* b) noexcept nogil:
    return a.value < b.value or (a.value == b.value and a.number > b.number)


cdef void sift(Ranked* heap, Py_ssize_t n, Ranked new) noexcept nogil:
    """Replace the least of n."""
    cdef Py_ssize_t at = 0, child
    # Progress: `at` grows. Bounds: child < n.
    while 2 * at + 1 < n:
        child = 2 * at + 1
        if child + 1 < n and is_less(&heap[child + 1], &heap[child]):
            child += 1
        if not is_less(&heap[child], &new):
            break
        heap[at] = heap[child]
        at = child
    heap[at] = new


cdef bitmap_of(list flags):
    """A bitmap of the flags, None where all are set."""
    if all(flags):
        return None
    bitmap = bytearray((len(flags) + 7) >> 3)
    for i, flag in enumerate(flags):
        if flag:
            bitmap[i >> 3] |= 1 << (i & 7)
    return bytes(bitmap)
