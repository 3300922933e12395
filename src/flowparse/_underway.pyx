# cython: boundscheck=False, wraparound=False, cdivision=True
"""The NetFlow v9 or IPFIX message that is under way: what is known of it, telling of it, and whether it counts.

The first of the rooms of `SetWalker`, each a class and its subclass in the next: `_underway`, `_learning` (what only
Python has), `_templatesets`, `_datasets`, `_replay` (Sets that waited), and `_sets`, where the walk begins.
"""

from flowparse._columns cimport roll_back_message
from flowparse._decode cimport STOP_OPTIONS, STOP_REFUSED
from flowparse._exporters cimport about, put_back, see
from flowparse._notes cimport About, drop_notes, note
from flowparse._pending cimport roll_back_pending
from flowparse._plan cimport STOP_END
from flowparse._templates cimport roll_back_templates

cdef enum:
    MOST_OPTIONS_HELD = 16 << 20        # octets of options records that nobody took


cdef class MessageWalker(Walker):
    """A Walker that remembers the message with Sets that is under way."""

    def __cinit__(self, *args, **kwargs):
        self.options = Account(0, 0)

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
