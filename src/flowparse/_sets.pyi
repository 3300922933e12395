from typing import Any

from typing_extensions import disjoint_base

from flowparse._columns import Account
from flowparse._decode import Walker
from flowparse._plan import Plan
from flowparse.limits import Limits

def templates_in(datagram: bytes) -> list[tuple[int, int, bool, bytes, int]]: ...

@disjoint_base
class SetWalker(Walker):
    def _configure(self, limits: Limits, **rules: Any) -> None: ...
    @property
    def _options_account(self) -> Account: ...
    def _make_program(self, octets: bytes, protocol: int, is_options: bool) -> tuple[Plan, bool, int, int] | None: ...
    def _learn(
        self, identity: bytes, protocol: int, domain: int, lessons: list[tuple[bytes, bytes]]
    ) -> tuple[list[int], int]: ...
    def _template_rate(self, identity: bytes, protocol: int, domain: int, id: int) -> int: ...
    def _set_rates(
        self,
        identity: bytes,
        rates: dict[tuple[int, int], int],
        of_templates: dict[tuple[int, int, int], int],
        agreed: int,
    ) -> None: ...
