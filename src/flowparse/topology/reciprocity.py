"""Names found by who is at the other end of the cable.

An inventory calls a device "r5-tor" while the device calls itself "r5": nothing in the two names says
that they are one. Their cables do. If r5-tor reports r1 on its port 1, and the one neighbor that r1 has
on that port is "r5", on port 1, then r5 is r5-tor.

A device takes part that nobody calls by its name. It and a name become one if at least one of its
point-to-point reports is mirrored so, none is contradicted (the far port reports another device, or
another port), and neither the device nor the name has a second answer. A far end that is silent, as
when a cable was cut a minute ago, is no contradiction.

All reports whose far end is known are judged in one round, then all answers are taken at once, and
what they made known is judged in the next round: the order of tables changes nothing, and each report
is judged once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from .identity import Identities, fold
from .model import Evidence
from .ports import Ports
from .reports import Report

__all__ = ["infer_names", "settle"]

NOBODY = -1


class _Device:
    """What the reports of a device that nobody names say of who it is."""

    __slots__ = ("claim", "contradicted", "mirrored")

    def __init__(self) -> None:
        self.mirrored: dict[int, int] = defaultdict(int)  # entity of a name -> reports
        self.contradicted = False
        self.claim = NOBODY

    def answer(self) -> int:
        return min(self.mirrored) if len(self.mirrored) == 1 and not self.contradicted else NOBODY


class _Inference:
    def __init__(self, rows: list[Report], identities: Identities, ports: Ports) -> None:
        self.rows = rows
        self.classes = identities.classes
        self.ports = ports
        self.names = identities.names_of_classes()
        self.entity_of = [self.classes.find(identities.of_reference[row.reference]) for row in rows]
        self.heard: dict[tuple[int, int], dict[int, int]] = defaultdict(dict)  # port -> entity -> one report of it
        for at, row in enumerate(rows):
            self.heard[row.device, row.local].setdefault(self.entity_of[at], at)
        named = {self.classes.device(entity) for entity in self.entity_of}
        self.devices = {number: _Device() for number in range(len(identities.devices)) if number not in named}
        self.tied = {self.classes.find(entity) for entity in identities.ties}
        self.claims: dict[int, set[int]] = defaultdict(set)

    def run(self) -> bool:
        naming: dict[int, list[int]] = defaultdict(list)  # entity -> point-to-point reports of devices without a name
        for (device, _), heard in self.heard.items():
            if device in self.devices and len(heard) == 1:
                [(entity, at)] = heard.items()
                naming[entity].append(at)
        waiting = [at for entity, some in naming.items() if self.classes.device(entity) >= 0 for at in some]
        joined = False
        while waiting:
            for at in waiting:
                self._judge(at)
            answers = self._answers({self.rows[at].device for at in waiting})
            waiting = []
            for entity, number in answers:
                count = self.devices.pop(number).mirrored[entity]
                detail = "1 report is mirrored" if count == 1 else f"{count} reports are mirrored"
                why = (Evidence(name, "port reciprocity", detail) for name in sorted(self.names[entity]))
                joined |= self.classes.join(entity, number, *why)
            for entity, _ in answers:
                waiting += [at for at in naming.get(entity, ()) if self.rows[at].device in self.devices]
        return joined

    def _judge(self, at: int) -> None:
        """Look at the far end of a report."""
        row = self.rows[at]
        state = self.devices[row.device]
        far = self.classes.device(self.entity_of[at])
        heard = self.heard.get((far, self.ports.far_key(row, far)), {})
        if len(heard) == 1:
            [(entity, other)] = heard.items()
            if entity in self.tied:
                return
            same_port = self.ports.far_key(self.rows[other], row.device) == row.local
            if same_port and self.classes.device(entity) < 0 and entity in self.names:
                state.mirrored[entity] += 1
            else:
                state.contradicted = True

    def _answers(self, changed: set[int]) -> list[tuple[int, int]]:
        """(entity, device) for each name that one device alone claims, of those that `changed` had to do with."""
        entities = set()
        for number in changed:
            state = self.devices[number]
            if (answer := state.answer()) != state.claim:
                self.claims[state.claim].discard(number)
                self.claims[answer].add(number)
                entities |= {state.claim, answer}
                state.claim = answer
        return [
            (entity, min(self.claims[entity]))
            for entity in sorted(entities - {NOBODY})
            if len(self.claims[entity]) == 1
        ]


def infer_names(rows: list[Report], identities: Identities, ports: Ports) -> bool:
    """Join devices that nobody names to the names that their neighbors use; True if any was joined."""
    named = {identities.classes.device(entity) for entity in identities.of_reference}
    if named.issuperset(range(len(identities.devices))):
        return False
    return _Inference(rows, identities, ports).run()


def settle(rows: list[Report], identities: Identities, ports: Ports) -> dict[int, int]:
    """Who is meant by rows without a name, or with one that several devices might have: who reports their port.

    Returns
    -------
    device_of : dict of int to int
        Row -> device, for rows of ambiguous names; rows without a name are joined to their device instead.
    """
    classes = identities.classes
    names = identities.names_of_classes()
    tied = {classes.find(entity) for entity in identities.ties}
    entity_of = [classes.find(identities.of_reference[row.reference]) for row in rows]
    open_rows = [
        at for at, root in enumerate(entity_of) if classes.device(root) < 0 and (root in tied or root not in names)
    ]
    if not open_rows:
        return {}
    reporters: dict[tuple[int, int], set[int]] = defaultdict(set)
    for at, row in enumerate(rows):
        far = classes.device(entity_of[at])
        if far >= 0 and ports.written(key := ports.far_key(row, far), far) is not None:
            reporters[far, key].add(row.device)
    device_of = {}
    nameless: dict[int, set[int]] = defaultdict(set)
    for at in open_rows:
        row = rows[at]
        found = reporters.get((row.device, row.local), set())
        if len(found) == 1:
            [device] = found
            if entity_of[at] not in names:
                nameless[entity_of[at]].add(device)
            elif _may_be(row.row.system_name or "", identities.devices[device].given_names):
                device_of[at] = device
    ids = identities.ids_of_classes()
    for root, found in sorted(nameless.items()):
        if len(found) == 1:
            classes.join(root, min(found), Evidence(ids[root], "port reciprocity", "both ends report the same ports"))
    return device_of


def _may_be(name: str, given: Iterable[str]) -> bool:
    folded = fold(name)
    return any(fold(each).startswith(folded) or folded.startswith(fold(each) + ".") for each in given)
