"""Rules of counters, of what kind a record is, and of the sampling rate."""

from __future__ import annotations

from .datatypes import COLUMN_TYPES
from .flow_making import Rule, View
from .flow_sources import Number
from .schema import FlowColumn

__all__ = ["RULES"]

PACKET_LENGTHS = ((0, 312), (0, 224), (0, 190))
NAT_EVENT = (0, 230)
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
FLOW_RECORD, SAMPLE, NAT, FIREWALL, REVERSE = 0, 1, 2, 3, 5  # enums/record_kind.tsv


def _counter(view: View, column: FlowColumn) -> None:
    """As sent; a sampled packet is one, with the length that its record tells."""
    view.first(column)
    index = view.index[column.name]
    if view.specs[index][2] != "null" or not view.is_sample():
        return
    if column.name == "packets":
        view.fill(index, "constant", 1)
    elif place := view.there(PACKET_LENGTHS, column.type):
        view.take(place, index)


def _kind(view: View, column: FlowColumn) -> None:
    """What a record tells of, by what its template has."""
    kind = FLOW_RECORD
    if view.is_reverse:
        kind = REVERSE
    elif NAT_EVENT in view.places and not view.has_counters():
        kind = NAT
    elif any(number in view.places for number in FIREWALL_EVENTS):
        kind = FIREWALL
    elif view.is_sample():
        kind = SAMPLE
    view.fill(view.index[column.name], "constant", kind)


def _sampling(view: View, column: FlowColumn) -> None:
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


def _lookup(view: View, number: Number, kernel: str) -> int | None:
    place = view.there((number,), COLUMN_TYPES["u64"])
    if place is None or place.is_variable:
        return None
    index = view.scratch("u32")
    view.step(kernel, place, index)
    return index


def _record_rate(view: View) -> int | None:
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


RULES = {
    "counter": Rule(_counter, single=True),
    "kind": Rule(_kind, elements=(NAT_EVENT, *FIREWALL_EVENTS)),
    "sampling": Rule(_sampling, elements=tuple(RATE_ELEMENTS)),
}
