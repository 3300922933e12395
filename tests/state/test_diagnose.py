"""What diagnose says: each sentence where its cause is there, and none where it is not."""

from __future__ import annotations

from typing import Any

import pytest

from flowparse import FLOW, Decoder, Limits
from flowparse.diagnosis import SENTENCES, diagnose
from tests.build import (
    IPFIX_TEMPLATES,
    V9_OPTIONS,
    V9_TEMPLATES,
    V5Record,
    ipfix,
    netflow5,
    netflow9,
    options_template_record9,
    set_,
    template_record,
    uint,
)
from tests.build_sflow import datagram as sflow_datagram
from tests.state.talk import FLOWS, NOW_NS, A, fed, flow

WHO = f"exporter {A[0]}"
SECOND_NS = 10**9
SAMPLED = netflow5([V5Record()], sampling_mode=1, sampling_interval=10)
TOLD = ipfix(set_(IPFIX_TEMPLATES, FLOWS))
DATA = ipfix(set_(256, flow(1)))


def after(*octets: bytes, **settings: Any) -> Decoder:
    return fed([(each, A, NOW_NS) for each in octets], **settings)


def said(decoder: Decoder, seconds: int = 0) -> list[str]:
    return decoder.diagnose(NOW_NS + seconds * SECOND_NS)


def broken_stream() -> Decoder:
    decoder = after(SAMPLED)
    decoder.feed_stream(b"\0\5", A, NOW_NS)
    return decoder


def crowded(limit: str) -> Decoder:
    sets = [(set_(IPFIX_TEMPLATES, template_record(id, [(1, 4)])), set_(id, uint(1, 4))) for id in range(256, 260)]
    return after(*(ipfix(*each, sequence=n) for n, each in enumerate(sets)), limits=Limits(**{limit: 2}))


def full() -> Decoder:
    return after(
        *(netflow5([V5Record()] * 30, sequence=30 * n, sampling_mode=1, sampling_interval=10) for n in range(40)),
        limits=Limits(column_octets=40_000),
    )


CASES: dict[str, tuple[Any, int, str]] = {
    "no_datagrams": (Decoder, 0, "no datagram was fed: "),
    "records_dropped": (full, 0, " records of 1200 were dropped as Limits.column_octets is met"),
    "no_template": (lambda: after(DATA, DATA), 0, f"{WHO}, ipfix domain 0 sends data but no template for it, 2 Sets"),
    "unknown_version": (lambda: after(SAMPLED, b"\0\x63", b"GET /"), 0, f"{WHO} sent 2 datagrams of no version"),
    "all_discarded": (
        lambda: after(ipfix(set_(256, length=3)), ipfix(length=9)), 0,
        f"{WHO}, ipfix domain 0 sent 2 messages, and all of them were discarded",
    ),
    "silent": (lambda: after(SAMPLED), 301, f"{WHO}, netflow5 domain 0 is silent for 301 s"),
    "stream_broken": (broken_stream, 0, "1 streams or captures broke off: close()"),
    "no_data": (lambda: after(TOLD), 0, f"{WHO}, ipfix domain 0 sends 1 templates but no data"),
    "template_evicted": (lambda: crowded("templates"), 0, "2 times templates were forgotten to make room"),
    "data_dropped": (lambda: after(DATA, replay=False), 0, "1 times data were dropped undecoded"),
    "sets_wait": (
        lambda: after(TOLD, DATA, ipfix(set_(300, b"1234"))), 0,
        f"{WHO}, ipfix domain 0 has 1 Sets that wait for a template",
    ),
    "some_discarded": (
        lambda: after(TOLD, DATA, ipfix(length=9)), 0, f"{WHO}, ipfix domain 0 sent 1 messages of 3 that were",
    ),
    "missed": (
        lambda: after(SAMPLED, netflow5([V5Record()], sequence=8, sampling_mode=1, sampling_interval=10)), 0,
        f"{WHO}, netflow5 domain 0 misses 7 flows by its sequence",
    ),
    "limit_reached": (
        lambda: fed([(SAMPLED, f"192.0.2.{n}", NOW_NS) for n in range(1, 4)], limits=Limits(exporters=1)), 0,
        "2 times a limit was met",
    ),
    "no_rate": (
        lambda: after(netflow5([V5Record()] * 3)), 0,
        f"{WHO}, netflow5 domain 0 does not say its sampling rate, and its 3 records count as they are",
    ),
}  # fmt: skip


def test_there_is_a_case_for_each_sentence() -> None:
    assert CASES.keys() == SENTENCES.keys()


@pytest.mark.parametrize("name", SENTENCES)
def test_each_sentence_is_said_where_its_cause_is_there(name: str) -> None:
    make, seconds, words = CASES[name]
    found = [sentence for sentence in said(make(), seconds) if words in sentence]
    assert len(found) == 1, said(make(), seconds)
    assert "{" not in found[0]


@pytest.mark.parametrize("name", SENTENCES)
def test_no_sentence_is_said_of_a_decoder_with_which_all_is_well(name: str) -> None:
    words = SENTENCES[name][1].split("}")[-1]
    for decoder in (after(SAMPLED), Decoder()):
        if decoder.stats() or name != "no_datagrams":
            assert not [sentence for sentence in said(decoder, 300) if words in sentence]


def test_nothing_is_said_where_nothing_is_amiss() -> None:
    assert said(after(SAMPLED), 300) == []
    assert said(after(TOLD, DATA, sampling_override={A[0]: 1})) == []
    assert said(after(TOLD, DATA, default_sampling_rate=1)) == []


def test_the_gravest_comes_first_and_more_before_less() -> None:
    decoder = after(b"\0\x63", TOLD, DATA, ipfix(set_(300, b"1234")), ipfix(set_(300, b"1234"), domain=5))
    decoder.feed(ipfix(set_(300, b"1234"), set_(301, b"1234"), domain=6), A, NOW_NS)
    sentences = said(decoder)
    ranks = [next(rank for rank, words in SENTENCES.values() if words.split("}")[-1] in each) for each in sentences]
    assert ranks == sorted(ranks)
    assert [each.split(" domain ")[1][0] for each in sentences[:2]] == ["6", "5"]


def test_rates_that_come_by_sampler_by_template_or_in_records_count_as_said() -> None:
    samplers = options_template_record9(260, [(1, 4)], [(48, 1), (50, 4)])
    flows = template_record(256, [(8, 4), (48, 1)])
    told = netflow9(
        set_(V9_OPTIONS, samplers), set_(260, uint(0, 4) + b"\1" + uint(64, 4) + uint(0, 4) + b"\2" + uint(8, 4))
    )
    data = netflow9(set_(V9_TEMPLATES, flows), set_(256, uint(1, 4) + b"\1"), sequence=1)
    assert any("sampling rate" in each for each in said(after(data)))
    assert said(after(told, data)) == []
    within = netflow9(set_(V9_TEMPLATES, template_record(256, [(8, 4), (34, 4)])), set_(256, uint(1, 4) + uint(9, 4)))
    assert said(after(within)) == []


def test_sflow_says_its_rate_and_an_imported_exporter_is_not_yet_silent() -> None:
    assert [each for each in said(after(sflow_datagram(sequence=1))) if "rate" in each] == []
    heir = Decoder(FLOW.select("bytes"))
    heir.import_state(after(TOLD, DATA).export_state())
    assert said(heir, 10**6) == [SENTENCES["no_datagrams"][1]]


def test_datagrams_decoded_apart_count_too() -> None:
    decoder = Decoder(replay=False)
    decoder.decode(DATA, A, NOW_NS)
    assert any("dropped undecoded" in each for each in said(decoder))


def test_times_that_are_not_known_make_nobody_silent() -> None:
    assert not [each for each in said(fed([(SAMPLED, A, None)]), 10**9) if "silent" in each]
    with pytest.raises(TypeError):
        Decoder().diagnose("now")  # type: ignore[arg-type]
    assert diagnose([], {}, 0) == [SENTENCES["no_datagrams"][1]]
