from typing import Any, Final, Self

from typing_extensions import disjoint_base

OCTETS: Final[dict[str, int]]
TEXTS: Final[dict[str, int]]
INDEXES: Final[dict[str, int]]

@disjoint_base
class Held: ...

@disjoint_base
class Type: ...

@disjoint_base
class Source: ...

@disjoint_base
class Array: ...

@disjoint_base
class Cursor:
    def __new__(cls, arrays: list[Any]) -> Self: ...
