"""What devices write in a field, as values: absence, MAC addresses, subtypes, capabilities, addresses, times.

Ten vendors write "nothing" in nine ways, a MAC address in eight and capabilities in five. Each of
these is told by one function here; their words are rows of `words.tsv`. Letters mean other things in
CDP than in LLDP, and other things again on small switches: `letters` says whose they are.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files
from ipaddress import ip_address

from .records import Capability, ChassisIdType, ManagementAddress, PortIdType

__all__ = [
    "address",
    "capabilities",
    "chassis_id_type",
    "mac",
    "port_id_type",
    "present",
    "seconds",
    "short_mac",
    "squash",
    "words",
]

CACHED = 4096
LONGEST_ABSENT = 80
ABSENT = re.compile(
    r"\s*[\[(<\"'-]*\s*(?:n/?a|null|not[ -]?(?:advertised|received|specified|available|present)|unsupported format|-*)"
    r"\s*[\])>\"']*\s*",
    re.I,
)
HEX = "[0-9a-fA-F]"
MAC = re.compile(
    rf"{HEX}{{2}}([:-]){HEX}{{2}}(?:\1{HEX}{{2}}){{4}}|{HEX}{{4}}([.:-]){HEX}{{4}}\2{HEX}{{4}}|{HEX}{{6}}[-:.]{HEX}{{6}}"
    rf"|{HEX}{{2}}(?: {HEX}{{2}}){{5}}"
)
BARE_MAC = re.compile(rf"(?:0x)?{HEX}{{12}}")
SHORT = re.compile(rf"{HEX}{{1,4}}")
NUMBER = re.compile(r"\s*(\d+)")
CLOCK = re.compile(
    r"(?:(\d+)\s*(?:years?|y)\b,?\s*)?(?:(\d+)\s*(?:weeks?|w),?\s*)?(?:(\d+)\s*(?:days?|d),?\s*)?"
    r"(?:(\d+):(\d\d):(\d\d)(?:\.\d+)?|(?:(\d+)\s*(?:hours?|hrs?|h),?\s*)?(?:(\d+)\s*(?:minutes?|mins?|m),?\s*)?"
    r"(?:(\d+)\s*(?:seconds?|secs?|s))?)",
    re.I,
)
CLOCK_UNITS = (31_536_000, 604_800, 86_400, 3600, 60, 1, 3600, 60, 1)


@cache
def words(table: str) -> dict[str, str]:
    """One table of `words.tsv`: word -> meaning."""
    rows = files(__package__).joinpath("words.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return {word: meaning for of, word, meaning in (row.split("\t") for row in rows) if of == table}


@lru_cache(CACHED)
def squash(text: str) -> str:
    """The small letters and digits of `text`: what is left of a word that is spelled in many ways.

    Examples
    --------
    >>> squash("Port-ID type"), squash("wlanAccessPoint")
    ('portidtype', 'wlanaccesspoint')
    """
    return "".join(char for char in text.lower() if char.isalnum())


def present(text: str) -> str | None:
    """`text` without blanks and quotes around it; None where it says that nothing was said.

    Examples
    --------
    >>> present(' "Ethernet1" '), present("- not advertised"), present("--"), present("(null)")
    ('Ethernet1', None, None, None)
    """
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    if text and (text[0].isalnum() and text[0] not in "nNuU"):
        return text
    return None if len(text) < LONGEST_ABSENT and ABSENT.fullmatch(text) else text


@lru_cache(CACHED)
def mac(text: str, *, bare: bool = False) -> str | None:
    """A MAC address as "aa:bb:cc:dd:ee:ff", or None where `text` is no MAC address.

    Parameters
    ----------
    text : str
    bare : bool
        Take twelve hex digits without separators too.

    Examples
    --------
    >>> mac("2416.abcd.abcd"), mac("3821c7-c1cd00"), mac("54 80 28 aa bb cd"), mac("9C7A03A10D60", bare=True)
    ('24:16:ab:cd:ab:cd', '38:21:c7:c1:cd:00', '54:80:28:aa:bb:cd', '9c:7a:03:a1:0d:60')
    """
    text = text.strip()
    if not (MAC.fullmatch(text) or (bare and BARE_MAC.fullmatch(text))):
        return None
    digits = re.sub(f"[^{HEX[1:-1]}]", "", text.removeprefix("0x")).lower()
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def short_mac(text: str) -> str | None:
    """A MAC address whose groups lost their leading zeros, as EOS writes some: "00c.297b.d2a8".

    Only of a field that is said to be one.
    """
    groups = text.strip().split(".")
    if len(groups) == 3 and all(SHORT.fullmatch(group) for group in groups):
        return mac(".".join(group.zfill(4) for group in groups))
    return None


def _id_type(table: str, text: str) -> str | None:
    # "MAC address (4)", "1 (MAC Address)", "interface-mac", "macAddress(4)": the words count, then the number.
    known = words(table)
    for part in re.split(r"[()]", text):
        if meaning := known.get(squash(part)):
            return meaning
    return known.get(squash(text).strip("0123456789"))


@lru_cache(CACHED)
def chassis_id_type(text: str) -> ChassisIdType | None:
    """A Chassis ID subtype by its name in any vendor's words or by its number (IEEE 802.1AB 8.5.2.2)."""
    if text.strip().isdecimal():
        number = int(text.strip()[:9])
        return list(ChassisIdType)[number - 1] if 1 <= number <= len(ChassisIdType) else None
    meaning = _id_type("chassis_id_type", text)
    return None if meaning is None else ChassisIdType(meaning)


@lru_cache(CACHED)
def port_id_type(text: str) -> PortIdType | None:
    """A Port ID subtype by its name in any vendor's words or by its number (IEEE 802.1AB 8.5.3.2)."""
    if text.strip().isdecimal():
        number = int(text.strip()[:9])
        return list(PortIdType)[number - 1] if 1 <= number <= len(PortIdType) else None
    meaning = _id_type("port_id_type", text)
    return None if meaning is None else PortIdType(meaning)


@lru_cache(CACHED)
def capabilities(text: str, letters: str = "lldp") -> tuple[frozenset[Capability], tuple[str, ...]]:
    """Capabilities in letters or words, and the words that say none.

    Parameters
    ----------
    text : str
        Such as "B,R", "BR", "Bridge, WLAN", "Router Switch IGMP Filtering".
    letters : {"lldp", "cdp", "small"}
        Whose letters they are.

    Examples
    --------
    >>> print(*sorted(capabilities("Bridge WLAN AP Station Only")[0]))
    MAC_BRIDGE STATION_ONLY WLAN_ACCESS_POINT
    >>> print(*sorted(capabilities("S I", "cdp")[0]), capabilities("B,warp")[1])
    IGMP MAC_BRIDGE ('warp',)
    """
    if present(text) is None or text.strip().lower().startswith("none"):
        return frozenset(), ()
    known, letter = words("capability"), words(letters)
    tokens = [token for token in re.split(r"[\s,;|/+()]+", text.strip()) if token]
    found: set[str] = set()
    unknown: list[str] = []
    at = 0
    while at < len(tokens):  # Progress: one to four tokens each turn.
        token = tokens[at]
        for length in (4, 3, 2, 1):
            word = known.get(squash("".join(tokens[at : at + length])))
            if word is not None and at + length <= len(tokens):
                found.add(word)
                break
        else:
            length = 1
            if token in letter:
                found.add(letter[token])
            elif len(token) <= len(letter) and all(char in letter for char in token):
                found.update(letter[char] for char in token)
            else:
                unknown.append(token)
        at += length
    return frozenset(Capability(name) for name in found), tuple(unknown)


@lru_cache(CACHED)
def address(text: str) -> ManagementAddress:
    """An address of a table: IPv4, IPv6 or MAC; anything else is kept as text, of family "other".

    Examples
    --------
    >>> address("10.0.0.1").family, address("2CC2.6081.EAF9").address, address("fe80::1%eth0").family
    ('ipv4', '2c:c2:60:81:ea:f9', 'ipv6')
    """
    text = text.strip()
    try:
        parsed = ip_address(text)
    except ValueError:
        as_mac = mac(text)
        return ManagementAddress(text, "other") if as_mac is None else ManagementAddress(as_mac, "mac")
    return ManagementAddress(str(parsed), f"ipv{parsed.version}")


def seconds(text: str) -> int | None:
    """A time in whole seconds: "120", "105s", "3601 (secs)", "5 days, 8:24:38", "1w5d2h31m30s"; None where it is none.

    Examples
    --------
    >>> seconds("120 seconds"), seconds("1 day, 0:00:02"), seconds("1233 hrs 56 mins 19 secs"), seconds("soon")
    (120, 86402, 4442179, None)
    """
    text = text.strip()
    if text.isdecimal():
        return int(text[:18])
    match = CLOCK.match(text)
    if match and match.end():
        parts = zip(match.groups(), CLOCK_UNITS, strict=True)
        return sum(int(count[:9]) * unit for count, unit in parts if count)
    number = NUMBER.match(text)
    return int(number[1][:18]) if number else None
