# cython: boundscheck=False, wraparound=False
"""What the keys of sflowtool's text mean, compiled to a hash table that every text shares."""

from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp

from flowparse._textstate cimport (
    Entry, FORMS_FIXED, Form, GLOBAL, MARK_COUNTER, MARK_END_DATAGRAM, MARK_END_SAMPLE, MARK_FIELD, MARK_FLOW,
    MARK_LIST_BEGIN, MARK_LIST_PUSH, MARK_LIST_SET, MARK_METRIC, MARK_SKIPPING, MARK_START_DATAGRAM, MARK_START_SAMPLE,
    MOST_KEY, MOST_SLOTS, SLOT_LENGTH,
)

from flowparse._textvalues import KINDS

# Slots of the datagram and of a sample, in the order of these names.
DATAGRAM_SLOTS = (
    "source", "size", "seconds", "microseconds", "localtime", "captured", "captured_microseconds", "version",
    "sub_agent_id", "agent", "sequence", "uptime_ms", "samples",
)
SAMPLE_SLOTS = (
    "tag", "sequence", "data_source", "rate", "pool", "drops", "input", "output", "reason", "interval_s", "block",
)
_HEXADECIMAL = {"mac", "uuid", "opaque", "vlans"}
MARKS = {
    "field": MARK_FIELD, "start_datagram": MARK_START_DATAGRAM, "end_datagram": MARK_END_DATAGRAM,
    "start_sample": MARK_START_SAMPLE, "end_sample": MARK_END_SAMPLE, "flow": MARK_FLOW, "counter": MARK_COUNTER,
    "skipping": MARK_SKIPPING, "begin": MARK_LIST_BEGIN, "set": MARK_LIST_SET, "push": MARK_LIST_PUSH,
    "metric": MARK_METRIC,
}


cdef uint32_t hash_of(const uint8_t* key, Py_ssize_t octets, uint32_t form) noexcept nogil:
    cdef uint32_t hash = form * <uint32_t> 2654435761
    cdef Py_ssize_t i
    # Bounds: i < octets.
    for i in range(octets):
        hash = (hash ^ key[i]) * <uint32_t> 16777619
    return hash ^ hash >> 15


cdef Entry* find_entry(
    Entry* entries, const uint16_t* table, uint32_t mask, int form, const uint8_t* key, Py_ssize_t octets,
) noexcept nogil:
    """The entry of a key in a form, or NULL."""
    cdef uint32_t hash = hash_of(key, octets, form)
    cdef uint32_t i = hash & mask
    cdef Entry* entry
    # Progress: one place further each turn; at most half of the places are taken.
    while table[i]:
        entry = &entries[table[i] - 1]
        if entry.hash == hash and entry.form == form and entry.octets == octets and (
            memcmp(entry.key, key, octets) == 0
        ):
            return entry
        i = (i + 1) & mask
    return NULL


cdef class Keys:
    """What keys mean, compiled once for all texts.

    Parameters
    ----------
    forms : sequence of (mark, enterprise, format, widths, since, as_path, item_octets, title)
        What a record can be; the first three are the datagram, a sample, and a structure of which
        nothing is known. `mark` is "flow", "counter" or "field"; `widths` has the octets of each
        field, 0 for a variable one; `since` the first version that has it; `as_path` the field that
        is one, or -1; with `item_octets` the last field is a list; `title` (octets or
        None) is the line that opens it in versions 2 and 4.
    keys : sequence of (form, key, mark, kind, slot)
        `form` is an index, or None for a marker; `key` octets, with # for numbers.
    """

    def __cinit__(self, forms, keys):
        cdef Form* form
        cdef Entry* entry
        cdef uint32_t size = 16, i
        cdef bytes octets
        self.n_forms, self.n_entries = len(forms), len(keys)
        # Progress: doubles each turn.
        while size < 4 * <uint32_t> len(keys):
            size *= 2
        if len(keys) >= 65535 or not FORMS_FIXED <= self.n_forms < GLOBAL:
            raise ValueError("too many keys or forms, or too few")
        self.keep = []
        self.forms = <Form*> PyMem_RawCalloc(self.n_forms, sizeof(Form))
        self.entries = <Entry*> PyMem_RawCalloc(max(1, self.n_entries), sizeof(Entry))
        self.table = <uint16_t*> PyMem_RawCalloc(size, sizeof(uint16_t))
        if self.forms == NULL or self.entries == NULL or self.table == NULL:
            raise MemoryError()
        self.mask = size - 1
        for k, (mark, enterprise, format, widths, since, as_path, item_octets, title) in enumerate(forms):
            form = &self.forms[k]
            form.kind = MARKS[mark]
            form.enterprise, form.format = enterprise, format
            if len(widths) > MOST_SLOTS or any(not 0 <= width <= 20 for width in widths):
                raise ValueError(f"form {k}: {len(widths)} fields, or one of a width that there is none of")
            form.n_slots = len(widths)
            for n, width in enumerate(widths):
                form.widths[n] = width
                form.since[n] = since[n]
            form.as_path = as_path
            form.macs_at = -1
            form.has_list = item_octets > 0
            form.item_octets = item_octets
            if title is not None:
                octets = title
                self.keep.append(octets)
                form.title, form.title_octets = octets, len(octets)
        for k, (of, key, mark, kind, slot) in enumerate(keys):
            entry = &self.entries[k]
            octets = key
            self.keep.append(octets)
            entry.form = GLOBAL if of is None else of
            entry.mark, entry.kind, entry.slot = MARKS[mark], KINDS[kind], slot
            entry.key, entry.octets = octets, len(octets)
            if of is not None and not 0 <= of < self.n_forms or not 0 < len(octets) <= MOST_KEY:
                raise ValueError(f"key {key!r} of form {of}")
            if of is not None and mark in ("field", "begin", "set", "push"):
                form = &self.forms[entry.form]
                if not SLOT_LENGTH <= slot < (form.n_slots if mark == "field" else form.item_octets):
                    raise ValueError(f"key {key!r} has no slot {slot}")
                form.has_numbered |= c"#" in octets
                if kind in _HEXADECIMAL and mark == "field" and slot >= 0:
                    form.kinds[slot] = entry.kind
                if kind == "mac" and mark == "push":
                    form.macs_at = slot
            if find_entry(self.entries, self.table, self.mask, entry.form, entry.key, entry.octets) != NULL:
                raise ValueError(f"key {key!r} stands twice in form {of}")
            entry.hash = hash_of(entry.key, entry.octets, entry.form)
            i = entry.hash & self.mask
            # Progress: one place further each turn; at most a quarter of the places are taken.
            while self.table[i]:
                i = (i + 1) & self.mask
            self.table[i] = <uint16_t> (k + 1)

    def __dealloc__(self):
        PyMem_RawFree(self.forms)
        PyMem_RawFree(self.entries)
        PyMem_RawFree(self.table)
