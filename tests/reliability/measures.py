"""How each figure of the scoreboard is measured; a function returns what it found, and whether that is good."""

from __future__ import annotations

import gc
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from flowparse import (
    FLOW,
    NATIVE,
    Decoder,
    FlowparseError,
    Limits,
    capture,
    encode,
    lldp,
    reference,
    report,
    sflow,
    sflowtool,
)
from tests import build_sflow as make
from tests.build import UPTIME_MS, V5Record, netflow5
from tests.captures import corpus
from tests.differential.conversations import conversation, settings
from tests.differential.mutations import KINDS
from tests.hostile import test_faults, test_leaks, test_text_safety
from tests.hostile.attacks import ATTACKS, SMALL
from tests.hostile.costs import best, growth, once, peak
from tests.hostile.test_callers import JSON, ROWS, TEXT, pieces
from tests.hostile.test_costs import HEAVY
from tests.lldp import test_frames
from tests.out import test_netflow5
from tests.spec import conformance as items

ROOT = Path(__file__).parents[2]
MIB = 1 << 20
A = ("192.0.2.1", 9995)


class Found(NamedTuple):
    """What was measured, in words, and whether it is as it should be; None where nobody measured."""

    figure: str
    good: bool | None


# ── octets to measure with ───────────────────────────────────────────────────────────────────────────────────────────


@cache
def honest() -> list[tuple[str, list[corpus.Datagram]]]:
    """The datagrams of each capture beside the repository, or of v5 and sFlow that are made up where there is none."""
    found = [(row["capture"], list(corpus.datagrams(row["capture"]))) for row in corpus.index()]
    if not found:
        made = [netflow5([V5Record()] * 30, sequence=30 * i) for i in range(100)]
        made += [make.datagram(*[make.flow_sample(make.switch())] * 7, sequence=i) for i in range(100)]
        found = [("made", [corpus.Datagram(octets, A, 0) for octets in made])]
    return found


def damaged(n: int) -> Iterator[bytes]:
    """Datagrams of captures, of conversations and of sFlow, each with damage, the same each time."""
    pick, made = Random(1), 0
    seeds = [[each.octets for each in datagrams] for _, datagrams in honest() if datagrams]
    while made < n:
        if pick.random() < 0.5:
            whole = pick.choice(seeds)
            start = pick.randrange(len(whole))
            some = [pick.choice(KINDS)(pick, octets, whole) for octets in whole[start : start + 20]]
        else:
            some = [each[0] for each in conversation(pick)]
        octets = test_faults.SFLOW
        for _ in range(pick.choice((1, 1, 2, 3))):
            octets = pick.choice(KINDS)(pick, octets, [test_faults.SFLOW])
        for each in (*some, octets):
            made += 1
            yield each


def tests(*which: str) -> Found:
    """Run tests; how many passed of how many."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:warnings", *which]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    last = next((line for line in reversed(run.stdout.splitlines()) if " in " in line), "nothing ran")
    return Found(last.strip("= "), run.returncode == 0)


# ──: damage ─────────────────────────────────────────────────────────────────────────────────────────


def exceptions(n: int = 30_000) -> Found:
    """Decode damage by every door; what comes out that is no FlowparseError is counted."""
    decoders = [Decoder(), Decoder(NATIVE, malformed="discard"), Decoder(strict=True), Decoder(transport="tcp")]
    wrong: list[str] = []

    def tried(call: Callable[[], object]) -> None:
        try:
            call()
        except FlowparseError:
            pass
        except Exception as error:
            wrong.append(f"{type(error).__name__}: {error}")

    for i, octets in enumerate(damaged(n)):
        decoder = decoders[i % 4]
        tried(lambda decoder=decoder, octets=octets: decoder.feed(octets, A, i))  # type: ignore[misc]  # noqa: B023
        if i % 8 == 0:
            tried(lambda decoder=decoder, octets=octets: test_faults.read(decoder.decode(octets, A)))  # type: ignore[misc]
            tried(lambda octets=octets: sflow.decode(octets))  # type: ignore[misc]
            tried(lambda octets=octets: lldp.decode(octets))  # type: ignore[misc]
            tried(lambda octets=octets: sflowtool.parse(octets))  # type: ignore[misc]
            tried(lambda octets=octets: list(capture.datagrams(octets)))  # type: ignore[misc]
        if i % 500 == 0:
            for each in decoders:
                for take in (each.take_tables, each.take_options, each.take_counters, each.events):
                    take()
    return Found(f"{len(wrong)} of {n:,} damaged datagrams{': ' + wrong[0] if wrong else ''}", not wrong)


def atomicity(n: int = 6000) -> Found:
    """What a decoder knows and holds before and after each message that is discarded."""
    decoder, discarded, changed = Decoder(NATIVE, malformed="discard"), 0, 0

    def state() -> Any:
        known = sorted(((each.id, each.domain, each.fields) for each in decoder.templates()), key=str)
        counted = [(each.domain, each.version, each.records, each.templates, each.pending_sets)
                   for each in decoder.stats() if each.records or each.templates or each.pending_sets]  # fmt: skip
        # Sorted, as what was heard of last is first.
        return known, sorted(counted, key=str), decoder.rows_waiting

    before = state()
    for i, octets in enumerate(damaged(n)):
        decoder.feed(octets, A, i)
        told = [event.code for event in decoder.events()]
        if told == ["message_discarded"]:
            discarded += 1
            changed += state() != before
        if i % 50 == 0:
            decoder = Decoder(NATIVE, malformed="discard")
        before = state()
    return Found(
        f"{changed} of {discarded:,} messages that were discarded changed anything", not changed and discarded > 0
    )


def differences(n: int = 300) -> Found:
    """Conversations read by the kernels and by the specification in plain Python."""
    found: list[str] = []
    datagrams = 0
    for seed in range(n):
        pick = Random(seed)
        made = settings(pick)
        said = conversation(pick)
        datagrams += len(said)
        found += reference.compare(said, **made)
    return Found(f"{len(found)} differences in {datagrams:,} datagrams of {n} conversations", not found)


# ──: there and back, conformance, text ──────────────────────────────────────────────────────────────


def _v5_records(pick: Random) -> list[V5Record]:
    def number(bits: int) -> int:
        return pick.getrandbits(pick.choice((1, bits // 2, bits)))

    return [
        V5Record(
            src_addr=str(IPv4Address(number(32))), dst_addr=str(IPv4Address(number(32))), in_if=number(16),
            out_if=number(16), packets=number(32), octets=number(32), first_ms=UPTIME_MS - number(20) - 1000,
            last_ms=UPTIME_MS - pick.randrange(1000), src_port=number(16), dst_port=number(16), tcp_flags=number(8),
            proto=pick.choice((6, 17, 47)), tos=number(8), src_as=number(16), dst_as=number(16),
            src_mask=pick.randrange(33), dst_mask=pick.randrange(33),
        )
        for _ in range(pick.randrange(1, 31))
    ]  # fmt: skip


def round_trips(n: int = 1000) -> Found:
    """Encoded flows decode to the same rows, frames to the same octets, and states to the same state."""
    pick = Random(9)
    rows, frames, states, wrong = 0, 0, 0, []
    for i in range(n):
        flows = test_netflow5.decoded([netflow5(_v5_records(pick), sequence=i)], test_netflow5.EXPORTED)
        again = test_netflow5.decoded(encode.netflow5(flows), test_netflow5.EXPORTED)
        rows += len(flows)
        if test_netflow5.carried(again) != test_netflow5.carried(flows):
            wrong.append(f"flows {i}")
        tlvs = [test_frames.tlv(pick.randrange(4, 128), pick.randbytes(pick.randrange(40))) for _ in range(i % 12)]
        octets = test_frames.frame(*tlvs)
        frames += 1
        if lldp.encode(lldp.decode(octets)) != octets:
            wrong.append(f"frame {i}")
        if i % 5 == 0:
            one, heir = Decoder(), Decoder()
            for octets, exporter, *_ in conversation(pick):
                one.feed(octets, exporter, i)
            state = one.export_state()
            heir.import_state(state)
            states += 1
            if heir.export_state() != state:
                wrong.append(f"state {i}")
    text = f"{len(wrong)} differences in {rows:,} flows, {frames:,} frames and {states:,} states"
    return Found(text + (f": {wrong[0]}" if wrong else ""), not wrong)


def conformance() -> Found:
    """The items of the list that bear a test, which has to pass, or a reason why there is none."""
    tested, told = items.tests(), items.reasons()
    files = sorted({node.partition("::")[0] for nodes in tested.values() for node in nodes})
    ran = tests("-k", "C_", *files)
    reasons = Counter(told[item].kind for item in items.ITEMS if item not in tested)
    without = ", ".join(f"{number} {kind}" for kind, number in sorted(reasons.items()))
    text = f"{len(tested)} of {len(items.ITEMS)} items have tests, the others reasons ({without}); {ran.figure}"
    return Found(text, bool(ran.good) and all(item in tested or item in told for item in items.ITEMS))


def output_safety() -> Found:
    """Every text of a sender in every output, with every payload."""
    wrong = []
    for case in test_text_safety.CASES:
        source, sink, payload = case.values
        try:
            sink(source, payload)
        except Exception as error:
            wrong.append(f"{case.id}: {type(error).__name__}")
    text = f"{len(wrong)} of {len(test_text_safety.CASES):,} texts came out as something else"
    return Found(text + (f": {wrong[0]}" if wrong else ""), not wrong)


# ──: cost ───────────────────────────────────────────────────────────────────────────────────────────────


@cache
def honest_ns() -> float:
    """Nanoseconds that an octet of a capture takes, the median of captures."""
    rates = []
    for _, datagrams in honest():
        octets = [each.octets for each in datagrams][:500]
        if not octets:
            continue
        least = float("inf")
        for _ in range(3):
            decoder = Decoder()
            decoder.feed_many(octets, A)
            start = time.thread_time_ns()
            decoder.feed_many(octets, A)
            least = min(least, time.thread_time_ns() - start)
        rates.append(least / sum(map(len, octets)))
    return statistics.median(rates)


SINGLE = [name for name, attack in ATTACKS.items() if attack.single]


def worst_time() -> Found:
    """Each family as one datagram of 62,000 octets and of 1,400, to a decoder with the limits as they are."""
    allowed, over = honest_ns(), []
    worst = (0.0, "", 0)
    for name in SINGLE:
        for octets in (1400, 62_000):
            case = ATTACKS[name].make(octets)
            taken = best(case, Limits(), 3)
            most = min(10 * allowed * case.octets + 50_000, 5_000_000)
            worst = max(worst, (taken / most, name, taken))
            if taken > most:
                over.append(name)
    times, name, taken = worst
    text = f"honest data {allowed:.2f} ns an octet; {len({*over})} of {len(SINGLE)} families take longer"
    return Found(f"{text}; the worst, `{name}`, {taken / 1e6:.1f} ms, {times:.1f} times as long", not over)


def worst_growth() -> Found:
    slow = {"layouts", "many_layouts", "widths", "links_of_a_graph", "many_samplers", "withdrawals_of_all"}
    found = {name: growth(ATTACKS[name].make, 4_000 if name in slow else 15_000, 2.3, SMALL, 4) for name in ATTACKS}
    name = max(found, key=lambda each: found[each])
    over = [each for each, times in found.items() if times > 2.3]
    text = f"{found[name]:.2f} (`{name}`), the worst of {len(found)} families"
    return Found(text + (f"; above: {', '.join(over)}" if over else ""), not over)


def worst_memory() -> Found:
    """Each family as one datagram; those that are known to take more are told apart, with the reason."""
    worst, heavy, over = (0.0, ""), dict[str, float](), []
    for name in SINGLE:
        for octets in (1400, 60_000):
            case = ATTACKS[name].make(octets)
            once(case, Limits())
            most = min(peak(case, Limits()) for _ in range(3))  # the interpreter's own tables grow in some of them
            times = max(0.0, (most - MIB) / case.octets)
            if name in HEAVY:
                heavy[name] = max(heavy.get(name, 0.0), times)
            else:
                worst = max(worst, (times, name))
            if times > 64:
                over.append(name)
    text = f"{worst[0]:,.0f} times and a MiB at most (`{worst[1]}`), but for "
    text += "; ".join(f"`{name}`, {times:,.0f} times: {HEAVY[name].reason}" for name, times in heavy.items())
    if others := {*over} - heavy.keys():
        text += f"; above: {', '.join(sorted(others))}"
    return Found(text, not over)


def growth_under_templates(n: int = 400_000) -> Found:
    """In a process of its own, which has no memory to use again."""
    code = "from tests.hostile import test_costs; print(*test_costs.growth_of_templates(test_costs.Limits(), {0}, {0}))"
    command = [sys.executable, "-c", code.format(n // 2)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    held, more = map(int, run.stdout.split())
    text = f"{held / MIB:.1f} MiB at most in the first {n // 2:,}, {more / MIB:+.1f} MiB in {n // 2:,} more"
    return Found(text, held <= 32 * MIB and more <= 4 * MIB)


# ──: memory ───────────────────────────────────────────────────────────────────────────────────────────────


def leaks() -> Found:
    # What is cached on the way, a few blocks in all, is not what is looked for.
    kept = {
        name: test_leaks.kept_by(make_call(), 300 if name == "table of neighbors" else 100)
        for name, make_call in test_leaks.CALLS.items()
    }
    name = max(kept, key=lambda each: kept[each])
    return Found(f"{kept[name]:.3f} blocks a call (`{name}`), the most of {len(kept)} kinds of input", kept[name] < 0.1)


def failed_allocations() -> Found:
    failed, wrong = 0, []
    for name in test_faults.CALLS:
        for alone in (True, False):
            try:
                failed += test_faults.sweep(name, alone, NATIVE, first=0, step=19)
            except Exception as error:
                wrong.append(f"{name}: {type(error).__name__}")
    text = f"{failed:,} calls without memory, {len(wrong)} with another outcome"
    return Found(text + (f": {wrong[0]}" if wrong else ""), not wrong)


#

LINES = {
    "spaces": " " * 1024,
    "dots": "a1." * 341,
    "dashes": "-" * 1024,
    "colons": "a: " * 341,
    "numbers": "1 " * 512,
    "words": "Gi0/0 " * 170,
}
"""Lines of 1,024 characters that expressions with two ways to read them go through again and again."""


def hostile_lines() -> Found:
    """Each line twenty times, given to the templates of every platform."""
    worst, n = (0.0, "", ""), 0
    for platform in lldp.platforms():
        for name, line in LINES.items():
            text = (line + "\n") * 20
            start = time.thread_time()
            with suppress(FlowparseError):
                lldp.parse(text, platform=platform)
            worst = max(worst, ((time.thread_time() - start) / 20, str(platform), name))
            n += 1
    text = f"{worst[0] * 1e3:.1f} ms a line ({worst[1]}, {worst[2]}), the most of {n:,} pairs"
    return Found(text, worst[0] <= 0.05)


def threads(n: int = 8) -> Found:
    """Each with a decoder of its own, and all with one."""
    wrong, refused, rows = [], [0], [0]
    shared = Decoder(FLOW.select("bytes"))
    octets = [netflow5([V5Record(octets=i)] * 30) for i in range(n)]

    def work(i: int) -> None:
        own = Decoder(FLOW.select("bytes"))
        for _ in range(100):
            own.feed_many([octets[i]] * 40, A)
            if {*own.take()["bytes"].to_list()} != {i}:
                wrong.append(i)
            try:
                rows[0] += shared.feed_many([octets[i]] * 40, A)
            except RuntimeError:
                refused[0] += 1

    workers = [threading.Thread(target=work, args=(i,)) for i in range(n)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    kept = {*shared.take()["bytes"].to_list()} <= {*range(n)}
    return Found(f"{len(wrong)} wrong results of {n * 100}; {refused[0]} entries refused", not wrong and kept)


def crafted_keys(n: int = 20_000) -> Found:
    """Group rows by addresses that are alike in their lower or their upper octets, and by others."""
    pick = Random(2)
    keys = {
        "random": [pick.randrange(2**32) for _ in range(n)],
        "upper": [i << 16 & 0xFFFFFFFF | i >> 16 for i in range(n)],
        "lower": [*range(n)],
        "steps": [i * 0x10001 & 0xFFFFFFFF for i in range(n)],
    }

    def cost(numbers: list[int]) -> float:
        decoder = Decoder()
        for at in range(0, n, 30):
            some = [V5Record(src_addr=".".join(map(str, each.to_bytes(4)))) for each in numbers[at : at + 30]]
            decoder.feed(netflow5(some), A)
        rows, least = decoder.take(), float("inf")
        for _ in range(5):
            start = time.thread_time()
            report.top(rows, by=["src_addr"])
            least = min(least, time.thread_time() - start)
        return least

    costs = {name: cost(numbers) for name, numbers in keys.items()}
    times = max(costs.values()) / costs["random"]
    return Found(f"{times:.2f} times as long as random keys", times <= 3)


def splits(n: int = 400) -> Found:
    wrong = 0
    texts: list[tuple[bytes, Any]] = [(TEXT, "text"), (JSON, "json"), (ROWS, "line"), (TEXT * 3, "text")]
    for text, format in texts:
        whole = sflowtool.parse(text, format=format)
        expected = ([*whole.datagrams], whole.events)
        for seed in range(n // len(texts)):
            parser = sflowtool.Parser(format=format)
            for piece in pieces(text, seed):
                parser.feed(piece)
            parser.close()
            parser.take()
            wrong += ([*parser.datagrams()], parser.events()) != expected
    return Found(f"{wrong} of {n} ways to split a text say something else", wrong == 0)


# ── R-19 ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def resident() -> int:
    """Octets of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def soak(n: int = 1_000_000, blocks: int = 20) -> Found:
    """Captures to one decoder, again and again: what it holds after the first quarter and to the end, and its speed.

    At the end it is timed beside a decoder that has had the captures twice, in turns, as the machine may do other work:
    the least of each counts. Objects that the tests themselves have are kept from the collector, whose rounds would
    fall into the times of either.
    """
    said = [[each.octets for each in datagrams] for _, datagrams in honest() if datagrams]
    octets = [each for datagrams in said for each in datagrams[:400]]
    rounds = max(1, n // blocks // len(octets))
    old, held, fed = Decoder(), [], 0

    def once_more(decoder: Decoder) -> float:
        start = time.thread_time()
        decoder.feed_many(octets, A)
        taken = time.thread_time() - start
        for take in (decoder.take_tables, decoder.take_options, decoder.take_counters, decoder.events):
            take()
        return taken

    for _ in range(blocks):
        for _ in range(rounds):
            once_more(old)
            fed += len(octets)
        held.append(resident())
    young = Decoder()
    once_more(young)
    once_more(young)
    gc.collect()
    gc.freeze()
    times = [(once_more(old), once_more(young)) for _ in range(45)]
    gc.unfreeze()
    slower = min(each[0] for each in times) / min(each[1] for each in times) - 1
    more = max(held[blocks // 4 :]) - held[blocks // 4 - 1]
    text = f"{more / MIB:+.1f} MiB, {slower * 100:+.1f} % time over {fed:,} datagrams"
    return Found(f"{text}; `make soak` for 10^7 damaged ones", more <= MIB and slower < 0.02)
