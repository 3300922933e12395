"""Every capture with golden records: the octets of each field of each record, and the templates."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pytest

from flowparse.reference.compare import PlainRow, PlainTemplate
from flowparse.registry import NETFLOW9, Element, Registry
from tests.captures import corpus
from tests.subjects import Subject, each_subject, fed

Fields = Mapping[str, bytes | None]
ELEMENTS = Registry.default()
SETTINGS: dict[str, Any] = {"malformed": "salvage", "transport": "tcp"}
KEYS = {5: "address", 9: "address", 10: "address+port"}
EVERY = corpus.each("nf5", "nf9", "ipfix")


def element_of(key: str, version: int) -> Element:
    """The element that a golden field's key stands for."""
    space, id = key.partition("#")[0].split("/")
    if space == "scope":
        return ELEMENTS.v9_scope(int(id)) or ELEMENTS.unknown(NETFLOW9, int(id))
    if version == 9:
        return ELEMENTS.v9(int(id)) or ELEMENTS.unknown(0, int(id))
    return ELEMENTS.find(int(space), int(id)) or ELEMENTS.unknown(int(space), int(id))


class Placed(NamedTuple):
    """A field of a golden record."""

    key: str
    element: Element
    column: str
    octets: bytes


def placed_fields(golden: dict[str, Any]) -> list[Placed]:
    """The fields of a golden record as its template has them; columns are named in the order (PEN, id, place)."""
    pairs = [*golden.get("scope", ()), *golden["fields"].items()]
    elements = [element_of(key, golden["version"]) for key, _ in pairs]
    columns: dict[int, str] = {}
    seen: Counter[str] = Counter()
    for place in sorted(range(len(pairs)), key=lambda place: (elements[place].pen, elements[place].id)):
        name = elements[place].name
        seen[name] += 1
        columns[place] = name if seen[name] == 1 else f"{name}_{seen[name]}"
    return [
        Placed(key, elements[place], columns[place], bytes.fromhex(octets)) for place, (key, octets) in enumerate(pairs)
    ]


def fields_of(golden: dict[str, Any]) -> Fields:
    """The octets of a golden record by column."""
    return {field.column: field.octets for field in placed_fields(golden)}


def rows_of_goldens(
    subject: type[Subject], name: str, version: int, most: int | None = None
) -> list[tuple[dict[str, Any], PlainRow]]:
    """Each golden record of a capture, or of its first `most` datagrams, and the row of it.

    Rows of one layout of one datagram keep their order.
    """
    datagrams = corpus.datagrams(name)[:most]
    rows = [
        row
        for row in fed(subject, datagrams, **SETTINGS, key=KEYS[version], replay=False).rows()
        if datagrams[row.values["message_index"]].version == version
    ]
    waiting: dict[Any, list[PlainRow]] = defaultdict(list)
    for row, (datagram, is_options, template, fields) in zip(rows, decoded(rows, name, version), strict=True):
        waiting[datagram, is_options, template, tuple(sorted(fields))].append(row)
    goldens = [golden for lines in corpus.goldens(name, version).values() for golden in lines]
    found = []
    for golden, (datagram, is_options, template, fields) in zip(goldens, expected(name, version), strict=True):
        if datagram >= len(datagrams):
            break
        found.append((golden, waiting[datagram, is_options, template, tuple(sorted(fields))].pop(0)))
    assert not any(waiting.values())
    return found


def by_datagram_and_layout(records: Iterable[tuple[int, bool, Any, Fields]]) -> dict[Any, list[Any]]:
    """Records of one layout of one datagram, in order."""
    grouped: dict[Any, list[Any]] = defaultdict(list)
    for datagram, is_options, template, fields in records:
        grouped[datagram, is_options, template, tuple(sorted(fields))].append(fields)
    return grouped


def expected(name: str, version: int, suffix: str = ".jsonl") -> list[tuple[int, bool, Any, Fields]]:
    return [
        (datagram, bool(golden.get("options")), golden["template"] if version != 5 else None, fields_of(golden))
        for datagram, records in corpus.goldens(name, version, suffix).items()
        for golden in records
    ]


def decoded(rows: Iterable[PlainRow], name: str, version: int) -> list[tuple[int, bool, Any, Fields]]:
    datagrams = corpus.datagrams(name)
    return [
        (row.values["message_index"], row.is_options, row.values["template_id"], row.octets)
        for row in rows
        if datagrams[row.values["message_index"]].version == version
    ]


@pytest.mark.golden
@each_subject
@EVERY
def test_every_field_is_as_in_the_golden_records(name: str, subject: type[Subject]) -> None:
    for version in versions(name):
        made = fed(subject, corpus.datagrams(name), **SETTINGS, key=KEYS[version], replay=False)
        rows = made.rows()
        assert by_datagram_and_layout(decoded(rows, name, version)) == by_datagram_and_layout(expected(name, version))
        if version != 5:
            assert {each[1:] for each in made.templates()} >= golden_templates(name, version)
        for row in rows:
            exporter, port = corpus.datagrams(name)[row.values["message_index"]].exporter
            assert (row.values["exporter"], row.values["exporter_port"]) == (exporter, port)


@each_subject
@corpus.early()
def test_replay_adds_the_records_whose_template_came_later(name: str, subject: type[Subject]) -> None:
    for version in versions(name):
        rows = fed(subject, corpus.datagrams(name), **SETTINGS, key=KEYS[version], replay=True).rows()
        late = expected(name, version) + expected(name, version, ".late.jsonl")
        found = by_datagram_and_layout(decoded(rows, name, version))
        wanted = by_datagram_and_layout(late)
        assert found.keys() == wanted.keys()
        for key, records in wanted.items():
            assert sorted(map(plain, found[key])) == sorted(map(plain, records))


@each_subject
@corpus.shared_by_ports()
def test_templates_of_all_ports_of_an_exporter(name: str, subject: type[Subject]) -> None:
    rows = fed(subject, corpus.datagrams(name), **SETTINGS, key="address", replay=False).rows()
    for version in versions(name):
        assert by_datagram_and_layout(decoded(rows, name, version)) == by_datagram_and_layout(
            expected(name, version, ".exporter.jsonl")
        )


REFUSED = {
    # v9 lengths of scopes and options that are no multiple of 4 are refused here (malformed/EXPECTED.md).
    "v-netflow_parser__tests-L00359-netflow9": {258},
}


def golden_templates(name: str, version: int) -> set[tuple[Any, ...]]:
    """The templates that the golden decoder held in the end."""
    held: dict[Any, PlainTemplate] = {}
    for datagram in json.loads(corpus.path(name, ".meta.json").read_text())["datagrams"]:
        if datagram["version"] != version:
            continue
        domain = datagram["header"]["source_id" if version == 9 else "domain"]
        source = datagram["src"].rpartition(":")[0] if version == 9 else datagram["src"]
        for of_set in datagram["sets"]:
            for each in of_set.get("templates", ()):
                specifiers = []
                for place, field in enumerate(each["fields"]):
                    key, _, length = field.rpartition(":")
                    is_scope = place < each["scope"]
                    if version == 9 and is_scope:
                        key = key.replace("0/", "scope/")
                    element = element_of(key, version)
                    specifiers.append((element.pen, element.id, int(length), is_scope))
                is_options = of_set["kind"] == "options_template"
                held[source, domain, each["id"]] = PlainTemplate(
                    None, domain, each["id"], is_options, tuple(specifiers)
                )
    return {each[1:] for each in held.values() if each.id not in REFUSED.get(name, ())}


def versions(name: str) -> list[int]:
    """The versions with goldens that a capture holds."""
    return sorted({datagram.version for datagram in corpus.datagrams(name)} & {5, 9, 10})


def plain(fields: Fields) -> list[tuple[str, bytes | None]]:
    return sorted(fields.items())
