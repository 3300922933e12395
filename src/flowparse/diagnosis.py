"""Why a collector is blind, in plain sentences: what is counted, what it means, what to do."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from .session import ExporterStats

__all__ = ["SENTENCES", "diagnose"]

SECOND_NS = 1_000_000_000
SILENT_S = 300
RECORDS_DROPPED = "records_dropped"
"""Beside the codes of events, what `diagnose` is told of: records that `Limits.column_octets` cost."""

SENTENCES: dict[str, tuple[int, str]] = {
    "no_datagrams": (
        0, "no datagram was fed: see that exporters send to this address and port, and that no firewall drops them",
    ),
    "records_dropped": (
        1, "{n} records of {of} were dropped as Limits.column_octets is met: take() more often, or raise it",
    ),
    "no_template": (
        1, "{who} sends data but no template for it, {n} Sets wait: let it send templates every minute,"
        " or import_state() a state that knows them",
    ),
    "unknown_version": (
        2, "{who} sent {n} datagrams of no version that is decoded here: let it send NetFlow v5, v9, IPFIX or sFlow,"
        " and see whether another program sends to this port",
    ),
    "all_discarded": (
        2, "{who} sent {n} messages, and all of them were discarded: read message_discarded in events(),"
        " and see whether captures or sockets cut datagrams",
    ),
    "silent": (2, "{who} is silent for {n} s: see whether it runs, and the way to it"),
    "stream_broken": (
        2, "{n} streams or captures broke off: close() the stream and its connection, and let it begin anew",
    ),
    "no_data": (
        3, "{who} sends {n} templates but no data: see whether a flow monitor is applied to its interfaces,"
        " and whether large datagrams are lost on the way",
    ),
    "template_evicted": (3, "{n} times templates were forgotten to make room: raise Limits.templates and its like"),
    "data_dropped": (
        4, "{n} times data were dropped undecoded: read data_dropped in events(); a state from export_state() spares"
        " the wait for templates",
    ),
    "sets_wait": (5, "{who} has {n} Sets that wait for a template: let it send templates more often"),
    "some_discarded": (
        5, "{who} sent {n} messages of {of} that were discarded: read message_discarded in events()",
    ),
    "missed": (
        6, "{who} misses {n} {unit} by its sequence: raise the socket's receive buffer, and see the way for loss",
    ),
    "limit_reached": (6, "{n} times a limit was met: read limit_reached in events(), and raise that limit of Limits"),
    "no_rate": (
        7, "{who} does not say its sampling rate, and its {n} records count as they are: let it send its sampler"
        " options, or set sampling_override",
    ),
}  # fmt: skip
"""name -> (rank, sentence), the gravest first; `n` is what counts among equals."""
OF_EVENTS = ("template_evicted", "data_dropped", "stream_broken", "limit_reached")

Finding = tuple[str, int, dict[str, object]]
"""(name of the sentence, n, what else stands in it)"""


def diagnose(
    stats: Iterable[ExporterStats],
    told: Mapping[str, int],
    now_ns: int,
    *,
    rated: Collection[tuple[str | None, int, str]] = (),
) -> list[str]:
    """Sentences, the gravest first.

    Parameters
    ----------
    stats : iterable of ExporterStats
    told : mapping of str to int
        How many events of each code there were, and RECORDS_DROPPED.
    now_ns : int
        A clock's time; exporters are silent by it, where their datagrams come with times.
    rated : collection of (exporter, domain, version)
        Domains whose records have sampling rates of their own.
    """
    rows = list(stats)
    found = [*_of_all(rows, told)]
    for each in rows:
        if each.datagrams:  # others are known from a state
            found += _of_one(each, now_ns, (each.exporter, each.domain, each.version) in rated)
    made = [(SENTENCES[name][0], -n, SENTENCES[name][1].format(n=n, **other)) for name, n, other in found]
    return [text for _, _, text in sorted(made)]


def _of_all(rows: list[ExporterStats], told: Mapping[str, int]) -> Iterator[Finding]:
    if not any(each.datagrams for each in rows):
        yield "no_datagrams", 0, {}
    dropped = told.get(RECORDS_DROPPED, 0)
    if dropped:
        yield "records_dropped", dropped, {"of": dropped + sum(each.records for each in rows)}
    for code in OF_EVENTS:
        if told.get(code):
            yield code, told[code], {}


def _of_one(each: ExporterStats, now_ns: int, is_rated: bool) -> Iterator[Finding]:
    who = f"exporter {each.exporter or '(unknown)'}"
    if each.version == "unknown":
        yield "unknown_version", each.datagrams, {"who": who}
        return
    about: dict[str, object] = {"who": f"{who}, {each.version} domain {each.domain}"}
    if each.pending_sets:
        yield "sets_wait" if each.records else "no_template", each.pending_sets, about
    elif each.templates and not each.records:
        yield "no_data", each.templates, about
    if each.discarded:
        every = each.discarded >= each.datagrams
        yield "all_discarded" if every else "some_discarded", each.discarded, about | {"of": each.datagrams}
    if each.last_seen_ns is not None and now_ns - each.last_seen_ns > SILENT_S * SECOND_NS:
        yield "silent", (now_ns - each.last_seen_ns) // SECOND_NS, about
    if each.missed:
        yield "missed", each.missed, about | {"unit": each.missed_unit}
    if each.records and each.sampling_rate is None and not is_rated:
        yield "no_rate", each.records, about
