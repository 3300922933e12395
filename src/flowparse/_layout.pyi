from collections.abc import Sequence
from typing import Any, Final, Self, TypeAlias

from typing_extensions import disjoint_base

from flowparse.datatypes import ColumnType

CONTEXT: Final[dict[str, int]]
COLUMNS_OF_FINISH: Final[dict[str, int]]
NUMBERED: Final[dict[str, int]]
FORMS: Final[dict[str, int]]
FINISH: Final[dict[str, tuple[int, int]]]
SOURCES: Final[dict[str, int]]

_Column: TypeAlias = tuple[str | None, ColumnType, str, Any, bool, int | None, str | None]

@disjoint_base
class Layout:
    def __new__(
        cls,
        columns: Sequence[_Column],
        finish: Sequence[tuple[str, Sequence[int]]] = (),
        keeps_wires: bool = False,
        counted: tuple[int, int, int] = (-1, -1, -1),
        like: Layout | None = None,
    ) -> Self: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def types(self) -> tuple[ColumnType, ...]: ...
    @property
    def units(self) -> tuple[str | None, ...]: ...
    @property
    def wire_octets(self) -> tuple[int | None, ...]: ...
    @property
    def index(self) -> dict[str, int]: ...
    @property
    def wires(self) -> list[tuple[int, ...]]: ...
    def takes(self, wires: tuple[int, ...] | None) -> bool: ...
    def wire_of(self, wires: tuple[int, ...]) -> int: ...
    def rows_of_slab(self) -> tuple[int, ...]: ...
