# cython: boundscheck=False, wraparound=False
"""The datagram that sflowtool printed, put together again octet by octet from the fields of its text.

Text is not read into records of its own: it is written back as the datagram that sflowtool had,
and everything behind that (records, columns, tables, statistics) is what binary datagrams go
through. What the text does not tell is noted beside the octets (`Lack`), never made up in silence.

Values wait in scratch memory, a slot for each field, because sflowtool does not print in wire order;
a closed record is copied behind the others (`_textrecords`). `_text` fills the slots and says when something
begins and ends. Bounds are those of UDP and of `Limits`; nothing is allocated by a number that the text tells.
"""

from cpython.mem cimport PyMem_RawRealloc
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcmp, memcpy, memset

from flowparse._textera cimport forget_turns, settle_by_head, turn_later
from flowparse._textjoin cimport close_joins, forget_joins, settle_joins
from flowparse._textnumbers cimport ERA_LAST_DASH, ERA_SWAPPED_HEX, put32
from flowparse._textout cimport append, append32, has_room, note_text, note_values, overflow
from flowparse._textrecords cimport close_record, is_whole, note_skipped
from flowparse._textstate cimport (
    Assembly, D_AGENT, D_CAPTURED, D_CAPTURED_MICROSECONDS, D_MICROSECONDS, D_SAMPLES, D_SECONDS, D_SEQUENCE, D_SIZE,
    D_SOURCE, D_SUB_AGENT, D_UPTIME, D_VERSION, Entry, FORMAT_COUNTER, FORMAT_DISCARD, FORMAT_FLOW,
    FORMAT_FLOW_EXPANDED, FORM_DATAGRAM, FORM_SAMPLE, INDEX_BITS, Meta, NOTE_HEADLESS, NOTE_LINE, NOTE_MANY_SAMPLES,
    NOTE_SAMPLES, NOTE_SIZE, NOTE_TORN_DATAGRAM, NOTE_TORN_RECORD, NOTE_TORN_SAMPLE, PLACE_DATAGRAM, PLACE_OUTSIDE,
    PLACE_OVERFLOW, PLACE_RECORD, PLACE_SAMPLE, PORT_BITS, S_BLOCK, S_DATA_SOURCE, S_DROPS, S_INPUT, S_INTERVAL,
    S_OUTPUT, S_POOL, S_RATE, S_REASON, S_SEQUENCE, S_TAG, Slot, clear_level, filled, is_old, number_of,
)
from flowparse._textvalues cimport KIND_MAC, read_time, value_writer, write_str
from flowparse._wire cimport be32

# ── headers ───────────────────────────────────────────────────────────────────────────────────────────────────────────

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
    if not a.era_known:
        settle_by_head(a)
    return True


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


# ── samples ───────────────────────────────────────────────────────────────────────────────────────────────────────────

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
    a.metric_at = 0
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
    forget_joins(a)
    forget_turns(a)
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
        close_joins(a)
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
    if entry.kind == KIND_MAC and not a.era_known:
        turn_later(a, KIND_MAC, a.used + octets)
    a.metric_at = a.used + octets
    a.used += octets + name_octets
    a.records += entry.slot >= 0


# ── datagrams ─────────────────────────────────────────────────────────────────────────────────────────────────────────

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
    a.n_joins = a.joins_written = 0
    a.join_used = 0
    forget_turns(a)
    a.era = a.era & ERA_SWAPPED_HEX | (ERA_LAST_DASH if a.unmarked else 0)


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
    settle_joins(a)
    if a.place == PLACE_OVERFLOW:
        a.place = PLACE_OUTSIDE
        a.ordinal += 1
        return
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
    if a.unmarked:
        end_unmarked(a)
        return
    note_values(a, NOTE_TORN_DATAGRAM, 0, 0, 0)
    if a.place != PLACE_DATAGRAM:
        tear_sample(a)
    if a.place != PLACE_OVERFLOW:
        end_datagram(a)
    else:
        a.place = PLACE_OUTSIDE
        a.ordinal += 1


# ── text without markers ─────────────────────────────────────────────────────────────────────────────────────────────

cdef void end_unmarked(Assembly* a) noexcept nogil:
    """The datagram ends where the next one begins, or the text."""
    if a.place == PLACE_SAMPLE or a.place == PLACE_RECORD:
        end_sample(a)
    if a.place == PLACE_OVERFLOW:
        a.place = PLACE_OUTSIDE
        a.ordinal += 1
    elif a.place != PLACE_OUTSIDE:
        end_datagram(a)


cdef void next_unmarked(Assembly* a, const Entry* entry) noexcept nogil:
    """A datagram begins at its `unixSecondsUTC`, a sample at its `sampleSequenceNo`, and what is open ends there."""
    if entry.form == FORM_DATAGRAM:
        if a.place != PLACE_OUTSIDE:
            end_unmarked(a)
        begin_datagram(a)
        return
    if a.place == PLACE_SAMPLE or a.place == PLACE_RECORD:
        end_sample(a)
    if a.place == PLACE_DATAGRAM:
        begin_sample(a)


cdef void take_type(Assembly* a, const uint8_t* value, const uint8_t* end) noexcept nogil:
    """`sampleType FLOWSAMPLE` or `COUNTERSSAMPLE`, where there is no sampleType_tag."""
    cdef Slot* slot = &a.levels[1][S_TAG]
    cdef uint8_t* at = a.scratch + a.level_at[1]
    cdef uint32_t format = FORMAT_FLOW if end - value == 10 and memcmp(value, b"FLOWSAMPLE", 10) == 0 else 0
    if end - value == 14 and memcmp(value, b"COUNTERSSAMPLE", 14) == 0:
        format = FORMAT_COUNTER
    if a.place != PLACE_SAMPLE or slot.stamp == a.stamps[1] or format == 0:
        return
    # Bounds: LEVEL_OCTETS hold every field of a sample, and this is the one that is not printed.
    put32(at, 0)
    put32(at + 4, format)
    slot.stamp = a.stamps[1]
    slot.at = a.level_at[1]
    slot.octets = 8
    a.level_at[1] += 8
