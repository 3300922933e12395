"""What leaves flowparse leaves as values: nothing is opened, sent, or looked up."""

from __future__ import annotations

from tests.test_no_io import run_guarded

PROGRAM = """
import flowparse
from flowparse import elastic, encode, logstash, prefixes, report
header = bytes.fromhex("0005 0001 0000ea60 65000000 00000000 00000000 00 00 0000")
decoder = flowparse.Decoder()
decoder.feed(header + bytes(range(48)), "192.0.2.1", 1_700_000_000_000_000_000)
flows = decoder.take()
for count in ("all", "once", "ingress"):
    assert report.top(flows, count=count).note
    assert report.conversations(flows, count=count).note
    assert report.timeline(flows, count=count).note
assert len(list(report.lines(flows)) + list(report.lines(flows, "tcpdump"))) == 2
listed = prefixes.parse_drop("; Last-Modified: Sun, 14 Jul 2024 11:35:26 GMT\\n0.0.0.0/0 ; SBL1")
assert listed.annotate(flows).scaled(default_rate=2)[0].src_addr_list_id == "SBL1"
for rows in (flows, listed):
    assert list(logstash.lines(rows)) and list(logstash.lines(rows, "json"))
    assert list(elastic.bulk(rows, data_stream="s"))
assert elastic.index_template("s") and logstash.pipeline({"a": "b"}, ["c"], "d")
assert len(list(encode.netflow5(flows, lossy=True))) == 1
"""


def test_nothing_is_read_but_the_package() -> None:
    done = run_guarded(PROGRAM)
    assert done.returncode == 0, done.stderr
