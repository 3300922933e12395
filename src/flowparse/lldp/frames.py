"""LLDP frames: `decode` to a record and its TLVs, `encode` back to octets (IEEE 802.1AB clause 8 and 9).

A frame is read to its end whatever is in it: a TLV that is cut is kept as far as it goes, one that is
not known is kept raw, one that is missing is told, and nothing raises. `Lldpdu.tlvs` are the TLVs as
they came, so that `encode` gives the same octets; `Lldpdu.of` makes them of a `Neighbor`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import EncodeError
from .records import (
    Capability,
    ChassisIdType,
    ManagementAddress,
    Neighbor,
    OrgTlv,
    PortIdType,
    Problem,
    Source,
    made,
)
from .tlvs import LEAST, mac_text, network_address, text_of

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Lldpdu", "Tlv", "decode", "encode"]

ETHERTYPE = b"\x88\xcc"
TAGS = (b"\x81\x00", b"\x88\xa8", b"\x91\x00")
NEAREST_BRIDGE = "01:80:c2:00:00:0e"
PVID = bytes.fromhex("0080c201")
LONGEST = 511
END, CHASSIS, PORT, TTL, PORT_DESCRIPTION, SYSTEM_NAME, SYSTEM_DESCRIPTION, CAPABILITIES, MANAGEMENT, ORG = (
    0, 1, 2, 3, 4, 5, 6, 7, 8, 127,
)  # fmt: skip
CHASSIS_TYPES = dict(enumerate(ChassisIdType, 1))
PORT_TYPES = dict(enumerate(PortIdType, 1))
BITS = tuple(Capability)[:11]
INTERFACE_SUBTYPES = {2: "ifIndex", 3: "port"}
SOURCE = Source("frame")
TEXTS = {PORT_DESCRIPTION: "port_description", SYSTEM_NAME: "system_name", SYSTEM_DESCRIPTION: "system_description"}


class Tlv(NamedTuple):
    """A TLV as it stands in a frame: its type (7 bits) and its information string."""

    type: int
    octets: bytes


@dataclass(frozen=True, slots=True)
class Lldpdu:
    """An LLDP frame.

    Attributes
    ----------
    neighbor : Neighbor
        What it says of who sent it.
    tlvs : tuple of Tlv
        In their order, without the End TLV.
    problems : tuple of Problem
        `Problem.line` is the offset in octets.
    destination, source : str or None
        MAC addresses of the frame.
    vlan_tags : tuple of int
        Tag control information of each tag, outermost first.
    """

    neighbor: Neighbor
    tlvs: tuple[Tlv, ...] = ()
    problems: tuple[Problem, ...] = ()
    destination: str | None = NEAREST_BRIDGE
    source: str | None = None
    vlan_tags: tuple[int, ...] = field(default=())

    @property
    def shutdown(self) -> bool:
        """Whether the sender says goodbye: a TTL of 0 (IEEE 802.1AB 9.1.2.2)."""
        return self.neighbor.ttl == 0

    @classmethod
    def of(cls, neighbor: Neighbor, *, destination: str = NEAREST_BRIDGE, source: str = "02:00:00:00:00:01") -> Lldpdu:
        """The frame that would tell of `neighbor`.

        Raises
        ------
        EncodeError
            For a value that fits no TLV, or no chassis id, port id or TTL.
        """
        return cls(neighbor, tuple(_tlvs(neighbor)), (), destination, source)


# ── decoding ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def decode(frame: Buffer, *, device: str | None = None, interface: str | None = None) -> Lldpdu:
    """Read an Ethernet frame with an LLDPDU.

    Parameters
    ----------
    frame : bytes-like, shape (n,)
        From the destination address on; the frame check sequence may be there or not.
    device, interface : str or None
        Who heard it, and where.

    Returns
    -------
    Lldpdu
        Whatever the octets are; damage is told in `problems`.

    Raises
    ------
    TypeError
        For what is not bytes-like.

    Notes
    -----
    IEEE 802.1AB-2016 clauses 8 and 9.2.

    Examples
    --------
    >>> octets = bytes.fromhex("0180c200000e 020000000001 88cc 020704020000000001 04050547693033 06020078 0000")
    >>> pdu = decode(octets)
    >>> pdu.neighbor.chassis_id, pdu.neighbor.port_id, pdu.neighbor.ttl, pdu.problems
    ('02:00:00:00:00:01', 'Gi03', 120, ())
    """
    octets = bytes(memoryview(frame))
    problems: list[Problem] = []
    at, tags = _payload(octets, problems)
    values: dict[str, Any] = {"local_device": device, "local_interface": interface or "", "source": SOURCE}
    tlvs: list[Tlv] = []
    if at is not None:
        _read_tlvs(octets, at, tlvs, values, problems)
    return Lldpdu(
        made(values),
        tuple(tlvs),
        tuple(problems),
        mac_text(octets[:6]) if len(octets) >= 6 else None,
        mac_text(octets[6:12]) if len(octets) >= 12 else None,
        tags,
    )


def _payload(octets: bytes, problems: list[Problem]) -> tuple[int | None, tuple[int, ...]]:
    """Where the LLDPDU starts, and the VLAN tags before it."""
    at, tags = 12, []
    while octets[at : at + 2] in TAGS and len(octets) - at >= 4:  # Progress: four octets each turn.
        tags.append(octets[at + 2] << 8 | octets[at + 3])
        at += 4
    if octets[at : at + 2] != ETHERTYPE:
        what = f"EtherType {octets[at : at + 2].hex()}" if len(octets) >= at + 2 else f"{len(octets)} octets"
        problems.append(Problem(at, what, "no LLDP frame; its EtherType is 88cc"))
        return None, tuple(tags)
    return at + 2, tuple(tags)


def _read_tlvs(octets: bytes, at: int, tlvs: list[Tlv], values: dict[str, Any], problems: list[Problem]) -> None:
    size = len(octets)
    seen = 0
    managed: list[ManagementAddress] = []
    others: list[OrgTlv] = []
    ended = False
    while size - at >= 2:  # Progress: two octets at least each turn.
        kind = octets[at] >> 1
        length = (octets[at] & 1) << 8 | octets[at + 1]
        start = at + 2
        at = start + length
        body = octets[start:at]
        if kind == END:
            ended = True
            if length:
                problems.append(Problem(start - 2, "", f"an End TLV of {length} octets", False))
            break
        tlvs.append(Tlv(kind, body))
        if len(body) < length:
            problems.append(
                Problem(start - 2, body[:16].hex(), f"TLV type {kind} has {len(body)} octets left of its {length}")
            )
        if kind <= TTL:
            if kind != seen + 1:
                problems.append(Problem(start - 2, "", f"TLV type {kind} is not where it must be", False))
            seen = kind
        if kind == ORG:
            others.append(_org(body, start, problems))
            if body[:4] == PVID and len(body) >= 6 and "pvid" not in values:
                values["pvid"] = body[4] << 8 | body[5]
        elif kind in TEXTS:
            if TEXTS[kind] in values:
                problems.append(Problem(start - 2, text_of(body[:64]), f"a second TLV type {kind}", False))
            else:
                values[TEXTS[kind]] = text_of(body)
        elif kind == CHASSIS:
            _identity("chassis_id", CHASSIS_TYPES, body, start, values, problems)
        elif kind == PORT:
            _identity("port_id", PORT_TYPES, body, start, values, problems)
        elif kind == MANAGEMENT:
            address = _management(body, start, problems)
            if address is not None:
                managed.append(address)
        elif kind == TTL and length >= 2 and len(body) >= 2:
            values["ttl"] = body[0] << 8 | body[1]
        elif kind == CAPABILITIES and len(body) >= 4:
            values["capabilities"] = _capabilities(body[0] << 8 | body[1])
            values["capabilities_enabled"] = _capabilities(body[2] << 8 | body[3])
        elif kind in (TTL, CAPABILITIES):
            problems.append(Problem(start, body.hex(), f"TLV type {kind} of {len(body)} octets is too short"))
        else:
            others.append(OrgTlv("", 0, body, kind))
    if managed:
        values["management_addresses"] = tuple(managed)
    if others:
        values["tlvs"] = tuple(others)
    missing = [name for name in ("chassis_id", "port_id", "ttl") if name not in values]
    if missing:
        problems.append(Problem(None, ", ".join(missing), "a TLV that every LLDPDU has is missing"))
    if not ended:
        problems.append(Problem(at if at < size else size, "", "no End TLV", False))


def _identity(
    name: str, types: dict[int, Any], body: bytes, start: int, values: dict[str, Any], problems: list[Problem]
) -> None:
    if name in values:
        problems.append(Problem(start, body[:16].hex(), f"a second {name}", False))
        return
    if len(body) < 2:
        problems.append(Problem(start, body.hex(), f"a {name} of {len(body)} octets is too short"))
        return
    subtype, value = body[0], body[1:]
    kind = types.get(subtype)
    if kind is None:
        problems.append(Problem(start, value[:16].hex(), f"subtype {subtype} of {name} is reserved", False))
    else:
        values[f"{name}_type"] = kind
    if kind == "MAC_ADDRESS" and len(value) == 6:
        values[name] = mac_text(value)
    elif kind == "NETWORK_ADDRESS":
        values[name] = network_address(value)[0]
    else:
        values[name] = _printable(value)


def _printable(value: bytes) -> str:
    """An id as text, or in hex where it is no UTF-8 that shows."""
    try:
        text = value.rstrip(b"\0").decode("utf-8")
    except UnicodeDecodeError:
        return value.hex()
    return text if text and text.isprintable() else value.hex()


CAPABILITY_SETS: dict[int, frozenset[Capability]] = {}


def _capabilities(bits: int) -> frozenset[Capability]:
    found = CAPABILITY_SETS.get(bits)
    if found is None:
        found = frozenset(capability for bit, capability in enumerate(BITS) if bits >> bit & 1)
        if len(CAPABILITY_SETS) < 1024:  # Bounds: 16 bits are a sender's word.
            CAPABILITY_SETS[bits] = found
    return found


def _management(body: bytes, start: int, problems: list[Problem]) -> ManagementAddress | None:
    """A Management Address TLV (8.5.9): length, family, address, interface numbering, OID."""
    size = body[0] if body else 0
    if size < 2 or len(body) < 1 + size:
        problems.append(Problem(start, body[:16].hex(), "a management address that is cut or empty"))
        return None
    address, family = network_address(body[1 : 1 + size])
    at = 1 + size
    if len(body) - at < 5:
        problems.append(Problem(start + at, body[at:].hex(), "a management address without its interface", False))
        return ManagementAddress(address, family)
    subtype = INTERFACE_SUBTYPES.get(body[at])
    number = int.from_bytes(body[at + 1 : at + 5], "big")
    oid = None
    if len(body) - at > 5 and (length := body[at + 5]):
        oid = _oid(body[at + 6 : at + 6 + length])
        if len(body) - at - 6 < length:
            problems.append(
                Problem(start + at + 5, "", f"an OID with {len(body) - at - 6} octets of its {length}", False)
            )
    return ManagementAddress(address, family, number if subtype else None, subtype, oid)


def _oid(octets: bytes) -> str:
    """An object identifier's text (X.690 8.19), or hex where it is none."""
    parts: list[int] = []
    value = 0
    for octet in octets:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            parts.append(value)
            value = 0
    if not parts or octets[-1] & 0x80:
        return octets.hex()
    first = min(parts[0] // 40, 2)
    return ".".join(map(str, (first, parts[0] - 40 * first, *parts[1:])))


def _org(body: bytes, start: int, problems: list[Problem]) -> OrgTlv:
    if len(body) < 4:
        problems.append(Problem(start, body.hex(), "an organizationally specific TLV without OUI and subtype"))
        return OrgTlv("", 0, body)
    rest = body[4:]
    tlv = OrgTlv(body[:3].hex(":"), body[3], rest)
    if len(rest) < LEAST.get(body[:4], 0):
        problems.append(Problem(start, rest[:16].hex(), f"{tlv.name} of {len(rest)} octets is too short", False))
    return tlv


# ── encoding ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def encode(record: Lldpdu) -> bytes:
    """The octets of a frame: header, TLVs, End TLV.

    Parameters
    ----------
    record : Lldpdu
        Of `decode`, or of `Lldpdu.of`.

    Raises
    ------
    EncodeError
        For a TLV of more than 511 octets, a type of more than 7 bits, or an address that is none.
    """
    parts = [_mac("destination", record.destination), _mac("source", record.source)]
    parts += [b"\x81\x00" + tag.to_bytes(2, "big") for tag in record.vlan_tags]
    parts.append(ETHERTYPE)
    for tlv in record.tlvs:
        if not 0 < tlv.type < 128:
            raise EncodeError(f"TLV type {tlv.type}; types are 1 to 127", field="type")
        if len(tlv.octets) > LONGEST:
            raise EncodeError(f"TLV type {tlv.type} has {len(tlv.octets)} octets; {LONGEST} fit", field="octets")
        parts.append((tlv.type << 9 | len(tlv.octets)).to_bytes(2, "big") + tlv.octets)
    return b"".join((*parts, b"\0\0"))


def _mac(name: str, text: str | None) -> bytes:
    try:
        octets = bytes.fromhex((text or "").replace(":", ""))
    except ValueError:
        octets = b""
    if len(octets) != 6:
        raise EncodeError(f"{name} {text!r} is no MAC address", field=name)
    return octets


def _tlvs(neighbor: Neighbor) -> Iterable[Tlv]:
    yield Tlv(CHASSIS, _id_octets("chassis_id", neighbor.chassis_id, neighbor.chassis_id_type, tuple(ChassisIdType)))
    yield Tlv(PORT, _id_octets("port_id", neighbor.port_id, neighbor.port_id_type, tuple(PortIdType)))
    if neighbor.ttl is None or not 0 <= neighbor.ttl < 65536:
        raise EncodeError(f"ttl {neighbor.ttl}; a TTL is 0 to 65535 seconds", field="ttl")
    yield Tlv(TTL, neighbor.ttl.to_bytes(2, "big"))
    for kind, name in TEXTS.items():
        text = getattr(neighbor, name)
        if text is not None:
            yield Tlv(kind, text.encode("utf-8", "surrogateescape"))
    if neighbor.capabilities or neighbor.capabilities_enabled:
        have = neighbor.capabilities | neighbor.capabilities_enabled
        yield Tlv(
            CAPABILITIES, _bits(have).to_bytes(2, "big") + _bits(neighbor.capabilities_enabled).to_bytes(2, "big")
        )
    for address in neighbor.management_addresses:
        yield Tlv(MANAGEMENT, _management_octets(address))
    told = False
    for tlv in neighbor.tlvs:
        told = told or tlv.key == PVID
        yield Tlv(tlv.type, tlv.key + tlv.octets)
    if neighbor.pvid is not None and not told:
        yield Tlv(ORG, PVID + (neighbor.pvid & 0xFFFF).to_bytes(2, "big"))


def _bits(capabilities: frozenset[Capability]) -> int:
    return sum(1 << BITS.index(capability) for capability in capabilities if capability in BITS)


def _id_octets(name: str, text: str | None, kind: Any, kinds: tuple[Any, ...]) -> bytes:
    if text is None:
        raise EncodeError(f"{name} is None; an LLDPDU has one", field=name)
    kind = kind or kinds[-1]
    subtype = bytes([kinds.index(kind) + 1])
    if kind == "MAC_ADDRESS":
        return subtype + _mac(name, text)
    if kind == "NETWORK_ADDRESS":
        return subtype + _network_octets(text)
    return subtype + text.encode("utf-8", "surrogateescape")


def _network_octets(text: str) -> bytes:
    try:
        parsed = ip_address(text)
    except ValueError:
        return b"\x06" + _mac("address", text)
    return (b"\x01" if parsed.version == 4 else b"\x02") + parsed.packed


def _management_octets(address: ManagementAddress) -> bytes:
    value = _network_octets(address.address)
    subtype = {None: 1, "ifIndex": 2, "port": 3}[address.interface_subtype]
    oid = _oid_octets(address.oid) if address.oid else b""
    number = ((address.interface_number or 0) & 0xFFFFFFFF).to_bytes(4, "big")
    return bytes([len(value)]) + value + bytes([subtype]) + number + bytes([len(oid)]) + oid


def _oid_octets(text: str) -> bytes:
    try:
        first, second, *rest = (int(part) for part in text.strip(".").split("."))
    except ValueError:
        raise EncodeError(f"{text!r} is no object identifier", field="oid") from None
    out = bytearray()
    for value in (first * 40 + second, *rest):
        chunk = [value & 0x7F]
        while value := value >> 7:
            chunk.append(value & 0x7F | 0x80)
        out += bytes(reversed(chunk))
    return bytes(out)
