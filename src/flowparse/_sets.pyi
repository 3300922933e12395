from typing import Any, TypeAlias

from typing_extensions import disjoint_base

from flowparse._columns import Account
from flowparse._decode import Walker
from flowparse._lookup import Names, Rates
from flowparse._plan import Plan
from flowparse.limits import Limits

def templates_in(datagram: bytes) -> list[tuple[int, int, bool, bytes, int]]: ...

_Known: TypeAlias = tuple[
    int,
    dict[int, int],
    Rates | None,
    Rates | None,
    tuple[Names | None, Names | None, Names | None, Names | None],
    int | None,
]

@disjoint_base
class SetWalker(Walker):
    def _configure(self, limits: Limits, **rules: Any) -> None: ...
    @property
    def _options_account(self) -> Account: ...
    def _make_program(self, octets: bytes, protocol: int, is_options: bool) -> tuple[Plan, bool, int, int] | None: ...
    def _learn(
        self, identity: bytes, protocol: int, domain: int, lessons: list[tuple[bytes, bytes]]
    ) -> tuple[bool, list[int], int]: ...
    def _inform(self, identity: bytes, protocol: int, domain: int) -> _Known: ...
