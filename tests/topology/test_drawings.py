"""DOT and SVG: what they hold, that names of any kind are safe in them, and that Graphviz reads the one."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from flowparse import TextError, Topology
from flowparse.topology.picture import LOOKS
from tests.topology.tables import TRIANGLE, row, table, tables

SVG = "{http://www.w3.org/2000/svg}"
NASTY = [
    'say "hi"', "two\nlines", "<b>bold</b>", "a&b", "tab\tbell\x07", "\u202eright to left", "back\\slash", "trail\\",
    "\\N", "{rank=same}", "]; evil [", "//", "/*", "#", "--", "node", "a -> b", "", "\ufffe\uffff", "\ud800",
    "<img src=x>", "x" * 500, "é", "日本", "r1:p", '"', "%s{0}",
]  # fmt: skip
dot_program = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's dot is not installed")


def nasty() -> Topology:
    rows = [row(f"{name} p{at}", name or "empty", name) for at, name in enumerate(NASTY)]
    return Topology.build([table('hub "1"\n<x>', *rows)], strip_domain=False, infer_aliases=False, ignore=None)


def graphviz(text: str, form: str = "plain") -> str:
    done = subprocess.run(
        ["dot", f"-T{form}"], input=text, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "syntax error" not in done.stderr
    return done.stdout


def texts(svg: str) -> list[str]:
    return ["".join(element.itertext()) for element in ET.fromstring(svg).iter(f"{SVG}text")]


# ── DOT ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_names_of_any_kind_in_dot() -> None:
    topology = nasty()
    text = topology.to_dot(name='my "graph"')
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ufffe\uffff]", text)
    read = Topology.from_dot(text)
    assert len(read.nodes) == len(topology.nodes)
    assert len(read.links) == len(topology.links)
    assert {'say "hi"', "back\\slash", "trail\\", "<b>bold</b>", "two\\x0alines"} <= set(read.nodes)


@dot_program
def test_graphviz_reads_names_of_any_kind() -> None:
    topology = nasty()
    drawn = graphviz(topology.to_dot(name='my "graph"'))
    assert len(re.findall(r"^node ", drawn, re.MULTILINE)) == len(topology.nodes)
    assert len(re.findall(r"^edge ", drawn, re.MULTILINE)) == len(topology.links)


def test_names_that_would_look_alike_stay_apart() -> None:
    topology = Topology.from_edges([("a", "r\x1b"), ("b", "r\\x1b")])
    assert '"r\\\\x1b (2)"' in topology.to_dot()
    assert len(Topology.from_dot(topology.to_dot()).nodes) == 4


@dot_program
@pytest.mark.parametrize("options", [{}, {"directed": True}, {"engine": "neato"}, {"labels": False}])
def test_graphviz_reads_all_that_is_written(options: dict[str, Any]) -> None:
    topology = Topology.build(
        [*tables(TRIANGLE, silent=[("a", "Gi0/1")]), table("d", row("1", "a", "9"), row("1", "x", "1"))]
    )
    text = topology.to_dot(
        ranks=[["a", "b"], ["new"]],
        extra_edges=[("host", "a")],
        attributes={"rankdir": "LR", "node.shape": "ellipse", "edge.fontsize": "9", "label": 'a "b"\n'},
        **options,
    )
    drawn = graphviz(text)
    assert len(re.findall(r"^node ", drawn, re.MULTILINE)) == len(topology.nodes) + 3  # the segment, new, host
    diff = Topology.build(tables(TRIANGLE)).diff(topology)
    assert graphviz(diff.to_dot())


def test_status_in_dot() -> None:
    topology = Topology.build(tables(TRIANGLE, silent=[("a", "Gi0/1")], missing=["c"]))
    text = topology.to_dot()
    assert '"b" -- "a" [taillabel="Gi0/1", headlabel="Gi0/1", color=red, style=dashed, dir=forward];' in text
    assert '"c" [style=dashed];' in text


def test_what_cannot_be_an_attribute_or_engine() -> None:
    topology = Topology.from_edges([("a", "b")])
    with pytest.raises(ValueError, match="engines"):
        topology.to_dot(engine='dot"; evil')
    with pytest.raises(ValueError, match="attribute"):
        topology.to_dot(attributes={'x"]': "1"})


def test_labels_of_the_caller() -> None:
    topology = Topology.from_edges([("core", "distribution", "2x10G"), ("distribution", "access1", "1G")])
    assert '"core" -- "distribution" [label="2x10G"];' in topology.to_dot()
    assert '"core" -> "distribution" [label="2x10G"];' in topology.to_dot(directed=True)
    assert {"2x10G", "1G"} <= set(texts(topology.to_svg()))


@pytest.mark.parametrize(
    "text",
    [
        'graph x { "leaf1":"swp1" -- "spine1":"swp3" }',
        'strict graph { "leaf1" -- spine1 [taillabel=swp1, headlabel="swp3"]; }',
        'digraph { node [shape=box]; rankdir=LR\n leaf1:swp1:n -> "spine" + "1":swp3:s; "spine1":swp3 -> leaf1:swp1 }',
        "/* plan */ graph { // cables\n# PTM\nsubgraph cluster_a { label=<<b>x</b>> leaf1:swp1 -- spine1:swp3 } }",
        "graph { { leaf1 } spine1 leaf1:swp1 -- spine1:swp3 [speed=100g][x=y;z=1] }",
    ],
)
def test_dot_that_others_write(text: str) -> None:
    topology = Topology.from_dot(text)
    assert list(topology.nodes) == ["leaf1", "spine1"]
    assert [str(link) for link in topology.links] == ["leaf1:swp1 -- spine1:swp3"]


def test_chains_and_groups_in_dot() -> None:
    topology = Topology.from_dot("graph { a -- b -- {c d} ; e }")
    assert [str(link) for link in topology.links] == ["a -- b", "b -- c", "b -- d"]
    assert list(topology.nodes) == ["a", "b", "c", "d", "e"]


def test_segments_come_back_from_dot() -> None:
    rows = [table(name, *(row("1", other, "1") for other in "abc" if other != name)) for name in "abc"]
    topology = Topology.build(rows)
    assert [each.members for each in Topology.from_dot(topology.to_dot()).segments] == [topology.segments[0].members]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("graph {", 1),
        ("graph {\n a -- }", 2),
        ("graph { a } b", 1),
        ('graph { "a', 1),
        ("graph {\n\n [x=1] }", 3),
        ("graph {" + "{" * 100, 1),
        ("graph { a [label=<x] }", 1),
        ('graph { "a" + b }', 1),
        ("hello", 1),
        ("graph { \x00 }", 1),
    ],
)
def test_what_is_not_dot(text: str, line: int) -> None:
    with pytest.raises(TextError) as error:
        Topology.from_dot(text)
    assert error.value.line == line


def test_groups_that_unfold_without_end() -> None:
    names = " ".join(f"n{at}" for at in range(2000))
    with pytest.raises(TextError, match="edges"):
        Topology.from_dot(f"graph {{ {{{names}}} -- {{{names}}} }}")


# ── SVG ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_names_of_any_kind_in_svg() -> None:
    topology = nasty()
    for text in (topology.to_svg(), topology.diff(Topology.from_edges([])).to_svg()):
        root = ET.fromstring(text)
        assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
            "svg",
            "g",
            "rect",
            "path",
            "text",
            "title",
        }
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ufffe\uffff]", text)
    assert "<b>bold</b>" in texts(topology.to_svg())
    assert max(map(len, set(texts(topology.to_svg())) - {LOOKS["external"].words})) <= 30


def test_every_node_port_and_link_is_drawn() -> None:
    topology = Topology.build(tables(TRIANGLE))
    svg = topology.to_svg()
    assert sorted(texts(svg)) == ["Gi0/1", "Gi0/1", "Gi0/2", "Gi0/2", "Gi0/3", "Gi0/3", "a", "b", "c"]
    assert svg.count("<title>") == 6


def boxes(svg: str) -> list[tuple[float, float, float, float]]:
    return [
        (float(each.get("x", 0)), float(each.get("y", 0)), float(each.get("width", 0)), float(each.get("height", 0)))
        for each in ET.fromstring(svg).iter(f"{SVG}rect")
        if each.get("stroke")
    ]


@pytest.mark.parametrize("n", [2, 5, 30, 119])
@pytest.mark.parametrize("shape", ["star", "ring", "mesh", "tree"])
def test_boxes_do_not_overlap_and_nothing_is_outside(n: int, shape: str) -> None:
    pairs = {
        "star": [("hub", f"n{at}") for at in range(n)],
        "ring": [(f"n{at}", f"n{(at + 1) % n}") for at in range(n)],
        "mesh": [(f"n{a}", f"n{b}") for a in range(min(n, 12)) for b in range(a)],
        "tree": [(f"n{at}", f"n{at // 3}") for at in range(1, n)],
    }[shape]
    svg = Topology.from_edges(pairs).to_svg()
    found = boxes(svg)
    for at, (x, y, width, height) in enumerate(found):
        assert x >= -0.1
        for x2, y2, width2, height2 in found[:at]:
            assert x + width <= x2 or x2 + width2 <= x or y + height <= y2 or y2 + height2 <= y
    view = [float(each) for each in (ET.fromstring(svg).get("viewBox") or "").split()]
    assert max(x + width for x, _, width, _ in found) <= view[2]
    assert max(y + height for _, y, _, height in found) <= view[3]


def test_ranks() -> None:
    topology = Topology.from_edges([("a", "b"), ("b", "c")])
    svg = topology.to_svg(ranks=[["c", "new"], ["a"]], extra_edges=[("new", "a")])
    y = {text.text: float(text.get("y", 0)) for text in ET.fromstring(svg).iter(f"{SVG}text")}
    assert y["c"] == y["new"] < y["a"]
    assert y["b"] > y["c"]


def test_colors_of_status_and_of_changes() -> None:
    before = Topology.build(tables(TRIANGLE))
    one_way = Topology.build(tables(TRIANGLE, silent=[("a", "Gi0/1")]))
    assert 'stroke="#d1242f" stroke-width="1.6" stroke-dasharray="7 4"' in one_way.to_svg()
    removed = before.diff(Topology.build(tables(TRIANGLE[1:]))).to_svg()
    assert 'stroke="#d1242f" stroke-width="1.6" stroke-dasharray="2 3"' in removed
    assert 'stroke="#1a7f37"' in Topology.build(tables(TRIANGLE[1:])).diff(before).to_svg()
    assert "#d1242f" not in before.to_svg()


def test_what_is_too_large_to_draw() -> None:
    topology = Topology.from_edges([("hub", f"n{at}") for at in range(200)])
    with pytest.raises(ValueError, match="200"):
        topology.to_svg()
    assert set(topology._repr_mimebundle_()) == {"text/plain"}
    assert "hub -- n0" in topology._repr_mimebundle_()["text/plain"]


def test_jupyter() -> None:
    topology = Topology.build(tables(TRIANGLE))
    assert set(topology._repr_mimebundle_()) == {"image/svg+xml", "text/plain"}
    diff = topology.diff(Topology.build(tables(TRIANGLE[1:])))
    assert set(diff._repr_mimebundle_(include=None, exclude=None)) == {"image/svg+xml", "text/plain"}
    assert "removed" in diff._repr_mimebundle_()["text/plain"]
    assert Topology.from_edges([])._repr_mimebundle_()["image/svg+xml"].startswith("<svg")
