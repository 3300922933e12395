"""Prefix lists: what is read of them, and that matching is what the ipaddress module says. All lists are made up."""

from __future__ import annotations

import random
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowparse import PrefixSet, prefixes
from tests.out.rows import batch, flow, varied

DROP_TXT = """\
; Made-up DROP List 2024/07/14 - (c) 2024 Nobody
; https://example.com/drop.txt
; Last-Modified: Sun, 14 Jul 2024 11:35:26 GMT
; Expires: Sun, 14 Jul 2024 13:20:37 GMT
192.0.2.0/24 ; SBL900001
198.51.100.0/22 ; SBL900002

203.0.113.128/25 ; SBL900003
"""
DROP_JSON = b"""\
{"cidr":"192.0.2.0/24","sblid":"SBL900001","rir":"arin"}
{"cidr":"2001:db8:1::/48","sblid":"SBL900004","rir":"ripencc"}
{"type":"metadata","timestamp":1720956926,"size":99,"records":2,"copyright":"(c) 2024 Nobody","terms":"https://example.com/terms/"}
"""


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_drop_txt() -> None:
    found = prefixes.parse_drop(DROP_TXT)
    assert [(str(entry), entry.list_id, entry.line) for entry in found] == [
        ("192.0.2.0/24", "SBL900001", 5), ("198.51.100.0/22", "SBL900002", 6), ("203.0.113.128/25", "SBL900003", 8),
    ]  # fmt: skip
    assert found.metadata["last_modified"] == "Sun, 14 Jul 2024 11:35:26 GMT"
    assert found.metadata["expires"] == "Sun, 14 Jul 2024 13:20:37 GMT"
    assert found.metadata["comments"][0] == "Made-up DROP List 2024/07/14 - (c) 2024 Nobody"
    assert found.modified_ns == 1_720_956_926_000_000_000
    assert (found.problems, found.declared) == ((), None)


def test_drop_json() -> None:
    found = prefixes.parse_drop(DROP_JSON)
    assert found[0] == (IPv4Network("192.0.2.0/24"), "SBL900001", 1, "arin")
    assert found[1] == (IPv6Network("2001:db8:1::/48"), "SBL900004", 2, "ripencc")
    assert (found.declared, found.modified_ns, found.problems) == (2, 1_720_956_926_000_000_000, ())
    assert found.metadata["copyright"] == "(c) 2024 Nobody"
    assert found.metadata["terms"] == "https://example.com/terms/"


def test_a_declared_count_is_compared() -> None:
    [problem] = prefixes.parse_drop(DROP_JSON.replace(b'"records":2', b'"records":3')).problems
    assert (problem.line, problem.reason) == (3, "3 records are declared, 2 were read")


@pytest.mark.parametrize(
    ("line", "network", "list_id"),
    [
        ("192.0.2.0/24", "192.0.2.0/24", None),
        ("  192.0.2.7  ", "192.0.2.7/32", None),
        ("192.0.2.0/24,bad people, very", "192.0.2.0/24", "bad people, very"),
        ("192.0.2.0/24 # why", "192.0.2.0/24", "why"),
        ("192.0.2.0/255.255.255.0\tx", "192.0.2.0/24", "x"),
        ("2001:DB8::/32 ; SBL1\r\n", "2001:db8::/32", "SBL1"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24", None),
    ],
)
def test_lines_of_other_lists(line: str, network: str, list_id: str | None) -> None:
    [entry] = prefixes.parse([line])
    assert (str(entry), entry.list_id) == (network, list_id)


@pytest.mark.parametrize(
    ("line", "kept", "reason"),
    [
        ("192.0.2.1/24", 1, "taken as 192.0.2.0/24"),
        ("192.0.2.0/33", 0, "'192.0.2.0/33' does not appear"),
        ("fe80::1%eth0", 0, "is no prefix"),
        ("nonsense", 0, "does not appear"),
        (";", 0, None),
        ("", 0, None),
        ("{", 0, "no JSON"),
        ("{}", 0, "None is no prefix"),
        ('{"cidr": 7}', 0, "7 is no prefix"),
        ('{"cidr": ["10.0.0.0/8"]}', 0, "is no prefix"),
        ('{"a":' + "[" * 100_000, 0, "no JSON"),
        ('{"a":' + "9" * 5000 + "}", 0, "no JSON"),
        (",", 0, "no prefix"),
    ],
)
def test_what_cannot_be_read_is_a_problem(line: str, kept: int, reason: str | None) -> None:
    found = prefixes.parse(["198.51.100.0/24", line])
    assert len(found) == 1 + kept
    assert (found.problems == ()) == (reason is None)
    for problem in found.problems:
        assert problem.line == 2
        assert problem.text == line
        assert reason is not None
        assert reason in problem.reason


@given(st.binary(max_size=200))
def test_any_octets_are_read_or_told(octets: bytes) -> None:
    found = prefixes.parse_drop(octets)
    assert len(found) + len(found.problems) <= 2 * octets.count(b"\n") + 2 * len(octets) + 2


def test_an_entry_that_stands_twice() -> None:
    found = prefixes.parse("192.0.2.0/24 a\n192.0.2.0/24 b")
    assert found.problems[0].reason == "192.0.2.0/24 is on line 1 already"
    assert found.match(batch([flow(src_addr="192.0.2.1")])["src_addr"]).to_list() == [0]


@pytest.mark.parametrize(
    "date",
    ["Sun, 31 Feb 2024 11:35:26 GMT", "Sun, 14 Xyz 2024 11:35:26 GMT", "yesterday", "Sun, 14 Jul 0000 11:35:26 GMT"],
)
def test_a_date_that_is_none(date: str) -> None:
    assert prefixes.parse(f"; Last-Modified: {date}").modified_ns is None


# ── matching ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def longest(found: PrefixSet, address: str | None) -> int | None:
    """What the module says, entry by entry."""
    if address is None:
        return None
    inside = [i for i, entry in enumerate(found) if ip_address(address) in entry.network]
    return max(inside, key=lambda i: (found[i].network.prefixlen, -i), default=None)


NETWORK4 = st.builds(
    lambda address, length: str(ip_network((address, length), strict=False)),
    st.one_of(st.integers(0, 2**32 - 1), st.integers(0xFFFF_FF00, 2**32 - 1), st.integers(0, 70_000)),
    st.integers(0, 32),
)
NETWORK6 = st.builds(
    lambda address, length: str(IPv6Network((address, length), strict=False)),
    st.one_of(st.integers(0, 2**128 - 1), st.integers(2**128 - 300, 2**128 - 1), st.integers(0, 1 << 49)),
    st.integers(0, 128),
)


@given(st.lists(st.one_of(NETWORK4, NETWORK6), max_size=30), st.randoms(use_true_random=False))
def test_matching_is_what_the_ipaddress_module_says(networks: list[str], rng: random.Random) -> None:
    found = prefixes.parse(networks)
    addresses: list[str | None] = [None, "0.0.0.0", "255.255.255.255", "::", "ff" * 16, "::1:0:0:0"]
    addresses[4] = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
    for entry in found:
        kind = type(entry.network.network_address)
        first, last = int(entry.network.network_address), int(entry.network.broadcast_address)
        beyond = min(last + 1, 2**entry.network.max_prefixlen - 1)
        for number in (first, last, rng.randint(first, last), max(0, first - 1), beyond):
            address = kind(number)
            mapped = getattr(address, "ipv4_mapped", None)
            addresses.append(str(mapped or address))
    column = batch([flow(src_addr=address) for address in addresses], chunk_rows=7)["src_addr"]
    assert found.match(column).to_list() == [longest(found, address) for address in addresses]


def test_ipv6_prefixes_do_not_hold_ipv4_addresses() -> None:
    found = prefixes.parse(["::/0", "0.0.0.0/0", "::ffff:0:0/90"])
    column = batch([flow(src_addr=address) for address in ("10.0.0.9", "2001:db8::1", "::fffe:0:1")])["src_addr"]
    assert found.match(column).to_list() == [1, 0, 2]
    assert prefixes.parse(["::/0"]).match(column).to_list() == [None, 0, 0]


def test_an_empty_list_and_an_empty_column() -> None:
    rows = batch(varied(10))
    assert prefixes.parse([]).match(rows["src_addr"]).to_list() == [None] * 10
    assert len(prefixes.parse(["::/0"]).match(rows[:0]["src_addr"])) == 0
    assert prefixes.parse([]).annotate(rows)["src_addr_prefix"].null_count == 10


def test_match_wants_addresses() -> None:
    with pytest.raises(TypeError, match="column bytes is of type u64"):
        prefixes.parse([]).match(batch([flow()])["bytes"])


def test_annotate_puts_the_entry_beside_the_address() -> None:
    found = prefixes.parse_drop(DROP_TXT)
    ends = [("192.0.2.9", "10.0.0.5"), ("10.0.0.9", "203.0.113.200"), (None, "10.0.0.5"), ("203.0.113.1", "10.0.0.5")]
    rows = [flow(src_addr=src, dst_addr=dst) for src, dst in ends]
    [first, second, third, fourth] = found.annotate(batch(rows))
    assert (first.src_addr_prefix, first.src_addr_list_id, first.dst_addr_prefix) == ("192.0.2.0/24", "SBL900001", None)
    assert (second.dst_addr_prefix, second.dst_addr_list_id) == ("203.0.113.128/25", "SBL900003")
    assert third.src_addr_prefix is None
    assert fourth.src_addr_prefix is None
    assert first.bytes == 1000


def test_annotate_of_slices_is_a_slice_of_annotate() -> None:
    found = prefixes.parse(["10.0.0.0/30 four", "10.0.0.4/30", "2001:db8::/126 some"])
    whole = batch(varied(300), chunk_rows=100)
    annotated = found.annotate(whole)
    for part in (slice(0, 0), slice(3, 17), slice(95, 230), slice(99, 300)):
        assert found.annotate(whole[part]) == annotated[part]
    once = found.annotate(whole, columns=("next_hop",))
    assert once.names[-2:] == ("next_hop_prefix", "next_hop_list_id")
    with pytest.raises(ValueError, match="already"):
        found.annotate(annotated)
    with pytest.raises(KeyError):
        found.annotate(whole, columns=("addr",))


def test_a_list_is_a_sequence() -> None:
    found = prefixes.parse_drop(DROP_TXT)
    assert found[-1] in found
    assert [str(entry) for entry in found[1:]] == ["198.51.100.0/22", "203.0.113.128/25"]
    assert repr(found) == "<PrefixSet: 3 prefixes, 0 problems>"
    assert "SBL900002" in found._repr_html_()
