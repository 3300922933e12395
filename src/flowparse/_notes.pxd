# cython: language_level=3
"""Notes: what a walk has to report, kept without Python until there is time to make events of it."""

from libc.stdint cimport int64_t, uint8_t, uint32_t

cdef enum:
    NOTES = 512                 # room for notes between two visits to Python
    NOTES_OF_MESSAGE = 64       # the most that one message can be allowed

cdef enum NoteKind:             # events.NOTES says of each what a person reads; the numbers are
    NOTE_SHORT = 0              # octets needed, octets there
    NOTE_VERSION = 1            # version
    NOTE_COUNT_REFUSED = 2      # count, records there
    NOTE_COUNT_CUT = 3          # count, records there
    NOTE_COUNT_LARGE = 4        # count
    NOTE_TRAILING = 5           # octets
    NOTE_GAP = 6                # expected, received, missed
    NOTE_RESET = 7              # expected, received
    NOTE_RESTART = 8            # uptime before, uptime now
    NOTE_SAMPLING = 9           # rate before, rate now
    NOTE_HELD = 10              # records
    NOTE_EXPORTER_EVICTED = 11  # limit
    NOTE_DOMAIN_EVICTED = 12    # limit
    NOTE_NOT_ALLOWED = 13
    NOTE_NOTES = 14             # there were more
    NOTE_GAP_MESSAGES = 15      # expected, received, missed; of an exporter that counts messages

cdef struct About:              # whom a note is about
    bint has_exporter
    bint has_domain
    uint8_t protocol
    uint32_t domain
    const uint8_t* exporter     # 16 octets

cdef struct Note:
    uint8_t kind
    uint8_t protocol
    bint has_exporter
    bint has_domain
    uint8_t exporter[16]
    uint32_t domain
    int64_t offset              # from the Message Header; -1: none
    int64_t values[3]

cdef struct Notebook:
    Note* notes                 # NOTES of them
    Py_ssize_t n
    uint32_t left               # what this message may still report
    uint32_t most               # what any message may

cdef int open_notebook(Notebook* book) except -1
cdef void close_notebook(Notebook* book) noexcept
cdef void note(
    Notebook* book, int kind, const About* about, int64_t offset, int64_t a=*, int64_t b=*, int64_t c=*,
) noexcept nogil
cdef list take_notes(Notebook* book)


cdef inline bint nearly_full(const Notebook* book) noexcept nogil:
    """Whether another message's notes might not fit."""
    return book.n > NOTES - NOTES_OF_MESSAGE
