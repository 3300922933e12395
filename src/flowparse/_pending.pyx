# cython: boundscheck=False, wraparound=False
"""Data Sets that wait for their template (RFC 7011 section 8 lets a Collecting Process keep them).

A Set is kept with the context of its message, so that its rows carry the header and the times that
it came with. What waits is bounded for each exporter and over all, and the oldest goes first. Sets
that leave while a message is under way are only set aside until it counts: `roll_back_pending` puts
them back where they were, in the reverse order.
"""

from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree, PyMem_RawMalloc
from libc.stdint cimport uintptr_t
from libc.string cimport memcpy

from flowparse._chain cimport tie
from flowparse._layout cimport CONTEXT_RECEIVED

cdef enum:
    QUEUES_LOG2 = 12                # 4,096

# Ids and domains are the sender's choice: queues are keyed by the hash of a str, as the buckets of templates are.
cdef uint64_t FACTOR = <uint64_t> (hash("pending") & 0xFFFFFFFFFFFFFFFF) | 1


cdef inline Queue* queue_of(
    const PendingAccount* account, const Waiting* home, int protocol, uint32_t domain, uint16_t id,
) noexcept nogil:
    """Where the Sets wait that this template of a domain sets free, among others."""
    cdef uint64_t key = (<uint64_t> domain << 16 | id) * FACTOR + <uint64_t> <uintptr_t> home + <uint64_t> protocol
    # Bounds: the upper bits of a word, below 2**QUEUES_LOG2.
    return &account.queues[((key ^ key >> 32) * FACTOR) >> (64 - QUEUES_LOG2)]


cdef inline Queue* queue_of_set(const PendingAccount* account, const PendingSet* one) noexcept nogil:
    return queue_of(account, one.home, one.context.protocol, one.context.domain, one.id)


cdef PendingSet* next_of_template(
    const PendingAccount* account, const Waiting* home, int protocol, uint32_t domain, uint16_t id, PendingSet* last,
) noexcept nogil:
    """The Set behind `last`, or the oldest, that waits for a template; NULL where there is none."""
    cdef PendingSet* one = last.queue_newer if last != NULL else NULL
    if last == NULL and account.queues != NULL:
        one = queue_of(account, home, protocol, domain, id).oldest
    # Progress: one Set further each turn.
    while one != NULL and (
        one.id != id or one.home != home or one.context.domain != domain or one.context.protocol != protocol
    ):
        one = one.queue_newer
    return one


cdef void tie_all(PendingAccount* account, PendingSet* one, bint is_in) noexcept nogil:
    """Put it into its three lists between the neighbors that it has written down, or take it from between them."""
    cdef Queue* queue = queue_of_set(account, one)
    tie(
        &one.older.newer if one.older != NULL else &account.oldest,
        &one.newer.older if one.newer != NULL else &account.newest, one, one.older, one.newer, is_in,
    )
    tie(
        &one.home_older.home_newer if one.home_older != NULL else &one.home.oldest,
        &one.home_newer.home_older if one.home_newer != NULL else &one.home.newest,
        one, one.home_older, one.home_newer, is_in,
    )
    tie(
        &one.queue_older.queue_newer if one.queue_older != NULL else &queue.oldest,
        &one.queue_newer.queue_older if one.queue_newer != NULL else &queue.newest,
        one, one.queue_older, one.queue_newer, is_in,
    )


cdef void link_up(PendingAccount* account, PendingSet* one) noexcept nogil:
    tie_all(account, one, True)
    account.n += 1
    account.octets += one.length
    one.home.octets += one.length


cdef void unlink(PendingAccount* account, PendingSet* one) noexcept nogil:
    tie_all(account, one, False)
    account.n -= 1
    account.octets -= one.length
    one.home.octets -= one.length


cdef int stage_set(
    PendingAccount* account, Waiting* home, const Context* context, uint64_t message, uint16_t id,
    const uint8_t* octets, uint32_t length,
) noexcept nogil:
    """Let a Set of `length` octets, header included, wait behind all others; -1 without memory."""
    cdef PendingSet* one
    if account.queues == NULL:
        account.queues = <Queue*> PyMem_RawCalloc(<size_t> 1 << QUEUES_LOG2, sizeof(Queue))
        if account.queues == NULL:
            return -1
    one = <PendingSet*> PyMem_RawMalloc(sizeof(PendingSet) + length - SET_HEADER)
    if one == NULL:
        return -1
    one.context = context[0]
    one.id = id
    one.length = length
    one.staged_in = message
    one.home = home
    one.older = account.newest
    one.home_older = home.newest
    one.queue_older = queue_of_set(account, one).newest
    one.newer = one.home_newer = one.queue_newer = one.of_template = NULL
    # Bounds: just allocated; the caller framed the Set.
    memcpy(<uint8_t*> &one[1], octets, length - SET_HEADER)
    link_up(account, one)
    return 0


cdef void make_room(PendingAccount* account, Waiting* home, uint64_t message) noexcept nogil:
    """Let leave what has to for the Sets that the message brought, of the exporter first, the oldest first.

    They are counted one after another, as if each came when there was room for the one before.
    """
    cdef PendingSet* one = account.newest
    cdef PendingSet* newer
    cdef size_t n = 0, octets = 0           # of the Sets that are not counted yet
    if one == NULL or one.staged_in != message:
        return
    # Progress: one Set further each turn.
    while one.older != NULL and one.older.staged_in == message:
        n += 1
        octets += one.length
        one = one.older
    # Progress: one Set further each turn.
    while one != NULL:
        newer = one.newer
        # Progress: one Set fewer each turn.
        while home.octets - octets > account.most_octets_of_exporter:
            let_leave(account, home.oldest)
        # Progress: one Set fewer each turn.
        while account.n - n > account.most or account.octets - octets > account.most_octets:
            let_leave(account, account.oldest)
        one = newer
        if one != NULL:
            n -= 1
            octets -= one.length


cdef bint is_too_old(const PendingAccount* account, const PendingSet* one, const Context* now) noexcept nogil:
    """Whether it has waited too long; not where either time is unknown."""
    return (
        not (now.nulls | one.context.nulls) & 1 << CONTEXT_RECEIVED and now.received_ns > one.context.received_ns
        and <uint64_t> now.received_ns - <uint64_t> one.context.received_ns > <uint64_t> account.most_ns
    )


cdef void let_leave(PendingAccount* account, PendingSet* one) noexcept nogil:
    """Set it aside until the message under way counts."""
    unlink(account, one)
    one.left_before = account.left_last
    account.left_last = one


cdef void commit_pending(PendingAccount* account) noexcept nogil:
    """The message counts: what left in it is gone."""
    cdef PendingSet* one
    # Progress: one Set fewer each turn.
    while account.left_last != NULL:
        one = account.left_last
        account.left_last = one.left_before
        PyMem_RawFree(one)


cdef void roll_back_pending(PendingAccount* account, uint64_t message) noexcept nogil:
    """The message does not count: what left in it waits again, and what it brought does not."""
    cdef PendingSet* one
    # Progress: one Set fewer each turn.
    while account.left_last != NULL:
        one = account.left_last
        account.left_last = one.left_before
        link_up(account, one)
    # Progress: one Set fewer each turn.
    while account.newest != NULL and account.newest.staged_in == message:
        forget_set(account, account.newest)


cdef void forget_set(PendingAccount* account, PendingSet* one) noexcept nogil:
    """Drop a Set; not one that leaves with a message."""
    unlink(account, one)
    PyMem_RawFree(one)


cdef void forget_sets(PendingAccount* account, Waiting* home) noexcept nogil:
    """Drop all Sets of an exporter."""
    # Progress: one Set fewer each turn.
    while home.oldest != NULL:
        forget_set(account, home.oldest)


cdef void forget_sets_of_domain(PendingAccount* account, Waiting* home, int protocol, uint32_t domain) noexcept nogil:
    """Drop the Sets of one observation domain."""
    cdef PendingSet* one = home.oldest
    cdef PendingSet* newer
    # Progress: one Set further each turn.
    while one != NULL:
        newer = one.home_newer
        if one.context.protocol == protocol and one.context.domain == domain:
            forget_set(account, one)
        one = newer
