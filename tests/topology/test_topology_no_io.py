"""Building, comparing and drawing a topology does no I/O."""

from __future__ import annotations

from tests.test_no_io import run_guarded

PROGRAM = """
import json
import flowparse as fp
head = "Device ID           Local Intf     Hold-time  Capability      Port ID\\n"
row = "{:20}Gi0/1          120        R               Gi0/1\\n\\nTotal entries displayed: 1\\n"
topology = fp.Topology.from_outputs({"r1": head + row.format("r2"), "r2": head + row.format("r1")})
assert [str(link) for link in topology.links] == ["r1:Gi0/1 -- r2:Gi0/1"], topology.to_text()
assert not topology.diff(fp.Topology.from_dict(json.loads(json.dumps(topology.to_dict()))))
assert topology.check(fp.Topology.from_dot(topology.to_dot())).ok
assert topology._repr_mimebundle_()["image/svg+xml"] == topology.to_svg()
"""


def test_a_topology_reads_package_files_only() -> None:
    done = run_guarded(PROGRAM)
    assert done.returncode == 0, done.stderr
