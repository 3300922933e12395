# cython: boundscheck=False, wraparound=False, cdivision=True
"""Sets of Template Records: what they define and withdraw, what is wrong with them, and how many may be in force.

NetFlow v9 and IPFIX, templates and options templates alike (RFC 7011 section 3.4, RFC 3954 sections 5.2 and 6.1).
Templates count from where they stand.
"""

from flowparse._exporters cimport about
from flowparse._notes cimport (
    About, NOTE_EVICTED_FOR_FIELDS, NOTE_EVICTED_OF_DOMAIN, NOTE_EVICTED_TEMPLATE, NOTE_NO_SCOPE, NOTE_PADDING,
    NOTE_SCOPE_COUNT, NOTE_SCOPE_LENGTHS, NOTE_TEMPLATES_WITHDRAWN, NOTE_TEMPLATE_BIG, NOTE_TEMPLATE_CHANGED,
    NOTE_TEMPLATE_DEFINED, NOTE_TEMPLATE_EMPTY, NOTE_TEMPLATE_FIELDS, NOTE_TEMPLATE_ID, NOTE_TEMPLATE_LONG,
    NOTE_TEMPLATE_WITHDRAWN, NOTE_WITHDRAWAL_OVER_UDP, NOTE_WITHDRAWAL_UNKNOWN, note_beyond,
)
from flowparse._plan cimport STOP_END, STOP_MEMORY
from flowparse._templates cimport (
    READ_BAD_ID, READ_DEFINITION, READ_EMPTY, READ_LARGE, READ_LONG, READ_ODD, READ_PADDING, READ_SCOPES,
    READ_WITHDRAWAL, Reading, TemplateAccount, Templates, define_template, find_template, read_template, settle_uses,
    withdraw_template,
)
from flowparse._underway cimport Walk
from flowparse._wire cimport be32, is_zero, left


cdef class TemplateWalker(LearningWalker):
    """A Walker that reads Sets of Template Records."""

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
        cdef Templates* home = &walk.domain.templates
        cdef Template* template
        cdef Template* older
        cdef int64_t offset = record.at - walk.datagram.octets
        cdef size_t withdrawn = 0, there = 1
        if not self.rules.withdraws:
            self._tell(NOTE_WITHDRAWAL_OVER_UDP, offset, set_id, record.id)
            return STOP_END
        template = find_template(home, record.id)
        if record.id == set_id:
            template = home.newest
            there = home.n_options if record.is_options else home.n - home.n_options
        # Progress: one template further each turn, or one in all. What was withdrawn before is not looked for again.
        while template != NULL and withdrawn < there:
            older = template.domain_older if record.id == set_id else NULL
            if template.record.is_options == record.is_options:
                if withdraw_template(&self.kept.templates, template) < 0:
                    return STOP_MEMORY
                withdrawn += 1
            template = older
        if record.id == set_id:
            self._tell(NOTE_TEMPLATES_WITHDRAWN, offset, set_id, <int64_t> withdrawn)
        elif withdrawn:
            self._tell(NOTE_TEMPLATE_WITHDRAWN, offset, set_id, record.id)
        else:
            self._tell(NOTE_WITHDRAWAL_UNKNOWN, offset, set_id, record.id)
        return STOP_END

    # ── how many may be in force ─────────────────────────────────────────────────────────────────────────────────

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
