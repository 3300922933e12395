"""Many mutated datagrams to one decoder after another: python tools/soak.py [DATAGRAMS] [--compare N] [--seed S]

    --start M   of the datagrams of this seed, leave out the first M: a run that was stopped goes on
    --skip M    of those to compare, too

A number and a seed are a datagram, whichever run feeds it: each decoder's datagrams have a seed of their own.
Each datagram of a shared capture, or a made one, is spoiled (bits, words, lengths, cuts, splices) and fed;
the worst time of one is kept, and what is held is taken and looked at now and then. Any exception but
DecodeError ends it, and so does a crash; each million is told when it is done. Of the datagrams, N are then
compared with the specification.
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
MILLION = 1_000_000
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


def feed(n: int, seed: int, start: int = 0) -> dict[str, float]:
    """Feed n datagrams, from the one numbered start, which is a decoder's first; returns what was measured."""
    made = datagrams()
    told = dict.fromkeys(("datagrams", "rows", "refused", "events", "worst_ms"), 0.0)
    started, first_mib = time.perf_counter(), 0.0
    for first in range(start, start + n, PERIOD):
        some = min(PERIOD, start + n - first)
        told["datagrams"] += some
        decoder = DECODERS[first // PERIOD % len(DECODERS)]()
        for name, figure in fed(decoder, made, some, Random(f"{seed} {first}")).items():
            told[name] = max(told[name], figure) if name == "worst_ms" else told[name] + figure
        first_mib = first_mib or resident_mib()
        if told["datagrams"] % MILLION == 0:
            print(f"soak: {first + some} of seed {seed}, {resident_mib():.0f} MiB held", flush=True)
    told["seconds"] = time.perf_counter() - started
    return told | {"resident_mib": resident_mib(), "grown_mib": resident_mib() - first_mib}


def fed(decoder: Decoder, made: list[bytes], n: int, pick: Random) -> dict[str, float]:
    """Feed a decoder n datagrams."""
    rows = refused = events = 0
    worst_s = 0.0
    for number in range(n):
        octets = pick.choice(made)
        # Whole ones in between, so that there are templates to decode by.
        if pick.random() < 0.8:
            octets = spoil(pick, octets, made)
        before = time.process_time()  # others may run, too
        try:
            rows += decoder.feed(octets, EXPORTERS[number & 7], number * 10**6)
        except DecodeError:
            refused += 1
        except Exception as wrong:
            wrong.add_note(f"datagram {number} of its decoder: {octets.hex()}")
            raise
        worst_s = max(worst_s, time.process_time() - before)
        if number % READ_EVERY == 0:
            events += len(decoder.events())
            for table in decoder.take_tables() + decoder.take_options() + decoder.take_counters():
                if len(table) < 200:
                    table.to_dicts()
    return {"rows": rows, "refused": refused, "events": events, "worst_ms": worst_s * 1000}


def compared(n: int, seed: int, skip: int = 0) -> tuple[int, int]:
    """Compare sessions until n damaged datagrams are done, the first of which, at least skip, only counted: (from, to).

    Raises
    ------
    AssertionError
        There is a difference.
    """
    damaged = number = 0
    first = -1
    while damaged < n:
        pick = Random(seed + number)
        of_one = session(pick, captures()[number % len(captures())])
        if damaged >= skip:
            first = damaged if first < 0 else first
            differences = reference.compare(of_one.datagrams, **settings(pick, without=("events_per_message",)))
            assert differences == [], f"session {seed + number}: {differences[0]}"
        damaged += of_one.damaged
        number += 1
    return first, damaged


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("datagrams", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--compare", type=int, default=0, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=int, default=0, metavar="M", help=f"of datagrams; a multiple of {PERIOD}")
    parser.add_argument("--skip", type=int, default=0, metavar="M", help="of those compared")
    chosen = parser.parse_args()
    if chosen.start % PERIOD:
        parser.error(f"--start is a multiple of {PERIOD}")
    if chosen.datagrams:
        told = feed(chosen.datagrams, chosen.seed, chosen.start)
        print(f"soak: {told['datagrams']:.0f} mutated datagrams, 0 crashes, 0 foreign exceptions")
        print(f"soak: {told['rows']:.0f} rows, {told['refused']:.0f} refused, {told['events']:.0f} events read")
        print(f"soak: worst time of one datagram {told['worst_ms']:.2f} ms")
        print(f"soak: {told['resident_mib']:.0f} MiB held, {told['grown_mib']:+.1f} MiB since the first decoder")
        whole = told["seconds"] * WHOLE / told["datagrams"]
        print(f"soak: {told['seconds']:.0f} s; 10^7 take {whole / 60:.0f} minutes")
    if chosen.compare:
        started = time.perf_counter()
        first, end = compared(chosen.compare, 10**6 * chosen.seed, chosen.skip)
        print(f"soak: damaged datagrams {first} to {end}, {end - first}, as the specification has them")
        print(f"soak: {time.perf_counter() - started:.0f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
