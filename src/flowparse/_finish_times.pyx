# cython: boundscheck=False, wraparound=False, cdivision=True
"""Finish steps that make times and sampling rates out of several fields."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from flowparse._layout cimport MOST_ROWS
from flowparse._nulls cimport set_nulls
from flowparse._part cimport ColumnRef, values_of
from flowparse._slab cimport drop_slab
from flowparse._steps cimport MOST_MS, NO_TIME, ODD_RATE, ODD_TIME, ms_of, since_init

cdef int64_t DAY_NS = <int64_t> 86400 * 1000000000
cdef int64_t UPTIME_WRAP_NS = (<int64_t> 1 << 32) * 1000000         # uptime counts milliseconds in 32 bits

# Bounds, for all of them: i < rows <= MOST_ROWS, in the columns and in flags; columns have the widths that flow_view.py
# pairs them with.

cdef void time_order(Part* part, const uint16_t* columns) noexcept nogil:
    """Take one wrap of the exporter's uptime (49.7 days) off a start that is a day or more after its end."""
    cdef int64_t* start = <int64_t*> values_of(part, columns[0])
    cdef const int64_t* end = <const int64_t*> values_of(part, columns[1])
    cdef Py_ssize_t i
    # Bounds: i < rows, in both columns.
    # A small inversion is the exporter's own and stays; both times lie within 140 years of 1970.
    if not part.odd & ODD_TIME:
        for i in range(part.rows):
            if start[i] - end[i] > DAY_NS:
                start[i] -= UPTIME_WRAP_NS
        return
    for i in range(part.rows):
        if start[i] != NO_TIME and end[i] != NO_TIME and start[i] - end[i] > DAY_NS:
            start[i] -= UPTIME_WRAP_NS


cdef void milliseconds(Part* part, const uint16_t* columns) noexcept nogil:
    """Times after the year 2262 are more nanoseconds than there is room for."""
    cdef const uint64_t* stored = <const uint64_t*> values_of(part, columns[0])
    cdef uint8_t[MOST_ROWS] is_null
    cdef Py_ssize_t i, n = 0
    if not part.odd & ODD_TIME:
        return
    # Bounds: i < rows <= MOST_ROWS.
    for i in range(part.rows):
        is_null[i] = ms_of(stored[i]) > <uint64_t> MOST_MS
        n += is_null[i]
    set_nulls(part, columns[0], is_null, n, 1)
    part.out_of_range += n


cdef void no_time(Part* part, const uint16_t* columns) noexcept nogil:
    cdef const int64_t* time = <const int64_t*> values_of(part, columns[0])
    cdef uint8_t[MOST_ROWS] is_null
    cdef Py_ssize_t i, n = 0
    if not part.odd & ODD_TIME:
        return
    # Bounds: i < rows <= MOST_ROWS.
    for i in range(part.rows):
        is_null[i] = time[i] == NO_TIME
        n += is_null[i]
    set_nulls(part, columns[0], is_null, n, 1)


cdef void since_init_of_record(Part* part, const uint16_t* columns) noexcept nogil:
    """A time out of the exporter's start and uptime, both in the record (RFC 7012, flowStartSysUpTime)."""
    cdef int64_t* time = <int64_t*> values_of(part, columns[0])
    cdef const uint64_t* init = <const uint64_t*> values_of(part, columns[1])
    cdef const uint64_t* uptime = <const uint64_t*> values_of(part, columns[2])
    cdef Py_ssize_t k, i, end
    cdef uint64_t init_ms
    # Bounds: runs are in order, and end at the part's rows.
    for k in range(part.n_runs):
        end = part.runs[k + 1].first_row if k + 1 < part.n_runs else part.rows
        for i in range(part.runs[k].first_row, end):
            init_ms = ms_of(init[i])
            time[i] = NO_TIME
            if init_ms <= <uint64_t> MOST_MS and uptime[i] >> 32 == 0:
                time[i] = since_init(<int64_t> init_ms, <uint32_t> uptime[i], part.runs[k].context.export_ns)
            if time[i] == NO_TIME:
                part.odd |= ODD_TIME


cdef void add_duration(Part* part, const uint16_t* columns, int64_t scale) noexcept nogil:
    """One end of a flow out of the other and its duration in units of `scale` nanoseconds."""
    cdef int64_t* time = <int64_t*> values_of(part, columns[0])
    cdef const int64_t* other = <const int64_t*> values_of(part, columns[1])
    cdef const uint64_t* duration = <const uint64_t*> values_of(part, columns[2])
    cdef const ColumnRef* ref = &part.columns[columns[1]]
    cdef bint is_null
    cdef Py_ssize_t i
    for i in range(part.rows):
        is_null = ref.null_count == part.rows or (ref.null_count > 0 and not ref.validity[i >> 3] >> (i & 7) & 1)
        # 32 bits of milliseconds are 50 days. The other end may be as late as 2262.
        if is_null or other[i] == NO_TIME or duration[i] >> 32 or other[i] > MOST_MS * 1000000 - UPTIME_WRAP_NS:
            time[i] = NO_TIME
            part.odd |= ODD_TIME
        else:
            time[i] = other[i] + <int64_t> duration[i] * scale


cdef void add_ms(Part* part, const uint16_t* columns) noexcept nogil:
    add_duration(part, columns, 1000000)


cdef void add_us(Part* part, const uint16_t* columns) noexcept nogil:
    add_duration(part, columns, 1000)


cdef void less_ms(Part* part, const uint16_t* columns) noexcept nogil:
    add_duration(part, columns, -1000000)


cdef void less_us(Part* part, const uint16_t* columns) noexcept nogil:
    add_duration(part, columns, -1000)


# ── sampling ─────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef enum:
    SOURCE_OVERRIDE = 1         # enums/sampling_source.tsv
    SOURCE_RECORD = 2
    SOURCE_SAMPLER = 3
    SOURCE_TEMPLATE = 4
    SOURCE_INTERFACE = 5

cdef uint32_t MOST_RATE = 1 << 24


cdef inline bint is_likely(uint32_t rate) noexcept nogil:
    """Whether a rate makes sense: not 0, not huge, and no power of two in the wrong order of octets."""
    cdef uint32_t swapped = rate << 24 | (rate & 0xFF00) << 8 | rate >> 8 & 0xFF00 | rate >> 24
    return 1 <= rate <= MOST_RATE and (rate < 1 << 16 or swapped & (swapped - 1) != 0)


cdef void rate_of_interval(Part* part, const uint16_t* columns) noexcept nogil:
    """Count-based: of interval + space packets, interval are sampled (RFC 5476 section 6.5.2.1)."""
    cdef uint32_t* rate = <uint32_t*> values_of(part, columns[0])
    cdef const uint32_t* interval = <const uint32_t*> values_of(part, columns[1])
    cdef const uint32_t* space = <const uint32_t*> values_of(part, columns[2])
    cdef uint64_t found
    cdef Py_ssize_t i
    for i in range(part.rows):
        found = (<uint64_t> interval[i] + space[i]) // interval[i] if interval[i] else 0
        rate[i] = <uint32_t> found if found >> 32 == 0 else 0


cdef void rate_of_population(Part* part, const uint16_t* columns) noexcept nogil:
    """Random: of population packets, size are sampled (RFC 5476 section 6.5.2.3)."""
    cdef uint32_t* rate = <uint32_t*> values_of(part, columns[0])
    cdef const uint32_t* size = <const uint32_t*> values_of(part, columns[1])
    cdef const uint32_t* population = <const uint32_t*> values_of(part, columns[2])
    cdef Py_ssize_t i
    for i in range(part.rows):
        rate[i] = population[i] // size[i] if size[i] else 0


cdef void rate_of_probability(Part* part, const uint16_t* columns) noexcept nogil:
    """Uniform probability, to the nearest rate (RFC 5476 section 6.5.2.4)."""
    cdef uint32_t* rate = <uint32_t*> values_of(part, columns[0])
    cdef const double* probability = <const double*> values_of(part, columns[1])
    cdef Py_ssize_t i
    part.odd |= ODD_RATE
    for i in range(part.rows):
        # Not of NaN, and not of what is no probability.
        rate[i] = <uint32_t> (1.0 / probability[i] + 0.5) if 1e-9 < probability[i] <= 1.0 else 0


cdef void rates(Part* part, const uint16_t* columns) noexcept nogil:
    """The rate of each row and where it is from: the caller, the record, its sampler, its interface, or the message.

    Three columns of candidates, 0 for none; the number of the first column stands for one that there
    is not.
    """
    cdef uint32_t* rate = <uint32_t*> values_of(part, columns[0])
    cdef uint8_t* source = values_of(part, columns[1])
    cdef const uint32_t* candidates[3]
    cdef uint8_t[3] sources = [SOURCE_RECORD, SOURCE_SAMPLER, SOURCE_INTERFACE]
    cdef uint8_t[MOST_ROWS] is_null
    cdef uint8_t of_message
    cdef uint32_t found
    cdef Py_ssize_t i, k, end, nulls = 0
    cdef int c
    if not part.odd & ODD_RATE:
        return                  # the message's context, as it was written
    for c in range(3):
        candidates[c] = NULL
        if columns[2 + c] != columns[0]:
            candidates[c] = <const uint32_t*> values_of(part, columns[2 + c])
    # Bounds: runs are in order, and end at the part's rows.
    for k in range(part.n_runs):
        end = part.runs[k + 1].first_row if k + 1 < part.n_runs else part.rows
        of_message = part.runs[k].context.sampling_source
        for i in range(part.runs[k].first_row, end):
            rate[i] = part.runs[k].context.sampling_rate
            source[i] = of_message
            for c in range(3):
                # What the caller says stands over all, a template's rate over an interface's.
                if candidates[c] == NULL or of_message == SOURCE_OVERRIDE:
                    continue
                if c == 2 and of_message == SOURCE_TEMPLATE:
                    continue
                found = candidates[c][i]
                if found == 0:
                    continue
                if not is_likely(found):
                    part.out_of_range += 1
                    continue
                rate[i] = found
                source[i] = sources[c]
                break
            is_null[i] = rate[i] == 0
            nulls += is_null[i]
    # The message's may be a block that other parts have too.
    for c in range(2):
        if part.columns[columns[c]].owner != NULL:
            drop_slab(part.columns[columns[c]].owner)
            part.columns[columns[c]].owner = NULL
        part.columns[columns[c]].data = values_of(part, columns[c])
        part.columns[columns[c]].validity = NULL
        part.columns[columns[c]].null_count = 0
    set_nulls(part, columns[0], is_null, nulls, 1)
