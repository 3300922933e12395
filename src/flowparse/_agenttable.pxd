# cython: language_level=3
"""sFlow agents and their sequences, found by hash."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cdef enum:
    WINDOW = 64                 # sequence numbers behind the last that are remembered, a bit each
    MOST_SOURCES = 16           # addresses of senders that are kept of an agent
    NOTHING = -1

cdef enum Counted:              # what a sequence counts
    COUNTED_DATAGRAMS = 0
    COUNTED_FLOW = 1
    COUNTED_COUNTER = 2
    COUNTED_DISCARD = 3

cdef struct Sequence:           # of a sub-agent's datagrams, or of a data source's samples of one kind
    int32_t agent
    uint8_t counted
    bint begun
    uint32_t sub_agent
    uint32_t source_class
    uint32_t source_index
    uint32_t last
    uint64_t window             # bit i: last - i was seen
    uint64_t seen
    uint64_t lost
    uint64_t duplicates
    uint64_t late
    uint64_t resets
    # Of datagrams:
    uint32_t uptime_ms          # behind `last`
    uint32_t* uptimes           # by sequence number modulo WINDOW
    # Of flow samples:
    uint32_t rate
    uint32_t pool
    uint32_t drops
    uint64_t dropped
    uint64_t pool_sum           # over steps of which both ends are known
    uint64_t step_sum
    int32_t next                # of its hash, or in the free list
    int32_t next_of_agent

cdef struct Agent:
    uint8_t address[16]
    uint8_t sources[MOST_SOURCES][16]
    int n_sources
    bint used
    bint full                   # it has as many sequences as one agent may have
    int64_t first_ns
    int64_t last_ns
    uint32_t uptime_ms
    uint64_t restarts
    int32_t first_sequence
    int32_t n_sequences
    int32_t next                # of its hash, or in the free list
    int32_t newer
    int32_t older

cdef struct Agents:
    Agent* agents
    int32_t n_agents
    int32_t agents_size
    int32_t most_agents
    int32_t free_agent
    int32_t newest
    int32_t oldest
    Sequence* sequences
    int32_t n_sequences
    int32_t sequences_size
    int32_t most_sequences
    int32_t most_of_agent
    int32_t used_sequences
    int32_t free_sequence
    int32_t* buckets            # of sequences, then of agents: heads of chains
    uint32_t mask
    int64_t evicted
    int64_t refused
    int64_t datagram_gap
    int64_t sample_gap
    bint no_memory

cdef int32_t agent_of(Agents* a, const uint8_t* address) noexcept nogil
cdef Sequence* sequence_of(
    Agents* a, int32_t agent, uint32_t sub_agent, int counted, uint32_t source_class, uint32_t source_index,
) noexcept nogil
