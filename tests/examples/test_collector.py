"""collector.py: datagrams over a real socket, Parquet back, and a real exporter on loopback."""

from __future__ import annotations

import re
import select
import shutil
import signal
import socket
import subprocess
import time
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow.parquet as pq
import pytest

from flowparse import Decoder
from tests import build
from tests.examples.program import command, environment

PATIENCE_S = 30
STATE = ".flowparse-state"


class Running:
    """The collector in a process of its own, on a port that the system chose."""

    def __init__(self, directory: Path, *options: object, host: str = "127.0.0.1") -> None:
        listen = f"[{host}]:0" if ":" in host else f"{host}:0"
        self.host = host
        self.directory = directory
        self.deadline = time.monotonic() + PATIENCE_S
        self.process = subprocess.Popen(
            command("collector", "--listen", listen, "--directory", directory, *options),
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self.printed = ""
        self.port = int(self.wait_for(r"listening on \S+ port (\d+)\n")[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.process.kill()
        self.process.communicate()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Read what it prints until `pattern` is there."""
        assert self.process.stdout is not None
        while (found := re.search(pattern, self.printed)) is None:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, self.deadline - time.monotonic()))
            octets = self.process.stdout.read(65536) if ready else b""
            assert octets, f"it did not print {pattern!r}, but {self.printed!r}"
            self.printed += octets.decode()
        return found

    def send(self, *datagrams: bytes) -> None:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            for datagram in datagrams:
                sock.sendto(datagram, (self.host, self.port))

    def end(self) -> str:
        """Wait for its end; everything that it printed."""
        printed, complaints = self.process.communicate(timeout=max(1, self.deadline - time.monotonic()))
        assert (self.process.returncode, complaints) == (0, b"")
        return self.printed + printed.decode()

    def files(self) -> list[Path]:
        """What is in the directory, of any name but that of the state."""
        return sorted(file for file in self.directory.iterdir() if file.name != STATE)


def rows_of(files: list[Path]) -> list[dict[str, Any]]:
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def datagrams(n: int, each: int = 3) -> list[bytes]:
    return [
        build.netflow5(
            [build.V5Record(octets=1000 * at + k, src_port=k) for k in range(each)], sequence=each * at, engine_id=7
        )
        for at in range(n)
    ]


def decoded(octets: list[bytes], host: str) -> list[dict[str, Any]]:
    """The same datagrams through a decoder here."""
    decoder = Decoder()
    for datagram in octets:
        decoder.feed(datagram, host, 0)
    return decoder.take().to_pyarrow(text=False).to_pylist()


def without_time(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "time_received_ns"} for row in rows]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_rows_of_the_files_are_those_that_were_sent(host: str, tmp_path: Path) -> None:
    if host == "::1" and not has_ipv6():
        pytest.skip("no IPv6 on this machine")
    sent = datagrams(20)
    before = time.time_ns()
    with Running(tmp_path / "new" / "flows", "--rows", 25, "--stop-after", 60, host=host) as collector:
        collector.send(*sent)
        printed = collector.end()
    files = collector.files()
    rows = rows_of(files)
    assert without_time(rows) == without_time(decoded(sent, host))
    assert [pq.read_metadata(file).num_rows for file in files] == [27, 27, 6]
    assert [file.suffix for file in files] == [".parquet"] * 3
    assert all(before <= row["time_received_ns"].value <= time.time_ns() for row in rows)
    assert f"{host} domain 7 netflow5: 20 datagrams, 60 flows, 0 missed, 0 discarded\n60 rows in 3 files" in printed


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_all_rows_written(number: signal.Signals, tmp_path: Path) -> None:
    first, second = datagrams(2)
    with Running(tmp_path, "--rows", 3, "--seconds", 3600) as collector:
        collector.send(first, second[:-48])  # the count of the second lies; its last record is not there
        collector.wait_for("parquet: 3 rows")
        collector.send(b"what is this")
        collector.send(second)
        collector.wait_for("parquet: 5 rows")
        collector.process.send_signal(number)
        printed = collector.end()
    assert "error: message_truncated of 127.0.0.1: NetFlow v5 count 3, but the octets hold 2 records" in printed
    assert "error: message_discarded of 127.0.0.1: version 30568 is not decoded here" in printed
    assert [row["bytes"] for row in rows_of(collector.files())] == [0, 1, 2, 1000, 1001, 1000, 1001, 1002]


def test_rows_are_written_after_a_time_too(tmp_path: Path) -> None:
    with Running(tmp_path, "--seconds", 0.05) as collector:
        collector.send(*datagrams(1))
        collector.wait_for("parquet: 3 rows")
        collector.process.send_signal(signal.SIGTERM)
        assert "3 rows in 1 files" in collector.end()


def test_an_address_that_is_taken_is_one_line_and_status_1(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        taken = "127.0.0.1:{1}".format(*sock.getsockname())
        done = subprocess.run(
            command("collector", "--listen", taken, "--directory", tmp_path),
            env=environment(), capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)


# ── a state ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def ipfix_template() -> bytes:
    return build.ipfix(build.set_(2, build.template_record(256, [(8, 4), (1, 8)])), sequence=0)


def ipfix_data(octets: int, sequence: int) -> bytes:
    return build.ipfix(build.set_(256, build.addr("10.0.0.1"), build.uint(octets, 8)), sequence=sequence)


@pytest.mark.parametrize("is_killed", [False, True])
def test_after_a_restart_data_is_decoded_before_its_template_comes_again(is_killed: bool, tmp_path: Path) -> None:
    options = ("--seconds", 0.05) if is_killed else ("--rows", 1, "--seconds", 3600)
    with Running(tmp_path, *options) as collector:
        collector.send(ipfix_template(), ipfix_data(1500, 0))
        collector.wait_for("parquet: 1 rows")
        if is_killed:
            while not (tmp_path / STATE).exists() and time.monotonic() < collector.deadline:
                time.sleep(0.01)
            collector.process.kill()
        else:
            collector.process.send_signal(signal.SIGTERM)
            collector.end()
    with Running(tmp_path, "--stop-after", 1) as collector:
        collector.wait_for("octets of what was known")
        collector.send(ipfix_data(700, 1))
        printed = collector.end()
    assert "1 rows in 1 files" in printed
    assert sorted(row["bytes"] for row in rows_of(collector.files())) == [700, 1500]
    if not is_killed:  # then the last state is whole and has the sequence
        assert "1 flows, 0 missed, 0 discarded" in printed
        assert not list(tmp_path.glob(".*.tmp"))


def test_a_state_that_is_damaged_is_said_and_not_used(tmp_path: Path) -> None:
    (tmp_path / STATE).write_bytes(b"no state")
    with Running(tmp_path, "--stop-after", 3) as collector:
        collector.send(*datagrams(1))
        printed, complaints = collector.process.communicate(timeout=PATIENCE_S)
    assert (collector.process.returncode, complaints.count(b"\n")) == (0, 1)
    assert complaints.startswith(STATE.encode())
    assert complaints.endswith(b"; it is not used\n")
    assert b"3 rows in 1 files" in printed
    Decoder().import_state((tmp_path / STATE).read_bytes())


# ── a real exporter ──────────────────────────────────────────────────────────────────────────────────────────────────

HOSTS = [f"10.9.0.{n}" for n in range(1, 6)]


def plain_traffic() -> tuple[bytes, Counter[tuple[str, str, int, int, int]]]:
    """A capture of UDP packets between hosts, and the octets of IP in each direction of each conversation."""
    packets, octets = [], Counter[tuple[str, str, int, int, int]]()
    for n in range(200):
        source, target = HOSTS[n % 5], HOSTS[(n * n + 1) % 5]
        if source == target:
            continue
        ports = 5000 + n % 7, 53 + n % 3
        packet = build.udp(bytes(n), (source, ports[0]), (target, ports[1]))
        packets.append((1_700_000_000_000_000_000 + n * 1_000_000, build.ethernet(packet)))
        octets[source, target, *ports, 17] += len(packet)
    return build.pcap(packets), octets


def softflowd(directory: Path, port: int) -> None:
    """Run softflowd over the capture there: it sends all flows at the end of the file and ends itself."""
    done = subprocess.run(
        ["softflowd", "-d", "-r", "plain.pcap", "-n", f"127.0.0.1:{port}", "-v", "5", "-p", "pid", "-c", "control"],
        cwd=directory,  # it waits forever when these paths are long
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.live
@pytest.mark.skipif(shutil.which("softflowd") is None, reason="softflowd is not installed")
def test_flows_of_softflowd_are_the_traffic_that_it_saw(tmp_path: Path) -> None:
    capture, octets = plain_traffic()
    (tmp_path / "plain.pcap").write_bytes(capture)
    with Running(tmp_path / "flows", "--stop-after", len(octets)) as collector:
        softflowd(tmp_path, collector.port)
        printed = collector.end()
    seen = Counter[tuple[str, str, int, int, int]]()
    for file in collector.files():
        for row in pq.read_table(file).to_pylist():
            addresses = (".".join(map(str, row[name][12:])) for name in ("src_addr", "dst_addr"))
            seen[*addresses, row["src_port"], row["dst_port"], row["proto"]] += row["bytes"]
    assert seen == octets
    assert f"{len(octets)} flows, 0 missed, 0 discarded" in printed
