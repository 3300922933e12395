# cython: boundscheck=False, wraparound=False
"""sFlow datagrams of version 5 to records, as fast as objects can be made.

This does what `sflow.read` does, for datagrams that are as they should be. Whatever is not (a length
that lies, octets left over, an unusual sample) is given back undone, and the plain reader, which
knows how to tell of it, reads the whole datagram. So there is one place for each rule of what is
wrong, and both ways give equal records.

Records are instances of frozen, slotted classes; their slots are written directly, since an
`__init__` of ten arguments takes longer than all else here together.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from libc.stdint cimport UINT32_MAX, int16_t, int32_t, uint8_t, uint32_t
from libc.string cimport memcpy, memset

from flowparse._addresses cimport ADDRESS_ROOM, address_text, mac_text
from flowparse._wire cimport Span, be32, be64, left

from sys import intern


cdef extern from *:
    """
    #include <structmember.h>
    /* Where in an instance a member of __slots__ lies; -1 for what is no such member. */
    static Py_ssize_t fp_slot_offset(PyObject *member) {
        PyMemberDef *of;
        if (!PyObject_TypeCheck(member, &PyMemberDescr_Type)) return -1;
        of = ((PyMemberDescrObject *) member)->d_member;
        return of->type == T_OBJECT_EX ? of->offset : -1;
    }
    """
    Py_ssize_t slot_offset "fp_slot_offset"(object member)

cdef extern from "Python.h":
    object PyUnicode_DecodeUTF8(const char* text, Py_ssize_t size, const char* errors)
    object PyUnicode_FromStringAndSize(const char* text, Py_ssize_t size)
    object PyType_GenericAlloc(PyTypeObject* type, Py_ssize_t items)

cdef enum:
    MOST_FIELDS = 64
    TAG_SLOTS = 1024            # at least twice as many as there are structures
    PORTS = 256                 # ports that were made lately
    FLOW = 0
    COUNTER = 1

cdef enum FieldKind:
    KIND_PLAIN = 0              # of a structure that the plain reader reads
    KIND_U32 = 1
    KIND_I32 = 2
    KIND_U64 = 3
    KIND_U8 = 4
    KIND_F32 = 5
    KIND_PCT = 6
    KIND_IP4 = 7
    KIND_IP6 = 8
    KIND_ADDR = 9
    KIND_MAC = 10
    KIND_STR = 11
    KIND_OPAQUE = 12
    KIND_U32S = 13
    KIND_I32S = 14
    KIND_ASPATH = 15
    KIND_UUID = 16

KINDS = {
    "u32": KIND_U32, "i32": KIND_I32, "u64": KIND_U64, "u8": KIND_U8, "f32": KIND_F32, "pct": KIND_PCT, "ip4": KIND_IP4,
    "ip6": KIND_IP6, "addr": KIND_ADDR, "mac": KIND_MAC, "str": KIND_STR, "opaque": KIND_OPAQUE, "u32[]": KIND_U32S,
    "labels": KIND_U32S, "vlans": KIND_U32S, "i32[]": KIND_I32S, "aspath": KIND_ASPATH, "uuid": KIND_UUID,
}
cdef int[17] LEAST = [0, 4, 4, 8, 1, 4, 4, 4, 16, 4, 8, 4, 4, 4, 4, 4, 16]      # octets of a field of each kind

cdef struct Known:              # a structure
    uint32_t tag
    uint8_t kind
    bint plain
    int n_fields
    uint8_t fields[MOST_FIELDS]

cdef struct RecentPort:
    uint32_t format
    uint32_t value
    PyObject* port              # owned, or NULL

cdef struct Slots:              # of one class, in the order of its names below
    PyTypeObject* type
    Py_ssize_t at[12]

NAMES = (
    ("version", "agent", "sub_agent_id", "sequence", "uptime_ms", "samples", "notices", "source"),
    ("sequence", "source_class", "source_index", "sampling_rate", "sample_pool", "drops", "input", "output", "records",
     "expanded"),
    ("sequence", "source_class", "source_index", "records", "expanded", "interval_s"),
    ("sequence", "source_class", "source_index", "drops", "input", "output", "reason", "records"),
    ("format", "value"),
    ("enterprise", "format", "name", "fields", "data"),
    ("_names", "_values"),
)
cdef enum:
    CLASS_DATAGRAM = 0
    CLASS_FLOW = 1
    CLASS_COUNTER = 2
    CLASS_DISCARD = 3
    CLASS_PORT = 4
    CLASS_RECORD = 5
    CLASS_FIELDS = 6
    CLASSES = 7


cdef inline object new(const Slots* slots):
    return PyType_GenericAlloc(slots.type, 0)


cdef inline void put(object instance, Py_ssize_t offset, object value) noexcept:
    """Fill a slot that was never filled; the instance was made by `new` of the class that has it."""
    Py_INCREF(value)
    (<PyObject**> (<char*> <PyObject*> instance + offset))[0] = <PyObject*> value


cdef inline object number(Span* at):
    # Bounds: the caller has four octets.
    at.at += 4
    return be32(at.at - 4)


cdef inline object text_of_octets(const uint8_t* octets):
    cdef char[ADDRESS_ROOM] text
    return PyUnicode_FromStringAndSize(text, address_text(octets, text))


cdef object ip4(const uint8_t* octets):
    cdef uint8_t[16] mapped
    memset(mapped, 0, 10)
    mapped[10] = mapped[11] = 0xFF
    memcpy(mapped + 12, octets, 4)
    return text_of_octets(mapped)


cdef object numbers(Span* at, bint is_signed):
    """A counted list of numbers; None where they do not fit."""
    cdef uint32_t i, n = be32(at.at)
    cdef object each
    at.at += 4
    if n > left(at) // 4:
        return None
    found = PyTuple_New(n)
    # Bounds: n * 4 octets are left.
    for i in range(n):
        each = <int32_t> be32(at.at) if is_signed else be32(at.at)
        at.at += 4
        Py_INCREF(each)
        PyTuple_SET_ITEM(found, i, each)
    return found


cdef object as_path(Span* at):
    """Segments of a type and a counted list; None where they do not fit."""
    cdef uint32_t _, n = be32(at.at)
    at.at += 4
    if n > left(at) // 8:
        return None
    segments = []
    for _ in range(n):
        if left(at) < 8:
            return None
        kind = number(at)
        path = numbers(at, False)
        if path is None:
            return None
        segments.append((kind, path))
    return tuple(segments)


cdef class Maker:
    """Datagrams to records.

    Parameters
    ----------
    classes : sequence of type
        Datagram, FlowSample, CounterSample, DiscardSample, Port, Record and Fields.
    structures : sequence of (kind, enterprise, format, name, names of fields, types of fields)
        `kind` is "flow" or "counter".
    plain : callable
        (octets of a record with its tag and length, kind) -> Record, or None if there is something to tell of it.
    decimals : callable
        What becomes of a float.
    samples_per_datagram, records_per_sample : int
        More than that is left to the plain reader.
    """

    cdef Slots[CLASSES] slots
    cdef Known* known
    cdef int n_known
    cdef int16_t[TAG_SLOTS] table
    cdef RecentPort[PORTS] ports
    cdef list names                 # of each structure: (name, names of fields)
    cdef tuple classes
    cdef object plain
    cdef object decimals
    cdef uint32_t most_samples
    cdef uint32_t most_records

    def __cinit__(self, classes, structures, plain, decimals, samples_per_datagram, records_per_sample):
        cdef Known* known
        cdef uint32_t slot
        cdef Py_ssize_t i, k
        self.classes = tuple(classes)
        self.plain, self.decimals = plain, decimals
        self.most_samples = min(samples_per_datagram, 2**31)
        self.most_records = min(records_per_sample, 2**31)
        if len(self.classes) != CLASSES:
            raise ValueError(f"{CLASSES} classes, not {len(self.classes)}")
        for i, (cls, names) in enumerate(zip(self.classes, NAMES)):
            self.slots[i].type = <PyTypeObject*> <PyObject*> cls
            for k, name in enumerate(names):
                self.slots[i].at[k] = slot_offset(cls.__dict__[name])
                if self.slots[i].at[k] < 0:
                    raise TypeError(f"{cls.__name__}.{name} is no slot")
        if len(structures) > TAG_SLOTS // 2:
            raise ValueError(f"more than {TAG_SLOTS // 2} structures")
        self.known = <Known*> PyMem_RawCalloc(max(1, len(structures)), sizeof(Known))
        if self.known == NULL:
            raise MemoryError()
        memset(self.table, 0xFF, sizeof(self.table))
        self.names = []
        for i, (kind, enterprise, format, name, names, types) in enumerate(structures):
            known = &self.known[i]
            known.tag = enterprise << 12 | format
            known.kind = COUNTER if kind == "counter" else FLOW
            known.n_fields = len(types)
            known.plain = len(types) > MOST_FIELDS or any(type not in KINDS for type in types)
            if len(names) != len(types):
                raise ValueError(f"{name}: {len(names)} names of {len(types)} fields")
            if not known.plain:
                for k, type in enumerate(types):
                    known.fields[k] = KINDS[type]
            self.names.append((intern(name), tuple(map(intern, names))))
            slot = (known.tag * 2 + known.kind) * <uint32_t> 2654435761 >> 22
            # Progress: one slot further each turn; at least half of them are free.
            while self.table[slot] >= 0:
                slot = (slot + 1) % TAG_SLOTS
            self.table[slot] = <int16_t> i

    def __dealloc__(self):
        cdef int i
        for i in range(PORTS):
            Py_XDECREF(self.ports[i].port)
        PyMem_RawFree(self.known)

    cdef int find(self, uint32_t tag, int kind) noexcept:
        cdef uint32_t slot = (tag * 2 + <uint32_t> kind) * <uint32_t> 2654435761 >> 22
        cdef int i
        # Progress: one slot further each turn; a free one ends it.
        while True:
            i = self.table[slot]
            if i < 0 or self.known[i].tag == tag and self.known[i].kind == kind:
                return i
            slot = (slot + 1) % TAG_SLOTS

    cdef object port(self, uint32_t format, uint32_t value):
        """A port; equal ones are one object, most of the time."""
        cdef RecentPort* recent = &self.ports[(value * <uint32_t> 2654435761 >> 24) ^ format & 3]
        cdef const Slots* slots = &self.slots[CLASS_PORT]
        if recent.port != NULL and recent.format == format and recent.value == value:
            return <object> recent.port
        port = new(slots)
        put(port, slots.at[0], format)
        put(port, slots.at[1], value)
        Py_XDECREF(recent.port)
        Py_INCREF(port)
        recent.port, recent.format, recent.value = <PyObject*> port, format, value
        return port

    cdef object value(self, int kind, Span* at):
        """A field; None where it does not fit, or is for the plain reader, and then `at` is NULL."""
        cdef const uint8_t* start = at.at
        cdef uint32_t length
        cdef float narrow
        cdef char[24] text
        # Bounds: the caller has as many octets as `LEAST` says.
        if kind == KIND_U32:
            return number(at)
        if kind == KIND_U64:
            at.at += 8
            return be64(start)
        if kind == KIND_I32:
            at.at += 4
            return <int32_t> be32(start)
        if kind == KIND_U8:
            at.at += 1
            return start[0]
        if kind == KIND_OPAQUE or kind == KIND_STR:
            length = be32(start)
            at.at += 4
            if length > left(at):
                at.at = NULL
                return None
            at.at += min((<Py_ssize_t> length + 3) & ~<Py_ssize_t> 3, left(at))
            if kind == KIND_OPAQUE:
                return PyBytes_FromStringAndSize(<const char*> start + 4, length)
            return PyUnicode_DecodeUTF8(<const char*> start + 4, length, "backslashreplace")
        if kind == KIND_IP4:
            at.at += 4
            return ip4(start)
        if kind == KIND_IP6:
            at.at += 16
            return text_of_octets(start)
        if kind == KIND_MAC:
            at.at += 8
            return PyUnicode_FromStringAndSize(text, mac_text(start, text))
        if kind == KIND_ADDR:
            return self.address(at)
        if kind == KIND_PCT:
            length = number(at)
            return None if length == UINT32_MAX else <double> length / 100
        if kind == KIND_F32:
            length = number(at)
            memcpy(&narrow, &length, 4)
            return self.decimals(<double> narrow)
        if kind == KIND_UUID:
            at.at += 16
            digits = PyBytes_FromStringAndSize(<const char*> start, 16).hex()
            return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
        found = as_path(at) if kind == KIND_ASPATH else numbers(at, kind == KIND_I32S)
        if found is None:
            at.at = NULL
        return found

    cdef object address(self, Span* at):
        cdef const uint8_t* start = at.at
        cdef uint32_t kind = be32(start)
        cdef Py_ssize_t octets = 0 if kind == 0 else 4 if kind == 1 else 16
        at.at += 4
        if kind > 2 or left(at) < octets:
            at.at = NULL
            return None
        at.at += octets
        return None if kind == 0 else ip4(start + 4) if kind == 1 else text_of_octets(start + 4)

    cdef object record(self, Span* at, int kind):
        """The next record; None where the plain reader is needed. At least eight octets are left."""
        cdef uint32_t tag = be32(at.at)
        cdef uint32_t length = be32(at.at + 4)
        cdef const uint8_t* start = at.at
        cdef const Slots* slots = &self.slots[CLASS_RECORD]
        cdef int i = self.find(tag, kind)
        cdef int n = 0, n_fields
        cdef const Known* known
        cdef Span inside
        at.at += 8
        if length > left(at) or i < 0:
            return None
        inside.at = at.at
        inside.end = at.at + length
        at.at += min((<Py_ssize_t> length + 3) & ~<Py_ssize_t> 3, left(at))
        known = &self.known[i]
        if known.plain:
            return self.plain(PyBytes_FromStringAndSize(<const char*> start, 8 + length), "counter" if kind else "flow")
        n_fields = known.n_fields
        name, names = self.names[i]
        taken = PyTuple_New(n_fields)
        # Progress: a field further each turn.
        while n < n_fields and inside.at < inside.end:
            if left(&inside) < LEAST[known.fields[n]]:
                return None
            value = self.value(known.fields[n], &inside)
            if inside.at == NULL:
                return None
            Py_INCREF(value)
            PyTuple_SET_ITEM(taken, n, value)
            n += 1
        if n < n_fields:                                # an older, shorter form
            taken, names = taken[:n], names[:n]
        fields = new(&self.slots[CLASS_FIELDS])
        put(fields, self.slots[CLASS_FIELDS].at[0], names)
        put(fields, self.slots[CLASS_FIELDS].at[1], taken)
        made = new(slots)
        put(made, slots.at[0], tag >> 12)
        put(made, slots.at[1], tag & 0xFFF)
        put(made, slots.at[2], name)
        put(made, slots.at[3], fields)
        put(made, slots.at[4], PyBytes_FromStringAndSize(<const char*> inside.at, left(&inside)))
        return made

    cdef object records(self, Span* at, int kind):
        """The records of a sample, which end where it does; None where the plain reader is needed."""
        cdef uint32_t _, n
        cdef list found
        if left(at) < 4:
            return None
        n = be32(at.at)
        at.at += 4
        if n > self.most_records or n > left(at) // 8:
            return None
        if n == 2:
            first = self.record(at, kind)
            if first is None or left(at) < 8:
                return None
            second = self.record(at, kind)
            return None if second is None or at.at != at.end else (first, second)
        found = []
        for _ in range(n):
            if left(at) < 8:
                return None
            one = self.record(at, kind)
            if one is None:
                return None
            found.append(one)
        return tuple(found) if at.at == at.end else None

    cdef object flow(self, Span* at, bint expanded):
        cdef const Slots* slots = &self.slots[CLASS_FLOW]
        cdef uint32_t word
        cdef int i
        if left(at) < (44 if expanded else 32):
            return None
        made = new(slots)
        put(made, slots.at[0], number(at))
        if expanded:
            put(made, slots.at[1], number(at))
            put(made, slots.at[2], number(at))
        else:
            word = be32(at.at)
            at.at += 4
            put(made, slots.at[1], word >> 24)
            put(made, slots.at[2], word & 0xFFFFFF)
        for i in range(3):
            put(made, slots.at[3 + i], number(at))
        for i in range(2):
            word = be32(at.at)
            if expanded:
                put(made, slots.at[6 + i], self.port(word, be32(at.at + 4)))
                at.at += 8
            else:
                put(made, slots.at[6 + i], self.port(word >> 30, word & 0x3FFFFFFF))
                at.at += 4
        found = self.records(at, FLOW)
        put(made, slots.at[8], found)
        put(made, slots.at[9], expanded)
        return None if found is None else made

    cdef object counters(self, Span* at, bint expanded):
        cdef const Slots* slots = &self.slots[CLASS_COUNTER]
        cdef uint32_t word
        if left(at) < (16 if expanded else 12):
            return None
        made = new(slots)
        put(made, slots.at[0], number(at))
        if expanded:
            put(made, slots.at[1], number(at))
            put(made, slots.at[2], number(at))
        else:
            word = be32(at.at)
            at.at += 4
            put(made, slots.at[1], word >> 24)
            put(made, slots.at[2], word & 0xFFFFFF)
        found = self.records(at, COUNTER)
        put(made, slots.at[3], found)
        put(made, slots.at[4], expanded)
        put(made, slots.at[5], None)
        return None if found is None else made

    cdef object discard(self, Span* at):
        cdef const Slots* slots = &self.slots[CLASS_DISCARD]
        cdef int i
        if left(at) < 32:
            return None
        made = new(slots)
        for i in range(4):
            put(made, slots.at[i], number(at))
        for i in range(4, 6):
            put(made, slots.at[i], self.port(0, be32(at.at)))
            at.at += 4
        put(made, slots.at[6], number(at))
        found = self.records(at, FLOW)
        put(made, slots.at[7], found)
        return None if found is None else made

    def datagram(self, bytes octets not None, Py_ssize_t start, Py_ssize_t length, source=None, tuple notices=()):
        """The datagram that lies in `octets`; None where the plain reader is needed."""
        cdef const Slots* slots = &self.slots[CLASS_DATAGRAM]
        cdef Span at, inside
        cdef uint32_t tag, size, n, _
        cdef list samples
        if start < 0 or length < 0 or start > len(octets) - length:
            raise ValueError("a datagram is within its octets")
        at.at = <const uint8_t*> PyBytes_AS_STRING(octets) + start
        at.end = at.at + length
        if length < 8 or be32(at.at) != 5:
            return None
        at.at += 4
        agent = self.address(&at)
        if at.at == NULL or left(&at) < 16:
            return None
        sub_agent, sequence, uptime = number(&at), number(&at), number(&at)
        n = be32(at.at)
        at.at += 4
        if n > self.most_samples or n > left(&at) // 8:
            return None
        samples = []
        for _ in range(n):
            if left(&at) < 8:
                return None
            tag, size = be32(at.at), be32(at.at + 4)
            at.at += 8
            if size > left(&at):
                return None
            inside.at = at.at
            inside.end = at.at + size
            at.at += min((<Py_ssize_t> size + 3) & ~<Py_ssize_t> 3, left(&at))
            if tag == 1 or tag == 3:
                sample = self.flow(&inside, tag == 3)
            elif tag == 2 or tag == 4:
                sample = self.counters(&inside, tag == 4)
            elif tag == 5:
                sample = self.discard(&inside)
            else:
                return None
            if sample is None:
                return None
            samples.append(sample)
        if at.at != at.end:
            return None
        made = new(slots)
        put(made, slots.at[0], 5)
        put(made, slots.at[1], agent)
        put(made, slots.at[2], sub_agent)
        put(made, slots.at[3], sequence)
        put(made, slots.at[4], uptime)
        put(made, slots.at[5], tuple(samples))
        put(made, slots.at[6], notices)
        put(made, slots.at[7], source)
        return made
