"""Allocations that fail, one after another: a MemoryError and nothing else, and the next call works.

A message counts whole or not at all: where only its events had no memory, it has counted.

`tests/hostile/test_memory.py` does the same for the fixed formats, and looks for leaks. Here are those
with templates, sFlow, text and captures: for each call the first allocation fails, then the second,
and so on until it succeeds; once with that one alone, and once with many behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from flowparse import FLOW, NATIVE, Decoder, sflow, sflowtool
from tests import build_sflow as make
from tests.build import (
    V5Record,
    ethernet,
    ipfix,
    netflow5,
    netflow9,
    options_template_record,
    options_template_record9,
    pcap,
    pcapng,
    set_,
    template_record,
    udp,
)
from tests.sflowtool import made, printer

_testcapi = pytest.importorskip("_testcapi", reason="this Python has no _testcapi")
pytestmark = pytest.mark.starves
A = ("192.0.2.1", 9995)

FIELDS = [(8, 4), (12, 4), (1, 8), (10, 4), (82, 65535)]
RECORD = bytes([10, 0, 0, 1, 10, 0, 0, 2]) + bytes(7) + b"\x07" + bytes(3) + b"\1" + b"\4eth0"
TEMPLATE = set_(2, template_record(256, FIELDS), template_record(257, [(4, 1)]))
OPTIONS = set_(3, options_template_record(300, [(302, 4)], [(305, 4), (306, 4)]))
NAMES = set_(3, options_template_record(301, [(10, 4)], [(82, 65535)]))
TOLD = set_(300, bytes([0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 3, 231]))
NAMED = set_(301, b"\0\0\0\1\4eth0")
EVERYTHING = ipfix(
    TEMPLATE, OPTIONS, NAMES, set_(256, RECORD, RECORD), TOLD, NAMED, set_(257, b"\6\x11"), set_(999, b"?")
)
EARLY = ipfix(set_(256, RECORD), set_(257, b"\6"))
CHANGED = ipfix(set_(2, template_record(256, FIELDS[:3])), set_(256, RECORD[:16] * 3))
TORN = ipfix(TEMPLATE, set_(256, RECORD), b"\1\0\0\3")
NINE = netflow9(
    set_(0, template_record(256, [(8, 4), (1, 4), (82, 16)])),
    set_(1, options_template_record9(300, [(2, 4)], [(34, 4)])),
    set_(256, bytes(48)),
    set_(300, b"\0\0\0\1\0\0\3\xe8"),
)
SFLOW = make.datagram(
    make.flow_sample(make.header(ethernet(udp(b"x"))), make.switch(), make.router(), make.gateway((2, (1, 2)))),
    make.counters_sample(make.if_counters(), make.processor()),
    make.flow_sample(make.tagged(77, b"what"), expanded=True),
    make.discard_sample(make.header(ethernet(udp(b"x")))),
)
FIXED = netflow5([V5Record(octets=i) for i in range(30)])
PACKETS = [(i + 1, ethernet(udp(octets, src=(f"10.0.0.{i}", 5)))) for i, octets in enumerate((EVERYTHING, NINE, SFLOW))]
TEXT = printer.tagged([made.datagram(made.flow_sample(1), made.counter_sample(1, ifInOctets=7))]).encode()
JSON = printer.json_lines([made.datagram(made.flow_sample(1))]).encode()
ROWS = b"FLOW,10.0.0.1,3,4,aa,bb\n" + b"CNTR,10.0.0.1,1,6\nnoise\n"


class Call(NamedTuple):
    """What a decoder gets first, and the call that is tried."""

    before: tuple[bytes, ...]
    run: Callable[[Decoder], Any]
    whole: bool = True  # it is one message; others are many, or hand something over


def feed(octets: bytes) -> Callable[[Decoder], Any]:
    return lambda decoder: decoder.feed(octets, A, 7)


def read(message: Any) -> None:
    """Everything that is made when it is asked for."""
    for batch in (*message.tables, *message.options, *message.counters):
        batch.to_dicts()
    for event in message.events:
        event.to_dict()
    assert message.templates is not None


CALLS: dict[str, Call] = {
    "first message": Call((), feed(EVERYTHING)),
    "message again": Call((EVERYTHING,), feed(EVERYTHING)),
    "data that waits": Call((), feed(EARLY)),
    "data that comes free": Call((EARLY, EARLY), feed(EVERYTHING)),
    "template that changes": Call((EVERYTHING,), feed(CHANGED)),
    "torn message": Call((EVERYTHING,), feed(TORN)),
    "netflow9": Call((), feed(NINE)),
    "netflow9 again": Call((NINE,), feed(NINE)),
    "sflow": Call((), feed(SFLOW)),
    "sflow again": Call((SFLOW,), feed(SFLOW)),
    "torn sflow": Call((SFLOW,), feed(SFLOW[:-9])),
    "decode": Call((), lambda decoder: decoder.decode(EVERYTHING, A)),
    "decode sflow": Call((), lambda decoder: decoder.decode(SFLOW, A)),
    "decode and read": Call((), lambda decoder: read(decoder.decode(EVERYTHING, A)), whole=False),
    "decode and read sflow": Call((), lambda decoder: read(decoder.decode(SFLOW, A)), whole=False),
    "feed_many": Call(
        (), lambda decoder: decoder.feed_many([EARLY, EVERYTHING, TORN, NINE, SFLOW, FIXED] * 5, A), whole=False
    ),
    "pcap": Call((), lambda decoder: decoder.feed_capture(pcap(PACKETS)), whole=False),
    "pcapng": Call((), lambda decoder: decoder.feed_capture(pcapng(PACKETS)), whole=False),
    "take_tables": Call((EVERYTHING, SFLOW), lambda decoder: decoder.take_tables(), whole=False),
    "take_options": Call((EVERYTHING, NINE), lambda decoder: decoder.take_options(), whole=False),
    "take_counters": Call((SFLOW,), lambda decoder: decoder.take_counters(), whole=False),
    "events": Call((EVERYTHING, TORN), lambda decoder: decoder.events(), whole=False),
    "stats": Call((EVERYTHING, SFLOW), lambda decoder: decoder.stats()),
    "templates": Call((EVERYTHING, NINE), lambda decoder: decoder.templates()),
}


def failing(start: int, alone: bool, call: Callable[[], Any]) -> bool:
    """Let an allocation fail while `call` runs, alone or with many behind it; whether the call got through.

    Not all of them: without any memory CPython 3.11 itself does not get out of an except clause.
    """
    _testcapi.set_nomemory(start, start + (1 if alone else 500))
    try:
        call()
    except MemoryError:
        return False
    finally:
        _testcapi.remove_mem_hooks()
    return True


def state(decoder: Decoder) -> Any:
    """What a decoder knows and holds."""
    counted = [(s.exporter, s.domain, s.version, s.datagrams, s.records, s.options_records, s.templates,
                s.pending_sets, s.missed, s.discarded, s.sampling_rate) for s in decoder.stats()]  # fmt: skip
    # An exporter or a domain that was heard of, and nothing came of it, may be there.
    return (
        [row for row in counted if any(row[3:10])],
        [(each.id, each.domain, each.fields) for each in decoder.templates()],
        decoder.rows_waiting,
    )


def goes_on(decoder: Decoder) -> list[Any]:
    """What comes of a whole conversation with an exporter that is not known yet."""
    for each in (decoder.take_tables, decoder.take_options, decoder.take_counters, decoder.events):
        each()
    rows: list[Any] = [decoder.feed(octets, "198.51.100.1", 5) for octets in (FIXED, EVERYTHING, SFLOW, CHANGED)]
    for batches in (decoder.take_tables(), decoder.take_options(), decoder.take_counters()):
        rows.append(sorted(repr([{**row, "message_index": 0} for row in batch.to_dicts()]) for batch in batches))
    return rows


SCHEMAS = {"flow": FLOW.add("in_if_name"), "native": NATIVE}
NO_ALLOCATION = {"sflow again", "message again", "netflow9 again"}
"""Calls that may get through without any."""


def sweep(name: str, alone: bool, schema: Any, first: int, step: int) -> int:
    """Fail every `step`-th allocation of a call in turn; return how many failed."""
    call = CALLS[name]
    expected = goes_on(Decoder(schema))
    counted = Decoder(schema)
    for octets in call.before:
        counted.feed(octets, A, 1)
    call.run(counted)
    for turn, after in enumerate(range(first, 10_000, step)):
        decoder = Decoder(schema)
        for octets in call.before:
            decoder.feed(octets, A, 1)
        before = state(decoder)
        if failing(after, alone, lambda decoder=decoder: call.run(decoder)):  # type: ignore[misc]
            return turn
        if call.whole:
            assert state(decoder) in (before, state(counted))
        assert goes_on(decoder) == expected
    raise AssertionError("it never succeeds")


# A generator that is closed without memory cannot say so.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("alone", [True, False], ids=["one", "many"])
@pytest.mark.parametrize("name", CALLS)
def test_an_allocation_that_fails_costs_its_call_only(name: str, alone: bool) -> None:
    """Some of them; which ones differs by the call, and all are tried in the slow test."""
    number = [*CALLS].index(name)
    schema = SCHEMAS["native" if number % 2 else "flow"]
    failed = sweep(name, alone, schema, first=number % 3, step=47)
    assert failed > 0 or name in NO_ALLOCATION


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
@pytest.mark.parametrize("alone", [True, False], ids=["one", "many"])
@pytest.mark.parametrize("name", CALLS)
def test_every_allocation_that_fails_costs_its_call_only(name: str, alone: bool, schema: Any) -> None:
    assert sweep(name, alone, schema, first=0, step=1) > 0 or name in NO_ALLOCATION


TEXTS: dict[str, Callable[[], Any]] = {
    "tagged text": lambda: list(sflowtool.parse(TEXT).datagrams),
    "flows of text": lambda: sflowtool.parse(TEXT).flows.to_dicts(),  # noqa: PLW0108  all of it is made in the call
    "json": lambda: list(sflowtool.parse(JSON).datagrams),
    "rows of text": lambda: sflowtool.parse(ROWS, format="line").flows.to_dicts(),  # noqa: PLW0108
    "sflow objects": lambda: sflow.decode(SFLOW),
}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("alone", [True, False], ids=["one", "many"])
@pytest.mark.parametrize("name", TEXTS)
def test_text_and_objects_survive_an_allocation_that_fails(name: str, alone: bool) -> None:
    call = TEXTS[name]
    expected = call()
    for turn, after in enumerate(range(0, 20_000, 7)):
        if failing(after, alone, call):
            assert turn > 0
            return
        assert call() == expected
    raise AssertionError("it never succeeds")
