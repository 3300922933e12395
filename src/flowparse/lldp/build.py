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

from .records import EMPTY, ManagementAddress, Neighbor, PortIdType, Protocol, Source, made
from .values import address, capabilities, chassis_id_type, mac, port_id_type, present, seconds, short_mac

__all__ = ["FIELDS", "Note", "fields_of", "neighbor"]

Note = Callable[[str, str], None]
"""Called with a text and why it is of note; the row stands."""

DOTS = re.compile(r"\s*(?:\.\.\.|…)$")
FIELDS = frozenset(
    (
        "local_interface",
        "chassis_id",
        "chassis_id_type",
        "port_id",
        "port_id_type",
        "port_description",
        "system_name",
        "system_description",
        "capabilities",
        "capabilities_enabled",
        "management_address",
        "ttl",
        "ttl_left",
        "age",
        "pvid",
        "parent_interface",
        "platform",
    )
)
"""The names that a reader may use; all values are text, `management_address` a list of text."""


@cache
def fields_of(where: str) -> dict[str, str]:
    """One part of `fields.tsv`: squashed word -> field."""
    rows = files(__package__).joinpath("fields.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return {word: field for of, word, field in (row.split("\t") for row in rows) if of == where}


def neighbor(
    cells: Mapping[str, Any],
    device: str | None,
    source: Source,
    note: Note,
    protocol: Protocol = Protocol.LLDP,
    letters: str = "lldp",
    truncated: bool = False,
    extra: Mapping[str, str] | None = None,
) -> Neighbor:
    """A record of what is in `cells` (see `FIELDS`); blank and absent are the same."""
    values: dict[str, Any] = {"local_device": device, "local_interface": "", "source": source}
    if protocol is not LLDP:
        values["protocol"] = protocol
    left: dict[str, str] = {}
    for field, written in cells.items():
        text = written
        if not text:
            continue
        if field == "local_interface":
            values[field] = text
        elif field == "system_name":
            if text[0] not in SURE and (text := present(text)) is None:
                continue
            if text[-1] in ".…" and (cut := DOTS.sub("", text)) != text:
                text, truncated = cut, True
            values[field] = text
            if truncated:
                values["system_name_truncated"] = True
        elif field == "port_id":
            if text[0] in SURE or (text := present(text)) is not None:
                _put_port(text, cells.get("port_id_type"), values)
        elif field == "capabilities_enabled" or field == "capabilities":
            found, unknown = capabilities(text, letters)
            if found:
                values[field] = found
            if unknown:
                left[field] = text
                note(text, f"a capability that is not known: {', '.join(unknown)}")
        elif field == "ttl" or field == "age" or field == "ttl_left":
            _put_seconds(field, text, values)
        elif field == "management_address":
            values["management_addresses"] = _addresses([text] if isinstance(text, str) else text)
        elif field != "chassis_id_type" and field != "port_id_type":
            if text[0] not in SURE and (text := present(text)) is None:
                continue
            if field == "chassis_id":
                _put_chassis(text, cells.get("chassis_id_type"), values)
            elif field == "pvid":
                if text.isdecimal():
                    values[field] = int(text[:9])
                elif text.lower() != "none":
                    left[field] = text
            else:
                values[field] = text
    if extra or left:
        values["extra"] = MappingProxyType({**(extra or EMPTY), **left})
    return made(values)


LLDP = Protocol.LLDP
SURE = frozenset("abcdefghijklmopqrstvwxyzABCDEFGHIJKLMOPQRSTVWXYZ0123456789")
"""What a text that says something starts with; "not advertised", "N/A", "unsupported" and signs need a look."""
MAC_LENGTHS = frozenset((13, 14, 17))


def _put_seconds(field: str, text: str, values: dict[str, Any]) -> None:
    found = int(text) if text.isdecimal() and len(text) < 10 else seconds(text)
    if found is None:
        return
    if field == "age":
        values["age"] = float(found)
    elif field == "ttl" or "ttl" not in values:
        values["ttl"] = found


def _put_port(text: str, type_text: str | None, values: dict[str, Any]) -> None:
    if type_text is None and len(text) not in MAC_LENGTHS:
        values["port_id"] = text
        return
    kind = port_id_type(type_text) if type_text else None
    if kind is PortIdType.MAC_ADDRESS:
        text = mac(text, bare=True) or short_mac(text) or text
    elif kind is None and len(text) in MAC_LENGTHS:
        text = mac(text) or text
    values["port_id"] = text
    if kind is not None:
        values["port_id_type"] = kind


def _put_chassis(text: str, type_text: str | None, values: dict[str, Any]) -> None:
    kind = chassis_id_type(type_text) if type_text else None
    if kind in MAC_OR_NONE:
        text = mac(text, bare=True) or (short_mac(text) if kind is not None else None) or text
    values["chassis_id"] = text
    if kind is not None:
        values["chassis_id_type"] = kind


MAC_OR_NONE = (None, chassis_id_type("4"))


def _addresses(texts: Sequence[Any]) -> tuple[ManagementAddress, ...]:
    found: dict[ManagementAddress, None] = {}
    for text in texts:
        if isinstance(text, ManagementAddress):
            found[text] = None
        elif (text := present(text)) is not None:
            found[address(text)] = None
    return tuple(found)
