"""What a caller may hand over, what is refused, and that nothing of it is lost in silence."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import flowparse as fp
from flowparse import lldp
from flowparse.lldp.inputs import LINE

LINES = [
    "Capability codes:",
    "    (R) Router, (B) Bridge, (T) Telephone, (C) DOCSIS Cable Device",
    "",
    "Device ID           Local Intf     Hold-time  Capability      Port ID",
    "r2.virl.info        Gi0/0          120        R               Gi0/0",
    "r5-tor.virl.info    Gi0/1          120        R               Gi0/1",
    "",
    "Total entries displayed: 2",
]
TEXT = "\n".join(LINES)
EXPECTED = [("Gi0/0", "r2.virl.info", "Gi0/0"), ("Gi0/1", "r5-tor.virl.info", "Gi0/1")]


def links(table: lldp.NeighborTable) -> list[tuple[str, str | None, str | None]]:
    return [(row.local_interface, row.system_name, row.port_id) for row in table]


@pytest.mark.parametrize(
    "data",
    [
        TEXT,
        TEXT.encode(),
        bytearray(TEXT.encode()),
        memoryview(TEXT.encode()),
        b"\xef\xbb\xbf" + TEXT.encode(),
        TEXT.encode("utf-16"),
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("\n", "\r"),
        LINES,
        tuple(LINES),
        [line.encode() for line in LINES],
        [TEXT],
        [LINES],
        json.dumps([LINES]),
        json.dumps([LINES]).encode(),
        repr([LINES]),
        "[" + repr(LINES).replace("'", "u'", 1) + "]",
        {"stdout_lines": [LINES], "changed": False},
        {"stdout": [TEXT]},
        json.dumps({"stdout_lines": [LINES]}),
        "    " + TEXT.replace("\n", "\n    "),
    ],
    ids=lambda data: type(data).__name__,
)
def test_every_shape_of_the_same_output(data: object) -> None:
    table = lldp.parse(data)
    assert links(table) == EXPECTED
    assert table.declared_total == 2
    assert table.complete


def test_an_expression_is_not_evaluated() -> None:
    table = lldp.parse("[['a', __import__('os').getcwd()]]")
    assert len(table) == 0
    assert not table.complete
    assert "nor a Python literal" in table.problems[0].reason


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]><lldp>&lol2;</lldp>',
        '<?xml version="1.0"?><!DOCTYPE x SYSTEM "file:///etc/passwd"><lldp/>',
        "<lldp><interface></lldp>",
        "<a>" * 1000,
        '{"a":' * 3000,
        "[" * 100_000,
        "[[" + "-" * 100_000 + "1]]",
        '{"lldpNeighbors": [',
        '["a", 1, {"b": 2}]',
        "{}",
        "[]",
        "",
        "\0\0\0",
    ],
)
def test_what_cannot_be_read_is_told(text: str) -> None:
    table = lldp.parse(text)
    assert len(table) == 0
    assert not table.complete
    assert table.problems


def test_a_line_that_is_too_long_is_refused_before_any_reader() -> None:
    row = "r7                  Gi0/7          120        R               " + "x" * LINE
    table = lldp.parse(TEXT.replace("\nTotal entries displayed: 2", f"{row}\nTotal entries displayed: 3"))
    assert links(table) == EXPECTED
    assert not table.complete
    assert [problem.line for problem in table.problems if str(LINE) in problem.reason] == [7]


def test_more_text_than_the_limit_raises() -> None:
    with pytest.raises(fp.LimitExceeded):
        lldp.parse("x" * (32 * 1024 * 1024 + 1))


@pytest.mark.parametrize("data", [None, 1, 1.5, object(), {1, 2}])
def test_other_types_are_the_callers_mistake(data: object) -> None:
    with pytest.raises(TypeError):
        lldp.parse(data)


def test_strict_raises_where_a_neighbor_may_be_missing() -> None:
    assert lldp.parse(TEXT, strict=True).complete
    with pytest.raises(fp.TextError, match="declares 3"):
        lldp.parse(TEXT.replace("displayed: 2", "displayed: 3"), strict=True)


def test_device_and_platform_are_found_or_taken() -> None:
    assert lldp.parse(f"core-1#show lldp neighbors\n{TEXT}\ncore-1#").device == "core-1"
    assert lldp.parse(f"core-1#show lldp neighbors\n{TEXT}", device="x").device == "x"
    assert lldp.parse(f"RP/0/RSP0/CPU0:pe1#show lldp neighbors\n{TEXT}").device == "pe1"
    assert lldp.parse(f"admin@mx1> show lldp neighbors\n{TEXT}").device == "mx1"
    assert lldp.parse(TEXT, platform="cisco.ios.ios").platform == "cisco_ios"
    assert lldp.parse(TEXT, platform="somebody_os").platform == "somebody_os"
    assert [row.local_device for row in lldp.parse(TEXT, device="r1")] == ["r1", "r1"]


def test_other_commands_in_one_text_are_not_read_as_neighbors() -> None:
    text = (
        "r1#show version\nCisco IOS Software\nChassis id: none\nr1#show lldp neighbors\n" + TEXT
        + "\nr1#show run\nhostname r1\ninterface Gi0/0\n description x\nr1#"
    )  # fmt: skip
    table = lldp.parse(text)
    assert links(table) == EXPECTED
    assert table.complete


def test_a_banner_before_the_first_prompt_is_told_and_no_loss() -> None:
    table = lldp.parse(f"Authorised users only\nr1#show lldp neighbors\n{TEXT}\nr1#")
    assert links(table) == EXPECTED
    assert table.complete
    assert [(problem.line, problem.lossy) for problem in table.problems] == [(1, False)]
    both = lldp.parse(f"{TEXT}\nr1#show lldp neighbors\n{TEXT}\nr1#")
    assert len(both) == 2 * len(EXPECTED)


@pytest.mark.parametrize(
    "command",
    ["show lldp neighbors | include Gi0", "show lldp neighbors interface Gi0/1", "show lldp neighbors Gi0/1 detail"],
)
def test_a_command_for_a_part_of_the_neighbors_is_not_complete(command: str) -> None:
    table = lldp.parse(f"r1#{command}\n{TEXT}\nr1#")
    assert links(table) == EXPECTED
    assert not table.complete
    assert lldp.parse(f"r1#show lldp neighbors | json\n{TEXT}").complete


def test_parse_many_keeps_the_order_and_the_names() -> None:
    tables = lldp.parse_many({"b": TEXT, "a": [LINES]}, platform="cisco_ios")
    assert [(table.device, len(table)) for table in tables] == [("b", 2), ("a", 2)]


def test_a_total_of_nothing_is_complete_and_silence_is_not() -> None:
    header = "\n".join(LINES[:4])
    assert lldp.parse(f"{header}\n\nTotal entries displayed: 0\n").complete
    assert lldp.parse(f"{header}\n").complete
    assert not lldp.parse("hello\nworld\n").complete
    assert not lldp.parse("r1#show lldp neighbors\nr1#").complete


def test_every_line_is_a_row_or_known_or_a_problem() -> None:
    """A line put anywhere into an output is told, unless it is a row."""
    for at in range(len(LINES) + 1):
        lines = [*LINES[:at], "%$ what is this? @@", *LINES[at:]]
        table = lldp.parse(lines)
        told = [problem for problem in table.problems if "what is this" in problem.text]
        assert told, at
        assert told[0].line == at + 1


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=60), max_size=12))
def test_no_text_raises(lines: list[str]) -> None:
    table = lldp.parse("\n".join(lines))
    assert isinstance(table, lldp.NeighborTable)
    assert not table.complete or len(table) == 0


KEYS = [
    "chassis-id",
    "port-id",
    "system-name",
    "lldp",
    "interface",
    "name",
    "chassis",
    "port",
    "ROW_nbor",
    "lldpNeighbors",
    "state",
    "capabilities",
    "managementAddresses",
    "data",
    "x",
]
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=20,
)


@given(TREES)
def test_no_tree_raises(tree: object) -> None:
    lldp.parse(json.dumps({"lldp": tree, "data": tree}))
    lldp.parse({"TABLE_nbor": tree})


@pytest.mark.parametrize("seed", range(40))
def test_damaged_outputs_do_not_raise(seed: int) -> None:
    """Characters lost, doubled and changed: a table or problems come out, and no more rows than lines."""
    rng = random.Random(seed)
    text = list(
        TEXT + "\n" + "Chassis id: 0014.1c57.a48b\nPort id: Fa1/0/9\nLocal Port id: mgmt0\nSystem Name: a\n" * 3
    )
    for _ in range(60):
        at = rng.randrange(len(text))
        rng.choice((
            lambda at=at: text.pop(at),
            lambda at=at: text.insert(at, rng.choice("\n :|-#>[{\0é\x1b")),
            lambda at=at: text.__setitem__(at, rng.choice("\n :=.")),
        ))()  # fmt: skip
    table = lldp.parse("".join(text))
    assert len(table) <= "".join(text).count("\n") + 1


@pytest.mark.rfc("8259", "8.2")
@pytest.mark.parametrize(
    ("escaped", "name"),
    [
        (r"a\ud83d\ude00", "a\U0001f600"),
        (r"a\ud800", r"a\ud800"),
        (r"\uDC00\uD83D", r"\uDC00\uD83D"),
        (r"a\\ud800\\", "a\\ud800\\"),
        (r"\\\ud800\n", "\\\\ud800\n"),
    ],
)
def test_half_a_character_in_json_stays_an_escape(escaped: str, name: str) -> None:
    port = '"port": {"id": {"type": "ifname", "value": "eth1"}}'
    chassis = f'"chassis": {{"id": {{"type": "local", "value": "{escaped}"}}}}'
    [row] = lldp.parse(f'{{"lldp": {{"interface": [{{"eth0": {{{chassis}, {port}}}}}]}}}}', platform="linux_lldpd")
    assert row.chassis_id == name.strip()
    repr(lldp.NeighborTable([row]).to_dicts()).encode()
