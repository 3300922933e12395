"""The demo's capture: ten minutes of NetFlow v5, v9 and IPFIX from seven sites, written by the encoder of the tests.

The same octets for the same seed. One site samples and says so in its header, one in options records; one loses
datagrams on the way, one restarts, one sends over IPv6, one names the hosts of the web in a field of Cisco's; and one
more host sends what is no flow export at all.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests import build

SEED = 5
START_S = 1_795_510_800  # 2026-11-24 09:00:00 UTC
DURATION_S = 600
FLUSH_S = 5  # an exporter sends what it has after this long, or when 30 records are there
ICMP, TCP, UDP = 1, 6, 17


@dataclass(frozen=True, slots=True)
class Service:
    """What clients ask of servers: octets there and back are medians."""

    weight: int
    proto: int
    port: int
    there: int
    back: int


SERVICES = [
    Service(40, TCP, 443, 4_000, 60_000),
    Service(14, UDP, 443, 6_000, 120_000),
    Service(26, UDP, 53, 72, 180),
    Service(7, TCP, 80, 900, 14_000),
    Service(4, UDP, 123, 76, 76),
    Service(3, TCP, 22, 9_000, 16_000),
    Service(2, TCP, 25, 40_000, 1_500),
    Service(4, ICMP, 0, 84 * 4, 84 * 4),
]


@dataclass(frozen=True, slots=True)
class Site:
    """An exporter and the network behind it."""

    exporter: str
    clients: str
    sessions: int
    sampling: int = 0  # 1 in so many packets; 0: all, and nothing is said of it
    version: int = 5
    lost: tuple[tuple[float, float], ...] = ()  # seconds in which datagrams do not arrive
    restart: float | None = None


SITES = [
    Site("192.0.2.1", "10.1.0", 2200),
    Site("192.0.2.2", "10.2.0", 9000, sampling=100),
    Site("192.0.2.3", "10.3.0", 1600, lost=((130, 137), (404, 418))),
    Site("192.0.2.4", "10.4.0", 900, restart=362),
    Site("2001:db8::5", "10.5.0", 500),
    Site("192.0.2.6", "10.6.0", 6000, sampling=200, version=9),
    Site("192.0.2.7", "10.7.0", 900, version=10),
]
INTERFACES = {1: "Gi0/1", 2: "Te0/0/2"}
WEB = [f"{name}.example" for name in ("www", "mail", "cdn", "video", "updates", "shop")]


@dataclass(frozen=True, slots=True)
class Flow:
    """One direction of a session; times in seconds from the start of the capture."""

    start: float
    end: float
    record: build.V5Record
    host: str = ""  # whom the client asked for, where its router looked


def session(random: Random, site: Site) -> Iterator[Flow]:
    """Yield the two flows of one client that asks one server."""
    service = random.choices(SERVICES, [each.weight for each in SERVICES])[0]
    client = f"{site.clients}.{10 + int(random.paretovariate(0.5)) % 110}"
    server = f"198.51.100.{int(random.paretovariate(0.7)) % 60 + 1}"
    port = random.randrange(32768, 61000)
    start = random.uniform(0, DURATION_S - 30)
    size = random.lognormvariate(0, 1.1) if service.there > 500 else random.uniform(0.9, 1.3)
    end = start + min(25.0, 0.02 + random.expovariate(1 / 3) * min(size, 5) if service.there > 500 else 0.03)
    for median, source, target in ((service.there, client, server), (service.back, server, client)):
        octets = max(40, int(median * size))
        ports = (port, service.port) if source == client else (service.port, port)
        if service.proto == ICMP:
            ports = (0, 8 << 8 if source == client else 0)  # type and code travel in the destination port
        yield Flow(
            start,
            end,
            build.V5Record(
                src_addr=source,
                dst_addr=target,
                next_hop=site.clients + ".1",
                in_if=1 if source == client else 2,
                out_if=2 if source == client else 1,
                packets=max(1, octets // 700),
                octets=octets,
                src_port=ports[0],
                dst_port=ports[1],
                tcp_flags=0x1B if service.proto == TCP else 0,
                proto=service.proto,
                src_as=64500 if source == client else 64510,
                dst_as=64510 if source == client else 64500,
                src_mask=24,
                dst_mask=24,
            ),
            WEB[int(server.rpartition(".")[2]) % len(WEB)] if service.port in (80, 443) else "",
        )


def backup(random: Random) -> Iterator[Flow]:
    """Yield one long transfer from the first site, exported every 20 seconds while it lasts."""
    for start in range(300, 420, 20):
        octets = int(random.uniform(0.9, 1.1) * 90_000_000)
        yield Flow(
            start,
            start + 20,
            build.V5Record(
                src_addr="10.1.0.200", dst_addr="198.51.100.77", src_port=40_022, dst_port=873,
                packets=octets // 1400, octets=octets, tcp_flags=0x18, src_as=64500, dst_as=64510,
            ),
        )  # fmt: skip


def sampled(random: Random, flow: Flow, rate: int) -> Flow | None:
    """Keep of a flow what a sampler of 1 in `rate` packets sees; None where that is nothing."""
    whole, rest = divmod(flow.record.packets, rate)
    packets = whole + (random.random() * rate < rest)
    octets = packets * (flow.record.octets // flow.record.packets)
    return replace(flow, record=replace(flow.record, packets=packets, octets=octets)) if packets else None


def ms(seconds: float) -> int:
    """Write seconds as whole milliseconds."""
    return int(1000 * seconds)


@dataclass(slots=True)
class Sent:
    """A message about to be sent: what an exporter knows when it writes one."""

    site: Site
    flows: list[Flow]
    now: float
    boot: float
    messages: int  # sent before this one
    records: int  # sent before this one, options too
    made: int = 0  # data and options records of this one


def netflow5(sent: Sent) -> bytes:
    """Write flows as NetFlow v5 has them; the header says how one samples."""
    sent.made, nanoseconds = len(sent.flows), round(sent.now * 1e9)
    return build.netflow5(
        [
            replace(each.record, first_ms=ms(each.start - sent.boot), last_ms=ms(each.end - sent.boot))
            for each in sent.flows
        ],
        sequence=sent.records,
        sys_uptime_ms=ms(sent.now - sent.boot),
        export_time_s=START_S + nanoseconds // 1_000_000_000,
        export_time_ns=nanoseconds % 1_000_000_000,
        sampling_mode=1 if sent.site.sampling else 0,
        sampling_interval=sent.site.sampling,
    )


TEMPLATES_EVERY = 20  # messages
V9_FLOWS: list[build.Field] = [
    (8, 4), (12, 4), (15, 4), (10, 2), (14, 2), (2, 4), (1, 4), (22, 4), (21, 4), (7, 2), (11, 2), (6, 1), (4, 1),
    (16, 4), (17, 4), (9, 1), (13, 1), (48, 2),
]  # fmt: skip
IPFIX_FLOWS: list[build.Field] = [
    (8, 4), (12, 4), (10, 4), (14, 4), (2, 4), (1, 8), (152, 8), (153, 8), (7, 2), (11, 2), (6, 2), (4, 1),
    (12235, build.VARIABLE, 9),
]  # fmt: skip
SAMPLER = 7


def octets(values: Sequence[int | str | bytes], fields: Sequence[build.Field]) -> bytes:
    """Write a record: numbers in the width of their field, addresses, and octets as they are."""
    made = []
    for value, field in zip(values, fields, strict=True):
        if isinstance(value, int):
            made.append(build.uint(value, field[1]))
        else:
            made.append(build.addr(value) if isinstance(value, str) else value)
    return b"".join(made)


def message9(sent: Sent, *sets: bytes) -> bytes:
    """Write a message of v9; its time is of whole seconds, and so its uptime is of their beginning."""
    return build.netflow9(
        *sets,
        sequence=sent.messages,
        source_id=1,
        sys_uptime_ms=ms(int(sent.now) - sent.boot),
        export_time_s=START_S + int(sent.now),
    )


def tell9(sent: Sent) -> bytes:
    """Write the templates of v9, and options: the sampler, and the names of the interfaces."""
    sampler: list[build.Field] = [(48, 2), (49, 1), (50, 4)]
    names: list[build.Field] = [(82, 16)]
    return message9(
        sent,
        build.set_(build.V9_TEMPLATES, build.template_record(256, V9_FLOWS)),
        build.set_(
            build.V9_OPTIONS,
            build.options_template_record9(257, [(1, 4)], sampler),
            build.options_template_record9(258, [(2, 4)], names),
            padding=2,
        ),
        build.set_(257, octets([0, SAMPLER, 2, sent.site.sampling], [(1, 4), *sampler])),
        build.set_(
            258, *(octets([n, name.encode().ljust(16, b"\0")], [(2, 4), *names]) for n, name in INTERFACES.items())
        ),
    )


def netflow9(sent: Sent) -> bytes:
    """Write flows of NetFlow v9."""
    records = []
    for each in sent.flows:
        record, first_ms, last_ms = each.record, ms(each.start - sent.boot), ms(each.end - sent.boot)
        values = [
            record.src_addr, record.dst_addr, record.next_hop, record.in_if, record.out_if, record.packets,
            record.octets, first_ms, last_ms, record.src_port, record.dst_port, record.tcp_flags, record.proto,
            record.src_as, record.dst_as, record.src_mask, record.dst_mask, SAMPLER,
        ]  # fmt: skip
        records.append(octets(values, V9_FLOWS))
    return message9(sent, build.set_(256, *records))


def message10(sent: Sent, *sets: bytes) -> bytes:
    """Write a message of IPFIX."""
    return build.ipfix(*sets, sequence=sent.records, domain=42, export_time_s=START_S + int(sent.now))


def tell10(sent: Sent) -> bytes:
    """Write the templates of IPFIX, and options: names and descriptions of the interfaces, of any length."""
    names: list[build.Field] = [(82, build.VARIABLE), (83, build.VARIABLE)]
    scope: list[build.Field] = [(10, 4)]
    told = [
        octets([n, build.var(name.encode()), build.var(b"hosts" if n == 1 else b"the world")], [*scope, *names])
        for n, name in INTERFACES.items()
    ]
    sent.made = len(told)
    return message10(
        sent,
        build.set_(build.IPFIX_TEMPLATES, build.template_record(300, IPFIX_FLOWS)),
        build.set_(build.IPFIX_OPTIONS, build.options_template_record(301, scope, names)),
        build.set_(301, *told),
    )


def ipfix(sent: Sent) -> bytes:
    """Write flows of IPFIX, with the host that was asked for in a field of Cisco's, of variable length."""
    records = []
    for each in sent.flows:
        record, start_ms, end_ms = each.record, START_S * 1000 + ms(each.start), START_S * 1000 + ms(each.end)
        values = [
            record.src_addr, record.dst_addr, record.in_if, record.out_if, record.packets, record.octets,
            start_ms, end_ms, record.src_port, record.dst_port, record.tcp_flags, record.proto,
            build.var(each.host.encode()),
        ]  # fmt: skip
        records.append(octets(values, IPFIX_FLOWS))
    sent.made = len(records)
    return message10(sent, build.set_(300, *records))


Write = Callable[[Sent], bytes]
WRITE: dict[int, Write] = {5: netflow5, 9: netflow9, 10: ipfix}
TELL: dict[int, Write] = {9: tell9, 10: tell10}
"""Version -> what writes a datagram of flows, and one of what they mean."""


def datagrams(site: Site, flows: Iterable[Flow], boot: float, until: float) -> Iterator[tuple[float, bytes]]:
    """Yield (time, datagram) of an exporter that runs from `boot` to `until`, lost ones among them."""
    messages, records, waiting = 0, 0, list[Flow]()
    for flow in [*flows, None]:
        full = len(waiting) == 30
        if waiting and (full or flow is None or flow.end > waiting[0].end + FLUSH_S):
            now = min(waiting[-1].end + 0.2 if full else waiting[0].end + FLUSH_S, until)
            tell = [TELL[site.version]] if messages % TEMPLATES_EVERY == 0 and site.version in TELL else []
            for write in [*tell, WRITE[site.version]]:
                sent = Sent(site, waiting, now, boot, messages, records)
                yield now, write(sent)
                messages, records = messages + 1, records + sent.made
            waiting = []
        if flow is not None:
            waiting.append(flow)


def of_site(random: Random, site: Site) -> Iterator[tuple[float, bytes]]:
    """Yield (time, datagram) of a site as they arrive."""
    flows = [flow for _ in range(site.sessions) for flow in session(random, site)]
    if site is SITES[0]:
        flows += backup(random)
    if site.sampling:
        flows = list(filter(None, (sampled(random, flow, site.sampling) for flow in flows)))
    flows.sort(key=lambda flow: flow.end)
    lives = [(-86_400.0, site.restart or DURATION_S)] + ([(site.restart, DURATION_S)] if site.restart else [])
    for boot, until in lives:
        whole = [flow for flow in flows if boot <= flow.start and flow.end < until]
        for now, datagram in datagrams(site, whole, boot, until):
            if not any(start <= now < end for start, end in site.lost):
                yield now, datagram


def capture(seed: int = SEED) -> bytes:
    """Write the capture: pcap, Ethernet, the datagrams of all sites in order of time."""
    random = Random(seed)
    sent = [(now, site.exporter, datagram) for site in SITES for now, datagram in of_site(random, site)]
    sent += [(60.0 * minute, "192.0.2.99", b"<13>keepalive of another program") for minute in range(1, 4)]
    start_ns = START_S * 1_000_000_000
    return build.pcap((start_ns + round(now * 1e9), frame(exporter, octets)) for now, exporter, octets in sorted(sent))


def frame(exporter: str, datagram: bytes) -> bytes:
    """Wrap a datagram as it goes to the collector, in the exporter's IP version."""
    collector = "2001:db8::250" if ":" in exporter else "203.0.113.250"
    return build.ethernet(build.udp(datagram, (exporter, 50000), (collector, 2055)))
