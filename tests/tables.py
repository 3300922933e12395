"""Batches for tests: from records on the wire through the engine, and from values."""

from __future__ import annotations

import struct
from typing import Any

from flowparse import _convert
from flowparse._columns import Account, Table
from flowparse._layout import Layout
from flowparse._plan import Plan
from flowparse.batch import Batch
from flowparse.datatypes import COLUMN_TYPES, octets

T = COLUMN_TYPES
RECORD = struct.Struct(">4s4sHIH6s16s4x")


def flow_layout() -> Layout:
    """Twenty-three columns, as decoded flows have them: filled by steps, by context, and by nobody."""
    return Layout(
        [
            ("src_addr", T["address"], "step", None, False, 4, None),
            ("dst_addr", T["address"], "step", None, False, 4, None),
            ("src_port", T["u16"], "step", None, False, 2, None),
            ("bytes", T["u64"], "step", None, False, 4, "octets"),
            ("in_if", T["u32"], "step", None, False, 2, None),
            ("src_mac", T["mac"], "step", None, False, 6, None),
            ("next_hop", T["address"], "step", None, False, 16, None),
            ("sampler_address", T["address"], "context", "exporter", True, 16, None),
            ("time_received", T["time"], "context", "received", True, 8, "ns"),
            ("type", T["u8"], "constant", 3, False, 1, None),
            *((f"unsaid_{i}", T["u32"], "null", None, True, 4, None) for i in range(11)),
            ("unsaid_address", T["address"], "null", None, True, 16, None),
            ("unsaid_text", T["utf8"], "null", None, True, 0, None),
        ]
    )


def flow_record(i: int) -> bytes:
    """Octets of record `i`: 10.0.x.x to 192.168.255.1."""
    return RECORD.pack(
        bytes([10, 0, i >> 8 & 255, i & 255]),
        bytes([192, 168, 255, 1]),
        i & 0xFFFF,
        1000 + i,
        i & 7,
        bytes([2, 0, 0, 0, i >> 8 & 255, i & 255]),
        bytes.fromhex("20010db8000000000000000000000000")[:15] + bytes([i & 255]),
    )


def flows(rows: int, name: str = "flows") -> Batch:
    """A batch that went through a plan; `rows` of 42 octets each, in messages of 30."""
    layout = flow_layout()
    table = Table(layout, Account(1 << 30, 1 << 26), name)
    plan = Plan(
        table,
        (RECORD.size,),
        [
            ("ipv4_mapped", 0, 0, 4, 0),
            ("ipv4_mapped", 0, 4, 4, 1),
            ("unsigned", 0, 8, 2, 2),
            ("unsigned", 0, 10, 4, 3),
            ("unsigned", 0, 14, 2, 4),
            ("octets", 0, 16, 6, 5),
            ("octets", 0, 22, 16, 6),
        ],
    )
    for first in range(0, rows, 30):
        plan.append(b"".join(flow_record(i) for i in range(first, min(first + 30, rows))))
    return Batch(name, layout, table.take())


EVERY_TYPE: dict[str, tuple[Any, list[Any]]] = {
    "u8": (T["u8"], [0, 255, None, 7]),
    "u16": (T["u16"], [65535, None, 0, 7]),
    "u32": (T["u32"], [None, 2**32 - 1, 0, 7]),
    "u64": (T["u64"], [2**64 - 1, 2**63 - 1, None, 7]),
    "i8": (T["i8"], [-128, 127, None, 7]),
    "i16": (T["i16"], [-(2**15), 2**15 - 1, None, 7]),
    "i32": (T["i32"], [-(2**31), 2**31 - 1, None, 7]),
    "i64": (T["i64"], [-(2**63), 2**63 - 1, None, 7]),
    "f32": (T["f32"], [1.5, None, float("-inf"), -0.0]),
    "f64": (T["f64"], [0.1, None, 1e308, -0.0]),
    "bool": (T["bool"], [True, None, False, True]),
    "time": (T["time"], [1_700_000_000_123_456_789, None, -1, 0]),
    "time_us": (T["time_us"], [1_700_000_000_123_456_000, None, -1000, 0]),
    "ipv4": (T["ipv4"], ["10.0.0.9", None, "255.255.255.255", "0.0.0.0"]),
    "address": (T["address"], ["10.0.0.9", "2001:db8::1", None, "::"]),
    "mac": (T["mac"], ["00:53:00:ff:0a:01", None, "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"]),
    "octets3": (octets(3), [b"\0\1\2", None, b"abc", b"\xff" * 3]),
    "binary": (T["binary"], [b"", None, b"\0\xff", b"x" * 300]),
    "utf8": (T["utf8"], ["", None, "é😀", "x" * 300]),
    "u32[]": (T["u32[]"], [(7, 2**32 - 1), None, (), (1,) * 300]),
    "i32[]": (T["i32[]"], [None, (-(2**31),), (), (2**31 - 1, 0)]),
    "i64[]": (T["i64[]"], [(-(2**63), 2**63 - 1), (), (7,), None]),
    "nothing": (T["u32"], [None] * 4),
    "no_lists": (T["u32[]"], [None] * 4),
}
"""Every column type: (type, values)."""


def every_type() -> Batch:
    """Four rows with a column of each type."""
    layout = _convert.layout_of([(name, type, None, None) for name, (type, _) in EVERY_TYPE.items()])
    chunk = _convert.chunk_from_values(layout, {name: values for name, (_, values) in EVERY_TYPE.items()})
    return Batch("every type", layout, [chunk])
