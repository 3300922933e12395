"""What a neighbor table says, as frozen records with IEEE 802.1AB's and OpenConfig's names.

A `Neighbor` is one row that one device reported: what it heard on one of its interfaces. A
`NeighborTable` is all rows of one output, with what was wrong in it beside them. Nothing here reads
text or octets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, overload

from ..text import html, quoted
from .interfaces import looks_like_interface
from .parts import (
    Capability,
    ChassisIdType,
    ManagementAddress,
    OrgTlv,
    PortIdType,
    Problem,
    Protocol,
    Source,
)

__all__ = [
    "Capability",
    "ChassisIdType",
    "ManagementAddress",
    "Neighbor",
    "NeighborTable",
    "OrgTlv",
    "PortIdType",
    "Problem",
    "Protocol",
    "Source",
]

EMPTY: Mapping[str, str] = MappingProxyType({})
MAC = re.compile(r"(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}|(?:[0-9a-f]{4}[.-]){2}[0-9a-f]{4}|[0-9a-f]{6}-[0-9a-f]{6}", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbor:
    """One row that one device reported; frozen and hashable.

    What the device did not say is None (or empty). Text is as the device wrote it, but for what says
    "nothing" ("-", "not advertised", "N/A"), and MAC addresses, which are "aa:bb:cc:dd:ee:ff".

    Attributes
    ----------
    local_device : str or None
        Who reported it.
    local_interface : str
        Where it was heard, as written; "" where the output does not tell (IOS 15.0 and before, in detail).
    chassis_id, chassis_id_type, port_id, port_id_type, port_description, system_name, system_description
        The TLVs of IEEE 802.1AB 8.5; a type is None where the output does not tell.
    system_name_truncated : bool
        Whether the device cut the name to fit its table, or may have.
    capabilities, capabilities_enabled : frozenset of Capability
        A table that shows one set shows what is enabled.
    management_addresses : tuple of ManagementAddress
    ttl : int or None
        Seconds: what the neighbor said, or what is left of it in the tables that count down.
    age : float or None
        Seconds since it was heard (or since it changed, as the platform has it).
    pvid : int or None
        Port VLAN ID (IEEE 802.1Q D.2.1), or CDP's native VLAN.
    parent_interface : str or None
        The aggregate that the local interface is a member of.
    platform : str or None
        CDP's Platform.
    protocol : Protocol
    tlvs : tuple of OrgTlv
        Of a frame.
    extra : Mapping of str to str
        What a template captured and no field holds.
    source : Source
    """

    local_device: str | None = None
    local_interface: str
    chassis_id: str | None = None
    chassis_id_type: ChassisIdType | None = None
    port_id: str | None = None
    port_id_type: PortIdType | None = None
    port_description: str | None = None
    system_name: str | None = None
    system_name_truncated: bool = False
    system_description: str | None = None
    capabilities: frozenset[Capability] = frozenset()
    capabilities_enabled: frozenset[Capability] = frozenset()
    management_addresses: tuple[ManagementAddress, ...] = ()
    ttl: int | None = None
    age: float | None = None
    pvid: int | None = None
    parent_interface: str | None = None
    platform: str | None = None
    protocol: Protocol = Protocol.LLDP
    tlvs: tuple[OrgTlv, ...] = ()
    extra: Mapping[str, str] = field(default_factory=lambda: EMPTY, hash=False)
    source: Source = field(default=Source(), compare=False)

    @property
    def remote_interface(self) -> str | None:
        """The far port by the name that people know: the port id, or the description where the id is no name.

        A MAC address as port id gives way to any description; a number of local meaning (an ifIndex)
        to a description that looks like an interface.
        """
        if self.port_id is None:
            return self.port_description
        description = self.port_description
        if description:
            if self.port_id_type is PortIdType.MAC_ADDRESS or MAC.fullmatch(self.port_id):
                return description
            if (self.port_id_type in UNNAMED or self.port_id.isdecimal()) and looks_like_interface(description):
                return description
        return self.port_id

    @property
    def kind(self) -> str | None:
        """What the neighbor is, by its capabilities: "phone", "ap", "switch", "router", "host", or None.

        A device that bridges and routes is a switch.
        """
        has = self.capabilities_enabled or self.capabilities
        return next((kind for capability, kind in KINDS if capability in has), None)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # A field that `made` left out has its default.
            if name not in _DEFAULTS:
                raise AttributeError(f"'Neighbor' object has no attribute {name!r}")
            default = _DEFAULTS[name]
            object.__setattr__(self, name, default)
            return default

    def to_dict(self) -> dict[str, Any]:
        """Every attribute in plain types: str, int, float, bool, list, dict, None; octets in hex."""
        return {item.name: _plain(getattr(self, item.name)) for item in fields(self)}

    def __reduce__(self) -> tuple[Any, ...]:
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return _neighbor_again, (values | {"extra": dict(self.extra)},)


def _neighbor_again(values: dict[str, Any]) -> Neighbor:
    return Neighbor(**values | {"extra": MappingProxyType(values["extra"]) if values["extra"] else EMPTY})


_DEFAULTS = {item.name: EMPTY if item.name == "extra" else item.default for item in fields(Neighbor)}
_PUT = {name: Neighbor.__dict__[name].__set__ for name in _DEFAULTS}


def made(values: Mapping[str, Any]) -> Neighbor:
    """`Neighbor(**values)` in a third of the time, for values that are known to be right.

    Only these are put; a field that is not among them is put when it is first read (`__getattr__`).
    """
    row = object.__new__(Neighbor)
    for name, value in values.items():
        _PUT[name](row, value)
    return row


UNNAMED = (PortIdType.LOCAL, PortIdType.PORT_COMPONENT, PortIdType.AGENT_CIRCUIT_ID, PortIdType.NETWORK_ADDRESS)
KINDS = (
    (Capability.TELEPHONE, "phone"),
    (Capability.WLAN_ACCESS_POINT, "ap"),
    (Capability.MAC_BRIDGE, "switch"),
    (Capability.ROUTER, "router"),
    (Capability.STATION_ONLY, "host"),
)
IN_HTML = (
    "local_interface",
    "system_name",
    "remote_interface",
    "chassis_id",
    "management_addresses",
    "capabilities_enabled",
    "protocol",
)
ROWS_IN_HTML = 200


class NeighborTable(Sequence[Neighbor]):
    """The neighbors that one device reported in one output; immutable.

    Attributes
    ----------
    device : str or None
        Who reported: what the caller said, or else the name in the prompt.
    platform, command : str or None
        As ntc-templates calls them ("cisco_ios", "show lldp neighbors"); what was found where the caller did not say.
    declared_total : int or None
        How many rows the output itself says there are.
    problems : tuple of Problem
    complete : bool
        Whether every line is accounted for, `declared_total` is met, and no problem may hide a neighbor.
        Only then may silence about a port be read as "nothing was heard there".
    chassis_id, system_name : str or None
        The device's own, in the outputs that tell.

    Examples
    --------
    >>> row = Neighbor(local_interface="Gi0/1", system_name="r5", port_id="Gi0/0")
    >>> table = NeighborTable([row], device="r1")
    >>> len(table), table[0].remote_interface, table.complete
    (1, 'Gi0/0', True)
    """

    __slots__ = (
        "_rows",
        "chassis_id",
        "command",
        "complete",
        "declared_total",
        "device",
        "platform",
        "problems",
        "system_name",
    )

    _rows: tuple[Neighbor, ...]
    device: str | None
    platform: str | None
    command: str | None
    declared_total: int | None
    problems: tuple[Problem, ...]
    complete: bool
    chassis_id: str | None
    system_name: str | None

    def __init__(
        self,
        rows: Iterable[Neighbor] = (),
        *,
        device: str | None = None,
        platform: str | None = None,
        command: str | None = None,
        declared_total: int | None = None,
        problems: Iterable[Problem] = (),
        complete: bool | None = None,
        chassis_id: str | None = None,
        system_name: str | None = None,
    ) -> None:
        """`complete` is worked out from `problems` where it is None."""
        put = object.__setattr__
        put(self, "_rows", tuple(rows))
        put(self, "device", device)
        put(self, "platform", platform)
        put(self, "command", command)
        put(self, "declared_total", declared_total)
        put(self, "problems", tuple(problems))
        put(self, "complete", not any(problem.lossy for problem in self.problems) if complete is None else complete)
        put(self, "chassis_id", chassis_id)
        put(self, "system_name", system_name)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a NeighborTable does not change: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a NeighborTable does not change: {name}")

    def _values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__ if name != "_rows"}

    def __reduce__(self) -> tuple[Any, ...]:
        return _table_again, (self._rows, self._values())

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Neighbor: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Neighbor, ...]: ...

    def __getitem__(self, index: int | slice) -> Neighbor | tuple[Neighbor, ...]:
        return self._rows[index]

    def __iter__(self) -> Iterator[Neighbor]:
        return iter(self._rows)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NeighborTable):
            return NotImplemented
        return self._rows == other._rows and self._values() == other._values()

    def __hash__(self) -> int:
        return hash((self._rows, self.device, self.platform, self.command))

    def __repr__(self) -> str:
        of = "" if self.declared_total is None else f" of {self.declared_total}"
        by = "" if self.device is None else f" of {quoted(self.device)}"
        state = "" if self.complete else ", not complete"
        return f"<NeighborTable{by}: {len(self)}{of} neighbors, {len(self.problems)} problems{state}>"

    def to_dicts(self) -> list[dict[str, Any]]:
        """A dict of plain types for each row, with `remote_interface` and `kind` too."""
        return [row.to_dict() | {"remote_interface": row.remote_interface, "kind": row.kind} for row in self]

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame` of `to_dicts()`: a row for each neighbor, None where nothing was said.

        Numbers are nullable Int64 and Float64.
        """
        pandas = import_module("pandas")
        names = [*(item.name for item in fields(Neighbor)), "remote_interface", "kind"]
        rows = self.to_dicts()
        types = {"ttl": "Int64", "pvid": "Int64", "age": "Float64", "system_name_truncated": "bool"}
        return pandas.DataFrame(
            {name: pandas.Series([row[name] for row in rows], dtype=types.get(name, object)) for name in names}
        )

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html(name)}</th>" for name in IN_HTML)
        body = "".join(
            "<tr>" + "".join(f"<td>{html(_shown(getattr(row, name)))}</td>" for name in IN_HTML) + "</tr>"
            for row in self[:ROWS_IN_HTML]
        )
        more = f"<p>{len(self) - ROWS_IN_HTML} rows more</p>" if len(self) > ROWS_IN_HTML else ""
        notes = "".join(f"<li>{html(str(problem), 200)}</li>" for problem in self.problems[:ROWS_IN_HTML])
        return f"<p>{html(repr(self))}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}" + (
            f"<ul>{notes}</ul>" if notes else ""
        )

    def replaced(self, rows: Iterable[Neighbor] | None = None, **values: Any) -> NeighborTable:
        """A table with other rows or other values of its attributes; `complete` stays unless it is given."""
        return NeighborTable(self._rows if rows is None else rows, **self._values() | values)

    def named(self, device: str) -> NeighborTable:
        """The same table as another device's."""
        return self.replaced([replace(row, local_device=device) for row in self], device=device)


def _table_again(rows: tuple[Neighbor, ...], values: dict[str, Any]) -> NeighborTable:
    return NeighborTable(rows, **values)


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, frozenset):
        return ", ".join(sorted(value))
    if isinstance(value, tuple):
        return ", ".join(item.address for item in value)
    return str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, frozenset):
        return sorted(str(item) for item in value)
    if isinstance(value, Source):
        return value._asdict()
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, OrgTlv):
        return {name: _plain(getattr(value, name)) for name in ("type", "oui", "subtype", "name", "value", "octets")}
    if isinstance(value, ManagementAddress):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    return value
