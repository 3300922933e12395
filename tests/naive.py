"""The flow view a second time: from the words that describe its columns, one record at a time, plain and slow.

Shares nothing with plan.py or flow.tsv: what it is given is the datagram's header octets and a record's
fields as they were sent (a NATIVE row). It knows NetFlow v1, v5 and v7.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

SECOND, MILLISECOND = 1_000_000_000, 1_000_000
DAY = 86_400 * SECOND
UPTIME_TURN = 2**32 * MILLISECOND
ICMP, ICMP6 = 1, 58

# Column -> names of the elements that fill it, the first that a record has.
ALIASES = {
    "bytes": "octetDeltaCount octetTotalCount initiatorOctets postOctetDeltaCount",
    "packets": "packetDeltaCount packetTotalCount initiatorPackets postPacketDeltaCount",
    "src_addr": "sourceIPv4Address sourceIPv6Address",
    "dst_addr": "destinationIPv4Address destinationIPv6Address",
    "proto": "protocolIdentifier",
    "in_if": "ingressInterface ingressPhysicalInterface",
    "out_if": "egressInterface egressPhysicalInterface",
    "src_mac": "sourceMacAddress postSourceMacAddress",
    "dst_mac": "destinationMacAddress postDestinationMacAddress",
    "vlan_id": "dot1qVlanId vlanId",
    "src_vlan": "vlanId dot1qVlanId",
    "dst_vlan": "postVlanId postDot1qVlanId",
    "ip_tos": "ipClassOfService",
    "ip_ttl": "ipTTL minimumTTL",
    "tcp_flags": "tcpControlBits",
    "src_as": "bgpSourceAsNumber",
    "dst_as": "bgpDestinationAsNumber",
    "next_hop_as": "bgpNextAdjacentAsNumber",
    "src_net": "sourceIPv4PrefixLength sourceIPv6PrefixLength",
    "dst_net": "destinationIPv4PrefixLength destinationIPv6PrefixLength",
    "ipv6_flow_label": "flowLabelIPv6",
    "fragment_id": "fragmentIdentification",
    "fragment_offset": "fragmentOffset",
    "forwarding_status": "forwardingStatus",
    "flow_direction": "flowDirection",
    "flow_end_reason": "flowEndReason",
    "application_id": "applicationId",
    "mpls_label_1": "mplsTopLabelStackSection",
    "mpls_label_2": "mplsLabelStackSection2",
    "mpls_label_3": "mplsLabelStackSection3",
    "post_nat_src_addr": "postNATSourceIPv4Address postNATSourceIPv6Address",
    "post_nat_dst_addr": "postNATDestinationIPv4Address postNATDestinationIPv6Address",
    "post_nat_src_port": "postNAPTSourceTransportPort",
    "post_nat_dst_port": "postNAPTDestinationTransportPort",
    "flow_count": "deltaFlowCount totalFlowCount",
}
TYPES = {1: 6, 5: 2, 7: 7}


def since_boot(uptime_ms: int, of_header_ms: int, export_ns: int) -> int:
    """When that was: as long before the export, or after it, as 32 bits with a sign tell."""
    ago = (uptime_ms - of_header_ms) % 2**32
    return export_ns + (ago - 2**32 if ago >= 2**31 else ago) * MILLISECOND


def flow(octets: bytes, record: Mapping[str, Any], exporter: str | None, received_ns: int | None) -> dict[str, Any]:
    """What FLOW has to say of one record of a datagram."""
    version, _, uptime_ms, seconds, nanoseconds = struct.unpack_from("!HHIII", octets)
    row: dict[str, Any] = {
        column: next((record[name] for name in names.split() if name in record), None)
        for column, names in ALIASES.items()
    }
    row["type"] = TYPES[version]
    row["sampler_address"] = exporter
    row["observation_domain_id"] = octets[20] * 256 + octets[21] if version == 5 else 0
    row["template_id"] = None
    row["sequence_num"] = int.from_bytes(octets[16:20]) if version != 1 else None
    row["time_received_ns"] = received_ns

    export_ns = seconds * SECOND + nanoseconds
    start = since_boot(record["flowStartSysUpTime"], uptime_ms, export_ns)
    end = since_boot(record["flowEndSysUpTime"], uptime_ms, export_ns)
    row["time_flow_start_ns"] = start - UPTIME_TURN if start - end > DAY else start
    row["time_flow_end_ns"] = end
    row["time_source"] = 5

    word = int.from_bytes(octets[22:24]) if version == 5 else 0
    row["sampling_rate"] = word % 2**14 or None
    row["sampling_source"] = 0 if word % 2**14 == 0 else 8 if word < 2**14 else 7

    row["etype"] = 0x0800
    row["src_port"], row["dst_port"] = record["sourceTransportPort"], record["destinationTransportPort"]
    row["icmp_type"] = row["icmp_code"] = None
    if row["proto"] in (ICMP, ICMP6):
        row["icmp_type"], row["icmp_code"] = divmod(row["dst_port"] or row["src_port"], 256)
        row["src_port"] = row["dst_port"] = None
    hop = record["ipNextHopIPv4Address"]
    row["next_hop"] = None if hop == "0.0.0.0" else hop
    row["bgp_next_hop"] = None
    row["record_kind"] = 0
    return row
