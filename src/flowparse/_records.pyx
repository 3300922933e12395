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
from libc.stdint cimport int16_t, uint8_t, uint32_t
from libc.string cimport memset

from flowparse._recordvalues cimport LEAST, number, read_typed_address, read_value
from flowparse._wire cimport Span, be32, left

from sys import intern

from flowparse._recordvalues import KINDS as _KINDS


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
    object PyType_GenericAlloc(PyTypeObject* type, Py_ssize_t items)

cdef enum:
    MOST_FIELDS = 64
    TAG_SLOTS = 1024            # at least twice as many as there are structures
    PORTS = 256                 # ports that were made lately
    FLOW = 0
    COUNTER = 1

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


cdef void put_key(object made, const Slots* slots, Span* at, bint expanded):
    """The first fields of a sample: its sequence number, and the class and index of its data source."""
    cdef uint32_t word
    # Bounds: the caller has the octets.
    put(made, slots.at[0], number(at))
    if expanded:
        put(made, slots.at[1], number(at))
        put(made, slots.at[2], number(at))
    else:
        word = be32(at.at)
        at.at += 4
        put(made, slots.at[1], word >> 24)
        put(made, slots.at[2], word & 0xFFFFFF)


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
            known.plain = len(types) > MOST_FIELDS or any(type not in _KINDS for type in types)
            if len(names) != len(types):
                raise ValueError(f"{name}: {len(names)} names of {len(types)} fields")
            if not known.plain:
                for k, type in enumerate(types):
                    known.fields[k] = _KINDS[type]
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
            value = read_value(known.fields[n], &inside, self.decimals)
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
        put_key(made, slots, at, expanded)
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
        if left(at) < (16 if expanded else 12):
            return None
        made = new(slots)
        put_key(made, slots, at, expanded)
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
        put_key(made, slots, at, True)
        put(made, slots.at[3], number(at))
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
        agent = read_typed_address(&at)
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
