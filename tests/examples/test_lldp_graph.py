"""lldp_graph.py: what it writes and prints, and its exit status when a link was lost."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from flowparse import Topology
from tests.examples.program import run
from tests.shared import needs_shared
from tests.topology.tables import BOOK

HEAD = "Device ID           Local Intf     Hold-time  Capability      Port ID\n"


def save(directory: Path, **cables: list[tuple[str, str, str]]) -> Path:
    """Outputs of IOS devices, as a session shows them."""
    directory.mkdir(exist_ok=True)
    for device, rows in cables.items():
        lines = [f"{name:<20}{local:<15}120        R               {port}\n" for local, name, port in rows]
        text = HEAD + "".join(lines) + f"\nTotal entries displayed: {len(rows)}\n"
        (directory / f"{device}_lldp_output.txt").write_text(text, encoding="utf-8")
    return directory


TWO = {"r1": [("Gi0/1", "r2.example.net", "Gi0/2")], "r2": [("Gi0/2", "r1.example.net", "Gi0/1")]}


def test_what_is_written(tmp_path: Path) -> None:
    done = run("lldp_graph", save(tmp_path / "in", **TWO), "--output", tmp_path / "out", "--name", "net")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "2 outputs, 2 nodes, 1 links\nr1:Gi0/1 -- r2:Gi0/2\n"
    assert '"r1" -- "r2"' in (tmp_path / "out" / "net.dot").read_text(encoding="utf-8")
    assert ET.parse(tmp_path / "out" / "net.svg").getroot().tag.endswith("svg")
    saved = json.loads((tmp_path / "out" / "net.json").read_text(encoding="utf-8"))
    assert len(Topology.from_dict(saved).links) == 1
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_a_link_that_was_lost(tmp_path: Path) -> None:
    previous = tmp_path / "topology.json"

    def again(**outputs: list[tuple[str, str, str]]) -> tuple[int, str]:
        done = run("lldp_graph", save(tmp_path / "in", **outputs), "--output", tmp_path, "--previous", previous)
        assert done.stderr == ""
        return done.returncode, done.stdout.partition("since ")[2].partition("\n")[2]

    assert again(**TWO) == (0, "")  # the first time there is nothing to compare with
    assert again(**TWO) == (0, "no change\n")
    assert again(r2=[]) == (1, "! one-way now: r1:Gi0/1 -> r2:Gi0/2\n")
    assert again(r1=[]) == (1, "- removed: r1:Gi0/1 -> r2:Gi0/2\n")
    assert again(r1=[]) == (0, "no change\n")
    assert again(**TWO) == (0, "+ added: r1:Gi0/1 -- r2:Gi0/2\n")
    (tmp_path / "in" / "r2_lldp_output.txt").unlink()
    assert again() == (0, "? not known: r1:Gi0/1 -> r2:Gi0/2 (r2 was not collected)\n")


@needs_shared
def test_the_chapters_two_links(tmp_path: Path) -> None:
    run("lldp_graph", BOOK / "baseline", "--output", tmp_path, "--ignore", "Gi0/0")
    done = run("lldp_graph", BOOK / "ed2", "--output", tmp_path, "--ignore", "Gi0/0",
               "--previous", tmp_path / "topology.json", "--rank", "r6-edge", "--rank", "r1,r2,r3")  # fmt: skip
    assert done.returncode == 1
    assert done.stdout.endswith("- removed: r1:Gi0/2 -- r6-edge:Gi0/1\n- removed: r2:Gi0/2 -- r6-edge:Gi0/2\n")


@pytest.mark.parametrize("saved", ["{", "{}", "[]"])
def test_what_does_not_work(tmp_path: Path, saved: str) -> None:
    assert run("lldp_graph", tmp_path).returncode == 2
    previous = tmp_path / "old.json"
    previous.write_text(saved, encoding="utf-8")
    done = run("lldp_graph", save(tmp_path / "in", **TWO), "--output", tmp_path / "out", "--previous", previous)
    assert done.returncode == 2
    assert done.stderr.startswith("lldp_graph.py: ")
    assert not (tmp_path / "out").exists()
    shutil.rmtree(tmp_path / "in")
