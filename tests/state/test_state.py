"""Saved states: a decoder that imports one goes on as the one that exported it; what is damaged is refused whole."""

from __future__ import annotations

import itertools
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowparse import FLOW, NATIVE, Decoder, Limits, StateError, merge_states
from flowparse.knowledge import MOST_INIT_MS, Application, Interface, Sampler, Tables
from flowparse.state import MAGIC, Saved, SavedSequence, SavedTemplate, pack, unpack
from flowparse.state_tables import merge_tables
from tests.build import IPFIX_TEMPLATES, V9_TEMPLATES, ipfix, netflow9, set_, template_record, uint
from tests.build_sflow import datagram as sflow_datagram
from tests.state.talk import FLOWS, NOW_NS, A, B, datagrams, fed, flow, outcome

SETTINGS: dict[str, Any] = {"schema": NATIVE, "transport": "tcp"}
NAMED = FLOW.select("bytes", "sampling_rate", "sampling_source", "in_if").add("in_if_name", "sampler_name")
STATE = fed(datagrams(), **SETTINGS).export_state()
TOLD_ONCE = ("element_unknown", "sampling_changed")
"""Codes of events that a decoder tells anew after an import: they say what it finds, not what changed."""


def known(decoder: Decoder) -> dict[str, Any]:
    """All that an import could change."""
    return {
        "state": decoder.export_state(), "events": decoder.events(), "stats": decoder.stats(),
        "templates": decoder.templates(), "samplers": decoder.samplers.to_dicts(),
    }  # fmt: skip


def sealed(octets: bytes) -> bytes:
    """Octets with the checksum that they should have."""
    return octets[:-4] + uint(crc32(octets[:-4]), 4)


def layout(row: Any) -> Any:
    return row.is_options, row.types


def refused(octets: Any, decoder: Decoder | None = None) -> str:
    """Why a state is refused, by a decoder that is not changed by it."""
    decoder = decoder or fed(datagrams()[:3])
    before = known(decoder) | {"events": []}
    decoder.events()
    with pytest.raises(StateError) as caught:
        decoder.import_state(octets)
    assert known(decoder) == before
    return str(caught.value)


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
    state = fed([(ipfix(set_(IPFIX_TEMPLATES, template_record(256, [(1, 8, 9), (2, 8, 9)]))), A, 1)]).export_state()
    Decoder(limits=Limits(template_fields_total=2)).import_state(state)
    refused(state, Decoder(limits=Limits(template_fields_total=1)))


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


# ── damage ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_octet_that_is_damaged_and_every_end_that_is_missing_is_refused() -> None:
    decoder = fed(datagrams()[:3])
    decoder.events()
    before = known(decoder)
    places = range(len(STATE))
    wrong = [STATE[:i] + bytes([STATE[i] ^ mask]) + STATE[i + 1 :] for i in places for mask in (1, 0x80, 0xFF)]
    for octets in (*wrong, *(STATE[:i] for i in places), STATE + b"\0"):
        with pytest.raises(StateError):
            decoder.import_state(octets)
    assert known(decoder) == before


@settings(max_examples=120)
@given(st.data())
def test_damage_under_a_right_checksum_is_refused_or_means_what_it_says(data: st.DataObject) -> None:
    octets = bytearray(STATE)
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(8, len(octets) - 5))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del octets[data.draw(st.integers(8, len(octets) - 5)) : -4]
    state = sealed(bytes(octets))
    decoder = fed(datagrams()[:3])
    decoder.events()
    before = known(decoder)
    try:
        decoder.import_state(state)
    except StateError:
        assert known(decoder) == before
        return
    assert pack(unpack(state)) == state
    heir = Decoder(key="address+port" if state[10] else "address")
    heir.import_state(state)
    assert heir.export_state() == state
    for given_ in datagrams():
        heir.feed(*given_)


def test_counts_of_a_state_are_believed_no_further_than_its_octets() -> None:
    import tracemalloc  # noqa: PLC0415

    head = MAGIC + b"\0\1\0"
    many = b"\xff\xff\xff\xff"
    scope = b"\0\4" + bytes(4)
    lies = [
        head + many,
        head + uint(1, 4) + scope + many,
        head + uint(1, 4) + scope + uint(1, 4) + bytes(25) + many + b"\1\0\0\1\0\1\0\1",
        head + bytes(4) + many,
        head + bytes(4) + uint(1, 4) + scope + bytes(21) + many,
        head + bytes(4) + uint(1, 4) + scope + bytes(21) + uint(1, 4) + bytes(8) + uint(5, 4) + b"\0" + many + b"name",
        head + bytes(8) + many,
    ]
    tracemalloc.start()
    try:
        for octets in lies:
            assert "are needed" in refused(sealed(octets + bytes(4)))
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("version", [0, 2, 65535])
def test_a_state_of_another_version_is_named(version: int) -> None:
    octets = MAGIC + uint(version, 2) + b"whatever a later version may write"
    assert f"version {version}; this flowparse reads version 1" in refused(octets)


@pytest.mark.parametrize("octets", [b"", MAGIC, b"PK\3\4" + bytes(50), STATE[1:], STATE[:20]])
def test_what_is_no_state_is_named(octets: bytes) -> None:
    assert "no saved state" in refused(octets) or "are needed" in refused(octets) or "damaged" in refused(octets)


def saved(**parts: Any) -> bytes:
    return pack(Saved(**parts))


RECORD = SavedTemplate(FLOWS, False, (1, 2), 1, False)
SCOPE = (bytes(16), 4, 7)
SEQUENCE = SavedSequence(1, False, 2, 3, 4, 0, False)
IMPOSSIBLE = {
    "a protocol without templates": saved(templates={((bytes(16), 2, 7), 256): RECORD}),
    "an address of 5 octets": saved(templates={((bytes(5), 4, 7), 256): RECORD}),
    "a port by address": saved(templates={((bytes(18), 4, 7), 256): RECORD}),
    "no template record": saved(templates={(SCOPE, 256): RECORD._replace(octets=FLOWS[:-1])}),
    "two of them": saved(templates={(SCOPE, 256): RECORD._replace(octets=FLOWS + FLOWS)}),
    "a withdrawal": saved(templates={(SCOPE, 256): RECORD._replace(octets=FLOWS[:2] + b"\0\0")}),
    "a template id of a Set": saved(templates={(SCOPE, 3): RECORD._replace(octets=b"\0\3" + FLOWS[2:])}),
    "a template of options that is none": saved(templates={(SCOPE, 256): RECORD._replace(is_options=True)}),
    "last seen before it was first": saved(templates={(SCOPE, 256): RECORD._replace(times=(2, 1))}),
    "an interval without times": saved(templates={(SCOPE, 256): RECORD._replace(times=None)}),
    "tables of v5": saved(tables={(bytes(16), 2, 7): Tables(rate=9)}),
    "a domain that was told nothing": saved(tables={SCOPE: Tables(seen_ns=5)}),
    "a rate that is none": saved(tables={SCOPE: Tables(rate=2**31)}),
    "a rate of a sampler that is none": saved(tables={SCOPE: Tables(samplers={1: Sampler(1, 2**31)})}),
    "a start beyond time": saved(tables={SCOPE: Tables(init_time_ms=MOST_INIT_MS + 1)}),
    "an interface that has no name": saved(tables={SCOPE: Tables(interfaces={1: Interface(1)})}),
    "an application that has no name": saved(tables={SCOPE: Tables(applications={b"1": Application(b"1")})}),
    "a name that ends with a zero": saved(tables={SCOPE: Tables(vrfs={1: "red\0"})}),
    "no rate of an interface": saved(tables={SCOPE: Tables(interface_rates={1: 0})}),
    "a sequence of v1": saved(sequences={(bytes(16), 6, 0): SEQUENCE}),
    "a sequence of an sFlow agent without address": saved(sequences={(bytes(2), 1, 0): SEQUENCE}),
    "a count below -1": saved(sequences={SCOPE: SEQUENCE._replace(last_count=-2)}),
    "as often otherwise as would have changed it": saved(sequences={SCOPE: SEQUENCE._replace(otherwise=3)}),
}


@pytest.mark.parametrize("octets", IMPOSSIBLE.values(), ids=[*IMPOSSIBLE])
def test_what_no_decoder_writes_is_refused(octets: bytes) -> None:
    refused(octets)


def test_text_that_is_no_utf8_and_scopes_out_of_order_are_refused() -> None:
    one = saved(tables={SCOPE: Tables(vrfs={1: "name"})})
    assert "UTF-8" in refused(sealed(one.replace(b"name", b"n\xff\xfee")))
    two = saved(sequences={SCOPE: SEQUENCE, (b"\1" + bytes(15), 4, 7): SEQUENCE})
    half = (len(two) - len(saved())) // 2
    at = len(saved()) - 4
    swapped = two[:at] + two[at + half : at + 2 * half] + two[at : at + half] + two[-4:]
    assert "not in order" in refused(sealed(swapped))
    twice = two[:at] + 2 * two[at : at + half] + two[-4:]
    assert "not in order" in refused(sealed(twice))
    assert "too many" in refused(sealed(STATE[:-4] + b"\0" + bytes(4)))


# ── memory ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # generators that end without memory
def test_without_memory_an_import_counts_whole_or_not_at_all() -> None:
    testcapi = pytest.importorskip("_testcapi", reason="this Python has no _testcapi")
    state = merge_states(STATE)
    plain = fed(datagrams()[:3])
    plain.events()
    before, empty = known(plain), len(plain.stats())
    for start in itertools.count():
        decoder = fed(datagrams()[:3])
        decoder.events()
        failed = False
        testcapi.set_nomemory(start, start + 1)
        try:
            decoder.import_state(state)
        except MemoryError:
            failed = True
        finally:
            testcapi.remove_mem_hooks()
        if not failed:
            break
        now = known(decoder)
        assert now == before, start
        assert len(now["stats"]) == empty
        decoder.import_state(state)
    assert start > 100


# ── several ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def part(*sets: bytes, seen: int | None, domain: int = 0) -> bytes:
    return fed([(ipfix(*sets, domain=domain), A, seen)]).export_state()


def test_states_merge_in_any_order_and_sequences_do_not_go_on() -> None:
    states = [STATE, part(set_(IPFIX_TEMPLATES, FLOWS), seen=9), fed(datagrams()[:4]).export_state()]
    merged = {merge_states(*order) for order in itertools.permutations(states)}
    assert len(merged) == 1
    assert unpack(merged.pop()).sequences == {}
    assert merge_states() == Decoder().export_state()
    once = merge_states(STATE)
    assert merge_states(once, once) == once


def test_of_two_definitions_the_one_seen_last_holds_and_both_are_told() -> None:
    old, new = template_record(256, [(1, 8)]), template_record(256, [(2, 8)])
    merged = merge_states(part(set_(IPFIX_TEMPLATES, new), seen=20), part(set_(IPFIX_TEMPLATES, old), seen=10))
    decoder = Decoder()
    decoder.import_state(merged)
    (template,) = decoder.templates()
    assert (template.fields[0].element.id, template.last_seen_ns) == (2, 20)
    (event,) = decoder.events()
    assert (event.code, event.template_id, event.domain, event.exporter) == ("template_changed", 256, 0, A[0])
    untimed = [part(set_(IPFIX_TEMPLATES, each), seen=None) for each in (old, new)]
    assert merge_states(*untimed) == merge_states(*untimed[::-1])
    assert unpack(merge_states(*untimed)).templates[(b"\0" * 10 + b"\xff\xff\xc0\0\2\1", 4, 0), 256].octets == new


def test_a_definition_that_all_agree_on_is_not_told() -> None:
    parts = [part(set_(IPFIX_TEMPLATES, FLOWS), seen=seen) for seen in (1, 2, None)]
    decoder = Decoder()
    decoder.import_state(merge_states(*parts))
    assert decoder.events() == []


def test_states_that_tell_exporters_apart_differently_do_not_merge() -> None:
    with pytest.raises(StateError, match="do not merge"):
        merge_states(STATE, fed(datagrams(), key="address+port").export_state())
    with pytest.raises(StateError):
        merge_states(STATE, STATE[:-1])


TABLES = st.builds(
    Tables,
    samplers=st.dictionaries(st.integers(0, 3), st.integers(1, 9)).map(
        lambda each: {id: Sampler(id, rate) for id, rate in each.items()}
    ),
    vrfs=st.dictionaries(st.integers(0, 3), st.sampled_from(["red", "blue", "ü"])),
    rate=st.none() | st.integers(1, 5),
    init_time_ms=st.none() | st.integers(1, 5),
    seen_ns=st.none() | st.integers(-2, 3),
)


@given(st.lists(TABLES, min_size=1, max_size=4), st.randoms())
def test_tables_merge_in_any_order(several: list[Tables], random: Any) -> None:
    merged = merge_tables(several)
    shuffled = random.sample(several, len(several))
    assert merge_tables(shuffled) == merged
    assert merge_tables([merged]) == merged
    assert merged.vrfs.keys() == set().union(*(each.vrfs for each in several))
    best = max(each.seen_ns for each in several if each.seen_ns is not None) if merged.seen_ns is not None else None
    assert merged.seen_ns == best


def test_templates_of_v9_that_differ_only_in_protocol_stay_apart() -> None:
    decoder = fed([
        (ipfix(set_(IPFIX_TEMPLATES, FLOWS)), A, NOW_NS), (netflow9(set_(V9_TEMPLATES, FLOWS)), A, NOW_NS),
    ])  # fmt: skip
    heir = Decoder()
    heir.import_state(decoder.export_state())
    assert len(heir.templates()) == 2
