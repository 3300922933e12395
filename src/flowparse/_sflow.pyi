from collections.abc import Sequence
from typing import Final, Self

from typing_extensions import disjoint_base

from flowparse._plan import Plan

KEY_FIELDS: Final[tuple[tuple[str, int, int], ...]]
KEY_OCTETS: Final[int]
OPS: Final[dict[str, tuple[int, int]]]

@disjoint_base
class Sflow:
    def __new__(cls, structures: Sequence[tuple[int, int, int, Sequence[tuple[str, int, int]]]]) -> Self: ...
    def set_flow(self, plan: Plan) -> None: ...
    def set_structure(self, structure: int, fields: int, plan: Plan) -> None: ...
