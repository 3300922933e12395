"""One conversation with a decoder, read from octets; what has to hold is checked after each step.

    octets:   rules (u8)  limits (u8)  steps ...
    a step:   what is done (lower 4 bits) and by which exporter (upper 4)  length (u16)  octets

Any octets are a conversation: what is too long is cut, what is missing is 0. So a fuzzer can make one
from another, and a file of them is a test. What has to hold: only a strict decoder raises, and only
DecodeError; a message that was discarded left nothing behind; every budget is held; a sample of the
conversations gives the same as the specification.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from flowparse import (
    FLOW,
    NATIVE,
    DecodeError,
    Decoder,
    Event,
    FlowparseError,
    Limits,
    StateError,
    capture,
    explain,
    merge_states,
    reference,
    sflow,
)

SCHEMAS: tuple[Any, ...] = (NATIVE, FLOW, FLOW.select("bytes", "src_addr", "time_flow_start_ns", "sampling_rate"))
TRANSPORTS = ("udp", "tcp", "sctp", "file")
MALFORMED = (None, "salvage", "discard")
LIMITS: tuple[Limits, ...] = (
    Limits(),
    Limits(),
    Limits(templates=5, templates_per_domain=2, template_fields_total=16),
    Limits(exporters=2, domains_per_exporter=2, exporter_aliases=3),
    Limits(values_per_message=20, records_per_message=5),
    Limits(pending_octets=200, pending_octets_per_exporter=60, pending_sets=3, pending_ns=10**9),
    Limits(fields_per_template=3, templates_per_domain=1),
    Limits(records_per_message=0, pending_sets=0),
    Limits(values_per_message=0, template_fields_total=0),
    Limits(samples_per_datagram=2, records_per_sample=2, data_sources=4),
)
EXPORTERS: tuple[Any, ...] = (
    ("192.0.2.1", 4000), ("192.0.2.1", 4001), "192.0.2.2", ("2001:db8::1", 1), "", ("::ffff:192.0.2.1", 4000),
    *(("198.51.100.1", port) for port in range(10)),
)  # fmt: skip
START_NS = 1_700_000_000 * 10**9
EVICTIONS = 8
"""Events of evictions, which `Limits.events_per_message` does not count, of one message at most."""
CONTEXT_COLUMNS = 6
COUNTERS = {"datagrams", "octets", "discarded", "first_seen_ns", "last_seen_ns"}
"""What a datagram that is discarded changes of its domain's statistics."""
READ_OUT = 300
"""Rows whose values are read one by one."""
MOST_OCTETS_COMPARED = 6000
"""Of datagrams that the specification gets, too."""


class Broken(AssertionError):
    """Something that has to hold does not."""


class Step(NamedTuple):
    """What is done next."""

    action: int
    who: int
    octets: bytes
    length: int


FEED, STREAM, DECODE, MANY, TAKE, WAIT, CAPTURE, WRITABLE, LOOK, STATE = 0, 7, 8, 9, 10, 11, 12, 13, 14, 15
"""Actions; 0 to 6 are all FEED."""


def written(rules: int, limits: int, steps: list[tuple[int, int, bytes]]) -> bytes:
    """A conversation as octets; steps are (action, exporter, octets), of WAIT as many octets as seconds."""
    made = bytearray((rules & 255, limits & 255))
    for action, who, octets in steps:
        made += bytes((action & 15 | (who & 15) << 4,)) + min(len(octets), 65535).to_bytes(2)
        made += octets[:65535] if action != WAIT else b""
    return bytes(made)


def steps_of(octets: bytes) -> Iterator[Step]:
    """The steps of a conversation, behind its first two octets."""
    at = 2
    # Progress: a step has three octets at least.
    while at < len(octets):
        head, length = octets[at], int.from_bytes(octets[at + 1 : at + 3].ljust(2, b"\0"))
        action, payload = head & 15, b""
        at += 3
        if action != WAIT:
            payload = octets[at : at + length]
            at += length
        yield Step(action, head >> 4, payload, length)


def settings_of(octets: bytes) -> tuple[Any, dict[str, Any]]:
    """(schema, the other arguments of a Decoder) that a conversation begins with."""
    rules, limits = octets[:2].ljust(2, b"\0")
    return SCHEMAS[rules % 3], {
        "transport": TRANSPORTS[rules // 3 % 4],
        "malformed": MALFORMED[rules // 12 % 3],
        "strict": rules // 36 % 4 == 3,
        "key": "address+port" if rules >= 144 else "address",
        "replay": limits < 192,
        "limits": LIMITS[limits % len(LIMITS)],
    }


class Conversation:
    """A decoder, and the checks around it."""

    def __init__(self, octets: bytes) -> None:
        self.schema, self.settings = settings_of(octets)
        self.limits: Limits = self.settings["limits"]
        self.decoder = Decoder(self.schema, **self.settings)
        self.now_ns = START_NS
        self.fed: list[tuple[bytes, Any, int]] = []
        self.octets = octets

    def run(self) -> int:
        """Go through it; returns how many datagrams it had.

        Raises
        ------
        Broken
            Something that has to hold does not. Any other exception is one that should not be.
        """
        for step in steps_of(self.octets):
            if step.action == WAIT:
                self.now_ns += step.length * 10**9
            elif step.action in ACTIONS:
                ACTIONS[step.action](self, step)
            else:
                self.feed(step.octets, EXPORTERS[step.who])
        self.take()
        self.check_budgets()
        if is_sampled(self.octets):
            self.compare()
        return len(self.fed)

    # ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def feed(self, octets: Any, exporter: Any) -> None:
        self.fed.append((bytes(octets), exporter, self.now_ns))
        self.message(lambda: self.decoder.feed(octets, exporter, self.now_ns), bytes(octets))

    def decode(self, step: Step) -> None:
        self.fed.append((step.octets, EXPORTERS[step.who], self.now_ns))
        waiting = self.decoder.rows_waiting

        def decode() -> int:
            message = self.decoder.decode(step.octets, EXPORTERS[step.who], self.now_ns)
            require(self.decoder.rows_waiting == waiting, "rows of decode() wait for take()")
            tables = message.tables + message.options
            if self.schema is NATIVE and message.version in ("netflow9", "ipfix"):
                values = sum(len(table) * (len(table.names) - CONTEXT_COLUMNS) for table in tables)
                require(values <= self.most_values(replayed=True), f"{values} values of one message")
            for table in tables + message.counters:
                read_out(table)
            self.decode_events = message.events
            return sum(len(table) for table in message.tables)

        self.decode_events: list[Event] = []
        self.message(decode, step.octets)

    def many(self, step: Step) -> None:
        half = len(step.octets) // 2
        pair = [step.octets[:half], memoryview(step.octets)[half:]]
        self.fed += [(bytes(each), EXPORTERS[step.who], self.now_ns) for each in pair]
        try:
            self.decoder.feed_many(pair, EXPORTERS[step.who], self.now_ns)
        except DecodeError:
            require(self.settings["strict"], "a decoder that is not strict raised")
            # What came behind it was not fed, and so is not compared.
            self.fed.clear()
        self.decoder.events()

    def capture(self, step: Step) -> None:
        with suppress(DecodeError):
            list(capture.datagrams(step.octets))
            self.decoder.feed_capture(step.octets)
        self.fed.clear()

    def look(self, step: Step) -> None:
        """The doors for one datagram that need no decoder."""
        explain(step.octets)
        with suppress(FlowparseError):
            sflow.decode(step.octets)

    def stream(self, step: Step) -> None:
        """Two pieces of a stream, which ends now and then; the specification has none."""
        exporter = (f"203.0.113.{step.who}", 4739)
        at = len(step.octets) // 3
        for piece in (step.octets[:at], bytearray(step.octets[at:])):
            before = self.decoder.rows_waiting
            try:
                rows = self.decoder.feed_stream(piece, exporter, self.now_ns)
                require(self.decoder.rows_waiting == before + rows, "rows of a stream were counted wrongly")
            except DecodeError:
                require(self.settings["strict"], "a decoder that is not strict raised")
        if step.length % 2:
            self.decoder.close(exporter)
        self.decoder.events()
        self.check_budgets()

    def state(self, step: Step) -> None:
        """Say what is known, and see that another decoder can be told it, but nothing that is damaged."""
        told = self.decoder.export_state()
        again = Decoder(self.schema, **self.settings)
        again.import_state(told)
        require([bare(each) for each in again.templates()] == [bare(each) for each in self.decoder.templates()],
                "templates are others after export_state() and import_state()")  # fmt: skip
        damaged = bytearray(told)
        for place, change in zip(step.octets[::2], step.octets[1::2], strict=False):
            damaged[place * len(damaged) // 256] ^= change
        for octets in (bytes(damaged), bytes(damaged[: len(damaged) * step.who // 16]), step.octets):
            with suppress(StateError):
                Decoder(self.schema, **self.settings).import_state(octets)
            with suppress(StateError):
                merge_states(told, octets)

    def take(self, step: Step | None = None) -> None:
        waiting = self.decoder.rows_waiting
        tables = self.decoder.take_tables()
        require(sum(map(len, tables)) == waiting, f"{waiting} rows were waiting, {sum(map(len, tables))} came")
        for table in [*tables, *self.decoder.take_options(), *self.decoder.take_counters()]:
            read_out(table)
        self.decoder.events()

    # ── what has to hold ─────────────────────────────────────────────────────────────────────────────────────────────

    def message(self, call: Callable[[], int], octets: bytes) -> None:
        """Decode one message and look at what came of it."""
        before, waiting = snapshot(self.decoder), self.decoder.rows_waiting
        self.decode_events = []
        discarded = rows = 0
        try:
            rows = call()
        except DecodeError as error:
            require(self.settings["strict"], "a decoder that is not strict raised")
            require(error.offset is None or 0 <= error.offset <= len(octets), "an offset outside the datagram")
            discarded = 1
        events = self.decode_events + self.decoder.events()
        most = self.limits.events_per_message + EVICTIONS
        require(len(events) <= most, f"{len(events)} events of one message")
        for event in events:
            require(event.offset is None or 0 <= event.offset <= len(octets), "an offset outside the datagram")
        codes = {event.code for event in events}
        if discarded or "message_discarded" in codes:
            require(rows == 0, "rows of a message that was discarded")
            require(self.decoder.rows_waiting == waiting, "rows of a message that was discarded wait")
            if not {"exporter_evicted", "template_evicted", "limit_reached"} & codes:
                after = snapshot(self.decoder)
                require(before <= after, "a message that was discarded changed what is known")
        version = int.from_bytes(octets[:2])
        if version in (9, 10):
            most = min(len(octets), self.limits.records_per_message) + self.most_values(replayed=True)
            require(rows <= most, f"{rows} rows of one message")
        self.check_budgets()

    def most_values(self, *, replayed: bool) -> int:
        values = self.limits.values_per_message
        return values + (max(values, self.limits.pending_octets_per_exporter) if replayed else 0)

    def check_budgets(self) -> None:
        """What a decoder holds is within its limits."""
        limits = self.limits
        templates = self.decoder.templates()
        stats = [each for each in self.decoder.stats() if each.domain is not None]
        fields = sum(len(each.fields) for each in templates)
        require(len(templates) <= max(1, limits.templates), f"{len(templates)} templates")
        require(fields <= limits.template_fields_total or len(templates) <= 1, f"{fields} fields of templates")
        for each in stats:
            require(each.templates <= max(1, limits.templates_per_domain), f"{each.templates} templates of a domain")
        pending = sum(each.pending_sets for each in stats)
        require(pending <= limits.pending_sets, f"{pending} Sets wait")
        by_exporter: dict[str | None, int] = {}
        for each in stats:
            if each.version == "sflow":
                continue  # agents have a place of their own, as many again
            by_exporter[each.exporter] = by_exporter.get(each.exporter, 0) + 1
        require(len(by_exporter) <= max(1, limits.exporters), f"{len(by_exporter)} exporters")
        if self.settings["key"] == "address":
            most = max(by_exporter.values(), default=0)
            require(most <= max(1, limits.domains_per_exporter), f"{most} domains of an exporter")

    def compare(self) -> None:
        """The same of a decoder in NATIVE and of the specification."""
        if sum(len(octets) for octets, _, _ in self.fed) > MOST_OCTETS_COMPARED:
            return
        differences = reference.compare(self.fed, **self.settings)
        require(not differences, "\n".join(differences[:1]))


ACTIONS: dict[int, Callable[[Conversation, Step], None]] = {
    DECODE: Conversation.decode,
    MANY: Conversation.many,
    STREAM: Conversation.stream,
    TAKE: Conversation.take,
    CAPTURE: Conversation.capture,
    WRITABLE: lambda self, step: self.feed(bytearray(step.octets), EXPORTERS[step.who]),
    LOOK: Conversation.look,
    STATE: Conversation.state,
}


def is_sampled(octets: bytes) -> bool:
    """Whether the specification gets the conversation, too: one in four does."""
    return crc32(octets) % 4 == 0


def require(holds: bool, what: str) -> None:
    if not holds:
        raise Broken(what)


def read_out(table: Any) -> None:
    """Look at the values of a table, if it is small."""
    if len(table) <= READ_OUT:
        table.to_dicts()


def bare(template: Any) -> tuple[Any, ...]:
    """A template without the times at which it was seen."""
    return template.exporter, template.domain, template.id, template.is_options, template.fields


def snapshot(decoder: Decoder) -> Counter[Any]:
    """What is known of each domain, but for counters of datagrams, and its templates."""
    known: Counter[Any] = Counter()
    for each in decoder.stats():
        if each.version != "unknown":
            known[tuple(getattr(each, name) for name in each.__dataclass_fields__ if name not in COUNTERS)] += 1
    known[tuple((*bare(each), each.last_seen_ns) for each in decoder.templates())] += 1
    return known


def run(octets: bytes) -> int:
    """Go through one conversation; returns how many datagrams it had."""
    return Conversation(octets).run()


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(f"{name}: {run(Path(name).read_bytes())} datagrams, and nothing broken")
