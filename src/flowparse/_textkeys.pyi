from collections.abc import Sequence
from typing import Self

from typing_extensions import disjoint_base

DATAGRAM_SLOTS: tuple[str, ...]
SAMPLE_SLOTS: tuple[str, ...]
MARKS: dict[str, int]
KINDS: dict[str, int]

_Form = tuple[str, int, int, Sequence[int], Sequence[int], int, int, bytes | None]
_Key = tuple[int | None, bytes, str, str, int]

@disjoint_base
class Keys:
    def __new__(cls, forms: Sequence[_Form], keys: Sequence[_Key]) -> Self: ...
