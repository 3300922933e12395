"""Reading neighbor tables and frames reads package files only: flowparse's own and ntc-templates' templates."""

from __future__ import annotations

from tests.test_no_io import run_guarded

PROGRAM = """
import flowparse
from flowparse import lldp
brief = (
    "Device ID           Local Intf     Hold-time  Capability      Port ID\\n"
    "r5                  Gi0/1          120        R               Gi0/1\\n"
)
assert len(lldp.parse(brief)) == 1
assert len(lldp.parse(' 0 interface=ether1 mac-address=12:34:56:78:90:AB identity="a" interface-name="b"\\n')) == 1
assert len(lldp.parse({"lldp": {"interface": {"eth0": {"via": "LLDP", "chassis": {}, "port": {}}}}})) == 1
pdu = lldp.decode(bytes.fromhex("0180c200000e020000000001 88cc 020704020000000001 04050547693033 06020078 0000"))
assert lldp.encode(pdu)
assert lldp.merge(lldp.parse(brief), lldp.parse(brief)).complete
lldp.platforms()
"""


def test_package_files_are_all_that_is_read() -> None:
    done = run_guarded(PROGRAM)
    assert done.returncode == 0, done.stderr
