"""The Decoder's doors and outlets: what goes in, what comes out, in which order, and within which bounds."""

from __future__ import annotations

import array
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy
import pytest

from flowparse import (
    FLOW,
    NATIVE,
    DecodeError,
    Decoder,
    Event,
    LimitExceeded,
    Limits,
    Malformed,
    Topology,
    Truncated,
    UnsupportedVersion,
    explain,
)
from tests.build import EXPORT_TIME_S, V5Record, V7Record, addr, netflow1, netflow5, netflow7, pcap, pcapng, udp
from tests.build import ethernet as frame

A, B = "192.0.2.1", "192.0.2.2"
LYING = netflow5([V5Record(octets=7)], count=2)
FOREIGN = b"\x00\x63" + bytes(60)


def one(octets: int = 40, **header: Any) -> bytes:
    """A datagram of one flow."""
    return netflow5([V5Record(octets=octets)], **header)


def run(n: int, start: int = 0) -> list[bytes]:
    """Datagrams of one flow each, in sequence; flow i has i octets."""
    return [one(i, sequence=i) for i in range(start, start + n)]


def codes(events: list[Event]) -> list[str]:
    return [event.code for event in events]


def counted(decoder: Decoder) -> dict[str | None, int]:
    return {stats.exporter: stats.datagrams for stats in decoder.stats()}


# ── decode and feed ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_decode_gives_is_in_no_take_and_no_events() -> None:
    decoder = Decoder()
    message = decoder.decode(LYING, A)
    assert (len(message.flows), codes(message.events)) == (1, ["message_truncated"])
    assert (decoder.rows_waiting, len(decoder.take()), decoder.events()) == (0, 0, [])


def test_what_was_fed_is_in_no_message() -> None:
    decoder = Decoder(FLOW.select("bytes"))
    decoder.feed(one(1, sequence=0), A)
    message = decoder.decode(one(2, sequence=1), A)
    decoder.feed(one(3, sequence=2), A)
    assert message.flows["bytes"].to_list() == [2]
    assert decoder.rows_waiting == 2
    assert decoder.take()["bytes"].to_list() == [1, 3]
    assert message.flows["bytes"].to_list() == [2]
    assert decoder.events() == []


def test_state_advances_with_decode_as_with_feed() -> None:
    datagrams = [one(sequence=0), one(sequence=5), LYING, FOREIGN, netflow1([V5Record()]), b""]
    fed, decoded = Decoder(), Decoder()
    told = []
    for i, datagram in enumerate(datagrams):
        fed.feed(datagram, A, i)
        told += decoded.decode(datagram, A, i).events
    assert fed.stats() == decoded.stats()
    assert fed.events() == told


@pytest.mark.parametrize("schema", [FLOW.add("message_index"), NATIVE], ids=repr)
def test_messages_taken_apart_at_the_ends_of_parts(schema: Any) -> None:
    """decode between feeds of many rows, so that it meets parts that are empty, half full and just full."""
    decoder = Decoder(schema)
    name = "octetDeltaCount" if schema is NATIVE else "bytes"
    fed: list[int] = []
    for index, size in enumerate((1, 2, 5, 30, 30, 4, 30, 30, 1) * 12):
        values = [1000 * index + i for i in range(size)]
        octets = netflow5([V5Record(octets=value) for value in values])
        if index % 3 == 1:
            (table,) = decoder.decode(octets, A).tables
            assert table[name].to_list() == values
            assert table["message_index"].to_list() == [index] * size
        else:
            decoder.feed(octets, A)
            fed += values
    assert decoder.rows_waiting == len(fed)
    taken = [value for table in decoder.take_tables() for value in table[name].to_list()]
    assert taken == fed
    assert decoder.rows_waiting == 0


def test_one_large_message_leaves_whole() -> None:
    octets = netflow5([V5Record(octets=i) for i in range(1364)])
    decoder = Decoder(FLOW.select("bytes"))
    for _ in range(20):
        decoder.feed(octets, A)
        assert decoder.decode(octets, A).flows["bytes"].to_list() == list(range(1364))
    assert decoder.take()["bytes"].to_list() == list(range(1364)) * 20


def test_versions_share_the_flow_view_and_have_native_tables() -> None:
    made = [netflow1([V7Record(octets=1)]), netflow5([V7Record(octets=5)]), netflow7([V7Record(octets=7)])]
    flow = Decoder(FLOW.add("message_index"))
    for octets in made:
        flow.feed(octets, A)
    rows = sorted(flow.take(), key=lambda row: row["message_index"])
    assert [(row["bytes"], row["type"]) for row in rows] == [(1, 6), (5, 2), (7, 7)]
    native = Decoder(NATIVE)
    native.feed_many(made * 2, A)
    tables = native.take_tables()
    assert [(len(table), table[0]["octetDeltaCount"]) for table in tables] == [(2, 1), (2, 5), (2, 7)]
    assert native.take_tables() == []


def test_take_of_nothing_has_the_columns_all_the_same() -> None:
    batch = Decoder(FLOW.select("bytes", "src_addr")).take()
    assert (len(batch), batch.names, batch.to_dicts()) == (0, ("bytes", "src_addr"), [])


def test_native_has_no_common_columns_to_take() -> None:
    decoder = Decoder(NATIVE)
    message = decoder.decode(one(), A)
    with pytest.raises(TypeError, match="take_tables"):
        decoder.take()
    with pytest.raises(TypeError, match="tables"):
        message.flows  # noqa: B018
    assert len(message.tables) == 1


def test_feed_returns_the_rows_that_it_added() -> None:
    decoder = Decoder()
    assert [decoder.feed(octets, A) for octets in (one(), netflow5([]), netflow5([V5Record()] * 30), LYING, b"")] == [
        1, 0, 30, 1, 0,
    ]  # fmt: skip
    assert decoder.rows_waiting == 32


def test_times_are_the_callers() -> None:
    decoder = Decoder(FLOW.select("time_received_ns"))
    for received_ns in (0, -1, 2**63 - 1, -(2**63), None, True):
        decoder.feed(one(), A, received_ns)
    assert decoder.take()["time_received_ns"].to_list() == [0, -1, 2**63 - 1, -(2**63), None, 1]
    (stats,) = decoder.stats()
    assert (stats.first_seen_ns, stats.last_seen_ns) == (-(2**63), 2**63 - 1)


@pytest.mark.parametrize(
    ("wrong", "error"), [(2**63, ValueError), (-(2**63) - 1, ValueError), (1.5, TypeError), ("now", TypeError)]
)
def test_a_time_that_is_none_is_refused_before_any_state(wrong: Any, error: type[Exception]) -> None:
    decoder = Decoder()
    for door in (decoder.feed, decoder.decode):
        with pytest.raises(error):
            door(one(), A, wrong)
    assert (decoder.stats(), decoder.rows_waiting) == ([], 0)


# ── exporters ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_port_tells_exporters_apart_only_when_asked() -> None:
    for key, exporters in (("address", 1), ("address+port", 2)):
        decoder = Decoder(FLOW.add("exporter_port"), key=key)  # type: ignore[arg-type]
        for sequence in range(3):
            for port in (9995, 9996):
                decoder.feed(one(sequence=sequence), (A, port))
        assert len(decoder.stats()) == exporters
        assert decoder.take()["exporter_port"].to_list() == [9995, 9996] * 3
        assert [stats.reordered for stats in decoder.stats()] == ([3] if exporters == 1 else [0, 0])


def test_an_exporter_without_a_port_has_none() -> None:
    decoder = Decoder(FLOW.add("exporter_port"), key="address+port")
    decoder.feed(one(), A)
    decoder.feed(one(), (A, 0))
    assert decoder.take()["exporter_port"].to_list() == [None, 0]
    assert len(decoder.stats()) == 2


def test_a_zone_is_of_this_machine_only() -> None:
    decoder = Decoder()
    decoder.feed(one(sequence=0), ("fe80::1%eth0", 9995, 0, 2))
    decoder.feed(one(sequence=1), "fe80::1%eth1")
    decoder.feed(one(sequence=2), "fe80::1")
    assert counted(decoder) == {"fe80::1": 3}


def test_an_exporter_that_nobody_names() -> None:
    decoder = Decoder()
    decoder.feed(one(), "")
    assert decoder.decode(LYING, "").exporter is None
    assert decoder.take()["sampler_address"].to_list() == [None]
    assert counted(decoder) == {None: 2}


@pytest.mark.parametrize(
    "wrong",
    ["nonsense", "192.0.2.256", "192.0.2.1:9995", b"abc", b"", 5, None, 1.0, (A,), (A, 1, 2), (A, 65536), (A, -1),
     (A, "9995"), ((A, 1), 2), (None, 1), object()],
)  # fmt: skip
def test_a_wrong_exporter_is_refused_before_any_state(wrong: Any) -> None:
    decoder = Decoder()
    for _ in range(2):
        for door in (decoder.feed, decoder.decode):
            with pytest.raises(ValueError, match=r"address|port"):
                door(one(), wrong)
        with pytest.raises(ValueError, match=r"address|port"):
            decoder.feed_many([one(), one()], [A, wrong][1:] * 2)
    assert (decoder.stats(), decoder.rows_waiting, decoder.events()) == ([], 0, [])
    assert decoder.feed(one(), A) == 1


def test_who_is_not_allowed_leaves_no_state() -> None:
    asked: list[Any] = []

    def allow(exporter: Any) -> bool:
        asked.append(exporter)
        return exporter == (A, 9995)

    decoder = Decoder(allow=allow)
    assert [decoder.feed(one(sequence=i), (A, 9995)) for i in range(2)] == [1, 1]
    assert decoder.feed(one(), (B, 9995)) == 0
    (event,) = decoder.events()
    assert (event.code, event.exporter) == ("data_dropped", None)
    assert asked == [(A, 9995), (B, 9995)]
    message = decoder.decode(one(), B)
    assert (len(message.flows), codes(message.events), message.exporter) == (0, ["data_dropped"], None)
    assert counted(decoder) == {A: 2}
    assert len(decoder.take()) == 2


def test_who_is_not_allowed_is_told_of_in_captures_and_batches_too() -> None:
    packets = [(i, frame(udp(one(), src=(host, 9)))) for i, host in enumerate((B, A, B, A), 1)]
    decoder = Decoder(allow=lambda exporter: exporter[0] not in (B, addr("::ffff:" + B)))
    assert decoder.feed_capture(pcap(packets)) == 2
    assert codes(decoder.events()) == ["data_dropped"] * 2
    assert decoder.feed_many([one()] * 3, [(B, 9), (A, 9), (B, 9)]) == 1
    assert codes(decoder.events()) == ["data_dropped"] * 2


@pytest.mark.parametrize("again", ["feed", "feed_many", "decode", "feed_capture", "batches", "take"])
def test_entering_a_decoder_that_is_decoding_is_a_runtime_error(again: str) -> None:
    caught: list[BaseException] = []

    def allow(exporter: Any) -> bool:
        enter: dict[str, Callable[[], Any]] = {
            "feed": lambda: decoder.feed(one(), B),
            "feed_many": lambda: decoder.feed_many([one()], B),
            "decode": lambda: decoder.decode(one(), B),
            "feed_capture": lambda: decoder.feed_capture(pcap([])),
            "batches": lambda: list(decoder.batches([(one(), B, None)])),
            "take": decoder.take,
        }
        try:
            enter[again]()
        except RuntimeError as error:
            caught.append(error)
        return True

    decoder = Decoder(allow=lambda exporter: True)
    decoder.feed(one(1), A)
    decoder = Decoder(allow=allow)
    decoder._make_plan(2)
    assert decoder.feed(one(2), A) == 1
    assert len(caught) == 1
    assert decoder.take()["bytes"].to_list() == [2]


def test_what_allow_raises_goes_to_the_caller_and_the_decoder_goes_on() -> None:
    def allow(exporter: Any) -> bool:
        if exporter == B:
            raise LookupError("no such exporter")
        return True

    decoder = Decoder(allow=allow)
    for door in (decoder.feed, decoder.decode):
        with pytest.raises(LookupError):
            door(one(), B)
    with pytest.raises(LookupError) as caught:
        decoder.feed_many(run(3), [A, B, A])
    assert caught.value.index == 1  # type: ignore[attr-defined]
    assert (decoder.feed(one(), A), decoder.rows_waiting, counted(decoder)) == (1, 2, {A: 2})


# ── sampling ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("exporter", "interval", "expected"),
    [(A, 100, (7, 1)), (A, 0, (7, 1)), (B, 100, (100, 7)), (B, 0, (50, 9))],
)
def test_the_rate_is_the_override_the_header_or_the_default(
    exporter: str, interval: int, expected: tuple[int, int]
) -> None:
    decoder = Decoder(sampling_override={A: 7}, default_sampling_rate=50)
    octets = one(sampling_mode=1, sampling_interval=interval)
    row = decoder.decode(octets, exporter).flows[0]
    assert (row["sampling_rate"], row["sampling_source"]) == expected
    stats = decoder.stats()[0]
    assert stats.sampling_rate == expected[0]
    assert stats.sampling_source == {1: "override", 7: "header", 9: "default"}[expected[1]]
    assert Decoder(default_sampling_rate=9).decode(netflow1([V5Record()]), A).flows[0]["sampling_rate"] == 9


def test_an_override_is_for_the_address_however_it_is_spelled() -> None:
    decoder = Decoder(sampling_override={"::ffff:192.0.2.1": 3, "": 4}, key="address+port")
    rates = [decoder.decode(one(), exporter).flows[0]["sampling_rate"] for exporter in (A, (A, 1), "", B)]
    assert rates == [3, 3, 4, None]


def test_a_rate_that_changes_is_told_once() -> None:
    decoder = Decoder()
    for i, interval in enumerate((0, 0, 100, 100, 10)):
        decoder.feed(one(sequence=i, sampling_interval=interval), A)
    first, second = decoder.events()
    assert (first.code, first.severity, first.offset) == ("sampling_changed", "info", 22)
    assert [dict(event.detail) for event in (first, second)] == [{"before": 0, "now": 100}, {"before": 100, "now": 10}]


@pytest.mark.parametrize("wrong", [0, -1, 2**32])
def test_a_rate_out_of_range_is_a_value_error(wrong: int) -> None:
    with pytest.raises(ValueError, match="rate"):
        Decoder(default_sampling_rate=wrong)
    with pytest.raises(ValueError, match="rate"):
        Decoder(sampling_override={A: wrong})


@pytest.mark.parametrize(
    "arguments",
    [{"schema": "FLOW"}, {"schema": None}, {"default_sampling_rate": 1.5}, {"sampling_override": {A: 1.5}}],
)
def test_arguments_of_the_wrong_type(arguments: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        Decoder(**arguments)


@pytest.mark.parametrize(
    "arguments", [{"key": "port"}, {"malformed": "keep"}, {"malformed": ""}, {"sampling_override": {"x": 1}}]
)
def test_arguments_that_mean_nothing(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"key|malformed|address"):
        Decoder(**arguments)


# ── strict and discard ───────────────────────────────────────────────────────────────────────────────────────────────

REFUSED: list[tuple[bytes, type[DecodeError], int]] = [
    (b"\x00", Truncated, 0),
    (b"\x00\x05\x00", Truncated, 0),
    (FOREIGN, UnsupportedVersion, 0),
    (LYING, Truncated, 2),
    (netflow5([V5Record()] * 31), Malformed, 2),
]


@pytest.mark.parametrize(("octets", "error", "offset"), REFUSED)
@pytest.mark.parametrize("most_events", [0, 1, 16])
def test_strict_raises_what_the_event_would_say(
    octets: bytes, error: type[DecodeError], offset: int, most_events: int
) -> None:
    decoder = Decoder(strict=True, limits=Limits(events_per_message=most_events))
    for door in (decoder.feed, decoder.decode):
        with pytest.raises(error) as caught:
            door(octets, A)
        assert type(caught.value) is error
        assert (caught.value.offset, caught.value.index) == (offset, None)
    assert (decoder.rows_waiting, decoder.events()) == (0, [])
    assert decoder.feed(one(), A) == 1


@pytest.mark.parametrize(("octets", "error", "offset"), REFUSED)
def test_strict_batches_say_which_datagram_and_keep_the_earlier_ones(
    octets: bytes, error: type[DecodeError], offset: int
) -> None:
    for n in (0, 3, 20, 300):
        good = run(n)
        decoder = Decoder(strict=True)
        with pytest.raises(error) as caught:
            decoder.feed_many([*good, octets, one()], A)
        assert (caught.value.index, caught.value.offset) == (n, offset)
        assert decoder.take()["bytes"].to_list() == list(range(n))

        buffer, offsets, lengths = joined([*good, octets, one()])
        with pytest.raises(error) as caught:
            decoder.feed_at(buffer, offsets, lengths, B)
        assert caught.value.index == n
        assert decoder.take()["bytes"].to_list() == list(range(n))


def test_an_earlier_refusal_comes_before_a_later_wrong_argument() -> None:
    decoder = Decoder(strict=True)
    with pytest.raises(Truncated) as caught:
        decoder.feed_many([one(), LYING, one()], [A, A, "nonsense"])
    assert caught.value.index == 1
    assert decoder.rows_waiting == 1


def test_strict_tells_what_is_no_refusal_as_events() -> None:
    decoder = Decoder(strict=True)
    assert decoder.feed(one() + b"rest", A) == 1
    assert decoder.feed(one(sequence=9), A) == 1
    assert codes(decoder.events()) == ["trailing_octets", "sequence_gap"]


def test_strict_in_a_capture_ends_it_and_keeps_what_came_before() -> None:
    octets = pcap([(i, frame(udp(datagram))) for i, datagram in enumerate([one(1), LYING, one(3)], 1)])
    decoder = Decoder(strict=True)
    with pytest.raises(Truncated):
        decoder.feed_capture(octets)
    assert decoder.take()["bytes"].to_list() == [1]
    batches = Decoder(strict=True).batches(octets)
    with pytest.raises(Truncated):
        next(batches)


def test_discard_keeps_nothing_of_a_message_that_lies_and_salvage_does() -> None:
    discard, salvage = Decoder(malformed="discard"), Decoder(malformed="salvage")
    for decoder in (discard, salvage):
        decoder.feed(one(1, sequence=0), A)
        decoder.feed(netflow5([V5Record(octets=2)], count=2, sequence=1), A)
        decoder.feed(one(3, sequence=3), A)
    assert discard.take()["bytes"].to_list() == [1, 3]
    assert salvage.take()["bytes"].to_list() == [1, 2, 3]
    assert codes(salvage.events()) == ["message_truncated"]
    assert codes(discard.events())[0] == "message_discarded"
    assert (discard.stats()[0].discarded, discard.stats()[0].records) == (1, 2)
    assert (salvage.stats()[0].discarded, salvage.stats()[0].records) == (0, 3)


def test_datagrams_of_no_protocol_are_counted_by_exporter() -> None:
    decoder = Decoder()
    for octets in (FOREIGN, b"", b"\x00\x05"):
        decoder.feed(octets, A, 5)
    (stats,) = decoder.stats()
    assert (stats.exporter, stats.domain, stats.version) == (A, None, "unknown")
    assert (stats.datagrams, stats.discarded) == (3, 3)
    assert codes(decoder.events()) == ["message_discarded"] * 3


# ── limits ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_events_are_bounded_and_the_rest_is_counted() -> None:
    decoder = Decoder(limits=Limits(events=3))
    for _ in range(10):
        decoder.feed(FOREIGN, A)
    events = decoder.events()
    assert codes(events) == ["message_discarded"] * 3 + ["limit_reached"]
    assert dict(events[-1].detail) == {"limit": 3, "dropped": 7}
    assert decoder.events() == []
    decoder.feed(FOREIGN, A)
    assert codes(decoder.events()) == ["message_discarded"]


def test_many_messages_with_events_lose_none_between() -> None:
    """More notes than the walk has room for, in one call."""
    decoder = Decoder()
    assert decoder.feed_many([LYING] * 2000, A) == 2000
    assert codes(decoder.events()) == ["message_truncated"] * 2000
    capture = pcap([(i, frame(udp(LYING))) for i in range(1, 2001)])
    assert decoder.feed_capture(capture) == 2000
    assert len(decoder.events()) == 2000


@pytest.mark.parametrize("most", [0, 1, 2, 3])
def test_events_of_one_message_are_bounded(most: int) -> None:
    octets = netflow5([V5Record()], count=40, sequence=9, sampling_interval=5)
    decoder = Decoder(limits=Limits(events_per_message=most))
    decoder.feed(one(), A)
    assert decoder.feed(octets, A) == 1
    told = codes(decoder.events())
    wanted = ["message_truncated", "count_mismatch"]
    assert told == [[], ["limit_reached"], [wanted[0], "limit_reached"], [*wanted, "limit_reached"]][most]


def test_the_exporter_heard_of_least_recently_makes_room() -> None:
    decoder = Decoder(limits=Limits(exporters=2))
    decoder.feed_many([one(), one(), one(sequence=1), one()], [A, B, A, "192.0.2.3"])
    assert counted(decoder).keys() == {A, "192.0.2.3"}
    (event,) = decoder.events()
    assert (event.code, event.exporter, dict(event.detail)) == ("limit_reached", B, {"limit": 2})
    decoder.feed(one(sequence=50), B)
    assert codes(decoder.events()) == ["limit_reached"]  # and no gap: B is new
    assert counted(decoder).keys() == {B, "192.0.2.3"}


@pytest.mark.parametrize("limit", [0, 1, 2, 50])
def test_more_exporters_than_are_remembered_lose_no_rows(limit: int) -> None:
    limits = Limits(exporters=limit, exporter_aliases=limit, events=10**6)
    hosts = [f"10.0.{i % 7}.{i % 251}" for i in range(3000)]
    by_feed, by_many, by_capture = (Decoder(FLOW.select("bytes", "sampler_address"), limits=limits) for _ in range(3))
    for i, host in enumerate(hosts):
        by_feed.feed(one(i), host)
    by_many.feed_many([one(i) for i in range(3000)], hosts)
    by_capture.feed_capture(pcap([(i + 1, frame(udp(one(i), src=(host, 9)))) for i, host in enumerate(hosts)]))
    expected = [{"bytes": i, "sampler_address": host} for i, host in enumerate(hosts)]
    for decoder in (by_feed, by_many, by_capture):
        assert decoder.take().to_dicts() == expected
        assert len(decoder.stats()) == max(1, limit)
        assert {event.code for event in decoder.events()} == {"limit_reached"}


def test_every_exporter_that_was_forgotten_is_told_of() -> None:
    decoder = Decoder(limits=Limits(exporters=1, events=10**6))
    hosts = [f"10.0.0.{i % 250}" for i in range(2000)]
    decoder.feed_many([one()] * 2000, hosts)
    assert [event.exporter for event in decoder.events()] == hosts[:-1]


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_the_domain_heard_of_least_recently_makes_room(limit: int) -> None:
    decoder = Decoder(limits=Limits(domains_per_exporter=limit))
    for engine in (0, 1, 2, 3):
        decoder.feed(one(engine_id=engine), A)
    kept = max(1, limit)
    events = decoder.events()
    assert [(event.code, event.domain) for event in events] == [("limit_reached", i) for i in range(4 - kept)]
    assert sorted(stats.domain or 0 for stats in decoder.stats()) == list(range(4 - kept, 4))
    assert len(decoder.take()) == 4


def test_domains_used_again_stay() -> None:
    decoder = Decoder(limits=Limits(domains_per_exporter=2))
    for sequence, engine in enumerate((0, 1, 0, 2)):
        decoder.feed(one(engine_id=engine, sequence=sequence // 2), A)
    assert sorted(stats.domain or 0 for stats in decoder.stats()) == [0, 2]


def test_rows_over_the_limit_are_dropped_and_counted_until_the_next_take() -> None:
    decoder = Decoder(FLOW.select("bytes"), limits=Limits(column_octets=100_000))
    message = netflow5([V5Record(octets=i) for i in range(30)])
    fed = [decoder.feed(message, A) for _ in range(2000)]
    kept = sum(fed)
    assert 0 < kept < 60_000
    events = decoder.events()
    assert {event.code for event in events} == {"output_dropped"}
    assert sum(event.detail["records"] for event in events) == 60_000 - kept
    assert decoder.rows_waiting == kept == decoder.stats()[0].records
    assert decoder.take()["bytes"].to_list() == [i % 30 for i in range(kept)]
    assert decoder.feed(message, A) == 30
    assert decoder.events() == []
    assert decoder.take()["bytes"].to_list() == list(range(30))


def test_without_any_room_there_are_events_and_no_rows() -> None:
    decoder = Decoder(limits=Limits(column_octets=0))
    assert decoder.feed(one(), A) == 0
    message = decoder.decode(one(sequence=1), A)
    assert (len(message.flows), codes(message.events)) == (0, ["output_dropped"])
    assert codes(decoder.events()) == ["output_dropped"]


def test_a_limit_is_an_int_and_not_negative() -> None:
    with pytest.raises(TypeError):
        Limits(events=1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="events"):
        Limits(events=-1)
    Decoder(limits=Limits(**dict.fromkeys(Limits.__dataclass_fields__, 2**63 - 1))).feed(one(), A)
    assert issubclass(LimitExceeded, DecodeError)


# ── feed_many and feed_at ────────────────────────────────────────────────────────────────────────────────────────────


def joined(datagrams: list[bytes]) -> tuple[bytes, array.array[int], array.array[int]]:
    offsets, at = array.array("q"), 3
    for octets in datagrams:
        offsets.append(at)
        at += len(octets) + 1
    return b"xxx" + b"".join(octets + b"x" for octets in datagrams), offsets, array.array("i", map(len, datagrams))


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 255, 256, 257, 1000])
@pytest.mark.parametrize(
    "gather",
    [list, tuple, iter, lambda items: (item for item in items), lambda items: dict.fromkeys(items).keys()],
    ids=["list", "tuple", "iterator", "generator", "keys"],
)
def test_feed_many_takes_any_sequence_of_datagrams(n: int, gather: Callable[[list[bytes]], Any]) -> None:
    decoder = Decoder(FLOW.select("bytes"))
    assert decoder.feed_many(gather(run(n)), A) == n
    assert decoder.take()["bytes"].to_list() == list(range(n))
    assert decoder.events() == []


def test_feed_many_takes_buffers_of_every_kind_together() -> None:
    kinds: list[Callable[[bytes], Any]] = [bytes, bytearray, memoryview, lambda o: numpy.frombuffer(o, "u1")]
    datagrams = [kinds[i % 4](octets) for i, octets in enumerate(run(600))]
    decoder = Decoder(FLOW.select("bytes"))
    assert decoder.feed_many(datagrams, A) == 600
    assert decoder.take()["bytes"].to_list() == list(range(600))


def test_feed_many_with_an_exporter_and_a_time_for_each() -> None:
    exporters = [A, (B, 5), b"\x0a\x00\x00\x01", ("::ffff:10.0.0.1", 1, 0, 0)] * 150
    times = [i * 10 for i in range(600)]
    many, single = Decoder(FLOW.add("exporter_port")), Decoder(FLOW.add("exporter_port"))
    datagrams = [one(i, sequence=i // 2) for i in range(600)]
    assert many.feed_many(datagrams, exporters, times) == 600
    for octets, exporter, time in zip(datagrams, exporters, times, strict=True):
        single.feed(octets, exporter, time)
    assert many.take() == single.take()
    assert many.stats() == single.stats()
    assert many.events() == single.events()


def test_feed_many_with_one_exporter_and_one_time() -> None:
    decoder = Decoder(FLOW.select("sampler_address", "time_received_ns").add("exporter_port"))
    decoder.feed_many(run(2), (A, 7), 5)
    assert decoder.take().to_dicts() == [{"sampler_address": A, "time_received_ns": 5, "exporter_port": 7}] * 2


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((one(), A), TypeError),
        ((bytearray(one()), A), TypeError),
        ((memoryview(one()), A), TypeError),
        (("text", A), TypeError),
        ((5, A), TypeError),
        (([one()], [A, B]), ValueError),
        (([one()], []), ValueError),
        (([one()], A, [1, 2]), ValueError),
        (([one()], A, "1"), TypeError),
        (([one()], A, 1.5), TypeError),
        (([one(), 5], A), TypeError),
        (([one()], [None]), ValueError),
    ],
)
def test_feed_many_refuses_what_means_nothing(arguments: Any, error: type[Exception]) -> None:
    decoder = Decoder()
    with pytest.raises(error):
        decoder.feed_many(*arguments)
    assert decoder.feed(one(), A) == 1


def test_feed_many_keeps_what_came_before_a_wrong_item() -> None:
    decoder = Decoder(FLOW.select("bytes"))
    for n in (0, 5, 300):
        with pytest.raises(TypeError) as caught:
            decoder.feed_many([*run(n), None, one()], A)
        assert caught.value.index == n  # type: ignore[attr-defined]
        assert decoder.take()["bytes"].to_list() == list(range(n))


def test_a_list_that_shrinks_while_it_is_read_ends() -> None:
    datagrams = run(600)

    def allow(exporter: Any) -> bool:
        datagrams.clear()
        return True

    decoder = Decoder(allow=allow)
    fed = decoder.feed_many(datagrams, A)
    assert fed in (0, 256, 600)
    assert decoder.rows_waiting == fed


@pytest.mark.parametrize("n", [0, 1, 16, 256, 257, 1000])
@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview], ids=["bytes", "bytearray", "memoryview"])
def test_feed_at_reads_datagrams_in_one_buffer(n: int, wrap: Callable[[bytes], Any]) -> None:
    buffer, offsets, lengths = joined(run(n))
    decoder = Decoder(FLOW.select("bytes", "time_received_ns"))
    assert decoder.feed_at(wrap(buffer), offsets, lengths, A, 7) == n
    assert decoder.take().to_dicts() == [{"bytes": i, "time_received_ns": 7} for i in range(n)]
    assert decoder.events() == []


def test_feed_at_takes_numpy_with_an_exporter_and_a_time_for_each() -> None:
    datagrams = [one(i, sequence=i // 2) for i in range(600)]
    buffer, offsets, lengths = joined(datagrams)
    times = numpy.arange(600, dtype="i8")
    at, many = Decoder(), Decoder()
    exporters = [A, (B, 5)] * 300
    assert at.feed_at(buffer, numpy.array(offsets), numpy.array(lengths), exporters, times) == 600
    many.feed_many(datagrams, exporters, times.tolist())
    assert (at.take(), at.stats(), at.events()) == (many.take(), many.stats(), many.events())


def test_feed_at_reads_overlapping_and_repeated_places() -> None:
    octets = one(5)
    decoder = Decoder(FLOW.select("bytes"))
    assert decoder.feed_at(octets, array.array("q", [0, 0, 72]), array.array("i", [72, 72, 0]), A) == 2
    assert codes(decoder.events()) == ["message_discarded"]


@pytest.mark.parametrize(
    ("offset", "length"),
    [(-1, 72), (1, 72), (0, 73), (0, -1), (72, 1), (2**63 - 1, 1), (-(2**63), 72), (2**63 - 1, 2**31 - 1), (73, 0)],
)
@pytest.mark.parametrize("before", [0, 20, 300])
def test_feed_at_refuses_places_outside_the_buffer(offset: int, length: int, before: int) -> None:
    decoder = Decoder()
    offsets = array.array("q", [0] * before + [offset, 0])
    lengths = array.array("i", [72] * before + [length, 72])
    with pytest.raises(ValueError, match="buffer") as caught:
        decoder.feed_at(one(), offsets, lengths, A)
    assert caught.value.index == before  # type: ignore[attr-defined]
    assert decoder.rows_waiting == before


Q, I = array.array("q", [0]), array.array("i", [72])  # noqa: E741


@pytest.mark.parametrize(
    ("offsets", "lengths", "times"),
    [
        (array.array("i", [0]), I, None),
        (Q, Q, None),
        (array.array("Q", [0]), I, None),
        (array.array("d", [0]), I, None),
        (Q, array.array("f", [0]), None),
        (numpy.array([0], ">i8"), I, None),
        (numpy.zeros((1, 1), "i8"), I, None),
        (numpy.zeros(2, "i8")[::2], numpy.zeros(2, "i4")[::2], I),
        (bytes(8), I, None),
        ([0], [72], None),
        (Q, I, [5]),
        (Q, I, I),
        (memoryview(array.array("q", [0, 0, 0]))[::2], memoryview(array.array("i", [0, 0]))[::1], None),
    ],
)
def test_feed_at_refuses_other_numbers(offsets: Any, lengths: Any, times: Any) -> None:
    decoder = Decoder()
    with pytest.raises(TypeError):
        decoder.feed_at(one(), offsets, lengths, A, times)
    assert (decoder.rows_waiting, decoder.stats()) == (0, [])
    assert decoder.feed_at(one(), Q, I, A) == 1


@pytest.mark.parametrize(
    ("offsets", "lengths", "exporters", "times"),
    [
        (array.array("q", [0, 0]), I, A, None),
        (Q, array.array("i", []), A, None),
        (Q, I, [A, B], None),
        (Q, I, [], None),
        (Q, I, A, array.array("q", [1, 2])),
    ],
)
def test_feed_at_refuses_numbers_that_differ(offsets: Any, lengths: Any, exporters: Any, times: Any) -> None:
    decoder = Decoder()
    with pytest.raises(ValueError, match=r"number|datagrams"):
        decoder.feed_at(one(), offsets, lengths, exporters, times)
    assert decoder.rows_waiting == 0


def test_feed_at_lets_go_of_its_buffers() -> None:
    buffer, offsets, lengths = bytearray(one()), array.array("q", [0]), array.array("i", [72])
    decoder = Decoder(strict=True)
    decoder.feed_at(buffer, offsets, lengths, [A], array.array("q", [1]))
    with pytest.raises(ValueError, match="buffer"):
        decoder.feed_at(buffer, array.array("q", [5]), lengths, A)
    with pytest.raises(ValueError, match="address"):
        decoder.feed_at(buffer, offsets, lengths, "nobody")
    for each in (buffer, offsets, lengths):
        each.append(1)  # BufferError if anything still looked at it


# ── captures and batches ─────────────────────────────────────────────────────────────────────────────────────────────


def packets(n: int) -> list[tuple[int, bytes]]:
    return [(10**9 + i * 1000, frame(udp(octets, src=(A, 5000 + i % 3)))) for i, octets in enumerate(run(n))]


@pytest.mark.parametrize("write", [pcap, pcapng])
@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
def test_exporters_and_times_of_a_capture_are_its_packets(write: Any, wrap: Any) -> None:
    decoder = Decoder(FLOW.add("exporter_port"))
    assert decoder.feed_capture(wrap(write(packets(700)))) == 700
    rows = decoder.take()
    assert rows["bytes"].to_list() == list(range(700))
    assert rows["exporter_port"].to_list() == [5000 + i % 3 for i in range(700)]
    assert rows["time_received_ns"].to_list() == [10**9 + i * 1000 for i in range(700)]
    assert set(rows["sampler_address"].to_list()) == {A}


def test_ports_of_a_capture_are_those_it_was_sent_to() -> None:
    octets = pcap([(1, frame(udp(one(), dst=("10.0.0.1", port)))) for port in (2055, 9995, 2055)])
    assert [Decoder().feed_capture(octets, ports=ports) for ports in (None, [2055], [1], [2055, 9995])] == [3, 2, 0, 3]


def test_packets_that_are_no_datagrams_are_told_of() -> None:
    octets = frame(udp(one()))
    decoder = Decoder()
    assert decoder.feed_capture(pcap([(1, octets), (2, octets[:60], len(octets)), (3, octets)])) == 2
    (event,) = decoder.events()
    assert (event.code, dict(event.detail)) == ("data_dropped", {"snapped": 1})


def test_a_capture_that_is_cut_keeps_what_came_before() -> None:
    octets = pcap(packets(10))
    decoder = Decoder()
    assert decoder.feed_capture(octets[:-5]) == 9
    assert codes(decoder.events()) == ["stream_broken"]
    with pytest.raises(DecodeError):
        decoder.feed_capture(b"no capture at all, whatever it is")


@pytest.mark.parametrize("rows", [1, 7, 100, 10**6])
def test_batches_have_about_so_many_rows(rows: int) -> None:
    def datagrams() -> Iterator[tuple[bytes, str, int | None]]:
        for i in range(100):
            yield netflow5([V5Record(octets=30 * i + k) for k in range(30)]), A, i

    source = pcap([(i + 1, frame(udp(octets))) for i, (octets, *_) in enumerate(datagrams())])
    for each in (datagrams(), list(datagrams()), source, bytearray(source)):
        decoder = Decoder(FLOW.select("bytes"))
        batches = list(decoder.batches(each, rows=rows))
        assert all(rows <= len(batch) < rows + 30 for batch in batches[:-1])
        assert 0 < len(batches[-1]) < rows + 30
        assert [value for batch in batches for value in batch["bytes"].to_list()] == list(range(3000))
        assert decoder.rows_waiting == 0


def test_batches_are_lazy_and_hold_no_more_than_one() -> None:
    pulled = []

    def datagrams() -> Iterator[tuple[bytes, str, int | None]]:
        for i in range(10):
            pulled.append(i)
            yield one(i), A, None

    decoder = Decoder(FLOW.select("bytes"))
    batches = decoder.batches(datagrams(), rows=2)
    assert pulled == []
    assert next(batches)["bytes"].to_list() == [0, 1]
    assert pulled == [0, 1]


def test_batches_of_nothing_are_none() -> None:
    assert list(Decoder().batches([])) == []
    assert list(Decoder().batches(pcap([]))) == []
    with pytest.raises(ValueError, match="row"):
        Decoder().batches([], rows=0)


def test_batches_of_native_are_tables() -> None:
    source = [(netflow1([V5Record()]), A, None), (one(), A, None)] * 3
    batches = list(Decoder(NATIVE).batches(source, rows=2))
    assert [len(batch) for batch in batches] == [1, 1] * 3
    assert {batch.names for batch in batches} == {table.names for table in (batches[0], batches[1])}


# ── threads, statistics, faces ───────────────────────────────────────────────────────────────────────────────────────


def test_rows_may_be_taken_on_another_thread_when_the_decoder_is_idle() -> None:
    decoder = Decoder(FLOW.select("bytes"))
    taken: list[Any] = []
    for start in (0, 100):
        decoder.feed_many(run(100, start), A)
        thread = threading.Thread(target=lambda: taken.append(decoder.take()))
        thread.start()
        thread.join()
    assert [value for batch in taken for value in batch["bytes"].to_list()] == list(range(200))


def test_statistics_count_datagrams_octets_and_records() -> None:
    decoder = Decoder()
    decoder.feed(netflow5([V5Record()] * 3, sequence=0), (A, 1), 50)
    decoder.feed(netflow5([V5Record()] * 2, sequence=10, sampling_mode=1, sampling_interval=9), (A, 2), 40)
    decoder.feed(one(), B)
    first, second = decoder.stats()
    assert (first.exporter, first.domain, first.version) == (A, 0, "netflow5")
    assert (first.datagrams, first.octets, first.records) == (2, 48 + 5 * 48, 5)
    assert (first.missed, first.missed_unit, first.discarded) == (7, "flows", 0)
    assert (first.sampling_rate, first.sampling_source) == (9, "header")
    assert (first.first_seen_ns, first.last_seen_ns) == (40, 50)
    assert (second.exporter, second.first_seen_ns, second.last_seen_ns) == (B, None, None)
    assert (second.sampling_rate, second.sampling_source) == (None, "none")


def test_the_message_index_counts_every_datagram() -> None:
    decoder = Decoder(FLOW.select("bytes").add("message_index"))
    decoder.feed(one(1), A)
    decoder.feed(FOREIGN, A)
    decoder.decode(one(2), A)
    decoder.feed(one(3), A)
    assert decoder.take().to_dicts() == [{"bytes": 1, "message_index": 0}, {"bytes": 3, "message_index": 3}]


def test_what_people_see_is_short_and_says_what_it_is() -> None:
    decoder = Decoder()
    message = decoder.decode(netflow5([V5Record()], count=2), (A, 9995))
    assert repr(message) == "<Message netflow5 from 192.0.2.1: 1 rows, 1 events>"
    assert repr(message.flows).startswith("<Batch 'flows': 1 rows, ")
    assert repr(message.flows[0]).startswith("Row(type=2, sampler_address='192.0.2.1'")
    assert (repr(FLOW), repr(NATIVE)) == ("FLOW", "NATIVE")
    assert repr(FLOW.select("bytes", "src_addr")) == "Schema(bytes, src_addr)"
    event = message.events[0]
    assert event.message == "NetFlow v5 count 2, but the octets hold 1 records; those are kept"
    assert repr(decoder.decode(FOREIGN, "")) == "<Message None from None: 0 rows, 1 events>"
    assert message.header["export_time_s"] == EXPORT_TIME_S


def test_a_decoder_that_was_not_made_decodes_nothing_and_does_not_crash() -> None:
    bare = Decoder.__new__(Decoder)
    assert bare.rows_waiting == 0
    for use in (
        bare.take,
        lambda: bare.feed(one(), A),
        lambda: bare.decode(b"", A),
        lambda: bare.feed_many([one()], A),
        lambda: bare.feed_capture(pcap(packets(2))),
    ):
        with pytest.raises(AttributeError):
            use()


def test_a_decoder_made_anew_forgets_what_it_was() -> None:
    decoder = Decoder()
    decoder.feed_many(run(500), A)
    decoder.__init__(NATIVE)  # type: ignore[misc]
    assert (decoder.rows_waiting, decoder.stats()) == (0, [])
    assert decoder.feed_many(run(500), A) == 500
    (table,) = decoder.take_tables()
    assert table["octetDeltaCount"].to_list() == list(range(500))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: Decoder(limits={}), "limits are Limits, not dict"),
        (lambda: Decoder(sampling_override=100), "maps addresses to rates"),
        (lambda: explain("0005"), "a datagram is octets, not str"),
        (lambda: Topology.from_outputs("r1"), "a mapping of device to output, not str"),
    ],
)
def test_what_is_no_such_argument_is_named(made: Callable[[], object], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        made()


def test_a_column_that_there_is_none_of_tells_what_is_spelt_nearly_so() -> None:
    with pytest.raises(KeyError, match="no column 'srcaddr'; near: src_addr"):
        Decoder().take()["srcaddr"]
