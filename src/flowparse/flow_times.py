"""Rules of times: absolute, before the export, since the start of the system, or the other end and a duration."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from .datatypes import COLUMN_TYPES
from .flow_making import Rule, View
from .flow_sources import Number, fits, sources_of
from .schema import FlowColumn, flow_columns

__all__ = ["RULES"]

TIMES = ("time_flow_start_ns", "time_flow_end_ns")
UPTIMES = {(0, 21), (0, 22)}
DELTAS = {(0, 158), (0, 159)}
INIT_TIME = (0, 160)
DURATIONS = {(0, 161): "ms", (0, 162): "us"}
ABSOLUTE, DELTA, RECORD_INIT = 1, 2, 3  # enums/time_source.tsv
OF_CONTEXT = -1  # as the message's header or options know


def _is_general(number: Number) -> bool:
    """Whether an element tells of the record rather than of one end of the flow."""
    return number[1] in (258, 322, 323, 324, 325)


def _time(view: View, column: FlowColumn) -> None:
    """The first source whose clock is known; else the other end and the duration; else the time of the record."""
    numbers = sources_of(column)
    if _own_time(view, column, [number for number in numbers if number in view.places and not _is_general(number)]):
        view.own_times.add(column.name)
        return
    if not _by_duration(view, column):
        _own_time(view, column, [number for number in numbers if number in view.places and _is_general(number)])


def _own_time(view: View, column: FlowColumn, numbers: Sequence[Number]) -> bool:
    index = view.index[column.name]
    u64 = COLUMN_TYPES["u64"]
    for number in numbers:
        place = view.places[number]
        if number in UPTIMES | DELTAS and fits(place.field, u64) and not place.is_variable:
            if number in DELTAS:
                view.fill(index, "step")
                view.step("before_export", place, index)
                view.time_codes[column.name] = DELTA
            elif (init := view.shared(INIT_TIME, "time")) is not None:
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


def _by_duration(view: View, column: FlowColumn) -> bool:
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


def _time_source(view: View, column: FlowColumn) -> None:
    """How well the times are known: the worse of both, and the same for all records of a message."""
    index = view.index[column.name]
    codes: list[int] = []
    if not view.places.keys().isdisjoint(_time_elements()):
        times = View(view.fields, view.wanted.nothing, lookups=False)  # who wants the source alone decodes no time
        for name in TIMES:
            times.want(name)
        codes = list(times.time_codes.values())
    if OF_CONTEXT in codes:
        view.fill(index, "context", "time_source")
    else:
        view.fill(index, "constant", max(codes, default=0))


RULES = {
    "time": Rule(_time, TIMES),
    "time_source": Rule(_time_source, TIMES),
}
