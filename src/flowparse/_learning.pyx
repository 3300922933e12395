# cython: boundscheck=False, wraparound=False, cdivision=True
"""What a walk over Sets stops for, because only Python has it: programs of templates, and what options records tell.

Records that teach are kept in mind until their message is read, and taken over then; every domain of the exporter is
informed before its next rows. What it was informed of is alive as long as it points there.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_RawFree, PyMem_RawRealloc
from cpython.ref cimport Py_INCREF
from libc.stdint cimport int64_t

from flowparse._decode cimport STOP_INFORM, STOP_LEARN, STOP_PROGRAM
from flowparse._exporters cimport Exporter
from flowparse._layout cimport CONTEXT_SAMPLING_RATE
from flowparse._lookup cimport NAME_KINDS, Names, Rates
from flowparse._notes cimport NOTE_RATE_UNLIKELY, NOTE_UNLEARNT
from flowparse._part cimport TIME_OPTIONS_INIT
from flowparse._plan cimport Plan, Stop
from flowparse._templates cimport Record


cdef class LearningWalker(MessageWalker):
    """A Walker that takes over what options records tell."""

    def __dealloc__(self):
        PyMem_RawFree(self.lessons)

    # ── what the subclass does ───────────────────────────────────────────────────────────────────────────────────

    def _make_program(self, octets, protocol, is_options):
        """(Plan, whether its records teach, unknown elements, fields of odd width) of a template; None without room."""
        raise NotImplementedError

    def _learn(self, identity, protocol, domain, lessons):
        """Take over what options records say: [(Template Record, octets of records)].

        Returns (whether anything changed, rates that make no sense, how many entries had no room).
        """
        raise NotImplementedError

    def _inform(self, identity, protocol, domain):
        """What is known of a domain, as knowledge.Known."""
        raise NotImplementedError

    # ── what is known ────────────────────────────────────────────────────────────────────────────────────────────

    cdef void _set_known(self) noexcept nogil:
        """Let the rows that follow have what options told of the domain."""
        cdef const DomainState* domain = self.walk.domain
        cdef int kind
        self.ledger.context.samplers = domain.samplers
        self.ledger.context.interfaces = domain.interfaces
        for kind in range(NAME_KINDS):
            self.ledger.context.names[kind] = domain.names[kind]
        if domain.has_init:
            self.ledger.context.time_source = TIME_OPTIONS_INIT
            self.ledger.context.init_ms = domain.init_ms
        self.ledger.run_version += 1

    cdef void _set_rate(self, uint32_t rate, uint8_t source) noexcept nogil:
        """Let the rows that follow have a sampling rate, 0 for none."""
        self.ledger.context.sampling_rate = rate
        self.ledger.context.sampling_source = source
        self.ledger.context.nulls &= ~(1 << CONTEXT_SAMPLING_RATE)
        self.ledger.context.nulls |= (rate == 0) << CONTEXT_SAMPLING_RATE
        self.ledger.run_version += 1

    cdef int _note_lesson(self, const Template* template, const uint8_t* at, Py_ssize_t length) noexcept nogil:
        """Keep in mind that these records teach; -1 without memory."""
        cdef size_t room = self.lessons_room
        cdef Lesson* lessons = self.lessons
        if self.n_lessons == room:
            room = 2 * room + 8
            lessons = <Lesson*> PyMem_RawRealloc(lessons, room * sizeof(Lesson))
            if lessons == NULL:
                return -1
            self.lessons = lessons
            self.lessons_room = room
        # Bounds: n_lessons < room.
        lessons[self.n_lessons] = Lesson(template, at, length)
        self.n_lessons += 1
        return 0

    # ── stops within a message ───────────────────────────────────────────────────────────────────────────────────

    cdef int _act_within(self, Stop stop) except -1:
        cdef Lesson* lesson
        cdef DomainState* domain = self.walk.domain
        cdef Exporter exporter = <Exporter> domain.exporter.owner
        cdef size_t i
        if stop == <Stop> STOP_PROGRAM:
            return self._set_program(self.walk.template)
        if stop == <Stop> STOP_INFORM:
            return self._set_informed(exporter, domain)
        if stop != <Stop> STOP_LEARN:
            return MessageWalker._act_within(self, stop)
        lessons = []
        for i in range(self.n_lessons):
            # Bounds: i < n_lessons.
            lesson = &self.lessons[i]
            record = PyBytes_FromStringAndSize(<const char*> lesson.template.record.at, lesson.template.record.length)
            lessons.append((record, PyBytes_FromStringAndSize(<const char*> lesson.at, lesson.length)))
        changed, unlikely, unlearnt = self._learn(exporter.identity, domain.protocol, domain.id, lessons)
        for rate in unlikely:
            self._tell(NOTE_RATE_UNLIKELY, -1, min(rate, 2**63 - 1))
        if unlearnt:
            self._tell(NOTE_UNLEARNT, -1, unlearnt)
        if changed or not exporter.state.taught:
            exporter.state.taught = True
            domain = exporter.state.domains
            # Progress: one domain further each turn.
            while domain != NULL:
                domain.informed = False
                domain = domain.next
        self.walk.learned = True
        return 0

    cdef int _set_informed(self, Exporter exporter, DomainState* domain) except -1:
        """Let a domain know what options told of it and of all of its exporter."""
        cdef Rates rates
        cdef Names named
        cdef Template* template = domain.templates.newest
        cdef int kind
        cdef uint32_t told_rate
        cdef int64_t since_ms
        known = self._inform(exporter.identity, domain.protocol, domain.id)
        rate, of_templates, samplers, interfaces, names, init_ms = known
        told_rate = rate
        since_ms = init_ms or 0
        before = exporter.informed.get((domain.protocol, domain.id)) if exporter.informed is not None else None
        # Progress: one template further each turn; none where no template has or had a rate of its own.
        while template != NULL and (of_templates or before is not None and before[1]):
            template.sampling_rate = of_templates.get(template.record.id, 0)
            template = template.domain_older
        # What it pointed at is alive until nothing does: from where `informed` changes on, nothing can fail.
        self._forget_informed(exporter)
        before = exporter.informed.get((domain.protocol, domain.id))
        exporter.informed[domain.protocol, domain.id] = known, before
        domain.told_rate = told_rate
        domain.samplers = domain.interfaces = NULL
        if samplers is not None:
            rates = samplers
            domain.samplers = &rates.table
        if interfaces is not None:
            rates = interfaces
            domain.interfaces = &rates.table
        for kind in range(NAME_KINDS):
            domain.names[kind] = NULL
            if names[kind] is not None:
                named = names[kind]
                domain.names[kind] = &named.table
        domain.has_init = init_ms is not None
        domain.init_ms = since_ms
        domain.informed = True
        exporter.informed[domain.protocol, domain.id] = known
        return 0

    cdef int _forget_informed(self, Exporter exporter) except -1:
        """Let go of what domains were informed of that are no longer there."""
        cdef const DomainState* domain = exporter.state.domains
        if exporter.informed is None:
            exporter.informed = {}
        if len(exporter.informed) <= 2 * self.kept.most_domains:
            return 0
        there = {}
        # Progress: one domain further each turn.
        while domain != NULL:
            key = domain.protocol, domain.id
            if key in exporter.informed:
                there[key] = exporter.informed[key]
            domain = domain.next
        exporter.informed = there
        return 0

    cdef int _set_program(self, Template* template) except -1:
        """Give a template its program."""
        cdef Record* record = &template.record
        cdef Plan plan
        octets = PyBytes_FromStringAndSize(<const char*> record.at, record.length)
        made = self._make_program(octets, record.protocol, record.is_options)
        if made is None:
            template.unusable = True
            return 0
        plan, template.teaches, template.n_unknown, template.n_odd = made
        Py_INCREF(plan)
        template.plan = <void*> plan
        template.program = &plan.program
        return 0
