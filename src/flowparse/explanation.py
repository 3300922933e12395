"""explain: every octet of a datagram by name, and why anything of it was refused.

It goes by the executable specification (`reference`), so that what it says is what the RFC text says,
and not what the kernels do. It is for people; use `Decoder` to decode.

NetFlow v1, v5, v7, v9 and IPFIX. Not here: sFlow, and what stands in a sampled packet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from . import registry as facts
from .events import Event
from .limits import Limits
from .reference import Decoder
from .reference import fixed as fixed_formats
from .reference.message import TEMPLATE_SETS
from .reference.templates import Definition, Template, Withdrawal, read_templates
from .reference.values import value
from .reference.wire import HEADERS, VARIABLE, Damage, FieldSpecifier, SetSpan, read_header, read_records, read_sets
from .registry import Registry
from .state import unpack
from .text import html, time_text, visible

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Explanation", "Part", "explain", "messages_of", "octets_of", "parts_of"]

SHOWN_OCTETS = 16
UNREAD = "octetArray"
ALARM = ";color:#b00"
HEADER_FIELDS: Mapping[int, tuple[tuple[str, int, str], ...]] = {
    1: (
        *(("version", 2, ""), ("count", 2, "records"), ("sysUpTime", 4, "ms"), ("unix_secs", 4, "s")),
        ("unix_nsecs", 4, "ns"),
    ),
    5: (
        *(("version", 2, ""), ("count", 2, "records"), ("sysUpTime", 4, "ms"), ("unix_secs", 4, "s")),
        *(("unix_nsecs", 4, "ns"), ("flow_sequence", 4, "flows"), ("engine_type", 1, ""), ("engine_id", 1, "")),
        ("sampling_interval", 2, "mode in 2 bits, interval in 14"),
    ),
    7: (
        *(("version", 2, ""), ("count", 2, "records"), ("sysUpTime", 4, "ms"), ("unix_secs", 4, "s")),
        *(("unix_nsecs", 4, "ns"), ("flow_sequence", 4, "flows"), ("reserved", 4, "")),
    ),
    9: (
        *(("Version", 2, ""), ("Count", 2, "records"), ("sysUpTime", 4, "ms"), ("UNIX Secs", 4, "s")),
        *(("Sequence Number", 4, "messages"), ("Source ID", 4, "")),
    ),
    10: (
        *(("Version Number", 2, ""), ("Length", 2, "octets"), ("Export Time", 4, "s")),
        *(("Sequence Number", 4, "data records"), ("Observation Domain ID", 4, "")),
    ),
}  # fmt: skip
VERSIONS_OF_PROTOCOLS = {3: 9, 4: 10}  # events.PROTOCOLS
PEOPLE_SAY = {1: "NetFlow v1", 5: "NetFlow v5", 7: "NetFlow v7", 9: "NetFlow v9", 10: "IPFIX"}
TIMES = {"dateTimeSeconds", "dateTimeMilliseconds", "dateTimeMicroseconds", "dateTimeNanoseconds"}


@dataclass(frozen=True, slots=True)
class Part:
    """Some octets and what they are.

    Attributes
    ----------
    offset, length : int
    depth : int
        0 for headers and Sets, 1 for records, 2 for fields; more within lists (RFC 6313).
    name, value, note : str
    type : str
        The abstract data type of a field (RFC 7012 section 3.1), octetArray of what is not read; empty
        of what frames.
    """

    offset: int
    length: int
    depth: int
    name: str
    value: str = ""
    note: str = ""
    type: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What `explain` found; `str()` and Jupyter show it.

    Attributes
    ----------
    octets : bytes
    parts : tuple of Part
        In wire order. Those without a `value` are headings of the parts below them; the others
        cover every octet once.
    events : tuple of Event
        What a lenient decoder has to say.
    """

    octets: bytes
    parts: tuple[Part, ...]
    events: tuple[Event, ...]

    def lines(self) -> Iterator[tuple[str, str, str]]:
        """(offset and length, octets, words) of each part, and the events where they belong."""
        told = sorted(self.events, key=lambda event: (event.offset is None, event.offset))
        for part in self.parts:
            while told and told[0].offset is not None and told[0].offset < part.offset:
                yield "", "", f"! {told.pop(0).message}"
            shown = self.octets[part.offset : part.offset + part.length] if part.value else b""
            octets = shown[:SHOWN_OCTETS].hex(" ") + (" ..." if len(shown) > SHOWN_OCTETS else "")
            words = "  " * part.depth + part.name + (f" = {part.value}" if part.value else "")
            yield f"{part.offset:5} +{part.length}", octets, words + (f"  ({part.note})" if part.note else "")
        for event in told:
            yield "", "", f"! {event.message}"

    def __str__(self) -> str:
        return "\n".join(f"{where:12} {octets:52} {words}".rstrip() for where, octets, words in self.lines())

    def __repr__(self) -> str:
        return f"<Explanation of {len(self.octets)} octets: {len(self.parts)} parts, {len(self.events)} events>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html(where)}</td><td><code>{html(octets, None)}</code></td>"
            f'<td style="white-space:pre{ALARM if words.startswith("! ") else ""}">{html(words, None)}</td></tr>'
            for where, octets, words in self.lines()
        )
        return f'<table style="text-align:left"><tr><th>offset</th><th>octets</th><th>what</th></tr>{rows}</table>'


def explain(
    datagram: Buffer,
    *,
    state: Buffer | None = None,
    templates: Iterable[Buffer] = (),
    registry: Registry | None = None,
) -> Explanation:
    """Name every octet of a datagram.

    Parameters
    ----------
    datagram : buffer of octets
    state : buffer of octets, optional
        What `Decoder.export_state` or `scan_templates` returned. Of exporters that define a template otherwise in the
        same domain, the definition seen last holds.
    templates : iterable of buffers of octets, optional
        Datagrams of the same exporter that came before, for their templates.
    registry : Registry, optional
        Elements beyond those of the package.

    Returns
    -------
    Explanation

    Raises
    ------
    StateError
        The state is none, or damaged.

    Examples
    --------
    >>> print(explain(bytes.fromhex("000a0010 6553f100 00000007 00000001")))
        0 +16                                                         IPFIX message
        0 +2     00 0a                                                  Version Number = 10
        2 +2     00 10                                                  Length = 16  (octets)
        4 +4     65 53 f1 00                                            Export Time = 1700000000  (s)
        8 +4     00 00 00 07                                            Sequence Number = 7  (data records)
       12 +4     00 00 00 01                                            Observation Domain ID = 1
                                                                      ! the message holds no Set
    """
    octets = octets_of(datagram)
    elements = registry or Registry.default()
    decoder = Decoder(malformed="salvage", replay=False, transport="file", registry=elements)
    for earlier in (*_messages_before(state, octets), *templates):
        decoder.feed(bytes(earlier), "")
    decoder.events()
    known = {each.template.id: each.template for each in decoder.templates() if _is_of(each, octets)}
    events = tuple(decoder.decode(octets, "").events)
    return Explanation(octets, tuple(parts_of(octets, known, elements)), events)


def octets_of(datagram: Buffer) -> bytes:
    """A datagram as bytes; what `bytes` would make octets of by mistake is refused."""
    if isinstance(datagram, str | int):
        raise TypeError(f"a datagram is octets, not {type(datagram).__name__}")
    return bytes(datagram)


def _messages_before(state: Buffer | None, octets: bytes) -> Iterator[bytes]:
    """A message for each template of a state that the datagram may be decoded by."""
    try:
        header = read_header(octets)
    except Damage:
        unpack(state) if state is not None else None
        return
    yield from messages_of(state, (header.version, header.domain))


def messages_of(state: Buffer | None, whose: tuple[int, int] | None = None) -> Iterator[bytes]:
    """A message for each template of a state, or of one version and domain in it, the one seen last behind others."""
    if state is None:
        return
    found = [
        (known.rank(), VERSIONS_OF_PROTOCOLS[protocol], domain, known)
        for ((_, protocol, domain), _), known in unpack(state).templates.items()
        if protocol in VERSIONS_OF_PROTOCOLS
    ]
    for _, version, domain, known in sorted(found, key=lambda each: each[0]):
        if whose not in (None, (version, domain)):
            continue
        of_templates, of_options = TEMPLATE_SETS[version]
        id = of_options if known.is_options else of_templates
        body = id.to_bytes(2) + (4 + len(known.octets)).to_bytes(2) + known.octets
        of = bytes(4) + domain.to_bytes(4)
        if version == 9:
            yield b"\0\x09\0\1" + bytes(8) + of + body
        else:
            yield b"\0\x0a" + (16 + len(body)).to_bytes(2) + bytes(4) + of + body


def _is_of(each: object, octets: bytes) -> bool:
    """Whether a template is of the domain that the datagram is of."""
    try:
        return bool(each.domain == read_header(octets).domain)  # type: ignore[attr-defined]
    except Damage:
        return False


def parts_of(octets: bytes, known: dict[int, Template], elements: Registry) -> Iterator[Part]:
    """The parts of a datagram, in wire order."""
    version = int.from_bytes(octets[:2]) if len(octets) >= 2 else 0
    if version not in HEADERS or len(octets) < HEADERS[version]:
        yield Part(0, len(octets), 0, "no message", _hex(octets), type=UNREAD)
        return
    at = HEADERS[version]
    end = len(octets)
    if version == 10:
        end = min(end, max(at, int.from_bytes(octets[2:4])))
    yield Part(0, at, 0, f"{PEOPLE_SAY[version]} message")
    offset = 0
    for name, width, note in HEADER_FIELDS[version]:
        number = int.from_bytes(octets[offset : offset + width])
        yield Part(offset, width, 1, name, str(number), note)
        offset += width
    if version in fixed_formats.VERSIONS:
        yield from _fixed(octets, version, at)
        return
    inside = _Inside(octets, known, elements, [Limits().values_per_message])
    try:
        for span in read_sets(octets, at, end):
            yield from _set(inside, span, version)
            at = span.end
    except Damage as damage:
        at = damage.offset
    if at < end:
        yield Part(at, end - at, 0, "what is left", _hex(octets[at:end]), type=UNREAD)
    if end < len(octets):
        yield Part(end, len(octets) - end, 0, "behind the message", _hex(octets[end:]), type=UNREAD)


def _fixed(octets: bytes, version: int, at: int) -> Iterator[Part]:
    inside = _Inside(octets, {}, Registry.default(), [0])
    fields = fixed_formats.fields_of(version)
    length = sum(field.length for field in fields)
    count = min(int.from_bytes(octets[2:4]), (len(octets) - at) // length)
    for n in range(count):
        record = tuple(
            octets[at + sum(f.length for f in fields[:i]) :][: field.length] for i, field in enumerate(fields)
        )
        yield from _record(inside, fields, record, at, at + length, n)
        at += length
    if at < len(octets):
        yield Part(at, len(octets) - at, 0, "behind the last record", _hex(octets[at:]), type=UNREAD)


def _set(inside: _Inside, span: SetSpan, version: int) -> Iterator[Part]:
    octets, known, elements = inside.octets, inside.known, inside.elements
    templates, options = TEMPLATE_SETS[version]
    word = "FlowSet" if version == 9 else "Set"
    kind = {templates: "templates", options: "options templates"}.get(span.id, "reserved" if span.id < 256 else "data")
    template = known.get(span.id)
    if kind == "data":
        kind = "data without a template" if template is None else "options data" if template.is_options else "data"
    yield Part(span.at, span.octets, 0, f"{word} {span.id}: {kind}")
    yield Part(span.at, 2, 1, f"{word} ID", str(span.id))
    yield Part(span.at + 2, 2, 1, "Length", str(span.octets), "octets")
    at = span.body
    if span.id in (templates, options):
        for part in _templates(octets, span, version, known, elements):
            yield part
            at = max(at, part.offset + part.length)
    elif template is not None:
        try:
            for n, (record, end) in enumerate(read_records(octets, at, span.end, template.fields)):
                if not inside.reads(template.fields):
                    break
                yield from _record(inside, template.fields, record, at, end, n)
                at = end
        except Damage:
            pass
    if at < span.end:
        rest = octets[at : span.end]
        is_padding = not any(rest) or (template is not None and inside.left[0] >= 0)
        name = "padding" if is_padding else "not read"
        yield Part(at, span.end - at, 1, name, _hex(rest), type=UNREAD)


def _templates(
    octets: bytes, span: SetSpan, version: int, known: dict[int, Template], elements: Registry
) -> Iterator[Part]:
    try:
        for made in read_templates(octets, span, version, elements):
            if isinstance(made, Withdrawal):
                yield Part(made.at, 4, 1, f"withdrawal of template {made.id}", _hex(octets[made.at : made.at + 4]))
                continue
            yield from _template(octets, made, version)
            if made.template.min_length:
                known[made.template.id] = made.template
    except Damage:
        return


def _template(octets: bytes, made: Definition, version: int) -> Iterator[Part]:
    template = made.template
    end = made.at + 2 + len(template.octets)
    what = "options template" if template.is_options else "template"
    yield Part(made.at, end - made.at, 1, f"{what} {template.id}: records of {template.min_length} octets or more")
    yield Part(made.at, 2, 2, "Template ID", str(template.id))
    names = ("Option Scope Length", "Option Length") if version == 9 else ("Field Count", "Scope Field Count")
    at = made.at + 2
    for name in names if template.is_options else ("Field Count",):
        yield Part(at, 2, 2, name, str(int.from_bytes(octets[at : at + 2])))
        at += 2
    for field in template.fields:
        width = 8 if version == 10 and octets[at] & 0x80 else 4
        number = f"{field.pen}/{field.id}" if field.pen else str(field.id)
        length = "variable" if field.length == 65535 else f"{field.length} octets"
        scope = "scope " if field.is_scope else ""
        yield Part(at, width, 2, f"{scope}{field.name}", f"{number}, {length}", field.type)
        at += width


class _Inside(NamedTuple):
    """What a record is read with: all octets, and what fields may refer to."""

    octets: bytes
    known: dict[int, Template]
    elements: Registry
    left: list[int]  # one number: fields that may still be read
    level: int = 0  # of lists around it

    def reads(self, fields: tuple[FieldSpecifier, ...]) -> bool:
        """Whether one more record is read. Fields without octets could be more than anybody has memory for."""
        self.left[0] -= len(fields)
        return self.left[0] >= 0


def _record(
    inside: _Inside,
    fields: Iterable[FieldSpecifier],
    record: tuple[bytes, ...],
    at: int,
    end: int,
    n: int,
    depth: int = 1,
) -> Iterator[Part]:
    yield Part(at, end - at, depth, f"record {n + 1}")
    for field, raw in zip(fields, record, strict=True):
        if field.length == VARIABLE:
            prefix = 3 if inside.octets[at] == 255 else 1
            yield Part(at, prefix, depth + 1, f"length of {field.name}", str(len(raw)))
            at += prefix
        yield from _field(inside, field, at, at + len(raw), depth + 1)
        at += len(raw)


def _field(inside: _Inside, field: FieldSpecifier, at: int, end: int, depth: int) -> Iterator[Part]:
    if field.type not in LISTS or end == at:
        yield Part(at, end - at, depth, field.name, _value(field, inside.octets[at:end]), _unit(field), field.type)
        return
    yield Part(at, end - at, depth, f"{field.name}: {field.type}")
    if inside.level == Limits().list_depth:
        yield Part(at, end - at, depth + 1, "lists within lists, not read", _hex(inside.octets[at:end]), type=UNREAD)
        return
    for part in LISTS[field.type](inside._replace(level=inside.level + 1), at, end, depth + 1):
        yield part
        at = max(at, part.offset + part.length)
    if at < end:
        yield Part(at, end - at, depth + 1, "not read", _hex(inside.octets[at:end]), type=UNREAD)


def _semantic(inside: _Inside, at: int, depth: int) -> Part:
    number = inside.octets[at]
    return Part(at, 1, depth, "semantic", str(number), facts.names("structured_data_types_semantics").get(number, ""))


def _basic_list(inside: _Inside, at: int, end: int, depth: int) -> Iterator[Part]:
    """Values of one element (RFC 6313 section 4.5.1)."""
    octets = inside.octets
    width = 8 if end - at >= 2 and octets[at + 1] & 0x80 else 4
    if end - at < 1 + width:
        return
    yield _semantic(inside, at, depth)
    id, length = int.from_bytes(octets[at + 1 : at + 3]) & 0x7FFF, int.from_bytes(octets[at + 3 : at + 5])
    pen = int.from_bytes(octets[at + 5 : at + 9]) if width == 8 else 0
    found = inside.elements.find(pen, id)
    element = found or inside.elements.unknown(pen, id)
    field = FieldSpecifier(pen, id, element.name, element.type, length, False, found is not None)
    number = f"{pen}/{id}" if pen else str(id)
    words = f"{number}, " + ("variable" if length == VARIABLE else f"{length} octets")
    yield Part(at + 1, width, depth, f"of {field.name}", words, field.type)
    at += 1 + width
    if length == 0:
        return
    try:
        # A list of one element is records of one field.
        for (raw,), after in read_records(octets, at, end, (field,)):
            if length == VARIABLE:
                yield Part(at, after - len(raw) - at, depth, f"length of {field.name}", str(len(raw)))
            yield from _field(inside, field, after - len(raw), after, depth)
            at = after
    except Damage:
        return


def _records_of(inside: _Inside, id: int, at: int, end: int, depth: int) -> Iterator[Part]:
    template = inside.known.get(id)
    if template is None or not template.min_length:
        return
    try:
        for n, (record, after) in enumerate(read_records(inside.octets, at, end, template.fields)):
            if not inside.reads(template.fields):
                break
            yield from _record(inside, template.fields, record, at, after, n, depth)
            at = after
    except Damage:
        return


def _template_of(inside: _Inside, at: int, depth: int) -> Part:
    id = int.from_bytes(inside.octets[at : at + 2])
    return Part(at, 2, depth, "Template ID", str(id), "" if id in inside.known else "not known")


def _template_list(inside: _Inside, at: int, end: int, depth: int) -> Iterator[Part]:
    """Records of one template (RFC 6313 section 4.5.2)."""
    if end - at < 3:
        return
    yield _semantic(inside, at, depth)
    yield _template_of(inside, at + 1, depth)
    yield from _records_of(inside, int.from_bytes(inside.octets[at + 1 : at + 3]), at + 3, end, depth)


def _multi_list(inside: _Inside, at: int, end: int, depth: int) -> Iterator[Part]:
    """Records of several templates, each behind its length (RFC 6313 section 4.5.3)."""
    if end - at < 1:
        return
    yield _semantic(inside, at, depth)
    at += 1
    while end - at >= 4:
        id, length = (int.from_bytes(inside.octets[at + n : at + n + 2]) for n in (0, 2))
        if not 4 <= length <= end - at:
            return
        yield Part(at, length, depth, f"records of template {id}")
        yield _template_of(inside, at, depth + 1)
        yield Part(at + 2, 2, depth + 1, "length", str(length), "octets")
        behind = at + 4
        for part in _records_of(inside, id, behind, at + length, depth + 1):
            yield part
            behind = max(behind, part.offset + part.length)
        if behind < at + length:
            yield Part(
                behind,
                at + length - behind,
                depth + 1,
                "not read",
                _hex(inside.octets[behind : at + length]),
                type=UNREAD,
            )
        at += length


LISTS: Mapping[str, Callable[[_Inside, int, int, int], Iterator[Part]]] = {
    "basicList": _basic_list,
    "subTemplateList": _template_list,
    "subTemplateMultiList": _multi_list,
}


def _value(field: FieldSpecifier, raw: bytes) -> str:
    found = value(field.type, field.length, raw)
    if isinstance(found, bytes):
        return _hex(found)
    if isinstance(found, str):
        return visible(found) or '""'
    if field.type in TIMES and isinstance(found, int):
        return f"{time_text(found)} UTC"
    return "nothing" if found is None else str(found)


def _unit(field: FieldSpecifier) -> str:
    known = None if field.type in TIMES else Registry.default().find(field.pen, field.id)
    return (known.units or "") if known else ""


def _hex(octets: bytes) -> str:
    if not octets:
        return "no octets"
    return f"0x{octets[:SHOWN_OCTETS].hex()}" + (
        f" and {len(octets) - SHOWN_OCTETS} more" if len(octets) > SHOWN_OCTETS else ""
    )
