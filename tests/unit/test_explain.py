"""explain: every octet once, by the names of the field, and why something was refused."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowparse import Explanation, explain
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
