from typing import Final, Self

from typing_extensions import disjoint_base

from flowparse._layout import Layout

KIND_OF: Final[dict[str, int]]

@disjoint_base
class Face:
    def __new__(cls, layout: Layout) -> Self: ...
