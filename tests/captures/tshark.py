"""Wireshark's reading of NetFlow v9 and IPFIX, of all captures in one run: records and their fields in order.

Starting tshark takes longer than its work on most captures. So the datagrams of all captures go into one, with an
exporter's address of their own for each capture: templates do not meet.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import IO, Any, NamedTuple
from xml.parsers.expat import ParserCreate

import pytest

from tests import build
from tests.captures import corpus

TSHARK = shutil.which("tshark")
needs_tshark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
PORT = 2055
COLLECTOR = ("192.0.2.250", PORT)


class Shown(NamedTuple):
    """A field as tshark shows it."""

    name: str
    text: str
    octets: str  # hex


Record = list[Shown]


@cache
def dissected(most: int | None = None) -> dict[str, list[list[Record]]]:
    """Capture -> the data records that tshark finds in each of its datagrams, or in the first `most` of them.

    Of datagrams of other versions there are none.
    """
    assert TSHARK is not None
    names = [row["capture"] for row in corpus.index() if {"nf9", "ipfix"} & {*row["protocols"].split()}]
    sent: list[tuple[str, int, bytes]] = []
    for capture, name in enumerate(names):
        for datagram in corpus.datagrams(name)[:most]:
            # What nobody reads keeps the place of a datagram of another version.
            payload = datagram.octets if datagram.version in (9, 10) else bytes(2)
            packet = build.udp(payload, (f"10.{capture >> 8}.{capture & 255}.1", datagram.exporter[1]), COLLECTOR)
            sent.append((name, datagram.received_ns, build.ethernet(packet)))
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "all.pcap")
        path.write_bytes(build.pcap(((received_ns, frame) for _, received_ns, frame in sent), nanosecond=True))
        command = [TSHARK, "-n", "-r", str(path), "-d", f"udp.port=={PORT},cflow", "-T", "pdml", "-J", "cflow"]
        command += ["-o", "cflow.max_template_fields:0"]  # no templates are too long
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=os.environ | {"TZ": "UTC"}
        ) as program:
            assert program.stdout is not None
            packets = read(program.stdout)
        assert program.returncode == 0
    found: dict[str, list[list[Record]]] = {}
    for (name, _, _), packet in zip(sent, packets, strict=True):
        found.setdefault(name, []).append(packet)
    return found


def read(pdml: IO[bytes]) -> list[list[Record]]:
    """Read the data records of each packet of a PDML document.

    A field without a name that is shown in parts, such as a label of MPLS, has the octets of the whole and the parts'
    text. What belongs to no octets only holds others: a duration its start and end.
    """
    packets: list[list[Record]] = []
    depth = 0  # of elements open
    at: int | None = None  # the depth of the record that is open
    closed = 0  # the depth of a field whose parts are passed over; 0 is none
    whole = 0  # the depth of a field whose parts are its text; 0 is none

    def start(tag: str, attributes: dict[str, Any]) -> None:
        nonlocal depth, at, closed, whole
        depth += 1
        if tag == "packet":
            packets.append([])
        elif closed or tag != "field":
            pass
        elif at is None:
            if attributes["name"] == "" and attributes["show"].startswith("Flow "):
                at = depth
                packets[-1].append([])
        elif whole:
            first = packets[-1][-1].pop()
            text = f"{first.text} {attributes['show']}".strip()
            packets[-1][-1].append(Shown(first.name or attributes["name"], text, first.octets))
        elif attributes["name"] == "" and attributes.get("value"):
            packets[-1][-1].append(Shown("", "", attributes["value"]))
            whole = depth
        elif attributes["size"] != "0":
            packets[-1][-1].append(Shown(attributes["name"], attributes["show"], attributes.get("value", "")))
            closed = depth

    def end(_: str) -> None:
        nonlocal depth, at, closed, whole
        if closed == depth:
            closed = 0
        if whole == depth:
            whole = 0
        if at == depth:
            at = None
        depth -= 1

    parser = ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.ParseFile(pdml)
    return packets
