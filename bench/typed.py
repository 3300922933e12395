"""A typed parser of sflowtool's tagged text in plain Python, as a careful person writes one, to measure ours against.

Lines are split at the first space; a key of a known set is an int, header octets are bytes, the rest is text. Samples
keep their records apart. It checks nothing.
"""

from __future__ import annotations

from typing import Any

TEXT = {
    *(
        "datagramSourceIP",
        "localtime",
        "pcapTimestamp",
        "agent",
        "sampleType_tag",
        "sampleType",
        "sourceId",
        "inputPort",
    ),
    *("outputPort", "flowBlock_tag", "counterBlock_tag", "flowSampleType", "extendedType", "dstMAC", "srcMAC", "srcIP"),
    *("dstIP", "srcIP6", "dstIP6", "IP6_label", "IPV6_payloadLen", "nextHop", "bgp_nexthop", "dst_as_path", "hostname"),
    *("BGP_communities", "UUID", "os_release", "ifName", "5s_cpu", "1m_cpu", "5m_cpu", "src_user", "dst_user", "url"),
    *("host", "cpu_load_one", "cpu_load_five", "cpu_load_fifteen", "discardReason"),
}
TAGS = {"flowBlock_tag", "counterBlock_tag", "discarded_flowBlock_tag"}


def parse(text: str) -> list[dict[str, Any]]:
    """Datagrams as dicts, with samples and records within."""
    datagrams: list[dict[str, Any]] = []
    datagram: dict[str, Any] = {}
    sample: dict[str, Any] = {}
    into: dict[str, Any] = {}
    as_text, tags = TEXT, TAGS
    for line in text.split("\n"):
        key, _, value = line.partition(" ")
        if key == "headerBytes":
            into[key] = bytes.fromhex(value.replace("-", ""))
        elif key in tags:
            into = {key: value}
            sample["records"].append(into)
        elif key in as_text:
            into[key] = value
        elif key == "startDatagram":
            into = datagram = {"samples": []}
            datagrams.append(datagram)
        elif key == "startSample":
            into = sample = {"records": []}
            datagram["samples"].append(sample)
        elif key == "endSample" or key == "endDatagram" or not key:
            into = datagram
        else:
            into[key] = int(value)
    return datagrams
