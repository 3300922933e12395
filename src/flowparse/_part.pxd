# cython: language_level=3
"""Parts: the rows of one slab, open and then sealed."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from flowparse._layout cimport ADDRESS_OCTETS, Shape
from flowparse._lookup cimport NAME_KINDS, NameTable, RateTable
from flowparse._slab cimport Pool, Slab

cdef struct Context:            # what one message, or one Set of it, says about all its rows
    uint8_t exporter[ADDRESS_OCTETS]
    int64_t export_ns
    int64_t received_ns
    uint64_t message_index
    uint32_t uptime_ms          # of the exporter, at export_ns
    uint32_t domain
    uint32_t sequence
    uint32_t sampling_rate
    uint16_t exporter_port
    uint16_t template_id
    uint16_t wire               # which of the layout's widths of fields
    uint16_t nulls              # a bit for each ContextField that is unknown
    uint8_t sampling_source
    uint8_t protocol            # FLOW's `type`
    uint8_t time_source         # how times since the exporter's start become times: TIME_ codes, 0 not at all
    # Behind this, what steps look up; runs do not keep it.
    int64_t init_ms             # TIME_OPTIONS_INIT: when it started, in milliseconds since 1970
    const RateTable* samplers   # rates by sampler id and by ifIndex; NULL: none is known
    const RateTable* interfaces
    const NameTable* names[NAME_KINDS]      # likewise

cdef enum TimeSource:           # enums/time_source.tsv
    TIME_NONE = 0
    TIME_OPTIONS_INIT = 4
    TIME_HEADER_UPTIME = 5

cdef struct Run:                # from first_row to the next run's, all rows have this context
    Context context
    uint32_t first_row

cdef struct Heap:               # octets of one variable column
    Slab* slab
    int32_t used
    int32_t mark

cdef struct ColumnRef:          # one finished column, as Arrow wants it
    Slab* owner                 # NULL: the part's own slab, or octets that live for ever
    const uint8_t* validity     # NULL: no value is null
    const int32_t* offsets      # NULL: fixed width
    const uint8_t* data
    int64_t null_count

cdef struct Part:               # the rows of one slab: open, then sealed and immutable; counted
    long refs
    Shape* shape
    Slab* slab                  # NULL where every column has an owner
    uint32_t* data              # shape.data of the slab's class
    Py_ssize_t rows
    Py_ssize_t capacity
    Run* runs                   # once sealed, only those where `wire` changes, or none
    Py_ssize_t n_runs
    Py_ssize_t runs_capacity
    uint64_t run_version        # the ledger's, when the last run began
    int odd                     # what kernels returned, together
    Py_ssize_t out_of_range     # values that finish steps made null
    Heap* heaps
    ColumnRef* columns
    Part* next

cdef struct Shared:             # a column that had one value throughout, kept for the next part
    Slab* slab
    uint8_t value[ADDRESS_OCTETS]

cdef Part* bare_part(Shape* shape) noexcept nogil
cdef Part* new_part(Shape* shape, Pool* pool, int size_class) noexcept nogil
cdef void drop_part(Part* part) noexcept nogil
cdef void drop_chain(Part* part) noexcept nogil
cdef size_t octets_of(const Part* part) noexcept nogil
cdef int add_run(Part* part, const Context* context, uint64_t version) noexcept nogil
cdef void finish_part(Part* part, Shared* shared) noexcept nogil
cdef void close_runs(Part* part) noexcept nogil
cdef void set_all_null(Part* part, int column) noexcept nogil
cdef const uint8_t* null_octets() noexcept nogil


cdef inline uint8_t* values_of(const Part* part, int column) noexcept nogil:
    return part.slab.data + part.data[column]


cdef inline uint8_t* bitmap_of(const Part* part, int column) noexcept nogil:
    return part.slab.data + part.shape.validity[part.slab.size_class][column]


cdef inline uint8_t* column_end(const Part* part, int column) noexcept nogil:
    # Bounds: reserve() promised room for the rows that the caller is about to write.
    return part.slab.data + part.data[column] + part.rows * part.shape.columns[column].width
