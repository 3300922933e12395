"""Times as IPFIX sends them, by integers alone (RFC 7011 sections 6.1.7 to 6.1.10).

NTP's times have 32 bits of seconds since 1900, which go on in 2036 with the bit cleared (RFC 4330 section 3):
they reach from 1968 to 2104. Zero is no time.
"""

from __future__ import annotations

__all__ = ["time_octets"]

S, MS = 10**9, 10**6
NTP_UNIX_S = 2208988800
FIRST_NTP_S = 2**31 - NTP_UNIX_S
FRACTION = 2**32
MICROSECONDS_LOST = 11  # bits of the fraction that dateTimeMicroseconds leaves out


def _ntp(ns: int, bits_lost: int) -> bytes | None:
    second, rest = divmod(ns, S)
    unit = FRACTION >> bits_lost
    fraction = (rest * unit + S // 2) // S
    if (fraction * S + unit // 2) // unit != rest or fraction == unit:
        return None
    if not FIRST_NTP_S <= second < FIRST_NTP_S + 2**32:
        return None
    octets = ((second + NTP_UNIX_S) % 2**32 << 32 | fraction << bits_lost).to_bytes(8)
    return octets if any(octets) else None


def time_octets(type: str, ns: int) -> bytes | None:
    """A time in nanoseconds since 1970 as an abstract type has it; None where it does not."""
    if type == "dateTimeSeconds":
        return (ns // S).to_bytes(4) if ns % S == 0 and 0 <= ns < 2**32 * S else None
    if type == "dateTimeMilliseconds":
        return (ns // MS).to_bytes(8) if ns % MS == 0 and 0 <= ns < 2**63 else None
    if type == "dateTimeMicroseconds":
        return _ntp(ns, MICROSECONDS_LOST)
    return _ntp(ns, 0)
