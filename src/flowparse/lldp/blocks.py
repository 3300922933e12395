"""Detailed outputs of any vendor: "key: value" lines, a block of them for each neighbor.

What a key means is a row of `fields.tsv`, whatever its spelling ("Port-ID", "PortId", "Remote Port ID").
A neighbor begins at a line of dashes, at a line that names a local interface or numbers a neighbor, or
when a key comes that the neighbor has already. A description runs on until a key that is known. A key
that is not known is kept in `extra`; a line that is neither key, nor value that runs on, nor known to
say nothing is a problem.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .headers import find_layout
from .keys import HEADER_WORDS, HEADERS, Key, key_of, section_key
from .noise import is_noise, total
from .values import squash

__all__ = ["Block", "Blocks", "read_blocks"]

IDENTITY = frozenset(
    (
        "chassis_id",
        "chassis_id_type",
        "port_id",
        "port_id_type",
        "system_name",
        "device_id",
        "port_description",
    )
)
SINGLE = IDENTITY | {"local_interface", "local_port_id", "ttl", "ttl_left", "capabilities", "system_description"}
PROOF = ("chassis_id", "port_id", "system_name", "device_id", "system_description")
RUNS_ON = ("system_description", "version")
WEAK = frozenset(("version", "platform", "capability", "extra", "address"))  # these end no description of another's
WIDTHS = (79, 80, 131, 132)
SEPARATOR = re.compile(r"[-=*]{20,}")
BULLET = re.compile(r"[-+*o] +(?=\S)")
DOTTED = re.compile(r"(?P<head>[^.]*?) \.+ (?P<value>.*)")
PAIR = re.compile(r",\s*(?=(?:Capabilities|Port ID \(outgoing port\)|via|RID|Time)\s*:)")
TAIL = re.compile(r"\s+\([^)]*\)\s*$")
PLAIN_HEADING = re.compile(
    r"[A-Za-z][\w()/.-]*(?: [\w()/.-]+)* (?:information|details?|tlvs?|inventory|policy)(?: detail)?\s*:?", re.I
)


@dataclass(slots=True)
class Block:
    """The fields of one neighbor, before they are values."""

    cells: dict[str, Any]
    first_line: int
    last_line: int
    extra: dict[str, str] = field(default_factory=dict)
    soft: dict[str, str] = field(default_factory=dict)  # what a headline says; the keys below it know better


@dataclass(slots=True)
class Blocks:
    """What an output came to. `local` holds what comes before the first neighbor: the device's own."""

    rows: list[Block] = field(default_factory=list)
    declared: int | None = None
    problems: list[tuple[int, str, str, bool]] = field(default_factory=list)
    keys: int = 0


def read_blocks(lines: Sequence[str], first: int = 1) -> Blocks:
    """Read every neighbor of a detailed output.

    Parameters
    ----------
    lines : sequence of str
    first : int
        Number of the first line.
    """
    reader = _Reader(first)
    for index, line in enumerate(lines):
        reader.take(line, first + index)
    reader.finish()
    out = reader.out
    if out.declared is None and reader.counted is not None:
        out.declared = reader.counted
    return out


class _Reader:
    """Blocks, a line at a time."""

    def __init__(self, first: int) -> None:
        self.out = Blocks()
        self.block = Block({}, first, first)
        self.local: str | None = None  # of a headline, or of the key before the neighbor's own
        self.section: str | None = None
        self.section_indent = 0
        self.open: str | None = None  # the field that runs on
        self.open_indent = 0
        self.open_colon = 0
        self.last_extra: str | None = None
        self.last_field: str | None = None
        self.last_indent = 0
        self.prefix = ""
        self.counted: int | None = None
        self.blank = False
        self.width = 0  # of the line before

    # ── what a line is ───────────────────────────────────────────────────────────────────────────────────────────────

    def take(self, line: str, number: int) -> None:
        text = line.strip()
        if not text:
            self.blank = True
            self.width = 0
            return
        self.line(line, text, number)
        self.width = len(line.rstrip("\r"))

    def line(self, line: str, text: str, number: int) -> None:
        bullet = False
        if text[0] in "-=+*o":
            if SEPARATOR.fullmatch(text):
                self.finish(separated=True)
                return
            bullet = BULLET.match(text) is not None
            if bullet:
                text = BULLET.sub("", text, count=1)
        indent = len(line) - len(line.lstrip())
        head, colon, value = text.partition(":")
        key = None
        if colon:
            head = head.rstrip()
            target = section_key(self.section, head) if self.section is not None and self.open is None else None
            if target and (target != "extra" or indent > self.section_indent or self.section == "management"):
                self.field(target, head, value.strip(), number, indent)
                return
            key = key_of(head)
        if key is None and self.headline(text, number):
            return
        if key is None or "=" in head:
            other = self.other_separators(text, bullet)
            if other is not None:
                head, value, colon = *other, "="
                key = key_of(head)
        if not colon and text[0].isupper() and (heading := key_of(text)) is not None and heading.section is not None:
            key, head, value, colon = heading, text, "", ":"
        if key is not None and colon:
            self.out.keys += 1
            self.known(key, head, value.strip(), number, indent, bullet, line.find(":"))
            return
        self.unknown(text, head if colon else None, value.strip(), line, number, indent, bullet)

    def wrapped(self, text: str) -> bool:
        """Whether a line is the end of the one before, which a terminal of 80 columns broke."""
        cells, target = self.block.cells, self.last_field
        if self.width not in WIDTHS or self.open is not None or target is None:
            return False
        if self.last_extra is not None:
            self.block.extra[self.last_extra] += text
        elif isinstance(cells.get(target), str):
            cells[target] += text
        else:
            return False
        return True

    def other_separators(self, text: str, bullet: bool) -> tuple[str, str] | None:
        """Head and value of "head = value,", "head ..... value" and "head - not advertised"."""
        if " = " in text:
            head, _, value = text.partition(" = ")
            return head.rstrip(), value.rstrip().removesuffix(",")
        if ". " in text and (match := DOTTED.fullmatch(text)):
            head = match["head"].strip()
            if bullet and self.prefix:
                head = f"{self.prefix} {head}"
            else:
                self.prefix = head.partition(" - ")[0] if " - " in head else ""
            return head, match["value"]
        if " - " in text:
            head, _, value = text.partition(" - ")
            if key_of(head) is not None or "not advertised" in value:
                return head, value
        return None

    def headline(self, text: str, number: int) -> bool:
        """A line that names a port or starts a neighbor without being a key."""
        if HEADER_WORDS.search(text) is None:
            return False
        for pattern, kind in HEADERS:
            match = pattern.fullmatch(text)
            if match is None:
                continue
            found = {name: value for name, value in match.groupdict().items() if value is not None}
            if kind == "noise":
                return self.open is None
            if kind == "extra":
                self.block.extra.update(found)
                return True
            if kind == "port":
                self.finish()
                self.local = found["local"]
                if "count" in found:
                    self.counted = (self.counted or 0) + int(found["count"][:9])
            else:
                self.finish(keep_local=True)
                self.block.soft = found
            self.block.first_line = number
            return True
        return False

    # ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def known(self, key: Key, head: str, value: str, number: int, indent: int, bullet: bool, colon: int) -> None:
        target = key.target
        if self.open is not None:
            # Text of a description may look like a key.
            aligned = indent == self.open_indent and colon == self.open_colon
            if target in WEAK and not aligned and self.open != "version":
                self.run_on(f"{head}: {value}", number)
                return
        elif self.section == "other" and indent > self.section_indent and not bullet:
            self.extra(head, value, number, indent)
            return
        if target == "local_interface" and not value:  # a heading of lldpd's: "Port:"
            self.close()
            self.section = None
            return
        if target == "section" and (value or key.section is None):
            self.close()
            self.extra(head, value, number, indent)
            return
        self.close()
        if key.section is not None and not value:
            self.section, self.section_indent = key.section, indent
            self.last_indent, self.last_field = indent, None
            if key.section == "other":
                self.extra(head, "", number, indent)
                return
            self.last_extra = None
            if target in ("section", "capabilities", "management_address"):
                return
        else:
            self.section = None
        if target == "start":
            self.finish(keep_local=True)
            self.block.first_line = number
            if match := JUNOS_INDEX.search(value):
                self.block.soft = match.groupdict()
            if value:
                self.extra(head, value, number, indent)
            return
        if key.hint and target in ("chassis_id", "port_id"):
            self.block.cells.setdefault(f"{target}_type", key.hint)
        self.field(target, head, value, number, indent, colon)

    def field(self, target: str, head: str, value: str, number: int, indent: int, colon: int = 0) -> None:
        cells = self.block.cells
        if target in SINGLE and self.begins_another(target, cells):
            self.finish(keep_local=True)
            cells = self.block.cells
        if not cells and not self.block.soft:
            self.block.first_line = number
        self.block.last_line = number
        self.last_indent, self.last_field, self.last_extra = indent, target, None
        if target == "extra":
            if head == "VLAN" and (vlan := LLDPD_PVID.match(value)):
                cells["pvid"] = vlan[1]
            self.extra(head, value, number, indent)
        elif target in ("management_address", "address"):
            target = "management_address"
            if value:
                cells.setdefault(target, []).append(TAIL.sub("", value))
        elif target == "capability":
            word, comma, state = value.rpartition(", ")
            if comma and state.lower() in ("on", "off"):
                cells["capabilities"] = f"{cells.get('capabilities', '')}, {word}".strip(", ")
                if state.lower() == "on":
                    cells["capabilities_enabled"] = f"{cells.get('capabilities_enabled', '')}, {word}".strip(", ")
            else:
                cells["capabilities_enabled"] = value
        elif target in RUNS_ON:
            self.open, self.open_indent, self.open_colon = "system_description", indent, colon
            if target == "version":
                if "device_id" not in cells:
                    self.open = None
                    self.extra(head, value, number, indent)
                    return
                self.open = "version"
            cells["system_description"] = [value] if value else []
            if value.startswith("-") or "not advertised" in value.lower():
                self.open = None
        elif target in ("platform", "local_interface") and "," in value:
            first, *rest = PAIR.split(value)
            cells[target] = first.strip()
            for part in rest:
                part_head, _, part_value = part.partition(":")
                self.pair(part_head.strip(), part_value.strip(), number, indent)
            if target == "local_interface":
                self.local_key(first.strip())
        else:
            cells[target] = value
            if target == "local_interface":
                self.local_key(value)

    def begins_another(self, target: str, cells: dict[str, Any]) -> bool:
        """Whether a key is of the next neighbor, because this one has it, or has its port from above."""
        if target == "local_interface":
            return bool(IDENTITY & cells.keys()) and (target in cells or self.local is not None)
        if target not in cells:
            return False
        # "port.id.type: 5" and "port.id.type.txt: interface-name" are one.
        return not target.endswith("_type") or target.removesuffix("_type") in cells

    def pair(self, head: str, value: str, number: int, indent: int) -> None:
        """A second key of one line."""
        word = squash(head)
        if word == "capabilities":
            self.block.cells["capabilities_enabled"] = value
            self.last_field = "capabilities_enabled"
        elif word.startswith("portid"):
            self.block.cells["port_id"] = value
            self.last_field = "port_id"
        elif word == "time":
            self.block.cells["age"] = value
        else:
            self.block.extra[head] = value

    def local_key(self, value: str) -> None:
        """A local interface before the neighbor's own keys holds for the neighbors below it, too."""
        self.local = value if not IDENTITY & self.block.cells.keys() else None

    # ── all other lines ──────────────────────────────────────────────────────────────────────────────────────────────

    def unknown(
        self, text: str, head: str | None, value: str, line: str, number: int, indent: int, bullet: bool
    ) -> None:
        if self.open is not None:
            aligned = head is not None and indent == self.open_indent and line.find(":") == self.open_colon
            padded = head is not None and self.open_colon > 0 and line[self.open_colon - 1 : self.open_colon] == " "
            if not (aligned and padded) and not (bullet and indent <= self.open_indent):
                self.run_on(text if not bullet else line.strip(), number)
                return
            self.close()
        if (declared := total(line)) is not None:
            self.out.declared = (self.out.declared or 0) + declared
            return
        started = bool(self.block.cells) or bool(self.block.soft) or self.local is not None
        if bullet:
            self.section, self.section_indent = "other", indent
        if head is not None and started and head:
            self.extra(head, value, number, indent)
        elif is_noise(line) or find_layout((line,), 0) is not None:
            return
        elif PLAIN_HEADING.fullmatch(text):
            if IDENTITY & self.block.cells.keys():
                self.section, self.section_indent = "other", indent
        elif started and head is None and self.wrapped(text):
            self.block.last_line = number
        elif started and indent > self.last_indent:
            self.continue_last(text, number)
        elif bullet and started:
            self.extra(text, "", number, indent)
        elif head is not None and not started:
            self.out.problems.append((number, line, "a key before the first neighbor", False))
        else:
            self.out.problems.append((number, line, "neither a key nor a value that runs on", True))

    def extra(self, head: str, value: str, number: int, indent: int) -> None:
        store = self.block.extra
        name = head
        count = 2
        while name in store and count < 100:
            name = f"{head} {count}"
            count += 1
        store[name] = value
        self.block.last_line = number
        self.last_extra, self.last_indent, self.last_field = name, indent, "extra"

    def run_on(self, text: str, number: int) -> None:
        cells = self.block.cells.setdefault("system_description", [])
        if self.blank and cells:
            cells.append("")
        self.blank = False
        cells.append(text)
        self.block.last_line = number

    def continue_last(self, text: str, number: int) -> None:
        """A value that runs on below its key."""
        cells, target = self.block.cells, self.last_field
        self.block.last_line = number
        if self.last_extra is not None:
            before = self.block.extra[self.last_extra]
            self.block.extra[self.last_extra] = f"{before} {text}".strip()
        elif target in ("management_address", None) and self.section in ("management", "entry", None):
            cells.setdefault("management_address", []).append(text)
        elif target in ("capabilities", "capabilities_enabled", "port_description", "platform"):
            cells[target] = f"{cells.get(target) or ''} {text}".strip()
        elif target is not None and self.section is not None:
            self.block.extra[self.section] = f"{self.block.extra.get(self.section, '')} {text}".strip()
        else:
            self.out.problems.append((number, text, "a value that runs on where none should", True))

    # ── the end of a neighbor ────────────────────────────────────────────────────────────────────────────────────────

    def close(self) -> None:
        self.open = None
        self.blank = False

    def finish(self, *, separated: bool = False, keep_local: bool = False) -> None:
        """Put the neighbor away, if there is one."""
        block, self.block = self.block, Block({}, 0, 0)
        self.close()
        self.section = self.last_extra = self.last_field = None
        cells = block.cells
        local, self.local = self.local, self.local if keep_local else None
        lines = cells.get("system_description")
        if isinstance(lines, list):
            cells["system_description"] = "\n".join(lines).strip()
        for name, text in block.soft.items():
            if name == "mac":
                block.extra["Neighbor"] = text
            else:
                cells.setdefault(name, text)
        own = cells.get("local_interface")
        if not any(cells.get(name) for name in PROOF):
            if own and not separated:
                self.local = own
            rest = {name for name, value in cells.items() if value} - {"local_interface", "local_port_id"}
            if rest & {"chassis_id_type", "port_id_type", "port_description", "ttl", "ttl_left"}:
                self.out.problems.append(
                    (block.first_line, str(sorted(rest)), "a neighbor without name, chassis or port", True)
                )
            elif block.extra and self.local:
                self.block.extra = block.extra
            return
        if not own:
            if local is not None:
                cells["local_interface"] = local
            elif cells.get("local_port_id"):
                cells["local_interface"] = cells.pop("local_port_id")
        if cells.get("ttl_left") and cells.get("ttl"):
            block.extra["Time remaining"] = cells["ttl_left"]
        if "local_port_id" in cells:
            block.extra.setdefault("Local Port ID", cells.pop("local_port_id"))
        if "device_id" in cells:
            block.extra["Device ID"] = cells.pop("device_id")
            if not (cells.get("system_name") or "").strip():
                cells["system_name"] = block.extra["Device ID"]
        for name in ("chassis_id", "port_id"):  # lldpd: "mac 00:11:..", "ifname Ethernet1"
            kind, _, rest_of_id = str(cells.get(name) or "").partition(" ")
            if rest_of_id and kind in LLDPD and not cells.get(f"{name}_type"):
                cells[name], cells[f"{name}_type"] = rest_of_id, kind
        self.out.rows.append(block)


JUNOS_INDEX = re.compile(r"Time to live: (?P<ttl>\d+) .*Age: (?P<age>\d+)")
LLDPD_PVID = re.compile(r"(\d+), pvid: yes")
LLDPD = ("mac", "ifname", "ifalias", "local", "ip", "chassis", "component")
