"""Every era of sflowtool's text reads as the newest does: text without markers, and 5.01 with its turned digits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowparse import sflowtool
from flowparse.sflow import CounterSample, Datagram, Fields, FlowSample, Port, Record
from flowparse.sflow.structures import COUNTER, FLOW, Structure, structures
from tests.sflowtool import eras, made, printer

IP6_TYPES = {"ip6", "addr"}


def record_of(structure: Structure, data: st.DataObject, *, ip6: bool = True) -> Record:
    """A record of any values; of IPv4 addresses alone without `ip6`."""
    values = {
        field.name: data.draw(made.IP4 if field.type == "addr" and not ip6 else made.VALUES[field.type])
        for field in structure.fields
    }
    values = made._of(values, structure)
    fields = Fields(structure.names, tuple(values[name] for name in structure.names))
    return Record(structure.enterprise, structure.format, structure.name, fields)


def sample_of(record: Record, kind: str) -> FlowSample | CounterSample:
    if kind == COUNTER:
        return CounterSample(sequence=1, source_class=0, source_index=3, records=(record, record))
    return made.flow_sample(records=(record, record))


def told(text: str, **options: object) -> tuple[list[Datagram], list[str]]:
    """The datagrams, and what was said of the text."""
    result = sflowtool.parse(text, **options)
    return result.datagrams, [event.message for event in result.events if event.code.startswith("text")]


@pytest.mark.parametrize("era", ["3.36", "5.02", "6.08"])
@pytest.mark.parametrize("structure", made.PRINTED, ids=lambda each: f"{each.kind}-{each.name}")
@settings(max_examples=1)
@given(st.data())
def test_each_structure_in_each_era(structure: Structure, era: str, data: st.DataObject) -> None:
    datagram = made.datagram(sample_of(record_of(structure, data), structure.kind), made.flow_sample(2))
    datagrams, messages = told(eras.ERAS[era](printer.tagged([datagram], octets=None)))
    assert datagrams == [datagram]
    assert messages == []


PRINTED_IP4 = [each for each in made.PRINTED if all(field.type != "ip6" for field in each.fields)]


@pytest.mark.parametrize("first", [True, False], ids=["header_first", "header_last"])
@pytest.mark.parametrize("structure", PRINTED_IP4, ids=lambda each: f"{each.kind}-{each.name}")
@settings(max_examples=1)
@given(st.data())
def test_each_structure_in_5_01(structure: Structure, first: bool, data: st.DataObject) -> None:
    """What comes before the header that shows it is put right as well as what comes behind."""
    sample = sample_of(record_of(structure, data, ip6=False), structure.kind)
    samples = (made.flow_sample(2), sample) if first else (sample, made.flow_sample(2))
    datagram = made.datagram(*samples)
    datagrams, messages = told(eras.v5_01(printer.tagged([datagram])))
    assert datagrams == [datagram]
    [message] = messages
    assert "sflowtool 5.01" in message
    assert message.endswith("as they stood: 0")


LAG = Record(0, 7, "lag_port_stats", Fields(("actorSystemID",), ("02:00:00:00:00:1a",)))
LAG_SAMPLE = CounterSample(sequence=1, source_class=0, source_index=3, records=(LAG,))


def test_values_that_were_handed_over_before_5_01_showed_are_told_of() -> None:
    parser = sflowtool.Parser()
    parser.feed(eras.v5_01(printer.tagged([made.datagram(LAG_SAMPLE)])))
    [early] = parser.datagrams()
    assert early.samples[0].records[0].fields["actorSystemID"] == "20:00:00:00:00:a1"  # type: ignore[union-attr]
    parser.feed(eras.v5_01(printer.tagged([made.datagram(LAG_SAMPLE, made.flow_sample(), LAG_SAMPLE)])))
    [late] = parser.datagrams()
    assert late.samples == (LAG_SAMPLE, made.flow_sample(), LAG_SAMPLE)
    assert [event.detail["values"] for event in parser.events() if "5.01" in event.message] == [1]


def test_a_text_that_never_tells_its_era_says_so_at_its_end() -> None:
    text = eras.without_microseconds(printer.tagged([made.datagram(LAG_SAMPLE)] * 3))
    datagrams, messages = told(text)
    assert [each.samples for each in datagrams] == [(LAG_SAMPLE,)] * 3
    [message] = messages
    assert "3 values in hexadecimal digits are as they stand" in message
    assert told(eras.v4_01(text))[1] == []


def test_what_waits_for_the_era_is_bounded() -> None:
    """65,536 places are kept; of more it is known how many there were."""
    sample = replace(LAG_SAMPLE, records=(LAG,) * 1000)
    text = eras.without_microseconds(printer.tagged([made.datagram(sample)])).replace("1a", "a1")
    parser = sflowtool.Parser()
    for _ in range(70):
        parser.feed(text)
    parser.feed(eras.v5_01(printer.tagged([made.datagram(made.flow_sample())])))
    *many, last = parser.datagrams()
    macs = [record.fields["actorSystemID"] for each in many for record in each.samples[0].records]  # type: ignore[union-attr]
    assert (macs[0], macs[69_999]) == ("20:00:00:00:00:1a", "02:00:00:00:00:a1")
    assert last.samples == (made.flow_sample(),)
    [late] = [event for event in parser.events() if "5.01" in event.message]
    assert late.detail["values"] == 70_000 + 1 - 65_536


@pytest.mark.parametrize(
    ("protocol", "header"),
    [(1, made.HEADER[:12] + b"\x08\x06" + bytes(28)), (11, made.HEADER[14:]), (12, b"\x60" + bytes(39))],
    ids=["arp", "ipv4", "ipv6"],
)
def test_headers_that_show_it(protocol: int, header: bytes) -> None:
    names = ("protocol", "frame_length", "stripped", "header")
    sample = made.flow_sample(records=(Record(0, 1, "sampled_header", Fields(names, (protocol, 70, 4, header))),))
    datagram = made.datagram(LAG_SAMPLE, sample)
    text = printer.tagged([datagram])
    assert told(eras.v5_01(text))[0] == [datagram]
    assert told(eras.without_microseconds(text)) == ([datagram], [])


def test_an_ipv6_address_of_four_digits_shows_it() -> None:
    structure = structures(FLOW)[0, 2101]
    values = (6, "2001:db8::1", "2001:db8::2", 1, 2)
    socket = made.flow_sample(records=(Record(0, 2101, structure.name, Fields(structure.names, values)),))
    [datagram], messages = told(eras.v5_01(printer.tagged([made.datagram(LAG_SAMPLE, socket)])))
    assert datagram.samples[0] == LAG_SAMPLE
    assert set(datagram.samples[1].records[0].fields) == {"protocol", "local_port", "remote_port"}  # type: ignore[union-attr]
    assert "sflowtool 5.01" in messages[0]


@pytest.mark.parametrize("pieces", [1, 7, 100])
def test_pieces_make_no_difference_to_5_01(pieces: int) -> None:
    datagrams = [made.datagram(LAG_SAMPLE, sequence=1), made.datagram(made.flow_sample(), LAG_SAMPLE, sequence=2)]
    text = eras.v5_01(printer.tagged(datagrams))
    parser = sflowtool.Parser()
    for start in range(0, len(text), pieces):
        parser.feed(text[start : start + pieces])
    assert list(parser.datagrams()) == datagrams


# ── without markers ──────────────────────────────────────────────────────────────────────────────────────────────────

OLD_HEADER = ("protocol", "frame_length", "header")


def old_flow(sequence: int, *records: Record, output: Port | None = None) -> FlowSample:
    """A flow sample of version 2 or 4."""
    header = Record(0, 1, "sampled_header", Fields(OLD_HEADER, (1, 1014, made.HEADER)))
    return made.flow_sample(sequence, records=(header, *records), output=output or Port(0, 16))


def old_counters(sequence: int) -> CounterSample:
    return replace(made.counter_sample(sequence, ifInOctets=7), interval_s=20)


SWITCH = Record(0, 1001, "extended_switch", Fields(structures(FLOW)[0, 1001].names, (1, 2, 3, 4)))
ROUTER = Record(0, 1002, "extended_router", Fields(structures(FLOW)[0, 1002].names, ("192.0.2.9", 24, 16)))
GATEWAY_2 = Record(
    0, 1003, "extended_gateway", Fields(("as", "src_as", "src_peer_as", "dst_as_path"), (65001, 0, 0, ((2, (9, 8)),)))
)
IPV4 = Record(
    0, 3, "sampled_ipv4", Fields(structures(FLOW)[0, 3].names, (60, 6, "192.0.2.1", "192.0.2.2", 1, 2, 16, 0))
)


def old(version: int, *samples: FlowSample | CounterSample, sequence: int = 1) -> Datagram:
    return replace(made.datagram(*samples, sequence=sequence), version=version, sub_agent_id=None)


OLD = {
    "flows_and_counters": [
        old(2, old_flow(9466, ROUTER), old_counters(346), old_flow(9467, ROUTER), old_counters(346), sequence=5219),
        old(2, old_flow(9468, SWITCH, ROUTER, GATEWAY_2), sequence=5220),
    ],
    "version_4": [old(4, old_flow(1, SWITCH, output=Port(2, 3)), old_counters(2))],
    "no_samples": [old(2, sequence=1), old(2, sequence=2), old(2, old_counters(1), sequence=3)],
    "tuples": [old(4, made.flow_sample(1, records=(IPV4, SWITCH)), made.flow_sample(2, records=(IPV4,)))],
}


@pytest.mark.parametrize("name", OLD)
@pytest.mark.parametrize("marked", [True, False], ids=["marked", "unmarked"])
def test_versions_2_and_4_with_markers_and_without(name: str, marked: bool) -> None:
    text = printer.tagged(OLD[name], received_ns=991362247 * 10**9)
    datagrams, messages = told(text if marked else eras.unmarked(text))
    assert datagrams == OLD[name]
    assert messages == []


@pytest.mark.parametrize("pieces", [1, 10])
def test_a_datagram_without_markers_is_complete_when_the_next_begins(pieces: int) -> None:
    text = eras.unmarked(printer.tagged(OLD["flows_and_counters"]))
    parser = sflowtool.Parser()
    done = sum(parser.feed(text[start : start + pieces]) for start in range(0, len(text), pieces))
    assert done == 1
    parser.close()
    assert list(parser.datagrams()) == OLD["flows_and_counters"]
    assert parser.events() == []


def test_times_agents_and_rows_of_text_without_markers() -> None:
    result = sflowtool.parse(eras.unmarked(printer.tagged(OLD["flows_and_counters"], received_ns=991362247 * 10**9)))
    assert [row.src_addr for row in result.flows] == ["192.0.2.1"] * 3
    assert {row.time_received_ns for row in result.flows} == {991362247 * 10**9}
    [agent] = result.agents(991362248 * 10**9).values()
    assert (agent["sFlowDatagramsReceived"], agent["sFlowFlowSamples"], agent["sFlowCounterSamples"]) == (2, 3, 2)


def test_a_header_of_which_the_text_has_a_part_is_told_of() -> None:
    """Versions of that time print 64 octets, and how many there were."""
    octets = len(made.HEADER)
    text = eras.unmarked(printer.tagged([old(2, old_flow(1))])).replace(f"headerLen {octets}", "headerLen 128")
    [datagram], [message] = told(text)
    assert datagram == old(2, old_flow(1))
    assert f"headerLen is 128 octets, and the text has {octets}" in message
    assert [event.message for event in datagram.notices] == [message]


def test_a_text_without_markers_that_breaks_off_within_a_sample() -> None:
    text = eras.unmarked(printer.tagged(OLD["flows_and_counters"]))
    [first, second], messages = told(text[: text.rindex("sourceId")])
    assert first == OLD["flows_and_counters"][0]
    assert second.samples == ()
    assert messages


def test_a_text_that_begins_within_a_datagram_of_markers() -> None:
    text = printer.tagged(SOME := [made.datagram(made.flow_sample(n), sequence=n) for n in (1, 2)])
    datagrams, messages = told(text[text.index("unixSecondsUTC") :])
    assert datagrams == SOME
    assert messages == []
    datagrams, messages = told(text[text.index("agent ") :])
    assert datagrams == SOME[1:]
    assert len(messages) == text[text.index("agent ") : text.index("startDatagram", 10)].count("\n")


LINES = st.sampled_from(eras.unmarked(printer.tagged(OLD["flows_and_counters"])).splitlines(keepends=True))


@settings(max_examples=60)
@given(st.lists(LINES, max_size=80))
def test_any_lines_without_markers(lines: list[str]) -> None:
    result = sflowtool.parse("".join(lines), format="text")
    result.agents(0)
    assert all(isinstance(datagram, Datagram) for datagram in result.datagrams)
