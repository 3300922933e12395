# cython: language_level=3
"""The datagram that sflowtool printed, in the making: where samples and datagrams begin and end."""

from libc.stdint cimport uint8_t

from flowparse._textstate cimport Assembly, Entry

cdef void begin_sample(Assembly* a) noexcept nogil
cdef bint ready_for_records(Assembly* a) noexcept nogil
cdef void end_sample(Assembly* a) noexcept nogil
cdef void tear_sample(Assembly* a) noexcept nogil
cdef void take_metric(
    Assembly* a, const Entry* entry, const uint8_t* line, const uint8_t* key, Py_ssize_t key_octets,
    const uint8_t* value, const uint8_t* end,
) noexcept nogil
cdef void begin_datagram(Assembly* a) noexcept nogil
cdef void end_datagram(Assembly* a) noexcept nogil
cdef void tear_datagram(Assembly* a) noexcept nogil
cdef void next_unmarked(Assembly* a, const Entry* entry) noexcept nogil
cdef void take_type(Assembly* a, const uint8_t* value, const uint8_t* end) noexcept nogil
