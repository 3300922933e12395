"""One message of NetFlow v9 or IPFIX: its Sets in wire order, and all that it would change.

A `Reading` keeps what a message asks for apart from what is in force. A message that turns out to be
damaged is dropped with its Reading, and nothing has happened (RFC 7011 section 9.1); else the decoder
makes it last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .kinds import Kind
from .state import Domain, Exporter, Note, Pending, Rules
from .tables import Layout, Row, layout_of, row_of
from .templates import (
    FIRST_ID,
    Definition,
    Template,
    Withdrawal,
    judge,
    odd_widths,
    read_templates,
    unknown_elements,
)
from .values import Value
from .wire import SET_HEADER, Damage, Header, Record, SetSpan, read_records, read_sets

__all__ = ["Budget", "Reading", "frame", "rows_of"]

KEPT = {
    Kind.SET_SHORT_REFUSED: Kind.SET_SHORT_KEPT,
    Kind.SET_LONG_REFUSED: Kind.SET_LONG_KEPT,
    Kind.RECORD_LONG_REFUSED: Kind.RECORD_LONG_KEPT,
    Kind.LENGTH_LONG_REFUSED: Kind.LENGTH_LONG_KEPT,
    Kind.TAIL_REFUSED: Kind.TAIL_KEPT,
}
"""How damage is told where what is framed is kept."""

STRICT = {
    Kind.TEMPLATE_ID,
    Kind.TEMPLATE_LONG,
    Kind.TEMPLATE_EMPTY,
    Kind.TEMPLATE_BIG,
    Kind.SCOPE_LENGTHS,
    Kind.SCOPE_COUNT,
    Kind.NO_SCOPE,
}
"""What else a strict decoder refuses a message for."""

TEMPLATE_SETS = {9: (0, 1), 10: (2, 3)}


@dataclass(slots=True)
class Budget:
    """What may still be unfolded, in records and in values; None is any number."""

    records: int | None
    values: int
    told: set[Kind] = field(default_factory=set)

    def take(self, records: list[Record], fields: int) -> tuple[list[Record], Kind | None]:
        """The records that fit, and the limit that the others met."""
        by_values = self.values // fields
        allowed = by_values if self.records is None else min(self.records, by_values)
        met = Kind.RECORDS if allowed == self.records else Kind.VALUES
        taken = records[:allowed]
        if self.records is not None:
            self.records -= len(taken)
        self.values -= len(taken) * fields
        return taken, met if len(taken) < len(records) else None


class Reading:
    """What one message says, before it counts."""

    def __init__(
        self,
        octets: bytes,
        header: Header,
        exporter: Exporter,
        domain: Domain,
        context: dict[str, Value],
        received_ns: int | None,
        rules: Rules,
    ) -> None:
        self.octets = octets
        self.header = header
        self.exporter = exporter
        self.domain = domain
        self.context = context
        self.received_ns = received_ns
        self.rules = rules
        self.templates = dict(domain.templates)
        self.defined: dict[int, Template] = {}  # in the order of the last records of each
        self.uses: list[Template] = []
        self.described: list[Template] = []
        self.waiting: list[Pending] = []
        self.notes: list[Note] = []
        self.rows: list[tuple[Layout, Row]] = []
        self.data_records = 0
        self.template_records = 0
        self.is_whole = True  # every record of it is known
        self.is_counted = True  # ... that the sequence counts
        self.budget = Budget(rules.limits.records_per_message, rules.limits.values_per_message)

    # ── what is told ─────────────────────────────────────────────────────────────────────────────────────────────────

    def tell(self, kind: Kind, offset: int | None, *values: int) -> None:
        """Note something; a strict decoder refuses the message for some."""
        if self.rules.strict and kind in STRICT:
            raise Damage(kind, offset or 0, *values)
        self.notes.append((kind, offset, values))

    def damaged(self, damage: Damage) -> None:
        """Note damage of the framing, or refuse the message for it (RFC 7011 section 9.1)."""
        if self.rules.strict or not self.rules.keeps(self.header.version):
            raise damage
        self.is_whole = self.is_counted = False
        self.tell(KEPT[damage.kind], damage.offset, *damage.values)

    # ── Sets ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def read(self, at: int) -> None:
        """Read the message, whose header ends at `at`."""
        end = self.end_of_message()
        if at == end:
            self.tell(Kind.EMPTY_MESSAGE, at)
        spans = read_sets(self.octets, at, end)
        while span := self.next_set(spans, end):
            self.read_set(span)

    def next_set(self, spans: Iterator[SetSpan], end: int) -> SetSpan | None:
        """The next Set, if there is one."""
        try:
            return next(spans, None)
        except Damage as damage:
            self.read_end(damage, end)
            return None

    def end_of_message(self) -> int:
        """Where the message ends: IPFIX says it (RFC 7011 section 3.1), v9 goes to the end of the datagram."""
        there, length = len(self.octets), self.header.length
        if self.header.version == 9:
            return there
        if length < 16:
            raise Damage(Kind.LENGTH_SHORT, 2, length)
        if length > there:
            self.damaged(Damage(Kind.LENGTH_LONG_REFUSED, 2, length, there))
            return there
        if length < there:
            self.tell(Kind.BEHIND, length, there - length)
        return length

    def read_end(self, damage: Damage, end: int) -> None:
        """What ends the Sets before the end of the message: zeros, or damage that ends the message."""
        if damage.kind is Kind.ZERO_TAIL:
            if self.rules.strict and end - damage.offset < SET_HEADER:
                raise Damage(Kind.TAIL_REFUSED, damage.offset, end - damage.offset)
            self.tell(damage.kind, damage.offset, *damage.values)
            return
        self.damaged(damage)
        if damage.kind is Kind.SET_LONG_REFUSED and self.header.version == 9 and damage.values[0] in self.templates:
            self.read_data(SetSpan(damage.values[0], damage.offset, end), is_cut=True)

    def read_set(self, span: SetSpan) -> None:
        """Read a Set by its id (RFC 7011 section 3.3.2, RFC 3954 sections 5.2, 5.3, 6.1)."""
        if FIRST_ID > span.id not in TEMPLATE_SETS[self.header.version]:
            self.is_whole = False
            self.tell(Kind.RESERVED_SET, span.at, span.id, span.octets)
        elif span.octets == SET_HEADER:
            if self.rules.strict:
                raise Damage(Kind.EMPTY_SET, span.at, span.id, span.octets)
            self.tell(Kind.EMPTY_SET, span.at, span.id, span.octets)
        elif span.id < FIRST_ID:
            self.read_template_set(span)
        elif span.id in self.templates:
            self.read_data(span)
        else:
            self.read_unknown(span)

    # ── templates ────────────────────────────────────────────────────────────────────────────────────────────────────

    def read_template_set(self, span: SetSpan) -> None:
        """Read a template Set; one that cannot be read to its end is dropped whole, or kept up to there.

        RFC 7011 sections 3.4.1, 3.4.2 and 8.
        """
        accepted: list[Definition | Withdrawal] = []
        refused: list[Damage] = []
        ended = None
        try:
            for record in read_templates(self.octets, span, self.header.version, self.rules.elements):
                damage = judge(record, span.id, self.rules.limits) if isinstance(record, Definition) else None
                if damage:
                    refused.append(damage)
                else:
                    accepted.append(record)
        except Damage as damage:
            ended = damage
        is_kept = self.rules.strict or self.rules.keeps(self.header.version)
        if ended and ended.kind is not Kind.PADDING and not is_kept:
            accepted = []
        told = [(each.at, each) for each in accepted] + [
            (each.offset, each) for each in (*refused, *([ended] if ended else []))
        ]
        for _, each in sorted(told, key=lambda pair: pair[0]):
            if isinstance(each, Definition):
                self.define(each, span.id)
            elif isinstance(each, Withdrawal):
                self.withdraw(each, span.id)
            else:
                self.is_whole = self.is_whole and each.kind is Kind.PADDING
                self.tell(each.kind, each.offset, *each.values)

    def define(self, made: Definition, set_id: int) -> None:
        """Put a template in force for the Sets behind it, in place of whatever its id was.

        RFC 7011 sections 8.1 and 8.4, RFC 3954 section 9. The same definition again is a refresh.
        """
        new = made.template
        old = self.templates.get(new.id)
        self.template_records += 1
        if old and (old.is_options, old.octets) == (new.is_options, new.octets):
            self.uses.append(old)
            if new.id in self.defined:
                self.defined[new.id] = self.defined.pop(new.id)
            return
        kind = Kind.TEMPLATE_CHANGED if old else Kind.TEMPLATE_DEFINED
        self.tell(kind, made.at, set_id, new.id, len(new.fields))
        if made.scopes == 0:
            self.tell(Kind.NO_SCOPE, made.at, set_id, new.id)
        self.templates[new.id] = new
        self.defined.pop(new.id, None)
        self.defined[new.id] = new
        self.uses.append(new)

    def withdraw(self, withdrawal: Withdrawal, set_id: int) -> None:
        """Take templates out of force (RFC 7011 section 8.1); over UDP nothing can (section 8.4)."""
        at, id = withdrawal.at, withdrawal.id
        is_options = set_id == 3
        if self.rules.transport == "udp":
            self.tell(Kind.WITHDRAWAL_OVER_UDP, at, set_id, id)
        elif id == set_id:
            gone = [each.id for each in self.templates.values() if each.is_options == is_options]
            for each in gone:
                del self.templates[each]
            self.tell(Kind.TEMPLATES_WITHDRAWN, at, set_id, len(gone))
        elif id in self.templates and self.templates[id].is_options == is_options:
            del self.templates[id]
            self.tell(Kind.TEMPLATE_WITHDRAWN, at, set_id, id)
        else:
            self.tell(Kind.WITHDRAWAL_UNKNOWN, at, set_id, id)

    # ── data ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def read_data(self, span: SetSpan, *, is_cut: bool = False) -> None:
        """Read a data Set by its template (RFC 7011 section 3.4.3, RFC 3954 section 5.3)."""
        template = self.templates[span.id]
        self.describe(template, span)
        self.uses.append(template)
        records, damage, padding = frame(self.octets, span.body, span.end, template)
        if damage and not is_cut:
            self.damaged(damage)
        if padding is not None and any(self.octets[padding : span.end]) and not is_cut:
            self.tell(Kind.PADDING, padding, span.id, span.end - padding)
        if not records and not damage and not is_cut:
            self.tell(Kind.EMPTY_SET, span.at, span.id, span.octets)
        taken, met = self.budget.take(records, len(template.fields))
        if met:
            self.is_whole = self.is_counted = False
            if met not in self.budget.told:
                self.budget.told.add(met)
                limits = self.rules.limits
                limit = limits.records_per_message if met is Kind.RECORDS else limits.values_per_message
                self.tell(met, span.at, span.id, len(records) - len(taken), limit)
        self.data_records += len(taken)
        self.rows += rows_of(template, taken, self.context)

    def describe(self, template: Template, span: SetSpan) -> None:
        """Tell what is odd about a template when data come by it for the first time."""
        if template.is_described or template in self.described:
            return
        self.described.append(template)
        if unknown := unknown_elements(template.fields):
            self.tell(Kind.ELEMENT_UNKNOWN, span.at, span.id, template.id, unknown)
        if odd := odd_widths(template.fields):
            self.tell(Kind.ELEMENT_WIDTH, span.at, span.id, template.id, odd)

    def read_unknown(self, span: SetSpan) -> None:
        """Keep a data Set whose template is not known, or let it go (RFC 7011 sections 8 and 9, RFC 3954 section 9)."""
        self.is_whole = self.is_counted = False
        if not self.rules.replay:
            self.tell(Kind.DATA_DROPPED, span.at, span.id, span.octets)
            return
        self.tell(Kind.DATA_PENDING, span.at, span.id, span.octets)
        body = self.octets[span.body : span.end]
        self.waiting.append(
            Pending(self.exporter, self.domain, span.id, body, span.octets, self.context, self.received_ns)
        )


def frame(octets: bytes, at: int, end: int, template: Template) -> tuple[list[Record], Damage | None, int | None]:
    """The records of a Set, the damage that ended them, and where the padding begins if none did."""
    records = []
    try:
        for record, after in read_records(octets, at, end, template.fields):
            records.append(record)
            at = after
    except Damage as damage:
        return records, Damage(damage.kind, damage.offset, template.id, *damage.values), None
    return records, None, at


def rows_of(template: Template, records: list[Record], context: dict[str, Value]) -> Iterator[tuple[Layout, Row]]:
    """Records as rows, with the id of their template."""
    layout = layout_of(template.fields, template.is_options)
    here = context | {"template_id": template.id}
    return ((layout, row_of(layout, template.fields, record, here)) for record in records)
