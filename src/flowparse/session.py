"""Who sends: the identity of an exporter, and what is counted of each of its observation domains."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from . import registry
from .events import PROTOCOLS, address_text

__all__ = ["Address", "Exporter", "ExporterStats", "identify", "stats_of"]

Address = str | bytes | IPv4Address | IPv6Address
Exporter = Address | tuple[Any, ...]
"""An address, or (host, port[, flow, scope]) as recvfrom and asyncio give it."""

MAPPED = bytes(10) + b"\xff\xff"


def _octets(host: Any) -> bytes | None:
    """An address as 16 octets; None for "", which says that the exporter is not known."""
    if isinstance(host, str):
        host = host.partition("%")[0]  # a zone is of this machine only
        if host == "":
            return None
        packed = ip_address(host).packed
    elif isinstance(host, IPv4Address | IPv6Address):
        packed = host.packed
    elif isinstance(host, bytes) and len(host) in (4, 16):
        packed = host
    else:
        raise ValueError(f"an exporter is an address or (host, port), not {host!r:.80}")
    return MAPPED + packed if len(packed) == 4 else packed


def identify(exporter: Exporter) -> tuple[bytes | None, int | None]:
    """The 16 octets of an exporter's address, and its port if it comes with one.

    a.b.c.d and ::ffff:a.b.c.d are one; a zone %x is cut; "" is unspecified.

    Raises
    ------
    ValueError
        Anything else.

    Examples
    --------
    >>> identify(("10.0.0.1", 9995)) == identify(("::ffff:10.0.0.1", 9995))
    True
    """
    if not isinstance(exporter, tuple):
        return _octets(exporter), None
    if len(exporter) not in (2, 4):
        raise ValueError(f"an exporter is an address or (host, port), not {exporter!r:.80}")
    port = exporter[1]
    if not isinstance(port, int) or not 0 <= port <= 65535:
        raise ValueError(f"an exporter's port is 0 to 65535, not {port!r:.40}")
    return _octets(exporter[0]), port


@dataclass(frozen=True, slots=True)
class ExporterStats:
    """What is counted of one exporter, domain and protocol.

    Attributes
    ----------
    exporter : str or None
    domain : int or None
        None in the row that counts datagrams of no protocol.
    version : str
        "netflow5", ..., or "unknown".
    datagrams, octets, records, options_records, templates : int
    missed : int
        Of `missed_unit`, by the sequence numbers, less those that came late.
    missed_unit : str
        "flows" for NetFlow v5 and v7, "messages" for NetFlow v9, "records" for IPFIX, or what the
        exporter was found to count; "" where there is no sequence.
    reordered, resets : int
        Datagrams that came late or twice; sequences that started anew.
    discarded : int
        Datagrams of which nothing was kept.
    pending_sets : int
    sampling_rate : int or None
    sampling_source : str
        A name of registry.names("sampling_source").
    first_seen_ns, last_seen_ns : int or None
        By the caller's `received_ns`.
    """

    exporter: str | None
    domain: int | None
    version: str
    datagrams: int
    octets: int
    records: int
    options_records: int
    templates: int
    missed: int
    missed_unit: str
    reordered: int
    resets: int
    discarded: int
    pending_sets: int
    sampling_rate: int | None
    sampling_source: str
    first_seen_ns: int | None
    last_seen_ns: int | None


MISSED_UNITS = {"netflow5": "flows", "netflow7": "flows", "netflow9": "records", "ipfix": "records"}


def stats_of(row: tuple[Any, ...]) -> ExporterStats:
    """The statistics that a row of `Exporters.counted` holds."""
    (address, protocol, domain, datagrams, octets, records, options_records, templates, pending_sets,
     missed, reordered, resets, discarded,
     by_message, rate, source,
     first_seen_ns, last_seen_ns) = row  # fmt: skip
    version = PROTOCOLS.get(protocol, "unknown")
    return ExporterStats(
        exporter=address_text(address),
        domain=domain,
        version=version,
        datagrams=datagrams,
        octets=octets,
        records=records,
        options_records=options_records,
        templates=templates,
        missed=missed,
        missed_unit="messages" if by_message else MISSED_UNITS.get(version, ""),
        reordered=reordered,
        resets=resets,
        discarded=discarded,
        pending_sets=pending_sets,
        sampling_rate=rate or None,
        sampling_source=registry.names("sampling_source")[source],
        first_seen_ns=first_seen_ns,
        last_seen_ns=last_seen_ns,
    )
