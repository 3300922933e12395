"""sFlow as Debian's pmacctd sends it: its sfprobe plugin reads a capture and exports to a socket of ours."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from flowparse import Decoder, sflow
from tests import build

PMACCTD = shutil.which("pmacctd", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
PACKETS = 300
QUIET_S = 4.0  # it waits two seconds before it reads
ETHERNET_AND_CHECK = 14 + 4

CONFIGURATION = """daemonize: false
pcap_savefile: {capture}
savefile_wait: true
plugins: sfprobe
sfprobe_receiver: 127.0.0.1:{port}
sfprobe_agentip: 192.0.2.77
sfprobe_agentsubid: 5
sampling_rate: 1
snaplen: 128
"""


def received(listener: socket.socket) -> list[bytes]:
    """Datagrams until none comes for a while."""
    datagrams = []
    while True:
        try:
            datagrams.append(listener.recv(65535))
        except TimeoutError:
            return datagrams


@pytest.mark.live
@pytest.mark.skipif(PMACCTD is None, reason="pmacctd is not installed")
def test_samples_of_pmacctd_are_the_packets_that_it_saw(tmp_path: Path) -> None:
    packets = [build.udp(bytes(50 + n), (f"10.0.{n % 4}.1", 1000 + n), ("10.9.0.2", 53)) for n in range(PACKETS)]
    sent = {
        (f"10.0.{n % 4}.1", 1000 + n, "10.9.0.2", 53): len(packet) + ETHERNET_AND_CHECK
        for n, packet in enumerate(packets)
    }
    frames = [(1_700_000_000_000_000_000 + n * 1_000_000, build.ethernet(packet)) for n, packet in enumerate(packets)]
    (tmp_path / "plain.pcap").write_bytes(build.pcap(frames))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(QUIET_S)
        text = CONFIGURATION.format(capture=tmp_path / "plain.pcap", port=listener.getsockname()[1])
        (tmp_path / "pmacctd.conf").write_text(text)
        assert PMACCTD is not None
        with subprocess.Popen(
            [PMACCTD, "-f", str(tmp_path / "pmacctd.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as program:
            datagrams = received(listener)
            program.terminate()
    decoder = Decoder()
    decoder.feed_many(datagrams, "127.0.0.1")
    assert decoder.events() == []
    assert all(sflow.decode(datagram).notices == () for datagram in datagrams)
    rows = decoder.take()
    # What does not fill its last datagram it never sends.
    assert PACKETS - 10 < len(rows) <= PACKETS
    seen = {(row["src_addr"], row["src_port"], row["dst_addr"], row["dst_port"]): row["bytes"] for row in rows}
    assert len(seen) == len(rows)
    assert seen.items() <= sent.items()
    assert {(row["sampler_address"], row["observation_domain_id"], row["sampling_rate"]) for row in rows} == {
        ("192.0.2.77", 5, 1)
    }
    agent = decoder.sflow_agents(0)["192.0.2.77"]
    assert (agent["sFlowDatagramsReceived"], agent["sFlowFlowSamples"]) == (len(datagrams), len(rows))
    assert {count for name, count in agent.items() if "Lost" in name or "Duplicates" in name} == {0}
