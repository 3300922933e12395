# cython: language_level=3
"""What a walk over Sets stops for, because only Python has it."""

from libc.stdint cimport uint8_t, uint32_t

from flowparse._exporters cimport DomainState, Exporter
from flowparse._templates cimport Template
from flowparse._underway cimport MessageWalker

cdef struct Lesson:                 # options records that say what others mean
    const Template* template
    const uint8_t* at
    Py_ssize_t length


cdef class LearningWalker(MessageWalker):
    cdef Lesson* lessons
    cdef size_t n_lessons
    cdef size_t lessons_room
    cdef void _set_known(self) noexcept nogil
    cdef void _set_rate(self, uint32_t rate, uint8_t source) noexcept nogil
    cdef int _note_lesson(self, const Template* template, const uint8_t* at, Py_ssize_t length) noexcept nogil
    cdef int _forget_informed(self, Exporter exporter) except -1
    cdef int _set_informed(self, Exporter exporter, DomainState* domain) except -1
    cdef int _set_program(self, Template* template) except -1
