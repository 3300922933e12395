# cython: language_level=3
"""Chunks, columns and rows: finished parts as Python sees them."""

from flowparse._arrow cimport Window
from flowparse._columns cimport Sealed
from flowparse._layout cimport Layout
from flowparse._show cimport Face


cdef class Chunk:
    cdef Window window
    cdef Sealed sealed
    cdef Face face
    cdef readonly Layout layout
    cdef object read(self, Py_ssize_t column, Py_ssize_t at, bint text)
