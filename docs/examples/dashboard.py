"""A page of who talks: exporters and interfaces, and top talkers and conversations of the last minutes.

    python docs/examples/dashboard.py --listen 0.0.0.0:2055 --page 127.0.0.1:8000

Standard library only. One thread receives and decodes, the server's threads add up what is kept; a batch
does not change once it was taken, so only the list of batches needs a lock. The page has no script and
no password: leave it on loopback, or put what you trust in front of it.
"""

from __future__ import annotations

import argparse
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import flowparse
from flowparse import report

SCHEMA = flowparse.FLOW.select(
    *("sampler_address", "src_addr", "dst_addr", "proto", "src_port", "dst_port", "icmp_type", "icmp_code"),
    *("time_received_ns", "time_flow_start_ns", "time_flow_end_ns", "time_source", "record_kind", "flow_direction"),
    *("in_if", "bytes", "packets", "sampling_rate"),
)
STYLE = (
    "body{font:15px/1.4 system-ui,sans-serif;margin:2rem auto;max-width:64rem;color:#222}"
    "table{border-collapse:collapse;margin:.5rem 0 1.5rem}th,td{padding:.2rem .8rem;text-align:left}"
    "tr:nth-child(even){background:#f3f3f3}td.n{text-align:right;font-variant-numeric:tabular-nums}"
    "p{color:#666;max-width:60rem}"
)


class Flows:
    """The decoder, and the batches of the last minutes."""

    def __init__(self, keep_s: float, rows: int) -> None:
        self.decoder = flowparse.Decoder(schema=SCHEMA)
        self.keep_ns = int(keep_s * 1e9)
        self.most_rows = rows
        self.batches: deque[tuple[int, flowparse.Batch]] = deque()
        self.lock = threading.Lock()

    def receive(self, datagram: bytes, sender: tuple[Any, ...]) -> None:
        with self.lock:
            self.decoder.feed(datagram, sender, time.time_ns())

    def recent(self) -> tuple[list[flowparse.Batch], list[flowparse.ExporterStats]]:
        """What is kept, without what became old or too much."""
        with self.lock:
            now = time.time_ns()
            taken = self.decoder.take()
            if len(taken):
                self.batches.append((now, taken))
            rows = sum(len(batch) for _, batch in self.batches)
            while self.batches and (self.batches[0][0] < now - self.keep_ns or rows > self.most_rows):
                rows -= len(self.batches.popleft()[1])
            return [batch for _, batch in self.batches], self.decoder.stats()

    def interfaces(self) -> flowparse.Batch:
        """What passed each interface since the program started."""
        with self.lock:
            return self.decoder.interfaces


def cell(value: object) -> str:
    """A cell of a table; numbers to the right, and nothing that came off the wire is markup."""
    if isinstance(value, int):
        return f'<td class="n">{value:,}</td>'
    return f"<td>{escape('' if value is None else str(value))}</td>"


def table(heading: str, names: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table with its heading."""
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(map(cell, row)) + "</tr>" for row in rows)
    return f"<h2>{escape(heading)}</h2><table><tr>{head}</tr>{body}</table>"


def name_of(interface: flowparse.Row) -> str:
    """What the exporter calls it; an ifIndex is a name too, not an amount."""
    return interface["name"] or interface["description"] or str(interface["if_index"])


def page(flows: Flows) -> str:
    """The page as it stands now."""
    batches, exporters = flows.recent()
    talkers = report.top(batches, "src_addr", "bytes_estimated", 15, count="once")
    interfaces = sorted(flows.interfaces(), key=lambda each: each["bytes"], reverse=True)[:30]
    pairs = report.conversations(batches, 15, count="once")
    parts = [
        "<!doctype html><meta charset=utf-8><meta http-equiv=refresh content=5><title>flows</title>",
        f"<style>{STYLE}</style>",
        "<h1>Flows</h1>",
        table(
            "Exporters",
            ("exporter", "version", "datagrams", "flows", "missed"),
            ((each.exporter, each.version, each.datagrams, each.records, each.missed) for each in exporters),
        ),
        table(
            "Interfaces",
            ("exporter", "interface", "flows in", "bytes in", "flows out", "bytes out"),
            (
                (r["exporter"], name_of(r), r["in_flows"], r["in_bytes"], r["out_flows"], r["out_bytes"])
                for r in interfaces
            ),
        ),
        table(
            "Top talkers",
            ("source", "flows", "packets", "bytes", "estimated"),
            ((r["src_addr"], r["rows"], r["packets"], r["bytes"], r["bytes_estimated"]) for r in talkers),
        ),
        table(
            "Conversations",
            ("a", "b", "bytes to b", "bytes to a"),
            ((r["addr_a"], r["addr_b"], r["bytes_ab"], r["bytes_ba"]) for r in pairs),
        ),
        f"<p>{escape(talkers.note)}.</p>",
    ]
    return "".join(parts)


def server(address: tuple[str, int], flows: Flows) -> ThreadingHTTPServer:
    """A server of the one page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/":
                self.send_error(404)
                return
            body = page(flows).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    return ThreadingHTTPServer(address, Handler)


def endpoint(text: str) -> tuple[str, int]:
    """HOST:PORT."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host, int(port)


def main() -> int:
    parser = argparse.ArgumentParser(description="Serve a page of who talks.")
    parser.add_argument("--listen", type=endpoint, default=("127.0.0.1", 2055), help="where flows come in, UDP")
    parser.add_argument("--page", type=endpoint, default=("127.0.0.1", 8000), help="where the page is, HTTP")
    parser.add_argument("--minutes", type=float, default=10, help="how long flows are kept")
    parser.add_argument("--rows", type=int, default=2_000_000, help="how many are kept at most")
    options = parser.parse_args()

    flows = Flows(options.minutes * 60, options.rows)
    try:
        incoming = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        incoming.bind(options.listen)
        pages = server(options.page, flows)
    except OSError as error:
        print(f"dashboard.py: {error}", file=sys.stderr)
        return 1
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    print(f"flows on port {incoming.getsockname()[1]}, page on http://127.0.0.1:{pages.server_address[1]}/", flush=True)
    try:
        while True:
            flows.receive(*incoming.recvfrom(65535))
    except KeyboardInterrupt:
        return 0
    finally:
        pages.shutdown()
        incoming.close()


if __name__ == "__main__":
    sys.exit(main())
