"""Flows as datagrams again: what an exporter would have sent."""

from .netflow5 import Datagrams, netflow5

__all__ = ["Datagrams", "netflow5"]
