# cython: boundscheck=False, wraparound=False, cdivision=True
"""Growable columns with marks: rows are appended a column at a time, and a message counts or it does not.

A Store holds the rows of one layout in Parts, each a slab that all its columns share. The first part
is 4 KiB and each full one is followed by a larger one, up to 2 MiB or 8,192 rows, so that a layout seen
once costs little, and a consumer that pays for each chunk pays seldom (docs/design/columns.md).

Whatever is the same for all rows of a message (exporter, times, sampling) is kept as runs and
written out once, when the part is sealed; a column that had one value throughout a large part shares
one block of it with the next part. Finish steps, which look at several columns, run then too, while
the slab is in the cache. A validity bitmap exists only where a value really is null.

A message that touches a store sets its mark. `commit_message` seals what became full meanwhile;
`roll_back_message` takes every row since the mark away. Sealing allocates nothing that it cannot do
without, so a commit cannot fail.
"""

from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree, PyMem_RawRealloc
from libc.string cimport memcmp, memcpy, memset

from flowparse._slab cimport (
    SLAB_LARGEST, close_pool, drop_slab, new_pool, new_slab, release, retain, slab_size,
)

from sys import intern

from flowparse.datatypes import ColumnType

cdef enum:
    ALIGNMENT = 64              # of a column in its slab

cdef int64_t DAY_NS = <int64_t> 86400 * 1000000000
cdef int64_t UPTIME_WRAP_NS = (<int64_t> 1 << 32) * 1000000         # uptime counts milliseconds in 32 bits

CONTEXT = {
    "exporter": CONTEXT_EXPORTER,
    "exporter_port": CONTEXT_EXPORTER_PORT,
    "domain": CONTEXT_DOMAIN,
    "template_id": CONTEXT_TEMPLATE_ID,
    "export_time": CONTEXT_EXPORT_TIME,
    "message_index": CONTEXT_MESSAGE_INDEX,
    "received": CONTEXT_RECEIVED,
    "sequence": CONTEXT_SEQUENCE,
    "sampling_rate": CONTEXT_SAMPLING_RATE,
    "sampling_source": CONTEXT_SAMPLING_SOURCE,
    "protocol": CONTEXT_PROTOCOL,
}
FINISH = {
    "icmp_split": (FINISH_ICMP_SPLIT, 5),
    "time_order": (FINISH_TIME_ORDER, 2),
    "zero_is_null": (FINISH_ZERO_IS_NULL, 1),
}
SOURCES = {
    "null": SOURCE_NULL,
    "step": SOURCE_STEP,
    "finish": SOURCE_FINISH,
    "context": SOURCE_CONTEXT,
    "constant": SOURCE_CONSTANT,
}
cdef int[CONTEXT_FIELDS] CONTEXT_WIDTHS = [16, 2, 4, 2, 8, 8, 8, 4, 4, 1, 1]

cdef extern from *:
    """
    /* Null columns of every part point here. Written by nobody; in .bss, so that it costs no file and no page. */
    static uint8_t fp_null_octets[(8192 + 1) * 16];
    """
    uint8_t* NULL_OCTETS "fp_null_octets"


cdef const uint8_t* null_octets() noexcept nogil:
    return NULL_OCTETS


cdef const uint8_t* context_value(const Context* context, int field) noexcept nogil:
    if field == CONTEXT_EXPORTER:
        return context.exporter
    if field == CONTEXT_EXPORTER_PORT:
        return <const uint8_t*> &context.exporter_port
    if field == CONTEXT_DOMAIN:
        return <const uint8_t*> &context.domain
    if field == CONTEXT_TEMPLATE_ID:
        return <const uint8_t*> &context.template_id
    if field == CONTEXT_EXPORT_TIME:
        return <const uint8_t*> &context.export_ns
    if field == CONTEXT_MESSAGE_INDEX:
        return <const uint8_t*> &context.message_index
    if field == CONTEXT_RECEIVED:
        return <const uint8_t*> &context.received_ns
    if field == CONTEXT_SEQUENCE:
        return <const uint8_t*> &context.sequence
    if field == CONTEXT_SAMPLING_RATE:
        return <const uint8_t*> &context.sampling_rate
    if field == CONTEXT_SAMPLING_SOURCE:
        return &context.sampling_source
    return &context.protocol


# ── layouts ──────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef size_t aligned(size_t octets) noexcept nogil:
    return (octets + ALIGNMENT - 1) & ~<size_t> (ALIGNMENT - 1)


cdef size_t place(Shape* shape, int size_class, size_t rows) noexcept nogil:
    """Lay the columns of `rows` rows out in a slab; return the octets that they take."""
    cdef size_t at = 0
    cdef int i
    cdef ColumnSpec* spec
    for i in range(shape.n_stored):
        spec = &shape.columns[i]
        shape.data[size_class][i] = <uint32_t> at
        shape.validity[size_class][i] = 0
        if spec.source == SOURCE_NULL:
            continue
        at += aligned((rows + 1) * sizeof(int32_t) if spec.width == 0 else rows * spec.width)
        if spec.nullable:
            shape.validity[size_class][i] = <uint32_t> at
            at += aligned((rows + 7) // 8)
    return at


cdef void drop_shape(Shape* shape) noexcept nogil:
    if release(&shape.refs) == 0:
        PyMem_RawFree(shape)


cdef class Layout:
    """The columns of a table: what they are called, how they are stored, and who fills them.

    Parameters
    ----------
    columns : sequence of (name, type, source, argument, nullable, wire_octets, unit)
        `type` is a ColumnType; `source` one of "null", "step", "finish", "context", "constant";
        `argument` the context field's name, or the constant; `wire_octets` how long a value is on
        the wire, for `Row.raw`. A name of None is scratch, and stands after all others.
    finish : sequence of (kind, column indexes)
        Finish steps in order; kinds as in `FINISH`.

    Raises
    ------
    ValueError
        A description that the kernels could not trust.
    """

    def __cinit__(self, columns, finish=()):
        cdef int i, k, n = len(columns)
        cdef int n_finish = len(finish)
        cdef ColumnSpec* spec
        cdef size_t octets, rows
        if not 0 < n < 65536:
            raise ValueError("a layout has 1 to 65535 columns")
        octets = (
            sizeof(Shape) + n * sizeof(ColumnSpec) + n_finish * sizeof(FinishStep)
            + 2 * SLAB_CLASSES * n * sizeof(uint32_t) + ALIGNMENT
        )
        shape = <Shape*> PyMem_RawCalloc(1, octets)
        if shape == NULL:
            raise MemoryError()
        self.shape = shape
        shape.refs = 1
        shape.n_stored = n
        shape.n_finish = n_finish
        shape.columns = <ColumnSpec*> (shape + 1)
        shape.finish = <FinishStep*> (shape.columns + n)
        shape.data[0] = <uint32_t*> (((<size_t> (shape.finish + n_finish)) + 7) & ~<size_t> 7)
        for k in range(SLAB_CLASSES):
            shape.data[k] = shape.data[0] + 2 * k * n
            shape.validity[k] = shape.data[k] + n

        names, types, units, wire = [], [], [], []
        for i, (name, type, source, argument, nullable, wire_octets, unit) in enumerate(columns):
            if not isinstance(type, ColumnType):
                raise TypeError("a column has a ColumnType")
            spec = &shape.columns[i]
            spec.source = SOURCES[source]
            spec.width = type.width
            spec.nullable = bool(nullable)
            if spec.width == 0:
                if spec.source not in (SOURCE_STEP, SOURCE_NULL):
                    raise ValueError(f"column {name}: only steps fill a variable column")
                spec.heap = shape.n_heaps
                shape.n_heaps += spec.source == SOURCE_STEP
            if spec.source == SOURCE_CONTEXT:
                spec.field = CONTEXT[argument]
                spec.nullable = True
                if CONTEXT_WIDTHS[spec.field] != spec.width:
                    raise ValueError(f"column {name} is not as wide as context field {argument}")
            elif spec.source == SOURCE_CONSTANT:
                spec.constant = argument
                if spec.width > 8 or spec.width & (spec.width - 1):
                    raise ValueError(f"column {name}: a constant has 1, 2, 4 or 8 octets")
            elif spec.source == SOURCE_FINISH:
                spec.nullable = True
            elif spec.source == SOURCE_NULL and spec.width > ADDRESS_OCTETS:
                raise ValueError(f"column {name} is too wide to be all null")
            if name is None:
                continue
            if shape.n_columns != i:
                raise ValueError("scratch columns stand last")
            shape.n_columns += 1
            names.append(intern(name))      # row.name is found by identity
            types.append(type)
            units.append(unit)
            wire.append(wire_octets)
        for i, (kind, indexes) in enumerate(finish):
            shape.finish[i].kind, k = FINISH[kind]
            if len(indexes) != k or any(not 0 <= column < n for column in indexes):
                raise ValueError(f"{kind} takes {k} columns")
            for k, column in enumerate(indexes):
                shape.finish[i].columns[k] = column

        for k in range(SLAB_CLASSES):
            rows = MOST_ROWS
            # Progress: `rows` falls by at least one each turn.
            while rows > 0 and place(shape, k, rows) > slab_size(k):
                rows -= 1 + rows // 64
            shape.rows[k] = <uint32_t> rows
        if shape.rows[SLAB_LARGEST] == 0:
            raise ValueError("a row does not fit a slab")
        # Progress: the class grows to the largest.
        while shape.largest < SLAB_LARGEST and shape.rows[shape.largest] < MOST_ROWS:
            shape.largest += 1
        self.names = tuple(names)
        self.types = tuple(types)
        self.units = tuple(units)
        self.wire_octets = tuple(wire)
        self.index = {name: i for i, name in enumerate(names)}
        if len(self.index) != len(names):
            raise ValueError("column names repeat")

    def __dealloc__(self):
        if self.shape != NULL:
            drop_shape(self.shape)

    def rows_of_slab(self):
        """How many rows fit a slab of each class."""
        return tuple([self.shape.rows[k] for k in range(SLAB_CLASSES)])


# ── parts ────────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef uint8_t* values_of(Part* part, int column) noexcept nogil:
    return part.slab.data + part.data[column]


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


cdef int add_run(Part* part, Ledger* ledger) noexcept nogil:
    """Let the rows from here on have the ledger's context; -1 without memory."""
    cdef Py_ssize_t capacity
    cdef Run* runs
    if part.n_runs == part.runs_capacity:
        capacity = 16 if part.runs_capacity == 0 else 2 * part.runs_capacity
        runs = <Run*> PyMem_RawRealloc(part.runs, capacity * sizeof(Run))
        if runs == NULL:
            return -1
        part.runs = runs
        part.runs_capacity = capacity
    # A run without rows is replaced, so there are never more runs than rows and one.
    if part.n_runs > 0 and part.runs[part.n_runs - 1].first_row == part.rows:
        part.n_runs -= 1
    part.runs[part.n_runs].context = ledger.context
    part.runs[part.n_runs].first_row = <uint32_t> part.rows
    part.n_runs += 1
    part.run_version = ledger.run_version
    return 0


# ── finish steps ─────────────────────────────────────────────────────────────────────────────────────────────────────
# Each gets a part with rows, and the columns that its layout names; widths are those that plan.py pairs them with.

cdef uint8_t* bitmap_of(Part* part, int column) noexcept nogil:
    return part.slab.data + part.shape.validity[part.slab.size_class][column]


cdef void set_all_null(Part* part, int column) noexcept nogil:
    cdef ColumnRef* ref = &part.columns[column]
    ref.data = ref.validity = NULL_OCTETS
    ref.offsets = <const int32_t*> NULL_OCTETS if part.shape.columns[column].width == 0 else NULL
    ref.null_count = part.rows


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


cdef void pack(uint8_t* bitmap, const uint8_t* flags, Py_ssize_t n, uint8_t flip) noexcept nogil:
    """Make a bitmap of n flags that are 0 or 1, each bit against `flip` (0 or 1)."""
    cdef uint8_t turned = <uint8_t> (0 - flip)
    cdef uint8_t bits
    cdef Py_ssize_t i, k
    # Bounds: 8 * i + 7 < n, then 8 * (n // 8) + k < n; the bitmap has a bit for each of the n.
    for i in range(n >> 3):
        bits = 0
        for k in range(8):
            bits |= flags[8 * i + k] << k
        bitmap[i] = bits ^ turned
    if n & 7:
        bits = 0
        for k in range(n & 7):
            bits |= (flags[(n & ~<Py_ssize_t> 7) + k] ^ flip) << k
        bitmap[n >> 3] = bits


cdef void set_nulls(Part* part, int column, const uint8_t* flags, Py_ssize_t nulls, uint8_t flip) noexcept nogil:
    """Make the column null where the flag is 1 (flip 1) or where it is 0 (flip 0); `nulls` rows in all."""
    if nulls == part.rows:
        set_all_null(part, column)
    elif nulls:
        pack(bitmap_of(part, column), flags, part.rows, flip)
        part.columns[column].validity = bitmap_of(part, column)
        part.columns[column].null_count = nulls


cdef void finish_icmp_split(Part* part, const uint16_t* columns) noexcept nogil:
    """Move ICMP type and code, which exporters put in the destination port, to columns of their own.

    Cisco sends type * 256 + code as the destination port; some send it as the source port, and only
    then is the destination port zero.
    """
    cdef const uint8_t* proto = values_of(part, columns[0])
    cdef uint16_t* src_port = <uint16_t*> values_of(part, columns[1])
    cdef uint16_t* dst_port = <uint16_t*> values_of(part, columns[2])
    cdef uint8_t* icmp_type = values_of(part, columns[3])
    cdef uint8_t* icmp_code = values_of(part, columns[4])
    cdef uint8_t[MOST_ROWS] is_icmp
    cdef uint16_t both
    cdef Py_ssize_t i, n = 0
    # Bounds: i < rows <= MOST_ROWS, in all five columns and the flags.
    for i in range(part.rows):
        is_icmp[i] = (proto[i] == 1) | (proto[i] == 58)
    for i in range(part.rows):
        n += is_icmp[i]
    if n:
        memset(icmp_type, 0, part.rows)
        memset(icmp_code, 0, part.rows)
        for i in range(part.rows):
            if is_icmp[i]:
                both = dst_port[i] if dst_port[i] != 0 else src_port[i]
                icmp_type[i] = <uint8_t> (both >> 8)
                icmp_code[i] = <uint8_t> both
                src_port[i] = dst_port[i] = 0
    set_nulls(part, columns[1], is_icmp, n, 1)
    set_nulls(part, columns[2], is_icmp, n, 1)
    set_nulls(part, columns[3], is_icmp, part.rows - n, 0)
    set_nulls(part, columns[4], is_icmp, part.rows - n, 0)


cdef void finish_time_order(Part* part, const uint16_t* columns) noexcept nogil:
    """Take one wrap of the exporter's uptime (49.7 days) off a start that is a day or more after its end."""
    cdef int64_t* start = <int64_t*> values_of(part, columns[0])
    cdef const int64_t* end = <const int64_t*> values_of(part, columns[1])
    cdef Py_ssize_t i
    # Bounds: i < rows, in both columns.
    for i in range(part.rows):
        # A small inversion is the exporter's own and stays; both times lie within 140 years of 1970.
        if start[i] - end[i] > DAY_NS:
            start[i] -= UPTIME_WRAP_NS


cdef void finish_zero_is_null(Part* part, const uint16_t* columns) noexcept nogil:
    """The unspecified address, 0.0.0.0 or ::, says that there is none."""
    cdef const uint8_t* value = values_of(part, columns[0])
    cdef uint8_t[MOST_ROWS] is_null
    cdef uint32_t[4] words
    cdef Py_ssize_t i, n = 0
    # Bounds: i < rows <= MOST_ROWS; the column has 16 octets a row.
    for i in range(part.rows):
        memcpy(words, value + 16 * i, 16)
        is_null[i] = (words[3] | words[0] | words[1]) == 0 and (words[2] == 0 or words[2] == MAPPED_WORD)
        n += is_null[i]
    set_nulls(part, columns[0], is_null, n, 1)


ctypedef void (*FinishKernel)(Part*, const uint16_t*) noexcept nogil
cdef FinishKernel[FINISH_KINDS] FINISH_KERNELS = [finish_icmp_split, finish_time_order, finish_zero_is_null]
cdef uint8_t[4] MAPPED = [0, 0, 0xFF, 0xFF]         # octets 8 to 11 of ::ffff:0.0.0.0
cdef uint32_t MAPPED_WORD
memcpy(&MAPPED_WORD, MAPPED, 4)


# ── sealing ──────────────────────────────────────────────────────────────────────────────────────────────────────────

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


cdef bint share(Store* store, Part* part, int column, const uint8_t* value) noexcept nogil:
    """Point the column at a block that is full of `value`; False if that is not worth it, or without memory."""
    cdef Shared* shared = &store.shared[column]
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


cdef void write_runs(Store* store, Part* part, int column) noexcept nogil:
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
            one_value = memcmp(first, context_value(&part.runs[k].context, spec.field), spec.width) == 0
    if nulls == part.rows:
        set_all_null(part, column)
        return
    if one_value and nulls == 0 and share(store, part, column, first):
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


cdef void finish_part(Store* store, Part* part) noexcept nogil:
    """Make the part's columns what Arrow wants; from here on they are immutable."""
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
            write_runs(store, part, i)
        elif spec.source == SOURCE_CONSTANT:
            if not share(store, part, i, <const uint8_t*> &spec.constant):
                fill(values_of(part, i), <const uint8_t*> &spec.constant, spec.width, part.rows)
        elif spec.width == 0:
            ref.offsets = <const int32_t*> values_of(part, i)
            ref.data = NULL_OCTETS
            ref.owner = part.heaps[spec.heap].slab
            if ref.owner != NULL:
                retain(&ref.owner.refs)
                ref.data = ref.owner.data
    for i in range(shape.n_finish):
        FINISH_KERNELS[shape.finish[i].kind](part, shape.finish[i].columns)
    PyMem_RawFree(part.runs)
    part.runs = NULL
    part.n_runs = part.runs_capacity = 0


cdef void seal(Store* store, Part* part) noexcept nogil:
    """Finish the part and put it behind the sealed ones."""
    finish_part(store, part)
    part.next = NULL
    if store.sealed == NULL:
        store.sealed = part
    else:
        store.sealed_last.next = part
    store.sealed_last = part


cdef void seal_open(Store* store) noexcept nogil:
    """Seal the open part as it stands; the next one is only as large as this one was used."""
    cdef Part* part = store.open
    cdef int size_class
    if part == NULL or part.rows == 0:
        return
    size_class = part.slab.size_class
    if size_class > 0 and part.rows <= part.shape.rows[size_class - 1]:
        store.next_class = size_class - 1
    store.open = NULL
    seal(store, part)


# ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef void begin_message(Ledger* ledger, bint apart) noexcept nogil:
    ledger.message += 1
    ledger.run_version += 1
    ledger.apart = apart
    ledger.rows = 0
    ledger.touched = NULL
    ledger.context.message_index = ledger.message - 1


cdef void touch(Ledger* ledger, Store* store) noexcept nogil:
    """Set the store's mark, once a message."""
    cdef int i
    if ledger.apart:
        seal_open(store)
    store.touched = ledger.message
    store.next_touched = ledger.touched
    ledger.touched = store
    store.mark_part = store.open
    store.mark_next_class = store.next_class
    store.mark_sealed_last = store.sealed_last
    if store.open != NULL:
        store.mark_rows = store.open.rows
        store.mark_runs = store.open.n_runs
        store.mark_run_version = store.open.run_version
        for i in range(store.shape.n_heaps):
            store.open.heaps[i].mark = store.open.heaps[i].used


cdef int open_next(Ledger* ledger, Store* store) noexcept nogil:
    """Open a part, setting a full one aside; 1, or 0 over the limit, or -1 without memory."""
    cdef Part* part
    cdef int size_class = store.next_class
    if store.open != NULL and size_class < store.shape.largest:
        size_class = store.open.slab.size_class + 1
    # Progress: the class grows, and a row fits the largest (Layout checked it).
    while store.shape.rows[size_class] == 0:
        size_class += 1
    if ledger.held + slab_size(size_class) > ledger.most_held:
        return 0
    part = new_part(store.shape, ledger.pool, size_class)
    if part == NULL:
        return -1
    store.next_class = size_class
    ledger.held += part.slab.size
    if store.open != NULL:
        if store.closing == NULL:
            store.closing = store.open
        else:
            store.closing_last.next = store.open
        store.closing_last = store.open
    store.open = part
    return 1


cdef Py_ssize_t reserve_octets(Ledger* ledger, Store* store, int heap, size_t octets) noexcept nogil:
    """Make room for `octets` more in a heap of the open part, which holds at least the rows of its first slab.

    Returns 1; 0 where the rows must go to a next part, or the limit of held octets is met; -1
    without memory.
    """
    cdef Heap* of_column = &store.open.heaps[heap]
    cdef Slab* slab
    cdef size_t needed = of_column.used + octets
    cdef int size_class = 0
    if of_column.slab != NULL and needed <= of_column.slab.size:
        return 1
    # Progress: the class grows to the largest.
    while slab_size(size_class) < needed:
        if size_class == SLAB_LARGEST:
            return 0
        size_class += 1
    if ledger.held + slab_size(size_class) > ledger.most_held:
        return 0
    slab = new_slab(ledger.pool, size_class)
    if slab == NULL:
        return -1
    ledger.held += slab.size
    if of_column.slab != NULL:
        # Bounds: used <= the old slab's size < the new one's.
        memcpy(slab.data, of_column.slab.data, of_column.used)
        ledger.held -= of_column.slab.size
        drop_slab(of_column.slab)
    of_column.slab = slab
    return 1


cdef Py_ssize_t reserve(Ledger* ledger, Store* store, Py_ssize_t want) noexcept nogil:
    """Make room for up to `want` >= 1 rows behind the store's last.

    Returns how many the caller may write at `column_end` and then add to `open.rows` and to
    `ledger.rows`: at least 1; 0 where the limit of held octets is met; -1 without memory.
    """
    cdef int opened
    if store.touched != ledger.message:
        touch(ledger, store)
    if store.open == NULL or store.open.rows == store.open.capacity:
        opened = open_next(ledger, store)
        if opened <= 0:
            return opened
    if store.open.run_version != ledger.run_version and add_run(store.open, ledger) < 0:
        return -1
    return min(want, store.open.capacity - store.open.rows)


cdef void commit_message(Ledger* ledger) noexcept nogil:
    """The message counts: seal what became full in it, and all of it where it leaves by itself."""
    cdef Store* store = ledger.touched
    cdef Part* part
    # Progress: one store, and one part, further each turn.
    while store != NULL:
        while store.closing != NULL:
            part = store.closing
            store.closing = part.next
            seal(store, part)
        if ledger.apart:
            seal_open(store)
        store = store.next_touched
    ledger.waiting += ledger.rows


cdef size_t octets_of(const Part* part) noexcept nogil:
    cdef size_t octets = part.slab.size
    cdef int i
    for i in range(part.shape.n_heaps):
        if part.heaps[i].slab != NULL:
            octets += part.heaps[i].slab.size
    return octets


cdef void discard(Ledger* ledger, Part* part) noexcept nogil:
    ledger.held -= octets_of(part)
    drop_part(part)


cdef void roll_back_message(Ledger* ledger) noexcept nogil:
    """The message does not count: every store is as its mark says."""
    cdef Store* store = ledger.touched
    cdef Part* part
    cdef int i
    # Progress: one store, and one part, further each turn.
    while store != NULL:
        if store.open != NULL and store.open != store.mark_part:
            discard(ledger, store.open)
            store.open = store.mark_part
        while store.closing != NULL:
            part = store.closing
            store.closing = part.next
            if part != store.mark_part:
                discard(ledger, part)
        store.next_class = store.mark_next_class
        if store.open != NULL:
            store.open.next = NULL
            store.open.rows = store.mark_rows
            store.open.n_runs = store.mark_runs
            store.open.run_version = store.mark_run_version
            for i in range(store.shape.n_heaps):
                store.open.heaps[i].used = store.open.heaps[i].mark
        store = store.next_touched
    ledger.touched = NULL
    ledger.rows = 0


cdef Part* leave(Ledger* ledger, Part* chain) noexcept nogil:
    """Take a chain of parts off the ledger; the caller now owns it."""
    cdef Part* part = chain
    # Progress: one part further each turn.
    while part != NULL:
        ledger.held -= octets_of(part)
        ledger.waiting -= part.rows
        part = part.next
    return chain


cdef Part* detach_sealed(Ledger* ledger, Store* store) noexcept nogil:
    """All sealed parts, oldest first; not within a message. A store that had none forgets what it shares."""
    cdef Part* chain = store.sealed
    cdef int i
    store.sealed = store.sealed_last = NULL
    if chain == NULL:
        for i in range(store.shape.n_columns):
            if store.shared[i].slab != NULL:
                drop_slab(store.shared[i].slab)
                store.shared[i].slab = NULL
    return leave(ledger, chain)


cdef const Part* sealed_apart(const Store* store) noexcept nogil:
    """The first of the parts that `detach_apart` detaches."""
    return store.sealed if store.mark_sealed_last == NULL else store.mark_sealed_last.next


cdef Part* detach_apart(Ledger* ledger, Store* store) noexcept nogil:
    """The parts that were sealed since the mark: those of a message that leaves by itself."""
    cdef Part* chain
    if store.mark_sealed_last == NULL:
        chain = store.sealed
        store.sealed = NULL
    else:
        chain = store.mark_sealed_last.next
        store.mark_sealed_last.next = NULL
    store.sealed_last = store.mark_sealed_last
    return leave(ledger, chain)


# ── doors ────────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef class Account:
    """The slabs of one decoder, and the message it is in."""

    def __cinit__(self, most_held, most_free):
        self.ledger.pool = new_pool(most_free)
        if self.ledger.pool == NULL:
            raise MemoryError()
        self.ledger.most_held = min(most_held, 2**62)

    def __dealloc__(self):
        if self.ledger.pool != NULL:
            close_pool(self.ledger.pool)

    cpdef list take_apart(self):
        """Hand over the rows of the message that has just been committed apart, as [(Table, [Sealed])].

        Without memory they are dropped, so that they never are among those of another message.
        """
        cdef Store* store = self.ledger.touched
        cdef Table table
        cdef list taken = []
        try:
            # Progress: one store further each turn.
            while store != NULL:
                table = <Table> store.table
                taken.append((table, covers_of(table.layout, sealed_apart(store))))
                store = store.next_touched
        except MemoryError:
            store = self.ledger.touched
            self.ledger.touched = NULL
            # Progress: one store further each turn.
            while store != NULL:
                drop_chain(detach_apart(&self.ledger, store))
                store = store.next_touched
            raise
        self.ledger.touched = NULL
        for table, covers in taken:
            put_in(covers, detach_apart(&self.ledger, &table.store))
        return taken


cdef void drop_chain(Part* part) noexcept nogil:
    cdef Part* next_part
    # Progress: one part further each turn.
    while part != NULL:
        next_part = part.next
        drop_part(part)
        part = next_part


cdef class Table:
    """The growing rows of one layout; owns its Store."""

    def __cinit__(self, Layout layout, Account account, str name):
        self.layout = layout
        self.account = account
        self.name = name
        self.store.shape = layout.shape
        self.store.table = <void*> self
        self.store.shared = <Shared*> PyMem_RawCalloc(layout.shape.n_columns, sizeof(Shared))
        if self.store.shared == NULL:
            raise MemoryError()

    def __dealloc__(self):
        cdef int i
        drop_chain(self.store.closing)
        drop_chain(self.store.sealed)
        if self.store.open != NULL:
            drop_part(self.store.open)
        if self.store.shared != NULL:
            for i in range(self.store.shape.n_columns):
                if self.store.shared[i].slab != NULL:
                    drop_slab(self.store.shared[i].slab)
            PyMem_RawFree(self.store.shared)

    @property
    def rows_waiting(self):
        """Rows that `take` would hand over."""
        cdef const Part* part = self.store.sealed
        rows = self.store.open.rows if self.store.open != NULL else 0
        # Progress: one part further each turn.
        while part != NULL:
            rows += part.rows
            part = part.next
        return rows

    def take(self):
        """Hand over all rows, as a list of Sealed; not within a message."""
        seal_open(&self.store)
        covers = covers_of(self.layout, self.store.sealed)
        put_in(covers, detach_sealed(&self.account.ledger, &self.store))
        return covers


cdef class Sealed:
    """Immutable rows of one layout: what a Table hands over and `_values.Chunk` shows."""

    def __dealloc__(self):
        if self.part != NULL:
            drop_part(self.part)

    def __len__(self):
        return self.part.rows if self.part != NULL else 0


cdef Sealed wrap_part(Layout layout, Part* part):
    """A Sealed that takes over the caller's reference to `part`."""
    cdef Sealed sealed = Sealed.__new__(Sealed)
    sealed.layout = layout
    sealed.part = part
    return sealed


cdef list covers_of(Layout layout, const Part* part):
    """An empty Sealed for each part of a chain: all that can fail of handing it over."""
    cdef list covers = []
    cdef Sealed cover
    # Progress: one part further each turn.
    while part != NULL:
        cover = Sealed.__new__(Sealed)
        cover.layout = layout
        covers.append(cover)
        part = part.next
    return covers


cdef void put_in(list covers, Part* part) noexcept:
    """Let each cover own its part of the chain."""
    cdef Sealed cover
    cdef Part* following
    for cover in covers:
        following = part.next
        part.next = NULL
        cover.part = part
        part = following
