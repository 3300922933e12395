"""Batches of datagrams to batches of flows: each flow and each event knows the row that brought it."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowparse import FLOW, NATIVE, Decoder, Limits, StateError, engine, merge_states, scan_templates
from tests.build import IPFIX_TEMPLATES, V5Record, ipfix, netflow5, set_
from tests.build_sflow import counters_sample, if_counters
from tests.build_sflow import datagram as sflow_datagram
from tests.state.talk import FLOWS, NOW_NS, A, B, datagrams, fed, flow

pa = pytest.importorskip("pyarrow", reason="pyarrow is not here")

SCHEMA = FLOW.select("sampler_address", "src_addr", "bytes", "sequence_num", "sampling_rate", "time_received_ns")
GIVEN = datagrams()


def table(given: Any = GIVEN, *, received: str = "received", **columns: Any) -> Any:
    octets, exporters, times = zip(*given, strict=True) if given else ((), (), ())
    made = {
        "payload": pa.array(octets, pa.binary()),
        "exporter": pa.array([each and each[0] for each in exporters], pa.string()),
        received: pa.array(times, pa.int64()),
        "offset": pa.array(range(100, 100 + len(octets)), pa.int64()),
    }
    return pa.table(made | columns)


def stream(**settings: Any) -> engine.Stream:
    return engine.Stream(**{"schema": SCHEMA, "keep": ["offset"], "received": "received", **settings})


def rows(flows: Any, *drop: str) -> list[dict[str, Any]]:
    return flows.drop_columns([*drop]).to_pylist() if drop else flows.to_pylist()


def expected(given: Any = GIVEN) -> list[dict[str, Any]]:
    """Flows, each with the row that brought it, by a plain decoder."""
    plain = fed([(octets, exporter[0], ns) for octets, exporter, ns in given], schema=SCHEMA.add("message_index"))
    found = []
    for row in pa.table(plain.take()).to_pylist():
        index = row.pop("message_index")
        found.append({"offset": 100 + index, "input_row": index} | row)
    return found


def in_order(found: list[dict[str, Any]]) -> list[str]:
    return sorted(map(repr, found))


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_flows_have_the_row_that_brought_them() -> None:
    found = stream().flows(table())
    assert isinstance(found, pa.RecordBatch)
    assert found.schema.names == ["offset", "input_row", *SCHEMA.names]
    assert len(found) > 20
    assert in_order(rows(found)) == in_order(expected())


@settings(max_examples=40)
@given(st.lists(st.integers(0, len(GIVEN)), max_size=6), st.booleans())
def test_batches_cut_anywhere_give_the_same(places: list[int], as_table: bool) -> None:
    whole = table()
    ends = [0, *sorted(places), len(GIVEN)]
    one = stream()
    pieces = [whole.slice(start, end - start) for start, end in pairwise(ends)]
    given_ = pieces if as_table else [batch for piece in pieces for batch in piece.combine_chunks().to_batches()]
    found = [one.flows(piece) for piece in given_]
    assert len({str(each.schema) for each in found}) <= 1
    assert in_order([row for each in found for row in rows(each)]) == in_order(expected())


def test_flows_that_waited_have_the_row_of_an_earlier_batch() -> None:
    early = [(ipfix(set_(256, flow(n, octets=n)), domain=7), B, NOW_NS) for n in range(3)]
    late = [(ipfix(set_(IPFIX_TEMPLATES, FLOWS), domain=7), B, NOW_NS)]
    one = stream()
    assert [len(one.flows(table([each]))) for each in early] == [0, 0, 0]
    found = one.flows(table(late, offset=pa.array([500])))
    assert [(row["offset"], row["input_row"], row["bytes"]) for row in rows(found)] == [
        (100, 0, 0),
        (100, 1, 1),
        (100, 2, 2),
    ]
    assert one._early is None


def test_rows_that_wait_are_held_only_while_they_wait() -> None:
    one = stream(limits=Limits(pending_sets=3))
    for n in range(10):
        one.flows(table([(ipfix(set_(999, bytes([n])), domain=7), B, NOW_NS)] * 5))
    assert len(one._early) == 3


def test_nothing_is_kept_where_nothing_is_asked_for() -> None:
    found = stream(keep=()).flows(table())
    assert found.schema.names == ["input_row", *SCHEMA.names]
    by_index = engine.Stream(schema=SCHEMA.add("message_index"), received="received").flows(table())
    assert by_index["message_index"].to_pylist() == by_index["input_row"].to_pylist()


def test_an_empty_batch_and_one_of_no_flows_have_the_same_types() -> None:
    one = stream()
    schemas = [one.flows(each).schema for each in (table([]), table(GIVEN[1:2]), table())]
    assert schemas[0].equals(schemas[1])
    assert schemas[0].equals(schemas[2])
    assert len(one.flows(table([]))) == 0


def test_the_spark_profile_has_no_unsigned_integers() -> None:
    found = stream(profile="spark", keep=["offset"]).flows(table())
    kinds = {str(field.type) for field in found.schema}
    assert not [kind for kind in kinds if kind.startswith(("uint", "fixed_size"))]
    assert "timestamp[us, tz=UTC]" in kinds
    assert found["bytes"].to_pylist() == stream().flows(table())["bytes"].to_pylist()


UNITS = {"s": 10**9, "ms": 10**6, "us": 1000, "ns": 1}


@pytest.mark.parametrize("unit", UNITS)
def test_times_of_every_unit_and_none(unit: str) -> None:
    ns = NOW_NS + 5 * 10**9
    one = [(netflow5([V5Record()]), A, None)]
    stamp = pa.array([ns // UNITS[unit]], pa.timestamp(unit, "UTC"))
    (row,) = rows(stream().flows(table(one).set_column(2, "received", stamp)))
    (plain,) = rows(stream().flows(table([(one[0][0], A, ns)])))
    assert row == plain
    assert rows(stream().flows(table(one).set_column(2, "received", stamp.dictionary_encode()))) == [plain]
    (without,) = rows(stream(received="nowhere").flows(table(one)))
    assert without["time_received_ns"] is None


@pytest.mark.parametrize("kind", ["string", "large_string", "dictionary", "fixed", "octets"])
def test_exporters_of_every_type(kind: str) -> None:
    hosts = [exporter[0] for _, exporter, _ in GIVEN]
    packed = [
        bytes(10) + b"\xff\xff\xc0\0\2\1" if host == A[0] else bytes.fromhex("20010db8") + bytes(11) + b"\1"
        for host in hosts
    ]
    column = {
        "string": pa.array(hosts), "large_string": pa.array(hosts, pa.large_string()),
        "dictionary": pa.array(hosts).dictionary_encode(), "fixed": pa.array(packed, pa.binary(16)),
        "octets": pa.array(packed),
    }[kind]  # fmt: skip
    assert in_order(rows(stream().flows(table(exporter=column)))) == in_order(expected())


# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_events_have_the_row_that_they_are_about() -> None:
    given_ = [
        (netflow5([V5Record()] * 2), A, NOW_NS), (b"\0\x63", A, NOW_NS), (netflow5([V5Record()], count=4), A, NOW_NS),
        (ipfix(length=3), B, NOW_NS),
    ]  # fmt: skip
    one = stream()
    one.flows(table(given_[:1]))
    one.flows(table(given_[1:]))
    told = one.events()
    names = ("input_offset", "input_row", "code", "severity", "exporter", "domain", "offset", "clause", "message")
    assert told.schema.names == [*names]
    assert {row["input_offset"] - 100 - row["input_row"] for row in rows(told)} == {-1}
    found = {(row["input_row"], row["code"]) for row in rows(told)}
    assert {(1, "message_discarded"), (2, "message_truncated"), (3, "message_discarded")} <= found
    assert 0 not in {row for row, _ in found}
    assert len(one.events()) == 0


def test_rows_without_datagram_or_exporter_are_events_and_the_others_are_decoded() -> None:
    good = netflow5([V5Record()])
    one = stream(keep=())
    octets = pa.array([None, good, good, good, good])
    who = pa.array(["192.0.2.1", None, "nobody", "192.0.2.1", "192.0.2.2"])
    found = one.flows(pa.table({"payload": octets, "exporter": who}))
    assert found["input_row"].to_pylist() == [3, 4]
    told = [row for row in rows(one.events()) if row["code"] == "data_dropped"]
    assert [(row["input_row"], row["severity"]) for row in told] == [(0, "warning"), (1, "warning"), (2, "warning")]
    assert "nobody" in told[2]["message"]


def test_no_more_events_than_the_limit_are_kept_and_the_rest_is_counted() -> None:
    one = stream(limits=Limits(events=5), keep=())
    for _ in range(3):
        one.flows(pa.table({"payload": [b"\0\x63"] * 4, "exporter": ["192.0.2.1"] * 4}))
    told = rows(one.events())
    assert len(told) == 6
    assert told[-1]["message"] == "7 more events than Limits.events were dropped"
    assert one.events().schema.names == [*told[0]]


# ── options, counters, state ─────────────────────────────────────────────────────────────────────────────────────────


def test_options_and_counters_are_tables() -> None:
    one = stream()
    one.flows(table([*GIVEN, (sflow_datagram(counters_sample(if_counters())), A, NOW_NS)]))
    assert {each["interfaceName"].to_pylist()[0] for each in one.options() if "interfaceName" in each.column_names} == {
        "ge-0/0/1"
    }
    (counters,) = one.counters()
    assert counters.num_rows == 1
    assert (one.options(), one.counters()) == ([], []) or not any(each.num_rows for each in one.options())


def test_a_stream_goes_on_where_another_stopped() -> None:
    whole = stream()
    first = stream()
    for each in (whole, first):
        each.flows(table(GIVEN[:9]))
        each.events()
    heir = stream(state=first.export_state())
    assert heir.export_state() == first.export_state()
    one, other = (each.flows(table(GIVEN[9:])) for each in (whole, heir))
    assert in_order(rows(one, "input_row")) == in_order(rows(other, "input_row"))
    with pytest.raises(StateError):
        stream(state=b"no state")


def test_an_archive_in_parts_is_decoded_as_one() -> None:
    parts = [table(GIVEN[:5]), table(GIVEN[5:11]), table(GIVEN[11:])]
    state = merge_states(*(engine.scan_batches(part.to_batches(), received="received") for part in parts))
    random.Random(5).shuffle(parts)
    assert state == merge_states(*(engine.scan_batches([part], received="received") for part in parts))
    apart = [
        row
        for part in parts
        for each in engine.decode_batches([part], schema=SCHEMA, received="received", state=state)
        for row in rows(each, "input_row")
    ]
    single = Decoder(SCHEMA)
    single.import_state(state)
    together = [
        row for batch in single.batches([(o, e[0], ns) for o, e, ns in GIVEN]) for row in pa.table(batch).to_pylist()
    ]
    assert in_order(apart) == in_order(together)


def test_batches_are_decoded_by_one_stream() -> None:
    pieces = table().to_batches(max_chunksize=4)
    found = [*engine.decode_batches(pieces, schema=SCHEMA, keep=["offset"], received="received")]
    assert len(found) == len(pieces)
    assert in_order([row for each in found for row in rows(each)]) == in_order(expected())


def test_a_scan_passes_over_rows_of_nobody() -> None:
    template = ipfix(set_(IPFIX_TEMPLATES, FLOWS))
    one = pa.table(
        {"payload": [None, template, template, template], "exporter": ["192.0.2.1", None, "nobody", "192.0.2.1"]}
    )
    assert engine.scan_batches([one]) == scan_templates([(template, "192.0.2.1", None)])
    assert engine.scan_batches([]) == scan_templates([])


# ── arguments ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_arguments_that_mean_nothing_are_refused() -> None:
    for wrong in ({"schema": NATIVE}, {"keep": "offset"}):
        with pytest.raises(TypeError):
            engine.Stream(**wrong)
    for keep in (["bytes"], ["input_row"], ["a", "a"], ["message_index"]):
        with pytest.raises(ValueError, match="there twice"):
            engine.Stream(keep=keep)
    with pytest.raises(ValueError, match="profile"):
        engine.Stream(profile="text")  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        engine.Stream(schema=FLOW.add("no such element"))


def test_columns_of_another_type_or_none_are_refused_and_nothing_is_decoded() -> None:
    one = stream()
    lists = pa.array([[b"a"]] * len(GIVEN))
    for columns in (
        {"payload": pa.array(["a"] * len(GIVEN))},
        {"exporter": pa.array([5] * len(GIVEN))},
        {"payload": lists},
    ):
        with pytest.raises(TypeError, match="column"):
            one.flows(table(**columns))
    with pytest.raises(TypeError, match="received"):
        one.flows(table().set_column(2, "received", pa.array(["now"] * len(GIVEN))))
    for name in ("payload", "exporter", "offset"):
        with pytest.raises(KeyError):
            one.flows(table().drop_columns([name]))
    assert len(one.events()) == 0
    assert in_order(rows(one.flows(table()))) == in_order(expected())
