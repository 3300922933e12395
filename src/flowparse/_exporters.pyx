# cython: boundscheck=False, wraparound=False
"""Exporters and their observation domains: who they are, and what is remembered of each.

An exporter is found by whatever the caller passed for it, which is cached, and behind that by its
identity. Exporters are bounded, and domains, of one and of all; the one heard of least recently makes
room. Sequence and sampling of the fixed formats are settled here, a domain at a time.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING
from cpython.dict cimport PyDict_GetItemWithError
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from cpython.object cimport PyObject
from libc.stdint cimport int32_t
from libc.string cimport memcpy, memset

from flowparse._notes cimport (
    NOTE_DOMAIN_EVICTED, NOTE_EXPORTER_EVICTED, NOTE_GAP, NOTE_GAP_MESSAGES, NOTE_RESET, NOTE_RESTART,
    NOTE_SAMPLING, note, note_beyond,
)
from flowparse._pending cimport PendingSet, forget_sets, forget_sets_of_domain
from flowparse._templates cimport Template, bury, forget_templates
from flowparse._wire cimport PROTOCOL_NETFLOW9, PROTOCOL_SFLOW5

cdef enum:
    UPTIME_OFFSET = 4               # in every header with an uptime but sFlow's, where it is behind the sequence
    LATE = 65536                    # a sequence number this far behind is late; further, it was set anew
    UNIT_PROOF = 3                  # messages in a row that only the other unit explains
    RESTART_MS = 10000              # uptime that falls by more, out of sequence: the exporter restarted


cdef About about(const ExporterState* exporter, const DomainState* domain) noexcept nogil:
    """Whom a note is about; either may be NULL."""
    cdef About whom
    memset(&whom, 0, sizeof(About))
    if exporter != NULL and exporter.known:
        whom.has_exporter = True
        whom.exporter = <const uint8_t*> exporter.address
    if domain != NULL:
        whom.has_domain = True
        whom.protocol = domain.protocol
        whom.domain = domain.id
    return whom


# ── domains ──────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef DomainState* find_domain(
    ExporterState* exporter, int protocol, uint32_t id, Kept* kept, Notebook* book,
) noexcept nogil:
    """Find or make a domain of the exporter and put it first; NULL without memory."""
    cdef DomainState** link = &exporter.domains
    cdef DomainState* domain
    cdef DomainState* made
    # Progress: one domain further each turn.
    while link[0] != NULL and not (link[0].id == id and link[0].protocol == protocol):
        if link[0].next == NULL and exporter.n_domains >= kept.most_domains:
            break                   # the last, heard of least recently, makes room
        link = &link[0].next
    domain = link[0]
    if domain == NULL or domain.id != id or domain.protocol != protocol:
        made = <DomainState*> PyMem_RawCalloc(1, sizeof(DomainState))
        if made == NULL:
            return NULL
        if domain != NULL:
            evict_domain(kept, domain, kept.most_domains, book)
        elif kept.n_domains >= kept.most_domains_in_all:
            evict_domain(kept, kept.oldest_domain, kept.most_domains_in_all, book)
        domain = made
        exporter.n_domains += 1
        kept.n_domains += 1
        domain.exporter = exporter
        domain.protocol = protocol
        domain.id = id
        domain.by_message = protocol == PROTOCOL_NETFLOW9
        domain.last_count = -1
    else:
        link[0] = domain.next
        unlink_domain(kept, domain)
    domain.next = exporter.domains
    exporter.domains = domain
    domain.newer = NULL
    domain.older = kept.newest_domain
    if domain.older != NULL:
        domain.older.newer = domain
    else:
        kept.oldest_domain = domain
    kept.newest_domain = domain
    return domain


cdef void unlink_domain(Kept* kept, DomainState* domain) noexcept nogil:
    """Take a domain from between its neighbors of all exporters."""
    if domain.newer != NULL:
        domain.newer.older = domain.older
    else:
        kept.newest_domain = domain.older
    if domain.older != NULL:
        domain.older.newer = domain.newer
    else:
        kept.oldest_domain = domain.newer


cdef void forget_domain(Kept* kept, DomainState* domain) noexcept nogil:
    """Do away with a domain, and with its templates; not within a message."""
    cdef DomainState** link = &domain.exporter.domains
    # Progress: one domain further each turn; it is there.
    while link[0] != domain:
        link = &link[0].next
    link[0] = domain.next
    domain.exporter.n_domains -= 1
    kept.n_domains -= 1
    unlink_domain(kept, domain)
    forget_templates(&kept.templates, &domain.templates)
    PyMem_RawFree(domain)


cdef void evict_domain(Kept* kept, DomainState* domain, uint32_t most, Notebook* book) noexcept nogil:
    """Forget a domain, with the Sets that wait in it, and tell that only `most` are kept."""
    cdef About whom = about(domain.exporter, domain)
    note(book, NOTE_DOMAIN_EVICTED, &whom, -1, most)
    forget_sets_of_domain(&kept.pending, &domain.exporter.waiting, domain.protocol, domain.id)
    forget_domain(kept, domain)


cdef void put_back(DomainState* domain, const DomainState* before) noexcept nogil:
    """Let what is counted of a domain be what it was; its templates, and what options told of it, are not touched."""
    remember(domain, before)


cdef size_t n_waiting(const Waiting* waiting, const DomainState* domain) noexcept nogil:
    """How many Sets of a domain wait for their template."""
    cdef PendingSet* one = waiting.oldest
    cdef size_t n = 0
    # Progress: one Set further each turn.
    while one != NULL:
        n += one.context.protocol == domain.protocol and one.context.domain == domain.id
        one = one.home_newer
    return n


cdef void see(DomainState* domain, Py_ssize_t octets, bint has_received, int64_t received_ns) noexcept nogil:
    """Count a datagram."""
    domain.datagrams += 1
    domain.octets += octets
    if has_received:
        domain.first_seen_ns = min(domain.first_seen_ns, received_ns) if domain.seen else received_ns
        domain.last_seen_ns = max(domain.last_seen_ns, received_ns) if domain.seen else received_ns
        domain.seen = True


cdef void count_sequence(
    const ExporterState* exporter, DomainState* domain, int64_t offset, uint32_t got, int64_t count,
    uint32_t uptime_ms, Notebook* book,
) noexcept nogil:
    """Compare a sequence number with the one expected, of a message with `count` flows or records; -1: not known.

    Each format says what it counts; an exporter that is seen to count the other, messages or flows,
    is taken at that, and what was thought missing or late meanwhile is not.
    """
    cdef int32_t ahead = <int32_t> (got - domain.expected) if domain.sequence_known else 0
    cdef About whom
    if ahead != 0 and is_other_unit(domain, got):
        ahead = 0
    # What both units explain proves neither; short messages counted as such give many of them.
    if ahead == 0 and (domain.last_count < 0 or got != domain.last + other_step(domain)):
        domain.otherwise = 0
    domain.last = got
    domain.last_count = count
    if ahead != 0:
        whom = about(exporter, domain)
        if domain.uptime_ms > uptime_ms and domain.uptime_ms - uptime_ms > RESTART_MS:
            domain.resets += 1
            note(
                book, NOTE_RESTART, &whom, offset + 4 if domain.protocol == PROTOCOL_SFLOW5 else UPTIME_OFFSET,
                domain.uptime_ms, uptime_ms,
            )
        elif ahead > 0:
            domain.missed += ahead
            note(
                book, NOTE_GAP_MESSAGES if domain.by_message else NOTE_GAP, &whom, offset, domain.expected, got, ahead,
            )
        elif ahead >= -LATE:
            # Late, or twice: what was missed for its sake was not.
            domain.reordered += 1
            domain.missed -= min(domain.missed, <uint64_t> (1 if domain.by_message else max(count, 0)))
            return
        else:
            domain.resets += 1
            note(book, NOTE_RESET, &whom, offset, domain.expected, got)
    domain.sequence_known = domain.by_message or count >= 0
    domain.expected = got + <uint32_t> (1 if domain.by_message else count)
    domain.uptime_ms = uptime_ms


cdef uint32_t other_step(const DomainState* domain) noexcept nogil:
    """How far the last message would take the sequence in the unit that is not in use."""
    return <uint32_t> domain.last_count if domain.by_message else 1


cdef bint is_other_unit(DomainState* domain, uint32_t got) noexcept nogil:
    """Whether the number would be right in the other unit once more, and often enough to take that one."""
    if domain.last_count in (1, -1) or got != domain.last + other_step(domain):
        return False
    if domain.otherwise == 0:
        domain.missed_before = domain.missed
        domain.reordered_before = domain.reordered
    domain.otherwise += 1
    if domain.otherwise < UNIT_PROOF:
        return False
    domain.by_message = not domain.by_message
    domain.missed = domain.missed_before
    domain.reordered = domain.reordered_before
    return True


cdef void settle_rate(
    const ExporterState* exporter, DomainState* domain, int64_t offset, uint16_t word, uint32_t default_rate,
    Notebook* book,
) noexcept nogil:
    """Settle the sampling rate: the caller's override, options that speak of the domain, the header's word, a default.

    The word has two bits of mode and 14 of interval; many exporters set the interval and leave the
    mode 0.
    """
    cdef uint32_t rate = word & 0x3FFF
    cdef uint8_t source = SAMPLING_NONE
    cdef About whom
    if exporter.override_rate:
        rate = exporter.override_rate
        source = SAMPLING_OVERRIDE
    elif domain.told_rate:
        rate = domain.told_rate
        source = SAMPLING_DOMAIN
    elif rate:
        source = SAMPLING_HEADER if word >> 14 else SAMPLING_HEADER_MODE0
    elif default_rate:
        rate = default_rate
        source = SAMPLING_DEFAULT
    if domain.sampling_known and rate != domain.sampling_rate:
        whom = about(exporter, domain)
        note(book, NOTE_SAMPLING, &whom, offset, domain.sampling_rate, rate)
    domain.sampling_known = True
    domain.sampling_rate = rate
    domain.sampling_source = source


# ── exporters ────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef class Keep:
    """What is kept of all exporters of a decoder; it outlives them.

    Parameters
    ----------
    limits : Limits
    """

    def __cinit__(self, limits):
        cdef TemplateAccount* templates = &self.kept.templates
        cdef PendingAccount* pending = &self.kept.pending
        self.kept.most_domains = max(1, min(limits.domains_per_exporter, 2**31))
        self.kept.most_domains_in_all = max(1, min(limits.domains, 2**31))
        templates.most = limits.templates
        templates.most_of_domain = limits.templates_per_domain
        templates.most_fields = limits.template_fields_total
        templates.most_fields_of_one = min(limits.fields_per_template, 65535)
        pending.most = limits.pending_sets
        pending.most_octets = limits.pending_octets
        pending.most_octets_of_exporter = limits.pending_octets_per_exporter
        pending.most_ns = limits.pending_ns

    def __dealloc__(self):
        bury(&self.kept.templates)
        PyMem_RawFree(self.kept.templates.changes)
        PyMem_RawFree(self.kept.pending.queues)


@cython.no_gc                           # __dealloc__ needs `keep`; there is no circle through it
cdef class Exporter:
    """An Exporting Process as the caller names it, with the observation domains that it was seen to have."""

    def __dealloc__(self):
        self.forget()
        bury(&self.keep.kept.templates)

    cdef void forget(self) noexcept:
        """Do away with all that is known of it."""
        # Progress: one domain fewer each turn.
        while self.state.domains != NULL:
            forget_domain(&self.keep.kept, self.state.domains)
        self.stream = None
        forget_sets(&self.keep.kept.pending, &self.state.waiting)


cdef class Alias:
    """What a caller passed for an exporter, resolved."""


cdef class Exporters:
    """All exporters of a decoder.

    Parameters
    ----------
    keep : Keep
    most, most_aliases : int
        How many exporters are remembered, and how many of the caller's spellings.
    """

    def __cinit__(self, Keep keep not None, Py_ssize_t most, Py_ssize_t most_aliases):
        self.keep = keep
        self.by_identity = {}
        self.aliases = {}
        self.most = max(1, most)
        self.most_aliases = max(1, most_aliases)

    def __contains__(self, identity):
        return identity in self.by_identity

    cdef void unlink(self, ExporterState* state) noexcept nogil:
        if state.newer != NULL:
            state.newer.older = state.older
        elif self.newest == state:
            self.newest = state.older
        if state.older != NULL:
            state.older.newer = state.newer
        elif self.oldest == state:
            self.oldest = state.newer
        state.newer = state.older = NULL

    cdef void use(self, ExporterState* state) noexcept nogil:
        """Make it the one heard of last; an evicted one stays out."""
        if self.newest == state or state.evicted:
            return
        self.unlink(state)
        state.older = self.newest
        if self.newest != NULL:
            self.newest.newer = state
        self.newest = state
        if self.oldest == NULL:
            self.oldest = state

    cdef int evict(self, Notebook* book) except -1:
        """Forget the exporter heard of least recently."""
        cdef Exporter exporter = <Exporter> self.oldest.owner
        cdef About whom = about(&exporter.state, NULL)
        self.unlink(&exporter.state)
        exporter.forget()
        exporter.state.evicted = True
        self.evictions += 1
        del self.by_identity[exporter.identity]
        note_beyond(book, NOTE_EXPORTER_EVICTED, &whom, -1, self.most)
        return 0

    cdef Alias known(self, object spelled):
        """The exporter that the caller means, or None."""
        cdef PyObject* found
        if spelled is None or spelled is not self.last_spelled or self.last.exporter.state.evicted:
            found = PyDict_GetItemWithError(self.aliases, spelled)
            if found == NULL or (<Alias> found).exporter.state.evicted:
                return None
            # What cannot change its mind about whom it means may be known by being the same object.
            self.last_spelled = spelled if isinstance(spelled, (str, bytes, tuple)) else None
            self.last = <Alias> found
        # Before others are evicted: a block of datagrams is resolved first and decoded then.
        self.use(&self.last.exporter.state)
        return self.last

    cdef Exporter of_identity(self, tuple identified, Notebook* book):
        """The exporter of (identity, address or None, port or None, override rate or 0), made if it is new."""
        cdef Exporter exporter
        identity, address, _, rate = identified
        exporter = self.by_identity.get(identity)
        if exporter is None:
            # Progress: one exporter fewer each turn.
            while len(self.by_identity) >= self.most:
                self.evict(book)
            exporter = Exporter.__new__(Exporter)
            exporter.keep = self.keep
            exporter.identity = identity
            exporter.address = address
            exporter.state.owner = <void*> exporter
            exporter.state.known = address is not None
            if address is not None:
                memcpy(exporter.state.address, PyBytes_AS_STRING(address), ADDRESS_OCTETS)
            exporter.state.override_rate = rate
            self.by_identity[identity] = exporter
            self.use(&exporter.state)
        return exporter

    cdef Alias add(self, object spelled, tuple identified, Notebook* book):
        """Remember what the caller passed for an exporter, and the exporter if it is new."""
        cdef Exporter exporter = self.of_identity(identified, book)
        cdef Alias alias
        port = identified[2]
        alias = Alias.__new__(Alias)
        alias.exporter = exporter
        alias.has_port = port is not None
        alias.port = port or 0
        if len(self.aliases) >= self.most_aliases:
            self.aliases.clear()        # a cache of spellings, nothing more
        self.aliases[spelled] = alias
        return alias

    def templates(self):
        """Every template in force, as (address, protocol, domain, octets, is_options, least, first seen, last seen)."""
        cdef Exporter exporter
        cdef DomainState* domain
        cdef Template* template
        rows = []
        for exporter in self.by_identity.values():
            domain = exporter.state.domains
            # Progress: one domain further each turn.
            while domain != NULL:
                template = domain.templates.newest
                # Progress: one template further each turn.
                while template != NULL:
                    rows.append((
                        exporter.address, domain.protocol, domain.id,
                        (<const char*> template.record.at)[:template.record.length], template.record.is_options,
                        template.record.least_length,
                        template.first_seen_ns if template.seen else None,
                        template.last_seen_ns if template.seen else None,
                    ))
                    template = template.domain_older
                domain = domain.next
        return rows

    def counted(self):
        """What is counted, as tuples for `session.stats_of`; datagrams of no protocol have no domain."""
        cdef Exporter exporter
        cdef DomainState* domain
        rows = []
        for exporter in self.by_identity.values():
            address = exporter.address
            if exporter.state.refused:
                refused = exporter.state.refused
                rows.append((address, 0, None, refused, 0, 0, 0, 0, 0, 0, 0, 0, refused, False, 0, 0, None, None))
            domain = exporter.state.domains
            # Progress: one domain further each turn.
            while domain != NULL:
                rows.append((
                    address, domain.protocol, domain.id, domain.datagrams, domain.octets, domain.records,
                    domain.options_records, domain.templates.n, n_waiting(&exporter.state.waiting, domain),
                    domain.missed, domain.reordered, domain.resets, domain.discarded,
                    domain.by_message, domain.sampling_rate, domain.sampling_source,
                    domain.first_seen_ns if domain.seen else None, domain.last_seen_ns if domain.seen else None,
                ))
                domain = domain.next
        return rows
