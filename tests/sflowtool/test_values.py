"""Values of sflowtool's text to octets: each kind takes what it prints, and nothing else."""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowparse import sflowtool
from flowparse._textvalues import KINDS, octets_of
from tests.sflowtool import made, printer

SWAPPED, ESCAPED = 1, 2


def u32(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(4) for number in numbers)


@pytest.mark.parametrize(
    ("kind", "text", "octets"),
    [
        ("u32", "4294967295", u32(2**32 - 1)),
        ("u32", "007", u32(7)),
        ("i32", "-1", u32(2**32 - 1)),
        ("i32", "-2147483648", u32(2**31)),
        ("i32", "4294967295", u32(2**32 - 1)),
        ("u64", "18446744073709551615", b"\xff" * 8),
        ("u8", "255", b"\xff"),
        ("pct", "12.34", u32(1234)),
        ("pct", "unknown", u32(2**32 - 1)),
        ("mac", "020000000001", bytes.fromhex("0200000000010000")),
        ("mac", "02-00-00-00-00-01", bytes.fromhex("0200000000010000")),
        ("ip4", "192.0.2.255", bytes([192, 0, 2, 255])),
        ("ip6", "2001:0db8:0000:0000:0000:0000:0000:0001", bytes.fromhex("20010db8000000000000000000000001")),
        ("addr", "-", u32(0)),
        ("addr", "10.0.0.1", u32(1) + bytes([10, 0, 0, 1])),
        ("str", "", u32(0)),
        ("str", "a b c", u32(5) + b"a b c\0\0\0"),
        ("opaque", "", u32(0)),
        ("opaque", "AA-0B-c0", u32(3) + b"\xaa\x0b\xc0\0"),
        ("uuid", "00010203-0405-0607-0809-0a0b0c0d0e0f", bytes(range(16))),
        ("uuid", "-".join(f"{n:02x}" for n in range(16)), bytes(range(16))),
        ("u64hex", "abcd0000000005a7", bytes.fromhex("abcd0000000005a7")),
        ("labels", "", u32(0)),
        ("labels", "16.5.1.64", u32(1, 16 << 12 | 5 << 9 | 1 << 8 | 64)),
        ("vlans", "0x88a83.0.100-0x81000.1.4095", u32(2, 0x88A86064, 0x81001FFF)),
        ("vlans", "0x88a8.3.0.100", u32(1, 0x88A86064)),
        ("u32[]", "1-2-3", u32(3, 1, 2, 3)),
        ("aspath", "", u32(0)),
        ("aspath", "100-200(300-400)500", u32(3, 2, 2, 100, 200, 1, 2, 300, 400, 2, 1, 500)),
        ("aspath", "100-(200-300)", u32(2, 2, 1, 100, 1, 2, 200, 300)),
        ("status", "NOT_FOUND", u32(8)),
        ("status", "UNATHORIZED", u32(10)),
        ("status", "<out-of-range=77>", u32(77)),
        ("direction", "sent", u32(2)),
        ("port", "1073741823", u32(0, 1073741823)),
        ("port", "dropCode 258", u32(1, 258)),
        ("port", "multiple 3", u32(2, 3)),
        ("port", "multiple >1", u32(2, 0)),
        ("port", "format==3 9", u32(3, 9)),
        ("source", "2:1", u32(2, 1)),
        ("skip", "anything", b""),
    ],
)
def test_what_is_printed(kind: str, text: str, octets: bytes) -> None:
    assert octets_of(kind, text.encode()) == octets


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *(("u32", text) for text in ("", "-1", "4294967296", "1 ", " 1", "0x10", "1.0", "9" * 40)),
        *(("i32", text) for text in ("", "-", "-2147483649", "--1")),
        *(("u64", text) for text in ("", "18446744073709551616", "99999999999999999999", "1" * 21, "-1")),
        ("u8", "256"),
        *(("pct", text) for text in ("", "1", "1.2", "1.234", "x.00", "42949672.95", "Unknown")),
        *(("mac", text) for text in ("", "02000000000", "0200000000011", "02000000000g", "02:00:00:00:00:01")),
        *(("ip4", text) for text in ("", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1..2.3", "-")),
        *(("ip6", text) for text in ("", "::1", "2001:0db8:0000:0000:0000:0000:0000:000", "2001-0db8" + "0" * 30)),
        *(("opaque", text) for text in ("A", "AA-", "AA-B", "AA BB", "AA-BB-", "AG", "AA--BB")),
        *(("uuid", text) for text in ("", "00", "0" * 31, "0" * 34, "g" * 32)),
        *(("u64hex", text) for text in ("", "1" * 17, "xyz")),
        *(("labels", text) for text in ("1", "1.2.3", "1048576.0.0.0", "1.8.0.0", "1.0.2.0", "1.0.0.256", "1.0.0.0-")),
        *(("vlans", text) for text in ("0x8100", "81000.0.1", "0x81008.0.1", "0x81000.2.1", "0x81000.0.4096")),
        *(("u32[]", text) for text in ("-", "1-", "-1", "1--2", "a")),
        *(("aspath", text) for text in ("(", ")", "()", "(1", "1)", "1-", "-1", "((1))", "1(2", "a")),
        *(("status", text) for text in ("", "success", "<out-of-range=>", "<out-of-range=x>")),
        ("direction", "up"),
        *(("port", text) for text in ("", "multiple", "multiple ", "dropCode", "dropCode x", "format==3", "3 4")),
        *(("source", text) for text in ("", "1", "1:", ":1", "1:2:3", "4294967296:1")),
        *(("f32", text) for text in ("", "-", "1.2.3", "1e5", "infinity", "nanx", "1" * 400)),
    ],
)
def test_what_is_never_printed(kind: str, text: str) -> None:
    assert octets_of(kind, text.encode()) is None


@pytest.mark.parametrize(
    ("text", "value"), [("1.500", 1.5), ("-2.250", -2.25), ("0.000", 0.0), ("123456.789", 123456.789)]
)
def test_floats(text: str, value: float) -> None:
    assert octets_of("f32", text.encode()) == struct.pack("!f", value)
    assert octets_of("f64", text.encode()) == struct.pack("!d", value)


def test_floats_that_are_no_numbers() -> None:
    for text in ("nan", "-nan"):
        octets = octets_of("f32", text.encode())
        assert octets is not None
        assert math.isnan(struct.unpack("!f", octets)[0])
    assert octets_of("f32", b"-inf") == struct.pack("!f", -math.inf)
    assert octets_of("f64", b"inf") == struct.pack("!d", math.inf)


def test_the_digits_of_5_01() -> None:
    assert octets_of("mac", b"200000000010", SWAPPED) == bytes.fromhex("0200000000010000")
    assert octets_of("opaque", b"00-50-6B", SWAPPED) == u32(3) + b"\x00\x05\xb6\0"
    assert octets_of("addr", b"0210", SWAPPED) == u32(0)  # what is left of an IPv6 address
    assert octets_of("vlans", b"0x888a3.0.100", SWAPPED) == u32(1, 0x88A86064)


def test_escapes() -> None:
    assert octets_of("escaped", b"a%5Fb") == u32(3) + b"a_b\0"
    assert octets_of("escaped", b"a%F5b", ESCAPED) == u32(3) + b"a_b\0"
    assert octets_of("escaped", b"a%5") is None
    assert octets_of("escaped", b"%") is None


@given(st.sampled_from(sorted(KINDS)), st.binary(max_size=60), st.integers(0, 3))
def test_any_octets_of_any_kind(kind: str, text: bytes, era: int) -> None:
    octets = octets_of(kind, text, era)
    assert octets is None or len(octets) <= 4 * len(text) + 20


@given(st.integers(0, 4102444800), st.integers(-14 * 60, 14 * 60))
def test_times_of_captures(seconds: int, zone_minutes: int) -> None:
    sign = "+" if zone_minutes >= 0 else "-"
    local = datetime.fromtimestamp(max(seconds + zone_minutes * 60, 0), UTC)
    zone = f"{sign}{abs(zone_minutes) // 60:02}{abs(zone_minutes) % 60:02}"
    text = printer.tagged([made.datagram(made.flow_sample())]).replace(
        "datagramVersion", f"pcapTimestamp {local:%Y-%m-%dT%H:%M:%S}{zone}\ndatagramVersion"
    )
    expected = (int(local.timestamp()) - zone_minutes * 60) * 10**9
    told = sflowtool.parse(text).flows[0].time_received_ns
    assert told == (expected if expected >= 0 else None)


@pytest.mark.parametrize("text", ["Tue Nov 14 22:13:20 2023", "2023-11-14T22:13:20", "2023-13-14T22:13:20+0000", ""])
def test_times_without_a_zone_are_none(text: str) -> None:
    printed = printer.tagged([made.datagram(made.flow_sample())]).replace(
        "datagramVersion", f"pcapTimestamp {text}\ndatagramVersion"
    )
    assert sflowtool.parse(printed).flows[0].time_received_ns is None
