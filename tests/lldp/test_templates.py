"""ntc-templates' templates run as TextFSM runs them, and nothing of them is lost in silence."""

from __future__ import annotations

import io
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flowparse import lldp
from flowparse.lldp.commands import commands
from flowparse.lldp.templates import compiled, dicts, run, template
from tests.shared import SHARED, needs_shared

textfsm = pytest.importorskip("textfsm")
RELEASE = int(pytest.importorskip("ntc_templates").__version__.partition(".")[0])


def both(text: str, lines: list[str]) -> tuple[list[list[Any]], list[list[Any]]]:
    fsm = textfsm.TextFSM(io.StringIO(text))
    ours = [row for row, _, _ in run(compiled(fsm), lines).rows]
    fsm.Reset()
    return ours, [list(row) for row in fsm.ParseText("\n".join(lines))]


VALUES = "Value {a}A (\\d+)\nValue B (\\w+)\n\nStart\n"
PLAIN = "  ^a${A}\n  ^b${B} -> Record\n"
SHAPES = {
    "required": VALUES.format(a="Required ") + "  ^a${A} -> Continue\n  ^.*b${B} -> Record\n",
    "filldown": VALUES.format(a="Filldown ") + PLAIN + "  ^c -> Clearall\n",
    "fillup": VALUES.format(a="Fillup ") + PLAIN + "  ^c -> Clear\n",
    "list": VALUES.format(a="List ") + PLAIN + "  ^c -> Clear\n",
    "list of groups": "Value List A ((?P<x>\\d)(?P<y>\\d?))\nValue B (\\w+)\n\nStart\n" + PLAIN,
    "list filldown": VALUES.format(a="List,Filldown ") + PLAIN + "  ^c -> Clear\n",
    "states": VALUES.format(a="") + "  ^a${A} -> Next.Record Other\n\nOther\n  ^b${B} -> Record Start\n  ^c -> End\n",
    "no eof": VALUES.format(a="") + PLAIN + "\nEOF\n",
    "optional group": VALUES.format(a="") + "  ^a(${A})?(b${B})? -> Record\n",
    "continue record": VALUES.format(a="") + "  ^a -> Continue.Record\n  ^a${A}\n  ^b${B}\n",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_loop_is_textfsm(shape: str) -> None:
    rng = random.Random(shape)
    for _ in range(200):
        lines = [rng.choice(("a1", "a23", "bxy", "bz", "c", "", "a", "q", "a1bq")) for _ in range(rng.randint(0, 12))]
        ours, theirs = both(SHAPES[shape], lines)
        assert ours == theirs, lines


@needs_shared
@pytest.mark.golden
@pytest.mark.parametrize("name", sorted({row.template for row in commands() if row.template}))
def test_the_loop_is_textfsm_on_every_sample(name: str) -> None:
    assert SHARED is not None
    made = template(name)
    if made is None:
        assert RELEASE < 9
        pytest.skip("not in this release")
    platform = next(row.platform for row in commands() if row.template == name)
    samples = sorted((SHARED / "lldp/ntc/tests" / platform / name.removeprefix(f"{platform}_")).glob("*.raw"))
    assert samples
    for path in samples:
        text = path.read_text(encoding="utf-8")
        made.fsm.Reset()
        done = run(made, text.splitlines())
        try:
            made.fsm.ParseText(text)
        except textfsm.TextFSMError:  # the release before the samples' does not know every line of them
            assert RELEASE < 9
            assert done.unmatched
            continue
        made.fsm.Reset()
        assert list(dicts(made, done.rows)) == made.fsm.ParseTextToDicts(text), path.name


def test_lines_records_and_ends_that_are_lost_are_told() -> None:
    fsm = textfsm.TextFSM(io.StringIO(SHAPES["required"]))
    done = run(compiled(fsm), ["what?", "bfoo", "a1bok"], 7)
    assert done.unmatched == [(7, "what?")]
    assert [(line, said) for line, said, _ in done.dropped] == [(8, {"B": "foo"})]
    assert [row for row, _, _ in done.rows] == [["1", "ok"]]
    fsm = textfsm.TextFSM(io.StringIO(SHAPES["no eof"]))
    assert [said for _, said, _ in run(compiled(fsm), ["a5"]).dropped] == [{"A": "5"}]


def test_an_error_rule_costs_a_line_and_not_the_table() -> None:
    text = "Value A (\\d+)\n\nStart\n  ^a${A} -> Record\n  ^. -> Error\n"
    done = run(compiled(textfsm.TextFSM(io.StringIO(text))), ["a1", "oops", "a2"])
    assert [row for row, _, _ in done.rows] == [["1"], ["2"]]
    assert done.unmatched == [(2, "oops")]


def test_every_template_that_a_command_names_is_there() -> None:
    missing = {row.template for row in commands() if row.template and template(row.template) is None}
    later = {"paloalto_panos_show_lldp_neighbors_all", "hp_procurve_show_lldp_info_local-device"}
    assert missing <= (later if RELEASE < 9 else set())
    assert template("no_such_template") is None


def test_nothing_is_imported_before_a_template_is_wanted() -> None:
    program = (
        "import sys, flowparse\n"
        "assert 'textfsm' not in sys.modules and 'ntc_templates' not in sys.modules\n"
        "flowparse.lldp.parse('Device ID           Local Intf     Hold-time  Capability      Port ID\\n')\n"
        "assert 'textfsm' not in sys.modules and 'ntc_templates' not in sys.modules\n"
        "flowparse.lldp.parse(' 0 interface=ether1 mac-address=12:34:56:78:90:AB identity=\"a\"\\n')\n"
        "assert 'textfsm' in sys.modules and 'ntc_templates' not in sys.modules\n"
    )
    source = str(Path(lldp.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {source!r})\n{program}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_long_tail_is_read_through_templates() -> None:
    table = lldp.parse(
        ' 0 interface=ether2,bridge_local mac-address=12:34:56:78:90:AB identity="CLEAR" platform="MikroTik"'
        ' version="6.49.14 (stable)" unpack=none age=37s interface-name="ether1" system-caps=""'
        ' system-caps-enabled=""\n'
        "this line is of nobody\n"
    )
    assert [row.system_name for row in table] == ["CLEAR"]
    assert table[0].source.parser == "ntc:mikrotik_routeros_ip_neighbor_print_detail"
    assert [(problem.line, problem.text) for problem in table.problems] == [(2, "this line is of nobody")]
