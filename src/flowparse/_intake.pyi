from typing import Any, Final, Self

from typing_extensions import disjoint_base

from flowparse._stream import StreamFeeder

OCTETS: Final[dict[str, int]]
TEXTS: Final[dict[str, int]]
ADDRESSES: Final[dict[str, int]]
INDEXES: Final[dict[str, int]]
UNITS_NS: Final[dict[str, int]]

def read_payload(format: str, has_dictionary: bool) -> tuple[int, int] | None: ...
def read_exporter(format: str, has_dictionary: bool) -> tuple[int, int] | None: ...
@disjoint_base
class Held: ...

@disjoint_base
class Type: ...

@disjoint_base
class Source: ...

@disjoint_base
class Array: ...

@disjoint_base
class Cursor:
    def __new__(cls, arrays: list[Any]) -> Self: ...

@disjoint_base
class ArrowFeeder(StreamFeeder):
    def _nulls_skipped(self, payloads: int, exporters: int) -> None: ...
    def feed_arrow(self, payload: Any, exporter: Any, received_ns: Any = None) -> int: ...
