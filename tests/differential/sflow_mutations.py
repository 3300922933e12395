"""Damage to sFlow datagrams: as tests/differential/mutations.py, in words of 32 bits and by samples."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from tests.differential.mutations import delete, flip_bits, insert, truncate

BOUNDARY = (0, 1, 2, 3, 4, 5, 7, 8, 11, 12, 16, 255, 256, 1024, 4096, 65535, 0x01000000, 0x0FFFFFFF, 2**31 - 1, 2**31,
            2**32 - 1)  # fmt: skip
COUNT_BEFORE_SAMPLES = 4


def samples(octets: bytes) -> list[tuple[int, int]]:
    """(start, end) of each sample of a version 5 datagram, as far as their lengths lead."""
    if octets[:4] != b"\0\0\0\5" or len(octets) < 8:
        return []
    at = {1: 28, 2: 40}.get(int.from_bytes(octets[4:8]), len(octets))
    found = []
    while at + 8 <= len(octets):
        end = at + 8 + int.from_bytes(octets[at + 4 : at + 8])
        if end > len(octets):
            break
        found.append((at, end))
        at = end
    return found


def set_word(pick: Random, octets: bytes, others: Sequence[bytes]) -> bytes:
    """A word is one that counts, lengths and tags have their edges at, or one more or less."""
    if len(octets) < 4:
        return octets
    starts = [start for start, _ in samples(octets)]
    at = pick.choice(starts) if starts and pick.random() < 0.3 else pick.randrange(len(octets) // 4) * 4
    at = min(at + 4 * pick.choice((0, 0, 1)), (len(octets) - 4) & ~3)
    word = int.from_bytes(octets[at : at + 4]) + pick.choice((-4, -1, 1, 4))
    word = pick.choice(BOUNDARY) if pick.random() < 0.6 else word % 2**32
    return octets[:at] + word.to_bytes(4) + octets[at + 4 :]


def repeat(pick: Random, octets: bytes, others: Sequence[bytes]) -> bytes:
    """A sample is there twice."""
    found = samples(octets)
    if not found:
        return octets + octets
    start, end = pick.choice(found)
    return octets[:end] + octets[start:end] + octets[end:]


def splice(pick: Random, octets: bytes, others: Sequence[bytes]) -> bytes:
    """It begins as one datagram and ends as another, from a sample on."""
    other = pick.choice(others)
    ours, theirs = samples(octets), samples(other)
    return octets[: pick.choice(ours)[0] if ours else len(octets)] + other[pick.choice(theirs)[0] if theirs else 0 :]


def resize(pick: Random, octets: bytes, others: Sequence[bytes]) -> bytes:
    """A sample has a few octets more or fewer, and its length says so."""
    found = samples(octets)
    if not found:
        return octets
    start, end = pick.choice(found)
    where = pick.randint(start + 8, end)
    n = pick.choice((1, 2, 3, 4, 8, 12))
    body = octets[start + 8 : where]
    body += octets[min(end, where + n) : end] if pick.random() < 0.6 else pick.randbytes(n) + octets[where:end]
    return octets[: start + 4] + len(body).to_bytes(4) + body + octets[end:]


def mend_count(octets: bytes) -> bytes:
    """The number of samples set right, so that all of them are looked at."""
    found = samples(octets)
    if not found:
        return octets
    at = found[0][0] - COUNT_BEFORE_SAMPLES
    return octets[:at] + len(found).to_bytes(4) + octets[at + 4 :]


KINDS = (flip_bits, set_word, set_word, set_word, set_word, truncate, delete, insert, repeat, splice, resize, resize)


def damage(pick: Random, octets: bytes, others: Sequence[bytes]) -> bytes:
    """A datagram with something wrong, now and then in two places, mostly with a right count of samples."""
    for _ in range(pick.choice((1, 1, 1, 2))):
        octets = pick.choice(KINDS)(pick, octets, others)
        octets = mend_count(octets) if pick.random() < 0.6 else octets
    return octets
