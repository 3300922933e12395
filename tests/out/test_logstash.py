"""Lines: one for each row whatever is in it, all of them matched by GROK, and a configuration that reads them."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowparse import Decoder, logstash, prefixes
from tests import build
from tests.out.rows import ROUTER, START_NS, batch, chapter, flow, varied

DROP = """\
; Last-Modified: Sun, 14 Jul 2024 11:35:26 GMT
212.92.127.0/24 ; SBL352250
198.51.100.0/22 ; SBL900002
203.0.113.128/25 ; SBL900003
2001:db8:1::/48 ; SBL900004
"""
BAD = [  # values that want to break out of a line
    'say "x: y"',
    "a\nb: c=d",
    "\r\n",
    "\x00\x1b[31m",
    "\u2028\u202e\x85",
    "",
    " ",
    "a=b",
    "=",
    "\\",
    "é😀",
    "\ud800",
    "x: y",
]


@pytest.fixture(scope="module")
def grok() -> Any:
    pygrok = pytest.importorskip("pygrok", reason="pygrok is not here")
    return pygrok.Grok(logstash.GROK)


def pairs(text: str) -> dict[str, str]:
    """What a reader of key=value makes of it, JSON strings unquoted."""
    found = re.findall(r'([A-Za-z0-9_.@-]+)=("(?:[^"\\]|\\.)*"|[^ "]+)(?: |$)', text)
    assert " ".join(f"{name}={value}" for name, value in found) == text
    return {name: json.loads(value) if value.startswith('"') else value for name, value in found}


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_chapters_four_lines_keep_the_mask(grok: Any) -> None:
    found = list(logstash.lines(prefixes.parse_drop(DROP), host="python_networking", process="spamhause_drop_list"))
    start = "Jul 14 11:35:26 python_networking spamhause_drop_list: "
    assert found == [
        start + "src_ip=212.92.127.0/24 record_number=SBL352250",
        start + "src_ip=198.51.100.0/22 record_number=SBL900002",
        start + "src_ip=203.0.113.128/25 record_number=SBL900003",
        start + "src_ip=2001:db8:1::/48 record_number=SBL900004",
    ]
    matched = [grok.match(line) for line in found]
    assert [(each["src_ip"], each["prefix_length"], each["record_number"]) for each in matched] == [
        ("212.92.127.0", "24", "SBL352250"), ("198.51.100.0", "22", "SBL900002"), ("203.0.113.128", "25", "SBL900003"),
        ("2001:db8:1::", "48", "SBL900004"),
    ]  # fmt: skip
    assert matched[0]["timestamp"] == "Jul 14 11:35:26"
    assert (matched[0]["host"], matched[0]["process"]) == ("python_networking", "spamhause_drop_list")


def test_grok_reads_the_chapters_own_line(grok: Any) -> None:
    line = "Jul 14 11:35:26 python_networking spamhause_drop_list: src_ip=212.92.127.0 record_number=SBL352250"
    assert grok.match(line)["src_ip"] == "212.92.127.0"


def test_a_flow() -> None:
    [line] = logstash.lines(chapter()[:1], host="collector")
    assert line.startswith("Mar 16 03:49:16 collector flowparse: type=2 sampler_address=192.0.2.1 ")
    said = pairs(line.partition("flowparse: ")[2])
    assert (said["src_addr"], said["dst_port"], said["bytes"]) == ("192.168.0.1", "179", "40")
    assert said["time_flow_end_ns"] == "2017-03-16T03:49:16.401224368Z"
    assert "next_hop" not in said


def test_a_flow_as_json() -> None:
    [line] = logstash.lines(chapter()[:1], "json", host="collector")
    said = json.loads(line)
    assert said["@timestamp"] == "2017-03-16T03:49:16.401224368Z"
    assert (said["host"], said["process"], said["src_addr"], said["bytes"]) == (
        "collector",
        "flowparse",
        "192.168.0.1",
        40,
    )


@pytest.mark.parametrize("host", ["", "collector-1.example.com"])
def test_grok_matches_every_line(grok: Any, host: str) -> None:
    rows = [batch(varied(50)), *({"name": bad, "src_ip": bad} for bad in BAD)]
    for line in logstash.lines(rows, host=host):
        found = grok.match(line)
        assert found is not None, line
        assert found["host"] == (host or None)
        assert found["process"] == "flowparse"
        assert found["fields"] == line.partition("flowparse: ")[2]


def test_prefixes_without_names_or_dates(grok: Any) -> None:
    [bare, named] = logstash.lines(prefixes.parse(["192.0.2.0/24", "192.0.2.128/25 some people"]))
    assert bare == "flowparse: src_ip=192.0.2.0/24"
    assert grok.match(bare)["src_ip"] == "192.0.2.0"
    assert pairs(named.partition(": ")[2]) == {"src_ip": "192.0.2.128/25", "record_number": "some people"}
    assert grok.match(named)["fields"] == 'src_ip=192.0.2.128/25 record_number="some people"'


# ── nothing breaks a line ────────────────────────────────────────────────────────────────────────────────────────────

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.sampled_from(BAD),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(max_size=10), VALUES, max_size=5))
def test_any_row_is_one_line(row: dict[str, Any]) -> None:
    for form in ("kv", "json"):
        [line] = logstash.lines([row], form)  # type: ignore[arg-type]
        assert line.splitlines() in ([line], [])
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202e]", line)
        line.encode("utf-8")
    json.loads(line, parse_constant=pytest.fail)


@pytest.mark.parametrize("value", BAD)
def test_text_reads_back_as_it_was(value: str) -> None:
    [line] = logstash.lines([{"name": value}])
    assert pairs(line.removeprefix("flowparse: ")) == {"name": value}
    [line] = logstash.lines([{"name": value}], "json")
    assert json.loads(line)["name"] == value


def test_numbers_that_json_does_not_have() -> None:
    row = {"a": math.nan, "b": -math.inf, "c": 2**64, "d": 10**5000, "e": [math.inf, 1], "f": 0.5, "g": True}
    [line] = logstash.lines([row], "json")
    said = json.loads(line)
    assert said == {"process": "flowparse", "c": 2**64, "d": hex(10**5000), "e": [None, 1], "f": 0.5, "g": True}
    [line] = logstash.lines([{"a": math.nan, "c": 2**64, "f": 0.5}])
    assert line == "flowparse: c=18446744073709551616 f=0.5"


def test_times_beyond_what_can_be_said() -> None:
    rows = batch([flow(time_flow_end_ns=-1), flow(time_flow_end_ns=2**63 - 1)])
    before, last = logstash.lines(rows)
    assert before.startswith("flowparse: ")
    assert " time_flow_end_ns=-1 " in before
    assert last.startswith("Apr 11 23:47:16 flowparse: ")
    day = batch([flow(time_flow_end_ns=START_NS - 12 * 86400 * 10**9)])
    assert next(logstash.lines(day)).startswith("Nov  2 22:13:20 flowparse: ")


def test_mistakes_of_the_caller() -> None:
    for wrong in ({"form": "xml"}, {"host": "a b"}, {"process": ""}, {"process": "a:"}, {"host": "x\n"}):
        with pytest.raises(ValueError, match=r"form is|words"):
            logstash.lines([], **wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a row is a mapping, not int"):
        list(logstash.lines([1]))  # type: ignore[list-item]
    with pytest.raises(TypeError, match="not one of them"):
        list(logstash.lines({"a": 1}))  # type: ignore[arg-type]


# ── pipeline ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_pipeline() -> None:
    made = logstash.pipeline(
        {"drop": "/var/log/drop.log", "flows": "/var/log/flows.json"},
        ["https://es1:9200", "https://es2:9200"],
        "logstash_network_log-%{+YYYY.MM.dd}",
    )
    assert f'match => {{ "message" => "{logstash.GROK}" }}' in made
    assert '  file { path => "/var/log/drop.log" type => "drop" codec => plain }\n' in made
    assert '  file { path => "/var/log/flows.json" type => "flows" codec => json }\n' in made
    assert 'hosts => ["https://es1:9200", "https://es2:9200"] index => "logstash_network_log-%{+YYYY.MM.dd}"' in made
    assert balanced(made)


def balanced(text: str) -> bool:
    """Whether braces outside of strings open and close."""
    depth = 0
    for sign in re.sub(r'"[^"]*"|\'[^\']*\'', "", text):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        if depth < 0:
            return False
    return depth == 0


def test_pipeline_says_no_to_what_it_cannot_write() -> None:
    assert "'/var/\"x\"'" in logstash.pipeline({"a": '/var/"x"'}, [], "i")
    for path in ("a\nb", "\"'", "\x00"):
        with pytest.raises(ValueError, match="cannot be written"):
            logstash.pipeline({"a": path}, [], "i")


def test_icmp_has_no_ports() -> None:
    decoder = Decoder()
    decoder.feed(build.netflow5([build.V5Record(proto=1, src_port=0, dst_port=8 << 8)]), ROUTER)
    [line] = logstash.lines(decoder.take())
    assert " icmp_type=8 icmp_code=0 " in line
    assert "port" not in line
