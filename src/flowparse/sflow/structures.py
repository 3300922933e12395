"""The structures of sFlow records: `registry/sflow.tsv`, read once.

A structure is told by its kind (flow, counter or sample), enterprise and format, never by the format alone.
Its fields stand in wire order; their types are listed at the top of the file. Structures may have
grown since, and agents may send the older, shorter form (sFlow version 5, "Extending sFlow"): the
length of a record is on the wire, not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal

from ..registry import rows

__all__ = ["COUNTER", "FLOW", "SAMPLE", "Structure", "StructureField", "every", "find", "part", "structures"]

Kind = Literal["flow", "counter", "sample"]
FLOW: Kind = "flow"
COUNTER: Kind = "counter"
SAMPLE: Kind = "sample"


@dataclass(frozen=True, slots=True)
class StructureField:
    """A field of a structure.

    Attributes
    ----------
    name : str
    type : str
        As listed at the top of `registry/sflow.tsv`; `X[]` is a counted list of X.
    text : str or None
        The key under which sflowtool prints it.
    """

    name: str
    type: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Structure:
    """What a record of one (kind, enterprise, format) holds.

    Attributes
    ----------
    kind : {"flow", "counter", "sample", "part", "unknown"}
        A "sample" is one of sFlow-RT's, or what the table of such samples has of their heads; "unknown" is
        the table of structures that nothing is known of; a "part" is an item of a list in another
        structure and has no tag.
    enterprise, format : int
        The tag; 0 and 0 for a part.
    name : str
        As its document calls it.
    fields : tuple of StructureField
        In wire order.
    text : str or None
        The line with which sflowtool begins it, such as "flowSampleType HEADER".
    source : str
        The document that defines it.
    names : tuple of str
        Those of the fields.
    """

    kind: str
    enterprise: int
    format: int
    name: str
    fields: tuple[StructureField, ...]
    text: str | None
    source: str
    names: tuple[str, ...]


def structures(kind: Kind) -> Mapping[tuple[int, int], Structure]:
    """Every structure of a kind by (enterprise, format), in the order of the file.

    Examples
    --------
    >>> structures("counter")[0, 1001].names
    ('5s_cpu', '1m_cpu', '5m_cpu', 'total_memory_bytes', 'free_memory_bytes')
    """
    return _tables()[kind]


def find(kind: Kind, enterprise: int, format: int) -> Structure | None:
    """The structure of a tag, or None when nothing is known of it.

    Examples
    --------
    >>> find("flow", 0, 1).name, find("flow", 9, 1)
    ('sampled_header', None)
    """
    return _tables()[kind].get((enterprise, format))


def part(name: str) -> Structure:
    """The structure of the items of a list, such as "sfp_lane"."""
    return _parts()[name]


@cache
def every() -> tuple[Structure, ...]:
    """All of them, of every kind, in the order of the file."""
    found: list[tuple[list[str], list[StructureField]]] = []
    for cells in rows("sflow.tsv"):
        _, _, name, type, text, _ = cells
        if type == "structure":
            found.append((cells, []))
        else:
            found[-1][1].append(StructureField(name, type, None if text == "-" else text))
    return tuple(_structure(cells, tuple(fields)) for cells, fields in found)


def _structure(cells: list[str], fields: tuple[StructureField, ...]) -> Structure:
    kind, tag, name, _, text, source = cells
    enterprise, _, format = ("0:0" if tag == "-" else tag).partition(":")
    return Structure(
        kind,
        int(enterprise),
        int(format),
        name,
        fields,
        None if text == "-" else text,
        source,
        tuple(field.name for field in fields),
    )


@cache
def _tables() -> Mapping[str, Mapping[tuple[int, int], Structure]]:
    return MappingProxyType(
        {
            kind: MappingProxyType({(s.enterprise, s.format): s for s in every() if s.kind == kind})
            for kind in (FLOW, COUNTER, SAMPLE)
        }
    )


@cache
def _parts() -> Mapping[str, Structure]:
    return MappingProxyType({s.name: s for s in every() if s.kind == "part"})
