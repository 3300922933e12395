from collections.abc import Sequence
from typing import Self

from typing_extensions import disjoint_base

DATAGRAM_SLOTS: tuple[str, ...]
SAMPLE_SLOTS: tuple[str, ...]
MARKS: dict[str, int]
NOTES: tuple[str, ...]

_Form = tuple[str, int, int, Sequence[int], Sequence[int], int, int, bytes | None]
_Key = tuple[int | None, bytes, str, str, int]

@disjoint_base
class Assembler:
    def __new__(
        cls,
        forms: Sequence[_Form],
        keys: Sequence[_Key],
        *,
        line_octets: int,
        lines_per_datagram: int,
        samples_per_datagram: int,
        records_per_sample: int,
        notes: int,
        notes_per_datagram: int,
    ) -> Self: ...
    def configure(self, *, columns: int = 0, strip_return: bool = False) -> None: ...
    def feed(self, chunk: bytes) -> None: ...
    def close(self) -> None: ...
    @property
    def complete(self) -> int: ...
    def take(
        self,
    ) -> tuple[bytes, bytes, bytes, bytes, list[bytes | None], bytes, list[tuple[int, int, int, int]]]: ...
    def notes(self) -> tuple[list[tuple[str, int, int | None, tuple[int, int, int], bytes]], int]: ...
