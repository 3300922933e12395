"""What the kernel `_sflow` runs: the plan of the flow view, and one for each table of a structure.

The flow view is filled from `Sampled`, one record of fixed fields for each flow sample, each group of
them with a flag that says whether it is known. A structure's table has the key of its sample, then
the fields by name; a structure that came in a shorter form fills the same columns as far as it goes,
the rest is null. So is, of counters, what the agent does not know. Lists of numbers are columns of
lists: of structures one for each of their fields, of an AS path its numbers and the types of their
segments. Host adapters, and structures within a structure, are octets as they were on the wire.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from .._sampled import sampled_fields
from .._sflowrecord import KEY_FIELDS, KEY_OCTETS, OPS
from ..compiled import COUNTED, NOTHING_COUNTED, Column, Compiled, Step
from ..datatypes import COLUMN_TYPES, ColumnType, Show, octets
from ..schema import FlowColumn, flow_columns
from .old import since
from .structures import COUNTER, FLOW, SAMPLE, Structure, StructureField, every, part

__all__ = ["Described", "described", "flow", "table"]

KINDS = {FLOW: 0, COUNTER: 1, SAMPLE: 2, "unknown": 3}  # _sflow.pxd's Kind
SAMPLES_WITH_TABLES = {(0, 1), (0, 5)}

LISTS = {
    "u32[]": ("items", 4),
    "i32[]": ("items", 4),
    "labels": ("items", 4),
    "vlans": ("items", 4),
    "sfp_lane[]": ("items", 40),
    "host_adapter[]": ("adapters", 8),
    "aspath": ("aspath", 4),
    "pdus": ("rest", 0),
}
"""Type of a list -> what the kernel reads it as, and octets of an item, or of an item's items."""

COLUMNS: dict[str, ColumnType] = {name: COLUMN_TYPES[name] for name in ("u8", "u32", "u64", "i32", "f32", "mac")} | {
    "pct": COLUMN_TYPES["f64"],
    "ip4": COLUMN_TYPES["address"],
    "ip6": COLUMN_TYPES["address"],
    "addr": COLUMN_TYPES["address"],
    "uuid": octets(16),
    "str": COLUMN_TYPES["utf8"],
}
"""Type of a field -> that of its column; lists aside, all others are octets."""

CONTEXT = (
    ("agent", "address", "exporter"),
    ("sub_agent_id", "u32", "domain"),
    ("sequence_num", "u32", "sequence"),
    ("time_received_ns", "time", "received"),
    ("message_index", "u64", "message_index"),
)
"""Columns that the datagram says: (name, type, field of the context)."""

MAY_BE_UNKNOWN = {"u32", "u64", "f32", "pct"}


class Described(NamedTuple):
    """A structure as the kernel takes it.

    Attributes
    ----------
    structure : Structure
    fixed : int
        Octets of the key and the fixed fields.
    ops : tuple of (type, item, offset, since)
    """

    structure: Structure
    fixed: int
    ops: tuple[tuple[str, int, int, int], ...]

    def for_kernel(self) -> tuple[int, int, int, tuple[tuple[str, int, int, int], ...]]:
        """(kind, tag, fixed, ops), as `_sflow.Sflow` takes it."""
        of = self.structure
        return KINDS[of.kind], of.enterprise << 12 | of.format, self.fixed, self.ops


@cache
def described(everything: bool) -> tuple[Described, ...]:
    """The structures with tables of their own: counters, or everything."""
    return tuple(
        _described(of)
        for of in every()
        if of.kind == COUNTER
        or (everything and of.kind in (FLOW, "unknown"))
        or (everything and of.kind == SAMPLE and (of.enterprise, of.format) in SAMPLES_WITH_TABLES)
    )


def _described(of: Structure) -> Described:
    offset, ops = KEY_OCTETS, []
    for field in of.fields:
        type, item = LISTS.get(field.type, (field.type, 0))
        _, width = OPS[type]
        ops.append((type, item, offset if width else 0, since(of, field.name)))
        offset += width
    return Described(of, offset, tuple(ops))


def _kernel(type: ColumnType) -> str:
    """The kernel for a field that is as wide as its column: numbers in order, octets as they are."""
    return "octets" if type.show in {Show.ADDRESS, Show.MAC, Show.OCTETS} else "unsigned"


def _lists(field: StructureField) -> list[tuple[str, ColumnType]]:
    """The columns of lists that a field becomes; none where it is no list of numbers."""
    if field.type == "aspath":
        return [(field.name, COLUMN_TYPES["u32[]"]), (f"{field.name}_types", COLUMN_TYPES["u32[]"])]
    if LISTS.get(field.type, ("", 0))[0] != "items":
        return []
    if LISTS[field.type][1] > 4:
        return [(name, COLUMN_TYPES["u32[]"]) for name in part(field.type.removesuffix("[]")).names]
    return [(field.name, COLUMN_TYPES["i32[]" if field.type == "i32[]" else "u32[]"])]


def table(of: Described, fields: int) -> Compiled:
    """The table of a structure, filled from its first `fields` fields.

    One more than it has is all of them as in sFlow version 4, two more as in version 2.
    """
    n = len(of.ops)
    version = {n + 1: 4, n + 2: 2}.get(fields, 5)
    columns: list[Column] = [
        (name, COLUMN_TYPES[type], "context", field, True, COLUMN_TYPES[type].width, None)
        for name, type, field in CONTEXT
    ]
    steps: list[Step] = []
    finish: list[tuple[str, tuple[int, ...]]] = []
    for name, offset, width in KEY_FIELDS:
        steps.append(("unsigned", 0, offset, width, len(columns)))
        columns.append((name, COLUMN_TYPES[f"u{8 * width}"], "step", None, False, width, None))
    variable = 0
    for i, (field, (op, _, offset, first)) in enumerate(zip(of.structure.fields, of.ops, strict=True)):
        _, width = OPS[op]
        type = COLUMNS.get(field.type, COLUMN_TYPES["binary"])
        lists = _lists(field)
        at = len(columns)
        if i >= fields or first > version:
            for name, column in lists or [(field.name, type)]:
                columns.append((name, column, "null", None, False, None, None))
            continue
        for name, column in lists:
            steps.append(("octets", variable, of.fixed if variable == 0 else 0, 0, len(columns)))
            finish.append(("list_of_numbers", (len(columns),)))
            columns.append((name, column, "step", None, False, None, None))
            variable += 1
        if lists:
            continue
        if width:
            steps.append((_kernel(type), 0, offset, width, at))
        else:
            steps.append(("octets", variable, of.fixed if variable == 0 else 0, 0, at))
            variable += 1
        may_be_null = field.type == "addr" or (of.structure.kind == COUNTER and field.type in MAY_BE_UNKNOWN)
        if may_be_null:
            finish.append(("zero_is_null" if field.type == "addr" else "all_ones_is_null", (at,)))
        columns.append((field.name, type, "step", None, may_be_null, width or None, None))
    segments = (of.fixed, *[0] * variable)
    return Compiled(tuple(columns), tuple(finish), tuple(steps), segments)


@cache
def _fields_of_elements() -> dict[str, str]:
    """Element -> the column of the flow view that it is a source of, where samples fill that."""
    fields, _ = sampled_fields()
    found: dict[str, str] = {}
    for column in flow_columns().values():
        if column.name in fields:
            for source in column.sources:
                found.setdefault(source, column.name)
    return found


def _fill(column: FlowColumn, fields: dict[str, tuple[int, int, int]]) -> tuple[str, object]:
    """(source, argument) of a column of the flow view; of a "step" the field's name."""
    if column.name in fields:
        return "step", column.name
    if column.sources and column.sources[0].startswith("@"):
        return "context", column.sources[0][1:]
    if column.name in {"time_flow_start_ns", "time_flow_end_ns"}:
        return "context", "received"
    if column.name == "packets":
        return "constant", 1
    if column.on_request and column.sources:
        name = _fields_of_elements().get(column.sources[0])
        if name is not None and flow_columns()[name].type == column.type:
            return "step", name
    return "null", None


def flow(columns: Sequence[FlowColumn], *, counted: bool = False) -> Compiled:
    """The flow view of sampled packets; interfaces are `counted` whether the caller wants their columns or not."""
    fields, length = sampled_fields()
    specs: list[Column] = []
    steps: list[Step] = []
    finish: list[tuple[str, tuple[int, ...]]] = []
    waiting: list[tuple[int, int]] = []  # columns that a flag may make null
    for i, column in enumerate(columns):
        source, argument = _fill(column, fields)
        type = column.type
        if source == "step":
            offset, width, flag = fields[str(argument)]
            steps.append((_kernel(type), 0, offset, width, i))
            specs.append((column.name, type, "step", None, flag >= 0, width, column.unit))
            if flag >= 0:
                waiting.append((flag, i))
        else:
            specs.append((column.name, type, source, argument, source != "null", type.width, column.unit))
    places = [_counted(name, columns, fields, specs, steps) for name in COUNTED] if counted else []
    flags: dict[int, int] = {}
    for flag, i in waiting:
        if flag not in flags:
            flags[flag] = len(specs)
            steps.append(("unsigned", 0, flag, 1, len(specs)))
            specs.append((None, COLUMN_TYPES["u8"], "step", None, False, None, None))
        finish.append(("flagged", (flags[flag], i)))
    in_if, out_if, octets = places or NOTHING_COUNTED
    return Compiled(tuple(specs), tuple(finish), tuple(steps), (length,), counted=(in_if, out_if, octets))


def _counted(
    name: str,
    columns: Sequence[FlowColumn],
    fields: dict[str, tuple[int, int, int]],
    specs: list[Column],
    steps: list[Step],
) -> int:
    """The column of that name; scratch if the caller did not ask for it. What is not known is 0 in it."""
    for i, column in enumerate(columns):
        if column.name == name and column.element is None:
            return i
    offset, width, _ = fields[name]
    steps.append(("unsigned", 0, offset, width, len(specs)))
    specs.append((None, COLUMN_TYPES[f"u{8 * width}"], "step", None, False, None, None))
    return len(specs) - 1
