# cython: language_level=3
"""Slabs: refcounted blocks of memory that go back to a bounded pool, from any thread, without the GIL."""

from cpython.pythread cimport PyThread_type_lock
from libc.stdint cimport uint8_t, uint64_t

cdef enum:
    SLAB_CLASSES = 6            # 4, 16, 64, 256 KiB, 1 and 2 MiB
    SLAB_LARGEST = SLAB_CLASSES - 1

cdef extern from *:
    """
    #if defined(_MSC_VER)
    #include <intrin.h>
    static long fp_retain(volatile long *refs) { return _InterlockedIncrement(refs); }
    static long fp_release(volatile long *refs) { return _InterlockedDecrement(refs); }
    #else
    static inline long fp_retain(volatile long *refs) { return __atomic_add_fetch(refs, 1, __ATOMIC_RELAXED); }
    static inline long fp_release(volatile long *refs) { return __atomic_sub_fetch(refs, 1, __ATOMIC_ACQ_REL); }
    #endif
    """
    long retain "fp_retain"(long* refs) noexcept nogil
    long release "fp_release"(long* refs) noexcept nogil

cdef struct Slab:
    long refs                   # atomic
    int size_class
    size_t size                 # octets at `data`
    uint8_t* data               # 64-octet aligned
    Pool* pool                  # NULL: a block of its own
    Slab* next                  # in the pool's free list

cdef struct Pool:
    long refs                   # atomic: the decoder, and every slab that is out
    PyThread_type_lock lock     # over the free lists
    Slab* free[SLAB_CLASSES]
    int n_free[SLAB_CLASSES]
    size_t free_octets          # in all lists
    size_t most_free_octets
    bint closed                 # the decoder died: nothing is kept any more

cdef size_t slab_size(int size_class) noexcept nogil
cdef Pool* new_pool(size_t most_free_octets) noexcept
cdef void close_pool(Pool* pool) noexcept nogil
cdef Slab* new_slab(Pool* pool, int size_class) noexcept nogil
cdef Slab* new_block(size_t size) noexcept nogil
cdef void drop_slab(Slab* slab) noexcept nogil
