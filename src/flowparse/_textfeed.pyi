from typing import Self

from typing_extensions import disjoint_base

from flowparse._textkeys import Keys

NOTES: tuple[str, ...]

@disjoint_base
class Assembler:
    def __new__(
        cls,
        keys: Keys,
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
    @property
    def undecided(self) -> bool: ...
    def take(
        self,
    ) -> tuple[bytes, bytes, bytes, bytes, list[bytes | None], bytes, list[tuple[int, int, int, int]]]: ...
    def notes(self) -> tuple[list[tuple[str, int, int | None, tuple[int, int, int], bytes]], int]: ...
