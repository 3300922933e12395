"""Saved states: a decoder that imports one goes on as the one that exported it; what is damaged is refused whole."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from flowparse import FLOW, Decoder, Limits, merge_states
from flowparse.state import pack, unpack
from tests.build import IPFIX_TEMPLATES, V9_TEMPLATES, ipfix, netflow9, set_, template_record, uint
from tests.build_sflow import datagram as sflow_datagram
from tests.state.talk import FLOWS, NOW_NS, SETTINGS, STATE, A, B, datagrams, fed, flow, outcome, refused

NAMED = FLOW.select("bytes", "sampling_rate", "sampling_source", "in_if").add("in_if_name", "sampler_name")
TOLD_ONCE = ("element_unknown", "sampling_changed")
"""Codes of events that a decoder tells anew after an import: they say what it finds, not what changed."""


def layout(row: Any) -> Any:
    return row.is_options, row.types


# ── a decoder that goes on ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("place", range(len(datagrams()) + 1))
def test_a_decoder_that_imports_goes_on_as_the_one_that_exported(place: int) -> None:
    before, after = datagrams()[:place], datagrams()[place:]
    whole = fed(before, **SETTINGS)
    heir = Decoder(**SETTINGS)
    heir.import_state(whole.export_state())
    for decoder in (whole, heir):
        outcome(decoder)
        for given_ in after:
            decoder.feed(*given_)
    one, other = outcome(whole), outcome(heir)
    for row in [*one["rows"], *other["rows"]]:
        row.values.pop("message_index")  # counts from where the decoder began
    # Rows of one layout are in order; which layout comes first is not said.
    assert sorted(one["rows"], key=layout) == sorted(other["rows"], key=layout)
    assert one["templates"] == other["templates"]
    assert [e for e in one["events"] if e["code"] not in TOLD_ONCE] == [
        e for e in other["events"] if e["code"] not in TOLD_ONCE
    ]
    assert len(after) == 0 or one["rows"] or one["events"]


@pytest.mark.parametrize("place", range(1, len(datagrams())))
def test_names_and_rates_that_options_told_are_in_the_flow_view_of_the_heir(place: int) -> None:
    before, after = datagrams()[:place], datagrams()[place:]
    whole = fed(before, schema=NAMED, transport="tcp")
    heir = Decoder(NAMED, transport="tcp")
    heir.import_state(whole.export_state())
    whole.take()
    for decoder in (whole, heir):
        for given_ in after:
            decoder.feed(*given_)
    assert sorted(heir.take().to_dicts(), key=repr) == sorted(whole.take().to_dicts(), key=repr)
    for table in ("samplers", "applications", "vrfs", "interface_names"):
        assert getattr(heir, table).to_dicts() == getattr(whole, table).to_dicts()


def test_the_flow_view_of_the_heir_is_not_empty_of_them() -> None:
    heir = Decoder(NAMED)
    heir.import_state(STATE)
    heir.feed(*datagrams()[5])
    rows = heir.take().to_dicts()
    assert {row["in_if_name"] for row in rows} == {None, "ge-0/0/1"}
    assert {(row["sampling_rate"], row["sampler_name"]) for row in rows} == {(64, None), (64, "fast")}


def test_a_state_holds_neither_rows_nor_sets_that_wait() -> None:
    decoder = Decoder(**SETTINGS)
    decoder.feed(ipfix(set_(999, b"a Set that waits for its template")), A)
    assert decoder.stats()[0].pending_sets == 1
    assert b"waits" not in decoder.export_state()
    heir = Decoder(**SETTINGS)
    heir.import_state(decoder.export_state())
    assert heir.stats() == []
    heir.feed(ipfix(set_(IPFIX_TEMPLATES, template_record(999, [(82, 29)]))), A)
    assert heir.take_tables() == []


def test_sets_that_wait_are_decoded_when_an_imported_template_is_told() -> None:
    decoder = Decoder(**SETTINGS)
    decoder.feed(ipfix(set_(256, flow(1)), domain=7), B)
    decoder.import_state(STATE)
    assert decoder.rows_waiting == 0
    assert decoder.feed(ipfix(set_(256, flow(2)), domain=7), B) == 1
    assert decoder.feed(ipfix(set_(IPFIX_TEMPLATES, FLOWS), domain=7), B) == 1
    codes = [event.code for event in decoder.events()]
    assert codes.count("data_replayed") == 1
    assert "template_defined" not in codes
    assert decoder.feed(ipfix(set_(IPFIX_TEMPLATES, FLOWS), domain=7), B) == 0


def test_a_message_that_is_discarded_does_not_confirm_an_imported_template() -> None:
    decoder = Decoder(**SETTINGS)
    decoder.feed(ipfix(set_(256, flow(1)), domain=7), B)
    decoder.import_state(STATE)
    told = ipfix(set_(IPFIX_TEMPLATES, FLOWS), domain=7)
    decoder.feed(ipfix(set_(IPFIX_TEMPLATES, FLOWS), set_(5, length=3), domain=7), B)
    assert decoder.rows_waiting == 0
    assert decoder.feed(told, B) == 1


def test_sequences_go_on_and_none_is_taken_back() -> None:
    def codes(decoder: Decoder) -> list[str]:
        return [event.code for event in decoder.events() if event.code.startswith("sequence")]

    heir = Decoder(**SETTINGS)
    heir.import_state(STATE)
    heir.feed(netflow9(sequence=20, source_id=1), A)
    assert codes(heir) == ["sequence_gap"]
    heir.import_state(STATE)
    heir.feed(netflow9(sequence=21, source_id=1), A)
    assert codes(heir) == []


def test_sflow_agents_keep_their_sequence() -> None:
    first, second, third = (sflow_datagram(sequence=n) for n in (1, 2, 9))
    decoder = fed([(first, A, None)])
    heir = Decoder()
    heir.import_state(decoder.export_state())
    assert heir.export_state() == decoder.export_state()
    heir.feed(second, A)
    assert [event.code for event in heir.events() if event.code.startswith("sequence")] == []
    heir.feed(third, A)
    assert [event.code for event in heir.events() if event.code.startswith("sequence")] == ["sequence_gap"]


def test_an_exporter_that_restarts_is_seen_to_by_the_heir() -> None:
    decoder = fed([(netflow9(sequence=70, source_id=1), A, None)])
    heir = Decoder()
    heir.import_state(decoder.export_state())
    heir.feed(netflow9(sequence=0, source_id=1, sys_uptime_ms=1000), A)
    assert [event.code for event in heir.events() if event.severity != "info"] == ["exporter_restarted"]


# ── equal octets ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("place", range(len(datagrams()) + 1))
@pytest.mark.parametrize("key", ["address", "address+port"])
def test_what_was_imported_exports_to_equal_octets(place: int, key: Any) -> None:
    state = fed(datagrams()[:place], key=key).export_state()
    heir = Decoder(key=key)
    heir.import_state(state)
    assert heir.export_state() == state
    heir.import_state(state)
    assert heir.export_state() == state
    assert pack(unpack(state)) == state


def test_equal_knowledge_has_equal_octets_in_whatever_order_it_came() -> None:
    templates = [
        (ipfix(set_(IPFIX_TEMPLATES, template_record(id, [(8, 4)])), domain=domain), exporter, 5)
        for id, domain, exporter in itertools.product((256, 900, 300), (2, 0), (B, A))
    ]
    states = {fed(order).export_state() for order in (templates, templates[::-1], templates[5:] + templates[:5])}
    assert len({merge_states(state) for state in states}) == 1
    scopes = [scope for scope, _ in unpack(states.pop()).templates]
    assert scopes == sorted(scopes)


def test_any_buffer_of_octets_is_a_state() -> None:
    for kind in (bytes, bytearray, memoryview):
        decoder = Decoder()
        decoder.import_state(kind(STATE))
        assert decoder.export_state() == STATE
    for wrong in (None, 5, "text"):
        with pytest.raises(TypeError):
            Decoder().import_state(wrong)  # type: ignore[arg-type]


def test_a_decoder_that_decodes_gives_no_state() -> None:
    def ask(exporter: Any) -> bool:
        with pytest.raises(RuntimeError):
            decoder.export_state()
        with pytest.raises(RuntimeError):
            decoder.import_state(STATE)
        with pytest.raises(RuntimeError):
            decoder.expire(1)
        return True

    decoder = Decoder(allow=ask)
    decoder.feed(*datagrams()[0])
    assert len(decoder.stats()) == 1


# ── what is known already ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("seen", "holds"), [(5, "ours"), (15, "theirs"), (None, "ours")])
def test_of_a_template_that_is_known_the_one_seen_last_holds(seen: int | None, holds: str) -> None:
    ours, theirs = template_record(256, [(1, 8)]), template_record(256, [(2, 8)])
    decoder = fed([(ipfix(set_(IPFIX_TEMPLATES, ours)), A, 10)])
    decoder.import_state(fed([(ipfix(set_(IPFIX_TEMPLATES, theirs)), A, seen)]).export_state())
    (template,) = decoder.templates()
    assert template.fields[0].element.id == {"ours": 1, "theirs": 2}[holds]
    assert "template_changed" in [event.code for event in decoder.events()] or holds == "ours"
    decoder.feed(ipfix(set_(256, uint(5, 8))), A)
    (row,) = decoder.take()
    assert (row.bytes, row.packets) == ((5, None) if holds == "ours" else (None, 5))


def test_of_names_that_differ_the_one_of_who_heard_of_the_domain_last_holds() -> None:
    def named(name: bytes, seen: int) -> Decoder:
        options = bytes.fromhex("0105 0004 0004 0002 0004 0052 0004")
        sets = set_(1, options), set_(261, uint(2, 4) + name)
        return fed([(netflow9(*sets, sequence=seen), A, seen)])

    for ours, theirs in ((b"old\0", b"new\0"), (b"zzz\0", b"aaa\0")):
        decoder = named(ours, 10)
        decoder.import_state(named(theirs, 20).export_state())
        assert decoder.interface_names["name"].to_list() == [theirs[:3].decode()]
        decoder.import_state(named(b"not", 15).export_state())
        assert decoder.interface_names["name"].to_list() == [theirs[:3].decode()]


# ── who and how many ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_exporters_that_are_not_allowed_are_left_out_and_told() -> None:
    asked = []

    def allow(exporter: Any) -> bool:
        asked.append(exporter)
        return bool(exporter[0] == B[0])

    decoder = Decoder(allow=allow)
    decoder.import_state(STATE)
    assert {each.exporter for each in decoder.templates()} == {B[0]}
    assert set(asked) == {(A[0], 0), (B[0], 0)}
    (event,) = [event for event in decoder.events() if event.code == "data_dropped"]
    assert event.message == "2 scopes of a state are of exporters that are not allowed"
    with_ports = Decoder(allow=allow, key="address+port")
    with_ports.import_state(fed(datagrams(), key="address+port").export_state())
    assert {A, B} <= set(asked)


def test_sampling_override_holds_for_imported_exporters() -> None:
    decoder = Decoder(FLOW.select("sampling_rate"), sampling_override={B[0]: 500})
    decoder.import_state(STATE)
    decoder.feed(ipfix(set_(256, flow(1)), domain=7), B)
    assert decoder.take()["sampling_rate"].to_list() == [500]


LIMITS = {
    "exporters": (1, 2), "domains_per_exporter": (1, 2), "templates": (5, 6), "templates_per_domain": (2, 3),
    "template_fields_total": (17, 18), "fields_per_template": (4, 5),
}  # fmt: skip


@pytest.mark.parametrize(("limit", "most"), LIMITS.items(), ids=[*LIMITS])
def test_a_state_of_more_than_the_limits_is_refused_whole(limit: str, most: tuple[int, int]) -> None:
    few, enough = most
    why = refused(STATE, Decoder(limits=Limits(**{limit: few})))
    assert limit in why or f"more than {few} fields" in why
    decoder = Decoder(limits=Limits(**{limit: enough}))
    decoder.import_state(STATE)
    assert decoder.export_state() == STATE


def test_what_is_there_counts_against_the_limits() -> None:
    decoder = fed([datagrams()[1], (datagrams()[1][0], "203.0.113.1", None)], limits=Limits(exporters=3))
    decoder.events()
    decoder.import_state(STATE)
    assert {each.exporter for each in decoder.stats()} == {A[0], B[0], "203.0.113.1"}
    assert "limit_reached" not in [event.code for event in decoder.events()]
    full = fed([(datagrams()[1][0], f"203.0.113.{n}", None) for n in range(2)], limits=Limits(exporters=3))
    assert "4 of Limits.exporters, 3" in refused(STATE, full)


def test_enterprise_fields_count_once() -> None:
    two = (template_record(id, [(1, 8, 9), (2, 8, 9)]) for id in (256, 257))
    state = fed([(ipfix(set_(IPFIX_TEMPLATES, *two)), A, 1)]).export_state()
    Decoder(limits=Limits(template_fields_total=4)).import_state(state)
    refused(state, Decoder(limits=Limits(template_fields_total=3)))


def test_more_names_than_there_is_room_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowparse.knowledge.MOST_IN_ALL", 2)
    assert "names and rates; there is room for 2" in refused(STATE, Decoder())
    monkeypatch.undo()
    monkeypatch.setattr("flowparse.knowledge.MOST_OF_TABLE", 0)
    refused(STATE, Decoder())
    monkeypatch.undo()
    monkeypatch.setattr("flowparse.knowledge.MOST_DOMAINS", 0)
    refused(STATE, Decoder())


def test_a_state_of_another_key_is_refused() -> None:
    assert "key='address+port', not 'address'" in refused(fed(datagrams(), key="address+port").export_state())
    assert "key='address', not 'address+port'" in refused(STATE, Decoder(key="address+port"))


def test_templates_of_v9_that_differ_only_in_protocol_stay_apart() -> None:
    decoder = fed([
        (ipfix(set_(IPFIX_TEMPLATES, FLOWS)), A, NOW_NS), (netflow9(set_(V9_TEMPLATES, FLOWS)), A, NOW_NS),
    ])  # fmt: skip
    heir = Decoder()
    heir.import_state(decoder.export_state())
    assert len(heir.templates()) == 2
