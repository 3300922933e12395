# cython: language_level=3
"""Keys of rows: columns of any type as words of 64 bits, hashed, and an index that finds them again."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from flowparse._part cimport ColumnRef
from flowparse._values cimport Chunk

cdef enum:
    BLOCK = 256                 # rows at a time: their words stay in the first cache
    MOST_WORDS = 64             # of a key, the one for nulls included
    NOT_FOUND = 0xFFFFFFFF
    MANY_SLOTS = 1 << 16        # beyond these, a slot may be far from the processor

cdef enum KeyKind:
    KEY_FIXED = 0
    KEY_BITS = 1                # a bit a value
    KEY_TEXT = 2                # variable: numbers that stand for the values
    KEY_BUCKET = 3              # of a time: the first of up to three columns that has one

cdef struct Key:
    int kind
    int width                   # octets of a value
    int word                    # where its words begin
    int words
    int shift                   # bits; narrow columns share a word, and the first of them has 0
    uint64_t mask               # its bits of each word
    const ColumnRef* refs[3]    # NULL: the rows have no such column
    bint all_null               # whatever else is said of it
    const uint64_t* numbers     # KEY_TEXT
    int64_t every_ns            # KEY_BUCKET

cdef struct Words:              # the keys of a block, a word of all rows after the other; the last has bits of nulls
    uint64_t of[MOST_WORDS][BLOCK]
    uint64_t hash[BLOCK]
    uint64_t differ             # a bit for each word that is not the same in all rows

cdef struct Index:              # keys found by hash: open addressing, never more than three quarters full
    uint32_t* slots             # number of the key plus one, and in the bits above `mask` those of its hash; 0: free
    uint32_t mask
    uint64_t differ             # a bit for each word that is not the same in all keys
    uint64_t* hashes            # by number
    uint64_t* entries           # by number, `stride` words each: n_words of key, then what the owner keeps with it
    size_t n
    size_t room                 # keys for which there is memory
    int n_words
    int stride

cdef void fill_words(const Key* keys, int n_keys, int n_words, Py_ssize_t row, int n, Words* words) noexcept nogil
cdef void hash_words(int n_words, int n, Words* words) noexcept nogil
cdef int narrow_word(const Index* index, const Words* words) noexcept nogil
cdef void fetch_words(const Key* keys, int n_keys, Py_ssize_t row, Py_ssize_t end) noexcept nogil
cdef int open_index(Index* index, int n_words, int n_kept, size_t expected) noexcept nogil
cdef void close_index(Index* index) noexcept nogil
cdef uint32_t add_key(Index* index, const Words* words, int i) noexcept nogil
cdef const ColumnRef* number_column(Chunk chunk, Py_ssize_t column, str type) except? NULL


cdef extern from *:
    """
    #if defined(__GNUC__)
    #define fp_prefetch(at) __builtin_prefetch(at)
    #else
    #define fp_prefetch(at) ((void)(at))
    #endif
    """
    void prefetch "fp_prefetch"(const void* at) noexcept nogil


cdef inline void fetch(const void* data, Py_ssize_t width, Py_ssize_t row, Py_ssize_t end) noexcept nogil:
    """Ask for the memory of rows that are read soon: it comes while others are worked on."""
    cdef const uint8_t* at = <const uint8_t*> data + row * width
    cdef Py_ssize_t i = 0
    # Progress: `i` grows by a line of the cache. Bounds: nothing is read.
    while i < (end - row) * width:
        prefetch(at + i)
        i += 64


cdef inline uint64_t* entry_of(const Index* index, size_t number) noexcept nogil:
    """The key of this number, and behind it what its owner keeps, which is 0 at first."""
    return index.entries + number * index.stride


cdef inline bint is_key(const Index* index, size_t number, const Words* words, int i) noexcept nogil:
    """Whether the block's i-th key is that of this number."""
    cdef const uint64_t* key = entry_of(index, number)
    cdef uint64_t differs = 0
    cdef int k
    for k in range(index.n_words):
        differs |= key[k] ^ words.of[k][i]
    return differs == 0


cdef inline uint32_t likely_key(const Index* index, uint64_t hash) noexcept nogil:
    """The number of the first key whose hash looks like this one, or NOT_FOUND: no entry is looked at."""
    cdef uint32_t mask = index.mask, tag = hash >> 32
    cdef size_t at = hash & mask
    # Progress: one slot further each turn; some are free.
    while (index.slots[at] ^ tag) & ~mask and index.slots[at]:
        at = (at + 1) & mask
    return (index.slots[at] & mask) - 1


cdef inline uint32_t find_key(const Index* index, const Words* words, int i) noexcept nogil:
    """The number of the block's i-th key, or NOT_FOUND."""
    cdef uint32_t mask = index.mask, tag = words.hash[i] >> 32
    cdef size_t at = words.hash[i] & mask
    # Progress: one slot further each turn; some are free.
    while index.slots[at]:
        # Bounds: a slot has the number of a key, plus one.
        if not (index.slots[at] ^ tag) & ~mask and is_key(index, (index.slots[at] & mask) - 1, words, i):
            return (index.slots[at] & mask) - 1
        at = (at + 1) & mask
    return NOT_FOUND


cdef class KeySet:
    cdef readonly tuple types           # ColumnType of each key; a bucket is of type "time"
    cdef Key* keys
    cdef int n_keys
    cdef int n_words
    cdef list texts                     # per key: None, or {octets: number}
    cdef list held                      # numbers of the chunk that is bound
    cdef int bind(self, Chunk chunk, columns) except -1
    cdef int number_texts(self, int i, Chunk chunk) except -1
