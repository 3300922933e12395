"""The headers of packets as scapy reads them: packets of every kind, whole and cut at every octet."""

from __future__ import annotations

from typing import Any

import pytest

from flowparse._packet import packet_of

pytest.importorskip("scapy")

from scapy.contrib.geneve import GENEVE
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    _ICMPv6,
)
from scapy.layers.l2 import GRE, LLC, SNAP, Dot1AD, Dot1Q, Dot3, Ether
from scapy.layers.ppp import PPP, PPPoE
from scapy.layers.sctp import SCTP
from scapy.layers.vxlan import VXLAN


def generated() -> list[Any]:
    """Packets of every kind that is read, as scapy makes them."""
    ether = Ether(dst="02:00:00:00:00:01", src="02:00:00:00:00:02")
    v4 = IP(src="192.0.2.1", dst="198.51.100.2", tos=0xB8, ttl=61, id=0x1234)
    v6 = IPv6(src="2001:db8::1", dst="2001:db8::2", tc=0x2E, fl=0xABCDE, hlim=63)
    tcp, udp = TCP(sport=443, dport=50000, flags="SAEC"), UDP(sport=53, dport=40000) / b"12345678"
    inner = Ether(dst="02:00:00:00:00:03", src="02:00:00:00:00:04") / IP(src="10.0.0.1", dst="10.0.0.2", ttl=9) / tcp
    return [
        ether / v4 / tcp,
        ether / v6 / udp,
        ether / Dot1Q(vlan=100, prio=3) / v4 / udp,
        ether / Dot1AD(vlan=200) / Dot1Q(vlan=100) / v6 / tcp,
        ether / Dot1AD(vlan=1) / Dot1AD(vlan=2) / Dot1Q(vlan=3) / v4 / tcp,
        Dot3(dst="02:00:00:00:00:01", src="02:00:00:00:00:02") / LLC() / SNAP() / v4 / tcp,
        ether / MPLS(label=16001, s=0, ttl=7) / MPLS(label=17, s=1, cos=5) / v4 / tcp,
        ether / MPLS(label=18, s=1) / v6 / udp,
        ether / PPPoE(sessionid=77) / PPP() / v4 / tcp,
        ether / PPPoE(sessionid=78) / PPP() / v6 / udp,
        ether / IP(src="192.0.2.1", dst="198.51.100.2", options=[IPOption_NOP()] * 8) / tcp,
        ether / v4 / ICMP(type=3, code=13),
        ether / v6 / ICMPv6EchoRequest(),
        ether / v4 / SCTP(sport=2905, dport=2906),
        ether / v6 / IPv6ExtHdrHopByHop() / IPv6ExtHdrRouting(addresses=["2001:db8::9"]) / IPv6ExtHdrDestOpt() / tcp,
        ether / v6 / IPv6ExtHdrFragment(offset=0, m=1, id=0xDEADBEEF) / udp,
        ether / v6 / IPv6ExtHdrFragment(offset=185, m=0, id=0xDEADBEEF, nh=17) / b"not ports",
        ether / IP(src="192.0.2.1", dst="198.51.100.2", frag=185, proto=17) / b"not ports",
        ether / v4 / IP(src="10.0.0.1", dst="10.0.0.2") / udp,
        ether / v4 / IPv6(src="2001:db8::5", dst="2001:db8::6") / tcp,
        ether / v6 / IP(src="10.0.0.1", dst="10.0.0.2") / tcp,
        ether / v4 / GRE() / IP(src="10.0.0.1", dst="10.0.0.2") / udp,
        ether / v4 / GRE(chksum_present=1, key_present=1, key=99, seqnum_present=1) / IPv6(dst="2001:db8::6") / tcp,
        ether / v4 / GRE(proto=0x6558) / inner,
        ether / v6 / UDP(sport=5000, dport=4789) / VXLAN(vni=0x123456, flags=8) / inner,
        ether / v4 / UDP(sport=5000, dport=6081) / GENEVE(vni=0x654321, proto=0x6558) / inner,
        ether / v4 / UDP(sport=5000, dport=6081) / GENEVE(vni=7, proto=0x0800) / IP(dst="10.0.0.9") / udp,
    ]


def scapy_says(packet: Any) -> dict[str, Any]:
    """Layer by layer, in the words of `packet_of`."""
    said: dict[str, Any] = {"vlans": [], "labels": [], "networks": []}
    networks = said["networks"]
    while packet:
        if isinstance(packet, Ether | Dot3) and "dst_mac" not in said:
            said["dst_mac"], said["src_mac"] = packet.dst, packet.src
        elif isinstance(packet, Dot1Q | Dot1AD) and not networks:
            said["vlans"].append(packet.prio << 13 | packet.vlan)
        elif isinstance(packet, MPLS):
            said["labels"].append(packet.label << 12 | packet.cos << 9 | packet.s << 8 | packet.ttl)
        elif isinstance(packet, IP):
            networks.append(
                {"version": 4, "src": packet.src, "dst": packet.dst, "tos": packet.tos, "ttl": packet.ttl,
                 "length": packet.len, "proto": packet.proto, "fragment_id": packet.id,
                 "fragment_offset": packet.frag, "fragment_flags": int(packet.flags)}
            )  # fmt: skip
        elif isinstance(packet, IPv6):
            networks.append(
                {"version": 6, "src": packet.src, "dst": packet.dst, "tos": packet.tc, "ttl": packet.hlim,
                 "length": packet.plen + 40, "flow_label": packet.fl, "proto": packet.nh}
            )  # fmt: skip
        elif isinstance(packet, TCP | UDP | SCTP) and networks:
            networks[-1] |= {"src_port": packet.sport, "dst_port": packet.dport}
            if isinstance(packet, TCP):
                networks[-1]["tcp_flags"] = int(packet.flags)
        elif isinstance(packet, ICMP | _ICMPv6) and networks:
            networks[-1] |= {"icmp_type": packet.type, "icmp_code": packet.code}
        elif isinstance(packet, IPv6ExtHdrFragment):
            networks[-1] |= {"fragment_id": packet.id, "fragment_offset": packet.offset, "fragment_flags": packet.m}
        if networks and networks[-1]["version"] == 6 and hasattr(packet, "nh"):
            networks[-1]["proto"] = packet.nh
        packet = packet.payload
    return said


def in_those_words(ours: dict[str, Any]) -> dict[str, Any]:
    said = {name: ours[name] for name in ("dst_mac", "src_mac") if name in ours}
    networks = [{name: value for name, value in ours[layer].items() if name != "offset"}
                for layer in ("outer", "inner") if ours[layer]]  # fmt: skip
    return said | {"vlans": list(ours["vlans"]), "labels": list(ours["labels"]), "networks": networks}


def test_generated_packets_read_as_scapy_reads_them() -> None:
    for packet in generated():
        octets = bytes(packet)
        ours = packet_of(octets)
        said = scapy_says(type(packet)(octets) if not isinstance(packet, Ether) else Ether(octets))
        said["vlans"] = said["vlans"][:2]
        assert in_those_words(ours) == said, packet.summary()
        assert not ours["truncated"], packet.summary()


def test_a_packet_cut_at_any_octet_says_less_and_never_otherwise() -> None:
    for packet in generated():
        octets = bytes(packet)
        whole = packet_of(octets)
        for length in range(len(octets)):
            # A copy of its own, so that a sanitizer sees a read behind the end.
            part = packet_of(bytes(octets[:length]))
            for name in part.keys() - {"outer", "inner", "truncated", "vlans", "labels", "n_vlans", "tunnel"}:
                assert part[name] == whole[name], (packet.summary(), length, name)
            assert part["vlans"] == whole["vlans"][: len(part["vlans"])]
            assert part["labels"] == whole["labels"][: len(part["labels"])]
            for layer in ("outer", "inner"):
                if part[layer]:
                    assert part[layer].items() <= whole[layer].items(), (packet.summary(), length)
            assert part == whole or part["truncated"], (packet.summary(), length)


def test_octets_behind_an_ip_packet_are_padding() -> None:
    frame = bytes.fromhex("020000000001 020000000002 0800") + bytes.fromhex(
        "45000014 00010000 40060000 0a000001 0a000002"
    )
    ours = packet_of(frame + bytes(range(1, 27)))
    assert "src_port" not in ours["outer"]
    assert ours["truncated"]


def test_headers_of_protocols_without_a_reader_say_nothing() -> None:
    assert packet_of(bytes(64), 99)["outer"] is None
    assert packet_of(b"", 1)["truncated"]
