"""What an archive knows by itself: scanned first, imported by whoever decodes a part of it."""

from __future__ import annotations

from typing import Any

import pytest

from flowparse import NATIVE, DecodeError, Decoder, merge_states, scan_templates
from flowparse.state import unpack
from tests.build import IPFIX_TEMPLATES, ethernet, ipfix, pcap, set_, template_record, udp, withdrawal
from tests.captures import corpus
from tests.state.talk import FLOWS, NOW_NS, A, B, datagrams, fed, flow, session


def ids(state: bytes) -> set[tuple[int, int]]:
    return {(scope[2], id) for scope, id in unpack(state).templates}


def test_a_scan_has_the_templates_and_what_options_told_and_no_sequences() -> None:
    found = unpack(scan_templates(datagrams()))
    whole = unpack(fed(datagrams(), transport="udp").export_state())
    assert {key: known.octets for key, known in found.templates.items()} == {
        key: known.octets for key, known in whole.templates.items()
    }
    assert found.tables == whole.tables
    assert found.sequences == {}


@pytest.mark.parametrize("key", ["address", "address+port"])
def test_who_imports_the_scan_waits_for_no_template(key: Any) -> None:
    backwards = [(ipfix(set_(256, flow(n)), domain=7), B, NOW_NS) for n in range(3)]
    archive = [*backwards, (session()[0], B, NOW_NS)]
    decoder = Decoder(NATIVE, key=key)
    decoder.import_state(scan_templates(archive, key=key))
    assert sum(len(batch) for batch in decoder.batches(backwards)) == 3
    assert [event.code for event in decoder.events() if event.code == "data_pending"] == []


def test_a_capture_and_a_file_are_scanned_as_they_are_decoded() -> None:
    capture = pcap([(n + 1, ethernet(udp(octets))) for n, octets in enumerate(session())])
    whole = b"".join(session())
    assert ids(scan_templates(capture)) == ids(scan_templates(whole)) == {(7, 256), (7, 257), (7, 258)}
    decoder = Decoder(NATIVE)
    decoder.import_state(scan_templates(whole))
    assert len(list(decoder.batches(session()[1]))) == 2
    with pytest.raises(DecodeError):
        scan_templates(b"neither")
    assert ids(scan_templates([])) == set()


def test_a_template_that_is_defined_twice_is_told_on_import() -> None:
    archive = [(ipfix(set_(IPFIX_TEMPLATES, template_record(256, [(id, 4)]))), A, NOW_NS + id) for id in (8, 12)]
    decoder = Decoder()
    decoder.import_state(scan_templates(archive))
    (event,) = decoder.events()
    assert (event.code, event.severity, event.template_id) == ("template_changed", "warning", 256)
    assert decoder.templates()[0].fields[0].element.id == 12
    again = [*archive[:1], *archive[:1]]
    decoder = Decoder()
    decoder.import_state(scan_templates(again))
    assert decoder.events() == []


def test_a_withdrawal_is_passed_over_and_an_id_used_anew_counts_as_defined_twice() -> None:
    other = template_record(256, [(1, 8)])
    messages = [set_(IPFIX_TEMPLATES, each) for each in (FLOWS, withdrawal(256), other)]
    state = scan_templates(b"".join(ipfix(each) for each in messages))
    assert [(known.octets, known.redefined) for known in unpack(state).templates.values()] == [(other, True)]


def test_an_archive_in_parts_gives_what_it_gives_whole() -> None:
    parts = [datagrams()[:7], datagrams()[7:12], datagrams()[12:]]
    state = merge_states(*(scan_templates(part) for part in parts))
    assert state == merge_states(*(scan_templates(part) for part in reversed(parts)))
    whole = Decoder(NATIVE)
    whole.import_state(state)
    single = [row.as_dict() for batch in whole.batches(datagrams()) for row in batch]
    apart = []
    for part in parts:
        decoder = Decoder(NATIVE)
        decoder.import_state(state)
        apart += [row.as_dict() for batch in decoder.batches(part) for row in batch]
    for row in (*single, *apart):
        row.pop("message_index")
    # What an exporter withdrew in one part is still known in the next: over UDP nothing is withdrawn.
    assert sorted(apart, key=repr) == sorted(single, key=repr)


def test_a_scan_decodes_no_flows_and_keeps_no_options() -> None:
    flows = [(ipfix(set_(256, *(flow(n) for n in range(60))), domain=7), B, NOW_NS)] * 50
    archive = [(session()[0], B, NOW_NS), *flows]
    assert scan_templates(archive) == scan_templates(archive[:1])


@corpus.early()
def test_captures_with_early_data_lose_none_after_a_scan(name: str) -> None:
    given = [(each.octets, each.exporter, each.received_ns) for each in corpus.datagrams(name)]
    decoder = Decoder(NATIVE, replay=False)
    state = scan_templates(given)
    decoder.import_state(state)
    decoder.events()
    whole, alone = (sum(map(len, each.batches(given))) for each in (decoder, Decoder(NATIVE, replay=False)))
    assert whole >= alone
    known = {(scope[2], id) for scope, id in unpack(state).templates}
    dropped = {(event.domain, event.set_id) for event in decoder.events() if event.code == "data_dropped"}
    assert not dropped & known
