# cython: language_level=3
"""What another kernel needs to walk a capture: the state, a datagram, and the two functions between them.

The whole state is one flat struct of about 3 KiB; it owns nothing and points into the caller's
octets, which must outlive it. To walk from a `Reader`, call `next_datagram(&reader.state, ...)`.
"""

from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from flowparse._clock cimport Clock
from flowparse._udp cimport N_VERDICTS, Datagram

cdef enum:
    MAX_INTERFACES = 64         # per section of pcapng; packets of further ones are counted, not read


cdef enum Reason:               # why next_datagram returned; what is not one of the first two is damage
    CAPTURE_DATAGRAM            # here is one
    CAPTURE_END                 # there are no more
    CAPTURE_CUT                 # the capture ends inside a header, a record or a block
    CAPTURE_NO_MAGIC            # neither pcap nor pcapng
    CAPTURE_VERSION             # a version of the format that is not read here
    CAPTURE_BLOCK_LENGTH        # a block length that cannot be
    CAPTURE_BLOCK_TRAILER       # the two lengths of a block differ
    CAPTURE_BYTE_ORDER          # a section without byte-order magic


cdef struct Interface:          # of one section; a pcap has one
    Clock clock
    uint32_t snaplen            # 0 is no limit
    int16_t link                # row of the table of link layers; negative is none


cdef struct Capture:
    const uint8_t* octets       # the first
    const uint8_t* at           # the first not walked; at <= end always holds
    const uint8_t* end
    const uint8_t* ports        # 65,536 bits, least significant first; NULL is every port
    uint64_t n_interfaces       # described in this section, not all of them kept
    uint64_t counts[N_VERDICTS]
    uint64_t untimed            # datagrams without a time
    Py_ssize_t stop_offset      # where the walk stopped, for what, and the two numbers of that reason
    int64_t needed
    int64_t found
    int stop                    # a Reason; CAPTURE_DATAGRAM until the walk is over
    bint pcapng
    bint big_endian
    Interface interfaces[MAX_INTERFACES]


cdef int open_capture(Capture* capture, const uint8_t* octets, Py_ssize_t length) noexcept nogil
cdef int next_datagram(Capture* capture, Datagram* datagram) noexcept nogil


cdef class Reader:
    cdef Capture state
    cdef Py_buffer view
    cdef bint busy
    cdef object octets          # memoryview of what `view` shows, to be sliced
    cdef dict endpoints         # (address, port) by their 18 octets
    cdef uint8_t ports[8192]
    cdef tuple endpoint(self, const uint8_t* address, uint16_t port)
