# cython: language_level=3
"""Exporters and their observation domains: who they are, and what is remembered of each."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from flowparse._layout cimport ADDRESS_OCTETS
from flowparse._lookup cimport NAME_KINDS, NameTable, RateTable
from flowparse._notes cimport About, Notebook
from flowparse._pending cimport PendingAccount, Waiting
from flowparse._templates cimport TemplateAccount, Templates

cdef enum SamplingSource:           # enums/sampling_source.tsv
    SAMPLING_NONE = 0
    SAMPLING_OVERRIDE = 1
    SAMPLING_TEMPLATE = 4
    SAMPLING_DOMAIN = 6
    SAMPLING_HEADER = 7
    SAMPLING_HEADER_MODE0 = 8
    SAMPLING_DEFAULT = 9

cdef struct Kept:               # what is kept of all exporters, and how much may be
    TemplateAccount templates
    PendingAccount pending
    uint32_t most_domains       # of one exporter
    uint32_t most_domains_in_all
    uint32_t n_domains          # of all exporters, agents among them
    DomainState* newest_domain  # heard of last
    DomainState* oldest_domain

cdef struct DomainState:        # an observation domain of an exporter, in one protocol
    uint8_t protocol
    uint32_t id
    ExporterState* exporter
    DomainState* next           # of the exporter; most recently used first
    DomainState* newer          # of all exporters
    DomainState* older
    Templates templates
    # What options say, as far as the domain was informed since any were learnt:
    bint informed
    uint32_t told_rate          # of all its records; 0: not told
    bint has_init
    int64_t init_ms             # when the exporter started, in milliseconds since 1970
    const RateTable* samplers   # NULL: nothing is known; whoever informs keeps them alive
    const RateTable* interfaces
    const NameTable* names[NAME_KINDS]
    # From here on, what a message changes and `put_back` puts back:
    bint sequence_known
    uint32_t expected           # the next sequence number
    bint by_message             # counts messages; others count flows, or records
    uint8_t otherwise           # how often in a row the other unit was right and this one wrong
    uint32_t last               # the last sequence number, and how many flows came with it; -1: not known
    int64_t last_count
    uint64_t missed_before      # what was counted when `otherwise` was 0
    uint64_t reordered_before
    uint32_t uptime_ms          # of the last message in sequence
    bint count_told             # that v9's Count is not of records
    bint sampling_known
    uint32_t sampling_rate      # 0: not known
    uint8_t sampling_source
    uint64_t datagrams
    uint64_t octets
    uint64_t records
    uint64_t options_records
    uint64_t missed
    uint64_t reordered
    uint64_t resets
    uint64_t discarded
    bint seen                   # whether the two times are known
    int64_t first_seen_ns
    int64_t last_seen_ns

cdef struct ExporterState:
    bint known                  # False: the caller does not say who it is
    uint8_t address[ADDRESS_OCTETS]
    uint32_t override_rate      # the caller's sampling rate for it; 0: none
    bint taught                 # options of it told something
    uint64_t refused            # datagrams of no protocol
    DomainState* domains
    uint32_t n_domains
    Waiting waiting             # Data Sets without a template
    bint evicted                # forgotten; only who still holds it uses it
    void* owner                 # the Exporter that holds it, borrowed
    ExporterState* older
    ExporterState* newer

cdef About about(const ExporterState* exporter, const DomainState* domain) noexcept nogil
cdef DomainState* find_domain(
    ExporterState* exporter, int protocol, uint32_t id, Kept* kept, Notebook* book,
) noexcept nogil
cdef void forget_domain(Kept* kept, DomainState* domain) noexcept nogil
cdef void see(DomainState* domain, Py_ssize_t octets, bint has_received, int64_t received_ns) noexcept nogil
cdef void count_sequence(
    const ExporterState* exporter, DomainState* domain, int64_t offset, uint32_t got, int64_t count,
    uint32_t uptime_ms, Notebook* book,
) noexcept nogil
cdef void settle_rate(
    const ExporterState* exporter, DomainState* domain, int64_t offset, uint16_t word, uint32_t default_rate,
    Notebook* book,
) noexcept nogil
cdef void put_back(DomainState* domain, const DomainState* before) noexcept nogil


cdef class Keep:
    cdef Kept kept


cdef class Exporter:
    cdef ExporterState state
    cdef Keep keep
    cdef bytes identity
    cdef bytes address          # None: the caller does not say who it is
    cdef object stream          # octets of a stream that are no message yet; None: it sends none
    cdef dict informed          # (protocol, domain) -> what its DomainState points at
    cdef void forget(self) noexcept


cdef class Alias:
    cdef Exporter exporter
    cdef bint has_port
    cdef uint16_t port


cdef class Exporters:
    cdef Keep keep
    cdef dict by_identity
    cdef dict aliases
    cdef Py_ssize_t most
    cdef Py_ssize_t most_aliases
    cdef ExporterState* newest
    cdef ExporterState* oldest
    cdef object last_spelled            # by the caller, and whom it means; None: nobody yet
    cdef Alias last
    cdef Py_ssize_t evictions           # grows; who keeps a borrowed ExporterState looks at it
    cdef void use(self, ExporterState* state) noexcept nogil
    cdef void unlink(self, ExporterState* state) noexcept nogil
    cdef int evict(self, Notebook* book) except -1
    cdef Exporter of_identity(self, tuple identified, Notebook* book)
    cdef Alias known(self, object spelled)
    cdef Alias add(self, object spelled, tuple identified, Notebook* book)


cdef inline void remember(DomainState* before, const DomainState* domain) noexcept nogil:
    """Write down what a message may change of a domain, for `put_back`."""
    # Bounds: to the end of the struct, in both.
    memcpy(
        &before.sequence_known, &domain.sequence_known,
        <const uint8_t*> (domain + 1) - <const uint8_t*> &domain.sequence_known,
    )
