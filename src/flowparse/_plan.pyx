# cython: boundscheck=False, wraparound=False, cdivision=True
"""Plans: which octets of a record go to which column, compiled once for a template layout and a schema.

A plan runs over a whole Set, a column at a time: three to five times faster than a record at a time.
What it may read and write is proved once, when it is made, so that its loops check nothing: each
step lies within the record, and writes the width that its column has. Kernels know offsets and
widths; names and types stay in plan.py, which pairs each field with the name of a kernel here.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from flowparse._columns cimport (
    Context, SOURCE_FINISH, SOURCE_STEP, begin_message, column_end, commit_message, reserve,
    roll_back_message,
)
from flowparse._wire cimport be16, be32, be64, left

ctypedef const uint8_t* Octets
ctypedef const Context* Clock

# ── step kernels ─────────────────────────────────────────────────────────────────────────────────────────────────────
# Bounds, for all of them: the caller proved that `src`, `src + stride`, ... n times each start a field of `width`
# octets, and that `dst` has n places of the width that the kernel's name gives last.

cdef void copy_8(Octets src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        dst[i] = src[i * stride]


cdef void copy_16(Octets src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<uint16_t*> dst)[i] = be16(src + i * stride)


cdef void copy_32(Octets src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<uint32_t*> dst)[i] = be32(src + i * stride)


cdef void copy_64(Octets src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<uint64_t*> dst)[i] = be64(src + i * stride)


cdef void widen_8_16(Octets src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<uint16_t*> dst)[i] = src[i * stride]


cdef void widen_16_32(Octets src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<uint32_t*> dst)[i] = be16(src + i * stride)


cdef void widen_32_64(Octets src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<uint64_t*> dst)[i] = be32(src + i * stride)


cdef inline uint64_t be_any(const uint8_t* src, int width) noexcept nogil:
    cdef uint64_t value = 0
    cdef int k
    for k in range(width):
        value = value << 8 | src[k]
    return value


cdef void widen_any_16(Octets src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<uint16_t*> dst)[i] = <uint16_t> be_any(src + i * stride, width)


cdef void widen_any_32(Octets src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<uint32_t*> dst)[i] = <uint32_t> be_any(src + i * stride, width)


cdef void widen_any_64(Octets src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<uint64_t*> dst)[i] = be_any(src + i * stride, width)


cdef void octets_16(Octets src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        memcpy(dst + 16 * i, src + i * stride, 16)


cdef void octets_any(Octets src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        memcpy(dst + width * i, src + i * stride, width)


cdef void ipv4_mapped(Octets src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    """a.b.c.d as ::ffff:a.b.c.d."""
    cdef uint8_t[4] octets = [0, 0, 0xFF, 0xFF]
    cdef uint32_t prefix
    cdef uint32_t address
    cdef Py_ssize_t i
    memcpy(&prefix, octets, 4)
    for i in range(n):
        memcpy(&address, src + i * stride, 4)
        (<uint64_t*> dst)[2 * i] = 0
        (<uint32_t*> dst)[4 * i + 2] = prefix
        (<uint32_t*> dst)[4 * i + 3] = address


cdef void uptime_time(Octets src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst, int width, Clock clock) noexcept nogil:
    """Milliseconds of uptime as time: the export time, less how long ago that was.

    The difference is signed and 32 bits wide, which sees through the wrap of the uptime every 49.7
    days and through a flow that ends a little after the header's uptime.
    """
    cdef int64_t export_ns = clock.export_ns
    cdef uint32_t uptime_ms = clock.uptime_ms
    cdef Py_ssize_t i
    for i in range(n):
        (<int64_t*> dst)[i] = export_ns + <int64_t> (<int32_t> (be32(src + i * stride) - uptime_ms)) * 1000000


ctypedef void (*StepKernel)(Octets, Py_ssize_t, Py_ssize_t, uint8_t*, int, Clock) noexcept nogil

cdef StepKernel[14] KERNELS = [
    copy_8, copy_16, copy_32, copy_64, widen_8_16, widen_16_32, widen_32_64, widen_any_16, widen_any_32, widen_any_64,
    octets_16, octets_any, ipv4_mapped, uptime_time,
]
# Name -> {(octets on the wire, octets in memory): kernel}; 0 on the wire stands for any other that is not larger.
KERNEL_OF = {
    "unsigned": {
        (1, 1): 0, (2, 2): 1, (4, 4): 2, (8, 8): 3, (1, 2): 4, (2, 4): 5, (4, 8): 6, (0, 2): 7, (0, 4): 8, (0, 8): 9,
    },
    "octets": {(16, 16): 10, (6, 6): 11},
    "ipv4_mapped": {(4, 16): 12},
    "uptime": {(4, 8): 13},
}


def kernel_of(name, wire, memory):
    """The kernel `name` for a field of `wire` octets and a column of `memory`; None where there is none."""
    widths = KERNEL_OF[name]
    if name == "octets" and wire == memory:
        return widths.get((wire, memory), 11)
    if (wire, memory) in widths:
        return widths[wire, memory]
    return widths.get((0, memory)) if 1 <= wire <= memory else None


# ── running ──────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef Stop run_fixed(const Program* program, Span* body, Ledger* ledger) noexcept nogil:
    """Append every whole record of `body`, a column at a time; leave `body.at` on the first octet not used."""
    cdef Py_ssize_t length = program.record_length
    cdef Py_ssize_t n, k
    cdef const Step* step
    cdef Store* store = program.store
    # Progress: each turn uses n >= 1 records, or returns.
    while left(body) >= length:
        n = reserve(ledger, store, left(body) // length)
        if n <= 0:
            return STOP_LIMIT if n == 0 else STOP_MEMORY
        # Bounds: n * length <= end - at, and Plan proved offset + width <= length for each step; reserve() proved
        # room for n rows in each column, and Plan that the kernel writes the column's width.
        for k in range(program.n_steps):
            step = &program.steps[k]
            KERNELS[step.kernel](
                body.at + step.offset, length, n, column_end(store.open, step.column), step.width, &ledger.context,
            )
        store.open.rows += n
        ledger.rows += n
        body.at += n * length
    return STOP_END


# ── the door ─────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef class Plan:
    """Steps that decode records of one length into one table.

    Parameters
    ----------
    table : Table
        Where rows go.
    record_length : int
        Octets of a record, 1 to 65535.
    steps : sequence of (kernel, offset, width, column)
        Kernel names as in `KERNEL_OF`; offset and width in octets; the column's index in the layout.

    Raises
    ------
    ValueError
        A step that leaves the record or does not fit its column, or a column that no step fills.
    """

    def __cinit__(self, Table table, record_length, steps):
        cdef Py_ssize_t k
        shape = table.layout.shape
        if not 1 <= record_length <= 65535:
            raise ValueError("a record has 1 to 65535 octets")
        self.table = table
        self.program.store = &table.store
        self.program.record_length = record_length
        self.program.steps = <Step*> PyMem_RawMalloc(max(1, len(steps)) * sizeof(Step))
        if self.program.steps == NULL:
            raise MemoryError()
        filled = set()
        for k, (name, offset, width, column) in enumerate(steps):
            if not (0 <= offset and 1 <= width and offset + width <= record_length):
                raise ValueError(f"step {k}: octets {offset} to {offset + width} of a record of {record_length}")
            if not 0 <= column < shape.n_stored or column in filled:
                raise ValueError(f"step {k}: no column {column} to fill")
            if shape.columns[column].source not in (SOURCE_STEP, SOURCE_FINISH):
                raise ValueError(f"step {k}: column {column} is not filled by steps")
            kernel = kernel_of(name, width, shape.columns[column].width)
            if kernel is None:
                raise ValueError(f"step {k}: {name} does not store {width} octets in {shape.columns[column].width}")
            filled.add(column)
            self.program.steps[k] = Step(offset, width, column, kernel)
        self.program.n_steps = len(steps)
        for k in range(shape.n_stored):
            if shape.columns[k].source == SOURCE_STEP and k not in filled:
                raise ValueError(f"no step fills column {k}")

    def __dealloc__(self):
        PyMem_RawFree(self.program.steps)

    def append(self, octets):
        """Decode the whole records of `octets` as one message without context; return how many."""
        cdef Py_buffer view
        cdef Span body
        cdef Stop stop
        cdef Ledger* ledger = &self.table.account.ledger
        PyObject_GetBuffer(octets, &view, PyBUF_SIMPLE)
        try:
            body.at = <const uint8_t*> view.buf
            body.end = body.at + view.len
            begin_message(ledger, False)
            stop = run_fixed(&self.program, &body, ledger)
        finally:
            PyBuffer_Release(&view)
        if stop == STOP_END:
            commit_message(ledger)
            return ledger.rows
        roll_back_message(ledger)
        if stop == STOP_MEMORY:
            raise MemoryError()
        return 0
