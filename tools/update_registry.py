"""Rewrite the registry's TSV files from what others publish, given by path.

    update_registry.py elements PATH     ipfix.xml as IANA ships it, or a CSV of its rows
    update_registry.py values PATH       ipfix.xml, or a CSV registry_id,value,name
    update_registry.py enterprise DIR    one CSV an enterprise, each row with its source and licence

Each file that changes is named with `+new -gone ~changed`, the text for the commit message. What
the sources do not know stays: the `enum` column, and rows that only an enterprise file has. A file
that would lose more than a twentieth of its rows is a broken source: nothing is written.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

REGISTRY = Path(__file__).resolve().parent.parent / "src/flowparse/registry"
ELEMENT_COLUMNS = ("pen", "id", "name", "type", "semantics", "units", "enum", "status")
VALUE_COLUMNS = ("value", "name")
IANA_SOURCE = "IANA, IP Flow Information Export (IPFIX) Entities"
IANA_LICENCE = "CC0-1.0, as all of IANA's protocol registries"

PERMISSIVE = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT"}

# The spellings that sources use for RFC 7012's types, in lower case; those of the RFC are as they are.
# "uint" says no width: the widest one holds them all (reduced-size encoding, RFC 7011 section 6.2).
# "len=n" says the width only; the rows that have it are counters, codes and, without a width, text.
# What is not in this table becomes octetArray: the octets as sent, with no claim about what they mean.
TYPES = {
    "uint8": "unsigned8",
    "uint15": "unsigned16",
    "uint16": "unsigned16",
    "uint32": "unsigned32",
    "uint64": "unsigned64",
    "uint": "unsigned64",
    "proto": "unsigned8",
    "int8": "signed8",
    "int16": "signed16",
    "int32": "signed32",
    "int64": "signed64",
    "float": "float32",
    "double": "float64",
    "ip4_addr": "ipv4Address",
    "ip6_addr": "ipv6Address",
    "mac_addr": "macAddress",
    "len=1": "unsigned8",
    "len=2": "unsigned16",
    "len=-1": "string",
}

# Files of the sources that are not an enterprise. 29305 is computed (RFC 5103) and 12326 is 10704 misspelt.
# v9 ids are kept where they differ from IANA's, under the reserved PEN; from 32768 they are Cisco's less 32768.
REVERSE, MISSENT, NETFLOW9_LOW, NETFLOW9_HIGH = 29305, 12326, 4294967294, 4294967295
REHOMED = {NETFLOW9_LOW: (NETFLOW9_HIGH, "netflow9"), NETFLOW9_HIGH: (9, "cisco")}

# Table names whose words IANA runs together.
TABLES = {
    "flowselectoralgorithm": "flow_selector_algorithm",
    "ipv6extensionheaders_bits": "ipv6_extension_headers_bits",
}
# Names that extracts of the registry cut at a full stop, or that are a sentence there.
FULL_NAMES = {
    ("nat_originating_address_realm", 2): "Public",
    ("data_link_frame_type", 1): "IEEE 802.3 Ethernet",
    ("data_link_frame_type", 2): "IEEE 802.11 MAC",
    ("classification_engine_id", 21): "Qosmos ixEngine",
    ("classification_engine_id", 22): "ntop nDPI",
}
NAMELESS = re.compile(r"unassigned|reserved.*", re.IGNORECASE)

Row = tuple[str, ...]
Key = tuple[int, int]


# ---- sources -------------------------------------------------------------------------------------


def iana_elements(path: Path) -> list[Row]:
    """IANA's elements; ranges of reserved ids and entries without a name are not elements."""
    if path.suffix == ".xml":
        parts = ("elementId", "name", "dataType", "dataTypeSemantics", "units", "status")
        records = [
            [_text(record, part) for part in parts] for record in _registries(path)["ipfix-information-elements"]
        ]
    else:
        parts = ("element_id", "name", "data_type", "semantics", "units", "status")
        records = [[row[part] for part in parts] for row in _csv(path)]
    return [element_row("0", *record) for record in records if record[0].isdigit() and record[1] and record[2]]


def iana_values(path: Path) -> dict[str, list[Row]]:
    """IANA's value names by table; ranges, and values that are unassigned or reserved, have no name."""
    if path.suffix == ".xml":
        triples = [
            (registry, _text(record, "value"), _text(record, "name") or _text(record, "description"))
            for registry, records in _registries(path).items()
            for record in records
        ]
    else:
        triples = [(row["registry_id"], row["value"], row["name"]) for row in _csv(path)]
    states = {value: name for registry, value, name in triples if registry == "forwarding-status"}
    tables: dict[str, dict[int, str]] = {}
    for registry, value, name in (whole_octet(states, *triple) for triple in triples):
        if not re.fullmatch(r"0x[0-9A-Fa-f]+|\d+", value) or NAMELESS.fullmatch(name):
            continue
        table = registry.removeprefix("ipfix-").replace("-", "_").replace("engine_ids", "engine_id")
        table = TABLES.get(table, table)
        number = int(value, 0)
        tables.setdefault(table, {})[number] = FULL_NAMES.get((table, number), name)
    return {table: [(str(value), names[value]) for value in sorted(names)] for table, names in tables.items()}


def whole_octet(states: dict[str, str], registry: str, value: str, name: str) -> tuple[str, str, str]:
    """The row, with forwardingStatus as one octet: a state in its upper two bits ("01b"), the reason in all eight."""
    if registry == "forwarding-status":
        return registry, str(int(value.removesuffix("b"), 2) << 6), name
    if registry.startswith("forwarding-status-") and not NAMELESS.fullmatch(name):
        return "forwarding-status", value, f"{states[registry[-3:]]} ({name})"
    return registry, value, name


def enterprise_elements(folder: Path, iana: dict[Key, Row]) -> tuple[dict[Path, list[Row]], dict[Path, set[str]], int]:
    """Rows and sources for each file, and how many rows were dropped for their licence."""
    rows: dict[Path, dict[Key, Row]] = {}
    sources: dict[Path, set[str]] = {}
    dropped = 0
    for path in sorted(folder.glob("*.csv"), key=lambda path: int(path.stem.partition("_")[0])):
        pen, name = int(path.stem.partition("_")[0]), path.stem.partition("_")[2]
        if pen in (REVERSE, MISSENT):
            continue
        home, name = REHOMED.get(pen, (pen, name))
        target = Path("elements", f"{home}_{name}.tsv")
        for row in _csv(path):
            if row["source_license"] not in PERMISSIVE:
                dropped += 1
                continue
            known = iana.get((0, int(row["element_id"])))
            if pen == NETFLOW9_LOW and known and known[2] == row["name"]:
                continue
            new = element_row(
                str(home), row["element_id"], row["name"], row["type"], row["semantics"], row["units"], "current"
            )
            if key_of(new) not in rows.setdefault(target, {}):
                rows[target][key_of(new)] = new
                sources.setdefault(target, set()).add(f"{row['source']} ({row['source_license']})")
    return {target: unique_names(found.values()) for target, found in rows.items()}, sources, dropped


def element_row(pen: str, id: str, name: str, type: str, semantics: str, units: str, status: str) -> Row:
    units = "" if units.strip() == "none" else units.strip()
    name = re.sub(r"[^A-Za-z0-9_]", "", name)
    return pen, id, name, abstract_type(type, name), semantics.strip(), units, "", status or "current"


@cache
def rfc7012_types() -> dict[str, str]:
    rows = read(REGISTRY / "enums/information_element_data_types.tsv")
    return {name.lower(): name for _, name in rows.values()}


def abstract_type(type: str, name: str) -> str:
    folded = type.strip().lower()
    if folded == "ip":
        return "ipv6Address" if "ipv6" in name.lower() else "ipv4Address"
    return rfc7012_types().get(folded) or TYPES.get(folded, "octetArray")


def unique_names(rows: Iterable[Row]) -> list[Row]:
    """The rows by id; a name that is in use already gets its id behind it."""
    seen: set[str] = set()
    result = []
    for row in sorted(rows, key=key_of):
        name = f"{row[2]}_{row[1]}" if row[2] in seen else row[2]
        seen.add(name)
        result.append((*row[:2], name, *row[3:]))
    return result


def _csv(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _registries(path: Path) -> dict[str, list[ElementTree.Element]]:
    """Records by registry id, of IANA's XML."""
    space = "{http://www.iana.org/assignments}"
    root = ElementTree.parse(path).getroot()
    return {registry.get("id", ""): registry.findall(f"{space}record") for registry in root.iter(f"{space}registry")}


def _text(record: ElementTree.Element, part: str) -> str:
    found = record.find(f"{{http://www.iana.org/assignments}}{part}")
    return " ".join("".join(found.itertext()).split()) if found is not None else ""


# ---- files ---------------------------------------------------------------------------------------


def key_of(row: Row) -> Key:
    return int(row[0], 0), int(row[1]) if len(row) > 2 else 0


def read(path: Path) -> dict[Key, Row]:
    if not path.exists():
        return {}
    lines = [line for line in path.read_text("ascii").splitlines() if not line.startswith("#")]
    return {key_of(row): row for row in (tuple(line.split("\t")) for line in lines[1:])}


def sources_in(path: Path) -> set[str]:
    lines = path.read_text("ascii").splitlines() if path.exists() else []
    return {line.removeprefix("# source: ") for line in lines if line.startswith("# source: ")}


def merge(old: dict[Key, Row], new: Iterable[Row], *, keep: bool) -> dict[Key, Row]:
    """The new rows with the old ones' `enum`, and with `keep` the old rows that the source lacks."""
    result = dict(old) if keep else {}
    for row in new:
        before = old.get(key_of(row))
        result[key_of(row)] = (*row[:6], before[6], row[7]) if before and len(row) > 2 else row
    return dict(sorted(result.items()))


def changes(old: dict[Key, Row], new: dict[Key, Row]) -> str:
    changed = sum(old[key] != new[key] for key in old.keys() & new.keys())
    return f"+{len(new.keys() - old.keys())} -{len(old.keys() - new.keys())} ~{changed}"


def guard(path: Path, old: dict[Key, Row], new: dict[Key, Row], minimum: int) -> None:
    if len(new) < max(minimum, len(old) * 19 // 20):
        sys.exit(f"{path}: {len(new)} rows where {max(minimum, len(old))} were expected; nothing is written")


def render(rows: dict[Key, Row], columns: Row, comments: Iterable[str]) -> str:
    lines = [*(f"# {comment}" for comment in comments), *("\t".join(row) for row in (columns, *rows.values()))]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("elements", "values", "enterprise"))
    parser.add_argument("path", type=Path)
    parser.add_argument("--date", required=True, help="of the source, YYYY-MM-DD")
    parser.add_argument("--registry", type=Path, default=REGISTRY)
    options = parser.parse_args()
    iana_path = Path("elements", "0_iana.tsv")
    tables: dict[Path, list[Row]]
    sources: dict[Path, set[str]] = {}
    if options.kind == "elements":
        tables = {iana_path: iana_elements(options.path)}
    elif options.kind == "values":
        tables = {Path("enums", f"{table}.tsv"): rows for table, rows in iana_values(options.path).items()}
    else:
        tables, sources, dropped = enterprise_elements(options.path, read(options.registry / iana_path))
        print(f"{dropped} rows dropped for their licence")

    results = []
    for path, rows in tables.items():
        old = read(options.registry / path)
        new = merge(old, rows, keep=options.kind == "enterprise")
        guard(path, old, new, minimum=500 if path == iana_path else 1)
        if path in sources:
            origin = sorted(sources[path] | sources_in(options.registry / path))
            licences = sorted(PERMISSIVE & set(re.findall(r"\(([^()]+)\)", " ".join(origin))))
            licence = f"{', '.join(licences)}; only facts (numbers, names, types) are taken"
        else:
            origin, licence = [IANA_SOURCE], IANA_LICENCE
        comments = [*(f"source: {source}" for source in origin), f"date: {options.date}", f"licence: {licence}"]
        columns = VALUE_COLUMNS if options.kind == "values" else ELEMENT_COLUMNS
        results.append((path, changes(old, new), render(new, columns, comments)))
    for path, change, text in results:
        if change != "+0 -0 ~0":
            (options.registry / path).write_text(text, "ascii")
            print(path, change)


if __name__ == "__main__":
    main()
