# cython: language_level=3
"""IPFIX Messages in a stream: where one ends and the next begins."""

from libc.stdint cimport uint16_t, uint64_t

from flowparse._decode cimport Datagram
from flowparse._exporters cimport Alias
from flowparse._feed cimport Feeder
from flowparse._octets cimport Octets
from flowparse._plan cimport Stop
from flowparse._wire cimport Span

cdef enum Frame:                    # what stands where a message may begin
    FRAME_WHOLE = 0
    FRAME_CUT = 1                   # its start; or nothing
    FRAME_VERSION = 2               # no IPFIX
    FRAME_LENGTH = 3                # a length shorter than the header


cdef class Stream:
    cdef bytearray held             # of a message that is not whole yet
    cdef uint64_t offset            # octets of the stream before `held`
    cdef uint64_t dropped           # behind what broke it
    cdef bint broken
    cdef bint has_port
    cdef uint16_t port


cdef class StreamFeeder(Feeder):
    cdef Stop _walk_frames(
        self, Span* span, Py_ssize_t most, Datagram* one, int* frame, Py_ssize_t* rows,
    ) noexcept nogil
    cdef Stop _run_frames(
        self, Span* span, Py_ssize_t most, bint release, Datagram* one, int* frame, Py_ssize_t* rows,
    ) except *
    cdef Py_ssize_t _feed_chunk(self, Stream stream, Alias alias, Datagram* one, const Octets* octets) except -1
    cdef int _break(self, Stream stream, Alias alias, int frame, const Span* span, Py_ssize_t behind) except -1
