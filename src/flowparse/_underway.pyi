from typing import Any

from typing_extensions import disjoint_base

from flowparse._columns import Account
from flowparse._decode import Walker
from flowparse.limits import Limits

@disjoint_base
class MessageWalker(Walker):
    def _configure(self, limits: Limits, **rules: Any) -> None: ...
    @property
    def _options_account(self) -> Account: ...
