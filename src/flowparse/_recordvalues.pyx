# cython: boundscheck=False, wraparound=False
"""Fields of sFlow structures as Python values, as `sflow.records` reads them; what is wrong is left to it."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from libc.stdint cimport UINT32_MAX, int32_t, uint8_t, uint32_t
from libc.string cimport memcpy, memset

from flowparse._addresses cimport ADDRESS_ROOM, address_text, mac_text
from flowparse._wire cimport Span, be32, be64, left

cdef extern from "Python.h":
    object PyUnicode_DecodeUTF8(const char* text, Py_ssize_t size, const char* errors)
    object PyUnicode_FromStringAndSize(const char* text, Py_ssize_t size)

KINDS = {
    "u32": KIND_U32, "i32": KIND_I32, "u64": KIND_U64, "u8": KIND_U8, "f32": KIND_F32, "pct": KIND_PCT, "ip4": KIND_IP4,
    "ip6": KIND_IP6, "addr": KIND_ADDR, "mac": KIND_MAC, "str": KIND_STR, "opaque": KIND_OPAQUE, "u32[]": KIND_U32S,
    "labels": KIND_U32S, "vlans": KIND_U32S, "i32[]": KIND_I32S, "aspath": KIND_ASPATH, "uuid": KIND_UUID,
}
LEAST = [0, 4, 4, 8, 1, 4, 4, 4, 16, 4, 8, 4, 4, 4, 4, 4, 16]


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


cdef object read_typed_address(Span* at):
    """An address with its type; None where it is of the unknown one, or does not fit, and then `at` is NULL."""
    cdef const uint8_t* start = at.at
    cdef uint32_t kind = be32(start)
    cdef Py_ssize_t octets = 0 if kind == 0 else 4 if kind == 1 else 16
    at.at += 4
    if kind > 2 or left(at) < octets:
        at.at = NULL
        return None
    at.at += octets
    return None if kind == 0 else ip4(start + 4) if kind == 1 else text_of_octets(start + 4)


cdef object read_value(int kind, Span* at, object decimals):
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
        return read_typed_address(at)
    if kind == KIND_PCT:
        length = number(at)
        return None if length == UINT32_MAX else <double> length / 100
    if kind == KIND_F32:
        length = number(at)
        memcpy(&narrow, &length, 4)
        return decimals(<double> narrow)
    if kind == KIND_UUID:
        at.at += 16
        digits = PyBytes_FromStringAndSize(<const char*> start, 16).hex()
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
    found = as_path(at) if kind == KIND_ASPATH else numbers(at, kind == KIND_I32S)
    if found is None:
        at.at = NULL
    return found
