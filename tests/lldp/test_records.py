"""Records of neighbors: frozen, slotted, hashable, picklable, plain on request."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, replace
from types import MappingProxyType

import pytest

import flowparse as fp
from flowparse import lldp
from flowparse.lldp import Capability, ManagementAddress, Neighbor, NeighborTable, OrgTlv, PortIdType, Problem, Source
from flowparse.lldp.records import made

ROW = Neighbor(
    local_device="r1",
    local_interface="Gi0/1",
    chassis_id="00:11:22:33:44:55",
    port_id="7",
    port_id_type=PortIdType.LOCAL,
    port_description="ge-0/0/7",
    system_name="<r2>",
    capabilities_enabled=frozenset({Capability.ROUTER, Capability.MAC_BRIDGE}),
    management_addresses=(ManagementAddress("192.0.2.1", "ipv4"),),
    ttl=120,
    tlvs=(OrgTlv("00:12:bb", 10, b"model"),),
    extra=MappingProxyType({"a": "b"}),
    source=Source("columns", 3, 3),
)


def test_a_neighbor_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        ROW.ttl = 1  # type: ignore[misc]
    assert not hasattr(ROW, "__dict__")
    with pytest.raises(AttributeError):
        ROW.nothing_of_this_name  # type: ignore[attr-defined]  # noqa: B018


def test_where_a_row_comes_from_does_not_make_it_another() -> None:
    again = replace(ROW, source=Source("blocks", 9, 20))
    assert again == ROW
    assert hash(again) == hash(ROW)
    assert replace(ROW, ttl=3) != ROW


def test_a_row_made_in_haste_is_the_same() -> None:
    hasty = made({"local_interface": "Gi0/1", "ttl": 3})
    assert hasty == Neighbor(local_interface="Gi0/1", ttl=3)
    assert hash(hasty) == hash(Neighbor(local_interface="Gi0/1", ttl=3))
    assert repr(made({"local_interface": "x"})) == repr(Neighbor(local_interface="x"))
    assert made({"local_interface": "x"}).extra == {}


@pytest.mark.parametrize("row", [ROW, made({"local_interface": "x"})], ids=["full", "hasty"])
def test_rows_are_copied_and_pickled(row: Neighbor) -> None:
    assert pickle.loads(pickle.dumps(row)) == row
    assert copy.deepcopy(row) == row
    assert copy.copy(row) == row


@pytest.mark.parametrize(
    ("capabilities", "kind"),
    [
        ({Capability.TELEPHONE, Capability.MAC_BRIDGE}, "phone"),
        ({Capability.WLAN_ACCESS_POINT, Capability.ROUTER}, "ap"),
        ({Capability.MAC_BRIDGE, Capability.ROUTER}, "switch"),
        ({Capability.ROUTER}, "router"),
        ({Capability.STATION_ONLY}, "host"),
        ({Capability.OTHER}, None),
        (set(), None),
    ],
)
def test_kinds(capabilities: set[Capability], kind: str | None) -> None:
    assert Neighbor(local_interface="x", capabilities_enabled=frozenset(capabilities)).kind == kind
    assert Neighbor(local_interface="x", capabilities=frozenset(capabilities)).kind == kind


def test_a_row_in_plain_types() -> None:
    plain = ROW.to_dict()
    assert plain["capabilities_enabled"] == ["MAC_BRIDGE", "ROUTER"]
    assert plain["management_addresses"][0]["address"] == "192.0.2.1"
    assert plain["tlvs"] == [
        {
            "type": 127,
            "oui": "00:12:bb",
            "subtype": 10,
            "name": "med_model",
            "value": {"text": "model"},
            "octets": "6d6f64656c",
        }
    ]
    assert (plain["port_id_type"], plain["extra"], plain["source"]["parser"]) == ("LOCAL", {"a": "b"}, "columns")
    assert type(plain["protocol"]) is str


PROBLEM = Problem(4, "??", "not a row of the table")
TABLE = NeighborTable([ROW], device="r1", platform="cisco_ios", command="show", declared_total=2, problems=[PROBLEM])


def test_a_table_is_a_sequence_that_does_not_change() -> None:
    assert (len(TABLE), TABLE[0], TABLE[-1], TABLE[:1], list(TABLE)) == (1, ROW, ROW, (ROW,), [ROW])
    assert ROW in TABLE
    assert not TABLE.complete
    assert NeighborTable([ROW], problems=[replace(PROBLEM, lossy=False)]).complete
    with pytest.raises(AttributeError):
        TABLE.device = "x"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del TABLE.device
    assert pickle.loads(pickle.dumps(TABLE)) == TABLE
    assert hash(TABLE) == hash(pickle.loads(pickle.dumps(TABLE)))
    assert TABLE != [ROW]
    assert TABLE.named("r9")[0].local_device == TABLE.named("r9").device == "r9"
    assert TABLE.named("r9").problems == TABLE.problems


def test_a_table_shows_itself_and_escapes_what_it_shows() -> None:
    assert repr(TABLE) == "<NeighborTable of 'r1': 1 of 2 neighbors, 1 problems, not complete>"
    page = TABLE._repr_html_()
    assert "&lt;r2&gt;" in page
    assert "<r2>" not in page
    assert "ge-0/0/7" in page
    assert "line 4: not a row of the table" in page
    assert "3 rows more" in NeighborTable([ROW] * 203)._repr_html_()


def test_a_table_as_dicts_and_as_a_data_frame() -> None:
    pandas = pytest.importorskip("pandas")
    (row,) = TABLE.to_dicts()
    assert (row["remote_interface"], row["kind"], row["system_name"]) == ("ge-0/0/7", "switch", "<r2>")
    frame = NeighborTable([ROW, Neighbor(local_interface="x")]).to_pandas()
    assert frame["local_interface"].tolist() == ["Gi0/1", "x"]
    assert frame["ttl"].dtype == "Int64"
    assert frame["ttl"].isna().tolist() == [False, True]
    assert pandas.isna(frame["system_name"][1])
    assert len(NeighborTable().to_pandas()) == 0


def test_the_module_is_the_packages() -> None:
    assert fp.lldp is lldp
    assert lldp.platforms() == sorted(lldp.platforms())
    assert {"cisco_ios", "cisco_nxos", "cisco_xr", "arista_eos", "juniper_junos", "huawei_vrp"} <= set(lldp.platforms())
    with pytest.raises(AttributeError, match="no attribute"):
        fp.nothing_of_this_name  # noqa: B018
