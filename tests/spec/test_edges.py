"""Numbers at which something else happens: the last that is as before, and the first that is not.

Put to the kernels and to the specification; docs/design/wire-decisions.md says each.
"""

from __future__ import annotations

import pytest

from flowparse import Limits
from tests.build import (
    IPFIX_TEMPLATES,
    V5Record,
    ipfix,
    netflow5,
    netflow9,
    set_,
    template_record,
    uint,
)
from tests.subjects import Subject, each_subject

A = ("192.0.2.1", 2055)
PAIR = set_(IPFIX_TEMPLATES, template_record(256, [(1, 4), (2, 4)]))
TWO = set_(256, bytes(range(16)))
START_NS = 1_700_000_000 * 10**9


def codes(decoder: Subject) -> list[str]:
    return [event.code for event in decoder.events()]


@each_subject
@pytest.mark.parametrize(("age_ns", "rows"), [(0, 2), (5, 2), (6, 0)])
def test_a_set_that_waited_as_long_as_it_may_is_decoded(subject: type[Subject], age_ns: int, rows: int) -> None:
    decoder = subject(limits=Limits(pending_ns=5))
    decoder.feed(ipfix(TWO), A, START_NS)
    assert decoder.feed(ipfix(PAIR, sequence=2), A, START_NS + age_ns) == rows
    assert codes(decoder)[2:] == ["data_replayed" if rows else "data_dropped"]


@each_subject
@pytest.mark.parametrize(("limit", "rows"), [(3, 2), (2, 2), (1, 1), (0, 0)])
def test_as_many_records_as_a_message_may_have_are_kept(subject: type[Subject], limit: int, rows: int) -> None:
    decoder = subject(limits=Limits(records_per_message=limit))
    assert decoder.feed(ipfix(PAIR, TWO), A) == rows
    assert ("limit_reached" in codes(decoder)) == (rows < 2)


@each_subject
@pytest.mark.parametrize(("limit", "rows"), [(5, 2), (4, 2), (3, 1), (2, 1), (1, 0)])
def test_as_many_values_as_a_message_may_have_are_kept(subject: type[Subject], limit: int, rows: int) -> None:
    decoder = subject(limits=Limits(values_per_message=limit))
    assert decoder.feed(ipfix(PAIR, TWO), A) == rows
    assert ("limit_reached" in codes(decoder)) == (rows < 2)


@each_subject
@pytest.mark.parametrize(("records", "values", "told"), [(1, 3, "records"), (1, 2, "records"), (2, 2, "values")])
def test_the_stricter_of_two_limits_is_told_and_records_where_both_are(
    subject: type[Subject], records: int, values: int, told: str
) -> None:
    decoder = subject(limits=Limits(records_per_message=records, values_per_message=values))
    assert decoder.feed(ipfix(PAIR, TWO), A) == 1
    [event] = [event for event in decoder.events() if event.code == "limit_reached"]
    assert f"Limits.{told}_per_message" in event.message


@each_subject
@pytest.mark.parametrize(("limit", "rows"), [(2, 2), (1, 0)])
def test_as_many_fields_as_a_template_may_have_are_good(subject: type[Subject], limit: int, rows: int) -> None:
    decoder = subject(limits=Limits(fields_per_template=limit), replay=False)
    assert decoder.feed(ipfix(PAIR, TWO), A) == rows


@each_subject
@pytest.mark.parametrize(("length", "count"), [(65515, 1), (65516, 0)])
def test_a_record_that_a_message_can_just_hold_is_good(subject: type[Subject], length: int, count: int) -> None:
    decoder = subject()
    decoder.feed(ipfix(set_(IPFIX_TEMPLATES, template_record(256, [(210, length)]))), A)
    assert len(decoder.templates()) == count


@each_subject
@pytest.mark.parametrize(("back_ms", "code"), [(10_000, "sequence_gap"), (10_001, "exporter_restarted")])
def test_ten_seconds_less_of_uptime_are_no_restart(subject: type[Subject], back_ms: int, code: str) -> None:
    decoder = subject()
    decoder.feed(netflow9(sequence=10, sys_uptime_ms=60_000), A)
    decoder.events()
    decoder.feed(netflow9(sequence=20, sys_uptime_ms=60_000 - back_ms), A)
    assert codes(decoder)[-1] == code


@each_subject
@pytest.mark.parametrize(("behind", "codes_told"), [(65536, []), (65537, ["sequence_reset"])])
def test_a_message_behind_by_65536_is_late(subject: type[Subject], behind: int, codes_told: list[str]) -> None:
    decoder = subject()
    decoder.feed(netflow5([V5Record()], sequence=100_000), A)
    decoder.feed(netflow5([V5Record()], sequence=100_001 - behind), A)
    assert codes(decoder) == codes_told


@each_subject
def test_another_last_octet_is_another_template(subject: type[Subject]) -> None:
    decoder = subject()
    for length in (4, 8, 4):
        decoder.feed(ipfix(set_(IPFIX_TEMPLATES, template_record(256, [(1, length)]))), A)
    assert codes(decoder) == ["template_defined", "template_changed", "template_changed"]
    assert decoder.feed(ipfix(set_(256, uint(7, 4), uint(8, 4))), A) == 2
