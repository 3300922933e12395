from typing import Any, Final

from typing_extensions import Buffer

TUNNELS: Final[tuple[str | None, ...]]

def packet_of(octets: Buffer, protocol: int = 1) -> dict[str, Any]: ...
