# cython: boundscheck=False, wraparound=False
"""Strings with a line end in them, which sflowtool prints as it is: put together where datagramSize proves it.

A line that is not understood behind a string may be the rest of that string, or a message that somebody
merged in. It is kept until the datagram ends. Where all lines of its kind, joined to their strings, make
the datagram as long as datagramSize says, they are; where they do not, each is told of and the string stays
as it stands. What looks like a line of sflowtool's is taken for one: nothing can tell.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memmove, memset

from flowparse._textnumbers cimport put32
from flowparse._textout cimport has_room, note_line, note_text
from flowparse._textstate cimport (
    Assembly, D_SIZE, Entry, JOIN_TEXT, Join, MARK_FIELD, MARK_METRIC, MOST_JOINS, NOTE_JOINED, NOTE_LINE, PLACE_RECORD,
    PLACE_SAMPLE, filled, is_old, number_of,
)
from flowparse._textvalues cimport KIND_STR
from flowparse._wire cimport be32


cdef inline int64_t padded(int64_t octets) noexcept nogil:
    return (octets + 3) & ~<int64_t> 3


cdef bint is_behind_string(const Assembly* a) noexcept nogil:
    """Whether the line before was a string's, and all that is needed to prove it is there."""
    cdef const Entry* last = a.last
    if last == NULL or last.kind != KIND_STR or filled(a, 0, D_SIZE) == NULL:
        return False
    if a.place == PLACE_RECORD:
        return last.mark == MARK_FIELD and last.form == a.form and last.slot >= 0 and (
            filled(a, 2, last.slot) != NULL
        )
    return a.place == PLACE_SAMPLE and last.mark == MARK_METRIC and a.metric_at > 0


cdef void take_stray(Assembly* a, const uint8_t* line, const uint8_t* end) noexcept nogil:
    """A line that is not understood where it stands."""
    cdef Join* join
    if not is_behind_string(a) or a.n_joins == MOST_JOINS or end - line > <Py_ssize_t> (JOIN_TEXT - a.join_used):
        if end > line:
            note_text(a, NOTE_LINE, line, end)
        return
    join = &a.joins[a.n_joins]
    a.n_joins += 1
    join.line = a.line
    join.slot = a.last.slot
    join.at = join.record_at = -1
    join.sample_at = -1 if is_old(a) else a.sample_start
    if a.place == PLACE_SAMPLE:
        join.at = a.metric_at
        a.joins_written = a.n_joins
    join.text_at = <uint16_t> a.join_used
    join.octets = <uint16_t> (end - line)
    # Bounds: compared above.
    memcpy(a.join_text + a.join_used, line, end - line)
    a.join_used += join.octets


cdef void tell(Assembly* a, const Join* join, int kind) noexcept nogil:
    if kind == NOTE_JOINED or join.octets:
        note_line(
            a, kind, join.line, a.join_text + join.text_at, a.join_text + join.text_at + join.octets,
        )


cdef void close_joins(Assembly* a) noexcept nogil:
    """The record is written, or not: a line behind a string that is not written is none of it."""
    # Progress: one fewer each turn.
    while a.n_joins > a.joins_written and a.joins[a.n_joins - 1].at < 0:
        tell(a, &a.joins[a.n_joins - 1], NOTE_LINE)
        a.n_joins -= 1
    a.joins_written = a.n_joins


cdef void forget_joins(Assembly* a) noexcept nogil:
    """The end of what is written moved back."""
    # Progress: one fewer each turn.
    while a.n_joins > 0 and a.joins[a.n_joins - 1].at >= a.used:
        tell(a, &a.joins[a.n_joins - 1], NOTE_LINE)
        a.n_joins -= 1
    a.joins_written = a.n_joins


cdef int first_of_string(const Assembly* a, int last) noexcept nogil:
    """The first of the lines that belong to the string of line `last`."""
    # Progress: one line up each turn.
    while last > 0 and a.joins[last - 1].at == a.joins[last].at:
        last -= 1
    return last


cdef int64_t octets_of(const Assembly* a, int first, int last) noexcept nogil:
    """Octets that the lines add to a string, a line end before each."""
    cdef int64_t octets = 0
    cdef int k
    for k in range(first, last + 1):
        octets += 1 + a.joins[k].octets
    return octets


cdef int64_t growth_of(const Assembly* a, int first, int last) noexcept nogil:
    """What the datagram grows by, with padding."""
    cdef int64_t length = be32(a.out + a.joins[last].at)
    return padded(length + octets_of(a, first, last)) - padded(length)


cdef void join_string(Assembly* a, int first, int last) noexcept nogil:
    cdef const Join* join = &a.joins[last]
    cdef int64_t growth = growth_of(a, first, last)
    cdef int64_t length = be32(a.out + join.at), end = join.at + 4 + padded(length)
    cdef uint8_t* to = a.out + join.at + 4 + length
    cdef int k
    # Bounds: the caller made room for the growth; the string and its padding end at `end` <= used.
    memmove(a.out + end + growth, a.out + end, a.used - end)
    a.used += growth
    memset(to, 0, end + growth - (join.at + 4 + length))
    put32(a.out + join.at, <uint32_t> (length + octets_of(a, first, last)))
    for k in range(first, last + 1):
        to[0] = c"\n"
        memcpy(to + 1, a.join_text + a.joins[k].text_at, a.joins[k].octets)
        to += 1 + a.joins[k].octets
    if join.record_at >= 0:
        put32(a.out + join.record_at + 4, <uint32_t> (be32(a.out + join.record_at + 4) + growth))
    if join.sample_at >= 0:
        put32(a.out + join.sample_at + 4, <uint32_t> (be32(a.out + join.sample_at + 4) + growth))


cdef void settle_joins(Assembly* a) noexcept nogil:
    """The datagram ends: join what is proved, or tell of each line."""
    cdef int64_t growth = 0
    cdef int first, last = a.n_joins - 1
    cdef int k
    # Progress: a string up each turn.
    while last >= 0:
        first = first_of_string(a, last)
        growth += growth_of(a, first, last)
        last = first - 1
    if a.n_joins and not a.unsized and (
        number_of(a, 0, D_SIZE, 0) == a.used - a.start + a.lost_octets + growth
    ) and has_room(a, growth):
        for k in range(a.n_joins):
            tell(a, &a.joins[k], NOTE_JOINED)
        last = a.n_joins - 1
        # Progress: a string up each turn; what is behind it has moved already.
        while last >= 0:
            first = first_of_string(a, last)
            join_string(a, first, last)
            last = first - 1
    else:
        for k in range(a.n_joins):
            tell(a, &a.joins[k], NOTE_LINE)
    a.n_joins = a.joins_written = 0
    a.join_used = 0
