"""Keys of detailed outputs, and the lines that name a port or begin a neighbor without being a key.

A key is told by its letters alone, without what stands in brackets and without "remote", "neighbor"
and the like before it; `fields.tsv` says what it means.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from .build import fields_of
from .values import squash

__all__ = ["HEADERS", "HEADER_WORDS", "Key", "key_of", "section_key"]

HEADERS = tuple(
    (re.compile(pattern, re.I), kind)
    for pattern, kind in (
        (r"(?:LLDP )?(?:Interface|Port) (?P<local>\S+) detected (?P<count>\d+) (?:LLDP )?neighbou?rs?\s*:?", "port"),
        (
            r"(?:Local Interface )?(?P<local>[A-Za-z0-9]\S*(?: \d\S*)?) has (?P<count>\d+)"
            r" neighbou?r(?:\(s\)|s)?\s*:?",
            "port",
        ),
        (r"LLDP neighbor-information of port \d+ ?\[(?P<local>[^\]]+)\]\s*:?", "port"),
        (r"Remote LLDP (?:\S+ )?Agents on Local (?:Slot/)?Port (?P<local>\S+?)\s*:", "port"),
        (r"Local (?P<local>port\S*\d)\s*:", "port"),
        (r"Neighbou?r:? (?P<chassis_id>[^\s/]+)/(?P<port_id>.+?), age (?P<age>\d+) seconds", "neighbor"),
        (r"Neighbou?r ?: ?(?P<mac>[0-9a-f.:-]{14,17}), TTL (?P<ttl_left>\d+) seconds", "neighbor"),
        (r"Chassis (?P<chassis_id>\S+?), Port (?P<port_id>.+?)\s*:", "neighbor"),
        (r"Device \d+ information\s*:?|Neighbou?r \d+\s*:?|Remote entry \d+\s*:?", "neighbor"),
        (
            r"Neighbou?rs table last updated .*|Discovered \d.* ago.*|Ca type +Ca value|Information valid for next .*"
            r"|Next packet will be sent .*|The neighbou?rs are given below:",
            "noise",
        ),
        (r"Index (?P<Index>\d+)", "extra"),
    )
)
HEADER_WORDS = re.compile(
    "detected| has |nformation|Agents|Next packet|given below|Local port|eighbo|Chassis |emote e|Discovered|Index "
    "|Ca type"
)
NUMBERED = re.compile(r"\d+ (?=[a-z_]+(?:[._][a-z0-9_]+)*$)")
PAREN = re.compile(r"\(([^()]*)\)")
PREFIX = re.compile(r"(?:(?:remote|neighbou?r|peer|lldp|rem|remote peer|ieee802\.1|ieee802\.3)[ _-]+)+", re.I)


class Key(NamedTuple):
    """What a key means: a field, "section" or "extra"; `section` is its own section's name; `hint` was in brackets."""

    target: str
    section: str | None
    hint: str | None


@lru_cache(8192)
def key_of(head: str) -> Key | None:
    """What a key means, or None."""
    keys, sections = fields_of("key"), fields_of("section")
    if len(head) > 60:
        return None
    head = NUMBERED.sub("", head)
    hints = PAREN.findall(head)
    plain = PAREN.sub("", head) if hints else head
    for text in (head, plain, PREFIX.sub("", plain, count=1)):
        word = squash(text)
        target, section = keys.get(word), sections.get(word)
        if target or section:
            return Key(target or "section", section, hints[0] if hints else None)
    return None


@lru_cache(2048)
def section_key(section: str, head: str) -> str | None:
    word = squash(PAREN.sub("", head))
    return fields_of(section).get(word) or fields_of(section).get(squash(PREFIX.sub("", head, count=1)))
