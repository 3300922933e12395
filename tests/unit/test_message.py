"""Message: its parts, built when they are read and kept."""

from __future__ import annotations

from typing import Any

import pytest

from flowparse import FLOW, NATIVE, Decoder
from tests.build import V5Record, V7Record, netflow1, netflow5, netflow7

A = ("192.0.2.1", 9995)
COMMON = {"count": 1, "sys_uptime_ms": 10, "export_time_s": 20, "export_time_ns": 30}
TIMES: dict[str, Any] = {"sys_uptime_ms": 10, "export_time_s": 20, "export_time_ns": 30}


def test_headers_have_the_keys_of_their_version() -> None:
    decoder = Decoder()
    assert dict(decoder.decode(netflow1([V5Record()], **TIMES), A).header) == {"version": 1} | COMMON
    assert dict(decoder.decode(netflow7([V7Record()], sequence=4, **TIMES), A).header) == (
        {"version": 7, "sequence": 4} | COMMON
    )
    engine = {"engine_type": 5, "engine_id": 6, "sampling_mode": 2, "sampling_interval": 99}
    message = decoder.decode(netflow5([V5Record()], sequence=4, **engine, **TIMES), A)
    assert dict(message.header) == {"version": 5, "sequence": 4} | COMMON | engine
    with pytest.raises(TypeError):
        message.header["count"] = 2  # type: ignore[index]


@pytest.mark.parametrize("octets", [b"", b"\0", b"\0\5", netflow5([])[:23], netflow1([])[:15], b"\0\x63" + bytes(99)])
def test_octets_that_are_no_message_have_no_header(octets: bytes) -> None:
    message = Decoder().decode(octets, A)
    assert (dict(message.header), message.domain, len(message.flows), message.tables) == ({}, None, 0, [])
    assert [event.code for event in message.events] == ["message_discarded"]
    assert message.version == ("netflow5" if octets[:2] == b"\0\5" else "netflow1" if octets[:2] == b"\0\1" else None)


def test_parts_are_the_same_each_time_they_are_read() -> None:
    message = Decoder(FLOW.select("bytes")).decode(netflow5([V5Record(octets=8)], count=2), A)
    assert message.flows is message.flows
    assert message.events is message.events
    assert message.header is message.header
    assert [table.to_dicts() for table in message.tables] == [[{"bytes": 8}]] == [message.flows.to_dicts()]
    assert message.replayed == 0


def test_a_message_outlives_its_decoder_and_what_is_decoded_after_it() -> None:
    decoder = Decoder(NATIVE)
    messages = [decoder.decode(netflow5([V5Record(octets=i)]), A) for i in range(50)]
    del decoder
    assert [message.tables[0]["octetDeltaCount"].to_list() for message in messages] == [[i] for i in range(50)]
