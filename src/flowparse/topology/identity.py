"""Who is who: names, chassis ids and addresses that reports use, brought together to nodes.

Whatever may stand for a device is an entity: each device whose tables were given, each name, each
chassis id or address that comes without a name. Entities are joined to classes (union-find), step by
step, and each step leaves its evidence:

1. what the caller said (`aliases`), and what a device's own output says it is called;
2. the same name, then the name without case, serial number "(FOC1)" and domain;
3. a name that the device's table cut off, if exactly one name begins so;
4. a chassis id: the device's own, or the one that everybody reports with a name;
5. port reciprocity (`reciprocity.py`);
6. a management address.

Two rules hold throughout: a class never holds two devices whose tables were given, and where more
than one answer fits none is taken: a tie is a problem, not a guess. Each step decides on what was
known before it, so the order of tables changes nothing. Time is linear in what is read, sorting apart.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from ..text import visible
from .model import SHOWN, Evidence
from .reports import ADDRESS, Device, Reference, mac_address

__all__ = ["Classes", "Identities", "fold", "short_name"]

LABELS = 16  # of a domain name; what is beyond stays one label
LAST = "\U0010ffff"


def without_serial(name: str) -> str:
    """A CDP device id without the serial number behind it, and without a dot at its end."""
    text = name.strip()
    if text.endswith(")") and (at := text.rfind("(")) > 0:
        text = text[:at].rstrip()
    return text.rstrip(".") or text


def fold(name: str) -> str:
    """A name without case and serial number.

    Examples
    --------
    >>> fold("SW1.example.net(FOC1234)"), fold("R1.")
    ('sw1.example.net', 'r1')
    """
    return without_serial(name).casefold() or name


def labels(folded: str) -> list[str]:
    """The labels of a name from host to domain; an address is one label."""
    if ADDRESS.fullmatch(folded) or mac_address(folded):
        return [folded]
    return folded.split(".", LABELS)


def short_name(name: str) -> str:
    """A name without domain and serial number, its case kept.

    Examples
    --------
    >>> short_name("R1.example.net"), short_name("192.0.2.1")
    ('R1', '192.0.2.1')
    """
    text = without_serial(name)
    return text if len(labels(text.casefold())) == 1 else text.partition(".")[0] or text


class Classes:
    """Union-find over entities; a class holds one collected device at most."""

    def __init__(self) -> None:
        self._parent: list[int] = []
        self._size: list[int] = []
        self._device: list[int] = []
        self.evidence: dict[int, list[Evidence]] = defaultdict(list)
        """Entity -> why it was joined to its class."""

    def add(self, device: int = -1) -> int:
        self._parent.append(len(self._parent))
        self._size.append(1)
        self._device.append(device)
        return len(self._parent) - 1

    def __len__(self) -> int:
        return len(self._parent)

    def find(self, entity: int) -> int:
        parent = self._parent
        while parent[entity] != entity:
            parent[entity] = entity = parent[parent[entity]]
        return entity

    def device(self, entity: int) -> int:
        """The collected device of an entity's class, or -1."""
        return self._device[self.find(entity)]

    def join(self, entity: int, other: int, *evidence: Evidence) -> bool:
        """Make two classes one; False, and nothing done, if both hold a device."""
        one, two = self.find(entity), self.find(other)
        if one != two:
            if self._device[one] >= 0 and self._device[two] >= 0:
                return False
            if self._size[one] < self._size[two]:
                one, two = two, one
            self._parent[two] = one
            self._size[one] += self._size[two]
            self._device[one] = max(self._device[one], self._device[two])
        self.evidence[entity] += evidence
        return True


class Identities:
    """The classes, and which of them each reference belongs to.

    Attributes
    ----------
    classes : Classes
        Entity n is device n for each of the devices.
    of_reference : list of int
        An entity for each reference.
    written : dict of int to set of str
        Entity -> the names it stands for, as written; devices' given names among them.
    ties : dict of int to str
        Entity -> why it was not joined to anything.
    """

    def __init__(
        self,
        devices: list[Device],
        references: list[Reference],
        aliases: Mapping[str, str],
        *,
        strip_domain: bool,
    ) -> None:
        self.classes = Classes()
        self.devices = devices
        self.references = references
        self.written: dict[int, set[str]] = defaultdict(set)
        self.ties: dict[int, str] = {}
        self.preferred: dict[int, str] = {}
        self._strip_domain = strip_domain
        self._names: dict[str, int] = {}
        self._cut: dict[str, int] = {}
        self._nameless: dict[str, int] = {}
        self._given: dict[str, int] = {}
        for number, device in enumerate(devices):
            self.classes.add(number)
            for name in {device.name, *device.given_names}:
                self._given[name] = number
                self.written[number].add(name)
        self._own_names()
        self._aliases(aliases)
        self.of_reference = [self._entity(reference) for reference in references]
        self._same_names()
        self._cut_names()

    # ── entities ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _entity(self, reference: Reference) -> int:
        name = reference.name
        if name is None:
            key = reference.chassis_id or min(reference.addresses, default="")
            if not key and reference.where:
                key = "neighbor of {} on {}".format(*reference.where)
            if key in self._given:
                return self._given[key]  # the caller calls it by this address
            if key not in self._nameless:
                self._nameless[key] = self.classes.add()
            return self._nameless[key]
        if reference.truncated:
            folded = fold(name)
            if folded not in self._cut:
                self._cut[folded] = self.classes.add()
            entity = self._cut[folded]
        elif name in self._given:
            return self._given[name]
        else:
            entity = self._named(name)
        self.written[entity].add(name)
        return entity

    def _named(self, name: str) -> int:
        folded = fold(name)
        if folded not in self._names:
            self._names[folded] = self.classes.add()
        return self._names[folded]

    def _own_names(self) -> None:
        claims: dict[str, set[int]] = defaultdict(set)
        for number, device in enumerate(self.devices):
            for name in device.own_names:
                claims[fold(name)].add(number)
        given = {fold(name) for name in self._given}
        for number, device in enumerate(self.devices):
            for name in sorted(device.own_names):
                if len(claims[fold(name)]) == 1 and fold(name) not in given:
                    entity = self._named(name)
                    self.written[entity].add(name)
                    self.classes.join(entity, number, Evidence(name, "own name", "its own output says so"))

    def _aliases(self, aliases: Mapping[str, str]) -> None:
        for name, target in sorted(aliases.items()):
            other = self._given[target] if target in self._given else self._named(target)
            self.preferred.setdefault(other, target)
            if name not in self._given:
                entity = self._named(name)
                self.classes.join(entity, other, Evidence(name, "alias", "given by the caller"))

    def _tie(self, entity: int, names: Iterable[str]) -> None:
        some = sorted(set(names))[:3]
        self.ties[entity] = "may be " + " or ".join(visible(each, SHOWN) for each in some)

    # ── names ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _places(self) -> dict[str, list[int]]:
        """Folded name -> its entities: devices first, then the name's own."""
        places: dict[str, list[int]] = defaultdict(list)
        for name, number in sorted(self._given.items()):
            if number not in places[fold(name)]:
                places[fold(name)].append(number)
        for folded, entity in self._names.items():
            places[folded].append(entity)
        return places

    def _same_names(self) -> None:
        """Join names that differ in case, serial number or, on request, in how much of the domain they tell."""
        places = self._places()
        for group in _chains(places) if self._strip_domain else ([[name], []] for name in places):
            chain, longer = group
            entities = [entity for name in chain for entity in places[name]]
            devices = {self.classes.device(entity) for entity in entities} - {-1}
            if len(devices) < 2 and not longer:
                anchor = min(devices, default=entities[0])
                for entity in entities:
                    if entity != anchor:
                        self.classes.join(entity, anchor, *self._why(entity, anchor))
                continue
            for name in chain:
                here = {self.classes.device(entity) for entity in places[name]} - {-1}
                for entity in places[name]:
                    if self.classes.device(entity) >= 0:
                        continue
                    if len(here) == 1:
                        [device] = here
                        self.classes.join(entity, device, *self._why(entity, device))
                    else:
                        self._tie(entity, longer or [self.devices[device].name for device in devices])

    def _why(self, entity: int, anchor: int) -> Iterator[Evidence]:
        name = min(self.written[anchor], default="")
        if anchor < len(self.devices):
            name = self.devices[anchor].name
        for written in sorted(self.written[entity]):
            if written.casefold() == name.casefold():
                rung = "case"
            else:
                rung = "serial" if fold(written) == fold(name) else "domain"
            yield Evidence(written, rung)

    def _cut_names(self) -> None:
        """Join names that a table cut off to the only class with a name that begins so."""
        places = self._places()
        whole = sorted(places)
        roots = [{self.classes.find(entity) for entity in places[name]} for name in whole]
        ends = list(range(1, len(whole) + 1))  # how far the class of a name goes on, if the name has one class only
        for at in range(len(whole) - 2, -1, -1):
            if len(roots[at]) == 1 and roots[at] == roots[at + 1]:
                ends[at] = ends[at + 1]
        joins = []
        for cut, entity in sorted(self._cut.items()):
            first, last = bisect_left(whole, cut), bisect_left(whole, cut + LAST)
            if first == last and self._strip_domain and "." in cut:
                complete = labels(cut)[:-1]  # the host is whole; only the domain was cut
                candidates = [".".join(complete[:n]) for n in range(1, len(complete) + 1)]
                found = {self.classes.find(each) for name in candidates for each in places.get(name, ())}
                names = [name for name in candidates if name in places]
            else:
                names = whole[first : min(last, first + 3)]
                found = set().union(*roots[first : min(last, first + 1)])
                if last > first and ends[first] < last:
                    found |= roots[ends[first]]
            if len(found) == 1:
                joins.append((entity, found.pop(), names[0]))
            elif found:
                self._tie(entity, names)
        for entity, root, name in joins:
            written = sorted(self.written[entity])
            detail = f"the only name that begins so is {visible(name, SHOWN)}"
            self.classes.join(entity, root, *(Evidence(each, "truncated", detail) for each in written))

    # ── chassis ids and addresses ───────────────────────────────────────────────────────────────────────────────────

    def by_chassis_id(self, tables_of: list[set[int]], *, infer: bool) -> None:
        """Join what carries a chassis id to the one device, or else the one name, that it belongs to.

        `tables_of` has the tables that each reference comes from. A name that stands beside another one
        with the same chassis id in one table is another device: an id that was cloned joins nothing.
        """
        carriers: dict[str, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
        for number, device in enumerate(self.devices):
            for each in device.own_chassis_ids:
                carriers[each][self.classes.find(number)] |= set()
        for at, reference in enumerate(self.references):
            if reference.chassis_id and reference.name is not None:
                carriers[reference.chassis_id][self.classes.find(self.of_reference[at])] |= tables_of[at]
        joins: dict[int, set[int]] = defaultdict(set)
        why: dict[int, str] = {}
        for chassis_id in sorted(carriers):
            of = carriers[chassis_id]
            devices = [root for root in of if self.classes.device(root) >= 0]
            named = [root for root in of if self.classes.device(root) < 0]
            if infer and len(devices) == len(named) == 1 and not of[devices[0]] & of[named[0]]:
                joins[named[0]].add(devices[0])
                why[named[0]] = chassis_id
                named = []
            if (nameless := self._nameless.get(chassis_id)) is not None:
                root = self.classes.find(nameless)
                joins[root] |= {*devices, *named}
                why[root] = chassis_id
        self._apply(joins, why, "chassis id")

    def by_management_address(self) -> None:
        """Join by address: devices that the caller names by it, and what has neither name nor chassis id."""
        carriers: dict[str, set[int]] = defaultdict(set)
        for at, reference in enumerate(self.references):
            for address in reference.addresses:
                carriers[address].add(self.classes.find(self.of_reference[at]))
        names = self.names_of_classes()
        joins: dict[int, set[int]] = defaultdict(set)
        why: dict[int, str] = {}
        for address in sorted(carriers):
            of = carriers[address]
            given = self._given.get(address)
            targets = {root for root in of if root in names} if given is None else {self.classes.find(given)}
            others = of - targets
            if given is not None and len(others) > 1:
                continue  # an address that two names share, as redundant gateways do
            for root in others:
                joins[root] |= targets
                why[root] = address
        self._apply(joins, why, "management address")

    def _apply(self, joins: Mapping[int, set[int]], why: Mapping[int, str], rung: str) -> None:
        """Join each class to its one target; two targets are a tie, and so is a target that two names want."""
        names = self.names_of_classes()
        wanted: dict[int, int] = defaultdict(int)
        for root, targets in joins.items():
            if len(targets) == 1 and root in names:
                wanted[min(targets)] += 1
        for root, targets in sorted(joins.items()):
            if len(targets) > 1:
                self._tie(root, [name for each in sorted(targets)[:3] for name in sorted(names[each])[:1]])
            elif targets and (root not in names or wanted[min(targets)] == 1):
                written = sorted(names.get(root, ())) or [why[root]]
                self.classes.join(root, min(targets), *(Evidence(each, rung, why[root]) for each in written))

    def cut_names(self) -> set[str]:
        """Names as tables cut them off."""
        return {name for entity in self._cut.values() for name in self.written[entity]}

    def ids_of_classes(self) -> dict[int, str]:
        """Root of a class -> a chassis id, an address or the place where it is heard; of rows without a name."""
        ids: dict[int, str] = {}
        for key, entity in self._nameless.items():
            root = self.classes.find(entity)
            ids[root] = min(key, ids.get(root, key))
        return ids

    def names_of_classes(self) -> dict[int, set[str]]:
        """Root of a class -> the names in it, as written; nothing for a class without a name."""
        names: dict[int, set[str]] = defaultdict(set)
        for entity, written in self.written.items():
            names[self.classes.find(entity)] |= written
        return dict(names)


def _chains(names: Iterable[str]) -> Iterator[tuple[list[str], list[str]]]:
    """Names of which each is a beginning of the next, in whole labels, as groups; every name is in one group.

    The second of a group is empty, or holds two names that both go on from the first's only name:
    then nobody can tell which of them it is.
    """
    children: dict[tuple[int, str], int] = {}
    parent = [-1]
    name_at: dict[int, str] = {}
    for name in sorted(names):
        at = 0
        for label in labels(name):
            step = (at, label)
            if step not in children:
                children[step] = len(parent)
                parent.append(at)
            at = children[step]
        name_at[at] = name
    leaves: list[list[int]] = [[] for _ in parent]  # up to two names below that nothing goes on from
    chains: dict[int, list[str]] = defaultdict(list)
    for at in range(len(parent) - 1, 0, -1):  # children come behind their parents
        here = leaves[at]
        if at in name_at:
            if len(here) > 1:
                yield [name_at[at]], [name_at[leaf] for leaf in here]
            else:
                here = here or [at]
                chains[here[0]].append(name_at[at])
        leaves[parent[at]] = (leaves[parent[at]] + here)[:2]
    for chain in chains.values():
        yield chain[::-1], []
