# cython: boundscheck=False, wraparound=False, cdivision=True
"""The walk over Messages, from the first octet to the columns: the hot loop.

A Walker finds the exporter and its observation domain, checks what the Message Header promises
against the octets that are there, keeps the sequence, and runs the plan of the records over all of
them at once. It holds no Python object while it does so and may run without the GIL; it stops when
it needs something that only Python has (a plan, an exporter), and is resumed. What is worth telling
is noted and becomes events later.

Doors for octets in every form are `_feed.Feeder`'s; `decoder.Decoder`, the subclass that users see,
makes the plans, the events and the batches.

A message counts or it does not: rows are marked where it begins, and every stop but STOP_END takes
them back, other than those within a message, after which it goes on where it stopped.

NetFlow v1, v5 and v7 (Cisco, NetFlow Services Solutions Guide) are one reader over a table of
formats. The subclass `_sets.SetWalker` reads NetFlow v9 and IPFIX (`_underway` names its rooms), its subclass
`_sflowwalk.SflowWalker` sFlow.
"""

from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from flowparse._columns cimport begin_message, commit_message, roll_back_message
from flowparse._exporters cimport about, count_sequence, find_domain, put_back, remember, see, settle_rate
from flowparse._layout cimport (
    ADDRESS_OCTETS, CONTEXT_EXPORTER, CONTEXT_EXPORTER_PORT, CONTEXT_RECEIVED, CONTEXT_SAMPLING_RATE, CONTEXT_SEQUENCE,
    CONTEXT_TEMPLATE_ID,
)
from flowparse._notes cimport (
    About, NOTE_COUNT_CUT, NOTE_COUNT_LARGE, NOTE_COUNT_REFUSED, NOTE_HELD, NOTE_NOT_ALLOWED, NOTE_SHORT,
    NOTE_TRAILING, NOTE_VERSION, NOTES_OF_MESSAGE, close_notebook, nearly_full, note, open_notebook, take_notes,
)
from flowparse._part cimport TIME_HEADER_UPTIME, TIME_NONE
from flowparse._plan cimport Plan, STOP_END, STOP_LIMIT, STOP_MEMORY, run
from flowparse._templates cimport bury
from flowparse._wire cimport PROTOCOL_NETFLOW1, PROTOCOL_NETFLOW5, PROTOCOL_NETFLOW7, Span, be16, be32, left

from flowparse.limits import Limits

cdef enum:
    NETFLOW5_USUAL = 30             # records of a v5 datagram, at most (Cisco)
    STRICT_NOTES = 8                # a strict refusal needs its note, whatever may be reported

cdef Format[3] FORMATS = [
    Format(PROTOCOL_NETFLOW1, 16, 48, -1, -1, -1),
    Format(PROTOCOL_NETFLOW5, 24, 48, 16, 20, 22),
    Format(PROTOCOL_NETFLOW7, 24, 52, 16, -1, -1),
]
cdef int64_t SECOND_NS = 1000000000


cdef const Format* format_of(const uint8_t* octets, Py_ssize_t length) noexcept nogil:
    """The fixed format that a datagram claims to be in, or NULL."""
    cdef uint16_t version = be16(octets) if length >= 2 else 0
    if version == 5:
        return &FORMATS[1]
    if version == 1:
        return &FORMATS[0]
    if version == 7:
        return &FORMATS[2]
    return NULL


cdef class Walker:
    """A decoder without doors; see `decoder.Decoder` for what its parameters mean."""

    def __cinit__(self, *args, **kwargs):
        open_notebook(&self.book)
        # A subclass that forgets `_configure` has no room for rows, and nothing to crash on.
        self.account = Account(0, 0)
        self.ledger = &self.account.ledger
        self._keep(Limits(exporters=1, exporter_aliases=1))

    def __dealloc__(self):
        close_notebook(&self.book)

    def _keep(self, limits):
        self.keep = Keep(limits)
        self.kept = &self.keep.kept
        self.exporters = Exporters(self.keep, limits.exporters, limits.exporter_aliases)

    def _configure(self, limits, *, malformed, strict, replay, transport, default_rate):
        """Take the caller's decisions over; once, before anything is fed."""
        self.account = Account(limits.column_octets, min(limits.full_slabs, 2**20) << 20, limits.open_tables)
        self.ledger = &self.account.ledger
        self._keep(limits)
        self.book.most = min(limits.events_per_message, <int> NOTES_OF_MESSAGE)
        if strict:
            self.book.most = max(self.book.most, <uint32_t> STRICT_NOTES)
        memset(self.programs, 0, sizeof(self.programs))     # of an earlier account
        self.rules.discard = malformed == "discard"
        self.rules.discard_ipfix = malformed != "salvage"
        self.rules.strict = strict
        self.rules.replay = replay
        self.rules.withdraws = transport != "udp"
        self.rules.default_rate = default_rate
        self.rules.most_values = min(limits.values_per_message, 2**31)

    def _set_plan(self, int protocol, Plan plan):
        """Let records of a fixed format run through `plan`, which the caller keeps alive."""
        if not 0 <= protocol < PROTOCOLS:
            raise ValueError(f"no fixed format {protocol}")
        self.programs[protocol] = &plan.program

    @property
    def rows_waiting(self):
        """Rows that the next take hands over."""
        return self.ledger.waiting

    @property
    def _account(self):
        return self.account

    def _knows(self, identity):
        return identity in self.exporters

    def _counted(self):
        return self.exporters.counted()

    def _templates(self):
        return self.exporters.templates()

    def _check_idle(self):
        if self.busy:
            raise RuntimeError("this decoder is decoding; ask it when it has returned")

    # ── what the subclass does ───────────────────────────────────────────────────────────────────────────────────

    def _identify(self, exporter):
        """(identity: bytes, address: 16 octets or None, port or None, rate or 0), or None when it is not allowed."""
        raise NotImplementedError

    def _make_plan(self, protocol):
        """Make the plan of a fixed format and hand it to `_set_plan`."""
        raise NotImplementedError

    def _report(self, notes):
        """Take notes over, as tuples."""
        raise NotImplementedError

    def _refusal(self, reason):
        """The exception that a strict decoder raises for a note."""
        raise NotImplementedError

    def _make_room_for_options(self):
        """Drop options records that nobody took."""
        raise NotImplementedError

    cdef Alias _resolve(self, object spelled):
        """The exporter that the caller means; None when it is not allowed."""
        cdef Alias alias
        try:
            alias = self.exporters.known(spelled)
        except TypeError:
            raise ValueError(f"an exporter is an address or (host, port), not {spelled!r:.80}") from None
        if alias is not None:
            return alias
        identified = self._identify(spelled)
        if identified is None:
            return None
        self.book.left = self.book.most
        return self.exporters.add(spelled, identified, &self.book)

    # ── one message ──────────────────────────────────────────────────────────────────────────────────────────────

    cdef Stop _refuse(
        self, int kind, ExporterState* exporter, DomainState* domain, int64_t offset, int64_t a, int64_t b,
    ) noexcept nogil:
        """Nothing of the message counts; say why."""
        cdef About whom = about(exporter, domain)
        if domain == NULL:
            exporter.refused += 1
        else:
            domain.discarded += 1
        note(&self.book, kind, &whom, offset, a, b)
        return <Stop> STOP_REFUSED

    cdef Stop _walk_fixed(self, const Format* format, const Datagram* datagram) noexcept nogil:
        """Decode a message of a fixed format: a header that counts its records, and the records.

        The count decides a length and is read once. More records than octets: those that are there are
        kept, or none (`malformed="discard"`, strict). Fewer: the octets behind the last are told.
        """
        cdef const uint8_t* octets = datagram.octets
        cdef ExporterState* exporter = datagram.exporter
        cdef DomainState* domain
        cdef DomainState before
        cdef About whom
        cdef Span body
        cdef Stop stop
        cdef Py_ssize_t count, there, trailing
        cdef uint32_t domain_id
        if datagram.length < format.header_length:
            return self._refuse(NOTE_SHORT, exporter, NULL, 0, format.header_length, datagram.length)
        # Bounds: the header is there, and every offset of a format lies within its header.
        count = be16(octets + 2)
        there = (datagram.length - format.header_length) // format.record_length
        trailing = datagram.length - format.header_length - count * format.record_length
        domain_id = be16(octets + format.engine) if format.engine >= 0 else 0
        domain = find_domain(exporter, format.protocol, domain_id, self.kept, &self.book)
        if domain == NULL:
            return STOP_MEMORY
        remember(&before, domain)
        see(domain, datagram.length, datagram.has_received, datagram.received_ns)
        whom = about(exporter, domain)
        if count > there and (self.rules.discard or self.rules.strict):
            return self._refuse(NOTE_COUNT_REFUSED, exporter, domain, 2, count, there)
        if count > NETFLOW5_USUAL and format.protocol == PROTOCOL_NETFLOW5 and self.rules.strict:
            return self._refuse(NOTE_COUNT_LARGE, exporter, domain, 2, count, 0)
        if count > there:
            note(&self.book, NOTE_COUNT_CUT, &whom, 2, count, there)
        elif trailing > 0:
            note(&self.book, NOTE_TRAILING, &whom, datagram.length - trailing, trailing)
        if count > NETFLOW5_USUAL and format.protocol == PROTOCOL_NETFLOW5:
            note(&self.book, NOTE_COUNT_LARGE, &whom, 2, count)
        self._set_context(format, octets, exporter, domain, <uint32_t> count)
        body.at = octets + format.header_length
        body.end = body.at + min(count, there) * format.record_length
        stop = run(self.programs[format.protocol], &body, self.ledger)
        if stop == STOP_MEMORY:
            put_back(domain, &before)   # as if the message had not come
            return stop
        domain.records += self.ledger.rows
        if stop == STOP_LIMIT:
            note(&self.book, NOTE_HELD, &whom, body.at - octets, left(&body) // format.record_length)
        return STOP_END

    cdef void _set_context(
        self, const Format* format, const uint8_t* octets, ExporterState* exporter, DomainState* domain, uint32_t count,
    ) noexcept nogil:
        """Settle what the header says about all records: times, sequence, sampling."""
        cdef uint16_t sampling = be16(octets + format.sampling) if format.sampling >= 0 else 0
        # Bounds: as in _walk_fixed.
        self.ledger.context.protocol = format.protocol
        self.ledger.context.domain = domain.id
        self.ledger.context.nulls |= 1 << CONTEXT_TEMPLATE_ID
        self.ledger.context.uptime_ms = be32(octets + 4)
        self.ledger.context.time_source = TIME_HEADER_UPTIME
        self.ledger.context.export_ns = be32(octets + 8) * SECOND_NS + be32(octets + 12)
        if format.sequence >= 0:
            self.ledger.context.sequence = be32(octets + format.sequence)
            count_sequence(
                exporter, domain, format.sequence, self.ledger.context.sequence, count, self.ledger.context.uptime_ms,
                &self.book,
            )
        else:
            self.ledger.context.nulls |= 1 << CONTEXT_SEQUENCE
        settle_rate(exporter, domain, format.sampling, sampling, self.rules.default_rate, &self.book)
        self.ledger.context.sampling_rate = domain.sampling_rate
        self.ledger.context.sampling_source = domain.sampling_source
        if domain.sampling_rate == 0:
            self.ledger.context.nulls |= 1 << CONTEXT_SAMPLING_RATE

    cdef Stop _open_message(self, const Datagram* datagram, int version) noexcept nogil:
        """Decode a message of another version, from its header on."""
        return self._refuse(NOTE_VERSION, datagram.exporter, NULL, 0, version, 0)

    cdef Stop _go_on(self) noexcept nogil:
        """Decode the rest of the message that is under way."""
        return STOP_END

    cdef void _undo_message(self, Stop stop) noexcept nogil:
        """The message that is under way does not count; take back what a subclass changed."""

    cdef Stop _begin(self, const Datagram* datagram, bint apart) noexcept nogil:
        """Decode a datagram from its start; its rows are neither committed nor rolled back."""
        cdef const Format* format = format_of(datagram.octets, datagram.length)
        cdef ExporterState* exporter = datagram.exporter
        cdef About whom
        if format != NULL and self.programs[format.protocol] == NULL:
            self.wanted = format.protocol
            return <Stop> STOP_PLAN
        begin_message(self.ledger, apart)
        self.replayed = 0
        self.book.left = self.book.most
        if exporter == NULL:
            whom = about(NULL, NULL)
            note(&self.book, NOTE_NOT_ALLOWED, &whom, -1)
            return STOP_END
        self.exporters.use(exporter)
        memcpy(self.ledger.context.exporter, exporter.address, ADDRESS_OCTETS)
        self.ledger.context.exporter_port = datagram.port
        self.ledger.context.time_source = TIME_NONE
        self.ledger.context.samplers = self.ledger.context.interfaces = NULL
        memset(self.ledger.context.names, 0, sizeof(self.ledger.context.names))
        self.ledger.context.received_ns = datagram.received_ns
        self.ledger.context.nulls = (
            (not exporter.known) << CONTEXT_EXPORTER
            | (not datagram.has_port) << CONTEXT_EXPORTER_PORT
            | (not datagram.has_received) << CONTEXT_RECEIVED
        )
        if format != NULL:
            return self._walk_fixed(format, datagram)
        if datagram.length < 2:
            return self._refuse(NOTE_SHORT, exporter, NULL, 0, 2, datagram.length)
        return self._open_message(datagram, be16(datagram.octets))

    cdef Stop _walk(self, const Datagram* datagram, bint apart) noexcept nogil:
        """Decode one datagram, or go on with it.

        On STOP_PROGRAM and STOP_LEARN it is under way; on any other stop but STOP_END it is as if it
        had not come, statistics aside.
        """
        cdef Stop stop
        if self.under_way:
            stop = self._go_on()
        else:
            self.notes_before = self.book.n
            stop = self._begin(datagram, apart)
        self.under_way = stop >= <Stop> STOP_PROGRAM
        if self.under_way or stop == <Stop> STOP_PLAN:
            return stop
        if stop == STOP_END:
            commit_message(self.ledger)
            return STOP_END
        self._undo_message(stop)
        roll_back_message(self.ledger)
        if stop == STOP_MEMORY or stop == <Stop> STOP_OPTIONS:
            self.book.n = self.notes_before
        return STOP_END if stop == <Stop> STOP_REFUSED and not self.rules.strict else stop

    cdef Stop _walk_block(self, const Datagram* block, Py_ssize_t n, Py_ssize_t* at, Py_ssize_t* rows) noexcept nogil:
        """Decode block[at[0]:n]; on a stop, `at` is the datagram to come back with."""
        cdef Stop stop
        # Progress: one datagram further each turn, or a stop.
        while at[0] < n:
            if not self.under_way and nearly_full(&self.book):
                return <Stop> STOP_NOTES
            # Bounds: at < n.
            stop = self._walk(&block[at[0]], False)
            if stop != STOP_END:
                return stop
            rows[0] += self.ledger.rows
            at[0] += 1
        return STOP_END

    cdef int _act(self, Stop stop) except -1:
        """Do what a stop asks for, or raise; afterwards the walk is resumed."""
        if stop == <Stop> STOP_PLAN:
            self._make_plan(self.wanted)
            return 0
        if self.under_way:
            try:
                return self._act_within(stop)
            except BaseException:
                # The message cannot go on, and does not count.
                self.under_way = False
                self._undo_message(STOP_MEMORY)
                roll_back_message(self.ledger)
                self.book.n = self.notes_before
                raise
        if stop == STOP_MEMORY:
            raise MemoryError()
        if stop == <Stop> STOP_OPTIONS:
            self._make_room_for_options()
            return 0
        notes = take_notes(&self.book)
        bury(&self.kept.templates)
        if stop == <Stop> STOP_REFUSED:
            reason = notes.pop()
            self._report(notes)
            raise self._refusal(reason)
        self._report(notes)
        return 0

    cdef int _act_within(self, Stop stop) except -1:
        """Do what a stop within a message asks for."""
        raise SystemError(f"no such stop: {<int> stop}")
