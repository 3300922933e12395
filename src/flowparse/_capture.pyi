from collections.abc import Iterable
from typing import Final, Self, TypeAlias

from typing_extensions import Buffer, disjoint_base

from flowparse.errors import DecodeError

COUNTERS: Final[tuple[str, ...]]
ERRORS: Final[dict[int, tuple[type[DecodeError], str, str]]]
NO_FILE: Final[str]
PACKED: Final[dict[bytes, str]]
PCAP: Final[str]
PCAPNG: Final[str]
SECTION: Final[str]

_Endpoint: TypeAlias = tuple[str, int]

@disjoint_base
class Reader:
    def __new__(cls, capture: Buffer, ports: Iterable[int] | None = None) -> Self: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> tuple[int, _Endpoint, _Endpoint, memoryview]: ...
    def counts(self) -> dict[str, int]: ...
    @property
    def error(self) -> DecodeError | None: ...
