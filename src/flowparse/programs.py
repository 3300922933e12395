"""Programs: the plan of each template, and the tables that plans write to.

Templates that say the same share a plan, those with the same layout a table. Both are remembered
only as long as they are of use: a template in force keeps its plan, a plan its table, and rows that
nobody took theirs; beyond that, some are kept at hand, since exporters repeat themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from . import flow_view, plan
from ._columns import Account, Sealed, Table
from ._plan import Plan
from .biflow import counters_of, is_biflow, other_end
from .knowledge import teaches
from .registry import Registry
from .schema import FlowColumn
from .template import FieldSpecifier, Specifiers

__all__ = ["Program", "Programs"]

AT_HAND = 1024


class Program(NamedTuple):
    """What the walk needs of a template: its plan, whether its records teach, and what is odd about its fields."""

    plan: Plan
    teaches: bool
    n_unknown: int
    n_odd: int


class Programs:
    """The plans and tables of one decoder.

    Parameters
    ----------
    columns : sequence of FlowColumn, or None
        Of the flow view; None is every field as sent.
    elements : Registry
    flows, options : Account
        Where flow rows and options records are held.
    most_tables : int
        With rows or plans, of either.
    counted : bool
        Whether interfaces are counted.
    split_biflow : bool
        Whether a biflow is two rows of the flow view.

    Attributes
    ----------
    n_out_of_range : int
        Values of rows taken that no column holds.
    """

    def __init__(
        self,
        columns: Sequence[FlowColumn] | None,
        elements: Registry,
        flows: Account,
        options: Account,
        most_tables: int,
        counted: bool = False,
        split_biflow: bool = False,
    ) -> None:
        self._wanted = None if columns is None else flow_view.wanted_of(columns)
        self._elements = elements
        self._specifiers = Specifiers(elements)
        self._accounts = {False: flows, True: options}
        self._tables: dict[bool, dict[object, Table]] = {False: {}, True: {}}
        self._most_tables = most_tables
        self._counted = counted
        self._split_biflow = split_biflow and columns is not None
        self.n_out_of_range = 0
        self._programs: dict[tuple[int, bool, bytes], Program] = {}

    def fixed(self, fields: tuple[FieldSpecifier, ...]) -> Plan:
        """The plan of a fixed format."""
        compiled = self._compiled(fields, is_options=False, lookups=False)
        table = self._table(compiled, fields, is_options=False, most=None)
        assert table is not None
        return Plan(table, compiled.segments, compiled.steps, compiled.wires)

    def of_template(self, octets: bytes, protocol: int, is_options: bool) -> Program | None:
        """The program of a Template Record; None where there are as many tables as may be."""
        key = (protocol, is_options, octets[2:])  # the id is of no interest
        program = self._programs.pop(key, None)
        if program is None:
            fields, n_unknown, n_odd = self._specifiers.read(octets, protocol, is_options)
            compiled = self._compiled(fields, is_options=is_options)
            table = self._table(compiled, fields, is_options=is_options, most=self._most_tables)
            if table is None:
                return None
            made = Plan(table, compiled.segments, compiled.steps, compiled.wires)
            if self._split_biflow and not is_options and is_biflow(fields) and not self._split(made, fields):
                return None
            program = Program(made, is_options and teaches(fields), n_unknown, n_odd)
            if len(self._programs) >= AT_HAND:
                del self._programs[next(iter(self._programs))]
        self._programs[key] = program
        return program

    def _split(self, plan_: Plan, fields: tuple[FieldSpecifier, ...]) -> bool:
        """Let a plan make a second row of each record; False where there are as many tables as may be."""
        assert self._wanted is not None
        turned = other_end(fields, self._elements)
        compiled = plan.flow(turned, self._wanted, counted=self._counted, reverse=True)
        table = self._table(compiled, turned, is_options=False, most=self._most_tables)
        if table is None:
            return False
        plan_.set_reverse(Plan(table, compiled.segments, compiled.steps, compiled.wires), counters_of(turned))
        return True

    def take(self, *, options: bool = False) -> list[tuple[Table, list[Sealed]]]:
        """Hand over all rows, of flows or of options records."""
        tables = self._tables[options]
        taken = [(table, table.take()) for table in tables.values()]
        self.n_out_of_range += sum(table.take_out_of_range() for table in tables.values())
        if len(tables) > AT_HAND:
            self._forget_unused(tables)
        return taken

    def seal(self) -> None:
        """Close the flow rows that wait to chunks, which counts their interfaces."""
        for table in self._tables[False].values():
            table.seal()

    def _compiled(self, fields: tuple[FieldSpecifier, ...], *, is_options: bool, lookups: bool = True) -> plan.Compiled:
        """Without `lookups` where there are no options, so no rates of interfaces."""
        if is_options or self._wanted is None:
            return plan.native(fields, counted=self._counted and not is_options)
        return plan.flow(fields, self._wanted, lookups=lookups, counted=self._counted)

    def _table(
        self, compiled: plan.Compiled, fields: tuple[FieldSpecifier, ...], *, is_options: bool, most: int | None
    ) -> Table | None:
        tables = self._tables[is_options]
        of_all = () if is_options or self._wanted is None else self._wanted.specs
        columns = compiled.columns
        # What every template's flow view has is no part of the key: many columns take long to hash.
        own = [column for column, each in zip(columns, of_all, strict=False) if column is not each]
        key: object = tuple(own), columns[len(of_all) :], compiled.finish, compiled.counted
        table = tables.get(key)
        if table is not None and not table.layout.takes(compiled.wires):
            # So many widths of fields are invented: they get a table of their own, which counts.
            key = key, compiled.wires
            table = tables.get(key)
        if table is None:
            if most is not None and len(tables) >= most:
                self._forget_unused(tables)
                if len(tables) >= most:
                    return None
            like = None if is_options or self._wanted is None else self._wanted.layout
            name = f"options: {' '.join(field.element.name for field in fields)}" if is_options else "flows"
            table = tables[key] = Table(compiled.layout(like), self._accounts[is_options], name)
        return table

    def _forget_unused(self, tables: dict[object, Table]) -> None:
        """Forget tables without rows that no plan writes to, and plans that no template has."""
        self._programs.clear()
        for key in [key for key, table in tables.items() if table.n_plans == 0 and table.rows_waiting == 0]:
            del tables[key]
