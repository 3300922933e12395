"""Records as sflowtool 6.11 prints them, so that its own output can be compared key by key.

The other way round from `flowparse.sflowtool`, which reads text; they share only registry/sflow.tsv, which
names the keys. The decoded headers are compared value by value instead of line by line (test_sflow.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

from flowparse.registry import names
from flowparse.sflow import CounterSample, Datagram, DiscardSample, FlowSample, Port, Record, Sample
from flowparse.sflow.structures import COUNTER, FLOW, SAMPLE, Kind, Structure, find

Pair = tuple[str, str]
MOST_HEADER_OCTETS = 682
UDP, TCP, ICMP = 17, 6, 1
MISPRINTED = {33: "dev_hdr", 36: "tc_egress", 332: "NotFound", 366: "NotFound"}
NO_FLOAT_KINDS = {"counter32", "counter64", "gauge32", "gauge64", "int32", "int64"}


def address(value: str | None) -> str:
    """IPv6 in full, since sflowtool never shortens; "-" for none."""
    if value is None:
        return "-"
    return value if "." in value else ip_address(value).exploded


def ipv6(value: str) -> str:
    return ip_address("::ffff:" + value if "." in value else value).exploded


def label(entry: int) -> str:
    return f"{entry >> 12}.{entry >> 9 & 7}.{entry >> 8 & 1}.{entry & 255}"


def tag(word: int) -> str:
    return f"0x{word >> 16:04x}{word >> 13 & 7}.{word >> 12 & 1}.{word & 0xFFF}"


def as_path(segments: tuple[tuple[int, tuple[int, ...]], ...]) -> str:
    return "".join(("({})" if kind == 1 else "{}").format("-".join(map(str, numbers))) for kind, numbers in segments)


SHOWN: dict[str, Callable[[Any], str]] = {
    "f32": lambda value: f"{value:.3f}",
    "pct": lambda value: "unknown" if value is None else f"{value:.2f}",
    "i32": lambda value: str(value & 0xFFFFFFFF),
    "ip6": ipv6,
    "addr": address,
    "mac": lambda value: value.replace(":", ""),
    "opaque": lambda value: value[:MOST_HEADER_OCTETS].hex("-").upper(),
    "labels": lambda value: "-".join(map(label, value)),
    "vlans": lambda value: "-".join(map(tag, value)),
    "u32[]": lambda value: "-".join(map(str, value)),
    "aspath": as_path,
}
BY_KEY: dict[str, Callable[[Any], str]] = {
    "openflow_datapath_id": lambda value: f"{value:016x}",
    "status": lambda value: names("sflow_app_status").get(value, f"<out-of-range={value}>").upper(),
    "tcpinfo_direction": lambda value: names("sflow_packet_direction").get(value, "unknown"),
    # The two digits of an escape change places.
    "memcache_op_key": lambda value: "".join(
        c if c.isalnum() else f"%{ord(c):02X}"[::-1][:2].join(("%", "")) for c in value
    ),
}


def is_printed(structure: Structure) -> bool:
    """Whether sflowtool decodes it."""
    return (
        structure.text is not None
        or any(field.text for field in structure.fields)
        or structure.name in {"host_adapters"}
    )


def ports_of(record: Record, prefix: str) -> Iterator[Pair]:
    """sampled_ipv4 and what is like it: keys by the protocol."""
    fields = record.fields
    proto = fields["protocol"]
    if proto in (TCP, UDP):
        word = "TCP" if proto == TCP else "UDP"
        yield f"{prefix}{word}SrcPort", str(fields["src_port"])
        yield f"{prefix}{word}DstPort", str(fields["dst_port"])
    if proto == TCP:
        yield f"{prefix}TCPFlags", str(fields["tcp_flags"])
    if proto == ICMP:
        yield f"{prefix}ICMPType", str(fields["dst_port"])


def plain(record: Record, structure: Structure) -> Iterator[Pair]:
    for field in structure.fields:
        if field.text and field.name in record.fields:
            show = BY_KEY.get(field.text) or SHOWN.get(field.type, str)
            yield field.text, show(record.fields[field.name])


def tuple_record(record: Record, structure: Structure) -> Iterator[Pair]:
    length = structure.fields[0].text or ""
    prefix = length.removesuffix("sampledPacketSize")
    for key, value in plain(record, structure):
        if "Port" in key or "Flags" in key:
            continue
        if key == f"{prefix}IPProtocol":
            protocol = key, value
            continue
        if key.endswith(("IPTOS", "priority")):
            yield protocol
        yield key, value
        if key == length:
            yield f"{prefix}IPSize", value
    yield from ports_of(record, prefix)


def gateway(record: Record, structure: Structure) -> Iterator[Pair]:
    """Without a segment there is no path, without communities no such line; the last AS and the first are its own."""
    segments = record.fields["dst_as_path"]
    path = [number for _, numbers in segments for number in numbers] or [0]
    for key, value in plain(record, structure):
        if key == "dst_as_path":
            if segments:
                yield key, value
            yield "dst_as", str(path[-1])
            yield "dst_peer_as", str(path[0])
        elif key != "BGP_communities" or value:
            yield key, value


def user(record: Record, structure: Structure) -> Iterator[Pair]:
    yield from sorted(plain(record, structure), key=lambda pair: not pair[0].endswith("charset"))


def ethernet(record: Record, structure: Structure) -> Iterator[Pair]:
    *rest, type = plain(record, structure)
    yield type
    yield from rest


def header(record: Record, structure: Structure) -> Iterator[Pair]:
    for key, value in plain(record, structure):
        if key == "headerBytes":
            yield "headerLen", str(len(record.fields["header"]))
        yield key, value


def adapters(record: Record, structure: Structure) -> Iterator[Pair]:
    for i, adapter in enumerate(record.fields["adapters"]):
        yield f"adaptor_{i}_ifIndex", str(adapter["if_index"])
        yield f"adaptor_{i}_MACs", str(len(adapter["mac_addresses"]))
        for k, mac in enumerate(adapter["mac_addresses"]):
            yield f"adaptor_{i}_MAC_{k}", mac.replace(":", "")


def sfp(record: Record, structure: Structure) -> Iterator[Pair]:
    yield from plain(record, structure)
    lanes = record.fields["lanes"]
    yield "sfp_module_active_lanes", str(len(lanes))
    keys = [field.text or "" for field in structure_of_lane().fields]
    for i, lane in enumerate(lanes):
        for key, value in zip(keys, lane.values(), strict=True):
            # A format string that printf was not given the argument of.
            literal = "" if key in ("sfp_lane_index", "sfp_lane_tx_bias_current_uA") else ".%u"
            yield f"{key}{literal}.{i}", str(value)


def structure_of_lane() -> Structure:
    from flowparse.sflow.structures import part  # noqa: PLC0415

    return part("sfp_lane")


SPECIAL: dict[str, Callable[[Record, Structure], Iterator[Pair]]] = {
    "sampled_header": header,
    "sampled_ethernet": ethernet,
    "extended_L2_tunnel_egress": ethernet,
    "extended_L2_tunnel_ingress": ethernet,
    "sampled_ipv4": tuple_record,
    "sampled_ipv6": tuple_record,
    "extended_ipv4_tunnel_egress": tuple_record,
    "extended_ipv4_tunnel_ingress": tuple_record,
    "extended_ipv6_tunnel_egress": tuple_record,
    "extended_ipv6_tunnel_ingress": tuple_record,
    "extended_gateway": gateway,
    "extended_user": user,
    "host_adapters": adapters,
    "sfp": sfp,
}


def record_lines(record: Record, kind: Kind) -> Iterator[Pair]:
    """A record without its decoded header; one that sflowtool skips has its tag only."""
    word = "counter" if kind == COUNTER else "flow"
    yield f"{word}Block_tag", f"{record.enterprise}:{record.format}"
    structure = find(kind, record.enterprise, record.format)
    if structure is None or not is_printed(structure):
        return
    if structure.text:
        key, _, value = structure.text.partition(" ")
        yield key, value
    yield from SPECIAL.get(structure.name, plain)(record, structure)


def port_text(port: Port) -> str:
    return str(port) if port.format < 4 else ""


def sample_lines(sample: Sample) -> Iterator[Pair]:
    """The head of a sample, in sflowtool's order."""
    if isinstance(sample, FlowSample):
        yield "sampleType_tag", f"0:{3 if sample.expanded else 1}"
        yield "sampleType", "FLOWSAMPLE"
    elif isinstance(sample, CounterSample):
        yield "sampleType_tag", f"0:{4 if sample.expanded else 2}"
        yield "sampleType", "COUNTERSSAMPLE"
    elif isinstance(sample, DiscardSample):
        yield "sampleType_tag", "0:5"
        yield "sampleType", "DISCARD"
    else:
        yield "sampleType_tag", f"{sample.enterprise}:{sample.format}"
        if structure := find(SAMPLE, sample.enterprise, sample.format):
            yield from sflow_rt_lines(sample, structure)
        return
    yield "sampleSequenceNo", str(sample.sequence)
    yield "sourceId", f"{sample.source_class}:{sample.source_index}"
    if isinstance(sample, FlowSample):
        yield "meanSkipCount", str(sample.sampling_rate)
        yield "samplePool", str(sample.sample_pool)
    if isinstance(sample, FlowSample | DiscardSample):
        yield "dropEvents", str(sample.drops)
        yield "inputPort", port_text(sample.input)
        yield "outputPort", port_text(sample.output)
    if isinstance(sample, DiscardSample):
        yield "discardCode", str(sample.reason)
        reasons = names("sflow_drop_reason")
        yield "discardReason", MISPRINTED.get(sample.reason) or reasons.get(sample.reason, "NotFound")


def sflow_rt_lines(sample: Record, structure: Structure) -> Iterator[Pair]:
    assert structure.text is not None
    yield "sampleType", structure.text.partition(" ")[2]
    yield from plain(sample, structure)
    for name, kind, value in sample.fields.get("metrics", sample.fields.get("attributes", ())):
        shown = {"mac": SHOWN["mac"], "ip6": ipv6}.get(kind)
        if kind in ("gaugeFloat", "gaugeDouble", "float", "double"):
            shown = SHOWN["f32"]
        yield f"{structure.name}_{kind}_{name}", (shown or str)(value)


def datagram_lines(datagram: Datagram) -> Iterator[Pair]:
    yield "datagramVersion", str(datagram.version)
    if datagram.version == 5:
        yield "agentSubId", str(datagram.sub_agent_id)
    yield "agent", address(datagram.agent)
    yield "packetSequenceNo", str(datagram.sequence)
    yield "sysUpTime", str(datagram.uptime_ms)


def kind_of(sample: Sample) -> Kind:
    return COUNTER if isinstance(sample, CounterSample) else FLOW
