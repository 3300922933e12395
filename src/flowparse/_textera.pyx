# cython: boundscheck=False, wraparound=False
"""sflowtool 5.01, which turns the two digits of each octet around: found by what cannot be otherwise, and undone.

Nothing at the head of a text names its version. That it has `localtime` and no `unixSecondsUTC_uS` leaves
5.01 to 6.07; a sampled header then settles it, by its EtherType or its IP version, and so does an IPv6 address
of four digits. Until then the places of values in hexadecimal digits are kept, so that what has not been
handed over is put right when the version shows.
"""

from cpython.mem cimport PyMem_RawRealloc
from libc.stdint cimport int64_t, uint8_t, uint32_t

from flowparse._textnumbers cimport ERA_SWAPPED_HEX
from flowparse._textout cimport note_values
from flowparse._textstate cimport (
    Assembly, D_LOCALTIME, D_MICROSECONDS, MOST_TURNS, NOTE_ERA, NOTE_UNSETTLED, Turn, filled,
)
from flowparse._textvalues cimport KIND_MAC, KIND_OPAQUE, KIND_UUID, KIND_VLANS
from flowparse._wire cimport be32


cdef inline void turn(uint8_t* octet, uint32_t n) noexcept nogil:
    cdef uint32_t i
    # Bounds: the caller wrote n octets there.
    for i in range(n):
        octet[i] = octet[i] << 4 | octet[i] >> 4


cdef void turn_value(uint8_t* out, int kind) noexcept nogil:
    """Undo it in a value that its writer made of the text as it stands."""
    cdef uint32_t i
    # Bounds: the lengths and counts are those that the writers wrote in front of the octets.
    if kind == KIND_MAC:
        turn(out, 6)
    elif kind == KIND_UUID:
        turn(out, 16)
    elif kind == KIND_OPAQUE:
        turn(out + 4, be32(out))
    elif kind == KIND_VLANS:
        for i in range(be32(out)):
            turn(out + 4 + 4 * i, 2)                # the rest of a tag is decimal


cdef void turn_later(Assembly* a, int kind, int64_t at) noexcept nogil:
    """Keep the place of a value while nobody knows."""
    cdef Turn* grown
    cdef int64_t size
    if a.n_turns == MOST_TURNS:
        # The newest is kept: it may be the header that settles it.
        a.turns_gone += 1
        a.n_turns -= 1
    if a.n_turns == a.turns_size:
        size = 64 if a.turns_size == 0 else 2 * a.turns_size
        grown = <Turn*> PyMem_RawRealloc(a.turns, size * sizeof(Turn))
        if grown == NULL:
            a.no_memory = True
            return
        a.turns = grown
        a.turns_size = size
    a.turns[a.n_turns].at = at
    a.turns[a.n_turns].kind = kind
    a.n_turns += 1


cdef void forget_turns(Assembly* a) noexcept nogil:
    """The end of what is written moved back: places behind it are none."""
    # Progress: one fewer each turn.
    while a.n_turns > 0 and a.turns[a.n_turns - 1].at >= a.used:
        a.n_turns -= 1


cdef void hand_over_turns(Assembly* a, int64_t octets) noexcept nogil:
    """The first `octets` go to the reader as they are; the others move to the front."""
    cdef int64_t i, kept = 0
    for i in range(a.n_turns):
        if a.turns[i].at >= octets:
            a.turns[kept].at = a.turns[i].at - octets
            a.turns[kept].kind = a.turns[i].kind
            kept += 1
    a.turns_gone += a.n_turns - kept
    a.n_turns = kept


cdef void tell_unsettled(Assembly* a) noexcept nogil:
    """The text ends, and nothing told whether values of it stand the wrong way round."""
    if not a.era_known and a.n_turns + a.turns_gone:
        note_values(a, NOTE_UNSETTLED, a.n_turns + a.turns_gone, 0, 0)
    settle(a)


cdef void settle(Assembly* a) noexcept nogil:
    a.era_known = True
    a.n_turns = 0


cdef void settle_by_head(Assembly* a) noexcept nogil:
    """5.01 has `localtime`, and microseconds came with 6.08."""
    if filled(a, 0, D_LOCALTIME) == NULL or filled(a, 0, D_MICROSECONDS) != NULL:
        settle(a)


cdef void settle_turned(Assembly* a) noexcept nogil:
    """It is 5.01."""
    cdef int64_t i
    a.era |= ERA_SWAPPED_HEX
    note_values(a, NOTE_ERA, a.turns_gone, 0, 0)
    for i in range(a.n_turns):
        turn_value(a.out + a.turns[i].at, a.turns[i].kind)
    settle(a)


cdef bint is_ip(uint32_t octet, uint32_t version) noexcept nogil:
    """Whether an IP header can begin with this octet."""
    return octet >> 4 == version and (version == 6 or octet & 15 >= 5)


cdef bint is_known(uint32_t ethertype, uint32_t behind) noexcept nogil:
    if ethertype == 0x0800:
        return is_ip(behind, 4)
    if ethertype == 0x86DD:
        return is_ip(behind, 6)
    return ethertype in (0x0806, 0x8100, 0x8847, 0x8863, 0x8864, 0x88A8, 0x9100)


cdef void settle_by_header(Assembly* a, int protocol, int64_t at, Py_ssize_t octets) noexcept nogil:
    """Look at a sampled header of a protocol of sFlow's: Ethernet, or IP without a link header."""
    cdef const uint8_t* octet = a.out + at
    cdef uint32_t type, first
    cdef bint straight, turned
    # Bounds: the caller wrote `octets` octets at `at`.
    if protocol == 1 and octets >= 15:
        type = <uint32_t> octet[12] << 8 | octet[13]
        first = octet[14]
        straight = is_known(type, first)
        turned = is_known(type << 4 & 0xF0F0 | type >> 4 & 0x0F0F, (first << 4 | first >> 4) & 0xFF)
    elif (protocol == 11 or protocol == 12) and octets >= 1:
        first = octet[0]
        straight = is_ip(first, 4 if protocol == 11 else 6)
        turned = is_ip((first << 4 | first >> 4) & 0xFF, 4 if protocol == 11 else 6)
    else:
        return
    if turned and not straight:
        settle_turned(a)
    elif straight and not turned:
        settle(a)
