# cython: language_level=3
"""The column engine's kernels as Python functions, for tests; see conftest.py."""

from libc.stdint cimport int64_t, uint32_t, uintptr_t
from libc.string cimport memcpy

from flowparse._columns cimport Account, Sealed, Table, begin_message, commit_message, reserve, roll_back_message
from flowparse._layout cimport CONTEXT_SAMPLING_RATE, SOURCE_FINISH, SOURCE_STEP
from flowparse._lookup cimport Names, Rates
from flowparse._part cimport column_end, null_octets
from flowparse._slab cimport SLAB_CLASSES


def begin(Account account, bint apart=False, **context):
    begin_message(&account.ledger, apart)
    account.ledger.context.nulls = 0
    set_context(account, **context)


def set_context(Account account, bytes exporter=bytes(16), uint32_t domain=0, int64_t export_ns=0, int nulls=0):
    account.ledger.run_version += 1
    memcpy(account.ledger.context.exporter, <const char*> exporter, 16)
    account.ledger.context.domain = domain
    account.ledger.context.export_ns = export_ns
    account.ledger.context.nulls = nulls


def set_known(
    Account account, int64_t export_ns, uint32_t uptime_ms, int time_source, int64_t init_ms, rate, int source,
    Rates samplers=None, Rates interfaces=None, names=(),
):
    """What is known when a message is decoded; the caller keeps the tables alive."""
    cdef Names table
    account.ledger.run_version += 1
    account.ledger.context.export_ns = export_ns
    account.ledger.context.uptime_ms = uptime_ms
    account.ledger.context.time_source = time_source
    account.ledger.context.init_ms = init_ms
    account.ledger.context.sampling_rate = rate or 0
    account.ledger.context.sampling_source = source
    account.ledger.context.nulls = (rate is None) << CONTEXT_SAMPLING_RATE
    account.ledger.context.samplers = &samplers.table if samplers is not None else NULL
    account.ledger.context.interfaces = &interfaces.table if interfaces is not None else NULL
    for k in range(4):
        account.ledger.context.names[k] = NULL
    for k, table in enumerate(names):
        account.ledger.context.names[k] = &table.table


def append(Table table, list columns, Py_ssize_t rows):
    """Write rows in turns, as a kernel does; return how many, or what reserve() said instead.

    `columns` has octets in host order for each column that steps fill.
    """
    cdef Py_ssize_t done = 0, n, width
    cdef int i
    cdef bytes octets
    while done < rows:
        n = reserve(&table.account.ledger, &table.store, rows - done)
        if n <= 0:
            return n
        for i in range(table.layout.shape.n_stored):
            if columns[i] is None:
                continue
            octets = columns[i]
            width = table.layout.shape.columns[i].width
            assert len(octets) == rows * width
            assert table.layout.shape.columns[i].source in (SOURCE_STEP, SOURCE_FINISH)
            memcpy(column_end(table.store.open, i), <const char*> octets + done * width, n * width)
        table.store.open.rows += n
        table.account.ledger.rows += n
        done += n
    return done


def commit(Account account):
    commit_message(&account.ledger)


def roll_back(Account account):
    roll_back_message(&account.ledger)


def held(Account account):
    return account.ledger.held


def free_slabs(Account account):
    return [account.ledger.pool.n_free[k] for k in range(SLAB_CLASSES)]


def places(Sealed sealed, int column):
    """Addresses of the data, of the bitmap, and of the owner, 0 for none."""
    ref = &sealed.part.columns[column]
    return <uintptr_t> ref.data, <uintptr_t> ref.validity, <uintptr_t> ref.owner


def null_address():
    return <uintptr_t> null_octets()
