# cython: boundscheck=False, wraparound=False, cdivision=True
"""Plans: which octets of a record go to which column, compiled once for a template layout and a schema.

A plan runs over a whole Set, a column at a time: three to five times faster than a record at a time.
What it may read and write is proved once, when it is made, so that its loops check nothing: each
step lies within the record, and writes the width that its column has. Kernels know offsets and
widths; names and types stay in plan.py, which pairs each field with the name of a kernel of `_steps`.
"""

from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from libc.stdint cimport int32_t, uint32_t, uint64_t
from libc.string cimport memcpy

from flowparse._columns cimport begin_message, commit_message, reserve, reserve_octets, roll_back_message
from flowparse._layout cimport Layout, SOURCE_FINISH, SOURCE_STEP
from flowparse._octets cimport Octets, hold_octets, let_go
from flowparse._lookup cimport NAME_APPLICATION, NAME_INTERFACE, NAME_SAMPLER, NAME_VRF, NameTable, name_of
from flowparse._part cimport Heap, Part
from flowparse._steps cimport Clock, kernel_at
from flowparse._wire cimport be16, left

from flowparse._steps import kernel_of

cdef enum:
    MOST_HEAP = 1 << 20         # octets of a column appended at a time; a new part's heap holds them
    FIELDS_AT_ONCE = 4096       # variable fields found before their columns are written
    BLOCK_OCTETS = 16384        # of segments lined up for the kernels
    RECORDS_AT_ONCE = 64
    STRIDE = 16                 # octets copied at a time where as many may be read and written
    NOT_NAMES = 255             # of an append: it takes the field's own octets

NAMES = {
    "interface_name": NAME_INTERFACE,
    "application_name": NAME_APPLICATION,
    "vrf_name": NAME_VRF,
    "sampler_name": NAME_SAMPLER,
}

OF_OCTETS = {"octets", "text", *NAMES}

cdef struct Found:              # a variable field of a record; its octets are never looked for again
    uint32_t offset             # from the start of the body
    uint32_t length


cdef void run_segment(
    const Segment* segment, const uint8_t* src, Py_ssize_t stride, Py_ssize_t n, Part* part, Clock clock,
) noexcept nogil:
    """Write n rows of each column that the segment fills."""
    cdef Py_ssize_t k
    cdef int odd = 0
    cdef Py_ssize_t rows = part.rows
    cdef uint8_t* slab = part.slab.data
    cdef const uint32_t* data = part.data
    cdef const Step* step
    # Bounds: the caller proved n segments, `stride` octets apart, and room for n rows; Plan proved that each step lies
    # in the segment and writes the width of its column.
    for k in range(segment.n_steps):
        step = &segment.steps[k]
        odd |= step.kernel(
            src + step.offset, stride, n, slab + data[step.column] + rows * step.stored, step.width, clock,
        )
    part.odd |= odd


cdef const uint8_t* name_for(
    const Append* append, Clock clock, const uint8_t* src, Py_ssize_t length, Py_ssize_t* name_length,
) noexcept nogil:
    """What the number in a field is called; without octets where that is not known."""
    cdef const NameTable* table = clock.names[append.names]
    cdef uint64_t key = 0
    cdef Py_ssize_t k
    name_length[0] = 0
    if table == NULL or not 0 < length <= 8:
        return src
    # Bounds: k < length.
    for k in range(append.names == NAME_APPLICATION, length):
        key = key << 8 | src[k]
    if append.names == NAME_APPLICATION:
        key |= <uint64_t> src[0] << 56
    return name_of(table, key, name_length)


cdef inline size_t most_octets(const Append* append, Clock clock) noexcept nogil:
    """How many octets of a heap a fixed field takes at most."""
    if append.names == NOT_NAMES:
        return append.width
    return clock.names[append.names].longest if clock.names[append.names] != NULL else 0


cdef void append_octets(
    Part* part, const Append* append, Clock clock, Py_ssize_t row, const uint8_t* src, Py_ssize_t length,
) noexcept nogil:
    """Give a variable column its value for a row; values come in the order of rows."""
    cdef Heap* heap = &part.heaps[append.heap]
    if append.names != NOT_NAMES:
        src = name_for(append, clock, src, length, &length)
    if append.trim:
        # Progress: one octet less each turn. Bounds: length > 0.
        while length > 0 and src[length - 1] == 0:
            length -= 1
    # Bounds: reserve_octets() promised the heap's room, reserve() the offsets'.
    if length > 0:
        memcpy(heap.slab.data + heap.used, src, length)
        heap.used += <int32_t> length
    (<int32_t*> (part.slab.data + part.data[append.column]))[row + 1] = heap.used


cdef inline void copy_short(
    uint8_t* dst, const uint8_t* dst_end, const uint8_t* src, const uint8_t* src_end, Py_ssize_t length,
) noexcept nogil:
    """Copy octets that are few as a rule: 16 at a time, beyond their end where both ends are far enough."""
    cdef Py_ssize_t done = 0
    # Bounds: the caller proved `length` octets of both; the last 16 start before `length`.
    if src_end - src < length + STRIDE or dst_end - dst < length + STRIDE:
        memcpy(dst, src, length)
        return
    # Progress: 16 octets further each turn.
    while done < length:
        memcpy(dst + done, src + done, STRIDE)
        done += STRIDE


cdef void append_found(
    Part* part, const Append* append, const Span* body, const Found* found, Py_ssize_t apart, Py_ssize_t n,
) noexcept nogil:
    """Give a variable column its values for n rows, from fields that are `apart` places apart in `found`."""
    cdef Heap* heap = &part.heaps[append.heap]
    cdef uint8_t* octets = heap.slab.data if heap.slab != NULL else NULL
    cdef uint8_t* octets_end = octets + heap.slab.size if heap.slab != NULL else NULL
    cdef const uint8_t* at = body.at
    cdef const uint8_t* end = body.end
    cdef int32_t used = heap.used
    cdef int32_t* offsets = <int32_t*> (part.slab.data + part.data[append.column]) + part.rows + 1
    cdef Py_ssize_t i
    # Bounds: as in append_octets(); find_records() proved the fields.
    for i in range(n):
        if found.length > 0:
            copy_short(octets + used, octets_end, at + found.offset, end, found.length)
            used += <int32_t> found.length
        offsets[i] = used
        found += apart
    heap.used = used


cdef void append_fixed(
    Part* part, const Append* append, Clock clock, const uint8_t* src, const uint8_t* end, Py_ssize_t stride,
    Py_ssize_t n,
) noexcept nogil:
    """Give a variable column its values for n rows, from fields of the same width that are `stride` octets apart."""
    cdef Heap* heap = &part.heaps[append.heap]
    cdef int32_t* offsets = <int32_t*> (part.slab.data + part.data[append.column]) + part.rows + 1
    cdef uint8_t* octets
    cdef uint8_t* octets_end
    cdef Py_ssize_t i
    src += append.offset
    if append.names != NOT_NAMES or append.trim or append.width == 0:
        for i in range(n):
            append_octets(part, append, clock, part.rows + i, src + i * stride, append.width)
        return
    # Bounds: as in append_octets(); the caller proved the fields.
    octets = heap.slab.data + heap.used
    octets_end = heap.slab.data + heap.slab.size
    for i in range(n):
        copy_short(octets, octets_end, src, end, append.width)
        octets += append.width
        src += stride
        heap.used += append.width
        offsets[i] = heap.used


cdef inline Py_ssize_t whole(Py_ssize_t octets, Py_ssize_t length) noexcept nogil:
    """How many records there are; a message has few octets, and a short division takes half as long."""
    return <uint32_t> octets // <uint32_t> length if octets <= 0xFFFF else octets // length


cdef Stop run_fixed(const Program* program, Span* body, Ledger* ledger) noexcept nogil:
    """Append every whole record of `body`, a column at a time; leave `body.at` on the first octet not used."""
    cdef const Segment* segment = &program.segments[0]
    cdef Py_ssize_t length = segment.length
    cdef Py_ssize_t n, k, room
    cdef Store* store = program.store
    cdef Part* part
    # Progress: each turn uses n >= 1 records, or closes the part so that the next one is empty, or returns.
    while left(body) >= length:
        n = reserve(ledger, store, whole(left(body), length))
        if n <= 0:
            return STOP_LIMIT if n == 0 else STOP_MEMORY
        part = store.open
        room = 1
        for k in range(program.n_appends):
            n = min(n, max(1, MOST_HEAP // max(1, most_octets(&program.appends[k], &ledger.context))))
        for k in range(program.n_appends):
            room = reserve_octets(
                ledger, store, program.appends[k].heap, n * most_octets(&program.appends[k], &ledger.context),
            )
            if room < 0:
                return STOP_MEMORY
            if room == 0:
                break
        if room == 0:
            if part.rows == 0:
                return STOP_LIMIT
            part.capacity = part.rows
            continue
        # Bounds: n * length <= end - at.
        run_segment(segment, body.at, length, n, part, &ledger.context)
        for k in range(program.n_appends):
            append_fixed(part, &program.appends[k], &ledger.context, body.at, body.end, length, n)
        part.rows += n
        ledger.rows += n
        body.at += n * length
    return STOP_END


cdef Py_ssize_t find_records(
    const Program* program, const Span* body, Found* found, uint8_t* block, Py_ssize_t most, Py_ssize_t* used,
) noexcept nogil:
    """Walk up to `most` whole records, noting their variable fields; return how many there are.

    A length is one octet, or 255 and two more (RFC 7011 section 7), and is read here, once. Segments that
    columns are made of are lined up in the block.
    """
    cdef const uint8_t* at = body.at
    cdef const uint8_t* end = body.end
    cdef const uint8_t* block_end = block + BLOCK_OCTETS
    cdef const Segment* segment
    cdef const Segment* last = &program.segments[program.n_segments - 1]
    cdef Py_ssize_t n
    cdef Py_ssize_t length
    used[0] = 0
    for n in range(most):
        segment = program.segments
        # Progress: a segment further each turn; a record has an octet at least, the length of its variable field.
        while segment != last:
            length = segment.length
            if end - at <= length:
                return n
            if segment.lined_up:
                # Bounds: Plan proved that `at_once` of them fit the block.
                copy_short(block + segment.place + n * length, block_end, at, end, length)
            at += length
            # Bounds: at < end, just compared.
            length = at[0]
            at += 1
            if length == 255:
                if end - at < 2:
                    return n
                length = be16(at)
                at += 2
            if end - at < length:
                return n
            # Bounds: n < most, and `found` has most * n_variable places.
            found.offset = <uint32_t> (at - body.at)
            found.length = <uint32_t> length
            found += 1
            at += length
            segment += 1
        length = last.length
        if end - at < length:
            return n
        if last.lined_up:
            copy_short(block + last.place + n * length, block_end, at, end, length)
        at += length
        used[0] = at - body.at
    return most


cdef Py_ssize_t reserve_found(const Program* program, Ledger* ledger, const Found* found, Py_ssize_t n) noexcept nogil:
    """Make room in the heaps for the appends of n records; as reserve_octets()."""
    cdef Py_ssize_t n_variable = program.n_segments - 1
    cdef Py_ssize_t k, i, room
    cdef size_t octets
    cdef const Append* append
    for k in range(program.n_appends):
        append = &program.appends[k]
        octets = n * most_octets(append, &ledger.context)
        if append.variable and append.names == NOT_NAMES:
            for i in range(n):
                octets += found[i * n_variable + append.segment].length
        room = reserve_octets(ledger, program.store, append.heap, octets)
        if room <= 0:
            return room
    return 1


cdef inline const uint8_t* line_of(
    const Program* program, const Span* body, const Found* found, const uint8_t* block, Py_ssize_t k,
) noexcept nogil:
    """Where a segment of the records that were found is lined up; of records walked one by one, the segment."""
    if program.at_once > 1:
        return block + program.segments[k].place
    return body.at if k == 0 else body.at + found[k - 1].offset + found[k - 1].length


cdef Stop run_variable(const Program* program, Span* body, Ledger* ledger) noexcept nogil:
    """Append the records of `body`, which have variable fields; leave `body.at` on the first octet not used.

    Some records are walked, their variable fields noted, and each segment of fixed fields lined up in a
    block, so that the same kernels run over it as over fixed records.
    """
    cdef Found[FIELDS_AT_ONCE] found
    cdef uint8_t[BLOCK_OCTETS] block
    cdef Py_ssize_t n_variable = program.n_segments - 1
    cdef Py_ssize_t n, k, i, used, room
    cdef const Append* append
    cdef const Segment* segment
    cdef const Found* field
    cdef const uint8_t* end = body.end              # of what segments are in
    cdef Store* store = program.store
    cdef Part* part
    if program.at_once > 1:
        end = &block[0] + BLOCK_OCTETS
    # Progress: each turn uses n >= 1 records, or closes the part so that the next one is empty, or returns.
    while left(body) >= program.least_length:
        n = reserve(ledger, store, program.at_once)
        if n <= 0:
            return STOP_LIMIT if n == 0 else STOP_MEMORY
        part = store.open
        n = find_records(program, body, found, block, n, &used)
        if n == 0:
            return STOP_RECORD
        room = reserve_found(program, ledger, found, n)
        # Progress: fewer records each turn; one has less than a slab.
        while room == 0 and part.rows == 0 and n > 1:
            n = find_records(program, body, found, block, n // 2, &used)
            room = reserve_found(program, ledger, found, n)
        if room < 0:
            return STOP_MEMORY
        if room == 0:
            if part.rows == 0:
                return STOP_LIMIT
            part.capacity = part.rows
            continue
        for k in range(program.n_segments):
            segment = &program.segments[k]
            if segment.n_steps:
                # Bounds: find_records() proved the segments.
                run_segment(
                    segment, line_of(program, body, found, block, k), segment.length, n, part, &ledger.context,
                )
        for k in range(program.n_appends):
            append = &program.appends[k]
            if append.variable and not append.trim and append.names == NOT_NAMES:
                append_found(part, append, body, found + append.segment, n_variable, n)
                continue
            if not append.variable:
                append_fixed(
                    part, append, &ledger.context, line_of(program, body, found, block, append.segment),
                    end, program.segments[append.segment].length, n,
                )
                continue
            for i in range(n):
                # Bounds: find_records() proved the fields.
                field = &found[i * n_variable + append.segment]
                append_octets(part, append, &ledger.context, part.rows + i, body.at + field.offset, field.length)
        part.rows += n
        ledger.rows += n
        body.at += used
    return STOP_END


cdef Stop run_half(const Program* program, Span* body, Ledger* ledger) noexcept nogil:
    """Append one row of each record."""
    if program.has_wire and ledger.context.wire != program.wire:
        ledger.context.wire = program.wire
        ledger.run_version += 1
    if program.n_segments == 1:
        return run_fixed(program, body, ledger)
    return run_variable(program, body, ledger)


cdef const uint8_t* read_counters(
    const Program* program, const uint8_t* at, const uint8_t* end, bint* is_silent,
) noexcept nogil:
    """Where the record at `at` ends, and whether all of its counters are zero."""
    cdef Py_ssize_t s, k, c, length
    is_silent[0] = True
    # Progress: a segment further each turn. Bounds: compared before each load; a counter lies in its segment.
    for s in range(program.n_segments):
        if end - at < program.segments[s].length:
            return end
        for c in range(program.n_counters):
            if program.counters[c].segment == s:
                for k in range(program.counters[c].width):
                    is_silent[0] &= at[program.counters[c].offset + k] == 0
        at += program.segments[s].length
        if s == program.n_segments - 1:
            break
        if end - at < 1:
            return end
        length = at[0]
        at += 1
        if length == 255:
            if end - at < 2:
                return end
            length = be16(at)
            at += 2
        if end - at < length:
            return end
        at += length
    return at


cdef Stop run_reverse(const Program* program, Span* body, Ledger* ledger) noexcept nogil:
    """Append the other half of those records that tell of any; `body` holds whole ones."""
    cdef Span some
    cdef const uint8_t* at
    cdef bint is_silent
    cdef Stop stop
    if program.n_counters == 0:
        return run_half(program, body, ledger)
    # Progress: a record further each turn, of one octet at least.
    while body.at < body.end:
        some.at = some.end = body.at
        # Progress: likewise.
        while some.end < body.end:
            at = read_counters(program, some.end, body.end, &is_silent)
            if is_silent:
                break
            some.end = at
        if some.end == some.at:
            body.at = at
            continue
        stop = run_half(program, &some, ledger)
        body.at = some.at
        if stop != STOP_END:
            return stop
    return STOP_END


cdef Stop run(const Program* program, Span* body, Ledger* ledger) noexcept nogil:
    """Append the records of `body`; leave `body.at` on the first octet not used.

    STOP_END: what is left is shorter than any record. STOP_RECORD: a record reaches past the end. Second rows of
    records are not among `ledger.rows` until the message counts, since whoever counts records goes by these.
    """
    cdef Span half
    cdef Py_ssize_t rows
    cdef Stop stop, other
    half.at = body.at
    stop = run_half(program, body, ledger)
    if program.reverse == NULL or half.at == body.at:
        return stop
    half.end = body.at
    rows = ledger.rows
    other = run_reverse(program.reverse, &half, ledger)
    ledger.reversed += ledger.rows - rows
    ledger.rows = rows
    if other == STOP_END:
        return stop
    body.at = half.at
    return other


# ── the door ─────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef class Plan:
    """Steps that decode the records of a template into one table.

    Parameters
    ----------
    table : Table
        Where rows go.
    segments : sequence of int
        Octets of the fixed fields before each variable field, and of those behind the last: one
        number for a template of fixed fields.
    steps : sequence of (kernel, segment, offset, width, column)
        Kernel names as in `_steps.KERNEL_OF`; offset from the start of the segment and width in octets; the
        column's index in the layout. A variable column takes the kernel "octets", or "text", which
        leaves out zeros that fill a fixed field up; a width of 0 is the variable field that ends the
        segment, and with the kernel "empty" a field without octets. The kernels of `NAMES` write what
        the number in the field is called, and nothing where that is not known.
    wires : tuple of int, optional
        For `Layout.wire_of`, where the layout keeps them.

    Raises
    ------
    ValueError
        A step that leaves its segment or does not fit its column, a column that no step fills, or
        records of no octets.
    """

    def __cinit__(self, Table table, segments, steps, wires=None):
        cdef Py_ssize_t n, k, s, octets = 0, gaps = 0
        cdef Step* step
        self.table = table
        table.n_plans += 1
        self.program.store = &table.store
        if not segments or any(not 0 <= length <= 65535 for length in segments):
            raise ValueError("segments have 0 to 65535 octets")
        self.program.n_segments = len(segments)
        self.program.least_length = sum(segments) + len(segments) - 1
        if not 1 <= self.program.least_length <= 65535:
            raise ValueError("a record has 1 to 65535 octets")
        fixed, appends = checked_steps(table.layout, tuple(segments), tuple(steps))
        if wires is not None:
            self.program.wire = table.layout.wire_of(wires)
            self.program.has_wire = True
        n = max(1, len(fixed))
        self.program.segments = <Segment*> PyMem_RawCalloc(len(segments), sizeof(Segment))
        self.program.appends = <Append*> PyMem_RawCalloc(max(1, len(appends)), sizeof(Append))
        self.steps = <Step*> PyMem_RawCalloc(n, sizeof(Step))
        if self.program.segments == NULL or self.program.appends == NULL or self.steps == NULL:
            raise MemoryError()
        step = self.steps
        for s, length in enumerate(segments):
            self.program.segments[s].length = length
            self.program.segments[s].steps = step
            for segment, offset, width, column, kernel in fixed:
                if segment == s:
                    step[0] = Step(
                        kernel_at(kernel), offset, width, column, table.layout.shape.columns[<int> column].width,
                    )
                    step += 1
            self.program.segments[s].n_steps = step - self.program.segments[s].steps
            self.program.segments[s].lined_up = len(segments) > 1 and length > 0 and (
                self.program.segments[s].n_steps > 0 or any(append[0] == s and append[2] > 0 for append in appends)
            )
            if self.program.segments[s].lined_up:
                octets += length
                gaps += STRIDE          # copy_short() writes beyond the last of a line
        for k, (segment, offset, width, column, name) in enumerate(appends):
            heap = table.layout.shape.columns[<int> column].heap
            self.program.appends[k] = Append(
                offset, width, column, heap, segment, width == 0 and name != "empty", width > 0 and name == "text",
                NOT_NAMES,
            )
            if name in NAMES:
                self.program.appends[k].names = NAMES[name]
        self.program.n_appends = len(appends)
        if len(segments) > 1:
            if len(segments) - 1 > FIELDS_AT_ONCE:
                raise ValueError(f"more than {FIELDS_AT_ONCE} variable fields")
            self.program.at_once = max(
                1, min(
                    RECORDS_AT_ONCE, FIELDS_AT_ONCE // (len(segments) - 1), (BLOCK_OCTETS - gaps) // max(1, octets),
                ),
            )
            octets = 0
            for s in range(len(segments)):
                # Bounds: `at_once` of all that are lined up fit the block; what is walked one by one is not.
                self.program.segments[s].lined_up &= self.program.at_once > 1
                self.program.segments[s].place = octets
                if self.program.segments[s].lined_up:
                    octets += self.program.at_once * self.program.segments[s].length + STRIDE

    def __dealloc__(self):
        if self.table is not None:
            self.table.n_plans -= 1
        PyMem_RawFree(self.program.counters)
        PyMem_RawFree(self.program.segments)
        PyMem_RawFree(self.program.appends)
        PyMem_RawFree(self.steps)

    def set_reverse(self, Plan reverse not None, counters=()):
        """Make a second row of each record, by another plan for the same octets.

        Parameters
        ----------
        reverse : Plan
        counters : sequence of (segment, offset, width)
            Fixed fields; a record in which all of them are zero has no second row. None: all have.

        Raises
        ------
        ValueError
            The plan is for records of other octets, or a counter leaves its segment.
        """
        cdef Program* other = &reverse.program
        cdef Py_ssize_t k
        if other.n_segments != self.program.n_segments or other.n_counters or reverse.reverse is not None:
            raise ValueError("the plan of the other half is for other records")
        for k in range(other.n_segments):
            if other.segments[k].length != self.program.segments[k].length:
                raise ValueError("the plan of the other half is for other records")
        for segment, offset, width in counters:
            if not (0 <= segment < other.n_segments and 0 <= offset and 0 < width):
                raise ValueError(f"no counter of {width} octets at {offset} of segment {segment}")
            if offset + width > other.segments[<Py_ssize_t> segment].length:
                raise ValueError(f"no counter of {width} octets at {offset} of segment {segment}")
        if counters:
            other.counters = <Counter*> PyMem_RawCalloc(len(counters), sizeof(Counter))
            if other.counters == NULL:
                raise MemoryError()
            for k, (segment, offset, width) in enumerate(counters):
                other.counters[k] = Counter(segment, offset, width)
            other.n_counters = len(counters)
        self.reverse = reverse
        self.program.reverse = other

    def append(self, octets):
        """Decode the records of `octets` as one message without context; return how many there are.

        Raises
        ------
        ValueError
            A record reaches past the end, or no more octets may be held; no row is added.
        """
        cdef Octets held
        cdef Span body
        cdef Stop stop
        cdef object rows
        cdef Ledger* ledger = &self.table.account.ledger
        hold_octets(octets, &held)
        # The message ends before the octets are let go, which may run anyone's code.
        try:
            body.at = held.at
            body.end = held.at + held.length
            begin_message(ledger, False)
            stop = run(&self.program, &body, ledger)
            try:
                if stop == STOP_MEMORY:
                    raise MemoryError()
                if stop != STOP_END:
                    raise ValueError(
                        "a record reaches past the end" if stop == STOP_RECORD else "no more octets may be held",
                    )
                rows = ledger.rows      # an object, for which there may be no memory
            except Exception:
                roll_back_message(ledger)
                raise
            commit_message(ledger)
        finally:
            let_go(&held)
        return rows


cdef tuple checked_steps(Layout layout, tuple segments, tuple steps):
    """Steps as (segment, offset, width, column, kernel), and appends likewise with a kernel's name."""
    cdef int i
    shape = layout.shape
    fixed, appends, filled = [], [], set()
    for k, (name, segment, offset, width, column) in enumerate(steps):
        if not 0 <= segment < len(segments):
            raise ValueError(f"step {k}: no segment {segment}")
        if not (0 <= offset and 0 <= width and offset + width <= segments[segment]):
            raise ValueError(f"step {k}: octets {offset} to {offset + width} of a segment of {segments[segment]}")
        if not 0 <= column < shape.n_stored or column in filled:
            raise ValueError(f"step {k}: no column {column} to fill")
        spec = shape.columns[<int> column]
        if spec.source not in (SOURCE_STEP, SOURCE_FINISH):
            raise ValueError(f"step {k}: column {column} is not filled by steps")
        filled.add(column)
        if spec.width == 0:
            is_right = width == 0
            if name != "empty":
                is_right = name in OF_OCTETS and (width > 0 or segment < len(segments) - 1)
            if not is_right:
                raise ValueError(f"step {k}: a variable column takes octets of a field that is there")
            appends.append((segment, offset, width, column, name))
            continue
        kernel = kernel_of(name, width, spec.width)
        if kernel is None:
            raise ValueError(f"step {k}: {name} does not store {width} octets in {spec.width}")
        fixed.append((segment, offset, width, column, kernel))
    for i in range(shape.n_stored):
        if shape.columns[i].source == SOURCE_STEP and i not in filled:
            raise ValueError(f"no step fills column {i}")
    return fixed, appends
