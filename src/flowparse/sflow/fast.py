"""sFlow datagrams to records: fast where a datagram is as it should be, plainly where it is not."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from .._records import Maker
from ..limits import Limits
from .model import CounterSample, Datagram, DiscardSample, Fields, FlowSample, Port, Record
from .read import read_plainly
from .records import Reader, decimals, record
from .structures import COUNTER, FLOW, Kind, structures

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["decode", "maker"]


def _plain(octets: bytes, kind: Kind) -> Record | None:
    """A record that the fast reader does not read; None if there is something to tell of it."""
    at = Reader(octets, Limits())
    found = record(at, kind)
    return None if at.notices else found


@cache
def _maker(samples_per_datagram: int, records_per_sample: int) -> Maker:
    return Maker(
        (Datagram, FlowSample, CounterSample, DiscardSample, Port, Record, Fields),
        [
            (each.kind, each.enterprise, each.format, each.name, each.names, [field.type for field in each.fields])
            for kind in (FLOW, COUNTER)
            for each in structures(kind).values()
        ],
        _plain,
        decimals,
        samples_per_datagram,
        records_per_sample,
    )


def maker(limits: Limits) -> Maker:
    """The fast reader of datagrams that are as they should be; it returns None for others."""
    return _maker(limits.samples_per_datagram, limits.records_per_sample)


def decode(datagram: Buffer, *, limits: Limits | None = None) -> Datagram:
    """Decode one sFlow datagram into records.

    Parameters
    ----------
    datagram : buffer of octets
    limits : Limits, optional
        `samples_per_datagram` and `records_per_sample` are looked at.

    Returns
    -------
    datagram : Datagram
        Whatever its lengths frame; `notices` tell what was not as it should be.

    Raises
    ------
    UnsupportedVersion
        The first word is not 2, 4 or 5.
    Malformed
        The agent's address is of no known type.
    Truncated
        The octets end before the header does.

    Notes
    -----
    sFlow version 5; RFC 3176 for versions 2 and 4, whose samples have no lengths: the first that
    does not hold together ends the datagram.

    Examples
    --------
    >>> empty = bytes.fromhex("00000005 00000001 0a000001 00000000 00000007 00002710 00000000")
    >>> decode(empty).agent, decode(empty).sequence, decode(empty).samples
    ('10.0.0.1', 7, ())
    """
    octets = bytes(datagram)
    limits = limits or Limits()
    return maker(limits).datagram(octets, 0, len(octets)) or read_plainly(octets, limits)
