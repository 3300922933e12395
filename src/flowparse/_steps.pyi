from typing import Final

KERNEL_OF: Final[dict[str, dict[tuple[int, int], int]]]

def kernel_of(name: str, wire: int, memory: int) -> int | None: ...
