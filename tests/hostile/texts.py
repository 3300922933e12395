"""What a hostile sender writes into text, and every field of text that a sender can write into.

A source takes the octets of a payload and returns what flowparse made of them. Each source puts the
payload into as many fields as the protocol has: all the elements of type string, all the sFlow
structures with strings, all the texts of a frame, of a table of neighbors, of sflowtool's output.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from flowparse import (
    FLOW,
    NATIVE,
    Batch,
    Decoder,
    FlowparseError,
    Neighbor,
    NeighborTable,
    Topology,
    elements,
    explain,
    lldp,
    sflow,
    sflowtool,
)
from flowparse.lldp import PortIdType
from flowparse.sflow.structures import COUNTER, Structure, structures
from flowparse.sflow.structures import FLOW as FLOW_RECORD
from tests import build_sflow as make
from tests.build import (
    VARIABLE,
    ipfix,
    netflow9,
    options_template_record,
    options_template_record9,
    set_,
    template_record,
    uint,
    var,
)
from tests.lldp.test_frames import CHASSIS, END, HEADER, TTL, org, tlv
from tests.sflowtool import printer

A = ("192.0.2.1", 9995)
LONG = "long"

PAYLOADS: dict[str, bytes] = {
    "controls": bytes(range(1, 32)) + b"\x7f",
    "nul": b"a\0forged",
    "escape": b"\x1b]0;title\x07\x1b[2J\x1b[31m",
    "c1": "\x9b31m\x85forged".encode(),
    "lines": b"a\r\nforged\nforged\rforged",
    "separators": "a\u2028forged\u2029forged\x0bforged\x0cforged".encode(),
    "bidi": "\u202egnp.exe\u2066\u2069\u200e\u200f\u061c".encode(),
    "invisible": "a\u200b\ufeff\u2060\xad\u180e\U000e0041\U000e0001\ufff9\U0001d173b".encode(),
    "noncharacters": "\ufffe\uffff".encode(),
    "element": b"<script>alert(1)</script><img src=x onerror=alert(1)>",
    "attribute": b"\"' onload='alert(1)' x=\"",
    "markup end": b"]]>--></text></svg><script>alert(1)</script>",
    "entity": b"&lt;script&gt;&#0;&amp",
    "dot string": b'"]; forged -> forged; ["\\',
    "dot escape": b"\\N\\G\\l\\\\",
    "formula": b'=HYPERLINK("http://x")',
    "formula +": b"+1+1",
    "formula -": b"-1+1",
    "formula @": b"@SUM(A1)",
    "formula behind blanks": b" \t=1+1",
    "formula wide": "\uff1d1+1".encode(),
    "pairs": b'a forged=1 "forged=2" \'c',
    "json": b'","forged":"1',
    "json escape": b"\\ud800\\u202e\\u0000",
    "percent": b"%s%n{0.__class__}${jndi:x}",
    "not utf-8": b"\xff\xfe\xc0\xaf\xed\xa0\x80\xf5\x80",
    LONG: b"A" * 60_000,
}


class Made(NamedTuple):
    """What came of a payload: batches, objects that have a `repr`, explanations, tables of neighbors."""

    batches: tuple[Batch, ...] = ()
    objects: tuple[Any, ...] = ()
    explained: tuple[Any, ...] = ()
    tables: tuple[NeighborTable, ...] = ()


def _decoded(octets: list[bytes], schema: Any = NATIVE) -> Made:
    decoder = Decoder(schema)
    explained, objects = [], []
    for each in octets:
        state = decoder.export_state()
        explained.append(explain(each, state=state))
        message = decoder.decode(each, A, 1)
        objects += [message, *message.templates, *message.events]
        decoder.feed(each, A, 1)
    batches = [*decoder.take_tables(), *decoder.take_options(), *decoder.take_counters()]
    batches += [decoder.interfaces, decoder.applications, decoder.vrfs, decoder.samplers]
    objects += [*decoder.events(), *decoder.stats(), *decoder.diagnose(2)]
    return Made(tuple(batch for batch in batches if len(batch)), tuple(objects), tuple(explained))


# ── NetFlow v9 and IPFIX ─────────────────────────────────────────────────────────────────────────────────────────────


@cache
def _strings() -> list[tuple[int, int, int]]:
    """Every element of type string that a template can name."""
    return [(each.id, VARIABLE, each.pen) for each in elements() if each.type == "string" and 0 <= each.pen < 2**32 - 1]


def _message(specs: list[Any], values: list[bytes], rest: bytes = b"") -> bytes:
    return ipfix(set_(2, template_record(256, specs)), set_(256, b"".join(map(var, values)) + rest))


def ipfix_strings(text: bytes) -> Made:
    """Each element of type string."""
    specs = _strings()
    return _decoded([_message(specs, [text[: 50_000 // len(specs)]] * len(specs))])


def ipfix_string(text: bytes) -> Made:
    """One, as long as a message can be."""
    return _decoded([_message([(82, VARIABLE), (1, 4)], [text], uint(7, 4))])


def ipfix_unknown(text: bytes) -> Made:
    """Octets of an element that nobody knows."""
    return _decoded([_message([(99, VARIABLE, 64999), (32767, VARIABLE)], [text[:25_000]] * 2)])


def netflow9_strings(text: bytes) -> Made:
    """Fields of fixed length, in data and in options."""
    text = text[:1000] or b"\0"
    names = [(each, len(text)) for each in (82, 83, 84, 94, 95, 96)]
    return _decoded(
        [
            netflow9(
                set_(0, template_record(256, names)),
                set_(1, options_template_record9(257, [(2, 4)], names)),
                set_(256, text * 6),
                set_(257, uint(3, 4) + text * 6),
            )
        ]
    )


NAMES = ("in_if_name", "out_if_name", "application_name", "vrf_name", "sampler_name")


def names_told(text: bytes) -> Made:
    """Names that options give to interfaces, applications, VRFs and samplers, joined to flows."""
    said = var(text[:5000])
    tables = [[(10, 4), (82, VARIABLE), (83, VARIABLE)], [(95, 4), (96, VARIABLE), (94, VARIABLE)]]
    tables += [[(234, 4), (236, VARIABLE)], [(302, 8), (335, VARIABLE)], [(48, 1), (84, VARIABLE)]]
    told = []
    for i, specs in enumerate(tables):
        told.append(set_(3, options_template_record(300 + i, specs[:1], specs[1:])))
        told.append(set_(300 + i, uint(7, specs[0][1]) + said * (len(specs) - 1)))
    flow = [(8, 4), (12, 4), (10, 4), (14, 4), (95, 4), (234, 4), (302, 8), (48, 1), (1, 4)]
    row = bytes([10, 0, 0, 1, 10, 0, 0, 2]) + b"".join(uint(7, width) for _, width in flow[2:])
    return _decoded([ipfix(*told), ipfix(set_(2, template_record(256, flow)), set_(256, row))], FLOW.add(*NAMES))


# ── sFlow ────────────────────────────────────────────────────────────────────────────────────────────────────────────

OCTETS: dict[str, Callable[[bytes], bytes]] = {
    "str": make.opaque,
    "opaque": make.opaque,
    "u32": lambda text: bytes(4),
    "u64": lambda text: bytes(8),
    "mac": lambda text: bytes(8),
    "uuid": lambda text: bytes(16),
}


def _with_strings(kind: str) -> list[Structure]:
    found = [structure for structure in structures(kind).values() if any(f.type == "str" for f in structure.fields)]
    for structure in found:
        assert {each.type for each in structure.fields} <= OCTETS.keys(), structure.name
    return found


def _records(kind: str, text: bytes) -> list[bytes]:
    return [
        make.tagged(each.format, b"".join(OCTETS[f.type](text) for f in each.fields), enterprise=each.enterprise)
        for each in _with_strings(kind)
    ]


def sflow_octets(text: bytes, *unknown: bytes) -> bytes:
    return make.datagram(
        make.flow_sample(*_records(FLOW_RECORD, text), *unknown),
        make.counters_sample(*_records(COUNTER, text), *unknown),
    )


def sflow_structures(text: bytes) -> Made:
    """Each structure that has strings, and one that nobody knows."""
    octets = sflow_octets(text[:900], make.tagged(77, make.opaque(text[:900]), enterprise=4242))
    found, datagram = _decoded([octets]), sflow.decode(octets)
    records = [record for sample in datagram.samples for record in sample.records]  # type: ignore[union-attr]
    more = [each for record in records for each in (record, record.fields)]
    return found._replace(objects=(*found.objects, datagram, *datagram.samples, *datagram.notices, *more))


# ── sflowtool's text ─────────────────────────────────────────────────────────────────────────────────────────────────

WORD = "PLACEHOLDER"


def _parsed(text: bytes, **options: Any) -> Made:
    found = sflowtool.parse(text, **options)
    datagrams = list(found.datagrams)
    records = [record for datagram in datagrams for sample in datagram.samples for record in sample.records]
    batches = [batch for batch in (found.flows, *found.counters) if len(batch)]
    return Made(tuple(batches), (found, *datagrams, *records, *found.events, found.agents(10**18)))


def _printed(form: str) -> bytes:
    datagram = sflow.decode(sflow_octets(WORD.encode()))
    return (printer.tagged([datagram]) if form == "text" else printer.json_lines([datagram])).encode()


def tagged_text(text: bytes) -> Made:
    return _parsed(_printed("text").replace(WORD.encode(), text[:500]))


def json_text(text: bytes) -> Made:
    """The payload as it is, between the quotation marks: it may end the string."""
    return _parsed(_printed("json").replace(WORD.encode(), text[:500]), format="json")


def json_strings(text: bytes) -> Made:
    """The payload as JSON says it."""
    said = json.dumps(text.decode("utf-8", "surrogateescape"))[1:-1].encode()
    return _parsed(_printed("json").replace(WORD.encode(), said[:500]), format="json")


def line_text(text: bytes) -> Made:
    return _parsed(b"FLOW,10.0.0.1,3,4," + text + b"\n" + text + b"\nCNTR,10.0.0.1,1,6," + text + b"\n", format="line")


# ── neighbors ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _neighbors(*tables: NeighborTable, objects: tuple[Any, ...] = ()) -> Made:
    rows = [row for table in tables for row in table]
    return Made((), (*objects, *rows, *(each for table in tables for each in table.problems)), (), tables)


def frame(text: bytes) -> Made:
    """Every text that a frame has, the chassis and the port by any subtype."""
    text = text[:500]
    pdus = [
        lldp.decode(
            HEADER
            + b"".join([tlv(1, bytes([subtype]) + text), tlv(2, bytes([subtype]) + text), TTL])
            + b"".join(tlv(kind, text) for kind in (4, 5, 6, 8, 99))
            + org("0012bb", 10, text)
            + org("0080c2", 3, b"\0\1" + bytes([len(text[:32])]) + text[:32])
            + END,
            device="r1",
            interface="Gi0/9",
        )
        for subtype in (1, 2, 5, 6, 7, 200)
    ]
    pdus.append(lldp.decode(HEADER + CHASSIS + text))
    table = NeighborTable([pdu.neighbor for pdu in pdus], device="r1")
    parts = [each for pdu in pdus for each in (pdu, *pdu.tlvs, *pdu.problems)]
    return _neighbors(table, objects=tuple(parts))


def _table(text: bytes, command: str, platform: str = "cisco_ios") -> Made:
    return _neighbors(lldp.parse(text, platform=platform, command=command, device="r1"))


def table_of_neighbors(text: bytes) -> Made:
    head = b"Device ID           Local Intf     Hold-time  Capability      Port ID\n"
    return _table(head + text[:1000] + b"      Gi0/0          120        R               " + text + b"\n",
                  "show lldp neighbors")  # fmt: skip


def neighbors_in_detail(text: bytes) -> Made:
    text = text[:1000]
    return _table(
        b"------------------------------------------------\nLocal Intf: Gi0/0\nChassis id: " + text
        + b"\nPort id: " + text + b"\nPort Description: " + text + b"\nSystem Name: " + text
        + b"\n\nSystem Description: \n" + text + b"\n\nTime remaining: 95 seconds\nSystem Capabilities: B,R\n"
        + b"Enabled Capabilities: R\nManagement Addresses:\n    IP: 10.0.0.1\nVlan ID: " + text + b"\n\n\n"
        + b"Total entries displayed: 1\n",
        "show lldp neighbors detail",
    )  # fmt: skip


def cdp_in_detail(text: bytes) -> Made:
    text = text[:1000]
    return _table(
        b"-------------------------\nDevice ID: " + text + b"\nEntry address(es): \n  IP address: 10.0.0.2\n"
        + b"Platform: " + text + b",  Capabilities: Router Switch\n"
        + b"Interface: GigabitEthernet0/0,  Port ID (outgoing port): " + text + b"\nHoldtime : 150 sec\n\n"
        + b"Version :\n" + text + b"\n\nadvertisement version: 2\n",
        "show cdp neighbors detail",
    )  # fmt: skip


def lldpd_json(text: bytes) -> Made:
    """lldpd's JSON, once with the payload as JSON says it, and once between the quotation marks as it is."""
    name = {"descr": WORD, "id": {"type": "local", "value": WORD}, "capability": {"type": WORD, "enabled": True}}
    port = {"id": {"type": "ifname", "value": WORD}, "descr": WORD, "ttl": "120"}
    tree = json.dumps(
        {"lldp": {"interface": [{WORD: {"via": "LLDP", "chassis": {WORD: name}, "port": port}}]}}
    ).encode()
    said = json.dumps(text[:1000].decode("utf-8", "surrogateescape"))[1:-1].encode()
    tables = []
    for each in (said, text[:1000]):
        try:
            tables.append(lldp.parse(tree.replace(WORD.encode(), each), platform="linux_lldpd", device="r1"))
        except FlowparseError as error:
            tables.append(NeighborTable([Neighbor(local_interface=str(error))], device="r1"))
    return _neighbors(*tables)


def neighbors(text: bytes) -> Made:
    """Every text of a neighbor, and the names of devices; as a program gives them that read them elsewhere."""
    said = text[:5000].decode("utf-8", "backslashreplace")
    row = Neighbor(
        local_device=said, local_interface=said, chassis_id=said, port_id=said, port_id_type=PortIdType.LOCAL,
        port_description=said, system_name=said, system_description=said, parent_interface=said, platform=said,
        extra={said: said},
    )  # fmt: skip
    problem = lldp.Problem(1, said, said)
    one = NeighborTable([row], device=said, platform=said, command=said, problems=[problem], chassis_id=said,
                        system_name=said)  # fmt: skip
    return _neighbors(one, NeighborTable([row], device="r1"))


SOURCES: dict[str, Callable[[bytes], Made]] = {
    each.__name__: each
    for each in (
        ipfix_strings, ipfix_string, ipfix_unknown, netflow9_strings, names_told, sflow_structures, tagged_text,
        json_text, json_strings, line_text, frame, table_of_neighbors, neighbors_in_detail, cdp_in_detail, lldpd_json,
        neighbors,
    )
}  # fmt: skip


@cache
def made(source: str, payload: str) -> Made:
    return SOURCES[source](PAYLOADS[payload])


@cache
def topology(source: str, payload: str) -> Topology:
    return Topology.build(made(source, payload).tables)
