"""Conversations that were made up: the kernels and the specification make the same of them."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowparse import reference
from tests.differential.conversations import Exporter, conversation, settings


def check(pick: Any) -> None:
    made = settings(pick)
    assert reference.compare(conversation(pick), **made) == []


@given(st.integers(0, 2**64))
def test_a_conversation_comes_out_the_same(seed: int) -> None:
    check(Random(seed))


@pytest.mark.parametrize("block", range(10))
def test_conversations_of_many_seeds(block: int) -> None:
    for seed in range(block * 50, block * 50 + 50):
        check(Random(seed))


@pytest.mark.parametrize("rule", ["discard", "salvage"])
@pytest.mark.parametrize("version", [1, 5, 7, 9, 10])
def test_messages_cut_at_every_octet_come_out_the_same(version: int, rule: str) -> None:
    speaker = Exporter(Random(version), version)
    whole = [message for message in (speaker.message() for _ in range(30)) if len(message) < 400][:4]
    cut = [(message[:length], speaker.address, None) for message in whole for length in range(len(message) + 1)]
    assert len(cut) > 150
    assert reference.compare(cut, malformed=rule) == []


@pytest.mark.slow
@pytest.mark.parametrize("block", range(100))
def test_conversations_of_very_many_seeds(block: int) -> None:
    for seed in range(1000 + block * 500, 1500 + block * 500):
        check(Random(seed))
