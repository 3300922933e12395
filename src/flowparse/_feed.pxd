# cython: language_level=3
"""Doors that other doors are built on."""

from libc.stdint cimport uint8_t, uint16_t

from flowparse._capture cimport Capture
from flowparse._decode cimport Datagram
from flowparse._exporters cimport Alias, ExporterState
from flowparse._layout cimport ADDRESS_OCTETS
from flowparse._plan cimport Stop
from flowparse._sflowwalk cimport SflowWalker
from flowparse._udp cimport Datagram as Packet

cdef enum:
    BLOCK = 256                     # datagrams gathered before the GIL is released
    WORTH_RELEASING = 16            # fewer are decoded with it
    RECENT = 256                    # sources of a capture remembered without Python

cdef struct Recent:                 # a source of a capture, and who it is
    uint8_t address[ADDRESS_OCTETS]
    uint16_t port
    ExporterState* exporter         # NULL: nobody yet


cdef class Feeder(SflowWalker):
    cdef Recent recent[RECENT]          # by a hash of address and port; of one capture at a time
    cdef int _enter(self) except -1
    cdef int _leave(self) except -1
    cdef int _run_one(self, Datagram* one, bint apart) except -1
    cdef int _run_block(
        self, Datagram* block, Py_ssize_t n, Py_ssize_t first, bint release, Py_ssize_t* rows,
    ) except -1
    cdef Recent* _recent_of(self, const Packet* packet) noexcept nogil
    cdef Stop _walk_capture(self, Capture* capture, Packet* packet, Py_ssize_t most, Py_ssize_t* rows) noexcept nogil

cdef int set_exporter(Datagram* one, Alias alias) except -1
cdef int set_received(Datagram* one, object received_ns) except -1
cdef void copy_received(Datagram* one, const Datagram* other) noexcept nogil
