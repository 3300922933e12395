from typing import TypeAlias

from typing_extensions import disjoint_base

from flowparse._lookup import Names, Rates
from flowparse._plan import Plan
from flowparse._underway import MessageWalker

_Known: TypeAlias = tuple[
    int,
    dict[int, int],
    Rates | None,
    Rates | None,
    tuple[Names | None, Names | None, Names | None, Names | None],
    int | None,
]

@disjoint_base
class LearningWalker(MessageWalker):
    def _make_program(self, octets: bytes, protocol: int, is_options: bool) -> tuple[Plan, bool, int, int] | None: ...
    def _learn(
        self, identity: bytes, protocol: int, domain: int, lessons: list[tuple[bytes, bytes]]
    ) -> tuple[bool, list[int], int]: ...
    def _inform(self, identity: bytes, protocol: int, domain: int) -> _Known: ...
