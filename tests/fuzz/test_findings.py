"""What fuzzing and soaking found, as small as it gets; each is named by its class, as threats are.

H-26 is numbers that are legal on the wire and larger than what they are kept in, T-14 is state that is saved
and read again.
"""

from __future__ import annotations

import pytest

from flowparse import FLOW, Decoder, Limits, StateError
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


def test_t14_a_decoder_takes_over_what_one_with_its_limits_holds() -> None:
    """A template of more fields than all may have stays where it is the only one, and was refused when read again."""
    limits = Limits(template_fields_total=1)
    template = build.template_record(256, [(1, 4), (2, 4)])
    decoder, again = Decoder(limits=limits), Decoder(limits=limits)
    decoder.feed(build.ipfix(build.set_(2, template)), EXPORTER)
    again.import_state(decoder.export_state())
    assert [each.id for each in again.templates()] == [256]
    other = Decoder()
    other.feed(build.ipfix(build.set_(2, template), domain=7), EXPORTER)
    with pytest.raises(StateError, match="template_fields_total"):
        again.import_state(other.export_state())
