"""Text that is torn, merged with messages, injected into or endless: bounded, told of, and never an exception."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowparse import Limits, sflowtool
from flowparse.sflow import CounterSample, Datagram, Fields, Record
from flowparse.sflowtool.waiting import RECORDS
from tests.sflowtool import made, printer

ONE = made.datagram(made.flow_sample(1), made.counter_sample(1, ifInOctets=7))
TEXT = printer.tagged([ONE])


def read(text: str | bytes, **options: object) -> tuple[list[Datagram], list[str]]:
    """The datagrams, and the codes of what was told."""
    result = sflowtool.parse(text, **options)
    return result.datagrams, [event.code for event in result.events]


def with_line(after: str, line: str) -> str:
    """The text with a line put behind the first one that starts so."""
    at = TEXT.index("\n", TEXT.index(after)) + 1
    return TEXT[:at] + line + "\n" + TEXT[at:]


@pytest.mark.parametrize(
    "message",
    [
        "pcap version=2.4 snaplen=65535 linktype=1 ",
        "caught exception: 2",
        "flow_sample_element length error (expected 24, found 16)",
        "unexpected end of datagram after sample 1 of 2",
        "00-05-00-01-<*>-9a-e7-2b-16-4d-96-6a-2b-00-00-00-00",
        "",
        " ",
    ],
)
@pytest.mark.parametrize("after", ["datagramSize", "agent ", "sourceId", "headerLen", "ifSpeed", "endSample"])
def test_a_message_between_lines_costs_only_itself(after: str, message: str) -> None:
    datagrams, codes = read(with_line(after if after in TEXT else "agent ", message))
    assert datagrams == [ONE]
    assert codes == (["text_line_skipped"] if message else [])


def test_a_line_that_stands_twice_counts_once() -> None:
    datagrams, codes = read(with_line("ifInOctets", "ifInOctets 99"))
    assert datagrams == [ONE]
    assert codes == ["text_line_skipped"]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("ifInOctets 7", "ifInOctets seven"),
        ("ifInOctets 7", "ifInOctets 18446744073709551616"),
        ("ifInOctets 7", "ifInOctets -7"),
        ("ifInOctets 7", "ifInOctets "),
        ("ifInOctets 7", "ifInOctets"),
    ],
)
def test_a_value_that_cannot_be_is_a_field_that_is_missing(line: str, wrong: str) -> None:
    datagrams, codes = read(TEXT.replace(line, wrong))
    fields = datagrams[0].samples[1].records[0].fields  # type: ignore[union-attr]
    assert codes == ["text_line_skipped"]
    assert "ifInOctets" not in fields
    assert fields["ifOutOctets"] == 0
    assert len(fields) == 18


def test_a_string_with_a_line_end_is_told_of() -> None:
    host = "counterBlock_tag 0:2000\nhostname a\nb\nUUID 00010203-0405-0607-0809-0a0b0c0d0e0f\nmachine_type 3\n"
    text = TEXT.replace("counterBlock_tag 0:1\n", host + "os_name 2\nos_release 6.1\ncounterBlock_tag 0:1\n")
    result = sflowtool.parse(text)
    [event] = result.events
    assert (event.code, event.detail["text"]) == ("text_line_skipped", "b")
    assert result.datagrams[0].notices == (event,)
    assert result.datagrams[0].samples[1].records[0].fields["os_release"] == "6.1"  # type: ignore[union-attr]


def host(name: str, release: str = "6.1") -> Datagram:
    """A datagram that ends with a host_descr of these strings."""
    names = ("hostname", "uuid", "machine_type", "os_name", "os_release")
    fields = Fields(names, (name, "00010203-0405-0607-0809-0a0b0c0d0e0f", 3, 2, release))
    records = (Record(0, 2000, "host_descr", fields), *made.counter_sample(1, ifInOctets=7).records)
    sample = CounterSample(sequence=1, source_class=0, source_index=3, records=records)
    return made.datagram(made.flow_sample(1), sample, made.flow_sample(2))


STRINGS = ["a\nb", "a\n\nb", "\nab", "ab\n", "a\nlonger line of it\nand one more", "a\n" * 9]


@pytest.mark.parametrize("print_", [printer.tagged, printer.grep], ids=["text", "grep"])
@pytest.mark.parametrize("name", STRINGS)
def test_a_string_with_line_ends_is_put_together_where_the_size_proves_it(name: str, print_: Any) -> None:
    """sflowtool prints the line end as it is; datagramSize tells how long the string was."""
    wanted = host(name, release="x\ny")
    octets = len(sflow_octets(wanted))
    text = print_([wanted]).replace("unixSecondsUTC ", f"datagramSize {octets}\nunixSecondsUTC ", 1)
    if print_ is printer.grep:
        text = text.replace("\nunix", "\n2023-11-14T22:13:20+0000 - 0 0 0:0 0:0 0:0 unix", 1)
    result = sflowtool.parse(text)
    assert result.datagrams == [wanted]
    assert [event.severity for event in result.events] == ["info"] * len(result.events)
    assert {"datagramSize proves" in event.message for event in result.events} == {True}
    assert result.datagrams[0].notices == tuple(event for event in result.events if event.code == "text_line_skipped")


def sflow_octets(datagram: Datagram) -> bytes:
    """What a text of the datagram without line ends makes, plus what its strings have more."""
    plain = replace_strings(datagram)
    parser = sflowtool.Parser()
    parser.feed(printer.tagged([plain]))
    parser.close()
    [block] = parser._blocks.read(RECORDS)
    return block.octets


def replace_strings(datagram: Datagram) -> Datagram:
    """Another character for each line end."""
    _, sample, _ = datagram.samples
    fields = sample.records[0].fields  # type: ignore[union-attr]
    return host(*(str(fields[name]).replace("\n", "_") for name in ("hostname", "os_release")))


def test_a_message_behind_a_string_is_no_part_of_it() -> None:
    wanted = host("nexus")
    octets = len(sflow_octets(wanted))
    text = printer.tagged([wanted]).replace("unixSecondsUTC ", f"datagramSize {octets}\nunixSecondsUTC ", 1)
    text = text.replace("hostname nexus\n", "hostname nexus\ncaught exception: 2\n")
    [datagram], codes = read(text)
    assert datagram == wanted
    assert codes == ["text_line_skipped"]
    assert "caught exception" in datagram.notices[0].message


def test_more_lines_behind_strings_than_are_kept_are_told_of() -> None:
    wanted = host("a\n" * 40)
    octets = len(sflow_octets(wanted))
    text = printer.tagged([wanted]).replace("unixSecondsUTC ", f"datagramSize {octets}\nunixSecondsUTC ", 1)
    [datagram], codes = read(text)
    assert datagram.samples[1].records[0].fields["hostname"] == "a"  # type: ignore[union-attr]
    assert datagram.samples[2] == wanted.samples[2]
    assert "text_torn" in codes


def test_lines_that_somebody_injected_show_in_the_counts() -> None:
    fake = "\n".join(["hostname x", printer.END["sample"], printer.END["datagram"], printer.START["datagram"]])
    text = TEXT.replace("counterBlock_tag 0:1\n", f"counterBlock_tag 0:2000\n{fake}\ncounterBlock_tag 0:1\n")
    text = text.replace("samplesInPacket", "datagramSize 400\nsamplesInPacket")
    _, codes = read(text)
    assert codes.count("text_torn") >= 2


# ── torn ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_sample_without_an_end_keeps_its_whole_records() -> None:
    text = printer.tagged([made.datagram(made.flow_sample(1), made.flow_sample(2))])
    torn = text[: text.rindex("headerBytes")] + printer.END["datagram"] + "\n"
    [datagram], codes = read(torn)
    assert [len(sample.records) for sample in datagram.samples] == [1, 0]  # type: ignore[union-attr]
    assert codes == ["text_torn"]
    assert [event.code for event in datagram.notices] == ["text_torn"]


def test_a_sample_whose_head_breaks_off_is_left_out() -> None:
    torn = TEXT[: TEXT.index("sourceId")] + printer.END["datagram"] + "\n"
    [datagram], codes = read(torn)
    assert datagram.samples == ()
    assert set(codes) == {"text_torn"}


def test_a_datagram_that_begins_within_another() -> None:
    torn = TEXT[: TEXT.index("ifOutOctets")]
    datagrams, codes = read(torn + TEXT)
    assert [len(datagram.samples) for datagram in datagrams] == [2, 2]
    assert datagrams[1] == ONE
    assert datagrams[0].samples[0] == ONE.samples[0]
    assert set(codes) == {"text_torn"}


def test_the_end_of_the_text_ends_what_is_open() -> None:
    [datagram], codes = read(TEXT[: TEXT.rindex("endDatagram")])
    assert datagram == ONE
    assert codes == ["text_torn"]
    assert read(TEXT[:-1]) == ([ONE], [])  # only the last line's end is missing


def test_a_datagram_whose_head_breaks_off_is_left_out() -> None:
    for line in (
        "agent 10.0.0.1\n",
        "packetSequenceNo 1\n",
        "sysUpTime 1000\n",
        "datagramVersion 5\n",
        "agentSubId 0\n",
    ):
        datagrams, codes = read(TEXT.replace(line, "") + TEXT)
        assert datagrams == [ONE]
        assert codes == ["text_torn"]


def test_counts_and_sizes_are_compared() -> None:
    [datagram], codes = read(TEXT.replace("samplesInPacket 2", "samplesInPacket 3"))
    assert datagram.notices[0].detail["told"] == 3
    assert datagram.notices[0].detail["found"] == 2
    _, right = read(printer.tagged([ONE], octets=264))
    _, wrong = read(printer.tagged([ONE], octets=268))
    assert (codes, right, wrong) == (["text_torn"], [], ["text_torn"])


@pytest.mark.parametrize("print_", [printer.tagged, printer.json_lines, printer.grep])
def test_the_text_cut_anywhere(print_: object) -> None:
    text = print_([ONE])  # type: ignore[operator]
    for end in range(0, len(text), 3):
        datagrams, codes = read(text[:end])
        assert len(datagrams) <= 1
        assert codes or datagrams == [ONE] or not text[:end].strip()


def test_json_that_is_left_open() -> None:
    text = printer.json_lines([ONE])
    given_up = text[: text.index(',"stripped')] if ',"stripped' in text else text[: text.index(',"headerLen"')]
    datagrams, codes = read(given_up + "}}\n" + text)
    assert datagrams[1] == ONE
    assert len(datagrams) == 2
    assert "text_torn" in codes
    datagrams, codes = read(given_up + "\n" + text)
    assert datagrams[-1] == ONE
    assert "text_torn" in codes


def test_json_with_quotes_backslashes_and_line_ends_in_strings() -> None:
    name = 'a "quoted" \\ name\nin two lines'
    text = printer.json_lines([ONE]).replace(
        '{"counterBlock_tag":"0:1"', '{"counterBlock_tag":"0:1005","ifName":"NAME"},{"counterBlock_tag":"0:1"'
    )
    datagrams, codes = read(text.replace("NAME", name))
    assert datagrams[0].samples[1].records[0].fields["name"] == name  # type: ignore[union-attr]
    assert codes == []


# ── skipped ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_sflowtool_skipped_is_a_record_without_fields() -> None:
    text = with_line("outputPort", "flowBlock_tag 0:999\nskipping unknown flow_sample_element: 0:999 len=8")
    result = sflowtool.parse(text)
    record = result.datagrams[0].samples[0].records[0]  # type: ignore[union-attr]
    assert (record.enterprise, record.format, dict(record.fields)) == (0, 999, {})
    [event] = result.events
    assert (event.severity, event.detail["octets"]) == ("info", 8)


def test_a_sample_that_sflowtool_skipped_is_a_record() -> None:
    lines = [
        printer.START["sample"],
        "sampleType_tag 9:77",
        "skipping unknown sample: 9:77 len=4",
        printer.END["sample"],
    ]
    text = with_line("samplesInPacket", "\n".join(lines)).replace("samplesInPacket 2", "samplesInPacket 3")
    [datagram], codes = read(text)
    assert (datagram.samples[0].enterprise, datagram.samples[0].format) == (9, 77)  # type: ignore[union-attr]
    assert datagram.samples[1:] == ONE.samples
    assert codes == ["text_line_skipped"]


def test_a_field_that_the_text_does_not_tell_is_not_made_up() -> None:
    gre = "flowBlock_tag 0:3\nflowSampleType IPV4\nsampledPacketSize 60\nIPSize 60\nsrcIP 192.0.2.1\ndstIP 192.0.2.2\n"
    text = with_line("outputPort", gre + "IPProtocol 47\nIPTOS 4")
    fields = read(text)[0][0].samples[0].records[0].fields  # type: ignore[union-attr]
    assert dict(fields) == {
        "length": 60,
        "protocol": 47,
        "src_ip": "192.0.2.1",
        "dst_ip": "192.0.2.2",
        "tos": 4,
    }


# ── limits ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_line_without_an_end() -> None:
    limits = Limits(line_octets=500)
    parser = sflowtool.Parser(limits=limits)
    parser.feed(with_line("agent ", "x" * 499))
    for _ in range(100):
        parser.feed("y" * 1000)
    parser.feed("\n" + TEXT)
    parser.close()
    assert list(parser.datagrams()) == [ONE, ONE]
    assert [event.code for event in parser.events()] == ["text_line_skipped", "limit_reached"]


def test_a_value_of_json_without_an_end() -> None:
    parser = sflowtool.Parser(limits=Limits(line_octets=500))
    parser.feed('{"datagramSourceIP":"')
    for _ in range(100):
        parser.feed("y" * 1000)
    parser.feed('"}\n' + printer.json_lines([ONE]))
    parser.close()
    assert list(parser.datagrams()) == [ONE]
    assert {event.code for event in parser.events()} == {"limit_reached", "text_torn"}


def test_a_datagram_without_an_end() -> None:
    parser = sflowtool.Parser(limits=Limits(lines_per_datagram=200))
    parser.feed(TEXT[: TEXT.index("endSample")])
    for n in range(100):
        parser.feed(f"flowBlock_tag 0:1001\nin_vlan {n}\n" * 10)
    parser.feed(TEXT)
    parser.close()
    assert list(parser.datagrams()) == [ONE]
    assert "limit_reached" in [event.code for event in parser.events()]


def test_a_datagram_longer_than_udp() -> None:
    long = with_line("outputPort", "flowBlock_tag 0:1005\nurl_direction 1\nurl " + "u" * 60000)
    long = long.replace("headerLen", "junk")
    twice = long.replace("startSample", "startSample", 1)
    text = twice.replace(printer.END["sample"], printer.END["sample"], 1)
    body = text[text.index("startSample") : text.index("startSample", text.index("startSample") + 1)]
    datagrams, codes = read(text[: text.index("startSample")] + body * 3 + text[text.index("startSample") :] + TEXT)
    assert datagrams == [ONE]
    assert "limit_reached" in codes


def test_more_samples_and_records_than_the_limits() -> None:
    two = made.datagram(made.flow_sample(1), made.flow_sample(2))
    datagrams, codes = read(printer.tagged([two]) + TEXT, limits=Limits(samples_per_datagram=1))
    assert (datagrams, set(codes)) == ([], {"limit_reached"})
    sample = made.flow_sample(1)
    many = made.datagram(made.flow_sample(1, records=sample.records * 5))
    [datagram], codes = read(printer.tagged([many]), limits=Limits(records_per_sample=3))
    assert len(datagram.samples[0].records) == 3  # type: ignore[union-attr]
    assert codes == ["limit_reached"]


def test_events_are_bounded() -> None:
    parser = sflowtool.Parser(limits=Limits(events_per_message=3, events=10))
    for _ in range(10):
        parser.feed(with_line("agent ", "noise\n" * 1000))
    events = parser.events()
    assert len(events) <= 11
    assert events[-1].code == "limit_reached"
    assert events[-1].detail["dropped"] > 9000


def test_notices_of_datagrams_that_are_left_out_are_not_kept() -> None:
    parser = sflowtool.Parser()
    headless = TEXT.replace("agent 10.0.0.1\n", "")
    for _ in range(100):
        parser.feed(headless)
        parser.events()
    assert len(parser._pending) <= 1


def test_octets_that_nobody_reads_are_bounded() -> None:
    parser = sflowtool.Parser(limits=Limits(column_octets=4096))
    for n in range(4000):
        parser.feed(printer.tagged([made.datagram(made.flow_sample(n), sequence=n)]))
    assert len(list(parser.datagrams())) < 600
    assert "output_dropped" in [event.code for event in parser.events()]


# ── anything ─────────────────────────────────────────────────────────────────────────────────────────────────────────

PIECES = st.sampled_from([*TEXT.splitlines(keepends=True), *printer.json_lines([ONE], 1).splitlines(keepends=True)])


@settings(max_examples=60)
@given(st.lists(PIECES | st.text(max_size=30), max_size=80), st.sampled_from(["auto", "text", "grep", "line", "json"]))
def test_any_lines_in_any_order(lines: list[str], format: str) -> None:
    result = sflowtool.parse("".join(lines), format=format)
    result.agents(0)
    for datagram in result.datagrams:
        assert isinstance(datagram, Datagram)


@settings(max_examples=60)
@given(st.binary(max_size=300), st.sampled_from(["text", "grep", "line", "json", "fields"]))
def test_any_octets(octets: bytes, format: str) -> None:
    sflowtool.parse(octets, format=format, fields=("srcIP", "agent"))


@settings(max_examples=60)
@given(st.lists(PIECES, max_size=80), st.lists(st.integers(1, 40), min_size=1))
def test_any_lines_in_any_pieces(lines: list[str], sizes: list[int]) -> None:
    text = "".join(lines).encode()
    whole = sflowtool.parse(text)
    parser = sflowtool.Parser()
    at = 0
    while at < len(text):
        for size in sizes:
            parser.feed(text[at : at + size])
            at += size
    parser.close()
    assert list(parser.datagrams()) == whole.datagrams
    parser.take()
    parser.take_counters()
    assert parser.events() == whole.events
