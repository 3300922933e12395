"""The tables that readers read by: every row says something that exists, and says it once."""

from __future__ import annotations

from importlib.resources import files

import pytest

from flowparse.lldp import Capability, ChassisIdType, PortIdType
from flowparse.lldp.build import FIELDS
from flowparse.lldp.commands import canonical_platform, commands, vocabulary
from flowparse.lldp.values import squash, words


def rows(name: str) -> list[list[str]]:
    text = files("flowparse.lldp").joinpath(name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines()[1:]]


# What readers work out on their own, and `build` never sees.
READERS = {"local_port_id", "device_id", "version", "capability", "address", "start", "extra"}


@pytest.mark.parametrize("name", ["fields.tsv", "words.tsv"])
def test_no_word_is_told_twice(name: str) -> None:
    keys = [(of, word) for of, word, _ in rows(name)]
    assert len(set(keys)) == len(keys)


def test_fields_are_fields_and_words_are_squashed() -> None:
    sections = {word for of, word, _ in rows("fields.tsv") if of == "section"}
    assert sections
    for of, word, field in rows("fields.tsv"):
        assert word == squash(word), word
        assert of == "section" or field in FIELDS | READERS, (of, word, field)


def test_words_are_of_the_standards_types() -> None:
    known = {"capability": Capability, "chassis_id_type": ChassisIdType, "port_id_type": PortIdType}
    for table, word, meaning in rows("words.tsv"):
        kind = known.get(table, Capability)
        assert meaning in kind.__members__, (table, word, meaning)
    assert set(words("lldp").values()) <= set(Capability)


def test_commands_are_well_formed() -> None:
    names = [(row.platform, row.command) for row in commands()]
    assert len(set(names)) == len(names)
    assert {row.reader for row in commands()} <= {"columns", "blocks", "ntc", "local"}
    assert all(canonical_platform(row.platform) == row.platform for row in commands())


def test_the_vocabulary_names_templates_and_fields() -> None:
    templates = {row.template for row in commands()}
    for template, _, field in rows("vocabulary.tsv"):
        assert template == "*" or template in templates, template
        assert field in FIELDS | READERS | {"local_device"}, field
    assert vocabulary("huawei_vrp_display_lldp_neighbor")["NEIGHBOR_INTERFACE"] == "port_description"
    assert vocabulary("arista_eos_show_lldp_neighbors")["NEIGHBOR_INTERFACE"] == "port_id"
