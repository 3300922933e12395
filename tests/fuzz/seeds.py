"""Conversations to begin with, the words of the wire, and how one conversation becomes another.

Seeds are made by tests/build.py and by the conversations of tests/differential, and taken from the
shared captures where they are there. `mutated` needs no coverage and no compiler: it is what runs
where no fuzzer can be had, and in the soak.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from random import Random

from tests import build, build_sflow
from tests.captures import corpus
from tests.captures import sflow as sflow_corpus
from tests.differential.conversations import conversation
from tests.differential.mutations import damage
from tests.fuzz.session import DECODE, EXPORTERS, FEED, LOOK, MANY, STATE, STREAM, TAKE, WAIT, steps_of, written
from tests.shared import SHARED

WORDS = (
    b"\0\1", b"\0\5", b"\0\7", b"\0\x09", b"\0\x0a", b"\0\0\0\5", b"\0\0\0\4", b"\0\0\0\2",
    b"\0\0", b"\0\2", b"\0\3", b"\0\xff", b"\1\0", b"\1\1", b"\0\4", b"\xff\xff", b"\xff\xfe", b"\x80\0", b"\xff",
    b"\0\0\x72\x79", b"\0\1\0\4", b"\0\x08\0\4", b"\0\x52\xff\xff", b"\0\x5f\xff\xff", b"\0\x98\0\x08",
    b"\0\x9c\0\x08", b"\0\xd2\0\1", b"\1\x23\xff\xff", b"\1\x24\xff\xff", b"\1\x25\xff\xff", b"\0\x22\0\4",
    b"\0\x30\0\1", b"\0\xa0\0\x08",
    b"\x80\x01\0\x08", b"\0\0\0\1", b"\0\0\0\3", b"\xd4\xc3\xb2\xa1", b"\x0a\x0d\x0d\x0a", b"startDatagram",
)  # fmt: skip
"""A fuzzer's dictionary: versions, ids of Sets, lengths, PENs, elements with rules of their own."""


@cache
def datagrams() -> list[bytes]:
    """Datagrams of every protocol: made ones, and some of every capture that is there."""
    header = build_sflow.header(build.ethernet(build.udp(b"x" * 20, ("10.0.0.1", 53), ("10.0.0.2", 5353))))
    made = [
        build.netflow1([build.V5Record()] * 2),
        build.netflow5([build.V5Record(octets=i) for i in range(3)], sampling_interval=100),
        build.netflow7([build.V7Record()]),
        build_sflow.datagram(
            build_sflow.flow_sample(header, build_sflow.switch()), build_sflow.counters_sample(build_sflow.processor())
        ),
    ]
    for row in corpus.index():
        made += [octets for octets, _, _ in corpus.datagrams(row["capture"])[:8] if len(octets) <= 3000]
    for name in sflow_corpus.NAMES:
        made += [octets for octets in sflow_corpus.payloads(name)[:8] if len(octets) <= 3000]
    return made


@cache
def conversations() -> list[bytes]:
    """Conversations as octets: made ones, and the beginnings of captures."""
    found = []
    for number in range(60):
        pick = Random(number)
        steps = []
        for octets, exporter, _ in conversation(pick, length=6):
            who = EXPORTERS.index(exporter) if exporter in EXPORTERS else 3
            steps.append((pick.choice((FEED, FEED, FEED, DECODE)), who, octets))
            steps += [(TAKE, 0, b"")] * (pick.random() < 0.2) + [(STATE, 0, b"")] * (pick.random() < 0.1)
        found.append(written(pick.randrange(256), pick.randrange(256), steps))
    for row in corpus.index():
        heard = [octets for octets, _, _ in corpus.datagrams(row["capture"])[:4] if len(octets) <= 1500]
        found.append(written(0, 0, [(FEED, 0, octets) for octets in heard]))
    for row in corpus.index():
        if row["protocols"] == "ipfix":
            heard = [octets for octets, _, _ in corpus.datagrams(row["capture"])[:3]]
            steps = [(STREAM, 1, b"".join(heard)[:8000]), (TAKE, 0, b""), (STATE, 5, b"\x20\1\x90\x80")]
            found.append(written(0, 0, steps))
    for octets in datagrams()[:4]:
        found.append(written(0, 0, [(FEED, 2, octets), (DECODE, 2, octets), (MANY, 2, octets * 2), (LOOK, 0, octets)]))
    for name in sflow_corpus.NAMES:
        heard = [octets for octets in sflow_corpus.payloads(name)[:3] if len(octets) <= 1500]
        found.append(written(1, 0, [(FEED, 3, octets) for octets in heard]))
    if SHARED is not None:
        for path in sorted((SHARED / "malformed").glob("*.bin")):
            octets, steps = path.read_bytes(), []
            while octets:
                length = int.from_bytes(octets[:4])
                steps.append((FEED, 0, octets[4 : 4 + length]))
                octets = octets[4 + length :]
            found.append(written(0, 0, steps))
    return found


def spoiled(pick: Random, octets: bytes, others: Sequence[bytes]) -> bytes:
    """A datagram with something wrong, or a word of the wire somewhere."""
    if pick.random() < 0.6 and octets:
        return damage(pick, octets, others)
    at, word = pick.randrange(len(octets) + 1), pick.choice(WORDS)
    return octets[:at] + word + octets[at + (len(word) if pick.random() < 0.8 else 0) :]


def mutated(pick: Random) -> bytes:
    """A conversation out of another: datagrams spoiled, of others, twice, in another order, with other rules."""
    base = pick.choice(conversations())
    rules, limits = base[:2]
    steps = [(step.action, step.who, step.octets or bytes(step.length)) for step in steps_of(base)]
    others = [octets for _, _, octets in steps if octets] or [b"\0\x0a"]
    made: list[tuple[int, int, bytes]] = []
    for action, who, octets in steps[:12]:
        chance = pick.random()
        if chance < 0.5 and octets:
            octets = spoiled(pick, octets, others)  # noqa: PLW2901
        elif chance < 0.55:
            continue
        elif chance < 0.6:
            made.append((pick.choice((DECODE, LOOK, MANY, STATE, STREAM, FEED)), who, pick.choice(datagrams())))
        made.append((action if pick.random() < 0.9 else pick.randrange(16), who, octets))
        if pick.random() < 0.1:
            made.append((pick.choice((TAKE, WAIT, STATE)), 0, bytes(pick.choice((0, 1, 40)))))
    if pick.random() < 0.5:
        rules, limits = pick.randrange(256), pick.randrange(256)
    return written(rules, limits, made)


def many(numbers: range) -> Iterator[bytes]:
    """Mutated conversations by number."""
    return (mutated(Random(number)) for number in numbers)


def write(corpus: Path, words: Path) -> None:
    """Write the first corpus and the dictionary for a fuzzer."""
    for number, octets in enumerate(conversations()):
        (corpus / f"seed-{number:04}").write_bytes(octets)
    quoted = ("".join(f"\\x{octet:02x}" for octet in word) for word in WORDS)
    words.write_text("".join(f'"{word}"\n' for word in quoted), encoding="ascii")
