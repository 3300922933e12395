"""Pictures as Graphviz DOT text.

Every name, label and attribute is a quoted string by text.py's rule. Two names that differ in hidden
characters only would be shown, and so be read, as one: the later gets a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from ..text import dot_string, visible
from .picture import LOOKS, Line, Picture

__all__ = ["shown_names", "write"]

ENGINES = ("dot", "neato", "fdp", "sfdp", "circo", "twopi", "osage", "patchwork")
PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
KEYWORDS = {"node", "edge", "graph", "digraph", "subgraph", "strict"}
ATTRIBUTE = re.compile(r"(?:(graph|node|edge)\.)?([A-Za-z_][A-Za-z0-9_]*)", re.ASCII)
SHAPES = {
    "external": {"style": "dashed"},
    "segment": {"shape": "ellipse", "class": "segment", "style": "filled", "fillcolor": "gray90"},
}


def shown_names(names: Iterable[str]) -> dict[str, str]:
    """Names -> how they are shown: hidden characters visible, and no two alike.

    Examples
    --------
    >>> shown_names(["r1", "r\\x1b1", "r\\\\x1b1"])
    {'r1': 'r1', 'r\\x1b1': 'r\\\\x1b1', 'r\\\\x1b1': 'r\\\\x1b1 (2)'}
    """
    shown: dict[str, str] = {}
    taken: set[str] = set()
    counts: dict[str, int] = {}
    for name in names:
        if name in shown:
            continue
        text = wanted = visible(name, None)
        while text in taken:
            counts[wanted] = counts.get(wanted, 1) + 1
            text = f"{wanted} ({counts[wanted]})"
        taken.add(text)
        shown[name] = text
    return shown


def _id(text: str) -> str:
    return text if PLAIN.fullmatch(text) and text.lower() not in KEYWORDS else dot_string(text)


def _attributes(values: Mapping[str, str]) -> str:
    """` [name=value, ...]`; a value is quoted unless it is a plain word, labels always."""
    if not values:
        return ""
    pairs = (
        f"{name}={value if PLAIN.fullmatch(value) and not name.endswith('label') else dot_string(value)}"
        for name, value in values.items()
    )
    return f" [{', '.join(pairs)}]"


def write(
    picture: Picture,
    *,
    directed: bool,
    labels: bool,
    ranks: Sequence[Sequence[str]],
    name: str,
    engine: str | None,
    attributes: Mapping[str, str] | None,
) -> str:
    """The DOT text of a picture; parameters as for `Topology.to_dot`.

    Raises
    ------
    ValueError
        An engine or the name of an attribute that Graphviz cannot know.
    """
    in_ranks = [each for rank in ranks for each in rank]
    shown = shown_names([*(shape.name for shape in picture.shapes), *in_ranks])
    ids = {each: dot_string(text) for each, text in shown.items()}
    text = [f"{'digraph' if directed else 'graph'} {_id(name)} {{"]
    text += _settings(engine, attributes or {}, boxes=labels)
    text += (f"{{rank=same; {' '.join(ids[each] + ';' for each in rank)}}}" for rank in ranks if rank)
    lines = (*picture.extra, *picture.lines)
    drawn = {end for line in lines for end in (line.a, line.b)}.union(in_ranks)
    for shape in picture.shapes:
        look = SHAPES.get(shape.kind, {})
        if look or shape.name not in drawn:
            text.append(f"{ids[shape.name]}{_attributes(look)};")
    text += (_edge(line, ids, directed, labels) for line in lines)
    return "\n  ".join(text) + "\n}\n"


def _settings(engine: str | None, attributes: Mapping[str, str], *, boxes: bool) -> Iterable[str]:
    if engine is not None:
        if engine not in ENGINES:
            raise ValueError(f"Graphviz's engines are {', '.join(ENGINES)}, not {engine!r:.40}")
        yield f"layout={engine};"
    of: dict[str, dict[str, str]] = {"graph": {}, "node": {"shape": "box"} if boxes else {}, "edge": {}}
    for key, value in attributes.items():
        match = ATTRIBUTE.fullmatch(key)
        if match is None:
            raise ValueError(f"an attribute is a name, or node.name or edge.name, not {key!r:.80}")
        of[match[1] or "graph"][match[2]] = str(value)
    for key, value in of["graph"].items():
        yield f"{key}={value if PLAIN.fullmatch(value) else dot_string(value)};"
    for what in ("node", "edge"):
        if of[what]:
            yield f"{what}{_attributes(of[what])};"


def _edge(line: Line, ids: Mapping[str, str], directed: bool, labels: bool) -> str:
    look = LOOKS[line.look]
    values = {}
    if labels:
        if line.a_label:
            values["taillabel"] = line.a_label
        if line.b_label:
            values["headlabel"] = line.b_label
    if line.label:
        values["label"] = line.label
    if look.color != "black":
        values["color"] = look.color
    if look.style != "solid":
        values["style"] = look.style
    if line.arrow and not directed:
        values["dir"] = "forward"
    elif directed and not line.arrow:
        values["dir"] = "none"
    return f"{ids[line.a]} {'->' if directed else '--'} {ids[line.b]}{_attributes(values)};"
