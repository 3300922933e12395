"""Many mutated datagrams to one decoder after another: python tools/soak.py [DATAGRAMS] [--compare N] [--seed S]

Each datagram of a shared capture, or a made one, is spoiled (bits, words, lengths, cuts, splices) and fed;
the worst time of one is kept, and what is held is taken and looked at now and then. Any exception but
DecodeError ends it, and so does a crash. Of the datagrams, N are then compared with the specification.
Prints one figure a line: datagrams, foreign exceptions, the worst time, memory, and how long 10^7 take.

Run it niced; it is one process.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from flowparse import FLOW, NATIVE, DecodeError, Decoder, reference  # noqa: E402
from tests.differential.conversations import settings  # noqa: E402
from tests.differential.mutations import KINDS, mend_length, session  # noqa: E402
from tests.differential.sflow_mutations import KINDS as SFLOW_KINDS  # noqa: E402
from tests.differential.test_captures import seeds as captures  # noqa: E402
from tests.fuzz.seeds import datagrams  # noqa: E402

WHOLE = 10_000_000
PERIOD = 20_000
"""Datagrams that one decoder gets."""
READ_EVERY = 500
EXPORTERS = [(f"192.0.2.{n}", 9995) for n in range(8)]
DECODERS = (
    lambda: Decoder(FLOW),
    lambda: Decoder(NATIVE, malformed="salvage", transport="tcp"),
    lambda: Decoder(NATIVE, malformed="discard", key="address+port"),
    lambda: Decoder(FLOW, strict=True),
)


def spoil(pick: Random, octets: bytes, others: list[bytes]) -> bytes:
    """A datagram with something wrong in it."""
    if octets[:2] == b"\0\0":
        return pick.choice(SFLOW_KINDS)(pick, octets, others)
    return mend_length(pick.choice(KINDS)(pick, octets, others))


def resident_mib() -> float:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


def feed(n: int, seed: int) -> dict[str, float]:
    """Feed n datagrams; returns what was measured."""
    pick, made = Random(seed), datagrams()
    fed = refused = rows = events = 0
    worst_s, started, first_mib = 0.0, time.perf_counter(), 0.0
    while fed < n:
        decoder = DECODERS[fed // PERIOD % len(DECODERS)]()
        for number in range(min(PERIOD, n - fed)):
            octets = pick.choice(made)
            # Whole ones in between, so that there are templates to decode by.
            if pick.random() < 0.8:
                octets = spoil(pick, octets, made)
            before = time.process_time()  # others may run, too
            try:
                rows += decoder.feed(octets, EXPORTERS[number & 7], number * 10**6)
            except DecodeError:
                refused += 1
            worst_s = max(worst_s, time.process_time() - before)
            if number % READ_EVERY == 0:
                events += len(decoder.events())
                for table in decoder.take_tables() + decoder.take_options() + decoder.take_counters():
                    if len(table) < 200:
                        table.to_dicts()
        fed += min(PERIOD, n - fed)
        if not first_mib:
            first_mib = resident_mib()
    seconds = time.perf_counter() - started
    return {
        "datagrams": fed, "rows": rows, "refused": refused, "events": events, "seconds": seconds,
        "worst_ms": worst_s * 1000, "resident_mib": resident_mib(), "grown_mib": resident_mib() - first_mib,
    }  # fmt: skip


def compared(n: int, seed: int) -> int:
    """Compare at least n damaged datagrams with the specification; how many there were.

    Raises
    ------
    AssertionError
        There is a difference.
    """
    damaged = number = 0
    while damaged < n:
        pick = Random(seed + number)
        of_one = session(pick, captures()[number % len(captures())])
        differences = reference.compare(of_one.datagrams, **settings(pick, without=("events_per_message",)))
        assert differences == [], f"session {seed + number}: {differences[0]}"
        damaged += of_one.damaged
        number += 1
    return damaged


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("datagrams", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--compare", type=int, default=0, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    if chosen.datagrams:
        told = feed(chosen.datagrams, chosen.seed)
        print(f"soak: {told['datagrams']:.0f} mutated datagrams, 0 crashes, 0 foreign exceptions")
        print(f"soak: {told['rows']:.0f} rows, {told['refused']:.0f} refused, {told['events']:.0f} events read")
        print(f"soak: worst time of one datagram {told['worst_ms']:.2f} ms")
        print(f"soak: {told['resident_mib']:.0f} MiB held, {told['grown_mib']:+.1f} MiB since the first decoder")
        whole = told["seconds"] * WHOLE / told["datagrams"]
        print(f"soak: {told['seconds']:.0f} s; 10^7 take {whole / 60:.0f} minutes")
    if chosen.compare:
        started = time.perf_counter()
        print(f"soak: {compared(chosen.compare, 10**6 * chosen.seed)} damaged datagrams as the specification has them")
        print(f"soak: {time.perf_counter() - started:.0f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
