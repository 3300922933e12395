# cython: language_level=3
"""Whether a text is of sflowtool 5.01."""

from libc.stdint cimport int64_t, uint8_t

from flowparse._textstate cimport Assembly

cdef void settle_by_head(Assembly* a) noexcept nogil
cdef void settle_turned(Assembly* a) noexcept nogil
cdef void settle_by_header(Assembly* a, int protocol, int64_t at, Py_ssize_t octets) noexcept nogil
cdef void tell_unsettled(Assembly* a) noexcept nogil
cdef void turn_later(Assembly* a, int kind, int64_t at) noexcept nogil
cdef void forget_turns(Assembly* a) noexcept nogil
cdef void hand_over_turns(Assembly* a, int64_t octets) noexcept nogil
