# cython: language_level=3
"""The NetFlow v9 or IPFIX message that is under way."""

from libc.stdint cimport int64_t, uint32_t

from flowparse._columns cimport Account
from flowparse._decode cimport Datagram, Walker
from flowparse._exporters cimport DomainState
from flowparse._part cimport Context
from flowparse._pending cimport PendingSet
from flowparse._plan cimport Stop
from flowparse._templates cimport Template
from flowparse._wire cimport Span

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


cdef class MessageWalker(Walker):
    cdef Walk walk
    cdef Account options
    cdef bint room_made                 # for options records, since a message was whole
    cdef int64_t most_values
    cdef int64_t most_records
    cdef int64_t most_replayed          # values of the Sets that one message sets free
    cdef void _tell(self, int kind, int64_t offset, int64_t a=*, int64_t b=*, int64_t c=*) noexcept nogil
    cdef Stop _refused(self, int kind, int64_t offset, int64_t a=*, int64_t b=*, int64_t c=*) noexcept nogil
    cdef Stop _malformed(self, int kind, int64_t offset, int64_t a=*, int64_t b=*, int64_t c=*) noexcept nogil
