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

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memset

from flowparse._columns cimport commit_message
from flowparse._decode cimport Datagram, STOP_INFORM, STOP_LEARN, STOP_REFUSED
from flowparse._exporters cimport DomainState, count_sequence, find_domain, remember, see, settle_rate
from flowparse._notes cimport (
    NOTE_BEHIND, NOTE_COUNT_DIFFERS, NOTE_EMPTY_MESSAGE, NOTE_EMPTY_SET, NOTE_LENGTH_LONG_REFUSED, NOTE_LENGTH_SHORT,
    NOTE_RESERVED_SET, NOTE_SET_LONG_REFUSED, NOTE_SET_SHORT_REFUSED, NOTE_SHORT, NOTE_TAIL_REFUSED, NOTE_VERSION,
    NOTE_ZERO_TAIL,
)
from flowparse._part cimport TIME_HEADER_UPTIME, TIME_NONE
from flowparse._pending cimport SET_HEADER, commit_pending
from flowparse._plan cimport STOP_END, STOP_MEMORY
from flowparse._templates cimport (
    FIRST_TEMPLATE_ID, READ_BAD_ID, READ_DEFINITION, READ_LONG, READ_ODD, READ_PADDING, Reading, Record,
    commit_templates, find_template, read_template,
)
from flowparse._underway cimport PHASE_REPLAY, PHASE_SETS, Walk
from flowparse._wire cimport PROTOCOL_IPFIX, PROTOCOL_NETFLOW9, Span, be16, be32, is_zero, left

cdef enum:
    LENGTH_OFFSET = 2                   # in IPFIX's Message Header; v9 has its Count there
    UPTIME_OFFSET = 4                   # in v9's
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


cdef class SetWalker(ReplayWalker):
    """A Walker that reads NetFlow v9 and IPFIX."""

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
        remember(&walk.before, domain)
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
        while walk.template != NULL or (walk.defined and self._next_pending()):
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

    cdef Stop _settle(self) noexcept nogil:
        """All was read, and the message is not malformed: count it, keep to the limits, and turn to what waited."""
        cdef Walk* walk = &self.walk
        cdef DomainState* domain = walk.domain
        cdef const uint8_t* octets = walk.datagram.octets
        cdef const Header* header = header_of(be16(octets))
        cdef uint32_t uptime_ms = 0
        cdef uint32_t records = walk.n_records + walk.n_templates
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
        if self.kept.pending.n:
            self._make_room()
        walk.phase = PHASE_REPLAY
        if walk.defined:
            walk.change = 0
            walk.context = self.ledger.context
            walk.values_left = self.most_replayed
            walk.values_told = False
            self._sort_pending()
        return STOP_END
