"""The shared sFlow captures: where they are, and the datagrams in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from flowparse import capture
from flowparse.errors import DecodeError
from flowparse.limits import Limits
from flowparse.sflow import Datagram, DiscardSample, FlowSample, Record
from flowparse.sflow.read import read_plainly
from tests.shared import SHARED

FOLDER: Path | None = None if SHARED is None else SHARED / "sflow"
NAMES: list[str] = [] if FOLDER is None else sorted(path.stem for path in FOLDER.glob("*.pcap"))


def payloads(name: str) -> list[bytes]:
    """The UDP payloads of a capture, in order."""
    assert FOLDER is not None
    return [bytes(octets) for _, _, _, octets in capture.datagrams((FOLDER / f"{name}.pcap").read_bytes())]


def decoded(name: str) -> list[Datagram | None]:
    """What each payload is to the plain reader; None for one that is refused."""
    found: list[Datagram | None] = []
    for octets in payloads(name):
        try:
            found.append(read_plainly(octets, Limits()))
        except DecodeError:
            found.append(None)
    return found


def records(name: str) -> Iterator[Record]:
    """Every record of the flow and discard samples of a capture."""
    for datagram in decoded(name):
        for sample in datagram.samples if datagram else ():
            if isinstance(sample, FlowSample | DiscardSample):
                yield from sample.records


def sampled_headers() -> list[tuple[int, bytes]]:
    """(header protocol, octets) of every sampled header of every capture, each once."""
    found: dict[tuple[int, bytes], None] = {}
    for name in NAMES:
        for record in records(name):
            if record.name == "sampled_header" and "header" in record.fields:
                found[record.fields["protocol"], record.fields["header"]] = None
    return list(found)
