"""Lines that are known to say nothing about a neighbor, the totals that devices declare, and their refusals.

Whatever is neither a row, nor a key, nor told here becomes a `Problem`: that is how every line is
accounted for.
"""

from __future__ import annotations

import re

__all__ = ["is_noise", "refusal", "total"]

LONGEST = 200
RULE = re.compile(r"[\s=_*+|~-]*")
NOISE = re.compile(
    r"\s*(?:system )?capability (?:codes?|legend) ?:?|"
    r"\s*(?:capability codes? ?: *)?(?:\(\w{1,2}\) ?[\w/ -]*[\w/-],?\s*)+"  # (R) Router, (B) Bridge
    r"|\s*(?:capability codes? ?: *)?(?:[A-Za-z]{1,2} ?- [A-Za-z][\w/ -]*(?:[,;]\s*|$))+"  # R - Router, H - Host
    r"|\s*(?:\w+:\w[\w ()/-]*,\s*)+\w+:\w[\w ()/-]*"  # R:Router, B:Bridge
    r"|\s*[\w ]+ codes?:\s*|\s*(?:[A-Z]{2,8} = [\w-]+\s*)+"
    r"|\s*(?:note ?:|[*#] ?(?:indicates|denotes) ).*"
    r"|\s*(?:(?:neighbou?r|local|remote|rem|lcl|loc)\s+)+(?:neighbou?r|local|remote|rem|lcl|loc)\s*"
    r"|\s*(?:last table change time|number of table (?:inserts|deletes|drops|age-?outs)) *:.*"
    r"|\s*(?:total )?neighbou?r entries(?: (?:deleted|dropped|aged-?out))? *:.*"
    r"|\s*(?:cdp|lldp) neighbou?rs?:?\s*"
    r"|.* -- -- nearest .*"
    r"|\s*building configuration.*|\s*(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? +[a-z]{3,9} +\d{1,2},? +\d.*"
    r"|\s*(?:time source is|load for five secs).*|\s*!.*|\s*\{master(?::\d+)?\}\s*"
    r"|\s*lldp agent nearest.*|\s*terminal length \d+",
    re.I,
)
HEADING = re.compile(r"\s*[A-Za-z][\w()/-]* [\w ()/-]*:?\s*")
SUBJECTS = ("neighbo", "remote", "lldp", "cdp ", "discovery protocol")
HEADINGS = ("information", "detail", "summary", "table", "list")
TOTAL = re.compile(
    r"\s*(?:total|number of)\b"
    r"(?!.*\b(?:deleted|dropped|aged|age|inserts|drops|tlvs?|changes|updates|multiple|frames)\b)"
    r"[\w ()-]*?(?:entries|neighbou?rs?|devices)[\w ()-]*\s*[:=]\s*(\d{1,9})\s*\.?\s*",
    re.I,
)
REFUSAL = re.compile(
    r"\s*%.*|\s*\^\s*|\s*(?:lldp|cdp)\b.*\b(?:is )?not (?:enabled|running|active|configured|started|supported)\b.*"
    r"|\s*(?:error|syntax error|invalid (?:input|command)|unknown command|unrecognized command|command not found"
    r"|permission denied|authorization failed|bash: ).*|.*: command not found\s*",
    re.I,
)


def is_noise(line: str) -> bool:
    """Whether a line is a rule, a legend, a heading, a counter, or blank."""
    if RULE.fullmatch(line):
        return True
    if len(line) > LONGEST or " " not in line.strip():  # a word alone may be a name
        return False
    if NOISE.fullmatch(line):
        return True
    low = line.lower()
    return (
        any(word in low for word in SUBJECTS)
        and any(word in low for word in HEADINGS)
        and HEADING.fullmatch(line) is not None
    )


def total(line: str) -> int | None:
    """How many rows a line says there are.

    Examples
    --------
    >>> total("Total entries displayed: 7"), total("Number of neighbors: 4"), total("Total Neighbor Entries Deleted: 0")
    (7, 4, None)
    """
    match = TOTAL.fullmatch(line) if len(line) <= LONGEST else None
    return int(match[1]) if match else None


def refusal(line: str) -> bool:
    """Whether a line is the device's refusal to answer."""
    return bool(line) and len(line) <= LONGEST and REFUSAL.fullmatch(line) is not None
