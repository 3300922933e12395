"""IPFIX files (RFC 5655): decoded as their messages are, each a session of its own."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Any

import pytest

from flowparse import NATIVE, Decoder, UnsupportedVersion
from tests.build import IPFIX_TEMPLATES, ethernet, ipfix, pcap, set_, udp
from tests.state.talk import FIRST, FLOWS, WHOLE, fed, flow, session


def of_file(octets: Any, *, rows: int = 10**6, **settings: Any) -> tuple[Decoder, list[Any]]:
    decoder = Decoder(NATIVE, **settings)
    return decoder, [row.as_dict() for batch in decoder.batches(octets, rows=rows) for row in batch]


@pytest.mark.rfc("5655", "5")
@pytest.mark.parametrize("rows", [1, 2, 7, 10**6])
def test_a_file_gives_what_its_messages_give_in_batches(rows: int) -> None:
    decoder, found = of_file(WHOLE, rows=rows)
    single = fed([(octets, "", None) for octets in session()], schema=NATIVE, transport="file")
    wanted = [row.as_dict() for table in single.take_tables() for row in table]
    assert sorted(found, key=repr) == sorted(wanted, key=repr)
    told = [event.code for event in decoder.events()]
    assert told == [*(event.code for event in single.events()), "data_dropped"]


def test_a_file_is_recognized_in_any_buffer_and_a_capture_is_none() -> None:
    with mmap.mmap(-1, len(WHOLE)) as mapped:
        mapped.write(WHOLE)
        for octets in (WHOLE, bytearray(WHOLE), memoryview(WHOLE), mapped):
            assert len(of_file(octets)[1]) == len(of_file(WHOLE)[1]) > 30
    of_capture = [(1, ethernet(udp(octets))) for octets in session()]
    assert len(of_file(pcap(of_capture))[1]) == len(of_file(WHOLE)[1])


@pytest.mark.parametrize("wrong", [memoryview(bytes(8)).cast("I"), memoryview(bytes(8))[::2]])
def test_a_buffer_of_other_items_is_no_archive(wrong: Any) -> None:
    with pytest.raises(TypeError):
        Decoder().batches(wrong)


@pytest.mark.rfc("5655", "5")
def test_each_file_is_a_session_of_its_own() -> None:
    decoder, first = of_file(WHOLE)
    told = [event.code for event in decoder.events()]
    assert decoder.templates() == []
    second = [row.as_dict() for batch in decoder.batches(WHOLE) for row in batch]
    assert len(second) == len(first)
    assert [event.code for event in decoder.events()] == told  # no gap between the two


def test_what_options_of_a_file_told_is_not_taken_for_the_next_one() -> None:
    decoder = Decoder()
    assert {rate for batch in decoder.batches(WHOLE) for rate in batch["sampling_rate"].to_list()} == {None, 100}
    assert len(decoder.samplers) == 0
    data = ipfix(set_(IPFIX_TEMPLATES, FLOWS), set_(256, flow(1)), domain=7)
    assert [rate for batch in decoder.batches(data) for rate in batch["sampling_rate"].to_list()] == [None]


def test_a_file_that_is_given_up_ends_its_session_too() -> None:
    decoder = Decoder(NATIVE)
    batches: Iterator[Any] = decoder.batches(WHOLE, rows=1)
    next(batches)
    assert decoder.templates()
    batches.close()  # type: ignore[attr-defined]
    assert decoder.templates() == []


def test_a_file_that_ends_within_a_message_or_breaks_tells_so() -> None:
    decoder, found = of_file(WHOLE + FIRST[:-1])
    assert found == of_file(WHOLE)[1]
    cut_off = decoder.events()[-2]
    assert (cut_off.code, cut_off.offset, cut_off.detail["octets"]) == ("message_truncated", len(WHOLE), len(FIRST) - 1)
    decoder, found = of_file(WHOLE + b"\0\x05" + WHOLE)
    assert found == of_file(WHOLE)[1]
    broken, unread, _ = decoder.events()[-3:]
    assert (broken.code, broken.offset) == ("stream_broken", len(WHOLE))
    assert (unread.code, unread.detail["octets"]) == ("data_dropped", 2 + len(WHOLE))
    strict = Decoder(strict=True)
    with pytest.raises(UnsupportedVersion):
        list(strict.batches(FIRST + b"\0\x05"))
    assert strict.templates() == []


def test_a_file_cut_at_any_octet_gives_the_rows_of_its_whole_messages() -> None:
    ends = [0]
    for octets in session():
        ends.append(ends[-1] + len(octets))
    full = [len(of_file(WHOLE[:end])[1]) if end else 0 for end in ends]
    for place in range(2, len(WHOLE), 7):
        whole = max(i for i, end in enumerate(ends) if end <= place)
        assert len(of_file(WHOLE[:place])[1]) == full[whole], place


def test_octets_that_change_meanwhile_are_no_crash() -> None:
    octets = bytearray(WHOLE)
    decoder = Decoder(NATIVE)
    batches = decoder.batches(octets, rows=1)
    next(batches)
    octets[:] = octets[:20]
    with pytest.raises(ValueError, match="became fewer"):
        list(batches)
    assert decoder.templates() == []
