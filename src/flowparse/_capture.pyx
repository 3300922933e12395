# cython: language_level=3, cdivision=True
"""The UDP datagrams of a pcap or pcapng capture: containers, link layers, IP and UDP, without an object a packet.

Strategy: a container gives packets, a table of link layers leads to the IP packet in each, and
`_udp.pxd` to the datagram in that. A pcap is walked as a section of pcapng with one interface.
Every packet ends with one verdict, which is the index of its counter: what cannot be read is
counted, never guessed.

Sources: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng, the LINKTYPE_ registry of tcpdump.org,
IEEE 802.1Q. Not done: MPLS, PPPoE and 802.2 SNAP in front of IP, compressed captures, and the
modified pcap of old Linux kernels (magic a1b2cd34).
"""

from cpython.buffer cimport PyBuffer_Release
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from operator import index

from flowparse._clock cimport MICROSECONDS, NANOSECONDS, read_time, set_clock
from flowparse._octets cimport hold_buffer
from flowparse._udp cimport (
    PACKET_BAD,
    PACKET_DATAGRAM,
    PACKET_NOT_UDP,
    PACKET_UNKNOWN_INTERFACE,
    PACKET_UNKNOWN_LINK,
    Datagram,
    Layer,
    Verdict,
    lacks,
    read_ipv4,
    read_ipv6,
    read_udp,
    skip,
)
from flowparse._wire cimport be16, be32, be64
from flowparse._addresses import text_of_address
from flowparse.errors import Malformed, Truncated, UnsupportedVersion


# ── link layers ──────────────────────────────────────────────────────────────────────────────────────────────────────

cdef enum Names:                # how a link layer names the protocol that it carries
    BY_VERSION                  # not at all: the first four bits of IP do
    BY_ETHER_TYPE
    BY_FAMILY                   # an address family of BSD, in either byte order


cdef struct Link:
    uint16_t linktype
    uint8_t header              # octets
    uint8_t names
    uint8_t place               # of the name, octets from the start; the name lies within the header


cdef Link[10] LINKS
LINKS[0] = Link(0, 4, BY_FAMILY, 0)             # NULL
LINKS[1] = Link(1, 14, BY_ETHER_TYPE, 12)       # ETHERNET
LINKS[2] = Link(12, 0, BY_VERSION, 0)           # RAW, by its number on most systems
LINKS[3] = Link(14, 0, BY_VERSION, 0)           # RAW, by its number on OpenBSD
LINKS[4] = Link(101, 0, BY_VERSION, 0)          # RAW
LINKS[5] = Link(108, 4, BY_FAMILY, 0)           # LOOP
LINKS[6] = Link(113, 16, BY_ETHER_TYPE, 14)     # LINUX_SLL
LINKS[7] = Link(228, 0, BY_VERSION, 0)          # IPV4
LINKS[8] = Link(229, 0, BY_VERSION, 0)          # IPV6
LINKS[9] = Link(276, 20, BY_ETHER_TYPE, 0)      # LINUX_SLL2


cdef int16_t find_link(uint32_t linktype) noexcept nogil:
    cdef int16_t row
    for row in range(10):
        if LINKS[row].linktype == linktype:
            return row
    return -1


cdef int version_of_family(uint32_t family) noexcept nogil:
    if family > 0xFFFF:         # written by a host of the other byte order
        family = family >> 24 | (family >> 8 & 0xFF00)
    if family == 2:
        return 4
    # AF_INET6 of Windows, NetBSD and OpenBSD, FreeBSD, Darwin.
    return 6 if family == 23 or family == 24 or family == 28 or family == 30 else 0


cdef Verdict read_link(const Link* link, Layer* layer, int* version) noexcept nogil:
    """Leave the link layer and its VLAN tags behind, and tell the version of IP that follows."""
    cdef uint16_t kind
    cdef Verdict verdict = lacks(layer, max(<Py_ssize_t>link.header, 1))
    if verdict:
        return verdict
    # Bounds: header >= 1 octets are there, or 1 where there is no header; place + width <= header.
    if link.names == BY_VERSION:
        version[0] = layer.at[0] >> 4
        return PACKET_DATAGRAM if version[0] == 4 or version[0] == 6 else PACKET_BAD
    if link.names == BY_FAMILY:
        version[0] = version_of_family(be32(layer.at + link.place))
        skip(layer, link.header)
        return PACKET_DATAGRAM if version[0] else PACKET_NOT_UDP
    kind = be16(layer.at + link.place)
    skip(layer, link.header)
    # Progress: each turn uses the 4 octets of a tag.
    while kind == 0x8100 or kind == 0x88A8 or kind == 0x9100:
        verdict = lacks(layer, 4)
        if verdict:
            return verdict
        kind = be16(layer.at + 2)       # Bounds: 4 octets are there.
        skip(layer, 4)
    version[0] = 4 if kind == 0x0800 else 6 if kind == 0x86DD else 0
    return PACKET_DATAGRAM if version[0] else PACKET_NOT_UDP


# ── containers ───────────────────────────────────────────────────────────────────────────────────────────────────────

cdef enum:
    CAPTURE_SKIPPED = -1        # a block without a packet

    SECTION_HEADER = 0x0A0D0D0A
    INTERFACE_DESCRIPTION = 1
    OBSOLETE_PACKET = 2
    SIMPLE_PACKET = 3
    ENHANCED_PACKET = 6

    OPTION_END = 0
    OPTION_TSRESOL = 9
    OPTION_TSOFFSET = 14

cdef uint32_t PCAP_MICROSECONDS = 0xA1B2C3D4
cdef uint32_t PCAP_NANOSECONDS = 0xA1B23C4D


cdef struct Packet:
    Py_ssize_t offset           # of its record or block
    uint64_t interface
    uint64_t ticks
    bint timed
    Verdict verdict             # PACKET_BAD if its own lengths lie already
    Layer layer


cdef inline uint16_t host16(const Capture* capture, const uint8_t* p) noexcept nogil:
    # Bounds: the caller proved 2 octets.
    return be16(p) if capture.big_endian else p[0] | <uint16_t>p[1] << 8


cdef inline uint32_t host32(const Capture* capture, const uint8_t* p) noexcept nogil:
    # Bounds: the caller proved 4 octets.
    if capture.big_endian:
        return be32(p)
    return p[0] | <uint32_t>p[1] << 8 | <uint32_t>p[2] << 16 | <uint32_t>p[3] << 24


cdef inline uint64_t host64(const Capture* capture, const uint8_t* p) noexcept nogil:
    # Bounds: the caller proved 8 octets.
    if capture.big_endian:
        return be64(p)
    return host32(capture, p) | <uint64_t>host32(capture, p + 4) << 32


cdef int stop(Capture* capture, Reason reason, int64_t needed, int64_t found) noexcept nogil:
    capture.stop = reason
    capture.stop_offset = capture.at - capture.octets
    capture.needed = needed
    capture.found = found
    return reason


cdef inline void set_layer(
    Packet* packet, const uint8_t* at, Py_ssize_t captured, Py_ssize_t original,
) noexcept nogil:
    packet.layer.at = at
    packet.layer.have = captured
    packet.layer.said = max(captured, original)         # some writers leave the original length 0


cdef int read_record(Capture* capture, Packet* packet) noexcept nogil:
    """Read one record of pcap: seconds, fraction, captured and original length, the octets."""
    cdef const uint8_t* at = capture.at
    cdef Py_ssize_t left = capture.end - at
    cdef int64_t captured
    if left == 0:
        return stop(capture, CAPTURE_END, 0, 0)
    if left < 16:
        return stop(capture, CAPTURE_CUT, 16, left)
    # Bounds: 16 octets are there; the packet's are, when captured <= left - 16.
    captured = host32(capture, at + 8)
    if captured > left - 16:
        return stop(capture, CAPTURE_CUT, 16 + captured, left)
    packet.offset = at - capture.octets
    packet.interface = 0
    # 2**32 seconds of 10**9 units, and 2**32 more, fit 64 bits.
    packet.ticks = host32(capture, at) * capture.interfaces[0].clock.units + host32(capture, at + 4)
    packet.timed = True
    packet.verdict = PACKET_DATAGRAM
    set_layer(packet, at + 16, captured, host32(capture, at + 12))
    capture.at += 16 + captured
    return CAPTURE_DATAGRAM


cdef int read_section(Capture* capture) noexcept nogil:
    """Learn the byte order of a section; what was known of interfaces is over."""
    cdef uint32_t magic, version
    if capture.end - capture.at < 16:
        return stop(capture, CAPTURE_CUT, 28, capture.end - capture.at)
    # Bounds: 16 octets are there.
    magic = be32(capture.at + 8)
    if magic != 0x1A2B3C4D and magic != 0x4D3C2B1A:
        return stop(capture, CAPTURE_BYTE_ORDER, 0x1A2B3C4D, magic)
    capture.big_endian = magic == 0x1A2B3C4D
    capture.n_interfaces = 0
    version = host16(capture, capture.at + 12)
    if version != 1:
        return stop(capture, CAPTURE_VERSION, 1, version)
    return CAPTURE_SKIPPED


cdef void read_interface(Capture* capture, const uint8_t* at, Py_ssize_t length) noexcept nogil:
    """Keep link type, snaplen and clock of an interface; one whose description lies is not readable."""
    cdef Interface* interface
    cdef Py_ssize_t width, padded
    cdef uint16_t code
    cdef uint8_t resolution = MICROSECONDS
    cdef int64_t offset_s = 0
    capture.n_interfaces += 1
    if capture.n_interfaces > MAX_INTERFACES:
        return
    # Bounds: n_interfaces is from 1 to MAX_INTERFACES.
    interface = &capture.interfaces[capture.n_interfaces - 1]
    interface.clock.readable = False
    if length < 8:
        return
    # Bounds: 8 octets are there.
    interface.link = find_link(host16(capture, at))
    interface.snaplen = host32(capture, at + 4)
    at += 8
    length -= 8
    # Progress: each turn uses the 4 octets or more of an option.
    while length >= 4:
        # Bounds: 4 octets are there, and 4 + padded after the comparison.
        code = host16(capture, at)
        width = host16(capture, at + 2)
        if code == OPTION_END:
            break
        padded = (width + 3) & ~<Py_ssize_t>3
        if padded > length - 4:
            return
        if code == OPTION_TSRESOL and width == 1:
            resolution = at[4]
        elif code == OPTION_TSOFFSET and width == 8:
            offset_s = <int64_t>host64(capture, at + 4)
        at += 4 + padded
        length -= 4 + padded
    set_clock(&interface.clock, resolution, offset_s)


cdef void read_timed_packet(
    Capture* capture, const uint8_t* at, Py_ssize_t length, bint wide, Packet* packet,
) noexcept nogil:
    """Read the body of an Enhanced Packet Block, or of the obsolete one, whose interface has two octets."""
    cdef int64_t captured
    if length < 20:
        packet.verdict = PACKET_BAD
        return
    # Bounds: 20 octets are there; the packet's are, when captured <= length - 20.
    captured = host32(capture, at + 12)
    if captured > length - 20:
        packet.verdict = PACKET_BAD
        return
    packet.interface = host32(capture, at) if wide else host16(capture, at)
    packet.ticks = <uint64_t>host32(capture, at + 4) << 32 | host32(capture, at + 8)
    packet.timed = True
    set_layer(packet, at + 20, captured, host32(capture, at + 16))


cdef void read_simple_packet(Capture* capture, const uint8_t* at, Py_ssize_t length, Packet* packet) noexcept nogil:
    """Read the body of a Simple Packet Block: no time, the first interface, a length that others limit."""
    cdef int64_t original, captured
    if length < 4:
        packet.verdict = PACKET_BAD
        return
    # Bounds: 4 octets are there, and captured <= length - 4.
    original = host32(capture, at)
    captured = min(original, <int64_t>(length - 4))
    if capture.n_interfaces and capture.interfaces[0].snaplen:
        captured = min(captured, <int64_t>capture.interfaces[0].snaplen)
    packet.interface = 0
    set_layer(packet, at + 4, captured, original)


cdef int read_block(Capture* capture, Packet* packet) noexcept nogil:
    """Read one block of pcapng: its type, its length, a body, its length once more."""
    cdef const uint8_t* at = capture.at
    cdef Py_ssize_t left = capture.end - at
    cdef int64_t length
    cdef uint32_t kind, trailer
    cdef int reason = CAPTURE_DATAGRAM
    if left == 0:
        return stop(capture, CAPTURE_END, 0, 0)
    if left < 12:
        return stop(capture, CAPTURE_CUT, 12, left)
    # Bounds: 12 octets are there.
    kind = host32(capture, at)
    if kind == SECTION_HEADER:          # the same in either byte order, and the first to tell which
        reason = read_section(capture)
        if reason != CAPTURE_SKIPPED:
            return reason
    length = host32(capture, at + 4)
    if length < (28 if kind == SECTION_HEADER else 12) or length & 3:
        return stop(capture, CAPTURE_BLOCK_LENGTH, 28 if kind == SECTION_HEADER else 12, length)
    if length > left:
        return stop(capture, CAPTURE_CUT, length, left)
    # Bounds: 12 <= length <= left, so that the body has length - 12 octets.
    trailer = host32(capture, at + length - 4)
    if trailer != length:
        return stop(capture, CAPTURE_BLOCK_TRAILER, length, trailer)
    capture.at += length
    packet.offset = at - capture.octets
    packet.timed = False
    packet.verdict = PACKET_DATAGRAM
    if kind == ENHANCED_PACKET or kind == OBSOLETE_PACKET:
        read_timed_packet(capture, at + 8, length - 12, kind == ENHANCED_PACKET, packet)
        return CAPTURE_DATAGRAM
    if kind == SIMPLE_PACKET:
        read_simple_packet(capture, at + 8, length - 12, packet)
        return CAPTURE_DATAGRAM
    if kind == INTERFACE_DESCRIPTION:
        read_interface(capture, at + 8, length - 12)
    return CAPTURE_SKIPPED


# ── the walk ─────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef Verdict read_packet(Capture* capture, Packet* packet, Datagram* datagram) noexcept nogil:
    """Peel one packet; the datagram is whole when the verdict is PACKET_DATAGRAM."""
    cdef const Interface* interface
    cdef int version = 0
    cdef Verdict verdict
    if packet.verdict:
        return packet.verdict
    if packet.interface >= capture.n_interfaces or packet.interface >= MAX_INTERFACES:
        return PACKET_UNKNOWN_INTERFACE
    interface = &capture.interfaces[packet.interface]   # Bounds: below MAX_INTERFACES.
    if not interface.clock.readable:
        return PACKET_UNKNOWN_INTERFACE
    if interface.link < 0:
        return PACKET_UNKNOWN_LINK
    # Bounds: find_link gave a row of LINKS.
    verdict = read_link(&LINKS[interface.link], &packet.layer, &version)
    if verdict:
        return verdict
    verdict = read_ipv4(&packet.layer, datagram) if version == 4 else read_ipv6(&packet.layer, datagram)
    if verdict:
        return verdict
    verdict = read_udp(&packet.layer, capture.ports, datagram)
    if verdict:
        return verdict
    datagram.offset = packet.offset
    datagram.time_ns = 0
    if not packet.timed or not read_time(&interface.clock, packet.ticks, &datagram.time_ns):
        capture.untimed += 1
    return PACKET_DATAGRAM


cdef int open_capture(Capture* capture, const uint8_t* octets, Py_ssize_t length) noexcept nogil:
    """Set up a walk over these octets; CAPTURE_DATAGRAM if they start a capture, else why they do not.

    Every port is asked for until `capture.ports` is set.
    """
    cdef Packet packet
    cdef uint32_t magic, version
    cdef int reason
    memset(capture, 0, sizeof(Capture))
    capture.octets = capture.at = octets
    capture.end = octets + length
    if length < 4:
        return stop(capture, CAPTURE_CUT, 24, length)
    magic = be32(octets)                # Bounds: 4 octets are there.
    if magic == SECTION_HEADER:
        capture.pcapng = True
        reason = read_block(capture, &packet)
        return CAPTURE_DATAGRAM if reason == CAPTURE_SKIPPED else reason
    capture.big_endian = magic == PCAP_MICROSECONDS or magic == PCAP_NANOSECONDS
    if not capture.big_endian:
        magic = host32(capture, octets)
    if magic != PCAP_MICROSECONDS and magic != PCAP_NANOSECONDS:
        return stop(capture, CAPTURE_NO_MAGIC, PCAP_MICROSECONDS, be32(octets))
    if length < 24:
        return stop(capture, CAPTURE_CUT, 24, length)
    # Bounds: 24 octets are there.
    version = <uint32_t>host16(capture, octets + 4) << 16 | host16(capture, octets + 6)
    if version != 0x20004:              # before 2.4 the two lengths of a record may change places
        return stop(capture, CAPTURE_VERSION, 0x20004, version)
    capture.n_interfaces = 1
    capture.interfaces[0].link = find_link(host32(capture, octets + 20) & 0xFFFF)   # the rest tells of the FCS
    set_clock(&capture.interfaces[0].clock, MICROSECONDS if magic == PCAP_MICROSECONDS else NANOSECONDS, 0)
    capture.at += 24
    return CAPTURE_DATAGRAM


cdef int next_datagram(Capture* capture, Datagram* datagram) noexcept nogil:
    """Walk to the next datagram; CAPTURE_DATAGRAM if there is one, else why there is none, and so from then on."""
    cdef Packet packet
    cdef Verdict verdict
    cdef int reason
    if capture.stop:
        return capture.stop
    # Progress: each turn uses a record of 16 octets or more, or a block of 12 or more, or returns.
    while True:
        reason = read_block(capture, &packet) if capture.pcapng else read_record(capture, &packet)
        if reason == CAPTURE_SKIPPED:
            continue
        if reason:
            return reason
        verdict = read_packet(capture, &packet, datagram)
        capture.counts[<int>verdict] += 1       # Bounds: a Verdict is below N_VERDICTS.
        if verdict == PACKET_DATAGRAM:
            return CAPTURE_DATAGRAM


# ── the door ─────────────────────────────────────────────────────────────────────────────────────────────────────────

# Named in the order of Verdict.
COUNTERS = (
    "datagrams", "not_udp", "other_port", "fragments", "snapped", "bad_packets", "unknown_link", "unknown_interface",
)

NO_FILE = "a capture is the octets that a file holds, not its name: open it, and pass what you read or an mmap of it"
PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zXZ": "xz", b"BZh": "bzip2"}

PCAP = "draft-ietf-opsawg-pcap 4"           # the clause of every error in a pcap
PCAPNG = "draft-ietf-opsawg-pcapng 3.1"
SECTION = "draft-ietf-opsawg-pcapng 4.1"
ERRORS = {
    CAPTURE_CUT: (Truncated, PCAPNG, "{needed} octets needed at offset {offset}, {found} left"),
    CAPTURE_NO_MAGIC: (UnsupportedVersion, PCAP, "neither pcap nor pcapng: it starts with {found:#010x}"),
    CAPTURE_VERSION: (UnsupportedVersion, SECTION, "version {found:#x} at offset {offset}; {needed:#x} is read"),
    CAPTURE_BLOCK_LENGTH: (
        Malformed, PCAPNG, "block length {found} at offset {offset}; at least {needed}, and a multiple of 4",
    ),
    CAPTURE_BLOCK_TRAILER: (Malformed, PCAPNG, "block at offset {offset} has length {needed} in front, {found} behind"),
    CAPTURE_BYTE_ORDER: (Malformed, SECTION, "section at offset {offset} has byte-order magic {found:#010x}"),
}


cdef enum:
    MAX_ENDPOINTS = 4096        # (address, port) pairs remembered, so that a repeated one costs a look-up


cdef class Reader:
    """The UDP datagrams of a pcap or pcapng capture, one at a time.

    Parameters
    ----------
    capture : buffer
        The whole capture. It is held until the Reader is gone, and not copied.
    ports : iterable of int, optional
        Destination ports to give; None is all of them.

    Raises
    ------
    UnsupportedVersion
        Neither pcap nor pcapng, or a version of them that is not read here.
    Malformed, Truncated
        The capture does not even have a header.
    ValueError
        A port below 0 or above 65535.

    Notes
    -----
    Iteration gives (time_ns, source, destination, payload). `time_ns` counts from 1970 and is 0 where
    the capture does not say; the addresses are text, dotted or as RFC 5952 §4 says; `payload` is a
    slice of a memoryview of `capture`. Iteration ends, without an exception, where the capture is
    damaged; `error` then says how.
    """

    def __cinit__(self, capture, ports=None):
        if isinstance(capture, str) or hasattr(capture, "__fspath__"):
            raise TypeError(NO_FILE)
        hold_buffer(capture, &self.view)
        open_capture(&self.state, <const uint8_t*>self.view.buf, self.view.len)
        error = self.error
        if error is not None:
            start = bytes(memoryview(capture).cast("B")[:6])
            packed = [name for magic, name in PACKED.items() if start.startswith(magic)]
            if packed:
                message = f"the capture is packed with {packed[0]}: unpack it first"
                raise UnsupportedVersion(message, offset=0, clause=PCAP)
            raise error
        self.octets = memoryview(capture)
        if self.octets.format != "B" or self.octets.ndim != 1:
            self.octets = self.octets.cast("B")
        self.endpoints = {}
        if ports is not None:
            self.state.ports = self.ports
            for port in map(index, ports):
                if not 0 <= port <= 65535:
                    raise ValueError(f"a port is from 0 to 65535, not {port}")
                self.ports[<int>port >> 3] |= 1 << (<int>port & 7)      # Bounds: 65,536 bits.

    def __dealloc__(self):
        PyBuffer_Release(&self.view)

    def __iter__(self):
        return self

    def __next__(self):
        cdef Datagram datagram
        cdef Py_ssize_t start
        cdef int reason
        if self.busy:
            raise RuntimeError("this Reader is at work in another thread")
        self.busy = True
        with nogil:
            reason = next_datagram(&self.state, &datagram)
        self.busy = False
        if reason != CAPTURE_DATAGRAM:
            raise StopIteration
        start = datagram.payload - self.state.octets
        return (
            datagram.time_ns,
            self.endpoint(datagram.source, datagram.source_port),
            self.endpoint(datagram.destination, datagram.destination_port),
            self.octets[start:start + datagram.length],
        )

    cdef tuple endpoint(self, const uint8_t* address, uint16_t port):
        cdef uint8_t[18] octets
        memcpy(octets, address, 16)
        memcpy(octets + 16, &port, 2)
        key = PyBytes_FromStringAndSize(<const char*>octets, 18)
        known = self.endpoints.get(key)
        if known is None:
            if len(self.endpoints) >= MAX_ENDPOINTS:
                self.endpoints.clear()
            known = self.endpoints[key] = (text_of_address(key[:16]), port)
        return <tuple>known

    def counts(self):
        """Tell what became of the packets so far.

        Returns
        -------
        counts : dict
            `packets`, which is the sum of `datagrams` (given), `not_udp`, `other_port`, `fragments`,
            `snapped` (captured too short), `bad_packets` (headers that lie), `unknown_link` and
            `unknown_interface` (not described, without a readable clock, or beyond 64 in a section);
            `untimed`, how many datagrams had no time; `truncated_tail`, 1 if the capture ended inside
            a packet or block.
        """
        counts = {"packets": 0}
        for row, name in enumerate(COUNTERS):
            counts[name] = self.state.counts[<int>row]      # Bounds: N_VERDICTS names.
        counts["packets"] = sum(counts.values())
        counts["untimed"] = self.state.untimed
        counts["truncated_tail"] = int(self.state.stop == CAPTURE_CUT)
        return counts

    @property
    def error(self):
        """What ended the iteration before its time, or None; its offset is from the start of the capture."""
        if self.state.stop not in ERRORS:
            return None
        kind, clause, message = ERRORS[self.state.stop]
        clause = clause if self.state.pcapng else PCAP
        offset = self.state.stop_offset
        text = message.format(offset=offset, needed=self.state.needed, found=self.state.found)
        return kind(f"{text} ({clause})", offset=offset, clause=clause)
