"""Lines for Logstash and whatever reads key=value or JSON from a file, and the configuration that reads them.

A line is one row. A value that is not one plain word is quoted as JSON quotes text, so that a line break
or a quote inside it is escaped; no value can end a line or make a key. Lines of prefixes keep the mask.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from flowparse.out.elastic import Rows, time_text
from flowparse.out.plain import clock, plain, row_time, rows_of
from flowparse.out.prefixes import PrefixSet
from flowparse.text import json_text, quoted

__all__ = ["GROK", "lines", "pipeline"]

GROK = (
    r"^(?:%{SYSLOGTIMESTAMP:timestamp} )?(?:(?![^ ]*: )%{NOTSPACE:host} )?(?![^ ]*=)%{NOTSPACE:process}: "
    r"(?:src_ip=%{IP:src_ip}(?:/%{INT:prefix_length})?(?: record_number=%{NOTSPACE:record_number})?"
    r"|%{GREEDYDATA:fields})$"
)
"""The pattern of a line of form "kv": a prefix into `src_ip`, `prefix_length` and `record_number`; any other
row into `fields`, for Logstash's kv filter. Without a named group, so that every grok reads it."""

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
WORD = re.compile(r"[A-Za-z0-9_.:/@+%-]+")
NOT_KEY = re.compile(r"[^A-Za-z0-9_.@-]")
TAG = re.compile(r"[!-9;<>-~]+")  # no blank, colon or equals sign
UNQUOTABLE = re.compile(r"[\x00-\x1f\x7f]")


def _syslog_time(ns: int | None) -> str:
    """RFC 3164 section 4.1.2, with a blank behind; empty where there is none that it can say."""
    found = None if ns is None else clock(ns)
    if found is None:
        return ""
    when = datetime.fromtimestamp(found[0], UTC)
    return f"{MONTHS[when.month - 1]} {when.day:2d} {when:%H:%M:%S} "


def _word(value: Any) -> str:
    """A value as a word, or quoted."""
    text = value if isinstance(value, str) else json_text(value)
    return text if WORD.fullmatch(text) else json_text(text)


def _rows(rows: Rows) -> Iterator[tuple[int | None, dict[str, Any]]]:
    """The time and the values of each row; nulls and floats that are no numbers left out."""
    if isinstance(rows, PrefixSet):
        for entry in rows:
            said = {"src_ip": str(entry.network)}
            if entry.list_id is not None:
                said["record_number"] = entry.list_id
            yield rows.modified_ns, said
        return
    for row in rows_of(rows):
        yield row_time(row), {str(name): _said(str(name), value) for name, value in row.items()}


def _said(name: str, value: Any) -> Any:
    if name.endswith("_ns") and isinstance(value, int):
        return time_text(value) or value
    return plain(value)


def lines(
    rows: Rows, form: Literal["kv", "json"] = "kv", *, host: str = "", process: str = "flowparse"
) -> Iterator[str]:
    """Each row as a line of text, without a line break.

    Parameters
    ----------
    rows : Batch, PrefixSet, or iterable of Batch or mapping
        Nulls are left out, and so are floats that are no numbers. Times are ISO 8601, UTC.
    form : {"kv", "json"}
        "kv": "Jul 14 11:35:26 host process: key=value key=value", which `GROK` matches; the time is that
        of the flow (UTC; its end, start or receipt) or of the list, and is left out where there is none.
        "json": an object with `@timestamp`, `host` and `process` beside the row's.
    host, process : str
        Who writes it; an empty host is left out.

    Raises
    ------
    ValueError
        A form that there is not; a host or process that is not one word without colon and equals sign.
    TypeError
        A row that is no mapping.
    """
    if form not in ("kv", "json"):
        raise ValueError(f"form is kv or json, not {form!r}")
    if not TAG.fullmatch(process) or not (host == "" or TAG.fullmatch(host)):
        raise ValueError(f"host and process are words, not {quoted(host)} and {quoted(process)}")
    make = _kv_line if form == "kv" else _json_line
    return (make(time, said, host, process) for time, said in _rows(rows))


def _kv_line(time: int | None, said: Mapping[str, Any], host: str, process: str) -> str:
    pairs = " ".join(
        f"{NOT_KEY.sub('_', name) or '_'}={_word(value)}" for name, value in said.items() if value is not None
    )
    return f"{_syslog_time(time)}{host and host + ' '}{process}: {pairs}"


def _json_line(time: int | None, said: Mapping[str, Any], host: str, process: str) -> str:
    about = {"@timestamp": None if time is None else time_text(time), "host": host or None, "process": process}
    return json_text({name: value for name, value in (about | dict(said)).items() if value is not None})


def _string(text: str) -> str:
    """A string of Logstash's configuration, which has no escapes."""
    if UNQUOTABLE.search(text) or ('"' in text and "'" in text):
        raise ValueError(f"{quoted(text)} cannot be written in a Logstash configuration")
    return f"'{text}'" if '"' in text else f'"{text}"'


def pipeline(inputs: Mapping[str, str], hosts: Sequence[str], index: str) -> str:
    """A Logstash configuration that reads files of `lines` and writes to Elasticsearch.

    Parameters
    ----------
    inputs : mapping of str to str
        The type that events get, and the path of the file they come from. A path that ends in ".json" or
        ".ndjson" has lines of form "json".
    hosts : sequence of str
        Such as "https://localhost:9200".
    index : str
        Such as "logstash_network_log-%{+YYYY.MM.dd}".

    Raises
    ------
    ValueError
        Text that such a configuration cannot say: a control character, or quotes of both kinds.
    """
    files = []
    for kind, path in inputs.items():
        codec = "json" if path.endswith((".json", ".ndjson")) else "plain"
        files.append(f"  file {{ path => {_string(path)} type => {_string(kind)} codec => {codec} }}")
    servers = ", ".join(_string(host) for host in hosts)
    return "\n".join(
        [
            "input {",
            *files,
            "}",
            "filter {",
            "  if [message] {",
            f'    grok {{ match => {{ "message" => {_string(GROK)} }} overwrite => ["host", "process"] }}',
            '    kv { source => "fields" remove_field => ["fields"] }',
            '    date { match => ["timestamp", "MMM dd HH:mm:ss", "MMM  d HH:mm:ss"] timezone => "UTC" }',
            "  }",
            "}",
            "output {",
            f"  elasticsearch {{ hosts => [{servers}] index => {_string(index)} }}",
            "}",
            "",
        ]
    )
