"""redact: pseudonyms that are alike as far as addresses were, in datagrams that are framed as they were."""

from __future__ import annotations

from hashlib import blake2s
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowparse import FLOW, Decoder, StateError, capture, redact, scan_templates
from flowparse.redaction.pseudonyms import Pseudonyms
from tests import build_sflow as sflow
from tests.build import (
    IPFIX_OPTIONS,
    IPFIX_TEMPLATES,
    V9_OPTIONS,
    V9_TEMPLATES,
    VARIABLE,
    V5Record,
    V7Record,
    addr,
    ipfix,
    ipv4,
    ipv6,
    mac,
    netflow1,
    netflow5,
    netflow7,
    netflow9,
    options_template_record,
    options_template_record9,
    set_,
    template_record,
    udp,
    udp_segment,
    uint,
    var,
)
from tests.shared import SHARED, needs_shared

KEY = bytes(range(32))
KINDS = {4: b"fp ipv4", 16: b"fp ipv6", 6: b"fp mac"}
SECRETS = ["192.0.2.77", "198.51.100.88", "203.0.113.99", "2001:db8:77::1", "2001:db8:88::2"]
MACS = [mac("02:aa:bb:cc:dd:77"), mac("02:aa:bb:cc:dd:88")]


def naive(address: bytes, key: bytes = KEY) -> bytes:
    """The scheme once more, bit by bit on text."""
    bits = "".join(f"{octet:08b}" for octet in address)
    made = ""
    for place, bit in enumerate(bits):
        whole, within = bits[: place // 8 * 8], bits[place // 8 * 8 : place]
        octets = bytes(int(whole[at : at + 8], 2) for at in range(0, len(whole), 8))
        digest = blake2s(octets, key=key, person=KINDS[len(address)]).digest()
        node = int("1" + within, 2)
        made += str(int(bit) ^ (digest[node // 8] >> (node % 8) & 1))
    return int(made, 2).to_bytes(len(address), "big")


def pseudonym(text: str) -> bytes:
    return naive(addr(text))


def mapped(pseudonyms: Pseudonyms, address: bytes) -> bytes:
    return {4: pseudonyms.ipv4, 16: pseudonyms.ipv6, 6: pseudonyms.mac}[len(address)](address)


def shared_bits(one: bytes, other: bytes) -> int:
    return 8 * len(one) - (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_length()


def only(datagram: bytes, **options: Any) -> bytes:
    (made,) = redact([datagram], key=KEY, **options)
    return made


ADDRESSES = st.sampled_from([4, 6, 16]).flatmap(lambda n: st.tuples(st.binary(min_size=n, max_size=n), st.just(n)))

# ── the scheme ───────────────────────────────────────────────────────────────────────────────────────────────────────


@given(ADDRESSES, st.integers(0, 127), st.integers(0, 2**128 - 1), st.binary(min_size=16, max_size=32))
@settings(deadline=None, max_examples=200)
def test_addresses_that_share_n_leading_bits_share_n_afterwards(
    chosen: tuple[bytes, int], n: int, rest: int, key: bytes
) -> None:
    one, octets = chosen
    bits = 8 * octets
    n %= bits
    number = int.from_bytes(one, "big") ^ (1 << bits - 1 - n) ^ (rest & ((1 << bits - 1 - n) - 1))
    other = number.to_bytes(octets, "big")
    assert shared_bits(one, other) == n
    pseudonyms = Pseudonyms(key)
    # ::ffff:0:0/96 is IPv4's, and has no prefix in common with the others.
    if octets == 16 and bytes(10) + b"\xff\xff" in (one[:12], other[:12]):
        return
    assert shared_bits(mapped(pseudonyms, one), mapped(pseudonyms, other)) == n


@given(ADDRESSES, st.binary(min_size=16, max_size=32))
@settings(deadline=None, max_examples=100)
def test_the_scheme_is_as_it_is_written_down(chosen: tuple[bytes, int], key: bytes) -> None:
    address, octets = chosen
    if octets == 16 and address[:12] == bytes(10) + b"\xff\xff":
        return
    assert mapped(Pseudonyms(key), address) == naive(address, key)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", "16.5.177.206"),
        ("192.0.2.2", "16.5.177.204"),
        ("2001:db8::1", "b00c:7098:939c:54f6:abeb:79c7:5cd8:9ac8"),
        ("::ffff:192.0.2.1", "::ffff:1005:b1ce"),
    ],
)
def test_known_answers(address: str, expected: str) -> None:
    assert str(ip_address(mapped(Pseudonyms(KEY), addr(address)))) == expected


def test_mapped_addresses_are_those_of_ipv4() -> None:
    made = Pseudonyms(KEY).ipv6(addr("::ffff:192.0.2.77"))
    assert made == bytes(10) + b"\xff\xff" + pseudonym("192.0.2.77")


def test_forgetting_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowparse.redaction.pseudonyms.CACHED", 2)
    few = Pseudonyms(KEY)
    addresses = [uint(at * 0x01010101, 4) for at in range(50)] * 2
    assert [few.ipv4(each) for each in addresses] == [naive(each) for each in addresses]


def test_another_key_is_another_map() -> None:
    addresses = [uint(at * 0x01234567, 4) for at in range(64)]
    one, other = Pseudonyms(KEY), Pseudonyms(KEY[::-1])
    assert len({one.ipv4(each) for each in addresses}) == 64
    assert sum(one.ipv4(each) == other.ipv4(each) for each in addresses) < 4


@pytest.mark.parametrize("key", [b"", bytes(15), bytes(33)])
def test_a_key_of_another_length_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="16 to 32 octets"):
        redact([], key=key)


def test_what_callers_get_wrong_is_told() -> None:
    with pytest.raises(TypeError, match="a key is bytes, not str"):
        redact([], key="secret")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a datagram is octets, not str"):
        list(redact(["0005"], key=KEY))  # type: ignore[list-item]
    with pytest.raises(StateError):
        redact([], key=KEY, state=b"none")


# ── NetFlow and IPFIX ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("make", [netflow1, netflow5, netflow7])
def test_fixed_records_keep_all_but_addresses(make: Any) -> None:
    kind = V7Record if make is netflow7 else V5Record
    same = {"in_if": 7, "octets": 1234, "tcp_flags": 18}
    hops = {"src_addr": SECRETS[0], "dst_addr": SECRETS[1], "next_hop": SECRETS[2]}
    if make is netflow7:
        hops["router_sc"] = "192.0.2.78"
    expected = {name: str(ip_address(pseudonym(text))) for name, text in hops.items()}
    records = [[kind(**same, **each)] * 3 for each in (hops, expected)]
    assert only(make(records[0])) == make(records[1])


TEMPLATE = [(8, 4), (27, 16), (56, 6), (82, VARIABLE), (1, 4), (152, 8), (99, 3, 35632), (95, 4)]


def record(source: bytes, inner: bytes, hardware: bytes, name: bytes, unknown: bytes, application: bytes) -> bytes:
    return source + inner + hardware + var(name) + uint(7, 4) + uint(1_700_000_000_123, 8) + unknown + application


RECORD = record(addr(SECRETS[0]), addr(SECRETS[3]), MACS[0], b"secret0", b"abc", b"\3\0\0\x50")
REDACTED = record(pseudonym(SECRETS[0]), pseudonym(SECRETS[3]), naive(MACS[0]), b"xxxxxxx", bytes(3), bytes(4))


def test_ipfix_keeps_frames_and_numbers() -> None:
    def message(body: bytes, padding: bytes, option: bytes) -> bytes:
        return ipfix(
            set_(IPFIX_TEMPLATES, template_record(256, TEMPLATE)),
            set_(IPFIX_OPTIONS, options_template_record(257, [(149, 4)], [(82, 8), (130, 4)])),
            set_(256, body, body, padding),
            set_(257, uint(1, 4), option),
            domain=9,
        )

    hop = addr(SECRETS[1])
    sent = message(RECORD, b"\1\2\3", b"secret\0\0" + hop)
    assert only(sent) == message(REDACTED, bytes(3), b"x" * 8 + naive(hop))


def test_netflow9_likewise_and_templates_last() -> None:
    template = netflow9(
        set_(V9_TEMPLATES, template_record(256, [(8, 4), (15, 4), (2, 4)])),
        set_(V9_OPTIONS, options_template_record9(257, [(1, 4)], [(34, 4)])),
        source_id=3,
    )
    hops = [addr(SECRETS[0]), addr(SECRETS[1])]
    data = netflow9(set_(256, *hops, uint(5, 4)), set_(257, hops[0], uint(100, 4)), source_id=3)
    expected = netflow9(set_(256, *map(naive, hops), uint(5, 4)), set_(257, bytes(4), uint(100, 4)), source_id=3)
    assert list(redact([template, data], key=KEY)) == [template, expected]
    state = scan_templates([(template, "192.0.2.1", None)])
    assert only(data, state=state) == expected
    blank = netflow9(set_(256, bytes(12)), set_(257, bytes(8)), source_id=3)
    assert only(data)[20:] == blank[20:], "without a template nobody can read it"
    assert only(data.replace(b"\0\0\0\3", b"\0\0\0\4", 1), state=state)[20:] == blank[20:], "nor by another domain's"


def test_lists_are_read_as_deep_as_explain_reads_them() -> None:
    def message(first: bytes, second: bytes) -> bytes:
        basic = b"\3" + uint(8, 2) + uint(4, 2) + first + second
        inner = second + var(basic)
        return ipfix(
            set_(IPFIX_TEMPLATES, template_record(256, [(291, VARIABLE), (292, VARIABLE), (293, VARIABLE)])),
            set_(IPFIX_TEMPLATES, template_record(257, [(12, 4), (291, VARIABLE)])),
            set_(
                256,
                var(basic),
                var(b"\4" + uint(257, 2) + inner),
                var(b"\3" + uint(257, 2) + uint(4 + len(inner), 2) + inner),
            ),
        )

    one, other = addr(SECRETS[0]), addr(SECRETS[1])
    assert only(message(one, other)) == message(naive(one), naive(other))


def test_sampled_packets_within_ipfix() -> None:
    def message(source: str, target: str, hardware: bytes, payload: bytes) -> bytes:
        packet = udp(payload, (source, 53), (target, 40000))
        frame = hardware + MACS_ZERO + uint(0x0800, 2) + packet
        return ipfix(
            set_(IPFIX_TEMPLATES, template_record(256, [(315, VARIABLE), (313, VARIABLE), (314, VARIABLE)])),
            set_(256, var(frame), var(packet), var(payload)),
        )

    sent = message(SECRETS[0], SECRETS[1], MACS[0], b"secret")
    hops = [str(ip_address(pseudonym(each))) for each in SECRETS[:2]]
    expected = message(hops[0], hops[1], naive(MACS[0]), bytes(6))
    assert only(sent) == expected.replace(MACS_ZERO, naive(MACS_ZERO))


MACS_ZERO = mac("02:00:00:00:00:fe")

# ── sFlow ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def sampled(version: int, source: str, target: str, macs: list[bytes], payload: bytes) -> bytes:
    make = ipv6 if version == 6 else ipv4
    tags = uint(0x8100, 2) + uint(10, 2)
    kind = uint(0x86DD if version == 6 else 0x0800, 2)
    return macs[0] + macs[1] + tags + kind + make(udp_segment(payload, 53, 40000), source, target)


def samples(hop: str, four: tuple[str, str], six: tuple[str, str], macs: list[bytes], text: str, rest: bytes) -> bytes:
    user = sflow.tagged(1004, sflow.words(106) + sflow.opaque(text) + sflow.words(106) + sflow.opaque(text))
    four_record = sflow.tagged(3, sflow.words(60, 6) + addr(four[0]) + addr(four[1]) + sflow.words(1, 2, 0, 0))
    return sflow.datagram(
        sflow.flow_sample(
            sflow.header(sampled(4, *four, macs, rest)),
            sflow.switch(),
            sflow.router(hop),
            sflow.gateway((2, (1, 2)), next_hop=hop, communities=(5,)),
            user,
            four_record,
            sflow.tagged(99, rest, enterprise=4413),
        ),
        sflow.flow_sample(sflow.header(sampled(6, *six, macs, rest)), expanded=True),
        sflow.flow_sample(sflow.header(sampled(4, *four, macs, rest)[18:], protocol=11)),
        sflow.counters_sample(sflow.if_counters(), sflow.processor()),
        sflow.discard_sample(sflow.router(hop)),
        sflow.tagged(77, rest, enterprise=9),
        agent=hop,
    )


def test_sflow_keeps_frames_and_numbers() -> None:
    def map_text(text: str) -> str:
        return str(ip_address(pseudonym(text)))

    four, six = (SECRETS[0], SECRETS[1]), (SECRETS[3], SECRETS[4])
    sent = samples(SECRETS[2], four, six, MACS, "root", b"sixteen secrets!")
    expected = samples(
        map_text(SECRETS[2]),
        (map_text(four[0]), map_text(four[1])),
        (map_text(six[0]), map_text(six[1])),
        [naive(each) for each in MACS],
        "xxxx",
        bytes(16),
    )
    assert only(sent) == expected


def test_checksums_and_options_of_packets_go() -> None:
    packet = bytearray(ipv4(udp_segment(b"", 1, 2), SECRETS[0], SECRETS[1], options=b"\x83\x07\x04" + addr(SECRETS[2])))
    packet[10:12] = b"\xab\xcd"
    packet[-2:] = b"\xef\x01"
    made = only(sflow.datagram(sflow.flow_sample(sflow.header(bytes(packet), protocol=11))))
    hops = [str(ip_address(pseudonym(each))) for each in SECRETS[:2]]
    assert made.endswith(ipv4(udp_segment(b"", 1, 2), *hops, options=bytes(8)))


def test_behind_a_first_fragment_is_payload_and_of_sctp_are_ports() -> None:
    hops = [str(ip_address(pseudonym(each))) for each in SECRETS[:2]]
    body = bytes(range(1, 17))
    for proto, place, left in ((17, 0, 6), (17, 5, 0), (132, 0, 4), (4, 0, 0)):
        packets = [
            ipv4(octets, *of, proto=proto, fragment_offset=place)
            for octets, of in ((body, SECRETS[:2]), (body[:left] + bytes(16 - left), hops))
        ]
        sent, expected = (
            sflow.datagram(sflow.flow_sample(sflow.header(each, protocol=11)), agent=None) for each in packets
        )
        assert only(sent) == expected, (proto, place)


def test_hosts_keep_no_name_and_no_number_of_theirs() -> None:
    def message(name: str, uuid: bytes, macs: list[bytes]) -> bytes:
        adapters = sflow.words(1, 7, len(macs)) + b"".join(each + bytes(2) for each in macs)
        described = sflow.opaque(name) + uuid + sflow.words(2, 2) + sflow.opaque(name)
        return sflow.datagram(
            sflow.counters_sample(sflow.tagged(2000, described), sflow.tagged(2001, adapters), sflow.if_counters()),
            agent=None,
        )

    assert only(message("root", b"0123456789abcdef", MACS)) == message("xxxx", bytes(16), [naive(e) for e in MACS])


@pytest.mark.parametrize("version", [2, 4])
def test_of_old_sflow_the_header_is_left(version: int) -> None:
    made = only(sflow.datagram(b"secret samples..", agent=SECRETS[0], version=version))
    assert made == sflow.datagram(bytes(16), agent=str(ip_address(pseudonym(SECRETS[0]))), version=version)


# ── whatever comes ───────────────────────────────────────────────────────────────────────────────────────────────────

WHOLE = {
    "netflow5": netflow5([V5Record(src_addr=SECRETS[0], dst_addr=SECRETS[1])]),
    "netflow9": netflow9(
        set_(V9_TEMPLATES, template_record(256, [(8, 4), (12, 4)])), set_(256, addr(SECRETS[0]) + addr(SECRETS[1]))
    ),
    "ipfix": ipfix(set_(IPFIX_TEMPLATES, template_record(256, TEMPLATE)), set_(256, RECORD)),
    "sflow": samples(SECRETS[2], (SECRETS[0], SECRETS[1]), (SECRETS[3], SECRETS[4]), MACS, "root", b"sixteen secrets!"),
    "http": b"GET /secret HTTP/1.1",
}
HIDDEN = [*map(addr, SECRETS), *MACS, b"secret", b"root"]


@pytest.mark.parametrize("name", WHOLE)
def test_cut_anywhere_it_is_as_long_and_tells_nothing(name: str) -> None:
    for end in range(len(WHOLE[name]) + 1):
        made = only(WHOLE[name][:end])
        assert len(made) == end
        assert not [each for each in HIDDEN if each in made]


@given(st.sampled_from(sorted(WHOLE)), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4))
@settings(deadline=None, max_examples=200)
def test_damage_raises_nothing_and_changes_no_length(name: str, changes: list[tuple[int, int]]) -> None:
    octets = bytearray(WHOLE[name])
    for place, octet in changes:
        octets[place % len(octets)] = octet
    assert len(only(bytes(octets))) == len(octets)


def test_fields_without_octets_are_no_way_to_make_it_work_forever() -> None:
    # 8,000 fields to each of 30,000 records: 240 million places to look at.
    template = set_(IPFIX_TEMPLATES, template_record(256, [(1, 0)] * 8000 + [(4, 1)]))
    sent = ipfix(template, set_(256, b"\6" * 30000))
    made = only(sent)
    assert len(made) == len(sent)
    assert made.startswith(sent[: 16 + len(template) + 5])
    assert made.endswith(bytes(20000))


def test_datagrams_are_redacted_as_they_are_asked_for() -> None:
    asked = []

    def datagrams() -> Any:
        for each in WHOLE.values():
            asked.append(each)
            yield memoryview(each)

    made = redact(datagrams(), key=KEY)
    assert asked == []
    assert next(made) == only(WHOLE["netflow5"])
    assert len(asked) == 1


@needs_shared
def test_captures_decode_to_as_many_rows_of_the_same_numbers() -> None:
    assert SHARED is not None
    seen = 0
    for path in sorted((SHARED / "captures").rglob("*.pcap"))[:40]:
        try:
            found = [(source, bytes(payload)) for _, source, _, payload in capture.datagrams(path.read_bytes())][:50]
        except ValueError:
            continue
        for source in {source for source, _ in found}:
            sent = [payload for each, payload in found if each == source]
            made = list(redact(sent, key=KEY))
            rows = []
            for datagrams in (sent, made):
                decoder = Decoder(FLOW.select("bytes", "packets", "proto", "in_if", "src_addr"))
                for each in datagrams:
                    decoder.feed(each, source[0])
                rows.append(decoder.take().to_dicts())
            seen += len(rows[0])
            assert len(rows[0]) == len(rows[1]), path
    assert seen > 100
