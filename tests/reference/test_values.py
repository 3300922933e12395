"""What the octets of a field mean, type by type, against numbers worked out by hand."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from flowparse.reference.values import column, value

SECOND = 10**9


def ns(text: str) -> int:
    """A time of whole seconds in nanoseconds since 1970."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


def of(type: str, octets: str) -> Any:
    data = bytes.fromhex(octets)
    return value(type, len(data), data)


@pytest.mark.parametrize("type", ["unsigned8", "unsigned16", "unsigned32", "unsigned64"])
@pytest.mark.parametrize("length", range(1, 9))
def test_C_082_C_086_unsigned_numbers_of_every_length(type: str, length: int) -> None:
    for number in (0, 1, 2 ** (8 * length) - 1, 2 ** (8 * length - 1)):
        assert value(type, length, number.to_bytes(length)) == number
    assert column(type, length) == (f"u{type[8:]}" if length <= int(type[8:]) // 8 else "u64")


@pytest.mark.parametrize("length", range(1, 9))
def test_C_069_C_083_signed_numbers_of_every_length(length: int) -> None:
    for number in (0, -1, 2 ** (8 * length - 1) - 1, -(2 ** (8 * length - 1))):
        assert value("signed64", length, number.to_bytes(length, signed=True)) == number


def test_C_079_a_number_that_is_too_long_is_octets() -> None:
    assert of("unsigned64", "00" * 8 + "01") == bytes(8) + b"\1"
    assert of("signed32", "ff" * 5) == b"\xff" * 5
    assert (column("unsigned64", 9), column("signed32", 5)) == ("binary", "binary")


def test_C_070_C_084_floats() -> None:
    assert (of("float32", "3fc00000"), of("float64", "3ff8000000000000")) == (1.5, 1.5)
    assert math.copysign(1, of("float32", "80000000")) == -1
    assert (of("float32", "7f800000"), of("float64", "fff0000000000000")) == (math.inf, -math.inf)
    assert math.isnan(of("float32", "7fc00000"))
    assert of("float32", "00000001") == 2**-149
    assert (of("float64", "3fc00000"), column("float64", 4)) == (1.5, "f64")
    for length in (1, 2, 3, 5, 6, 7):
        assert (value("float64", length, bytes(length)), column("float64", length)) == (bytes(length), "binary")


def test_C_072_C_073_booleans() -> None:
    assert [of("boolean", octet) for octet in ("01", "02", "00", "03", "ff")] == [True, False, False, None, None]
    assert of("boolean", "0001") == b"\0\1"


def test_C_071_C_077_C_078_addresses() -> None:
    assert of("macAddress", "005300ff0a01") == "00:53:00:ff:0a:01"
    assert of("ipv4Address", "0a000009") == "10.0.0.9"
    assert of("ipv6Address", "20010db8" + "00" * 11 + "01") == "2001:db8::1"
    assert of("ipv6Address", "00" * 10 + "ffff0a000009") == "10.0.0.9"
    for type, length in (("macAddress", 8), ("ipv4Address", 16), ("ipv4Address", 3), ("ipv6Address", 4)):
        assert value(type, length, bytes(length)) == bytes(length)


def test_C_074_C_075_C_076_text() -> None:
    assert of("string", "636166c3a9f09f9880") == "café😀"
    assert of("string", "") == ""
    assert of("string", "61c080eda08062") == "a\\xc0\\x80\\xed\\xa0\\x80b"
    assert of("string", "6100620000") == "a\0b"
    assert value("string", 65535, b"a\0") == "a"


def test_C_087_seconds_are_unsigned() -> None:
    assert of("dateTimeSeconds", "00000000") == 0
    assert of("dateTimeSeconds", "80000000") == ns("2038-01-19T03:14:08")
    assert of("dateTimeSeconds", "ffffffff") == ns("2106-02-07T06:28:15")
    assert of("dateTimeSeconds", "00" * 8) == bytes(8)


def test_C_089_milliseconds_to_the_end_of_what_nanoseconds_hold() -> None:
    def of_number(number: int) -> Any:
        return value("dateTimeMilliseconds", 8, number.to_bytes(8))

    assert of_number(1_700_000_000_123) == 1_700_000_000_123 * 10**6
    assert of_number(9_223_372_036_854) == 9_223_372_036_854 * 10**6
    assert (of_number(9_223_372_036_855), of_number(2**64 - 1)) == (None, None)
    assert value("dateTimeMilliseconds", 4, bytes(4)) == bytes(4)  # C-085: never reduced


@pytest.mark.parametrize("type", ["dateTimeMicroseconds", "dateTimeNanoseconds"])
def test_C_090_C_093_C_094_ntp_seconds(type: str) -> None:
    assert of(type, "83aa7e8000000000") == 0
    assert of(type, "ffffffff00000000") == ns("2036-02-07T06:28:15")
    assert of(type, "0000000080000000") == ns("2036-02-07T06:28:16") + SECOND // 2
    assert of(type, "8000000000000000") == ns("1968-01-20T03:14:08")
    assert of(type, "0000000000000000") is None
    assert of(type, "00" * 16) == bytes(16)


def test_C_091_the_last_eleven_bits_of_microseconds_mean_nothing() -> None:
    assert (
        of("dateTimeMicroseconds", "83aa7e80800007ff") == of("dateTimeMicroseconds", "83aa7e8080000000") == SECOND // 2
    )
    assert of("dateTimeNanoseconds", "83aa7e80800007ff") == SECOND // 2 + 477


def test_C_092_every_whole_microsecond_comes_back_exactly() -> None:
    for us in (0, 1, 2, 15, 16, 999_999, *range(0, 10**6, 997)):
        for fraction in (us * 2**32 // 10**6, (us * 2**32 + 500_000) // 10**6):
            octets = (2_208_988_800).to_bytes(4) + fraction.to_bytes(4)
            assert round(value("dateTimeNanoseconds", 8, octets) / 1000) == us  # type: ignore[operator]
        octets = (2_208_988_800).to_bytes(4) + ((us * 2**32 + 500_000) // 10**6).to_bytes(4)
        assert value("dateTimeNanoseconds", 8, octets) == us * 1000


def test_the_last_fraction_of_a_second_rounds_up_to_the_next() -> None:
    assert of("dateTimeNanoseconds", "83aa7e80ffffffff") == SECOND


@pytest.mark.parametrize("type", ["basicList", "subTemplateList", "subTemplateMultiList", "octetArray", "unsigned256"])
def test_lists_and_octets_are_octets(type: str) -> None:
    assert of(type, "03ff") == b"\3\xff"


@pytest.mark.parametrize("type", ["unsigned64", "ipv4Address", "boolean", "dateTimeSeconds", "macAddress", "float32"])
def test_C_036_C_065_no_length_and_variable_length_of_a_fixed_type_are_octets(type: str) -> None:
    assert value(type, 0, b"") == b""
    assert value(type, 65535, b"\1\2\3") == b"\1\2\3"
    assert column(type, 0) == column(type, 65535) == "binary"
