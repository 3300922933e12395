from typing import Final

KEY_FIELDS: Final[tuple[tuple[str, int, int], ...]]
KEY_OCTETS: Final[int]
OPS: Final[dict[str, tuple[int, int]]]
