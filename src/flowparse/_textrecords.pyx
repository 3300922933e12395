# cython: boundscheck=False, wraparound=False
"""Records of a sample: the fields that the text told, copied in wire order behind the records before."""

from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memset

from flowparse._textera cimport settle_by_header, turn_later
from flowparse._textjoin cimport close_joins
from flowparse._textnumbers cimport put32
from flowparse._textout cimport append, append32, has_room, lack, note_values
from flowparse._textstate cimport (
    Assembly, D_VERSION, FORM_NOTHING, FORM_SAMPLE, Form, LEVEL_OCTETS, MARK_FLOW, NOTE_CUT, NOTE_MANY_RECORDS,
    NOTE_SKIPPED, PLACE_RECORD, PLACE_SAMPLE, Slot, clear_level, is_old, number_of,
)
from flowparse._textvalues cimport KIND_MAC
from flowparse._wire cimport be32

cdef enum:
    HEADER_SLOT = 3                             # of sampled_header


cdef void open_record(Assembly* a, int form) noexcept nogil:
    clear_level(a, 2)
    a.form = form
    a.place = PLACE_RECORD
    a.skipped = False
    a.list_used = a.list_count = 0
    a.list_item = 0
    a.header_octets = 0


cdef bint is_told(const Assembly* a, const Form* form, int slot) noexcept nogil:
    """Whether the text tells a field; a list without items is told by saying nothing."""
    return a.levels[2][slot].stamp == a.stamps[2] or form.has_list and slot == form.n_slots - 1


cdef void turn_macs_later(Assembly* a, const Form* form) noexcept nogil:
    """The MAC addresses of each item of a list, which is about to be written behind its count."""
    cdef uint32_t at = 0, n
    cdef uint32_t _
    # Progress: an item further each turn. Bounds: `take_item` wrote the items, and counted the addresses of each.
    while at < a.list_used:
        n = be32(a.list + at + form.macs_at)
        at += form.item_octets
        for _ in range(n):
            turn_later(a, KIND_MAC, a.used + at)
            at += 8


cdef void write_fields(Assembly* a, const Form* form) noexcept nogil:
    """The fields of the open record in wire order, up to the last that was told."""
    cdef int slot, last = form.n_slots - 1
    cdef uint32_t version = number_of(a, 0, D_VERSION, 5)
    cdef const Slot* field
    cdef bint unsure = not a.era_known
    cdef int64_t start = a.used
    cdef int k
    # Progress: one slot down each turn. Versions 2 and 4 have no lengths, so all is there that they have.
    while version == 5 and last >= 0 and not is_told(a, form, last):
        last -= 1
    for slot in range(last + 1):
        field = &a.levels[2][slot]
        for k in range(a.joins_written, a.n_joins):
            if a.joins[k].slot == slot:
                a.joins[k].at = a.used
                a.joins[k].record_at = start - 8 if version == 5 else -1
        if unsure and form.kinds[slot] and field.stamp == a.stamps[2]:
            turn_later(a, form.kinds[slot], a.used)
        if form.has_list and slot == form.n_slots - 1:
            append32(a, a.list_count)
            if unsure and form.macs_at >= 0:
                turn_macs_later(a, form)
            append(a, a.list, a.list_used)
        elif field.stamp == a.stamps[2]:
            if version == 2 and slot == form.as_path:
                # One sequence instead of segments: its number of AS numbers, and they.
                if field.octets > 8:
                    append(a, a.scratch + field.at + 8, field.octets - 8)
                else:
                    append32(a, 0)
            else:
                append(a, a.scratch + field.at, field.octets)
        elif form.since[slot] > version:
            continue
        elif form.widths[slot]:
            memset(a.out + a.used, 0, form.widths[slot])
            a.used += form.widths[slot]
            lack(a, slot)
        else:
            append32(a, 0)


cdef void note_skipped(Assembly* a, uint32_t enterprise, uint32_t format) noexcept nogil:
    """JSON has the tag alone of what sflowtool skipped, and how long it was nobody knows."""
    a.unsized = True
    note_values(a, NOTE_SKIPPED, enterprise, format, -1)


cdef void look_at_header(Assembly* a) noexcept nogil:
    """A sampled header, just written, is the last field: whether it is whole, and of which version the text is."""
    cdef const Slot* header = &a.levels[2][HEADER_SLOT]
    cdef uint32_t octets
    if header.stamp != a.stamps[2]:
        return
    octets = be32(a.scratch + header.at)
    if a.header_octets > octets:
        note_values(a, NOTE_CUT, a.header_octets, octets, 0)
        a.lost_octets += ((a.header_octets + 3) & ~<uint32_t> 3) - ((octets + 3) & ~<uint32_t> 3)
    if not a.era_known:
        settle_by_header(a, <int> number_of(a, 2, 0, 0), a.used - header.octets + 4, octets)


cdef void close_record(Assembly* a) noexcept nogil:
    """Copy the open record behind the others."""
    cdef const Form* form = &a.forms[a.form]
    cdef int64_t start = a.used
    if a.place != PLACE_RECORD:
        return
    a.place = PLACE_SAMPLE
    a.form = FORM_SAMPLE
    if a.records >= a.most_records:
        if a.records == a.most_records:
            note_values(a, NOTE_MANY_RECORDS, a.most_records, 0, 0)
        a.records += 1
        close_joins(a)
        return
    if not has_room(a, 16 + a.level_at[2] - 2 * LEVEL_OCTETS + a.list_used + 8 * form.n_slots):
        return
    if is_old(a):
        write_old_record(a, form)
        close_joins(a)
        return
    append32(a, form.enterprise << 12 | form.format)
    append32(a, 0)
    if not a.skipped and a.level_at[2] == 2 * LEVEL_OCTETS and form.n_slots > form.has_list and not a.list_count or (
        form == &a.forms[FORM_NOTHING] and not a.skipped
    ):
        note_skipped(a, form.enterprise, form.format)
    elif not a.skipped:
        write_fields(a, form)
        if form.kind == MARK_FLOW and form.format == 1 and form.enterprise == 0:
            look_at_header(a)
    put32(a.out + start + 4, <uint32_t> (a.used - start - 8))
    a.records += 1
    close_joins(a)


cdef void write_old_record(Assembly* a, const Form* form) noexcept nogil:
    """Versions 2 and 4: the packet first, then the number of blocks, and each with its type."""
    if form.kind == MARK_FLOW:
        if a.records == 0:
            append32(a, form.format if form.format < 3 else form.format - 1)
        else:
            append32(a, form.format - 1000)
    write_fields(a, form)
    if form.kind == MARK_FLOW and form.format == 1:
        look_at_header(a)
    if form.kind == MARK_FLOW and a.records == 0:
        a.records_at = a.used
        append32(a, 0)
    a.records += 1


cdef bint is_whole(const Assembly* a) noexcept nogil:
    """Whether every field of the open record was told."""
    cdef const Form* form = &a.forms[a.form]
    cdef int slot
    if a.skipped:
        return True
    for slot in range(form.n_slots - form.has_list):
        if a.levels[2][slot].stamp != a.stamps[2]:
            return False
    return a.form != FORM_NOTHING
