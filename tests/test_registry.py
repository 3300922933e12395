"""The registry's data files say what they must, and the lint that checks them says no when they do not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import flowparse.registry
from flowparse.datatypes import DATA_TYPES

FOLDER = Path(flowparse.registry.__file__).parent
ELEMENTS = sorted(FOLDER.glob("elements/*.tsv"))
ENUMS = sorted(FOLDER.glob("enums/*.tsv"))
ELEMENT_HEADER = "pen id name type semantics units enum status".replace(" ", "\t")
VALUE_HEADER = "value\tname"
RESERVED_PEN = 2**32 - 1  # NetFlow v9 field types: the full 16 bits are an id


def words(table: str) -> set[str]:
    lines = (FOLDER / "enums" / f"{table}.tsv").read_text("ascii").splitlines()
    return {line.partition("\t")[2] for line in lines if not line.startswith("#")} - {"name"}


ENUM_NAMES = {path.stem for path in ENUMS}
VOCABULARY = {
    "type": set(DATA_TYPES),
    "semantics": {"", *words("information_element_semantics")},
    "units": {"", *words("information_element_units")},
    "enum": {"", *ENUM_NAMES},
    "status": {"current", "deprecated"},
}


def frame(text: str, header: str) -> tuple[list[str], list[list[str]]]:
    """What is wrong with the text as a table, and its rows."""
    lines = text.split("\n")
    comments = [line for line in lines if line.startswith("#")]
    table = [line for line in lines[len(comments) :] if line]
    columns = header.count("\t") + 1
    wrong = [f"no comment '{part}'" for part in ("source", "date", "licence") if f"# {part}: " not in text]
    wrong += ["comments are not all on top"] if lines[: len(comments)] != comments else []
    wrong += ["no date"] if not re.search(r"^# date: \d{4}-\d\d-\d\d$", text, re.MULTILINE) else []
    wrong += ["not ASCII"] if not text.isascii() else []
    wrong += ["does not end with one line end"] if not text.endswith("\n") or text.endswith("\n\n") else []
    wrong += [f"blanks around a cell: {line!r}" for line in lines if re.search(r"\s$| \t|\t |^ |  |\r", line)]
    wrong += ["no header"] if table[:1] != [header] else []
    rows = [line.split("\t") for line in table[1:]]
    wrong += [f"{len(row)} columns: {row}" for row in rows if len(row) != columns]
    return wrong, [row for row in rows if len(row) == columns]


def lint_elements(file: str, text: str) -> list[str]:
    """What is wrong with a file of elements."""
    wrong, rows = frame(text, ELEMENT_HEADER)
    owner = re.fullmatch(r"(\d+)_[a-z0-9_]+\.tsv", file)
    last = 0xFFFF if owner and int(owner[1]) == RESERVED_PEN else 0x7FFF
    ids: list[int] = []
    for row in rows:
        pen, id, name = row[:3]
        wrong += [
            f"{column} {word!r} is unknown"
            for word, column in zip(row[3:], VOCABULARY, strict=True)
            if word not in VOCABULARY[column]
        ]
        if not owner or pen != owner[1]:
            wrong.append(f"PEN {pen} in {file}")
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            wrong.append(f"name {name!r}")
        if not re.fullmatch(r"0|[1-9]\d*", id) or int(id) > last:
            wrong.append(f"id {id}")
        else:
            ids.append(int(id))
    wrong += ["ids are not in order, each once"] if ids != sorted(set(ids)) else []
    wrong += ["a name is there twice"] if len({row[2] for row in rows}) < len(rows) else []
    return wrong


def lint_values(file: str, text: str) -> list[str]:
    """What is wrong with a table of value names."""
    wrong, rows = frame(text, VALUE_HEADER)
    wrong += [f"file name {file}"] if not re.fullmatch(r"[a-z0-9_]+\.tsv", file) else []
    number = re.compile(r"0|[1-9]\d*|0x[0-9A-F]+")
    wrong += [f"value {row[0]}" for row in rows if not number.fullmatch(row[0])]
    wrong += [f"no name for {row[0]}" for row in rows if not row[1]]
    wrong += [f"{row[1]} is not a name" for row in rows if row[1].lower() in ("unassigned", "reserved")]
    values = [int(row[0], 0) for row in rows if number.fullmatch(row[0])]
    return wrong + (["values are not in order, each once"] if values != sorted(set(values)) else [])


@pytest.mark.parametrize("path", ELEMENTS, ids=lambda path: path.name)
def test_element_file_is_right(path: Path) -> None:
    assert lint_elements(path.name, path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", ENUMS, ids=lambda path: path.name)
def test_value_table_is_right(path: Path) -> None:
    assert lint_values(path.name, path.read_text("utf-8")) == []


def test_all_of_iana_is_there() -> None:
    assert len(frame((FOLDER / "elements/0_iana.tsv").read_text("ascii"), ELEMENT_HEADER)[1]) == 502


def test_one_file_an_enterprise() -> None:
    pens = [path.name.partition("_")[0] for path in ELEMENTS]
    assert len(set(pens)) == len(pens)
    assert "29305" not in pens  # computed: RFC 5103


COMMENTS = "# source: nobody\n# date: 2026-01-31\n# licence: MIT\n"
GOOD = (
    f"{COMMENTS}{ELEMENT_HEADER}\n"
    "9\t1\tone\tunsigned8\t\t\t\tcurrent\n"
    "9\t2\ttwo\tstring\tdefault\toctets\tprotocol\tdeprecated\n"
)
GOOD_VALUES = f"{COMMENTS}{VALUE_HEADER}\n1\tone\n0x2\ttwo words\n"


def test_lint_passes_a_good_text() -> None:
    assert lint_elements("9_cisco.tsv", GOOD) == []
    assert lint_values("numbers.tsv", GOOD_VALUES) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# source: nobody\n", ""),
        ("# licence: MIT\n", ""),
        ("2026-01-31", "yesterday"),
        (ELEMENT_HEADER + "\n", ""),
        ("\tstatus\n", "\n"),
        ("9\t1\tone", "9\tone"),
        ("9\t1\tone", "9\t1\tone\t"),
        ("9\t1\tone", "8\t1\tone"),
        ("9\t1\tone", "9\t2\tone"),
        ("9\t1\tone", "9\t3\tone"),
        ("9\t1\tone", "9\t01\tone"),
        ("9\t1\tone", "9\t-1\tone"),
        ("9\t2\ttwo", "9\t32768\ttwo"),
        ("\tone\t", "\ttwo\t"),
        ("\tone\t", "\to-ne\t"),
        ("\tone\t", "\t1one\t"),
        ("\tone\t", "\t\t"),
        ("\tone\t", "\tone \t"),
        ("\tone\t", "\t\u00f6ne\t"),
        ("unsigned8", "uint8"),
        ("unsigned8", ""),
        ("default", "counter"),
        ("octets", "bytes"),
        ("protocol", "protocols"),
        ("deprecated", "obsolete"),
        ("current\n", "\n"),
        ("current\n", "current \n"),
        ("current\n", "current\r\n"),
        ("9\t2", "# a comment\n9\t2"),
        ("deprecated\n", "deprecated"),
        ("deprecated\n", "deprecated\n\n"),
    ],
)
def test_lint_catches_a_bad_element_file(old: str, new: str) -> None:
    assert GOOD.count(old) >= 1
    assert lint_elements("9_cisco.tsv", GOOD.replace(old, new, 1)) != []


@pytest.mark.parametrize("file", ["cisco.tsv", "10_cisco.tsv", "9-cisco.tsv", "9_Cisco.tsv"])
def test_lint_catches_a_bad_file_name(file: str) -> None:
    assert lint_elements(file, GOOD) != []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# licence: MIT\n", ""),
        (VALUE_HEADER, "name\tvalue"),
        ("1\tone", "3\tone"),
        ("1\tone", "2\tone"),
        ("1\tone", "1-9\tone"),
        ("1\tone", "1\tUnassigned"),
        ("1\tone", "1\t"),
        ("0x2", "0b10"),
        ("two words", "two  words"),
    ],
)
def test_lint_catches_a_bad_value_table(old: str, new: str) -> None:
    assert GOOD_VALUES.count(old) == 1
    assert lint_values("numbers.tsv", GOOD_VALUES.replace(old, new)) != []
