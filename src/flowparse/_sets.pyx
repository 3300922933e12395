# cython: boundscheck=False, wraparound=False, cdivision=True
"""The walk over the Sets of a NetFlow v9 or IPFIX message.

Both are one walk: a Message Header, and Sets of templates, options templates and data in any order
(RFC 7011 section 3, RFC 3954 section 5; v9 calls them FlowSets). A Set is framed once and what lies
in it never reaches beyond. Templates count from where they stand. A Set without one waits; when its
template comes, it is decoded behind that message, with the header and times of its own.

What is malformed, lengths that lie, costs the message or only what lies behind (`malformed`). The
walk stops within a message for what only Python has: a template's program, what options mean. Which
situation has which outcome is docs/design/wire-decisions.md.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_RawFree, PyMem_RawRealloc
from cpython.ref cimport Py_INCREF
from libc.string cimport memset

from flowparse._columns cimport begin_message, commit_message, roll_back_message
from flowparse._decode cimport STOP_INFORM, STOP_LEARN, STOP_OPTIONS, STOP_PROGRAM, STOP_REFUSED
from flowparse._exporters cimport (
    SAMPLING_OVERRIDE, SAMPLING_TEMPLATE, Exporter, ExporterState, about, count_sequence, find_domain, put_back, see,
    settle_rate,
)
from flowparse._layout cimport CONTEXT_EXPORTER, CONTEXT_SAMPLING_RATE
from flowparse._lookup cimport NAME_KINDS, Names, Rates
from flowparse._notes cimport (
    About, NOTE_BEHIND, NOTE_COUNT_DIFFERS, NOTE_DATA_DROPPED, NOTE_DATA_PENDING, NOTE_ELEMENT_UNKNOWN,
    NOTE_ELEMENT_WIDTH, NOTE_EMPTY_MESSAGE, NOTE_EMPTY_SET, NOTE_EVICTED_FOR_FIELDS, NOTE_EVICTED_OF_DOMAIN,
    NOTE_EVICTED_TEMPLATE, NOTE_HELD, NOTE_LENGTH_LONG_REFUSED, NOTE_LENGTH_SHORT, NOTE_NO_SCOPE, NOTE_PADDING,
    NOTE_PENDING_FULL, NOTE_PENDING_OLD, NOTE_RATE_UNLIKELY, NOTE_RECORDS, NOTE_RECORD_LONG_REFUSED, NOTE_REPLAYED,
    NOTE_REPLAY_LONG, NOTE_RESERVED_SET, NOTE_SCOPE_COUNT, NOTE_SCOPE_LENGTHS, NOTE_SET_LONG_REFUSED,
    NOTE_SET_SHORT_REFUSED, NOTE_SHORT, NOTE_TAIL_REFUSED, NOTE_TEMPLATES_WITHDRAWN, NOTE_TEMPLATE_BIG,
    NOTE_TEMPLATE_CHANGED, NOTE_TEMPLATE_DEFINED, NOTE_TEMPLATE_EMPTY, NOTE_TEMPLATE_FIELDS, NOTE_TEMPLATE_ID,
    NOTE_TEMPLATE_LONG, NOTE_TEMPLATE_WITHDRAWN, NOTE_UNLEARNT, NOTE_UNUSABLE, NOTE_VALUES, NOTE_VERSION,
    NOTE_WITHDRAWAL_OVER_UDP, NOTE_WITHDRAWAL_UNKNOWN, NOTE_ZERO_TAIL, drop_notes, note, note_beyond,
)
from flowparse._part cimport TIME_HEADER_UPTIME, TIME_NONE, TIME_OPTIONS_INIT
from flowparse._pending cimport (
    SET_HEADER, commit_pending, is_too_old, let_leave, make_room, octets_of_set, roll_back_pending, stage_set,
)
from flowparse._plan cimport Plan, STOP_END, STOP_LIMIT, STOP_MEMORY, run
from flowparse._templates cimport (
    CHANGE_DEFINED, CHANGE_TOLD_AGAIN, FIRST_TEMPLATE_ID, READ_BAD_ID, READ_DEFINITION, READ_EMPTY, READ_LARGE,
    READ_LONG, READ_ODD, READ_PADDING, READ_SCOPES, READ_WITHDRAWAL, Reading, TemplateAccount, Templates,
    commit_templates, define_template, find_template, frame_records, is_whole, read_template, roll_back_templates,
    settle_uses, use_template, withdraw_template,
)
from flowparse._wire cimport PROTOCOL_IPFIX, PROTOCOL_NETFLOW9, be16, be32, left

cdef enum:
    LENGTH_OFFSET = 2                   # in IPFIX's Message Header; v9 has its Count there
    UPTIME_OFFSET = 4                   # in v9's
    MOST_OPTIONS_HELD = 16 << 20        # octets of options records that nobody took
    SECOND_NS = 1000000000

cdef struct Header:                     # of a version with Sets
    uint8_t protocol
    uint16_t length
    uint16_t export_time                # offsets
    uint16_t sequence
    uint16_t domain
    uint16_t templates                  # ids of Sets
    uint16_t options

cdef Header[2] HEADERS = [
    Header(PROTOCOL_NETFLOW9, 20, 8, 12, 16, 0, 1),
    Header(PROTOCOL_IPFIX, 16, 4, 8, 12, 2, 3),
]


cdef const Header* header_of(int version) noexcept nogil:
    """The header of a version, or NULL."""
    return &HEADERS[version - 9] if 9 <= version <= 10 else NULL


cdef bint is_zero(const Span* span) noexcept nogil:
    cdef const uint8_t* at = span.at
    # Progress: an octet further each turn.
    while at < span.end:
        if at[0] != 0:
            return False
        at += 1
    return True


def templates_in(bytes datagram):
    """The good Template Records of a message, as [(id, protocol, is_options, octets, least octets of a record)]."""
    cdef const uint8_t* octets = datagram
    cdef Py_ssize_t there = len(datagram)
    cdef const Header* header = header_of(be16(octets)) if there >= 2 else NULL
    cdef Span rest, body
    cdef Record record
    cdef Reading reading
    cdef uint16_t id
    cdef list found = []
    if header == NULL or there < header.length:
        return found
    if header.protocol == PROTOCOL_IPFIX:
        there = min(there, be16(octets + LENGTH_OFFSET))
    rest.at = octets + header.length
    rest.end = octets + there
    # Progress: a Set further each turn, of 4 octets at least.
    while left(&rest) >= SET_HEADER and SET_HEADER <= be16(rest.at + 2) <= left(&rest):
        id = be16(rest.at)
        body.at = rest.at + SET_HEADER
        body.end = rest.at = rest.at + be16(rest.at + 2)
        # Progress: a record further each turn, of 4 octets at least.
        while id in (header.templates, header.options) and left(&body) >= 4:
            reading = read_template(body.at, left(&body), header.protocol, id == header.options, id, 65535, &record)
            if reading in (READ_PADDING, READ_BAD_ID, READ_LONG, READ_ODD):
                break
            if reading == READ_DEFINITION:
                found.append((
                    record.id, header.protocol, bool(record.is_options),
                    (<const char*> record.at)[:record.length], record.least_length,
                ))
            body.at += record.length
    return found


cdef class SetWalker(Walker):
    """A Walker that reads NetFlow v9 and IPFIX."""

    def __cinit__(self, *args, **kwargs):
        self.options = Account(0, 0)

    def __dealloc__(self):
        PyMem_RawFree(self.lessons)

    def _configure(self, limits, **rules):
        Walker._configure(self, limits, **rules)
        # Options records are for who asks; who never does should not lose flows for them.
        held = min(limits.column_octets, <size_t> MOST_OPTIONS_HELD)
        self.options = Account(held, min(limits.full_slabs, 4) << 20, limits.open_tables)
        self.most_records = min(limits.records_per_message, 2**62)
        self.most_values = min(limits.values_per_message, 2**62)
        self.most_replayed = min(max(limits.values_per_message, limits.pending_octets_per_exporter), 2**62)

    @property
    def _options_account(self):
        return self.options

    # ── what the subclass does ───────────────────────────────────────────────────────────────────────────────────

    def _make_program(self, octets, protocol, is_options):
        """(Plan, whether its records teach, unknown elements, fields of odd width) of a template; None without room."""
        raise NotImplementedError

    def _learn(self, identity, protocol, domain, lessons):
        """Take over what options records say: [(Template Record, octets of records)].

        Returns (whether anything changed, rates that make no sense, how many entries had no room).
        """
        raise NotImplementedError

    def _inform(self, identity, protocol, domain):
        """What is known of a domain, as knowledge.Known."""
        raise NotImplementedError

    # ── telling ──────────────────────────────────────────────────────────────────────────────────────────────────

    cdef void _tell(self, int kind, int64_t offset, int64_t a=0, int64_t b=0, int64_t c=0) noexcept nogil:
        """Note something about the message under way."""
        cdef About whom = about(self.walk.domain.exporter, self.walk.domain)
        note(&self.book, kind, &whom, offset, a, b, c)

    cdef Stop _refused(self, int kind, int64_t offset, int64_t a=0, int64_t b=0, int64_t c=0) noexcept nogil:
        """The message does not count, and this is all that there is to tell of it."""
        drop_notes(&self.book, self.walk.notes_before, self.walk.notes_left)
        self._tell(kind, offset, a, b, c)
        return <Stop> STOP_REFUSED

    cdef Stop _malformed(self, int kind, int64_t offset, int64_t a=0, int64_t b=0, int64_t c=0) noexcept nogil:
        """A length lies: the message is refused, or what is framed is kept, which the next kind of note tells."""
        if self.walk.discard:
            return self._refused(kind, offset, a, b, c)
        self.walk.whole = self.walk.counted = False
        self._tell(kind + 1, offset, a, b, c)
        return STOP_END

    # ── the header ───────────────────────────────────────────────────────────────────────────────────────────────

    cdef Stop _open_message(self, const Datagram* datagram, int version) noexcept nogil:
        """Read the Message Header, and walk the Sets."""
        cdef Walk* walk = &self.walk
        cdef const Header* header = header_of(version)
        cdef const uint8_t* octets = datagram.octets
        cdef DomainState* domain
        cdef Py_ssize_t length = datagram.length
        if header == NULL:
            return self._refuse(NOTE_VERSION, datagram.exporter, NULL, 0, version, 0)
        if length < header.length:
            return self._refuse(NOTE_SHORT, datagram.exporter, NULL, 0, header.length, length)
        # Bounds, from here on: the header is there.
        domain = find_domain(datagram.exporter, header.protocol, be32(octets + header.domain), self.kept, &self.book)
        if domain == NULL:
            return STOP_MEMORY
        memset(walk, 0, <uint8_t*> &walk.context - <uint8_t*> walk)
        walk.datagram = datagram[0]
        walk.domain = domain
        walk.before = domain[0]
        walk.notes_before = self.book.n
        walk.notes_left = self.book.left
        walk.discard = self.rules.strict or (
            self.rules.discard_ipfix if header.protocol == PROTOCOL_IPFIX else self.rules.discard
        )
        walk.whole = walk.counted = True
        walk.records_left = self.most_records
        walk.values_left = self.most_values
        self.n_lessons = 0
        see(domain, datagram.length, datagram.has_received, datagram.received_ns)
        if header.protocol == PROTOCOL_IPFIX:
            length = be16(octets + LENGTH_OFFSET)
        if length < header.length:
            return self._refused(NOTE_LENGTH_SHORT, LENGTH_OFFSET, length)
        if length > datagram.length:
            if self._malformed(NOTE_LENGTH_LONG_REFUSED, LENGTH_OFFSET, length, datagram.length) != STOP_END:
                return <Stop> STOP_REFUSED
            length = datagram.length
        elif length < datagram.length:
            self._tell(NOTE_BEHIND, length, datagram.length - length)
        if length == header.length:
            self._tell(NOTE_EMPTY_MESSAGE, length)
        walk.rest.at = octets + header.length
        walk.rest.end = octets + length
        self.ledger.context.protocol = header.protocol
        self.ledger.context.domain = domain.id
        self.ledger.context.uptime_ms = be32(octets + UPTIME_OFFSET) if header.protocol == PROTOCOL_NETFLOW9 else 0
        self.ledger.context.time_source = TIME_HEADER_UPTIME if header.protocol == PROTOCOL_NETFLOW9 else TIME_NONE
        self.ledger.context.export_ns = be32(octets + header.export_time) * <int64_t> SECOND_NS
        self.ledger.context.sequence = be32(octets + header.sequence)
        return self._go_on()

    cdef void _set_known(self) noexcept nogil:
        """Let the rows that follow have what options told of the domain."""
        cdef const DomainState* domain = self.walk.domain
        cdef int kind
        self.ledger.context.samplers = domain.samplers
        self.ledger.context.interfaces = domain.interfaces
        for kind in range(NAME_KINDS):
            self.ledger.context.names[kind] = domain.names[kind]
        if domain.has_init:
            self.ledger.context.time_source = TIME_OPTIONS_INIT
            self.ledger.context.init_ms = domain.init_ms
        self.ledger.run_version += 1

    cdef void _set_rate(self, uint32_t rate, uint8_t source) noexcept nogil:
        """Let the rows that follow have a sampling rate, 0 for none."""
        self.ledger.context.sampling_rate = rate
        self.ledger.context.sampling_source = source
        self.ledger.context.nulls &= ~(1 << CONTEXT_SAMPLING_RATE)
        self.ledger.context.nulls |= (rate == 0) << CONTEXT_SAMPLING_RATE
        self.ledger.run_version += 1

    # ── the Sets ─────────────────────────────────────────────────────────────────────────────────────────────────

    cdef Stop _go_on(self) noexcept nogil:
        """Walk what is left of the message, and what waited for its templates."""
        cdef Walk* walk = &self.walk
        cdef DomainState* domain = walk.domain
        cdef Stop stop
        if not walk.opened:
            if not domain.informed and domain.exporter.taught and not domain.exporter.evicted:
                return <Stop> STOP_INFORM
            walk.opened = True
            settle_rate(domain.exporter, domain, -1, 0, self.rules.default_rate, &self.book)
            self._set_rate(domain.sampling_rate, domain.sampling_source)
            self._set_known()
        # Progress: a Set further each turn, or a stop.
        while walk.phase == PHASE_SETS:
            if walk.template != NULL:
                stop = self._run_set()
            elif walk.rest.at < walk.rest.end:
                stop = self._next_set()
            else:
                stop = self._settle()
            if stop != STOP_END:
                return stop
        # Progress: a Set further each turn, or a stop.
        while walk.template != NULL or self._next_pending():
            stop = self._replay_set()
            if stop != STOP_END:
                return stop
        if self.n_lessons and not walk.learned:
            return <Stop> STOP_LEARN
        # From here on nothing can fail.
        if walk.with_options:
            commit_message(&self.options.ledger)
        commit_templates(&self.kept.templates, walk.datagram.has_received, walk.datagram.received_ns)
        commit_pending(&self.kept.pending)
        walk.domain = NULL
        self.room_made = False
        return STOP_END

    cdef Stop _next_set(self) noexcept nogil:
        """Frame the next Set and turn to what lies in it; there is an octet at least."""
        cdef Walk* walk = &self.walk
        cdef const Header* header = header_of(be16(walk.datagram.octets))
        cdef const uint8_t* at = walk.rest.at
        cdef Py_ssize_t there = left(&walk.rest)
        cdef Py_ssize_t length
        cdef uint16_t id
        cdef Span body
        cdef Stop stop
        walk.offset = at - walk.datagram.octets
        if there < SET_HEADER or be32(at) == 0:
            if is_zero(&walk.rest) or there < SET_HEADER:
                return self._end_of_sets()
        # Bounds: there >= SET_HEADER.
        id = be16(at)
        length = be16(at + 2)
        if length < SET_HEADER:
            walk.rest.at = walk.rest.end
            return self._malformed(NOTE_SET_SHORT_REFUSED, walk.offset, id, length)
        walk.cut = length > there
        if walk.cut:
            walk.rest.at = walk.rest.end
            stop = self._malformed(NOTE_SET_LONG_REFUSED, walk.offset, id, length, there)
            if stop != STOP_END or id < FIRST_TEMPLATE_ID or header.protocol == PROTOCOL_IPFIX:
                return stop
            length = there              # v9: the records that are there whole
        body.at = at + SET_HEADER
        body.end = at + length
        walk.rest.at = body.end
        if id < FIRST_TEMPLATE_ID and id != header.templates and id != header.options:
            walk.whole = False
            self._tell(NOTE_RESERVED_SET, walk.offset, id, length)
            return STOP_END
        if length == SET_HEADER and not walk.cut:
            if self.rules.strict:
                return self._refused(NOTE_EMPTY_SET, walk.offset, id, length)
            self._tell(NOTE_EMPTY_SET, walk.offset, id, length)
            return STOP_END
        if id < FIRST_TEMPLATE_ID:
            return self._read_templates(id, id == header.options, &body)
        walk.template = find_template(&walk.domain.templates, id)
        walk.body = body
        if self.rules.templates_only and (walk.template == NULL or not walk.template.record.is_options):
            walk.template = NULL
            walk.whole = walk.counted = False
            return STOP_END
        if walk.template == NULL and not walk.cut:
            return self._without_template(id, &body)
        return STOP_END

    cdef Stop _end_of_sets(self) noexcept nogil:
        """Zeros, or too few octets for a Set, are all that is left."""
        cdef Walk* walk = &self.walk
        cdef Py_ssize_t there = left(&walk.rest)
        cdef bint padding = is_zero(&walk.rest) and not (self.rules.strict and there < SET_HEADER)
        walk.rest.at = walk.rest.end
        if not padding:
            return self._malformed(NOTE_TAIL_REFUSED, walk.offset, there)
        self._tell(NOTE_ZERO_TAIL, walk.offset, there)
        return STOP_END

    cdef Stop _without_template(self, uint16_t id, const Span* body) noexcept nogil:
        """Let a Set wait for its template, if it may."""
        cdef Walk* walk = &self.walk
        cdef ExporterState* exporter = walk.domain.exporter
        cdef uint32_t length = <uint32_t> left(body) + SET_HEADER
        walk.whole = walk.counted = False
        if not self.rules.replay or exporter.evicted:
            self._tell(NOTE_DATA_DROPPED, walk.offset, id, length)
            return STOP_END
        self._tell(NOTE_DATA_PENDING, walk.offset, id, length)
        if stage_set(
            &self.kept.pending, &exporter.waiting, &self.ledger.context, self.ledger.message, id, body.at, length,
        ) < 0:
            return STOP_MEMORY
        return STOP_END

    # ── templates ────────────────────────────────────────────────────────────────────────────────────────────────

    cdef Stop _read_templates(self, uint16_t set_id, bint is_options, Span* body) noexcept nogil:
        """Read a Set of Template Records, or of Options Template Records.

        Where what is malformed is discarded, nothing of a Set counts that cannot be read to its end.
        """
        cdef Record record
        cdef Reading reading
        cdef Stop stop
        cdef int protocol = self.walk.domain.protocol
        cdef bint counts = not self.walk.discard or self.rules.strict or self._is_readable(set_id, is_options, body)
        # Progress: a record further each turn, of 4 octets at least.
        while body.at < body.end:
            if (left(body) < 4 or be32(body.at) == 0) and is_zero(body):
                return STOP_END         # padding
            reading = read_template(
                body.at, left(body), protocol, is_options, set_id, self.kept.templates.most_fields_of_one, &record,
            )
            if reading == READ_PADDING:
                self._tell(NOTE_PADDING, body.at - self.walk.datagram.octets, set_id, left(body))
                return STOP_END
            stop = STOP_END
            if reading != READ_DEFINITION and reading != READ_WITHDRAWAL:
                stop = self._rejected(set_id, &record, reading, left(body))
            elif counts and reading == READ_DEFINITION:
                stop = self._define(set_id, &record)
            elif counts:
                stop = self._withdraw(set_id, &record)
            if stop != STOP_END or reading in (READ_BAD_ID, READ_LONG, READ_ODD):
                return stop             # or where the record ends is not known
            body.at += record.length
        return STOP_END

    cdef bint _is_readable(self, uint16_t set_id, bint is_options, const Span* body) noexcept nogil:
        """Whether it is known of each Template Record of a Set where it ends."""
        cdef Record record
        cdef Reading reading
        cdef Span rest = body[0]
        # Progress: a record further each turn, of 4 octets at least.
        while rest.at < rest.end:
            if (left(&rest) < 4 or be32(rest.at) == 0) and is_zero(&rest):
                return True
            reading = read_template(
                rest.at, left(&rest), self.walk.domain.protocol, is_options, set_id,
                self.kept.templates.most_fields_of_one, &record,
            )
            if reading == READ_PADDING:
                return True
            if reading in (READ_BAD_ID, READ_LONG, READ_ODD):
                return False
            rest.at += record.length
        return True

    cdef Stop _rejected(self, uint16_t set_id, const Record* record, int reading, int64_t there) noexcept nogil:
        """A Template Record is no good; it costs a strict caller the message."""
        cdef int64_t offset = record.at - self.walk.datagram.octets
        cdef int kind
        cdef int64_t value = 0
        self.walk.whole = False
        if reading == READ_LARGE:
            self._tell(NOTE_TEMPLATE_FIELDS, offset, set_id, record.id, self.kept.templates.most_fields_of_one)
            return STOP_END
        if reading == READ_BAD_ID:
            kind = NOTE_TEMPLATE_ID
        elif reading == READ_LONG:
            kind, value = NOTE_TEMPLATE_LONG, there
        elif reading == READ_ODD:
            kind, value = NOTE_SCOPE_LENGTHS, record.n_fields
        elif reading == READ_SCOPES:
            kind, value = NOTE_SCOPE_COUNT, record.n_scopes
        elif reading == READ_EMPTY:
            kind = NOTE_TEMPLATE_EMPTY
        else:
            kind, value = NOTE_TEMPLATE_BIG, record.least_length
        if self.rules.strict:
            return self._refused(kind, offset, set_id, record.id, value)
        self._tell(kind, offset, set_id, record.id, value)
        return STOP_END

    cdef Stop _define(self, uint16_t set_id, const Record* record) noexcept nogil:
        cdef Walk* walk = &self.walk
        cdef int64_t offset = record.at - walk.datagram.octets
        cdef int defined = define_template(
            &self.kept.templates, &walk.domain.templates, record, <void*> walk.domain, self.ledger.message,
        )
        if defined < 0:
            return STOP_MEMORY
        walk.n_templates += 1
        if defined == 0:
            return STOP_END
        walk.defined = True
        walk.domain.informed = False    # of the rate of this template
        if defined == 3:
            return STOP_END
        self._tell(
            NOTE_TEMPLATE_DEFINED if defined == 1 else NOTE_TEMPLATE_CHANGED, offset, set_id, record.id,
            record.n_fields,
        )
        if record.is_options and record.n_scopes == 0:
            # RFC 7011 section 3.4.2.2 forbids it; exporters do it.
            if self.rules.strict:
                return self._refused(NOTE_NO_SCOPE, offset, set_id, record.id)
            self._tell(NOTE_NO_SCOPE, offset, set_id, record.id)
        return STOP_END

    cdef Stop _withdraw(self, uint16_t set_id, const Record* record) noexcept nogil:
        """Withdraw a template, or all of the kind of the Set (RFC 7011 section 8.1); not over UDP (section 8.4)."""
        cdef Walk* walk = &self.walk
        cdef Template* template
        cdef Template* older
        cdef int64_t offset = record.at - walk.datagram.octets
        cdef int64_t withdrawn = 0
        if not self.rules.withdraws:
            self._tell(NOTE_WITHDRAWAL_OVER_UDP, offset, set_id, record.id)
            return STOP_END
        template = find_template(&walk.domain.templates, record.id)
        if record.id == set_id:
            template = walk.domain.templates.newest
        # Progress: one template further each turn, or one in all.
        while template != NULL:
            older = template.domain_older if record.id == set_id else NULL
            if template.record.is_options == record.is_options:
                if withdraw_template(&self.kept.templates, template) < 0:
                    return STOP_MEMORY
                withdrawn += 1
            template = older
        if record.id == set_id:
            self._tell(NOTE_TEMPLATES_WITHDRAWN, offset, set_id, withdrawn)
        elif withdrawn:
            self._tell(NOTE_TEMPLATE_WITHDRAWN, offset, set_id, record.id)
        else:
            self._tell(NOTE_WITHDRAWAL_UNKNOWN, offset, set_id, record.id)
        return STOP_END

    # ── data ─────────────────────────────────────────────────────────────────────────────────────────────────────

    cdef Stop _run_set(self) noexcept nogil:
        """Decode the records of the Set under way."""
        cdef Walk* walk = &self.walk
        cdef Template* template = walk.template
        cdef uint16_t id = template.record.id
        cdef Ledger* ledger
        cdef Span body = walk.body
        cdef const uint8_t* rest
        cdef Py_ssize_t records, over, needed
        cdef int met = 0
        cdef Stop stop = STOP_END
        if template.program == NULL and not template.unusable:
            return <Stop> STOP_PROGRAM
        if use_template(&self.kept.templates, template) < 0:
            return STOP_MEMORY
        if template.described_in == 0:
            self._describe(template)
        if template.unusable:
            walk.template = NULL
            walk.whole = walk.counted = False
            self._tell(NOTE_UNUSABLE, walk.offset, id, left(&body) + SET_HEADER)
            return STOP_END
        over = self._limit_values(&body, template, &met)
        ledger = self._ledger_of(template)
        records = ledger.rows
        if over == 0 or left(&body):
            stop = run(template.program, &body, ledger)
        records = ledger.rows - records
        if stop == STOP_MEMORY:
            return stop
        if stop == STOP_LIMIT and template.record.is_options and not self.room_made:
            return <Stop> STOP_OPTIONS
        walk.template = NULL
        self._count(template, records)
        if template.teaches and records and self._note_lesson(template, walk.body.at, body.at - walk.body.at) < 0:
            return STOP_MEMORY
        if stop == STOP_LIMIT:
            walk.whole = walk.counted = False
            self._tell(NOTE_HELD, walk.offset, left(&body) // template.record.least_length)
            return STOP_END
        rest = body.at
        if over:
            # Judge what lies behind all whole records, decoded or not.
            frame_records(template, &rest, walk.body.end, over)
        if walk.body.end - rest >= template.record.least_length:
            if not walk.cut:
                is_whole(template, rest, walk.body.end, &needed)
                stop = self._malformed(
                    NOTE_RECORD_LONG_REFUSED, rest - walk.datagram.octets, id, needed, walk.body.end - rest,
                )
                if stop != STOP_END:
                    return stop
        elif not walk.cut:
            body.at = rest
            body.end = walk.body.end
            if not is_zero(&body):
                self._tell(NOTE_PADDING, rest - walk.datagram.octets, id, left(&body))
            if records + over == 0:
                self._tell(NOTE_EMPTY_SET, walk.offset, id, walk.body.end - walk.body.at + SET_HEADER)
        if over:
            walk.whole = walk.counted = False
            if met == NOTE_RECORDS and not walk.records_told:
                walk.records_told = True
                self._tell(met, walk.offset, id, over, self.most_records)
            elif met == NOTE_VALUES and not walk.values_told:
                walk.values_told = True
                self._tell(met, walk.offset, id, over, self.most_values)
        return STOP_END

    cdef void _describe(self, Template* template) noexcept nogil:
        """Tell what is odd about a template, when data come by it for the first time."""
        cdef uint16_t id = template.record.id
        template.described_in = self.ledger.message
        if template.n_unknown:
            self._tell(NOTE_ELEMENT_UNKNOWN, self.walk.offset, id, id, template.n_unknown)
        if template.n_odd:
            self._tell(NOTE_ELEMENT_WIDTH, self.walk.offset, id, id, template.n_odd)

    cdef Py_ssize_t _limit_values(self, Span* body, const Template* template, int* met) noexcept nogil:
        """End the span behind the records that the message may unfold to; return how many are beyond, by `met`."""
        cdef Walk* walk = &self.walk
        cdef int64_t by_values = walk.values_left // template.record.n_fields
        cdef int64_t by_records = by_values if walk.phase == PHASE_REPLAY else walk.records_left
        cdef int64_t most = min(by_records, by_values)
        cdef Py_ssize_t there = left(body) // template.record.least_length
        cdef const uint8_t* end = body.at
        cdef const uint8_t* rest
        if there <= most:
            return 0                    # at most, where records have variable length
        met[0] = NOTE_RECORDS if most == by_records else NOTE_VALUES
        if template.record.n_variable == 0:
            body.end = body.at + most * template.record.least_length
            return there - most
        frame_records(template, &end, body.end, most)
        rest = end
        there = frame_records(template, &rest, body.end, there)
        if there:
            body.end = end
        return there

    cdef Ledger* _ledger_of(self, const Template* template) noexcept nogil:
        """The ledger that the records of a template are written to, its context settled."""
        cdef Ledger* ledger = self.ledger
        cdef DomainState* domain = self.walk.domain
        if self.walk.phase == PHASE_SETS and domain.sampling_source != SAMPLING_OVERRIDE:
            if template.sampling_rate:
                self._set_rate(template.sampling_rate, SAMPLING_TEMPLATE)
            elif ledger.context.sampling_source == SAMPLING_TEMPLATE:
                self._set_rate(domain.sampling_rate, domain.sampling_source)
        if ledger.context.template_id != template.record.id:
            ledger.context.template_id = template.record.id
            ledger.run_version += 1
        if template.record.is_options:
            ledger = &self.options.ledger
            if not self.walk.with_options:
                self.walk.with_options = True
                begin_message(ledger, self.ledger.apart)
            ledger.context = self.ledger.context
            ledger.run_version += 1
        return ledger

    cdef void _count(self, const Template* template, Py_ssize_t records) noexcept nogil:
        """Count records of the message, or of one that waited."""
        cdef Walk* walk = &self.walk
        walk.values_left -= records * template.record.n_fields
        if template.record.is_options:
            walk.domain.options_records += records
        else:
            walk.domain.records += records
        if walk.phase == PHASE_SETS:
            walk.records_left -= records
            walk.n_records += <uint32_t> records
        elif not template.record.is_options:
            self.replayed += records

    cdef int _note_lesson(self, const Template* template, const uint8_t* at, Py_ssize_t length) noexcept nogil:
        """Keep in mind that these records teach; -1 without memory."""
        cdef size_t room = self.lessons_room
        cdef Lesson* lessons = self.lessons
        if self.n_lessons == room:
            room = 2 * room + 8
            lessons = <Lesson*> PyMem_RawRealloc(lessons, room * sizeof(Lesson))
            if lessons == NULL:
                return -1
            self.lessons = lessons
            self.lessons_room = room
        # Bounds: n_lessons < room.
        lessons[self.n_lessons] = Lesson(template, at, length)
        self.n_lessons += 1
        return 0

    # ── when all Sets are read ───────────────────────────────────────────────────────────────────────────────────

    cdef Stop _settle(self) noexcept nogil:
        """All was read, and the message is not malformed: count it, keep to the limits, and turn to what waited."""
        cdef Walk* walk = &self.walk
        cdef DomainState* domain = walk.domain
        cdef const uint8_t* octets = walk.datagram.octets
        cdef const Header* header = header_of(be16(octets))
        cdef uint32_t uptime_ms = 0
        cdef uint32_t records = walk.n_records + walk.n_templates
        cdef PendingSet* gone
        cdef PendingSet* first = NULL
        cdef About whom
        if self._evict() != STOP_END:
            return STOP_MEMORY
        if header.protocol == PROTOCOL_NETFLOW9:
            uptime_ms = be32(octets + UPTIME_OFFSET)
            if walk.whole and not domain.count_told and records != be16(octets + LENGTH_OFFSET):
                domain.count_told = True
                self._tell(NOTE_COUNT_DIFFERS, LENGTH_OFFSET, be16(octets + LENGTH_OFFSET), records)
        count_sequence(
            domain.exporter, domain, header.sequence, be32(octets + header.sequence),
            walk.n_records if walk.counted else -1, uptime_ms, &self.book,
        )
        make_room(&self.kept.pending, &domain.exporter.waiting, self.ledger.message)
        # What had to go for Sets that wait, in the order in which it went.
        gone = self.kept.pending.left_last
        # Progress: one Set further each turn.
        while gone != NULL:
            gone.of_template = first
            first = gone
            gone = gone.left_before
        # Progress: one Set further each turn.
        while first != NULL:
            whom = about(NULL, domain)
            whom.has_exporter = not first.context.nulls & 1 << CONTEXT_EXPORTER
            whom.exporter = first.context.exporter
            whom.protocol = first.context.protocol
            whom.domain = first.context.domain
            note(&self.book, NOTE_PENDING_FULL, &whom, -1, first.id, first.length)
            first = first.of_template
        walk.phase = PHASE_REPLAY
        walk.change = 0
        walk.context = self.ledger.context
        walk.values_left = self.most_replayed
        walk.values_told = False
        if walk.defined:
            self._sort_pending()
        return STOP_END

    cdef Stop _evict(self) noexcept nogil:
        """Let templates beyond what may be held be in force no longer, those used least recently first."""
        cdef TemplateAccount* account = &self.kept.templates
        cdef Templates* home = &self.walk.domain.templates
        cdef Stop stop
        if account.n_changes:
            settle_uses(account)
        if (
            home.n <= account.most_of_domain and account.n <= account.most
            and account.n_fields <= account.most_fields
        ):
            return STOP_END
        stop = self._evict_by(NOTE_EVICTED_OF_DOMAIN, &home.oldest, &home.n, account.most_of_domain)
        if stop == STOP_END:
            stop = self._evict_by(NOTE_EVICTED_TEMPLATE, &account.oldest, &account.n, account.most)
        if stop == STOP_END:
            stop = self._evict_by(NOTE_EVICTED_FOR_FIELDS, &account.oldest, &account.n_fields, account.most_fields)
        return stop

    cdef Stop _evict_by(self, int kind, Template** oldest, const size_t* held, size_t most) noexcept nogil:
        """Evict the oldest until `held` is within `most`; tell how many went, and the id of the first."""
        cdef TemplateAccount* account = &self.kept.templates
        cdef About whom = about(self.walk.domain.exporter, self.walk.domain)
        cdef int64_t first = 0, gone = 0
        # Progress: one template fewer each turn.
        while held[0] > most and (
            oldest[0].domain_newer if kind == NOTE_EVICTED_OF_DOMAIN else oldest[0].newer
        ) != NULL:
            if gone == 0:
                first = oldest[0].record.id
            gone += 1
            if withdraw_template(account, oldest[0]) < 0:
                return STOP_MEMORY
        if gone:
            note_beyond(&self.book, kind, &whom, -1, first, gone, most)
        return STOP_END

    # ── Sets that waited ─────────────────────────────────────────────────────────────────────────────────────────

    cdef void _sort_pending(self) noexcept nogil:
        """Line up the Sets that templates of this message set free, the oldest first, behind their templates."""
        cdef Walk* walk = &self.walk
        cdef PendingSet* one = walk.domain.exporter.waiting.oldest
        cdef Template* template
        # Progress: one Set further each turn.
        while one != NULL:
            if one.context.domain == walk.domain.id and one.context.protocol == walk.domain.protocol:
                template = find_template(&walk.domain.templates, one.id)
                if template != NULL and template.changed_in == self.ledger.message:
                    one.of_template = NULL
                    if template.waiting == NULL:
                        template.waiting = one
                    else:
                        template.waiting_last.of_template = one
                    template.waiting_last = one
            one = one.home_newer

    cdef bint _next_pending(self) noexcept nogil:
        """Turn to the next Set that a template of this message sets free; False where there is none."""
        cdef Walk* walk = &self.walk
        cdef TemplateAccount* account = &self.kept.templates
        cdef Template* template
        cdef PendingSet* one
        # Progress: one change or one Set further each turn.
        while walk.change < account.n_changes:
            # Bounds: just compared.
            template = account.changes[walk.change].after
            if (
                account.changes[walk.change].kind in (CHANGE_DEFINED, CHANGE_TOLD_AGAIN)
                and template.change == walk.change and template.changed_in == self.ledger.message
                and template.waiting != NULL
            ):
                one = template.waiting
                template.waiting = one.of_template
                let_leave(&self.kept.pending, one)
                if is_too_old(&self.kept.pending, one, &walk.context):
                    self._tell(NOTE_PENDING_OLD, -1, one.id, one.length)
                    continue
                walk.template = template
                walk.pending = one
                self.ledger.context = one.context
                self._set_known()
                walk.body.at = octets_of_set(one)
                walk.body.end = walk.body.at + one.length - SET_HEADER
                walk.offset = -1
                return True
            walk.change += 1
        self.ledger.context = walk.context
        self.ledger.run_version += 1
        return False

    cdef Stop _replay_set(self) noexcept nogil:
        """Decode the records of a Set that waited."""
        cdef Walk* walk = &self.walk
        cdef Template* template = walk.template
        cdef uint16_t id = template.record.id
        cdef Ledger* ledger
        cdef Span body = walk.body
        cdef const uint8_t* rest = body.at
        cdef Py_ssize_t records, over, needed
        cdef int met = 0
        cdef bint cut
        cdef Stop stop = STOP_END
        if template.program == NULL and not template.unusable:
            return <Stop> STOP_PROGRAM
        if template.unusable:
            walk.template = NULL
            self._tell(NOTE_UNUSABLE, -1, id, left(&body) + SET_HEADER)
            return STOP_END
        frame_records(template, &rest, body.end, left(&body))
        cut = body.end - rest >= template.record.least_length
        if cut and walk.discard:
            walk.template = NULL
            is_whole(template, rest, body.end, &needed)
            self._tell(NOTE_REPLAY_LONG, -1, id, needed, body.end - rest)
            return STOP_END
        over = self._limit_values(&body, template, &met)
        ledger = self._ledger_of(template)
        records = ledger.rows
        if over == 0 or left(&body):
            stop = run(template.program, &body, ledger)
        records = ledger.rows - records
        if stop == STOP_MEMORY:
            return stop
        if stop == STOP_LIMIT and template.record.is_options and not self.room_made:
            return <Stop> STOP_OPTIONS
        walk.template = NULL
        self._count(template, records)
        if template.teaches and records and self._note_lesson(template, walk.body.at, body.at - walk.body.at) < 0:
            return STOP_MEMORY
        if stop == STOP_LIMIT:
            self._tell(NOTE_HELD, -1, left(&body) // template.record.least_length)
        if cut:
            is_whole(template, rest, walk.body.end, &needed)
            self._tell(NOTE_REPLAY_LONG, -1, id, needed, walk.body.end - rest)
        if over and not walk.values_told:
            walk.values_told = True
            self._tell(NOTE_VALUES, -1, id, over, self.most_values)
        self._tell(NOTE_REPLAYED, -1, id, records)
        return STOP_END

    # ── when it does not count ───────────────────────────────────────────────────────────────────────────────────

    cdef void _undo_message(self, Stop stop) noexcept nogil:
        cdef Walk* walk = &self.walk
        cdef DomainState* domain = walk.domain
        if domain == NULL:
            return
        walk.domain = NULL
        walk.n_templates = 0
        if walk.with_options:
            walk.with_options = False
            roll_back_message(&self.options.ledger)
        roll_back_templates(&self.kept.templates, self.ledger.message)
        roll_back_pending(&self.kept.pending, self.ledger.message)
        put_back(domain, &walk.before)
        self.room_made |= stop == <Stop> STOP_OPTIONS   # the message comes again, and not for more room
        if stop == <Stop> STOP_REFUSED:
            see(domain, walk.datagram.length, walk.datagram.has_received, walk.datagram.received_ns)
            domain.discarded += 1
            domain.sequence_known &= domain.by_message

    # ── stops within a message ───────────────────────────────────────────────────────────────────────────────────

    cdef int _act_within(self, Stop stop) except -1:
        cdef Lesson* lesson
        cdef DomainState* domain = self.walk.domain
        cdef Exporter exporter = <Exporter> domain.exporter.owner
        cdef size_t i
        if stop == <Stop> STOP_PROGRAM:
            return self._set_program(self.walk.template)
        if stop == <Stop> STOP_INFORM:
            return self._set_informed(exporter, domain)
        if stop != <Stop> STOP_LEARN:
            return Walker._act_within(self, stop)
        lessons = []
        for i in range(self.n_lessons):
            # Bounds: i < n_lessons.
            lesson = &self.lessons[i]
            record = PyBytes_FromStringAndSize(<const char*> lesson.template.record.at, lesson.template.record.length)
            lessons.append((record, PyBytes_FromStringAndSize(<const char*> lesson.at, lesson.length)))
        changed, unlikely, unlearnt = self._learn(exporter.identity, domain.protocol, domain.id, lessons)
        for rate in unlikely:
            self._tell(NOTE_RATE_UNLIKELY, -1, min(rate, 2**63 - 1))
        if unlearnt:
            self._tell(NOTE_UNLEARNT, -1, unlearnt)
        if changed or not exporter.state.taught:
            exporter.state.taught = True
            domain = exporter.state.domains
            # Progress: one domain further each turn.
            while domain != NULL:
                domain.informed = False
                domain = domain.next
        self.walk.learned = True
        return 0

    cdef int _set_informed(self, Exporter exporter, DomainState* domain) except -1:
        """Let a domain know what options told of it and of all of its exporter."""
        cdef Rates rates
        cdef Names named
        cdef Template* template = domain.templates.newest
        cdef int kind
        cdef uint32_t told_rate
        cdef int64_t since_ms
        known = self._inform(exporter.identity, domain.protocol, domain.id)
        rate, of_templates, samplers, interfaces, names, init_ms = known
        told_rate = rate
        since_ms = init_ms or 0
        # Progress: one template further each turn.
        while template != NULL:
            template.sampling_rate = of_templates.get(template.record.id, 0) if of_templates else 0
            template = template.domain_older
        # What it pointed at is alive until nothing does: from where `informed` changes on, nothing can fail.
        self._forget_informed(exporter)
        before = exporter.informed.get((domain.protocol, domain.id))
        exporter.informed[domain.protocol, domain.id] = known, before
        domain.told_rate = told_rate
        domain.samplers = domain.interfaces = NULL
        if samplers is not None:
            rates = samplers
            domain.samplers = &rates.table
        if interfaces is not None:
            rates = interfaces
            domain.interfaces = &rates.table
        for kind in range(NAME_KINDS):
            domain.names[kind] = NULL
            if names[kind] is not None:
                named = names[kind]
                domain.names[kind] = &named.table
        domain.has_init = init_ms is not None
        domain.init_ms = since_ms
        domain.informed = True
        # As it was before this message, too, should that not count.
        self.walk.before.told_rate = domain.told_rate
        self.walk.before.samplers = domain.samplers
        self.walk.before.interfaces = domain.interfaces
        self.walk.before.names = domain.names
        self.walk.before.has_init = domain.has_init
        self.walk.before.init_ms = domain.init_ms
        self.walk.before.informed = True
        exporter.informed[domain.protocol, domain.id] = known
        return 0

    cdef int _forget_informed(self, Exporter exporter) except -1:
        """Let go of what domains were informed of that are no longer there."""
        cdef const DomainState* domain = exporter.state.domains
        if exporter.informed is None:
            exporter.informed = {}
        if len(exporter.informed) <= 2 * self.kept.most_domains:
            return 0
        there = {}
        # Progress: one domain further each turn.
        while domain != NULL:
            key = domain.protocol, domain.id
            if key in exporter.informed:
                there[key] = exporter.informed[key]
            domain = domain.next
        exporter.informed = there
        return 0

    cdef int _set_program(self, Template* template) except -1:
        """Give a template its program."""
        cdef Record* record = &template.record
        cdef Plan plan
        octets = PyBytes_FromStringAndSize(<const char*> record.at, record.length)
        made = self._make_program(octets, record.protocol, record.is_options)
        if made is None:
            template.unusable = True
            return 0
        plan, template.teaches, template.n_unknown, template.n_odd = made
        Py_INCREF(plan)
        template.plan = <void*> plan
        template.program = &plan.program
        return 0
