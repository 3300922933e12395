"""The demo's capture: ten minutes of NetFlow v5 from five sites, written by the encoder of the tests.

The same octets for the same seed. One site samples, one loses datagrams on the way, one restarts, one
sends over IPv6, and one more host sends what is no flow export at all.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
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
    sampling: int = 0  # 1 in so many packets; 0: all, and the header says nothing of it
    lost: tuple[tuple[float, float], ...] = ()  # seconds in which datagrams do not arrive
    restart: float | None = None


SITES = [
    Site("192.0.2.1", "10.1.0", 2200),
    Site("192.0.2.2", "10.2.0", 9000, sampling=100),
    Site("192.0.2.3", "10.3.0", 1600, lost=((130, 137), (404, 418))),
    Site("192.0.2.4", "10.4.0", 900, restart=362),
    Site("2001:db8::5", "10.5.0", 500),
]


@dataclass(frozen=True, slots=True)
class Flow:
    """One direction of a session; times in seconds from the start of the capture."""

    start: float
    end: float
    record: build.V5Record


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


def datagrams(site: Site, flows: Iterable[Flow], boot: float, until: float) -> Iterator[tuple[float, bytes]]:
    """Yield (time, datagram) of an exporter that runs from `boot` to `until`, lost ones among them."""
    sequence, waiting = 0, list[Flow]()
    for flow in [*flows, None]:
        full = len(waiting) == 30
        if waiting and (full or flow is None or flow.end > waiting[0].end + FLUSH_S):
            now = min(waiting[-1].end + 0.2 if full else waiting[0].end + FLUSH_S, until)
            nanoseconds = round(now * 1e9)
            datagram = build.netflow5(
                [replace(each.record, first_ms=ms(each.start - boot), last_ms=ms(each.end - boot)) for each in waiting],
                sequence=sequence,
                sys_uptime_ms=ms(now - boot),
                export_time_s=START_S + nanoseconds // 1_000_000_000,
                export_time_ns=nanoseconds % 1_000_000_000,
                sampling_mode=1 if site.sampling else 0,
                sampling_interval=site.sampling,
            )
            yield now, datagram
            sequence += len(waiting)
            waiting.clear()
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
