"""demo.py: what it prints is what a naive reading of the same octets adds up to."""

from __future__ import annotations

import re
import struct
from collections import Counter, defaultdict
from ipaddress import IPv4Address
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from flowparse import capture, reference, registry
from tests import build
from tests.captures import corpus
from tests.examples.program import load, run

demo = load("demo")
demo_capture = load("demo_capture")

HEADER = struct.Struct("!HHIIIIBBH")
RECORD = struct.Struct("!4s4s4s HH II II HH x B B B HH BB xx".replace(" ", ""))


class Flow(NamedTuple):
    """A record as v5 has it, and the sampling interval of its datagram or exporter."""

    src: str
    dst: str
    octets: int
    sport: int
    dport: int
    proto: int
    interval: int
    exporter: str = ""
    interface: str | None = None
    host: str | None = None

    @property
    def estimated(self) -> int:
        return self.octets * (self.interval or 1)

    @property
    def service(self) -> str:
        name = registry.names("protocol").get(self.proto, str(self.proto))
        if self.proto == 1:
            return f"{name} type {self.dport >> 8} code {self.dport & 0xFF}"
        ports = [port for port in (self.sport, self.dport) if port]
        return f"{name} {min(ports)}" if ports else name


def naive_flows(octets: bytes) -> list[Flow]:
    """Every v5 record of a capture, one by one."""
    found = []
    for _, source, _, payload in capture.datagrams(octets):
        if bytes(payload[:2]) != b"\0\5":
            continue
        _, count, *_, sampling = HEADER.unpack_from(payload)
        for at in range(24, min(24 + 48 * count, len(payload) - 47), 48):
            src, dst, _, _, _, _, octet_count, _, _, sport, dport, _, proto, *_ = RECORD.unpack_from(payload, at)
            src, dst = str(IPv4Address(src)), str(IPv4Address(dst))
            found.append(Flow(src, dst, octet_count, sport, dport, proto, sampling & 0x3FFF, source[0]))
    return found


def specified(octets: bytes) -> tuple[list[Any], list[Any]]:
    """The records and the options records of v9 and IPFIX in a capture, as the specification reads them."""
    decoder = reference.Decoder()
    for time_ns, source, _, payload in capture.datagrams(octets):
        if payload[1] in (9, 10):
            decoder.feed(payload, source, time_ns)
    return (
        [row.values for table in decoder.take_tables() for row in table],
        [row.values for table in decoder.take_options() for row in table],
    )


def told_flows(octets: bytes) -> list[Flow]:
    """Every record of v9 and IPFIX of the demo's capture, with what options say of it."""
    records, options = specified(octets)
    rates = {row["exporter"]: row["samplerRandomInterval"] for row in options if "samplerRandomInterval" in row}
    names = {
        (row["exporter"], row.get("scopeInterface", row.get("ingressInterface"))): row["interfaceName"]
        for row in options
        if "interfaceName" in row
    }
    return [
        Flow(
            row["sourceIPv4Address"],
            row["destinationIPv4Address"],
            row["octetDeltaCount"],
            row["sourceTransportPort"],
            row["destinationTransportPort"],
            row["protocolIdentifier"],
            rates.get(row["exporter"], 0),
            row["exporter"],
            names[row["exporter"], row["ingressInterface"]],
            row.get("ciscoAppHTTPHost"),
        )
        for row in records
    ]


def sections(printed: str) -> dict[str, list[list[str]]]:
    """The tables of a report: first words of the title -> rows of cells, heads first."""
    found = {}
    for part in printed.split("\n\n")[1:]:
        title, *lines = part.splitlines()
        found[title.split(",")[0].split(" (")[0]] = [re.split(r" {2,}", line.strip()) for line in lines]
    return found


def ranking(flows: list[Flow], key: Any, whole: list[Flow] | None = None) -> list[list[str]]:
    """What a table of the report has to say, by hand; shares are of the whole."""
    grouped: dict[Any, list[Flow]] = defaultdict(list)
    for flow in flows:
        grouped[key(flow)].append(flow)
    total = sum(flow.estimated for flow in whole or flows)
    rows = []
    for name, alike in sorted(grouped.items(), key=lambda item: (-sum(f.estimated for f in item[1]), str(item[0]))):
        estimated = sum(flow.estimated for flow in alike)
        rows.append(
            [
                *([name] if isinstance(name, str) else name),
                f"{len(alike):,}",
                demo.si(sum(flow.octets for flow in alike), "B"),
                demo.si(estimated, "B"),
                f"{100 * estimated / total:.1f} %" if total else "-",
                f"{sum(flow.interval == 0 for flow in alike):,}",
            ]
        )
    return rows[: demo.ROWS]


def same_rankings(printed: str, flows: list[Flow]) -> None:
    """Assert that the three tables of a report are those of the flows."""
    tables = sections(printed)

    def rows(title: str, n: int) -> list[list[str]]:
        return tables[title][1 : 1 + n]

    for title, key in (
        ("Top talkers", lambda flow: flow.src),
        ("Conversations", lambda flow: tuple(sorted((flow.src, flow.dst)))),
        ("Services", lambda flow: flow.service),
    ):
        wanted = ranking(flows, key)
        assert rows(title, len(wanted)) == wanted


@pytest.fixture(scope="module")
def octets() -> bytes:
    return demo_capture.capture()


@pytest.fixture(scope="module")
def printed() -> str:
    done = run("demo")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_capture_is_the_same_every_time(octets: bytes) -> None:
    assert demo_capture.capture() == octets
    assert demo_capture.capture(seed=6) != octets


def test_the_tables_are_those_of_a_naive_reading(printed: str, octets: bytes) -> None:
    flows = naive_flows(octets) + told_flows(octets)
    assert f"{len(flows):,} flows" in printed.splitlines()[0]
    total, estimated = sum(flow.octets for flow in flows), sum(flow.estimated for flow in flows)
    assert f"{demo.si(total, 'B')} in the records, {demo.si(estimated, 'B')} estimated" in printed
    same_rankings(printed, flows)


def test_interfaces_and_hosts_are_those_that_options_and_fields_name(printed: str, octets: bytes) -> None:
    flows, tables = told_flows(octets), sections(printed)
    whole = naive_flows(octets) + flows
    assert {flow.exporter for flow in flows} == {"192.0.2.6", "192.0.2.7"}
    assert {flow.interface for flow in flows} == {"Gi0/1", "Te0/0/2"}
    interfaces = ranking(flows, lambda flow: (flow.exporter, flow.interface), whole)
    assert tables["Into interfaces"][1:] == interfaces
    hosts = ranking([flow for flow in flows if flow.host], lambda flow: flow.host, whole)
    assert len(hosts) == 6
    assert tables["Hosts"][1:] == hosts


def test_templates_are_told_with_their_fields(printed: str, octets: bytes) -> None:
    rows = sections(printed)["Templates"][1:]
    assert [row[:4] for row in rows] == [
        ["192.0.2.6", "1", "256", "flows"],
        ["192.0.2.6", "1", "257", "options"],
        ["192.0.2.6", "1", "258", "options"],
        ["192.0.2.7", "42", "300", "flows"],
        ["192.0.2.7", "42", "301", "options"],
    ]
    assert rows[2][4] == "scopeInterface, interfaceName"
    assert rows[0][4] == "sourceIPv4Address, destinationIPv4Address, and 16 more"


def test_no_flow_of_v9_comes_before_what_its_options_say(octets: bytes) -> None:
    decoder = demo.flowparse.Decoder(demo.SCHEMA)
    decoder.feed_capture(octets)
    rates = {(row.sampler_address, row.sampling_rate) for row in decoder.take()}
    assert ("192.0.2.6", 200) in rates
    assert ("192.0.2.6", None) not in rates


def test_exporters_are_told_with_what_they_lost(printed: str, octets: bytes) -> None:
    datagrams, flows, missed, expected = Counter[str](), Counter[str](), Counter[str](), dict[str, int]()
    for _, source, _, payload in capture.datagrams(octets):
        if bytes(payload[:2]) == b"\0\5":
            _, count, _, _, _, sequence, *_ = HEADER.unpack_from(payload)
            if sequence:  # the one that restarts begins at 0 again
                missed[source[0]] += sequence - expected.get(source[0], sequence)
            expected[source[0]] = sequence + count
            datagrams[source[0]] += 1
            flows[source[0]] += count
    for _, source, _, payload in capture.datagrams(octets):
        if payload[1] in (9, 10):
            datagrams[source[0]] += 1
    flows.update(flow.exporter for flow in told_flows(octets))
    rows = sections(printed)["Exporters"][1:]
    assert {row[0]: row[3:6] for row in rows} == {
        name: [f"{datagrams[name]:,}", f"{flows[name]:,}", f"{missed[name]:,}"] for name in datagrams
    }
    assert {row[0]: row[2] for row in rows if row[2] != "netflow5"} == {"192.0.2.6": "netflow9", "192.0.2.7": "ipfix"}
    assert missed["192.0.2.3"] > 0
    assert {row[0] for row in rows if row[6] != "0.00 %"} == {"192.0.2.3"}
    assert {row[0]: row[7] for row in rows if row[7] != "not told"} == {
        "192.0.2.2": "1:100 header",
        "192.0.2.6": "1:200 domain",
    }


def test_what_happened_is_told(printed: str) -> None:
    events = printed[printed.index("\nEvents") :]
    assert "1 x exporter_restarted (warning) of 192.0.2.4" in events
    assert re.search(r"\d x sequence_gap \(warning\) of 192\.0\.2\.3\n +\d+ flows are missing", events)
    assert "3 x message_discarded (error) of 192.0.2.99" in events


def test_it_fits_a_narrow_terminal(printed: str) -> None:
    assert max(map(len, printed.splitlines())) <= 100


def test_bars_add_up_and_show_the_backup(octets: bytes) -> None:
    traffic = demo.Traffic()
    for batch in demo.flowparse.Decoder(demo.SCHEMA).batches(octets, rows=1000):
        traffic.count(batch)
    step, bars = demo.timeline(traffic.spans)
    assert step == 60
    assert [start - bars[0][0] for start, _ in bars] == list(range(0, 600, 60))
    assert sum(amount for _, amount in bars) == pytest.approx(
        sum(flow.estimated for flow in naive_flows(octets) + told_flows(octets))
    )
    assert {n for n, (_, amount) in enumerate(bars) if amount > 2e8} == {5, 6}


@pytest.mark.parametrize(
    ("spans", "step", "bars"),
    [
        ({(100, 100): 7}, 1, [(100, 7)]),
        ({(100, 103): 8}, 1, [(100, 2), (101, 2), (102, 2), (103, 2)]),
        ({(0, 0): 4, (59, 60): 6}, 5, [(0, 4), *((n, 0) for n in range(5, 55, 5)), (55, 3), (60, 3)]),
    ],
)
def test_bytes_are_spread_over_the_seconds_of_a_flow(
    spans: dict[tuple[int, int], int], step: int, bars: list[tuple[int, float]]
) -> None:
    assert demo.timeline(Counter(spans)) == (step, bars)


@pytest.mark.parametrize("seconds", [0, 14, 15, 3600, 86_400, 400 * 86_400, 2**32])
def test_a_chart_has_bars_for_a_screen(seconds: int) -> None:
    step, bars = demo.timeline(Counter({(1, 1): 1, (seconds + 1, seconds + 1): 1}))
    assert len(bars) <= max(demo.BARS, seconds // (365 * 86_400) + 2)
    assert {later - sooner for (sooner, _), (later, _) in pairwise(bars)} <= {step}


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (9994, "9.99 kB"), (9996, "10.0 kB"), (99_960, "100 kB"),
        (999_499, "999 kB"), (999_500, "1.00 MB"), (1_234_567, "1.23 MB"), (5e15, "5000 TB"),
    ],
)  # fmt: skip
def test_numbers_have_three_digits_and_a_unit(number: float, text: str) -> None:
    assert demo.si(number, "B") == text


@pytest.mark.parametrize(("encoding", "bar"), [("utf-8", "█"), ("ascii", "#")])
def test_bars_are_of_what_the_terminal_can_show(encoding: str, bar: str, tmp_path: Path) -> None:
    file = tmp_path / "one.pcap"
    file.write_bytes(build.pcap([(10**18, build.ethernet(build.udp(build.netflow5([build.V5Record()]))))]))
    done = run("demo", file, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert bar * demo.BAR in done.stdout


@corpus.each("nf5", alone=True)
def test_captures_of_others(name: str) -> None:
    path = corpus.path(name)
    done = run("demo", path)
    assert (done.returncode, done.stderr) == (0, "")
    flows = naive_flows(path.read_bytes())
    assert f"{len(flows):,} flows" in done.stdout.splitlines()[0]
    same_rankings(done.stdout, flows)


@pytest.mark.parametrize(
    "name", ["pmacct__103-IPFIXv10-CISCO-pretag-JSON_encoding__traffic-00", "ipfixcol2__example_flows"]
)
def test_captures_of_templates_of_others(name: str) -> None:
    if name not in {row["capture"] for row in corpus.index()}:
        pytest.skip("no shared/ beside the repository")
    done = run("demo", corpus.path(name))
    assert (done.returncode, done.stderr) == (0, "")
    records, _ = specified(corpus.path(name).read_bytes())
    assert f"{len(records):,} flows" in done.stdout.splitlines()[0]
    assert sections(done.stdout)["Templates"]


def test_loss_of_an_exporter_that_numbers_its_messages(tmp_path: Path) -> None:
    sent = [build.netflow5([build.V5Record()] * 2, sequence=n) for n in (*range(16), 18, 19)]
    (tmp_path / "by_message.pcap").write_bytes(build.pcap([(0, build.ethernet(build.udp(each))) for each in sent]))
    (row,) = sections(run("demo", tmp_path / "by_message.pcap").stdout)["Exporters"][1:]
    assert row[3:7] == ["18", "36", "2 messages", "10.00 %"]


def test_a_pcapng_capture(tmp_path: Path) -> None:
    frame = build.ethernet(build.udp(build.chapter_message()))
    (tmp_path / "chapter.pcapng").write_bytes(build.pcapng([(1_489_636_168_500_000_000, frame)]))
    done = run("demo", tmp_path / "chapter.pcapng")
    assert done.returncode == 0
    assert sections(done.stdout)["Conversations"][1][:4] == ["10.0.0.5", "10.0.0.9", "8", "5.84 kB"]


def test_a_capture_of_something_else_says_so(tmp_path: Path) -> None:
    frame = build.ethernet(build.udp(bytes(40)))
    (tmp_path / "zero.pcap").write_bytes(build.pcap([(0, frame)]))
    (tmp_path / "none.pcap").write_bytes(build.pcap([]))
    zero, none = run("demo", tmp_path / "zero.pcap"), run("demo", tmp_path / "none.pcap")
    assert (zero.returncode, none.returncode) == (0, 0)
    assert "1 UDP datagrams, 0 flows\n  of 1 datagrams nothing is decoded" in zero.stdout
    assert "No flows in it.\nDecoded are NetFlow v1, v5, v7, v9, IPFIX and sFlow." in zero.stdout
    assert "1 x message_discarded" in zero.stdout
    assert "No UDP datagrams in it." in none.stdout


@pytest.mark.parametrize(
    ("octets", "reason"), [(None, "No such file or directory"), (b"", "24 octets needed"), (b"GIF89a" * 9, "neither")]
)  # fmt: skip
def test_a_wrong_file_is_one_line_and_status_1(octets: bytes | None, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "some.file"
    if octets is not None:
        path.write_bytes(octets)
    done = run("demo", path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"demo.py: {path}: {reason}")
    assert done.stderr.count("\n") == 1
