# cython: boundscheck=False, wraparound=False
"""Growable columns with marks: rows are appended a column at a time, and a message counts or it does not.

A Store holds the rows of one layout in parts, each a slab that all its columns share. The first part
is 4 KiB and each full one is followed by a larger one, up to 2 MiB or 8,192 rows, so that a layout seen
once costs little, and a consumer that pays for each chunk pays seldom (docs/design/columns.md).

A message that touches a store sets its mark. `commit_message` seals what became full meanwhile;
`roll_back_message` takes every row since the mark away. Sealing cannot fail, so neither can a commit.
"""

cimport cython
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from libc.string cimport memcpy

from flowparse._finish cimport run_finish_steps
from flowparse._interfaces cimport count_part
from flowparse._part cimport Heap, add_run, close_runs, drop_chain, drop_part, finish_part, new_part, octets_of
from flowparse._slab cimport SLAB_LARGEST, Slab, close_pool, drop_slab, new_block, new_pool, new_slab, retain, slab_size

cdef enum:
    SMALL_HEAP = 64             # octets of a heap at first: a layout may have a thousand, and little in each


cdef void seal(const Ledger* ledger, Store* store, Part* part) noexcept nogil:
    """Finish the part and put it behind the sealed ones."""
    finish_part(part, store.shared)
    run_finish_steps(part)
    if ledger.interfaces != NULL:
        count_part(ledger.interfaces, part)
    close_runs(part)
    store.out_of_range += part.out_of_range
    part.next = NULL
    if store.sealed == NULL:
        store.sealed = part
    else:
        store.sealed_last.next = part
    store.sealed_last = part


cdef void unlist(Ledger* ledger, Store* store) noexcept nogil:
    """Take the store off the list of those with an open part, if it is on it."""
    if not store.listed:
        return
    if store.newer != NULL:
        store.newer.older = store.older
    else:
        ledger.newest_open = store.older
    if store.older != NULL:
        store.older.newer = store.newer
    else:
        ledger.oldest_open = store.newer
    store.newer = store.older = NULL
    store.listed = False
    ledger.n_open -= 1


cdef void enlist(Ledger* ledger, Store* store) noexcept nogil:
    """Put the store, which has an open part, first on the list; seal that of the last if there are too many.

    A store that this message has touched is left alone, since it may yet be rolled back.
    """
    unlist(ledger, store)
    store.older = ledger.newest_open
    if store.older != NULL:
        store.older.newer = store
    else:
        ledger.oldest_open = store
    ledger.newest_open = store
    store.listed = True
    ledger.n_open += 1
    # Progress: one store fewer each turn.
    while ledger.n_open > ledger.most_open and ledger.oldest_open.touched != ledger.message:
        seal_open(ledger, ledger.oldest_open)


cdef void seal_open(Ledger* ledger, Store* store) noexcept nogil:
    """Seal the open part as it stands, if it has rows; the next one is only as large as this one was used."""
    cdef Part* part = store.open
    cdef int size_class
    if part == NULL:
        return
    unlist(ledger, store)
    store.open = NULL
    if part.rows == 0:
        discard(ledger, part)
        return
    size_class = part.slab.size_class
    if size_class > 0 and part.rows <= part.shape.rows[size_class - 1]:
        store.next_class = size_class - 1
    seal(ledger, store, part)


# ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef void begin_message(Ledger* ledger, bint apart) noexcept nogil:
    ledger.message += 1
    ledger.run_version += 1
    ledger.apart = apart
    ledger.rows = ledger.reversed = 0
    ledger.touched = NULL
    ledger.context.message_index = ledger.message - 1


cdef void touch(Ledger* ledger, Store* store) noexcept nogil:
    """Set the store's mark, once a message."""
    cdef int i
    if ledger.apart:
        seal_open(ledger, store)
    store.touched = ledger.message
    store.next_touched = ledger.touched
    ledger.touched = store
    store.mark_part = store.open
    store.mark_next_class = store.next_class
    store.mark_sealed_last = store.sealed_last
    if store.open != NULL:
        store.mark_rows = store.open.rows
        store.mark_runs = store.open.n_runs
        store.mark_run_version = store.open.run_version
        for i in range(store.shape.n_heaps):
            store.open.heaps[i].mark = store.open.heaps[i].used


cdef int open_next(Ledger* ledger, Store* store) noexcept nogil:
    """Open a part, setting a full one aside; 1, or 0 over the limit, or -1 without memory."""
    cdef Part* part
    cdef int size_class = store.next_class
    if store.open != NULL and size_class < store.shape.largest:
        size_class = store.open.slab.size_class + 1
    # Progress: the class grows, and a row fits the largest (Layout checked it).
    while store.shape.rows[size_class] == 0:
        size_class += 1
    if ledger.held + slab_size(size_class) > ledger.most_held:
        return 0
    part = new_part(store.shape, ledger.pool, size_class)
    if part == NULL:
        return -1
    store.next_class = size_class
    ledger.held += part.slab.size
    if store.open != NULL:
        if store.closing == NULL:
            store.closing = store.open
        else:
            store.closing_last.next = store.open
        store.closing_last = store.open
    store.open = part
    enlist(ledger, store)
    return 1


cdef Py_ssize_t reserve_octets(Ledger* ledger, Store* store, int heap, size_t octets) noexcept nogil:
    """Make room for `octets` more in a heap of the open part, which holds at least the rows of its first slab.

    Returns 1; 0 where the rows must go to a next part, or the limit of held octets is met; -1
    without memory.
    """
    cdef Heap* of_column = &store.open.heaps[heap]
    cdef Slab* slab
    cdef size_t needed = of_column.used + octets
    cdef size_t size
    cdef int size_class = 0
    if needed <= (of_column.slab.size if of_column.slab != NULL else 0):
        return 1
    # Progress: the class grows to the largest.
    while slab_size(size_class) < needed:
        if size_class == SLAB_LARGEST:
            return 0
        size_class += 1
    size = SMALL_HEAP if needed <= SMALL_HEAP else slab_size(size_class)
    if ledger.held + size > ledger.most_held:
        return 0
    slab = new_block(size) if size == SMALL_HEAP else new_slab(ledger.pool, size_class)
    if slab == NULL:
        return -1
    ledger.held += slab.size
    if of_column.slab != NULL:
        # Bounds: used <= the old slab's size < the new one's.
        memcpy(slab.data, of_column.slab.data, of_column.used)
        ledger.held -= of_column.slab.size
        drop_slab(of_column.slab)
    of_column.slab = slab
    return 1


cdef Py_ssize_t reserve(Ledger* ledger, Store* store, Py_ssize_t want) noexcept nogil:
    """Make room for up to `want` >= 1 rows behind the store's last.

    Returns how many the caller may write at `column_end` and then add to `open.rows` and to
    `ledger.rows`: at least 1; 0 where the limit of held octets is met; -1 without memory.
    """
    cdef int opened
    if store.touched != ledger.message:
        touch(ledger, store)
        if store.open != NULL:
            enlist(ledger, store)
    if store.open == NULL or store.open.rows == store.open.capacity:
        opened = open_next(ledger, store)
        if opened <= 0:
            return opened
    if store.open.run_version != ledger.run_version and add_run(store.open, &ledger.context, ledger.run_version) < 0:
        return -1
    return min(want, store.open.capacity - store.open.rows)


cdef void commit_message(Ledger* ledger) noexcept nogil:
    """The message counts: seal what became full in it, and all of it where it leaves by itself."""
    cdef Store* store = ledger.touched
    cdef Part* part
    # Progress: one store further each turn.
    while store != NULL:
        # Progress: one part further each turn.
        while store.closing != NULL:
            part = store.closing
            store.closing = part.next
            seal(ledger, store, part)
        if ledger.apart:
            seal_open(ledger, store)
        store = store.next_touched
    ledger.rows += ledger.reversed
    ledger.reversed = 0
    ledger.waiting += ledger.rows


cdef void discard(Ledger* ledger, Part* part) noexcept nogil:
    ledger.held -= octets_of(part)
    drop_part(part)


cdef void roll_back_message(Ledger* ledger) noexcept nogil:
    """The message does not count: every store is as its mark says."""
    cdef Store* store = ledger.touched
    cdef Part* part
    cdef int i
    # Progress: one store further each turn.
    while store != NULL:
        if store.open != NULL and store.open != store.mark_part:
            discard(ledger, store.open)
            store.open = store.mark_part
        # Progress: one part further each turn.
        while store.closing != NULL:
            part = store.closing
            store.closing = part.next
            if part != store.mark_part:
                discard(ledger, part)
        store.next_class = store.mark_next_class
        if store.open == NULL:
            unlist(ledger, store)
        else:
            store.open.next = NULL
            store.open.rows = store.mark_rows
            store.open.n_runs = store.mark_runs
            store.open.run_version = store.mark_run_version
            for i in range(store.shape.n_heaps):
                store.open.heaps[i].used = store.open.heaps[i].mark
        store = store.next_touched
    ledger.touched = NULL
    ledger.rows = ledger.reversed = 0


cdef Part* leave(Ledger* ledger, Part* chain) noexcept nogil:
    """Take a chain of parts off the ledger; the caller now owns it."""
    cdef Part* part = chain
    # Progress: one part further each turn.
    while part != NULL:
        ledger.held -= octets_of(part)
        ledger.waiting -= part.rows
        part = part.next
    return chain


cdef Part* detach_sealed(Ledger* ledger, Store* store) noexcept nogil:
    """All sealed parts, oldest first; not within a message. A store that had none forgets what it shares."""
    cdef Part* chain = store.sealed
    cdef int i
    store.sealed = store.sealed_last = NULL
    if chain == NULL:
        for i in range(store.shape.n_columns):
            if store.shared[i].slab != NULL:
                drop_slab(store.shared[i].slab)
                store.shared[i].slab = NULL
    return leave(ledger, chain)


cdef const Part* sealed_apart(const Store* store) noexcept nogil:
    """The first of the parts that `detach_apart` detaches."""
    return store.sealed if store.mark_sealed_last == NULL else store.mark_sealed_last.next


cdef Part* detach_apart(Ledger* ledger, Store* store) noexcept nogil:
    """The parts that were sealed since the mark: those of a message that leaves by itself."""
    cdef Part* chain
    if store.mark_sealed_last == NULL:
        chain = store.sealed
        store.sealed = NULL
    else:
        chain = store.mark_sealed_last.next
        store.mark_sealed_last.next = NULL
    store.sealed_last = store.mark_sealed_last
    return leave(ledger, chain)


# ── doors ────────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef class Account:
    """The slabs of one decoder, and the message it is in."""

    def __cinit__(self, most_held, most_free, most_open=4096):
        self.ledger.pool = new_pool(most_free)
        if self.ledger.pool == NULL:
            raise MemoryError()
        self.ledger.most_held = min(most_held, 2**62)
        self.ledger.most_open = max(1, min(most_open, 2**62))

    def __dealloc__(self):
        if self.ledger.pool != NULL:
            close_pool(self.ledger.pool)

    def count_interfaces(self, InterfaceTable table not None):
        """Count the interfaces of all rows from here on."""
        self.interfaces = table
        self.ledger.interfaces = table.counts

    cpdef list take_apart(self):
        """Hand over the rows of the message that has just been committed apart, as [(Table, [Sealed])].

        Without memory they are dropped, so that they never are among those of another message.
        """
        cdef Store* store = self.ledger.touched
        cdef Table table
        cdef list taken = []
        try:
            # Progress: one store further each turn.
            while store != NULL:
                table = <Table> store.table
                taken.append((table, covers_of(table.layout, sealed_apart(store))))
                store = store.next_touched
        except MemoryError:
            store = self.ledger.touched
            self.ledger.touched = NULL
            # Progress: one store further each turn.
            while store != NULL:
                drop_chain(detach_apart(&self.ledger, store))
                store = store.next_touched
            raise
        self.ledger.touched = NULL
        for table, covers in taken:
            put_in(covers, detach_apart(&self.ledger, &table.store))
        return taken


@cython.no_gc_clear                     # __dealloc__ needs the account
cdef class Table:
    """The growing rows of one layout; owns its Store."""

    def __cinit__(self, Layout layout, Account account, str name):
        self.layout = layout
        self.account = account
        self.name = name
        self.store.shape = layout.shape
        self.store.table = <void*> self
        self.store.shared = <Shared*> PyMem_RawCalloc(layout.shape.n_columns, sizeof(Shared))
        if self.store.shared == NULL:
            raise MemoryError()

    def __dealloc__(self):
        cdef int i
        unlist(&self.account.ledger, &self.store)
        drop_chain(self.store.closing)
        drop_chain(self.store.sealed)
        if self.store.open != NULL:
            drop_part(self.store.open)
        if self.store.shared != NULL:
            for i in range(self.store.shape.n_columns):
                if self.store.shared[i].slab != NULL:
                    drop_slab(self.store.shared[i].slab)
            PyMem_RawFree(self.store.shared)

    @property
    def rows_waiting(self):
        """Rows that `take` would hand over."""
        cdef const Part* part = self.store.sealed
        rows = self.store.open.rows if self.store.open != NULL else 0
        # Progress: one part further each turn.
        while part != NULL:
            rows += part.rows
            part = part.next
        return rows

    def take_out_of_range(self):
        """How many values did not fit their column and became null, in parts sealed since the last call."""
        cdef Py_ssize_t values = self.store.out_of_range
        self.store.out_of_range = 0
        return values

    def seal(self):
        """Close the rows that wait to a chunk, which counts them; not within a message."""
        seal_open(&self.account.ledger, &self.store)

    def waiting(self):
        """The rows that `take` would hand over, as a list of Sealed that share them; not within a message."""
        cdef Sealed cover
        cdef Part* part
        seal_open(&self.account.ledger, &self.store)
        covers = covers_of(self.layout, self.store.sealed)
        part = self.store.sealed
        for cover in covers:
            retain(&part.refs)
            cover.part = part
            part = part.next
        return covers

    def take(self):
        """Hand over all rows, as a list of Sealed; not within a message."""
        seal_open(&self.account.ledger, &self.store)
        covers = covers_of(self.layout, self.store.sealed)
        put_in(covers, detach_sealed(&self.account.ledger, &self.store))
        return covers


cdef class Sealed:
    """Immutable rows of one layout: what a Table hands over and `_values.Chunk` shows."""

    def __dealloc__(self):
        if self.part != NULL:
            drop_part(self.part)

    def __len__(self):
        return self.part.rows if self.part != NULL else 0


cdef Sealed wrap_part(Layout layout, Part* part):
    """A Sealed that takes over the caller's reference to `part`."""
    cdef Sealed sealed = Sealed.__new__(Sealed)
    sealed.layout = layout
    sealed.part = part
    return sealed


cdef list covers_of(Layout layout, const Part* part):
    """An empty Sealed for each part of a chain: all that can fail of handing it over."""
    cdef list covers = []
    cdef Sealed cover
    # Progress: one part further each turn.
    while part != NULL:
        cover = Sealed.__new__(Sealed)
        cover.layout = layout
        covers.append(cover)
        part = part.next
    return covers


cdef void put_in(list covers, Part* part) noexcept:
    """Let each cover own its part of the chain."""
    cdef Sealed cover
    cdef Part* following
    for cover in covers:
        following = part.next
        part.next = NULL
        cover.part = part
        part = following
