# cython: boundscheck=False, wraparound=False
"""What a decoder knows, taken out and put in: templates and sequences by exporter, protocol and domain.

The octets of a saved state are `state.py`'s; here its rows meet the lists of templates. What is put
in was checked to fit the limits, so that nothing is evicted for it, and counts whole or not at all.
Templates that were not sent for too long are forgotten here too (RFC 7011 section 8.4).
"""

from cpython.number cimport PyNumber_Index
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from flowparse._exporters cimport DomainState, Exporter, Exporters, about, find_domain, forget_domain
from flowparse._intake cimport ArrowFeeder
from flowparse._layout cimport CONTEXT_EXPORTER
from flowparse._notes cimport About, NOTE_PENDING_OLD, NOTE_TEMPLATE_EXPIRED, nearly_full, note, take_notes
from flowparse._part cimport Context
from flowparse._pending cimport PendingSet, forget_set, is_too_old
from flowparse._templates cimport (
    READ_DEFINITION, READ_LARGE, Reading, Record, Template, commit_templates, define_template, find_template,
    forget_template, read_template, roll_back_templates,
)
from flowparse._wire cimport PROTOCOL_SFLOW5

cdef enum:
    LEAST_LIFETIME_S = 1800         # of a template over UDP
    INTERVALS = 3                   # ... and as many of the longest seen between two tellings
cdef int64_t SECOND_NS = 1000000000


def n_fields_of(bytes octets, int protocol, bint is_options, uint32_t most_fields=65535):
    """How many fields a Template Record has.

    Raises
    ------
    ValueError
        The octets are not one good record (`_templates.read_template`), or it has more than `most_fields`.
    """
    cdef Record record
    cdef const uint8_t* at = octets
    cdef Py_ssize_t there = len(octets)
    cdef Reading reading = read_template(at, there, protocol, is_options, 0, most_fields, &record)
    if reading == READ_LARGE:
        raise ValueError(f"a template of more than {most_fields} fields")
    if reading != READ_DEFINITION or <Py_ssize_t> record.length != there:
        raise ValueError("octets that are no good Template Record")
    return record.n_fields


cdef class Keeper(ArrowFeeder):
    """A Feeder whose knowledge can be taken out, put in, and grow old."""

    cdef bint by_age                    # templates expire: they come over UDP

    def _configure(self, limits, **rules):
        ArrowFeeder._configure(self, limits, **rules)
        self.by_age = rules["transport"] == "udp"

    def _read_templates_only(self):
        """Pass over data records from now on, those of options aside; templates outlive their session."""
        self.rules.templates_only = True

    def _end_session(self, identity):
        if not self.rules.templates_only:
            ArrowFeeder._end_session(self, identity)

    # ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _known_exporters(self):
        """The identities of (exporters, sFlow agents)."""
        return list(self.exporters.by_identity), list(self.agents.by_identity)

    def _scopes(self, bint agents=False):
        """Domains of exporters, or of sFlow agents, as (identity, protocol, domain, when last heard of or None)."""
        cdef Exporter exporter
        cdef DomainState* domain
        cdef list rows = []
        for exporter in (self.agents if agents else self.exporters).by_identity.values():
            domain = exporter.state.domains
            # Progress: one domain further each turn.
            while domain != NULL:
                rows.append((
                    exporter.identity, domain.protocol, domain.id, domain.last_seen_ns if domain.seen else None,
                ))
                domain = domain.next
        return rows

    def _known_templates(self):
        """Templates, as (identity, protocol, domain, octets, is_options, times or None, interval, redefined)."""
        cdef Exporter exporter
        cdef DomainState* domain
        cdef Template* template
        cdef list rows = []
        for exporter in self.exporters.by_identity.values():
            domain = exporter.state.domains
            # Progress: one domain further each turn.
            while domain != NULL:
                template = domain.templates.newest
                # Progress: one template further each turn.
                while template != NULL:
                    rows.append((
                        exporter.identity, domain.protocol, domain.id,
                        (<const char*> template.record.at)[:template.record.length], bool(template.record.is_options),
                        (template.first_seen_ns, template.last_seen_ns) if template.seen else None,
                        template.interval_ns, bool(template.redefined),
                    ))
                    template = template.domain_older
                domain = domain.next
        return rows

    def _known_sequences(self):
        """The sequences that are known, as (identity, protocol, domain, what `_put_in` takes)."""
        cdef Exporters all
        cdef Exporter exporter
        cdef DomainState* domain
        cdef list rows = []
        for all in (self.exporters, self.agents):
            for exporter in all.by_identity.values():
                domain = exporter.state.domains
                # Progress: one domain further each turn.
                while domain != NULL:
                    # sFlow that names no agent is not kept: it would be taken for one.
                    if domain.sequence_known and (domain.protocol == PROTOCOL_SFLOW5) == (all is self.agents):
                        rows.append((exporter.identity, domain.protocol, domain.id, (
                            domain.expected, bool(domain.by_message), domain.uptime_ms, domain.last,
                            domain.last_count, domain.otherwise, bool(domain.count_told),
                        )))
                    domain = domain.next
        return rows

    @property
    def _messages(self):
        """How many messages began; `message_index` of the last one is one less."""
        return self.ledger.message

    def _messages_waiting(self):
        """`message_index` of each Set that waits for its template."""
        cdef Exporter exporter
        cdef PendingSet* one
        cdef list indexes = []
        for exporter in self.exporters.by_identity.values():
            one = exporter.state.waiting.oldest
            # Progress: one Set further each turn.
            while one != NULL:
                indexes.append(one.staged_in - 1)
                one = one.home_newer
        return indexes

    # ── in ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _put_in(self, list scopes, list taught):
        """Take knowledge over, all or nothing; the caller saw that it fits the limits.

        Parameters
        ----------
        scopes : list of (identified, protocol, domain, templates, sequence or None)
            `identified` as `_identify` gives it; a template is (id, octets, is_options, times or None,
            interval, redefined), a sequence as `_known_sequences` has it. A sequence that is known
            already stays.
        taught : list of identified
            Exporters that options told of.
        """
        cdef Exporter exporter
        cdef DomainState* domain
        cdef Template* template
        cdef uint16_t template_id
        cdef list made = []             # [(Exporter, protocol, domain)] that were not there; domain None: the exporter
        cdef list exporters = []        # of the scopes, then of `taught`
        cdef Py_ssize_t i
        self._enter()
        try:
            self.book.left = self.book.most
            try:
                for identified, protocol, id, templates, _ in scopes:
                    exporters.append(self._make_scope(identified, protocol, id, templates, made))
                for identified in taught:
                    exporters.append(self._make_scope(identified, 0, None, (), made))
            except BaseException:
                roll_back_templates(&self.kept.templates, 0)
                self._unmake(made)
                raise
            # From here on nothing can fail, and nothing is allocated.
            commit_templates(&self.kept.templates, False, 0)
            for i in range(len(scopes)):
                _, protocol, id, templates, sequence = scopes[i]
                exporter = exporters[i]
                domain = find_domain(&exporter.state, protocol, id, self.kept, &self.book)
                for template_id, _, _, times, interval, redefined in templates:
                    template = find_template(&domain.templates, template_id)
                    template.imported = True
                    template.redefined = redefined
                    template.interval_ns = interval
                    template.seen = times is not None
                    if times is not None:
                        template.first_seen_ns, template.last_seen_ns = times
                if sequence is not None and not domain.sequence_known:
                    (
                        domain.expected, domain.by_message, domain.uptime_ms, domain.last, domain.last_count,
                        domain.otherwise, domain.count_told,
                    ) = sequence
                    domain.sequence_known = True
            for i in range(len(scopes), len(exporters)):
                exporter = exporters[i]
                exporter.state.taught = True
                domain = exporter.state.domains
                # Progress: one domain further each turn.
                while domain != NULL:
                    domain.informed = False
                    domain = domain.next
        finally:
            self._leave()

    cdef Exporter _make_scope(self, tuple identified, int protocol, object id, object templates, list made):
        """Find or make an exporter and its domain, and let templates be in force when they are committed."""
        cdef Exporters all = self.agents if protocol == PROTOCOL_SFLOW5 else self.exporters
        cdef Exporter exporter
        cdef DomainState* domain
        cdef Record record
        cdef bytes octets
        cdef uint32_t n_domains
        identity = identified[0]
        row = None if identity in all.by_identity else [None, all, None, None]
        if row is not None:
            made.append(row)            # before it is there, so that it is not without
        exporter = all.of_identity(identified, &self.book)
        if row is not None:
            row[0] = exporter
        if id is None:
            return exporter
        n_domains = exporter.state.n_domains
        row = [None, all, protocol, id]
        made.append(row)
        domain = find_domain(&exporter.state, protocol, id, self.kept, &self.book)
        if domain == NULL:
            raise MemoryError()
        if exporter.state.n_domains > n_domains:
            row[0] = exporter
        for _, octets, is_options, _, _, _ in templates:
            if (
                read_template(<const uint8_t*> octets, len(octets), protocol, is_options, 0, 65535, &record)
                != READ_DEFINITION
            ):
                raise ValueError("these octets are no good Template Record")
            if define_template(&self.kept.templates, &domain.templates, &record, <void*> domain, 0) < 0:
                raise MemoryError()
        return exporter

    cdef void _unmake(self, list made):
        """Do away with exporters and domains that were made; their templates were rolled back."""
        cdef Exporter exporter
        cdef Exporters all
        cdef DomainState* domain
        cdef int of_protocol
        cdef uint32_t of_domain
        cdef Py_ssize_t i
        # Progress: a row further each turn, the last first.
        for i in range(len(made) - 1, -1, -1):
            exporter, all, protocol, id = made[i]
            if exporter is None:
                continue
            if id is None:
                all.unlink(&exporter.state)
                exporter.forget()
                exporter.state.evicted = True
                del all.by_identity[exporter.identity]
                continue
            of_protocol, of_domain = protocol, id
            domain = exporter.state.domains
            # Progress: one domain further each turn; it is there.
            while domain.id != of_domain or domain.protocol != of_protocol:
                domain = domain.next
            forget_domain(self.kept, domain)

    # ── age ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def expire(self, now_ns):
        """Forget what is too old at `now_ns`; events tell what.

        Parameters
        ----------
        now_ns : int
            Nanoseconds since 1970 UTC, of the clock that `received_ns` comes from.

        Notes
        -----
        Over UDP, templates that were not sent for 30 minutes or three times the longest interval
        at which they were told again, whichever is more (RFC 7011 section 8.4). Sets that wait for
        their template longer than `Limits.pending_ns`. What came without a time does not age.
        """
        cdef int64_t now = PyNumber_Index(now_ns)
        cdef Exporter exporter
        cdef DomainState* domain
        cdef Template* template
        cdef Template* older
        cdef PendingSet* one
        cdef PendingSet* newer
        cdef About whom
        cdef Context context
        context.nulls = 0
        context.received_ns = now
        self._enter()
        try:
            for exporter in list(self.exporters.by_identity.values()):
                domain = exporter.state.domains
                # Progress: one domain further each turn.
                while domain != NULL and self.by_age and exporter.stream is None:
                    whom = about(&exporter.state, domain)
                    template = domain.templates.newest
                    # Progress: one template further each turn.
                    while template != NULL:
                        older = template.domain_older
                        if is_expired(template, now):
                            self._make_room_for_a_note()
                            note(&self.book, NOTE_TEMPLATE_EXPIRED, &whom, -1, template.record.id)
                            forget_template(&self.kept.templates, template)
                        template = older
                    domain = domain.next
                one = exporter.state.waiting.oldest
                # Progress: one Set further each turn.
                while one != NULL:
                    newer = one.home_newer
                    if is_too_old(&self.kept.pending, one, &context):
                        whom = about(NULL, NULL)
                        whom.has_exporter = not one.context.nulls & 1 << CONTEXT_EXPORTER
                        whom.exporter = one.context.exporter
                        whom.has_domain = True
                        whom.protocol = one.context.protocol
                        whom.domain = one.context.domain
                        self._make_room_for_a_note()
                        note(&self.book, NOTE_PENDING_OLD, &whom, -1, one.id, one.length)
                        forget_set(&self.kept.pending, one)
                    one = newer
        finally:
            self._leave()

    def _make_room_for_a_note(self):
        if nearly_full(&self.book):
            self._report(take_notes(&self.book))
        self.book.left = 2


cdef bint is_expired(const Template* template, int64_t now) noexcept nogil:
    cdef uint64_t lifetime = LEAST_LIFETIME_S * <uint64_t> SECOND_NS
    if not template.seen or now <= template.last_seen_ns:
        return False
    if template.interval_ns > lifetime // INTERVALS:
        lifetime = INTERVALS * min(template.interval_ns, <uint64_t> 2**62 // INTERVALS)
    return <uint64_t> now - <uint64_t> template.last_seen_ns > lifetime
