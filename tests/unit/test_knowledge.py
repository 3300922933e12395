"""What options records say of others, by every encoding that exporters use."""

from __future__ import annotations

from typing import Any

import pytest

from flowparse import FLOW, Decoder, Limits
from flowparse.knowledge import Application, Interface, Knowledge, Sampler, is_likely, teaches
from flowparse.registry import Element, element
from flowparse.template import FieldSpecifier
from tests.build import (
    IPFIX_OPTIONS,
    IPFIX_TEMPLATES,
    V9_OPTIONS,
    V9_TEMPLATES,
    ipfix,
    netflow9,
    options_template_record,
    options_template_record9,
    set_,
    template_record,
    uint,
)

A = "192.0.2.1"
SCOPE = (b"router", 3, 0)
RATES = FLOW.select("bytes", "sampling_rate", "sampling_source")
FLOWS = set_(V9_TEMPLATES, template_record(256, [(1, 4)]))


def fields(*given: tuple[str, int]) -> tuple[FieldSpecifier, ...]:
    return tuple(
        FieldSpecifier(element(name) if "scope" not in name else Element(4294967295, 1, name, "octetArray"), length)
        for name, length in given
    )


def learnt(*given: tuple[str, int, bytes]) -> Knowledge:
    knowledge = Knowledge()
    knowledge.learn(
        SCOPE, fields(*((name, length) for name, length, _ in given)), b"".join(octets for *_, octets in given)
    )
    return knowledge


# ── sampling (flow-quirks T13) ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "rate"),
    [
        ([("samplingInterval", 4, uint(100, 4))], 100),
        ([("samplerRandomInterval", 2, uint(512, 2)), ("samplerMode", 1, b"\2")], 512),
        ([("samplingPacketInterval", 4, uint(1, 4)), ("samplingPacketSpace", 4, uint(999, 4))], 1000),
        ([("samplingPacketInterval", 4, uint(2, 4)), ("samplingPacketSpace", 4, uint(198, 4))], 100),
        ([("samplingSize", 4, uint(1, 4)), ("samplingPopulation", 4, uint(16384, 4))], 16384),
        ([("samplingPacketInterval", 4, uint(0, 4)), ("samplingPacketSpace", 4, uint(9, 4))], None),
        ([("samplingInterval", 4, uint(0, 4))], None),
        ([("samplingInterval", 4, uint(16777216, 4))], None),
        ([("samplingInterval", 4, uint(2**32 - 1, 4))], None),
    ],
)
def test_rates_of_a_domain(given: Any, rate: int | None) -> None:
    assert learnt(("scopeSystem", 4, bytes(4)), *given).rate(SCOPE) == rate


@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_sampler_ids_of_every_width(width: int) -> None:
    name = "samplerId" if width < 8 else "selectorId"
    knowledge = learnt((name, width, uint(7, width)), ("samplingInterval", 4, uint(64, 4)))
    assert knowledge.samplers(SCOPE) == {7: 64}


def test_a_sampler_has_a_name_and_an_algorithm_that_may_come_apart() -> None:
    knowledge = learnt(("samplerId", 1, b"\1"), ("samplerMode", 1, b"\2"), ("samplerRandomInterval", 4, uint(10, 4)))
    knowledge.learn(SCOPE, fields(("samplerId", 1), ("samplerName", 6)), b"\1one\0\0\0")
    assert knowledge.tables[SCOPE].samplers == {1: Sampler(1, 10, None, "one")}


def test_rates_of_interfaces_and_templates() -> None:
    assert learnt(("ingressInterface", 4, uint(5, 4)), ("samplingInterval", 4, uint(8, 4))).interface_rates(SCOPE) == {
        5: 8
    }
    of_template = learnt(("templateId", 2, uint(300, 2)), ("samplingInterval", 4, uint(8, 4)))
    assert of_template.known(SCOPE)[:2] == (0, {300: 8})


@pytest.mark.parametrize(
    ("rate", "likely"),
    [
        (1, True),
        (1000, True),
        (65535, True),
        (65536, False),
        (70000, True),
        (2**24, False),
        (2**24 - 1, True),
        (0, False),
    ],
)
def test_rates_that_make_sense(rate: int, likely: bool) -> None:
    assert is_likely(rate) is likely


def test_a_domain_is_rated_by_its_samplers_where_they_agree() -> None:
    knowledge = learnt(("samplerId", 1, b"\1"), ("samplingInterval", 4, uint(10, 4)))
    assert knowledge.rate(SCOPE) == 10
    knowledge.learn(SCOPE, fields(("samplerId", 1), ("samplingInterval", 4)), b"\2" + uint(20, 4))
    assert knowledge.rate(SCOPE) is None


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_names_of_interfaces_applications_and_vrfs() -> None:
    knowledge = learnt(
        ("ingressInterface", 4, uint(3, 4)),
        ("interfaceName", 8, b"Gi0/1\0\0\0"),
        ("interfaceDescription", 6, b"uplink"),
    )
    knowledge.learn(SCOPE, fields(("applicationId", 4), ("applicationName", 4)), b"\x0d\0\0\1http")
    knowledge.learn(SCOPE, fields(("ingressVRFID", 4), ("VRFname", 3)), uint(9, 4) + b"red")
    assert knowledge.tables[SCOPE].interfaces == {3: Interface(3, "Gi0/1", "uplink")}
    assert knowledge.tables[SCOPE].applications == {b"\x0d\0\0\1": Application(b"\x0d\0\0\1", "http", None)}
    assert (knowledge.interface_names(SCOPE), knowledge.vrf_names(SCOPE)) == ({3: "Gi0/1"}, {9: "red"})
    assert knowledge.application_names(SCOPE) == {b"\x0d\0\0\1": "http"}


def test_what_a_domain_lacks_comes_from_others_that_agree() -> None:
    knowledge = learnt(("ingressInterface", 4, uint(3, 4)), ("interfaceName", 2, b"e3"))
    elsewhere = (b"router", 3, 77)
    assert knowledge.interface_names(elsewhere) == {3: "e3"}
    knowledge.learn((b"router", 3, 5), fields(("ingressInterface", 4), ("interfaceName", 2)), uint(3, 4) + b"x3")
    assert knowledge.interface_names(elsewhere) == {}
    assert knowledge.interface_names((b"other", 3, 0)) == {}


def test_a_domain_has_a_bounded_number_of_names() -> None:
    knowledge = Knowledge()
    records = b"".join(uint(i, 4) + b"if" for i in range(16386))
    knowledge.learn(SCOPE, fields(("ingressInterface", 4), ("interfaceName", 2)), records)
    assert (len(knowledge.tables[SCOPE].interfaces), knowledge.take_dropped(), knowledge.take_dropped()) == (
        16384,
        2,
        0,
    )


def test_templates_teach_by_their_fields() -> None:
    assert teaches(fields(("samplerId", 1), ("samplingInterval", 4)))
    assert not teaches(fields(("exportingProcessId", 4), ("exportedMessageTotalCount", 8)))


# ── in a decoder ─────────────────────────────────────────────────────────────────────────────────────────────────────


def options(rate: int, *, source_id: int = 0, sequence: int = 0) -> bytes:
    record = options_template_record9(257, [(1, 4)], [(34, 4)])
    return netflow9(
        set_(V9_OPTIONS, record), set_(257, bytes(4), uint(rate, 4)), source_id=source_id, sequence=sequence
    )


def test_rows_have_the_rate_that_is_known_when_they_are_decoded() -> None:
    decoder = Decoder(RATES)
    decoder.feed(netflow9(FLOWS, set_(256, uint(1, 4))), A)
    decoder.feed(options(100, sequence=1), A)
    decoder.feed(netflow9(set_(256, uint(2, 4)), sequence=2), A)
    decoder.feed(options(200, sequence=3), A)
    decoder.feed(netflow9(set_(256, uint(3, 4)), sequence=4), A)
    assert [(row.bytes, row.sampling_rate, row.sampling_source) for row in decoder.take()] == [
        (1, None, 0),
        (2, 100, 6),
        (3, 200, 6),
    ]
    assert [dict(event.detail) for event in decoder.events() if event.code == "sampling_changed"] == [
        {"before": 0, "now": 100},
        {"before": 100, "now": 200},
    ]


def test_options_may_come_from_another_domain() -> None:
    decoder = Decoder(RATES)
    decoder.feed(options(100, source_id=6), A)
    decoder.feed(netflow9(FLOWS, set_(256, uint(1, 4)), source_id=1), A)
    decoder.feed(netflow9(FLOWS, set_(256, uint(1, 4)), source_id=1), "192.0.2.2")
    assert [row.sampling_rate for row in decoder.take()] == [100, None]


def test_two_domains_that_disagree_say_nothing_of_a_third() -> None:
    decoder = Decoder(RATES)
    decoder.feed(options(100, source_id=6), A)
    decoder.feed(options(200, source_id=7), A)
    decoder.feed(netflow9(FLOWS, set_(256, uint(1, 4)), source_id=1), A)
    assert [row.sampling_rate for row in decoder.take()] == [None]


def test_a_template_may_have_a_rate_of_its_own() -> None:
    decoder = Decoder(RATES)
    both = set_(IPFIX_TEMPLATES, template_record(256, [(1, 4)]), template_record(300, [(1, 4)]))
    teach = set_(IPFIX_OPTIONS, options_template_record(257, [(145, 2)], [(34, 4)]))
    decoder.feed(ipfix(both, teach, set_(257, uint(300, 2), uint(50, 4))), A)
    sets = (set_(256, uint(1, 4)), set_(300, uint(2, 4)), set_(256, uint(3, 4)))
    decoder.feed(ipfix(*sets, sequence=1), A)
    rows = [(row.bytes, row.sampling_rate, row.sampling_source) for row in decoder.take()]
    assert sorted(rows) == [(1, None, 0), (2, 50, 4), (3, None, 0)]


def test_the_caller_stands_over_options() -> None:
    decoder = Decoder(RATES, sampling_override={A: 7})
    decoder.feed(options(100), A)
    decoder.feed(netflow9(FLOWS, set_(256, uint(1, 4)), sequence=1), A)
    assert [(row.sampling_rate, row.sampling_source) for row in decoder.take()] == [(7, 1)]


def test_a_rate_that_makes_no_sense_is_told_and_not_taken() -> None:
    decoder = Decoder(RATES)
    message = decoder.decode(options(16777216), A)
    event = message.events[-1]
    assert (event.code, event.detail["rate"]) == ("value_out_of_range", 16777216)
    decoder.feed(netflow9(FLOWS, set_(256, uint(1, 4)), sequence=1), A)
    assert [row.sampling_rate for row in decoder.take()] == [None]


def test_options_of_a_discarded_message_teach_nothing() -> None:
    decoder = Decoder(RATES)
    teach = set_(IPFIX_OPTIONS, options_template_record(257, [(149, 4)], [(34, 4)]))
    decoder.feed(ipfix(teach, set_(257, uint(0, 4), uint(50, 4)), set_(257, length=2)), A)
    flows = set_(IPFIX_TEMPLATES, template_record(256, [(1, 4)]))
    decoder.feed(ipfix(flows, set_(256, uint(1, 4))), A)
    assert [row.sampling_rate for row in decoder.take()] == [None]


def test_options_records_are_handed_over_as_sent_and_bounded() -> None:
    decoder = Decoder(RATES, limits=Limits(column_octets=1 << 14))
    record = options_template_record9(257, [(1, 4)], [(41, 8)])
    decoder.feed(netflow9(set_(V9_OPTIONS, record)), A)
    for sequence in range(40):
        decoder.feed(netflow9(set_(257, *[bytes(12)] * 100), sequence=sequence + 1), A)
    dropped = [event.detail["records"] for event in decoder.events() if event.code == "output_dropped"]
    (batch,) = decoder.take_options()
    assert dropped
    assert len(batch) + sum(dropped) == 4000
    assert decoder.take_options() == []


def test_a_decoder_shows_what_options_told() -> None:
    decoder = Decoder(RATES)
    assert (len(decoder.samplers), decoder.vrfs.to_dicts()) == (0, [])
    teach = options_template_record9(257, [(1, 4)], [(48, 1), (34, 4), (84, 3)])
    names = options_template_record9(258, [(2, 4)], [(82, 5), (83, 6)])
    vrf = options_template_record9(259, [(1, 4)], [(234, 4), (236, 3)])
    apps = options_template_record9(260, [(1, 4)], [(95, 4), (96, 4)])
    decoder.feed(
        netflow9(
            set_(V9_OPTIONS, teach, names, vrf, apps),
            set_(257, bytes(4), b"\1", uint(10, 4), b"one"),
            set_(258, uint(3, 4), b"Gi0/3", b"uplink"),
            set_(259, bytes(4), uint(9, 4), b"red"),
            set_(260, bytes(4), b"\x0d\0\0\1", b"http"),
            source_id=7,
        ),
        A,
    )
    whose = {"exporter": A, "type": 3, "observation_domain_id": 7}
    assert decoder.samplers.to_dicts() == [whose | {"id": 1, "sampling_rate": 10, "algorithm": None, "name": "one"}]
    assert decoder.interface_names.to_dicts() == [whose | {"if_index": 3, "name": "Gi0/3", "description": "uplink"}]
    assert decoder.vrfs.to_dicts() == [whose | {"id": 9, "name": "red"}]
    assert decoder.applications.to_dicts() == [whose | {"id": b"\x0d\0\0\1", "name": "http", "description": None}]


def test_joined_names_and_starts_are_of_the_domain() -> None:
    decoder = Decoder(
        FLOW.select("bytes", "time_flow_start_ns", "time_source").add("out_if_name", "vrf_name", "sampler_name")
    )
    teach = set_(
        IPFIX_OPTIONS,
        options_template_record(300, [(149, 4)], [(160, 8)]),
        options_template_record(301, [(14, 4)], [(82, 4)]),
        options_template_record(302, [(234, 4)], [(236, 3)]),
        options_template_record(303, [(302, 4)], [(335, 3)]),
    )
    told = (set_(300, uint(0, 4), uint(1_600_000_000_000, 8)), set_(301, uint(5, 4), b"eth5"))
    decoder.feed(ipfix(teach, *told, set_(302, uint(9, 4), b"red"), set_(303, uint(2, 4), b"two")), A)
    flows = set_(IPFIX_TEMPLATES, template_record(256, [(1, 4), (22, 4), (14, 4), (234, 4), (302, 4)]))
    data = set_(256, uint(1, 4), uint(1000, 4), uint(5, 4), uint(9, 4), uint(2, 4))
    unknown = set_(256, uint(2, 4), uint(1000, 4), uint(6, 4), uint(8, 4), uint(3, 4))
    decoder.feed(ipfix(flows, data, unknown, sequence=4), A)
    first, second = decoder.take().to_dicts()
    assert first == {
        "bytes": 1,
        "time_flow_start_ns": 1_600_000_001 * 10**9,
        "time_source": 4,
        "out_if_name": "eth5",
        "vrf_name": "red",
        "sampler_name": "two",
    }
    assert [second[name] for name in ("out_if_name", "vrf_name", "sampler_name")] == [None] * 3


def test_an_exporter_that_was_forgotten_is_told_again() -> None:
    decoder = Decoder(RATES, limits=Limits(exporters=1))
    for _ in range(2):
        decoder.feed(options(100), A)
        decoder.feed(netflow9(FLOWS, set_(256, uint(1, 4)), sequence=1), A)
        assert [row.sampling_rate for row in decoder.take()] == [100]
        decoder.feed(netflow9(FLOWS), "192.0.2.2")


def test_what_is_known_of_domains_that_are_made_up_is_bounded() -> None:
    decoder = Decoder(RATES, limits=Limits(domains_per_exporter=8))
    for domain in range(2000):
        decoder.feed(options(100 + domain % 3, source_id=domain), A)
        decoder.feed(netflow9(FLOWS, set_(256, uint(1, 4)), source_id=domain, sequence=1), A)
    assert {row.sampling_rate for row in decoder.take()} == {100, 101, 102}
    assert len(decoder._knowledge.tables) == 64
    known = Knowledge()
    for domain in range(100):
        known.learn((b"router", 3, domain), fields(("samplerId", 1), ("samplingInterval", 4)), b"\1" + uint(7, 4))
    assert sorted(domain for _, _, domain in known.tables) == list(range(36, 100))


def test_to_learn_the_same_again_changes_nothing() -> None:
    knowledge = learnt(("samplerId", 1, b"\1"), ("samplingInterval", 4, uint(10, 4)))
    before = knowledge.version
    knowledge.learn(SCOPE, fields(("samplerId", 1), ("samplingInterval", 4)), b"\1" + uint(10, 4))
    assert knowledge.version == before
    knowledge.learn(SCOPE, fields(("samplerId", 1), ("samplingInterval", 4)), b"\1" + uint(11, 4))
    assert knowledge.version > before
