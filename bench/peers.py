"""Programs that are not Python, by hand: one capture each, user and system time, the least of 8 runs.

    python -m bench.peers [workload ...]       v5 v9 ipfix6 by default; the programs found on the path

Strategy: the time of the same program on a capture of one datagram is taken off, which removes its start. Files are on
tmpfs where there is one. A program that wrote too little for its records did not decode them, and gets no figure.
nfcapd needs 1.7.8 or later, built with --enable-readpcap, to read a capture. nfcapd and flowparse store what they
decode; tshark prints seven fields.
"""

from __future__ import annotations

import argparse
import importlib
import mmap
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

RUNS = 8
RECORDS = 400_000
LEAST_OCTETS = 20  # of output for each record
DEFAULT = ("v5", "v9", "ipfix6")
FIELDS = ("srcaddr", "dstaddr", "srcport", "dstport", "protocol", "octets", "packets")


class Program(NamedTuple):
    name: str
    version: list[str]
    command: Callable[[Path, Path], list[str]]  # capture, empty folder for what it writes


def tshark(capture: Path, _: Path) -> list[str]:
    fields = [part for field in FIELDS for part in ("-e", f"cflow.{field}")]
    return ["tshark", "-n", "-r", str(capture), "-d", "udp.port==2055,cflow", "-T", "fields", *fields]


PROGRAMS = (
    Program(
        "flowparse",
        [sys.executable, "-c", "import flowparse, importlib.metadata as m; print(m.version('flowparse'))"],
        lambda capture, folder: [
            sys.executable,
            "-m",
            "bench.peers",
            "--ours",
            str(capture),
            str(folder / "flows.arrow"),
        ],
    ),
    Program("nfcapd", ["nfcapd", "-V"], lambda capture, folder: ["nfcapd", "-f", str(capture), "-w", str(folder)]),
    Program("tshark", ["tshark", "--version"], tshark),
)


def store(capture: str, path: str) -> None:
    """What flowparse does in a process of its own: a capture to an Arrow IPC file for each table."""
    import flowparse as fp  # noqa: PLC0415

    pa: Any = importlib.import_module("pyarrow")
    decoder = fp.Decoder(schema=fp.NATIVE)
    with open(capture, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as octets:
        decoder.feed_capture(octets)
    for index, batch in enumerate(decoder.take_tables()):
        table: Any = pa.table(batch)
        with pa.ipc.new_file(f"{path}.{index}", table.schema) as writer:
            writer.write_table(table)


def run(program: Program, capture: Path, folder: Path) -> tuple[float, int]:
    """Return user and system seconds, and the octets written to files and standard output."""
    target = folder / "out"
    target.mkdir()
    output = folder / "stdout"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with output.open("wb") as stream:
        command = program.command(capture, target)
        done = subprocess.run(command, stdout=stream, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace").strip()[-300:])
    octets = output.stat().st_size + sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    output.unlink()
    shutil.rmtree(target)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, octets


def version(program: Program) -> str:
    done = subprocess.run(program.version, capture_output=True, text=True, check=False)
    lines = (done.stdout or done.stderr).splitlines()
    return "version unknown" if done.returncode or not lines else lines[0]


def compare(name: str, programs: Sequence[Program], folder: Path) -> None:
    from bench import gen  # noqa: PLC0415

    small = gen.WORKLOADS[name]()
    workload = gen.WORKLOADS[name](RECORDS * len(small.datagrams) // small.records)
    datagrams = workload.templates + workload.datagrams
    exporters = workload.template_exporters + workload.exporters
    first = len(workload.templates) + 1
    full, short = folder / "full.pcap", folder / "short.pcap"
    full.write_bytes(gen.pcap(datagrams, exporters))
    short.write_bytes(gen.pcap(datagrams[:first], exporters[:first]))
    for program in programs:
        try:
            runs = [(run(program, short, folder), run(program, full, folder)) for _ in range(RUNS)]
        except RuntimeError as error:
            print(f"{name:10} {program.name:10} failed: {error}", flush=True)
            shutil.rmtree(folder / "out", ignore_errors=True)
            continue
        written = runs[0][1][1] - runs[0][0][1]
        if written < LEAST_OCTETS * workload.records:
            print(f"{name:10} {program.name:10} wrote {written:,} octets for {workload.records:,} records", flush=True)
            continue
        seconds = min(long[0] for _, long in runs) - min(start[0] for start, _ in runs)
        print(f"{name:10} {program.name:10} {seconds / workload.records * 1e9:12,.1f} ns/record", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.peers", description="User and system time of other programs."
    )
    parser.add_argument("workloads", nargs="*", metavar="workload", help=f"{' '.join(DEFAULT)} by default")
    parser.add_argument("--ours", nargs=2, metavar=("CAPTURE", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.ours:
        store(*options.ours)
        return 0
    programs = [program for program in PROGRAMS if shutil.which(program.version[0])]
    for program in programs:
        print(f"{program.name}: {version(program)}")
    tmpfs = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=tmpfs) as folder:
        for name in options.workloads or DEFAULT:
            compare(name, programs, Path(folder))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
