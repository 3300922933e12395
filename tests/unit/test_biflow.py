"""Records of both directions as two rows: RFC 5103's reverse elements, and what firewalls count of both ends."""

from __future__ import annotations

from typing import Any

import pytest

from flowparse import FLOW, NATIVE, Decoder, Limits, Registry
from flowparse._columns import Account, Table
from flowparse._layout import Layout
from flowparse._plan import Plan
from flowparse.biflow import counters_of, is_biflow, other_end
from flowparse.datatypes import COLUMN_TYPES
from flowparse.registry import element
from flowparse.template import FieldSpecifier
from tests.build import (
    IPFIX_TEMPLATES,
    V9_TEMPLATES,
    addr,
    ipfix,
    netflow9,
    set_,
    template_record,
    uint,
    var,
)

A = "192.0.2.1"
REVERSE = 29305
COLUMNS = ("src_addr", "dst_addr", "src_port", "dst_port", "in_if", "out_if", "bytes", "packets", "tcp_flags")
FIELDS: list[Any] = [
    (8, 4), (12, 4), (7, 2), (11, 2), (10, 4), (14, 4), (4, 1), (1, 8), (2, 8), (6, 2),
    (1, 8, REVERSE), (2, 4, REVERSE), (6, 1, REVERSE), (239, 1),
]  # fmt: skip


def record(forth: tuple[int, int], back: tuple[int, int], *, proto: int = 6, direction: int = 1) -> bytes:
    ends = addr("10.0.0.1") + addr("10.0.0.2") + uint(40000, 2) + uint(443, 2) + uint(3, 4) + uint(4, 4)
    counts = uint(forth[0], 8) + uint(forth[1], 8) + uint(0x1B, 2) + uint(back[0], 8) + uint(back[1], 4)
    return ends + uint(proto, 1) + counts + uint(0x12, 1) + uint(direction, 1)


def decoded(*records: bytes, fields: list[Any] = FIELDS, schema: Any = FLOW, **options: Any) -> Decoder:
    decoder = Decoder(schema, split_biflow=True, **options)
    template = set_(IPFIX_TEMPLATES, template_record(256, fields))
    decoder.feed(ipfix(template, set_(256, *records)), A)
    return decoder


FORTH = ("10.0.0.1", "10.0.0.2", 40000, 443, 3, 4, 700, 7, 0x1B)
BACK = ("10.0.0.2", "10.0.0.1", 443, 40000, 4, 3, 9000, 9, 0x12)


@pytest.mark.rfc("5103", "5")
def test_a_biflow_is_two_rows_with_the_ends_exchanged() -> None:
    rows = decoded(record((700, 7), (9000, 9))).take()
    assert [tuple(row[name] for name in COLUMNS) for row in rows] == [FORTH, BACK]
    assert rows["record_kind"].to_list() == [0, 5]


def test_without_the_option_it_is_one_row() -> None:
    decoder = Decoder()
    decoder.feed(ipfix(set_(IPFIX_TEMPLATES, template_record(256, FIELDS)), set_(256, record((700, 7), (9000, 9)))), A)
    assert [tuple(row[name] for name in COLUMNS) for row in decoder.take()] == [FORTH]


def test_where_nothing_went_back_there_is_no_row_of_it() -> None:
    ways = [(1, 1), (0, 0), (0, 0), (0, 5), (6, 0), (0, 0)]
    rows = decoded(*(record((700 + n, 7), way) for n, way in enumerate(ways))).take().to_dicts()
    assert [row["bytes"] for row in rows if row["record_kind"] == 0] == [700, 701, 702, 703, 704, 705]
    assert [(row["bytes"], row["packets"]) for row in rows if row["record_kind"] == 5] == [(1, 1), (0, 5), (6, 0)]


@pytest.mark.rfc("5103", "6.3")
def test_the_direction_is_as_each_end_sees_it() -> None:
    records = [record((700, 7), (9, 9), direction=direction) for direction in (0, 1, 2, 3, 200)]
    rows = decoded(*records, schema=FLOW.select("record_kind").add("biflowDirection")).take().to_dicts()
    assert [row["biflowDirection"] for row in rows if row["record_kind"] == 0] == [0, 1, 2, 3, 200]
    assert [row["biflowDirection"] for row in rows if row["record_kind"] == 5] == [0, 2, 1, 3, 200]


def test_elements_that_are_asked_for_change_places_too() -> None:
    schema = FLOW.select("record_kind").add("octetDeltaCount", "reverseOctetDeltaCount", "sourceTransportPort")
    rows = decoded(record((700, 7), (9000, 9)), schema=schema).take().to_dicts()
    assert [tuple(row.values()) for row in rows] == [(0, 700, 9000, 40000), (5, 9000, 700, 443)]


def test_octets_of_initiator_and_responder() -> None:
    # As ASA firewalls send them (flow-quirks T25).
    fields = [(8, 4), (12, 4), (231, 4), (232, 4), (233, 1)]
    body = addr("10.0.0.1") + addr("10.0.0.2") + uint(10, 4) + uint(20, 4) + uint(2, 1)
    decoder = Decoder(split_biflow=True)
    decoder.feed(netflow9(set_(V9_TEMPLATES, template_record(256, fields)), set_(256, body)), A)
    rows = decoder.take().to_dicts()
    assert [(row["src_addr"], row["bytes"], row["record_kind"]) for row in rows] == [
        ("10.0.0.1", 10, 3),
        ("10.0.0.2", 20, 5),
    ]


def test_types_of_icmp_that_stand_in_ports_are_of_one_way() -> None:
    fields = [(7, 2), (11, 2), (4, 1), (1, 4), (1, 4, REVERSE)]
    body = uint(0, 2) + uint(8 << 8, 2) + uint(1, 1) + uint(10, 4) + uint(20, 4)
    rows = decoded(body, fields=fields).take().to_dicts()
    assert [(row["icmp_type"], row["src_port"], row["dst_port"]) for row in rows] == [(8, None, None), (None,) * 3]


def test_variable_fields() -> None:
    fields = [(460, 65535), (1, 4), (1, 4, REVERSE), (82, 65535)]
    bodies = [var(b"a" * n) + uint(n, 4) + uint(n % 2, 4) + var(b"b" * (300 - n)) for n in range(1, 6)]
    rows = decoded(*bodies, fields=fields, schema=FLOW.select("bytes", "record_kind").add("httpRequestHost")).take()
    assert sorted((row["record_kind"], row["bytes"], row["httpRequestHost"]) for row in rows) == [
        *((0, n, "a" * n) for n in range(1, 6)),
        *((5, 1, "a" * n) for n in (1, 3, 5)),
    ]


def test_counters_of_variable_length_are_never_silent() -> None:
    fields = [(8, 4), (1, 4), (1, 65535, REVERSE)]
    bodies = [addr("10.0.0.1") + uint(7, 4) + var(uint(n, 2)) for n in (0, 5)]
    rows = decoded(*bodies, fields=fields).take().to_dicts()
    assert [(row["record_kind"], row["bytes"]) for row in rows] == [(0, 7), (0, 7), (5, 0), (5, 5)]


def test_records_are_counted_once_and_rows_twice() -> None:
    decoder = Decoder(split_biflow=True)
    template = set_(IPFIX_TEMPLATES, template_record(256, FIELDS))
    first = ipfix(template, set_(256, *[record((700, 7), (1, 1))] * 5), sequence=0)
    assert decoder.feed(first, A) == 10
    assert decoder.rows_waiting == 10
    decoder.feed(ipfix(set_(256, record((700, 7), (1, 1))), sequence=5), A)
    assert [event.code for event in decoder.events()] == ["template_defined"]
    [stats] = decoder.stats()
    assert (stats.records, stats.missed) == (6, 0)
    assert len(decoder.take()) == 12
    assert decoder.rows_waiting == 0


def test_a_message_that_does_not_count_leaves_neither_row() -> None:
    decoder = Decoder(split_biflow=True)
    template = set_(IPFIX_TEMPLATES, template_record(256, FIELDS))
    cut = ipfix(template, set_(256, record((700, 7), (1, 1))), set_(256, b"", length=999))
    assert decoder.feed(cut, A) == decoder.rows_waiting == len(decoder.take()) == 0


def test_decode_and_replay_have_both_rows() -> None:
    decoder = Decoder(split_biflow=True)
    decoder.feed(ipfix(set_(256, record((700, 7), (1, 1)))), A)
    message = decoder.decode(ipfix(set_(IPFIX_TEMPLATES, template_record(256, FIELDS))), A)
    assert sorted(message.flows["record_kind"].to_list()) == [0, 5]
    assert decoder.rows_waiting == 0


def test_native_has_records_as_sent() -> None:
    [table] = decoded(record((700, 7), (9000, 9)), schema=NATIVE).take_tables()
    assert len(table) == 1
    assert table["reverseOctetDeltaCount"].to_list() == [9000]


def test_interfaces_have_both_ways() -> None:
    decoder = decoded(record((700, 7), (9000, 9)))
    assert [(row["if_index"], row["in_bytes"], row["out_bytes"]) for row in decoder.interfaces] == [
        (3, 700, 9000),
        (4, 9000, 700),
    ]


def test_columns_that_have_no_room_are_told_and_a_record_is_never_half() -> None:
    decoder = Decoder(split_biflow=True, limits=Limits(column_octets=4096))
    template = set_(IPFIX_TEMPLATES, template_record(256, FIELDS))
    assert decoder.feed(ipfix(template, set_(256, *[record((700, 7), (1, 1))] * 3)), A) == 3
    dropped = [event for event in decoder.events() if event.code == "output_dropped"]
    assert len(dropped) == 1


def fields_of(*names: str | tuple[int, int]) -> tuple[FieldSpecifier, ...]:
    return tuple(FieldSpecifier(element(name), 4) for name in names)


def test_what_is_a_biflow() -> None:
    assert is_biflow(fields_of("responderOctets"))
    assert is_biflow(fields_of("reversePacketTotalCount"))
    assert not is_biflow(fields_of("initiatorOctets", "octetDeltaCount"))
    assert not is_biflow(fields_of("reverseTcpControlBits"))


@pytest.mark.rfc("5103", "6.1")
def test_the_other_end_of_the_other_end_is_the_first() -> None:
    every = tuple(FieldSpecifier(each, 4) for each in Registry.default().elements() if each.pen in (0, 9, REVERSE))
    for each in every:
        there = other_end((each,), Registry.default())
        assert other_end(there, Registry.default())[0].element.id == each.element.id or each.element.reverse
    keys = fields_of((REVERSE, 8), (REVERSE, 7))
    assert other_end(keys, Registry.default()) == keys


def test_counters_have_their_places() -> None:
    fields = (
        FieldSpecifier(element(8), 4), FieldSpecifier(element(1), 8), FieldSpecifier(element(460), 65535),
        FieldSpecifier(element(4), 1), FieldSpecifier(element(2), 2), FieldSpecifier(element(231), 0),
    )  # fmt: skip
    assert counters_of(fields) == [(0, 4, 8), (1, 1, 2)]
    assert counters_of((*fields, FieldSpecifier(element(85), 65535))) == []


def made(segments: tuple[int, ...]) -> Plan:
    layout = Layout([("a", COLUMN_TYPES["u32"], "step", None, False, 4, None)])
    return Plan(Table(layout, Account(1 << 20, 0), "rows"), segments, [("unsigned", 0, 0, 4, 0)])


@pytest.mark.parametrize("counters", [[(1, 0, 4)], [(0, 6, 4)], [(0, -1, 4)], [(0, 0, 0)], [(-1, 0, 4)]])
def test_a_counter_outside_the_record_is_refused(counters: list[tuple[int, int, int]]) -> None:
    plan = made((8,))
    with pytest.raises(ValueError, match="no counter"):
        plan.set_reverse(made((8,)), counters)
    assert plan.reverse is None


def test_a_plan_for_other_records_is_refused() -> None:
    for segments in ((9,), (8, 0)):
        with pytest.raises(ValueError, match="other records"):
            made((8,)).set_reverse(made(segments))
    half = made((8,))
    half.set_reverse(made((8,)))
    with pytest.raises(ValueError, match="other records"):
        made((8,)).set_reverse(half)
