"""What hostile input costs grows with its octets and no faster, and what is held of it is bounded."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

import pytest

from flowparse import FLOW, NATIVE, Decoder, Limits
from tests import build_sflow as make
from tests.build import V5Record, ipfix, netflow5, options_template_record, set_, template_record, withdrawal
from tests.hostile.attacks import ATTACKS, SMALL, host, subset, to_decoder
from tests.hostile.costs import best, growth, once, peak, resident

A = ("192.0.2.1", 9995)
MIB = 1 << 20
MOST_GROWTH = 2.3
SLOW = {"layouts", "many_layouts", "widths", "links_of_a_graph"}
"""Families of which 60 kB take longer than a test should."""


class Heavy(NamedTuple):
    """Why a family takes more memory than 64 times its octets and a MiB, and how many times it is at most."""

    times: int
    reason: str


HEAVY = {
    "records_of_an_octet": Heavy(140, "an octet is a row, and a row of the flow view has a hundred"),
    "values_of_variable_length": Heavy(140, "an octet is a row, with the columns of its message"),
    "layouts_of_many_fields": Heavy(120, "a layout of 570 octets has a hundred columns, each described, and 16 KiB"),
    "layouts": Heavy(240, "a layout of 70 octets has a table, whose first chunk has 4 KiB, and its description"),
}


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] if n in SLOW else []) for n in ATTACKS])
def test_twice_the_octets_cost_twice_the_time(name: str) -> None:
    octets = 15_000 if ATTACKS[name].single or name in SLOW else 30_000
    assert growth(ATTACKS[name].make, octets, MOST_GROWTH, SMALL) <= MOST_GROWTH


@pytest.mark.parametrize("name", ["many_samplers", "many_sets_wait"])
def test_what_is_held_costs_no_message_that_is_not_of_it(name: str) -> None:
    """With limits that none of it meets."""
    assert growth(ATTACKS[name].make, 40_000, MOST_GROWTH, Limits()) <= MOST_GROWTH


def test_withdrawing_all_does_not_look_at_what_is_of_the_other_kind() -> None:
    few, many = (
        best(
            to_decoder([ipfix(set_(3, withdrawal(3) * 10_000))], [ipfix(set_(2, *templates(n)))], transport="tcp"),
            Limits(),
        )
        for n in (10, 4000)
    )
    assert many <= 3 * few


def templates(n: int) -> Iterator[bytes]:
    return (template_record(256 + i, [(4, 1)]) for i in range(n))


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        pytest.param(name, octets, marks=[pytest.mark.slow] if name in SLOW and octets > 1400 else [])
        for name, attack in ATTACKS.items()
        for octets in (1400, 60_000)
        if attack.single
    ],
)
def test_memory_of_a_datagram_is_a_multiple_of_its_octets(name: str, octets: int) -> None:
    case = ATTACKS[name].make(octets)
    once(case, Limits())  # what is made once and cached
    assert peak(case, Limits()) <= (HEAVY[name].times if name in HEAVY else 64) * case.octets + MIB


def test_values_are_counted_before_anything_is_made_of_them() -> None:
    """Two thousand fields of no octets in each of sixty thousand records: a hundred million values."""
    fields = [(1, 0)] * 2000 + [(4, 1)]
    template, records = ipfix(set_(2, template_record(256, fields))), ipfix(set_(256, bytes(60_000)))
    case = to_decoder([records], [template, ipfix(set_(256, b"x"))], schema=FLOW)
    once(case, Limits())
    assert peak(case, Limits()) < MIB
    decoder = Decoder(limits=Limits(events=100))
    decoder.feed(template, A)
    assert decoder.feed(records, A) == 65536 // 2001
    assert [event.code for event in decoder.events()][-1] == "limit_reached"


def test_layouts_of_one_datagram_cost_their_first_chunks() -> None:
    """1,477 layouts with a row each are 1,477 chunks of 4 KiB, and what is remembered of a layout."""
    sets = [set_(2, template_record(256 + i, subset(i))) + set_(256 + i, bytes(len(subset(i)))) for i in range(1477)]
    case = to_decoder([ipfix(*sets)], schema=NATIVE)
    most = 1477 * (4096 + 12_288)
    assert peak(case, Limits()) <= most
    assert peak(case, Limits(templates=100)) <= most // 5


# ── nothing grows ────────────────────────────────────────────────────────────────────────────────────────────────────


def random_templates(n: int, seed: int = 7) -> Iterator[tuple[list[bytes], list[str]]]:
    """Templates of 1 to 100 fields, of 10**5 domains and 10**4 exporters, in blocks."""
    pick = Random(seed)
    bodies = [template_record(0, [(1 + (i * k) % 400, 1 + k % 8) for k in range(1 + i % 100)]) for i in range(1000)]
    for _ in range(n // 1000):
        datagrams = [
            ipfix(
                set_(2, pick.randrange(256, 65536).to_bytes(2) + pick.choice(bodies)[2:]), domain=pick.randrange(10**5)
            )
            for _ in range(1000)
        ]
        yield datagrams, [host(pick.randrange(10**4)) for _ in range(1000)]


def growth_of_templates(limits: Limits, first: int, then: int) -> tuple[int, int]:
    """Octets that a process has grown by, at the most, within so many templates, and within so many more.

    Each block of datagrams and its events come and go beside, some MiB that are there or not when one looks.
    """
    decoder = Decoder(limits=limits)
    start = resident()

    def most(n: int, seed: int) -> int:
        held = 0
        for datagrams, exporters in random_templates(n, seed):
            decoder.feed_many(datagrams, exporters)
            decoder.events()
            held = max(held, resident())
        return held

    within, more = most(first, 7), most(then, 8)
    assert len(decoder.templates()) <= limits.templates
    return within - start, more - within


def test_templates_at_random_do_not_grow() -> None:
    """With a hundredth of the room, since that is passed sooner."""
    few = Limits(
        exporters=100, exporter_aliases=655, domains=330, templates=160, template_fields_total=2600, events=100,
        interfaces=655,
    )  # fmt: skip
    _, more = growth_of_templates(few, 5000, 25_000)
    assert more <= MIB


@pytest.mark.slow
def test_a_million_templates_at_random_do_not_grow() -> None:
    held, more = growth_of_templates(Limits(), 300_000, 700_000)
    assert held <= 64 * MIB
    assert more <= 4 * MIB


def test_rows_options_and_counters_that_nobody_takes_are_bounded() -> None:
    """A caller that only feeds: the memory of a decoder stays where it is."""
    decoder = Decoder(NATIVE, limits=Limits(column_octets=MIB, pending_octets=MIB, exporters=50, events=100))
    options = set_(3, options_template_record(300, [(302, 4)], [(305, 4), (306, 4)]))
    templates = set_(2, template_record(256, [(8, 4), (12, 4), (1, 8), (82, 65535)]))
    records = set_(256, *(bytes(16) + b"\4name" for _ in range(40))) + set_(300, bytes(12 * 40)) + set_(400, bytes(900))
    sflow = make.datagram(*[make.flow_sample(make.switch()), make.counters_sample(make.if_counters())] * 10)
    datagrams = [ipfix(templates, options), ipfix(records), sflow, netflow5([V5Record()] * 30)] * 50

    def feed(turns: int) -> int:
        for turn in range(turns):
            decoder.feed_many(datagrams, host(turn % 60))
        return resident()

    before = feed(25)
    assert feed(25) - before <= MIB
    assert decoder.rows_waiting > 0
