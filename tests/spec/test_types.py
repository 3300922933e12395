"""Abstract data types, reduced size and times: RFC 7011 sections 5, 6.1 and 6.2, RFC 7012 section 3.

Each test is one item of the conformance list, `C_NNN`: a message goes in and a record comes out, of the kernels and of
the specification. Elements of every type are those of an enterprise that the tests make up.
"""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowparse import FLOW, Decoder, elements
from flowparse.datatypes import DATA_TYPES
from flowparse.registry import Registry
from tests.build import (
    EXPORT_TIME_S,
    IPFIX_OPTIONS,
    IPFIX_TEMPLATES,
    VARIABLE,
    Field,
    ipfix,
    netflow9,
    options_template_record,
    set_,
    template_record,
    uint,
    var,
)
from tests.spec.test_sets import A, codes, make
from tests.subjects import SUBJECTS, Subject

__all__ = ["make"]

pytestmark = pytest.mark.rfc("RFC 7011", "6")
PEN = 64999
TYPES = list(DATA_TYPES)
REGISTRY = Registry.default().with_elements(
    "\n".join(f"x_{type}({PEN}/{n})<{type}>" for n, type in enumerate(TYPES, 1))
)
SECOND = 10**9
EXPORT_NS = EXPORT_TIME_S * SECOND
NTP_1970 = 2_208_988_800


def field(type: str, length: int) -> Field:
    return (TYPES.index(type) + 1, length, PEN)


def one(make: Any, type: str, *octets: bytes) -> Subject:
    """A subject that was fed a message with a record for each value, all of one length."""
    (length,) = {len(each) for each in octets}
    record = template_record(256, [(4, 1), field(type, length)])
    subject: Subject = make(registry=REGISTRY)
    subject.feed(ipfix(set_(IPFIX_TEMPLATES, record), set_(256, *(b"\7" + each for each in octets))), A, EXPORT_NS)
    return subject


def values(make: Any, type: str, *octets: bytes) -> list[Any]:
    """What values of one type and length are."""
    rows = one(make, type, *octets).rows()
    assert [row.values["protocolIdentifier"] for row in rows] == [7] * len(octets)
    assert [row.octets[f"x_{type}"] for row in rows] == list(octets)
    return [row.values[f"x_{type}"] for row in rows]


def ns(text: str) -> int:
    """A time of whole seconds in nanoseconds since 1970."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


def flow(fields: list[Field], *octets: bytes, before: tuple[bytes, ...] = ()) -> dict[str, Any]:
    """A record as FLOW has it, in a message behind others."""
    decoder = Decoder(FLOW)
    for message in before:
        decoder.feed(message, A, EXPORT_NS)
    message = ipfix(set_(IPFIX_TEMPLATES, template_record(400, fields)), set_(400, b"".join(octets)))
    (row,) = decoder.decode(message, A, EXPORT_NS).flows
    found: dict[str, Any] = row.as_dict()
    return found


# ── G. abstract data types ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_C_068_unsigned_numbers_of_full_size(make: Any, width: int) -> None:
    numbers = [0, 1, 2 ** (8 * width - 1), 2 ** (8 * width) - 1]
    assert values(make, f"unsigned{8 * width}", *(number.to_bytes(width) for number in numbers)) == numbers


@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_C_069_signed_numbers_are_of_twos_complement(make: Any, width: int) -> None:
    numbers = [-1, 0, -(2 ** (8 * width - 1)), 2 ** (8 * width - 1) - 1]
    octets = [number.to_bytes(width, signed=True) for number in numbers]
    assert values(make, f"signed{8 * width}", *octets) == numbers


@pytest.mark.parametrize(("type", "form"), [("float32", ">f"), ("float64", ">d")])
def test_C_070_floats_are_as_ieee_754_has_them(make: Any, type: str, form: str) -> None:
    numbers = [1.5, -0.0, math.inf, -math.inf, 2.0**-149, math.nan]
    *found, nan = values(make, type, *(struct.pack(form, number) for number in numbers))
    assert found == numbers[:-1]
    assert math.copysign(1, found[1]) == -1
    assert math.isnan(nan)


def test_C_071_octets_and_macs(make: Any) -> None:
    mac = bytes.fromhex("005300ff0a01")
    assert values(make, "octetArray", b"", b"") == [b"", b""]
    assert values(make, "octetArray", b"\0\xffa") == [b"\0\xffa"]
    assert values(make, "macAddress", mac) == ["00:53:00:ff:0a:01"]
    subject = one(make, "macAddress", mac + b"\0\0")
    assert subject.rows()[0].values["x_macAddress"] == mac + b"\0\0"
    assert "value_out_of_range" in codes(subject)


def test_C_072_booleans_are_1_and_2(make: Any) -> None:
    assert values(make, "boolean", b"\1", b"\2") == [True, False]


def test_C_073_other_booleans_are_false_or_nothing(make: Any) -> None:
    assert values(make, "boolean", b"\0", b"\3", b"\xff") == [False, None, None]


@pytest.mark.parametrize("text", ["", "café", "😀", "x" * 300])
def test_C_074_text_is_utf8(make: Any, text: str) -> None:
    assert values(make, "string", text.encode()) == [text]


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"a\xc0\x80", "a\\xc0\\x80"),
        (b"\xed\xa0\x80b", "\\xed\\xa0\\x80b"),
        (b"caf\xc3", "caf\\xc3"),
        (b"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"),
    ],
)
def test_C_075_what_is_no_utf8_is_shown_with_backslashes(make: Any, octets: bytes, text: str) -> None:
    assert values(make, "string", octets) == [text]


def test_C_076_zeros_fill_up_and_mean_nothing_at_the_end(make: Any) -> None:
    assert values(make, "string", b"Gi0/3\0\0\0", b"a\0b\0\0\0\0\0") == ["Gi0/3", "a\0b"]
    record = set_(IPFIX_TEMPLATES, template_record(256, [field("string", VARIABLE)]))
    subject = make(registry=REGISTRY)
    subject.feed(ipfix(record, set_(256, var(b"eth0\0"))), A, 1)
    (row,) = subject.rows()
    assert (row.values["x_string"], row.octets["x_string"]) == ("eth0", b"eth0\0")


def test_C_077_addresses_are_text_and_mapped_ones_are_ipv4(make: Any) -> None:
    mapped = bytes(10) + b"\xff\xff" + bytes([10, 0, 0, 9])
    assert values(make, "ipv4Address", bytes([10, 0, 0, 9]), bytes(4)) == ["10.0.0.9", "0.0.0.0"]
    assert values(make, "ipv6Address", bytes.fromhex("20010db8" + "00" * 11 + "01"), bytes(16), mapped) == [
        "2001:db8::1",
        "::",
        "10.0.0.9",
    ]


@pytest.mark.parametrize(("type", "length"), [("ipv4Address", 16), ("ipv4Address", 3), ("ipv6Address", 4)])
def test_C_078_addresses_of_another_length_are_octets(make: Any, type: str, length: int) -> None:
    subject = one(make, type, bytes(range(length)))
    assert subject.rows()[0].values[f"x_{type}"] == bytes(range(length))
    assert codes(subject).count("value_out_of_range") == 1


@pytest.mark.parametrize("length", [9, 16, 2000])
@pytest.mark.parametrize("type", ["unsigned64", "signed32", "unsigned8"])
def test_C_079_numbers_that_are_too_long_are_octets(make: Any, type: str, length: int) -> None:
    subject = one(make, type, b"\xff" * length)
    assert subject.rows()[0].values[f"x_{type}"] == b"\xff" * length
    assert "value_out_of_range" in codes(subject)


@pytest.mark.parametrize("length", [1, 31, 32])
def test_C_080_numbers_of_256_bits_are_octets(make: Any, length: int) -> None:
    assert values(make, "unsigned256", b"\x80" * length) == [b"\x80" * length]


def test_C_081_semantics_are_known_and_only_counters_are_scaled() -> None:
    by_semantics = {each.semantics for each in elements()}
    assert {"identifier", "flags", "list", "totalCounter", "deltaCounter", "quantity"} <= by_semantics
    fields: list[Field] = [(1, 4), (2, 4), (34, 4), (4, 1), (6, 1)]
    decoder = Decoder(FLOW.select("bytes", "packets", "sampling_rate", "proto", "tcp_flags"))
    record = uint(100, 4) + uint(2, 4) + uint(50, 4) + b"\6\2"
    decoder.feed(ipfix(set_(IPFIX_TEMPLATES, template_record(256, fields)), set_(256, record)), A)
    (row,) = decoder.take().scaled()
    assert (row.bytes_estimated, row.packets_estimated) == (5000, 100)
    assert (row.bytes, row.packets, row.proto, row.tcp_flags) == (100, 2, 6, 2)


# ── H. reduced size ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.__name__.lower())
@given(width=st.sampled_from([2, 4, 8]), data=st.data())
def test_C_082_a_number_is_the_same_in_every_length_that_holds_it(subject: Any, width: int, data: Any) -> None:
    length = data.draw(st.integers(1, width))
    number = data.draw(st.integers(0, 2 ** (8 * length) - 1))
    for wider in range(length, width + 1):
        assert values(subject, f"unsigned{8 * width}", number.to_bytes(wider)) == [number]


@pytest.mark.parametrize("length", range(1, 9))
def test_C_083_the_sign_of_a_reduced_number_is_kept(make: Any, length: int) -> None:
    assert values(make, "signed64", b"\xff" * length, b"\x80" + bytes(length - 1)) == [-1, -(2 ** (8 * length - 1))]


def test_C_084_a_float64_may_be_sent_as_a_float32(make: Any) -> None:
    assert values(make, "float64", struct.pack(">f", 1.5)) == [1.5]
    for length in (1, 2, 3, 5, 6, 7):
        subject = one(make, "float64", b"\x3f" * length)
        assert subject.rows()[0].values["x_float64"] == b"\x3f" * length
        assert "value_out_of_range" in codes(subject)


@pytest.mark.parametrize(
    ("type", "length"),
    [
        ("ipv4Address", 2), ("ipv6Address", 8), ("macAddress", 4), ("boolean", 2), ("dateTimeSeconds", 2),
        ("dateTimeSeconds", 8), ("dateTimeMilliseconds", 4), ("dateTimeMicroseconds", 4), ("dateTimeNanoseconds", 7),
    ],
)  # fmt: skip
def test_C_085_what_may_not_be_reduced_is_octets(make: Any, type: str, length: int) -> None:
    subject = one(make, type, b"\1" * length)
    assert subject.rows()[0].values[f"x_{type}"] == b"\1" * length
    assert "value_out_of_range" in codes(subject)


def test_C_085_the_flow_view_has_no_time_of_a_reduced_one() -> None:
    row = flow([(152, 4), (153, 4)], uint(1_700_000_000, 4), uint(1_700_000_001, 4))
    assert row["time_source"] in (0, 6)


@pytest.mark.parametrize(("element", "length"), [(4, 2), (4, 4), (10, 8), (16, 8), (7, 4)])
def test_C_086_numbers_may_be_wider_than_their_type(make: Any, element: int, length: int) -> None:
    subject: Subject = make()
    record = template_record(256, [(element, length)])
    subject.feed(ipfix(set_(IPFIX_TEMPLATES, record), set_(256, uint(200, length))), A, 1)
    (row,) = subject.rows()
    assert 200 in row.values.values()
    top = 2 ** (8 * length) - 1
    subject.feed(ipfix(set_(256, uint(top, length)), sequence=1), A, 2)
    assert top in subject.rows()[0].values.values()


# ── I. times ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_C_087_seconds_are_unsigned(make: Any) -> None:
    assert values(make, "dateTimeSeconds", bytes(4), b"\x80\0\0\0", b"\xff" * 4) == [
        0,
        ns("2038-01-19T03:14:08"),
        ns("2106-02-07T06:28:15"),
    ]


@pytest.mark.parametrize("export_time_s", [0, 5, 2**31, 2**32 - 1])
def test_C_088_seconds_are_of_the_first_era_whatever_the_time(make: Any, export_time_s: int) -> None:
    subject: Subject = make(registry=REGISTRY)
    templates = set_(IPFIX_TEMPLATES, template_record(256, [field("dateTimeSeconds", 4)]))
    message = ipfix(templates, set_(256, uint(5, 4)), export_time_s=export_time_s)
    subject.feed(message, A, ns("2107-01-01T00:00:00"))
    (row,) = subject.rows()
    assert (row.values["export_time"], row.values["x_dateTimeSeconds"]) == (export_time_s * SECOND, 5 * SECOND)


def test_C_089_milliseconds_that_no_time_holds_are_nothing(make: Any) -> None:
    numbers = [0, 1_700_000_000_123, 9_223_372_036_854, 9_223_372_036_855, 2**64 - 1]
    assert values(make, "dateTimeMilliseconds", *(uint(number, 8) for number in numbers)) == [
        *(number * 10**6 for number in numbers[:3]),
        None,
        None,
    ]


@pytest.mark.parametrize("type", ["dateTimeMicroseconds", "dateTimeNanoseconds"])
def test_C_090_ntp_counts_from_1900(make: Any, type: str) -> None:
    half = struct.pack(">II", NTP_1970 + 1_700_000_000, 1 << 31)
    assert values(make, type, uint(NTP_1970, 4) + bytes(4), half) == [0, 1_700_000_000 * SECOND + SECOND // 2]


def test_C_091_the_low_bits_of_microseconds_are_ignored(make: Any) -> None:
    clean = struct.pack(">II", NTP_1970, 1 << 31)
    dirty = struct.pack(">II", NTP_1970, 1 << 31 | 0x7FF)
    assert values(make, "dateTimeMicroseconds", clean, dirty) == [SECOND // 2] * 2


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.__name__.lower())
@given(microseconds=st.lists(st.integers(0, 10**6 - 1), min_size=1, max_size=30))
def test_C_092_nanoseconds_are_rounded_and_whole_microseconds_exact(subject: Any, microseconds: list[int]) -> None:
    octets = [struct.pack(">II", NTP_1970, ((us << 32) + 500_000) // 10**6) for us in microseconds]
    assert values(subject, "dateTimeNanoseconds", *octets) == [us * 1000 for us in microseconds]
    (odd,) = values(subject, "dateTimeNanoseconds", struct.pack(">II", NTP_1970, 0x7FF))
    assert odd == round(0x7FF * SECOND / 2**32) == 477


@pytest.mark.parametrize("type", ["dateTimeMicroseconds", "dateTimeNanoseconds"])
def test_C_093_ntp_goes_on_after_2036(make: Any, type: str) -> None:
    octets = [b"\xff" * 4 + bytes(4), bytes(4) + b"\x80\0\0\0", b"\x80" + bytes(7), b"\x7f\xff\xff\xff" + bytes(4)]
    assert values(make, type, *octets) == [
        ns("2036-02-07T06:28:15"),
        ns("2036-02-07T06:28:16") + SECOND // 2,
        ns("1968-01-20T03:14:08"),
        ns("2104-02-26T09:42:23"),
    ]


@pytest.mark.parametrize("type", ["dateTimeMicroseconds", "dateTimeNanoseconds"])
def test_C_094_a_time_of_zeros_is_none(make: Any, type: str) -> None:
    assert values(make, type, bytes(8)) == [None]


@pytest.mark.parametrize("unit", [10**6, 10**9])
def test_C_095_a_number_since_1970_in_an_ntp_time_is_not_guessed_at(make: Any, unit: int) -> None:
    octets = uint(1_700_000_000 * unit, 8)
    seconds, fraction = struct.unpack(">II", octets)
    era = seconds if seconds >= 2**31 else seconds + 2**32
    wanted = (era - NTP_1970) * SECOND + ((fraction & 0xFFFFF800) * SECOND + 2**31 >> 32)
    assert values(make, "dateTimeMicroseconds", octets) == [wanted]


@pytest.mark.parametrize("delta_us", [0, 1, 1_500_000, 2**32 - 1])
def test_C_096_a_delta_is_before_the_export(make: Any, delta_us: int) -> None:
    record = template_record(256, [(158, 4), (159, 4)])
    subject: Subject = make()
    subject.feed(ipfix(set_(IPFIX_TEMPLATES, record), set_(256, uint(delta_us, 4) + bytes(4))), A, 1)
    (row,) = subject.rows()
    assert (row.values["flowStartDeltaMicroseconds"], row.values["flowEndDeltaMicroseconds"]) == (delta_us, 0)
    found = flow([(158, 4), (159, 4)], uint(delta_us, 4), bytes(4))
    assert (found["time_flow_start_ns"], found["time_flow_end_ns"]) == (EXPORT_NS - delta_us * 1000, EXPORT_NS)
    assert found["time_source"] == 2


@pytest.mark.parametrize("uptime_ms", [0, 1, 2**32 - 1])
def test_C_097_an_uptime_counts_from_the_start_in_its_record(make: Any, uptime_ms: int) -> None:
    init_ms = 1_600_000_000_000
    fields: list[Field] = [(22, 4), (21, 4), (160, 8)]
    octets = uint(uptime_ms, 4) * 2 + uint(init_ms, 8)
    subject: Subject = make()
    subject.feed(ipfix(set_(IPFIX_TEMPLATES, template_record(256, fields)), set_(256, octets)), A, 1)
    (row,) = subject.rows()
    assert (row.values["flowStartSysUpTime"], row.values["systemInitTimeMilliseconds"]) == (uptime_ms, init_ms * 10**6)
    found = flow(fields, octets)
    assert found["time_flow_start_ns"] == found["time_flow_end_ns"] == (init_ms + uptime_ms) * 10**6
    assert found["time_source"] == 3


def test_C_098_an_uptime_alone_is_no_time_until_options_tell_of_the_start() -> None:
    fields: list[Field] = [(22, 4), (21, 4)]
    alone = flow(fields, uint(1000, 4), uint(2000, 4))
    assert alone["time_source"] in (0, 6)
    init_ms = (EXPORT_TIME_S - 3600) * 1000
    options = options_template_record(300, [(149, 4)], [(160, 8)])
    told = ipfix(set_(IPFIX_OPTIONS, options), set_(300, uint(0, 4), uint(init_ms, 8)))
    known = flow(fields, uint(1000, 4), uint(2000, 4), before=(told,))
    assert (known["time_flow_start_ns"], known["time_flow_end_ns"]) == (
        init_ms * 10**6 + SECOND,
        init_ms * 10**6 + 2 * SECOND,
    )
    assert known["time_source"] == 4


def test_C_099_ends_before_starts_and_starts_after_the_export_are_as_sent(make: Any) -> None:
    start, end = EXPORT_TIME_S * 1000 + 60_000, EXPORT_TIME_S * 1000 - 60_000
    octets = uint(start, 8) + uint(end, 8)
    subject: Subject = make()
    subject.feed(ipfix(set_(IPFIX_TEMPLATES, template_record(256, [(152, 8), (153, 8)])), set_(256, octets)), A, 1)
    (row,) = subject.rows()
    assert (row.values["flowStartMilliseconds"], row.values["flowEndMilliseconds"]) == (start * 10**6, end * 10**6)
    found = flow([(152, 8), (153, 8)], octets)
    assert {found["time_flow_start_ns"], found["time_flow_end_ns"]} == {start * 10**6, end * 10**6}


# ── Q. the same of v9 ────────────────────────────────────────────────────────────────────────────────────────────────


def test_C_200_widths_of_v9_are_those_of_the_template(make: Any) -> None:
    subject: Subject = make()
    for id, width in ((256, 4), (257, 8)):
        fields: list[Field] = [(1, width), (2, width), (10, width // 2), (16, width // 2)]
        octets = uint(7, width) * 2 + uint(8, width // 2) * 2
        subject.feed(netflow9(set_(0, template_record(id, fields)), set_(id, octets), sequence=id), A, 1)
    for row in subject.rows():
        assert (row.values["octetDeltaCount"], row.values["packetDeltaCount"]) == (7, 7)
        assert (row.values["ingressInterface"], row.values["bgpSourceAsNumber"]) == (8, 8)
