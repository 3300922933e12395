from collections.abc import Sequence
from typing import Self

from typing_extensions import Buffer, disjoint_base

from flowparse._pack import Octets

@disjoint_base
class Intervals:
    def __new__(cls, starts: bytes, entries: Sequence[int]) -> Self: ...
    def __len__(self) -> int: ...
    def match(self, addresses: Buffer, nulls: bytes | None) -> Octets: ...

def pick_texts(column: Octets, texts: list[bytes | None]) -> Octets: ...
