"""IPFIX messages, and files of them (RFC 7011, RFC 5655): what an Exporting Process would have sent.

A file is the messages one after the other, as octets; writing them somewhere is the caller's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from struct import Struct
from typing import Literal

from flowparse.batch import Batch
from flowparse.registry import NETFLOW9, Element, Registry

from .records import Field
from .templated import Header, Messages, Templates, Writer, encoded

__all__ = ["ipfix"]

HEADER = Struct("!HHIII")
TEMPLATE_SET, OPTIONS_SET = 2, 3
ENTERPRISE = 0x8000
COUNT_BASED = 1  # selectorAlgorithm: systematic count-based sampling
SELECTOR, ALGORITHM, INTERVAL, SPACE = 302, 304, 305, 306


class _Ipfix(Writer):
    name = "IPFIX"
    has_variable = True
    header_octets = HEADER.size
    counts_records = True

    def number(self, element: Element) -> tuple[int, int] | None:
        is_there = 0 < element.id < ENTERPRISE and element.pen != NETFLOW9
        return (element.pen, element.id) if is_there else None

    def n_scopes(self, elements: Sequence[Element]) -> int:
        """The fields in front that identify something; there is at least one (RFC 7011 section 3.4.2.2)."""
        others = (place for place, each in enumerate(elements) if each.semantics != "identifier")
        return max(1, next(others, len(elements)))

    def header(self, header: Header) -> bytes:
        return HEADER.pack(10, header.length, header.export_s, header.sequence, header.domain)

    def template(self, id: int, shape: tuple[Field, ...], is_options: bool) -> bytes:
        parts = [id.to_bytes(2), len(shape).to_bytes(2)]
        if is_options:
            parts.append(sum(field.is_scope for field in shape).to_bytes(2))
        for field in shape:
            number = field.id | (ENTERPRISE if field.pen else 0)
            parts += [number.to_bytes(2), field.length.to_bytes(2), field.pen.to_bytes(4) if field.pen else b""]
        record = b"".join(parts)
        record += bytes(-len(record) % 4)
        return (OPTIONS_SET if is_options else TEMPLATE_SET).to_bytes(2) + (4 + len(record)).to_bytes(2) + record

    def sampler(self, id: int, rate: int) -> tuple[tuple[Field, ...], bytes] | None:
        shape = (Field(0, SELECTOR, 4, True), Field(0, ALGORITHM, 2), Field(0, INTERVAL, 4), Field(0, SPACE, 4))
        return shape, b"".join([id.to_bytes(4), COUNT_BASED.to_bytes(2), (1).to_bytes(4), (rate - 1).to_bytes(4)])

    def sampler_field(self, id: int) -> tuple[Field, bytes]:
        return Field(0, SELECTOR, 4), id.to_bytes(4)


def ipfix(
    batch: Batch | Iterable[Batch],
    *,
    mtu: int | None = None,
    domain: int | None = None,
    sequence: int = 0,
    export_ns: int | None = None,
    templates: Templates = "first",
    file: bool = False,
    sampling: Literal["record", "options"] = "record",
    lossy: bool = False,
    registry: Registry | None = None,
    elements: Mapping[str, Element | str] | None = None,
) -> Messages:
    """IPFIX messages of rows.

    Parameters
    ----------
    batch : Batch, or iterable of Batch
        Rows of NATIVE, tables and options, with the elements and lengths that they came with; or of FLOW, with
        the elements that flow.tsv names. The order is kept.
    mtu : int, optional
        Octets that a message has at most: 1400, or 65535 of a file.
    domain : int, optional
        The observation domain of all messages. Without it that of each row, or 0.
    sequence : int
        The sequence number to begin with, of every domain: it counts data records (RFC 7011 section 3.1).
    export_ns : int, optional
        The header's time of every message, in nanoseconds since 1970, less what is not a whole second. Without
        it that of the rows, if they have it, else the latest time so far.
    templates : {"first", "each", "none"} or int
        Whether a template is sent before the first record of it, in each message that has records of it, never,
        or again every so many messages of its domain.
    file : bool
        Messages of a file (RFC 5655), as large as they may be: joined they are its octets.
    sampling : {"record", "options"}
        Where FLOW's sampling rate goes: into each record, as samplingInterval; or into options records, by
        selectorId (RFC 5477), which rows name.
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
        When a batch is begun: values that IPFIX cannot carry. The message names their columns, `field` is the first.
    """
    if mtu is None:
        mtu = 65535 if file else 1400
    return encoded(
        _Ipfix(), batch, mtu=mtu, domain=domain, sequence=sequence, export_ns=export_ns, templates=templates,
        sampling=sampling, lossy=lossy, registry=registry, elements=elements,
    )  # fmt: skip
