# cython: language_level=3
"""Where a text of sflowtool stands: what is open, and the datagram in the making."""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from flowparse._wire cimport be32

cdef enum:
    MOST_SLOTS = 64             # fields of a structure
    MOST_KEY = 64               # octets of a key
    NOTE_TEXT = 64              # octets of a line that a note shows
    RECENT_FORMS = 64
    MORE_NOTES = 8              # of a datagram, beyond those about lines
    MOST_JOINS = 16             # of a datagram
    JOIN_TEXT = 2048
    MOST_TURNS = 65536
    DATAGRAM_OCTETS = 65535     # a UDP payload cannot be longer

cdef enum:
    GLOBAL = 0xFFFF             # the form of markers
    FORM_DATAGRAM = 0
    FORM_SAMPLE = 1
    FORM_NOTHING = 2            # a structure that nothing is known of
    FORMS_FIXED = 3
    LEVEL_OCTETS = 1024         # of scratch memory, for the datagram's and the sample's own fields
    RECORD_OCTETS = 98304       # for a record's: more than a datagram may have
    LIST_OCTETS = 65536
    DISCARDED = 10              # octets of "discarded_"
    FORMAT_FLOW = 1
    FORMAT_COUNTER = 2
    FORMAT_FLOW_EXPANDED = 3
    FORMAT_COUNTER_EXPANDED = 4
    FORMAT_DISCARD = 5
    INDEX_BITS = 24             # of a compact data source
    PORT_BITS = 30              # of a compact port

cdef enum:
    D_SOURCE = 0
    D_SIZE = 1
    D_SECONDS = 2
    D_MICROSECONDS = 3
    D_LOCALTIME = 4
    D_CAPTURED = 5
    D_CAPTURED_MICROSECONDS = 6
    D_VERSION = 7
    D_SUB_AGENT = 8
    D_AGENT = 9
    D_SEQUENCE = 10
    D_UPTIME = 11
    D_SAMPLES = 12
    S_TAG = 0
    S_SEQUENCE = 1
    S_DATA_SOURCE = 2
    S_RATE = 3
    S_POOL = 4
    S_DROPS = 5
    S_INPUT = 6
    S_OUTPUT = 7
    S_REASON = 8
    S_INTERVAL = 9
    S_BLOCK = 10
    SLOT_NONE = -1              # the key says what others say
    SLOT_TITLE = -2             # opens a record in versions 2 and 4
    SLOT_TYPE = -3              # says what a sample is, where nothing else does
    SLOT_LENGTH = -4            # octets of a header

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
    NOTE_ERA = 15               # values: how many were handed over before
    NOTE_CUT = 16               # values: octets of the header, octets in the text
    NOTE_JOINED = 17
    NOTE_UNSETTLED = 18         # values: how many may stand the wrong way round

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
    uint8_t since[MOST_SLOTS]   # the first version that has the field
    uint8_t kinds[MOST_SLOTS]   # of values in hexadecimal digits: MAC, UUID, opaque, VLAN tags; else 0
    int16_t macs_at             # octet of an item of the list at which its number of MAC addresses stands, or -1
    int16_t as_path             # the slot of an AS path, or -1
    const uint8_t* title        # "flowSampleType HEADER": what opens it in versions 2 and 4
    uint16_t title_octets

cdef struct Join:               # a line that may be the rest of a string, whose line end sflowtool printed as it is
    int64_t at                  # of the string's length in `out`; -1 until its record is written
    int64_t record_at           # of the record that the string is in
    int64_t sample_at
    int64_t line
    int16_t slot                # of the record that is open
    uint16_t text_at            # in `join_text`
    uint16_t octets

cdef struct Turn:               # octets in `out` whose digits 5.01 would have turned around
    int64_t at
    int kind

cdef struct Slot:
    uint32_t at                 # in the scratch memory
    uint32_t octets
    uint64_t stamp              # which record, sample or datagram filled it

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
    uint16_t recent[RECENT_FORMS]       # form of a tag that came lately
    int64_t line
    int64_t datagram_lines
    uint64_t stamp
    bint discard
    bint metric
    bint unknown
    bint skipped
    bint torn
    bint unsized
    bint marked                 # startDatagram or one of its like has been seen
    bint unmarked               # the open datagram has none, as before 3.x
    int era
    bint era_known              # whether it is 5.01
    uint32_t header_octets      # headerLen of the open record; 0 not told
    # Levels.
    Slot levels[3][MOST_SLOTS]
    uint64_t stamps[3]
    uint32_t level_at[3]        # scratch memory in use
    uint8_t* scratch
    uint8_t* list
    uint32_t list_used
    uint32_t list_count
    uint32_t list_item
    # What waits to be understood.
    Join joins[MOST_JOINS]
    int n_joins
    int joins_written           # the others are of the open record
    uint8_t join_text[JOIN_TEXT]
    uint32_t join_used
    int64_t metric_at           # of the last metric's value in `out`; 0 none
    Turn* turns
    int64_t n_turns
    int64_t turns_size
    int64_t turns_gone          # handed over, or too many
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


cdef inline const uint8_t* filled(const Assembly* a, int level, int slot) noexcept nogil:
    """The octets of a field that was told, or NULL."""
    cdef const Slot* of_field = &a.levels[level][slot]
    return a.scratch + of_field.at if of_field.stamp == a.stamps[level] else NULL


cdef inline uint32_t number_of(const Assembly* a, int level, int slot, uint32_t otherwise) noexcept nogil:
    cdef const uint8_t* octets = filled(a, level, slot)
    return otherwise if octets == NULL else be32(octets)


cdef inline void clear_level(Assembly* a, int level) noexcept nogil:
    a.stamp += 1
    a.stamps[level] = a.stamp
    a.level_at[level] = level * LEVEL_OCTETS


cdef inline bint is_old(const Assembly* a) noexcept nogil:
    """Versions 2 and 4: samples and records without length."""
    return number_of(a, 0, D_VERSION, 5) < 5
