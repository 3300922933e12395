"""The flow view a second time: from the words that describe its columns, one record at a time, plain and slow.

Shares nothing with flow_view.py or flow.tsv: what it is given is the datagram's header octets and a
record's fields as they were sent (a NATIVE row). It knows NetFlow v1, v5, v7, v9 and IPFIX. What options
say is not in a record: sampling rates of samplers, interfaces, templates and domains, and when the
exporter started, are given.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any

from tests import naive_packet

SECOND, MILLISECOND, MICROSECOND = 1_000_000_000, 1_000_000, 1_000
DAY = 86_400 * SECOND
UPTIME_TURN = 2**32 * MILLISECOND
LATEST = 9223372036854 * MILLISECOND
ICMP = (1, 58)
ETHERTYPE = {4: 0x0800, 6: 0x86DD}
TYPES = {1: 6, 5: 2, 7: 7, 9: 3, 10: 4}

# Column -> (bits, names of the elements that fill it, the first that a record has as a number).
NUMBERS = {
    "bytes": (64, "octetDeltaCount octetTotalCount initiatorOctets postOctetDeltaCount postOctetTotalCount"
                  " layer2OctetDeltaCount"),
    "packets": (64, "packetDeltaCount packetTotalCount initiatorPackets postPacketDeltaCount postPacketTotalCount"),
    "proto": (8, "protocolIdentifier"),
    "src_port": (16, "sourceTransportPort tcpSourcePort udpSourcePort"),
    "dst_port": (16, "destinationTransportPort tcpDestinationPort udpDestinationPort"),
    "in_if": (32, "ingressInterface ingressPhysicalInterface"),
    "out_if": (32, "egressInterface egressPhysicalInterface"),
    "vlan_id": (16, "dot1qVlanId vlanId"),
    "src_vlan": (16, "vlanId dot1qVlanId"),
    "dst_vlan": (16, "postVlanId postDot1qVlanId"),
    "ip_tos": (8, "ipClassOfService"),
    "ip_ttl": (8, "ipTTL minimumTTL"),
    "tcp_flags": (16, "tcpControlBits"),
    "src_as": (32, "bgpSourceAsNumber"),
    "dst_as": (32, "bgpDestinationAsNumber"),
    "next_hop_as": (32, "bgpNextAdjacentAsNumber"),
    "ipv6_flow_label": (32, "flowLabelIPv6"),
    "fragment_id": (32, "fragmentIdentification"),
    "fragment_offset": (16, "fragmentOffset"),
    "flow_end_reason": (8, "flowEndReason"),
    "flow_direction": (8, "flowDirection"),
    "post_nat_src_port": (16, "postNAPTSourceTransportPort xlateSourceTransportPort"),
    "post_nat_dst_port": (16, "postNAPTDestinationTransportPort xlateDestinationTransportPort"),
    "flow_count": (64, "deltaFlowCount"),
}  # fmt: skip
MACS = {
    "src_mac": "sourceMacAddress postSourceMacAddress",
    "dst_mac": "destinationMacAddress postDestinationMacAddress",
}
LABELS = {
    "mpls_label_1": "mplsTopLabelStackSection",
    "mpls_label_2": "mplsLabelStackSection2",
    "mpls_label_3": "mplsLabelStackSection3",
}
Record = Mapping[str, Any]


def numbers(record: Record, names: str) -> Iterable[int]:
    """The values of those elements that the record has as numbers."""
    return (record[name] for name in names.split() if isinstance(record.get(name), int))


def number(record: Record, names: str, bits: int) -> int | None:
    value = next(iter(numbers(record, names)), None)
    return None if value is None or value >> bits else value


def texts(record: Record, names: str) -> list[str]:
    """The addresses that a record has under these names."""
    return [record[name] for name in names.split() if isinstance(record.get(name), str)]


def is_ipv4(address: str) -> bool:
    return ":" not in address


def is_zero(address: str) -> bool:
    return int(ip_address(address)) == 0


def both(record: Record, names: str, prefixes: str = "") -> tuple[str | None, str | None]:
    """The IPv4 and the IPv6 address of a record; of prefixes only where there is no address."""
    for each in (names, prefixes):
        ipv4_name = next((name for name in each.split() if "v4" in name and isinstance(record.get(name), str)), None)
        ipv6_name = next((name for name in each.split() if "v6" in name and isinstance(record.get(name), str)), None)
        if ipv4_name or ipv6_name:
            return (record[ipv4_name] if ipv4_name else None), (record[ipv6_name] if ipv6_name else None)
    return None, None


def family(record: Record, pair: tuple[str | None, str | None], *, by_record: bool) -> int | None:
    """Which of two addresses a record means."""
    ipv4, ipv6 = pair
    if ipv4 is None or ipv6 is None:
        return 4 if ipv4 else 6 if ipv6 else None
    if by_record:
        if isinstance(record.get("ipVersion"), int):
            if record["ipVersion"] in (4, 6):
                return int(record["ipVersion"])
        elif record.get("ethernetType") in ETHERTYPE.values():
            return 4 if record["ethernetType"] == ETHERTYPE[4] else 6
    return 4 if not is_zero(ipv4) or is_zero(ipv6) else 6


def picked(record: Record, pair: tuple[str | None, str | None], *, by_record: bool = False) -> str | None:
    which = family(record, pair, by_record=by_record)
    return None if which is None else pair[which == 6]


ADDRESSES = {
    "src": ("sourceIPv4Address sourceIPv6Address", "sourceIPv4Prefix sourceIPv6Prefix"),
    "dst": ("destinationIPv4Address destinationIPv6Address", "destinationIPv4Prefix destinationIPv6Prefix"),
}


def addresses(row: dict[str, Any], record: Record) -> None:
    found = {}
    for end, (names, prefixes) in ADDRESSES.items():
        pair = both(record, names, prefixes)
        found[end] = pair
        row[f"{end}_addr"] = picked(record, pair, by_record=True)
        side = "source" if end == "src" else "destination"
        lengths = [number(record, f"{side}IPv{version}PrefixLength", 8) for version in (4, 6)]
        there = [isinstance(record.get(f"{side}IPv{version}PrefixLength"), int) for version in (4, 6)]
        # The address as it is stored tells the family: ::ffff:a.b.c.d is IPv4 whoever sent it.
        if not any(pair):
            row[f"{end}_net"] = lengths[0] if there[0] else lengths[1]
        elif not all(pair):
            row[f"{end}_net"] = lengths[0] if pair[0] else lengths[1]
        else:
            row[f"{end}_net"] = lengths[0] if is_ipv4(row[f"{end}_addr"]) else lengths[1]
    hop = picked(record, both(record, "ipNextHopIPv4Address ipNextHopIPv6Address"))
    row["next_hop"] = None if hop is None or is_zero(hop) else hop
    hop = picked(record, both(record, "bgpNextHopIPv4Address bgpNextHopIPv6Address"))
    row["bgp_next_hop"] = None if hop is None or is_zero(hop) else hop
    for end, side in (("src", "Source"), ("dst", "Destination")):
        names = f"postNAT{side}IPv4Address postNAT{side}IPv6Address xlate{side}IPv4Address"
        row[f"post_nat_{end}_addr"] = picked(record, both(record, names))
    etype = number(record, "ethernetType", 16)
    if not isinstance(record.get("ethernetType"), int):
        if isinstance(record.get("ipVersion"), int):
            etype = ETHERTYPE.get(record["ipVersion"])
        else:
            pair, end = (found["src"], "src") if any(found["src"]) else (found["dst"], "dst")
            if all(pair):
                etype = ETHERTYPE[4 if is_ipv4(row[f"{end}_addr"]) else 6]
            elif any(pair):
                etype = ETHERTYPE[4 if pair[0] else 6]
    row["etype"] = etype


def icmp(row: dict[str, Any], record: Record, packet: dict[str, Any] | None, *, is_back: bool) -> None:
    """Type and code by elements of their own, else out of the ports, which ICMP does not have."""
    row["icmp_type"] = row["icmp_code"] = None
    own: dict[int, tuple[Any, Any]] = {}
    for version in (4, 6):
        pair = [record.get(f"icmp{what}IPv{version}") for what in ("Type", "Code")]
        word = record.get(f"icmpTypeCodeIPv{version}")
        if any(isinstance(value, int) for value in pair):
            own[version] = tuple(value if isinstance(value, int) and value < 256 else None for value in pair)  # type: ignore[assignment]
        elif isinstance(word, int):
            # What does not fit is 0 until it is split.
            own[version] = divmod(word if word < 65536 else 0, 256)
    has_proto = isinstance(record.get("protocolIdentifier"), int) or packet is not None
    is_icmp = has_proto and row["proto"] in ICMP
    ports = [
        name for name in ("src_port", "dst_port") if next(iter(numbers(record, NUMBERS[name][1])), None) is not None
    ]
    if own:
        if not has_proto or is_icmp:
            kind = 6 if row["proto"] == 58 and 6 in own else min(own)
            row["icmp_type"], row["icmp_code"] = own[kind]
    elif is_icmp and ports and not is_back:
        word = (row["dst_port"] or 0) or (row["src_port"] or 0)
        row["icmp_type"], row["icmp_code"] = divmod(word, 256)
    elif packet and not (has_proto and ports):
        row["icmp_type"], row["icmp_code"] = packet.get("icmp_type"), packet.get("icmp_code")
    if is_icmp:
        for name in ports:
            row[name] = None


def since_boot(uptime_ms: int, of_header_ms: int, export_ns: int) -> int:
    """When that was: as long before the export, or after it, as 32 bits with a sign tell."""
    ago = (uptime_ms - of_header_ms) % 2**32
    return export_ns + (ago - 2**32 if ago >= 2**31 else ago) * MILLISECOND


def since_init(init_ns: int, uptime_ms: int, export_ns: int) -> int | None:
    """The exporter's start and its uptime, and the turns of that which bring it within a day of the export."""
    when = init_ns + uptime_ms * MILLISECOND
    if when > LATEST:
        return None
    ago = export_ns // MILLISECOND - when // MILLISECOND
    turns = (ago + 2**31) // 2**32 if ago > 0 else 0
    if turns and abs(ago - turns * 2**32) <= 86_400_000:
        when += turns * UPTIME_TURN
    return when


GENERAL = (
    "collectionTimeMilliseconds observationTimeNanoseconds observationTimeMicroseconds observationTimeMilliseconds"
    " observationTimeSeconds"
)


class Times:
    """The two ends of a flow: each a time and how it is known, or nothing."""

    def __init__(self, record: Record, export_ns: int, uptime_ms: int | None, init_ns: int | None) -> None:
        self.record, self.export_ns, self.uptime_ms, self.init_ns = record, export_ns, uptime_ms, init_ns

    def own(self, end: str) -> tuple[int | None, int] | None:
        record = self.record
        for unit in ("Nanoseconds", "Microseconds", "Milliseconds", "Seconds"):
            name = f"flow{end}{unit}"
            if name in record and not isinstance(record[name], bytes):
                return record[name], 1
        before = record.get(f"flow{end}DeltaMicroseconds")
        if isinstance(before, int):
            return (None if before >> 32 else self.export_ns - before * MICROSECOND), 2
        uptime = record.get(f"flow{end}SysUpTime")
        if not isinstance(uptime, int):
            return None
        init = record.get("systemInitTimeMilliseconds", b"")
        if not isinstance(init, bytes):
            return (None if init is None or uptime >> 32 else since_init(init, uptime, self.export_ns)), 3
        if self.init_ns is not None:
            return (None if uptime >> 32 else since_init(self.init_ns, uptime, self.export_ns)), 4
        if self.uptime_ms is None:
            return None, 0
        return (None if uptime >> 32 else since_boot(uptime, self.uptime_ms, self.export_ns)), 5

    def general(self) -> tuple[int | None, int] | None:
        for name in GENERAL.split():
            if name in self.record and not isinstance(self.record[name], bytes):
                return self.record[name], 1
        return None

    def by_duration(self, other: tuple[int | None, int] | None, sign: int) -> tuple[int | None, int] | None:
        if other is None:
            return None
        for name, unit in (("flowDurationMilliseconds", MILLISECOND), ("flowDurationMicroseconds", MICROSECOND)):
            duration = self.record.get(name)
            if isinstance(duration, int):
                if other[0] is None or duration >> 32 or other[0] > LATEST - UPTIME_TURN:
                    return None, other[1]
                return other[0] + sign * duration * unit, other[1]
        return None

    def ends(self) -> tuple[int | None, int | None, int]:
        own = self.own("Start"), self.own("End")
        start = own[0] or self.by_duration(own[1], -1) or self.general()
        end = own[1] or self.by_duration(own[0], 1) or self.general()
        by_uptime = all(each is not None and each[0] is not None and each[1] in (4, 5) for each in own)
        if by_uptime and start[0] - end[0] > DAY:  # type: ignore[index, operator]
            start = start[0] - UPTIME_TURN, start[1]  # type: ignore[index, operator]
        codes = [each[1] for each in (start, end) if each]
        of_message = [code for code in codes if code in (0, 4, 5)]
        return start and start[0], end and end[0], (of_message or [max(codes, default=0)])[0]  # type: ignore[return-value]


def is_likely(rate: int) -> bool:
    if not 1 <= rate <= 2**24:
        return False
    swapped = int.from_bytes(rate.to_bytes(4, "little"))
    return rate < 2**16 or swapped.bit_count() != 1


def record_rate(record: Record) -> int | None:
    """The sampling rate that a record itself tells, by the first elements that its template has for it."""

    def has(*names: str) -> bool:
        return all(name in record and not isinstance(record[name], bytes) for name in names)

    def small(name: str) -> int:
        return int(record[name]) if record[name] < 2**32 else 0

    rate = 0
    if has("samplingInterval"):
        rate = small("samplingInterval")
    elif has("samplerRandomInterval"):
        rate = small("samplerRandomInterval")
    elif has("samplingPacketInterval", "samplingPacketSpace"):
        interval = small("samplingPacketInterval")
        rate = (interval + small("samplingPacketSpace")) // interval if interval else 0
    elif has("samplingSize", "samplingPopulation"):
        rate = small("samplingPopulation") // small("samplingSize") if small("samplingSize") else 0
    elif has("samplingProbability"):
        probability = record["samplingProbability"]
        rate = int(1 / probability + 0.5) if 1e-9 < probability <= 1 else 0
    return rate if is_likely(rate) else None


def sampling(
    record: Record, of_message: tuple[int | None, int], samplers: Mapping[int, int], interfaces: Mapping[int, int]
) -> tuple[int | None, int]:
    """(rate, source): the caller's, the record's, its sampler's, its template's, its interface's, or the message's."""
    if of_message[1] == 1:
        return of_message
    if rate := record_rate(record):
        return rate, 2
    sampler = next(iter(numbers(record, "samplerId selectorId")), None)
    if sampler is not None and is_likely(samplers.get(sampler, 0)):
        return samplers[sampler], 3
    interface = record.get("ingressInterface")
    if of_message[1] != 4 and isinstance(interface, int) and is_likely(interfaces.get(interface, 0)):
        return interfaces[interface], 5
    return of_message


# ── both directions in one record (RFC 5103) ─────────────────────────────────────────────────────────────────────────

ENDS = (
    ("source", "destination"), ("Source", "Destination"), ("ingress", "egress"), ("initiator", "responder"),
    ("bgpNext", "bgpPrev"),
)  # fmt: skip
VLANS = {"vlanId": "postVlanId", "dot1qVlanId": "postDot1qVlanId"}
ONE_WAY_COLUMNS = (
    "bytes", "packets", "ip_tos", "ip_ttl", "tcp_flags", "ipv6_flow_label", "fragment_id", "fragment_offset",
    "flow_count", "flow_direction",
)  # fmt: skip
ONE_WAY = {
    *(name for column in ONE_WAY_COLUMNS for name in NUMBERS[column][1].split()),
    *("ipNextHopIPv4Address", "ipNextHopIPv6Address", "bgpNextHopIPv4Address", "bgpNextHopIPv6Address"),
    *(f"icmp{what}IPv{version}" for what in ("Type", "Code", "TypeCode") for version in (4, 6)),
    *(*LABELS.values(), *naive_packet.SECTIONS),
    *("forwardingStatus", "dataLinkFrameSize", "ipTotalLength", "totalLengthIPv4"),
} - {"initiatorOctets", "initiatorPackets"}


def other_end(name: str) -> str:
    """The element that a key of the flow is from its other end; itself where it is none."""
    for pair in (*VLANS.items(), *((value, key) for key, value in VLANS.items())):
        if name == pair[0]:
            return pair[1]
    for one, other in ENDS:
        if one in name:
            return name.replace(one, other)
        if other in name:
            return name.replace(other, one)
    return name


def way_back(record: Record) -> dict[str, Any] | None:
    """A record as its other end has it; None where it tells of no way back, or nothing went there."""
    counters = [name for column in ("bytes", "packets") for name in NUMBERS[column][1].split()]
    back = [f"reverse{name[0].upper()}{name[1:]}" for name in counters]
    if not any(name in record for name in (*back, "responderOctets", "responderPackets")):
        return None
    turned: dict[str, Any] = {}
    for name, value in record.items():
        if name.startswith("reverse"):
            forth = name[7].lower() + name[8:]
            if other_end(forth) == forth:
                turned[forth] = value
        elif name in ONE_WAY or f"reverse{name[0].upper()}{name[1:]}" in record:
            continue
        else:
            turned[other_end(name)] = value
    told = [turned[name] for name in counters if name in turned]
    return None if all(isinstance(value, int) and value == 0 for value in told) else turned


SECTIONS = tuple(naive_packet.SECTIONS)


def kind_of(record: Record, *, has_counters: bool) -> int:
    if "natEvent" in record and not has_counters:
        return 2
    if "firewallEvent" in record or "ciscoFirewallEvent" in record:
        return 3
    return 1 if any(name in record for name in SECTIONS) and not has_counters else 0


def from_packet(row: dict[str, Any], record: Record, packet: Mapping[str, Any]) -> None:
    """Let the sampled packet fill the columns that the record has nothing for."""
    for column, (_, names) in NUMBERS.items():
        if column not in ("bytes", "packets") and not any(True for _ in numbers(record, names)):
            row[column] = packet.get(column)
    for column, names in MACS.items():
        if not texts(record, names):
            row[column] = packet.get(column)
    for column, name in LABELS.items():
        if not (isinstance(record.get(name), bytes) and len(record[name]) in (3, 4)):
            row[column] = packet.get(column)
    found = [any(both(record, *ADDRESSES[end])) for end in ("src", "dst")]
    for end, there in zip(("src", "dst"), found, strict=True):
        if not there:
            row[f"{end}_addr"] = packet.get(f"{end}_addr")
    if not any(found) and not any(isinstance(record.get(name), int) for name in ("ethernetType", "ipVersion")):
        row["etype"] = packet.get("etype")


def application(octets: Any) -> int | None:
    if not isinstance(octets, bytes) or not octets or int.from_bytes(octets[1:]) >> 56:
        return None
    return octets[0] << 56 | int.from_bytes(octets[1:])


def flow(
    octets: bytes,
    record: Record,
    exporter: str | None,
    received_ns: int | None,
    *,
    of_message: tuple[int | None, int] | None = None,
    init_ns: int | None = None,
    samplers: Mapping[int, int] | None = None,
    interfaces: Mapping[int, int] | None = None,
    is_back: bool = False,
) -> dict[str, Any]:
    """What FLOW has to say of one record of a datagram; `is_back`: the record is `way_back` of another.

    `of_message` is the sampling rate of its template, domain or header, and where it is from; the header
    of v5 tells its own.
    """
    version = int.from_bytes(octets[:2])
    if version == 10:
        _, _, seconds, sequence, domain = struct.unpack_from("!HHIII", octets)
        uptime_ms, export_ns = None, seconds * SECOND
    elif version == 9:
        _, _, uptime_ms, seconds, sequence, domain = struct.unpack_from("!HHIIII", octets)
        export_ns = seconds * SECOND
    else:
        _, _, uptime_ms, seconds, nanoseconds = struct.unpack_from("!HHIII", octets)
        export_ns = seconds * SECOND + nanoseconds
        domain = octets[20] * 256 + octets[21] if version == 5 else 0
        sequence = int.from_bytes(octets[16:20]) if version != 1 else None
    row: dict[str, Any] = {column: number(record, names, bits) for column, (bits, names) in NUMBERS.items()}
    row |= {column: next(iter(texts(record, names)), None) for column, names in MACS.items()}
    for column, name in LABELS.items():
        label = record.get(name)
        row[column] = int.from_bytes(label[:3]) >> 4 if isinstance(label, bytes) and len(label) in (3, 4) else None
    row["type"] = TYPES[version]
    row["sampler_address"] = exporter
    row["observation_domain_id"] = domain
    row["template_id"] = record.get("template_id")
    row["sequence_num"] = sequence
    row["time_received_ns"] = received_ns
    start, end, source = Times(record, export_ns, uptime_ms, init_ns).ends()
    row["time_flow_start_ns"], row["time_flow_end_ns"], row["time_source"] = start, end, source

    if of_message is None:
        word = int.from_bytes(octets[22:24]) if version == 5 else 0
        of_message = word % 2**14 or None, 0 if word % 2**14 == 0 else 8 if word < 2**14 else 7
    row["sampling_rate"], row["sampling_source"] = sampling(record, of_message, samplers or {}, interfaces or {})

    addresses(row, record)
    packet = naive_packet.sections(record)
    if packet is not None:
        from_packet(row, record, packet)
    icmp(row, record, packet, is_back=is_back)
    has_counters = any(next(iter(numbers(record, NUMBERS[name][1])), None) is not None for name in ("bytes", "packets"))
    row["record_kind"] = 5 if is_back else kind_of(record, has_counters=has_counters)
    if any(name in record for name in SECTIONS) and not has_counters:
        row["packets"] = 1
        lengths = "dataLinkFrameSize ipTotalLength totalLengthIPv4"
        told = any(True for _ in numbers(record, lengths))
        row["bytes"] = number(record, lengths, 64) if told else (packet or {}).get("bytes")
    status = record.get("forwardingStatus")
    row["forwarding_status"] = status & 0xFF if isinstance(status, int) else None
    if row["flow_direction"] == 255:
        row["flow_direction"] = None
    row["application_id"] = application(record.get("applicationId"))
    return row
