"""NetFlow v5 datagrams of flows of any protocol: what `sflowtool -c` does, and an exporter.

v5 knows IPv4, 16-bit interfaces and AS numbers, 32-bit counters, and times in milliseconds of an uptime.
What does not fit is an EncodeError that names the columns or, with `lossy`, made to fit and counted.
A decoder gives back what was encoded without loss, but for what is the receiver's: exporter, time of
receipt, sequence. The sender's clock carries the part of times below a millisecond: rows whose parts
differ go into datagrams of their own.

What v5 writes as 0 and FLOW as null is no loss: interfaces, AS numbers, prefix lengths, next hop, flags,
ToS, ports. Format: https://www.cisco.com/c/en/us/td/docs/net_mgmt/netflow_collection_engine/3-6/user/guide/format.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from struct import Struct
from types import MappingProxyType
from typing import Any, Literal

from flowparse.batch import Batch
from flowparse.errors import EncodeError

__all__ = ["Datagrams", "netflow5"]

HEADER = Struct("!HHIIIIHH")
RECORD = Struct("!4s4s4sHHIIIIHHBBBBHHBBH")
MOST_RECORDS = 30
MS, S = 1_000_000, 1_000_000_000
HOUR = 3600 * S
DAY = 24 * HOUR
WORD = 2**32
MAPPED = bytes(10) + b"\xff\xff"
NO_ADDRESS = bytes(4)
AS_TRANS = 23456  # RFC 6793 section 9
MOST_INTERVAL = 0x3FFF
RANDOM = 0x4000  # sampling mode 1
HEADER_MODE0 = 8  # enums/sampling_source.tsv
ICMP, ICMP6 = 1, 58

READ = [
    "src_addr",
    "dst_addr",
    "next_hop",
    "in_if",
    "out_if",
    "packets",
    "bytes",
    "time_flow_start_ns",
    "time_flow_end_ns",
    "src_port",
    "dst_port",
    "icmp_type",
    "icmp_code",
    "tcp_flags",
    "proto",
    "ip_tos",
    "src_net",
    "dst_net",
    "observation_domain_id",
    "sampling_rate",
    "sampling_source",
    "record_kind",
    "etype",
    "time_received_ns",
    "export_time_ns",
]
NOT_OF_THE_FLOW = [
    "type",
    "sampler_address",
    "template_id",
    "sequence_num",
    "time_source",
    "message_index",
    "exporter_port",
]
"""What is the message's or the receiver's, and not missed."""

AS_COLUMNS = {"origin": ("src_as", "dst_as"), "peer": ("bgpPrevAdjacentAsNumber", "next_hop_as")}


class Datagrams(Iterator[bytes]):
    """The datagrams, made as they are asked for.

    Attributes
    ----------
    lost : mapping of str to int
        How many values of each column did not fit, so far; complete when the last datagram was given.
    rows_left_out : int
        Rows without two IPv4 addresses, so far.
    """

    def __init__(self, encoder: _Encoder, flows: Iterable[Batch]) -> None:
        self._encoder = encoder
        self._datagrams = encoder.datagrams(flows)

    @property
    def lost(self) -> MappingProxyType[str, int]:
        return MappingProxyType(dict(self._encoder.lost))

    @property
    def rows_left_out(self) -> int:
        return self._encoder.rows_left_out

    def __next__(self) -> bytes:
        return next(self._datagrams)


def netflow5(
    flows: Batch | Iterable[Batch],
    *,
    scaled: bool = False,
    autonomous_systems: Literal["origin", "peer"] = "origin",
    records: int = MOST_RECORDS,
    sequence: int = 0,
    boot_ns: int | None = None,
    export_ns: int | None = None,
    lossy: bool = False,
) -> Datagrams:
    """NetFlow v5 datagrams of flows.

    Parameters
    ----------
    flows : Batch, or iterable of Batch
        Rows of FLOW. The order is kept; rows of another engine (`observation_domain_id`) or sampling
        rate begin a new datagram, as both stand in its header.
    scaled : bool
        Multiply bytes and packets by the sampling rate and write none, as `sflowtool -c` does. Without
        it, as with its `-s`, they stay as they are and the header has the rate, up to 16383.
    autonomous_systems : {"origin", "peer"}
        `src_as` and `dst_as`; or, as with sflowtool's `-e`, `bgpPrevAdjacentAsNumber`, which a schema
        can add, and `next_hop_as`.
    records : int
        How many a datagram has at most, 1 to 30.
    sequence : int
        The flow sequence to begin with, of every engine.
    boot_ns : int, optional
        When the exporter started, in nanoseconds since 1970. Without it an hour before the earliest
        flow of the first batch.
    export_ns : int, optional
        The header's time of every datagram. Without it the `export_time_ns` of the rows, if the
        schema has that, else the latest time so far.
    lossy : bool
        Make fit what does not, and count it: numbers become the greatest, an interface 0, an AS number
        23456 (RFC 6793); a rate above 16383 scales its row; a row without two IPv4 addresses is left out.

    Returns
    -------
    Datagrams
        An iterator of bytes.

    Raises
    ------
    ValueError
        An argument that cannot be.
    EncodeError
        When a batch is begun: values that v5 cannot carry. The message names all their columns, `field` is
        the first.
    """
    if not 1 <= records <= MOST_RECORDS:
        raise ValueError(f"a datagram has 1 to {MOST_RECORDS} records, not {records}")
    if autonomous_systems not in AS_COLUMNS:
        raise ValueError(f"autonomous_systems is origin or peer, not {autonomous_systems!r}")
    if export_ns is not None and not 0 <= export_ns < WORD * S:
        raise ValueError(f"export_ns {export_ns} is not from 1970 to 2106")
    encoder = _Encoder(scaled, AS_COLUMNS[autonomous_systems], records, sequence, boot_ns, export_ns, lossy)
    return Datagrams(encoder, [flows] if isinstance(flows, Batch) else flows)


class _Datagram:
    """Rows that share a header, until it is written."""

    def __init__(self, engine: int, sampling: int, export_ns: int | None) -> None:
        self.engine = engine
        self.sampling = sampling
        self.export_ns = export_ns
        self.remainder = 0
        self.latest_ns = 0
        self.rows: list[tuple[int | None, int | None, Any]] = []


class _Encoder:
    def __init__(
        self,
        scaled: bool,
        as_columns: tuple[str, str],
        records: int,
        sequence: int,
        boot_ns: int | None,
        export_ns: int | None,
        lossy: bool,
    ) -> None:
        self.scaled = scaled
        self.as_columns = as_columns
        self.records = records
        self.first_sequence = sequence
        self.boot_ns = boot_ns
        self.export_ns = export_ns
        self.lossy = lossy
        self.sequences: dict[int, int] = {}
        self.latest_ns = 0
        self.lost: Counter[str] = Counter()
        self.rows_left_out = 0

    def datagrams(self, flows: Iterable[Batch]) -> Iterator[bytes]:
        for batch in flows:
            if not isinstance(batch, Batch):
                raise TypeError(f"flows are a Batch or an iterable of them, not of {type(batch).__name__}")
            before = self.lost.copy()
            made = list(self.batch(batch))
            if not self.lossy and self.lost != before:
                lost = self.lost - before
                said = ", ".join(f"{name} ({n} of {len(batch)} rows)" for name, n in lost.items())
                raise EncodeError(f"NetFlow v5 cannot carry {said}; lossy=True makes it fit", field=next(iter(lost)))
            yield from made

    def batch(self, batch: Batch) -> Iterator[bytes]:
        carried = {*READ, *NOT_OF_THE_FLOW, *self.as_columns}
        for name in batch.names:
            if name not in carried and (values := len(batch) - batch[name].null_count):
                self.lost[name] += values
        names = (*READ, *self.as_columns)
        nothing = [None] * len(batch)
        columns = [batch[name].to_list(text=False) if name in batch.names else nothing for name in names]
        if self.boot_ns is None and len(batch):
            times = [time for time in columns[READ.index("time_flow_start_ns")] if time is not None and time >= 0]
            self.boot_ns = max(0, min(times, default=0) - HOUR)
        current: _Datagram | None = None
        for row in zip(*columns, strict=True):
            current, done = self.row(current, row)
            if done is not None:
                yield self.written(done)
        if current is not None:
            yield self.written(current)

    # ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def row(self, current: _Datagram | None, row: Sequence[Any]) -> tuple[_Datagram | None, _Datagram | None]:
        """Put a row into the datagram that is open or a new one; return the open one, and one that is complete."""
        (
            src, dst, next_hop, in_if, out_if, packets, octets, start, end, src_port, dst_port, icmp_type, icmp_code,
            flags, proto, tos, src_net, dst_net, domain, rate, rate_source, kind, _, received, exported, src_as, dst_as,
        ) = row  # fmt: skip
        src, dst = self.ipv4("src_addr", src, True), self.ipv4("dst_addr", dst, True)
        if src is None or dst is None:
            self.rows_left_out += 1
            return current, None
        if kind not in (None, 0, 1):
            self.lost["record_kind"] += 1
        factor, sampling = self.sampling(rate, rate_source)
        engine = self.fitted("observation_domain_id", domain, 0xFFFF, 0)
        start, end = self.times(start, end)
        if proto in (ICMP, ICMP6):
            src_port, dst_port = 0, (icmp_type or 0) << 8 | (icmp_code or 0)
        record = (
            src, dst, self.ipv4("next_hop", next_hop, False) or NO_ADDRESS,
            self.fitted("in_if", in_if, 0xFFFF, 0), self.fitted("out_if", out_if, 0xFFFF, 0),
            self.counter("packets", packets, factor), self.counter("bytes", octets, factor),
            src_port or 0, dst_port or 0, self.flags(flags), self.said("proto", proto), tos or 0,
            self.fitted(self.as_columns[0], src_as, 0xFFFF, AS_TRANS),
            self.fitted(self.as_columns[1], dst_as, 0xFFFF, AS_TRANS), src_net or 0, dst_net or 0,
        )  # fmt: skip
        export_ns = exported if self.export_ns is None else self.export_ns
        if export_ns is not None and not 0 <= export_ns < WORD * S:
            self.lost["export_time_ns"] += 1
            export_ns = None
        remainder = None if start is None else start % MS
        done = None
        if current is None or (
            len(current.rows) == self.records
            or (engine, sampling, export_ns) != (current.engine, current.sampling, current.export_ns)
            or (not self.lossy and remainder is not None and remainder != current.remainder)
        ):
            done, current = current, _Datagram(engine, sampling, export_ns)
            current.remainder = remainder or 0
        known = [time for time in (start, end) if time is not None]
        if not known and received is not None and 0 <= received < WORD * S:
            known = [received]
        current.latest_ns = max(current.latest_ns, *known, 0)
        current.rows.append((start, end, record))
        return current, done

    def ipv4(self, name: str, address: bytes | None, needed: bool) -> bytes | None:
        """The last four octets of a mapped address."""
        if address is not None and address[:12] == MAPPED:
            return address[12:]
        if address is not None or needed:
            self.lost[name] += 1
        return None

    def sampling(self, rate: int | None, source: int | None) -> tuple[int, int]:
        """What counters are multiplied by, and the header's word."""
        if not rate:
            return 1, 0
        if self.scaled:
            return rate, 0
        if rate > MOST_INTERVAL:
            self.lost["sampling_rate"] += 1
            return rate, 0
        return 1, rate if source == HEADER_MODE0 else RANDOM | rate

    def times(self, start: int | None, end: int | None) -> tuple[int | None, int | None]:
        """The times that a header can be near to; a decoder takes a start a day after its end for a wrap."""
        if start is None or not 0 <= start < WORD * S:
            self.lost["time_flow_start_ns"] += 1
            start = None
        if end is None or not 0 <= end < WORD * S:
            self.lost["time_flow_end_ns"] += 1
            end = None
        if start is not None and end is not None and start - end > DAY:
            self.lost["time_flow_start_ns"] += 1
            start = end
        return start, end

    def fitted(self, name: str, value: int | None, most: int, otherwise: int) -> int:
        if value is None or value <= most:
            return value or 0
        self.lost[name] += 1
        return otherwise

    def counter(self, name: str, value: int | None, factor: int) -> int:
        product = self.said(name, value) * factor
        return product if product < WORD else self.fitted(name, product, WORD - 1, WORD - 1)

    def said(self, name: str, value: int | None) -> int:
        if value is None:
            self.lost[name] += 1
            return 0
        return value

    def flags(self, flags: int | None) -> int:
        if flags is not None and flags > 0xFF:
            self.lost["tcp_flags"] += 1
        return (flags or 0) & 0xFF

    # ── datagrams ────────────────────────────────────────────────────────────────────────────────────────────────────

    def written(self, datagram: _Datagram) -> bytes:
        now = datagram.export_ns
        if now is None:
            now = max(self.latest_ns, datagram.latest_ns)
            now = min(now + (datagram.remainder - now) % MS, WORD * S - 1)
            self.latest_ns = now
        uptime = (now - (self.boot_ns or 0)) // MS % WORD
        sequence = self.sequences.get(datagram.engine, self.first_sequence)
        self.sequences[datagram.engine] = sequence + len(datagram.rows)
        parts = [
            HEADER.pack(
                5, len(datagram.rows), uptime, now // S, now % S, sequence % WORD, datagram.engine, datagram.sampling
            )
        ]
        for start, end, record in datagram.rows:
            first = self.uptime_of("time_flow_start_ns", start, now, uptime)
            last = self.uptime_of("time_flow_end_ns", end, now, uptime)
            parts.append(RECORD.pack(*record[:7], first, last, record[7], record[8], 0, *record[9:], 0))
        return b"".join(parts)

    def uptime_of(self, name: str, time: int | None, now: int, uptime: int) -> int:
        """The time in milliseconds of uptime; less than a millisecond is lost, or what is 24 days off."""
        if time is None:
            return uptime
        ago, rest = divmod(time - now, MS)
        if rest or not -(2**31) <= ago < 2**31:
            self.lost[name] += 1
            ago = max(-(2**31), min(ago, 2**31 - 1))
        return (uptime + ago) % WORD
