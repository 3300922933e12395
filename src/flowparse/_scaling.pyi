from flowparse._pack import Octets
from flowparse._values import Chunk

def estimates(
    chunk: Chunk, octets: int = -1, packets: int = -1, rate: int = -1, default_rate: int = 0
) -> list[Octets]: ...
