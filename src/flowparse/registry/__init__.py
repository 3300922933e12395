"""Information Elements by number and by name (RFC 7012), and the names of their values.

The facts are TSV files beside this module: `elements/<pen>_<name>.tsv` for each enterprise (0 is
IANA), `enums/<table>.tsv` for each table of value names. A file is read once, when an element of
its enterprise is asked for; a name that is not IANA's makes all of them be read. Three things are
rules instead of rows: reverse elements (RFC 5103), where NetFlow v9 puts the elements of
enterprises, and `MISSENT`. A `Registry` never changes; `with_elements` makes another.

Not here: the columns of the flow view (`flow.tsv`), which `plan` joins to elements.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from types import MappingProxyType
from typing import Any

from ..datatypes import DATA_TYPES
from ..errors import RegistryError
from ..text import no_such

__all__ = ["Element", "Registry", "element", "elements", "names"]

IANA = 0
CISCO = 9
REVERSE = 29305  # RFC 5103 section 6.1
NTOP = 35632
NETFLOW9 = 4294967295  # reserved (RFC 9371), so free to stand for v9 field types that IANA does not have
NTOP_V9_BASE = 57472  # nProbe counts its own elements from here in v9
MISSENT = {12326: 10704}  # Barracuda firewalls send the first and mean the second

COLUMNS = ("pen", "id", "name", "type", "semantics", "units", "enum", "status")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
PEN_ID = re.compile(r"([0-9]{1,10})/([0-9]{1,5})")
IESPEC = re.compile(r"(?P<name>[^(]+)\((?:(?P<pen>\d+)/)?(?P<id>\d+)\)<(?P<type>\w+)>(?:\[(?:\d+|v)\])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Element:
    """An Information Element.

    Attributes
    ----------
    pen, id : int
        Private Enterprise Number (0 is IANA) and element identifier.
    name : str
    type : str
        Abstract data type (RFC 7012 section 3.1), a key of `datatypes.DATA_TYPES`.
    semantics, units : str or None
        As IANA spells them.
    reverse : bool
        Whether it was made from an IANA element by RFC 5103.
    enum : str or None
        The table that names its values, for `names`.

    Examples
    --------
    >>> print(element("octetDeltaCount"))
    octetDeltaCount(1)<unsigned64>
    >>> print(element((9, 12235)))
    ciscoAppHTTPHost(9/12235)<string>
    """

    pen: int
    id: int
    name: str
    type: str
    semantics: str | None = None
    units: str | None = None
    reverse: bool = False
    enum: str | None = None

    def __str__(self) -> str:
        """The element as an IESpec (RFC 7013 section 10.1), which `with_elements` reads."""
        number = f"{self.pen}/{self.id}" if self.pen else f"{self.id}"
        return f"{self.name}({number})<{self.type}>"


class Registry:
    """The elements of the package and of the caller; immutable, picklable, equal by content.

    A name may be in use twice: IANA's is the one that is meant, then its reverse, then that of
    the lowest PEN and id. The pair (pen, id) is never ambiguous.

    Examples
    --------
    >>> registry = Registry.default().with_elements("roomTemperature(99999/1)<signed16>")
    >>> registry.element("roomTemperature").pen
    99999
    >>> registry.find(29305, 1).name
    'reverseOctetDeltaCount'
    """

    __slots__ = ("_added", "_tables")

    def __init__(self, added: Iterable[Element] = ()) -> None:
        """Use `with_elements`, which says no to what cannot be; this takes what is right already."""
        self._added: dict[int, dict[int, Element]] = {}
        self._tables: dict[int, dict[int, Element]] = {}
        for element in added:
            self._added.setdefault(element.pen, {})[element.id] = element

    @classmethod
    def default(cls) -> Registry:
        """The elements of the package, one object for all who ask."""
        return _default()

    def __eq__(self, other: object) -> bool:
        return self._added == other._added if isinstance(other, Registry) else NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset(self._own()))

    def __reduce__(self) -> tuple[type[Registry], tuple[tuple[Element, ...]]]:
        return Registry, (tuple(self._own()),)

    def __repr__(self) -> str:
        own = len(list(self._own()))
        return f"<Registry with {own} elements of its own>" if own else "<Registry>"

    def _own(self) -> Iterator[Element]:
        return (element for table in self._added.values() for element in table.values())

    def _table(self, pen: int) -> dict[int, Element]:
        """What is known of one enterprise, by id."""
        table = self._tables.get(pen)
        if table is None:
            if pen == REVERSE:
                table = {id: _reversed(forward) for id, forward in self._table(IANA).items()}
            else:
                table = _packaged(pen) | self._added.get(pen, {})
            # Bounds: an unknown PEN is a sender's word and leaves nothing behind.
            if table:
                self._tables[pen] = table
        return table

    def _in_order(self) -> Iterator[Element]:
        """Every element, in the order in which a name is looked for."""
        yield from self._table(IANA).values()
        yield from self._table(REVERSE).values()
        for pen in sorted({*_files(), *self._added} - {IANA, REVERSE}):
            table = self._table(pen)
            yield from (table[id] for id in sorted(table))

    def find(self, pen: int, id: int) -> Element | None:
        """The element with this number, or None. PEN 29305 gives the reverse of IANA's (RFC 5103)."""
        return self._table(pen).get(id)

    def v9(self, id: int) -> Element | None:
        """The element that a NetFlow v9 field type means, or None.

        v9 has no enterprise bit. Up to 127 IANA took over v9's numbers (RFC 7012 section 4). Above,
        the rows of `4294967295_netflow9.tsv` come first; else IANA below 32768, Cisco's `id - 32768`
        below 57472, and ntop's `id - 57472` from there.

        Examples
        --------
        >>> print(Registry.default().v9(45003), Registry.default().v9(57590))
        ciscoAppHTTPHost(9/12235)<string> l7_proto(35632/118)<unsigned64>
        """
        if id < 128:
            return self.find(IANA, id)
        own = self.find(NETFLOW9, id)
        if own is not None:
            return own
        if id < 0x8000:
            return self.find(IANA, id)
        return self.find(CISCO, id - 0x8000) if id < NTOP_V9_BASE else self.find(NTOP, id - NTOP_V9_BASE)

    def v9_scope(self, id: int) -> Element | None:
        """The element of a NetFlow v9 scope field type (RFC 3954 section 6.1), 1 to 5, or None."""
        return self.find(NETFLOW9, id) if id < 128 else None

    def unknown(self, pen: int, id: int) -> Element:
        """An element for a number that nothing is known of: octets, named after the number."""
        return Element(pen, id, f"ie_{pen}_{id}", "octetArray", reverse=pen == REVERSE)

    def element(self, key: str | int | tuple[int, int]) -> Element:
        """The element called, or numbered, `key`.

        Parameters
        ----------
        key : str or int or (int, int)
            "octetDeltaCount", "9/12235", an IANA id, or (pen, id).

        Raises
        ------
        KeyError
            Nothing is called so; the message has near names.
        """
        if isinstance(key, int):
            found = self.find(IANA, key)
        elif isinstance(key, tuple):
            found = self.find(*key)
        elif number := PEN_ID.fullmatch(key):
            found = self.find(int(number[1]), int(number[2]))
        else:
            found = next((element for element in self._in_order() if element.name == key), None)
        if found is None:
            raise KeyError(no_such("element", key, (element.name for element in self._in_order())))
        return found

    def elements(self, pattern: str = "") -> list[Element]:
        """The elements with names like `pattern`, sorted by (pen, id).

        Parameters
        ----------
        pattern : str
            A part of the name, or a glob if it has one of ``*?[``; upper and lower case are one.
        """
        folded = pattern.lower()
        glob = folded if any(sign in folded for sign in "*?[") else f"*{folded}*"
        found = (element for element in self._in_order() if fnmatchcase(element.name.lower(), glob))
        return sorted(found, key=lambda element: (element.pen, element.id))

    def with_elements(self, elements: Iterable[Element] | str) -> Registry:
        """A registry that also has `elements`.

        Parameters
        ----------
        elements : iterable of Element, or str
            The text has an element a line: a row with the columns of the package's files, split by
            tabs, or an IESpec ``name(pen/id)<type>[size]`` (RFC 7013 section 10.1). Blank lines,
            `#` comments and the header row are passed over. A size is read and not kept: how long
            a field is, is for its template to say.

        Raises
        ------
        RegistryError
            With `line`, counted from 1 (or the place in the iterable): a name, number, type,
            semantics, unit or table that cannot be; an element given twice; an element of IANA's
            that is there already, or one of PEN 29305, which follow from IANA's. Elements of
            enterprises may be replaced, and ids that IANA has assigned since may be added.
        """
        given = _parse(elements) if isinstance(elements, str) else enumerate(elements, 1)
        new: dict[tuple[int, int], Element] = {}
        for line, element in given:
            problem = _problem(element)
            if (element.pen, element.id) in new:
                problem = f"{element} is given twice"
            elif element.pen == IANA and element.id in _packaged(IANA):
                problem = f"{element} would replace {_packaged(IANA)[element.id]} of IANA"
            if problem:
                raise RegistryError(f"line {line}: {problem}", line=line)
            new[element.pen, element.id] = element
        return Registry([*self._own(), *new.values()])


def element(key: str | int | tuple[int, int]) -> Element:
    """`Registry.element` of the default registry.

    Examples
    --------
    >>> element("protocolIdentifier").id, element("9/12235").type
    (4, 'string')
    """
    return _default().element(key)


def elements(pattern: str = "") -> list[Element]:
    """`Registry.elements` of the default registry.

    Examples
    --------
    >>> [element.name for element in elements("scope*")]
    ['scopeSystem', 'scopeInterface', 'scopeLineCard', 'scopeCache', 'scopeTemplate']
    """
    return _default().elements(pattern)


@cache
def names(table: str) -> Mapping[int, str]:
    """The names of values; values without a name of their own are not in it.

    Parameters
    ----------
    table : str
        Such as "protocol", "ethertype" or an element's `enum`. A table that ends in `_bits` is by
        bit number, 0 the least significant.

    Raises
    ------
    KeyError
        There is no such table; the message has near names.

    Examples
    --------
    >>> names("protocol")[6], names("flow_end_reason")[2]
    ('TCP', 'active timeout')
    """
    try:
        named = rows("enums", f"{table}.tsv") if table.isidentifier() else []
    except OSError:
        named = []
    if not named:
        raise KeyError(no_such("table", table, _tables())) from None
    return MappingProxyType({int(value, 0): name for value, name in named})


def _reversed(forward: Element) -> Element:
    name = f"reverse{forward.name[0].upper()}{forward.name[1:]}"
    return replace(forward, pen=REVERSE, name=name, reverse=True)


def _from_cells(cells: list[str]) -> Element:
    pen, id, name, type, semantics, units, enum, _ = cells
    return Element(int(pen), int(id), name, type, semantics or None, units or None, False, enum or None)


def _parse(text: str) -> Iterator[tuple[int, Element]]:
    """The line number and element of each line that has one."""
    for at, line in enumerate(text.splitlines(), 1):
        cells = line.split("\t")
        if not line.strip() or line.startswith("#") or tuple(cells) == COLUMNS:
            continue
        try:
            if len(cells) == len(COLUMNS):
                yield at, _from_cells(cells)
            elif spec := IESPEC.fullmatch(line.strip()):
                yield at, Element(int(spec["pen"] or IANA), int(spec["id"]), spec["name"], spec["type"])
            else:
                raise ValueError(f"neither {len(COLUMNS)} tab-separated columns nor an IESpec")
        except ValueError as error:
            raise RegistryError(f"line {at}: {error}: {line!r}", line=at) from None


def _problem(element: Element) -> str | None:
    """Why this cannot be an element, or None."""
    if not NAME.fullmatch(element.name):
        return f"the name {element.name!r} is not of letters, digits and underscores"
    if not 0 <= element.pen <= NETFLOW9:
        return f"PEN {element.pen} is not from 0 to {NETFLOW9}"
    last = 0xFFFF if element.pen == NETFLOW9 else 0x7FFF
    if not 0 <= element.id <= last:
        return f"id {element.id} is not from 0 to {last}"
    if element.pen == REVERSE or element.reverse:
        return f"{element} is a reverse element; they follow from IANA's (RFC 5103)"
    if element.type not in DATA_TYPES:
        return f"{element.type!r} is not an abstract data type (RFC 7012 section 3.1)"
    for word, table in (
        (element.semantics, "information_element_semantics"),
        (element.units, "information_element_units"),
    ):
        if word is not None and word not in names(table).values():
            return f"{word!r} is not in {table}"
    if element.enum is not None and element.enum not in _tables():
        return f"there is no table {element.enum!r}"
    return None


# ---- package data: the only reads there are ------------------------------------------------------


def rows(*path: str) -> list[list[str]]:
    """The cells of a TSV file below this package, row by row, less comments and the header."""
    # The loader itself: importlib.resources would import zipfile first, which takes longer than all else here.
    loader: Any = __spec__.loader
    lines = loader.get_data("/".join((*__path__, *path))).decode("ascii").splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")][1:]


def _stems(folder: str) -> list[str]:
    from importlib.resources import files  # noqa: PLC0415  as above

    return sorted(entry.name.removesuffix(".tsv") for entry in (files(__name__) / folder).iterdir())


@cache
def _files() -> dict[int, str]:
    """PEN to file."""
    return {int(stem.partition("_")[0]): f"{stem}.tsv" for stem in _stems("elements")}


@cache
def _tables() -> frozenset[str]:
    return frozenset(_stems("enums"))


def _packaged(pen: int) -> dict[int, Element]:
    """The elements of an enterprise's file, by id; empty when it has none."""
    pen = MISSENT.get(pen, pen)
    if pen == IANA:
        return _load("0_iana.tsv")  # without a look at what others there are
    return _load(_files()[pen]) if pen in _files() else {}


@cache
def _load(file: str) -> dict[int, Element]:
    return {element.id: element for element in map(_from_cells, rows("elements", file))}


@cache
def _default() -> Registry:
    return Registry()
