# cython: boundscheck=False, wraparound=False, cdivision=True
"""sFlow: the walk over the samples and records of a datagram (sflow_version_5.txt; RFC 3176 for versions 2 and 4).

Two things come of it. Each flow or discard sample becomes one `Sampled`, a record of fixed fields
that a plan runs over as over any other; many wait in a block, so that columns are written one at a
time. Structures that have tables of their own (counters; all others too where the schema is NATIVE)
become one record each (`_sflowrecord`). Blocks of versions 2 and 4, which have no lengths, are framed first
(`_sflowold`).

Lengths frame, counts only hint: what a count promises is compared with the octets left, by division.
A structure that ends within a field gives the fields before it; one that has grown is read as far as
it is known. Octets are read once, and only what a length was compared for.
"""

from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree, PyMem_RawMalloc
from libc.string cimport memcpy, memset

from flowparse._notes cimport (
    NOTE_HELD, NOTE_RECORDS_CUT_REFUSED, NOTE_RECORDS_LIMIT, NOTE_SAMPLES_CUT_REFUSED, NOTE_SAMPLES_LIMIT,
    NOTE_SAMPLE_RATE, NOTE_SAMPLE_SHORT_REFUSED, NOTE_STRUCTURE_SHORT, NOTE_TRAILING, note,
)
from flowparse._plan cimport Plan, STOP_END, STOP_LIMIT, run
from flowparse._sampled cimport (
    KIND_COUNTER, KIND_FLOW, KIND_SAMPLE, KIND_UNKNOWN, begin_row, put32, skip, take_gateway, take_record,
    take_sampled_header,
)
from flowparse._sflowheads cimport BROCADE, LEAST, read_sample
from flowparse._sflowold cimport (
    MOST_BLOCKS, OldCounters, format_of_extended, format_of_packet, old_counters, skip_block, skip_old_sample,
)
from flowparse._sflowrecord cimport (
    KEY, MOST_FIXED, MOST_LISTS, MOST_VARIABLE, OP_ADAPTERS, OP_AS_PATH, OP_ITEMS, Op, ROOM, Structure, write_record,
)
from flowparse._wire cimport be32, left

from flowparse._sflowrecord import OPS as _OPS

cdef enum:
    BLOCK_ROWS = 64                 # samples that wait for the plan
    MOST_RATE = 1 << 24             # of sampling that is believed

cdef void write_key(uint8_t* out, const Walk* walk) noexcept nogil:
    put32(out, walk.header.uptime_ms)
    put32(out + 4, walk.sample.source_class)
    put32(out + 8, walk.sample.source_index)
    put32(out + 12, walk.sample.sequence)


cdef inline uint32_t slot_of(uint32_t tag, int kind) noexcept nogil:
    # Bounds: 9 bits are left, and TAG_SLOTS is 512.
    return ((tag * 4 + <uint32_t> kind) * <uint32_t> 2654435761) >> 23


cdef class Sflow:
    """What a decoder has made for sFlow: the plan of the flow view, and the structures with tables of their own.

    Parameters
    ----------
    structures : sequence of (kind, tag, fixed, ops)
        `kind` a number of Kind; `ops` (type, item, offset, since) in wire order, types as in `OPS`. The first
        whose kind is KIND_SAMPLE are flow samples (tag 1) and discard samples (tag 5); the one of
        KIND_UNKNOWN takes what nothing is known of.
    """

    def __cinit__(self, structures):
        cdef Py_ssize_t i, k
        cdef Structure* structure
        cdef uint32_t slot
        self.plans = []
        for i in range(TAG_SLOTS):
            self.slots[i] = -1
        for i in range(3):
            self.own[i] = -1
        self.block = <Sampled*> PyMem_RawMalloc(BLOCK_ROWS * sizeof(Sampled))
        self.scratch = <uint8_t*> PyMem_RawMalloc(ROOM + MOST_VARIABLE + 16)
        self.structures = <Structure*> PyMem_RawCalloc(max(1, len(structures)), sizeof(Structure))
        if self.block == NULL or self.scratch == NULL or self.structures == NULL:
            raise MemoryError()
        if len(structures) > TAG_SLOTS // 2:
            raise ValueError(f"more than {TAG_SLOTS // 2} structures")
        for i, (kind, tag, fixed, ops) in enumerate(structures):
            structure = &self.structures[i]
            self.n_structures = i + 1
            structure.kind = kind
            structure.tag = tag
            if not KEY <= fixed <= MOST_FIXED or not 0 < len(ops) < 1024:
                raise ValueError(f"a structure of {fixed} octets and {len(ops)} fields")
            structure.fixed = fixed
            structure.ops = <Op*> PyMem_RawCalloc(len(ops), sizeof(Op))
            structure.programs = <Program**> PyMem_RawCalloc(len(ops) + 3, sizeof(void*))
            if structure.ops == NULL or structure.programs == NULL:
                raise MemoryError()
            structure.n_ops = len(ops)
            for k, (type, item, offset, since) in enumerate(ops):
                number, width = _OPS[type]
                if width and not KEY <= offset <= fixed - width:
                    raise ValueError(f"field {k}: octets {offset} to {offset + width} of {fixed}")
                if number in (OP_ITEMS, OP_AS_PATH, OP_ADAPTERS) and (item % 4 or not 0 < item <= 4 * MOST_LISTS):
                    raise ValueError(f"field {k}: items of {item} octets")
                structure.ops[k] = Op(number, item, since, offset)
                structure.later = max(structure.later, since)
            if structure.kind >= KIND_SAMPLE:
                self.own[2 if structure.kind == KIND_UNKNOWN else 1 if tag == 5 else 0] = <int> i
                continue
            slot = slot_of(tag, structure.kind)
            # Progress: one slot further each turn; at least half of them are free.
            while self.slots[slot] >= 0:
                slot = (slot + 1) % TAG_SLOTS
            self.slots[slot] = <int16_t> i

    def __dealloc__(self):
        cdef Py_ssize_t i
        if self.structures != NULL:
            for i in range(self.n_structures):
                PyMem_RawFree(self.structures[i].ops)
                PyMem_RawFree(self.structures[i].programs)
        PyMem_RawFree(self.structures)
        PyMem_RawFree(self.scratch)
        PyMem_RawFree(self.block)

    def set_flow(self, Plan plan):
        """Let samples run through the plan of the flow view."""
        if plan.program.n_segments != 1 or plan.program.least_length != sizeof(Sampled):
            raise ValueError("the plan is not one of sampled packets")
        self.plans.append(plan)
        self.flow = &plan.program

    def set_structure(self, int structure, int fields, Plan plan):
        """Let records of a structure with so many fields run through `plan`; 1 and 2 more: as in versions 4 and 2."""
        if not 0 <= structure < self.n_structures or not 0 < fields <= self.structures[structure].n_ops + 2:
            raise ValueError("no such structure")
        if plan.program.segments[0].length != self.structures[structure].fixed:
            raise ValueError("the plan is not one of this structure")
        self.plans.append(plan)
        self.structures[structure].programs[fields] = &plan.program

    cdef Stop flush(self, Walk* walk) noexcept nogil:
        """Run the plan of the flow view over the rows that wait."""
        cdef Span body
        cdef Stop stop
        body.at = <const uint8_t*> self.block
        body.end = body.at + self.n_block * sizeof(Sampled)
        self.n_block = 0
        stop = run(self.flow, &body, walk.flows)
        if stop == STOP_LIMIT:
            note(walk.book, NOTE_HELD, &walk.whom, -1, left(&body) // <Py_ssize_t> sizeof(Sampled))
            return STOP_END
        return stop

    cdef int find(self, uint32_t tag, int kind) noexcept nogil:
        """The structure of a tag, or -1."""
        cdef uint32_t slot = slot_of(tag, kind)
        cdef int index
        # Progress: one slot further each turn; a free one ends it, and at least half are.
        while True:
            index = self.slots[slot]
            if index < 0 or (self.structures[index].tag == tag and self.structures[index].kind == kind):
                return index
            slot = (slot + 1) % TAG_SLOTS

    cdef Stop add_record(self, Walk* walk, int index, Span* at) noexcept nogil:
        """Add the row of one structure to its table; `at` is left behind the fields that were read."""
        cdef const Structure* structure = &self.structures[index]
        cdef Ledger* ledger = walk.counters if structure.kind == KIND_COUNTER else walk.flows
        cdef const uint8_t* start = at.at
        cdef Span body
        cdef Py_ssize_t length
        cdef bint damaged
        cdef Stop stop
        cdef uint32_t version = walk.header.version
        cdef int fields = write_record(structure, version, at, self.scratch, &length, &damaged)
        if version < 5 and structure.later > version and fields == structure.n_ops:
            fields += 1 if version == 4 else 2
        if fields > 0 and structure.programs[fields] == NULL:
            walk.wanted_structure = index
            walk.wanted_fields = fields
            return <Stop> STOP_STRUCTURE
        if damaged:
            note(
                walk.book, NOTE_STRUCTURE_SHORT, &walk.whom, start - walk.octets, structure.tag >> 12,
                structure.tag & 0xFFF, at.end - start,
            )
        if fields == 0:
            return STOP_END
        write_key(self.scratch, walk)
        body.at = self.scratch
        body.end = self.scratch + length
        stop = run(structure.programs[fields], &body, ledger)
        if stop == STOP_LIMIT:
            note(walk.book, NOTE_HELD, &walk.whom, start - walk.octets, 1)
            return STOP_END
        return stop

    cdef Stop add_own(self, Walk* walk, int which) noexcept nogil:
        """Add the row of a flow or discard sample to its own table, its fields in the order of registry/sflow.tsv."""
        cdef const Sample* sample = &walk.sample
        cdef uint8_t[28] words
        cdef Span at
        if self.own[which] < 0:
            return STOP_END
        at.at = words
        if which == 1:
            put32(words, sample.drops)
            put32(words + 4, sample.in_port)
            put32(words + 8, sample.out_port)
            put32(words + 12, sample.reason)
            at.end = words + 16
        else:
            put32(words, sample.rate)
            put32(words + 4, sample.pool)
            put32(words + 8, sample.drops)
            put32(words + 12, sample.in_format)
            put32(words + 16, sample.in_port)
            put32(words + 20, sample.out_format)
            put32(words + 24, sample.out_port)
            at.end = words + 28
        return self.add_record(walk, self.own[which], &at)

    cdef Stop add_unknown(self, Walk* walk, uint32_t tag, Span* at) noexcept nogil:
        """Keep a structure that nothing is known of: its tag, and its octets as they are, up to 65535."""
        cdef uint8_t* out = self.scratch + ROOM
        cdef Py_ssize_t length = min(left(at), <Py_ssize_t> MOST_VARIABLE)
        cdef Span body
        if self.own[2] < 0:
            return STOP_END
        # Bounds: 12 + MOST_VARIABLE octets are behind the room in which add_record() writes.
        put32(out, walk.sample.kind)
        put32(out + 4, tag >> 12)
        put32(out + 8, tag & 0xFFF)
        memcpy(out + 12, at.at, length)
        body.at = out
        body.end = out + 12 + length
        return self.add_record(walk, self.own[2], &body)

    cdef Stop read_records(self, Walk* walk) noexcept nogil:
        """The records of a sample: as many as its count says and its octets hold."""
        cdef Span* at = &walk.records
        cdef uint32_t count = walk.sample.count
        cdef uint32_t most = min(count, walk.most_records)
        cdef bint is_row = self.flow != NULL and walk.sample.kind == KIND_FLOW
        cdef uint32_t tag
        cdef Py_ssize_t length
        cdef int index
        cdef Span body
        cdef Stop stop
        # Progress: a record has at least 8 octets.
        while walk.records_done < most and left(at) >= LEAST:
            tag = be32(at.at)
            length = be32(at.at + 4)
            if length > left(at) - LEAST:
                break
            # Bounds: 8 and `length` octets are there.
            body.at = at.at + LEAST
            body.end = body.at + length
            if is_row:
                # Bounds: begin_sample() made room for the row.
                if not take_record(&self.block[self.n_block], tag, &body):
                    note(
                        walk.book, NOTE_STRUCTURE_SHORT, &walk.whom, at.at + LEAST - walk.octets, tag >> 12,
                        tag & 0xFFF, length,
                    )
            else:
                index = self.find(tag, walk.sample.kind)
                stop = self.add_record(walk, index, &body) if index >= 0 else self.add_unknown(walk, tag, &body)
                if stop != STOP_END:
                    return stop         # the record is read again if the walk goes on
            at.at += LEAST
            skip(at, length)
            walk.records_done += 1
        if is_row:
            self.n_block += 1
        if walk.records_done == most < count:
            note(walk.book, NOTE_RECORDS_LIMIT, &walk.whom, at.at - walk.octets, count, most)
        elif walk.records_done < count:
            return damaged_at(walk, NOTE_RECORDS_CUT_REFUSED, at.at, count, walk.records_done, 0)
        elif left(at) > 0:
            note(walk.book, NOTE_TRAILING, &walk.whom, at.at - walk.octets, left(at))
        return STOP_END

    cdef Stop begin_sample(self, Walk* walk) noexcept nogil:
        """What comes of a sample's head."""
        cdef Stop stop
        if walk.sample.kind == KIND_COUNTER:
            return STOP_END
        if self.flow == NULL:
            stop = self.add_own(walk, walk.sample.discarded)
            if stop == STOP_END:
                walk.packets += 1
                walk.rate = walk.sample.rate if walk.sample.rate else walk.rate
            return stop
        if self.n_block == BLOCK_ROWS:
            stop = self.flush(walk)
            if stop != STOP_END:
                return stop
        if walk.sample.rate > MOST_RATE and walk.telling.override_rate == 0:
            note(walk.book, NOTE_SAMPLE_RATE, &walk.whom, walk.records.at - walk.octets, walk.sample.rate)
            walk.sample.rate = 0
        walk.packets += 1
        walk.rate = walk.sample.rate if walk.sample.rate else walk.rate
        # Bounds: n_block < BLOCK_ROWS.
        begin_row(&self.block[self.n_block], &walk.sample, &walk.telling)
        return STOP_END

    # ── versions 2 and 4 ─────────────────────────────────────────────────────────────────────────────────────────────

    cdef Stop take_old(self, Walk* walk, uint32_t format, Span* body, uint32_t step) noexcept nogil:
        """What comes of a block, which `skip_block` has framed, unless it was taken before the walk stopped."""
        cdef Sampled* row = &self.block[self.n_block]
        cdef int index
        cdef Stop stop
        if self.flow != NULL and walk.sample.kind == KIND_FLOW:
            # Bounds: begin_sample() made room for the row.
            if format == 1:
                take_sampled_header(row, body, False)
            elif format == 1003:
                take_gateway(row, body, False, walk.header.version == 4)
            else:
                take_record(row, format, body)
            return STOP_END
        index = self.find(format, walk.sample.kind)
        if index < 0 or step < walk.records_done:
            return STOP_END
        stop = self.add_record(walk, index, body)
        if stop == STOP_END:
            walk.records_done = step + 1
        return stop

    cdef Stop read_old_counters(self, Walk* walk, const uint8_t* at) noexcept nogil:
        """A counters sample: blocks of known length, by the version of the last."""
        cdef const OldCounters* blocks = old_counters(be32(at + 12))
        cdef Span body
        cdef Stop stop
        cdef int i
        walk.sample.kind = KIND_COUNTER
        body.end = at + 16
        # Bounds: `skip_old_sample` found the version and all octets.
        for i in range(MOST_BLOCKS):
            if blocks.octets[i] == 0:
                break
            body.at = body.end
            body.end += blocks.octets[i]
            stop = self.take_old(walk, blocks.formats[i], &body, i)
            if stop != STOP_END:
                return stop
        return STOP_END

    cdef Stop read_old_flow(self, Walk* walk, Span* at) noexcept nogil:
        """A flow sample: the packet, and as many blocks as the count behind it says."""
        cdef Span body
        cdef uint32_t format, count, i
        cdef Stop stop
        # Bounds: `skip_old_sample` read all of it, block by block.
        walk.sample.rate = be32(at.at + 8)
        walk.sample.pool = be32(at.at + 12)
        walk.sample.drops = be32(at.at + 16)
        walk.sample.in_format = (at.at[20] >> 7) * 2
        walk.sample.in_port = be32(at.at + 20) & 0x7FFFFFFF
        walk.sample.out_format = (at.at[24] >> 7) * 2
        walk.sample.out_port = be32(at.at + 24) & 0x7FFFFFFF
        format = format_of_packet(be32(at.at + 28))
        if walk.records_done == 0 or self.flow != NULL:
            stop = self.begin_sample(walk)
            if stop != STOP_END:
                return stop
            walk.records_done = 1
        at.at += 32
        count = 1
        i = 0
        # Progress: a block each turn.
        while i < count:
            if i > 0:
                format = format_of_extended(be32(at.at))
                at.at += 4
            body.at = at.at
            skip_block(format, walk.header.version, at)
            body.end = at.at
            i += 1
            stop = self.take_old(walk, format, &body, i)
            if stop != STOP_END:
                return stop
            if i == 1:
                count += be32(at.at)
                at.at += 4
        self.n_block += self.flow != NULL
        return STOP_END

    cdef Stop walk_old(self, Walk* walk) noexcept nogil:
        """The samples of a datagram of version 2 or 4. They have no lengths: the first that is damaged ends it."""
        cdef uint32_t count = walk.header.count
        cdef uint32_t most = min(count, walk.most_samples)
        cdef Span body
        cdef Stop stop
        if walk.done == 0 and walk.records_done == 0:
            self.n_block = 0
        # Progress: a sample has at least 4 octets; one that is under way goes on or stops.
        while walk.done < most:
            body = walk.rest
            if not skip_old_sample(walk.header.version, &body):
                break
            body.end = body.at
            body.at = walk.rest.at + 4
            # Bounds: a sample that holds together has a type and 16 octets at least.
            memset(&walk.sample, 0, sizeof(Sample))
            walk.sample.sequence = be32(body.at)
            walk.sample.source_class = body.at[4]
            walk.sample.source_index = be32(body.at + 4) & 0xFFFFFF
            if be32(walk.rest.at) == 1:
                stop = self.read_old_flow(walk, &body)
            else:
                stop = self.read_old_counters(walk, body.at)
            if stop != STOP_END:
                return stop
            walk.rest.at = body.end
            walk.done += 1
            walk.records_done = 0
        return self.end_of_samples(walk, most)

    cdef Stop end_of_samples(self, Walk* walk, uint32_t most) noexcept nogil:
        """Tell what a count said and the octets held, and write the rows that wait."""
        cdef uint32_t count = walk.header.count
        cdef Span* at = &walk.rest
        cdef Stop stop
        if walk.done == most < count:
            note(walk.book, NOTE_SAMPLES_LIMIT, &walk.whom, at.at - walk.octets, count, most)
        elif walk.done < count:
            stop = damaged_at(walk, NOTE_SAMPLES_CUT_REFUSED, at.at, count, walk.done, 0)
            if stop != STOP_END:
                return stop
        elif left(at) > 0:
            note(walk.book, NOTE_TRAILING, &walk.whom, at.at - walk.octets, left(at))
        return self.flush(walk) if self.n_block else STOP_END

    # ── version 5 ────────────────────────────────────────────────────────────────────────────────────────────────────

    cdef Stop walk(self, Walk* walk) noexcept nogil:
        """The samples of a version 5 datagram from where the walk is: as many as the count says and the octets hold."""
        cdef Span* at = &walk.rest
        cdef uint32_t count = walk.header.count
        cdef uint32_t most = min(count, walk.most_samples)
        cdef uint32_t tag
        cdef Py_ssize_t octets
        cdef Stop stop
        if walk.header.version != 5:
            return self.walk_old(walk)
        if walk.done == 0 and not walk.in_sample:
            self.n_block = 0
        # Progress: a sample has at least 8 octets; one that is under way goes on or stops.
        while walk.in_sample or (walk.done < most and left(at) >= LEAST):
            if not walk.in_sample:
                tag = be32(at.at)
                octets = be32(at.at + 4)
                if tag == BROCADE and octets >= LEAST and left(at) >= 2 * LEAST:
                    at.at += 2 * LEAST
                    continue
                if octets > left(at) - LEAST:
                    break
                # Bounds: 8 and `octets` octets are there.
                walk.records.at = at.at + LEAST
                walk.records.end = walk.records.at + octets
                if tag < 1 or tag > 5:
                    memset(&walk.sample, 0, sizeof(Sample))
                    walk.sample.kind = KIND_SAMPLE
                    stop = self.add_unknown(walk, tag, &walk.records)
                    if stop != STOP_END:
                        return stop     # the sample is read again if the walk goes on
                elif read_sample(tag, &walk.records, &walk.sample):
                    walk.in_sample = True
                    walk.own_done = False
                    walk.records_done = 0
                else:
                    stop = damaged_at(walk, NOTE_SAMPLE_SHORT_REFUSED, walk.records.at, 0, tag, octets)
                    if stop != STOP_END:
                        return stop
                at.at += LEAST
                skip(at, octets)
                walk.done += 1
                if not walk.in_sample:
                    continue
            if not walk.own_done:
                stop = self.begin_sample(walk)
                if stop != STOP_END:
                    return stop
                walk.own_done = True
            stop = self.read_records(walk)
            if stop != STOP_END:
                return stop
            walk.in_sample = False
        return self.end_of_samples(walk, most)


cdef Stop damaged_at(Walk* walk, int kind, const uint8_t* at, int64_t a, int64_t b, int64_t c) noexcept nogil:
    """A length lies: nothing is kept, or what is framed is, which the next kind of note tells."""
    if walk.keep:
        note(walk.book, kind + 1, &walk.whom, at - walk.octets, a, b, c)
        return STOP_END
    walk.damage = kind
    walk.damage_offset = at - walk.octets
    walk.damage_values[0], walk.damage_values[1], walk.damage_values[2] = a, b, c
    return <Stop> STOP_DAMAGED
