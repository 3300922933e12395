from collections.abc import Sequence
from typing import TypeAlias

from typing_extensions import Buffer, disjoint_base

from flowparse._capture import Reader
from flowparse._columns import Sealed, Table
from flowparse._decode import _Exporter, _Note
from flowparse._sflowwalk import SflowWalker

_Taken: TypeAlias = list[tuple[Table, list[Sealed]]]

@disjoint_base
class Feeder(SflowWalker):
    def feed(self, datagram: Buffer, exporter: _Exporter, received_ns: int | None = None) -> int: ...
    def _feed_apart(
        self, datagram: Buffer, exporter: _Exporter, received_ns: int | None
    ) -> tuple[bytes, bytes | None, list[_Note], _Taken, _Taken, int, bytes, _Taken]: ...
    def feed_many(
        self,
        datagrams: Sequence[Buffer],
        exporters: _Exporter | Sequence[_Exporter],
        received_ns: int | Sequence[int] | None = None,
    ) -> int: ...
    def feed_at(
        self,
        buffer: Buffer,
        offsets: Buffer,
        lengths: Buffer,
        exporters: _Exporter | Sequence[_Exporter],
        received_ns: int | Buffer | None = None,
    ) -> int: ...
    def _feed_reader(self, reader: Reader, most: int = ...) -> tuple[int, bool]: ...
