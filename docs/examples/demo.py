"""Show what an engineer wants to know first of a capture of flow exports.

    python docs/examples/demo.py                # a capture that the project's own encoder makes
    python docs/examples/demo.py FILE           # a pcap or pcapng of yours

The library opens no file and prints nothing; this program does, with the standard library alone.
"""

from __future__ import annotations

import argparse
import mmap
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import flowparse
from flowparse import registry

ROWS = 8  # of each table
BARS = 15  # of the chart, at most
BAR = 44  # characters of the longest
FIELDS = 46  # characters of a template's fields
STEPS_S = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 86_400, 7 * 86_400, 30 * 86_400]
NOTE = "estimated: bytes x sampling rate; flows whose exporter told no rate count as they are"

HOST = "ciscoAppHTTPHost"  # a field of Cisco's, 9/12235; any of the registry can be a column

# What is not selected is not decoded. Names of interfaces are told by options records, apart from flows.
SCHEMA = flowparse.FLOW.select(
    "time_flow_start_ns", "time_flow_end_ns", "bytes", "packets", "sampling_rate",
    "src_addr", "dst_addr", "proto", "src_port", "dst_port", "icmp_type", "icmp_code", "sampler_address",
).add("in_if_name", HOST)  # fmt: skip


# ── counting ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Sum:
    """Flows of one kind, added up."""

    flows: int = 0
    bytes: int = 0
    estimated: int = 0
    no_rate: int = 0  # flows whose exporter said no sampling rate

    def add(self, octets: int, rate: int | None) -> None:
        self.flows += 1
        self.bytes += octets
        self.estimated += octets * (rate or 1)
        self.no_rate += rate is None


def sums() -> defaultdict[Any, Sum]:
    return defaultdict(Sum)


@dataclass(slots=True)
class Traffic:
    """What the report is made of; batches are counted one by one and not kept."""

    total: Sum = field(default_factory=Sum)
    talkers: defaultdict[str, Sum] = field(default_factory=sums)
    pairs: defaultdict[tuple[str, str], Sum] = field(default_factory=sums)
    services: defaultdict[str, Sum] = field(default_factory=sums)
    interfaces: defaultdict[tuple[str, str], Sum] = field(default_factory=sums)
    hosts: defaultdict[str, Sum] = field(default_factory=sums)
    spans: Counter[tuple[int, int]] = field(default_factory=Counter)  # (first second, last second) -> bytes
    untimed: int = 0

    def count(self, flows: flowparse.Batch) -> None:
        """Add a batch: every column as a list, then row by row over them."""
        for start, end, octets, _, rate, source, target, proto, *ports, exporter, interface, host in zip(
            *(flows[name].to_list() for name in SCHEMA.names), strict=True
        ):
            self.total.add(octets, rate)
            self.talkers[source].add(octets, rate)
            self.pairs[min(source, target), max(source, target)].add(octets, rate)
            self.services[service(proto, *ports)].add(octets, rate)
            if interface:
                self.interfaces[exporter, interface].add(octets, rate)
            if host:
                self.hosts[host].add(octets, rate)
            if start is None or end is None:
                self.untimed += 1
            else:
                first, last = sorted((start // 10**9, end // 10**9))
                self.spans[first, last] += octets * (rate or 1)


def service(proto: int, src_port: int | None, dst_port: int | None, icmp_type: int | None, code: int | None) -> str:
    """Name what a flow is for: its protocol, and the lower of its ports or the ICMP type and code."""
    name = registry.names("protocol").get(proto, str(proto))
    if icmp_type is not None:
        return f"{name} type {icmp_type} code {code}"
    ports = [port for port in (src_port, dst_port) if port]
    return f"{name} {min(ports)}" if ports else name


def timeline(spans: Counter[tuple[int, int]], bars: int = BARS) -> tuple[int, list[tuple[int, float]]]:
    """Spread bytes evenly over the seconds of their flows; return seconds in a bar, and (start, bytes) of each."""
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    step = next((step for step in STEPS_S if last // step - first // step < bars), 365 * 86_400)
    amounts = [0.0] * (last // step - first // step + 1)
    for span, octets in spans.items():
        start, end = span[0], span[1] + 1
        for n in range(start // step, (end - 1) // step + 1):
            shared = min(end, (n + 1) * step) - max(start, n * step)
            amounts[n - first // step] += octets * shared / (end - start)
    return step, [((first // step + n) * step, amount) for n, amount in enumerate(amounts)]


# ── text ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def si(number: float, unit: str) -> str:
    """Write a number with three digits and a unit: 1234567 B is 1.23 MB."""
    for prefix in ("", "k", "M", "G", "T"):
        if number < 999.5 or prefix == "T":
            break
        number /= 1000
    digits = 0 if not prefix or number >= 99.95 else 1 if number >= 9.995 else 2
    return f"{number:.{digits}f} {prefix}{unit}"


def clock(seconds: int, format: str = "%Y-%m-%d %H:%M:%S") -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(format)


def table(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]], note: str = "") -> list[str]:
    """Lay out a table; columns whose head starts with > are set to the right."""
    cells = [[head.lstrip(">") for head in heads], *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["", title]
    for row in cells:
        set_ = (
            cell.rjust(width) if head.startswith(">") else cell.ljust(width)
            for cell, width, head in zip(row, widths, heads, strict=True)
        )
        lines.append(("  " + "  ".join(set_)).rstrip())
    return [*lines, "  " + note] if note else lines


def block() -> str:
    """Choose a character for bars that the terminal can show."""
    try:
        "█".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return "#"
    return "█"


# ── the report ───────────────────────────────────────────────────────────────────────────────────────────────────────


def exporters(stats: Iterable[flowparse.ExporterStats]) -> Iterator[str]:
    """Who sent, how much of it is missing, and what they say of sampling."""
    known = sorted((each for each in stats if each.version != "unknown"), key=lambda each: -each.records)
    rows = []
    for each in known:
        # Most exporters number their flows, some their messages.
        by_message = each.missed_unit == "messages"
        sent = each.missed + (each.datagrams if by_message else each.records)
        missed = f"{each.missed:,}" + (" messages" if by_message and each.missed else "")
        lost = f"{100 * each.missed / sent:.2f} %" if each.missed_unit and sent else "-"
        sampling = f"1:{each.sampling_rate} {each.sampling_source}" if each.sampling_rate else "not told"
        seen = (clock((at or 0) // 10**9, "%H:%M:%S") for at in (each.first_seen_ns, each.last_seen_ns))
        rows.append(
            (each.exporter, each.domain, each.version, f"{each.datagrams:,}", f"{each.records:,}", missed,
             lost, sampling, "-".join(seen))
        )  # fmt: skip
    heads = ("exporter", ">domain", "version", ">datagrams", ">flows", ">missed", ">lost", "sampling", "seen (UTC)")
    yield from table("Exporters", heads, rows)


def ranked(title: str, heads: Sequence[str], counted: dict[Any, Sum], total: Sum, note: str = "") -> Iterator[str]:
    """The entries with most estimated bytes."""
    first = sorted(counted.items(), key=lambda item: (-item[1].estimated, str(item[0])))[:ROWS]
    rows = []
    for key, each in first:
        share = f"{100 * each.estimated / total.estimated:.1f} %" if total.estimated else "-"
        names = key if isinstance(key, tuple) else (key,)
        amounts = si(each.bytes, "B"), si(each.estimated, "B")
        rows.append((*names, f"{each.flows:,}", *amounts, share, f"{each.no_rate:,}"))
    heads = (*heads, ">flows", ">bytes", ">estimated", ">share", ">flows without rate")
    yield from table(f"{title} ({len(first)} of {len(counted):,})", heads, rows, note)


def templates(known: Sequence[flowparse.Template]) -> Iterator[str]:
    """What NetFlow v9 and IPFIX said that their records are."""
    if not known:
        return
    rows = []
    for each in known[:ROWS]:
        names = [field.element.name for field in each.fields]
        shown, n = "", 0
        for name in names:
            if len(shown) + len(name) > FIELDS:
                break
            shown, n = f"{shown}, {name}" if shown else name, n + 1
        left = f", and {len(names) - n} more" if n < len(names) else ""
        kind = "options" if each.is_options else "flows"
        rows.append((each.exporter, each.domain, each.id, kind, shown + left))
    yield from table(f"Templates ({len(rows)} of {len(known):,})", ("exporter", ">domain", ">id", "of", "fields"), rows)


def chart(traffic: Traffic) -> Iterator[str]:
    """Bytes over time as bars."""
    if not traffic.spans:
        return
    step, amounts = timeline(traffic.spans)
    format = "%H:%M:%S" if step < 3600 else "%m-%d %H:%M" if step < 86_400 else "%Y-%m-%d"
    most = max(amount for _, amount in amounts) or 1
    rows = [
        (clock(start, format), si(amount, "B"), si(8 * amount / step, "bit/s"), block() * round(BAR * amount / most))
        for start, amount in amounts
    ]
    width = f"{step} s" if step < 60 else f"{step // 60} min" if step < 3600 else f"{step // 3600} h"
    note = "a flow's bytes are spread evenly from its start to its end"
    if traffic.untimed:
        note += f"; {traffic.untimed:,} flows without times are left out"
    yield from table(f"Estimated bytes in every {width}", ("from (UTC)", ">bytes", ">rate", ""), rows, note)


def happenings(events: Iterable[flowparse.Event]) -> Iterator[str]:
    """Events of one kind and exporter in one row: how many, and the first of them in words."""
    grouped: dict[tuple[str, str, str], list[flowparse.Event]] = defaultdict(list)
    for event in events:
        grouped[event.severity, event.code, event.exporter or "-"].append(event)
    rank = ["error", "warning", "info"]
    order = sorted(grouped.items(), key=lambda item: (rank.index(item[0][0]), item[0][1], -len(item[1])))
    if not order:
        yield from ("", "Events", "  none")
        return
    yield from ("", f"Events ({sum(map(len, grouped.values())):,})")
    for (severity, code, exporter), alike in order[: 2 * ROWS]:
        yield f"  {len(alike):>4} x {code} ({severity}) of {exporter}"
        yield f"         {alike[0].message}" + (" (the first)" if len(alike) > 1 else "")
    if len(order) > 2 * ROWS:
        yield f"  and {len(order) - 2 * ROWS} more kinds"


def report(name: str, octets: Any) -> Iterator[str]:
    """Decode a capture and yield the lines of its report."""
    decoder, traffic, seconds = flowparse.Decoder(SCHEMA), Traffic(), 0.0
    batches = decoder.batches(octets, rows=200_000)
    while True:
        began = time.perf_counter()
        flows = next(batches, None)
        seconds += time.perf_counter() - began
        if flows is None:
            break
        traffic.count(flows)

    stats, events, total = decoder.stats(), decoder.events(), traffic.total
    datagrams = sum(each.datagrams for each in stats)
    others = [each for each in stats if each.version == "unknown"]
    yield f"{name}: {len(octets):,} octets, {datagrams:,} UDP datagrams, {total.flows:,} flows"
    if others:
        number = sum(each.datagrams for each in others)
        yield f"  of {number:,} datagrams nothing is decoded; senders: {len(others):,} (see Events)"
    if not total.flows:
        yield from ("", "No flows in it." if datagrams else "No UDP datagrams in it.")
        yield "Decoded are NetFlow v1, v5, v7, v9, IPFIX and sFlow."
        yield from happenings(events)
        return
    if traffic.spans:
        first, last = min(start for start, _ in traffic.spans), max(end for _, end in traffic.spans)
        yield f"  flows from {clock(first)} to {clock(last)} UTC"
    yield f"  {si(total.bytes, 'B')} in the records, {si(total.estimated, 'B')} estimated"
    yield f"  decoded in {1000 * seconds:.1f} ms, {si(total.flows / seconds, 'records/s')} (this machine, this run)"
    yield from exporters(stats)
    yield from templates(decoder.templates())
    yield from ranked("Top talkers, by source", ("source",), traffic.talkers, total, NOTE)
    yield from ranked("Conversations, both directions", ("one", "other"), traffic.pairs, total)
    yield from ranked("Services, by protocol and the lower port", ("service",), traffic.services, total)
    if traffic.interfaces:
        heads = ("exporter", "interface")
        yield from ranked("Into interfaces, as options records name them", heads, traffic.interfaces, total)
    if traffic.hosts:
        yield from ranked(f"Hosts, as the field {HOST} names them", ("host",), traffic.hosts, total)
    yield from chart(traffic)
    yield from happenings(events)


def read(path: Path) -> Any:
    """Map a file into memory; an empty one cannot be."""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""


def main() -> int:
    parser = argparse.ArgumentParser(description="Report on the flow exports in a capture.")
    parser.add_argument("capture", nargs="?", type=Path, help="pcap or pcapng; without it, the demo's own")
    path = parser.parse_args().capture
    try:
        if path is None:
            from demo_capture import capture  # noqa: PLC0415 - needs the project's tests

            lines = report("The demo's own capture", capture())
        else:
            lines = report(path.name, read(path))
        for line in lines:
            print(line)
    except (OSError, flowparse.DecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        print(f"demo.py: {path}: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
