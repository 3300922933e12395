# cython: boundscheck=False, wraparound=False, cdivision=True
"""Data Sets that came before their template: they wait, and are decoded behind the message that brings it.

They have the header and times of the message that they came with.
"""

from libc.stdint cimport uint8_t, uint32_t

from flowparse._datasets cimport Decoded
from flowparse._decode cimport STOP_OPTIONS, STOP_PROGRAM
from flowparse._exporters cimport DomainState, ExporterState, about
from flowparse._layout cimport CONTEXT_EXPORTER
from flowparse._notes cimport (
    About, NOTE_DATA_DROPPED, NOTE_DATA_PENDING, NOTE_HELD, NOTE_PENDING_FULL, NOTE_PENDING_OLD, NOTE_REPLAYED,
    NOTE_REPLAY_LONG, NOTE_UNUSABLE, NOTE_VALUES, note,
)
from flowparse._pending cimport (
    PendingAccount, PendingSet, SET_HEADER, Waiting, is_too_old, let_leave, make_room, next_of_template, octets_of_set,
    stage_set,
)
from flowparse._plan cimport STOP_END, STOP_LIMIT, STOP_MEMORY
from flowparse._templates cimport (
    CHANGE_DEFINED, CHANGE_TOLD_AGAIN, Template, TemplateAccount, find_template, frame_records, is_whole,
)
from flowparse._underway cimport Walk
from flowparse._wire cimport left


cdef class ReplayWalker(DataWalker):
    """A Walker whose Data Sets can wait for their templates."""

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

    cdef void _make_room(self) noexcept nogil:
        """Let Sets that wait go for those that the message brought; tell which, in the order in which they went."""
        cdef DomainState* domain = self.walk.domain
        cdef PendingSet* gone
        cdef PendingSet* first = NULL
        cdef About whom
        make_room(&self.kept.pending, &domain.exporter.waiting, self.ledger.message)
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

    cdef void _sort_pending(self) noexcept nogil:
        """Line up the Sets that templates of this message set free, the oldest first, behind their templates."""
        cdef DomainState* domain = self.walk.domain
        cdef const PendingAccount* pending = &self.kept.pending
        cdef const TemplateAccount* account = &self.kept.templates
        cdef const Waiting* home = &domain.exporter.waiting
        cdef PendingSet* one
        cdef Template* template
        cdef size_t i
        if home.oldest == NULL:
            return
        for i in range(account.n_changes):
            # Bounds: i < n_changes.
            template = account.changes[i].after
            if (
                account.changes[i].kind not in (CHANGE_DEFINED, CHANGE_TOLD_AGAIN)
                or template.change != i or template.changed_in != self.ledger.message
                or find_template(&domain.templates, template.record.id) != template
            ):
                continue
            one = next_of_template(pending, home, domain.protocol, domain.id, template.record.id, NULL)
            template.waiting = one
            # Progress: one Set further each turn.
            while one != NULL:
                one.of_template = next_of_template(
                    pending, home, domain.protocol, domain.id, template.record.id, one,
                )
                template.waiting_last = one
                one = one.of_template

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
        cdef Span body = walk.body
        cdef const uint8_t* rest = body.at
        cdef Decoded decoded
        cdef Py_ssize_t needed
        cdef bint cut
        cdef Stop stop
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
        stop = self._decode_records(template, &body, &decoded)
        if stop == STOP_MEMORY or stop == <Stop> STOP_OPTIONS:
            return stop
        if stop == STOP_LIMIT:
            self._tell(NOTE_HELD, -1, left(&body) // template.record.least_length)
        if cut:
            is_whole(template, rest, walk.body.end, &needed)
            self._tell(NOTE_REPLAY_LONG, -1, id, needed, walk.body.end - rest)
        if decoded.over and not walk.values_told:
            walk.values_told = True
            self._tell(NOTE_VALUES, -1, id, decoded.over, self.most_values)
        self._tell(NOTE_REPLAYED, -1, id, decoded.records)
        return STOP_END
