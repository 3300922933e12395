# cython: language_level=3
"""The Arrow C data interface: schemas, arrays and streams, shared with the consumer and never copied."""

from libc.stdint cimport int64_t

from flowparse._layout cimport Layout
from flowparse._part cimport ColumnRef, Part

cdef struct ArrowSchema:
    const char* format
    const char* name
    const char* metadata
    int64_t flags
    int64_t n_children
    ArrowSchema** children
    ArrowSchema* dictionary
    void (*release)(ArrowSchema*) noexcept nogil
    void* private_data

cdef struct ArrowArray:
    int64_t length
    int64_t null_count
    int64_t offset
    int64_t n_buffers
    int64_t n_children
    const void** buffers
    ArrowArray** children
    ArrowArray* dictionary
    void (*release)(ArrowArray*) noexcept nogil
    void* private_data

cdef struct ArrowArrayStream:
    int (*get_schema)(ArrowArrayStream*, ArrowSchema*) noexcept nogil
    int (*get_next)(ArrowArrayStream*, ArrowArray*) noexcept nogil
    const char* (*get_last_error)(ArrowArrayStream*) noexcept nogil
    void (*release)(ArrowArrayStream*) noexcept nogil
    void* private_data

cdef struct Description:        # names and formats of a Layout: immutable, one block, counted
    long refs
    int n_columns
    const char** names
    const char** formats
    int n_lists
    const char** items          # formats of the items of lists; NULL for any other column

cdef struct Window:             # rows of a part
    Part* part
    Py_ssize_t start
    Py_ssize_t rows

cdef Description* describe(Layout layout) except NULL
cdef void drop_description(Description* description) noexcept nogil
cdef Py_ssize_t count_nulls(
    const ColumnRef* ref, Py_ssize_t part_rows, Py_ssize_t start, Py_ssize_t rows,
) noexcept nogil
cdef object schema_capsule(Description* description)
cdef object array_capsule(const Description* description, Window window)
cdef object stream_capsule(Description* description, const Window* windows, Py_ssize_t n)
