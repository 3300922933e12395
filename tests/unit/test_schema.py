"""Schemas: narrower, wider, and what they are when a decoder is made."""

from __future__ import annotations

import pickle

import pytest

from flowparse import FLOW, NATIVE, Decoder, Element, Registry, Schema
from flowparse.schema import flow_columns

ON_REQUEST = {name for name, column in flow_columns().items() if column.on_request}


def test_flow_has_every_column_that_does_not_come_on_request_only() -> None:
    assert set(FLOW.names) == flow_columns().keys() - ON_REQUEST
    assert {"message_index", "exporter_port", "export_time_ns"} <= ON_REQUEST


def test_select_keeps_columns_in_the_order_asked_for() -> None:
    assert FLOW.select("packets", "bytes", "packets").names == ("packets", "bytes")
    assert FLOW.select("bytes", "proto").select("proto").names == ("proto",)


def test_drop_leaves_columns_out_and_keeps_the_order() -> None:
    assert FLOW.drop("bytes", "type").names == tuple(n for n in FLOW.names if n not in ("bytes", "type"))
    assert FLOW.drop() == FLOW


def test_add_appends_what_is_not_there() -> None:
    schema = FLOW.select("bytes").add("message_index", "bytes", "octetDeltaCount", "9/12235")
    assert schema.names == ("bytes", "message_index", "octetDeltaCount", "9/12235")


@pytest.mark.parametrize("change", [FLOW.select, FLOW.drop])
def test_a_column_that_is_not_there_is_a_key_error_with_near_names(change: object) -> None:
    with pytest.raises(KeyError, match="src_addr"):
        change("src_adr")  # type: ignore[operator]
    with pytest.raises(KeyError, match="message_index"):
        change("message_index")  # type: ignore[operator]


def test_an_element_that_nobody_knows_is_a_key_error_when_the_decoder_is_made() -> None:
    schema = FLOW.add("octetDeltaCuont")
    with pytest.raises(KeyError, match="octetDeltaCount"):
        Decoder(schema)


def test_elements_are_looked_up_in_the_decoders_registry() -> None:
    mine = Element(64512, 7, "myOwnCounter", "unsigned32")
    registry = Registry.default().with_elements([mine])
    assert Decoder(FLOW.select("bytes").add("myOwnCounter"), registry=registry).take().names == (
        "bytes",
        "myOwnCounter",
    )
    assert Decoder(FLOW.select("bytes").add("64512/7"), registry=registry).take().names == ("bytes", "myOwnCounter")
    assert Decoder(FLOW.select("bytes").add(mine)).take().names == ("bytes", "myOwnCounter")
    with pytest.raises(KeyError):
        Decoder(FLOW.add("myOwnCounter"))


def test_one_element_by_two_names_is_refused() -> None:
    with pytest.raises(ValueError, match="repeat"):
        Decoder(FLOW.select("bytes").add("octetDeltaCount", "0/1"))


def test_schemas_are_values() -> None:
    same = (FLOW.select("bytes").add("message_index"), FLOW.select("bytes").add("message_index"))
    assert same[0] == same[1]
    assert len(set(same)) == 1
    assert FLOW.select(*FLOW.names) == FLOW
    assert FLOW.drop("bytes") != FLOW
    assert pickle.loads(pickle.dumps(same[0])) == same[0]
    assert pickle.loads(pickle.dumps(NATIVE)) is NATIVE
    assert isinstance(FLOW, Schema)
    assert repr(NATIVE) == "NATIVE"
