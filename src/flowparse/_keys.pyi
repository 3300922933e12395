from collections.abc import Iterable
from typing import Self

from typing_extensions import disjoint_base

from flowparse.datatypes import ColumnType

@disjoint_base
class KeySet:
    def __new__(cls, types: Iterable[ColumnType], every_ns: int = 0) -> Self: ...
    @property
    def types(self) -> tuple[ColumnType, ...]: ...
