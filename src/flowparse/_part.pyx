# cython: boundscheck=False, wraparound=False
"""Parts: the rows of one slab, open and then sealed.

While a part is open, decode steps write its columns and whatever is the same for all rows of a
message (exporter, times, sampling) is kept as runs. Sealing writes the runs out and makes of each
column what Arrow wants; a column that had one value throughout a large part
shares one block of it with the next part. Sealing allocates nothing that it cannot do without.

A sealed part is immutable and counted: the last one to let go of it may be on any thread, without
the GIL.
"""

from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree, PyMem_RawRealloc
from libc.string cimport memcmp, memcpy, memset

from flowparse._layout cimport (
    CONTEXT_FIELDS, ColumnSpec, SOURCE_CONSTANT, SOURCE_CONTEXT, SOURCE_NULL, SOURCE_STEP, drop_shape,
)
from flowparse._slab cimport drop_slab, new_slab, release, retain, slab_size


cdef enum:
    FEW_RUNS = 16               # room for, at first
    ROWS_OF_RUN = 16


cdef extern from *:
    """
    /* Null columns of every part point here. Written by nobody; in .bss, so that it costs no file and no page. */
    static uint8_t fp_null_octets[(8192 + 1) * 16];
    """
    uint8_t* NULL_OCTETS "fp_null_octets"


cdef const uint8_t* null_octets() noexcept nogil:
    return NULL_OCTETS


cdef void set_all_null(Part* part, int column) noexcept nogil:
    cdef ColumnRef* ref = &part.columns[column]
    ref.data = ref.validity = NULL_OCTETS
    ref.offsets = <const int32_t*> NULL_OCTETS if part.shape.columns[column].width == 0 else NULL
    ref.null_count = part.rows


cdef Part* bare_part(Shape* shape) noexcept nogil:
    """A part without a slab, or NULL without memory; all that sealing needs is allocated here."""
    cdef size_t octets = sizeof(Part) + shape.n_stored * sizeof(ColumnRef) + shape.n_heaps * sizeof(Heap)
    cdef Part* part = <Part*> PyMem_RawCalloc(1, octets)
    if part == NULL:
        return NULL
    part.refs = 1
    part.columns = <ColumnRef*> (part + 1)
    part.heaps = <Heap*> (part.columns + shape.n_stored)
    retain(&shape.refs)
    part.shape = shape
    return part


cdef Part* new_part(Shape* shape, Pool* pool, int size_class) noexcept nogil:
    """An open part without rows, or NULL without memory."""
    cdef Part* part = bare_part(shape)
    cdef int i
    if part == NULL:
        return NULL
    part.slab = new_slab(pool, size_class)
    if part.slab == NULL:
        drop_part(part)
        return NULL
    part.data = shape.data[size_class]
    part.capacity = shape.rows[size_class]
    for i in range(shape.n_stored):
        if shape.columns[i].width == 0 and shape.columns[i].source == SOURCE_STEP:
            (<int32_t*> values_of(part, i))[0] = 0      # offsets: one more than rows
    return part


cdef void drop_part(Part* part) noexcept nogil:
    """Let go of one reference; any thread, with or without the GIL."""
    cdef int i
    if release(&part.refs) != 0:
        return
    for i in range(part.shape.n_columns):
        if part.columns[i].owner != NULL:
            drop_slab(part.columns[i].owner)
    for i in range(part.shape.n_heaps):
        if part.heaps[i].slab != NULL:
            drop_slab(part.heaps[i].slab)
    if part.slab != NULL:
        drop_slab(part.slab)
    drop_shape(part.shape)
    PyMem_RawFree(part.runs)
    PyMem_RawFree(part)


cdef int add_run(Part* part, const Context* context, uint64_t version) noexcept nogil:
    """Let the rows from here on have this context; -1 without memory."""
    cdef Py_ssize_t capacity
    cdef Run* runs
    if part.n_runs == part.runs_capacity:
        # A large part mostly has messages of some twenty rows; what is not used of its room is never touched.
        capacity = max(FEW_RUNS, part.capacity // ROWS_OF_RUN)
        if part.runs_capacity > 0:
            capacity = max(part.runs_capacity + 1, min(2 * part.runs_capacity, part.capacity + 1))
        runs = <Run*> PyMem_RawRealloc(part.runs, capacity * sizeof(Run))
        if runs == NULL:
            return -1
        part.runs = runs
        part.runs_capacity = capacity
    # A run without rows is replaced, so there are never more runs than rows and one.
    if part.n_runs > 0 and part.runs[part.n_runs - 1].first_row == part.rows:
        part.n_runs -= 1
    # Bounds: a Context begins with what columns are made of.
    memcpy(
        &part.runs[part.n_runs].context, context, <const uint8_t*> &context.init_ms - <const uint8_t*> context,
    )
    part.runs[part.n_runs].first_row = <uint32_t> part.rows
    part.n_runs += 1
    part.run_version = version
    return 0


cdef void drop_chain(Part* part) noexcept nogil:
    cdef Part* next_part
    # Progress: one part further each turn.
    while part != NULL:
        next_part = part.next
        drop_part(part)
        part = next_part


cdef size_t octets_of(const Part* part) noexcept nogil:
    """What the part holds."""
    cdef size_t octets = part.slab.size
    cdef int i
    for i in range(part.shape.n_heaps):
        if part.heaps[i].slab != NULL:
            octets += part.heaps[i].slab.size
    return octets


# ── sealing ──────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef Context BLANK
cdef Py_ssize_t[CONTEXT_FIELDS] CONTEXT_OFFSETS = [         # in the order of ContextField
    <const char*> &BLANK.exporter - <const char*> &BLANK,
    <const char*> &BLANK.exporter_port - <const char*> &BLANK,
    <const char*> &BLANK.domain - <const char*> &BLANK,
    <const char*> &BLANK.template_id - <const char*> &BLANK,
    <const char*> &BLANK.export_ns - <const char*> &BLANK,
    <const char*> &BLANK.message_index - <const char*> &BLANK,
    <const char*> &BLANK.received_ns - <const char*> &BLANK,
    <const char*> &BLANK.sequence - <const char*> &BLANK,
    <const char*> &BLANK.sampling_rate - <const char*> &BLANK,
    <const char*> &BLANK.sampling_source - <const char*> &BLANK,
    <const char*> &BLANK.protocol - <const char*> &BLANK,
    <const char*> &BLANK.time_source - <const char*> &BLANK,
]


cdef inline const uint8_t* context_value(const Context* context, int field) noexcept nogil:
    return <const uint8_t*> context + CONTEXT_OFFSETS[field]


cdef inline bint is_value(const uint8_t* one, const uint8_t* other, int width) noexcept nogil:
    """Whether two values of 1, 2, 4, 8 or 16 octets are equal."""
    cdef uint64_t[2] left, right
    cdef uint32_t[2] words
    cdef uint16_t[2] halves
    if width == 4:
        memcpy(&words[0], one, 4)
        memcpy(&words[1], other, 4)
        return words[0] == words[1]
    if width == 8:
        memcpy(left, one, 8)
        memcpy(right, other, 8)
        return left[0] == right[0]
    if width == 1:
        return one[0] == other[0]
    if width == 2:
        memcpy(&halves[0], one, 2)
        memcpy(&halves[1], other, 2)
        return halves[0] == halves[1]
    memcpy(left, one, 16)
    memcpy(right, other, 16)
    return left[0] == right[0] and left[1] == right[1]


cdef void fill(uint8_t* at, const uint8_t* value, int width, Py_ssize_t n) noexcept nogil:
    """Write `value` n times; the caller proved n * width octets at `at`."""
    cdef Py_ssize_t i
    cdef uint16_t two
    cdef uint32_t four
    cdef uint64_t eight
    if width == 1:
        memset(at, value[0], n)
    elif width == 2:
        memcpy(&two, value, 2)
        for i in range(n):
            (<uint16_t*> at)[i] = two
    elif width == 4:
        memcpy(&four, value, 4)
        for i in range(n):
            (<uint32_t*> at)[i] = four
    elif width == 8:
        memcpy(&eight, value, 8)
        for i in range(n):
            (<uint64_t*> at)[i] = eight
    else:
        for i in range(n):
            memcpy(at + 16 * i, value, 16)


cdef void set_bits(uint8_t* bitmap, Py_ssize_t first, Py_ssize_t end) noexcept nogil:
    # Bounds: the bitmap holds a bit for each row of the part, and end <= rows.
    # Progress: `first` grows by one or by eight.
    while first < end and first & 7:
        bitmap[first >> 3] |= <uint8_t> (1 << (first & 7))
        first += 1
    if end - first >= 8:
        memset(bitmap + (first >> 3), 0xFF, (end - first) >> 3)
        first += (end - first) & ~<Py_ssize_t> 7
    # Progress: `first` grows by one.
    while first < end:
        bitmap[first >> 3] |= <uint8_t> (1 << (first & 7))
        first += 1


cdef bint share(Part* part, Shared* shared, int column, const uint8_t* value) noexcept nogil:
    """Point the column at a block that is full of `value`; False if that is not worth it, or without memory."""
    cdef Shape* shape = part.shape
    cdef int width = shape.columns[column].width
    cdef size_t octets = shape.rows[shape.largest] * width
    cdef int size_class = 0
    if part.slab.size_class != shape.largest:
        return False
    if shared.slab == NULL or memcmp(shared.value, value, width) != 0:
        if shared.slab != NULL:
            drop_slab(shared.slab)
        # Progress: the class grows, and the largest holds the rows of a whole part.
        while slab_size(size_class) < octets:
            size_class += 1
        shared.slab = new_slab(part.slab.pool, size_class)
        if shared.slab == NULL:
            return False
        memcpy(shared.value, value, width)
        fill(shared.slab.data, value, width, shape.rows[shape.largest])
    retain(&shared.slab.refs)
    part.columns[column].owner = shared.slab
    part.columns[column].data = shared.slab.data
    return True


cdef void write_runs(Part* part, Shared* shared, int column) noexcept nogil:
    """Write a context column out, one run after the other."""
    cdef ColumnSpec* spec = &part.shape.columns[column]
    cdef uint8_t* data = values_of(part, column)
    cdef uint8_t* bitmap = bitmap_of(part, column)
    cdef const uint8_t* first = context_value(&part.runs[0].context, spec.field)
    cdef const uint8_t* value
    cdef Py_ssize_t k, start, end, nulls = 0
    cdef bint one_value = True
    for k in range(part.n_runs):
        start = part.runs[k].first_row
        end = part.runs[k + 1].first_row if k + 1 < part.n_runs else part.rows
        if part.runs[k].context.nulls >> spec.field & 1:
            nulls += end - start
        elif one_value and start < end:
            one_value = is_value(first, context_value(&part.runs[k].context, spec.field), spec.width)
    if nulls == part.rows:
        set_all_null(part, column)
        return
    if one_value and nulls == 0 and share(part, shared, column, first):
        return
    if nulls:
        memset(bitmap, 0, (part.rows + 7) >> 3)
        part.columns[column].validity = bitmap
        part.columns[column].null_count = nulls
    for k in range(part.n_runs):
        start = part.runs[k].first_row
        end = part.runs[k + 1].first_row if k + 1 < part.n_runs else part.rows
        value = context_value(&part.runs[k].context, spec.field)
        if part.runs[k].context.nulls >> spec.field & 1:
            value = NULL_OCTETS
        elif nulls:
            set_bits(bitmap, start, end)
        # Bounds: runs are in order and end at part.rows <= capacity.
        fill(data + start * spec.width, value, spec.width, end - start)


cdef void finish_part(Part* part, Shared* shared) noexcept nogil:
    """Make the part's columns what Arrow wants, finish steps aside.

    `shared` has a place for each column, kept from part to part.
    """
    cdef Shape* shape = part.shape
    cdef ColumnSpec* spec
    cdef ColumnRef* ref
    cdef int i
    for i in range(shape.n_columns):
        spec = &shape.columns[i]
        ref = &part.columns[i]
        ref.data = values_of(part, i)
        if spec.source == SOURCE_NULL:
            set_all_null(part, i)
        elif spec.source == SOURCE_CONTEXT:
            write_runs(part, &shared[i], i)
        elif spec.source == SOURCE_CONSTANT:
            if not share(part, &shared[i], i, <const uint8_t*> &spec.constant):
                fill(values_of(part, i), <const uint8_t*> &spec.constant, spec.width, part.rows)
        elif spec.width == 0:
            ref.offsets = <const int32_t*> values_of(part, i)
            ref.data = NULL_OCTETS
            ref.owner = part.heaps[spec.heap].slab
            if ref.owner != NULL:
                retain(&ref.owner.refs)
                ref.data = ref.owner.data


cdef void close_runs(Part* part) noexcept nogil:
    """Keep of the runs of a finished part only how wide its fields were sent, if that is of use."""
    cdef Py_ssize_t k, n = 0
    cdef Run* runs
    if part.shape.keeps_wires:
        # Bounds: n <= k < n_runs.
        for k in range(part.n_runs):
            if n == 0 or part.runs[k].context.wire != part.runs[n - 1].context.wire:
                part.runs[n] = part.runs[k]
                n += 1
        runs = <Run*> PyMem_RawRealloc(part.runs, max(1, n) * sizeof(Run))
        part.runs = part.runs if runs == NULL else runs
    else:
        PyMem_RawFree(part.runs)
        part.runs = NULL
    part.n_runs = n
    part.runs_capacity = 0
