"""docs/reference says what the code says."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import fields
from typing import Any

import pytest

from flowparse import FLOW, DecodeError, Decoder, Limits
from flowparse.events import NOTES
from flowparse.notices import NOTICES
from flowparse.schema import flow_columns
from flowparse.sflowtool.notes import WORDINGS
from tests import build
from tests.examples import documents
from tests.examples.program import ROOT

ADDRESS = "192.0.2.1"
EVENTS, FLOWS, LIMITS = (
    (ROOT / "docs" / "reference" / f"{name}.md").read_text(encoding="utf-8") for name in ("events", "flow", "limits")
)
FILLED = documents.table(FLOWS, "## What NetFlow v1, v5 and v7 fill")
ON_REQUEST = documents.table(FLOWS, "## On request")
NULL = re.findall(r"`(\w+)`", FLOWS[FLOWS.index("## What they leave null") : FLOWS.index("## On request")])


def example(version: int, **values: Any) -> bytes:
    """A datagram whose records leave no field at 0."""
    of_v5 = {"sequence": 7, "sampling_mode": 1, "sampling_interval": 10, "engine_type": 1}
    make = {1: build.netflow1, 5: build.netflow5, 7: build.netflow7}[version]
    record = build.V7Record if version == 7 else build.V5Record
    tcp = record(next_hop="192.0.2.254", src_as=1, dst_as=2, src_mask=24, dst_mask=25, tcp_flags=2, tos=4)
    icmp = record(proto=1, src_port=0, dst_port=8 << 8 | 1)
    return make([tcp, icmp], **(of_v5 if version == 5 else {}))


def null_columns(version: int) -> set[str]:
    decoder = Decoder()
    decoder.feed(example(version), ADDRESS, 1)
    flows = decoder.take()
    return {name for name in flows.names if flows[name].null_count == len(flows)}


# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_events_are_those_of_the_code() -> None:
    documented = [row[:4] for row in documents.table(EVENTS, "## Of datagrams")]
    assert documented == [
        [note.code, note.severity, note.message, ", ".join(note.detail) or "-"] for note in NOTES
    ]  # fmt: skip


def test_events_of_streams_states_and_columns_are_those_of_the_code() -> None:
    assert documents.table(EVENTS, "## Of streams, states and columns") == [
        [code, severity, message] for code, severity, _, message in NOTICES.values()
    ]


def test_events_of_captures_and_of_the_list_itself_are_told() -> None:
    decoder = Decoder(limits=Limits(events=2))
    frames = [(0, build.ethernet(build.udp(build.netflow5([build.V5Record()]))))]
    decoder.feed_capture(build.pcap(frames, snaplen=50)[:-1])
    decoder.feed_capture(build.pcap(frames, snaplen=50))
    decoder.feed(b"", ADDRESS)
    seen = [[event.code, event.severity] for event in decoder.events()]
    documented = [row[:2] for row in documents.table(EVENTS, "## Of captures, and of the list")]
    assert [list(each) for each in dict.fromkeys(map(tuple, seen))] == documented


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (b"", "message_discarded"),
        (b"\0\x08" + bytes(30), "message_discarded"),
        (build.netflow5([build.V5Record()], count=2), "message_truncated"),
        (build.netflow5([build.V5Record()] * 31), "count_mismatch"),
    ],
)
def test_what_a_strict_decoder_raises(octets: bytes, code: str) -> None:
    decoder = Decoder()
    decoder.feed(octets, ADDRESS)
    assert [event.code for event in decoder.events()] == [code]
    assert f"`{code}`" in EVENTS[EVENTS.index("## Strict") :]
    with pytest.raises(DecodeError):
        Decoder(strict=True).feed(octets, ADDRESS)


def test_a_strict_decoder_tells_the_rest() -> None:
    decoder = Decoder(strict=True)
    decoder.feed(build.netflow5([build.V5Record()]) + b"?", ADDRESS)
    decoder.feed(build.netflow5([build.V5Record()], sequence=9), ADDRESS)
    assert [event.code for event in decoder.events()] == ["trailing_octets", "sequence_gap"]


# ── columns ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_columns_are_those_of_flow_tsv() -> None:
    columns = flow_columns()
    documented = {row[0]: row[1:3] for row in FILLED + ON_REQUEST}
    assert documented == {name: [columns[name].type.name, columns[name].unit or "-"] for name in documented}
    assert Counter([row[0] for row in FILLED] + NULL) == Counter(FLOW.names)
    assert [row[0] for row in ON_REQUEST] == [name for name, column in columns.items() if column.on_request]


def test_columns_are_filled_where_it_is_said() -> None:
    versioned = {row[0] for row in FILLED if "v1: null" in row[3]}
    assert null_columns(5) == set(NULL)
    assert null_columns(7) == {*NULL, "sampling_rate"}
    assert null_columns(1) == {*NULL, "sampling_rate"} | versioned
    assert versioned == {"sequence_num", "src_as", "dst_as", "src_net", "dst_net"}


def test_values_are_what_is_said_of_them() -> None:
    decoder = Decoder()
    decoder.feed(example(5), ADDRESS, 1)
    tcp, icmp = decoder.take()
    assert (tcp.type, tcp.observation_domain_id, tcp.time_source, tcp.sampling_source) == (2, 256, 5, 7)
    assert (tcp.etype, tcp.record_kind, tcp.next_hop, icmp.next_hop) == (2048, 0, "192.0.2.254", None)
    assert (tcp.src_port, tcp.dst_port, tcp.icmp_type) == (49152, 443, None)
    assert (icmp.src_port, icmp.dst_port, icmp.icmp_type, icmp.icmp_code) == (None, None, 8, 1)


# ── limits ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_limits_are_those_of_the_code() -> None:
    in_force = documents.table(LIMITS, "## In force")
    to_come = documents.table(LIMITS, "## For protocols to come")
    defaults = {field.name: str(field.default) for field in fields(Limits)}
    assert {row[0]: row[1] for row in in_force + to_come} == defaults
    sources = [*ROOT.glob("src/flowparse/**/*.py"), *ROOT.glob("src/flowparse/*.pyx")]
    read = {name for path in sources for name in re.findall(r"limits\.(\w+)", path.read_text(encoding="utf-8"))}
    assert read & defaults.keys() == {row[0] for row in in_force}


# ── sflowtool ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_events_of_text_are_those_of_the_code() -> None:
    text = (ROOT / "docs" / "reference" / "sflowtool.md").read_text(encoding="utf-8")
    assert documents.table(text, "## Events") == [
        [kind, wording.code, wording.severity, wording.message] for kind, wording in WORDINGS.items()
    ]
