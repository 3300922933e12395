# cython: language_level=3
"""What the keys of sflowtool's text mean."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from flowparse._textstate cimport Entry, Form

cdef Entry* find_entry(
    Entry* entries, const uint16_t* table, uint32_t mask, int form, const uint8_t* key, Py_ssize_t octets,
) noexcept nogil


cdef class Keys:
    cdef Form* forms
    cdef Entry* entries
    cdef uint16_t* table        # open addressing: 0, or 1 + the index of an entry
    cdef uint32_t mask
    cdef int n_forms
    cdef int n_entries
    cdef list keep              # the octets of keys and titles
