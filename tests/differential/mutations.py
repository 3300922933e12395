"""Damage to datagrams that exporters sent: seeded, of nine kinds, so that a session can be had again by its number."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, islice
from random import Random
from typing import NamedTuple

from tests.differential.conversations import Datagram

BOUNDARY = (0, 1, 2, 3, 4, 15, 16, 255, 256, 65534, 65535)
HEADERS = {1: 16, 5: 24, 7: 24, 9: 20, 10: 16}


def header_length(octets: bytes) -> int:
    return HEADERS.get(int.from_bytes(octets[:2]), 0)


def flip_bits(pick: Random, octets: bytes, others: Sequence[bytes]) -> bytes:
    """A few bits are others."""
    changed = bytearray(octets)
    for _ in range(pick.choice((1, 1, 2, 8))):
        if changed:
            changed[pick.randrange(len(changed))] ^= 1 << pick.randrange(8)
    return bytes(changed)


def set_word(pick: Random, octets: bytes, others: Sequence[bytes]) -> bytes:
    """A word of 16 bits is one that lengths, ids and counts have their edges at; mostly one of a Set Header."""
    at = pick.choice(set_headers(octets)) if pick.random() < 0.6 else pick.randrange(max(1, len(octets) - 1))
    at += pick.choice((0, 2))
    word = pick.choice(BOUNDARY) if pick.random() < 0.7 else int.from_bytes(octets[at : at + 2]) + pick.choice((-1, 1))
    return octets[:at] + (word % 65536).to_bytes(2) + octets[at + 2 :]


def set_headers(octets: bytes) -> list[int]:
    """Where the Sets begin, as far as their lengths lead."""
    at, found = header_length(octets), [0]
    while at + 4 <= len(octets):
        found.append(at)
        length = int.from_bytes(octets[at + 2 : at + 4])
        if length < 4:
            break
        at += length
    return found


def truncate(pick: Random, octets: bytes, others: Sequence[bytes]) -> bytes:
    """The end is lost."""
    return octets[: pick.randrange(len(octets) + 1)]


def delete(pick: Random, octets: bytes, others: Sequence[bytes]) -> bytes:
    """Some octets in the middle are lost."""
    at = pick.randrange(len(octets) + 1)
    return octets[:at] + octets[at + pick.choice((1, 2, 3, 4, 8, 40)) :]


def insert(pick: Random, octets: bytes, others: Sequence[bytes]) -> bytes:
    """Some octets come in between."""
    at = pick.randrange(len(octets) + 1)
    new = pick.choice((b"\0", b"\xff", bytes(4), pick.randbytes(pick.choice((1, 2, 5, 30)))))
    return octets[:at] + new + octets[at:]


def repeat(pick: Random, octets: bytes, others: Sequence[bytes]) -> bytes:
    """A Set is there twice."""
    headers = set_headers(octets)[1:]
    if not headers:
        return octets + octets
    at = pick.choice(headers)
    end = min(len(octets), at + int.from_bytes(octets[at + 2 : at + 4]))
    return octets[:end] + octets[at:end] + octets[end:]


def splice(pick: Random, octets: bytes, others: Sequence[bytes]) -> bytes:
    """It begins as one datagram and ends as another, from a Set on."""
    other = pick.choice(others)
    return octets[: pick.choice([*set_headers(octets)[-1:], len(octets)])] + other[pick.choice(set_headers(other)) :]


def resize(pick: Random, octets: bytes, others: Sequence[bytes]) -> bytes:
    """A Set has some octets more or fewer, and its length says so."""
    sets = [at for at in set_headers(octets)[1:] if at + 4 <= at + int.from_bytes(octets[at + 2 : at + 4])]
    if not sets:
        return insert(pick, octets, others)
    at = pick.choice(sets)
    end = min(len(octets), at + int.from_bytes(octets[at + 2 : at + 4]))
    where = pick.randint(at + 4, max(at + 4, end))
    if pick.random() < 0.5:
        body = octets[at + 4 : where] + octets[min(end, where + pick.choice((1, 2, 3, 4, 8))) : end]
    else:
        body = octets[at + 4 : where] + pick.randbytes(pick.choice((1, 2, 3, 4, 8))) + octets[where:end]
    return octets[: at + 2] + (4 + len(body)).to_bytes(2) + body + octets[end:] if len(body) < 65532 else octets


KINDS = (flip_bits, flip_bits, set_word, set_word, set_word, truncate, delete, insert, repeat, splice, resize, resize)


def mend_length(octets: bytes) -> bytes:
    """The Length of an IPFIX message set right, so that what is wrong inside is looked at."""
    if octets[:2] == b"\0\x0a" and 4 <= len(octets) <= 65535:
        return octets[:2] + len(octets).to_bytes(2) + octets[4:]
    return octets


def damage(pick: Random, octets: bytes, others: Sequence[bytes]) -> bytes:
    """A datagram with something wrong; now and then in two places, mostly with a Length that is right again."""
    for _ in range(pick.choice((1, 1, 1, 2))):
        octets = pick.choice(KINDS)(pick, octets, others)
        octets = mend_length(octets) if pick.random() < 0.7 else octets
    return octets


class Session(NamedTuple):
    """Datagrams of a capture, and how many of them are not as they were sent."""

    datagrams: list[Datagram]
    damaged: int


def session(pick: Random, datagrams: Sequence[Datagram], length: int = 12) -> Session:
    """A stretch of a capture, in which datagrams are damaged, lost, twice or late; a short one comes again."""
    start = pick.choice((0, 0, pick.randrange(len(datagrams))))
    stretch = list(islice(cycle(datagrams), start, start + length))
    others = [octets for octets, _, _ in stretch]
    often = pick.choice((0.4, 0.7, 0.95))
    out: list[Datagram] = []
    damaged = 0
    for whole, exporter, received_ns in stretch:
        octets = damage(pick, whole, others) if pick.random() < often else whole
        if pick.random() < 0.03:
            continue
        damaged += octets != whole
        out.append((octets, exporter, received_ns))
        if pick.random() < 0.05:
            out.insert(pick.randrange(len(out)), out[-1])
    return Session(out, damaged)
