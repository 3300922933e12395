"""Plans: a template and a schema become steps, and nothing that nobody asked for is decoded."""

from __future__ import annotations

import pytest

from flowparse import FLOW, Registry, element
from flowparse.plan import Compiled, empty, flow, native
from flowparse.schema import Schema
from flowparse.template import FieldSpecifier, fixed_fields

ELEMENTS = Registry.default()
RECORDS = {1: 48, 5: 48, 7: 52}


def compiled(schema: Schema, version: int = 5) -> Compiled:
    return flow(fixed_fields(version), schema.columns(ELEMENTS), lookups=False)


def decoded(plan: Compiled) -> set[tuple[int, int]]:
    """(offset, octets) of every field that the plan reads."""
    return {(offset, octets) for _, _, offset, octets, _ in plan.steps}


@pytest.mark.parametrize("version", RECORDS)
def test_a_fixed_record_is_as_long_as_its_fields(version: int) -> None:
    assert sum(field.length for field in fixed_fields(version)) == RECORDS[version]
    for plan in (native(fixed_fields(version)), compiled(FLOW, version)):
        assert sum(plan.segments) == RECORDS[version]


@pytest.mark.parametrize(
    ("columns", "fields"),
    [
        (("bytes",), {(20, 4)}),
        (("type", "time_source", "record_kind", "etype", "sequence_num"), set()),
        (("src_mac", "vlan_id", "flow_direction"), set()),
        (("src_addr", "dst_addr"), {(0, 4), (4, 4)}),
        (("time_flow_end_ns",), {(24, 4), (28, 4)}),  # both, as one sets the other right
        (("icmp_type",), {(32, 2), (34, 2), (38, 1)}),
        (("src_port",), {(32, 2), (34, 2), (38, 1)}),
        (("tcp_flags", "proto", "ip_tos"), {(37, 1), (38, 1), (39, 1)}),
    ],
)
def test_only_what_is_asked_for_is_decoded(columns: tuple[str, ...], fields: set[tuple[int, int]]) -> None:
    plan = compiled(FLOW.select(*columns))
    assert decoded(plan) == fields
    assert tuple(name for name, *_ in plan.columns if name is not None) == columns


def test_a_rule_runs_once_however_many_columns_want_it() -> None:
    kinds = [kind for kind, _ in compiled(FLOW).finish]
    assert sorted(kinds) == ["icmp_split", "no_time", "no_time", "time_order", "zero_is_null"]


def test_scratch_columns_stand_last_and_have_no_name() -> None:
    names = [name for name, *_ in compiled(FLOW.select("icmp_type")).columns]
    assert names[0] == "icmp_type"
    assert names[1:] == [None] * len(names[1:])
    assert len(names) > 1


def test_the_flow_view_of_nothing_is_null_throughout() -> None:
    plan = empty(FLOW.columns(ELEMENTS))
    assert {source for _, _, source, *_ in plan.columns} == {"null"}
    assert (plan.steps, plan.finish) == ((), ())


def test_native_has_every_field_behind_the_context_by_number_and_no_padding() -> None:
    plan = native(fixed_fields(5))
    names = [name for name, *_ in plan.columns]
    assert names[:6] == ["exporter", "exporter_port", "domain", "template_id", "export_time", "message_index"]
    elements = {field.element for field in fixed_fields(5) if field.element.name != "padding"}
    assert names[6:] == [element.name for element in sorted(elements, key=lambda element: element.id)]
    assert len(plan.steps) == len(names) - 6


def test_fields_that_repeat_get_a_number() -> None:
    plan = native([FieldSpecifier(element("octetDeltaCount"), 4)] * 3)
    assert [name for name, *_ in plan.columns[6:]] == ["octetDeltaCount", "octetDeltaCount_2", "octetDeltaCount_3"]
    assert decoded(plan) == {(0, 4), (4, 4), (8, 4)}


def test_the_first_of_the_sources_that_is_there_fills_a_column() -> None:
    fields = [FieldSpecifier(element("octetTotalCount"), 8), FieldSpecifier(element("octetDeltaCount"), 8)]
    columns = FLOW.select("bytes").columns(ELEMENTS)
    assert decoded(flow(fields, columns)) == {(8, 8)}
    assert decoded(flow(fields[:1], columns)) == {(0, 8)}
