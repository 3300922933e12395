# cython: boundscheck=False, wraparound=False, cdivision=True
"""The walk over Messages, from the first octet to the columns: the hot loop.

A Walker finds the exporter and its observation domain, checks what the Message Header promises
against the octets that are there, keeps the sequence, and runs the plan of the records over all of
them at once. It holds no Python object while it does so and may run without the GIL; it stops when
it needs something that only Python has (a plan), and is resumed. What is worth telling is noted in a
small array and becomes events later.

`decoder.Decoder` is the subclass that users see: it makes the plans, the events and the batches.

NetFlow v1, v5 and v7 (Cisco, NetFlow Services Solutions Guide) are one reader over a table of
formats. Not read here: sFlow, and the templates of NetFlow v9 and IPFIX.
"""

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItemWithError
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree, PyMem_RawMalloc
from cpython.object cimport PyObject
from libc.stdint cimport INT64_MAX, INT64_MIN, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from flowparse._capture cimport CAPTURE_DATAGRAM, Capture, Reader, next_datagram
from flowparse._columns cimport (
    ADDRESS_OCTETS, Account, Ledger,
    CONTEXT_EXPORTER, CONTEXT_EXPORTER_PORT, CONTEXT_RECEIVED, CONTEXT_SAMPLING_RATE, CONTEXT_SEQUENCE,
    CONTEXT_TEMPLATE_ID, begin_message, commit_message, roll_back_message,
)
from flowparse._plan cimport Plan, Program, STOP_END, STOP_LIMIT, STOP_MEMORY, Stop, run_fixed
from flowparse._udp cimport Datagram as Packet
from flowparse._wire cimport Span, be16, be32, left

cdef enum:
    RECENT = 256                    # sources of a capture remembered without Python
    NOTES = 512                     # room for notes between two visits to Python
    NOTES_OF_MESSAGE = 64           # the most that one message can be allowed
    MOST_HEADER = 24                # octets
    BLOCK = 256                     # datagrams gathered before the GIL is released
    WORTH_RELEASING = 16            # fewer are decoded with it
    NETFLOW5_USUAL = 30             # records of a v5 datagram, at most (Cisco)
    LATE_FLOWS = 65536              # a sequence number this far behind is late; further, it was set anew
    RESTART_MS = 10000              # uptime that falls by more, out of sequence, says that the exporter restarted

cdef enum Protocol:             # as FLOW's `type` numbers them
    PROTOCOL_UNKNOWN = 0
    PROTOCOL_NETFLOW5 = 2
    PROTOCOL_NETFLOW1 = 6
    PROTOCOL_NETFLOW7 = 7
    PROTOCOLS = 8

cdef enum NoteKind:             # events.NOTES says of each what a person reads
    NOTE_SHORT = 0              # octets needed, octets there
    NOTE_VERSION = 1            # version
    NOTE_COUNT_REFUSED = 2      # count, records there
    NOTE_COUNT_CUT = 3          # count, records there
    NOTE_COUNT_LARGE = 4        # count
    NOTE_TRAILING = 5           # octets
    NOTE_GAP = 6                # expected, received, missed
    NOTE_RESET = 7              # expected, received
    NOTE_RESTART = 8            # uptime before, uptime now
    NOTE_SAMPLING = 9           # rate before, rate now
    NOTE_HELD = 10              # records
    NOTE_EXPORTER_EVICTED = 11  # limit
    NOTE_DOMAIN_EVICTED = 12    # limit, domain
    NOTE_NOT_ALLOWED = 13
    NOTE_NOTES = 14             # how many more
    NOTE_KINDS = 15

cdef struct Note:               # something to report; becomes an Event when the GIL is there
    uint8_t kind
    uint8_t protocol
    bint has_domain
    bint has_exporter
    uint8_t exporter[ADDRESS_OCTETS]
    uint32_t domain
    int64_t offset              # from the Message Header; -1: none
    int64_t values[3]

cdef struct DomainState:        # an observation domain of an exporter, in one protocol
    uint8_t protocol
    uint32_t id
    DomainState* next           # most recently used first
    bint sequence_known
    uint32_t expected           # the next sequence number
    uint32_t uptime_ms          # of the last message in sequence
    bint sampling_known
    uint32_t sampling_rate      # 0: not known
    uint8_t sampling_source
    uint64_t datagrams
    uint64_t octets
    uint64_t records
    uint64_t missed
    uint64_t reordered
    uint64_t resets
    uint64_t discarded
    int64_t first_seen_ns
    int64_t last_seen_ns
    bint seen                   # whether the two times are known

cdef struct ExporterState:
    bint known                  # False: the caller does not say who it is
    uint8_t address[ADDRESS_OCTETS]
    uint16_t port               # part of the identity with key="address+port"
    uint32_t override_rate      # the caller's sampling rate for it; 0: none
    uint64_t refused            # datagrams of no protocol
    DomainState* domains
    uint32_t n_domains
    void* owner                 # the Exporter that holds it, borrowed
    ExporterState* older
    ExporterState* newer

cdef struct Format:             # a fixed export format: NetFlow v1, v5, v7
    uint8_t protocol
    uint16_t header_length
    uint16_t record_length
    int16_t sequence            # offsets in the header; -1: not there
    int16_t engine
    int16_t sampling

cdef struct Rules:              # what the caller decided, for all datagrams
    bint discard                # whether a malformed message is discarded whole
    bint strict
    uint32_t default_rate       # 0: none
    uint32_t most_domains
    uint32_t most_notes         # of one message

cdef struct Datagram:
    const uint8_t* octets
    Py_ssize_t length
    ExporterState* exporter     # NULL: not allowed
    bint has_port
    uint16_t port
    bint has_received
    int64_t received_ns

cdef enum:                          # more reasons to stop than a plan has
    STOP_PLAN = 16                  # the protocol has no plan yet
    STOP_REFUSED = 17               # strict: the last note says why; nothing of the message counts
    STOP_NOTES = 18                 # Python should take the notes
    STOP_EXPORTER = 19              # a source that was not seen lately
    STOP_ROWS = 20                  # as many as were asked for

cdef enum SamplingSource:           # flow.tsv's enumeration
    SAMPLING_NONE = 0
    SAMPLING_OVERRIDE = 1
    SAMPLING_HEADER = 7
    SAMPLING_HEADER_MODE0 = 8
    SAMPLING_DEFAULT = 9

cdef Format[3] FORMATS = [
    Format(PROTOCOL_NETFLOW1, 16, 52, -1, -1, -1),
    Format(PROTOCOL_NETFLOW5, 24, 48, 16, 20, 22),
    Format(PROTOCOL_NETFLOW7, 24, 52, 16, -1, -1),
]
cdef extern from "Python.h":
    Py_ssize_t PY_SSIZE_T_MAX

cdef int64_t BILLION = 1000000000


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


cdef struct Recent:                 # a source of a capture, and who it is
    uint8_t address[ADDRESS_OCTETS]
    uint16_t port
    ExporterState* exporter         # NULL: empty, or not allowed


cdef class Exporter:
    """An Exporting Process as the caller names it, with the observation domains that it was seen to have."""
    cdef ExporterState state
    cdef bint evicted
    cdef bytes key

    def __dealloc__(self):
        cdef DomainState* domain
        # Progress: one domain fewer each turn.
        while self.state.domains != NULL:
            domain = self.state.domains
            self.state.domains = domain.next
            PyMem_RawFree(domain)


cdef class Alias:
    """What a caller passed as an exporter, resolved."""
    cdef Exporter exporter
    cdef bint has_port
    cdef uint16_t port


cdef class Walker:
    """The compiled half of a Decoder; see there for what its methods mean."""
    cdef Account account
    cdef Ledger* ledger
    cdef Rules rules
    cdef Program* programs[PROTOCOLS]
    cdef Note* notes
    cdef Py_ssize_t n_notes
    cdef uint32_t notes_left            # of this message
    cdef int64_t notes_dropped
    cdef dict exporters                 # identity -> Exporter
    cdef dict aliases                   # what callers passed -> Alias
    cdef Py_ssize_t most_exporters
    cdef Py_ssize_t most_aliases
    cdef ExporterState* newest
    cdef ExporterState* oldest
    cdef Recent recent[RECENT]          # by a hash of address and port
    cdef bint busy

    def __cinit__(self, *args, **kwargs):
        self.notes = <Note*> PyMem_RawMalloc(NOTES * sizeof(Note))
        if self.notes == NULL:
            raise MemoryError()
        self.exporters = {}
        self.aliases = {}

    def __dealloc__(self):
        PyMem_RawFree(self.notes)

    def _configure(self, limits, *, discard, strict, default_rate):
        """Take the caller's decisions over; once, before anything is fed."""
        self.account = Account(limits.column_octets, min(limits.full_slabs, 2**20))
        self.ledger = &self.account.ledger
        self.rules.discard = discard
        self.rules.strict = strict
        self.rules.default_rate = default_rate or 0
        self.rules.most_domains = min(limits.domains_per_exporter, 2**31)
        self.rules.most_notes = min(limits.events_per_message, NOTES_OF_MESSAGE)
        self.most_exporters = limits.exporters
        self.most_aliases = limits.exporter_aliases

    def _set_plan(self, protocol, Plan plan):
        """Let records of a fixed format run through `plan`, which the caller keeps alive."""
        self.programs[<int> protocol] = &plan.program

    @property
    def rows_waiting(self):
        """Rows that the next take hands over."""
        return self.ledger.waiting

    @property
    def _account(self):
        return self.account

    def _knows(self, identity):
        return identity in self.exporters

    def _check_idle(self):
        if self.busy:
            raise RuntimeError("this decoder is decoding; take when it has returned")

    # ── what a subclass does ─────────────────────────────────────────────────────────────────────────────────────

    def _identify(self, exporter):
        """(identity: bytes, address: 16 octets or None, port or None, rate or 0), or None when it is not allowed."""
        raise NotImplementedError

    def _make_plan(self, protocol):
        """Make the plan of a fixed format and hand it to `_set_plan`."""
        raise NotImplementedError

    def _report(self, notes):
        """Take notes over, as tuples."""
        raise NotImplementedError

    def _refusal(self, note):
        """The exception that a strict decoder raises for a note."""
        raise NotImplementedError

    # ── notes ────────────────────────────────────────────────────────────────────────────────────────────────────

    cdef void _note(
        self, int kind, const ExporterState* exporter, const DomainState* domain, int64_t offset,
        int64_t a=0, int64_t b=0, int64_t c=0,
    ) noexcept nogil:
        """Keep something to report; the last of what one message may report says how much there was more."""
        cdef Note* note
        if self.notes_left <= 1 and kind != NOTE_NOTES:
            if self.notes_left == 0:
                self.notes_dropped += 1
                return
            self.notes_left = 0
            self.notes_dropped = 1
            self._note(NOTE_NOTES, exporter, domain, -1)
            return
        if self.n_notes == NOTES:
            return          # cannot be: the block stops while a message's notes still fit
        note = &self.notes[self.n_notes]
        self.n_notes += 1
        if kind != NOTE_NOTES:
            self.notes_left -= 1
        memset(note, 0, sizeof(Note))
        note.kind = kind
        note.offset = offset
        note.values[0] = a
        note.values[1] = b
        note.values[2] = c
        if exporter != NULL and exporter.known:
            note.has_exporter = True
            memcpy(note.exporter, exporter.address, ADDRESS_OCTETS)
        if domain != NULL:
            note.has_domain = True
            note.protocol = domain.protocol
            note.domain = domain.id

    cdef list _take_notes(self):
        cdef list taken = []
        cdef Note* note
        cdef Py_ssize_t i
        # Bounds: i < n_notes <= NOTES.
        for i in range(self.n_notes):
            note = &self.notes[i]
            taken.append((
                note.kind,
                note.exporter[:ADDRESS_OCTETS] if note.has_exporter else None,
                note.domain if note.has_domain else None,
                note.offset if note.offset >= 0 else None,
                (note.values[0], note.values[1], note.values[2]),
                note.protocol,
            ))
        self.n_notes = 0
        return taken

    # ── exporters ────────────────────────────────────────────────────────────────────────────────────────────────

    cdef void _unlink(self, ExporterState* state) noexcept nogil:
        if state.newer != NULL:
            state.newer.older = state.older
        elif self.newest == state:
            self.newest = state.older
        if state.older != NULL:
            state.older.newer = state.newer
        elif self.oldest == state:
            self.oldest = state.newer
        state.newer = state.older = NULL

    cdef void _use(self, ExporterState* state) noexcept nogil:
        """Make it the most recently used."""
        if self.newest == state:
            return
        self._unlink(state)
        state.older = self.newest
        if self.newest != NULL:
            self.newest.newer = state
        self.newest = state
        if self.oldest == NULL:
            self.oldest = state

    cdef int _evict_exporter(self) except -1:
        """Forget the exporter that was not heard of for longest."""
        cdef Exporter exporter = <Exporter> self.oldest.owner
        self._unlink(&exporter.state)
        exporter.evicted = True
        memset(self.recent, 0, sizeof(self.recent))
        del self.exporters[exporter.key]
        self._note(NOTE_EXPORTER_EVICTED, &exporter.state, NULL, -1, self.most_exporters)
        return 0

    cdef Alias _resolve(self, object spelled):
        """The exporter that the caller means; None when it is not allowed."""
        cdef PyObject* found = PyDict_GetItemWithError(self.aliases, spelled)
        cdef Alias alias
        cdef Exporter exporter
        if found != NULL:
            alias = <Alias> found
            if not alias.exporter.evicted:
                return alias
        identified = self._identify(spelled)
        if identified is None:
            return None
        key, address, port, rate = identified
        exporter = self.exporters.get(key)
        if exporter is None:
            self.notes_left = self.rules.most_notes
            # Progress: one exporter fewer each turn.
            while len(self.exporters) >= max(1, self.most_exporters):
                self._evict_exporter()
            exporter = Exporter.__new__(Exporter)
            exporter.key = key
            exporter.state.owner = <void*> exporter
            exporter.state.known = address is not None
            if address is not None:
                memcpy(exporter.state.address, PyBytes_AS_STRING(address), ADDRESS_OCTETS)
            exporter.state.port = port or 0
            exporter.state.override_rate = rate
            self.exporters[key] = exporter
            self._use(&exporter.state)
        alias = Alias.__new__(Alias)
        alias.exporter = exporter
        alias.has_port = port is not None
        alias.port = port or 0
        if len(self.aliases) >= self.most_aliases:
            self.aliases.clear()        # only a cache of spellings
        self.aliases[spelled] = alias
        return alias

    cdef DomainState* _domain(self, ExporterState* exporter, int protocol, uint32_t id) noexcept nogil:
        """Find or make the exporter's domain and put it first; NULL without memory."""
        cdef DomainState** link = &exporter.domains
        cdef DomainState* domain
        # Progress: one domain further each turn.
        while link[0] != NULL and not (link[0].id == id and link[0].protocol == protocol):
            if link[0].next == NULL and exporter.n_domains >= self.rules.most_domains:
                break                   # the least recently used one makes room
            link = &link[0].next
        domain = link[0]
        if domain != NULL and domain.id == id and domain.protocol == protocol:
            link[0] = domain.next
        else:
            if domain != NULL:
                self._note(NOTE_DOMAIN_EVICTED, exporter, domain, -1, self.rules.most_domains)
                link[0] = NULL
                exporter.n_domains -= 1
                memset(domain, 0, sizeof(DomainState))
            else:
                domain = <DomainState*> PyMem_RawCalloc(1, sizeof(DomainState))
                if domain == NULL:
                    return NULL
            domain.protocol = protocol
            domain.id = id
            exporter.n_domains += 1
        domain.next = exporter.domains
        exporter.domains = domain
        return domain

    # ── one message ──────────────────────────────────────────────────────────────────────────────────────────────

    cdef void _count_sequence(
        self, ExporterState* exporter, DomainState* domain, int64_t offset, uint32_t got, uint32_t count,
        uint32_t uptime_ms,
    ) noexcept nogil:
        """Compare the sequence number with the one expected; a message of `count` flows takes as many numbers."""
        cdef int32_t ahead = <int32_t> (got - domain.expected)
        if domain.sequence_known and ahead != 0:
            if domain.uptime_ms > uptime_ms and domain.uptime_ms - uptime_ms > RESTART_MS:
                domain.resets += 1
                self._note(NOTE_RESTART, exporter, domain, 4, domain.uptime_ms, uptime_ms)
            elif ahead > 0:
                domain.missed += ahead
                self._note(NOTE_GAP, exporter, domain, offset, domain.expected, got, ahead)
            elif ahead >= -LATE_FLOWS:
                # Late or twice: what was missed for its sake was not.
                domain.reordered += 1
                domain.missed -= min(domain.missed, count)
                return
            else:
                domain.resets += 1
                self._note(NOTE_RESET, exporter, domain, offset, domain.expected, got)
        domain.sequence_known = True
        domain.expected = got + count
        domain.uptime_ms = uptime_ms

    cdef void _find_rate(self, ExporterState* exporter, DomainState* domain, int64_t offset, uint16_t word) noexcept nogil:
        """Settle the sampling rate and its source: the caller's override, the header, the caller's default.

        Two bits of mode and 14 of interval; many exporters set the interval and leave the mode 0.
        """
        cdef uint32_t rate = word & 0x3FFF
        cdef uint8_t source = SAMPLING_NONE
        if exporter.override_rate:
            rate = exporter.override_rate
            source = SAMPLING_OVERRIDE
        elif rate:
            source = SAMPLING_HEADER if word >> 14 else SAMPLING_HEADER_MODE0
        elif self.rules.default_rate:
            rate = self.rules.default_rate
            source = SAMPLING_DEFAULT
        if domain.sampling_known and rate != domain.sampling_rate:
            self._note(NOTE_SAMPLING, exporter, domain, offset, domain.sampling_rate, rate)
        domain.sampling_known = True
        domain.sampling_rate = rate
        domain.sampling_source = source

    cdef void _see(self, DomainState* domain, const Datagram* datagram) noexcept nogil:
        domain.datagrams += 1
        domain.octets += datagram.length
        if datagram.has_received:
            domain.first_seen_ns = min(domain.first_seen_ns, datagram.received_ns) if domain.seen else datagram.received_ns
            domain.last_seen_ns = max(domain.last_seen_ns, datagram.received_ns) if domain.seen else datagram.received_ns
            domain.seen = True

    cdef Stop _walk_fixed(self, const Format* format, const Datagram* datagram) noexcept nogil:
        """Decode a message of a fixed format: a header that counts its records, and the records.

        The count decides a length and is read once. More records than octets: those that are there are
        kept, or none (`malformed="discard"`, strict). Fewer: the octets behind the last are told.
        """
        cdef const uint8_t* octets = datagram.octets
        cdef ExporterState* exporter = datagram.exporter
        cdef DomainState* domain
        cdef DomainState before
        cdef Span body
        cdef Stop stop
        cdef Py_ssize_t count, there
        cdef uint32_t domain_id, uptime_ms
        if datagram.length < format.header_length:
            exporter.refused += 1
            self._note(NOTE_SHORT, exporter, NULL, 0, format.header_length, datagram.length)
            return <Stop> STOP_REFUSED
        # Bounds: the header is there, and every offset of a format lies within its header.
        count = be16(octets + 2)
        uptime_ms = be32(octets + 4)
        there = (datagram.length - format.header_length) // format.record_length
        domain_id = be16(octets + format.engine) if format.engine >= 0 else 0
        domain = self._domain(exporter, format.protocol, domain_id)
        if domain == NULL:
            return STOP_MEMORY
        before = domain[0]
        self._see(domain, datagram)
        if count > there and (self.rules.discard or self.rules.strict):
            domain.discarded += 1
            self._note(NOTE_COUNT_REFUSED, exporter, domain, 2, count, there)
            return <Stop> STOP_REFUSED
        if count > there:
            self._note(NOTE_COUNT_CUT, exporter, domain, 2, count, there)
        elif format.header_length + count * format.record_length < datagram.length:
            self._note(
                NOTE_TRAILING, exporter, domain, format.header_length + count * format.record_length,
                datagram.length - format.header_length - count * format.record_length,
            )
        if count > NETFLOW5_USUAL and format.protocol == PROTOCOL_NETFLOW5:
            self._note(NOTE_COUNT_LARGE, exporter, domain, 2, count)
            if self.rules.strict:
                domain.discarded += 1
                return <Stop> STOP_REFUSED
        if format.sequence >= 0:
            self._count_sequence(
                exporter, domain, format.sequence, be32(octets + format.sequence), <uint32_t> count, uptime_ms,
            )
        self._find_rate(exporter, domain, format.sampling, be16(octets + format.sampling) if format.sampling >= 0 else 0)

        self.ledger.context.nulls |= 1 << CONTEXT_TEMPLATE_ID
        self.ledger.context.protocol = format.protocol
        self.ledger.context.domain = domain_id
        self.ledger.context.uptime_ms = uptime_ms
        self.ledger.context.export_ns = <int64_t> be32(octets + 8) * BILLION + be32(octets + 12)
        self.ledger.context.sampling_rate = domain.sampling_rate
        self.ledger.context.sampling_source = domain.sampling_source
        if domain.sampling_rate == 0:
            self.ledger.context.nulls |= 1 << CONTEXT_SAMPLING_RATE
        if format.sequence >= 0:
            self.ledger.context.sequence = be32(octets + format.sequence)
        else:
            self.ledger.context.nulls |= 1 << CONTEXT_SEQUENCE

        body.at = octets + format.header_length
        body.end = body.at + min(count, there) * format.record_length
        stop = run_fixed(self.programs[format.protocol], &body, self.ledger)
        if stop == STOP_MEMORY:
            domain[0] = before          # as if the message had not come
            return stop
        domain.records += self.ledger.rows
        if stop == STOP_LIMIT:
            self._note(NOTE_HELD, exporter, domain, body.at - octets, left(&body) // format.record_length)
            return STOP_END
        return stop

    cdef Stop _walk(self, const Datagram* datagram, bint apart) noexcept nogil:
        """Decode one datagram; on any stop but STOP_END none of its rows count."""
        cdef const Format* format = format_of(datagram.octets, datagram.length)
        cdef ExporterState* exporter = datagram.exporter
        cdef Stop stop
        cdef Py_ssize_t notes_before = self.n_notes
        if format != NULL and self.programs[format.protocol] == NULL:
            return <Stop> STOP_PLAN
        begin_message(self.ledger, apart)
        self.notes_left = self.rules.most_notes
        if exporter == NULL:
            self._note(NOTE_NOT_ALLOWED, NULL, NULL, -1)
            return STOP_END
        self._use(exporter)
        self.ledger.context.nulls = 0
        memcpy(self.ledger.context.exporter, exporter.address, ADDRESS_OCTETS)
        if not exporter.known:
            self.ledger.context.nulls |= 1 << CONTEXT_EXPORTER
        self.ledger.context.exporter_port = datagram.port
        if not datagram.has_port:
            self.ledger.context.nulls |= 1 << CONTEXT_EXPORTER_PORT
        self.ledger.context.received_ns = datagram.received_ns
        if not datagram.has_received:
            self.ledger.context.nulls |= 1 << CONTEXT_RECEIVED
        if format != NULL:
            stop = self._walk_fixed(format, datagram)
        else:
            exporter.refused += 1
            if datagram.length < 2:
                self._note(NOTE_SHORT, exporter, NULL, 0, 2, datagram.length)
            else:
                self._note(NOTE_VERSION, exporter, NULL, 0, be16(datagram.octets))
            stop = <Stop> STOP_REFUSED
        if stop == STOP_END:
            commit_message(self.ledger)
        else:
            roll_back_message(self.ledger)
            if stop == STOP_MEMORY:
                self.n_notes = notes_before
            if stop == <Stop> STOP_REFUSED and not self.rules.strict:
                stop = STOP_END
        return stop

    cdef Stop _walk_block(self, const Datagram* block, Py_ssize_t n, Py_ssize_t* at, Py_ssize_t* rows) noexcept nogil:
        """Decode block[at[0]:n]; on a stop, `at` is the datagram it stopped at, or the next one for STOP_NOTES."""
        cdef Stop stop
        # Progress: one datagram further each turn.
        while at[0] < n:
            if self.n_notes > NOTES - NOTES_OF_MESSAGE - 1:
                return <Stop> STOP_NOTES
            # Bounds: at < n.
            stop = self._walk(&block[at[0]], False)
            if stop != STOP_END:
                return stop
            rows[0] += self.ledger.rows
            at[0] += 1
        return STOP_END

    cdef int _act(self, Stop stop, const Datagram* datagram) except -1:
        """Do what a stop asks for, or raise; afterwards the walk is resumed."""
        cdef const Format* format
        if stop == <Stop> STOP_PLAN:
            format = format_of(datagram.octets, datagram.length)
            self._make_plan(format.protocol)
            return 0
        if stop == STOP_MEMORY:
            raise MemoryError()
        notes = self._take_notes()
        if stop == <Stop> STOP_REFUSED:
            note = notes.pop()
            self._report(notes)
            raise self._refusal(note)
        self._report(notes)
        return 0

    # ── doors ────────────────────────────────────────────────────────────────────────────────────────────────────

    cdef int _enter(self) except -1:
        if self.busy:
            raise RuntimeError("this decoder is decoding already; use one decoder per thread")
        self.busy = True
        return 0

    cdef int _leave(self) except -1:
        """End of a door that decoded: what was noted becomes events."""
        self.busy = False
        if self.n_notes:
            self._report(self._take_notes())
        return 0

    cdef int _run_block(self, Datagram* block, Py_ssize_t n, Py_ssize_t first, bint release, Py_ssize_t* rows) except -1:
        """Decode a block; an exception carries the index of its datagram, and earlier ones stay decoded."""
        cdef Py_ssize_t at = 0
        cdef Stop stop
        # Progress: each stop is acted on and the walk goes further, or an exception is raised.
        while True:
            if release:
                with nogil:
                    stop = self._walk_block(block, n, &at, rows)
            else:
                stop = self._walk_block(block, n, &at, rows)
            if stop == STOP_END:
                return 0
            try:
                self._act(stop, &block[at])
            except Exception as error:
                error.index = first + at
                raise

    def feed(self, datagram, exporter, received_ns=None):
        """Decode one datagram; return the number of flow rows that it added. See `Decoder`."""
        cdef Datagram one
        cdef Py_buffer view
        cdef Stop stop
        cdef bint held = hold(datagram, &one, &view)
        try:
            set_received(&one, received_ns)
            self._enter()
            try:
                set_exporter(&one, self._resolve(exporter))
                # Progress: each stop is acted on, or raised.
                while True:
                    stop = self._walk(&one, False)
                    if stop == STOP_END:
                        break
                    self._act(stop, &one)
            finally:
                self._leave()
            return self.ledger.rows
        finally:
            if held:
                PyBuffer_Release(&view)

    def _feed_apart(self, datagram, exporter, received_ns):
        """Decode one datagram whose rows and notes leave by themselves; return (header, exporter, notes, tables)."""
        cdef Datagram one
        cdef Py_buffer view
        cdef Stop stop
        cdef bint held = hold(datagram, &one, &view)
        try:
            set_received(&one, received_ns)
            self._enter()
            try:
                set_exporter(&one, self._resolve(exporter))
                # Progress: each stop is acted on, or raised.
                while True:
                    stop = self._walk(&one, True)
                    if stop == STOP_END:
                        break
                    self._act(stop, &one)
            except:
                self._leave()
                raise
            self.busy = False
            return (
                PyBytes_FromStringAndSize(<const char*> one.octets, min(one.length, MOST_HEADER)),
                one.exporter.address[:ADDRESS_OCTETS] if one.exporter != NULL and one.exporter.known else None,
                self._take_notes(),
                self.account.take_apart(),
            )
        finally:
            if held:
                PyBuffer_Release(&view)

    def feed_many(self, datagrams, exporters, received_ns=None):
        """Decode many datagrams; return the number of flow rows that they added. See `Decoder`."""
        cdef Datagram[BLOCK] block
        cdef Alias alias = None
        cdef Datagram* one
        cdef Py_ssize_t i, n, first = 0, rows = 0
        cdef bint each_exporter = not is_one_exporter(exporters)
        cdef bint each_time = received_ns is not None and not isinstance(received_ns, int)
        cdef list octets, keep
        if not isinstance(datagrams, (list, tuple)):
            if isinstance(datagrams, (bytes, bytearray, memoryview, str)):
                raise TypeError("feed_many takes a sequence of datagrams; feed takes one")
            datagrams = list(datagrams)
        n = len(datagrams)
        if each_exporter and len(exporters) != n:
            raise ValueError(f"{len(exporters)} exporters for {n} datagrams")
        if each_time and len(received_ns) != n:
            raise ValueError(f"{len(received_ns)} times for {n} datagrams")
        self._enter()
        try:
            if not each_exporter:
                alias = self._resolve(exporters)
            # Progress: a block further each turn.
            while first < n:
                octets = list(datagrams[first:first + BLOCK])
                keep = []
                for i in range(len(octets)):
                    # Bounds: i < BLOCK.
                    one = &block[i]
                    try:
                        item = octets[i]
                        if not PyBytes_CheckExact(item):
                            item = octets[i] = copied(item)
                        one.octets = <const uint8_t*> PyBytes_AS_STRING(item)
                        one.length = PyBytes_GET_SIZE(item)
                        if each_exporter:
                            alias = self._resolve(exporters[first + i])
                            keep.append(alias)
                        set_exporter(one, alias)
                        set_received(one, received_ns[first + i] if each_time else received_ns)
                    except Exception as error:
                        error.index = first + i
                        self._run_block(block, i, first, False, &rows)
                        raise
                self._run_block(block, len(octets), first, len(octets) >= WORTH_RELEASING, &rows)
                first += len(octets)
        finally:
            self._leave()
        return rows

    def feed_at(self, buffer, offsets, lengths, exporters, received_ns=None):
        """Decode datagrams that lie in one buffer; return the number of flow rows added. See `Decoder`."""
        cdef Datagram[BLOCK] block
        cdef Datagram* one
        cdef Alias alias = None
        cdef Py_buffer octets, starts, sizes, times
        cdef Py_ssize_t i, n, of_block, first = 0, rows = 0, views = 0
        cdef int64_t start
        cdef int32_t size
        cdef bint each_exporter = not is_one_exporter(exporters)
        cdef bint each_time = received_ns is not None and not isinstance(received_ns, int)
        cdef list keep
        self._enter()
        try:
            PyObject_GetBuffer(buffer, &octets, PyBUF_SIMPLE)
            views = 1
            get_integers(offsets, &starts, 8, "offsets")
            views = 2
            get_integers(lengths, &sizes, 4, "lengths")
            views = 3
            if each_time:
                get_integers(received_ns, &times, 8, "received_ns")
                views = 4
            n = starts.len // 8
            if sizes.len // 4 != n or (each_time and times.len // 8 != n) or (each_exporter and len(exporters) != n):
                raise ValueError("offsets, lengths, exporters and times differ in number")
            if not each_exporter:
                alias = self._resolve(exporters)
            # Progress: a block further each turn.
            while first < n:
                of_block = min(BLOCK, n - first)
                keep = []
                for i in range(of_block):
                    # Bounds: i < BLOCK, first + i < n.
                    one = &block[i]
                    start = (<const int64_t*> starts.buf)[first + i]
                    size = (<const int32_t*> sizes.buf)[first + i]
                    try:
                        if not (size >= 0 and 0 <= start <= octets.len and octets.len - start >= size):
                            raise ValueError(f"datagram {first + i}: octets {start} to {start + size} of {octets.len}")
                        one.octets = <const uint8_t*> octets.buf + start
                        one.length = size
                        if each_exporter:
                            alias = self._resolve(exporters[first + i])
                            keep.append(alias)
                        set_exporter(one, alias)
                        if each_time:
                            one.has_received = True
                            one.received_ns = (<const int64_t*> times.buf)[first + i]
                        else:
                            set_received(one, received_ns)
                    except Exception as error:
                        error.index = first + i
                        self._run_block(block, i, first, False, &rows)
                        raise
                # A buffer that can be written is decoded under the GIL, so that nobody does meanwhile.
                self._run_block(block, of_block, first, octets.readonly and of_block >= WORTH_RELEASING, &rows)
                first += of_block
        finally:
            if views >= 1:
                PyBuffer_Release(&octets)
            if views >= 2:
                PyBuffer_Release(&starts)
            if views >= 3:
                PyBuffer_Release(&sizes)
            if views >= 4:
                PyBuffer_Release(&times)
            self._leave()
        return rows

    cdef Recent* _recent_of(self, const Packet* packet) noexcept nogil:
        """The place of a packet's source, whoever is there."""
        cdef uint32_t hash = be32(packet.source + 12) ^ be32(packet.source + 4) ^ packet.source_port
        # Bounds: the result is less than RECENT, which is 256.
        return &self.recent[(hash * <uint32_t> 2654435761) >> 24]

    cdef Stop _walk_capture(self, Capture* capture, Packet* packet, Py_ssize_t most, Py_ssize_t* rows) noexcept nogil:
        """Decode a capture's datagrams; on a stop, `packet` is the one to come back with, or without payload done."""
        cdef Datagram one
        cdef Recent* recent
        cdef Stop stop
        # Progress: one packet further each turn, or a stop.
        while True:
            if packet.payload == NULL:
                if rows[0] >= most:
                    return <Stop> STOP_ROWS
                if self.n_notes > NOTES - NOTES_OF_MESSAGE - 1:
                    return <Stop> STOP_NOTES
                if next_datagram(capture, packet) != CAPTURE_DATAGRAM:
                    packet.payload = NULL
                    return STOP_END
            recent = self._recent_of(packet)
            if (
                recent.exporter == NULL or recent.port != packet.source_port
                or memcmp(recent.address, packet.source, ADDRESS_OCTETS) != 0
            ):
                return <Stop> STOP_EXPORTER
            one.octets = packet.payload
            one.length = packet.length
            one.exporter = recent.exporter
            one.has_port = True
            one.port = packet.source_port
            one.has_received = packet.time_ns != 0
            one.received_ns = packet.time_ns
            stop = self._walk(&one, False)
            if stop != STOP_END:
                return stop
            rows[0] += self.ledger.rows
            packet.payload = NULL

    def _feed_reader(self, Reader reader, Py_ssize_t most=PY_SSIZE_T_MAX):
        """Decode a capture until its end or `most` rows; return (rows, whether it ended)."""
        cdef Packet packet
        cdef Datagram one
        cdef Recent* recent
        cdef Alias alias
        cdef Py_ssize_t rows = 0
        cdef Stop stop
        packet.payload = NULL
        self._enter()
        try:
            # Progress: each stop is acted on, or raised.
            while True:
                if reader.view.readonly:
                    with nogil:
                        stop = self._walk_capture(&reader.state, &packet, most, &rows)
                else:
                    # Who can write the octets is kept out by the GIL.
                    stop = self._walk_capture(&reader.state, &packet, most, &rows)
                if stop == STOP_END:
                    return rows, True
                if stop == <Stop> STOP_ROWS:
                    return rows, False
                if stop == <Stop> STOP_EXPORTER:
                    alias = self._resolve((packet.source[:ADDRESS_OCTETS], packet.source_port))
                    if alias is None:
                        set_exporter(&one, None)
                        one.octets = packet.payload
                        one.length = packet.length
                        self._walk(&one, False)
                        packet.payload = NULL
                    else:
                        recent = self._recent_of(&packet)
                        memcpy(recent.address, packet.source, ADDRESS_OCTETS)
                        recent.port = packet.source_port
                        recent.exporter = &alias.exporter.state
                    continue
                one.octets = packet.payload
                one.length = packet.length
                self._act(stop, &one)
        finally:
            self._leave()

    def _domains(self):
        """What is counted, as tuples in the order of `session.DOMAIN_FIELDS`; datagrams of no protocol have none."""
        cdef Exporter exporter
        cdef DomainState* domain
        rows = []
        for exporter in self.exporters.values():
            address = exporter.state.address[:ADDRESS_OCTETS] if exporter.state.known else None
            if exporter.state.refused:
                rows.append((address, 0, None, 0, 0, 0, 0, 0, 0, exporter.state.refused, 0, 0, None, None))
            domain = exporter.state.domains
            # Progress: one domain further each turn.
            while domain != NULL:
                rows.append((
                    address, domain.protocol, domain.id, domain.datagrams, domain.octets, domain.records,
                    domain.missed, domain.reordered, domain.resets, domain.discarded,
                    domain.sampling_rate, domain.sampling_source,
                    domain.first_seen_ns if domain.seen else None, domain.last_seen_ns if domain.seen else None,
                ))
                domain = domain.next
        return rows


# ── arguments ────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef bint is_one_exporter(object exporters):
    """A tuple is one exporter, (host, port) as recvfrom gives it; several come as any other sequence."""
    return isinstance(exporters, (str, bytes, tuple)) or not hasattr(exporters, "__len__")


cdef bytes copied(object octets):
    cdef Py_buffer view
    get_octets(octets, &view)
    try:
        return PyBytes_FromStringAndSize(<const char*> view.buf, view.len)
    finally:
        PyBuffer_Release(&view)


cdef int get_octets(object octets, Py_buffer* view) except -1:
    try:
        PyObject_GetBuffer(octets, view, PyBUF_SIMPLE)
    except BufferError as error:
        raise TypeError(f"a datagram is contiguous octets: {error}") from None
    if view.itemsize != 1:
        PyBuffer_Release(view)
        raise TypeError(f"a datagram is octets, not items of {view.itemsize}")
    return 0


cdef int get_integers(object integers, Py_buffer* view, int width, str name) except -1:
    PyObject_GetBuffer(integers, view, PyBUF_FORMAT | PyBUF_ND)
    if view.itemsize != width or view.format == NULL or view.format[0] not in b"qli" or view.ndim != 1:
        PyBuffer_Release(view)
        raise TypeError(f"{name} is a buffer of int{8 * width}")
    return 0


cdef bint hold(object datagram, Datagram* one, Py_buffer* view) except -1:
    """Point `one` at the datagram's octets; True if the caller has a buffer to release."""
    if PyBytes_CheckExact(datagram):
        one.octets = <const uint8_t*> PyBytes_AS_STRING(datagram)
        one.length = PyBytes_GET_SIZE(datagram)
        return False
    get_octets(datagram, view)
    one.octets = <const uint8_t*> view.buf
    one.length = view.len
    return True


cdef int set_exporter(Datagram* one, Alias alias) except -1:
    if alias is None:
        one.exporter = NULL
        one.has_port = False
        one.port = 0
    else:
        one.exporter = &alias.exporter.state
        one.has_port = alias.has_port
        one.port = alias.port
    return 0


cdef int set_received(Datagram* one, object received_ns) except -1:
    if received_ns is None:
        one.has_received = False
        one.received_ns = 0
        return 0
    if not isinstance(received_ns, int):
        raise TypeError(f"received_ns is an int, nanoseconds since 1970 UTC, not {type(received_ns).__name__}")
    if not INT64_MIN <= received_ns <= INT64_MAX:
        raise ValueError("received_ns does not fit 64 bits")
    one.has_received = True
    one.received_ns = received_ns
    return 0
