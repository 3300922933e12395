# cython: boundscheck=False, wraparound=False
"""sFlow agents and their sequences: two hash tables with chains, and agents in the order of when they were heard.

The agent heard of least recently makes room for a new one; one agent alone has at most a quarter of
all sequences.
"""

from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree, PyMem_RawRealloc
from libc.string cimport memcmp, memcpy, memset

cdef enum:
    LEAST_BUCKETS = 256


cdef inline uint64_t mixed(uint64_t value) noexcept nogil:
    value = (value ^ value >> 31) * <uint64_t> 0x7FB5D329728EA185
    value = (value ^ value >> 27) * <uint64_t> 0x81DADEF4BC2DD44D
    return value ^ value >> 33


cdef inline uint32_t bucket_of_agent(const Agents* a, const uint8_t* address) noexcept nogil:
    cdef uint64_t[2] halves
    memcpy(halves, address, 16)
    return <uint32_t> (mixed(halves[0] ^ mixed(halves[1])) & a.mask)


cdef inline uint32_t bucket_of_sequence(const Agents* a, const Sequence* key) noexcept nogil:
    cdef uint64_t who = <uint64_t> <uint32_t> key.agent << 32 | key.sub_agent
    cdef uint64_t what = <uint64_t> key.source_class << 34 | <uint64_t> key.source_index << 2 | key.counted
    return <uint32_t> (mixed(who ^ mixed(what)) & a.mask)


cdef int rehash(Agents* a, uint32_t buckets) noexcept nogil:
    """Make so many buckets (a power of two) for each of the two tables; -1 without memory."""
    cdef int32_t* heads = <int32_t*> PyMem_RawRealloc(a.buckets, 2 * buckets * sizeof(int32_t))
    cdef int32_t i
    cdef uint32_t bucket
    if heads == NULL:
        a.no_memory = True
        return -1
    a.buckets = heads
    a.mask = buckets - 1
    memset(heads, 0xFF, 2 * buckets * sizeof(int32_t))
    for i in range(a.n_sequences):
        if a.sequences[i].agent != NOTHING:
            bucket = bucket_of_sequence(a, &a.sequences[i])
            a.sequences[i].next = heads[bucket]
            heads[bucket] = i
    for i in range(a.n_agents):
        if a.agents[i].used:
            bucket = buckets + bucket_of_agent(a, a.agents[i].address)
            a.agents[i].next = heads[bucket]
            heads[bucket] = i
    return 0


cdef void unchain(int32_t* head, int32_t index, Sequence* sequences, Agent* agents) noexcept nogil:
    """Take `index` out of the chain that begins at `head`, of the one array or the other."""
    cdef int32_t* at = head
    # Progress: a link further each turn; the index is in the chain.
    while at[0] != index:
        at = &sequences[at[0]].next if sequences != NULL else &agents[at[0]].next
    at[0] = sequences[index].next if sequences != NULL else agents[index].next


cdef void unlist(Agents* a, int32_t index) noexcept nogil:
    cdef Agent* agent = &a.agents[index]
    if agent.newer != NOTHING:
        a.agents[agent.newer].older = agent.older
    else:
        a.newest = agent.older
    if agent.older != NOTHING:
        a.agents[agent.older].newer = agent.newer
    else:
        a.oldest = agent.newer


cdef void enlist(Agents* a, int32_t index) noexcept nogil:
    cdef Agent* agent = &a.agents[index]
    agent.newer = NOTHING
    agent.older = a.newest
    if a.newest != NOTHING:
        a.agents[a.newest].newer = index
    else:
        a.oldest = index
    a.newest = index


cdef void forget(Agents* a, int32_t index) noexcept nogil:
    """Let an agent go, with its sequences."""
    cdef Agent* agent = &a.agents[index]
    cdef Sequence* sequence
    cdef int32_t i = agent.first_sequence, following
    # Progress: a sequence further each turn.
    while i != NOTHING:
        sequence = &a.sequences[i]
        following = sequence.next_of_agent
        unchain(&a.buckets[bucket_of_sequence(a, sequence)], i, a.sequences, NULL)
        PyMem_RawFree(sequence.uptimes)
        sequence.uptimes = NULL
        sequence.agent = NOTHING
        sequence.next = a.free_sequence
        a.free_sequence = i
        a.used_sequences -= 1
        i = following
    unlist(a, index)
    unchain(&a.buckets[a.mask + 1 + bucket_of_agent(a, agent.address)], index, NULL, a.agents)
    agent.used = False
    agent.next = a.free_agent
    a.free_agent = index
    a.evicted += 1


cdef int32_t agent_of(Agents* a, const uint8_t* address) noexcept nogil:
    """The agent of an address, made if need be; NOTHING without memory."""
    cdef uint32_t bucket
    cdef int32_t i
    cdef Agent* agent
    cdef Agent* grown
    if a.buckets == NULL and rehash(a, LEAST_BUCKETS) < 0:
        return NOTHING
    i = a.buckets[a.mask + 1 + bucket_of_agent(a, address)]
    # Progress: a link further each turn.
    while i != NOTHING and memcmp(a.agents[i].address, address, 16) != 0:
        i = a.agents[i].next
    if i != NOTHING:
        if i != a.newest:
            unlist(a, i)
            enlist(a, i)
        return i
    if a.free_agent == NOTHING and a.n_agents == a.most_agents:
        forget(a, a.oldest)
    if a.free_agent != NOTHING:
        i = a.free_agent
        a.free_agent = a.agents[i].next
    else:
        if a.n_agents == a.agents_size:
            i = 16 if a.agents_size == 0 else 2 * a.agents_size
            grown = <Agent*> PyMem_RawRealloc(a.agents, i * sizeof(Agent))
            if grown == NULL:
                a.no_memory = True
                return NOTHING
            a.agents = grown
            a.agents_size = i
        i = a.n_agents
        a.n_agents += 1
    agent = &a.agents[i]
    memset(agent, 0, sizeof(Agent))
    memcpy(agent.address, address, 16)
    agent.used = True
    agent.first_ns = agent.last_ns = -1
    agent.first_sequence = NOTHING
    bucket = a.mask + 1 + bucket_of_agent(a, address)
    agent.next = a.buckets[bucket]
    a.buckets[bucket] = i
    enlist(a, i)
    return i


cdef Sequence* sequence_of(
    Agents* a, int32_t agent, uint32_t sub_agent, int counted, uint32_t source_class, uint32_t source_index,
) noexcept nogil:
    """A sequence, made if need be; NULL where its agent has too many, or without memory."""
    cdef Sequence key
    cdef Sequence* sequence
    cdef Sequence* grown
    cdef int32_t i
    cdef uint32_t bucket
    key.agent, key.sub_agent, key.counted = agent, sub_agent, <uint8_t> counted
    key.source_class, key.source_index = source_class, source_index
    i = a.buckets[bucket_of_sequence(a, &key)]
    # Progress: a link further each turn.
    while i != NOTHING:
        sequence = &a.sequences[i]
        if sequence.agent == agent and sequence.sub_agent == sub_agent and sequence.counted == counted and (
            sequence.source_class == source_class and sequence.source_index == source_index
        ):
            return sequence
        i = sequence.next
    if a.agents[agent].n_sequences >= a.most_of_agent:
        a.refused += not a.agents[agent].full
        a.agents[agent].full = True
        return NULL
    # Progress: an agent fewer each turn; the one that is heard of now is the newest, and has at most a quarter.
    while a.used_sequences >= a.most_sequences and a.oldest != agent:
        forget(a, a.oldest)
    if a.free_sequence != NOTHING:
        i = a.free_sequence
        a.free_sequence = a.sequences[i].next
    else:
        if a.n_sequences == a.sequences_size:
            i = 64 if a.sequences_size == 0 else 2 * a.sequences_size
            grown = <Sequence*> PyMem_RawRealloc(a.sequences, i * sizeof(Sequence))
            if grown == NULL:
                a.no_memory = True
                return NULL
            a.sequences = grown
            a.sequences_size = i
        i = a.n_sequences
        a.n_sequences += 1
    sequence = &a.sequences[i]
    memset(sequence, 0, sizeof(Sequence))
    sequence.agent, sequence.sub_agent, sequence.counted = agent, sub_agent, <uint8_t> counted
    sequence.source_class, sequence.source_index = source_class, source_index
    if counted == COUNTED_DATAGRAMS:
        sequence.uptimes = <uint32_t*> PyMem_RawCalloc(WINDOW, sizeof(uint32_t))
        if sequence.uptimes == NULL:
            a.no_memory = True
            sequence.agent = NOTHING
            sequence.next = a.free_sequence
            a.free_sequence = i
            return NULL
    bucket = bucket_of_sequence(a, sequence)
    sequence.next = a.buckets[bucket]
    a.buckets[bucket] = i
    sequence.next_of_agent = a.agents[agent].first_sequence
    a.agents[agent].first_sequence = i
    a.agents[agent].n_sequences += 1
    a.used_sequences += 1
    if a.used_sequences > <int32_t> a.mask and a.mask < <uint32_t> 1 << 24:
        rehash(a, 2 * (a.mask + 1))             # without memory the chains only get longer
    return sequence
