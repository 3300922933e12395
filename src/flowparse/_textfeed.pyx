# cython: boundscheck=False, wraparound=False
"""sflowtool's tagged text in, cut anywhere; the datagrams it was printed from out."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memchr, memcpy, memmove

from flowparse._assembly cimport tear_datagram
from flowparse._text cimport take_line
from flowparse._textera cimport hand_over_turns, tell_unsettled
from flowparse._textjoin cimport take_stray
from flowparse._textkeys cimport Keys
from flowparse._textout cimport note_text
from flowparse._textstate cimport (
    Assembly, Entry, Form, LEVEL_OCTETS, LIST_OCTETS, NOTE_LONG_LINE, NOTE_OUTSIDE, Note, PLACE_OUTSIDE, PLACE_OVERFLOW,
    RECORD_OCTETS, clear_level,
)

cdef enum:
    MOST_UNDECIDED = 1 << 22    # octets that wait for it

NOTES = (
    "line", "outside", "torn_datagram", "torn_sample", "torn_record", "samples", "size", "skipped", "long_line",
    "many_lines", "long_datagram", "many_samples", "many_records", "headless", "more", "era", "cut", "joined",
    "unsettled",
)


cdef class Assembler:
    """Text in, datagrams out.

    Parameters
    ----------
    keys : Keys
    line_octets, lines_per_datagram, samples_per_datagram, records_per_sample, notes, notes_per_datagram : int
        Bounds.
    """

    def __cinit__(
        self, Keys keys not None, *, line_octets, lines_per_datagram, samples_per_datagram, records_per_sample, notes,
        notes_per_datagram,
    ):
        cdef Assembly* a = &self.a
        cdef int k
        self.keys = keys
        self.most_line = min(max(1, line_octets), 2**31)
        a.n_forms, a.mask, a.table = keys.n_forms, keys.mask, keys.table
        # Forms and entries are of this text alone: they remember what came last.
        a.forms = <Form*> PyMem_RawMalloc(keys.n_forms * sizeof(Form))
        a.entries = <Entry*> PyMem_RawMalloc(max(1, keys.n_entries) * sizeof(Entry))
        a.scratch = <uint8_t*> PyMem_RawMalloc(2 * LEVEL_OCTETS + RECORD_OCTETS)
        a.list = <uint8_t*> PyMem_RawMalloc(LIST_OCTETS)
        self.carry = <uint8_t*> PyMem_RawMalloc(self.most_line)
        if a.forms == NULL or a.entries == NULL or a.scratch == NULL or a.list == NULL or self.carry == NULL:
            raise MemoryError()
        memcpy(a.forms, keys.forms, keys.n_forms * sizeof(Form))
        memcpy(a.entries, keys.entries, keys.n_entries * sizeof(Entry))
        for k in range(3):
            clear_level(a, k)
        a.most_lines = lines_per_datagram
        a.most_samples = samples_per_datagram
        a.most_records = records_per_sample
        a.most_notes = notes
        a.most_notes_here = notes_per_datagram

    def __dealloc__(self):
        PyMem_RawFree(self.a.forms)
        PyMem_RawFree(self.a.entries)
        PyMem_RawFree(self.a.scratch)
        PyMem_RawFree(self.a.list)
        PyMem_RawFree(self.a.out)
        PyMem_RawFree(self.a.metas)
        PyMem_RawFree(self.a.lacks)
        PyMem_RawFree(self.a.turns)
        PyMem_RawFree(self.a.notes)
        PyMem_RawFree(self.carry)

    cdef int enter(self) except -1:
        if self.busy:
            raise RuntimeError("a parser is fed by one thread at a time")
        return 0

    def configure(self, *, columns=0, strip_return=False):
        """`columns` before each line are passed over; a carriage return before each line's end is, too."""
        self.columns = columns
        if columns:
            self.a.marked = True                # -g is younger than the markers
        self.strip_return = strip_return

    def feed(self, bytes chunk not None):
        """Take a piece of text, cut anywhere."""
        cdef const uint8_t* at = chunk
        cdef const uint8_t* end = at + len(chunk)
        self.enter()
        self.busy = True
        try:
            with nogil:
                self.read(at, end)
        finally:
            self.busy = False
        if self.a.no_memory:
            self.a.no_memory = False
            raise MemoryError()

    cdef void read(self, const uint8_t* at, const uint8_t* end) noexcept nogil:
        """Cut a chunk into lines, and keep what has no end yet."""
        cdef const uint8_t* line_end
        # Progress: a line further each turn, or all of the rest.
        while at < end:
            line_end = <const uint8_t*> memchr(at, c"\n", end - at)
            if line_end == NULL:
                self.stash(at, end)
                return
            if self.carried or self.too_long:
                self.stash(at, line_end)
                if self.too_long:
                    self.a.line += 1
                    self.too_long = False
                else:
                    self.take_one(self.carry, self.carry + self.carried)
                self.carried = 0
            elif line_end - at > self.most_line:
                self.stash(at, line_end)
                self.a.line += 1
                self.too_long = False
            else:
                self.take_one(at, line_end)
            at = line_end + 1

    cdef void stash(self, const uint8_t* at, const uint8_t* end) noexcept nogil:
        if self.too_long:
            return
        if end - at > self.most_line - self.carried:
            self.too_long = True
            self.carried = 0
            self.a.line += 1
            note_text(&self.a, NOTE_LONG_LINE, at, at)
            self.a.line -= 1
            return
        # Bounds: most_line octets.
        memcpy(self.carry + self.carried, at, end - at)
        self.carried += end - at

    cdef void take_one(self, const uint8_t* at, const uint8_t* end) noexcept nogil:
        cdef const uint8_t* line = at
        cdef int _
        self.a.line += 1
        if self.strip_return and at < end and (end - 1)[0] == c"\r":
            end -= 1
        for _ in range(self.columns):
            at = <const uint8_t*> memchr(at, c" ", end - at)
            if at == NULL:
                if self.a.place == PLACE_OUTSIDE:
                    note_text(&self.a, NOTE_OUTSIDE, line, end)
                elif self.a.place != PLACE_OVERFLOW:
                    take_stray(&self.a, line, end)
                return
            at += 1
        take_line(&self.a, at, end)

    cdef void end(self) noexcept nogil:
        """The last line may be without an end."""
        if self.carried:
            self.take_one(self.carry, self.carry + self.carried)

    def close(self):
        """The text ends here: a line without an end is one, and a datagram without an end is torn."""
        self.enter()
        self.end()
        self.carried = 0
        self.too_long = False
        tear_datagram(&self.a)
        tell_unsettled(&self.a)

    @property
    def complete(self):
        """Datagrams that `take` would hand over."""
        return self.a.n_metas

    @property
    def undecided(self):
        """Whether more of the text may tell that values of what is complete stand the wrong way round."""
        return self.a.n_turns > 0 and not self.a.era_known and self.a.used < MOST_UNDECIDED

    def take(self):
        """Hand over the datagrams that are complete.

        Returns
        -------
        octets : bytes
        offsets, lengths, received : bytes of int64, int32, int64
            Where each datagram lies in `octets`; when it came, in nanoseconds since 1970, or -1.
        sources : list of bytes or None
            16 octets each.
        ordinals : bytes of int64
            Which datagram of the text each is, as `notes` counts them.
        lacks : list of (datagram, sample, record, slot)
            Fields that are zero in the octets because the text does not tell them, counted from 0.
        """
        cdef Assembly* a = &self.a
        cdef int64_t i, first = 0
        cdef bytes offsets, lengths, received, ordinals
        cdef int64_t done = a.used if a.place == PLACE_OUTSIDE or a.place == PLACE_OVERFLOW else a.start
        self.enter()
        octets = PyBytes_FromStringAndSize(<const char*> a.out, done)
        offsets = PyBytes_FromStringAndSize(NULL, a.n_metas * 8)
        lengths = PyBytes_FromStringAndSize(NULL, a.n_metas * 4)
        received = PyBytes_FromStringAndSize(NULL, a.n_metas * 8)
        ordinals = PyBytes_FromStringAndSize(NULL, a.n_metas * 8)
        sources = []
        index = {}
        for i in range(a.n_metas):
            # Bounds: the four were made for as many.
            (<int64_t*> <char*> offsets)[i] = a.metas[i].offset
            (<int32_t*> <char*> lengths)[i] = a.metas[i].octets
            (<int64_t*> <char*> received)[i] = a.metas[i].received_ns
            (<int64_t*> <char*> ordinals)[i] = a.metas[i].ordinal
            sources.append(
                PyBytes_FromStringAndSize(<const char*> a.metas[i].source, 16) if a.metas[i].has_source else None
            )
            if a.metas[i].lacks:
                index[a.metas[i].ordinal] = i
        lacks = []
        for i in range(a.n_lacks):
            if a.lacks[i].datagram in index:
                lacks.append((index[a.lacks[i].datagram], a.lacks[i].sample, a.lacks[i].record, a.lacks[i].slot))
            elif a.lacks[i].datagram == a.ordinal:
                a.lacks[first] = a.lacks[i]
                first += 1
        a.n_lacks = first
        # What is not complete moves to the front.
        memmove(a.out, a.out + done, a.used - done)
        a.used -= done
        a.start -= done
        a.count_at -= done
        a.sample_start -= done
        if a.records_at:
            a.records_at -= done
        if a.metric_at:
            a.metric_at -= done
        for i in range(a.n_joins):
            a.joins[i].at -= done if a.joins[i].at >= 0 else 0
            a.joins[i].record_at -= done if a.joins[i].record_at >= 0 else 0
            a.joins[i].sample_at -= done if a.joins[i].sample_at >= 0 else 0
        hand_over_turns(a, done)
        a.n_metas = 0
        return octets, offsets, lengths, received, sources, ordinals, lacks

    def notes(self):
        """Hand over what was noted: [(kind, line, datagram, values, text)], and how many notes were left out."""
        cdef int64_t i
        cdef Note* note
        found = []
        for i in range(self.a.n_notes):
            note = &self.a.notes[i]
            found.append((
                NOTES[note.kind], note.line, None if note.datagram < 0 else note.datagram,
                (note.values[0], note.values[1], note.values[2]),
                PyBytes_FromStringAndSize(<const char*> note.text, note.octets),
            ))
        left_out = self.a.notes_left_out
        self.a.n_notes = self.a.notes_left_out = 0
        return found, left_out
