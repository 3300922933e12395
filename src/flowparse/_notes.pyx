# cython: boundscheck=False, wraparound=False
"""Notes: what a walk has to report, kept without Python until there is time to make events of it.

A message may report so much; the last of it says that there was more. Whoever walks many messages
stops while the book still holds another's notes.
"""

from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from libc.string cimport memcpy, memset


cdef int open_notebook(Notebook* book) except -1:
    memset(book, 0, sizeof(Notebook))
    book.notes = <Note*> PyMem_RawMalloc(NOTES * sizeof(Note))
    if book.notes == NULL:
        raise MemoryError()
    return 0


cdef void close_notebook(Notebook* book) noexcept:
    PyMem_RawFree(book.notes)


cdef void note(
    Notebook* book, int kind, const About* about, int64_t offset, int64_t a=0, int64_t b=0, int64_t c=0,
) noexcept nogil:
    """Keep something to report, `about` whom it is and at which offset of the message."""
    cdef Note* one
    if book.left == 0 or book.n == NOTES:
        return
    book.left -= 1
    if book.left == 0:
        kind = NOTE_NOTES
        offset = -1
    # Bounds: n < NOTES.
    one = &book.notes[book.n]
    book.n += 1
    memset(one, 0, sizeof(Note))
    one.kind = kind
    one.offset = offset
    one.values[0] = a
    one.values[1] = b
    one.values[2] = c
    one.has_exporter = about.has_exporter
    if about.has_exporter:
        memcpy(one.exporter, about.exporter, 16)
    one.has_domain = about.has_domain
    one.protocol = about.protocol
    one.domain = about.domain


cdef void note_beyond(
    Notebook* book, int kind, const About* about, int64_t offset, int64_t a=0, int64_t b=0, int64_t c=0,
) noexcept nogil:
    """Keep something to report however much the message has reported; NOTES_BEYOND times at most."""
    cdef uint32_t before = book.left
    book.left = 2
    note(book, kind, about, offset, a, b, c)
    book.left = before


cdef void drop_notes(Notebook* book, Py_ssize_t n, uint32_t left) noexcept nogil:
    """Keep the first n notes; the message under way may report `left` more."""
    book.n = n
    book.left = left


cdef list take_notes(Notebook* book):
    """All notes, as tuples for `events.event_of`."""
    cdef list taken = []
    cdef Note* one
    cdef Py_ssize_t i
    # Bounds: i < n <= NOTES.
    for i in range(book.n):
        one = &book.notes[i]
        taken.append((
            one.kind,
            one.exporter[:16] if one.has_exporter else None,
            one.domain if one.has_domain else None,
            one.offset if one.offset >= 0 else None,
            (one.values[0], one.values[1], one.values[2]),
            one.protocol,
        ))
    book.n = 0
    return taken
