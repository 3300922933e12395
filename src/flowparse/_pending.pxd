# cython: language_level=3
"""Data Sets that wait for their template."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from flowparse._part cimport Context

cdef enum:
    SET_HEADER = 4

cdef struct PendingSet:             # its octets, less the Set Header, lie behind it
    Context context                 # of the message that brought it
    uint16_t id
    uint32_t length                 # with the Set Header
    uint64_t staged_in              # ordinal of the message that brought it
    Waiting* home
    PendingSet* older               # of all
    PendingSet* newer
    PendingSet* home_older          # of those of the exporter
    PendingSet* home_newer
    PendingSet* queue_older         # of those in its queue
    PendingSet* queue_newer
    PendingSet* left_before         # of those that leave with the message under way
    PendingSet* of_template         # the next that the same template sets free

cdef struct Queue:                  # the Sets whose exporter, domain and template id come to one place
    PendingSet* oldest
    PendingSet* newest

cdef struct Waiting:                # the Sets of one exporter
    PendingSet* oldest
    PendingSet* newest
    size_t octets

cdef struct PendingAccount:         # over all exporters of a decoder
    PendingSet* oldest
    PendingSet* newest
    size_t n
    size_t octets
    size_t most
    size_t most_octets
    size_t most_octets_of_exporter
    int64_t most_ns
    Queue* queues                   # NULL until a Set waits
    PendingSet* left_last           # with the message under way

cdef int stage_set(
    PendingAccount* account, Waiting* home, const Context* context, uint64_t message, uint16_t id,
    const uint8_t* octets, uint32_t length,
) noexcept nogil
cdef PendingSet* next_of_template(
    const PendingAccount* account, const Waiting* home, int protocol, uint32_t domain, uint16_t id, PendingSet* last,
) noexcept nogil
cdef void make_room(PendingAccount* account, Waiting* home, uint64_t message) noexcept nogil
cdef bint is_too_old(const PendingAccount* account, const PendingSet* one, const Context* now) noexcept nogil
cdef void let_leave(PendingAccount* account, PendingSet* one) noexcept nogil
cdef void commit_pending(PendingAccount* account) noexcept nogil
cdef void roll_back_pending(PendingAccount* account, uint64_t message) noexcept nogil
cdef void forget_set(PendingAccount* account, PendingSet* one) noexcept nogil
cdef void forget_sets(PendingAccount* account, Waiting* home) noexcept nogil
cdef void forget_sets_of_domain(PendingAccount* account, Waiting* home, int protocol, uint32_t domain) noexcept nogil


cdef inline const uint8_t* octets_of_set(const PendingSet* one) noexcept nogil:
    return <const uint8_t*> &one[1]
