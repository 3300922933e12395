"""The captures beside the repository: which there are, their datagrams and their golden records."""

from __future__ import annotations

import csv
import json
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from flowparse import capture
from tests.shared import SHARED, needs_shared

FIXED = {"nf1": 1, "nf5": 5, "nf7": 7}
"""INDEX.csv's name of a protocol without templates -> version."""

VERSIONS = FIXED | {"nf9": 9, "ipfix": 10}
"""INDEX.csv's name of a protocol -> version."""


class Datagram(NamedTuple):
    """A UDP payload, who sent it and when."""

    octets: bytes
    exporter: tuple[str, int]
    received_ns: int

    @property
    def version(self) -> int:
        return int.from_bytes(self.octets[:2])


@cache
def index() -> list[dict[str, str]]:
    """INDEX.csv, without the captures of other protocols than NetFlow and IPFIX; empty where it is absent."""
    if SHARED is None:
        return []
    with (SHARED / "captures" / "INDEX.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if VERSIONS.keys() & row["protocols"].split()]


def path(name: str, suffix: str = ".pcap") -> Path:
    """Where a capture, or something about it, is."""
    assert SHARED is not None
    return SHARED / "captures" / f"{name}{suffix}"


def each(*protocols: str, alone: bool = False) -> Any:
    """Parametrize a test over the captures that hold one of these protocols, or it alone; skip without captures."""
    there = {row["capture"]: {*row["protocols"].split()} for row in index()}
    names = [name for name, of_one in there.items() if {*protocols} & of_one and (len(of_one) == 1 or not alone)]
    return pytest.mark.parametrize("name", names or [pytest.param("none", marks=needs_shared)])


def early() -> Any:
    """Parametrize a test over the captures with data Sets that have no template when they come."""
    names = [row["capture"] for row in index() if row["undecodable_sets"] != "0"]
    return pytest.mark.parametrize("name", names or [pytest.param("none", marks=needs_shared)])


def shared_by_ports() -> Any:
    """Parametrize a test over the captures whose golden records differ where an exporter's ports share templates."""
    names = [row["capture"] for row in index() if path(row["capture"], ".exporter.jsonl").is_file()]
    absent = pytest.mark.skip(reason="no capture here where sharing templates changes anything")
    return pytest.mark.parametrize("name", names or [pytest.param("none", marks=absent)])


@cache
def datagrams(name: str) -> tuple[Datagram, ...]:
    """The datagrams of a capture, in order."""
    return tuple(
        Datagram(bytes(payload), source, time_ns)
        for time_ns, source, _, payload in capture.datagrams(path(name).read_bytes())
    )


@cache
def v5_datagrams() -> tuple[Datagram, ...]:
    """Every NetFlow v5 datagram of every capture."""
    names = [row["capture"] for row in index() if "nf5" in row["protocols"].split()]
    return tuple(datagram for name in names for datagram in datagrams(name) if datagram.version == 5)


def goldens(name: str, version: int = 5, suffix: str = ".jsonl") -> dict[int, list[dict[str, Any]]]:
    """Ordinal of the datagram -> its golden records in order; nothing where there are none."""
    if not path(name, suffix).is_file():
        return {}
    lines = map(json.loads, path(name, suffix).read_text().splitlines())
    wanted = sorted((line for line in lines if line["version"] == version), key=lambda line: line["datagram"])
    return {ordinal: list(records) for ordinal, records in groupby(wanted, key=lambda line: line["datagram"])}


def declared_ports(name: str) -> list[int]:
    """The collector's ports of a capture."""
    return next([*map(int, row["ports"].split())] for row in index() if row["capture"] == name)
