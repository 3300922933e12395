"""Datagrams that tests make up, with every structure that sflowtool prints."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Any

from hypothesis import strategies as st

from flowparse.sflow import CounterSample, Datagram, DiscardSample, FlowSample, Port, Record
from flowparse.sflow.model import Fields
from flowparse.sflow.structures import COUNTER, FLOW, Structure, part, structures
from flowparse.sflowtool.keys import slot_names

U32 = st.integers(0, 2**32 - 1)
WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters='"\\\n\r '), max_size=30
)
IP4 = U32.map(lambda number: str(IPv4Address(number)))
IP6 = st.integers(0, 2**96 - 1).map(lambda number: str(IPv6Address(0x20010DB8 << 96 | number)))
MAC = st.integers(0, 2**48 - 1).map(lambda number: number.to_bytes(6).hex(":"))
NUMBERS = st.lists(U32, max_size=5).map(tuple)


def _fields(structure: Structure) -> st.SearchStrategy[Fields]:
    return st.tuples(*(VALUES[field.type] for field in structure.fields)).map(
        lambda values: Fields(structure.names, values)
    )


def _as_path() -> st.SearchStrategy[Any]:
    """Sets and sequences in turn: two sequences in a row read as one."""
    numbers = st.lists(U32, min_size=1, max_size=4).map(tuple)
    return st.lists(numbers, max_size=3).map(lambda found: tuple((2 - i % 2, each) for i, each in enumerate(found)))


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "u8": st.integers(0, 255),
    "u32": U32,
    "i32": st.integers(-(2**31), 2**31 - 1),
    "u64": st.integers(0, 2**64 - 1),
    "f32": st.integers(0, 10**6).map(lambda thousandths: thousandths / 1000),
    "pct": st.none() | st.integers(0, 10**6).map(lambda hundredths: hundredths / 100),
    "ip4": IP4,
    "ip6": IP6,
    "addr": st.none() | IP4 | IP6,
    "mac": MAC,
    "uuid": st.uuids().map(str),
    "str": WORDS,
    "opaque": st.binary(max_size=200),
    "u32[]": NUMBERS,
    "labels": NUMBERS,
    "vlans": NUMBERS,
    "aspath": _as_path(),
}
VALUES["sfp_lane[]"] = st.lists(_fields(part("sfp_lane")), min_size=1, max_size=3).map(tuple)
VALUES["mac[]"] = st.lists(MAC, max_size=3).map(tuple)
VALUES["host_adapter[]"] = st.lists(_fields(part("host_adapter")), max_size=3).map(tuple)

NOT_PRINTED = {(0, 1013)}  # as what its document says it is
PRINTED = [
    structure
    for kind in (FLOW, COUNTER)
    for tag, structure in structures(kind).items()
    if (kind, *tag) in slot_names() and tag not in NOT_PRINTED
]


def _of(values: dict[str, Any], structure: Structure) -> dict[str, Any]:
    """Values that go together: names for numbers, and ports where a protocol has some."""
    if structure.name == "extended_tcp_info":
        values["dir"] %= 3
    if "tcp_flags" in values:
        values["protocol"] = 6
    return values


@st.composite
def records(draw: st.DrawFn, kind: str) -> Record:
    """A record of any structure of a kind that sflowtool prints."""
    structure = draw(st.sampled_from([each for each in PRINTED if each.kind == kind]))
    values = _of({field.name: draw(VALUES[field.type]) for field in structure.fields}, structure)
    fields = Fields(structure.names, tuple(values[name] for name in structure.names))
    return Record(structure.enterprise, structure.format, structure.name, fields)


@st.composite
def samples(draw: st.DrawFn) -> FlowSample | CounterSample | DiscardSample:
    """A sample of any kind."""
    form = draw(st.integers(1, 5))
    expanded = form in (3, 4)
    index = U32 if expanded or form == 5 else st.integers(0, 2**24 - 1)
    head = {
        "sequence": draw(U32),
        "source_class": draw(st.integers(0, 255)),
        "source_index": draw(index),
    }
    if form in (2, 4):
        found = tuple(draw(st.lists(records("counter"), max_size=3)))
        return CounterSample(**head, records=found, expanded=expanded)
    found = tuple(draw(st.lists(records("flow"), max_size=3)))
    if form == 5:
        ports = [Port(0, draw(U32)) for _ in range(2)]
        return DiscardSample(**head, drops=draw(U32), input=ports[0], output=ports[1], reason=draw(U32), records=found)
    value = U32 if expanded else st.integers(0, 2**30 - 1)
    ports = [Port(draw(st.integers(0, 3)), draw(value)) for _ in range(2)]
    return FlowSample(
        **head,
        sampling_rate=draw(U32),
        sample_pool=draw(U32),
        drops=draw(U32),
        input=ports[0],
        output=ports[1],
        records=found,
        expanded=expanded,
    )


@st.composite
def datagrams(draw: st.DrawFn) -> Datagram:
    """A datagram of version 5."""
    return Datagram(
        version=5,
        agent=draw(IP4 | IP6),
        sub_agent_id=draw(U32),
        sequence=draw(U32),
        uptime_ms=draw(U32),
        samples=tuple(draw(st.lists(samples(), max_size=3))),
        source=draw(st.none() | IP4),
    )


HEADER = bytes.fromhex(
    "0200000000aa 0200000000bb 0800 4500003400010000 4006 0000 c0000201 c6336402 c0de 01bb 00000001 00000002 5010 0000"
    "0000 0000".replace(" ", "")
)


def flow_sample(sequence: int = 1, **changes: Any) -> FlowSample:
    """A TCP segment from 192.0.2.1:49374 to 198.51.100.2:443 that came in at 3 and went out at 4."""
    header = Record(
        0,
        1,
        "sampled_header",
        Fields(("protocol", "frame_length", "stripped", "header"), (1, 70, 4, HEADER)),
    )
    values: dict[str, Any] = {
        "sequence": sequence,
        "source_class": 0,
        "source_index": 3,
        "sampling_rate": 400,
        "sample_pool": 400 * sequence % 2**32,
        "drops": 0,
        "input": Port(0, 3),
        "output": Port(0, 4),
        "records": (header,),
    }
    return FlowSample(**values | changes)


def counter_sample(sequence: int = 1, **counters: int) -> CounterSample:
    """if_counters of interface 3, all zero but those given."""
    structure = structures(COUNTER)[0, 1]
    values = tuple(counters.get(name, 0) for name in structure.names)
    return CounterSample(
        sequence=sequence,
        source_class=0,
        source_index=3,
        records=(Record(0, 1, "if_counters", Fields(structure.names, values)),),
    )


def datagram(*samples: Any, sequence: int = 1, uptime_ms: int = 1000, agent: str = "10.0.0.1") -> Datagram:
    """A datagram with these samples."""
    return Datagram(version=5, agent=agent, sub_agent_id=0, sequence=sequence, uptime_ms=uptime_ms, samples=samples)
