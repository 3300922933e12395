# cython: boundscheck=False, wraparound=False
"""How stored values read: one small function for each column type, joined with each layout once.

Addresses and MACs read as text, or as they are stored where `plain` is asked for; times as integer
nanoseconds, octets as bytes, text as str with backslashes for what is not UTF-8. A null is no matter
of these functions: see `is_null`.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_GetItemWithError
from cpython.long cimport PyLong_AsSsize_t
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from flowparse._addresses cimport ADDRESS_ROOM, IPV4_ROOM, MAC_ROOM, address_text, ipv4_text, mac_text
from flowparse._arrow cimport describe, drop_description
from flowparse._derive cimport text_length
from flowparse._layout cimport FORM_KEPT, FORM_MILLISECONDS, FORM_SECONDS
from flowparse._part cimport values_of
from flowparse._steps cimport ms_of

from flowparse.datatypes import COLUMN_TYPES as _COLUMN_TYPES

cdef extern from "Python.h":
    object PyUnicode_New(Py_ssize_t length, Py_UCS4 most)
    void* PyUnicode_DATA(object text)

# Bounds, for all of them: `row` lies within the part, which has that many values of `width` octets, or offsets.

cdef object read_u8(const ColumnRef* ref, Py_ssize_t row, int width):
    return ref.data[row]


cdef object read_u16(const ColumnRef* ref, Py_ssize_t row, int width):
    return (<const uint16_t*> ref.data)[row]


cdef object read_u32(const ColumnRef* ref, Py_ssize_t row, int width):
    return (<const uint32_t*> ref.data)[row]


cdef object read_u64(const ColumnRef* ref, Py_ssize_t row, int width):
    return (<const uint64_t*> ref.data)[row]


cdef object read_i8(const ColumnRef* ref, Py_ssize_t row, int width):
    return (<const int8_t*> ref.data)[row]


cdef object read_i16(const ColumnRef* ref, Py_ssize_t row, int width):
    return (<const int16_t*> ref.data)[row]


cdef object read_i32(const ColumnRef* ref, Py_ssize_t row, int width):
    return (<const int32_t*> ref.data)[row]


cdef object read_i64(const ColumnRef* ref, Py_ssize_t row, int width):
    return (<const int64_t*> ref.data)[row]


cdef object read_f32(const ColumnRef* ref, Py_ssize_t row, int width):
    return <double> (<const float*> ref.data)[row]


cdef object read_f64(const ColumnRef* ref, Py_ssize_t row, int width):
    return (<const double*> ref.data)[row]


cdef object read_bool(const ColumnRef* ref, Py_ssize_t row, int width):
    return (ref.data[row >> 3] >> (row & 7) & 1) == 1


cdef object read_time_us(const ColumnRef* ref, Py_ssize_t row, int width):
    # As Python's integer: not every number of microseconds is one of nanoseconds in 64 bits.
    return (<const int64_t*> ref.data)[row] * <object> 1000


cdef object read_ipv4(const ColumnRef* ref, Py_ssize_t row, int width):
    cdef char[IPV4_ROOM] room
    cdef int length = ipv4_text((<const uint32_t*> ref.data)[row], room)
    return ascii(room, length)


cdef object read_address(const ColumnRef* ref, Py_ssize_t row, int width):
    cdef char[ADDRESS_ROOM] room
    cdef int length = address_text(ref.data + 16 * row, room)
    return ascii(room, length)


cdef object read_mac(const ColumnRef* ref, Py_ssize_t row, int width):
    cdef char[MAC_ROOM] room
    cdef int length = mac_text(ref.data + 6 * row, room)
    return ascii(room, length)


cdef object read_octets(const ColumnRef* ref, Py_ssize_t row, int width):
    return PyBytes_FromStringAndSize(<const char*> ref.data + row * width, width)


cdef object read_binary(const ColumnRef* ref, Py_ssize_t row, int width):
    return PyBytes_FromStringAndSize(<const char*> ref.data + ref.offsets[row], ref.offsets[row + 1] - ref.offsets[row])


cdef object read_text(const ColumnRef* ref, Py_ssize_t row, int width):
    cdef Py_ssize_t length = text_length(ref.data + ref.offsets[row], ref.offsets[row + 1] - ref.offsets[row])
    return PyUnicode_DecodeUTF8(<const char*> ref.data + ref.offsets[row], length, "backslashreplace")


cdef object read_list(const ColumnRef* ref, Py_ssize_t row, Reader item, int width):
    """The items as a tuple; they stand as those of a column would."""
    cdef ColumnRef items = ref[0]
    cdef Py_ssize_t i
    return tuple([item(&items, i, width) for i in range(ref.offsets[row], ref.offsets[row + 1])])


cdef object read_u32_list(const ColumnRef* ref, Py_ssize_t row, int width):
    return read_list(ref, row, read_u32, 4)


cdef object read_i32_list(const ColumnRef* ref, Py_ssize_t row, int width):
    return read_list(ref, row, read_i32, 4)


cdef object read_i64_list(const ColumnRef* ref, Py_ssize_t row, int width):
    return read_list(ref, row, read_i64, 8)


cdef inline object ascii(const char* characters, int length):
    # Bounds: a new str of `length` ASCII characters has that many octets.
    text = PyUnicode_New(length, 127)
    memcpy(PyUnicode_DATA(text), characters, length)
    return text


cdef enum:
    KINDS_ALL = 22
    VARIABLE = 65535            # length of a field in a template that says: see each record

cdef struct Kind:
    Reader text
    Reader plain
    const char* format          # of the buffer protocol; NULL: its memory is not an array of values

cdef Kind[KINDS_ALL] KINDS = [
    Kind(read_u8, read_u8, b"B"),
    Kind(read_u16, read_u16, b"H"),
    Kind(read_u32, read_u32, b"I"),
    Kind(read_u64, read_u64, b"Q"),
    Kind(read_i8, read_i8, b"b"),
    Kind(read_i16, read_i16, b"h"),
    Kind(read_i32, read_i32, b"i"),
    Kind(read_i64, read_i64, b"q"),
    Kind(read_f32, read_f32, b"f"),
    Kind(read_f64, read_f64, b"d"),
    Kind(read_bool, read_bool, NULL),
    Kind(read_i64, read_i64, b"q"),
    Kind(read_time_us, read_time_us, b"q"),
    Kind(read_ipv4, read_u32, b"I"),
    Kind(read_address, read_octets, b"B"),
    Kind(read_mac, read_octets, b"B"),
    Kind(read_octets, read_octets, b"B"),
    Kind(read_binary, read_binary, NULL),
    Kind(read_text, read_text, NULL),
    Kind(read_u32_list, read_u32_list, NULL),
    Kind(read_i32_list, read_i32_list, NULL),
    Kind(read_i64_list, read_i64_list, NULL),
]
KIND_OF = {
    name: kind
    for kind, name in enumerate(
        (
            "u8 u16 u32 u64 i8 i16 i32 i64 f32 f64 bool time time_us ipv4 address mac octets binary utf8"
            " u32[] i32[] i64[]"
        ).split()
    )
}
cdef int F64 = KIND_OF["f64"]
cdef int BOOL = KIND_OF["bool"]
cdef int TIME = KIND_OF["time"]
cdef int TIME_US = KIND_OF["time_us"]
cdef int FIRST_OF_OCTETS = KIND_OF["address"]


cdef class Face:
    """How to export and to read a layout, made once for it."""

    def __cinit__(self, Layout layout):
        cdef Py_ssize_t i
        cdef Look* look
        self.derived = {}
        self.names = layout.names
        self.index = layout.index
        self.wires = layout.wires
        self.description = describe(layout)
        self.looks = <Look*> PyMem_RawCalloc(len(layout.names), sizeof(Look))
        if self.looks == NULL:
            raise MemoryError()
        for i, (type, wire_octets) in enumerate(zip(layout.types, layout.wire_octets)):
            look = &self.looks[i]
            look.kind = KIND_OF[type.name.rstrip("0123456789") if type.name.startswith("octets") else type.name]
            look.text = KINDS[look.kind].text
            look.plain = KINDS[look.kind].plain
            look.format = KINDS[look.kind].format
            look.is_bits = look.kind == BOOL
            look.is_octets = type.width > 0 and look.kind >= FIRST_OF_OCTETS
            look.width = type.width
            look.item = _COLUMN_TYPES[type.item].width if type.item else 1
            look.form = layout.shape.columns[i].form
            look.kept = layout.shape.columns[i].kept
            # How long a time was, and in which unit, is known only with its form.
            known = wire_octets and wire_octets <= type.width and look.kind != TIME and look.kind != TIME_US
            look.wire_octets = wire_octets if known else type.width

    def __dealloc__(self):
        if self.description != NULL:
            drop_description(self.description)
        PyMem_RawFree(self.looks)

    cdef Py_ssize_t find(self, object name) except -2:
        """As `column_of`, which asks here first of all and remembers."""
        cdef PyObject* found = PyDict_GetItemWithError(self.index, name)
        cdef Hint* hint = &self.hints[(<size_t> <void*> name >> 4) & (HINTS - 1)]
        cdef Py_ssize_t column
        if found == NULL:
            return -1
        column = PyLong_AsSsize_t(<object> found)
        # Only the layout's own name is there as long as the hint.
        if <void*> name == <void*> (<object> self.names[column]):
            hint.name = <void*> name
            hint.column = column
        return column


cdef Face face_of(Layout layout):
    if layout.arrow is None:
        layout.arrow = Face(layout)
    return <Face> layout.arrow


cdef bytes network_order(const uint8_t* value, int width, int octets):
    """The last `octets` of a number of `width` octets, as they are on the wire."""
    cdef uint8_t[8] turned
    cdef int k
    # Bounds: width is 1, 2, 4 or 8. Memory is little-endian on every platform that wheels are built for.
    for k in range(width):
        turned[k] = value[width - 1 - k]
    return PyBytes_FromStringAndSize(<const char*> turned + width - octets, octets)


cdef Py_ssize_t wire_of(Face face, const Part* part, Py_ssize_t column, Py_ssize_t row) except? -1:
    """How long the template said that the field is; -1 where that is not known."""
    cdef Py_ssize_t k = part.n_runs
    if k == 0 or not part.shape.keeps_wires:
        return -1
    # Progress: one run before each turn. Bounds: the first run starts at row 0.
    while k > 1 and part.runs[k - 1].first_row > <uint32_t> row:
        k -= 1
    return face.wires[part.runs[k - 1].context.wire][column]


cdef object raw_octets(Face face, const Part* part, Py_ssize_t column, Py_ssize_t row):
    """The value's octets in network order, as many as were sent; None where there are none."""
    cdef const ColumnRef* ref = &part.columns[column]
    cdef const Look* look = &face.looks[column]
    cdef const uint8_t* value = ref.data + row * look.width
    cdef Py_ssize_t octets, wire = wire_of(face, part, column, row)
    cdef int width = look.width
    cdef uint64_t number
    cdef uint32_t bits
    cdef float narrow
    if wire >= 0 and look.form == FORM_KEPT:
        # Bounds: the part is a table's own, and its scratch columns are there as long as it is.
        width = part.shape.columns[look.kept].width
        return network_order(values_of(part, look.kept) + row * width, width, width)
    if wire >= 0 and look.form == FORM_MILLISECONDS:
        number = ms_of((<const uint64_t*> values_of(part, <int> column))[row])
        return network_order(<const uint8_t*> &number, 8, 8)
    if is_null(ref, row):
        return None
    if width == 0 and look.item > 1:
        return b"".join([
            network_order(ref.data + i * look.item, look.item, look.item)
            for i in range(ref.offsets[row], ref.offsets[row + 1])
        ])
    if width == 0:
        text = read_binary(ref, row, 0)
        # Zeros that filled a fixed field up.
        return text.ljust(wire, b"\0") if 0 <= wire < VARIABLE else text
    octets = wire if 0 < wire <= width else look.wire_octets
    if look.is_octets:
        # A mapped IPv4 address of four octets is the last four.
        return PyBytes_FromStringAndSize(<const char*> value + width - octets, octets)
    if look.is_bits:
        return b"\1" if read_bool(ref, row, 0) else b"\2"         # RFC 7011 section 6.1.5
    if wire >= 0 and look.form == FORM_SECONDS:
        number = (<const uint64_t*> value)[0] // 1000000000
        return network_order(<const uint8_t*> &number, 8, 4)
    if look.kind == F64 and octets == 4:
        narrow = <float> (<const double*> value)[0]
        memcpy(&bits, &narrow, 4)
        number = (<const uint64_t*> value)[0]
        if number << 1 > <uint64_t> 0xFFE << 52:        # NaN, with the bits that it was sent with
            bits = <uint32_t> (number >> 63 << 31 | <uint64_t> 0x7F800000 | (number >> 29 & 0x7FFFFF))
        return network_order(<const uint8_t*> &bits, 4, 4)
    return network_order(value, width, <int> octets)


cdef bint same_value(
    const ColumnRef* a, Py_ssize_t row, const ColumnRef* b, Py_ssize_t other, const Look* look,
) noexcept nogil:
    """Whether two values are the same; floats by their octets, so that NaN equals itself."""
    cdef int width = look.width
    cdef Py_ssize_t octets
    if is_null(a, row) or is_null(b, other):
        return is_null(a, row) and is_null(b, other)
    if look.is_bits:
        return (a.data[row >> 3] >> (row & 7) ^ b.data[other >> 3] >> (other & 7)) & 1 == 0
    if width:
        return memcmp(a.data + row * width, b.data + other * width, width) == 0
    octets = look.item * <Py_ssize_t> (a.offsets[row + 1] - a.offsets[row])
    return octets == look.item * <Py_ssize_t> (b.offsets[other + 1] - b.offsets[other]) and memcmp(
        a.data + look.item * <Py_ssize_t> a.offsets[row], b.data + look.item * <Py_ssize_t> b.offsets[other], octets,
    ) == 0
