# cython: language_level=3
"""Lines of sflowtool's text."""

from libc.stdint cimport uint8_t

from flowparse._textstate cimport Assembly

cdef void take_pair(
    Assembly* a, const uint8_t* key, Py_ssize_t key_octets, const uint8_t* value, const uint8_t* end,
) noexcept nogil
cdef void take_mark(Assembly* a, int mark, const uint8_t* line, const uint8_t* end) noexcept nogil
cdef void take_line(Assembly* a, const uint8_t* at, const uint8_t* end) noexcept nogil
