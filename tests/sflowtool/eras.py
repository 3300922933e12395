"""What older versions of sflowtool print, made of what the newest does: one function for each era.

Only how values and marks are printed is changed. That an older version skips the structures it does not
know yet is left alone: their keys mean the same in all.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Line = Callable[[str], str | None]
MICROSECONDS = ("unixSecondsUTC_uS", "pcapTimestamp_uS")
TAGGED = re.compile(r"(\S+) (.*)")


def _each(text: str, change: Line) -> str:
    """The text with each line changed; None takes it away."""
    return "".join(f"{line}\n" for line in map(change, text.split("\n")[:-1]) if line is not None)


def without_microseconds(text: str) -> str:
    """5.02 to 6.07."""
    return _each(text, lambda line: None if line.startswith(MICROSECONDS) else line)


def _turned(digits: str) -> str:
    """Each pair of digits the wrong way round, whatever stands between pairs."""
    return re.sub(r"([0-9A-Fa-f])([0-9A-Fa-f])", r"\2\1", digits)


MACS = re.compile(
    r"(actorSystemID|partnerSystemID|[rt]x_BSSID|adaptor_\d+_MAC_\d+|\w*ethernet_(?:src|dst)|rtflow_mac_\S*|UUID"
    r"|headerBytes) (.*)"
)
ADDRESS_6 = re.compile(r"(\S+) (?:[0-9a-f]{4}:){7}[0-9a-f]{4}")
VLANS = re.compile(r"0x([0-9a-f]{4})(?=\d)")


def v5_01(text: str) -> str:
    """The digits of each octet turned around, and IPv6 addresses lost."""

    def change(line: str) -> str:
        if found := MACS.fullmatch(line):
            return f"{found[1]} {_turned(found[2])}"
        if found := ADDRESS_6.fullmatch(line):
            return f"{found[1]} 0210"
        if line.startswith("vlan_tunnel "):
            return VLANS.sub(lambda tpid: "0x" + _turned(tpid[1]), line)
        return line

    return _each(without_microseconds(text), change)


def v4_01(text: str) -> str:
    """3.36 to 4.01: no `localtime`, and other forms of a few values."""

    def change(line: str) -> str | None:
        if line.startswith("localtime "):
            return None
        if line.startswith("UUID "):
            return "UUID " + "-".join(re.findall("..", line.removeprefix("UUID ").replace("-", "")))
        if line.startswith("memcache_op_key "):
            return re.sub("%(.)(.)", r"%\2\1", line)
        if line.startswith("dst_as_path "):
            return re.sub(r"(?<=\d)\(", "-(", line)
        if line.startswith("vlan_tunnel "):
            return VLANS.sub(r"0x\1.", line)
        return line.replace(".%u", "", 1)

    return _each(without_microseconds(text), change)


def unmarked(text: str) -> str:
    """Versions 2 and 4 of sFlow before there were markers: a datagram begins at its time, a sample at its number."""

    def change(line: str) -> str | None:
        key, _, value = line.partition(" ")
        if key in ("startDatagram", "endDatagram", "startSample", "endSample", "sampleType_tag", "localtime"):
            return None
        if key in ("datagramSourceIP", "datagramSize", "sampleType"):
            return None
        if key == "sourceId":
            return line
        if key == "flowSampleType":
            return f"packetDataTag INMPACKETTYPE_{value}"
        return line + "-" if key == "headerBytes" and value else line

    kinds = re.findall(r"^sampleType (\w+)$", text, re.M)
    bare = _each(without_microseconds(text), change)
    return re.sub(r"^(sourceId .*)$", lambda found: f"{found[1]}\nsampleType {kinds.pop(0)}", bare, flags=re.M)


ERAS: dict[str, Callable[[str], str]] = {
    "3.36": v4_01,
    "5.01": v5_01,
    "5.02": without_microseconds,
    "6.08": lambda text: text,
}
"""The eras that have markers, by their first version; what 5.06, 6.02 and others added is keys."""
