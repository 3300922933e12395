# cython: boundscheck=False, wraparound=False
"""The Arrow C data interface by hand: https://arrow.apache.org/docs/format/CDataInterface.html

Three exports, each one block of memory that is counted with atomics:

- a schema shares the Description of its Layout (names and formats), made once;
- an array of a Part's rows is a struct whose children point into the part's memory;
- a stream holds windows on parts and makes their arrays when it is pulled.

A consumer may move children out of a struct and release them by themselves, on any thread, without
the GIL, long after the decoder and every Python object here died. So an export is alive until its
struct and all its children are released, what it shares is counted, and nothing below touches the
interpreter except the capsules' own destructors. `requested_schema` is not honoured, which the
protocol allows. No extension types: consumers that do not know one refuse to work on its column.
"""

from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree, PyMem_RawMalloc
from cpython.pycapsule cimport PyCapsule_Destructor, PyCapsule_GetPointer, PyCapsule_New
from libc.errno cimport ENOMEM
from libc.string cimport memcpy, memset

from flowparse._derive cimport is_text, repair_text, share_column, share_slab
from flowparse._part cimport bare_part, drop_part
from flowparse._slab cimport drop_slab, release, retain

from flowparse.datatypes import COLUMN_TYPES as _COLUMN_TYPES

cdef enum:
    NULLABLE = 2                # ARROW_FLAG_NULLABLE: which columns have nulls differs between the chunks of a Batch

cdef struct SchemaExport:
    long refs                   # the struct, and each child and item of a list that is not yet released
    Description* description
    ArrowSchema* children
    ArrowSchema** pointers

cdef struct ArrayExport:
    long refs                   # likewise
    Part* part
    ArrowArray* children
    ArrowArray** pointers
    const void** buffers        # three places for each child and item, and one for the struct

cdef struct StreamState:
    Description* description
    Py_ssize_t at
    Py_ssize_t n
    bint failed
    Window* windows


# ── schemas ──────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef Description* describe(Layout layout) except NULL:
    """The names and formats of a layout, with one reference."""
    cdef list strings = []
    cdef Py_ssize_t i, n = len(layout.names)
    cdef size_t octets = sizeof(Description) + 3 * n * sizeof(char*)
    cdef bytes string
    for name, type in zip(layout.names, layout.types):
        item = _COLUMN_TYPES[type.item].arrow if type.item else ""
        strings += [name.encode(), type.arrow.encode(), item.encode()]
    if b"\0" in b"".join(strings):
        raise ValueError("a column name has no NUL")
    description = <Description*> PyMem_RawMalloc(octets + sum(map(len, strings)) + len(strings))
    if description == NULL:
        raise MemoryError()
    description.refs = 1
    description.n_columns = <int> n
    description.names = <const char**> (description + 1)
    description.formats = description.names + n
    description.items = description.formats + n
    description.n_lists = 0
    at = <char*> (description.items + n)
    # Bounds: every string and its NUL were counted above; the three arrays are one of 3 * n.
    for i, string in enumerate(strings):
        memcpy(at, <const char*> string, len(string) + 1)
        description.names[i // 3 + n * (i % 3)] = at
        if i % 3 == 2:
            description.n_lists += len(string) > 0
            if not string:
                description.items[i // 3] = NULL
        at += len(string) + 1
    return description


cdef void drop_description(Description* description) noexcept nogil:
    if release(&description.refs) == 0:
        PyMem_RawFree(description)


cdef void release_field(ArrowSchema* schema) noexcept nogil:
    cdef SchemaExport* export = <SchemaExport*> schema.private_data
    schema.release = NULL
    if release(&export.refs) == 0:
        drop_description(export.description)
        PyMem_RawFree(export)


cdef void release_schema(ArrowSchema* schema) noexcept nogil:
    cdef int64_t i
    for i in range(schema.n_children):
        if schema.children[i].release != NULL:      # not moved out
            schema.children[i].release(schema.children[i])
    release_field(schema)


cdef void set_field(ArrowSchema* schema, SchemaExport* export, const char* name, const char* format) noexcept nogil:
    memset(schema, 0, sizeof(ArrowSchema))
    schema.name = name
    schema.format = format
    schema.flags = NULLABLE
    schema.release = release_field
    schema.private_data = export


cdef int export_schema(Description* description, ArrowSchema* out) noexcept nogil:
    """Fill `out` with a struct of the columns; -1 without memory."""
    cdef int i, n = description.n_columns, last = description.n_columns
    cdef int n_all = n + description.n_lists
    cdef SchemaExport* export = <SchemaExport*> PyMem_RawMalloc(
        sizeof(SchemaExport) + n_all * (sizeof(ArrowSchema) + sizeof(ArrowSchema*))
    )
    if export == NULL:
        return -1
    export.refs = n_all + 1
    retain(&description.refs)
    export.description = description
    export.children = <ArrowSchema*> (export + 1)
    export.pointers = <ArrowSchema**> (export.children + n_all)
    # Bounds: last < n_all, as there is an item for each list.
    for i in range(n):
        export.pointers[i] = &export.children[i]
        set_field(&export.children[i], export, description.names[i], description.formats[i])
        if description.items[i] != NULL:
            export.pointers[last] = &export.children[last]
            set_field(&export.children[last], export, b"item", description.items[i])
            export.children[i].n_children = 1
            export.children[i].children = &export.pointers[last]
            export.children[i].release = release_schema
            last += 1
    set_field(out, export, b"", b"+s")
    out.flags = 0
    out.n_children = n
    out.children = export.pointers
    out.release = release_schema
    return 0


# ── arrays ───────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef Py_ssize_t count_nulls(
    const ColumnRef* ref, Py_ssize_t part_rows, Py_ssize_t start, Py_ssize_t rows,
) noexcept nogil:
    """How many of the window's values are null."""
    cdef Py_ssize_t i, valid = 0
    if ref.null_count == 0 or ref.null_count == part_rows:
        return rows if ref.null_count else 0
    if rows == part_rows:
        return ref.null_count
    # Bounds: start + rows <= the part's, and the bitmap has a bit for each of those.
    for i in range(start, start + rows):
        valid += ref.validity[i >> 3] >> (i & 7) & 1
    return rows - valid


cdef void release_column(ArrowArray* array) noexcept nogil:
    cdef ArrayExport* export = <ArrayExport*> array.private_data
    array.release = NULL
    if release(&export.refs) == 0:
        drop_part(export.part)
        PyMem_RawFree(export)


cdef void release_array(ArrowArray* array) noexcept nogil:
    cdef int64_t i
    for i in range(array.n_children):
        if array.children[i].release != NULL:       # not moved out
            array.children[i].release(array.children[i])
    release_column(array)


cdef Part* with_good_text(const Description* description, Part* part) noexcept nogil:
    """The part with one more reference, or one like it whose text columns are UTF-8; NULL without memory."""
    cdef Part* repaired = NULL
    cdef int i, k
    for i in range(description.n_columns):
        if description.formats[i][0] != c"u" or is_text(&part.columns[i], part.rows):
            continue
        if repaired == NULL:
            repaired = bare_part(part.shape)
            if repaired == NULL:
                return NULL
            repaired.rows = part.rows
            share_slab(repaired, part)
            for k in range(description.n_columns):
                share_column(repaired, k, part, k)
        # Its place is given up, and what it pointed into is kept by the slab and the heap.
        if repaired.columns[i].owner != NULL:
            drop_slab(repaired.columns[i].owner)
            repaired.columns[i].owner = NULL
        if repair_text(&part.columns[i], part.rows, &repaired.columns[i]) < 0:
            drop_part(repaired)
            return NULL
    if repaired == NULL:
        retain(&part.refs)
        return part
    return repaired


cdef int export_array(const Description* description, const Window* window, ArrowArray* out) noexcept nogil:
    """Fill `out` with a struct of the window's columns; -1 without memory."""
    cdef Part* part = with_good_text(description, window.part)
    cdef int i, n = description.n_columns, last = description.n_columns
    cdef int n_all = n + description.n_lists
    cdef ColumnRef* ref
    cdef ArrowArray* child
    cdef ArrowArray* item
    cdef ArrayExport* export
    if part == NULL:
        return -1
    export = <ArrayExport*> PyMem_RawMalloc(
        sizeof(ArrayExport) + n_all * (sizeof(ArrowArray) + sizeof(ArrowArray*)) + (3 * n_all + 1) * sizeof(void*)
    )
    if export == NULL:
        drop_part(part)
        return -1
    export.refs = n_all + 1
    export.part = part
    export.children = <ArrowArray*> (export + 1)
    export.pointers = <ArrowArray**> (export.children + n_all)
    export.buffers = <const void**> (export.pointers + n_all)
    memset(export.children, 0, n_all * sizeof(ArrowArray))
    # Bounds: i < n and last < n_all, and buffers has 3 * n_all + 1 places.
    for i in range(n):
        ref = &part.columns[i]
        child = &export.children[i]
        export.pointers[i] = child
        child.length = window.rows
        # Children carry the offset, as not every consumer adds a struct's own.
        child.offset = window.start
        child.null_count = count_nulls(ref, part.rows, window.start, window.rows)
        child.buffers = export.buffers + 3 * i
        child.buffers[0] = ref.validity if child.null_count else NULL
        child.release = release_column
        child.private_data = export
        if description.items[i] != NULL:
            child.n_buffers = 2
            child.buffers[1] = ref.offsets
            item = &export.children[last]
            export.pointers[last] = item
            item.length = ref.offsets[part.rows]
            item.n_buffers = 2
            item.buffers = export.buffers + 3 * last
            item.buffers[0] = NULL
            item.buffers[1] = ref.data
            item.release = release_column
            item.private_data = export
            child.n_children = 1
            child.children = &export.pointers[last]
            child.release = release_array
            last += 1
        elif part.shape.columns[i].width == 0:
            child.n_buffers = 3
            child.buffers[1] = ref.offsets
            child.buffers[2] = ref.data
        else:
            child.n_buffers = 2
            child.buffers[1] = ref.data
    memset(out, 0, sizeof(ArrowArray))
    export.buffers[3 * n_all] = NULL
    out.length = window.rows
    out.n_buffers = 1
    out.buffers = export.buffers + 3 * n_all
    out.n_children = n
    out.children = export.pointers
    out.release = release_array
    out.private_data = export
    return 0


# ── streams ──────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef int stream_schema(ArrowArrayStream* stream, ArrowSchema* out) noexcept nogil:
    cdef StreamState* state = <StreamState*> stream.private_data
    state.failed = export_schema(state.description, out) < 0
    return ENOMEM if state.failed else 0


cdef int stream_next(ArrowArrayStream* stream, ArrowArray* out) noexcept nogil:
    cdef StreamState* state = <StreamState*> stream.private_data
    if state.at == state.n:
        out.release = NULL      # the end
        return 0
    state.failed = export_array(state.description, &state.windows[state.at], out) < 0
    if state.failed:
        return ENOMEM
    state.at += 1
    return 0


cdef const char* stream_error(ArrowArrayStream* stream) noexcept nogil:
    if (<StreamState*> stream.private_data).failed:
        return b"out of memory"
    return NULL


cdef void release_stream(ArrowArrayStream* stream) noexcept nogil:
    cdef StreamState* state = <StreamState*> stream.private_data
    cdef Py_ssize_t i
    stream.release = NULL
    for i in range(state.n):
        drop_part(state.windows[i].part)
    drop_description(state.description)
    PyMem_RawFree(state)


cdef int export_stream(
    Description* description, const Window* windows, Py_ssize_t n, ArrowArrayStream* out,
) noexcept nogil:
    """Fill `out` with a stream of the windows' arrays; -1 without memory."""
    cdef Py_ssize_t i
    cdef StreamState* state = <StreamState*> PyMem_RawMalloc(sizeof(StreamState) + n * sizeof(Window))
    if state == NULL:
        return -1
    state.at = 0
    state.n = n
    state.failed = False
    retain(&description.refs)
    state.description = description
    state.windows = <Window*> (state + 1)
    for i in range(n):
        retain(&windows[i].part.refs)
        state.windows[i] = windows[i]
    out.get_schema = stream_schema
    out.get_next = stream_next
    out.get_last_error = stream_error
    out.release = release_stream
    out.private_data = state
    return 0


# ── capsules ─────────────────────────────────────────────────────────────────────────────────────────────────────────
# https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html: a consumer that moved the struct out has
# set its `release` to NULL; the struct itself is always the capsule's to free.

cdef void free_schema(object capsule) noexcept:
    cdef ArrowSchema* schema = <ArrowSchema*> PyCapsule_GetPointer(capsule, "arrow_schema")
    if schema.release != NULL:
        schema.release(schema)
    PyMem_RawFree(schema)


cdef void free_array(object capsule) noexcept:
    cdef ArrowArray* array = <ArrowArray*> PyCapsule_GetPointer(capsule, "arrow_array")
    if array.release != NULL:
        array.release(array)
    PyMem_RawFree(array)


cdef void free_stream(object capsule) noexcept:
    cdef ArrowArrayStream* stream = <ArrowArrayStream*> PyCapsule_GetPointer(capsule, "arrow_array_stream")
    if stream.release != NULL:
        stream.release(stream)
    PyMem_RawFree(stream)


cdef object new_capsule(size_t octets, const char* name, PyCapsule_Destructor destructor):
    """A capsule of a struct that is zero, so that nothing is released if it never gets filled."""
    cdef void* struct = PyMem_RawCalloc(1, octets)
    if struct == NULL:
        raise MemoryError()
    try:
        return PyCapsule_New(struct, name, destructor)
    except MemoryError:
        PyMem_RawFree(struct)
        raise


cdef object schema_capsule(Description* description):
    capsule = new_capsule(sizeof(ArrowSchema), "arrow_schema", free_schema)
    if export_schema(description, <ArrowSchema*> PyCapsule_GetPointer(capsule, "arrow_schema")) < 0:
        raise MemoryError()
    return capsule


cdef object array_capsule(const Description* description, Window window):
    capsule = new_capsule(sizeof(ArrowArray), "arrow_array", free_array)
    if export_array(description, &window, <ArrowArray*> PyCapsule_GetPointer(capsule, "arrow_array")) < 0:
        raise MemoryError()
    return capsule


cdef object stream_capsule(Description* description, const Window* windows, Py_ssize_t n):
    capsule = new_capsule(sizeof(ArrowArrayStream), "arrow_array_stream", free_stream)
    stream = <ArrowArrayStream*> PyCapsule_GetPointer(capsule, "arrow_array_stream")
    if export_stream(description, windows, n, stream) < 0:
        raise MemoryError()
    return capsule
