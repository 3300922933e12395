"""Documents after ECS: real clients take them to a strict stub, and no value gets one refused."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowparse import FLOW, elastic, prefixes
from flowparse.out.community_id import community_id
from flowparse.schema import flow_columns
from tests.out import bulk_stub
from tests.out.rows import batch, chapter, flow, varied
from tests.out.test_logstash import BAD, VALUES

STREAM = "logs-netflow-default"
TEMPLATE = elastic.index_template(STREAM)


def one(**values: Any) -> dict[str, Any]:
    [document] = elastic.documents(batch([flow(**values)]))
    bulk_stub.check_document(TEMPLATE["template"]["mappings"]["properties"], document)
    return document


# ── documents ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_flow() -> None:
    document = one(src_mac="00:00:5e:00:53:23", in_if=7, flow_direction=1, vlan_id=12, tcp_flags=0x12, sampling_rate=9)
    assert document == {
        "@timestamp": "2023-11-14T22:13:21.000000000Z",
        "ecs": {"version": "8.17.0"},
        "event": {
            "kind": "event", "category": ["network"], "type": ["connection"], "action": "netflow_flow",
            "created": "2023-11-14T22:13:25.000000000Z", "start": "2023-11-14T22:13:20.000000000Z",
            "end": "2023-11-14T22:13:21.000000000Z", "duration": 1_000_000_000,
        },
        "netflow": {
            "exporter": {"version": 10}, "sampling_interval": 9, "tcp_control_bits": 18, "ethernet_type": 2048,
        },
        "flowparse": {"time_source": "absolute", "record_kind": "flow"},
        "source": {"bytes": 1000, "packets": 10, "ip": "10.0.0.9", "port": 49152, "mac": "00-00-5E-00-53-23"},
        "destination": {"ip": "10.0.0.5", "port": 443},
        "network": {
            "bytes": 1000, "packets": 10, "iana_number": "6", "transport": "tcp", "type": "ipv4", "direction": "egress",
            "vlan": {"id": "12"}, "community_id": community_id(b"\n\0\0\x09", b"\n\0\0\x05", 6, 49152, 443),
        },
        "observer": {"ip": "192.0.2.1", "ingress": {"interface": {"id": "7"}}},
        "related": {"ip": ["10.0.0.9", "10.0.0.5"]},
    }  # fmt: skip


def test_every_column_has_a_place() -> None:
    table = elastic._table()
    assert set(flow_columns()) <= set(table)
    assert [name for name in FLOW.names if not table[name][0]] == []
    properties = TEMPLATE["template"]["mappings"]["properties"]
    for paths, _, type in table.values():
        for path in paths:
            inside = properties
            for name in path[:-1]:
                inside = inside[name]["properties"]
            assert inside[path[-1]] == {"type": type}


def test_other_columns_keep_their_names() -> None:
    [document] = elastic.documents([{"octetDeltaCount": 7, "sourceIPv4Address": "10.0.0.1", "neighbor.name": "r1"}])
    assert document["netflow"] == {"octet_delta_count": 7, "source_ipv4_address": "10.0.0.1"}
    assert document["flowparse"] == {"neighbor_name": "r1"}
    assert document["@timestamp"].startswith("1970-01-01")
    [document] = elastic.documents([{"@timestamp": "2024-07-14T11:35:26Z", "a": {"b": [1, {"c": b"\xff"}]}}])
    assert document["@timestamp"] == "2024-07-14T11:35:26Z"
    assert document["flowparse"] == {"a": {"b": [1, {"c": "ff"}]}}


def test_a_dropped_packet_and_icmp() -> None:
    document = one(record_kind=4, proto=1, src_port=None, dst_port=None, icmp_type=8, icmp_code=0)
    assert document["event"]["type"] == ["connection", "denied"]
    assert document["network"]["community_id"] == community_id(b"\n\0\0\x09", b"\n\0\0\x05", 1, 8, 0)
    assert "community_id" not in one(src_port=None)["network"]


def test_annotated_and_scaled_flows() -> None:
    found = prefixes.parse(["10.0.0.8/29 SBL900001"])
    flows = found.annotate(batch([flow(sampling_rate=100, packets=10)])).scaled()
    [document] = elastic.documents(flows)
    bulk_stub.check_document(TEMPLATE["template"]["mappings"]["properties"], document)
    assert document["flowparse"] | {"relative_error": None} == {
        "time_source": "absolute", "record_kind": "flow", "src_addr_prefix": "10.0.0.8/29",
        "src_addr_list_id": "SBL900001", "bytes_estimated": 100_000, "packets_estimated": 1000, "relative_error": None,
    }  # fmt: skip


def test_prefixes() -> None:
    found = prefixes.parse_drop(
        "; Last-Modified: Sun, 14 Jul 2024 11:35:26 GMT\n192.0.2.0/24 ; SBL900001\n2001:db8::/32"
    )
    first, second = elastic.documents(found)
    assert first == {
        "@timestamp": "2024-07-14T11:35:26.000000000Z",
        "ecs": {"version": "8.17.0"},
        "event": {"kind": "enrichment", "category": ["threat"], "type": ["indicator"]},
        "threat": {
            "indicator": {
                "type": "ipv4-addr", "ip": "192.0.2.0", "name": "192.0.2.0/24", "id": "SBL900001",
                "modified_at": "2024-07-14T11:35:26.000000000Z",
            }
        },
        "flowparse": {"prefix": "192.0.2.0/24"},
    }  # fmt: skip
    assert second["threat"]["indicator"]["type"] == "ipv6-addr"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"bytes": 2**63}, "source.bytes cannot be 9223372036854775808"),
        ({"packets": 2**64 - 1}, "source.packets cannot be 18446744073709551615"),
        ({"time_flow_start_ns": -1}, "event.start cannot be -1"),
    ],
)
def test_a_value_that_its_field_cannot_hold_is_told(values: dict[str, Any], message: str) -> None:
    document = one(**values)
    assert document["error"]["message"] == message
    assert document["source"]["ip"] == "10.0.0.9"
    assert one(bytes=2**63 - 1)["network"]["bytes"] == 2**63 - 1


# ── community id ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def reference() -> Any:
    return pytest.importorskip("communityid", reason="communityid is not here")


def as_reference(reference: Any, src: Any, dst: Any, proto: int, ports: Any) -> str:
    found: str = reference.CommunityID().calc(reference.FlowTuple(proto, src, dst, *ports))
    return found


@pytest.mark.parametrize("family", [("10.0.0.9", "192.0.2.1"), ("2001:db8::1", "fe80::1")])
def test_community_ids_are_those_of_the_reference(reference: Any, family: tuple[str, str]) -> None:
    rng = random.Random(1)
    for _ in range(2000):
        src, dst = rng.choices(family, k=2)
        proto = rng.choice([1, 6, 17, 58, 132, 47, 2])
        ports = (rng.randrange(256), rng.randrange(4)) if proto in (1, 58) else rng.choices(range(65536), k=2)
        if proto in (47, 2):
            ports = (None, None)
        packed = ip_address(src).packed, ip_address(dst).packed
        assert community_id(*packed, proto, *ports) == as_reference(reference, src, dst, proto, ports)


@pytest.mark.parametrize("proto", [1, 58])
def test_every_icmp_type_is_paired_as_by_the_reference(reference: Any, proto: int) -> None:
    for kind in range(256):
        for src, dst in (("10.0.0.1", "10.0.0.2"), ("10.0.0.2", "10.0.0.1"), ("10.0.0.1", "10.0.0.1")):
            packed = ip_address(src).packed, ip_address(dst).packed
            assert community_id(*packed, proto, kind, 3) == as_reference(reference, src, dst, proto, (kind, 3))


@pytest.mark.parametrize(
    ("row", "kept"),
    [
        ({"in_if_name": 5}, None), ({"in_if_name": "eth0"}, "eth0"), ({"in_if_name": ["eth0", None]}, ["eth0", None]),
        ({"in_if_name": {"a": 1}}, None), ({"in_if_name": [2]}, None),
    ],
)  # fmt: skip
def test_only_text_is_a_keyword(row: dict[str, Any], kept: Any) -> None:
    [document] = elastic.documents([row])
    assert document.get("observer", {}).get("ingress", {}).get("interface", {}).get("name") == kept
    assert ("error" in document) == (kept is None)


def test_both_directions_have_one_id() -> None:
    there, back = (
        one(src_addr=a, dst_addr=b, src_port=p, dst_port=q)
        for a, b, p, q in (("10.0.0.1", "10.0.0.2", 1, 2), ("10.0.0.2", "10.0.0.1", 2, 1))
    )
    assert there["network"]["community_id"] == back["network"]["community_id"]


# ── bulk ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_bodies_hold_every_document_and_stay_below_the_limit() -> None:
    flows = batch(varied(500))
    bodies = list(elastic.bulk(flows, data_stream=STREAM, chunk_octets=20_000))
    assert len(bodies) > 10
    assert all(len(body) <= 20_000 and body.endswith(b"\n") for body in bodies)
    lines = b"".join(bodies)[:-1].split(b"\n")
    assert set(lines[::2]) == {b'{"create":{"_index":"logs-netflow-default"}}'}
    assert [json.loads(line) for line in lines[1::2]] == list(elastic.documents(flows))


def test_a_document_larger_than_the_limit_is_alone() -> None:
    rows = [{"a": "x" * 50}, {"a": "x" * 5000}, {"a": "x" * 50}]
    bodies = list(elastic.bulk(rows, data_stream=STREAM, chunk_octets=1000))
    assert [body.count(b"\n") for body in bodies] == [2, 2, 2]
    assert list(elastic.bulk([], data_stream=STREAM)) == []


@pytest.mark.parametrize("name", ["", "Logs", "-a", "a b", "a,b", "a\n", "a/b", 'a"', "x" * 256, "."])
def test_names_that_no_data_stream_has(name: str) -> None:
    with pytest.raises(ValueError, match="no name of a data stream"):
        elastic.bulk([], data_stream=name)


def test_mistakes_of_the_caller() -> None:
    with pytest.raises(ValueError, match="1 octet or more"):
        elastic.bulk([], data_stream=STREAM, chunk_octets=0)
    with pytest.raises(TypeError, match="a row is a mapping"):
        list(elastic.documents([3]))  # type: ignore[list-item]


@given(st.dictionaries(st.text(max_size=8) | st.sampled_from(sorted(flow_columns())), VALUES, max_size=6))
def test_no_row_breaks_a_body(row: dict[str, Any]) -> None:
    row.pop("@timestamp", None)
    stub = bulk_stub.Stub.__new__(bulk_stub.Stub)
    stub.templates, stub.documents, stub.bodies = {STREAM: TEMPLATE}, {}, []
    [body] = elastic.bulk([row], data_stream=STREAM)
    assert len(stub.bulk(body)) == 1


def test_numbers_and_text_that_break_others() -> None:
    rows = [{"a": math.nan, "b": 2**70, "c": 10**5000, "d": bad, "bytes": math.inf} for bad in BAD]
    for document, bad in zip(elastic.documents(rows), BAD, strict=True):
        assert document["flowparse"] == {"c": hex(10**5000), "d": bad}
        assert "flowparse.a cannot be nan" in document["error"]["message"]


# ── real clients ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def stub() -> Iterator[tuple[bulk_stub.Stub, str]]:
    with bulk_stub.running() as found:
        yield found


def elasticsearch_client(address: str) -> Any:
    return pytest.importorskip("elasticsearch", reason="elasticsearch is not here").Elasticsearch(address)


def opensearch_client(address: str) -> Any:
    return pytest.importorskip("opensearchpy", reason="opensearch-py is not here").OpenSearch(address)


@pytest.mark.parametrize(("client", "argument"), [(elasticsearch_client, "operations"), (opensearch_client, "body")])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_clients_take_bodies_and_template(stub: Any, client: Callable[[str], Any], argument: str) -> None:
    server, address = stub
    search = client(address)
    if argument == "body":
        search.indices.put_index_template(name=STREAM, body=TEMPLATE)
    else:
        template = {name.lstrip("_"): value for name, value in TEMPLATE.items()}
        search.indices.put_index_template(name=STREAM, **template)
    flows = batch(varied(300))
    listed = prefixes.parse(["192.0.2.0/24 SBL900001", "2001:db8::/32"])
    strange = [{"name": bad, "load": math.nan, "count": 2**64} for bad in BAD]
    for rows in (flows, chapter(), listed, strange):
        for body in elastic.bulk(rows, data_stream=STREAM, chunk_octets=50_000):
            answer = search.bulk(**{argument: body})
            assert not answer["errors"]
    expected = [document for rows in (flows, chapter(), listed, strange) for document in elastic.documents(rows)]
    assert server.documents[STREAM] == expected
    assert len(server.bodies) > 4
    assert max(server.bodies) <= 50_000
    search.close()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"create":{"_index":"s"}}\n{"@timestamp":"1970-01-01T00:00:00Z"}', "newline"),
        (b'{"index":{"_index":"s"}}\n{"@timestamp":"1970-01-01T00:00:00Z"}\n', "create"),
        (b'{"create":{"_index":"s"}}\n{}\n', "@timestamp"),
        (b'{"create":{"_index":"s"}}\n{"@timestamp":"1970-01-01T00:00:00Z","source":{"ip":"x"}}\n', "x"),
        (
            b'{"create":{"_index":"s"}}\n{"@timestamp":"1970-01-01T00:00:00Z","n":9223372036854775808}\n',
            "long",
        ),
        (b'{"create":{"_index":"s"}}\n{"@timestamp":"1970-01-01T00:00:00Z","a":NaN}\n', "NaN"),
        (b'{"create":{"_index":"s"}}\n\n', "Expecting value"),
    ],
)
def test_the_stub_is_strict(body: bytes, reason: str) -> None:
    stub = bulk_stub.Stub.__new__(bulk_stub.Stub)
    stub.templates, stub.documents, stub.bodies = {"s": TEMPLATE}, {}, []
    with pytest.raises(ValueError, match=reason):
        stub.bulk(body)
