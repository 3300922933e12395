# cython: language_level=3
"""Data Sets: their records to rows."""

from flowparse._columns cimport Ledger
from flowparse._plan cimport Stop
from flowparse._templates cimport Template
from flowparse._templatesets cimport TemplateWalker
from flowparse._wire cimport Span

cdef struct Decoded:                # of one Set
    Py_ssize_t records
    Py_ssize_t over                 # records beyond a limit
    int met                         # the kind of note that tells which


cdef class DataWalker(TemplateWalker):
    cdef Stop _run_set(self) noexcept nogil
    cdef Stop _decode_records(self, Template* template, Span* body, Decoded* decoded) noexcept nogil
    cdef void _describe(self, Template* template) noexcept nogil
    cdef Py_ssize_t _limit_values(self, Span* body, const Template* template, int* met) noexcept nogil
    cdef Ledger* _ledger_of(self, const Template* template) noexcept nogil
    cdef void _count(self, const Template* template, Py_ssize_t records) noexcept nogil
