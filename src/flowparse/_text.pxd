# cython: language_level=3
"""sflowtool's keys and values -> the datagram they were printed from."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    MOST_SLOTS = 64             # fields of a structure
    MOST_KEY = 64               # octets of a key
    NOTE_TEXT = 64              # octets of a line that a note shows
    DATAGRAM_OCTETS = 65535     # a UDP payload cannot be longer

cdef enum Place:                # where in the datagram the text stands
    PLACE_OUTSIDE = 0
    PLACE_DATAGRAM = 1
    PLACE_SAMPLE = 2
    PLACE_RECORD = 3
    PLACE_OVERFLOW = 4          # a bound was met: nothing counts up to the next startDatagram

cdef enum Mark:                 # what a line is, besides a field
    MARK_FIELD = 0
    MARK_START_DATAGRAM = 1
    MARK_END_DATAGRAM = 2
    MARK_START_SAMPLE = 3
    MARK_END_SAMPLE = 4
    MARK_FLOW = 5
    MARK_COUNTER = 6
    MARK_SKIPPING = 7
    MARK_LIST_BEGIN = 8         # fields of the items of a list
    MARK_LIST_SET = 9
    MARK_LIST_PUSH = 10
    MARK_METRIC = 11

cdef enum NoteKind:
    NOTE_LINE = 0               # a line that is not understood where it stands
    NOTE_OUTSIDE = 1            # a line outside of any datagram
    NOTE_TORN_DATAGRAM = 2
    NOTE_TORN_SAMPLE = 3
    NOTE_TORN_RECORD = 4
    NOTE_SAMPLES = 5            # values: told, found
    NOTE_SIZE = 6               # values: told, found
    NOTE_SKIPPED = 7            # values: enterprise, format, octets
    NOTE_LONG_LINE = 8
    NOTE_MANY_LINES = 9
    NOTE_LONG_DATAGRAM = 10
    NOTE_MANY_SAMPLES = 11
    NOTE_MANY_RECORDS = 12
    NOTE_HEADLESS = 13
    NOTE_MORE = 14              # values: notes that were left out
    NOTE_ERA = 15

cdef struct Note:
    int kind
    int octets                  # of `text`
    int64_t line                # number from 1; 0 unknown
    int64_t datagram            # ordinal of the datagram, from 0; -1 outside
    int64_t values[3]
    uint8_t text[NOTE_TEXT]

cdef struct Entry:              # a key of a form
    uint32_t hash
    uint16_t form
    uint8_t mark
    uint8_t kind
    int16_t slot
    uint16_t octets
    const uint8_t* key
    Entry* follower             # the entry that came behind this one last time

cdef struct Form:               # the fields of a structure, or of a level of the datagram
    uint32_t enterprise
    uint32_t format
    uint8_t kind                # MARK_FLOW, MARK_COUNTER, or 0
    uint8_t has_list            # its last field is a list, and its keys are numbered
    uint8_t has_numbered
    uint16_t n_slots
    uint16_t item_octets        # of an item of the list
    uint16_t widths[MOST_SLOTS]             # 0: variable, and missing means without octets
    const uint8_t* title        # "flowSampleType HEADER": what opens it in versions 2 and 4
    uint16_t title_octets

cdef struct Slot:
    uint32_t at                 # in the scratch memory
    uint32_t octets
    uint32_t stamp              # which record, sample or datagram filled it

cdef struct Meta:               # a datagram that is complete
    int64_t offset
    int64_t received_ns
    int64_t ordinal
    int32_t octets
    uint8_t version
    uint8_t lacks               # there are Lack for it
    uint8_t has_source
    uint8_t source[16]

cdef struct Lack:               # a field that the text does not tell
    int64_t datagram
    int32_t sample
    int32_t record
    int32_t slot

cdef struct Assembly:
    # What keys mean.
    Form* forms
    int n_forms
    Entry* entries
    uint16_t* table             # open addressing: 0, or 1 + the index of an entry
    uint32_t mask
    # Where the text stands.
    int place
    Entry* last
    int form
    int64_t line
    int64_t datagram_lines
    uint32_t stamp
    bint discard
    bint metric
    bint unknown
    bint skipped
    int era
    # Levels.
    Slot levels[3][MOST_SLOTS]
    uint32_t stamps[3]
    uint32_t level_at[3]        # scratch memory in use
    uint8_t* scratch
    uint8_t* list
    uint32_t list_used
    uint32_t list_count
    uint32_t list_item
    # The datagram in the making.
    uint8_t* out
    int64_t out_size
    int64_t start               # of the datagram in `out`
    int64_t used                # end of what is written
    int64_t count_at            # of its number of samples
    int64_t sample_start
    int64_t records_at          # of the sample's number of records; 0 before its header is written
    uint32_t samples
    uint32_t records
    uint32_t told_samples
    int64_t lost_octets         # that the datagram had and its text has not
    bint has_header
    int n_notes_here
    int64_t ordinal
    # What is done.
    Meta* metas
    int64_t n_metas
    int64_t metas_size
    Lack* lacks
    int64_t n_lacks
    int64_t lacks_size
    Note* notes
    int64_t n_notes
    int64_t notes_size
    int64_t notes_left_out
    # Bounds.
    int64_t most_lines
    int64_t most_samples
    int64_t most_records
    int64_t most_notes
    int64_t most_notes_here
    bint no_memory

cdef void take_pair(Assembly* a, const uint8_t* key, Py_ssize_t key_octets, const uint8_t* value, const uint8_t* end) noexcept nogil
cdef void take_line(Assembly* a, const uint8_t* at, const uint8_t* end) noexcept nogil
cdef void note_text(Assembly* a, int kind, const uint8_t* at, const uint8_t* end) noexcept nogil
cdef void end_of_text(Assembly* a) noexcept nogil
