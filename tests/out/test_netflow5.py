"""encode.netflow5: a decoder gives back what went in, tshark reads it, and sflowtool wrote the same octets."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowparse import FLOW, Decoder, EncodeError, capture, encode
from flowparse.batch import Batch
from tests import build
from tests.out.rows import ROUTER, START_NS, batch, chapter, flow, varied
from tests.shared import SHARED, needs_shared

TSHARK = shutil.which("tshark")
EXPORTED = FLOW.add("export_time_ns")
NOT_CARRIED = {"sampler_address", "time_received_ns", "sequence_num"}


def decoded(datagrams: Any, schema: Any = FLOW) -> Batch:
    decoder = Decoder(schema=schema)
    for datagram in datagrams:
        decoder.feed(datagram, ROUTER)
    assert {event.code for event in decoder.events()} <= {"sampling_changed"}
    return decoder.take()


def v5(**values: Any) -> dict[str, Any]:
    """A row that v5 carries whole."""
    zeros = dict.fromkeys(["in_if", "out_if", "src_as", "dst_as", "src_net", "dst_net", "ip_tos", "tcp_flags"], 0)
    return flow(type=2, observation_domain_id=0, sampling_source=0, time_source=5, **zeros) | values


def carried(flows: Batch) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in NOT_CARRIED} for row in flows.to_dicts()]


# ── there and back ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_chapter_octet_for_octet() -> None:
    flows = decoded([build.chapter_message()], EXPORTED)
    boot_ns = 1_489_636_168_401_224_368 - 290_826_756 * 1_000_000
    [datagram] = encode.netflow5(flows, sequence=77616, boot_ns=boot_ns)
    assert datagram == build.chapter_message()


@pytest.mark.parametrize("schema", [FLOW, EXPORTED])
def test_decode_gives_back_what_was_encoded(schema: Any) -> None:
    datagrams = [
        build.netflow5(
            [build.V5Record(octets=n + i, proto=(6, 17, 1)[i % 3], src_port=i * (i % 3 != 2)) for i in range(n)],
            engine_type=n // 15, engine_id=n % 15, sampling_mode=n % 2, sampling_interval=n * 100,
            export_time_ns=n * 1_000_001,
        )
        for n in range(30)
    ]  # fmt: skip
    flows = decoded(datagrams, schema)
    made = encode.netflow5(flows)
    assert carried(decoded(made, schema)) == carried(flows)
    assert made.lost == {}


PORT = st.integers(0, 0xFFFF)
NUMBER = st.integers(0, 2**32 - 1)
ROW = st.fixed_dictionaries(
    {
        "src_addr": st.sampled_from(["10.0.0.9", "0.0.0.0", "255.255.255.255"]),
        "next_hop": st.sampled_from([None, "192.0.2.254"]),
        "bytes": NUMBER, "packets": NUMBER, "in_if": PORT, "out_if": PORT, "src_port": PORT, "dst_port": PORT,
        "src_as": PORT, "dst_as": PORT, "src_net": st.integers(0, 32), "tcp_flags": st.integers(0, 255),
        "proto": st.sampled_from([6, 17, 47]), "ip_tos": st.integers(0, 255), "observation_domain_id": PORT,
        "sampling_rate": st.sampled_from([None, 1, 2, 0x3FFF]),
        "time_flow_start_ns": st.integers(START_NS - 10**6, START_NS + 10**6),
    }
)  # fmt: skip


@given(st.lists(ROW, max_size=70), st.integers(-(10**6), 10**6))
def test_any_row_that_fits_comes_back(rows: list[dict[str, Any]], lasts_ms: int) -> None:
    given_rows = [
        v5(**row)
        | {"time_flow_end_ns": row["time_flow_start_ns"] + lasts_ms * 10**6}
        | {"sampling_source": 7 if row["sampling_rate"] else 0}
        for row in rows
    ]
    flows = batch(given_rows)
    assert carried(decoded(encode.netflow5(flows))) == carried(flows)


def test_thirty_records_a_datagram_and_a_sequence_of_flows() -> None:
    flows = batch([v5(src_port=i) for i in range(95)])
    made = list(encode.netflow5(flows, sequence=2**32 - 40))
    assert [len(datagram) for datagram in made] == [24 + 48 * n for n in (30, 30, 30, 5)]
    headers = [Decoder().decode(datagram, ROUTER).header for datagram in made]
    assert [header["count"] for header in headers] == [30, 30, 30, 5]
    assert [header["sequence"] for header in headers] == [2**32 - 40, 2**32 - 10, 20, 50]
    assert len({header["sys_uptime_ms"] for header in headers}) == 1
    assert [len(datagram) for datagram in encode.netflow5(flows, records=1)] == [72] * 95


def test_each_engine_counts_its_own_sequence() -> None:
    rows = [v5(observation_domain_id=engine, src_port=i) for i, engine in enumerate([0, 0, 258, 0, 258])]
    headers = [Decoder().decode(each, ROUTER).header for each in encode.netflow5(batch(rows))]
    assert [(each["engine_type"], each["engine_id"], each["sequence"], each["count"]) for each in headers] == [
        (0, 0, 0, 2), (1, 2, 0, 1), (0, 0, 2, 1), (1, 2, 1, 1),
    ]  # fmt: skip


def test_uptime_never_falls() -> None:
    rows = [v5(time_flow_end_ns=START_NS + i * 10**9, time_flow_start_ns=START_NS) for i in (5, 90, 3, 7, 60)]
    headers = [Decoder().decode(each, ROUTER).header for each in encode.netflow5(batch(rows), records=1)]
    uptimes = [header["sys_uptime_ms"] for header in headers]
    assert uptimes == sorted(uptimes)
    assert min(uptimes) == 3_605_000
    assert headers[1]["export_time_s"] == START_NS // 10**9 + 90


def test_batches_go_on_where_the_one_before_ended() -> None:
    flows = batch([v5(src_port=i) for i in range(60)])
    together, apart = (list(encode.netflow5(each)) for each in (flows, [flows[:30], flows[30:]]))
    assert together == apart


# ── sampling ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_scaled_and_not() -> None:
    flows = batch([v5(sampling_rate=100), v5(sampling_rate=None, src_port=1)])
    scaled = decoded(encode.netflow5(flows, scaled=True))
    assert (scaled["bytes"].to_list(), scaled["packets"].to_list()) == ([100_000, 1000], [1000, 10])
    assert scaled["sampling_rate"].to_list() == [None, None]
    assert len(list(encode.netflow5(flows, scaled=True))) == 1
    raw = decoded(encode.netflow5(flows))
    assert (raw["bytes"].to_list(), raw["sampling_rate"].to_list()) == ([1000, 1000], [100, None])


def test_peer_or_origin() -> None:
    rows = batch([v5(src_as=None, dst_as=None, next_hop_as=65001)])
    [row] = decoded(encode.netflow5(rows, autonomous_systems="peer"))
    assert (row.src_as, row.dst_as) == (0, 65001)
    with pytest.raises(EncodeError, match=r"next_hop_as \(1 of 1 rows\)"):
        list(encode.netflow5(rows))


# ── what v5 cannot carry ─────────────────────────────────────────────────────────────────────────────────────────────

UNFIT: list[tuple[str, dict[str, Any], dict[str, Any] | None]] = [
    ("src_addr", {"src_addr": "2001:db8::1"}, None),
    ("dst_addr", {"dst_addr": None}, None),
    ("next_hop", {"next_hop": "2001:db8::1"}, {"next_hop": None}),
    ("in_if", {"in_if": 70_000}, {"in_if": 0}),
    ("out_if", {"out_if": 2**32 - 1}, {"out_if": 0}),
    ("src_as", {"src_as": 4_200_000_000}, {"src_as": 23456}),
    ("bytes", {"bytes": 2**32}, {"bytes": 2**32 - 1}),
    ("bytes", {"bytes": None}, {"bytes": 0}),
    ("packets", {"packets": 2**64 - 1}, {"packets": 2**32 - 1}),
    ("proto", {"proto": None}, {"proto": 0}),
    ("tcp_flags", {"tcp_flags": 0x112}, {"tcp_flags": 0x12}),
    ("sampling_rate", {"sampling_rate": 20_000}, {"sampling_rate": None, "bytes": 20_000_000, "packets": 200_000}),
    ("observation_domain_id", {"observation_domain_id": 2**16}, {"observation_domain_id": 0}),
    ("record_kind", {"record_kind": 2}, {"record_kind": 0}),
    ("time_flow_start_ns", {"time_flow_start_ns": None}, {"time_flow_start_ns": START_NS + 10**9}),
    ("time_flow_end_ns", {"time_flow_end_ns": START_NS + 10**9 + 1}, {"time_flow_end_ns": START_NS + 10**9}),
    ("time_flow_start_ns", {"time_flow_start_ns": START_NS + 10**15}, {"time_flow_start_ns": START_NS + 10**9}),
    ("time_flow_start_ns", {"time_flow_start_ns": -1}, {"time_flow_start_ns": START_NS + 10**9}),
    ("src_mac", {"src_mac": "02:00:00:00:00:01"}, {}),
    ("vlan_id", {"vlan_id": 0}, {}),
    ("flow_direction", {"flow_direction": 1}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("field", "values", "instead"), UNFIT)
def test_what_does_not_fit_is_named_or_counted(field: str, values: Any, instead: dict[str, Any] | None) -> None:
    flows = batch([v5(**values)])
    with pytest.raises(EncodeError, match=rf"NetFlow v5 cannot carry .*{field} \(1 of 1 rows\)") as raised:
        list(encode.netflow5(flows))
    assert raised.value.field is not None
    made = encode.netflow5(flows, lossy=True)
    found = decoded(made)
    assert made.lost[field] == 1
    assert made.rows_left_out == (instead is None)
    assert len(found) == (instead is not None)
    for name, value in (instead or {}).items():
        assert found[0][name] == value


def test_every_column_is_named_at_once() -> None:
    flows = batch([v5(), v5(src_addr="2001:db8::1", vlan_id=3, in_if=70_000), v5(in_if=70_001)])
    with pytest.raises(EncodeError) as raised:
        list(encode.netflow5(flows))
    assert str(raised.value) == (
        "NetFlow v5 cannot carry vlan_id (1 of 3 rows), src_addr (1 of 3 rows), in_if (1 of 3 rows); "
        "lossy=True makes it fit"
    )
    assert raised.value.field == "vlan_id"


def test_any_rows_are_encoded_with_losses() -> None:
    made = encode.netflow5(batch(varied(2000)), lossy=True)
    found = decoded(made)
    assert len(found) + made.rows_left_out == 2000
    assert made.lost["src_addr"] > 500
    assert made.lost["flow_direction"] > 1500


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=4, max_size=4), st.booleans())
def test_any_times_are_encoded_with_losses(times: list[int], given_export: bool) -> None:
    rows = [v5(time_flow_start_ns=a, time_flow_end_ns=b) for a in times for b in times]
    rows += [row | {"export_time_ns": times[0]} for row in rows] if given_export else []
    made = encode.netflow5(batch(rows, "export_time_ns"), lossy=True)
    decoder = Decoder()
    assert sum(decoder.feed(datagram, ROUTER) for datagram in made) == len(rows)


def test_mistakes_of_the_caller() -> None:
    flows = chapter()
    for wrong in ({"records": 0}, {"records": 31}, {"autonomous_systems": "both"}, {"export_ns": -1}):
        with pytest.raises(ValueError, match=r"records, not|origin or peer|export_ns"):
            encode.netflow5(flows, **wrong)
    with pytest.raises(TypeError, match="not of int"):
        list(encode.netflow5([1]))  # type: ignore[list-item]


def test_no_rows_make_no_datagram() -> None:
    assert list(encode.netflow5(batch([]))) == list(encode.netflow5([])) == []


# ── others' eyes ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.skipif(TSHARK is None, reason="tshark is not here")
def test_tshark_reads_it_back(tmp_path: Path) -> None:
    flows = batch(
        [v5(src_port=i, bytes=i * 1000 + 1, in_if=i, sampling_rate=100, sampling_source=7) for i in range(40)]
    )
    frames = [(START_NS, build.ethernet(build.udp(datagram))) for datagram in encode.netflow5(flows)]
    path = tmp_path / "made.pcap"
    path.write_bytes(build.pcap(frames))
    fields = ["cflow.srcaddr", "cflow.srcport", "cflow.octets", "cflow.inputint", "cflow.sequence", "cflow.samplerate"]
    command = [str(TSHARK), "-r", str(path), "-d", "udp.port==2055,cflow", "-T", "fields"]
    done = subprocess.run(
        [*command, *(part for field in (*fields, "_ws.malformed") for part in ("-e", field))],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[4:] for row in rows] == [["0", "100", ""], ["30", "100", ""]]
    joined = [",".join(row[i] for row in rows).split(",") for i in range(4)]
    assert joined == [
        [str(value) for value in flows[name].to_list()] for name in ("src_addr", "src_port", "bytes", "in_if")
    ]


def sflowtool_captures() -> list[Any]:
    paths = sorted((SHARED / "sflow").glob("*.nf5*.pcapout")) if SHARED else []
    return [pytest.param(path, id=path.name) for path in paths]


@needs_shared
@pytest.mark.parametrize("path", sflowtool_captures())
def test_octets_are_those_of_sflowtool(path: Path) -> None:
    """sflowtool sends a flow a datagram, and an uptime that is no uptime: `boot_ns` is what makes it so.

    It writes ICMP's type and code as the two ports, where Cisco, and we, write both as the destination port.
    """
    decoder = Decoder()
    octets = path.read_bytes()
    for number, (_, _, _, payload) in enumerate(capture.datagrams(octets)):
        datagram = bytes(payload)
        message = decoder.decode(datagram, ROUTER)
        header, flows = message.header, message.flows
        now = header["export_time_s"] * 10**9 + header["export_time_ns"]
        boot_ns = now - header["sys_uptime_ms"] * 10**6
        made = list(encode.netflow5(flows, sequence=number, export_ns=now, boot_ns=boot_ns))
        if flows[0].proto in (1, 58):
            assert datagram[24 + 32 : 24 + 36] in (bytes([0, 8, 0, 0]), bytes(4))
            made[0] = made[0][: 24 + 32] + datagram[24 + 32 : 24 + 36] + made[0][24 + 36 :]
        assert made == [datagram]


@needs_shared
@pytest.mark.parametrize(("kind", "scaled"), [("nf5", True), ("nf5_noscale", False)])
def test_samples_become_the_records_that_sflowtool_makes_of_them(kind: str, scaled: bool) -> None:
    """All octets but the times, and dOctets: ours are the frame's with its checksum, 18 more than the IP packet's."""
    assert SHARED is not None
    decoder = Decoder()
    decoder.feed_capture((SHARED / "sflow" / "overflowd_sflow.pcap").read_bytes())
    made = list(encode.netflow5(decoder.take(), records=1, scaled=scaled, lossy=True))
    theirs = (SHARED / "sflow" / f"overflowd_sflow.{kind}.pcapout").read_bytes()
    sent = [bytes(payload) for _, _, _, payload in capture.datagrams(theirs)]
    assert len(made) == len(sent) == 5855
    octets, times = slice(44, 48), (slice(4, 16), slice(48, 56))
    for ours, other in zip(map(bytearray, made), map(bytearray, sent), strict=True):
        factor = int.from_bytes(other[40:44])  # dPkts: the rate, or 1
        frame = int.from_bytes(ours[octets]) // factor
        packet = int.from_bytes(other[octets]) // factor
        assert frame - packet == 18 or (ours[62] == 17 and frame - packet == 18 + 20)
        for part in (octets, *times):
            ours[part] = other[part]
        assert ours == other
