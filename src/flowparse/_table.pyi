from collections.abc import Sequence
from typing import Final, Self

from typing_extensions import disjoint_base

from flowparse._keys import KeySet
from flowparse._pack import Octets
from flowparse._values import Chunk

MEASURE_NAMES: Final[tuple[str, ...]]

@disjoint_base
class Groups:
    def __new__(cls, keys: KeySet, pairs: bool = False) -> Self: ...
    def __len__(self) -> int: ...
    def add(
        self,
        chunk: Chunk,
        columns: Sequence[int | tuple[int, ...]],
        octets: int = -1,
        packets: int = -1,
        rate: int = -1,
        keep: bytes | None = None,
    ) -> None: ...
    def rows(self) -> tuple[int, int]: ...
    def top(self, measure: int, n: int) -> list[int]: ...
    def sums_of(self, numbers: Sequence[int], way: int = -1) -> list[Octets]: ...
    def keys_of(self, numbers: Sequence[int]) -> list[Octets | None]: ...
