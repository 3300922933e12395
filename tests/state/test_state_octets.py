"""Octets of saved states that are damaged, or that no decoder writes: refused, with nothing changed."""

from __future__ import annotations

import itertools
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowparse import Decoder, StateError, merge_states
from flowparse.knowledge import MOST_INIT_MS, Application, Interface, Sampler, Tables
from flowparse.state import MAGIC, Saved, SavedSequence, SavedTemplate, pack, unpack
from tests.build import uint
from tests.state.talk import FLOWS, STATE, datagrams, fed, known, refused


def sealed(octets: bytes) -> bytes:
    """Octets with the checksum that they should have."""
    return octets[:-4] + uint(crc32(octets[:-4]), 4)


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


@pytest.mark.starves
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # generators that end without memory
def test_without_memory_an_import_counts_whole_or_not_at_all() -> None:
    testcapi = pytest.importorskip("_testcapi", reason="this Python has no _testcapi")
    state = merge_states(STATE)
    plain = fed(datagrams()[:3])
    plain.events()
    before, empty = known(plain), len(plain.stats())
    failures = passed = 0
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
        failures, passed = failures + failed, 0 if failed else passed + 1
        if passed > 20:
            break  # beyond all that it allocates
        if not failed:
            continue
        now = known(decoder)
        assert now == before, start
        assert len(now["stats"]) == empty
        decoder.import_state(state)
    assert failures > 100
