# cython: boundscheck=False, wraparound=False
"""Slabs: refcounted blocks of memory that go back to a bounded pool.

Decoding into memory that was used before is three times as fast as into fresh pages, so full slabs
are recycled. A slab is shared by whoever reads its columns (a Chunk, an Arrow array in some other
library) and the last one to let go may be on another thread, without the GIL, long after the
decoder died. So the counts are atomic, the free lists are under a lock, and the pool itself is
counted: the decoder holds it, and so does every slab that is out.
"""

from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from cpython.pythread cimport PyThread_acquire_lock, PyThread_allocate_lock, PyThread_release_lock, WAIT_LOCK
from libc.stdint cimport uintptr_t, uint8_t
from libc.string cimport memset

cdef extern from "pythread.h":
    # It only frees memory; Cython's own declaration asks for the GIL.
    void PyThread_free_lock(PyThread_type_lock lock) noexcept nogil

cdef enum:
    ALIGNMENT = 64


cdef size_t slab_size(int size_class) noexcept nogil:
    return <size_t> 4096 << (2 * size_class - (size_class == SLAB_LARGEST))


cdef Pool* new_pool(size_t most_free_octets) noexcept:
    """A pool that keeps at most so many octets of slabs that nobody uses, or NULL without memory."""
    cdef Pool* pool = <Pool*> PyMem_RawMalloc(sizeof(Pool))
    if pool == NULL:
        return NULL
    memset(pool, 0, sizeof(Pool))
    pool.refs = 1
    pool.most_free_octets = most_free_octets
    pool.lock = PyThread_allocate_lock()
    if pool.lock == NULL:
        PyMem_RawFree(pool)
        return NULL
    return pool


cdef void drop_pool(Pool* pool) noexcept nogil:
    if release(&pool.refs) == 0:
        PyThread_free_lock(pool.lock)
        PyMem_RawFree(pool)


cdef void close_pool(Pool* pool) noexcept nogil:
    """Free what is unused; slabs that are out free themselves when they come back."""
    cdef int size_class
    cdef Slab* slab
    PyThread_acquire_lock(pool.lock, WAIT_LOCK)
    pool.closed = True
    for size_class in range(SLAB_CLASSES):
        # Progress: the list is one slab shorter each turn.
        while pool.free[size_class] != NULL:
            slab = pool.free[size_class]
            pool.free[size_class] = slab.next
            PyMem_RawFree(slab)
    PyThread_release_lock(pool.lock)
    drop_pool(pool)


cdef Slab* new_block(size_t size) noexcept nogil:
    """A block of any size with one reference, of no pool; NULL without memory."""
    # Bounds: the header, up to ALIGNMENT - 1 octets of gap, then `size` octets.
    cdef Slab* slab = <Slab*> PyMem_RawMalloc(sizeof(Slab) + ALIGNMENT + size)
    if slab == NULL:
        return NULL
    slab.refs = 1
    slab.size_class = -1
    slab.size = size
    slab.data = <uint8_t*> ((<uintptr_t> slab + sizeof(Slab) + ALIGNMENT - 1) & ~<uintptr_t> (ALIGNMENT - 1))
    slab.pool = NULL
    slab.next = NULL
    return slab


cdef Slab* new_slab(Pool* pool, int size_class) noexcept nogil:
    """A slab of the class with one reference, recycled if there is one; NULL without memory."""
    cdef Slab* slab
    PyThread_acquire_lock(pool.lock, WAIT_LOCK)
    slab = pool.free[size_class]
    if slab != NULL:
        pool.free[size_class] = slab.next
        pool.n_free[size_class] -= 1
        pool.free_octets -= slab.size
    PyThread_release_lock(pool.lock)
    if slab == NULL:
        slab = new_block(slab_size(size_class))
        if slab == NULL:
            return NULL
        slab.size_class = size_class
        slab.pool = pool
    slab.refs = 1
    slab.next = NULL
    retain(&pool.refs)
    return slab


cdef void drop_slab(Slab* slab) noexcept nogil:
    """Let go of one reference; any thread, with or without the GIL."""
    cdef Pool* pool = slab.pool
    cdef bint keep
    if release(&slab.refs) != 0:
        return
    if pool == NULL:
        PyMem_RawFree(slab)
        return
    PyThread_acquire_lock(pool.lock, WAIT_LOCK)
    keep = not pool.closed and slab.size <= pool.most_free_octets - pool.free_octets
    if keep:
        slab.next = pool.free[slab.size_class]
        pool.free[slab.size_class] = slab
        pool.n_free[slab.size_class] += 1
        pool.free_octets += slab.size
    PyThread_release_lock(pool.lock)
    if not keep:
        PyMem_RawFree(slab)
    drop_pool(pool)
