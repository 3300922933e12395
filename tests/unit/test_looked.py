"""Look-up tables that are changed one by one say what tables that are made at once say."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest

from flowparse._lookup import Names, Rates
from flowparse.knowledge import Knowledge, Scope
from flowparse.looked import MOST_CHANGES
from flowparse.registry import Registry
from flowparse.template import FieldSpecifier, fields_from
from tests.build import options_template_record, uint

EXPORTER, IPFIX = b"one", 4
SCOPES: list[Scope] = [(EXPORTER, IPFIX, domain) for domain in range(4)]
REGISTRY = Registry()


def fields(*numbers: tuple[int, int]) -> tuple[FieldSpecifier, ...]:
    return fields_from(options_template_record(256, [numbers[0]], list(numbers[1:])), IPFIX, True, REGISTRY)


SAMPLERS = fields((302, 8), (305, 4), (306, 4), (335, 4))
INTERFACES = fields((10, 4), (82, 4))
INTERFACE_RATES = fields((10, 4), (34, 4))
APPLICATIONS = fields((95, 4), (96, 4))
VRFS = fields((234, 4), (236, 4))


def name(pick: Random) -> bytes:
    return pick.choice([b"\0\0\0\0", b"a\0\0\0", b"bb\0\0", b"long"])


def a_record(pick: Random) -> tuple[Sequence[FieldSpecifier], bytes]:
    """Something that is told: of few keys, so that it is told again, differently, and in other domains."""
    key, rate = pick.randrange(12), pick.choice([0, 1, 100, 100, 1000])
    return pick.choice(
        [
            (SAMPLERS, uint(key << 58, 8) + uint(1, 4) + uint(rate, 4) + name(pick)),
            (INTERFACES, uint(key, 4) + name(pick)),
            (INTERFACE_RATES, uint(key, 4) + uint(rate, 4)),
            (APPLICATIONS, uint(key, 4) + name(pick)),
            (VRFS, uint(key, 4) + name(pick)),
        ]
    )


def shown(knowledge: Knowledge, scope: Scope) -> tuple[object, ...]:
    """What kernels would read."""
    rate, of_templates, samplers, interfaces, names, init = knowledge.known(scope)
    assert samplers is not None
    assert interfaces is not None
    rates = [{key: table.get(key) for key in KEYS if table.get(key)} for table in (samplers, interfaces)]
    assert [len(each) for each in rates] == [len(samplers), len(interfaces)]
    found = [{key: each.get(key) for key in KEYS if each.get(key)} for each in names if each is not None]
    assert [len(each) for each in found] == [len(each) for each in names if each is not None]
    return rate, of_templates, rates, found, init


KEYS = [*range(12), *(key << 58 for key in range(1, 12))]


@pytest.mark.parametrize("seed", range(10))
def test_what_changed_is_as_what_is_made_at_once(seed: int) -> None:
    pick, knowledge = Random(seed), Knowledge()
    for _ in range(400):
        # The last domain is told nothing, so that it has what all others agree on.
        knowledge.learn(pick.choice(SCOPES[:3]), *a_record(pick))
        if pick.random() < 0.4:
            scope = pick.choice(SCOPES)
            assert shown(knowledge, scope) == shown(knowledge.with_tables({}), scope)
    for scope in SCOPES:
        assert shown(knowledge, scope) == shown(knowledge.with_tables({}), scope)


def test_what_lacks_too_much_is_made_anew() -> None:
    knowledge = Knowledge()
    knowledge.known(SCOPES[0])
    octets = b"".join(uint(i, 8) + uint(1, 4) + uint(100, 4) + b"name" for i in range(3 * MOST_CHANGES))
    knowledge.learn(SCOPES[0], SAMPLERS, octets)
    rate, _, samplers, _, names, _ = knowledge.known(SCOPES[0])
    assert rate == 101
    assert samplers is not None
    assert names[3] is not None
    assert len(samplers) == len(names[3]) == 3 * MOST_CHANGES


def test_of_an_exporter_that_is_forgotten_nothing_is_kept() -> None:
    knowledge = Knowledge()
    knowledge.learn(SCOPES[0], SAMPLERS, uint(1, 8) + uint(1, 4) + uint(100, 4) + b"name")
    assert shown(knowledge, SCOPES[0])[0] == 101
    knowledge.forget_all_but(lambda identity: False)
    assert shown(knowledge, SCOPES[0]) == (0, {}, [{}, {}], [{}, {}, {}, {}], None)


# ── the tables ───────────────────────────────────────────────────────────────────────────────────────────────────────


def keys(pick: Random) -> int:
    return pick.choice([pick.randrange(40), pick.randrange(40) << 58, pick.randrange(2**64)])


@pytest.mark.parametrize("seed", range(5))
def test_rates_are_a_dict(seed: int) -> None:
    pick, table, expected = Random(seed), Rates(), dict[int, int]()
    for _ in range(3000):
        key, rate = keys(pick), pick.choice([0, 1, 2**32 - 1])
        table.put(key, rate)
        expected[key] = rate
        if pick.random() < 0.1:
            key = keys(pick)
            assert (table.get(key) or 0) == expected.get(key, 0)
    assert {key: table.get(key) or 0 for key in expected} == expected
    assert len(table) == sum(1 for rate in expected.values() if rate)


@pytest.mark.parametrize("seed", range(5))
def test_names_are_a_dict(seed: int) -> None:
    pick, table, expected = Random(seed), Names(), dict[int, str | None]()
    for _ in range(3000):
        key, name = keys(pick), pick.choice([None, "", "a", "é" * 10, "x" * pick.randrange(100)])
        table.put(key, name)
        expected[key] = name or None
    assert {key: table.get(key) for key in expected} == expected
    assert len(table) == sum(1 for name in expected.values() if name)
