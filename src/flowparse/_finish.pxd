# cython: language_level=3
"""Finish steps: what only several columns together can tell, settled once for a whole part."""

from flowparse._part cimport Part

cdef void run_finish_steps(Part* part) noexcept nogil
