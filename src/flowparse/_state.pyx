# cython: boundscheck=False, wraparound=False
"""What a decoder knows, taken out and put in: templates and sequences by exporter, protocol and domain.

The octets of a saved state are `state.py`'s; here its rows meet the lists of templates. What is put
in was checked to fit the limits, so that nothing is evicted for it, and counts whole or not at all.
Templates that were not sent for too long are forgotten here too (RFC 7011 section 8.4).
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from flowparse._exporters cimport DomainState, Exporter, about, find_domain
from flowparse._intake cimport ArrowFeeder
from flowparse._notes cimport About, NOTE_PENDING_OLD, NOTE_TEMPLATE_EXPIRED, nearly_full, note, take_notes
from flowparse._part cimport Context
from flowparse._pending cimport PendingSet, forget_set, is_too_old
from flowparse._layout cimport CONTEXT_EXPORTER
from flowparse._templates cimport (
    READ_DEFINITION, Record, Template, commit_templates, define_template, find_template, forget_template, read_template,
    roll_back_templates,
)

cdef enum:
    LEAST_LIFETIME_S = 1800         # of a template over UDP
    INTERVALS = 3                   # ... and as many of the longest seen between two tellings
cdef int64_t SECOND_NS = 1000000000


def n_fields_of(bytes octets, int protocol, bint is_options, uint32_t most_fields=65535):
    """How many fields a Template Record has.

    Raises
    ------
    ValueError
        The octets are not one good record (`_templates.read_template`).
    """
    cdef Record record
    cdef const uint8_t* at = octets
    cdef Py_ssize_t there = len(octets)
    if (
        read_template(at, there, protocol, is_options, 0, most_fields, &record) != READ_DEFINITION
        or <Py_ssize_t> record.length != there
    ):
        raise ValueError("these octets are no good Template Record")
    return record.n_fields


cdef class Keeper(ArrowFeeder):
    """A Feeder whose knowledge can be taken out, put in, and grow old."""

    cdef bint by_age                    # templates expire: they come over UDP

    def _configure(self, limits, **rules):
        ArrowFeeder._configure(self, limits, **rules)
        self.by_age = rules["transport"] == "udp"

    def _read_templates_only(self):
        """Pass over Data Sets from now on."""
        self.rules.templates_only = True

    def _scopes(self):
        """Every domain, as (identity, protocol, domain)."""
        cdef Exporter exporter
        cdef DomainState* domain
        cdef list rows = []
        for exporter in self.exporters.by_identity.values():
            domain = exporter.state.domains
            # Progress: one domain further each turn.
            while domain != NULL:
                rows.append((exporter.identity, domain.protocol, domain.id))
                domain = domain.next
        return rows

    def _known_exporters(self):
        return list(self.exporters.by_identity)

    def _known_templates(self):
        """Every template in force, as (identity, protocol, domain, octets, is_options, times or None, interval, redefined)."""
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
        """The sequences that are known, as (identity, protocol, domain, expected, whether they count messages)."""
        cdef Exporter exporter
        cdef DomainState* domain
        cdef list rows = []
        for exporter in self.exporters.by_identity.values():
            domain = exporter.state.domains
            # Progress: one domain further each turn.
            while domain != NULL:
                if domain.sequence_known:
                    rows.append((
                        exporter.identity, domain.protocol, domain.id, domain.expected, bool(domain.by_message),
                    ))
                domain = domain.next
        return rows

    def _put_in(self, list scopes):
        """Take knowledge over, all or nothing.

        `scopes` is [((identity, address, None, rate), protocol, domain, templates, sequence or None)],
        a template as `_known_templates` has it from its octets on, a sequence as (expected, messages).
        """
        cdef Exporter exporter
        cdef DomainState* domain
        cdef Template* template
        cdef Record record
        cdef bytes octets
        cdef list exporters = []        # so that none goes meanwhile
        self._enter()
        try:
            self.book.left = self.book.most
            try:
                for identified, protocol, id, templates, _ in scopes:
                    exporter = self.exporters.of_identity(identified, &self.book)
                    exporters.append(exporter)
                    domain = find_domain(&exporter.state, protocol, id, self.kept, &self.book)
                    if domain == NULL:
                        raise MemoryError()
                    for octets, is_options, _, _, _ in templates:
                        n_fields_of(octets, protocol, is_options)
                        read_template(<const uint8_t*> octets, len(octets), protocol, is_options, 0, 65535, &record)
                        if define_template(&self.kept.templates, &domain.templates, &record, <void*> domain, 0) < 0:
                            raise MemoryError()
            except BaseException:
                roll_back_templates(&self.kept.templates, 0)
                raise
            # From here on nothing can fail.
            commit_templates(&self.kept.templates, False, 0)
            for (_, protocol, id, templates, sequence), exporter in zip(scopes, exporters):
                domain = find_domain(&exporter.state, protocol, id, self.kept, &self.book)
                for octets, is_options, times, interval, redefined in templates:
                    # Bounds: n_fields_of() found a header in them.
                    template = find_template(&domain.templates, int.from_bytes(octets[:2]))
                    template.imported = True
                    template.redefined = redefined
                    template.interval_ns = interval
                    template.seen = times is not None
                    if times is not None:
                        template.first_seen_ns, template.last_seen_ns = times
                if sequence is not None and not domain.sequence_known:
                    domain.expected, domain.by_message = sequence
                    domain.sequence_known = True
                    domain.last_count = -1
        finally:
            self._leave()

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
        cdef int64_t now = now_ns
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
