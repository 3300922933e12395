# cython: boundscheck=False, wraparound=False, cdivision=True
"""The walk over Messages, from the first octet to the columns: the hot loop.

A Walker finds the exporter and its observation domain, checks what the Message Header promises
against the octets that are there, keeps the sequence, and runs the plan of the records over all of
them at once. It holds no Python object while it does so and may run without the GIL; it stops when
it needs something that only Python has (a plan, an exporter), and is resumed. What is worth telling
is noted and becomes events later.

`decoder.Decoder` is the subclass that users see: it makes the plans, the events and the batches.

NetFlow v1, v5 and v7 (Cisco, NetFlow Services Solutions Guide) are one reader over a table of
formats. Not read here: sFlow, and the templates of NetFlow v9 and IPFIX.
"""

from libc.stdint cimport INT64_MAX, INT64_MIN, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp, memcpy, memset
from cpython.buffer cimport PyBuffer_Release
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

from flowparse._capture cimport CAPTURE_DATAGRAM, Capture, Reader, next_datagram
from flowparse._columns cimport Account, Ledger, begin_message, commit_message, roll_back_message
from flowparse._exporters cimport (
    Alias, DomainState, ExporterState, Exporters, about, count_sequence, find_domain, see, settle_rate,
)
from flowparse._layout cimport (
    ADDRESS_OCTETS, CONTEXT_EXPORTER, CONTEXT_EXPORTER_PORT, CONTEXT_RECEIVED, CONTEXT_SAMPLING_RATE, CONTEXT_SEQUENCE,
    CONTEXT_TEMPLATE_ID,
)
from flowparse._notes cimport (
    About, NOTE_COUNT_CUT, NOTE_COUNT_LARGE, NOTE_COUNT_REFUSED, NOTE_HELD, NOTE_NOT_ALLOWED, NOTE_SHORT,
    NOTE_TRAILING, NOTE_VERSION, NOTES_OF_MESSAGE, Notebook, close_notebook, nearly_full, note, open_notebook,
    take_notes,
)
from flowparse._octets cimport Octets, copy_octets, hold_integers, hold_octets, let_go
from flowparse._plan cimport Plan, Program, STOP_END, STOP_LIMIT, STOP_MEMORY, Stop, run
from flowparse._udp cimport Datagram as Packet
from flowparse._wire cimport Span, be16, be32, left

cdef extern from "Python.h":
    Py_ssize_t PY_SSIZE_T_MAX

cdef enum:
    MOST_HEADER = 24                # octets of a Message Header that Message keeps
    BLOCK = 256                     # datagrams gathered before the GIL is released
    WORTH_RELEASING = 16            # fewer are decoded with it
    RECENT = 256                    # sources of a capture remembered without Python
    NETFLOW5_USUAL = 30             # records of a v5 datagram, at most (Cisco)
    STRICT_NOTES = 8                # a strict refusal needs its note, whatever may be reported

cdef enum Protocol:                 # as FLOW's `type` numbers them
    PROTOCOL_NETFLOW5 = 2
    PROTOCOL_NETFLOW1 = 6
    PROTOCOL_NETFLOW7 = 7
    PROTOCOLS = 8

cdef enum:                          # more reasons to stop than a plan has
    STOP_PLAN = 16                  # the protocol has no plan yet
    STOP_REFUSED = 17               # strict: the last note says why; nothing of the message counts
    STOP_NOTES = 18                 # Python should take the notes
    STOP_EXPORTER = 19              # a source that was not seen lately
    STOP_ROWS = 20                  # as many as were asked for

cdef struct Format:                 # a fixed export format
    uint8_t protocol
    uint16_t header_length
    uint16_t record_length
    int16_t sequence                # offsets in the header; -1: not there
    int16_t engine
    int16_t sampling

cdef struct Rules:                  # what the caller decided, for all datagrams
    bint discard                    # whether a malformed message is discarded whole
    bint strict
    uint32_t default_rate           # 0: none
    uint32_t most_domains

cdef struct Datagram:
    const uint8_t* octets
    Py_ssize_t length
    ExporterState* exporter         # NULL: not allowed
    bint has_port
    uint16_t port
    bint has_received
    int64_t received_ns

cdef struct Recent:                 # a source of a capture, and who it is
    uint8_t address[ADDRESS_OCTETS]
    uint16_t port
    ExporterState* exporter         # NULL: nobody yet

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
    """The compiled half of a Decoder; see there for what its methods mean."""

    cdef Account account
    cdef Ledger* ledger
    cdef Rules rules
    cdef Program* programs[PROTOCOLS]
    cdef int wanted                     # the protocol of STOP_PLAN
    cdef Notebook book
    cdef Exporters exporters
    cdef Recent recent[RECENT]          # by a hash of address and port
    cdef Py_ssize_t recent_evictions    # of `exporters`, when `recent` was last cleared
    cdef bint busy

    def __cinit__(self, *args, **kwargs):
        open_notebook(&self.book)
        # A subclass that forgets `_configure` has no room for rows, and nothing to crash on.
        self.account = Account(0, 0)
        self.ledger = &self.account.ledger
        self.exporters = Exporters(1, 1)

    def __dealloc__(self):
        close_notebook(&self.book)

    def _configure(self, limits, *, discard, strict, default_rate):
        """Take the caller's decisions over; once, before anything is fed."""
        self.account = Account(limits.column_octets, min(limits.full_slabs, 2**20) << 20)
        self.ledger = &self.account.ledger
        self.exporters = Exporters(limits.exporters, limits.exporter_aliases)
        self.book.most = min(limits.events_per_message, <int> NOTES_OF_MESSAGE)
        if strict:
            self.book.most = max(self.book.most, <uint32_t> STRICT_NOTES)
        memset(self.programs, 0, sizeof(self.programs))     # of an earlier account
        memset(self.recent, 0, sizeof(self.recent))
        self.rules.discard = discard
        self.rules.strict = strict
        self.rules.default_rate = default_rate
        self.rules.most_domains = max(1, min(limits.domains_per_exporter, 2**31))

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
        domain = find_domain(exporter, format.protocol, domain_id, self.rules.most_domains, &self.book)
        if domain == NULL:
            return STOP_MEMORY
        before = domain[0]
        see(domain, datagram.length, datagram.has_received, datagram.received_ns)
        whom = about(exporter, domain)
        if count > there:
            if self.rules.discard or self.rules.strict:
                return self._refuse(NOTE_COUNT_REFUSED, exporter, domain, 2, count, there)
            note(&self.book, NOTE_COUNT_CUT, &whom, 2, count, there)
        elif trailing > 0:
            note(&self.book, NOTE_TRAILING, &whom, datagram.length - trailing, trailing)
        if count > NETFLOW5_USUAL and format.protocol == PROTOCOL_NETFLOW5:
            if self.rules.strict:
                return self._refuse(NOTE_COUNT_LARGE, exporter, domain, 2, count, 0)
            note(&self.book, NOTE_COUNT_LARGE, &whom, 2, count)
        self._set_context(format, octets, exporter, domain, <uint32_t> count)
        body.at = octets + format.header_length
        body.end = body.at + min(count, there) * format.record_length
        stop = run(self.programs[format.protocol], &body, self.ledger)
        if stop == STOP_MEMORY:
            domain[0] = before          # as if the message had not come
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

    cdef Stop _walk(self, const Datagram* datagram, bint apart) noexcept nogil:
        """Decode one datagram; on any stop but STOP_END it is as if it had not come, statistics aside."""
        cdef const Format* format = format_of(datagram.octets, datagram.length)
        cdef ExporterState* exporter = datagram.exporter
        cdef About whom
        cdef Stop stop
        cdef Py_ssize_t notes_before = self.book.n
        if format != NULL and self.programs[format.protocol] == NULL:
            self.wanted = format.protocol
            return <Stop> STOP_PLAN
        begin_message(self.ledger, apart)
        self.book.left = self.book.most
        if exporter == NULL:
            whom = about(NULL, NULL)
            note(&self.book, NOTE_NOT_ALLOWED, &whom, -1)
            return STOP_END
        self.exporters.use(exporter)
        memcpy(self.ledger.context.exporter, exporter.address, ADDRESS_OCTETS)
        self.ledger.context.exporter_port = datagram.port
        self.ledger.context.received_ns = datagram.received_ns
        self.ledger.context.nulls = (
            (not exporter.known) << CONTEXT_EXPORTER
            | (not datagram.has_port) << CONTEXT_EXPORTER_PORT
            | (not datagram.has_received) << CONTEXT_RECEIVED
        )
        if format != NULL:
            stop = self._walk_fixed(format, datagram)
        elif datagram.length < 2:
            stop = self._refuse(NOTE_SHORT, exporter, NULL, 0, 2, datagram.length)
        else:
            stop = self._refuse(NOTE_VERSION, exporter, NULL, 0, be16(datagram.octets), 0)
        if stop == STOP_END:
            commit_message(self.ledger)
            return STOP_END
        roll_back_message(self.ledger)
        if stop == STOP_MEMORY:
            self.book.n = notes_before
        return STOP_END if stop == <Stop> STOP_REFUSED and not self.rules.strict else stop

    # ── many messages ────────────────────────────────────────────────────────────────────────────────────────────

    cdef Stop _walk_block(self, const Datagram* block, Py_ssize_t n, Py_ssize_t* at, Py_ssize_t* rows) noexcept nogil:
        """Decode block[at[0]:n]; on a stop, `at` is the datagram to come back with."""
        cdef Stop stop
        # Progress: one datagram further each turn, or a stop.
        while at[0] < n:
            if nearly_full(&self.book):
                return <Stop> STOP_NOTES
            # Bounds: at < n.
            stop = self._walk(&block[at[0]], False)
            if stop != STOP_END:
                return stop
            rows[0] += self.ledger.rows
            at[0] += 1
        return STOP_END

    cdef Recent* _recent_of(self, const Packet* packet) noexcept nogil:
        """The place of a packet's source, whoever is there."""
        cdef uint32_t hash = be32(packet.source + 12) ^ be32(packet.source + 4) ^ packet.source_port
        # Bounds: 8 bits are left, and RECENT is 256.
        return &self.recent[(hash * <uint32_t> 2654435761) >> 24]

    cdef Stop _walk_capture(self, Capture* capture, Packet* packet, Py_ssize_t most, Py_ssize_t* rows) noexcept nogil:
        """Decode the datagrams of a capture; on a stop, `packet` is the one to come back with, if it has a payload."""
        cdef Datagram one
        cdef Recent* recent
        cdef Stop stop
        # Progress: one packet further each turn, or a stop.
        while True:
            if packet.payload == NULL:
                if rows[0] >= most:
                    return <Stop> STOP_ROWS
                if nearly_full(&self.book):
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
            set_packet(&one, packet)
            one.exporter = recent.exporter
            stop = self._walk(&one, False)
            if stop != STOP_END:
                return stop
            rows[0] += self.ledger.rows
            packet.payload = NULL

    cdef int _act(self, Stop stop) except -1:
        """Do what a stop asks for, or raise; afterwards the walk is resumed."""
        if stop == <Stop> STOP_PLAN:
            self._make_plan(self.wanted)
            return 0
        if stop == STOP_MEMORY:
            raise MemoryError()
        notes = take_notes(&self.book)
        if stop == <Stop> STOP_REFUSED:
            reason = notes.pop()
            self._report(notes)
            raise self._refusal(reason)
        self._report(notes)
        return 0

    # ── doors ────────────────────────────────────────────────────────────────────────────────────────────────────

    cdef int _enter(self) except -1:
        if self.busy:
            raise RuntimeError("this decoder is decoding already; use one decoder per thread")
        self.busy = True
        return 0

    cdef int _leave(self) except -1:
        """The end of a door: what was noted becomes events."""
        self.busy = False
        if self.book.n:
            self._report(take_notes(&self.book))
        return 0

    cdef int _run_one(self, Datagram* one, bint apart) except -1:
        cdef Stop stop
        # Progress: each stop is acted on and the walk ends, or an exception is raised.
        while True:
            stop = self._walk(one, apart)
            if stop == STOP_END:
                return 0
            self._act(stop)

    cdef int _run_block(
        self, Datagram* block, Py_ssize_t n, Py_ssize_t first, bint release, Py_ssize_t* rows,
    ) except -1:
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
                self._act(stop)
            except Exception as error:
                error.index = first + at
                raise

    def feed(self, datagram, exporter, received_ns=None):
        """Decode one datagram; return the number of flow rows that it added.

        Parameters
        ----------
        datagram : buffer of octets
            Not kept after the call.
        exporter : address or (host, port)
            "" where it is not known.
        received_ns : int, optional
            Nanoseconds since 1970 UTC.

        Raises
        ------
        DecodeError
            Only with `strict=True`.
        TypeError, ValueError
            An argument that means nothing, before any state.
        """
        cdef Datagram one
        cdef Octets octets
        hold_octets(datagram, &octets)
        try:
            one.octets = octets.at
            one.length = octets.length
            set_received(&one, received_ns)
            self._enter()
            try:
                set_exporter(&one, self._resolve(exporter))
                self._run_one(&one, False)
            finally:
                self._leave()
            return self.ledger.rows
        finally:
            let_go(&octets)

    def _feed_apart(self, datagram, exporter, received_ns):
        """Decode one datagram whose rows and notes leave by themselves; return what `Message` is made of."""
        cdef Datagram one
        cdef Octets octets
        cdef Alias alias
        hold_octets(datagram, &octets)
        try:
            one.octets = octets.at
            one.length = octets.length
            set_received(&one, received_ns)
            self._enter()
            try:
                alias = self._resolve(exporter)
                set_exporter(&one, alias)
                header = PyBytes_FromStringAndSize(<const char*> one.octets, min(one.length, MOST_HEADER))
                self._run_one(&one, True)
                taken = self.account.take_apart()       # first: whatever fails, no other message has the rows
                notes = take_notes(&self.book) if self.book.n else []
                return header, None if alias is None else alias.exporter.address, notes, taken
            finally:
                self._leave()
        finally:
            let_go(&octets)

    def feed_many(self, datagrams, exporters, received_ns=None):
        """Decode many datagrams; return the number of flow rows that they added.

        Parameters
        ----------
        datagrams : sequence of buffers of octets
        exporters : exporter, or sequence of exporters
            A tuple is one exporter, (host, port); one for each datagram comes in a list.
        received_ns : int, or sequence of int, optional

        Raises
        ------
        DecodeError
            Only with `strict=True`.
        TypeError, ValueError
            An argument that means nothing. Like any other exception it carries `index`, which
            datagram it was; earlier ones stay decoded.
        """
        cdef Datagram[BLOCK] block
        cdef Datagram* one
        cdef Alias alias = None
        cdef Py_ssize_t i, n, first = 0, rows = 0
        cdef bint each_exporter = not is_one_exporter(exporters)
        cdef bint each_time = received_ns is not None and not isinstance(received_ns, int)
        cdef list octets, keep
        if isinstance(datagrams, (bytes, bytearray, memoryview, str)):
            raise TypeError("feed_many takes a sequence of datagrams; feed takes one")
        if not isinstance(datagrams, (list, tuple)):
            datagrams = list(datagrams)
        n = len(datagrams)
        check_number(exporters, each_exporter, n, "exporters")
        check_number(received_ns, each_time, n, "times")
        self._enter()
        try:
            if not each_exporter:
                alias = self._resolve(exporters)
            # Progress: a block further each turn.
            while first < n:
                octets = list(datagrams[first:first + BLOCK])
                if not octets:
                    break               # the caller's list became shorter meanwhile
                keep = []               # exporters that may be forgotten while the block is made
                for i in range(len(octets)):
                    # Bounds: i < BLOCK.
                    one = &block[i]
                    try:
                        # Copied if they could be written, since the GIL is released.
                        octets[i] = item = copy_octets(octets[i])
                        one.octets = <const uint8_t*> PyBytes_AS_STRING(item)
                        one.length = PyBytes_GET_SIZE(item)
                        if each_exporter:
                            alias = self._resolve(exporters[first + i])
                            keep.append(alias)
                        set_exporter(one, alias)
                        set_received(one, received_ns[first + i] if each_time else received_ns)
                    except Exception as error:
                        self._run_block(block, i, first, False, &rows)
                        error.index = first + i
                        raise
                self._run_block(block, len(octets), first, len(octets) >= WORTH_RELEASING, &rows)
                first += len(octets)
        finally:
            self._leave()
        return rows

    def feed_at(self, buffer, offsets, lengths, exporters, received_ns=None):
        """Decode datagrams that lie in one buffer; return the number of flow rows that they added.

        Parameters
        ----------
        buffer : buffer of octets
        offsets : buffer of int64, shape (n,)
        lengths : buffer of int32, shape (n,)
        exporters : exporter, or sequence of exporters
            A tuple is one exporter, (host, port).
        received_ns : int, or buffer of int64, shape (n,), optional

        Raises
        ------
        DecodeError
            Only with `strict=True`.
        TypeError, ValueError
            An argument that means nothing, as in `feed_many`.
        """
        cdef Datagram[BLOCK] block
        cdef Datagram* one
        cdef Octets octets
        cdef Py_buffer starts, sizes, times
        cdef Alias alias = None
        cdef Py_ssize_t i, n, of_block, first = 0, rows = 0
        cdef int views = 0
        cdef bint each_exporter = not is_one_exporter(exporters)
        cdef bint each_time = received_ns is not None and not isinstance(received_ns, int)
        cdef list keep
        hold_octets(buffer, &octets)
        try:
            hold_integers(offsets, &starts, 8, "offsets")
            views = 1
            hold_integers(lengths, &sizes, 4, "lengths")
            views = 2
            if each_time:
                hold_integers(received_ns, &times, 8, "received_ns")
                views = 3
            n = starts.len // 8
            if sizes.len // 4 != n or (each_time and times.len // 8 != n):
                raise ValueError("offsets, lengths and times differ in number")
            check_number(exporters, each_exporter, n, "exporters")
            self._enter()
            try:
                if not each_exporter:
                    alias = self._resolve(exporters)
                # Progress: a block further each turn.
                while first < n:
                    of_block = min(BLOCK, n - first)
                    keep = []           # exporters that may be forgotten while the block is made
                    for i in range(of_block):
                        # Bounds: i < BLOCK and first + i < n.
                        one = &block[i]
                        try:
                            set_octets(
                                one, &octets, (<const int64_t*> starts.buf)[first + i],
                                (<const int32_t*> sizes.buf)[first + i],
                            )
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
                            self._run_block(block, i, first, False, &rows)
                            error.index = first + i
                            raise
                    # Octets that can be written are decoded under the GIL, so that nobody writes them meanwhile.
                    self._run_block(
                        block, of_block, first, is_constant(&octets) and of_block >= WORTH_RELEASING, &rows,
                    )
                    first += of_block
            finally:
                self._leave()
        finally:
            if views >= 1:
                PyBuffer_Release(&starts)
            if views >= 2:
                PyBuffer_Release(&sizes)
            if views >= 3:
                PyBuffer_Release(&times)
            let_go(&octets)
        return rows

    def _feed_reader(self, Reader reader, Py_ssize_t most=PY_SSIZE_T_MAX):
        """Decode a capture until its end or about `most` rows; return (rows, whether it ended)."""
        cdef Packet packet
        cdef Datagram one
        cdef Alias alias
        cdef Recent* recent
        cdef Py_ssize_t rows = 0
        cdef Stop stop
        packet.payload = NULL
        self._enter()
        try:
            # Progress: each stop is acted on and the walk goes further, or an exception is raised.
            while True:
                if self.recent_evictions != self.exporters.evictions:
                    memset(self.recent, 0, sizeof(self.recent))
                    self.recent_evictions = self.exporters.evictions
                if reader.view.readonly:
                    with nogil:
                        stop = self._walk_capture(&reader.state, &packet, most, &rows)
                else:
                    # Octets that can be written: the GIL keeps others out.
                    stop = self._walk_capture(&reader.state, &packet, most, &rows)
                if stop == STOP_END or stop == <Stop> STOP_ROWS:
                    return rows, stop == STOP_END
                set_packet(&one, &packet)
                if stop != <Stop> STOP_EXPORTER:
                    self._act(stop)
                    continue
                alias = self._resolve((packet.source[:ADDRESS_OCTETS], packet.source_port))
                if alias is None:
                    set_exporter(&one, None)
                    self._run_one(&one, False)
                    packet.payload = NULL
                    continue
                recent = self._recent_of(&packet)
                memcpy(recent.address, packet.source, ADDRESS_OCTETS)
                recent.port = packet.source_port
                recent.exporter = &alias.exporter.state
        finally:
            self._leave()


# ── arguments ────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef bint is_one_exporter(object exporters):
    """A tuple is one exporter, (host, port) as recvfrom gives it; several come as any other sequence."""
    return isinstance(exporters, (str, bytes, tuple)) or not hasattr(exporters, "__len__")


cdef int check_number(object items, bint each, Py_ssize_t n, str what) except -1:
    if each and len(items) != n:
        raise ValueError(f"{len(items)} {what} for {n} datagrams")
    return 0


cdef bint is_constant(const Octets* octets) noexcept:
    return not octets.held or octets.view.readonly


cdef void set_packet(Datagram* one, const Packet* packet) noexcept nogil:
    one.octets = packet.payload
    one.length = packet.length
    one.has_port = True
    one.port = packet.source_port
    one.has_received = packet.time_ns != 0
    one.received_ns = packet.time_ns


cdef int set_octets(Datagram* one, const Octets* octets, int64_t start, int64_t size) except -1:
    if not (0 <= start <= octets.length and 0 <= size <= octets.length - start):
        raise ValueError(f"a datagram at {start} of {size} octets, in a buffer of {octets.length}")
    # Bounds: just compared.
    one.octets = octets.at + start
    one.length = size
    return 0


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
