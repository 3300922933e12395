"""The octets of a saved state, read from front to back."""

from __future__ import annotations

from struct import Struct

from .errors import StateError

__all__ = ["Octets"]


class Octets:
    """Octets and how many of them were read.

    Parameters
    ----------
    octets : bytes
    """

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def take(self, n: int) -> bytes:
        """The next n octets.

        Raises
        ------
        StateError
            There are fewer; whoever reads a count believes it no further than that.
        """
        left = len(self._octets) - self._at
        if n > left:
            raise StateError(f"at offset {self._at} {n} octets are needed, {left} are left")
        self._at += n
        return self._octets[self._at - n : self._at]

    def read(self, struct: Struct) -> tuple[int, ...]:
        """The numbers of a struct."""
        return struct.unpack(self.take(struct.size))

    def wrong(self, what: str) -> StateError:
        """What to raise about the octets read last."""
        return StateError(f"{what}, before offset {self._at}")

    def end(self) -> None:
        """See that all was read."""
        if self._at < len(self._octets):
            raise StateError(f"{len(self._octets) - self._at} octets too many at offset {self._at}")
