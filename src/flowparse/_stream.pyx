# cython: boundscheck=False, wraparound=False, cdivision=True
"""IPFIX over TCP and in files: octets without datagrams, cut into messages by their Length.

RFC 7011 section 10.4.3 puts messages one behind the other on a connection, RFC 5655 section 5 in a
file. Whole messages are decoded where they lie; only one that is not whole yet is kept, so that a
stream never holds more than 65,535 octets. Where no message can begin, a version other than 10 or a
Length below 16, the stream is lost and nothing of it is read until it is closed (section 9.1).

Not done: looking for the next good header in a damaged stream.
"""

from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_GET_SIZE, PyByteArray_Resize
from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from flowparse._decode cimport STOP_NOTES, STOP_ROWS
from flowparse._exporters cimport DomainState, Exporter
from flowparse._feed cimport set_exporter, set_received
from flowparse._notes cimport nearly_full, take_notes
from flowparse._octets cimport hold_octets, let_go
from flowparse._pending cimport PendingSet, forget_sets_of_domain
from flowparse._plan cimport STOP_END
from flowparse._templates cimport forget_templates
from flowparse._wire cimport PROTOCOL_IPFIX, be16, left

cdef extern from "Python.h":
    Py_ssize_t PY_SSIZE_T_MAX

cdef enum:
    VERSION = 10
    LENGTH_OFFSET = 2
    LENGTH_END = 4                  # octets that tell how long a message is
    HEADER = 16


cdef int next_frame(const Span* span, Py_ssize_t* length) noexcept nogil:
    """Judge the start of a message; `length` is how many octets it has, or how many tell so."""
    cdef Py_ssize_t there = left(span)
    length[0] = LENGTH_END
    # Bounds: each octet is compared with `there` first.
    if there >= 2 and be16(span.at) != VERSION:
        return FRAME_VERSION
    if there < LENGTH_END:
        return FRAME_CUT
    length[0] = be16(span.at + LENGTH_OFFSET)
    if length[0] < HEADER:
        return FRAME_LENGTH
    return FRAME_WHOLE if there >= length[0] else FRAME_CUT


cdef class Stream:
    """What is known of the stream of one exporter."""

    def __cinit__(self):
        self.held = bytearray()


cdef class StreamFeeder(Feeder):
    """A Feeder that takes streams."""

    # ── what the subclass does ───────────────────────────────────────────────────────────────────────────────────

    def _identity_of(self, exporter):
        """The identity of an exporter, and its port or None; nobody is asked whether it is allowed."""
        raise NotImplementedError

    def _stream_broken(self, address, offset, version, length):
        """Tell, or raise, that no message begins at `offset` of a stream; `length` is None if the version is wrong."""
        raise NotImplementedError

    def _stream_ended(self, address, offset, held, needed, dropped):
        """Tell of octets of a stream that were never decoded: of a message that is cut, and behind a broken one."""
        raise NotImplementedError

    def _session_ended(self, identity, address, sets, octets):
        """The ids of an exporter's templates mean nothing any longer; tell of the Sets that waited for one."""
        raise NotImplementedError

    # ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────

    cdef Stop _walk_frames(
        self, Span* span, Py_ssize_t most, Datagram* one, int* frame, Py_ssize_t* rows,
    ) noexcept nogil:
        """Decode the whole messages at `span`, until `frame` is another or there are `most` rows."""
        cdef Stop stop
        cdef Py_ssize_t length
        # Progress: one message further each turn, or a stop.
        while True:
            if not self.under_way:
                if rows[0] >= most:
                    return <Stop> STOP_ROWS
                if nearly_full(&self.book):
                    return <Stop> STOP_NOTES
                frame[0] = next_frame(span, &length)
                if frame[0] != FRAME_WHOLE:
                    return STOP_END
                one.octets = span.at
                one.length = length
            stop = self._walk(one, False)
            if stop != STOP_END:
                return stop
            rows[0] += self.ledger.rows
            # Bounds: the frame was whole.
            span.at += one.length

    cdef Stop _run_frames(
        self, Span* span, Py_ssize_t most, bint release, Datagram* one, int* frame, Py_ssize_t* rows,
    ) except *:
        cdef Stop stop
        # Progress: each stop is acted on and the walk goes further, or an exception is raised.
        while True:
            if release:
                with nogil:
                    stop = self._walk_frames(span, most, one, frame, rows)
            else:
                stop = self._walk_frames(span, most, one, frame, rows)
            if stop == STOP_END or stop == <Stop> STOP_ROWS:
                return stop
            self._act(stop)

    # ── streams ──────────────────────────────────────────────────────────────────────────────────────────────────

    def feed_stream(self, chunk, exporter, received_ns=None):
        """Decode a piece of an IPFIX stream; return the number of flow rows that it added.

        Parameters
        ----------
        chunk : buffer of octets
            The next octets of a TCP connection or of an IPFIX file, cut anywhere. What is not a whole
            message yet is kept, 65,535 octets at most.
        exporter : address or (host, port)
        received_ns : int, optional

        Raises
        ------
        DecodeError
            Only with `strict=True`; the stream is not read further then.
        TypeError, ValueError
            An argument that means nothing; so is a second stream of one exporter, from another port,
            before `close`: tell them apart with `key="address+port"`.

        Notes
        -----
        RFC 7011 section 10.4.3, RFC 5655 section 5. Whatever `transport` says, templates that come by
        a stream can be withdrawn (RFC 7011 section 8.1) and do not expire.
        """
        cdef Datagram one
        cdef Octets octets
        cdef Alias alias
        cdef Stream stream
        cdef bint withdraws = self.rules.withdraws
        hold_octets(chunk, &octets)
        try:
            set_received(&one, received_ns)
            self._enter()
            try:
                alias = self._resolve(exporter)
                set_exporter(&one, alias)
                if alias is None:
                    one.octets = octets.at
                    one.length = octets.length
                    self._run_one(&one, False)
                    return 0
                stream = alias.exporter.stream
                if stream is None:
                    alias.exporter.stream = stream = Stream()
                    stream.has_port = alias.has_port
                    stream.port = alias.port
                elif stream.has_port != alias.has_port or stream.port != alias.port:
                    raise ValueError(
                        f"a stream of {exporter!r:.80} from another port is open: close() it first,"
                        ' or tell them apart with key="address+port"'
                    )
                self.rules.withdraws = not self.rules.templates_only
                return self._feed_chunk(stream, alias, &one, &octets)
            finally:
                self.rules.withdraws = withdraws
                self._leave()
        finally:
            let_go(&octets)

    cdef Py_ssize_t _feed_chunk(self, Stream stream, Alias alias, Datagram* one, const Octets* octets) except -1:
        cdef Span chunk, span
        cdef Py_ssize_t length, n, rows = 0
        cdef int frame = FRAME_CUT
        cdef const uint8_t* start
        cdef bint release = not octets.held or octets.view.readonly
        chunk.at = octets.at
        chunk.end = octets.at + octets.length
        if stream.broken:
            stream.dropped += left(&chunk)
            return 0
        try:
            # Progress: an octet of the chunk or a message of what was held further each turn.
            while PyByteArray_GET_SIZE(stream.held):
                look_at(stream.held, &span)
                # What is held is no whole message.
                next_frame(&span, &length)
                n = min(length - left(&span), left(&chunk))
                hold(stream.held, &chunk, n)
                look_at(stream.held, &span)
                self._run_frames(&span, PY_SSIZE_T_MAX, False, one, &frame, &rows)
                if left(&span) == 0:
                    stream.offset += PyByteArray_GET_SIZE(stream.held)
                    PyByteArray_Resize(stream.held, 0)
                if frame != FRAME_CUT:
                    self._break(stream, alias, frame, &span, left(&chunk))
                    return rows
                if chunk.at == chunk.end:
                    return rows
            start = chunk.at
            try:
                self._run_frames(&chunk, PY_SSIZE_T_MAX, release, one, &frame, &rows)
            finally:
                stream.offset += chunk.at - start
            if frame != FRAME_CUT:
                self._break(stream, alias, frame, &chunk, 0)
            else:
                hold(stream.held, &chunk, left(&chunk))
        except BaseException:
            # Where the next message begins may be known, but a caller that is strict wants no more of it.
            if not stream.broken:
                stream.broken = True
                stream.dropped = PyByteArray_GET_SIZE(stream.held) + left(&chunk)
            PyByteArray_Resize(stream.held, 0)
            raise
        return rows

    cdef int _break(self, Stream stream, Alias alias, int frame, const Span* span, Py_ssize_t behind) except -1:
        """No message begins at `span`, and so many octets are behind it: tell so, once."""
        stream.broken = True
        stream.dropped = left(span) + behind
        version = be16(span.at)
        length = be16(span.at + LENGTH_OFFSET) if frame == FRAME_LENGTH else None
        PyByteArray_Resize(stream.held, 0)
        if self.book.n:
            self._report(take_notes(&self.book))        # of messages before it
        self._stream_broken(alias.exporter.address, stream.offset, version, length)
        return 0

    def close(self, exporter):
        """The transport session of an exporter is over: its IPFIX templates go, and what waits for them.

        Parameters
        ----------
        exporter : address or (host, port)
            One that is not known is nothing to do.

        Raises
        ------
        ValueError
            It is no exporter.

        Notes
        -----
        RFC 7011 section 8: templates do not outlive their session. Octets that are no whole message
        are told, as are those behind the place where the stream broke.
        """
        self._end_session(self._identity_of(exporter))

    def _end_session(self, identity):
        """`close` for the exporter of that identity."""
        cdef Exporter known
        cdef Stream stream
        cdef DomainState* domain
        cdef PendingSet* one
        cdef Span span
        cdef Py_ssize_t needed, sets = 0, octets = 0
        self._enter()
        try:
            known = self.exporters.by_identity.get(identity)
            if known is None:
                return
            stream = known.stream
            known.stream = None
            one = known.state.waiting.oldest
            # Progress: one Set further each turn.
            while one != NULL:
                if one.context.protocol == PROTOCOL_IPFIX:
                    sets += 1
                    octets += one.length
                one = one.home_newer
            domain = known.state.domains
            # Progress: one domain further each turn.
            while domain != NULL:
                if domain.protocol == PROTOCOL_IPFIX:
                    forget_templates(&self.kept.templates, &domain.templates)
                    forget_sets_of_domain(&self.kept.pending, &known.state.waiting, domain.protocol, domain.id)
                    domain.sequence_known = False
                    domain.last_count = -1
                    domain.informed = False         # of rates of its templates
                    domain.sampling_known = False   # what comes first is no change
                domain = domain.next
            if stream is not None and (PyByteArray_GET_SIZE(stream.held) or stream.dropped):
                look_at(stream.held, &span)
                next_frame(&span, &needed)
                self._stream_ended(known.address, stream.offset, len(stream.held), needed, stream.dropped)
            self._session_ended(identity, known.address, sets, octets)
        finally:
            self._leave()

    def _feed_messages(self, octets, Py_ssize_t start, Py_ssize_t most):
        """Decode messages of an IPFIX file from `start` on, until its end or about `most` rows.

        Returns (where to go on, whether it ended, the version that is wrong or None, the length that
        is wrong or None, octets of a message that is not whole, octets that it needs).
        """
        cdef Datagram one
        cdef Octets held
        cdef Span span
        cdef Alias alias
        cdef Py_ssize_t needed, rows = 0
        cdef int frame = FRAME_CUT
        cdef bint withdraws = self.rules.withdraws
        cdef Stop stop
        hold_octets(octets, &held)
        try:
            if not 0 <= start <= held.length:
                raise ValueError("the octets of the file became fewer")
            span.at = held.at + start
            span.end = held.at + held.length
            self._enter()
            try:
                alias = self._resolve("")
                set_exporter(&one, alias)
                set_received(&one, None)
                self.rules.withdraws = not self.rules.templates_only
                stop = self._run_frames(&span, most, not held.held or held.view.readonly, &one, &frame, &rows)
            finally:
                self.rules.withdraws = withdraws
                self._leave()
            if stop != STOP_END:
                return span.at - held.at, False, None, None, 0, 0
            next_frame(&span, &needed)
            return (
                span.at - held.at, True, be16(span.at) if frame in (FRAME_VERSION, FRAME_LENGTH) else None,
                be16(span.at + LENGTH_OFFSET) if frame == FRAME_LENGTH else None, left(&span), needed,
            )
        finally:
            let_go(&held)


def begins_as_ipfix(octets):
    """Whether octets begin with the version of an IPFIX Message, which no capture does."""
    cdef Octets held
    hold_octets(octets, &held)
    try:
        # Bounds: just compared.
        return held.length >= 2 and be16(held.at) == VERSION
    finally:
        let_go(&held)


# ── octets that are held ─────────────────────────────────────────────────────────────────────────────────────────────

cdef void look_at(bytearray held, Span* span) noexcept:
    """The octets that are held, until they change."""
    span.at = <const uint8_t*> PyByteArray_AS_STRING(held)
    span.end = span.at + PyByteArray_GET_SIZE(held)


cdef int hold(bytearray held, Span* chunk, Py_ssize_t n) except -1:
    """Move n octets from the chunk behind those that are held."""
    cdef Py_ssize_t before = PyByteArray_GET_SIZE(held)
    PyByteArray_Resize(held, before + n)
    # Bounds: n <= left(chunk); just resized.
    memcpy(PyByteArray_AS_STRING(held) + before, chunk.at, n)
    chunk.at += n
    return 0
