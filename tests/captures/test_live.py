"""NetFlow v5, v9 and IPFIX as Debian's softflowd and pmacctd send them, compared with the traffic that they saw.

Both read a capture that the tests make and export to a socket of ours on the loopback interface.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from flowparse import FLOW, Decoder, reference
from tests import build

PATHS = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
SOFTFLOWD, PMACCTD = (shutil.which(program, path=PATHS) for program in ("softflowd", "pmacctd"))
PATIENCE_S = 40.0
QUIET_S = 0.5  # after an exporter has ended
START_NS = 1_700_000_000_000_000_000
HOSTS = [f"10.9.0.{n}" for n in range(1, 6)]

NFPROBE = """daemonize: false
pcap_savefile: {capture}
plugins: nfprobe
nfprobe_receiver: 127.0.0.1:{port}
nfprobe_version: {version}
aggregate: src_host, dst_host, src_port, dst_port, proto, tos
snaplen: 128
"""

Key = tuple[str, str, int, int, int]


class Flow(NamedTuple):
    """What is known of one direction of a conversation: of IP, and between its first packet and its last."""

    octets: int
    packets: int
    duration_ns: int


def traffic() -> tuple[bytes, dict[Key, Flow]]:
    """A capture of UDP packets between hosts, a millisecond apart; and its flows."""
    frames, seen = [], defaultdict[Key, list[tuple[int, int]]](list)
    for n in range(400):
        source, target = HOSTS[n % 5], HOSTS[(n * n + 1) % 5]
        if source == target:
            continue
        ports = 5000 + n % 7, 53 + n % 3
        packet, time_ns = build.udp(bytes(n), (source, ports[0]), (target, ports[1])), START_NS + n * 1_000_000
        frames.append((time_ns, build.ethernet(packet)))
        seen[source, target, *ports, 17].append((time_ns, len(packet)))
    flows = {
        key: Flow(sum(octets for _, octets in packets), len(packets), packets[-1][0] - packets[0][0])
        for key, packets in seen.items()
    }
    return build.pcap(frames), flows


def softflowd(directory: Path, port: int, version: int) -> list[str]:
    """The command that sends the flows of the capture there, and ends."""
    assert SOFTFLOWD is not None
    # It waits forever when these paths are long.
    return [
        SOFTFLOWD, "-d", "-r", "plain.pcap", "-n", f"127.0.0.1:{port}", "-v", str(version), "-p", "pid", "-c", "control"
    ]  # fmt: skip


def nfprobe(directory: Path, port: int, version: int) -> list[str]:
    """The same of pmacctd's nfprobe plugin."""
    assert PMACCTD is not None
    text = NFPROBE.format(capture=directory / "plain.pcap", port=port, version=version)
    (directory / "pmacctd.conf").write_text(text)
    return [PMACCTD, "-f", "pmacctd.conf"]


def exported(directory: Path, command: Callable[[Path, int, int], list[str]], version: int) -> list[bytes]:
    """The datagrams that an exporter sends until it has ended."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        listener.bind(("127.0.0.1", 0))
        done = subprocess.run(
            command(directory, listener.getsockname()[1], version),
            cwd=directory, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        # pmacctd's core ends with 1 where it sees that its plugin has ended before the plugin says so.
        assert done.returncode == 0 or "Shutting down on user request" in done.stderr, done.stderr
        listener.settimeout(QUIET_S)
        datagrams = []
        while True:
            try:
                datagrams.append(listener.recv(65535))
            except TimeoutError:
                return datagrams


Command = Callable[[Path, int, int], list[str]]
each_command = pytest.mark.parametrize(
    "command",
    [
        pytest.param(
            softflowd, marks=pytest.mark.skipif(SOFTFLOWD is None, reason="softflowd is not installed"), id="softflowd"
        ),
        pytest.param(
            nfprobe, marks=pytest.mark.skipif(PMACCTD is None, reason="pmacctd is not installed"), id="nfprobe"
        ),
    ],
)

ODD = defaultdict(
    set,
    {
        ("softflowd", 9): {"count_mismatch"},  # counts flows, and not templates
        ("softflowd", 10): {"sequence_gap"},  # counts what the message before did not hold
    },
)
"""(exporter, version) -> what it is told of, besides templates."""


@pytest.mark.live
@each_command
@pytest.mark.parametrize("version", [5, 9, 10])
def test_flows_are_the_traffic_that_the_exporter_saw(command: Command, version: int, tmp_path: Path) -> None:
    capture, flows = traffic()
    (tmp_path / "plain.pcap").write_bytes(capture)
    datagrams = exported(tmp_path, command, version)
    assert {datagram[:2] for datagram in datagrams} == {version.to_bytes(2)}
    decoder = Decoder(FLOW)
    decoder.feed_many(datagrams, "127.0.0.1", START_NS)
    seen = {}
    for row in decoder.take():
        # softflowd's IPFIX tells uptimes, and of its start in options that come with the first of them.
        start, end = row.time_flow_start_ns, row.time_flow_end_ns
        key = (row.src_addr, row.dst_addr, row.src_port, row.dst_port, row.proto)
        assert key not in seen
        seen[key] = Flow(row.bytes, row.packets, flows[key].duration_ns if start is None else end - start)
    assert seen == flows
    told = {event.code for event in decoder.events()} - {"template_defined", "sampling_changed"}
    assert told <= ODD[command.__name__, version]
    assert sum(each.discarded for each in decoder.stats()) == 0
    assert reference.compare([(datagram, "127.0.0.1", START_NS) for datagram in datagrams]) == []
