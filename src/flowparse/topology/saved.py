"""A topology as plain values, and back: node-link form, which d3 and networkx read and JSON can hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any, TypeVar

from ..errors import StateError
from ..text import quoted
from .model import (
    Endpoint,
    Evidence,
    Link,
    LinkStatus,
    Node,
    NodeState,
    Observation,
    Segment,
    TopologyProblem,
)

__all__ = ["FORMAT", "as_dict", "read_dict"]

FORMAT = 1
T = TypeVar("T")


def as_dict(
    nodes: Iterable[Node],
    links: Iterable[Link],
    segments: Iterable[Segment],
    aliases: Mapping[str, str],
    problems: Iterable[TopologyProblem],
    ignored: int,
) -> dict[str, Any]:
    """See `Topology.to_dict`."""
    return {
        "directed": False,
        "multigraph": True,
        "graph": {"format": FORMAT, "aliases": dict(aliases), "ignored": ignored},
        "nodes": [_node(node) for node in nodes],
        "links": [_link(link) for link in links],
        "segments": [
            {
                "name": segment.name,
                "members": [list(end) for end in segment.members],
                "observations": [list(each) for each in segment.observations],
            }
            for segment in segments
        ],
        "problems": [{item.name: getattr(problem, item.name) for item in fields(problem)} for problem in problems],
    }


def _node(node: Node) -> dict[str, Any]:
    return {
        "id": node.name,
        "state": str(node.state),
        "names": list(node.names),
        "evidence": [list(each) for each in node.evidence],
        "chassis_ids": list(node.chassis_ids),
        "management_addresses": list(node.management_addresses),
        "kind": node.kind,
        "platform": node.platform,
        "protocols": list(node.protocols),
    }


def _link(link: Link) -> dict[str, Any]:
    return {
        "source": link.a.device,
        "target": link.b.device,
        "key": link.parallel_index,
        "source_interface": link.a.interface,
        "target_interface": link.b.interface,
        "status": str(link.status),
        "source_aggregate": link.aggregate[0],
        "target_aggregate": link.aggregate[1],
        "label": link.label,
        "observations": [list(each) for each in link.observations],
    }


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _wrong(what: str, value: object) -> StateError:
    return StateError(f"a saved topology has {what}, not {quoted(value)}")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _wrong("text here", value)
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _wrong("a count here", value)
    return value


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise _wrong("a mapping here", value)
    return value


def _each(value: object, read: Callable[[Any], T]) -> tuple[T, ...]:
    if not isinstance(value, list | tuple):
        raise _wrong("a list here", value)
    return tuple([read(each) for each in value])


def _field(values: Mapping[str, Any], name: str) -> Any:
    if name not in values:
        raise StateError(f"a saved topology lacks {name!r}")
    return values[name]


def _row(value: object, *read: Callable[[Any], Any]) -> list[Any]:
    if not isinstance(value, list | tuple) or len(value) != len(read):
        raise _wrong(f"a list of {len(read)} here", value)
    return [each(item) for each, item in zip(read, value, strict=True)]


def _observation(value: object) -> Observation:
    return Observation(*_row(value, _text, _text, _text_or_none, _text_or_none, _text))


def _read_node(value: object) -> Node:
    values = _mapping(value)
    state = _text(_field(values, "state"))
    if state not in set(NodeState):
        raise _wrong("a state of a node here", state)
    return Node(
        _text(_field(values, "id")),
        NodeState(state),
        _each(_field(values, "names"), _text),
        _each(_field(values, "evidence"), lambda each: Evidence(*_row(each, _text, _text, _text))),
        _each(_field(values, "chassis_ids"), _text),
        _each(_field(values, "management_addresses"), _text),
        _text_or_none(_field(values, "kind")),
        _text_or_none(_field(values, "platform")),
        _each(_field(values, "protocols"), _text),
    )


def _read_link(value: object) -> Link:
    values = _mapping(value)
    status = _text(_field(values, "status"))
    if status not in set(LinkStatus):
        raise _wrong("a status of a link here", status)

    def end(name: str) -> Endpoint:
        return Endpoint(_text(_field(values, name)), _text_or_none(_field(values, f"{name}_interface")))

    aggregates = (_field(values, "source_aggregate"), _field(values, "target_aggregate"))
    return Link(
        end("source"),
        end("target"),
        LinkStatus(status),
        _each(_field(values, "observations"), _observation),
        _number(_field(values, "key")),
        (_text_or_none(aggregates[0]), _text_or_none(aggregates[1])),
        _text_or_none(_field(values, "label")),
    )


def _read_segment(value: object) -> Segment:
    values = _mapping(value)
    return Segment(
        _text(_field(values, "name")),
        _each(_field(values, "members"), lambda each: Endpoint(*_row(each, _text, _text_or_none))),
        _each(_field(values, "observations"), _observation),
    )


def _read_problem(value: object) -> TopologyProblem:
    values = _mapping(value)
    return TopologyProblem(
        _text(_field(values, "code")),
        _text_or_none(_field(values, "device")),
        _text_or_none(_field(values, "interface")),
        _text(_field(values, "reason")),
    )


def read_dict(saved: object) -> dict[str, Any]:
    """The parts of a topology by name, from what `as_dict` gave.

    Raises
    ------
    StateError
        Something is missing, of another type, or names a node that is not there.
    """
    values = _mapping(saved)
    graph = _mapping(_field(values, "graph"))
    if graph.get("format") != FORMAT:
        raise _wrong(f"format {FORMAT}", graph.get("format"))
    nodes = _each(_field(values, "nodes"), _read_node)
    links = _each(_field(values, "links"), _read_link)
    segments = _each(_field(values, "segments"), _read_segment)
    names = {node.name for node in nodes}
    if len(names) != len(nodes):
        raise StateError("a saved topology has two nodes of one name")
    ends = [end.device for link in links for end in (link.a, link.b)]
    ends += [end.device for segment in segments for end in segment.members]
    if missing := set(ends) - names:
        raise _wrong("nodes for all its links", min(missing))
    aliases = {name: _text(target) for name, target in _mapping(_field(graph, "aliases")).items()}
    return {
        "nodes": nodes,
        "links": links,
        "segments": segments,
        "aliases": aliases,
        "problems": _each(_field(values, "problems"), _read_problem),
        "ignored": _number(_field(graph, "ignored")),
    }
