# cython: language_level=3
"""The walk over the Sets of a NetFlow v9 or IPFIX message."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from flowparse._columns cimport Account, Ledger
from flowparse._decode cimport Datagram, Walker
from flowparse._exporters cimport DomainState, Exporter
from flowparse._part cimport Context
from flowparse._pending cimport PendingSet
from flowparse._plan cimport Stop
from flowparse._templates cimport Record, Template
from flowparse._wire cimport Span

cdef struct Lesson:                 # options records that say what others mean
    const Template* template
    const uint8_t* at
    Py_ssize_t length

cdef enum Phase:
    PHASE_SETS = 0
    PHASE_REPLAY = 1                # of Sets that waited

cdef struct Walk:                   # the message under way
    Datagram datagram               # a copy: the walk may be resumed from elsewhere
    DomainState* domain             # NULL: no message with Sets is
    Py_ssize_t notes_before         # what a refused message says stands behind these
    uint32_t notes_left
    Phase phase
    Span rest                       # Sets not read yet
    bint opened                     # all is settled that its Sets do not say
    bint discard                    # when malformed
    bint whole                      # every record of it is known
    bint counted                    # ... that the sequence counts
    bint values_told
    bint records_told
    bint with_options               # the options ledger is in the message too
    bint learned                    # the lessons were
    bint defined                    # templates that Sets may wait for
    uint32_t n_templates
    uint32_t n_records              # data records, of options too
    int64_t records_left            # of Limits.records_per_message
    int64_t values_left             # of Limits.values_per_message
    # The Set under way:
    Template* template              # NULL: none is
    Span body
    int64_t offset                  # from the Message Header; -1: of another message
    bint cut                        # it goes past the end of the message
    # Sets that waited:
    size_t change                   # the template's
    PendingSet* pending             # the Set's
    # Behind this nothing is cleared for a message:
    Context context                 # of the message itself, while Sets that waited have theirs
    DomainState before              # the domain as it was


cdef class SetWalker(Walker):
    cdef Walk walk
    cdef Account options
    cdef bint room_made                 # for options records, since a message was whole
    cdef int64_t most_values
    cdef int64_t most_records
    cdef int64_t most_replayed          # values of the Sets that one message sets free
    cdef Lesson* lessons
    cdef size_t n_lessons
    cdef size_t lessons_room
    cdef void _tell(self, int kind, int64_t offset, int64_t a=*, int64_t b=*, int64_t c=*) noexcept nogil
    cdef Stop _refused(self, int kind, int64_t offset, int64_t a=*, int64_t b=*, int64_t c=*) noexcept nogil
    cdef Stop _malformed(self, int kind, int64_t offset, int64_t a=*, int64_t b=*, int64_t c=*) noexcept nogil
    cdef void _set_rate(self, uint32_t rate, uint8_t source) noexcept nogil
    cdef Stop _next_set(self) noexcept nogil
    cdef Stop _end_of_sets(self) noexcept nogil
    cdef Stop _without_template(self, uint16_t id, const Span* body) noexcept nogil
    cdef Stop _read_templates(self, uint16_t set_id, bint is_options, Span* body) noexcept nogil
    cdef Stop _rejected(self, uint16_t set_id, const Record* record, int reading, int64_t there) noexcept nogil
    cdef Stop _define(self, uint16_t set_id, const Record* record) noexcept nogil
    cdef Stop _withdraw(self, uint16_t set_id, const Record* record) noexcept nogil
    cdef bint _is_readable(self, uint16_t set_id, bint is_options, const Span* body) noexcept nogil
    cdef Stop _run_set(self) noexcept nogil
    cdef void _describe(self, Template* template) noexcept nogil
    cdef Py_ssize_t _limit_values(self, Span* body, const Template* template, int* met) noexcept nogil
    cdef Ledger* _ledger_of(self, const Template* template) noexcept nogil
    cdef void _count(self, const Template* template, Py_ssize_t records) noexcept nogil
    cdef int _note_lesson(self, const Template* template, const uint8_t* at, Py_ssize_t length) noexcept nogil
    cdef Stop _settle(self) noexcept nogil
    cdef Stop _evict(self) noexcept nogil
    cdef Stop _evict_by(self, int kind, Template** oldest, const size_t* held, size_t most) noexcept nogil
    cdef void _sort_pending(self) noexcept nogil
    cdef bint _next_pending(self) noexcept nogil
    cdef Stop _replay_set(self) noexcept nogil
    cdef void _set_known(self) noexcept nogil
    cdef int _forget_informed(self, Exporter exporter) except -1
    cdef int _set_informed(self, Exporter exporter, DomainState* domain) except -1
    cdef int _set_program(self, Template* template) except -1
