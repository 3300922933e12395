"""Neighbor tables of any vendor, and LLDP frames, as typed records.

`parse` reads an output, `parse_many` one of each device, `decode` and `encode` frames; `merge` joins
two outputs of one device. textfsm and ntc_templates are imported when a template is first wanted.
"""

from .commands import platforms
from .frames import Lldpdu, Tlv, decode, encode
from .join import merge
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
from .tables import parse, parse_many

__all__ = [
    "Capability",
    "ChassisIdType",
    "Lldpdu",
    "ManagementAddress",
    "Neighbor",
    "NeighborTable",
    "OrgTlv",
    "PortIdType",
    "Problem",
    "Protocol",
    "Source",
    "Tlv",
    "decode",
    "encode",
    "merge",
    "parse",
    "parse_many",
    "platforms",
]
