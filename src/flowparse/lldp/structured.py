"""JSON and XML of any vendor, as a tree of dict, list and str, to neighbors.

A dict that has two of chassis, port and name among its own values is a neighbor; what is nested in it
belongs to it, and its local interface is its own, or that of the nearest dict (or key) above. That
covers NX-OS (a row is an object or an array by count), EOS, Junos (every value in a list of its own),
IOS XR and OpenConfig; a value of a key that comes twice is a list (`inputs.Repeated`). lldpd splits
chassis from port, and its json is keyed by name: `lldpd` reads it.

Keys are rows of `fields.tsv`, as those of detailed text are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .build import fields_of, neighbor
from .interfaces import looks_like_interface
from .keys import key_of
from .lldpd import is_lldpd, read_lldpd
from .records import ManagementAddress, Neighbor, Problem, Protocol, Source
from .values import address, mac, present, squash

__all__ = ["Tree", "read_tree"]

DEPTH = 64
IDENTITY = frozenset(("chassis_id", "port_id", "system_name", "device_id"))
TWICE = frozenset(("summarytable", "devicetable", "summaries", "devices", "brief"))  # IOS XR tells all again in these
DETAILS = frozenset(("detailtable", "details"))
SIGNS = (  # a key that only one platform has -> the platform
    ("lldpNeighbors", "arista_eos"),
    ("TABLE_nbor", "cisco_nxos"),
    ("TABLE_nbor_detail", "cisco_nxos"),
    ("TABLE_cdp_neighbor_brief_info", "cisco_nxos"),
    ("TABLE_cdp_neighbor_detail_info", "cisco_nxos"),
    ("lldp-neighbors-information", "juniper_junos"),
    ("lldp-neighbor-information", "juniper_junos"),
    ("NodeTable", "cisco_xr"),
    ("nodes", "cisco_xr"),
)


@dataclass(slots=True)
class Tree:
    """What a tree came to."""

    rows: list[Neighbor] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    declared: int | None = None
    platform: str | None = None
    system_name: str | None = None


def read_tree(tree: Any, device: str | None, platform: str | None) -> Tree:
    """Read every neighbor of a loaded JSON or XML document."""
    out = Tree()
    if is_lldpd(tree):
        out.platform = "linux_lldpd"
        rows, problems = read_lldpd(tree, device)
        out.rows += rows
        out.problems += problems
        return out
    walk = _Walk(out, device)
    walk.node(_unwrapped(tree), (), 0)
    out.platform = walk.platform
    if not out.rows and not out.problems and walk.platform is None and out.declared is None:
        out.problems.append(Problem(None, "", "nothing in this JSON or XML is a neighbor that is known"))
    return out


def _unwrapped(node: Any) -> Any:
    """Junos's `[{"data": "x"}]` is "x"."""
    if not isinstance(node, list) or len(node) != 1 or not isinstance(node[0], Mapping):
        return node
    only = node[0]
    return only["data"] if "data" in only and only.keys() <= {"data", "attributes"} else node


@dataclass(slots=True)
class _Walk:
    out: Tree
    device: str | None
    platform: str | None = None
    protocol: Protocol = Protocol.LLDP

    def node(self, node: Any, path: tuple[tuple[str, Mapping[str, Any]], ...], depth: int) -> None:
        if depth > DEPTH:
            self.out.problems.append(Problem(None, "", f"nested deeper than {DEPTH}"))
            return
        if isinstance(node, (list, tuple)):
            for item in node:
                self.node(_unwrapped(item), path, depth + 1)
            return
        if not isinstance(node, Mapping):
            return
        own = {squash(str(name)): value for name, value in node.items()}
        for sign, platform in SIGNS:
            if sign in node:
                self.platform = self.platform or platform
        if (count := str(own.get("neighcount", ""))).isdecimal():
            self.out.declared = (self.out.declared or 0) + int(count[:9])
        state = node.get("state")  # OpenConfig's values, beside its lists
        direct = {
            _field(name)
            for part in (node, state if isinstance(state, Mapping) else {})
            for name, value in part.items()
            if _is_leaf(_unwrapped(value))
        }
        if len(direct & IDENTITY) >= 2:
            self.entry(node, path)
            return
        skipped = TWICE if DETAILS & own.keys() else frozenset[str]()
        for name, value in node.items():
            if squash(str(name)) not in skipped:
                self.node(_unwrapped(value), (*path, (str(name), node)), depth + 1)

    def entry(self, node: Mapping[str, Any], path: tuple[tuple[str, Mapping[str, Any]], ...]) -> None:
        cells: dict[str, Any] = {}
        extra: dict[str, str] = {}
        addresses: list[ManagementAddress] = []
        _fill(node, cells, extra, addresses, 0)
        cdp = any("cdp" in name.lower() for name, _ in path)
        if (port := cells.pop("local_port_id", None)) is not None:
            if cells.get("local_interface"):
                extra["local_port_id"] = port
            else:
                cells["local_interface"] = port
        if not cells.get("local_interface"):
            cells["local_interface"] = _local_above(path)
        if (name := cells.pop("device_id", None)) is not None:
            cells.setdefault("system_name", name)
            extra["Device ID"] = name
        row_names = [name for name, _ in path]
        if "ROW_nbor" in row_names and "system_name" not in cells:  # NX-OS's brief table: the device id by another name
            chassis = cells.pop("chassis_id", "")
            cells["chassis_id" if mac(chassis) else "system_name"] = chassis
            if not mac(chassis):
                cells.pop("chassis_id_type", None)
        if addresses:
            cells["management_address"] = addresses
        label = {"arista_eos": "json:eos", "cisco_nxos": "json:nxos", "juniper_junos": "junos", "cisco_xr": "xr"}
        self.out.rows.append(
            neighbor(
                cells,
                device=self.device,
                source=Source(label.get(self.platform or "", "tree")),
                note=lambda text, reason: self.out.problems.append(Problem(None, text, reason, False)),
                protocol=Protocol.CDP if cdp else Protocol.LLDP,
                letters="cdp" if cdp else "lldp",
                extra=extra,
            )
        )


def _field(name: Any) -> str:
    """The field of a key, or "extra"."""
    text = str(name).rpartition(":")[2]  # OpenConfig's module names
    found = fields_of("json").get(squash(text))
    if found is not None:
        return found
    key = key_of(text)
    return "extra" if key is None or key.target in ("section", "start", "capability", "address") else key.target


def _is_leaf(value: Any) -> bool:
    return isinstance(value, (str, int, float)) or (
        isinstance(value, list) and bool(value) and all(isinstance(item, (str, int, float)) for item in value)
    )


def _local_above(path: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The local interface by the nearest dict that has one, or the nearest key that looks like one."""
    for name, parent in reversed(path):
        if looks_like_interface(name):
            return str(name)
        for key in ("name", "interface-name", "interface", "InterfaceName", "port", "local-interface"):
            value = _unwrapped(parent.get(key))
            if isinstance(value, str) and value:
                return str(value)
    return ""


def _fill(
    node: Mapping[str, Any],
    cells: dict[str, Any],
    extra: dict[str, str],
    addresses: list[ManagementAddress],
    depth: int,
) -> None:
    """Take a dict's own values, then those below it; what is there already stays."""
    below: list[tuple[str, Any]] = []
    for name, raw in node.items():
        value = _unwrapped(raw)
        target = _field(name)
        if isinstance(value, list) and any(isinstance(item, Mapping) and "data" in item for item in value):
            value = [_unwrapped([item]) for item in value]
        if _is_leaf(value):
            texts = [_text(item) for item in (value if isinstance(value, list) else [value])]
            if target == "management_address":
                addresses += [address(text) for text in texts if present(text) is not None]
            elif (target != "extra" and target not in cells) or (target != "extra" and not cells[target]):
                cells[target] = " ".join(texts)
            else:
                extra.setdefault(str(name), " ".join(texts))
        elif value not in (None, [], {}):
            below.append((str(name), value))
    if depth >= 8:
        return
    for name, value in below:
        if _capabilities(name, value, cells) or _addresses(name, value, addresses):
            continue
        for item in map(_unwrapped, value if isinstance(value, list) else [value]):
            if isinstance(item, Mapping):
                _fill(item, cells, extra, addresses, depth + 1)
            elif item is not None:
                extra.setdefault(name, _text(item))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _states(value: Any) -> Iterator[tuple[str, bool]]:
    """(name, enabled) of {"bridge": true} and of [{"name": "...:ROUTER", "state": {"enabled": true}}]."""
    if isinstance(value, Mapping) and value and all(isinstance(item, bool) for item in value.values()):
        yield from ((str(name), enabled) for name, enabled in value.items())
        return
    items = value.get("capability", value) if isinstance(value, Mapping) else value
    for item in items if isinstance(items, list) else [items]:
        if isinstance(item, Mapping):
            state = item.get("state", item)
            name = item.get("name") or (state.get("name") if isinstance(state, Mapping) else None)
            if name and isinstance(state, Mapping) and "enabled" in state:
                yield str(name).rpartition(":")[2], state["enabled"] in (True, "true", "on")


def _capabilities(name: str, value: Any, cells: dict[str, Any]) -> bool:
    if "capabilit" not in name.lower() or "auto" in name.lower():
        return False
    states = list(_states(value))
    if not states:
        return False
    # A capability that is named is there; its value says whether it is enabled.
    cells["capabilities"] = ", ".join(word for word, _ in states)
    cells["capabilities_enabled"] = ", ".join(word for word, enabled in states if enabled)
    return True


def _addresses(name: str, value: Any, addresses: list[ManagementAddress]) -> bool:
    """A list of addresses with their interface numbers, as EOS and OpenConfig have it."""
    word = squash(name)
    if not word.startswith(("managementaddress", "mgmtaddress")):
        return False
    found = []
    items = value.get("address", value) if isinstance(value, Mapping) else value
    for item in items if isinstance(items, list) else [items]:
        if not isinstance(item, Mapping):
            return False
        text = next((item[key] for key in ("address", "ip", "value") if isinstance(item.get(key), str)), None)
        if text is None:
            return False
        if present(text) is None:
            continue
        base = address(text)
        number = item.get("interfaceNum")
        kind = {"ifIndex": "ifIndex", "systemPort": "port", "portNumber": "port"}.get(str(item.get("interfaceNumType")))
        found.append(
            ManagementAddress(
                base.address,
                base.family,
                number if isinstance(number, int) else None,
                kind,
                str(item["oidString"]) if item.get("oidString") else None,
            )
        )
    addresses += found
    return True
