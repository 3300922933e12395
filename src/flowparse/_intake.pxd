# cython: language_level=3
"""Datagrams in Arrow columns."""

from flowparse._decode cimport Datagram
from flowparse._stream cimport StreamFeeder


cdef class ArrowFeeder(StreamFeeder):
    cdef int _run_rows(
        self, Datagram* block, Py_ssize_t n, const Py_ssize_t* rows_of, bint release, Py_ssize_t* rows,
    ) except -1
