# cython: language_level=3
"""The walk over sFlow datagrams: agents, transactions, and why it stops."""

from libc.stdint cimport uint8_t

from flowparse._agents cimport AgentTable
from flowparse._columns cimport Account
from flowparse._decode cimport Datagram
from flowparse._exporters cimport DomainState, Exporters, ExporterState
from flowparse._plan cimport Stop
from flowparse._sets cimport SetWalker
from flowparse._sflow cimport Sflow, Walk

cdef enum:
    RECENT_AGENTS = 256

cdef struct Agent:                  # an agent heard of lately, by who sent its datagrams
    ExporterState* sender           # NULL: nobody yet
    uint8_t address[16]
    ExporterState* state

cdef struct SflowMessage:           # the datagram under way
    bint under_way
    Datagram datagram               # a copy: whoever fed it may have left meanwhile
    DomainState* domain             # NULL: not found yet
    DomainState before              # as it was
    Py_ssize_t notes_before
    Walk walk


cdef class SflowWalker(SetWalker):
    cdef Sflow sflow
    cdef AgentTable heard               # what agents send, counted
    cdef SflowMessage sflow_message
    cdef Account counters
    cdef Exporters agents
    cdef Py_ssize_t evictions           # of exporters and agents together, when `recent_agents` was last right
    cdef Agent[RECENT_AGENTS] recent_agents
    cdef unsigned int most_samples
    cdef unsigned int most_records_of_sample
    cdef Agent* _agent_slot(self, const ExporterState* sender, const uint8_t* address) noexcept nogil
    cdef Stop _open_sflow(self, const Datagram* datagram) noexcept nogil
    cdef Stop _go_on_sflow(self) noexcept nogil
    cdef Stop _settle_sflow(self) noexcept nogil
    cdef Stop _refuse_sflow(self, int kind, Py_ssize_t offset, Py_ssize_t a, Py_ssize_t b, Py_ssize_t c) noexcept nogil
    cdef void _hear(self) noexcept nogil
    cdef int _find_agent(self) except -1
    cdef int _act_on_sflow(self, Stop stop) except -1
