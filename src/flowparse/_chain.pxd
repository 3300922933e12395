# cython: language_level=3
"""Lists that go through structs of any kind: what the neighbors of one, or the ends of its list, point at.

Each keeps its neighbors written down when it is taken out, so that what a message did is undone in the reverse order.
"""

from libc.string cimport memcpy


cdef inline void tie(
    void* from_older, void* from_newer, const void* one, const void* older, const void* newer, bint is_in,
) noexcept nogil:
    """Put it between its neighbors, or let them be each other's.

    `from_older` is where the older neighbor points at it, or the list at its oldest; `from_newer` likewise.
    """
    cdef const void* forward = one if is_in else newer
    cdef const void* backward = one if is_in else older
    # Bounds: each is the place of a pointer; copied, since pointers to any struct are stored alike but are no void*.
    memcpy(from_older, &forward, sizeof(forward))
    memcpy(from_newer, &backward, sizeof(backward))
