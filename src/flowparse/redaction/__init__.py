"""redact: the same datagrams with other addresses, and without what nobody could read, to show them to somebody.

What is made starts as zeros; only what is known to tell of nobody is copied, by `explanation` and the executable
specification. So it is slow: it is for what goes into a report, not for what a collector keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..explanation import messages_of, octets_of, parts_of
from ..limits import Limits
from ..reference import Decoder
from ..reference.datagram import VERSIONS
from ..reference.templates import Template
from ..reference.wire import HEADERS, Damage, read_header
from ..registry import Registry
from .packet import blank, redact_frame, redact_packet
from .pseudonyms import Pseudonyms
from .sflow import VERSIONS as SFLOW_VERSIONS
from .sflow import redact_sflow

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["redact"]

BLANK = {"octetArray", "basicList", "subTemplateList", "subTemplateMultiList"}
"""Data types of which nobody knows what they hold; a list that is not empty has parts of its own."""

PACKETS = {"dataLinkFrameSection": redact_frame, "ipHeaderPacketSection": redact_packet}


def redact(datagrams: Iterable[Buffer], *, key: bytes, state: Buffer | None = None) -> Iterator[bytes]:
    """The same datagrams with other addresses; each as long as it was, of the same Sets, records and fields.

    Parameters
    ----------
    datagrams : iterable of buffers of octets
        NetFlow v1, v5, v7, v9, IPFIX and sFlow, of one exporter, in the order they came: later ones need
        the templates of earlier ones. Those of several exporters take a call each, with the same key.
    key : bytes, 16 to 32 octets
        Secret and random, such as ``secrets.token_bytes(32)``. One key gives one pseudonym for an address, in all
        datagrams and calls.
    state : buffer of octets, optional
        What `Decoder.export_state` or `scan_templates` returned, for templates that came before.

    Returns
    -------
    iterator of bytes

    Raises
    ------
    TypeError, ValueError
        The key is no bytes, or is too short or too long; a datagram is no octets (while iterating).
    StateError
        The state is none, or damaged.

    Notes
    -----
    Addresses (ipv4Address, ipv6Address, macAddress) are replaced by pseudonyms that share exactly as many leading bits
    as the addresses did, also those in sampled packets and that of an sFlow agent. Text is filled with "x". Zero are
    octets that nobody could read: elements that are not known or are octetArray, Sets without a template, padding,
    payloads and checksums of sampled packets, structures of sFlow that are not known, all samples of sFlow 2 and 4,
    and datagrams of no protocol. Numbers stay: times, ports, interfaces, AS numbers, counters, domains.

    Whoever knows who was behind some flows, by their times, ports or sizes, learns leading bits of other addresses.

    Examples
    --------
    >>> key = bytes(range(16))
    >>> message = bytes.fromhex("000a0010 6553f100 00000007 00000001")
    >>> list(redact([message], key=key)) == [message]
    True
    """
    redactor = _Redactor(Pseudonyms(key), state)
    return map(redactor.redact, datagrams)


class _Redactor:
    """The templates of one exporter, and what datagrams become by them."""

    def __init__(self, pseudonyms: Pseudonyms, state: Buffer | None) -> None:
        self._pseudonyms = pseudonyms
        self._elements = Registry.default()
        self._decoder = Decoder(malformed="salvage", replay=False, limits=Limits(events=0))
        for earlier in messages_of(state):
            self._decoder.decode(earlier, "")

    def redact(self, datagram: Buffer) -> bytes:
        octets = octets_of(datagram)
        if int.from_bytes(octets[:2]) not in HEADERS:
            if int.from_bytes(octets[:4]) in SFLOW_VERSIONS:
                return redact_sflow(octets, self._pseudonyms)
            return bytes(len(octets))
        made = bytearray(len(octets))
        for part in parts_of(octets, self._known(octets), self._elements):
            end = part.offset + part.length
            if part.value:
                made[part.offset : end] = self._field(part.name, part.type, octets[part.offset : end])
        self._decoder.decode(octets, "")
        return bytes(made)

    def _known(self, octets: bytes) -> dict[int, Template]:
        try:
            header = read_header(octets)
        except Damage:
            return {}
        whose = (VERSIONS[header.version], header.domain)
        templates = self._decoder.templates()
        return {each.template.id: each.template for each in templates if (each.version, each.domain) == whose}

    def _field(self, name: str, type: str, octets: bytes) -> bytes:
        """What a field becomes; what frames has no type, and stays."""
        if type == "ipv4Address" and len(octets) == 4:
            return self._pseudonyms.ipv4(octets)
        if type == "ipv6Address" and len(octets) == 16:
            return self._pseudonyms.ipv6(octets)
        if type == "macAddress" and len(octets) == 6:
            return self._pseudonyms.mac(octets)
        if type == "string":
            return b"x" * len(octets)
        if type in BLANK or type.endswith("Address"):
            return PACKETS.get(name, blank)(octets, self._pseudonyms)
        return octets
