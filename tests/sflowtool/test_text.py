"""Whatever sflowtool prints is read back to what it printed, in each of its formats and in any pieces."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flowparse as fp
from flowparse import sflowtool
from flowparse.sflow import Datagram
from tests.sflowtool import made, printer

CHAPTER = """\
startDatagram =================================
datagramSourceIP 192.168.199.148
datagramSize 88
unixSecondsUTC 1489727283
datagramVersion 5
agentSubId 100
agent 192.168.199.148
packetSequenceNo 5250248
sysUpTime 4017060520
samplesInPacket 1
startSample ----------------------
sampleType_tag 0:4
sampleType COUNTERSSAMPLE
sampleSequenceNo 2503508
sourceId 2:1
counterBlock_tag 0:1001
5s_cpu 0.00
1m_cpu 21.00
5m_cpu 20.80
total_memory_bytes 3997478912
free_memory_bytes 1083838464
endSample ----------------------
endDatagram =================================
"""


def read(text: str | bytes, **options: object) -> list[Datagram]:
    parser = sflowtool.Parser(**options)  # type: ignore[arg-type]
    parser.feed(text)
    parser.close()
    return list(parser.datagrams())


def test_the_nexus_of_the_chapter() -> None:
    result = sflowtool.parse(CHAPTER)
    assert [datagram.agent for datagram in result.datagrams] == ["192.168.199.148"]
    [counters] = result.counters
    [row] = counters
    assert counters.name == "processor"
    assert (row["5s_cpu"], row["1m_cpu"], row["5m_cpu"]) == (0.0, 21.0, 20.8)
    assert (row["total_memory_bytes"], row["free_memory_bytes"]) == (3997478912, 1083838464)
    assert row["time_received_ns"] == 1489727283 * 10**9
    assert len(result.flows) == 0
    assert result.events == []
    assert result.datagrams[0].source == "192.168.199.148"
    assert result.agents(1489727283 * 10**9 + 5 * 10**9)["192.168.199.148"]["lastSeen"] == 5000


@settings(max_examples=20)
@given(st.lists(made.datagrams(), max_size=3))
def test_tagged_text_is_read_back(datagrams: list[Datagram]) -> None:
    result = sflowtool.parse(printer.tagged(datagrams))
    assert result.datagrams == datagrams
    assert [each.source for each in result.datagrams] == [each.source for each in datagrams]
    assert [event for event in result.events if event.code.startswith("text")] == []


@settings(max_examples=20)
@given(st.lists(made.datagrams(), min_size=1, max_size=3))
def test_grep_is_read_back(datagrams: list[Datagram]) -> None:
    assert read(printer.grep(datagrams)) == datagrams


@settings(max_examples=20)
@given(st.lists(made.datagrams(), min_size=1, max_size=3), st.sampled_from([None, 1]))
def test_json_is_read_back(datagrams: list[Datagram], indent: int | None) -> None:
    assert read(printer.json_lines(datagrams, indent)) == datagrams


@pytest.mark.parametrize("structure", made.PRINTED, ids=lambda each: f"{each.kind}-{each.name}")
@settings(max_examples=2)
@given(st.data())
def test_each_structure_is_read_back(structure: fp.sflow.structures.Structure, data: st.DataObject) -> None:
    values = made._of({f.name: data.draw(made.VALUES[f.type]) for f in structure.fields}, structure)
    fields = fp.sflow.Fields(structure.names, tuple(values[name] for name in structure.names))
    record = fp.sflow.Record(structure.enterprise, structure.format, structure.name, fields)
    sample = (
        made.flow_sample(records=(record, record))
        if structure.kind == "flow"
        else fp.sflow.CounterSample(sequence=1, source_class=0, source_index=3, records=(record, record))
    )
    datagram = made.datagram(sample)
    assert read(printer.tagged([datagram])) == [datagram]


FORMATS = {
    "text": printer.tagged,
    "grep": printer.grep,
    "json": printer.json_lines,
    "indented": lambda datagrams: printer.json_lines(datagrams, 1),
}
SOME = [made.datagram(made.flow_sample(n), made.counter_sample(n, ifInOctets=n), sequence=n) for n in (1, 2, 4)]


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=40)
@given(st.data())
def test_pieces_make_no_difference(format: str, data: st.DataObject) -> None:
    text = FORMATS[format](SOME).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    whole = sflowtool.Parser()
    whole.feed(text)
    whole.close()
    parser = sflowtool.Parser()
    done = sum(parser.feed(text[start:end]) for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True))
    parser.close()
    assert done == len(SOME)
    assert list(parser.datagrams()) == list(whole.datagrams()) == SOME
    assert parser.take() == whole.take()
    assert parser.take_counters() == whole.take_counters()
    assert parser.events() == whole.events()


@pytest.mark.parametrize("format", FORMATS)
def test_one_octet_at_a_time(format: str) -> None:
    parser = sflowtool.Parser()
    for octet in FORMATS[format](SOME).encode():
        parser.feed(bytes([octet]))
    parser.close()
    assert list(parser.datagrams()) == SOME


def test_rows_are_those_of_the_binary_datagram() -> None:
    flows = sflowtool.parse(printer.tagged([made.datagram(made.flow_sample())])).flows
    [row] = flows
    assert (row.src_addr, row.src_port, row.dst_addr, row.dst_port) == ("192.0.2.1", 49374, "198.51.100.2", 443)
    assert (row.bytes, row.packets, row.sampling_rate, row.in_if, row.out_if) == (70, 1, 400, 3, 4)
    assert row.sampler_address == "10.0.0.1"


def test_a_mac_of_digits_is_a_mac() -> None:
    text = printer.tagged(SOME[:1]).replace(
        "counterBlock_tag 0:1\n", "counterBlock_tag 0:7\nactorSystemID 020000000001\ncounterBlock_tag 0:1\n"
    )
    records = read(text)[0].samples[1].records  # type: ignore[union-attr]
    assert records[0].fields == {"actorSystemID": "02:00:00:00:00:01"}


def test_the_first_line_tells_the_format() -> None:
    noise = "pcap version=2.4 snaplen=65535 linktype=1 \n\n"
    for print_ in FORMATS.values():
        parser = sflowtool.Parser()
        parser.feed(noise + print_(SOME))
        parser.close()
        assert list(parser.datagrams()) == SOME
        [event] = parser.events()
        assert (event.code, event.detail["line"]) == ("text_line_skipped", 1)
        assert event.detail["text"].startswith("pcap version=2.4")


def test_a_text_of_no_format_is_told_of_and_makes_nothing() -> None:
    result = sflowtool.parse("what is\nthis")
    assert [event.detail["text"] for event in result.events] == ["what is", "this"]
    assert result.datagrams == []
    assert (len(result.flows), result.counters) == (0, [])


def test_carriage_returns_are_no_part_of_values() -> None:
    assert read(printer.tagged(SOME).replace("\n", "\r\n")) == SOME


def test_text_and_octets_are_the_same_text() -> None:
    text = printer.tagged(SOME)
    assert read(text) == read(text.encode()) == read(bytearray(text.encode())) == read(memoryview(text.encode()))  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{"format": "xml"}, {"format": "fields"}])
def test_a_format_that_there_is_none_of(options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="format"):
        sflowtool.Parser(**options)  # type: ignore[arg-type]


def test_mistakes_of_the_caller() -> None:
    with pytest.raises(TypeError, match="fields"):
        sflowtool.Parser(fields="srcIP")
    with pytest.raises(TypeError, match="schema"):
        sflowtool.Parser(schema=fp.NATIVE)  # type: ignore[arg-type]
    parser = sflowtool.Parser()
    with pytest.raises(TypeError, match="chunk"):
        parser.feed(7)  # type: ignore[arg-type]
    parser.close()
    parser.close()
    with pytest.raises(ValueError, match="closed"):
        parser.feed("startDatagram")


def test_times_are_those_of_the_text() -> None:
    datagram = made.datagram(made.flow_sample())
    flows = sflowtool.parse(printer.tagged([datagram], received_ns=1_700_000_000_123_456_000)).flows
    assert flows[0].time_received_ns == 1_700_000_000_123_456_000
    captured = printer.tagged([datagram]).replace(
        "datagramVersion", "pcapTimestamp 2023-11-15T01:13:20+0300\npcapTimestamp_uS 7\ndatagramVersion"
    )
    assert sflowtool.parse(captured).flows[0].time_received_ns == 1_700_000_000_000_007_000
    assert sflowtool.parse(printer.tagged([datagram])).flows[0].time_received_ns is None


# ── who reads what ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_reader_has_every_datagram_once() -> None:
    parser = sflowtool.Parser()
    parser.feed(printer.tagged(SOME[:1]))
    assert list(parser.datagrams()) == SOME[:1]
    parser.feed(printer.tagged(SOME[1:]))
    assert list(parser.datagrams()) == SOME[1:]
    assert list(parser.datagrams()) == []
    assert len(parser.take()) == 2  # rows of the first waited through two calls
    assert len(parser.take()) == 0


def test_what_is_never_read_is_not_kept_for_ever_and_told_of_once() -> None:
    parser = sflowtool.Parser()
    for datagram in SOME * 3:
        parser.feed(printer.tagged([datagram]))
        parser.take()
        parser.take_counters()
    dropped = [event for event in parser.events() if event.code == "output_dropped"]
    assert [event.severity for event in dropped] == ["info"]
    assert len(list(parser.datagrams())) == 1  # it waited through one call
    parser.feed(printer.tagged(SOME))
    assert [event.code for event in parser.events() if event.code == "output_dropped"] == []


def test_reading_all_three_loses_nothing() -> None:
    parser = sflowtool.Parser()
    rows = counters = records = 0
    for datagram in SOME:
        parser.feed(printer.tagged([datagram]))
        rows += len(parser.take())
        counters += sum(map(len, parser.take_counters()))
        records += len(list(parser.datagrams()))
    assert (rows, counters, records) == (3, 3, 3)
    assert [event for event in parser.events() if event.code == "output_dropped"] == []


def test_an_iterator_that_is_left_goes_on_at_the_next_call() -> None:
    parser = sflowtool.Parser()
    parser.feed(printer.tagged(SOME[:1]))
    next(parser.datagrams())
    parser.feed(printer.tagged(SOME[1:]))
    assert [each.sequence for each in parser.datagrams()] == [2, 4]
