"""A flow view in the making: columns, scratch and steps, which rules fill from the fields of a template.

What is the same for every template of a schema is made once, and so is what becomes of a field that one step takes:
templates are many and different where somebody wants them to cost much.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from ._layout import Layout
from ._sampled import sampled_fields
from .compiled import COUNTED, NOTHING_COUNTED, NTP_KERNELS, Column, Compiled, Place, Step, kernel_for, placed_of
from .datatypes import COLUMN_TYPES, ColumnType, Show, octets
from .flow_sources import Number, fits, sources_of
from .schema import FlowColumn, flow_columns
from .template import FieldSpecifier

__all__ = ["Rule", "View", "Wanted", "empty"]

PACKET_SECTIONS: dict[Number, tuple[str, Number, Number]] = {
    (0, 314): ("payload_section", (0, 410), (0, 409)),
    (0, 316): ("mpls_section", (0, 410), (0, 409)),
    (0, 317): ("ip_section", (0, 410), (0, 409)),
    (0, 313): ("ip_section", (0, 410), (0, 409)),
    (0, 104): ("frame_section", (0, 103), (0, 102)),
    (0, 315): ("frame_section", (0, 410), (0, 409)),
}
"""Element -> (finish step, element of how many octets of it are of the packet, of how many lie before them), in the
order in which they are read: what a later one says of the packet stands over what an earlier one did."""
SECTION_COLUMNS = {
    *("src_mac", "dst_mac", "etype", "vlan_id", "src_addr", "dst_addr", "ip_tos", "ip_ttl", "proto", "src_port"),
    *("dst_port", "tcp_flags", "icmp_type", "icmp_code", "fragment_id", "fragment_offset", "ipv6_flow_label"),
    *("mpls_label_1", "mpls_label_2", "mpls_label_3"),
}
"""What a packet section can fill where the record has no element for it; and `bytes` of a sample."""
PROTOCOL, FRAME_TYPE = (0, 4), (0, 408)
BIFLOW_DIRECTION = (0, 239)
MOST_TAKEN = 4096
SAMPLED = "sampled"
_SAMPLED_FIELDS, SAMPLED_OCTETS = sampled_fields()
SAMPLED_NUMBERS = {name: number for number, name in enumerate(_SAMPLED_FIELDS)}
ICMP_PAIR = ("icmp_type", "icmp_code")


class Rule(NamedTuple):
    """How a column is filled, and what it looks at besides the sources of the column.

    Without any of these, and without packet sections, a template says nothing of the column. A `single` one takes the
    first source that is there.
    """

    fill: Callable[[View, FlowColumn], None]
    columns: tuple[str, ...] = ()  # whose sources
    elements: tuple[Number, ...] = ()
    single: bool = False


def empty(columns: Iterable[FlowColumn]) -> Compiled:
    """The flow view of nothing: what a decoder without rows hands over."""
    return Compiled(
        tuple((column.name, column.type, "null", None, False, None, column.unit) for column in columns), (), (), (1,)
    )


class Wanted:
    """Columns that a schema wants, with what every template's flow view has of them.

    Parameters
    ----------
    columns : sequence of FlowColumn
    rules : mapping of str to Rule
        By the names of `flow.tsv`.

    Attributes
    ----------
    described : dict of str to FlowColumn
        All that there are, by name.
    index : dict of str to int
        Of those that are wanted.
    specs : tuple of Column
        What they are in a template that says nothing of any.
    """

    def __init__(self, columns: Sequence[FlowColumn], rules: Mapping[str, Rule]) -> None:
        self.rules = rules
        self.described = flow_columns() | {column.name: column for column in columns}
        self.index = {column.name: i for i, column in enumerate(columns)}
        self.specs = empty(columns).columns
        self._columns = tuple(columns)
        self._of: dict[Number, list[int]] = {}
        for i, column in enumerate(columns):
            for number in self._looked_at(column):
                self._of.setdefault(number, []).append(i)
        of_nothing = View((), self, lookups=False)
        for name in self.index:
            of_nothing.want(name)
        self.specs = tuple(of_nothing.specs[: len(columns)])
        self._single = [sources_of(column) if rules[column.rule].single else None for column in columns]
        self._taken: dict[tuple[int, Number, int], Taken] = {}

    @cached_property
    def layout(self) -> Layout:
        """That of a template that says nothing, which all others are like."""
        return Layout(self.specs)

    @cached_property
    def nothing(self) -> Wanted:
        """No columns, by the same rules."""
        return Wanted((), self.rules)

    def _looked_at(self, column: FlowColumn) -> set[Number]:
        """The elements without which a template without packet sections says nothing of the column."""
        rule = self.rules[column.rule]
        others = (number for name in rule.columns for number in sources_of(flow_columns()[name]))
        return {*sources_of(column), *others, *rule.elements}

    def fill(self, view: View) -> None:
        """Fill the columns that a template without packet sections says anything of."""
        found: set[int] = set()
        for number in view.places:
            found.update(self._of.get(number, ()))
        for i in sorted(found):
            single = self._single[i]
            name = self._columns[i].name
            if name not in view.settled and (single is None or not self._take(view, i, single)):
                view.want(name)

    def _take(self, view: View, index: int, numbers: Iterable[Number]) -> bool:
        """Fill a column from the first of these that fits it; False where that takes more than a step."""
        for number in numbers:
            place = view.places.get(number)
            if place is None:
                continue
            field = place.field
            key = index, number, field.length
            taken = self._taken.get(key)
            if taken is None:
                if len(self._taken) >= MOST_TAKEN:
                    self._taken.clear()  # lengths are a sender's choice
                taken = self._taken[key] = _taken(View((), self.nothing, lookups=False), field, self._columns[index])
            spec, kernel = taken
            if spec is not None:
                view.specs[index] = spec
                view.steps.append((kernel, place.segment, place.offset, field.length, index))
                view.settled.add(self._columns[index].name)
                return True
            if kernel:
                return False
        return True


Taken = tuple[Column | None, str]
"""A column that one step fills, and its kernel; None where the field does not fit it, or with a kernel takes more."""


def _taken(alone: View, field: FieldSpecifier, column: FlowColumn) -> Taken:
    """How a column is filled from a field; by a view of nothing."""
    if not fits(field, column.type):
        return None, ""
    alone.specs.append((column.name, column.type, "null", None, False, None, column.unit))
    place = Place(field, 0, 0)
    alone.take(place, 0)
    if len(alone.steps) != 1 or len(alone.specs) != 1 or alone.finish or place.is_variable:
        return None, "several"
    return alone.specs[0], alone.steps[0][0]


class View:
    """A flow plan in the making."""

    def __init__(self, fields: Sequence[FieldSpecifier], wanted: Wanted, *, lookups: bool) -> None:
        self.fields = fields
        self.wanted = wanted
        placed, self.segments = placed_of(fields)
        self.places: dict[Number, Place] = {}
        for place in placed:
            element = place.field.element
            self.places.setdefault((element.pen, element.id), place)
        self.has_sections = not PACKET_SECTIONS.keys().isdisjoint(self.places)
        self.lookups = lookups
        self.is_reverse = False  # the other half of a biflow
        self.described = wanted.described
        self.index = dict(wanted.index)
        self.specs: list[Column] = list(wanted.specs)
        self.settled: set[str] = set()
        self.finish: list[tuple[str, tuple[int, ...]]] = []
        self.steps: list[Step] = []
        self.families: dict[str, dict[int, Place]] = {}  # of columns with addresses
        self.time_codes: dict[str, int] = {}
        self.of_section: set[str] = set()  # columns that packet sections fill
        self.own_times: set[str] = set()  # not of a duration, nor of the record

    # ── columns ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def want(self, name: str) -> int:
        """The index of a column of the flow view, filled; scratch if the caller did not ask for it."""
        column = self.described[name]
        if name not in self.index:
            self.index[name] = self.scratch(column.type.name, "null")
        if name not in self.settled:
            self.settled.add(name)
            self.wanted.rules[column.rule].fill(self, column)
            if self.has_sections:
                for each in ICMP_PAIR if name in ICMP_PAIR else (name,):
                    self.fill_from_section(each)
        return self.index[name]

    def fill_from_section(self, name: str) -> None:
        """Fill a column that the template has nothing for from the packet section of each record."""
        index = self.index[name]
        if self.specs[index][2] != "null" or self.described[name].element is not None:
            return
        if name in SECTION_COLUMNS or (name == "bytes" and self.is_sample()):
            sampled = self.sampled()
            if sampled is not None:
                self.fill(index, "finish")
                self.finish_with("of_section", sampled, index, SAMPLED_NUMBERS[name])
                self.of_section.add(name)

    def sampled(self) -> int | None:
        """A scratch column with what packet sections say; None where the template has none."""
        sections = [number for number in PACKET_SECTIONS if number in self.places]
        if not sections:
            return None
        if SAMPLED not in self.index:
            self.specs.append((None, octets(SAMPLED_OCTETS), "finish", None, False, None, None))
            index = self.index[SAMPLED] = len(self.specs) - 1
            self.finish_with("no_sections", index)
            for number in sections:
                kind, exported, before = PACKET_SECTIONS[number]
                others = (
                    *(self.shared(each, "u16") for each in (exported, before, FRAME_TYPE)),
                    self.shared(PROTOCOL, "u8"),
                )
                held = self.octets(self.places[number])
                self.finish_with(kind, index, held, *(index if each is None else each for each in others))
        return self.index[SAMPLED]

    def is_filled(self, name: str) -> bool:
        return self.specs[self.want(name)][2] != "null"

    def counted(self) -> tuple[int, int, int]:
        """The columns that interfaces are counted by; -1 for one that nothing fills."""
        found = []
        there = self.places.keys()
        for name in COUNTED:
            index = -1
            column = self.described[name]
            is_there = self.has_sections or not there.isdisjoint(sources_of(column))
            if is_there and column.element is None:
                index = self.want(name)
            found.append(index if index >= 0 and self.specs[index][2] != "null" else -1)
        in_if, out_if, octets = found
        return NOTHING_COUNTED if in_if < 0 and out_if < 0 else (in_if, out_if, octets)

    def scratch(self, type: str, source: str = "step") -> int:
        """A column that is not handed over."""
        self.specs.append((None, COLUMN_TYPES[type], source, None, False, None, None))
        return len(self.specs) - 1

    def fill(self, index: int, source: str, argument: Any = None) -> None:
        before = self.specs[index]
        name, type, _, _, _, _, unit = before
        spec = (name, type, source, argument, True, None, unit)
        if spec != before:  # one that is as it was is the very same, by which layouts know it
            self.specs[index] = spec

    def finish_with(self, kind: str, *columns: int) -> None:
        """Settle these columns when rows are there; once, however many ask for it."""
        if (kind, columns) not in self.finish:
            self.finish.append((kind, columns))

    def compiled(self) -> Compiled:
        steps = sorted(self.steps, key=lambda step: step[1:3])
        return Compiled(tuple(self.specs), tuple(self.finish), tuple(steps), self.segments)

    # ── fields ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def there(self, numbers: Iterable[Number], type: ColumnType) -> Place | None:
        """The first of these elements that the template has, at a length that the column can take."""
        for number in numbers:
            place = self.places.get(number)
            if place is not None and fits(place.field, type):
                return place
        return None

    def step(self, kernel: str, place: Place, index: int) -> None:
        length = 0 if place.is_variable else place.field.length
        self.steps.append((kernel, place.segment, place.offset, length, index))

    def octets(self, place: Place) -> int:
        """A scratch column with the octets of a field, however many."""
        index = self.scratch("binary")
        self.step("empty" if place.field.length == 0 else "octets", place, index)
        return index

    def take(self, place: Place, index: int) -> None:
        """Fill a column from a field of each record that fits it."""
        type = self.specs[index][1]
        length = place.field.length
        kernel = kernel_for(place.field, type)
        if type.show is Show.UNSIGNED and place.is_variable:
            self.fill(index, "finish")
            self.finish_with(f"number_{8 * type.width}", index, self.octets(place))
        elif type.show is Show.UNSIGNED and length > type.width:
            self.fill(index, "finish")
            wide = self.scratch("u64")
            self.step("unsigned", place, wide)
            self.finish_with(f"narrow_{8 * type.width}", index, wide)
        elif kernel == "boolean":
            self.fill(index, "finish")
            octet = self.scratch("u8")
            self.step("unsigned", place, octet)
            self.finish_with("boolean", octet, index)
        else:
            self.fill(index, "step")
            if type.show is Show.ADDRESS and place.field.element.type == "ipv4Address":
                kernel = "ipv4_mapped"
            self.step(kernel, place, index)
            if kernel == "milliseconds":
                self.finish_with("milliseconds", index)
            elif kernel in NTP_KERNELS:
                self.finish_with("no_time", index)

    def into_scratch(self, number: Number, type: str, kernel: str | None = None) -> int | None:
        """A scratch column of that element, by a kernel or as it is; None where the template lacks it."""
        place = self.there((number,), COLUMN_TYPES[type])
        if place is None or (kernel is not None and place.is_variable):
            return None
        index = self.scratch(type)
        if kernel is None:
            self.take(place, index)
        else:
            self.step(kernel, place, index)
        return index

    def first(self, column: FlowColumn) -> None:
        """A field of the message, or the first source that is there."""
        index = self.index[column.name]
        if column.sources and column.sources[0].startswith("@"):
            self.fill(index, "context", column.sources[0][1:])
        elif place := self.there(sources_of(column), column.type):
            self.take(place, index)
            if self.is_reverse and place.number == BIFLOW_DIRECTION:
                self.finish_with("other_direction", index)

    def shared(self, number: Number, type: str) -> int | None:
        """A scratch column of an element that several rules look at, decoded once."""
        key = f"{number[0]}/{number[1]}"
        if key not in self.index:
            index = self.into_scratch(number, type)
            if index is None:
                return None
            self.index[key] = index
        return self.index[key]

    def has_counters(self) -> bool:
        """Whether it tells of octets or packets, as flows do."""
        return any(
            self.there(sources_of(flow_columns()[name]), flow_columns()[name].type) for name in ("bytes", "packets")
        )

    def is_sample(self) -> bool:
        """Whether records are packets, or parts of them, and not flows."""
        return self.has_sections and not self.has_counters()
