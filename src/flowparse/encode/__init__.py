"""Flows as datagrams again: what an exporter would have sent."""

from .ipfix import ipfix
from .netflow5 import Datagrams, netflow5
from .netflow9 import netflow9
from .templated import Messages

__all__ = ["Datagrams", "Messages", "ipfix", "netflow5", "netflow9"]
