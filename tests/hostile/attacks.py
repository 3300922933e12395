"""Input of any size that is made to cost more than it weighs, by family; octets that a sender could send.

`ATTACKS[name].make(octets)` makes about so many octets of a family, as a Case: what went before, and
what is to be measured. Single families are one datagram each; the others are many small ones, or
text, or a capture. Which threat each is of, docs/threat-model.md says.

`SMALL` are limits that all of them pass: what lies beyond a limit must not cost more the more it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Any, NamedTuple

import flowparse as fp
from flowparse import NATIVE, Decoder, Limits, lldp, sflowtool
from tests import build_sflow as make
from tests.build import (
    V5Record,
    ethernet,
    extension,
    ipfix,
    ipv6,
    netflow5,
    netflow9,
    options_template_record,
    pcap,
    section_header,
    set_,
    template_record,
    uint,
    withdrawal,
)
from tests.build import interface as interface_block
from tests.build import udp as udp_packet
from tests.sflowtool import made, printer

A = ("192.0.2.1", 9995)
SMALL = Limits(
    exporters=100,
    domains_per_exporter=100,
    templates=300,
    templates_per_domain=200,
    template_fields_total=2000,
    pending_sets=200,
    pending_octets=20_000,
    pending_octets_per_exporter=10_000,
    data_sources=200,
    samples_per_datagram=200,
    events=1000,
    open_tables=100,
)
OCTET = [(4, 1)]
FIRST = [netflow5([V5Record()]), make.datagram(make.flow_sample())]
"""What a decoder has read before: the tables of fixed formats are made with their first datagram."""
Work = Callable[[], object]


class Case(NamedTuple):
    """Octets of it; and how to come to where it is measured, afresh each time, under these limits."""

    octets: int
    prepare: Callable[[Limits], Work]


class Attack(NamedTuple):
    """A family: the threat that it is of, and how to make so many octets of it."""

    threat: str
    make: Callable[[int], Case]
    single: bool = False  # it is one datagram, of any size up to 65,507 octets


def to_decoder(
    datagrams: list[bytes], before: Iterable[bytes] = (), exporters: Any = A, schema: Any = fp.FLOW, **options: Any
) -> Case:
    """Feed these datagrams to a decoder that got others before."""

    def prepare(limits: Limits) -> Work:
        decoder = Decoder(schema, limits=limits, **options)
        decoder.feed_many([*FIRST, *before], A)
        decoder.take_tables()
        decoder.events()
        return lambda: decoder.feed_many(datagrams, exporters)

    return Case(sum(map(len, datagrams)), prepare)


def to_call(octets: int, call: Callable[[Limits], object]) -> Case:
    """Call this."""
    return Case(octets, lambda limits: lambda: call(limits))


def host(i: int) -> str:
    return f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}"


def filled(octets: int, part: Callable[[int], bytes]) -> Iterator[bytes]:
    """part(0), part(1), ... of so many octets in all."""
    i = 0
    while octets > 0:
        piece = part(i)
        octets -= len(piece)
        if octets >= 0:
            yield piece
        i += 1


def ids(i: int) -> int:
    return 256 + i % 60_000


def subset(i: int) -> list[tuple[int, int]]:
    """Fields of a layout of its own for each i below 65,535."""
    return [(1 + bit, 1) for bit in range(16) if i + 1 >> bit & 1]


# ── NetFlow v9 and IPFIX: one datagram ───────────────────────────────────────────────────────────────────────────────


def small_templates(octets: int) -> Case:
    """Templates of one field: 8 octets each."""
    return to_decoder([ipfix(set_(2, *filled(octets, lambda i: template_record(ids(i), OCTET))))])


def small_templates_of_netflow9(octets: int) -> Case:
    return to_decoder([netflow9(set_(0, *filled(octets, lambda i: template_record(ids(i), OCTET))))])


def layouts(octets: int) -> Case:
    """Templates that are all different, each with a record."""

    def part(i: int) -> bytes:
        fields = subset(i)
        return set_(2, template_record(ids(i), fields)) + set_(ids(i), bytes(len(fields)))

    return to_decoder([ipfix(*filled(octets, part))])


def widths(octets: int) -> Case:
    """Templates of the same elements with widths that nobody uses, each with a record."""

    def part(i: int) -> bytes:
        fields = [(1, 1 + i % 200), (2, 1 + i // 200)]
        return set_(2, template_record(ids(i), fields)) + set_(ids(i), bytes(fields[0][1] + fields[1][1]))

    return to_decoder([ipfix(*filled(octets, part))])


def layouts_of_many_fields(octets: int) -> Case:
    """Templates of a hundred elements that are all different, each with a record."""

    def part(i: int) -> bytes:
        fields = [(1 + (i * 7 + k) % 400, 1) for k in range(100)]
        return set_(2, template_record(ids(i), fields)) + set_(ids(i), bytes(len(fields)))

    return to_decoder([ipfix(*filled(octets, part))], schema=NATIVE)


def one_large_template(octets: int) -> Case:
    """A template of as many fields as there is room for, and of more than may be."""
    return to_decoder([ipfix(set_(2, template_record(256, OCTET * (octets // 4))))])


def fields_that_repeat(octets: int) -> Case:
    """A template of one element again and again, and records of it; it has 2,048 fields at most."""
    n = min(2000, octets // 8)
    return to_decoder([ipfix(set_(2, template_record(256, [(1, 1)] * n)), set_(256, bytes(octets - 4 * n)))])


def fields_that_are_unknown(octets: int) -> Case:
    n = min(2000, octets // 16)
    fields = [(i, 1, 4_000_000 + i) for i in range(n)]
    return to_decoder([ipfix(set_(2, template_record(256, fields)), set_(256, bytes(octets - 8 * n)))])


def empty_templates(octets: int) -> Case:
    """Templates whose records have no octets."""
    return to_decoder([ipfix(set_(2, *filled(octets, lambda i: template_record(ids(i), [(1, 0)]))))])


def redefinitions(octets: int) -> Case:
    """One id that means something else each time."""
    return to_decoder([ipfix(set_(2, *filled(octets, lambda i: template_record(256, [(1 + i % 7, 1)]))))])


def redefinitions_with_data(octets: int) -> Case:
    def part(i: int) -> bytes:
        return set_(2, template_record(256, [(1 + i % 7, 1)])) + set_(256, b"x")

    return to_decoder([ipfix(*filled(octets, part))])


def templates_of_tcp(octets: int) -> Iterator[bytes]:
    return filled(octets, lambda i: template_record(ids(i), OCTET))


def withdrawals(octets: int) -> Case:
    """Each template is withdrawn; only one that does not come over UDP may be."""
    before = [ipfix(set_(2, *templates_of_tcp(30_000)))]
    return to_decoder([ipfix(set_(2, *filled(octets, lambda i: withdrawal(ids(i)))))], before, transport="tcp")


def withdrawals_of_all(octets: int) -> Case:
    """All options templates are withdrawn, again and again, and there are thousands of the other kind."""
    before = [ipfix(set_(2, *templates_of_tcp(30_000)))]
    return to_decoder([ipfix(set_(3, *filled(octets, lambda i: withdrawal(3))))], before, transport="tcp")


def records_of_an_octet(octets: int) -> Case:
    return to_decoder([ipfix(set_(256, bytes(octets)))], [ipfix(set_(2, template_record(256, OCTET)))])


def records_of_no_octets_but_one(octets: int) -> Case:
    """Records of an octet that have a thousand fields of none."""
    before = [ipfix(set_(2, template_record(256, [(1, 0)] * 1000 + OCTET)), set_(256, b"x"))]
    return to_decoder([ipfix(set_(256, bytes(octets)))], before, schema=NATIVE)


def variable_records_of_an_octet(octets: int) -> Case:
    """Records of an octet, the length of a string, that have a thousand fields of none too."""
    before = [ipfix(set_(2, template_record(256, [(1, 0)] * 1000 + [(82, 65535)])), set_(256, b"\0"))]
    return to_decoder([ipfix(set_(256, bytes(octets)))], before, schema=NATIVE)


def values_of_variable_length(octets: int) -> Case:
    """Records of a string of no octets."""
    before = [ipfix(set_(2, template_record(256, [(82, 65535)])))]
    return to_decoder([ipfix(set_(256, bytes(octets)))], before, schema=NATIVE)


def many_values_of_variable_length(octets: int) -> Case:
    """Records of two hundred strings of no octets."""
    before = [ipfix(set_(2, template_record(256, [(82, 65535)] * 200)))]
    return to_decoder([ipfix(set_(256, bytes(octets)))], before, schema=NATIVE)


def long_forms(octets: int) -> Case:
    """Strings of no octets whose length takes three."""
    before = [ipfix(set_(2, template_record(256, [(82, 65535)])))]
    return to_decoder([ipfix(set_(256, b"\xff\0\0" * (octets // 3)))], before, schema=NATIVE)


def lists(octets: int) -> Case:
    """A basicList (RFC 6313) in a basicList in a basicList, as deep as there is room."""
    body, deep = b"", 0
    while len(body) + 8 < octets:
        body = b"\xff" + uint(291, 2) + uint(0xFFFF, 2) + b"\xff" + uint(min(len(body), 65535), 2) + body
        deep += 1
    value = b"\xff" + uint(len(body), 2) + body
    return to_decoder([ipfix(set_(256, value))], [ipfix(set_(2, template_record(256, [(291, 65535)])))], schema=NATIVE)


def small_sets(octets: int) -> Case:
    """A Set for each record, of templates in turn."""
    before = [ipfix(set_(2, *(template_record(256 + i, [(1 + i, 1)]) for i in range(50))))]
    before += [ipfix(*(set_(256 + i, b"x") for i in range(50)))]
    return to_decoder([ipfix(*filled(octets, lambda i: set_(256 + i % 50, b"x")))], before)


def ids_that_collide(octets: int) -> Case:
    """Sets of as many templates as there are with ids that are alike in their lower octet."""
    before = [ipfix(set_(2, *(template_record(256 * i, OCTET) for i in range(1, 250))))]
    before += [ipfix(*(set_(256 * i, b"x") for i in range(1, 250)))]
    return to_decoder([ipfix(*filled(octets, lambda i: set_(256 * (1 + i % 249), b"x")))], before)


def empty_sets(octets: int) -> Case:
    return to_decoder([ipfix(*filled(octets, lambda i: set_(256 + i % 50)))])


def reserved_sets(octets: int) -> Case:
    return to_decoder([ipfix(*filled(octets, lambda i: set_(4 + i % 250, b"x")))])


def sets_without_template(octets: int) -> Case:
    return to_decoder([ipfix(*filled(octets, lambda i: set_(ids(i), b"x")))])


def sets_that_come_free(octets: int) -> Case:
    """A template that as many Sets as may be waited for, and others' in front."""
    waiting = [ipfix(*filled(30_000, lambda i: set_(256, b"x")))] * 3
    case = to_decoder([ipfix(set_(2, *filled(octets, lambda i: template_record(256 + i % 9, OCTET))))], waiting)
    return case._replace(octets=case.octets + sum(map(len, waiting)))


def zeros(octets: int) -> Case:
    """Nothing but zeros behind the header, and an octet that is none at the end."""
    return to_decoder([ipfix(bytes(octets) + b"x")])


def padding(octets: int) -> Case:
    """Sets of templates that are padding but for the first octets."""
    return to_decoder([ipfix(*filled(octets, lambda i: set_(2, template_record(256, OCTET), padding=3)))])


def options_templates(octets: int) -> Case:
    return to_decoder(
        [ipfix(set_(3, *filled(octets, lambda i: options_template_record(ids(i), [(149, 4)], [(34, 4)]))))]
    )


SAMPLERS = ipfix(set_(3, options_template_record(256, [(302, 4)], [(305, 4), (306, 4)])))
INTERFACES = ipfix(set_(3, options_template_record(257, [(10, 4)], [(82, 16)])))


def options_that_teach(octets: int) -> Case:
    """Samplers that nobody heard of before."""
    records = set_(256, *filled(octets, lambda i: uint(i, 4) + uint(1, 4) + uint(1000 + i, 4)))
    return to_decoder([ipfix(records)], [SAMPLERS])


def names_that_are_told(octets: int) -> Case:
    records = set_(257, *filled(octets, lambda i: uint(i, 4) + b"interface" + uint(i, 7)))
    return to_decoder([ipfix(records)], [INTERFACES], schema=fp.FLOW.add("in_if_name"))


def options_templates_with_data(octets: int) -> Case:
    """Options templates that are all different, each with a record that teaches."""

    def part(i: int) -> bytes:
        fields = [(302, 4), (305, 1 + i % 90), (306, 1 + i // 90)]
        record = bytes(4 + fields[1][1] + fields[2][1])
        return set_(3, options_template_record(ids(i), fields[:1], fields[1:])) + set_(ids(i), record)

    return to_decoder([ipfix(*filled(octets, part))])


# ── sFlow and fixed formats: one datagram ────────────────────────────────────────────────────────────────────────────


def samples_of_no_octets(octets: int) -> Case:
    n = octets // 8
    return to_decoder([make.datagram(*[make.tagged(7, b"")] * n)])


def small_samples(octets: int) -> Case:
    sample = make.flow_sample()
    return to_decoder([make.datagram(*[sample] * (octets // len(sample)))])


def small_samples_expanded(octets: int) -> Case:
    sample = make.flow_sample(expanded=True)
    return to_decoder([make.datagram(*[sample] * (octets // len(sample)))])


def small_counters(octets: int) -> Case:
    sample = make.counters_sample(make.if_counters())
    return to_decoder([make.datagram(*[sample] * (octets // len(sample)))])


def records_of_no_octets(octets: int) -> Case:
    sample = make.flow_sample(*[make.tagged(77, b"")] * 1000)
    return to_decoder([make.datagram(*[sample] * (octets // len(sample)))])


def paths(octets: int) -> Case:
    """An AS path of one number in each of its segments."""
    record = make.gateway(*[(2, (64500,))] * (octets // 12))
    return to_decoder([make.datagram(make.flow_sample(record))])


def empty_segments(octets: int) -> Case:
    record = make.gateway(*[(2, ())] * (octets // 8))
    return to_decoder([make.datagram(make.flow_sample(record))])


def communities(octets: int) -> Case:
    record = make.gateway(communities=tuple(range(octets // 4)))
    return to_decoder([make.datagram(make.flow_sample(record))])


def tags_of_frames(octets: int) -> Case:
    """A frame of nothing but VLAN tags."""
    frame = ethernet(b"", tags=[(0x8100, i & 4095) for i in range(octets // 4)], kind=0x8100)
    return to_decoder([make.datagram(make.flow_sample(make.header(frame)))])


def extensions_of_packets(octets: int) -> Case:
    """An IPv6 packet of nothing but extension headers."""
    packet = ipv6(b"", "2001:db8::1", "2001:db8::2", extensions=[extension(0)] * (octets // 8), payload_length=65535)
    return to_decoder([make.datagram(make.flow_sample(make.header(ethernet(packet))))])


def counts_that_lie(octets: int) -> Case:
    """A v5 header that counts 65,535 records."""
    return to_decoder([netflow5([V5Record()] * (octets // 48), count=65535)])


# ── many datagrams ───────────────────────────────────────────────────────────────────────────────────────────────────


def many_exporters(octets: int) -> Case:
    n = octets // 72
    datagram = netflow5([V5Record()])
    return to_decoder([datagram] * n, exporters=[host(i) for i in range(n)])


def many_domains(octets: int) -> Case:
    return to_decoder([ipfix(domain=i) for i in range(octets // 16)])


def many_agents(octets: int) -> Case:
    one = len(make.datagram())
    return to_decoder([make.datagram(agent=host(i)) for i in range(octets // one)])


def many_data_sources(octets: int) -> Case:
    one = len(make.datagram(make.flow_sample()))
    made = [make.datagram(make.flow_sample(source=(0, i)), sequence=i) for i in range(octets // one)]
    return to_decoder(made)


def many_templates(octets: int) -> Case:
    """Templates at random, in domains at random."""
    pick = Random(5)
    one = len(ipfix(set_(2, template_record(256, OCTET))))
    made = [
        ipfix(set_(2, template_record(256 + pick.randrange(60_000), OCTET)), domain=pick.randrange(10**5))
        for _ in range(octets // one)
    ]
    return to_decoder(made)


def many_layouts(octets: int) -> Case:
    """Templates that are all different, each with a record, a datagram each."""
    made, left = [], octets
    for i in range(octets):
        fields = subset(i)
        made.append(ipfix(set_(2, template_record(256, fields)), set_(256, bytes(len(fields))), domain=i % 7))
        left -= len(made[-1])
        if left <= 0:
            break
    return to_decoder(made)


def many_sets_wait(octets: int) -> Case:
    """Sets of one octet that wait, and between them templates that none waits for."""
    one = len(ipfix(set_(256, b"x")))
    made = [
        ipfix(set_(2, template_record(300, [(1 + i % 7, 1)]))) if i % 2 else ipfix(set_(256, b"x"))
        for i in range(octets // one)
    ]
    return to_decoder(made)


def many_samplers(octets: int) -> Case:
    """A sampler that nobody heard of, and data, in turn: what is known changes each time."""
    data = ipfix(set_(300, bytes(4)))
    one = (len(SAMPLERS) + len(data)) // 2
    made = [
        ipfix(set_(256, uint(i // 2, 4) + uint(1, 4) + uint(1000 + i, 4))) if i % 2 else data
        for i in range(octets // one)
    ]
    return to_decoder(made, [SAMPLERS, ipfix(set_(2, template_record(300, [(302, 4)])))])


def many_restarts(octets: int) -> Case:
    """Sequences and uptimes that mean nothing."""
    pick = Random(6)
    made = [
        netflow5([V5Record()], sequence=pick.randrange(2**32), sys_uptime_ms=pick.randrange(2**32))
        for _ in range(octets // 72)
    ]
    return to_decoder(made)


# ── captures and text ────────────────────────────────────────────────────────────────────────────────────────────────


def small_packets(octets: int) -> Case:
    """Packets of no octets, each with a header of sixteen."""
    capture = pcap([(1, b"")] * (octets // 16))
    return to_call(octets, lambda limits: Decoder(limits=limits).feed_capture(capture))


def sources_of_packets(octets: int) -> Case:
    one = len(ethernet(udp_packet(b"\0\5"))) + 16
    made = [(1, ethernet(udp_packet(b"\0\5", src=(host(i), i & 65535)))) for i in range(octets // one)]
    capture = pcap(made)
    return to_call(octets, lambda limits: Decoder(limits=limits).feed_capture(capture))


def interfaces_of_a_capture(octets: int) -> Case:
    block = interface_block()
    capture = section_header() + block * (octets // len(block))
    return to_call(octets, lambda limits: Decoder(limits=limits).feed_capture(capture))


def text(piece: str, head: str = "", **options: Any) -> Callable[[int], Case]:
    """sflowtool's text that is one piece again and again."""
    return lambda octets: to_call(
        octets, lambda limits: sflowtool.parse(head + piece * (octets // len(piece)), limits=limits, **options)
    )


TEXT = printer.tagged([made.datagram(made.flow_sample(1))])
START = TEXT[: TEXT.index("endSample")]


def text_in_pieces(octets: int) -> Case:
    """A line that does not end, in pieces of a few octets."""

    def call(limits: Limits) -> object:
        parser = sflowtool.Parser(limits=limits)
        for _ in range(octets // 16):
            parser.feed("x" * 16)
        parser.close()
        return parser.events()

    return to_call(octets, call)


def deep_json(octets: int) -> Case:
    value = '{"datagramSourceIP":' * (octets // 20)
    return to_call(octets, lambda limits: sflowtool.parse(value, format="json", limits=limits))


def neighbors(line: str, head: str = "", platform: str = "cisco_ios") -> Callable[[int], Case]:
    """A neighbor table of one line again and again."""

    def make_case(octets: int) -> Case:
        table = head + line * (octets // len(line))
        return to_call(octets, lambda _: lldp.parse(table, platform=platform))

    return make_case


LLDP_HEAD = "Device ID           Local Intf     Hold-time  Capability      Port ID\n"
LLDP_LINE = "r2.virl.info        Gi0/0          120        R               Gi0/0\n"


def many_tlvs(octets: int) -> Case:
    frame = bytes(14) + b"\xfe\x04\0\x12\x0f\1" * (octets // 6)
    return to_call(octets, lambda _: lldp.decode(frame))


def links_of_a_graph(octets: int) -> Case:
    """Neighbor tables of devices that all know the next ones."""
    n = max(2, octets // 300)
    line = "{:<20}Gi0/{:<11}120        R               Gi0/{}\n"
    outputs = {
        f"r{i}": LLDP_HEAD + "".join(line.format(f"r{(i + step) % n}", step, step) for step in (1, 2, 3))
        for i in range(n)
    }
    return to_call(octets, lambda _: fp.Topology.from_outputs(outputs, platform="cisco_ios"))


ATTACKS: dict[str, Attack] = {
    "small_templates": Attack("T-01", small_templates, True),
    "small_templates_of_netflow9": Attack("T-01", small_templates_of_netflow9, True),
    "layouts": Attack("T-01", layouts, True),
    "layouts_of_many_fields": Attack("T-01", layouts_of_many_fields, True),
    "widths": Attack("T-01", widths, True),
    "one_large_template": Attack("T-02", one_large_template, True),
    "empty_templates": Attack("T-03", empty_templates, True),
    "zeros": Attack("T-03", zeros, True),
    "empty_sets": Attack("T-03", empty_sets, True),
    "records_of_an_octet": Attack("T-04", records_of_an_octet, True),
    "records_of_no_octets_but_one": Attack("T-04", records_of_no_octets_but_one, True),
    "variable_records_of_an_octet": Attack("T-04", variable_records_of_an_octet, True),
    "values_of_variable_length": Attack("T-05", values_of_variable_length, True),
    "many_values_of_variable_length": Attack("T-05", many_values_of_variable_length, True),
    "long_forms": Attack("T-05", long_forms, True),
    "lists": Attack("T-06", lists, True),
    "small_sets": Attack("T-07", small_sets, True),
    "padding": Attack("T-07", padding, True),
    "ids_that_collide": Attack("T-20", ids_that_collide, True),
    "redefinitions": Attack("T-07", redefinitions, True),
    "redefinitions_with_data": Attack("T-07", redefinitions_with_data, True),
    "fields_that_repeat": Attack("T-08", fields_that_repeat, True),
    "fields_that_are_unknown": Attack("T-08", fields_that_are_unknown, True),
    "samples_of_no_octets": Attack("T-09", samples_of_no_octets, True),
    "small_samples": Attack("T-09", small_samples, True),
    "small_samples_expanded": Attack("T-09", small_samples_expanded, True),
    "small_counters": Attack("T-09", small_counters, True),
    "records_of_no_octets": Attack("T-09", records_of_no_octets, True),
    "paths": Attack("T-09", paths, True),
    "empty_segments": Attack("T-09", empty_segments, True),
    "communities": Attack("T-09", communities, True),
    "tags_of_frames": Attack("T-09", tags_of_frames, True),
    "extensions_of_packets": Attack("T-09", extensions_of_packets, True),
    "counts_that_lie": Attack("T-09", counts_that_lie, True),
    "options_templates": Attack("T-10", options_templates, True),
    "options_that_teach": Attack("T-10", options_that_teach, True),
    "names_that_are_told": Attack("T-10", names_that_are_told, True),
    "options_templates_with_data": Attack("T-10", options_templates_with_data, True),
    "many_samplers": Attack("T-10", many_samplers),
    "withdrawals": Attack("T-12", withdrawals, True),
    "withdrawals_of_all": Attack("T-12", withdrawals_of_all, True),
    "sets_without_template": Attack("T-13", sets_without_template, True),
    "sets_that_come_free": Attack("T-13", sets_that_come_free, True),
    "many_sets_wait": Attack("T-13", many_sets_wait),
    "reserved_sets": Attack("T-15", reserved_sets, True),
    "many_restarts": Attack("T-15", many_restarts),
    "table_of_neighbors": Attack("T-17", neighbors(LLDP_LINE, LLDP_HEAD)),
    "lines_of_spaces": Attack("T-17", neighbors(" " * 1000 + "\n", LLDP_HEAD)),
    "lines_without_end": Attack("T-17", neighbors("a1.", LLDP_HEAD)),
    "many_tlvs": Attack("T-17", many_tlvs),
    "links_of_a_graph": Attack("T-17", links_of_a_graph),
    "text_of_noise": Attack("T-18", text("noise and more of it\n")),
    "text_of_starts": Attack("T-18", text("startDatagram =================================\n")),
    "text_of_keys": Attack("T-18", text("in_vlan 7\n", START)),
    "text_of_records": Attack("T-18", text("flowBlock_tag 0:1001\nin_vlan 7\n", START)),
    "text_of_samples": Attack(
        "T-18", text("endSample   ----------------------\nstartSample ----------------------\n", START)
    ),
    "text_without_end": Attack("T-18", text("x", START)),
    "text_in_pieces": Attack("T-18", text_in_pieces),
    "text_of_datagrams": Attack("T-18", text(TEXT)),
    "text_of_rows": Attack("T-18", text("FLOW,1,2,3\n", format="line")),
    "deep_json": Attack("T-18", deep_json),
    "brackets_of_json": Attack("T-18", text("[", format="json")),
    "numbers_of_json": Attack("T-18", text("9", '{"datagramSourceIP":', format="json")),
    "many_exporters": Attack("T-20", many_exporters),
    "many_domains": Attack("T-20", many_domains),
    "many_agents": Attack("T-20", many_agents),
    "many_data_sources": Attack("T-20", many_data_sources),
    "many_templates": Attack("T-01", many_templates),
    "many_layouts": Attack("T-01", many_layouts),
    "small_packets": Attack("T-19", small_packets),
    "sources_of_packets": Attack("T-19", sources_of_packets),
    "interfaces_of_a_capture": Attack("T-19", interfaces_of_a_capture),
}
