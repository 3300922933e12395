# cython: language_level=3
"""sFlow: the walk over samples and records."""

from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t

from flowparse._columns cimport Ledger
from flowparse._notes cimport About, Notebook
from flowparse._plan cimport Program, Stop
from flowparse._sampled cimport Sample, Sampled, Telling
from flowparse._sflowheads cimport Header
from flowparse._sflowrecord cimport Structure
from flowparse._wire cimport Span

cdef enum:
    TAG_SLOTS = 512                 # of the table of structures; at least twice as many as there are

cdef enum:                          # more reasons to stop
    STOP_DAMAGED = 9                # nothing of it is to be kept: Walk.damage*
    STOP_STRUCTURE = 24             # a structure has no plan yet: Walk.wanted_*; the walk goes on when it has
    STOP_AGENT = 25                 # an agent that was not heard of lately
    STOP_ROOM = 26                  # counters that nobody took fill their room

cdef struct Walk:                   # the datagram under way
    # What the caller sets:
    const uint8_t* octets
    Header header
    Ledger* flows                   # of the flow view, or of all structures of flow samples
    Ledger* counters
    Notebook* book
    About whom
    bint keep                       # what is framed before damage
    Telling telling
    uint32_t most_samples
    uint32_t most_records
    Span rest                       # samples not read yet
    # Where it is:
    uint32_t done                   # samples
    uint32_t packets                # flow and discard samples
    uint32_t rate                   # of sampling, that the last of them told; 0: none did
    bint in_sample
    bint own_done                   # the sample's own row was added
    Sample sample
    Span records                    # of the sample, not read yet
    uint32_t records_done
    # Why it stopped. STOP_STRUCTURE:
    int wanted_structure
    int wanted_fields
    # STOP_DAMAGED: what to note
    int damage
    int64_t damage_offset
    int64_t[3] damage_values


cdef class Sflow:
    cdef list plans                 # which keep the programs alive
    cdef Program* flow              # NULL: the flow view is not wanted, each structure's table is
    cdef Structure* structures
    cdef Py_ssize_t n_structures
    cdef int[3] own                 # the tables of flow samples, discard samples and unknown structures; -1: not wanted
    cdef int16_t[TAG_SLOTS] slots   # by a hash of kind and tag; -1: free
    cdef Sampled* block             # rows that wait for the plan
    cdef Py_ssize_t n_block
    cdef uint8_t* scratch
    cdef Stop walk(self, Walk* walk) noexcept nogil
    cdef Stop flush(self, Walk* walk) noexcept nogil
    cdef int find(self, uint32_t tag, int kind) noexcept nogil
    cdef Stop add_record(self, Walk* walk, int index, Span* at) noexcept nogil
    cdef Stop add_own(self, Walk* walk, int which) noexcept nogil
    cdef Stop add_unknown(self, Walk* walk, uint32_t tag, Span* at) noexcept nogil
    cdef Stop read_records(self, Walk* walk) noexcept nogil
    cdef Stop begin_sample(self, Walk* walk) noexcept nogil
    cdef Stop end_of_samples(self, Walk* walk, uint32_t most) noexcept nogil
    cdef Stop take_old(self, Walk* walk, uint32_t format, Span* body, uint32_t step) noexcept nogil
    cdef Stop read_old_counters(self, Walk* walk, const uint8_t* at) noexcept nogil
    cdef Stop read_old_flow(self, Walk* walk, Span* at) noexcept nogil
    cdef Stop walk_old(self, Walk* walk) noexcept nogil
