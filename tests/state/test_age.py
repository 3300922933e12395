"""Templates over UDP that are told no longer, and Sets that wait too long (RFC 7011 section 8.4)."""

from __future__ import annotations

from typing import Any

import pytest

from flowparse import Decoder, Limits
from tests.build import IPFIX_TEMPLATES, V9_TEMPLATES, ipfix, netflow9, set_, template_record
from tests.state.talk import FLOWS, A, B, flow

MINUTE_NS = 60 * 10**9
START_NS = 1_700_000_000 * 10**9
TOLD = ipfix(set_(IPFIX_TEMPLATES, FLOWS))


def told_at(*minutes: float, octets: bytes = TOLD, **settings: Any) -> Decoder:
    decoder = Decoder(**settings)
    for minute in minutes:
        decoder.feed(octets, A, START_NS + int(minute * MINUTE_NS))
    decoder.events()
    return decoder


def left(decoder: Decoder, minutes: float) -> int:
    decoder.expire(START_NS + int(minutes * MINUTE_NS))
    return len(decoder.templates())


@pytest.mark.rfc("7011", "8.4")
@pytest.mark.parametrize("octets", [TOLD, netflow9(set_(V9_TEMPLATES, FLOWS))], ids=["ipfix", "netflow9"])
def test_a_template_lives_for_thirty_minutes(octets: bytes) -> None:
    decoder = told_at(0, octets=octets)
    assert left(decoder, 30) == 1
    assert decoder.events() == []
    assert left(decoder, 30.01) == 0
    (event,) = decoder.events()
    assert (event.code, event.template_id, event.exporter, event.domain) == ("template_expired", 256, A[0], 0)
    assert decoder.feed(ipfix(set_(256, flow(1))), A) == 0


@pytest.mark.parametrize(("told", "lifetime"), [((0, 5), 30), ((0, 20), 60), ((0, 20, 21), 60), ((0, 1, 41, 42), 120)])
def test_or_for_three_times_the_longest_interval_between_two_tellings(told: Any, lifetime: int) -> None:
    assert left(told_at(*told), told[-1] + lifetime) == 1
    assert left(told_at(*told), told[-1] + lifetime + 0.01) == 0


def test_an_imported_template_ages_as_where_it_comes_from() -> None:
    heir = Decoder()
    heir.import_state(told_at(0, 20).export_state())
    assert left(heir, 79) == 1
    assert left(heir, 81) == 0


@pytest.mark.parametrize("transport", ["tcp", "sctp", "file"])
def test_other_transports_have_no_age(transport: Any) -> None:
    assert left(told_at(0, transport=transport), 10**6) == 1


def test_templates_of_a_stream_have_no_age_while_it_is_open() -> None:
    decoder = Decoder()
    decoder.feed_stream(TOLD, A, START_NS)
    decoder.feed(TOLD, B, START_NS)
    assert left(decoder, 10**6) == 1
    assert decoder.templates()[0].exporter == A[0]


def test_what_came_without_a_time_does_not_age_and_no_clock_runs_backwards() -> None:
    decoder = Decoder()
    decoder.feed(TOLD, A)
    assert left(decoder, 10**6) == 1
    assert left(told_at(5), 0) == 1
    assert left(told_at(5), -(10**6)) == 1


def test_sets_that_wait_too_long_are_dropped_and_told() -> None:
    decoder = Decoder(limits=Limits(pending_ns=10 * MINUTE_NS))
    for minute in (0, 5):
        decoder.feed(ipfix(set_(900, bytes(8))), A, START_NS + minute * MINUTE_NS)
    decoder.feed(ipfix(set_(900, bytes(8))), A)
    decoder.events()
    for minutes, waiting in ((10, 3), (10.1, 2), (10**6, 1)):
        left(decoder, minutes)
        assert decoder.stats()[0].pending_sets == waiting
    assert [event.code for event in decoder.events()] == ["data_dropped"] * 2


def test_many_that_expire_are_all_told() -> None:
    ids = [*range(256, 1256)]
    decoder = Decoder()
    for start in range(0, 1000, 50):
        sets = set_(IPFIX_TEMPLATES, *(template_record(id, [(8, 4)]) for id in ids[start : start + 50]))
        decoder.feed(ipfix(sets), A, START_NS)
    decoder.events()
    assert left(decoder, 31) == 0
    events = decoder.events()
    assert sorted(event.template_id or 0 for event in events) == ids
    assert {event.code for event in events} == {"template_expired"}


@pytest.mark.parametrize("wrong", [None, "now", 1.5, 2**63])
def test_a_time_that_is_none_is_refused(wrong: Any) -> None:
    decoder = told_at(0)
    with pytest.raises((TypeError, OverflowError, ValueError)):
        decoder.expire(wrong)
    assert len(decoder.templates()) == 1
