"""Datagrams that wait to be read, as rows and as records: each once, and neither for ever."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from types import MappingProxyType

from ..events import Event
from .datagrams import Block

__all__ = ["RECORDS", "ROWS", "Waiting"]

ROWS, RECORDS = 0, 1
WORDS = ("rows", "records")


class Waiting:
    """Blocks in order, and how far each of the two readers is.

    A block leaves when both have read it; when one reader has read twice since it came while the
    other never did; or when more octets are held than `most_octets`.
    """

    def __init__(self, most_octets: int) -> None:
        self._most_octets = most_octets
        self._blocks: deque[Block] = deque()
        self._first = 0  # ordinal of the first block that is held
        self._octets = 0
        self._read = [0, 0]  # ordinals of the next block of each reader
        self._asked = [0, 0]  # where the blocks ended when each reader asked last
        self._lost = [0, 0]  # datagrams that nobody had asked for twice
        self._told = [False, False]
        self._dropped = 0

    def add(self, block: Block) -> None:
        """Hold a block; the oldest go when too much is held."""
        self._blocks.append(block)
        self._octets += len(block.octets)
        while self._octets > self._most_octets:
            self._dropped += len(self._blocks[0])
            self._let_go()

    def _let_go(self) -> None:
        self._octets -= len(self._blocks.popleft().octets)
        self._first += 1
        self._read = [max(at, self._first) for at in self._read]

    def read(self, reader: int) -> Iterator[Block]:
        """The blocks that a reader has not had; those that it does not reach are there at its next call."""
        other = 1 - reader
        end = self._first + len(self._blocks)
        if end == self._asked[reader]:
            return self._unread(reader)  # nothing has come since
        while self._read[other] < min(self._asked[reader], self._read[reader]):
            self._lost[other] += len(self._blocks[self._read[other] - self._first])
            self._read[other] += 1
        self._asked[reader] = end
        return self._unread(reader)

    def _unread(self, reader: int) -> Iterator[Block]:
        while self._read[reader] < self._first + len(self._blocks):
            block = self._blocks[self._read[reader] - self._first]
            self._read[reader] += 1
            while self._first < min(self._read):
                self._let_go()
            yield block

    def events(self) -> list[Event]:
        """What was dropped since the last call."""
        told = []
        if self._dropped:
            told.append(
                Event(
                    code="output_dropped",
                    severity="error",
                    message=f"{self._dropped} datagrams dropped: Limits.column_octets is met; read them more often",
                    detail=MappingProxyType({"datagrams": self._dropped}),
                )
            )
            self._dropped = 0
        for reader, lost in enumerate(self._lost):
            if lost and not self._told[reader]:
                self._told[reader] = True
                told.append(
                    Event(
                        code="output_dropped",
                        severity="info",
                        message=f"{WORDS[reader]} are not read, and not kept: of {lost} datagrams so far",
                        detail=MappingProxyType({"datagrams": lost}),
                    )
                )
        return told
