"""The escaping rule: what a hostile exporter writes stays one line of visible text, of bounded length."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowparse.text import csv_field, dot_string, html, json_text, quoted, visible

INJECTIONS = [
    "\x1b]0;title\x07",
    "line\nbreak\r\n",
    "\x00",
    "\x9b31m",
    "\u202egnp.exe",
    "\u2066\u2069\u200e\u200f",
    "\u2028\u2029",
    "\ud800 alone",
    "<script>alert(1)</script>",
    '" onload="x',
    "' onload='x",
    '"]; evil -> dot; ["',
    "\\",
    "\\N\\l",
    '=HYPERLINK("http://x")',
    "-->",
]
ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.sampled_from(INJECTIONS)


@given(ANY_TEXT)
def test_nothing_hidden_is_left(text: str) -> None:
    shown = visible(text, None)
    assert all(unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp") for c in shown)
    assert not set(shown) & {chr(c) for c in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F)}
    shown.encode()


@given(ANY_TEXT)
def test_visible_text_stays_as_it_is(text: str) -> None:
    # Python calls variation selectors of plane 14 printable, though they have no shape.
    printable = "".join(c for c in text if c.isprintable() and not "\U000e0000" <= c <= "\U000e0fff")
    assert visible(printable, None) == printable


@given(st.text(min_size=65))
def test_what_is_shown_is_bounded(text: str) -> None:
    assert visible(text).endswith("…")
    assert len(visible(text)) <= 64 * 6 + 1
    assert len(quoted(text)) <= 64 * 10 + 3
    assert len(html(text)) <= 64 * 6 + 1


def test_bidirectional_controls_become_escapes() -> None:
    assert visible("a\u202eb\u2066c") == "a\\u202eb\\u2066c"
    assert visible("\x9b\x7f\t") == "\\x9b\\x7f\\x09"


class Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@given(ANY_TEXT)
def test_html_is_text_between_tags_and_in_attributes(text: str) -> None:
    parser = Texts()
    parser.feed(f'<td title="{html(text, None)}">{html(text, None)}</td>')
    parser.close()
    assert parser.tags == ["td"]
    assert parser.attributes == [("title", visible(text, None))]
    assert parser.text == visible(text, None)


@given(ANY_TEXT)
def test_a_dot_string_ends_where_it_ends(text: str) -> None:
    string = dot_string(text)
    assert string[0] == string[-1] == '"'
    inner = string[1:-1].replace("\\\\", "").replace('\\"', "")
    assert '"' not in inner
    assert "\\" not in inner
    assert "\n" not in inner


@given(ANY_TEXT)
def test_a_csv_field_is_read_back(text: str) -> None:
    assert next(csv.reader(io.StringIO(csv_field(text) + ",1\n"), strict=True)) == [visible(text, None), "1"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1"])
def test_a_formula_is_not_one_any_more(text: str) -> None:
    assert csv_field(text, formula_safe=True)[:2] == "\"'"


def test_what_is_no_formula_is_left_alone() -> None:
    assert csv_field("eth0", formula_safe=True) == '"eth0"'
    assert csv_field("") == '""'


def test_characters_without_a_shape_become_escapes() -> None:
    assert visible("a\xad\u180e\U000e0041\U0001d173\ufdd0") == "a\\xad\\u180e\\U000e0041\\U0001d173\\ufdd0"


@given(ANY_TEXT | st.text(st.sampled_from("a\U000e0041\U0001d173\U0001f600\u202e")))
def test_json_shows_nothing_hidden_and_reads_back(text: str) -> None:
    said = json_text({text: text})
    assert visible(said, None) == said
    assert json.loads(said) == {text: text}


@pytest.mark.parametrize("sign", "\uff1d\uff0b\uff0d\uff20")
def test_a_formula_in_wide_signs_is_not_one_any_more(sign: str) -> None:
    assert csv_field(f"{sign}1", formula_safe=True) == f'"\'{sign}1"'
