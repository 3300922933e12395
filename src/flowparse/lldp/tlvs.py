"""Organizationally specific TLVs: IEEE 802.1, IEEE 802.3, LLDP-MED, DCBX and the MUD URL, to names and values.

A row of `KNOWN` is a TLV: its name, the octets that it has at least, and how it is read. What is
shorter, or not in the table, keeps its octets and has no value. IEEE 802.1AB 8.6, 802.1Q Annex D,
802.3 clause 79, ANSI/TIA-1057, RFC 8520 section 11. Not read: PROFINET and Cisco beyond their names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

__all__ = ["LEAST", "mac_text", "network_address", "read_org", "text_of"]

EMPTY: Mapping[str, Any] = MappingProxyType({})
Values = dict[str, Any]


def text_of(octets: bytes) -> str:
    """Text of octets: UTF-8 without trailing NULs; what is not UTF-8 shows as escapes."""
    return octets.rstrip(b"\0").decode("utf-8", "backslashreplace")


def mac_text(octets: bytes) -> str:
    return octets.hex(":")


def network_address(octets: bytes) -> tuple[str, str]:
    """(text, family) of an address family number (IANA) and an address; hex where it does not fit its family."""
    family, value = octets[0] if octets else 0, octets[1:]
    if family == 1 and len(value) == 4:
        return ".".join(map(str, value)), "ipv4"
    if family == 2 and len(value) == 16:
        return _ipv6(value), "ipv6"
    if family == 6 and len(value) == 6:
        return mac_text(value), "mac"
    return value.hex(), f"afi{family}"


def _ipv6(value: bytes) -> str:
    from ipaddress import IPv6Address  # noqa: PLC0415 - seldom needed, and no small import

    return str(IPv6Address(value))


def _u16(body: bytes, at: int) -> int:
    return body[at] << 8 | body[at + 1]


# ── IEEE 802.1Q Annex D ──────────────────────────────────────────────────────────────────────────────────────────────


def _pvid(body: bytes) -> Values:
    return {"vlan_id": _u16(body, 0)}


def _ppvid(body: bytes) -> Values:
    return {"supported": bool(body[0] & 2), "enabled": bool(body[0] & 4), "vlan_id": _u16(body, 1)}


def _vlan_name(body: bytes) -> Values:
    return {"vlan_id": _u16(body, 0), "name": text_of(body[3 : 3 + body[2]])}


def _protocol_identity(body: bytes) -> Values:
    return {"protocol": body[1 : 1 + body[0]].hex()}


def _link_aggregation(body: bytes) -> Values:
    return {"capable": bool(body[0] & 1), "enabled": bool(body[0] & 2), "port_id": int.from_bytes(body[1:5], "big")}


def _ets(body: bytes) -> Values:
    nibbles = [nibble for octet in body[1:5] for nibble in (octet >> 4, octet & 15)]
    return {
        "willing": bool(body[0] & 0x80),
        "max_tcs": body[0] & 7,
        "priority_assignment": nibbles,
        "bandwidth_percent": list(body[5:13]),
        "tsa": list(body[13:21]),
    }


def _pfc(body: bytes) -> Values:
    return {
        "willing": bool(body[0] & 0x80),
        "mbc": bool(body[0] & 0x40),
        "capability": body[0] & 15,
        "enabled_priorities": [bit for bit in range(8) if body[1] >> bit & 1],
    }


def _application_priority(body: bytes) -> Values:
    table = [
        {"priority": body[at] >> 5, "selector": body[at] & 7, "protocol": _u16(body, at + 1)}
        for at in range(1, len(body) - 2, 3)
    ]
    return {"applications": table}


# ── IEEE 802.3 clause 79 ─────────────────────────────────────────────────────────────────────────────────────────────


def _mac_phy(body: bytes) -> Values:
    return {
        "autonegotiation_supported": bool(body[0] & 1),
        "autonegotiation_enabled": bool(body[0] & 2),
        "pmd_capability": _u16(body, 1),
        "mau_type": _u16(body, 3),
    }


def _power_via_mdi(body: bytes) -> Values:
    values: Values = {
        "port_class": "PSE" if body[0] & 1 else "PD",
        "supported": bool(body[0] & 2),
        "enabled": bool(body[0] & 4),
        "pairs_controllable": bool(body[0] & 8),
        "pairs": body[1],
        "power_class": body[2],
    }
    if len(body) >= 8:  # 802.3at
        values |= {
            "type": body[3] >> 6,
            "source": body[3] >> 4 & 3,
            "pd_4pid": bool(body[3] & 4),
            "priority": body[3] & 3,
            "pd_requested_mw": _u16(body, 4) * 100,
            "pse_allocated_mw": _u16(body, 6) * 100,
        }
    if len(body) >= 29:  # 802.3bt
        values |= {
            "pd_requested_mode_a_mw": _u16(body, 8) * 100,
            "pd_requested_mode_b_mw": _u16(body, 10) * 100,
            "pse_allocated_a_mw": _u16(body, 12) * 100,
            "pse_allocated_b_mw": _u16(body, 14) * 100,
            "power_status": _u16(body, 16),
            "system_setup": body[18],
            "pse_maximum_mw": _u16(body, 19) * 100,
            "autoclass": body[21],
            "power_down": int.from_bytes(body[22:25], "big"),
        }
    return values


def _maximum_frame_size(body: bytes) -> Values:
    return {"octets": _u16(body, 0)}


def _eee(body: bytes) -> Values:
    names = ("transmit_us", "receive_us", "fallback_us", "echo_transmit_us", "echo_receive_us")
    return {name: _u16(body, 2 * i) for i, name in enumerate(names)}


# ── ANSI/TIA-1057, LLDP-MED ──────────────────────────────────────────────────────────────────────────────────────────

MED_CAPABILITIES = ("capabilities", "network_policy", "location", "power_pse", "power_pd", "inventory")
MED_CLASSES = {1: "endpoint_1", 2: "endpoint_2", 3: "endpoint_3", 4: "network_connectivity"}
CIVIC_ELEMENTS = {  # RFC 4776 section 3.4
    0: "language", 1: "state", 2: "county", 3: "city", 4: "city_division", 5: "neighborhood", 6: "street_group",
    16: "leading_street_direction", 17: "trailing_street_suffix", 18: "street_suffix", 19: "house_number",
    20: "house_number_suffix", 21: "landmark", 22: "additional", 23: "name", 24: "postal_code", 25: "building",
    26: "unit", 27: "floor", 28: "room", 29: "place_type", 30: "postal_community", 31: "post_office_box",
    32: "additional_code", 34: "primary_road", 128: "script",
}  # fmt: skip


def _med_capabilities(body: bytes) -> Values:
    bits = _u16(body, 0)
    names = [name for bit, name in enumerate(MED_CAPABILITIES) if bits >> bit & 1]
    return {"capabilities": names, "device_class": MED_CLASSES.get(body[2], str(body[2]))}


def _network_policy(body: bytes) -> Values:
    rest = int.from_bytes(body[1:4], "big")
    return {
        "application": body[0],
        "unknown": bool(rest >> 23 & 1),
        "tagged": bool(rest >> 22 & 1),
        "vlan_id": rest >> 9 & 0xFFF,
        "priority": rest >> 6 & 7,
        "dscp": rest & 63,
    }


def _signed(value: int, bits: int, fraction: int) -> float:
    return (value - (1 << bits) if value >> (bits - 1) else value) / (1 << fraction)


def _location(body: bytes) -> Values:
    form, rest = body[0], body[1:]
    if form == 1 and len(rest) >= 16:  # RFC 6225 section 2.2
        bits = int.from_bytes(rest[:16], "big")
        return {
            "format": "coordinates",
            "latitude": _signed(bits >> 88 & (1 << 34) - 1, 34, 25),
            "longitude": _signed(bits >> 48 & (1 << 34) - 1, 34, 25),
            "altitude": _signed(bits >> 8 & (1 << 30) - 1, 30, 8),
            "altitude_type": bits >> 44 & 15,
            "datum": bits & 255,
        }
    if form == 2 and len(rest) >= 4:  # RFC 4776
        values: Values = {"format": "civic", "what": rest[1], "country": text_of(rest[2:4])}
        at, end = 4, min(len(rest), 1 + rest[0])
        while end - at >= 2:  # Progress: two octets at least each turn.
            kind, length = rest[at], rest[at + 1]
            if length > end - at - 2:
                break
            values[CIVIC_ELEMENTS.get(kind, f"element_{kind}")] = text_of(rest[at + 2 : at + 2 + length])
            at += 2 + length
        return values
    if form == 3:
        return {"format": "elin", "number": text_of(rest)}
    return {"format": form}


def _med_power(body: bytes) -> Values:
    return {
        "type": ("PSE", "PD", "reserved", "reserved")[body[0] >> 6],
        "source": body[0] >> 4 & 3,
        "priority": body[0] & 15,
        "mw": _u16(body, 1) * 100,
    }


def _text(body: bytes) -> Values:
    return {"text": text_of(body)}


def _nothing(_: bytes) -> Values:
    return {}


KNOWN: dict[bytes, tuple[str, int, Callable[[bytes], Values]]] = {
    bytes.fromhex(oui) + bytes([subtype]): (name, least, read)
    for oui, subtype, name, least, read in (
        ("0080c2", 1, "port_vlan_id", 2, _pvid),
        ("0080c2", 2, "port_and_protocol_vlan_id", 3, _ppvid),
        ("0080c2", 3, "vlan_name", 3, _vlan_name),
        ("0080c2", 4, "protocol_identity", 1, _protocol_identity),
        ("0080c2", 5, "vid_usage_digest", 4, lambda body: {"digest": body[:4].hex()}),
        ("0080c2", 6, "management_vid", 2, _pvid),
        ("0080c2", 7, "link_aggregation", 5, _link_aggregation),
        ("0080c2", 9, "ets_configuration", 21, _ets),
        ("0080c2", 10, "ets_recommendation", 21, _ets),
        ("0080c2", 11, "pfc_configuration", 2, _pfc),
        ("0080c2", 12, "application_priority", 1, _application_priority),
        ("00120f", 1, "mac_phy_configuration", 5, _mac_phy),
        ("00120f", 2, "power_via_mdi", 3, _power_via_mdi),
        ("00120f", 3, "link_aggregation", 5, _link_aggregation),
        ("00120f", 4, "maximum_frame_size", 2, _maximum_frame_size),
        ("00120f", 5, "energy_efficient_ethernet", 10, _eee),
        ("0012bb", 1, "med_capabilities", 3, _med_capabilities),
        ("0012bb", 2, "med_network_policy", 4, _network_policy),
        ("0012bb", 3, "med_location", 1, _location),
        ("0012bb", 4, "med_extended_power", 3, _med_power),
        ("0012bb", 5, "med_hardware_revision", 0, _text),
        ("0012bb", 6, "med_firmware_revision", 0, _text),
        ("0012bb", 7, "med_software_revision", 0, _text),
        ("0012bb", 8, "med_serial_number", 0, _text),
        ("0012bb", 9, "med_manufacturer", 0, _text),
        ("0012bb", 10, "med_model", 0, _text),
        ("0012bb", 11, "med_asset_id", 0, _text),
        ("000ecf", 1, "profinet_delay", 0, _nothing),
        ("000ecf", 2, "profinet_port_status", 0, _nothing),
        ("000ecf", 5, "profinet_chassis_mac", 6, lambda body: {"mac": mac_text(body[:6])}),
        ("000142", 1, "cisco_four_wire_power", 0, _nothing),
        ("00005e", 1, "mud_url", 0, _text),
    )
}


LEAST = {key: least for key, (_, least, _) in KNOWN.items()}
"""OUI and subtype -> octets that the TLV has at least."""


def read_org(key: bytes, body: bytes) -> tuple[str | None, Mapping[str, Any]]:
    """Name and values of an organizationally specific TLV.

    Parameters
    ----------
    key : bytes, shape (4,)
        OUI and subtype.
    body : bytes
        The rest of the information string.

    Returns
    -------
    name : str or None
    values : Mapping
        Empty where the TLV is not known or too short.
    """
    row = KNOWN.get(key)
    if row is None:
        return None, EMPTY
    name, least, read = row
    if len(body) < least:
        return name, EMPTY
    return name, MappingProxyType(read(body))
