"""sflowtool's text: the floors that the parser holds beside a typed parser in plain Python (bench/typed.py).

The stream is the one of a switch: flow samples with a header and switch data, some counters. Ours takes everything that
comes of it: columns are summed, records are walked. After each unit, and outside its time, what it made is compared
with what the plain parser made.
"""

from __future__ import annotations

from typing import Any

import pytest

import flowparse as fp
from bench import typed
from bench.ratio import Ratio
from tests.shared import SHARED, needs_shared

CHUNK = 65536  # what a pipe gives at once
TIMES = 3  # 20 MB: what a parser costs once is no longer seen
BUDGET_S = 8.0

pytestmark = needs_shared


@pytest.fixture(scope="module")
def text() -> bytes:
    assert SHARED is not None
    return (SHARED / "sflow" / "overflowd_sflow.txt").read_bytes() * TIMES


@pytest.fixture(scope="module")
def plain(text: bytes) -> list[dict[str, Any]]:
    return typed.parse(text.decode())


def samples(plain: list[dict[str, Any]]) -> int:
    return sum(len(datagram["samples"]) for datagram in plain)


def feed(text: bytes) -> fp.sflowtool.Parser:
    parser = fp.sflowtool.Parser()
    view = memoryview(text)
    for start in range(0, len(text), CHUNK):
        parser.feed(view[start : start + CHUNK])
    return parser


def test_columns(text: bytes, plain: list[dict[str, Any]], ratio: Ratio) -> None:
    rows = sum(sample["sampleType"] == "FLOWSAMPLE" for datagram in plain for sample in datagram["samples"])
    octets = sum(
        sample["records"][0]["sampledPacketSize"]
        for datagram in plain
        for sample in datagram["samples"]
        if sample["sampleType"] == "FLOWSAMPLE"
    )

    def ours() -> tuple[fp.Batch, list[fp.Batch]]:
        parser = feed(text)
        return parser.take(), parser.take_counters()

    def check(taken: tuple[fp.Batch, list[fp.Batch]]) -> None:
        flows, counters = taken
        assert len(flows) == rows
        assert sum(flows["bytes"].to_list()) == octets
        assert sum(map(len, counters)) == 2 * (samples(plain) - rows)

    n = samples(plain)
    ratio(ours, lambda: typed.parse(text.decode()), (n, n), 10, item="sample", check=check, budget_s=BUDGET_S)


def test_records(text: bytes, plain: list[dict[str, Any]], ratio: Ratio) -> None:
    def check(datagrams: list[fp.sflow.Datagram]) -> None:
        assert len(datagrams) == len(plain)
        for ours, theirs in zip(datagrams[::50], plain[::50], strict=True):
            assert ours.sequence == theirs["packetSequenceNo"]
            assert [sample.sequence for sample in ours.samples] == [
                sample["sampleSequenceNo"] for sample in theirs["samples"]
            ]
            headers = [sample.records[0].fields.get("header") for sample in ours.samples]
            assert headers == [sample["records"][0].get("headerBytes") for sample in theirs["samples"]]

    n = samples(plain)
    ratio(
        lambda: list(feed(text).datagrams()),
        lambda: typed.parse(text.decode()),
        (n, n),
        4,
        item="sample",
        check=check,
        budget_s=BUDGET_S,
    )
