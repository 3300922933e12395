"""What the keys of sflowtool's text mean: `registry/sflow.tsv` and `registry/sflowtool.tsv`, joined for the kernel.

A form is what can be open while lines come: the datagram, a sample, or a structure. Its fields stand
in wire order, and each key says which field it fills and how its value is printed.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from .._textkeys import DATAGRAM_SLOTS, SAMPLE_SLOTS, Keys
from ..registry import rows
from ..sflow.old import since
from ..sflow.structures import COUNTER, FLOW, Structure, part, structures

__all__ = ["Form", "Key", "compiled", "forms_and_keys", "slot_names"]

WIDTHS = {
    "u8": 1, "u32": 4, "i32": 4, "f32": 4, "pct": 4, "ip4": 4, "u64": 8, "f64": 8, "mac": 8, "ip6": 16, "uuid": 16,
}  # fmt: skip
"""Octets of a type on the wire; any other is as long as it says itself."""
MARKERS = {"start_datagram", "end_datagram", "start_sample", "end_sample", "flow", "counter", "skipping"}
ITEMS = {"begin", "set", "push"}
SPECIAL = {"-": -1, "title": -2, "type": -3, "length": -4}
"""What a key is that fills no field, as `_textstate` numbers it."""
FIXED = ("datagram", "sample", "nothing")


class Form(NamedTuple):
    """What `_textkeys.Keys` takes: octets of the fields and the first version that has them, and what is a list."""

    mark: str
    enterprise: int
    format: int
    widths: tuple[int, ...]
    since: tuple[int, ...]
    as_path: int
    item_octets: int
    title: bytes | None


class Key(NamedTuple):
    """What `_textkeys.Keys` takes: the index of a form or None, and what the key means in it."""

    form: int | None
    key: bytes
    mark: str
    kind: str
    slot: int


class _Rows:
    """The rows of `sflowtool.tsv` by where they hold."""

    def __init__(self) -> None:
        self.by_place: dict[str, list[tuple[str, str, str]]] = {}
        for where, key, type, field in rows("sflowtool.tsv"):
            self.by_place.setdefault(where, []).append((key, type, field))

    def of(self, where: str) -> list[tuple[str, str, str]]:
        return self.by_place.get(where, [])


def _place(structure: Structure) -> str:
    return f"{structure.kind} {structure.enterprise}:{structure.format}"


def _fields(structure: Structure, table: _Rows) -> list[tuple[str, str, str | None]]:
    """(name, type, key) of each field as sflowtool sees them."""
    fields = [(field.name, field.type, field.text) for field in structure.fields]
    for _, type, other in table.of(_place(structure)):
        if type == "as":
            kind = other.partition(" ")[0]
            inner = next(
                each for each in structures(FLOW if kind == FLOW else COUNTER).values() if _place(each) == other
            )
            fields[-1:] = [(field.name, field.type, field.text) for field in inner.fields]
    return fields


def _item_octets(type: str) -> int:
    """The fixed octets of an item of a list of structures; 0 for any other type."""
    if not type.endswith("[]") or type in ("u32[]", "i32[]", "mac[]"):
        return 0
    return sum(WIDTHS.get(field.type, 4) for field in part(type[:-2]).fields)


def _plain(names: tuple[str, ...]) -> tuple[tuple[int, ...], tuple[int, ...], int, int, None]:
    return (0,) * len(names), (0,) * len(names), -1, 0, None


def _keys_of(index: int, structure: Structure, table: _Rows) -> list[Key]:
    fields = _fields(structure, table)
    slots = {name: slot for slot, (name, _, _) in enumerate(fields)}
    keys = {
        text: Key(index, text.encode(), "field", type, slots[name]) for name, type, text in fields if text is not None
    }
    for key, type, field in table.of(_place(structure)):
        if type == "as":
            for inner_key, inner_type, _ in table.of(field):
                keys[inner_key] = Key(index, inner_key.encode(), "field", inner_type, -1)
            continue
        mark, _, kind = type.rpartition(" ")
        if mark in ITEMS:
            keys[key] = Key(index, key.encode(), mark, kind, int(field))
        else:
            keys[key] = Key(index, key.encode(), "field", type, SPECIAL[field] if type == "skip" else slots[field])
    return list(keys.values())


def _keys_at(index: int | None, where: str, slots: tuple[str, ...], table: _Rows) -> list[Key]:
    keys = []
    for key, type, field in table.of(where):
        mark, _, kind = type.rpartition(" ")
        if mark == "metric":
            keys.append(Key(index, key.encode(), mark, kind, -1 if field == "-" else int(field)))
        elif type in MARKERS:
            keys.append(Key(index, key.encode(), type, "skip", -1))
        else:
            slot = SPECIAL[field] if type == "skip" else slots.index(field)
            keys.append(Key(index, key.encode(), "field", type, slot))
    return keys


@cache
def _printed() -> tuple[Structure, ...]:
    """The structures that sflowtool prints fields of; the others it skips."""
    every = [*structures(FLOW).values(), *structures(COUNTER).values()]
    table = _Rows()
    return tuple(each for each in every if any(text for _, _, text in _fields(each, table)) or table.of(_place(each)))


@cache
def forms_and_keys() -> tuple[tuple[Form, ...], tuple[Key, ...]]:
    """Every form and every key."""
    table = _Rows()
    forms = [
        Form("field", 0, 0, *_plain(DATAGRAM_SLOTS)),
        Form("field", 0, 0, *_plain(SAMPLE_SLOTS)),
        Form("field", 0, 0, *_plain(())),
    ]
    keys = [
        *_keys_at(0, "datagram", DATAGRAM_SLOTS, table),
        *_keys_at(1, "sample", SAMPLE_SLOTS, table),
        *_keys_at(None, "anywhere", (), table),
    ]
    for index, structure in enumerate(_printed(), len(FIXED)):
        fields = _fields(structure, table)
        widths = tuple(WIDTHS.get(type, 0) for _, type, _ in fields)
        title = None if structure.text is None else structure.text.encode()
        last = _item_octets(fields[-1][1]) if fields else 0
        versions = tuple(since(structure, name) for name, _, _ in fields)
        as_path = next((slot for slot, (_, type, _) in enumerate(fields) if type == "aspath"), -1)
        tag = (structure.kind, structure.enterprise, structure.format)
        forms.append(Form(*tag, widths, versions, as_path, last, title))
        keys.extend(_keys_of(index, structure, table))
    return tuple(forms), tuple(keys)


@cache
def compiled() -> Keys:
    """All of it as the kernel uses it."""
    return Keys(*forms_and_keys())


@cache
def slot_names() -> dict[tuple[str, int, int], tuple[str, ...]]:
    """The names of the fields of each structure that the text tells, by (kind, enterprise, format)."""
    table = _Rows()
    return {
        (each.kind, each.enterprise, each.format): tuple(name for name, _, _ in _fields(each, table))
        for each in _printed()
    }
