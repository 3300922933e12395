"""Wireshark's reading of the same captures, field by field; skipped where tshark is not installed.

No exceptions are needed: every v1, v5 and v7 datagram of the collection reads the same.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from flowparse import FLOW, NATIVE, Decoder
from tests.captures import corpus

TSHARK = shutil.which("tshark")
needs_tshark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")


def milliseconds(text: str) -> int:
    return int(Decimal(text) * 1000)


def number(text: str) -> int:
    return int(text, 0)


# tshark's field -> (ours, how its text reads).
RECORD: dict[str, tuple[str, Callable[[str], Any]]] = {
    "cflow.srcaddr": ("sourceIPv4Address", str),
    "cflow.dstaddr": ("destinationIPv4Address", str),
    "cflow.nexthop": ("ipNextHopIPv4Address", str),
    "cflow.inputint": ("ingressInterface", number),
    "cflow.outputint": ("egressInterface", number),
    "cflow.packets": ("packetDeltaCount", number),
    "cflow.octets": ("octetDeltaCount", number),
    "cflow.timestart": ("flowStartSysUpTime", milliseconds),
    "cflow.timeend": ("flowEndSysUpTime", milliseconds),
    "cflow.srcport": ("sourceTransportPort", number),
    "cflow.dstport": ("destinationTransportPort", number),
    "cflow.protocol": ("protocolIdentifier", number),
    "cflow.tos": ("ipClassOfService", number),
    "cflow.tcpflags": ("tcpControlBits", number),
}
NETWORKS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "cflow.srcas": ("bgpSourceAsNumber", number),
    "cflow.dstas": ("bgpDestinationAsNumber", number),
    "cflow.srcmask": ("sourceIPv4PrefixLength", number),
    "cflow.dstmask": ("destinationIPv4PrefixLength", number),
}
RECORDS = {
    1: RECORD,
    5: RECORD | NETWORKS,
    7: RECORD | NETWORKS | {"cflow.routersc": ("routerShortcut", str)},
}
HEADERS: dict[int, dict[str, tuple[str, Callable[[str], int]]]] = {
    1: {
        "cflow.count": ("count", number),
        "cflow.sysuptime": ("sys_uptime_ms", milliseconds),
        "cflow.unix_secs": ("export_time_s", number),
        "cflow.unix_nsecs": ("export_time_ns", number),
    },
}
HEADERS[7] = HEADERS[1] | {"cflow.sequence": ("sequence", number)}
HEADERS[5] = HEADERS[7] | {
    "cflow.engine_type": ("engine_type", number),
    "cflow.engine_id": ("engine_id", number),
    "cflow.samplingmode": ("sampling_mode", number),
    "cflow.samplerate": ("sampling_interval", number),
}


def tshark(name: str, version: int, fields: list[str]) -> list[dict[str, list[str]]]:
    """What tshark reads of each datagram of a version: field -> its values, in order."""
    assert TSHARK is not None
    command = [TSHARK, "-n", "-r", str(corpus.path(name)), "-Y", f"cflow.version == {version}", "-T", "fields"]
    for port in corpus.declared_ports(name):
        command += ["-d", f"udp.port=={port},cflow"]
    for field in fields:
        command += ["-e", field]
    told = subprocess.run([*command, "-E", "occurrence=a"], capture_output=True, text=True, check=True, timeout=60)
    return [
        {field: cell.split(",") if cell else [] for field, cell in zip(fields, line.split("\t"), strict=True)}
        for line in told.stdout.splitlines()
    ]


def check_fields(name: str, version: int) -> None:
    """Compare the header and every record of the capture's datagrams of one version."""
    datagrams = [datagram for datagram in corpus.datagrams(name) if datagram.version == version]
    record, header = RECORDS[version], HEADERS[version]
    lines = tshark(name, version, [*header, *record])
    assert len(lines) == len(datagrams) > 0
    decoder = Decoder(NATIVE)
    for datagram, line in zip(datagrams, lines, strict=True):
        message = decoder.decode(*datagram)
        assert {ours: message.header[ours] for ours, _ in header.values()} == {
            ours: read(line[theirs][0]) for theirs, (ours, read) in header.items()
        }
        (table,) = message.tables
        assert {ours: table[ours].to_list() for ours, _ in record.values()} == {
            ours: list(map(read, line[theirs])) for theirs, (ours, read) in record.items()
        }


@needs_tshark
@corpus.each("nf5")
def test_v5_fields_are_as_tshark_reads_them(name: str) -> None:
    check_fields(name, 5)


@needs_tshark
@corpus.each("nf1")
def test_v1_fields_are_as_tshark_reads_them(name: str) -> None:
    check_fields(name, 1)


@needs_tshark
@corpus.each("nf7")
def test_v7_fields_are_as_tshark_reads_them(name: str) -> None:
    check_fields(name, 7)


@needs_tshark
@corpus.each("nf1", "nf7", alone=True)
def test_captures_without_goldens_have_as_many_records_as_tshark_counts(name: str) -> None:
    row = next(row for row in corpus.index() if row["capture"] == name)
    versions = [corpus.FIXED[protocol] for protocol in row["protocols"].split() if protocol in corpus.FIXED]
    theirs = sum(len(line["cflow.srcaddr"]) for v in versions for line in tshark(name, v, ["cflow.srcaddr"]))
    decoder = Decoder(FLOW)
    assert decoder.feed_capture(corpus.path(name).read_bytes()) == theirs == len(decoder.take()) > 0
