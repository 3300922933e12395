"""Each malformed export beside the repository comes out as EXPECTED.md says: records, templates and events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from flowparse import DecodeError
from tests.shared import SHARED, needs_shared
from tests.subjects import Subject, each_subject

EXPORTER = ("192.0.2.1", 9995)


class Outcome(NamedTuple):
    """Flow records, options records, templates in force, and codes of events in order."""

    flows: int
    options: int
    templates: int
    codes: str


SHORT_SET = {
    None: Outcome(0, 0, 0, "message_discarded"),
    "salvage": Outcome(0, 0, 1, "template_defined message_truncated"),
}
SHORT_FLOWSET = {
    None: Outcome(0, 0, 1, "template_defined message_truncated"),
    "discard": Outcome(0, 0, 0, "message_discarded"),
}
NO_TEMPLATE = {
    None: Outcome(0, 0, 0, "template_rejected data_pending"),
    "no replay": Outcome(0, 0, 0, "template_rejected data_dropped"),
}
REJECTED = {None: Outcome(0, 0, 0, "template_rejected")}
NEVER = {None: Outcome(0, 0, 0, "message_discarded"), "salvage": Outcome(0, 0, 0, "message_discarded")}
ONE = {None: Outcome(1, 0, 1, "template_defined")}
SKIPPED = {None: Outcome(1, 0, 1, "template_defined set_skipped")}
MANY = {None: Outcome(60000, 0, 1, "template_defined")}
FLOOD = {None: Outcome(0, 0, 4096, "template_defined " * 15 + "limit_reached template_evicted")}

EXPECTED: dict[str, dict[str | None, Outcome]] = {
    "v9_zero_field_template": NO_TEMPLATE,
    "ipfix_zero_field_template": NO_TEMPLATE | {"tcp": Outcome(0, 0, 0, "template_rejected data_pending")},
    "v9_all_zero_length_fields": NO_TEMPLATE,
    "ipfix_all_zero_length_fields": NO_TEMPLATE,
    **{f"v9_set_length_{n}": SHORT_FLOWSET for n in range(4)},
    **{f"ipfix_set_length_{n}": SHORT_SET for n in range(4)},
    "v9_set_length_0_id_0_tail": {None: Outcome(1, 0, 1, "template_defined trailing_octets")},
    "ipfix_only_varlen_zero_bytes_60k": MANY,
    "ipfix_1byte_records_60k": MANY,
    "v9_field_count_65535_truncated": REJECTED,
    "ipfix_field_count_65535_truncated": REJECTED,
    "ipfix_template_flood_7k": FLOOD,
    "v9_template_flood_7k": FLOOD,
    "v9_options_scope_len_too_long": REJECTED,
    "v9_options_scope_len_odd": REJECTED,
    "v9_options_zero_zero": NO_TEMPLATE,
    "ipfix_options_scope_gt_total": REJECTED,
    "ipfix_options_scope_zero": {None: Outcome(0, 1, 1, "template_defined value_out_of_range")},
    "ipfix_options_all_scope": {None: Outcome(0, 1, 1, "template_defined")},
    # Lists are octets: there is nothing to go into, and so nothing to limit.
    "ipfix_subtemplatelist_recursion": ONE,
    "ipfix_basiclist_zero_elem_len": ONE,
    "ipfix_basiclist_varlen_elems": ONE,
    "ipfix_subtemplatelist_zero_template": {None: Outcome(1, 0, 1, "template_defined template_rejected")},
    "ipfix_header_len_0": NEVER,
    "ipfix_header_len_15": NEVER,
    "ipfix_header_len_gt_datagram": {
        None: Outcome(0, 0, 0, "message_discarded"),
        "salvage": Outcome(0, 0, 1, "message_truncated template_defined"),
    },
    "ipfix_trailing_bytes": {None: Outcome(0, 0, 1, "trailing_octets template_defined")},
    "ipfix_varlen_past_set_end": {
        None: Outcome(0, 0, 1, "template_defined message_discarded"),
        "salvage": Outcome(0, 0, 1, "template_defined message_truncated"),
    },
    "ipfix_varlen_255_short": ONE,
    "ipfix_template_id_lt_256": {None: Outcome(0, 0, 0, "template_rejected set_skipped")},
    "ipfix_set_id_reserved_4_255": SKIPPED,
    "v9_set_id_reserved_2_255": SKIPPED,
    "v9_len_gt_datagram": {
        None: Outcome(1, 0, 1, "template_defined message_truncated"),
        "discard": Outcome(0, 0, 0, "message_discarded"),
    },
    "v5_count_65535": {
        None: Outcome(1, 0, 0, "message_truncated count_mismatch"),
        "discard": Outcome(0, 0, 0, "message_discarded"),
    },
    "v5_count_0_with_data": {None: Outcome(0, 0, 0, "trailing_octets")},
    "ipfix_withdraw_all": {
        None: Outcome(1, 0, 1, "template_defined template_rejected"),
        "tcp": Outcome(0, 0, 0, "template_defined template_withdrawn data_pending"),
    },
    "ipfix_withdraw_one": {
        None: Outcome(2, 0, 2, "template_defined template_defined template_rejected"),
        "tcp": Outcome(1, 0, 1, "template_defined template_defined template_withdrawn data_pending"),
    },
    "ipfix_withdraw_then_redefine_same_set": {
        None: Outcome(1, 0, 1, "template_defined template_rejected template_changed"),
        "tcp": Outcome(1, 0, 1, "template_defined template_withdrawn template_defined"),
    },
    "data_before_template_same_packet": {
        None: Outcome(1, 0, 1, "data_pending template_defined data_replayed"),
        "no replay": Outcome(0, 0, 1, "data_dropped template_defined"),
    },
    "v9_unpadded_odd_sets": {None: Outcome(2, 0, 1, "template_defined")},
    "v9_duplicate_field": ONE,
}
SETTINGS: dict[str | None, dict[str, Any]] = {
    None: {},
    "salvage": {"malformed": "salvage"},
    "discard": {"malformed": "discard"},
    "tcp": {"transport": "tcp"},
    "no replay": {"replay": False},
}
CASES = [(name, variant) for name, outcomes in EXPECTED.items() for variant in outcomes]

# What a strict decoder raises for the octets of each case that breaks a clause; the others it decodes.
STRICT = {
    name
    for name, outcomes in EXPECTED.items()
    if {"message_discarded", "message_truncated", "value_out_of_range"} & {*outcomes[None].codes.split()}
    or ("template_rejected" in outcomes[None].codes and "withdraw" not in name and name != "ipfix_zero_field_template")
}


def datagrams(name: str) -> Iterator[bytes]:
    """The datagrams of a case, each with its length before it."""
    assert SHARED is not None
    octets = (SHARED / "malformed" / f"{name}.bin").read_bytes()
    while octets:
        length = int.from_bytes(octets[:4])
        yield octets[4 : 4 + length]
        octets = octets[4 + length :]


@needs_shared
@each_subject
@pytest.mark.parametrize(("name", "variant"), CASES)
def test_it_comes_out_as_expected(name: str, variant: str | None, subject: type[Subject]) -> None:
    decoder = subject(**SETTINGS[variant])
    for octets in datagrams(name):
        decoder.feed(octets, EXPORTER, 1)
    rows = decoder.rows()
    found = Outcome(
        sum(not row.is_options for row in rows),
        sum(row.is_options for row in rows),
        len(decoder.templates()),
        " ".join(event.code for event in decoder.events()),
    )
    assert found == EXPECTED[name][variant]._replace(codes=EXPECTED[name][variant].codes.strip())


@needs_shared
@each_subject
@pytest.mark.parametrize("name", EXPECTED)
def test_a_strict_decoder_raises_what_the_event_would_have_carried(name: str, subject: type[Subject]) -> None:
    decoder = subject(strict=True)
    raised = []
    for octets in datagrams(name):
        before = decoder.templates()
        try:
            decoder.feed(octets, EXPORTER, 1)
        except DecodeError as error:
            raised.append((error.offset, error.clause, decoder.templates() == before))
    assert all(offset is not None and clause and is_unchanged for offset, clause, is_unchanged in raised)
    assert bool(raised) == (name in STRICT)


@needs_shared
@each_subject
def test_values_that_are_named(subject: type[Subject]) -> None:
    def records(name: str, **settings: Any) -> list[dict[str, Any]]:
        decoder = subject(**settings)
        for octets in datagrams(name):
            decoder.feed(octets, EXPORTER)
        return [row.values for row in decoder.rows()]

    [row] = records("ipfix_withdraw_then_redefine_same_set", transport="tcp")
    assert row["destinationIPv4Address"] == "1.2.3.4"
    [row] = records("ipfix_varlen_255_short")
    assert (row["interfaceName"], row["protocolIdentifier"]) == ("abc", 6)
    [row] = records("v9_duplicate_field")
    assert (row["sourceIPv4Address"], row["sourceIPv4Address_2"]) == ("0.1.2.3", "4.5.6.7")
    assert (row["protocolIdentifier"], row["protocolIdentifier_2"]) == (8, 9)


@needs_shared
def test_every_case_is_here() -> None:
    assert SHARED is not None
    assert {path.stem for path in (SHARED / "malformed").glob("*.bin")} == EXPECTED.keys()
