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


SAMPLING = ("sampling_rate", "sampling_source")


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of several tables, in an order that is the same for all."""
    return sorted(rows, key=lambda row: sorted((name, repr(value)) for name, value in row.items()))


@corpus.each("nf1", "nf5", "nf7", "nf9", "ipfix")
def test_flow_is_the_records_read_by_the_rules_of_its_columns(name: str) -> None:
    native, flow = Decoder(NATIVE, replay=False), Decoder(FLOW, replay=False)
    compared = 0
    started: dict[tuple[str, int], int] = {}  # what options told of (exporter, domain) before
    for octets, exporter, received_ns in corpus.datagrams(name):
        rows = flow.decode(octets, exporter, received_ns).flows.to_dicts()
        message = native.decode(octets, exporter, received_ns)
        records = [row for table in message.tables for row in table.to_dicts()]
        expected = [
            naive.flow(octets, record, exporter[0], received_ns, init_ns=started.get((exporter[0], record["domain"])))
            for record in records
        ]
        for row in (row for table in message.options for row in table.to_dicts()):
            if init := row.get("systemInitTimeMilliseconds"):
                started[exporter[0], row["domain"]] = init
        if int.from_bytes(octets[:2]) in (9, 10):
            # What options say of sampling has tests of its own; a record's own rate stands over it.
            assert sum(row["sampling_source"] == 2 for row in rows) == sum(
                row["sampling_source"] == 2 for row in expected
            )
            for row in rows + expected:
                if row["sampling_source"] != 2:
                    row.update(dict.fromkeys(SAMPLING))
        assert in_order(rows) == in_order(expected)
        compared += len(rows)
    assert compared == len(decoded(name, FLOW))


@corpus.each("nf9", "ipfix")
def test_records_of_both_directions_are_two_rows_of_the_records_read_by_the_rules(name: str) -> None:
    native, flow = Decoder(NATIVE, replay=False), Decoder(FLOW.drop(*SAMPLING), replay=False, split_biflow=True)
    started: dict[tuple[str, int], int] = {}
    for octets, exporter, received_ns in corpus.datagrams(name):
        rows = flow.decode(octets, exporter, received_ns).flows.to_dicts()
        message = native.decode(octets, exporter, received_ns)
        expected = []
        for record in (row for table in message.tables for row in table.to_dicts()):
            init_ns = started.get((exporter[0], record["domain"]))
            expected.append(naive.flow(octets, record, exporter[0], received_ns, init_ns=init_ns))
            if (back := naive.way_back(record)) is not None:
                expected.append(naive.flow(octets, back, exporter[0], received_ns, init_ns=init_ns, is_back=True))
        for row in (row for table in message.options for row in table.to_dicts()):
            if init := row.get("systemInitTimeMilliseconds"):
                started[exporter[0], row["domain"]] = init
        for row in expected:
            for column in SAMPLING:
                del row[column]
        assert in_order(rows) == in_order(expected)


@corpus.each("nf1", "nf5", "nf7", "nf9", "ipfix")
def test_columns_that_are_added_are_the_message_and_its_fields(name: str) -> None:
    names = ("message_index", "exporter_port", "export_time_ns", "octetDeltaCount", "flowStartSysUpTime", "vlanId")
    native = Decoder(NATIVE)
    expected: list[dict[str, Any]] = []
    for index, datagram in enumerate(corpus.datagrams(name)):
        for table in native.decode(*datagram).tables:
            for row in table:
                context = {"message_index": row["message_index"], "exporter_port": row["exporter_port"]}
                context["export_time_ns"] = row["export_time"]
                fields = {field: row.get(field) for field in names[3:]}
                # What a column cannot hold is null in it.
                fields = {field: value if isinstance(value, int) else None for field, value in fields.items()}
                if fields["flowStartSysUpTime"] is not None and fields["flowStartSysUpTime"] >> 32:
                    fields["flowStartSysUpTime"] = None
                expected.append(context | fields)
                assert row["message_index"] <= index
    rows = decoded(name, FLOW.add(*names)).to_dicts()
    assert in_order([{name: row[name] for name in names} for row in rows]) == in_order(expected)


MIXED = "v-python-netflow__lib"
LARGE = "generated__softflowd-v5-scan"


@cache
def full(name: str) -> dict[str, list[Any]]:
    flows = decoded(name, FLOW.add("message_index"))
    return {column: sorted_by_message(flows, column) for column in FLOW.names}


def sorted_by_message(flows: Batch, column: str) -> list[Any]:
    """A column's values, message by message; those of a message may be in several tables, so in any order."""
    return sorted(zip(flows["message_index"], map(repr, flows[column]), strict=True))


needs_captures = pytest.mark.skipif(not corpus.index(), reason="no shared/ beside the repository")


@needs_captures
@pytest.mark.parametrize("column", FLOW.names)
def test_a_column_alone_is_as_among_all(column: str) -> None:
    for name in (MIXED, LARGE):
        flows = decoded(name, FLOW.select(column).add("message_index"))
        assert flows.names == (column, "message_index")
        assert sorted_by_message(flows, column) == full(name)[column]


@needs_captures
@pytest.mark.parametrize("seed", range(25))
def test_some_columns_in_any_order_are_as_among_all(seed: int) -> None:
    pick = random.Random(seed)
    columns = pick.sample(FLOW.names, pick.randrange(2, len(FLOW.names)))
    left_out = pick.sample(FLOW.names, pick.randrange(1, len(FLOW.names) - 1))
    for schema in (FLOW.select(*columns), FLOW.drop(*left_out), FLOW.select(*columns).add("octetDeltaCount")):
        flows = decoded(MIXED, schema.add("message_index"))
        assert flows.names == (*schema.names, "message_index")
        for column in schema.names:
            expected = full(MIXED)["bytes" if column == "octetDeltaCount" else column]
            assert sorted_by_message(flows, column) == expected
