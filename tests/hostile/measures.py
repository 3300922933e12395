"""For each field of `Limits`, how to make n of the thing that it bounds, and what became of them.

A row says what the limit is set to, how many things that is, and words of the event that tells of
more. `measure(limits, n)` makes n and returns how many are held, how many are not, and what was
told. A limit with several places has a row for each, such as `samples_per_datagram/text`.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

import flowparse as fp
from flowparse import FLOW, NATIVE, Decoder, Limits, sflowtool
from flowparse.agents import Agents
from flowparse.events import Event
from flowparse.sflow import Datagram
from tests import build_sflow as make
from tests.build import V5Record, ipfix, netflow5, set_, template_record
from tests.sflowtool import made, printer

A = ("192.0.2.1", 9995)
OCTET = [(4, 1)]
"""The fields of a template with records of one octet."""


class Outcome(NamedTuple):
    """How many are held, how many are not, and the messages of all events."""

    held: int
    lost: int
    told: list[str]


class Row(NamedTuple):
    """A limit: what it is set to, how many things meet it, and words of the event that tells of more.

    `told` is empty where more cost nothing but time.
    """

    limit: int
    at: int
    told: str
    measure: Callable[[Limits, int], Outcome]
    absurd: int = 20_000


def told(events: Iterable[Event]) -> list[str]:
    return [event.message for event in events]


def host(i: int) -> str:
    return f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}"


def messages(sets: Iterable[bytes], **header: Any) -> list[bytes]:
    """Sets in as few messages as hold them."""
    rest = iter(sets)
    return [ipfix(*some, **header) for some in iter(lambda: tuple(islice(rest, 1000)), ())]


# ── templates ────────────────────────────────────────────────────────────────────────────────────────────────────────


def templates_of_domains(limits: Limits, n: int) -> Outcome:
    decoder = Decoder(limits=limits)
    for i in range(n):
        decoder.feed(ipfix(set_(2, template_record(256, OCTET)), domain=i), A)
    held = len(decoder.templates())
    return Outcome(held, n - held, told(decoder.events()))


def templates_of_a_domain(limits: Limits, n: int) -> Outcome:
    decoder = Decoder(limits=limits)
    decoder.feed_many(messages(set_(2, template_record(256 + i, OCTET)) for i in range(n)), A)
    held = len(decoder.templates())
    return Outcome(held, n - held, told(decoder.events()))


def fields_of_templates(limits: Limits, n: int) -> Outcome:
    decoder = Decoder(limits=limits)
    decoder.feed_many(messages(set_(2, template_record(256 + i, OCTET)) for i in range(n)), A)
    held = sum(len(template.fields) for template in decoder.templates())
    return Outcome(held, n - held, told(decoder.events()))


def fields_of_a_template(limits: Limits, n: int) -> Outcome:
    decoder = Decoder(limits=limits)
    decoder.feed(ipfix(set_(2, template_record(256, OCTET * n))), A)
    held = sum(len(template.fields) for template in decoder.templates())
    return Outcome(held, n - held, told(decoder.events()))


def layouts_with_rows(limits: Limits, n: int) -> Outcome:
    """Rows of n layouts that nobody takes; a table is there for templates in force, and as many for rows that wait."""
    decoder = Decoder(NATIVE, limits=limits)
    for i in range(n):
        fields = [(1 + bit, 1) for bit in range(16) if i + 1 >> bit & 1]
        decoder.feed(ipfix(set_(2, template_record(256, fields)), set_(256, bytes(len(fields)))), A)
    tables = len(decoder.take_tables())
    return Outcome(tables, n - tables, told(decoder.events()))


# ── exporters ────────────────────────────────────────────────────────────────────────────────────────────────────────

ONE = netflow5([V5Record()])


def exporters(limits: Limits, n: int) -> Outcome:
    decoder = Decoder(limits=limits)
    decoder.feed_many([ONE] * n, [host(i) for i in range(n)])
    held = len(decoder.stats())
    return Outcome(held, n - held, told(decoder.events()))


def agents_of_a_sender(limits: Limits, n: int) -> Outcome:
    decoder = Decoder(limits=limits)
    for i in range(n):
        decoder.feed(make.datagram(make.flow_sample(make.switch()), agent=host(i)), A)
    held = sum(stats.version == "sflow" for stats in decoder.stats())
    return Outcome(held, n - held, told(decoder.events()))


class Identifying(Decoder):
    """A decoder that counts how often it had to find out whom the caller means."""

    asked = 0

    def _identify(self, exporter: Any) -> Any:
        self.asked += 1
        return super()._identify(exporter)


def spellings(limits: Limits, n: int) -> Outcome:
    """Datagrams under n spellings of one exporter, twice; a spelling that is not remembered is worked out again."""
    decoder = Identifying(limits=limits)
    for _ in range(2):
        for port in range(n):
            decoder.feed(ONE, ("192.0.2.1", port))
    assert [(stats.exporter, stats.datagrams) for stats in decoder.stats()] == [("192.0.2.1", 2 * n)]
    again = decoder.asked - n
    return Outcome(n - again, again, told(decoder.events()))


def domains(limits: Limits, n: int) -> Outcome:
    decoder = Decoder(limits=limits)
    for i in range(n):
        decoder.feed(ipfix(domain=i), A)
    held = len(decoder.stats())
    return Outcome(held, n - held, told(decoder.events()))


def domains_of_exporters(limits: Limits, n: int) -> Outcome:
    decoder = Decoder(limits=limits)
    for i in range(n):
        decoder.feed(ipfix(set_(2, template_record(256, OCTET)), domain=i // 2), host(i % 2))
    held = len(decoder.stats())
    assert held == len(decoder.templates())
    return Outcome(held, n - held, told(decoder.events()))


# ── what a message unfolds to ────────────────────────────────────────────────────────────────────────────────────────


def values(limits: Limits, n: int, fields: int = 1) -> Outcome:
    """Records of fields of one octet, n values in all."""
    decoder = Decoder(NATIVE, limits=limits)
    decoder.feed(ipfix(set_(2, template_record(256, OCTET * fields))), A)
    rows = decoder.feed(ipfix(set_(256, bytes(n + n % fields))), A)
    return Outcome(rows * fields, n - rows * fields, told(decoder.events()))


def values_of_many_fields(limits: Limits, n: int) -> Outcome:
    return values(limits, n, fields=2)


def values_of_variable_length(limits: Limits, n: int) -> Outcome:
    decoder = Decoder(NATIVE, limits=limits)
    decoder.feed(ipfix(set_(2, template_record(256, [(82, 65535)]))), A)
    rows = decoder.feed(ipfix(set_(256, bytes(n))), A)
    return Outcome(rows, n - rows, told(decoder.events()))


def values_of_options(limits: Limits, n: int) -> Outcome:
    decoder = Decoder(NATIVE, limits=limits)
    template = bytes([1, 0, 0, 1, 0, 1, 0, 149, 0, 1])  # id 256, one field, which is a scope
    decoder.feed(ipfix(set_(3, template)), A)
    decoder.feed(ipfix(set_(256, bytes(n))), A)
    rows = sum(len(batch) for batch in decoder.take_options())
    return Outcome(rows, n - rows, told(decoder.events()))


# ── Sets that wait ───────────────────────────────────────────────────────────────────────────────────────────────────


def waiting(limits: Limits, sizes: Iterable[int], senders: int, received_ns: int = 0) -> tuple[int, int, list[str]]:
    """Let Sets of these sizes wait, and give them their template: Sets and octets that were held, and what was told."""
    decoder = Decoder(NATIVE, limits=limits)
    for i, size in enumerate(sizes):
        decoder.feed(ipfix(set_(256, bytes(size - 4))), host(i % senders), 0)
    n_sets = sum(stats.pending_sets for stats in decoder.stats())
    for i in range(senders):
        decoder.feed(ipfix(set_(2, template_record(256, OCTET))), host(i), received_ns)
    octets = len(decoder.take_tables()[0]) + 4 * n_sets if decoder.rows_waiting else 0
    return n_sets, octets, told(decoder.events())


def sizes(n: int) -> list[int]:
    """n octets in Sets of 20 to 39."""
    return [20] * (n // 20 - 1) + [20 + n % 20]


def octets_that_wait(limits: Limits, n: int) -> Outcome:
    _, held, messages = waiting(limits, sizes(n), senders=2)
    return Outcome(held, n - held, messages)


def octets_that_wait_of_one(limits: Limits, n: int) -> Outcome:
    _, held, messages = waiting(limits, sizes(n), senders=1)
    return Outcome(held, n - held, messages)


def sets_that_wait(limits: Limits, n: int) -> Outcome:
    held, _, messages = waiting(limits, [5] * n, senders=3)
    return Outcome(held, n - held, messages)


def time_that_is_waited(limits: Limits, n: int) -> Outcome:
    _, octets, messages = waiting(limits, [5], senders=1, received_ns=n)
    return Outcome(n if octets else 0, 0 if octets else n, messages)


# ── columns ──────────────────────────────────────────────────────────────────────────────────────────────────────────

ROWS_OF_A_SLAB = 504
"""Rows of one column of 8 octets that the first slab of a table holds, which has 4 KiB."""


def rows_held(limits: Limits, n: int) -> Outcome:
    # Interfaces are counted by columns of their own, which would take room too.
    decoder = Decoder(FLOW.select("bytes"), limits=replace(limits, interfaces=0))
    rows = decoder.feed_many([ONE] * n, A)
    assert decoder.rows_waiting == len(decoder.take()) == rows
    return Outcome(rows, n - rows, told(decoder.events()))


def rows_of_text(limits: Limits, n: int) -> Outcome:
    """Octets of blocks of text that nobody reads: one is always held, whatever its size."""
    parser = sflowtool.Parser(limits=limits)
    parser.feed(printer.tagged([made.datagram(made.flow_sample(i), sequence=i) for i in range(n)]))
    parser.close()
    held = len(list(parser.datagrams()))
    return Outcome(held, n - held, told(parser.events()))


LARGE = 2 << 20
"""Octets of the largest slab; those before it in a table have 1.3 MiB together."""


def memory_kept(limits: Limits, octets: int) -> int:
    """Octets that a decoder keeps of these, when nobody has the rows any more."""
    tracemalloc.start()
    try:
        decoder = Decoder(NATIVE, limits=limits)
        message = ipfix(set_(256, bytes(65_000)))
        decoder.feed(ipfix(set_(2, template_record(256, [(1, 8)] * 100))), A)
        while tracemalloc.get_traced_memory()[0] < octets:
            decoder.feed(message, A)
        decoder.take_tables()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def free_memory(limits: Limits, n: int) -> Outcome:
    """Let go of n large slabs, and see how many are kept."""
    octets = memory_kept(replace(limits, full_slabs=0), LARGE) + n * LARGE
    gone = memory_kept(replace(limits, full_slabs=1000), octets) - memory_kept(limits, octets)
    lost = (gone + LARGE // 2) // LARGE
    return Outcome(n - lost, lost, [])


def open_layouts(limits: Limits, n: int) -> Outcome:
    """Write to n layouts, and again from the last to the first: those still open have one chunk and not two."""
    decoder = Decoder(NATIVE, limits=limits)
    made = []
    for i in range(n):
        fields = [(1 + bit, 1) for bit in range(16) if i + 1 >> bit & 1]
        template = set_(2, template_record(256, fields))
        made.append(ipfix(template, set_(256, bytes(len(fields))), domain=i))
    decoder.feed_many(made + made[::-1], A)
    tables = decoder.take_tables()
    assert [len(table) for table in tables] == [2] * n
    two = sum(len(table.chunks) == 2 for table in tables)
    return Outcome(n - two, two, [])


# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def events(limits: Limits, n: int) -> Outcome:
    decoder = Decoder(limits=limits)
    decoder.feed_many([b"\0\x63"] * n, A)
    found = decoder.events()
    held = sum(event.code == "message_discarded" for event in found)
    return Outcome(held, n - held, told(found))


def events_of_text(limits: Limits, n: int) -> Outcome:
    result = sflowtool.parse("what is this?\n" * n, limits=limits, format="text")
    held = sum(event.code == "text_line_skipped" for event in result.events)
    return Outcome(held, n - held, told(result.events))


def events_of_a_message(limits: Limits, n: int) -> Outcome:
    decoder = Decoder(limits=limits)
    decoder.feed(ipfix(set_(2, *(template_record(256 + i, OCTET) for i in range(n)))), A)
    found = decoder.events()
    held = sum(event.code == "template_defined" for event in found)
    return Outcome(held, n - held, told(found))


# ── sFlow, binary and text ───────────────────────────────────────────────────────────────────────────────────────────


def notices(datagram: Datagram) -> list[str]:
    return [each.message for each in datagram.notices]


def samples(limits: Limits, n: int) -> Outcome:
    decoder = Decoder(limits=limits)
    rows = decoder.feed(make.datagram(*[make.flow_sample(make.switch())] * n), A)
    return Outcome(rows, n - rows, told(decoder.events()))


def expanded_samples(limits: Limits, n: int) -> Outcome:
    decoder = Decoder(limits=limits)
    rows = decoder.feed(make.datagram(*[make.flow_sample(make.switch(), expanded=True)] * n), A)
    return Outcome(rows, n - rows, told(decoder.events()))


def counters_samples(limits: Limits, n: int) -> Outcome:
    decoder = Decoder(limits=limits)
    decoder.feed(make.datagram(*[make.counters_sample(make.if_counters())] * n), A)
    rows = sum(len(batch) for batch in decoder.take_counters())
    return Outcome(rows, n - rows, told(decoder.events()))


def samples_as_objects(limits: Limits, n: int) -> Outcome:
    datagram = fp.sflow.decode(make.datagram(*[make.flow_sample()] * n), limits=limits)
    return Outcome(len(datagram.samples), n - len(datagram.samples), notices(datagram))


def text_of(n_samples: int, n_records: int) -> str:
    sample = made.flow_sample(1)
    return printer.tagged([made.datagram(*[made.flow_sample(1, records=sample.records * n_records)] * n_samples)])


def samples_of_text(limits: Limits, n: int) -> Outcome:
    """A datagram of text with more samples is left out whole."""
    result = sflowtool.parse(text_of(n, 1), limits=limits)
    held = sum(len(datagram.samples) for datagram in result.datagrams)
    return Outcome(held, n - held, told(result.events))


def records_of_a_sample(limits: Limits, n: int) -> Outcome:
    """Counters, since each record of them is a row."""
    decoder = Decoder(limits=limits)
    decoder.feed(make.datagram(make.counters_sample(*[make.if_counters()] * n)), A)
    rows = sum(len(batch) for batch in decoder.take_counters())
    return Outcome(rows, n - rows, told(decoder.events()))


def records_of_an_expanded_sample(limits: Limits, n: int) -> Outcome:
    decoder = Decoder(limits=limits)
    decoder.feed(make.datagram(make.counters_sample(*[make.if_counters()] * n, expanded=True)), A)
    rows = sum(len(batch) for batch in decoder.take_counters())
    return Outcome(rows, n - rows, told(decoder.events()))


def records_as_objects(limits: Limits, n: int) -> Outcome:
    datagram = fp.sflow.decode(make.datagram(make.flow_sample(*[make.switch()] * n)), limits=limits)
    held = len(datagram.samples[0].records)  # type: ignore[union-attr]
    return Outcome(held, n - held, notices(datagram))


def records_of_text(limits: Limits, n: int) -> Outcome:
    result = sflowtool.parse(text_of(1, n), limits=limits)
    held = sum(len(datagram.samples[0].records) for datagram in result.datagrams)  # type: ignore[union-attr]
    return Outcome(held, n - held, told(result.events))


def data_sources_of_an_agent(limits: Limits, n: int) -> Outcome:
    """One is the sub-agent itself; a quarter of all is for one agent."""
    agents = Agents(limits)
    for i in range(n - 1):
        agents.add(made.datagram(made.flow_sample(source_index=i), sequence=i, uptime_ms=i))
    [found] = agents.statistics()
    return Outcome(len(found.data_sources), n - len(found.data_sources), told(agents.events()))


def data_sources(limits: Limits, n: int) -> Outcome:
    agents = Agents(limits)
    for i in range(n):
        agents.add(made.datagram(agent=host(i), sequence=i))
    held = sum(len(each.data_sources) for each in agents.statistics())
    return Outcome(held, n - held, told(agents.events()))


def interfaces(limits: Limits, n: int) -> Outcome:
    """Each flow comes in by another interface, and none is known to go out."""
    decoder = Decoder(FLOW.select("bytes"), limits=limits)
    for at in range(0, n, 30):
        records = [V5Record(in_if=1 + port % 60_000, out_if=0) for port in range(at, min(at + 30, n))]
        decoder.feed(netflow5(records), A)
    held = len(decoder.interfaces)
    return Outcome(held, n - held, told(event for event in decoder.events() if "interfaces" in event.message))


TEXT = printer.tagged([made.datagram(made.flow_sample(1))])


def octets_of_a_line(limits: Limits, n: int) -> Outcome:
    """A line that is no key: it is skipped as such, or as too long."""
    result = sflowtool.parse(TEXT.replace("startSample", "x" * n + "\nstartSample", 1), limits=limits)
    assert len(result.datagrams) == 1
    skipped = [event.code for event in result.events] == ["text_line_skipped"]
    return Outcome(n if skipped else 0, 0 if skipped else n, told(result.events))


def octets_of_a_row(limits: Limits, n: int) -> Outcome:
    result = sflowtool.parse("x" * n + "\n", limits=limits, format="line")
    skipped = [event.code for event in result.events] == ["text_line_skipped"]
    return Outcome(n if skipped else 0, 0 if skipped else n, told(result.events))


def lines_of_a_datagram(limits: Limits, n: int) -> Outcome:
    """Those behind its first: lines of its own, and others that are nothing."""
    lines = TEXT.splitlines(keepends=True)
    result = sflowtool.parse("".join([*lines[:2], *["junk\n"] * (n + 1 - len(lines)), *lines[2:]]), limits=limits)
    there = len(result.datagrams) == 1
    return Outcome(n if there else 0, 0 if there else n, told(result.events))


EVICTED = "are forgotten: Limits."
ROWS: dict[str, Row] = {
    "templates": Row(7, 7, EVICTED + "templates is 7", templates_of_domains, 1000),
    "templates/rows": Row(7, 2 * 7 + 64, "more layouts hold rows than Limits.templates", layouts_with_rows, 2000),
    "templates_per_domain": Row(7, 7, EVICTED + "templates_per_domain is 7", templates_of_a_domain),
    "template_fields_total": Row(9, 9, EVICTED + "template_fields_total is 9", fields_of_templates),
    "fields_per_template": Row(9, 9, "more fields than Limits.fields_per_template, 9", fields_of_a_template, 16_000),
    "exporters": Row(5, 5, "Limits.exporters is 5", exporters),
    "exporters/agents": Row(5, 5, "Limits.exporters is 5", agents_of_a_sender, 1000),
    "exporter_aliases": Row(6, 6, "", spellings, 10_000),
    "domains": Row(5, 5, "Limits.domains, .domains_per_exporter; one is 5", domains, 5000),
    "domains/exporters": Row(5, 5, "Limits.domains, .domains_per_exporter; one is 5", domains_of_exporters, 5000),
    "domains_per_exporter": Row(5, 5, "Limits.domains, .domains_per_exporter; one is 5", domains, 5000),
    "values_per_message": Row(100, 100, "Limits.values_per_message is 100", values, 65_000),
    "values_per_message/fields": Row(100, 100, "Limits.values_per_message is 100", values_of_many_fields, 65_000),
    "values_per_message/variable": Row(100, 100, "Limits.values_per_message is 100", values_of_variable_length, 65_000),
    "values_per_message/options": Row(100, 100, "Limits.values_per_message is 100", values_of_options, 65_000),
    "records_per_message": Row(100, 100, "Limits.records_per_message is 100", values, 65_000),
    "records_per_message/variable": Row(
        100, 100, "Limits.records_per_message is 100", values_of_variable_length, 65_000
    ),
    "records_per_message/options": Row(100, 100, "Limits.records_per_message is 100", values_of_options, 65_000),
    "pending_octets": Row(60, 60, "Limits.pending_* are met", octets_that_wait, 100_000),
    "pending_octets_per_exporter": Row(60, 60, "Limits.pending_* are met", octets_that_wait_of_one, 100_000),
    "pending_sets": Row(8, 8, "Limits.pending_* are met", sets_that_wait),
    "pending_ns": Row(10**9, 10**9, "longer than Limits.pending_ns", time_that_is_waited, 2**63 - 1),
    "column_octets": Row(4096, ROWS_OF_A_SLAB, "Limits.column_octets is met", rows_held),
    "full_slabs": Row(10, 4, "", free_memory, 20),
    "open_tables": Row(6, 6, "", open_layouts, 1000),
    "events": Row(5, 5, "more events than Limits.events", events),
    "events/text": Row(5, 5, "more events than the Limits allow", events_of_text),
    "events_per_message": Row(6, 5, "more to report of one message", events_of_a_message, 5000),
    "samples_per_datagram": Row(6, 6, "Limits.samples_per_datagram is 6", samples, 800),
    "samples_per_datagram/expanded": Row(6, 6, "Limits.samples_per_datagram is 6", expanded_samples, 700),
    "samples_per_datagram/counters": Row(6, 6, "Limits.samples_per_datagram is 6", counters_samples, 500),
    "samples_per_datagram/objects": Row(6, 6, "Limits.samples_per_datagram is 6", samples_as_objects, 5000),
    "samples_per_datagram/text": Row(6, 6, "Limits.samples_per_datagram", samples_of_text, 1000),
    "records_per_sample": Row(6, 6, "Limits.records_per_sample is 6", records_of_a_sample, 600),
    "records_per_sample/expanded": Row(6, 6, "Limits.records_per_sample is 6", records_of_an_expanded_sample, 600),
    "records_per_sample/objects": Row(6, 6, "Limits.records_per_sample is 6", records_as_objects, 5000),
    "records_per_sample/text": Row(6, 6, "a sample of more records than 6", records_of_text, 300),
    "data_sources": Row(40, 40, "Limits.exporters, .data_sources", data_sources, 3000),
    "data_sources/agent": Row(40, 10, "a quarter of Limits.data_sources", data_sources_of_an_agent, 2000),
    "interfaces": Row(40, 40, "Limits.interfaces", interfaces, 3000),
    "line_octets": Row(200, 200, "Limits.line_octets", octets_of_a_line, 10**6),
    "line_octets/rows": Row(200, 200, "Limits.line_octets", octets_of_a_row, 10**6),
    "lines_per_datagram": Row(100, 100, "Limits.lines_per_datagram", lines_of_a_datagram, 50_000),
}
"""Name of a limit, or `name/place` -> how it is met."""

NOT_YET = {"list_depth"}
"""Limits that bound nothing yet: docs/reference/limits.md says so of the same."""

BESIDE = {
    "records_per_message": {"values_per_message": 10**6},
    "pending_octets": {"pending_octets_per_exporter": 10**6},
    "pending_octets_per_exporter": {"pending_octets": 10**6},
    "fields_per_template": {"template_fields_total": 10**6},
    "templates": {"templates_per_domain": 10**6, "domains_per_exporter": 10**6},
    "domains": {"domains_per_exporter": 10**6},
    "templates_per_domain": {"templates": 10**6},
    "template_fields_total": {"templates": 10**6, "templates_per_domain": 10**6},
    "open_tables": {"templates": 10**6, "domains_per_exporter": 10**6},
    "data_sources": {"exporters": 10**6},
}
"""Other limits, out of the way of the one that is tried."""


def limits_for(name: str) -> Limits:
    """Limits with the one of a row as it says, and room for what the test asks of others."""
    limit = name.partition("/")[0]
    room = {"events": 10**6, "events_per_message": 60} | BESIDE.get(limit, {})
    return Limits(**room | {limit: ROWS[name].limit})
