"""Messages, Sets, data records and variable length: RFC 7011 sections 3, 7, 9 and 10, RFC 3954 section 5.

Each test is one item of the conformance list, `C_NNN`, and is put to the kernels and to the specification. What a test
says of the message is what `docs/design/wire-decisions.md` decides.
"""

from __future__ import annotations

from typing import Any

import pytest

from flowparse import DecodeError, FlowparseError, Malformed, Truncated, UnsupportedVersion
from tests.build import (
    IPFIX_OPTIONS,
    IPFIX_TEMPLATES,
    V9_TEMPLATES,
    VARIABLE,
    ipfix,
    netflow9,
    options_template_record,
    set_,
    template_record,
    uint,
    var,
)
from tests.subjects import Kernel, Reference, Subject

rfc7011 = pytest.mark.rfc("RFC 7011", "3")
A = ("192.0.2.1", 2055)
PAIR = template_record(256, [(1, 4), (2, 4)])
TEMPLATES = set_(IPFIX_TEMPLATES, PAIR)
TEMPLATES9 = set_(V9_TEMPLATES, PAIR)
STRING = set_(IPFIX_TEMPLATES, template_record(256, [(1, 4), (82, VARIABLE), (2, 1)]))

pytestmark = rfc7011


@pytest.fixture(params=[Kernel, Reference], ids=["kernel", "reference"])
def make(request: pytest.FixtureRequest) -> Any:
    return request.param


def data(*values: int, id: int = 256, padding: int = 0) -> bytes:
    """A Set of records of PAIR, 1 and so on."""
    return set_(id, *(uint(value, 4) + uint(0, 4) for value in values), padding=padding)


def octets(subject: Subject) -> list[int]:
    return [row.values["octetDeltaCount"] for row in subject.rows()]


def codes(subject: Subject) -> list[str]:
    return [event.code for event in subject.events()]


def fed(make: Any, *messages: bytes, **settings: Any) -> Subject:
    subject: Subject = make(**settings)
    for message in messages:
        subject.feed(message, A, 1)
    return subject


LEARNT = ["template_defined"]

# ── A. the Message Header ────────────────────────────────────────────────────────────────────────────────────────────


def test_C_001_header_fields_are_unsigned(make: Any) -> None:
    top = 2**32 - 1
    (row,) = fed(make, ipfix(TEMPLATES, data(7), export_time_s=top, sequence=top, domain=top)).rows()
    assert (row.values["domain"], row.values["export_time"]) == (top, top * 10**9)


@pytest.mark.parametrize("version", [0, 2, 3, 4, 6, 8, 11, 255, 256, 0x0A00, 65535])
def test_C_002_other_versions_are_refused(make: Any, version: int) -> None:
    subject = fed(make, uint(version, 2) + ipfix(TEMPLATES, data(1))[2:])
    (event,) = subject.events()
    assert (event.code, dict(event.detail)) == ("message_discarded", {"version": version})
    assert (subject.rows(), subject.templates()) == ([], [])
    with pytest.raises(UnsupportedVersion):
        fed(make, uint(version, 2), strict=True)


@pytest.mark.parametrize("length", range(16))
def test_C_003_less_than_a_header_is_no_message(make: Any, length: int) -> None:
    subject = fed(make, ipfix(TEMPLATES)[:length])
    assert codes(subject) == ["message_discarded"]
    with pytest.raises(Truncated) as raised:
        fed(make, ipfix(TEMPLATES)[:length], strict=True)
    assert isinstance(raised.value, FlowparseError)


@pytest.mark.parametrize("length", [0, 1, 15])
@pytest.mark.parametrize("malformed", [None, "discard", "salvage"])
def test_C_004_a_length_below_16_means_nothing(make: Any, length: int, malformed: str | None) -> None:
    subject = fed(make, ipfix(TEMPLATES, data(1), length=length), malformed=malformed)
    (event,) = subject.events()
    assert (event.code, event.offset, dict(event.detail)) == ("message_discarded", 2, {"length": length})
    assert (subject.rows(), subject.templates()) == ([], [])


def test_C_005_a_length_beyond_the_datagram_discards_it_with_its_templates(make: Any) -> None:
    message = ipfix(TEMPLATES, data(1), length=1000)
    subject = fed(make, message)
    assert (codes(subject), subject.rows(), subject.templates()) == (["message_discarded"], [], [])
    kept = fed(make, message, malformed="salvage")
    assert (codes(kept), octets(kept)) == (["message_truncated", "template_defined"], [1])


def test_C_006_what_is_behind_the_length_is_told_and_not_decoded(make: Any) -> None:
    whole = ipfix(TEMPLATES, data(1))
    subject = fed(make, whole + data(2))
    first, _ = subject.events()
    assert (first.code, first.offset, first.detail["octets"]) == ("trailing_octets", len(whole), 12)
    assert octets(subject) == [1]


def test_C_007_a_message_of_65535_octets_is_decoded(make: Any) -> None:
    one = template_record(256, [(4, 1)])
    subject = fed(make, ipfix(set_(IPFIX_TEMPLATES, one)), ipfix(set_(256, bytes(65515))))
    assert len(subject.rows()) == 65515


def test_C_008_a_message_without_sets_is_accepted(make: Any) -> None:
    subject = fed(make, ipfix())
    (event,) = subject.events()
    assert (event.code, event.severity, event.offset) == ("set_skipped", "info", 16)


def test_C_009_domains_have_templates_of_their_own(make: Any) -> None:
    other = set_(IPFIX_TEMPLATES, template_record(256, [(2, 4), (1, 4)]))
    subject = fed(
        make,
        *(ipfix(TEMPLATES, domain=1), ipfix(other, domain=2)),
        *(ipfix(data(5), domain=1), ipfix(data(6), domain=2)),
    )
    assert sorted((row.values["domain"], row.values["octetDeltaCount"]) for row in subject.rows()) == [(1, 5), (2, 0)]


def test_C_010_domain_0_is_a_domain(make: Any) -> None:
    subject = fed(make, ipfix(TEMPLATES, domain=0), ipfix(data(1), domain=1), replay=False)
    assert (octets(subject), codes(subject)) == ([], ["template_defined", "data_dropped"])


# ── B. Sets ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_C_013_a_set_begins_where_the_one_before_it_ends(make: Any) -> None:
    subject = fed(make, ipfix(TEMPLATES), ipfix(set_(300, b"abc"), data(3)), replay=False)
    assert octets(subject) == [3]


@pytest.mark.parametrize("id", [0, 1, 4, 5, 127, 255])
def test_C_014_C_015_reserved_sets_are_skipped_by_their_length(make: Any, id: int) -> None:
    subject = fed(make, ipfix(set_(id, b"\1\2\3"), TEMPLATES, data(3)))
    first = subject.events()[0]
    assert (first.code, first.set_id, first.offset, first.detail["octets"]) == ("set_skipped", id, 16, 7)
    assert octets(subject) == [3]


@pytest.mark.parametrize("id", [2, 3, 255])
def test_v9_reserved_flowsets_are_skipped(make: Any, id: int) -> None:
    subject = fed(make, netflow9(set_(id, b"abc"), TEMPLATES9, data(3)))
    assert (codes(subject)[0], octets(subject)) == ("set_skipped", [3])


@pytest.mark.parametrize("length", range(4))
def test_C_016_a_set_shorter_than_its_header_is_malformed(make: Any, length: int) -> None:
    message = ipfix(TEMPLATES, data(1), set_(256, length=length))
    subject = fed(make, message)
    (event,) = subject.events()
    assert (event.code, event.offset, event.detail["length"]) == ("message_discarded", len(message) - 4, length)
    assert (subject.rows(), subject.templates()) == ([], [])
    kept = fed(make, message, malformed="salvage")
    assert (octets(kept), codes(kept)) == ([1], ["template_defined", "message_truncated"])
    with pytest.raises(Malformed):
        fed(make, message, strict=True)


@pytest.mark.parametrize("length", range(4))
def test_v9_keeps_what_is_before_such_a_set(make: Any, length: int) -> None:
    subject = fed(make, netflow9(TEMPLATES9, data(1), set_(256, length=length), data(2)))
    assert (octets(subject), codes(subject)) == ([1], ["template_defined", "message_truncated"])
    gone = fed(make, netflow9(TEMPLATES9, data(1), set_(256, length=length)), malformed="discard")
    assert (gone.rows(), gone.templates()) == ([], [])


def test_C_017_a_set_longer_than_what_is_left_is_malformed(make: Any) -> None:
    message = ipfix(TEMPLATES, set_(256, bytes(8), length=13))
    assert codes(fed(make, message)) == ["message_discarded"]
    kept = fed(make, message, malformed="salvage")
    assert (octets(kept), codes(kept)) == ([], ["template_defined", "message_truncated"])


def test_v9_decodes_the_records_that_are_there_of_a_cut_flowset(make: Any) -> None:
    subject = fed(make, netflow9(TEMPLATES9, set_(256, uint(1, 4), uint(0, 4), b"abc", length=400)))
    assert (octets(subject), codes(subject)) == ([1], ["template_defined", "message_truncated"])


@pytest.mark.parametrize("id", [2, 3, 256, 300])
def test_C_018_an_empty_set_is_accepted_but_not_by_the_strict(make: Any, id: int) -> None:
    message = ipfix(TEMPLATES, set_(id), data(1))
    subject = fed(make, message)
    assert (octets(subject), codes(subject)) == ([1], ["template_defined", "set_skipped"])
    with pytest.raises(DecodeError):
        fed(make, message, strict=True)


@pytest.mark.parametrize("tail", [b"\0", b"\0\0", b"\0\0\0"])
def test_C_019_zeros_behind_the_last_set_are_padding(make: Any, tail: bytes) -> None:
    subject = fed(make, ipfix(TEMPLATES, data(1), tail))
    assert (octets(subject), codes(subject)) == ([1], ["template_defined", "trailing_octets"])
    with pytest.raises(Malformed):
        fed(make, ipfix(TEMPLATES, data(1), tail), strict=True)


@pytest.mark.parametrize("tail", [b"\1", b"\0\1", b"\0\0\1"])
def test_C_019_other_octets_there_are_malformed(make: Any, tail: bytes) -> None:
    message = ipfix(TEMPLATES, data(1), tail)
    assert codes(fed(make, message)) == ["message_discarded"]
    kept = fed(make, message, malformed="salvage")
    assert (octets(kept), codes(kept)) == ([1], ["template_defined", "message_truncated"])


def test_zeros_to_the_end_of_a_datagram_are_padding(make: Any) -> None:
    subject = fed(make, netflow9(TEMPLATES9, data(1), bytes(1300)))
    assert (octets(subject), codes(subject)) == ([1], ["template_defined", "trailing_octets"])


def test_C_020_padding_that_is_not_zero_is_told_and_harmless(make: Any) -> None:
    subject = fed(make, ipfix(TEMPLATES), ipfix(set_(256, bytes(8), b"xyz")))
    event = subject.events()[1]
    assert (event.code, event.offset, event.detail["octets"]) == ("padding_suspect", 28, 3)
    assert octets(subject) == [0]


@pytest.mark.parametrize("padding", range(8))
def test_C_021_less_than_a_record_is_padding(make: Any, padding: int) -> None:
    subject = fed(make, ipfix(TEMPLATES, data(1, 2, 3, padding=padding)))
    assert (octets(subject), codes(subject)) == ([1, 2, 3], LEARNT)


def test_C_021_records_of_one_octet_leave_no_padding(make: Any) -> None:
    one = set_(IPFIX_TEMPLATES, template_record(256, [(4, 1)]))
    assert len(fed(make, ipfix(one, set_(256, bytes(3)))).rows()) == 3


def test_C_022_a_variable_record_that_does_not_fit_is_no_padding(make: Any) -> None:
    message = ipfix(STRING, set_(256, uint(1, 4), var(b"ab"), b"\6", uint(2, 4), var(b"abc"), b""))
    subject = fed(make, message)
    (event,) = subject.events()
    assert (event.code, event.detail["needed"], event.detail["available"]) == ("message_discarded", 9, 8)
    kept = fed(make, message, malformed="salvage")
    assert (octets(kept), codes(kept)) == ([1], ["template_defined", "message_truncated"])


@pytest.mark.parametrize("padding", [1, 2, 3, 4, 8])
def test_C_023_zeros_behind_templates_are_padding(make: Any, padding: int) -> None:
    subject = fed(make, ipfix(set_(IPFIX_TEMPLATES, PAIR, padding=padding), data(1)))
    assert (octets(subject), codes(subject)) == ([1], LEARNT)


def test_C_024_sets_are_read_in_wire_order(make: Any) -> None:
    turned = set_(IPFIX_TEMPLATES, template_record(256, [(2, 4), (1, 4)]))
    options = set_(IPFIX_OPTIONS, options_template_record(257, [(149, 4)], [(41, 8)]))
    subject = fed(make, ipfix(TEMPLATES, options, data(1), set_(257, bytes(12)), data(2), turned, data(3)))
    flows = [row for row in subject.rows() if not row.is_options]
    assert [row.values["octetDeltaCount"] for row in flows] == [1, 2, 0]


# ── E. data records ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_C_051_elements_that_nobody_knows_are_octets(make: Any) -> None:
    unknown = set_(IPFIX_TEMPLATES, template_record(256, [(1, 4), (32767, 3), (9, 2, 4294967294)]))
    subject = fed(make, ipfix(unknown, set_(256, uint(1, 4), b"abc", b"de")), ipfix(set_(256, bytes(9)), sequence=1))
    first, second = subject.rows()
    assert [first.octets[name] for name in ("ie_0_32767", "ie_4294967294_9")] == [b"abc", b"de"]
    events = [event for event in subject.events() if event.code == "element_unknown"]
    assert [dict(event.detail)["elements"] for event in events] == [2]
    assert second.octets["ie_0_32767"] == bytes(3)


def test_C_052_data_without_a_template_are_no_error(make: Any) -> None:
    subject = fed(make, ipfix(data(1), data(2, id=300)), ipfix(TEMPLATES, sequence=99), replay=False)
    events = subject.events()
    assert [event.code for event in events] == ["data_dropped", "data_dropped", "template_defined"]
    assert (events[0].set_id, events[0].detail["octets"]) == (256, 12)


def test_C_053_data_wait_for_their_template(make: Any) -> None:
    subject = fed(make, ipfix(data(1), export_time_s=5), ipfix(data(2), data(3), export_time_s=6), ipfix(TEMPLATES))
    rows = subject.rows()
    assert [row.values["octetDeltaCount"] for row in rows] == [1, 2, 3]
    assert [row.values["export_time"] for row in rows] == [5 * 10**9, 6 * 10**9, 6 * 10**9]
    assert [row.values["message_index"] for row in rows] == [0, 1, 1]
    assert codes(subject) == [*["data_pending"] * 3, "template_defined", *["data_replayed"] * 3]


def test_C_054_a_template_lasts(make: Any) -> None:
    assert octets(fed(make, ipfix(TEMPLATES), ipfix(data(1)), ipfix(data(2), sequence=1))) == [1, 2]


def test_C_055_a_set_of_padding_alone_holds_no_record(make: Any) -> None:
    subject = fed(make, ipfix(TEMPLATES, set_(256, padding=5), data(1)))
    assert (octets(subject), codes(subject)) == ([1], ["template_defined", "set_skipped"])


def test_C_056_C_057_a_malformed_message_leaves_nothing_behind(make: Any) -> None:
    subject = fed(make, ipfix(TEMPLATES, data(1)))
    before = (subject.templates(), octets(subject), codes(subject))
    turned = set_(IPFIX_TEMPLATES, template_record(256, [(2, 4), (1, 4)]), template_record(300, [(1, 8)]))
    subject.feed(ipfix(turned, data(2), data(4, id=400), set_(256, bytes(8), length=99)), A, 2)
    assert (subject.templates(), subject.rows(), codes(subject)) == (before[0], [], ["message_discarded"])
    subject.feed(ipfix(data(3), sequence=1), A, 3)
    assert (octets(subject), codes(subject)) == ([3], [])


# ── F. variable length ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("length", [0, 1, 253, 254, 255, 256, 1000, 65000])
def test_C_058_C_059_C_060_every_length_is_read(make: Any, length: int) -> None:
    text = b"x" * length
    (row,) = fed(make, ipfix(STRING, set_(256, uint(1, 4), var(text), b"\6"))).rows()
    assert row.octets["interfaceName"] == text


@pytest.mark.parametrize("length", [0, 1, 5, 254])
def test_C_061_C_062_the_long_form_is_good_for_short_values(make: Any, length: int) -> None:
    text = b"x" * length
    (row,) = fed(make, ipfix(STRING, set_(256, uint(1, 4), var(text, long_form=True), b"\6"))).rows()
    assert row.octets["interfaceName"] == text


@pytest.mark.parametrize(
    ("behind", "needed"),
    [(b"\xc8" + b"x" * 199, 205), (b"\xff\xff\xff" + b"x" * 9, 4 + 3 + 65535), (b"\xff\0", 7), (b"\xff" + b"\0", 7)],
)  # fmt: skip
def test_C_063_what_goes_past_the_set_is_malformed(make: Any, behind: bytes, needed: int) -> None:
    message = ipfix(STRING, set_(256, uint(1, 4), behind))
    (event,) = fed(make, message).events()
    assert (event.code, event.detail["needed"]) == ("message_discarded", needed)
    assert event.detail["available"] == 4 + len(behind)


def test_C_063_a_prefix_of_one_octet_at_the_end_is_whole(make: Any) -> None:
    last = set_(IPFIX_TEMPLATES, template_record(256, [(1, 4), (82, VARIABLE)]))
    subject = fed(make, ipfix(last, set_(256, uint(1, 4), b"\0", uint(2, 4))))
    assert octets(subject) == [1]


def test_C_064_offsets_are_of_each_record(make: Any) -> None:
    two = set_(IPFIX_TEMPLATES, template_record(256, [(82, VARIABLE), (83, VARIABLE), (1, 4)]))
    records = [var(b"a" * (i * 37 % 300)) + var(b"b" * (i * 91 % 400)) + uint(i, 4) for i in range(100)]
    rows = fed(make, ipfix(two), ipfix(set_(256, *records))).rows()
    assert [row.values["octetDeltaCount"] for row in rows] == list(range(100))
    assert [len(row.octets["interfaceName"]) for row in rows] == [i * 37 % 300 for i in range(100)]


def test_C_065_a_number_may_have_variable_length(make: Any) -> None:
    odd = set_(IPFIX_TEMPLATES, template_record(256, [(1, VARIABLE), (2, 4)]))
    subject = fed(make, ipfix(odd, set_(256, var(b"\1\2\3"), uint(9, 4))))
    (row,) = subject.rows()
    assert (row.octets["octetDeltaCount"], row.values["packetDeltaCount"]) == (b"\1\2\3", 9)
    assert "value_out_of_range" in codes(subject)


def test_C_066_empty_values_make_many_records_and_an_end(make: Any) -> None:
    empty = set_(IPFIX_TEMPLATES, template_record(256, [(82, VARIABLE)]))
    assert len(fed(make, ipfix(empty, set_(256, bytes(60000)))).rows()) == 60000


def test_C_067_v9_has_variable_length_too(make: Any) -> None:
    h3c = set_(V9_TEMPLATES, template_record(256, [(1, 4), (236, VARIABLE)]))
    (row,) = fed(make, netflow9(h3c, set_(256, uint(1, 4), b"\xff\0\1\0"))).rows()
    assert row.octets["VRFname"] == b"\0"
