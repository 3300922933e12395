"""FLOW against a second, naive reading of the same records; and what it gives when less or more is asked for."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import pytest

from flowparse import FLOW, NATIVE, Batch, Decoder, Schema
from tests import naive
from tests.captures import corpus


def decoded(name: str, schema: Schema) -> Batch:
    decoder = Decoder(schema)
    decoder.feed_capture(corpus.path(name).read_bytes())
    return decoder.take()


@corpus.each("nf1", "nf5", "nf7")
def test_flow_is_the_records_read_by_the_rules_of_its_columns(name: str) -> None:
    native, flow = Decoder(NATIVE), Decoder(FLOW)
    compared = 0
    for octets, exporter, received_ns in corpus.datagrams(name):
        rows = flow.decode(octets, exporter, received_ns).flows.to_dicts()
        records = [row for table in native.decode(octets, exporter, received_ns).tables for row in table.to_dicts()]
        expected = [naive.flow(octets, record, exporter[0], received_ns) for record in records]
        assert rows == expected
        compared += len(rows)
    assert compared == len(decoded(name, FLOW)) > 0


@corpus.each("nf1", "nf5", "nf7")
def test_columns_that_are_added_are_the_message_and_its_fields(name: str) -> None:
    names = ("message_index", "exporter_port", "export_time_ns", "octetDeltaCount", "flowStartSysUpTime", "vlanId")
    native = Decoder(NATIVE)
    expected: list[dict[str, Any]] = []
    for index, datagram in enumerate(corpus.datagrams(name)):
        for table in native.decode(*datagram).tables:
            for row in table:
                assert row["message_index"] == index
                assert row["exporter_port"] == datagram.exporter[1]
                context = {"message_index": index, "exporter_port": row["exporter_port"]}
                context["export_time_ns"] = row["export_time"]
                expected.append(context | {field: row.get(field) for field in names[3:]})
    rows = decoded(name, FLOW.add(*names)).to_dicts()
    assert rows[0].keys() == {*FLOW.names, *names}
    found = sorted(({name: row[name] for name in names} for row in rows), key=lambda row: row["message_index"])
    assert found == expected


MIXED = "v-python-netflow__lib"
LARGE = "generated__softflowd-v5-scan"


@cache
def full(name: str) -> dict[str, list[Any]]:
    flows = decoded(name, FLOW)
    return {column: flows[column].to_list() for column in FLOW.names}


needs_captures = pytest.mark.skipif(not corpus.index(), reason="no shared/ beside the repository")


@needs_captures
@pytest.mark.parametrize("column", FLOW.names)
def test_a_column_alone_is_as_among_all(column: str) -> None:
    for name in (MIXED, LARGE):
        flows = decoded(name, FLOW.select(column))
        assert flows.names == (column,)
        assert flows[column].to_list() == full(name)[column]


@needs_captures
@pytest.mark.parametrize("seed", range(25))
def test_some_columns_in_any_order_are_as_among_all(seed: int) -> None:
    pick = random.Random(seed)
    columns = pick.sample(FLOW.names, pick.randrange(2, len(FLOW.names)))
    left_out = pick.sample(FLOW.names, pick.randrange(1, len(FLOW.names) - 1))
    for schema in (FLOW.select(*columns), FLOW.drop(*left_out), FLOW.select(*columns).add("octetDeltaCount")):
        flows = decoded(MIXED, schema)
        assert flows.names == schema.names
        for column in schema.names:
            expected = full(MIXED)["bytes" if column == "octetDeltaCount" else column]
            assert flows[column].to_list() == expected
