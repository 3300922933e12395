# cython: language_level=3
"""Growable columns: what decode kernels append to, and what is handed over when it is taken."""

from libc.stdint cimport uint64_t

from flowparse._interfaces cimport Interfaces, InterfaceTable
from flowparse._layout cimport Layout, Shape
from flowparse._part cimport Context, Part, Shared
from flowparse._slab cimport Pool

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
    Py_ssize_t out_of_range     # values that did not fit their column, in sealed parts
    # The mark: where it stood when this message first touched it.
    uint64_t touched            # ordinal of that message
    Part* mark_part
    int mark_next_class
    Py_ssize_t mark_rows
    Py_ssize_t mark_runs
    uint64_t mark_run_version
    Part* mark_sealed_last
    Store* next_touched
    # The ledger's list of stores with an open part.
    bint listed
    Store* older
    Store* newer

cdef struct Ledger:             # one message's account, and the bounds over all
    Pool* pool
    size_t held                 # octets of slabs held, of `most_held`
    size_t most_held
    uint64_t message            # ordinal of the message, from 1
    uint64_t run_version        # grows when `context` changes
    bint apart                  # rows of this message leave by themselves (Decoder.decode)
    Py_ssize_t rows             # added by this message
    Py_ssize_t reversed         # and reverse halves of them, which are rows once it counts
    Py_ssize_t waiting          # committed, and not yet taken
    Store* touched
    size_t n_open               # stores with an open part, of `most_open`
    size_t most_open
    Store* newest_open          # touched last
    Store* oldest_open
    Interfaces* interfaces      # NULL: they are not counted
    Context context

cdef void begin_message(Ledger* ledger, bint apart) noexcept nogil
cdef Py_ssize_t reserve(Ledger* ledger, Store* store, Py_ssize_t want) noexcept nogil
cdef Py_ssize_t reserve_octets(Ledger* ledger, Store* store, int heap, size_t octets) noexcept nogil
cdef void commit_message(Ledger* ledger) noexcept nogil
cdef void roll_back_message(Ledger* ledger) noexcept nogil
cdef void seal_open(Ledger* ledger, Store* store) noexcept nogil


cdef class Account:
    cdef Ledger ledger
    cdef InterfaceTable interfaces
    cpdef list take_apart(self)


cdef class Table:
    cdef Store store
    cdef readonly Layout layout
    cdef readonly str name
    cdef readonly Py_ssize_t n_plans    # that write to it
    cdef Account account


cdef class Sealed:
    cdef Part* part
    cdef readonly Layout layout


cdef Sealed wrap_part(Layout layout, Part* part)
