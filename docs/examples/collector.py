"""A NetFlow collector: UDP in, Parquet out, on one asyncio loop.

    python docs/examples/collector.py --listen 0.0.0.0:2055 --directory flows

Sockets, files, clocks and signals are here; the library gets octets, an address and a time. Every
datagram is decoded as it comes (a few microseconds), so nothing queues but in the socket's buffer.
What templates and options told is kept in a file beside the flows, so that a collector that starts
again decodes the first datagram. Needs pyarrow.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import flowparse

STATE = ".flowparse-state"  # what reads the directory passes over names with a dot
RECEIVE_BUFFER = 32 * 1024 * 1024  # the kernel may grant less: sysctl net.core.rmem_max


class Collector(asyncio.DatagramProtocol):
    """Decode what comes; write a Parquet file when there are enough rows, or when `flush` is called."""

    def __init__(self, directory: Path, rows: int, stop_after: int | None, done: asyncio.Event) -> None:
        self.decoder = flowparse.Decoder()
        self.directory = directory
        self.rows = rows
        self.stop_after = stop_after
        self.done = done
        self.written = 0
        self.files = 0
        self.state = self.load_state()

    def load_state(self) -> bytes:
        """Take over what the last collector here knew; without it, the first templates are waited for."""
        try:
            state = (self.directory / STATE).read_bytes()
            self.decoder.import_state(state)
        except FileNotFoundError:
            return b""
        except flowparse.StateError as error:
            print(f"{STATE}: {error}; it is not used", file=sys.stderr)
            return b""
        print(f"{STATE}: {len(state)} octets of what was known", flush=True)
        return state

    def save_state(self) -> None:
        """Write what is known if it changed. Equal knowledge has equal octets."""
        state = self.decoder.export_state()
        if state != self.state:
            replace(self.directory / STATE, lambda path: path.write_bytes(state))
            self.state = state

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self.decoder.feed(data, addr, time.time_ns())
        if self.decoder.rows_waiting >= self.rows:
            self.flush()
        if self.stop_after is not None and self.written + self.decoder.rows_waiting >= self.stop_after:
            self.done.set()

    def error_received(self, exc: OSError) -> None:
        print(f"socket: {exc}", file=sys.stderr)

    def flush(self) -> None:
        """Write the rows that wait as one file, then what is known, and print what happened since."""
        for event in self.decoder.events():
            print(f"{event.severity}: {event.code} of {event.exporter}: {event.message}", flush=True)
        flows = self.decoder.take()
        if len(flows):
            name = f"flows-{time.time_ns()}-{os.getpid()}-{self.files:06}.parquet"
            replace(self.directory / name, lambda path: pq.write_table(pa.table(flows), path, compression="zstd"))
            self.files += 1
            self.written += len(flows)
            print(f"{name}: {len(flows)} rows", flush=True)
        self.save_state()


def replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file that others see whole, or as it was: its name comes last."""
    being_written = path.with_name(f".{path.name}.tmp")
    write(being_written)
    being_written.replace(path)


def listen(host: str, port: int) -> socket.socket:
    """Bind a UDP socket with a large receive buffer; "::" takes IPv4 too."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)[0]
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    if family == socket.AF_INET6 and host == "::":
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind(address)
    return sock


async def collect(sock: socket.socket, options: argparse.Namespace) -> Collector:
    """Collect until a signal comes, or `--stop-after` rows did; what waits is written before the end."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, done.set)
    transport, collector = await loop.create_datagram_endpoint(
        lambda: Collector(options.directory, options.rows, options.stop_after, done), sock=sock
    )
    try:
        while not done.is_set():
            try:
                await asyncio.wait_for(done.wait(), options.seconds)
            except TimeoutError:
                collector.flush()
    finally:
        transport.close()
        collector.flush()
    return collector


def host_and_port(text: str) -> tuple[str, int]:
    """Read HOST:PORT, or [HOST]:PORT for IPv6."""
    host, _, port = text.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)


def main() -> int:
    parser = argparse.ArgumentParser(description="Collect NetFlow over UDP into Parquet files.")
    parser.add_argument("--listen", type=host_and_port, default=("::", 2055), metavar="HOST:PORT")
    parser.add_argument("--directory", type=Path, default=Path("flows"), help="where the files go")
    parser.add_argument("--rows", type=int, default=1_000_000, help="write a file when so many rows wait")
    parser.add_argument("--seconds", type=float, default=60.0, help="and at least this often")
    parser.add_argument("--stop-after", type=int, metavar="ROWS", help="end when so many rows came")
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    try:
        sock = listen(*options.listen)
    except OSError as error:
        print(f"collector.py: {options.listen}: {error}", file=sys.stderr)
        return 1
    with sock:
        print("listening on {} port {}".format(*sock.getsockname()[:2]), flush=True)
        collector = asyncio.run(collect(sock, options))
    for each in collector.decoder.stats():
        print(
            f"{each.exporter} domain {each.domain} {each.version}: {each.datagrams} datagrams, {each.records} flows, "
            f"{each.missed} missed, {each.discarded} discarded"
        )
    print(f"{collector.written} rows in {collector.files} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
