"""What sflowtool printed of real and made captures, against the captures themselves.

A text is written back as the datagram it was printed from, so records of text and records of the
capture are compared for equality, datagram by datagram. `EXPLAINED` names every one that differs, and
why; what sflowtool gave up in the middle of is told by its text, and there the capture has more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache

import pytest

from flowparse import Batch, Decoder, sflowtool
from flowparse.sflow import CounterSample, Datagram, FlowSample, Record
from flowparse.sflow.structures import COUNTER, FLOW, find
from flowparse.sflowtool.keys import forms_and_keys
from flowparse.sflowtool.waiting import RECORDS
from tests.captures import sflow
from tests.shared import SHARED

pytestmark = pytest.mark.skipif(SHARED is None, reason="no shared/ beside the repository")

FOLDER = sflow.FOLDER
NAMES = [name for name in sflow.NAMES if FOLDER is not None and (FOLDER / f"{name}.txt").exists()]
EXTENSIONS = {".txt": "text", ".grep": "grep", ".json": "json", ".indent.json": "json"}

# Datagrams (by their number in the capture) whose text does not tell all, though sflowtool did not give up on them.
PORTS = "ports are printed for TCP, UDP and ICMP only"
CUT_HEADER = "headers are printed up to 682 octets"
CUT_STRING = "strings are cut at sflowtool's own limits, or at a NUL, or hold the ends of lines"
EXPLAINED: dict[str, dict[int, str]] = {
    "gopacket_tests_raw": {3: PORTS, 4: PORTS},
    "syn_headers": {68: CUT_HEADER, 69: CUT_HEADER},
    "syn_samples": {4: "an expanded port of a format above 3 prints nothing", 21: "an AS segment without numbers"},
    "syn_v2v4": {0: "TCP flags are printed for TCP only", 5: "TCP flags are printed for TCP only"},
}


@cache
def decoded(name: str) -> list[Datagram | None]:
    """The datagrams of a capture, read once."""
    return sflow.decoded(name)


@cache
def text_datagrams(name: str, extension: str) -> list[Datagram]:
    """The datagrams of a text, read once."""
    return sflowtool.parse(text_of(name, extension)).datagrams


def texts(extension: str) -> list[str]:
    return [name for name in NAMES if FOLDER is not None and (FOLDER / f"{name}{extension}").exists()]


def text_of(name: str, extension: str = ".txt") -> bytes:
    assert FOLDER is not None
    return (FOLDER / f"{name}{extension}").read_bytes()


def is_given_up(datagram: Datagram) -> bool:
    """Whether sflowtool stopped in the middle: the text of it says so."""
    return any(
        event.code == "text_torn" and not event.message.partition(": ")[2].startswith("datagramSize")
        for event in datagram.notices
    )


def without_skipped(datagram: Datagram) -> list[object]:
    """The samples, less what sflowtool skips: it prints the tag of those, and no octet."""

    def known(record: Record, kind: str) -> bool:
        structure = find(COUNTER if kind == "counter" else FLOW, record.enterprise, record.format)
        return structure is not None and any(field.text or field.type == "host_adapter[]" for field in structure.fields)

    found: list[object] = []
    for sample in datagram.samples:
        if isinstance(sample, Record):
            if sample.fields:
                found.append(sample)
            continue
        kind = "counter" if isinstance(sample, CounterSample) else "flow"
        found.append(
            (
                *(type(sample), sample.sequence, sample.source_class, sample.source_index),
                *(record for record in sample.records if known(record, kind)),
            )
        )
    return found


def pairs(name: str, extension: str) -> Iterator[tuple[int, Datagram, Datagram]]:
    """(number in the capture, of the text, of the capture) of the datagrams whose heads are whole."""
    found = text_datagrams(name, extension)
    wanted = [(i, each) for i, each in enumerate(decoded(name)) if each is not None]
    at = 0
    for i, each in wanted:
        if at < len(found) and (found[at].sequence, found[at].agent) == (each.sequence, each.agent):
            yield i, found[at], each
            at += 1


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("name", NAMES)
def test_records_of_text_are_those_of_the_capture(name: str, extension: str) -> None:
    if name not in texts(extension):
        pytest.skip("not printed in this format")
    if name in ("syn_strings", "syn_malformed"):
        pytest.skip("looked at below")
    compared = 0
    for i, text, wanted in pairs(name, extension):
        if i in EXPLAINED.get(name, {}) or is_given_up(text):
            continue
        compared += 1
        if any(event.code == "text_line_skipped" for event in text.notices):
            assert without_skipped(text) == without_skipped(wanted), f"datagram {i}"
        else:
            assert text == wanted, f"datagram {i}"
    refused = sum(each is None for each in decoded(name))
    given_up = sum(is_given_up(text) for _, text, _ in pairs(name, extension))
    assert compared + refused + given_up + len(EXPLAINED.get(name, {})) >= len(sflow.payloads(name))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("syn_strings", "syn_malformed")])
def test_octets_are_those_of_the_capture(name: str) -> None:
    """A datagram whose text tells all of it comes back octet for octet; padding that agents do not zero is zero."""
    parser = sflowtool.Parser()
    parser.feed(text_of(name))
    parser.close()
    made = [
        block.octets[at : at + length]
        for block in parser._blocks.read(RECORDS)
        for at, length in zip(memoryview(block.offsets).cast("q"), memoryview(block.lengths).cast("i"), strict=True)
    ]
    whole = [each for _, each, _ in pairs(name, ".txt")]
    sent = [each for each, found in zip(sflow.payloads(name), decoded(name), strict=True) if found]
    if len(made) != len(sent):
        pytest.skip("a datagram of it has no head in the text")
    for ours, wanted, datagram in zip(made, sent, whole, strict=True):
        if not datagram.notices and len(ours) == len(wanted):
            assert all(here in (there, 0) for here, there in zip(ours, wanted, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_explained_differs(name: str) -> None:
    differing = {i for i, text, wanted in pairs(name, ".txt") if i in EXPLAINED.get(name, {}) and text != wanted}
    assert differing == set(EXPLAINED.get(name, {}))


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("name", ["syn_strings", "syn_malformed"])
def test_what_is_malformed_has_no_more_than_the_capture(name: str, extension: str) -> None:
    """No record of text that stands whole is another than the capture's, other than strings that were cut."""
    seen = 0
    for _, text, wanted in pairs(name, extension):
        if text == wanted:
            seen += 1
        elif wanted.notices == ():
            assert text.notices, "a difference that nobody was told of"
    assert seen > 10


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("syn_strings", "syn_malformed", "syn_v2v4")])
def test_rows_of_text_are_those_of_the_capture(name: str) -> None:
    """Where every datagram is the capture's, so is every row."""
    found = list(pairs(name, ".txt"))
    if any(text != wanted for _, text, wanted in found) or len(found) < len(sflow.payloads(name)):
        pytest.skip("the text tells less: the records of it were compared")
    parser = sflowtool.Parser()
    parser.feed(text_of(name))
    decoder = Decoder()
    assert FOLDER is not None
    decoder.feed_capture((FOLDER / f"{name}.pcap").read_bytes())
    assert parser.take() == decoder.take()
    assert by_name(parser.take_counters()) == by_name(decoder.take_counters())


def by_name(batches: list[Batch]) -> dict[str, Batch]:
    return {batch.name: batch for batch in batches}


@pytest.mark.parametrize("name", texts(".line.csv"))
def test_csv_rows_are_those_of_the_text(name: str) -> None:
    """Every flow sample has a row of -l, in order, and they say the same of who talked to whom."""
    rows = list(sflowtool.parse(text_of(name, ".line.csv")).flows)
    samples = [
        (datagram, sample)
        for datagram in sflowtool.parse(text_of(name)).datagrams
        for sample in datagram.samples
        if isinstance(sample, FlowSample)
    ]
    if name in ("syn_malformed", "vflow_tests", "tcpdump_sflow_print-segv", "syn_v2v4", "gopacket_tests_raw"):
        assert len(rows) <= len(samples) + 5  # sflowtool prints no row of a sample it gives up
        return
    assert len(rows) == len(samples)
    for row, (datagram, sample) in zip(rows, samples, strict=True):
        assert row.sampler_address == datagram.agent
        assert (row.sampling_rate or 0) == sample.sampling_rate & 0xFFFFFFFF
        assert row.in_if in (sample.input.if_index, None if sample.input.format == 0 else sample.input.value)
        headers = [record for record in sample.records if record.name == "sampled_header"]
        if headers:
            assert row.bytes == headers[-1].fields["frame_length"]


@pytest.mark.parametrize("name", ["overflowd_sflow", "tcpdump_sflow-print-v6", "goflow_tests", "vflow_hammer"])
def test_csv_rows_have_the_tuples_of_the_capture(name: str) -> None:
    columns = (
        "src_addr",
        "dst_addr",
        "proto",
        "src_port",
        "dst_port",
        "ip_tos",
        "ip_ttl",
        "src_mac",
        "dst_mac",
        "etype",
    )
    rows = sflowtool.parse(text_of(name, ".line.csv")).flows
    decoder = Decoder()
    assert FOLDER is not None
    decoder.feed_capture((FOLDER / f"{name}.pcap").read_bytes())
    wanted = decoder.take()
    for column in columns:
        assert rows[column].to_list() == wanted[column].to_list(), column


CHOSEN = [
    "datagramSourceIP",
    "agent",
    "agentSubId",
    "packetSequenceNo",
    "sampleType",
    "sampleSequenceNo",
    "sourceId",
    "meanSkipCount",
    "inputPort",
    "outputPort",
    "srcMAC",
    "dstMAC",
    "srcIP",
    "dstIP",
    "srcIP6",
    "dstIP6",
    "IPProtocol",
    "TCPSrcPort",
    "TCPDstPort",
    "UDPSrcPort",
    "UDPDstPort",
    "22nd",
    "23rd",
    "24th",
]
"""What -L was given for the collection; the last three are of no column."""
FILLED = (
    "sampler_address", "sequence_num", "sampling_rate", "src_mac", "dst_mac", "src_addr", "dst_addr", "proto",
    "src_port", "dst_port",
)  # fmt: skip
ETHERNET_KEYS = "the addresses of sampled_ethernet have keys of their own, ethernet_src and ethernet_dst"
SOCKET = "the addresses of a socket have keys of their own"
CUT_TCP = "of a TCP header that is cut, sflowtool reads no ports"
CHOSEN_DIFFER: dict[str, dict[int, str]] = {
    "logstash_codec_tests": {0: ETHERNET_KEYS},
    "syn_all_structs": {1: ETHERNET_KEYS, 16: "0:1013 is read as a sampled header", 51: SOCKET, 52: SOCKET},
    "syn_header_trunc": dict.fromkeys((42, 43, 44, 45, 117, 118, 119, 120), CUT_TCP),
    "syn_headers": {
        4: "ports of SCTP are not read",
        18: "ports are printed of an IPv6 fragment that is not the first",
        20: "the length of an IPv6 authentication header is taken wrongly",
        26: "MPLS is not read",
        27: "MPLS is not read",
        30: "PPPoE is not read",
    },
    "syn_http": {0: SOCKET, 1: SOCKET},
}
"""Rows of -L (by number) that are not those of the capture, and why sflowtool has less or other."""
UNFINISHED = {"gopacket_tests_raw", "syn_malformed", "syn_samples", "vflow_tests"}
"""sflowtool gave datagrams up: its rows are fewer."""


@pytest.mark.parametrize("name", [name for name in texts(".L.csv") if name not in UNFINISHED])
def test_rows_of_chosen_fields_are_those_of_the_capture(name: str) -> None:
    flows = sflowtool.parse(text_of(name, ".L.csv"), fields=CHOSEN).flows
    decoder = Decoder()
    assert FOLDER is not None
    decoder.feed_capture((FOLDER / f"{name}.pcap").read_bytes())
    theirs, ours = (
        [tuple(row[column] for column in FILLED) for row in rows if row.sampling_rate is not None]
        for rows in (flows, decoder.take())
    )
    assert len(theirs) == len(ours)
    differing = {i for i, (one, other) in enumerate(zip(theirs, ours, strict=True)) if one != other}
    assert differing == set(CHOSEN_DIFFER.get(name, {}))


def test_agents_of_the_sequence_scenario() -> None:
    """syn_sequence: wraps, duplicates, reordering, restarts and resets, with what comes of them worked out by hand."""
    expected = json.loads(text_of("syn_sequence", ".expected_agents.json"))
    for extension in EXTENSIONS:
        parser = sflowtool.Parser()
        parser.feed(text_of("syn_sequence", extension))
        found = parser.agents(0)
        assert set(found) == set(expected)
        for agent, values in expected.items():
            assert {name: found[agent][name] for name in values if name[0] != "_"} == {
                name: value for name, value in values.items() if name[0] != "_"
            }
        resets = {
            each.agent: tuple(each.total(kind, "resets") for kind in ("datagrams", "flow", "counter"))
            for each in parser._agents.statistics()
        }
        assert resets == {
            agent: (values["_datagramResets"], values["_flowResets"], values["_counterResets"])
            for agent, values in expected.items()
        }


@pytest.mark.parametrize("name", ["syn_sequence", "overflowd_sflow", "tcpdump_sflow-print-v6", "syn_v2v4"])
def test_agents_of_text_and_of_the_capture(name: str) -> None:
    """Who sent a datagram is not in the text of a capture; all else is counted alike."""
    parser = sflowtool.Parser()
    parser.feed(text_of(name))
    decoder = Decoder()
    assert FOLDER is not None
    decoder.feed_capture((FOLDER / f"{name}.pcap").read_bytes())
    now_ns = 2 * 10**18
    of_text, of_capture = parser.agents(now_ns), decoder.sflow_agents(now_ns)
    assert set(of_text) == set(of_capture)
    for agent, counted in of_text.items():
        assert counted | {"sFlowDatagramSource": []} == of_capture[agent] | {"sFlowDatagramSource": []} | {
            key: counted[key] for key in ("firstSeen", "lastSeen")
        }


def test_real_switches_lose_nothing() -> None:
    for name in ("overflowd_sflow", "tcpdump_sflow-print-v6"):
        parser = sflowtool.Parser()
        parser.feed(text_of(name))
        for agent in parser.agents(0).values():
            assert {
                key: value for key, value in agent.items() if key.endswith(("Lost", "LostSamples", "Duplicates"))
            } == (dict.fromkeys((key for key in agent if key.endswith(("Lost", "LostSamples", "Duplicates"))), 0))


def test_a_socket_with_its_messages_merged_in() -> None:
    parser = sflowtool.Parser()
    parser.feed(text_of("live_mixed", ".stderr") + text_of("live_mixed"))
    parser.close()
    datagrams = list(parser.datagrams())
    assert len(datagrams) == 28
    assert {datagram.source for datagram in datagrams} == {"127.0.0.1"}
    again = sflowtool.parse(text_of("live_mixed", ".json")).datagrams
    assert [each.samples for each in again if not each.notices] == [
        each.samples for each, other in zip(datagrams, again, strict=True) if not other.notices
    ]


# ── older versions ───────────────────────────────────────────────────────────────────────────────────────────────────

VERSIONS = [] if FOLDER is None else sorted(path for path in (FOLDER / "versions").glob("*/*") if path.suffix != ".csv")


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_text_of_older_versions(path: object) -> None:
    """Datagrams without a notice are the capture's; 5.01 lost its IPv6 addresses, and says so line by line."""
    name = path.name.partition(".")[0]  # type: ignore[attr-defined]
    result = sflowtool.parse(path.read_bytes())  # type: ignore[attr-defined]
    found, at, plain = result.datagrams, 0, 0
    for i, wanted in enumerate(decoded(name)):
        if wanted is None or at == len(found):
            continue
        text = found[at]
        same_head = (text.sequence, text.uptime_ms) == (wanted.sequence, wanted.uptime_ms)
        if not same_head or text.agent not in (wanted.agent, None):
            continue
        at += 1
        noted = [event for event in text.notices if "sflowtool 5.01" not in event.message]
        if noted or text.agent is None or i in EXPLAINED.get(name, {}):
            continue
        plain += 1
        if (path.parent.name, name) == ("v5.01", "syn_strings"):  # type: ignore[attr-defined]
            # No header shows that the UUIDs beside the strings are turned around, which is said at the end.
            assert "nothing tells 5.01 from 5.02 to 6.07" in result.events[-1].message
        else:
            assert text == wanted, f"datagram {i}"
    assert plain > 0 or name == "syn_v2v4" or found[0].agent is None


def test_every_key_that_sflowtool_prints_has_a_meaning() -> None:
    """keys.tsv of the collection: every key, with the blocks in which it was seen."""
    assert FOLDER is not None
    forms, keys = forms_and_keys()
    known: dict[object, set[str]] = {}
    for key in keys:
        form = None if key.form is None else forms[key.form]
        place = (
            f"{form.mark} {form.enterprise}:{form.format}" if form is not None and key.form not in (0, 1, 2) else None
        )
        known.setdefault(place, set()).add(key.key.decode())
    heads = known[None]
    unknown = set()
    for line in (FOLDER / "keys.tsv").read_text().splitlines()[1:]:
        key, scopes, _, blocks, _ = line.split("\t")
        plain = key.removeprefix("discarded_")
        numbered = re.sub(r"<\w+>|\d+", "#", plain)
        for block in filter(None, blocks.split(",")):
            if not {plain, numbered} & (known.get(block.strip(), set()) | heads):
                unknown.add((block, key))
        anywhere = heads | (
            set().union(*known.values()) if "sample" in scopes else set()
        )  # versions 2 and 4 have no tags
        if not blocks and not {plain, numbered} & anywhere and not plain.startswith(("rtmetric_", "rtflow_")):
            unknown.add((scopes, key))
    assert unknown == {("sample", "rtmetric")}  # "rtmetric unknown_type N": told of as a line
