# cython: boundscheck=False, wraparound=False
"""Columns made of columns, of octets, or of Python values.

A new part is assembled from recipes, one for each of its columns: take the source's as it is (its
memory is shared and counted, never copied), convert the source's, or copy given octets. A profile is
nothing but a table of conversions by column type. Conversions run over whole parts and a window on
them stays the same window, so that a bitmap never has to be shifted.

Every value is checked when it comes in; what is made here is as good as what a decoder made.
"""

from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from libc.stdint cimport INT32_MAX, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from flowparse._addresses cimport ADDRESS_ROOM, IPV4_ROOM, MAC_ROOM, address_text, ipv4_text, mac_text
from flowparse._columns cimport Sealed, wrap_part
from flowparse._derive cimport all_null, copy_nulls, new_column, share_column, share_slab
from flowparse._layout cimport Layout
from flowparse._part cimport ColumnRef, Part, bare_part
from flowparse._show cimport face_of, is_null
from flowparse._values cimport Chunk

from array import array

from flowparse import datatypes
from flowparse._pack import octets_of_values, padded_octets
from flowparse.datatypes import Show

cdef enum:
    MOST_CHUNK_ROWS = 1 << 24   # 39 characters for each still have int32 offsets
    CONVERSIONS_ALL = 10

# ── conversions ──────────────────────────────────────────────────────────────────────────────────────────────────────
# Each makes `to` from `rows` values of `width` octets; -1 without memory. Bounds: i < rows, in memory made for as many.

cdef uint8_t* converted(ColumnRef* to, const ColumnRef* source, Py_ssize_t rows, int width) noexcept nogil:
    """Give `to` memory for values of `width` octets and the source's nulls; return where values go, or NULL."""
    cdef uint8_t* bitmap = new_column(to, rows, 0, rows * width)
    if bitmap == NULL:
        return NULL
    copy_nulls(to, bitmap, source, rows)
    return <uint8_t*> to.data


cdef int u8_to_i16(const ColumnRef* source, Py_ssize_t rows, int width, ColumnRef* to) noexcept nogil:
    cdef int16_t* value = <int16_t*> converted(to, source, rows, sizeof(int16_t))
    cdef Py_ssize_t i
    if value == NULL:
        return -1
    for i in range(rows):
        value[i] = source.data[i]
    return 0


cdef int u16_to_i32(const ColumnRef* source, Py_ssize_t rows, int width, ColumnRef* to) noexcept nogil:
    cdef int32_t* value = <int32_t*> converted(to, source, rows, sizeof(int32_t))
    cdef Py_ssize_t i
    if value == NULL:
        return -1
    for i in range(rows):
        value[i] = (<const uint16_t*> source.data)[i]
    return 0


cdef int u32_to_i64(const ColumnRef* source, Py_ssize_t rows, int width, ColumnRef* to) noexcept nogil:
    cdef int64_t* value = <int64_t*> converted(to, source, rows, sizeof(int64_t))
    cdef Py_ssize_t i
    if value == NULL:
        return -1
    for i in range(rows):
        value[i] = (<const uint32_t*> source.data)[i]
    return 0


cdef int u64_to_i64(const ColumnRef* source, Py_ssize_t rows, int width, ColumnRef* to) noexcept nogil:
    """The same values; those that do not fit become null."""
    cdef int64_t* value = <int64_t*> converted(to, source, rows, sizeof(int64_t))
    cdef uint8_t* bitmap
    cdef const uint64_t* wide = <const uint64_t*> source.data
    cdef Py_ssize_t i
    if value == NULL:
        return -1
    bitmap = to.owner.data
    for i in range(rows):
        value[i] = <int64_t> wide[i]
        if value[i] < 0:
            value[i] = 0
            if is_null(source, i):
                continue
            if to.null_count == 0:
                memset(bitmap, 0xFF, (rows + 7) >> 3)
                to.validity = bitmap
            bitmap[i >> 3] &= <uint8_t> ~(1 << (i & 7))
            to.null_count += 1
    return 0


cdef int u32_list_to_i64(const ColumnRef* source, Py_ssize_t rows, int width, ColumnRef* to) noexcept nogil:
    """Lists of the same numbers."""
    cdef Py_ssize_t n = source.offsets[rows], i
    cdef uint8_t* bitmap = new_column(to, rows, (rows + 1) * sizeof(int32_t), n * sizeof(int64_t))
    cdef int64_t* value = <int64_t*> to.data
    if bitmap == NULL:
        return -1
    copy_nulls(to, bitmap, source, rows)
    memcpy(<int32_t*> to.offsets, source.offsets, (rows + 1) * sizeof(int32_t))
    # Bounds: i < n, of which there are offsets[rows].
    for i in range(n):
        value[i] = (<const uint32_t*> source.data)[i]
    return 0


cdef int ns_to_us(const ColumnRef* source, Py_ssize_t rows, int width, ColumnRef* to) noexcept nogil:
    """Whole microseconds, rounded down."""
    cdef int64_t* value = <int64_t*> converted(to, source, rows, sizeof(int64_t))
    cdef const int64_t* ns = <const int64_t*> source.data
    cdef Py_ssize_t i
    if value == NULL:
        return -1
    for i in range(rows):
        value[i] = ns[i] // 1000
    return 0


cdef int octets_to_binary(const ColumnRef* source, Py_ssize_t rows, int width, ColumnRef* to) noexcept nogil:
    cdef uint8_t* bitmap = new_column(to, rows, (rows + 1) * sizeof(int32_t), rows * width)
    cdef int32_t* offsets = <int32_t*> to.offsets
    cdef Py_ssize_t i
    if bitmap == NULL:
        return -1
    copy_nulls(to, bitmap, source, rows)
    memcpy(<uint8_t*> to.data, source.data, rows * width)
    for i in range(rows + 1):
        offsets[i] = <int32_t> (i * width)
    return 0


ctypedef int (*Writer)(const uint8_t*, char*) noexcept nogil


cdef int write_texts(
    const ColumnRef* source, Py_ssize_t rows, int width, ColumnRef* to, Writer writer, int room,
) noexcept nogil:
    """Write each value as text, first into scratch memory, as nobody knows how long it gets."""
    cdef size_t offset_octets = (rows + 1) * sizeof(int32_t)
    cdef int32_t* offsets = <int32_t*> PyMem_RawMalloc(offset_octets + rows * room)
    cdef char* texts = <char*> offsets + offset_octets
    cdef uint8_t* bitmap
    cdef int32_t used = 0
    cdef Py_ssize_t i
    if offsets == NULL:
        return -1
    offsets[0] = 0
    # Bounds: a writer touches at most `room` octets and reports no more; rows * room <= INT32_MAX.
    for i in range(rows):
        if not is_null(source, i):
            used += writer(source.data + i * width, texts + used)
        offsets[i + 1] = used
    bitmap = new_column(to, rows, offset_octets, used)
    if bitmap != NULL:
        copy_nulls(to, bitmap, source, rows)
        memcpy(<int32_t*> to.offsets, offsets, offset_octets)
        memcpy(<uint8_t*> to.data, texts, used)
    PyMem_RawFree(offsets)
    return -1 if bitmap == NULL else 0


cdef int write_ipv4(const uint8_t* value, char* out) noexcept nogil:
    return ipv4_text((<const uint32_t*> value)[0], out)


cdef int address_to_text(const ColumnRef* source, Py_ssize_t rows, int width, ColumnRef* to) noexcept nogil:
    return write_texts(source, rows, width, to, address_text, ADDRESS_ROOM)


cdef int mac_to_text(const ColumnRef* source, Py_ssize_t rows, int width, ColumnRef* to) noexcept nogil:
    return write_texts(source, rows, width, to, mac_text, MAC_ROOM)


cdef int ipv4_to_text(const ColumnRef* source, Py_ssize_t rows, int width, ColumnRef* to) noexcept nogil:
    return write_texts(source, rows, width, to, write_ipv4, IPV4_ROOM)


ctypedef int (*Conversion)(const ColumnRef*, Py_ssize_t, int, ColumnRef*) noexcept nogil

cdef Conversion[CONVERSIONS_ALL] CONVERSIONS = [
    u8_to_i16, u16_to_i32, u32_to_i64, u64_to_i64, ns_to_us, octets_to_binary, address_to_text, mac_to_text,
    ipv4_to_text, u32_list_to_i64,
]
PROFILES = {                    # profile -> {column type: (number of the conversion, what it makes)}
    "default": {},
    "text": {"address": (6, "utf8"), "mac": (7, "utf8"), "ipv4": (8, "utf8")},
    "spark": {
        "u8": (0, "i16"), "u16": (1, "i32"), "u32": (2, "i64"), "u64": (3, "i64"), "ipv4": (2, "i64"),
        "time": (4, "time_us"), "address": (5, "binary"), "mac": (5, "binary"), "octets": (5, "binary"),
        "u32[]": (9, "i64[]"),
    },
}


# ── assembling ───────────────────────────────────────────────────────────────────────────────────────────────────────

cdef int convert(Part* part, int column, const Part* source, int from_column, int conversion) noexcept nogil:
    cdef const ColumnRef* ref = &source.columns[from_column]
    if ref.null_count == part.rows:
        return all_null(part, column)
    return CONVERSIONS[conversion](ref, part.rows, source.shape.columns[from_column].width, &part.columns[column])


cdef Py_ssize_t item_octets(type) except -1:
    """Octets of what the offsets of a variable column count."""
    return datatypes.COLUMN_TYPES[type.item].width if type.item else 1


cdef int copy_in(Part* part, int column, type, octets) except -1:
    """A column of given octets, which are checked: they may come out of a pickle."""
    cdef bytes validity, offsets, data
    cdef ColumnRef* ref = &part.columns[column]
    cdef Py_ssize_t rows = part.rows, nulls = 0, i, width = part.shape.columns[column].width
    cdef const int32_t* ends
    cdef uint8_t* bitmap
    validity, offsets, data = octets
    if validity is not None and len(validity) != (rows + 7) >> 3:
        raise ValueError(f"column {column}: {len(validity)} octets of validity for {rows} rows")
    if width and len(data) != (rows * width if type.show != Show.BOOLEAN else (rows + 7) >> 3):
        raise ValueError(f"column {column}: {len(data)} octets for {rows} rows of {type.name}")
    if not width and (offsets is None or len(offsets) != (rows + 1) * sizeof(int32_t) or len(data) > INT32_MAX):
        raise ValueError(f"column {column}: offsets or octets that do not fit {rows} rows")
    bitmap = new_column(ref, rows, 0 if width else (rows + 1) * sizeof(int32_t), len(data))
    if bitmap == NULL:
        raise MemoryError()
    # Bounds: the lengths were compared above.
    memcpy(<uint8_t*> ref.data, <const char*> data, len(data))
    if not width:
        memcpy(<int32_t*> ref.offsets, <const char*> offsets, len(offsets))
        ends = ref.offsets
        for i in range(rows):
            if ends[i] > ends[i + 1]:
                raise ValueError(f"column {column}: offsets fall")
        if ends[0] != 0 or ends[rows] * item_octets(type) != len(data):
            raise ValueError(f"column {column}: offsets that are not those of its octets")
    if validity is not None:
        memcpy(bitmap, <const char*> validity, len(validity))
        for i in range(rows):
            nulls += not bitmap[i >> 3] >> (i & 7) & 1
        if nulls:
            ref.validity = bitmap
            ref.null_count = nulls
    return 0


cdef Sealed assemble(Layout layout, const Part* source, Py_ssize_t rows, recipes):
    """A part of `rows` rows: for each column of `layout` one recipe.

    An int is the source's column of that index as it is, (int, int) is such a column and a
    conversion, (validity, offsets, data) are octets, and None is null throughout.
    """
    cdef int i, failed = 0
    cdef Sealed sealed
    cdef Part* part
    if len(recipes) != len(layout.names):
        raise ValueError(f"{len(recipes)} columns for a layout of {len(layout.names)}")
    if not 0 <= rows <= MOST_CHUNK_ROWS:
        raise ValueError(f"a chunk has at most {MOST_CHUNK_ROWS} rows")
    part = bare_part(layout.shape)
    if part == NULL:
        raise MemoryError()
    sealed = wrap_part(layout, part)        # from here on it is dropped with what it has so far
    part.rows = rows
    if source != NULL:
        share_slab(part, source)
    for i, recipe in enumerate(recipes):
        if recipe is None:
            failed = all_null(part, i)
        elif isinstance(recipe, int):
            if source == NULL or not 0 <= recipe < source.shape.n_columns or (
                source.shape.columns[recipe].width != part.shape.columns[i].width
            ):
                raise ValueError(f"no column {recipe} that could be column {i}")
            share_column(part, i, source, recipe)
        elif len(recipe) == 2:
            failed = convert(part, i, source, recipe[0], recipe[1])
        else:
            failed = copy_in(part, i, layout.types[i], recipe)
        if failed < 0:
            raise MemoryError()
    return sealed


def layout_of(columns):
    """A layout for columns that come from values or from other columns.

    Parameters
    ----------
    columns : iterable of (name, type, unit, wire_octets)
        `type` is a ColumnType, or the name of one.
    """
    return Layout([
        (name, datatypes.COLUMN_TYPES[type] if isinstance(type, str) else type, "step", None, True, wire_octets, unit)
        for name, type, unit, wire_octets in columns
    ])


def columns_of(Layout layout not None):
    """A layout's columns, as `layout_of` takes them."""
    wire_octets = layout.wires[0] if len(layout.wires) == 1 else layout.wire_octets
    return list(zip(layout.names, layout.types, layout.units, wire_octets))


cdef tuple derive(Layout layout, str name):
    """The layout in which a profile shows `layout`, and the recipes for it; made once."""
    cdef dict derived = face_of(layout).derived
    if name not in PROFILES:
        raise ValueError(f"no profile {name!r}; there are {', '.join(PROFILES)}")
    if name not in derived:
        columns = columns_of(layout)
        recipes = list(range(len(columns)))
        for i, (column, type, unit, wire_octets) in enumerate(columns):
            made = PROFILES[name].get("octets" if type.show == Show.OCTETS and type.width else type.name)
            if made is not None:
                recipes[i] = (i, made[0])
                columns[i] = (column, made[1], unit, wire_octets)
        derived[name] = layout_of(columns), recipes
    return derived[name]


def profile_layout(Layout layout not None, str name not None):
    """The layout in which a profile, "default", "text" or "spark", shows `layout`; ValueError for any other."""
    return derive(layout, name)[0]


def profile_chunk(Chunk chunk not None, str name not None):
    """The chunk's rows as a profile shows them."""
    cdef Part* part = chunk.window.part
    layout, recipes = derive(chunk.layout, name)
    return Chunk(assemble(layout, part, part.rows, recipes), chunk.window.start, chunk.window.rows)


def extend_chunk(Chunk chunk not None, Layout layout not None, columns):
    """The chunk's rows with other columns beside its own.

    Parameters
    ----------
    chunk : Chunk
    layout : Layout
        Of what is made.
    columns : sequence of int, list or tuple
        For each column of `layout`: the index of the chunk's, which is shared; values for its rows; or
        their octets, (validity, offsets, data).
    """
    cdef Part* part = chunk.window.part
    before = [None] * chunk.window.start
    after = [None] * (part.rows - chunk.window.start - chunk.window.rows)
    recipes = []
    for column, type in zip(columns, layout.types, strict=True):
        if isinstance(column, int):
            recipes.append(column)
        elif isinstance(column, tuple):
            recipes.append(padded_octets(type, column, chunk.window.rows, len(before), len(after)))
        elif len(column) != chunk.window.rows:
            raise ValueError(f"{len(column)} values for {chunk.window.rows} rows")
        else:
            recipes.append(octets_of_values(type, before + list(column) + after))
    return Chunk(assemble(layout, part, part.rows, recipes), chunk.window.start, chunk.window.rows)


# ── octets and values ────────────────────────────────────────────────────────────────────────────────────────────────

def chunk_octets(Chunk chunk not None):
    """The number of rows, and for each column (validity, offsets, data) or None: what `chunk_from_octets` takes."""
    cdef Py_ssize_t i, start = chunk.window.start, rows = chunk.window.rows
    cdef const ColumnRef* ref
    cdef Py_ssize_t k, first, item
    columns = []
    for i, type in enumerate(chunk.layout.types):
        ref = &chunk.window.part.columns[i]
        if ref.null_count == chunk.window.part.rows:
            columns.append(None)
            continue
        validity = bits(ref.validity, start, rows) if ref.null_count else None
        if type.show == Show.BOOLEAN:
            columns.append((validity, None, bits(ref.data, start, rows)))
        elif type.width:
            columns.append((validity, None, (<const char*> ref.data)[start * type.width:(start + rows) * type.width]))
        else:
            first = ref.offsets[start]
            offsets = array("i", [ref.offsets[k] - first for k in range(start, start + rows + 1)])
            item = item_octets(type)
            data = (<const char*> ref.data)[first * item:ref.offsets[start + rows] * item]
            columns.append((validity, offsets.tobytes(), data))
    return rows, columns


cdef bytes bits(const uint8_t* bitmap, Py_ssize_t start, Py_ssize_t rows):
    """Bits from `start` on, as a bitmap of their own."""
    cdef Py_ssize_t i
    made = bytearray((rows + 7) >> 3)
    cdef uint8_t* to = made
    # Bounds: start + rows bits in `bitmap`, and rows in `to`.
    for i in range(rows):
        to[i >> 3] |= <uint8_t> ((bitmap[(start + i) >> 3] >> ((start + i) & 7) & 1) << (i & 7))
    return bytes(made)


def chunk_from_octets(Layout layout not None, Py_ssize_t rows, columns):
    """A chunk of what `chunk_octets` gave; ValueError where it cannot be that."""
    return Chunk(assemble(layout, NULL, rows, [None if column is None else tuple(column) for column in columns]))


def chunk_from_values(Layout layout not None, values):
    """A chunk of Python values.

    Parameters
    ----------
    layout : Layout
    values : mapping of str to sequence
        For each column its values, all equally many; None is null. A column that is missing is null
        throughout. Addresses and MACs are text or their octets.

    Raises
    ------
    ValueError, TypeError, OverflowError
        Values that their column cannot hold, or columns of different length.
    """
    unknown = set(values) - set(layout.names)
    lengths = {len(column) for column in values.values()}
    if unknown or len(lengths) > 1:
        raise ValueError(f"no columns {sorted(unknown)}" if unknown else f"columns of {sorted(lengths)} values")
    recipes = [
        octets_of_values(type, values[name]) if name in values else None
        for name, type in zip(layout.names, layout.types)
    ]
    return Chunk(assemble(layout, NULL, lengths.pop() if lengths else 0, recipes))
