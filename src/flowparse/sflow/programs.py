"""The plans and tables of one decoder for sFlow, made when they are first wanted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .._columns import Account, Sealed, Table
from .._plan import Plan
from .._sflow import Sflow
from ..message import FLOWS
from ..plan import Compiled
from ..schema import FlowColumn
from .structures import COUNTER
from .tables import described, flow, table

__all__ = ["SflowPrograms"]

Taken = list[tuple[Table, list[Sealed]]]


class SflowPrograms:
    """What a decoder has made for sFlow.

    Parameters
    ----------
    columns : sequence of FlowColumn, or None
        Of the flow view; None is a table for each structure.
    flows, counters : Account
        Where the rows of samples and of counters are held.
    counted : bool
        Whether interfaces are counted.
    """

    def __init__(
        self, columns: Sequence[FlowColumn] | None, flows: Account, counters: Account, *, counted: bool = False
    ) -> None:
        self._columns = columns
        self._counted = counted
        self._accounts = {False: flows, True: counters}
        self._tables: dict[bool, list[Table]] = {False: [], True: []}
        self._sflow: Sflow | None = None

    def kernel(self) -> Sflow:
        """What the walk reads samples with."""
        if self._sflow is None:
            self._sflow = Sflow([each.for_kernel() for each in described(self._columns is None)])
            if self._columns is not None:
                self._sflow.set_flow(self._plan(flow(self._columns, counted=self._counted), FLOWS, counters=False))
        return self._sflow

    def make(self, structure: int, fields: int) -> None:
        """Make the plan of a structure of which so many fields were sent."""
        of = described(self._columns is None)[structure]
        plan = self._plan(table(of, fields), of.structure.name, counters=of.structure.kind == COUNTER)
        self.kernel().set_structure(structure, fields, plan)

    def _plan(self, compiled: Compiled, name: str, *, counters: bool) -> Plan:
        made = Table(compiled.layout(), self._accounts[counters], name)
        self._tables[counters].append(made)
        return Plan(made, compiled.segments, compiled.steps)

    def seal(self) -> None:
        """Close the rows of samples that wait to chunks, which counts their interfaces."""
        for each in self._tables[False]:
            each.seal()

    def waiting_counters(self, name: str) -> Taken:
        """The rows of a structure that wait, and stay."""
        return [(each, each.waiting()) for each in self._tables[True] if each.name == name]

    def take(self) -> Taken:
        """Hand over all rows of samples."""
        return _taken(self._tables[False])

    def take_counters(self) -> Taken:
        return _taken(self._tables[True])


def _taken(tables: Iterable[Table]) -> Taken:
    return [(each, each.take()) for each in tables]
