# cython: boundscheck=False, wraparound=False, cdivision=True
"""Interfaces by ifIndex: how many flows and octets came in and went out, of each exporter.

Counted when a part is sealed, so that no row of a message that does not count is counted, and its
columns are in the cache. Most ifIndexes are small numbers: where an exporter has many rows side by side, they
are added up in an array by ifIndex, flows and octets in one number, before anything is looked up. Where
messages of many exporters come in turns, a table of each exporter leads from the last bits of an ifIndex to its entry.

ifIndex 0 is no interface. Where there is no room, a hand goes round the entries and takes the first that
was not heard of since it came by: as good as the least recent one, and keeps no order.
"""

cimport cython
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree, PyMem_RawMalloc, PyMem_RawRealloc
from libc.string cimport memcpy, memset

from flowparse._layout cimport CONTEXT_EXPORTER, CONTEXT_RECEIVED
from flowparse._part cimport Context, null_octets, values_of

cdef enum:
    FIRST_CAPACITY = 64
    FIRST_SHIFT = 58            # 64 buckets
    NONE = -1
    FLOWS_SHIFT = 44            # of a sum: octets below, flows from here on
    ROWS_OF_PORT = 2            # an array is worth it for so many rows of each ifIndex up to the highest

cdef uint64_t ONE_FLOW = <uint64_t> 1 << FLOWS_SHIFT
cdef uint64_t MOST_OCTETS = <uint64_t> 1 << 31      # of a flow; those of 8,192 rows fit 44 bits
cdef int64_t NO_TIME = -<int64_t> 0x7FFFFFFFFFFFFFFF - 1

# Addresses and ifIndexes are the sender's choice: buckets are keyed by hashes of a str, as those of templates are.
cdef uint64_t[3] FACTORS = [
    <uint64_t> (hash("exporter, first half") & 0xFFFFFFFFFFFFFFFF) | 1,
    <uint64_t> (hash("exporter, second half") & 0xFFFFFFFFFFFFFFFF) | 1,
    <uint64_t> (hash("ifIndex") & 0xFFFFFFFFFFFFFFFF) | 1,
]


cdef struct Exporter:           # of some rows, and when they were received
    const uint8_t* address
    bint known
    uint64_t hash
    int64_t last_ns


# ── entries ──────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef inline uint64_t hash_of(const uint8_t* address) noexcept nogil:
    """The sum of an address's halves, each times a secret; its first bits are as good as chance."""
    cdef uint64_t[2] halves
    memcpy(halves, address, ADDRESS_OCTETS)
    return halves[0] * FACTORS[0] + halves[1] * FACTORS[1]


cdef inline int32_t* bucket_of(const Interfaces* counts, uint64_t hash, uint32_t if_index) noexcept nogil:
    # Bounds: as many first bits as `capacity` has.
    return &counts.buckets[(hash + if_index * FACTORS[2]) >> counts.shift]


cdef inline bint is_address(const uint8_t* one, const uint8_t* other) noexcept nogil:
    cdef uint64_t[2] left, right
    memcpy(left, one, ADDRESS_OCTETS)
    memcpy(right, other, ADDRESS_OCTETS)
    return left[0] == right[0] and left[1] == right[1]


cdef inline bint is_entry(const Interface* entry, const Exporter* exporter, uint32_t if_index) noexcept nogil:
    return (
        entry.if_index == if_index and entry.known == exporter.known and is_address(entry.exporter, exporter.address)
    )


cdef void put_in_bucket(Interfaces* counts, int32_t i) noexcept nogil:
    cdef Interface* entry = &counts.entries[i]
    cdef int32_t* bucket = bucket_of(counts, hash_of(entry.exporter), entry.if_index)
    entry.next = bucket[0]
    bucket[0] = i


cdef inline Places* places_at(Interfaces* counts, uint64_t hash) noexcept nogil:
    return &counts.places[hash >> 56]           # Bounds: 8 bits are left, and EXPORTERS is 256.


cdef void take_from_bucket(Interfaces* counts, int32_t i) noexcept nogil:
    """Take an entry away from whatever leads to it."""
    cdef Interface* entry = &counts.entries[i]
    cdef uint64_t hash = hash_of(entry.exporter)
    cdef int32_t* link = bucket_of(counts, hash, entry.if_index)
    cdef int32_t* place = &places_at(counts, hash).entry[entry.if_index & (PLACES - 1)]
    # Progress: one entry further each turn; it is in its bucket.
    while link[0] != i:
        link = &counts.entries[link[0]].next
    link[0] = entry.next
    if place[0] == i:
        place[0] = NONE


cdef bint grow(Interfaces* counts) noexcept nogil:
    """Make room for more entries, twice as many; False without memory."""
    cdef int32_t capacity = FIRST_CAPACITY if counts.capacity == 0 else 2 * counts.capacity
    cdef Interface* entries = <Interface*> PyMem_RawRealloc(counts.entries, capacity * sizeof(Interface))
    cdef int32_t* buckets
    cdef int32_t i
    if entries == NULL:
        return False
    counts.entries = entries
    buckets = <int32_t*> PyMem_RawMalloc(capacity * sizeof(int32_t))
    if buckets == NULL:
        return False
    PyMem_RawFree(counts.buckets)
    counts.buckets = buckets
    counts.shift = FIRST_SHIFT if counts.capacity == 0 else counts.shift - 1
    counts.capacity = capacity
    memset(buckets, 0xFF, capacity * sizeof(int32_t))       # NONE
    for i in range(counts.n):
        put_in_bucket(counts, i)
    return True


cdef int32_t find(Interfaces* counts, const Exporter* exporter, uint32_t if_index) noexcept nogil:
    """The entry of an interface, made if there is none; NONE without memory."""
    cdef Interface* entry
    cdef int32_t i = NONE
    if counts.capacity:
        i = bucket_of(counts, exporter.hash, if_index)[0]
    # Progress: one entry further each turn.
    while i != NONE:
        entry = &counts.entries[i]
        if is_entry(entry, exporter, if_index):
            entry.recent = True
            return i
        i = entry.next
    if counts.n == counts.most:
        # Progress: one entry further each turn, and none is passed twice.
        while counts.entries[counts.hand].recent:
            counts.entries[counts.hand].recent = False
            counts.hand = counts.hand + 1 if counts.hand + 1 < counts.n else 0
        i = counts.hand
        counts.hand = counts.hand + 1 if counts.hand + 1 < counts.n else 0
        take_from_bucket(counts, i)
        counts.evicted += 1
    else:
        if counts.n == counts.capacity and not grow(counts):
            counts.refused += 1
            return NONE
        i = counts.n
        counts.n += 1
    entry = &counts.entries[i]
    memset(entry, 0, sizeof(Interface))
    memcpy(entry.exporter, exporter.address, ADDRESS_OCTETS)
    entry.known = exporter.known
    entry.if_index = if_index
    entry.last_ns = NO_TIME
    put_in_bucket(counts, i)
    return i


cdef Places* places_of(Interfaces* counts, const Exporter* exporter) noexcept nogil:
    """Where the entries of an exporter were found last; another one's are forgotten for it."""
    cdef Places* places = places_at(counts, exporter.hash)
    if not places.used or places.known != exporter.known or not is_address(places.exporter, exporter.address):
        places.used = True
        places.known = exporter.known
        memcpy(places.exporter, exporter.address, ADDRESS_OCTETS)
        memset(places.entry, 0xFF, sizeof(places.entry))    # NONE
    return places


cdef inline Interface* entry_of(
    Interfaces* counts, const Exporter* exporter, Places* places, uint32_t if_index,
) noexcept nogil:
    """The entry of an interface, heard of now; NULL without memory."""
    cdef int32_t* place = &places.entry[if_index & (PLACES - 1)]
    cdef Interface* entry
    # An entry that makes room is forgotten here, so that what is remembered is of this exporter.
    if place[0] != NONE and counts.entries[place[0]].if_index == if_index:
        entry = &counts.entries[place[0]]
        entry.recent = True
    else:
        place[0] = find(counts, exporter, if_index)
        if place[0] == NONE:
            return NULL
        entry = &counts.entries[place[0]]
    if entry.last_ns < exporter.last_ns:
        entry.last_ns = exporter.last_ns
    return entry


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef void count_dense(
    Interfaces* counts, const Exporter* exporter, const uint32_t** ports, const uint64_t* octets, Py_ssize_t n,
    uint32_t highest,
) noexcept nogil:
    """Add the rows up by ifIndex; flows and octets share a number, which the caller proved to have room."""
    cdef const uint32_t* in_if = ports[0]
    cdef const uint32_t* out_if = ports[1]
    cdef uint64_t* came = counts.sums[0]
    cdef uint64_t* went = counts.sums[1]
    cdef Places* places = places_of(counts, exporter)
    cdef Interface* entry
    cdef uint64_t one
    cdef Py_ssize_t i
    cdef uint32_t port
    cdef int way
    # Bounds: ifIndexes are at most `highest`, below DENSE.
    for i in range(n):
        one = octets[i] + ONE_FLOW
        came[in_if[i]] += one
        went[out_if[i]] += one
    came[0] = went[0] = 0
    for port in range(1, highest + 1):
        if came[port] == 0 and went[port] == 0:
            continue
        entry = entry_of(counts, exporter, places, port)
        for way in range(2):
            if entry != NULL:
                entry.flows[way] += counts.sums[way][port] >> FLOWS_SHIFT
                entry.octets[way] += counts.sums[way][port] & (ONE_FLOW - 1)
            counts.sums[way][port] = 0


cdef void count_sparse(
    Interfaces* counts, const Exporter* exporter, const uint32_t** ports, const uint64_t* octets, Py_ssize_t n,
) noexcept nogil:
    """Add the rows up one by one."""
    cdef Places* places = places_of(counts, exporter)
    cdef Interface* entry
    cdef const uint32_t* port
    cdef Py_ssize_t i
    cdef int way
    for way in range(2):
        port = ports[way]
        for i in range(n):
            if port[i] == 0:
                continue
            entry = entry_of(counts, exporter, places, port[i])
            if entry != NULL:
                entry.flows[way] += 1
                entry.octets[way] += octets[i]


cdef void count_rows(
    Interfaces* counts, const Exporter* exporter, const uint32_t** ports, const uint64_t* octets, Py_ssize_t n,
) noexcept nogil:
    """Count n rows of one exporter."""
    cdef uint32_t port = 0
    cdef uint64_t most = 0
    cdef Py_ssize_t i
    # Bounds: n rows of each column, which may be null_octets().
    for i in range(n):
        port |= ports[0][i] | ports[1][i]
    if port < DENSE and ROWS_OF_PORT * port <= n:
        for i in range(n):
            most |= octets[i]
        if most < MOST_OCTETS:
            count_dense(counts, exporter, ports, octets, n, port)
            return
    if port:
        count_sparse(counts, exporter, ports, octets, n)


cdef inline bint is_same(const Context* one, const Context* other) noexcept nogil:
    return (
        is_address(one.exporter, other.exporter)
        and ((one.nulls ^ other.nulls) >> CONTEXT_EXPORTER & 1) == 0
    )


cdef void count_part(Interfaces* counts, const Part* part) noexcept nogil:
    """Count the rows of a part whose columns are finished, and whose runs are still there."""
    cdef const int32_t* counted = part.shape.counted
    cdef const uint32_t* ports[2]
    cdef const uint32_t* rest[2]
    cdef const uint64_t* octets
    cdef const Context* context
    cdef Exporter exporter
    cdef Py_ssize_t k = 0, first, end
    if counted[0] < 0 and counted[1] < 0:
        return
    if counts.places == NULL:
        counts.places = <Places*> PyMem_RawCalloc(EXPORTERS, sizeof(Places))
        if counts.places == NULL:
            counts.refused += 1
            return
    # Bounds: Layout proved the widths; null_octets() has room for MOST_ROWS of 16 octets, all zero.
    ports[0] = <const uint32_t*> (values_of(part, counted[0]) if counted[0] >= 0 else null_octets())
    ports[1] = <const uint32_t*> (values_of(part, counted[1]) if counted[1] >= 0 else null_octets())
    octets = <const uint64_t*> (values_of(part, counted[2]) if counted[2] >= 0 else null_octets())
    # Progress: one run further each turn.
    while k < part.n_runs:
        context = &part.runs[k].context
        exporter.address = context.exporter
        exporter.known = not context.nulls >> CONTEXT_EXPORTER & 1
        exporter.hash = hash_of(context.exporter)
        exporter.last_ns = NO_TIME
        first = part.runs[k].first_row
        # Progress: one run further each turn.
        while k < part.n_runs and is_same(context, &part.runs[k].context):
            if not part.runs[k].context.nulls >> CONTEXT_RECEIVED & 1:
                exporter.last_ns = max(exporter.last_ns, part.runs[k].context.received_ns)
            k += 1
        end = part.runs[k].first_row if k < part.n_runs else part.rows
        rest[0] = ports[0] if counted[0] < 0 else ports[0] + first
        rest[1] = ports[1] if counted[1] < 0 else ports[1] + first
        count_rows(counts, &exporter, rest, octets if counted[2] < 0 else octets + first, end - first)


# ── the door ─────────────────────────────────────────────────────────────────────────────────────────────────────────

@cython.final
cdef class InterfaceTable:
    """The interfaces of all exporters.

    Parameters
    ----------
    most : int
        How many, at least 1.
    """

    def __cinit__(self, most):
        if most < 1:
            raise ValueError("a table has room for one interface at least")
        self.counts = <Interfaces*> PyMem_RawCalloc(1, sizeof(Interfaces))
        if self.counts == NULL:
            raise MemoryError()
        self.counts.most = min(most, 2**30)

    def __dealloc__(self):
        if self.counts != NULL:
            PyMem_RawFree(self.counts.entries)
            PyMem_RawFree(self.counts.buckets)
            PyMem_RawFree(self.counts.places)
            PyMem_RawFree(self.counts)

    def __len__(self):
        return self.counts.n

    def rows(self):
        """What is counted, as a sorted list of
        (exporter: 16 octets or None, ifIndex, flows in, octets in, flows out, octets out, last received or None)."""
        cdef const Interface* entry
        cdef int32_t i
        found = []
        for i in range(self.counts.n):
            entry = &self.counts.entries[i]
            found.append((
                (<const char*> entry.exporter)[:ADDRESS_OCTETS] if entry.known else None, entry.if_index,
                entry.flows[0], entry.octets[0], entry.flows[1], entry.octets[1],
                None if entry.last_ns == NO_TIME else entry.last_ns,
            ))
        return sorted(found, key=lambda row: (row[0] or b"", row[1]))

    def take_evicted(self):
        """How many made room for others, or found none, since the last call."""
        cdef uint64_t evicted = self.counts.evicted + self.counts.refused
        self.counts.evicted = self.counts.refused = 0
        return evicted
