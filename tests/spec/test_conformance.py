"""The conformance list is whole: each item bears a test or a reason, and what concerns decoding a test."""

from __future__ import annotations

import re

from tests.shared import SHARED, needs_shared
from tests.spec import conformance
from tests.spec.conformance import DECODING, ITEMS, KINDS


def test_every_item_bears_a_test_or_a_reason() -> None:
    tested, told = conformance.tests(), conformance.reasons()
    assert [item for item in ITEMS if item not in tested and item not in told] == []
    assert {reason.kind for reason in told.values()} <= {*KINDS}
    assert {*tested, *told} <= {*ITEMS}


def test_what_concerns_decoding_has_a_test() -> None:
    tested, told = conformance.tests(), conformance.reasons()
    untested = [item for item in DECODING if item not in tested]
    assert [item for item in untested if told[item].kind == "elsewhere"] == []
    # Templates of before (117), and types that options tell (150, 152, 153): the library has neither.
    assert {*untested} <= {117, 150, 152, 153}


def test_tests_that_a_reason_names_are_there() -> None:
    for item, reason in conformance.reasons().items():
        for path, name in re.findall(r"(tests/\S+\.py), (test_\w+)", reason.words):
            text = (conformance.HERE.parents[1] / path).read_text(encoding="utf-8")
            assert f"def {name}(" in text, f"C-{item:03}"


@needs_shared
def test_the_items_are_those_of_the_list() -> None:
    assert SHARED is not None
    text = (SHARED / "facts" / "conformance.md").read_text(encoding="utf-8")
    assert [int(item) for item in re.findall(r"^\| C-(\d{3}) \|", text, re.MULTILINE)] == [*ITEMS]
