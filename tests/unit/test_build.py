"""The encoder of the tests against scapy, which reads the same formats and shares no code with it."""

from __future__ import annotations

import io
import struct

import pytest

from tests import build
from tests.build import V5Record, V7Record

scapy = pytest.importorskip("scapy.all", reason="scapy is the independent reader here")
netflow = pytest.importorskip("scapy.layers.netflow")

RECORD = V5Record(
    src_addr="10.1.2.3", dst_addr="10.4.5.6", next_hop="10.7.8.9", in_if=11, out_if=12, packets=13, octets=14,
    first_ms=15, last_ms=16, src_port=17, dst_port=18, pad1=19, tcp_flags=20, proto=21, tos=22, src_as=23, dst_as=24,
    src_mask=25, dst_mask=26, pad2=27,
)  # fmt: skip


def test_netflow5_reads_back() -> None:
    octets = build.netflow5(
        [RECORD, V5Record()], sequence=5, sys_uptime_ms=6, export_time_s=7, export_time_ns=8, engine_type=9,
        engine_id=10, sampling_mode=1, sampling_interval=100,
    )  # fmt: skip
    assert len(octets) == 24 + 2 * 48
    head = netflow.NetflowHeader(octets)
    assert (head.version, head.count, head.sysUptime, head.unixSecs, head.unixNanoSeconds) == (5, 2, 6, 7, 8)
    assert (head.flowSequence, head.engineType, head.engineID, head.samplingInterval) == (5, 9, 10, 1 << 14 | 100)
    first = head[netflow.NetflowRecordV5]
    addresses = (first.src, first.dst, first.nexthop)
    assert addresses == ("10.1.2.3", "10.4.5.6", "10.7.8.9")
    counters = (first.input, first.output, first.dpkts, first.dOctets, first.first, first.last)
    assert counters == (11, 12, 13, 14, 15, 16)
    assert (first.srcport, first.dstport, first.pad1, int(first.tcpFlags), first.prot, first.tos) == (
        17,
        18,
        19,
        20,
        21,
        22,
    )
    assert (first.src_as, first.dst_as, first.src_mask, first.dst_mask, first.pad2) == (23, 24, 25, 26, 27)


def test_netflow1_has_a_header_of_16_and_records_of_48() -> None:
    octets = build.netflow1([RECORD, RECORD])
    assert len(octets) == 16 + 2 * 48
    assert octets[:4] == b"\0\1\0\2"
    assert octets[16 + 32 : 16 + 41] == bytes([0, 17, 0, 18, 0, 27, 21, 22, 20])


def test_netflow7_ends_with_the_router() -> None:
    octets = build.netflow7([V7Record(src_as=1, dst_as=2, src_mask=3, dst_mask=4, flags2=5, router_sc="10.0.0.8")])
    assert len(octets) == 24 + 52
    assert octets[-12:] == bytes([0, 1, 0, 2, 3, 4, 0, 5, 10, 0, 0, 8])


def test_a_count_can_lie() -> None:
    assert build.netflow5([], count=30)[2:4] == b"\0\x1e"
    assert build.netflow9(count=7)[2:4] == b"\0\7"
    assert build.ipfix(length=3)[2:4] == b"\0\3"
    assert build.set_(256, length=2)[2:4] == b"\0\2"


def test_the_count_of_v9_is_that_of_records() -> None:
    templates = build.set_(
        build.V9_TEMPLATES, build.template_record(256, [(1, 4)]), build.template_record(257, [(2, 4)])
    )
    data = build.set_(256, build.uint(1, 4), build.uint(2, 4), padding=2)
    head = netflow.NetflowHeader(build.netflow9(templates, data, sequence=3, source_id=4))
    assert (head.count, head.packageSequence, head.SourceID) == (4, 3, 4)
    read = head[netflow.NetflowFlowsetV9]
    assert [(t.templateID, t.fieldCount, t.template_fields[0].fieldType) for t in read.templates] == [
        (256, 1, 1),
        (257, 1, 2),
    ]


def test_options_templates_count_octets_in_v9_and_fields_in_ipfix() -> None:
    scopes: list[build.Field] = [(1, 4)]
    options: list[build.Field] = [(48, 1), (50, 4)]
    assert build.options_template_record9(258, scopes, options)[:6] == struct.pack(">HHH", 258, 4, 8)
    assert build.options_template_record(258, scopes, options)[:6] == struct.pack(">HHH", 258, 3, 1)
    assert build.withdrawal(258) == struct.pack(">HH", 258, 0)


def test_an_enterprise_field_has_the_top_bit_and_its_number() -> None:
    assert build.field((12235, build.VARIABLE, 9)) == struct.pack(">HHI", 0x8000 | 12235, 65535, 9)


@pytest.mark.parametrize("length", [0, 254])
def test_a_short_value_has_one_octet_of_length(length: int) -> None:
    assert build.var(bytes(length)) == bytes([length]) + bytes(length)


@pytest.mark.parametrize("length", [255, 256, 65535])
def test_a_long_value_has_three_octets_of_length(length: int) -> None:
    assert build.var(bytes(length)) == b"\xff" + struct.pack(">H", length) + bytes(length)
    assert build.var(b"ab", long_form=True) == b"\xff\0\2ab"


def test_the_message_of_the_chapter() -> None:
    head = netflow.NetflowHeader(build.chapter_message())
    assert (head.count, head.sysUptime, head.unixSecs, head.unixNanoSeconds) == (9, 290826756, 1489636168, 401224368)
    assert head.flowSequence == 77616
    flows, flow = [], head[netflow.NetflowRecordV5]
    while flow:
        flows.append((flow.src, flow.srcport, flow.dst, flow.dstport, flow.dpkts, flow.dOctets))
        flow = flow.payload
    assert flows[0] == ("192.168.0.1", 26828, "192.168.0.5", 179, 1, 40)
    assert flows[1] == flows[2] == ("10.0.0.9", 52912, "10.0.0.5", 8000, 6, 487)
    assert flows[7] == flows[8] == ("10.0.0.5", 8000, "10.0.0.9", 52913, 5, 973)
    assert sum(octets for src, *_, octets in flows if src == "10.0.0.9") == 1948


@pytest.mark.parametrize("source", ["192.0.2.1", "2001:db8::1"])
@pytest.mark.parametrize("tags", [[], [(0x8100, 5)], [(0x88A8, 6), (0x8100, 7)]])
def test_frames_read_back(source: str, tags: list[tuple[int, int]]) -> None:
    target = source[:-1] + "2"
    frame = scapy.Ether(build.ethernet(build.udp(b"hello", (source, 50000), (target, 2055)), tags=tags))
    found, layer = [], frame
    while layer := layer.payload:
        if isinstance(layer, scapy.Dot1Q):
            found.append(layer.vlan)
    assert found == [vlan for _, vlan in tags]
    ip = frame[scapy.IP] if "." in source else frame[scapy.IPv6]
    assert (ip.src, ip.dst, ip[scapy.UDP].sport, ip[scapy.UDP].dport) == (source, target, 50000, 2055)
    assert bytes(ip[scapy.UDP].payload) == b"hello"


def test_extension_headers_read_back() -> None:
    kinds = [build.HOP_BY_HOP, build.DESTINATION, build.FRAGMENT]
    packet = build.udp(b"x", ("::1", 1), ("::2", 2), extensions=[build.extension(kind, octets=8) for kind in kinds])
    read = scapy.IPv6(packet)
    assert [read.nh, read.payload.nh, read.payload.payload.nh] == kinds
    assert read[scapy.IPv6ExtHdrFragment].nh == build.UDP


@pytest.mark.parametrize("byte_order", ["<", ">"])
@pytest.mark.parametrize("nanosecond", [False, True])
def test_pcap_reads_back(byte_order: str, nanosecond: bool) -> None:
    time_ns, frame = 1_700_000_000_123_456_789, build.ethernet(build.udp(b"x" * 50))
    octets = build.pcap([(time_ns, frame)], byte_order=byte_order, nanosecond=nanosecond, snaplen=60)
    ((read, meta),) = scapy.RawPcapReader(io.BytesIO(octets))
    assert read == frame[:60]
    assert (meta.sec, meta.usec) == (1_700_000_000, 123_456_789 if nanosecond else 123_456)
    assert (meta.wirelen, meta.caplen) == (len(frame), 60)


@pytest.mark.parametrize("byte_order", ["<", ">"])
@pytest.mark.parametrize("tsresol", [None, 9, 0x80 | 20])
def test_pcapng_reads_back(byte_order: str, tsresol: int | None) -> None:
    time_ns, frame = 1_700_000_000_123_456_789, build.ethernet(build.udp(b"x" * 50))
    octets = build.pcapng([(time_ns, frame)], byte_order=byte_order, tsresol=tsresol)
    ((read, meta),) = scapy.RawPcapNgReader(io.BytesIO(octets))
    units = {None: 10**6, 9: 10**9, 0x80 | 20: 2**20}[tsresol]
    assert read == frame
    assert (meta.tshigh << 32 | meta.tslow) == time_ns * units // 10**9
    assert meta.wirelen == len(frame)
