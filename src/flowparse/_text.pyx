# cython: boundscheck=False, wraparound=False
"""Lines of sflowtool's tagged text: what each key means where it stands.

A line's key is looked up in the form that is open (datagram, sample, or the structure that the last
tag opened), and then among the markers. Streams repeat themselves, so each key remembers which one
came behind it last, and that one is tried first, without looking for the end of the key.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy, memset

from flowparse._assembly cimport (
    begin_datagram, begin_sample, end_datagram, end_sample, next_unmarked, ready_for_records, take_metric, take_type,
    tear_datagram, tear_sample,
)
from flowparse._textera cimport settle_turned
from flowparse._textjoin cimport take_stray
from flowparse._textkeys cimport find_entry
from flowparse._textnumbers cimport ERA_SWAPPED_ESCAPE, put32, read_unsigned
from flowparse._textout cimport note_text, note_values, overflow
from flowparse._textrecords cimport close_record, open_record
from flowparse._textstate cimport (
    Assembly, DATAGRAM_OCTETS, DISCARDED, D_LOCALTIME, D_SECONDS, Entry, FORMAT_DISCARD, FORMS_FIXED, FORM_DATAGRAM,
    FORM_NOTHING, FORM_SAMPLE, Form, GLOBAL, LEVEL_OCTETS, LIST_OCTETS, MARK_COUNTER, MARK_END_DATAGRAM,
    MARK_END_SAMPLE, MARK_FIELD, MARK_FLOW, MARK_LIST_BEGIN, MARK_LIST_PUSH, MARK_METRIC, MARK_SKIPPING,
    MARK_START_DATAGRAM, MARK_START_SAMPLE, MOST_KEY, NOTE_LINE, NOTE_MANY_LINES, NOTE_OUTSIDE, NOTE_SKIPPED,
    PLACE_DATAGRAM, PLACE_OUTSIDE, PLACE_OVERFLOW, PLACE_RECORD, PLACE_SAMPLE, RECENT_FORMS, RECORD_OCTETS, SLOT_LENGTH,
    SLOT_TITLE, SLOT_TYPE, S_SEQUENCE, S_TAG, Slot, filled, is_old,
)
from flowparse._textvalues cimport KIND_IP6, is_mangled, value_writer, write_source
from flowparse._wire cimport be32


cdef enum:
    LONGEST_NAMED = 4 * MOST_KEY        # octets of a key, with the name of a metric in it


cdef inline void fill(
    Assembly* a, int level, const Entry* entry, const uint8_t* line, const uint8_t* value, const uint8_t* end,
) noexcept nogil:
    """Write a value to the scratch memory of its level; the first of a key counts."""
    cdef Slot* slot = &a.levels[level][entry.slot]
    cdef uint8_t* limit = a.scratch + ((level + 1) * LEVEL_OCTETS if level < 2 else 2 * LEVEL_OCTETS + RECORD_OCTETS)
    cdef uint8_t* at = a.scratch + a.level_at[level]
    cdef Py_ssize_t octets
    if slot.stamp == a.stamps[level]:
        note_text(a, NOTE_LINE, line, end)
        return
    octets = value_writer(entry.kind)(value, end, at, limit, a.era)
    if octets < 0:
        if entry.kind == KIND_IP6 and is_mangled(value, end) and not a.era_known:
            settle_turned(a)
        note_text(a, NOTE_LINE, line, end)
        return
    slot.stamp = a.stamps[level]
    slot.at = a.level_at[level]
    slot.octets = <uint32_t> octets
    a.level_at[level] += <uint32_t> octets


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef inline Entry* find(const Assembly* a, int form, const uint8_t* key, Py_ssize_t octets) noexcept nogil:
    return find_entry(a.entries, a.table, a.mask, form, key, octets)


cdef Entry* find_numbered(const Assembly* a, int form, const uint8_t* key, Py_ssize_t octets) noexcept nogil:
    """A key with numbers in it, such as adaptor_0_MAC_1: its entry has # for each."""
    cdef uint8_t[MOST_KEY] plain
    cdef Py_ssize_t i, n = 0
    if octets > MOST_KEY:
        return NULL
    # Bounds: n <= i < MOST_KEY.
    for i in range(octets):
        if <uint8_t> (key[i] - 48) > 9:
            plain[n] = key[i]
            n += 1
        elif n == 0 or plain[n - 1] != c"#":
            plain[n] = c"#"
            n += 1
    return find(a, form, plain, n)


cdef Entry* find_metric(const Assembly* a, const uint8_t* key, Py_ssize_t octets) noexcept nogil:
    """rtmetric_TYPE_NAME and rtflow_TYPE_NAME: the entry is the part up to the second underscore."""
    cdef const uint8_t* first = <const uint8_t*> memchr(key, c"_", octets)
    cdef const uint8_t* second
    if first == NULL:
        return NULL
    second = <const uint8_t*> memchr(first + 1, c"_", key + octets - first - 1)
    return NULL if second == NULL else find(a, FORM_SAMPLE, key, second + 1 - key)


cdef Entry* look_up(const Assembly* a, const uint8_t* key, Py_ssize_t octets) noexcept nogil:
    """The entry of a key where the text stands, or NULL."""
    cdef Entry* entry
    if octets > LONGEST_NAMED:
        return NULL
    entry = find(a, a.form, key, octets)
    if entry == NULL:
        entry = find(a, GLOBAL, key, octets)
    if entry == NULL and a.forms[a.form].has_numbered:
        entry = find_numbered(a, a.form, key, octets)
    if entry == NULL and a.place == PLACE_SAMPLE and octets > 3 and key[0] == c"r" and key[1] == c"t":
        entry = find_metric(a, key, octets)
    return entry


cdef inline bint is_form(const Assembly* a, int form, int mark, const uint8_t* tag) noexcept nogil:
    """Whether a form is the structure of a tag."""
    return a.forms[form].kind == mark and a.forms[form].format == be32(tag + 4) and (
        a.forms[form].enterprise == be32(tag)
    )


cdef void take_tag(Assembly* a, int mark, const uint8_t* line, const uint8_t* value, const uint8_t* end) noexcept nogil:
    """flowBlock_tag and counterBlock_tag: the record before ends here, and the next one begins."""
    cdef uint8_t[8] tag
    cdef uint16_t* recent
    cdef int form
    close_record(a)
    if a.place != PLACE_SAMPLE or write_source(value, end, tag, tag + 8, 0) < 0:
        if a.place != PLACE_OVERFLOW:
            note_text(a, NOTE_LINE, line, end)
        return
    if not ready_for_records(a):
        return
    recent = &a.recent[(be32(tag + 4) + be32(tag) + <uint32_t> mark) % RECENT_FORMS]
    if is_form(a, recent[0], mark, tag):
        open_record(a, recent[0])
        return
    for form in range(FORMS_FIXED, a.n_forms):
        if is_form(a, form, mark, tag):
            recent[0] = <uint16_t> form
            open_record(a, form)
            return
    open_record(a, FORM_NOTHING)
    a.forms[FORM_NOTHING].enterprise = be32(tag)
    a.forms[FORM_NOTHING].format = be32(tag + 4)


cdef void take_skipped(Assembly* a, const uint8_t* line, const uint8_t* value, const uint8_t* end) noexcept nogil:
    """`skipping unknown flow_sample_element: E:F len=N`: a structure whose octets sflowtool does not print."""
    cdef const uint8_t* at = end
    cdef uint32_t length = 0, enterprise = 0, format = 0
    cdef bint sample
    # Progress: one octet down each turn. Bounds: value < at.
    while at > value and (at - 1)[0] != c"=":
        at -= 1
    if at == value or not read_unsigned(&at, end, &length) or at != end or length > DATAGRAM_OCTETS:
        note_text(a, NOTE_LINE, line, end)
        return
    sample = end - value > 16 and memcmp(value, b"unknown sample: ", 16) == 0
    if sample and a.place == PLACE_SAMPLE and a.records_at == 0 and filled(a, 1, S_TAG) != NULL:
        a.unknown = True
        enterprise, format = be32(filled(a, 1, S_TAG)), be32(filled(a, 1, S_TAG) + 4)
    elif not sample and a.place == PLACE_RECORD:
        a.skipped = True
        enterprise, format = a.forms[a.form].enterprise, a.forms[a.form].format
    else:
        note_text(a, NOTE_LINE, line, end)
        return
    a.lost_octets += length
    note_values(a, NOTE_SKIPPED, enterprise, format, length)


cdef void take_item(
    Assembly* a, const Entry* entry, const uint8_t* line, const uint8_t* value, const uint8_t* end,
) noexcept nogil:
    """A field of an item of the record's list; sflowtool prints items in order, and each in order."""
    cdef const Form* form = &a.forms[a.form]
    cdef uint8_t[8] octets
    cdef Py_ssize_t n = value_writer(entry.kind)(value, end, octets, octets + 8, a.era)
    cdef bint has_item = entry.mark == MARK_LIST_BEGIN or a.list_count > 0
    if n < 0 or not has_item or LIST_OCTETS < <Py_ssize_t> a.list_used + form.item_octets + 8:
        note_text(a, NOTE_LINE, line, end)
        return
    if entry.mark == MARK_LIST_BEGIN:
        a.list_item = a.list_used
        a.list_count += 1
        memset(a.list + a.list_used, 0, form.item_octets)
        a.list_used += form.item_octets
    if entry.mark == MARK_LIST_PUSH:
        # A list within the item: its count stands at `slot`, the items behind.
        memcpy(a.list + a.list_used, octets, n)
        a.list_used += <uint32_t> n
        put32(a.list + a.list_item + entry.slot, be32(a.list + a.list_item + entry.slot) + 1)
    elif entry.slot + n <= form.item_octets:
        memcpy(a.list + a.list_item + entry.slot, octets, n)


cdef void take_title(Assembly* a, const Entry* entry, const uint8_t* value, const uint8_t* end) noexcept nogil:
    """Versions 2 and 4 have no tags: `flowSampleType X` and `extendedType Y` open a record.

    So does `packetDataTag INMPACKETTYPE_X`, which is older.
    """
    cdef const char* key = <const char*> entry.key
    cdef Py_ssize_t key_octets = entry.octets
    cdef Py_ssize_t octets
    cdef const Form* form
    cdef int i
    close_record(a)
    if a.place != PLACE_SAMPLE or not ready_for_records(a):
        return
    if end - value > 14 and memcmp(value, b"INMPACKETTYPE_", 14) == 0:
        value += 14
        key, key_octets = b"flowSampleType", 14
    octets = end - value
    for i in range(FORMS_FIXED, a.n_forms):
        form = &a.forms[i]
        if form.kind == MARK_FLOW and form.title_octets == key_octets + 1 + octets and (
            memcmp(form.title + key_octets + 1, value, octets) == 0
        ) and memcmp(form.title, key, key_octets) == 0:
            open_record(a, i)
            return


cdef Entry* open_counters(Assembly* a, const uint8_t* key, Py_ssize_t octets) noexcept nogil:
    """Versions 2 and 4: the first key of another structure opens it."""
    cdef Entry* entry
    cdef int i
    for i in range(FORMS_FIXED, a.n_forms):
        if a.forms[i].kind == MARK_COUNTER and a.forms[i].enterprise == 0 and a.forms[i].format < 6:
            entry = find(a, i, key, octets)
            if entry != NULL and entry.slot == 0:
                close_record(a)
                if a.place == PLACE_SAMPLE and ready_for_records(a):
                    open_record(a, i)
                    return entry
    return NULL


cdef void take_mark(Assembly* a, int mark, const uint8_t* line, const uint8_t* end) noexcept nogil:
    """A datagram or a sample begins or ends."""
    a.marked = True
    if mark == MARK_START_DATAGRAM:
        tear_datagram(a)
        a.unmarked = False
        begin_datagram(a)
        return
    a.unmarked = False                  # the text began within a datagram
    if mark == MARK_END_DATAGRAM:
        if a.place == PLACE_SAMPLE or a.place == PLACE_RECORD:
            tear_sample(a)
        if a.place == PLACE_OVERFLOW:
            a.place = PLACE_OUTSIDE
            a.ordinal += 1
        elif a.place != PLACE_OUTSIDE:
            end_datagram(a)
    elif mark == MARK_START_SAMPLE:
        if a.place == PLACE_SAMPLE or a.place == PLACE_RECORD:
            tear_sample(a)
        if a.place == PLACE_DATAGRAM:
            begin_sample(a)
    elif a.place == PLACE_DATAGRAM:
        note_text(a, NOTE_LINE, line, end)
    else:
        end_sample(a)


cdef inline bint is_first(const Entry* entry) noexcept nogil:
    """Whether a sample, or a datagram, begins with this key where nothing marks its beginning."""
    return entry.form == FORM_SAMPLE and entry.slot == S_SEQUENCE or (
        entry.form == FORM_DATAGRAM and entry.slot == D_SECONDS
    )


cdef void take_special(Assembly* a, const Entry* entry, const uint8_t* value, const uint8_t* end) noexcept nogil:
    """A key that is no field; most say again what others say."""
    if entry.slot == SLOT_TITLE and is_old(a):
        take_title(a, entry, value, end)
    elif entry.slot == SLOT_LENGTH:
        if not read_unsigned(&value, end, &a.header_octets):
            a.header_octets = 0
    elif entry.slot == SLOT_TYPE and a.unmarked:
        take_type(a, value, end)


cdef void take_entry(
    Assembly* a, Entry* entry, const uint8_t* line, const uint8_t* key, Py_ssize_t key_octets,
    const uint8_t* value, const uint8_t* end,
) noexcept nogil:
    cdef int mark = entry.mark
    if mark == MARK_FIELD:
        if a.unmarked and is_first(entry):
            next_unmarked(a, entry)
            if a.place == PLACE_OUTSIDE or a.place == PLACE_OVERFLOW:
                return
        if entry.slot < 0:
            take_special(a, entry, value, end)
        elif a.place == PLACE_RECORD:
            fill(a, 2, entry, line, value, end)
        elif a.place == PLACE_SAMPLE:
            fill(a, 1, entry, line, value, end)
            if entry.slot == S_TAG and filled(a, 1, S_TAG) != NULL:
                a.discard = be32(filled(a, 1, S_TAG)) == 0 and be32(filled(a, 1, S_TAG) + 4) == FORMAT_DISCARD
        else:
            if entry.slot == D_LOCALTIME:
                a.era |= ERA_SWAPPED_ESCAPE
            fill(a, 0, entry, line, value, end)
    elif mark <= MARK_END_SAMPLE:
        take_mark(a, mark, line, end)
    elif mark == MARK_FLOW or mark == MARK_COUNTER:
        take_tag(a, mark, line, value, end)
    elif mark == MARK_SKIPPING:
        take_skipped(a, line, value, end)
    elif mark == MARK_METRIC:
        take_metric(a, entry, line, key, key_octets, value, end)
    elif a.place == PLACE_RECORD:
        take_item(a, entry, line, value, end)


cdef void take_old_metric(
    Assembly* a, const uint8_t* line, const uint8_t* key, Py_ssize_t key_octets, const uint8_t* value,
    const uint8_t* end,
) noexcept nogil:
    """`rtmetric NAME = (TYPE) VALUE`, as 4.01 and before print it; a double is called a float there."""
    cdef uint8_t[4 * MOST_KEY] plain
    cdef const uint8_t* type = value
    cdef const uint8_t* type_end
    cdef Py_ssize_t octets, type_octets
    cdef Entry* entry = NULL
    # Progress: one octet further each turn. Bounds: four octets behind `type`.
    while end - type >= 4 and memcmp(type, b" = (", 4) != 0:
        type += 1
    if end - type >= 4:
        type_end = <const uint8_t*> memchr(type, c")", end - type)
        type += 4
        if type_end != NULL and end - type_end >= 2:
            type_octets = type_end - type
            octets = key_octets + type_octets + (type - 4 - value) + 2
            if octets <= 4 * MOST_KEY:
                memcpy(plain, key, key_octets)
                plain[key_octets] = plain[key_octets + 1 + type_octets] = c"_"
                memcpy(plain + key_octets + 1, type, type_octets)
                memcpy(plain + key_octets + 2 + type_octets, value, type - 4 - value)
                entry = find_metric(a, plain, octets)
                value = type_end + 2
                if end - value >= 2 and value[0] == c'"' and (end - 1)[0] == c'"':
                    value += 1
                    end -= 1
    if entry == NULL:
        note_text(a, NOTE_LINE, line, end)
    else:
        take_metric(a, entry, line, plain, octets, value, end)


cdef Entry* find_first(const Assembly* a, const uint8_t* key, Py_ssize_t octets) noexcept nogil:
    """The key with which a datagram or a sample begins, or NULL."""
    cdef Entry* entry = find(a, FORM_SAMPLE, key, octets)
    if entry == NULL or not is_first(entry):
        entry = find(a, FORM_DATAGRAM, key, octets)
    return entry if entry != NULL and entry.mark == MARK_FIELD and is_first(entry) else NULL


cdef void take_found(
    Assembly* a, Entry* entry, const uint8_t* line, const uint8_t* key, Py_ssize_t key_octets,
    const uint8_t* value, const uint8_t* end,
) noexcept nogil:
    """A line whose entry was looked up, or NULL where there is none."""
    if a.place == PLACE_OUTSIDE and (entry == NULL or entry.mark != MARK_START_DATAGRAM):
        entry = NULL if a.marked else find_first(a, key, key_octets)
        if entry == NULL or entry.form != FORM_DATAGRAM:
            note_text(a, NOTE_OUTSIDE, line, end)
            return
        a.unmarked = True
    if a.place == PLACE_OVERFLOW:
        if a.unmarked:
            entry = find_first(a, key, key_octets)
            if entry == NULL or entry.form != FORM_DATAGRAM:
                return
        elif entry == NULL or entry.mark != MARK_START_DATAGRAM and entry.mark != MARK_END_DATAGRAM:
            return
    if entry == NULL and a.unmarked:
        entry = find_first(a, key, key_octets)
    if entry == NULL and is_old(a) and (a.place == PLACE_SAMPLE or a.place == PLACE_RECORD):
        entry = open_counters(a, key, key_octets)
    if entry == NULL and a.place == PLACE_SAMPLE and (
        key_octets == 8 and memcmp(key, b"rtmetric", 8) == 0 or key_octets == 6 and memcmp(key, b"rtflow", 6) == 0
    ):
        take_old_metric(a, line, key, key_octets, value, end)
        return
    if entry == NULL:
        take_stray(a, line, end)
        return
    if a.last != NULL:
        a.last.follower = entry
    a.last = entry
    take_entry(a, entry, line, key, key_octets, value, end)


cdef inline bint count_line(Assembly* a) noexcept nogil:
    a.datagram_lines += 1
    if a.datagram_lines > a.most_lines and a.place != PLACE_OUTSIDE and a.place != PLACE_OVERFLOW:
        overflow(a, NOTE_MANY_LINES)
        return False
    return True


cdef void take_pair(
    Assembly* a, const uint8_t* key, Py_ssize_t key_octets, const uint8_t* value, const uint8_t* end,
) noexcept nogil:
    """A key and its value, where they were told apart already."""
    cdef const uint8_t* line = key
    count_line(a)
    if a.discard and key_octets > DISCARDED and memcmp(key, b"discarded_", DISCARDED) == 0:
        key += DISCARDED
        key_octets -= DISCARDED
    take_found(a, look_up(a, key, key_octets), line, key, key_octets, value, end)


cdef inline bint same(const uint8_t* at, const uint8_t* key, Py_ssize_t octets) noexcept nogil:
    """Whether the `octets` >= 1 octets at both are the same; keys are short, and a call takes longer than most."""
    cdef uint64_t first, second
    # Bounds: the last eight octets of eight and more; four and more likewise.
    if octets >= 8:
        # Progress: eight octets fewer each turn.
        while octets > 8:
            memcpy(&first, at, 8)
            memcpy(&second, key, 8)
            if first != second:
                return False
            octets -= 8
            if octets < 8:
                at -= 8 - octets
                key -= 8 - octets
                octets = 8
            at += 8
            key += 8
        memcpy(&first, at, 8)
        memcpy(&second, key, 8)
        return first == second
    # Progress: one octet fewer each turn.
    while octets > 0:
        octets -= 1
        if at[octets] != key[octets]:
            return False
    return True


cdef void take_line(Assembly* a, const uint8_t* at, const uint8_t* end) noexcept nogil:
    """A line of tagged text, without its end: the key is what stands before the first space."""
    cdef const uint8_t* line = at
    cdef const uint8_t* space
    cdef Entry* entry = a.last.follower if a.last != NULL else NULL
    if at == end:
        if a.place == PLACE_RECORD or a.place == PLACE_SAMPLE:
            take_stray(a, at, end)
        return
    count_line(a)
    if a.discard and end - at > DISCARDED and memcmp(at, b"discarded_", DISCARDED) == 0:
        at += DISCARDED
    # Bounds: octets < end - at.
    if entry != NULL and (entry.form == a.form or entry.form == GLOBAL) and end - at > entry.octets and (
        at[entry.octets] == c" " and same(at, entry.key, entry.octets)
    ) and a.place != PLACE_OUTSIDE and a.place != PLACE_OVERFLOW:
        a.last = entry
        take_entry(a, entry, line, at, entry.octets, at + entry.octets + 1, end)
        return
    space = <const uint8_t*> memchr(at, c" ", end - at)
    if space == NULL:
        take_found(a, look_up(a, at, end - at), line, at, end - at, end, end)
    else:
        take_found(a, look_up(a, at, space - at), line, at, space - at, space + 1, end)
