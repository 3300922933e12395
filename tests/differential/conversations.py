"""Conversations of exporters with a decoder, drawn piece by piece: templates, data by them, and all that goes wrong.

Every choice is asked of one `random.Random`, so that a number or hypothesis can make it. What is sent is built
by tests/build.py; an exporter remembers what it defined, so that most of its data Sets fit, and the sequence
numbers that it should send.
"""

from __future__ import annotations

from collections.abc import Collection
from random import Random
from typing import Any

from flowparse import Limits
from tests import build
from tests.build import VARIABLE, Field

Datagram = tuple[bytes, Any, int | None]

# Element ids and lengths as exporters send them, and as they should not; IPFIX has PENs too.
FIELDS: tuple[Field, ...] = (
    (8, 4), (8, 16), (12, 4), (27, 16), (28, 4), (1, 8), (1, 4), (1, 3), (2, 8), (2, 7), (4, 1), (4, 2), (7, 2),
    (11, 1), (10, 4), (10, 8), (10, 6), (14, 2), (56, 6), (56, 8), (61, 1), (21, 4), (22, 4), (22, 5), (58, 2),
    (210, 3), (210, 1), (0, 1), (0, 0), (8, 0), (82, 0), (82, 8), (82, VARIABLE), (83, VARIABLE), (95, 4),
    (95, VARIABLE), (150, 4), (150, 8), (152, 8), (153, 4), (154, 8), (155, 8), (156, 8), (157, 16), (158, 4),
    (276, 1), (276, 2), (291, VARIABLE), (292, 5), (311, 8), (311, 4), (311, 2), (302, 1), (434, 4), (434, 1),
    (434, 8), (1, VARIABLE), (27, VARIABLE), (14, 9), (4, 0), (32000, 2), (32001, VARIABLE), (352, 65000),
    (352, 65534), (352, 65515), (352, 65514),
)  # fmt: skip
OF_ENTERPRISES: tuple[Field, ...] = (
    (12235, VARIABLE, 9), (1, 8, 29305), (8, 4, 29305), (1, 4, 99999), (2, VARIABLE, 99999), (8, 4, 0), (118, 8, 35632),
)  # fmt: skip
OF_V9: tuple[Field, ...] = ((33000, 2), (40005, 1), (45003, VARIABLE), (57590, 2), (56701, 8), (65535, 1), (34000, 3))
SCOPES_OF_V9: tuple[Field, ...] = ((1, 4), (1, 0), (2, 4), (3, 2), (4, 1), (5, 2), (6, 3), (8, 4))
IDS = (256, 257, 258, 65535)
BAD_IDS = (0, 2, 3, 5, 255)
FIXED = {1: build.netflow1, 5: build.netflow5, 7: build.netflow7}
START_NS = 1_700_000_000 * 10**9
MINUTE_NS = 60 * 10**9

Definition = tuple[bool, tuple[Field, ...], tuple[Field, ...]]
"""(is options, scopes, fields)."""


class Exporter:
    """One observation domain of an exporter, in one version."""

    def __init__(self, pick: Random, version: int) -> None:
        self.pick = pick
        self.version = version
        self.address = (pick.choice(("192.0.2.1", "2001:db8::1")), pick.choice((4000, 4001)))
        self.domain = pick.choice((0, 0, 1, 2**32 - 1))
        self.sequence = pick.choice((0, 0, 2**32 - 2, 77))
        self.uptime_ms = pick.choice((60_000, 2**32 - 1000))
        self.defined: dict[int, Definition] = {}
        self.held = 0  # data records of the message that is being made

    # ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def message(self) -> bytes:
        """The next message."""
        if self.version in FIXED:
            return self.fixed_message()
        pick = self.pick
        self.held = 0
        sets = [self.some_set() for _ in range(pick.choice((0, 1, 1, 2, 2, 3, 5)))]
        sequence = self.next_sequence()
        if self.version == 9:
            count = pick.choice((None, None, None, len(sets), 0))
            octets = build.netflow9(
                *sets, sequence=sequence, source_id=self.domain, sys_uptime_ms=self.next_uptime(), count=count
            )
            self.sequence = (sequence + 1) % 2**32
            return octets
        length = None
        if pick.random() < 0.05:
            length = max(0, 16 + sum(map(len, sets)) + pick.choice((-17, -16, -4, -1, 1, 4, 1000)))
        octets = build.ipfix(*sets, sequence=sequence, domain=self.domain, length=length)
        self.sequence = (sequence + self.held) % 2**32
        return octets

    def fixed_message(self) -> bytes:
        pick = self.pick
        record = build.V7Record(octets=pick.randrange(2**32), proto=pick.randrange(256), tos=pick.randrange(256))
        records = [record] * pick.choice((0, 1, 1, 2, 30, 31))
        header: dict[str, Any] = {"count": pick.choice((None, None, None, None, 0, len(records) + 1, 65535))}
        if self.version != 1:
            header["sequence"] = self.next_sequence()
            self.sequence = (header["sequence"] + len(records)) % 2**32
        if self.version == 5:
            header |= {"engine_id": self.domain & 1, "sampling_interval": pick.choice((0, 0, 0, 100, 16383))}
        return FIXED[self.version](records, sys_uptime_ms=self.next_uptime(), **header)

    def next_sequence(self) -> int:
        """The right number mostly; else one that says that messages are missing, late, or counted anew."""
        steps = (0,) * 12 + (1, 5, 30, 2**31, -1, -5, -65536, -65537, -(2**31))
        return (self.sequence + self.pick.choice(steps)) % 2**32

    def next_uptime(self) -> int:
        steps = (1000,) * 12 + (0, -9_999, -10_000, -10_001, 2**31)
        self.uptime_ms = (self.uptime_ms + self.pick.choice(steps)) % 2**32
        return self.uptime_ms

    # ── Sets ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def some_set(self) -> bytes:
        pick = self.pick
        kind = pick.choice(("templates",) * 4 + ("options",) * 3 + ("data",) * 8 + ("withdrawals", "other"))
        if kind == "templates":
            set_id, records = self.template_sets[0], [self.template_record() for _ in range(pick.choice((1, 1, 2, 3)))]
        elif kind == "options":
            set_id, records = self.template_sets[1], [self.options_record() for _ in range(pick.choice((1, 1, 2)))]
        elif kind == "withdrawals" and self.version == 10:
            set_id = pick.choice((2, 2, 3))
            records = [self.withdrawal(set_id) for _ in range(pick.choice((1, 1, 2)))]
        elif kind == "data":
            set_id, records = self.data_records()
        else:
            set_id = pick.choice((0, 1, 2, 3, 4, 255, 256, 300))
            records = [pick.randbytes(pick.choice((0, 1, 3, 4, 7, 12)))]
        padding = pick.choice((0, 0, 0, 1, 2, 3, 4, 7))
        made = build.set_(set_id, *records, padding=padding)
        if pick.random() < 0.03:
            made = build.set_(set_id, *records, length=max(0, len(made) + pick.choice((-5, -4, -1, 1, 4, 300))))
        if pick.random() < 0.03:
            made = build.Set(made + pick.choice((b"\0", b"\0\0\0\0", b"\1", b"\0\0\1", bytes(20))))
        return made

    @property
    def template_sets(self) -> tuple[int, int]:
        return (0, 1) if self.version == 9 else (2, 3)

    # ── templates ────────────────────────────────────────────────────────────────────────────────────────────────────

    def field(self, *, is_scope: bool = False) -> Field:
        pick = self.pick
        if is_scope and self.version == 9:
            return pick.choice(SCOPES_OF_V9)
        own = OF_V9 if self.version == 9 else OF_ENTERPRISES
        return pick.choice(own if pick.random() < 0.2 else FIELDS)

    def fields(self, most: int = 6, *, is_scope: bool = False) -> tuple[Field, ...]:
        made = [self.field(is_scope=is_scope) for _ in range(self.pick.randint(1, most))]
        if self.pick.random() < 0.15:
            made += made[:2]
        return tuple(made)

    def template_id(self) -> int:
        return self.pick.choice(BAD_IDS if self.pick.random() < 0.04 else IDS)

    def template_record(self) -> bytes:
        """A definition: new, the same again, or another of an id in use."""
        pick, id = self.pick, self.template_id()
        known = self.defined.get(id)
        fields = known[2] if known and not known[0] and pick.random() < 0.4 else self.fields()
        if fields and pick.random() < 0.1:
            fields = (*fields[:-1], self.almost(fields[-1]))
        if pick.random() < 0.03:
            fields = ()
        count = None
        if pick.random() < 0.03:
            count = pick.choice((0, len(fields) + 1, 65535))
        if fields and count is None:
            self.defined[id] = (False, (), fields)
        return build.template_record(id, fields, count=count)

    def almost(self, spec: Field) -> Field:
        """A specifier of which nothing but the last octet is another."""
        return (*spec[:-1], spec[-1] ^ self.pick.choice((1, 1, 2, 12)))  # type: ignore[return-value]

    def options_record(self) -> bytes:
        pick, id = self.pick, self.template_id()
        known = self.defined.get(id)
        if known and known[0] and pick.random() < 0.4:
            _, scopes, fields = known
        else:
            scopes, fields = self.fields(2, is_scope=True), self.fields(4)
        if pick.random() < 0.05:
            scopes = ()
        if pick.random() < 0.05:
            fields = ()
        lie = pick.choice((0, 1, 2, 65535)) if pick.random() < 0.05 else None
        if lie is None:
            self.defined[id] = (True, scopes, fields)
        if self.version == 9:
            lies = {pick.choice(("scope_octets", "option_octets")): lie} if lie is not None else {}
            return build.options_template_record9(id, scopes, fields, **lies)
        lies = {pick.choice(("count", "scope_count")): lie} if lie is not None else {}
        return build.options_template_record(id, scopes, fields, **lies)

    def withdrawal(self, set_id: int) -> bytes:
        id = self.pick.choice((*IDS, set_id, 5 - set_id))
        if self.pick.random() < 0.2:
            return self.template_record() if set_id == 2 else self.options_record()
        return build.withdrawal(id)

    # ── data ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def data_records(self) -> tuple[int, list[bytes]]:
        """A data Set's id and records: by what this exporter defined, else octets that may mean anything."""
        pick = self.pick
        if not self.defined or pick.random() < 0.1:
            return pick.choice(IDS), [pick.randbytes(pick.choice((1, 4, 8, 30)))]
        id = pick.choice(sorted(self.defined))
        _, scopes, fields = self.defined[id]
        specs = (*scopes, *fields)
        if sum(spec[1] for spec in specs if spec[1] != VARIABLE) > 3000:
            return id, [pick.randbytes(20)]
        records = [self.record(specs) for _ in range(pick.choice((1, 1, 2, 3, 9)))]
        self.held += len(records)
        if pick.random() < 0.03:
            records[-1] = records[-1][:-1]
        return id, records

    def record(self, specs: tuple[Field, ...]) -> bytes:
        return b"".join(self.value(spec) for spec in specs)

    def value(self, spec: Field) -> bytes:
        """Octets of a field: at random, or such as mean something special."""
        pick, length = self.pick, spec[1]
        if length == VARIABLE:
            octets = self.octets(pick.choice((0, 1, 3, 4, 8, 20, 254, 255, 300)))
            lie = pick.choice((len(octets) + 1, 255, 65535)) if pick.random() < 0.01 else None
            return build.var(octets, long_form=pick.random() < 0.3, length=lie)
        return self.octets(length)

    def octets(self, length: int) -> bytes:
        pick = self.pick
        kind = pick.randrange(6)
        if kind == 0:
            return bytes(length)
        if kind == 1:
            return b"\xff" * length
        if kind == 2:
            return (b"caf\xc3\xa9 \xed\xa0\x80\0x" * (length // 10 + 1))[:length]
        if kind == 3:
            return bytes(10)[:length] + (b"\xff\xff\xc0\0\2\1" + bytes(length))[: max(0, length - 10)]
        if kind == 4:
            return bytes(max(0, length - 1)) + bytes([pick.randrange(4)])[:length]
        return pick.randbytes(length)


def damaged(pick: Random, octets: bytes) -> bytes:
    """A datagram that lost its end, won one, or had an octet changed."""
    kind = pick.randrange(4)
    if kind == 0:
        return octets[: pick.randrange(len(octets) + 1)]
    if kind == 1:
        return octets + pick.choice((b"\0", bytes(5), b"\0\x0a", pick.randbytes(9)))
    at = pick.randrange(max(1, len(octets)))
    if kind == 2:
        return octets[:at] + pick.choice((b"\0", b"\1", b"\xff", b"\x80")) + octets[at + 1 :]
    return octets[: at & ~1] + pick.choice((b"\0\0", b"\0\3", b"\0\4", b"\1\0", b"\xff\xff")) + octets[(at & ~1) + 2 :]


def conversation(pick: Random, length: int = 12) -> list[Datagram]:
    """Datagrams of a few exporters, some of them lost, late, twice, damaged."""
    speakers = [Exporter(pick, pick.choice((10, 10, 10, 9, 9, 5, 1, 7))) for _ in range(pick.randint(1, 3))]
    spoken: list[Datagram] = []
    now_ns = START_NS
    while len(spoken) < length:
        speaker = pick.choice(speakers)
        octets = speaker.message()
        now_ns += pick.choice((0, 10**9, 10**9, 40 * MINUTE_NS, -MINUTE_NS))
        fate = pick.random()
        if fate < 0.05:
            continue
        if fate < 0.15:
            octets = damaged(pick, octets)
        datagram = (octets, speaker.address, pick.choice((now_ns, now_ns, now_ns, None)))
        spoken.append(datagram)
        if fate > 0.97:
            spoken.append(datagram)
        elif fate > 0.94:
            spoken.insert(pick.randrange(len(spoken)), spoken.pop())
    return spoken


SMALL: dict[str, tuple[int, ...]] = {
    "templates": (5, 6, 8),  # fewer bound the layouts of one message too, which the specification does not
    "templates_per_domain": (0, 1, 2),
    "template_fields_total": (0, 3, 8),
    "fields_per_template": (1, 3),
    "exporters": (1, 2),
    "domains_per_exporter": (1, 2),
    "values_per_message": (0, 1, 7, 20),
    "records_per_message": (0, 1, 3),
    "pending_octets": (0, 10, 60),
    "pending_octets_per_exporter": (0, 10, 60),
    "pending_sets": (0, 1, 2),
    "pending_ns": (0, 10**9),
    "events_per_message": (0, 1, 3),
}


def settings(pick: Random, without: Collection[str] = ()) -> dict[str, Any]:
    """How the decoder is made: every transport and rule, and limits (but some) that are met."""
    made: dict[str, Any] = {
        "key": pick.choice(("address", "address+port")),
        "transport": pick.choice(("udp", "tcp", "sctp", "file")),
        "malformed": pick.choice((None, None, "salvage", "discard")),
        "replay": pick.random() < 0.8,
        "strict": pick.random() < 0.1,
    }
    if pick.random() < 0.5:
        names = pick.sample(sorted(SMALL.keys() - {*without}), pick.randint(1, 3))
        if made["strict"] and "events_per_message" in names:
            names.remove("events_per_message")  # there is always room for what is raised
        made["limits"] = Limits(**{name: pick.choice(SMALL[name]) for name in names})
    return made
