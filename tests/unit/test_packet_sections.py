"""Packet sections of records (RFC 5477 section 8.5, and NetFlow v9's layer 2 sections) in the flow view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from flowparse import FLOW, Decoder
from flowparse._layout import Layout
from flowparse.datatypes import COLUMN_TYPES
from flowparse.flow_making import SECTION_COLUMNS
from tests import build_sflow as sflow
from tests import naive, naive_packet
from tests.build import (
    IPFIX_TEMPLATES,
    V9_TEMPLATES,
    addr,
    ethernet,
    ipfix,
    ipv4,
    netflow9,
    set_,
    template_record,
    udp,
    udp_segment,
    uint,
    var,
)

A = "192.0.2.1"
PAYLOAD, LABELS, BEHIND_LABELS, HEADER, FRAME, LAYER2 = 314, 316, 317, 313, 315, 104
FRAME_SIZE, FRAME_TYPE, OFFSET, EXPORTED, PROTO = 312, 408, 409, 410, 4
PACKET = udp(b"payload", ("10.0.0.1", 5000), ("10.0.0.2", 53))
WHOLE = ethernet(PACKET, tags=[(0x8100, 77)])


def rows(fields: Sequence[Any], *records: bytes, schema: Any = FLOW) -> list[dict[str, Any]]:
    decoder = Decoder(schema)
    octets = ipfix(set_(IPFIX_TEMPLATES, template_record(256, list(fields))), set_(256, *records))
    decoder.feed(octets, A)
    return decoder.take().to_dicts()


@pytest.mark.rfc("5477", "8.5.1")
def test_a_frame_fills_what_the_record_does_not_say() -> None:
    [row] = rows([(FRAME, 65535), (FRAME_SIZE, 2)], var(WHOLE) + uint(1514, 2))
    expected = {
        "src_mac": "02:00:00:00:00:01", "dst_mac": "02:00:00:00:00:02", "etype": 0x0800, "vlan_id": 77,
        "src_addr": "10.0.0.1", "dst_addr": "10.0.0.2", "ip_ttl": 64, "ip_tos": 0, "proto": 17, "src_port": 5000,
        "dst_port": 53, "fragment_id": 1, "fragment_offset": 0, "bytes": 1514, "packets": 1, "record_kind": 1,
        "tcp_flags": None, "icmp_type": None, "in_if": None,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected


def test_what_the_record_says_stands() -> None:
    fields = [(FRAME, 65535), (8, 4), (7, 2), (56, 6), (1, 4)]
    [row] = rows(fields, var(WHOLE) + addr("192.0.2.9") + uint(9, 2) + bytes(6) + uint(640, 4))
    assert (row["src_addr"], row["dst_addr"]) == ("192.0.2.9", "10.0.0.2")
    assert (row["src_port"], row["dst_port"], row["src_mac"]) == (9, 53, "00:00:00:00:00:00")
    # A record with counters is a flow, whose octets are not those of one packet.
    assert (row["record_kind"], row["bytes"], row["packets"]) == (0, 640, None)


@pytest.mark.rfc("5477", "8.5.2")
def test_an_ip_header_and_the_payload_behind_it() -> None:
    segment = udp_segment(b"payload", 5000, 53)
    header = ipv4(segment, "10.0.0.1", "10.0.0.2")[:20]
    [row] = rows([(HEADER, 65535), (PAYLOAD, 65535), (PROTO, 1)], var(header) + var(segment) + uint(17, 1))
    assert (row["src_addr"], row["proto"], row["src_port"], row["dst_port"]) == ("10.0.0.1", 17, 5000, 53)
    assert row["bytes"] == 20 + len(segment)  # as the IP header has it
    assert row["etype"] == 0x0800
    [row] = rows([(PAYLOAD, 65535)], var(segment))
    assert (row["src_port"], row["record_kind"]) == (None, 1)  # of what protocol it is nobody said


def test_labels_and_what_is_below_them() -> None:
    stack = uint(16001 << 12 | 7, 4) + uint(17 << 12 | 0x1FF, 4)
    [row] = rows([(LABELS, 65535), (BEHIND_LABELS, 65535)], var(stack) + var(PACKET))
    assert (row["mpls_label_1"], row["mpls_label_2"], row["mpls_label_3"]) == (16001, 17, None)
    assert (row["src_addr"], row["dst_port"]) == ("10.0.0.1", 53)


def test_the_layer_2_section_of_netflow_9() -> None:
    fields = [(102, 2), (103, 2), (LAYER2, 80)]
    bodies = [
        uint(offset, 2) + uint(size, 2) + WHOLE.ljust(80, b"\0")
        for offset, size in ((0, len(WHOLE)), (14, 60), (0, 30))
    ]
    decoder = Decoder()
    decoder.feed(netflow9(set_(V9_TEMPLATES, template_record(256, fields)), set_(256, *bodies)), A)
    found = [(row["vlan_id"], row["src_addr"], row["dst_port"]) for row in decoder.take()]
    assert found == [(77, "10.0.0.1", 53), (None, None, None), (77, None, None)]


def test_octets_that_are_not_exported_and_sections_that_start_later() -> None:
    fields = [(FRAME, 65535), (EXPORTED, 2), (OFFSET, 2)]
    bodies = [
        var(WHOLE) + uint(exported, 2) + uint(offset, 2) for exported, offset in ((500, 0), (18, 0), (0, 0), (99, 4))
    ]
    found = [(row["vlan_id"], row["src_addr"]) for row in rows(fields, *bodies)]
    assert found == [(77, "10.0.0.1"), (77, None), (None, None), (None, None)]


def test_a_frame_of_80211() -> None:
    frame = (
        bytes([0x08, 0x01, 0, 0]) + bytes(6) + b"\2" * 6 + b"\4" * 6 + bytes(2) + b"\xaa\xaa\x03\0\0\0\x08\0" + PACKET
    )
    [row] = rows([(FRAME, 65535), (FRAME_TYPE, 2)], var(frame) + uint(2, 2))
    assert (row["src_mac"], row["dst_mac"], row["src_addr"]) == ("02:02:02:02:02:02", "04:04:04:04:04:04", "10.0.0.1")


def test_icmp_is_that_of_the_packet() -> None:
    packet = ipv4(bytes([3, 13]) + bytes(6), "10.0.0.1", "10.0.0.2", proto=1)
    [row] = rows([(HEADER, 65535)], var(packet))
    assert (row["icmp_type"], row["icmp_code"], row["src_port"], row["proto"]) == (3, 13, None, 1)


def test_one_column_alone_is_as_among_all() -> None:
    fields = [(FRAME, 65535), (LABELS, 65535)]
    body = var(WHOLE) + var(uint(17 << 12 | 0x1FF, 4))
    [whole] = rows(fields, body)
    for column in (*SECTION_COLUMNS, "bytes", "packets"):
        assert rows(fields, body, schema=FLOW.select(column)) == [{column: whole[column]}]


def packets() -> list[tuple[bytes, int, str]]:
    """(octets, sFlow's header protocol, element) of packets of every kind."""
    pytest.importorskip("scapy")
    from tests.unit.test_packet import generated  # noqa: PLC0415

    return [(bytes(packet), 1, "dataLinkFrameSection") for packet in generated()] + [
        (PACKET, 11, "ipHeaderPacketSection"),
    ]


def test_packets_of_every_kind_cut_anywhere_are_as_the_second_reading_and_as_samples_of_sflow() -> None:
    compared = 0
    for octets, protocol, name in packets():
        cuts = [octets[:n] for n in range(len(octets) + 1)]
        found = rows([(315 if protocol == 1 else 313, 65535)], *map(var, cuts))
        decoder = Decoder()
        for at in range(0, len(cuts), 100):
            headers = [sflow.flow_sample(sflow.header(cut, protocol=protocol)) for cut in cuts[at : at + 100]]
            decoder.feed(sflow.datagram(*headers), A)
        samples = decoder.take().to_dicts()
        for cut, row, sample in zip(cuts, found, samples, strict=True):
            said = naive_packet.sections({name: cut})
            assert said is not None
            expected = naive.flow(ipfix(), {name: cut}, A, None)
            for column in (*SECTION_COLUMNS, "bytes"):
                assert row[column] == expected[column], (column, cut.hex())
            for column in SECTION_COLUMNS:
                assert row[column] == sample[column], (column, cut.hex())
            compared += 1
    assert compared > 500


def test_a_number_that_is_no_field_of_a_packet_is_refused() -> None:
    columns: list[Any] = [(name, COLUMN_TYPES["u32"], "finish", None, True, None, None) for name in "ab"]
    Layout(columns, [("of_section", (0, 1, 3))])
    for last in (-1, 1000):
        with pytest.raises(ValueError, match="a number"):
            Layout(columns, [("of_section", (0, 1, last))])
