"""`parse`: one output of one device to a `NeighborTable`.

Text is cut into commands (`inputs`), and each is read by the reader that its platform's row names, or
by what it looks like. Where that leaves a problem that may hide a neighbor, the other readers have
their turn, ntc-templates' template among them, and the best result stands. What was read is held
against the total that the device declares. JSON and XML are read by `structured`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import TextError
from .blocks import read_blocks
from .build import neighbor
from .columns import read_columns
from .commands import Command, canonical_platform, named, sniff, vocabulary
from .headers import find_layout
from .inputs import Document, Segment, read, shows_part
from .interfaces import looks_like_interface
from .keys import key_of
from .lldpd import KEY_VALUE, read_key_value
from .noise import is_noise, refusal, total
from .records import Neighbor, NeighborTable, Problem, Protocol, Source
from .structured import read_tree
from .templates import run, template
from .values import mac, present

__all__ = ["parse", "parse_many"]

NO_TABLE = "nothing here says that it is a neighbor table"


def parse(
    data: Any,
    *,
    platform: str | None = None,
    command: str | None = None,
    device: str | None = None,
    strict: bool = False,
) -> NeighborTable:
    r"""Read the neighbors in one output of one device.

    Parameters
    ----------
    data : str, bytes-like, sequence of lines, Ansible's stdout_lines, mapping
        Text with whatever a terminal left in it; lines; JSON or a Python literal of lines, as Ansible
        saves them; the JSON or XML of NX-OS, EOS, Junos, IOS XR, lldpd or OpenConfig, as text or loaded.
    platform, command : str or None
        As ntc-templates, netmiko, NAPALM or Ansible name them; found where None.
    device : str or None
        Who reported; the name in the prompt where None.
    strict : bool
        Raise where a neighbor may be missing.

    Returns
    -------
    NeighborTable
        `complete` is False where anything may be missing, and `problems` says what.

    Raises
    ------
    TextError
        With `strict`, of the first problem that may hide a neighbor.
    LimitExceeded
        For more than 32 MiB.
    TypeError
        For data of another type.

    Examples
    --------
    >>> table = parse('''r1#show lldp neighbors
    ... Device ID           Local Intf     Hold-time  Capability      Port ID
    ... r5-tor.virl.info    Gi0/1          120        R               Gi0/1
    ...
    ... Total entries displayed: 1''')
    >>> table.device, table.platform, table[0].system_name, table[0].port_id, table.complete
    ('r1', 'cisco_ios', 'r5-tor.virl.info', 'Gi0/1', True)
    """
    if platform is not None:
        platform = canonical_platform(platform)
    document = read(data)
    if device is None:
        device = document.device
    table = _read_document(document, platform, command, device)
    if strict and not table.complete:
        problem = next((problem for problem in table.problems if problem.lossy), Problem(None, "", "not complete"))
        raise TextError(str(problem), line=problem.line, text=problem.text)
    return table


def parse_many(outputs: Mapping[str, Any], *, platform: str | None = None) -> list[NeighborTable]:
    """Read `{device: output}`, one table for each device, in the mapping's order.

    Parameters
    ----------
    outputs : mapping of str to whatever `parse` reads
    platform : str or None
        Of all of them; found for each where None.
    """
    if not isinstance(outputs, Mapping):
        raise TypeError(f"outputs are a mapping of device to output, not {type(outputs).__name__}; `parse` reads one")
    return [parse(output, platform=platform, device=device) for device, output in outputs.items()]


@dataclass(slots=True)
class Outcome:
    """What one reader made of one command's output."""

    rows: list[Neighbor] = field(default_factory=list)
    declared: int | None = None
    problems: list[Problem] = field(default_factory=list)
    recognised: bool = True
    chassis_id: str | None = None
    system_name: str | None = None

    def good(self) -> bool:
        return self.recognised and not any(problem.lossy for problem in self.problems)

    def rank(self) -> tuple[bool, bool, int, int]:
        lossy = sum(problem.lossy for problem in self.problems)
        return self.good(), self.recognised, len(self.rows), -lossy


def _read_document(document: Document, platform: str | None, command: str | None, device: str | None) -> NeighborTable:
    if document.tree is not None:
        read_of_tree = read_tree(document.tree, device, platform)
        outcomes = [
            Outcome(
                read_of_tree.rows, read_of_tree.declared, read_of_tree.problems, system_name=read_of_tree.system_name
            )
        ]
        platform = platform or read_of_tree.platform
    else:
        outcomes = []
        for segment in document.segments:
            found, outcome = _read_segment(segment, platform, command or segment.command, device)
            if outcome is None:
                continue
            before = segment.command is None and len(document.segments) > 1
            if before and not outcome.rows and all(problem.reason == NO_TABLE for problem in outcome.problems):
                # A banner before the first prompt, where the outputs have their commands.
                outcome.problems = [replace(problem, lossy=False) for problem in outcome.problems]
            outcomes.append(outcome)
            asked = command if len(document.segments) == 1 and command else segment.command
            if asked and shows_part(asked):
                outcome.problems.append(Problem(None, asked, "the command shows a part of the neighbors only"))
            if found is not None:
                platform = platform or found.platform
                command = command or found.command
            command = command or segment.command
    problems = list(document.problems)
    rows: list[Neighbor] = []
    declared: int | None = None
    for outcome in outcomes:
        _check(outcome)
        rows += outcome.rows
        problems += outcome.problems
        if outcome.declared is not None:
            declared = (declared or 0) + outcome.declared
    if not outcomes and not problems:
        problems.append(Problem(None, "", "an empty output"))
    problems.sort(key=lambda problem: -1 if problem.line is None else problem.line)
    return NeighborTable(
        rows,
        device=device,
        platform=platform,
        command=command,
        declared_total=declared,
        problems=problems,
        chassis_id=next((outcome.chassis_id for outcome in outcomes if outcome.chassis_id), None),
        system_name=next((outcome.system_name for outcome in outcomes if outcome.system_name), None),
    )


def _check(outcome: Outcome) -> None:
    """Hold the rows against the declared total, and against what every row must have."""
    if outcome.declared is not None and outcome.declared != len(outcome.rows):
        reason = f"the device declares {outcome.declared} neighbors; {len(outcome.rows)} were read"
        outcome.problems.append(Problem(None, "", reason))
    for row in outcome.rows:
        local = row.local_interface
        if local and looks_like_interface(local):
            continue
        line = row.source.first_line
        if not local:
            who = row.system_name or row.chassis_id or ""
            outcome.problems.append(Problem(line, who, "the output does not say on which local interface it was heard"))
            continue
        # A reader that found the columns is believed; a template takes what is before a blank.
        by_template = row.source.parser.startswith("ntc:")
        if by_template or " " in local:
            outcome.problems.append(Problem(line, local, "an odd name for a local interface", by_template))


# ── text ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_segment(
    segment: Segment, platform: str | None, command: str | None, device: str | None
) -> tuple[Command | None, Outcome | None]:
    """Read the output of one command with the reader that does best."""
    lines = segment.lines
    found = sniff(lines, platform) or (named(platform, command) if platform and command else None)
    if found is None:
        found = sniff(lines)
    if any(KEY_VALUE.fullmatch(line.strip()) for line in lines[:4]):
        rows, problems = read_key_value(lines, device, segment.first)
        return named("linux_lldpd", "lldpctl"), Outcome(rows, problems=problems)
    best: Outcome | None = None
    for reader in _readers(lines, found):
        outcome = reader(segment, found, device)
        if outcome is None:
            continue
        # A template says nothing of what it does not see: it is believed over another reader where it reads more.
        plausible = sum(looks_like_interface(row.local_interface) for row in outcome.rows)
        sure = reader is not _read_template or best is None or plausible > len(best.rows)
        if best is None or (sure and outcome.rank() > best.rank()):
            best = outcome
        if outcome.good():
            break
    if best is None or not best.recognised:
        told = [line.strip() for line in lines if line.strip()]
        if not told and segment.command is None and command is None:
            return None, None
        if all(is_noise(line) or total(line) == 0 for line in told) and any(total(line) == 0 for line in told):
            return found, Outcome(declared=0)
        where = next((segment.first + i for i, line in enumerate(lines) if line.strip()), segment.first)
        reason = NO_TABLE if told else "an empty output"
        refused = [
            Problem(segment.first + i, line.strip(), "the device refused")
            for i, line in enumerate(lines)
            if refusal(line)
        ]
        return found, Outcome(problems=refused or [Problem(where, told[0] if told else "", reason)])
    best.problems = [
        replace(problem, reason="the device refused") if problem.line is not None and refusal(problem.text) else problem
        for problem in best.problems
    ]
    return found, best


Reader = Callable[[Segment, Command | None, "str | None"], "Outcome | None"]


def _readers(lines: Sequence[str], found: Command | None) -> list[Reader]:
    """The readers in the order in which they are tried."""
    first = found.reader if found is not None else None
    order: list[Reader]
    if first == "local":
        return [_read_own]
    if first is None:
        first = "columns" if _tabular(lines) else "blocks"
    order = [_read_columns, _read_blocks] if first == "columns" else [_read_blocks, _read_columns]
    if first == "ntc":
        return [_read_template, *order]
    return [*order, _read_template]


def _tabular(lines: Sequence[str]) -> bool:
    """Whether there is a header, and not keys below it (NX-OS puts the header of its table above its details)."""
    for index, line in enumerate(lines):
        if line.strip() and find_layout(lines, index) is not None:
            below = next((text for text in lines[index + 1 :] if text.strip(" -+|=")), "")
            return key_of(below.partition(":")[0].strip()) is None or ":" not in below
    return False


class _Notes:
    """`build`'s `note`, for one row after the other."""

    __slots__ = ("line", "problems")

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self.line: int | None = None

    def __call__(self, text: str, reason: str) -> None:
        self.problems.append(Problem(self.line, text, reason, False))


def _told_protocol(extra: Mapping[str, str]) -> Protocol | None:
    """The protocol of a row with a column for it."""
    name = (extra.get("Proto") or extra.get("Protocol") or "").upper().rstrip("V12")
    return Protocol(name) if name in Protocol.__members__ else None


def _read_columns(segment: Segment, found: Command | None, device: str | None) -> Outcome | None:
    protocol = found.protocol if found is not None else None
    letters = None
    for line in segment.lines[:12]:
        if "TP - " in line or "Two Ports" in line:
            letters = "small"
    table = read_columns(segment.lines, segment.first, protocol, letters)
    outcome = Outcome(declared=table.declared, recognised=table.headers > 0)
    problems = outcome.problems
    problems += [Problem(line, text.strip(), reason) for line, text, reason in table.problems]
    note = _Notes(problems)
    new = tuple.__new__
    for row in table.rows:
        note.line = row.first_line
        outcome.rows.append(
            neighbor(
                row.cells,
                device,
                new(Source, ("columns", row.first_line, row.last_line)),
                note,
                (row.extra and _told_protocol(row.extra)) or row.layout.protocol,
                row.layout.letters,
                row.truncated,
                row.extra,
            )
        )
    return outcome


def _read_blocks(segment: Segment, found: Command | None, device: str | None) -> Outcome | None:
    blocks = read_blocks(segment.lines, segment.first)
    outcome = Outcome(declared=blocks.declared, recognised=blocks.keys > 1 or bool(blocks.rows))
    problems = outcome.problems
    problems += [Problem(line, text.strip(), reason, lossy) for line, text, reason, lossy in blocks.problems]
    note = _Notes(problems)
    for block in blocks.rows:
        protocol = Protocol.CDP if "Device ID" in block.extra else Protocol.LLDP
        if (via := block.extra.get("via")) is not None:
            name = via.upper().rstrip("V12")
            protocol = Protocol(name) if name in Protocol.__members__ else protocol
        note.line = block.first_line
        source = Source("blocks", block.first_line, block.last_line)
        letters = "cdp" if protocol is Protocol.CDP else "lldp"
        outcome.rows.append(neighbor(block.cells, device, source, note, protocol, letters, extra=block.extra))
    return outcome


def _read_template(segment: Segment, found: Command | None, device: str | None) -> Outcome | None:
    made = template(found.template) if found is not None and found.template is not None else None
    if found is None or made is None or found.template is None:
        return None
    done = run(made, segment.lines, segment.first)
    fields = vocabulary(found.template)
    outcome = Outcome()
    problems = outcome.problems
    for line, text in done.unmatched:
        if (declared := total(text)) is not None:
            outcome.declared = (outcome.declared or 0) + declared
        elif not is_noise(text):
            problems.append(Problem(line, text.strip(), "no rule of the template is for this line"))
    for line, said, why in done.dropped:
        problems.append(Problem(line, ", ".join(map(str, said.values())), f"the template threw a record away: {why}"))
    letters = "cdp" if found.protocol is Protocol.CDP else "lldp"
    note = _Notes(problems)
    for values, first, last in done.rows:
        cells, extra = _cells(dict(zip(made.names, values, strict=True)), fields)
        if not any(present(str(cells.get(name) or "")) for name in ("system_name", "chassis_id", "port_id")):
            continue  # a port that hears nobody
        own = cells.pop("local_device", None) or device
        note.line = first
        source = Source(f"ntc:{found.template}", first, last)
        outcome.rows.append(neighbor(cells, own, source, note, found.protocol, letters, extra=extra))
    outcome.recognised = bool(done.rows)
    return outcome


def _cells(values: Mapping[str, Any], fields: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """A template's values by field; what has none is `extra`."""
    cells: dict[str, Any] = {}
    extra: dict[str, str] = {}
    for name, captured in values.items():
        target = fields.get(name, "extra")
        if target == "management_address":
            cells.setdefault(target, []).extend(captured if isinstance(captured, list) else [captured])
            continue
        value = captured
        if isinstance(captured, list):
            joint = "\n" if target == "system_description" else ""
            value = joint.join(str(part) for part in captured)
        if not value:
            continue
        if target == "extra":
            extra[name.lower()] = str(value)
        elif target == "device_id":
            extra["Device ID"] = str(value)
            cells.setdefault("system_name", str(value))
        else:
            cells[target] = value
    return cells, extra


def _read_own(segment: Segment, found: Command | None, device: str | None) -> Outcome | None:
    """`show lldp info local-device`: no neighbors, but who the device is."""
    blocks = read_blocks(segment.lines, segment.first)
    if not blocks.rows:
        return Outcome(recognised=False)
    own = blocks.rows[0].cells
    chassis = str(own.get("chassis_id") or "")
    name = str(own.get("system_name") or "")
    return Outcome(chassis_id=mac(chassis, bare=True) or chassis or None, system_name=name or None)
