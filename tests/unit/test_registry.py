"""Elements are found by number, by name and by NetFlow v9 field type; a registry takes more, and never changes."""

from __future__ import annotations

import dataclasses
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

from flowparse.errors import RegistryError
from flowparse.registry import Element, Registry, element, elements, names

ROOT = Path(__file__).parents[2]
REGISTRY = Registry.default()
PRIVATE = Element(99999, 1, "roomTemperature", "signed16", "quantity", None)


# ---- one element ---------------------------------------------------------------------------------


def test_an_element_has_what_iana_says() -> None:
    assert element("octetDeltaCount") == Element(0, 1, "octetDeltaCount", "unsigned64", "deltaCounter", "octets")
    assert element("flowEndReason") == Element(
        0, 136, "flowEndReason", "unsigned8", "identifier", None, False, "flow_end_reason"
    )


@pytest.mark.parametrize("key", ["octetDeltaCount", 1, (0, 1), "0/1"])
def test_keys_of_an_iana_element(key: str | int | tuple[int, int]) -> None:
    assert element(key).name == "octetDeltaCount"


@pytest.mark.parametrize("key", ["ciscoAppHTTPHost", (9, 12235), "9/12235"])
def test_keys_of_an_enterprise_element(key: str | tuple[int, int]) -> None:
    assert element(key) == Element(9, 12235, "ciscoAppHTTPHost", "string")


def test_a_wrong_name_names_near_ones() -> None:
    with pytest.raises(KeyError, match="octetDeltaCount"):
        element("octetDeltaCounts")


@pytest.mark.parametrize("key", [0, -1, 65536, "9/1", "0/0", (9, 1), (4242, 1), "", "/", "9/"])
def test_what_is_not_there_is_a_key_error(key: str | int | tuple[int, int]) -> None:
    with pytest.raises(KeyError, match=re.escape(repr(key))):
        element(key)


def test_an_element_is_frozen_and_pickles() -> None:
    octets = element("octetDeltaCount")
    with pytest.raises(dataclasses.FrozenInstanceError):
        octets.name = "bytes"  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(octets)) == octets


@pytest.mark.rfc("7013", "10.1")
def test_str_is_an_iespec() -> None:
    assert str(element(1)) == "octetDeltaCount(1)<unsigned64>"
    assert str(element("9/12235")) == "ciscoAppHTTPHost(9/12235)<string>"


# ---- many ----------------------------------------------------------------------------------------


def test_elements_are_in_order_of_number() -> None:
    everything = [(element.pen, element.id) for element in elements()]
    assert everything == sorted(set(everything))
    assert {0, 9, 29305, 4294967295} < {pen for pen, _ in everything}


def test_every_element_is_found_by_its_number() -> None:
    assert all(REGISTRY.find(element.pen, element.id) is element for element in elements())


def test_a_pattern_is_a_part_of_the_name_in_any_case() -> None:
    assert [element.name for element in elements("SOURCEIPV4PREFIX") if not element.pen] == [
        "sourceIPv4PrefixLength",
        "sourceIPv4Prefix",
    ]


def test_a_pattern_may_be_a_glob() -> None:
    assert [element.id for element in elements("octet?eltaCount")] == [1]
    assert [element.id for element in elements("[o]CTETdelta*") if not element.pen] == [1, 198]
    assert elements("eltaCount?") == []


def test_of_two_elements_of_one_name_iana_has_the_first_word() -> None:
    assert {(371, 0), (7232, 9)} <= {(element.id, element.pen) for element in elements("userName")}
    assert element("userName").pen == 0


def test_of_two_enterprises_the_lower_pen_has_the_first_word() -> None:
    twins = REGISTRY.with_elements("ciscoAppHTTPHost(5/1)<string>\nciscoAppHTTPHost(99999/1)<string>")
    assert twins.element("ciscoAppHTTPHost").pen == 5
    assert element("ciscoAppHTTPHost").pen == 9


# ---- rules ---------------------------------------------------------------------------------------


@pytest.mark.rfc("5103", "6.1")
def test_a_reverse_element_follows_from_its_forward_one() -> None:
    forward, reverse = element("octetDeltaCount"), element("reverseOctetDeltaCount")
    assert reverse == REGISTRY.find(29305, 1) == element("29305/1")
    assert reverse == dataclasses.replace(forward, pen=29305, name="reverseOctetDeltaCount", reverse=True)


@pytest.mark.rfc("5103", "6.1")
def test_every_iana_element_has_a_reverse() -> None:
    assert len([element for element in elements("reverse*") if element.pen == 29305]) == 502
    assert element("reverseIPSecSPI").id == element("IPSecSPI").id


def test_barracudas_second_pen_means_its_first() -> None:
    assert REGISTRY.find(12326, 3) == REGISTRY.find(10704, 3) == element("10704/3")


def test_an_unknown_number_makes_octets() -> None:
    assert REGISTRY.find(4242, 7) is None
    assert REGISTRY.unknown(4242, 7) == Element(4242, 7, "ie_4242_7", "octetArray")
    assert REGISTRY.unknown(29305, 9999).reverse


@pytest.mark.parametrize(
    ("id", "number"),
    [
        (1, (0, 1)),
        (127, None),
        (128, (0, 128)),
        (0, None),
        (6670, (4294967295, 6670)),  # Ekinops
        (16386, (4294967295, 16386)),
        (32767, None),
        (33000, (9, 232)),  # ASA: ingress ACL
        (40001, (9, 7233)),  # ASA before 8.4: translated source
        (40005, (9, 7237)),  # ASA before 8.4: event
        (45000, (9, 12232)),
        (45002, (9, 12234)),
        (56701, (4294967295, 56701)),  # Palo Alto
        (57471, None),
        (57472, None),
        (57550, (35632, 78)),
        (57590, (35632, 118)),
        (65535, None),
    ],
)
def test_where_netflow9_puts_elements(id: int, number: tuple[int, int] | None) -> None:
    found = REGISTRY.v9(id)
    assert (found and (found.pen, found.id)) == number


def test_netflow9_scopes_are_not_the_elements_of_the_same_number() -> None:
    scopes = ["scopeSystem", "scopeInterface", "scopeLineCard", "scopeCache", "scopeTemplate"]
    found = [REGISTRY.v9_scope(id) for id in range(7)]
    assert [scope.name if scope else None for scope in found] == [None, *scopes, None]
    assert REGISTRY.v9_scope(6670) is None
    assert [REGISTRY.v9(id) for id in range(1, 6)] == [REGISTRY.find(0, id) for id in range(1, 6)]


# ---- the caller's elements -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "roomTemperature(99999/1)<signed16>",
        "  roomTemperature(99999/1)<signed16>[2]  ",
        "# mine\n\nroomTemperature(99999/1)<signed16>[v]\n",
        "99999\t1\troomTemperature\tsigned16\t\t\t\tcurrent\n",
        "pen\tid\tname\ttype\tsemantics\tunits\tenum\tstatus\n99999\t1\troomTemperature\tsigned16\t\t\t\tcurrent",
    ],
)
def test_elements_from_text(text: str) -> None:
    assert REGISTRY.with_elements(text).find(99999, 1) == Element(99999, 1, "roomTemperature", "signed16")


def test_a_row_has_all_of_an_element() -> None:
    row = "99999\t2\tcolor\tunsigned8\tidentifier\tnone\tprotocol\tcurrent"
    assert REGISTRY.with_elements(row).element("color") == Element(
        99999, 2, "color", "unsigned8", "identifier", "none", False, "protocol"
    )


def test_str_reads_back() -> None:
    given = [Element(99999, 1, "one", "string"), Element(0, 32000, "two", "float64")]
    assert REGISTRY.with_elements("\n".join(map(str, given))) == REGISTRY.with_elements(given)


def test_a_registry_never_changes() -> None:
    more = REGISTRY.with_elements([PRIVATE])
    assert more.element("roomTemperature") is PRIVATE
    assert REGISTRY.find(99999, 1) is None
    assert more.with_elements("other(99999/2)<string>").find(99999, 1) is PRIVATE
    assert more.find(99999, 2) is None


def test_an_enterprise_element_may_be_replaced() -> None:
    mine = REGISTRY.with_elements("host(9/12235)<string>\nwanId(4294967295/56701)<unsigned32>")
    assert mine.element("9/12235").name == "host"
    assert mine.v9(45003) is mine.find(9, 12235)
    assert str(mine.v9(56701)).startswith("wanId")
    assert mine.find(9, 12234) == REGISTRY.find(9, 12234)
    assert mine.with_elements("newer(9/12235)<string>").element("9/12235").name == "newer"
    with pytest.raises(KeyError, match="no element"):
        mine.element("ciscoAppHTTPHost")


def test_an_element_that_iana_assigned_since_has_a_reverse() -> None:
    newer = REGISTRY.with_elements("later(32000)<string>")
    assert newer.element("reverseLater") == Element(29305, 32000, "reverseLater", "string", reverse=True)
    assert newer.elements("*later")[1:] == [newer.find(29305, 32000)]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("mine(1)<unsigned64>", "would replace octetDeltaCount"),
        ("mine(29305/1)<unsigned64>", "RFC 5103"),
        ("mine(99999/1)<uint64>", "uint64"),
        ("my-ne(99999/1)<string>", "my-ne"),
        ("1mine(99999/1)<string>", "1mine"),
        ("mine(99999/32768)<string>", "32768"),
        ("mine(4294967296/1)<string>", "4294967296"),
        ("mine(99999/1)", "IESpec"),
        ("mine<string>", "IESpec"),
        ("mine(99999/1)<string>[2", "IESpec"),
        ("99999\t1\tmine\tstring", "8"),
        ("99999\tx\tmine\tstring\t\t\t\tcurrent", "x"),
        ("99999\t1\tmine\tstring\twrong\t\t\tcurrent", "wrong"),
        ("99999\t1\tmine\tstring\t\twrong\t\tcurrent", "wrong"),
        ("99999\t1\tmine\tstring\t\t\twrong\tcurrent", "wrong"),
        ("again(99999/7)<string>", "twice"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(line: str, said: str) -> None:
    with pytest.raises(RegistryError, match=re.escape(said)) as caught:
        REGISTRY.with_elements(f"# comment\n\nright(99999/7)<string>\n{line}\n")
    assert caught.value.line == 4


def test_given_elements_are_checked_too() -> None:
    with pytest.raises(RegistryError, match="reverse"):
        REGISTRY.with_elements([PRIVATE, dataclasses.replace(PRIVATE, id=2, reverse=True)])


def test_registries_are_equal_by_content() -> None:
    one, two = Element(99999, 1, "one", "string"), Element(99998, 2, "two", "string")
    both = REGISTRY.with_elements([one, two])
    assert both == REGISTRY.with_elements([two]).with_elements([one])
    assert hash(both) == hash(REGISTRY.with_elements([two, one]))
    assert both not in (REGISTRY, REGISTRY.with_elements([one]), "registry")
    assert REGISTRY == Registry() == Registry.default()


def test_a_registry_pickles() -> None:
    more = REGISTRY.with_elements([PRIVATE])
    back = pickle.loads(pickle.dumps(more))
    assert back == more
    assert back.find(99999, 1) == PRIVATE
    assert pickle.loads(pickle.dumps(REGISTRY)).element(1) == element(1)


# ---- value names ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "value", "name"),
    [
        ("protocol", 6, "TCP"),
        ("protocol", 58, "IPv6-ICMP"),
        ("protocol", 132, "SCTP"),
        ("ethertype", 0x86DD, "IPv6"),
        ("ethertype", 0x88CC, "LLDP"),
        ("flow_end_reason", 2, "active timeout"),
        ("forwarding_status", 0x00, "Unknown"),
        ("forwarding_status", 0x40, "Forwarded (Unknown)"),
        ("forwarding_status", 0x89, "Dropped (bad TTL)"),
        ("forwarding_status", 0xC1, "Consumed (Punt Adjacency)"),
        ("nat_event_type", 16, "Port block allocation"),
        ("structured_data_types_semantics", 0xFF, "undefined"),
    ],
)
def test_value_names(table: str, value: int, name: str) -> None:
    assert names(table)[value] == name


def test_values_that_are_not_assigned_have_no_name() -> None:
    assert names("mpls_label_type").keys() == set(range(11))
    assert 0 not in names("flow_end_reason")
    assert names("ethertype").get(0x0801) is None


def test_value_names_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        names("protocol")[6] = "UDP"  # type: ignore[index]


@pytest.mark.parametrize("table", ["protocols", "../elements/0_iana", ""])
def test_a_wrong_table_is_a_key_error(table: str) -> None:
    with pytest.raises(KeyError, match="no table"):
        names(table)


def test_every_enum_of_an_element_is_a_table() -> None:
    linked = {element.enum for element in elements() if element.enum}
    assert {"protocol", "ethertype", "firewall_event"} <= linked
    assert all(names(table) for table in linked)


# ---- how it is read ------------------------------------------------------------------------------


def fresh(program: str) -> str:
    """What a new process prints."""
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r})\nfrom flowparse import registry\n{program}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout


def test_an_enterprise_file_is_read_when_it_is_asked_for() -> None:
    program = """
read = []
load = registry.rows
registry.rows = lambda *path: read.append(path[-1]) or load(*path)
default = registry.Registry.default()
print(*read)
default.element("octetDeltaCount"), default.element(2), default.v9(8), default.find(4242, 1)
print(*read)
default.find(9, 12235), default.find(9, 12236), default.element("octetDeltaCount")
print(*read)
default.element("viptelaVPNId")
print(len(read) == len(set(read)), read[-1])
"""
    assert fresh(program).splitlines() == ["", "0_iana.tsv", "0_iana.tsv 9_cisco.tsv", "True 41916_viptela.tsv"]


def test_slow_modules_are_not_imported() -> None:
    assert (
        fresh("registry.element('viptelaVPNId'); print({'csv', 'json', 'xml'} & set(sys.modules))").strip() == "set()"
    )


# ---- the tool that rewrites the files ------------------------------------------------------------


def update(kind: str, source: Path, registry: Path) -> subprocess.CompletedProcess[str]:
    tool = ROOT / "tools/update_registry.py"
    command = [sys.executable, str(tool), kind, str(source), "--date", "2026-02-01", "--registry", str(registry)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    (tmp_path / "enums").mkdir()
    (tmp_path / "elements").mkdir()
    iana = ROOT / "src/flowparse/registry/elements/0_iana.tsv"
    (tmp_path / "elements/0_iana.tsv").write_text(iana.read_text("ascii"))
    return tmp_path


def iana_xml(rows: list[list[str]]) -> str:
    parts = ("elementId", "name", "dataType", "dataTypeSemantics", "units", "status")
    records = [
        "<record>" + "".join(f"<{part}>{cell}</{part}>" for part, cell in zip(parts, row, strict=True)) + "</record>"
        for row in rows
    ]
    return f"""<registry xmlns="http://www.iana.org/assignments" id="ipfix">
<registry id="ipfix-information-elements">
<record><elementId>534-32767</elementId><name>Unassigned</name></record>{"".join(records)}</registry>
<registry id="ipfix-nat-type"><record><value>1</value><description>NAT44
 translated</description></record><record><value>7-255</value><description>Unassigned</description></record></registry>
</registry>"""


def iana_rows(registry: Path) -> list[list[str]]:
    lines = (registry / "elements/0_iana.tsv").read_text("ascii").splitlines()
    return [[*line.split("\t")[1:6], line.split("\t")[7]] for line in lines if line[0].isdigit()]


def test_update_from_xml_keeps_enums_and_counts_changes(copy: Path) -> None:
    rows = [row for row in iana_rows(copy) if row[1] != "flowId"]
    next(row for row in rows if row[1] == "protocolIdentifier")[4] = "none"
    next(row for row in rows if row[1] == "octetDeltaCount")[5] = "deprecated"
    source = copy / "ipfix.xml"
    source.write_text(iana_xml([*rows, ["600", "brandNew", "unsigned8", "", "", "current"]]))
    assert update("elements", source, copy).stdout == "elements/0_iana.tsv +1 -1 ~1\n"
    text = (copy / "elements/0_iana.tsv").read_text("ascii")
    assert "\n0\t4\tprotocolIdentifier\tunsigned8\tidentifier\t\tprotocol\tcurrent\n" in text
    assert text.endswith("\n0\t600\tbrandNew\tunsigned8\t\t\t\tcurrent\n")
    assert "# date: 2026-02-01\n" in text


def test_update_of_values_from_xml(copy: Path) -> None:
    source = copy / "ipfix.xml"
    source.write_text(iana_xml([]))
    assert update("values", source, copy).stdout == "enums/nat_type.tsv +1 -0 ~0\n"
    assert (copy / "enums/nat_type.tsv").read_text("ascii").endswith("value\tname\n1\tNAT44 translated\n")


def test_update_refuses_a_source_that_lost_rows(copy: Path) -> None:
    before = (copy / "elements/0_iana.tsv").read_text("ascii")
    source = copy / "ipfix.xml"
    source.write_text(iana_xml(iana_rows(copy)[:450]))
    done = update("elements", source, copy)
    assert done.returncode == 1
    assert "450 rows where 502 were expected" in done.stderr
    assert (copy / "elements/0_iana.tsv").read_text("ascii") == before


def test_update_of_an_enterprise_normalises_and_keeps_what_is_there(copy: Path) -> None:
    (copy / "elements/9_cisco.tsv").write_text(
        "# source: a guide\n# date: 2026-01-01\n# licence: MIT\n"
        "pen\tid\tname\ttype\tsemantics\tunits\tenum\tstatus\n9\t3\tbyHand\tstring\t\t\tprotocol\tcurrent\n"
    )
    folder = copy / "enterprise"
    folder.mkdir()
    (folder / "9_cisco.csv").write_text(
        "pen,element_id,name,type,semantics,units,source,source_license\n"
        "9,1,a-name,uint16, deltaCounter,none,somebody,MIT\n"
        "9,2,aname,what,,octets,somebody,BSD-3-Clause\n"
        "9,4,copied,uint8,,,somebody else,GPL-3.0\n"
        "9,5,anIpv6Address,ip,,,somebody,MIT\n"
    )
    done = update("enterprise", folder, copy)
    assert done.stdout == "1 rows dropped for their licence\nelements/9_cisco.tsv +3 -0 ~0\n"
    assert (copy / "elements/9_cisco.tsv").read_text("ascii").splitlines() == [
        "# source: a guide",
        "# source: somebody (BSD-3-Clause)",
        "# source: somebody (MIT)",
        "# date: 2026-02-01",
        "# licence: BSD-3-Clause, MIT; only facts (numbers, names, types) are taken",
        "pen\tid\tname\ttype\tsemantics\tunits\tenum\tstatus",
        "9\t1\taname\tunsigned16\tdeltaCounter\t\t\tcurrent",
        "9\t2\taname_2\toctetArray\t\toctets\t\tcurrent",
        "9\t3\tbyHand\tstring\t\t\tprotocol\tcurrent",
        "9\t5\tanIpv6Address\tipv6Address\t\t\t\tcurrent",
    ]
