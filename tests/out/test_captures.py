"""Rows of every protocol, from real captures, through all that leaves flowparse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowparse import Decoder, elastic, encode, logstash, prefixes, report
from flowparse.batch import Batch
from tests.out import bulk_stub
from tests.out.test_report import grouped, kept, sums
from tests.shared import SHARED, needs_shared

NAMES = (
    "captures/generated__pmacctd-nfprobe-ipfix-mix.pcap",
    "captures/generated__ipfixprobe-basicplus-mix.pcap",
    "captures/generated__nfreplay-v9-cesnet-mixed.pcap",
    "captures/generated__ovs-netflow5-mix.pcap",
    "sflow/syn_headers.pcap",
    "sflow/cistern_tests.pcap",
)
pytestmark = [needs_shared, pytest.mark.parametrize("name", NAMES)]


def decoded(name: str) -> Batch:
    path = (SHARED or Path()) / name
    decoder = Decoder()
    decoder.feed_capture(path.read_bytes())
    flows = decoder.take()
    assert len(flows) > 0
    return flows


@pytest.mark.parametrize("count", ["all", "once", "ingress"])
def test_top_is_what_python_sums(name: str, count: Any) -> None:
    flows = decoded(name)
    groups = {key: sums(some) for key, some in grouped(kept(flows.to_dicts(), count), "src_addr").items()}
    order = sorted(groups, key=lambda key: -groups[key]["bytes"])
    assert report.top(flows, n=10**6, count=count).to_dicts() == [{"src_addr": key[0]} | groups[key] for key in order]


def test_every_row_is_a_line_and_a_document(name: str) -> None:
    flows = decoded(name)
    assert len(list(report.lines(flows, "tcpdump"))) == len(list(logstash.lines(flows))) == len(flows)
    properties = elastic.index_template("x")["template"]["mappings"]["properties"]
    for line, document in zip(logstash.lines(flows, "json"), elastic.documents(flows), strict=True):
        json.loads(line)
        bulk_stub.check_document(properties, document)
        assert "error" not in document


def test_every_row_is_encoded_or_counted(name: str) -> None:
    flows = decoded(name)
    made = encode.netflow5(flows, lossy=True)
    decoder = Decoder()
    assert sum(decoder.feed(datagram, "192.0.2.1") for datagram in made) + made.rows_left_out == len(flows)
    back = decoder.take()
    packets = [
        row.packets for row in flows if ":" not in f"{row.src_addr}{row.dst_addr}" and row.src_addr and row.dst_addr
    ]
    assert back["packets"].to_list() == [number or 0 for number in packets]


def test_prefixes_of_all_addresses_match_all(name: str) -> None:
    flows = prefixes.parse(["0.0.0.0/0 four", "::/0 six"]).annotate(decoded(name))
    for row in flows:
        expected = None if row.src_addr is None else "six" if ":" in row.src_addr else "four"
        assert row.src_addr_list_id == expected
