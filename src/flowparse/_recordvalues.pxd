# cython: language_level=3
"""Fields of sFlow structures as Python values."""

from libc.stdint cimport uint8_t

from flowparse._wire cimport Span, be32

cdef enum:
    FIELD_KINDS = 17

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

cdef int[FIELD_KINDS] LEAST         # octets of a field of each kind

cdef object read_value(int kind, Span* at, object decimals)
cdef object read_typed_address(Span* at)


cdef inline object number(Span* at):
    # Bounds: the caller has four octets.
    at.at += 4
    return be32(at.at - 4)
