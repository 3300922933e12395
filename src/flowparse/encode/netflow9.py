"""NetFlow v9 datagrams (RFC 3954): what an exporter would have sent.

v9 has no enterprise numbers and no variable length. Cisco's and ntop's elements have numbers of their own in it;
values whose length is not the same in all records get a template for each length.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from struct import Struct
from typing import Literal

from flowparse.batch import Batch
from flowparse.registry import CISCO, IANA, NETFLOW9, NTOP, NTOP_V9_BASE, Element, Registry

from .records import Field, is_native
from .templated import Header, Messages, Templates, Writer, encoded

__all__ = ["netflow9"]

HEADER = Struct("!HHIIII")
TEMPLATE_SET, OPTIONS_SET = 0, 1
BASES = {IANA: 0, NETFLOW9: 0, CISCO: 0x8000, NTOP: NTOP_V9_BASE}
SCOPE_SYSTEM, SAMPLER, MODE, RANDOM_INTERVAL = 1, 48, 49, 50
SCOPES = range(1, 6)
RANDOM = 2  # samplerMode
MS, S = 10**6, 10**9
HOUR_MS = 3_600_000
UPTIMES = ("flowStartSysUpTime", "flowEndSysUpTime")


class _Netflow9(Writer):
    name = "NetFlow v9"
    has_variable = False
    header_octets = HEADER.size
    counts_records = False

    def __init__(self, registry: Registry, boot_ns: int | None) -> None:
        self.registry = registry
        self.boot_ns = boot_ns
        self.least_uptime_ms = HOUR_MS

    def number(self, element: Element) -> tuple[int, int] | None:
        if element.pen not in BASES:
            return None
        id = element.id + BASES[element.pen]
        if not 0 <= id < 0x10000:  # H3C sends 0
            return None
        if element.pen == NETFLOW9 and self.registry.v9_scope(id) == element:
            return NETFLOW9, id
        meant = self.registry.v9(id) or self.registry.unknown(IANA, id)
        return (IANA, id) if meant == element else None

    def n_scopes(self, elements: Sequence[Element]) -> int:
        return sum(each.pen == NETFLOW9 and each.id in SCOPES for each in elements)

    def begin(self, batch: Batch, export_ns: int | None) -> None:
        """Uptimes in records are before that of the header."""
        if self.boot_ns is None and is_native(batch):
            for name in UPTIMES:
                if name in batch.names:
                    times = (value for value in batch[name].to_list() if isinstance(value, int))
                    self.least_uptime_ms = min(max(self.least_uptime_ms, *times, 0), 2**32 - 1)

    def header(self, header: Header) -> bytes:
        now = header.export_s * S
        if self.boot_ns is None:
            self.boot_ns = now - self.least_uptime_ms * MS
        uptime = (now - self.boot_ns) // MS % 2**32
        return HEADER.pack(9, header.count, uptime, header.export_s, header.sequence, header.domain)

    def template(self, id: int, shape: tuple[Field, ...], is_options: bool) -> bytes:
        specifiers = b"".join([field.id.to_bytes(2) + field.length.to_bytes(2) for field in shape])
        if is_options:
            scopes = 4 * sum(field.is_scope for field in shape)
            record = id.to_bytes(2) + scopes.to_bytes(2) + (len(specifiers) - scopes).to_bytes(2) + specifiers
        else:
            record = id.to_bytes(2) + len(shape).to_bytes(2) + specifiers
        record += bytes(-len(record) % 4)
        return (OPTIONS_SET if is_options else TEMPLATE_SET).to_bytes(2) + (4 + len(record)).to_bytes(2) + record

    def sampler(self, id: int, rate: int) -> tuple[tuple[Field, ...], bytes] | None:
        if id > 0xFF:
            return None
        shape = (
            Field(NETFLOW9, SCOPE_SYSTEM, 4, True),
            Field(0, SAMPLER, 1),
            Field(0, MODE, 1),
            Field(0, RANDOM_INTERVAL, 4),
        )
        return shape, bytes(4) + bytes([id, RANDOM]) + rate.to_bytes(4)

    def sampler_field(self, id: int) -> tuple[Field, bytes]:
        return Field(0, SAMPLER, 1), bytes([id])


def netflow9(
    batch: Batch | Iterable[Batch],
    *,
    mtu: int = 1400,
    domain: int | None = None,
    sequence: int = 0,
    boot_ns: int | None = None,
    export_ns: int | None = None,
    templates: Templates = "first",
    sampling: Literal["record", "options"] = "record",
    lossy: bool = False,
    registry: Registry | None = None,
    elements: Mapping[str, Element | str] | None = None,
) -> Messages:
    """NetFlow v9 datagrams of rows.

    Parameters
    ----------
    batch : Batch, or iterable of Batch
        Rows of NATIVE, tables and options, with the elements and lengths that they came with; or of FLOW, with
        the elements that flow.tsv names. The order is kept.
    mtu : int
        Octets that a datagram has at most.
    domain : int, optional
        The source id of all datagrams. Without it that of each row, or 0.
    sequence : int
        The sequence number to begin with, of every source id: it counts datagrams (RFC 3954 section 5.1).
    boot_ns : int, optional
        When the exporter started, in nanoseconds since 1970. Without it an hour before the first export time, or
        as long before it as the greatest uptime that the rows of NATIVE have.
    export_ns : int, optional
        The header's time of every datagram, in nanoseconds since 1970, less what is not a whole second. Without
        it that of the rows, if they have it, else the latest time so far.
    templates : {"first", "each", "none"} or int
        Whether a template is sent before the first record of it, in each datagram that has records of it, never,
        or again every so many datagrams of its source id.
    sampling : {"record", "options"}
        Where FLOW's sampling rate goes: into each record, as samplingInterval; or into options records, by
        samplerId, which rows name; from the 256th rate of a source id on into records again.
    lossy : bool
        Leave out what does not fit, and count it.
    registry : Registry, optional
        Where the columns' names are looked up.
    elements : mapping of str to Element or str, optional
        Columns whose element their name does not tell, as where two have one name.

    Returns
    -------
    Messages
        An iterator of bytes.

    Raises
    ------
    ValueError, KeyError
        An argument that cannot be.
    EncodeError
        When a batch is begun: values that v9 cannot carry. The message names their columns, `field` is the first.
    """
    return encoded(
        _Netflow9(registry or Registry.default(), boot_ns), batch, mtu=mtu, domain=domain, sequence=sequence,
        export_ns=export_ns, templates=templates, sampling=sampling, lossy=lossy, registry=registry, elements=elements,
    )  # fmt: skip
