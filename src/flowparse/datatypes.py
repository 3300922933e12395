"""Abstract data types (RFC 7012 section 3.1), and the column types that hold their values.

An element has an abstract `DataType`; a column has a `ColumnType`: how wide a value is in memory,
its Arrow format, and how a person sees it (`Show`). `column_type` joins the two for a field as it
stands in a template, where reduced-size encoding (RFC 7011 section 6.2) may have made it shorter.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

__all__ = [
    "COLUMN_TYPES",
    "DATA_TYPES",
    "VARIABLE",
    "ColumnType",
    "DataType",
    "Show",
    "column_type",
    "natural_column",
    "octets",
]


class Show(IntEnum):
    """How a stored value reads; `_values.pyx` has one branch for each."""

    UNSIGNED = 0
    SIGNED = 1
    FLOAT = 2
    BOOLEAN = 3
    TIME = 4  # int64 nanoseconds since 1970 UTC
    IPV4 = 5  # uint32, host order
    ADDRESS = 6  # 16 octets; ::ffff:a.b.c.d reads as IPv4
    MAC = 7  # 6 octets
    OCTETS = 8  # fixed or variable
    TEXT = 9  # variable, UTF-8
    LIST = 10  # variable: numbers of the type `item`


@dataclass(frozen=True, slots=True)
class ColumnType:
    """How a column stores its values.

    Attributes
    ----------
    name : str
        As `flow.tsv` spells it: u8 ... u64, i8 ... i64, f32, f64, bool, time, ipv4, address, mac,
        octetsN, binary, utf8, and X[] for lists of X.
    width : int
        Octets of one value in memory; 0 for variable length (int32 offsets and data).
    arrow : str
        Format string of the Arrow C data interface.
    show : Show
        How the value reads.
    item : str
        Of lists, the type of their items, in which offsets count; "" for any other.
    """

    name: str
    width: int
    arrow: str
    show: Show
    item: str = ""

    def __hash__(self) -> int:
        return hash(self.name)  # equal ones have equal names; layouts of many columns are looked up by them


COLUMN_TYPES: dict[str, ColumnType] = {
    type.name: type
    for type in (
        ColumnType("u8", 1, "C", Show.UNSIGNED),
        ColumnType("u16", 2, "S", Show.UNSIGNED),
        ColumnType("u32", 4, "I", Show.UNSIGNED),
        ColumnType("u64", 8, "L", Show.UNSIGNED),
        ColumnType("i8", 1, "c", Show.SIGNED),
        ColumnType("i16", 2, "s", Show.SIGNED),
        ColumnType("i32", 4, "i", Show.SIGNED),
        ColumnType("i64", 8, "l", Show.SIGNED),
        ColumnType("f32", 4, "f", Show.FLOAT),
        ColumnType("f64", 8, "g", Show.FLOAT),
        ColumnType("bool", 1, "b", Show.BOOLEAN),  # a bit a value
        ColumnType("time", 8, "tsn:UTC", Show.TIME),
        ColumnType("time_us", 8, "tsu:UTC", Show.TIME),
        ColumnType("ipv4", 4, "I", Show.IPV4),
        ColumnType("address", 16, "w:16", Show.ADDRESS),
        ColumnType("mac", 6, "w:6", Show.MAC),
        ColumnType("binary", 0, "z", Show.OCTETS),
        ColumnType("utf8", 0, "u", Show.TEXT),
        ColumnType("u32[]", 0, "+l", Show.LIST, "u32"),
        ColumnType("i32[]", 0, "+l", Show.LIST, "i32"),
        ColumnType("i64[]", 0, "+l", Show.LIST, "i64"),
    )
}


def octets(width: int) -> ColumnType:
    """The type of `width` raw octets a value."""
    return ColumnType(f"octets{width}", width, f"w:{width}", Show.OCTETS)


@dataclass(frozen=True, slots=True)
class DataType:
    """An abstract data type.

    Attributes
    ----------
    name : str
        As in IANA's registry, such as "unsigned32".
    code : int
        Its informationElementDataType value (RFC 5610 section 3.1).
    column : str
        The column type that holds it at its natural size.
    reducible : bool
        Whether fewer octets are the same value (RFC 7011 section 6.2).
    """

    name: str
    code: int
    column: str
    reducible: bool = False


DATA_TYPES: dict[str, DataType] = {
    type.name: type
    for type in (
        DataType("octetArray", 0, "binary"),
        DataType("unsigned8", 1, "u8", reducible=True),
        DataType("unsigned16", 2, "u16", reducible=True),
        DataType("unsigned32", 3, "u32", reducible=True),
        DataType("unsigned64", 4, "u64", reducible=True),
        DataType("signed8", 5, "i8", reducible=True),
        DataType("signed16", 6, "i16", reducible=True),
        DataType("signed32", 7, "i32", reducible=True),
        DataType("signed64", 8, "i64", reducible=True),
        DataType("float32", 9, "f32"),
        DataType("float64", 10, "f64", reducible=True),
        DataType("boolean", 11, "bool"),
        DataType("macAddress", 12, "mac"),
        DataType("string", 13, "utf8"),
        DataType("dateTimeSeconds", 14, "time"),
        DataType("dateTimeMilliseconds", 15, "time"),
        DataType("dateTimeMicroseconds", 16, "time"),
        DataType("dateTimeNanoseconds", 17, "time"),
        DataType("ipv4Address", 18, "ipv4"),
        DataType("ipv6Address", 19, "address"),
        DataType("basicList", 20, "binary"),
        DataType("subTemplateList", 21, "binary"),
        DataType("subTemplateMultiList", 22, "binary"),
        DataType("unsigned256", 23, "binary"),
    )
}


def natural_column(type: str) -> ColumnType:
    """The column that holds an abstract type at its natural size."""
    return COLUMN_TYPES[DATA_TYPES[type].column]


VARIABLE = 65535
"""The length of a field in a template that says: the length is in each record (RFC 7011 section 7)."""

SIZES = {"dateTimeSeconds": (4,), "float64": (4, 8)}
"""Octets that a value may have, where that is neither its column's width nor any reduced one."""


@lru_cache(4096)
def column_type(type: str, length: int) -> ColumnType:
    """The column that holds an element of abstract type `type`, sent in `length` octets.

    An integer keeps its natural column at any shorter length, so that reduced-size encoding
    (RFC 7011 section 6.2) never splits a table; float64 may be a float32. An unsigned that is wider
    than its type, and at most 8 octets, is u64. Any other length than the natural one, and a
    variable one of a type that is not of octets, is raw octets.
    """
    natural = DATA_TYPES[type]
    column = natural_column(type)
    if column.width == 0:
        return column
    if type in SIZES:
        return column if length in SIZES[type] else COLUMN_TYPES["binary"]
    if natural.reducible and 1 <= length <= column.width:
        return column
    if natural.column.startswith("u") and 1 <= length <= 8:
        return COLUMN_TYPES["u64"]
    return column if length == column.width else COLUMN_TYPES["binary"]
