# cython: boundscheck=False, wraparound=False
"""Templates in force: what each observation domain was told, and what one message changes of it.

One reader serves Template Records and Options Template Records of NetFlow v9 (RFC 3954 sections 5.2
and 6.1) and IPFIX (RFC 7011 section 3.4). It frames and judges a record and goes no further: a
template costs its octets until a Data Set wants its program, so that a flood of templates is cheap.

A message's definitions and withdrawals are in force at once, for the Sets behind them, and written
down as changes: `commit_templates` makes them last, `roll_back_templates` undoes them in the reverse
order, lists by last use included. Nothing here needs Python but `bury`, which lets plans go.
"""

from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree, PyMem_RawRealloc
from cpython.object cimport PyObject
from cpython.ref cimport Py_XDECREF
from libc.string cimport memcmp, memcpy

from flowparse._chain cimport tie
from flowparse._wire cimport PROTOCOL_NETFLOW9, be16, be32

cdef enum:
    MOST_RECORD = 65515             # octets of a Data Record, in a Set, in a message of 65,535
    FIRST_BUCKETS = 8
    ENTERPRISE = 0x8000

# Ids are the sender's choice: buckets are keyed by the hash of a str, which the interpreter keys for each process.
cdef uint32_t FACTOR = <uint32_t> (hash("template") & 0xFFFFFFFF) | 1


# ── on the wire ──────────────────────────────────────────────────────────────────────────────────────────────────────

cdef Reading read_template(
    const uint8_t* at, Py_ssize_t there, int protocol, bint is_options, uint16_t set_id, uint32_t most_fields,
    Record* record,
) noexcept nogil:
    """Frame and judge the Template Record at `at`, of whose Set `there` octets are left.

    A record that withdraws all templates has the id of its Set.
    """
    cdef bint is_v9 = protocol == PROTOCOL_NETFLOW9
    cdef Py_ssize_t header = 6 if is_options else 4
    cdef Py_ssize_t offset = header
    cdef uint32_t _, length
    cdef uint64_t least = 0
    cdef bint withdraws
    if there < 4:
        return READ_PADDING
    record.at = at
    record.protocol = protocol
    record.is_options = is_options
    # Bounds: there >= 4.
    record.id = be16(at)
    record.n_fields = be16(at + 2)
    record.n_scopes = record.n_variable = record.least_length = 0
    withdraws = record.n_fields == 0 and not is_v9
    if there < header and not withdraws:
        return READ_PADDING
    if record.id < FIRST_TEMPLATE_ID and not (withdraws and record.id == set_id):
        return READ_BAD_ID
    if withdraws:
        record.length = 4           # of an options template too: there is no scope count
        return READ_WITHDRAWAL
    if is_options:
        # Bounds: there >= 6.
        record.n_scopes = be16(at + 4)
        if is_v9:
            # v9 counts octets: first of the scopes, then of the options.
            length = record.n_scopes
            record.n_scopes = record.n_fields // 4
            if (record.n_fields | length) % 4:
                record.n_fields += length
                return READ_ODD
            record.n_fields = (record.n_fields + length) // 4
    for _ in range(record.n_fields):
        if there - offset < 4:
            return READ_LONG
        length = be16(at + offset + 2)
        if not is_v9 and be16(at + offset) & ENTERPRISE:
            offset += 4
            if there - offset < 4:
                return READ_LONG
        offset += 4
        if length == VARIABLE:
            record.n_variable += 1
            length = 1
        least += length
    record.length = <uint32_t> offset
    record.least_length = <uint32_t> least
    if record.n_fields > most_fields:
        return READ_LARGE
    if record.n_scopes > record.n_fields:
        return READ_SCOPES
    if least == 0:
        return READ_EMPTY
    return READ_BIG if least > MOST_RECORD else READ_DEFINITION


def fields_of(bytes octets, int protocol, bint is_options):
    """The field specifiers of a good Template Record, as [(PEN or None, id, length, is_scope)].

    The PEN is None where the wire has none: no enterprise bit, or NetFlow v9.

    Raises
    ------
    ValueError
        The octets are not one good record.
    """
    cdef Record record
    cdef const uint8_t* at = octets
    cdef Py_ssize_t there = len(octets)
    cdef Py_ssize_t offset = 6 if is_options else 4
    cdef uint32_t i, id, length
    cdef list fields = []
    if read_template(at, there, protocol, is_options, 0, 65535, &record) != READ_DEFINITION or record.length != there:
        raise ValueError("these octets are no good Template Record")
    for i in range(record.n_fields):
        # Bounds: read_template() walked the same fields.
        id = be16(at + offset)
        length = be16(at + offset + 2)
        offset += 4
        if id & ENTERPRISE and protocol != PROTOCOL_NETFLOW9:
            fields.append((be32(at + offset), id & 0x7FFF, length, i < record.n_scopes))
            offset += 4
        else:
            fields.append((None, id, length, i < record.n_scopes))
    return fields


# ── records by the template's own fields ─────────────────────────────────────────────────────────────────────────────

cdef bint is_whole(const Template* template, const uint8_t* at, const uint8_t* end, Py_ssize_t* octets) noexcept nogil:
    """Whether the data record at `at` ends by `end`.

    `octets` is how many it has, or else how many it needs up to the field, or the length prefix, that
    goes past the end (RFC 7011 section 7).
    """
    cdef const Record* record = &template.record
    cdef const uint8_t* specifier = record.at + (6 if record.is_options else 4)
    cdef Py_ssize_t offset = 0
    cdef Py_ssize_t there = end - at
    cdef Py_ssize_t length
    cdef uint32_t _
    octets[0] = 0
    for _ in range(record.n_fields):
        # Bounds: read_template() walked the same fields.
        length = be16(specifier + 2)
        if record.protocol != PROTOCOL_NETFLOW9 and be16(specifier) & ENTERPRISE:
            specifier += 4
        specifier += 4
        if length == VARIABLE:
            octets[0] = offset + 1
            if there < octets[0]:
                return False
            length = at[offset]
            if length == 255:
                octets[0] = offset + 3
                if there < octets[0]:
                    return False
                length = be16(at + offset + 1)
            offset = octets[0]
        offset += length
        octets[0] = offset
        if there < offset:
            return False
    return True


cdef const uint8_t* end_of_record(const Program* program, const uint8_t* at, const uint8_t* end) noexcept nogil:
    """Where the data record at `at` ends; NULL where it reaches past `end`. Fields without octets cost nothing."""
    cdef Py_ssize_t k, length
    # Bounds: compared before each load, and before `at` moves.
    for k in range(program.n_segments):
        if end - at < program.segments[k].length:
            return NULL
        at += program.segments[k].length
        if k == program.n_segments - 1:
            break
        if end - at < 1:
            return NULL
        length = at[0]
        at += 1
        if length == 255:
            if end - at < 2:
                return NULL
            length = be16(at)
            at += 2
        if end - at < length:
            return NULL
        at += length
    return at


cdef Py_ssize_t frame_records(
    const Template* template, const uint8_t** at, const uint8_t* end, Py_ssize_t most,
) noexcept nogil:
    """Walk up to `most` whole data records from `at`, which is left behind the last; return how many.

    The template has its program.
    """
    cdef Py_ssize_t n = 0
    cdef const uint8_t* next_record
    if template.record.n_variable == 0:
        n = min(most, (end - at[0]) // <Py_ssize_t> template.record.least_length)
        at[0] += n * <Py_ssize_t> template.record.least_length
        return n
    # Progress: a record has one octet at least.
    while n < most and end - at[0] >= template.record.least_length:
        next_record = end_of_record(template.program, at[0], end)
        if next_record == NULL:
            break
        at[0] = next_record
        n += 1
    return n


# ── by id ────────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef inline uint32_t bucket_of(uint32_t n_buckets, uint32_t id) noexcept nogil:
    """The place of an id; `n_buckets` is a power of two, 65,536 at most."""
    return (id * FACTOR) >> 16 & (n_buckets - 1)


cdef Template* find_template(const Templates* templates, uint16_t id) noexcept nogil:
    """The template in force under an id, or NULL."""
    cdef Template* template
    if templates.n_buckets == 0:
        return NULL
    # Bounds: a place is below n_buckets.
    template = templates.buckets[bucket_of(templates.n_buckets, id)]
    # Progress: one template further each turn.
    while template != NULL and template.record.id != id:
        template = template.following
    return template


cdef int make_room(Templates* home) noexcept nogil:
    """See that there are as many buckets as templates, with one more of them; -1 without memory."""
    cdef uint32_t n = max(<uint32_t> FIRST_BUCKETS, 2 * home.n_buckets)
    cdef uint32_t i, place
    cdef Template** buckets
    cdef Template* template
    cdef Template* following
    if home.n < home.n_buckets:
        return 0
    buckets = <Template**> PyMem_RawCalloc(n, sizeof(Template*))
    if buckets == NULL:
        return -1
    for i in range(home.n_buckets):
        template = home.buckets[i]
        # Progress: one template further each turn.
        while template != NULL:
            following = template.following
            place = bucket_of(n, template.record.id)
            template.following = buckets[place]
            buckets[place] = template
            template = following
    PyMem_RawFree(home.buckets)
    home.buckets = buckets
    home.n_buckets = n
    return 0


cdef void put_under_id(TemplateAccount* account, Template* template) noexcept nogil:
    """Let it be found; its id is free and there is room."""
    cdef Templates* home = template.home
    cdef Template** bucket = &home.buckets[bucket_of(home.n_buckets, template.record.id)]
    template.following = bucket[0]
    bucket[0] = template
    home.n += 1
    home.n_options += template.record.is_options
    account.n += 1
    account.n_fields += template.record.n_fields


cdef void take_from_id(TemplateAccount* account, Template* template) noexcept nogil:
    cdef Templates* home = template.home
    cdef Template** link = &home.buckets[bucket_of(home.n_buckets, template.record.id)]
    # Progress: one template further each turn; it is in the bucket of its id.
    while link[0] != template:
        link = &link[0].following
    link[0] = template.following
    template.following = NULL
    home.n -= 1
    home.n_options -= template.record.is_options
    account.n -= 1
    account.n_fields -= template.record.n_fields


# ── by last use ──────────────────────────────────────────────────────────────────────────────────────────────────────

cdef void link_newest(TemplateAccount* account, Template* template) noexcept nogil:
    template.newer = template.domain_newer = NULL
    template.older = account.newest
    template.domain_older = template.home.newest
    link_again(account, template)


cdef void tie_both(TemplateAccount* account, Template* template, bint is_in) noexcept nogil:
    """Put it into its two lists between the neighbors that it has written down, or take it from between them."""
    tie(
        &template.older.newer if template.older != NULL else &account.oldest,
        &template.newer.older if template.newer != NULL else &account.newest,
        template, template.older, template.newer, is_in,
    )
    tie(
        &template.domain_older.domain_newer if template.domain_older != NULL else &template.home.oldest,
        &template.domain_newer.domain_older if template.domain_newer != NULL else &template.home.newest,
        template, template.domain_older, template.domain_newer, is_in,
    )


cdef void link_again(TemplateAccount* account, Template* template) noexcept nogil:
    tie_both(account, template, True)


cdef void unlink(TemplateAccount* account, Template* template) noexcept nogil:
    tie_both(account, template, False)


# ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────

cdef int write_down(
    TemplateAccount* account, ChangeKind kind, Template* before, Template* after,
) noexcept nogil:
    """Remember a change of the message under way; -1 without memory."""
    cdef Change* changes = account.changes
    cdef size_t room = account.changes_room
    if account.n_changes == room:
        room = 2 * room + 16
        changes = <Change*> PyMem_RawRealloc(account.changes, room * sizeof(Change))
        if changes == NULL:
            return -1
        account.changes = changes
        account.changes_room = room
    # Bounds: n_changes < room.
    changes[account.n_changes] = Change(kind, before, after)
    account.n_changes += 1
    return 0


cdef int define_template(
    TemplateAccount* account, Templates* home, const Record* record, void* domain, uint64_t message,
) noexcept nogil:
    """Let a good Template Record be in force; -1 without memory, with nothing changed.

    Returns 0 where it says what is in force already, 1 where the id is new, 2 where it means
    something else now, 3 where what is in force was imported and is told for the first time.
    """
    cdef Template* known = find_template(home, record.id)
    cdef Template* template
    if (
        known != NULL and known.record.length == record.length and known.record.is_options == record.is_options
        and memcmp(known.record.at, record.at, record.length) == 0
    ):
        if known.imported:
            known.changed_in = message  # Sets that wait are set free by who sent them
        if known.changed_in == message:
            known.change = account.n_changes
        if write_down(account, CHANGE_TOLD_AGAIN, known, known) < 0:
            return -1
        return 3 if known.imported else 0
    if make_room(home) < 0:
        return -1
    template = <Template*> PyMem_RawCalloc(1, sizeof(Template) + record.length)
    if template == NULL:
        return -1
    template.change = account.n_changes
    if write_down(account, CHANGE_DEFINED, known, template) < 0:
        PyMem_RawFree(template)
        return -1
    template.record = record[0]
    template.record.at = <const uint8_t*> &template[1]
    # Bounds: allocated behind the template; the record was framed.
    memcpy(<uint8_t*> &template[1], record.at, record.length)
    template.home = home
    template.domain = domain
    template.changed_in = message
    template.redefined = known != NULL
    if known != NULL:
        take_from_id(account, known)
        unlink(account, known)
    put_under_id(account, template)
    link_newest(account, template)
    return 1 if known == NULL else 2


cdef int withdraw_template(TemplateAccount* account, Template* template) noexcept nogil:
    """Let the template be in force no longer; -1 without memory."""
    if write_down(account, CHANGE_GONE, template, NULL) < 0:
        return -1
    take_from_id(account, template)
    unlink(account, template)
    return 0


cdef int use_template(TemplateAccount* account, Template* template) noexcept nogil:
    """Make it the one used last, when the message is settled; -1 without memory."""
    if account.n_changes == 0 and account.newest == template and template.described_in:
        return 0
    return write_down(account, CHANGE_USED, template, template)


cdef void settle_uses(TemplateAccount* account) noexcept nogil:
    """Order the templates by their use in this message, all of which was read."""
    cdef size_t i
    cdef Template* template
    account.settled = True
    for i in range(account.n_changes):
        # Bounds: i < n_changes.
        template = account.changes[i].after
        if template != NULL and find_template(template.home, template.record.id) == template:
            unlink(account, template)
            link_newest(account, template)


cdef void commit_templates(TemplateAccount* account, bint has_received, int64_t received_ns) noexcept nogil:
    """The message counts: what it told was seen, and what it replaced or withdrew is gone."""
    cdef size_t i
    cdef Change* change
    # In order, so that what is told and then replaced is still there when its turn comes.
    for i in range(account.n_changes):
        # Bounds: i < n_changes.
        change = &account.changes[i]
        if has_received and (change.kind == CHANGE_DEFINED or change.kind == CHANGE_TOLD_AGAIN):
            if not change.after.seen:
                change.after.first_seen_ns = change.after.last_seen_ns = received_ns
                change.after.seen = True
            if received_ns > change.after.last_seen_ns:
                change.after.interval_ns = max(
                    change.after.interval_ns, <uint64_t> received_ns - <uint64_t> change.after.last_seen_ns,
                )
                change.after.last_seen_ns = received_ns
        if change.kind == CHANGE_TOLD_AGAIN:
            change.after.imported = False
        if change.before != NULL and change.after != change.before:
            lay_down(account, change.before)
    account.n_changes = 0
    account.settled = False


cdef void roll_back_templates(TemplateAccount* account, uint64_t message) noexcept nogil:
    """Undo the changes of the message, the last first."""
    cdef Change* change
    # Progress: one change fewer each turn.
    while account.n_changes:
        account.n_changes -= 1
        # Bounds: it was more than 0.
        change = &account.changes[account.n_changes]
        if change.after == change.before:
            if change.after.described_in == message:
                change.after.described_in = 0
            continue
        if change.after != NULL:
            take_from_id(account, change.after)
            unlink(account, change.after)
            lay_down(account, change.after)
        if change.before != NULL:
            put_under_id(account, change.before)
            if account.settled:         # its neighbors have moved
                link_newest(account, change.before)
            else:
                link_again(account, change.before)
    account.settled = False


# ── the end of a template ────────────────────────────────────────────────────────────────────────────────────────────

cdef void lay_down(TemplateAccount* account, Template* template) noexcept nogil:
    """Free a template that is in force no longer; one with a plan waits for `bury`."""
    if template.plan == NULL:
        PyMem_RawFree(template)
        return
    template.following = account.dead
    account.dead = template


cdef void bury(TemplateAccount* account):
    """Free the templates that had plans, and let the plans go."""
    cdef Template* template
    cdef PyObject* plan
    # Progress: one template fewer each turn.
    while account.dead != NULL:
        template = account.dead
        account.dead = template.following
        plan = <PyObject*> template.plan
        PyMem_RawFree(template)
        Py_XDECREF(plan)


cdef void forget_template(TemplateAccount* account, Template* template) noexcept nogil:
    """Do away with a template; not within a message."""
    take_from_id(account, template)
    unlink(account, template)
    lay_down(account, template)


cdef void forget_templates(TemplateAccount* account, Templates* home) noexcept nogil:
    """Do away with all templates of a domain, and with the room for them; not within a message."""
    # Progress: one template fewer each turn.
    while home.newest != NULL:
        forget_template(account, home.newest)
    PyMem_RawFree(home.buckets)
    home.buckets = NULL
    home.n_buckets = 0
