"""encode.netflow9 and encode.ipfix: a decoder gives back what went in, and tshark reads it."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowparse import FLOW, NATIVE, Decoder, EncodeError, _convert, encode
from flowparse.batch import Batch
from flowparse.datatypes import natural_column
from flowparse.plan import NATIVE_CONTEXT
from flowparse.reference.compare import rows_of
from flowparse.registry import Registry
from tests import build
from tests.captures import corpus
from tests.out.rows import ROUTER, START_NS, batch, flow, varied

TSHARK = shutil.which("tshark")
ENCODERS: dict[str, Any] = {"netflow9": encode.netflow9, "ipfix": encode.ipfix}
each_encoder = pytest.mark.parametrize("name", ENCODERS)
OF_THE_MESSAGE = {
    *("type", "sampler_address", "template_id", "sequence_num", "time_received_ns", "time_source", "sampling_source"),
    "record_kind",
}
ODD_ALREADY = {"generated__pmacctd-nfprobe-ipfix-tstamps-mix", "logstash__netflow-9-h3c"}
"""Captures with lengths that a type does not have: their templates are told of again."""


def fed(datagrams: Iterable[bytes], schema: Any = NATIVE, **settings: Any) -> Decoder:
    decoder = Decoder(schema, **settings)
    for datagram in datagrams:
        decoder.feed(datagram, ROUTER)
    return decoder


def told(decoder: Decoder) -> set[str]:
    return {event.code for event in decoder.events() if event.severity != "info"}


def plain(decoder: Decoder) -> Counter[Any]:
    """The octets of every field of every row, by kind and domain."""
    return Counter(
        (row.is_options, row.values["domain"], row.values["export_time"] // 10**9, tuple(sorted(row.octets.items())))
        for row in rows_of(decoder)
    )


def carried(flows: Batch) -> list[dict[str, Any]]:
    rows = [{name: value for name, value in row.items() if name not in OF_THE_MESSAGE} for row in flows.to_dicts()]
    return sorted(rows, key=lambda row: sorted((name, str(value)) for name, value in row.items()))


# ── NATIVE ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("encoder", "version"), [("netflow9", 9), ("ipfix", 10)])
@corpus.each("nf9", "ipfix")
def test_every_capture_comes_back(name: str, encoder: str, version: int) -> None:
    settings: dict[str, Any] = {"key": "address+port", "malformed": "salvage", "transport": "tcp"}
    given_rows, wanted = Decoder(NATIVE, **settings), Decoder(NATIVE, **settings)
    for datagram in corpus.datagrams(name):
        if datagram.version == version:
            given_rows.feed(*datagram)
            wanted.feed(*datagram)
    made = ENCODERS[encoder](given_rows.take_tables() + given_rows.take_options())
    found = fed(made)
    assert told(found) <= ({"value_out_of_range"} if name in ODD_ALREADY else set())
    assert plain(found) == plain(wanted)
    assert made.lost == {}


TYPES = ["unsigned8", "unsigned16", "unsigned32", "unsigned64", "signed32", "float64", "boolean", "macAddress"]
TYPES += ["string", "octetArray", "dateTimeSeconds", "dateTimeMilliseconds", "dateTimeNanoseconds", "ipv4Address"]
OWN = Registry.default().with_elements("\n".join(f"own_{type}(99999/{i + 1})<{type}>" for i, type in enumerate(TYPES)))
SECONDS = st.integers(0, 2**32 - 1)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "unsigned8": st.integers(0, 2**8 - 1), "unsigned16": st.integers(0, 2**16 - 1),
    "unsigned32": st.integers(0, 2**32 - 1), "unsigned64": st.integers(0, 2**64 - 1),
    "signed32": st.integers(-(2**31), 2**31 - 1), "float64": st.floats(allow_nan=False), "boolean": st.booleans(),
    "macAddress": st.just("02:00:00:00:00:01"), "string": st.text(st.characters(codec="ascii"), max_size=280),
    "octetArray": st.binary(max_size=280), "dateTimeSeconds": SECONDS.map(lambda s: s * 10**9),
    "dateTimeMilliseconds": SECONDS.map(lambda s: s * 10**9 + 7 * 10**6),
    "dateTimeNanoseconds": st.integers(1, 4 * 10**18), "ipv4Address": st.just("10.0.0.9"),
}  # fmt: skip
ROWS = st.lists(st.fixed_dictionaries({f"own_{type}": values for type, values in VALUES.items()}), max_size=4)


@settings(max_examples=30)
@given(ROWS, st.sampled_from([700, 1400, 65535]))
def test_any_table_comes_back_through_ipfix(rows: list[dict[str, Any]], mtu: int) -> None:
    columns: list[Any] = [(name, type, None, None) for name, type, _ in NATIVE_CONTEXT]
    columns += [(f"own_{type}", natural_column(type), None, None) for type in TYPES]
    layout = _convert.layout_of(columns)
    of_message = {"domain": 7, "template_id": 300, "export_time": START_NS}
    values = {name: [of_message.get(name, row.get(name)) for row in rows] for name, *_ in columns}
    table = Batch("flows", layout, [_convert.chunk_from_values(layout, values)])
    made = list(encode.ipfix(table, mtu=mtu, registry=OWN))
    assert all(len(each) <= mtu and len(each) % 4 == 0 for each in made)
    decoder = fed(made, registry=OWN)
    found = [row for each in decoder.take_tables() for row in each.to_dicts()]
    assert told(decoder) == set()
    assert [{name: row[name] for name in row if name.startswith("own_")} for row in found] == [
        {name: value.rstrip("\0") if isinstance(value, str) else value for name, value in row.items()}
        for row in [{name: row[name] for name in row if name.startswith("own_")} for row in table.to_dicts()]
    ]
    assert {(row["domain"], row["template_id"], row["export_time"]) for row in found} <= {(7, 300, START_NS)}


def test_what_has_no_number_in_a_protocol_is_named() -> None:
    columns: list[Any] = [(name, type, None, None) for name, type, _ in NATIVE_CONTEXT]
    layout = _convert.layout_of([*columns, ("own_unsigned8", "u8", None, None), ("octetDeltaCount", "u64", None, None)])
    values = {name: [None] for name in layout.names} | {"own_unsigned8": [3], "octetDeltaCount": [9]}
    table = Batch("flows", layout, [_convert.chunk_from_values(layout, values)])
    with pytest.raises(EncodeError, match=r"NetFlow v9 cannot carry own_unsigned8 \(1 of 1 rows\)") as raised:
        list(encode.netflow9(table, registry=OWN))
    assert raised.value.field == "own_unsigned8"
    made = encode.netflow9(table, registry=OWN, lossy=True)
    [found] = fed(made).take_tables()
    assert (found["octetDeltaCount"].to_list(), dict(made.lost)) == ([9], {"own_unsigned8": 1})


# ── FLOW ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

U8, U16, U32, U64 = (st.none() | st.integers(0, 2**n - 1) for n in (8, 16, 32, 64))
ADDRESS = st.sampled_from(["10.0.0.9", "192.0.2.1", "2001:db8::9", "::1"])
TIME = st.integers(-6 * 10**16, 4 * 10**18)  # NTP's times begin in 1968
FLOW_ROW = st.fixed_dictionaries(
    {
        "src_addr": ADDRESS, "dst_addr": ADDRESS, "next_hop": st.none() | ADDRESS, "bgp_next_hop": st.none() | ADDRESS,
        "bytes": U64, "packets": U64, "proto": st.sampled_from([6, 17, 47]), "src_port": U16, "dst_port": U16,
        "in_if": U32, "out_if": U32, "src_mac": st.none() | st.just("02:00:00:00:00:01"), "dst_vlan": U16,
        "ip_tos": U8, "ip_ttl": U8, "tcp_flags": U16, "src_as": U32, "next_hop_as": U32, "src_net": U8, "dst_net": U8,
        "ipv6_flow_label": U32, "fragment_id": U32, "fragment_offset": U16, "forwarding_status": U8,
        "flow_direction": st.sampled_from([None, 0, 1]), "flow_end_reason": U8, "application_id": U64,
        "mpls_label_1": st.none() | st.integers(0, 2**20 - 1), "post_nat_src_addr": st.none() | ADDRESS,
        "post_nat_dst_port": U16, "flow_count": U64, "observation_domain_id": st.integers(0, 2),
        "etype": st.sampled_from([0x0800, 0x86DD, 0x8100]), "time_flow_start_ns": TIME, "time_flow_end_ns": TIME,
        "sampling_rate": st.none() | st.integers(1, 2**16 - 1),
    }
)  # fmt: skip


@each_encoder
@settings(max_examples=30)
@given(st.lists(FLOW_ROW, max_size=4))
def test_any_flow_comes_back(name: str, rows: list[dict[str, Any]]) -> None:
    flows = batch([flow(**row) for row in rows])
    decoder = fed(ENCODERS[name](flows), FLOW)
    assert carried(decoder.take()) == carried(flows)
    assert told(decoder) == set()


@each_encoder
@pytest.mark.parametrize(("proto", "address"), [(1, "10.0.0.9"), (58, "2001:db8::9")])
def test_icmp_comes_back(name: str, proto: int, address: str) -> None:
    values = {"src_addr": address, "dst_addr": address, "etype": 0x86DD if proto == 58 else 0x0800}
    flows = batch(
        [flow(proto=proto, icmp_type=3, icmp_code=4, src_port=None, dst_port=None, observation_domain_id=0, **values)]
    )
    assert carried(fed(ENCODERS[name](flows), FLOW).take()) == carried(flows)


@each_encoder
def test_sampling_by_options(name: str) -> None:
    flows = batch([flow(sampling_rate=100 + i % 3, src_port=i, observation_domain_id=0) for i in range(60)])
    made = list(ENCODERS[name](flows, sampling="options", mtu=512))
    decoder = fed(made, FLOW)
    assert sorted(decoder.take()["sampling_rate"].to_list()) == sorted(flows["sampling_rate"].to_list())
    assert sorted(decoder.samplers["sampling_rate"].to_list()) == [100, 101, 102]


def test_more_rates_than_v9_has_samplers() -> None:
    flows = batch([flow(sampling_rate=i + 1, src_port=i) for i in range(300)])
    found = fed(encode.netflow9(flows, sampling="options"), FLOW).take()
    assert dict(zip(found["src_port"].to_list(), found["sampling_rate"].to_list(), strict=True)) == {
        i: i + 1 for i in range(300)
    }


UNFIT: list[tuple[str, dict[str, Any]]] = [
    ("record_kind", {"record_kind": 2}),
    ("mpls_label_1", {"mpls_label_1": 2**20}),
    ("time_flow_start_ns", {"time_flow_start_ns": -(2**62) + 1}),
    ("icmp_type", {"icmp_type": 3}),
    ("src_port", {"proto": 1, "src_port": 5, "dst_port": None}),
    ("flow_direction", {"flow_direction": 255}),
]


@each_encoder
@pytest.mark.parametrize(("field", "values"), UNFIT)
def test_what_does_not_fit_is_named_or_counted(name: str, field: str, values: dict[str, Any]) -> None:
    flows = batch([flow(**values)])
    with pytest.raises(EncodeError, match=rf"cannot carry {field} \(1 of 1 rows\)") as raised:
        list(ENCODERS[name](flows))
    assert raised.value.field == field
    made = ENCODERS[name](flows, lossy=True)
    assert len(fed(made, FLOW).take()) == 1
    assert made.lost == {field: 1}
    with pytest.raises(EncodeError, match="bytes_estimated"):
        list(ENCODERS[name](batch([flow(sampling_rate=2)]).scaled()))


@each_encoder
def test_any_rows_are_encoded(name: str) -> None:
    assert len(fed(ENCODERS[name](batch(varied(2000)), lossy=True), FLOW).take()) == 2000


# ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def headers(datagrams: Iterable[bytes]) -> list[Any]:
    decoder = Decoder()
    return [decoder.decode(datagram, ROUTER).header for datagram in datagrams]


def test_sequences_count_datagrams_or_data_records_by_domain() -> None:
    flows = batch([flow(src_port=i, observation_domain_id=i // 20 % 2) for i in range(80)])
    v9 = headers(encode.netflow9(flows, sequence=2**32 - 1))
    assert [(each["domain"], each["sequence"]) for each in v9] == [(0, 2**32 - 1), (1, 2**32 - 1), (0, 0), (1, 0)]
    assert [each["count"] for each in v9] == [21, 21, 20, 20]
    v10 = headers(encode.ipfix(flows, sequence=2**32 - 20))
    assert [each["sequence"] for each in v10] == [2**32 - 20, 2**32 - 20, 0, 0]
    assert {each["domain"] for each in headers(encode.ipfix(flows, domain=9))} == {9}


@each_encoder
def test_templates_as_often_as_asked_for(name: str) -> None:
    flows = batch([flow(src_port=i, observation_domain_id=0) for i in range(400)])

    def with_templates(templates: Any) -> list[int]:
        made = list(ENCODERS[name](flows, templates=templates, mtu=512))
        assert all(len(each) <= 512 for each in made)
        return [at for at, each in enumerate(made) if len(Decoder(NATIVE).decode(each, ROUTER).templates) == 1]

    n = len(list(ENCODERS[name](flows, mtu=512)))
    assert with_templates("first") == [0]
    assert with_templates("none") == []
    assert with_templates("each") == [*range(len(list(ENCODERS[name](flows, templates="each", mtu=512))))]
    assert n > 20
    assert with_templates(7)[:3] == [0, 7, 14]


@each_encoder
def test_a_row_that_no_message_has_room_for(name: str) -> None:
    table = fed(build_strings([300])).take_tables()
    with pytest.raises(EncodeError, match="1 of 1 rows in messages of 256 octets"):
        list(ENCODERS[name](table, mtu=256))
    made = ENCODERS[name](table, mtu=256, lossy=True)
    assert (list(made), made.rows_left_out) == ([], 1)


def build_strings(lengths: list[int]) -> Iterable[bytes]:
    """IPFIX with one interfaceName a record."""
    columns: list[Any] = [(name, type, None, None) for name, type, _ in NATIVE_CONTEXT]
    layout = _convert.layout_of([*columns, ("interfaceName", "utf8", None, None)])
    values: dict[str, list[Any]] = {name: [None] * len(lengths) for name in layout.names}
    values["interfaceName"] = ["x" * n for n in lengths]
    return encode.ipfix(Batch("flows", layout, [_convert.chunk_from_values(layout, values)]))


def test_variable_length_in_v9_is_a_template_for_each_length() -> None:
    table = fed(build_strings([3, 5, 3, 255])).take_tables()
    decoder = fed(encode.netflow9(table))
    assert sorted(field.length for each in decoder.templates() for field in each.fields) == [3, 5, 255]
    [found] = decoder.take_tables()
    assert sorted(map(len, found["interfaceName"].to_list())) == [3, 3, 5, 255]


def test_a_file_of_messages() -> None:
    flows = batch([flow(src_port=i % 65536, observation_domain_id=0) for i in range(3000)])
    made = list(encode.ipfix(flows, file=True))
    assert len(made) < 5
    decoder = Decoder()
    assert decoder.feed_stream(b"".join(made), "") == 3000
    assert carried(decoder.take()) == carried(flows)


@each_encoder
def test_mistakes_of_the_caller(name: str) -> None:
    for wrong in ({"mtu": 20}, {"domain": -1}, {"export_ns": -1}, {"templates": 0}, {"sampling": "both"}):
        with pytest.raises(ValueError, match=r"mtu is|domain -1|export_ns|templates is|sampling is"):
            ENCODERS[name](batch([]), **wrong)
    with pytest.raises(TypeError, match="not of int"):
        list(ENCODERS[name]([1]))
    assert list(ENCODERS[name](batch([]))) == list(ENCODERS[name]([])) == []


# ── others' eyes ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.skipif(TSHARK is None, reason="tshark is not here")
@each_encoder
def test_tshark_reads_it_back(name: str, tmp_path: Path) -> None:
    flows = batch([flow(src_port=i, bytes=i * 1000 + 1, in_if=i, src_addr=f"10.0.0.{i}") for i in range(90)])
    frames = [(START_NS, build.ethernet(build.udp(datagram))) for datagram in ENCODERS[name](flows, mtu=600)]
    path = tmp_path / "made.pcap"
    path.write_bytes(build.pcap(frames))
    fields = ["cflow.srcaddr", "cflow.srcport", "cflow.octets", "cflow.inputint", "_ws.malformed"]
    command = [str(TSHARK), "-r", str(path), "-d", "udp.port==2055,cflow", "-T", "fields"]
    done = subprocess.run(
        [*command, *(part for field in fields for part in ("-e", field))],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(rows) == len(frames)
    assert {row[4] for row in rows} <= {""}
    joined = [",".join(row[i] for row in rows).split(",") for i in range(4)]
    assert joined == [
        [str(value) for value in flows[name].to_list()] for name in ("src_addr", "src_port", "bytes", "in_if")
    ]
