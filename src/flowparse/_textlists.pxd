# cython: language_level=3
"""Lists of sflowtool's text -> octets as sFlow sends them."""

from flowparse._textnumbers cimport Room, Text

cdef Py_ssize_t write_labels(Text at, Text end, Room out, Room limit, int era) noexcept nogil
cdef Py_ssize_t write_vlans(Text at, Text end, Room out, Room limit, int era) noexcept nogil
cdef Py_ssize_t write_u32s(Text at, Text end, Room out, Room limit, int era) noexcept nogil
cdef Py_ssize_t write_aspath(Text at, Text end, Room out, Room limit, int era) noexcept nogil
