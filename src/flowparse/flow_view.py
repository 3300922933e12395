"""The flow view of a template: the columns of `flow.tsv`, each filled by its rule in `RULES`.

A rule takes fields into columns (decode steps), and says what is settled when several columns of many
rows are there (finish steps). What nobody asked for is not decoded, unless a column that is wanted
depends on it: then it is scratch. A column that nothing fills is null throughout and costs nothing.

What a record does not say its packet section may (`_finish_sections`). Rules of one subject have rooms of their own:
flow_addresses, flow_ports, flow_times, flow_sampling; those that need one field each are here.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import flow_addresses, flow_ports, flow_sampling, flow_times
from .compiled import NOTHING_COUNTED, Compiled
from .datatypes import COLUMN_TYPES
from .flow_making import Rule, View, Wanted, empty
from .flow_sources import sources_of
from .schema import FlowColumn
from .template import FieldSpecifier

__all__ = ["Wanted", "empty", "flow", "wanted_of"]


def wanted_of(columns: Sequence[FlowColumn]) -> Wanted:
    """What a schema wants, for `flow` to be called with again and again."""
    return Wanted(columns, RULES)


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
    wanted = columns if isinstance(columns, Wanted) else wanted_of(columns)
    view = View(fields, wanted, lookups=lookups)
    view.is_reverse = reverse
    if view.has_sections or reverse:
        for name in wanted.index:
            view.want(name)
    else:
        wanted.fill(view)
    places = view.counted() if counted else NOTHING_COUNTED
    return view.compiled()._replace(counted=places)


# ── rules of one field ───────────────────────────────────────────────────────────────────────────────────────────────


def _first(view: View, column: FlowColumn) -> None:
    """A field of the message, or the first source that is there."""
    view.first(column)


def _low_octet(view: View, column: FlowColumn) -> None:
    """The last octet of a number, however long it was sent."""
    place = view.there(sources_of(column), column.type)
    if place and not place.is_variable:
        index = view.index[column.name]
        view.fill(index, "step")
        view.steps.append(("unsigned", place.segment, place.offset + place.field.length - 1, 1, index))


def _direction(view: View, column: FlowColumn) -> None:
    """255 where the exporter does not know."""
    view.first(column)
    if view.specs[view.index[column.name]][2] != "null":
        view.finish_with("all_ones_is_null", view.index[column.name])


def _application(view: View, column: FlowColumn) -> None:
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


def _label(view: View, column: FlowColumn) -> None:
    """The label of a label stack entry, with or without its TTL."""
    place = view.places.get(sources_of(column)[0])
    if place and place.field.length in (3, 4):
        view.fill(view.index[column.name], "step")
        view.step("label", place, view.index[column.name])


def _joined(view: View, column: FlowColumn) -> None:
    """What options call the number in a field, as known when the record is decoded."""
    is_octets = column.rule == "application_name"
    type = COLUMN_TYPES["binary" if is_octets else "u64"]
    place = view.there(sources_of(column), type)
    if place and place.field.length:
        index = view.index[column.name]
        view.fill(index, "step")
        view.step(column.rule, place, index)
        view.finish_with("empty_is_null", index)


RULES: dict[str, Rule] = {
    "-": Rule(_first, single=True),
    "low_octet": Rule(_low_octet),
    "direction": Rule(_direction),
    "application": Rule(_application),
    "label": Rule(_label),
    "interface_name": Rule(_joined),
    "application_name": Rule(_joined),
    "vrf_name": Rule(_joined),
    "sampler_name": Rule(_joined),
    **flow_addresses.RULES,
    **flow_ports.RULES,
    **flow_times.RULES,
    **flow_sampling.RULES,
}
