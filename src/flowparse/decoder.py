"""Decoder: the Collecting Process of RFC 7011 without its sockets, and the face of the library.

The compiled half (`_state.Keeper`, and down to the walk of `_decode.Walker` below it) does the work
on each datagram. `recorder` keeps events, `restorer` saves what is known, `archive` reads captures
and files; here is what the walk stops for: plans from the caller's schema, batches from columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import index
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from . import plan, told
from ._interfaces import InterfaceTable
from ._layout import Layout
from ._plan import Plan
from .archive import ArchiveReader
from .batch import Batch
from .events import COUNTERS_DROPPED, OPTIONS_DROPPED, OUT_OF_RANGE, PROTOCOLS, Event, address_text
from .knowledge import Known
from .limits import Limits
from .message import VERSIONS, Message, Taken, batch_of, batches_of, joined, tables_of
from .programs import Program, Programs
from .registry import Registry
from .schema import FLOW, Native, Schema
from .session import Address, Exporter, ExporterStats, identify, stats_of
from .template import Template, fields_from, fixed_fields

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from .agents import Agents
    from .sflow.programs import SflowPrograms

__all__ = ["Decoder"]

UINT32_MAX = 0xFFFFFFFF
JOINED = {"interface_name", "application_name", "vrf_name", "sampler_name"}
"""Rules of flow.tsv that take names from options."""
TABLES_OF_A_TEMPLATE = 2  # the one it writes to, and one whose rows wait to be taken
AT_LEAST_TABLES = 64


class Decoder(ArchiveReader):
    """RFC 7011 Collecting Process without its sockets, for NetFlow v1, v5, v7, v9, IPFIX and sFlow.

    It reads no clock and does no I/O: octets, who sent them and when are arguments. One decoder per
    thread; entering one twice is a RuntimeError.

    Parameters
    ----------
    schema : Schema or NATIVE
        Which columns; FLOW by default.
    key : {"address", "address+port"}
        What tells exporters apart. With the port, exporters behind one address (NAT, a load
        balancer) are kept apart, and one that changes its port is another.
    transport : {"udp", "tcp", "sctp", "file"}
        How datagrams come: only over UDP templates expire and cannot be withdrawn (RFC 7011 section
        8.4). What comes by `feed_stream` is a stream whatever this says.
    malformed : {"discard", "salvage"} or None
        What becomes of a message whose count or lengths lie: all of it goes, templates included, or
        what is framed before the damage stays. None is the rule of each protocol: IPFIX is discarded
        (RFC 7011 section 9.1), NetFlow is salvaged.
    strict : bool
        Raise the DecodeError instead of telling it as an event; the message does not count.
    replay : bool
        Keep Sets whose template is not known, and decode them when it comes.
    split_biflow : bool
        Make two rows of a record that tells of both directions (RFC 5103, and what firewalls send): one for
        each, the second with source and destination exchanged, `record_kind` 5 and what went back. There is
        none where nothing did. Of the flow view; NATIVE has records as sent.
    sampling_override : mapping of address to int, optional
        Sampling rates that stand over what exporters say.
    default_sampling_rate : int, optional
        The rate where nobody says one.
    limits : Limits, optional
        Bounds of state and memory; `Limits()` by default.
    registry : Registry, optional
        Where elements that the schema adds are looked up.
    allow : callable, optional
        Asked once about each exporter that is not known, with what the caller passed, and by
        `import_state` with (address, port), the port 0 where `key` has none; a false answer drops
        the datagram before any state is made.

    Raises
    ------
    ValueError, TypeError, KeyError
        An argument that means nothing, or a column that there is none of.

    Examples
    --------
    >>> decoder = Decoder()
    >>> decoder.feed(b"\\x00\\x63 what is this", "192.0.2.1")
    0
    >>> decoder.events()[0].message
    'version 99 is not decoded here; NetFlow v1, v5, v7, v9, IPFIX and sFlow are'
    """

    def __init__(
        self,
        schema: Schema | Native = FLOW,
        *,
        key: Literal["address", "address+port"] = "address",
        transport: Literal["udp", "tcp", "sctp", "file"] = "udp",
        malformed: Literal["discard", "salvage"] | None = None,
        strict: bool = False,
        replay: bool = True,
        split_biflow: bool = False,
        sampling_override: Mapping[Address, int] | None = None,
        default_sampling_rate: int | None = None,
        limits: Limits | None = None,
        registry: Registry | None = None,
        allow: Callable[[Exporter], object] | None = None,
    ) -> None:
        if not isinstance(schema, Schema | Native):
            raise TypeError(f"schema is a Schema or NATIVE, not {type(schema).__name__}")
        if key not in ("address", "address+port"):
            raise ValueError(f"key is 'address' or 'address+port', not {key!r}")
        if malformed not in (None, "discard", "salvage"):
            raise ValueError(f"malformed is 'discard', 'salvage' or None, not {malformed!r}")
        if transport not in ("udp", "tcp", "sctp", "file"):
            raise ValueError(f"transport is 'udp', 'tcp', 'sctp' or 'file', not {transport!r}")
        super().__init__()
        if limits is not None and not isinstance(limits, Limits):
            raise TypeError(f"limits are Limits, not {type(limits).__name__}")
        if sampling_override is not None and not isinstance(sampling_override, Mapping):
            raise TypeError(f"sampling_override maps addresses to rates; it is no {type(sampling_override).__name__}")
        self._schema = schema
        self._limits = limits or Limits()
        self._by_port = key == "address+port"
        self._allow = allow
        self._overrides = {
            identify(exporter)[0]: _checked_rate(rate) for exporter, rate in (sampling_override or {}).items()
        }
        self._elements = registry or Registry.default()
        self._columns = None if isinstance(schema, Native) else schema.columns(self._elements)
        self._empty = None if self._columns is None else Layout(plan.empty(self._columns).columns)
        self._plans: list[Plan] = []
        self._joins_names = any(column.rule in JOINED for column in self._columns or ())
        self._strict = bool(strict)
        self._configure(
            self._limits,
            malformed=malformed,
            strict=self._strict,
            replay=bool(replay),
            transport=transport,
            default_rate=0 if default_sampling_rate is None else _checked_rate(default_sampling_rate),
        )
        self._programs = Programs(
            self._columns,
            self._elements,
            self._account,
            self._options_account,
            most_tables=TABLES_OF_A_TEMPLATE * self._limits.templates + AT_LEAST_TABLES,
            counted=self._limits.interfaces > 0,
            split_biflow=bool(split_biflow),
        )
        self._interfaces = InterfaceTable(max(1, self._limits.interfaces))
        if self._limits.interfaces > 0:
            self._account.count_interfaces(self._interfaces)
        self._ports: dict[tuple[bytes, int], str] = {}
        self._agents: Agents | None = None
        self._sflow: SflowPrograms | None = None

    # ── what the walk stops for ──────────────────────────────────────────────────────────────────────────────────

    def _identify(self, exporter: Exporter) -> tuple[bytes, bytes | None, int | None, int] | None:
        address, port = identify(exporter)
        identity = self._identity(address, port)
        if self._allow is not None and not self._knows(identity) and not self._allow(exporter):
            return None
        return identity, address, port, self._overrides.get(address, 0)

    def _identity_of(self, exporter: Exporter) -> bytes:
        return self._identity(*identify(exporter))

    def _identity(self, address: bytes | None, port: int | None) -> bytes:
        return (address or b"") + (port.to_bytes(2) if self._by_port and port is not None else b"")

    def _make_plan(self, protocol: int) -> None:
        if PROTOCOLS[protocol] == "sflow":
            self._make_sflow()
            return
        version = next(number for number, name in VERSIONS.items() if name == PROTOCOLS[protocol])
        made = self._programs.fixed(fixed_fields(version))
        self._plans.append(made)
        self._set_plan(protocol, made)

    def _make_sflow(self) -> None:
        # Who decodes no sFlow does not pay for it.
        from .agents import Agents  # noqa: PLC0415
        from .sflow.programs import SflowPrograms  # noqa: PLC0415

        self._agents = Agents(self._limits)
        counted = self._limits.interfaces > 0
        self._sflow = SflowPrograms(self._columns, self._account, self._counters_account, counted=counted)
        self._set_sflow(self._sflow.kernel(), self._agents.table)

    def _identify_agent(self, sender: bytes, address: bytes) -> tuple[bytes, bytes, None, int]:
        return sender + address, address, None, self._overrides.get(address, 0)

    def _make_structure(self, structure: int, fields: int) -> None:
        assert self._sflow is not None
        self._sflow.make(structure, fields)

    def _make_room_for_counters(self) -> None:
        """Drop the rows of counters that nobody took."""
        assert self._sflow is not None
        taken = self._sflow.take_counters()
        self._learn_ports(taken)
        self._tell_number(COUNTERS_DROPPED, sum(len(part) for _, parts in taken for part in parts))

    def _make_program(self, octets: bytes, protocol: int, is_options: bool) -> Program | None:
        return self._programs.of_template(octets, protocol, is_options)

    def _make_room_for_options(self) -> None:
        """Drop the options records that nobody took."""
        dropped = sum(len(part) for _, parts in self._programs.take(options=True) for part in parts)
        self._tell_number(OPTIONS_DROPPED, dropped)

    def _learn(
        self, identity: bytes, protocol: int, domain: int, lessons: list[tuple[bytes, bytes]]
    ) -> tuple[bool, list[int], int]:
        scope, unlikely = (identity, protocol, domain), []
        if self._knowledge.n_exporters > 2 * self._limits.exporters:
            self._knowledge.forget_all_but(self._knows)
        before = self._knowledge.version
        for record, octets in lessons:
            fields = fields_from(record, protocol, True, self._elements)
            unlikely += [odd.value for odd in self._knowledge.learn(scope, fields, octets)]
        return self._knowledge.version != before, unlikely, self._knowledge.take_dropped()

    def _inform(self, identity: bytes, protocol: int, domain: int) -> Known:
        return self._knowledge.known((identity, protocol, domain), names=self._joins_names)

    # ── in ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def decode(self, datagram: Buffer, exporter: Exporter, received_ns: int | None = None) -> Message:
        """Decode one datagram and return everything in it.

        The Message owns it all: nothing of it appears in `take` or `events`. State, statistics and
        sequence advance as with `feed`.

        Parameters
        ----------
        datagram : buffer of octets
            Not kept after the call.
        exporter : address or (host, port)
            "" where it is not known.
        received_ns : int, optional
            Nanoseconds since 1970 UTC.

        Raises
        ------
        DecodeError
            Only with `strict=True`.
        TypeError, ValueError
            An argument that means nothing, before any state.
        """
        whole = self._feed_apart(datagram, exporter, received_ns)
        self._learn_ports(whole[7])
        for note in whole[2]:
            self._count(note)
        return Message(whole, self._empty, self._elements)

    # ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def take(self) -> Batch:
        """Hand over the rows so far, in the decoder's schema.

        Raises
        ------
        TypeError
            The schema is NATIVE, whose rows have no common columns: see `take_tables`.
        """
        if self._empty is None:
            raise TypeError("NATIVE has a table for each layout, not one schema: use take_tables()")
        return batch_of(self._empty, self._taken())

    def take_tables(self) -> list[Batch]:
        """Hand over the rows so far, one Batch per layout; of sFlow in NATIVE, one per structure."""
        return tables_of(self._taken())

    def take_options(self) -> list[Batch]:
        """Hand over the options records so far, as sent, one Batch per layout."""
        self._check_idle()
        taken = batches_of(self._programs.take(options=True))
        self._tell_out_of_range()
        return taken

    def _tell_out_of_range(self) -> None:
        values, self._programs.n_out_of_range = self._programs.n_out_of_range, 0
        self._tell_number(OUT_OF_RANGE, values)

    def take_counters(self) -> list[Batch]:
        """Hand over the sFlow counters so far, one Batch per structure.

        Who never takes them loses the oldest, with an event.
        """
        self._check_idle()
        if self._sflow is None:
            return []
        taken = self._sflow.take_counters()
        self._learn_ports(taken)
        return joined(taken)

    def _taken(self) -> Taken:
        self._check_idle()
        taken = self._programs.take() + (self._sflow.take() if self._sflow else [])
        self._tell_out_of_range()
        return taken

    def _take_any(self) -> list[Batch]:
        batches = self.take_tables() if self._empty is None else [self.take()]
        return [batch for batch in batches if len(batch)]

    def _events_of_others(self) -> list[Event]:
        told = self._agents.events() if self._agents else []
        if evicted := self._interfaces.take_evicted():
            told.append(
                Event(
                    code="limit_reached",
                    severity="warning",
                    message=f"{evicted} interfaces heard of least recently are forgotten: Limits.interfaces",
                    detail={"interfaces": evicted, "limit": self._limits.interfaces},
                )
            )
        return told

    def templates(self) -> list[Template]:
        """The templates in force, by exporter, domain and id."""
        self._check_idle()
        made = []
        for address, protocol, domain, octets, is_options, least, first_ns, last_ns in self._templates():
            fields = fields_from(octets, protocol, is_options, self._elements)
            id = int.from_bytes(octets[:2])
            made.append(Template(id, domain, address_text(address), is_options, fields, least, first_ns, last_ns))
        return sorted(made, key=lambda each: (each.exporter or "", each.domain, each.id))

    def sflow_agents(self, now_ns: int) -> dict[str, dict[str, Any]]:
        """What is counted of each sFlow agent, by its address, under the 19 names of sFlow-RT's `/agents/json`.

        Parameters
        ----------
        now_ns : int
            Nanoseconds since 1970 UTC: `firstSeen` and `lastSeen` are milliseconds before it, and None
            where no datagram came with a time.
        """
        self._check_idle()
        if self._agents is None:
            return {}
        self._agents.table.check_memory()
        return self._agents.read(now_ns)

    @property
    def interfaces(self) -> Batch:
        """Interfaces by exporter and ifIndex, a row each: flows and bytes that came in and went out, names.

        Counted are the rows of FLOW, and of NATIVE but sFlow's, whatever columns the schema has: `flows`
        and `bytes` are those of `in_*` and `out_*` together, as exporters sent them, not multiplied by
        sampling rates. `last_seen_ns` is by `received_ns`. Names are what options or sFlow's counters
        told; an interface that they alone told of has no flows. ifIndex 0 is none.

        Of sFlow in NATIVE nothing is counted: the ports of a sample are in the table `flow_sample`, where a
        format says whether they are interfaces, and its octets in other tables. FLOW has them in one row.
        """
        self._check_idle()
        self._programs.seal()
        if self._sflow is not None:
            self._sflow.seal()
            self._learn_ports(self._sflow.waiting_counters(told.PORT_NAME))
        return told.interfaces(self._interfaces.rows(), self._ports, self._knowledge)

    def _learn_ports(self, taken: Taken) -> None:
        """Remember what counters call ports, as many as `Limits.interfaces`; the oldest makes room."""
        for address, if_index, name in told.ports_of(taken) if self._limits.interfaces else ():
            self._ports.pop((address, if_index), None)
            if len(self._ports) >= self._limits.interfaces:
                del self._ports[next(iter(self._ports))]
            self._ports[address, if_index] = name

    @property
    def samplers(self) -> Batch:
        """Samplers and selectors that options told of, a row each."""
        return told.samplers(self._knowledge)

    @property
    def applications(self) -> Batch:
        """Applications that options named (RFC 6759), a row each."""
        return told.applications(self._knowledge)

    @property
    def vrfs(self) -> Batch:
        """VRFs that options named, a row each."""
        return told.vrfs(self._knowledge)

    @property
    def interface_names(self) -> Batch:
        """Interfaces that options named, a row each."""
        return told.interface_names(self._knowledge)

    def stats(self) -> list[ExporterStats]:
        """What is counted of each exporter, domain and protocol."""
        self._check_idle()
        return [stats_of(row) for row in self._counted()]

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Decoder holds columns in the making and does not pickle; make one in each process")


def _checked_rate(given: int) -> int:
    rate = index(given)
    if not 1 <= rate <= UINT32_MAX:
        raise ValueError(f"a sampling rate is 1 to 2**32 - 1, not {rate}")
    return rate
