# cython: language_level=3
"""Step kernels: a column of fields on the wire to a column in memory."""

from libc.stdint cimport uint8_t

from flowparse._part cimport Context

ctypedef const uint8_t* Wire
ctypedef const Context* Clock
ctypedef void (*StepKernel)(
    Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock,
) noexcept nogil

cdef StepKernel kernel_at(int number) noexcept
