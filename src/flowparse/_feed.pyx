# cython: boundscheck=False, wraparound=False, cdivision=True
"""Doors: octets in every form that callers have, to datagrams that the walk decodes.

One datagram is decoded with the GIL held, which costs less than giving it away. Many are gathered in
blocks whose octets nobody can write meanwhile, and decoded without it. A walk that stops is acted on
and resumed; an exception carries the index of its datagram, and what came before it stays decoded.
"""

from cpython.buffer cimport PyBuffer_Release
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.string cimport memcmp, memcpy, memset

from flowparse._capture cimport CAPTURE_DATAGRAM, Capture, Reader, next_datagram
from flowparse._decode cimport Datagram, STOP_EXPORTER, STOP_NOTES, STOP_ROWS
from flowparse._exporters cimport Alias
from flowparse._layout cimport ADDRESS_OCTETS
from flowparse._notes cimport nearly_full, take_notes
from flowparse._octets cimport Octets, copy_octets, hold_integers, hold_octets, let_go
from flowparse._plan cimport STOP_END, Stop
from flowparse._sflowwalk cimport SflowWalker
from flowparse._templates cimport bury
from flowparse._udp cimport Datagram as Packet
from flowparse._wire cimport be32

cdef extern from "Python.h":
    Py_ssize_t PY_SSIZE_T_MAX
    long long PyLong_AsLongLongAndOverflow(object integer, int* overflow) except? -1

cdef enum:
    MOST_HEADER = 40                # octets of a Message Header that Message keeps


cdef class Feeder(SflowWalker):
    """A Walker with doors."""

    cdef int _enter(self) except -1:
        if self.busy:
            raise RuntimeError("this decoder is decoding already; use one decoder per thread")
        self.busy = True
        return 0

    cdef int _leave(self) except -1:
        """The end of a door: what was noted becomes events."""
        self.busy = False
        bury(&self.kept.templates)
        if self.book.n:
            self._report(take_notes(&self.book))
        return 0

    cdef int _run_one(self, Datagram* one, bint apart) except -1:
        cdef Stop stop
        # Progress: each stop is acted on and the walk ends, or an exception is raised.
        while True:
            stop = self._walk(one, apart)
            if stop == STOP_END:
                return 0
            self._act(stop)

    cdef int _run_block(
        self, Datagram* block, Py_ssize_t n, Py_ssize_t first, bint release, Py_ssize_t* rows,
    ) except -1:
        """Decode a block; an exception carries the index of its datagram, and earlier ones stay decoded."""
        cdef Py_ssize_t at = 0
        cdef Stop stop
        # Progress: each stop is acted on and the walk goes further, or an exception is raised.
        while True:
            if release:
                with nogil:
                    stop = self._walk_block(block, n, &at, rows)
            else:
                stop = self._walk_block(block, n, &at, rows)
            if stop == STOP_END:
                return 0
            try:
                self._act(stop)
            except Exception as error:
                error.index = first + at
                raise

    def feed(self, datagram, exporter, received_ns=None):
        """Decode one datagram; return the number of flow rows that it added.

        Parameters
        ----------
        datagram : buffer of octets
            Not kept after the call.
        exporter : address or (host, port)
            "" where it is not known.
        received_ns : int, optional
            Nanoseconds since 1970 UTC.

        Raises
        ------
        DecodeError
            Only with `strict=True`.
        TypeError, ValueError
            An argument that means nothing, before any state.
        """
        cdef Datagram one
        cdef Octets octets
        hold_octets(datagram, &octets)
        try:
            one.octets = octets.at
            one.length = octets.length
            set_received(&one, received_ns)
            self._enter()
            try:
                set_exporter(&one, self._resolve(exporter))
                self._run_one(&one, False)
            finally:
                self._leave()
            return self.ledger.rows
        finally:
            let_go(&octets)

    def _feed_apart(self, datagram, exporter, received_ns):
        """Decode one datagram whose rows and notes leave by themselves; return what `Message` is made of."""
        cdef Datagram one
        cdef Octets octets
        cdef Alias alias
        hold_octets(datagram, &octets)
        try:
            one.octets = octets.at
            one.length = octets.length
            set_received(&one, received_ns)
            self._enter()
            try:
                alias = self._resolve(exporter)
                set_exporter(&one, alias)
                header = PyBytes_FromStringAndSize(<const char*> one.octets, min(one.length, MOST_HEADER))
                self.walk.with_options = False          # of an earlier message
                self.walk.n_templates = 0
                self.sflow_message.domain = NULL
                self._run_one(&one, True)
                # First: whatever fails, no other message has the rows.
                taken = self.account.take_apart()
                options = self.options.take_apart() if self.walk.with_options else []
                counters = self._counters_apart()
                notes = take_notes(&self.book) if self.book.n else []
                address = None if alias is None else alias.exporter.address
                length = one.length if self.walk.n_templates else 0
                whole = PyBytes_FromStringAndSize(<const char*> one.octets, length)
                return header, address, notes, taken, options, self.replayed, whole, counters
            finally:
                self._leave()
        finally:
            let_go(&octets)

    def feed_many(self, datagrams, exporters, received_ns=None):
        """Decode many datagrams; return the number of flow rows that they added.

        Parameters
        ----------
        datagrams : sequence of buffers of octets
        exporters : exporter, or sequence of exporters
            A tuple is one exporter, (host, port); one for each datagram comes in a list.
        received_ns : int, or sequence of int, optional

        Raises
        ------
        DecodeError
            Only with `strict=True`.
        TypeError, ValueError
            An argument that means nothing. Like any other exception it carries `index`, which
            datagram it was; earlier ones stay decoded.
        """
        cdef Datagram[BLOCK] block
        cdef Datagram for_all           # what holds for each of them
        cdef Datagram* one
        cdef Alias alias = None
        cdef Py_ssize_t i, n, first = 0, rows = 0
        cdef bint each_exporter = not is_one_exporter(exporters)
        cdef bint each_time = received_ns is not None and not isinstance(received_ns, int)
        cdef list octets, keep
        if isinstance(datagrams, (bytes, bytearray, memoryview, str)):
            raise TypeError("feed_many takes a sequence of datagrams; feed takes one")
        if not isinstance(datagrams, (list, tuple)):
            datagrams = list(datagrams)
        n = len(datagrams)
        check_number(exporters, each_exporter, n, "exporters")
        check_number(received_ns, each_time, n, "times")
        set_received(&for_all, None if each_time else received_ns)
        self._enter()
        try:
            if not each_exporter:
                alias = self._resolve(exporters)
            # Progress: a block further each turn.
            while first < n:
                octets = list(datagrams[first:first + BLOCK])
                if not octets:
                    break               # the caller's list became shorter meanwhile
                keep = []               # exporters that may be forgotten while the block is made
                for i in range(len(octets)):
                    # Bounds: i < BLOCK.
                    one = &block[i]
                    try:
                        # Copied if they could be written, since the GIL is released.
                        octets[i] = item = copy_octets(octets[i])
                        one.octets = <const uint8_t*> PyBytes_AS_STRING(item)
                        one.length = PyBytes_GET_SIZE(item)
                        if each_exporter:
                            alias = self._resolve(exporters[first + i])
                            keep.append(alias)
                        set_exporter(one, alias)
                        if each_time:
                            set_received(one, received_ns[first + i])
                        else:
                            copy_received(one, &for_all)
                    except Exception as error:
                        self._run_block(block, i, first, False, &rows)
                        error.index = first + i
                        raise
                self._run_block(block, len(octets), first, len(octets) >= WORTH_RELEASING, &rows)
                first += len(octets)
        finally:
            self._leave()
        return rows

    def feed_at(self, buffer, offsets, lengths, exporters, received_ns=None):
        """Decode datagrams that lie in one buffer; return the number of flow rows that they added.

        Parameters
        ----------
        buffer : buffer of octets
        offsets : buffer of int64, shape (n,)
        lengths : buffer of int32, shape (n,)
        exporters : exporter, or sequence of exporters
            A tuple is one exporter, (host, port).
        received_ns : int, or buffer of int64, shape (n,), optional

        Raises
        ------
        DecodeError
            Only with `strict=True`.
        TypeError, ValueError
            An argument that means nothing, as in `feed_many`.
        """
        cdef Datagram[BLOCK] block
        cdef Datagram for_all           # what holds for each of them
        cdef Datagram* one
        cdef Octets octets
        cdef Py_buffer starts, sizes, times
        cdef Alias alias = None
        cdef Py_ssize_t i, n, of_block, first = 0, rows = 0
        cdef int views = 0
        cdef bint each_exporter = not is_one_exporter(exporters)
        cdef bint each_time = received_ns is not None and not isinstance(received_ns, int)
        cdef list keep
        hold_octets(buffer, &octets)
        try:
            hold_integers(offsets, &starts, 8, "offsets")
            views = 1
            hold_integers(lengths, &sizes, 4, "lengths")
            views = 2
            if each_time:
                hold_integers(received_ns, &times, 8, "received_ns")
                views = 3
            n = starts.len // 8
            if sizes.len // 4 != n or (each_time and times.len // 8 != n):
                raise ValueError("offsets, lengths and times differ in number")
            check_number(exporters, each_exporter, n, "exporters")
            set_received(&for_all, None if each_time else received_ns)
            self._enter()
            try:
                if not each_exporter:
                    alias = self._resolve(exporters)
                # Progress: a block further each turn.
                while first < n:
                    of_block = min(BLOCK, n - first)
                    keep = []           # exporters that may be forgotten while the block is made
                    for i in range(of_block):
                        # Bounds: i < BLOCK and first + i < n.
                        one = &block[i]
                        try:
                            set_octets(
                                one, &octets, (<const int64_t*> starts.buf)[first + i],
                                (<const int32_t*> sizes.buf)[first + i],
                            )
                            if each_exporter:
                                alias = self._resolve(exporters[first + i])
                                keep.append(alias)
                            set_exporter(one, alias)
                            if each_time:
                                one.has_received = True
                                one.received_ns = (<const int64_t*> times.buf)[first + i]
                            else:
                                copy_received(one, &for_all)
                        except Exception as error:
                            self._run_block(block, i, first, False, &rows)
                            error.index = first + i
                            raise
                    # Octets that can be written are decoded under the GIL, so that nobody writes them meanwhile.
                    self._run_block(
                        block, of_block, first, is_constant(&octets) and of_block >= WORTH_RELEASING, &rows,
                    )
                    first += of_block
            finally:
                self._leave()
        finally:
            if views >= 1:
                PyBuffer_Release(&starts)
            if views >= 2:
                PyBuffer_Release(&sizes)
            if views >= 3:
                PyBuffer_Release(&times)
            let_go(&octets)
        return rows

    # ── captures ─────────────────────────────────────────────────────────────────────────────────────────────────

    cdef Recent* _recent_of(self, const Packet* packet) noexcept nogil:
        """The place of a packet's source, whoever is there."""
        cdef uint32_t hash = be32(packet.source + 12) ^ be32(packet.source + 4) ^ packet.source_port
        # Bounds: 8 bits are left, and RECENT is 256.
        return &self.recent[(hash * <uint32_t> 2654435761) >> 24]

    cdef Stop _walk_capture(self, Capture* capture, Packet* packet, Py_ssize_t most, Py_ssize_t* rows) noexcept nogil:
        """Decode the datagrams of a capture; on a stop, `packet` is the one to come back with, if it has a payload."""
        cdef Datagram one
        cdef Recent* recent
        cdef Stop stop
        # Progress: one packet further each turn, or a stop.
        while True:
            if packet.payload == NULL:
                if rows[0] >= most:
                    return <Stop> STOP_ROWS
                if nearly_full(&self.book):
                    return <Stop> STOP_NOTES
                if next_datagram(capture, packet) != CAPTURE_DATAGRAM:
                    packet.payload = NULL
                    return STOP_END
            recent = self._recent_of(packet)
            if (
                recent.exporter == NULL or recent.port != packet.source_port
                or memcmp(recent.address, packet.source, ADDRESS_OCTETS) != 0
            ):
                return <Stop> STOP_EXPORTER
            set_packet(&one, packet)
            one.exporter = recent.exporter
            stop = self._walk(&one, False)
            if stop != STOP_END:
                return stop
            rows[0] += self.ledger.rows
            packet.payload = NULL

    def _feed_reader(self, Reader reader, Py_ssize_t most=PY_SSIZE_T_MAX):
        """Decode a capture until its end or about `most` rows; return (rows, whether it ended)."""
        cdef Packet packet
        cdef Datagram one
        cdef Alias alias
        cdef Recent* recent
        cdef Py_ssize_t rows = 0, evictions
        cdef Stop stop
        packet.payload = NULL
        self._enter()
        try:
            memset(self.recent, 0, sizeof(self.recent))
            # Progress: each stop is acted on and the walk goes further, or an exception is raised.
            while True:
                if reader.view.readonly:
                    with nogil:
                        stop = self._walk_capture(&reader.state, &packet, most, &rows)
                else:
                    # Octets that can be written: the GIL keeps others out.
                    stop = self._walk_capture(&reader.state, &packet, most, &rows)
                if stop == STOP_END or stop == <Stop> STOP_ROWS:
                    return rows, stop == STOP_END
                set_packet(&one, &packet)
                if stop != <Stop> STOP_EXPORTER:
                    self._act(stop)
                    continue
                evictions = self.exporters.evictions
                alias = self._resolve((packet.source[:ADDRESS_OCTETS], packet.source_port))
                if alias is None:
                    set_exporter(&one, None)
                    self._run_one(&one, False)
                    packet.payload = NULL
                    continue
                if evictions != self.exporters.evictions:
                    memset(self.recent, 0, sizeof(self.recent))
                recent = self._recent_of(&packet)
                memcpy(recent.address, packet.source, ADDRESS_OCTETS)
                recent.port = packet.source_port
                recent.exporter = &alias.exporter.state
        finally:
            self._leave()


# ── arguments ────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef bint is_one_exporter(object exporters):
    """A tuple is one exporter, (host, port) as recvfrom gives it; several come as any other sequence."""
    return isinstance(exporters, (str, bytes, tuple)) or not hasattr(exporters, "__len__")


cdef int check_number(object items, bint each, Py_ssize_t n, str what) except -1:
    if each and len(items) != n:
        raise ValueError(f"{len(items)} {what} for {n} datagrams")
    return 0


cdef bint is_constant(const Octets* octets) noexcept:
    return not octets.held or octets.view.readonly


cdef void set_packet(Datagram* one, const Packet* packet) noexcept nogil:
    one.octets = packet.payload
    one.length = packet.length
    one.has_port = True
    one.port = packet.source_port
    one.has_received = packet.time_ns != 0
    one.received_ns = packet.time_ns


cdef int set_octets(Datagram* one, const Octets* octets, int64_t start, int64_t size) except -1:
    if not (0 <= start <= octets.length and 0 <= size <= octets.length - start):
        raise ValueError(f"a datagram at {start} of {size} octets, in a buffer of {octets.length}")
    # Bounds: just compared.
    one.octets = octets.at + start
    one.length = size
    return 0


cdef int set_exporter(Datagram* one, Alias alias) except -1:
    if alias is None:
        one.exporter = NULL
        one.has_port = False
        one.port = 0
    else:
        one.exporter = &alias.exporter.state
        one.has_port = alias.has_port
        one.port = alias.port
    return 0


cdef int set_received(Datagram* one, object received_ns) except -1:
    cdef int overflow
    one.has_received = received_ns is not None
    one.received_ns = 0
    if received_ns is None:
        return 0
    if not isinstance(received_ns, int):
        raise TypeError(f"received_ns is an int, nanoseconds since 1970 UTC, not {type(received_ns).__name__}")
    one.received_ns = PyLong_AsLongLongAndOverflow(received_ns, &overflow)
    if overflow:
        raise ValueError("received_ns does not fit 64 bits")
    return 0


cdef void copy_received(Datagram* one, const Datagram* other) noexcept nogil:
    one.has_received = other.has_received
    one.received_ns = other.received_ns
