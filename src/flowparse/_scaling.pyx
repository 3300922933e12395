# cython: boundscheck=False, wraparound=False, cdivision=True
"""Estimates of sampled flows, a column at a time: bytes and packets times the rate, and how far off they may be.

https://sflow.org/packetSamplingBasics/: with 95 % confidence a count of c samples is off by at most
196 * sqrt(1 / c) percent. A flow's packets are its samples.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.math cimport sqrt
from libc.stdint cimport UINT64_MAX, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from flowparse._keys cimport number_column
from flowparse._part cimport ColumnRef
from flowparse._show cimport is_null
from flowparse._values cimport Chunk


cdef inline uint32_t rate_of(const ColumnRef* rate, Py_ssize_t row, uint32_t default_rate) noexcept nogil:
    """The row's rate; 0 where there is none."""
    cdef uint32_t said = 0
    if rate != NULL and not is_null(rate, row):
        said = (<const uint32_t*> rate.data)[row]
    return said if said else default_rate


cdef inline void set_bit(uint8_t* bitmap, Py_ssize_t row) noexcept nogil:
    bitmap[row >> 3] |= <uint8_t> (1 << (row & 7))


cdef void multiply(
    const ColumnRef* raw, const ColumnRef* rate, Py_ssize_t start, Py_ssize_t rows, uint32_t default_rate,
    uint64_t* to, uint8_t* bitmap,
) noexcept nogil:
    """Null where there is no value or no rate, or where 64 bits do not hold the product."""
    cdef Py_ssize_t i, row
    cdef uint64_t value, times
    # Bounds: rows start to start + rows of the part; `to` and the bitmap have `rows`.
    for i in range(rows):
        row = start + i
        to[i] = 0
        times = rate_of(rate, row, default_rate)
        if raw == NULL or is_null(raw, row) or times == 0:
            continue
        value = (<const uint64_t*> raw.data)[row]
        if value <= UINT64_MAX // times:
            to[i] = value * times
            set_bit(bitmap, i)


cdef void judge(
    const ColumnRef* packets, const ColumnRef* rate, Py_ssize_t start, Py_ssize_t rows, uint32_t default_rate,
    double* to, uint8_t* bitmap,
) noexcept nogil:
    """0 where every packet was counted; null without a rate or without packets."""
    cdef Py_ssize_t i, row
    cdef uint64_t samples, times
    # Bounds: as above.
    for i in range(rows):
        row = start + i
        to[i] = 0
        times = rate_of(rate, row, default_rate)
        samples = 0
        if packets != NULL and not is_null(packets, row):
            samples = (<const uint64_t*> packets.data)[row]
        if times == 0 or (times > 1 and samples == 0):
            continue
        if times > 1:
            to[i] = 1.96 * sqrt(1 / <double> samples)
        set_bit(bitmap, i)


def estimates(
    Chunk chunk not None, Py_ssize_t octets=-1, Py_ssize_t packets=-1, Py_ssize_t rate=-1, uint32_t default_rate=0,
):
    """Columns (validity, None, data) of bytes and packets times the rate (u64) and of the relative error (f64).

    As `_convert.extend_chunk` takes them. -1 is a column that there is not; a `default_rate` of 0 is none.
    """
    cdef const ColumnRef* n_octets = number_column(chunk, octets, "u64")
    cdef const ColumnRef* n_packets = number_column(chunk, packets, "u64")
    cdef const ColumnRef* rates = number_column(chunk, rate, "u32")
    cdef Py_ssize_t start = chunk.window.start, rows = chunk.window.rows
    cdef bytes bitmap, data
    cdef uint8_t* bits
    cdef char* to
    cdef int k
    columns = []
    for k in range(3):
        bitmap = PyBytes_FromStringAndSize(NULL, (rows + 7) >> 3)
        data = PyBytes_FromStringAndSize(NULL, 8 * rows)
        bits = <uint8_t*> <char*> bitmap
        to = <char*> data
        with nogil:
            memset(bits, 0, (rows + 7) >> 3)
            if k == 2:
                judge(n_packets, rates, start, rows, default_rate, <double*> to, bits)
            else:
                multiply(n_octets if k == 0 else n_packets, rates, start, rows, default_rate, <uint64_t*> to, bits)
        columns.append((bitmap, None, data))
    return columns
