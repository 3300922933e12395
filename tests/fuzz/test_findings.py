"""What fuzzing and soaking found, as small as it gets; each is named by its class, as threats are.

H-26 is numbers that are legal on the wire and larger than what they are kept in.
"""

from __future__ import annotations

import pytest

from flowparse import FLOW, Decoder
from tests import build

EXPORTER = "192.0.2.1"
SYSTEM_INIT_TIME = 160  # systemInitTimeMilliseconds


@pytest.mark.parametrize("init_ms", [9223372036855, 2**63 - 1, 2**63, 2**64 - 1])
def test_h26_an_exporter_that_started_later_than_time_can_tell(init_ms: int) -> None:
    """OverflowError left feed(): the number went into 63 bits."""
    options = build.options_template_record(256, [(149, 4)], [(SYSTEM_INIT_TIME, 8)])
    template = build.template_record(257, [(22, 4), (1, 4)])
    told = build.set_(256, build.uint(0, 4), build.uint(init_ms, 8))
    decoder = Decoder(FLOW)
    decoder.feed(build.ipfix(build.set_(3, options), told), EXPORTER)
    flows = build.set_(257, build.uint(1000, 4), build.uint(77, 4))
    assert decoder.feed(build.ipfix(build.set_(2, template), flows, sequence=1), EXPORTER) == 1
    [row] = decoder.take()
    assert (row["bytes"], row["time_flow_start_ns"]) == (77, None)
