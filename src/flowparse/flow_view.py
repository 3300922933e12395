"""The flow view of a template: the columns of `flow.tsv`, each filled by its rule in `RULES`.

A rule takes fields into columns (decode steps), and says what is settled when several columns of many
rows are there (finish steps). What nobody asked for is not decoded, unless a column that is wanted
depends on it: then it is scratch. A column that nothing fills is null throughout and costs nothing.

What a record does not say its packet section may (`_finish_sections`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from . import registry
from ._layout import Layout
from ._sampled import sampled_fields
from .compiled import (
    COUNTED,
    NOTHING_COUNTED,
    NTP_KERNELS,
    TIME_KERNELS,
    Column,
    Compiled,
    Place,
    Step,
    kernel_for,
    placed_of,
)
from .datatypes import COLUMN_TYPES, DATA_TYPES, ColumnType, Show, octets
from .schema import FlowColumn, flow_columns
from .template import FieldSpecifier

__all__ = ["Wanted", "empty", "flow"]

Number = tuple[int, int]
"""(PEN, id) of an element."""

ETHERTYPES = {4: 0x0800, 6: 0x86DD}
MAPPABLE = {"ipv4Address": 4, "ipv6Address": 6}
TIMES = ("time_flow_start_ns", "time_flow_end_ns")
PREFIXES = {(0, 44), (0, 45), (0, 169), (0, 170)}
UPTIMES = {(0, 21), (0, 22)}
DELTAS = {(0, 158), (0, 159)}
INIT_TIME = (0, 160)
DURATIONS = {(0, 161): "ms", (0, 162): "us"}
IP_VERSION, ETHERNET_TYPE = (0, 60), (0, 256)
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
PACKET_LENGTHS = ((0, 312), (0, 224), (0, 190))
NAT_EVENT = (0, 230)
BIFLOW_DIRECTION = (0, 239)
FIREWALL_EVENTS = ((0, 233), (9, 7237))
SAMPLERS = ((0, 48), (0, 302))
INTERFACE = (0, 10)
RECORD_RATES: tuple[tuple[str | None, tuple[Number, ...]], ...] = (
    (None, ((0, 34),)),
    (None, ((0, 50),)),
    ("rate_of_interval", ((0, 305), (0, 306))),
    ("rate_of_population", ((0, 309), (0, 310))),
    ("rate_of_probability", ((0, 311),)),
)
RATE_ELEMENTS = frozenset((*SAMPLERS, INTERFACE, *(number for _, numbers in RECORD_RATES for number in numbers)))
SINGLE = {"-", "counter"}
"""Rules that take the first source that is there, where the template has no packet sections."""
MOST_TAKEN = 4096
LOOKED_AT: dict[str, tuple[tuple[str, ...], tuple[Number, ...]]] = {
    "time": (TIMES, ()),
    "time_source": (TIMES, ()),
    "etype": (("src_addr", "dst_addr"), (IP_VERSION,)),
    "icmp": (("icmp_type", "icmp_code", "proto"), ()),
    "sampling": ((), tuple(RATE_ELEMENTS)),
    "kind": ((), (NAT_EVENT, *FIREWALL_EVENTS)),
}
"""Rule -> other columns whose sources it looks at, and other elements."""
SAMPLED = "sampled"
_SAMPLED_FIELDS, SAMPLED_OCTETS = sampled_fields()
SAMPLED_NUMBERS = {name: number for number, name in enumerate(_SAMPLED_FIELDS)}
ICMP_PAIR = ("icmp_type", "icmp_code")
# enums/time_source.tsv, enums/record_kind.tsv
ABSOLUTE, DELTA, RECORD_INIT = 1, 2, 3
OF_CONTEXT = -1  # as the message's header or options know
FLOW_RECORD, SAMPLE, NAT, FIREWALL, REVERSE = 0, 1, 2, 3, 5


@cache
def numbers_of(sources: tuple[str, ...]) -> tuple[Number, ...]:
    """The elements that `flow.tsv` names: IANA's by name, others as pen/id."""
    elements = [registry.element(source) for source in sources if not source.startswith("@")]
    return tuple((element.pen, element.id) for element in elements)


def sources_of(column: FlowColumn) -> tuple[Number, ...]:
    if column.element is not None:
        return ((column.element.pen, column.element.id),)
    return numbers_of(column.sources)


def empty(columns: Iterable[FlowColumn]) -> Compiled:
    """The flow view of nothing: what a decoder without rows hands over."""
    return Compiled(
        tuple((column.name, column.type, "null", None, False, None, column.unit) for column in columns), (), (), (1,)
    )


def looked_at(column: FlowColumn) -> tuple[Number, ...]:
    """The elements without which a template without packet sections says nothing of the column."""
    names, numbers = LOOKED_AT.get(column.rule, ((), ()))
    others = (number for name in names for number in sources_of(flow_columns()[name]))
    return (*sources_of(column), *others, *numbers)


class Wanted:
    """Columns that a schema wants, with what every template's flow view has of them.

    Templates are many and different where somebody wants them to cost much, so what is the same for
    all of them is made once.

    Attributes
    ----------
    described : dict of str to FlowColumn
        All that there are, by name.
    index : dict of str to int
        Of those that are wanted.
    specs : tuple of Column
        What they are in a template that says nothing of any.
    """

    def __init__(self, columns: Sequence[FlowColumn]) -> None:
        self.described = flow_columns() | {column.name: column for column in columns}
        self.index = {column.name: i for i, column in enumerate(columns)}
        self.specs = empty(columns).columns
        self._columns = tuple(columns)
        self._of: dict[Number, list[int]] = {}
        for i, column in enumerate(columns):
            for number in {*looked_at(column)}:
                self._of.setdefault(number, []).append(i)
        of_nothing = _View((), self, lookups=False)
        for name in self.index:
            of_nothing.want(name)
        self.specs = tuple(of_nothing.specs[: len(columns)])
        self._single = [sources_of(column) if column.rule in SINGLE else None for column in columns]
        self._taken: dict[tuple[int, Number, int], Taken] = {}
        self._layout: Layout | None = None

    @property
    def layout(self) -> Layout:
        """That of a template that says nothing, which all others are like."""
        if self._layout is None:
            self._layout = Layout(self.specs)
        return self._layout

    def fill(self, view: _View) -> None:
        """Fill the columns that a template without packet sections says anything of."""
        found: set[int] = set()
        for number in view.places:
            found.update(self._of.get(number, ()))
        for i in sorted(found):
            single = self._single[i]
            if single is None or not self._take(view, i, single):
                view.want(self._columns[i].name)

    def _take(self, view: _View, index: int, numbers: Iterable[Number]) -> bool:
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
                taken = self._taken[key] = _taken(field, self._columns[index])
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


def _taken(field: FieldSpecifier, column: FlowColumn) -> Taken:
    """How a column is filled from a field."""
    if not fits(field, column.type):
        return None, ""
    alone = _View((), _nothing_wanted(), lookups=False)
    alone.specs.append((column.name, column.type, "null", None, False, None, column.unit))
    place = Place(field, 0, 0)
    alone.take(place, 0)
    if len(alone.steps) != 1 or len(alone.specs) != 1 or alone.finish or place.is_variable:
        return None, "several"
    return alone.specs[0], alone.steps[0][0]


def flow(
    fields: Sequence[FieldSpecifier],
    columns: Sequence[FlowColumn] | Wanted,
    *,
    lookups: bool = True,
    counted: bool = False,
    reverse: bool = False,
) -> Compiled:
    """The flow view of a template.

    Parameters
    ----------
    fields : sequence of FieldSpecifier
        In wire order.
    columns : sequence of FlowColumn, or Wanted
        What the schema wants.
    lookups : bool
        Whether interfaces may have sampling rates of their own, which options tell.
    counted : bool
        Whether interfaces are counted, by columns of which the caller may know nothing.
    reverse : bool
        Whether these are the fields of a biflow as its other end has them.
    """
    wanted = columns if isinstance(columns, Wanted) else Wanted(columns)
    view = _View(fields, wanted, lookups=lookups)
    view.is_reverse = reverse
    if view.has_sections or reverse:
        for name in wanted.index:
            view.want(name)
    else:
        wanted.fill(view)
    places = view.counted() if counted else NOTHING_COUNTED
    return view.compiled()._replace(counted=places)


def fits(field: FieldSpecifier, type: ColumnType) -> bool:
    """Whether a column of that type can take the field: a length that its abstract type has."""
    element, n = field.element, field.length
    is_variable = n == 65535
    if type.width == 0:
        return True
    if type.show is Show.UNSIGNED:
        return element.type.startswith("unsigned") and (is_variable or 1 <= n <= 8)
    if is_variable:
        return False
    if type.show is Show.ADDRESS:
        return (element.type, n) in (("ipv4Address", 4), ("ipv6Address", 16))
    if type.show is Show.SIGNED:
        return element.type.startswith("signed") and 1 <= n <= type.width
    if type.show is Show.FLOAT:
        return DATA_TYPES[element.type].column == type.name and n in (4, type.width)
    if type.show is Show.TIME:
        return element.type in TIME_KERNELS and n == (4 if element.type == "dateTimeSeconds" else 8)
    return DATA_TYPES[element.type].column == type.name and n == type.width


class _View:
    """A flow plan in the making."""

    def __init__(self, fields: Sequence[FieldSpecifier], wanted: Wanted, *, lookups: bool) -> None:
        self.fields = fields
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
            RULES[column.rule](self, column)
            if self.has_sections:
                for each in ICMP_PAIR if name in ICMP_PAIR else (name,):
                    self.fill_from_section(each)
        return self.index[name]

    def fill_from_section(self, name: str) -> None:
        """Fill a column that the template has nothing for from the packet section of each record."""
        index = self.index[name]
        if self.specs[index][2] != "null" or self.described[name].element is not None:
            return
        if name in SECTION_COLUMNS or (name == "bytes" and _is_sample(self)):
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
                    *(_shared(self, each, "u16") for each in (exported, before, FRAME_TYPE)),
                    _shared(self, PROTOCOL, "u8"),
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


# ── rules ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _first(view: _View, column: FlowColumn) -> None:
    """A field of the message, or the first source that is there."""
    index = view.index[column.name]
    if column.sources and column.sources[0].startswith("@"):
        view.fill(index, "context", column.sources[0][1:])
    elif place := view.there(sources_of(column), column.type):
        view.take(place, index)
        if view.is_reverse and place.number == BIFLOW_DIRECTION:
            view.finish_with("other_direction", index)


def _families(view: _View, column: FlowColumn) -> dict[int, Place]:
    """IP version -> the field that has the address: addresses before prefixes."""
    found = view.families.get(column.name)
    if found is not None:
        return found
    found = {}
    for number in sources_of(column):
        place = view.places.get(number)
        if place is not None and place.field.element.type in MAPPABLE and fits(place.field, column.type):
            found.setdefault(MAPPABLE[place.field.element.type], place)
    if len(found) == 2 and (found[4].number in PREFIXES) != (found[6].number in PREFIXES):
        del found[4 if found[4].number in PREFIXES else 6]
    view.families[column.name] = found
    return found


def _address(view: _View, column: FlowColumn) -> None:
    """IPv4 as ::ffff:a.b.c.d. Of two families, what the record says that it is of, or the one that is not zero."""
    families = _families(view, column)
    index = view.index[column.name]
    if len(families) < 2:
        for place in families.values():
            view.take(place, index)
        return
    ipv4 = view.scratch("address")
    view.take(families[6], index)
    view.step("ipv4_mapped", families[4], ipv4)
    if column.rule == "address":
        if (version := _shared(view, IP_VERSION, "u8")) is not None:
            view.finish_with("pick_by_version", index, ipv4, version)
            return
        if (etype := _shared(view, ETHERNET_TYPE, "u16")) is not None:
            view.finish_with("pick_by_etype", index, ipv4, etype)
            return
    view.finish_with("pick_nonzero", index, ipv4)


def _shared(view: _View, number: Number, type: str) -> int | None:
    """A scratch column of an element that several rules look at, decoded once."""
    key = f"{number[0]}/{number[1]}"
    if key not in view.index:
        index = view.into_scratch(number, type)
        if index is None:
            return None
        view.index[key] = index
    return view.index[key]


def _next_hop(view: _View, column: FlowColumn) -> None:
    """An address; the unspecified one says that there is none."""
    _address(view, column)
    if view.specs[view.index[column.name]][2] != "null":
        view.finish_with("zero_is_null", view.index[column.name])


def _flow_families(view: _View, name: str = "") -> tuple[str, dict[int, Place]]:
    """The column with the record's addresses, and the families that it may be of."""
    for each in (name,) if name else ("src_addr", "dst_addr"):
        families = _families(view, view.described.get(each) or flow_columns()[each])
        if families:
            return each, families
    return "", {}


def _etype(view: _View, column: FlowColumn) -> None:
    """As sent, else what ipVersion or the addresses say."""
    index = view.index[column.name]
    _first(view, column)
    if view.specs[index][2] != "null":
        return
    if (version := _shared(view, IP_VERSION, "u8")) is not None:
        view.fill(index, "finish")
        view.finish_with("etype_of_version", index, version)
        return
    address, families = _flow_families(view)
    if len(families) == 1:
        view.fill(index, "constant", ETHERTYPES[next(iter(families))])
    elif families:
        view.fill(index, "finish")
        view.finish_with("etype_of_address", index, view.want(address))


def _net(view: _View, column: FlowColumn) -> None:
    """The prefix length of the family that the address is of."""
    index = view.index[column.name]
    lengths = {
        version: place
        for version, number in zip((4, 6), sources_of(column), strict=True)
        if (place := view.there((number,), column.type))
    }
    address, families = _flow_families(view, column.name.replace("_net", "_addr"))
    if families:
        lengths = {version: place for version, place in lengths.items() if version in families}
    if not lengths:
        return
    if len(families) < 2:
        view.take(lengths[min(lengths)], index)
        return
    if len(lengths) == 1:
        (version,) = lengths
        view.take(lengths[version], index)
        view.finish_with(f"net_is_ipv{version}", index, view.want(address))
        return
    ipv4 = view.scratch("u8")
    view.take(lengths[6], index)
    view.take(lengths[4], ipv4)
    view.finish_with("net_of_family", index, ipv4, view.want(address))


# ── ports and ICMP ───────────────────────────────────────────────────────────────────────────────────────────────────

SPLIT = {4: ((0, 176), (0, 177)), 6: ((0, 178), (0, 179))}
WORDS = {4: (0, 32), 6: (0, 139)}
ICMP_ELEMENTS = frozenset((*SPLIT[4], *SPLIT[6], *WORDS.values()))


def _says_icmp(view: _View) -> set[int]:
    """The families for which the template has elements of ICMP's own."""
    if view.places.keys().isdisjoint(ICMP_ELEMENTS):
        return set()
    u8, u16 = COLUMN_TYPES["u8"], COLUMN_TYPES["u16"]
    return {version for version in (4, 6) if view.there(SPLIT[version], u8) or view.there((WORDS[version],), u16)}


def _port(view: _View, column: FlowColumn) -> None:
    """A transport port; ICMP has none, and its exporters put type and code there."""
    _first(view, column)
    index = view.index[column.name]
    if view.specs[index][2] == "null" or not view.is_filled("proto"):
        return
    if _says_icmp(view):
        view.finish_with("not_icmp", view.want("proto"), index)
    else:
        view.want("icmp_type")


def _icmp(view: _View, column: FlowColumn) -> None:
    """Type and code by elements of their own, else out of the ports."""
    pair = (view.index.get("icmp_type"), view.index.get("icmp_code"))
    view.settled |= {"icmp_type", "icmp_code"}
    type_, code = (view.scratch("u8", "null") if index is None else index for index in pair)
    view.index["icmp_type"], view.index["icmp_code"] = type_, code
    has_proto = view.is_filled("proto")
    families = sorted(_says_icmp(view))
    if families:
        _icmp_elements(view, families[0], type_, code)
        if not has_proto:
            return
        proto = view.want("proto")
        if len(families) == 2:
            # What IPv4 does not fill takes the value of IPv6 itself.
            mine = [view.specs[index][2] != "null" for index in (type_, code)]
            others = [
                view.scratch("u8", "null") if own else index for own, index in zip(mine, (type_, code), strict=True)
            ]
            _icmp_elements(view, 6, *others)
            for own, index, other in zip(mine, (type_, code), others, strict=True):
                if own and view.specs[other][2] != "null":
                    view.finish_with("pick_icmpv6", proto, index, other)
                elif own:
                    view.finish_with("not_icmpv6", proto, index)
                elif view.specs[index][2] != "null":
                    view.finish_with("only_icmpv6", proto, index)
        for index in (type_, code):
            if view.specs[index][2] != "null":
                view.finish_with("only_icmp", proto, index)
        return
    names = [name for name in ("src_port", "dst_port") if view.is_filled(name) and name not in view.of_section]
    ports = [view.want(name) for name in names] if has_proto else []
    if ports and view.is_reverse:
        # Type and code in them are those of the way forth.
        for index in ports:
            view.finish_with("not_icmp", view.want("proto"), index)
    elif ports:
        view.fill(type_, "finish")
        view.fill(code, "finish")
        kind = "icmp_split" if len(ports) == 2 else "icmp_from_port"
        view.finish_with(kind, view.want("proto"), *ports, type_, code)


def _icmp_elements(view: _View, version: int, type_: int, code: int) -> None:
    """Fill type and code from the elements of one family."""
    places = [view.there((number,), COLUMN_TYPES["u8"]) for number in SPLIT[version]]
    if any(places):
        for place, index in zip(places, (type_, code), strict=True):
            if place:
                view.take(place, index)
        return
    word = view.into_scratch(WORDS[version], "u16")
    assert word is not None
    view.fill(type_, "finish")
    view.fill(code, "finish")
    view.finish_with("word_split", word, type_, code)


# ── times ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _is_general(number: Number) -> bool:
    """Whether an element tells of the record rather than of one end of the flow."""
    return number[1] in (258, 322, 323, 324, 325)


def _time(view: _View, column: FlowColumn) -> None:
    """The first source whose clock is known; else the other end and the duration; else the time of the record."""
    numbers = sources_of(column)
    if _own_time(view, column, [number for number in numbers if number in view.places and not _is_general(number)]):
        view.own_times.add(column.name)
        return
    if not _by_duration(view, column):
        _own_time(view, column, [number for number in numbers if number in view.places and _is_general(number)])


def _own_time(view: _View, column: FlowColumn, numbers: Sequence[Number]) -> bool:
    index = view.index[column.name]
    u64 = COLUMN_TYPES["u64"]
    for number in numbers:
        place = view.places[number]
        if number in UPTIMES | DELTAS and fits(place.field, u64) and not place.is_variable:
            if number in DELTAS:
                view.fill(index, "step")
                view.step("before_export", place, index)
                view.time_codes[column.name] = DELTA
            elif (init := _shared(view, INIT_TIME, "time")) is not None:
                uptime = view.scratch("u64")
                view.step("unsigned", place, uptime)
                view.fill(index, "finish")
                view.finish_with("since_init", index, init, uptime)
                view.time_codes[column.name] = RECORD_INIT
            else:
                view.fill(index, "step")
                view.step("uptime", place, index)
                view.time_codes[column.name] = OF_CONTEXT
                view.own_times.add(column.name)  # the other end may ask for it
                both = [view.want(name) for name in TIMES]
                if all(view.time_codes.get(name) == OF_CONTEXT for name in TIMES):
                    view.finish_with("time_order", *both)
            view.finish_with("no_time", index)
            return True
        if fits(place.field, column.type):
            view.take(place, index)
            view.time_codes[column.name] = ABSOLUTE
            return True
    return False


def _by_duration(view: _View, column: FlowColumn) -> bool:
    """One end of the flow out of the other."""
    (other,) = set(TIMES) - {column.name}
    numbers = sources_of(flow_columns()[other])
    if not any(number in view.places and not _is_general(number) for number in numbers):
        return False
    base = view.want(other)
    if other not in view.own_times:
        return False
    for number, unit in DURATIONS.items():
        duration = view.into_scratch(number, "u64", "unsigned")
        if duration is not None:
            index = view.index[column.name]
            view.fill(index, "finish")
            view.finish_with(f"{'add' if column.name == TIMES[1] else 'less'}_{unit}", index, base, duration)
            view.finish_with("no_time", index)
            view.time_codes[column.name] = view.time_codes[other]
            return True
    return False


@cache
def _time_elements() -> frozenset[Number]:
    return frozenset(number for name in TIMES for number in sources_of(flow_columns()[name]))


@cache
def _nothing_wanted() -> Wanted:
    return Wanted(())


def _time_source(view: _View, column: FlowColumn) -> None:
    """How well the times are known: the worse of both, and the same for all records of a message."""
    index = view.index[column.name]
    codes: list[int] = []
    if not view.places.keys().isdisjoint(_time_elements()):
        times = _View(view.fields, _nothing_wanted(), lookups=False)  # who wants the source alone decodes no time
        for name in TIMES:
            times.want(name)
        codes = list(times.time_codes.values())
    if OF_CONTEXT in codes:
        view.fill(index, "context", "time_source")
    else:
        view.fill(index, "constant", max(codes, default=0))


# ── counters, kinds, sampling ────────────────────────────────────────────────────────────────────────────────────────


def _has_counters(view: _View) -> bool:
    """Whether it tells of octets or packets, as flows do."""
    return any(view.there(sources_of(flow_columns()[name]), flow_columns()[name].type) for name in ("bytes", "packets"))


def _is_sample(view: _View) -> bool:
    """Whether records are packets, or parts of them, and not flows."""
    return view.has_sections and not _has_counters(view)


def _counter(view: _View, column: FlowColumn) -> None:
    """As sent; a sampled packet is one, with the length that its record tells."""
    _first(view, column)
    index = view.index[column.name]
    if view.specs[index][2] != "null" or not _is_sample(view):
        return
    if column.name == "packets":
        view.fill(index, "constant", 1)
    elif place := view.there(PACKET_LENGTHS, column.type):
        view.take(place, index)


def _kind(view: _View, column: FlowColumn) -> None:
    """What a record tells of, by what its template has."""
    kind = FLOW_RECORD
    if view.is_reverse:
        kind = REVERSE
    elif NAT_EVENT in view.places and not _has_counters(view):
        kind = NAT
    elif any(number in view.places for number in FIREWALL_EVENTS):
        kind = FIREWALL
    elif _is_sample(view):
        kind = SAMPLE
    view.fill(view.index[column.name], "constant", kind)


def _sampling(view: _View, column: FlowColumn) -> None:
    """The rate and its source: the message's, unless the record, its sampler or its interface has one."""
    pair = []
    for name in ("sampling_rate", "sampling_source"):
        each = view.described[name]
        if name not in view.index:
            view.index[name] = view.scratch(each.type.name, "null")
        view.settled.add(name)
        view.fill(view.index[name], "context", name)
        pair.append(view.index[name])
    if view.places.keys().isdisjoint(RATE_ELEMENTS):
        return
    rate = pair[0]
    record = _record_rate(view)
    sampler = next((index for number in SAMPLERS if (index := _lookup(view, number, "sampler_rate")) is not None), None)
    interface = _lookup(view, INTERFACE, "interface_rate") if view.lookups else None
    candidates = [rate if index is None else index for index in (record, sampler, interface)]
    if set(candidates) != {rate}:
        view.finish_with("rates", *pair, *candidates)


def _lookup(view: _View, number: Number, kernel: str) -> int | None:
    place = view.there((number,), COLUMN_TYPES["u64"])
    if place is None or place.is_variable:
        return None
    index = view.scratch("u32")
    view.step(kernel, place, index)
    return index


def _record_rate(view: _View) -> int | None:
    """The rate that each record has; 0 for none."""
    for kind, numbers in RECORD_RATES:
        if not all(number in view.places for number in numbers):
            continue
        if kind == "rate_of_probability":
            parts = [view.into_scratch(numbers[0], "f64")]
        else:
            parts = [_lookup(view, number, "record_rate") for number in numbers]
        if None in parts:
            continue
        if kind is None:
            return parts[0]
        made = view.scratch("u32", "finish")
        view.finish_with(kind, made, *(part for part in parts if part is not None))
        return made
    return None


# ── others ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _low_octet(view: _View, column: FlowColumn) -> None:
    """The last octet of a number, however long it was sent."""
    place = view.there(sources_of(column), column.type)
    if place and not place.is_variable:
        index = view.index[column.name]
        view.fill(index, "step")
        view.steps.append(("unsigned", place.segment, place.offset + place.field.length - 1, 1, index))


def _direction(view: _View, column: FlowColumn) -> None:
    """255 where the exporter does not know."""
    _first(view, column)
    if view.specs[view.index[column.name]][2] != "null":
        view.finish_with("all_ones_is_null", view.index[column.name])


def _application(view: _View, column: FlowColumn) -> None:
    """Engine and selector in one number (RFC 6759 section 4)."""
    place = view.places.get(sources_of(column)[0])
    index = view.index[column.name]
    if place is None or place.field.length == 0:
        return
    if place.field.length <= 8:
        view.fill(index, "step")
        view.step("application", place, index)
    else:
        view.fill(index, "finish")
        view.finish_with("application", index, view.octets(place))


def _label(view: _View, column: FlowColumn) -> None:
    """The label of a label stack entry, with or without its TTL."""
    place = view.places.get(sources_of(column)[0])
    if place and place.field.length in (3, 4):
        view.fill(view.index[column.name], "step")
        view.step("label", place, view.index[column.name])


def _joined(view: _View, column: FlowColumn) -> None:
    """What options call the number in a field, as known when the record is decoded."""
    is_octets = column.rule == "application_name"
    type = COLUMN_TYPES["binary" if is_octets else "u64"]
    place = view.there(sources_of(column), type)
    if place and place.field.length:
        index = view.index[column.name]
        view.fill(index, "step")
        view.step(column.rule, place, index)
        view.finish_with("empty_is_null", index)


RULES: dict[str, Callable[[_View, FlowColumn], None]] = {
    "-": _first,
    "address": _address,
    "nat_address": _address,
    "next_hop": _next_hop,
    "etype": _etype,
    "net": _net,
    "port": _port,
    "icmp": _icmp,
    "time": _time,
    "time_source": _time_source,
    "counter": _counter,
    "kind": _kind,
    "sampling": _sampling,
    "low_octet": _low_octet,
    "direction": _direction,
    "application": _application,
    "label": _label,
    "interface_name": _joined,
    "application_name": _joined,
    "vrf_name": _joined,
    "sampler_name": _joined,
}
