"""Rules of transport ports, and of what ICMP has instead: type and code, in elements, in a word or in a port."""

from __future__ import annotations

from .datatypes import COLUMN_TYPES
from .flow_making import Rule, View
from .schema import FlowColumn

__all__ = ["RULES"]

SPLIT = {4: ((0, 176), (0, 177)), 6: ((0, 178), (0, 179))}
WORDS = {4: (0, 32), 6: (0, 139)}
ICMP_ELEMENTS = frozenset((*SPLIT[4], *SPLIT[6], *WORDS.values()))


def _says_icmp(view: View) -> set[int]:
    """The families for which the template has elements of ICMP's own."""
    if view.places.keys().isdisjoint(ICMP_ELEMENTS):
        return set()
    u8, u16 = COLUMN_TYPES["u8"], COLUMN_TYPES["u16"]
    return {version for version in (4, 6) if view.there(SPLIT[version], u8) or view.there((WORDS[version],), u16)}


def _port(view: View, column: FlowColumn) -> None:
    """A transport port; ICMP has none, and its exporters put type and code there."""
    view.first(column)
    index = view.index[column.name]
    if view.specs[index][2] == "null" or not view.is_filled("proto"):
        return
    if _says_icmp(view):
        view.finish_with("not_icmp", view.want("proto"), index)
    else:
        view.want("icmp_type")


def _icmp(view: View, column: FlowColumn) -> None:
    """Type and code by elements of their own, else out of the ports."""
    pair = (view.index.get("icmp_type"), view.index.get("icmp_code"))
    view.settled |= {"icmp_type", "icmp_code"}
    type_, code = (view.scratch("u8", "null") if index is None else index for index in pair)
    view.index["icmp_type"], view.index["icmp_code"] = type_, code
    has_proto = view.is_filled("proto")
    families = sorted(_says_icmp(view))
    if families:
        _icmp_elements(view, families[0], type_, code)
        if not has_proto:
            return
        proto = view.want("proto")
        if len(families) == 2:
            # What IPv4 does not fill takes the value of IPv6 itself.
            mine = [view.specs[index][2] != "null" for index in (type_, code)]
            others = [
                view.scratch("u8", "null") if own else index for own, index in zip(mine, (type_, code), strict=True)
            ]
            _icmp_elements(view, 6, *others)
            for own, index, other in zip(mine, (type_, code), others, strict=True):
                if own and view.specs[other][2] != "null":
                    view.finish_with("pick_icmpv6", proto, index, other)
                elif own:
                    view.finish_with("not_icmpv6", proto, index)
                elif view.specs[index][2] != "null":
                    view.finish_with("only_icmpv6", proto, index)
        for index in (type_, code):
            if view.specs[index][2] != "null":
                view.finish_with("only_icmp", proto, index)
        return
    names = [name for name in ("src_port", "dst_port") if view.is_filled(name) and name not in view.of_section]
    ports = [view.want(name) for name in names] if has_proto else []
    if ports and view.is_reverse:
        # Type and code in them are those of the way forth.
        for index in ports:
            view.finish_with("not_icmp", view.want("proto"), index)
    elif ports:
        view.fill(type_, "finish")
        view.fill(code, "finish")
        kind = "icmp_split" if len(ports) == 2 else "icmp_from_port"
        view.finish_with(kind, view.want("proto"), *ports, type_, code)


def _icmp_elements(view: View, version: int, type_: int, code: int) -> None:
    """Fill type and code from the elements of one family."""
    places = [view.there((number,), COLUMN_TYPES["u8"]) for number in SPLIT[version]]
    if any(places):
        for place, index in zip(places, (type_, code), strict=True):
            if place:
                view.take(place, index)
        return
    word = view.into_scratch(WORDS[version], "u16")
    assert word is not None
    view.fill(type_, "finish")
    view.fill(code, "finish")
    view.finish_with("word_split", word, type_, code)


RULES = {
    "port": Rule(_port),
    "icmp": Rule(_icmp, ("icmp_type", "icmp_code", "proto")),
}
