# cython: language_level=3
"""Plans: which octets of a record go to which column."""

from libc.stdint cimport uint8_t, uint16_t

from flowparse._columns cimport Ledger, Store, Table
from flowparse._steps cimport StepKernel
from flowparse._wire cimport Span

cdef enum Stop:                 # why a kernel returned; the door acts, then resumes
    STOP_END = 0                # the span holds no further whole record
    STOP_LIMIT = 1              # no more octets may be held between takes
    STOP_MEMORY = 2             # there is none
    STOP_RECORD = 3             # a record reaches past the end of the span

cdef struct Step:               # a fixed field to a fixed column; made and bounds-checked once, by Plan
    StepKernel kernel
    uint16_t offset             # octets from the start of its segment
    uint16_t width              # octets of the field
    uint16_t column
    uint16_t stored             # octets of a value in memory

cdef struct Append:             # a field to a variable column
    uint16_t offset             # as above, of a fixed one
    uint16_t width
    uint16_t column
    uint16_t heap
    uint16_t segment            # the one it lies in, or ends
    bint variable               # the field that ends the segment
    bint trim                   # without the zeros at its end
    uint8_t names               # NameKind: not the octets, but what the number in them is called

cdef struct Segment:            # the fixed octets before a variable field, or before the record's end
    Py_ssize_t length
    Py_ssize_t n_steps
    Step* steps
    bint lined_up               # of a record with variable fields: columns are made of it
    Py_ssize_t place            # where in the block

cdef struct Counter:            # a field that says how much went back; of fixed length
    uint16_t segment
    uint16_t offset
    uint16_t width

cdef struct Program:            # what a Plan is to kernels
    Store* store
    Py_ssize_t n_segments       # one more than there are variable fields
    Segment* segments
    Py_ssize_t n_appends
    Append* appends
    Py_ssize_t least_length     # of a record; at least 1
    Py_ssize_t at_once          # records with variable fields that are walked before their columns are written
    bint has_wire
    uint16_t wire               # which of the layout's widths of fields
    Program* reverse            # what makes a second row of each record; NULL: there is one
    Py_ssize_t n_counters       # of a reverse one: where all are zero, nothing went back
    Counter* counters

cdef Stop run(const Program* program, Span* body, Ledger* ledger) noexcept nogil


cdef class Plan:
    cdef Program program
    cdef Step* steps
    cdef readonly Table table
    cdef readonly Plan reverse
