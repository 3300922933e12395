# cython: boundscheck=False, wraparound=False
"""The JSON that sflowtool writes with -j and -J, one octet after the other.

It is not always JSON: sflowtool escapes nothing, so that a string may hold quotes, backslashes and
line ends, and where it gives a datagram up its arrays stay open. So a quote ends a string only where
what follows can stand behind a string, and a brace that closes over an open bracket, or a datagram
that begins within another, tears what is open. Keys and values then mean what they mean in the text.
"""

from libc.stdint cimport uint8_t
from libc.string cimport memchr, memcmp, memcpy

from flowparse._text cimport take_mark, take_pair
from flowparse._textfeed cimport Assembler
from flowparse._textout cimport note_text
from flowparse._textstate cimport (
    MARK_END_DATAGRAM, MARK_END_SAMPLE, MARK_START_DATAGRAM, MARK_START_SAMPLE, NOTE_LINE, NOTE_LONG_LINE, NOTE_OUTSIDE,
    PLACE_OUTSIDE,
)

cdef enum:
    MOST_DEPTH = 16
    MOST_JSON_KEY = 128
    SAMPLES_DEPTH = 2           # { [ : where samples begin and end
    HEADS_DEPTH = 3             # { [ { : above records, where no value is text of somebody else's

cdef enum Reading:
    READING_STRUCTURE = 0
    READING_KEY = 1
    READING_VALUE = 2
    READING_NOISE = 3


cdef class JsonAssembler(Assembler):
    """Text of `sflowtool -j` or `-J` in, datagrams out; otherwise an Assembler."""

    cdef int reading
    cdef bint quote                 # the octet before was a quote that may end the string
    cdef bint behind_colon
    cdef int depth
    cdef uint8_t[MOST_DEPTH] open
    cdef uint8_t[MOST_JSON_KEY] key
    cdef Py_ssize_t key_octets
    cdef bint key_too_long

    def __cinit__(self, *args, **options):
        self.a.marked = True                    # by its braces

    cdef void read(self, const uint8_t* at, const uint8_t* end) noexcept nogil:
        cdef const uint8_t* stop
        if self.a.line == 0:
            self.a.line = 1
        # Progress: one octet further each turn, at least.
        while at < end:
            if self.quote:
                self.quote = False
                if self.ends_string(at[0]):
                    self.end_string()
                    continue                            # this octet is structure, and is read as such
                self.keep_octets(b'"', 1)
                continue
            if self.reading == READING_STRUCTURE:
                self.read_structure(at[0])
                at += 1
                continue
            if self.reading == READING_NOISE:
                stop = <const uint8_t*> memchr(at, c"\n", end - at)
                self.keep_octets(at, (end if stop == NULL else stop) - at)
                if stop == NULL:
                    return
                self.end_noise()
                at = stop                               # the line end is structure
                continue
            stop = <const uint8_t*> memchr(at, c'"', end - at)
            self.keep_octets(at, (end if stop == NULL else stop) - at)
            if stop == NULL:
                return
            self.quote = True
            at = stop + 1

    cdef bint ends_string(self, uint8_t behind) noexcept nogil:
        """Whether a quote with this octet behind it ends the string."""
        if self.reading == READING_KEY:
            return behind == c":"
        if behind == c" ":
            return self.in_list()
        if behind == c'"':
            return self.depth <= HEADS_DEPTH            # 5.01 leaves the comma out before "samples" and "elements"
        return behind == c"," or behind == c"}" or behind == c"]" or behind == c"\n" or behind == c"\r"

    cdef bint in_list(self) noexcept nogil:
        return self.depth > 0 and self.open[self.depth - 1] == c"["

    cdef void keep_octets(self, const uint8_t* at, Py_ssize_t octets) noexcept nogil:
        """Add to the string; what is longer than a line may be counts as too long."""
        cdef const uint8_t* line_end = at
        # Progress: a line end further each turn.
        while line_end != NULL:
            line_end = <const uint8_t*> memchr(line_end, c"\n", at + octets - line_end)
            if line_end != NULL:
                self.a.line += 1
                line_end += 1
        if octets > self.most_line - self.carried:
            self.too_long = True
            return
        # Bounds: most_line octets.
        memcpy(self.carry + self.carried, at, octets)
        self.carried += octets

    cdef void end_noise(self) noexcept nogil:
        cdef int kind = NOTE_OUTSIDE if self.a.place == PLACE_OUTSIDE else NOTE_LINE
        note_text(&self.a, kind, self.carry, self.carry + self.carried)
        self.reading = READING_STRUCTURE
        self.carried = 0
        self.too_long = False

    cdef void end_string(self) noexcept nogil:
        cdef bint too_long = self.too_long
        cdef Py_ssize_t octets = self.carried
        cdef int reading = self.reading
        self.reading = READING_STRUCTURE
        self.carried = 0
        self.too_long = False
        if reading == READING_KEY:
            self.key_too_long = too_long or octets > MOST_JSON_KEY
            self.key_octets = 0 if self.key_too_long else octets
            memcpy(self.key, self.carry, self.key_octets)
            return
        self.behind_colon = False
        if too_long or self.key_too_long:
            note_text(&self.a, NOTE_LONG_LINE, self.key, self.key + self.key_octets)
            return
        if self.key_octets == 16 and memcmp(self.key, b"datagramSourceIP", 16) == 0 and self.depth != 1:
            self.depth = 1                              # the datagram before was left open
            self.open[0] = c"{"
            take_mark(&self.a, MARK_START_DATAGRAM, self.key, self.key)
        take_pair(&self.a, self.carry, self.key_octets, self.carry + self.key_octets + 1, self.carry + octets)

    cdef void read_structure(self, uint8_t octet) noexcept nogil:
        if octet == c'"':
            self.reading = READING_KEY
            if self.behind_colon or self.in_list():
                # The key stands before its value, as in a line of text.
                self.reading = READING_VALUE
                self.keep_octets(self.key, self.key_octets)
                self.keep_octets(b" ", 1)
        elif octet == c":":
            self.behind_colon = True
        elif octet == c"{" or octet == c"[":
            self.behind_colon = False
            if octet == c"{" and self.depth == 0:
                take_mark(&self.a, MARK_START_DATAGRAM, self.key, self.key)
            elif octet == c"{" and self.depth == SAMPLES_DEPTH:
                take_mark(&self.a, MARK_START_SAMPLE, self.key, self.key)
            # Bounds: depth < MOST_DEPTH; what is deeper has no place of its own and tears.
            if self.depth == MOST_DEPTH:
                self.tear()
                return
            self.open[self.depth] = octet
            self.depth += 1
        elif octet == c"}" or octet == c"]":
            self.behind_colon = False
            if self.depth == 0:
                return
            if (self.open[self.depth - 1] == c"{") != (octet == c"}"):
                self.tear()
                return
            self.depth -= 1
            if octet == c"}" and self.depth == SAMPLES_DEPTH:
                take_mark(&self.a, MARK_END_SAMPLE, self.key, self.key)
            elif octet == c"}" and self.depth == 0:
                take_mark(&self.a, MARK_END_DATAGRAM, self.key, self.key)
        elif octet == c"\n":
            self.a.line += 1
        elif octet != c"," and octet != c" " and octet != c"\r" and octet != c"\t":
            self.carry[0] = octet
            self.carried = 1
            self.reading = READING_NOISE

    cdef void tear(self) noexcept nogil:
        """Brackets that do not match: sflowtool gave the datagram up, and ends it here."""
        self.depth = 0
        take_mark(&self.a, MARK_END_DATAGRAM, self.key, self.key)

    cdef void end(self) noexcept nogil:
        """A string may be without its end."""
        if self.quote and self.reading == READING_VALUE:
            self.end_string()
        elif self.reading == READING_NOISE:
            self.end_noise()
        self.quote = self.behind_colon = False
        self.reading = READING_STRUCTURE
        self.depth = 0
