"""Several states made one: in any order, the same octets."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowparse import Decoder, StateError, merge_states
from flowparse.knowledge import Sampler, Tables
from flowparse.state import unpack
from flowparse.state_tables import merge_tables
from tests.build import IPFIX_TEMPLATES, ipfix, set_, template_record
from tests.state.talk import FLOWS, STATE, A, datagrams, fed


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
