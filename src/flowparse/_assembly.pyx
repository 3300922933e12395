# cython: boundscheck=False, wraparound=False
"""The datagram that sflowtool printed, put together again octet by octet from the fields of its text.

Text is not read into records of its own: it is written back as the datagram that sflowtool had,
and everything behind that (records, columns, tables, statistics) is what binary datagrams go
through. What the text does not tell is noted beside the octets (`Lack`), never made up in silence.

Values wait in scratch memory, a slot for each field, because sflowtool does not print in wire order;
a closed record is copied behind the others. `_text` fills the slots and says when something begins
and ends. Bounds are those of UDP and of `Limits`; nothing is allocated by a number that the text tells.
"""

from cpython.mem cimport PyMem_RawRealloc
from libc.string cimport memcpy, memset

from flowparse._textvalues cimport (
    ERA_SWAPPED_HEX, put32, read_time, value_writer, write_str,
)
from flowparse._wire cimport be32

# ── notes ────────────────────────────────────────────────────────────────────────────────────────────────────────────

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


# ── octets that come out ─────────────────────────────────────────────────────────────────────────────────────────────

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


cdef inline void append32(Assembly* a, uint32_t value) noexcept nogil:
    # Bounds: the caller has made room.
    put32(a.out + a.used, value)
    a.used += 4


cdef inline void append(Assembly* a, const uint8_t* octets, Py_ssize_t n) noexcept nogil:
    # Bounds: the caller has made room. A number is copied without a call.
    if n == 4:
        memcpy(a.out + a.used, octets, 4)
    else:
        memcpy(a.out + a.used, octets, n)
    a.used += n


cdef bint write_header(Assembly* a) noexcept nogil:
    """The datagram's header; False where the text does not tell all of it."""
    cdef uint32_t version = number_of(a, 0, D_VERSION, 0)
    cdef const uint8_t* agent = filled(a, 0, D_AGENT)
    if a.has_header:
        return True
    if version != 2 and version != 4 and version != 5 or agent == NULL:
        return False
    if filled(a, 0, D_SEQUENCE) == NULL or filled(a, 0, D_UPTIME) == NULL:
        return False
    if version == 5 and filled(a, 0, D_SUB_AGENT) == NULL or not has_room(a, 64):
        return False
    append32(a, version)
    append(a, agent, a.levels[0][D_AGENT].octets)
    if version == 5:
        append32(a, number_of(a, 0, D_SUB_AGENT, 0))
    append32(a, number_of(a, 0, D_SEQUENCE, 0))
    append32(a, number_of(a, 0, D_UPTIME, 0))
    a.count_at = a.used
    append32(a, 0)
    a.has_header = True
    return True


cdef bint is_old(const Assembly* a) noexcept nogil:
    """Versions 2 and 4: samples and records without length."""
    return number_of(a, 0, D_VERSION, 5) < 5


cdef bint write_sample_header(Assembly* a) noexcept nogil:
    """What a sample says of itself, up to its number of records; False where the text does not tell it."""
    cdef const uint8_t* tag = filled(a, 1, S_TAG)
    cdef const uint8_t* source = filled(a, 1, S_DATA_SOURCE)
    cdef const uint8_t* port
    cdef uint32_t format
    cdef bint expanded, flow, old = is_old(a)
    cdef int slot
    if tag == NULL or be32(tag) != 0 or source == NULL or filled(a, 1, S_SEQUENCE) == NULL:
        return False
    format = be32(tag + 4)
    expanded = format >= FORMAT_FLOW_EXPANDED
    flow = format == FORMAT_FLOW or format == FORMAT_FLOW_EXPANDED
    if not has_room(a, 64) or not expanded and (be32(source) >> (32 - INDEX_BITS) or be32(source + 4) >> INDEX_BITS):
        return False
    if not old:
        append32(a, format)
        append32(a, 0)                          # the length, when it is known
    else:
        append32(a, format)
    append32(a, number_of(a, 1, S_SEQUENCE, 0))
    if expanded:
        append(a, source, 8)
    else:
        append32(a, be32(source) << INDEX_BITS | be32(source + 4))
    if flow or format == FORMAT_DISCARD:
        if flow:
            append32(a, number_of(a, 1, S_RATE, 0))
            append32(a, number_of(a, 1, S_POOL, 0))
        append32(a, number_of(a, 1, S_DROPS, 0))
        for slot in range(S_INPUT, S_OUTPUT + 1):
            port = filled(a, 1, slot)
            if port == NULL:                    # expanded, of a format that sflowtool prints nothing for
                append32(a, 0)
                if format == FORMAT_FLOW_EXPANDED:
                    append32(a, 0)
            elif format == FORMAT_FLOW_EXPANDED:
                append(a, port, 8)
            elif format == FORMAT_DISCARD:
                append32(a, be32(port + 4))
            elif old:
                append32(a, be32(port + 4) | (<uint32_t> 1 << 31 if be32(port) else 0))
            elif be32(port) > 3 or be32(port + 4) >> PORT_BITS:
                return False
            else:
                append32(a, be32(port) << PORT_BITS | be32(port + 4))
        if format == FORMAT_DISCARD:
            append32(a, number_of(a, 1, S_REASON, 0))
    elif old:
        append32(a, number_of(a, 1, S_INTERVAL, 0))
        append32(a, number_of(a, 1, S_BLOCK, 1))
    a.records_at = a.used
    if not old:
        append32(a, 0)
    return True


# ── records ──────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef void open_record(Assembly* a, int form) noexcept nogil:
    clear_level(a, 2)
    a.form = form
    a.place = PLACE_RECORD
    a.skipped = False
    a.list_used = a.list_count = 0
    a.list_item = 0


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


cdef void check_era(Assembly* a, int64_t header_at, Py_ssize_t octets) noexcept nogil:
    """Version 5.01 turned the digits of each octet around: an IPv4 header behind an EtherType 8000 betrays it."""
    cdef uint32_t ethertype
    cdef uint8_t* octet
    cdef Py_ssize_t i
    # Bounds: the caller wrote `octets` octets at `header_at`.
    if octets < 14 or a.era & ERA_SWAPPED_HEX:
        return
    octet = a.out + header_at
    ethertype = <uint32_t> octet[12] << 8 | octet[13]
    if ethertype != 0x8000 and ethertype != 0x1800 and ethertype != 0x888A and ethertype != 0x68DD:
        return
    a.era |= ERA_SWAPPED_HEX
    note_values(a, NOTE_ERA, 0, 0, 0)
    for i in range(octets):
        octet[i] = octet[i] << 4 | octet[i] >> 4


cdef bint is_told(const Assembly* a, const Form* form, int slot) noexcept nogil:
    """Whether the text tells a field; a list without items is told by saying nothing."""
    return a.levels[2][slot].stamp == a.stamps[2] or form.has_list and slot == form.n_slots - 1


cdef void write_fields(Assembly* a, const Form* form) noexcept nogil:
    """The fields of the open record in wire order, up to the last that was told."""
    cdef int slot, last = form.n_slots - 1
    cdef uint32_t version = number_of(a, 0, D_VERSION, 5)
    cdef const Slot* field
    # Progress: one slot down each turn. Versions 2 and 4 have no lengths, so all is there that they have.
    while version == 5 and last >= 0 and not is_told(a, form, last):
        last -= 1
    for slot in range(last + 1):
        field = &a.levels[2][slot]
        if form.has_list and slot == form.n_slots - 1:
            append32(a, a.list_count)
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


cdef void close_record(Assembly* a) noexcept nogil:
    """Copy the open record behind the others."""
    cdef const Form* form = &a.forms[a.form]
    cdef int64_t start = a.used
    cdef const Slot* header
    if a.place != PLACE_RECORD:
        return
    a.place = PLACE_SAMPLE
    a.form = FORM_SAMPLE
    if a.records >= a.most_records:
        if a.records == a.most_records:
            note_values(a, NOTE_MANY_RECORDS, a.most_records, 0, 0)
        a.records += 1
        return
    if not has_room(a, 16 + a.level_at[2] - 2 * LEVEL_OCTETS + a.list_used + 8 * form.n_slots):
        return
    if is_old(a):
        write_old_record(a, form)
        return
    append32(a, form.enterprise << 12 | form.format)
    append32(a, 0)
    if not a.skipped and a.level_at[2] == 2 * LEVEL_OCTETS and form.n_slots > form.has_list and not a.list_count or (
        form == &a.forms[FORM_NOTHING] and not a.skipped
    ):
        note_skipped(a, form.enterprise, form.format)
    elif not a.skipped:
        write_fields(a, form)
        if form.kind == MARK_FLOW and form.format == 1 and form.enterprise == 0 and form.n_slots == 4:
            header = &a.levels[2][3]
            if header.stamp == a.stamps[2] and number_of(a, 2, 0, 0) == 1 and header.octets > 4:
                check_era(a, a.used - header.octets + 4, be32(a.scratch + header.at))
    put32(a.out + start + 4, <uint32_t> (a.used - start - 8))
    a.records += 1


cdef void write_old_record(Assembly* a, const Form* form) noexcept nogil:
    """Versions 2 and 4: the packet first, then the number of blocks, and each with its type."""
    if form.kind == MARK_FLOW:
        if a.records == 0:
            append32(a, form.format if form.format < 3 else form.format - 1)
        else:
            append32(a, form.format - 1000)
    write_fields(a, form)
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


# ── samples ──────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef void begin_sample(Assembly* a) noexcept nogil:
    if not write_header(a):
        if a.place != PLACE_OVERFLOW:
            overflow(a, NOTE_HEADLESS)
        return
    if a.samples >= a.most_samples:
        overflow(a, NOTE_MANY_SAMPLES)
        return
    clear_level(a, 1)
    a.place = PLACE_SAMPLE
    a.form = FORM_SAMPLE
    a.sample_start = a.used
    a.records_at = 0
    a.records = 0
    a.samples += 1
    a.discard = a.metric = a.unknown = a.torn = False


cdef void drop_sample(Assembly* a) noexcept nogil:
    """The sample's octets go."""
    a.used = a.sample_start
    a.samples -= 1
    # Progress: one fewer each turn.
    while a.n_lacks > 0 and a.lacks[a.n_lacks - 1].datagram == a.ordinal and (
        a.lacks[a.n_lacks - 1].sample == <int32_t> a.samples
    ):
        a.n_lacks -= 1
    a.place = PLACE_DATAGRAM
    a.form = FORM_DATAGRAM


cdef bint ready_for_records(Assembly* a) noexcept nogil:
    """Write the sample's header once; False where it is not told, and then the sample is dropped at its end."""
    return a.records_at > 0 or not (a.metric or a.unknown) and write_sample_header(a)


cdef void end_sample(Assembly* a) noexcept nogil:
    cdef const uint8_t* tag
    close_record(a)
    if a.place != PLACE_SAMPLE:
        return
    tag = filled(a, 1, S_TAG)
    if not a.metric and not a.unknown and a.records_at == 0 and tag != NULL and (
        be32(tag) or be32(tag + 4) - 1 >= FORMAT_DISCARD
    ):
        a.unknown = True
        note_skipped(a, be32(tag), be32(tag + 4))
    if a.unknown or a.metric:
        if a.unknown and tag != NULL and has_room(a, 8):
            append32(a, be32(tag) << 12 | be32(tag + 4))
            append32(a, 0)
        elif a.unknown or a.place != PLACE_SAMPLE:
            return
    elif not ready_for_records(a):
        if a.place == PLACE_SAMPLE:
            if not a.torn:
                note_values(a, NOTE_TORN_SAMPLE, 0, 0, 0)
            drop_sample(a)
        return
    a.place = PLACE_DATAGRAM
    a.form = FORM_DATAGRAM
    if is_old(a):
        if number_of(a, 1, S_TAG, 0) == 0 and be32(filled(a, 1, S_TAG) + 4) == FORMAT_FLOW:
            if a.records == 0:
                if not a.torn:
                    note_values(a, NOTE_TORN_SAMPLE, 0, 0, 0)
                drop_sample(a)
                return
            put32(a.out + a.records_at, a.records - 1)
        return
    if not a.metric and not a.unknown:
        put32(a.out + a.records_at, <uint32_t> min(a.records, a.most_records))
    elif a.metric and a.records_at:
        put32(a.out + a.records_at, a.records)
    put32(a.out + a.sample_start + 4, <uint32_t> (a.used - a.sample_start - 8))


cdef void tear_sample(Assembly* a) noexcept nogil:
    """A sample without an end, which is what sflowtool leaves where it gives up: whole records count."""
    if a.place == PLACE_RECORD and not is_whole(a):
        note_values(a, NOTE_TORN_RECORD, a.forms[a.form].enterprise, a.forms[a.form].format, 0)
        a.place = PLACE_SAMPLE
        a.form = FORM_SAMPLE
    else:
        note_values(a, NOTE_TORN_SAMPLE, 0, 0, 0)
    a.torn = True
    if a.place == PLACE_SAMPLE and not a.metric and not a.unknown and not ready_for_records(a):
        if a.place == PLACE_SAMPLE:
            drop_sample(a)
        return
    end_sample(a)


cdef void metric_sample(Assembly* a) noexcept nogil:
    """Begin a sample of sFlow-RT's, whose items are written as they come."""
    cdef const uint8_t* tag = filled(a, 1, S_TAG)
    if a.metric or tag == NULL or not has_room(a, 8):
        return
    a.metric = True
    append32(a, be32(tag) << 12 | be32(tag + 4))
    append32(a, 0)


cdef void take_metric(
    Assembly* a, const Entry* entry, const uint8_t* line, const uint8_t* key, Py_ssize_t key_octets,
    const uint8_t* value, const uint8_t* end,
) noexcept nogil:
    """`rtmetric_counter32_NAME value`: the entry is the part before NAME, its slot the number of the type.

    A slot of -1 is a field of the sample itself, in wire order as sflowtool prints it.
    """
    cdef Py_ssize_t octets, name_octets = key_octets - entry.octets
    metric_sample(a)
    if a.place != PLACE_SAMPLE or not has_room(a, 64 + name_octets + 2 * (end - value)):
        return
    if entry.slot >= 0:
        if a.records_at == 0:
            a.records_at = a.used
            append32(a, 0)
        octets = write_str(key + entry.octets, key + key_octets, a.out + a.used, a.out + a.out_size, a.era)
        put32(a.out + a.used + octets, entry.slot)
        octets += 4
    else:
        octets = 0
    name_octets = value_writer(entry.kind)(value, end, a.out + a.used + octets, a.out + a.out_size, a.era)
    if name_octets < 0 or entry.slot < 0 and a.records_at:
        note_text(a, NOTE_LINE, line, end)
        return
    a.used += octets + name_octets
    a.records += entry.slot >= 0


# ── datagrams ────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef void begin_datagram(Assembly* a) noexcept nogil:
    clear_level(a, 0)
    a.place = PLACE_DATAGRAM
    a.form = FORM_DATAGRAM
    a.start = a.used
    a.has_header = a.unsized = False
    a.samples = 0
    a.lost_octets = 0
    a.datagram_lines = 0
    a.n_notes_here = 0
    a.era &= ERA_SWAPPED_HEX


cdef int64_t received(const Assembly* a) noexcept nogil:
    """When the datagram came, in nanoseconds since 1970; -1 where it is not told.

    Since 6.08 unixSecondsUTC is 0 for captures, and the time of the packet is the one that counts.
    """
    cdef const uint8_t* captured = filled(a, 0, D_CAPTURED)
    cdef int64_t seconds = -1
    cdef uint32_t length
    if captured != NULL:
        length = be32(captured)
        seconds = read_time(captured + 4, captured + 4 + length)
        if seconds >= 0:
            return seconds * 1000000000 + <int64_t> number_of(a, 0, D_CAPTURED_MICROSECONDS, 0) * 1000
    seconds = number_of(a, 0, D_SECONDS, 0)
    return seconds * 1000000000 + <int64_t> number_of(a, 0, D_MICROSECONDS, 0) * 1000 if seconds else -1


cdef void end_datagram(Assembly* a) noexcept nogil:
    """The datagram is complete: hand it over, and compare it with what the text says of it."""
    cdef Meta* meta
    cdef Meta* grown
    cdef int64_t size, told
    cdef const uint8_t* source = filled(a, 0, D_SOURCE)
    if not write_header(a):
        if a.place != PLACE_OVERFLOW:
            overflow(a, NOTE_HEADLESS)
        a.place = PLACE_OUTSIDE
        a.ordinal += 1
        return
    put32(a.out + a.count_at, a.samples)
    told = number_of(a, 0, D_SAMPLES, a.samples)
    if told != a.samples:
        note_values(a, NOTE_SAMPLES, told, a.samples, 0)
    told = number_of(a, 0, D_SIZE, 0)
    if filled(a, 0, D_SIZE) != NULL and not a.unsized and told != a.used - a.start + a.lost_octets:
        note_values(a, NOTE_SIZE, told, a.used - a.start + a.lost_octets, 0)
    if a.n_metas == a.metas_size:
        size = 64 if a.metas_size == 0 else 2 * a.metas_size
        grown = <Meta*> PyMem_RawRealloc(a.metas, size * sizeof(Meta))
        if grown == NULL:
            a.no_memory = True
            a.used = a.start
            a.place = PLACE_OUTSIDE
            return
        a.metas = grown
        a.metas_size = size
    meta = &a.metas[a.n_metas]
    a.n_metas += 1
    memset(meta, 0, sizeof(Meta))
    meta.offset = a.start
    meta.octets = <int32_t> (a.used - a.start)
    meta.received_ns = received(a)
    meta.ordinal = a.ordinal
    meta.version = <uint8_t> number_of(a, 0, D_VERSION, 0)
    meta.lacks = a.n_lacks > 0 and a.lacks[a.n_lacks - 1].datagram == a.ordinal
    if source != NULL and be32(source) == 1:
        meta.has_source = True
        meta.source[10] = meta.source[11] = 0xFF
        memcpy(meta.source + 12, source + 4, 4)
    elif source != NULL and be32(source) == 2:
        meta.has_source = True
        memcpy(meta.source, source + 4, 16)
    a.place = PLACE_OUTSIDE
    a.ordinal += 1


cdef void tear_datagram(Assembly* a) noexcept nogil:
    """A datagram without an end."""
    if a.place == PLACE_OUTSIDE:
        return
    if a.place == PLACE_OVERFLOW:
        a.place = PLACE_OUTSIDE
        a.ordinal += 1
        return
    note_values(a, NOTE_TORN_DATAGRAM, 0, 0, 0)
    if a.place != PLACE_DATAGRAM:
        tear_sample(a)
    if a.place != PLACE_OVERFLOW:
        end_datagram(a)
    else:
        a.place = PLACE_OUTSIDE
        a.ordinal += 1
