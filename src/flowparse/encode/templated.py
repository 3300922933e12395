"""Messages of Template Sets and Data Sets: what NetFlow v9 and IPFIX have in common (RFC 3954, RFC 7011).

A template stands before the first record that needs it, and again as often as the caller wants. One message is
open at a time; it is written when the next record is of another domain or export time, or does not fit. Sets are
padded to four octets, unless a record is so short that padding would be one (RFC 7011 section 3.3.1).

Not here: withdrawals, and Sets of a transport that splits messages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal

from flowparse.batch import Batch
from flowparse.datatypes import VARIABLE
from flowparse.errors import EncodeError
from flowparse.registry import Element, Registry

from .records import Dialect, Field, Record, records_of

__all__ = ["Header", "Messages", "Templates", "Writer", "encoded"]

Templates = Literal["first", "each", "none"] | int
Shape = tuple[Field, ...]
S = 10**9
FIRST_ID, LAST_ID = 256, 65535
SET_HEADER = 4
NEVER = 1 << 62


class Messages(Iterator[bytes]):
    """The messages, made as they are asked for.

    Attributes
    ----------
    lost : mapping of str to int
        How many values of each column did not fit, so far; complete when the last message was given.
    rows_left_out : int
        Rows that nothing is left of, or that no message has room for, so far.
    """

    def __init__(self, encoder: Encoder, batches: Iterable[Batch]) -> None:
        self._encoder = encoder
        self._messages = encoder.messages(batches)

    @property
    def lost(self) -> MappingProxyType[str, int]:
        return MappingProxyType(dict(self._encoder.lost))

    @property
    def rows_left_out(self) -> int:
        return self._encoder.rows_left_out

    def __next__(self) -> bytes:
        return next(self._messages)


class Header:
    """What a message's header is made of."""

    __slots__ = ("count", "domain", "export_s", "length", "sequence")

    def __init__(self, domain: int, export_s: int, sequence: int, count: int, length: int) -> None:
        self.domain, self.export_s, self.sequence, self.count, self.length = domain, export_s, sequence, count, length


class Writer(Dialect):
    """A protocol: a Dialect that writes headers and templates."""

    header_octets: int
    counts_records: bool

    def header(self, header: Header) -> bytes:
        raise NotImplementedError

    def template(self, id: int, shape: Shape, is_options: bool) -> bytes:
        """A Template Set with one Template Record."""
        raise NotImplementedError

    def sampler(self, id: int, rate: int) -> tuple[Shape, bytes] | None:
        """An options record that tells a rate; None where there is no such id."""
        raise NotImplementedError

    def sampler_field(self, id: int) -> tuple[Field, bytes]:
        """The field by which a record names its sampler."""
        raise NotImplementedError

    def begin(self, batch: Batch, export_ns: int | None) -> None:
        """A batch comes, the first or another."""


class _Domain:
    """What an observation domain was told."""

    def __init__(self, sequence: int) -> None:
        self.sequence = sequence
        self.n_messages = 0
        self.ids: dict[tuple[bool, Shape, int], int] = {}
        self.used: set[int] = set()
        self.next_id = FIRST_ID
        self.told: dict[int, int] = {}  # template id -> number of the message that had it last
        self.samplers: dict[int, int] = {}  # rate -> id
        self.samplers_told: dict[int, int] = {}

    def id_of(self, is_options: bool, shape: Shape, wanted: int) -> int:
        key = (is_options, shape, wanted)
        id = self.ids.get(key)
        if id is None:
            id = wanted
            if not FIRST_ID <= id <= LAST_ID or id in self.used:
                # Progress: the number grows.
                while self.next_id in self.used:
                    self.next_id += 1
                id = self.next_id
            if id > LAST_ID:
                raise EncodeError(f"a domain has {LAST_ID - FIRST_ID + 1} templates, and these rows need more")
            self.used.add(id)
            self.ids[key] = id
        return id


class Encoder:
    """Records become messages."""

    def __init__(
        self,
        writer: Writer,
        *,
        mtu: int,
        domain: int | None,
        sequence: int,
        export_ns: int | None,
        templates: Templates,
        sampling: Literal["record", "options"],
        lossy: bool,
        registry: Registry | None,
        elements: Mapping[str, Element | str] | None,
    ) -> None:
        if not 128 <= mtu <= 65535:
            raise ValueError(f"mtu is 128 to 65535 octets, not {mtu}")
        if domain is not None and not 0 <= domain < 2**32:
            raise ValueError(f"domain {domain} is not of 32 bits")
        if export_ns is not None and not 0 <= export_ns < 2**32 * S:
            raise ValueError(f"export_ns {export_ns} is not from 1970 to 2106")
        if sampling not in ("record", "options"):
            raise ValueError(f"sampling is record or options, not {sampling!r}")
        if isinstance(templates, int) and not isinstance(templates, bool) and templates >= 1:
            self.every = templates
        elif templates in ("first", "each", "none"):
            self.every = 1 if templates == "each" else NEVER
        else:
            raise ValueError(f"templates is first, each, none or a number of messages, not {templates!r}")
        self.writer = writer
        self.mtu = mtu
        self.domain = domain
        self.first_sequence = sequence
        self.export_ns = export_ns
        self.has_templates = templates != "none"
        self.sampling = sampling
        self.lossy = lossy
        self.registry = registry or Registry.default()
        self.elements = elements or {}
        self.domains: dict[int, _Domain] = {}
        self.lost: Counter[str] = Counter()
        self.rows_left_out = 0
        self.latest_ns = 0
        self.done: list[bytes] = []
        self.key: tuple[int, int | None] | None = None  # domain and export second of the open message
        self._clear()

    def _clear(self) -> None:
        self.body = bytearray()
        self.open_id = 0  # of the Set that is open, which begins at `set_at`
        self.set_at = 0
        self.set_pads = True
        self.n_records = self.n_data = 0

    def messages(self, batches: Iterable[Batch]) -> Iterator[bytes]:
        for batch in batches:
            if not isinstance(batch, Batch):
                raise TypeError(f"what is encoded is a Batch or an iterable of them, not of {type(batch).__name__}")
            before, left_out = self.lost.copy(), self.rows_left_out
            self.writer.begin(batch, self.export_ns)
            for record in records_of(batch, self.writer, self.registry, self.elements, self.lost):
                self.add(record)
            self.flush()
            lost = self.lost - before
            if not self.lossy and (lost or self.rows_left_out > left_out):
                said = ", ".join(f"{name} ({n} of {len(batch)} rows)" for name, n in lost.items())
                said = said or f"{self.rows_left_out - left_out} of {len(batch)} rows in messages of {self.mtu} octets"
                raise EncodeError(
                    f"{self.writer.name} cannot carry {said}; lossy=True leaves it out", field=next(iter(lost), None)
                )
            made, self.done = self.done, []
            yield from made

    # ── records ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def add(self, record: Record) -> None:
        domain = self.domain if self.domain is not None else record.domain or 0
        export_s = self.export_second(record)
        if self.key != (domain, export_s):
            self.flush()
            self.key = (domain, export_s)
        of = self.domains.setdefault(domain, _Domain(self.first_sequence))
        if record.latest_ns is not None and 0 <= record.latest_ns < 2**32 * S:
            self.latest_ns = max(self.latest_ns, record.latest_ns)
        shape, octets = record.shape, record.octets
        if record.rate:
            field, value = self.rate(of, record.rate)
            shape, octets = (*shape, field), octets + value
        # A record that is nothing, or may be of no octets, is one that no reader finds.
        if not octets or not self.put(of, record.is_options, shape, octets, record.template_id):
            self.rows_left_out += 1

    def export_second(self, record: Record) -> int | None:
        if self.export_ns is not None:
            return self.export_ns // S
        if record.export_ns is None:
            return None
        if 0 <= record.export_ns < 2**32 * S:
            return record.export_ns // S
        self.lost["export_time_ns"] += 1
        return None

    def rate(self, of: _Domain, rate: int) -> tuple[Field, bytes]:
        """The field that says a record's sampling rate, after the options record that it needs."""
        if self.sampling == "options":
            id = of.samplers.setdefault(rate, len(of.samplers) + 1)
            made = self.writer.sampler(id, rate)
            if made is not None:
                told = of.samplers_told.get(id)
                if told is None or of.n_messages - told >= self.every:
                    shape, octets = made
                    self.put(of, True, shape, octets, 0)
                    of.samplers_told[id] = of.n_messages
                    self.flush_open()  # a collector may read what a message says of others after its own records
                return self.writer.sampler_field(id)
        number = self.writer.number(self.registry.element("samplingInterval"))
        assert number is not None
        return Field(*number, 4), rate.to_bytes(4)

    def put(self, of: _Domain, is_options: bool, shape: Shape, octets: bytes, wanted: int) -> bool:
        """Write a record into the open message, or the next; whether any has room for it."""
        id = of.id_of(is_options, shape, wanted)
        pads = sum(1 if field.length == VARIABLE else field.length for field in shape) > 3
        for _ in range(2):
            told = of.told.get(id)
            needs = self.has_templates and (told is None or of.n_messages - told >= self.every)
            template = self.writer.template(id, shape, is_options) if needs else b""
            begins = needs or id != self.open_id
            room = self.mtu - self.writer.header_octets - len(self.body) - 3 * SET_HEADER
            if len(template) + SET_HEADER * begins + len(octets) <= room:
                break
            if not self.body:
                if needs and len(template) <= room and len(octets) <= room:
                    self.template(of, id, template)  # a message of its own
                    self.flush_open()
                    continue
                return False
            self.flush_open()
        else:
            return False
        if needs:
            self.template(of, id, template)
        if begins:
            self.close_set()
            self.open_id, self.set_at, self.set_pads = id, len(self.body), pads
            self.body += bytes(SET_HEADER)
        self.body += octets
        self.n_records += 1
        self.n_data += 1
        return True

    def template(self, of: _Domain, id: int, octets: bytes) -> None:
        self.close_set()
        self.body += octets
        self.n_records += 1
        of.told[id] = of.n_messages

    # ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def close_set(self) -> None:
        if self.open_id:
            if self.set_pads:
                self.body += bytes(-(len(self.body) - self.set_at) % 4)
            length = len(self.body) - self.set_at
            self.body[self.set_at : self.set_at + SET_HEADER] = self.open_id.to_bytes(2) + length.to_bytes(2)
            self.open_id = 0

    def flush_open(self) -> None:
        """Write the open message and begin another like it."""
        key = self.key
        self.flush()
        self.key = key

    def flush(self) -> None:
        self.close_set()
        if self.body and self.key is not None:
            domain, export_s = self.key
            of = self.domains[domain]
            if export_s is None:
                export_s = min(-(-self.latest_ns // S), 2**32 - 1)
            length = self.writer.header_octets + len(self.body)
            header = Header(domain, export_s, of.sequence % 2**32, self.n_records, length)
            self.done.append(self.writer.header(header) + self.body)
            of.sequence += self.n_data if self.writer.counts_records else 1
            of.n_messages += 1
        self.key = None
        self._clear()


def encoded(writer: Writer, batch: Batch | Iterable[Batch], **settings: Any) -> Messages:
    """The messages of a batch or of several."""
    return Messages(Encoder(writer, **settings), [batch] if isinstance(batch, Batch) else batch)
