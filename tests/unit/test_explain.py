"""explain: every octet once, by the names of the field, and why something was refused."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowparse import Decoder, Explanation, Limits, StateError, explain
from tests.build import (
    IPFIX_OPTIONS,
    IPFIX_TEMPLATES,
    V9_OPTIONS,
    V9_TEMPLATES,
    VARIABLE,
    V5Record,
    V7Record,
    addr,
    chapter_message,
    ipfix,
    netflow1,
    netflow5,
    netflow7,
    netflow9,
    options_template_record,
    options_template_record9,
    set_,
    template_record,
    uint,
    var,
    withdrawal,
)

TEMPLATE = set_(IPFIX_TEMPLATES, template_record(256, [(8, 4), (82, VARIABLE), (1, 4), (152, 8), (99, 3, 35632)]))
DATA = set_(256, addr("10.0.0.1"), var(b"eth\x1b0"), uint(7, 4), uint(1_700_000_000_123, 8), b"abc", padding=3)
BASIC = b"\3" + uint(0x8000 | 99, 2) + uint(VARIABLE, 2) + uint(35632, 4) + var(b"one") + var(b"three")
INNER = uint(443, 2) + var(b"\0" + uint(4, 2) + uint(1, 2) + b"\6\x11")
MULTI = b"\3" + uint(257, 2) + uint(4 + len(INNER), 2) + INNER + uint(258, 2) + uint(6, 2) + b"xy"
NESTED = b""
for _ in range(10):
    NESTED = b"\0" + uint(291, 2) + uint(VARIABLE, 2) + var(NESTED)
MESSAGES = {
    "ipfix": ipfix(
        TEMPLATE,
        set_(IPFIX_OPTIONS, options_template_record(257, [(149, 4)], [(41, 4)])),
        DATA,
        set_(300, b"xyz"),
        set_(257, uint(1, 4), uint(2, 4)),
        set_(9, b"a"),
        set_(IPFIX_TEMPLATES, withdrawal(256)),
        b"\1\2\3",
    ),
    "lists": ipfix(
        set_(IPFIX_TEMPLATES, template_record(256, [(291, VARIABLE), (292, VARIABLE), (293, 40)])),
        set_(IPFIX_TEMPLATES, template_record(257, [(7, 2), (291, VARIABLE)])),
        set_(256, var(BASIC), var(b"\4" + uint(257, 2) + INNER), MULTI.ljust(40, b"\0")),
        set_(256, var(BASIC[:4]), var(b""), b"\3".ljust(40, b"\0")),
        set_(256, var(NESTED), var(b"\4" + uint(999, 2) + b"ab"), bytes(40)),
    ),
    "behind": ipfix(TEMPLATE, DATA) + b"??",
    "v9": netflow9(
        set_(V9_TEMPLATES, template_record(256, [(8, 4), (1, 4)])),
        set_(V9_OPTIONS, options_template_record9(257, [(1, 4)], [(34, 4)]), padding=2),
        set_(256, bytes(16)),
        bytes(40),
    ),
    "v1": netflow1([V5Record()]),
    "v5": chapter_message(),
    "v5 cut": netflow5([V5Record()] * 3, count=4) + b"tail",
    "v7": netflow7([V7Record()]),
    "nothing": b"",
    "other": b"\0\x08 what is this",
}


def covered(found: Explanation) -> bool:
    """Whether the parts with a value cover every octet once."""
    at = 0
    for part in found.parts:
        if part.value and part.length:
            if part.offset != at:
                return False
            at += part.length
    return at == len(found.octets)


@pytest.mark.parametrize("name", MESSAGES)
def test_every_octet_is_named_once(name: str) -> None:
    assert covered(explain(MESSAGES[name]))


@settings(max_examples=150)
@given(st.sampled_from(sorted(MESSAGES)), st.integers(0, 2**32))
def test_every_octet_of_a_damaged_message_is_named_once(name: str, seed: int) -> None:
    pick, octets = random.Random(seed), bytearray(MESSAGES[name])
    for _ in range(pick.randint(1, 4)):
        if octets:
            octets[pick.randrange(len(octets))] = pick.choice((0, 1, 255, pick.randrange(256)))
    del octets[pick.randint(len(octets) // 2, len(octets)) :]
    found = explain(octets)
    assert covered(found)
    assert str(found)
    assert found._repr_html_()


def test_fields_have_names_values_and_units() -> None:
    parts = {part.name: (part.offset, part.value, part.note) for part in explain(MESSAGES["ipfix"]).parts}
    assert parts["sourceIPv4Address"][1] == "10.0.0.1"
    assert parts["interfaceName"][1:] == ("eth\\x1b0", "")
    assert parts["octetDeltaCount"][1:] == ("7", "octets")
    assert parts["flowStartMilliseconds"][1] == "2023-11-14 22:13:20.123 UTC"
    assert parts["ie_35632_99"][1] == "0x616263"
    assert parts["scope observationDomainId"][1:] == ("149, 4 octets", "unsigned32")


def test_what_was_refused_stands_where_it_is() -> None:
    text = str(explain(MESSAGES["ipfix"]))
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if "! Set 300 has no template" in line)
    assert "Set 300: data without a template" in lines[at - 2]
    assert lines[-1].strip().startswith("! 3 octets behind the last Set")


def test_earlier_datagrams_bring_templates() -> None:
    alone, with_template = explain(ipfix(DATA)), explain(ipfix(DATA), templates=[ipfix(TEMPLATE)])
    assert "data without a template" in str(alone)
    assert "octetDeltaCount = 7" in str(with_template)
    other_domain = explain(ipfix(DATA), templates=[ipfix(TEMPLATE, domain=5)])
    assert "data without a template" in str(other_domain)


def test_html_shows_what_the_wire_says_as_text() -> None:
    data = set_(256, addr("10.0.0.1"), var(b"<script>\xe2\x80\xae"), uint(7, 4), uint(0, 8), b"abc")
    page = explain(ipfix(TEMPLATE, data))._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;\\u202e" in page


@pytest.mark.rfc("6313", "4.5")
def test_what_lists_hold_is_named() -> None:
    lines = [line[67:] for line in str(explain(MESSAGES["lists"])).splitlines()]
    text = "\n".join(line.strip() for line in lines)
    for each in (
        "basicList: basicList", "semantic = 3  (allOf)", "of ie_35632_99 = 35632/99, variable  (octetArray)",
        "length of ie_35632_99 = 3", "ie_35632_99 = 0x6f6e65", "subTemplateList: subTemplateList", "Template ID = 257",
        "sourceTransportPort = 443", "of protocolIdentifier = 4, 1 octets  (unsigned8)", "protocolIdentifier = 17",
        "subTemplateMultiList: subTemplateMultiList", "records of template 257", "records of template 258",
        "Template ID = 258  (not known)", "not read = 0x7879", "Template ID = 999  (not known)",
    ):  # fmt: skip
        assert each in text, each


def test_lists_within_lists_are_read_as_deep_as_the_limit() -> None:
    text = str(explain(MESSAGES["lists"]))
    _, _, nested = text.rpartition("record 1")
    assert nested.count("of basicList = 291") == Limits().list_depth
    assert nested.count("lists within lists, not read = 0x") == 1


def test_a_state_brings_templates() -> None:
    for message, data in ((ipfix(TEMPLATE), ipfix(DATA)), (MESSAGES["v9"], netflow9(set_(256, bytes(16))))):
        decoder = Decoder()
        decoder.feed(message, "192.0.2.1")
        state = decoder.export_state()
        assert "octetDeltaCount = " in str(explain(data, state=state))
        assert "data without a template" in str(explain(data))
        assert covered(explain(data, state=state))
    assert "data without a template" in str(explain(ipfix(DATA, domain=9), state=state))
    assert "data without a template" in str(explain(netflow9(set_(300, bytes(16))), state=state))


def test_of_two_definitions_in_a_state_the_last_one_seen_holds() -> None:
    decoder = Decoder()
    for exporter, element, received_ns in (("192.0.2.1", 2, 5), ("192.0.2.2", 1, 9), ("192.0.2.3", 3, 7)):
        decoder.feed(ipfix(set_(IPFIX_TEMPLATES, template_record(256, [(element, 4)]))), exporter, received_ns)
    assert "octetDeltaCount = 7" in str(explain(ipfix(set_(256, uint(7, 4))), state=decoder.export_state()))


def test_a_state_that_is_none_is_refused() -> None:
    with pytest.raises(StateError):
        explain(ipfix(DATA), state=b"what is this")


def test_fields_without_octets_are_read_as_far_as_the_limit() -> None:
    # 8,000 fields to each of 30,000 records would be 240 million parts.
    template = set_(IPFIX_TEMPLATES, template_record(256, [(1, 0)] * 8000 + [(4, 1)]))
    found = explain(ipfix(template, set_(256, b"\6" * 30000)))
    assert sum(part.name == "protocolIdentifier" for part in found.parts) == 1 + 65536 // 8001
    assert (found.parts[-1].name, found.parts[-1].length) == ("not read", 30000 - 65536 // 8001)
    assert any(event.code == "limit_reached" for event in found.events)


def test_a_message_of_octets_alone_is_read_whole() -> None:
    template = set_(IPFIX_TEMPLATES, template_record(256, [(4, 1)] * 5))
    found = explain(ipfix(template, set_(256, b"\6" * 65000)))
    assert sum(part.name == "protocolIdentifier" for part in found.parts) == 5 + 65000
