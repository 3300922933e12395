"""Why a collector is blind, in plain sentences: what is counted, what it means, what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from .session import ExporterStats

__all__ = ["diagnose"]

SECOND_NS = 1_000_000_000
SILENT_S = 300


def diagnose(stats: Iterable[ExporterStats], told: Mapping[str, int], now_ns: int) -> list[str]:
    """Sentences, the gravest first.

    Parameters
    ----------
    stats : iterable of ExporterStats
    told : mapping of str to int
        How many events of each code there were, and under "records_dropped" how many records
        `Limits.column_octets` cost.
    now_ns : int
    """
    rows = list(stats)
    found = [*_of_all(rows, told)]
    for each in rows:
        found += _of_one(each, now_ns)
    return [text for _, _, text in sorted(found, key=lambda one: (one[0], -one[1], one[2]))]


Finding = tuple[int, int, str]
"""(rank, number, sentence)"""


def _of_all(rows: list[ExporterStats], told: Mapping[str, int]) -> Iterator[Finding]:
    datagrams = sum(each.datagrams for each in rows)
    records = sum(each.records for each in rows)
    if datagrams == 0:
        yield (
            0,
            0,
            ("0 datagrams were fed: see that exporters send to this address and port, and that no firewall drops them"),
        )
    dropped = told.get("records_dropped", 0)
    if dropped:
        share = "all" if dropped >= records else f"{dropped} of {dropped + records}"
        yield (
            1,
            dropped,
            (
                f"{share} records, {dropped}, were dropped as Limits.column_octets is met: take() more often, or raise it"
            ),
        )
    n = told.get("limit_reached", 0)
    if n:
        yield 6, n, f"{n} times a limit was met: look for limit_reached in events(), and raise that limit of Limits"
    n = told.get("template_evicted", 0)
    if n:
        yield 3, n, f"{n} templates were forgotten to make room: raise Limits.templates and its like"
    n = told.get("data_dropped", 0)
    if n:
        yield (
            4,
            n,
            (
                f"{n} times data were dropped undecoded: look for data_dropped in events(); a state saved by"
                " export_state() spares the wait for templates"
            ),
        )
    n = told.get("stream_broken", 0)
    if n:
        yield 2, n, f"{n} streams or captures broke off: close() the stream and its connection, and let it begin anew"


def _of_one(each: ExporterStats, now_ns: int) -> Iterator[Finding]:
    who = f"exporter {each.exporter or '(unknown)'}"
    if each.version == "unknown":
        yield (
            2,
            each.datagrams,
            (
                f"{who} sent {each.datagrams} datagrams of no version that is decoded here: set it to NetFlow v5, v9 or"
                " IPFIX, or send other protocols to another port"
            ),
        )
        return
    who += f", {each.version} domain {each.domain}"
    if each.datagrams == 0:
        return  # known from a state
    if each.pending_sets and each.records == 0:
        yield (
            1,
            each.pending_sets,
            (
                f"{who} sent data but no template for it, {each.pending_sets} Sets wait: let it send templates every"
                " minute, or import_state() one that knows them"
            ),
        )
    elif each.pending_sets:
        yield (
            5,
            each.pending_sets,
            (f"{who} has {each.pending_sets} Sets that wait for a template: let it send templates more often"),
        )
    elif each.templates and each.records == 0:
        yield (
            3,
            each.templates,
            (
                f"{who} told {each.templates} templates but sent no data: see that a flow monitor is applied to its"
                " interfaces, and that large datagrams are not lost on the way"
            ),
        )
    if each.discarded:
        yield (
            2 if each.discarded >= each.datagrams else 5,
            each.discarded,
            (
                f"{who} sent {each.discarded} messages of {each.datagrams} that were discarded: read message_discarded in"
                " events(), and see that captures and sockets do not cut datagrams"
            ),
        )
    if each.last_seen_ns is not None and now_ns - each.last_seen_ns > SILENT_S * SECOND_NS:
        silent = (now_ns - each.last_seen_ns) // SECOND_NS
        yield 2, silent, f"{who} is silent since {silent} s: see that it runs, and the way to it"
    if each.missed:
        yield (
            6,
            each.missed,
            (
                f"{who} misses {each.missed} {each.missed_unit} by its sequence, beside {each.records} records that came:"
                " raise the socket's receive buffer, and see the way for loss"
            ),
        )
    if each.records and each.sampling_rate is None:
        yield (
            7,
            each.records,
            (
                f"{who} does not say its sampling rate, {each.records} records are counted as they are: let it send its"
                " sampler options, or set sampling_override"
            ),
        )
