"""Saved `show lldp neighbors` outputs to a drawn topology, and what was lost since the last time.

    python docs/examples/lldp_graph.py tmp                                # tmp/r1_lldp_output.txt, ...
    python docs/examples/lldp_graph.py tmp --previous topology.json      # from cron: exit status 1 when a link was lost

The directory has one file for each device, DEVICE_lldp_output.txt (`--suffix` says otherwise): text as a
session shows it, or what Ansible saves as `stdout_lines`. NAME.dot, NAME.svg and NAME.json are written to
`--output`. With `--previous`, a JSON file of an earlier run, the differences are printed; the same file may
be both, and if it is not there yet, this run is the first.

Exit status: 0 nothing lost; 1 a link was lost, moved or is one-way now; 2 it did not work. A device
whose file is missing or damaged loses no links: they are printed as not known.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import flowparse

LOST, FAILED = 1, 2


def outputs(directory: Path, suffix: str) -> dict[str, bytes]:
    """Device -> its saved output."""
    return {path.name.removesuffix(suffix): path.read_bytes() for path in sorted(directory.glob(f"*{suffix}"))}


def load(path: Path) -> flowparse.Topology:
    try:
        return flowparse.Topology.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except json.JSONDecodeError as error:
        raise flowparse.StateError(f"{path}: {error}") from error


def write(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part."""
    being_written = path.with_name(f".{path.name}.tmp")
    being_written.write_text(text, encoding="utf-8")
    being_written.replace(path)


def names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Draw the topology that saved LLDP outputs show; tell what was lost.")
    parser.add_argument("directory", type=Path, help="where the outputs are, one file for each device")
    parser.add_argument("--previous", type=Path, metavar="FILE", help="JSON of an earlier run, to compare with")
    parser.add_argument("--output", type=Path, default=Path(), metavar="DIR", help="where to write (default: here)")
    parser.add_argument("--name", default="topology", help="of the files (default: topology)")
    parser.add_argument("--suffix", default="_lldp_output.txt", help="of the outputs' names, behind the device's")
    parser.add_argument("--platform", help="such as cisco_ios; found out where it is not given")
    parser.add_argument("--ignore", type=names, default=["mgmt"], metavar="INTERFACES",
                        help="that do not count, commas between; mgmt (default): management ports")  # fmt: skip
    parser.add_argument("--rank", type=names, action="append", default=[], metavar="DEVICES",
                        help="to draw on one level, the uppermost first; may be given several times")  # fmt: skip
    parser.add_argument("--directed", action="store_true", help="DOT with an edge for each report")
    return parser.parse_args()


def run(options: argparse.Namespace) -> int:
    found = outputs(options.directory, options.suffix)
    if not found:
        print(f"lldp_graph.py: no *{options.suffix} in {options.directory}", file=sys.stderr)
        return FAILED
    topology = flowparse.Topology.from_outputs(found, platform=options.platform, ignore=set(options.ignore))
    previous = load(options.previous) if options.previous and options.previous.exists() else None
    print(f"{len(found)} outputs, {len(topology.nodes)} nodes, {len(topology.links)} links")
    print(topology.to_text(), end="")
    lost = False
    if previous is not None:
        diff = previous.diff(topology)
        lost = bool(diff.lost)
        print(f"since {options.previous}:")
        print(diff.to_text() or "no change\n", end="")
    options.output.mkdir(parents=True, exist_ok=True)
    base = options.output / options.name
    write(base.with_name(f"{base.name}.dot"), topology.to_dot(directed=options.directed, ranks=options.rank))
    try:
        write(base.with_name(f"{base.name}.svg"), topology.to_svg(ranks=options.rank))
    except ValueError as error:
        print(f"no SVG: {error}")
    write(base.with_name(f"{base.name}.json"), json.dumps(topology.to_dict(), indent=1))
    return LOST if lost else 0


def main() -> int:
    try:
        return run(arguments())
    except (OSError, flowparse.FlowparseError) as error:
        print(f"lldp_graph.py: {error}", file=sys.stderr)
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
