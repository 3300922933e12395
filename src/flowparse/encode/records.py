"""Rows as records: the fields of a template, and the octets of each.

Rows of NATIVE have the elements and lengths that their layout came with; rows of FLOW the first element that
`flow.tsv` names for each column that has a value, of the family of the addresses. What a row does not have its
template does not have either.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from flowparse.batch import Batch
from flowparse.datatypes import VARIABLE, ColumnType, Show
from flowparse.plan import NATIVE_CONTEXT
from flowparse.registry import Element, Registry
from flowparse.schema import flow_columns

from .times import time_octets

__all__ = ["Dialect", "Field", "Record", "is_native", "records_of"]

CONTEXT = tuple(name for name, _, _ in NATIVE_CONTEXT)
OPTIONS = "options: "
REPEATED = re.compile(r"(.+)_(\d+)")
UNKNOWN = re.compile(r"ie_(\d{1,10})_(\d{1,5})")
MAPPED = bytes(10) + b"\xff\xff"
ICMP, ICMP6 = 1, 58
NOT_OF_THE_FLOW = {
    *("type", "sampler_address", "observation_domain_id", "template_id", "sequence_num", "time_received_ns"),
    *("time_source", "sampling_rate", "sampling_source", "message_index", "exporter_port", "export_time_ns"),
    "record_kind",
}
"""Columns of FLOW that are the message's or the receiver's, or carried otherwise."""
FAMILIES = {
    **{name: name for name in ("src_addr", "dst_addr", "next_hop", "bgp_next_hop")},
    **{name: name for name in ("post_nat_src_addr", "post_nat_dst_addr")},
    "src_net": "src_addr",
    "dst_net": "dst_addr",
}
"""Column -> the column with the address whose family says which of two elements is meant."""
TIMES = {
    "time_flow_start_ns": ("flowStartMilliseconds", "flowStartNanoseconds"),
    "time_flow_end_ns": ("flowEndMilliseconds", "flowEndNanoseconds"),
}
ICMP_PAIR = ("icmp_type", "icmp_code")
LABELS = ("mpls_label_1", "mpls_label_2", "mpls_label_3")
MOST_LABEL = 2**20 - 1


class Field(NamedTuple):
    """A field of a template as it is on the wire; `length` 65535 is variable."""

    pen: int
    id: int
    length: int
    is_scope: bool = False


class Dialect(Protocol):
    """What is different between the protocols that have templates."""

    name: str
    has_variable: bool

    def number(self, element: Element) -> tuple[int, int] | None:
        """(PEN, id) of an element on the wire; None where there is no number for it."""
        ...

    def n_scopes(self, elements: Sequence[Element]) -> int:
        """How many of the fields of an options template are scopes."""
        ...


class Record(NamedTuple):
    """A row, ready to be written."""

    shape: tuple[Field, ...]
    octets: bytes
    is_options: bool
    domain: int | None
    export_ns: int | None
    template_id: int
    rate: int | None
    latest_ns: int | None


Numbered = tuple[Element, tuple[int, int]]
Cell = tuple[Field, bytes] | None
"""A field and its octets; None where the protocol has none for the value."""


def is_native(batch: Batch) -> bool:
    """Whether the rows are of NATIVE, by the columns in front."""
    return batch.names[: len(CONTEXT)] == CONTEXT


def records_of(
    batch: Batch, dialect: Dialect, registry: Registry, elements: Mapping[str, Any], lost: Counter[str]
) -> Iterator[Record]:
    """The records of a batch in order; what is not carried is counted in `lost` by column."""
    made = (_Native if is_native(batch) else _Flow)(batch, dialect, registry, elements, lost)
    return made.records()


@lru_cache(8)
def _by_name(registry: Registry) -> dict[str, list[Element]]:
    named: dict[str, list[Element]] = {}
    for element in registry.elements():
        named.setdefault(element.name, []).append(element)
    return named


class _Rows:
    def __init__(
        self, batch: Batch, dialect: Dialect, registry: Registry, elements: Mapping[str, Any], lost: Counter[str]
    ) -> None:
        self.batch = batch
        self.dialect = dialect
        self.registry = registry
        self.lost = lost
        self.given = {
            name: each if isinstance(each, Element) else registry.element(each) for name, each in elements.items()
        }
        self._numbers: dict[str, Numbered] = {}

    def records(self) -> Iterator[Record]:
        raise NotImplementedError

    def named(self, name: str) -> list[Element]:
        """The elements that a column may be of, the likeliest first."""
        if name in self.given:
            return [self.given[name]]
        found = list(_by_name(self.registry).get(name, ()))
        if unknown := UNKNOWN.fullmatch(name):
            found.append(self.registry.unknown(int(unknown[1]), int(unknown[2])))
        if (repeated := REPEATED.fullmatch(name)) and repeated[1] in self.batch.names:
            found += self.named(repeated[1])
        return found

    def numbered(self, name: str) -> list[Numbered]:
        """Those that the protocol has a number for."""
        numbers = [(element, self.dialect.number(element)) for element in self.named(name)]
        return [(element, number) for element, number in numbers if number is not None]

    def says_nothing(self, name: str) -> None:
        """Count the values of a column that no field is there for."""
        if values := len(self.batch) - self.batch[name].null_count:
            self.lost[name] += values

    def field(self, number: tuple[int, int], octets: bytes, variable: bool) -> tuple[Field, bytes]:
        """A field and its octets, after their length where they are of any (RFC 7011 section 7)."""
        n = len(octets)
        if not (variable and self.dialect.has_variable):
            return Field(*number, n), octets
        prefix = bytes([n]) if n < 255 else b"\xff" + n.to_bytes(2)
        return Field(*number, VARIABLE), prefix + octets

    def of_element(self, number: tuple[int, int], element: Element, type: ColumnType, octets: bytes) -> Cell:
        """The field of a value that no layout says the length of."""
        if type.show is Show.LIST or len(octets) >= VARIABLE:
            return None
        if type.show is Show.TIME:
            time = time_octets(element.type, int.from_bytes(octets, signed=True))
            return None if time is None else (Field(*number, len(time)), time)
        return self.field(number, octets, type.width == 0)


class _Native(_Rows):
    def columns(self) -> list[tuple[int, str, Element, tuple[int, int]]]:
        """(index, name, element, number) of each column that has a field.

        Columns stand in the order of (PEN, id), which tells elements of the same name apart.
        """
        found, last = [], (-1, -1)
        for index, name in enumerate(self.batch.names[len(CONTEXT) :], len(CONTEXT)):
            numbered = self.numbered(name)
            later = [each for each in numbered if (each[0].pen, each[0].id) >= last]
            if not numbered:
                self.says_nothing(name)
                continue
            element, number = (later or numbered)[0]
            last = (element.pen, element.id)
            found.append((index, name, element, number))
        return found

    def records(self) -> Iterator[Record]:
        columns = self.columns()
        is_options = self.batch.name.startswith(OPTIONS)
        scopes = 0
        if is_options:
            columns, scopes = self.in_order_of_options(columns)
        wires = self.batch.layout.wires
        types = self.batch.layout.types
        for row in self.batch:
            octets = [row.raw(name) for _, name, _, _ in columns]
            of_row = self.wire(wires, columns, octets)
            cells = []
            for place, ((index, name, element, number), value) in enumerate(zip(columns, octets, strict=True)):
                if value is None:
                    continue
                if of_row is None:
                    cell = self.of_element(number, element, types[index], value)
                else:
                    cell = self.field(number, value, of_row[index] == VARIABLE)
                if cell is None:
                    self.lost[name] += 1
                    continue
                cells.append((cell[0]._replace(is_scope=place < scopes), cell[1]))
            yield Record(
                tuple([field for field, _ in cells]), b"".join([value for _, value in cells]), is_options,
                row["domain"], row["export_time"], row["template_id"] or 0, None, row["export_time"],
            )  # fmt: skip

    def wire(self, wires: Any, columns: Any, octets: list[bytes | None]) -> tuple[int, ...] | None:
        """The lengths of the template that a row is of, as far as its octets tell; None where no template is known."""
        if len(wires) < 2:
            return wires[0] if wires else None
        lengths = [
            (index, None if value is None else len(value)) for (index, *_), value in zip(columns, octets, strict=True)
        ]
        fitting = (each for each in wires if all(each[index] in (VARIABLE, length) for index, length in lengths))
        return next(fitting, wires[0])  # type: ignore[no-any-return]

    def in_order_of_options(self, columns: list[Any]) -> tuple[list[Any], int]:
        """The columns in the order that the batch's name has, scopes first, and how many these are."""
        waiting = list(columns)
        ordered = []
        for name in self.batch.name.removeprefix(OPTIONS).split():
            found = next((each for each in waiting if each[2].name == name), None)
            if found is not None:
                waiting.remove(found)
                ordered.append(found)
        ordered += waiting
        return ordered, self.dialect.n_scopes([element for _, _, element, _ in ordered])


class _Flow(_Rows):
    def number(self, key: str) -> Numbered:
        if key not in self._numbers:
            element = self.registry.element(key)
            number = self.dialect.number(element)
            if number is None:
                raise KeyError(key)
            self._numbers[key] = element, number
        return self._numbers[key]

    def sources(self) -> dict[str, Any]:
        """Column -> the names of its elements, or the element that the schema added and its number."""
        found: dict[str, Any] = {}
        for name in self.batch.names:
            column = flow_columns().get(name)
            if name in NOT_OF_THE_FLOW:
                continue
            if column is not None and not column.on_request:
                found[name] = column.sources
            elif column is None and (numbered := self.numbered(name)):
                found[name] = numbered[0]
            else:
                self.says_nothing(name)
        return found

    def records(self) -> Iterator[Record]:
        sources = self.sources()
        types = dict(zip(self.batch.names, self.batch.layout.types, strict=True))
        whole_ms = self.times_are_whole_ms()
        there = self.batch.layout.index
        for row in self.batch:
            cells = []
            for name, source in sources.items():
                octets = row.raw(name)
                if octets is None:
                    continue
                if isinstance(source[0], Element):
                    cell = self.of_element(source[1], source[0], types[name], octets)
                else:
                    cell = self.cell(name, source, octets, row, whole_ms)
                if cell is None:
                    self.lost[name] += 1
                else:
                    cells.append(cell)
            if "record_kind" in there and row["record_kind"] not in (None, 0, 1):
                self.lost["record_kind"] += 1
            ends = [row[name] for name in TIMES if name in there and row[name] is not None]
            yield Record(
                tuple([field for field, _ in cells]), b"".join([value for _, value in cells]), False,
                row["observation_domain_id"] if "observation_domain_id" in there else None,
                row["export_time_ns"] if "export_time_ns" in there else None, 0,
                row["sampling_rate"] if "sampling_rate" in there else None, max(ends, default=None),
            )  # fmt: skip

    def times_are_whole_ms(self) -> bool:
        names = [name for name in TIMES if name in self.batch.names]
        return all(time is None or time % 10**6 == 0 for name in names for time in self.batch[name].to_list())

    def cell(self, name: str, sources: tuple[str, ...], octets: bytes, row: Any, whole_ms: bool) -> Cell:
        """The field of a value of a column of flow.tsv."""
        if name in TIMES:
            time = int.from_bytes(octets, signed=True)
            for key in TIMES[name] if whole_ms else TIMES[name][::-1]:
                element, number = self.number(key)
                if (of_time := time_octets(element.type, time)) is not None:
                    return Field(*number, 8), of_time
            return None
        if name in FAMILIES:
            of = FAMILIES[name]
            address = octets if of == name else (row.raw(of) if of in self.batch.layout.index else None)
            is_ipv4 = address is None or address[:12] == MAPPED
            if of == name and is_ipv4:
                octets = octets[12:]
            return Field(*self.number(sources[0 if is_ipv4 else 1])[1], len(octets)), octets
        proto = row["proto"] if "proto" in self.batch.layout.index else None
        if name in ICMP_PAIR:
            if proto not in (None, ICMP, ICMP6):
                return None
            return Field(*self.number(sources[proto == ICMP6])[1], 1), octets
        if name in ("src_port", "dst_port") and proto in (ICMP, ICMP6):
            return None
        if name in LABELS:
            label = int.from_bytes(octets)
            return (Field(*self.number(sources[0])[1], 3), (label << 4).to_bytes(3)) if label <= MOST_LABEL else None
        if name == "flow_direction" and octets == b"\xff":
            return None  # it reads as null
        return Field(*self.number(sources[0])[1], len(octets)), octets
