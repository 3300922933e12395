# cython: language_level=3
"""Notes: what a walk has to report, kept without Python until there is time to make events of it."""

from libc.stdint cimport int64_t, uint8_t, uint32_t

cdef enum:
    NOTES = 512                 # room for notes between two visits to Python
    NOTES_OF_MESSAGE = 64       # the most that one message can be allowed
    NOTES_BEYOND = 4            # and what it may report in any case

cdef enum NoteKind:             # events.NOTES says of each what a person reads; the numbers are
    NOTE_SHORT = 0                  # octets needed, octets there
    NOTE_VERSION = 1                # version
    NOTE_COUNT_REFUSED = 2          # count, records there
    NOTE_COUNT_CUT = 3              # count, records there
    NOTE_COUNT_LARGE = 4            # count
    NOTE_TRAILING = 5               # octets
    NOTE_GAP = 6                    # expected, received, missed
    NOTE_RESET = 7                  # expected, received
    NOTE_RESTART = 8                # uptime before, uptime now
    NOTE_SAMPLING = 9               # rate before, rate now
    NOTE_HELD = 10                  # records
    NOTE_EXPORTER_EVICTED = 11      # limit
    NOTE_DOMAIN_EVICTED = 12        # limit
    NOTE_NOT_ALLOWED = 13
    NOTE_NOTES = 14                 # there were more
    NOTE_GAP_MESSAGES = 15          # expected, received, missed; of an exporter that counts messages
    NOTE_SET_SHORT_REFUSED = 16     # set_id, length
    NOTE_SET_SHORT_KEPT = 17        # set_id, length
    NOTE_SET_LONG_REFUSED = 18      # set_id, length, available
    NOTE_SET_LONG_KEPT = 19         # set_id, length, available
    NOTE_RECORD_LONG_REFUSED = 20   # set_id, needed, available
    NOTE_RECORD_LONG_KEPT = 21      # set_id, needed, available
    NOTE_LENGTH_SHORT = 22          # length
    NOTE_LENGTH_LONG_REFUSED = 23   # length, available
    NOTE_LENGTH_LONG_KEPT = 24      # length, available
    NOTE_TAIL_REFUSED = 25          # octets
    NOTE_TAIL_KEPT = 26             # octets
    NOTE_ZERO_TAIL = 27             # octets
    NOTE_BEHIND = 28                # octets
    NOTE_RESERVED_SET = 29          # set_id, octets
    NOTE_EMPTY_SET = 30             # set_id, octets
    NOTE_EMPTY_MESSAGE = 31
    NOTE_PADDING = 32               # set_id, octets
    NOTE_TEMPLATE_DEFINED = 33      # set_id, template_id, fields
    NOTE_TEMPLATE_CHANGED = 34      # set_id, template_id, fields
    NOTE_TEMPLATE_WITHDRAWN = 35    # set_id, template_id
    NOTE_TEMPLATES_WITHDRAWN = 36   # set_id, templates
    NOTE_WITHDRAWAL_OVER_UDP = 37   # set_id, template_id
    NOTE_WITHDRAWAL_UNKNOWN = 38    # set_id, template_id
    NOTE_TEMPLATE_ID = 39           # set_id, template_id
    NOTE_TEMPLATE_LONG = 40         # set_id, template_id, available
    NOTE_TEMPLATE_EMPTY = 41        # set_id, template_id
    NOTE_TEMPLATE_BIG = 42          # set_id, template_id, octets
    NOTE_TEMPLATE_FIELDS = 43       # set_id, template_id, limit
    NOTE_SCOPE_LENGTHS = 44         # set_id, template_id, octets
    NOTE_SCOPE_COUNT = 45           # set_id, template_id, scopes
    NOTE_NO_SCOPE = 46              # set_id, template_id
    NOTE_ELEMENT_UNKNOWN = 47       # set_id, template_id, elements
    NOTE_ELEMENT_WIDTH = 48         # set_id, template_id, fields
    NOTE_EVICTED_OF_DOMAIN = 49     # template_id of the first, templates, limit
    NOTE_EVICTED_TEMPLATE = 50      # template_id, limit
    NOTE_EVICTED_FOR_FIELDS = 51    # template_id of the first, templates, limit
    NOTE_TEMPLATE_EXPIRED = 52      # template_id
    NOTE_DATA_PENDING = 53          # set_id, octets
    NOTE_DATA_DROPPED = 54          # set_id, octets
    NOTE_PENDING_FULL = 55          # set_id, octets
    NOTE_PENDING_OLD = 56           # set_id, octets
    NOTE_REPLAYED = 57              # set_id, records
    NOTE_REPLAY_LONG = 58           # set_id, needed, available
    NOTE_RECORDS = 59               # set_id, records, limit
    NOTE_VALUES = 60                # set_id, records, limit
    NOTE_COUNT_DIFFERS = 61         # count, records
    NOTE_UNUSABLE = 62              # set_id, octets
    NOTE_OPTIONS_DROPPED = 63       # records
    NOTE_RATE_UNLIKELY = 64         # rate
    NOTE_UNLEARNT = 65              # entries
    NOTE_AGENT_TYPE = 66            # type
    NOTE_SAMPLES_CUT_REFUSED = 67   # count, samples there
    NOTE_SAMPLES_CUT_KEPT = 68      # count, samples there
    NOTE_RECORDS_CUT_REFUSED = 69   # count, records there
    NOTE_RECORDS_CUT_KEPT = 70      # count, records there
    NOTE_SAMPLE_SHORT_REFUSED = 71  # enterprise, format, length
    NOTE_SAMPLE_SHORT_KEPT = 72     # enterprise, format, length
    NOTE_STRUCTURE_SHORT = 73       # enterprise, format, length
    NOTE_SAMPLES_LIMIT = 74         # count, limit
    NOTE_RECORDS_LIMIT = 75         # count, limit
    NOTE_SAMPLE_RATE = 76           # rate
    NOTE_COUNTERS_DROPPED = 77      # records
    NOTE_OUT_OF_RANGE = 78          # values

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
cdef void note_beyond(
    Notebook* book, int kind, const About* about, int64_t offset, int64_t a=*, int64_t b=*, int64_t c=*,
) noexcept nogil
cdef void drop_notes(Notebook* book, Py_ssize_t n, uint32_t left) noexcept nogil
cdef list take_notes(Notebook* book)


cdef inline bint nearly_full(const Notebook* book) noexcept nogil:
    """Whether another message's notes might not fit."""
    return book.n > NOTES - NOTES_OF_MESSAGE - NOTES_BEYOND
