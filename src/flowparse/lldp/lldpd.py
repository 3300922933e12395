"""lldpd's own outputs: lldpctl -f json, json0, xml and keyvalue.

json is an object or an array by count, and the chassis is keyed by its name; json0 and xml are
regular. All become the same: a mapping of interface, chassis and port, where each value is a text or
{"type": ..., "value": ...}.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .build import neighbor
from .records import ManagementAddress, Neighbor, Problem, Protocol, Source
from .values import address, present

__all__ = ["KEY_VALUE", "is_lldpd", "read_key_value", "read_lldpd"]

KEY_VALUE = re.compile(r"lldp\.([^=\s]+?)\.(via|rid|age|chassis|port|vlan|lldp-med|unknown-tlvs)((?:\.[^=]*)?)=(.*)")
OWN = ("id", "name", "descr", "mgmt-ip", "mgmt-iface", "capability", "ttl", "aggregation", "mfs")


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [] if value is None else [value]


def _one(value: Any) -> Any:
    values = _list(value)
    return values[0] if values else None


def _text(value: Any) -> str:
    """The text of "x", {"value": "x"} and [{"value": "x"}]."""
    value = _one(value)
    if isinstance(value, Mapping):
        value = value.get("value", "")
    return "" if value is None else str(value)


def is_lldpd(tree: Any) -> bool:
    """Whether a tree is lldpctl's."""
    if not isinstance(tree, Mapping) or "lldp" not in tree:
        return False
    lldp = _one(tree["lldp"])
    if lldp is None:
        return True
    return isinstance(lldp, Mapping) and (not lldp or "interface" in lldp or lldp.keys() <= {"label"})


def _interfaces(tree: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for lldp in _list(tree["lldp"]):
        if not isinstance(lldp, Mapping):
            continue
        for item in _list(lldp.get("interface")):
            if not isinstance(item, Mapping):
                continue
            if "chassis" in item or "port" in item or "via" in item:
                yield _text(item.get("name")), item
            else:
                for name, inner in item.items():
                    for one in _list(inner):
                        if isinstance(one, Mapping):
                            yield str(name), one


def read_lldpd(tree: Mapping[str, Any], device: str | None) -> tuple[list[Neighbor], list[Problem]]:
    """Read lldpctl's json, json0 or xml."""
    rows: list[Neighbor] = []
    problems: list[Problem] = []
    for name, item in _interfaces(tree):
        chassis = _one(item.get("chassis")) or {}
        port = _one(item.get("port")) or {}
        if not isinstance(chassis, Mapping) or not isinstance(port, Mapping):
            problems.append(Problem(None, name, "a chassis or port that is no object"))
            continue
        system = _text(chassis.get("name"))
        if chassis and not set(chassis) & set(OWN) and len(chassis) == 1:  # json: {"name": {...}}
            system, inner = next((str(key), value) for key, value in chassis.items())
            chassis = _one(inner) if isinstance(_one(inner), Mapping) else {}
        rows.append(_row(name, item, system, chassis, port, device, problems))
    return rows, problems


def _row(
    name: str,
    item: Mapping[str, Any],
    system: str,
    chassis: Mapping[str, Any],
    port: Mapping[str, Any],
    device: str | None,
    problems: list[Problem],
) -> Neighbor:
    cells: dict[str, Any] = {
        "local_interface": name,
        "system_name": system,
        "system_description": _text(chassis.get("descr")),
        "port_description": _text(port.get("descr")),
        "ttl": _text(port.get("ttl")) or _text(item.get("ttl")),
        "age": _text(item.get("age")),
    }
    for prefix, part in (("chassis_id", chassis), ("port_id", port)):
        identity = _one(part.get("id"))
        cells[prefix] = _text(identity)
        if isinstance(identity, Mapping):
            cells[f"{prefix}_type"] = str(identity.get("type", ""))
    on, have = [], []
    for capability in _list(chassis.get("capability")):
        if isinstance(capability, Mapping):
            have.append(str(capability.get("type", "")))
            if capability.get("enabled") in (True, "true", "on", "True"):
                on.append(str(capability.get("type", "")))
    cells["capabilities"], cells["capabilities_enabled"] = ", ".join(have), ", ".join(on)
    addresses: list[ManagementAddress] = []
    for one in _list(chassis.get("mgmt-ip")):
        text = _text(one)
        if present(text) is not None:
            addresses.append(address(text))
    cells["management_address"] = addresses
    for vlan in _list(item.get("vlan")):
        if isinstance(vlan, Mapping) and vlan.get("pvid") in (True, "true", "yes"):
            cells["pvid"] = str(vlan.get("vlan-id", ""))
    via = str(_text(item.get("via"))).upper().rstrip("V12")
    extra = {"rid": _text(item.get("rid"))} if item.get("rid") is not None else {}
    if aggregation := _text(port.get("aggregation")):
        extra["aggregation"] = aggregation
    known = {"name", "via", "rid", "age", "chassis", "port", "vlan", "ttl", "label"}
    extra |= {str(key): str(value)[:4096] for key, value in item.items() if key not in known}
    return neighbor(
        cells,
        device=device,
        source=Source("lldpd"),
        note=lambda text, reason: problems.append(Problem(None, text, reason, False)),
        protocol=Protocol(via) if via in Protocol.__members__ else Protocol.LLDP,
        extra=extra,
    )


def read_key_value(lines: Sequence[str], device: str | None, first: int = 1) -> tuple[list[Neighbor], list[Problem]]:
    """Read `lldpctl -f keyvalue`: "lldp.eth0.chassis.mac=00:11:22:33:44:55"."""
    items: list[dict[str, Any]] = []
    problems: list[Problem] = []
    current: dict[str, dict[str, Any]] = {}
    last: tuple[dict[str, Any], str] | None = None
    for number, line in enumerate(lines, first):
        match = KEY_VALUE.fullmatch(line.strip())
        if match is None:
            if line.strip() and last is not None:  # a description runs on
                last[0][last[1]] = f"{last[0][last[1]]}\n{line.rstrip()}"
            elif line.strip():
                problems.append(Problem(number, line, "not a key and a value"))
            continue
        name, part, rest, value = match.groups()
        if part == "via" or name not in current:
            current[name] = {"name": name, "chassis": {}, "port": {}}
            items.append(current[name])
        item, key = current[name], rest.lstrip(".")
        if part in ("via", "rid", "age"):
            item[part] = value
            last = (item, part)
        elif part in ("chassis", "port"):
            last = _set(item[part], part, key, value)
        elif part == "vlan" and key == "vlan-id":
            item.setdefault("vlan", []).append({"vlan-id": value})
            last = None
        elif part == "vlan" and key == "pvid" and item.get("vlan"):
            item["vlan"][-1]["pvid"] = value
            last = None
        else:
            item[f"{part}.{key}"] = value
            last = (item, f"{part}.{key}")
    rows, more = read_lldpd({"lldp": {"interface": items}}, device)
    return rows, problems + more


def _set(into: dict[str, Any], part: str, key: str, value: str) -> tuple[dict[str, Any], str] | None:
    if key.endswith(".enabled"):
        kind = key.removesuffix(".enabled")
        into.setdefault("capability", []).append({"type": kind, "enabled": value})
        return None
    if key == "mgmt-ip":
        into.setdefault("mgmt-ip", []).append(value)
        return None
    if key in ("name", "descr", "ttl", "aggregation"):
        into[key] = value
        return into, key
    if "id" not in into and key in ("mac", "local", "ifname", "ifalias", "ip", "component", "unhandled"):
        into["id"] = {"type": key, "value": value}
        return None
    into[key] = value
    return into, key
