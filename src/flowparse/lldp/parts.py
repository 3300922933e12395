"""The parts of a neighbor's record: IEEE 802.1AB's types and capabilities, addresses, TLVs, sources, problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from ..text import quoted, visible
from .tlvs import read_org

__all__ = [
    "Capability",
    "ChassisIdType",
    "ManagementAddress",
    "OrgTlv",
    "PortIdType",
    "Problem",
    "Protocol",
    "Source",
]

SHOWN = 120  # characters of a line, and of what is said of it


class Protocol(StrEnum):
    """Which protocol the neighbor was heard by."""

    LLDP = "LLDP"
    CDP = "CDP"
    EDP = "EDP"
    FDP = "FDP"
    MNDP = "MNDP"


class ChassisIdType(StrEnum):
    """Chassis ID subtype (IEEE 802.1AB 8.5.2.2), in OpenConfig's words and in the order of its numbers, from 1."""

    CHASSIS_COMPONENT = "CHASSIS_COMPONENT"
    INTERFACE_ALIAS = "INTERFACE_ALIAS"
    PORT_COMPONENT = "PORT_COMPONENT"
    MAC_ADDRESS = "MAC_ADDRESS"
    NETWORK_ADDRESS = "NETWORK_ADDRESS"
    INTERFACE_NAME = "INTERFACE_NAME"
    LOCAL = "LOCAL"


class PortIdType(StrEnum):
    """Port ID subtype (IEEE 802.1AB 8.5.3.2), in OpenConfig's words and in the order of its numbers, from 1."""

    INTERFACE_ALIAS = "INTERFACE_ALIAS"
    PORT_COMPONENT = "PORT_COMPONENT"
    MAC_ADDRESS = "MAC_ADDRESS"
    NETWORK_ADDRESS = "NETWORK_ADDRESS"
    INTERFACE_NAME = "INTERFACE_NAME"
    AGENT_CIRCUIT_ID = "AGENT_CIRCUIT_ID"
    LOCAL = "LOCAL"


class Capability(StrEnum):
    """System capabilities (IEEE 802.1AB 8.5.8.1) in the order of their bits, then those that CDP alone has."""

    OTHER = "OTHER"
    REPEATER = "REPEATER"
    MAC_BRIDGE = "MAC_BRIDGE"
    WLAN_ACCESS_POINT = "WLAN_ACCESS_POINT"
    ROUTER = "ROUTER"
    TELEPHONE = "TELEPHONE"
    DOCSIS_CABLE_DEVICE = "DOCSIS_CABLE_DEVICE"
    STATION_ONLY = "STATION_ONLY"
    C_VLAN = "C_VLAN"
    S_VLAN = "S_VLAN"
    TWO_PORT_MAC_RELAY = "TWO_PORT_MAC_RELAY"
    SOURCE_ROUTE_BRIDGE = "SOURCE_ROUTE_BRIDGE"
    IGMP = "IGMP"
    REMOTELY_MANAGED = "REMOTELY_MANAGED"
    CVTA = "CVTA"
    SUPPORTS_STP_DISPUTE = "SUPPORTS_STP_DISPUTE"


@dataclass(frozen=True, slots=True)
class ManagementAddress:
    """A Management Address TLV (IEEE 802.1AB 8.5.9), or an address in a table.

    Attributes
    ----------
    address : str
        IPv4, IPv6 or MAC as text; octets of another family in hex.
    family : str
        "ipv4", "ipv6", "mac", or "afi" and a number.
    interface_number : int or None
    interface_subtype : {"ifIndex", "port"} or None
        What `interface_number` counts.
    oid : str or None
    """

    address: str
    family: str
    interface_number: int | None = None
    interface_subtype: str | None = None
    oid: str | None = None


@dataclass(frozen=True, slots=True)
class OrgTlv:
    """An Organizationally Specific TLV (type 127), or any other that has no field of its own.

    Attributes
    ----------
    oui : str
        "00:12:bb"; "" where `type` is not 127.
    subtype : int
    octets : bytes
        The information string behind OUI and subtype.
    type : int
    """

    oui: str
    subtype: int
    octets: bytes = b""
    type: int = 127

    @property
    def name(self) -> str | None:
        """What the TLV is called, where it is known."""
        return read_org(self.key, self.octets)[0]

    @property
    def value(self) -> Mapping[str, Any]:
        """What it says; empty where it is not known or too short."""
        return read_org(self.key, self.octets)[1]

    @property
    def key(self) -> bytes:
        """OUI and subtype, shape (4,); empty where `type` is not 127."""
        return bytes.fromhex(self.oui.replace(":", "")) + bytes([self.subtype]) if self.oui else b""


class Source(NamedTuple):
    """Where a row comes from.

    Attributes
    ----------
    parser : str
        The reader, such as "reader:ios_brief", "ntc:huawei_vrp_display_lldp_neighbor" or "json:eos".
    first_line, last_line : int or None
        Line numbers in the output, from 1; None where it has no lines, or the reader does not tell.
    """

    parser: str = ""
    first_line: int | None = None
    last_line: int | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in an output that is not a row, and is not known to be harmless.

    Attributes
    ----------
    line : int or None
        Line number, from 1; for a frame, the offset in octets.
    text : str
        The line, or what is wrong in it.
    reason : str
        One sentence for a person.
    lossy : bool
        Whether a neighbor or a part of one may be missing; then the table is not `complete`.
    """

    line: int | None
    text: str
    reason: str
    lossy: bool = True

    def __str__(self) -> str:
        where = "" if self.line is None else f"line {self.line}: "
        said = f"{where}{visible(self.reason, SHOWN)}"
        return f"{said}: {quoted(self.text, SHOWN)}" if self.text else said
