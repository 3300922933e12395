from collections.abc import Callable, Sequence
from typing import Any, Literal, Self

from typing_extensions import disjoint_base

NAMES: tuple[tuple[str, ...], ...]

_Structure = tuple[str, int, int, str, tuple[str, ...], Sequence[str]]

@disjoint_base
class Maker:
    def __new__(
        cls,
        classes: Sequence[type],
        structures: Sequence[_Structure],
        plain: Callable[[bytes, Literal["flow", "counter"]], Any],
        decimals: Callable[[float], float],
        samples_per_datagram: int,
        records_per_sample: int,
    ) -> Self: ...
    def datagram(
        self, octets: bytes, start: int, length: int, source: str | None = None, notices: tuple[Any, ...] = ()
    ) -> Any: ...
