# cython: language_level=3
"""What sFlow agents send, counted: sequences, losses, restarts, effective sampling."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from flowparse._agenttable cimport Agents

cdef enum Verdict:
    VERDICT_FIRST = 0
    VERDICT_NEXT = 1            # with or without a gap before it
    VERDICT_DUPLICATE = 2
    VERDICT_LATE = 3
    VERDICT_RESET = 4

cdef struct Heard:              # the datagram that samples are told of
    int32_t agent
    uint32_t sub_agent
    bint restarted

cdef Heard hear_datagram(
    Agents* a, const uint8_t* address, const uint8_t* source, uint32_t sub_agent, uint32_t sequence, uint32_t uptime_ms,
    int64_t received_ns,
) noexcept nogil
cdef void hear_sample(
    Agents* a, const Heard* heard, int counted, uint32_t source_class, uint32_t source_index, uint32_t sequence,
    uint32_t rate, uint32_t pool, uint32_t drops,
) noexcept nogil
cdef bint hear_octets(
    Agents* a, const uint8_t* at, const uint8_t* end, const uint8_t* source, int64_t received_ns,
) noexcept nogil


cdef class AgentTable:
    cdef Agents a
