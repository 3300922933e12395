# cython: language_level=3
"""Sets of Template Records."""

from libc.stdint cimport int64_t, uint16_t

from flowparse._learning cimport LearningWalker
from flowparse._plan cimport Stop
from flowparse._templates cimport Record, Template
from flowparse._wire cimport Span


cdef class TemplateWalker(LearningWalker):
    cdef Stop _read_templates(self, uint16_t set_id, bint is_options, Span* body) noexcept nogil
    cdef bint _is_readable(self, uint16_t set_id, bint is_options, const Span* body) noexcept nogil
    cdef Stop _rejected(self, uint16_t set_id, const Record* record, int reading, int64_t there) noexcept nogil
    cdef Stop _define(self, uint16_t set_id, const Record* record) noexcept nogil
    cdef Stop _withdraw(self, uint16_t set_id, const Record* record) noexcept nogil
    cdef Stop _evict(self) noexcept nogil
    cdef Stop _evict_by(self, int kind, Template** oldest, const size_t* held, size_t most) noexcept nogil
