# cython: language_level=3
"""Templates in force: what each observation domain was told, and what one message changes of it."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from flowparse._pending cimport PendingSet
from flowparse._plan cimport Program

cdef enum:
    FIRST_TEMPLATE_ID = 256
    VARIABLE = 65535                # a field's length that says: each record has its own

cdef enum Reading:                  # what stands where a Template Record may
    READ_DEFINITION = 0
    READ_WITHDRAWAL = 1             # no fields; not of NetFlow v9
    READ_PADDING = 2                # fewer octets than the header of a record
    # The end of the record is not known, and the Set cannot be read further:
    READ_BAD_ID = 3                 # an id that Sets of templates have, not templates
    READ_LONG = 4                   # it reaches past its Set
    READ_ODD = 5                    # v9: its lengths are not of whole fields
    # Only this record is no good:
    READ_LARGE = 6                  # more fields than Limits.fields_per_template
    READ_SCOPES = 7                 # more scope fields than fields
    READ_EMPTY = 8                  # its data records may have no octets at all
    READ_BIG = 9                    # no message can hold one

cdef struct Record:                 # a Template Record on the wire
    const uint8_t* at
    uint32_t length                 # known where the record is no longer than its Set
    uint16_t id
    uint8_t protocol
    bint is_options
    uint32_t n_fields
    uint32_t n_scopes
    uint32_t n_variable
    uint32_t least_length           # octets of the smallest data record

cdef struct Template:
    Record record                   # `at` is the template's own copy
    Templates* home                 # of the domain
    void* domain                    # the DomainState
    const Program* program          # NULL until a Data Set wants it
    void* plan                      # the Plan that the program belongs to; a counted reference
    bint unusable                   # no program can be made
    bint teaches                    # its records say what others mean
    uint32_t sampling_rate          # of its records, by options that name it; 0: not told
    uint32_t n_unknown              # fields of elements that the registry lacks, and of a length
    uint32_t n_odd                  # that their type has not; known with the program
    uint64_t described_in           # ordinal of the message that told so; 0: none did
    uint64_t changed_in             # ordinal of the message that defined it
    size_t change                   # which of that message's, the last if it was told again in it
    bint seen                       # whether the two times are known
    int64_t first_seen_ns
    int64_t last_seen_ns
    uint64_t interval_ns            # the longest until it was told again
    bint redefined                  # its id meant something else before
    bint imported                   # from a saved state, and not told since
    PendingSet* waiting             # Sets that it sets free, the oldest first; while it does
    PendingSet* waiting_last
    Template* following             # in its bucket; of the dead, in their chain
    Template* older                 # of all templates, by last use
    Template* newer
    Template* domain_older          # of those of the domain
    Template* domain_newer

cdef struct Templates:              # of one observation domain: one id space for data and options
    Template** buckets
    uint32_t n_buckets              # 0, or a power of two
    size_t n
    size_t n_options                # of them
    Template* newest
    Template* oldest

cdef enum ChangeKind:
    CHANGE_DEFINED = 0
    CHANGE_TOLD_AGAIN = 1
    CHANGE_USED = 2
    CHANGE_GONE = 3                 # withdrawn or evicted

cdef struct Change:                 # of one message, to one template
    ChangeKind kind
    Template* before                # what was in force, or NULL
    Template* after                 # what is, or NULL

cdef struct TemplateAccount:        # over all domains of a decoder
    size_t n
    size_t n_fields
    size_t most
    size_t most_of_domain
    size_t most_fields
    uint32_t most_fields_of_one
    Template* newest
    Template* oldest
    Template* dead                  # no longer in force; their plans are let go of under the GIL
    Change* changes                 # of the message under way
    size_t n_changes
    size_t changes_room
    bint settled                    # its uses are in the order of the list

cdef Reading read_template(
    const uint8_t* at, Py_ssize_t there, int protocol, bint is_options, uint16_t set_id, uint32_t most_fields,
    Record* record,
) noexcept nogil
cdef Template* find_template(const Templates* templates, uint16_t id) noexcept nogil
cdef int use_template(TemplateAccount* account, Template* template) noexcept nogil
cdef int define_template(
    TemplateAccount* account, Templates* home, const Record* record, void* domain, uint64_t message,
) noexcept nogil
cdef int withdraw_template(TemplateAccount* account, Template* template) noexcept nogil
cdef void settle_uses(TemplateAccount* account) noexcept nogil
cdef void commit_templates(TemplateAccount* account, bint has_received, int64_t received_ns) noexcept nogil
cdef void roll_back_templates(TemplateAccount* account, uint64_t message) noexcept nogil
cdef bint is_whole(const Template* template, const uint8_t* at, const uint8_t* end, Py_ssize_t* octets) noexcept nogil
cdef Py_ssize_t frame_records(
    const Template* template, const uint8_t** at, const uint8_t* end, Py_ssize_t most,
) noexcept nogil
cdef void forget_template(TemplateAccount* account, Template* template) noexcept nogil
cdef void forget_templates(TemplateAccount* account, Templates* home) noexcept nogil
cdef void bury(TemplateAccount* account)
