# cython: language_level=3
"""The walk over Messages: who sent it, what it counts, and which plan its records run through."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from flowparse._columns cimport ADDRESS_OCTETS, Account, Ledger
from flowparse._plan cimport Program

cdef enum Protocol:             # as FLOW's `type` numbers them
    PROTOCOL_UNKNOWN = 0
    PROTOCOL_NETFLOW5 = 2
    PROTOCOL_NETFLOW1 = 6
    PROTOCOL_NETFLOW7 = 7
    PROTOCOLS = 8

cdef enum NoteKind:             # events.NOTES says of each what a person reads
    NOTE_SHORT = 0              # octets needed, octets there
    NOTE_VERSION = 1            # version
    NOTE_COUNT_REFUSED = 2      # count, records there
    NOTE_COUNT_CUT = 3          # count, records there
    NOTE_COUNT_LARGE = 4        # count
    NOTE_TRAILING = 5           # octets
    NOTE_GAP = 6                # expected, received, missed
    NOTE_RESET = 7              # expected, received
    NOTE_RESTART = 8            # uptime before, uptime now
    NOTE_SAMPLING = 9           # rate before, rate now
    NOTE_HELD = 10              # records
    NOTE_EXPORTER_EVICTED = 11  # limit
    NOTE_DOMAIN_EVICTED = 12    # limit, domain
    NOTE_NOT_ALLOWED = 13
    NOTE_NOTES = 14             # how many more
    NOTE_KINDS = 15

cdef struct Note:               # something to report; becomes an Event when the GIL is there
    uint8_t kind
    uint8_t protocol
    bint has_domain
    bint has_exporter
    uint8_t exporter[ADDRESS_OCTETS]
    uint32_t domain
    int64_t offset              # from the Message Header; -1: none
    int64_t values[3]

cdef struct DomainState:        # an observation domain of an exporter, in one protocol
    uint8_t protocol
    uint32_t id
    DomainState* next           # most recently used first
    bint sequence_known
    uint32_t expected           # the next sequence number
    uint32_t uptime_ms          # of the last message in sequence
    bint sampling_known
    uint32_t sampling_rate      # 0: not known
    uint8_t sampling_source
    uint64_t datagrams
    uint64_t octets
    uint64_t records
    uint64_t missed
    uint64_t reordered
    uint64_t resets
    uint64_t discarded
    int64_t first_seen_ns
    int64_t last_seen_ns
    bint seen                   # whether the two times are known

cdef struct ExporterState:
    bint known                  # False: the caller does not say who it is
    uint8_t address[ADDRESS_OCTETS]
    uint16_t port               # part of the identity with key="address+port"
    uint32_t override_rate      # the caller's sampling rate for it; 0: none
    uint64_t refused            # datagrams of no protocol
    DomainState* domains
    uint32_t n_domains
    ExporterState* older
    ExporterState* newer

cdef struct Format:             # a fixed export format: NetFlow v1, v5, v7
    uint8_t protocol
    uint16_t header_length
    uint16_t record_length
    int16_t sequence            # offsets in the header; -1: not there
    int16_t engine
    int16_t sampling

cdef struct Rules:              # what the caller decided, for all datagrams
    bint discard                # whether a malformed message is discarded whole
    bint strict
    uint32_t default_rate       # 0: none
    uint32_t most_domains
    uint32_t most_notes         # of one message

cdef struct Datagram:
    const uint8_t* octets
    Py_ssize_t length
    ExporterState* exporter     # NULL: not allowed
    bint has_port
    uint16_t port
    bint has_received
    int64_t received_ns


cdef class Exporter:
    cdef ExporterState state
    cdef bint evicted
    cdef bytes key


cdef class Walker:
    cdef Account account
    cdef Ledger* ledger
    cdef Rules rules
    cdef Program*[PROTOCOLS] programs
    cdef Note* notes
    cdef Py_ssize_t n_notes
    cdef uint32_t notes_left            # of this message
    cdef int64_t notes_dropped
    cdef dict exporters                 # identity -> Exporter
    cdef dict aliases                   # what callers passed -> Alias
    cdef Py_ssize_t most_exporters
    cdef Py_ssize_t most_aliases
    cdef ExporterState* newest
    cdef ExporterState* oldest
    cdef bint busy
