# cython: language_level=3
"""The walk over Messages: what doors hand to it, and why it stops."""

from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t

from flowparse._columns cimport Account, Ledger
from flowparse._exporters cimport Alias, DomainState, Exporters, ExporterState, Keep, Kept
from flowparse._notes cimport Notebook
from flowparse._plan cimport Program, Stop
from flowparse._wire cimport PROTOCOLS

cdef enum:                          # more reasons to stop than a plan has
    STOP_PLAN = 16                  # the protocol has no plan yet
    STOP_REFUSED = 17               # strict: the last note says why; nothing of the message counts
    STOP_NOTES = 18                 # Python should take the notes
    STOP_EXPORTER = 19              # a source that was not seen lately
    STOP_ROWS = 20                  # as many as were asked for
    STOP_OPTIONS = 21               # no room for options records
    # The message is under way, and goes on when it is resumed:
    STOP_PROGRAM = 22               # a template needs its program
    STOP_LEARN = 23                 # options say what other records mean
    STOP_INFORM = 24                # a domain does not know what they said

cdef struct Format:                 # a fixed export format
    uint8_t protocol
    uint16_t header_length
    uint16_t record_length
    int16_t sequence                # offsets in the header; -1: not there
    int16_t engine
    int16_t sampling

cdef struct Rules:                  # what the caller decided, for all datagrams
    bint discard                    # whether a malformed message is discarded whole
    bint discard_ipfix              # of IPFIX (RFC 7011 section 9.1)
    bint strict
    bint replay                     # whether Sets wait for their template
    bint withdraws                  # whether templates can be withdrawn: not over UDP
    bint templates_only             # whether Data Sets are passed over
    uint32_t default_rate           # 0: none
    uint32_t most_values            # of one message

cdef struct Datagram:
    const uint8_t* octets
    Py_ssize_t length
    ExporterState* exporter         # NULL: not allowed
    bint has_port
    uint16_t port
    bint has_received
    int64_t received_ns


cdef class Walker:
    cdef Account account
    cdef Ledger* ledger
    cdef Rules rules
    cdef Program* programs[PROTOCOLS]
    cdef int wanted                     # the protocol of STOP_PLAN
    cdef bint under_way                 # the walk stopped within a message
    cdef Py_ssize_t replayed            # rows of earlier messages, that this one set free
    cdef Notebook book
    cdef Py_ssize_t notes_before        # the message under way
    cdef Keep keep
    cdef Kept* kept
    cdef Exporters exporters
    cdef bint busy
    cdef Alias _resolve(self, object spelled)
    cdef Stop _refuse(
        self, int kind, ExporterState* exporter, DomainState* domain, int64_t offset, int64_t a, int64_t b,
    ) noexcept nogil
    cdef Stop _walk_fixed(self, const Format* format, const Datagram* datagram) noexcept nogil
    cdef void _set_context(
        self, const Format* format, const uint8_t* octets, ExporterState* exporter, DomainState* domain, uint32_t count,
    ) noexcept nogil
    cdef Stop _open_message(self, const Datagram* datagram, int version) noexcept nogil
    cdef Stop _go_on(self) noexcept nogil
    cdef void _undo_message(self, Stop stop) noexcept nogil
    cdef Stop _begin(self, const Datagram* datagram, bint apart) noexcept nogil
    cdef Stop _walk(self, const Datagram* datagram, bint apart) noexcept nogil
    cdef Stop _walk_block(self, const Datagram* block, Py_ssize_t n, Py_ssize_t* at, Py_ssize_t* rows) noexcept nogil
    cdef int _act(self, Stop stop) except -1
    cdef int _act_within(self, Stop stop) except -1
