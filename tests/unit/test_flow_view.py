"""The flow view of any template, with tables filled by hand, against the second reading of tests/naive.py."""

from __future__ import annotations

import struct
from types import ModuleType
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from flowparse import FLOW, Decoder, Registry
from flowparse._columns import Account, Table
from flowparse._lookup import Names, Rates, application_number
from flowparse._plan import Plan
from flowparse._values import Chunk
from flowparse.plan import flow
from flowparse.template import FieldSpecifier
from tests import build, naive, naive_native

ELEMENTS = Registry.default()
VARIABLE = naive_native.VARIABLE
EXPORT_S = 1_700_000_000
EXPORTER = "192.0.2.1"
OF_MESSAGE = {"type", "sampler_address", "observation_domain_id", "template_id", "sequence_num", "time_received_ns"}
COLUMNS = tuple(name for name in FLOW.names if name not in OF_MESSAGE)

FAMILIES = """
sourceIPv4Address sourceIPv6Address destinationIPv4Address destinationIPv6Address sourceIPv4Prefix sourceIPv6Prefix
ipVersion ethernetType sourceIPv4PrefixLength sourceIPv6PrefixLength destinationIPv4PrefixLength
destinationIPv6PrefixLength ipNextHopIPv4Address ipNextHopIPv6Address bgpNextHopIPv4Address bgpNextHopIPv6Address
postNATSourceIPv4Address postNATSourceIPv6Address postNATDestinationIPv4Address 9/7233 9/7234
"""
PORTS = """
protocolIdentifier sourceTransportPort destinationTransportPort tcpSourcePort udpDestinationPort icmpTypeCodeIPv4
icmpTypeCodeIPv6 icmpTypeIPv4 icmpCodeIPv4 icmpTypeIPv6 icmpCodeIPv6 postNAPTSourceTransportPort 9/7235
"""
TIMES = """
flowStartNanoseconds flowStartMicroseconds flowStartMilliseconds flowStartSeconds flowStartDeltaMicroseconds
flowStartSysUpTime flowEndNanoseconds flowEndMicroseconds flowEndMilliseconds flowEndSeconds flowEndDeltaMicroseconds
flowEndSysUpTime systemInitTimeMilliseconds flowDurationMilliseconds flowDurationMicroseconds
collectionTimeMilliseconds observationTimeSeconds
"""
OTHERS = """
octetDeltaCount octetTotalCount initiatorOctets packetDeltaCount packetTotalCount natEvent firewallEvent 9/7237
dataLinkFrameSection dataLinkFrameSize ipTotalLength ipHeaderPacketSection samplingInterval samplerRandomInterval
samplingPacketInterval samplingPacketSpace samplingSize samplingPopulation samplingProbability samplerId selectorId
ingressInterface ingressPhysicalInterface egressInterface sourceMacAddress postSourceMacAddress destinationMacAddress
vlanId dot1qVlanId postVlanId ipClassOfService ipTTL minimumTTL tcpControlBits bgpSourceAsNumber forwardingStatus
flowDirection flowEndReason applicationId mplsTopLabelStackSection mplsLabelStackSection2 flowLabelIPv6
fragmentIdentification fragmentOffset deltaFlowCount bgpNextAdjacentAsNumber
"""
NATURAL = {
    "ipv4Address": 4, "ipv6Address": 16, "macAddress": 6, "float64": 8, "dateTimeSeconds": 4, "octetArray": 4,
    "unsigned8": 1, "unsigned16": 2, "unsigned32": 4, "unsigned64": 8,
}  # fmt: skip
# Numbers that a record may send with a length of its own, and that are read then.
VARIABLE_NUMBERS = {name for _, names in naive.NUMBERS.values() for name in names.split()} | {
    "ipVersion", "ethernetType", "icmpTypeCodeIPv4", "icmpTypeCodeIPv6", "icmpTypeIPv4", "icmpCodeIPv4",
    "icmpTypeIPv6", "icmpCodeIPv6", "sourceIPv4PrefixLength", "sourceIPv6PrefixLength", "destinationIPv4PrefixLength",
    "destinationIPv6PrefixLength", "dataLinkFrameSize", "ipTotalLength",
}  # fmt: skip
TOO_LARGE = 1 << 200
SAMPLERS = {0: 1, 1: 100, 2: 1000, 255: 4096, 65535: 7, 2**32 - 1: 3, 3: 1 << 24, 4: 1 << 25}
INTERFACES = {1: 512, 2: 2048, 1 << 40: 5}


def field_of(name: str, length: int) -> FieldSpecifier:
    return FieldSpecifier(ELEMENTS.element(name), length)


@st.composite
def template_of(draw: Any, names: str) -> list[FieldSpecifier]:
    fields = []
    for name in draw(st.lists(st.sampled_from(names.split()), min_size=1, max_size=9, unique=True)):
        natural = NATURAL.get(ELEMENTS.element(name).type, 8)
        length = draw(st.one_of(*[st.just(natural)] * 6, st.integers(0, 9), st.just(VARIABLE)))
        if name == "ingressInterface" and length == VARIABLE:
            length = 4  # its rate is looked up only at a fixed length
        fields.append(field_of(name, length))
    if not any(each.length for each in fields):
        fields.append(field_of("protocolIdentifier", 1))
    return draw(st.permutations(fields))


def value_of(field: FieldSpecifier) -> st.SearchStrategy[bytes]:
    n = field.length
    if n == VARIABLE:
        return st.integers(0, 10).flatmap(lambda k: st.binary(min_size=k, max_size=k)) | st.sampled_from(
            [b"", b"\1", b"\x3a", b"\0\0\x3a", b"\xff" * 9]
        )
    edges = [b"\0" * n, b"\xff" * n]
    edges += [k.to_bytes(n) for k in (1, 2, 4, 6, 58, 0x0800, 0x86DD, 1 << 24, 1000) if n and k < 256**n]
    if n == 16:
        edges.append(bytes(10) + b"\xff\xff" + b"\x0a\0\0\1")
    if n == 8:
        edges += [k.to_bytes(8) for k in (1_700_000_000_123, 1_690_000_000_000, 2**43, 0xE8FE6F8266667725 << 0)]
        edges += [struct.pack("!d", probability) for probability in (0.01, 1.0, 0.0, float("nan"), 1e-300)]
    return st.sampled_from(edges) | st.binary(min_size=n, max_size=n)


def record_of(values: dict[str, Any], fields: list[FieldSpecifier]) -> dict[str, Any]:
    """A NATIVE row, but for numbers of variable length, which FLOW reads."""
    record = dict(values)
    for each in fields:
        name = each.element.name
        if each.length == VARIABLE and name in VARIABLE_NUMBERS:
            octets = record[name]
            record[name] = int.from_bytes(octets) if 1 <= len(octets) <= 8 else TOO_LARGE
        if each.length == VARIABLE and name in naive.LABELS.values():
            record[name] = None
    return record


KNOWN = st.sampled_from([(5, 9), (4, 9), (4, 10), (0, 10)])


def check(
    engine: ModuleType,
    fields: list[FieldSpecifier],
    body: bytes,
    known: tuple[int, int],
    of_message: tuple[int | None, int],
    uptime_ms: int,
    init_ms: int,
    columns: tuple[str, ...] = COLUMNS,
) -> None:
    time_source, version = known
    made = flow(fields, FLOW.select(*columns).columns(ELEMENTS))
    account = Account(1 << 30, 1 << 26)
    plan = Plan(Table(made.layout(), account, "flows"), made.segments, made.steps, made.wires)
    tables = Rates(SAMPLERS), Rates(INTERFACES)
    engine.set_known(account, EXPORT_S * naive.SECOND, uptime_ms, time_source, init_ms, *of_message, *tables)
    values, _ = naive_native.native(fields, body)
    header = struct.pack("!HHII", 10, 0, EXPORT_S, 0) + bytes(4)
    if version == 9:
        header = struct.pack("!HHIIII", 9, 0, uptime_ms, EXPORT_S, 0, 0)
    plan.append(body)
    plan.append(body)
    rows = [row for part in plan.table.take() for row in Chunk(part)]
    expected = [
        naive.flow(
            header, record_of(value, fields), EXPORTER, None, of_message=of_message,
            init_ns=init_ms * naive.MILLISECOND if time_source == 4 else None, samplers=SAMPLERS, interfaces=INTERFACES,
        )
        for value in values * 2
    ]  # fmt: skip
    assert [row.as_dict() for row in rows] == [{name: row[name] for name in columns} for row in expected]


@pytest.mark.parametrize(
    "names",
    [FAMILIES, PORTS, TIMES, OTHERS, FAMILIES + PORTS + TIMES + OTHERS],
    ids=["families", "ports", "times", "others", "all"],
)
@settings(max_examples=40, phases=set(Phase) - {Phase.explain})
@given(data=st.data())
def test_any_template_is_read_as_the_rules_say(engine: ModuleType, names: str, data: Any) -> None:
    fields = data.draw(template_of(names))
    records = data.draw(st.lists(st.tuples(*map(value_of, fields)), min_size=1, max_size=4))
    body = b"".join(wire(fields, record) for record in records)
    of_message = data.draw(st.sampled_from([(None, 0), (10, 1), (20, 4), (30, 6), (40, 9)]))
    uptime_ms = data.draw(st.sampled_from([0, 1000, 2**32 - 1, 10_000_000]))
    init_ms = data.draw(st.sampled_from([1_699_990_000_000, 1_600_000_000_000, 0, 9223372036854]))
    columns = COLUMNS
    if data.draw(st.booleans()):
        columns = tuple(data.draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=4, unique=True)))
    check(engine, fields, body, data.draw(KNOWN), of_message, uptime_ms, init_ms, columns)


def wire(fields: list[FieldSpecifier], record: tuple[bytes, ...]) -> bytes:
    pairs = zip(fields, record, strict=True)
    return b"".join(bytes([len(value)]) + value if each.length == VARIABLE else value for each, value in pairs)


def test_values_wider_than_their_column_are_null_and_counted() -> None:
    made = flow([field_of("sourceTransportPort", 4)], FLOW.select("src_port").columns(ELEMENTS))
    plan = Plan(Table(made.layout(), Account(1 << 30, 0), "flows"), made.segments, made.steps, made.wires)
    plan.append(struct.pack("!IIII", 80, 65535, 65536, 2**32 - 1))
    (part,) = plan.table.take()
    assert Chunk(part)["src_port"].to_list() == [80, 65535, None, None]
    assert plan.table.take_out_of_range() == 2


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────────

NAMES = ("in_if_name", "out_if_name", "application_name", "vrf_name", "sampler_name")


@pytest.mark.parametrize("variable", [False, True])
def test_names_are_what_is_known_when_a_record_is_decoded(engine: ModuleType, variable: bool) -> None:
    fields = [
        field_of("ingressInterface", 4),
        field_of("egressInterface", 2),
        field_of("applicationId", VARIABLE if variable else 4),
        field_of("ingressVRFID", 4),
        field_of("samplerId", 1),
        field_of("interfaceName", VARIABLE),
    ]
    made = flow(fields, FLOW.select("in_if").add(*NAMES, "interfaceName").columns(ELEMENTS))
    account = Account(1 << 30, 0)
    plan = Plan(Table(made.layout(), account, "flows"), made.segments, made.steps, made.wires)
    http = application_number(b"\3\0\0\x50")
    assert http is not None
    tables = [Names({1: "Gi0/1", 2: "é" * 3000}), Names({http: "http"}), Names({7: "red"}), Names({1: "s"})]

    def record(in_if: int, out_if: int, application: bytes, vrf: int, sampler: int) -> bytes:
        length = bytes([4]) if variable else b""
        return struct.pack("!IH", in_if, out_if) + length + application + struct.pack("!IB", vrf, sampler) + b"\2lo"

    bodies = [record(1, 2, b"\3\0\0\x50", 7, 1), record(3, 1, b"\3\0\0\x51", 8, 2)]
    expected: list[Any] = []
    for known in (tables, [], tables):
        engine.set_known(account, 0, 0, 5, 0, None, 0, None, None, known)
        assert plan.append(b"".join(bodies) * 40) == 80
        first = ("Gi0/1", "é" * 2048, "http", "red", "s") if known else (None,) * 5
        second = (None, "Gi0/1", None, None, None) if known else (None,) * 5
        expected += [first, second] * 40
    rows = [row for part in plan.table.take() for row in Chunk(part)]
    assert [tuple(row[name] for name in NAMES) for row in rows] == expected
    assert {row["interfaceName"] for row in rows} == {"lo"}


def test_text_of_a_fixed_length_loses_the_zeros_that_fill_it_up() -> None:
    values = [b"", b"e", b"eth0", b"a\0b", b"ethernet"]
    template = build.template_record(256, [(82, 8)])
    records = build.set_(256, *(value.ljust(8, b"\0") for value in values))
    decoder = Decoder(FLOW.select("bytes").add("interfaceName"))
    decoder.feed(build.ipfix(build.set_(2, template), records), EXPORTER)
    rows = decoder.take()
    assert rows["interfaceName"].to_list() == [value.decode() for value in values]
    # A value that is shown has lost them anyway; here the column itself has.
    assert [row.raw("interfaceName") for row in rows] == values


def test_tables_find_what_was_put_in() -> None:
    rates = {k * 0x9E3779B97F4A7C15 % 2**64: k + 1 for k in range(3000)} | {0: 9}
    table = Rates(rates)
    assert len(table) == len(rates)
    assert all(table.get(key) == rate for key, rate in rates.items())
    assert [table.get(key) for key in (5, 2**64 - 1)] == [None, None]
    assert Rates().get(0) is None
    names = Names({0: "a", 5: "b" * 5000, 2**64 - 1: "ü"})
    assert [names.get(key) for key in (0, 5, 2**64 - 1, 1)] == ["a", "b" * 4096, "ü", None]
    assert Names().get(0) is None
    with pytest.raises(ValueError, match="at least 1"):
        Rates({1: 0})


def test_numbers_of_applications() -> None:
    assert application_number(b"") is None
    assert application_number(b"\3") == 3 << 56
    assert application_number(b"\xff" + b"\1" * 7) == 255 << 56 | int.from_bytes(b"\1" * 7)
    assert application_number(b"\3\0" + b"\1" * 7) == 3 << 56 | int.from_bytes(b"\1" * 7)
    assert application_number(b"\3" + b"\1" * 8) is None
