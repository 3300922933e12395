"""Every bound on what a sender can make a decoder hold or do, in one frozen object."""

from __future__ import annotations

from dataclasses import dataclass, fields

__all__ = ["Limits"]

KIB = 1024
MIB = 1024 * KIB
MINUTE_NS = 60 * 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Finite bounds, all of them non-negative integers; what meets one is dropped with an event.

    The defaults cost no honest exporter anything: the largest template among a thousand real
    exports has 51 fields, and a UDP datagram cannot carry more than 65,515 octets of values.

    Attributes
    ----------
    templates, templates_per_domain, template_fields_total, fields_per_template : int
        Templates held by a decoder and by one observation domain, and their field specifiers.
    exporters, exporter_aliases, domains, domains_per_exporter : int
        Exporters known, spellings of their addresses cached, observation domains of all and of each.
    values_per_message, records_per_message, list_depth : int
        What one message may unfold to; nesting of RFC 6313 lists.
    pending_octets, pending_octets_per_exporter, pending_sets : int
        Data Sets kept until their template comes.
    pending_ns : int
        How long, in nanoseconds of the caller's `received_ns`.
    column_octets : int
        Decoded columns held between two takes.
    full_slabs : int
        Free slabs kept for reuse, counted as 1 MiB each.
    open_tables : int
        Layouts with rows in the making; the rows of the one written to least recently are closed to a chunk.
    events, events_per_message : int
        Events kept between two calls of `events()`, and reported of one message.
    samples_per_datagram, records_per_sample, line_octets, lines_per_datagram : int
        sFlow datagrams, and sflowtool's text.
    interfaces : int
        Interfaces by exporter and ifIndex that flows are counted by; 0 counts none and costs nothing.
    data_sources : int
        Sub-agents and data sources of sFlow agents that are counted; one agent has a quarter at most.
    """

    templates: int = 16384
    templates_per_domain: int = 4096
    template_fields_total: int = 262144
    fields_per_template: int = 2048
    exporters: int = 10000
    exporter_aliases: int = 65536
    domains: int = 32768
    domains_per_exporter: int = 1024
    values_per_message: int = 65536
    records_per_message: int = 65535
    list_depth: int = 8
    pending_octets: int = 16 * MIB
    pending_octets_per_exporter: int = 256 * KIB
    pending_sets: int = 16384
    pending_ns: int = 30 * MINUTE_NS
    column_octets: int = 1024 * MIB
    full_slabs: int = 64
    open_tables: int = 4096
    events: int = 10000
    events_per_message: int = 16
    samples_per_datagram: int = 4096
    records_per_sample: int = 1024
    line_octets: int = 65536
    lines_per_datagram: int = 10000
    interfaces: int = 65536
    data_sources: int = 65536

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"Limits.{field.name} is an int, not {type(value).__name__}")
            if not 0 <= value < 2**63:
                raise ValueError(f"Limits.{field.name} is from 0 to 2**63 - 1, not {value}")
