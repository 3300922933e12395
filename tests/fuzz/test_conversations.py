"""Conversations that anyone may have made up: nothing breaks, and the checks would notice if it did."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from flowparse import DecodeError, Decoder
from tests import build
from tests.fuzz import seeds, session
from tests.fuzz.session import DECODE, FEED, MANY, TAKE, WAIT, Broken, Conversation, run, steps_of, written

LYING = build.netflow5([build.V5Record()], count=9)
DISCARD = 24
"""The rules of a conversation in NATIVE, over UDP, with malformed="discard"."""


def test_seeds_break_nothing() -> None:
    assert sum(map(run, seeds.conversations())) > 300


def test_mutated_conversations_break_nothing() -> None:
    assert sum(run(octets) for octets in seeds.many(range(2000))) > 4000


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_many_more_mutated_conversations_break_nothing(block: int) -> None:
    assert sum(run(octets) for octets in seeds.many(range(10_000 * block, 10_000 * (block + 1)))) > 15_000


@pytest.mark.parametrize("seed", range(10))
def test_any_octets_are_a_conversation(seed: int) -> None:
    pick = Random(seed)
    for _ in range(60):
        run(pick.randbytes(pick.choice((0, 1, 2, 3, 5, 40, 400))))


def test_a_conversation_is_read_as_it_was_written() -> None:
    steps = [(FEED, 3, b"\0\x0a"), (WAIT, 0, bytes(7)), (MANY, 15, bytes(300)), (TAKE, 0, b"")]
    read = [(step.action, step.who, step.octets or bytes(step.length)) for step in steps_of(written(1, 2, steps))]
    assert read == steps


# ── what would be noticed ────────────────────────────────────────────────────────────────────────────────────────────


class Faulty(Decoder):
    """A decoder to which something happens when octets are refused."""

    def feed(self, datagram: Any, exporter: Any, received_ns: int | None = None) -> int:
        rows = super().feed(datagram, exporter, received_ns)
        if bytes(datagram) == LYING:
            self.happen(exporter)
        return rows

    def happen(self, exporter: Any) -> None:
        raise NotImplementedError


class Keeping(Faulty):
    def happen(self, exporter: Any) -> None:
        super().feed(build.netflow5([build.V5Record()]), exporter)


class Raising(Faulty):
    def happen(self, exporter: Any) -> None:
        raise DecodeError("refused", offset=0)


class Crashing(Faulty):
    def happen(self, exporter: Any) -> None:
        raise IndexError("out of range")


class Hoarding(Faulty):
    def happen(self, exporter: Any) -> None:
        for id in range(256, 262):
            super().feed(build.ipfix(build.set_(2, build.template_record(id, [(8, 4)]))), exporter)


@pytest.mark.parametrize(
    ("faulty", "error", "what"),
    [
        (Keeping, Broken, "discarded wait"),
        (Raising, Broken, "not strict raised"),
        (Crashing, IndexError, "out of range"),
        (Hoarding, Broken, "what is known"),
    ],
)
def test_what_does_not_hold_is_noticed(faulty: type[Decoder], error: type[Exception], what: str) -> None:
    conversation = Conversation(written(DISCARD, 0, [(FEED, 0, LYING)] * 2))
    assert conversation.settings["malformed"] == "discard"
    conversation.decoder = faulty(conversation.schema, **conversation.settings)
    with pytest.raises(error, match=what):
        conversation.run()


def test_a_decoder_that_decodes_something_else_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session.reference, "compare", lambda fed, **settings: ["row 0: kernel 1, specification 2"])
    made = (written(0, 0, [(DECODE, 0, bytes([n]))]) for n in range(99))
    octets = next(each for each in made if session.is_sampled(each))
    with pytest.raises(Broken, match="specification"):
        run(octets)
