# cython: boundscheck=False, wraparound=False, cdivision=True
"""Data Sets: their records to rows by the program of their template, of one message or of a Set that waited for it.

A Set is framed once and what lies in it never reaches beyond. How many values a message may unfold to is bounded
(`Limits.values_per_message`), since records of a template can be shorter than the rows that they make.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from flowparse._columns cimport begin_message
from flowparse._decode cimport STOP_OPTIONS, STOP_PROGRAM
from flowparse._exporters cimport DomainState, SAMPLING_OVERRIDE, SAMPLING_TEMPLATE
from flowparse._notes cimport (
    NOTE_ELEMENT_UNKNOWN, NOTE_ELEMENT_WIDTH, NOTE_EMPTY_SET, NOTE_HELD, NOTE_PADDING, NOTE_RECORDS,
    NOTE_RECORD_LONG_REFUSED, NOTE_UNUSABLE, NOTE_VALUES,
)
from flowparse._pending cimport SET_HEADER
from flowparse._plan cimport STOP_END, STOP_LIMIT, STOP_MEMORY, run
from flowparse._templates cimport frame_records, is_whole, use_template
from flowparse._underway cimport PHASE_REPLAY, PHASE_SETS, Walk
from flowparse._wire cimport is_zero, left


cdef class DataWalker(TemplateWalker):
    """A Walker that decodes Data Sets."""

    cdef Stop _run_set(self) noexcept nogil:
        """Decode the records of the Set under way."""
        cdef Walk* walk = &self.walk
        cdef Template* template = walk.template
        cdef uint16_t id = template.record.id
        cdef Span body = walk.body
        cdef const uint8_t* rest
        cdef Decoded decoded
        cdef Py_ssize_t needed
        cdef Stop stop
        if template.program == NULL and not template.unusable:
            return <Stop> STOP_PROGRAM
        if use_template(&self.kept.templates, template) < 0:
            return STOP_MEMORY
        if template.described_in == 0:
            self._describe(template)
        if template.unusable:
            walk.template = NULL
            walk.whole = walk.counted = False
            self._tell(NOTE_UNUSABLE, walk.offset, id, left(&body) + SET_HEADER)
            return STOP_END
        stop = self._decode_records(template, &body, &decoded)
        if stop == STOP_MEMORY or stop == <Stop> STOP_OPTIONS:
            return stop
        if stop == STOP_LIMIT:
            walk.whole = walk.counted = False
            self._tell(NOTE_HELD, walk.offset, left(&body) // template.record.least_length)
            return STOP_END
        rest = body.at
        if decoded.over:
            # Judge what lies behind all whole records, decoded or not.
            frame_records(template, &rest, walk.body.end, decoded.over)
        if walk.body.end - rest >= template.record.least_length:
            if not walk.cut:
                is_whole(template, rest, walk.body.end, &needed)
                stop = self._malformed(
                    NOTE_RECORD_LONG_REFUSED, rest - walk.datagram.octets, id, needed, walk.body.end - rest,
                )
                if stop != STOP_END:
                    return stop
        elif not walk.cut:
            body.at = rest
            body.end = walk.body.end
            if not is_zero(&body):
                self._tell(NOTE_PADDING, rest - walk.datagram.octets, id, left(&body))
            if decoded.records + decoded.over == 0:
                self._tell(NOTE_EMPTY_SET, walk.offset, id, walk.body.end - walk.body.at + SET_HEADER)
        if decoded.over:
            walk.whole = walk.counted = False
            if decoded.met == NOTE_RECORDS and not walk.records_told:
                walk.records_told = True
                self._tell(NOTE_RECORDS, walk.offset, id, decoded.over, self.most_records)
            elif decoded.met == NOTE_VALUES and not walk.values_told:
                walk.values_told = True
                self._tell(NOTE_VALUES, walk.offset, id, decoded.over, self.most_values)
        return STOP_END

    cdef Stop _decode_records(self, Template* template, Span* body, Decoded* decoded) noexcept nogil:
        """Decode the records of the Set under way that may be; leave `body.at` behind them.

        On STOP_MEMORY and STOP_OPTIONS nothing is counted; on STOP_END and STOP_LIMIT no Set is under way.
        """
        cdef Walk* walk = &self.walk
        cdef Ledger* ledger
        cdef Stop stop = STOP_END
        decoded.over = self._limit_values(body, template, &decoded.met)
        ledger = self._ledger_of(template)
        decoded.records = ledger.rows
        if decoded.over == 0 or left(body):
            stop = run(template.program, body, ledger)
        decoded.records = ledger.rows - decoded.records
        if stop == STOP_MEMORY:
            return stop
        if stop == STOP_LIMIT and template.record.is_options and not self.room_made:
            return <Stop> STOP_OPTIONS
        walk.template = NULL
        self._count(template, decoded.records)
        if (
            template.teaches and decoded.records
            and self._note_lesson(template, walk.body.at, body.at - walk.body.at) < 0
        ):
            return STOP_MEMORY
        return stop

    cdef void _describe(self, Template* template) noexcept nogil:
        """Tell what is odd about a template, when data come by it for the first time."""
        cdef uint16_t id = template.record.id
        template.described_in = self.ledger.message
        if template.n_unknown:
            self._tell(NOTE_ELEMENT_UNKNOWN, self.walk.offset, id, id, template.n_unknown)
        if template.n_odd:
            self._tell(NOTE_ELEMENT_WIDTH, self.walk.offset, id, id, template.n_odd)

    cdef Py_ssize_t _limit_values(self, Span* body, const Template* template, int* met) noexcept nogil:
        """End the span behind the records that the message may unfold to; return how many are beyond, by `met`."""
        cdef Walk* walk = &self.walk
        cdef int64_t by_values, by_records, most
        cdef Py_ssize_t there = left(body)
        cdef const uint8_t* end = body.at
        cdef const uint8_t* rest
        # As a rule a value has an octet at least, and a message fewer octets than it may have values: no division.
        if template.record.n_fields <= template.record.least_length:
            if there <= min(walk.values_left, walk.records_left):
                return 0
        by_values = walk.values_left // template.record.n_fields
        by_records = by_values if walk.phase == PHASE_REPLAY else walk.records_left
        most = min(by_records, by_values)
        there //= template.record.least_length
        if there <= most:
            return 0                    # at most, where records have variable length
        met[0] = NOTE_RECORDS if most == by_records else NOTE_VALUES
        if template.record.n_variable == 0:
            body.end = body.at + most * template.record.least_length
            return there - most
        frame_records(template, &end, body.end, most)
        rest = end
        there = frame_records(template, &rest, body.end, there)
        if there:
            body.end = end
        return there

    cdef Ledger* _ledger_of(self, const Template* template) noexcept nogil:
        """The ledger that the records of a template are written to, its context settled."""
        cdef Ledger* ledger = self.ledger
        cdef DomainState* domain = self.walk.domain
        if self.walk.phase == PHASE_SETS and domain.sampling_source != SAMPLING_OVERRIDE:
            if template.sampling_rate:
                self._set_rate(template.sampling_rate, SAMPLING_TEMPLATE)
            elif ledger.context.sampling_source == SAMPLING_TEMPLATE:
                self._set_rate(domain.sampling_rate, domain.sampling_source)
        if ledger.context.template_id != template.record.id:
            ledger.context.template_id = template.record.id
            ledger.run_version += 1
        if template.record.is_options:
            ledger = &self.options.ledger
            if not self.walk.with_options:
                self.walk.with_options = True
                begin_message(ledger, self.ledger.apart)
            ledger.context = self.ledger.context
            ledger.run_version += 1
        return ledger

    cdef void _count(self, const Template* template, Py_ssize_t records) noexcept nogil:
        """Count records of the message, or of one that waited."""
        cdef Walk* walk = &self.walk
        walk.values_left -= records * template.record.n_fields
        if template.record.is_options:
            walk.domain.options_records += records
        else:
            walk.domain.records += records
        if walk.phase == PHASE_SETS:
            walk.records_left -= records
            walk.n_records += <uint32_t> records
        elif not template.record.is_options:
            self.replayed += records
