"""Rules of addresses: IPv4 as ::ffff:a.b.c.d beside IPv6, the family of a record, and the lengths of its prefixes."""

from __future__ import annotations

from .compiled import Place
from .datatypes import COLUMN_TYPES  # noqa
from .flow_making import Rule, View
from .flow_sources import fits, sources_of
from .schema import FlowColumn, flow_columns

__all__ = ["RULES"]

ETHERTYPES = {4: 0x0800, 6: 0x86DD}
MAPPABLE = {"ipv4Address": 4, "ipv6Address": 6}
PREFIXES = {(0, 44), (0, 45), (0, 169), (0, 170)}
IP_VERSION, ETHERNET_TYPE = (0, 60), (0, 256)
ENDS = ("src_addr", "dst_addr")


def _families(view: View, column: FlowColumn) -> dict[int, Place]:
    """IP version -> the field that has the address: addresses before prefixes."""
    found = view.families.get(column.name)
    if found is not None:
        return found
    found = {}
    for number in sources_of(column):
        place = view.places.get(number)
        if place is not None and place.field.element.type in MAPPABLE and fits(place.field, column.type):
            found.setdefault(MAPPABLE[place.field.element.type], place)
    if len(found) == 2 and (found[4].number in PREFIXES) != (found[6].number in PREFIXES):
        del found[4 if found[4].number in PREFIXES else 6]
    view.families[column.name] = found
    return found


def _address(view: View, column: FlowColumn) -> None:
    """IPv4 as ::ffff:a.b.c.d. Of two families, what the record says that it is of, or the one that is not zero."""
    families = _families(view, column)
    index = view.index[column.name]
    if len(families) < 2:
        for place in families.values():
            view.take(place, index)
        return
    ipv4 = view.scratch("address")
    view.take(families[6], index)
    view.step("ipv4_mapped", families[4], ipv4)
    if column.rule == "address":
        if (version := view.shared(IP_VERSION, "u8")) is not None:
            view.finish_with("pick_by_version", index, ipv4, version)
            return
        if (etype := view.shared(ETHERNET_TYPE, "u16")) is not None:
            view.finish_with("pick_by_etype", index, ipv4, etype)
            return
    view.finish_with("pick_nonzero", index, ipv4)


def _next_hop(view: View, column: FlowColumn) -> None:
    """An address; the unspecified one says that there is none."""
    _address(view, column)
    if view.specs[view.index[column.name]][2] != "null":
        view.finish_with("zero_is_null", view.index[column.name])


def _flow_families(view: View, name: str = "") -> tuple[str, dict[int, Place]]:
    """The column with the record's addresses, and the families that it may be of."""
    for each in (name,) if name else ENDS:
        families = _families(view, view.described.get(each) or flow_columns()[each])
        if families:
            return each, families
    return "", {}


def _etype(view: View, column: FlowColumn) -> None:
    """As sent, else what ipVersion or the addresses say."""
    index = view.index[column.name]
    view.first(column)
    if view.specs[index][2] != "null":
        return
    if (version := view.shared(IP_VERSION, "u8")) is not None:
        view.fill(index, "finish")
        view.finish_with("etype_of_version", index, version)
        return
    address, families = _flow_families(view)
    if len(families) == 1:
        view.fill(index, "constant", ETHERTYPES[next(iter(families))])
    elif families:
        view.fill(index, "finish")
        view.finish_with("etype_of_address", index, view.want(address))


def _net(view: View, column: FlowColumn) -> None:
    """The prefix length of the family that the address is of."""
    index = view.index[column.name]
    lengths = {
        version: place
        for version, number in zip((4, 6), sources_of(column), strict=True)
        if (place := view.there((number,), column.type))
    }
    address, families = _flow_families(view, column.name.replace("_net", "_addr"))
    if families:
        lengths = {version: place for version, place in lengths.items() if version in families}
    if not lengths:
        return
    if len(families) < 2:
        view.take(lengths[min(lengths)], index)
        return
    if len(lengths) == 1:
        (version,) = lengths
        view.take(lengths[version], index)
        view.finish_with(f"net_is_ipv{version}", index, view.want(address))
        return
    ipv4 = view.scratch("u8")
    view.take(lengths[6], index)
    view.take(lengths[4], ipv4)
    view.finish_with("net_of_family", index, ipv4, view.want(address))


RULES = {
    "address": Rule(_address),
    "nat_address": Rule(_address),
    "next_hop": Rule(_next_hop),
    "etype": Rule(_etype, ENDS, (IP_VERSION,)),
    "net": Rule(_net),
}
