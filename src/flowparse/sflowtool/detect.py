"""Which of sflowtool's formats a text is in, by its first line that is of any."""

from __future__ import annotations

import re
from typing import Literal

__all__ = ["Format", "detect"]

Format = Literal["text", "grep", "line", "fields", "json"]

FORMATS: tuple[tuple[Format, re.Pattern[bytes]], ...] = (
    ("text", re.compile(rb"startDatagram( |$)")),
    ("text", re.compile(rb"unixSecondsUTC \d+\r?$")),  # before 3.x, or from within a datagram on
    ("json", re.compile(rb"\{")),
    ("line", re.compile(rb"(FLOW|CNTR),")),
    ("grep", re.compile(rb"\S+ \S+ \d+ \d+ \d+:\d+ \d+:\d+ \d+:\d+ \S")),
)


def detect(line: bytes) -> Format | None:
    """The format that begins with this line; None where it begins none, as a message of sflowtool's does.

    Examples
    --------
    >>> detect(b"startDatagram ======="), detect(b"pcap version=2.4 snaplen=65535 linktype=1")
    ('text', None)
    """
    return next((format for format, pattern in FORMATS if pattern.match(line)), None)
