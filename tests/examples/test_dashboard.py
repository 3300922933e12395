"""dashboard.py: datagrams over a real socket, the page back."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests import build
from tests.examples.program import command, environment, load, run

PATIENCE_S = 30


@pytest.fixture
def running() -> Iterator[tuple[int, str]]:
    """The port that takes flows, and the page's address."""
    program = subprocess.Popen(
        command("dashboard", "--listen", "127.0.0.1:0", "--page", "127.0.0.1:0"),
        env=environment(), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert program.stdout is not None
    try:
        found = re.fullmatch(r"flows on port (\d+), page on (http\S+)\n", program.stdout.readline())
        assert found is not None
        yield int(found[1]), found[2]
    finally:
        program.kill()
        program.communicate()


def read(address: str) -> str:
    with urlopen(address, timeout=PATIENCE_S) as answer:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        text: str = answer.read().decode()
    return text


def test_the_page_tells_what_was_sent(running: tuple[int, str]) -> None:
    port, address = running
    assert "<h2>Top talkers</h2>" in read(address)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto(build.chapter_message(), ("127.0.0.1", port))
    deadline = time.monotonic() + PATIENCE_S
    while "10.0.0.9" not in (text := read(address)):
        assert time.monotonic() < deadline
    assert "<td>127.0.0.1</td><td>netflow5</td>" in text
    assert '<td>10.0.0.9</td><td class="n">2</td><td class="n">12</td><td class="n">974</td>' in text
    assert '<td>10.0.0.5</td><td>10.0.0.9</td><td class="n">1,946</td><td class="n">974</td>' in text
    assert "<th>interface</th><th>flows in</th>" in text
    assert '<td>127.0.0.1</td><td>1</td><td class="n">' in text
    assert "4 of 9 rows look like second sightings" in text
    with pytest.raises(HTTPError, match="404"):
        read(address + "x")


def test_what_is_old_or_too_much_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    dashboard: Any = load("dashboard")
    flows = dashboard.Flows(60, 20)
    now = 1_700_000_000 * 10**9
    monkeypatch.setattr(dashboard.time, "time_ns", lambda: now)
    for expected in (9, 18, 18):
        flows.receive(build.chapter_message(), ("192.0.2.1", 1))
        batches, exporters = flows.recent()
        assert (sum(map(len, batches)), len(exporters)) == (expected, 1)
    now += 61 * 10**9
    assert flows.recent()[0] == []
    assert "<h2>Conversations</h2>" in dashboard.page(flows)


def test_nothing_off_the_wire_is_markup() -> None:
    assert "<td>&lt;b&gt;</td>" in load("dashboard").table("a", ["b"], [["<b>"]])


def test_a_port_in_use_is_one_line() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        done = run("dashboard", "--listen", f"127.0.0.1:{taken.getsockname()[1]}", "--page", "127.0.0.1:0")
    assert done.returncode == 1
    assert done.stderr.startswith("dashboard.py: ")
    assert done.stderr.count("\n") == 1
