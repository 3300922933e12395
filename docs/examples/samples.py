"""Sample input of every kind, to try things with: one small network, half an hour.

    python docs/examples/samples.py DIRECTORY

    flows.pcap       NetFlow v5 of a router, NetFlow v9 of one that samples and names its interfaces,
                     IPFIX of a firewall, sFlow of two switches
    sflowtool.txt    what sflowtool prints of the sFlow in it
    lldp/            `show lldp neighbors` of five devices, a file each
    lldp-later/      the same, after two ports of r6-edge were shut

The same octets for the same seed; written by the encoder of the project's tests.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import pi, sin
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from flowparse import sflow
from tests import build, build_sflow
from tests.build import addr, uint
from tests.sflowtool.printer import tagged

SEED = 7
START_S = 1_795_510_800  # 2026-11-24 09:00:00 UTC
MINUTES = 30
BOOT_S = 86_400  # before the start; of every exporter
SERVICES = {443: (6, 30), 53: (17, 20), 80: (6, 8), 22: (6, 3), 123: (17, 3), 25: (6, 2)}  # port: protocol, weight
SEGMENT = {
    6: bytes(8) + b"\x50\x10" + bytes(6),
    17: bytes.fromhex("0008 0000"),
}  # of a sampled packet, behind the ports
COLLECTOR = "203.0.113.250"
V9_FIELDS = ((8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (10, 2), (14, 2), (2, 4), (1, 4), (22, 4), (21, 4))
IPFIX_FIELDS = ((27, 16), (28, 16), (7, 2), (11, 2), (4, 1), (2, 8), (1, 8), (152, 8), (153, 8))
CABLES = [
    ("r1 Gi0/1", "r5-tor Gi0/1"),
    ("r2 Gi0/1", "r5-tor Gi0/2"),
    ("r3 Gi0/1", "r5-tor Gi0/3"),
    ("r1 Gi0/2", "r6-edge Gi0/1"),
    ("r2 Gi0/2", "r6-edge Gi0/2"),
    ("r3 Gi0/2", "r6-edge Gi0/3"),
]
SHUT = [("r1 Gi0/2", "r6-edge Gi0/1"), ("r2 Gi0/2", "r6-edge Gi0/2")]
DEVICES = ["r1", "r2", "r3", "r5-tor", "r6-edge"]


@dataclass(frozen=True, slots=True)
class Flow:
    """One direction of a conversation; times in seconds from the start."""

    source: str
    target: str
    src_port: int
    dst_port: int
    proto: int
    octets: int
    start: float
    end: float

    @property
    def packets(self) -> int:
        return max(1, self.octets // 800)


def load(minute: float) -> float:
    """How busy the network is: two waves in half an hour."""
    return 1 + 0.6 * sin(2 * pi * minute / 15)


def minute_of_flows(random: Random, minute: int, clients: str, servers: str, count: int) -> list[Flow]:
    """What the clients ask the servers in a minute, and the answers; both are address patterns with one number."""
    found = []
    for _ in range(max(1, round(count * load(minute)))):
        port = random.choices(list(SERVICES), [weight for _, weight in SERVICES.values()])[0]
        client = clients.format(10 + min(int(random.paretovariate(1)), 40))
        server = servers.format(min(int(random.paretovariate(1.2)), 20))
        end = 60 * minute + random.uniform(1, 60)
        start = end - random.uniform(0.01, 1) * (0.2 if port in (53, 123) else 9)
        asked = 80 if port in (53, 123) else int(1500 * random.uniform(0.5, 3))
        answered = 200 if port in (53, 123) else int(asked * random.uniform(2, 40))
        ports, proto = (random.randrange(32768, 61000), port), SERVICES[port][0]
        found.append(Flow(client, server, *ports, proto, asked, start, end))
        found.append(Flow(server, client, *ports[::-1], proto, answered, start, end))
    return sorted(found, key=lambda flow: flow.end)


def uptime(seconds: float) -> int:
    return int(1000 * (BOOT_S + seconds))


def router(random: Random) -> Iterator[tuple[float, bytes]]:
    """NetFlow v5, all flows of its clients; from minute 12 to 17 a backup, told every minute."""
    sequence = 0
    for minute in range(MINUTES):
        flows = minute_of_flows(random, minute, "10.1.0.{}", "198.51.100.{}", 40)
        if 12 <= minute < 17:
            flows.append(Flow("10.1.0.200", "198.51.100.77", 40022, 873, 6, 45_000_000, 60 * minute, 60 * minute + 59))
        for at in range(0, len(flows), 30):
            part, now = flows[at : at + 30], 60 * minute + 61 + at / 1000
            records = [
                build.V5Record(
                    src_addr=each.source, dst_addr=each.target, src_port=each.src_port, dst_port=each.dst_port,
                    proto=each.proto, packets=each.packets, octets=each.octets, tcp_flags=27 * (each.proto == 6),
                    first_ms=uptime(each.start), last_ms=uptime(each.end), in_if=1 + each.target.startswith("10."),
                    out_if=2 - each.target.startswith("10."),
                )
                for each in part
            ]  # fmt: skip
            yield (
                now,
                build.netflow5(
                    records, sequence=sequence, sys_uptime_ms=uptime(now), export_time_s=START_S + int(now),
                    export_time_ns=int(now % 1 * 1e9),
                ),
            )  # fmt: skip
            sequence += len(part)


def sampling_router(random: Random) -> Iterator[tuple[float, bytes]]:
    """NetFlow v9: templates every ten minutes, then options that tell of sampling (1 in 100) and of names."""
    for minute in range(MINUTES):
        now = 60 * minute + 62.5
        sets = []
        if minute % 10 == 0:
            names = [uint(n, 4) + name.ljust(8, "\0").encode() for n, name in ((1, "Gi0/0/1"), (2, "Te0/1/0"))]
            sets = [
                build.set_(0, build.template_record(256, V9_FIELDS)),
                build.set_(1, build.options_template_record9(257, [(1, 4)], [(34, 4), (35, 1)])),
                build.set_(257, bytes(4) + uint(100, 4) + uint(2, 1), padding=3),
                build.set_(1, build.options_template_record9(258, [(2, 4)], [(82, 8)])),
                build.set_(258, *names),
            ]
        records = [
            addr(each.source) + addr(each.target) + uint(each.src_port, 2) + uint(each.dst_port, 2)
            + uint(each.proto, 1) + uint(1 + each.target.startswith("10."), 2)
            + uint(2 - each.target.startswith("10."), 2) + uint(each.packets, 4)
            + uint(each.octets, 4) + uint(uptime(each.start), 4) + uint(uptime(each.end), 4)
            for each in minute_of_flows(random, minute, "10.2.0.{}", "198.51.100.{}", 14)
        ]  # fmt: skip
        data = build.set_(256, *records, padding=-sum(map(len, records)) % 4)
        yield (
            now,
            build.netflow9(
                *sets, data, sequence=minute, source_id=1, sys_uptime_ms=uptime(now), export_time_s=START_S + int(now)
            ),
        )


def firewall(random: Random) -> Iterator[tuple[float, bytes]]:
    """IPFIX over IPv6; its template comes with the second message, so the first waits."""
    sequence = 0
    for minute in range(MINUTES):
        flows = minute_of_flows(random, minute, "2001:db8:3::{}", "2001:db8:feed::{}", 8)
        milliseconds = 1000 * START_S
        records = [
            addr(each.source) + addr(each.target) + uint(each.src_port, 2) + uint(each.dst_port, 2)
            + uint(each.proto, 1) + uint(each.packets, 8) + uint(each.octets, 8)
            + uint(milliseconds + int(1000 * each.start), 8) + uint(milliseconds + int(1000 * each.end), 8)
            for each in flows
        ]  # fmt: skip
        templates = [build.set_(2, build.template_record(300, IPFIX_FIELDS))] if minute % 10 == 1 else []
        now = 60 * minute + 63
        yield (
            now,
            build.ipfix(
                *templates, build.set_(300, *records), sequence=sequence, domain=7, export_time_s=START_S + now
            ),
        )
        sequence += len(records)


def switch(random: Random, agent: str, clients: str, cpu: int) -> Iterator[tuple[float, bytes]]:
    """sFlow v5: a packet in 256, and counters of the interface and the processor every 20 seconds."""
    number, octets = 0, 10**9
    for second in range(2, 60 * MINUTES, 5):
        samples = []
        for flow in minute_of_flows(random, second // 60, clients, "198.51.100.{}", 2):
            segment = uint(flow.src_port, 2) + uint(flow.dst_port, 2) + SEGMENT[flow.proto]
            packet = build.ipv4(segment, flow.source, flow.target, proto=flow.proto)
            number += 1
            samples.append(
                build_sflow.flow_sample(
                    build_sflow.header(build.ethernet(packet, tags=[(0x8100, 20)]), frame_length=800),
                    sequence=number, rate=256, pool=256 * number,
                )
            )  # fmt: skip
        octets += int(50_000 * cpu * load(second / 60))
        if second % 20 == 2:
            load_percent = int(100 * cpu * load(second / 60) / 1.6)
            samples.append(
                build_sflow.counters_sample(
                    build_sflow.if_counters(3, in_octets=octets, in_packets=octets // 800),
                    build_sflow.processor((load_percent,) * 3),
                    sequence=second // 20 + 1,
                )
            )
        lost = agent.endswith(".12") and 600 <= second < 640  # on the way
        if not lost:
            yield (
                float(second),
                build_sflow.datagram(*samples, agent=agent, sequence=1 + second // 5, uptime_ms=uptime(second) % 2**32),
            )


def datagrams(seed: int = SEED) -> list[tuple[int, str, bytes]]:
    """All datagrams in order of time: (nanoseconds since 1970, exporter, octets)."""
    random = Random(seed)
    senders = {
        "192.0.2.1": router(random),
        "192.0.2.2": sampling_router(random),
        "2001:db8::3": firewall(random),
        "192.0.2.11": switch(random, "192.0.2.11", "10.11.0.{}", 30),
        "192.0.2.12": switch(random, "192.0.2.12", "10.12.0.{}", 70),
    }
    sent = [(START_S * 10**9 + int(now * 1e9), who, octets) for who, each in senders.items() for now, octets in each]
    return sorted(sent)


def is_sflow(octets: bytes) -> bool:
    return octets[:4] == uint(5, 4)


def capture(seed: int = SEED) -> bytes:
    """`flows.pcap`."""
    return build.pcap(
        (
            now,
            build.ethernet(
                build.udp(
                    octets,
                    (who, 50000),
                    ("2001:db8::250" if ":" in who else COLLECTOR, 6343 if is_sflow(octets) else 2055),
                )
            ),
        )
        for now, who, octets in datagrams(seed)
    )


def sflowtool_text(seed: int = SEED) -> str:
    """`sflowtool.txt`."""
    return "".join(
        tagged([replace(sflow.decode(octets), source=who)], octets=len(octets), received_ns=now)
        for now, who, octets in datagrams(seed)
        if is_sflow(octets)
    )


def neighbors(shut: bool = False) -> dict[str, str]:
    """Device -> what `show lldp neighbors` prints on it."""
    cables = [each for each in CABLES if not (shut and each in SHUT)]
    cables += [(f"{a} Gi0/0", f"{b} Gi0/0") for a in DEVICES for b in DEVICES if a < b]  # the management network
    ends = [pair for a, b in cables for pair in ((a.split(), b.split()), (b.split(), a.split()))]
    outputs = {}
    for device in DEVICES:
        rows = [
            f"{far + '.virl.info':20}{port:15}120        R               {far_port}"
            for (name, port), (far, far_port) in ends
            if name == device
        ]
        head = "Device ID           Local Intf     Hold-time  Capability      Port ID"
        outputs[device] = "\n".join(
            [f"{device}#show lldp neighbors", head, *rows, "", f"Total entries displayed: {len(rows)}", ""]
        )
    return outputs


def write(directory: Path) -> None:
    """Write all files."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "flows.pcap").write_bytes(capture())
    (directory / "sflowtool.txt").write_text(sflowtool_text(), encoding="utf-8")
    for name, shut in (("lldp", False), ("lldp-later", True)):
        (directory / name).mkdir(exist_ok=True)
        for device, text in neighbors(shut).items():
            (directory / name / f"{device}_lldp_output.txt").write_text(text, encoding="utf-8")


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print("samples.py DIRECTORY: where to write", file=sys.stderr)
        return 2
    write(Path(sys.argv[1]))
    for path in sorted(Path(sys.argv[1]).rglob("*.*")):
        print(f"{path}: {path.stat().st_size:,} octets")
    return 0


if __name__ == "__main__":
    sys.exit(main())
