"""IPFIX streams (RFC 7011 section 10.4): any chunking gives what whole messages give."""

from __future__ import annotations

import gc
import sys
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowparse import NATIVE, DecodeError, Decoder, Malformed, StateError, UnsupportedVersion
from tests.build import (
    IPFIX_OPTIONS,
    IPFIX_TEMPLATES,
    V5Record,
    ipfix,
    netflow5,
    options_template_record,
    set_,
    template_record,
    uint,
    withdrawal,
)
from tests.captures import corpus
from tests.state.talk import FIRST, NOW_NS, WHOLE, A, B, fed, flow, outcome, session


def cut(octets: bytes, places: list[int]) -> list[bytes]:
    """Octets in pieces that end at these places."""
    ends = [0, *sorted(places), len(octets)]
    return [octets[start:end] for start, end in pairwise(ends)]


def streamed(chunks: list[Any], exporter: Any = A, **settings: Any) -> Decoder:
    decoder = Decoder(NATIVE, **settings)
    for chunk in chunks:
        decoder.feed_stream(chunk, exporter, NOW_NS)
    return decoder


def expected() -> dict[str, Any]:
    return outcome(fed([(octets, A, NOW_NS) for octets in session()], schema=NATIVE, transport="tcp"))


# ── chunks ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rfc("7011", "10.4.3")
def test_a_stream_cut_once_at_any_octet_gives_what_its_messages_give() -> None:
    whole = expected()
    assert whole["rows"]
    assert {event["code"] for event in whole["events"]} >= {"template_withdrawn", "sequence_gap", "data_pending"}
    for place in range(len(WHOLE) + 1):
        assert outcome(streamed(cut(WHOLE, [place]))) == whole, place


def test_a_stream_in_single_octets_gives_what_its_messages_give() -> None:
    decoder = Decoder(NATIVE)
    rows = sum(decoder.feed_stream(WHOLE[i : i + 1], A, NOW_NS) for i in range(len(WHOLE)))
    assert outcome(decoder) == expected()
    assert rows == len([row for row in expected()["rows"] if not row.is_options])


@given(st.lists(st.integers(0, len(WHOLE)), max_size=12), st.sampled_from([bytes, bytearray, memoryview]))
def test_a_stream_in_any_pieces_gives_what_its_messages_give(places: list[int], kind: Any) -> None:
    assert outcome(streamed([kind(chunk) for chunk in cut(WHOLE, places)])) == expected()


@settings(max_examples=30)
@given(st.data())
def test_streams_of_two_exporters_do_not_mix(data: st.DataObject) -> None:
    pieces = {exporter: cut(WHOLE, data.draw(st.lists(st.integers(0, len(WHOLE)), max_size=5))) for exporter in (A, B)}
    decoder = Decoder(NATIVE)
    while any(pieces.values()):
        exporter = data.draw(st.sampled_from([exporter for exporter, rest in pieces.items() if rest]))
        decoder.feed_stream(pieces[exporter].pop(0), exporter, NOW_NS)
    told = [event.code for event in decoder.events()]
    assert sum(each.records for each in decoder.stats()) == 2 * sum(each.records for each in expected()["stats"])
    assert len(told) == 2 * len(expected()["events"])


def test_a_chunk_is_not_kept() -> None:
    decoder = Decoder(NATIVE)
    chunk = bytearray(WHOLE[:50])
    decoder.feed_stream(chunk, A, NOW_NS)
    chunk[:] = bytes(50)
    chunk.extend(b"it can grow again")
    decoder.feed_stream(WHOLE[50:], A, NOW_NS)
    assert outcome(decoder) == expected()


def test_no_more_than_one_message_is_held() -> None:
    large = ipfix(set_(999, bytes(65535 - 20)))
    assert len(large) == 65535
    decoder = Decoder(replay=False)
    for chunk in cut(large * 3, [1, 65534, 65536, 131070, 190000]):
        decoder.feed_stream(chunk, A)
    assert [each.datagrams for each in decoder.stats()] == [3]


def test_a_message_of_a_stream_that_is_malformed_is_discarded_and_the_next_one_read() -> None:
    lying = ipfix(set_(256, flow(1), length=400), domain=1)
    decoder = streamed([FIRST + lying + ipfix(set_(256, flow(2)), domain=1)])
    assert [event.code for event in decoder.events()] == ["template_defined", "message_discarded"]
    assert [row["octetDeltaCount"] for table in decoder.take_tables() for row in table] == [100]


def test_templates_of_a_stream_are_withdrawn_whatever_the_transport() -> None:
    decoder = streamed([FIRST + ipfix(set_(IPFIX_TEMPLATES, withdrawal(256)), domain=1)])
    assert decoder.templates() == []
    assert [event.code for event in decoder.events()] == ["template_defined", "template_withdrawn"]
    decoder.feed(FIRST, A)
    decoder.feed(ipfix(set_(IPFIX_TEMPLATES, withdrawal(256)), domain=1), A)
    assert [each.id for each in decoder.templates()] == [256]  # a datagram comes by UDP (section 8.4)


def test_who_is_not_allowed_sends_in_vain() -> None:
    decoder = Decoder(allow=lambda exporter: False)
    assert decoder.feed_stream(WHOLE, A) == 0
    assert (decoder.stats(), [event.code for event in decoder.events()]) == ([], ["data_dropped"])


@pytest.mark.parametrize("wrong", [None, 7, "text", memoryview(bytes(8)).cast("I"), memoryview(bytes(8))[::2]])
def test_what_are_no_octets_is_a_type_error_and_nothing_changes(wrong: Any) -> None:
    decoder = streamed([WHOLE[:100]])
    with pytest.raises(TypeError):
        decoder.feed_stream(wrong, A)
    with pytest.raises(ValueError, match="nobody"):
        decoder.feed_stream(WHOLE[100:], "nobody")
    decoder.feed_stream(WHOLE[100:], A, NOW_NS)
    assert outcome(decoder) == expected()


def test_two_streams_of_one_exporter_need_its_port() -> None:
    decoder = streamed([WHOLE[:100]])
    with pytest.raises(ValueError, match=r"close\(\) it first"):
        decoder.feed_stream(WHOLE, (A[0], A[1] + 1))
    decoder.close(A)
    assert decoder.feed_stream(WHOLE, (A[0], A[1] + 1)) > 0
    apart = Decoder(NATIVE, key="address+port")
    for place in (A, (A[0], A[1] + 1)):
        apart.feed_stream(WHOLE, place)
    assert len(apart.templates()) == 2 * len(expected()["templates"])


# ── broken ───────────────────────────────────────────────────────────────────────────────────────────────────────────

BROKEN = {
    "version 9": (b"\0\x09\0\x14", "version 9 where a message should begin"),
    "version 0": (b"\0\0", "version 0 where a message should begin"),
    "length 0": (b"\0\x0a\0\0", "a message of length 0"),
    "length 15": (b"\0\x0a\0\x0f", "a message of length 15"),
}


@pytest.mark.rfc("7011", "9.1")
@pytest.mark.parametrize(("wrong", "words"), BROKEN.values(), ids=[*BROKEN])
def test_where_no_message_begins_the_stream_is_over_until_it_is_closed(wrong: bytes, words: str) -> None:
    octets = WHOLE + wrong + WHOLE
    for place in (0, 1, len(WHOLE) - 1, *range(len(WHOLE), len(WHOLE) + 5), len(octets)):
        decoder = streamed(cut(octets, [place]))
        told = decoder.events()
        assert [event.code for event in told[:-1]] == [event["code"] for event in expected()["events"]], place
        broken = told[-1]
        assert (broken.code, broken.severity, broken.offset) == ("stream_broken", "error", len(WHOLE))
        assert broken.message.startswith(words)
        assert (broken.exporter, broken.clause) == (A[0], "RFC 7011 9.1")
        rows = decoder.rows_waiting
        assert decoder.feed_stream(WHOLE, A) == 0
        assert (decoder.rows_waiting, decoder.events()) == (rows, [])
        decoder.close(A)
        unread, waited = decoder.events()
        assert (unread.code, unread.offset) == ("data_dropped", len(WHOLE))
        assert unread.detail["octets"] == len(wrong) + 2 * len(WHOLE)
        assert "waited for their template" in waited.message
        assert decoder.feed_stream(WHOLE, A) == rows


@pytest.mark.parametrize("place", [0, 3, len(WHOLE), len(WHOLE) + 1, len(WHOLE) + 3])
def test_octets_behind_a_broken_frame_are_counted_whatever_the_chunks(place: int) -> None:
    decoder = streamed([*cut(WHOLE + b"\0\x0a\0\x0f" + bytes(5000), [place]), b"more", b""])
    decoder.events()
    decoder.close(A)
    unread = decoder.events()[0]
    assert unread.message == "5008 octets behind a broken message were not read"
    assert unread.offset == len(WHOLE)


def test_events_of_messages_before_a_broken_frame_are_told_before_it() -> None:
    chunk = FIRST + ipfix(set_(999, b"early"), domain=1) + b"\0\x05"
    decoder = streamed([chunk])
    assert [event.code for event in decoder.events()] == ["template_defined", "data_pending", "stream_broken"]


def test_a_strict_stream_raises_at_a_broken_frame_and_is_over() -> None:
    for wrong, error in ((b"\0\x05", UnsupportedVersion), (b"\0\x0a\0\x03", Malformed)):
        decoder = Decoder(strict=True)
        with pytest.raises(error, match="stream is not read further") as caught:
            decoder.feed_stream(FIRST + wrong + bytes(10), A)
        assert (caught.value.offset, caught.value.clause) == (len(FIRST), "RFC 7011 9.1")
        assert decoder.feed_stream(FIRST, A) == 0
        assert [event.code for event in decoder.events()] == ["template_defined"]
        decoder.close(A)
        (unread,) = decoder.events()
        assert unread.detail["octets"] == len(wrong) + 10 + len(FIRST)


@pytest.mark.parametrize("place", [1, len(FIRST), len(FIRST) + 7, len(FIRST) + 20])
def test_a_strict_stream_raises_at_a_malformed_message_and_tells_what_it_did_not_read(place: int) -> None:
    lying = ipfix(set_(256, flow(1), length=400), domain=1)
    decoder = Decoder(strict=True)
    chunks = iter(cut(FIRST + lying + FIRST, [place]))
    with pytest.raises(DecodeError):
        sum(decoder.feed_stream(chunk, A) for chunk in chunks)
    for chunk in chunks:
        decoder.feed_stream(chunk, A)
    decoder.events()
    decoder.close(A)
    (unread,) = decoder.events()
    assert (unread.code, unread.offset) == ("data_dropped", len(FIRST))
    assert unread.detail["octets"] == len(lying) + len(FIRST)


# ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rfc("7011", "8")
def test_templates_and_waiting_sets_end_with_their_session() -> None:
    decoder = streamed([FIRST, ipfix(set_(999, b"early"), sequence=0, domain=1)])
    decoder.events()
    decoder.close(A)
    assert decoder.templates() == []
    (event,) = decoder.events()
    assert event.message == "1 Sets of 9 octets that waited for their template end with their session"
    assert decoder.stats()[0].pending_sets == 0
    decoder.feed_stream(ipfix(set_(256, flow(1)), sequence=77, domain=1), A)
    assert [event.code for event in decoder.events()] == ["data_pending"]  # and no gap: the sequence began anew


def test_close_leaves_other_exporters_and_other_protocols_alone() -> None:
    decoder = Decoder(NATIVE)
    for exporter in (A, B):
        decoder.feed_stream(FIRST, exporter)
        decoder.feed(netflow5([V5Record()], sequence=3), exporter)
    decoder.close(A)
    assert [each.exporter for each in decoder.templates()] == [B[0]]
    decoder.feed(netflow5([V5Record()], sequence=9), A)
    assert "sequence_gap" in [event.code for event in decoder.events()]


def test_close_of_a_cut_message_tells_so() -> None:
    for octets, needed in ((FIRST[:1], 4), (FIRST[:3], 4), (FIRST[:4], len(FIRST)), (FIRST[:-1], len(FIRST))):
        decoder = streamed([FIRST + octets])
        decoder.events()
        decoder.close(A)
        (event,) = decoder.events()
        assert (event.code, event.offset) == ("message_truncated", len(FIRST))
        assert event.detail == {"octets": len(octets), "needed": needed}


def test_close_twice_or_of_a_stranger_is_nothing() -> None:
    decoder = streamed([FIRST])
    decoder.close("203.0.113.9")
    assert len(decoder.templates()) == 1
    decoder.events()
    decoder.close(A)
    decoder.close(A)
    assert decoder.events() == []
    with pytest.raises(ValueError, match="nobody"):
        decoder.close("nobody")


def test_close_ends_a_session_over_sctp_whose_messages_come_whole() -> None:
    decoder = Decoder(transport="sctp")
    decoder.feed(FIRST, A)
    decoder.close(A)
    assert decoder.templates() == []


def test_rates_of_templates_end_with_their_session() -> None:
    options = options_template_record(261, [(145, 2)], [(34, 4)])
    rates = ipfix(set_(IPFIX_OPTIONS, options), set_(261, uint(256, 2) + uint(50, 4)), domain=1)
    data = ipfix(set_(256, flow(1)), domain=1)
    decoder = Decoder()
    decoder.feed_stream(FIRST + rates + data, A)
    assert decoder.take()["sampling_rate"].to_list() == [50]
    decoder.close(A)
    decoder.feed_stream(FIRST + data, A)
    assert decoder.take()["sampling_rate"].to_list() == [None]


@corpus.each("ipfix", alone=True)
def test_captures_as_streams_and_as_files(name: str) -> None:
    given = [each for each in corpus.datagrams(name) if int.from_bytes(each.octets[2:4]) == len(each.octets)]
    exporters = sorted({each.exporter for each in given})
    for exporter in exporters[:2]:
        messages = [each.octets for each in given if each.exporter == exporter]
        whole = outcome(fed([(octets, exporter, None) for octets in messages], schema=NATIVE, transport="tcp"))
        octets = b"".join(messages)
        decoder = Decoder(NATIVE)
        for start in range(0, len(octets), 1000):
            decoder.feed_stream(octets[start : start + 1000], exporter)
        assert outcome(decoder) == whole
        found = [len(batch) for batch in Decoder(NATIVE).batches(octets, rows=50)]
        assert sum(found) == sum(not row.is_options for row in whole["rows"])


def test_a_template_that_means_something_else_in_the_next_session_is_new() -> None:
    decoder = streamed([FIRST])
    decoder.close(A)
    decoder.feed_stream(ipfix(set_(IPFIX_TEMPLATES, template_record(256, [(1, 8)])), domain=1), A)
    assert [event.code for event in decoder.events()] == ["template_defined", "template_defined"]


# ── hostile ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=200)
@given(st.data())
def test_octets_of_any_kind_in_a_stream_are_no_error(data: st.DataObject) -> None:
    octets = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(0, 8))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    octets += data.draw(st.binary(max_size=40))
    decoder = Decoder(NATIVE)
    for chunk in cut(bytes(octets), data.draw(st.lists(st.integers(0, len(octets)), max_size=4))):
        decoder.feed_stream(chunk, A)
    of_stream = decoder.rows_waiting
    decoder.close(A)
    assert decoder.templates() == []
    in_one = Decoder(NATIVE)
    in_one.feed_stream(bytes(octets), A)
    in_one.close(A)
    assert outcome(decoder) == outcome(in_one)
    if octets[:2] == b"\0\x0a":
        assert sum(map(len, Decoder(NATIVE).batches(octets))) == of_stream


@pytest.mark.starves
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # generators that end without memory
def test_without_memory_a_stream_is_over_or_goes_on_and_nothing_is_lost_in_silence() -> None:
    testcapi = pytest.importorskip("_testcapi", reason="this Python has no _testcapi")
    octets = b"".join(session()[:3])
    failures = 0
    for start in range(150):
        decoder = Decoder(NATIVE)
        decoder.feed_stream(FIRST, A)
        failed = False
        testcapi.set_nomemory(start, start + 1)
        try:
            decoder.feed_stream(octets, A)
        except MemoryError:
            failed = True
        finally:
            testcapi.remove_mem_hooks()
        failures += failed
        decoder.events()
        decoder.close(A)
        told = decoder.events()
        if not failed:
            assert told == []
            continue
        unread = [event for event in told if "were not read" in event.message]
        assert unread or sum(each.datagrams for each in decoder.stats()) in (1, 4), start
        decoder.feed_stream(octets, A)
        assert decoder.templates()
    assert failures > 20


def test_streams_and_states_keep_no_memory() -> None:
    decoder = Decoder(NATIVE)
    state = fed([(octets, A, NOW_NS) for octets in session()]).export_state()
    broken = WHOLE + b"\0\5 more"

    def once() -> None:
        for chunk in (WHOLE[:70], WHOLE[70:], broken):
            decoder.feed_stream(chunk, A)
        decoder.close(A)
        list(decoder.batches(WHOLE))
        decoder.import_state(state)
        with pytest.raises(StateError):
            decoder.import_state(state[:-1])
        decoder.export_state()
        decoder.expire(NOW_NS + 10**15)
        decoder.take_tables()
        decoder.take_options()
        decoder.events()

    def kept() -> int:
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(200):
            once()
        gc.collect()
        return sys.getallocatedblocks() - before

    for _ in range(50):
        once()
    assert min(kept() for _ in range(3)) < 20
