from typing import Final

KINDS: Final[dict[str, int]]
