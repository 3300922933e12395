"""Where the kernels and the specification differ: both are fed the same, and the first difference is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..decoder import Decoder as Kernel
from ..errors import DecodeError
from ..events import NOTES, Event
from ..schema import NATIVE
from ..text import quoted
from .decoder import Decoder as Specification
from .kinds import Kind
from .tables import CONTEXT

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["PlainRow", "PlainState", "PlainTemplate", "compare", "rows_of", "states_of", "templates_of"]

MOST_HEX = 16384
"""Octets of datagrams that a report writes out."""

UNSPECIFIED = {"sampling_changed", "output_dropped"}
"""Codes of events about what the specification does not have: rates that options tell, full columns."""

OF_COLUMNS = "values"
"""In the detail of an event about all rows taken."""

SFLOW = [version.to_bytes(4, "big") for version in (2, 4, 5)]
"""How datagrams of sFlow begin."""

TEMPLATED = {"netflow9", "ipfix"}
"""The versions whose exporters are found out to count something else."""

SFLOW_NAME = "sflow"
"""The version that the specification does not have."""

SAMPLING = "RFC 5477"
"""What the clause of such an event names."""


class PlainRow(NamedTuple):
    """One record: what its layout is, its values, and the octets of each of its fields."""

    is_options: bool
    types: tuple[tuple[str, str], ...]  # (name, column type), by name
    values: Mapping[str, Any]
    octets: Mapping[str, bytes | None]


class PlainTemplate(NamedTuple):
    """A template in force; fields are (PEN, id, length, whether scope)."""

    exporter: str | None
    domain: int
    id: int
    is_options: bool
    fields: tuple[tuple[int, int, int, bool], ...]


class PlainState(NamedTuple):
    """What is known of an observation domain: how many templates, Sets that wait, and what its sequence counts."""

    exporter: str | None
    version: str
    domain: int
    templates: int
    pending_sets: int
    unit: str


def rows_of(decoder: Any) -> list[PlainRow]:
    """Take the rows of either decoder, tables and options; those of one layout in order."""
    if isinstance(decoder, Specification):
        return [
            PlainRow(table.layout.is_options, tuple(sorted(table.layout.types.items())), row.values, row.octets)
            for table in decoder.take_tables() + decoder.take_options()
            for row in table
        ]
    rows = []
    for is_options, tables in ((False, decoder.take_tables()), (True, decoder.take_options())):
        for table in tables:
            names = [name for name in table.names if name not in CONTEXT]
            types = tuple(sorted(zip(table.names, (type.name for type in table.layout.types), strict=True)))
            values = table.to_dicts()
            for row, of_row in zip(table, values, strict=True):
                rows.append(PlainRow(is_options, types, of_row, {name: row.raw(name) for name in names}))
    return rows


def templates_of(decoder: Any) -> list[PlainTemplate]:
    """The templates in force of either decoder."""
    if isinstance(decoder, Specification):
        return sorted(
            PlainTemplate(
                each.exporter,
                each.domain,
                each.template.id,
                each.template.is_options,
                tuple((field.pen, field.id, field.length, field.is_scope) for field in each.template.fields),
            )
            for each in decoder.templates()
        )
    return sorted(
        PlainTemplate(
            each.exporter,
            each.domain,
            each.id,
            each.is_options,
            tuple((field.element.pen, field.element.id, field.length, field.is_scope) for field in each.fields),
        )
        for each in decoder.templates()
    )


def states_of(decoder: Any) -> list[PlainState]:
    """The observation domains of either decoder."""
    return sorted(
        PlainState(
            each.exporter,
            each.version,
            each.domain,
            each.templates,
            each.pending_sets,
            each.missed_unit if each.version in TEMPLATED else "",
        )
        for each in decoder.stats()
        if each.domain is not None and each.version != SFLOW_NAME
    )


def compare(
    datagrams: Iterable[tuple[Buffer, Any] | tuple[Buffer, Any, int | None]], *, templates: bool = True, **settings: Any
) -> list[str]:
    """Feed both decoders and say where they differ first, as the lines of a report; nothing if they do not.

    The specification knows neither sFlow, whose datagrams are left out, nor what options tell of
    sampling, nor `Limits.column_octets`.

    Parameters
    ----------
    datagrams : iterable of (octets, exporter[, received_ns])
    templates : bool
        Compare the templates in force and what is known of each domain too, at the end.
    **settings
        Of both decoders: key, transport, malformed, strict, replay, limits, registry.

    Examples
    --------
    >>> compare([(bytes.fromhex("0009 0000"), "192.0.2.1")])
    []
    """
    kernel, specification = Kernel(NATIVE, **settings), Specification(**settings)
    fed: list[tuple[bytes, Any, int | None]] = []
    for each in datagrams:
        buffer, exporter, received_ns = (*each, None)[:3]
        octets = bytes(buffer)
        if octets[:4] in SFLOW:
            continue
        fed.append((octets, exporter, received_ns))
        for line in _differences(_outcome(kernel, fed[-1]), _outcome(specification, fed[-1])):
            return [f"datagram {len(fed) - 1}: {line}", *_report(fed, settings)]
    if templates:
        for line in (
            *_of_state("a template", templates_of(kernel), templates_of(specification)),
            *_of_state("a domain", states_of(kernel), states_of(specification)),
        ):
            return [f"after datagram {len(fed) - 1}: {line}", *_report(fed, settings)]
    return []


class _Outcome(NamedTuple):
    returned: int | None
    raised: tuple[Any, ...] | None
    events: list[Event]
    rows: list[PlainRow]


def _outcome(decoder: Any, datagram: tuple[bytes, Any, int | None]) -> _Outcome:
    """What came of one datagram."""
    returned, raised = None, None
    try:
        returned = decoder.feed(*datagram)
    except DecodeError as error:
        raised = (type(error).__name__, str(error), error.offset, error.clause)
    return _Outcome(returned, raised, decoder.events(), rows_of(decoder))


def _comparable(kernel: list[Event], specification: list[Event]) -> tuple[list[Event], list[Event]]:
    """The events that both can have told; where others have filled the message's count, those before it was full."""
    specified = [event for event in kernel if _is_specified(event)]
    specification = [event for event in specification if _is_specified(event)]
    if len(specified) < len(kernel):
        for place, event in enumerate(specified):
            if event.message == NOTES[Kind.NOTES].message:
                return specified[:place], specification[:place]
    return specified, specification


def _is_specified(event: Event) -> bool:
    return (
        event.code not in UNSPECIFIED
        and not (event.clause or "").startswith(SAMPLING)
        and OF_COLUMNS not in event.detail
    )


def _differences(kernel: _Outcome, specification: _Outcome) -> Iterator[str]:
    """Where two outcomes differ."""
    if kernel.raised != specification.raised:
        yield _told("raised", kernel.raised, specification.raised)
    if kernel.returned != specification.returned:
        yield _told("rows added", kernel.returned, specification.returned)
    told = _comparable(kernel.events, specification.events)
    for place in range(max(map(len, told))):
        mine, theirs = (events[place].to_dict() if place < len(events) else None for events in told)
        if mine != theirs:
            yield _told(f"event {place}", mine, theirs)
    mine_by, theirs_by = _by_layout(kernel.rows), _by_layout(specification.rows)
    for layout in {**theirs_by, **mine_by}:
        mine_rows, their_rows = mine_by.get(layout, []), theirs_by.get(layout, [])
        if len(mine_rows) != len(their_rows):
            yield _told(f"rows of {_shown(layout)}", len(mine_rows), len(their_rows))
        for place, (mine_row, their_row) in enumerate(zip(mine_rows, their_rows, strict=False)):
            for name, value in their_row.values.items():
                if not _same(mine_row.values[name], value):
                    yield _told(f"row {place} of {_shown(layout)}: {name}", mine_row.values[name], value)
            for name, octets in their_row.octets.items():
                if mine_row.octets[name] != octets:
                    yield _told(f"row {place} of {_shown(layout)}: octets of {name}", mine_row.octets[name], octets)


def _of_state(what: str, kernel: Sequence[object], specification: Sequence[object]) -> Iterator[str]:
    for each in kernel:
        if each not in specification:
            yield _told(what, each, None)
    for each in specification:
        if each not in kernel:
            yield _told(what, None, each)


def _by_layout(rows: list[PlainRow]) -> dict[Any, list[PlainRow]]:
    grouped: dict[Any, list[PlainRow]] = {}
    for row in rows:
        grouped.setdefault((row.is_options, row.types), []).append(row)
    return grouped


def _same(one: Any, other: Any) -> bool:
    """Equal, of the same type, or both not a number."""
    return type(one) is type(other) and (one == other or (one != one and other != other))


def _told(what: str, kernel: object, specification: object) -> str:
    return f"{what}: kernel {quoted(kernel)}, specification {quoted(specification)}"


def _shown(layout: Any) -> str:
    is_options, types = layout
    fields = ", ".join(f"{name} {type}" for name, type in types if name not in CONTEXT)
    return f"{'options' if is_options else 'data'} ({fields})"


def _report(fed: list[tuple[bytes, Any, int | None]], settings: Mapping[str, Any]) -> Iterator[str]:
    """How to see it again."""
    yield f"settings: {dict(settings)!r}"
    if sum(len(octets) for octets, _, _ in fed) > MOST_HEX:
        yield f"the last of {len(fed)} datagrams:"
        fed = fed[-1:]
    for octets, exporter, received_ns in fed:
        yield f"{exporter!r} {received_ns!r} {octets.hex()}"
