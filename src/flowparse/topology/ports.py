"""The two ports of every report, as numbers.

A far device that was collected knows its own ports, so of what a row calls the far port (port id, port
description) the one counts that is such a port: some devices send a MAC address, an ifIndex or the name
of a LAG. Where none is, the rows of the far device say which of its ports hears this one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from ..lldp.interfaces import looks_like_interface
from .reports import NO_KEY, Device, Keys, Report, mac_address

__all__ = ["PortMap", "Ports"]


class Ports:
    """Far ports of rows, by interface key."""

    def __init__(self, devices: list[Device], keys: Keys) -> None:
        self._devices = devices
        self._keys = keys

    def far_key(self, report: Report, far: int) -> int:
        """The interface key of the far port, or -1 if the row tells none; `far` is a device's number or -1."""
        row = report.row
        platform = None
        if far >= 0:
            device = self._devices[far]
            platform = device.platform
            for text in (row.port_id, row.port_description):
                if text:
                    key = self._keys.number(text, platform)
                    if key in device.ports:
                        return key
                    if (port := self._keys.without_unit(key)) in device.ports:
                        return port
        text = row.remote_interface
        return self._keys.number(text, platform) if text else NO_KEY

    def written(self, key: int, device: int) -> str | None:
        """How a collected device writes one of its own ports; None for other ports."""
        return self._devices[device].ports.get(key) if device >= 0 else None

    def aggregate(self, key: int, device: int) -> str | None:
        """The LAG that a port is a member of, if its device says so."""
        return self._devices[device].aggregates.get(key) if device >= 0 else None

    def same_kind(self, key: int, other: int) -> bool:
        """Whether two keys are of one class of interfaces, such as two GigabitEthernet ports."""
        return self._keys.keys[key].kind == self._keys.keys[other].kind


def is_firm(report: Report) -> bool:
    """Whether what a row calls the far port is surely an interface name: no MAC address, no bare number."""
    text = report.row.remote_interface
    return text is not None and not text.isdecimal() and mac_address(text) is None and looks_like_interface(text)


class PortMap:
    """Numbers for ports, what is known of each, and who is heard there.

    Attributes
    ----------
    node, key, text : lists, one item for each port
        Its node, its interface key (-1 if nobody tells it), and its name for people.
    known : list of bool
        Whether the name is its own device's.
    heard : dict of int to dict of int to list of int
        Port -> port heard there -> rows that say so.
    """

    def __init__(
        self,
        rows: Sequence[Report],
        used: Sequence[int],
        far_node: Sequence[int],
        node_of_device: Sequence[int],
        device_of_node: Sequence[int],
        ports: Ports,
    ) -> None:
        self._numbers: dict[tuple[int, int, int], int] = {}
        self._rows = rows
        self._ports = ports
        self.node: list[int] = []
        self.key: list[int] = []
        self.text: list[str | None] = []
        self.known: list[bool] = []
        near, far = {}, {}
        unsure = []
        for at in used:
            row = rows[at]
            other = far_node[at]
            own = ports.written(row.local, row.device)
            near[at] = self._port(node_of_device[row.device], row.local, own, own is not None, at)
            key = ports.far_key(row, device_of_node[other])
            written = ports.written(key, device_of_node[other])
            far[at] = self._port(other, key, written or row.row.remote_interface, written is not None, at)
            if row.local == NO_KEY or (written is None and device_of_node[other] >= 0):
                unsure.append(at)
        if unsure:
            self._look_for_ports(unsure, near, far)
        heard: dict[int, dict[int, list[int]]] = defaultdict(dict)
        for at in used:
            heard[near[at]].setdefault(far[at], []).append(at)
        self.heard = dict(heard)
        for others in self.heard.values():
            if len(others) > 1:
                self._one_port_each(others)

    def _port(self, node: int, key: int, text: str | None, known: bool, at: int) -> int:
        place = (node, key, at if key == NO_KEY else NO_KEY)
        found = self._numbers.get(place)
        if found is None:
            found = self._numbers[place] = len(self.node)
            self.node.append(node)
            self.key.append(key)
            self.text.append(text)
            self.known.append(known)
        elif not known and text is not None and not self.known[found]:
            shown = self.text[found]
            self.text[found] = text if shown is None else min(shown, text)
        return found

    def _look_for_ports(self, unsure: Iterable[int], near: dict[int, int], far: dict[int, int]) -> None:
        """Replace ports that rows do not name, or not by a name that the far device uses, where one answer fits."""
        node = self.node
        open_rows = set(unsure)
        hears: dict[tuple[int, int], set[int]] = defaultdict(set)  # (port, far node) -> far ports heard
        heard_by: dict[tuple[int, int], set[int]] = defaultdict(set)  # (port, hearing node) -> ports that hear it
        for at, here in near.items():
            if self.key[far[at]] != NO_KEY:
                hears[here, node[far[at]]].add(far[at])
            if at not in open_rows:
                heard_by[far[at], node[here]].add(here)
        without: dict[tuple[int, int], list[int]] = defaultdict(list)  # (node, far node) -> rows that name no far port
        found: list[tuple[dict[int, int], int, int]] = []
        for at in sorted(open_rows):
            row, here, there = self._rows[at], near[at], far[at]
            pair = node[here], node[there]
            if row.local == NO_KEY:
                # The far end names this port, or a second table of this device does.
                ports = heard_by.get((there, pair[0])) or hears.get((there, pair[0])) or set()
                if len(ports) == 1:
                    found.append((near, at, min(ports)))
                continue
            ports = heard_by.get((here, pair[1]), set())
            firm = is_firm(row)
            if len(ports) == 1 and not (firm and self._ports.same_kind(self.key[there], self.key[min(ports)])):
                found.append((far, at, min(ports)))
            elif not ports and not firm:
                without[pair].append(at)
        for (one, two), ats in without.items():
            if one < two and len(ats) == len(without.get((two, one), ())) == 1:
                [there], [here] = without[two, one], ats
                found += [(far, here, near[there]), (far, there, near[here])]
        for side, at, port in found:
            side[at] = port

    def _one_port_each(self, others: dict[int, list[int]]) -> None:
        """One neighbor that a port hears by two protocols, which call the far port by two names, is heard once."""
        by_node: dict[int, list[int]] = defaultdict(list)
        for other in others:
            by_node[self.node[other]].append(other)
        for same in by_node.values():
            if len(same) == 1:
                continue
            firm = {other: self.known[other] or is_firm(self._rows[others[other][0]]) for other in same}
            main, *rest = sorted(same, key=lambda each: (not self.known[each], not firm[each], self.text[each] or ""))
            protocols = {self._rows[at].row.protocol for at in others[main]}
            for other in rest:
                of_other = {self._rows[at].row.protocol for at in others[other]}
                if not self.known[other] and (not firm[other] or not protocols & of_other):
                    others[main] += others.pop(other)
