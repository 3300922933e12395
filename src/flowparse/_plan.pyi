from collections.abc import Sequence
from typing import Final, Self

from typing_extensions import Buffer, disjoint_base

from flowparse._columns import Table

NAMES: Final[dict[str, int]]
OF_OCTETS: Final[set[str]]

@disjoint_base
class Plan:
    def __new__(
        cls,
        table: Table,
        segments: Sequence[int],
        steps: Sequence[tuple[str, int, int, int, int]],
        wires: tuple[int, ...] | None = None,
    ) -> Self: ...
    @property
    def table(self) -> Table: ...
    @property
    def reverse(self) -> Plan | None: ...
    def set_reverse(self, reverse: Plan, counters: Sequence[tuple[int, int, int]] = ()) -> None: ...
    def append(self, octets: Buffer) -> int: ...
