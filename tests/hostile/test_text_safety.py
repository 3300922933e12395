"""Text that a sender writes stays text wherever it comes out: sources x sinks x payloads (`texts.py`).

A sink is one way out and one predicate: what must be true of it whatever was written. That the
payload came through at all is tested first, with a word that needs no escape.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from flowparse import Batch, Topology, elastic, logstash, report
from flowparse.text import csv_field
from flowparse.topology.model import Node
from tests.hostile.texts import LONG, PAYLOADS, SOURCES, made, topology

LONGEST = 250
"""Characters in a row that are shown of a text in what is made for people to read.

Records that are values (a Neighbor, a Node) show all of it, and so do DOT, where a name is who it is,
and the notes of a drawing.
"""

TAGS = {
    "caption", "code", "details", "li", "p", "pre", "summary", "table", "tbody", "td", "th", "thead", "tr", "ul", "div",
    "br", "span",
}  # fmt: skip
SHAPES = {"svg", "g", "line", "path", "rect", "ellipse", "circle", "polygon", "polyline", "text", "tspan", "title",
          "desc", "defs", "style", "marker"}  # fmt: skip


# ── predicates ───────────────────────────────────────────────────────────────────────────────────────────────────────


def hidden(text: str) -> set[str]:
    """Characters that do not show as themselves: controls, format characters, separators of lines, no characters."""
    return {
        c for c in {*text} if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") or ord(c) & 0xFFFE == 0xFFFE
    }


def is_one_line(text: str, *, whole: bool = False) -> None:
    assert not hidden(text)
    text.encode()
    assert whole or "A" * LONGEST not in text


def is_lines(text: str, *, whole: bool = False) -> None:
    """Line breaks are ours alone: none of the sender's lines begins one."""
    for line in text.split("\n"):
        is_one_line(line, whole=whole)
        assert not line.lstrip().startswith("forged")


class Elements(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.unclosed = 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.unclosed += tag != "br"

    def handle_endtag(self, tag: str) -> None:
        self.unclosed -= 1

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    unknown_decl = handle_decl = handle_pi = handle_comment


def is_html(text: str) -> None:
    found = Elements(text)
    assert found.names <= TAGS
    assert found.attributes <= {"style", "class", "title", "colspan", "open"}
    assert found.unclosed == 0
    is_lines(text)


def is_svg(text: str) -> None:
    tree = ElementTree.fromstring(text)
    for each in tree.iter():
        assert each.tag.rpartition("}")[2] in SHAPES
        assert not {name for name in each.attrib if name.startswith("on") or "href" in name}
    is_lines(text, whole=True)


QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')


def is_dot(text: str) -> None:
    """Outside of quotation marks stands what we wrote: words, numbers, signs."""
    is_lines(text, whole=True)
    outside = QUOTED.sub("", text)
    assert '"' not in outside
    assert not set(outside) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ \n{}[]=,;.->#")
    assert "forged" not in outside


def texts_of(value: Any) -> Iterator[str]:
    """Every str in it."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from texts_of(name)
            yield from texts_of(each)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for each in value:
            yield from texts_of(each)


def is_data(row: Any) -> None:
    """Values are as they were sent, controls too; but always text that UTF-8 and JSON can say."""
    for text in texts_of(row):
        assert text.encode().decode() == text


def is_csv(line: str, n: int) -> None:
    assert not hidden(line)
    [cells] = csv.reader(io.StringIO(line), strict=True)
    assert len(cells) == n
    assert not [cell for cell in cells if cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"))]


def is_json_line(line: str) -> dict[str, Any]:
    assert not hidden(line)
    found: dict[str, Any] = json.loads(line, parse_constant=pytest.fail)
    return found


# ── sinks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def in_repr(source: str, payload: str) -> None:
    found = made(source, payload)
    for each in (*found.objects, *found.batches, *found.tables, *found.explained):
        is_one_line(repr(each), whole=is_dataclass(each) or isinstance(each, tuple))
    for batch in found.batches:
        for each in (*batch[:3], *(batch[name] for name in batch.names), *batch.chunks):
            is_one_line(repr(each))
    for pulled in found.objects:
        if hasattr(pulled, "message"):
            is_one_line(pulled.message)


def in_html(source: str, payload: str) -> None:
    found = made(source, payload)
    for each in (*found.batches, *found.tables, *found.explained, *found.objects):
        if hasattr(each, "_repr_html_"):
            is_html(each._repr_html_())


def in_dicts(source: str, payload: str) -> None:
    found = made(source, payload)
    for each in (*found.batches, *found.tables):
        for row in each.to_dicts():
            is_data(row)
    for each in found.objects:
        if hasattr(each, "to_dict"):
            is_data(each.to_dict())


def in_csv(source: str, payload: str) -> None:
    found = made(source, payload)
    for each in (*found.batches, *found.tables):
        for row in each.to_dicts():
            texts = [*texts_of(row)]
            is_csv(",".join(csv_field(text, formula_safe=True) for text in texts), len(texts))


def in_reports(source: str, payload: str) -> None:
    for flows in made(source, payload).batches:
        by = [name for name in flows.names if "name" in name.lower()][:2]
        if not by or not {"bytes", "src_addr"} <= {*flows.names}:
            continue
        for said in (report.top(flows, by), report.timeline(flows, by=by[0])):
            is_html(said._repr_html_())
            is_one_line(repr(said))
            is_one_line(said.note)
            assert any("name" in name for name in said.names)
        for form in ("netflow", "tcpdump"):
            for line in report.lines(flows, form):  # type: ignore[arg-type]
                is_one_line(line)


PAIR = re.compile(r'([^\s"=]+)=("(?:[^"\\]|\\.)*"|[^\s"=]*)')


def in_logstash(source: str, payload: str) -> None:
    for rows in _rows(source, payload):
        for row, line, object in zip(rows, logstash.lines(rows), logstash.lines(rows, "json"), strict=True):
            assert not hidden(line)
            pairs = line.split("flowparse: ", 1)[1]
            names = [name for name, _ in PAIR.findall(pairs)]
            assert PAIR.sub("", pairs).strip() == ""
            assert len(names) == len([each for each in row.values() if each is not None])
            assert "forged" not in names
            assert is_json_line(object).keys() - {"@timestamp", "process"} <= row.keys()
            assert re.fullmatch(r"[^\r\n]*", object)


def in_elastic(source: str, payload: str) -> None:
    for rows in _rows(source, payload):
        body = b"".join(elastic.bulk(rows, data_stream="logs-x-default")).decode()
        lines = body.split("\n")
        assert lines.pop() == ""
        assert len(lines) == 2 * len([*rows]) == len(body.splitlines())
        for action, document in zip(lines[::2], lines[1::2], strict=True):
            assert is_json_line(action) == {"create": {"_index": "logs-x-default"}}
            assert "@timestamp" in is_json_line(document)
            assert "forged" not in is_json_line(document)


def _rows(source: str, payload: str) -> list[Any]:
    found = made(source, payload)
    rows: list[Any] = [batch.to_dicts() for batch in found.batches]
    return rows + [table.to_dicts() for table in found.tables if len(table)]


def in_explanation(source: str, payload: str) -> None:
    for each in made(source, payload).explained:
        is_lines(str(each))
        is_html(each._repr_html_())


def in_topology_text(source: str, payload: str) -> None:
    found = topology(source, payload)
    empty = Topology.build([])
    is_lines(found.to_text())
    is_lines(found.diff(empty).to_text())
    is_lines(empty.diff(found).to_text())
    for each in (found, found.diff(empty), *found.nodes.values(), *found.links, *found.segments, *found.problems):
        is_one_line(repr(each), whole=is_dataclass(each))
        is_one_line(str(each), whole=isinstance(each, Node))
    is_lines(found._repr_mimebundle_()["text/plain"])


def in_dot(source: str, payload: str) -> None:
    found = topology(source, payload)
    names = [*found.nodes]
    for text in (
        found.to_dot(),
        found.to_dot(directed=True, labels=False),
        found.to_dot(name=f"{names[0]} " if names else "x", ranks=[names]),
        found.diff(Topology.build([])).to_dot(),
    ):
        is_dot(text)


def in_svg(source: str, payload: str) -> None:
    found = topology(source, payload)
    for text in (found.to_svg(), found.diff(Topology.build([])).to_svg(), Topology.build([]).diff(found).to_svg()):
        is_svg(text)


OF_ALL = (in_repr, in_html, in_dicts)
OF_ROWS = (in_csv, in_logstash, in_elastic)
OF_TABLES = (in_topology_text, in_dot, in_svg)
SINKS: dict[Callable[[str, str], None], Callable[[Any], bool]] = {
    **dict.fromkeys(OF_ALL, lambda found: True),
    **dict.fromkeys(OF_ROWS, lambda found: bool(found.batches or any(map(len, found.tables)))),
    **dict.fromkeys(OF_TABLES, lambda found: bool(found.tables)),
    in_explanation: lambda found: bool(found.explained),
    in_reports: lambda found: any("in_if_name" in batch.names for batch in found.batches),
}
"""What comes out, and whether a source has it."""

PLAIN = "plain"
PAYLOADS[PLAIN] = b"plainword"
CASES = [
    pytest.param(source, sink, payload, id=f"{source}-{sink.__name__}-{payload}")
    for source in SOURCES
    for sink, has in SINKS.items()
    if has(made(source, PLAIN))
    for payload in PAYLOADS
]


@pytest.mark.parametrize(("payload", "word"), [(PLAIN, "plainword"), (LONG, "A" * 60), ("element", "<script>")])
@pytest.mark.parametrize("source", SOURCES)
def test_a_word_comes_through(source: str, payload: str, word: str) -> None:
    found = made(source, payload)
    rows = [batch.to_dicts() for batch in found.batches], [table.to_dicts() for table in found.tables]
    assert word in repr((rows, found.objects))


def test_each_element_of_type_string_is_written() -> None:
    [batch] = made("ipfix_strings", PLAIN).batches
    [row] = batch.to_dicts()
    assert list(row.values()).count("plainword") > 500
    assert isinstance(batch, Batch)


@pytest.mark.parametrize(("source", "sink", "payload"), CASES)
def test_text_of_a_sender_stays_text(source: str, sink: Callable[[str, str], None], payload: str) -> None:
    sink(source, payload)
