"""Fields as text to a `Neighbor`: the one place where a reader's words become values.

A reader says what is written in each field; here it is read (`values`), cut names are told, and
quotes and "not advertised" go. What a field cannot hold is not thrown away: it stays in `extra`, and
`note` hears of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from .records import EMPTY, ManagementAddress, Neighbor, PortIdType, Protocol, Source
from .values import address, capabilities, chassis_id_type, mac, port_id_type, present, seconds

__all__ = ["FIELDS", "Note", "fields_of", "neighbor"]

Note = Callable[[str, str], None]
"""Called with a text and why it is of note; the row stands."""

DOTS = re.compile(r"\s*(?:\.\.\.|…)$")
FIELDS = frozenset(
    "local_interface chassis_id chassis_id_type port_id port_id_type port_description system_name system_description"
    " capabilities capabilities_enabled management_address ttl ttl_left age pvid parent_interface platform".split()
)
"""The names that a reader may use; all values are text, `management_address` a list of text."""


@cache
def fields_of(where: str) -> dict[str, str]:
    """One part of `fields.tsv`: squashed word -> field."""
    rows = files(__package__).joinpath("fields.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return {word: field for of, word, field in (row.split("\t") for row in rows) if of == where}


def neighbor(
    cells: Mapping[str, Any],
    *,
    device: str | None,
    source: Source,
    note: Note,
    protocol: Protocol = Protocol.LLDP,
    letters: str = "lldp",
    truncated: bool = False,
    extra: Mapping[str, str] | None = None,
) -> Neighbor:
    """A record of what is in `cells` (see `FIELDS`); blank and absent are the same."""
    get = cells.get
    values: dict[str, Any] = {"local_device": device, "local_interface": get("local_interface") or "", "source": source}
    if protocol is not Protocol.LLDP:
        values["protocol"] = protocol
    left: dict[str, str] = {}

    if text := get("system_name"):
        name = present(text)
        if name is not None:
            if name.endswith((".", "…")) and (cut := DOTS.sub("", name)) != name:
                name, truncated = cut, True
            values["system_name"] = name
            if truncated:
                values["system_name_truncated"] = True
    if (text := get("chassis_id")) and (text := present(text)) is not None:
        kind = chassis_id_type(get("chassis_id_type") or "")
        values["chassis_id"] = mac(text, bare=True) or text if kind in MAC_OR_NONE else text
        if kind is not None:
            values["chassis_id_type"] = kind
    if (text := get("port_id")) and (text := present(text)) is not None:
        port_kind = port_id_type(get("port_id_type") or "")
        if port_kind is None or port_kind is PortIdType.MAC_ADDRESS:
            text = mac(text, bare=port_kind is not None) or text
        values["port_id"] = text
        if port_kind is not None:
            values["port_id_type"] = port_kind
    for field in ("port_description", "system_description", "parent_interface", "platform"):
        if (text := get(field)) and (text := present(text)) is not None:
            values[field] = text
    for field in ("capabilities", "capabilities_enabled"):
        if text := get(field):
            found, unknown = capabilities(text, letters)
            if found:
                values[field] = found
            if unknown:
                left[field] = text
                note(text, f"a capability that is not known: {', '.join(unknown)}")
    if addresses := get("management_address"):
        values["management_addresses"] = _addresses([addresses] if isinstance(addresses, str) else addresses)
    if (text := get("ttl") or get("ttl_left")) and (ttl := seconds(text)) is not None:
        values["ttl"] = ttl
    if (text := get("age")) and (age := seconds(text)) is not None:
        values["age"] = float(age)
    if (text := get("pvid")) and (text := present(text)) is not None:
        if text.isdecimal():
            values["pvid"] = int(text[:9])
        elif text.lower() != "none":
            left["pvid"] = text
    if extra or left:
        values["extra"] = MappingProxyType({**(extra or EMPTY), **left})
    return Neighbor(**values)


MAC_OR_NONE = (None, chassis_id_type("4"))


def _addresses(texts: Sequence[Any]) -> tuple[ManagementAddress, ...]:
    found: dict[ManagementAddress, None] = {}
    for text in texts:
        if isinstance(text, ManagementAddress):
            found[text] = None
        elif (text := present(text)) is not None:
            found[address(text)] = None
    return tuple(found)
