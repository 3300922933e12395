"""compare() finds nothing where nothing is, and names the first of what was planted."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import flowparse
from flowparse import reference
from flowparse.events import NOTES
from flowparse.reference import fixed, message, state, values
from flowparse.reference.kinds import Kind
from tests import build

A = ("192.0.2.1", 9995)
TEMPLATE = build.set_(0, build.template_record(256, [(8, 4), (1, 4), (4, 1)]))
DATA = build.set_(256, build.addr("10.0.0.9") + build.uint(7, 4) + build.uint(6, 1))
OPTIONS = build.set_(1, build.options_template_record9(257, [(1, 4)], [(34, 4)]))
DATAGRAMS = [
    (build.netflow9(TEMPLATE, OPTIONS), A),
    (build.netflow9(DATA, sequence=1), A),
    (build.netflow9(build.set_(257, bytes(7) + b"\x64"), sequence=2), A),
    (build.netflow5([build.V5Record()] * 31, sequence=5), A, 1_700_000_000 * 10**9),
    (build.netflow9(DATA, build.set_(300, b"12345678"), sequence=9)[:-1], A),
]


def test_nothing_where_nothing_is() -> None:
    assert reference.compare(DATAGRAMS) == []
    assert reference.compare(DATAGRAMS, strict=True) == []
    assert reference.compare([]) == []


def broken(call: Callable[..., Any], change: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda *given, **named: change(call(*given, **named))


PLANTED = [
    (fixed, "MOST_RECORDS", 31, r"datagram 3: event 0: kernel \{'code': 'count_mismatch'.*specification None"),
    (message, "unknown_elements", lambda fields: 1, "datagram 1: event 0: kernel None, .*element_unknown"),
    (message, "odd_widths", lambda fields: 2, "datagram 1: event 0: .*value_out_of_range"),
    (state, "RESTART_MS", -1, "datagram 4: event [0-9]: .*exporter_restarted"),
]


@pytest.mark.parametrize(("module", "name", "planted", "found"), PLANTED)
def test_it_names_what_was_planted(
    module: Any, name: str, planted: Any, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, name, planted)
    report = reference.compare(DATAGRAMS)
    assert re.match(found, report[0])
    assert report[1].startswith("settings: ")
    assert [bytes.fromhex(line.split()[-1]) for line in report[2:]] == [
        bytes(octets) for octets, *_ in DATAGRAMS[: len(report) - 2]
    ]


def test_it_names_a_value_and_its_octets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowparse.reference.tables.value", broken(values.value, lambda each: 0 if each == 7 else each))
    [line, *_] = reference.compare(DATAGRAMS)
    assert line == (
        "datagram 1: row 0 of data (octetDeltaCount u64, protocolIdentifier u8, sourceIPv4Address ipv4): "
        "octetDeltaCount: kernel 7, specification 0"
    )


def test_it_names_a_template_and_an_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reference.compare(DATAGRAMS[3:4], strict=True) == []
    monkeypatch.setattr(fixed, "MOST_RECORDS", 31)
    [line, *_] = reference.compare(DATAGRAMS[3:4], strict=True)
    assert line.startswith("datagram 0: raised: kernel ('Malformed', ")
    monkeypatch.undo()
    monkeypatch.setattr("flowparse.reference.datagram.Datagram.commit_templates", lambda self, reading: None)
    [line, *_] = reference.compare(DATAGRAMS[:1])
    assert line.startswith("after datagram 0: a template: kernel PlainTemplate(exporter='192.0.2.1', domain=0, id=256")


def test_kinds_are_those_of_the_walk_and_of_the_words() -> None:
    source = Path(flowparse.__file__).with_name("_notes.pxd")
    if not source.is_file():
        pytest.skip("installed without sources")
    of_walk = {name: int(number) for name, number in re.findall(r"^\s+NOTE_(\w+) = (\d+)", source.read_text(), re.M)}
    assert {kind.name: kind.value for kind in Kind}.items() <= of_walk.items()
    assert max(Kind) < len(NOTES)
    table = (Path(__file__).parents[2] / "docs" / "design" / "wire-decisions.md").read_text(encoding="utf-8")
    named = {*re.findall(r"`([A-Z_]{4,})\b", table)}
    assert {name for name in named if name.isupper()} - {"NOTE_", "NATIVE"} <= {
        *(kind.name for kind in Kind),
        *{"SET_LONG_", "SET_SHORT_", "RECORD_LONG_", "LENGTH_LONG_", "TAIL_", "EVICTED_", "_CHANGED"},
    }


def test_the_face_of_the_specification() -> None:
    decoder = reference.Decoder()
    decoder.decode(*DATAGRAMS[0])
    read = decoder.decode(*DATAGRAMS[1])
    assert (read.version, read.exporter, read.domain, read.replayed) == ("netflow9", "192.0.2.1", 0, 0)
    [table] = read.tables
    assert table.to_dicts()[0]["sourceIPv4Address"] == table.rows[0]["sourceIPv4Address"] == "10.0.0.9"
    assert (table.rows[0].raw("octetDeltaCount"), len(table)) == (b"\0\0\0\7", 1)
    [options] = decoder.decode(*DATAGRAMS[2]).options
    assert options.to_dicts()[0]["samplingInterval"] == 100
    assert (decoder.rows_waiting, decoder.take_tables(), decoder.events()) == (0, [], [])
    assert decoder.feed_many([DATAGRAMS[1][0]] * 2, [A] * 2) == 2
    assert [len(table) for table in decoder.take_tables()] == [2]
