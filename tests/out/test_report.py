"""Reports say what a few lines of Python say about the same rows, and the note says what was counted."""

from __future__ import annotations

import math
import pickle
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowparse import FLOW, Decoder, report
from flowparse.batch import Batch
from tests import build
from tests.out.rows import OTHER, ROUTER, START_NS, batch, chapter, flow, varied

IDENTITY = [
    "src_addr",
    "dst_addr",
    "proto",
    "time_flow_start_ns",
    "time_flow_end_ns",
    "src_port",
    "dst_port",
    "icmp_type",
    "icmp_code",
]
MOST = 2**64 - 1
MINUTE = 60 * 10**9


def is_second(row: dict[str, Any], seen: set[Any]) -> bool:
    identity = tuple(row.get(name) for name in IDENTITY)
    if None in identity[:5] or row["record_kind"] == 1 or (row["time_source"] or 0) > 5:
        return False
    if identity in seen:
        return True
    seen.add(identity)
    return False


def kept(rows: list[dict[str, Any]], count: str) -> list[dict[str, Any]]:
    seen: set[Any] = set()
    if count == "once":
        return [row for row in rows if not is_second(row, seen)]
    return [row for row in rows if count == "all" or row["flow_direction"] != 1]


def sums(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What a group is to say, in plain Python."""
    found: dict[str, Any] = dict.fromkeys(
        ["rows", "bytes", "packets", "bytes_estimated", "packets_estimated", "rows_without_rate"], 0
    )
    variance = 0.0
    for row in rows:
        rate = row.get("sampling_rate") or 1
        found["rows"] += 1
        found["rows_without_rate"] += row.get("sampling_rate") is None
        for name in ("bytes", "packets"):
            found[name] = min(MOST, found[name] + (row[name] or 0))
            found[f"{name}_estimated"] = min(MOST, found[f"{name}_estimated"] + min(MOST, (row[name] or 0) * rate))
        variance += rate * rate * (row["packets"] or 0) if rate > 1 else 0
    estimated = found["packets_estimated"]
    known = found["rows_without_rate"] < found["rows"] and estimated
    found["error_percent"] = pytest.approx(196 * math.sqrt(variance) / estimated) if known else None
    return found


def grouped(rows: list[dict[str, Any]], *by: str) -> dict[Any, list[dict[str, Any]]]:
    groups = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in by)].append(row)
    return groups


# ── top ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("count", ["all", "once", "ingress"])
@pytest.mark.parametrize(
    "by", [("src_addr",), ("dst_addr", "proto"), ("sampler_address", "src_port", "flow_direction")]
)
@pytest.mark.parametrize("measure", ["bytes", "rows", "packets_estimated"])
def test_top_is_what_python_sums(count: Any, by: tuple[str, ...], measure: str) -> None:
    rows = varied(3000)
    groups = {key: sums(some) for key, some in grouped(kept(rows, count), *by).items()}
    order = sorted(groups, key=lambda key: -groups[key][measure])
    found = report.top(batch(rows), by, measure, n=5, count=count).to_dicts()
    assert found == [dict(zip(by, key, strict=True)) | groups[key] for key in order[:5]]


def test_top_has_every_group_when_n_is_large() -> None:
    rows = varied(500)
    assert len(report.top(batch(rows), "dst_addr", n=10**9)) == len(grouped(rows, "dst_addr"))
    assert len(report.top(batch(rows), "dst_addr", n=0)) == 0


@pytest.mark.parametrize("by", ["src_addr", "src_port", "type"])
@pytest.mark.parametrize("rates", [(None, None), (1, 1), (100, 100), (100, 7), (None, 100), (100, None)])
def test_rates_that_change_on_the_way(by: str, rates: tuple[int | None, int | None]) -> None:
    """Sums are kept without their rate for as long as there is one only; blocks of rows end before and behind that."""
    rows = varied(3000)
    for i, row in enumerate(rows):
        row["sampling_rate"] = rates[i >= 1600]
    groups = {key[0]: sums(some) for key, some in grouped(rows, by).items()}
    found = report.top(batch(rows), by, n=10**6)
    assert {row.pop(by): row for row in found.to_dicts()} == groups
    without = sum(row["sampling_rate"] is None for row in rows)
    assert ("have no sampling rate" in found.note) == bool(without)


def test_many_groups_of_addresses_that_become_longer() -> None:
    """The table grows many times, and keys that differ in one word only come to differ in more."""
    rows = [flow(src_addr=f"10.{i >> 8 & 255}.{i & 255}.{i % 7}", bytes=i + 1, packets=1) for i in range(4000)]
    rows += [flow(src_addr=f"2001:db8:{1 + i % 500:x}::{1 + i % 1000:x}", bytes=i + 1, packets=1) for i in range(1500)]
    rows = [*rows, flow(src_addr=None), flow(src_addr="::"), *rows[::-1]]
    found = report.top(batch(rows), "src_addr", n=10**6)
    assert {row.pop("src_addr"): row for row in found.to_dicts()} == {
        key[0]: sums(some) for key, some in grouped(rows, "src_addr").items()
    }


def test_sums_stop_where_a_block_of_rows_reaches_the_end() -> None:
    """Before that, no sum is looked at; from there on, each is."""
    rows = [flow(src_addr=f"10.0.0.{i % 5}", bytes=2**60 if i > 700 else i, packets=2) for i in range(1500)]
    found = report.top(batch(rows), "src_addr", n=5)
    assert {row.pop("src_addr"): row for row in found.to_dicts()} == {
        key[0]: sums(some) for key, some in grouped(rows, "src_addr").items()
    }


def test_of_equals_the_first_seen_is_first() -> None:
    rows = [flow(src_addr=f"10.0.0.{i}", src_port=i) for i in (5, 3, 9, 1)]
    assert report.top(batch(rows), n=3)["src_addr"].to_list() == ["10.0.0.5", "10.0.0.3", "10.0.0.9"]


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=40), st.integers(1, 12))
def test_top_k_is_a_sort(values: list[int], n: int) -> None:
    rows = [flow(src_port=i, bytes=value) for i, value in enumerate(values)]
    expected = sorted(range(len(values)), key=lambda i: (-values[i], i))[:n]
    assert report.top(batch(rows), "src_port", n=n)["src_port"].to_list() == expected


def test_batches_are_one_when_they_come_one_by_one() -> None:
    whole = batch(varied(2000), chunk_rows=300)
    parts = [whole[at : at + 333] for at in range(0, 2000, 333)]
    for count in ("all", "once", "ingress"):
        together, apart = (report.top(flows, ("src_addr", "proto"), count=count) for flows in (whole, iter(parts)))
        assert together == apart
        assert together.note == apart.note


def test_sums_stop_at_the_greatest_number_and_say_so() -> None:
    rows = [flow(bytes=MOST, packets=2**63, sampling_rate=1000), flow(bytes=5, src_port=1)]
    found = report.top(batch(rows))
    assert (found[0].bytes, found[0].packets, found[0].packets_estimated) == (MOST, 2**63 + 10, MOST)
    assert found.note.endswith(f"sums stop at {MOST}")
    assert "stop" not in report.top(batch([flow()])).note


@pytest.mark.parametrize(("packets", "percent"), [(1000, 6.2), (10_000, 1.96)])
def test_the_error_is_that_of_the_sampling_theory(packets: int, percent: float) -> None:
    rows = [flow(packets=packets // 10, sampling_rate=512, src_port=i) for i in range(10)]
    [row] = report.top(batch(rows))
    assert row.error_percent == pytest.approx(percent, rel=0.01)
    assert report.top(batch([flow(sampling_rate=1)]))[0].error_percent == 0


def test_keys_of_any_type() -> None:
    rows = [flow(src_mac=mac, application_id=app) for mac in ("00:53:00:00:00:01", None) for app in (2**63, None)]
    found = report.top(batch(rows), ("src_mac", "application_id"))
    assert [(row.src_mac, row.application_id) for row in found] == [(r["src_mac"], r["application_id"]) for r in rows]
    named = batch(rows).to_polars(names=True)
    assert "proto_name" in named.columns
    prepared = Batch("flows", *_with_names(batch(rows)))
    assert report.top(prepared, "proto_name")["proto_name"].to_list() == ["TCP"]


def _with_names(flows: Batch) -> tuple[Any, Any]:
    from flowparse.dataframes import with_names  # noqa: PLC0415

    return with_names(flows.layout, flows.chunks)


def test_narrow_schemas_do_what_they_can() -> None:
    decoder = Decoder(schema=FLOW.select("src_addr", "bytes"))
    decoder.feed(build.chapter_message(), ROUTER)
    flows = decoder.take()
    found = report.top(flows)
    assert (found[0].bytes, found[0].packets, found[0].packets_estimated) == (3892, None, None)
    assert "cannot be told without dst_addr, proto, time_flow_start_ns" in found.note
    assert found.note.endswith("the flows have no packets")
    with pytest.raises(KeyError, match="cannot be counted once without dst_addr"):
        report.top(flows, count="once")


def test_columns_of_other_types_are_refused_at_once() -> None:
    flows = chapter()
    with pytest.raises(TypeError, match="sampler_address is of type utf8, not address"):
        report.top(flows.profile("text"))
    narrow = Decoder(schema=FLOW.select("proto", "bytes"))
    narrow.feed(build.chapter_message(), ROUTER)
    with pytest.raises(TypeError, match="not of type u64"):
        report.top(narrow.take().profile("spark"), "proto")
    decoder = Decoder(schema=FLOW.select("src_addr", "bytes"))
    decoder.feed(build.chapter_message(), ROUTER)
    with pytest.raises(KeyError, match="dst_addr"):
        report.top([flows, decoder.take()])


def test_mistakes_of_the_caller() -> None:
    flows = chapter()
    with pytest.raises(KeyError, match="near: src_addr"):
        report.top(flows, "src_adr")
    for wrong in ({"measure": "octets"}, {"count": "twice"}, {"by": ()}):
        with pytest.raises(ValueError, match=r"measure is|count is|by names"):
            report.top(flows, **wrong)
    with pytest.raises(TypeError, match="Batch"):
        report.top([1])  # type: ignore[list-item]
    for every in ("m", "0s", "1y", "-1s", "9999999999999999999d"):
        with pytest.raises(ValueError, match="every"):
            report.timeline(flows, every)


def test_nothing_is_a_report_too() -> None:
    for flows in ([], [batch([])], batch([])):
        assert report.top(flows).names[:2] == ("src_addr", "rows")
        assert len(report.top(flows)) == len(report.conversations(flows)) == len(report.timeline(flows)) == 0


# ── counting once ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("count", "total"), [("all", 1948), ("once", 974), ("ingress", 1948)])
def test_the_chapter(count: Any, total: int) -> None:
    found = report.top(chapter(), ("src_addr", "dst_addr"), count=count)
    row = next(row for row in found if (row.src_addr, row.dst_addr) == ("10.0.0.9", "10.0.0.5"))
    assert row.bytes == total
    assert "4 of 9 rows look like second sightings of a flow (4 by 192.0.2.1 itself)" in found.note


def test_the_chapter_told_by_another_router() -> None:
    decoder = Decoder()
    for router in (ROUTER, OTHER):
        decoder.feed(build.chapter_message(), router)
    found = report.top(decoder.take(), ("src_addr", "dst_addr"), count="once")
    assert sorted(found["bytes"].to_list()) == [40, 974, 1946]
    assert "13 of 18 rows" in found.note
    assert "(9 by 192.0.2.2 after 192.0.2.1, 4 by 192.0.2.1 itself) and are left out" in found.note


def test_ingress_leaves_out_egress_alone() -> None:
    rows = [flow(flow_direction=direction, src_port=i) for i, direction in enumerate([0, 1, None, 0])]
    found = report.top(batch(rows), count="ingress")
    assert found[0].rows == 3
    assert found.note.startswith("1 of 4 rows are egress and left out; 1 do not say a direction and count")


@pytest.mark.parametrize(
    "different",
    [{name: None} for name in ("src_addr", "dst_addr", "proto", "time_flow_start_ns", "time_flow_end_ns")]
    + [{"record_kind": 1}, {"time_source": 6}, {"time_source": 7}],
)
def test_rows_that_do_not_say_which_flow_they_are_of_count(different: dict[str, Any]) -> None:
    rows = [flow(**different)] * 3
    assert report.top(batch(rows), count="once")[0].rows == 3


@pytest.mark.parametrize("name", [name for name in IDENTITY if name not in ("src_addr", "dst_addr")])
def test_a_flow_that_differs_is_another(name: str) -> None:
    icmp = {"icmp_type": 8, "icmp_code": 0}
    rows = [flow(**icmp), flow(**icmp) | {name: 3}]
    assert report.top(batch(rows), count="once")[0].rows == 2


def test_many_flows_and_exporters() -> None:
    rows = [flow(src_port=i % 60_000, dst_port=i // 60_000, sampler_address=f"10.9.{i % 7}.1") for i in range(5000)]
    again = [row | {"sampler_address": "10.10.0.1"} for row in rows]
    found = report.top([batch(rows), batch(again)], count="once")
    assert found[0].rows == 5000
    assert "5000 of 10000 rows" in found.note
    assert "by others" in found.note


def test_sightings_without_an_exporter() -> None:
    names = [name for name in FLOW.names if name != "sampler_address"]
    decoder = Decoder(schema=FLOW.select(*names))
    decoder.feed(build.chapter_message(), ROUTER)
    assert "(4 by an unknown exporter itself)" in report.top(decoder.take()).note


# ── conversations, timeline ──────────────────────────────────────────────────────────────────────────────────────────


def test_conversations_are_what_python_sums() -> None:
    rows = varied(2000)
    pairs: dict[Any, dict[str, list[Any]]] = defaultdict(lambda: {"ab": [], "ba": []})
    for row in rows:
        there = (stored(row["src_addr"]), stored(row["dst_addr"]))
        pairs[min(there, there[::-1])]["ab" if there <= there[::-1] else "ba"].append(row)
    expected = {}
    for pair, ways in pairs.items():
        expected[pair] = sums(ways["ab"] + ways["ba"])
        for way, some in ways.items():
            expected[pair] |= {f"{name}_{way}": sums(some)[name] for name in report.WAY_COLUMNS}
    order = sorted(expected, key=lambda pair: -expected[pair]["bytes"])
    found = report.conversations(batch(rows), n=20).to_dicts()
    assert [(stored(row.pop("addr_a")), stored(row.pop("addr_b"))) for row in found] == order[:20]
    assert found == [expected[pair] for pair in order[:20]]


def stored(address: str | None) -> tuple[bytes, bool]:
    """An address as it is compared: null is as sixteen zeros, and before ::."""
    [row] = batch([flow(src_addr=address)]).to_dicts(text=False)
    return (row["src_addr"] or bytes(16), address is None)


def test_the_chapters_conversations() -> None:
    [first, second] = report.conversations(chapter(), count="once")
    assert (first.addr_a, first.addr_b, first.bytes_ab, first.bytes_ba) == ("10.0.0.5", "10.0.0.9", 1946, 974)
    assert (second.addr_a, second.addr_b, second.bytes_ab, second.bytes_ba) == ("192.168.0.1", "192.168.0.5", 40, 0)


@pytest.mark.parametrize("by", [None, "proto"])
def test_timeline_is_what_python_sums(by: str | None) -> None:
    rows = varied(2000)
    groups = defaultdict(list)
    for row in rows:
        times = (row["time_flow_end_ns"], row["time_flow_start_ns"], row["time_received_ns"])
        time = next((time for time in times if time is not None), None)
        groups[None if time is None else time // MINUTE * MINUTE, row[by] if by else None].append(row)
    expected = [
        {"time": time} | ({by: value} if by else {}) | sums(some) for (time, value), some in groups.items()
    ]  # fmt: skip
    expected.sort(key=lambda row: (row["time"] is None, row["time"] or 0, -row["bytes"]))
    assert report.timeline(batch(rows), "1m", by).to_dicts() == expected


def test_times_before_1970_and_at_the_ends_of_64_bits() -> None:
    times = [-1, -MINUTE, -MINUTE - 1, -(2**63), 2**63 - 1]
    rows = [flow(time_flow_end_ns=time, src_port=i) for i, time in enumerate(times)]
    found = report.timeline(batch(rows))["time"].to_list()
    assert found == [-(2**63), -2 * MINUTE, -MINUTE, (2**63 - 1) // MINUTE * MINUTE]


# ── what a report is ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_report_is_a_batch_with_a_note() -> None:
    found = report.top(chapter())
    again = pickle.loads(pickle.dumps(found))
    assert again == found
    assert again.note == found.note
    assert isinstance(again, report.Report)
    assert found.note in repr(found)
    assert f"<p>{found.note.replace(chr(34), '&quot;')}</p>" in found._repr_html_()
    assert found.to_polars().shape == (3, 8)
    assert report.top(chapter(), "src_addr", "bytes", 1).note == found.note


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_floats_are_shown_short_and_held_whole() -> None:
    found = report.top(batch([flow(bytes=100, packets=7, sampling_rate=100)]))
    error = found["error_percent"].to_list()[0]
    assert error == pytest.approx(196 / math.sqrt(7), rel=1e-12)
    assert "<td>74.08</td>" in found._repr_html_()
    assert "error_percent=74.08)" in repr(found[0])
    assert found.to_dicts()[0]["error_percent"] == found[0].error_percent == error


def test_lines_of_the_chapter() -> None:
    assert list(report.lines(chapter())) == [
        "0 192.168.0.1:26828 -> 192.168.0.5:179 1 packts 40 bytes",
        "1 10.0.0.9:52912 -> 10.0.0.5:8000 6 packts 487 bytes",
        "2 10.0.0.9:52912 -> 10.0.0.5:8000 6 packts 487 bytes",
        "3 10.0.0.5:8000 -> 10.0.0.9:52912 5 packts 973 bytes",
        "4 10.0.0.5:8000 -> 10.0.0.9:52912 5 packts 973 bytes",
        "5 10.0.0.9:52913 -> 10.0.0.5:8000 6 packts 487 bytes",
        "6 10.0.0.9:52913 -> 10.0.0.5:8000 6 packts 487 bytes",
        "7 10.0.0.5:8000 -> 10.0.0.9:52913 5 packts 973 bytes",
        "8 10.0.0.5:8000 -> 10.0.0.9:52913 5 packts 973 bytes",
    ]


def test_lines_as_tcpdump_has_them() -> None:
    rows = [
        flow(tcp_flags=0x12),
        flow(tcp_flags=None, src_addr="2001:db8::1", dst_addr="2001:db8::2", time_flow_start_ns=START_NS + 1),
        flow(proto=17, dst_port=53, packets=1, bytes=64),
        flow(proto=1, src_port=None, dst_port=None, icmp_type=8, icmp_code=0),
        flow(proto=253),
        {},
    ]
    assert list(report.lines(batch(rows), "tcpdump")) == [
        "2023-11-14 22:13:20 IP 10.0.0.9.49152 > 10.0.0.5.443: Flags [S.], packets 10, length 1000",
        "2023-11-14 22:13:20.000000001 IP6 2001:db8::1.49152 > 2001:db8::2.443: Flags [none], packets 10, length 1000",
        "2023-11-14 22:13:20 IP 10.0.0.9.49152 > 10.0.0.5.53: UDP, packets 1, length 64",
        "2023-11-14 22:13:20 IP 10.0.0.9 > 10.0.0.5: ICMP type 8 code 0, packets 10, length 1000",
        "2023-11-14 22:13:20 IP 10.0.0.9.49152 > 10.0.0.5.443: proto 253, packets 10, length 1000",
        "? IP ? > ?: ?, packets ?, length ?",
    ]
    assert list(report.lines([batch(rows[1:2]), batch([{}])])) == [
        "0 [2001:db8::1]:49152 -> [2001:db8::2]:443 10 packts 1000 bytes",
        "1 ? -> ? ? packts ? bytes",
    ]
    with pytest.raises(ValueError, match="netflow or tcpdump"):
        report.lines(batch(rows), "json")  # type: ignore[arg-type]
