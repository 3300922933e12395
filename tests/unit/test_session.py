"""Who sends: one identity for every spelling of an exporter."""

from __future__ import annotations

import dataclasses
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest

from flowparse.session import identify, stats_of

MAPPED = bytes(10) + b"\xff\xff\x0a\x00\x00\x01"


@pytest.mark.parametrize(
    "spelled",
    ["10.0.0.1", "::ffff:10.0.0.1", "::ffff:a00:1", b"\x0a\x00\x00\x01", MAPPED, IPv4Address("10.0.0.1"),
     IPv6Address("::ffff:10.0.0.1"), "::ffff:10.0.0.1%eth0"],
)  # fmt: skip
def test_an_exporter_is_one_however_it_is_spelled(spelled: Any) -> None:
    assert identify(spelled) == (MAPPED, None)
    assert identify((spelled, 9995)) == (MAPPED, 9995)
    assert identify((spelled, 0, 7, 3)) == (MAPPED, 0)


def test_nobody_is_none_with_or_without_a_port() -> None:
    assert identify("") == (None, None)
    assert identify(("", 5)) == (None, 5)


def test_addresses_of_ipv6_keep_their_octets() -> None:
    assert identify("2001:db8::1") == (b"\x20\x01\x0d\xb8" + bytes(11) + b"\1", None)
    assert identify(IPv6Address("fe80::1%3")) == identify("fe80::1%eth0") == identify("fe80::1")


@pytest.mark.parametrize(
    "wrong",
    ["10.0.0", "10.0.0.1/8", "localhost", " 10.0.0.1", b"", b"12345", 1, None, 2.5, [], {}, ("10.0.0.1",),
     ("10.0.0.1", 1, 2), ("10.0.0.1", 1, 2, 3, 4), ("10.0.0.1", 65536), ("10.0.0.1", "1"), ("10.0.0.1", None)],
)  # fmt: skip
def test_anything_else_is_a_value_error_of_few_words(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"address|port") as caught:
        identify(wrong)
    assert len(str(caught.value)) < 300


def test_statistics_say_null_for_what_is_not_known() -> None:
    stats = stats_of((None, 6, 0, 1, 64, 1, 0, 0, 0, 0, 0, 0, 0, False, 0, 0, None, None))
    assert (stats.exporter, stats.version, stats.missed_unit) == (None, "netflow1", "")
    assert (stats.sampling_rate, stats.sampling_source) == (None, "none")
    with pytest.raises(dataclasses.FrozenInstanceError):
        stats.datagrams = 2  # type: ignore[misc]
