"""Neighbor tables of any vendor, and LLDP frames, as typed records."""

from .records import (
    Capability,
    ChassisIdType,
    ManagementAddress,
    Neighbor,
    NeighborTable,
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
