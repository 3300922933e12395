from collections.abc import Sequence
from typing import Self

from typing_extensions import disjoint_base

from flowparse._plan import Plan

@disjoint_base
class Sflow:
    def __new__(cls, structures: Sequence[tuple[int, int, int, Sequence[tuple[str, int, int, int]]]]) -> Self: ...
    def set_flow(self, plan: Plan) -> None: ...
    def set_structure(self, structure: int, fields: int, plan: Plan) -> None: ...
