# cython: boundscheck=False, wraparound=False, cdivision=True
"""The walk over sFlow datagrams: whose they are, what they count, and whether they count.

An agent is an exporter of its own, told by who sent the datagram and by the address that it gives
itself; its sub-agents are its observation domains. Rows carry the agent's address. Agents have room
of their own, so that one sender who invents them costs no exporter its templates.

Samples are read by `_sflow.Sflow`. Rows of the flow view, and in NATIVE those of all structures of
flow samples, are in the ledger of flows; counters have one of their own, with its own room: who
never takes them loses them, not flows.
"""

from libc.stdint cimport int64_t
from libc.string cimport memcmp, memcpy, memset

from flowparse._agents cimport hear_octets
from flowparse._columns cimport Ledger, begin_message, commit_message, roll_back_message
from flowparse._decode cimport STOP_PLAN, STOP_REFUSED
from flowparse._exporters cimport Alias, Exporter, about, count_sequence, find_domain, put_back, remember, see
from flowparse._layout cimport (
    ADDRESS_OCTETS, CONTEXT_EXPORTER, CONTEXT_EXPORT_TIME, CONTEXT_SAMPLING_RATE, CONTEXT_TEMPLATE_ID,
)
from flowparse._notes cimport NOTE_AGENT_TYPE, NOTE_SHORT, drop_notes, note
from flowparse._plan cimport STOP_END, STOP_MEMORY
from flowparse._sflow cimport STOP_AGENT, STOP_DAMAGED, STOP_ROOM, STOP_STRUCTURE
from flowparse._sflowheads cimport read_header
from flowparse._wire cimport PROTOCOL_SFLOW5, be16, be32

cdef enum:
    MOST_COUNTERS_HELD = 16 << 20       # octets of rows that nobody took
    ROOM_OF_ONE = 4 << 20               # ... that one datagram may add
    AGENT_TYPE_OFFSET = 4
    SAMPLING_RECORD = 2                 # enums/sampling_source.tsv
    BEFORE_SAMPLES = 12                 # octets of sequence, uptime and count


cdef class SflowWalker(SetWalker):
    """A Walker that reads sFlow too."""

    def __cinit__(self, *args, **kwargs):
        self.counters = Account(0, 0)

    def _configure(self, limits, **rules):
        SetWalker._configure(self, limits, **rules)
        held = min(limits.column_octets, <size_t> MOST_COUNTERS_HELD)
        self.counters = Account(held, min(limits.full_slabs, 4) << 20, limits.open_tables)
        self.agents = Exporters(self.keep, limits.exporters, limits.exporters)
        self.most_samples = min(limits.samples_per_datagram, 2**31)
        self.most_records_of_sample = min(limits.records_per_sample, 2**31)

    def _set_sflow(self, Sflow sflow not None, AgentTable agents not None):
        """Let sFlow datagrams be read with what `sflow` knows, and counted in `agents`."""
        self.sflow = sflow
        self.heard = agents

    @property
    def _counters_account(self):
        return self.counters

    def _counted(self):
        return SetWalker._counted(self) + self.agents.counted()

    # ── what the subclass does ───────────────────────────────────────────────────────────────────────────────────

    def _identify_agent(self, sender, address):
        """As `_identify`, of an agent that is `address`, in datagrams from the exporter of identity `sender`."""
        raise NotImplementedError

    def _make_structure(self, structure, fields):
        """Make the plan of a structure with so many fields and hand it to the Sflow."""
        raise NotImplementedError

    def _make_room_for_counters(self):
        """Drop rows of counters that nobody took."""
        raise NotImplementedError

    # ── one datagram ─────────────────────────────────────────────────────────────────────────────────────────────

    cdef Agent* _agent_slot(self, const ExporterState* sender, const uint8_t* address) noexcept nogil:
        """The place of an agent among those heard of lately, whoever is there."""
        cdef unsigned int hash = be32(address + 12) ^ be32(address + 4) ^ <unsigned int> (<size_t> sender >> 5)
        if self.evictions != self.exporters.evictions + self.agents.evictions:
            memset(self.recent_agents, 0, sizeof(self.recent_agents))
            self.evictions = self.exporters.evictions + self.agents.evictions
        # Bounds: 8 bits are left, and RECENT_AGENTS is 256.
        return &self.recent_agents[(hash * <unsigned int> 2654435761) >> 24]

    cdef Stop _refuse_sflow(
        self, int kind, Py_ssize_t offset, Py_ssize_t a, Py_ssize_t b, Py_ssize_t c,
    ) noexcept nogil:
        """Nothing of the datagram counts, and this is all that there is to tell of it."""
        cdef SflowMessage* message = &self.sflow_message
        drop_notes(&self.book, message.notes_before, self.book.most)
        note(&self.book, kind, &message.walk.whom, offset, a, b, c)
        return <Stop> STOP_REFUSED

    cdef Stop _open_message(self, const Datagram* datagram, int version) noexcept nogil:
        if version == 0 and datagram.length >= 4 and be16(datagram.octets + 2) in (2, 4, 5):
            return self._open_sflow(datagram)
        return SetWalker._open_message(self, datagram, version)

    cdef Stop _open_sflow(self, const Datagram* datagram) noexcept nogil:
        """Read the header of an sFlow datagram, and walk its samples."""
        cdef SflowMessage* message = &self.sflow_message
        cdef Walk* walk = &message.walk
        cdef int wrong
        if self.sflow is None:
            self.wanted = PROTOCOL_SFLOW5
            self.ledger.message -= 1        # it comes once more
            return <Stop> STOP_PLAN
        memset(message, 0, sizeof(SflowMessage))
        message.notes_before = self.book.n
        wrong = read_header(datagram.octets, datagram.length, &walk.header)
        if wrong > 0:
            return self._refuse(
                NOTE_AGENT_TYPE, datagram.exporter, NULL, AGENT_TYPE_OFFSET,
                be32(datagram.octets + AGENT_TYPE_OFFSET), 0,
            )
        if wrong < 0:
            return self._refuse(NOTE_SHORT, datagram.exporter, NULL, 0, walk.header.length, datagram.length)
        message.under_way = True
        message.datagram = datagram[0]
        walk.octets = datagram.octets
        walk.rest.at = datagram.octets + walk.header.length
        walk.rest.end = datagram.octets + datagram.length
        walk.flows = self.ledger
        walk.counters = &self.counters.ledger
        walk.book = &self.book
        walk.keep = not (self.rules.discard or self.rules.strict)
        walk.telling.has_received = datagram.has_received
        walk.telling.default_rate = self.rules.default_rate
        walk.most_samples = self.most_samples
        walk.most_records = self.most_records_of_sample
        return self._go_on_sflow()

    cdef Stop _go_on(self) noexcept nogil:
        return self._go_on_sflow() if self.sflow_message.under_way else SetWalker._go_on(self)

    cdef Stop _go_on_sflow(self) noexcept nogil:
        cdef SflowMessage* message = &self.sflow_message
        cdef Walk* walk = &message.walk
        cdef Stop stop
        if message.domain == NULL:
            stop = self._settle_sflow()
            if stop != STOP_END:
                return stop
        stop = self.sflow.walk(walk)
        if stop == <Stop> STOP_DAMAGED:
            return self._refuse_sflow(
                walk.damage, walk.damage_offset, walk.damage_values[0], walk.damage_values[1], walk.damage_values[2],
            )
        if stop != STOP_END:
            return stop
        # From here on nothing can fail.
        message.domain.records += walk.packets
        if walk.rate:
            # Data sources may have rates of their own; statistics show the last.
            message.domain.sampling_rate = walk.rate
            message.domain.sampling_source = SAMPLING_RECORD
        commit_message(&self.counters.ledger)
        self._hear()
        message.under_way = False
        return STOP_END

    cdef void _hear(self) noexcept nogil:
        """Count the datagram, which is whole, and its samples."""
        cdef SflowMessage* message = &self.sflow_message
        cdef const Datagram* datagram = &message.datagram
        cdef const uint8_t* source = datagram.exporter.address if datagram.exporter.known else NULL
        cdef int64_t received_ns = datagram.received_ns if datagram.has_received else -1
        hear_octets(&self.heard.a, datagram.octets, datagram.octets + datagram.length, source, received_ns)

    cdef Stop _settle_sflow(self) noexcept nogil:
        """Find the agent and sub-agent, and settle what the header says about all rows."""
        cdef SflowMessage* message = &self.sflow_message
        cdef Walk* walk = &message.walk
        cdef const Datagram* datagram = &message.datagram
        cdef ExporterState* state = datagram.exporter
        cdef Ledger* counters = &self.counters.ledger
        cdef Agent* agent
        cdef DomainState* domain
        if counters.waiting > 0 and counters.held > counters.most_held - min(
            <size_t> ROOM_OF_ONE, counters.most_held // 4,
        ):
            return <Stop> STOP_ROOM
        if walk.header.has_agent:
            agent = self._agent_slot(state, walk.header.agent)
            if agent.sender != state or memcmp(agent.address, walk.header.agent, ADDRESS_OCTETS) != 0:
                return <Stop> STOP_AGENT
            state = agent.state
            self.agents.use(state)
            memcpy(self.ledger.context.exporter, walk.header.agent, ADDRESS_OCTETS)
            self.ledger.context.nulls &= ~(1 << CONTEXT_EXPORTER)
        domain = find_domain(state, PROTOCOL_SFLOW5, walk.header.sub_agent, self.kept, &self.book)
        if domain == NULL:
            return STOP_MEMORY
        message.domain = domain
        remember(&message.before, domain)
        domain.by_message = True            # what sFlow counts
        see(domain, datagram.length, datagram.has_received, datagram.received_ns)
        walk.whom = about(state, domain)
        walk.telling.override_rate = state.override_rate
        count_sequence(
            state, domain, walk.header.length - BEFORE_SAMPLES, walk.header.sequence, 1, walk.header.uptime_ms,
            &self.book,
        )
        self.ledger.context.protocol = PROTOCOL_SFLOW5
        self.ledger.context.domain = walk.header.sub_agent
        self.ledger.context.sequence = walk.header.sequence
        self.ledger.context.uptime_ms = walk.header.uptime_ms
        self.ledger.context.nulls |= (
            1 << CONTEXT_TEMPLATE_ID | 1 << CONTEXT_EXPORT_TIME | 1 << CONTEXT_SAMPLING_RATE
        )
        begin_message(counters, self.ledger.apart)
        counters.context = self.ledger.context
        return STOP_END

    cdef void _undo_message(self, Stop stop) noexcept nogil:
        cdef SflowMessage* message = &self.sflow_message
        cdef const Datagram* datagram = &message.datagram
        cdef DomainState* domain = message.domain
        if not message.under_way:
            SetWalker._undo_message(self, stop)
            return
        message.under_way = False
        if domain == NULL:
            return
        roll_back_message(&self.counters.ledger)
        put_back(domain, &message.before)
        if stop == <Stop> STOP_REFUSED:
            see(domain, datagram.length, datagram.has_received, datagram.received_ns)
            domain.discarded += 1

    # ── stops within a message ───────────────────────────────────────────────────────────────────────────────────

    cdef int _act_within(self, Stop stop) except -1:
        if self.sflow_message.under_way:
            return self._act_on_sflow(stop)
        return SetWalker._act_within(self, stop)

    cdef int _act_on_sflow(self, Stop stop) except -1:
        cdef Walk* walk = &self.sflow_message.walk
        if stop == <Stop> STOP_STRUCTURE:
            self._make_structure(walk.wanted_structure, walk.wanted_fields)
        elif stop == <Stop> STOP_AGENT:
            self._find_agent()
        elif stop == <Stop> STOP_ROOM:
            self._make_room_for_counters()
        else:
            raise MemoryError()
        return 0

    cdef int _find_agent(self) except -1:
        """Put the agent of the datagram under way in its place among those heard of lately."""
        cdef ExporterState* sender = self.sflow_message.datagram.exporter
        cdef const uint8_t* address = self.sflow_message.walk.header.agent
        cdef Agent* agent
        cdef Alias alias
        cdef bytes octets = address[:ADDRESS_OCTETS]
        spelled = ((<Exporter> sender.owner).identity, octets)
        alias = self.agents.known(spelled)
        if alias is None:
            alias = self.agents.add(spelled, self._identify_agent(*spelled), &self.book)
        agent = self._agent_slot(sender, address)
        agent.sender = sender
        memcpy(agent.address, address, ADDRESS_OCTETS)
        agent.state = &alias.exporter.state
        return 0

    def _counters_apart(self):
        """The counters of the datagram that was decoded apart."""
        return self.counters.take_apart() if self.sflow_message.domain != NULL else []
