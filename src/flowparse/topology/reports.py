"""Neighbor tables as one list of reports, with small numbers for whatever is compared.

A report is a row of a table: a device heard somebody on an interface. Who that is, is a `Reference`,
the same one for all rows that say the same of the far end; which port is a number for each distinct
interface key. Rows of all tables come in one order, whatever the order of the tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from ..lldp.interfaces import InterfaceKey, interface_key, natural
from ..lldp.records import MAC as MAC_TEXT
from ..lldp.records import Neighbor, NeighborTable, Protocol
from .model import TopologyProblem

__all__ = ["ADDRESS", "Device", "Keys", "Reference", "Report", "Reports", "mac_address", "read"]

NO_KEY = -1
ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*", re.ASCII)


class Reference(NamedTuple):
    """What a row says of who is at the far end.

    `where` is (device, interface) if the row says nothing else, so that two such rows stay two.
    """

    name: str | None
    truncated: bool
    chassis_id: str | None
    addresses: tuple[str, ...]
    where: tuple[str, str] | None = None


class Report(NamedTuple):
    """A row: numbers of device, table, reference and local interface key (-1 if it has none), and the row."""

    device: int
    table: int
    reference: int
    local: int
    row: Neighbor


@dataclass(slots=True)
class Device:
    """A device whose tables were given."""

    name: str
    given_names: set[str] = field(default_factory=set)
    own_names: set[str] = field(default_factory=set)
    own_chassis_ids: set[str] = field(default_factory=set)
    platforms: set[str] = field(default_factory=set)
    protocols: dict[str, bool] = field(default_factory=dict)
    """Protocol -> whether all its tables are complete."""
    ports: dict[int, str] = field(default_factory=dict)
    """Interface key -> how the device writes it."""
    aggregates: dict[int, str] = field(default_factory=dict)

    @property
    def platform(self) -> str | None:
        return min(self.platforms, default=None)


class Keys:
    """Interface keys as numbers."""

    def __init__(self) -> None:
        self.keys: list[InterfaceKey] = []
        self._numbers: dict[InterfaceKey, int] = {}
        self._texts: dict[str | None, dict[str, int]] = {}

    def number(self, text: str, platform: str | None) -> int:
        """The number of an interface's key; the same for every spelling of it."""
        texts = self._texts.setdefault(platform, {})
        found = texts.get(text)
        if found is None:
            found = texts[text] = self._number(interface_key(text, platform))
        return found

    def _number(self, key: InterfaceKey) -> int:
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self.keys)
            self.keys.append(key)
        return found

    def without_unit(self, number: int) -> int:
        """The key of the port below a subinterface; `NO_KEY` if it is none."""
        key = self.keys[number]
        return NO_KEY if key.unit is None else self._number(key._replace(unit=None))


@dataclass(slots=True)
class Reports:
    """All that was reported."""

    devices: list[Device]
    references: list[Reference]
    rows: list[Report]
    keys: Keys
    problems: list[TopologyProblem]


@lru_cache(16384)
def mac_address(text: str) -> str | None:
    """A MAC address in any vendor's spelling as "aa:bb:cc:dd:ee:ff"; None for other text.

    Examples
    --------
    >>> mac_address("001A.2b3c-4D5E"), mac_address("001a.2b3c.4d5e"), mac_address("00 1a 2b 3c 4d 5e")
    (None, '00:1a:2b:3c:4d:5e', '00:1a:2b:3c:4d:5e')
    """
    text = text.replace(" ", ":")
    if not 12 <= len(text) <= 17 or MAC_TEXT.fullmatch(text) is None:
        return None
    digits = "".join(each for each in text.lower() if each in "0123456789abcdef")
    if any(mark in text for mark in ".:-") and len({each for each in text if each in ".:-"}) != 1:
        return None
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def _protocols(table: NeighborTable) -> set[str]:
    """The protocols that a table's silence speaks of."""
    heard = {str(row.protocol) for row in table}
    command = (table.command or "").lower()
    for word in ("cdp", "lldp"):
        if word in command:
            return heard | {word.upper()}
    # RouterOS's one table is of all of them; a table of no known command is of LLDP unless its rows say otherwise.
    return heard | {str(each) for each in Protocol} if table.command else heard or {str(Protocol.LLDP)}


def read(tables: Iterable[NeighborTable], named: Mapping[str, str]) -> Reports:
    """Put the rows of all tables into one list.

    Parameters
    ----------
    tables : iterable of NeighborTable
    named : Mapping
        Name of a table's device -> what to call it; others keep theirs.

    Raises
    ------
    ValueError
        A table has no device.
    """
    reports = Reports([], [], [], Keys(), [])
    given: dict[str, list[tuple[int, NeighborTable]]] = {}
    for at, table in enumerate(tables):
        if not table.device:
            raise ValueError("a neighbor table has no device; lldp.parse(..., device=name) gives it one")
        given.setdefault(named.get(table.device, table.device), []).append((at, table))
    references: dict[Reference, int] = {}
    # Devices and rows in an order of their own: what follows may number and pick as it goes.
    for name, some in sorted(given.items(), key=lambda each: (natural(each[0]), each[0])):
        device = Device(name)
        for _, table in some:
            _describe(device, table)
            reports.problems += [TopologyProblem("table", name, None, str(problem)) for problem in table.problems]
            if not table.complete and not table.problems:
                reports.problems.append(TopologyProblem("table", name, None, "its neighbor table is not complete"))
        _read_rows(some, device, len(reports.devices), reports, references)
        reports.devices.append(device)
    reports.references += references
    reports.rows = _on_ports(reports.rows, reports.devices, reports.keys)
    return reports


def _row_order(each: tuple[Neighbor, int, str | None]) -> tuple[object, ...]:
    row = each[0]
    return (
        row.local_interface,
        row.system_name or "",
        row.port_id or "",
        row.chassis_id or "",
        row.port_description or "",
        row.system_name_truncated,
        row.protocol,
        [address.address for address in row.management_addresses],
        each[2] or "",
    )


def _on_ports(rows: list[Report], devices: list[Device], keys: Keys) -> list[Report]:
    """Rows with what was heard on a subinterface told of its port, if the device reports that port too."""
    below: dict[tuple[int, int], int] = {}
    for number, device in enumerate(devices):
        for key in list(device.ports):
            if (port := keys.without_unit(key)) in device.ports:
                below[number, key] = port
                del device.ports[key]
    if not below:
        return rows
    return [row._replace(local=below.get((row.device, row.local), row.local)) for row in rows]


def _describe(device: Device, table: NeighborTable) -> None:
    device.given_names.add(table.device or device.name)
    if table.system_name:
        device.own_names.add(table.system_name)
    if table.chassis_id:
        device.own_chassis_ids.add(mac_address(table.chassis_id) or table.chassis_id)
    if table.platform:
        device.platforms.add(table.platform)
    for protocol in _protocols(table):
        device.protocols[protocol] = device.protocols.get(protocol, True) and table.complete


def _read_rows(
    tables: Iterable[tuple[int, NeighborTable]],
    device: Device,
    number: int,
    reports: Reports,
    references: dict[Reference, int],
) -> None:
    ports, rows = device.ports, reports.rows
    every = [(row, at, table.platform) for at, table in tables for row in table]
    every.sort(key=_row_order)
    for row, at, platform in every:
        interface = row.local_interface
        local = reports.keys.number(interface, platform) if interface else NO_KEY
        if interface:
            ports.setdefault(local, interface)
            if row.parent_interface:
                device.aggregates[local] = min(row.parent_interface, device.aggregates.get(local, row.parent_interface))
        name, chassis_id = row.system_name or None, row.chassis_id or None
        if name is not None and (mac := mac_address(name)) is not None:
            name, chassis_id = None, chassis_id or mac  # what a device without a name is listed as
        elif name is not None and chassis_id is None and ADDRESS.fullmatch(name):
            name, chassis_id = None, name
        if chassis_id is not None:
            chassis_id = mac_address(chassis_id) or chassis_id
        addresses = tuple([each.address for each in row.management_addresses])
        unknown = name is None and chassis_id is None and not addresses
        reference = Reference(
            name,
            row.system_name_truncated and name is not None,
            chassis_id,
            addresses,
            (device.name, interface) if unknown else None,
        )
        rows.append(Report(number, at, references.setdefault(reference, len(references)), local, row))
