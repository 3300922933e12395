"""Interface names: what makes two spellings one interface, and which of them are management ports.

"Gi0/1" at one end of a link is "GigabitEthernet0/1" at the other. `interface_key` gives both the same
key; the text that a device wrote is always kept beside it and is what people are shown. A key is
compared with keys of the same device only: that "gi1" of a small switch and "GigabitEthernet1" of a
router agree harms nobody.

The words are rows of `interfaces.tsv`. Case tells little and is dropped, with one exception: "eth0" in
small letters and without a slot is Linux's, which a SONiC switch has beside its "Ethernet0".
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

__all__ = ["InterfaceKey", "interface_key", "is_management", "looks_like_interface", "natural"]

KEYS_CACHED = 16384


class InterfaceKey(NamedTuple):
    """What is compared.

    Attributes
    ----------
    kind : str
        The class of the interface; "" where the name is numbers alone.
    numbers : tuple of str
        Slots and port; leading zeros are dropped, words such as "rp0" stay.
    unit : str or None
        Subinterface or logical unit; Junos's unit 0 is None.
    """

    kind: str
    numbers: tuple[str, ...]
    unit: str | None = None


NAME = re.compile(
    r"(?P<kind>(?:\d{1,3}(?:\.5)?G[Ei]|[A-Za-z])(?:[A-Za-z_+ -]*[A-Za-z])?)[ -]*"
    r"(?P<numbers>\d+(?:\.\d+){2,}|\d+(?:[/:_-]?[A-Za-z]{0,4}\d+)*)(?:\.(?P<unit>\d+))?",
    re.ASCII,
)
BARE = re.compile(r"(?P<numbers>[A-Za-z]?\d+(?:[/:.-][A-Za-z]{0,3}\d+)*)", re.ASCII)
SLOT_LETTER = re.compile(r"[A-Z]\d{1,2}", re.ASCII)  # ProCurve chassis: "A1" to "L24"
PARTS = re.compile(r"[A-Za-z]*\d+", re.ASCII)
JUNOS = re.compile(r"(?:[a-z]{2}-\d+/\d+/\d+(?::\d+)?|(?:ae|reth|irb|fxp|em|me|vme|lo)\d*)(?:\.\d+)?", re.ASCII)
LINUX = re.compile(r"eth\d+(?:\.\d+)?")
BRIDGED = re.compile(r"[^/,]+/(?P<port>(?:ether|sfp|qsfp|combo|wlan|wifi|bond|lte|eoip|vlan|bridge)[\w+.-]*)", re.ASCII)
MANAGEMENT = re.compile(
    r"(?:fxp|me|em|vme|oob|idrac|ilo|bmc|mgt|ma)\d*(?:\.\d+)?|mgmt.*|management.*|.*[-_ ]mgmt", re.I
)
ALSO_INTERFACES = re.compile(
    r"(?:swp|bond|br|bridge|ether|sfp|sfpplus|qsfp|qsfpplus|combo|wlan|wlp|eno|ens|enp|enx|em|eth|peerlink|veth|tap|lag"
    r"|bp|ce|xe|ge|et|fe|so|ae|reth|irb|vme|me|fxp|fab|st|lt|gr|ip|vcp|s|p|ib|mlx|lan|wan|internal|dmz|port|nic|vmnic"
    r"|cpsw|usb|team|po|trunk|slot|plus|inlineport|virtual|multige|lo|gre|ipsec|v|vmk|np|hu|dp)"
    r"(?:[-_](?:sfp|sfpplus|qsfp|qsfpplus|combo|plus|ethernet|eth|channel))*",
    re.ASCII,
)


@cache
def _kinds() -> dict[str, str]:
    """Spelling, in small letters -> kind. A long spelling's first letters stand for it where nothing else has them."""
    rows = files(__package__).joinpath("interfaces.tsv").read_text(encoding="utf-8").splitlines()[1:]
    kinds: dict[str, str] = {}
    prefixes: dict[str, set[str]] = {}
    for row in rows:
        kind, _, spellings = row.partition("\t")
        for spelling in spellings.lower().split():
            kinds[spelling] = kind
            for length in range(3, len(spelling)):
                prefixes.setdefault(spelling[:length], set()).add(kind)
    return {prefix: min(of) for prefix, of in prefixes.items() if len(of) == 1} | kinds


@lru_cache(KEYS_CACHED)
def interface_key(name: str, platform: str | None = None) -> InterfaceKey:
    """What two spellings of one interface have in common.

    Parameters
    ----------
    name : str
        As a device wrote it.
    platform : str or None
        Whose interface it is, where that is known.

    Examples
    --------
    >>> interface_key("Gi0/1") == interface_key("GigabitEthernet0/1") == interface_key("Gig 0/1")
    True
    >>> interface_key("BE1") == interface_key("Bundle-Ether1"), interface_key("eth0") == interface_key("Ethernet0")
    (True, False)
    >>> interface_key("bridge1/ether2") == interface_key("ether2,bridge1")
    True
    """
    text = " ".join(name.strip().strip('"').split())
    text = _physical(text, platform)
    unit: str | None
    if LINUX.fullmatch(text):
        base, _, unit = text.partition(".")
        return InterfaceKey("linux", (base[3:],), unit or None)
    if match := NAME.fullmatch(text):
        word = match["kind"].lower()
        kinds = _kinds()
        kind = kinds.get(word) or kinds.get(word.replace(" ", "").rstrip("-")) or word.rstrip("-")
        unit = match["unit"]
        if unit == "0" and JUNOS.fullmatch(text):
            unit = None
        return InterfaceKey("" if kind == "port" else kind, _numbers(match["numbers"]), unit)
    if match := BARE.fullmatch(text):
        return InterfaceKey("", _numbers(match["numbers"]))
    word = text.lower()
    return InterfaceKey(_kinds().get(word, word), ())


def _numbers(text: str) -> tuple[str, ...]:
    return tuple(part.lstrip("0") or "0" if part.isdecimal() else part.lower() for part in PARTS.findall(text))


def _physical(text: str, platform: str | None) -> str:
    """RouterOS names a port with its bridge: "ether10,bridge_255" of its own, "bridge1/ether2" to others."""
    first, comma, _ = text.partition(",")
    if comma and first and " " not in first:
        return first
    if match := BRIDGED.fullmatch(text):
        return match["port"]
    if platform == "mikrotik_routeros" and "/" in text:
        return text.rpartition("/")[2]
    return text


def is_management(name: str) -> bool:
    """Whether a name is one that vendors give to out-of-band management ports.

    Examples
    --------
    >>> [is_management(name) for name in ("mgmt0", "Ma1", "MgmtEth0/RP0/CPU0/0", "fxp0.0", "Gi0/0")]
    [True, True, True, True, False]
    """
    return interface_key(name).kind == "management" or MANAGEMENT.fullmatch(name.strip()) is not None


@lru_cache(KEYS_CACHED)
def looks_like_interface(text: str) -> bool:
    """Whether `text` could be the name of an interface: a word that is known to be one and numbers, or numbers alone.

    Examples
    --------
    >>> [looks_like_interface(text) for text in ("Gi0/1", "ge-0/0/3.0", "swp1s0", "1/1/24", "mgmt0", "to-core")]
    [True, True, True, True, True, False]
    """
    text = " ".join(text.strip().strip('"').split())
    key = interface_key(text)
    if not key.numbers:
        return is_management(text)
    if not key.kind or SLOT_LETTER.fullmatch(text):
        return True
    return key.kind in _kinds().values() or key.kind == "linux" or ALSO_INTERFACES.fullmatch(key.kind) is not None


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key that puts "Gi0/2" before "Gi0/10"; digits count as numbers, letters without case.

    Examples
    --------
    >>> sorted(["Gi0/10", "gi0/2", "Gi0/1"], key=natural)
    ['Gi0/1', 'gi0/2', 'Gi0/10']
    """
    return tuple(
        (0, int(part), "") if part.isdecimal() and len(part) < 20 else (1, 0, part.lower())
        for part in re.findall(r"\d+|\D+", text, re.ASCII)
    )
