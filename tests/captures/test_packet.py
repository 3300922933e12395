"""The headers of sampled packets as tshark reads them: every shared one.

It reads a header as far as it goes where ours wants it whole, and wants a whole TCP header where ours
wants what it reads of it. So what ours does not know is compared only as that: something is missing,
and the packet says that it is truncated.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowparse._packet import packet_of
from tests.build import pcap
from tests.captures import sflow
from tests.shared import needs_shared

TSHARK = shutil.which("tshark")
needs_tshark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
LINK_TYPES = {1: 1, 7: 9, 11: 228, 12: 229, 15: 105}  # header protocol -> pcap's number
PORTS = {6: "tcp", 17: "udp", 132: "sctp", 136: "udp"}
FIELDS: list[str] = [
    "eth.dst",
    "eth.src",
    "ieee8021ad.id",
    "vlan.id",
    "mpls.label",
    "ip.src",
    "ip.dst",
    "ip.proto",
    "ip.dsfield",
    "ip.ttl",
    "ip.len",
    "ip.id",
    "ip.frag_offset",
    "ipv6.src",
    "ipv6.dst",
    "ipv6.nxt",
    "ipv6.tclass",
    "ipv6.hlim",
    "ipv6.flow",
    "ipv6.plen",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.flags",
    "udp.srcport",
    "udp.dstport",
    "sctp.srcport",
    "sctp.dstport",
    "icmp.type",
    "icmp.code",
    "icmpv6.type",
    "icmpv6.code",
    "vxlan.vni",
    "wlan.sa",
    "wlan.da",
]
Line = dict[str, list[str]]


def tshark(folder: Path, protocol: int, headers: list[bytes]) -> Iterator[Line]:
    """What tshark reads of each header; none of them is a whole packet."""
    assert TSHARK is not None
    file = folder / "headers.pcap"
    file.write_bytes(pcap([(0, octets, len(octets) + 2000) for octets in headers], linktype=LINK_TYPES[protocol]))
    command = [TSHARK, "-n", "-r", str(file), "-T", "fields", "-E", "occurrence=a"]
    for preference in ("ip.defragment:FALSE", "ipv6.defragment:FALSE", "tcp.desegment_tcp_streams:FALSE"):
        command += ["-o", preference]
    for field in FIELDS:
        command += ["-e", field]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    for line in told.stdout.splitlines():
        yield {name: cell.split(",") if cell else [] for name, cell in zip(FIELDS, line.split("\t"), strict=True)}


class Told:
    """A line of tshark's, read layer by layer: of each field the values in the order in which they stand."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.used: dict[str, int] = {}

    def next(self, family: str, *names: str) -> list[Any]:
        """The values of the next layer of a family."""
        at = self.used[family] = self.used.get(family, -1) + 1
        return [values[at] if at < len(values := self.line[f"{family}.{name}"]) else None for name in names]


def number(text: str | None) -> int | None:
    return None if text is None else int(text, 0)


def theirs_of(told: Told, network: dict[str, Any]) -> dict[str, Any]:
    """What tshark says about the fields that we know of a network layer."""
    if network["version"] == 4:
        src, dst, *rest = told.next("ip", "src", "dst", "proto", "dsfield", "ttl", "len", "id", "frag_offset")
        names = ("proto", "tos", "ttl", "length", "fragment_id", "fragment_offset")
        said = {"src": src, "dst": dst, **dict(zip(names, map(number, rest), strict=True))}
    else:
        src, dst, *rest = told.next("ipv6", "src", "dst", "tclass", "hlim", "flow", "plen")
        said = {
            "src": src,
            "dst": dst,
            **dict(zip(("tos", "ttl", "flow_label", "length"), map(number, rest), strict=True)),
        }
        said["length"] = said["length"] and said["length"] + 40
    if "src_port" in network:
        family = PORTS[network["proto"]]
        said["src_port"], said["dst_port"] = map(number, told.next(family, "srcport", "dstport"))
        # tshark wants all 20 octets of a TCP header before it reads any flag, where 14 hold them.
        if "tcp_flags" in network and told.used[family] < len(told.line["tcp.flags"]):
            said["tcp_flags"] = number(told.line["tcp.flags"][told.used[family]])
    if "icmp_type" in network:
        family = "icmp" if network["proto"] == 1 else "icmpv6"
        said["icmp_type"], said["icmp_code"] = map(number, told.next(family, "type", "code"))
    transport = {"src_port", "dst_port"}
    return {
        name: value for name, value in said.items() if name in network and not (name in transport and value is None)
    }


@needs_shared
@needs_tshark
@pytest.mark.parametrize("protocol", sorted(LINK_TYPES))
def test_shared_headers_read_as_tshark_reads_them(protocol: int, tmp_path: Path) -> None:
    headers = [octets for number, octets in sflow.sampled_headers() if number == protocol]
    lines = list(tshark(tmp_path, protocol, headers))
    assert len(lines) == len(headers) > 0
    for octets, line in zip(headers, lines, strict=True):
        ours = packet_of(octets, protocol)
        told = Told(line)
        for layer in ("outer", "inner"):
            if network := ours[layer]:
                theirs = theirs_of(told, network)
                assert {name: network[name] for name in theirs} == theirs, (octets.hex(), ours, line)
        vlans = [tci & 0xFFF for tci in ours["vlans"]]
        theirs_vlans = list(map(number, line["ieee8021ad.id"] + line["vlan.id"]))[:2]
        assert vlans == theirs_vlans or (ours["truncated"] and vlans == theirs_vlans[:-1]), octets.hex()
        assert [entry >> 12 for entry in ours["labels"]] == list(map(number, line["mpls.label"]))[:3]
        if "dst_mac" in ours:
            link = ("wlan.da", "wlan.sa") if protocol == 15 else ("eth.dst", "eth.src")
            assert [ours["dst_mac"], ours["src_mac"]] == [line[name][0] for name in link]
        if not ours["outer"]:
            assert ours["truncated"] or not line["ip.dst"] + line["ipv6.dst"], octets.hex()
