from typing import Any, Final

from flowparse._borrow import INDEXES as INDEXES
from flowparse._borrow import OCTETS as OCTETS
from flowparse._borrow import TEXTS as TEXTS
from flowparse._stream import StreamFeeder

ADDRESSES: Final[dict[str, int]]
UNITS_NS: Final[dict[str, int]]

def read_payload(format: str, has_dictionary: bool) -> tuple[int, int] | None: ...
def read_exporter(format: str, has_dictionary: bool) -> tuple[int, int] | None: ...

class ArrowFeeder(StreamFeeder):
    def _nulls_skipped(self, payloads: int, exporters: int) -> None: ...
    def feed_arrow(self, payload: Any, exporter: Any, received_ns: Any = None) -> int: ...
