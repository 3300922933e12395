# cython: language_level=3
"""Layouts: the columns of a table, how they are stored, and who fills them."""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t

from flowparse._slab cimport SLAB_CLASSES

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
    CONTEXT_TIME_SOURCE = 11
    CONTEXT_FIELDS = 12

cdef struct FinishStep:
    uint16_t kind               # index in FINISH_KERNELS of _finish.pyx
    uint16_t columns[6]

cdef struct ColumnSpec:
    uint8_t source
    uint8_t field               # SOURCE_CONTEXT: which
    uint8_t nullable            # has room for a validity bitmap
    uint16_t width              # octets of a value in memory; 0: variable, int32 offsets and a heap
    uint16_t heap               # which heap, of a variable one
    uint64_t constant           # SOURCE_CONSTANT, host order
    uint8_t form                # how `Row.raw` makes its octets again
    uint16_t kept               # FORM_KEPT: the scratch column that has them

cdef enum Form:
    FORM_VALUE = 0              # the value, as wide as it was sent
    FORM_KEPT = 1               # they were kept
    FORM_SECONDS = 2            # a time that was seconds
    FORM_MILLISECONDS = 3

cdef struct Shape:              # what a Layout is to kernels: immutable, one block, counted
    long refs
    int n_columns               # handed over; the n_stored - n_columns after them are scratch
    int n_stored
    int n_heaps
    int n_finish
    ColumnSpec* columns
    FinishStep* finish
    int32_t counted[3]          # the columns by which interfaces are counted: in, out, octets; -1: none
    bint keeps_wires            # whether it is known how wide each field was sent
    int largest                 # class of slab beyond which no more rows fit
    uint32_t rows[SLAB_CLASSES]             # how many fit a slab of the class
    uint32_t* data[SLAB_CLASSES]            # offsets in the slab, per stored column
    uint32_t* validity[SLAB_CLASSES]        # likewise; 0 where there is no bitmap

cdef void drop_shape(Shape* shape) noexcept nogil


cdef class Layout:
    cdef Shape* shape
    cdef readonly tuple names
    cdef readonly tuple types
    cdef readonly tuple units
    cdef readonly tuple wire_octets
    cdef readonly dict index
    cdef readonly list wires    # how wide the fields of each template are, in the order of `names`
    cdef dict wire_index
    cdef tuple described        # its columns as they were told; of one that is like another, those of the other
    cdef object arrow           # what _arrow made of it, once
