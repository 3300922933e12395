# cython: boundscheck=False, wraparound=False
"""What comes of a text: the octets of datagrams, and notes of what is wrong with it; both within bounds."""

from cpython.mem cimport PyMem_RawRealloc
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcpy, memset

from flowparse._textstate cimport (
    Assembly, DATAGRAM_OCTETS, Lack, MORE_NOTES, NOTE_LONG_DATAGRAM, NOTE_OUTSIDE, NOTE_TEXT, Note, PLACE_OUTSIDE,
    PLACE_OVERFLOW,
)

cdef Note* new_note(Assembly* a, int kind) noexcept nogil:
    """A note about where the text stands, or NULL where there are enough."""
    cdef Note* note
    cdef Note* grown
    cdef int64_t size
    # Lines that are not understood leave room for what matters more.
    cdef int64_t most_here = a.most_notes_here + (0 if kind <= NOTE_OUTSIDE else MORE_NOTES)
    if a.n_notes_here >= most_here or a.n_notes >= a.most_notes:
        a.notes_left_out += 1
        return NULL
    if a.n_notes == a.notes_size:
        size = 16 if a.notes_size == 0 else 2 * a.notes_size
        grown = <Note*> PyMem_RawRealloc(a.notes, size * sizeof(Note))
        if grown == NULL:
            a.no_memory = True
            return NULL
        a.notes = grown
        a.notes_size = size
    note = &a.notes[a.n_notes]
    a.n_notes += 1
    a.n_notes_here += 1
    memset(note, 0, sizeof(Note))
    note.kind = kind
    note.line = a.line
    note.datagram = -1 if a.place == PLACE_OUTSIDE else a.ordinal
    return note


cdef void note_values(Assembly* a, int kind, int64_t first, int64_t second, int64_t third) noexcept nogil:
    cdef Note* note = new_note(a, kind)
    if note != NULL:
        note.values[0], note.values[1], note.values[2] = first, second, third


cdef void note_text(Assembly* a, int kind, const uint8_t* at, const uint8_t* end) noexcept nogil:
    cdef Note* note = new_note(a, kind)
    if note != NULL:
        note.octets = <int> min(end - at, NOTE_TEXT)
        memcpy(note.text, at, note.octets)


cdef void note_line(Assembly* a, int kind, int64_t line, const uint8_t* at, const uint8_t* end) noexcept nogil:
    """A note about a line that came before."""
    cdef Note* note = new_note(a, kind)
    if note != NULL:
        note.line = line
        note.octets = <int> min(end - at, NOTE_TEXT)
        memcpy(note.text, at, note.octets)


cdef void overflow(Assembly* a, int kind) noexcept nogil:
    """A bound is met: the datagram goes, and nothing counts up to the next."""
    note_values(a, kind, 0, 0, 0)
    a.place = PLACE_OVERFLOW
    a.used = a.start


cdef bint has_room(Assembly* a, int64_t octets) noexcept nogil:
    """Make room for so many octets more of the datagram; False where it would be too long."""
    cdef int64_t size
    cdef uint8_t* grown
    if a.used - a.start + octets > DATAGRAM_OCTETS:
        overflow(a, NOTE_LONG_DATAGRAM)
        return False
    if a.used + octets > a.out_size:
        size = max(2 * a.out_size, a.used + octets + DATAGRAM_OCTETS)
        grown = <uint8_t*> PyMem_RawRealloc(a.out, size)
        if grown == NULL:
            a.no_memory = True
            overflow(a, NOTE_LONG_DATAGRAM)
            return False
        a.out = grown
        a.out_size = size
    return True


cdef void lack(Assembly* a, int slot) noexcept nogil:
    """Remember that the text does not tell a field, which is zero in the octets."""
    cdef Lack* grown
    cdef int64_t size
    if a.n_lacks == a.lacks_size:
        size = 64 if a.lacks_size == 0 else 2 * a.lacks_size
        grown = <Lack*> PyMem_RawRealloc(a.lacks, size * sizeof(Lack))
        if grown == NULL:
            a.no_memory = True
            return
        a.lacks = grown
        a.lacks_size = size
    a.lacks[a.n_lacks].datagram = a.ordinal
    a.lacks[a.n_lacks].sample = <int32_t> (a.samples - 1)
    a.lacks[a.n_lacks].record = <int32_t> a.records
    a.lacks[a.n_lacks].slot = slot
    a.n_lacks += 1
