"""Every expected record of ntc-templates' LLDP and CDP samples, field by field, through the package's own vocabulary.

The vocabulary says which field a Value of a template is (vocabulary.tsv), so this holds the map and the readers
against the upstream goldens at once. Where a golden is wrong, or says something else than its name, it stands in
`KNOWN` with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowparse import lldp
from flowparse.lldp.commands import Command, commands, vocabulary
from flowparse.lldp.values import address, capabilities, chassis_id_type, mac, port_id_type, present, seconds
from tests.shared import SHARED, needs_shared

yaml = pytest.importorskip("yaml")
pytestmark = [needs_shared, pytest.mark.golden]

# (sample, row or None for all, Value or None for all) -> why the golden is not held.
NAMELESS = "the golden says nothing where no system name was sent; here the device id names the neighbor"
WRAPPED = "the golden loses a name that is wrapped and has a blank behind it (ntc-templates #1469 undid #1586)"
COMMA = "the golden keeps the comma between the keys"
KNOWN: dict[tuple[str, int | None, str | None], str] = {
    (
        "arista_eos_show_lldp_neighbors_detail",
        None,
        "neighbor_count",
    ): "of the port, not of the neighbor: a declared total",
    (
        "hp_comware_display_lldp_neighbor-information_list2",
        0,
        "neighbor_name",
    ): "the golden drops the rest of a wrapped name",
    ("show_lldp_remote-system_R6", None, "neighbor_description"): COMMA,
    ("show_lldp_remote-system_R6", None, "remote_port_mac_phy_autoneg"): COMMA,
    ("show_lldp_remote-system_R6", None, "protocol_vlan_id"): COMMA,
    ("show_lldp_remote-system_R6", None, "vlan_name"): COMMA,
    ("show_lldp_remote-system_R8", None, "neighbor_description"): COMMA,
    ("show_lldp_remote-system_R8", 0, "vlan_id"): "the golden has no default VLAN, the sample has",
    ("cisco_nxos_show_cdp_neighbors_detail", 0, "neighbor_name"): NAMELESS,
    ("cisco_nxos_show_cdp_neighbors_detail1", 0, "neighbor_name"): NAMELESS,
    ("cisco_nxos_show_cdp_neighbors_detail2", 0, "neighbor_name"): NAMELESS,
    ("cisco_nxos_show_cdp_neighbors_detail_move_record", None, "neighbor_name"): NAMELESS,
    ("cisco_s300_show_lldp_neighbors_multiline", 0, "neighbor_name"): "the golden has the word None",
    **{("cisco_xr_show_cdp_neighbors_detail", row, "neighbor_name"): NAMELESS for row in (0, 1, 14, 18)},
    **{("cisco_nxos_show_lldp_neighbors_multiline", row, "neighbor_name"): WRAPPED for row in (3, 4, 5, 6, 11)},
}
# Samples where the golden has rows that are no neighbors.
NO_NEIGHBORS = {
    "paloalto_panos_show_lldp_neighbors_all4": "six ports that hear nobody",
    "hp_procurve_show_lldp_info_local-device": "the device's own ports",
    "hp_procurve_show_lldp_info_local-device2": "the device's own ports",
    "hp_procurve_show_lldp_info_local-device3": "the device's own ports",
}
EMPTY_ROWS = {"broadcom_icos_show_lldp_remote-device_all": "seventeen ports that hear nobody"}
# Not complete, and why that is right.
INCOMPLETE = {
    "brocade_netiron_show_lldp_neighbors_detail": "the sample declares 38 neighbors and shows 5",
    "cisco_ios_show_ap_cdp_neighbors": "no local interface in this output",
    "cisco_ios_show_lldp_neighbors_detail2": "an IOS that tells no local interface",
    "cisco_ios_show_lldp_neighbors_detail5": "an IOS that tells no local interface",
    "cisco_ios_show_cdp_neighbors_3": "squeezed to single blanks; what is platform and what port is a guess in one row",
}


def _samples() -> Iterator[Any]:
    if SHARED is None:
        return
    for command in commands():
        if command.template is not None:
            folder = (
                SHARED / "lldp/ntc/tests" / command.platform / command.template.removeprefix(f"{command.platform}_")
            )
            for path in sorted(folder.glob("*.raw")):
                yield pytest.param(command, path, id=path.stem)


SAMPLES = list(_samples())


def golden(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = yaml.safe_load(path.with_suffix(".yml").read_text(encoding="utf-8"))["parsed_sample"]
    return rows


def cut(text: str) -> str:
    return (present(text) or "").removesuffix("...").strip()


def holds(row: lldp.Neighbor, field: str, value: Any, letters: str) -> bool:
    """Whether a record has what a golden's value says."""
    if field == "management_address":
        texts = value if isinstance(value, list) else [value]
        return all(address(text) in row.management_addresses for text in texts if present(text))
    if isinstance(value, list):
        value = ("\n" if field == "system_description" else "").join(str(part) for part in value if part)
    if field in ("capabilities", "capabilities_enabled"):
        return bool(getattr(row, field) == capabilities(value, letters)[0])
    if field == "ttl_left":
        return row.ttl == seconds(value) or seconds(row.extra.get("Time remaining", "")) == seconds(value)
    if field in ("ttl", "age"):
        return bool(getattr(row, field) == seconds(value))
    if field == "pvid":
        return row.pvid == (int(value) if value.isdecimal() else None)
    if field in ("chassis_id_type", "port_id_type"):
        read = chassis_id_type if field == "chassis_id_type" else port_id_type
        return value == "" or getattr(row, field) == read(value)  # one of two Values, the other is blank
    if field == "system_description":
        return " ".join((present(value) or "").split()) in " ".join((row.system_description or "").split())
    if field == "device_id":
        return row.extra.get("Device ID") == value
    if field == "extra":
        return kept(row, value)
    text = cut(value)
    have = getattr(row, field) or ""
    return bool(have in (text, mac(text, bare=True), present(value)))


def kept(row: lldp.Neighbor, value: str) -> bool:
    """A Value without a field of its own: its text is somewhere in the record."""
    said = [*row.extra.values(), row.system_description, row.platform, row.chassis_id, str(row.ttl)]
    text = " ".join(" ".join(part.split()) for part in said if part)
    return not present(value) or " ".join(value.split()) in text or (mac(value) or "\0") in text


@pytest.mark.parametrize(("command", "path"), SAMPLES)
def test_every_field_of_the_golden_is_read(command: Command, path: Path) -> None:
    rows = golden(path)
    table = lldp.parse(path.read_bytes(), platform=command.platform, command=command.command)
    if path.stem in NO_NEIGHBORS:
        assert len(table) == 0
        assert table.complete
        return
    if path.stem in EMPTY_ROWS:
        rows = [row for row in rows if any(value for name, value in row.items() if name != "local_interface")]
    assert len(table) == len(rows)
    assert command.template is not None
    fields = vocabulary(command.template)
    letters = "cdp" if command.protocol is lldp.Protocol.CDP else "lldp"
    wrong = [
        (i, name, value)
        for i, (expected, row) in enumerate(zip(rows, table, strict=True))
        for name, value in expected.items()
        if not holds(row, fields.get(name.upper(), "extra"), value, letters)
        and (path.stem, i, name) not in KNOWN
        and (path.stem, None, name) not in KNOWN
    ]
    assert wrong == []


@pytest.mark.parametrize(("command", "path"), SAMPLES)
def test_nothing_is_missing_but_where_the_sample_lacks_it(command: Command, path: Path) -> None:
    table = lldp.parse(path.read_bytes())
    assert table.complete == (path.stem not in INCOMPLETE), table.problems
    assert [problem for problem in table.problems if not problem.lossy] == []


@pytest.mark.parametrize(("command", "path"), SAMPLES)
def test_the_platform_is_found_without_being_told(command: Command, path: Path) -> None:
    table = lldp.parse(path.read_bytes())
    # Their outputs are the same, letter for letter.
    same = {"brocade_fastiron": "cisco_ios", "ipinfusion_ocnos": "sonic", "cisco_wlc_ssh": "cisco_ios"}
    assert table.platform in (command.platform, same.get(command.platform))


def test_a_known_wrong_golden_is_still_wrong() -> None:
    """An entry of KNOWN whose golden is right by now goes."""
    right = []
    for parameter in SAMPLES:
        command, path = parameter.values
        assert isinstance(command, Command)
        assert isinstance(path, Path)
        table = lldp.parse(path.read_bytes(), platform=command.platform, command=command.command)
        fields = vocabulary(command.template or "")
        letters = "cdp" if command.protocol is lldp.Protocol.CDP else "lldp"
        for (stem, number, name), reason in KNOWN.items():
            if stem != path.stem or name is None:
                continue
            pairs = [
                (row, expected)
                for i, (row, expected) in enumerate(zip(table, golden(path), strict=False))
                if number in (None, i)
            ]
            if all(holds(row, fields.get(name.upper(), "extra"), expected[name], letters) for row, expected in pairs):
                right.append((stem, number, name, reason))
    assert right == []


def test_all_samples_are_there() -> None:
    assert len(SAMPLES) == 79
