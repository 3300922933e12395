"""The one escaping rule for text that came off the wire.

Names, descriptions and strings in flow records are written by whoever sends them. Before such text
is shown, in a `repr`, HTML, DOT or CSV, whatever would not show as itself becomes a visible escape:
controls (C0, DEL, C1), line and paragraph separators, bidirectional controls, characters without a
shape such as tags (U+E0000 to U+E0FFF), lone surrogates, noncharacters. What is shown has a bounded
length. Nothing here judges whether text is true.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from html import escape as _escape_html

__all__ = ["LIMIT", "csv_field", "dot_string", "html", "json_text", "no_such", "quoted", "time_text", "visible"]

LIMIT = 64
"""Characters of a value that are shown where nothing else is said."""

_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufdd0-\ufdef\ufeff"
    "\ufff9-\ufffb\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_FORMULA = (*"=+-@\t\r\n", *"\uff1d\uff0b\uff0d\uff20")  # the wide forms too: some spreadsheets take them for the same


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_SECOND = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(seconds=1)
_LAST_SECOND = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(seconds=1)


def time_text(ns: int) -> str:
    """A time in nanoseconds since 1970 as people read it: UTC, as many decimals as it has.

    >>> time_text(1489636168401224368), time_text(0), time_text(10**24)
    ('2017-03-16 03:49:28.401224368', '1970-01-01 00:00:00', '1000000000000000000000000 ns')
    """
    seconds, fraction = divmod(ns, 1_000_000_000)
    if not _FIRST_SECOND <= seconds <= _LAST_SECOND:
        return f"{ns} ns"  # no year of four digits
    whole = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S")
    return f"{whole}.{fraction:09d}".rstrip("0").rstrip(".") if fraction else whole


def float_text(value: float) -> str:
    """A floating-point number as people read it: four digits, or as many as there are before the point.

    >>> float_text(6.198064213930023), float_text(0.1), float_text(123456.7), float_text(2.5e-7), float_text(1e300)
    ('6.198', '0.1', '123457', '2.5e-07', '1e+300')
    """
    return f"{value:.0f}" if 10_000 <= abs(value) < 10**15 else f"{value:.4g}"


def _as_escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x10000:
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    return f"\\U{code:08x}"


def _as_json_escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x10000:
        return f"\\u{code:04x}"
    return f"\\u{0xD7C0 + (code >> 10):04x}\\u{0xDC00 | code & 0x3FF:04x}"  # a surrogate pair (RFC 8259 section 7)


def visible(text: str, limit: int | None = LIMIT) -> str:
    r"""Make hidden characters visible, and cut long text.

    Parameters
    ----------
    text : str
    limit : int or None
        Characters of `text` to keep; an ellipsis stands for the rest. None keeps all.

    Examples
    --------
    >>> visible("uplink\n\u202eGNP")
    'uplink\\x0a\\u202eGNP'
    >>> visible("abcdef", 3)
    'abc…'
    """
    if limit is not None and len(text) > limit:
        return _HIDDEN.sub(_as_escape, text[:limit]) + "…"
    return _HIDDEN.sub(_as_escape, text)


def quoted(value: object, limit: int = LIMIT) -> str:
    r"""A value for a `repr`: text and octets quoted, escaped, and cut to `limit`; floats as `float_text` has them.

    Examples
    --------
    >>> print(quoted("it's\x1b"), quoted(bytes(2)), quoted(7), quoted(2 / 3))
    "it's\x1b" b'\x00\x00' 7 0.6667
    """
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, (str, bytes)) and len(value) > limit:
        return f"{value[:limit]!r}…"
    return repr(value)


def html(value: object, limit: int | None = LIMIT) -> str:
    """A value as HTML text, good between tags and in a quoted attribute; floats as `float_text` has them.

    Examples
    --------
    >>> html("<b>&")
    '&lt;b&gt;&amp;'
    """
    if isinstance(value, float):
        return float_text(value)
    return _escape_html(visible(value.hex() if isinstance(value, bytes) else str(value), limit))


def dot_string(text: str, limit: int | None = None) -> str:
    r"""A quoted string of the DOT language; Graphviz sees no escape of its own in it.

    Examples
    --------
    >>> print(dot_string('a"b\\N'))
    "a\"b\\N"
    """
    return '"' + visible(text, limit).replace("\\", "\\\\").replace('"', '\\"') + '"'


def csv_field(text: str, *, formula_safe: bool = False, limit: int | None = None) -> str:
    r"""A quoted CSV field (RFC 4180 section 2).

    Parameters
    ----------
    text : str
    formula_safe : bool
        Put an apostrophe before what a spreadsheet would take for a formula.

    Examples
    --------
    >>> print(csv_field('say "hi" twice'), csv_field("=1+1", formula_safe=True))
    "say ""hi"" twice" "'=1+1"
    """
    guard = "'" if formula_safe and text.lstrip(" ").startswith(_FORMULA) else ""
    return '"' + guard + visible(text, limit).replace('"', '""') + '"'


def no_such(what: str, name: object, names: Iterable[str]) -> str:
    """Say that there is no such thing, and what is spelt nearly so.

    Examples
    --------
    >>> no_such("column", "srcaddr", ["bytes", "src_addr"])
    "no column 'srcaddr'; near: src_addr"
    """
    near = get_close_matches(name, list(names)) if isinstance(name, str) else []
    return f"no {what} {quoted(name)}" + (f"; near: {', '.join(near)}" if near else "")


def json_text(value: object) -> str:
    r"""A value as JSON on one line; what is hidden is escaped, and reads back as it was.

    Raises
    ------
    ValueError, TypeError
        A number that JSON does not have, or an object that it cannot say.

    Examples
    --------
    >>> print(json_text({"name": "up\nlink\u202e", "é": 2**64}))
    {"name":"up\nlink\u202e","é":18446744073709551616}
    """
    import json  # noqa: PLC0415  who shows no JSON does not pay for it

    said = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _HIDDEN.sub(_as_json_escape, said)
