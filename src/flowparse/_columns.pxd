# cython: language_level=3
"""Growable columns: what decode kernels append to, and what is handed over when a slab is full."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from flowparse._slab cimport Pool, SLAB_CLASSES, Slab

cdef enum:
    MOST_ROWS = 8192            # of a part
    ADDRESS_OCTETS = 16

cdef enum Source:               # who fills a column
    SOURCE_NULL = 0             # nobody: every part points at the same null octets
    SOURCE_STEP = 1             # decode steps
    SOURCE_FINISH = 2           # a finish step, when the part is sealed
    SOURCE_CONTEXT = 3          # the Context of each message, when the part is sealed
    SOURCE_CONSTANT = 4         # the layout

cdef enum ContextField:
    CONTEXT_EXPORTER = 0
    CONTEXT_EXPORTER_PORT = 1
    CONTEXT_DOMAIN = 2
    CONTEXT_TEMPLATE_ID = 3
    CONTEXT_EXPORT_TIME = 4
    CONTEXT_MESSAGE_INDEX = 5
    CONTEXT_RECEIVED = 6
    CONTEXT_SEQUENCE = 7
    CONTEXT_SAMPLING_RATE = 8
    CONTEXT_SAMPLING_SOURCE = 9
    CONTEXT_PROTOCOL = 10
    CONTEXT_FIELDS = 11

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
    uint8_t sampling_source
    uint8_t protocol            # FLOW's `type`
    uint16_t nulls              # a bit for each ContextField that is unknown

cdef struct Run:                # from first_row to the next run's, all rows have this context
    Context context
    uint32_t first_row

cdef enum Finish:               # see finish_* in _columns.pyx
    FINISH_ICMP_SPLIT = 0       # proto, src_port, dst_port, icmp_type, icmp_code
    FINISH_TIME_ORDER = 1       # start, end
    FINISH_ZERO_IS_NULL = 2     # column
    FINISH_KINDS = 3

cdef struct FinishStep:
    uint16_t kind
    uint16_t columns[6]

cdef struct ColumnSpec:
    uint8_t source
    uint8_t field               # SOURCE_CONTEXT: which
    uint8_t nullable            # has room for a validity bitmap
    uint16_t width              # octets of a value in memory; 0: variable, int32 offsets and a heap
    uint16_t heap               # which heap, of a variable one
    uint64_t constant           # SOURCE_CONSTANT, host order

cdef struct Shape:              # what a Layout is to kernels: immutable, one block, counted
    long refs
    int n_columns               # handed over; the n_stored - n_columns after them are scratch
    int n_stored
    int n_heaps
    int n_finish
    ColumnSpec* columns
    FinishStep* finish
    int largest                 # class of slab beyond which no more rows fit
    uint32_t rows[SLAB_CLASSES]             # how many fit a slab of the class
    uint32_t* data[SLAB_CLASSES]            # offsets in the slab, per stored column
    uint32_t* validity[SLAB_CLASSES]        # likewise; 0 where there is no bitmap

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
    Run* runs
    Py_ssize_t n_runs
    Py_ssize_t runs_capacity
    uint64_t run_version        # the ledger's, when the last run began
    Heap* heaps
    ColumnRef* columns
    Part* next

cdef struct Shared:             # a column that had one value throughout, kept for the next part
    Slab* slab
    uint8_t value[ADDRESS_OCTETS]

cdef struct Store:              # the growing rows of one layout
    Shape* shape
    void* table                 # the Table that owns it, borrowed
    int next_class
    Part* open
    Part* closing               # full in this message, oldest first; sealed at commit
    Part* closing_last
    Part* sealed                # oldest first
    Part* sealed_last
    Shared* shared              # per column
    # The mark: where it stood when this message first touched it.
    uint64_t touched            # ordinal of that message
    Part* mark_part
    int mark_next_class
    Py_ssize_t mark_rows
    Py_ssize_t mark_runs
    uint64_t mark_run_version
    Part* mark_sealed_last
    Store* next_touched

cdef struct Ledger:             # one message's account, and the bounds over all
    Pool* pool
    size_t held                 # octets of slabs held, of `most_held`
    size_t most_held
    uint64_t message            # ordinal of the message, from 1
    uint64_t run_version        # grows when `context` changes
    bint apart                  # rows of this message leave by themselves (Decoder.decode)
    Py_ssize_t rows             # added by this message
    Py_ssize_t waiting          # committed, and not yet taken
    Store* touched
    Context context

cdef void begin_message(Ledger* ledger, bint apart) noexcept nogil
cdef Py_ssize_t reserve(Ledger* ledger, Store* store, Py_ssize_t want) noexcept nogil
cdef Py_ssize_t reserve_octets(Ledger* ledger, Store* store, int heap, size_t octets) noexcept nogil
cdef void commit_message(Ledger* ledger) noexcept nogil
cdef void roll_back_message(Ledger* ledger) noexcept nogil
cdef void seal_open(Store* store) noexcept nogil
cdef Part* bare_part(Shape* shape) noexcept nogil
cdef void drop_part(Part* part) noexcept nogil
cdef const uint8_t* null_octets() noexcept nogil


cdef inline uint8_t* column_end(const Part* part, int column) noexcept nogil:
    # Bounds: reserve() promised room for the rows that the caller is about to write.
    return part.slab.data + part.data[column] + part.rows * part.shape.columns[column].width


cdef class Layout:
    cdef Shape* shape
    cdef readonly tuple names
    cdef readonly tuple types
    cdef readonly tuple units
    cdef readonly tuple wire_octets
    cdef readonly dict index
    cdef object arrow           # what _arrow made of it, once


cdef class Account:
    cdef Ledger ledger
    cpdef list take_apart(self)


cdef class Table:
    cdef Store store
    cdef readonly Layout layout
    cdef readonly str name
    cdef Account account


cdef class Sealed:
    cdef Part* part
    cdef readonly Layout layout


cdef Sealed wrap_part(Layout layout, Part* part)
