# cython: language_level=3
"""sFlow structures as records that a plan runs over."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from flowparse._plan cimport Program
from flowparse._wire cimport Span

cdef enum:
    KEY = 16                        # octets before the fields: uptime, source class, source index, sample's sequence
    ROOM = 1 << 18                  # of a record in the making
    MOST_FIXED = 4096
    MOST_VARIABLE = 65535           # octets of a variable field
    MOST_LISTS = 16                 # that one field becomes

cdef enum OpKind:
    OP_COPY_1 = 0
    OP_COPY_4 = 1
    OP_COPY_8 = 2
    OP_COPY_16 = 3
    OP_MAC = 4                      # six octets of eight
    OP_IPV4 = 5                     # as ::ffff:a.b.c.d
    OP_ADDRESS = 6                  # type and address; :: where it is of type 0
    OP_PERCENT = 7                  # hundredths, to a 64-bit float
    OP_FLOAT = 8                    # -1.0 is not known
    OP_STRING = 9                   # length, octets, padding; from here on the fields are variable
    OP_ITEMS = 10                   # count, items of a size each
    OP_AS_PATH = 11                 # count, segments of type, count and AS numbers
    OP_ADAPTERS = 12                # count, adapters of ifIndex, count and MAC addresses
    OP_REST = 13                    # all that is left

cdef struct Op:                     # a field of a structure
    uint8_t kind
    uint8_t item                    # octets of an item of a list
    uint8_t since                   # the first version of sFlow that has it
    uint16_t offset                 # where it goes; of a fixed one

cdef struct Structure:
    uint32_t tag                    # enterprise << 12 | format
    uint8_t kind
    uint8_t later                   # the largest `since` of its fields
    uint16_t n_ops
    uint16_t fixed                  # octets of the fixed fields, the key before them included
    Op* ops
    Program** programs              # by how many fields are there, and as in versions 4 and 2; NULL: not made yet

cdef int write_record(
    const Structure* structure, uint32_t version, Span* at, uint8_t* out, Py_ssize_t* length, bint* damaged,
) noexcept nogil
