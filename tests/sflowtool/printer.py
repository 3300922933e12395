"""sflowtool's part of the work, for tests: a Datagram as the text that sflowtool prints of it.

Written from the grammar of the text; it prints no key that says again what another says (the decoded
header), and any structure of the registry that sflowtool prints.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from ipaddress import IPv6Address, ip_address
from typing import Any

from flowparse.sflow import CounterSample, Datagram, DiscardSample, FlowSample, Record
from flowparse.sflow.structures import COUNTER, FLOW, find

START = {
    "datagram": "startDatagram =================================",
    "sample": "startSample ----------------------",
}
END = {
    "datagram": "endDatagram   =================================",
    "sample": "endSample   ----------------------",
}
STATUS = (
    "SUCCESS", "OTHER", "TIMEOUT", "INTERNAL_ERROR", "BAD_REQUEST", "FORBIDDEN", "TOO_LARGE", "NOT_IMPLEMENTED",
    "NOT_FOUND", "UNAVAILABLE", "UNATHORIZED",
)  # fmt: skip
Pair = tuple[str, str]


def address(text: str | None) -> str:
    """IPv4 dotted, IPv6 in full, unknown as a dash."""
    if text is None:
        return "-"
    value = ip_address(text)
    return value.exploded if isinstance(value, IPv6Address) else str(value)


def _labels(stack: Iterable[int]) -> str:
    return "-".join(f"{each >> 12}.{each >> 9 & 7}.{each >> 8 & 1}.{each & 255}" for each in stack)


def _vlans(stack: Iterable[int]) -> str:
    return "-".join(f"0x{each >> 16:04x}{each >> 13 & 7}.{each >> 12 & 1}.{each & 4095}" for each in stack)


def _as_path(path: Iterable[tuple[int, tuple[int, ...]]]) -> str:
    parts = ("-".join(map(str, numbers)) for _, numbers in path)
    return "".join(f"({part})" if kind == 1 else part for part, (kind, _) in zip(parts, path, strict=True))


def _escaped(text: str) -> str:
    """As 5.01 and newer escape: with the digits turned around."""
    return "".join(
        chr(each) if 48 <= each < 58 or 97 <= each < 123 else f"%{each & 15:X}{each >> 4:X}" for each in text.encode()
    )


PRINTERS: dict[str, Any] = {
    "mac": lambda value: value.replace(":", ""),
    "ip4": address,
    "ip6": address,
    "addr": address,
    "f32": lambda value: f"{value:.3f}",
    "pct": lambda value: "unknown" if value is None else f"{value:.2f}",
    "opaque": lambda value: "-".join(f"{octet:02X}" for octet in value),
    "labels": _labels,
    "vlans": _vlans,
    "aspath": _as_path,
    "u32[]": lambda value: "-".join(map(str, value)),
}
SPECIAL: dict[str, Any] = {
    "status": lambda value: STATUS[value] if value < len(STATUS) else f"<out-of-range={value}>",
    "tcpinfo_direction": lambda value: ("unknown", "received", "sent")[value],
    "openflow_datapath_id": lambda value: f"{value:016x}",
    "memcache_op_key": _escaped,
}


def _value(key: str, type: str, value: Any) -> str:
    return str(SPECIAL[key](value) if key in SPECIAL else PRINTERS.get(type, str)(value))


def _lanes(lanes: Iterable[Any]) -> Iterator[Pair]:
    keys = {
        "index": "sfp_lane_index",
        "tx_bias_current": "sfp_lane_tx_bias_current_uA",
        "tx_power": "sfp_lane_tx_power_uW.%u",
        "tx_power_min": "sfp_lane_tx_power_min_uW.%u",
        "tx_power_max": "sfp_lane_tx_power_max_uW.%u",
        "tx_wavelength": "sfp_lane_tx_wavelength_nM.%u",
        "rx_power": "sfp_lane_rx_power_uW.%u",
        "rx_power_min": "sfp_lane_rx_power_min_uW.%u",
        "rx_power_max": "sfp_lane_rx_power_max_uW.%u",
        "rx_wavelength": "sfp_lane_rx_wavelength_nM.%u",
    }
    for i, lane in enumerate(lanes):
        for name, value in lane.items():
            yield f"{keys[name]}.{i}", str(value)


def _adapters(adapters: Iterable[Any]) -> Iterator[Pair]:
    for i, adapter in enumerate(adapters):
        yield f"adaptor_{i}_ifIndex", str(adapter["if_index"])
        yield f"adaptor_{i}_MACs", str(len(adapter["mac_addresses"]))
        for k, mac in enumerate(adapter["mac_addresses"]):
            yield f"adaptor_{i}_MAC_{k}", mac.replace(":", "")


def record_pairs(record: Record, kind: str) -> Iterator[Pair]:
    """The lines of a record behind its tag."""
    structure = find(COUNTER if kind == "counter" else FLOW, record.enterprise, record.format)
    assert structure is not None
    if structure.text:
        yield tuple(structure.text.split(" ", 1))  # type: ignore[misc]
    for field in structure.fields:
        if field.name not in record.fields:
            continue
        value = record.fields[field.name]
        if field.type == "sfp_lane[]":
            yield "sfp_module_active_lanes", str(len(value))
            yield from _lanes(value)
        elif field.type == "host_adapter[]":
            yield from _adapters(value)
        elif field.text is not None:
            if field.text == "headerBytes":
                yield "headerLen", str(len(value))
            yield field.text, _value(field.text, field.type, value)


def sample_pairs(sample: Any) -> Iterator[Pair]:
    """The lines of a sample up to its first record."""
    if isinstance(sample, FlowSample):
        yield "sampleType_tag", "0:3" if sample.expanded else "0:1"
        yield "sampleType", "FLOWSAMPLE"
    elif isinstance(sample, CounterSample):
        yield "sampleType_tag", "0:4" if sample.expanded else "0:2"
        yield "sampleType", "COUNTERSSAMPLE"
    else:
        yield "sampleType_tag", "0:5"
        yield "sampleType", "DISCARD"
    yield "sampleSequenceNo", str(sample.sequence)
    yield "sourceId", f"{sample.source_class}:{sample.source_index}"
    if isinstance(sample, CounterSample) and sample.interval_s is not None:
        yield "statsSamplingInterval", str(sample.interval_s)
        yield "counterBlockVersion", str(block_version(sample))
    if isinstance(sample, FlowSample):
        yield "meanSkipCount", str(sample.sampling_rate)
        yield "samplePool", str(sample.sample_pool)
    if not isinstance(sample, CounterSample):
        yield "dropEvents", str(sample.drops)
        yield "inputPort", str(sample.input)
        yield "outputPort", str(sample.output)
    if isinstance(sample, DiscardSample):
        yield "discardCode", str(sample.reason)
        yield "discardReason", "NotFound"


def block_version(sample: CounterSample) -> int:
    """Versions 2 and 4 number what structures counters are made of (RFC 3176, counters_type)."""
    return {(1,): 1, (1, 2): 2, (1, 3): 3, (1, 5): 5, (5,): 7}[tuple(record.format for record in sample.records)]


def elements(sample: Any, version: int = 5) -> Iterator[list[Pair]]:
    """The records of a sample, with their tags; versions 2 and 4 have none."""
    kind = "counter" if isinstance(sample, CounterSample) else "flow"
    prefix = "discarded_" if isinstance(sample, DiscardSample) else ""
    for record in sample.records:
        tag = ("counterBlock_tag" if kind == "counter" else "flowBlock_tag", f"{record.enterprise}:{record.format}")
        tags = [tag] if version == 5 else []
        yield [(prefix + key, value) for key, value in (*tags, *record_pairs(record, kind))]


def datagram_pairs(datagram: Datagram, octets: int | None, received_ns: int) -> Iterator[Pair]:
    """The lines of a datagram up to its first sample."""
    yield "datagramSourceIP", address(datagram.source)
    if octets is not None:
        yield "datagramSize", str(octets)
    yield "unixSecondsUTC", str(received_ns // 10**9)
    yield "unixSecondsUTC_uS", str(received_ns % 10**9 // 1000)
    yield "localtime", "2023-11-14T22:13:20+0000"
    yield "datagramVersion", str(datagram.version)
    if datagram.version == 5:
        yield "agentSubId", str(datagram.sub_agent_id)
    yield "agent", address(datagram.agent)
    yield "packetSequenceNo", str(datagram.sequence)
    yield "sysUpTime", str(datagram.uptime_ms)
    yield "samplesInPacket", str(len(datagram.samples))


def lines(datagram: Datagram, octets: int | None = None, received_ns: int = 0) -> Iterator[str]:
    """A datagram as tagged text, a line each."""
    yield START["datagram"]
    for key, value in datagram_pairs(datagram, octets, received_ns):
        yield f"{key} {value}"
    for sample in datagram.samples:
        yield START["sample"]
        for pairs in ([*sample_pairs(sample)], *elements(sample, datagram.version)):
            for key, value in pairs:
                yield f"{key} {value}"
        yield END["sample"]
    yield END["datagram"]


def tagged(datagrams: Iterable[Datagram], **options: Any) -> str:
    """Datagrams as tagged text."""
    return "".join(f"{line}\n" for datagram in datagrams for line in lines(datagram, **options))


def grep(datagrams: Iterable[Datagram]) -> str:
    """Datagrams as `-g` prints them; what stands before a line is only looked at for being there."""
    return "".join(
        f"2023-11-14T22:13:20+0000 - 0 0 0:0 0:0 0:0 {line}\n" for datagram in datagrams for line in lines(datagram)
    )


def json_lines(datagrams: Iterable[Datagram], indent: int | None = None) -> str:
    """Datagrams as `-j` prints them, or `-J` with an indent; strings that need escapes are the caller's mistake."""
    text = []
    for datagram in datagrams:
        whole: dict[str, Any] = dict(datagram_pairs(datagram, None, 0))
        whole["samples"] = [
            dict(sample_pairs(sample)) | {"elements": [_nested(pairs) for pairs in elements(sample)]}
            for sample in datagram.samples
        ]
        text.append(json.dumps(whole, indent=indent, separators=(",", ":"), ensure_ascii=False) + "\n")
    return "".join(text)


def _nested(pairs: list[Pair]) -> dict[str, Any]:
    """A record; host adaptors are a list there."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key.startswith("adaptor_"):
            _, _, *name = key.split("_")
            adaptors = found.setdefault("adaptor_list", [])
            if name == ["ifIndex"]:
                adaptors.append({"ifIndex": value})
            elif name == ["MACs"]:
                adaptors[-1] |= {"MACs": value, "mac_list": []}
            else:
                adaptors[-1]["mac_list"].append(value)
        else:
            found[key] = value
    return found
