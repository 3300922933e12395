"""Messages and what came of them, for tests of streams, columns and states."""

from __future__ import annotations

from typing import Any

import pytest

from flowparse import NATIVE, Decoder, StateError
from flowparse.reference.compare import rows_of, templates_of
from tests.build import (
    IPFIX_OPTIONS,
    IPFIX_TEMPLATES,
    V9_OPTIONS,
    V9_TEMPLATES,
    VARIABLE,
    V5Record,
    ipfix,
    netflow5,
    netflow9,
    options_template_record,
    options_template_record9,
    set_,
    template_record,
    uint,
    var,
    withdrawal,
)

A, B = ("192.0.2.1", 4000), ("2001:db8::1", 4001)
NOW_NS = 1_700_000_000 * 10**9
FLOWS = template_record(256, [(8, 4), (12, 4), (1, 8)])
NAMES = template_record(257, [(1, 4), (82, VARIABLE)])
RATES = options_template_record(258, [(302, 4)], [(34, 4), (335, 3)])


def flow(n: int, octets: int = 100) -> bytes:
    """A record of template 256."""
    return uint(0x0A000000 + n, 4) + uint(0x0A010000 + n, 4) + uint(octets, 8)


def session(domain: int = 7) -> list[bytes]:
    """The messages of an IPFIX session: templates, data, options, a withdrawal and a template anew."""
    return [
        ipfix(set_(IPFIX_TEMPLATES, FLOWS, NAMES), domain=domain),
        ipfix(set_(256, flow(1), flow(2)), set_(257, uint(9, 4) + var(b"eth0")), sequence=0, domain=domain),
        ipfix(set_(IPFIX_OPTIONS, RATES), set_(258, uint(3, 4) + uint(100, 4) + b"one"), sequence=3, domain=domain),
        ipfix(sequence=4, domain=domain),
        ipfix(set_(256, flow(3), padding=3), sequence=4, domain=domain + 1),
        ipfix(set_(IPFIX_TEMPLATES, withdrawal(257)), sequence=4, domain=domain),
        ipfix(set_(256, *(flow(n) for n in range(30))), sequence=9, domain=domain),
        ipfix(set_(IPFIX_TEMPLATES, template_record(257, [(1, 8)])), set_(257, uint(5, 8)), sequence=39, domain=domain),
        ipfix(set_(256, flow(1)), set_(999, b"early, and then never"), sequence=40, domain=domain),
    ]  # fmt: skip


WHOLE = b"".join(session())
FIRST = ipfix(set_(IPFIX_TEMPLATES, FLOWS), domain=1)


def datagrams() -> list[tuple[bytes, Any, int | None]]:
    """Datagrams of several exporters and protocols, with templates and options."""
    flows9 = template_record(256, [(8, 4), (12, 4), (1, 8), (48, 1), (10, 4)])
    samplers = options_template_record9(260, [(1, 4)], [(48, 1), (50, 4), (84, 6)])
    interfaces = options_template_record9(261, [(2, 4)], [(82, 8)])

    def record9(n: int) -> bytes:
        return flow(n) + bytes([n % 3]) + uint(n % 4, 4)

    return [
        (netflow5([V5Record(octets=7)] * 3, sequence=10), A, NOW_NS),
        (netflow9(set_(V9_TEMPLATES, flows9), sequence=5, source_id=1), A, NOW_NS + 1),
        (netflow9(set_(V9_OPTIONS, samplers, interfaces), sequence=6, source_id=1), A, NOW_NS + 2),
        (netflow9(set_(260, uint(0, 4) + b"\1" + uint(64, 4) + b"fast\0\0"), sequence=7, source_id=1), A, NOW_NS + 3),
        (netflow9(set_(261, uint(2, 4) + b"ge-0/0/1"), sequence=8, source_id=1), A, NOW_NS + 4),
        (netflow9(set_(256, *(record9(n) for n in range(6)), padding=2), sequence=9, source_id=1), A, NOW_NS + 5),
        *((octets, B, None) for octets in session()),
        (netflow9(set_(256, record9(1)), sequence=10, source_id=1), A, NOW_NS + 6),
        (netflow9(set_(256, record9(2)), sequence=12, source_id=1), A, NOW_NS + 7),
        (netflow5([V5Record()] * 2, sequence=15), A, NOW_NS + 8),
        (ipfix(set_(256, flow(8)), sequence=41, domain=7), B, None),
    ]  # fmt: skip


def fed(given: Any, **settings: Any) -> Decoder:
    """A decoder that was fed datagrams, one after another."""
    decoder = Decoder(**settings)
    for octets, exporter, received_ns in given:
        decoder.feed(octets, exporter, received_ns)
    return decoder


def outcome(decoder: Decoder) -> dict[str, Any]:
    """All that came of it, in NATIVE, in plain values."""
    return {
        "rows": rows_of(decoder),
        "events": [event.to_dict() for event in decoder.events()],
        "templates": templates_of(decoder),
        "stats": decoder.stats(),
    }


# ── states ───────────────────────────────────────────────────────────────────────────────────────────────────────────

SETTINGS: dict[str, Any] = {"schema": NATIVE, "transport": "tcp"}
STATE = fed(datagrams(), **SETTINGS).export_state()


def known(decoder: Decoder) -> dict[str, Any]:
    """All that an import could change."""
    return {
        "state": decoder.export_state(), "events": decoder.events(), "stats": decoder.stats(),
        "templates": decoder.templates(), "samplers": decoder.samplers.to_dicts(),
    }  # fmt: skip


def refused(octets: Any, decoder: Decoder | None = None) -> str:
    """Why a state is refused, by a decoder that is not changed by it."""
    decoder = decoder or fed(datagrams()[:3])
    before = known(decoder) | {"events": []}
    decoder.events()
    with pytest.raises(StateError) as caught:
        decoder.import_state(octets)
    assert known(decoder) == before
    return str(caught.value)
