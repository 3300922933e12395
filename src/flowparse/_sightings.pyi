from collections.abc import Sequence
from typing import Self

from typing_extensions import disjoint_base

from flowparse._keys import KeySet
from flowparse._values import Chunk

@disjoint_base
class Sightings:
    def __new__(cls, identity: KeySet, exporter: KeySet | None, expected: int = 0) -> Self: ...
    def add(
        self,
        chunk: Chunk,
        identity: Sequence[int],
        exporter: Sequence[int],
        record_kind: int = -1,
        time_source: int = -1,
    ) -> tuple[bytes, int]: ...
    def told(self) -> list[tuple[bytes | None, bytes | None, int]]: ...

def ingress_rows(chunk: Chunk, direction: int) -> tuple[bytes, int, int]: ...
