from typing import Self

from typing_extensions import disjoint_base

_Sequence = tuple[int, int, int, int, int, int, int, int, int, int, int, int, int]
_Agent = tuple[bytes, list[bytes], int | None, int | None, int, int, list[_Sequence]]

@disjoint_base
class AgentTable:
    def __new__(cls, *, agents: int, data_sources: int, datagram_gap: int = 1000, sample_gap: int = 50) -> Self: ...
    def hear_block(
        self, octets: bytes, offsets: bytes, lengths: bytes, received: bytes, sources: list[bytes | None]
    ) -> None: ...
    def hear_datagram(
        self,
        agent: bytes,
        source: bytes | None,
        sub_agent: int,
        sequence: int,
        uptime_ms: int,
        received_ns: int | None,
        samples: list[tuple[int, int, int, int, int, int, int]],
    ) -> None: ...
    def check_memory(self) -> None: ...
    def read(self) -> list[_Agent]: ...
    def limits_met(self) -> tuple[int, int]: ...
