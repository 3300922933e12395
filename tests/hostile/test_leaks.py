"""No call keeps memory, whatever comes: captures, messages cut and changed, sFlow, text and tables of neighbors.

Blocks that the allocator has out are counted before and after many calls, the least of several times.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from flowparse import NATIVE, DecodeError, Decoder, Limits, capture, lldp, sflow, sflowtool
from tests.build import pcap, pcapng
from tests.hostile.test_faults import CHANGED, EARLY, EVERYTHING, FIXED, JSON, NINE, PACKETS, ROWS, SFLOW, TEXT, TORN

A = ("192.0.2.1", 9995)
MESSAGES = {"ipfix": EVERYTHING, "early": EARLY, "changed": CHANGED, "torn": TORN, "netflow9": NINE, "sflow": SFLOW}
TABLE = (
    "Device ID           Local Intf     Hold-time  Capability      Port ID\n"
    "r2.virl.info        Gi0/0          120        R               Gi0/0\n"
)
FRAME = b"\x01\x80\xc2\0\0\x0e\2\0\0\0\0\1\x88\xcc\2\7\4\2\0\0\0\0\1\4\5\5eth0\6\2\0\x78\0\0"


def damaged(octets: bytes, n: int = 15) -> list[bytes]:
    """The octets cut and changed, the same each time."""
    pick, made = Random(len(octets)), [octets[:length] for length in range(0, len(octets), max(1, len(octets) // n))]
    for _ in range(n):
        changed = bytearray(octets)
        changed[pick.randrange(len(changed))] ^= 1 << pick.randrange(8)
        made.append(bytes(changed))
    return made


def refused(call: Callable[[], Any]) -> None:
    try:
        call()
    except (DecodeError, ValueError):
        return


def of_decoder(datagrams: list[bytes], **options: Any) -> Callable[[], Any]:
    """Feed and decode them, and read everything."""
    decoder = Decoder(**options)

    def call() -> None:
        for octets in datagrams:
            refused(lambda octets=octets: decoder.feed(octets, A, 1))  # type: ignore[misc]
            refused(lambda octets=octets: decoder.decode(octets, A, 2).events)  # type: ignore[misc]
        for batch in (*decoder.take_tables(), *decoder.take_options(), *decoder.take_counters()):
            batch.to_dicts()
        decoder.events()
        decoder.stats()
        decoder.templates()

    return call


def of_capture(octets: bytes) -> Callable[[], Any]:
    def call() -> None:
        for each in damaged(octets, 5):
            decoder = Decoder()
            refused(lambda decoder=decoder, each=each: decoder.feed_capture(each))  # type: ignore[misc]
            refused(lambda each=each: list(capture.datagrams(each)))  # type: ignore[misc]
            decoder.take()

    return call


def of_text(text: bytes, **options: Any) -> Callable[[], Any]:
    def call() -> None:
        for each in damaged(text, 4):
            result = sflowtool.parse(each, **options)
            list(result.datagrams)

    return call


CALLS: dict[str, Callable[[], Callable[[], Any]]] = {
    **{f"{name} whole": lambda octets=octets: of_decoder([octets]) for name, octets in MESSAGES.items()},
    **{f"{name} damaged": lambda octets=octets: of_decoder(damaged(octets)) for name, octets in MESSAGES.items()},
    "strict": lambda: of_decoder([*damaged(EVERYTHING, 20), *damaged(SFLOW, 20)], strict=True),
    "discard": lambda: of_decoder([*damaged(NINE, 20), *damaged(FIXED, 20)], malformed="discard"),
    "native": lambda: of_decoder(damaged(EVERYTHING), schema=NATIVE),
    "evictions": lambda: of_decoder(
        [EVERYTHING, NINE, CHANGED, EARLY], limits=Limits(templates=1, domains=1, exporters=1, pending_sets=1)
    ),
    "pcap": lambda: of_capture(pcap(PACKETS)),
    "pcapng": lambda: of_capture(pcapng(PACKETS)),
    "sflow objects": lambda: lambda: [refused(lambda each=each: sflow.decode(each)) for each in damaged(SFLOW)],
    "tagged text": lambda: of_text(TEXT),
    "json": lambda: of_text(JSON, format="json"),
    "rows": lambda: of_text(ROWS, format="line"),
    "table of neighbors": lambda: lambda: lldp.parse(TABLE, platform="cisco_ios"),
    "frames": lambda: lambda: [refused(lambda each=each: lldp.decode(each)) for each in damaged(FRAME)],
}


def kept_by(call: Callable[[], Any], n: int) -> float:
    """Blocks that each call keeps, the least of four rounds."""
    for _ in range(max(5, n // 5)):
        call()
    least = float("inf")
    for _ in range(4):
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(n):
            call()
        gc.collect()
        least = min(least, (sys.getallocatedblocks() - before) / n)
        if least < 0.01:
            break
    return least


@pytest.mark.parametrize("name", CALLS)
def test_no_input_keeps_memory(name: str) -> None:
    # What is cached on the way, a few blocks in all, is not what is looked for.
    assert kept_by(CALLS[name](), 200 if name == "table of neighbors" else 30) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_no_input_keeps_memory_over_a_thousand(name: str) -> None:
    assert kept_by(CALLS[name](), 1000) < 0.01
