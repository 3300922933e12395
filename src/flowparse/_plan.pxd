# cython: language_level=3
"""Plans: which octets of a record go to which column."""

from libc.stdint cimport uint8_t, uint16_t

from flowparse._columns cimport Ledger, Store, Table
from flowparse._wire cimport Span

cdef enum Stop:                 # why a kernel returned; the door acts, then resumes
    STOP_END = 0                # the span holds no further whole record
    STOP_LIMIT = 1              # no more octets may be held between takes
    STOP_MEMORY = 2             # there is none

cdef struct Step:               # one field of a record; made and bounds-checked once, by Plan
    uint16_t offset             # octets from the start of the record
    uint16_t width              # octets of the field
    uint16_t column
    uint16_t kernel             # which loop

cdef struct Program:            # what a Plan is to kernels
    Store* store
    Py_ssize_t record_length    # at least 1
    Py_ssize_t n_steps
    Step* steps

cdef Stop run_fixed(const Program* program, Span* body, Ledger* ledger) noexcept nogil


cdef class Plan:
    cdef Program program
    cdef readonly Table table
