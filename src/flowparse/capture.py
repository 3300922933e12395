"""The UDP datagrams in the octets of a pcap or pcapng capture.

A capture is bytes, a memoryview or an mmap that the caller opened; nothing is read from disk here
and no payload is copied. Formats, link layers and what is not done: `_capture.pyx`.

>>> from struct import pack
>>> addresses = bytes([192, 0, 2, 1]) + bytes([198, 51, 100, 2])
>>> udp = pack(">HHHH", 50000, 2055, 8 + 5, 0) + b"hello"
>>> ip = pack(">BBHIBBH", 0x45, 0, 20 + len(udp), 0, 64, 17, 0) + addresses + udp
>>> octets = pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
>>> octets += pack("<IIII", 1_700_000_000, 0, len(ip), len(ip)) + ip
>>> for time_ns, source, destination, payload in datagrams(octets):
...     print(time_ns, source, destination, bytes(payload))
1700000000000000000 ('192.0.2.1', 50000) ('198.51.100.2', 2055) b'hello'
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flowparse._capture import Reader

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Reader", "datagrams"]


def datagrams(capture: Buffer, *, ports: Iterable[int] | None = None) -> Reader:
    """Iterate over the UDP datagrams of a capture.

    Parameters
    ----------
    capture : buffer
        The octets of a pcap or pcapng capture, not compressed.
    ports : iterable of int, optional
        Destination ports to give; None is all of them.

    Returns
    -------
    reader : Reader, an iterator of (time_ns, (source, port), (destination, port), payload)
        `time_ns` is in nanoseconds since 1970, 0 where the capture does not say. `reader.counts()`
        tells what became of every packet and `reader.error` what ended the capture before its time.

    Raises
    ------
    UnsupportedVersion, Malformed, Truncated
        These octets do not start a capture. Damage further on ends the iteration instead.
    ValueError
        A port below 0 or above 65535.

    Notes
    -----
    Fragments, packets captured too short and headers that lie are counted and not given.
    """
    return Reader(capture, ports)
