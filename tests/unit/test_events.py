"""Events: what they carry, and the one wording for the event and the exception."""

from __future__ import annotations

import dataclasses
import pickle
import re
from pathlib import Path
from types import MappingProxyType

import pytest

import flowparse
from flowparse import DecodeError, Event
from flowparse.events import NOTES, address_text, event_of, refusal_of

MAPPED = bytes(10) + b"\xff\xff\xc0\x00\x02\x01"
NOTE = (3, MAPPED, 775, 2, (30, 29, 0), 2)


def test_an_event_says_who_where_and_what() -> None:
    event = event_of(NOTE)
    assert event.to_dict() == {
        "code": "message_truncated",
        "severity": "error",
        "message": "NetFlow v5 count 30, but the octets hold 29 records; those are kept",
        "exporter": "192.0.2.1",
        "domain": 775,
        "offset": 2,
        "set_id": None,
        "template_id": None,
        "clause": "Cisco NetFlow export datagram formats",
        "detail": {"count": 30, "available": 29},
    }


def test_an_event_is_frozen_hashable_and_pickles() -> None:
    event = event_of(NOTE)
    assert event in {event_of(NOTE)}
    assert event != event_of((3, None, 775, 2, (30, 29, 0), 2))
    assert pickle.loads(pickle.dumps(event)) == event
    assert isinstance(pickle.loads(pickle.dumps(event)).detail, MappingProxyType)
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.code = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        event.detail["count"] = 1  # type: ignore[index]


@pytest.mark.parametrize("kind", range(len(NOTES)))
def test_every_note_reads_as_event_and_as_exception(kind: int) -> None:
    note = (kind, None, None, 4, (11, 22, 33), 2)
    event, error = event_of(note), refusal_of(note)
    assert isinstance(event, Event)
    assert isinstance(error, DecodeError)
    assert str(error).startswith(f"{event.message} at offset 4")
    assert (error.offset, error.clause) == (4, event.clause)
    numbers = [value for name, value in event.detail.items() if name != "unit"]
    assert numbers == [11, 22, 33][: len(numbers)]
    assert "{" not in event.message


def test_there_is_a_wording_for_every_note_of_the_walk() -> None:
    source = Path(flowparse.__file__).with_name("_notes.pxd")
    if not source.is_file():
        pytest.skip("installed without sources")
    kinds = dict(re.findall(r"^\s+(NOTE_\w+) = (\d+)", source.read_text(), re.MULTILINE))
    count = kinds.pop("NOTE_KINDS", None)
    assert [int(number) for number in kinds.values()] == list(range(len(NOTES)))
    assert count is None or int(count) == len(NOTES)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (None, None),
        (MAPPED, "192.0.2.1"),
        (bytes(15) + b"\1", "::1"),
        (bytes(16), "::"),
        (b"\xfe\x80" + bytes(14), "fe80::"),
    ],
)
def test_addresses_read_as_people_write_them(octets: bytes | None, text: str | None) -> None:
    assert address_text(octets) == text
