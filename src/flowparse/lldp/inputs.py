"""What a caller has, as text by command or as a tree: str, bytes, lists of lines, Ansible's output, JSON, XML.

Text is cleaned of what a terminal adds (ANSI sequences, pagers, carriage returns), cut at the prompts
in it, and lines of more than `LINE` characters are refused. JSON keeps repeated keys, which NX-OS
writes. A Python literal is read by `ast.literal_eval`, never evaluated. XML with a document type is
refused, so no entity is ever expanded.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from ..errors import LimitExceeded, TextError
from .records import Problem

__all__ = ["LINE", "Document", "Repeated", "Segment", "read", "shows_part"]

LINE = 1024
"""Characters of a line; longer ones are refused before any template sees them."""
TEXT = 32 * 1024 * 1024
LITERAL = 2 * 1024 * 1024  # its syntax tree takes a hundred times the memory of its text
DEPTH = 64
NODES = 1_000_000

ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()*+][A-Za-z0-9]|[=>78cDEHMNOZ])")
PAGER = re.compile(
    r" ?(?:<?-{2,8} ?\(?more(?: \d+%)?\)? ?-{2,8}>?|press any key to continue.*|more: <space>,.*<return>) ?",
    re.I,
)
VERBS = (
    r"(?:do |run |sudo |exec )*(?:sh|sho|show|dis|disp|display|get|diagnose|info|lldp|lldpctl|lldpcli|net|nv|cat|vtysh"
    r"|/?(?:ip )?neighbou?r|/ip|/interface|term|terminal|screen-length|no-more|environment|exit|quit|en|enable)\b"
)
PROMPT = re.compile(
    r"(?:\*?[A-D]:)?[<\[]?(?:RP/[^:\s]+:)?(?:[\w.-]+@)?(?P<host>[A-Za-z0-9][\w.-]*)"
    r"(?:[:(/~-][\w.:/~()-]*)?[\])>]? ?[>#$%\])]+ ?"
    rf"(?P<command>{VERBS}.*)?",
)
ECHO = re.compile(r"#?(?:show|display|lldpctl|lldpcli) \S.*")
EXECUTED = re.compile(r"\+\+\+ (?P<host>[^\s:]+)[^:]*: executing command '(?P<command>.*)' \+\+\+")
DATE = re.compile(
    r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? +[a-z]{3,9} +\d{1,2},? +\d.*|\d{4}-\d\d-\d\d[ T]\d\d:\d\d.*", re.I
)
ABOUT_NEIGHBORS = re.compile(r"\b(?:lldp\w*|cdp|isdp|fdp|edp|neighbou?rs?\b.*(?:print|detail))", re.I)
NOT_NEIGHBORS = re.compile(
    r"\b(?:traffic|statistics|stats|errors?|timers?|tlv\S*|run|running-config|config\w*|interfaces?$|local\b|status|counters?)\b",
    re.I,
)

PART = re.compile(r"\binterface\s+\S|\b(?!json)[A-Za-z][A-Za-z-]*\s?\d+(?:[/:.]\d+)*\b|\bentry\s+(?!\*)\S")
FILTER = re.compile(
    r"\b(?:i|in|inc|incl|include|ex|exc|exclude|b|begin|s|sec|section|e?grep|match|except|find|last|head|tail|until)\b"
)


class Repeated(list[Any]):
    """The values of a key that an object has more than once."""


@dataclass(frozen=True, slots=True)
class Segment:
    """The lines under one command; `first` is the number of the first of them, from 1."""

    lines: list[str]
    first: int = 1
    command: str | None = None


@dataclass(slots=True)
class Document:
    """What an input is: segments of text, or a tree of dict, list and str."""

    segments: list[Segment] = field(default_factory=list)
    tree: Any = None
    device: str | None = None
    problems: list[Problem] = field(default_factory=list)


def read(data: Any) -> Document:
    """Read whatever a caller has.

    Parameters
    ----------
    data : str, bytes-like, sequence of lines, nested sequences of lines, or mapping

    Returns
    -------
    Document

    Raises
    ------
    LimitExceeded
        For more than 32 MiB of text.
    TypeError
        For anything else.
    """
    if isinstance(data, (bytes, bytearray, memoryview)):
        data = _decoded(bytes(data))
    document = Document()
    if isinstance(data, str):
        _check_size(len(data))
        _read_text(document, data)
    elif isinstance(data, (Mapping, Sequence)):
        _read_object(document, data)
    else:
        raise TypeError(f"an output is text, octets, lines or a mapping, not {type(data).__name__}")
    return document


def _check_size(size: int) -> None:
    if size > TEXT:
        raise LimitExceeded(f"{size} characters of output; {TEXT} are read")


def _decoded(octets: bytes) -> str:
    _check_size(len(octets))
    if octets[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return octets.decode("utf-16", "replace")
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def _as_lines(item: Any, depth: int = 0) -> list[str] | None:
    """The lines of a (nested) list of text, or None where there is anything else in it."""
    if isinstance(item, str):
        return item.split("\n")
    if isinstance(item, (bytes, bytearray)):
        return _decoded(bytes(item)).split("\n")
    if isinstance(item, Sequence) and depth < DEPTH:
        lines: list[str] = []
        for part in item:
            more = _as_lines(part, depth + 1)
            if more is None:
                return None
            lines += more
        return lines
    return None


def _read_object(document: Document, data: Any) -> None:
    if isinstance(data, Mapping):
        for name in ("stdout_lines", "stdout"):  # what Ansible registers
            inner = data.get(name)
            if isinstance(inner, (str, list, tuple)) and inner:
                _read_object(document, [inner] if isinstance(inner, str) else inner)
                return
        document.tree = data
        return
    parts = list(data)
    if parts and not any(isinstance(part, (str, bytes, bytearray)) for part in parts):
        texts = [_as_lines(part) for part in parts]
        if all(text is not None for text in texts):  # one list of lines for each command
            for text in texts:
                _add_text(document, "\n".join(text or ()))
            return
        document.tree = data
        return
    lines = _as_lines(parts)
    if lines is None:
        document.tree = data
        return
    _check_size(sum(map(len, lines)))
    if len(parts) == 1:
        _read_text(document, "\n".join(lines))
    else:
        _add_text(document, "\n".join(lines))


def _read_text(document: Document, text: str) -> None:
    start = _structured_start(text)
    if start is None:
        _add_text(document, text)
        return
    body, opening = text[start:], text[start]
    problem: Problem | None
    if opening == "<":
        tree, problem = _xml(body)
    else:
        tree, problem = _json_or_literal(body)
    if problem is None:
        if start:
            prompt = _prompt(text[:start].strip().splitlines()[-1].strip())
            document.device = prompt[0] if prompt else None
        if isinstance(tree, (Mapping, list, tuple)):
            _read_object(document, tree)
            return
    if problem is not None and (opening != "[" or re.match(r"\[\s*[\[{\"'u]", body)):
        document.problems.append(problem)
        return
    _add_text(document, text)


def _structured_start(text: str) -> int | None:
    """Where JSON, a literal or XML starts, behind at most a few lines of prompt."""
    at = 0
    for line in text[:8192].splitlines(keepends=True)[:6]:
        start = line.lstrip("\ufeff \t")
        if start[:1] in "{[" and re.match(r"[{\[]\s*(?:$|[\[{\"'\]}u])", start):
            return at + len(line) - len(start)
        if re.match(r"<(?:\?xml|[A-Za-z][\w:.-]*(?:\s[^<>]*)?/?>|!)", start):
            return at + len(line) - len(start)
        if start.strip() and not _prompt(start.strip()) and not DATE.fullmatch(start.strip()):
            return None
        at += len(line)
    return None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            before = found[name]
            found[name] = Repeated([*before, value] if isinstance(before, Repeated) else [before, value])
        else:
            found[name] = value
    return found


ESCAPE = re.compile(r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)", re.DOTALL)
"""An escape of JSON; the group is half of a surrogate pair, alone, which is no character (RFC 8259 section 8.2)."""


def _characters(text: str) -> str:
    """The text, in which half a character stays the escape that it is."""
    if "\\ud" not in text and "\\uD" not in text:
        return text
    return ESCAPE.sub(lambda match: f"\\\\{match[1]}" if match[1] else match[0], text)


def _json_or_literal(text: str) -> tuple[Any, Problem | None]:
    text = _characters(text)
    try:
        return json.JSONDecoder(object_pairs_hook=_pairs, strict=False).raw_decode(text)[0], None
    except RecursionError:
        return None, Problem(None, text[:80], "JSON that is nested too deep")
    except ValueError as error:
        reason = f"not JSON ({error})"
    if len(text) > LITERAL:
        return None, Problem(None, text[:80], f"{reason}, and too long for a Python literal")
    try:
        return ast.literal_eval(text.strip()), None
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None, Problem(None, text[:80], f"{reason}, nor a Python literal")


def _xml(text: str) -> tuple[Any, Problem | None]:
    end = text.rfind(">") + 1
    try:
        return _Xml().read(text[:end]), None
    except (expat.ExpatError, TextError) as error:
        return None, Problem(None, text[:80], f"not XML that is read here: {error}")


class _Xml:
    """Elements as dicts: a tag that repeats is a list; attributes are keys, beside text as "value"."""

    def __init__(self) -> None:
        self.stack: list[dict[str, Any]] = [{}]
        self.text: list[list[str]] = [[]]
        self.nodes = 0

    def read(self, text: str) -> dict[str, Any]:
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = self.refuse
        parser.EntityDeclHandler = self.refuse
        parser.ExternalEntityRefHandler = self.refuse
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.characters
        parser.buffer_text = True
        declared = re.match(r"\s*<\?xml[^>]*\?>", text)
        parser.Parse((text[declared.end() :] if declared else text).encode("utf-8", "replace"), True)
        return self.stack[0]

    def characters(self, data: str) -> None:
        self.text[-1].append(data)

    def refuse(self, *_: Any) -> int:
        raise TextError("a document type declaration is refused")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.nodes += 1
        if len(self.stack) > DEPTH or self.nodes > NODES:
            raise TextError("XML that is nested too deep or too large")
        kept = {
            name: value
            for name, value in attributes.items()
            if ":" not in name and name != "xmlns" and name not in ("style", "label", "MajorVersion", "MinorVersion")
        }
        self.stack.append(kept)
        self.text.append([])

    def end(self, tag: str) -> None:
        element: Any = self.stack.pop()
        text = "".join(self.text.pop()).strip()
        if not element:
            element = text
        elif text:
            element["value"] = text
        parent = self.stack[-1]
        name = tag.rpartition(":")[2]
        if name not in parent:
            parent[name] = element
        elif isinstance(parent[name], Repeated):
            parent[name].append(element)
        else:
            parent[name] = Repeated([parent[name], element])


# ── text ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _prompt(line: str) -> tuple[str, str | None] | None:
    """The host and the command of a line that is a prompt."""
    if len(line) > 200 or not (match := EXECUTED.fullmatch(line) or PROMPT.fullmatch(line)):
        return None
    host, command = match["host"], match["command"]
    if host.isdecimal() or (command is None and len(line) > 64):
        return None
    return host, command


def _shown(line: str) -> str:
    """A line without what a terminal and its pager put into it."""
    if "\r" in line or "\x08" in line:
        line = _typed(line)
    if "ore" in line or "ORE" in line or "ress any" in line:
        line = PAGER.sub("", line)
    return line.expandtabs() if "\t" in line else line


def _typed(line: str) -> str:
    """What a terminal shows of a line with carriage returns and backspaces: later characters stand over earlier."""
    shown: list[str] = []
    at = 0
    for char in line:
        if char == "\r":
            at = 0
        elif char == "\x08":
            at = max(at - 1, 0)
        else:
            shown[at : at + 1] = char
            at += 1
    return "".join(shown)


def _add_text(document: Document, text: str) -> None:
    """Clean lines, cut at prompts; what stands under a command that shows no neighbors is left out."""
    text = text.lstrip("\ufeff").replace("\r\n", "\n")
    if "\x1b" in text:
        text = ANSI.sub("", text)
    if "\n" not in text:
        text = text.replace("\r", "\n")
    before = sum(len(segment.lines) for segment in document.segments)
    cuts: list[tuple[int, str | None]] = [(0, None)]
    lines = text.split("\n")
    plain = (
        not any(sign in text for sign in ("\r", "\x08", "\t", "ore", "ORE", "ress any"))
        and max(map(len, lines)) <= LINE
    )
    marked = [sign for sign in "#>]$%+" if sign in text]
    for index, line in enumerate(lines if marked or not plain else ()):
        if plain:
            pass
        elif len(line) > LINE:
            document.problems.append(
                Problem(before + index + 1, line[:80], f"a line of {len(line)} characters; {LINE} are read")
            )
            lines[index] = ""
            continue
        else:
            lines[index] = _shown(line)
        if any(sign in line for sign in marked) and (prompt := _prompt(lines[index].strip())):
            document.device = document.device or prompt[0]
            lines[index] = ""
            if prompt[1]:
                cuts.append((index, prompt[1]))
    first = next((index for index, line in enumerate(lines) if line.strip()), None)
    if first is not None and ECHO.fullmatch(lines[first].strip()) and shows_neighbors(lines[first]):
        cuts.append((first, lines[first].strip().lstrip("#")))  # the echo of a command without its prompt
        cuts.sort(key=lambda cut: cut[0])
        lines[first] = ""
    ends = [at for at, _ in cuts[1:]] + [len(lines)]
    found = [
        Segment(_dedented(lines[at:end]), before + at + 1, command)
        for (at, command), end in zip(cuts, ends, strict=True)
        if end > at
    ]
    told = [segment for segment in found if segment.command and shows_neighbors(segment.command)]
    if told:  # what stands before the first command may be an output, too
        found = [segment for segment in found if segment.command is None] + told
    document.segments += [segment for segment in found if any(map(str.strip, segment.lines))] or found[-1:]


def _dedented(lines: list[str]) -> list[str]:
    """Lines without the blanks that all of them start with."""
    indents = [len(line) - len(line.lstrip()) for line in lines if line and not line.isspace()]
    least = min(indents, default=0)
    return [line[least:] for line in lines] if least else lines


def shows_part(command: str) -> bool:
    """Whether a command shows less than all neighbors: of one interface, or what a filter lets through."""
    command, _, filters = command.partition("|")
    return PART.search(command) is not None or FILTER.search(filters) is not None


def shows_neighbors(command: str) -> bool:
    """Whether a command shows LLDP or CDP neighbors."""
    command = command.partition("|")[0].strip()
    return ABOUT_NEIGHBORS.search(command) is not None and NOT_NEIGHBORS.search(command) is None
