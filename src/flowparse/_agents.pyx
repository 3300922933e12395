# cython: boundscheck=False, wraparound=False
"""sFlow agents: which sequences they send, and what is lost, late, sent twice or begun anew in them.

A sequence belongs to a sub-agent (its datagrams) or to a data source (its flow samples, counter
samples, discard samples). Numbers are compared modulo 2**32 as signed differences, so a wrap is no
event. A jump forward beyond a bound, or back beyond the window, is a reset: whatever was lost in it is
not known. An agent's clock that runs backwards tells a restart, and every sequence of that datagram
begins anew (sFlow version 5, "Datagram format" and "Flow samples").

Agents and sequences are kept in `_agenttable`. Nothing here asks for the time.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_RawFree
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from flowparse._agenttable cimport (
    Agent, Agents, COUNTED_COUNTER, COUNTED_DATAGRAMS, COUNTED_DISCARD, COUNTED_FLOW, MOST_SOURCES, NOTHING, Sequence,
    WINDOW, agent_of, sequence_of,
)
from flowparse._sampled cimport KIND_COUNTER, Sample
from flowparse._sflowheads cimport BROCADE, Header, LEAST, read_header, read_sample
from flowparse._sflowold cimport skip_old_sample
from flowparse._wire cimport Span, be32

# ── sequences ────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef inline int64_t difference(uint32_t later, uint32_t earlier) noexcept nogil:
    """Of two numbers modulo 2**32, signed."""
    return <int32_t> (later - earlier)


cdef bint has_seen(const Sequence* s, int64_t back) noexcept nogil:
    """Whether the number `back` behind the last was seen; 0 <= back < WINDOW."""
    return s.window >> back & 1


cdef int advance(Sequence* s, uint32_t number, int64_t largest_gap, bint restarted) noexcept nogil:
    """Count a number; what it is to the ones before."""
    cdef int64_t step = difference(number, s.last)
    s.seen += 1
    if not s.begun:
        s.begun = True
        s.last = number
        s.window = 1
        return VERDICT_FIRST
    if restarted or step > largest_gap or step <= -WINDOW:
        s.resets += 1
        s.last = number
        s.window = 1
        return VERDICT_RESET
    if step > 0:
        s.lost += <uint64_t> (step - 1)
        s.window = (s.window << step if step < WINDOW else 0) | 1
        s.last = number
        return VERDICT_NEXT
    if has_seen(s, -step):
        s.duplicates += 1
        return VERDICT_DUPLICATE
    s.window |= <uint64_t> 1 << -step
    s.late += 1
    s.lost -= s.lost > 0
    return VERDICT_LATE


cdef bint fits_between(const Sequence* s, uint32_t number, uint32_t uptime_ms) noexcept nogil:
    """Whether the clock of a datagram that comes late lies between those of its neighbours."""
    cdef int64_t back = difference(s.last, number)
    cdef int64_t i
    # Bounds: 0 <= i < WINDOW.
    for i in range(back + 1, WINDOW):
        if has_seen(s, i):
            if difference(uptime_ms, s.uptimes[(s.last - <uint32_t> i) % WINDOW]) < 0:
                return False
            break
    i = back - 1
    # Progress: one down each turn.
    while i >= 0 and not has_seen(s, i):
        i -= 1
    return i < 0 or difference(s.uptimes[(s.last - <uint32_t> i) % WINDOW], uptime_ms) >= 0


cdef bint is_restart(const Sequence* s, uint32_t number, uint32_t uptime_ms) noexcept nogil:
    """Whether a datagram is of another life of its agent than the ones before."""
    cdef int64_t step
    if not s.begun:
        return False
    step = difference(number, s.last)
    if step > 0 or step <= -WINDOW:
        return difference(s.uptime_ms, uptime_ms) > 0
    if has_seen(s, -step):
        return s.uptimes[number % WINDOW] != uptime_ms      # the same number at another time
    return not fits_between(s, number, uptime_ms)


cdef void note_source(Agent* agent, const uint8_t* source) noexcept nogil:
    cdef int i
    for i in range(agent.n_sources):
        if memcmp(agent.sources[i], source, 16) == 0:
            return
    if agent.n_sources < MOST_SOURCES:
        memcpy(agent.sources[agent.n_sources], source, 16)
        agent.n_sources += 1


cdef Heard hear_datagram(
    Agents* a, const uint8_t* address, const uint8_t* source, uint32_t sub_agent, uint32_t sequence, uint32_t uptime_ms,
    int64_t received_ns,
) noexcept nogil:
    """Count a datagram; `source` (NULL: not told) is who sent it, `received_ns` -1 where nobody said."""
    cdef Heard heard
    cdef Agent* agent
    cdef Sequence* s
    cdef int verdict
    heard.agent = agent_of(a, address)
    heard.sub_agent = sub_agent
    heard.restarted = False
    if heard.agent == NOTHING:
        return heard
    agent = &a.agents[heard.agent]
    if source != NULL:
        note_source(agent, source)
    if received_ns >= 0:
        agent.last_ns = received_ns
        if agent.first_ns < 0:
            agent.first_ns = received_ns
    s = sequence_of(a, heard.agent, sub_agent, COUNTED_DATAGRAMS, 0, 0)
    if s == NULL:
        return heard
    heard.restarted = is_restart(s, sequence, uptime_ms)
    a.agents[heard.agent].restarts += heard.restarted
    verdict = advance(s, sequence, a.datagram_gap, heard.restarted)
    if verdict != VERDICT_DUPLICATE:
        s.uptimes[sequence % WINDOW] = uptime_ms
    if verdict == VERDICT_FIRST or verdict == VERDICT_NEXT or verdict == VERDICT_RESET:
        s.uptime_ms = a.agents[heard.agent].uptime_ms = uptime_ms
    return heard


cdef void hear_sample(
    Agents* a, const Heard* heard, int counted, uint32_t source_class, uint32_t source_index, uint32_t sequence,
    uint32_t rate, uint32_t pool, uint32_t drops,
) noexcept nogil:
    """Count a sample of the datagram that was heard."""
    cdef Sequence* s
    cdef uint32_t last
    cdef int verdict
    if heard.agent == NOTHING:
        return
    s = sequence_of(a, heard.agent, heard.sub_agent, counted, source_class, source_index)
    if s == NULL:
        return
    last = s.last
    verdict = advance(s, sequence, a.sample_gap, heard.restarted)
    if counted == COUNTED_COUNTER or verdict == VERDICT_DUPLICATE or verdict == VERDICT_LATE:
        return
    if verdict == VERDICT_NEXT:
        s.dropped += drops - s.drops
        # A pool that moves on by less than a packet a sample, or by 2**31 and more, went back.
        if counted == COUNTED_FLOW and sequence - last <= pool - s.pool and pool - s.pool < <uint32_t> 1 << 31:
            s.pool_sum += pool - s.pool
            s.step_sum += sequence - last
    s.rate, s.pool, s.drops = rate, pool, drops


# ── datagrams as octets ──────────────────────────────────────────────────────────────────────────────────────────────

cdef void hear_old_samples(
    Agents* a, const Heard* heard, uint32_t version, uint32_t count, const uint8_t* at, const uint8_t* end,
) noexcept nogil:
    """The samples of versions 2 and 4, up to the first that does not hold together: they have no lengths."""
    cdef Span rest = Span(at, end)
    # Progress: a sample has at least 4 octets.
    while count > 0:
        at = rest.at
        if not skip_old_sample(version, &rest):
            return
        # Bounds: a counters sample has at least 20 octets, a flow sample 36.
        if be32(at) == 2:
            hear_sample(a, heard, COUNTED_COUNTER, at[8], be32(at + 8) & 0xFFFFFF, be32(at + 4), 0, 0, 0)
        else:
            hear_sample(
                a, heard, COUNTED_FLOW, at[8], be32(at + 8) & 0xFFFFFF, be32(at + 4), be32(at + 12), be32(at + 16),
                be32(at + 20),
            )
        count -= 1


cdef void hear_samples(
    Agents* a, const Heard* heard, uint32_t count, const uint8_t* at, const uint8_t* end,
) noexcept nogil:
    """The samples of version 5; one that is too short for its head is not counted."""
    cdef Sample sample
    cdef Span body
    cdef uint32_t tag, length
    cdef int counted
    # Progress: at least eight octets further each turn.
    while count > 0 and end - at >= LEAST:
        tag, length = be32(at), be32(at + 4)
        at += LEAST
        if tag == BROCADE and length >= LEAST and end - at >= LEAST:
            at += LEAST
            continue
        if length > end - at:
            return
        # Bounds: `length` octets are there.
        body.at = at
        body.end = at + length
        if 1 <= tag <= 5 and read_sample(tag, &body, &sample):
            counted = COUNTED_COUNTER if sample.kind == KIND_COUNTER else (
                COUNTED_DISCARD if sample.discarded else COUNTED_FLOW
            )
            hear_sample(
                a, heard, counted, sample.source_class, sample.source_index, sample.sequence, sample.rate, sample.pool,
                sample.drops,
            )
        at += min((<int64_t> length + 3) & ~<int64_t> 3, end - at)
        count -= 1


cdef bint hear_octets(
    Agents* a, const uint8_t* at, const uint8_t* end, const uint8_t* source, int64_t received_ns,
) noexcept nogil:
    """Count a datagram; False where it is none."""
    cdef Header header
    cdef Heard heard
    # Bounds: a version is looked at where there are four octets; the rest is read_header()'s.
    if end - at < 4 or be32(at) not in (2, 4, 5) or read_header(at, end - at, &header) != 0:
        return False
    heard = hear_datagram(
        a, header.agent, source, header.sub_agent, header.sequence, header.uptime_ms, received_ns,
    )
    if header.version == 5:
        hear_samples(a, &heard, header.count, at + header.length, end)
    else:
        hear_old_samples(a, &heard, header.version, header.count, at + header.length, end)
    return True


# ── doors ────────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef class AgentTable:
    """Agents and their sequences; what `agents.Agents` reads out."""

    def __cinit__(self, *, agents, data_sources, datagram_gap=1000, sample_gap=50):
        cdef Agents* a = &self.a
        a.newest = a.oldest = a.free_agent = a.free_sequence = NOTHING
        a.most_agents = max(1, min(agents, 2**24))
        a.most_sequences = max(4, min(data_sources, 2**24))
        a.most_of_agent = a.most_sequences // 4
        a.datagram_gap = datagram_gap
        a.sample_gap = sample_gap

    def __dealloc__(self):
        cdef int32_t i
        for i in range(self.a.n_sequences):
            PyMem_RawFree(self.a.sequences[i].uptimes)
        PyMem_RawFree(self.a.sequences)
        PyMem_RawFree(self.a.agents)
        PyMem_RawFree(self.a.buckets)

    def hear_block(
        self, bytes octets not None, bytes offsets not None, bytes lengths not None, bytes received not None,
        list sources not None,
    ):
        """Count the datagrams of a block, as `_text.Assembler.take` hands it over."""
        cdef Py_ssize_t i, n = len(sources)
        cdef int64_t at, length
        cdef const uint8_t* start = octets
        cdef const uint8_t* source
        if len(offsets) != 8 * n or len(lengths) != 4 * n or len(received) != 8 * n:
            raise ValueError("offsets, lengths, times and sources differ in number")
        for i in range(n):
            at = (<const int64_t*> <const char*> offsets)[i]
            length = (<const int32_t*> <const char*> lengths)[i]
            if at < 0 or length < 0 or at > len(octets) - length:
                raise ValueError("a datagram is not within the octets")
            source = NULL if sources[i] is None else <const uint8_t*> <bytes> sources[i]
            hear_octets(&self.a, start + at, start + at + length, source,
                        (<const int64_t*> <const char*> received)[i])
        self.check_memory()

    def hear_datagram(
        self, bytes agent not None, bytes source, uint32_t sub_agent, uint32_t sequence, uint32_t uptime_ms,
        received_ns, list samples not None,
    ):
        """Count a datagram of any version.

        Parameters
        ----------
        agent : bytes
            16 octets.
        source : bytes or None
            16 octets.
        sub_agent, sequence, uptime_ms : int
        received_ns : int or None
        samples : list of (counted, source class, source index, sequence, rate, pool, drops)
            `counted` is 1 for a flow sample, 2 for counters, 3 for a discard.
        """
        cdef Heard heard
        if len(agent) != 16 or source is not None and len(source) != 16:
            raise ValueError("an address has 16 octets")
        heard = hear_datagram(
            &self.a, agent, NULL if source is None else <const uint8_t*> source, sub_agent, sequence, uptime_ms,
            -1 if received_ns is None else received_ns,
        )
        for counted, source_class, source_index, number, rate, pool, drops in samples:
            if not 1 <= counted <= 3:
                raise ValueError("a sample is of kind 1, 2 or 3")
            hear_sample(&self.a, &heard, counted, source_class, source_index, number, rate, pool, drops)
        self.check_memory()

    def check_memory(self):
        """MemoryError if something could not be counted for want of memory."""
        if self.a.no_memory:
            self.a.no_memory = False
            raise MemoryError()

    def read(self):
        """Every agent: (address, sources, first_ns, last_ns, uptime_ms, restarts, sequences), the latest first.

        A sequence is (counted, sub-agent, class, index, seen, lost, duplicates, late, resets, dropped, rate, pool_sum,
        step_sum).
        """
        cdef int32_t i = self.a.newest, k
        cdef Agent* agent
        cdef Sequence* s
        cdef list found = [], sequences
        # Progress: an agent further each turn.
        while i != NOTHING:
            agent = &self.a.agents[i]
            sequences = []
            k = agent.first_sequence
            # Progress: a sequence further each turn.
            while k != NOTHING:
                s = &self.a.sequences[k]
                sequences.append((
                    s.counted, s.sub_agent, s.source_class, s.source_index, s.seen, s.lost, s.duplicates, s.late,
                    s.resets, s.dropped, s.rate, s.pool_sum, s.step_sum,
                ))
                k = s.next_of_agent
            sequences.reverse()
            found.append((
                PyBytes_FromStringAndSize(<const char*> agent.address, 16),
                [PyBytes_FromStringAndSize(<const char*> agent.sources[k], 16) for k in range(agent.n_sources)],
                None if agent.first_ns < 0 else agent.first_ns, None if agent.last_ns < 0 else agent.last_ns,
                agent.uptime_ms, agent.restarts, sequences,
            ))
            i = agent.older
        return found

    def limits_met(self):
        """(agents that were forgotten, agents that have as many data sources as one may) since the last call."""
        met = self.a.evicted, self.a.refused
        self.a.evicted = self.a.refused = 0
        return met
