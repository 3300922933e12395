"""Batch.scaled: estimates beside the columns as sent, which stay."""

from __future__ import annotations

import math

import pytest

from flowparse import FLOW, Decoder
from tests import build
from tests.out.rows import ROUTER, batch, flow, varied


@pytest.mark.parametrize("default_rate", [None, 50])
def test_estimates_are_what_python_multiplies(default_rate: int | None) -> None:
    rows = [*varied(300), flow(bytes=2**63, sampling_rate=2), flow(packets=0, sampling_rate=9), flow(sampling_rate=0)]
    scaled = batch(rows).scaled(default_rate=default_rate)
    for row, found in zip(rows, scaled, strict=True):
        rate = row.get("sampling_rate") or default_rate
        for name in ("bytes", "packets"):
            product = None if rate is None or row[name] is None else row[name] * rate
            assert found[f"{name}_estimated"] == (product if product is None or product < 2**64 else None)
            assert found[name] == row[name]
        if rate == 1:
            assert found.relative_error == 0
        elif rate is None or not row["packets"]:
            assert found.relative_error is None
        else:
            assert found.relative_error == pytest.approx(1.96 / math.sqrt(row["packets"]))


def test_scaling_slices_is_slicing_what_was_scaled() -> None:
    whole = batch(varied(300), chunk_rows=100)
    for part in (slice(0, 0), slice(5, 21), slice(50, 250)):
        assert whole[part].scaled() == whole.scaled()[part]


def test_columns_that_are_there_are_shared() -> None:
    decoder = Decoder()
    decoder.feed(build.netflow5([build.V5Record(octets=100)] * 3, sampling_mode=1, sampling_interval=10), ROUTER)
    flows = decoder.take()
    scaled = flows.scaled()
    assert scaled["bytes_estimated"].to_list() == [1000] * 3
    assert scaled.names == (*flows.names, "bytes_estimated", "packets_estimated", "relative_error")
    assert memoryview(scaled["bytes"]) == memoryview(flows["bytes"])


def test_without_the_columns_all_is_null() -> None:
    decoder = Decoder(schema=FLOW.select("src_addr"))
    decoder.feed(build.chapter_message(), ROUTER)
    scaled = decoder.take().scaled(default_rate=7)
    assert scaled["bytes_estimated"].null_count == scaled["relative_error"].null_count == 9


def test_mistakes_of_the_caller() -> None:
    flows = batch([flow()])
    with pytest.raises(ValueError, match="already"):
        flows.scaled().scaled()
    for rate in (0, -1, 2**32):
        with pytest.raises(ValueError, match="a sampling rate is from 1"):
            flows.scaled(default_rate=rate)
