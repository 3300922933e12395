# cython: boundscheck=False, wraparound=False, cdivision=True
"""Layouts: the columns of a table, how they are stored, and who fills them.

A description in names becomes numbers that kernels trust, checked here and nowhere again; and the
place of each column in a slab of each size, for as many rows as fit. Immutable, and counted, since
rows may outlive whoever made them.
"""

from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from flowparse._slab cimport SLAB_LARGEST, release, slab_size

from sys import intern

from flowparse._sampled import sampled_fields
from flowparse.datatypes import ColumnType

cdef enum:
    ALIGNMENT = 64              # of a column in its slab
    MOST_WIRES = 65536          # widths of fields that one layout remembers, for all templates

CONTEXT = {
    "exporter": CONTEXT_EXPORTER,
    "exporter_port": CONTEXT_EXPORTER_PORT,
    "domain": CONTEXT_DOMAIN,
    "template_id": CONTEXT_TEMPLATE_ID,
    "export_time": CONTEXT_EXPORT_TIME,
    "message_index": CONTEXT_MESSAGE_INDEX,
    "received": CONTEXT_RECEIVED,
    "sequence": CONTEXT_SEQUENCE,
    "sampling_rate": CONTEXT_SAMPLING_RATE,
    "sampling_source": CONTEXT_SAMPLING_SOURCE,
    "protocol": CONTEXT_PROTOCOL,
    "time_source": CONTEXT_TIME_SOURCE,
}
# Finish step -> how many columns it takes; in the order of FINISH_KERNELS in _finish.pyx.
COLUMNS_OF_FINISH = {
    "icmp_split": 5,
    "time_order": 2,
    "zero_is_null": 1,
    "boolean": 2,
    "milliseconds": 1,
    "no_time": 1,
    "pick_nonzero": 2,
    "pick_by_version": 3,
    "pick_by_etype": 3,
    "net_of_family": 3,
    "net_is_ipv4": 2,
    "net_is_ipv6": 2,
    "etype_of_version": 2,
    "etype_of_address": 2,
    "word_split": 3,
    "pick_icmpv6": 3,
    "only_icmp": 2,
    "not_icmp": 2,
    "icmp_from_port": 4,
    "since_init": 3,
    "add_ms": 3,
    "add_us": 3,
    "less_ms": 3,
    "less_us": 3,
    "narrow_8": 2,
    "narrow_16": 2,
    "narrow_32": 2,
    "number_8": 2,
    "number_16": 2,
    "number_32": 2,
    "number_64": 2,
    "application": 2,
    "all_ones_is_null": 1,
    "rate_of_interval": 3,
    "rate_of_population": 3,
    "rate_of_probability": 2,
    "rates": 5,
    "empty_is_null": 1,
    "flagged": 2,
    "only_icmpv6": 2,
    "not_icmpv6": 2,
    "list_of_numbers": 1,
    "no_sections": 1,
    "frame_section": 6,
    "ip_section": 6,
    "mpls_section": 6,
    "payload_section": 6,
    "of_section": 3,
    "other_direction": 1,
}
# Finish steps whose last column is none, but a number below this one.
NUMBERED = {"of_section": len(sampled_fields()[0])}
FINISH = {name: (kind, columns) for kind, (name, columns) in enumerate(COLUMNS_OF_FINISH.items())}
FORMS = {"seconds": FORM_SECONDS, "milliseconds": FORM_MILLISECONDS}
SOURCES = {
    "null": SOURCE_NULL,
    "step": SOURCE_STEP,
    "finish": SOURCE_FINISH,
    "context": SOURCE_CONTEXT,
    "constant": SOURCE_CONSTANT,
}
cdef ColumnSpec NO_COLUMN            # zeros
cdef int[CONTEXT_FIELDS] CONTEXT_WIDTHS = [16, 2, 4, 2, 8, 8, 8, 4, 4, 1, 1, 1]


cdef size_t aligned(size_t octets) noexcept nogil:
    return (octets + ALIGNMENT - 1) & ~<size_t> (ALIGNMENT - 1)


cdef size_t place(Shape* shape, int size_class, size_t rows) noexcept nogil:
    """Lay the columns of `rows` rows out in a slab; return the octets that they take."""
    cdef size_t at = 0
    cdef int i
    cdef ColumnSpec* spec
    for i in range(shape.n_stored):
        spec = &shape.columns[i]
        shape.data[size_class][i] = <uint32_t> at
        shape.validity[size_class][i] = 0
        if spec.source == SOURCE_NULL:
            continue
        at += aligned((rows + 1) * sizeof(int32_t) if spec.width == 0 else rows * spec.width)
        if spec.nullable:
            shape.validity[size_class][i] = <uint32_t> at
            at += aligned((rows + 7) // 8)
    return at


cdef void drop_shape(Shape* shape) noexcept nogil:
    if release(&shape.refs) == 0:
        PyMem_RawFree(shape)


cdef class Layout:
    """The columns of a table: what they are called, how they are stored, and who fills them.

    Parameters
    ----------
    columns : sequence of (name, type, source, argument, nullable, wire_octets, unit)
        `type` is a ColumnType; `source` one of "null", "step", "finish", "context", "constant";
        `argument` the context field's name, or the constant; of a column of steps or finish, how
        `Row.raw` makes its octets again: from a time that was "seconds" or "milliseconds", or out of
        the scratch column of that index. `wire_octets` is how long a value is on the wire, where no
        plan says so. A name of None is scratch, and stands after all others.
    keeps_wires : bool
        Whether plans say how wide their fields are (`wire_of`), so that `Row.raw` knows.
    finish : sequence of (kind, column indexes)
        Finish steps in order; kinds as in `FINISH`.
    counted : (int, int, int)
        The columns with the ifIndex that flows came in by and went out by, u32, and their octets, u64; -1: there is
        none.
    like : Layout, optional
        One whose columns are called the same, of the same types: layouts of one schema are many, and share what is
        said of their columns. Columns that are its very own are taken over.

    Raises
    ------
    ValueError
        A description that the kernels could not trust.
    """

    def __cinit__(self, columns, finish=(), keeps_wires=False, counted=(-1, -1, -1), Layout like=None):
        cdef int i, k, n = len(columns)
        cdef int n_finish = len(finish)
        cdef ColumnSpec* spec
        cdef size_t octets, rows
        cdef size_t bits = 0        # of a row
        if not 0 < n < 65536:
            raise ValueError("a layout has 1 to 65535 columns")
        octets = (
            sizeof(Shape) + n * sizeof(ColumnSpec) + n_finish * sizeof(FinishStep)
            + 2 * SLAB_CLASSES * n * sizeof(uint32_t) + ALIGNMENT
        )
        shape = <Shape*> PyMem_RawCalloc(1, octets)
        if shape == NULL:
            raise MemoryError()
        self.shape = shape
        shape.refs = 1
        shape.n_stored = n
        shape.n_finish = n_finish
        shape.columns = <ColumnSpec*> (shape + 1)
        shape.finish = <FinishStep*> (shape.columns + n)
        shape.data[0] = <uint32_t*> (((<size_t> (shape.finish + n_finish)) + 7) & ~<size_t> 7)
        for k in range(SLAB_CLASSES):
            shape.data[k] = shape.data[0] + 2 * k * n
            shape.validity[k] = shape.data[k] + n

        names, types, units, wire = [], [], [], []
        described = tuple(columns)
        for i, column in enumerate(described):
            spec = &shape.columns[i]
            if like is not None and i < like.shape.n_columns and column is like.described[i]:
                # Bounds: i < n_columns <= n_stored, of either.
                spec[0] = like.shape.columns[i]
                if spec.source not in (SOURCE_STEP, SOURCE_FINISH):
                    if shape.n_columns != i:
                        raise ValueError("scratch columns stand last")
                    shape.n_columns += 1
                    continue
                spec[0] = NO_COLUMN
            name, type, source, argument, nullable, wire_octets, unit = column
            if not isinstance(type, ColumnType):
                raise TypeError("a column has a ColumnType")
            spec.source = SOURCES[source]
            spec.width = type.width
            spec.nullable = bool(nullable)
            if spec.width == 0:
                if spec.source not in (SOURCE_STEP, SOURCE_NULL):
                    raise ValueError(f"column {name}: only steps fill a variable column")
                spec.heap = shape.n_heaps
                shape.n_heaps += spec.source == SOURCE_STEP
            if spec.source == SOURCE_CONTEXT:
                spec.field = CONTEXT[argument]
                spec.nullable = True
                if CONTEXT_WIDTHS[spec.field] != spec.width:
                    raise ValueError(f"column {name} is not as wide as context field {argument}")
            elif spec.source == SOURCE_CONSTANT:
                spec.constant = argument
                if spec.width > 8 or spec.width & (spec.width - 1):
                    raise ValueError(f"column {name}: a constant has 1, 2, 4 or 8 octets")
            elif spec.source == SOURCE_FINISH:
                spec.nullable = True
            elif spec.source == SOURCE_NULL and spec.width > ADDRESS_OCTETS:
                raise ValueError(f"column {name} is too wide to be all null")
            if spec.source in (SOURCE_STEP, SOURCE_FINISH) and argument is not None:
                spec.form = FORMS.get(argument, FORM_KEPT)
                if spec.form == FORM_KEPT:
                    spec.kept = argument
            if name is None:
                continue
            if shape.n_columns != i:
                raise ValueError("scratch columns stand last")
            shape.n_columns += 1
            if like is not None:
                if i >= like.shape.n_columns or (name, type, unit, wire_octets) != (
                    like.names[i], like.types[i], like.units[i], like.wire_octets[i]
                ):
                    raise ValueError(f"column {name} is not like that of the other layout")
                continue
            names.append(intern(name))      # row.name is found by identity
            types.append(type)
            units.append(unit)
            wire.append(wire_octets)
        for i in range(n):
            spec = &shape.columns[i]
            if spec.form == FORM_KEPT and not (
                spec.kept >= shape.n_columns and spec.kept < n and shape.columns[spec.kept].source == SOURCE_STEP
                and shape.columns[spec.kept].width in (1, 8)
            ):
                raise ValueError(f"column {i}: its octets are not kept in {spec.kept}")
        for i, (kind, indexes) in enumerate(finish):
            shape.finish[i].kind, k = FINISH[kind]
            if kind in NUMBERED and not (len(indexes) == k and 0 <= indexes[k - 1] < NUMBERED[kind]):
                raise ValueError(f"{kind} takes {k - 1} columns and a number")
            if len(indexes) != k or any(not 0 <= column < n for column in indexes[:k - (kind in NUMBERED)]):
                raise ValueError(f"{kind} takes {k} columns")
            for k, column in enumerate(indexes):
                shape.finish[i].columns[k] = column

        for k, width in enumerate((4, 4, 8)):
            shape.counted[k] = counted[k]
            if shape.counted[k] >= n or (
                shape.counted[k] >= 0 and (
                    shape.columns[shape.counted[k]].width != width
                    or shape.columns[shape.counted[k]].source not in (SOURCE_STEP, SOURCE_FINISH)
                )
            ):
                raise ValueError(f"column {counted[k]} is none to count interfaces by")
        for i in range(n):
            spec = &shape.columns[i]
            if spec.source != SOURCE_NULL:
                bits += 8 * (sizeof(int32_t) if spec.width == 0 else spec.width) + spec.nullable
        for k in range(SLAB_CLASSES):
            # Never fewer than fit: what the columns are aligned to comes on top.
            rows = min(<size_t> MOST_ROWS, 8 * slab_size(k) // max(<size_t> 1, bits))
            # Progress: `rows` falls by at least one each turn.
            while rows > 0 and place(shape, k, rows) > slab_size(k):
                rows -= 1 + rows // 64
            shape.rows[k] = <uint32_t> rows
        if shape.rows[SLAB_LARGEST] == 0:
            raise ValueError("a row does not fit a slab")
        # Progress: the class grows to the largest.
        while shape.largest < SLAB_LARGEST and shape.rows[shape.largest] < MOST_ROWS:
            shape.largest += 1
        if like is None:
            self.described = described
            self.names = tuple(names)
            self.types = tuple(types)
            self.units = tuple(units)
            self.wire_octets = tuple(wire)
            self.index = {name: i for i, name in enumerate(names)}
        elif shape.n_columns != like.shape.n_columns:
            raise ValueError("the other layout has other columns")
        else:
            self.described = like.described
            self.names = like.names
            self.types = like.types
            self.units = like.units
            self.wire_octets = like.wire_octets
            self.index = like.index
        self.wires = []
        self.wire_index = {}
        shape.keeps_wires = bool(keeps_wires)
        if len(self.index) != shape.n_columns:
            raise ValueError("column names repeat")

    def __dealloc__(self):
        if self.shape != NULL:
            drop_shape(self.shape)

    def takes(self, tuple wires):
        """Whether `wire_of` has room for these widths, which are a sender's word."""
        if wires is None or wires in self.wire_index or not self.wires:
            return True
        return (len(self.wires) + 1) * len(self.names) <= MOST_WIRES

    def wire_of(self, tuple wires not None):
        """The number by which a plan refers to the octets that each of its columns has on the wire.

        Parameters
        ----------
        wires : tuple of int
            For each named column, 65535 where each record says so, 0 where it is not of the record.

        Raises
        ------
        ValueError
            They do not fit the columns, or there are too many of them already.
        """
        if len(wires) != len(self.names) or not self.takes(wires):
            raise ValueError("widths that are not of this layout, or too many of them")
        if wires not in self.wire_index:
            self.wire_index[wires] = len(self.wires)
            self.wires.append(wires)
        return self.wire_index[wires]

    def rows_of_slab(self):
        """How many rows fit a slab of each class."""
        return tuple([self.shape.rows[k] for k in range(SLAB_CLASSES)])
