# cython: boundscheck=False, wraparound=False, cdivision=True
"""Keys of rows: columns of any type as words of 64 bits, hashed, and an index that finds them again.

A block of rows is turned into words a column at a time, and hashed a word at a time; then each row is
looked up. A null is a bit of the last word, so that it equals null and nothing else. Hashes are keyed
with the process's own secret: whoever writes addresses into datagrams cannot choose where they fall.
Results never depend on it, as keys are numbered in the order of their first row.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_RawCalloc, PyMem_RawFree, PyMem_RawRealloc
from libc.stdint cimport UINT64_MAX, uint16_t
from libc.string cimport memcpy, memset

from flowparse._show cimport is_null

from flowparse.datatypes import Show

cdef extern from *:
    """
    #if defined(__SIZEOF_INT128__)
    static inline uint64_t fp_folded(uint64_t a, uint64_t b) {
        unsigned __int128 product = (unsigned __int128)a * b;
        return (uint64_t)product ^ (uint64_t)(product >> 64);
    }
    #elif defined(_MSC_VER) && defined(_M_X64)
    #include <intrin.h>
    static inline uint64_t fp_folded(uint64_t a, uint64_t b) {
        uint64_t high, low = _umul128(a, b, &high);
        return low ^ high;
    }
    #else
    static inline uint64_t fp_folded(uint64_t a, uint64_t b) {
        uint64_t low = a * b, cross = (a >> 32) * (uint32_t)b + (((a & 0xFFFFFFFFu) * (uint32_t)b) >> 32);
        uint64_t high = (a >> 32) * (b >> 32) + (cross >> 32)
            + (((a & 0xFFFFFFFFu) * (b >> 32) + (cross & 0xFFFFFFFFu)) >> 32);
        return low ^ high;
    }
    #endif
    """
    uint64_t folded "fp_folded"(uint64_t a, uint64_t b) noexcept nogil

# Odd constants of xxHash and SplitMix64, stirred with the hash of a str, which the interpreter keys for each process.
cdef uint64_t SECRET = <uint64_t> (hash("flowparse") & 0xFFFFFFFFFFFFFFFF) ^ <uint64_t> 0x9E3779B185EBCA87
cdef uint64_t FACTOR = <uint64_t> (hash("esrapwolf") & 0xFFFFFFFFFFFFFFFF) | 1
cdef uint64_t STEP = <uint64_t> (hash("parseflow") & 0xFFFFFFFFFFFFFFFF) | 1

cdef size_t MOST_SLOTS = <size_t> 1 << 31       # so that a bit of the hash is left in a slot of 32


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────────
# Bounds: rows row to row + n of the part, n <= BLOCK; `to` has n places.

cdef void load_narrow(const Key* key, Py_ssize_t row, int n, uint64_t* to) noexcept nogil:
    """Put values of 1, 2 or 4 octets in their place in the word; the first clears it."""
    cdef const uint8_t* narrow = key.refs[0].data + row
    cdef const uint16_t* wide = <const uint16_t*> key.refs[0].data + row
    cdef const uint32_t* wider = <const uint32_t*> key.refs[0].data + row
    cdef int i, shift = key.shift
    if shift == 0:
        memset(to, 0, n * sizeof(uint64_t))
    if key.width == 1:
        for i in range(n):
            to[i] |= <uint64_t> narrow[i] << shift
    elif key.width == 2:
        for i in range(n):
            to[i] |= <uint64_t> wide[i] << shift
    else:
        for i in range(n):
            to[i] |= <uint64_t> wider[i] << shift


cdef void load_octets(const ColumnRef* ref, Py_ssize_t row, int n, int width, int at, uint64_t* to) noexcept nogil:
    """Octets `at` to at + 8 of each value, as far as there are any."""
    cdef const uint8_t* value = ref.data + row * width + at
    cdef int i, octets = min(8, width - at)
    if octets == 8:
        for i in range(n):
            memcpy(&to[i], value + i * width, 8)
    else:
        for i in range(n):
            to[i] = 0
            memcpy(&to[i], value + i * width, octets)


cdef void load_addresses(const ColumnRef* ref, Py_ssize_t row, int n, uint64_t* upper, uint64_t* lower) noexcept nogil:
    cdef const uint8_t* value = ref.data + row * 16
    cdef int i
    for i in range(n):
        memcpy(&upper[i], value + i * 16, 8)
        memcpy(&lower[i], value + i * 16 + 8, 8)


cdef int64_t FIRST_FLOORED = -(<int64_t> 1 << 62)


cdef int64_t floored(int64_t time_ns, int64_t every_ns) noexcept nogil:
    """The start of the interval that the time is in."""
    cdef int64_t rest = time_ns % every_ns
    if rest < 0:
        rest += every_ns
    # The interval of an earlier time could begin before what 64 bits can say.
    return time_ns - rest if time_ns >= FIRST_FLOORED else time_ns


cdef void fill_buckets(
    const Key* key, Py_ssize_t row, int n, uint64_t* to, uint64_t* nulls, uint64_t bit,
) noexcept nogil:
    cdef int i, k
    for i in range(n):
        to[i] = 0
        nulls[i] |= bit
        for k in range(3):
            if key.refs[k] != NULL and not is_null(key.refs[k], row + i):
                to[i] = <uint64_t> floored((<const int64_t*> key.refs[k].data)[row + i], key.every_ns)
                nulls[i] &= ~bit
                break


cdef void fill_key(const Key* key, Py_ssize_t row, int n, Words* words, uint64_t* nulls, uint64_t bit) noexcept nogil:
    cdef const ColumnRef* ref = key.refs[0]
    cdef uint64_t* to = words.of[key.word]
    cdef int i, k
    if key.kind == KEY_BUCKET:
        fill_buckets(key, row, n, to, nulls, bit)
        return
    if key.all_null:
        for k in range(key.words):
            if key.shift == 0:
                memset(words.of[key.word + k], 0, n * sizeof(uint64_t))
        for i in range(n):
            nulls[i] |= bit
        return
    if key.kind == KEY_TEXT:
        memcpy(to, key.numbers + row, n * sizeof(uint64_t))
    elif key.kind == KEY_BITS:
        for i in range(n):
            to[i] = ref.data[(row + i) >> 3] >> ((row + i) & 7) & 1
    elif key.width in (1, 2, 4):
        load_narrow(key, row, n, to)
    elif key.width == 16:
        load_addresses(ref, row, n, to, words.of[key.word + 1])
    else:
        for k in range(key.words):
            load_octets(ref, row, n, key.width, 8 * k, words.of[key.word + k])
    if ref.validity != NULL:
        for i in range(n):
            if is_null(ref, row + i):
                nulls[i] |= bit
                for k in range(key.words):
                    words.of[key.word + k][i] &= ~key.mask


cdef void fill_words(const Key* keys, int n_keys, int n_words, Py_ssize_t row, int n, Words* words) noexcept nogil:
    """Write the words of rows `row` to row + n of the part."""
    cdef uint64_t* nulls = words.of[n_words - 1]
    cdef int k
    memset(nulls, 0, n * sizeof(uint64_t))
    for k in range(n_keys):
        fill_key(&keys[k], row, n, words, nulls, <uint64_t> 1 << k)


cdef void fetch_words(const Key* keys, int n_keys, Py_ssize_t row, Py_ssize_t end) noexcept nogil:
    """Ask for the columns of rows whose words are filled soon."""
    cdef int k
    for k in range(n_keys):
        if keys[k].kind in (KEY_FIXED, KEY_BUCKET) and keys[k].refs[0] != NULL and not keys[k].all_null:
            fetch(keys[k].refs[0].data, keys[k].width, row, end)


cdef void hash_words(int n_words, int n, Words* words) noexcept nogil:
    """Hash the keys of a block: the sum of its words, each multiplied and folded under a secret of its own.

    So a word that all rows have in common, such as the one for nulls or the upper half of an IPv4 address,
    is multiplied once.
    """
    cdef uint64_t* hash = words.hash
    cdef const uint64_t* word
    cdef uint64_t secret = SECRET, factor = FACTOR, common = 0, differs
    cdef int i, k
    cdef bint is_begun = False
    words.differ = 0
    for k in range(n_words):
        word = words.of[k]
        secret += STEP
        factor = (factor ^ secret) | 1
        differs = 0
        for i in range(n):
            differs |= word[i] ^ word[0]
        if differs == 0:
            common += folded(word[0] ^ secret, factor)
            continue
        words.differ |= <uint64_t> 1 << k
        if is_begun:
            for i in range(n):
                hash[i] += folded(word[i] ^ secret, factor)
        else:
            is_begun = True
            for i in range(n):
                hash[i] = folded(word[i] ^ secret, factor)
    if is_begun:
        for i in range(n):
            hash[i] += common
    else:
        for i in range(n):
            hash[i] = common


cdef int narrow_word(const Index* index, const Words* words) noexcept nogil:
    """The only word in which keys of the index and of the block differ from each other; -1: there are more.

    Of IPv4 addresses it is the lower half.
    """
    cdef uint64_t differ = index.differ | words.differ
    cdef int k, word = -1
    if index.n == 0:
        return -1
    for k in range(index.n_words):
        if differ >> k & 1 or entry_of(index, 0)[k] != words.of[k][0]:
            if word >= 0:
                return -1
            word = k
    return max(word, 0)


# ── the index ────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef int open_index(Index* index, int n_words, int n_kept, size_t expected) noexcept nogil:
    """An index with room for `expected` keys before it has to grow, and n_kept words with each; -1 without memory."""
    cdef size_t slots = 1024
    memset(index, 0, sizeof(Index))
    # Progress: `slots` doubles.
    while 3 * slots < 4 * expected and slots < MOST_SLOTS:
        slots *= 2
    index.n_words = n_words
    index.stride = n_words + n_kept
    # An address and its sums are 6 words, and in 8 they lie within a line of the cache: memory begins 0 or 16 octets
    # behind one.
    if index.stride == 6:
        index.stride = 8
    index.mask = <uint32_t> (slots - 1)
    index.slots = <uint32_t*> PyMem_RawCalloc(slots, sizeof(uint32_t))
    return -1 if index.slots == NULL else 0


cdef void close_index(Index* index) noexcept nogil:
    PyMem_RawFree(index.slots)
    PyMem_RawFree(index.hashes)
    PyMem_RawFree(index.entries)
    memset(index, 0, sizeof(Index))


cdef void put_number(uint32_t* slots, uint32_t mask, uint64_t hash, uint32_t number) noexcept nogil:
    cdef size_t at = hash & mask
    # Progress: one slot further each turn; some are free.
    while slots[at] != 0:
        at = (at + 1) & mask
    # Bounds: number + 1 <= mask, as a quarter of the slots is free.
    slots[at] = (<uint32_t> (hash >> 32) & ~mask) | (number + 1)


cdef int grow_slots(Index* index) noexcept nogil:
    """Twice the slots, with every key in its new place; -1 without memory."""
    cdef uint32_t mask = 2 * index.mask + 1, k
    cdef uint32_t* slots = NULL
    if <size_t> index.mask + 1 < MOST_SLOTS:
        slots = <uint32_t*> PyMem_RawCalloc(<size_t> mask + 1, sizeof(uint32_t))
    if slots == NULL:
        return -1
    for k in range(<uint32_t> index.n):
        put_number(slots, mask, index.hashes[k], k)
    PyMem_RawFree(index.slots)
    index.slots = slots
    index.mask = mask
    return 0


cdef int grow_keys(Index* index) noexcept nogil:
    cdef size_t room = 512 if index.room == 0 else 2 * index.room
    cdef void* grown = PyMem_RawRealloc(index.hashes, room * sizeof(uint64_t))
    if grown == NULL:
        return -1
    index.hashes = <uint64_t*> grown
    grown = PyMem_RawRealloc(index.entries, room * index.stride * sizeof(uint64_t))
    if grown == NULL:
        return -1
    index.entries = <uint64_t*> grown
    index.room = room
    return 0


cdef uint32_t add_key(Index* index, const Words* words, int i) noexcept nogil:
    """Give the block's i-th key, which is not there, the next number; NOT_FOUND without memory."""
    cdef uint64_t hash = words.hash[i]
    cdef size_t number = index.n
    cdef uint64_t* key
    cdef int k
    if number == index.room and grow_keys(index) < 0:
        return <uint32_t> NOT_FOUND
    if 4 * (number + 1) > 3 * (<size_t> index.mask + 1) and grow_slots(index) < 0:
        return <uint32_t> NOT_FOUND
    put_number(index.slots, index.mask, hash, <uint32_t> number)
    index.hashes[number] = hash
    # Bounds: number < room, just made sure of.
    key = entry_of(index, number)
    memset(key, 0, index.stride * sizeof(uint64_t))
    for k in range(index.n_words):
        key[k] = words.of[k][i]
        if key[k] != index.entries[k]:
            index.differ |= <uint64_t> 1 << k
    index.n += 1
    return <uint32_t> number


cdef const ColumnRef* number_column(Chunk chunk, Py_ssize_t column, str type) except? NULL:
    """The chunk's column, of that type; NULL for -1."""
    if column < 0:
        return NULL
    if column >= len(chunk.layout.types) or chunk.layout.types[column].name != type:
        raise TypeError(f"column {column} is not of type {type}")
    return &chunk.window.part.columns[column]


# ── doors ────────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef class KeySet:
    """Which columns make a key, of whatever chunks.

    Parameters
    ----------
    types : sequence of ColumnType
        Of each column; a bucket of time is of type "time".
    every_ns : int
        The length of the intervals of a first key that is a bucket of time; 0: it is a column like others.
    """

    def __cinit__(self, types, every_ns=0):
        cdef int word = 0, shared = -1, used = 64
        cdef Key* key
        self.types = tuple(types)
        self.n_keys = len(self.types)
        if any(type.item for type in self.types):
            raise ValueError("a list is no key")
        if not 0 < self.n_keys < MOST_WORDS:
            raise ValueError("a key has 1 to 63 columns")
        if not 0 <= every_ns < 2**62:
            raise ValueError("an interval is from 1 ns to 146 years")
        self.keys = <Key*> PyMem_Malloc(self.n_keys * sizeof(Key))
        if self.keys == NULL:
            raise MemoryError()
        memset(self.keys, 0, self.n_keys * sizeof(Key))
        self.texts = [{} if type.width == 0 else None for type in self.types]
        for i, type in enumerate(self.types):
            key = &self.keys[i]
            key.width = type.width
            key.kind = KEY_TEXT if type.width == 0 else KEY_BITS if type.show == Show.BOOLEAN else KEY_FIXED
            key.words = max(1, (type.width + 7) // 8)
            key.mask = UINT64_MAX
            if key.kind == KEY_FIXED and type.width in (1, 2, 4):
                if used + 8 * type.width > 64:
                    shared, used = word, 0
                    word += 1
                key.word, key.shift = shared, used
                key.mask = ((<uint64_t> 1 << 8 * key.width) - 1) << key.shift
                used += 8 * type.width
            else:
                key.word = word
                word += key.words
        if every_ns:
            self.keys[0].kind = KEY_BUCKET
            self.keys[0].every_ns = every_ns
        self.n_words = word + 1
        if self.n_words > MOST_WORDS:
            raise ValueError("a key has at most 504 octets")

    def __dealloc__(self):
        PyMem_Free(self.keys)

    cdef int bind(self, Chunk chunk, columns) except -1:
        """Point the keys at a chunk's columns: for each key a column's index, for a bucket those of up to three."""
        cdef int k
        self.held = []
        for i, places in enumerate(columns):
            if isinstance(places, int):
                places = (places,)
            self.keys[i].refs = [NULL, NULL, NULL]
            for k, column in enumerate(places):
                if not (0 <= column < len(chunk.layout.types) and k < 3):
                    raise IndexError(f"no column {column}")
                if chunk.layout.types[column].width != self.types[i].width:
                    raise TypeError(f"column {chunk.layout.names[column]} is not of type {self.types[i].name}")
                self.keys[i].refs[k] = &chunk.window.part.columns[column]
            self.keys[i].all_null = (
                self.keys[i].refs[0] != NULL and self.keys[i].refs[0].null_count == chunk.window.part.rows
            )
            if self.keys[i].kind == KEY_TEXT:
                self.number_texts(i, chunk)
            elif self.keys[i].kind != KEY_BUCKET and self.keys[i].refs[0] == NULL:
                raise ValueError(f"key {i} has no column")
        return 0

    cdef int number_texts(self, int i, Chunk chunk) except -1:
        """Give each distinct value of a variable column a number: rare, so a dict does."""
        cdef dict known = self.texts[i]
        cdef const ColumnRef* ref = self.keys[i].refs[0]
        cdef Py_ssize_t row, end = chunk.window.start + chunk.window.rows
        cdef bytes numbers = PyBytes_FromStringAndSize(NULL, end * sizeof(uint64_t))
        cdef uint64_t* to = <uint64_t*> <char*> numbers
        # Bounds: rows of the part, which has an offset more.
        memset(to, 0, end * sizeof(uint64_t))
        for row in range(chunk.window.start, end):
            if not is_null(ref, row):
                value = (<const char*> ref.data)[ref.offsets[row]:ref.offsets[row + 1]]
                to[row] = known.setdefault(value, len(known))
        self.held.append(numbers)
        self.keys[i].numbers = to
        return 0
