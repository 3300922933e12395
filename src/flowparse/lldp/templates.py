"""ntc-templates' TextFSM templates, opened by package path, compiled once, and run line by line.

`run` is TextFSM's own state machine over TextFSM's own compiled rules, without a Python call for each
rule tried, and with a memory: it says which lines no rule wanted, which record was thrown away for
want of a required value, and what was left at the end. Where TextFSM raises at an unknown line, `run`
notes the line and goes on. A template with nested groups in a List is left to TextFSM.

textfsm is imported when the first template is asked for. Of ntc_templates the files are opened and no
code is run: its `__init__` searches all installed packages for its version, and its `parse` reads an
environment variable and an index of a thousand rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import import_module
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec, module_from_spec
from typing import Any

__all__ = ["Run", "Template", "run", "template"]

TEMPLATES = 64
Rule = tuple[Callable[[str], Any], tuple[tuple[int, int], ...], str, str, str]


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template.

    Attributes
    ----------
    names : tuple of str
        Its Values.
    states : dict
        State -> rules: (match, ((group, slot), ...), record operator, line operator, next state).
    required, filldown, fillup, lists : tuple of int
        Slots with the option.
    fsm : textfsm.TextFSM
    plain : bool
        Whether `run` can run it; otherwise TextFSM does.
    """

    names: tuple[str, ...]
    states: dict[str, tuple[Rule, ...]]
    required: tuple[int, ...]
    filldown: tuple[int, ...]
    fillup: tuple[int, ...]
    lists: tuple[int, ...]
    fsm: Any
    plain: bool


@dataclass(slots=True)
class Run:
    """What a template made of lines: rows with their first and last line, and what it did not use."""

    rows: list[tuple[list[Any], int, int]] = field(default_factory=list)
    unmatched: list[tuple[int, str]] = field(default_factory=list)
    dropped: list[tuple[int, dict[str, Any], str]] = field(default_factory=list)


def compiled(fsm: Any) -> Template:
    """A `Template` of a `textfsm.TextFSM`."""
    names = tuple(value.name for value in fsm.values)
    slot = {name: i for i, name in enumerate(names)}
    options = [set(value.OptionNames()) for value in fsm.values]
    states: dict[str, tuple[Rule, ...]] = {}
    for name, rules in fsm.states.items():
        made: list[Rule] = []
        for rule in rules:
            pattern = re.compile(rule.regex)
            groups = tuple((group, slot[value]) for value, group in pattern.groupindex.items() if value in slot)
            made.append((pattern.match, groups, rule.record_op, rule.line_op, rule.new_state))
        states[name] = tuple(made)

    def having(option: str) -> tuple[int, ...]:
        return tuple(i for i, have in enumerate(options) if option in have)

    known = {"Required", "Filldown", "Fillup", "List", "Key"}
    nested = any(re.compile(fsm.values[i].regex).groups > 1 for i in having("List"))
    return Template(
        names,
        states,
        having("Required"),
        having("Filldown"),
        having("Fillup"),
        having("List"),
        fsm,
        not nested and all(have <= known for have in options),
    )


@cache
def _folder() -> Traversable:
    spec = find_spec("ntc_templates")
    if spec is None:
        raise ModuleNotFoundError("No module named 'ntc_templates'", name="ntc_templates")
    return files(module_from_spec(spec)).joinpath("templates")


@lru_cache(TEMPLATES)
def template(name: str) -> Template | None:
    """ntc-templates' template of this name ("cisco_ios_show_lldp_neighbors"); None where the release has none."""
    textfsm = import_module("textfsm")
    path = _folder().joinpath(f"{name}.textfsm")
    if not path.is_file():
        return None
    with path.open(encoding="utf-8") as text:
        return compiled(textfsm.TextFSM(text))


def run(made: Template, lines: Sequence[str], first: int = 1) -> Run:
    """Run a template over lines.

    Parameters
    ----------
    made : Template
    lines : sequence of str
    first : int
        Number of the first line.

    Notes
    -----
    TextFSM's semantics: https://github.com/google/textfsm/wiki/TextFSM.
    """
    if not made.plain:
        return _slow(made, lines, first)
    machine = _Machine(made)
    out = machine.out
    state = made.states["Start"]
    ended = ""
    for number, line in enumerate(lines, first):
        used = False
        for match, groups, record_op, line_op, new_state in state:
            found = match(line)
            if found is None:
                continue
            if line_op == "Error":
                used = False
                break
            used = True
            if groups:
                machine.assign([(slot, found.group(group)) for group, slot in groups], number)
            if record_op:
                machine.operate(record_op, number)
            if line_op != "Continue":
                if new_state:
                    if new_state in ("End", "EOF"):
                        ended = new_state
                    else:
                        state = made.states[new_state]
                break
        if not used:
            out.unmatched.append((number, line))
        if ended:
            out.unmatched += [(number + more, text) for more, text in enumerate(lines[number - first + 1 :], 1)]
            break
    if ended != "End" and "EOF" not in made.states:
        machine.operate("Record", first + len(lines) - 1)
    else:
        machine.left_over()
    return out


class _Machine:
    """The record in the making."""

    def __init__(self, made: Template) -> None:
        self.made = made
        self.out = Run()
        self.now: list[Any] = [None] * len(made.names)
        self.kept: dict[int, Any] = dict.fromkeys(made.filldown)
        self.lists: dict[int, list[Any]] = {i: [] for i in made.lists}
        self.began: int | None = None

    def assign(self, found: Sequence[tuple[int, Any]], number: int) -> None:
        if self.began is None:
            self.began = number
        for slot, value in found:
            self.now[slot] = value
            if slot in self.kept:
                self.kept[slot] = value
            if slot in self.lists:
                self.lists[slot].append(value)
            if value and slot in self.made.fillup:
                for row, _, _ in reversed(self.out.rows):
                    if row[slot]:
                        break
                    row[slot] = value

    def operate(self, operator: str, number: int) -> None:
        if operator == "Record":
            self.record(number)
        elif operator == "Clear":
            self.clear()
        elif operator == "Clearall":
            self.kept = dict.fromkeys(self.kept)
            self.now = [None] * len(self.now)
            self.lists = {slot: [] for slot in self.lists}

    def record(self, number: int) -> None:
        row: list[Any] = list(self.now)
        for slot in self.made.required:
            if not self.now[slot]:
                self.drop(f"{self.made.names[slot]} is missing", number)
                self.clear()
                return
        for slot, values in self.lists.items():
            row[slot] = list(values)
        if all(value is None or value == [] for value in row):
            return
        self.out.rows.append((["" if value is None else value for value in row], self.began or number, number))
        self.clear()

    def drop(self, why: str, number: int) -> None:
        said = {
            name: value
            for slot, (name, value) in enumerate(zip(self.made.names, self.now, strict=True))
            if value and slot not in self.kept
        }
        if said:
            self.out.dropped.append((self.began or number, said, why))

    def left_over(self) -> None:
        self.drop("it was not recorded", 0)

    def clear(self) -> None:
        self.now = [None] * len(self.now)
        for slot, value in self.kept.items():
            self.now[slot] = value
        for slot in self.lists:
            if slot not in self.kept:
                self.lists[slot] = []
        self.began = None


def _slow(made: Template, lines: Sequence[str], first: int) -> Run:
    """TextFSM itself, a line at a time; a line that it raises at is not used."""
    textfsm = import_module("textfsm")
    made.fsm.Reset()
    out = Run()
    seen = 0
    for number, line in enumerate(lines, first):
        try:
            result = made.fsm.ParseText(line, eof=False)
        except textfsm.TextFSMError:
            out.unmatched.append((number, line))
            continue
        for row in result[seen:]:
            out.rows.append((list(row), number, number))
        seen = len(result)
    result = made.fsm.ParseText("")
    out.rows += [(list(row), first, first + len(lines) - 1) for row in result[seen:]]
    return out


def dicts(made: Template, rows: Sequence[tuple[list[Any], int, int]]) -> Iterator[dict[str, Any]]:
    """Rows by name, as `TextFSM.ParseTextToDicts` has them."""
    for row, _, _ in rows:
        yield dict(zip(made.names, row, strict=True))
