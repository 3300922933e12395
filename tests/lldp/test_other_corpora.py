"""Expected records of NAPALM, Genie, N2G and ttp_templates, through maps to this package's fields.

NAPALM joins two outputs by index, rewrites interface names and knows eight keys; Genie nests by port and name. What
both say of a neighbor is looked for in ours. Where an expected record is wrong, `WRONG` says why.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowparse import lldp
from flowparse.lldp.interfaces import interface_key
from flowparse.lldp.values import address, capabilities, mac, present
from tests.shared import SHARED, needs_shared

yaml = pytest.importorskip("yaml")
pytestmark = [needs_shared, pytest.mark.golden]


def squeezed(text: object) -> str:
    return "".join(str(text or "").split())


def same_port(row: lldp.Neighbor, port: str) -> bool:
    texts = [text for text in (row.port_id, row.port_description) if text]
    return any(text == port or mac(port) == text or interface_key(text) == interface_key(port) for text in texts)


# ── NAPALM ───────────────────────────────────────────────────────────────────────────────────────────────────────────

# Which file of a case its getter's records come from.
NAPALM_FILES = {
    "test_get_lldp_neighbors": (
        "show_lldp_neighbors.json",
        "show_lldp_neighbors.txt",
        "get-lldp-neighbors-information.xml",
        "ethernet-lldp-oper_lldp.xml",
        "show_lldp_neighbors_detail.txt",
    ),
    "test_get_lldp_neighbors_detail": (
        "show_lldp_neighbors__detail.json",
        "show_lldp_neighbors_detail.txt",
        "show_lldp_neighbors_detail.json",
        "get-lldp-interface-neighbors.xml",
        "get-lldp-interface-neighbors-information.xml",
        "_Get__Operational__LLDP__NodeTable___NodeTable___LLDP___Operational___Get_.txt",
        "ethernet-lldp-oper_lldp.xml",
    ),
}
# The mock answers four times with one file, for four interfaces.
ONE_FILE_FOR_FOUR = {"normal_ex_fx_srx", "normal_mx_m_t"}
NAPALM_WORDS = {"mac-bridge": "bridge", "wlan-access-point": "wlan", "station-only": "station"}


def _napalm() -> Iterator[Any]:
    if SHARED is None:
        return
    for expected in sorted((SHARED / "lldp/napalm/test").glob("*/mocked_data/*/*/expected_result.json")):
        folder = expected.parent
        name = next(name for name in NAPALM_FILES[folder.parent.name] if (folder / name).is_file())
        yield pytest.param(
            folder / name, expected, id=f"{folder.parents[2].name}-{folder.parent.name[9:]}-{folder.name}"
        )


NAPALM = list(_napalm())


def napalm_holds(row: lldp.Neighbor, name: str, value: Any) -> bool:
    said = present(value) if isinstance(value, str) else value
    if said in (None, "", "None", []):
        return True  # NAPALM says so too where it did not look
    if name in ("hostname", "remote_system_name"):
        return said in (row.system_name, row.chassis_id) or mac(said) in (row.system_name, row.chassis_id)
    if name in ("port", "remote_port"):
        return same_port(row, said)
    if name == "parent_interface":
        return row.parent_interface == said or row.local_interface == said  # for EOS it is the port itself
    if name == "remote_chassis_id":
        return row.chassis_id in (said, mac(said), said.lower())
    if name == "remote_port_description":
        return row.port_description == said
    if name == "remote_system_description":
        return squeezed(row.system_description).startswith(squeezed(said))
    field = {"remote_system_capab": "capabilities", "remote_system_enable_capab": "capabilities_enabled"}[name]
    words = said if isinstance(said, list) else str(said).split(",")
    wanted = capabilities(", ".join(NAPALM_WORDS.get(word.strip(), word) for word in words))[0]
    return bool(getattr(row, field) == wanted)


@pytest.mark.parametrize(("path", "expected"), NAPALM)
def test_napalm(path: Path, expected: Path) -> None:
    table = lldp.parse(path.read_bytes())
    records = json.loads(expected.read_text(encoding="utf-8"))
    if path.parent.name in ONE_FILE_FOR_FOUR:
        records = {table[0].local_interface: next(iter(records.values()))}
    rows = list(table)
    assert sum(map(len, records.values())) == len(rows)
    told = all(row.local_interface for row in rows)
    for interface, neighbors in records.items():
        for neighbor in neighbors:
            heard = [row for row in rows if not told or interface_key(row.local_interface) == interface_key(interface)]
            found = [row for row in heard if all(napalm_holds(row, name, value) for name, value in neighbor.items())]
            assert found, (interface, neighbor, [row.to_dict() for row in heard])
            rows.remove(found[0])


def test_napalm_old_ios_is_made_good_by_its_brief_table() -> None:
    """IOS 15.0 tells no local interface in its details; NAPALM joins by index, `merge` by evidence."""
    assert SHARED is not None
    folders = [
        path.parent
        for path in sorted((SHARED / "lldp/napalm/test/ios/mocked_data").glob("*detail/*/show_lldp_neighbors.txt"))
    ]
    for folder in folders:
        brief = lldp.parse((folder / "show_lldp_neighbors.txt").read_bytes())
        detail = lldp.parse((folder / "show_lldp_neighbors_detail.txt").read_bytes())
        records = json.loads((folder / "expected_result.json").read_text(encoding="utf-8"))
        merged = lldp.merge(brief, detail)
        got = sorted((interface_key(row.local_interface), row.port_id) for row in merged)
        want = sorted(
            (interface_key(interface), mac(neighbor["remote_port"]) or neighbor["remote_port"])
            for interface, neighbors in records.items()
            for neighbor in neighbors
        )
        assert got == want, folder.name


# ── Genie ────────────────────────────────────────────────────────────────────────────────────────────────────────────

BLANK = "Genie loses a description that is one line of its own kind"
GENIE_WRONG = {
    ("iosxr", "system_description"): BLANK,
    ("nxos/ShowCdpNeighborsDetail/golden_output_2", "capabilities"): "cut where the terminal broke the line",
    ("nxos/ShowCdpNeighborsDetail/golden_output_3", "capabilities"): "cut where the terminal broke the line",
    ("nxos/ShowCdpNeighborsDetail/golden_output_8", "capabilities"): "cut where the terminal broke the line",
    (
        "iosxr/ShowLldpEntry/golden_output_3",
        "name",
    ): "the peer MAC address of the neighbor before, for one without a name",
    ("iosxr/ShowLldpEntry/golden_output_3", "neighbor_id"): "the same",
    ("ios/ShowCdpNeighborsDetail/device_output_9", "platform"): "in quotes",
    ("ios/ShowCdpNeighborsDetail/device_output_1", "platform"): "with a blank at its end",
    ("ios/ShowCdpNeighborsDetail/device_output_2", "platform"): "with a blank at its end",
    ("ios/ShowCdpNeighbors/device_output_1", "platform"): "the interface's word is taken for the platform's end",
    ("ios/ShowCdpNeighbors/device_output_1", "port_id"): "the interface's word is taken for the platform's end",
}
GENIE_COUNTS = {
    "ios/ShowLldpNeighbors/golden_output": "two neighbors of one name on one port are one key of a dict",
}


def _genie() -> Iterator[Any]:
    if SHARED is None:
        return
    for path in sorted((SHARED / "lldp/genie").glob("*/*/*_output.txt")):
        if any(word in path.parent.name for word in ("Neighbor", "Entry")):
            stem = path.name.removesuffix("_output.txt")
            yield pytest.param(path, id=f"{path.parents[1].name}/{path.parent.name}/{stem}")


GENIE = list(_genie())


def genie_records(tree: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(local interface, port, values) of every neighbor of an expected tree."""
    tree = tree.get("cdp", tree)
    for record in tree.get("index", {}).values():
        yield (
            record.get("local_interface", ""),
            record.get("port_id") or "",
            {"name": record.get("device_id"), **record},
        )
    for interface, inner in tree.get("interfaces", {}).items():
        for port, of_port in inner.get("port_id", {}).items():
            for name, record in of_port.get("neighbors", {}).items():
                yield interface, port, {"name": name, **record}


def genie_capabilities(value: dict[str, Any], state: str) -> frozenset[lldp.Capability]:
    names = [name.replace("_", " ") for name, of in value.items() if of.get(state)]
    return frozenset[lldp.Capability]().union(*(capabilities(name)[0] for name in names))


def genie_holds(row: lldp.Neighbor, name: str, value: Any) -> bool:
    if name in ("name", "system_name", "neighbor_id", "device_id"):
        said = present(str(value))
        return (
            said is None
            or said in ("null",)
            or said.strip() in (row.system_name, row.extra.get("Device ID"))
            or (mac(said) or "\0") in (row.system_name, row.chassis_id)
        )
    if name == "chassis_id":
        return row.chassis_id in (value, mac(value))
    if name == "port_description":
        return (row.port_description or "") == (present(value) or "")
    if name in ("system_description", "software_version"):
        return squeezed(row.system_description).startswith(squeezed(present(value)))
    if name == "hold_time":
        return row.ttl == int(value)
    if name == "time_remaining":
        return row.ttl == value or row.extra.get("Time remaining", "").startswith(str(value))
    if name == "platform":
        return (row.platform or "") == value
    if name == "port_id":
        return not value or same_port(row, value)
    if name == "vlan_id":
        return row.pvid == (int(value) if str(value).isdecimal() else None)
    if name == "management_address":
        return present(value) is None or any(
            have.address == address(value).address for have in row.management_addresses
        )
    if name == "capability" or (name == "capabilities" and isinstance(value, str)):
        return row.capabilities_enabled == capabilities(value, "cdp")[0]
    if name == "capabilities" and isinstance(value, dict):
        return (row.capabilities, row.capabilities_enabled) == (
            genie_capabilities(value, "system"),
            genie_capabilities(value, "enabled"),
        )
    return True  # what a record keeps in `extra`, and Genie's own words


@pytest.mark.parametrize("path", GENIE)
def test_genie(path: Path, request: pytest.FixtureRequest) -> None:
    case = request.node.callspec.id
    table = lldp.parse(path.read_bytes())
    expected = path.with_name(path.name.replace("_output.txt", "_expected.json"))
    records = list(genie_records(json.loads(expected.read_text(encoding="utf-8"))))
    assert len(records) == len(table) - (case in GENIE_COUNTS)
    rows = list(table)
    for interface, _, values in records:
        heard = [
            row
            for row in rows
            if not row.local_interface or interface_key(row.local_interface) == interface_key(interface)
        ]

        def wrong(row: lldp.Neighbor, values: dict[str, Any] = values) -> list[tuple[str, Any]]:
            return [
                (name, value)
                for name, value in values.items()
                if not genie_holds(row, name, value)
                and not any(case.startswith(of) and name == field for of, field in GENIE_WRONG)
            ]

        assert heard, (interface, values)
        best = min(heard, key=lambda row: len(wrong(row)))
        assert wrong(best) == [], best.to_dict()
        rows.remove(best)


# ── N2G and ttp_templates ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "device", "links"),
    [
        (
            "SAMPLE_CDP_LLDP/cisco_ios/Switch1.txt",
            "switch-1",
            {("GigabitEthernet4/6", "switch-2", "GigabitEthernet1/5")},
        ),
        ("SAMPLE_CDP_LLDP/cisco_ios/Switch2.txt", "switch-2", set()),
        ("SAMPLE_CDP_LLDP_2/cisco_nxos/nxos_switch_1.txt", "switch_1", set()),
        ("SAMPLE_CDP_LLDP_2/cisco_nxos/nxos_switch_2.txt", "switch_2", set()),
        ("SAMPLE_CDP_LLDP_2/cisco_ios/switch1.txt", "switch_1", set()),
        ("SAMPLE_CDP_LLDP_2/cisco_ios/switch2.txt", "switch_2", set()),
    ],
)
def test_n2g_show_tech_style_text(name: str, device: str, links: set[tuple[str, str, str]]) -> None:
    """CDP and LLDP between other commands: every block of either is a row, and nothing else is."""
    assert SHARED is not None
    text = (SHARED / "lldp/n2g/tests/Data" / name).read_text(encoding="utf-8")
    table = lldp.parse(text)
    blocks = text.count("Device ID:") + sum(line.startswith("Chassis id:") for line in text.splitlines())
    assert len(table) == blocks
    assert table.complete, table.problems
    assert table.device == device or table.device is not None
    assert links <= {(row.local_interface, row.system_name or "", row.port_id or "") for row in table}


@pytest.mark.parametrize(
    "folder",
    ["arista_eos/show_lldp_neighbors_detail_pipe_json", "juniper_junos/show_lldp_neighbors_detail_pipe_display_json"],
)
def test_ttp_templates(folder: str) -> None:
    assert SHARED is not None
    path = SHARED / "lldp/ttp_templates/test/platform" / folder
    table = lldp.parse(next(path.glob("*.txt")).read_text(encoding="utf-8"))
    expected = yaml.safe_load(next(path.glob("*.yml")).read_text(encoding="utf-8"))
    got = [
        {
            "interface": row.local_interface,
            "remote_chassi_id": row.chassis_id,
            "remote_device": row.system_name,
            "remote_device_management_ip": row.management_addresses[0].address,
            "remote_interface": row.port_id,
            "remote_interface_description": row.port_description,
            "remote_system_description": row.system_description,
        }
        for row in table
    ]
    assert got == [record | {"remote_chassi_id": mac(record["remote_chassi_id"])} for record in expected]
    assert table.complete
